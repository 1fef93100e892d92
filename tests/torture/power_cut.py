"""
Power cuts 断电: a node on a disk that forgets what was not synced, under SQLite and under PostgreSQL.

The node's whole data folder lies on that disk (``disk.py``), PostgreSQL's cluster too. A child process starts the real
node, checks everything that was promised before, then takes bids until the power goes; each receipt reaches the parent
the moment it is signed. Some cuts fall into the start itself, the first one included, when keys and tables are made.
"""

from __future__ import annotations

import logging
import os
import random
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg

from adapters import postgres
from torture import invariants
from torture.apart import Child, apart, catalogue
from torture.disk import Disk, mounted
from torture.harness import Part, Run, Said
from tradehall.adapters import keyfolder, vault
from tradehall.adapters.sql import engines, store
from tradehall.bench.hall import BEGIN, Hall, Party, announce, enrol, read
from tradehall.desk.accept import Accepted, Filing
from tradehall.desk.sequencer import Sequencer
from tradehall.kernel.record import Record
from tradehall.main import Node, Settings, build_node

RECOVERY_SECONDS = 5.0
CYCLES_SHORT = 10
"""Of each database; a life in the long form has as many."""

CONTROL_CYCLES = 8
START_CUTS = 0.3
"""Share of the cuts that fall into a start."""


def no_fsync_of_files() -> None:
    vault.os = SimpleNamespace(**{**vars(os), "fsync": lambda _handle: None})  # type: ignore[attr-defined]


def no_fsync_of_names() -> None:
    vault.sync_folder = lambda _folder: None
    vault.make_folder = lambda folder: folder.mkdir(exist_ok=True)


def no_fsync_of_keys() -> None:
    keyfolder.write_file = lambda path, data: path.write_bytes(data)
    keyfolder.sync_folder = lambda _folder: None


def sqlite_runs(level: str) -> Callable[[], None]:
    """Return a mutant under which SQLite runs with another ``synchronous``, and the check at start is gone."""

    def applied() -> None:
        made = engines._sqlite_engine

        def weaker(url: str, begin: str, size: int, pragmas: tuple[str, ...]) -> Any:
            return made(url, begin, size, (*pragmas, f"synchronous={level}"))

        engines._sqlite_engine = weaker
        store.assert_durable = lambda _engine: None

    return applied


def unchecked() -> None:
    """The check at start is gone."""
    store.assert_durable = lambda _engine: None


@dataclass(frozen=True)
class World:
    """Where a node lives: its database, what of it is switched off, and how PostgreSQL runs."""

    name: str
    postgres: bool = False
    mutant: Callable[[], None] | None = None
    settings: str = ""


SQLITE, POSTGRES = World("SQLite"), World("PostgreSQL", postgres=True)
CONTROLS = (
    World("SQLite runs synchronous=OFF", mutant=sqlite_runs("OFF")),
    World("SQLite runs synchronous=NORMAL", mutant=sqlite_runs("NORMAL")),
    World("PostgreSQL runs fsync=off", postgres=True, mutant=unchecked, settings="-c fsync=off"),
    World("the vault does not sync its files", mutant=no_fsync_of_files),
    World("the vault does not sync the names of its files", mutant=no_fsync_of_names),
    World("the key folder does not sync its files", mutant=no_fsync_of_keys),
)


@dataclass
class Life:
    """What is known of a node outside of it: receipts it gave, and the tender that takes bids."""

    receipts: list[dict[str, Any]] = field(default_factory=list)
    last: list[tuple[Mapping[str, Any], dict[str, Any]]] = field(default_factory=list)
    hall: tuple[Any, ...] | None = None
    cycle: int = 0


# --- in the child -----------------------------------------------------------------------------------------------


