"""
Announcing a tender (招标): project, document, notice, questions, clarification, extension, cancellation.

Guards and folds of the stage 招. Numbers come from ``view.rule(slot)``; the slots a regime fills are in its procedure.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, cast

from tradehall.kernel.case import Effects, Fact, legal_date, local_text, read_instant
from tradehall.kernel.payload import Obj, amount, obj, rows, texts
from tradehall.kernel.procedure import View
from tradehall.kernel.refusal import Refusal, refuse
from tradehall.rules.timing import period_refusal

if TYPE_CHECKING:
    from tradehall_standards import Json

# --- guards ---------------------------------------------------------------------------------------------------


def not_paused(view: View) -> Refusal | None:
    """Refuse while an objection or complaint on the lot, or on the whole case, waits for an answer (暂停)."""
    for pause in view.case.table("pauses").values():
        lot = obj(pause).get("lot")
        if lot is None or lot in view.lots:
            return refuse("CASE-PAUSED", by=str(obj(pause).get("by")), clause=str(obj(pause).get("clause", "")))
    return None


def project_is_consistent(view: View) -> Refusal | None:
    """Refuse a project whose lots repeat an id or whose estimate is not the sum of its lots."""
    lots = rows(view.payload["lots"])
    if len({str(lot["id"]) for lot in lots}) != len(lots):
        return refuse("PROJECT-MISMATCH", why="标段编号重复 / lot ids repeat", pointer="/lots")
    if sum((amount(lot["estimate"]) for lot in lots), Decimal(0)) != amount(view.payload["estimate"]):
        return refuse("PROJECT-MISMATCH", why="估算价不等于各标段之和 / lots do not add up", pointer="/estimate")
    return None


def speaks_for_tenderer(view: View) -> Refusal | None:
    """Refuse a project filed by someone who is neither its tenderer nor its agency."""
    named = {str(obj(view.payload[k])["id"]) for k in ("tenderer", "agency") if k in view.payload}
    return None if view.author in named else refuse("ROLE-NOT-ALLOWED", family="project", roles="tenderer / agency")


def method_is_lawful(view: View) -> Refusal | None:
    """Refuse an evaluation method against the regime's limits: price weight, committee size and share of experts."""
    method = obj(view.payload["evaluation"])
    committee = obj(view.payload["committee"])
    return _price_weight_refusal(view, method) or _committee_refusal(view, committee) or _points_refusal(method)


def _price_weight_refusal(view: View, method: Obj) -> Refusal | None:
    if method["name"] != "comprehensive_score":
        return None
    slot = "price_weight_services" if view.case.text("procurement_kind") == "services" else "price_weight_goods"
    least = view.world.law.number(slot, view.today)
    weight = Decimal(str(obj(method["price"])["weight_points"])) / 100
    if least is None or weight >= least:
        return None
    why = f"价格权重 {weight:%} 低于 {least:%} / price weight below the minimum"
    return refuse("METHOD-NOT-LAWFUL", why=why, clause=view.world.law.clause(slot, view.today), pointer="/evaluation")


def _committee_refusal(view: View, committee: Obj) -> Refusal | None:
    law, on = view.world.law, view.today
    size, experts = cast("int", committee["size"]), cast("int", committee["experts_min"])
    least = law.number("committee_size", on)
    if least is None:
        return None
    clause = law.clause("committee_size", on)
    large, threshold = law.number("committee_size_large", on), law.number("committee_large_budget", on)
    if large is not None and threshold is not None and Decimal(view.case.text("estimate") or 0) >= threshold:
        least, clause = large, law.clause("committee_size_large", on)
    if size < least or size % 2 == 0:
        return refuse(
            "COMMITTEE-NOT-LAWFUL",
            why=f"{size} 人，应为 {least} 人以上单数 / size",
            clause=clause,
            pointer="/committee",
        )
    share = law.number("expert_share", on) or Decimal(0)
    if Decimal(experts) / size < share:
        return refuse(
            "COMMITTEE-NOT-LAWFUL", why="专家不足三分之二 / too few experts", pointer="/committee/experts_min"
        )
    seats = sum(cast("int", s["seats"]) for s in rows(committee.get("strata")))
    if seats != size:
        return refuse("COMMITTEE-NOT-LAWFUL", why="抽取席位与评委人数不符 / seats differ", pointer="/committee/strata")
    return None


