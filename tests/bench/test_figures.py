"""Races are fair, ratios come from the rounds, and a broken promise is one."""

from __future__ import annotations

import time
from decimal import Decimal

import pytest

from tradehall.bench.figures import Line, Race, race, rounded


def test_everybody_has_a_turn_in_each_round_and_goes_first_in_turns():
    order: list[str] = []

    def turn(name: str):
        def way() -> int:
            order.append(name)
            return 1

        return way

    found = race({name: turn(name) for name in "abc"}, 3, setup=lambda: order.append("-"))
    assert "".join(order) == "-abc-bca-cab-abc"
    assert {name: len(taken) for name, taken in found.taken.items()} == {"a": 3, "b": 3, "c": 3}


def test_times_is_the_median_of_the_rounds_and_not_of_the_figures():
    # The machine slowed down after the first round, for both alike.
    taken = {"ours": [Decimal(1), Decimal(10), Decimal(10)], "theirs": [Decimal(2), Decimal(20), Decimal(2)]}
    found = Race(taken)
    assert found.times("ours", "theirs") == 2
    assert found.per_second("ours") == Decimal("0.10")
    assert found.microseconds("theirs") == 2_000_000


def test_wall_and_cpu_time_come_from_their_own_clocks(monkeypatch):
    walls, worked = iter([0, 0, 0, 5_000_000]), iter([0, 0, 0, 2_000_000])
    monkeypatch.setattr(time, "perf_counter_ns", lambda: next(walls))
    monkeypatch.setattr(time, "thread_time_ns", lambda: next(worked))
    assert race({"way": lambda: 2}, 1).microseconds("way") == 2500
    assert race({"way": lambda: 2}, 1, clock="cpu").microseconds("way") == 1000


@pytest.mark.parametrize(
    ("met", "claimed", "broken"),
    [(False, True, True), (True, True, False), (False, False, False), (None, False, False)],
)
def test_only_a_promise_can_be_broken(met, claimed, broken):
    line = Line("x", "y", Decimal(1), "s", goal="≤ 1", met=met, claimed=claimed)
    assert line.broken is broken
    assert line.to_json()["met"] is met


@pytest.mark.parametrize(("value", "shown"), [("1234.56", "1235"), ("99.999", "100.00"), ("0.126", "0.13")])
def test_figures_are_shown_with_as_many_digits_as_mean_something(value, shown):
    assert str(rounded(Decimal(value))) == shown
