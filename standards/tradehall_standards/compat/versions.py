"""
Versions computed (版本号计算): the least version number that a draft may carry follows from what it does to records.

=====================================================================  ======
against the versions of the major                                      floor
=====================================================================  ======
the same records are valid as under the latest                         PATCH
every record of every version stays valid                              MINOR
some record of some version is refused, or it is not known             MAJOR
=====================================================================  ======

A business rule, a code's dates or a checked identifier that became narrower counts like a schema that did. Officers may
number higher. They number lower only by an exception that they signed and that names the witness; here it comes as a
value whose signatures were verified before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal, TypeAlias, cast

from tradehall_standards import rules_cel
from tradehall_standards.bundle import bundle
from tradehall_standards.canonical import digest
from tradehall_standards.catalogue import Version, pinned_codelists
from tradehall_standards.codelists import CodeList
from tradehall_standards.compat.comparing import Comparison
from tradehall_standards.compat.confirming import EngineRefusal, FirstEngine, SecondOpinion
from tradehall_standards.compat.dialects import LATEST, Schema
from tradehall_standards.compat.values import Value
from tradehall_standards.fields import list_fields
from tradehall_standards.marks import Mark, find_marks
from tradehall_standards.rules_cel import CelRule, compile_rules
from tradehall_standards.sources import SchemaSource, Sources, version_key
from tradehall_standards.strict import Json, escape

Level: TypeAlias = Literal["patch", "minor", "major"]
Compare: TypeAlias = "Callable[[Edition, Edition], Comparison]"
"""Compares the schemas of two editions, old first."""

LEVELS: Final[tuple[Level, ...]] = ("patch", "minor", "major")


@dataclass(frozen=True)
class Edition:
    """
    One version of a family with all that judges a record (标准版本内容): published or draft.

    ``records`` are real records or examples that are valid under it; ``places`` are all places of a payload.
    """

    family: str
    version: str
    schema: Schema
    rules: tuple[CelRule, ...]
    codelists: Mapping[str, CodeList]
    marks: Mapping[str, frozenset[str]]
    places: frozenset[str]
    records: tuple[Json, ...]


@dataclass(frozen=True, slots=True)
class Narrowing:
    """
    What became narrower beside the schema (收紧之处).

    Attributes:
        kind: ``rule``, ``codes`` or ``identifier``.
        name: of the rule or code list, or the place of the identifier.
        message_zh: one sentence in Chinese.
        message_en: the same in English.
        witness: a record of the old version that is refused now; None where none is at hand.
    """

    kind: str
    name: str
    message_zh: str
    message_en: str
    witness: Json = None


@dataclass(frozen=True, slots=True)
class Allowed:
    """
    An exception whose signatures were verified (已核验的版本例外): NEW may be numbered lower than OLD asks for.

    ``witness`` is the document that is valid under OLD and not under NEW; None where it is only not known.
    """

    old: str
    new: str
    level: Level
    witness: Json


@dataclass(frozen=True, slots=True)
class Against:
    """The answer against one version (与某一版本比较). ``excepted`` names the exception's new version, if one holds."""

    version: str
    level: Level
    comparison: Comparison
    narrowings: tuple[Narrowing, ...]
    excepted: str = ""


@dataclass(frozen=True, slots=True)
class VersionFloor:
    """
    The least version a draft may carry, and why (版本下限).

    Attributes:
        level: patch, minor or major.
        floor: the least version.
        declared: the version that the draft carries.
        against: the answer against every version of the major, oldest first.
        semantic_change: whether officers say that the meaning changed though the records do not.
        unused: exceptions that do not hold, one sentence each, zh and en.
    """

    level: Level
    floor: str
    declared: str
    against: tuple[Against, ...]
    semantic_change: bool
    unused: tuple[tuple[str, str], ...]

    @property
    def is_kept(self) -> bool:
        """Whether the declared version is high enough."""
        return version_key(self.declared) >= version_key(self.floor)


def edition_of(source: SchemaSource, sources: Sources) -> Edition:
    """
    Return a version's folder as an edition (读取版本内容).

    Raises:
        BundleError: a reference or code list leads nowhere.
        RuleError: a rule is not usable.
    """
    codelists = pinned_codelists(source, sources)
    compiled = bundle(source, sources.documents, codelists)
    marks = dict(_flat(find_marks(compiled), ""))
    used = {name.removeprefix("codes:") for found in marks.values() for name in found if name.startswith("codes:")}
    return Edition(
        source.family,
        source.version,
        cast("Schema", compiled),
        compile_rules(source.rules),
        {name: codelists[name] for name in sorted(used) if name in codelists},
        marks,
        frozenset(list_fields(source, sources.documents)),
        tuple(source.valid.values()),
    )


