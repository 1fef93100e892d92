"""
Mutants (变异) of a bundle: every keyword dropped, loosened or tightened, one at a time.

A mutant that no payload could tell from the original is left out, and only where that is certain: a limit on text
that a pattern or a code list keeps shorter (or longer) anyway.
"""

from __future__ import annotations

import copy
import re._parser as sre  # type: ignore[import-not-found,unused-ignore]
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from tradehall_standards.vocabulary import subschemas

DROPPED: Final = (
    *("type", "additionalProperties", "enum", "const", "pattern", "format", "uniqueItems", "items", "$ref"),
    *("maxLength", "maxItems", "maximum", "maxProperties", "minLength", "minItems", "minimum", "minProperties"),
    *("allOf", "anyOf", "oneOf", "not", "if", "then", "else", "x-identifier"),
)
"""Keywords that are taken away as a whole; of ``required``, ``properties`` and ``enum`` also every single entry."""
UPPER: Final = ("maxLength", "maxItems", "maximum", "maxProperties")
LOWER: Final = ("minLength", "minItems", "minimum", "minProperties")


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change: ``node`` leads to the schema node, ``how`` tells what became of its ``keyword``."""

    node: str
    keyword: str
    how: str
    value: Any = None

    def __str__(self) -> str:
        return f"{self.node}/{self.keyword} {self.how}"

    def applied(self, bundle: Mapping[str, Any]) -> dict[str, Any]:
        """Return the bundle with this change; everything else is shared with the original."""
        changed: dict[str, Any] = dict(bundle)
        at: Any = changed
        for step in steps(self.node):
            key: Any = int(step) if isinstance(at, list) else step
            at[key] = copy.copy(at[key])
            at = at[key]
        if self.how == "dropped":
            del at[self.keyword]
        elif self.how.startswith("without "):
            held = at[self.keyword]
            at[self.keyword] = (
                {name: inner for name, inner in held.items() if name != self.value}
                if isinstance(held, dict)
                else [entry for entry in held if entry != self.value]
            )
        else:
            at[self.keyword] = self.value
        return changed


def steps(pointer: str) -> list[str]:
    """Return the steps of a JSON Pointer."""
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]


def nodes(schema: Any, pointer: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield every schema node below a place, with its pointer."""
    if isinstance(schema, Mapping):
        yield pointer, schema
        for _, step, inner in subschemas(schema):
            yield from nodes(inner, pointer + step)


def mutants(bundle: Mapping[str, Any]) -> Iterator[Mutant]:
    """Yield every mutant of a bundle that some payload can tell from it (全部变异)."""
    for node, schema in nodes(bundle):
        for keyword in DROPPED:
            if keyword in schema:
                yield Mutant(node, keyword, "dropped")
        yield from _entries(node, schema)
        for keyword in (*UPPER, *LOWER):
            if keyword in schema:
                yield from _moved(node, schema, keyword)
        pattern = schema.get("pattern")
        if isinstance(pattern, str):
            yield Mutant(node, "pattern", "open at the start", pattern[1:])
            yield Mutant(node, "pattern", "open at the end", pattern[:-1])


def _entries(node: str, schema: Mapping[str, Any]) -> Iterator[Mutant]:
    for keyword in ("required", "enum", "properties", "patternProperties"):
        for entry in schema.get(keyword, ()):
            yield Mutant(node, keyword, f"without {entry}", entry)


def _moved(node: str, schema: Mapping[str, Any], keyword: str) -> Iterator[Mutant]:
    limit, upper = schema[keyword], keyword in UPPER
    looser, tighter = (limit + 1, limit - 1) if upper else (limit - 1, limit + 1)
    if upper or keyword == "minimum" or looser >= 0:
        yield Mutant(node, keyword, "loosened", looser)
    if tighter >= 0 and not _is_idle(schema, keyword):
        yield Mutant(node, keyword, "tightened", tighter)


def _is_idle(schema: Mapping[str, Any], keyword: str) -> bool:
    """Tell whether no value reaches the limit anyway, so that tightening it by one changes nothing."""
    limit = schema[keyword]
    if keyword == "maxLength":
        return longest_allowed(schema) < limit
    if keyword == "minLength":
        return shortest_allowed(schema) > limit
    if keyword == "maxItems" and schema.get("uniqueItems") and "enum" in schema.get("items", {}):
        return len(schema["items"]["enum"]) < limit
    return False


def longest_allowed(schema: Mapping[str, Any]) -> int:
    """Return the length of the longest text that the other keywords of a node let through."""
    bounds = [max(map(len, schema["enum"]))] if "enum" in schema else []
    if "pattern" in schema:
        bounds.append(width(schema["pattern"])[1])
    return min(bounds, default=1 << 30)


def shortest_allowed(schema: Mapping[str, Any]) -> int:
    """Return the length of the shortest text that the other keywords of a node let through."""
    bounds = [min(map(len, schema["enum"]))] if "enum" in schema else []
    if "pattern" in schema:
        bounds.append(width(schema["pattern"])[0])
    return max(bounds, default=0)


@cache
def width(pattern: str) -> tuple[int, int]:
    """Return the least and the greatest number of characters that a pattern matches."""
    least, most = sre.parse(pattern).getwidth()
    return int(least), int(most)
