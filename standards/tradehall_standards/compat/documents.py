"""
Documents (模式文档): where a reference leads, inside one schema document and nowhere else.

Nothing is ever fetched: what is not in the document is refused with :class:`UnreachableReference`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, urldefrag, urljoin

from tradehall_standards.compat.dialects import Draft, Schema, is_before, parts_of
from tradehall_standards.compat.values import Value
from tradehall_standards.strict import escape

_HERE: Final = "https://document.invalid/here"
MAX_EXPANSION: Final = 200_000
"""Schemas that a document may stand for when every reference is followed; engines do follow them."""


class UnreachableReference(ValueError):  # noqa: N818 - the reason is what counts
    """A reference that leads out of the document or to nothing (无法解析的引用)."""


@dataclass(frozen=True, slots=True)
class Place:
    """
    A schema inside its document (位置).

    Attributes:
        schema: the schema that stands there.
        pointer: JSON Pointer from the root of the document.
        base: URI that references in it are relative to.
    """

    schema: Schema
    pointer: str
    base: str

    def inside(self, schema: Value, step: str) -> Place:
        """Return the place one step further; its own ``$id`` is minded when it is read."""
        if not isinstance(schema, (bool, dict)):
            raise UnreachableReference(f"not a schema: {self.pointer}{step}"[:200])
        return Place(schema, self.pointer + step, self.base)


class Document:
    """One schema document with all the names that its references may use (模式文档)."""

    def __init__(self, schema: Schema, draft: Draft) -> None:
        self.draft: Draft = draft
        self._id = "id" if draft == "4" else "$id"
        self._names: dict[str, Place] = {}
        self.dynamic: set[str] = set()
        self.root = self.enter(Place(schema, "", _HERE))
        self._names[_HERE] = self.root
        self._index(self.root)

    def enter(self, place: Place) -> Place:
        """Return a place with the base URI that its own identifier gives it."""
        schema = place.schema
        if not isinstance(schema, dict) or ("$ref" in schema and is_before(self.draft, "2019-09")):
            return place
        own = schema.get(self._id)
        if not isinstance(own, str) or own.startswith("#"):
            return place
        return Place(schema, place.pointer, urldefrag(urljoin(place.base, own)).url)

    def _index(self, root: Place) -> None:
        waiting = [root]
        while waiting:
            place = self.enter(waiting.pop())
            schema = place.schema
            if not isinstance(schema, dict):
                continue
            for name in self._own_names(place, schema):
                self._names.setdefault(name, place)
            waiting += [
                place.inside(inner, step) for step, inner in parts_of(schema) if isinstance(inner, (bool, dict))
            ]

    def _own_names(self, place: Place, schema: dict[str, Value]) -> list[str]:
        names: list[str] = []
        own = schema.get(self._id)
        if isinstance(own, str) and not ("$ref" in schema and is_before(self.draft, "2019-09")):
            names.append(f"{place.base}{own}" if own.startswith("#") else place.base)
        for keyword in ("$anchor", "$dynamicAnchor"):
            anchor = schema.get(keyword)
            if isinstance(anchor, str) and not is_before(self.draft, "2019-09"):
                names.append(f"{place.base}#{anchor}")
                if keyword == "$dynamicAnchor":
                    if anchor in self.dynamic:
                        raise UnreachableReference(f"two dynamic anchors {anchor}"[:200])
                    self.dynamic.add(anchor)
        return names

    def follow(self, base: str, reference: str) -> Place:
        """
        Return the place that a reference leads to (解析引用).

        Raises:
            UnreachableReference: it leads out of the document or to nothing.
        """
        uri, fragment = urldefrag(urljoin(base, reference) if reference else base)
        named = self._names.get(f"{uri}#{fragment}") if fragment and not fragment.startswith("/") else None
        if named is not None:
            return named
        home = self._names.get(uri)
        if home is None or (fragment and not fragment.startswith("/")):
            raise UnreachableReference(reference[:200])
        return self._walk(home, unquote(fragment), reference)

    def _walk(self, place: Place, pointer: str, reference: str) -> Place:
        value: Value = place.schema
        for raw in pointer.split("/")[1:]:
            token = raw.replace("~1", "/").replace("~0", "~")
            value = _step(value, token, reference)
            schema: Schema = value if isinstance(value, (bool, dict)) else False
            place = self.enter(Place(schema, f"{place.pointer}/{escape(token)}", place.base))
        if not isinstance(value, (bool, dict)):
            raise UnreachableReference(reference[:200])
        return place

    def expansion(self) -> int:
        """Return how many schemas the document stands for (展开规模), at most a little over ``MAX_EXPANSION``."""
        return self._expand(self.root, {}, frozenset())

    def _expand(self, place: Place, known: dict[str, int], trail: frozenset[str]) -> int:
        schema = place.schema
        if not isinstance(schema, dict) or place.pointer in trail:
            return 1
        if place.pointer not in known:
            inside = trail | {place.pointer}
            total = 1
            reference = schema.get("$ref")
            parts = [
                place.inside(inner, step)
                for step, inner in parts_of(schema)
                if isinstance(inner, (bool, dict)) and not step.startswith(("/$defs/", "/definitions/"))
            ]
            for part in parts:
                total += self._expand(self.enter(part), known, inside)
            if isinstance(reference, str):
                total += self._expand(self.follow(place.base, reference), known, inside)
            known[place.pointer] = min(total, MAX_EXPANSION + 1)
        return known[place.pointer]


def _step(value: Value, token: str, reference: str) -> Value:
    if isinstance(value, dict) and token in value:
        return value[token]
    if isinstance(value, list) and token.isdecimal() and int(token) < len(value):
        return value[int(token)]
    raise UnreachableReference(reference[:200])
