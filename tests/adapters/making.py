"""What the tests of stores are made of: rows, listings, a clock that says nothing, and a naive tree to compare with."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from pathlib import Path

from tradehall.desk.ports import Listing, Row

IN_MEMORY = Path("/dev/shm")  # noqa: S108  - every file in it has a folder of its own
ROOM = 1 << 30


def quick_folder() -> str | None:
    """Where databases lie meanwhile: in memory where there is room, for these tests sync thousands of times."""
    if IN_MEMORY.is_dir() and os.access(IN_MEMORY, os.W_OK) and shutil.disk_usage(IN_MEMORY).free > ROOM:
        return str(IN_MEMORY)
    return None


START = datetime(2026, 3, 25, 1, 30, tzinfo=UTC)
CASE = "t-" + "a" * 26
OTHER = "t-" + "b" * 26


class Steady:
    """A clock that passes the store's instant on and is never suspect."""

    suspect = False

    def stamp(self, stored: datetime) -> datetime:
        return stored.astimezone(UTC)


def data(number: int, domain: str = "leaf") -> bytes:
    """32 bytes that are other ones for each number."""
    return sha256(f"{domain}-{number}".encode()).digest()


def row(number: int, *, case: str | None = CASE, at: datetime = START, body: bytes = b"{}") -> Row:
    return Row(data(number, "tag"), data(number), case, "question" if case else None, at, body)


def rows(start: int, stop: int) -> list[Row]:
    return [row(number) for number in range(start, stop)]


def listing(number: int, **facts: str) -> Listing:
    told = {
        "case": f"t-{number:026d}",
        "procedure": "open_tender",
        "title": f"项目 {number}",
        "code": f"CODE-{number}",
        "tenderer": "成都轨道集团",
        "regime": "tender_law",
        "region": "510100",
        "sector": "A03",
        "stage": "tender",
        "states": "L1:tendering",
        "deadline": "2026-04-20T09:30:00.000+08:00",
        "published_at": f"2026-03-{1 + number % 28:02d}T09:00:00.000+08:00",
    }
    return Listing(**{**told, **facts})


@dataclass(frozen=True)
class NaiveTree:
    """RFC 6962 section 2.1 word for word, over leaves that ``data`` gives; slow, and like nothing in the product."""

    def root(self, start: int, stop: int) -> bytes:
        return _root(start, stop)

    def path(self, index: int, start: int, stop: int) -> list[bytes]:
        if stop - start == 1:
            return []
        middle = start + _split(stop - start)
        if index < middle:
            return [*self.path(index, start, middle), _root(middle, stop)]
        return [*self.path(index, middle, stop), _root(start, middle)]

    def proof(self, old: int, size: int) -> list[bytes]:
        return [] if old in {0, size} else self._subproof(old, 0, size, whole=True)

    def _subproof(self, old: int, start: int, stop: int, *, whole: bool) -> list[bytes]:
        if old == stop - start:
            return [] if whole else [_root(start, stop)]
        k = _split(stop - start)
        if old <= k:
            return [*self._subproof(old, start, start + k, whole=whole), _root(start + k, stop)]
        return [*self._subproof(old - k, start + k, stop, whole=False), _root(start, start + k)]


@cache
def _root(start: int, stop: int) -> bytes:
    if stop == start:
        return sha256(b"").digest()
    if stop - start == 1:
        return sha256(b"\x00" + data(start)).digest()
    middle = start + _split(stop - start)
    return sha256(b"\x01" + _root(start, middle) + _root(middle, stop)).digest()


def _split(count: int) -> int:
    """The largest power of two smaller than ``count``."""
    power = 1
    while power * 2 < count:
        power *= 2
    return power
