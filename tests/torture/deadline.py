"""
The deadline 投标截止: races to the millisecond, a lock held across it, clocks that are stepped, bids that trickle in.

Two processes share one PostgreSQL database, and two one SQLite file. Their threads file bids at most five milliseconds
before and after the deadline while both processes open. Whoever was told "accepted" must be in the frozen set as the
last word left it; nobody is accepted at the deadline or behind the opening, and nobody is called late before it.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from adapters.making import quick_folder
from adapters.postgres import running
from torture import clocks, exact
from torture.harness import Part, Run, Said
from torture.racing import (
    Job,
    Maker,
    NotInTime,
    Pen,
    Runner,
    Tender,
    Told,
    apart,
    catalogue,
    runners,
    settings_of,
    soon,
)
from torture.trickle import trickle
from tradehall.kernel.case import write_instant
from tradehall.main import build_node
from tradehall.rules import sealing

BIDS = 6
"""Of each race: three whose ciphertext is raced, two of them against their withdrawal; and these:"""

WITHDRAWN, REPLACED, WHOLE = 3, 4, 5
"""One complete and withdrawn, one complete and replaced, one that begins and ends in the race."""

OFFSETS_MS = 5
ROUND = 40
STALL_MS = 30
SLACK_SECONDS = 0.1
"""How long after its last deadline a round may go on before the next one is given more time."""


@dataclass
class Race:
    """A tender, what stands before the race, and what is raced."""

    tender: Tender
    before: list[tuple[str, str, str]] = field(default_factory=list)
    jobs: list[list[Job]] = field(default_factory=list)


# --- the races --------------------------------------------------------------------------------------------------


def prepare(maker: Maker, chance: random.Random, count: int, pace: Pace, gap: float) -> list[Race]:
    """Announce tenders with deadlines some seconds apart, hand in what is withdrawn or completed later, plan the rest."""
    first = soon(pace.lead)
    made = maker.tenders([first + timedelta(seconds=gap * n) for n in range(count)])
    races = [Race(tender) for tender in made]
    early: list[tuple[Race, str, str, bytes]] = []
    for number, race in enumerate(races):
        plan = [_bid(maker.pen(race.tender, bid), bid, chance) for bid in range(BIDS)]
        early += [(race, *handed) for bid in plan for handed in bid.early]
        raced = [bodies for bid in plan for bodies in bid.raced]
        race.jobs = _shared_out(race.tender, number, raced, lambda: chance.uniform(-OFFSETS_MS, OFFSETS_MS), pace.ahead)
    digests = maker.file([body for *_, body in early])
    for (race, family, name, _), digest in zip(early, digests, strict=True):
        race.before.append((family, name, digest))
    return races


@dataclass
class Plan:
    """What a bidder hands in early, with family and submission, and what is raced, each on its own."""

    early: list[tuple[str, str, bytes]]
    raced: list[tuple[bytes, ...]]


def _bid(pen: Pen, bid: int, chance: random.Random) -> Plan:
    name, other = (sealing.new_submission(chance.randbytes) for _ in range(2))
    spare = pen.maker.files[BIDS]
    commitment, ciphertext = pen.commitment(name), pen.ciphertext(name)
    committed, completed = ("bid_commitment", name, commitment), ("sealed_bid", name, ciphertext)
    if bid == WITHDRAWN:
        return Plan([committed, completed], [(pen.withdrawal(name),)])
    if bid == REPLACED:
        new = pen.commitment(other, file=spare, replaces=name), pen.ciphertext(other, file=spare)
        return Plan([committed, completed], [new])
    if bid == WHOLE:
        return Plan([], [(commitment, ciphertext)])
    return Plan([committed], [(ciphertext,), (pen.withdrawal(name),)] if bid else [(ciphertext,)])


def _shared_out(
    tender: Tender, number: int, raced: Sequence[tuple[bytes, ...]], chance: Callable[[], float], ahead: float
) -> list[list[Job]]:
    """Return the jobs of each of two runners, at milliseconds drawn by chance; both open."""
    at = int(tender.deadline.timestamp() * 1000) * 1_000_000
    shared: list[list[Job]] = [[], []]
    for n, bodies in enumerate(raced):
        shared[n % 2].append(Job(number, at + int((ahead + chance()) * 1_000_000), bodies=bodies))
    for half in shared:
        half.append(Job(number, at + int(chance() * 1_000_000), case=tender.id))
    return shared


@dataclass
class Pace:
    """
    How fast this machine is today, learnt from round to round: a race that is over before it begins shows nothing.

    Attributes:
        lead: seconds from beginning to prepare races to the first of their deadlines.
        gap: seconds between two deadlines of a round.
        ahead: milliseconds by which everything is begun earlier, negative, so that about half of it is in time.
    """

    lead: float = 2.0
    gap: float = 0.03
    ahead: float = 0.0

    def prepared(self, seconds: float) -> None:
        self.lead = min(60.0, max(0.7 * self.lead, 1.25 * seconds + 0.25))

    def raced(self, begun_ms: Sequence[float], accepted: float, behind_seconds: float) -> None:
        self.ahead = min(OFFSETS_MS, max(-500.0, self.ahead - median(begun_ms) / 2 - 10 * (0.5 - accepted)))
        self.gap = min(1.0, max(0.015, self.gap * (1.3 if behind_seconds > SLACK_SECONDS else 0.9)))


def in_time(run: Run, maker: Maker, chance: random.Random, count: int, pace: Pace, gap: float) -> list[Race]:
    """Prepare races; where the machine was too slow for their deadlines, do it again with later ones."""
    while True:
        begun = time.monotonic()
        try:
            return prepare(maker, chance, count, pace, gap)
        except NotInTime:
            pace.lead *= 2
            run.count("rounds prepared too slowly and left out")
        finally:
            pace.prepared(time.monotonic() - begun)


def race(run: Run, maker: Maker, racing: Sequence[Runner], chance: random.Random, pace: Pace, count: int) -> int:
    """Run one round; returns how many promises it broke."""
    before = run.broken_count
    races = in_time(run, maker, chance, count, pace, pace.gap)
    for which, runner in enumerate(racing):
        runner.give([job for race in races for job in race.jobs[which]])
    answers = [answer for runner in racing for answer in runner.take()]
    behind = time.time() - races[-1].tender.deadline.timestamp()
    begun_ms = []
    for number, race in enumerate(races):
        own = [a for a in answers if a.race == number]
        check(run, maker, race, own)
        begun_ms += [a.begun_ns / 1e6 - race.tender.deadline.timestamp() * 1e3 for a in own if a.submission]
    run.count("of them begun at most 5 ms from the deadline", sum(abs(ms) <= OFFSETS_MS for ms in begun_ms))
    accepted = sum(bool(a.submission) and a.index >= 0 for a in answers) / len(begun_ms)
    pace.raced(begun_ms, accepted, behind)
    return run.broken_count - before


# --- what must hold ---------------------------------------------------------------------------------------------


def check(run: Run, maker: Maker, race: Race, answers: Sequence[Told]) -> None:
    """Hold what everybody was told against the deadline, the log and the frozen set."""
    tender, deadline = race.tender, write_instant(race.tender.deadline)
    bids = [a for a in answers if a.family not in ("opening_start", "failed_tender")]
    accepted = sorted((a for a in bids if a.index >= 0), key=lambda a: a.index)
    openings = {(a.digest, a.family, a.at, a.index) for a in answers if a not in bids and a.index >= 0}
    run.count("races")
    run.count("records raced", len(bids))
    run.count("records accepted in time", len(accepted))
    run.count("records refused as late", sum(a.code == "BID-LATE" for a in bids))
    run.count("openings refused as early", sum(a.code == "OPENING-EARLY" for a in answers))
    withdrawn = {a.submission for a in accepted if a.family == "bid_withdrawal"}
    for a in bids:
        _check_answer(run, tender, a, withdrawn)
    if len(openings) != 1:
        odd = [a for a in answers if a not in bids][-3:]
        run.breaks(f"{tender.id}: {len(openings)} openings; {odd}")
        return
    ((digest, family, at, fence),) = openings
    run.holds(at >= deadline, f"{tender.id}: opened at {at}, before {deadline}")
    for a in accepted:
        run.holds(a.at < deadline, f"{tender.id}: {a.family} accepted at {a.at}, the deadline is {deadline}")
        run.holds(
            a.index < fence, f"{tender.id}: {a.family} {a.submission} at leaf {a.index} behind the opening {fence}"
        )
    view = maker.node.desk.look(tender.id)
    assert view is not None
    kept = {e.record.digest: (write_instant(e.filed.at), e.filed.index) for e in view.entries}
    for a in accepted:
        run.holds(kept.get(a.digest) == (a.at, a.index), f"{tender.id}: {a.digest} was accepted and is not there so")
    if len(view.of("opening_start", "failed_tender")) != 1:
        run.breaks(f"{tender.id}: {len(view.of('opening_start', 'failed_tender'))} opening records")
    left = standing(race.before, accepted)
    opened = view.record(digest)
    frozen: dict[str, str] = {}
    if family == "opening_start" and opened is not None:
        lot: Any = opened.payload["lots"][0]  # type: ignore[index, call-overload]
        frozen = {s["submission"]: s["commitment"] for s in lot["submissions"]}
        run.holds(
            lot["accepted_root"] == root(sorted(left.items())), f"{tender.id}: another root than the records give"
        )
    run.holds(frozen == left, f"{tender.id}: frozen {sorted(frozen)}, the records leave {sorted(left)}")
    run.count("bids held against a frozen set", len(left))


def _check_answer(run: Run, tender: Tender, answer: Told, withdrawn: Collection[str]) -> None:
    """A record is accepted, or late by an instant of the store at or behind the deadline, or its bid was withdrawn."""
    if answer.index >= 0 or (answer.code == "BID-WITHDRAWN" and answer.submission in withdrawn):
        return
    closed, _, received = answer.why.removeprefix("Bids closed at ").partition("; received at ")
    is_late = answer.code == "BID-LATE" and received >= closed
    run.holds(is_late, f"{tender.id}: {answer.family} refused: {answer.code} {answer.why}")


def standing(before: Sequence[tuple[str, str, str]], accepted: Sequence[Told]) -> dict[str, str]:
    """Return submission → commitment of the bids that stand, as a child would count them."""
    commitments: dict[str, str] = {}
    complete: set[str] = set()
    gone: set[str] = set()
    for family, name, digest, replaces in [
        *((*early, "") for early in before),
        *((a.family, a.submission, a.digest, a.replaces) for a in accepted),
    ]:
        if family == "bid_commitment":
            commitments[name] = digest
            gone.add(replaces)
        elif family == "sealed_bid":
            complete.add(name)
        elif family == "bid_withdrawal":
            gone.add(name)
    return {name: digest for name, digest in commitments.items() if name in complete - gone}


def root(bids: Sequence[tuple[str, str]]) -> str:
    """Return the RFC 6962 root over the commitments' digests, from its definition."""

    def tree(leaves: list[bytes]) -> bytes:
        if len(leaves) == 1:
            return sha256(b"\x00" + leaves[0]).digest()
        split = 1
        while split * 2 < len(leaves):
            split *= 2
        return sha256(b"\x01" + tree(leaves[:split]) + tree(leaves[split:])).digest()

    leaves = [bytes.fromhex(digest.removeprefix("sha256:")) for _, digest in bids]
    return (tree(leaves) if leaves else sha256(b"").digest()).hex()


