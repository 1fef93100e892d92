"""Uploads in parts 断点续传: continued where they stopped, kept only under their own digest, unreadable while unfinished."""

from __future__ import annotations

from hashlib import sha256

import pytest

from tradehall.adapters.vault import PIECE, FolderVault
from tradehall.desk.cloak import Cloak
from tradehall.rules import sealing

IDENT = "org:x|sha256:y"
DATA = bytes(range(256)) * (2 * PIECE // 256 + 7)
DIGEST = "sha256:" + sha256(DATA).hexdigest()


def chance(size):
    return sha256(str(size).encode()).digest()[:1] * size


@pytest.fixture
def vault(tmp_path):
    return FolderVault(tmp_path, Cloak(b"k" * 32, chance), sealing.clamp(b"v" * 32))


def read(vault, digest, *, secret):
    with vault.read(digest, secret=secret) as chunks:
        return b"".join(chunks)


@pytest.mark.parametrize("secret", [False, True])
def test_parts_become_the_file(vault, secret):
    assert vault.offset(IDENT) == 0
    assert vault.append(IDENT, 0, DATA[:1000]) == 1000
    assert vault.append(IDENT, 500, DATA[500:2000]) == 2000
    assert vault.append(IDENT, 2000, DATA[2000:]) == len(DATA)
    assert vault.finish(IDENT, DIGEST, secret=secret)
    assert vault.has(DIGEST, secret=secret) == len(DATA)
    assert read(vault, DIGEST, secret=secret) == DATA
    assert vault.offset(IDENT) == 0


def test_a_gap_is_not_taken(vault):
    vault.append(IDENT, 0, DATA[:1000])
    assert vault.append(IDENT, 1001, DATA[1001:]) == 1000
    assert vault.offset(IDENT) == 1000


def test_another_file_is_not_kept(vault):
    vault.append(IDENT, 0, b"another")
    assert not vault.finish(IDENT, DIGEST, secret=True)
    assert vault.has(DIGEST, secret=True) is None
    assert vault.has("sha256:" + sha256(b"another").hexdigest(), secret=True) is None


@pytest.mark.parametrize("secret", [False, True])
def test_two_processes_that_both_have_the_last_part_both_find_the_file(vault, tmp_path, secret):
    other = FolderVault(tmp_path, Cloak(b"k" * 32, chance), sealing.clamp(b"v" * 32))
    assert vault.append(IDENT, 0, DATA) == other.append(IDENT, 0, DATA) == len(DATA)
    assert vault.finish(IDENT, DIGEST, secret=secret)
    assert other.finish(IDENT, DIGEST, secret=secret)
    assert read(other, DIGEST, secret=secret) == DATA
    assert not list((tmp_path / "parts").iterdir())


def test_a_power_cut_costs_only_what_was_not_acknowledged(vault, tmp_path):
    vault.append(IDENT, 0, DATA[:1000])
    part = next((tmp_path / "parts").iterdir())
    part.write_bytes(part.read_bytes() + b"\x00\x00\x10\x00half a frame")
    assert vault.offset(IDENT) == 1000
    assert vault.append(IDENT, 1000, DATA[1000:]) == len(DATA)
    assert vault.finish(IDENT, DIGEST, secret=False)


def test_an_unfinished_upload_is_unreadable_at_rest(vault, tmp_path):
    vault.append(IDENT, 0, b"bid price 18600000.00")
    stored = b"".join(p.read_bytes() for p in tmp_path.rglob("*") if p.is_file())
    assert b"18600000" not in stored


def test_uploads_of_two_parties_do_not_meet(vault):
    vault.append(IDENT, 0, DATA[:1000])
    assert vault.offset("org:z|sha256:y") == 0
