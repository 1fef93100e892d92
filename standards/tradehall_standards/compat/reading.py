"""
Reading schemas (读取模式): one schema document of any draft becomes one :class:`terms.Term`.

Every keyword of drafts 4, 6, 7, 2019-09 and 2020-12 is either said exactly, or becomes an ``opaque`` or ``textual``
atom of which nothing is known but that it equals itself. So whatever is proved of a term holds of the schema.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from itertools import combinations
from typing import Final, TypeAlias, cast

from tradehall_standards.compat.dialects import Draft, Formats, Schema, draft_of, enforces_formats, is_before
from tradehall_standards.compat.documents import Document, Place, UnreachableReference
from tradehall_standards.compat.patterns import NOT_NEWLINE, UnsupportedPattern, read_pattern, uses_dot
from tradehall_standards.compat.regular import Languages, Ranges
from tradehall_standards.compat.terms import Term, Terms
from tradehall_standards.compat.values import TYPES, Value, exact, freeze
from tradehall_standards.strict import escape

FORMATS: Final = frozenset(
    {
        "date",
        "date-time",
        "duration",
        "email",
        "hostname",
        "idn-email",
        "idn-hostname",
        "ipv4",
        "ipv6",
        "iri",
        "iri-reference",
        "json-pointer",
        "regex",
        "relative-json-pointer",
        "time",
        "uri",
        "uri-reference",
        "uri-template",
        "uuid",
    }
)
"""Formats that an engine may enforce; every other one is a note."""
_ENCODINGS: Final = {"contentEncoding": "base64", "contentMediaType": "application/json"}
_MAX_GUARDS: Final = 6
_ALL_TYPES: Final = frozenset(TYPES)


class UnreadableSchema(ValueError):  # noqa: N818 - the reason is what counts
    """A schema that is no schema of its draft (无法读取的模式)."""


class Reader:
    """
    Reads documents into one table (模式读取器).

    Attributes:
        terms: the table of formulas.
        languages: the table of regular languages.
        definitions: what a ``ref`` atom stands for.
        dotted: whether a pattern was met whose meaning hangs on what ``.`` stands for.
        asks_engines: whether something was met that only an engine can tell.
        minds_writing: whether a draft was met to which ``1.0`` is no integer.
    """

    def __init__(
        self, terms: Terms, languages: Languages, *, dot: Ranges = NOT_NEWLINE, formats: Formats = "draft"
    ) -> None:
        self.terms = terms
        self.languages = languages
        self.definitions: dict[tuple[str, str], Term] = {}
        self.dotted = False
        self.minds_writing = False
        self.asks_engines = False
        self.formats: Formats = formats
        self._dot = dot

    def read(self, label: str, schema: Schema, default: Draft) -> Term:
        """
        Return the formula of a document (读取).

        Args:
            label: a name for the document; different documents need different names.
            schema: the document.
            default: the draft, where the document names none.

        Raises:
            UnreadableSchema: it is no schema of its draft, or refers to something outside itself.
        """
        try:
            document = Document(schema, draft_of(schema, default))
            return _Reading(self, label, document).schema(document.root)
        except (UnreachableReference, TypeError, AttributeError, ValueError) as problem:
            raise UnreadableSchema(str(problem)[:200]) from None

    def pattern(self, pattern: str) -> Term:
        """Return the formula of ``pattern`` for texts."""
        self.dotted = self.dotted or uses_dot(pattern)
        try:
            return self.terms.atom("matching", read_pattern(self.languages, pattern, self._dot))
        except UnsupportedPattern:
            return self.textual("pattern", pattern)

    def textual(self, keyword: str, value: str) -> Term:
        """Return a property of texts that only an engine can tell."""
        self.asks_engines = True
        return self.terms.atom("textual", (keyword, value))


Guarded: TypeAlias = list[tuple[Term, Term]]
"""What a schema has looked at: where the first holds, whatever meets the second."""


class _Reading:
    """The reading of one document."""

    def __init__(self, reader: Reader, label: str, document: Document) -> None:
        self._reader = reader
        self._terms = reader.terms
        self._label = label
        self._document = document
        self._draft: Draft = document.draft
        self._known: dict[str, Term] = {}
        self._open: set[str] = set()
        self._looking: set[str] = set()

    # --- schemas and references
    def schema(self, place: Place) -> Term:
        place = self._document.enter(place)
        if isinstance(place.schema, bool):
            return self._terms.true if place.schema else self._terms.false
        if place.pointer in self._known:
            return self._known[place.pointer]
        if place.pointer in self._open:
            return self._terms.atom("ref", (self._label, place.pointer))
        self._open.add(place.pointer)
        term = self._keywords(place, place.schema)
        self._open.discard(place.pointer)
        self._known[place.pointer] = self._reader.definitions[self._label, place.pointer] = term
        return term

    def _keywords(self, place: Place, schema: dict[str, Value]) -> Term:
        if "$ref" in schema and is_before(self._draft, "2019-09"):
            return self.schema(self._target(place, str(schema["$ref"])))
        found: list[Term] = []
        for keyword, value in schema.items():
            read = _KEYWORDS.get(keyword)
            if read is not None and self._knows(keyword):
                found.append(read(self, place, schema, value))
        return self._terms.all_of(found)

    def _knows(self, keyword: str) -> bool:
        since = _SINCE.get(keyword, "4")
        until = _UNTIL.get(keyword)
        return not is_before(self._draft, since) and (until is None or is_before(self._draft, until))

    def _target(self, place: Place, reference: str) -> Place:
        return self._document.follow(place.base, reference)

    def reference(self, place: Place, schema: dict[str, Value], value: Value) -> Term:
        return self.schema(self._target(place, str(value)))

    def dynamic(self, place: Place, schema: dict[str, Value], value: Value) -> Term:
        """Read ``$dynamicRef``: with one dynamic anchor of the name in the document it is a plain reference."""
        return self.schema(self._target(place, str(value)))

    def recursive(self, place: Place, schema: dict[str, Value], value: Value) -> Term:
        target = self._target(place, str(value))
        if place.base != self._document.root.base:
            raise UnreachableReference("$recursiveRef in an embedded document")
        return self.schema(target)

    def _inner(self, place: Place, value: Value, step: str) -> Term:
        return self.schema(place.inside(value, step))

    # --- any type
    def type(self, place: Place, schema: dict[str, Value], value: Value) -> Term:
        names = set(cast("list[str]", value) if isinstance(value, list) else [str(value)])
        if not names <= {*TYPES, "integer"}:
            raise UnreachableReference(f"unknown type {sorted(names)}"[:200])
        kinds = frozenset(names - {"integer"})
        if "integer" not in names or "number" in names:
            return self._terms.atom("type", kinds)
        found = [self._terms.atom("type", kinds | {"number"}), self._terms.atom("whole")]
        if self._draft == "4":  # what is written without fraction is whole too
            self._reader.minds_writing = True
            found.append(self._terms.atom("written_whole"))
        return self._terms.all_of(found)

    def enum(self, place: Place, schema: dict[str, Value], value: Value) -> Term:
        return self._terms.atom("among", frozenset(freeze(item) for item in cast("list[Value]", value)))

    def const(self, place: Place, schema: dict[str, Value], value: Value) -> Term:
        return self._terms.atom("among", frozenset({freeze(value)}))

    def all_of(self, place: Place, schema: dict[str, Value], value: Value) -> Term:
        return self._terms.all_of(self._each(place, "allOf", value))

    def any_of(self, place: Place, schema: dict[str, Value], value: Value) -> Term:
        return self._terms.any_of(self._each(place, "anyOf", value))

    def one_of(self, place: Place, schema: dict[str, Value], value: Value) -> Term:
        branches = self._each(place, "oneOf", value)
        inverse = self._terms.inverse
        # "at least one" and "never two": far smaller than the list of ways to meet exactly one
        pairs = [self._terms.any_of([inverse(a), inverse(b)]) for a, b in combinations(branches, 2)]
        return self._terms.all_of([self._terms.any_of(branches), *pairs])

    def none_of(self, place: Place, schema: dict[str, Value], value: Value) -> Term:
        return self._terms.inverse(self._inner(place, value, "/not"))

    def condition(self, place: Place, schema: dict[str, Value], value: Value) -> Term:
        asked = self._inner(place, value, "/if")
        then, other = schema.get("then", True), schema.get("else", True)
        return self._terms.all_of(
            [
                self._terms.any_of([self._terms.inverse(asked), self._inner(place, then, "/then")]),
                self._terms.any_of([asked, self._inner(place, other, "/else")]),
            ]
        )

    def _each(self, place: Place, keyword: str, value: Value) -> list[Term]:
        return [
            self._inner(place, item, f"/{keyword}/{index}") for index, item in enumerate(cast("list[Value]", value))
        ]

    def _only(self, kind: str, term: Term) -> Term:
        """Return a term that is true of all other types."""
        return self._terms.any_of([self._terms.inverse(self._terms.atom("type", frozenset({kind}))), term])

    # --- numbers
    def minimum(self, place: Place, schema: dict[str, Value], value: Value) -> Term:
        strict = self._draft == "4" and schema.get("exclusiveMinimum") is True
        return self._terms.atom("above" if strict else "least", exact(value))

    def maximum(self, place: Place, schema: dict[str, Value], value: Value) -> Term:
        strict = self._draft == "4" and schema.get("exclusiveMaximum") is True
        beyond = self._terms.atom("least" if strict else "above", exact(value))
        return self._only("number", self._terms.inverse(beyond))

    def above(self, place: Place, schema: dict[str, Value], value: Value) -> Term:
        return self._terms.atom("above", exact(value))

    def below(self, place: Place, schema: dict[str, Value], value: Value) -> Term:
        return self._only("number", self._terms.inverse(self._terms.atom("least", exact(value))))

    def multiple(self, place: Place, schema: dict[str, Value], value: Value) -> Term:
        if exact(value) <= 0:
            raise UnreachableReference("multipleOf must be positive")
        return self._terms.atom("multiple", exact(value))

    # --- texts
    def at_least(self, place: Place, schema: dict[str, Value], value: Value, *, kind: str) -> Term:
        return self._terms.atom(kind, _count(value) - 1)

    def at_most(self, place: Place, schema: dict[str, Value], value: Value, *, kind: str) -> Term:
        home = {"longer": "string", "sized": "array", "populous": "object"}[kind]
        return self._only(home, self._terms.inverse(self._terms.atom(kind, _count(value))))

    def pattern(self, place: Place, schema: dict[str, Value], value: Value) -> Term:
        return self._reader.pattern(str(value))

    def format(self, place: Place, schema: dict[str, Value], value: Value) -> Term:
        if value not in FORMATS or not enforces_formats(self._draft, self._reader.formats):
            return self._terms.true
        return self._reader.textual("format", str(value))

    def content(self, place: Place, schema: dict[str, Value], value: Value, *, keyword: str) -> Term:
        """Read what one engine enforces in drafts 6 and 7 and the other never does."""
        if not is_before(self._draft, "2019-09") or value != _ENCODINGS[keyword]:
            return self._terms.true
        return self._reader.textual(keyword, str(value))

    # --- arrays
    def items(self, place: Place, schema: dict[str, Value], value: Value) -> Term:
        if isinstance(value, list):
            return self._prefix(place, "items", value)
        prefix = schema.get("prefixItems") if self._knows("prefixItems") else None
        start = len(prefix) if isinstance(prefix, list) else 0
        return self._terms.atom("items", start, None, self._inner(place, value, "/items"))

    def prefix(self, place: Place, schema: dict[str, Value], value: Value) -> Term:
        return self._prefix(place, "prefixItems", cast("list[Value]", value))

    def _prefix(self, place: Place, keyword: str, values: list[Value]) -> Term:
        terms = self._each(place, keyword, values)
        return self._terms.all_of([self._terms.atom("items", i, i + 1, term) for i, term in enumerate(terms)])

    def more_items(self, place: Place, schema: dict[str, Value], value: Value) -> Term:
        listed = schema.get("items")
        if not isinstance(listed, list):
            return self._terms.true
        return self._terms.atom("items", len(listed), None, self._inner(place, value, "/additionalItems"))

    def contains(self, place: Place, schema: dict[str, Value], value: Value) -> Term:
        inner = self._inner(place, value, "/contains")
        counted = self._knows("minContains")
        least = _count(schema.get("minContains", 1)) if counted else 1
        found = [self._terms.atom("holding", least, inner)]
        if counted and "maxContains" in schema:
            more = self._terms.atom("holding", _count(schema["maxContains"]) + 1, inner)
            found.append(self._only("array", self._terms.inverse(more)))
        return self._terms.all_of(found)

    def unique(self, place: Place, schema: dict[str, Value], value: Value) -> Term:
        return self._terms.atom("unique") if value is True else self._terms.true

    # --- objects
    def named(self, names: Iterable[str]) -> Term:
        """Return the formula of names that are among some."""
        return self._terms.atom("among", frozenset(freeze(name) for name in names))

    def properties(self, place: Place, schema: dict[str, Value], value: Value) -> Term:
        return self._terms.all_of(
            [
                self._terms.atom(
                    "members", self.named([name]), self._inner(place, inner, f"/properties/{escape(name)}")
                )
                for name, inner in cast("dict[str, Value]", value).items()
            ]
        )

    def patterned(self, place: Place, schema: dict[str, Value], value: Value) -> Term:
        return self._terms.all_of(
            [
                self._terms.atom(
                    "members",
                    self._reader.pattern(pattern),
                    self._inner(place, inner, f"/patternProperties/{escape(pattern)}"),
                )
                for pattern, inner in cast("dict[str, Value]", value).items()
            ]
        )

    def additional(self, place: Place, schema: dict[str, Value], value: Value) -> Term:
        rest = self._terms.inverse(self._declared(schema))
        return self._terms.atom("members", rest, self._inner(place, value, "/additionalProperties"))

    def _declared(self, schema: Mapping[str, Value]) -> Term:
        names = cast("dict[str, Value]", schema.get("properties", {}))
        patterns = cast("dict[str, Value]", schema.get("patternProperties", {}))
        return self._terms.any_of([self.named(names), *(self._reader.pattern(pattern) for pattern in patterns)])

    def required(self, place: Place, schema: dict[str, Value], value: Value) -> Term:
        if not isinstance(value, list):  # a draft-3 habit that draft 4 and later refuse
            raise UnreachableReference("required must be a list")
        return self._terms.all_of([self._terms.atom("having", str(name)) for name in value])

    def names(self, place: Place, schema: dict[str, Value], value: Value) -> Term:
        inner = self._inner(place, value, "/propertyNames")
        return self._terms.atom("members", self._terms.inverse(inner), self._terms.false)

    def dependent_names(self, place: Place, schema: dict[str, Value], value: Value) -> Term:
        return self._terms.all_of(
            [
                self._given(name, self._terms.all_of([self._terms.atom("having", str(other)) for other in needed]))
                for name, needed in cast("dict[str, list[Value]]", value).items()
            ]
        )

    def dependent_schemas(self, place: Place, schema: dict[str, Value], value: Value) -> Term:
        return self._terms.all_of(
            [
                self._given(name, self._inner(place, inner, f"/dependentSchemas/{escape(name)}"))
                for name, inner in cast("dict[str, Value]", value).items()
            ]
        )

    def dependencies(self, place: Place, schema: dict[str, Value], value: Value) -> Term:
        found: list[Term] = []
        for name, needed in cast("dict[str, Value]", value).items():
            if isinstance(needed, list):
                found.append(self.dependent_names(place, schema, {name: needed}))
            else:
                found.append(self._given(name, self._inner(place, needed, f"/dependencies/{escape(name)}")))
        if not is_before(self._draft, "2019-09"):  # dropped there; one engine still minds it, the other does not
            return self._opaque(place, "dependencies", schema)
        return self._terms.all_of(found)

    def _given(self, name: str, term: Term) -> Term:
        held = self._terms.all_of([self._terms.atom("type", frozenset({"object"})), self._terms.atom("having", name)])
        return self._terms.any_of([self._terms.inverse(held), term])

    def _opaque(self, place: Place, keyword: str, schema: Mapping[str, Value]) -> Term:
        text = json.dumps(schema, sort_keys=True, default=str)
        where = (self._label, place.pointer) if 'ef"' in text else ()
        return self._terms.atom("opaque", (keyword, text, *where))

    # --- what was not looked at
    def unseen_names(self, place: Place, schema: dict[str, Value], value: Value) -> Term:
        inner = self._inner(place, value, "/unevaluatedProperties")
        seen = self._seen_names(place, schema, own=False)
        return self._unseen(
            seen, lambda parts: self._terms.atom("members", self._terms.inverse(self._terms.any_of(parts)), inner)
        ) or self._opaque(place, "unevaluatedProperties", schema)

    def _unseen(self, seen: Guarded, build: Callable[[list[Term]], Term]) -> Term | None:
        """
        Join a rule for what was not looked at, though what was looked at hangs on the value.

        For every choice of guards: either one of them holds, or the rule holds of what the others leave over.
        """
        guards = sorted({guard for guard, _ in seen if guard.kind != "true"}, key=lambda term: term.serial)
        if len(guards) > _MAX_GUARDS:
            return None
        found: list[Term] = []
        for count in range(len(guards) + 1):
            for failing in combinations(guards, count):
                parts = [part for guard, part in seen if guard not in failing]
                found.append(self._terms.any_of([*failing, build(parts)]))
        return self._terms.all_of(found)

    def _seen_names(self, place: Place, schema: dict[str, Value], *, own: bool = True) -> Guarded:
        seen: Guarded = [(self._terms.true, self._declared(schema))]
        if "additionalProperties" in schema or (own and "unevaluatedProperties" in schema):
            seen.append((self._terms.true, self._terms.true))
        return seen + self._below(place, schema, self._seen_names)

    def unseen_items(self, place: Place, schema: dict[str, Value], value: Value) -> Term:
        inner = self._inner(place, value, "/unevaluatedItems")
        seen = self._seen_items(place, schema, own=False)
        return self._unseen(seen, lambda parts: self._items_rest(parts, inner)) or self._opaque(
            place, "unevaluatedItems", schema
        )

    def _items_rest(self, parts: list[Term], inner: Term) -> Term:
        starts = [cast("int", part.parts[0]) for part in parts if part.kind == "sized"]
        contained = [part.terms[0] for part in parts if part.kind == "holding"]
        if any(part.kind == "true" for part in parts):
            return self._terms.true
        return self._terms.atom("items", max(starts, default=0), None, self._terms.any_of([*contained, inner]))

    def _seen_items(self, place: Place, schema: dict[str, Value], *, own: bool = True) -> Guarded:
        """Collect how far items were looked at: ``sized N`` for the first N, ``holding`` for what ``contains`` met."""
        true = self._terms.true
        seen: Guarded = []
        prefix = schema.get("items" if self._draft == "2019-09" else "prefixItems")
        if isinstance(prefix, list):
            seen.append((true, self._terms.atom("sized", len(prefix))))
        rest = "additionalItems" if self._draft == "2019-09" and isinstance(prefix, list) else "items"
        if rest in schema or (own and "unevaluatedItems" in schema):
            seen.append((true, true))
        if "contains" in schema and self._draft == "2020-12":
            seen.append((true, self._terms.atom("holding", 1, self._inner(place, schema["contains"], "/contains"))))
        return seen + self._below(place, schema, self._seen_items)

    def _below(self, place: Place, schema: dict[str, Value], see: _See) -> Guarded:
        """Collect what the schemas that are applied to the same value have looked at."""
        seen: Guarded = []
        for guard, inner in self._applied(place, schema):
            if not isinstance(inner.schema, dict):
                continue
            if inner.pointer in self._looking:
                raise UnreachableReference("unevaluated over a recursive schema")
            self._looking.add(inner.pointer)
            seen += [(self._terms.all_of([guard, own]), part) for own, part in see(inner, inner.schema)]
            self._looking.discard(inner.pointer)
        return seen

    def _applied(self, place: Place, schema: dict[str, Value]) -> list[tuple[Term, Place]]:
        true = self._terms.true
        applied: list[tuple[Term, Place]] = [
            (true, self._document.enter(self._target(place, str(schema[name]))))
            for name in ("$ref", "$dynamicRef", "$recursiveRef")
            if name in schema and self._knows(name)
        ]
        for keyword in ("allOf", "anyOf", "oneOf"):
            for index, item in enumerate(cast("list[Value]", schema.get(keyword, []))):
                inner = place.inside(item, f"/{keyword}/{index}")
                applied.append((true if keyword == "allOf" else self.schema(inner), inner))
        for name, item in cast("dict[str, Value]", schema.get("dependentSchemas", {})).items():
            guard = self._terms.atom("having", name)
            applied.append((guard, place.inside(item, f"/dependentSchemas/{escape(name)}")))
        if "if" in schema:
            asked = place.inside(schema["if"], "/if")
            term = self.schema(asked)
            applied.append((term, asked))
            for keyword, guard in (("then", term), ("else", self._terms.inverse(term))):
                if keyword in schema:
                    applied.append((guard, place.inside(schema[keyword], f"/{keyword}")))
        return applied


def _count(value: Value) -> int:
    worth = exact(value)
    if worth < 0 or worth.denominator != 1:
        raise UnreachableReference("a count must be a whole number")
    return worth.numerator


_See: TypeAlias = "Callable[[Place, dict[str, Value]], Guarded]"
_Read: TypeAlias = "Callable[[_Reading, Place, dict[str, Value], Value], Term]"


def _counted(read: Callable[..., Term], kind: str) -> _Read:
    return lambda reading, place, schema, value: read(reading, place, schema, value, kind=kind)


def _encoded(keyword: str) -> _Read:
    return lambda reading, place, schema, value: reading.content(place, schema, value, keyword=keyword)


_KEYWORDS: Final[Mapping[str, _Read]] = {
    "$ref": _Reading.reference,
    "$dynamicRef": _Reading.dynamic,
    "$recursiveRef": _Reading.recursive,
    "type": _Reading.type,
    "enum": _Reading.enum,
    "const": _Reading.const,
    "allOf": _Reading.all_of,
    "anyOf": _Reading.any_of,
    "oneOf": _Reading.one_of,
    "not": _Reading.none_of,
    "if": _Reading.condition,
    "minimum": _Reading.minimum,
    "maximum": _Reading.maximum,
    "exclusiveMinimum": _Reading.above,
    "exclusiveMaximum": _Reading.below,
    "multipleOf": _Reading.multiple,
    "minLength": _counted(_Reading.at_least, "longer"),
    "maxLength": _counted(_Reading.at_most, "longer"),
    "pattern": _Reading.pattern,
    "format": _Reading.format,
    "contentEncoding": _encoded("contentEncoding"),
    "contentMediaType": _encoded("contentMediaType"),
    "items": _Reading.items,
    "prefixItems": _Reading.prefix,
    "additionalItems": _Reading.more_items,
    "contains": _Reading.contains,
    "minItems": _counted(_Reading.at_least, "sized"),
    "maxItems": _counted(_Reading.at_most, "sized"),
    "uniqueItems": _Reading.unique,
    "properties": _Reading.properties,
    "patternProperties": _Reading.patterned,
    "additionalProperties": _Reading.additional,
    "required": _Reading.required,
    "propertyNames": _Reading.names,
    "minProperties": _counted(_Reading.at_least, "populous"),
    "maxProperties": _counted(_Reading.at_most, "populous"),
    "dependencies": _Reading.dependencies,
    "dependentRequired": _Reading.dependent_names,
    "dependentSchemas": _Reading.dependent_schemas,
    "unevaluatedProperties": _Reading.unseen_names,
    "unevaluatedItems": _Reading.unseen_items,
}
_SINCE: Final[Mapping[str, Draft]] = {
    "const": "6",
    "contains": "6",
    "propertyNames": "6",
    "exclusiveMinimum": "6",
    "exclusiveMaximum": "6",
    "if": "7",
    "contentEncoding": "6",
    "contentMediaType": "6",
    "minContains": "2019-09",
    "dependentRequired": "2019-09",
    "dependentSchemas": "2019-09",
    "unevaluatedProperties": "2019-09",
    "unevaluatedItems": "2019-09",
    "$recursiveRef": "2019-09",
    "$dynamicRef": "2020-12",
    "prefixItems": "2020-12",
}
_UNTIL: Final[Mapping[str, Draft]] = {"additionalItems": "2020-12", "$recursiveRef": "2020-12"}
