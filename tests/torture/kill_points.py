"""
Killed at every write 逐点击杀: each act of a tender is played over HTTP on a real node that is killed before its Nth
writing call, for N = 1, 2, 3 … until the act ends by itself; and again with that call failing as on a full or a broken
disk. Then a fresh node on the same folder must keep every promise, and whoever acted sends the same once more.

What is sent was signed beforehand, once, so that a repeated record is the same record.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import shutil
import socket
import sqlite3
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

import structlog
from litestar.testing import TestClient
from sqlalchemy.exc import OperationalError

from adapters.making import quick_folder
from storytelling.people import FIRST_INSTANT, PUBLIC_URL, Cast
from storytelling.script import Line, read_story
from storytelling.stage import RENDERER, Stage
from storytelling.ways import Denied, HttpWay, fill_template, node_settings
from torture import calls, invariants
from torture.apart import Child, apart, catalogue
from torture.harness import Part, Run, Said
from tradehall.adapters import keyfolder
from tradehall.adapters.sql import store
from tradehall.adapters.vault import FolderVault
from tradehall.cli import client
from tradehall.cli.client import Refused, Unavailable
from tradehall.desk.accept import Accepted, Door
from tradehall.kernel.case import legal_date
from tradehall.kernel.record import read_record
from tradehall.main import build_context, build_node
from tradehall.web.app import build_app
from tradehall.web.site import HANDLERS

RECOVERY_SECONDS = 5.0
WORKERS = 2
LIFT = "/dev/null"
"""Writing there tells the supervisor that the disk is well again."""

_GUARANTEE = """\
security 390000.00
continues announced
2026-03-16T10:00:00+08:00 bidder/alpha applies for a guarantee of 390000.00 for L1
2026-03-16T10:03:00+08:00 bank approves the guarantee of bidder/alpha
2026-03-16T10:04:00+08:00 bank notes the premium of bidder/alpha
"""
_OPENING = """\
2026-03-25T09:30:00+08:00 centre opens the bids
2026-03-25T09:31:00+08:00 bidder/alpha,beta,gamma releases the key
2026-03-25T09:35:00+08:00 centre discloses the bids
2026-03-25T09:40:00+08:00 centre closes the opening
"""
_SCORING = """\
2026-03-25T15:01:00+08:00 member/1 commits the scores for L1
2026-03-25T15:10:00+08:00 member/1 shows the scores for L1
"""
ACTS = {
    "submit": (
        "continues announced\n",
        "2026-03-24T15:05:00+08:00 bidder/alpha hands in a bid of 18600000.00 for L1\n",
    ),
    "withdraw": ("continues three_bids\n", "2026-03-24T16:00:00+08:00 bidder/alpha withdraws the bid\n"),
    "open": ("continues three_bids\n", _OPENING),
    "reveal": (
        "continues three_bids\n2026-03-25T09:30:00+08:00 centre opens the bids\n",
        "2026-03-25T09:31:00+08:00 bidder/alpha releases the key\n",
    ),
    "score": ("continues running\n2026-03-25T15:00:00+08:00 member/2..5 commits the scores for L1\n", _SCORING),
    "award": ("continues displayed\n", "2026-03-31T09:00:00+08:00 tenderer awards L1 to rank 1\n"),
    "issue letter": (_GUARANTEE, "2026-03-16T10:08:00+08:00 bank issues the guarantee of bidder/alpha\n"),
}
WHOLE = ("submit", "award")
"""Acts of which the short form tries every point; of the others it takes points evenly."""

SAMPLED_SHORT, FAILED_SHORT = 6, 3


# --- mutants ----------------------------------------------------------------------------------------------------


def receipt_before_commit() -> None:
    """The answer goes out while the transaction is still open."""
    sign, signed = Door.receipt, dict[str, Any]()

    def accept_many(self: Door, filings: Any) -> Any:
        examined = [self.examine(f.record, legal_date(self.store.now())) for f in filings]
        opened = self.store.write()
        writing = opened.__enter__()
        at = self._instant(writing)
        outcomes = self._store(writing, self._judge_all(filings, examined, writing, at))
        signed.update({o.entry.record.digest: sign(self, o, writing) for o in outcomes if isinstance(o, Accepted)})
        threading.Timer(1.0, opened.__exit__, (None, None, None)).start()
        return outcomes

    Door.accept_many = accept_many
    Door.receipt = lambda self, o, reading: signed.get(o.entry.record.digest) or sign(self, o, reading)


def state_in_a_second_transaction() -> None:
    """Heads and facts are written behind the commit of the records."""
    late: list[Any] = []
    write = store.SqlStore.write
    store.SqlWriter.put = lambda _self, items: late.append(dict(items))

    @contextmanager
    def two(self: Any) -> Iterator[Any]:
        with write(self) as writing:
            yield writing
        with self._lane.transaction() as cursor:
            for items in late:
                cursor.executemany(self._sql.put, list(items.items()))
        late.clear()

    store.SqlStore.write = two


def name_before_content() -> None:
    """A file of the vault gets its name before all of it is written."""
    keep = FolderVault._keep

    def early(self: Any, file: Any, part: Path, path: Path) -> None:
        path.parent.mkdir(exist_ok=True)
        part.replace(path)
        keep(self, file, part, path)

    FolderVault._keep = early


def key_written_in_place() -> None:
    """A key is written under its name, and never over one that is there."""

    def write(path: Path, data: bytes) -> None:
        with path.open("xb") as file:
            file.write(data)

    keyfolder.write_file = write


@dataclass(frozen=True)
class Mutant:
    """A defence switched off, and the act in which that shows."""

    name: str
    act: str
    apply: Callable[[], None]


CONTROLS = (
    Mutant("the receipt is sent before the commit", "withdraw", receipt_before_commit),
    Mutant("the state is written in a second transaction", "withdraw", state_in_a_second_transaction),
    Mutant("a file gets its name before its content", "submit", name_before_content),
    Mutant("a key is written in place", "first start", key_written_in_place),
)


# --- scenes -----------------------------------------------------------------------------------------------------


class Recorder:
    """A way that sends nothing: it writes down what would be sent, and reads through to a real one."""

    def __init__(self, real: Any) -> None:
        self._real = real
        self.steps: list[tuple[Any, ...]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def advance(self, to: datetime) -> None:
        self.steps.append(("advance", to))

    def upload(self, who: Any, data: bytes, *, sealed: bool) -> None:
        self.steps.append(("upload", who, data, sealed))

    def file(self, who: Any, record: Any, key: str = "") -> dict[str, Any]:
        self.steps.append(("file", who, dict(record), key))
        return {"receipt": {"record": read_record(record).digest}}

    def act(self, who: Any, case: str, act: str, body: Any) -> list[dict[str, Any]]:
        self.steps.append(("act", who, case, act, dict(body)))
        return []


@dataclass
class Scene:
    """An act about to be done: the node's folder before it, receipts given so far, and what will be sent."""

    name: str
    cast: Cast
    folder: Path
    at: datetime
    receipts: list[dict[str, Any]]
    steps: list[tuple[Any, ...]]
    told: Counter[str] = field(default_factory=Counter)
    trace: list[calls.Call] = field(default_factory=list)

    @property
    def points(self) -> int:
        return len(self.trace)

    @property
    def ended_at(self) -> datetime:
        """Instant at which the act is over; the node is back at no earlier one."""
        return max([self.at, *(step[1] for step in self.steps if step[0] == "advance")])


