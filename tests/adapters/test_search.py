"""The search finds exactly what LIKE finds, newest first, on every store, whatever its index does."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text as sql

from adapters.making import START, Steady, listing
from tradehall.adapters.memory import MemoryStore
from tradehall.adapters.sql import lists
from tradehall.adapters.sql.engines import open_engines
from tradehall.adapters.sql.grams import ASKED_MAX, match
from tradehall.adapters.sql.migrate import upgrade
from tradehall.adapters.sql.store import SqlStore
from tradehall.desk.listing import folded
from tradehall.desk.ports import CaseQuery, Listing

LETTERS = "道路改造工程医院 路路道a1１Ａß-%_/\"'*()^:+\u3000\ue000\x00ＭeéÉ"
DAYS = [f"2026-03-0{n}T09:00:00.000+08:00" for n in range(1, 4)]
URLS = {"sqlite": "sqlite_url", "postgresql": "postgres_url"}
TEXTS = st.text(LETTERS.replace("\x00", ""), max_size=12)

listings = st.builds(
    listing,
    st.integers(0, 30),
    title=TEXTS,
    tenderer=st.text("路a1 ", max_size=4),
    stage=st.sampled_from(["tender", "award", "a b", ""]),
    region=st.sampled_from(["510100", "510104", "51_100", "5"]),
    published_at=st.sampled_from(DAYS),
)
queries = st.builds(
    CaseQuery,
    text=st.text(LETTERS, max_size=7),
    stage=st.sampled_from(["", "", "award", "a b", "a", "\x00"]),
    region=st.sampled_from(["", "", "51", "510", "51_", "5101049"]),
    limit=st.integers(1, 8),
)


def plainly(kept: dict[str, Listing], query: CaseQuery) -> list[Listing]:
    """The oracle: look at every line."""
    words = folded(query.text).split()
    found = [
        x
        for x in kept.values()
        if all(word in folded(f"{x.title} {x.code} {x.tenderer}") for word in words)
        and query.stage in ("", x.stage)
        and x.region.startswith(query.region)
    ]
    return sorted(found, key=lambda x: (x.published_at, x.case), reverse=True)


def paged(store: Any, query: CaseQuery) -> list[Listing]:
    found: list[Listing] = []
    with store.read() as reading:
        while page := reading.search(query):
            found += page
            query = replace(query, after=(page[-1].published_at, page[-1].case))
    return found


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(writes=st.lists(st.lists(listings, max_size=12), max_size=6), asked=st.lists(queries, min_size=1, max_size=12))
@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_no_line_is_missed_or_invented_in_any_history_of_the_list(
    kind: str, request: pytest.FixtureRequest, writes: list[list[Listing]], asked: list[CaseQuery]
) -> None:
    store = request.getfixturevalue("open_both")(kind)
    kept: dict[str, Listing] = {}
    for lines in writes:
        with store.write() as writing:
            writing.list_cases(lines)
        kept |= {x.case: x for x in lines}
        for query in asked:
            assert paged(store, query) == plainly(kept, query)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(listings, max_size=20), asked=st.lists(queries, min_size=1, max_size=12))
def test_postgresql_finds_the_same(open_both: Any, lines: list[Listing], asked: list[CaseQuery]) -> None:
    store = open_both("postgresql")
    with store.write() as writing:
        writing.list_cases(lines)
    kept = {x.case: x for x in lines}
    for query in asked:
        assert paged(store, query) == plainly(kept, query)


@pytest.fixture
def open_both(request: pytest.FixtureRequest) -> Any:
    """Opens an empty store for each example of a property; on the SQL databases the same one, emptied."""
    opened: dict[str, SqlStore] = {}

    def empty(kind: str) -> Any:
        if kind == "memory":
            return MemoryStore(Steady(), lambda: START)
        if kind not in opened:
            opened[kind] = SqlStore(request.getfixturevalue(URLS[kind]), Steady())
            request.addfinalizer(opened[kind].close)
        store = opened[kind]
        with store.writer.begin() as connection:
            connection.execute(sql("DELETE FROM listing"))
            if kind == "sqlite":
                connection.execute(sql("INSERT INTO listing_gram (listing_gram) VALUES ('delete-all')"))
        return store

    return empty


def places(store: SqlStore) -> list[str]:
    with store.engine.connect() as connection:
        return [row[0] for row in connection.execute(sql("SELECT case_id FROM listing ORDER BY place"))]


@pytest.mark.parametrize("order", ["ascending", "descending", "from the middle"])
def test_cases_that_come_in_any_order_keep_the_order_of_the_list(sqlite_url: str, order: str) -> None:
    """Between two old ones there is no free number for hundreds; neighbours move aside."""
    late = [listing(n, published_at=DAYS[1]) for n in range(1, 300)]
    if order == "descending":
        late.reverse()
    elif order == "from the middle":
        late.sort(key=lambda x: abs(int(x.case[2:]) - 150))
    with closing(SqlStore(sqlite_url, Steady())) as store:
        with store.write() as writing:
            writing.list_cases([listing(0, published_at=DAYS[0]), listing(999, published_at=DAYS[2])])
        for line in late:
            with store.write() as writing:
                writing.list_cases([line])
        assert places(store) == [f"t-{n:026d}" for n in (*range(300), 999)]
        assert [x.case for x in paged(store, CaseQuery(text="项目", limit=100))] == places(store)[::-1]


def test_a_search_of_very_many_words_asks_the_index_for_a_few(sqlite_url: str) -> None:
    text = "".join(chr(0x4E00 + n) for n in range(150))
    assert match(CaseQuery(text=" ".join(text))).count(" AND ") == ASKED_MAX - 1
    with closing(SqlStore(sqlite_url, Steady())) as store:
        with store.write() as writing:
            writing.list_cases([listing(1, title=text), listing(2, title=text[:-1])])
        assert [x.code for x in paged(store, CaseQuery(text=" ".join(text)))] == ["CODE-1"]


@pytest.mark.parametrize(
    ("asked", "title"),
    [
        ("ＭＥＴＲＯ", "Metro Line"),
        ("metro", "ＭＥＴＲＯ线"),
        ("１３号", "13号线"),
        ("㈱", "(株)"),
        ("STRASSE", "Straße"),
    ],
)
def test_width_and_case_do_not_count(open_store: Any, asked: str, title: str) -> None:
    store = open_store()
    with store.write() as writing:
        writing.list_cases([listing(1, title=title), listing(2)])
    assert [x.code for x in paged(store, CaseQuery(text=asked))] == ["CODE-1"]


def test_the_migration_brings_the_search_to_lines_that_are_there(empty_url: str) -> None:
    engines = open_engines(empty_url)
    upgrade(engines, "0002")
    lines = [listing(n, title="ＡＢ 医院", published_at=DAYS[n % 3]) for n in range(7)]
    put = lists.PUT if engines.mark == "?" else lists.PUT.replace("?", "%s")
    connection = engines.writing.raw_connection()
    connection.cursor().executemany(put, [(*(getattr(x, f) for f in x.__slots__), "old words") for x in lines])
    connection.commit()
    connection.close()
    engines.dispose()
    with closing(SqlStore(empty_url, Steady())) as store:
        expected = sorted(lines, key=lambda x: (x.published_at, x.case), reverse=True)
        assert paged(store, CaseQuery(text="ab 院", limit=2)) == expected
        assert paged(store, CaseQuery(text="old")) == []


def test_an_index_that_loses_entries_is_noticed(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: the comparison with every line is worth something."""
    monkeypatch.setattr(lists, "_entries", lambda _: "x")
    with closing(SqlStore(sqlite_url, Steady())) as store:
        with store.write() as writing:
            writing.list_cases([listing(1)])
        assert paged(store, CaseQuery(text="项目")) != plainly({"": listing(1)}, CaseQuery(text="项目"))
