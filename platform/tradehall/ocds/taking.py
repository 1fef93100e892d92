"""
Taking packages in (数据包导入): a process of OCDS as unsigned drafts of our records, and a report that misses no leaf.

A draft is what the package says and no more: what a record needs besides is listed as a finding of its schema, for a
person to fill in and sign. Nothing is invented.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from tradehall.kernel.case import CENTRE_ZONE, legal_date
from tradehall.kernel.refusal import Text
from tradehall.ocds import words
from tradehall.ocds.merging import Node, is_list, is_node
from tradehall.ocds.reading import Branch, Found, Leaf, Process, Tree, gather
from tradehall_standards import Catalogue, SchemaRef

if TYPE_CHECKING:
    from tradehall_standards import Json

WHY: Final = {
    "no-place": Text("本标准没有对应的字段", "no record of ours has a place for it"),
    "does-not-fit": Text("值的形式不合本标准", "the value does not have the form that the field needs"),
    "contrary": Text("与已取用的另一处不一致", "another place of the package, which was taken, says otherwise"),
    "superseded": Text("被后来的发布取代", "a later release says otherwise"),
    "about-package": Text("说明数据包本身", "tells of the package itself"),
    "about-release": Text("说明某次发布本身", "tells of a release itself"),
    "about-record": Text("说明记录本身", "tells of the record itself"),
    "history": Text("字段的历史，已由各次发布说明", "the history of fields that have come by their releases"),
    "linked": Text("只有链接，未取回", "only a link; nothing was fetched"),
    "not-a-release": Text("不是一次发布", "is no release"),
    "not-a-record": Text("不是一条记录", "is no record"),
}
PLACES: Final = 2
_LOT: Final = re.compile(r"L[1-9][0-9]{0,2}")
_SUBMISSION: Final = re.compile(r"b-[a-z2-7]{26}")
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
_CODE: Final = re.compile(r"[A-Za-z0-9_]{1,64}")
_PROJECT: Final = re.compile(r"[A-Z][0-9]{16}")
_FOREIGN: Final = re.compile(r"([A-Za-z]{2,8})-([A-Za-z]{2,12})-([A-Za-z0-9-]{1,32})")

Convert: TypeAlias = "Callable[[Any], Any]"
"""A value of OCDS as ours, or None where it does not fit."""


@dataclass(slots=True)
class Draft:
    """An unsigned draft (草稿): the family and as much of the payload as the package says."""

    family: str
    number: int
    payload: Node = field(default_factory=dict[str, Any])

    @property
    def name(self) -> str:
        """Name of its file, without an ending."""
        return f"{self.family}-{self.number}"


@dataclass(frozen=True, slots=True)
class Mapped:
    """Where a leaf went (已映射): from pointer, to draft and pointer there."""

    pointer: str
    draft: str
    to: str


@dataclass(frozen=True, slots=True)
class Unmapped:
    """A leaf that went nowhere (未映射): pointer, value, reason as in ``WHY``."""

    pointer: str
    value: Any
    why: str


@dataclass(slots=True)
class Taken:
    """What became of one process (导入结果)."""

    ocid: str
    drafts: list[Draft] = field(default_factory=list[Draft])
    mapped: list[Mapped] = field(default_factory=list[Mapped])
    unmapped: list[Unmapped] = field(default_factory=list[Unmapped])


def take(data: bytes) -> tuple[list[Taken], list[Unmapped]]:
    """
    Return the drafts of every process of a file (导入), and the leaves that belong to none.

    Every leaf of the input is in ``mapped`` or ``unmapped`` of one of them, or in the second list.

    Raises:
        PackageRefused: the file can't be read as OCDS.
    """
    found: Found = gather(data)
    every = [_Taker(process).run() for process in found.processes.values()]
    return every, [Unmapped(*left) for left in found.left]


# --- values -------------------------------------------------------------------------------------------------------


def fits(pattern: re.Pattern[str]) -> Convert:
    """Return a conversion that keeps texts of a form."""
    return lambda value: value if isinstance(value, str) and pattern.fullmatch(value) else None


def _name(value: Any) -> str | None:
    return value if isinstance(value, str) and value and "\n" not in value else None


def _lines(value: Any) -> list[str] | None:
    found = [line for line in value.split("\n") if line.strip()] if isinstance(value, str) else []
    return found or None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _amount(value: Any) -> str | None:
    """Return a decimal string with two places; None where digits would be lost."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or value < 0:
        return None
    text = format(Decimal(value), "f")
    whole, _, places = text.partition(".")
    places = places.rstrip("0")
    return f"{whole}.{places.ljust(PLACES, '0')}" if len(places) <= PLACES else None


