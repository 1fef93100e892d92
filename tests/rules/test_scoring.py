"""From bids and sheets to candidates: rejections, base, scores, ties, and no influence of the order."""

import re
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradehall.kernel.money import Currency, NotAnAmount
from tradehall.rules.scoring import (
    GOV_PROCUREMENT,
    Bid,
    Bidder,
    Evaluation,
    LowPriceRates,
    Marks,
    MethodUnsound,
    Rejection,
    Sheet,
    SheetUnsound,
    deviation_score,
    evaluate,
    far_from_the_others,
    interval_score,
    low_price_score,
    low_price_triggers,
    method_flaws,
    read_sheet,
    replace_abnormal,
    report_fields,
    sheet_flaws,
)

EXPERTS = ("person:a", "person:b", "person:c", "person:d", "person:e")
SLOPES = {"e_hi": "0.9", "e_lo": "0.6"}
REJECT = Rejection("RJ-6", "未响应实质性要求")


def method(formula: str = "low_price_priority", *, name: str = "comprehensive_score", **changes: Any) -> dict[str, Any]:
    weight = "30.00" if formula != "none" else "0.00"
    price: dict[str, Any] = {
        "formula": formula,
        "weight_points": weight,
        "parameters": {},
        "rounding": {"mode": "half_up", "places": 2},
    }
    price |= changes.pop("price", {})
    whole: dict[str, Any] = {
        "name": name,
        "price": price,
        "criteria": [
            {"id": "T1", "title": "施工组织设计", "kind": "subjective", "max": "50.00", "min": "0.00"},
            {"id": "T2", "title": "业绩", "kind": "objective", "max": "20.00", "min": "0.00"},
        ],
        "aggregation": "mean",
        "adjustments": {},
        "tie_break": ["price", "draw"],
        "reject_above_ceiling": True,
        "reject_below_floor": False,
    }
    return whole | changes


def lowest(name: str = "lowest_price", **changes: Any) -> dict[str, Any]:
    return method("none", name=name, criteria=[], **changes)


def price_only(formula: str, parameters: Mapping[str, str], **changes: Any) -> dict[str, Any]:
    price = {"parameters": dict(parameters), "weight_points": "100.00", **changes.pop("price", {})}
    return method(formula, price=price, criteria=[], **changes)


def bid(submission: str, price: str, **facts: Any) -> Bid:
    return Bid(submission, Bidder(f"org:{submission}", f"{submission}公司"), Decimal(price), **facts)


def sheet(expert: str, points: Mapping[str, tuple[str, str]], rejects: Mapping[str, Rejection] | None = None) -> Sheet:
    rejects = rejects or {}
    scored = [
        Marks(name, {"T1": Decimal(t1), "T2": Decimal(t2)}, rejects.get(name)) for name, (t1, t2) in points.items()
    ]
    unscored = [Marks(name, {}, why) for name, why in rejects.items() if name not in points]
    return Sheet(expert, "L1", (*scored, *unscored))


def run(document: dict[str, Any], bids: list[Bid], sheets: list[Sheet] | None = None, **changes: Any) -> Evaluation:
    given: dict[str, Any] = {"ceiling": None, "floor": None, "factors": {}, "tie_order": {}, **changes}
    return evaluate(document, bids, sheets or [], **given)


def order(found: Evaluation) -> list[tuple[str, int | None]]:
    return [(b.submission, b.rank) for b in found.bids]


# --- the whole ----------------------------------------------------------------------------------------------------


