"""
What only a database can promise: several processes on one log, facts that can't be changed, no write that a power cut
would take back, no bid behind the opening.
"""

from __future__ import annotations

import multiprocessing
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import Pool

from adapters.making import NaiveTree, Steady, data, listing, row, rows
from adapters.postgres import Cluster, running
from tradehall.adapters.clock import SystemClock
from tradehall.adapters.sql import tables
from tradehall.adapters.sql.engines import DurabilityError, assert_durable, open_engines
from tradehall.adapters.sql.store import SqlStore, instant, milliseconds
from tradehall.adapters.turn import Turn

Stores = Callable[..., Any]
TREE = NaiveTree()


def append(store: SqlStore, *added: Any) -> Any:
    with store.write() as writing:
        return writing.append(added)


# --- several processes ------------------------------------------------------------------------------------------


def test_two_stores_on_one_database_keep_one_log(open_sql: Stores) -> None:
    stores = [open_sql(), open_sql()]

    def work(which: int) -> list[int]:
        return [append(stores[which], row(which * 1000 + n)).size for n in range(100)]

    with ThreadPoolExecutor(2) as pool:
        sizes = [size for done in pool.map(work, (0, 1)) for size in done]
    assert sorted(sizes) == list(range(1, 201))
    with stores[0].read() as one, stores[1].read() as two:
        assert one.latest() == two.latest()
        assert [s.index for s in one.changes(-1, 500)] == list(range(200))


def test_a_remembered_edge_is_not_trusted_when_another_process_wrote(open_sql: Stores) -> None:
    one, two = open_sql(), open_sql()
    number = 0
    for store, count in ((one, 250), (two, 3), (one, 1), (two, 300), (one, 2), (one, 256), (two, 1)):
        batch = append(store, *rows(number, number + count))
        number += count
        assert (batch.size, batch.root) == (number, TREE.root(0, number))


def test_a_remembered_edge_is_not_trusted_when_another_copy_was_restored(open_sql: Stores, url: str) -> None:
    """The same size is not the same log."""
    store = open_sql()
    append(store, row(7))
    sqlite = url.startswith("sqlite")
    guards = ["journal_UPDATE", "batch_UPDATE"] if sqlite else ["journal_guard ON journal", "batch_guard ON batch"]
    with raw_write(store) as connection:
        for guard in guards:
            connection.execute(text(f"DROP TRIGGER {guard}"))
        connection.execute(
            text("UPDATE journal SET leaf = :leaf, tag = :tag"), {"leaf": data(0), "tag": data(0, "tag")}
        )
        connection.execute(text("UPDATE batch SET root = :root"), {"root": TREE.root(0, 1)})
    assert append(store, row(1)).root == TREE.root(0, 2)


def test_a_log_goes_on_after_a_restart(url: str) -> None:
    for start in (0, 100, 255, 256, 600):
        with closing(SqlStore(url, Steady())) as store, store.read() as reading:
            latest = reading.latest()
            size = latest.size if latest else 0
            assert size == start
        with closing(SqlStore(url, Steady())) as store:
            stop = {0: 100, 100: 255, 255: 256, 256: 600, 600: 601}[start]
            assert append(store, *rows(start, stop)).root == TREE.root(0, stop)


def _file(url: str, which: int) -> int:
    with closing(SqlStore(url, Steady())) as store:
        for number in range(25):
            append(store, row(which * 1000 + number))
    return which


@pytest.mark.slow
def test_processes_that_start_together_on_an_empty_database_keep_one_log(empty_url: str) -> None:
    """They make the tables at the same time, too."""
    with ProcessPoolExecutor(3, multiprocessing.get_context("spawn")) as pool:
        assert list(pool.map(_file, [empty_url] * 3, range(3))) == [0, 1, 2]
    with closing(SqlStore(empty_url, Steady())) as store, store.read() as reading:
        found = reading.changes(-1, 100)
        assert [s.index for s in found] == list(range(75))
        for which in range(3):
            own = [s.row for s in found if s.row in [row(which * 1000 + n) for n in range(25)]]
            assert own == [row(which * 1000 + n) for n in range(25)], "records of one process changed their order"


# --- facts stay -------------------------------------------------------------------------------------------------


@contextmanager
def raw_write(store: SqlStore) -> Iterator[Any]:
    with store.writer.begin() as connection:
        yield connection


