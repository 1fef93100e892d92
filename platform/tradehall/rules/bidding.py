"""
Handing in sealed bids (投标): commitment first, ciphertext after; replace, confirm, withdraw until the deadline.

No record here names a bidder: the author is a key made for this one bid. Facts of kind ``bid``, ``recipient`` and
``ciphertext`` are secret until opening.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, cast

from tradehall.kernel.case import Effects, Fact, local_text
from tradehall.kernel.payload import Obj, obj, rows
from tradehall.kernel.procedure import View
from tradehall.kernel.refusal import Refusal, refuse
from tradehall.rules import sealing

if TYPE_CHECKING:
    from tradehall_standards import Json

SECRET_KINDS = frozenset({"bid", "recipient", "ciphertext"})


def bid_of(view: View) -> Obj:
    """Return the bid a record is about; empty when there is none."""
    return obj(view.facts.get("bid", str(view.payload["submission"])))


# --- guards ---------------------------------------------------------------------------------------------------


def bid_is_in_time(view: View) -> Refusal | None:
    """
    Refuse a bid record stamped at or after the deadline (逾期送达): T itself is late.

    Source: 招标投标法实施条例 36; 电子招标投标办法 27.
    """
    deadline = view.case.instant("deadline")
    if deadline is None or view.at < deadline:
        return None
    return refuse("BID-LATE", deadline=local_text(deadline), at=local_text(view.at))


def late(view: View) -> Refusal:
    """Return the refusal of a bid record that comes when bids are closed by state."""
    deadline = view.case.instant("deadline")
    return refuse("BID-LATE", deadline=local_text(deadline) if deadline else "", at=local_text(view.at))


def ciphertext_is_in_time(view: View) -> Refusal | None:
    """Refuse a ciphertext after the deadline and the grace its notice gave (mainland regimes: none)."""
    deadline = view.case.instant("deadline")
    if deadline is None:
        return None
    until = deadline + timedelta(seconds=cast("int", view.case.head.get("grace_seconds", 0)))
    return None if view.at < until else refuse("BID-LATE", deadline=local_text(until), at=local_text(view.at))


def bid_key_is_author(view: View) -> Refusal | None:
    """Refuse a bid record whose author is not the bid key it shows."""
    key = sealing.unbase64url(str(view.payload["bid_key"]))
    return None if sealing.bid_author(key) == view.author else refuse("BID-NOT-YOURS", pointer="/bid_key")


def bid_is_own(view: View) -> Refusal | None:
    """Refuse a record about a bid that does not exist or was made with another key."""
    bid = bid_of(view)
    if not bid:
        return refuse("BID-UNKNOWN", submission=view.payload["submission"], pointer="/submission")
    return None if bid["author"] == view.author else refuse("BID-NOT-YOURS", pointer="/bid_key")


def bid_stands(view: View) -> Refusal | None:
    """Refuse a record about a bid that is withdrawn or replaced."""
    return refuse("BID-WITHDRAWN", submission=view.payload["submission"]) if bid_of(view).get("withdrawn") else None


def commitment_is_sound(view: View) -> Refusal | None:
    """Refuse a commitment whose seal does not match the notice: lot, policy, custodians, threshold, sizes."""
    p = view.payload
    if p["lot"] not in view.case.tracks:
        return refuse("LOT-UNKNOWN", lot=p["lot"], pointer="/lot")
    terms = sealing.SealingTerms(
        tuple(sealing.Custodian(str(c["party"]), str(c["recipient"])) for c in rows(view.case.head["custodians"])),
        cast("int", view.case.head["threshold"]),
        view.case.text("policy"),
    )
    findings = sealing.check_commitment(p, terms)
    if not findings:
        return None
    return refuse("SEAL-WRONG", why=f"{findings[0].zh} / {findings[0].en}", pointer=findings[0].pointer)


def commitment_is_fresh(view: View) -> Refusal | None:
    """Refuse a submission id, recipient or ciphertext that was used before in this tender (复制密文)."""
    p = view.payload
    if view.facts.get("bid", str(p["submission"])) is not None:
        return refuse("BID-DUPLICATE", submission=p["submission"], pointer="/submission")
    if view.facts.get("recipient", str(p["recipient"])) is not None:
        return refuse("BID-COPIED", pointer="/recipient")
    if view.facts.get("ciphertext", str(obj(p["ciphertext"])["sha256"])) is not None:
        return refuse("BID-COPIED", pointer="/ciphertext/sha256")
    return None


def commitment_answers_latest(view: View) -> Refusal | None:
    """Refuse a bid that does not answer the latest notice or the clarification that outdated it."""
    return None if view.payload["answers"] == view.case.head["answers"] else refuse("BID-STALE", pointer="/answers")


def replaced_bid_is_own(view: View) -> Refusal | None:
    """Refuse to replace a bid that does not exist, lies in another lot, or was made with another key."""
    replaced = view.payload.get("replaces")
    if replaced is None:
        return None
    bid = obj(view.facts.get("bid", str(replaced)))
    if not bid or bid["lot"] != view.payload["lot"]:
        return refuse("BID-UNKNOWN", submission=replaced, pointer="/replaces")
    if bid["author"] != view.author:
        return refuse("BID-NOT-YOURS", pointer="/replaces")
    return refuse("BID-WITHDRAWN", submission=replaced, pointer="/replaces") if bid.get("withdrawn") else None


def ciphertext_is_committed(view: View) -> Refusal | None:
    """Refuse a ciphertext that is not the one committed to, or is not attached exactly once."""
    bid, attachments = bid_of(view), view.filed.record.attachments
    committed = obj(bid.get("ciphertext"))
    if view.payload["ciphertext"] != committed:
        return refuse("SEAL-WRONG", why="密文摘要与承诺不符 / ciphertext differs", pointer="/ciphertext")
    if len(attachments) != 1 or (attachments[0].sha256, attachments[0].size) != (
        committed["sha256"],
        committed["size"],
    ):
        return refuse("ATTACHMENT-WRONG", why="应恰有一个密文附件 / exactly one ciphertext", pointer="/attachments")
    return None


# --- folds ----------------------------------------------------------------------------------------------------


def commitment_folds(view: View) -> Effects:
    """Keep a commitment; the bid it replaces no longer stands."""
    p = view.payload
    submission = str(p["submission"])
    bid: Json = {
        "lot": p["lot"],
        "author": view.author,
        "commitment": view.digest,
        "recipient": p["recipient"],
        "ciphertext": p["ciphertext"],
        "commitments": p["commitments"],
        "answers": p["answers"],
        "complete": False,
        "withdrawn": False,
    }
    facts = [
        Fact("bid", submission, bid),
        Fact("recipient", str(p["recipient"]), submission),
        Fact("ciphertext", str(obj(p["ciphertext"])["sha256"]), submission),
    ]
    replaced = p.get("replaces")
    if replaced is not None:
        facts.append(Fact("bid", str(replaced), {**obj(view.facts.get("bid", str(replaced))), "withdrawn": True}))
    return Effects(facts=tuple(facts))


def ciphertext_folds(view: View) -> Effects:
    """Mark a bid complete: only now does it stand (递交完成)."""
    return Effects(facts=(Fact("bid", str(view.payload["submission"]), {**bid_of(view), "complete": True}),))


def withdrawal_folds(view: View) -> Effects:
    """Mark a bid withdrawn (撤回)."""
    return Effects(facts=(Fact("bid", str(view.payload["submission"]), {**bid_of(view), "withdrawn": True}),))


def confirmation_folds(view: View) -> Effects:
    """Confirm a bid against changed terms (确认)."""
    changed = {**bid_of(view), "answers": view.payload["answers"]}
    return Effects(facts=(Fact("bid", str(view.payload["submission"]), changed),))
