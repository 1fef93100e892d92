"""
The life of a guarantee letter (电子保函): apply, decide, pay, issue, verify at opening, claim, release, expire.

The letter is irrevocable from issue on; what may follow is fixed by its state and its dates.
Source: 最高人民法院关于审理独立保函纠纷案件若干问题的规定 3, 4, 11.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from tradehall.kernel.case import Effects
from tradehall.kernel.payload import amount, obj
from tradehall.kernel.procedure import View
from tradehall.kernel.refusal import Refusal, refuse

if TYPE_CHECKING:
    from tradehall_standards import Json

MOVES = {
    ("approved", "premium_paid"): "awaiting_issue",
    ("issued", "verified"): "verified",
    ("issued", "cancel"): "cancelled",
    ("issued", "expire"): "expired",
    ("verified", "claim"): "claimed",
    ("verified", "release"): "released",
    ("verified", "expire"): "expired",
    ("claimed", "examine"): "examined",
    ("examined", "pay"): "paid",
    ("examined", "reject_claim"): "verified",
}
"""(state, event) → next state; every other pair is refused."""

ACTORS = {
    "premium_paid": "guarantor",
    "verified": "centre",
    "cancel": "guarantor",
    "expire": "guarantor",
    "claim": "beneficiary",
    "release": "beneficiary",
    "examine": "guarantor",
    "pay": "guarantor",
    "reject_claim": "guarantor",
}


def applicant_applies(view: View) -> Refusal | None:
    """Refuse an application in another's name."""
    own = obj(view.payload["applicant"])["id"] == view.author
    return (
        None
        if own
        else refuse("ROLE-NOT-ALLOWED", family="guarantee_application", roles="applicant", pointer="/applicant")
    )


def guarantor_is_known(view: View) -> Refusal | None:
    """Refuse an application to somebody who may not issue letters here."""
    known = str(obj(view.payload["guarantor"])["id"]) in view.world.issuers
    return None if known else refuse("GUARANTEE-WRONG", why="开立人未登记 / unknown issuer", pointer="/guarantor")


def dates_are_ordered(view: View) -> Refusal | None:
    """Refuse a validity that ends before it begins, or has ended."""
    start, end = (date.fromisoformat(str(view.payload[k])) for k in ("valid_from", "valid_until"))
    return (
        None
        if start <= end and view.today <= end
        else refuse("GUARANTEE-WRONG", why="有效期 / validity", pointer="/valid_until")
    )


def letter_fits_application(view: View) -> Refusal | None:
    """Refuse a letter that promises less, or to another, than was applied for."""
    applied = view.case.table("application")
    p = view.payload
    for member in ("applicant", "beneficiary", "tender", "lot"):
        if p[member] != applied[member]:
            return refuse("GUARANTEE-WRONG", why=member, pointer=f"/{member}")
    if amount(p["amount"]) != amount(applied["amount"]):
        return refuse("GUARANTEE-WRONG", why="金额与申请不符 / amount", pointer="/amount")
    if str(p["valid_until"]) < str(applied["valid_until"]) or str(p["valid_from"]) > str(applied["valid_from"]):
        return refuse("GUARANTEE-WRONG", why="有效期短于申请 / validity", pointer="/valid_until")
    if obj(p["issuer"])["id"] != view.author:
        return refuse("GUARANTEE-WRONG", why="开立人 / issuer", pointer="/issuer")
    attached = [a.sha256 for a in view.filed.record.attachments]
    return None if attached == [p["letter"]] else refuse("ATTACHMENT-WRONG", why="保函文件 / letter", pointer="/letter")


def event_fits(view: View) -> Refusal | None:
    """Refuse an event that the state or the dates do not allow, or that is not the author's to file."""
    event, state = str(view.payload["event"]), view.case.tracks["*"]
    if (state, event) not in MOVES:
        return refuse("GUARANTEE-ORDER", why=f"{state} → {event}", pointer="/event")
    if ACTORS[event] not in view.roles:
        return refuse("ROLE-NOT-ALLOWED", family=f"guarantee_event:{event}", roles=ACTORS[event], pointer="/event")
    letter = view.case.text("letter")
    if letter and view.payload.get("letter") != letter:
        return refuse("GUARANTEE-WRONG", why="保函 / letter", pointer="/letter")
    until = view.case.text("valid_until")
    if event == "claim" and view.today.isoformat() > until:
        return refuse("GUARANTEE-ORDER", why=f"有效期至 {until} / expired", pointer="/event", clause="独立保函规定 11")
    if event == "expire" and view.today.isoformat() <= until:
        return refuse(
            "GUARANTEE-ORDER", why=f"有效期至 {until} / still valid", pointer="/event", clause="独立保函规定 11"
        )
    return None


def application_folds(view: View) -> Effects:
    """Note who applied for what, and to whom (保函申请)."""
    p = view.payload
    parties: Json = {
        "applicant": [view.author],
        "guarantor": [obj(p["guarantor"])["id"]],
        "beneficiary": [obj(p["beneficiary"])["id"]],
    }
    return Effects(head={"parties": parties, "application": dict(p), "regime": "", "region": ""})


def decision_moves(view: View) -> str:
    """Return the state after underwriting."""
    return "approved" if view.payload["decision"] == "approve" else "refused"


def letter_folds(view: View) -> Effects:
    """Note the letter issued (保函开立)."""
    p = view.payload
    return Effects(head={"letter": p["letter"], "number": p["number"], "valid_until": p["valid_until"]})


def event_moves(view: View) -> str:
    """Return the state after an event of ``MOVES``."""
    return MOVES.get((view.case.tracks["*"], str(view.payload["event"])), view.case.tracks["*"])
