"""
A vault in a folder (文件库): files by digest; secret ones under a keyed name and encrypted, and so are uploads that
have not come in whole, so that a dump tells nothing.

A secret file is an age file to the node's vault key behind a sealed note of its size. A decoy is made in the same way
from random bytes, under a random name. Nobody without the node's keys can tell them apart; how large they are and when
they came shows.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import struct
import tempfile
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import IO, NamedTuple

from cryptography.exceptions import InvalidTag

from tradehall.adapters.durable import make_folder, sync_folder
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
_NOTE = 256 + 12 + 16
"""Bytes of the sealed note of the size that a secret file begins with."""

_AGE_CHUNK = 1 << 16
_AGE_TAG = 16


class DamagedFileError(RuntimeError):
    """A file in the vault is not the one its name promises (文件已损坏)."""


class _Received(NamedTuple):
    """What is here of an upload: its plain bytes, and where its last whole frame ends in the file."""

    plain: int
    end: int


class _Counter:
    """Digest and size of what passes through."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self.size = 0

    def over(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Pass chunks on."""
        for chunk in chunks:
            self._digest.update(chunk)
            self.size += len(chunk)
            yield chunk

    @property
    def name(self) -> str:
        """The digest as the vault names files by."""
        return "sha256:" + self._digest.hexdigest()


class FolderVault:
    """Files in a folder (文件夹文件库); writes are durable before they return. Memory does not grow with a file."""

    def __init__(self, root: Path, cloak: Cloak, secret_key: bytes) -> None:
        self._root = root
        self._cloak = cloak
        self._secret_key = sealing.encode_secret(secret_key)
        self._recipient = sealing.recipient_of_secret(secret_key)
        for folder in (root, *(root / name for name in ("open", "sealed", "parts"))):
            make_folder(folder)

    def _path(self, sha256: str, *, secret: bool) -> Path:
        name = self._cloak.tag("vault", sha256).hex() if secret else sha256.removeprefix("sha256:")
        return self._place(name, secret=secret)

    def _place(self, name: str, *, secret: bool) -> Path:
        return self._root / ("sealed" if secret else "open") / name[:2] / name

    # --- whole files --------------------------------------------------------------------------------------------

    def has(self, sha256: str, *, secret: bool) -> int | None:
        """
        Return the size of a complete file, durably here; None when it is not.

        Raises:
            DamagedFileError: the file is here, but its note was changed.
        """
        path = self._path(sha256, secret=secret)
        try:
            with path.open("rb") as file:
                size = self._read_note(file, sha256) if secret else os.fstat(file.fileno()).st_size
        except FileNotFoundError:
            return None
        # Who gave it its name may have been killed, or be just about to make that durable; a receipt may follow this.
        _settle(path)
        return size

    @contextmanager
    def read(self, sha256: str, *, secret: bool) -> Generator[Iterator[bytes]]:
        """
        Open a file as chunks.

        Raises:
            LookupError: it is not here.
            DamagedFileError: it was changed; for a public file only behind its last chunk.
        """
        try:
            file = self._path(sha256, secret=secret).open("rb")
        except FileNotFoundError as error:
            raise LookupError(sha256) from error
        with file, tempfile.SpooledTemporaryFile(max_size=SPOOL) as plain:
            yield self._verified(self._decrypted(file, plain, sha256) if secret else _chunks(file), sha256)

    def _verified(self, chunks: Iterator[bytes], sha256: str) -> Iterator[bytes]:
        counter = _Counter()
        yield from counter.over(chunks)
        if counter.name != sha256:
            raise DamagedFileError(f"{sha256} has the digest {counter.name}")

    def _decrypted(self, file: IO[bytes], plain: IO[bytes], sha256: str) -> Iterator[bytes]:
        self._read_note(file, sha256)
        try:
            decrypt_stream(file, plain, self._secret_key)
        except Exception as error:
            # A changed body comes as an OSError too, but without the number that a failing disk has.
            if isinstance(error, OSError) and error.errno is not None:
                raise
            raise DamagedFileError(f"{sha256} does not decrypt") from error
        plain.seek(0)
        yield from _chunks(plain)

    def _read_note(self, file: IO[bytes], sha256: str) -> int:
        try:
            return int.from_bytes(self._cloak.open(file.read(_NOTE), bound=sha256.encode()), "big")
        except (InvalidTag, ValueError) as error:
            raise DamagedFileError(f"{sha256} has no note of its size") from error

    def add(self, chunks: Iterable[bytes], *, secret: bool) -> tuple[str, int]:
        """Store a file durably; returns its digest and size."""
        counter = _Counter()
        with self._part() as (file, part):
            if secret:
                self._encrypt(file, counter, chunks)
            else:
                file.writelines(counter.over(chunks))
            self._keep(file, part, self._path(counter.name, secret=secret))
        return counter.name, counter.size

    def _encrypt(self, file: IO[bytes], counter: _Counter, chunks: Iterable[bytes], name: str = "") -> None:
        file.write(bytes(_NOTE))
        file.writelines(sealing.age_encrypt(counter.over(chunks), self._recipient, self._cloak.chance))
        file.seek(0)
        note = counter.size.to_bytes(_SIZE_BYTES, "big")
        file.write(self._cloak.seal(note, bound=(name or counter.name).encode()))

    def _keep(self, file: IO[bytes], part: Path, path: Path) -> None:
        """Give a written file its name, durably; one that is here already stays."""
        file.flush()
        os.fsync(file.fileno())
        path.parent.mkdir(exist_ok=True)
        if not path.exists():
            part.replace(path)
        _settle(path)

    # --- decoys -------------------------------------------------------------------------------------------------

    def add_decoy(self, size: int) -> None:
        """Store a file that nobody can tell from a secret one of that size."""
        name = self._cloak.chance(32).hex()
        with self._part() as (file, part):
            self._encrypt(file, _Counter(), self._noise(size), name)
            self._keep(file, part, self._place(name, secret=True))

    def _noise(self, size: int) -> Iterator[bytes]:
        for start in range(0, size, CHUNK):
            yield self._cloak.chance(min(CHUNK, size - start))

    def typical_size(self, default: int, most: int) -> int:
        """
        Return the size of a secret file picked by chance, for the next decoy (诱饵大小).

        Decoys of such sizes come to be spread as the real files are, so that no size is a real one's alone.

        Args:
            default: where there is none yet.
            most: a larger one gives this.
        """
        found = [path.stat().st_size for path in self._some_sealed()]
        if not found:
            return default
        stored = found[int.from_bytes(self._cloak.chance(8), "big") % len(found)]
        return min(most, _plain_size(stored - _NOTE))

    def _some_sealed(self) -> list[Path]:
        """Return the files of one subfolder picked by chance; keyed names spread them evenly."""
        folders = sorted((self._root / "sealed").iterdir())
        picked = int.from_bytes(self._cloak.chance(8), "big") % len(folders) if folders else 0
        return sorted(folders[picked].iterdir()) if folders else []

    # --- uploads that come in parts (断点续传) ------------------------------------------------------------------

    def offset(self, ident: str) -> int:
        """Return how many bytes of an unfinished upload are here, durably."""
        try:
            with self._unfinished(ident).open("rb") as file:
                return _received(file).plain
        except FileNotFoundError:
            return 0

    def append(self, ident: str, start: int, part: bytes) -> int:
        """
        Add the bytes of an upload that begin at ``start`` (续传); returns how many are here now, durably.

        What is here already is skipped: a part sent twice changes nothing, and were it another one the digest of the
        whole would tell. A part that would leave a gap is not taken: the return is below ``start``.
        """
        with self._held(ident) as file:
            offset, end = _received(file)
            if start > offset:
                return offset
            new = part[offset - start :]
            file.truncate(end)  # a frame that a power cut left half written
            file.seek(end)
            for at in range(0, len(new), PIECE):
                piece = new[at : at + PIECE]
                sealed = self._cloak.seal(piece, bound=_bound(ident, offset + at))
                file.write(_FRAME.pack(len(sealed), len(piece)) + sealed)
            file.flush()
            os.fsync(file.fileno())
        return offset + len(new)

    def finish(self, ident: str, sha256: str, *, secret: bool) -> bool:
        """
        Store a complete upload if it has the digest; forget it in either case. Returns whether the file is here.

        Where two processes take parts of one upload both may come here; the second finds the file that the first made.
        """
        with self._held(ident) as source:
            counter, fits = _Counter(), False
            if self.has(sha256, secret=secret) is not None:
                self._unfinished(ident).unlink()
                return True
            with self._part() as (file, part), suppress(InvalidTag):
                if secret:
                    self._encrypt(file, counter, self._pieces(ident, source))
                else:
                    file.writelines(counter.over(self._pieces(ident, source)))
                fits = counter.name == sha256
                if fits:
                    self._keep(file, part, self._path(sha256, secret=secret))
            self._unfinished(ident).unlink()
        return fits

    def forget_uploads(self, before: datetime) -> int:
        """Drop uploads that nobody continued since an instant, and what a crash left; returns how many."""
        return sum(_drop_stale(path, before) for path in sorted((self._root / "parts").iterdir()))

    def _unfinished(self, ident: str) -> Path:
        return self._root / "parts" / self._cloak.tag("upload", ident).hex()

    @contextmanager
    def _held(self, ident: str) -> Generator[IO[bytes]]:
        """Open an upload for one writer at a time, of this process and others; one that has nothing yet is made."""
        path = self._unfinished(ident)
        while True:
            with open(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as file:  # noqa: PTH123  - a file number
                fcntl.flock(file, fcntl.LOCK_EX)
                # Whoever held it before may have finished it: then this is no longer the file of that name.
                if not path.exists() or path.stat().st_ino != os.fstat(file.fileno()).st_ino:
                    continue
                if not os.fstat(file.fileno()).st_size:
                    sync_folder(path.parent)
                yield file
                return

    def _pieces(self, ident: str, file: IO[bytes]) -> Iterator[bytes]:
        end, at = _received(file).end, 0
        file.seek(0)
        while file.tell() < end:
            sealed, length = _FRAME.unpack(file.read(_FRAME.size))
            yield self._cloak.open(file.read(sealed), bound=_bound(ident, at))
            at += length

    @contextmanager
    def _part(self) -> Generator[tuple[IO[bytes], Path]]:
        """Yield a new file without a lasting name."""
        handle, name = tempfile.mkstemp(dir=self._root / "parts")
        part = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                yield file, part
        finally:
            part.unlink(missing_ok=True)


def _plain_size(stored: int) -> int:
    """Return the size of what an age file of a size holds: the inverse of ``sealing.ciphertext_size``."""
    payload = stored - sealing.ciphertext_size(0) + _AGE_TAG
    return payload - -(-payload // (_AGE_CHUNK + _AGE_TAG)) * _AGE_TAG


def _received(file: IO[bytes]) -> _Received:
    """Return what whole frames an upload's file holds."""
    size, plain, end = os.fstat(file.fileno()).st_size, 0, 0
    file.seek(0)
    while len(head := file.read(_FRAME.size)) == _FRAME.size:
        sealed, length = _FRAME.unpack(head)
        if end + _FRAME.size + sealed > size:
            break
        plain, end = plain + length, end + _FRAME.size + sealed
        file.seek(end)
    return _Received(plain, end)


def _drop_stale(path: Path, before: datetime) -> bool:
    with suppress(FileNotFoundError, BlockingIOError), path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(file.fileno()).st_mtime < before.timestamp():
            path.unlink()
            return True
    return False


def _bound(ident: str, at: int) -> bytes:
    """Return what binds a piece of an upload to its place."""
    return f"{at}|{ident}".encode()


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    while chunk := file.read(CHUNK):
        yield chunk


def _settle(path: Path) -> None:
    """Make the name of a file in the vault durable, and that of its folder."""
    make_folder(path.parent)
    sync_folder(path.parent)
