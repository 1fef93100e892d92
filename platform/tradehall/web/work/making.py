"""
Filling the pages of the workspaces (工作台页面制作).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from tradehall.desk.accept import Accepted
from tradehall.desk.filing import CaseView
from tradehall.desk.journal import Entry
from tradehall.desk.workbench import Act, Workbench
from tradehall.kernel.admission import roles_of
from tradehall.kernel.case import Case, legal_date
from tradehall.kernel.payload import Obj, obj, rows
from tradehall.kernel.procedure import Procedure
from tradehall.kernel.record import SchemaRef
from tradehall.kernel.refusal import Text
from tradehall.web.access import Subject
from tradehall.web.api.context import Context
from tradehall.web.pages import words
from tradehall.web.pages.shelf import Dossier
from tradehall.web.portal import paths
from tradehall.web.portal import views as v
from tradehall.web.portal import views_work as w
from tradehall.web.portal.views import Label
from tradehall.web.problems import Problem
from tradehall_standards import canonical

if TYPE_CHECKING:
    from tradehall_standards import Json

OTHERWISE: Final = frozenset(
    {
        "opening_start",
        "bid_disclosure",
        "opening_record",
        "draw_commitment",
        "expert_draw",
        "tie_draw",
        "bid_commitment",
        "sealed_bid",
        "bid_confirmation",
        "bid_withdrawal",
        "key_release",
        "share_release",
        "score_commitment",
        "score_sheet",
        "evaluation_report",
        "guarantee_letter",
    }
)
"""Families that no form makes: the node computes them, or a device with a key of its own does."""

RECORDS_MAX: Final = 200
CENTRE_MAX: Final = 50
"""Newest tenders on the workbench of the centre, which takes part in all of them."""

CENTRE_ACTS: Final[Mapping[str, tuple[w.CentreAct, ...]]] = {
    "opening_start": (w.CentreAct(Label("开始开标", "Open the bids"), '{"act":"start"}'),),
    "bid_disclosure": (
        w.CentreAct(Label("公布已解密的投标", "Disclose what can be opened"), '{"act":"disclose"}'),
        w.CentreAct(
            Label("宣布其余投标因投标人原因开启失败", "Declare the rest not opened, by fault of the bidder"),
            '{"act":"give_up","fault":"failed_bidder"}',
            Label(
                "其余投标将视为撤销投标文件，不能恢复。确认？",
                "The remaining bids will count as revoked; this can't be undone. Go on?",
            ),
        ),
        w.CentreAct(
            Label("宣布其余投标因其他原因开启失败", "Declare the rest not opened, by no fault of the bidder"),
            '{"act":"give_up","fault":"failed_other"}',
            Label(
                "其余投标将视为撤回投标文件，不能恢复。确认？",
                "The remaining bids will count as withdrawn; this can't be undone. Go on?",
            ),
        ),
    ),
    "opening_record": (
        w.CentreAct(
            Label("结束开标，形成开标记录", "Close the opening and draw up its record"),
            '{"act":"close"}',
            Label("结束后不能再解密或公布投标。确认？", "No bid can be opened afterwards. Go on?"),
        ),
    ),
}
"""Family that the node files on the centre's word → what the centre may ask it to do."""

BID_FAMILIES: Final = ("bid_commitment", "sealed_bid", "bid_confirmation", "bid_withdrawal", "key_release")
DEADLINE: Final = Label("距投标截止", "Until the deadline")
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")

ROLE_WORDS: Final = {
    "tenderer": Label("招标人", "Tenderer"),
    "agency": Label("招标代理机构", "Tender agency"),
    "supervisor": Label("监督部门", "Supervisor"),
    "custodian": Label("密钥保管方", "Custodian"),
    "centre": Label("交易中心", "Trading centre"),
    "expert": Label("评标专家", "Evaluation expert"),
    "guarantor": Label("保函开立人", "Guarantor"),
    "applicant": Label("申请人", "Applicant"),
    "venue": Label("评标场所", "Venue"),
    "lead": Label("主场", "Lead venue"),
    "officer": Label("标准管理人员", "Standards officer"),
    "standards_officer": Label("标准管理人员", "Standards officer"),
    "beneficiary": Label("受益人", "Beneficiary"),
}


