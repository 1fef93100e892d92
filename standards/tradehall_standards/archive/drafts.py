"""
Drafts (标准草案): a schema, a code list or rules that are not published yet, compiled as if they were.

A draft is data that can be handed to another process; what runs is compiled from it there. Beside the drafted families
it holds their published versions, so that a replay can say which records were at fault before the draft already.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Final, Literal, cast

from tradehall_standards import canonical
from tradehall_standards.bundle import BundleError, bundle, codelist_names
from tradehall_standards.catalogue import Version, pinned_codelists
from tradehall_standards.codelists import CodeList, CodeListError, read_codelist
from tradehall_standards.engines import EngineError
from tradehall_standards.fields import list_fields
from tradehall_standards.marks import find_marks
from tradehall_standards.rules_cel import RuleError, compile_rules
from tradehall_standards.sources import (
    FAMILY,
    HOST,
    LANGUAGES,
    VERSION,
    Object,
    SchemaSource,
    Sources,
    read_folder,
    read_json,
)
from tradehall_standards.strict import Json

Kind = Literal["schema", "rules", "codelist"]

_LONG_AGO: Final = date(1949, 10, 1)
_DRAFT: Final = "0.0.0"


class DraftError(ValueError):
    """A draft that can't be read or compiled (草案不可用); says why in both languages."""

    def __init__(self, message_zh: str, message_en: str) -> None:
        super().__init__(message_en)
        self.message_zh = message_zh
        self.message_en = message_en


@dataclass(frozen=True)
class Part:
    """One version of a family with all that compiling it takes (待编译标准); can be pickled."""

    source: SchemaSource
    documents: Mapping[str, SchemaSource]
    codelists: Mapping[str, CodeList]

    def compile(self) -> Version:
        """
        Compile it (编译草案). A place without a title is called by its name.

        Raises:
            DraftError: a reference leads nowhere, a keyword or pattern is refused, a rule is not usable.
        """
        try:
            version = self._compile()
            _ = version.engine
        except (BundleError, EngineError, RuleError, ValueError) as problem:
            name = self.source.family
            raise DraftError(f"{name} 草案不可用：{problem}", f"the draft of {name} can't be used: {problem}") from None
        return version

    def _compile(self) -> Version:
        compiled = bundle(self.source, self.documents, self.codelists)
        fields = {
            path: replace(field, titles={**dict.fromkeys(LANGUAGES, path.rpartition("/")[2]), **field.titles})
            for path, field in list_fields(self.source, self.documents).items()
        }
        return Version(
            source=self.source,
            bundle=compiled,
            digest=canonical.digest(compiled),
            fields=fields,
            rules=compile_rules(self.source.rules),
            codelists=self.codelists,
            marks=find_marks(compiled),
            published_on=_LONG_AGO,
            in_force_from=_LONG_AGO,
            sunset=None,
            predecessor=None,
            legal_basis=(),
            decisions=(),
        )


@dataclass(frozen=True)
class Draft:
    """
    What is proposed (草案).

    Attributes:
        name: file or folder.
        kind: what it is.
        digest: over all that is drafted, so that an interrupted replay goes on with the same draft only.
        parts: one for each family that it changes, by family.
        published: every published version of these families, by ``<family>/<version>``.
    """

    name: str
    kind: Kind
    digest: str
    parts: Mapping[str, Part]
    published: Mapping[str, Part]

    def compile(self) -> dict[str, Version]:
        """Compile every part, by family; raises DraftError as :meth:`Part.compile` does."""
        return {family: part.compile() for family, part in self.parts.items()}


def read_draft(path: Path, sources: Sources, family: str | None = None) -> Draft:
    """
    Read a draft (读取草案): a version folder, or the JSON file of a schema, of rules or of a code list.

    Args:
        path: file or folder. A schema without ``rules.json`` beside it keeps the rules of the newest version; a folder
            without it has none.
        sources: the published catalogue: common definitions, code lists, the versions that the draft changes.
        family: family of rules, or of a schema that does not say it.

    Raises:
        DraftError: not a draft of any kind, no family, or it does not compile.
        SourceError: a file can't be read or is not strict JSON.
    """
    if path.is_dir():
        return _finished(path, "schema", [_of_folder(path, sources, family)], sources)
    document = read_json(path)
    if isinstance(document, list):
        rules = cast("Sequence[Json]", document)
        return _finished(path, "rules", [_of_rules(rules, _family_of_path(path, family), sources)], sources)
    if isinstance(document, Mapping) and {"list", "rows"} <= document.keys():
        return _finished(path, "codelist", list(_of_codelist(document, sources)), sources)
    if isinstance(document, Mapping) and document.keys() & {"$schema", "$id", "type", "properties", "$ref"}:
        return _finished(path, "schema", [_of_schema(document, path, sources, family)], sources)
    raise DraftError(f"{path} 不是标准、规则或代码表", f"{path} is no schema, rules or code list")