def _points_refusal(method: Obj) -> Refusal | None:
    if method["name"] != "comprehensive_score":
        return None
    points = sum((Decimal(str(c["max"])) for c in rows(method["criteria"])), Decimal(0))
    total = points + Decimal(str(obj(method["price"])["weight_points"]))
    if total == 100:  # noqa: PLR2004  - 百分制: the statutes speak of a hundred points
        return None
    return refuse(
        "METHOD-NOT-LAWFUL", why=f"各项满分合计 {total}，应为 100 / points must add up to 100", pointer="/evaluation"
    )


def document_is_filed(view: View) -> Refusal | None:
    """Refuse a notice that cites a tender document which is not in the case."""
    document = str(view.payload["document"])
    return (
        None
        if view.facts.get("document", document)
        else refuse("DOCUMENT-MISSING", digest=document, pointer="/document")
    )


def notice_fits_project(view: View) -> Refusal | None:
    """Refuse a notice whose project code or lots are not those of the project."""
    if view.payload["project_code"] != view.case.head["project_code"]:
        return refuse("PROJECT-MISMATCH", why="项目编号 / project code", pointer="/project_code")
    lots = {str(lot["id"]) for lot in rows(view.payload["lots"])}
    if lots != set(view.case.table("lots")):
        return refuse("PROJECT-MISMATCH", why="标段 / lots", pointer="/lots")
    return None


def notice_is_long_enough(view: View) -> Refusal | None:
    """Refuse a bid period or a sale period below the law's (等标期、发售期)."""
    sale = obj(view.payload["document_sale"])
    events = {
        "doc_issue": read_instant(str(view.payload["issued_at"])),
        "notice_publish": view.at,
        "doc_sale_start": read_instant(str(sale["start"])),
        "doc_sale_end": read_instant(str(sale["end"])),
        "doc_supply_end": read_instant(str(sale["end"])),
        "notice_end": read_instant(str(sale["end"])),
        "bid_deadline": read_instant(str(view.payload["bid_deadline"])),
    }
    return (
        period_refusal(view, "bid_period", events, "/bid_deadline")
        or period_refusal(view, "sale_period", events, "/document_sale/end")
        or period_refusal(view, "notice_period", events, "/document_sale/end")
    )


def notice_is_timely(view: View) -> Refusal | None:
    """Refuse a notice whose stated issue lies before its acceptance, or whose deadline is not in the future."""
    if read_instant(str(view.payload["bid_deadline"])) <= view.at:
        return refuse("DEADLINE-PAST", deadline=str(view.payload["bid_deadline"]), pointer="/bid_deadline")
    if read_instant(str(view.payload["issued_at"])) < view.at - ISSUE_TOLERANCE:
        return refuse("PROJECT-MISMATCH", why="发出时间早于公告 / issued before the notice", pointer="/issued_at")
    return None


ISSUE_TOLERANCE = timedelta(minutes=15)
"""How far the stated instant of issue may lie before acceptance: preparing, signing and sending take minutes."""


def prices_are_allowed(view: View) -> Refusal | None:
    """Refuse a floor price where the law forbids one, or a floor above its ceiling."""
    allowed = view.world.law.number("floor_allowed", view.today)
    for i, lot in enumerate(rows(view.payload["lots"])):
        if "floor" not in lot:
            continue
        if not allowed:
            return refuse("FLOOR-FORBIDDEN", pointer=f"/lots/{i}/floor")
        if amount(lot["floor"]) > amount(lot["ceiling"]):
            return refuse(
                "PROJECT-MISMATCH", why="最低价高于最高限价 / floor above ceiling", pointer=f"/lots/{i}/floor"
            )
    return None