@dataclass(frozen=True, slots=True)
class WorkMaker:
    """Makes the pages of one caller (工作台)."""

    context: Context
    page: v.Page
    subject: Subject

    @property
    def workbench(self) -> Workbench:
        """The desk's workbench."""
        return Workbench(self.context.desk)

    @property
    def name(self) -> str:
        """Name of the caller's party."""
        return str(self.context.directory.name(self.subject.party) or self.subject.party)

    def base(self) -> dict[str, Any]:
        """Return what every page has."""
        return {"site": self.page.site, "now": self.page.now, "path": self.page.path}

    # --- pages ----------------------------------------------------------------------------------------------------

    def home(self) -> w.WorkPage:
        """Return the workbench: what now, and what may be begun."""
        party = self.subject.party
        begun = [
            w.Task(self.family(act.family), f"{paths.WORK}/begin/{procedure.id}", (), act.clause)
            for procedure, act in self.workbench.beginnings(party)
            if act.family not in OTHERWISE
        ]
        known = self.workbench.cases(party, lambda case: self.context.may_know(case, self.subject))
        if self.subject.is_centre:
            mine = {case.id for case in known}
            known += [case for case in self.workbench.announced(CENTRE_MAX) if case.id not in mine]
        found = [self.work_case(case, act_now=self.workbench.acts(case, party)) for case in known]
        found.sort(key=lambda one: not one.tasks)
        return w.WorkPage(**self.base(), cases=tuple(found), beginnings=tuple(begun), party=self.name)

    def case(self, ident: str) -> w.WorkCasePage:
        """Return one case, with what the caller may read and do."""
        view = self.look(ident)
        acts = self.workbench.acts(view.case, self.subject.party)
        entries = self.context.visible(view, self.subject)
        public = "announced_at" in view.case.head and not self.context.door.procedure(ident).secret
        return w.WorkCasePage(
            **self.base(),
            case=self.work_case(view.case, act_now=acts),
            records=tuple(self._record(e) for e in reversed(entries[-RECORDS_MAX:])),
            public=paths.notice(ident) if public else "",
            acts=self._centre_acts(acts),
            acts_path=f"/api/v1/cases/{ident}/opening",
        )

    def _centre_acts(self, acts: list[Act]) -> tuple[w.CentreAct, ...]:
        if not self.subject.is_centre:
            return ()
        return tuple(act for found in acts for act in CENTRE_ACTS.get(found.family, ()))

    def custody(self, dossier: Dossier | None) -> w.CustodyPage:
        """
        Return a custodian's page: of one tender what waits for its shares, without one only its keys.

        Raises:
            Problem: NOT-FOUND for whoever is no custodian of the tender.
        """
        party = self.subject.party
        own = [] if dossier is None else [c for c in rows(dossier.case.head.get("custodians")) if c["party"] == party]
        if dossier is not None and not own:
            raise Problem("NOT-FOUND")
        bids = [] if dossier is None else list(Custody(dossier, party).bids())
        case = None if dossier is None else dossier.case
        waiting: list[Json] = [bid.terms for bid in bids if bid.waits]
        ref = self.workbench.schema(case.id, "share_release") if case else None
        terms: Json = {
            "party": party,
            "case": case.id if case else "",
            "recipient": str(own[0]["recipient"]) if own else "",
            "schema": ref.to_json() if ref else None,
            "waiting": waiting,
        }
        return w.CustodyPage(
            **self.base(),
            case=case.id if case else "",
            case_name=case.text("name") if case else "",
            terms=canonical.jcs(terms).decode(),
            is_opened=bool(dossier and _opened(dossier)),
            rows=tuple(bid.row for bid in bids),
            waiting=len(waiting),
        )

    def bid(self, dossier: Dossier) -> w.BidPage:
        """Return the page on which a bid is made, from what everyone may know of an announced tender."""
        case, now = dossier.case, self.page.now
        deadline = case.instant("deadline")
        taking = tuple(lot for lot in dossier.lots if case.tracks[lot] == "tendering")
        is_open = bool(taking) and deadline is not None and now < deadline
        names = {lot: str(obj(case.table("lots").get(lot)).get("name", lot)) for lot in dossier.lots}
        terms: Json = {
            "case": case.id,
            "answers": case.text("answers"),
            "custodians": case.head.get("custodians"),
            "threshold": case.head.get("threshold"),
            "policy": case.text("policy"),
            "party": self.subject.party,
            "name": self.name,
            "lots": [{"id": lot, "name": names[lot]} for lot in dossier.lots],
            "opened": {str(lot["lot"]): lot["submissions"] for lot in _opened(dossier)},
            "open": is_open,
            "schemas": {family: ref.to_json() for family in BID_FAMILIES if (ref := self._cited(case.id, family))},
        }
        codes = self.context.door.catalogue.codelist("currency", dossier.announced_on)
        return w.BidPage(
            **self.base(),
            case=case.id,
            case_name=case.text("name"),
            terms=canonical.jcs(terms).decode(),
            is_open=is_open,
            countdown=v.Countdown(DEADLINE, deadline) if is_open and deadline else None,
            lots=tuple((lot, names[lot]) for lot in taking),
            currencies=tuple((row.code, Label(row.zh, row.en)) for row in codes.rows) if codes else (),
        )

    def _cited(self, case: str, family: str) -> SchemaRef | None:
        return self.workbench.schema(case, family)

    def keys(self) -> w.KeysPage:
        """Return the page of this browser's keys."""
        return w.KeysPage(**self.base(), party=self.subject.party, name=self.name)

    def receipt(self, digest: str) -> w.ReceiptPage:
        """Return the receipt of one of the caller's records."""
        found = self._own(digest)
        signed = self._receipt(found)
        told: Any = signed["receipt"]
        lines = str(told["log"]["checkpoint"]).split("\n")
        return w.ReceiptPage(
            **self.base(),
            title=self.family(found.entry.record.family),
            case=found.entry.record.case,
            digest=digest,
            accepted_at=found.entry.filed.at,
            leaf_index=found.entry.filed.index,
            tree_size=int(lines[1]),
            witnesses=tuple(str(one) for one in told["cosignatures"]),
            receipt=canonical.jcs(signed).decode(),
            back=paths.work_case(found.entry.record.case),
        )

    def receipt_bytes(self, digest: str) -> bytes:
        """Return that receipt as it is handed out."""
        return canonical.jcs(self._receipt(self._own(digest))) + b"\n"

    def _own(self, digest: str) -> Accepted:
        found = self.context.door.find(digest) if _DIGEST.fullmatch(digest) else None
        if found is None or found.entry.record.author != self.subject.party:
            raise Problem("NOT-FOUND")
        return found

    def _receipt(self, found: Accepted) -> dict[str, Any]:
        with self.context.door.store.read() as reading:
            return dict(self.context.door.receipt(found, reading))

    # --- parts ----------------------------------------------------------------------------------------------------

    def look(self, ident: str) -> CaseView:
        """Return a case that the caller may see. Raises NOT-FOUND for any other."""
        return self.context.look(ident, self.subject)

    def family(self, name: str) -> Label:
        """Return the title of a family as it is in force."""
        return words.family(self.context.door.catalogue, name)

    def work_case(self, case: Case, *, act_now: list[Act]) -> w.WorkCase:
        """Return a case as the workbench shows it."""
        procedure = self.context.door.procedure(case.id)
        registered = self.context.directory.roles(self.subject.party)
        roles = roles_of(case, self.subject.party, registered) - {"participant"}
        return w.WorkCase(
            case=case.id,
            name=self._name(case, procedure),
            code=case.text("project_code"),
            procedure=_word(procedure.title),
            roles=tuple(ROLE_WORDS.get(role, Label(role, role)) for role in sorted(roles)),
            states=tuple(_state(procedure, lot, state) for lot, state in sorted(case.tracks.items())),
            tasks=self._tasks(case, act_now, procedure),
            href=paths.work_case(case.id),
        )

    def _name(self, case: Case, procedure: Procedure) -> str:
        """Return what people call a case: a letter or session goes by the tender that it belongs to."""
        if own := case.text("name"):
            return own
        title, tender = procedure.title.zh, self.workbench.tender_name(case)
        return f"{title} · {tender}" if tender else title

    def _tasks(self, case: Case, acts: list[Act], procedure: Procedure) -> tuple[w.Task, ...]:
        deadline = case.instant("deadline")
        made: dict[str, w.Task] = {}
        for act in acts:
            if act.family == "share_release":
                made["share_release"] = w.Task(self.family(act.family), paths.work_custody(case.id), (), act.clause)
            if act.family in OTHERWISE or set(act.roles) == {"participant"}:
                continue
            lots = act.lots if set(act.lots) != set(case.tracks) else ()
            until = deadline if "tendering" in procedure.states and _is_open(deadline, self.page.now) else None
            made.setdefault(
                act.family,
                w.Task(self.family(act.family), paths.work_form(case.id, act.family), lots, act.clause, until),
            )
        return tuple(made.values())

    def _record(self, entry: Entry) -> w.WorkRecord:
        record = entry.record
        own = record.author == self.subject.party
        name = self.context.directory.name(record.author) if not record.author.startswith("person:") or own else None
        return w.WorkRecord(
            title=words.family(self.context.door.catalogue, record.family, record.schema.version),
            at=entry.filed.at,
            author=str(name or record.author),
            digest=record.digest,
            own=own,
            href=paths.work_record(record.digest) if own else "",
        )

    def today(self) -> Any:
        """Return the legal date."""
        return legal_date(self.page.now)


