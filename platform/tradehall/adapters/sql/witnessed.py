"""
What this node has cosigned (已见证检查点): the latest checkpoint of each foreign log, kept durably in one atomic step.
"""

from __future__ import annotations

import orjson

from tradehall.adapters.sql.store import SqlStore
from tradehall.kernel.notes import Checkpoint


def _key(origin: str) -> bytes:
    return b"witnessed\x1f" + origin.encode()


class SqlWitnessStore:
    """Checkpoints cosigned for other logs (见证存储)."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store

    def latest(self, origin: str) -> Checkpoint | None:
        """Return the checkpoint last cosigned for a log, or None."""
        with self._store.read() as reading:
            return _read(origin, reading.get(_key(origin)))

    def advance(self, old: Checkpoint | None, new: Checkpoint) -> bool:
        """Replace the latest checkpoint if it is still ``old``; durable before it returns."""
        with self._store.write() as writing:
            if _read(new.origin, writing.get(_key(new.origin))) != old:
                return False
            writing.put({_key(new.origin): orjson.dumps({"size": new.size, "root": new.root.hex()})})
        return True


def _read(origin: str, kept: bytes | None) -> Checkpoint | None:
    if kept is None:
        return None
    found = orjson.loads(kept)
    return Checkpoint(origin, found["size"], bytes.fromhex(found["root"]))
