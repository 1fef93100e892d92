"""
What every store promises (``desk/ports.py``), shown on memory, SQLite and PostgreSQL alike.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.making import CASE, OTHER, START, NaiveTree, Steady, data, listing, row, rows
from tradehall.adapters.log.tiles import tiles_of
from tradehall.desk.ports import CaseQuery, DueWork, Row, Stored
from tradehall.rules import merkle

Stores = Callable[..., Any]
TREE = NaiveTree()
GLANCE_SECONDS = 0.05
"""How long a test looks for something that must not happen."""


def write(store: Any, added: list[Row]) -> Any:
    with store.write() as writing:
        return writing.append(added)


class BoomError(Exception):
    pass


# --- one writer -------------------------------------------------------------------------------------------------


class Watching(Steady):
    """A clock that notes which thread's instant was read."""

    def __init__(self) -> None:
        self.seen: list[int] = []
        self.second = threading.Event()

    def stamp(self, stored: datetime) -> datetime:
        self.seen.append(threading.get_ident())
        if len(self.seen) > 1:
            self.second.set()
        return super().stamp(stored)


def test_a_second_writer_waits_and_reads_its_instant_only_when_its_turn_has_come(open_store: Stores) -> None:
    clock = Watching()
    store = open_store(clock)
    inside = threading.Event()

    def other() -> datetime:
        with store.write() as writing:
            inside.set()
            return writing.now

    with ThreadPoolExecutor(1) as pool:
        with store.write() as first:
            waiting = pool.submit(other)
            assert not clock.second.wait(GLANCE_SECONDS), "the clock was read before the lock was held"
            assert not inside.is_set(), "two writers at once"
            first_now = first.now
        assert waiting.result(timeout=30) >= first_now
    assert inside.is_set()


def test_now_is_utc_and_never_runs_back(store: Any) -> None:
    seen = []
    for _ in range(5):
        seen.append(store.now())
        with store.write() as writing:
            seen.append(writing.now)
            assert writing.now == seen[-1], "one write has one instant"
    assert seen == sorted(seen)
    assert {at.utcoffset() for at in seen} == {timedelta(0)}


def test_a_write_inside_a_write_is_an_error_and_not_a_deadlock(store: Any) -> None:
    with pytest.raises(RuntimeError, match="inside a write"), store.write(), store.write():
        pass
    write(store, [row(0)])


def test_threads_that_write_at_once_leave_one_log_without_gaps(store: Any) -> None:
    def work(first: int) -> list[int]:
        return [write(store, [row(first + n)]).size for n in range(200)]

    with ThreadPoolExecutor(2) as pool:
        sizes = [size for done in pool.map(work, (0, 200)) for size in done]
    assert sorted(sizes) == list(range(1, 401)), "an index was given twice or left out"
    assert_log_is_whole(store, 400)


# --- all or nothing ---------------------------------------------------------------------------------------------


def test_an_exception_leaves_nothing_behind(store: Any) -> None:
    write(store, [row(0)])
    with store.write() as writing:
        writing.put({b"k": b"old"})
    with suppress(BoomError), store.write() as writing:
        writing.append(rows(1, 300))
        writing.put({b"k": b"new", b"other": b"x"})
        writing.list_cases([listing(1)])
        writing.keep_cosignatures(1, ["line"])
        raise BoomError
    with store.read() as reading:
        assert reading.latest().size == 1
        assert [reading.at_index(1), reading.find(data(1, "tag")), reading.get(b"other")] == [None] * 3
        assert reading.get(b"k") == b"old"
        assert not reading.search(CaseQuery())
        assert not reading.cosignatures(1)
    assert write(store, rows(1, 3)).root == TREE.root(0, 3), "the tree remembered what was rolled back"


def test_an_interrupted_write_leaves_nothing_either(store: Any) -> None:
    with suppress(KeyboardInterrupt), store.write() as writing:
        writing.append([row(0)])
        raise KeyboardInterrupt
    with store.read() as reading:
        assert reading.latest() is None
    write(store, [row(0)])


def test_a_view_does_not_see_what_is_written_while_it_is_open(store: Any) -> None:
    write(store, rows(0, 2))
    with store.read() as reading:
        before = reading.latest()
        with store.write() as writing:
            writing.append(rows(2, 4))
            writing.put({b"k": b"v"})
        assert reading.latest() == before
        assert (reading.at_index(2), reading.get(b"k")) == (None, None)
        assert len(reading.changes(-1, 100)) == 2
    with store.read() as reading:
        assert reading.latest().size == 4


