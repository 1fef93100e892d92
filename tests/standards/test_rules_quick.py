"""A quick look at rules says nothing but what CEL says."""

from __future__ import annotations

import copy
import sys
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradehall_standards import Catalogue
from tradehall_standards.rules_cel import compile_rules, context
from tradehall_standards.rules_quick import OPEN, quick_look

ON = date(2026, 3, 25)


def row(expression: str) -> dict[str, Any]:
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


def verdicts(expression: str, payload: Any) -> tuple[bool | None, bool]:
    """What the quick look says (None: nothing) and what CEL says."""
    (rule,) = compile_rules([row(expression)])
    look, left = quick_look([rule])
    said: bool | None = None
    if not left:
        try:
            said = look(payload, ON.isoformat())
        except OPEN:
            said = None
    return said, rule.holds_in(context(payload, ON))


def test_every_published_rule_is_looked_at_and_passes_what_cel_passes(published: Catalogue) -> None:
    looked = agreed = every = slow = 0
    for version in (v for family in published.families() for v in published.versions(family)):
        look, left = quick_look(version.rules)
        every, slow = every + len(version.rules), slow + len(left)
        for payload in version.valid_examples.values():
            assert look(payload, ON.isoformat()) is True, version.id
        for rule in version.rules:
            one, _ = quick_look([rule])
            for example in rule.examples:
                looked += 1
                try:
                    said: bool | None = one(example.payload, ON.isoformat())
                except OPEN:
                    said = None
                holds = rule.holds(example.payload, ON)
                assert said in (None, holds), rule.id
                agreed += said is holds
    assert slow <= every // 20
    assert looked > 150
    assert agreed > 0.9 * looked


ODD: list[Any] = [
    None,
    True,
    False,
    0,
    1,
    -1,
    3,
    2**53 - 1,
    "",
    "a",
    "0",
    "1.00",
    "-2.5",
    "opened",
    "中",
    [],
    {},
    [1],
    ["a"],
]
MOMENTS = ["2026-03-25T09:30:00.000+08:00", "2026-03-25T01:30:00Z", "2026-02-30T00:00:00Z", "2026-03-25", "x"]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path]
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in pairs:
        found += places(inner, (*path, step))
    return found


@pytest.mark.slow
@settings(max_examples=400, deadline=None, derandomize=True)
@given(data=st.data())
def test_a_damaged_payload_is_never_passed_that_cel_refuses(published: Catalogue, data: st.DataObject) -> None:
    versions = [v for family in published.families() for v in published.versions(family) if v.rules]
    version = data.draw(st.sampled_from(versions))
    payload = copy.deepcopy(data.draw(st.sampled_from(list(version.valid_examples.values()))))
    for _ in range(data.draw(st.integers(1, 3))):
        spot = data.draw(st.sampled_from(places(payload)))
        if not spot:
            continue
        home: Any = payload
        for step in spot[:-1]:
            home = home[step]
        if data.draw(st.booleans()) and isinstance(home, dict):
            del home[spot[-1]]
        else:
            home[spot[-1]] = copy.deepcopy(data.draw(st.sampled_from([*ODD, *MOMENTS])))
    prepared = context(payload, ON)
    for rule in version.rules:
        look, left = quick_look([rule])
        if left:
            continue
        try:
            said: bool | None = look(payload, ON.isoformat())
        except OPEN:
            continue
        assert said is rule.holds_in(prepared), (rule.id, payload)


PAYLOAD = {
    "a": 1, "b": True, "c": "x", "d": None, "e": [1, 2], "f": ["x", "y"], "g": {"h": 2}, "big": 2**53 - 1,
    "t": "2026-03-25T09:30:00.000+08:00", "u": "2026-03-25T01:30:00Z", "m": "1.50", "same": [["a", 1], ["a", 1]],
    "mixed": [1, True, "1"],
}  # fmt: skip
ATOMS = [f"self.{name}" for name in PAYLOAD] + [
    "1",
    "2",
    "'x'",
    "'1.50'",
    "true",
    "false",
    "null",
    "[1]",
    "['x']",
    "self.no",
]


def expressions() -> st.SearchStrategy[str]:
    atoms = st.sampled_from([*ATOMS, "has(self.a)", "has(self.no)", "has(self.g.h)", "has(self.a.b)"])
    pairs = ["==", "!=", "<", "<=", ">", ">=", "in", "+", "-", "*", "%", "&&", "||"]
    return st.recursive(
        atoms,
        lambda inner: st.one_of(
            st.builds(lambda a, s, b: f"({a} {s} {b})", inner, st.sampled_from(pairs), inner),
            st.builds(lambda a, s, b: f"{a} {s} {b}", inner, st.sampled_from(pairs), inner),
            st.builds(lambda a: f"!{a}", inner),
            st.builds(lambda a: f"-{a}", inner),
            st.builds(lambda a, b, c: f"({a} ? {b} : {c})", inner, inner, inner),
            st.builds(lambda a, m, b: f"{a}.{m}(x, {b})", inner, st.sampled_from(["all", "exists", "map", "filter"]), inner),
            st.builds(lambda a, b: f"self.e.all(x, x == {a} || {b})", inner, inner),
            st.builds(lambda f, a: f"{f}({a})", st.sampled_from(["size", "string", "timestamp", "distinct", "local_date", "duration"]), inner),
            st.builds(lambda a, b: f"decimal_compare({a}, {b})", inner, inner),
            st.builds(lambda a, b: f"{a}[{b}]", inner, inner),
            st.builds(lambda a: f"{a}.startsWith('x')", inner),
        ),
        max_leaves=6,
    )  # fmt: skip


@pytest.mark.slow
@settings(max_examples=1500, deadline=None, derandomize=True)
@given(expressions())
def test_an_expression_that_is_looked_at_means_in_python_what_it_means_in_cel(expression: str) -> None:
    try:
        compile_rules([row(expression)])
    except ValueError:
        return
    said, holds = verdicts(expression, PAYLOAD)
    assert said in (None, holds), expression


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("size('中') == 1", None),  # CEL here counts bytes
        ("1 == 1.0", None),
        ("self.c.matches('x')", None),
        ("'a\\n' == 'a\\n'", None),
        ("self.b == 1", None),
        ("self.big * self.big > 0", None),
        ("self.f.all(x, x in ['x', 'y'])", True),
        ("distinct(self.same)", False),
        ("timestamp(self.t) == timestamp(self.u)", True),
        ("timestamp(self.t) - timestamp(self.u) < duration('1s')", True),
        ("timestamp('2026-03-25T10:00:00Z') - timestamp(self.u) >= duration('9h')", False),
        ("duration('90m') == duration('1h30m')", None),
        ("duration('90m') > duration('1h')", True),
        ("event_date >= '2026-01-01'", True),
        ("has(self.no) || self.a + 1 == 2", True),
        ("[0, 1].all(i, self.e[i] == i + 1)", True),
    ],
)
def test_what_means_something_else_in_python_is_left_to_cel(expression: str, expected: bool | None) -> None:
    assert verdicts(expression, PAYLOAD)[0] is expected


def test_a_rule_nested_deeper_than_python_compiles_is_left_to_cel() -> None:
    (rule,) = compile_rules([row("true")])
    deep = replace(rule, expression="(" * 240 + "true" + ")" * 240)
    assert quick_look([rule, deep])[1][-1] is deep
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(20_000)
    try:
        assert quick_look([rule, deep])[1] == (rule, deep)
    finally:
        sys.setrecursionlimit(before)
