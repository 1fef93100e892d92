"""
Figures (实测数值): lines of the table, and races that make them fair.

What is measured runs in rounds in which everybody has a turn, so that a busy machine is unfair to all alike. Ratios
are medians of the rounds' ratios; the first round warms up and does not count.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from statistics import median
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from tradehall_standards import Json

NANOSECONDS: Final = 10**9
_PLACES: Final = Decimal("0.01")
_WHOLE_FROM: Final = 100

Way = Callable[[], int]
"""One turn: does some work and returns how many items it did."""


@dataclass(frozen=True, slots=True)
class Line:
    """
    One line of the table (一行实测).

    Attributes:
        bench: name of the measurement it belongs to.
        what: what was measured.
        ours: our figure in ``unit``.
        against: what it is compared with, empty for nothing.
        theirs: its figure in the same unit.
        ratio: how many times better or worse ours is, from the rounds and not from the two figures.
        goal: what we want of the ratio or of our figure.
        met: whether the goal is met; None without a goal.
        claimed: whether the project promises the goal, so that missing it fails the run.
    """

    bench: str
    what: str
    ours: Decimal
    unit: str
    against: str = ""
    theirs: Decimal | None = None
    ratio: Decimal | None = None
    goal: str = ""
    met: bool | None = None
    claimed: bool = False

    @property
    def broken(self) -> bool:
        """Whether a promise is not kept."""
        return self.claimed and self.met is False

    def to_json(self) -> dict[str, Json]:
        """Return the line with its numbers as decimal strings."""
        return {
            "bench": self.bench,
            "what": self.what,
            "ours": str(self.ours),
            "unit": self.unit,
            "against": self.against,
            "theirs": None if self.theirs is None else str(self.theirs),
            "ratio": None if self.ratio is None else str(self.ratio),
            "goal": self.goal,
            "met": self.met,
            "claimed": self.claimed,
        }


def percentile(waits: Sequence[int], percent: int) -> Decimal:
    """Return milliseconds below which ``percent`` of the waits lie."""
    ordered = sorted(waits)
    return rounded(Decimal(ordered[(len(ordered) - 1) * percent // 100]).scaleb(-6))


def rounded(value: Decimal) -> Decimal:
    """Return a figure as it is shown: whole from a hundred on, else with two places."""
    return value.quantize(Decimal(1) if abs(value) >= _WHOLE_FROM else _PLACES)


@dataclass(frozen=True, slots=True)
class Race:
    """What a race gave (比较结果): seconds per item of everybody, round by round."""

    taken: Mapping[str, Sequence[Decimal]]

    def per_second(self, name: str) -> Decimal:
        """Return items per second, the median of the rounds."""
        return rounded(1 / median(self.taken[name]))

    def microseconds(self, name: str) -> Decimal:
        """Return microseconds per item, the median of the rounds."""
        return rounded(median(self.taken[name]).scaleb(6))

    def times(self, name: str, other: str) -> Decimal:
        """Return how many times as fast ``name`` is as ``other``."""
        pairs = zip(self.taken[name], self.taken[other], strict=True)
        return median(theirs / ours for ours, theirs in pairs).quantize(Decimal("0.001"))


def race(
    ways: Mapping[str, Way],
    rounds: int,
    *,
    clock: Literal["wall", "cpu"] = "wall",
    setup: Callable[[], None] | None = None,
) -> Race:
    """
    Let everybody have a turn in each round; who goes first changes from round to round.

    Args:
        ways: name → one turn.
        rounds: rounds that count.
        clock: ``wall`` for elapsed time, ``cpu`` for the time this thread ran.
        setup: called before each round, not measured.
    """
    taken: dict[str, list[Decimal]] = {name: [] for name in ways}
    names = list(ways)
    for number in range(rounds + 1):
        if setup is not None:
            setup()
        for name in names[number % len(names) :] + names[: number % len(names)]:
            seconds = _timed(ways[name], clock)
            if number:
                taken[name].append(seconds)
    return Race(taken)


def _timed(way: Way, clock: str) -> Decimal:
    now = time.perf_counter_ns if clock == "wall" else time.thread_time_ns
    start = now()
    count = way()
    return Decimal(max(1, now() - start)) / NANOSECONDS / count
