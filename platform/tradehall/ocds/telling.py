"""
Telling a case (项目映射): its public records folded into the sections of a release, one family one function.

Each function changes the sections and returns the tag of the release that the record makes, or nothing where the
record tells OCDS nothing. ``TELLS`` is the table of them; the reference page ``ocds`` lists what each writes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from tradehall.kernel.case import write_instant
from tradehall.kernel.payload import Obj, obj, rows, texts
from tradehall.kernel.refusal import Text
from tradehall.ocds import words
from tradehall.ocds.merging import Node
from tradehall.ocds.told import Told

if TYPE_CHECKING:
    from tradehall_standards import Json

Label: TypeAlias = "Callable[[str, str], Text]"
"""Label of a code: list, code."""
Title: TypeAlias = "Callable[[str], Text]"
"""Title of a family."""

JSON_TYPE: Final = "application/json"
PARTY_ORDER: Final = (
    "buyer", "procuringEntity", "reviewBody", "tenderer", "supplier", "enquirer", "complainant",
)  # fmt: skip


@dataclass(slots=True)
class Sections:
    """
    What a case says of itself so far (当前各节).

    Attributes:
        url: of the node; documents are addressed under it.
        label: words of a code list.
        title: words of a family.
    """

    case: str
    url: str
    label: Label
    title: Title
    parties: dict[str, Node] = field(default_factory=dict[str, Node])
    buyer: Node = field(default_factory=dict[str, Any])
    planning: Node = field(default_factory=dict[str, Any])
    tender: Node = field(default_factory=dict[str, Any])
    details: dict[str, Node] = field(default_factory=dict[str, Node])
    statistics: dict[str, Node] = field(default_factory=dict[str, Node])
    awards: dict[str, Node] = field(default_factory=dict[str, Node])
    contracts: dict[str, Node] = field(default_factory=dict[str, Node])
    questions: dict[str, str] = field(default_factory=dict[str, str])
    answers: dict[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])
    lots: dict[str, str] = field(default_factory=dict[str, str])
    report_lot: dict[str, str] = field(default_factory=dict[str, str])

    def now(self) -> Node:
        """Return the sections as they stand, without the empty ones (当前内容)."""
        bids: Node = {}
        if self.statistics:
            bids["statistics"] = list(self.statistics.values())
        if self.details:
            bids["details"] = list(self.details.values())
        made: Node = {
            "parties": list(self.parties.values()),
            "buyer": self.buyer,
            "planning": self.planning,
            "tender": self.tender,
            "bids": bids,
            "awards": list(self.awards.values()),
            "contracts": list(self.contracts.values()),
        }
        return {name: value for name, value in made.items() if value}

    def party(self, organisation: Obj, role: str) -> Node:
        """Note a party in a role (主体与角色); returns the reference to it."""
        ident, name = str(organisation["id"]), str(organisation.get("name", ""))
        key = words.organisation_id(ident)
        known = self.parties.setdefault(key, {"id": key})
        if name:
            known["name"] = name
            if ident.startswith("org:"):
                known["identifier"] = {"scheme": words.SCHEME, "id": ident[4:], "legalName": name}
        roles: list[str] = known.setdefault("roles", [])
        if role not in roles:
            roles.append(role)
            roles.sort(key=PARTY_ORDER.index)
        return {"id": key, **({"name": known["name"]} if "name" in known else {})}

    def document(self, into: Node, told: Told, kind: str, more: Mapping[str, Any] | None = None) -> None:
        """Add the record itself, and its files, as documents (文件) with their digests."""
        title = self.title(told.family)
        documents: list[Node] = into.setdefault("documents", [])
        if any(d["id"] == told.digest for d in documents):
            return
        entry: Node = {
            "id": told.digest,
            "documentType": kind,
            "title": title.zh,
            "title_en": title.en,
            "url": f"{self.url}/api/v1/records/{told.digest}",
            "datePublished": write_instant(told.at),
            "format": JSON_TYPE,
            "digest": told.digest,
        }
        documents.append(entry | dict(more or {}))
        documents.extend(
            {
                "id": f"{told.digest}/{file.sha256}",
                "documentType": kind,
                "title": file.name,
                "url": f"{self.url}/api/v1/vault/{file.sha256}",
                "datePublished": write_instant(told.at),
                "format": file.media_type,
                "digest": file.sha256,
            }
            for file in told.attachments
        )

    def lot(self, ident: str) -> Node:
        """Return a lot of the tender; an empty one that belongs to nothing for an unknown id."""
        found: list[Node] = self.tender.get("lots", [])
        none: Node = {}
        return next((lot for lot in found if lot["id"] == ident), none)

    def settle(self, lots: Sequence[str], status: str) -> None:
        """Set the status of lots, and that of the tender by them (标段与项目状态)."""
        for ident in lots:
            self.lots[ident] = status
            if lot := self.lot(ident):
                lot["status"] = status
        left = set(self.lots.values())
        if "active" in left:
            return
        self.tender["status"] = next(s for s in ("complete", "unsuccessful", "cancelled") if s in left)

    def statistic(self, measure: str, lot: str, value: int, told: Told) -> None:
        """Set a count of one lot (统计)."""
        ident = f"{measure}-{lot}"
        self.statistics[ident] = {
            "id": ident,
            "measure": measure,
            "date": write_instant(told.at),
            "value": value,
            "relatedLot": lot,
        }

    def amend(self, told: Told, rationale: str, lots: Sequence[str] = ()) -> None:
        """Note a change of the tender (变更)."""
        made: Node = {"id": told.digest, "date": write_instant(told.at), "rationale": rationale}
        self.tender.setdefault("amendments", []).append(made | ({"relatedLots": list(lots)} if lots else {}))


def money(value: Json) -> Node:
    """Return an amount (金额) with the digits of the record."""
    found = obj(value)
    return {"amount": Decimal(str(found["amount"])), "currency": str(found["currency"])}


def joined(value: Json) -> str:
    """Return paragraphs as one text (段落)."""
    return "\n".join(texts(value))


def day(value: Json) -> str:
    """Return a legal date (法定日期) as the first instant of that day in the centre's zone."""
    return f"{value}T00:00:00+08:00"