def test_a_comprehensive_evaluation_is_reported_whole() -> None:
    bids = [
        bid("b1", "950000.00"),
        bid("b2", "1000000.00"),
        bid("b3", "1300000.00"),
        bid("b4", "980000.00", rejected=REJECT),
    ]
    sheets = [sheet(e, {"b1": ("40", "10"), "b2": ("45.50", "20.00"), "b4": ("0", "0")}) for e in EXPERTS]
    found = run(method(), bids, sheets, ceiling=Decimal(1200000))
    assert report_fields(found) == {
        "price": {
            "base": "950000.00",
            "steps": [
                {"k": "method", "v": "comprehensive_score"},
                {"k": "formula", "v": "low_price_priority"},
                {"k": "weight_points", "v": "30.00"},
                {"k": "rounding", "v": "half_up 2"},
                {"k": "aggregation", "v": "mean"},
                {"k": "ceiling", "v": "1200000.00"},
                {"k": "conforming_bids", "v": "2"},
                {"k": "base", "v": "950000.00"},
            ],
        },
        "bids": [
            {
                "submission": "b2",
                "bidder": {"id": "org:b2", "name": "b2公司"},
                "price": {"amount": "1000000.00", "currency": "CNY"},
                "price_score": "28.50",
                "expert_scores": [{"expert": e, "total": "65.50"} for e in EXPERTS],
                "total": "94.00",
                "rank": 1,
            },
            {
                "submission": "b1",
                "bidder": {"id": "org:b1", "name": "b1公司"},
                "price": {"amount": "950000.00", "currency": "CNY"},
                "price_score": "30.00",
                "expert_scores": [{"expert": e, "total": "50.00"} for e in EXPERTS],
                "total": "80.00",
                "rank": 2,
            },
            {
                "submission": "b3",
                "bidder": {"id": "org:b3", "name": "b3公司"},
                "price": {"amount": "1300000.00", "currency": "CNY"},
                "rejected": {
                    "ground": "RJ-5",
                    "explanation": "投标报价 1300000.00 高于最高投标限价 1200000.00 / the price is above the ceiling",
                },
            },
            {
                "submission": "b4",
                "bidder": {"id": "org:b4", "name": "b4公司"},
                "price": {"amount": "980000.00", "currency": "CNY"},
                "rejected": {"ground": "RJ-6", "explanation": "未响应实质性要求"},
            },
        ],
        "tie_draws": [],
        "candidates": [
            {
                "rank": 1,
                "bidder": {"id": "org:b2", "name": "b2公司"},
                "submission": "b2",
                "price": {"amount": "1000000.00", "currency": "CNY"},
                "total": "94.00",
            },
            {
                "rank": 2,
                "bidder": {"id": "org:b1", "name": "b1公司"},
                "submission": "b1",
                "price": {"amount": "950000.00", "currency": "CNY"},
                "total": "80.00",
            },
        ],
    }


def test_the_lowest_price_ranks_by_price_and_names_three_candidates() -> None:
    found = run(lowest(), [bid("b1", "400"), bid("b2", "100"), bid("b3", "300"), bid("b4", "200")])
    assert order(found) == [("b2", 1), ("b4", 2), ("b3", 3), ("b1", 4)]
    assert [c.submission for c in found.candidates] == ["b2", "b4", "b3"]
    assert found.base is None
    fields = report_fields(found, currency=Currency("USD"))
    assert "base" not in fields["price"]
    assert fields["candidates"][0] == {
        "rank": 1,
        "bidder": {"id": "org:b2", "name": "b2公司"},
        "submission": "b2",
        "price": {"amount": "100.00", "currency": "USD"},
    }


def test_the_lowest_price_of_procurement_compares_prices_after_the_deduction() -> None:
    document = lowest(adjustments={"small_micro_rate": "0.10"})
    found = run(document, [bid("b1", "100.00"), bid("b2", "105.00", small_or_micro=True)])
    assert order(found) == [("b2", 1), ("b1", 2)]
    assert [b.adjusted for b in found.bids] == ["94.50", "100.00"]
    assert found.candidates[0].price == "105.00"


def test_the_lowest_evaluated_price_adds_deviations_and_contracts_at_the_bid() -> None:
    bids = [
        bid("b1", "5000000", deviation=Decimal(150000)),
        bid("b2", "5080000"),
        bid("b3", "4950000", deviation=Decimal(200000)),
    ]
    found = run(lowest("lowest_evaluated_price"), bids)
    assert [(b.submission, b.price, b.adjusted) for b in found.bids] == [
        ("b2", "5080000.00", "5080000.00"),
        ("b3", "4950000.00", "5150000.00"),
        ("b1", "5000000.00", "5150000.00"),
    ]
    assert found.candidates[0].price == "5080000.00"
    assert found.unresolved == ()
    assert run(lowest("lowest_evaluated_price", tie_break=["draw"]), bids).unresolved == (("b1", "b3"),)


def test_no_valid_bid_leaves_no_candidate() -> None:
    found = run(method(), [bid("b1", "0"), bid("b2", "10", rejected=REJECT)])
    assert found.candidates == ()
    assert found.base is None
    assert run(method(), []).bids == ()


# --- rejections ---------------------------------------------------------------------------------------------------


def test_a_price_of_nought_is_rejected_with_its_reason() -> None:
    found = run(lowest(), [bid("b1", "0"), bid("b2", "1.00")])
    assert found.bids[1].rejected == Rejection("RJ-6", "投标报价为零 / the price is nought")
    assert [c.submission for c in found.candidates] == ["b2"]


