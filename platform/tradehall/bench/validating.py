"""
Validation measured (校验实测): our catalogue beside the two engines it could have been, on the same schema and records.

Ours does more than either engine: marked identifiers, dated codes and rules come after the schema.
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
import jsonschema_rs
import orjson

from tradehall.bench.figures import Line, Way, race
from tradehall_standards import Catalogue, canonical, strict

if TYPE_CHECKING:
    from tradehall_standards import Json
    from tradehall_standards.catalogue import Version

FAMILIES: Final = ("tender_notice", "bid_commitment", "evaluation_report")
ON: Final = date(2026, 3, 25)
LEAST: Final = Decimal(2)
"""What we want of our check against python-jsonschema, which checks less."""


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

    def ours(self) -> int:
        for payload in self.payloads:
            _pass(not self.catalogue.check(self.version.ref, payload, ON))
        return len(self.payloads)

    def all_of_ours(self) -> int:
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
    lines: list[Line] = []
    for family in FAMILIES:
        subject = _Subject.of(catalogue, family, records)
        rust, python = _engines(subject.version)
        # The slow one gets fewer: what counts is the time of each.
        few = subject.payloads[: max(2, records // 20)]
        ways: dict[str, Way] = {
            "ours": subject.ours,
            "rust": partial(_valid, rust, subject.payloads),
            "python": partial(_valid, python, few),
        }
        found = race(ways, rounds)
        name, ours = f"{family}: Catalogue.check", found.per_second("ours")
        python_times = found.times("ours", "python")
        lines += [
            Line(
                "validation",
                name,
                ours,
                "records/s",
                "jsonschema-rs is_valid",
                found.per_second("rust"),
                found.times("ours", "rust"),
            ),
            Line(
                "validation",
                name,
                ours,
                "records/s",
                "python-jsonschema",
                found.per_second("python"),
                python_times,
                f"≥ {LEAST}×",
                python_times >= LEAST,
            ),
        ]
    return lines


def intake(catalogue: Catalogue, *, records: int = 200, rounds: int = 11) -> list[Line]:
    """Take bytes in: parse strictly, check, digest (解析、校验、摘要)."""
    lines: list[Line] = []
    for family in FAMILIES:
        subject = _Subject.of(catalogue, family, records)
        _, python = _engines(subject.version)
        few = subject.sent[: max(2, records // 20)]
        ways: dict[str, Way] = {"ours": subject.all_of_ours, "python": partial(_loaded, python, few)}
        found = race(ways, rounds)
        times = found.times("ours", "python")
        lines.append(
            Line(
                "intake",
                f"{family}: bytes → strict → valid → digest",
                found.per_second("ours"),
                "records/s",
                "json.loads + python-jsonschema",
                found.per_second("python"),
                times,
                f"≥ {LEAST}×",
                times >= LEAST,
            )
        )
    return lines


def _engines(version: Version) -> tuple[Any, Any]:
    bundle = cast("dict[str, Any]", version.bundle)
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    rust = jsonschema_rs.Draft202012Validator(bundle, offline=True, validate_formats=True)
    return rust, jsonschema.Draft202012Validator(bundle, format_checker=checker)


def _valid(validator: Any, payloads: Sequence[Json]) -> int:
    for payload in payloads:
        _pass(validator.is_valid(payload))
    return len(payloads)


def _loaded(validator: Any, sent: Sequence[bytes]) -> int:
    for body in sent:
        _pass(validator.is_valid(json.loads(body)))
    return len(sent)