def prepare(name: str, cast: Cast, template: Path, folder: Path) -> Scene:
    """Play a story up to an act, and sign what the act will send."""
    folder.mkdir()
    before, act = ACTS[name]
    (folder / "before.txt").write_text("procedure open_tender\n" + before, "utf-8")
    (folder / "act.txt").write_text(act, "utf-8")
    story, lines = read_story(folder / "before.txt"), read_story(folder / "act.txt").lines
    data = Path(shutil.copytree(template, folder / "node"))
    way = HttpWay(cast, build_node(node_settings(data, story.start), catalogue=catalogue()))
    try:
        stage = Stage(story, way, cast, catalogue(), folder)
        stage.play()
        receipts = list(stage.receipts)
        recorder = Recorder(way)
        stage.way = recorder  # type: ignore[assignment]
        for line in lines:
            _write_down(stage, recorder, line)
    finally:
        way.close()
    assert lines[0].at is not None
    return Scene(name, cast, data, lines[0].at, receipts, recorder.steps)


def _write_down(stage: Stage, recorder: Recorder, line: Line) -> None:
    if line.at is not None and line.at > stage.at:
        stage.at = line.at
        recorder.advance(line.at)
    stage._tell(line)


def first_start(cast: Cast, folder: Path) -> Scene:
    """The scene in which a node starts for the first time, in an empty folder."""
    folder.mkdir()
    return Scene("first start", cast, folder, FIRST_INSTANT, [], [])


