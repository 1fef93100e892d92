"""Fair queue 公平排队: nobody waits for more than one item of every other lane."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tradehall.desk.fair import FairQueue

LANES = st.lists(st.sampled_from("abcd"), max_size=60)


@given(LANES, st.integers(1, 7))
def test_everything_comes_out_once_and_each_lane_in_order(lanes: list[str], most: int) -> None:
    queue: FairQueue[tuple[str, int]] = FairQueue()
    for number, lane in enumerate(lanes):
        queue.put(lane, (lane, number))
    out: list[tuple[str, int]] = []
    while batch := queue.take(most):
        assert len(batch) <= most
        out += batch
    assert sorted(out, key=lambda item: item[1]) == [(lane, n) for n, lane in enumerate(lanes)]
    for lane in set(lanes):
        assert [n for name, n in out if name == lane] == sorted(n for name, n in out if name == lane)
    assert len(queue) == 0
    assert queue.waiting("a") == 0


@given(LANES, st.integers(1, 7))
def test_one_item_waits_for_at_most_one_of_every_other_lane(lanes: list[str], most: int) -> None:
    queue: FairQueue[str] = FairQueue()
    for lane in lanes:
        queue.put(lane, lane)
    queue.put("me", "me")
    out: list[str] = []
    while "me" not in out:
        out += queue.take(most)
    before = out[: out.index("me")]
    assert all(before.count(lane) <= 1 for lane in set(before))


def test_a_lane_that_comes_again_is_served_behind_those_that_wait() -> None:
    queue: FairQueue[str] = FairQueue()
    for item in ("hog 1", "hog 2"):
        queue.put("hog", item)
    queue.put("a", "a 1")
    assert queue.take(1) == ["hog 1"]
    queue.put("b", "b 1")
    queue.put("hog", "hog 3")
    assert queue.take(9) == ["a 1", "hog 2", "b 1", "hog 3"]
