"""
Races to a deadline 截止竞速: tenders made in bulk whose deadline is moments away, and two processes that race to it.

Everything is filed at the door of real nodes. A runner is a process of its own with a node of its own on the shared
database: threads that file bids at given milliseconds around the deadline, and one that opens.
"""

from __future__ import annotations

import gc
import multiprocessing
import queue
import secrets
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from torture import mutants
from tradehall.bench.hall import _DOCUMENT, LOT, _notice, _project, enrol
from tradehall.desk.accept import Accepted, Filing, Outcome
from tradehall.desk.filing import signed_record
from tradehall.kernel.case import legal_date, local_text, write_instant
from tradehall.kernel.record import Attachment, Digest, Record, SchemaRef, read_record
from tradehall.kernel.signing import Signer, bid_signer
from tradehall.main import Node, Settings, build_node
from tradehall.rules import sealing
from tradehall_standards import Catalogue

CHANCE = secrets.token_bytes
FILES = 16
"""Different ciphertexts; a tender takes each once, and what they hold is nobody's business before the opening."""
SUBMITTERS = 3
PATIENCE_SECONDS = 60.0


@cache
def catalogue() -> Catalogue:
    """The published catalogue; runners are forked from a process that has loaded it."""
    return Catalogue.load()


# --- making tenders and bids ------------------------------------------------------------------------------------


File = tuple[str, int]
"""Digest and size."""

REGIME = "foreign_sealed"
"""Asks for no period between notice and deadline, and opens one bid."""

LATE = frozenset({"DEADLINE-PAST", "BID-LATE"})


class NotInTime(RuntimeError):
    """A deadline came before all that has to lie in front of it."""


@dataclass(frozen=True)
class Tender:
    """A tender that takes bids until an instant."""

    id: str
    deadline: datetime
    answers: str


@dataclass(frozen=True)
class Pen:
    """Signs what one bid key says; ``file`` is the ciphertext it speaks of where it is told no other."""

    maker: Maker
    tender: Tender
    key: Ed25519PrivateKey
    file: File

    def commitment(self, submission: str, *, file: File | None = None, replaces: str | None = None) -> bytes:
        digest, size = file or self.file
        secret = sealing.new_secret(CHANCE)
        points, _ = sealing.split(secret, 2, len(self.maker.parties), CHANCE)
        committed = sealing.Commitment(
            submission=submission,
            lot=LOT,
            bid_key=self.key.public_key().public_bytes_raw(),
            recipient=sealing.recipient_of_secret(secret),
            ciphertext_sha256=digest,
            ciphertext_size=size,
            size_class=sealing.size_class(1),
            points=tuple(points),
            boxes=self.maker.boxes,
            policy="bidder_or_custodians",
            answers=self.tender.answers,
            replaces=replaces,
        )
        return self._signed("bid_commitment", dict(committed.to_payload()))

    def ciphertext(self, submission: str, *, file: File | None = None) -> bytes:
        digest, size = file or self.file
        attached = [Attachment("bid.age", Digest(digest), size, "application/vnd.age")]
        return self._signed(
            "sealed_bid", self._named(submission, ciphertext={"sha256": digest, "size": size}), attached
        )

    def withdrawal(self, submission: str) -> bytes:
        return self._signed("bid_withdrawal", self._named(submission))

    def confirmation(self, submission: str) -> bytes:
        return self._signed("bid_confirmation", self._named(submission, answers=self.tender.answers))

    def _named(self, submission: str, **more: Any) -> dict[str, Any]:
        return {
            "submission": submission,
            "bid_key": sealing.base64url(self.key.public_key().public_bytes_raw()),
            **more,
        }

    def _signed(self, family: str, payload: Mapping[str, Any], attached: Sequence[Attachment] = ()) -> bytes:
        signer = bid_signer(self.key)
        return self.maker.signed(self.tender.id, family, payload, signer.kid, signer, attached)


