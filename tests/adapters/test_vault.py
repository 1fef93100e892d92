"""Files at rest: whole or not there, the one their name promises, and nothing to read from a copy of the folder."""

from __future__ import annotations

import os
import secrets
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tradehall.adapters import vault as module
from tradehall.adapters.vault import CHUNK, PIECE, DamagedFileError, FolderVault
from tradehall.desk.cloak import Cloak
from tradehall.rules import sealing

IDENT = "org:91510100MA61TYT01A|sha256:x"
PLANTED = b"PRICE 18600000.00 of bidder 91510100MA61TYT01A"
DATA = PLANTED * 3000
proc = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
both = pytest.mark.parametrize("secret", [True, False], ids=["secret", "public"])


def digest_of(data: bytes) -> str:
    return "sha256:" + sha256(data).hexdigest()


def vault_in(folder: Path) -> FolderVault:
    return FolderVault(folder, Cloak(b"k" * 32, secrets.token_bytes), sealing.clamp(b"v" * 32))


@pytest.fixture
def vault(tmp_path: Path) -> FolderVault:
    return vault_in(tmp_path)


def read(vault: FolderVault, sha256: str, *, secret: bool) -> bytes:
    with vault.read(sha256, secret=secret) as chunks:
        return b"".join(chunks)


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


# --- whole files ------------------------------------------------------------------------------------------------