CHANGES = [
    f"{act} {table}{rest}"
    for table, column in (("journal", "body"), ("batch", "root"), ("cosignature", "line"))
    for act, rest in (("UPDATE", f" SET {column} = {column}"), ("DELETE FROM", ""))
]


@pytest.mark.parametrize("statement", CHANGES)
def test_the_database_refuses_to_change_or_delete_a_fact(open_sql: Stores, statement: str) -> None:
    store = open_sql()
    append(store, row(0), row(1))
    with store.write() as writing:
        writing.keep_cosignatures(2, ["line"])
    with pytest.raises(DBAPIError, match="append-only"), raw_write(store) as connection:
        connection.execute(text(statement))
    with store.read() as reading:
        assert [s.row for s in reading.changes(-1, 9)] == rows(0, 2)
        assert (reading.latest().size, list(reading.cosignatures(2))) == (2, ["line"])


def test_caches_can_be_changed(open_sql: Stores) -> None:
    """The guards stand where they should and nowhere else."""
    store = open_sql()
    append(store, *rows(0, 256))
    with store.write() as writing:
        writing.put({b"k": b"v"})
        writing.list_cases([listing(1)])
    with raw_write(store) as connection:
        for table in ("state", "tile", "listing"):
            assert connection.execute(text(f"DELETE FROM {table}")).rowcount >= 1  # noqa: S608  - names of ours


def test_postgresql_refuses_to_empty_a_table_of_facts(postgres_url: str) -> None:
    with closing(SqlStore(postgres_url, Steady())) as store:
        append(store, row(0))
        for table in tables.APPEND_ONLY:
            with pytest.raises(DBAPIError, match="append-only"), raw_write(store) as connection:
                connection.execute(text(f"TRUNCATE {table}"))


def _journal_values(index: int, tag: bytes) -> tuple[object, ...]:
    return (index, data(99), tag, None, None, 0, b"forged")


@pytest.mark.parametrize(
    ("index", "tag"), [(1, data(50)), (9, data(1, "tag")), (9, data(50)), (-1, data(50)), (2, data(0, "tag"))]
)
def test_sqlite_refuses_to_replace_a_fact_and_to_leave_a_gap_whoever_connects(
    sqlite_url: str, index: int, tag: bytes
) -> None:
    with closing(SqlStore(sqlite_url, Steady())) as store:
        append(store, row(0), row(1))
    path = str(make_url(sqlite_url).database)
    with closing(sqlite3.connect(path)) as connection, pytest.raises(sqlite3.IntegrityError, match="append-only"):
        connection.execute("INSERT OR REPLACE INTO journal VALUES (?, ?, ?, ?, ?, ?, ?)", _journal_values(index, tag))


def test_a_view_cannot_write(open_sql: Stores) -> None:
    store = open_sql()
    with pytest.raises(DBAPIError, match=r"readonly|read-only"), store.engine.begin() as connection:
        connection.execute(tables.state.insert().values(key=b"k", value=b"v"))


# --- durability (H12, H13) --------------------------------------------------------------------------------------


@contextmanager
def every_connection_says(statement: str) -> Iterator[None]:
    """Let something else in the process set connections otherwise, as wrappers do."""

    def say(connection: Any, _record: object, _proxy: object) -> None:
        connection.execute(statement)

    event.listen(Pool, "checkout", say)
    try:
        yield
    finally:
        event.remove(Pool, "checkout", say)


@pytest.mark.parametrize("level", ["NORMAL", "OFF"])
def test_sqlite_that_does_not_sync_every_commit_is_refused(sqlite_url: str, level: str) -> None:
    with every_connection_says(f"PRAGMA synchronous={level}"), pytest.raises(DurabilityError, match="synchronous"):
        SqlStore(sqlite_url, Steady())
    SqlStore(sqlite_url, Steady()).close()


@pytest.mark.parametrize("mode", ["DELETE", "OFF", "MEMORY"])
def test_sqlite_without_a_write_ahead_log_is_refused(sqlite_url: str, mode: str) -> None:
    with every_connection_says(f"PRAGMA journal_mode={mode}"), pytest.raises(DurabilityError, match="journal_mode"):
        SqlStore(sqlite_url, Steady())


def test_sqlite_in_memory_is_refused() -> None:
    with pytest.raises(DurabilityError, match="journal_mode=memory"):
        SqlStore("sqlite://", Steady())


def test_a_refused_database_is_left_untouched(tmp_path: Path) -> None:
    path = tmp_path / "node.db"
    with every_connection_says("PRAGMA synchronous=OFF"), pytest.raises(DurabilityError):
        SqlStore(f"sqlite:///{path}", Steady())
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == []


