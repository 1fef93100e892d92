"""
Report, publicity, award, contract (评审结果与定标): the stage 定 and the report that leads to it.

The award is a pure function of the records: the report must recompute, the publicity must repeat it, the award must
follow its ranking or say why not.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, cast

from tradehall.kernel.case import Case, Effects, Fact, Facts, local_text
from tradehall.kernel.payload import Obj, amount, obj, rows, texts
from tradehall.kernel.procedure import View
from tradehall.kernel.record import CaseId
from tradehall.kernel.refusal import Refusal, refuse
from tradehall.rules import drawing, evaluating
from tradehall.rules.timing import period_refusal

if TYPE_CHECKING:
    from tradehall_standards import Json


# --- report ---------------------------------------------------------------------------------------------------


def session_of(view: View) -> tuple[Case, Facts] | None:
    """Return the session that a report speaks of."""
    return view.world.linked.get(CaseId(str(view.payload.get("session"))))


def committee_is_needed(view: View) -> bool:
    """Whether the regime asks for a committee (是否须组建评标委员会)."""
    return view.rule("committee_size") is not None


def report_has_session(view: View) -> Refusal | None:
    """Refuse a report without its ended session, or by another than one of its members."""
    if not committee_is_needed(view):
        return (
            None if "centre" in view.roles else refuse("ROLE-NOT-ALLOWED", family="evaluation_report", roles="centre")
        )
    session = session_of(view)
    if session is None:
        return refuse("SESSION-WRONG", why="没有该场次 / unknown session", pointer="/session")
    case, _ = session
    members = sorted(case.table("members"))
    if case.tracks["*"] != "ended" or case.text("tender") != view.case.id:
        return refuse("SESSION-WRONG", why="场次未结束或不属本项目 / not ended", pointer="/session")
    if (
        sorted(texts(view.payload["members"])) != members
        or view.author not in members
        or view.payload["chair"] != view.author
    ):
        return refuse("SESSION-WRONG", why="评委或组长 / members or chair", pointer="/members")
    return None


def report_recomputes(view: View) -> Refusal | None:
    """Refuse a report whose scores, ranking or candidates differ from what the records give (可复算)."""
    lot = view.lots[0]
    if view.payload["method"] != view.case.head["evaluation"]:
        return refuse("REPORT-WRONG", why="评标办法 / method", pointer="/method")
    session = session_of(view)
    sheets = [obj(s) for key, s in session[1].all("sheet") if key.startswith(f"{lot}:")] if session else []
    decided = (
        {}
        if session
        else {str(b["submission"]): obj(b["rejected"]) for b in rows(view.payload["bids"]) if "rejected" in b}
    )
    expected = evaluating.recompute(view.case, view.facts, lot, sheets=sheets, decided=decided)
    if isinstance(expected, Refusal):
        return expected
    for member, value in expected.items():
        if view.payload[member] != value:
            return refuse("REPORT-WRONG", why=member, pointer=f"/{member}")
    return None


def signer_is_member(view: View) -> Refusal | None:
    """Refuse the signature of someone who is no member, on another report, or a second one."""
    _, report = _report_named(view)
    if report is None:
        return refuse("REPORT-WRONG", why="没有该报告 / no such report", pointer="/report")
    if view.author not in texts(report["members"]):
        return refuse("ROLE-NOT-ALLOWED", family="report_signature", roles="expert")
    if view.facts.get("report_signature", f"{view.payload['report']}:{view.author}") is not None:
        return refuse("SCORE-DUPLICATE")
    if view.payload["position"] == "dissent" and not texts(view.payload.get("reasons")):
        return refuse("REPORT-WRONG", why="不同意见应书面说明理由 / dissent needs reasons", pointer="/reasons")
    return None


def _report_named(view: View) -> tuple[str, Obj | None]:
    named = view.payload["report"]
    return next(((lot, obj(r)) for lot, r in view.facts.all("report") if obj(r)["record"] == named), ("", None))


def report_is_signed(view: View) -> Refusal | None:
    """Refuse to go on while a member has neither signed nor dissented (评委签署)."""
    for lot in view.lots:
        report = obj(view.facts.get("report", lot))
        keys = [f"{report.get('record')}:{member}" for member in texts(report.get("members"))]
        missing = [key for key in keys if view.facts.get("report_signature", key) is None]
        if missing:
            return refuse("REPORT-UNSIGNED", count=len(missing))
    return None


def tie_draw_repeats(view: View) -> Refusal | None:
    """Refuse a tie draw that nobody could repeat, or between bids that do not tie (同分抽签)."""
    p, lot = view.payload, view.lots[0]
    submissions = sorted(texts(p["submissions"]))
    known = {s for s, d in view.facts.all("disclosed") if obj(d)["lot"] == lot and obj(d)["outcome"] == "opened"}
    if not set(submissions) <= known:
        return refuse("DRAW-WRONG", why="投标 / bids", pointer="/submissions")
    commitments = {str(c["holder"]): str(c["commitment"]) for c in rows(p["commitments"])}
    nonces = {str(n["holder"]): str(n["nonce"]) for n in rows(p["nonces"])}
    if drawing.unproved(commitments, nonces) or commitments.keys() != nonces.keys():
        return refuse("DRAW-WRONG", why="随机数与承诺不符 / nonces", pointer="/nonces")
    seed = evaluating.tie_seed(view.case, lot, submissions, nonces, beacon=obj(p.get("beacon")))
    if seed != p["seed"]:
        return refuse("DRAW-WRONG", why="种子 / seed", pointer="/seed")
    if list(drawing.tie_order(seed, lot, submissions)) != p["order"]:
        return refuse("DRAW-WRONG", why="次序 / order", pointer="/order")
    return None


# --- publicity ------------------------------------------------------------------------------------------------


def publicity_repeats_report(view: View) -> Refusal | None:
    """Refuse a publicity of other candidates than the report's, or of none (中标候选人公示)."""
    report = obj(view.facts.get("report", view.lots[0]))
    if view.payload["report"] != report.get("record"):
        return refuse("PUBLICITY-WRONG", why="报告 / report", pointer="/report")
    keys = ("rank", "bidder", "price", "total")
    expected = [{k: c[k] for k in keys if k in c} for c in rows(report.get("candidates"))]
    stated = [{k: c[k] for k in keys if k in c} for c in rows(view.payload["candidates"])]
    return (
        None
        if expected and stated == expected
        else refuse("PUBLICITY-WRONG", why="候选人 / candidates", pointer="/candidates")
    )


