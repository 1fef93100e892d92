"""
Rules in CEL (业务规则): cross-field rules that JSON Schema cannot say, published beside the schema.

``rules.json`` holds an array of ``{id, rule, message{zh,en}, clause, evidence, severity, pointer, examples}``. A rule
is a CEL expression over ``self`` (the payload) and ``event_date`` (``YYYY-MM-DD``) that MUST be true. CEL has no exact
decimals, so amounts are compared by the functions in :data:`FUNCTIONS`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation
from typing import Final, Literal, cast

import cel

from tradehall_standards.identifiers import code_descends_from, find_problem
from tradehall_standards.strict import Json, as_array

Severity = Literal["block", "warn"]

CENTRE: Final = timezone(timedelta(hours=8))
MAX_RULE: Final = 1_000
MAX_LOOPS: Final = 3
_ID: Final = re.compile(r"[A-Z][A-Z0-9]{1,15}(-[A-Z0-9]{1,16}){1,4}")
_DECIMAL: Final = re.compile(r"-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,12})?")
_POINTER: Final = re.compile(r"(/([^~/]|~[01])*)*")
_SELF: Final = re.compile(r"\bself\b(?:\s*\.\s*([A-Za-z_][A-Za-z0-9_]*)\b(?!\s*\())?")
_MACRO: Final = re.compile(r"\.(?:all|exists|exists_one|map|filter)\s*\(\s*([A-Za-z_][A-Za-z0-9_]*)\s*,")
_EVIDENCE: Final = frozenset({"F", "F2", "M-H", "M-M", "M-L", "P"})
_MARKS: Final = frozenset({"expect", "payload", "event_date"})
_BUILTINS: Final = frozenset(
    {"size", "startsWith", "endsWith", "contains", "matches", "has", "int", "string", "timestamp", "duration"}
    | {"getFullYear", "getHours", "getMinutes", "getSeconds"}
)


class RuleError(ValueError):
    """A rule that cannot be used (规则不合格): wrong form, unknown name, or it fails its own examples."""


def _decimal(text: object) -> Decimal:
    if not isinstance(text, str) or not _DECIMAL.fullmatch(text):
        raise InvalidOperation("a decimal string is expected")
    return Decimal(text)


def _compare(left: object, right: object) -> int:
    a, b = _decimal(left), _decimal(right)
    return (a > b) - (a < b)


def _sum(texts: Sequence[object]) -> str:
    return format(sum((_decimal(text) for text in texts), Decimal(0)), "f")


def _product(left: object, right: object) -> str:
    return format(_decimal(left) * _decimal(right), "f")


def _distinct(items: Sequence[object]) -> bool:
    return len({repr(item) for item in items}) == len(items)


def _is_identifier(kind: str, value: str) -> bool:
    return find_problem(kind, value) is None


def _local_date(instant: object) -> str:
    if not isinstance(instant, str):
        raise TypeError("an instant is expected")
    moment = datetime.fromisoformat(instant)
    if moment.tzinfo is None:
        raise ValueError("an instant has an offset")
    return moment.astimezone(CENTRE).date().isoformat()


FUNCTIONS: Final[Mapping[str, Callable[..., Json]]] = {
    "decimal_compare": _compare,
    "decimal_sum": _sum,
    "decimal_product": _product,
    "distinct": _distinct,
    "is_identifier": _is_identifier,
    "descends_from": code_descends_from,
    "local_date": _local_date,
}
"""
Functions that a rule may call beside CEL's own.

