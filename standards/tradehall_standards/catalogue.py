"""
The catalogue (标准目录): every published schema version, which one is in force on a date, and the check of a record.

A loaded catalogue has passed every lint, every file has the digest its manifest states, every bundle the digest of
its manifest, and the index is an unbroken chain. Nothing here reads a clock: dates are arguments.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Final, Literal, Protocol

from tradehall_standards import canonical, messages, rules_cel
from tradehall_standards.bundle import BundleError, bundle
from tradehall_standards.codelists import CodeList, CodeRow
from tradehall_standards.engines import Engine, EngineError, Problem, RecordEngine
from tradehall_standards.fields import Disclosure, Field, disclosure_of, list_fields
from tradehall_standards.identifiers import find_problem
from tradehall_standards.lifecycle import (
    CITABLE,
    Decision,
    LifecycleError,
    State,
    date_of,
    dated,
    decisions_of_manifest,
    read_decisions,
    state_from,
    states_of,
)
from tradehall_standards.lint import LintFinding, lint_schema
from tradehall_standards.marks import Mark, find_marks, is_on_the_clock
from tradehall_standards.rules_cel import CelRule, Reach, RuleError, compile_rules, reach
from tradehall_standards.sources import (
    InvalidExample,
    Object,
    SchemaSource,
    SourceError,
    Sources,
    default_root,
    read_sources,
    version_key,
)
from tradehall_standards.strict import Json, as_array, as_object, escape

Severity = Literal["block", "warn"]

MAX_FINDINGS: Final = 50
MAX_ALIKE: Final = 3


class CatalogueError(ValueError):
    """A catalogue that must not be used (标准目录不可用). ``findings`` holds every reason, one sentence each."""

    def __init__(self, findings: Sequence[str]) -> None:
        shown = "\n".join(findings[:100])
        super().__init__(f"{len(findings)} findings\n{shown}")
        self.findings = tuple(findings)


class Citation(Protocol):
    """How a record cites the schema that it was written to (标准引用)."""

    @property
    def id(self) -> str:
        """Family."""
        ...

    @property
    def version(self) -> str:
        """Exact version."""
        ...

    @property
    def digest(self) -> str:
        """``sha256:…`` of the bundle."""
        ...


@dataclass(frozen=True, slots=True)
class SchemaRef:
    """The exact schema version that a record cites (标准引用): family, version, digest of the bundle."""

    id: str
    version: str
    digest: str


@dataclass(frozen=True, slots=True)
class Finding:
    """
    One thing that a check found (校验结果).

    Attributes:
        pointer: JSON Pointer into the payload; ``""`` is the payload itself.
        keyword: JSON Schema keyword, or ``x-codelist``, ``x-identifier``, ``x-rule``, ``schema``.
        rule: id of the CEL rule, identifier kind or code list; ``SCHEMA-…`` for the citation; else the keyword.
        message_zh: one sentence in Chinese.
        message_en: the same in English.
        clause: the norm, or ``<family>/<version>#<place>`` of the standard itself.
        severity: ``block`` refuses the record, ``warn`` only tells.
    """

    pointer: str
    keyword: str
    rule: str
    message_zh: str
    message_en: str
    clause: str
    severity: Severity = "block"


@dataclass(frozen=True)
class Version:
    """
    One published version of a family (一个标准版本).

    ``bundle`` is the offline compound document that runs and that ``digest`` is taken over; ``fields`` maps places such
    as ``/lots/*/ceiling`` to titles and disclosure; ``sunset`` is the first day on which it may no longer be cited.
    """

    source: SchemaSource
    bundle: Mapping[str, Json]
    digest: str
    fields: Mapping[str, Field]
    rules: tuple[CelRule, ...]
    codelists: Mapping[str, CodeList]
    marks: Mark
    published_on: date
    in_force_from: date
    sunset: date | None
    predecessor: str | None
    legal_basis: tuple[str, ...]
    decisions: tuple[Decision, ...] = ()

    @property
    def family(self) -> str:
        """Family name."""
        return self.source.family

    @property
    def version(self) -> str:
        """``MAJOR.MINOR.PATCH``."""
        return self.source.version

    @property
    def id(self) -> str:
        """``<family>/<version>``."""
        return self.source.id

    @property
    def schema(self) -> Object:
        """The source schema, references and code lists not yet compiled in."""
        return self.source.schema

    @property
    def ref(self) -> SchemaRef:
        """The citation of this version."""
        return SchemaRef(self.family, self.version, self.digest)

    @property
    def titles(self) -> Mapping[str, Mapping[str, str]]:
        """Titles by place and language."""
        return {path: field.titles for path, field in self.fields.items()}

    @property
    def disclosure(self) -> Disclosure:
        """Who may see records of this family before any field narrows it further."""
        return disclosure_of(self.source.schema, "never")

    @property
    def valid_examples(self) -> Mapping[str, Json]:
        """Payloads that pass, by file name."""
        return self.source.valid

    @property
    def invalid_examples(self) -> Mapping[str, InvalidExample]:
        """Payloads that fail as labelled, by file name."""
        return self.source.invalid

    @cached_property
    def engine(self) -> Engine:
        """The validator of record for this version, compiled on first use."""
        return RecordEngine(self.bundle)

    @cached_property
    def second_engine(self) -> Engine:
        """The independent engine for this version."""
        from tradehall_standards.second_engine import SecondEngine  # noqa: PLC0415 - it takes seconds to import

        return SecondEngine(self.bundle)

    @cached_property
    def reach(self) -> Reach:
        """What the rules of this version look at."""
        return reach(self.rules)

    def state_on(self, day: date, known_on: date = date.max) -> State:
        """Return the state of this version on a date, as if no later version existed (标准状态)."""
        return state_from(self._dated if known_on == date.max else dated(self.decisions, known_on), day)

    @cached_property
    def _dated(self) -> tuple[Decision, ...]:
        """All that is known by now, in the order in which it takes effect."""
        return dated(self.decisions, date.max)

    def field_at(self, path: Sequence[str | int]) -> Field:
        """Return the field at a place of a payload, or the closest one above it."""
        place, found = "", self.fields[""]
        for step in path:
            token = escape(str(step))
            place = next((p for p in (f"{place}/{token}", f"{place}/*") if p in self.fields), f"{place}/{token}")
            found = self.fields.get(place, found)
        return found

    def disclosure_at(self, path: Sequence[str | int]) -> Disclosure:
        """Return who may see the value at a place of a payload (字段公开范围)."""
        return self.field_at(path).disclosure


class Catalogue:
    """All families and their versions (标准目录). Make one with :meth:`load`."""

    def __init__(self, versions: Sequence[Version], codelists: Mapping[str, tuple[CodeList, ...]]) -> None:
        families: dict[str, dict[str, Version]] = {}
        for version in sorted(versions, key=lambda item: (item.family, version_key(item.version))):
            families.setdefault(version.family, {})[version.version] = version
        self._families = families
        self._codelists = codelists

    @classmethod
    def load(cls, root: Path | None = None, *, only: Collection[str] | None = None) -> Catalogue:
        """
        Load and verify the catalogue (载入标准目录).

        Args:
            root: the ``schemas`` folder; the packaged one by default, else that of the repository.
            only: ids of the index beyond which nothing is taken in; without it also what is not yet published is.

        Raises:
            CatalogueError: with every finding: unreadable file, broken lint, digest that differs, broken chain.
        """
        try:
            sources = read_sources(root or default_root())
        except SourceError as problem:
            raise CatalogueError([str(problem)]) from None
        findings = [*lint_sources(sources), *verify_sources(sources)]
        if findings:
            raise CatalogueError(findings)
        if only is not None:
            sources = _narrowed(sources, only)
        return cls([open_version(source, sources) for source in sources.records], sources.codelists)

    def families(self) -> tuple[str, ...]:
        """Return the names of all families, sorted."""
        return tuple(self._families)

    def versions(self, family: str) -> tuple[Version, ...]:
        """Return all versions of a family, oldest first; empty for an unknown one."""
        return tuple(self._families.get(family, {}).values())

    def version(self, family: str, version: str) -> Version | None:
        """Return one exact version, or None."""
        return self._families.get(family, {}).get(version)

    def resolve(self, family: str, on: date, known_on: date = date.max) -> Version | None:
        """Return the highest version that is in force on a date (现行版本), as it was known on another; or None."""
        in_force = [version for version in self.versions(family) if version.state_on(on, known_on) in CITABLE]
        return in_force[-1] if in_force else None

    def state(self, version: Version, on: date) -> State:
        """Return the state on a date, knowing all later versions: ``superseded`` may be cited until its sunset."""
        return self.states(version.family, on, date.max)[version.version]

    def states(self, family: str, on: date, known_on: date) -> Mapping[str, State]:
        """Return the state of every version of a family on a day, as it was known on another (某日状态)."""
        return states_of({version.version: version.decisions for version in self.versions(family)}, on, known_on)

    def codelist(self, name: str, on: date) -> CodeList | None:
        """Return the edition of a code list that was the latest on a date, or None."""
        editions = [edition for edition in self._codelists.get(name, ()) if date.fromisoformat(edition.version) <= on]
        return editions[-1] if editions else None

    def codelists(self) -> tuple[str, ...]:
        """Return the names of all code lists, sorted."""
        return tuple(self._codelists)

    def editions(self, name: str) -> tuple[CodeList, ...]:
        """Return all editions of a code list, oldest first; empty for an unknown one (代码表各版)."""
        return self._codelists.get(name, ())

    def code(self, name: str, code: str, on: date) -> CodeRow | None:
        """Return the row of a code as of a date, or None when it is not valid then."""
        found = self.codelist(name, on)
        return None if found is None else found.row(code, on)

    def check(self, ref: Citation, payload: Json, event_date: date) -> tuple[Finding, ...]:
        """
        Check a payload against the exact version it cites (校验).

        Args:
            ref: family, version and bundle digest.
            payload: parsed by :func:`tradehall_standards.strict.parse`.
            event_date: local date of the event; it chooses state, codes and rules.

        Returns:
            All findings; the record may be accepted when none has severity ``block``. Never raises for a
            payload that was so parsed.
        """
        found = self._cited(ref, event_date)
        return check_payload(found, payload, event_date) if isinstance(found, Version) else (found,)

    def check_second(self, ref: Citation, payload: Json, event_date: date) -> tuple[Finding, ...]:
        """Check with the independent engine; MUST give the same findings but for the place in the standard."""
        found = self._cited(ref, event_date)
        if isinstance(found, Finding):
            return (found,)
        return check_payload(found, payload, event_date, engine=found.second_engine)

    def _cited(self, ref: Citation, event_date: date) -> Version | Finding:
        version = self.version(ref.id, ref.version)
        name = messages.shorten(f"{ref.id}/{ref.version}")
        if version is None:
            return _refused("SCHEMA-UNKNOWN", f"标准 {name} 不存在", f"There is no standard {name}")
        if version.digest != ref.digest:
            zh, en = f"标准 {name} 的摘要与目录不符", f"The digest of {name} is not that of the catalogue"
            return _refused("SCHEMA-DIGEST", zh, en)
        state = version.state_on(event_date)
        if state in CITABLE:
            return version
        zh = f"标准 {name} 在 {event_date} {'已废止' if state == 'withdrawn' else '尚未实施'}"
        en = f"{name} is {'withdrawn' if state == 'withdrawn' else 'not yet in force'} on {event_date}"
        return _refused("SCHEMA-NOT-IN-FORCE", zh, en)


def _refused(rule: str, message_zh: str, message_en: str) -> Finding:
    return Finding("", "schema", rule, message_zh, message_en, "")


# --- checking a payload


def check_payload(
    version: Version, payload: Json, event_date: date, *, engine: Engine | None = None
) -> tuple[Finding, ...]:
    """
    Check a payload against a version (校验内容): schema first; identifiers, dated codes and rules only when it passes.

    Returns:
        At most ``MAX_FINDINGS`` findings, ordered by place; alike ones beyond ``MAX_ALIKE`` are told as a number.
    """
    engine = engine or version.engine
    if not engine.is_valid(payload):
        return _grouped([_schema_finding(version, problem) for problem in engine.problems(payload)])
    return _grouped([*_marked(version, payload, event_date), *_rules(version, payload, event_date)])


def _schema_finding(version: Version, problem: Problem) -> Finding:
    titles = version.field_at(problem.path).titles
    zh, en = messages.sentence(problem, titles["zh"], titles["en"])
    clause = f"{version.id}#{problem.schema_pointer}" if problem.schema_pointer else version.id
    return Finding(problem.pointer, problem.keyword, problem.keyword, zh, en, clause)


def _marked(version: Version, payload: Json, event_date: date) -> Iterator[Finding]:
    for path, mark, text in version.marks.visit(payload):
        for name in mark.formats:
            if not is_on_the_clock(text):
                yield _schema_finding(version, Problem(path, "format", name))
        for kind in mark.identifiers:
            problem = find_problem(kind, text)
            if problem is not None:
                pointer, titles = _place(version, path)
                zh, en = f"“{titles['zh']}”{problem.message_zh}", f"“{titles['en']}”: {problem.message_en}"
                yield Finding(pointer, "x-identifier", kind, zh, en, problem.clause, problem.severity)
        for name in mark.codelists:
            if version.codelists[name].row(text, event_date) is None:
                yield _code_finding(version.codelists[name], text, event_date, *_place(version, path))


def _place(version: Version, path: Sequence[str | int]) -> tuple[str, Mapping[str, str]]:
    """Return the pointer to a place of a payload, and the place's titles."""
    return "".join(f"/{escape(str(step))}" for step in path), version.field_at(path).titles


def _code_finding(codelist: CodeList, code: str, event_date: date, pointer: str, titles: Mapping[str, str]) -> Finding:
    """Return the finding for a code that is not valid on a date."""
    row, shown = codelist.by_code.get(code), messages.shorten(code)
    clause = f"{codelist.name}/{codelist.version}"
    if row is None:  # only open lists let an unknown code through their schema
        zh, en = f"“{titles['zh']}”的代码 {shown} 不在代码表内", f"“{titles['en']}”: {shown} is not in the code list"
        return Finding(pointer, "x-codelist", codelist.name, zh, en, clause, "warn")
    zh = f"“{titles['zh']}”的代码 {shown}（{row.zh}）在 {event_date} 不可使用"
    en = f"“{titles['en']}”: {shown} ({row.en}) may not be used on {event_date}"
    if row.replaced_by is not None:
        zh, en = f"{zh}，由 {row.replaced_by} 代替", f"{en}; {row.replaced_by} took its place"
    return Finding(pointer, "x-codelist", codelist.name, zh, en, clause)


def _rules(version: Version, payload: Json, event_date: date) -> Iterator[Finding]:
    if not version.rules:
        return
    prepared = rules_cel.context(payload, event_date, version.reach)
    for rule in version.rules:
        if not rule.holds_in(prepared):
            zh, en = rule.message_zh, rule.message_en
            yield Finding(rule.pointer, "x-rule", rule.id, zh, en, rule.clause, rule.severity)


def _grouped(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Keep the first ``MAX_ALIKE`` findings that differ in list index only and tell how many more there are."""
    shown: list[Finding] = []
    alike: dict[tuple[str, str, str], int] = {}
    for finding in findings:
        key = _kind(finding)
        alike[key] = alike.get(key, 0) + 1
        if alike[key] <= MAX_ALIKE:
            shown.append(finding)
    last = {_kind(item): index for index, item in enumerate(shown)}
    for key, count in alike.items():
        if count > MAX_ALIKE:
            shown[last[key]] = _with_more(shown[last[key]], count - MAX_ALIKE)
    return tuple(shown[:MAX_FINDINGS])


def _kind(finding: Finding) -> tuple[str, str, str]:
    place = "/".join("*" if step.isdigit() else step for step in finding.pointer.split("/"))
    return finding.keyword, finding.rule, place


def _with_more(finding: Finding, more: int) -> Finding:
    return Finding(
        finding.pointer,
        finding.keyword,
        finding.rule,
        f"{finding.message_zh}（另有 {more} 处同样问题）",
        f"{finding.message_en} (and {more} more like this)",
        finding.clause,
        finding.severity,
    )


# --- loading


def pinned_codelists(source: SchemaSource, sources: Sources) -> dict[str, CodeList]:
    """Return the editions that the manifest of a version pins; the latest ones where there is no manifest yet."""
    pins = as_object((source.manifest or {}).get("codelists"))
    chosen: dict[str, CodeList] = {}
    for name, editions in sources.codelists.items():
        wanted = as_object(pins.get(name)).get("version")
        chosen[name] = next((edition for edition in editions if edition.version == wanted), editions[-1])
    return chosen


def _narrowed(sources: Sources, only: Collection[str]) -> Sources:
    """Leave out versions and editions that are not among ``only``."""
    codelists = {
        name: tuple(edition for edition in editions if f"codelists/{name}/{edition.version}" in only)
        for name, editions in sources.codelists.items()
    }
    return replace(
        sources,
        records=tuple(source for source in sources.records if source.id in only),
        codelists={name: editions for name, editions in codelists.items() if editions},
    )


def lint_sources(sources: Sources) -> Iterator[str]:
    """Yield every lint that the catalogue breaks, one sentence each (提案检查)."""
    for finding in find_lints(sources):
        yield str(finding)
    for source in sources.records:
        try:
            rules = compile_rules(source.rules)
        except RuleError as problem:
            yield f"{source.id}: RULE: {problem}"
        else:
            yield from (f"{source.id}: RULE: {told}" for told in _lint_rules(rules, source, sources))


def _lint_rules(rules: Sequence[CelRule], source: SchemaSource, sources: Sources) -> Iterator[str]:
    """A rule reads members that the schema has, and is shown at a place of the payload."""
    members = as_object(source.schema.get("properties")).keys()
    places = list_fields(source, sources.documents)
    for rule in rules:
        strangers = sorted((reach([rule]).members or frozenset()) - members)
        if strangers:
            yield f"{rule.id}: the schema has no member {', '.join(strangers)}"
        if rule.pointer not in places:
            yield f"{rule.id}: {rule.pointer} leads to no field"


def find_lints(sources: Sources) -> Iterator[LintFinding]:
    """Yield the findings of :func:`lint_schema` for all common definitions and all versions."""
    latest = {name: editions[-1] for name, editions in sources.codelists.items()}
    for source in sources.commons:
        yield from lint_schema(source, sources.documents, latest, record=False)
    for source in sources.records:
        yield from lint_schema(source, sources.documents, pinned_codelists(source, sources))


def verify_sources(sources: Sources) -> Iterator[str]:
    """Yield every digest, date or link of the chain that is not as published (完整性检查)."""
    for source in (*sources.commons, *sources.records):
        yield from _verify_manifest(source, sources)
    yield from _verify_decisions(sources)
    yield from _verify_index(sources)


def _verify_decisions(sources: Sources) -> Iterator[str]:
    known = {source.id for source in sources.records}
    try:
        decisions = read_decisions(sources.data.get("lifecycle"))
    except LifecycleError as problem:
        yield f"lifecycle.json: {problem}"
        return
    for decision in decisions:
        if decision.standard not in known:
            yield f"lifecycle.json: {decision.standard} is no version of the catalogue"


def _verify_manifest(source: SchemaSource, sources: Sources) -> Iterator[str]:
    manifest = source.manifest
    if manifest is None:
        yield f"{source.id}: no manifest.json; run `python -m tradehall_standards build`"
        return
    if (manifest.get("family"), manifest.get("version")) != (source.family, source.version):
        yield f"{source.id}: the manifest is that of another version"
    files = as_object(manifest.get("files"))
    for path in sorted(files.keys() | source.files.keys()):
        if files.get(path) != source.files.get(path):
            yield f"{source.id}: {path} is not the published file"
    yield from _verify_pins(source, sources)
    if source in sources.records:
        yield from _verify_bundle(source, sources)


def _verify_pins(source: SchemaSource, sources: Sources) -> Iterator[str]:
    for name, pin in as_object((source.manifest or {}).get("codelists")).items():
        editions = sources.codelists.get(name, ())
        if not any({"version": edition.version, "digest": edition.digest} == pin for edition in editions):
            yield f"{source.id}: code list {name} is not the pinned edition"


def _verify_bundle(source: SchemaSource, sources: Sources) -> Iterator[str]:
    try:
        open_version(source, sources)
    except (BundleError, EngineError, RuleError, ValueError) as problem:
        yield f"{source.id}: {problem}"


def published_digests(sources: Sources) -> dict[str, str]:
    """
    Return the digest of everything that the index lists, by id (目录条目).

    Ids are ``<family>/<version>`` (digest of the manifest), ``codelists/<list>/<date>``, and the paths of the data
    files such as ``parameters/tender_law``, which alone may be listed again when dated rows are added.
    """
    manifests = {
        source.id: canonical.digest(source.manifest)
        for source in (*sources.commons, *sources.records)
        if source.manifest is not None
    }
    lists = {
        f"codelists/{name}/{edition.version}": edition.digest
        for name, editions in sources.codelists.items()
        for edition in editions
    }
    return {**lists, **manifests, **{name: canonical.digest(found) for name, found in sources.data.items()}}


def _verify_index(sources: Sources) -> Iterator[str]:
    index = sources.index
    entries = index.get("entries") if index is not None else None
    if index is None or not isinstance(entries, list) or set(index) != {"entries", "head"}:
        yield "catalogue.json: missing or not in form; run `python -m tradehall_standards build`"
        return
    previous: str | None = None
    listed: dict[str, Json] = {}
    for number, entry in enumerate(entries):
        if not isinstance(entry, Mapping) or entry.get("previous") != previous:
            yield f"catalogue.json: entry {number} does not follow the one before it"
            return
        previous = canonical.digest(entry)
        name = str(entry.get("id"))
        if name in listed and name not in sources.data:
            yield f"catalogue.json: {name} is listed twice"
        listed[name] = entry.get("digest")
    if index.get("head") != previous:
        yield "catalogue.json: head is not the digest of the last entry"
    published = published_digests(sources)
    for name in sorted(listed.keys() | published.keys()):
        if listed.get(name) != published.get(name):
            yield f"catalogue.json: {name} is not as published"


def open_version(source: SchemaSource, sources: Sources) -> Version:
    """
    Compile one version (载入标准版本).

    Raises:
        BundleError: a reference or code list is missing.
        RuleError: a CEL rule is not usable.
        ValueError: the manifest lacks its dates or states another digest.
    """
    codelists = pinned_codelists(source, sources)
    compiled = bundle(source, sources.documents, codelists)
    manifest = source.manifest or {}
    digest = canonical.digest(compiled)
    if manifest.get("digest") != digest:
        raise ValueError(f"the bundle has digest {digest}, the manifest states {manifest.get('digest')}")
    states, predecessor = as_object(manifest.get("states")), manifest.get("predecessor")
    later = read_decisions(sources.data.get("lifecycle"))
    published_on, _ = _date(states, "published_on"), _date(states, "in_force_from")
    decisions = (*decisions_of_manifest(source.id, states), *(d for d in later if d.standard == source.id))
    return Version(
        source=source,
        bundle=compiled,
        digest=digest,
        fields=list_fields(source, sources.documents),
        rules=compile_rules(source.rules),
        codelists=codelists,
        marks=find_marks(compiled),
        published_on=published_on,
        in_force_from=date_of(decisions, "in_force") or date.max,
        sunset=date_of(decisions, "withdrawn"),
        predecessor=predecessor if isinstance(predecessor, str) else None,
        legal_basis=tuple(str(item) for item in as_array(manifest.get("legal_basis"))),
        decisions=decisions,
    )


def _date(states: Object, member: str) -> date:
    value = states.get(member)
    if not isinstance(value, str):
        raise ValueError(f"states.{member} is missing")  # noqa: TRY004 - bad data, not a bad call
    return date.fromisoformat(value)