def publicity_is_long_enough(view: View) -> Refusal | None:
    """Refuse a publicity that starts too late or is too short; its last day rolls over a holiday (公示期)."""
    start, end = (date.fromisoformat(str(view.payload[k])) for k in ("starts_on", "ends_on"))
    if start < view.today:
        return refuse("PUBLICITY-WRONG", why="起始日已过 / starts in the past", pointer="/starts_on")
    reported = date.fromisoformat(str(obj(view.facts.get("report", view.lots[0]))["on"]))
    late = period_refusal(
        view, "publicity_start", {"report_received": reported, "candidate_publicity_start": start}, "/starts_on"
    )
    return late or period_refusal(
        view, "publicity", {"candidate_publicity_start": start, "candidate_publicity_end": end}, "/ends_on"
    )


def publicity_is_over(view: View) -> Refusal | None:
    """Refuse to award while candidates are on display."""
    until = str(obj(view.case.table("publicity").get(view.lots[0])).get("ends_on", ""))
    return refuse("PUBLICITY-RUNNING", until=until) if until and view.today.isoformat() <= until else None


def publicity_is_not_required(view: View) -> Refusal | None:
    """Refuse to skip the publicity of candidates where the regime asks for one."""
    rule = view.rule("publicity")
    return (
        None
        if rule is None
        else refuse("AWARD-WRONG", why="须先公示中标候选人 / publicity comes first", clause=rule.clause)
    )


# --- award ----------------------------------------------------------------------------------------------------


