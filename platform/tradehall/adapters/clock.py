"""
Clocks (时钟). The store's clock decides; these turn it into the node's instant and watch whether it can be trusted.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

TICK_SECONDS = 0.1
STEP_MILLISECONDS = 50
"""A wall clock that has moved this much more or less than the monotonic clock has been stepped."""

READING_MILLISECONDS = 25
"""A reading that took longer is no beginning: the machine may have stood still in the middle of it."""

BLIND_TICKS = 50
"""After so many ticks without a reading nobody knows what the clock does."""

_NANOSECONDS = 1_000_000

Nanoseconds = Callable[[], int]


class SystemClock:
    """
    The machine's clock, watched by a ticker (系统时钟): any step makes it suspect until the node is restarted.

    Fails closed: a suspect clock accepts, opens and closes nothing, whichever way it was stepped. Steps are measured
    from the first reading on, so that many small ones count like a large one; both clocks follow the same slewing,
    which therefore raises no alarm. Whoever asks is told of this very moment and not of the last tick, so that a write
    that asks after it was stamped never keeps an instant from behind a step.
    """

    def __init__(self, *, wall: Nanoseconds = time.time_ns, steady: Nanoseconds = time.monotonic_ns) -> None:
        self._wall = wall
        self._steady = steady
        self._first: tuple[int, int, int] | None = None
        self._stepped = False
        self._blind = 0
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, wall: Nanoseconds | None = None) -> None:
        """Start the ticker. ``wall`` is the clock to watch where it is another machine's: that of a database there."""
        self._wall = wall or self._wall
        self._thread = threading.Thread(target=self._watch, name="clock", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop the ticker."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _watch(self) -> None:
        self.tick()
        while not self._stop.wait(TICK_SECONDS):
            self.tick()

    def tick(self) -> None:
        """Read both clocks and judge them; a slow reading tells less than a quick one, but never a wrong thing."""
        before = self._steady()
        try:
            wall = self._wall()
        except Exception:  # noqa: BLE001  - a database may be away in many ways; the ticker outlives them all
            self._blind += 1
            return
        after = self._steady()
        if self._first is None and after - before > READING_MILLISECONDS * _NANOSECONDS:
            self._blind += 1
            return
        self._blind = 0
        first_wall, first_before, first_after = self._first = self._first or (wall, before, after)
        moved = (wall - first_wall) // _NANOSECONDS
        # The steady clock moved no less than ``least`` and no more than ``most`` between the two readings of the other.
        least, most = (before - first_after) // _NANOSECONDS, (after - first_before) // _NANOSECONDS
        self.compare(moved, min(max(moved, least), most))

    def compare(self, wall_ms: int, steady_ms: int) -> None:
        """Judge how far each clock has moved since the first reading, in milliseconds."""
        if abs(wall_ms - steady_ms) > STEP_MILLISECONDS:
            self._stepped = True

    def stamp(self, stored: datetime) -> datetime:
        """Return the store's instant unchanged."""
        return stored.astimezone(UTC)

    @property
    def suspect(self) -> bool:
        """Whether a step is or was seen, or nothing could be seen for too long."""
        self.tick()
        return self._stepped or self._blind >= BLIND_TICKS


class SandboxClock:
    """
    A clock for demonstrations and stories (沙箱时钟): it stands or runs, and jumps forward when told to.

    ``rate`` is how many seconds pass for each real one after ``origin``, the first stamp by default; 0 makes it stand
    still between jumps.
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
            return self._now(stored)

    def advance(self, to: datetime, stored: datetime) -> datetime:
        """Jump forward to an instant; a jump back is ignored. Returns the simulated instant."""
        with self._lock:
            if to > self._now(stored):
                self._start, self._origin = to, stored
            return self._now(stored)

    def _now(self, stored: datetime) -> datetime:
        if self._origin is None:
            self._origin = stored
        passed = max(timedelta(0), stored - self._origin) if self._rate else timedelta(0)
        return self._start + passed * self._rate