@pytest.fixture(scope="module")
def careless_cluster() -> Iterator[Cluster]:
    with running("-c fsync=off") as cluster:
        yield cluster


def test_postgresql_that_does_not_sync_is_refused(careless_cluster: Cluster) -> None:
    with pytest.raises(DurabilityError, match="fsync=off"):
        SqlStore(careless_cluster.url("postgres"), Steady())


@pytest.mark.parametrize("level", ["off", "local", "remote_write"])
def test_postgresql_that_answers_before_it_has_written_is_refused(postgres_url: str, level: str) -> None:
    name = make_url(postgres_url).database
    with closing(SqlStore(postgres_url, Steady())) as store, store.writer.begin() as connection:
        connection.exec_driver_sql(f"ALTER DATABASE {name} SET synchronous_commit = {level}")
    with pytest.raises(DurabilityError, match=f"synchronous_commit={level}"):
        SqlStore(postgres_url, Steady())


def test_the_writer_of_a_store_is_durable(open_sql: Stores) -> None:
    """The negative control of the refusals above: the same question, answered well."""
    assert_durable(open_sql().writer)


# --- time -------------------------------------------------------------------------------------------------------


def test_an_instant_is_cut_to_milliseconds_and_never_rounded_up() -> None:
    at = instant(1774402199999)
    assert milliseconds(at + timedelta(microseconds=999)) == 1774402199999
    assert milliseconds(at + timedelta(microseconds=1000)) == 1774402200000
    assert instant(milliseconds(at)) == at
    assert milliseconds(instant(-1) + timedelta(microseconds=500)) == -1


def test_postgresql_stamps_with_its_own_clock_at_that_moment(postgres_url: str) -> None:
    """``now()`` would be the beginning of the transaction: before the wait for the lock, and the same all along."""
    engines = open_engines(postgres_url)
    with closing(SqlStore(postgres_url, Steady())) as store, store.writer.begin() as connection:
        began = connection.exec_driver_sql("SELECT now()").scalar_one()
        first, second = (connection.exec_driver_sql(engines.time).scalar_one() for _ in range(2))
    engines.dispose()
    assert began < first < second


def test_the_ticker_can_watch_the_databases_clock(open_sql: Stores) -> None:
    store = open_sql()
    clock = SystemClock(wall=store.time_ns)
    read = [store.time_ns(), milliseconds(store.now()) * 1_000_000, store.time_ns()]
    assert read[0] // 1_000_000 <= read[1] // 1_000_000 <= read[2] // 1_000_000
    clock.tick()
    clock.tick()
    assert not clock.suspect


# --- the deadline race (H14) ------------------------------------------------------------------------------------

DEADLINE, FROZEN = b"deadline", b"frozen"
SUBMITTERS = 6
OPEN_FOR = timedelta(milliseconds=300)


def _set_deadline(store: SqlStore) -> datetime:
    with store.write() as writing:
        deadline = writing.now + OPEN_FOR
        writing.put({DEADLINE: str(milliseconds(deadline)).encode()})
    return deadline


def _submit(store: SqlStore, number: int) -> bool:
    """Judge and file one bid as the door does: in one write, at its instant."""
    with store.write() as writing:
        if milliseconds(writing.now) >= int(writing.get(DEADLINE) or b"0") or writing.get(FROZEN) is not None:
            return False
        writing.append([row(number, at=writing.now)])
    return True


def _open(store: SqlStore) -> bool:
    """Freeze the accepted set when it is time."""
    with store.write() as writing:
        if milliseconds(writing.now) < int(writing.get(DEADLINE) or b"0"):
            return False
        latest = writing.latest()
        writing.put({FROZEN: str(latest.size if latest else 0).encode()})
    return True


def _stragglers(store: SqlStore, deadline: datetime) -> list[int]:
    """Return the indices of bids behind the frozen set, or stamped at the deadline or after it."""
    with store.read() as reading:
        frozen = int(reading.get(FROZEN) or b"0")
        return [s.index for s in reading.changes(-1, 100_000) if s.index >= frozen or s.row.at >= deadline]