# --- tender -------------------------------------------------------------------------------------------------------


def project(s: Sections, told: Told) -> str:
    """Project (项目): budget, buyer, who manages the procurement, who reviews it."""
    p = told.payload
    s.buyer = s.party(obj(p["tenderer"]), "buyer")
    managing = s.party(obj(p.get("agency") or p["tenderer"]), "procuringEntity")
    s.party(obj(p["supervisor"]), "reviewBody")
    s.planning = {
        "budget": {"project": p["name"], "projectID": p["project_code"], "amount": money(p["estimate"])},
    }
    regime = s.label("regime", str(p["regime"]))
    s.tender = {
        "id": s.case,
        "title": p["name"],
        "status": "planning",
        "procuringEntity": managing,
        "value": money(p["estimate"]),
        "procurementMethod": "open",
        "procurementMethodDetails": f"{words.METHOD.zh} · {regime.zh}",
        "procurementMethodDetails_en": f"{words.METHOD.en} · {regime.en}",
        "mainProcurementCategory": words.CATEGORY[str(p["procurement_kind"])],
        "procurementKind": p["procurement_kind"],
        "regime": p["regime"],
        "region": p["region"],
        "sector": p["sector"],
        "dealCategory": p["category"],
        "stateFunded": p["state_funded"],
    }
    for ours, theirs in (("approval_number", "approvalNumber"), ("deal_code", "dealCode")):
        if ours in p:
            s.tender[theirs] = p[ours]
    s.tender["lots"] = [_planned_lot(lot) for lot in rows(p["lots"])]
    s.document(s.planning, told, "procurementPlan")
    return "planning"


def _planned_lot(lot: Obj) -> Node:
    made: Node = {"id": lot["id"], "title": lot["name"], "status": "planning"}
    made |= {"value": money(lot["estimate"]), "estimate": money(lot["estimate"])}
    return made | ({"lotCode": lot["code"]} if "code" in lot else {})


def tender_document(s: Sections, told: Told) -> str:
    """Tender document (招标文件): criteria and what bidders must be."""
    p = told.payload
    method = s.label("evaluation_method", str(obj(p["evaluation"])["name"]))
    criteria = [f"{c['title']} {c['max']}" for c in rows(obj(p["evaluation"]).get("criteria"))]
    s.tender["eligibilityCriteria"] = joined(p["qualification"])
    s.tender["awardCriteria"] = "ratedCriteria" if criteria else "priceOnly"
    s.tender["awardCriteriaDetails"] = "\n".join([method.zh, *criteria])
    s.tender["awardCriteriaDetails_en"] = method.en
    s.document(s.planning, told, "biddingDocuments", {"description": p["title"]})
    return "planningUpdate"