def test_a_price_at_the_ceiling_or_the_floor_stands() -> None:
    document = lowest(reject_below_floor=True)
    bids = [bid("b1", "100.00"), bid("b2", "100.01"), bid("b3", "50.00"), bid("b4", "49.99")]
    found = run(document, bids, ceiling=Decimal(100), floor=Decimal(50), grounds=GOV_PROCUREMENT)
    assert order(found) == [("b3", 1), ("b1", 2), ("b2", None), ("b4", None)]
    assert [b.rejected.ground for b in found.bids if b.rejected] == ["RJ-G4", "RJ-G6"]


@pytest.mark.parametrize(("ceiling", "floor"), [(Decimal(100), Decimal(50)), (None, None)])
def test_limits_reject_only_when_the_method_says_so(ceiling: Decimal | None, floor: Decimal | None) -> None:
    says = floor is None
    document = lowest(reject_above_ceiling=says, reject_below_floor=says)
    found = run(document, [bid("b1", "1"), bid("b2", "1000")], ceiling=ceiling, floor=floor)
    assert order(found) == [("b1", 1), ("b2", 2)]


def test_more_than_half_of_the_committee_rejects_with_the_ground_named_most() -> None:
    points = {"b1": ("40", "10")}
    grounds = ["RJ-6", "RJ-3", "RJ-3"]
    against = [sheet(e, points, {"b2": Rejection(g, f"{e}:{g}")}) for e, g in zip(EXPERTS, grounds, strict=False)]
    others = [sheet(e, points | {"b2": ("50", "20")}) for e in EXPERTS[3:]]
    found = run(method(), [bid("b1", "100"), bid("b2", "50")], [*against, *others])
    assert order(found) == [("b1", 1), ("b2", None)]
    why = "5 名评委中 3 名否决 / rejected by 3 of 5: person:b:RJ-3"
    assert found.bids[1].rejected == Rejection("RJ-3", why)
    assert found.base == "100.00"


def test_an_outvoted_expert_who_gave_no_points_is_left_out_of_the_mean() -> None:
    points = {"b1": ("40", "10"), "b2": ("30", "10")}
    against = [sheet(e, {"b1": ("40", "10")}, {"b2": REJECT}) for e in EXPERTS[:2]]
    scored_anyway = sheet(EXPERTS[2], {"b1": ("40", "10"), "b2": ("0", "10")}, {})
    others = [sheet(e, points) for e in EXPERTS[3:]]
    found = run(method(), [bid("b1", "100"), bid("b2", "100")], [*against, scored_anyway, *others])
    second = found.bids[1]
    assert second.expert_scores == (("person:c", "10.00"), ("person:d", "40.00"), ("person:e", "40.00"))
    assert second.expert_total == "30.00"
    assert second.rejected is None


def test_half_of_the_committee_is_not_enough_to_reject() -> None:
    sheets = [sheet("person:a", {"b1": ("1", "1")}, {"b1": REJECT}), sheet("person:b", {"b1": ("1", "1")})]
    assert run(method(), [bid("b1", "1")], sheets).bids[0].rejected is None


# --- base and price scores ----------------------------------------------------------------------------------------

SEVEN = ["9850000", "9620000", "9480000", "9310000", "9100000", "8800000", "8500000"]


def seven() -> list[Bid]:
    return [bid(f"b{i}", price) for i, price in enumerate(SEVEN)]


def scores(found: Evaluation) -> list[str | None]:
    return [b.price_score for b in sorted(found.bids, key=lambda b: b.submission)]


def test_factors_drawn_in_public_complete_the_composite_formula() -> None:
    document = price_only("composite", SLOPES | {"trim_from": "5", "a": "0.9"}, price={"weight_points": "60.00"})
    factors = {"a": "0.4", "k1": "0.97", "k2": "0.98"}
    found = run(document, seven(), ceiling=Decimal(10000000), factors=factors)
    assert found.base == "9326056.00"
    assert scores(found) == ["54.94", "57.17", "58.52", "59.90", "58.55", "56.62", "54.68"]
    steps = dict(found.steps)
    assert steps["factor.a"] == "0.4"
    assert steps["parameter.trim_from"] == "5"
    assert steps["mean"] == "9262000.00"
    assert steps["prices_in_mean"] == "5"
    assert steps["deviation.b0"] == "0.0562"


def test_the_mean_base_is_trimmed_only_when_the_document_says_so() -> None:
    assert run(price_only("mean_base", SLOPES), seven()).base == "9237142.86"
    assert run(price_only("mean_base", SLOPES | {"trim_from": "5", "k": "0.02"}), seven()).base == "9076760.00"
    assert run(price_only("mean_base", SLOPES | {"trim_from": "8"}), seven()).base == "9237142.86"


