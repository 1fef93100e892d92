"""
Keeping secrets at rest (静态保密): what must not be read from a dump of database, vault or logs before opening.

Secret rows are found by a keyed hash and hold sealed, padded bytes; decoys look the same. The key lies outside the
database, in the node's key folder (in production: in the key device). What this can't hide is said in
``docs/explanation/secrecy.md``.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tradehall.desk.ports import Chance

SIZES = (256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304)
"""Padded sizes of sealed bytes; the size class of a bid record is the same whatever it says."""

_LENGTH = 4
_NONCE = 12
_TAG = 16


@dataclass(frozen=True, slots=True)
class Cloak:
    """The node's key for secrets at rest (静态加密密钥): 32 bytes, and chance for nonces."""

    key: bytes = field(repr=False)
    chance: Chance
    _tags: bytes = field(init=False, repr=False, compare=False)
    _box: AESGCM = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Derive the two keys once: tags are written down, so that none of them may be the key that seals."""
        tags, seals = self.derived_keys()
        object.__setattr__(self, "_tags", tags)
        object.__setattr__(self, "_box", AESGCM(seals))

    def derived_keys(self) -> tuple[bytes, bytes]:
        """Return the key of tags and the key of seals."""
        return hmac.digest(self.key, b"tradehall/tag", "sha256"), hmac.digest(self.key, b"tradehall/seal", "sha256")

    def tag(self, *parts: str) -> bytes:
        """Return the keyed hash that a secret row is found by; parts can't run into one another."""
        encoded = [part.encode() for part in parts]
        told = b"".join(len(part).to_bytes(_LENGTH, "big") + part for part in encoded)
        return hmac.digest(self._tags, told, "sha256")

    def seal(self, plain: bytes, *, least: int = SIZES[0], bound: bytes = b"") -> bytes:
        """
        Seal bytes, padded to the next size class but to ``least`` at least.

        Args:
            plain: what to seal.
            least: size class of the shortest.
            bound: where the bytes belong, such as the key of their row: they open nowhere else.

        Raises:
            ValueError: longer than the largest size class.
        """
        size = max(least, size_class(len(plain) + _LENGTH))
        padded = len(plain).to_bytes(_LENGTH, "big") + plain + bytes(size - _LENGTH - len(plain))
        nonce = self.chance(_NONCE)
        return nonce + self._box.encrypt(nonce, padded, bound)

    def open(self, sealed: bytes, *, bound: bytes = b"") -> bytes:
        """Open sealed bytes. Raises InvalidTag when they were changed or sealed under another key or for elsewhere."""
        padded = self._box.decrypt(sealed[:_NONCE], sealed[_NONCE:], bound)
        return padded[_LENGTH : _LENGTH + int.from_bytes(padded[:_LENGTH], "big")]

    def decoy(self, size: int) -> bytes:
        """Return bytes that nobody can tell from ``seal`` of ``size`` bytes."""
        return self.chance(size_class(size + _LENGTH) + _NONCE + _TAG)


def size_class(size: int) -> int:
    """Return the padded size for a length."""
    found = next((s for s in SIZES if size <= s), None)
    if found is None:
        raise ValueError(f"{size} bytes are too many to seal in one row")
    return found
