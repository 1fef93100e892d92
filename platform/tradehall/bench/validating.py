"""
Validation measured (校验实测): our catalogue beside ``jsonschema``, on the same schema and records.

The goals are for what both do: the schema. Ours then also judges marked identifiers, dated codes and rules in CEL,
which a schema cannot say; the whole and the rules alone have lines of their own. Processor time of the thread: nobody
waits for anything here, and a busy machine changes it little.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

import jsonschema
import orjson

from tradehall.bench.figures import Line, Race, Way, race
from tradehall_standards import Catalogue, canonical, rules_cel, strict

if TYPE_CHECKING:
    from tradehall_standards import Json
    from tradehall_standards.catalogue import Version

FAMILIES: Final = ("tender_notice", "bid_commitment", "evaluation_report")
ON: Final = date(2026, 3, 25)
SCHEMA_LEAST: Final = Decimal(100)
INTAKE_LEAST: Final = Decimal(15)
_PYTHON: Final = "jsonschema"


@dataclass(frozen=True, slots=True)
class _Subject:
    """One family with its valid examples, repeated (实测对象)."""

    catalogue: Catalogue
    version: Version
    payloads: Sequence[Json]
    sent: Sequence[bytes]

    @classmethod
    def of(cls, catalogue: Catalogue, family: str, records: int) -> _Subject:
        version = catalogue.resolve(family, ON)
        if version is None:
            raise LookupError(family)
        examples = list(version.valid_examples.values())
        payloads = (examples * (records // len(examples) + 1))[:records]
        return cls(catalogue, version, payloads, [orjson.dumps(payload) for payload in payloads])

    def schema(self) -> int:
        for payload in self.payloads:
            _pass(self.version.engine.is_valid(payload))
        return len(self.payloads)

    def whole(self) -> int:
        for payload in self.payloads:
            _pass(not self.catalogue.check(self.version.ref, payload, ON))
        return len(self.payloads)

    def rules(self) -> int:
        for payload in self.payloads:
            prepared = rules_cel.context(payload, ON, self.version.reach)
            _pass(all(rule.holds_in(prepared) for rule in self.version.rules))
        return len(self.payloads)

    def taken_in(self) -> int:
        for sent in self.sent:
            payload = strict.parse(sent)
            _pass(self.version.engine.is_valid(payload))
            canonical.digest(payload)
        return len(self.sent)

    def wholly_taken_in(self) -> int:
        for sent in self.sent:
            payload = strict.parse(sent)
            _pass(not self.catalogue.check(self.version.ref, payload, ON))
            canonical.digest(payload)
        return len(self.sent)


def _pass(valid: bool) -> None:
    """Stop when a valid example is refused: the figure would be that of another path."""
    if not valid:
        raise ValueError("a valid example was refused")


def validation(catalogue: Catalogue, *, records: int = 200, rounds: int = 11) -> list[Line]:
    """Check records that are parsed already (校验)."""
    return [line for family in FAMILIES for line in _validated(_Subject.of(catalogue, family, records), rounds)]


def _validated(subject: _Subject, rounds: int) -> list[Line]:
    # The slow one gets fewer: what counts is the time of each.
    few = subject.payloads[: max(2, len(subject.payloads) // 20)]
    ways: dict[str, Way] = {
        "schema": subject.schema,
        "whole": subject.whole,
        "rules": subject.rules,
        "python": partial(_valid, _python(subject.version), few),
    }
    found = race(ways, rounds, clock="cpu")
    family, count = subject.version.id, len(subject.version.rules)
    whole = f"{family}: schema, identifiers, dated codes, {count} rules"
    alone = f"the CEL engine alone, {count} rules"
    return [
        _compared("validation", f"{family}: schema", "schema", found, least=SCHEMA_LEAST),
        _compared("validation", whole, "whole", found),
        Line(
            "validation",
            whole,
            found.per_second("whole"),
            _UNIT,
            alone,
            found.per_second("rules"),
            found.times("whole", "rules"),
        ),
    ]


_UNIT: Final = "records/cpu s"


def _compared(bench: str, what: str, way: str, found: Race, *, least: Decimal | None = None) -> Line:
    times = found.times(way, "python")
    against = _PYTHON if bench == "validation" else f"json.loads + {_PYTHON}"
    goal, met = ("", None) if least is None else (f"≥ {least}×", times >= least)
    return Line(bench, what, found.per_second(way), _UNIT, against, found.per_second("python"), times, goal, met)


def intake(catalogue: Catalogue, *, records: int = 200, rounds: int = 11) -> list[Line]:
    """Take bytes in: parse strictly, check, digest (解析、校验、摘要)."""
    lines: list[Line] = []
    for family in FAMILIES:
        subject = _Subject.of(catalogue, family, records)
        few = subject.sent[: max(2, records // 20)]
        ways: dict[str, Way] = {
            "schema": subject.taken_in,
            "whole": subject.wholly_taken_in,
            "python": partial(_loaded, _python(subject.version), few),
        }
        found = race(ways, rounds, clock="cpu")
        lines += [
            _compared("intake", f"{family}: bytes → strict → schema → digest", "schema", found, least=INTAKE_LEAST),
            _compared("intake", f"{family}: the same with identifiers, codes, rules", "whole", found),
        ]
    return lines


def _python(version: Version) -> Any:
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    return jsonschema.Draft202012Validator(cast("dict[str, Any]", version.bundle), format_checker=checker)


def _valid(validator: Any, payloads: Sequence[Json]) -> int:
    for payload in payloads:
        _pass(validator.is_valid(payload))
    return len(payloads)


def _loaded(validator: Any, sent: Sequence[bytes]) -> int:
    for body in sent:
        _pass(validator.is_valid(json.loads(body)))
    return len(sent)