def tender_notice(s: Sections, told: Told) -> str:
    """Tender notice (招标公告): title, lots with ceilings, periods, the opening."""
    p, t = told.payload, s.tender
    t["title"] = p["title"]
    t["status"] = "active"
    t["tenderPeriod"] = {"startDate": p["issued_at"], "endDate": p["bid_deadline"]}
    asking: Node = {"startDate": p["issued_at"]}
    if "question_deadline" in p:
        asking["endDate"] = p["question_deadline"]
    t["enquiryPeriod"] = asking
    t["submissionMethod"] = ["electronicSubmission"]
    t["bidValidityDays"] = p["bid_validity_days"]
    sale = obj(p["document_sale"])
    t["documentPeriod"] = {"startDate": sale["start"], "endDate": sale["end"]}
    opening = obj(p["opening"])
    t["milestones"] = [
        {
            "id": "opening",
            "title": words.OPENING.zh,
            "title_en": words.OPENING.en,
            "type": "assessment",
            "description": opening["place"],
            "dueDate": opening["at"],
            "status": "scheduled",
        }
    ]
    for lot in rows(p["lots"]):
        _announce_lot(s, lot)
    contact = rows(p["contacts"])[0]
    reached: Node = {"name": contact["name"]}
    for ours, theirs in (("phone", "telephone"), ("email", "email")):
        if ours in contact:
            reached[theirs] = contact[ours]
    s.parties[t["procuringEntity"]["id"]]["contactPoint"] = reached
    s.document(t, told, "tenderNotice")
    t["documents"].extend(d for d in s.planning["documents"] if d["documentType"] == "biddingDocuments")
    return "tender"


def _announce_lot(s: Sections, told: Obj) -> None:
    lot = s.lot(str(told["id"]))
    if not lot:
        return
    s.lots[str(told["id"])] = "active"
    lot |= {"title": told["name"], "description": told["scope"], "status": "active", "value": money(told["ceiling"])}
    if "floor" in told:
        lot["floorPrice"] = money(told["floor"])
    security = obj(told.get("bid_security"))
    if security:
        lot["bidSecurity"] = {**money(security["amount"]), "forms": texts(security["forms"])}


def question(s: Sections, told: Told) -> str:
    """Question (提问): public from the opening on."""
    made: Node = {
        "id": told.digest,
        "date": write_instant(told.at),
        "author": s.party({"id": told.author}, "enquirer"),
        "description": joined(told.payload["text"]),
    }
    if "lot" in told.payload:
        made["relatedLot"] = told.payload["lot"]
    if told.digest in s.answers:
        made["answer"], made["dateAnswered"] = s.answers[told.digest]
    s.tender.setdefault("enquiries", []).append(made)
    s.tender["hasEnquiries"] = True
    return "tenderUpdate"


def clarification(s: Sections, told: Told) -> str:
    """Clarification (澄清): a document; an amendment where it changes the deadline or a ceiling."""
    p = told.payload
    text = joined(p["text"])
    for digest in texts(p["answers"]):
        s.answers[digest] = (text, write_instant(told.at))
    s.document(s.tender, told, "clarifications", {"description": text})
    changes = obj(p.get("changes"))
    if "bid_deadline" in changes:
        s.tender["tenderPeriod"]["endDate"] = changes["bid_deadline"]
    for new in rows(changes.get("ceilings")):
        if lot := s.lot(str(new["lot"])):
            lot["value"] = money(new["ceiling"])
    if not changes:
        return "tenderUpdate"
    s.amend(told, text)
    return "tenderAmendment"


def deadline_extension(s: Sections, told: Told) -> str:
    """Extension of the deadline (延期)."""
    s.tender["tenderPeriod"]["endDate"] = told.payload["bid_deadline"]
    s.amend(told, str(told.payload["reason"]), texts(told.payload["lots"]))
    s.document(s.tender, told, "tenderNotice")
    return "tenderAmendment"


def outage_record(s: Sections, told: Told) -> str:
    """Record of an outage (故障登记): a document."""
    s.document(s.tender, told, "x_outageRecord", {"description": told.payload["explanation"]})
    return "tenderUpdate"


def cancellation(s: Sections, told: Told) -> str:
    """Cancellation (终止): of lots, and of the tender once none is left."""
    lots = texts(told.payload["lots"])
    s.settle(lots, "cancelled")
    for award in s.awards.values():
        if set(award["relatedLots"]) & set(lots):
            award["status"] = "cancelled"
    reason = s.label("cancellation_reason", str(told.payload["reason"]))
    s.amend(told, "\n".join([reason.zh, *texts(told.payload["explanation"])]), lots)
    s.document(s.tender, told, "x_cancellation", {"relatedLots": lots})
    return "tenderCancellation"


