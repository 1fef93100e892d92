"""
Tallies (统计): how many past records a draft keeps, and which it would refuse, grouped so that an officer can read it.

A tally grows with the number of different faults, cities and months, never with the number of records; what an archive
invents beyond the bounds is counted under ``…``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from tradehall_standards.catalogue import Finding
from tradehall_standards.strict import Json, as_array, as_object

SHOWN: Final = 3
"""Records named of each group, and of each city and month in it."""
MAX_GROUPS: Final = 2_000
MAX_CELLS: Final = 20_000
_MAX_TEXT: Final = 200
REST: Final = "…"

Cell = tuple[str, str]
"""City and month."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong, wherever it occurs (问题类别): ``pointer`` with ``*`` for every index and free name."""

    family: str
    pointer: str
    keyword: str
    rule: str
    severity: str
    message_zh: str = field(compare=False)
    message_en: str = field(compare=False)

    @classmethod
    def of(cls, family: str, pointer: str, finding: Finding) -> Fault:
        """Return the fault of a finding at a generalised place."""
        return cls(
            family, pointer, finding.keyword, finding.rule, finding.severity, finding.message_zh, finding.message_en
        )


@dataclass(slots=True)
class Group:
    """The records with one fault (同类问题): how many, how many of them were at fault before, and the first of them."""

    records: int = 0
    already: int = 0
    first: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    cells: dict[Cell, tuple[int, list[str]]] = field(default_factory=dict[Cell, tuple[int, list[str]]])


@dataclass(slots=True)
class Tally:
    """
    What a replay has found so far (统计结果).

    Attributes:
        read: records read, whatever came of them.
        other: of families that the draft leaves alone.
        unreadable: not records, by code; the first places of each.
        already: invalid under the draft, and under the version that they cite as well.
        cells: family, city and month → valid and invalid.
    """

    read: int = 0
    other: int = 0
    already: int = 0
    warned: int = 0
    unreadable: dict[str, tuple[int, list[str]]] = field(default_factory=dict[str, tuple[int, list[str]]])
    cells: dict[tuple[str, Cell], tuple[int, int]] = field(default_factory=dict[tuple[str, Cell], tuple[int, int]])
    groups: dict[Fault, Group] = field(default_factory=dict[Fault, Group])

    @property
    def valid(self) -> int:
        """Records that the draft keeps."""
        return sum(valid for valid, _ in self.cells.values())

    @property
    def invalid(self) -> int:
        """Records that the draft would refuse."""
        return sum(invalid for _, invalid in self.cells.values())

    def note(self, family: str, cell: Cell, *, valid: bool, count: int = 1) -> None:
        """Count records of a family, city and month."""
        key = (family, cell)
        if key not in self.cells and len(self.cells) >= MAX_CELLS:
            key = (REST, (REST, REST))
        before = self.cells.get(key, (0, 0))
        self.cells[key] = (before[0] + count, before[1]) if valid else (before[0], before[1] + count)

    def note_unreadable(self, code: str, place: str) -> None:
        """Count a piece that is no record."""
        count, first = self.unreadable.get(code, (0, []))
        self.unreadable[code] = (count + 1, [*first, place][:SHOWN])

    def group(self, fault: Fault) -> Group:
        """Return the group of a fault, a new one where there is none."""
        if fault not in self.groups and len(self.groups) >= MAX_GROUPS:
            fault = Fault(REST, REST, REST, REST, fault.severity, REST, REST)
        return self.groups.setdefault(fault, Group())

    def note_fault(self, fault: Fault, cell: Cell, record: str, pointer: str, *, already: bool) -> None:
        """Count a record under one of its faults."""
        found = self.group(fault)
        found.records += 1
        found.already += already
        if len(found.first) < SHOWN:
            found.first.append((record, pointer))
        _count(found, cell, 1, [record])

    def add(self, other: Tally) -> None:
        """Add what was found in records that come after these (合并)."""
        self.read += other.read
        self.other += other.other
        self.already += other.already
        self.warned += other.warned
        for code, (count, places) in other.unreadable.items():
            before, first = self.unreadable.get(code, (0, []))
            self.unreadable[code] = (before + count, [*first, *places][:SHOWN])
        for (family, cell), (valid, invalid) in other.cells.items():
            self.note(family, cell, valid=True, count=valid)
            self.note(family, cell, valid=False, count=invalid)
        for fault, group in other.groups.items():
            mine = self.group(fault)
            mine.records += group.records
            mine.already += group.already
            mine.first = [*mine.first, *group.first][:SHOWN]
            for cell, (count, ids) in group.cells.items():
                _count(mine, cell, count, ids)

    def ordered(self) -> list[tuple[Fault, Group]]:
        """Return the groups, what blocks first, then the largest."""
        return sorted(
            self.groups.items(),
            key=lambda item: (item[0].severity != "block", -item[1].records, item[0].family, item[0].pointer),
        )

    def to_json(self) -> dict[str, Json]:
        """Return the tally as data; :meth:`read_json` reads it back."""
        return {
            "read": self.read,
            "judged": self.valid + self.invalid,
            "valid": self.valid,
            "invalid": self.invalid,
            "already": self.already,
            "warned": self.warned,
            "other": self.other,
            "unreadable": [
                {"code": code, "records": count, "first": list(first)}
                for code, (count, first) in sorted(self.unreadable.items())
            ],
            "by": [
                {"family": family, "city": city, "month": month, "valid": valid, "invalid": invalid}
                for (family, (city, month)), (valid, invalid) in sorted(self.cells.items())
            ],
            "groups": [_group_json(fault, group) for fault, group in self.ordered()],
        }

    @classmethod
    def read_json(cls, value: Mapping[str, Json]) -> Tally:
        """Read what :meth:`to_json` gave; raises ValueError, TypeError or LookupError for anything else."""
        read, other, already, warned = (_number(value[name]) for name in ("read", "other", "already", "warned"))
        found = cls(read, other, already, warned)
        for row in map(as_object, as_array(value["unreadable"])):
            found.unreadable[str(row["code"])] = (_number(row["records"]), _texts(row["first"]))
        for row in map(as_object, as_array(value["by"])):
            cell = (str(row["city"]), str(row["month"]))
            found.cells[str(row["family"]), cell] = (_number(row["valid"]), _number(row["invalid"]))
        for row in map(as_object, as_array(value["groups"])):
            message = as_object(row["message"])
            family, pointer, keyword = (str(row[name]) for name in ("family", "pointer", "keyword"))
            fault = Fault(
                family, pointer, keyword, str(row["rule"]), str(row["severity"]), str(message["zh"]), str(message["en"])
            )
            found.groups[fault] = _read_group(row)
        return found