def test_nobody_sees_an_unfinished_write_but_its_writer(store: Any) -> None:
    with store.write() as writing:
        writing.append([row(0)])
        writing.put({b"k": b"v"})
        writing.list_cases([listing(1)])
        assert writing.find(data(0, "tag")) == Stored(0, row(0))
        assert (writing.get(b"k"), len(writing.search(CaseQuery()))) == (b"v", 1)
        assert writing.inclusion(0, 1) == []
        with store.read() as reading:
            assert (reading.latest(), reading.get(b"k"), list(reading.search(CaseQuery()))) == (None, None, [])


# --- the journal ------------------------------------------------------------------------------------------------


def test_a_row_comes_back_as_it_was_written(store: Any) -> None:
    at = START + timedelta(milliseconds=123)
    secret = Row(data(1, "tag"), data(1), None, None, at, bytes(range(256)) * 40)
    public = replace(row(2, at=at), body="正文".encode())
    assert write(store, [secret, public]).at == at
    with store.read() as reading:
        assert reading.at_index(0) == reading.find(secret.tag) == Stored(0, secret)
        assert reading.at_index(1) == reading.find(public.tag) == Stored(1, public)
        assert reading.at_index(2) is reading.at_index(-1) is reading.find(data(9)) is None
        assert reading.at_index(0).row.at.tzinfo == UTC


def test_indices_follow_one_another_over_batches_of_any_size(store: Any) -> None:
    sizes = [1, 2, 250, 3, 1, 300, 1]
    total = 0
    for size in sizes:
        total += size
        assert write(store, rows(total - size, total)).size == total
    assert_log_is_whole(store, total)


def test_several_appends_in_one_write_continue_one_another(store: Any) -> None:
    with store.write() as writing:
        first = writing.append(rows(0, 255))
        second = writing.append(rows(255, 260))
    assert (first.size, second.size, second.root) == (255, 260, TREE.root(0, 260))
    with store.read() as reading:
        assert (reading.covering(254), reading.covering(255)) == (first, second)


@pytest.mark.parametrize("added", [[row(0)], [row(7), row(7)]], ids=["known", "twice at once"])
def test_a_tag_is_taken_once(store: Any, added: list[Row]) -> None:
    write(store, rows(0, 3))
    with pytest.raises(ValueError, match="tag"):
        write(store, [row(5), *added])
    with store.read() as reading:
        assert (reading.latest().size, reading.find(data(5, "tag"))) == (3, None)


def test_nothing_to_append_is_an_error(store: Any) -> None:
    with pytest.raises(ValueError, match="nothing"):
        write(store, [])


def test_a_failed_append_cannot_be_swallowed(store: Any) -> None:
    write(store, [row(0)])
    with pytest.raises(RuntimeError, match="append failed"), store.write() as writing:  # noqa: PT012
        writing.put({b"k": b"v"})
        with suppress(ValueError):
            writing.append([row(1), row(0)])
    with store.read() as reading:
        assert (reading.latest().size, reading.get(b"k"), reading.find(data(1, "tag"))) == (1, None, None)
    assert write(store, [row(1)]).root == TREE.root(0, 2)


def test_batches_say_which_tree_first_held_an_index(store: Any) -> None:
    batches = [write(store, rows(0, 1)), write(store, rows(1, 5)), write(store, rows(5, 6))]
    with store.read() as reading:
        assert [reading.covering(i) for i in range(6)] == [batches[0], *[batches[1]] * 4, batches[2]]
        assert reading.covering(6) is None
        assert reading.latest() == batches[2]


def test_an_empty_log_has_nothing(store: Any) -> None:
    with store.read() as reading:
        assert reading.latest() is reading.covering(0) is reading.at_index(0) is None
        assert list(reading.leaves(0, 10)) == list(reading.changes(-1, 10)) == list(reading.of_case(CASE)) == []
        assert list(reading.consistency(0, 0)) == []


