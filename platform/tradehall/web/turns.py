"""
Turns (依次办理): work on one thing waits for the work before it; work on other things does not.
"""

from __future__ import annotations

import asyncio
from weakref import WeakValueDictionary


class Turns:
    """One lock a name, forgotten when nobody holds or awaits it (依次办理)."""

    __slots__ = ("_locks",)

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def of(self, name: str) -> asyncio.Lock:
        """Return the lock of a name; hold it with ``async with``."""
        lock = self._locks.get(name)
        if lock is None:
            lock = self._locks[name] = asyncio.Lock()
        return lock
