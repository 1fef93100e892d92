"""Every worked formula of the rules page, value for value."""

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tradehall.kernel.money import chinese_amount, parse_chinese_amount, to_wire
from tradehall.rules import scoring
from tradehall.rules.guarantees import security_cap
from tradehall.rules.offers import PriceItem, check_offer

VECTORS = {v["id"]: v for v in json.loads((Path(__file__).parent / "vectors.json").read_text("utf-8"))}
CAPS = {"construction": "800000", "gov_procurement": None}


def numbers(texts: list[str]) -> list[Decimal]:
    return [Decimal(text) for text in texts]


def texts(values: list[Decimal]) -> list[str]:
    return [to_wire(value) for value in values]


def low_price(given: dict[str, Any], expected: dict[str, Any]) -> None:
    prices = numbers(given.get("prices") or given["bids"])
    eligible = given.get("small") or given.get("applies") or [False] * len(prices)
    rates = [Decimal(given.get("rate", "0")) if is_so else Decimal(0) for is_so in eligible]
    adjusted = [scoring.adjusted_price(p, small_micro_rate=r) for p, r in zip(prices, rates, strict=True)]
    base, weight = min(adjusted), Decimal(given["weight_points"])
    assert base == Decimal(expected["base"])
    assert adjusted == numbers(expected.get("adjusted", given.get("prices")))
    assert texts([scoring.low_price_score(p, base, weight) for p in adjusted]) == expected["scores"]


def plain_mean(given: dict[str, Any], expected: dict[str, Any]) -> None:
    assert to_wire(scoring.mean_base(numbers(given["prices"]))) == expected["base"]


def trimmed_mean(given: dict[str, Any], expected: dict[str, Any]) -> None:
    assert to_wire(scoring.mean_base(numbers(given["prices"]), trim_from=5)) == expected["base"]


def composite(given: dict[str, Any], expected: dict[str, Any]) -> None:
    prices = numbers(given["prices"])
    a, k1, k2, e_hi, e_lo, full = (Decimal(given[name]) for name in ("a", "k1", "k2", "e_hi", "e_lo", "full"))
    base = scoring.composite_base(prices, ceiling=Decimal(given["control"]), a=a, k1=k1, k2=k2, trim_from=5)
    assert to_wire(base) == expected["base"]
    found = [scoring.deviation_score(p, base, weight=full, e_hi=e_hi, e_lo=e_lo) for p in prices]
    assert texts(found) == expected["scores"]


def interval(given: dict[str, Any], expected: dict[str, Any]) -> None:
    bands = [scoring.Band(*numbers(band)) for band in given["bands"]]
    found = [scoring.interval_score(p, Decimal(given["base"]), bands) for p in numbers(given["prices"])]
    assert texts(found) == expected["scores"]


def utility(given: dict[str, Any], expected: dict[str, Any]) -> None:
    prices, weight = numbers(given["prices"]), Decimal(given["total"])
    base = scoring.mean_base(prices, trim_from=scoring.UTILITY_TRIMS_FROM)
    assert to_wire(base) == expected["base"]
    assert [f"{scoring.deviation(p, base) * 100:.2f}" for p in prices] == expected["offsets_pct"]
    e_hi, e_lo = Decimal(given["per_pct_above"]), Decimal(given["per_pct_below"])
    found = [scoring.deviation_score(p, base, weight=weight, e_hi=e_hi, e_lo=e_lo) for p in prices]
    assert texts(found) == expected["scores"]


def expert_mean(given: dict[str, Any], expected: dict[str, Any]) -> None:
    assert to_wire(scoring.mean(numbers(given["scores"]))) == expected["value"]


def expert_replaced(given: dict[str, Any], expected: dict[str, Any]) -> None:
    scores = {f"e{i}": Decimal(score) for i, score in enumerate(given["scores"])}
    out = f"e{given['abnormal_index']}"
    replaced, value = scoring.replace_abnormal(scores, {out})
    assert to_wire(replaced[out]) == expected["replacement"]
    assert to_wire(value) == expected["total_mean"]
    assert scoring.far_from_the_others(scores, Decimal("0.20")) == {out}


def abnormally_low(given: dict[str, Any], expected: dict[str, Any]) -> None:
    prices = numbers(given["conforming_prices"])
    rates = scoring.LowPriceRates(*numbers([given["rates"][name] for name in ("r_avg", "r_second", "r_ceil")]))
    found = scoring.low_price_triggers(prices, ceiling=Decimal(given["ceiling"]), rates=rates)
    assert [list(codes) for codes in found] == expected["triggers"]
    assert f"{scoring.mean(prices, 4):f}" == expected["mean"]