def test_rows_of_a_case_and_changes_come_in_pages_and_without_secret_ones(store: Any) -> None:
    cases = [CASE, None, OTHER, CASE, CASE, None, OTHER, CASE]
    write(store, [row(n, case=case) for n, case in enumerate(cases)])
    with store.read() as reading:
        assert [s.index for s in reading.of_case(CASE)] == [0, 3, 4, 7]
        assert [s.index for s in reading.holding(reading.of_case(CASE)[0].row.body)][:1] == [0]
        assert list(reading.holding(b"no such text")) == []
        assert [s.index for s in reading.of_case(CASE, 3)] == [4, 7]
        assert [s.index for s in reading.of_case(CASE, -1, 2)] == [0, 3]
        assert list(reading.of_case(CASE, 7)) == list(reading.of_case("t-" + "c" * 26)) == []
        assert [s.index for s in reading.changes(-1, 100)] == [0, 2, 3, 4, 6, 7]
        pages, after = [], -1
        while page := reading.changes(after, 4):
            pages.append([s.index for s in page])
            after = page[-1].index
        assert pages == [[0, 2, 3, 4], [6, 7]]
        assert reading.changes(3, 1)[0].row == row(4)
        assert list(reading.leaves(1, 4)) == [data(1), data(2), data(3)]
        assert list(reading.leaves(6, 99)) == [data(6), data(7)]


# --- the tree ---------------------------------------------------------------------------------------------------

SIZES = (1, 2, 3, 7, 8, 255, 256, 257, 258, 511, 512, 513, 767, 1024, 1025)
FAR = (65535, 65536, 65537)


def assert_log_is_whole(store: Any, size: int) -> None:
    """Tags and indices belong together, leaves are the rows', the tree is over the leaves."""
    with store.read() as reading:
        leaves = reading.leaves(0, size + 1)
        assert len(leaves) == size
        tree = merkle.MemoryNodes(merkle.leaf_hash(leaf) for leaf in leaves)
        assert reading.latest().size == size
        assert reading.latest().root == merkle.root(tree, size)
        found = reading.changes(-1, size + 1)
        assert [s.index for s in found] == list(range(size))
        assert [s.row.leaf for s in found] == leaves
        assert len({s.row.tag for s in found}) == size


def assert_tree_is_naive(reading: Any, size: int, indices: list[int]) -> None:
    for index in indices:
        assert list(reading.inclusion(index, size)) == TREE.path(index, 0, size), (index, size)
    for old in {0, *indices, size}:
        assert list(reading.consistency(old, size)) == TREE.proof(old, size), (old, size)


