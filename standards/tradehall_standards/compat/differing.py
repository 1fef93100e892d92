"""
Differences (结构差异): what changed between two schemas, each change at its place.

A change tells where something was added, removed or altered; whether that widens or narrows is not judged here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from tradehall_standards.compat.dialects import LISTS, MAPS, SINGLES, Schema
from tradehall_standards.compat.values import NotExactError, Value, freeze
from tradehall_standards.strict import escape

Action: TypeAlias = Literal["added", "removed", "altered"]

NOTES: Final = frozenset(
    {
        "$comment",
        "$id",
        "$schema",
        "default",
        "deprecated",
        "description",
        "example",
        "examples",
        "id",
        "readOnly",
        "title",
        "writeOnly",
        "x-codelist",
        "x-disclosure",
        "x-identifier",
    }
)
"""Keywords that no engine enforces."""
_SETS: Final = frozenset({"enum", "required", "type"})
MAX_CHANGES: Final = 2000


@dataclass(frozen=True, slots=True)
class Change:
    """
    One located change (差异).

    Attributes:
        pointer: JSON Pointer in NEW; for something removed, in OLD.
        keyword: the keyword that changed, or that the changed schema stands under.
        action: added, removed or altered.
        name: the property, pattern or definition that was added or removed; else empty.
        old: the value before; None where added.
        new: the value now; None where removed.
        is_note: the keyword is never enforced.
    """

    pointer: str
    keyword: str
    action: Action
    name: str = ""
    old: Value = None
    new: Value = None
    is_note: bool = False


def diff(old: Schema, new: Schema) -> tuple[Change, ...]:
    """Return the changes from OLD to NEW in the order of NEW, at most ``MAX_CHANGES`` (结构比对)."""
    found: list[Change] = []
    for change in _schemas(old, new, ""):
        found.append(change)
        if len(found) == MAX_CHANGES:
            break
    return tuple(found)


def _equal(old: Value, new: Value) -> bool:
    try:
        return freeze(old) == freeze(new)
    except NotExactError:
        return old == new


def _schemas(old: Value, new: Value, pointer: str) -> Iterator[Change]:
    if _equal(old, new):
        return
    if not isinstance(old, dict) or not isinstance(new, dict):
        yield Change(pointer, pointer.rpartition("/")[2], "altered", "", old, new)
        return
    for keyword in [*new, *(key for key in old if key not in new)]:
        place = f"{pointer}/{escape(keyword)}"
        if keyword in old and keyword in new:
            yield from _values(keyword, old[keyword], new[keyword], place)
        elif keyword in MAPS and isinstance(new.get(keyword, old.get(keyword)), dict):
            yield from _maps(keyword, old.get(keyword, {}), new.get(keyword, {}), place)
        else:
            action: Action = "added" if keyword in new else "removed"
            yield Change(place, keyword, action, "", old.get(keyword), new.get(keyword), keyword in NOTES)


def _values(keyword: str, old: Value, new: Value, place: str) -> Iterator[Change]:
    if _equal(old, new):
        return
    if keyword in MAPS and isinstance(old, dict) and isinstance(new, dict):
        yield from _maps(keyword, old, new, place)
    elif keyword in LISTS and isinstance(old, list) and isinstance(new, list):
        yield from _lists(keyword, old, new, place)
    elif keyword in SINGLES and isinstance(old, dict) and isinstance(new, dict):
        yield from _schemas(old, new, place)
    elif not (keyword in _SETS and _same_set(old, new)):
        yield Change(place, keyword, "altered", "", old, new, keyword in NOTES)


def _same_set(old: Value, new: Value) -> bool:
    """Tell whether lists differ in order only."""
    if not isinstance(old, list) or not isinstance(new, list):
        return False
    return all(any(_equal(a, b) for b in new) for a in old) and all(any(_equal(a, b) for b in old) for a in new)


def _maps(keyword: str, old: Value, new: Value, place: str) -> Iterator[Change]:
    if not isinstance(old, dict) or not isinstance(new, dict):
        return
    for name in [*new, *(key for key in old if key not in new)]:
        pointer = f"{place}/{escape(name)}"
        if name in old and name in new:
            yield from _schemas(old[name], new[name], pointer)
        else:
            action: Action = "added" if name in new else "removed"
            yield Change(pointer, keyword, action, name, old.get(name), new.get(name))


def _lists(keyword: str, old: list[Value], new: list[Value], place: str) -> Iterator[Change]:
    """Pair equal schemas first, then the others in order."""
    before = [(index, item) for index, item in enumerate(old) if not any(_equal(item, other) for other in new)]
    after = [(index, item) for index, item in enumerate(new) if not any(_equal(item, other) for other in old)]
    if keyword in {"prefixItems", "items"}:  # where the place in the list counts
        before, after = list(enumerate(old)), list(enumerate(new))
    for (_, left), (index, right) in zip(before, after, strict=False):
        yield from _schemas(left, right, f"{place}/{index}")
    for index, item in before[len(after) :]:
        yield Change(f"{place}/{index}", keyword, "removed", "", item, None)
    for index, item in after[len(before) :]:
        yield Change(f"{place}/{index}", keyword, "added", "", None, item)


def nearest(changes: tuple[Change, ...], pointers: list[str]) -> Change | None:
    """Return the change that stands nearest to one of some places of a schema, the first places first (最近的差异)."""
    best: tuple[int, Change] | None = None
    for rank, pointer in enumerate(pointers):
        steps = pointer.split("/")
        for change in changes:
            if change.is_note:
                continue
            other = change.pointer.split("/")
            common = next((at for at, pair in enumerate(zip(steps, other, strict=False)) if pair[0] != pair[1]), None)
            shared = min(len(steps), len(other)) if common is None else common
            distance = (len(steps) - shared) + (len(other) - shared)
            score = 4 * distance + rank
            if best is None or score < best[0]:
                best = score, change
    return None if best is None else best[1]