def cap(given: dict[str, Any], expected: dict[str, Any]) -> None:
    absolute = CAPS[given["kind"]]
    ceiling = None if absolute is None else Decimal(absolute)
    found = security_cap(Decimal(given["estimate"]), ratio=Decimal("0.02"), absolute_cap=ceiling)
    assert to_wire(found) == expected["max"]


def ranking(given: dict[str, Any], expected: dict[str, Any]) -> None:
    """The rows give price scores; a method without price points carries them as a second criterion."""
    method = {
        "name": "comprehensive_score",
        "price": {"formula": "none", "weight_points": "0.00", "rounding": {"mode": "half_up", "places": 2}},
        "criteria": [
            {"id": "P1", "title": "价格", "kind": "objective", "max": "60.00", "min": "0.00"},
            {"id": "T1", "title": "其他", "kind": "subjective", "max": "40.00", "min": "0.00"},
        ],
        "aggregation": "mean",
        "tie_break": ["price", "draw"],
        "reject_above_ceiling": True,
        "reject_below_floor": False,
    }
    bids, marks = [], []
    for row in given["rows"]:
        name = row["bidder"]
        bids.append(scoring.Bid(name, scoring.Bidder(f"org:{name}", name), Decimal(row["price"])))
        points = {"P1": Decimal(row["price_score"]), "T1": Decimal(row["other_score"])}
        marks.append(scoring.Marks(name, points))
    sheet = scoring.Sheet("person:a", "L1", tuple(marks))
    found = scoring.evaluate(method, bids, [sheet], ceiling=None, floor=None, factors={}, tie_order={})
    assert [bid.submission for bid in found.bids] == expected["order"]
    assert {bid.submission: bid.total for bid in found.bids} == expected["totals"]


def arithmetic(given: dict[str, Any], expected: dict[str, Any]) -> None:
    line, words, slip = given["cases"]
    values = []
    for case in (line, slip):
        item = PriceItem(
            "1",
            Decimal(case["qty"]),
            Decimal(case["unit"]),
            Decimal(case["line_total"]),
            case.get("decimal_slip", False),
        )
        values.append(check_offer([item], total=Decimal(case["line_total"])).total)
    values.insert(1, check_offer([], total=Decimal(words["figures"]), words=words["words"]).total)
    assert texts(values) == expected["values"]
    assert chinese_amount(values[1]) == expected["words_check"]


def amount_in_words(given: dict[str, Any], expected: dict[str, Any]) -> None:
    assert [chinese_amount(Decimal(amount)) for amount in given["amounts"]] == expected["words"]
    assert [parse_chinese_amount(words) for words in expected["words"]] == numbers(given["amounts"])


CHECKS: dict[str, Callable[[dict[str, Any], dict[str, Any]], None]] = {
    "F01": low_price,
    "F02": low_price,
    "F04": low_price,
    "F05": low_price,
    "F07": plain_mean,
    "F08": trimmed_mean,
    "F10": composite,
    "F11": interval,
    "F13": utility,
    "F14": expert_mean,
    "F16": expert_replaced,
    "F17": abnormally_low,
    "F19": abnormally_low,
    "F20": abnormally_low,
    "F22": abnormally_low,
    "F23": abnormally_low,
    "F25": cap,
    "F26": cap,
    "F28": cap,
    "F29": ranking,
    "F31": arithmetic,
    "F32": amount_in_words,
}


@pytest.mark.parametrize("name", sorted(VECTORS))
def test_the_worked_example_comes_out(name: str) -> None:
    vector = VECTORS[name]
    CHECKS[name](vector["input"], vector["expected"])


def test_the_mean_base_of_the_rules_page_comes_out() -> None:
    prices = numbers(["9000000", "9400000", "9600000", "9800000", "10500000"])
    base = scoring.mean_base(prices, k=Decimal("0.02"), trim_from=5)
    slopes = {"weight": Decimal(60), "e_hi": Decimal("1.0"), "e_lo": Decimal("0.5")}
    assert to_wire(base) == "9408000.00"
    found = texts([scoring.deviation_score(p, base, **slopes) for p in prices])
    assert found == ["57.83", "59.96", "57.96", "55.83", "48.39"]


def test_the_trimmed_mean_of_experts_comes_out() -> None:
    scores = numbers(["80", "84", "86", "91", "95"])
    assert to_wire(scoring.mean(scoring.trimmed(scores, scoring.TRIM_LEAST))) == "87.00"


def test_the_domestic_preference_of_the_rules_page_comes_out() -> None:
    domestic = scoring.adjusted_price(Decimal(1000000), domestic_factor=Decimal("0.8"))
    other, weight = Decimal(850000), Decimal(30)
    assert to_wire(domestic) == "800000.00"
    assert texts([scoring.low_price_score(p, domestic, weight) for p in (domestic, other)]) == ["30.00", "28.24"]