def test_utility_drops_the_extremes_from_four_bids_on() -> None:
    document = price_only("utility", {"e_hi": "0.5", "e_lo": "0.3"}, price={"weight_points": "40.00"})
    three = [bid("b1", "100"), bid("b2", "110"), bid("b3", "120")]
    assert scores(run(document, three)) == ["37.27", "40.00", "35.46"]
    assert run(document, [*three, bid("b4", "1000")]).base == "115.00"


@pytest.mark.parametrize(
    ("base", "expected"),
    [("mean", "9237142.86"), ("ceiling", "10000000.00"), ("lowest", "8500000.00"), ("composite", "9311440.00")],
)
def test_the_interval_method_names_its_base(base: str, expected: str) -> None:
    bands = [["0.90", "0.95", "50", "60"], ["0.95", "1.00", "60", "60"], ["1.00", "1.05", "60", "45"]]
    factors = {"a": "0.4", "k1": "0.97", "k2": "0.98"} if base == "composite" else {}
    document = price_only("interval", {"base": base}, price={"bands": bands, "weight_points": "60.00"})
    found = run(document, seven(), ceiling=Decimal(10000000), factors=factors)
    assert found.base == expected
    ratio = Decimal(dict(found.steps)["ratio.b4"])
    assert ratio == (Decimal(9100000) / Decimal(expected)).quantize(Decimal("0.0001"))
    points = dict(zip([b.submission for b in found.bids], [b.price_score for b in found.bids], strict=True))
    assert points["b4"] == {"mean": "60.00", "ceiling": "52.00", "lowest": "0.00", "composite": "60.00"}[base]


def test_a_bid_rejected_by_the_committee_may_still_stand_in_the_base() -> None:
    bids = [bid("b1", "100"), bid("b2", "200"), bid("b3", "300", rejected=REJECT)]
    points = {"b1": ("1", "1"), "b2": ("1", "1")}
    sheets = [sheet("person:a", points, {"b2": REJECT})]
    for base_set, base in (("opened", "150.00"), ("valid", "100.00")):
        document = method("mean_base", price={"parameters": SLOPES | {"base_set": base_set}})
        assert run(document, bids, sheets).base == base


def test_the_domestic_preference_needs_a_rival_that_is_not_domestic() -> None:
    document = price_only("low_price_priority", {}, adjustments={"domestic_factor": "0.80", "small_micro_rate": "0.10"})
    both = [bid("b1", "1000000", domestic_product=True), bid("b2", "850000")]
    assert [b.adjusted for b in run(document, both).bids] == ["800000.00", "850000.00"]
    alike = [
        bid("b1", "1000000", domestic_product=True, small_or_micro=True),
        bid("b2", "850000", domestic_product=True),
    ]
    assert [b.adjusted for b in run(document, alike).bids] == ["850000.00", "900000.00"]


def test_price_scores_keep_the_places_of_the_method() -> None:
    document = price_only("low_price_priority", {}, price={"rounding": {"mode": "half_up", "places": 1}})
    assert scores(run(document, [bid("b1", "3"), bid("b2", "7")])) == ["100.00", "42.90"]


def test_a_deviation_never_scores_below_nought_nor_outside_the_bands() -> None:
    slopes = {"weight": Decimal(60), "e_hi": Decimal(1), "e_lo": Decimal(1)}
    assert deviation_score(Decimal(1000), Decimal(100), **slopes) == 0
    assert str(interval_score(Decimal(1), Decimal(100), [])) == "0.00"


POSITIVE = st.integers(1, 10**17 - 1).map(lambda fen: Decimal(fen).scaleb(-2))


@given(POSITIVE, POSITIVE, st.integers(1, 10000).map(lambda n: Decimal(n).scaleb(-2)))
def test_a_low_price_score_is_the_rounding_of_the_exact_score(price: Decimal, base: Decimal, weight: Decimal) -> None:
    exact = Fraction(base) * Fraction(weight) / Fraction(price) * 100
    expected = (2 * exact.numerator + exact.denominator) // (2 * exact.denominator)
    assert low_price_score(price, base, weight) == Decimal(expected).scaleb(-2)


# --- experts ------------------------------------------------------------------------------------------------------


def five_sheets(*totals: str) -> list[Sheet]:
    return [sheet(e, {"b1": (t, "0.00")}) for e, t in zip(EXPERTS, totals, strict=True)]