def award_follows_ranking(view: View) -> Refusal | None:
    """
    Refuse an award to another than a candidate at its price; passing over rank 1 needs a reason (定标).

    Source: 招标投标法实施条例 55; 政府采购法实施条例 43.
    """
    p = view.payload
    candidates = rows(obj(view.facts.get("report", view.lots[0])).get("candidates"))
    chosen = next((c for c in candidates if c["rank"] == p["rank"]), None)
    if chosen is None or chosen["submission"] != p["submission"] or chosen["bidder"] != p["winner"]:
        return refuse("AWARD-WRONG", why="不是评标报告推荐的候选人 / not a candidate", pointer="/winner")
    if chosen["price"] != p["price"]:
        return refuse("AWARD-WRONG", why="中标价应为其投标报价 / price differs", pointer="/price")
    if p["rank"] != 1 and "reason" not in p:
        return refuse("AWARD-WRONG", why="未选第一名须说明法定理由 / rank 1 is passed over", pointer="/reason")
    publicity = obj(view.case.table("publicity").get(view.lots[0])).get("record")
    if publicity is not None and p.get("publicity") != publicity:
        return refuse("AWARD-WRONG", why="公示 / publicity", pointer="/publicity")
    return None


def award_goes_down_the_ranking(view: View) -> Refusal | None:
    """
    Refuse to replace an award but by the next candidate in the ranking (依次确定).

    That a reason is stated is ``award_follows_ranking``'s to ask.

    Source: 招标投标法实施条例 55; 政府采购法实施条例 49.
    """
    held = cast("int", obj(view.case.table("awards").get(view.lots[0])).get("rank", 1))
    if view.payload["rank"] == held + 1:
        return None
    return refuse("AWARD-WRONG", why=f"应为第 {held + 1} 名 / rank {held + 1} is next", pointer="/rank")


def contract_keeps_award(view: View) -> Refusal | None:
    """Refuse a contract with another party or at another amount than awarded, or signed too late (合同)."""
    award = view.case.table("awards").get(view.lots[0])
    if view.payload["winner"] != obj(award)["winner"] or amount(view.payload["amount"]) != Decimal(
        str(obj(award)["price"])
    ):
        return refuse(
            "AWARD-WRONG",
            why="合同与中标通知书不一致 / differs from the award",
            clause="招标投标法 46",
            pointer="/amount",
        )
    signed, awarded = date.fromisoformat(str(view.payload["signed_on"])), date.fromisoformat(str(obj(award)["on"]))
    return period_refusal(view, "contract", {"award_notice": awarded, "contract_signed": signed}, "/signed_on")


# --- folds ----------------------------------------------------------------------------------------------------


def report_folds(view: View) -> Effects:
    """Keep what follows from a report (评标报告)."""
    p = view.payload
    kept: Json = {
        "record": view.digest,
        "on": view.today.isoformat(),
        "members": p["members"],
        "candidates": p["candidates"],
    }
    return Effects(facts=(Fact("report", str(p["lot"]), kept),))


def signature_folds(view: View) -> Effects:
    """Keep a member's signature or dissent on one report; after a re-evaluation the new one is signed anew."""
    kept: Json = {"position": view.payload["position"], "record": view.digest}
    return Effects(facts=(Fact("report_signature", f"{view.payload['report']}:{view.author}", kept),))


def tie_draw_folds(view: View) -> Effects:
    """Keep the order drawn among tied bids."""
    return Effects(facts=(Fact("tie", str(view.payload["lot"]), dict(view.payload)),))


def publicity_folds(view: View) -> Effects:
    """Note the publicity and its end."""
    p = view.payload
    kept: Json = {"record": view.digest, "starts_on": p["starts_on"], "ends_on": p["ends_on"]}
    return Effects(head={"publicity": {**view.case.table("publicity"), str(p["lot"]): kept}})


def award_folds(view: View) -> Effects:
    """Note the winner."""
    p = view.payload
    kept: Json = {
        "winner": p["winner"],
        "submission": p["submission"],
        "price": obj(p["price"])["amount"],
        "rank": p["rank"],
        "on": view.today.isoformat(),
        "at": local_text(view.at),
    }
    return Effects(head={"awards": {**view.case.table("awards"), str(p["lot"]): kept}})
