"""Who must stand aside, and whether a committee is lawful."""

from datetime import date
from decimal import Decimal

import pytest

from tradehall.rules.recusal import (
    CommitteeRules,
    Employment,
    Expert,
    PartyFacts,
    committee_flaws,
    committee_is_lawful,
    grounds_against,
)

ALPHA = PartyFacts("org:alpha", "bidder", "甲建设", frozenset({"person:boss"}), frozenset({"org:alpha-group"}))
BETA = PartyFacts("org:beta", "bidder", "乙建设")
METRO = PartyFacts("org:metro", "tenderer", "地铁集团", frozenset({"person:chief"}))
OWNER = PartyFacts("org:owner", "owner", "项目业主")
AGENT = PartyFacts("org:agent", "agency", "招标代理")
BUREAU = PartyFacts("org:bureau", "supervisor", "监督局")
MINISTRY = PartyFacts("org:ministry", "authority", "主管局")
PARTIES = [ALPHA, BETA, METRO, OWNER, AGENT, BUREAU, MINISTRY]


def works_for(*parties: str) -> Expert:
    return Expert("person:x", employments=tuple(Employment(p) for p in parties))


@pytest.mark.parametrize(
    ("expert", "expected"),
    [
        (works_for("org:university"), []),
        (works_for("org:alpha"), [("bidder", "org:alpha", "1")]),
        (works_for("org:beta", "org:alpha"), [("bidder", "org:alpha", "1"), ("bidder", "org:beta", "1")]),
        (works_for("org:alpha-group"), [("employer", "org:alpha", "1")]),
        (works_for("org:metro"), [("tenderer", "org:metro", "2")]),
        (works_for("org:owner"), [("tenderer", "org:owner", "2")]),
        (works_for("org:agent"), [("agency", "org:agent", "4")]),
        (works_for("org:bureau"), [("supervisor", "org:bureau", "3")]),
        (works_for("org:ministry"), [("authority", "org:ministry", "3")]),
        (Expert("person:boss"), [("bidder", "org:alpha", "1")]),
        (Expert("person:chief"), [("tenderer", "org:metro", "2")]),
        (Expert("person:x", close_relatives=frozenset({"person:boss"})), [("close_relative", "org:alpha", "1")]),
        (Expert("person:x", close_relatives=frozenset({"person:chief"})), []),
        (Expert("person:x", interests=frozenset({"org:beta"})), [("economic_interest", "org:beta", "1")]),
        (Expert("person:x", interests=frozenset({"org:metro"})), []),
        (Expert("person:x", punished=True), [("punished", None, "9")]),
    ],
)
def test_each_ground_is_found(expert: Expert, expected: list[tuple[str, str | None, str]]) -> None:
    for parties in (PARTIES, PARTIES[::-1]):
        found = grounds_against(expert, parties)
        assert [(g.code, g.party, g.avoid_reason) for g in found] == expected


def test_a_bidder_who_is_a_person_has_relatives_too() -> None:
    trader = PartyFacts("person:trader", "bidder", "个体户")
    assert [g.code for g in grounds_against(Expert("person:trader"), [trader])] == ["bidder"]
    relative = Expert("person:x", close_relatives=frozenset({"person:trader"}))
    assert [g.code for g in grounds_against(relative, [trader])] == ["close_relative"]


def test_all_grounds_are_named_with_party_and_clause() -> None:
    expert = Expert(
        "person:x",
        (Employment("org:alpha"), Employment("org:metro")),
        frozenset({"person:boss"}),
        frozenset({"org:alpha"}),
        punished=True,
    )
    found = grounds_against(expert, PARTIES)
    assert [g.code for g in found] == ["bidder", "close_relative", "economic_interest", "punished", "tenderer"]
    assert found[1].reason.zh == "系投标人“甲建设”或其主要负责人的近亲属"
    assert found[1].clause == "12号令 12(一)"
    assert "甲建设" in found[1].reason.en


@pytest.mark.parametrize(
    ("since", "counts"), [(None, False), (date(2024, 6, 1), False), (date(2024, 5, 31), True), (date(2023, 1, 1), True)]
)
def test_a_former_employment_counts_as_far_back_as_the_rule_says(since: date | None, counts: bool) -> None:
    expert = Expert("person:x", (Employment("org:alpha", date(2024, 5, 31)),))
    assert bool(grounds_against(expert, PARTIES, former_since=since)) is counts


def test_an_unknown_role_is_an_error() -> None:
    with pytest.raises(KeyError):
        grounds_against(works_for("org:press"), [PartyFacts("org:press", "reporter", "报社")])


RULES = CommitteeRules(
    5, (2, 3), "招标投标法 37", enlarged_from=Decimal(10_000_000), enlarged_min=7, representatives_max=2
)


@pytest.mark.parametrize(
    ("size", "experts", "representatives", "estimate", "expected"),
    [
        (5, 5, 0, None, []),
        (5, 4, 1, None, []),
        (5, 4, 1, "9999999.99", []),
        (5, 3, 2, None, ["too_few_experts"]),
        (3, 3, 0, None, ["too_few_members"]),
        (6, 6, 0, None, ["even_number"]),
        (5, 4, 0, None, ["members_do_not_add_up"]),
        (5, 4, 1, "10000000", ["too_few_members"]),
        (7, 5, 2, "10000000", []),
        (9, 6, 3, None, ["too_many_representatives"]),
        (4, 1, 3, None, ["too_few_members", "even_number", "too_few_experts", "too_many_representatives"]),
    ],
)
def test_a_committee_is_judged_by_numbers(
    size: int, experts: int, representatives: int, estimate: str | None, expected: list[str]
) -> None:
    budget = None if estimate is None else Decimal(estimate)
    flaws = committee_flaws(size, experts, representatives, RULES, estimate=budget)
    assert [flaw.code for flaw in flaws] == expected
    assert committee_is_lawful(size, experts, representatives, RULES, estimate=budget) is not expected or not expected
    assert all(flaw.clause == "招标投标法 37" and "{" not in flaw.reason.zh + flaw.reason.en for flaw in flaws)


def test_a_regime_may_ask_for_less() -> None:
    rules = CommitteeRules(3, (2, 3), "74号令", odd=False)
    assert committee_is_lawful(4, 3, 1, rules, estimate=Decimal(10**9))
    assert not committee_is_lawful(2, 2, 0, rules)