def edition_of_version(version: Version) -> Edition:
    """Return a version of a loaded catalogue as an edition (已载入版本的内容)."""
    marks = dict(_flat(version.marks, ""))
    used = {name.removeprefix("codes:") for found in marks.values() for name in found if name.startswith("codes:")}
    return Edition(
        version.family,
        version.version,
        cast("Schema", dict(version.bundle)),
        version.rules,
        {name: version.codelists[name] for name in sorted(used) if name in version.codelists},
        marks,
        frozenset(version.fields),
        tuple(version.valid_examples.values()),
    )


def _flat(mark: Mark, place: str) -> Iterator[tuple[str, frozenset[str]]]:
    names = {*(f"identifier:{kind}" for kind in mark.identifiers), *(f"codes:{name}" for name in mark.codelists)}
    if names:
        yield place, frozenset(names)
    for name, inner in mark.members.items():
        yield from _flat(inner, f"{place}/{escape(name)}")
    for inner in (*mark.patterns.values(), *([] if mark.items is None else [mark.items])):
        yield from _flat(inner, f"{place}/*")


def version_floor(
    draft: Edition,
    editions: Sequence[Edition],
    compare: Compare,
    *,
    on: date,
    exceptions: Sequence[Allowed] = (),
    semantic_change: bool = False,
) -> VersionFloor:
    """
    Compute the least version that a draft may carry (版本下限计算).

    Args:
        draft: what is proposed; its ``version`` is the one it would carry.
        editions: the published versions of the family, in any order.
        compare: compares two editions' schemas.
        on: date on which rules are tried on records.
        exceptions: signed and verified orders; those that do not hold are told in ``unused``.
        semantic_change: officers say that the meaning changed: at least a minor version.
    """
    known = sorted((e for e in editions if e.version != draft.version), key=lambda e: version_key(e.version))
    if not known:
        return VersionFloor("major", draft.version, draft.version, (), semantic_change, ())
    latest = known[-1]
    peers = [edition for edition in known if version_key(edition.version)[0] == version_key(latest.version)[0]]
    found = [_against(edition, draft, compare, on) for edition in peers]
    settled, unused = _settle(found, peers, draft, exceptions)
    level: Level = "major" if any(one.level == "major" and not one.excepted for one in settled) else settled[-1].level
    if settled[-1].excepted:
        order = next(e for e in exceptions if e.new == settled[-1].excepted and e.old == settled[-1].version)
        level = order.level if level == "major" else LEVELS[max(LEVELS.index(level), LEVELS.index(order.level))]
    if semantic_change and level == "patch":
        level = "minor"
    return VersionFloor(level, _next(latest.version, level), draft.version, tuple(settled), semantic_change, unused)


def _next(version: str, level: Level) -> str:
    major, minor, patch = version_key(version)
    return {"patch": f"{major}.{minor}.{patch + 1}", "minor": f"{major}.{minor + 1}.0", "major": f"{major + 1}.0.0"}[
        level
    ]


def _against(old: Edition, draft: Edition, compare: Compare, on: date) -> Against:
    comparison = compare(old, draft)
    found = narrowings(old, draft, on)
    if comparison.backward.outcome != "proved" or found:
        return Against(old.version, "major", comparison, found)
    wider = comparison.forward.outcome != "proved" or narrowings(draft, old, on)
    return Against(old.version, "minor" if wider else "patch", comparison, found)


# --- what narrows beside the schema


def narrowings(old: Edition, new: Edition, on: date) -> tuple[Narrowing, ...]:
    """Return what became narrower from OLD to NEW beside the schema (收紧检查): rules, dates of codes, identifiers."""
    return (*_rules(old, new, on), *_codes(old, new), *_identifiers(old, new))


def _rules(old: Edition, new: Edition, on: date) -> Iterator[Narrowing]:
    before = {rule.id: rule for rule in old.rules if rule.severity == "block"}
    for rule in new.rules:
        earlier = before.get(rule.id)
        if rule.severity != "block" or (earlier is not None and earlier.expression == rule.expression):
            continue
        witness = next((record for record in old.records if _breaks(record, before.values(), rule, on)), None)
        done = ("新增", "added") if earlier is None else ("修改", "changed")
        tail = ("", "") if witness is not None else ("，未证明旧记录仍符合", "; old records are not proved to keep it")
        zh = f"{done[0]}了阻断规则 {rule.id}{tail[0]}"
        yield Narrowing("rule", rule.id, zh, f"the blocking rule {rule.id} was {done[1]}{tail[1]}", witness)


