"""
Turns (写者轮次): threads of one process write one after another, and wait here rather than in the database.
"""

from __future__ import annotations

import threading
from types import TracebackType


class Turn:
    """
    A lock that one thread holds while it writes (写者轮次).

    A thread that asks again before it has finished would wait for itself for ever; it gets a RuntimeError instead.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._holder: int | None = None

    def __enter__(self) -> None:
        if self._holder == threading.get_ident():
            raise RuntimeError("a write was begun inside a write of the same thread")
        self._lock.acquire()
        self._holder = threading.get_ident()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._holder = None
        self._lock.release()
