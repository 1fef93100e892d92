"""
Parameters (法定参数): the law's numbers as dated data, one file a regime in ``schemas/parameters/``.

A rule is chosen by the date of the event, never by today's: published is not yet in force. The same id may have
several rows, one for each time span or regime; they never overlap.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Final, Literal, cast

from tradehall_standards.sources import default_root, read_object
from tradehall_standards.strict import Json, as_array, as_object

Operator = Literal[">=", "<=", ">", "<", "==", "between", "within", "rule"]
Severity = Literal["block", "warn", "review", "info"]
Number = int | str
Value = Number | tuple[Number, ...] | None

OPERATORS: Final[tuple[Operator, ...]] = (">=", "<=", ">", "<", "==", "between", "within", "rule")
SEVERITIES: Final[tuple[Severity, ...]] = ("block", "warn", "review", "info")
EVIDENCE: Final = ("F", "F2", "M-H", "M-M", "M-L", "P")
"""Text read; stated by a public source; memory with high, middle, low confidence; proposed by us."""


class ParameterError(ValueError):
    """A parameter file that is not in the form of the catalogue, or rows that overlap (参数文件不合格)."""


class AmbiguousRuleError(LookupError):
    """An id that several regimes or regions fill differently was asked for without saying which (需指明制度或地区)."""


@dataclass(frozen=True, slots=True)
class PeriodExample:
    """When the events of a rule happened, as written in the file, and whether it is then satisfied (期限示例)."""

    events: Mapping[str, str]
    expected: bool


@dataclass(frozen=True, slots=True)
class Rule:
    """
    One number of the law (一条法定参数).

    Attributes:
        id: stable id such as ``ZC-050``.
        regimes: regimes that the rule belongs to.
        stage: stage of the procedure; for ``within`` also the name of the judged event.
        zh: what it is about, in Chinese.
        en: the same in English.
        op: how the measured value compares to ``value``.
        value: an ``int``, an exact decimal or a fraction as text, several of them, or None.
        unit: ``day``, ``working_day``, ``hour``, ``CNY``, ``ratio_of_contract``, …
        from_event: event that a period starts with, or None.
        to_event: event that a period ends with, or None.
        rolls: the last day of the period moves from a holiday to the next working day (民法典203).
        clause: source of law.
        evidence: one of ``EVIDENCE``; conformance may be claimed for ``F`` only.
        severity: ``block`` refuses; ``warn``, ``review`` and ``info`` only tell.
        region: prefix of GB/T 2260 codes that it is limited to (``50`` is Chongqing), or None for the whole country.
        effective_from: first day in force.
        effective_to: first day no longer in force, or None.
        effective_stated: False where the source states no date and a safe early one was put.
        note: remark in English, empty where there is none.
        examples: unit tests beside the rule; every interval rule has some that satisfy it and some that do not.
    """

    id: str
    regimes: tuple[str, ...]
    stage: str
    zh: str
    en: str
    op: Operator
    value: Value
    unit: str
    from_event: str | None
    to_event: str | None
    rolls: bool
    clause: str
    evidence: str
    severity: Severity
    region: str | None
    effective_from: date
    effective_to: date | None
    effective_stated: bool
    note: str
    examples: tuple[PeriodExample, ...] = ()

    def is_in_force_on(self, day: date) -> bool:
        """Tell whether the rule governs an event of ``day``."""
        return self.effective_from <= day and (self.effective_to is None or day < self.effective_to)

    def governs(self, region: str | None) -> bool:
        """Tell whether the rule holds in a region, a GB/T 2260 code or a prefix of one."""
        return self.region is None or (region is not None and region.startswith(self.region))

    @property
    def number(self) -> Fraction:
        """``value`` exactly (ValueError where it is no single number)."""
        if self.value is None or isinstance(self.value, tuple):
            raise ValueError(f"{self.id} has no single number")
        return Fraction(self.value)

    @property
    def numbers(self) -> tuple[Fraction, ...]:
        """All numbers of ``value`` exactly, none where there is none."""
        if self.value is None:
            return ()
        return tuple(Fraction(item) for item in (self.value if isinstance(self.value, tuple) else (self.value,)))


class Parameters:
    """All rows of all regimes (全部法定参数)."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        by_id: dict[str, list[Rule]] = {}
        for rule in rules:
            by_id.setdefault(rule.id, []).append(rule)
        for rows in by_id.values():
            _refuse_overlap(rows)
        self._by_id: Mapping[str, Sequence[Rule]] = by_id

    @classmethod
    def load(cls, root: Path | None = None) -> Parameters:
        """
        Load ``parameters/*.json`` (载入参数); ``root`` as for ``Catalogue.load``.

        Raises:
            ParameterError: a row is not in the right form, or two rows overlap.
            SourceError: a file is missing or is not strict JSON.
        """
        files = sorted(((root or default_root()) / "parameters").glob("*.json"))
        return cls(rule for path in files for rule in read_rules(read_object(path)))

    def all(self) -> tuple[Rule, ...]:
        """Return every row, in force or not, by id."""
        return tuple(rule for name in sorted(self._by_id) for rule in self._by_id[name])

    def regimes(self) -> tuple[str, ...]:
        """Return the names of all regimes, sorted."""
        return tuple(sorted({regime for rule in self.all() for regime in rule.regimes}))

    def select(self, regime: str, region: str | None, on: date) -> Mapping[str, Rule]:
        """Return the rules of a regime that are in force in a region on a date, by id (适用规则)."""
        chosen: dict[str, Rule] = {}
        for rule in self.all():
            if regime in rule.regimes and rule.governs(region) and rule.is_in_force_on(on):
                known = chosen.get(rule.id)
                if known is None or len(rule.region or "") > len(known.region or ""):
                    chosen[rule.id] = rule
        return chosen

    def rule(self, name: str, on: date, *, regime: str | None = None, region: str | None = None) -> Rule | None:
        """
        Return the rule with an id as of a date (查询规则).

        Args:
            name: id of the rule.
            on: date of the event.
            regime: needed for ids such as ``PF-FLOOR`` that regimes fill differently.
            region: GB/T 2260 code; without it a rule of any region is found.

        Returns:
            The rule, or None when there is none in force on that date.

        Raises:
            AmbiguousRuleError: several rows are in force, and neither regime nor region tells which one.
        """
        found = [rule for rule in self._by_id.get(name, ()) if rule.is_in_force_on(on)]
        if regime is not None:
            found = [rule for rule in found if regime in rule.regimes]
        if region is not None:
            found = [rule for rule in found if rule.governs(region)]
        found.sort(key=lambda rule: len(rule.region or ""), reverse=True)
        if len(found) > 1 and (region is None or found[0].region == found[1].region):
            raise AmbiguousRuleError(f"{name} has {len(found)} rows in force on {on}; name regime and region")
        return found[0] if found else None


