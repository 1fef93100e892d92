"""
The opening hall (开标大厅): what is sealed, what has been opened, and the live record of both.

Before ``opening_start`` a hall shows neither how many bids there are nor whose.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tradehall.desk.journal import Entry
from tradehall.kernel import notes
from tradehall.kernel.payload import Obj, obj, rows, texts
from tradehall.web.access import Subject
from tradehall.web.api.context import Context
from tradehall.web.pages import states, words
from tradehall.web.pages.shelf import Dossier
from tradehall.web.portal import views as v
from tradehall.web.portal.views import Label

if TYPE_CHECKING:
    from tradehall_standards import Json

GUARANTEES: Final[dict[str, Label]] = {
    "valid": Label("保函有效", "guarantee valid"),
    "invalid": Label("保函无效", "guarantee invalid"),
    "absent": Label("未附保函", "no guarantee"),
}
WAITING, COUNTED, DECRYPTION, RECORD, CLOSED = 0, 2, 3, 5, 7


def is_live(dossier: Dossier) -> bool:
    """Whether more may happen in the hall."""
    return states.opening_state(dossier) in ("waiting", "running")


@dataclass(frozen=True, slots=True)
class HallMaker:
    """Fills the page of one hall (开标大厅装配)."""

    context: Context
    dossier: Dossier
    page: v.Page
    subject: Subject
    may_export: bool = False

    def make(self) -> v.OpeningPage:
        """Return the page."""
        d, case = self.dossier, str(self.dossier.case.id)
        project, state = d.payload("project"), states.opening_state(self.dossier)
        deadline = d.case.instant("deadline") or self.page.now
        lines = feed(d, self.context)
        bids = {lot: self._rows(members) for lot, members in states.frozen(d).items()}
        announced = bool(bids) and all(b.state in ("decrypted", "failed") for found in bids.values() for b in found)
        return v.OpeningPage(
            site=self.page.site,
            now=self.page.now,
            path=self.page.path,
            case=case,
            code=d.case.text("project_code"),
            name=d.case.text("name"),
            tenderer=words.name_of(project.get("tenderer")),
            supervisor=words.name_of(project.get("supervisor")),
            place=str(words.member(d.payload("tender_notice"), "opening", "place") or ""),
            opening_at=deadline,
            state=state,
            rail=self._rail(state, announced=announced),
            lots=tuple(self._lot(lot, bids.get(lot)) for lot in d.lots),
            prices_announced=announced,
            feed=tuple(reversed(lines)),
            sequence=lines[-1].sequence if lines else 0,
            live=is_live(d),
            proof=self._proof(case),
            countdown=v.Countdown(Label("距开标", "Until the opening"), deadline)
            if state == "waiting" and self.page.now < deadline and not states.pauses(d)
            else None,
            action=self._action(bids),
            standstill=self._standstill(state),
        )

    def _code(self, name: str, value: Json) -> Label:
        return words.code(self.context.door.catalogue, name, value, self.dossier.announced_on)

    def _standstill(self, state: v.OpeningState) -> v.Standstill | None:
        if state in ("failed", "cancelled"):
            return states.ended(self.dossier, self.context.door.catalogue)
        return None if state == "closed" else next(iter(states.pauses(self.dossier)), None)

    def _rail(self, state: v.OpeningState, *, announced: bool) -> tuple[v.Step, ...]:
        d = self.dossier
        deadline, disclosed = d.case.instant("deadline"), d.of("bid_disclosure")
        last = disclosed[-1].filed.at if disclosed else None
        closed = d.case.instant("opened_at")
        current = WAITING if deadline is None or self.page.now < deadline else COUNTED
        if state == "closed":
            current = CLOSED
        elif state == "running":
            current = RECORD if announced else DECRYPTION
        broken = state in ("failed", "cancelled")
        reached = (None, deadline, d.case.instant("opening_started_at"), last, last, closed, closed)
        steps: list[v.Step] = []
        for index, key in enumerate(v.HALL_STEPS):
            if index < current:
                steps.append(v.Step(key, "done", reached[index]))
            elif index == current:
                steps.append(v.Step(key, "failed" if broken else "current"))
            else:
                steps.append(v.Step(key, "upcoming"))
        return tuple(steps)

    def _lot(self, lot: str, bids: tuple[v.BidRow, ...] | None) -> v.HallLot:
        d, currency = self.dossier, self.dossier.case.text("currency")
        failed = d.of_lot("failed_tender", lot) if bids is None else None
        stated = failed.record.payload.get("count") if failed else None
        reason = failed.record.payload.get("reason") if failed else None
        return v.HallLot(
            id=lot,
            name=str(obj(d.head("lots", lot)).get("name", "")),
            ceiling=words.plain(d.head("ceilings", lot), currency),
            floor=words.plain(d.head("floors", lot), currency),
            count=len(bids) if bids is not None else stated if isinstance(stated, int) else None,
            accepted_root=str(d.head("roots", lot) or "") or None,
            rows=bids or (),
            failed=self._code("failure_reason", reason) if failed else None,
        )

    def _rows(self, members: dict[str, str]) -> tuple[v.BidRow, ...]:
        d = self.dossier
        disclosed = {str(e.record.payload["submission"]): e.record.payload for e in d.of("bid_disclosure")}
        started = {str(e.record.payload["submission"]) for e in d.of("key_release", "share_release")}
        return tuple(
            self._row(submission, n + 1, commitment, disclosed.get(submission), started=submission in started)
            for n, (submission, commitment) in enumerate(members.items())
        )

    def _row(self, submission: str, ordinal: int, commitment: str, bid: Obj | None, *, started: bool) -> v.BidRow:
        if bid is None:
            state: v.BidState = "decrypting" if started else "sealed"
            return v.BidRow(submission=submission, ordinal=ordinal, commitment=commitment, state=state)
        opened = bid.get("outcome") == "opened"
        by, result = bid.get("opened_by"), obj(bid.get("guarantee")).get("result")
        return v.BidRow(
            submission=submission,
            ordinal=ordinal,
            commitment=commitment,
            state="decrypted" if opened else "failed",
            bidder=words.name_of(bid.get("bidder")) or None,
            price=words.money(bid.get("price")),
            guarantee=_guarantee(result),
            opened_by=by if by in ("bidder_key", "custodians") else None,
            cause=self._defects(bid) if opened else self._code("opening_failure_cause", bid.get("cause")),
            own=opened and bool(self.subject.party) and obj(bid.get("bidder")).get("id") == self.subject.party,
        )

    def _defects(self, bid: Obj) -> Label | None:
        """Return what is wrong with the guarantee of an opened bid (保函缺陷), None when nothing is."""
        found = [self._code("guarantee_defect", reason) for reason in texts(obj(bid.get("guarantee")).get("reasons"))]
        if not found:
            return None
        return Label(f"保函：{'、'.join(d.zh for d in found)}", f"Guarantee: {', '.join(d.en for d in found)}")

    def _proof(self, case: str) -> v.Proof:
        origin, size, root, witnessed = log_state(self.context)
        record = self.dossier.last("opening_record")
        return v.Proof(
            log_origin=origin,
            log_size=size,
            log_root=root,
            witnesses=witnessed,
            evidence_href=f"/api/v1/cases/{case}/evidence" if self.may_export else None,
            record_digest=record.record.digest if record else None,
        )

    def _action(self, bids: dict[str, tuple[v.BidRow, ...]]) -> v.HallAction | None:
        """Return what the viewer has to do. Whose bid is whose nobody knows before it is opened."""
        party, every = self.subject.party, [b for found in bids.values() for b in found]
        if not party or not every:
            return None
        if any(b.own for b in every):
            detail = Label("报价和保函核验结果见下表。", "Price and guarantee check are in the table.")
            title = Label("您的投标已解密", "Your bid is decrypted")
            return v.HallAction(title=title, detail=detail, tone="done")
        waiting = sum(1 for b in every if b.state in ("sealed", "decrypting"))
        if party in self.dossier.case.parties("custodian") and waiting:
            detail = Label(
                f"还有 {waiting} 份未解密；投标人未交出密钥的，由保管人在自己的设备上放行份额。",
                f"{waiting} bids are sealed; for absent bidders custodians release shares from their own devices.",
            )
            title = Label("您是密钥保管人", "You hold a share of the key")
            return v.HallAction(title=title, detail=detail, tone="attention")
        return None


def _guarantee(result: object) -> v.GuaranteeState | None:
    return result if result in ("valid", "invalid", "absent") else None


def log_state(context: Context) -> tuple[str, int, str, int]:
    """Return the log's name, size, root in hex, and how many cities have cosigned it."""
    keys = context.door.node
    with context.door.store.read() as reading:
        latest = reading.latest()
        lines = reading.cosignatures(latest.size) if latest else ()
    if latest is None:
        return keys.origin, 0, "", 0
    note = notes.parse_note(keys.checkpoint(latest, lines))
    return keys.origin, latest.size, latest.root.hex(), len(notes.cosigners(note, context.exporter.witnesses))


