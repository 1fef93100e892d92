"""
Turns (写者轮次): writers of one process, or of several on one file, wait here rather than in the database.

SQLite lets a writer that finds it busy sleep for up to 100 ms at a time: two processes under load would spend most of
their time asleep.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Final

PATIENCE_SECONDS: Final = 30.0
"""How long a writer waits for another process before it fails; nothing was promised to anybody then."""

_NAP_SECONDS: Final = 0.0005


class Turn:
    """
    A lock that one thread holds while it writes (写者轮次).

    A thread that asks again before it has finished would wait for itself for ever; it gets a RuntimeError instead.
    With a ``file``, other processes that name the same one wait as well; one that ends, however it ends, lets go.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._lock = threading.Lock()
        self._holder: int | None = None
        self._file = None if file is None else os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def __enter__(self) -> None:
        if self._holder == threading.get_ident():
            raise RuntimeError("a write was begun inside a write of the same thread")
        self._lock.acquire()
        try:
            if self._file is not None:
                _hold(self._file)
        except BaseException:
            self._lock.release()
            raise
        self._holder = threading.get_ident()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._holder = None
        if self._file is not None:
            fcntl.flock(self._file, fcntl.LOCK_UN)
        self._lock.release()


def _hold(file: int) -> None:
    """Lock a file against other processes. Raises TimeoutError after PATIENCE_SECONDS."""
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end:
                raise TimeoutError("another process has held the database for too long") from None
            time.sleep(_NAP_SECONDS)
        else:
            return