def read_rules(document: Mapping[str, Json]) -> tuple[Rule, ...]:
    """
    Read the rows of one parameter file (读取参数).

    Raises:
        ParameterError: naming the row and what is wrong with it.
    """
    return tuple(_read_row(as_object(row)) for row in as_array(document.get("rules")))


def _read_row(row: Mapping[str, Json]) -> Rule:
    try:
        rule = _rule(row)
        _ = rule.numbers
    except (KeyError, TypeError, ValueError) as problem:
        raise ParameterError(f"{row.get('id')}: {problem!r}") from None
    if rule.evidence not in EVIDENCE or not rule.regimes or rule.effective_to == rule.effective_from:
        raise ParameterError(f"{rule.id}: evidence, regimes or dates")
    return rule


def _rule(row: Mapping[str, Json]) -> Rule:
    title = as_object(row["title"])
    ends = row["effective_to"]
    return Rule(
        id=_text(row["id"]),
        regimes=tuple(_text(item) for item in as_array(row["regimes"])),
        stage=_text(row["stage"]),
        zh=_text(title["zh"]),
        en=_text(title["en"]),
        op=OPERATORS[OPERATORS.index(cast("Operator", row["op"]))],
        value=_value(row["value"]),
        unit=_text(row["unit"]),
        from_event=_optional(row["from_event"]),
        to_event=_optional(row["to_event"]),
        rolls=row["rolls"] is True,
        clause=_text(row["clause"]),
        evidence=_text(row["evidence"]),
        severity=SEVERITIES[SEVERITIES.index(cast("Severity", row["severity"]))],
        region=_optional(row["region"]),
        effective_from=date.fromisoformat(_text(row["effective_from"])),
        effective_to=None if ends is None else date.fromisoformat(_text(ends)),
        effective_stated=row["effective_basis"] == "stated",
        note=_optional(row["note"]) or "",
        examples=tuple(_examples(as_object(row.get("examples")))),
    )


def _examples(found: Mapping[str, Json]) -> Iterator[PeriodExample]:
    for kind, expected in (("valid", True), ("invalid", False)):
        for events in as_array(found.get(kind)):
            yield PeriodExample({name: _text(text) for name, text in as_object(events).items()}, expected)


def _value(value: Json) -> Value:
    if value is None or (isinstance(value, (int, str)) and not isinstance(value, bool)):
        return value
    items = as_array(value)
    if not items or any(isinstance(item, bool) or not isinstance(item, (int, str)) for item in items):
        raise TypeError("value is a number, an exact decimal as text, or several")
    return cast("tuple[Number, ...]", tuple(items))


def _text(value: Json) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError("a non-empty string is expected")
    return value


def _optional(value: Json) -> str | None:
    return None if value is None else _text(value)


def _refuse_overlap(rows: Sequence[Rule]) -> None:
    for number, one in enumerate(rows):
        for other in rows[number + 1 :]:
            apart = not set(one.regimes) & set(other.regimes) or one.region != other.region
            later = one.effective_from >= (other.effective_to or date.max)
            earlier = other.effective_from >= (one.effective_to or date.max)
            if not (apart or later or earlier):
                raise ParameterError(f"{one.id}: two rows are in force at the same time")