class Warm:
    """
    A node and its application that were started and let go of their database, so that children need not start them.

    Making the application takes longer than everything else together. Every copy of a scene comes to the same place.
    """

    def __init__(self, cast: Cast, template: Path, place: Path) -> None:
        self.cast = cast
        self.place = place
        self.data = place / "node"
        shutil.copytree(template, self.data)
        self._node = build_node(node_settings(self.data, FIRST_INSTANT), catalogue=catalogue())
        self._app = build_app(build_context(self._node), HANDLERS)
        self._node.store.close()
        shutil.rmtree(self.data)

    def way(self, at: datetime) -> HttpWay:
        """Return a way into the node, at an instant; only in a child."""
        self._node.clock.advance(at, at)  # type: ignore[union-attr]
        way = HttpWay.__new__(HttpWay)
        way._cast, way._node, way._operator = self.cast, self._node, self.cast["centre"]
        way._http = TestClient(self._app, base_url=PUBLIC_URL)
        way._http.__enter__()
        return way


# --- in the child -----------------------------------------------------------------------------------------------


def perform(
    pipe: Connection, theirs: socket.socket, scene: Scene, warm: Warm, mutant: Callable[[], None] | None
) -> None:
    """Do the act, every writing call under the eyes of the supervisor."""
    if mutant is not None:
        mutant()
    client.RETRY_SECONDS = ()
    if not scene.steps:
        _start(pipe, theirs, warm.data, scene.at)
    else:
        way = warm.way(scene.at)
        calls.arm(theirs)
        for number, step in enumerate(scene.steps):
            pipe.send(("answer", (number, _insist(pipe, way, step))))
    pipe.send(("done", None))
    os._exit(0)


def _start(pipe: Connection, theirs: socket.socket, data: Path, at: datetime) -> None:
    """Start a node; one whose disk fails ends here, and whoever started it tries again."""
    calls.arm(theirs)
    try:
        build_node(node_settings(data, at), catalogue=catalogue())
    except (OSError, sqlite3.OperationalError, OperationalError):
        pipe.send(("refuses", None))
        os._exit(0)


def _insist(pipe: Connection, way: HttpWay, step: tuple[Any, ...]) -> Any:
    """Do a step; when the node says that it can't now, have the disk mended and try once more."""
    try:
        return do(way, step)
    except (Unavailable, Refused, Denied) as refused:
        _assert_unavailable(refused)
        pipe.send(("unavailable", None))
    with Path(LIFT).open("wb", buffering=0) as lift:
        lift.write(b"!")
    try:
        return do(way, step)
    except (Unavailable, Refused, Denied) as refused:
        _assert_unavailable(refused)
        pipe.send(("refuses", None))
        os._exit(0)


def _assert_unavailable(refused: Exception) -> None:
    """Raise what is anything but a 503."""
    if not isinstance(refused, Unavailable) and getattr(refused, "code", "") != "UNAVAILABLE":
        raise refused


def do(way: Any, step: tuple[Any, ...]) -> Any:
    """Send one thing and return what came back: a receipt, or digests of records."""
    kind, *rest = step
    if kind == "upload":
        who, content, sealed = rest
        return way.upload(who, content, sealed=sealed)
    answer = getattr(way, kind)(*rest)
    return [r["digest"] for r in answer] if kind == "act" else answer


def recover(pipe: Connection, scene: Scene, warm: Warm, answers: dict[int, Any]) -> None:
    """Start afresh, check every promise, send everything once more, and check again."""
    begun = time.monotonic()
    node = build_node(node_settings(warm.data, scene.ended_at), catalogue=catalogue())
    took = time.monotonic() - begun
    log = invariants.read_log(node)
    given = scene.receipts + [a for a in answers.values() if isinstance(a, dict) and "receipt" in a]
    broken = invariants.everything(node, given, log)
    stand = {entry.record.digest for entry in log.entries.values()}
    told = [d for a in answers.values() if isinstance(a, list) for d in a]
    broken += [f"I5: the record {d} that was told is gone" for d in told if d not in stand]
    way = warm.way(scene.ended_at) if scene.steps else None
    for number, step in enumerate(scene.steps):
        answer = do(way, step)
        if step[0] == "file":
            given.append(answer)
            if number in answers and _text(answer) != _text(answers[number]):
                broken.append(f"I3: step {number} of {scene.name} has another receipt when sent again")
    log = invariants.read_log(node)
    broken += invariants.everything(node, given, log)
    families = Counter(e.record.family for e in log.entries.values())
    if scene.told and families != scene.told:
        broken.append(f"{scene.name} ended with {families - scene.told or scene.told - families} more or less")
    pipe.send(("recovered", (took, broken, families)))
    os._exit(0)


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


