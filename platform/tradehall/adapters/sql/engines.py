"""
Engines (数据库连接): how a database is opened so that nothing acknowledged is lost and a view stays one view.

SQLAlchemy keeps the connections; the store speaks to the driver's cursor. A statement costs a few microseconds there,
and several times as much through ``Connection.execute``, which a write of one record would feel.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, PoolProxiedConnection, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.pool import QueuePool

from tradehall.adapters.sql.fence import Fence

READERS = 8
WRITERS = 2
"""The log's and one for the directory; they exclude each other in the database."""
MORE = 24

PATIENCE_SECONDS = 30
"""How long a writer waits for another process before it fails; nothing was promised to anybody then."""

LOG_LOCK = 0x7472616465
"""Advisory lock of the log on PostgreSQL."""

_NEEDED_POSTGRES = {"fsync": ("on",), "full_page_writes": ("on",), "synchronous_commit": ("on", "remote_apply")}
_NEEDED_SQLITE = {"journal_mode": ("wal",), "synchronous": (2, 3)}


class DurabilityError(RuntimeError):
    """The database would lose acknowledged writes in a power cut (持久性不足); the node refuses to start."""


@dataclass(frozen=True, slots=True)
class Engines:
    """
    An open database (已打开的数据库).

    Attributes:
        reading: connections whose transactions are views of one moment and can't write.
        writing: connections for the one writer.
        begin_reading: statement that opens a view; empty where the driver does that.
        begin_writing: statement after which nobody else writes until the transaction ends.
        time: statement that reads the database's clock at that very moment.
        mark: what stands for a value in a statement.
        fence: says whether the server may be written; None where no other server could ever take its place.
    """

    reading: Engine
    writing: Engine
    begin_reading: str
    begin_writing: str
    time: str
    mark: str
    fence: Fence | None = None

    def dispose(self) -> None:
        """Close all connections."""
        self.reading.dispose()
        self.writing.dispose()


class Lane:
    """
    Transactions on one connection that is kept between them (专用连接), for one thread at a time.

    Fetching a connection and giving it back would cost a write of one record a tenth of its time.
    """

    def __init__(self, engine: Engine, begin: str, fence: Fence | None = None) -> None:
        self._engine = engine
        self._begin = begin
        self._fence = fence
        self._kept: PoolProxiedConnection | None = None

    @contextmanager
    def transaction(self) -> Generator[Any]:
        """Yield the driver's cursor: committed when this ends normally, rolled back when it does not."""
        connection = self._kept or self._engine.raw_connection()
        self._kept = None
        try:
            cursor = connection.cursor()
            cursor.execute(self._begin)
            yield cursor
            if self._fence is None:
                connection.commit()
            else:
                with self._fence.committing(connection.driver_connection):
                    connection.commit()
        except BaseException:
            _give_back(connection)
            raise
        self._kept = connection

    def close(self) -> None:
        """Give the connection back."""
        if self._kept is not None:
            self._kept.close()
            self._kept = None


@contextmanager
def view(engine: Engine, begin: str) -> Generator[Any]:
    """Yield a driver's cursor in a transaction that only reads."""
    connection = engine.raw_connection()
    try:
        cursor = connection.cursor()
        if begin:
            cursor.execute(begin)
        yield cursor
    finally:
        _give_back(connection)


class Questions:
    """
    Single questions, each answered as the database stands at that moment (单问).

    Connections are kept between questions, outside any transaction: to fetch one, begin, roll back and give it back
    would take several times as long as the question, and every request asks a few.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._kept: deque[PoolProxiedConnection] = deque(maxlen=READERS)

    def one(self, statement: str, *values: object) -> Any:
        """Return the first row of an answer, None where there is none."""
        try:
            connection = self._kept.pop()
        except IndexError:
            return self._asked(self._connect(), statement, values)
        try:
            return self._asked(connection, statement, values)
        except self._engine.dialect.loaded_dbapi.Error:
            # A connection that was kept may have died with its server: only a new one can tell.
            return self._asked(self._connect(), statement, values)

    def _connect(self) -> PoolProxiedConnection:
        connection = self._engine.raw_connection()
        connection.detach()  # the pool forgets it: it would never come back
        if self._engine.dialect.name != "sqlite":
            connection.dbapi_connection.autocommit = True  # type: ignore[union-attr]
        return connection

    def _asked(self, connection: PoolProxiedConnection, statement: str, values: tuple[object, ...]) -> Any:
        try:
            row = connection.cursor().execute(statement, values).fetchone()
        except BaseException:
            connection.close()
            raise
        if len(self._kept) < READERS:
            self._kept.append(connection)
        else:
            connection.close()
        return row

    def close(self) -> None:
        """Close what was kept."""
        while self._kept:
            self._kept.pop().close()


def _give_back(connection: PoolProxiedConnection) -> None:
    """Roll back and return a connection; one that can't even do that is thrown away."""
    try:
        connection.rollback()
    except Exception:  # noqa: BLE001  - a broken connection may say so in any way; what broke it is raised elsewhere
        connection.invalidate()
    connection.close()


