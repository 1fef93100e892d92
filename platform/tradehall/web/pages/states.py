"""
States as the portal shows them (状态): from lot states of a procedure to words, rails and standstills.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal

from tradehall.kernel.payload import obj, rows, texts
from tradehall.web.pages import words
from tradehall.web.pages.shelf import Dossier
from tradehall.web.portal import views as v
from tradehall.web.portal.views import Label
from tradehall_standards.catalogue import Catalogue

ORDER: Final = (
    "registered",
    "tendering",
    "opening",
    "opened",
    "reported",
    "publicity",
    "awarded",
    "contracted",
    "failed",
    "cancelled",
)
CASE_STATES: Final[dict[str, v.CaseState]] = {
    "registered": "announced",
    "tendering": "announced",
    "opening": "opening",
    "opened": "evaluating",
    "reported": "evaluating",
    "publicity": "publicity",
    "awarded": "awarded",
    "contracted": "contracted",
    "failed": "failed",
    "cancelled": "cancelled",
}
BIDDING, AT_OPENING, EVALUATING = 1, 2, 3
STAGE_OF: Final = {
    "registered": 0,
    "tendering": 1,
    "opening": 2,
    "opened": 3,
    "reported": 3,
    "publicity": 4,
    "awarded": 5,
    "contracted": 5,
}
PAUSED_BY: Final = {
    "objection": Label("收到异议，答复前暂停", "An objection pauses it until it is answered"),
    "complaint": Label("投诉已受理，处理决定前暂停", "A complaint pauses it until it is decided"),
}


def leading(dossier: Dossier) -> str:
    """Return the state of the least advanced lot that still runs; of the others when none does."""
    return min(dossier.case.tracks.values(), key=ORDER.index)


def pauses(dossier: Dossier, lot: str | None = None) -> list[v.Standstill]:
    """Return what the case, or a lot of it, waits for, longest first (暂停)."""
    found: list[v.Standstill] = []
    for pause in map(obj, dossier.case.table("pauses").values()):
        at = words.instant(pause.get("at"))
        if at is not None and (lot is None or pause.get("lot") in (None, lot)):
            reason = PAUSED_BY.get(str(pause.get("by")), Label("已暂停", "Paused"))
            found.append(v.Standstill(kind="paused", since=at, reason=reason, explanation=_texts(pause.get("clause"))))
    return sorted(found, key=lambda s: s.since)


def _texts(value: object) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) and value else ()


def state_of(dossier: Dossier) -> v.CaseState:
    """Return the state of the whole case (项目状态)."""
    state = CASE_STATES[leading(dossier)]
    return "paused" if pauses(dossier) and state not in ("failed", "cancelled") else state


def state_of_lot(dossier: Dossier, lot: str) -> v.CaseState:
    """Return the state of a lot (标段状态)."""
    state = CASE_STATES[dossier.case.tracks[lot]]
    return "paused" if pauses(dossier, lot) and state not in ("failed", "cancelled", "contracted") else state


def ended(dossier: Dossier, catalogue: Catalogue) -> v.Standstill | None:
    """Return why a case has ended without an award, None when a lot still runs or was awarded (终止)."""
    states = set(dossier.case.tracks.values())
    if not states <= {"failed", "cancelled"}:
        return None
    codes = "failure_reason" if "failed" in states else "cancellation_reason"
    found = dossier.last("failed_tender" if "failed" in states else "cancellation")
    if found is None:
        return None
    payload = found.record.payload
    reason = words.code(catalogue, codes, payload.get("reason"), dossier.announced_on)
    kind: Literal["failed", "cancelled"] = "failed" if "failed" in states else "cancelled"
    return v.Standstill(
        kind=kind, since=found.filed.at, reason=reason, explanation=tuple(texts(payload.get("explanation")))
    )


def standstill(dossier: Dossier, catalogue: Catalogue) -> v.Standstill | None:
    """Return why a case stands still or has ended."""
    return ended(dossier, catalogue) or next(iter(pauses(dossier)), None)


def opening_state(dossier: Dossier) -> v.OpeningState:
    """Return where the opening stands (开标状态)."""
    states = set(dossier.case.tracks.values())
    if "opening" in states:
        return "running"
    if "opening_started_at" in dossier.case.head:
        return "closed"
    if states <= {"cancelled"}:
        return "cancelled"
    return "failed" if states <= {"failed", "cancelled"} else "waiting"


def case_rail(dossier: Dossier, now: datetime) -> tuple[v.Step, ...]:
    """Return the five stages 招投开评定 with when each was reached."""
    deadline = dossier.case.instant("deadline")
    state = leading(dossier)
    broken = state in ("failed", "cancelled")
    current = _broken_at(dossier) if broken else STAGE_OF[state]
    if current == BIDDING and deadline is not None and now >= deadline:
        current = AT_OPENING
    publicity, award = dossier.last("candidate_publicity"), dossier.last("award_notice")
    reached = (
        dossier.case.instant("announced_at"),
        deadline,
        dossier.case.instant("opened_at"),
        (publicity or award).filed.at if publicity or award else None,  # type: ignore[union-attr]
        award.filed.at if award else None,
    )
    steps: list[v.Step] = []
    for index, key in enumerate(v.CASE_STAGES):
        if index < current:
            steps.append(v.Step(key, "done", reached[index]))
        elif index == current:
            at = deadline if index in (BIDDING, AT_OPENING) and not broken else None
            steps.append(v.Step(key, "failed" if broken else "current", at))
        else:
            steps.append(v.Step(key, "upcoming"))
    return tuple(steps)


def _broken_at(dossier: Dossier) -> int:
    """Return the stage at which a case ended early."""
    if "opened_at" in dossier.case.head:
        return EVALUATING
    if dossier.of("failed_tender") or "opening_started_at" in dossier.case.head:
        return AT_OPENING
    return BIDDING


def frozen(dossier: Dossier) -> dict[str, dict[str, str]]:
    """Return lot → submission → commitment of the bids that the opening has frozen; empty before it."""
    return {
        str(lot["lot"]): {str(s["submission"]): str(s["commitment"]) for s in rows(lot["submissions"])}
        for start in dossier.of("opening_start")
        for lot in rows(start.record.payload["lots"])
    }