def _instant(value: Any) -> str | None:
    if not isinstance(value, str) or "T" not in value:
        return None
    try:
        return value if datetime.fromisoformat(value).tzinfo is not None else None
    except ValueError:
        return None


def _day(value: Any) -> str | None:
    """Return the legal date of an instant that is the beginning of one; any other would lose its hour."""
    if not _instant(value):
        return None
    day = legal_date(datetime.fromisoformat(value))
    return day.isoformat() if datetime.fromisoformat(value) == datetime.combine(day, time(), CENTRE_ZONE) else None


def _flag(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _party(value: Any) -> str | None:
    """Return our id of a party; an organisation of a foreign register keeps register and number."""
    ident = str(value)
    ours = words.party_of(ident)
    found = _FOREIGN.fullmatch(ident)
    if ours is None and found is not None:
        ours = f"foreign:{(found[1] + found[2]).lower()}:{found[3]}"
    return ours


def _list(value: Any) -> list[Any] | None:
    return value if is_list(value) else None


def _only_lot(value: Any) -> str | None:
    return str(value[0]) if is_list(value) and len(value) == 1 and _LOT.fullmatch(str(value[0])) else None


def _as_lots(value: Any) -> list[str] | None:
    return [value] if isinstance(value, str) and _LOT.fullmatch(value) else None


def _kind(value: Any) -> str | None:
    return value if isinstance(value, str) and value in words.CATEGORY else None


def _outcome(value: Any) -> str | None:
    return "opened" if value == "valid" else None


# --- the mapping --------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Taker:
    """Takes one process apart (逐项取用)."""

    process: Process
    drafts: list[Draft] = field(default_factory=list[Draft])
    used: dict[str, list[Mapped]] = field(default_factory=dict[str, list[Mapped]])
    refused: set[str] = field(default_factory=set[str])
    contrary: set[str] = field(default_factory=set[str])
    counts: dict[str, int] = field(default_factory=dict[str, int])

    def run(self) -> Taken:
        """Map everything there is a place for, then say what is left."""
        for part in (self.project, self.notice, self.document, self.enquiries, self.bids, self.ends, self.awards):
            part()
        taken = Taken(self.process.ocid, [d for d in self.drafts if d.payload])
        for leaf in _all(self.process.tree):
            for pointer in leaf.pointers:
                if pointer in self.used:
                    taken.mapped.extend(self.used[pointer])
                else:
                    contrary = "contrary" if pointer in self.contrary else "no-place"
                    why = "does-not-fit" if pointer in self.refused else contrary
                    taken.unmapped.append(Unmapped(pointer, leaf.value, why))
        taken.unmapped.extend(Unmapped(*left) for left in self.process.left)
        return taken

    def draft(self, family: str) -> Draft:
        """Begin a draft."""
        self.counts[family] = number = self.counts.get(family, 0) + 1
        made = Draft(family, number)
        self.drafts.append(made)
        return made

    def at(self, *path: str, start: Tree | None = None) -> Tree | None:
        """Return what lies at a path, or None."""
        found: Tree | None = start if start is not None else self.process.tree
        for part in path:
            found = found.members.get(part) if isinstance(found, Branch) else None
        return found

    def items(self, *path: str, start: Tree | None = None) -> list[Tree]:
        """Return the items of an array, objects or texts."""
        found = self.at(*path, start=start)
        return list(found.members.values()) if isinstance(found, Branch) else []

    def put(self, draft: Draft, to: str, tree: Tree | None, convert: Convert) -> bool:
        """Put a leaf into a draft at a JSON Pointer; whether it fits."""
        if not isinstance(tree, Leaf) or tree.value is None:
            return False
        value = convert(tree.value)
        if value is None:
            self.refused.update(tree.pointers)
            return False
        if _at(draft.payload, to) not in (None, value):
            self.contrary.update(tree.pointers)
            return False
        _put(draft.payload, to.split("/")[1:], value)
        for pointer in tree.pointers:
            self.used.setdefault(pointer, []).append(Mapped(pointer, draft.name, to))
        return True

    def put_money(self, draft: Draft, to: str, tree: Tree | None) -> bool:
        """Put an amount with its currency; neither without the other."""
        amount, currency = self.at("amount", start=tree or Branch()), self.at("currency", start=tree or Branch())
        if not isinstance(amount, Leaf) or not isinstance(currency, Leaf):
            return False
        if _amount(amount.value) is None:
            self.refused.update(amount.pointers)
            return False
        return self.put(draft, f"{to}/currency", currency, _text) and self.put(draft, f"{to}/amount", amount, _amount)

    def put_party(self, draft: Draft, to: str, tree: Tree | None) -> None:
        """Put an organisation by the reference to it; its name may stand with the party only."""
        ident = self.at("id", start=tree or Branch())
        if not isinstance(ident, Leaf) or not self.put(draft, f"{to}/id", ident, _party):
            return
        party = self.at("parties", f"id:{ident.value}")
        named = self.put(draft, f"{to}/name", self.at("name", start=tree or Branch()), _name)
        if party is not None:
            self.put(draft, f"{to}/id", self.at("id", start=party), _party)
            self.put(draft, f"{to}/name", self.at("name", start=party), _name)
            legal = self.at("identifier", "legalName", start=party)
            if not named or (isinstance(legal, Leaf) and legal.value == _at(draft.payload, f"{to}/name")):
                self.put(draft, f"{to}/name", legal, _name)

    # Each of these maps one part. Of two sources of a field the first wins; the other is reported if it differs.

    def project(self) -> None:
        """Project (项目)."""
        d = self.draft("project")
        budget, tender = self.at("planning", "budget"), self.at("tender")
        if not self.put(d, "/name", self.at("project", start=budget or Branch()), _name):
            self.put(d, "/name", self.at("title", start=tender or Branch()), _name)
        self.put(d, "/project_code", self.at("projectID", start=budget or Branch()), fits(_PROJECT))
        if not self.put_money(d, "/estimate", self.at("amount", start=budget or Branch())):
            self.put_money(d, "/estimate", self.at("value", start=tender or Branch()))
        elif self._same_money(("planning", "budget", "amount"), ("tender", "value")):
            self.put_money(d, "/estimate", self.at("tender", "value"))
        if not self.put(d, "/procurement_kind", self.at("tender", "procurementKind"), _kind):
            self.put(d, "/procurement_kind", self.at("tender", "mainProcurementCategory"), _kind)
        for theirs, ours, convert in (
            ("regime", "regime", fits(_CODE)),
            ("region", "region", fits(_CODE)),
            ("sector", "sector", fits(_CODE)),
            ("dealCategory", "category", fits(_CODE)),
            ("stateFunded", "state_funded", _flag),
            ("approvalNumber", "approval_number", _name),
            ("dealCode", "deal_code", _name),
        ):
            self.put(d, f"/{ours}", self.at("tender", theirs), convert)
        self.put_party(d, "/tenderer", self.at("buyer"))
        managing, buyer = self.at("tender", "procuringEntity", "id"), self.at("buyer", "id")
        if not (isinstance(managing, Leaf) and isinstance(buyer, Leaf) and managing.value == buyer.value):
            self.put_party(d, "/agency", self.at("tender", "procuringEntity"))
        for party in self.items("parties"):
            roles = self.at("roles", start=party)
            if isinstance(roles, Leaf) and isinstance(roles.value, list) and "reviewBody" in roles.value:
                self.put_party(d, "/supervisor", party)
                break
        for i, lot in enumerate(self.items("tender", "lots")):
            self.put(d, f"/lots/{i}/id", self.at("id", start=lot), fits(_LOT))
            self.put(d, f"/lots/{i}/name", self.at("title", start=lot), _name)
            self.put(d, f"/lots/{i}/code", self.at("lotCode", start=lot), _name)
            self.put_money(d, f"/lots/{i}/estimate", self.at("estimate", start=lot) or self.at("value", start=lot))

    def _same_money(self, one: Sequence[str], other: Sequence[str]) -> bool:
        pairs = [(self.at(*one, part), self.at(*other, part)) for part in ("amount", "currency")]
        return all(isinstance(a, Leaf) and isinstance(b, Leaf) and a.value == b.value for a, b in pairs)

    def notice(self) -> None:
        """Tender notice (招标公告)."""
        if not isinstance(self.at("tender", "tenderPeriod"), Branch):
            return
        d = self.draft("tender_notice")
        told: tuple[tuple[tuple[str, ...], str, Convert], ...] = (
            (("tender", "title"), "/title", _name),
            (("planning", "budget", "projectID"), "/project_code", fits(_PROJECT)),
            (("tender", "tenderPeriod", "startDate"), "/issued_at", _instant),
            (("tender", "tenderPeriod", "endDate"), "/bid_deadline", _instant),
            (("tender", "enquiryPeriod", "endDate"), "/question_deadline", _instant),
            (("tender", "bidValidityDays"), "/bid_validity_days", _count),
            (("tender", "documentPeriod", "startDate"), "/document_sale/start", _instant),
            (("tender", "documentPeriod", "endDate"), "/document_sale/end", _instant),
            (("tender", "milestones", "id:opening", "dueDate"), "/opening/at", _instant),
            (("tender", "milestones", "id:opening", "description"), "/opening/place", _text),
        )
        for path, ours, convert in told:
            self.put(d, ours, self.at(*path), convert)
        started, asked = self.at("tender", "tenderPeriod", "startDate"), self.at("tender", "enquiryPeriod", "startDate")
        if isinstance(started, Leaf) and isinstance(asked, Leaf) and started.value == asked.value:
            self.put(d, "/issued_at", asked, _instant)
        for i, lot in enumerate(self.items("tender", "lots")):
            self._notice_lot(d, f"/lots/{i}", lot)
        managing = self.at("tender", "procuringEntity", "id")
        if isinstance(managing, Leaf):
            for theirs, ours in (("name", "name"), ("telephone", "phone"), ("email", "email")):
                reached = self.at("parties", f"id:{managing.value}", "contactPoint", theirs)
                self.put(d, f"/contacts/0/{ours}", reached, _name)

    def _notice_lot(self, d: Draft, to: str, lot: Tree) -> None:
        self.put(d, f"{to}/id", self.at("id", start=lot), fits(_LOT))
        self.put(d, f"{to}/name", self.at("title", start=lot), _name)
        self.put(d, f"{to}/scope", self.at("description", start=lot), _text)
        self.put_money(d, f"{to}/ceiling", self.at("value", start=lot))
        self.put_money(d, f"{to}/floor", self.at("floorPrice", start=lot))
        security = self.at("bidSecurity", start=lot)
        if self.put_money(d, f"{to}/bid_security/amount", security):
            forms = self.at("forms", start=security)
            self.put(d, f"{to}/bid_security/forms", forms, _list)

    def document(self) -> None:
        """Tender document (招标文件)."""
        d = self.draft("tender_document")
        self.put(d, "/qualification", self.at("tender", "eligibilityCriteria"), _lines)
        for document in self.items("tender", "documents"):
            kind = self.at("documentType", start=document)
            if isinstance(kind, Leaf) and kind.value == "biddingDocuments":
                self.put(d, "/title", self.at("description", start=document), _name)
                break

    def enquiries(self) -> None:
        """Questions and their answers (提问与澄清)."""
        for enquiry in self.items("tender", "enquiries"):
            asked = self.draft("question")
            self.put(asked, "/text", self.at("description", start=enquiry), _lines)
            self.put(asked, "/lot", self.at("relatedLot", start=enquiry), fits(_LOT))
            self.put(self.draft("clarification"), "/text", self.at("answer", start=enquiry), _lines)

    def bids(self) -> None:
        """Opened bids (开标结果)."""
        for bid in self.items("bids", "details"):
            d = self.draft("bid_disclosure")
            self.put(d, "/submission", self.at("id", start=bid), fits(_SUBMISSION))
            self.put(d, "/outcome", self.at("status", start=bid), _outcome)
            self._put_lot(d, bid)
            for tenderer in self.items("tenderers", start=bid)[:1]:
                self.put_party(d, "/bidder", tenderer)
            self.put_money(d, "/price", self.at("value", start=bid))

    def _put_lot(self, d: Draft, tree: Tree) -> None:
        lots = self.at("relatedLots", start=tree)
        self.put(d, "/lot", lots, _only_lot)

    def ends(self) -> None:
        """Lots that came to nothing (流标与终止)."""
        for lot in self.items("tender", "lots"):
            status, ident = self.at("status", start=lot), self.at("id", start=lot)
            if not isinstance(status, Leaf) or not isinstance(ident, Leaf):
                continue
            if status.value == "unsuccessful":
                d = self.draft("failed_tender")
                self.put(d, "/lot", ident, fits(_LOT))
                self.put(d, "/count", self.at("bids", "statistics", f"id:bids-{ident.value}", "value"), _count)
            elif status.value == "cancelled":
                self.put(self.draft("cancellation"), "/lots", ident, _as_lots)

    def awards(self) -> None:
        """Awards and contracts (中标与合同)."""
        by_award: dict[str, Tree] = {}
        for award in self.items("awards"):
            ident, status = self.at("id", start=award), self.at("status", start=award)
            if isinstance(ident, Leaf):
                by_award[str(ident.value)] = award
            if isinstance(status, Leaf) and status.value != "active":
                continue
            d = self.draft("award_notice")
            self._put_lot(d, award)
            for supplier in self.items("suppliers", start=award)[:1]:
                self.put_party(d, "/winner", supplier)
            self.put_money(d, "/price", self.at("value", start=award))
            self.put(d, "/rank", self.at("rank", start=award), _count)
            self.put(d, "/submission", self.at("relatedBid", start=award), fits(_SUBMISSION))
        for contract in self.items("contracts"):
            d = self.draft("contract_filing")
            named = self.at("awardID", start=contract)
            source = by_award.get(str(named.value)) if isinstance(named, Leaf) else None
            if source is not None:
                self._put_lot(d, source)
                for supplier in self.items("suppliers", start=source)[:1]:
                    self.put_party(d, "/winner", supplier)
            self.put_money(d, "/amount", self.at("value", start=contract))
            self.put(d, "/signed_on", self.at("dateSigned", start=contract), _day)
            for document in self.items("documents", start=contract):
                kind = self.at("documentType", start=document)
                if isinstance(kind, Leaf) and kind.value == "contractSigned":
                    self.put(d, "/contract", self.at("digest", start=document), fits(_DIGEST))
                    break


def _all(tree: Tree) -> Iterator[Leaf]:
    pending: list[Tree] = [tree]
    while pending:
        found = pending.pop()
        if isinstance(found, Leaf):
            yield found
        else:
            pending.extend(reversed(found.members.values()))


def _put(into: Any, path: Sequence[str], value: Any) -> None:
    """Set a value at a path; a number counts the items of a list, and places before it are filled with objects."""
    name, rest = path[0], path[1:]
    if not rest:
        into[name] = value
        return
    if not rest[0].isdigit():
        _put(into.setdefault(name, {}), rest, value)
        return
    items: list[Node] = into.setdefault(name, [])
    while len(items) <= int(rest[0]):
        items.append({})
    _put(items[int(rest[0])], rest[1:], value)


def _at(value: Any, pointer: str) -> Any:
    """Return what a draft has at a pointer, or None."""
    for part in pointer.split("/")[1:]:
        if is_node(value):
            value = value.get(part)
        elif is_list(value) and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    return value


def lacking(catalogue: Catalogue, draft: Draft, on: date) -> list[tuple[str, Text]]:
    """Return what a draft still lacks or has wrong (待补): pointer and sentence, by the schema in force on a date."""
    version = catalogue.resolve(draft.family, on)
    if version is None:
        return [("", Text("没有现行标准", "no version is in force"))]
    payload: Json = draft.payload
    found = catalogue.check(SchemaRef(draft.family, version.version, version.digest), payload, on)
    return [(f.pointer, Text(f.message_zh, f.message_en)) for f in found]