def failed_tender(s: Sections, told: Told) -> str:
    """Failed lot (流标): its status, and how many bids there were."""
    lot = str(told.payload["lot"])
    s.settle([lot], "unsuccessful")
    count = told.payload["count"]
    s.statistic("bids", lot, count if isinstance(count, int) else 0, told)
    description = joined(told.payload["explanation"])
    s.document(s.tender, told, "x_failedTender", {"description": description, "relatedLots": [lot]})
    return "tenderUpdate"


def complaint(s: Sections, told: Told) -> str:
    """Objection, complaint, reply or decision (异议、投诉及答复): a document of the type complaints."""
    p = told.payload
    text = joined(p.get("grounds") or p.get("reasons") or [])
    more: Node = {"description": text}
    if "lot" in p:
        more["relatedLots"] = [p["lot"]]
    if told.family in ("objection", "complaint"):
        s.party({"id": told.author}, "complainant")
    s.document(s.tender, told, "complaints", more)
    return "tenderUpdate"


# --- bids ---------------------------------------------------------------------------------------------------------


def opening_start(s: Sections, told: Told) -> str:
    """Start of the opening (开标开始): from here on the number of bids is public."""
    for lot in rows(told.payload["lots"]):
        count = lot["count"]
        s.statistic("bids", str(lot["lot"]), count if isinstance(count, int) else 0, told)
    milestone = s.tender["milestones"][0]
    milestone |= {"status": "met", "dateMet": write_instant(told.at)}
    return "tenderUpdate"


def bid_disclosure(s: Sections, told: Told) -> str:
    """Opened bid (唱标): bidder, price, files by digest."""
    p = told.payload
    ident = str(p["submission"])
    made: Node = {"id": ident, "status": words.BID_STATUS[str(p["outcome"])], "relatedLots": [p["lot"]]}
    if "bidder" in p:
        made["tenderers"] = [s.party(obj(p["bidder"]), "tenderer")]
    if "price" in p:
        made["value"] = money(p["price"])
    if "cause" in p:
        made["description"] = s.label("opening_failure_cause", str(p["cause"])).zh
    for file in rows(p["files"]):
        made.setdefault("documents", []).append(
            {
                "id": f"{ident}/{file['sha256']}",
                "documentType": "submissionDocuments",
                "title": file["name"],
                "datePublished": write_instant(told.at),
                "digest": file["sha256"],
            }
        )
    s.document(made, told, "x_bidDisclosure")
    s.details[ident] = made
    return "tenderUpdate"


def opening_record(s: Sections, told: Told) -> str:
    """Opening record (开标记录): how many tenderers, how many valid bids."""
    for lot in rows(told.payload["lots"]):
        bids = rows(lot["bids"])
        valid = [b for b in bids if b["outcome"] == "opened"]
        s.statistic("validBids", str(lot["lot"]), len(valid), told)
    tenderers = {t["id"]: t for bid in s.details.values() for t in bid.get("tenderers", [])}
    s.tender["tenderers"] = [tenderers[key] for key in sorted(tenderers)]
    s.tender["numberOfTenderers"] = len(tenderers)
    s.document(s.tender, told, "x_openingRecord")
    return "tenderUpdate"


def tie_draw(s: Sections, told: Told) -> str:
    """Draw among tied bids (抽签): a document."""
    s.document(s.tender, told, "x_tieDraw", {"relatedLots": [told.payload["lot"]]})
    return "tenderUpdate"


def evaluation_report(s: Sections, told: Told) -> str:
    """Evaluation report (评标报告), once the candidates are on display: which bids were rejected and why."""
    lot = str(told.payload["lot"])
    s.report_lot[told.digest] = lot
    for bid in rows(told.payload["bids"]):
        rejected = obj(bid.get("rejected"))
        found = s.details.get(str(bid["submission"]))
        if rejected and found is not None:
            found |= {"status": "disqualified", "description": rejected["explanation"]}
    s.document(s.tender, told, "evaluationReports", {"relatedLots": [lot]})
    return "tenderUpdate"


def report_signature(s: Sections, told: Told) -> str:
    """Signature under the report (评标报告签名): a document."""
    s.document(s.tender, told, "evaluationReports")
    return "tenderUpdate"