def security_is_capped(view: View) -> Refusal | None:
    """Refuse a bid security above min(share of the estimate, absolute cap) (投标保证金上限)."""
    law, on = view.world.law, view.today
    ratio = law.number("security_ratio", on)
    if ratio is None:
        return None
    slot = "security_cap_design" if view.case.text("procurement_kind") == "survey_design" else "security_cap_works"
    cap = law.number(slot, on)
    for i, lot in enumerate(rows(view.payload["lots"])):
        security = obj(lot.get("bid_security"))
        if not security:
            continue
        estimate = Decimal(str(obj(view.case.table("lots")[str(lot["id"])])["estimate"]))
        limit = min(x for x in (ratio * estimate, cap) if x is not None)
        if amount(security["amount"]) > limit:
            clause = law.clause("security_ratio" if limit == ratio * estimate else slot, on)
            return refuse(
                "SECURITY-TOO-HIGH",
                cap=f"{limit:.2f}",
                amount=obj(security["amount"])["amount"],
                clause=clause,
                pointer=f"/lots/{i}/bid_security",
            )
    return None


def custodians_are_fit(view: View) -> Refusal | None:
    """Refuse custodians that one party could play alone: at least two parties, threshold within their number."""
    custodians = rows(view.payload["custodians"])
    threshold = cast("int", view.payload["threshold"])
    parties = {str(obj(c["party"])["id"]) for c in custodians}
    recipients = {str(c["recipient"]) for c in custodians}
    least = view.world.law.number("custodian_threshold", view.today) or Decimal(2)
    if len(parties) != len(custodians) or len(recipients) != len(custodians):
        return refuse("CUSTODIANS-WRONG", why="保管方或密钥重复 / a party or a key repeats", pointer="/custodians")
    if not least <= threshold <= len(custodians):
        return refuse(
            "CUSTODIANS-WRONG", why=f"门限应在 {least} 与 {len(custodians)} 之间 / threshold", pointer="/threshold"
        )
    return None


def grace_is_lawful(view: View) -> Refusal | None:
    """Refuse a grace for late ciphertexts above the regime's (mainland: none, 电子招标投标办法 27)."""
    most = view.world.law.number("grace_seconds", view.today) or Decimal(0)
    if cast("int", view.payload["grace_seconds"]) <= most:
        return None
    return refuse(
        "GRACE-TOO-LONG", most=most, clause=view.world.law.clause("grace_seconds", view.today), pointer="/grace_seconds"
    )


def question_is_in_time(view: View) -> Refusal | None:
    """Refuse a question after the period for questions, or after the deadline."""
    until = view.case.instant("question_deadline") or view.case.instant("deadline")
    return None if until is None or view.at < until else refuse("QUESTION-LATE", until=local_text(until))


def clarification_is_in_time(view: View) -> Refusal | None:
    """
    Refuse a clarification once the bid deadline has come, unless it only answers (截止后仅可答复).

    A question asked in time holds the opening up until it is answered; its answer may come late, but no longer change
    anything that bids were made on.
    """
    deadline, p = view.case.instant("deadline"), view.payload
    changes = p["affects_preparation"] or p["invalidates_bids"] or obj(p.get("changes"))
    if deadline is None or view.at < deadline or (texts(p["answers"]) and not changes):
        return None
    return refuse("DEADLINE-PAST", deadline=local_text(deadline))


def clarification_leaves_time(view: View) -> Refusal | None:
    """
    Refuse a clarification that leaves too little time to prepare, unless it moves the deadline (澄清修改).

    Source: 招标投标法 23; 招标投标法实施条例 21; 政府采购法实施条例 31.
    """
    current = view.case.instant("deadline")
    moved = obj(view.payload.get("changes")).get("bid_deadline")
    deadline = read_instant(str(moved)) if moved else current
    if deadline is None or (moved and current is not None and deadline < current):
        return refuse(
            "DEADLINE-NOT-LATER", current=local_text(current) if current else "", pointer="/changes/bid_deadline"
        )
    if not view.payload["affects_preparation"]:
        return None
    verdict = view.judge("clarification_lead", {"clarification_publish": view.at, "bid_deadline": deadline})
    if verdict is None or verdict.ok:
        return None
    earliest = str(verdict.earliest or "")
    return refuse(
        "DEADLINE-MUST-MOVE",
        days=verdict.rule.value,
        earliest=earliest,
        clause=verdict.rule.clause,
        pointer="/changes/bid_deadline",
    )


