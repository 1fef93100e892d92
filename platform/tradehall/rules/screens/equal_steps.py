"""
Screen: prices that go in equal steps (报价规律性差异): equal differences or equal ratios among sorted bids.

Source: 招标投标法实施条例 40(四): abnormally alike, or regular differences of price.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Final

from tradehall.kernel.money import exactly
from tradehall.kernel.refusal import Text
from tradehall.rules.screens.finding import Evidence, Finding

SCREEN: Final = "equal_steps"
CLAUSE: Final = "招标投标法实施条例 40(四)"

_Three = Callable[[Decimal, Decimal, Decimal], bool]


@exactly
def screen_equal_steps(prices: Mapping[str, Decimal], *, bids_min: int = 4, unit: Decimal = Decimal("0.01")) -> Finding:
    """
    Look for ``bids_min`` or more neighbouring bids whose prices go in equal steps (报价等差、等比筛查).

    Args:
        prices: submission → price of the lot, each above nought.
        bids_min: least length of a run; with fewer bids there is nothing to say.
        unit: the unit to which bidders rounded; steps count as equal when rounding alone explains the rest.

    Returns:
        True with every longest run, False, or None with fewer than ``bids_min`` bids. Evidence kinds are
        ``equal_differences`` and ``equal_ratios``; identical prices are equal differences of nought and are
        named once.

    Source: 招标投标法实施条例 40(四).
    """
    if len(prices) < bids_min:
        return Finding(SCREEN, None, (), Text("投标不足，无法判断", "too few bids to say"), CLAUSE)
    order = sorted(prices, key=lambda submission: (prices[submission], submission))
    values = [prices[submission] for submission in order]
    differences = [
        Evidence(
            "equal_differences", f"{(values[end - 1] - values[start]) / (end - start - 1):.2f}", tuple(order[start:end])
        )
        for start, end in _runs(values, _same_difference(unit), bids_min)
    ]
    ratios = [
        Evidence("equal_ratios", f"{values[start + 1] / values[start]:.6f}", tuple(order[start:end]))
        for start, end in _runs(values, _same_ratio(unit), bids_min)
        if values[start] != values[end - 1]
    ]
    evidence = (*differences, *ratios)
    if not evidence:
        return Finding(SCREEN, False, (), Text("未见规律性差异", "no regular steps seen"), CLAUSE)
    return Finding(SCREEN, True, evidence, Text("报价呈规律性差异", "prices go in regular steps"), CLAUSE)


def _same_difference(unit: Decimal) -> _Three:
    # Each price is off by half a unit at most, and the middle one counts twice.
    return lambda low, middle, high: abs(high - 2 * middle + low) <= 2 * unit


def _same_ratio(unit: Decimal) -> _Three:
    # If each price is off by half a unit, middle² − low × high is off by no more than this.
    return lambda low, middle, high: abs(middle * middle - low * high) <= unit / 2 * (2 * middle + low + high + unit)


def _runs(values: Sequence[Decimal], is_even: _Three, least: int) -> list[tuple[int, int]]:
    """Return (start, end) of every longest run of even steps with ``least`` values or more."""
    runs: list[tuple[int, int]] = []
    start = 0
    for end in range(2, len(values) + 1):
        if end < len(values) and is_even(values[end - 2], values[end - 1], values[end]):
            continue
        if end - start >= least:
            runs.append((start, end))
        start = end - 1
    return runs
