"""
From a schema to questions (表单题目).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from tradehall.web.portal.views import Label
from tradehall_standards import CodeRow, Json, Version

Kind = Literal[
    "group", "list", "money", "instant", "date", "choice", "choices", "boolean", "integer", "paragraphs", "rows",
    "pairs", "text",
]  # fmt: skip
"""
``group`` an object, ``list`` objects one after another, ``money`` amount and currency, ``choices`` several codes,
``paragraphs`` one text a line, ``rows`` texts in rows and columns, ``pairs`` free names with values.
"""

_MONEY: Final = {"amount", "currency"}
_REFERENCE: Final = "#/$defs/"
LONG: Final = 200
"""Characters from which a text gets several lines."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One code of a list (选项)."""

    code: str
    label: Label


@dataclass(frozen=True, slots=True)
class Question:
    """
    One place of a form (题目).

    Attributes:
        path: the place in the standard, with ``*`` for any index; ``""`` is the whole payload.
        name: last step of ``path``.
        least, most: bounds: of a number its value, of a text its characters, of a list its items.
        pattern: how a text must be written, empty when free.
        members: the questions of a group, or of one item of a list.
    """

    path: str
    name: str
    kind: Kind
    title: Label
    help: Label | None
    required: bool
    choices: tuple[Choice, ...] = ()
    least: int | None = None
    most: int | None = None
    pattern: str = ""
    identifier: str = ""
    members: tuple[Question, ...] = ()


def plan(version: Version) -> Question:
    """Return the questions of a version (题目树); the root is a group."""
    return _Planner(version).question(version.bundle, "", "", "", required=True)


@dataclass(frozen=True, slots=True)
class _Planner:
    version: Version

    def question(
        self, schema: Mapping[str, Json], path: str, name: str, pointer: str | None, *, required: bool
    ) -> Question:
        """
        Return the question of one place.

        ``pointer`` is the place in the version's own schema, None inside a shared definition: the words of the place
        that uses an amount are for people, those of the shared amount for programs.
        """
        own = pointer
        if "$ref" in schema:
            pointer = None
        schema = self._resolved(schema)
        field = self.version.fields.get(path)
        titles: Mapping[str, str] = field.titles if field else {}
        kind = self._kind(schema)
        told: Mapping[str, str] = field.descriptions if field else {}
        if kind == "money":
            told = self._told(own)
        return Question(
            path=path,
            name=name,
            kind=kind,
            title=Label(titles.get("zh", name), titles.get("en", name)),
            help=Label(told["zh"], told["en"]) if {"zh", "en"} <= told.keys() else None,
            required=required,
            choices=self._choices(self._items(schema) if kind == "choices" else schema),
            least=_bound(schema, "minimum", "minLength", "minItems"),
            most=_bound(schema, "maximum", "maxLength", "maxItems"),
            pattern=str(schema.get("pattern", "")),
            identifier=str(schema.get("x-identifier", "")),
            members=self._members(schema, path, pointer, kind),
        )

    def _resolved(self, schema: Mapping[str, Json]) -> Mapping[str, Json]:
        """Follow references; what stands beside one counts before what it leads to."""
        reference = schema.get("$ref")
        if not isinstance(reference, str):
            return schema
        found = _object(_object(self.version.bundle.get("$defs")).get(reference.removeprefix(_REFERENCE)))
        return {**self._resolved(found), **{k: v for k, v in schema.items() if k != "$ref"}}

    def _kind(self, schema: Mapping[str, Json]) -> Kind:
        match schema.get("type"):
            case "object":
                if set(_object(schema.get("properties"))) == _MONEY:
                    return "money"
                return "pairs" if "patternProperties" in schema else "group"
            case "array":
                return self._list_kind(self._items(schema))
            case "boolean":
                return "boolean"
            case "integer":
                return "integer"
            case _:
                return _text_kind(schema)

    def _list_kind(self, items: Mapping[str, Json]) -> Kind:
        if items.get("type") == "object":
            return "list"
        if items.get("type") == "array":
            return "rows"
        return "choices" if "enum" in items else "paragraphs"

    def _items(self, schema: Mapping[str, Json]) -> Mapping[str, Json]:
        return self._resolved(_object(schema.get("items")))

    def _told(self, pointer: str | None) -> Mapping[str, str]:
        titles = self.version.source.titles
        found = {lang: _object(titles[lang].get(pointer or "-")).get("description") for lang in ("zh", "en")}
        return {lang: text for lang, text in found.items() if isinstance(text, str)}

    def _members(self, schema: Mapping[str, Json], path: str, pointer: str | None, kind: Kind) -> tuple[Question, ...]:
        if kind == "list":
            shared = "$ref" in _object(schema.get("items"))
            pointer = None if pointer is None or shared else f"{pointer}/items"
            schema, path = self._items(schema), f"{path}/*"
        elif kind not in ("group", "money"):
            return ()
        required = schema.get("required")
        needed = required if isinstance(required, list) else []
        return tuple(
            self.question(
                _object(inner),
                f"{path}/{name}",
                name,
                None if pointer is None else f"{pointer}/properties/{name}",
                required=name in needed,
            )
            for name, inner in _object(schema.get("properties")).items()
        )

    def _choices(self, schema: Mapping[str, Json]) -> tuple[Choice, ...]:
        codes = schema.get("enum")
        if not isinstance(codes, list):
            return ()
        known = self.version.codelists.get(str(schema.get("x-codelist", "")))
        rows: Mapping[str, CodeRow] = known.by_code if known else {}
        return tuple(
            Choice(str(code), Label(rows[code].zh, rows[code].en) if code in rows else Label(str(code), str(code)))
            for code in codes
            if isinstance(code, str)
        )


def _text_kind(schema: Mapping[str, Json]) -> Kind:
    if "enum" in schema:
        return "choice"
    match schema.get("format"):
        case "date-time":
            return "instant"
        case "date":
            return "date"
        case _:
            return "text"


def _bound(schema: Mapping[str, Json], *names: str) -> int | None:
    return next((value for n in names if isinstance(value := schema.get(n), int)), None)


def _object(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, Mapping) else {}