def clarification_fits_lots(view: View) -> Refusal | None:
    """Refuse changed ceilings for lots that do not exist, and answers to questions that were never asked."""
    for i, change in enumerate(rows(obj(view.payload.get("changes")).get("ceilings"))):
        if change["lot"] not in view.case.tracks:
            return refuse("LOT-UNKNOWN", lot=change["lot"], pointer=f"/changes/ceilings/{i}/lot")
    for i, question in enumerate(texts(view.payload["answers"])):
        if view.facts.get("question", question) is None:
            return refuse("PROJECT-MISMATCH", why="没有这个提问 / no such question", pointer=f"/answers/{i}")
    return None


def extension_is_later(view: View) -> Refusal | None:
    """
    Refuse an extension that does not move the deadline to a later instant of the future.

    Once the deadline has come bids are closed for good; only an outage that it fell into reopens them (系统故障除外).
    """
    current, new = view.case.instant("deadline"), read_instant(str(view.payload["bid_deadline"]))
    if current is None:
        return None
    if new <= max(current, view.at):
        return refuse("DEADLINE-NOT-LATER", current=local_text(max(current, view.at)), pointer="/bid_deadline")
    outage = obj(view.facts.get("outage", str(view.payload.get("outage", ""))))
    fell_into = bool(outage) and read_instant(str(outage["from"])) <= current <= read_instant(str(outage["to"]))
    if view.at >= current and not fell_into:
        return refuse("DEADLINE-PAST", deadline=local_text(current), pointer="/bid_deadline")
    return None


def second_person_approved(view: View) -> Refusal | None:
    """Refuse an act that needs four eyes unless another person than the author proposed it (双人复核)."""
    digest = str(view.payload.get("approval", ""))
    proposal = obj(view.facts.get("proposal", digest))
    act = {"cancellation": "cancel", "deadline_extension": "extend"}[view.filed.record.family]
    if not proposal or proposal["author"] == view.author or proposal["act"] != act:
        return refuse("FOUR-EYES", pointer="/approval")
    lots = texts(proposal["lots"])
    return None if not lots or set(view.lots) <= set(lots) else refuse("FOUR-EYES", pointer="/approval")


def outage_is_recorded(view: View) -> Refusal | None:
    """Refuse an extension that cites an outage which is not recorded in the case."""
    outage = view.payload.get("outage")
    if outage is None or view.facts.get("outage", str(outage)):
        return None
    return refuse("PROJECT-MISMATCH", why="没有该故障记录 / no such outage record", pointer="/outage")


# --- folds ----------------------------------------------------------------------------------------------------


def project_folds(view: View) -> Effects:
    """Open the lots and note the parties (项目受理)."""
    p = view.payload
    parties: dict[str, Json] = {
        "tenderer": [str(obj(p["tenderer"])["id"])],
        "supervisor": [str(obj(p["supervisor"])["id"])],
    }
    if "agency" in p:
        parties["agency"] = [str(obj(p["agency"])["id"])]
    lots: dict[str, Json] = {
        str(lot["id"]): {"name": lot["name"], "estimate": obj(lot["estimate"])["amount"]} for lot in rows(p["lots"])
    }
    head: dict[str, Json] = {
        name: p[name]
        for name in ("name", "project_code", "regime", "region", "sector", "state_funded", "procurement_kind")
    }
    head |= {
        "parties": parties,
        "lots": lots,
        "estimate": obj(p["estimate"])["amount"],
        "currency": obj(p["estimate"])["currency"],
        "tenderer": dict(obj(p["tenderer"])),
    }
    return Effects(head=head, tracks=dict.fromkeys(lots, "registered"))


def document_folds(view: View) -> Effects:
    """Keep what later steps need of a tender document (招标文件)."""
    p = view.payload
    kept: Json = {
        "evaluation": dict(obj(p["evaluation"])),
        "committee": dict(obj(p["committee"])),
        "bid_validity_days": p["bid_validity_days"],
    }
    return Effects(facts=(Fact("document", view.digest, kept),))


