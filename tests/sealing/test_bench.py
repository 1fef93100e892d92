"""The benchmark of sealing runs, and shows that memory does not grow with the bid."""

from __future__ import annotations

import pytest

from tradehall.bench.sealing import sealing


@pytest.mark.slow
def test_sealing_and_opening_stay_far_below_the_size_of_the_bid(tmp_path):
    figures = sealing(64, tmp_path, 1)
    for step in (figures.seal, figures.open, figures.decrypt):
        assert step.mib_per_second > 0
        assert step.start_rss_mib > 10
        assert step.peak_rss_mib - step.start_rss_mib < 24
    assert not list(tmp_path.iterdir())