def live(pipe: Connection, world: World, settings: Settings, life: Life, scratch: Path) -> None:
    """Start the node, check what it promised before, and take bids until the power goes."""
    if world.mutant is not None:
        world.mutant()
    begun = time.monotonic()
    node = build_node(settings, catalogue=catalogue())
    pipe.send(("up", time.monotonic() - begun))
    sequencer = Sequencer(node.door, node.witnessing)
    pipe.send(("checked", check(node, sequencer, life)))
    if life.hall is None:
        hall = announce(node, scratch)
        pipe.send(("hall", (hall.tender, hall.terms, hall.answers)))
    else:
        hall = Hall(node, scratch, *life.hall)
    bidder = enrol(node, 50, "投标单位（虚构）")
    chance = random.Random(life.cycle)
    while True:
        take_bids(pipe, hall, sequencer, [read_wire(raw) for raw in hall.commitments(chance.randint(1, 12))])
        hand_in(pipe, hall, sequencer, bidder)


def check(node: Node, sequencer: Sequencer, life: Life) -> list[str]:
    log = invariants.read_log(node)
    return [
        *invariants.tree_stands(log),
        *invariants.receipts_stand(node, log, life.receipts),
        *invariants.each_once(log),
        *invariants.state_is_fold(node, log),
        *invariants.vault_stands(node, log),
        *invariants.repeats_alike(node, sequencer, life.last),
    ]


def read_wire(raw: bytes) -> Record:
    import json

    return read(json.loads(raw))


def take_bids(pipe: Connection, hall: Hall, sequencer: Sequencer, records: list[Record]) -> None:
    """File records in one batch and tell the parent of every receipt."""
    for record, answer in zip(records, sequencer.settle([Filing(r) for r in records]), strict=True):
        if not isinstance(answer.outcome, Accepted):
            raise TypeError(f"{record.family} refused: {answer.outcome.code}")
        pipe.send(("receipt", (record.wire(), answer.receipt)))


