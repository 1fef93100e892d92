"""
Replay (草案回放): validate past records under a draft, before anybody signs it.

Records are judged in order and in parallel, in constant memory: at most two chunks wait for each process. A replay can
be stopped at any record and says then what it has found so far; it goes on from there with the same draft and archive.
"""

from __future__ import annotations

import gc
import itertools
import multiprocessing
import signal
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final

from tradehall_standards.archive.drafts import Draft, Part
from tradehall_standards.archive.judging import Judge
from tradehall_standards.archive.records import Archive, Past, Piece, UnreadableError, name_of, read_piece
from tradehall_standards.archive.tally import Fault, Tally, shortened
from tradehall_standards.catalogue import Finding, Version
from tradehall_standards.strict import Json, as_object, escape

CHUNK: Final = 512
_CHUNK_BYTES: Final = 4 << 20
_WAITING: Final = 2
_FORMAT: Final = "TH-REPLAY-1"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a replay is (进度): ``done`` of ``total`` in the archive's weights, and seconds gone and left."""

    records: int
    done: int
    total: int | None
    seconds: float

    @property
    def left(self) -> float | None:
        """Estimated seconds until the end; None while that can't be told."""
        if not self.total or not self.done or self.seconds <= 0:
            return None
        return self.seconds * max(0, self.total - self.done) / self.done


@dataclass(slots=True)
class Replay:
    """
    A replay, finished or not (回放结果).

    Attributes:
        draft: name of the draft.
        digest: digest of the draft.
        archive: name of the archive.
        finished: every record was read.
        pieces: pieces of the archive that the tally covers, from the first one on.
        weight: their weight.
        unread: sealed rows of the archive, known at the end.
    """

    draft: str
    digest: str
    archive: str
    finished: bool = False
    pieces: int = 0
    weight: int = 0
    unread: int = 0
    tally: Tally = field(default_factory=Tally)

    def to_json(self) -> dict[str, Json]:
        """Return it as data, from which an unfinished replay goes on (回放状态)."""
        return {
            "format": _FORMAT,
            "draft": {"name": self.draft, "digest": self.digest},
            "archive": self.archive,
            "finished": self.finished,
            "pieces": self.pieces,
            "weight": self.weight,
            "unread": self.unread,
            "records": self.tally.to_json(),
        }

    @classmethod
    def read_json(cls, value: Json) -> Replay:
        """Read what :meth:`to_json` gave. Raises ValueError when it is anything else."""
        document = as_object(value)
        if document.get("format") != _FORMAT:
            raise ValueError("not the state of a replay: another format")
        try:
            draft, counts = as_object(document["draft"]), [document[name] for name in ("pieces", "weight", "unread")]
            pieces, weight, unread = (int(count) if isinstance(count, int) else -1 for count in counts)
            tally = Tally.read_json(as_object(document["records"]))
            name, digest, archive = str(draft["name"]), str(draft["digest"]), str(document["archive"])
        except (LookupError, TypeError, ValueError) as problem:
            raise ValueError(f"not the state of a replay: {problem}") from None
        return cls(name, digest, archive, document["finished"] is True, pieces, weight, unread, tally)


class OtherReplayError(ValueError):
    """The state to go on from belongs to another draft or archive (回放状态不符)."""


Told = Callable[[Progress], bool]
"""Is told the progress after every chunk; False stops the replay there."""


@dataclass(frozen=True, slots=True)
class Way:
    """
    How to replay (回放方式).

    Attributes:
        on: day of the event for records that do not say theirs.
        clock: seconds from any beginning.
        jobs: processes; 1 judges in this one.
        family: family of bare payloads.
        told: see :data:`Told`.
    """

    on: date
    clock: Callable[[], float]
    jobs: int = 1
    family: str | None = None
    told: Told = lambda _: True


def replay(draft: Draft, archive: Archive, way: Way, begun: Replay | None = None) -> Replay:
    """
    Validate the records of an archive under a draft (草案回放).

    Args:
        draft: see :func:`read_draft`.
        archive: the past records.
        way: how.
        begun: an earlier replay of the same draft and archive that was stopped.

    Returns:
        What was found; ``finished`` is False when ``told`` stopped it.

    Raises:
        OtherReplayError: ``begun`` is of another draft or archive.
        DraftError: the draft does not compile.
    """
    found = _begin(draft, archive, begun)
    if found.finished:
        return found
    started, before = way.clock(), found.weight
    pieces = itertools.islice(archive.pieces(), found.pieces, None)
    judged = _here if way.jobs <= 1 else _apart
    for number, weight, tally in judged(draft, _chunks(pieces), way):
        found.tally.add(tally)
        found.pieces += number
        found.weight += weight
        total = None if archive.total is None else archive.total - before
        if not way.told(Progress(found.tally.read, found.weight - before, total, way.clock() - started)):
            return found
    found.finished = True
    if archive.sealed and archive.total is not None:
        found.unread = archive.total - found.pieces
    return found


def _begin(draft: Draft, archive: Archive, begun: Replay | None) -> Replay:
    if begun is None:
        return Replay(draft.name, draft.digest, archive.name)
    if (begun.digest, begun.archive) != (draft.digest, archive.name):
        raise OtherReplayError(f"begun with draft {begun.digest} and archive {begun.archive}")
    return replace(begun)


