"""What a rule is shown of a record: enough for every verdict to be the same, and no more."""

from __future__ import annotations

from datetime import date

import pytest

from tradehall_standards import Catalogue
from tradehall_standards.rules_cel import EVERYTHING, compile_rules, context, reach

ON = date(2026, 3, 25)


def rule(expression: str) -> dict[str, object]:
    return {
        "id": "TT-01",
        "rule": expression,
        "message": {"zh": "一", "en": "one"},
        "clause": "—",
        "evidence": "P",
        "severity": "block",
        "pointer": "",
        "examples": [{"payload": {}, "expect": True}, {"payload": {}, "expect": False}],
    }


@pytest.mark.parametrize(
    ("expression", "members"),
    [
        ("self.a == self.b.c", {"a", "b"}),
        ("has(self.a) && self . b == 1", {"a", "b"}),
        ("self.list.all(x, x.c == self.d)", {"list", "d"}),
        ("'self.a' == self.b", {"a", "b"}),
        ("event_date == '2026-03-25'", set()),
        ("self['a'] == 1", None),
        ("self.exists(k, k == 'a')", None),
        ("size(self) == 1", None),
        ("self == {'a': 1}", None),
    ],
)
def test_a_rule_reaches_the_members_it_names_and_all_in_any_other_form(expression, members):
    found = reach(compile_rules([rule(expression)]))
    assert found.members == members
    assert found.functions == {}


def test_rules_reach_together_what_each_reaches():
    first, second = rule("decimal_compare(self.a, '1') > 0"), rule("distinct(self.b)") | {"id": "TT-02"}
    found = reach(compile_rules([first, second]))
    assert found.members == {"a", "b"}
    assert set(found.functions) == {"decimal_compare", "distinct"}
    assert reach(()).members == set()


def test_every_rule_says_the_same_within_its_reach_as_with_everything(published: Catalogue) -> None:
    judged = failed = 0
    for version in (v for family in published.families() for v in published.versions(family)):
        payloads = [example.payload for r in version.rules for example in r.examples]
        for payload in (*payloads, *version.valid_examples.values()):
            narrow, wide = context(payload, ON, version.reach), context(payload, ON, EVERYTHING)
            for found in version.rules:
                assert found.holds_in(narrow) is found.holds_in(wide), found.id
                judged, failed = judged + 1, failed + (not found.holds_in(wide))
    assert judged > 500
    assert failed > 100
