"""What every store of the exchange promises (``desk/ports.py``), shown on memory, SQLite and PostgreSQL alike."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import pytest

from adapters.making import START, Steady, data
from tradehall.adapters.memory import MemoryExchange
from tradehall.adapters.sql.exchange import SqlExchange
from tradehall.adapters.sql.store import SqlStore
from tradehall.desk.ports import Copy, ExchangeStore, Message

CASE, OTHER = data(1, "case"), data(2, "case")


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def store(request: pytest.FixtureRequest) -> Iterator[ExchangeStore]:
    if request.param == "memory":
        yield MemoryExchange()
        return
    url = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    with closing(SqlStore(url, Steady())) as opened:
        yield SqlExchange(opened)


def message(number: int, city: str = "chengdu") -> Message:
    return Message(data(number), city, START, b"sealed %d" % number, START)


def test_a_message_is_kept_once_and_found_again(store: ExchangeStore) -> None:
    assert store.find(data(1)) is None
    assert store.put(message(1)) is True
    assert store.put(replace(message(1), body=b"other")) is False
    assert store.find(data(1)) == message(1)


def test_waiting_has_the_order_of_keeping_for_each_city(store: ExchangeStore) -> None:
    for number in (3, 1, 2):
        store.put(message(number))
    store.put(message(4, "deyang"))
    assert [m.tag for m in store.waiting("chengdu", 10)] == [data(3), data(1), data(2)]
    assert [m.tag for m in store.waiting("chengdu", 2)] == [data(3), data(1)]
    assert [m.tag for m in store.waiting("deyang", 10)] == [data(4)]
    assert store.waiting("meishan", 10) == []


def test_what_is_settled_stays_so_and_a_done_message_waits_no_more(store: ExchangeStore) -> None:
    store.put(message(1))
    store.put(message(2))
    later = replace(message(1), due=START + timedelta(seconds=4), tries=2, answer=b"sealed refusal")
    store.settle(later)
    assert store.find(data(1)) == later
    assert list(store.waiting("chengdu", 10)) == [later, message(2)]
    store.settle(replace(later, done=True))
    assert list(store.waiting("chengdu", 10)) == [message(2)]
    assert store.find(data(1)) == replace(later, done=True)
    store.settle(replace(later, done=False, tries=0))
    assert [m.tag for m in store.waiting("chengdu", 10)] == [data(1), data(2)]


def test_settling_changes_neither_the_record_nor_when_it_came(store: ExchangeStore) -> None:
    store.put(message(1))
    store.settle(replace(message(1), body=b"other", at=START + timedelta(days=1), city="deyang", done=True))
    assert store.find(data(1)) == replace(message(1), done=True)
    store.settle(message(2))
    assert store.find(data(2)) is None


def test_copies_are_kept_only_behind_the_last_one(store: ExchangeStore) -> None:
    assert store.cursor("chengdu", CASE) == -1
    assert store.follow("chengdu", CASE, -1, [Copy(0, b"a"), Copy(7, b"b")]) is True
    assert store.cursor("chengdu", CASE) == 7
    assert store.follow("chengdu", CASE, -1, [Copy(0, b"a"), Copy(7, b"b")]) is False
    assert store.follow("chengdu", CASE, 7, [Copy(9, b"c")]) is True
    assert list(store.copies("chengdu", CASE)) == [Copy(0, b"a"), Copy(7, b"b"), Copy(9, b"c")]
    assert list(store.copies("chengdu", OTHER)) == list(store.copies("deyang", CASE)) == []


def test_of_several_that_follow_the_same_page_one_does(store: ExchangeStore) -> None:
    with ThreadPoolExecutor(6) as pool:
        done = [pool.submit(store.follow, "chengdu", CASE, -1, [Copy(n, b"x") for n in range(5)]) for _ in range(6)]
        assert sorted(f.result() for f in done) == [False] * 5 + [True]
    assert [c.index for c in store.copies("chengdu", CASE)] == [0, 1, 2, 3, 4]


def test_what_was_kept_is_there_when_the_database_is_opened_again(sqlite_url: str) -> None:
    with closing(SqlStore(sqlite_url, Steady())) as first:
        store = SqlExchange(first)
        store.put(message(1))
        store.follow("chengdu", CASE, -1, [Copy(3, b"a")])
    with closing(SqlStore(sqlite_url, Steady())) as second:
        store = SqlExchange(second)
        assert list(store.waiting("chengdu", 10)) == [message(1)]
        assert store.cursor("chengdu", CASE) == 3