def _count(group: Group, cell: Cell, count: int, ids: Sequence[str]) -> None:
    if cell not in group.cells and len(group.cells) >= MAX_CELLS:
        cell = (REST, REST)
    before, first = group.cells.get(cell, (0, []))
    group.cells[cell] = (before + count, [*first, *ids][:SHOWN])


def _group_json(fault: Fault, group: Group) -> dict[str, Json]:
    return {
        "family": fault.family,
        "pointer": fault.pointer,
        "keyword": fault.keyword,
        "rule": fault.rule,
        "severity": fault.severity,
        "message": {"zh": fault.message_zh, "en": fault.message_en},
        "records": group.records,
        "already": group.already,
        "first": [{"record": record, "pointer": pointer} for record, pointer in group.first],
        "cells": [
            {"city": city, "month": month, "records": count, "first": list(first)}
            for (city, month), (count, first) in sorted(group.cells.items())
        ],
    }


def _read_group(row: Mapping[str, Json]) -> Group:
    group = Group(_number(row["records"]), _number(row["already"]))
    for item in map(as_object, as_array(row["first"])):
        group.first.append((str(item["record"]), str(item["pointer"])))
    for item in map(as_object, as_array(row["cells"])):
        cell = (str(item["city"]), str(item["month"]))
        group.cells[cell] = (_number(item["records"]), _texts(item["first"]))
    return group


def _number(value: Json) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError("a whole number is expected")
    return value


def _texts(value: Json) -> list[str]:
    return [str(item) for item in as_array(value)]


def shortened(text: str) -> str:
    """Return a city's name as it is grouped by: an archive may hold anything there."""
    return text if len(text) <= _MAX_TEXT else text[:_MAX_TEXT] + REST
