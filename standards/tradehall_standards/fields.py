"""
Fields (字段): every place of a payload with its titles and its disclosure, found by following references.

A place is a pointer with ``*`` for any array index or free key: ``/lots/*/ceiling/amount``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

from tradehall_standards.sources import LANGUAGES, Object, SchemaSource, definition, read_reference
from tradehall_standards.strict import Json, as_array, as_object, escape

Disclosure = Literal["public", "at_opening", "panel", "never"]
CLOSED: Final[Disclosure] = "never"
DISCLOSURES: Final[tuple[Disclosure, ...]] = ("public", "at_opening", "panel", "never")
"""From most to least open (公开、开标时公开、仅限评审、不公开)."""

_BRANCHES: Final = ("allOf", "anyOf", "oneOf")
_CONDITIONS: Final = ("then", "else")


@dataclass(frozen=True, slots=True)
class Field:
    """One place of a payload (字段): titles and help by language, and who may see it."""

    path: str
    titles: Mapping[str, str]
    descriptions: Mapping[str, str]
    disclosure: Disclosure
    required: bool


@dataclass(frozen=True, slots=True)
class _Place:
    """A schema node: the document it stands in, its pointer there, and what was inherited on the way."""

    source: SchemaSource
    pointer: str
    schema: Object
    path: str
    disclosure: Disclosure
    required: bool = True


def narrower(one: Disclosure, other: Disclosure) -> Disclosure:
    """Return the less open of two disclosures (取较严者)."""
    return one if DISCLOSURES.index(one) >= DISCLOSURES.index(other) else other


def disclosure_of(schema: Object, inherited: Disclosure) -> Disclosure:
    """Return the disclosure that a schema node declares, else the inherited one (unknown words count as ``never``)."""
    declared = schema.get("x-disclosure")
    if declared is None:
        return inherited
    words: dict[str, Disclosure] = {word: word for word in DISCLOSURES}
    return words.get(str(declared), CLOSED)


def list_fields(source: SchemaSource, documents: Mapping[str, SchemaSource]) -> dict[str, Field]:
    """Return all fields of a version by path, the payload itself (path ``""``) first."""
    fields: dict[str, Field] = {}
    root = _Place(source, "", source.schema, "", disclosure_of(source.schema, "never"))
    _collect(root, documents, fields, ())
    for path, field in fields.items():  # parents come first: an item without a title of its own has that of its list
        above = fields.get(path.rpartition("/")[0], field)
        fields[path] = replace(field, titles={**above.titles, **field.titles})
    return fields


def _collect(
    place: _Place, documents: Mapping[str, SchemaSource], fields: dict[str, Field], trail: tuple[str, ...]
) -> None:
    mark = f"{place.source.id}{place.pointer}"
    if mark in trail:
        return
    _note(place, fields)
    for inner in _inner(place, documents):
        _collect(inner, documents, fields, (*trail, mark))


def _note(place: _Place, fields: dict[str, Field]) -> None:
    known = fields.get(place.path)
    entries = {language: place.source.titles[language].get(place.pointer) for language in LANGUAGES}
    titles = _texts(entries, "title")
    descriptions = _texts(entries, "description")
    if known is not None:  # the place that uses a shared definition speaks before the definition itself
        titles, descriptions = {**titles, **known.titles}, {**descriptions, **known.descriptions}
    disclosure = place.disclosure if known is None else narrower(known.disclosure, place.disclosure)
    required = place.required if known is None else known.required
    fields[place.path] = Field(place.path, titles, descriptions, disclosure, required)


def _texts(entries: Mapping[str, Json], member: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for language, entry in entries.items():
        text = as_object(entry).get(member)
        if isinstance(text, str):
            found[language] = text
    return found


def _inner(place: _Place, documents: Mapping[str, SchemaSource]) -> Iterator[_Place]:
    yield from _referred(place, documents)
    yield from _members(place)
    schema = place.schema
    for keyword in _BRANCHES:
        for index, branch in enumerate(as_array(schema.get(keyword))):
            yield from _step(place, f"/{keyword}/{index}", branch, place.path)
    for keyword in _CONDITIONS:
        yield from _step(place, f"/{keyword}", schema.get(keyword), place.path)


def _members(place: _Place) -> Iterator[_Place]:
    schema, path = place.schema, place.path
    names = as_array(schema.get("required"))
    for name, inner in as_object(schema.get("properties")).items():
        pointer = f"/properties/{escape(name)}"
        yield from _step(place, pointer, inner, f"{path}/{escape(name)}", required=name in names)
    for pattern, inner in as_object(schema.get("patternProperties")).items():
        yield from _step(place, f"/patternProperties/{escape(pattern)}", inner, f"{path}/*", required=False)
    yield from _step(place, "/items", schema.get("items"), f"{path}/*")
    for index, inner in enumerate(as_array(schema.get("prefixItems"))):
        yield from _step(place, f"/prefixItems/{index}", inner, f"{path}/{index}")


def _step(place: _Place, pointer: str, schema: Json, path: str, *, required: bool = True) -> Iterator[_Place]:
    if isinstance(schema, Mapping):
        disclosure = disclosure_of(schema, place.disclosure)
        yield _Place(place.source, place.pointer + pointer, schema, path, disclosure, required)


def _referred(place: _Place, documents: Mapping[str, SchemaSource]) -> Iterator[_Place]:
    reference = place.schema.get("$ref")
    found = read_reference(reference) if isinstance(reference, str) else None
    if found is None:
        return
    home = place.source if found.document is None else documents.get(found.document)
    schema = None if home is None else definition(home.schema, found.name)
    if home is not None and schema is not None:
        disclosure = disclosure_of(schema, place.disclosure)
        yield _Place(home, f"/$defs/{found.name}", schema, place.path, disclosure, place.required)
