"""
Overlays (地方标准文件): how a city or a regime narrows published families, never contradicting them.

A profile is one JSON file. Its schema of a family stands beside the published one, and a record has to keep to both;
fields of its own lie in the ``extensions`` bag where the family has one. Its rules come on top; its numbers are at
least as strict as those of the law.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, cast

from tradehall_standards.catalogue import Catalogue, Version, check_payload
from tradehall_standards.compat import Comparer, Verdict
from tradehall_standards.engines import EngineError, RecordEngine
from tradehall_standards.parameters import Parameters, Rule
from tradehall_standards.rules_cel import CelRule, RuleError, check_examples, compile_rules, context
from tradehall_standards.sources import read_object
from tradehall_standards.strict import Json, as_array, as_object

_ALLOWED: Final = frozenset(
    {"properties", "items", "required", "enum", "const", "pattern", "minLength", "maxLength", "minimum", "maximum"}
    | {"minItems", "maxItems", "type", "format", "additionalProperties", "uniqueItems", "multipleOf", "maxProperties"}
)
_NUMBER: Final = re.compile(r"(0|[1-9][0-9]{0,17})(\.[0-9]{1,12})?")
_OPEN_BAG: Final = "extensions"


class ProfileError(ValueError):
    """A profile that can't be used (地方标准不合格); ``findings`` holds every reason."""

    def __init__(self, findings: Sequence[str]) -> None:
        super().__init__("\n".join(findings))
        self.findings = tuple(findings)


@dataclass(frozen=True)
class Narrowed:
    """One family as a profile has it (收窄后的标准): the base, the schema of both together, and the added rules."""

    base: Version
    schema: Mapping[str, Json]
    rules: tuple[CelRule, ...]
    examples: tuple[Json, ...]

    def accepts(self, payload: Json, on: date) -> bool:
        """Tell whether a payload keeps to the base, to the overlay and to the rules of both."""
        if any(finding.severity == "block" for finding in check_payload(self.base, payload, on)):
            return False
        if not RecordEngine(self.schema).is_valid(payload):
            return False
        prepared = context(payload, on)
        return all(rule.holds_in(prepared) for rule in self.rules if rule.severity == "block")


@dataclass(frozen=True, slots=True)
class Number:
    """A number of the law as a profile has it (收窄后的参数): the law's rule, and the profile's own number."""

    rule: Rule
    value: Fraction
    clause: str


@dataclass(frozen=True)
class Profile:
    """What one city or regime asks for (地方标准). ``illustrative`` marks a profile that nobody has adopted."""

    name: str
    zh: str
    en: str
    illustrative: bool
    families: Mapping[str, Narrowed]
    numbers: Mapping[str, Number]


def base_profile() -> Profile:
    """Return the profile of a city that asks for nothing of its own (无地方标准)."""
    return Profile("base", "全国标准", "the published standard", illustrative=False, families={}, numbers={})


def read_profile(path: Path, catalogue: Catalogue, parameters: Parameters, comparer: Comparer) -> Profile:
    """
    Read a profile and hold it to what it narrows (读取地方标准).

    Args:
        path: ``<name>.json``.
        catalogue: the published families.
        parameters: the law's numbers.
        comparer: proves that whatever keeps to the profile keeps to the base.

    Raises:
        ProfileError: with every finding.
        SourceError: the file is not strict JSON.
    """
    document = read_object(path)
    title = as_object(document.get("title"))
    findings: list[str] = []
    families: dict[str, Narrowed] = {}
    for family, overlay in as_object(document.get("families")).items():
        found = _narrowed(family, as_object(overlay), catalogue, findings)
        if found is not None:
            findings += _contradictions(found, comparer)
            families[family] = found
    numbers = dict(_numbers(as_array(document.get("parameters")), parameters, findings))
    if document.get("profile") != path.stem or not all(isinstance(title.get(lang), str) for lang in ("zh", "en")):
        findings.append("FORM: profile is the name of the file, and title has zh and en")
    if findings:
        raise ProfileError([f"{path.name}: {finding}" for finding in findings])
    illustrative = document.get("illustrative") is True
    return Profile(path.stem, str(title["zh"]), str(title["en"]), illustrative, families, numbers)