# --- award and contract -------------------------------------------------------------------------------------------


def candidate_publicity(s: Sections, told: Told) -> str:
    """Candidates on display (中标候选人公示): the first as a pending award, the days as a milestone."""
    p = told.payload
    lot = str(p["lot"])
    candidates = rows(p["candidates"])
    known = [a for a in s.awards.values() if a["relatedLots"] == [lot]]
    target = s.tender
    for candidate in candidates[:1]:
        target = _award(s, lot, candidate["rank"], obj(candidate["bidder"]), candidate["price"], "pending")
        _relate(s, target, str(target["suppliers"][0]["id"]))
    for other in known:
        if other is not target:
            other["status"] = "cancelled"
    award_period = s.tender.setdefault("awardPeriod", {})
    award_period.setdefault("startDate", day(p["starts_on"]))
    award_period["endDate"] = day(p["ends_on"])
    text = "\n".join(f"{c['rank']}. {obj(c['bidder'])['name']} {obj(c['price'])['amount']}" for c in candidates)
    s.document(target, told, "awardNotice", {"description": f"{words.PUBLICITY.zh}\n{text}", "relatedLots": [lot]})
    return "awardUpdate" if known else "award"


def _award(s: Sections, lot: str, rank: Json, supplier: Obj, price: Json, status: str) -> Node:
    # By the supplier, not the rank: a new evaluation can rank another one first, and suppliers merge by their ids.
    ident = f"{lot}-{words.organisation_id(str(supplier['id']))}"
    award = s.awards.setdefault(ident, {"id": ident})
    award |= {
        "status": status,
        "rank": rank,
        "value": money(price),
        "suppliers": [s.party(supplier, "supplier" if status == "active" else "tenderer")],
        "relatedLots": [lot],
    }
    return award


def _relate(s: Sections, award: Node, supplier: str) -> None:
    """Name the bid of the supplier for the award's lot."""
    found = [
        b["id"]
        for b in s.details.values()
        if b["relatedLots"] == award["relatedLots"] and supplier in [t["id"] for t in b.get("tenderers", [])]
    ]
    if found:
        award["relatedBid"] = found[-1]


def award_notice(s: Sections, told: Told) -> str:
    """Award notice (中标公告); an award that goes down the ranking replaces the one before."""
    p = told.payload
    lot = str(p["lot"])
    known = [a for a in s.awards.values() if a["relatedLots"] == [lot]]
    award = _award(s, lot, p["rank"], obj(p["winner"]), p["price"], "active")
    award |= {"date": write_instant(told.at), "relatedBid": p["submission"]}
    if "reason" in p:
        reason = s.label("award_reason", str(p["reason"]))
        award |= {"description": reason.zh, "description_en": reason.en}
    for other in known:
        if other is not award:
            other["status"] = "cancelled"
    s.document(award, told, "awardNotice")
    s.settle([lot], "complete")
    return "awardUpdate" if known else "award"


def contract_filing(s: Sections, told: Told) -> str:
    """Filed contract (合同备案)."""
    p = told.payload
    lot = str(p["lot"])
    active = next(a["id"] for a in s.awards.values() if a["relatedLots"] == [lot] and a["status"] == "active")
    made: Node = {
        "id": f"{lot}-contract",
        "awardID": active,
        "status": "active",
        "value": money(p["amount"]),
        "dateSigned": day(p["signed_on"]),
        "documents": [
            {"id": p["contract"], "documentType": "contractSigned", "digest": p["contract"]},
        ],
    }
    s.document(made, told, "x_contractFiling")
    s.contracts[lot] = made
    return "contract"


TELLS: Final[Mapping[str, Callable[[Sections, Told], str]]] = {
    "project": project,
    "tender_document": tender_document,
    "tender_notice": tender_notice,
    "question": question,
    "clarification": clarification,
    "deadline_extension": deadline_extension,
    "outage_record": outage_record,
    "cancellation": cancellation,
    "failed_tender": failed_tender,
    "objection": complaint,
    "objection_reply": complaint,
    "complaint": complaint,
    "complaint_decision": complaint,
    "opening_start": opening_start,
    "bid_disclosure": bid_disclosure,
    "opening_record": opening_record,
    "tie_draw": tie_draw,
    "evaluation_report": evaluation_report,
    "report_signature": report_signature,
    "candidate_publicity": candidate_publicity,
    "award_notice": award_notice,
    "contract_filing": contract_filing,
}
