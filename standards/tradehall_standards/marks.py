"""
Marks (标注): where in a payload identifiers, dated codes and dates stand, found once per version, visited per record.

The plan follows references and every branch of a schema; a string is judged when any branch marks its place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from tradehall_standards import regex
from tradehall_standards.sources import Object, definition
from tradehall_standards.strict import Json, as_object
from tradehall_standards.vocabulary import LISTS

Path = tuple[str | int, ...]


@dataclass
class Mark:
    """A place of a payload and what is judged there or below it (标注)."""

    identifiers: list[str] = field(default_factory=list[str])
    codelists: list[str] = field(default_factory=list[str])
    formats: list[str] = field(default_factory=list[str])
    members: dict[str, Mark] = field(default_factory=dict[str, "Mark"])
    patterns: dict[str, Mark] = field(default_factory=dict[str, "Mark"])
    items: Mark | None = None

    def is_empty(self) -> bool:
        """Tell whether nothing is judged here or below."""
        below = [*self.members.values(), *self.patterns.values(), *([] if self.items is None else [self.items])]
        return not self.judges and all(mark.is_empty() for mark in below)

    @property
    def judges(self) -> bool:
        """Tell whether something is judged at this very place."""
        return bool(self.identifiers or self.codelists or self.formats)

    def visit(self, value: Json, path: Path = ()) -> list[tuple[Path, Mark, str]]:
        """Return path, mark and text of every marked string in ``value``, in document order."""
        found: list[tuple[Path, Mark, str]] = []
        self._collect(value, path, found)
        return found

    def _collect(self, value: Json, path: Path, found: list[tuple[Path, Mark, str]]) -> None:
        if isinstance(value, str):
            if self.identifiers or self.codelists or self.formats:
                found.append((path, self, value))
        elif isinstance(value, Mapping):
            members, patterns = self.members, self.patterns
            for name, inner in value.items():
                if name in members:
                    members[name]._collect(inner, (*path, name), found)  # noqa: SLF001  - a mark like this one
                for pattern, mark in patterns.items():
                    if regex.matches(pattern, name):
                        mark._collect(inner, (*path, name), found)  # noqa: SLF001  - likewise
        elif isinstance(value, list) and self.items is not None:
            for index, inner in enumerate(value):
                self.items._collect(inner, (*path, index), found)  # noqa: SLF001  - likewise


def is_on_the_clock(text: str) -> bool:
    """
    Tell whether a date or an instant can be reckoned with (可计算的日期时间).

    The year 0000, which RFC 3339 allows and the first engine passes, is on no calendar of ours; an offset may push the
    first and the last instants over the edge of UTC.
    """
    if text[:4] not in _EDGES:
        return True
    try:
        moment = datetime.fromisoformat(text)
        if len(text) > _DATE:
            moment.astimezone(UTC)
    except (OverflowError, ValueError):
        return False
    return True


_EDGES: Final = ("0000", "0001", "9999")
_DATE: Final = len("2026-01-01")
_BRANCHES: Final = (*sorted(LISTS - {"prefixItems"}), "then", "else")


def find_marks(bundle: Object) -> Mark:
    """Return the plan of a bundle (标注计划), with all places left out where nothing is judged."""
    root = Mark()
    _find(bundle, bundle, root, ())
    _prune(root)
    return root


def _find(root: Object, schema: Json, mark: Mark, trail: tuple[str, ...]) -> None:
    if not isinstance(schema, Mapping):
        return
    identifier, codelist, reference = schema.get("x-identifier"), schema.get("x-codelist"), schema.get("$ref")
    form = schema.get("format")
    if isinstance(form, str) and form not in mark.formats:
        mark.formats.append(form)
    if isinstance(identifier, str) and identifier not in mark.identifiers:
        mark.identifiers.append(identifier)
    if isinstance(codelist, str) and codelist not in mark.codelists:
        mark.codelists.append(codelist)
    if isinstance(reference, str) and reference not in trail:
        _find(root, definition(root, reference.removeprefix("#/$defs/")), mark, (*trail, reference))
    for keyword in _BRANCHES:
        value = schema.get(keyword)
        for branch in value if isinstance(value, list) else [value]:
            _find(root, branch, mark, trail)
    _find_inside(root, schema, mark, trail)


def _find_inside(root: Object, schema: Object, mark: Mark, trail: tuple[str, ...]) -> None:
    for name, inner in as_object(schema.get("properties")).items():
        _find(root, inner, mark.members.setdefault(name, Mark()), trail)
    for pattern, inner in as_object(schema.get("patternProperties")).items():
        _find(root, inner, mark.patterns.setdefault(pattern, Mark()), trail)
    if isinstance(schema.get("items"), Mapping):
        mark.items = mark.items or Mark()
        _find(root, schema["items"], mark.items, trail)


def _prune(mark: Mark) -> None:
    for marks in (mark.members, mark.patterns):
        for name in [name for name, inner in marks.items() if inner.is_empty()]:
            del marks[name]
        for inner in marks.values():
            _prune(inner)
    if mark.items is not None:
        if mark.items.is_empty():
            mark.items = None
        else:
            _prune(mark.items)