def _breaks(record: Json, before: Iterable[CelRule], rule: CelRule, on: date) -> bool:
    prepared = rules_cel.context(record, on)
    kept = all(earlier.holds_in(prepared) for earlier in before)
    return kept and not rule.holds_in(prepared)


def _codes(old: Edition, new: Edition) -> Iterator[Narrowing]:
    for name, before in old.codelists.items():
        after = new.codelists.get(name)
        for row in before.rows if after is not None else ():
            left = after.by_code.get(row.code) if after is not None else None
            if left is None:
                continue  # of a closed list the schema's verdict tells it; an open one only warns
            later = left.valid_from > row.valid_from
            earlier = (left.valid_to or date.max) < (row.valid_to or date.max)
            if later or earlier:
                zh = f"代码表 {name} 的代码 {row.code}（{row.zh}）有效期缩短"
                en = f"the code {row.code} ({row.en}) of the list {name} is valid for a shorter time"
                yield Narrowing("codes", name, zh, en)


def _identifiers(old: Edition, new: Edition) -> Iterator[Narrowing]:
    for place, names in new.marks.items():
        added = sorted(names - old.marks.get(place, frozenset()))
        if place not in old.places or not added:
            continue  # a new place: records of the old version have nothing there
        told = ", ".join(name.partition(":")[2] for name in added)
        yield Narrowing(
            "identifier", place, f"{place} 新增校验：{told}", f"{place} is now checked to be a right {told}"
        )


# --- exceptions


def _settle(
    found: Sequence[Against], peers: Sequence[Edition], draft: Edition, exceptions: Sequence[Allowed]
) -> tuple[list[Against], tuple[tuple[str, str], ...]]:
    """Mark what exceptions allow; an earlier one holds on where the draft refuses nothing more than its version did."""
    kept = {one.version for one in found if one.level != "major"}
    settled: list[Against] = []
    unused: list[tuple[str, str]] = []
    for one, edition in zip(found, peers, strict=True):
        orders = [order for order in exceptions if order.old == one.version and order.new in {draft.version, *kept}]
        holding = [order for order in orders if order.new in kept or _names_witness(order, one, edition, draft)]
        for order in orders:
            if one.level == "major" and order not in holding:
                zh = f"例外 {order.old} → {order.new} 所附文件不是反例"
                unused.append((zh, f"the document of the exception {order.old} → {order.new} is no witness"))
        excepted = holding[0].new if holding and one.level == "major" else ""
        settled.append(Against(one.version, one.level, one.comparison, one.narrowings, excepted))
    return settled, tuple(unused)


def _names_witness(order: Allowed, one: Against, old: Edition, draft: Edition) -> bool:
    """Tell whether the document of an exception is what breaks: by both engines, or by a rule."""
    if order.witness is None:
        return one.comparison.backward.outcome == "unknown" or any(item.witness is None for item in one.narrowings)
    if any(item.witness is not None and digest(item.witness) == digest(order.witness) for item in one.narrowings):
        return True
    document = cast("Value", order.witness)
    try:
        return all(
            engine(schema, LATEST, "enforced").is_valid(document) is accepted
            for engine in (FirstEngine, SecondOpinion)
            for schema, accepted in ((old.schema, True), (draft.schema, False))
        )
    except EngineRefusal:
        return False


# --- words


def explain(found: VersionFloor) -> list[tuple[str, str]]:
    """Return why the floor is what it is, one sentence each, zh and en (版本说明)."""
    level = {"patch": ("修订", "PATCH"), "minor": ("次版本", "MINOR"), "major": ("主版本", "MAJOR")}
    lines: list[tuple[str, str]] = []
    for one in found.against:
        zh, en = level[one.level]
        lines.append((f"与 {one.version} 相比：{zh}", f"against {one.version}: {en}"))
        verdict = one.comparison.backward
        lines.append((f"  {verdict.message_zh}", f"  {verdict.message_en}"))
        lines += [(f"  {item.message_zh}", f"  {item.message_en}") for item in one.narrowings]
        if one.excepted:
            lines.append(
                (f"  由例外 {one.version} → {one.excepted} 允许", f"  allowed by the exception to {one.excepted}")
            )
    if not found.against:
        lines.append(("该类别尚无已发布版本", "no version of the family is published yet"))
    if found.semantic_change:
        lines.append(("含义有变更：至少为次版本", "the meaning changed: at least a minor version"))
    lines += found.unused
    zh, en = level[found.level]
    verdict_zh, verdict_en = ("可用", "may be used") if found.is_kept else ("过低", "is too low")
    lines.append(
        (
            f"版本下限 {found.floor}（{zh}）；草案版本 {found.declared} {verdict_zh}",
            f"floor {found.floor} ({en}); the draft's version {found.declared} {verdict_en}",
        )
    )
    return lines
