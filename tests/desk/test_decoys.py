"""Decoys 诱饵: their files are written behind the commit, and a disk that is full stops nobody."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from tradehall.desk.cloak import Cloak
from tradehall.desk.decoys import SMALLEST_FILE, Decoys
from tradehall.desk.ports import Row

AT = datetime(2026, 3, 2, tzinfo=UTC)


class Files:
    """Counts decoy files; fails when told to."""

    def __init__(self, *, full: bool = False) -> None:
        self.sizes: list[int] = []
        self.full = full
        self.typical = 0

    def add_decoy(self, size: int) -> None:
        if self.full:
            raise OSError(28, "No space left on device")
        self.sizes.append(size)

    def typical_size(self, default: int, most: int) -> int:
        return self.typical or min(default, most)


class Put:
    def put_decoys(self, sealed: list[bytes]) -> None:
        assert len(sealed) == 6


def made(files: Any, throws: bytes) -> tuple[Decoys, list[Row]]:
    dice: Iterator[int] = iter(throws)

    def chance(count: int) -> bytes:
        return bytes([next(dice)]) if count == 1 else bytes(count)

    decoys = Decoys(Cloak(bytes(32), bytes), chance, files, 128)
    rows: list[Row] = []
    decoys.add_to(rows, Put(), AT)  # type: ignore[arg-type]
    return decoys, rows


def test_files_are_written_only_when_the_commit_is_over() -> None:
    files = Files()
    decoys, rows = made(files, bytes([0, 0, 255]))
    assert (len(rows), files.sizes) == (4, [])
    decoys.write_files()
    decoys.write_files()
    assert files.sizes == [SMALLEST_FILE, SMALLEST_FILE]


def test_a_full_disk_costs_the_decoy_and_nothing_else() -> None:
    decoys, _ = made(Files(full=True), bytes([0, 255]))
    decoys.write_files()


def test_files_have_the_sizes_that_secret_files_here_have() -> None:
    files = Files()
    decoys, _ = made(files, bytes([0, 255]))
    files.typical = 152_300
    decoys.write_files()
    assert files.sizes == [152_300]
