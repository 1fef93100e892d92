"""
The fence (写入隔离): which PostgreSQL server may be written, and when what it has committed can no longer be lost.

A server that was replaced and comes back looks like any other. What tells them apart is not in its tables, for it has
none of the rows that its successor wrote. So the fence asks what only the rightful primary can show:

1. It is no standby.
2. Its timeline, which PostgreSQL raises at every promotion and restore, is not below one that this node has served on;
   the highest is kept in the node's folder. On a higher one the node writes only after its witnesses have agreed.
3. Where a standby is required: one confirms synchronously now, before anything is written; the commit was not given up
   waiting for it; and the setting is still in force after the commit.

``docs/decisions/0010-fence-by-standby-timeline-and-witness.md`` says why, and what it does not cover.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tradehall.desk.ports import StoreUnavailable

STANDING = (
    "SELECT clock_timestamp(), pg_is_in_recovery(),"
    " CASE WHEN pg_is_in_recovery() THEN 0"
    " ELSE ('x' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8))::bit(32)::int END,"
    " current_setting('synchronous_standby_names') <> ''"
    " AND EXISTS (SELECT FROM pg_stat_get_wal_senders() WHERE sync_state IN ('sync', 'quorum'))"
)
"""The clock, read under the lock like ``Engines.time``, and with it all that the fence asks before a write."""

NAMES = "SELECT current_setting('synchronous_standby_names') <> ''"

PULSE = "SELECT pg_logical_emit_message(true, 'tradehall', '')"
"""Writes to the log of the database and to no table: its commit waits for the standby, and with it all before it."""

COMMIT_SECONDS = 30.0
"""How long a commit waits for a standby that went away in the middle of it; then it is given up, and not promised."""


class FencedError(StoreUnavailable):
    """The server must not be written now (写入隔离): nothing was promised to anybody."""


def _nothing() -> None:
    """Do nothing."""


class Fence:
    """
    Decides for one process whether a server may be written (写入隔离).

    Args:
        memory: file that keeps the highest timeline this node has served on; None to remember in this process only.
        require_standby: whether every commit must be confirmed by a synchronous standby.
    """

    def __init__(self, memory: Path | None = None, *, require_standby: bool = False) -> None:
        self.require_standby = require_standby
        self.vouch: Callable[[], None] | None = None
        """Asks the witnesses about the log on a new timeline; raises when they disagree or none answers."""
        self.moved: Callable[[], None] = _nothing
        """Called when this node has moved to a new timeline: what is still connected to the old server is stale."""
        self._memory = memory
        self._timeline = int(memory.read_text("ascii")) if memory is not None and memory.exists() else 0

    @property
    def timeline(self) -> int:
        """Highest timeline served on; 0 before the first."""
        return self._timeline

    def connected(self, cursor: Any) -> None:
        """
        Refuse a new connection, also one that only reads: what is signed comes from there.

        Raises:
            FencedError: the server is a standby, or older than what this node has served on.
        """
        _, recovering, timeline, _ = cursor.execute(STANDING).fetchone()
        self._refuse_old(recovering, timeline)

    def _refuse_old(self, recovering: bool, timeline: int) -> None:
        if recovering:
            raise FencedError("the server is a standby")
        if timeline < self._timeline:
            raise FencedError(
                f"the server is on timeline {timeline}; this node has served on {self._timeline} ({self._memory})"
            )

    def enter(self, cursor: Any) -> Any:
        """
        Ask the server for its standing inside a transaction that is about to write; returns its clock.

        Raises:
            FencedError: it must not be written.
        """
        now, recovering, timeline, confirmed = cursor.execute(STANDING).fetchone()
        self._refuse_old(recovering, timeline)
        if self.require_standby and not confirmed:
            raise FencedError("no standby confirms what the server commits")
        if timeline > self._timeline and self.vouch is not None:
            self.vouch()
            self._remember(timeline)
            self.moved()
        return now

    def _remember(self, timeline: int) -> None:
        self._timeline = timeline
        if self._memory is None:
            return
        new = self._memory.with_suffix(".new")
        with new.open("w", encoding="ascii") as file:
            file.write(str(timeline))
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._memory)
        folder = os.open(self._memory.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    @contextmanager
    def committing(self, connection: Any) -> Generator[None]:
        """
        Watch a commit on the driver's connection.

        PostgreSQL has committed on its own disk before it waits for the standby. A wait that is cancelled, by an
        administrator or by us, ends as a success with a warning: here it is none.

        Raises:
            FencedError: the commit stands on this server perhaps, and on no standby.
        """
        if not self.require_standby:
            yield
            return
        warned: list[str] = []

        def note(notice: Any) -> None:
            if notice.severity_nonlocalized == "WARNING":
                warned.append(str(notice.message_primary))

        connection.add_notice_handler(note)
        watchdog = threading.Timer(COMMIT_SECONDS, connection.cancel_safe)
        watchdog.daemon = True
        watchdog.start()
        try:
            yield
            watchdog.cancel()
            (in_force,) = connection.execute(NAMES).fetchone()
            connection.rollback()
        finally:
            watchdog.cancel()
            connection.remove_notice_handler(note)
        if warned:
            raise FencedError(f"the commit is on no standby: {warned[0]}")
        if not in_force:
            raise FencedError("the commit is on no standby: synchronous_standby_names was emptied")
