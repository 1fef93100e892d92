"""
A hall to measure in (实测环境): one node in a folder with a tender that takes bids, and as many signed bids as wanted.

Everything goes through the door, as in production; names and numbers are fictional. The clock is a sandbox that runs,
chance is the machine's: what is measured doesn't depend on either.
"""

from __future__ import annotations

import secrets
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final, cast

import orjson
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tradehall.adapters import sealing as disk
from tradehall.adapters.clock import SandboxClock
from tradehall.desk.accept import Accepted, Filing, Outcome
from tradehall.desk.filing import signed_record
from tradehall.kernel.money import Money
from tradehall.kernel.record import Attachment, Digest, Record, SchemaRef, read_record
from tradehall.kernel.refusal import Refusal
from tradehall.kernel.signing import EcSigner, Signer, bid_signer, sign_detached
from tradehall.main import Node, Settings, build_node
from tradehall.rules import bid_package, sealing
from tradehall_standards import Catalogue
from tradehall_standards.identifiers import uscc_check

if TYPE_CHECKING:
    from tradehall_standards import Json

BEGIN: Final = "2026-03-02T09:00:00+08:00"
DEADLINE: Final = "2026-03-25T09:30:00.000+08:00"
OPENED: Final = "2026-03-25T10:00:00+08:00"
LOT: Final = "L1"
BID_TYPE: Final = "application/vnd.age"
CHANCE: Final = secrets.token_bytes
_CERTIFICATE_DAYS: Final = 365


class HallError(RuntimeError):
    """The node refused what a measurement is built on (搭建失败)."""


def organisation(number: int) -> str:
    """Return the party id of a fictional organisation with a lawful code."""
    body = f"9151010000T{number:05d}0"
    return f"org:{body}{uscc_check(body)}"


@dataclass(frozen=True, slots=True)
class Party:
    """Somebody with a key and a certificate of the node's authority (主体)."""

    id: str
    name: str
    signer: EcSigner
    certificate: bytes

    def named(self) -> dict[str, Json]:
        """Return the party as records name it."""
        return {"id": self.id, "name": self.name}


@dataclass(frozen=True, slots=True)
class Hall:
    """
    A node and a tender that takes bids (实测项目).

    Attributes:
        node: the node, without witnesses.
        folder: where the node's data and sealed bids lie.
        tender: id of the case.
        terms: what the notice asks of every seal.
        answers: digest of the notice, which bids answer.
    """

    node: Node
    folder: Path
    tender: str
    terms: sealing.SealingTerms
    answers: str

    @property
    def begun_on(self) -> date:
        """Legal date on which the tender was announced: it pins the standards."""
        return date.fromisoformat(BEGIN[:10])

    # --- bids -------------------------------------------------------------------------------------------------

    def commitments(self, count: int) -> list[bytes]:
        """
        Return signed commitments of as many bids, as they are sent (投标承诺).

        Their shares lie in the same boxes: only a custodian's key could tell, and making boxes costs the most.
        """
        _, shares = sealing.split(sealing.new_secret(CHANCE), self.terms.threshold, len(self.terms.custodians), CHANCE)
        boxes = tuple(
            sealing.ShareBox(c.party, index, b"".join(sealing.age_encrypt([share], c.recipient, CHANCE)))
            for c, (index, share) in zip(self.terms.custodians, shares, strict=True)
        )
        return [orjson.dumps(self._commitment(boxes)) for _ in range(count)]

    def _commitment(self, boxes: tuple[sealing.ShareBox, ...]) -> dict[str, Json]:
        key, secret = Ed25519PrivateKey.generate(), sealing.new_secret(CHANCE)
        points, _ = sealing.split(secret, self.terms.threshold, len(self.terms.custodians), CHANCE)
        size_class = sealing.size_class(1)
        commitment = sealing.Commitment(
            submission=sealing.new_submission(CHANCE),
            lot=LOT,
            bid_key=key.public_key().public_bytes_raw(),
            recipient=sealing.recipient_of_secret(secret),
            ciphertext_sha256="sha256:" + CHANCE(32).hex(),
            ciphertext_size=sealing.ciphertext_size(size_class),
            size_class=size_class,
            points=tuple(points),
            boxes=boxes,
            policy=self.terms.policy,
            answers=self.answers,
        )
        signer = bid_signer(key)
        payload = cast("Mapping[str, Json]", commitment.to_payload())
        return wire(self.node, self.tender, "bid_commitment", payload, author=signer.kid, signer=signer)

    def seal(self, bidder: Party, price: str) -> sealing.SealedBid:
        """Seal a real bid of one small file on its bidder's device (封装)."""
        offer = bid_package.Offer(
            bidder=bid_package.Bidder(bidder.id, bidder.name, bidder.certificate),
            price=Money(Decimal(price)),
            small_or_micro=False,
            domestic_product=True,
            files=(bid_package.SourceFile("technical.txt", lambda: ["施工组织设计（虚构）".encode()]),),
        )
        target = bid_package.Target(self.tender, LOT, self.answers)
        out = self.folder / f"{CHANCE(8).hex()}.age"
        return disk.seal(
            offer, target, self.terms, sign=lambda raw: sign_detached(raw, bidder.signer), out=out, rng=CHANCE
        )

    def hand_in(self, sealed: Sequence[sealing.SealedBid]) -> None:
        """Hand in sealed bids: their files, then commitments and ciphertexts, each in one batch (投标)."""
        for bid in sealed:
            self.node.vault.add(disk.file_chunks(Path(bid.ciphertext))(), secret=True)
        self.accept([self._of_bid("bid_commitment", bid, cast("Mapping[str, Json]", bid.commitment)) for bid in sealed])
        self.accept([self._ciphertext(bid) for bid in sealed])

    def release(self, sealed: Sequence[sealing.SealedBid]) -> None:
        """Release the keys of bids (远程解密)."""
        self.accept([self._of_bid("key_release", bid, {**_names(bid), "secret_key": bid.secret_key}) for bid in sealed])

    def _ciphertext(self, bid: sealing.SealedBid) -> Record:
        payload: dict[str, Json] = {**_names(bid), "ciphertext": {"sha256": bid.sha256, "size": bid.size}}
        return self._of_bid("sealed_bid", bid, payload, [Attachment("bid.age", Digest(bid.sha256), bid.size, BID_TYPE)])

    def _of_bid(
        self, family: str, bid: sealing.SealedBid, payload: Mapping[str, Json], attached: Sequence[Attachment] = ()
    ) -> Record:
        signer = bid_signer(Ed25519PrivateKey.from_private_bytes(bid.bid_key))
        return read(wire(self.node, self.tender, family, payload, author=signer.kid, signer=signer, attached=attached))

    # --- the door ---------------------------------------------------------------------------------------------

    def accept(self, records: Sequence[Record]) -> list[str]:
        """Accept records in one transaction and return their digests. Raises HallError when one is refused."""
        return stands(self.node.door.accept_many([Filing(record) for record in records]))

    def open(self) -> None:
        """Pass the deadline and freeze the bids (开标). Raises HallError when the node refuses to."""
        move(self.node, OPENED)
        stands(self.node.opening.start(self.tender))


