"""
Terms (约束项): a schema of any draft as one formula of a small algebra, equal formulas being the same object.

An atom speaks of one JSON type and is true of all others, as keywords are. Every formula has a negation of the same
size, so that "valid under OLD and not under NEW" is again a formula, which :mod:`solving` tries to satisfy.

===============  =============================================================
atom             true of a value v when
===============  =============================================================
type KINDS       the type of v is one of KINDS
among VALUES     v equals one of VALUES (frozen)
whole            v, if a number, has no fraction
written_whole    v, if a number, is written without fraction (draft 4)
above LIMIT      v, if a number, is greater than LIMIT
least LIMIT      v, if a number, is not less than LIMIT
multiple OF      v, if a number, is a multiple of OF
longer LENGTH    v, if a text, has more than LENGTH characters
matching LANG    v, if a text, is in the regular language LANG
textual KEY      v, if a text, has a property only an engine can tell (format, odd pattern)
items A B S      v, if an array, has only items that meet S between places A and B
holding N S      v, if an array, has at least N items that meet S
sized N          v, if an array, has more than N items
unique           v, if an array, holds nothing twice
members N S      v, if an object, has only values that meet S under names that meet N
having NAME      v, if an object, has the member NAME
populous N       v, if an object, has more than N members
ref KEY          v meets the definition KEY (only where definitions are recursive)
opaque KEY       v has a property that is unknown to us
===============  =============================================================
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, cast

from tradehall_standards.compat.values import TYPES, Frozen

HOME: Final = {
    "whole": "number",
    "written_whole": "number",
    "above": "number",
    "least": "number",
    "multiple": "number",
    "longer": "string",
    "matching": "string",
    "textual": "string",
    "items": "array",
    "holding": "array",
    "sized": "array",
    "unique": "array",
    "members": "object",
    "having": "object",
    "populous": "object",
}
"""The one type that an atom speaks of."""


@dataclass(frozen=True, eq=False, slots=True)
class Term:
    """
    One formula (约束项). Compare by identity; make with :class:`Terms`.

    ``kind`` is an atom's name, or ``true``, ``false``, ``and``, ``or``, ``not``; ``parts`` its operands.
    """

    kind: str
    parts: tuple[object, ...]
    serial: int

    @property
    def terms(self) -> tuple[Term, ...]:
        """The operands that are terms."""
        return tuple(part for part in self.parts if isinstance(part, Term))

    @property
    def atom(self) -> Term:
        """The atom of a literal."""
        return self.terms[0] if self.kind == "not" else self


def _serial(term: Term) -> int:
    return term.serial


class TooManyTerms(Exception):  # noqa: N818 - a bound that was met, not a fault
    """A formula that exceeds the bound (约束项过多)."""


class Terms:
    """The table in which equal formulas are one (约束项表)."""

    def __init__(self, limit: int = 200_000) -> None:
        self._limit = limit
        self._known: dict[tuple[str, tuple[object, ...]], Term] = {}
        self._inverse: dict[Term, Term] = {}
        self._restricted: dict[tuple[Term, str], Term] = {}
        self.true = self._make("true", ())
        self.false = self._make("false", ())
        self._inverse[self.true], self._inverse[self.false] = self.false, self.true

    def _make(self, kind: str, parts: tuple[object, ...]) -> Term:
        key = (kind, parts)
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= self._limit:
                raise TooManyTerms
            known = self._known[key] = Term(kind, parts, len(self._known))
        return known

    def atom(self, kind: str, *parts: object) -> Term:
        """Return an atom; the ones that are always true come back as ``true``."""
        if kind in {"type", "among"} and not parts[0]:
            return self.false
        return self.true if self._is_idle(kind, parts) else self._make(kind, parts)

    def _is_idle(self, kind: str, parts: tuple[object, ...]) -> bool:
        """Tell whether an atom asks for nothing."""
        match kind:
            case "type":
                return parts[0] == frozenset(TYPES)
            case "items":
                return parts[2] is self.true or parts[0] == parts[1]
            case "holding":
                return parts[0] == 0
            case "members":
                return parts[0] is self.false or parts[1] is self.true
            case "longer" | "sized" | "populous":
                return isinstance(parts[0], int) and parts[0] < 0
            case _:
                return False

    def all_of(self, terms: Iterable[Term]) -> Term:
        """Return the conjunction."""
        return self._join("and", terms, self.true, self.false)

    def any_of(self, terms: Iterable[Term]) -> Term:
        """Return the disjunction."""
        return self._join("or", terms, self.false, self.true)

    def _join(self, kind: str, terms: Iterable[Term], neutral: Term, ruling: Term) -> Term:
        flat: set[Term] = set()
        for term in terms:
            flat.update(term.terms if term.kind == kind else (term,))
        flat.discard(neutral)
        if ruling in flat or any(self._inverse.get(term) in flat for term in flat):
            return ruling
        if len(flat) < 2:  # noqa: PLR2004 - one or none
            return next(iter(flat), neutral)
        ordered: list[Term] = sorted(flat, key=_serial)
        return self._make(kind, tuple(ordered))

    def inverse(self, term: Term) -> Term:
        """Return the negation."""
        known = self._inverse.get(term)
        if known is None:
            known = self._invert(term)
            self._inverse[term] = known
            self._inverse[known] = term
        return known

    def _invert(self, term: Term) -> Term:
        if term.kind == "and":
            return self.any_of([self.inverse(part) for part in term.terms])
        if term.kind == "or":
            return self.all_of([self.inverse(part) for part in term.terms])
        return self._make("not", (term,))

    def restrict(self, term: Term, kind: str) -> Term:
        """Return a formula that is equal for values of one type and speaks of no other (限定类型)."""
        known = self._restricted.get((term, kind))
        if known is None:
            known = self._restricted[term, kind] = self._restrict(term, kind)
        return known

    def _restrict(self, term: Term, kind: str) -> Term:
        if term.kind == "and":
            return self.all_of([self.restrict(part, kind) for part in term.terms])
        if term.kind == "or":
            return self.any_of([self.restrict(part, kind) for part in term.terms])
        if term.kind == "not":
            return self.inverse(self.restrict(term.terms[0], kind))
        if term.kind == "type":
            kinds = term.parts[0]
            return self.true if isinstance(kinds, frozenset) and kind in kinds else self.false
        if term.kind == "among":
            return self._restrict_among(term, kind)
        return self.true if HOME.get(term.kind, kind) != kind else term

    def _restrict_among(self, term: Term, kind: str) -> Term:
        values = cast("frozenset[Frozen]", term.parts[0])
        left = frozenset(value for value in values if value[0] == kind)
        if kind == "null" and left:
            return self.true
        return self.true if kind == "boolean" and len(left) == 2 else self.atom("among", left)  # noqa: PLR2004 - both
