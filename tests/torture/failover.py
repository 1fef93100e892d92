"""
Failover and restore 主备切换与恢复: the primary is killed under load, the old one comes back, backups are restored.

Real PostgreSQL servers replicate to one another (``adapters/replicas.py``); the node is the real one with a witness. In
each round bidders file through the sequencer and send again whatever got no answer; the primary is ended as by a crash,
the standby that received more is promoted, the other one follows it, and the node finds its way by itself. Then the
old primary comes back alone, with whatever it had committed for itself, and nodes that know only it ask it to write.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import shutil
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

from adapters.replicas import CONFIRMING, Replicas, Server, awaited, replicas
from torture.harness import Part, Run, Said
from torture.invariants import everything, read_log, receipts_stand
from tradehall.adapters.sql import fence as fences
from tradehall.adapters.sql.fence import Fence, FencedError
from tradehall.adapters.sql.store import SqlStore
from tradehall.bench.hall import BEGIN, Hall, announce, read
from tradehall.desk.accept import Filing
from tradehall.desk.sequencer import BatchFailed, Sequencer
from tradehall.desk.standing import standing
from tradehall.kernel.record import Record
from tradehall.kernel.refusal import Refusal
from tradehall.main import Node, Settings, build_node
from tradehall_standards import Catalogue, strict
from witnessed import City

NAMES = ("one", "two", "three")
CLIENTS = 8
GAP_SECONDS = 5.0
RESTORE_SECONDS = 60.0
LAP_SECONDS = 180.0
"""A long run begins another group of servers while so much time is left."""

Receipt = Mapping[str, Any]


# --- the node and its load ------------------------------------------------------------------------------------------


@dataclass
class Place:
    """A node on a group of servers, the tender on it, and every receipt it has ever given."""

    group: Replicas
    hall: Hall
    city: City
    catalogue: Catalogue
    given: list[Receipt] = field(default_factory=list)

    @property
    def node(self) -> Node:
        return self.hall.node

    def records(self, count: int) -> list[Record]:
        return [read(strict.parse(sent)) for sent in self.hall.commitments(count)]

    @contextmanager
    def stranger(self, url: str, *, require: bool = True) -> Iterator[Node]:
        """Open the same node elsewhere: its keys, and nothing that it remembers."""
        data = self.hall.folder / f"elsewhere-{time.monotonic_ns()}"
        left_out = shutil.ignore_patterns("timeline")
        shutil.copytree(self.node.settings.data, data, ignore=left_out)
        node = build_node(
            replace(self.node.settings, data=data, database=url, require_standby=require), catalogue=self.catalogue
        )
        self.city.watch(node)
        try:
            yield node
        finally:
            node.close()


def opened(group: Replicas, folder: Path, catalogue: Catalogue, *, require: bool) -> Place:
    folder.mkdir(parents=True)
    settings = Settings(
        data=folder / "node",
        database=group.url(*group.servers),
        sandbox_start=BEGIN,
        sandbox_rate=0,
        decoys=0,
        require_standby=require,
    )
    node = build_node(settings, catalogue=catalogue)
    city = City()
    city.watch(node)
    return Place(group, announce(node, folder), city, catalogue)


@dataclass
class Load:
    """Bidders that file records until each has its receipt, however often that takes."""

    sequencer: Sequencer
    waiting: list[Record]
    got: list[Receipt] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    retries: int = 0
    over: bool = False

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=asyncio.run, args=(self._all(),), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over = True
        self._thread.join()

    async def _all(self) -> None:
        self.sequencer.start()
        await asyncio.gather(*(self._one() for _ in range(CLIENTS)))
        await self.sequencer.stop()

    async def _one(self) -> None:
        while self.waiting and not self.over:
            record = self.waiting.pop()
            while not self.over and not await self._filed(record):
                self.retries += 1
                await asyncio.sleep(0.05)

    async def _filed(self, record: Record) -> bool:
        try:
            answer = await self.sequencer.submit(Filing(record))
        except BatchFailed:
            return False
        if answer.receipt is None:
            self.refused.append(answer.outcome)
        else:
            self.got.append(answer.receipt)
            self.times.append(time.monotonic())
        return True

    def reach(self, count: int) -> None:
        awaited(lambda: len(self.got) >= count or not self._thread.is_alive(), f"only {len(self.got)} of {count}")

    def finish(self, seconds: float = 60.0) -> None:
        self._thread.join(seconds)


def tried(node: Node, records: Sequence[Record]) -> list[Receipt] | Exception:
    """File records as a batch: receipts, or why there are none."""
    try:
        answers = Sequencer(node.door, node.witnessing).settle([Filing(record) for record in records])
    except Exception as error:
        return error
    return [answer.receipt for answer in answers if answer.receipt is not None]


# --- failover -------------------------------------------------------------------------------------------------------


def archiving(archive: Path) -> str:
    return f"-c archive_mode=on -c archive_command='test ! -f {archive}/%f && cp %p {archive}/%f'"


def received(server: Server) -> int:
    return int(server.ask("SELECT pg_last_wal_receive_lsn() - '0/0'::pg_lsn"))


def fail_over(group: Replicas, primary: Server, *, synchronous: bool = True) -> Server:
    """End the primary, promote the standby that has more, let the other one follow it."""
    primary.kill()
    standbys = [s for s in group.servers.values() if s is not primary and s.guard is not None]
    best = max(standbys, key=received)
    best.promote()
    others = [s for s in standbys if s is not best]
    for other in others:
        group.follow(other, best)
    if synchronous:
        group.synchronous(best, [s.name for s in group.servers.values() if s is not best], wait=False)
    return best


def failovers(run: Run, place: Place, first: Server, chance: random.Random) -> list[float]:
    """Kill primary after primary; returns the longest time without a receipt around each."""
    primary, gaps = first, list[float]()
    for _ in range(run.of(3, 10)):
        records = place.records(160)
        with running_elsewhere(place, primary) as stale:
            with Load(Sequencer(place.node.door, place.node.witnessing), list(records)) as load:
                load.reach(chance.randint(1, len(records) // 2))
                old, primary = primary, fail_over(place.group, primary)
                load.finish()
            came_back(run, place, old, stale, records)
        gaps.append(max((after - before for before, after in pairwise(load.times)), default=0.0))
        run.holds(len(load.got) == len(records), f"{len(records) - len(load.got)} records got no receipt")
        run.holds(not load.refused, f"refused: {[r.code for r in load.refused[:3]]}")
        place.given += load.got
        place.group.standby(old.name, primary)
        run.count("primaries killed under load")
        run.count("receipts given meanwhile", len(load.got))
        run.count("records sent again until answered", load.retries)
    judged(run, place)
    return gaps


def judged(run: Run, place: Place) -> None:
    log = read_log(place.node)
    for broken in everything(place.node, place.given, log):
        run.breaks(f"after failover: {broken}")
    run.count("receipts proved on the server that is primary now", len(place.given))


@contextmanager
def running_elsewhere(place: Place, primary: Server) -> Iterator[Node]:
    """A node in another process that knows only this server, and has written to it."""
    with place.stranger(place.group.url(primary.name)) as node:
        got = tried(node, place.records(1))
        if isinstance(got, Exception):
            raise got
        place.given += got
        yield node


def came_back(run: Run, place: Place, old: Server, stale: Node, sent: Sequence[Record]) -> None:
    """The old primary starts again, alone: nobody gets it to accept anything, or to vouch for what lies on it."""
    old.start()
    for what, records in (("a new record", place.records(1)), ("records that were sent before", sent)):
        outcome = tried(stale, records)
        if isinstance(outcome, Exception) and not isinstance(outcome, FencedError):
            outcome = tried(stale, records)  # the first one only finds out that its connection is dead
        run.holds(isinstance(outcome, FencedError), f"the old primary took {what}: {str(outcome)[:200]}")
        run.count("writes refused on an old primary")
    for require in (True, False):
        memory = place.node.settings.data / "timeline"
        if not require and memory.read_text() == str(timeline(old)):
            run.breaks("the node did not remember the new timeline")
        try:
            SqlStore(place.group.url(old.name), place.node.clock, Fence(memory, require_standby=require)).close()
            run.breaks("the node that has moved on opened the old primary again")
        except FencedError:
            run.count("starts refused on an old primary")


def timeline(server: Server) -> int:
    return int(server.ask("SELECT ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int"))


def standbys_are_no_primaries(run: Run, place: Place) -> None:
    """Case 14: nothing is decided, or even read, on a server that follows another."""
    for server in place.group.servers.values():
        if server.ask("SELECT pg_is_in_recovery()"):
            url = place.group.url(server.name).replace("&target_session_attrs=primary", "")
            try:
                SqlStore(url, place.node.clock, Fence()).close()
                run.breaks(f"a store opened on the standby {server.name}")
            except FencedError:
                run.count("standbys refused")


# --- controls of failover -------------------------------------------------------------------------------------------


def lost(place: Place, given: Sequence[Receipt]) -> list[str]:
    return receipts_stand(place.node, read_log(place.node), given)


def primary_of(group: Replicas) -> Server:
    running = [s for s in group.servers.values() if s.guard is not None]
    return next(s for s in running if not s.ask("SELECT pg_is_in_recovery()"))


def split_brain(run: Run, place: Place) -> None:
    """Control: the same return of the old primary with the fence off, and its own setting emptied."""
    old = primary_of(place.group)
    new = fail_over(place.group, old)
    old.start()
    old.set(synchronous_standby_names="")
    with place.stranger(place.group.url(old.name), require=False) as node:
        node.witnessing.witnesses = ()
        given = tried(node, place.records(3))
    awaited(lambda: not isinstance(tried(place.node, place.records(1)), Exception), "the node did not come back")
    if isinstance(given, Exception):
        run.control("fence off", caught=False, how=f"the old primary refused all the same: {given}")
    else:
        found = lost(place, given)
        run.control("fence off", caught=len(found) >= len(given) > 0, how=found[0] if found else "no receipt was lost")
    place.group.standby(old.name, new)


def warning_ignored(run: Run, place: Place) -> None:
    """Control: a commit whose wait for the standby was cancelled is taken for one that it confirmed."""
    old = primary_of(place.group)
    standbys = [s for s in place.group.servers.values() if s is not old]
    awaited(lambda: int(old.ask(CONFIRMING)) > 0, "no standby confirms")
    mutant = fences.Fence.committing

    @contextmanager
    def trusting(_self: Fence, connection: Any) -> Iterator[None]:
        watchdog = threading.Timer(0.5, connection.cancel_safe)
        watchdog.start()
        yield
        watchdog.cancel()

    fences.Fence.committing = trusting  # type: ignore[method-assign,assignment]
    try:
        frozen = [ident for s in standbys for ident in s.freeze("walreceiver")]
        given = tried(place.node, place.records(2))
    finally:
        fences.Fence.committing = mutant  # type: ignore[method-assign]
    old.kill()
    for ident in frozen:
        with contextlib.suppress(ProcessLookupError):
            fences.os.kill(ident, 9)
    time.sleep(0.3)
    for server in standbys:  # killing a receiver restarts the standby
        awaited(lambda s=server: _answers(s), f"{server.name} did not come back")
    fail_over(place.group, old)
    awaited(lambda: _reads(place.node), "the node did not come back")
    found = [] if isinstance(given, Exception) else lost(place, given)
    run.control("cancelled wait taken for a success", caught=bool(found), how=found[0] if found else str(given))


def _answers(server: Server) -> bool:
    with contextlib.suppress(Exception):
        return bool(server.ask("SELECT true"))
    return False


def _reads(node: Node) -> bool:
    with contextlib.suppress(Exception), node.store.read() as reading:
        return reading.latest() is not None
    return False


def stalled(run: Run, catalogue: Catalogue) -> None:
    """Control: asynchronous replication, and a sender that stands still when the primary dies."""
    with replicas() as group:
        one = group.primary("one")
        two = group.standby("two", one)
        place = opened(group, run.folder / "asynchronous", catalogue, require=False)
        place.city.away = True
        awaited(lambda: received(two) >= int(one.ask("SELECT pg_current_wal_lsn() - '0/0'")), "no replication")
        one.freeze("walsender")
        given = tried(place.node, place.records(20))
        fail_over(group, one, synchronous=False)
        place.node.close()
        with place.stranger(group.url("two"), require=False) as node:
            if isinstance(given, Exception):
                raise given
            found = receipts_stand(node, read_log(node), given)
    run.control(
        "asynchronous, sender stalled",
        caught=len(found) >= len(given) > 0,
        how=f"{len(found)} of {len(given)} receipts lost: {found[0] if found else ''}",
    )


# --- restore --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Point:
    """A moment to restore to: its name, the log's size, and how many receipts had been given."""

    name: str
    size: int
    given: int


