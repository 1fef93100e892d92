"""
A vault in a folder (文件库): files by digest; secret ones under a keyed name and encrypted, so that a dump tells nothing.

Secret files are age files to the node's vault key. A decoy is one too, over random bytes, under a random name.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pyrage

from tradehall.desk.cloak import Cloak
from tradehall.rules import sealing

CHUNK = 1 << 20
SPOOL = 16 << 20
_SIZE_BYTES = 8


class FolderVault:
    """Files in a folder (文件夹文件库); writes are durable before they return."""

    def __init__(self, root: Path, cloak: Cloak, secret_key: bytes) -> None:
        self._root = root
        self._cloak = cloak
        self._secret_key = secret_key
        self._recipient = sealing.recipient_of_secret(secret_key)
        for name in ("open", "sealed", "parts"):
            (root / name).mkdir(parents=True, exist_ok=True)

    def _path(self, sha256: str, *, secret: bool) -> Path:
        name = self._cloak.tag("vault", sha256).hex() if secret else sha256.removeprefix("sha256:")
        folder = self._root / ("sealed" if secret else "open") / name[:2]
        return folder / name

    def has(self, sha256: str, *, secret: bool) -> int | None:
        """Return the size of a complete file, None when it is not here."""
        path = self._path(sha256, secret=secret)
        if not path.is_file():
            return None
        if not secret:
            return path.stat().st_size
        return int.from_bytes(self._cloak.open((path.with_suffix(".meta")).read_bytes()), "big")

    @contextmanager
    def read(self, sha256: str, *, secret: bool) -> Iterator[Iterator[bytes]]:
        """Open a file as chunks; LookupError when it is not here."""
        path = self._path(sha256, secret=secret)
        if not path.is_file():
            raise LookupError(sha256)
        with path.open("rb") as file:
            yield _age_chunks(file, self._secret_key) if secret else _chunks(file)

    def add(self, chunks: Iterable[bytes], *, secret: bool) -> tuple[str, int]:
        """Store a file durably; returns its digest and size."""
        digest, size = hashlib.sha256(), 0

        def counted() -> Iterator[bytes]:
            nonlocal size
            for chunk in chunks:
                digest.update(chunk)
                size += len(chunk)
                yield chunk

        with self._part() as (file, part):
            stream = sealing.age_encrypt(counted(), self._recipient, secrets.token_bytes) if secret else counted()
            for chunk in stream:
                file.write(chunk)
            _sync(file)
            name = "sha256:" + digest.hexdigest()
            path = self._path(name, secret=secret)
            path.parent.mkdir(exist_ok=True)
            if secret:
                _write_durably(path.with_suffix(".meta"), self._cloak.seal(size.to_bytes(_SIZE_BYTES, "big")))
            part.replace(path)
            _sync_folder(path.parent)
        return name, size

    def add_decoy(self, size: int) -> None:
        """Store a file that nobody can tell from a secret one of that size."""
        data = os.urandom(size)
        name = secrets.token_hex(32)
        path = self._root / "sealed" / name[:2] / name
        path.parent.mkdir(exist_ok=True)
        body = b"".join(sealing.age_encrypt([data], self._recipient, secrets.token_bytes))
        _write_durably(path.with_suffix(".meta"), self._cloak.seal(len(data).to_bytes(_SIZE_BYTES, "big")))
        _write_durably(path, body)

    @contextmanager
    def _part(self) -> Iterator[tuple[IO[bytes], Path]]:
        handle, name = tempfile.mkstemp(dir=self._root / "parts")
        part = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                yield file, part
        finally:
            part.unlink(missing_ok=True)


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    while chunk := file.read(CHUNK):
        yield chunk


def _age_chunks(file: IO[bytes], secret_key: bytes) -> Iterator[bytes]:
    identity = pyrage.x25519.Identity.from_str(sealing.encode_secret(secret_key))
    with tempfile.SpooledTemporaryFile(max_size=SPOOL) as plain:
        pyrage.decrypt_io(file, plain, [identity])
        plain.seek(0)
        yield from _chunks(plain)


def _sync(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())


def _write_durably(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        _sync(file)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
