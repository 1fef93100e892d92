"""
Judging past records (往期记录校验): the same verdict as the door's, reached quickly for what is plainly valid.

The engine tells validity; identifiers and dated codes are looked up only where the version marks any; rules take a
quick look first. Whatever does not plainly pass is checked again by :func:`check_payload`, which alone says why.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from functools import lru_cache
from typing import Final

from tradehall_standards import regex, rules_cel
from tradehall_standards.catalogue import Finding, Version, check_payload
from tradehall_standards.codelists import CodeList
from tradehall_standards.identifiers import find_problem
from tradehall_standards.marks import Mark, is_on_the_clock
from tradehall_standards.rules_quick import OPEN, quick_look
from tradehall_standards.strict import Json

_Look = Callable[[Json], bool]
"""Value → True when every marked text in it is in order."""

_REMEMBERED: Final = 1 << 16


class Judge:
    """One version, ready to judge many records (校验器)."""

    def __init__(self, version: Version) -> None:
        self.version = version
        self._is_valid = version.engine.is_valid
        self._rules, left = quick_look(version.rules)
        self._left = left
        self._reach = rules_cel.reach(left)
        self._marks: dict[date, _Look | None] = {}

    def findings(self, payload: Json, on: date) -> tuple[Finding, ...]:
        """Return what :meth:`Catalogue.check` would find in a record of this version (校验)."""
        return () if self.passes(payload, on) else check_payload(self.version, payload, on)

    def passes(self, payload: Json, on: date) -> bool:
        """Tell whether a payload plainly passes; False only means that it is not plain."""
        if not self._is_valid(payload):
            return False
        if on not in self._marks:
            self._marks[on] = _look_of(self.version.marks, _lists_to_ask(self.version, on), on)
        look = self._marks[on]
        return (look is None or look(payload)) and self._keeps_rules(payload, on)

    def _keeps_rules(self, payload: Json, on: date) -> bool:
        try:
            if self._rules(payload, on.isoformat()) is not True:
                return False
        except OPEN:
            return False
        if not self._left:
            return True
        prepared = rules_cel.context(payload, on, self._reach)
        return all(rule.holds_in(prepared) for rule in self._left)


def _lists_to_ask(version: Version, on: date) -> dict[str, CodeList]:
    """Return the lists of which a code that passes the schema may still not be used on a date."""
    return {
        name: found
        for name, found in version.codelists.items()
        if not (found.closed and all(row.is_valid_on(on) for row in found.rows))
    }


@lru_cache(maxsize=_REMEMBERED)
def _is_in_order(kind: str, text: str) -> bool:
    return find_problem(kind, text) is None


def _look_of(mark: Mark, lists: dict[str, CodeList], on: date) -> _Look | None:
    """Return what looks at a marked place and below it, None where nothing is to look at."""
    text = _text_look(mark, lists, on)
    members = [(name, look) for name, m in mark.members.items() if (look := _look_of(m, lists, on)) is not None]
    patterns = [(name, look) for name, m in mark.patterns.items() if (look := _look_of(m, lists, on)) is not None]
    items = None if mark.items is None else _look_of(mark.items, lists, on)
    if text is None and not members and not patterns:
        return None if items is None else _items_look(items)
    if text is not None and not members and not patterns and items is None:
        return text
    if members and text is None and items is None and not patterns:
        return _members_look(members)
    return _any_look(text, members, patterns, items)


def _text_look(mark: Mark, lists: dict[str, CodeList], on: date) -> _Look | None:
    kinds, dated = tuple(mark.identifiers), bool(mark.formats)
    codes = [frozenset(row.code for row in lists[name].valid_on(on)) for name in mark.codelists if name in lists]
    if not kinds and not codes:
        return (lambda value: not isinstance(value, str) or is_on_the_clock(value)) if dated else None
    if len(kinds) == 1 and not codes and not dated:
        kind = kinds[0]
        return lambda value: not isinstance(value, str) or _is_in_order(kind, value)
    return lambda value: (
        not isinstance(value, str)
        or (
            all(_is_in_order(kind, value) for kind in kinds)
            and all(value in known for known in codes)
            and (not dated or is_on_the_clock(value))
        )
    )


def _items_look(items: _Look) -> _Look:
    def look(value: Json) -> bool:
        if isinstance(value, list):
            for inner in value:
                if not items(inner):
                    return False
        return True

    return look


def _members_look(members: Sequence[tuple[str, _Look]]) -> _Look:
    def look(value: Json) -> bool:
        if isinstance(value, dict):
            for name, inner_look in members:
                inner = value.get(name)
                if inner is not None and not inner_look(inner):
                    return False
        return True

    return look


def _any_look(
    text: _Look | None,
    members: Sequence[tuple[str, _Look]],
    patterns: Sequence[tuple[str, _Look]],
    items: _Look | None,
) -> _Look:
    """Return the look of a place that may hold several kinds of value, or members with free names."""
    named, listed = _members_look(members), None if items is None else _items_look(items)

    def look(value: Json) -> bool:
        if isinstance(value, str):
            return text is None or text(value)
        if isinstance(value, dict):
            return named(value) and all(
                inner_look(inner)
                for pattern, inner_look in patterns
                for name, inner in value.items()
                if regex.matches(pattern, name)
            )
        return listed is None or listed(value)

    return look
