"""
Volume (文档内容): everything that one set of pages tells of: the whole catalogue, or what one release holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from tradehall_standards import canonical
from tradehall_standards.catalogue import Catalogue, Version
from tradehall_standards.codelists import CodeList
from tradehall_standards.docs.structure import Structure, read_structure
from tradehall_standards.docs.words import DocsError, Terms, Text, read_terms, text_of
from tradehall_standards.fields import list_fields
from tradehall_standards.lifecycle import Decision
from tradehall_standards.parameters import Parameters, Rule
from tradehall_standards.release.releases import Release, read_releases, unit_of
from tradehall_standards.sources import Object, SchemaSource, Sources, default_root, read_sources
from tradehall_standards.strict import as_array, as_object

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Step:
    """One row of a procedure (程序步骤): who files what in which state, and where it may lead."""

    state: str
    family: str
    roles: tuple[str, ...]
    leads: tuple[str, ...]
    guards: tuple[str, ...]
    clause: str


@dataclass(frozen=True, slots=True)
class Procedure:
    """One exported procedure (交易程序)."""

    id: str
    title: Text
    prefix: str
    states: Mapping[str, Text]
    ends: frozenset[str]
    steps: tuple[Step, ...]
    slots: Mapping[str, Mapping[str, str]]
    secret_families: tuple[str, ...]


@dataclass(frozen=True)
class Volume:
    """
    What the pages tell of (文档内容).

    Attributes:
        sources: the files as they lie there.
        versions: every version by family, oldest first.
        codelists: every edition by name, oldest first.
        rules: the law's numbers.
        regimes: titles of regimes.
        procedures: by id.
        calendars: documents of ``calendars/``, by name.
        releases: oldest first, up to the one that is documented.
        release: the release that is documented, None for the whole catalogue.
        grown: data files that were added to since that release.
    """

    sources: Sources
    versions: Mapping[str, tuple[Version, ...]]
    codelists: Mapping[str, tuple[CodeList, ...]]
    rules: tuple[Rule, ...]
    regimes: Mapping[str, Text]
    procedures: Mapping[str, Procedure]
    calendars: Mapping[str, Object]
    releases: tuple[Release, ...]
    release: Release | None
    grown: tuple[str, ...]
    structure: Structure
    terms: Terms

    def all_versions(self) -> Iterator[Version]:
        """Yield every version of every family."""
        for versions in self.versions.values():
            yield from versions

    def title(self, family: str) -> Text:
        """Return the title of a family, that of its newest version."""
        found = self.versions.get(family)
        return Text(family, family) if not found else title_of(found[-1])

    def predecessor(self, version: Version) -> Version | None:
        """Return the version that another one follows."""
        before = [other for other in self.versions[version.family] if other.source.version_key < version_key(version)]
        return before[-1] if before else None

    @cached_property
    def uses(self) -> Mapping[str, Sequence[tuple[Procedure, Step]]]:
        """Steps of procedures by the family that is filed."""
        found: dict[str, list[tuple[Procedure, Step]]] = {}
        for procedure in self.procedures.values():
            for step in procedure.steps:
                found.setdefault(step.family, []).append((procedure, step))
        return found

    @cached_property
    def users(self) -> Mapping[tuple[str, str], Sequence[Version]]:
        """Versions by the edition of a code list that they pin."""
        found: dict[tuple[str, str], list[Version]] = {}
        for version in self.all_versions():
            for name in as_object((version.source.manifest or {}).get("codelists")):
                pinned = version.codelists[name]
                found.setdefault((name, pinned.version), []).append(version)
        return found

    @cached_property
    def rule_rows(self) -> Mapping[str, tuple[Rule, ...]]:
        """Rows of the law's numbers by id."""
        found: dict[str, tuple[Rule, ...]] = {}
        for rule in self.rules:
            found[rule.id] = (*found.get(rule.id, ()), rule)
        return found

    @cached_property
    def pending(self) -> frozenset[str]:
        """Ids of what no release names yet."""
        named = {unit_of(path) for release in self.releases for path in release.files}
        lists = {f"codelists/{name}/{e.version}" for name, editions in self.codelists.items() for e in editions}
        return frozenset({version.id for version in self.all_versions()} | lists) - named


def version_key(version: Version) -> tuple[int, ...]:
    """Return the numbers of a version, to order by."""
    return version.source.version_key


def title_of(version: Version) -> Text:
    """Return the title of a version."""
    found = version.fields[""].titles
    return Text(found.get("zh", ""), found.get("en", ""))


def about_of(version: Version) -> Text:
    """Return what a version says it is for."""
    found = version.fields[""].descriptions
    return Text(found.get("zh", ""), found.get("en", ""))


