"""
Playing tenders (逐项重放): notice, sealed bids, opening, decisions, ranking, tie draw, award.

A group of tenders is played side by side, so that their records share transactions; each is a case of its own. The
node never sees a price before the deadline: bids are sealed to keys that only their bidders and, in shares, the
custodians hold.
"""

from __future__ import annotations

import tempfile
from base64 import b32encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tradehall.adapters import sealing as disk
from tradehall.kernel.case import legal_date, local_text
from tradehall.kernel.money import Currency, Money, to_wire
from tradehall.kernel.payload import Obj, obj, rows, texts
from tradehall.kernel.record import Attachment, Digest, Record
from tradehall.kernel.refusal import Refusal
from tradehall.kernel.signing import EdSigner, bid_signer, sign_detached
from tradehall.main import Node
from tradehall.replay.cast import Cast, Party
from tradehall.replay.pen import Pen, ReplayStopped
from tradehall.replay.profile import Profile
from tradehall.replay.table import Row, Tender
from tradehall.rules import bid_package, drawing, sealing

if TYPE_CHECKING:
    from tradehall_standards import Json

LOT: Final = "L1"
POLICY: Final = "bidder_or_custodians"
AGE_TYPE: Final = "application/vnd.age"
PERIOD: Final = timedelta(minutes=3)
"""From the notice to the deadline on the sandbox clock; the foreign regime prescribes no period."""

_CENTS: Final = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Award:
    """
    What came of a tender (结果).

    Attributes:
        line: line of the winning row, 0 without a winner.
        how: ``lowest``, ``tie_draw`` or ``none``.
        rejected: line → ground and explanation of every rejected bid.
        tied: lines of the bids among which the winner was drawn.
        records: accepted in the case.
        evidence: the evidence file.
    """

    tender: str
    case: str
    line: int
    bidder: str
    price: int
    how: str
    bids: int
    rejected: Mapping[int, tuple[str, str]]
    tied: tuple[int, ...]
    records: int
    evidence: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Bid:
    """A bid as its bidder keeps it (投标人留存)."""

    row: Row
    firm: Party
    sealed: sealing.SealedBid
    signer: EdSigner

    @property
    def submission(self) -> str:
        return str(self.sealed.commitment["submission"])

    @property
    def key_text(self) -> str:
        return str(self.sealed.commitment["bid_key"])


@dataclass(slots=True)
class _Case:
    """A tender being played."""

    tender: Tender
    id: str
    custody: dict[str, bytes]
    nonces: dict[str, str]
    notice: str = ""
    bids: list[_Bid] = field(default_factory=list[_Bid])
    decided: dict[str, Obj] = field(default_factory=dict[str, Obj])
    result: Mapping[str, Json] = field(default_factory=dict[str, "Json"])


