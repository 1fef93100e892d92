"""
Fair queue (公平排队): in the last minute one client with a thousand requests must not make the others wait for it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class FairQueue(Generic[T]):
    """
    A queue of many lanes that are served in turn (公平队列).

    Each lane is first in, first out. A lane that was empty comes behind those that wait already, so that nobody can
    overtake by sending often. Whoever has one item waiting is served after at most one item of every other lane.
    """

    __slots__ = ("_lanes", "_size")

    def __init__(self) -> None:
        self._lanes: dict[Hashable, deque[T]] = {}
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def put(self, lane: Hashable, item: T) -> None:
        """Add an item at the end of its lane."""
        self._lanes.setdefault(lane, deque()).append(item)
        self._size += 1

    def waiting(self, lane: Hashable) -> int:
        """Return how many items of a lane wait."""
        return len(self._lanes.get(lane, ()))

    def take(self, most: int) -> list[T]:
        """Remove and return up to ``most`` items, one of each lane in turn; the next call goes on behind them."""
        taken: list[T] = []
        while self._size and len(taken) < most:
            lane = next(iter(self._lanes))
            items = self._lanes.pop(lane)
            taken.append(items.popleft())
            self._size -= 1
            if items:  # behind everybody else now: a dict keeps the order of insertion
                self._lanes[lane] = items
        return taken
