"""
Opening bids (开标): freeze the accepted set, release keys, disclose, close the record.

The opening starts once, at the deadline or after it, never before. What may be opened is exactly the set that the
records leave standing; its root is frozen before any key is released.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradehall.kernel.case import Effects, Fact, local_text
from tradehall.kernel.payload import Obj, obj, rows, texts
from tradehall.kernel.procedure import View
from tradehall.kernel.refusal import Refusal, refuse
from tradehall.rules import sealing
from tradehall.rules.opening_set import accepted_root

if TYPE_CHECKING:
    from tradehall_standards import Json


def standing_bids(view: View, lot: str) -> dict[str, Obj]:
    """Return the bids of a lot that stand: complete, not withdrawn or replaced, answering the latest terms."""
    latest = view.case.head["answers"]
    found = {key: obj(value) for key, value in view.facts.all("bid")}
    return {
        submission: bid
        for submission, bid in sorted(found.items())
        if bid["lot"] == lot and bid["complete"] and not bid["withdrawn"] and bid["answers"] == latest
    }


def bidders_needed(view: View) -> int:
    """Return the least number of bids with which a lot is opened (开标最少投标人数)."""
    return int(view.world.law.number("min_bidders", view.today) or 1)


# --- guards ---------------------------------------------------------------------------------------------------


def deadline_has_come(view: View) -> Refusal | None:
    """Refuse to open before the deadline (不得提前开标)."""
    deadline = view.case.instant("deadline")
    if deadline is None or view.at >= deadline:
        return None
    return refuse("OPENING-EARLY", at=local_text(deadline))


def questions_are_answered(view: View) -> Refusal | None:
    """Refuse to open while a question that was asked in time has no answer."""
    waiting = sum(1 for _, q in view.facts.all("question") if not obj(q)["answered"])
    return refuse("QUESTIONS-OPEN", count=waiting) if waiting else None


def enough_bids(view: View) -> Refusal | None:
    """Refuse to open a lot with too few bids (少于三个投标人不得开标)."""
    lot, needed = view.lots[0], bidders_needed(view)
    count = len(standing_bids(view, lot))
    if count >= needed:
        return None
    return refuse(
        "TOO-FEW-BIDS", lot=lot, count=count, needed=needed, clause=view.world.law.clause("min_bidders", view.today)
    )


def too_few_bids(view: View) -> Refusal | None:
    """Refuse to fail a lot for want of bids when there are enough, or with a wrong count."""
    lot = view.lots[0]
    count = len(standing_bids(view, lot))
    if view.payload["reason"] != "too_few_bids" or count >= bidders_needed(view):
        return refuse("ENOUGH-BIDS", lot=lot, count=count, pointer="/reason")
    return None if view.payload["count"] == count else refuse("OPENING-SET-WRONG", pointer="/count")


def opening_set_is_exact(view: View) -> Refusal | None:
    """Refuse an opening whose set, count or root differs from what the records leave standing."""
    lot = view.lots[0]
    stated = next(item for item in rows(view.payload["lots"]) if item["lot"] == lot)
    bids = standing_bids(view, lot)
    listed = [(str(s["submission"]), str(s["commitment"])) for s in rows(stated["submissions"])]
    if listed != [(s, str(b["commitment"])) for s, b in bids.items()] or stated["count"] != len(bids):
        return refuse("OPENING-SET-WRONG", pointer="/lots")
    root = accepted_root([str(b["commitment"]) for b in bids.values()])
    return None if root == stated["accepted_root"] else refuse("OPENING-SET-WRONG", pointer="/lots")


def opened_bid(view: View) -> Obj:
    """Return the entry of the frozen set that a record is about; empty when it is not in it."""
    return obj(view.facts.get("opening", str(view.payload["submission"])))


def bid_is_in_opening(view: View) -> Refusal | None:
    """Refuse a key, share or disclosure for a bid that is not in the frozen set."""
    if opened_bid(view):
        return None
    return refuse("BID-UNKNOWN", submission=view.payload["submission"], pointer="/submission")


def key_fits_bid(view: View) -> Refusal | None:
    """Refuse a released key that was not made for this bid, or that another than the bidder releases."""
    bid = opened_bid(view)
    if bid["author"] != view.author:
        return refuse("BID-NOT-YOURS", pointer="/bid_key")
    try:
        recipient = sealing.recipient_of_secret(sealing.decode_secret(str(view.payload["secret_key"])))
    except sealing.NotAnAgeKeyError as error:
        return refuse("KEY-WRONG", why=str(error), pointer="/secret_key")
    if recipient == bid["recipient"]:
        return None
    return refuse(
        "KEY-WRONG", why="与承诺的收件密钥不符 / does not derive the committed recipient", pointer="/secret_key"
    )


def bidder_key_may_open(view: View) -> Refusal | None:
    """Refuse a bidder's key where the policy leaves opening to the custodians alone."""
    if view.case.head["policy"] == "custodians_only":
        return refuse("KEY-WRONG", why="本项目仅由保管方开启 / custodians only")
    return None