@pytest.mark.parametrize(
    ("aggregation", "parameters", "abnormal", "expected"),
    [
        ("mean", {}, {}, "43.00"),
        ("trimmed_mean", {}, {}, "45.00"),
        ("replace_abnormal", {}, {}, "43.00"),
        ("replace_abnormal", {}, {"b1": ["person:e", "person:x"]}, "46.25"),
        ("replace_abnormal", {"abnormal_ratio": "0.30"}, {}, "46.25"),
        ("replace_abnormal", {"abnormal_ratio": "0.90"}, {}, "43.00"),
        ("mean", {}, {"b1": ["person:e"]}, "43.00"),
    ],
)
def test_expert_totals_are_aggregated_as_the_method_says(
    aggregation: str, parameters: dict[str, str], abnormal: dict[str, list[str]], expected: str
) -> None:
    document = method("none", aggregation=aggregation, price={"parameters": parameters})
    sheets = five_sheets("44.00", "45.00", "46.00", "50.00", "30.00")
    found = run(document, [bid("b1", "100")], sheets, abnormal=abnormal)
    assert found.bids[0].expert_total == found.bids[0].total == expected
    assert found.bids[0].price_score is None
    assert (("replaced.b1.person:e", "46.25") in found.steps) == (expected == "46.25")


def test_when_all_scores_are_abnormal_nothing_is_replaced() -> None:
    assert replace_abnormal({"a": Decimal(10), "b": Decimal(20)}, {"a", "b"}) == ({}, Decimal(15))


def test_one_expert_alone_is_far_from_nobody() -> None:
    assert far_from_the_others({"a": Decimal(10)}, Decimal(0)) == set()


def test_objective_scores_that_differ_are_remarked() -> None:
    sheets = [
        sheet("person:a", {"b1": ("1", "10"), "b2": ("1", "5")}),
        sheet("person:b", {"b1": ("9", "11"), "b2": ("9", "5")}),
    ]
    notes = run(method(), [bid("b1", "1"), bid("b2", "1.10")], sheets).notes
    assert [note.zh for note in notes] == ["b1 的客观分 T2 各评委不一致"]
    assert "b1" in notes[0].en


# --- ties ---------------------------------------------------------------------------------------------------------

TIED = ["b1", "b2", "b3"]


def tied() -> list[Bid]:
    return [bid(name, "100") for name in TIED]


def test_a_tie_stays_unresolved_without_a_draw() -> None:
    found = run(lowest(), tied())
    assert order(found) == [("b1", 1), ("b2", 1), ("b3", 1)]
    assert found.unresolved == (("b1", "b2", "b3"),)
    assert found.candidates == ()


def test_a_recorded_draw_resolves_a_tie() -> None:
    found = run(lowest(), tied(), tie_order={"5eed": ["b3", "b9", "b1", "b2"]})
    assert order(found) == [("b3", 1), ("b1", 2), ("b2", 3)]
    assert found.unresolved == ()
    assert report_fields(found)["tie_draws"] == [
        {"submissions": ["b1", "b2", "b3"], "seed": "5eed", "order": ["b3", "b1", "b2"]}
    ]
    assert [c.submission for c in found.candidates] == ["b3", "b1", "b2"]


def test_a_draw_that_misses_a_bid_resolves_nothing() -> None:
    assert run(lowest(), tied(), tie_order={"5eed": ["b3", "b1"]}).unresolved == (("b1", "b2", "b3"),)


def test_a_tie_behind_the_candidates_needs_no_draw() -> None:
    bids = [bid("a1", "10"), bid("a2", "20"), bid("a3", "30"), *tied()]
    found = run(lowest(), bids)
    assert found.unresolved == ()
    assert [b.rank for b in found.bids] == [1, 2, 3, 4, 4, 4]
    assert len(found.candidates) == 3


def test_a_tie_for_the_third_rank_needs_a_draw() -> None:
    found = run(lowest(), [bid("a1", "10"), bid("a2", "20"), *tied()])
    assert found.unresolved == (("b1", "b2", "b3"),)
    assert [b.rank for b in found.bids] == [1, 2, 3, 3, 3]


def test_two_draws_that_contradict_each_other_are_refused() -> None:
    agreeing = {"aa": ["b1", "b2", "b3"], "bb": ["b0", "b1", "b2", "b3"]}
    assert run(lowest(), tied(), tie_order=agreeing).tie_draws[0].seed == "aa"
    with pytest.raises(ValueError, match="contradict"):
        run(lowest(), tied(), tie_order={"aa": ["b1", "b2", "b3"], "bb": ["b2", "b1", "b3"]})
    with pytest.raises(ValueError, match="contradict"):
        run(lowest(), tied(), tie_order={"aa": ["b1", "b2", "b3", "b1"]})


