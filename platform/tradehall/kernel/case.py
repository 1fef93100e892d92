"""
Cases (项目、案卷): the state that a sequence of records has brought about.

A case is a *fold* of its records. What is small and public stands in ``head``; what is numerous or secret stands in
keyed *facts* that a guard reads one by one, so that accepting the two-thousandth record costs what the twentieth did.
Both are caches: ``tradehall.kernel.admission.apply`` makes them again from the records.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    from tradehall.kernel.record import CaseId
    from tradehall_standards import Json

CENTRE_ZONE = timezone(timedelta(hours=8), "UTC+08:00")
"""Civil time of the centre (北京时间); legal dates are dates in this zone."""

NEW = "new"
ALL_LOTS = "*"
"""The only track of a case before its lots are known, and of procedures that have none."""


class Facts(Protocol):
    """Keyed facts of one case (案卷要素): written by folds, read by guards."""

    def get(self, kind: str, key: str) -> Json:
        """Return the fact, or None."""
        ...

    def all(self, kind: str) -> Sequence[tuple[str, Json]]:
        """Return all facts of a kind in the order of their first writing."""
        ...


@dataclass(frozen=True, slots=True)
class Fact:
    """One keyed fact; a later one with the same kind and key replaces it."""

    kind: str
    key: str
    value: Json


@dataclass(frozen=True, slots=True)
class Effects:
    """What one record changes (记录效果): members of the head (None removes), facts, lots opened."""

    head: Mapping[str, Json] | None = None
    facts: tuple[Fact, ...] = ()
    tracks: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """
    One case (案卷) as its records have left it.

    Attributes:
        tracks: lot id → state; a case without lots has the one track ``*``.
        head: small public facts (parties, deadline, ceilings, …).
    """

    id: CaseId
    procedure: str
    tracks: Mapping[str, str]
    head: Mapping[str, Json]

    @classmethod
    def new(cls, case: CaseId, procedure: str, node: str) -> Case:
        """Return a case without records, to be run by ``node``."""
        return cls(case, procedure, {ALL_LOTS: NEW}, {"node": node, "parties": {}})

    @property
    def is_new(self) -> bool:
        """Whether no record has been filed."""
        return self.tracks.get(ALL_LOTS) == NEW

    def after(self, effects: Effects, moved: Mapping[str, str]) -> Case:
        """Return the case with ``effects`` and the table's moves applied."""
        head = dict(self.head)
        for name, value in (effects.head or {}).items():
            if value is None:
                head.pop(name, None)
            else:
                head[name] = value
        tracks = {**self.tracks, **moved}
        if effects.tracks is not None:
            tracks = {**{k: v for k, v in tracks.items() if k != ALL_LOTS}, **effects.tracks}
        return replace(self, tracks=tracks, head=head)

    def text(self, name: str) -> str:
        """Return a head member that is a string; empty when absent."""
        value = self.head.get(name)
        return value if isinstance(value, str) else ""

    def table(self, name: str) -> Mapping[str, Json]:
        """Return a head member that is an object; empty when absent."""
        value = self.head.get(name)
        return cast("Mapping[str, Json]", value) if isinstance(value, dict) else {}

    def parties(self, role: str) -> tuple[str, ...]:
        """Return the parties that hold ``role`` in this case."""
        ids = self.table("parties").get(role)
        return tuple(str(i) for i in ids) if isinstance(ids, list) else ()

    def instant(self, name: str) -> datetime | None:
        """Return a head member that is an instant, in UTC."""
        text = self.text(name)
        return read_instant(text) if text else None

    @property
    def regime(self) -> str:
        """Legal regime (适用制度) that picks parameters."""
        return self.text("regime")

    @property
    def region(self) -> str:
        """Six-digit region code (行政区划代码)."""
        return self.text("region")


def read_instant(text: str) -> datetime:
    """Read an RFC 3339 instant that the schema has already checked; UTC."""
    return datetime.fromisoformat(text).astimezone(UTC)


def write_instant(at: datetime) -> str:
    """Write an instant in the log's form: UTC, milliseconds, ``Z``."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def local_text(at: datetime) -> str:
    """Write an instant for people: civil time of the centre, with offset."""
    return at.astimezone(CENTRE_ZONE).isoformat(timespec="milliseconds")


def legal_date(at: datetime) -> date:
    """Return the legal date of an instant (法定日期)."""
    return at.astimezone(CENTRE_ZONE).date()