# --- in the workers ---------------------------------------------------------------------------------------------


@dataclass
class Point:
    """What one point has shown."""

    ended: bool
    calls: int
    took: float
    broken: list[str]
    families: Counter[str]
    trace: list[calls.Call]
    said: Counter[str]


Decide = Callable[[calls.Call], int | None]


def at_point(scene: Scene, warm: Warm, decide: Decide, mutant: Callable[[], None] | None = None) -> Point:
    """Do an act on a copy of its folder under one decision, then recover from what is left."""
    shutil.copytree(scene.folder, warm.data)
    trace: list[calls.Call] = []

    def seen(call: calls.Call) -> int | None:
        trace.append(call)
        return decide(call)

    try:
        with calls.wire() as (ours, theirs):
            child = Child(perform, theirs, scene, warm, mutant)
            theirs.close()
            count = calls.supervise(ours, child.pid, seen)
            said = child.rest()
        answers = dict(what for kind, what in said if kind == "answer")
        broken = [str(what)[-600:] for kind, what in said if kind == "failed"]
        recovery = Child(recover, scene, warm, answers).rest()
    finally:
        shutil.rmtree(warm.data)
    took, more, families = next((what for kind, what in recovery if kind == "recovered"), (0.0, None, Counter()))
    if more is None:
        more = [str(what)[-600:] for kind, what in recovery if kind == "failed"] or ["the node ended without a word"]
    kinds = Counter(kind for kind, _ in said)
    return Point("done" in kinds, count, took, broken + more, families, trace, kinds)


def kill_at(number: int) -> Decide:
    return lambda call: -1 if call.number == number else None


def fail_from(number: int, error: int, data: Path) -> Decide:
    """Return a decision by which calls on files of the node fail from one on, until the disk is mended."""
    mended = False

    def decide(call: calls.Call) -> int | None:
        nonlocal mended
        mended = mended or call.path == LIFT
        return error if call.number >= number and not mended and call.path.startswith(str(data)) else None

    return decide


Job = tuple[str, int, int]
"""Kind (``kill`` or an error's name), number of the call, and the scene's place in the list."""


def work(pipe: Connection, scenes: Sequence[Scene], jobs: Sequence[Job], warm: Warm, until: float) -> None:
    """Do jobs one after another; what each has shown goes to the parent."""
    for job in jobs:
        if time.monotonic() > until:
            break
        kind, number, which = job
        decide = kill_at(number) if kind == "kill" else fail_from(number, getattr(errno, kind), warm.data)
        point = at_point(scenes[which], warm, decide)
        pipe.send((job, replace(point, trace=[])))
        # By chance an act may make more calls than it did undisturbed: go on until it ends by itself.
        while kind == "kill" and number > scenes[which].points and not point.ended:
            number += 1
            point = at_point(scenes[which], warm, kill_at(number))
            pipe.send(((kind, number, which), replace(point, trace=[])))


# --- the part ---------------------------------------------------------------------------------------------------


def body(run: Run) -> None:
    quiet()
    with tempfile.TemporaryDirectory(prefix="thkill-", dir=quick_folder()) as folder:
        cast, template = people(Path(folder))
        warm = [Warm(cast, template, Path(folder) / f"worker{n}") for n in range(WORKERS)]
        scenes = prepared(run, cast, template, Path(folder), warm[0])
        until = time.monotonic() + (run.left() - 60 if run.long else 3600)
        jobs = [job for which, scene in enumerate(scenes) for job in _jobs(run, which, scene)]
        jobs.sort(key=lambda job: job[0] != "kill")
        undone = set(jobs)
        slowest = 0.0
        children = [Child(work, scenes, jobs[n::WORKERS], warm[n], until) for n in range(WORKERS)]
        for job, point in _results(run, children):
            slowest = max(slowest, point.took)
            undone.discard(job)
            _count(run, scenes, job, point)
        run.figure("slowest start after a kill or a failed disk", slowest, "s", most=RECOVERY_SECONDS)
        if undone:
            kills = sum(kind == "kill" for kind, _, _ in undone)
            run.note(f"{kills} kills and {len(undone) - kills} failing disks of {len(jobs)} did not fit into the time.")
        controls(run, scenes, warm[0])
    RENDERER.close()


def quiet() -> None:
    """Thousands of requests and provoked failures: nobody reads what they log."""
    logging.disable(logging.CRITICAL)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