# --- the live record ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Names:
    """How the lines of one hall call bids, lots and custodians."""

    ordinals: dict[str, Label]
    custodians: dict[str, str]

    def bid(self, payload: Obj) -> Label:
        return self.ordinals.get(str(payload.get("submission")), Label("一份投标", "A bid"))


def feed(dossier: Dossier, context: Context, after: int = -1) -> tuple[v.FeedEntry, ...]:
    """Return the live record of a hall after a sequence, oldest first; a line's is the log index of its record."""
    frozen = states.frozen(dossier)
    names = _Names(
        {
            submission: _called(lot, n, alone=len(dossier.lots) == 1)
            for lot, members in frozen.items()
            for n, submission in enumerate(members, 1)
        },
        {
            str(obj(c["party"]).get("id")): words.name_of(c["party"])
            for c in rows(dossier.payload("tender_notice").get("custodians"))
        },
    )
    found: list[v.FeedEntry] = []
    for entry in dossier.entries:
        if entry.filed.index <= after:
            continue
        line = _line(entry, names, dossier, context)
        if line is not None:
            found.append(v.FeedEntry(sequence=entry.filed.index, at=entry.filed.at, text=line[0], tone=line[1]))
    return tuple(found)


def _called(lot: str, number: int, *, alone: bool) -> Label:
    return Label(f"第 {number} 份", f"Bid {number}") if alone else Label(f"{lot} 第 {number} 份", f"{lot} bid {number}")