class Maker:
    """Makes tenders and bids on a node (备赛). Under a regime that asks for no period, a deadline may be moments away."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.parties = [enrol(node, n, name) for n, name in enumerate(("示例业主", "示例中心", "示例监督"), 1)]
        self.recipients = [sealing.recipient_of_secret(sealing.new_secret(CHANCE)) for _ in self.parties]
        _, shares = sealing.split(sealing.new_secret(CHANCE), 2, len(self.parties), CHANCE)
        # The same boxes for all: only a custodian's key could tell, and making them costs the most.
        self.boxes = tuple(
            sealing.ShareBox(p.id, index, b"".join(sealing.age_encrypt([share], recipient, CHANCE)))
            for p, recipient, (index, share) in zip(self.parties, self.recipients, shares, strict=True)
        )
        size = sealing.ciphertext_size(sealing.size_class(1))
        self.files = [node.vault.add([CHANCE(size)], secret=True) for _ in range(FILES)]
        self._schemas: dict[str, SchemaRef] = {}

    def tenders(self, deadlines: Sequence[datetime]) -> list[Tender]:
        """Announce a tender for each deadline, in three writes."""
        tenderer = self.parties[0]
        cases = ["t-" + sealing.new_submission(CHANCE).removeprefix("b-") for _ in deadlines]

        def file(family: str, payloads: Sequence[Mapping[str, Any]]) -> list[str]:
            bodies = [
                self.signed(case, family, payload, tenderer.id, tenderer.signer)
                for case, payload in zip(cases, payloads, strict=True)
            ]
            return self.file(bodies)

        file("project", [{**_project(self.parties), "regime": REGIME}] * len(cases))
        documents = file("tender_document", [_DOCUMENT] * len(cases))
        issued = self.node.store.now()
        if issued >= deadlines[0]:
            raise NotInTime(str(issued))
        answers = file(
            "tender_notice",
            [self._notice(d, issued, local_text(at)) for d, at in zip(documents, deadlines, strict=True)],
        )
        return [Tender(*x) for x in zip(cases, deadlines, answers, strict=True)]

    def _notice(self, document: str, issued: datetime, deadline: Any) -> dict[str, Any]:
        since = local_text(issued)
        return {
            **_notice(document, self.parties, self.recipients, deadline),
            "issued_at": since,
            "document_sale": {"start": since, "end": local_text(issued + timedelta(milliseconds=1))},
        }

    def announce(self, deadline: Any) -> tuple[Outcome, str]:
        """Announce a tender whose deadline is whatever somebody wrote; returns the answer and the case."""
        case, tenderer = "t-" + sealing.new_submission(CHANCE).removeprefix("b-"), self.parties[0]

        def body(family: str, payload: Mapping[str, Any]) -> bytes:
            return self.signed(case, family, payload, tenderer.id, tenderer.signer)

        (_, document) = self.file(
            [body("project", {**_project(self.parties), "regime": REGIME}), body("tender_document", _DOCUMENT)]
        )
        record = read_record(
            orjson.loads(body("tender_notice", self._notice(document, self.node.store.now(), deadline)))
        )
        return (self.node.door.accept(Filing(record)) if isinstance(record, Record) else record), case

    def pen(self, tender: Tender, number: int) -> Pen:
        """Return a fresh bid key; ``number`` says which of the files in the vault is its own, a negative one none."""
        file = self.files[number] if number >= 0 else ("sha256:" + CHANCE(32).hex(), self.files[0][1])
        return Pen(self, tender, Ed25519PrivateKey.generate(), file)

    def signed(
        self,
        case: str,
        family: str,
        payload: Mapping[str, Any],
        author: str,
        signer: Signer,
        attached: Sequence[Attachment] = (),
    ) -> bytes:
        """Return a signed record as it is sent."""
        if family not in self._schemas:
            version = self.node.door.catalogue.resolve(family, legal_date(self.node.store.now()))
            assert version is not None, family
            self._schemas[family] = SchemaRef(family, version.version, version.digest)
        return orjson.dumps(
            signed_record(
                signer=signer,
                author=author,
                schema=self._schemas[family],
                case=case,
                nonce=CHANCE(16),
                payload=payload,
                attachments=attached,
            )
        )

    def file(self, bodies: Sequence[bytes]) -> list[str]:
        """File records in one write; every one must stand. Returns their digests."""
        outcomes = self.node.door.accept_many([Filing(read(body)) for body in bodies])
        refused = [o for o in outcomes if not isinstance(o, Accepted)]
        if refused:
            kind = NotInTime if refused[0].code in LATE else RuntimeError
            raise kind(f"{refused[0].code}: {refused[0].reason.en}")
        return [o.entry.record.digest for o in outcomes if isinstance(o, Accepted)]


def read(body: bytes) -> Record:
    """Read a record as it was sent."""
    record = read_record(orjson.loads(body))
    assert isinstance(record, Record), record
    return record


# --- what is raced ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Job:
    """
    One thing to do at an instant: file records one after another, or open.

    Attributes:
        race: number of the race.
        due_ns: when, on the machine's clock.
        case: what to open; empty where records are filed.
        bodies: what to file.
    """

    race: int
    due_ns: int
    case: str = ""
    bodies: tuple[bytes, ...] = ()


@dataclass(frozen=True)
class Told:
    """What a runner was told about one record or one opening: what any bidder or officer would see."""

    race: int
    family: str
    digest: str
    submission: str = ""
    code: str = ""
    at: str = ""
    index: int = -1
    why: str = ""
    begun_ns: int = 0
    replaces: str = ""


def told(race: int, record: Record | None, outcome: Outcome, begun_ns: int) -> Told:
    """Return what an outcome tells."""
    if not isinstance(outcome, Accepted):
        family = record.family if record else "opening_start"
        digest = record.digest if record else ""
        return Told(race, family, digest, _submission(record), outcome.code, why=outcome.reason.en, begun_ns=begun_ns)
    entry = outcome.entry
    stands = entry.record
    return Told(
        race,
        stands.family,
        stands.digest,
        _submission(stands),
        at=write_instant(entry.filed.at),
        index=entry.filed.index,
        begun_ns=begun_ns,
        replaces=str(stands.payload.get("replaces") or ""),
    )


def _submission(record: Record | None) -> str:
    return str(record.payload.get("submission", "")) if record else ""


def sleep_until(due_ns: int) -> None:
    """Sleep until an instant of the machine's clock."""
    left = due_ns - time.time_ns()
    if left > 0:
        time.sleep(left / 1e9)


