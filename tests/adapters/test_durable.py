"""Names and files that outlive a power cut, as far as it can be seen without one; ``./run torture power-cut`` cuts it."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest

from tradehall.adapters import durable
from tradehall.adapters.keyfolder import KeyFolder, open_keys
from tradehall.adapters.vault import FolderVault
from tradehall.desk.cloak import Cloak

AT = datetime(2026, 3, 1, tzinfo=UTC)
KEYS = ("log.pem", "receipt.pem", "witness.pem", "ca.pem", "ca.der", "node.pem", "node.der", "cloak.key", "vault.key")


class Stopped(Exception):
    """The process ends here."""


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """What was synced, in order."""
    found: list[Path] = []
    sync = os.fsync

    def noted(handle: int) -> None:
        found.append(Path(f"/proc/self/fd/{handle}").readlink())
        sync(handle)

    monkeypatch.setattr(os, "fsync", noted)
    return found


def opened(folder: Path) -> KeyFolder:
    return open_keys(folder, city="chengdu", origin="hall.example/chengdu", at=AT, chance=secrets.token_bytes)


def stops_at(call: int, real: Callable[..., None]) -> Callable[..., None]:
    calls = count(1)

    def stopping(*arguments: object) -> None:
        if next(calls) == call:
            raise Stopped
        real(*arguments)

    return stopping


@pytest.mark.parametrize("name", ["fsync", "replace"])
def test_a_key_folder_opens_again_wherever_its_making_stopped(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = os if name == "fsync" else Path
    for call in count(1):
        folder = tmp_path / str(call)
        with monkeypatch.context() as patch:
            patch.setattr(place, name, stops_at(call, getattr(place, name)))
            try:
                opened(folder)
            except Stopped:
                pass
            else:
                assert call > len(KEYS)
                return
        kept = {key: (folder / key).read_bytes() for key in KEYS if (folder / key).exists() and key != "ca.pem"}
        again = opened(folder)
        assert again.certificate.der == (folder / "node.der").read_bytes()
        assert {key: (folder / key).read_bytes() for key in kept} == kept


def test_a_key_is_durable_before_and_after_it_has_its_name(tmp_path: Path, synced: list[Path]) -> None:
    opened(tmp_path / "keys")
    for key in KEYS:
        at = synced.index(tmp_path / "keys" / f"{key}.new")
        assert synced[at + 1] == tmp_path / "keys", key
    assert synced[0] == tmp_path


def test_keys_that_an_earlier_process_may_not_have_synced_are_synced_before_use(
    tmp_path: Path, synced: list[Path]
) -> None:
    opened(tmp_path / "keys")
    synced.clear()
    opened(tmp_path / "keys")
    assert synced == [tmp_path, tmp_path / "keys"]


def test_a_folder_is_made_with_those_above_it(tmp_path: Path, synced: list[Path]) -> None:
    durable.make_folder(tmp_path / "a" / "b" / "c", 0o700)
    assert (tmp_path / "a" / "b" / "c").stat().st_mode & 0o777 == 0o700
    assert synced == [tmp_path / "a" / "b", tmp_path / "a", tmp_path]


@pytest.mark.parametrize("secret", [False, True])
def test_a_file_that_the_vault_says_it_has_has_a_durable_name(
    secret: bool, tmp_path: Path, synced: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where whoever brought it was killed between giving it its name and syncing that."""
    vault = FolderVault(tmp_path / "vault", Cloak(bytes(32), secrets.token_bytes), b"\x40" * 32)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", lambda _handle: None)
        name, size = vault.add([b"content"], secret=secret)
    synced.clear()
    assert vault.has(name, secret=secret) == size
    (path,) = [p for p in (tmp_path / "vault" / ("sealed" if secret else "open")).rglob("*") if p.is_file()]
    assert synced == [path.parent.parent, path.parent]