``decimal_compare(a, b)`` gives -1, 0 or 1; ``decimal_sum(list)`` and ``decimal_product(a, b)`` give decimal strings;
``distinct(list)`` tells whether no item repeats; ``is_identifier(kind, text)``; ``descends_from(child, parent)``;
``local_date(instant)`` gives the date at the centre (UTC+8).
"""


@dataclass(frozen=True, slots=True)
class RuleExample:
    """A payload, or the part of one that a rule reads, with the expected outcome (规则示例)."""

    payload: Json
    expected: bool
    event_date: date | None


@dataclass(frozen=True)
class CelRule:
    """One compiled rule (业务规则). A finding is shown at ``pointer``; ``evidence`` tells how sure the source is."""

    id: str
    expression: str
    message_zh: str
    message_en: str
    clause: str
    evidence: str
    severity: Severity
    pointer: str
    examples: tuple[RuleExample, ...]
    program: cel.Program

    def holds(self, payload: Json, event_date: date) -> bool:
        """
        Tell whether the rule holds for a payload that already passed its schema.

        A rule that cannot be evaluated does not hold: unknown means refused.
        """
        return self.holds_in(context(payload, event_date))

    def holds_in(self, prepared: cel.Context) -> bool:
        """Tell whether the rule holds in a context made by :func:`context`."""
        try:
            return self.program.execute(prepared) is True
        except (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError):
            return False


@dataclass(frozen=True, slots=True)
class Reach:
    """
    What some rules can look at (规则触及范围): handing over the rest of a payload would cost more than the rules.

    Attributes:
        members: members of ``self``; None when a rule may look at any.
        functions: of :data:`FUNCTIONS`.
    """

    members: frozenset[str] | None
    functions: Mapping[str, Callable[..., Json]]


EVERYTHING: Final = Reach(None, FUNCTIONS)


def reach(rules: Iterable[CelRule]) -> Reach:
    """Return what the rules can look at; ``self`` in any form but ``self.member`` stands for all of it."""
    members: set[str | None] = set()
    called: set[str] = set()
    for rule in rules:
        members.update(found[1] for found in _SELF.finditer(rule.expression))
        called.update(rule.program.functions())
    named = frozenset(member for member in members if member is not None)
    functions = {name: function for name, function in FUNCTIONS.items() if name in called}
    return Reach(None if None in members else named, functions)


def context(payload: Json, event_date: date, within: Reach = EVERYTHING) -> cel.Context:
    """Return what rules see of one record (求值环境), as far as they reach."""
    if within.members is not None and isinstance(payload, Mapping):
        payload = {name: value for name, value in payload.items() if name in within.members}
    variables: dict[str, object] = {"self": payload, "event_date": event_date.isoformat()}
    return cel.Context(variables=variables, functions=dict(within.functions))


def compile_rules(rows: Iterable[Json]) -> tuple[CelRule, ...]:
    """
    Compile the rows of one ``rules.json`` (编译规则).

    Raises:
        RuleError: naming the rule and the reason.
    """
    rules = tuple(_compile(row) for row in rows)
    if len({rule.id for rule in rules}) != len(rules):
        raise RuleError("two rules have the same id")
    return rules


def _compile(row: Json) -> CelRule:
    if not isinstance(row, Mapping):
        raise RuleError("a rule is an object")
    name = _text(row, "id", "rule")
    if not _ID.fullmatch(name):
        raise RuleError(f"{name}: not a rule id")
    expression = _text(row, "rule", name)
    message = row.get("message")
    if not isinstance(message, Mapping):
        raise RuleError(f"{name}: message is missing")
    return CelRule(
        id=name,
        expression=expression,
        message_zh=_text(message, "zh", name),
        message_en=_text(message, "en", name),
        clause=_text(row, "clause", name),
        evidence=_word(row, "evidence", _EVIDENCE, name),
        severity=cast("Severity", _word(row, "severity", frozenset({"block", "warn"}), name)),
        pointer=_pointer(row, name),
        examples=_examples(row.get("examples"), name),
        program=_program(name, expression),
    )


def _program(name: str, expression: str) -> cel.Program:
    if len(expression) > MAX_RULE:
        raise RuleError(f"{name}: longer than {MAX_RULE} characters")
    try:
        program = cel.compile(expression)
    except ValueError as problem:
        raise RuleError(f"{name}: {str(problem).splitlines()[0]}") from None
    bound = set(_MACRO.findall(expression))
    if _loop_depth(expression) > MAX_LOOPS:
        raise RuleError(f"{name}: more than {MAX_LOOPS} loops inside one another")
    strangers = set(program.variables()) - {"self", "event_date"} - bound
    if strangers:
        raise RuleError(f"{name}: unknown variable {', '.join(sorted(strangers))}")
    called = {word for word in program.functions() if word.isidentifier() and not word.startswith("_")}
    if "double" in called:
        raise RuleError(f"{name}: double is not exact; use decimal_compare(a, b)")
    unknown = called - _BUILTINS - FUNCTIONS.keys()
    if unknown:
        raise RuleError(f"{name}: unknown function {', '.join(sorted(unknown))}")
    return program


def _loop_depth(expression: str) -> int:
    """Return how many loops stand inside one another; a loop lasts until its parenthesis closes."""
    opening = {matched.start() + matched.group().index("(") for matched in _MACRO.finditer(expression)}
    open_loops: list[bool] = []
    deepest = 0
    for place, char in enumerate(expression):
        if char == "(":
            open_loops.append(place in opening)
            deepest = max(deepest, sum(open_loops))
        elif char == ")" and open_loops:
            open_loops.pop()
    return deepest


def _text(row: Mapping[str, Json], member: str, name: str) -> str:
    value = row.get(member)
    if not isinstance(value, str) or not value.strip():
        raise RuleError(f"{name}: {member} is missing")
    return value


def _word(row: Mapping[str, Json], member: str, words: frozenset[str], name: str) -> str:
    value = _text(row, member, name)
    if value not in words:
        raise RuleError(f"{name}: {member} is one of {', '.join(sorted(words))}")
    return value


def _pointer(row: Mapping[str, Json], name: str) -> str:
    value = row.get("pointer")
    if not isinstance(value, str) or not _POINTER.fullmatch(value):
        raise RuleError(f"{name}: pointer is not a JSON Pointer")
    return value


def _examples(value: Json, name: str) -> tuple[RuleExample, ...]:
    """
    Read the examples; every rule MUST have one where it holds and one where it does not.

    Two forms: ``{"valid": [payload], "invalid": [payload]}`` or ``[{"payload", "expect", "event_date"?}]``. A payload
    may be a part of a record, just what the rule reads.
    """
    if isinstance(value, Mapping):
        found = [
            RuleExample(payload, expected, None)
            for kind, expected in (("valid", True), ("invalid", False))
            for payload in as_array(value.get(kind))
        ]
    else:
        found = [_example(row, name) for row in as_array(value)]
    if {example.expected for example in found} != {True, False}:
        raise RuleError(f"{name}: examples of both kinds are needed")
    return tuple(found)


def _example(row: Json, name: str) -> RuleExample:
    if not isinstance(row, Mapping) or row.keys() - _MARKS or "payload" not in row:
        raise RuleError(f"{name}: an example holds payload, expect and perhaps event_date")
    expected, stated = row.get("expect"), row.get("event_date")
    if not isinstance(expected, bool):
        raise RuleError(f"{name}: expect is true or false")
    return RuleExample(row["payload"], expected, date.fromisoformat(stated) if isinstance(stated, str) else None)


def check_examples(rule: CelRule, event_date: date) -> tuple[str, ...]:
    """Evaluate a rule on its own examples (规则示例检查); one sentence for each that came out otherwise."""
    return tuple(
        f"{rule.id}: example {number} should {'hold' if example.expected else 'not hold'}"
        for number, example in enumerate(rule.examples)
        if rule.holds(example.payload, example.event_date or event_date) is not example.expected
    )