# --- a lock held across the deadline ----------------------------------------------------------------------------


def stall(run: Run, maker: Maker, racing: Sequence[Runner], chance: random.Random, pace: Pace, count: int) -> int:
    """
    Hold the store's lock from before each deadline until after it; bids that wait for it are late.

    A stamp from before the wait would be a bid accepted at an instant when nobody could have been accepted.
    """
    begun = run.broken_count
    gap = (STALL_MS * 2 + 40) / 1000
    races = in_time(run, maker, chance, count, pace, gap)
    for which, runner in enumerate(racing):
        runner.give([job for race in races for job in race.jobs[which] if not job.case])
    held = []
    for race in races:
        clocks.wait_for(race.tender.deadline - timedelta(milliseconds=STALL_MS))
        with maker.node.store.write() as writing:
            since = writing.now
            clocks.wait_for(race.tender.deadline + timedelta(milliseconds=STALL_MS))
            held.append((write_instant(since), write_instant(datetime.now(UTC))))
    answers = [answer for runner in racing for answer in runner.take()]
    for number, (race, (since, until)) in enumerate(zip(races, held, strict=True)):
        run.count("locks held across a deadline")
        own = [a for a in answers if a.race == number]
        withdrawn = {a.submission for a in own if a.family == "bid_withdrawal" and a.index >= 0}
        for a in own:
            inside = a.index >= 0 and since <= a.at < until
            run.holds(
                not inside, f"{race.tender.id}: {a.family} stamped {a.at} while the lock was held {since}–{until}"
            )
            _check_answer(run, race.tender, a, withdrawn)
    return run.broken_count - begun