@pytest.mark.parametrize(
    ("tie_break", "expected"),
    [
        (["price", "draw"], [("b2", 1), ("b3", 2), ("b1", 3)]),
        (["expert", "price"], [("b2", 1), ("b1", 2), ("b3", 3)]),
        (["expert", "draw"], [("b1", 1), ("b2", 1), ("b3", 3)]),
        (["draw", "price"], [("b1", 1), ("b2", 1), ("b3", 1)]),
    ],
)
def test_ties_follow_the_list_of_the_method(tie_break: list[str], expected: list[tuple[str, int]]) -> None:
    """All total 80.00; b2 has the lowest price; b1 and b2 have the better experts."""
    document = method("mean_base", tie_break=tie_break, price={"parameters": {"e_hi": "1", "e_lo": "1"}})
    bids = [bid("b1", "110"), bid("b2", "90"), bid("b3", "100")]
    points = {"b1": ("50", "10"), "b2": ("50", "10"), "b3": ("40", "10")}
    found = run(document, bids, [sheet("person:a", points)])
    assert [b.total for b in found.bids] == ["80.00"] * 3
    assert order(found) == expected
    assert bool(found.unresolved) == (expected[0][1] == expected[1][1])


# --- abnormally low -----------------------------------------------------------------------------------------------


def test_a_low_price_is_named_for_review_and_not_rejected() -> None:
    low = {"mean_ratio": "0.50", "second_ratio": "0.50", "ceiling_ratio": "0.45"}
    bids = [bid("b1", "1000000"), bid("b2", "980000"), bid("b3", "480000"), bid("b4", "1", rejected=REJECT)]
    found = run(lowest(abnormally_low=low), bids, ceiling=Decimal(1050000))
    assert [(f.submission, f.triggers) for f in found.abnormally_low] == [("b3", ("T2_second",))]
    assert found.bids[0].submission == "b3"
    assert found.bids[0].rejected is None
    assert run(lowest(), bids).abnormally_low == ()


def test_triggers_without_a_rival_or_a_ceiling_do_not_fire() -> None:
    rates = LowPriceRates(*(Decimal("0.65"),) * 3)
    assert low_price_triggers([Decimal(1)], ceiling=None, rates=rates) == ((),)
    assert low_price_triggers([], ceiling=None, rates=rates) == ()


# --- unsound methods and sheets -----------------------------------------------------------------------------------


def flawed(document: dict[str, Any], **given: Any) -> list[str]:
    return [flaw.en for flaw in method_flaws(document, **given)]


BAD_METHODS: list[tuple[dict[str, Any], str]] = [
    (method("magic"), "'magic' is not known here"),
    (method(name="beauty"), "'beauty'"),
    (method(aggregation="median"), "'median'"),
    (method(tie_break=["age"]), "'age'"),
    (method(price={"rounding": {"mode": "down", "places": 2}}), "'down'"),
    (method(price={"rounding": {"mode": "half_up", "places": 3}}), "two decimals"),
    (method(price={"weight_points": "1E1"}), "'1E1' is no plain decimal"),
    (method(price={"weight_points": "0.00"}), "do not fit"),
    (method("none", price={"weight_points": "1.00"}), "do not fit"),
    (method(name="lowest_price"), "do not fit"),
    (price_only("mean_base", {"e_hi": "1"}), "parameter e_lo is missing"),
    (price_only("mean_base", SLOPES | {"trim_form": "5"}), "parameter trim_form does not belong"),
    (price_only("mean_base", SLOPES | {"k": "x"}), "parameter k is not a number"),
    (price_only("mean_base", SLOPES | {"k": "-1"}), "parameter k is not a number"),
    (price_only("mean_base", SLOPES | {"trim_from": "2"}), "from 3 bids on"),
    (price_only("mean_base", SLOPES | {"trim_from": "5.5"}), "from 3 bids on"),
    (price_only("mean_base", SLOPES | {"base_set": "all"}), "'all'"),
    (price_only("interval", {"base": "median"}), "'median'"),
    (price_only("interval", {}), "bands do not fit"),
    (price_only("interval", {}, price={"bands": [["1", "0.9", "1", "2"]]}), "bands do not fit"),
    (price_only("interval", {}, price={"bands": [["0.9", "1", "1", "101"]]}), "bands do not fit"),
    (price_only("interval", {}, price={"bands": [["0.9", "1", "-1", "10"]]}), "bands do not fit"),
    (price_only("low_price_priority", {}, price={"bands": [["0.9", "1", "1", "2"]]}), "bands do not fit"),
    (method(adjustments={"small_micro_rate": "1"}), "between 0 and 1"),
    (method(adjustments={"domestic_factor": "0"}), "between 0 and 1"),
    (method(criteria=[{"id": "T1", "kind": "subjective", "min": "0.00", "max": "1.00"}] * 2), "stands twice"),
    (method(criteria=[{"id": "T1", "kind": "subjective", "min": "2.00", "max": "1.00"}]), "wrong range"),
]


