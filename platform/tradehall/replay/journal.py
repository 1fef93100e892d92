"""
The journal of a replay (重放日志): one line a finished tender, so that an interrupted replay goes on where it stopped.

A tender counts once its line is on disk, after its evidence file. What was being played when the replay stopped is
played again from the start, as a new case; the abandoned one stays in the log, without an award.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

FORMAT = "TH-REPLAY-1"


class FolderTaken(Exception):  # noqa: N818  - says what happened
    """The folder belongs to the replay of another table, or another process plays in it (目录已被占用)."""


@dataclass(frozen=True, slots=True)
class Entry:
    """
    A finished tender (已完成项目).

    Attributes:
        line: line of the winning row, 0 without a winner; ``bidder`` and ``bid`` repeat it.
        how: ``lowest``, ``tie_draw`` or ``none``.
        rejected: line → ground and explanation of every rejected bid.
        tied: lines of the bids among which the winner was drawn.
        milliseconds: time the replay spent on it.
    """

    tender: str
    case: str
    line: int
    bidder: str
    bid: int
    how: str
    bids: int
    records: int
    rejected: Mapping[int, tuple[str, str]]
    tied: tuple[int, ...]
    milliseconds: int

    def to_json(self) -> dict[str, Any]:
        """Return the line as JSON."""
        return {name: getattr(self, name) for name in self.__slots__} | {"tied": list(self.tied)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Entry:
        """Read a line."""
        named: dict[str, Any] = {name: value[name] for name in cls.__slots__}
        named["rejected"] = {int(line): (str(g), str(e)) for line, (g, e) in value["rejected"].items()}
        named["tied"] = tuple(value["tied"])
        return cls(**named)


@dataclass(slots=True)
class Journal:
    """An open journal, locked against other processes (重放日志). ``entries`` are by tender."""

    folder: Path
    entries: dict[str, Entry]
    _file: IO[bytes] = field(repr=False)

    @classmethod
    def open(cls, folder: Path, head: Mapping[str, str]) -> Journal:
        """
        Open the journal of a folder, making both when they are not there.

        Args:
            head: what the replay is of; the journal of another can't be continued.

        Raises:
            FolderTaken: the folder holds another replay, or is in use.
        """
        (folder / "evidence").mkdir(parents=True, exist_ok=True)
        file = (folder / "journal.jsonl").open("a+b")
        try:
            return cls(folder, _resume(file, folder, {"format": FORMAT, **head}), file)
        except BaseException:
            file.close()
            raise

    def add(self, entry: Entry, evidence: bytes) -> None:
        """Note a finished tender; on return its evidence file and its line are durable."""
        write_durably(self.evidence_of(entry.tender), evidence)
        _append(self._file, entry.to_json())
        self.entries[entry.tender] = entry

    def evidence_of(self, tender: str) -> Path:
        """Return where the evidence file of a tender lies."""
        return self.folder / "evidence" / f"{tender}.zip"

    def close(self) -> None:
        """Close the journal and let go of the folder."""
        self._file.close()


def _resume(file: IO[bytes], folder: Path, head: Mapping[str, str]) -> dict[str, Entry]:
    """Read what is there; a last line that was cut off by a crash is dropped."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise FolderTaken(f"{folder}: 另一重放正在使用 / another replay is using it") from error
    file.seek(0)
    rows = file.read().split(b"\n")
    if rows[-1]:
        file.truncate(sum(len(row) + 1 for row in rows[:-1]))
    found: list[Any] = [json.loads(row) for row in rows[:-1]]
    if not found:
        _append(file, head)
        return {}
    if found[0] != head:
        raise FolderTaken(f"{folder}: 存有另一数据表的重放 / holds the replay of another table")
    entries = (Entry.from_json(value) for value in found[1:])
    return {e.tender: e for e in entries if (folder / "evidence" / f"{e.tender}.zip").is_file()}


def _append(file: IO[bytes], value: Mapping[str, Any]) -> None:
    file.write(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
    file.flush()
    os.fsync(file.fileno())


def write_durably(path: Path, data: bytes) -> None:
    """Write a file so that it is there whole or not at all, whatever happens (原子写入)."""
    part = path.with_name(f".{path.name}.part")
    with part.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    handle = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
