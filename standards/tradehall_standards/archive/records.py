"""
Past records (往期记录): what an archive holds, one after another, however large it is.

An archive is a JSONL file, an evidence file, a folder of such files, or what a platform hands in. A piece of it is
bytes; nothing is parsed here, so that workers can share the work. Four shapes are read:

- ``{"envelope", "accepted_at", …}`` as a journal or an evidence file keeps it, or ``{"envelope", "signature"}``;
- a bare envelope ``{"schema", "payload", …}``;
- ``{"family", "payload"}`` with any of ``id``, ``city``, ``at`` (instant or local date);
- a bare payload, when the archive was opened for one family.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, Final, Literal, NamedTuple

from tradehall_standards import canonical, strict
from tradehall_standards.strict import Json, as_object

CENTRE: Final = timezone(timedelta(hours=8))
MAX_PIECE: Final = strict.MAX_BYTES + 65_536
"""Bytes of one record with what the journal adds to it; longer ones are told as unreadable."""
_SHOWN: Final = 60


class Piece(NamedTuple):
    """One record of an archive, not yet parsed (未解析记录); ``weight`` counts towards the archive's ``total``."""

    place: str
    data: bytes
    city: str = ""
    weight: int = 1


@dataclass(frozen=True, slots=True)
class Archive:
    """
    Past records to read once or again (往期记录来源).

    Attributes:
        name: what it is called in reports.
        pieces: gives the records from the beginning, in an order that never changes.
        total: sum of all weights, None where it isn't known.
        sealed: what lies between two pieces may not be read, such as bids before their opening; a piece's weight counts
            it in.
    """

    name: str
    pieces: Callable[[], Iterator[Piece]]
    total: int | None = None
    sealed: bool = False


class Past(NamedTuple):
    """
    One past record (往期记录).

    Attributes:
        id: digest of its envelope, else its own ``id``, else where it lies.
        family: its family.
        version: the version that it cites, empty where it cites none.
        city: node or city that it comes from, empty where that is not said.
        on: local date of the event, None where it is not said.
        payload: what is judged.
    """

    id: str
    family: str
    version: str
    city: str
    on: date | None
    payload: Json

    @property
    def month(self) -> str:
        """``YYYY-MM``, empty without a date."""
        return "" if self.on is None else self.on.isoformat()[:7]


class UnreadableError(ValueError):
    """A piece that is no record (无法读取的记录). ``code`` is stable: ``FORM`` or a code of the strict parser."""

    def __init__(self, code: str, message_zh: str, message_en: str) -> None:
        super().__init__(message_en)
        self.code = code
        self.message_zh = message_zh
        self.message_en = message_en


# --- from bytes to a record


def read_piece(piece: Piece, family: str | None = None) -> Past:
    """
    Read one piece strictly (读取记录).

    Args:
        piece: bytes as the archive holds them.
        family: family of bare payloads.

    Raises:
        UnreadableError: the bytes are not strict JSON, or of none of the four shapes.
    """
    try:
        document = strict.parse(piece.data, limit=MAX_PIECE)
    except strict.StrictError as problem:
        raise UnreadableError(problem.code, problem.message_zh, problem.message_en) from None
    return read_document(document, piece, family)


def read_document(document: Json, piece: Piece, family: str | None = None) -> Past:
    """Read one parsed piece; raises as :func:`read_piece` does."""
    if family is not None:
        return Past(piece.place, family, "", piece.city, None, document)
    if isinstance(document, Mapping):
        kept = document.get("envelope", document)
        if isinstance(kept, Mapping) and "payload" in kept:
            return _filed(document, kept, piece) if "schema" in kept else _named(kept, piece)
    raise UnreadableError("FORM", "不是记录：没有 payload", "Not a record: there is no payload")


def _filed(document: Mapping[str, Json], envelope: Mapping[str, Json], piece: Piece) -> Past:
    """Read a record with its envelope; the digest is only taken when somebody needs it."""
    cited = as_object(envelope["schema"])
    family, at = cited.get("id"), document.get("accepted_at")
    if not isinstance(family, str):
        raise UnreadableError("FORM", "记录没有引用标准", "The record cites no standard")
    city = piece.city or _text(document.get("city")) or _text(envelope.get("filed_by"))
    version = _text(cited.get("version"))
    return Past("", family, version, city, _day(at), envelope["payload"])