@dataclass(frozen=True, slots=True)
class Stage:
    """
    Where tenders are played (重放台).

    Attributes:
        advance: moves the node's sandbox clock.
        absent: whether the bidder of a row stays away from the opening, so that custodians open the bid.
    """

    node: Node
    profile: Profile
    cast: Cast
    pen: Pen
    advance: Callable[[datetime], None]
    absent: Callable[[Row], bool]

    def play(self, tenders: Sequence[Tender], *, start: datetime) -> list[Award]:
        """
        Play tenders from notice to evidence (重放一组项目).

        Args:
            start: instant of their notices; not before anything on the node.

        Raises:
            ReplayStopped: the platform refused a record.
        """
        self.advance(start)
        self.pen.on = legal_date(start)
        cases = [self._case(tender) for tender in tenders]
        self._announce(cases, start)
        self._hand_in(cases)
        self.advance(start + PERIOD)
        self._open(cases)
        self._award(cases)
        return [self._finished(case) for case in cases]

    def _case(self, tender: Tender) -> _Case:
        chance = self.node.door.chance
        posts = self.profile.custodians
        return _Case(
            tender,
            "t-" + b32encode(chance(17)).decode("ascii").lower()[:26],
            {post.party: sealing.new_secret(chance) for post in posts},
            {post.party: chance(32).hex() for post in posts},
        )

    # --- 招 ---------------------------------------------------------------------------------------------------

    def _announce(self, cases: Sequence[_Case], start: datetime) -> None:
        tenderer = self.cast.post(self.profile.tenderer)
        records: list[Record] = []
        for case in cases:
            document = self._by(tenderer, case, "tender_document", self._document(case))
            notice = self._by(tenderer, case, "tender_notice", self._notice(case, document.digest, start))
            case.notice = notice.digest
            records += [self._by(tenderer, case, "project", self._project(case)), document, notice]
        self.pen.file(records)

    def _by(self, party: Party, case: _Case, family: str, payload: Mapping[str, Json]) -> Record:
        return self.pen.sign(case.id, family, payload, signer=party.signer, author=party.id)

    def _money(self, amount: int) -> dict[str, Json]:
        return {"amount": to_wire(Decimal(amount).quantize(_CENTS)), "currency": self.profile.currency}

    def _project(self, case: _Case) -> dict[str, Json]:
        p, name = self.profile, _name(case.tender)
        ceiling = self._money(case.tender.ceiling)
        return {
            "project_code": _project_code(case.tender, p),
            "name": name,
            "regime": p.regime,
            "category": p.category,
            "sector": p.sector,
            "region": p.region,
            "state_funded": True,
            "tenderer": cast("Json", self.cast.post(p.tenderer).organisation),
            "supervisor": cast("Json", self.cast.post(p.supervisor).organisation),
            "estimate": ceiling,
            "procurement_kind": p.procurement_kind,
            "lots": [{"id": LOT, "name": name, "estimate": ceiling}],
        }

    def _document(self, case: _Case) -> dict[str, Json]:
        draw: list[Json] = [
            f"抽签随机数承诺 / nonce committed for tie draws: {holder} {drawing.commit(nonce)}"
            for holder, nonce in sorted(case.nonces.items())
        ]
        return {
            "title": _name(case.tender),
            "edition": 1,
            "notice_title": _name(case.tender),
            "qualification": ["以原招标机构的审查为准。", "As examined by the original authority."],
            "substantive": [*self.profile.rules, *draw],
            "evaluation": METHOD,
            "committee": {
                "size": 1,
                "experts_min": 0,
                "strata": [{"id": "AUTHORITY", "name": "Authority", "seats": 1}],
            },
            "bid_validity_days": self.profile.bid_validity_days,
        }

    def _notice(self, case: _Case, document: str, start: datetime) -> dict[str, Json]:
        tender, deadline = case.tender, local_text(start + PERIOD)
        lot: dict[str, Json] = {
            "id": LOT,
            "name": _name(tender),
            "scope": f"{tender.details or tender.title} · 原开标日 / opened on {tender.opened_on.isoformat()}",
            "ceiling": self._money(tender.ceiling),
        }
        if tender.floor is not None:
            lot["floor"] = self._money(tender.floor)
        return {
            "title": _name(tender),
            "project_code": _project_code(tender, self.profile),
            "document": document,
            "lots": [lot],
            "document_sale": {"start": local_text(start), "end": deadline},
            "issued_at": local_text(start),
            "bid_deadline": deadline,
            "opening": {"at": deadline, "place": "重放 / replay"},
            "bid_validity_days": self.profile.bid_validity_days,
            "opening_policy": POLICY,
            "custodians": [
                {
                    "party": cast("Json", self.cast.post(post).organisation),
                    "role": post.role,
                    "recipient": sealing.recipient_of_secret(case.custody[post.party]),
                }
                for post in self.profile.custodians
            ],
            "threshold": self.profile.threshold,
            "grace_seconds": 0,
            "media": ["重放 / replay"],
            "contacts": [{"name": self.profile.tenderer.title}],
        }

    # --- 投 ---------------------------------------------------------------------------------------------------

    def _hand_in(self, cases: Sequence[_Case]) -> None:
        """Seal all bids, commit to them, and only then hand over the ciphertexts."""
        with tempfile.TemporaryDirectory(prefix="replay-") as folder:
            for case in cases:
                case.bids = [self._seal(case, row, price, Path(folder)) for row, price in case.tender.bids]
            made = [(case, bid) for case in cases for bid in case.bids]
            self.pen.file([self._commitment(case, bid) for case, bid in made])
            for _, bid in made:
                self._upload(bid)
            self.pen.file([self._sealed_bid(case, bid) for case, bid in made])

    def _seal(self, case: _Case, row: Row, price: int, folder: Path) -> _Bid:
        """Seal a bid as its bidder's own device does (封装)."""
        posts, firm = self.profile.custodians, self.cast.firm(row.bidder)
        recipients = (sealing.Custodian(p.party, sealing.recipient_of_secret(case.custody[p.party])) for p in posts)
        sealed = disk.seal(
            bid_package.Offer(
                bidder=bid_package.Bidder(firm.id, firm.name, firm.certificate),
                price=Money(Decimal(price).quantize(_CENTS), Currency(self.profile.currency)),
                small_or_micro=False,
                domestic_product=False,
                files=(),
            ),
            bid_package.Target(case.id, LOT, case.notice),
            sealing.SealingTerms(tuple(recipients), self.profile.threshold, POLICY),
            sign=lambda manifest: sign_detached(manifest, firm.signer),
            out=folder / f"{row.line}.age",
            rng=self.node.door.chance,
        )
        return _Bid(row, firm, sealed, bid_signer(Ed25519PrivateKey.from_private_bytes(sealed.bid_key)))

    def _upload(self, bid: _Bid) -> None:
        kept = self.node.vault.add(disk.file_chunks(Path(bid.sealed.ciphertext))(), secret=True)
        if kept != (bid.sealed.sha256, bid.sealed.size):
            raise OSError(f"the vault kept {kept}, not {bid.sealed.sha256}")

    def _commitment(self, case: _Case, bid: _Bid) -> Record:
        return self._anonymous(case, bid, "bid_commitment", cast("Mapping[str, Json]", bid.sealed.commitment))

    def _sealed_bid(self, case: _Case, bid: _Bid) -> Record:
        ciphertext: Json = {"sha256": bid.sealed.sha256, "size": bid.sealed.size}
        payload: dict[str, Json] = {"submission": bid.submission, "bid_key": bid.key_text, "ciphertext": ciphertext}
        attached = Attachment("bid.age", Digest(bid.sealed.sha256), bid.sealed.size, AGE_TYPE)
        return self._anonymous(case, bid, "sealed_bid", payload, [attached])

    def _anonymous(
        self, case: _Case, bid: _Bid, family: str, payload: Mapping[str, Json], attachments: Sequence[Attachment] = ()
    ) -> Record:
        signer = bid.signer
        return self.pen.sign(case.id, family, payload, signer=signer, author=signer.kid, attachments=attachments)

    # --- 开 ---------------------------------------------------------------------------------------------------

    def _open(self, cases: Sequence[_Case]) -> None:
        opening = self.node.opening
        for case in cases:
            for outcome in opening.start(case.id):
                self.pen.settle(case.id, "opening_start", outcome)
        opened = [case for case in cases if case.bids]
        releases: list[Record] = []
        for case in opened:
            for bid in case.bids:
                releases += self._shares(case, bid) if self.absent(bid.row) else [self._key(case, bid)]
        self.pen.file(releases)
        for case in opened:
            for outcome in opening.disclose(case.id):
                self.pen.settle(case.id, "bid_disclosure", outcome)
            self.pen.settle(case.id, "opening_record", opening.close(case.id))

    def _key(self, case: _Case, bid: _Bid) -> Record:
        """Release a bid's key as its bidder (远程解密)."""
        secret = bid.sealed.secret_key
        payload: dict[str, Json] = {"submission": bid.submission, "bid_key": bid.key_text, "secret_key": secret}
        return self._anonymous(case, bid, "key_release", payload)

    def _shares(self, case: _Case, bid: _Bid) -> list[Record]:
        """Release the shares of as many custodians as suffice (保管方解密); which of them, the bid's id decides."""
        commitment = sealing.read_commitment(bid.sealed.commitment)
        posts = self.profile.custodians
        first = commitment.bid_key[0] % len(posts)
        chosen = [posts[(first + n) % len(posts)] for n in range(self.profile.threshold)]
        records: list[Record] = []
        for post in chosen:
            taken = disk.take_share(commitment, post.party, sealing.encode_secret(case.custody[post.party]))
            if isinstance(taken, disk.BoxFault):
                raise sealing.NotACommitmentError(f"{case.id} {bid.submission}: {taken.why}")
            payload: dict[str, Json] = {
                "submission": bid.submission,
                "custodian": post.party,
                "index": taken.index,
                "share": taken.share.hex(),
            }
            records.append(self._by(self.cast.post(post), case, "share_release", payload))
        return records

    # --- 评 定 -------------------------------------------------------------------------------------------------

    def _award(self, cases: Sequence[_Case]) -> None:
        opened = [case for case in cases if case.bids]
        for case in opened:
            self._decide(case)
        self.pen.file([self._report(case) for case in opened])
        self.pen.file([self._conclusion(case) for case in opened])

    def _decide(self, case: _Case) -> None:
        """Take over the authority's decisions and draw ties (评审决定与抽签)."""
        found = ((bid.submission, self.profile.decision(bid.row.remark)) for bid in case.bids)
        case.decided = {s: {"ground": d.ground, "explanation": d.explanation} for s, d in found if d is not None}
        tied = self.node.evaluation.ties(case.id, LOT, session=None, decided=case.decided)
        if tied:
            self.pen.settle(case.id, "tie_draw", self.node.evaluation.draw_tie(case.id, LOT, tied, case.nonces))

    def _report(self, case: _Case) -> Record:
        prepared = self.node.evaluation.prepare(case.id, LOT, session=None, chair=None, decided=case.decided)
        if isinstance(prepared, Refusal):
            raise ReplayStopped(case.id, "evaluation_report", prepared)
        case.result = prepared
        keys = self.node.keys.node
        return self.pen.sign(case.id, "evaluation_report", prepared, signer=keys.records, author=keys.name)

    def _conclusion(self, case: _Case) -> Record:
        """Make the award to the first candidate, or the record of failure where no bid qualifies (定标或流标)."""
        candidates = rows(case.result["candidates"])
        if candidates:
            first = candidates[0]
            award: dict[str, Json] = {
                "lot": LOT,
                "winner": first["bidder"],
                "submission": first["submission"],
                "price": first["price"],
                "rank": 1,
            }
            return self._by(self.cast.post(self.profile.tenderer), case, "award_notice", award)
        failed: dict[str, Json] = {
            "lot": LOT,
            "reason": "no_valid_bid",
            "count": len(case.bids),
            "explanation": ["没有合格投标。", "No bid qualifies."],
        }
        return self._by(self.cast.post(self.profile.tenderer), case, "failed_tender", failed)

    # --- what came of it --------------------------------------------------------------------------------------

    def _finished(self, case: _Case) -> Award:
        evidence = self.node.exporter.export(case.id)
        if isinstance(evidence, Refusal):
            raise ReplayStopped(case.id, "evidence", evidence)
        lines = {bid.submission: bid.row for bid in case.bids}
        view = self.node.desk.look(case.id)
        records = 0 if view is None else len(view.entries)
        rejected = {
            lines[str(b["submission"])].line: (
                str(obj(b["rejected"])["ground"]),
                str(obj(b["rejected"])["explanation"]),
            )
            for b in rows(case.result.get("bids"))
            if "rejected" in b
        }
        common = (len(case.bids), rejected)
        candidates = rows(case.result.get("candidates"))
        if not candidates:
            return Award(case.tender.id, case.id, 0, "", 0, "none", *common, (), records, evidence)
        winner = str(candidates[0]["submission"])
        row = lines[winner]
        groups = [texts(obj(draw)["submissions"]) for draw in rows(case.result["tie_draws"])]
        tied = next((group for group in groups if winner in group), ())
        how = "tie_draw" if tied else "lowest"
        tied_lines = tuple(sorted(lines[s].line for s in tied))
        return Award(
            case.tender.id, case.id, row.line, row.bidder, row.price or 0, how, *common, tied_lines, records, evidence
        )


METHOD: Final[dict[str, Json]] = {
    "name": "lowest_price",
    "price": {
        "formula": "none",
        "weight_points": "0.00",
        "parameters": {},
        "rounding": {"mode": "half_up", "places": 2},
    },
    "criteria": [],
    "aggregation": "mean",
    "adjustments": {},
    "tie_break": ["draw"],
    "reject_above_ceiling": True,
    "reject_below_floor": True,
}


def _name(tender: Tender) -> str:
    return f"{tender.id} · {tender.title}"


def _project_code(tender: Tender, profile: Profile) -> str:
    """Return a code of the form the standard asks for: region and the line of the table."""
    return f"{profile.category}{profile.region}{tender.line:010d}"