# --- runners ----------------------------------------------------------------------------------------------------


@dataclass
class Runner:
    """A process with a node, that does jobs."""

    process: Any
    pipe: Any

    def give(self, jobs: Sequence[Job]) -> None:
        self.pipe.send(list(jobs))

    def take(self) -> list[Told]:
        """Return what it was told, when all jobs are done."""
        if not self.pipe.poll(PATIENCE_SECONDS):
            raise TimeoutError("a runner does not answer")
        found = self.pipe.recv()
        if isinstance(found, Exception):
            raise found
        return list(found)


@contextmanager
def runners(settings: Settings, count: int = 2, mutant: str = "") -> Iterator[list[Runner]]:
    """Start runners on one database, all with the same defence switched off if any."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["torture.warm"])
    made = []
    for _ in range(count):
        ours, theirs = context.Pipe()
        process = context.Process(target=_run, args=(settings, mutant, theirs), daemon=True)
        process.start()
        theirs.close()
        made.append(Runner(process, ours))
    try:
        for runner in made:
            runner.take()
        yield made
    finally:
        for runner in made:
            runner.pipe.close()
        for runner in made:
            runner.process.join(10)
            runner.process.kill()


def _run(settings: Settings, mutant: str, pipe: Any) -> None:
    try:
        mutants.apply(mutant)
        node = build_node(settings, catalogue=catalogue())
        gc.collect()
        gc.freeze()
        gc.disable()  # a pause in the middle of five milliseconds would be a race lost to the collector
    except BaseException:
        pipe.send(RuntimeError(traceback.format_exc()))
        raise
    pipe.send([])
    try:
        while True:
            pipe.send(_race(node, pipe.recv()))
            gc.collect()
    except (EOFError, BrokenPipeError):
        node.close()


@dataclass
class _Lane:
    """Jobs of some threads, earliest first; each is taken once."""

    jobs: queue.SimpleQueue[Job] = field(default_factory=queue.SimpleQueue)

    def work(self, do: Callable[[Job], list[Told]], found: list[Told]) -> None:
        while True:
            try:
                job = self.jobs.get_nowait()
            except queue.Empty:
                return
            sleep_until(job.due_ns)
            found.extend(do(job))


def _race(node: Node, jobs: Sequence[Job]) -> list[Told]:
    filing, opening = _Lane(), _Lane()
    for job in sorted(jobs, key=lambda j: j.due_ns):
        (opening if job.case else filing).jobs.put(job)
    found: list[Told] = []
    threads = [
        threading.Thread(target=lane.work, args=(do, found))
        for lane, do, count in (
            (filing, lambda job: _file(node, job), SUBMITTERS),
            (opening, lambda job: _open(node, job), 1),
        )
        for _ in range(count)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def _file(node: Node, job: Job) -> list[Told]:
    found = []
    for body in job.bodies:
        record, begun = read(body), time.time_ns()
        try:
            found.append(told(job.race, record, node.door.accept(Filing(record)), begun))
        except Exception as error:  # a bidder would see 503: the check counts it
            found.append(Told(job.race, record.family, record.digest, code="UNANSWERED", why=repr(error)[:300]))
    return found


def _open(node: Node, job: Job) -> list[Told]:
    """Open again and again until it may be; returns the last answer and how the first one went."""
    found: list[Told] = []
    until = time.time_ns() + 5_000_000_000
    while time.time_ns() < until:
        begun = time.time_ns()
        try:
            outcomes = node.opening.start(job.case)
        except Exception as error:  # likewise
            return [*found, Told(job.race, "opening_start", "", code="UNANSWERED", why=repr(error)[:300])]
        found += [told(job.race, None, o, begun) for o in outcomes]
        if found[-1].code not in ("OPENING-EARLY", "OPENING-SET-WRONG", "ENOUGH-BIDS", "TOO-FEW-BIDS"):
            break
        time.sleep(0.0002)
    return found


def settings_of(folder: Any, database: str = "") -> Settings:
    """Return the settings of a node without decoys: they would only slow the race."""
    return Settings(data=folder, database=database, decoys=0, public_url="http://hall.example")


def apart(act: Callable[..., Any], *args: Any, mutant: str = "") -> Any:
    """Return what a function returns in a process of its own, with a defence switched off if one is named."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["torture.warm"])
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_apart, args=(act, args, mutant, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        found = ours.recv()
    except EOFError as error:
        raise RuntimeError(f"{act.__name__} ended without an answer") from error
    finally:
        process.join(10)
        process.kill()
        ours.close()
    if isinstance(found, Exception):
        raise found
    return found


def _apart(act: Callable[..., Any], args: Sequence[Any], mutant: str, pipe: Any) -> None:
    try:
        mutants.apply(mutant)
        pipe.send(act(*args))
    except BaseException:
        pipe.send(RuntimeError(traceback.format_exc()))
        raise


def soon(seconds: float) -> datetime:
    """Return an instant to come, in whole milliseconds."""
    at = datetime.now(UTC) + timedelta(seconds=seconds)
    return at.replace(microsecond=at.microsecond // 1000 * 1000)
