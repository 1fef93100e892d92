"""Dialects (方言): the drafts of JSON Schema that are read, and what each of them knows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, Literal, TypeAlias

from tradehall_standards.compat.values import Value
from tradehall_standards.strict import escape

Draft: TypeAlias = Literal["4", "6", "7", "2019-09", "2020-12"]
Schema: TypeAlias = "bool | dict[str, Value]"

Formats: TypeAlias = Literal["draft", "enforced"]
"""Whether ``format`` is enforced: as the draft says (until draft 7), or always, as this catalogue does."""

LATEST: Final[Draft] = "2020-12"
_BY_URI: Final[Mapping[str, Draft]] = {
    "json-schema.org/schema": "2020-12",
    "json-schema.org/draft-04/schema": "4",
    "json-schema.org/draft-06/schema": "6",
    "json-schema.org/draft-07/schema": "7",
    "json-schema.org/draft/2019-09/schema": "2019-09",
    "json-schema.org/draft/2020-12/schema": "2020-12",
}
MAPS: Final = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies"})
LISTS: Final = frozenset({"allOf", "anyOf", "oneOf", "prefixItems", "items"})
SINGLES: Final = frozenset(
    {
        "additionalItems",
        "additionalProperties",
        "contains",
        "contentSchema",
        "else",
        "if",
        "items",
        "not",
        "propertyNames",
        "then",
        "unevaluatedItems",
        "unevaluatedProperties",
    }
)


class UnknownDialectError(ValueError):
    """A ``$schema`` that names none of the drafts (未知的模式方言)."""


def draft_of(schema: Schema, default: Draft = LATEST) -> Draft:
    """Return the draft that a schema names in ``$schema`` (方言); ``default`` where it names none."""
    uri = schema.get("$schema") if isinstance(schema, dict) else None
    if uri is None:
        return default
    name = str(uri).removeprefix("http://").removeprefix("https://").removesuffix("#")
    if name not in _BY_URI:
        raise UnknownDialectError(str(uri)[:200])
    return _BY_URI[name]


def is_before(draft: Draft, other: Draft) -> bool:
    """Tell whether a draft is older than another."""
    order = tuple(_BY_URI.values())[1:]
    return order.index(draft) < order.index(other)


def enforces_formats(draft: Draft, formats: Formats) -> bool:
    """Tell whether engines enforce ``format`` (格式是否校验): from 2019-09 on it is a note unless asked for."""
    return formats == "enforced" or is_before(draft, "2019-09")


def parts_of(schema: Mapping[str, Value]) -> Iterator[tuple[str, Value]]:
    """Yield the relative pointer and value of every schema that stands directly inside a schema."""
    for keyword, value in schema.items():
        if keyword in MAPS and isinstance(value, dict):
            for name, inner in value.items():
                yield f"/{escape(keyword)}/{escape(name)}", inner
        elif keyword in LISTS and isinstance(value, list):
            for index, inner in enumerate(value):
                yield f"/{keyword}/{index}", inner
        elif keyword in SINGLES:
            yield f"/{keyword}", value