def test_roots_and_proofs_are_those_of_a_naive_tree(store: Any) -> None:
    for before, size in pairwise((0, *SIZES)):
        assert write(store, rows(before, size)).root == TREE.root(0, size)
    with store.read() as reading:
        for size in SIZES:
            assert_tree_is_naive(reading, size, sorted({i for i in (0, size // 2, 255, 256, size - 1) if i < size}))


def test_every_proof_of_a_small_log_is_that_of_a_naive_tree(store: Any) -> None:
    for number in range(40):
        write(store, [row(number)])
    with store.read() as reading:
        for size in range(1, 41):
            assert_tree_is_naive(reading, size, list(range(size)))


@pytest.mark.slow
def test_the_third_level_of_tiles_begins_where_it_should(store: Any) -> None:
    write(store, rows(0, 65_000))
    for before, size in pairwise((65_000, *FAR)):
        assert write(store, rows(before, size)).root == TREE.root(0, size)
    with store.read() as reading:
        assert len(reading.tile(2, 0, 1)) == merkle.HASH_SIZE
        for size in FAR:
            assert_tree_is_naive(reading, size, [0, 255, 256, 65_279, 65_280, size - 1])


def test_tiles_are_those_of_the_standard(store: Any) -> None:
    size = 256 * 3 + 7
    for start in range(0, size, 100):
        write(store, rows(start, min(start + 100, size)))
    with store.read() as reading:
        for tile in tiles_of(size):
            assert tile.level is not None
            got = reading.tile(tile.level, tile.index, tile.width)[: 32 * tile.width]
            step = 256**tile.level
            first = tile.index * 256
            assert got == b"".join(TREE.root((first + i) * step, (first + i + 1) * step) for i in range(tile.width))
        assert reading.tile(0, 99, 1) == reading.tile(5, 0, 1) == b""


def test_a_tree_larger_than_the_log_is_refused(store: Any) -> None:
    write(store, rows(0, 5))
    with store.read() as reading, pytest.raises(LookupError):
        reading.inclusion(0, 9)
    with store.read() as reading, pytest.raises(ValueError):
        reading.inclusion(5, 5)


# --- state ------------------------------------------------------------------------------------------------------


def test_state_rows_are_written_and_replaced(store: Any) -> None:
    with store.write() as writing:
        writing.put({})
        writing.put({b"a": b"1", b"b": b"", "键".encode(): bytes(range(256))})
        writing.put({b"a": b"2"})
        assert writing.get(b"a") == b"2"
    with store.write() as writing:
        writing.put({b"a": b"3", b"c": b"4" * 100_000})
    with store.read() as reading:
        found = {key: reading.get(key) for key in (b"a", b"b", b"c", "键".encode(), b"none")}
    assert found == {b"a": b"3", b"b": b"", b"c": b"4" * 100_000, "键".encode(): bytes(range(256)), b"none": None}


# --- lists ------------------------------------------------------------------------------------------------------


def listed(store: Any, **query: Any) -> list[str]:
    with store.read() as reading:
        return [found.code for found in reading.search(CaseQuery(**query))]


def keep(store: Any, *listings: Any) -> None:
    with store.write() as writing:
        writing.list_cases(list(listings))


def test_a_listing_comes_back_whole_and_is_replaced_by_the_next_of_its_case(store: Any) -> None:
    first = listing(1, title="成都地铁十三号线")
    keep(store, first, listing(2))
    keep(store)
    with store.read() as reading:
        assert first in reading.search(CaseQuery())
    changed = replace(first, stage="award", title="改名")
    keep(store, changed)
    with store.read() as reading:
        assert list(reading.search(CaseQuery(stage="award"))) == [changed]
    assert listed(store, text="地铁") == []
    assert len(listed(store)) == 2


TITLES = ("成都市轨道交通工程", "德阳市医院改造", "Metro ÄRZTE Line", "100%_fit/close")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("轨道", [0]),
        ("院改", [1]),
        ("市", [0, 1]),
        ("成都 工程", [0]),
        ("成都 医院", []),
        ("metro", [2]),
        ("ärzte", [2]),
        ("METRO line", [2]),
        ("CoDe-1", [1]),
        ("通交", []),
        ("%", [3]),
        ("_", [3]),
        ("/", [3]),
        ("0%_", [3]),
        ("%f", []),
        ("a_f", []),
        ("'; --", []),
        ("?", []),
        ("%s", []),
        ("  ", [0, 1, 2, 3]),
    ],
)
def test_words_are_found_anywhere_and_taken_literally(store: Any, text: str, expected: list[int]) -> None:
    keep(store, *(listing(n, title=title, tenderer="") for n, title in enumerate(TITLES)))
    assert sorted(listed(store, text=text)) == [f"CODE-{n}" for n in expected]


def test_a_tenderer_is_found_by_two_characters(store: Any) -> None:
    keep(store, listing(1, tenderer="眉山水务"), listing(2))
    assert listed(store, text="眉山") == ["CODE-1"]


def test_filters_narrow_together(store: Any) -> None:
    keep(
        store,
        listing(1),
        listing(2, stage="award"),
        listing(3, regime="gov_procurement", region="511400"),
        listing(4, sector="B01", region="51_100"),
    )
    assert listed(store, stage="award") == ["CODE-2"]
    assert listed(store, regime="gov_procurement", region="5114", sector="A03") == ["CODE-3"]
    assert sorted(listed(store, region="51")) == [f"CODE-{n}" for n in (1, 2, 3, 4)]
    assert listed(store, region="51_") == ["CODE-4"], "an underscore is no wildcard"
    assert listed(store, sector="B01", stage="award") == []
    assert listed(store, text="项目", stage="tender", regime="tender_law", region="510100", sector="A03") == ["CODE-1"]


def test_the_newest_come_first_and_pages_meet_without_gap_or_overlap(store: Any) -> None:
    made = [listing(n, published_at=f"2026-03-{1 + n % 5:02d}T09:00:00.000+08:00") for n in range(23)]
    keep(store, *made)
    expected = sorted(made, key=lambda x: (x.published_at, x.case), reverse=True)
    seen, after = [], None
    with store.read() as reading:
        while page := reading.search(CaseQuery(after=after, limit=4)):
            seen.extend(page)
            after = (page[-1].published_at, page[-1].case)
    assert seen == expected


def test_cases_of_one_minute_are_ordered_by_code_point(store: Any) -> None:
    """A database with a language of its own would put signs and cases elsewhere."""
    at = "2026-03-01T09:00:00.000+08:00"
    made = ["t-a-b", "t-aa", "t-B", "t-_", "t-a2", "t-"]
    keep(store, *(listing(0, case=case, code=case, published_at=at) for case in made))
    assert listed(store) == sorted(made, reverse=True)
    assert listed(store, after=(at, "t-a-b")) == sorted((c for c in made if c < "t-a-b"), reverse=True)


# --- cosignatures -----------------------------------------------------------------------------------------------


def test_cosignatures_are_kept_once_each_by_checkpoint(store: Any) -> None:
    with store.write() as writing:
        writing.keep_cosignatures(1, [])
        writing.keep_cosignatures(1, ["— b x", "— a y"])
        writing.keep_cosignatures(2, ["— c z"])
    with store.write() as writing:
        writing.keep_cosignatures(1, ["— b x", "— d w"])
    with store.read() as reading:
        assert list(reading.cosignatures(1)) == ["— a y", "— b x", "— d w"]
        assert list(reading.cosignatures(2)) == ["— c z"]
        assert list(reading.cosignatures(3)) == []


# --- against a model --------------------------------------------------------------------------------------------

ACTS = st.lists(st.tuples(st.integers(0, 300), st.booleans()), max_size=12)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=ACTS)
def test_any_history_of_batches_and_failures_leaves_the_tree_of_what_was_kept(open_store: Stores, acts: Any) -> None:
    store = open_store()
    with store.read() as reading:
        start = latest.size if (latest := reading.latest()) else 0
    size = start
    for count, fails in acts:
        with suppress(BoomError, ValueError), store.write() as writing:
            writing.append(rows(size, size + count))
            if fails:
                raise BoomError
        size += 0 if fails else count
    with store.read() as reading:
        latest = reading.latest()
        assert (latest.size if latest else 0) == size
        if latest:
            assert latest.root == TREE.root(0, size)
            assert list(reading.inclusion(size - 1, size)) == TREE.path(size - 1, 0, size)
            assert list(reading.consistency(start, size)) == TREE.proof(start, size)


# --- due work ---------------------------------------------------------------------------------------------------


def put(store: Any, *works: DueWork) -> None:
    with store.write() as writing:
        writing.put_due(works)


def take(store: Any, before: datetime, until: datetime) -> list[DueWork]:
    with store.write() as writing:
        return list(writing.take_due(before, until))


def ripe(store: Any) -> datetime | None:
    with store.read() as reading:
        return reading.next_due()


def test_due_work_is_taken_by_one_in_order_and_comes_back_after_the_lease(store: Any) -> None:
    minute = timedelta(minutes=1)
    assert ripe(store) is None
    late, soon = DueWork("opening", CASE, START + minute), DueWork("opening", OTHER, START)
    put(store, late, soon)
    assert ripe(store) == START
    assert take(store, START, START + minute) == [], "not before its instant"
    assert take(store, START + 2 * minute, START + 5 * minute) == [soon, late]
    assert take(store, START + 2 * minute, START + 5 * minute) == [], "taken is taken"
    assert ripe(store) == START + 5 * minute
    assert take(store, START + 6 * minute, START + 9 * minute) == [late, soon], "whoever took it has died"


def test_due_work_that_is_done_is_forgotten_until_it_is_put_again(store: Any) -> None:
    work, moved = DueWork("opening", CASE, START), DueWork("opening", CASE, START + timedelta(days=1))
    put(store, work)
    (taken,) = take(store, START + timedelta(seconds=1), START + timedelta(minutes=1))
    with store.write() as writing:
        writing.settle_due(taken, None)
    assert ripe(store) is None
    put(store, moved)
    assert ripe(store) == moved.at
    with store.write() as writing:
        writing.settle_due(taken, None)
    assert ripe(store) == moved.at, "what was taken before it was put anew settles nothing"
    with store.write() as writing:
        writing.settle_due(moved, moved.at + timedelta(seconds=30))
    assert ripe(store) == moved.at + timedelta(seconds=30)


def test_two_takers_never_get_the_same(store: Any) -> None:
    put(store, *(DueWork("opening", f"t-{n:026d}", START) for n in range(60)))

    def work(_: int) -> list[str]:
        got = []
        while True:
            with store.write() as writing:
                taken = writing.take_due(START + timedelta(seconds=1), START + timedelta(minutes=1), 7)
            if not taken:
                return got
            got += [w.case for w in taken]

    with ThreadPoolExecutor(3) as pool:
        cases = [case for got in pool.map(work, range(3)) for case in got]
    assert sorted(cases) == [f"t-{n:026d}" for n in range(60)]