def read_volume(root: Path | None = None, release: str | None = None) -> Volume:
    """
    Read what shall be documented (载入文档内容).

    Args:
        root: the ``schemas`` folder, as for ``Catalogue.load``.
        release: name of a release; then only what it holds is taken in.

    Raises:
        CatalogueError: the catalogue must not be used.
        EnvelopeError: a release can't be read.
        DocsError: there is no such release, or a text is missing in one of the languages.
    """
    schemas = root or default_root()
    releases = read_releases(schemas)
    chosen = next((found for found in releases if found.name == release), None)
    if release is not None and chosen is None:
        raise DocsError((Text(f"没有发布 {release}", f"there is no release {release}"),))
    volume = _volume(schemas, releases, chosen)
    missing = tuple(dict.fromkeys(missing_texts(volume)))
    if missing:
        raise DocsError(missing)
    return volume


def _volume(schemas: Path, releases: Sequence[Release], chosen: Release | None) -> Volume:
    catalogue, sources = Catalogue.load(schemas), read_sources(schemas)
    data = {name: as_object(found) for name, found in sources.data.items()}
    whole = Volume(
        sources=sources,
        versions={family: catalogue.versions(family) for family in catalogue.families()},
        codelists=sources.codelists,
        rules=Parameters.load(schemas).all(),
        regimes=_regimes(data),
        procedures={p.id: p for name, found in sorted(data.items()) if (p := _procedure(name, found)) is not None},
        calendars={name.partition("/")[2]: found for name, found in data.items() if name.startswith("calendars/")},
        releases=tuple(releases),
        release=None,
        grown=(),
        structure=read_structure(),
        terms=read_terms(),
    )
    return whole if chosen is None else narrowed(whole, chosen)


def narrowed(volume: Volume, release: Release) -> Volume:
    """
    Return what one release holds (某次发布的内容).

    Versions and editions never change once published. Data files may have grown since: they are told as they are now,
    and :attr:`Volume.grown` names them.
    """
    names = frozenset(unit for path in release.files if (unit := unit_of(path)) is not None)
    data = {name: as_object(found) for name, found in volume.sources.data.items() if name in names}
    rules = {str(as_object(row).get("id")) for found in data.values() for row in as_array(found.get("rules"))}
    return replace(
        volume,
        versions=_held(volume.versions, lambda version: version.id in names),
        codelists=_held(volume.codelists, lambda edition: f"codelists/{edition.name}/{edition.version}" in names),
        rules=tuple(rule for rule in volume.rules if rule.id in rules),
        procedures={name: found for name, found in volume.procedures.items() if f"procedures/{name}" in names},
        calendars={name: found for name, found in volume.calendars.items() if f"calendars/{name}" in names},
        releases=tuple(found for found in volume.releases if found.order <= release.order),
        release=release,
        grown=tuple(_grown(volume.sources.root, release)),
    )


def _held(found: Mapping[str, tuple[Item, ...]], is_held: Callable[[Item], bool]) -> dict[str, tuple[Item, ...]]:
    kept = {name: tuple(item for item in items if is_held(item)) for name, items in found.items()}
    return {name: items for name, items in kept.items() if items}


def _regimes(data: Mapping[str, Object]) -> dict[str, Text]:
    titles = {
        str(found["regime"]): text_of(found.get("title")) for name, found in data.items() if name.startswith("param")
    }
    return {**read_terms().sections["regimes"], **titles}


def _procedure(name: str, document: Object) -> Procedure | None:
    if not name.startswith("procedures/"):
        return None
    states = [as_object(state) for state in as_array(document.get("states"))]
    identity = str(document["id"])
    slots = as_object(document.get("slots"))
    return Procedure(
        id=identity,
        title=text_of(document.get("title")),
        prefix=str(document.get("prefix", "")),
        states={str(state["id"]): text_of(state) for state in states},
        ends=frozenset(str(state["id"]) for state in states if state.get("terminal") is True),
        steps=tuple(_step(identity, as_object(step)) for step in as_array(document.get("steps"))),
        slots={regime: {slot: str(rule) for slot, rule in as_object(found).items()} for regime, found in slots.items()},
        secret_families=tuple(str(family) for family in as_array(document.get("secret_families"))),
    )


def _step(procedure: str, step: Object) -> Step:
    state, to = str(step["state"]), step.get("to")
    leads = read_terms().leads(procedure, str(to), state) if str(to).endswith("()") else (str(to or state),)
    return Step(
        state=state,
        family=str(step["family"]),
        roles=tuple(str(role) for role in as_array(step.get("roles"))),
        leads=leads,
        guards=tuple(str(guard) for guard in as_array(step.get("guards"))),
        clause=str(step.get("clause", "")),
    )


def _grown(schemas: Path, release: Release) -> Iterator[str]:
    for path, digest in release.files.items():
        found = schemas / path
        if not found.is_file() or canonical.sha256_hex(found.read_bytes()) != digest:
            yield path


