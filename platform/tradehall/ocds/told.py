"""
What may be told (可公开记录): records of a case in the order of the log, each at the moment it became public.

The same rule as the permission table's, asked again here: an evidence file holds more than the public may see.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from tradehall.kernel.record import Attachment

if TYPE_CHECKING:
    from tradehall_standards import Json

ASKED: Final = frozenset({"question", "objection", "complaint"})
PANEL: Final = frozenset({"evaluation_report", "report_signature"})
DISPLAYING: Final = frozenset({"candidate_publicity", "award_notice"})
UNTOLD: Final[Mapping[str, str]] = {
    "bid_commitment": "a sealed bid; what it became stands in its disclosure",
    "sealed_bid": "a sealed bid; what it became stands in its disclosure",
    "bid_confirmation": "tells that there is a bid",
    "bid_withdrawal": "tells that there was a bid",
    "key_release": "a key; proof, not contracting data",
    "share_release": "part of a key; proof, not contracting data",
    "proposal": "the first of two signatures under an act; the act itself is told",
}
"""Families of the procedure that no package ever tells of, and why."""


@dataclass(frozen=True, slots=True)
class Told:
    """A record (记录) as far as OCDS is concerned; ``at`` is when it was accepted."""

    digest: str
    family: str
    author: str
    at: datetime
    payload: Mapping[str, Json]
    attachments: tuple[Attachment, ...] = ()


def in_public(records: Iterable[Told]) -> Iterator[tuple[Told, tuple[Told, ...]]]:
    """
    Yield each public record with those that became public by it (公开顺序).

    Questions, objections and complaints wait for the opening, reports for the display of their lot's candidates.
    Source: 招标投标法 22, 38, 44.
    """
    opened = False
    waiting: list[Told] = []
    displayed: set[str] = set()
    report_lot: dict[str, str] = {}
    for record in records:
        if record.family in UNTOLD:
            continue
        if record.family == "evaluation_report":
            report_lot[record.digest] = str(record.payload.get("lot"))
        opened = opened or record.family == "opening_start"
        if record.family in DISPLAYING:
            displayed.add(str(record.payload.get("lot")))
        if _waits(record, opened, displayed, report_lot):
            waiting.append(record)
            continue
        ready = tuple(w for w in waiting if not _waits(w, opened, displayed, report_lot))
        waiting = [w for w in waiting if w not in ready]
        yield record, ready


def _waits(record: Told, opened: bool, displayed: set[str], report_lot: Mapping[str, str]) -> bool:
    if record.family in ASKED:
        return not opened
    if record.family == "evaluation_report":
        return str(record.payload.get("lot")) not in displayed
    if record.family == "report_signature":
        return report_lot.get(str(record.payload.get("report")), "") not in displayed
    return False