def hand_in(pipe: Connection, hall: Hall, sequencer: Sequencer, bidder: Party) -> None:
    """Seal a bid, commit to it, upload it in two parts as over the wire, and file its ciphertext."""
    bid = hall.seal(bidder, "18600000.00")
    take_bids(pipe, hall, sequencer, [hall._of_bid("bid_commitment", bid, bid.commitment)])
    place, ident = Path(bid.ciphertext), f"{bidder.id}|{bid.sha256}"
    data = place.read_bytes()
    place.unlink()
    for start, part in ((0, data[: len(data) // 2]), (len(data) // 2, data[len(data) // 2 :])):
        hall.node.vault.append(ident, start, part)
    if not hall.node.vault.finish(ident, bid.sha256, secret=True):
        raise AssertionError("the upload has another digest")
    take_bids(pipe, hall, sequencer, [hall._ciphertext(bid)])


# --- in the parent ----------------------------------------------------------------------------------------------


class Server:
    """PostgreSQL on a cluster that lies on the disk."""

    def __init__(self, disk: Disk, scratch: Path, settings: str) -> None:
        self.data = disk.folder / "pg"
        self.data.mkdir(mode=0o700)
        self._servant = postgres._servant(self.data)
        self._sockets = Path(tempfile.mkdtemp(dir=scratch))
        postgres._servant(self._sockets)
        self._programs = postgres._programs(self._sockets, self._servant)
        postgres._run(self._servant, self._programs / "initdb", f"--pgdata={self.data}", *postgres.QUICK)
        self._options = (
            f"{postgres.SETTINGS} -c unix_socket_directories={self._sockets} -c max_wal_size=4MB -c min_wal_size=2MB "
            f"-c checkpoint_timeout=30s {settings}"
        ).split()
        # What a careful installation does once; the cuts come after.
        disk.sync()
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"postgresql+psycopg://postgres@/postgres?host={self._sockets}"

    def start(self) -> None:
        """Start it and wait until it has recovered. Raises RuntimeError where it does not."""
        lock = self.data / "postmaster.pid"
        if lock.exists() and not lock.read_bytes()[:1].isdigit():
            lock.unlink()  # as PostgreSQL asks an operator to: with fsync=off the cut may leave it empty
        log = (self._sockets / "log").open("ab")
        self._process = subprocess.Popen(
            [self._programs / "postgres", "-D", self.data, *[w.strip("'") for w in self._options]],
            stdout=log,
            stderr=log,
            **self._servant,
        )
        log.close()
        until = time.monotonic() + 20
        while True:
            try:
                psycopg.connect(host=str(self._sockets), user="postgres", dbname="postgres").close()
            except psycopg.OperationalError as error:
                if self._process.poll() is not None or time.monotonic() > until:
                    tail = (self._sockets / "log").read_text("utf-8", "replace")[-600:]
                    raise RuntimeError(f"PostgreSQL does not start: {tail}") from error
                time.sleep(0.02)
            else:
                return

    def kill(self) -> None:
        """End all its processes at once."""
        if self._process is None:
            return
        family = [self._process.pid, *_children(self._process.pid)]
        for pid in family:
            with _gone():
                os.kill(pid, signal.SIGKILL)
        self._process.wait()
        while any(Path(f"/proc/{pid}/fd").exists() and _is_alive(pid) for pid in family):
            time.sleep(0.002)
        self._process = None


@contextmanager
def _gone() -> Iterator[None]:
    try:
        yield
    except ProcessLookupError:
        return


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def _children(parent: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if int((entry / "stat").read_text().rpartition(")")[2].split()[1]) == parent:
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


@dataclass
class Seen:
    """What the cycles of one world have shown."""

    cycles: int = 0
    receipts: int = 0
    proved: int = 0
    files: int = 0
    lost_blocks: int = 0
    lost_names: int = 0
    slowest: float = 0.0
    broken: list[str] = field(default_factory=list)


def live_through(world: World, cycles: int, seed: str) -> Seen:
    """Let one node live through power cuts; stops at the first that broke a promise."""
    chance, seen, life = random.Random(seed), Seen(), Life()
    # PostgreSQL runs as another user, who has to reach its folder; the folder of the run is closed to others.
    with (
        tempfile.TemporaryDirectory(prefix="thcut-") as place,
        mounted(Path(place) / "disk", chance.getrandbits(32)) as disk,
    ):
        scratch = Path(place)
        scratch.chmod(0o711)
        server = Server(disk, scratch, world.settings) if world.postgres else None
        try:
            for life.cycle in range(cycles + 1):
                _cycle(world, disk, server, life, seen, chance, scratch, last=life.cycle == cycles)
                if seen.broken:
                    break
        finally:
            if server is not None:
                server.kill()
    return seen


def _cycle(
    world: World,
    disk: Disk,
    server: Server | None,
    life: Life,
    seen: Seen,
    chance: random.Random,
    scratch: Path,
    *,
    last: bool,
) -> None:
    """Start, check, take bids, cut. The last one only checks."""
    begun = time.monotonic()
    try:
        if server is not None:
            server.start()
    except RuntimeError as broken:
        seen.broken.append(f"cycle {life.cycle}: {broken}")
        return
    started = time.monotonic() - begun
    at = datetime.fromisoformat(BEGIN) + timedelta(minutes=5 * life.cycle)
    settings = Settings(
        data=disk.folder / "node",
        database=server.url if server else "",
        sandbox_start=at.isoformat(),
        sandbox_rate=1,
        decoys=64,
    )
    # A cut in the start comes some milliseconds after the fork; any other one when receipts have come for a while.
    soon = not last and chance.random() < START_CUTS
    until = time.monotonic() + chance.uniform(0.0, 0.4) if soon else None
    child = Child(live, world, settings, life, scratch)
    try:
        _listen(child, life, seen, started, until, chance, last=last)
    finally:
        disk.cut()
        # Sometimes the processes live on for a moment on a disk that answers nothing but errors: case 11.
        time.sleep(chance.choice((0.0, 0.0, 0.1)))
        child.kill()
        for said in child.rest():
            if said[0] != "failed":  # on such a disk a node may well fail
                _note(said, life, seen, started)
        if server is not None:
            server.kill()
    lost = disk.lose()
    seen.lost_blocks += lost["blocks"]
    seen.lost_names += lost["names"]
    seen.cycles += not last


def _listen(
    child: Child, life: Life, seen: Seen, started: float, until: float | None, chance: random.Random, *, last: bool
) -> None:
    while until is None or time.monotonic() < until:
        try:
            said = child.said(30.0 if until is None else max(0.0, until - time.monotonic()))
        except EOFError:
            return
        if said is None:
            if until is None:
                seen.broken.append(f"cycle {life.cycle}: the node says nothing for 30 s")
            return
        _note(said, life, seen, started)
        if said[0] == "failed" or (last and said[0] == "checked"):
            return
        if said[0] == "receipt" and until is None:
            until = time.monotonic() + chance.uniform(0.02, 0.5)


def _note(said: tuple[str, Any], life: Life, seen: Seen, started: float) -> None:
    kind, what = said
    match kind:
        case "up":
            seen.slowest = max(seen.slowest, started + what)
        case "checked":
            seen.proved += len(life.receipts)
            seen.broken += [f"cycle {life.cycle}: {broken}" for broken in what]
        case "hall":
            life.hall = what
        case "receipt":
            wire, receipt = what
            seen.receipts += 1
            seen.files += receipt["receipt"]["family"] == "sealed_bid"
            life.receipts.append(receipt)
            life.last = [*life.last[-2:], (wire, receipt)]
        case "failed":
            seen.broken.append(f"cycle {life.cycle}: {what[-700:]}")


# --- the part ---------------------------------------------------------------------------------------------------


def body(run: Run) -> None:
    logging.disable(logging.CRITICAL)  # connections that are lost at a cut are no news
    slowest, number = 0.0, 0
    while number < 2 or (run.long and run.left() > 60):
        world = (SQLITE, POSTGRES)[number % 2]
        seen = live_through(world, CYCLES_SHORT, f"{run.seed}/{number}")
        number += 1
        run.count(f"power cuts under {world.name}", seen.cycles)
        run.count("receipts signed", seen.receipts)
        run.count("receipts proved again after cuts", seen.proved)
        run.count("sealed files named by receipts", seen.files)
        run.count("unsynced blocks of 4 KiB lost", seen.lost_blocks)
        run.count("unsynced names lost", seen.lost_names)
        slowest = max(slowest, seen.slowest)
        for broken in seen.broken:
            run.breaks(f"{world.name}, life {number - 1}, {broken}")
        run.say(f"{world.name}: {seen.cycles} cuts, {seen.receipts} receipts, {len(seen.broken)} broken")
    run.figure("slowest start after a cut", slowest, "s", most=RECOVERY_SECONDS)
    for number, world in enumerate(CONTROLS):
        seen = live_through(world, CONTROL_CYCLES, f"{run.seed}/control/{number}")
        how = seen.broken[0].splitlines()[-1] if seen.broken else "nothing was lost"
        run.control(world.name, caught=bool(seen.broken), how=how)


def torture(run: Run) -> None:
    apart(run, body)


PART = Part(
    name="power-cut",
    title=Said("断电", "Power cut"),
    promise=Said(
        "签发过的每份回执在任意时刻断电之后仍在日志中，内容与时间不变，可证明包含于日志；所附文件完整；五秒内恢复。",
        "After a power cut at any moment every receipt that was signed is in the journal with the same bytes and time "
        "and proves inclusion, its files are whole, and the node is back within five seconds.",
    ),
    cases=(10, 11),
    run=torture,
    short=80,
    weight=3,
)