@pytest.mark.slow
def test_no_bid_is_accepted_behind_the_frozen_set(open_sql: Stores) -> None:
    stores = [open_sql() for _ in range(3)]
    deadline = _set_deadline(stores[0])
    opened = threading.Event()

    def submitter(which: int) -> int:
        accepted = 0
        # Each goes on until it was refused after the opening, so that some arrive before, at and after the deadline.
        while True:
            late = opened.is_set()
            if _submit(stores[which % 3], which * 100_000 + accepted):
                accepted += 1
            elif late:
                return accepted

    def opener() -> None:
        while not _open(stores[0]):
            pass
        opened.set()

    with ThreadPoolExecutor(SUBMITTERS + 1) as pool:
        submitting = [pool.submit(submitter, which) for which in range(SUBMITTERS)]
        pool.submit(opener).result(timeout=60)
        accepted = sum(future.result(timeout=60) for future in submitting)
    assert _stragglers(stores[0], deadline) == []
    with stores[0].read() as reading:
        assert int(reading.get(FROZEN)) == reading.latest().size == accepted > 0


def test_the_race_would_notice_a_judge_that_decides_before_the_lock(open_sql: Stores) -> None:
    """Negative control: the same bid, judged in a view and filed in a later write, comes behind the frozen set."""
    store = open_sql()
    deadline = _set_deadline(store)
    with store.read() as reading:
        in_time = milliseconds(store.now()) < int(reading.get(DEADLINE) or b"0")
    assert in_time
    while not _open(store):
        pass
    with store.write() as writing:
        writing.append([row(0, at=writing.now)])
    assert _stragglers(store, deadline) == [0]


def test_without_the_lock_two_processes_collide_and_the_database_refuses_one(postgres_url: str) -> None:
    """Negative control of the lock: what it prevents, and that even then no index is given twice."""
    engine = create_engine(postgres_url)
    insert = text("INSERT INTO journal VALUES (0, :leaf, :tag, NULL, NULL, 0, :body)")
    with ExitStack() as stack, ThreadPoolExecutor(1) as pool:
        one = stack.enter_context(engine.connect())
        one.execute(insert, {"leaf": data(0), "tag": data(0, "tag"), "body": b""})

        def other() -> None:
            with engine.begin() as two:
                two.execute(insert, {"leaf": data(1), "tag": data(1, "tag"), "body": b""})

        colliding = pool.submit(other)
        one.commit()
        with pytest.raises(DBAPIError, match="journal_pkey"):
            colliding.result(timeout=30)
    engine.dispose()


# --- a connection is lost ---------------------------------------------------------------------------------------


LOST = r"terminat|closed|lost"


def test_a_store_recovers_from_lost_connections(postgres_url: str) -> None:
    with closing(SqlStore(postgres_url, Steady())) as store:
        append(store, row(0))
        with store.read() as reading:
            assert reading.latest().size == 1
        cut = create_engine(postgres_url)
        with cut.begin() as connection:
            mine = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = "
            connection.exec_driver_sql(f"{mine}current_database()")
        cut.dispose()
        with store.read() as reading:
            assert reading.latest().size == 1
        with pytest.raises(Exception, match=LOST):
            append(store, row(1))
        assert append(store, row(1)).size == 2


def test_a_connection_lost_inside_a_write_loses_that_write_only(postgres_url: str) -> None:
    with closing(SqlStore(postgres_url, Steady())) as store:
        append(store, row(0))
        with pytest.raises(Exception, match=LOST), store.write() as writing:  # noqa: PT012
            writing.append([row(1)])
            writing.put({b"k": b"v"})
            cut = create_engine(postgres_url)
            with cut.begin() as connection:
                connection.exec_driver_sql(
                    "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted"
                )
            cut.dispose()
            writing.get(b"k")
        assert append(store, row(1)).root == TREE.root(0, 2)
        with store.read() as reading:
            assert reading.get(b"k") is None


def test_two_processes_on_one_file_write_in_turn(tmp_path: Path) -> None:
    held = Turn(tmp_path / "turn")
    waited: list[float] = []

    def other() -> None:
        begun = time.monotonic()
        with Turn(tmp_path / "turn"):  # a lock of another open file, as another process has
            waited.append(time.monotonic() - begun)

    with held:
        thread = threading.Thread(target=other)
        thread.start()
        time.sleep(0.2)
        assert not waited
    thread.join(5)
    assert 0.1 < waited[0] < 2


def test_a_writer_gives_up_when_another_process_does_not_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tradehall.adapters.turn.PATIENCE_SECONDS", 0.05)
    second = Turn(tmp_path / "turn")
    with Turn(tmp_path / "turn"), pytest.raises(TimeoutError), second:
        pass
    with second:
        pass
