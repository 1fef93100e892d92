"""
Floors (下限对照): what accepting a record would cost without a platform around it.

``Bare`` stores the bytes and nothing else. ``Floor`` also does what nobody can leave out who hands out signed receipts
for valid, signed records: parse, schema, signature, digest, receipt. Both insert through bare ``sqlite3`` with WAL and
``synchronous=FULL``, one transaction a batch.
"""

from __future__ import annotations

import json
import sqlite3
from base64 import urlsafe_b64decode
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import jsonschema_rs
import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from nacl import bindings as sodium


class Bare:
    """Stores bytes, one transaction a batch (裸插入)."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "cache_size=-65536"):
            self._connection.execute(f"PRAGMA {pragma}")
        self._connection.execute("CREATE TABLE IF NOT EXISTS record (idx INTEGER PRIMARY KEY, digest BLOB, body BLOB)")

    def settle(self, bodies: Sequence[bytes]) -> list[bytes]:
        """Store a batch; returns what each caller is answered."""
        self._insert([(b"", body) for body in bodies])
        return [b"{}"] * len(bodies)

    def _insert(self, rows: Sequence[tuple[bytes, bytes]]) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.executemany("INSERT INTO record (digest, body) VALUES (?, ?)", rows)
        self._connection.execute("COMMIT")

    def close(self) -> None:
        """Close the database."""
        self._connection.close()


class Floor(Bare):
    """Judges, stores and receipts bid commitments with the least that is needed (必要功能下限)."""

    def __init__(self, path: Path, bundle: dict[str, Any]) -> None:
        super().__init__(path)
        self._validator = jsonschema_rs.Draft202012Validator(bundle, offline=True, validate_formats=True)
        self._key = Ed25519PrivateKey.generate()

    def settle(self, bodies: Sequence[bytes]) -> list[bytes]:
        """Judge and store a batch; returns its signed receipts. Raises ValueError for a record that is not in order."""
        digests = [self._digest(body) for body in bodies]
        self._insert(list(zip(digests, bodies, strict=True)))
        return [self._receipt(digest) for digest in digests]

    def _digest(self, body: bytes) -> bytes:
        record = json.loads(body)
        envelope, signature = record["envelope"], record["signature"]
        if not self._validator.is_valid(envelope["payload"]):
            raise ValueError("not valid")
        signed = orjson.dumps(envelope, option=orjson.OPT_SORT_KEYS)
        value = urlsafe_b64decode(signature["signature"] + "==")
        key = urlsafe_b64decode(envelope["payload"]["bid_key"] + "=")
        sodium.crypto_sign_open(value + signature["protected"].encode() + b"." + signed, key)
        return sha256(signed).digest()

    def _receipt(self, digest: bytes) -> bytes:
        receipt = orjson.dumps({"record": digest.hex(), "accepted_at": "2026-03-25T01:30:00.000Z"})
        return orjson.dumps({"receipt": orjson.Fragment(receipt), "signature": self._key.sign(receipt).hex()})
