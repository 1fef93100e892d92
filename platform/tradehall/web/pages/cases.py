"""
One case (项目页): facts, lots, documents, answers, objections, results and every public record.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Final

from tradehall.desk.journal import Entry
from tradehall.kernel.case import CENTRE_ZONE
from tradehall.kernel.payload import Obj, obj, rows, texts
from tradehall.web.api.context import PANEL_FAMILIES, Context
from tradehall.web.pages import states, words
from tradehall.web.pages.shelf import DECIDED, RESULT_SHOWN, Dossier, lot_of_report, lots_of_reports
from tradehall.web.portal import paths
from tradehall.web.portal import views as v
from tradehall.web.portal.views import Label, Lang

TIMELINE_MAX: Final = 200
"""Records on one page; above it those of single bids are left to the opening hall and the JSON."""

BID_RECORDS: Final = frozenset(
    {"bid_commitment", "sealed_bid", "bid_confirmation", "key_release", "share_release", "bid_disclosure"}
)
DOCUMENTS: Final = ("tender_document", "tender_notice", "clarification", "evaluation_report")
UNNAMED: Final = frozenset({"question", "objection", "complaint"})
"""Families whose author pages never name (招标投标法 22): who asks may be about to bid."""

TONES: Final[dict[str, v.Tone]] = {
    "question": "running",
    "objection": "attention",
    "complaint": "attention",
    "proposal": "attention",
    "outage_record": "attention",
    "deadline_extension": "attention",
    "failed_tender": "failed",
    "cancellation": "failed",
}
COMMITTEE: Final = Label("评标委员会", "Evaluation committee")
BID_KEY: Final = Label("投标密钥", "Bid key")
MEDIA_JSON: Final = "application/json"


@dataclass(frozen=True, slots=True)
class CaseMaker:
    """Fills the page of one case (项目页装配)."""

    context: Context
    dossier: Dossier
    page: v.Page
    lang: Lang
    may_export: bool = False

    def make(self) -> v.CasePage:
        """Return the page."""
        d, case = self.dossier, str(self.dossier.case.id)
        clarifications, questions = self._answers()
        evidence = f"/api/v1/cases/{case}/evidence" if self.may_export else None
        return v.CasePage(
            site=self.page.site,
            now=self.page.now,
            path=self.page.path,
            case=case,
            name=d.case.text("name"),
            state=states.state_of(d),
            facts=self._facts(),
            rail=states.case_rail(d, self.page.now),
            lots=self._lots(),
            timeline=self._timeline(),
            documents=self._documents(),
            questions=questions,
            clarifications=clarifications,
            objections=self._objections(),
            results=tuple(r for lot in d.lots if (r := self._result(lot)) is not None),
            standstill=states.standstill(d, self.context.door.catalogue),
            next_step=self._next(),
            countdown=self._countdown(),
            guarantee_note=bool(d.case.table("securities")),
            opening_href=paths.opening(case),
            evidence_href=evidence,
            json_href=f"/api/v1/cases/{case}",
            ocds_href=f"/api/v1/cases/{case}/ocds",
        )

    # --- words ------------------------------------------------------------------------------------------------

    def _code(self, name: str, value: object) -> Label:
        return words.code(self.context.door.catalogue, name, value, self.dossier.announced_on)  # type: ignore[arg-type]

    def _say(self, label: Label) -> str:
        return label.zh if self.lang == "zh" else label.en

    # --- head and lots ----------------------------------------------------------------------------------------

    def _facts(self) -> v.CaseFacts:
        d, project = self.dossier, self.dossier.payload("project")
        notice, case = d.payload("tender_notice"), self.dossier.case
        validity = case.head.get("bid_validity_days")
        return v.CaseFacts(
            code=case.text("project_code"),
            regime=self._code("regime", case.regime),
            category=self._code("deal_category", project.get("category")),
            sector=self._code("industry_kind", project.get("sector")),
            region=self._code("region", case.region),
            kind=self._code("procurement_kind", project.get("procurement_kind")),
            tenderer=words.name_of(project.get("tenderer")),
            agency=words.name_of(project.get("agency")) or None,
            supervisor=words.name_of(project.get("supervisor")),
            estimate=words.money(project.get("estimate")),
            state_funded=project.get("state_funded") is True,
            published_at=case.instant("announced_at") or d.entries[0].filed.at,
            question_deadline=case.instant("question_deadline"),
            bid_deadline=case.instant("deadline"),
            opening_at=case.instant("deadline"),
            opening_place=str(words.member(notice, "opening", "place") or "") or None,
            bid_validity_days=validity if isinstance(validity, int) else None,
        )

    def _lots(self) -> tuple[v.LotRow, ...]:
        d, currency = self.dossier, self.dossier.case.text("currency")
        stated = {str(lot["id"]): lot for lot in rows(d.payload("tender_notice").get("lots"))}
        return tuple(
            v.LotRow(
                id=lot,
                name=str(obj(d.head("lots", lot)).get("name", "")),
                scope=str(stated.get(lot, {}).get("scope", "")),
                ceiling=words.plain(d.head("ceilings", lot), currency),
                floor=words.plain(d.head("floors", lot), currency),
                security=words.plain(d.head("securities", lot), currency),
                forms=tuple(
                    self._code("security_form", f)
                    for f in texts(obj(stated.get(lot, {}).get("bid_security")).get("forms"))
                ),
                state=states.state_of_lot(d, lot),
            )
            for lot in d.lots
        )

    # --- documents and answers --------------------------------------------------------------------------------

    def _documents(self) -> tuple[v.Document, ...]:
        found: list[v.Document] = []
        for entry in reversed(
            self.dossier.of("tender_document", "tender_notice", "clarification", "evaluation_report")
        ):
            record, payload = entry.record, entry.record.payload
            title = words.family(self.context.door.catalogue, record.family, record.schema.version)
            edition = payload.get("edition")
            found.append(
                v.Document(
                    title=str(payload.get("title") or self._say(title)),
                    kind=title,
                    media_type=MEDIA_JSON,
                    size=len(record.body),
                    digest=record.digest,
                    href=self._record_href(entry),
                    edition=edition if isinstance(edition, int) else None,
                )
            )
            found.extend(
                v.Document(
                    title=a.name,
                    kind=title,
                    media_type=a.media_type,
                    size=a.size,
                    digest=a.sha256,
                    href=f"/api/v1/vault/{a.sha256}?record={record.digest}",
                )
                for a in record.attachments
            )
        return tuple(found)

    def _answers(self) -> tuple[tuple[v.Clarification, ...], tuple[v.Question, ...]]:
        asked = {str(e.record.digest): _question(e) for e in self.dossier.of("question")}
        clarifications: list[v.Clarification] = []
        answered: set[str] = set()
        for entry in reversed(self.dossier.of("clarification")):
            payload = entry.record.payload
            named = texts(payload.get("answers"))
            answered.update(named)
            number = payload.get("number")
            clarifications.append(
                v.Clarification(
                    number=number if isinstance(number, int) else 0,
                    at=entry.filed.at,
                    text=tuple(texts(payload.get("text"))),
                    digest=entry.record.digest,
                    questions=tuple(asked[n] for n in named if n in asked),
                    affects_preparation=payload.get("affects_preparation") is True,
                    new_deadline=words.instant(obj(payload.get("changes")).get("bid_deadline")),
                )
            )
        return tuple(clarifications), tuple(q for digest, q in reversed(asked.items()) if digest not in answered)

    def _objections(self) -> tuple[v.ObjectionView, ...]:
        replies = {str(e.record.payload["objection"]): e for e in self.dossier.of("objection_reply")}
        found: list[v.ObjectionView] = []
        for entry in reversed(self.dossier.of("objection")):
            payload, reply = entry.record.payload, replies.get(entry.record.digest)
            answer: Obj = reply.record.payload if reply else {}
            subject = self._code("objection_subject", payload.get("about"))
            found.append(
                v.ObjectionView(
                    at=entry.filed.at,
                    about=Label(f"关于{subject.zh}的异议", f"Objection: {subject.en}"),
                    grounds=tuple(texts(payload.get("grounds"))),
                    digest=entry.record.digest,
                    pauses=entry.record.digest in self.dossier.case.table("pauses"),
                    lot=str(payload["lot"]) if "lot" in payload else None,
                    decision=self._code("objection_decision", answer.get("decision")) if reply else None,
                    decided_at=reply.filed.at if reply else None,
                    reasons=tuple(texts(answer.get("reasons"))),
                )
            )
        return tuple(found)

    # --- results ----------------------------------------------------------------------------------------------

    def _result(self, lot: str) -> v.LotResult | None:
        d, state = self.dossier, self.dossier.case.tracks[lot]
        failed, publicity = d.of_lot("failed_tender", lot), d.of_lot("candidate_publicity", lot)
        opened = state not in ("registered", "tendering", "opening")
        report = self._report(lot)
        result = v.LotResult(
            lot=lot,
            name=str(obj(d.head("lots", lot)).get("name", "")),
            rows=self._opened_rows(lot, report) if opened else (),
            candidates=self._candidates(publicity, report),
            publicity_from=words.day(publicity.record.payload.get("starts_on")) if publicity else None,
            publicity_to=words.day(publicity.record.payload.get("ends_on")) if publicity else None,
            failed=self._code("failure_reason", failed.record.payload.get("reason")) if failed else None,
            failed_explanation=tuple(texts(failed.record.payload.get("explanation"))) if failed else (),
            award=self._award(lot),
        )
        return result if result.rows or result.candidates or result.failed or result.award else None

    def _report(self, lot: str) -> Obj:
        """Return the report of a lot once its result is on display; empty before."""
        if self.dossier.case.tracks[lot] not in RESULT_SHOWN:
            return {}
        found = self.dossier.of_lot("evaluation_report", lot)
        return found.record.payload if found else {}

    def _opened_rows(self, lot: str, report: Obj) -> tuple[v.ResultRow, ...]:
        judged = {str(b["submission"]): b for b in rows(report.get("bids"))}
        found: list[v.ResultRow] = []
        for entry in self.dossier.of("bid_disclosure"):
            bid = entry.record.payload
            if bid.get("lot") != lot:
                continue
            opened = bid.get("outcome") == "opened"
            row = judged.get(str(bid["submission"]), {})
            rank = row.get("rank")
            found.append(
                v.ResultRow(
                    submission=str(bid["submission"]),
                    bidder=words.name_of(bid.get("bidder")) or None,
                    price=words.money(bid.get("price")),
                    state="decrypted" if opened else "failed",
                    cause=None if opened else self._code("opening_failure_cause", bid.get("cause")),
                    total=_decimal(row.get("total")),
                    rank=rank if isinstance(rank, int) else None,
                    rejected=self._rejected(obj(row.get("rejected"))),
                )
            )
        return tuple(sorted(found, key=lambda r: (r.rank is None, r.rank or 0)))

    def _rejected(self, rejected: Obj) -> str:
        """Return why a bid was rejected (否决理由), empty when it was not."""
        if not rejected:
            return ""
        ground = self._say(self._code("reject_reasons", rejected.get("ground")))
        # Where the program found the ground itself, the explanation is a code too.
        why = self._say(self._code("guarantee_defect", rejected.get("explanation")))
        return f"{ground}（{why}）" if why and why != ground else ground

    def _candidates(self, publicity: Entry | None, report: Obj) -> tuple[v.ResultRow, ...]:
        source: Obj = publicity.record.payload if publicity else report
        return tuple(
            v.ResultRow(
                submission=str(c.get("submission", "")),
                bidder=words.name_of(c.get("bidder")),
                price=words.money(c.get("price")),
                state="decrypted",
                total=_decimal(c.get("total")),
                rank=int(str(c["rank"])),
            )
            for c in rows(source.get("candidates"))
        )

    def _award(self, lot: str) -> v.Award | None:
        award, contract = self.dossier.of_lot("award_notice", lot), self.dossier.of_lot("contract_filing", lot)
        price = words.money(award.record.payload.get("price")) if award else None
        if award is None or price is None:
            return None
        return v.Award(
            winner=words.name_of(award.record.payload.get("winner")),
            price=price,
            at=award.filed.at,
            digest=award.record.digest,
            contract_signed_on=words.day(contract.record.payload.get("signed_on")) if contract else None,
        )

    # --- records ----------------------------------------------------------------------------------------------

    def _timeline(self) -> tuple[v.TimelineEntry, ...]:
        entries = list(self.dossier.entries)
        if len(entries) > TIMELINE_MAX:
            entries = [e for e in entries if e.record.family not in BID_RECORDS]
        names: dict[str, str] = {}
        return tuple(self._timeline_entry(e, names) for e in reversed(entries[-TIMELINE_MAX:]))

    def _timeline_entry(self, entry: Entry, names: dict[str, str]) -> v.TimelineEntry:
        record = entry.record
        return v.TimelineEntry(
            at=entry.filed.at,
            family=record.family,
            title=words.family(self.context.door.catalogue, record.family, record.schema.version),
            version=record.schema.version,
            author=self._author(entry, names),
            digest=record.digest,
            leaf=entry.filed.index,
            summary=SUMMARIES.get(record.family, _nothing)(record.payload),
            receipt_href=f"/api/v1/records/{record.digest}/receipt",
            record_href=self._record_href(entry),
            tone=TONES.get(record.family, "done"),
        )

    def _committee_is_secret(self, entry: Entry) -> bool:
        """Whether a record is by a member of a committee whose names are not public yet (招标投标法 37)."""
        if entry.record.family not in PANEL_FAMILIES:
            return False
        lot = lot_of_report(entry, lots_of_reports(self.dossier.entries))
        return self.dossier.case.tracks.get(lot, "") not in DECIDED

    def _record_href(self, entry: Entry) -> str | None:
        """Return where a record can be read, None while that would tell a name that pages keep to themselves."""
        if entry.record.family in UNNAMED or self._committee_is_secret(entry):
            return None
        return f"/api/v1/records/{entry.record.digest}"

    def _author(self, entry: Entry, names: dict[str, str]) -> str:
        author = entry.record.author
        if entry.record.family in UNNAMED:
            return self._say(words.NOT_SHOWN)
        if self._committee_is_secret(entry):
            return self._say(COMMITTEE)
        if author.startswith("bid:"):
            return f"{self._say(BID_KEY)} {author}"
        if author == self.context.door.node.name:
            return self._say(self.page.site.centre)
        if author not in names:
            names[author] = self.context.directory.name(author) or author
        return names[author]

    # --- what comes next --------------------------------------------------------------------------------------

    def _next(self) -> v.NextStep | None:
        d, deadline, state = self.dossier, self.dossier.case.instant("deadline"), states.leading(self.dossier)
        if states.pauses(d) and state not in ("failed", "cancelled"):
            by_complaint = any(p.get("by") == "complaint" for p in map(obj, d.case.table("pauses").values()))
            decided = Label("监督部门作出处理决定", "The supervisor decides the complaint")
            answered = Label("招标人答复异议", "The tenderer answers the objection")
            return v.NextStep(title=decided if by_complaint else answered)
        if state in ("tendering", "opening"):
            return self._next_opening(state, deadline)
        if state in ("opened", "reported"):
            title = Label("评标，随后公布结果", "Evaluation, then the result is published")
            detail = Label("评委名单在中标结果确定前保密。", "The committee's names are secret until the award.")
            return v.NextStep(title=title, detail=detail)
        if state == "publicity":
            title = Label("公示期满", "End of the publicity period")
            detail = Label("对结果有异议的，请在公示期内提出。", "Objections to the result are due within this period.")
            return v.NextStep(title=title, at=self._publicity_end(), detail=detail)
        signed = Label("签订合同并备案", "The contract is signed and filed")
        return v.NextStep(title=signed) if state == "awarded" else None

    def _next_opening(self, state: str, deadline: datetime | None) -> v.NextStep:
        enter = v.Link(Label("进入开标大厅", "Enter the opening hall"), paths.opening(str(self.dossier.case.id)))
        if state == "opening" or deadline is None or self.page.now >= deadline:
            return v.NextStep(title=Label("公开开标", "Public opening"), at=deadline, action=enter)
        detail = Label(
            "投标文件在投标人自己的设备上密封，截止前可以替换或撤回。",
            "Bids are sealed on the bidder's own device and may be replaced or withdrawn until then.",
        )
        title = Label("投标截止，随后公开开标", "Bids close, then the public opening")
        return v.NextStep(title=title, at=deadline, detail=detail, action=enter)

    def _publicity_end(self) -> datetime | None:
        ends = [words.day(obj(p).get("ends_on")) for p in self.dossier.case.table("publicity").values()]
        last = max((e for e in ends if e is not None), default=None)
        return None if last is None else datetime.combine(last + timedelta(days=1), time(), CENTRE_ZONE)

    def _countdown(self) -> v.Countdown | None:
        d, deadline = self.dossier, self.dossier.case.instant("deadline")
        if states.pauses(d):
            return None
        state = states.leading(d)
        if state == "tendering" and deadline is not None and self.page.now < deadline:
            return v.Countdown(Label("距投标截止", "Until bids close"), deadline)
        end = self._publicity_end() if state == "publicity" else None
        return v.Countdown(Label("公示剩余", "Publicity ends in"), end) if end and self.page.now < end else None


def _question(entry: Entry) -> v.Question:
    payload = entry.record.payload
    lot = payload.get("lot")
    return v.Question(
        at=entry.filed.at,
        text=tuple(texts(payload.get("text"))),
        digest=entry.record.digest,
        lot=str(lot) if lot else None,
    )


def _decimal(value: object) -> Decimal | None:
    return Decimal(str(value)) if value is not None else None


def _nothing(_payload: Obj) -> str:
    return ""


def _names(payload: Obj) -> str:
    return "、".join(words.name_of(c.get("bidder")) for c in rows(payload.get("candidates")))


def _lots(payload: Obj) -> str:
    return " · ".join(f"{lot['lot']}: {lot['count']}" for lot in rows(payload.get("lots")))


SUMMARIES: Final[dict[str, Callable[[Obj], str]]] = {
    "project": lambda p: str(p.get("name", "")),
    "tender_document": lambda p: str(p.get("title", "")),
    "tender_notice": lambda p: str(p.get("title", "")),
    "question": lambda p: words.first(p.get("text")),
    "clarification": lambda p: words.first(p.get("text")),
    "deadline_extension": lambda p: str(p.get("reason", "")),
    "objection": lambda p: words.first(p.get("grounds")),
    "objection_reply": lambda p: words.first(p.get("reasons")),
    "complaint": lambda p: words.first(p.get("grounds")),
    "complaint_decision": lambda p: words.first(p.get("reasons")),
    "outage_record": lambda p: str(p.get("systems", "")),
    "opening_start": _lots,
    "key_release": lambda p: str(p.get("submission", "")),
    "share_release": lambda p: str(p.get("submission", "")),
    "bid_commitment": lambda p: str(p.get("submission", "")),
    "sealed_bid": lambda p: str(p.get("submission", "")),
    "bid_disclosure": lambda p: words.name_of(p.get("bidder")) or str(p.get("submission", "")),
    "failed_tender": lambda p: f"{p.get('lot', '')} {words.first(p.get('explanation'))}",
    "cancellation": lambda p: words.first(p.get("explanation")),
    "candidate_publicity": _names,
    "award_notice": lambda p: words.name_of(p.get("winner")),
    "contract_filing": lambda p: words.name_of(p.get("winner")),
}
"""What one line of the timeline says of a record: words as they were filed."""