def people(folder: Path) -> tuple[Cast, Path]:
    """Make everybody, and a node in which everybody is registered."""
    cast = Cast(folder / "keys")
    (folder / "template").mkdir()
    return cast, fill_template(cast, catalogue(), folder / "template")


def prepared(run: Run, cast: Cast, template: Path, folder: Path, warm: Warm) -> list[Scene]:
    """Prepare every scene, and do each act once undisturbed: how many calls it makes, and what it ends with."""
    RENDERER.timeout_seconds = 60  # the letter is the bank's work, and this machine may be busy
    scenes = [prepare(name, cast, template, folder / sha256(name.encode()).hexdigest()[:8]) for name in ACTS]
    RENDERER.close()
    scenes.append(first_start(cast, folder / "first"))
    for scene in scenes:
        point = at_point(scene, warm, lambda _call: None)
        scene.told, scene.trace = point.families, point.trace
        if not point.ended or point.broken:
            run.breaks(f"{scene.name} undisturbed: {point.broken or 'did not end'}")
    return scenes


def _jobs(run: Run, which: int, scene: Scene) -> list[Job]:
    """Return what to do with an act: all points and the one behind them, or evenly chosen ones."""
    every = run.long or scene.name in WHOLE
    kills = range(1, scene.points + 2) if every else spread(range(1, scene.points + 1), SAMPLED_SHORT)
    on_files = [c.number for c in scene.trace if c.path and "/node/" in c.path]
    failures = on_files if run.long else spread(on_files, FAILED_SHORT)
    return [
        *(("kill", number, which) for number in kills),
        *((name, number, which) for number in failures for name in ("ENOSPC", "EIO")),
    ]


def spread(points: Sequence[int], count: int) -> list[int]:
    """Choose points evenly, the first and the last among them."""
    last = len(points) - 1
    return sorted({points[last * n // max(1, count - 1)] for n in range(count)}) if points else []


def _results(run: Run, children: Sequence[Child]) -> Iterator[tuple[Job, Point]]:
    """Yield what the workers say, whoever speaks first, until all have ended."""
    speaking = {child.pipe: child for child in children}
    while speaking:
        for pipe in wait(list(speaking)):
            child = speaking[pipe]  # type: ignore[index]
            try:
                said = child.said()
            except EOFError:
                del speaking[pipe]  # type: ignore[arg-type]
                child.rest()
                continue
            if said[0] == "failed":
                run.breaks(str(said[1]))
            else:
                yield said


def _count(run: Run, scenes: Sequence[Scene], job: Job, point: Point) -> None:
    kind, number, which = job
    scene = scenes[which]
    if kind == "kill":
        run.count(f"kills in {scene.name}" if not point.ended else "acts that ended by themselves")
    else:
        run.count(f"acts with a disk that fails by {kind}")
        run.count("answers that the node can't now", point.said["unavailable"])
        run.count("steps that it refused until it was started again", point.said["refuses"])
    for broken in point.broken:
        run.breaks(f"{scene.name}, {kind} at call {number} of {scene.points}: {broken}")


def controls(run: Run, scenes: Sequence[Scene], warm: Warm) -> None:
    for mutant in CONTROLS:
        scene = next(s for s in scenes if s.name == mutant.act)
        caught, tried = "", 0
        for number in range(1, scene.points + 20):
            point = at_point(scene, warm, kill_at(number), mutant.apply)
            tried += 1
            if point.broken:
                caught = f"kill {number}: {point.broken[0].strip().splitlines()[-1]}"
            if point.broken or point.ended:
                break
        run.control(mutant.name, caught=bool(caught), how=caught or f"nothing seen at {tried} points")


def torture(run: Run) -> None:
    apart(run, body)
    run.note("Publishing a standard is not among the acts: it comes with a later issue.")
    if not run.long:
        run.note(
            f"The short form tries every point of {' and '.join(WHOLE)}, and {SAMPLED_SHORT} evenly chosen points of "
            "each other act; the long form tries all points of all acts."
        )


PART = Part(
    name="kill-points",
    title=Said("逐点击杀", "Killed at every write"),
    promise=Said(
        "在递交、撤回、开标、解密、评分、定标、出函的任一次写入处进程被杀或磁盘写入失败，重启后不丢、不重、不半；五秒内恢复。",
        "Whichever writing call of submitting, withdrawing, opening, revealing, scoring, awarding and issuing a letter a "
        "node is killed at, or its disk fails at, nothing is lost, doubled or half done, and it is back in five seconds.",
    ),
    cases=(9, 11),
    run=torture,
    short=120,
    weight=3,
)
