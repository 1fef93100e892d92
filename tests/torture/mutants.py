"""
Mutants 变异体: defences of the real program switched off one at a time, in a process that is thrown away.

Each is named in the report as a control; the checks that pass on the program must fail on it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from itertools import count
from types import SimpleNamespace
from typing import Any

from tradehall import main
from tradehall.adapters import clock, memory, vault
from tradehall.adapters.sql import engines, store
from tradehall.desk import accept, exchange, journal
from tradehall.kernel.procedure import Procedure
from tradehall.rules import bidding, guaranteeing, sessions

_applied = ""


def apply(name: str) -> None:
    """Apply a mutant to this process; an empty name applies none."""
    global _applied  # noqa: PLW0603  - what was done to a process is done for good
    if name:
        MUTANTS[name]()
        _applied = name


def applied() -> str:
    """Return the mutant of this process, empty for none: for processes that it starts."""
    return _applied


def no_lock() -> None:
    """Writers no longer exclude each other in the database."""
    _begin_writing("SELECT 1", "BEGIN DEFERRED")


def late_lock() -> None:
    """Writers exclude each other while they store, but no longer while they judge."""
    _begin_writing("SELECT 1", "BEGIN DEFERRED")
    append = store.SqlWriter.append

    def locked(self: Any, rows: Any) -> Any:
        if self._sql.mark == "%s":
            self._cursor.execute(f"SELECT pg_advisory_xact_lock({engines.LOG_LOCK})")
        return append(self, rows)

    store.SqlWriter.append = locked  # type: ignore[method-assign]


def _begin_writing(postgres: str, sqlite: str) -> None:
    made = store.open_engines

    def unlocked(*asked: Any) -> Any:
        found = made(*asked)
        return replace(found, begin_writing=postgres if found.mark == "%s" else sqlite)

    store.open_engines = unlocked
    store._turn_file = lambda _url: None  # type: ignore[assignment]


def own_clock() -> None:
    """The application's clock stamps, before the lock is held, instead of the database's behind it."""
    write = store.SqlStore.write

    @contextmanager
    def early(self: Any) -> Generator[Any]:
        at = datetime.now(UTC)
        with write(self) as writing:
            writing._now = at
            yield writing

    store.SqlStore.write = early  # type: ignore[method-assign]


def late_at_t() -> None:
    """``<=`` for ``<``: a bid at the deadline itself is in time."""

    def in_time(view: Any) -> Any:
        deadline = view.case.instant("deadline")
        if deadline is None or view.at <= deadline:
            return None
        return refuse("BID-LATE", deadline=local_text(deadline), at=local_text(view.at))  # noqa: F821

    def ciphertext_in_time(view: Any) -> Any:
        deadline = view.case.instant("deadline")
        if deadline is None:
            return None
        until = deadline + timedelta(seconds=cast("int", view.case.head.get("grace_seconds", 0)))  # noqa: F821
        return None if view.at <= until else refuse("BID-LATE", deadline=local_text(until), at=local_text(view.at))  # noqa: F821

    # The table holds the functions themselves, so it is their code that is changed.
    bidding.bid_is_in_time.__code__ = in_time.__code__
    bidding.ciphertext_is_in_time.__code__ = ciphertext_in_time.__code__


def no_deadline() -> None:
    """Nobody looks at the deadline when a bid comes."""
    bidding.bid_is_in_time.__code__ = (lambda _view: None).__code__
    bidding.ciphertext_is_in_time.__code__ = (lambda _view: None).__code__


def no_ticker() -> None:
    """Nobody compares the clocks."""
    clock.SystemClock.tick = lambda _self: None  # type: ignore[method-assign]


def no_key() -> None:
    """Nobody looks under which key a record came before."""
    known = accept.Door._known

    def keyless(self: Any, filing: Any, journal: Any, judged: Any) -> Any:
        return known(self, accept.Filing(filing.record), journal, judged)

    accept.Door._known = keyless  # type: ignore[method-assign]


def no_digest() -> None:
    """Nobody looks whether a record was accepted before."""
    accept.Door._known = lambda *_: None  # type: ignore[method-assign, assignment]


def open_twice() -> None:
    """An opening that has begun may be begun again."""
    rows = Procedure.rows

    def again(self: Any, state: str, family: str) -> Any:
        return rows(self, "tendering" if (state, family) == ("opening", "opening_start") else state, family)

    Procedure.rows = again  # type: ignore[method-assign]


def no_order() -> None:
    """The events of a letter come in any order, from anybody."""
    guaranteeing.event_fits.__code__ = (lambda _view: None).__code__


def no_hold() -> None:
    """Two processes may write one upload at the same time."""
    vault.fcntl = SimpleNamespace(flock=lambda *_: None, LOCK_EX=2, LOCK_NB=4)  # type: ignore[assignment]


def no_inbox() -> None:
    """The door knows no record again, and no guard stands behind it."""
    made = count()
    row = journal.Journal.row

    def anew(self: Any, *found: Any) -> Any:
        return replace(row(self, *found), tag=sha256(str(next(made)).encode()).digest())

    journal.Journal.kept = lambda *_: None  # type: ignore[method-assign, assignment]
    journal.Journal.row = anew  # type: ignore[method-assign]
    sessions.commitment_is_first.__code__ = (lambda _view: None).__code__


def no_outbox() -> None:
    """What was taken into custody is kept in memory only."""
    main.SqlExchange = lambda _store: memory.MemoryExchange()  # type: ignore[assignment, misc]


def no_retry() -> None:
    """What got no answer is not sent again."""
    send = exchange.Courier._send

    async def once(self: Any, city: str, record: Any) -> Any:
        decision = await send(self, city, record)
        if decision is None:
            message = self.exchange.store.find(self.exchange._tag(city, record.digest))
            self.exchange.store.settle(replace(message, done=True))
        return decision

    exchange.Courier._send = once  # type: ignore[method-assign]


MUTANTS: dict[str, Callable[[], None]] = {
    "no_lock": no_lock,
    "late_lock": late_lock,
    "own_clock": own_clock,
    "late_at_t": late_at_t,
    "no_key": no_key,
    "no_digest": no_digest,
    "open_twice": open_twice,
    "no_order": no_order,
    "no_hold": no_hold,
    "no_deadline": no_deadline,
    "no_ticker": no_ticker,
    "no_inbox": no_inbox,
    "no_outbox": no_outbox,
    "no_retry": no_retry,
}