@dataclass(frozen=True, slots=True)
class CustodyBid:
    """An opened bid for one custodian (待开启投标): its line, and its box where the share is still wanted."""

    row: w.CustodyRow
    terms: Json
    waits: bool


@dataclass(frozen=True, slots=True)
class Custody:
    """What one custodian has to do with the bids of a tender (保管事项)."""

    dossier: Dossier
    party: str

    def bids(self) -> Iterator[CustodyBid]:
        """Yield every bid of the frozen sets, in their order."""
        committed: dict[str, Obj] = {e.record.digest: e.record.payload for e in self.dossier.of("bid_commitment")}
        names = self.dossier.case.table("lots")
        for lot in _opened(self.dossier):
            name = str(obj(names.get(str(lot["lot"]))).get("name", lot["lot"]))
            for entry in rows(lot["submissions"]):
                payload = committed.get(str(entry["commitment"]))
                if payload is not None:
                    yield self._bid(str(entry["submission"]), name, payload)

    def _bid(self, submission: str, lot: str, commitment: Obj) -> CustodyBid:
        box = next((b for b in rows(commitment["share_boxes"]) if b["custodian"] == self.party), None)
        state, tone = self._state(submission)
        terms: Json = {"submission": submission, "commitments": commitment["commitments"]}
        if box is not None:
            terms = {"submission": submission, "commitments": commitment["commitments"], **box}
        waits = tone == "attention" and box is not None
        return CustodyBid(w.CustodyRow(submission, lot, state, tone), terms, waits)

    def _state(self, submission: str) -> tuple[Label, v.Tone]:
        about = [e for e in self.dossier.of(*_OF_OPENING) if e.record.payload.get("submission") == submission]
        families = {
            e.record.family for e in about if e.record.family != "share_release" or e.record.author == self.party
        }
        if "bid_disclosure" in families:
            return Label("已公布", "Disclosed"), "done"
        if "key_release" in families:
            return Label("投标人已解密", "Key released by the bidder"), "done"
        if "share_release" in families:
            return Label("已释放分片", "Share released"), "running"
        return Label("等候释放", "Waiting for shares"), "attention"


_OF_OPENING: Final = ("bid_disclosure", "key_release", "share_release")


def _opened(dossier: Dossier) -> list[Obj]:
    """Return the lots of every opening, each with the frozen set of its bids."""
    return [lot for entry in dossier.of("opening_start") for lot in rows(entry.record.payload.get("lots"))]


def _state(procedure: Procedure, lot: str, state: str) -> tuple[str, Label, v.Tone]:
    return lot, _word(procedure.states[state]), "waiting" if state in procedure.terminal else "running"


def _is_open(deadline: datetime | None, now: datetime) -> bool:
    return deadline is not None and deadline > now


def _word(text: Text) -> Label:
    return Label(text.zh, text.en)