def restores(run: Run, folder: Path, catalogue: Catalogue, chance: random.Random) -> list[float]:
    """Base backup and archived log, restored to several moments: only those that the witness agrees with may serve."""
    with replicas() as group:
        archive = group.folder / "archive"
        archive.mkdir(mode=0o777)
        archive.chmod(0o777)
        primary = group.primary("one", archiving(archive))
        place = opened(group, folder, catalogue, require=False)
        base = group.server("base")
        base.call(
            "pg_basebackup",
            "--checkpoint=fast",
            "--no-sync",
            f"--pgdata={base.data}",
            f"--host={primary.folder}",
            "--username=postgres",
        )
        points = filed_between(place, primary, chance, run.of(5, 12))
        primary.ask("SELECT pg_switch_wal()")
        awaited(lambda: int(primary.ask(ARCHIVED)) == 0, "the log was not archived")
        seen = place.city.store.latest(place.node.settings.origin)
        primary.kill()
        seconds, city = [], place.city
        for number, point in enumerate(points):
            place.city = city.twin()  # one that goes on after a restore is a history of its own
            begun = time.monotonic()
            server = restored(group, base, archive, f"at{number}", point)
            with place.stranger(group.url(server.name), require=False) as node:
                seconds.append(time.monotonic() - begun)
                judge_restore(run, place, node, point, seen.size if seen else 0)
            server.kill()
        place.node.close()
    return seconds