def _narrowed(family: str, overlay: Mapping[str, Json], catalogue: Catalogue, findings: list[str]) -> Narrowed | None:
    base = catalogue.version(family, str(overlay.get("version")))
    if base is None:
        findings.append(f"UNKNOWN: there is no {family}/{overlay.get('version')}")
        return None
    schema = as_object(overlay.get("schema"))
    findings += [f"{base.id}: {finding}" for finding in _lint(schema, base, "")]
    own = {key: value for key, value in base.bundle.items() if key not in {"$schema", "$id", "$defs"}}
    together: dict[str, Json] = {
        "$schema": base.bundle["$schema"],
        "$defs": base.bundle.get("$defs", {}),
        "allOf": [own, schema],
    }
    try:
        RecordEngine(together)
        rules = compile_rules(as_array(overlay.get("rules")))
    except (EngineError, RuleError, ValueError) as problem:
        findings.append(f"{base.id}: {problem}")
        return None
    for rule in rules:
        findings += [f"{base.id}: {sentence}" for sentence in check_examples(rule, base.in_force_from)]
    return Narrowed(base, together, rules, tuple(as_array(overlay.get("examples"))))


def _lint(schema: Mapping[str, Json], base: Version, place: str) -> Iterator[str]:
    """Yield keywords that an overlay may not use, and fields that its base does not know."""
    for keyword in sorted(schema.keys() - _ALLOWED):
        yield f"KEYWORD: {place or '/'}: {keyword} is none that narrows"
    in_bag = _OPEN_BAG in place.split("/")
    named = [*as_object(schema.get("properties")), *(str(name) for name in as_array(schema.get("required")))]
    for name in sorted(set(named)):
        if not in_bag and f"{place}/{name}" not in base.fields:
            yield f"FIELD: {place}/{name} is not a field of {base.id}"
    for name, inner in as_object(schema.get("properties")).items():
        yield from _lint(as_object(inner), base, f"{place}/{name}")
    if isinstance(schema.get("items"), Mapping):
        yield from _lint(as_object(schema["items"]), base, f"{place}/*")


def accepted(
    sent: Mapping[str, Json], wanted: Mapping[str, Json], samples: Sequence[Json], comparer: Comparer
) -> Verdict:
    """Tell whether everything valid under ``sent`` is valid under ``wanted`` (包含判定)."""
    one, other, known = (cast("Any", found) for found in (dict(sent), dict(wanted), list(samples)))
    return comparer.compare(one, other, known, formats="enforced").backward


def _contradictions(found: Narrowed, comparer: Comparer) -> Iterator[str]:
    """Yield why a narrowed family contradicts its base: something passes it and not the base, or nothing passes it."""
    verdict = accepted(found.schema, found.base.bundle, (), comparer)
    if verdict.outcome != "proved":
        yield f"{found.base.id}: NOT-NARROWER: {verdict.message_en}"
    if not found.examples:
        yield f"{found.base.id}: EXAMPLE: at least one example is needed, to show that something passes"
    for number, example in enumerate(found.examples):
        if not found.accepts(example, found.base.in_force_from):
            yield f"{found.base.id}: EXAMPLE {number} does not pass"


STRICTER: Final[Mapping[str, int]] = {">=": 1, ">": 1, "<=": -1, "<": -1}
"""Operator → which way a number goes to become stricter."""


def _numbers(rows: Sequence[Json], parameters: Parameters, findings: list[str]) -> Iterator[tuple[str, Number]]:
    """Yield the numbers of a profile by id, each held against the newest row of the law with the same operator."""
    for row in map(as_object, rows):
        name, value, clause = str(row.get("id")), row.get("value"), row.get("clause")
        known = [rule for rule in parameters.all() if rule.id == name and rule.effective_to is None]
        if len(known) != 1 or known[0].op not in STRICTER or isinstance(known[0].value, (tuple, type(None))):
            findings.append(f"NUMBER: {name} is no single number of the law that can be made stricter")
            continue
        if isinstance(value, bool) or not _NUMBER.fullmatch(str(value)) or not isinstance(clause, str) or not clause:
            findings.append(f"NUMBER: {name}: value is a number or an exact decimal as text, and clause its source")
            continue
        rule, own = known[0], Fraction(str(value))
        if (own - rule.number) * STRICTER[rule.op] < 0:
            findings.append(
                f"NUMBER: {name}: {rule.op} {own} is laxer than the law's {rule.op} {rule.number} {rule.unit}"
            )
        yield name, Number(rule, own, clause)