@both
@pytest.mark.parametrize("size", [0, 1, 65535, 65536, 65537, CHUNK, 3 * CHUNK + 5])
def test_a_file_comes_back(vault: FolderVault, size: int, secret: bool) -> None:
    data = secrets.token_bytes(size)
    assert vault.add([data[: size // 3], b"", data[size // 3 :]], secret=secret) == (digest_of(data), size)
    assert vault.has(digest_of(data), secret=secret) == size
    assert read(vault, digest_of(data), secret=secret) == data


@both
def test_what_is_not_here_is_not_here(vault: FolderVault, secret: bool) -> None:
    vault.add([DATA], secret=not secret)
    assert vault.has(digest_of(DATA), secret=secret) is None
    with pytest.raises(LookupError):
        read(vault, digest_of(DATA), secret=secret)


@both
def test_a_file_survives_a_restart(tmp_path: Path, secret: bool) -> None:
    vault_in(tmp_path).add([DATA], secret=secret)
    assert read(vault_in(tmp_path), digest_of(DATA), secret=secret) == DATA


@both
def test_the_same_file_twice_is_one_file_that_is_not_written_again(
    vault: FolderVault, tmp_path: Path, secret: bool
) -> None:
    vault.add([DATA], secret=secret)
    before = {path: path.read_bytes() for path in files(tmp_path)}
    assert vault.add([DATA], secret=secret) == (digest_of(DATA), len(DATA))
    assert {path: path.read_bytes() for path in files(tmp_path)} == before


@both
def test_a_source_that_fails_leaves_nothing(vault: FolderVault, tmp_path: Path, secret: bool) -> None:
    def broken() -> Iterator[bytes]:
        yield DATA
        raise ConnectionError

    with pytest.raises(ConnectionError):
        vault.add(broken(), secret=secret)
    assert files(tmp_path) == []


@proc
@both
def test_a_file_is_synced_before_it_gets_its_name_and_the_name_before_it_is_told(
    vault: FolderVault, tmp_path: Path, secret: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a power cut leaves is what was synced: first the bytes, then the name, then every folder made for it."""
    done: list[tuple[str, object]] = []
    fsync, replace = os.fsync, Path.replace

    def sync(number: int) -> None:
        done.append(("sync", str(Path(f"/proc/self/fd/{number}").readlink())))
        fsync(number)

    def rename(part: Path, path: Path) -> Path:
        done.append(("name", str(path)))
        assert ("sync", str(part)) in done, "it got its name before its bytes were safe"
        return replace(part, path)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(Path, "replace", rename)
    vault.add([DATA], secret=secret)
    place = files(tmp_path)[0]
    assert done[0][0] == "sync"
    assert [act for act in done[1:] if act[0] == "name"] == [("name", str(place))]
    after = done[done.index(("name", str(place))) :]
    assert ("sync", str(place.parent)) in after
    assert ("sync", str(place.parent.parent)) in done, "the folder itself would be lost"


@both
def test_every_changed_byte_is_noticed(vault: FolderVault, tmp_path: Path, secret: bool) -> None:
    data = PLANTED
    vault.add([data], secret=secret)
    (path,) = files(tmp_path)
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(DamagedFileError):
            read(vault, digest_of(data), secret=secret)
    for damaged in (whole[:-1], b"", whole + b"x"):
        path.write_bytes(damaged)
        with pytest.raises(DamagedFileError):
            read(vault, digest_of(data), secret=secret)


def test_a_secret_file_in_the_place_of_another_is_noticed(vault: FolderVault, tmp_path: Path) -> None:
    one, _ = vault.add([b"bid of A"], secret=True)
    first = set(files(tmp_path))
    two, _ = vault.add([b"bid of B"], secret=True)
    (path_one,), (path_two,) = first, set(files(tmp_path)) - first
    path_two.write_bytes(path_one.read_bytes())
    with pytest.raises(DamagedFileError):
        read(vault, two, secret=True)
    with pytest.raises(DamagedFileError):
        vault.has(two, secret=True)
    assert read(vault, one, secret=True) == b"bid of A"


@proc
def test_a_reader_that_stops_half_way_leaves_nothing_open(vault: FolderVault) -> None:
    name, _ = vault.add([secrets.token_bytes(2 * CHUNK)], secret=True)
    before = len(list(Path("/proc/self/fd").iterdir()))
    with vault.read(name, secret=True) as chunks:
        assert len(next(chunks)) == CHUNK
    assert len(list(Path("/proc/self/fd").iterdir())) == before


# --- secrecy ----------------------------------------------------------------------------------------------------


def test_nothing_planted_can_be_read_from_a_copy_of_the_folder(vault: FolderVault, tmp_path: Path) -> None:
    vault.add([DATA], secret=True)
    vault.append(IDENT, 0, DATA)
    told = b"".join(str(path).encode() + path.read_bytes() for path in files(tmp_path))
    digest = sha256(DATA)
    for planted in (PLANTED, PLANTED[:12], b"91510100MA61TYT01A", digest.digest(), digest.hexdigest().encode()):
        assert planted not in told
    vault.add([DATA], secret=False)
    told = b"".join(str(path).encode() + path.read_bytes() for path in files(tmp_path))
    assert PLANTED in told, "the search would find it"
    assert digest.hexdigest().encode() in told


def test_the_same_secret_looks_different_under_another_node(tmp_path: Path, vault: FolderVault) -> None:
    other = FolderVault(tmp_path / "other", Cloak(b"l" * 32, secrets.token_bytes), sealing.clamp(b"w" * 32))
    vault.add([DATA], secret=True)
    other.add([DATA], secret=True)
    assert len({path.name for path in files(tmp_path)}) == 2


def shape(path: Path) -> tuple[object, ...]:
    """All that a file shows without its key."""
    facts, data = path.stat(), path.read_bytes()
    header = data[module._NOTE : module._NOTE + sealing.HEADER_SIZE]
    frame = [line.split(b" ")[0] for line in header.split(b"\n")]
    lengths = [len(line) for line in header.split(b"\n")]
    name = len(path.name), path.name == path.parent.name + path.name[2:], set(path.name) <= set("0123456789abcdef")
    return name, len(data), stat.filemode(facts.st_mode), facts.st_nlink, frame[0], lengths, path.parent.parent.name


@pytest.mark.parametrize("size", [0, 1, 65536, sealing.ciphertext_size(65536), 3 * CHUNK + 1])
def test_a_decoy_has_the_shape_of_a_secret_file(vault: FolderVault, tmp_path: Path, size: int) -> None:
    vault.add([secrets.token_bytes(size)], secret=True)
    (real,) = files(tmp_path)
    vault.add_decoy(size)
    (decoy,) = set(files(tmp_path)) - {real}
    assert shape(decoy) == shape(real)
    assert sealing.parse_header(decoy.read_bytes()[module._NOTE :]) is not None


def test_a_decoy_leaves_as_many_files_and_folders_as_a_secret_file(tmp_path: Path) -> None:
    vault_in(tmp_path / "one").add([DATA], secret=True)
    vault_in(tmp_path / "two").add_decoy(len(DATA))
    kinds = [sorted(str(p.is_dir()) for p in (tmp_path / which).rglob("*")) for which in ("one", "two")]
    assert kinds[0] == kinds[1]


def test_decoys_take_the_sizes_of_secret_files(vault: FolderVault, tmp_path: Path) -> None:
    assert vault.typical_size(1000, 10**9) == 1000, "nothing to go by yet"
    sizes = [0, 1, 65535, 65536, 65537, 131072, 200_000, CHUNK]
    for size in sizes:
        vault.add([secrets.token_bytes(size)], secret=True)
    picked = {vault.typical_size(1000, 10**9) for _ in range(400)}
    assert picked == set(sizes)
    assert max(vault.typical_size(1000, 5000) for _ in range(50)) == 5000
    for _ in range(20):
        vault.add_decoy(vault.typical_size(1000, 10**9))
    shown = {path.stat().st_size for path in files(tmp_path / "sealed")}
    assert len(shown) == len(sizes), "a decoy of a size of its own"


# --- uploads ----------------------------------------------------------------------------------------------------


def upload(vault: FolderVault, data: bytes, part: int = CHUNK) -> None:
    for start in range(0, len(data), part):
        vault.append(IDENT, start, data[start : start + part])


def test_a_part_sent_again_changes_nothing(vault: FolderVault, tmp_path: Path) -> None:
    assert vault.append(IDENT, 0, DATA[:1000]) == 1000
    before = files(tmp_path)[0].read_bytes()
    assert vault.append(IDENT, 0, DATA[:1000]) == vault.append(IDENT, 400, DATA[400:700]) == 1000
    assert vault.append(IDENT, 1000, b"") == 1000
    assert files(tmp_path)[0].read_bytes() == before


def test_an_overlapping_part_with_other_bytes_is_never_kept(vault: FolderVault, tmp_path: Path) -> None:
    vault.append(IDENT, 0, DATA[:1000])
    vault.append(IDENT, 500, bytes(len(DATA) - 500))
    assert vault.offset(IDENT) == len(DATA)
    assert not vault.finish(IDENT, digest_of(DATA), secret=True)
    assert files(tmp_path) == []


def test_an_upload_goes_on_after_a_restart(tmp_path: Path) -> None:
    vault_in(tmp_path).append(IDENT, 0, DATA[:1000])
    assert vault_in(tmp_path).offset(IDENT) == 1000
    vault_in(tmp_path).append(IDENT, 1000, DATA[1000:])
    assert vault_in(tmp_path).finish(IDENT, digest_of(DATA), secret=True)
    assert read(vault_in(tmp_path), digest_of(DATA), secret=True) == DATA


@both
def test_a_finished_upload_leaves_the_file_alone(vault: FolderVault, tmp_path: Path, secret: bool) -> None:
    upload(vault, DATA, 50_000)
    assert vault.finish(IDENT, digest_of(DATA), secret=secret)
    assert [path.parent.parent.name for path in files(tmp_path)] == ["sealed" if secret else "open"]
    assert vault.finish(IDENT, digest_of(DATA), secret=secret), "somebody else has finished it"
    assert [path.parent.parent.name for path in files(tmp_path)] == ["sealed" if secret else "open"]


def test_a_power_cut_at_any_byte_costs_only_what_was_not_acknowledged(vault: FolderVault, tmp_path: Path) -> None:
    vault.append(IDENT, 0, DATA[:300])
    first = len(files(tmp_path)[0].read_bytes())
    vault.append(IDENT, 300, DATA[300:600])
    (path,) = files(tmp_path)
    whole = path.read_bytes()
    for cut in range(first, len(whole)):
        path.write_bytes(whole[:cut])
        assert vault.offset(IDENT) == 300
    vault.append(IDENT, 300, DATA[300:])
    assert vault.finish(IDENT, digest_of(DATA), secret=True)


def test_pieces_of_an_upload_cannot_be_swapped_or_moved_to_another(vault: FolderVault, tmp_path: Path) -> None:
    for start in (0, 100):
        vault.append(IDENT, start, DATA[start : start + 100])
    (path,) = files(tmp_path)
    whole = path.read_bytes()
    half = len(whole) // 2
    path.write_bytes(whole[half:] + whole[:half])
    swapped = digest_of(DATA[100:200] + DATA[:100])
    assert not vault.finish(IDENT, swapped, secret=True)
    vault.append("another", 0, b"x")
    (other,) = files(tmp_path)
    other.write_bytes(whole)
    assert not vault.finish("another", digest_of(DATA[:200]), secret=True)


def test_two_tabs_that_upload_the_same_file_at_once_make_one(tmp_path: Path) -> None:
    data = secrets.token_bytes(400_000)

    def tab(_: int) -> bool:
        vault = vault_in(tmp_path)  # as another process would: with locks of its own
        while (offset := vault.offset(IDENT)) < len(data):
            vault.append(IDENT, offset, data[offset : offset + 10_000])
            if vault.has(digest_of(data), secret=True) is not None:
                return False
        return vault.finish(IDENT, digest_of(data), secret=True)

    with ThreadPoolExecutor(4) as pool:
        finished = list(pool.map(tab, range(4)))
    assert any(finished)
    assert read(vault_in(tmp_path), digest_of(data), secret=True) == data


def test_uploads_nobody_continues_are_forgotten(vault: FolderVault, tmp_path: Path) -> None:
    now = datetime(2026, 3, 25, tzinfo=UTC)
    for name, age in (("old", 3), ("new", 1)):
        vault.append(name, 0, DATA)
        (path,) = [p for p in files(tmp_path) if p.stat().st_mtime > now.timestamp()]
        os.utime(path, times=((now - timedelta(days=age)).timestamp(),) * 2)
    (tmp_path / "parts" / "tmpcrash").write_bytes(b"left by a crash")
    os.utime(tmp_path / "parts" / "tmpcrash", times=(0, 0))
    vault.add([DATA], secret=True)
    assert vault.forget_uploads(now - timedelta(days=2)) == 2
    assert (vault.offset("old"), vault.offset("new")) == (0, len(DATA))
    assert vault.has(digest_of(DATA), secret=True) == len(DATA)


def test_an_upload_that_is_being_continued_is_not_forgotten(vault: FolderVault) -> None:
    vault.append(IDENT, 0, DATA)
    with vault._held(IDENT):
        assert vault.forget_uploads(datetime(9999, 1, 1, tzinfo=UTC)) == 0
    assert vault.offset(IDENT) == len(DATA)


PARTS = st.lists(st.tuples(st.integers(0, 700), st.integers(0, 300)), max_size=15)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=PARTS, secret=st.booleans())
def test_parts_in_any_order_give_the_file_or_nothing(vault: FolderVault, parts: Any, secret: bool) -> None:
    data, ident = DATA[:700], secrets.token_hex(8)
    expected = 0
    for start, length in parts:
        part = data[start : start + length]
        if start <= expected:
            expected = max(expected, start + len(part))
        assert vault.append(ident, start, part) == vault.offset(ident) == expected
    assert vault.finish(ident, digest_of(data[:expected]), secret=secret)
    assert read(vault, digest_of(data[:expected]), secret=secret) == data[:expected]
    assert vault.offset(ident) == 0


# --- memory -----------------------------------------------------------------------------------------------------

BIG = 192 * CHUNK
MEASURE = """
import secrets, sys
from pathlib import Path
from tradehall.adapters.vault import CHUNK, FolderVault
from tradehall.desk.cloak import Cloak
from tradehall.rules import sealing

def peak():
    return next(int(l.split()[1]) for l in Path("/proc/self/status").read_text().splitlines() if l.startswith("VmHWM"))

def chunks():
    for number in range(count):
        yield number.to_bytes(8, "big") * (CHUNK // 8)

count = int(sys.argv[2])
vault = FolderVault(Path(sys.argv[1]), Cloak(b"k" * 32, secrets.token_bytes), sealing.clamp(b"v" * 32))
vault.append("warm", 0, bytes(CHUNK))
vault.finish("warm", "", secret=True)
with vault.read(vault.add([bytes(17 * CHUNK)], secret=True)[0], secret=True) as warm:
    sum(map(len, warm))
before = peak()
name, size = vault.add(chunks(), secret=True)
with vault.read(name, secret=True) as found:
    assert sum(map(len, found)) == size
at = 0
for chunk in chunks():
    at = vault.append("big", at, chunk)
assert vault.finish("big", name, secret=False)
vault.add_decoy(size)
print(peak() - before)
"""


@pytest.mark.slow
@proc
def test_memory_does_not_grow_with_a_file(tmp_path: Path) -> None:
    command = [sys.executable, "-c", MEASURE, str(tmp_path), str(BIG // CHUNK)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    assert int(done.stdout) * 1024 < BIG // 8, f"{int(done.stdout) // 1024} MiB for a file of {BIG // CHUNK} MiB"


def test_most_bytes_under_one_seal_fill_its_size_class() -> None:
    assert len(Cloak(b"k" * 32, secrets.token_bytes).seal(bytes(PIECE))) == CHUNK + 28