def _names(bid: sealing.SealedBid) -> dict[str, Json]:
    return {"submission": str(bid.commitment["submission"]), "bid_key": str(bid.commitment["bid_key"])}


@contextmanager
def hall(catalogue: Catalogue, *, decoys: int = 0, folder: Path | None = None) -> Generator[Hall]:
    """
    Build a node in a temporary folder and announce a tender on it; all of it goes away afterwards.

    Args:
        catalogue: loading one takes a second; give the same to all.
        decoys: chance out of 256 that one more decoy follows a secret record.
        folder: where the temporary folder lies; the system's place by default.
    """
    with TemporaryDirectory(prefix="tradehall-bench-", dir=folder) as place:
        settings = Settings(data=Path(place) / "node", sandbox_start=BEGIN, sandbox_rate=0, decoys=decoys)
        node = build_node(settings, catalogue=catalogue)
        try:
            yield announce(node, Path(place))
        finally:
            node.close()


def announce(node: Node, folder: Path, deadline: str = DEADLINE) -> Hall:
    """Announce a tender of one lot on a node (招标)."""
    tender = "t-" + sealing.new_submission(CHANCE).removeprefix("b-")
    names = ("示例城市建设投资有限公司", "成都示例公共资源交易中心", "德阳示例公共资源交易中心")
    parties = [enrol(node, number, name) for number, name in enumerate(names, 1)]
    custody = [sealing.recipient_of_secret(sealing.new_secret(CHANCE)) for _ in parties]
    tenderer = parties[0]

    def file(family: str, payload: Mapping[str, Json]) -> str:
        record = read(wire(node, tender, family, payload, author=tenderer.id, signer=tenderer.signer))
        return stands([node.door.accept(Filing(record))])[0]

    file("project", _project(parties))
    document = file("tender_document", _DOCUMENT)
    answers = file("tender_notice", _notice(document, parties, custody, deadline))
    custodians = tuple(sealing.Custodian(p.id, recipient) for p, recipient in zip(parties, custody, strict=True))
    return Hall(node, folder, tender, sealing.SealingTerms(custodians, 2, "bidder_or_custodians"), answers)


def enrol(node: Node, number: int, name: str) -> Party:
    """Register a fictional organisation with a fresh key and certificate (登记)."""
    key, party = generate_private_key(SECP256R1()), organisation(number)
    node.directory.register(party, name)
    issued = node.keys.authority.issue_for(
        key.public_key(), party=party, name=name, at=node.store.now(), days=_CERTIFICATE_DAYS, chance=CHANCE
    )
    node.directory.add_certificate(issued)
    return Party(party, name, EcSigner(issued.kid, key), issued.der)


