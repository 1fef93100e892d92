"""
Shapes (字段形式): what a bundle says of a place: types, limits, code list, identifier, shared definition.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tradehall_standards.sources import Object, SchemaSource
from tradehall_standards.strict import Json, as_array, as_object

_BRANCHES: Final = ("allOf", "anyOf", "oneOf")
_CONDITIONS: Final = ("then", "else")
_BOUNDS: Final = (("minLength", "maxLength"), ("minimum", "maximum"), ("minItems", "maxItems"))
_DEEPEST: Final = 8
"""References of a published schema don't nest deeper, nor do they turn in circles."""


@dataclass(frozen=True, slots=True)
class Shape:
    """
    What may stand at a place (字段形式).

    Attributes:
        dotted: the place for people: ``lots[].ceiling.amount``.
        kinds: JSON types; empty where only a constant or nothing is said.
        limits: keywords with what they say, such as ``maxItems`` and ``1…4``; lower bounds stand with the upper ones.
        codelist: name of its code list.
        identifier: kind of identifier.
        definition: shared definition that it follows, as document and name.
    """

    dotted: str
    kinds: tuple[str, ...]
    limits: tuple[tuple[str, str], ...]
    codelist: str | None
    identifier: str | None
    definition: tuple[str, str] | None


def shape_at(bundle: Object, path: str, documents: Mapping[str, SchemaSource]) -> Shape:
    """Return what a bundle says of a place such as ``/lots/*/ceiling`` (字段形式)."""
    nodes = _nodes(bundle, path)
    merged: dict[str, Json] = {}
    for node in nodes:
        merged = {**node, **merged}
    codelist, identifier = merged.get("x-codelist"), merged.get("x-identifier")
    return Shape(
        dotted=_dotted(bundle, path),
        kinds=_kinds(merged),
        limits=tuple(_limits(merged)),
        codelist=codelist if isinstance(codelist, str) else None,
        identifier=identifier if isinstance(identifier, str) else None,
        definition=_definition(nodes, documents),
    )


def _nodes(bundle: Object, path: str) -> list[Object]:
    nodes = list(_expanded(bundle, bundle, 0))
    for step in path.split("/")[1:]:
        nodes = [inner for node in nodes for child in _children(node, step) for inner in _expanded(bundle, child, 0)]
    return nodes


def _expanded(bundle: Object, node: Object, depth: int) -> Iterator[Object]:
    """Yield a node, what it refers to, and its branches."""
    if depth > _DEEPEST:
        return
    yield node
    reference = node.get("$ref")
    if isinstance(reference, str):
        name = reference.rpartition("/")[2]
        yield from _expanded(bundle, as_object(as_object(bundle.get("$defs")).get(name)), depth + 1)
    for keyword in _BRANCHES:
        for branch in as_array(node.get(keyword)):
            yield from _expanded(bundle, as_object(branch), depth + 1)
    for keyword in _CONDITIONS:
        if keyword in node:
            yield from _expanded(bundle, as_object(node[keyword]), depth + 1)


def _children(node: Object, step: str) -> Iterator[Object]:
    found = as_object(node.get("properties")).get(step.replace("~1", "/").replace("~0", "~"))
    if isinstance(found, Mapping):
        yield found
    if step == "*":
        if isinstance(node.get("items"), Mapping):
            yield as_object(node["items"])
        yield from (as_object(inner) for inner in as_object(node.get("patternProperties")).values())


def _dotted(bundle: Object, path: str) -> str:
    written, place = "", ""
    for step in path.split("/")[1:]:
        is_list = step == "*" and any("items" in node for node in _nodes(bundle, place))
        written += "[]" if is_list else f".{step}"
        place += f"/{step}"
    return written.lstrip(".")


def _kinds(node: Object) -> tuple[str, ...]:
    kind = node.get("type")
    if isinstance(kind, list):
        return tuple(str(each) for each in kind)
    return () if kind is None else (str(kind),)


def _limits(node: Object) -> Iterator[tuple[str, str]]:
    if "const" in node:
        yield "const", _literal(node["const"])
    if "x-codelist" not in node and "enum" in node:
        yield "enum", " | ".join(_literal(value) for value in as_array(node["enum"]))
    for low, high in _BOUNDS:
        if low in node or high in node:
            yield high, _range(node.get(low), node.get(high))
    if node.get("uniqueItems") is True:
        yield "uniqueItems", ""
    for keyword in ("format", "pattern"):
        if keyword in node:
            yield keyword, str(node[keyword])


def _literal(value: Json) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "null" if value is None else str(value)


def _range(low: Json, high: Json) -> str:
    if low is None:
        return f"≤ {high}"
    if high is None:
        return f"≥ {low}"
    return f"{low}" if low == high else f"{low}…{high}"


def _definition(nodes: Sequence[Object], documents: Mapping[str, SchemaSource]) -> tuple[str, str] | None:
    """Return the outermost shared definition that a place follows."""
    for node in nodes:
        reference = node.get("$ref")
        if not isinstance(reference, str):
            continue
        local = reference.rpartition("/")[2]
        for document in documents:
            prefix = document.replace("/", "-") + "-"
            if local.startswith(prefix):
                return document, local.removeprefix(prefix)
    return None