def notice_folds(view: View) -> Effects:
    """Note the terms that bind bids (招标公告)."""
    p = view.payload
    document = obj(view.facts.get("document", str(p["document"])))
    parties = dict(view.case.table("parties"))
    parties["custodian"] = [str(obj(c["party"])["id"]) for c in rows(p["custodians"])]
    lots = rows(p["lots"])
    head: dict[str, Json] = {
        "title": p["title"],
        "announced_at": local_text(view.at),
        "announced_on": view.today.isoformat(),
        "deadline": local_text(read_instant(str(p["bid_deadline"]))),
        "question_deadline": p.get("question_deadline"),
        "bid_validity_days": p["bid_validity_days"],
        "policy": p["opening_policy"],
        "threshold": p["threshold"],
        "grace_seconds": p["grace_seconds"],
        "custodians": [{"party": obj(c["party"])["id"], "recipient": c["recipient"]} for c in rows(p["custodians"])],
        "ceilings": {str(lot["id"]): obj(lot["ceiling"])["amount"] for lot in lots},
        "floors": {str(lot["id"]): obj(lot["floor"])["amount"] for lot in lots if "floor" in lot},
        "securities": {
            str(lot["id"]): obj(obj(lot["bid_security"])["amount"])["amount"] for lot in lots if "bid_security" in lot
        },
        "security_forms": {str(lot["id"]): obj(lot["bid_security"])["forms"] for lot in lots if "bid_security" in lot},
        "evaluation": document.get("evaluation"),
        "committee": document.get("committee"),
        "answers": view.digest,
        "parties": parties,
    }
    return Effects(head=head)


def question_folds(view: View) -> Effects:
    """Note a question as open (提问)."""
    return Effects(facts=(Fact("question", view.digest, {"answered": False}),))


def clarification_folds(view: View) -> Effects:
    """Answer questions, move the deadline, change ceilings, and outdate earlier bids where it says so (澄清修改)."""
    changes = obj(view.payload.get("changes"))
    head: dict[str, Json] = {}
    if "bid_deadline" in changes:
        head["deadline"] = local_text(read_instant(str(changes["bid_deadline"])))
    ceilings = {str(c["lot"]): obj(c["ceiling"])["amount"] for c in rows(changes.get("ceilings"))}
    if ceilings:
        head["ceilings"] = {**view.case.table("ceilings"), **ceilings}
    if view.payload["invalidates_bids"]:
        head["answers"] = view.digest
    answered = tuple(Fact("question", q, {"answered": True}) for q in texts(view.payload["answers"]))
    return Effects(head=head, facts=answered)


def extension_folds(view: View) -> Effects:
    """Move the deadline (延期)."""
    return Effects(head={"deadline": local_text(read_instant(str(view.payload["bid_deadline"])))})


def proposal_folds(view: View) -> Effects:
    """Keep a proposal until a second person acts on it (提议)."""
    kept: Json = {"act": view.payload["act"], "author": view.author, "lots": view.payload["lots"]}
    return Effects(facts=(Fact("proposal", view.digest, kept),))


def outage_folds(view: View) -> Effects:
    """
    Keep an outage and move a deadline that fell into it by the policy (系统故障顺延).

    ``postpone_2h`` moves deadlines inside the outage to two hours after its end; outages over two hours move them by a
    whole day, to a working day. Receipts given before stay valid.
    """
    p = view.payload
    start, end = read_instant(str(p["from"])), read_instant(str(p["to"]))
    fact = Fact("outage", view.digest, {"from": p["from"], "to": p["to"]})
    deadline = view.case.instant("deadline")
    if deadline is None or not start <= deadline <= end or p["policy"] != "postpone_2h":
        return Effects(facts=(fact,))
    if end - start <= timedelta(hours=2):
        moved = end + timedelta(hours=2)
    else:
        moved = end + timedelta(hours=24)
        day = view.world.law.calendar.roll_forward(legal_date(moved))
        moved += timedelta(days=(day - legal_date(moved)).days)
    return Effects(head={"deadline": local_text(moved)}, facts=(fact,))
