"""
Vocabulary (关键字): the JSON Schema words that the catalogue knows, and where schemas stand inside schemas.

A keyword that is not listed here is refused at proposal: an engine would ignore it silently.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from tradehall_standards.strict import Json, escape

MAPS: Final = frozenset({"properties", "patternProperties", "$defs", "dependentSchemas"})
"""Keywords whose value maps names to schemas."""
LISTS: Final = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
"""Keywords whose value is an array of schemas."""
SINGLES: Final = frozenset(
    {
        "additionalProperties",
        "contains",
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
"""Keywords whose value is one schema."""
ASSERTIONS: Final = frozenset(
    {
        "const",
        "dependentRequired",
        "enum",
        "exclusiveMaximum",
        "exclusiveMinimum",
        "format",
        "maxContains",
        "maxItems",
        "maxLength",
        "maxProperties",
        "maximum",
        "minContains",
        "minItems",
        "minLength",
        "minProperties",
        "minimum",
        "multipleOf",
        "pattern",
        "required",
        "type",
        "uniqueItems",
    }
)
OWN: Final = frozenset({"x-codelist", "x-disclosure", "x-identifier"})
"""Keywords of the catalogue itself: code list, disclosure, identifier kind."""
NOTES: Final = frozenset({"$schema", "$id", "$ref", "$comment", "deprecated", "description", "title"})
KNOWN: Final = MAPS | LISTS | SINGLES | ASSERTIONS | OWN | NOTES
FORMATS: Final = ("date", "date-time")
"""Formats that both engines are tested to enforce; every other format is refused at proposal."""


def subschemas(schema: Mapping[str, Json]) -> Iterator[tuple[str, str, Json]]:
    """Yield keyword, relative pointer and value of every schema that stands directly inside ``schema``."""
    for keyword, value in schema.items():
        if keyword in MAPS and isinstance(value, Mapping):
            for name, inner in value.items():
                yield keyword, f"/{escape(keyword)}/{escape(name)}", inner
        elif keyword in LISTS and isinstance(value, list):
            for index, inner in enumerate(value):
                yield keyword, f"/{keyword}/{index}", inner
        elif keyword in SINGLES:
            yield keyword, f"/{keyword}", value
