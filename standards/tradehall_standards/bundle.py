"""
Bundles (离线合订本): one self-contained schema per version, which is what runs, is digested and is cited.

References to common definitions are copied in under ``$defs``; closed code lists become ``enum``. The result refers
to nothing outside itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tradehall_standards.codelists import CodeList
from tradehall_standards.sources import Object, SchemaSource, definition, read_reference
from tradehall_standards.strict import Json
from tradehall_standards.vocabulary import LISTS, MAPS, SINGLES


class BundleError(ValueError):
    """A reference or code list that the catalogue does not hold (引用或代码表不存在)."""


def bundle(
    source: SchemaSource, documents: Mapping[str, SchemaSource], codelists: Mapping[str, CodeList]
) -> dict[str, Json]:
    """
    Compile one version into its offline compound document (合订).

    Args:
        source: the version.
        documents: common documents by ``<family>/<version>``.
        codelists: the pinned edition of every code list by name.

    Raises:
        BundleError: a reference that leads nowhere or out of the catalogue, or an unknown code list.
    """
    return _Bundler(documents, codelists).bundle(source.schema)


def codelist_names(schema: Json) -> Iterator[str]:
    """Yield the names of the code lists that a schema uses, as often as it does (引用的代码表)."""
    if isinstance(schema, Mapping):
        name = schema.get("x-codelist")
        if isinstance(name, str):
            yield name
        for value in schema.values():
            yield from codelist_names(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from codelist_names(value)


class _Bundler:
    """One compilation: remembers which common definitions were already copied."""

    def __init__(self, documents: Mapping[str, SchemaSource], codelists: Mapping[str, CodeList]) -> None:
        self._documents = documents
        self._codelists = codelists
        self._copied: dict[str, Json] = {}

    def bundle(self, schema: Object) -> dict[str, Json]:
        compiled = {key: self._value(key, value, None) for key, value in schema.items()}
        own = compiled.get("$defs")
        if isinstance(own, Mapping) or self._copied:
            compiled["$defs"] = {**(own if isinstance(own, Mapping) else {}), **self._copied}
        return compiled

    def _value(self, key: str, value: Json, document: str | None) -> Json:
        """Compile what stands under a keyword; ``document`` names the common document that we are inside of."""
        if key in MAPS and isinstance(value, Mapping):
            return {name: self._schema(inner, document) for name, inner in value.items()}
        if key in LISTS and isinstance(value, list):
            return [self._schema(inner, document) for inner in value]
        return self._schema(value, document) if key in SINGLES else value

    def _schema(self, schema: Json, document: str | None) -> Json:
        if not isinstance(schema, Mapping):
            return schema
        compiled = {key: self._value(key, value, document) for key, value in schema.items()}
        reference, codelist = schema.get("$ref"), schema.get("x-codelist")
        if isinstance(reference, str):
            compiled["$ref"] = self._reference(reference, document)
        if isinstance(codelist, str):
            compiled.update(self._codes(codelist, schema))
        return compiled

    def _codes(self, name: str, schema: Object) -> dict[str, Json]:
        codelist = self._codelists.get(name)
        if codelist is None:
            raise BundleError(f"no code list {name}")
        longest = max(len(code) for code in codelist.by_code)
        added: dict[str, Json] = {"maxLength": schema.get("maxLength", longest)}
        if codelist.closed:
            added["enum"] = list(codelist.by_code)
        return added

    def _reference(self, reference: str, document: str | None) -> str:
        found = read_reference(reference)
        if found is None:
            raise BundleError(f"reference outside the catalogue: {reference}")
        home = found.document if found.document is not None else document
        if home is None:
            return f"#/$defs/{found.name}"
        local = f"{home.replace('/', '-')}-{found.name}"
        if local not in self._copied:
            target = self._documents.get(home)
            schema = None if target is None else definition(target.schema, found.name)
            if schema is None:
                raise BundleError(f"reference to nothing: {reference}")
            self._copied[local] = {}  # stands for itself while a recursive definition is being copied
            self._copied[local] = self._schema(schema, home)
        return f"#/$defs/{local}"