def _named(document: Mapping[str, Json], piece: Piece) -> Past:
    family = document.get("family")
    if not isinstance(family, str):
        raise UnreadableError("FORM", "记录没有说明类别", "The record names no family")
    own = _text(document.get("id")) or piece.place
    city = piece.city or _text(document.get("city"))
    return Past(own, family, _text(document.get("version")), city, _day(document.get("at")), document["payload"])


def name_of(piece: Piece) -> str:
    """Return what a record is called in a report (记录编号): the digest of its envelope, its ``id``, or its place."""
    try:
        document = strict.parse(piece.data, limit=MAX_PIECE)
    except strict.StrictError:
        return piece.place
    envelope = as_object(as_object(document).get("envelope", document))
    if "schema" in envelope and "payload" in envelope:
        return canonical.digest(envelope)
    return _text(as_object(document).get("id")) or piece.place


def _text(value: Json) -> str:
    return value if isinstance(value, str) else ""


def _day(value: Json) -> date | None:
    return _read_day(value) if isinstance(value, str) and len(value) <= _SHOWN else None


@lru_cache(maxsize=4096)
def _read_day(text: str) -> date | None:
    """Return the local date of an instant or a date; None for any other text."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.date() if moment.tzinfo is None else moment.astimezone(CENTRE).date()


# --- files


Kind = Literal["jsonl", "evidence", "json"]
_KINDS: Final[Mapping[str, Kind]] = {".jsonl": "jsonl", ".ndjson": "jsonl", ".zip": "evidence", ".json": "json"}


class ArchiveError(ValueError):
    """A source that holds no records (来源不是记录档案); says why in both languages."""

    def __init__(self, message_zh: str, message_en: str) -> None:
        super().__init__(message_en)
        self.message_zh = message_zh
        self.message_en = message_en


def open_archive(source: Path) -> Archive:
    """
    Open a JSONL file, an evidence file, a JSON file of one record, or a folder of these (打开档案).

    Raises:
        ArchiveError: there is nothing of the kind.
        OSError: it can't be read.
    """
    files = _files(source)
    if not files:
        raise ArchiveError(
            f"{source} 里没有 JSONL、证据文件或记录", f"{source} holds no JSONL, evidence or record files"
        )
    total = sum(path.stat().st_size for path in files)
    return Archive(source.name, lambda: _read_files(source, files), total)


def _files(source: Path) -> list[Path]:
    if source.is_dir():
        return sorted(path for path in source.rglob("*") if path.suffix in _KINDS and path.is_file())
    return [source] if source.suffix in _KINDS else []


def _read_files(source: Path, files: list[Path]) -> Iterator[Piece]:
    for path in files:
        name = path.relative_to(source).as_posix() if source.is_dir() else path.name
        match _KINDS[path.suffix]:
            case "jsonl":
                yield from _lines(path, name)
            case "evidence":
                yield from _evidence(path, name)
            case "json":
                yield Piece(name, _at_most(path), weight=path.stat().st_size)


def _at_most(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(MAX_PIECE + 1)


def _lines(path: Path, name: str) -> Iterator[Piece]:
    """Yield the lines of a file; of one that is too long only as much as it takes to refuse it."""
    with path.open("rb") as stream:
        number = 0
        while line := stream.readline(MAX_PIECE + 1):
            number += 1
            weight = len(line) if line.endswith(b"\n") else len(line) + _skip_line(stream)
            if line.strip():
                yield Piece(f"{name}:{number}", line.rstrip(b"\r\n"), weight=weight)


def _skip_line(stream: BinaryIO) -> int:
    skipped = 0
    while more := stream.readline(MAX_PIECE):
        skipped += len(more)
        if more.endswith(b"\n"):
            break
    return skipped


def _evidence(path: Path, name: str) -> Iterator[Piece]:
    """Yield the records of an evidence file; whether it is genuine is for ``tradehall verify`` to say."""
    try:
        with zipfile.ZipFile(path) as container:
            city = _node_of(container)
            for entry in container.infolist():
                if entry.filename.startswith("cases/") and entry.filename.endswith(".json"):
                    yield Piece(f"{name}/{entry.filename}", _entry(container, entry), city, entry.compress_size)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError):
        raise ArchiveError(f"{name} 不是证据文件", f"{name} is not an evidence file") from None


def _entry(container: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    with container.open(entry) as stream:
        return stream.read(MAX_PIECE + 1)


def _node_of(container: zipfile.ZipFile) -> str:
    try:
        found = strict.parse(_entry(container, container.getinfo("evidence.json")))
    except (KeyError, strict.StrictError):
        return ""
    return _text(as_object(found).get("node"))