# --- the part ---------------------------------------------------------------------------------------------------


Settled = Callable[..., int]


def races_on(run: Run, name: str, folder: Path, database: str, count: int) -> None:
    """Run races on one database in rounds, then a few locks held across a deadline."""
    settings = settings_of(folder / name, database)
    chance = random.Random(f"{run.seed} {name} {run.counts.get('races', 0)}")
    node = build_node(settings, catalogue=catalogue())
    try:
        maker, pace, done = Maker(node), Pace(), 0
        with runners(settings) as racing:
            while done < count:
                race(run, maker, racing, chance, pace, ROUND)
                done += ROUND
            stall(run, maker, racing, chance, pace, 10)
    finally:
        node.close()
    run.count(f"races on {name}", done)


def caught(run: Run, name: str, told: str, database: str, act: Settled, rounds: int) -> None:
    """Show that a mutant breaks a promise that the program keeps."""
    folder = run.folder / f"{name}-{sha256(database.encode()).hexdigest()[:6]}"
    settings = settings_of(folder, database)
    chance = random.Random(run.seed)
    aside = Run(run.part, run.seed, run.seconds, run.long, run.folder)
    node = build_node(settings, catalogue=catalogue())
    try:
        maker, pace = Maker(node), Pace()
        with runners(settings, mutant=name) as racing:
            for _ in range(rounds):
                if act(aside, maker, racing, chance, pace):
                    break
    finally:
        node.close()
    how = aside.broken[0] if aside.broken else f"nothing broke in {rounds} rounds"
    run.control(told, caught=bool(aside.broken_count), how=how)


