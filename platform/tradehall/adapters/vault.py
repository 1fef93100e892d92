"""
A vault in a folder (文件库): files by digest; secret ones under a keyed name and encrypted, and so are uploads that
have not come in whole, so that a dump tells nothing.

Secret files are age files to the node's vault key. A decoy is one too, over random bytes, under a random name.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import struct
import tempfile
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from tradehall.adapters.sealing import decrypt_stream
from tradehall.desk.cloak import Cloak
from tradehall.rules import sealing

CHUNK = 1 << 20
SPOOL = 16 << 20
PIECE = CHUNK - 4
"""Most bytes of an unfinished upload under one seal: with its length just one padded size."""

_FRAME = struct.Struct(">II")
"""Before every sealed piece of an unfinished upload: sealed length, plain length."""

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
    def read(self, sha256: str, *, secret: bool) -> Generator[Iterator[bytes]]:
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

    # --- uploads that come in parts (断点续传) ------------------------------------------------------------------

    def offset(self, ident: str) -> int:
        """Return how many bytes of an unfinished upload are here, durably."""
        return self._received(ident)[0]

    def append(self, ident: str, start: int, part: bytes) -> int:
        """
        Add the bytes of an upload that begin at ``start`` (续传); returns how many are here now.

        What is here already is skipped. A part that would leave a gap is not taken: the return is below ``start``.
        """
        offset, end = self._received(ident)
        if start > offset:
            return offset
        new = part[offset - start :]
        with self._unfinished(ident).open("r+b" if end else "wb") as file:
            file.truncate(end)  # a frame that a power cut left half written
            file.seek(end)
            for at in range(0, len(new), PIECE):
                piece = new[at : at + PIECE]
                sealed = self._cloak.seal(piece)
                file.write(_FRAME.pack(len(sealed), len(piece)) + sealed)
            _sync(file)
        return offset + len(new)

    def finish(self, ident: str, sha256: str, *, secret: bool) -> bool:
        """Store a complete upload if it has the digest; forget it in either case. Returns whether it was stored."""
        digest = hashlib.sha256()
        for piece in self._pieces(ident):
            digest.update(piece)
        fits = "sha256:" + digest.hexdigest() == sha256
        if fits:
            self.add(self._pieces(ident), secret=secret)
        self._unfinished(ident).unlink(missing_ok=True)
        return fits

    def _unfinished(self, ident: str) -> Path:
        return self._root / "parts" / self._cloak.tag("upload", ident).hex()

    def _received(self, ident: str) -> tuple[int, int]:
        """Return the plain bytes of the whole frames of an upload, and where the last of them ends in its file."""
        path, plain, end = self._unfinished(ident), 0, 0
        if not path.is_file():
            return 0, 0
        size = path.stat().st_size
        with path.open("rb") as file:
            while len(head := file.read(_FRAME.size)) == _FRAME.size:
                sealed, length = _FRAME.unpack(head)
                if end + _FRAME.size + sealed > size:
                    break
                plain, end = plain + length, end + _FRAME.size + sealed
                file.seek(end)
        return plain, end

    def _pieces(self, ident: str) -> Iterator[bytes]:
        end = self._received(ident)[1]
        if not end:
            return
        with self._unfinished(ident).open("rb") as file:
            while file.tell() < end:
                sealed, _ = _FRAME.unpack(file.read(_FRAME.size))
                yield self._cloak.open(file.read(sealed))

    @contextmanager
    def _part(self) -> Generator[tuple[IO[bytes], Path]]:
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
    with tempfile.SpooledTemporaryFile(max_size=SPOOL) as plain:
        decrypt_stream(file, plain, sealing.encode_secret(secret_key))
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
