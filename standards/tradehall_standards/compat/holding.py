"""Evaluation (求值): whether a formula holds of a value; None where only an engine could tell."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from typing import Final, TypeAlias, cast

from tradehall_standards.compat.reading import Reader
from tradehall_standards.compat.regular import Language
from tradehall_standards.compat.terms import HOME, Term
from tradehall_standards.compat.values import Frozen, Value, exact, freeze, type_of

Oracle: TypeAlias = Callable[[tuple[str, str], str], "bool | None"]
"""Tells whether a text has a ``textual`` property, where all engines agree; else None."""


def no_oracle(_: tuple[str, str], __: str) -> bool | None:
    """Know nothing."""
    return None


class Holding:
    """Evaluates the formulas of one reader (求值器)."""

    def __init__(self, reader: Reader, oracle: Oracle = no_oracle) -> None:
        self.reader = reader
        self.oracle = oracle

    def holds(self, term: Term, value: Value) -> bool | None:
        """Tell whether ``term`` holds of ``value``; None for unknown (求值)."""
        if HOME.get(term.kind, type_of(value)) != type_of(value):
            return True
        return _MEANINGS[term.kind](self, term, value)


def _true(holding: Holding, term: Term, value: Value) -> bool:
    return True


def _false(holding: Holding, term: Term, value: Value) -> bool:
    return False


def _and(holding: Holding, term: Term, value: Value) -> bool | None:
    return all_hold(holding.holds(part, value) for part in term.terms)


def _or(holding: Holding, term: Term, value: Value) -> bool | None:
    return _some_hold(holding.holds(part, value) for part in term.terms)


def _inverse(holding: Holding, term: Term, value: Value) -> bool | None:
    return _not(holding.holds(term.terms[0], value))


def _ref(holding: Holding, term: Term, value: Value) -> bool | None:
    return holding.holds(holding.reader.definitions[cast("tuple[str, str]", term.parts[0])], value)


def _opaque(holding: Holding, term: Term, value: Value) -> None:
    return None


def _type(holding: Holding, term: Term, value: Value) -> bool:
    return type_of(value) in cast("frozenset[str]", term.parts[0])


def _among(holding: Holding, term: Term, value: Value) -> bool:
    return freeze(value) in cast("frozenset[Frozen]", term.parts[0])


def _whole(holding: Holding, _: Term, value: Value) -> bool:
    return exact(value).denominator == 1


def _written_whole(holding: Holding, _: Term, value: Value) -> bool:
    return isinstance(value, int)


def _above(holding: Holding, term: Term, value: Value) -> bool:
    return exact(value) > cast("Fraction", term.parts[0])


def _least(holding: Holding, term: Term, value: Value) -> bool:
    return exact(value) >= cast("Fraction", term.parts[0])


def _multiple(holding: Holding, term: Term, value: Value) -> bool:
    return (exact(value) / cast("Fraction", term.parts[0])).denominator == 1


def _longer(holding: Holding, term: Term, value: Value) -> bool:
    return len(cast("str", value)) > cast("int", term.parts[0])


def _matching(holding: Holding, term: Term, value: Value) -> bool:
    return holding.reader.languages.matches(cast("Language", term.parts[0]), cast("str", value))


def _textual(holding: Holding, term: Term, value: Value) -> bool | None:
    return holding.oracle(cast("tuple[str, str]", term.parts[0]), cast("str", value))


def _items(holding: Holding, term: Term, value: Value) -> bool | None:
    low, high = cast("tuple[int, int | None]", term.parts[:2])
    return all_hold(holding.holds(term.terms[0], item) for item in cast("list[Value]", value)[low:high])


def _holding(holding: Holding, term: Term, value: Value) -> bool | None:
    found = [holding.holds(term.terms[0], item) for item in cast("list[Value]", value)]
    least = cast("int", term.parts[0])
    if found.count(True) >= least:
        return True
    return None if len(found) - found.count(False) >= least else False


def _sized(holding: Holding, term: Term, value: Value) -> bool:
    return len(cast("list[Value]", value)) > cast("int", term.parts[0])


def _unique(holding: Holding, _: Term, value: Value) -> bool:
    items = cast("list[Value]", value)
    return len({freeze(item) for item in items}) == len(items)


def _members(holding: Holding, term: Term, value: Value) -> bool | None:
    meeting, inner = term.terms
    return all_hold(
        _some_hold((_not(holding.holds(meeting, name)), holding.holds(inner, item)))
        for name, item in cast("dict[str, Value]", value).items()
    )


def _having(holding: Holding, term: Term, value: Value) -> bool:
    return term.parts[0] in cast("dict[str, Value]", value)


def _populous(holding: Holding, term: Term, value: Value) -> bool:
    return len(cast("dict[str, Value]", value)) > cast("int", term.parts[0])


def _not(answer: bool | None) -> bool | None:
    return None if answer is None else not answer


def all_hold(answers: Iterable[bool | None]) -> bool | None:
    """Join answers: False if one is, else None if one is unknown."""
    result: bool | None = True
    for answer in answers:
        if answer is False:
            return False
        result = result if answer else None
    return result


def _some_hold(answers: Iterable[bool | None]) -> bool | None:
    return _not(all_hold(_not(answer) for answer in answers))


_MEANINGS: Final[Mapping[str, Callable[[Holding, Term, Value], bool | None]]] = {
    "true": _true,
    "false": _false,
    "and": _and,
    "or": _or,
    "not": _inverse,
    "ref": _ref,
    "opaque": _opaque,
    "type": _type,
    "among": _among,
    "whole": _whole,
    "written_whole": _written_whole,
    "above": _above,
    "least": _least,
    "multiple": _multiple,
    "longer": _longer,
    "matching": _matching,
    "textual": _textual,
    "items": _items,
    "holding": _holding,
    "sized": _sized,
    "unique": _unique,
    "members": _members,
    "having": _having,
    "populous": _populous,
}
