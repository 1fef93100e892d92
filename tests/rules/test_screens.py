"""Risk screens: they see what is there, say None when they can't look, and only advise."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradehall.rules.screens.equal_steps import screen_equal_steps
from tradehall.rules.screens.finding import ADVICE, Evidence, Finding
from tradehall.rules.screens.same_preparer import screen_same_preparer


def prices(*values: str) -> dict[str, Decimal]:
    return {f"b{i}": Decimal(value) for i, value in enumerate(values)}


def seen(finding: Finding) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(e.kind, e.value, e.submissions) for e in finding.evidence]


def test_every_finding_advises_only() -> None:
    for finding in (screen_equal_steps({}), screen_same_preparer({})):
        assert finding.advice is ADVICE
        assert finding.raised is None
        assert finding.evidence == ()
        assert finding.clause.startswith("招标投标法实施条例 40")
    assert "供人工复核" in ADVICE.zh


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (("100", "110", "120", "130"), [("equal_differences", "10.00", ("b0", "b1", "b2", "b3"))]),
        (("130", "110", "120", "100"), [("equal_differences", "10.00", ("b3", "b1", "b2", "b0"))]),
        (("100", "100", "100", "100"), [("equal_differences", "0.00", ("b0", "b1", "b2", "b3"))]),
        (("1000", "1100", "1210", "1331"), [("equal_ratios", "1.100000", ("b0", "b1", "b2", "b3"))]),
        (("1000", "980.00", "960.40", "941.19"), [("equal_ratios", "1.020410", ("b3", "b2", "b1", "b0"))]),
        (("1", "100", "110", "120", "130", "500"), [("equal_differences", "10.00", ("b1", "b2", "b3", "b4"))]),
        (
            ("100", "110", "120", "130", "230", "330", "430"),
            [
                ("equal_differences", "10.00", ("b0", "b1", "b2", "b3")),
                ("equal_differences", "100.00", ("b3", "b4", "b5", "b6")),
            ],
        ),
    ],
)
def test_regular_steps_are_seen(values: tuple[str, ...], expected: list[tuple[str, str, tuple[str, ...]]]) -> None:
    finding = screen_equal_steps(prices(*values))
    assert finding.raised is True
    assert seen(finding) == expected


@pytest.mark.parametrize(
    "values", [("100", "110", "120.03", "130.07"), ("100", "110", "120", "131"), ("1", "2", "4", "9", "11", "90")]
)
def test_irregular_steps_are_not(values: tuple[str, ...]) -> None:
    assert screen_equal_steps(prices(*values)).raised is False


def test_three_bids_are_too_few_to_say() -> None:
    assert screen_equal_steps(prices("1", "2", "3")).raised is None
    assert screen_equal_steps(prices("1", "2", "3"), bids_min=3).raised is True


def test_the_unit_of_rounding_is_an_argument() -> None:
    rough = prices("1000", "1100", "1201", "1300")
    assert screen_equal_steps(rough).raised is False
    assert screen_equal_steps(rough, unit=Decimal(1)).raised is True


@pytest.mark.parametrize(
    ("values", "raised"), [(("17", "20", "26"), True), (("8", "23", "59"), True), (("19", "24", "33"), False)]
)
def test_a_ratio_is_equal_as_far_as_rounding_explains(values: tuple[str, ...], raised: object) -> None:
    """On the edge: |20² − 17 × 26| = 42 = (2 × 20 + 17 + 26 + 1) / 2."""
    assert screen_equal_steps(prices(*values), bids_min=3, unit=Decimal(1)).raised is raised


@given(st.integers(1, 10**9), st.integers(0, 10**8), st.integers(4, 9))
def test_equal_differences_are_always_seen(start: int, step: int, count: int) -> None:
    values = {f"b{i}": Decimal(start + i * step).scaleb(-2) for i in range(count)}
    (first, *_) = screen_equal_steps(values).evidence
    assert first.kind == "equal_differences"
    assert len(first.submissions) == count


@given(st.integers(10**4, 10**9), st.integers(101, 300), st.integers(4, 7))
def test_equal_ratios_rounded_to_fen_are_always_seen(start: int, percent: int, count: int) -> None:
    exact = [Decimal(start) * (Decimal(percent) / 100) ** i for i in range(count)]
    values = {f"b{i}": p.quantize(Decimal("0.01")) for i, p in enumerate(exact)}
    kinds = {(e.kind, len(e.submissions)) for e in screen_equal_steps(values).evidence}
    assert ("equal_ratios", count) in kinds


def test_a_shared_fingerprint_is_seen_whatever_its_writing() -> None:
    finding = screen_same_preparer(
        {
            "b2": {"MAC_ADDRESS": "AA-BB-CC-00-11-22", "AUTHOR": "王五"},
            "b1": {"MAC_ADDRESS": "aa:bb:cc:00:11:22", "AUTHOR": "张三"},
            "b3": {"CPU_ID": "aabbcc001122", "AUTHOR": "张三 "},
        }
    )
    assert finding.raised is True
    assert finding.evidence == (
        Evidence("AUTHOR", "张三", ("b1", "b3")),
        Evidence("MAC_ADDRESS", "aabbcc001122", ("b1", "b2")),
    )


def test_different_fingerprints_are_not_alike() -> None:
    assert screen_same_preparer({"b1": {"CPU_ID": "1"}, "b2": {"CPU_ID": "2"}, "b3": {}}).raised is False


def test_one_fingerprint_has_nothing_to_be_compared_with() -> None:
    assert screen_same_preparer({"b1": {"CPU_ID": "1"}, "b2": {}}).raised is None


@pytest.mark.parametrize(
    "dummy",
    ["", "  ", "N/A", "To be filled by O.E.M.", "Default string", "00:00:00:00:00:00", "FF-FF-FF-FF-FF-FF", "未知"],
)
def test_dummy_values_say_nothing(dummy: str) -> None:
    assert screen_same_preparer({"b1": {"MAC_ADDRESS": dummy}, "b2": {"MAC_ADDRESS": dummy}}).raised is None
    assert screen_same_preparer({"b1": {"X": dummy, "Y": "1"}, "b2": {"X": dummy, "Y": "2"}}).raised is False