@pytest.mark.parametrize(("document", "why"), BAD_METHODS)
def test_an_unsound_method_is_named_and_not_computed(document: dict[str, Any], why: str) -> None:
    assert any(why in flaw for flaw in flawed(document))
    with pytest.raises(MethodUnsound, match=re.escape(why)):
        run(document, [bid("b1", "1")])


def test_a_sound_method_has_no_flaw() -> None:
    for document in (method(), lowest(), lowest("lowest_evaluated_price"), method("none")):
        assert flawed(document) == []
    assert flawed(price_only("composite", SLOPES), drawn={"a", "k1", "k2"}) == []
    assert flawed(price_only("composite", SLOPES)) == [f"parameter {n} is missing" for n in ("a", "k1", "k2")]


def test_the_law_of_the_regime_is_an_argument() -> None:
    assert flawed(method(), price_weight_min=Decimal(30)) == []
    assert flawed(method(), price_weight_min=Decimal("30.01")) == ["price points 30.00 are below 30.01"]
    trimming = ["the highest and lowest price may not be dropped"]
    assert flawed(price_only("mean_base", SLOPES | {"trim_from": "5"}), trimming_allowed=False) == trimming
    assert flawed(price_only("utility", SLOPES), trimming_allowed=False) == trimming
    assert flawed(price_only("mean_base", SLOPES), trimming_allowed=False) == []


def test_a_formula_that_needs_the_ceiling_says_so() -> None:
    factors = {"a": "0.4", "k1": "0.97", "k2": "0.98"}
    with pytest.raises(MethodUnsound, match="needs a ceiling"):
        run(price_only("composite", SLOPES), seven(), factors=factors)


def test_a_base_of_nought_is_not_divided_by() -> None:
    with pytest.raises(MethodUnsound, match="not above nought"):
        run(price_only("mean_base", SLOPES | {"k": "1"}), seven())


GOOD = {"b1": ("40", "10"), "b2": ("40", "10")}
BAD_SHEETS: list[tuple[list[Sheet], str]] = [
    ([], "there is no score sheet"),
    ([sheet("person:a", {"b1": ("40", "10")})], "did not score b2"),
    ([sheet("person:a", GOOD | {"b9": ("1", "1")})], "b9 does not belong"),
    ([Sheet("person:a", "L1", (*sheet("x", GOOD).scores, *sheet("x", {"b1": ("1", "1")}).scores))], "b1 does not belong or stands twice"),
    ([sheet("person:a", GOOD | {"b1": ("50.01", "10")})], "T1 is out of range"),
    ([sheet("person:a", GOOD | {"b1": ("-1", "10")})], "T1 is out of range"),
    ([sheet("person:a", GOOD | {"b1": ("1.001", "10")})], "T1 is out of range"),
    ([Sheet("person:a", "L1", (*sheet("x", {"b1": ("1", "1")}).scores, Marks("b2", {"T1": Decimal(1)})))], "T2 is missing or unknown"),
    ([Sheet("person:a", "L1", (*sheet("x", {"b1": ("1", "1")}).scores, Marks("b2", {})))], "T1 is missing or unknown"),
    ([sheet("person:a", GOOD), Sheet("person:b", "L2", sheet("x", GOOD).scores)], "different lots"),
]  # fmt: skip


@pytest.mark.parametrize(("sheets", "why"), BAD_SHEETS)
def test_an_unsound_sheet_is_named_and_not_computed(sheets: list[Sheet], why: str) -> None:
    with pytest.raises(SheetUnsound, match=why):
        run(method(), [bid("b1", "1"), bid("b2", "2")], sheets)


def test_a_sheet_can_be_judged_alone() -> None:
    assert sheet_flaws(method(), sheet("person:a", GOOD), required={"b1"}, allowed={"b1", "b2"}) == ()
    (flaw,) = sheet_flaws(method(), sheet("person:a", GOOD), required={"b1", "b2", "b3"}, allowed={"b1", "b2", "b3"})
    assert flaw.zh == "person:a 未评 b3"


def test_a_sheet_is_read_from_its_record() -> None:
    payload = {
        "lot": "L1",
        "salt": "00",
        "scores": [
            {"submission": "b1", "items": [{"criterion": "T1", "points": "40.00", "comment": "好"}]},
            {"submission": "b2", "items": [], "reject": {"ground": "RJ-3", "explanation": "无资质"}},
        ],
    }
    assert read_sheet("person:a", payload) == Sheet(
        "person:a", "L1", (Marks("b1", {"T1": Decimal(40)}), Marks("b2", {}, Rejection("RJ-3", "无资质")))
    )


