"""
Growing vectors (生成边界示例): ``python -m mutation.grow [FAMILY …]`` writes the vectors of versions that have none.

For every mutant that no example kills yet, payloads at the changed limit are tried; one on which the schema and the
mutant differ is kept with the answer of the schema. What is written is read by people before it is committed.
"""

from __future__ import annotations

import copy
import json
import re._parser as sre  # type: ignore[import-not-found,unused-ignore]
import sys
from collections.abc import Iterator, Mapping
from typing import Any, Final

from mutation.killing import Judge, kills
from mutation.mutants import Mutant, mutants, shortest_allowed, steps
from mutation.vectors import Broken, Vector, edited, examples, path_of
from tradehall_standards import Catalogue, Version
from tradehall_standards.strict import escape

KINDS: Final[tuple[Any, ...]] = (None, 7, "x", [], {}, True)
JUNK: Final = ("!", "~", "/", " ", "\\", "x", "0", "文", "-", ":")
DAYS: Final = ("2026-02-30", "2026-02-30T10:00:00+08:00")
Place = tuple[str, Any]
"""Pointer into the full example, and the value there."""
Edits = list[list[Any]]


class Grower:
    """Grows the vectors of one version from its fullest example."""

    def __init__(self, version: Version) -> None:
        self._bundle: dict[str, Any] = dict(version.bundle)
        self._judge = Judge(self._bundle)
        self.base, example = max(version.valid_examples.items(), key=lambda item: len(str(item[1])))
        self.additions: Edits = []
        full: Any = copy.deepcopy(example)
        self._complete(self._bundle, full, "", full)
        self.full = edited(example, self.additions)
        self.places: dict[str, list[Place]] = {}
        self._visit("", self._bundle, "", self.full)
        self.vectors: list[tuple[str, Edits, Broken | None]] = []
        self.known = [*examples(version), Vector("full", "", self.full, None)]

    def grow(self) -> None:
        """Find a vector for every mutant that is still alive."""
        for mutant in mutants(self._bundle):
            if kills(Judge(mutant.applied(self._bundle)), mutant, self.known):
                continue
            vector = self._found(mutant)
            if vector is not None:
                about = f"{mutant.node}/{mutant.keyword}"
                self.vectors.append((about, *vector))
                self.known.insert(0, Vector("", about, edited(self.full, vector[0]), vector[1]))

    # --- the fullest example

    def _complete(self, schema: Mapping[str, Any], value: Any, pointer: str, root: Any) -> None:
        """Add every optional member that the example lacks, and an item to every empty list."""
        schema = self._resolved(schema)
        if isinstance(value, dict):
            for name, inner in schema.get("properties", {}).items():
                if name not in value:
                    value[name] = self._sample(inner)
                    self.additions.append(["put", f"{pointer}/{name}", copy.deepcopy(value[name])])
                    if not self._judge.passes(root):
                        del value[name]
                        self.additions.pop()
                        continue
                if name in value:
                    self._complete(inner, value[name], f"{pointer}/{name}", root)
        elif isinstance(value, list) and "items" in schema:
            if not value and schema.get("maxItems", 1):
                value.append(self._sample(schema["items"]))
                self.additions.append(["put", pointer, copy.deepcopy(value)])
            for number, inner in enumerate(value):
                self._complete(schema["items"], inner, f"{pointer}/{number}", root)

    def _resolved(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        while "$ref" in schema:
            schema = self._bundle["$defs"][schema["$ref"].removeprefix("#/$defs/")]
        return schema

    def _sample(self, schema: Mapping[str, Any]) -> Any:
        schema = self._resolved(schema)
        if "const" in schema:
            return schema["const"]
        kind = schema.get("type")
        if kind == "object":
            return {name: self._sample(inner) for name, inner in schema.get("properties", {}).items()}
        if kind == "array":
            return [self._sample(schema["items"]) for _ in range(max(1, schema.get("minItems", 1)))]
        if kind == "boolean":
            return True
        if kind == "integer":
            return schema.get("minimum", 0)
        return schema["enum"][0] if "enum" in schema else self._text(schema)

    def _text(self, schema: Mapping[str, Any]) -> str:
        if schema.get("x-identifier") == "party_id":
            return "node:a" if "node" in schema["pattern"] else "person:aaaaaaaaaaaaaaaa"
        if "format" in schema:
            return "2026-01-05" if schema["format"] == "date" else "2026-01-05T09:00:00+08:00"
        if "pattern" in schema:
            return spelled(schema["pattern"], longest=False)
        return "文" * max(1, schema.get("minLength", 1))

    # --- where every schema node meets the example

    def _visit(self, node: str, schema: Any, pointer: str, value: Any) -> None:
        if not isinstance(schema, Mapping):
            return
        known = self.places.setdefault(node, [])
        known.append((pointer, value))
        if "$ref" in schema:
            target = schema["$ref"].removeprefix("#")
            self._visit(target, self._bundle["$defs"][target.removeprefix("/$defs/")], pointer, value)
        for keyword in ("allOf", "anyOf", "oneOf"):
            for number, branch in enumerate(schema.get(keyword, ())):
                self._visit(f"{node}/{keyword}/{number}", branch, pointer, value)
        for keyword in ("if", "then", "else", "not"):
            self._visit(f"{node}/{keyword}", schema.get(keyword), pointer, value)
        self._visit_inside(node, schema, pointer, value)

    def _visit_inside(self, node: str, schema: Mapping[str, Any], pointer: str, value: Any) -> None:
        if isinstance(value, Mapping):
            for name, inner in value.items():
                below = f"{pointer}/{escape(name)}"
                if name in schema.get("properties", {}):
                    self._visit(f"{node}/properties/{escape(name)}", schema["properties"][name], below, inner)
                for pattern, other in schema.get("patternProperties", {}).items():
                    self._visit(f"{node}/patternProperties/{escape(pattern)}", other, below, inner)
        if isinstance(value, list):
            for number, inner in enumerate(value):
                self._visit(f"{node}/items", schema.get("items"), f"{pointer}/{number}", inner)

    # --- payloads at a limit

    def _found(self, mutant: Mutant) -> tuple[Edits, Broken | None] | None:
        schema: Any = self._bundle
        for step in steps(mutant.node):
            schema = schema[int(step)] if isinstance(schema, list) else schema[step]
        other = Judge(mutant.applied(self._bundle))
        for place in self.places.get(mutant.node, [])[:4]:
            for edits in candidates(mutant, schema, place):
                payload = edited(self.full, edits)
                here, there = self._judge.broken(payload), other.broken(payload)
                if not here and there:
                    return edits, None
                lost = sorted(here - there, key=lambda found: (found[1] != mutant.keyword, found[0] != place[0]))
                if lost:
                    return edits, lost[0]
        return None


def candidates(mutant: Mutant, schema: Mapping[str, Any], place: Place) -> Iterator[Edits]:
    """Yield edits that bring the value at a place to the limit that a mutant moves."""
    pointer, value = place
    keyword = mutant.keyword
    if keyword in ("required", "properties", "patternProperties"):
        if isinstance(value, Mapping) and mutant.value in value:
            yield [["remove", f"{pointer}/{escape(mutant.value)}"]]
    elif keyword in ("allOf", "if", "then", "else", "not", "anyOf", "oneOf"):
        if isinstance(value, Mapping):
            yield from ([["remove", f"{pointer}/{escape(name)}"]] for name in value)
    elif keyword in ("maxItems", "minItems", "uniqueItems"):
        yield from _lists(keyword, schema, pointer, value)
    elif keyword in ("additionalProperties", "maxProperties", "minProperties"):
        yield from _objects(keyword, schema, pointer, value)
    else:
        for new in _values(mutant, schema, value):
            yield [["put", pointer, new]]


def _lists(keyword: str, schema: Mapping[str, Any], pointer: str, value: Any) -> Iterator[Edits]:
    if not isinstance(value, list) or not value:
        return
    if keyword == "uniqueItems":
        yield [["put", pointer, [*value[: schema["maxItems"] - 1], value[0]]]]
        return
    limit = schema[keyword]
    codes = schema["items"].get("enum", [])
    for size in (limit, limit + 1) if keyword == "maxItems" else (limit, max(0, limit - 1)):
        if not size:
            yield [["put", pointer, []]]
        elif codes and schema.get("uniqueItems"):
            yield [["put", pointer, codes[:size] if size <= len(codes) else [*codes, *codes][:size]]]
        else:
            yield [["fill", pointer, size]]


def _objects(keyword: str, schema: Mapping[str, Any], pointer: str, value: Any) -> Iterator[Edits]:
    if not isinstance(value, Mapping):
        return
    if keyword == "additionalProperties":
        yield [["put", f"{pointer}/Stranger", 1]]
        return
    inner = next(iter(value.values()), "1")
    for size in (schema[keyword], schema[keyword] + 1):
        yield [["put", pointer, {f"p{number}": inner for number in range(size)}]]


def _values(mutant: Mutant, schema: Mapping[str, Any], value: Any) -> Iterator[Any]:
    """Yield values to put in place of one."""
    keyword = mutant.keyword
    if keyword in ("type", "items", "$ref", "const"):
        yield from ([kind] if keyword == "items" else kind for kind in KINDS)
        yield not value if isinstance(value, bool) else "no_such_code"
    elif keyword == "enum":
        yield from ("no_such_code",) if mutant.how == "dropped" else (mutant.value,)
    elif keyword in ("maximum", "minimum"):
        yield from (schema[keyword], schema[keyword] + (1 if keyword == "maximum" else -1))
    elif keyword == "maxLength":
        yield from _texts_of(schema, schema[keyword], value)
        yield from _texts_of(schema, schema[keyword] + 1, value)
    elif keyword == "minLength":
        yield from _texts_of(schema, schema[keyword], value)
        yield from _texts_of(schema, max(0, schema[keyword] - 1), value)
    elif keyword == "x-identifier":
        yield from (str(value)[:-1] + last for last in "0123456789ABCDEFGHX")
        yield from (re_spelled(value, other) for other in "ABCDEFGH")
        yield "org:91510100000000000A"
    else:
        yield from DAYS if keyword == "format" else ()
        yield from (made for junk in JUNK for made in (junk, f"{junk}{value}", f"{value}{junk}"))


def re_spelled(value: Any, other: str) -> str:
    """Return a code with the character before its last one changed."""
    return f"{str(value)[:-2]}{other}{str(value)[-1:]}"


def _texts_of(schema: Mapping[str, Any], size: int, value: Any) -> Iterator[str]:
    """Yield texts of a size, such that fit the pattern first."""
    pattern = schema.get("pattern")
    if pattern is not None:
        made = ["2026-01-05T09:00:00.123+08:00"] if "format" in schema else [spelled(pattern, longest=True)]
        yield from (text for text in (*made, spelled(pattern, longest=False), str(value)) if len(text) == size)
        repeated = str(value)[:1] * size
        yield repeated
        yield f"{spelled(pattern, longest=True)}{'0' * size}"[:size]
        yield f"{value}{str(value)[-1:] * size}"[:size]
    yield "文" * size
    if shortest_allowed(schema) > size:
        yield str(value)[:size]


def spelled(pattern: str, *, longest: bool) -> str:
    """Return a short or a long text that a pattern matches; characters are the first that a class allows."""
    return _spelled(list(sre.parse(pattern)), longest=longest)


def _spelled(parsed: list[Any], *, longest: bool) -> str:
    made = ""
    for op, argument in parsed:
        name = str(op)
        if name == "LITERAL":
            made += chr(argument)
        elif name == "IN":
            made += _one_of(argument)
        elif name == "NOT_LITERAL":
            made += "a" if argument != ord("a") else "b"
        elif name == "BRANCH":
            options = [_spelled(list(option), longest=longest) for option in argument[1]]
            made += max(options, key=len) if longest else min(options, key=len)
        elif name == "SUBPATTERN":
            made += _spelled(list(argument[3]), longest=longest)
        elif name == "MAX_REPEAT":
            least, most, inner = argument
            times = min(int(most), 300) if longest else int(least)
            made += _spelled(list(inner), longest=longest) * times
    return made


def _one_of(options: Any) -> str:
    (name, argument), *_ = ((str(op), argument) for op, argument in options)
    if name == "NEGATE":
        return "a"
    return chr(argument if name == "LITERAL" else argument[0])


def written(grower: Grower) -> str:
    """Return the file of a version's vectors: one line for each."""
    lines = ",\n".join(f"    {json.dumps(vector, ensure_ascii=False)}" for vector in grower.vectors)
    head = json.dumps({"base": grower.base, "full": grower.additions}, ensure_ascii=False)[:-1]
    return f'{head}, "vectors": [\n{lines}\n]}}\n'


def main(families: list[str]) -> None:
    """Grow the vectors of the families named, else of every version that has none."""
    catalogue = Catalogue.load()
    for family in families or catalogue.families():
        for version in catalogue.versions(family):
            if families or not path_of(version).exists():
                grower = Grower(version)
                grower.grow()
                path_of(version).write_text(written(grower), encoding="utf-8")
                sys.stdout.write(f"{version.id}: {len(grower.vectors)} vectors\n")


if __name__ == "__main__":
    main(sys.argv[1:])