def wire(
    node: Node,
    case: str,
    family: str,
    payload: Mapping[str, Json],
    *,
    author: str,
    signer: Signer,
    attached: Sequence[Attachment] = (),
) -> dict[str, Json]:
    """Return a signed record in the form in which it is sent. Raises HallError when there is no standard for it."""
    schema = _cited(node, family)
    return signed_record(
        signer=signer, author=author, schema=schema, case=case, nonce=CHANCE(16), payload=payload, attachments=attached
    )


def _cited(node: Node, family: str) -> SchemaRef:
    version = node.door.catalogue.resolve(family, date.fromisoformat(BEGIN[:10]))
    if version is None:
        raise HallError(f"no standard for {family}")
    return SchemaRef(family, version.version, version.digest)


def read(sent: Json) -> Record:
    """Read a record. Raises HallError when it is malformed."""
    record = read_record(sent)
    if isinstance(record, Refusal):
        raise HallError(record.reason.en)
    return record


def stands(outcomes: Sequence[Outcome]) -> list[str]:
    """Return the digests of accepted records. Raises HallError when one was refused."""
    return [_digest(outcome) for outcome in outcomes]


def _digest(outcome: Outcome) -> str:
    if not isinstance(outcome, Accepted):
        raise HallError(f"{outcome.code}: {outcome.reason.en}")
    return outcome.entry.record.digest


def move(node: Node, to: str) -> None:
    """Move the node's clock to an instant."""
    if not isinstance(node.clock, SandboxClock):
        raise HallError("the clock is no sandbox")
    moment = datetime.fromisoformat(to)
    node.clock.advance(moment, moment)


def _project(parties: Sequence[Party]) -> dict[str, Json]:
    return {
        "project_code": "E5101000001000001",
        "name": "示例大道市政道路改造工程（虚构）",
        "regime": "tender_law",
        "category": "A",
        "sector": "A02",
        "region": "510100",
        "state_funded": True,
        "tenderer": parties[0].named(),
        "supervisor": {"id": organisation(9), "name": "示例市住房和城乡建设局"},
        "estimate": {"amount": "20000000.00", "currency": "CNY"},
        "procurement_kind": "works",
        "lots": [{"id": LOT, "name": "道路工程", "estimate": {"amount": "20000000.00", "currency": "CNY"}}],
    }


_DOCUMENT: Final[Mapping[str, Json]] = {
    "title": "示例大道市政道路改造工程施工招标文件（虚构）",
    "edition": 1,
    "notice_title": "示例大道市政道路改造工程施工招标公告（虚构）",
    "qualification": ["具有市政公用工程施工总承包二级及以上资质。"],
    "substantive": ["工期不超过 240 日历天。"],
    "evaluation": {
        "name": "lowest_evaluated_price",
        "price": {
            "formula": "none",
            "weight_points": "0.00",
            "parameters": {},
            "rounding": {"mode": "half_up", "places": 2},
        },
        "criteria": [],
        "aggregation": "mean",
        "adjustments": {},
        "tie_break": ["price", "draw"],
        "reject_above_ceiling": True,
        "reject_below_floor": False,
    },
    "committee": {
        "size": 5,
        "experts_min": 4,
        "strata": [{"id": "TECH", "name": "市政工程", "seats": 3}, {"id": "ECON", "name": "工程造价", "seats": 2}],
    },
    "bid_validity_days": 90,
}


def _notice(document: str, parties: Sequence[Party], recipients: Sequence[str], deadline: str) -> dict[str, Json]:
    roles = ("tenderer", "centre", "city")
    custodians: list[Json] = [
        {"party": party.named(), "role": role, "recipient": recipient}
        for party, role, recipient in zip(parties, roles, recipients, strict=True)
    ]
    return {
        "title": "示例大道市政道路改造工程施工招标公告（虚构）",
        "project_code": "E5101000001000001",
        "document": document,
        "lots": [
            {
                "id": LOT,
                "name": "道路工程",
                "scope": "示例大道道路、排水、照明工程。",
                "ceiling": {"amount": "19800000.00", "currency": "CNY"},
            }
        ],
        "document_sale": {"start": "2026-03-02T09:00:00.000+08:00", "end": "2026-03-09T17:00:00.000+08:00"},
        "issued_at": "2026-03-02T09:00:00.000+08:00",
        "bid_deadline": deadline,
        "opening": {"at": deadline, "place": "阳光交易大厅（线上）"},
        "bid_validity_days": 90,
        "opening_policy": "bidder_or_custodians",
        "custodians": custodians,
        "threshold": 2,
        "grace_seconds": 0,
        "media": ["示例市公共资源交易服务平台"],
        "contacts": [{"name": "张示例", "email": "tender@tradehall.example"}],
    }
