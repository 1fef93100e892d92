"""
The exchange between cities on SQL (城市间往来): outbox and copies, beside the journal in the same database.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import Engine, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from tradehall.adapters.sql.store import SqlStore, instant, milliseconds
from tradehall.adapters.sql.tables import followed, outbox
from tradehall.desk.ports import Copy, Message


class SqlExchange:
    """Outbox and copies in the node's database (往来存储); the promises are the port's."""

    def __init__(self, store: SqlStore) -> None:
        self._read: Engine = store.engine
        self._write: Engine = store.writer
        self._sqlite = store.engine.dialect.name == "sqlite"
        self._insert: Any = sqlite_insert if self._sqlite else postgres_insert

    def put(self, message: Message) -> bool:
        """Keep a message behind all others unless its tag is known."""
        values = {"tag": message.tag, "city": message.city, "at": milliseconds(message.at), "body": message.body}
        statement = self._insert(outbox).values(**values, **_moving(message))
        with self._write.begin() as connection:
            wanted = statement.on_conflict_do_nothing(index_elements=["tag"]).returning(outbox.c.number)
            return connection.execute(wanted).first() is not None

    def find(self, tag: bytes) -> Message | None:
        """Return a message."""
        with self._read.begin() as connection:
            row = connection.execute(select(outbox).where(outbox.c.tag == tag)).one_or_none()
        return None if row is None else _message(row)

    def waiting(self, city: str, limit: int) -> Sequence[Message]:
        """Return the messages that are not done, in order."""
        wanted = select(outbox).where(outbox.c.city == city, outbox.c.done == 0).order_by(outbox.c.number).limit(limit)
        with self._read.begin() as connection:
            return [_message(row) for row in connection.execute(wanted)]

    def settle(self, message: Message) -> None:
        """Write how a message stands."""
        with self._write.begin() as connection:
            connection.execute(update(outbox).where(outbox.c.tag == message.tag).values(**_moving(message)))

    def cursor(self, city: str, case: bytes) -> int:
        """Return the index of the last copy, -1 before the first."""
        with self._read.begin() as connection:
            return cast("int", connection.execute(_last(city, case)).scalar_one())

    def follow(self, city: str, case: bytes, after: int, copies: Sequence[Copy]) -> bool:
        """Keep copies behind the last one; a second writer of the same page finds that the cursor has moved."""
        rows = [{"city": city, "case_tag": case, "idx": copy.index, "body": copy.body} for copy in copies]
        with self._write.begin() as connection:
            if not self._sqlite:  # there a writer is alone anyway
                connection.exec_driver_sql("LOCK TABLE followed IN SHARE ROW EXCLUSIVE MODE")
            if connection.execute(_last(city, case)).scalar_one() != after:
                return False
            connection.execute(insert(followed), rows)
        return True

    def copies(self, city: str, case: bytes) -> Sequence[Copy]:
        """Return the copies in the order of the log there."""
        c = followed.c
        wanted = select(c.idx, c.body).where(c.city == city, c.case_tag == case).order_by(c.idx)
        with self._read.begin() as connection:
            return [Copy(row.idx, bytes(row.body)) for row in connection.execute(wanted)]


def _last(city: str, case: bytes) -> Any:
    c = followed.c
    return select(func.coalesce(func.max(c.idx), -1)).where(c.city == city, c.case_tag == case)


def _moving(message: Message) -> dict[str, Any]:
    """Return the columns of a message that change on its way."""
    return {
        "due": milliseconds(message.due),
        "tries": message.tries,
        "answer": message.answer,
        "done": int(message.done),
    }


def _message(row: Any) -> Message:
    return Message(
        tag=bytes(row.tag),
        city=row.city,
        at=instant(row.at),
        body=bytes(row.body),
        due=instant(row.due),
        tries=row.tries,
        answer=bytes(row.answer),
        done=bool(row.done),
    )
