"""Repeatable chance for tests: SHAKE-256 of a seed, never a generator for real keys."""

from __future__ import annotations

import hashlib
from collections.abc import Callable


def repeatable(seed: str) -> Callable[[int], bytes]:
    """Return an ``rng`` whose calls give one endless repeatable stream."""
    position = 0

    def rng(length: int) -> bytes:
        nonlocal position
        position += 1
        return hashlib.shake_256(f"{seed}/{position}".encode()).digest(length)

    return rng