def draft_of(schema: Object, sources: Sources, family: str | None = None) -> Draft:
    """
    Make a draft of a schema that lies in no file (内存中的草案); rules and titles are those of the newest version.

    Raises:
        DraftError: no family, or it does not compile.
    """
    nowhere = Path("draft.json")
    return _finished(nowhere, "schema", [_of_schema(schema, nowhere, sources, family)], sources)


def _finished(path: Path, kind: Kind, parts: Sequence[Part], sources: Sources) -> Draft:
    by_family = {part.source.family: part for part in parts}
    drafted: dict[str, Json] = {
        name: [part.source.schema, list(part.source.rules), sorted(x.digest for x in part.codelists.values())]
        for name, part in by_family.items()
    }
    published = {source.id: _published(source, sources) for source in sources.records if source.family in by_family}
    try:
        digest = canonical.digest(drafted)
    except canonical.NotCanonicalError as problem:
        raise DraftError(f"草案无法规范化：{problem}", f"the draft has no canonical form: {problem}") from None
    draft = Draft(path.name, kind, digest, by_family, published)
    draft.compile()
    return draft


def _published(source: SchemaSource, sources: Sources) -> Part:
    return Part(source, sources.documents, pinned_codelists(source, sources))


def newest(family: str, sources: Sources) -> SchemaSource | None:
    """Return the newest published version of a family, None where there is none (最新版本)."""
    found = [source for source in sources.records if source.family == family]
    return max(found, key=lambda source: source.version_key) if found else None


def _needed(family: str, sources: Sources) -> SchemaSource:
    found = newest(family, sources)
    if found is None:
        raise DraftError(f"目录中没有 {family}", f"the catalogue has no family {family}")
    return found


def _of_folder(path: Path, sources: Sources, family: str | None) -> Part:
    source = read_folder(path)
    name = family or _family_of(source.schema) or (source.family if FAMILY.fullmatch(source.family) else None)
    if name is None:
        raise DraftError("草案没有说明类别，请给出 --family", "the draft names no family: give --family")
    known = newest(name, sources)
    if known is not None and not any(source.titles.values()):
        source = replace(source, titles=known.titles)
    version = source.version if VERSION.fullmatch(source.version) else _DRAFT
    source = replace(source, family=name, version=version, manifest=None)
    return Part(source, sources.documents, pinned_codelists(source, sources))


def _of_schema(schema: Object, path: Path, sources: Sources, family: str | None) -> Part:
    name = family or _family_of(schema) or _family_of_path(path, None)
    known = newest(name, sources)
    source = SchemaSource(
        family=name,
        version=_DRAFT,
        folder=path.parent,
        schema=schema,
        titles=known.titles if known else {language: {} for language in LANGUAGES},
        rules=known.rules if known else (),
        valid={},
        invalid={},
        manifest=None,
        files={},
    )
    return Part(source, sources.documents, pinned_codelists(source, sources))


def _of_rules(rules: Sequence[Json], family: str, sources: Sources) -> Part:
    known = _needed(family, sources)
    return Part(replace(known, version=_DRAFT, rules=rules), sources.documents, pinned_codelists(known, sources))


def _of_codelist(document: Object, sources: Sources) -> Iterator[Part]:
    """Yield the newest version of every family that uses the list, with the drafted edition in its place."""
    try:
        drafted = read_codelist(document)
    except CodeListError as problem:
        raise DraftError(f"代码表不可用：{problem}", f"the code list can't be used: {problem}") from None
    used = False
    for family in sorted({source.family for source in sources.records}):
        known = _needed(family, sources)
        part = _published(known, sources)
        changed = replace(
            part, source=replace(known, version=_DRAFT), codelists={**part.codelists, drafted.name: drafted}
        )
        if drafted.name in _lists_used(part):
            used = True
            yield changed
    if not used:
        raise DraftError(f"没有标准使用代码表 {drafted.name}", f"no standard uses the code list {drafted.name}")


def _lists_used(part: Part) -> set[str]:
    return set(codelist_names(bundle(part.source, part.documents, part.codelists)))


def _family_of(schema: Object) -> str | None:
    """Return the family that ``$id`` states."""
    name = str(schema.get("$id", "")).removeprefix(HOST).partition("/")[0]
    return name if FAMILY.fullmatch(name) else None


def _family_of_path(path: Path, family: str | None) -> str:
    """Return the family that was named, or the one of ``records/<family>/<version>/rules.json``."""
    if family is not None:
        return family
    folder = path.resolve().parent
    if VERSION.fullmatch(folder.name) and FAMILY.fullmatch(folder.parent.name):
        return folder.parent.name
    raise DraftError("草案没有说明类别，请给出 --family", "the draft names no family: give --family")