ARCHIVED = "SELECT count(*) FROM pg_ls_dir('pg_wal/archive_status') AS f WHERE f LIKE '%.ready'"


def filed_between(place: Place, primary: Server, chance: random.Random, count: int) -> list[Point]:
    """File records and mark moments; the witness goes away before the last two."""
    points = []
    for number in range(count):
        place.city.away = number >= count - 2
        for _ in range(chance.randint(1, 3)):
            got = tried(place.node, place.records(chance.randint(1, 12)))
            if isinstance(got, Exception):
                raise got
            place.given += got
        name = f"point{number}"
        primary.ask(f"SELECT pg_create_restore_point('{name}')")
        with place.node.store.read() as reading:
            latest = reading.latest()
        points.append(Point(name, latest.size if latest else 0, len(place.given)))
    place.city.away = False
    return points


def restored(group: Replicas, base: Server, archive: Path, name: str, point: Point) -> Server:
    server = group.server(name)
    shutil.copytree(base.data, server.data, copy_function=shutil.copy2)
    for path in (server.data, *server.data.rglob("*")):
        shutil.chown(path, *_owner(base))
    (server.data / "recovery.signal").touch()
    server.start(
        settings=f"-c restore_command='cp {archive}/%f %p' -c recovery_target_name={point.name}"
        " -c recovery_target_action=promote"
    )
    awaited(lambda: not server.ask("SELECT pg_is_in_recovery()"), "the restore does not end")
    return server