# --- both languages


def missing_texts(volume: Volume) -> Iterator[Text]:
    """Yield every place where a text is missing in Chinese or in English (缺少的文字)."""
    for place, text in _texts(volume):
        for language, said in (("zh", text.zh), ("en", text.en)):
            if not said.strip():
                yield Text(
                    f"{place} 缺少{'中文' if language == 'zh' else '英文'}", f"{place} has no text in {language}"
                )


def _texts(volume: Volume) -> Iterator[tuple[str, Text]]:
    for version in volume.all_versions():
        yield from _texts_of_version(version)
    for common in volume.sources.commons:
        yield from _texts_of_common(common)
    for name, editions in volume.codelists.items():
        for edition in editions:
            yield f"codelists/{name}/{edition.version}", Text(edition.zh, edition.en)
            yield from (
                (f"codelists/{name}/{edition.version} {row.code}", Text(row.zh, row.en)) for row in edition.rows
            )
    yield from _texts_of_rules(volume)
    for procedure in volume.procedures.values():
        yield from _texts_of_procedure(procedure, volume.terms)
    yield from _texts_of_structure(volume.structure)


def _texts_of_version(version: Version) -> Iterator[tuple[str, Text]]:
    for path, field in version.fields.items():
        yield f"{version.id} {path or '/'}", text_of({**field.titles})
        if field.descriptions:
            yield f"{version.id} {path or '/'} description", text_of({**field.descriptions})
    for rule in version.rules:
        yield f"{version.id} {rule.id}", Text(rule.message_zh, rule.message_en)
    yield from (
        (f"lifecycle {version.id} {decision.event}", text_of({**decision.reason}))
        for decision in version.decisions
        if decision.reason
    )


def _texts_of_common(source: SchemaSource) -> Iterator[tuple[str, Text]]:
    names = as_object(source.schema.get("$defs"))
    for pointer in ("", *(f"/$defs/{name}" for name in names)):
        titles = {language: as_object(found.get(pointer)).get("title") for language, found in source.titles.items()}
        yield f"{source.id} {pointer or '/'}", text_of(titles)


def _texts_of_rules(volume: Volume) -> Iterator[tuple[str, Text]]:
    terms = volume.terms
    for rule in volume.rules:
        yield rule.id, Text(rule.zh, rule.en)
        yield f"{rule.id} stage {rule.stage}", terms.find("stages", rule.stage) or Text("", "")
        yield f"{rule.id} unit {rule.unit}", terms.find("units", rule.unit) or Text("", "")
        for event in (rule.from_event, rule.to_event):
            if event is not None:
                yield f"{rule.id} event {event}", terms.find("events", event) or Text("", "")
        for regime in rule.regimes:
            yield f"regime {regime}", volume.regimes.get(regime, Text("", ""))
        if rule.note:
            yield f"{rule.id} note", terms.find("notes", rule.note) or Text("", rule.note)


def _texts_of_procedure(procedure: Procedure, terms: Terms) -> Iterator[tuple[str, Text]]:
    yield procedure.id, procedure.title
    yield from ((f"{procedure.id} {state}", text) for state, text in procedure.states.items())
    for step in procedure.steps:
        named = [("roles", role) for role in step.roles] + [("guards", guard) for guard in step.guards]
        for section, code in named:
            yield f"{procedure.id} {section} {code}", terms.find(section, code) or Text("", "")
        if not step.leads:
            yield f"{procedure.id} {step.state} {step.family}: next state", Text("", "")
    for found in procedure.slots.values():
        yield from ((f"{procedure.id} slot {slot}", terms.find("slots", slot) or Text("", "")) for slot in found)


def _texts_of_structure(structure: Structure) -> Iterator[tuple[str, Text]]:
    yield "structure", structure.title
    for part in structure.parts:
        yield from ((f"structure {part.id}", text) for text in (part.mark, part.title, part.about))
        yield from ((f"structure {group.id}", group.title) for group in part.groups)


def later_decisions(version: Version) -> tuple[Decision, ...]:
    """Return what was decided on a version after its publication."""
    return tuple(decision for decision in version.decisions if decision.reason)


def shared_fields(source: SchemaSource, name: str, documents: Mapping[str, SchemaSource]) -> Mapping[str, Text]:
    """Return titles of the places of a shared definition, by path (公用定义的字段)."""
    alone = SchemaSource(
        family=source.family,
        version=source.version,
        folder=source.folder,
        schema={"$ref": f"{source.url}#/$defs/{name}"},
        titles={language: {} for language in source.titles},
        rules=(),
        valid={},
        invalid={},
        manifest=None,
        files={},
    )
    return {path: text_of({**field.titles}) for path, field in list_fields(alone, documents).items()}
