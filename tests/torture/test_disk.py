"""The disk that forgets keeps what was synced, and only may keep anything else; no mount is needed to see that."""

from __future__ import annotations

import os

import pytest

from torture.disk import BLOCK, Files

SEEDS = range(40)


@pytest.fixture(autouse=True)
def somebody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Files, "_owner", lambda _self: (0, 0))


def made(seed: int, *, strict: bool = True) -> tuple[Files, int]:
    """Return a disk with a synced file ``/f`` of two blocks of ``a``."""
    files = Files(seed, strict=strict)
    handle = files.create("/f", 0o600)
    files.write("/f", b"a" * 2 * BLOCK, 0, handle)
    files.fsync("/f", 0, handle)
    files.fsyncdir("/", 0, 0)
    return files, handle


def content(files: Files, path: str = "/f") -> bytes:
    return files.read(path, 10 * BLOCK, 0, files.open(path, os.O_RDONLY))


def test_what_was_synced_is_kept() -> None:
    for seed in SEEDS:
        files, _ = made(seed)
        assert files.lose() == {"blocks": 0, "names": 0}
        assert content(files) == b"a" * 2 * BLOCK


def test_unsynced_blocks_survive_each_for_itself() -> None:
    found = set()
    for seed in SEEDS:
        files, handle = made(seed)
        files.write("/f", b"b" * 2 * BLOCK, 0, handle)
        files.lose()
        found.add((content(files)[:1], content(files)[BLOCK : BLOCK + 1]))
    assert found == {(b"a", b"a"), (b"b", b"b"), (b"a", b"b"), (b"b", b"a")}


def test_an_unsynced_length_is_one_or_the_other() -> None:
    found = set()
    for seed in SEEDS:
        files, handle = made(seed)
        files.truncate("/f", BLOCK // 2, handle)
        files.write("/f", b"c" * 3 * BLOCK, BLOCK, handle)
        files.lose()
        found.add(len(content(files)))
    assert found == {2 * BLOCK, 4 * BLOCK}


def test_unsynced_names_are_lost_up_to_some_step_in_order() -> None:
    found = set()
    for seed in SEEDS:
        files, handle = made(seed)
        files.rename("/f", "/g")
        files.fsync("/g", 0, files.create("/h", 0o600))
        files.lose()
        found.add(tuple(sorted(files.root.names)))
    assert found == {("f",), ("g",), ("g", "h")}
    assert handle


def test_a_rename_into_another_folder_may_arrive_without_leaving_or_leave_without_arriving() -> None:
    found = set()
    for seed in SEEDS:
        files, _ = made(seed)
        files.mkdir("/d", 0o700)
        files.fsyncdir("/", 0, 0)
        files.rename("/f", "/d/f")
        files.lose()
        found.add(("f" in files.root.names, "f" in files.root.names["d"].names))
    assert found == {(True, False), (False, True), (True, True), (False, False)}


def test_a_folder_that_was_not_synced_takes_all_in_it_along_but_not_with_one_journal() -> None:
    for strict in (True, False):
        kept = set()
        for seed in SEEDS:
            files, _ = made(seed, strict=strict)
            files.mkdir("/d", 0o700)
            handle = files.create("/d/x", 0o600)
            files.fsync("/d/x", 0, handle)
            files.fsyncdir("/d", 0, 0)
            files.lose()
            kept.add("d" in files.root.names)
        assert kept == ({True, False} if strict else {True})


def test_after_the_cut_nothing_works() -> None:
    files, handle = made(1)
    files.cut = True
    with pytest.raises(OSError, match="Errno 5"):
        files("write", "/f", b"x", 0, handle)
    assert files("release", "/f", handle) == 0
