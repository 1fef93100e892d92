"""The worker keeps hostile schemas away from the caller."""

from __future__ import annotations

import pytest

from tradehall_standards.compat import Comparer, compare
from tradehall_standards.compat.comparing import refuse
from tradehall_standards.compat.telling import comparison_from_json, comparison_to_json


@pytest.fixture(scope="module")
def comparer():
    with Comparer() as made:
        yield made


def test_it_answers_as_in_the_process(comparer: Comparer) -> None:
    found = comparer.compare({"type": "integer"}, {"type": "integer", "minimum": 1})
    assert (found.backward.outcome, found.forward.outcome) == ("refuted", "proved")
    assert found.backward.witness.document == 0
    assert [change.pointer for change in found.changes] == ["/minimum"]
    assert comparison_from_json(comparison_to_json(found)) == found


def test_one_call_starts_a_worker_and_ends_it() -> None:
    assert compare({"const": 1}, {"enum": [1, 2]}).backward.outcome == "proved"


@pytest.mark.parametrize(
    "schema",
    [{"$ref": "https://127.0.0.1:1/other"}, {"$ref": "file:///etc/hosts"}, {"type": "text"}, {"minimum": float("nan")}],
    ids=["network", "file", "no schema", "NaN"],
)
def test_what_can_not_be_read_is_unknown(comparer: Comparer, schema) -> None:
    found = comparer.compare(schema, {})
    assert (found.backward.outcome, found.backward.reason) == ("unknown", "unreadable")


def test_too_deep_and_too_large_are_refused_before_they_are_sent() -> None:
    deep: dict = {}
    for _ in range(100_000):
        deep = {"not": deep}
    comparer = Comparer()  # starts nothing: it is never asked
    assert comparer.compare(deep, {}) == refuse("limits")
    assert comparer.compare({"enum": ["x" * 100] * 30_000}, {}) == refuse("limits")


def test_a_pair_that_takes_too_long_is_unknown_and_the_next_is_answered() -> None:
    with Comparer(seconds=0.05) as comparer:
        branches = [{"minLength": n, "maxLength": n + 7, "pattern": f"a{{{n}}}b*c{{{n}}}"} for n in range(250)]
        assert comparer.compare({"oneOf": branches}, {"oneOf": branches[1:]}) == refuse("time")
        comparer._seconds = 5.0
        assert comparer.compare({"const": 1}, {"const": 1}).backward.outcome == "proved"
