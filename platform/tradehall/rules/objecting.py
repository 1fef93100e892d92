"""
Objections and complaints (异议、投诉): who may raise them until when, and the pause they cause.

An objection pauses its lot, or the whole case, until it is answered; an accepted complaint until it is decided.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from tradehall.kernel.case import Effects, Fact, local_text
from tradehall.kernel.payload import obj
from tradehall.kernel.procedure import View
from tradehall.kernel.refusal import Refusal, refuse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradehall_standards import Json


def objection_is_in_time(view: View) -> Refusal | None:
    """
    Refuse an objection outside its window: documents ≥ 10 days before the deadline, results within the publicity.

    Where no candidates are put on display (government procurement), results within 7 working days of the award (质疑).

    Source: 招标投标法实施条例 22, 44, 54; 政府采购法 52.
    """
    about, state = view.payload["about"], view.case.tracks[view.lots[0]]
    fits = {"tendering": "document", "opening": "opening", "publicity": "result", "awarded": "result"}.get(state)
    if about != fits:
        return refuse("OBJECTION-LATE", until=state, pointer="/about")
    if about == "document":
        deadline = view.case.instant("deadline")
        verdict = view.judge("objection_lead", {"objection": view.at, "bid_deadline": deadline or view.at})
        if verdict is not None and not verdict.ok:
            return refuse("OBJECTION-LATE", until=f"{verdict.required}", clause=verdict.rule.clause)
    if state == "awarded":
        return _challenge_refusal(view)
    if about == "result":
        until = str(obj(view.case.table("publicity").get(view.lots[0])).get("ends_on", ""))
        if view.today.isoformat() > until:
            return refuse("OBJECTION-LATE", until=until, clause=view.world.law.clause("publicity", view.today))
    return None


def _challenge_refusal(view: View) -> Refusal | None:
    lot = view.lots[0]
    awarded = date.fromisoformat(str(obj(view.case.table("awards")[lot])["on"]))
    verdict = view.judge("result_objection", {"knew_or_should_know": awarded, "challenge": view.today})
    if verdict is not None:
        return None if verdict.ok else refuse("OBJECTION-LATE", until=verdict.required, clause=verdict.rule.clause)
    until = str(obj(view.case.table("publicity").get(lot)).get("ends_on", "awarded"))
    return refuse("OBJECTION-LATE", until=until, clause=view.world.law.clause("publicity", view.today))


def objection_is_open(view: View) -> Refusal | None:
    """Refuse a reply to an objection that is unknown or answered."""
    digest = str(view.payload["objection"])
    pause = obj(view.case.table("pauses").get(digest))
    return None if pause.get("by") == "objection" else refuse("OBJECTION-UNKNOWN", digest=digest, pointer="/objection")


def complaint_follows_objection(view: View) -> Refusal | None:
    """Refuse a complaint on documents, opening or result that no objection preceded (投诉前置)."""
    if view.payload["about"] == "other":
        return None
    digest = str(view.payload.get("objection", ""))
    if view.facts.get("objection", digest) is not None:
        return None
    return refuse("COMPLAINT-NEEDS-OBJECTION", pointer="/objection")


def complaint_is_open(view: View) -> Refusal | None:
    """Refuse a decision on a complaint that is unknown or decided."""
    digest = str(view.payload["complaint"])
    known = obj(view.facts.get("complaint", digest))
    return None if known and not known["decided"] else refuse("OBJECTION-UNKNOWN", digest=digest, pointer="/complaint")


# --- folds ----------------------------------------------------------------------------------------------------


def _pauses_with(view: View, digest: str, pause: Mapping[str, Json]) -> dict[str, Json]:
    return {**view.case.table("pauses"), digest: dict(pause)}


def _pauses_without(view: View, digest: str) -> dict[str, Json]:
    return {k: v for k, v in view.case.table("pauses").items() if k != digest}


def objection_folds(view: View) -> Effects:
    """Pause the lot, or the case, until the reply (异议暂停)."""
    pause: dict[str, Json] = {
        "by": "objection",
        "lot": view.payload.get("lot"),
        "at": local_text(view.at),
        "clause": "招标投标法实施条例 22, 44, 54",
    }
    fact = Fact("objection", view.digest, {"about": view.payload["about"], "author": view.author})
    return Effects(head={"pauses": _pauses_with(view, view.digest, pause)}, facts=(fact,))


def reply_folds(view: View) -> Effects:
    """End the pause of an objection (答复后恢复)."""
    return Effects(head={"pauses": _pauses_without(view, str(view.payload["objection"]))})


def reply_moves(view: View) -> str:
    """
    Return the state of a lot after a reply: back to evaluation when it orders one, else as it was (重新评标).

    A reply names no lot: it moves only the lot that its objection was about.
    """
    lot = view.lots[0]
    about = obj(view.case.table("pauses").get(str(view.payload["objection"]))).get("lot")
    again = view.payload.get("action") == "re_evaluate" and about in (None, lot)
    state = view.case.tracks[lot]
    return "opened" if again and state == "publicity" else state


def complaint_folds(view: View) -> Effects:
    """Keep a complaint; it pauses nothing before it is accepted (投诉)."""
    kept: Json = {"lot": view.payload.get("lot"), "author": view.author, "decided": False}
    return Effects(facts=(Fact("complaint", view.digest, kept),))


def complaint_decision_folds(view: View) -> Effects:
    """Pause on acceptance, end the pause on decision (投诉处理)."""
    digest = str(view.payload["complaint"])
    known = obj(view.facts.get("complaint", digest))
    if "decision" not in view.payload and view.payload["accepted"]:
        pause: dict[str, Json] = {
            "by": "complaint",
            "lot": known.get("lot"),
            "at": local_text(view.at),
            "clause": "招标投标法实施条例 62",
        }
        return Effects(head={"pauses": _pauses_with(view, digest, pause)})
    fact = Fact("complaint", digest, {**known, "decided": True})
    return Effects(head={"pauses": _pauses_without(view, digest)}, facts=(fact,))