def open_engines(url: str, fence: Fence | None = None) -> Engines:
    """
    Open ``sqlite:///…`` or ``postgresql+psycopg://…``.

    Raises:
        DurabilityError: a standby is required of a database that can't have one.
    """
    if make_url(url).get_backend_name() != "sqlite":
        return _open_postgres(url, fence or Fence())
    if fence is not None and fence.require_standby:
        raise DurabilityError("SQLite has no standby; one is required")
    return _open_sqlite(url)


def _open_postgres(url: str, fence: Fence) -> Engines:
    # Each statement of the writer must see what was committed before it got the lock, so no snapshot there.
    writing = _postgres_engine(url, "read committed", WRITERS, fence)

    @event.listens_for(writing, "begin")
    def _begin(connection: Connection) -> None:
        fence.enter(connection.connection.cursor())

    return Engines(
        reading=_postgres_engine(url, "repeatable read", READERS, fence),
        writing=writing,
        begin_reading="",
        begin_writing=f"SELECT pg_advisory_xact_lock({LOG_LOCK})",
        time="SELECT clock_timestamp()",
        mark="%s",
        fence=fence,
    )


def _postgres_engine(url: str, isolation: str, size: int, fence: Fence) -> Engine:
    settings = {
        "default_transaction_isolation": isolation.replace(" ", "\\ "),
        "default_transaction_read_only": "off" if size == WRITERS else "on",
        "lock_timeout": f"{PATIENCE_SECONDS}s",
        "timezone": "UTC",
    }
    if fence.require_standby:
        # Said for each connection, for it then counts more than what is set for the role or the database.
        settings["synchronous_commit"] = "remote_apply"
    options = " ".join(f"-c {name}={value}" for name, value in settings.items())
    engine = create_engine(
        url, pool_size=size, max_overflow=MORE, pool_pre_ping=True, connect_args={"options": options}
    )

    @event.listens_for(engine, "connect")
    def _check(connection: Any, _record: object) -> None:
        fence.connected(connection)
        connection.rollback()

    return engine


def _open_sqlite(url: str) -> Engines:
    # ``synchronous`` is not left to how the library was built, and ``recursive_triggers`` makes the append-only
    # triggers see the row that an INSERT OR REPLACE would delete.
    safe = ("journal_mode=WAL", "synchronous=FULL", "fullfsync=ON", "recursive_triggers=ON")
    reading, writing = "BEGIN DEFERRED", "BEGIN IMMEDIATE"
    return Engines(
        reading=_sqlite_engine(url, reading, READERS, (*safe, "query_only=ON", "cache_size=-16384")),
        writing=_sqlite_engine(url, writing, WRITERS, (*safe, "cache_size=-65536")),
        begin_reading=reading,
        begin_writing=writing,
        time="SELECT strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now')",
        mark="?",
    )


def _sqlite_engine(url: str, begin: str, size: int, pragmas: tuple[str, ...]) -> Engine:
    engine = create_engine(
        url,
        poolclass=QueuePool,
        pool_size=size,
        max_overflow=MORE,
        pool_timeout=PATIENCE_SECONDS,
        pool_reset_on_return=None,  # every user of it commits or rolls back
        connect_args={"timeout": PATIENCE_SECONDS, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def _set(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def assert_durable(engine: Engine) -> None:
    """
    Ask the database itself how it runs.

    Raises:
        DurabilityError: SQLite does not run WAL with ``synchronous=FULL``, or PostgreSQL not with ``fsync``,
            ``full_page_writes`` and ``synchronous_commit``.
    """
    sqlite = engine.dialect.name == "sqlite"
    ask, needed = ("PRAGMA", _NEEDED_SQLITE) if sqlite else ("SHOW", _NEEDED_POSTGRES)
    with engine.begin() as connection:
        for name, wanted in needed.items():
            found = connection.exec_driver_sql(f"{ask} {name}").scalar_one()
            if found not in wanted:
                raise DurabilityError(f"{engine.dialect.name} runs with {name}={found}, {wanted[0]} is needed")
