"""
The runner of due work (到期任务执行): wakes at the very instant, does it once, and is missed by nobody when it is away.

It decides nothing. An opening that it starts passes the door like one that is started by hand, so that a runner that
comes late, twice or never changes no outcome. Work is taken a little before its instant, which leaves nothing between
the instant and the act but the act; a process that dies with work in hand loses it to another one after the lease.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

import structlog

from tradehall.desk.ports import DueWork, Store

LOOK_SECONDS = 2.0
"""How often the table is read: another process may have put something that is due sooner."""

AHEAD = timedelta(seconds=5)
"""How long before its instant work is taken."""

LEASE = timedelta(seconds=30)
"""How long after its instant nobody else takes it."""

AGAIN = timedelta(seconds=30)
"""When work that could not be done is tried again; a record on its case brings it back at once."""

Act = Callable[[str], bool]
"""Does the work on a case; whether it is done, or there is nothing left to do."""


class Runner:
    """
    Does due work in a thread (到期任务执行).

    Args:
        store: where work waits, and whose clock says when.
        acts: kind → what does it.
        afterwards: called when acts were done and none is due at once; others wait for nothing that it does.
    """

    def __init__(self, store: Store, acts: Mapping[str, Act], afterwards: Callable[[], object] | None = None) -> None:
        self._store = store
        self.acts = acts
        self._afterwards = afterwards
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread."""
        self._stop.clear()
        self._thread = threading.Thread(target=self._run, name="due", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Finish what is under way and stop; what was taken and not begun is given back."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                seconds = self.look()
            except Exception as error:  # noqa: BLE001  - a database may be away in many ways; the runner outlives them
                structlog.get_logger().error("due work", error=type(error).__name__)
                seconds = LOOK_SECONDS
            self._stop.wait(seconds)

    def look(self) -> float:
        """Take what is due soon and do each at its instant; returns after how many seconds to look again."""
        with self._store.read() as reading:
            ripe = reading.next_due()
        now = self._store.now()
        if ripe is None or ripe >= now + AHEAD:
            return LOOK_SECONDS if ripe is None else min(LOOK_SECONDS, max(0.0, (ripe - now - AHEAD).total_seconds()))
        with self._store.write() as writing:
            now = writing.now
            taken = writing.take_due(now + AHEAD, now + AHEAD + LEASE)
        # What became of it is written at the end, for the next act must not wait for that.
        done: list[tuple[DueWork, bool]] = []
        waiting = sorted(taken, key=lambda w: (w.at, w.kind, w.case))
        while waiting and self._wait_for(waiting[0].at):
            work = waiting.pop(0)
            done.append((work, self._do(work)))
        self._settle(done, waiting)
        if done and self._afterwards is not None:
            self._afterwards()
        return 0.0

    def _wait_for(self, at: datetime) -> bool:
        """Wait for an instant of the store's clock; whether it has come, and nobody said stop."""
        while not self._stop.is_set():
            left = (at - self._store.now()).total_seconds()
            if left <= 0:
                return True
            self._stop.wait(left)
        return False

    def _settle(self, done: Sequence[tuple[DueWork, bool]], waiting: Sequence[DueWork]) -> None:
        """Write what was done, what has to be tried again, and give back what was not begun."""
        with self._store.write() as writing:
            for work, succeeded in done:
                writing.settle_due(work, None if succeeded else writing.now + AGAIN)
            for work in waiting:
                writing.settle_due(work, work.at)

    def _do(self, work: DueWork) -> bool:
        act = self.acts.get(work.kind)
        try:
            return act is None or act(work.case)
        except Exception as error:  # noqa: BLE001  - whatever it was, it is tried again, and the next work is done
            structlog.get_logger().error("due work", kind=work.kind, case=work.case, error=type(error).__name__)
            return False
