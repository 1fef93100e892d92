from __future__ import annotations

from collections import Counter
from datetime import date
from fractions import Fraction
from typing import Any

import pytest

from standards.mini import changed
from tradehall_standards import AmbiguousRuleError, Parameters
from tradehall_standards.parameters import EVIDENCE, ParameterError, Rule, read_rules

LAW = Parameters.load()
STAGE_PREFIXES = ("ZB", "EL", "ZC", "LD", "AU", "MN", "PR")
ROW: dict[str, Any] = {
    "id": "XX-001",
    "regimes": ["x"],
    "stage": "notice",
    "title": {"zh": "期限", "en": "period"},
    "op": ">=",
    "value": 5,
    "unit": "day",
    "from_event": "a",
    "to_event": "b",
    "rolls": False,
    "clause": "x",
    "evidence": "P",
    "severity": "block",
    "region": None,
    "effective_from": "2026-01-01",
    "effective_to": None,
    "effective_basis": "stated",
    "note": None,
}


def row(**changes: Any) -> dict[str, Any]:
    return {**ROW, **changes}


def test_all_133_stage_rules_are_there() -> None:
    stage_rules = [rule for rule in LAW.all() if rule.id.startswith(STAGE_PREFIXES)]
    counts = Counter(rule.id[:2] for rule in stage_rules)
    assert counts == {"ZB": 45, "EL": 7, "ZC": 50, "LD": 14, "AU": 2, "MN": 3, "PR": 12}
    assert len({rule.id for rule in stage_rules}) == 133


@pytest.mark.parametrize("rule", LAW.all(), ids=lambda rule: f"{rule.id}-{rule.regimes[0]}")
def test_every_rule_can_be_selected_while_in_force_and_not_before(rule: Rule) -> None:
    first = rule.effective_from
    for regime in rule.regimes:
        assert LAW.select(regime, rule.region, first)[rule.id] == rule
        assert rule.id not in LAW.select(regime, rule.region, date(first.year - 1, 1, 1))
        assert LAW.rule(rule.id, first, regime=regime, region=rule.region) == rule
    assert rule.clause
    assert rule.evidence in EVIDENCE
    assert rule.zh
    assert rule.en


def test_published_is_not_yet_in_force() -> None:
    assert LAW.rule("ZC-050", date(2026, 9, 30)) is None
    found = LAW.rule("ZC-050", date(2026, 10, 1))
    assert found is not None
    assert found.number == Fraction(3, 10)
    assert "ZC-050" not in LAW.select("gov_procurement", None, date(2026, 9, 30))
    assert "ZC-050" in LAW.select("gov_procurement", None, date(2026, 10, 1))


@pytest.mark.parametrize(
    ("name", "last_without", "first"),
    [("ZC-042", date(2026, 1, 31), date(2026, 2, 1)), ("ZC-049", date(2025, 12, 31), date(2026, 1, 1))],
)
def test_each_norm_begins_on_its_day(name: str, last_without: date, first: date) -> None:
    assert LAW.rule(name, last_without) is None
    assert LAW.rule(name, first) is not None


def test_local_rules_hold_in_their_region_only() -> None:
    day = date(2026, 3, 1)
    assert "ZB-042" in LAW.select("tender_law", "500112", day)
    assert "ZB-042" not in LAW.select("tender_law", "510100", day)
    assert "ZB-042" not in LAW.select("tender_law", None, day)
    assert LAW.rule("ZB-042", day, region="510100") is None


def test_numbers_are_exact() -> None:
    day = date(2026, 3, 1)
    assert {
        rule.id: rule.number for rule in LAW.select("tender_law", None, day).values() if rule.id in {"ZB-009", "ZB-021"}
    } == {
        "ZB-009": Fraction(1, 50),
        "ZB-021": Fraction(2, 3),
    }
    interval = LAW.rule("ZC-046", day)
    assert interval is not None
    assert interval.numbers == (Fraction(1, 10), Fraction(1, 5))
    with pytest.raises(ValueError):
        _ = interval.number


@pytest.mark.parametrize(
    ("regime", "grace", "bidders", "floor"),
    [("tender_law", 0, 3, 0), ("gov_procurement", 0, 3, 0), ("foreign_sealed", 0, 1, 1), ("foreign_es", 86400, 1, 1)],
)
def test_every_regime_states_its_procedure(regime: str, grace: int, bidders: int, floor: int) -> None:
    chosen = LAW.select(regime, None, date(2026, 3, 1))
    numbers = [chosen[name].number for name in ("PF-GRACE", "PF-MIN-BIDDERS", "PF-FLOOR", "PF-CUSTODIANS")]
    assert numbers == [grace, bidders, floor, 2]


def test_an_id_that_regimes_fill_differently_needs_the_regime() -> None:
    with pytest.raises(AmbiguousRuleError):
        LAW.rule("PF-GRACE", date(2026, 3, 1))
    found = LAW.rule("PF-GRACE", date(2026, 3, 1), regime="foreign_es")
    assert found is not None
    assert found.number == 86400


def test_a_changed_number_is_one_dated_row() -> None:
    old, new = row(effective_to="2026-07-01"), row(effective_from="2026-07-01", value=7)
    law = Parameters(read_rules({"rules": [old, new]}))
    values = [law.rule("XX-001", day) for day in (date(2026, 6, 30), date(2026, 7, 1))]
    assert [found.value for found in values if found] == [5, 7]


def test_a_region_may_narrow_a_national_rule() -> None:
    law = Parameters(read_rules({"rules": [row(), row(region="50", value=7)]}))
    day = date(2026, 3, 1)
    assert law.select("x", "500101", day)["XX-001"].value == 7
    assert law.select("x", "510100", day)["XX-001"].value == 5
    assert law.rule("XX-001", day, region="500101") == law.select("x", "500101", day)["XX-001"]


@pytest.mark.parametrize(
    "rows",
    [
        [row(value=0.5)],
        [row(value=True)],
        [row(value="ten")],
        [row(value=[])],
        [row(op="~")],
        [row(severity="maybe")],
        [row(evidence="sure")],
        [row(regimes=[])],
        [row(effective_from="2026-02-30")],
        [row(effective_to="2026-01-01")],
        [changed(row(), clause=None)],
        [row(), row()],
        [row(), row(effective_from="2026-05-01")],
    ],
)
def test_wrong_rows_are_refused(rows: list[Any]) -> None:
    with pytest.raises(ParameterError):
        Parameters(read_rules({"rules": rows}))
