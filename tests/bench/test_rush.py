"""The last minute 截标前一分钟: the plan of arrivals and what the figures say of it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tradehall.bench.rush import Seen, fairness, peak, plan


def test_ten_thousand_in_a_minute_are_a_thousand_in_its_last_second() -> None:
    times = plan(10_000, 60.0)
    assert len(times) == 10_000
    assert times == sorted(times)
    assert 0 < times[0] < 1
    assert 59.9 < times[-1] < 60
    assert peak(times) >= 1_000


@pytest.mark.parametrize(
    ("shares", "index"),
    [([1.0] * 10, "1.00"), ([1.0] + [0.0] * 9, "0.10"), ([1.0] * 9 + [0.0], "0.90"), ([0.0, 0.0], "0")],
)
def test_the_index_of_fairness(shares: list[float], index: str) -> None:
    assert fairness(shares) == Decimal(index)


def test_percentiles_are_of_all_waits() -> None:
    seen = Seen(waits=[n / 1000 for n in range(1, 101)])
    assert (seen.percentile(50), seen.percentile(99), seen.percentile(100)) == (
        Decimal("51.00"),
        Decimal(100),
        Decimal(100),
    )