@pytest.mark.parametrize(
    "items",
    [
        [{"criterion": "T1", "points": "1.00"}] * 2,
        [{"criterion": "T1", "points": "NaN"}],
        [{"criterion": "T1", "points": "１"}],
    ],
)
def test_a_sheet_with_doubtful_points_is_not_read(items: list[dict[str, str]]) -> None:
    with pytest.raises(SheetUnsound):
        read_sheet("person:a", {"lot": "L1", "scores": [{"submission": "b1", "items": items}]})


def test_nothing_stands_twice() -> None:
    with pytest.raises(ValueError, match="submission"):
        run(lowest(), [bid("b1", "1"), bid("b1", "2")])
    with pytest.raises(ValueError, match="expert"):
        run(lowest(), [bid("b1", "1")], [sheet("person:a", {}), sheet("person:a", {})])


@pytest.mark.parametrize("price", ["-1.00", "1.001", "NaN"])
def test_a_price_that_is_no_amount_is_an_error(price: str) -> None:
    with pytest.raises(NotAnAmount):
        run(lowest(), [bid("b1", price)])


# --- properties ---------------------------------------------------------------------------------------------------

FORMULAS = [
    method(),
    method("mean_base", price={"parameters": SLOPES | {"k": "0.02", "trim_from": "4"}}),
    method("composite", price={"parameters": SLOPES | {"a": "0.4", "k1": "0.97", "k2": "0.98"}}),
    method("utility", price={"parameters": SLOPES}, aggregation="trimmed_mean"),
    method("interval", price={"bands": [["0.5", "1", "10", "30"], ["1", "2", "30", "0"]]}),
    method(
        adjustments={"small_micro_rate": "0.10", "domestic_factor": "0.80"},
        aggregation="replace_abnormal",
        tie_break=["expert"],
    ),
    method("none"),
    lowest(),
    lowest("lowest_evaluated_price"),
]


@st.composite
def lots(draw: st.DrawFn) -> tuple[dict[str, Any], list[Bid], list[Sheet]]:
    document = draw(st.sampled_from(FORMULAS))
    names = [f"b{i}" for i in range(draw(st.integers(1, 6)))]
    bids = [
        bid(
            name,
            str(draw(st.integers(0, 12)) * 100),
            small_or_micro=draw(st.booleans()),
            domestic_product=draw(st.booleans()),
            rejected=draw(st.sampled_from([None, None, None, REJECT])),
        )
        for name in names
    ]
    marks = st.tuples(st.sampled_from(["0", "25", "50"]), st.sampled_from(["0", "20"]))
    no_criteria = not document["criteria"]
    sheets = [
        Sheet(e, "L1", tuple(Marks(n, {}) for n in names)) if no_criteria else sheet(
            e, {n: draw(marks) for n in names}, {n: REJECT for n in names if draw(st.integers(0, 3)) == 0}
        )
        for e in EXPERTS[: draw(st.integers(1, 5))]
    ]  # fmt: skip
    return document, bids, sheets


LIMITS: dict[str, Any] = {"ceiling": Decimal(1100), "floor": None, "factors": {}}


@given(lots(), st.data())
def test_the_order_of_the_inputs_changes_nothing(
    lot: tuple[dict[str, Any], list[Bid], list[Sheet]], data: st.DataObject
) -> None:
    document, bids, sheets = lot
    ties = {"aa": [b.submission for b in bids]}
    first = evaluate(document, bids, sheets, **LIMITS, tie_order=ties)
    turned = [Sheet(s.expert, s.lot, s.scores[::-1]) for s in data.draw(st.permutations(sheets))]
    second = evaluate(document, data.draw(st.permutations(bids)), turned, **LIMITS, tie_order=ties)
    assert first == second
    assert first.unresolved == ()


@given(lots())
def test_ranks_candidates_and_rejections_fit_together(lot: tuple[dict[str, Any], list[Bid], list[Sheet]]) -> None:
    document, bids, sheets = lot
    found = evaluate(document, bids, sheets, **LIMITS, tie_order={})
    assert sorted(b.submission for b in found.bids) == sorted(b.submission for b in bids)
    ranked = [b for b in found.bids if b.rejected is None]
    assert all((b.rank is None) == (b.rejected is not None) for b in found.bids)
    assert [b.rank for b in ranked] == sorted(b.rank or 0 for b in ranked)
    totals = [Decimal(b.total) for b in ranked if b.total is not None]
    assert totals == sorted(totals, reverse=True)
    assert len(found.candidates) == (0 if found.unresolved else min(3, len(ranked)))
    assert all(0 <= Decimal(b.price_score or 0) <= 30 for b in ranked)
