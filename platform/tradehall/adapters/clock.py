"""
Clocks (时钟). The store's clock decides; these turn it into the node's instant and watch whether it can be trusted.
"""

from __future__ import annotations

import threading
import time
from datetime import datetime, timedelta, timezone

TICK_SECONDS = 0.1
STEP_MILLISECONDS = 50
"""A wall clock that moves this much more or less than the monotonic clock between two ticks has been stepped."""


class SystemClock:
    """
    The machine's clock, watched by a ticker (系统时钟): any step makes it suspect until the node is restarted.

    Fails closed: a suspect clock accepts, opens and closes nothing, whichever way it was stepped.
    """

    def __init__(self) -> None:
        self._suspect = False
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the ticker."""
        self._thread = threading.Thread(target=self._watch, name="clock", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop the ticker."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _watch(self) -> None:
        wall, steady = time.time_ns(), time.monotonic_ns()  # noqa: TID251  - this is the clock
        while not self._stop.wait(TICK_SECONDS):
            wall_now, steady_now = time.time_ns(), time.monotonic_ns()  # noqa: TID251
            self.compare((wall_now - wall) // 1_000_000, (steady_now - steady) // 1_000_000)
            wall, steady = wall_now, steady_now

    def compare(self, wall_ms: int, steady_ms: int) -> None:
        """Judge one tick: how far each clock moved, in milliseconds."""
        if abs(wall_ms - steady_ms) > STEP_MILLISECONDS:
            self._suspect = True

    def stamp(self, stored: datetime) -> datetime:
        """Return the store's instant unchanged."""
        return stored.astimezone(timezone.utc)

    @property
    def suspect(self) -> bool:
        """Whether a step was seen."""
        return self._suspect


class SandboxClock:
    """
    A clock for demonstrations and stories (沙箱时钟): it stands or runs, and jumps forward when told to.

    ``rate`` is how many seconds pass for each real one after ``origin``; 0 makes it stand still between jumps.
    """

    def __init__(self, start: datetime, *, rate: int = 0, origin: datetime | None = None) -> None:
        self._start = start
        self._rate = rate
        self._origin = origin
        self._lock = threading.Lock()
        self.suspect = False

    def stamp(self, stored: datetime) -> datetime:
        """Return the simulated instant for the store's."""
        with self._lock:
            if self._origin is None:
                self._origin = stored
            passed = max(timedelta(0), stored - self._origin) if self._rate else timedelta(0)
            return self._start + passed * self._rate

    def advance(self, to: datetime, stored: datetime) -> datetime:
        """Jump forward to an instant; a jump back is ignored. Returns the simulated instant."""
        now = self.stamp(stored)
        with self._lock:
            if to > now:
                self._start, self._origin = to, stored
        return self.stamp(stored)