def exactly(run: Run) -> None:
    """Hold the door to the table of offsets, and instants to one form."""
    tenders = run.of(4, 200)
    done, broken = apart(exact.table, run.folder / "exact", tenders)
    for what, count in done.items():
        run.count(what, count)
    for what in broken:
        run.breaks(what)
    _, broken = apart(exact.table, run.folder / "exact-mutant", 2, mutant="late_at_t")
    run.control("<= for < at the deadline", caught=bool(broken), how=broken[0] if broken else "nothing broke")


def stepped(run: Run) -> None:
    """Step clocks under a server and under a node, with the ticker and without; most of it is waiting."""
    acts: dict[tuple[str, str], Callable[[], dict[str, Any]]] = {}
    for mutant in ("", "no_ticker"):
        for name, act in (("server", clocks.under_postgres), ("node", clocks.under_node)):
            acts[name, mutant] = partial(apart, act, run.folder / f"{name}{mutant}", mutant=mutant)
    with ThreadPoolExecutor(len(acts)) as pool:
        found = {key: future.result() for key, future in {k: pool.submit(act) for k, act in acts.items()}.items()}
    for (name, mutant), result in found.items():
        broken = result["broken"]
        if mutant:
            run.control(f"no ticker, {name} stepped", caught=bool(broken), how=broken[0] if broken else "nothing broke")
            continue
        for what, count in result["done"].items():
            run.count(what, count)
        for what in broken:
            run.breaks(f"{name} stepped {what}")


def slowly(run: Run) -> None:
    """Let bids trickle in over real connections."""
    done, broken = trickle(run.folder / "trickle", "")
    for what, count in done.items():
        run.count(what, count)
    for what in broken:
        run.breaks(what)
    _, broken = trickle(run.folder / "trickle-mutant", "no_deadline")
    run.control("nobody looks at the deadline", caught=bool(broken), how=broken[0] if broken else "nothing broke")


def torture(run: Run) -> None:
    with ThreadPoolExecutor(1) as beside:
        waiting = beside.submit(stepped, run)
        exactly(run)
        slowly(run)
        waiting.result()
    few = partial(race, count=10)
    with running() as cluster:
        for name, told, act, rounds in (
            ("no_lock", "no lock", few, 10),
            ("late_lock", "lock taken after judging", few, 10),
            ("own_clock", "application's clock, before the lock", partial(stall, count=4), 4),
        ):
            with cluster.database(name) as url:
                caught(run, name, f"{told}, PostgreSQL", url, act, rounds)
        caught(run, "no_lock", "no lock, SQLite", "", few, 10)
        # In memory, for the disk's pace is another part's business.
        with cluster.database("races") as url, TemporaryDirectory(prefix="thsq-", dir=quick_folder()) as quick:
            while True:
                races_on(run, "PostgreSQL", Path(quick), url, run.of(240, 8_000))
                races_on(run, "SQLite", Path(quick), "", run.of(80, 2_400))
                if not run.long or run.left() <= 0:
                    break


PART = Part(
    name="deadline",
    title=Said("投标截止", "The deadline"),
    promise=Said(
        "截止时刻前后毫秒级竞争、时钟跳变与慢速上传之下，零迟到受理、零漏开、零提前截止。",
        "Under races to the millisecond, clock steps and slow uploads nobody is accepted late, nobody accepted is left "
        "out of the frozen set, and nothing closes early.",
    ),
    cases=(1, 2, 3, 4, 5, 6, 8),
    run=torture,
    short=60,
)