def _chunks(pieces: Iterator[Piece]) -> Iterator[list[Piece]]:
    chunk, size = list[Piece](), 0
    for piece in pieces:
        chunk.append(piece)
        size += len(piece.data)
        if len(chunk) >= CHUNK or size >= _CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


_Judged = tuple[int, int, Tally]


def _here(draft: Draft, chunks: Iterator[list[Piece]], way: Way) -> Iterator[_Judged]:
    bench = Bench(draft, way.on, way.family)
    for chunk in chunks:
        yield bench.judge(chunk)


def _apart(draft: Draft, chunks: Iterator[list[Piece]], way: Way) -> Iterator[_Judged]:
    """Judge in other processes; results come back in the order of the archive."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(way.jobs, context, _enter, (draft, way.on, way.family)) as pool:
        waiting = deque[Future[_Judged]]()
        try:
            for chunk in chunks:
                waiting.append(pool.submit(_judge, chunk))
                if len(waiting) >= way.jobs * _WAITING:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


_bench: list[Bench] = []
"""What this process judges with, when it is one that :func:`_apart` began."""


def _enter(draft: Draft, on: date, family: str | None) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the one that hands out the work is told, and ends the others
    _bench[:] = [Bench(draft, on, family)]


def _judge(chunk: Sequence[Piece]) -> _Judged:
    return _bench[0].judge(chunk)


class Bench:
    """A draft, compiled, and the published versions beside it, compiled when a record needs one (校验台)."""

    def __init__(self, draft: Draft, on: date, family: str | None) -> None:
        self._judges = {name: Judge(version) for name, version in draft.compile().items()}
        self._names = [f'"{name}"'.encode() for name in self._judges]
        self._published: Mapping[str, Part] = draft.published
        self._known: dict[str, Judge | None] = {}
        self._on = on
        self._family = family

    def judge(self, chunk: Sequence[Piece]) -> _Judged:
        """Judge some pieces; returns their number, their weight and what was found."""
        tally = Tally()
        collecting = gc.isenabled()
        gc.disable()  # parsed records hold no cycles: looking for some takes half the time
        try:
            for piece in chunk:
                self._judge(piece, tally)
        finally:
            if collecting:
                gc.enable()
        return len(chunk), sum(piece.weight for piece in chunk), tally

    def _judge(self, piece: Piece, tally: Tally) -> None:
        tally.read += 1
        if self._family is None and not self._concerns(piece.data):
            tally.other += 1
            return
        try:
            past = read_piece(piece, self._family)
        except UnreadableError as problem:
            tally.note_unreadable(problem.code, piece.place)
            return
        judge = self._judges.get(past.family)
        if judge is None:
            tally.other += 1
            return
        on, cell = past.on or self._on, (shortened(past.city), past.month)
        findings = judge.findings(past.payload, on)
        if not findings:
            tally.note(past.family, cell, valid=True)
            return
        self._note(tally, _Found(past, piece, on, cell, findings), judge.version)

    def _concerns(self, data: bytes) -> bool:
        """Whether a drafted family can be meant; bytes that spell no family, or spell one by escapes, are read."""
        return b"\\" in data or any(name in data for name in self._names) or b'"payload"' not in data

    def _note(self, tally: Tally, found: _Found, version: Version) -> None:
        blocked = any(finding.severity == "block" for finding in found.findings)
        tally.note(found.past.family, found.cell, valid=not blocked)
        tally.warned += not blocked
        already = blocked and self._was_at_fault(found)
        tally.already += already
        record = found.past.id or name_of(found.piece)
        seen = set[Fault]()
        for finding in found.findings:
            fault = Fault.of(found.past.family, _place(version, finding.pointer), finding)
            if fault not in seen:
                seen.add(fault)
                was = already and finding.severity == "block"
                tally.note_fault(fault, found.cell, record, finding.pointer, already=was)

    def _was_at_fault(self, found: _Found) -> bool:
        """Whether the version that a record cites refuses it as well; an unknown version can't be asked."""
        name = f"{found.past.family}/{found.past.version}"
        if name not in self._known:
            part = self._published.get(name)
            self._known[name] = None if part is None else Judge(part.compile())
        judge = self._known[name]
        return judge is not None and any(
            finding.severity == "block" for finding in judge.findings(found.past.payload, found.on)
        )


@dataclass(frozen=True, slots=True)
class _Found:
    """One record that does not plainly pass (待记录结果)."""

    past: Past
    piece: Piece
    on: date
    cell: tuple[str, str]
    findings: Sequence[Finding]


def _place(version: Version, pointer: str) -> str:
    """Return a pointer with ``*`` for indexes and free names, as the fields of the version are called."""
    place = ""
    for token in pointer.split("/")[1:]:
        exact, free = f"{place}/{token}", f"{place}/*"
        place = exact if exact in version.fields else free if free in version.fields or token.isdigit() else exact
    return place if place in version.fields else _known_prefix(version, place)


def _known_prefix(version: Version, place: str) -> str:
    """Return a place that no field describes as the closest one above it and one free name."""
    above = place
    while above and above not in version.fields:
        above = above.rpartition("/")[0]
    return f"{above}/{escape('*')}" if above != place else place
