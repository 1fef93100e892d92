"""
Building the catalogue (目录构建): manifests and the hash-chained index, made from the source files.

What a release names is published and never changes: ``build`` refuses an edit of it. What no release names yet may be
changed and built again as often as one likes; it stands in the index behind everything that is published.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from tradehall_standards import canonical, periods
from tradehall_standards.archive.migration import lint_migrations
from tradehall_standards.bundle import bundle, codelist_names
from tradehall_standards.calendar import WorkingCalendar, read_table
from tradehall_standards.catalogue import (
    Catalogue,
    CatalogueError,
    Finding,
    Version,
    check_payload,
    lint_sources,
    open_version,
    pinned_codelists,
    published_digests,
    verify_sources,
)
from tradehall_standards.fields import disclosure_of
from tradehall_standards.parameters import read_rules
from tradehall_standards.rules_cel import check_examples
from tradehall_standards.sources import Object, SchemaSource, SourceError, Sources, read_sources
from tradehall_standards.strict import Json, as_object

FIRST_DAY: Final = "2026-01-01"
"""Publication and start of a version whose manifest does not say otherwise."""


def build(root: Path) -> tuple[str, ...]:
    """
    Lint all sources, check all examples in both engines, then write manifests and the index (构建目录).

    Args:
        root: the ``schemas`` folder.

    Returns:
        Paths of the files written, relative to ``root``; empty when everything was up to date.

    Raises:
        CatalogueError: with every finding; nothing has been written then.
    """
    sources = _read(root)
    findings = list(lint_sources(sources))
    if findings:
        raise CatalogueError(findings)
    signed = _signed_entries(root, sources)
    built = _with_manifests(sources, frozenset(str(entry.get("id")) for entry in signed))
    built = replace(built, index=_index(built, signed))
    findings = [*verify_sources(built), *check_all_examples(built), *_check_migrations(built)]
    if findings:
        raise CatalogueError(findings)
    return tuple(_write(built))


def check_root(root: Path) -> tuple[str, ...]:
    """Return every finding on the catalogue below ``root``: lints, digests, chain, examples in both engines."""
    sources = _read(root)
    findings = [*lint_sources(sources), *verify_sources(sources)]
    return tuple(findings or [*check_all_examples(sources), *_check_migrations(sources)])


def _read(root: Path) -> Sources:
    try:
        return read_sources(root)
    except SourceError as problem:
        raise CatalogueError([str(problem)]) from None


# --- manifests


def _with_manifests(sources: Sources, published: frozenset[str]) -> Sources:
    """Make all manifests; what is not yet published pins the latest code lists."""
    free = [source if source.id in published else _without_pins(source) for source in sources.records]
    sources = replace(sources, records=tuple(free))
    return replace(
        sources,
        commons=tuple(_with_manifest(source, sources) for source in sources.commons),
        records=tuple(_with_manifest(source, sources) for source in sources.records),
    )


def _without_pins(source: SchemaSource) -> SchemaSource:
    manifest = {key: value for key, value in (source.manifest or {}).items() if key != "codelists"}
    return replace(source, manifest=manifest)


def _with_manifest(source: SchemaSource, sources: Sources) -> SchemaSource:
    """Make the manifest; what only people can know (states, legal basis, predecessor) is kept from the one before."""
    known = source.manifest or {}
    manifest: dict[str, Json] = {
        "family": source.family,
        "version": source.version,
        "predecessor": known.get("predecessor", _predecessor(source, sources)),
        "states": known.get("states", {"published_on": FIRST_DAY, "in_force_from": FIRST_DAY}),
        "legal_basis": known.get("legal_basis", []),
        "digest": canonical.digest(source.schema),
        "files": dict(source.files),
    }
    if source in sources.records:
        codelists = pinned_codelists(source, sources)
        compiled = bundle(source, sources.documents, codelists)
        manifest["digest"] = canonical.digest(compiled)
        manifest["disclosure"] = disclosure_of(source.schema, "never")
        manifest["codelists"] = {
            name: {"version": codelists[name].version, "digest": codelists[name].digest}
            for name in sorted(set(codelist_names(compiled)))
        }
    return replace(source, manifest=manifest)


def _predecessor(source: SchemaSource, sources: Sources) -> str | None:
    older = [
        other.version
        for other in sources.records
        if other.family == source.family and other.version_key < source.version_key
    ]
    return older[-1] if older else None


# --- the index


def _signed_entries(root: Path, sources: Sources) -> list[Object]:
    """Return the entries of the index that the newest release covers; whether it is signed, ``verify`` tells."""
    from tradehall_standards.release.releases import read_releases  # noqa: PLC0415 - releasing builds on building

    try:
        releases = read_releases(root)
    except ValueError as problem:
        raise CatalogueError([str(problem)]) from None
    entries = list(_entries(sources.index or {}))
    covered = releases[-1].entries if releases else 0
    if releases and (len(entries) < covered or canonical.digest(entries[covered - 1]) != releases[-1].head):
        told = "take catalogue.json as it was released, then build again"
        raise CatalogueError([f"catalogue.json: it does not begin as release {releases[-1].name} has it; {told}"])
    return entries[:covered]


def _index(sources: Sources, signed: Sequence[Object]) -> Object:
    """Keep the entries that are signed, and list behind them whatever is new, and dated data that has changed."""
    found = published_digests(sources)
    entries = list(signed)
    listed = {str(entry.get("id")): entry.get("digest") for entry in entries}
    edited = [name for name in listed if name not in sources.data and listed[name] != found.get(name)]
    if edited:
        raise CatalogueError([f"{name} was edited after publication; publish a new version" for name in edited])
    previous = canonical.digest(entries[-1]) if entries else None
    for name, digest in found.items():
        if listed.get(name) != digest:
            entry: Object = {"id": name, "digest": digest, "previous": previous}
            entries.append(entry)
            previous = canonical.digest(entry)
    return {"head": previous, "entries": entries}


def _entries(index: Object) -> Iterator[Object]:
    entries = index.get("entries")
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, Mapping):
            yield entry


# --- examples


def check_all_examples(sources: Sources) -> Iterator[str]:
    """Yield every example that does not come out as labelled, or on which the engines differ (示例检查)."""
    for source in sources.records:
        yield from check_version_examples(open_version(source, sources))
    yield from check_parameters(sources)


def check_parameters(sources: Sources) -> Iterator[str]:
    """Yield every example of a time rule that does not come out as it says (期限示例检查)."""
    tables = [read_table(as_object(found)) for name, found in sources.data.items() if name.startswith("calendars/CN-")]
    calendar = WorkingCalendar(tables)
    for name, found in sources.data.items():
        if name.startswith("parameters/"):
            for rule in read_rules(as_object(found)):
                yield from (f"{name}: {sentence}" for sentence in periods.check_examples(rule, calendar))


def _check_migrations(sources: Sources) -> Iterator[str]:
    """Yield what is wrong with migrations between majors; their tests run."""
    if any((source.folder / "migrate").exists() for source in sources.records):
        yield from lint_migrations(Catalogue([open_version(s, sources) for s in sources.records], sources.codelists))


def check_version_examples(version: Version) -> Iterator[str]:
    """Yield one sentence for each example of a version that fails its label, in either engine."""
    day = version.in_force_from
    if not version.valid_examples or not version.invalid_examples:
        yield f"{version.id}: at least one valid and one invalid example are needed"
    for name, payload in version.valid_examples.items():
        for finding in _both(version, payload):
            if finding.severity == "block":
                yield f"{version.id}: valid/{name}: {finding.pointer} {finding.keyword}: {finding.message_en}"
    for name, example in version.invalid_examples.items():
        found = {(finding.pointer, finding.keyword) for finding in _both(version, example.payload)}
        if (example.pointer, example.keyword) not in found:
            told = ", ".join(f"{pointer} {keyword}" for pointer, keyword in sorted(found)) or "no finding"
            yield f"{version.id}: invalid/{name}: expected {example.pointer} {example.keyword}, got {told}"
    for rule in version.rules:
        for sentence in check_examples(rule, day):
            yield f"{version.id}: {sentence}"


def _both(version: Version, payload: Json) -> tuple[Finding, ...]:
    """Check in both engines; a difference between them is a finding of its own."""
    day = version.in_force_from
    first = check_payload(version, payload, day)
    second = check_payload(version, payload, day, engine=version.second_engine)
    if [_comparable(item) for item in first] == [_comparable(item) for item in second]:
        return first
    return (*first, Finding("", "engines", "ENGINES-DIFFER", "两个校验引擎结果不一致", "The engines differ", ""))


def _comparable(finding: Finding) -> tuple[str, str, str]:
    return finding.pointer, finding.keyword, finding.message_en


# --- writing


def _write(sources: Sources) -> Iterator[str]:
    for source in (*sources.commons, *sources.records):
        if source.manifest is not None:
            yield from _write_json(sources.root, source.folder / "manifest.json", source.manifest)
    if sources.index is not None:
        yield from _write_json(sources.root, sources.root / "catalogue.json", sources.index)


def _write_json(root: Path, path: Path, value: Json) -> Iterator[str]:
    text = json.dumps(value, ensure_ascii=False, indent=2) + "\n"
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8", newline="\n")
        yield path.relative_to(root).as_posix()