def share_fits_bid(view: View) -> Refusal | None:
    """Refuse a share that is not the custodian's own, or fails the commitments of the bid."""
    bid, p = opened_bid(view), view.payload
    if p["custodian"] != view.author:
        return refuse("ROLE-NOT-ALLOWED", family="share_release", roles="custodian", pointer="/custodian")
    custodians = [str(c["party"]) for c in rows(view.case.head["custodians"])]
    index = int(str(p["index"]))
    if custodians[index - 1 : index] != [view.author]:
        return refuse("KEY-WRONG", why="份额序号 / share index", pointer="/index")
    points = [bytes.fromhex(c) for c in texts(bid["commitments"])]
    if not sealing.verify_share(points, index, bytes.fromhex(str(p["share"]))):
        return refuse("KEY-WRONG", why="份额与承诺不符 / share fails its commitment", pointer="/share")
    return None


def not_yet_disclosed(view: View) -> Refusal | None:
    """Refuse a second disclosure of the same bid."""
    submission = str(view.payload["submission"])
    return None if view.facts.get("disclosed", submission) is None else refuse("BID-DUPLICATE", submission=submission)


def failure_is_not_early(view: View) -> Refusal | None:
    """
    Refuse to call a bid unopened while a way to open it is at hand (解密失败).

    ``not_released`` holds only without a released key and with fewer shares than the threshold.
    """
    if view.payload.get("cause") != "not_released":
        return None
    submission = str(view.payload["submission"])
    shares = [k for k, _ in view.facts.all("share") if k.startswith(submission + ":")]
    if view.facts.get("key", submission) is None and len(shares) < int(str(view.case.head["threshold"])):
        return None
    return refuse("DISCLOSURE-WRONG", why="已有可用密钥 / a key is at hand", pointer="/cause")


def all_are_disclosed(view: View) -> Refusal | None:
    """Refuse to close the opening while a bid of the frozen set is neither opened nor failed."""
    waiting = [s for s, _ in view.facts.all("opening") if view.facts.get("disclosed", s) is None]
    return refuse("OPENING-INCOMPLETE", count=len(waiting)) if waiting else None


def record_repeats_disclosures(view: View) -> Refusal | None:
    """Refuse an opening record that differs from the disclosures (开标记录与唱标一致)."""
    for item in rows(view.payload["lots"]):
        for bid in rows(item["bids"]):
            disclosed = obj(view.facts.get("disclosed", str(bid["submission"])))
            same = all(bid.get(k) == disclosed.get(k) for k in ("outcome", "price", "cause"))
            if not disclosed or disclosed["lot"] != item["lot"] or not same:
                return refuse("DISCLOSURE-WRONG", why=str(bid["submission"]), pointer="/lots")
        expected = {s for s, d in view.facts.all("disclosed") if obj(d)["lot"] == item["lot"]}
        if {str(b["submission"]) for b in rows(item["bids"])} != expected:
            return refuse("DISCLOSURE-WRONG", why=str(item["lot"]), pointer="/lots")
    return None


def none_is_valid(view: View) -> Refusal | None:
    """Refuse to fail an opened lot as having no valid bid while an evaluated bid stands."""
    if view.payload["reason"] not in ("no_valid_bid", "all_rejected", "no_competition"):
        return refuse("ENOUGH-BIDS", lot=view.lots[0], count=view.payload["count"], pointer="/reason")
    opened = [
        s for s, d in view.facts.all("disclosed") if obj(d)["lot"] == view.lots[0] and obj(d)["outcome"] == "opened"
    ]
    report = obj(view.facts.get("report", view.lots[0]))
    if opened and not report:
        return refuse("ENOUGH-BIDS", lot=view.lots[0], count=len(opened), pointer="/reason")
    if rows(report.get("candidates")):
        return refuse("ENOUGH-BIDS", lot=view.lots[0], count=len(rows(report.get("candidates"))), pointer="/reason")
    return None


# --- folds ----------------------------------------------------------------------------------------------------


def opening_folds(view: View) -> Effects:
    """Freeze the accepted set; from here on its members are public (公布投标人数)."""
    facts: list[Fact] = []
    roots = dict(view.case.table("roots"))
    for item in rows(view.payload["lots"]):
        roots[str(item["lot"])] = item["accepted_root"]
        for s in rows(item["submissions"]):
            bid = obj(view.facts.get("bid", str(s["submission"])))
            kept: Json = {
                k: bid.get(k) for k in ("lot", "author", "commitment", "recipient", "ciphertext", "commitments")
            }
            facts.append(Fact("opening", str(s["submission"]), kept))
    return Effects(head={"roots": roots, "opening_started_at": local_text(view.at)}, facts=tuple(facts))


def key_folds(view: View) -> Effects:
    """Keep a released key; it is public from here on."""
    return Effects(facts=(Fact("key", str(view.payload["submission"]), view.payload["secret_key"]),))


def share_folds(view: View) -> Effects:
    """Keep a released share."""
    p = view.payload
    return Effects(facts=(Fact("share", f"{p['submission']}:{p['index']}", p["share"]),))


def disclosure_folds(view: View) -> Effects:
    """Keep what a bid disclosed."""
    p = view.payload
    kept = {
        k: p[k]
        for k in ("lot", "outcome", "cause", "bidder", "price", "attributes", "guarantee", "opened_by")
        if k in p
    }
    return Effects(facts=(Fact("disclosed", str(p["submission"]), kept),))


def opening_record_folds(view: View) -> Effects:
    """Keep the factors drawn at opening (抽取系数)."""
    factors = {str(item["lot"]): item.get("factors", {}) for item in rows(view.payload["lots"])}
    return Effects(head={"factors": {**view.case.table("factors"), **factors}, "opened_at": local_text(view.at)})