def _line(entry: Entry, names: _Names, dossier: Dossier, context: Context) -> tuple[Label, v.Tone] | None:
    p, family = entry.record.payload, entry.record.family
    if family in ("key_release", "share_release"):
        return _released(family, p, names)
    if family == "bid_disclosure":
        return _disclosed(p, names, dossier, context)
    if family == "opening_start":
        return _counted(p)
    if family == "failed_tender":
        reason = words.code(context.door.catalogue, "failure_reason", p.get("reason"), dossier.announced_on)
        return Label(f"{p.get('lot')} 招标失败：{reason.zh}", f"{p.get('lot')} failed: {reason.en}"), "failed"
    return _objected(entry, dossier) if family in ("objection", "objection_reply") else _PLAIN.get(family)


def _released(family: str, p: Obj, names: _Names) -> tuple[Label, v.Tone]:
    bid = names.bid(p)
    if family == "key_release":
        return Label(f"{bid.zh}：收到投标人密钥", f"{bid.en}: the bidder's key has come"), "running"
    who = names.custodians.get(str(p.get("custodian")), str(p.get("custodian")))
    return Label(f"{bid.zh}：{who}放行密钥份额", f"{bid.en}: {who} releases a share of the key"), "running"


def _counted(p: Obj) -> tuple[Label, v.Tone]:
    lots = rows(p.get("lots"))
    zh = "，".join(f"{lot['lot']} 共 {lot['count']} 份" for lot in lots)
    en = ", ".join(f"{lot['lot']}: {lot['count']} bids" for lot in lots)
    return Label(f"公布份数：{zh}；收讫集合已冻结", f"Counted: {en}; the accepted set is frozen"), "attention"


def _objected(entry: Entry, dossier: Dossier) -> tuple[Label, v.Tone] | None:
    """Objections to the opening are part of it; those to documents and results are not."""
    raised = {e.record.digest for e in dossier.of("objection") if e.record.payload.get("about") == "opening"}
    if entry.record.digest in raised:
        return Label("收到对开标的异议，已记入", "An objection to the opening was raised and noted"), "attention"
    if entry.record.payload.get("objection") in raised:
        return Label("异议已当场答复", "The objection was answered"), "done"
    return None


def _disclosed(p: Obj, names: _Names, dossier: Dossier, context: Context) -> tuple[Label, v.Tone]:
    bid = names.bid(p)
    if p.get("outcome") != "opened":
        cause = words.code(context.door.catalogue, "opening_failure_cause", p.get("cause"), dossier.announced_on)
        return Label(f"{bid.zh}：未能打开，{cause.zh}", f"{bid.en}: not opened; {cause.en}"), "failed"
    parts_zh, parts_en = ["已解密"], ["decrypted"]
    if p.get("opened_by") == "custodians":
        parts_zh, parts_en = ["由密钥保管人共同解密"], ["decrypted by the custodians"]
    result = str(obj(p.get("guarantee")).get("result", ""))
    if result in GUARANTEES:
        parts_zh.append(GUARANTEES[result].zh)
        parts_en.append(GUARANTEES[result].en)
    return Label(f"{bid.zh}：{'，'.join(parts_zh)}", f"{bid.en}: {', '.join(parts_en)}"), "done"


_PLAIN: Final[dict[str, tuple[Label, v.Tone]]] = {
    "deadline_extension": (Label("投标截止和开标时间顺延", "The deadline and the opening were moved"), "attention"),
    "outage_record": (Label("记录一次系统故障", "A system outage was recorded"), "attention"),
    "opening_record": (
        Label("开标记录已签署，开标结束", "The opening record is signed; the opening is closed"),
        "done",
    ),
    "cancellation": (Label("招标终止", "The tender was cancelled"), "failed"),
}