def _owner(server: Server) -> tuple[int, int]:
    told = server.data.stat()
    return told.st_uid, told.st_gid


def judge_restore(run: Run, place: Place, node: Node, point: Point, witnessed: int) -> None:
    """A restored node that lacks what the witness has cosigned is refused; any other keeps every receipt until then."""
    found = standing(node.door, node.witnessing)
    run.holds(found.size == point.size, f"restored {found.size} leaves, the point had {point.size}")
    early = point.size < witnessed
    run.holds(found.disputed == early, f"{point}, witness at {witnessed}: {found}")
    outcome = tried(node, place.records(1))
    if early:
        run.holds(isinstance(outcome, Exception), f"{point}, witness at {witnessed}: the node accepted a record")
        run.count("restores to before the witness refused")
        if not any(c["name"].startswith("restore") for c in run.controls):
            unchecked(run, place, node)
        return
    run.holds(not isinstance(outcome, Exception), f"{point}: {outcome}")
    for broken in everything(node, place.given[: point.given]):
        run.breaks(f"restored to {point}: {broken}")
    run.count("restores accepted and proved")


def unchecked(run: Run, place: Place, node: Node) -> None:
    """Control: nobody asks the witness, and the restored node goes on as if nothing were missing."""
    node.witnessing.witnesses = ()
    outcome = tried(node, place.records(1))
    found = receipts_stand(node, read_log(node), place.given)
    caught = isinstance(outcome, list) and bool(found)
    run.control("restore served without asking the witness", caught=caught, how=f"{len(found)} broken: {found[:1]}")


def the_part(run: Run) -> None:
    chance, catalogue = random.Random(run.seed), Catalogue.load()
    gaps, restoring = list[float](), list[float]()
    while not gaps or run.left() > LAP_SECONDS:
        with replicas() as group:
            first = group.primary("one")
            for name in NAMES[1:]:
                group.standby(name, first)
            group.synchronous(first, NAMES[1:])
            place = opened(group, run.folder / f"hall{len(gaps)}", catalogue, require=True)
            gaps += failovers(run, place, first, chance)
            standbys_are_no_primaries(run, place)
            if not run.controls:
                split_brain(run, place)
                warning_ignored(run, place)
                stalled(run, catalogue)
            place.node.close()
        restoring += restores(run, place.hall.folder / "restored", catalogue, chance)
        if not run.long:
            break
    run.figure("longest time without a receipt around a failover", max(gaps), "s", most=GAP_SECONDS)
    run.figure("the same, median", sorted(gaps)[len(gaps) // 2], "s")
    run.figure("longest restore to a point, until the node has checked it", max(restoring), "s", most=RESTORE_SECONDS)


PART = Part(
    name="failover",
    title=Said("主备切换与恢复", "Failover and restore"),
    promise=Said(
        "主库在负载下被杀而备库接替：已签发的回执一张不少；旧主库回来后拒绝写入；恢复的备份须与见证一致方可运行。",
        "When the primary dies under load and a standby takes over, no signed receipt is lost; the old primary is"
        " refused when it comes back; a restored backup serves only where the witness agrees.",
    ),
    cases=(13, 14, 42),
    run=the_part,
    short=60,
    weight=2,
)
