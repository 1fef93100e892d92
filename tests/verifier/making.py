"""
A whole tender made for the verifier's tests: three bids, a guarantee, a remote session, an award, and its log.

``play(change)`` files every record in order; ``change`` may alter a payload before it is signed, as an insider with
every key of the hall could. Everything is made from fixed seeds.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from hashlib import sha256
from typing import Any
from zlib import crc32

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID

from sealing.chance import repeatable
from tradehall.kernel import evidence, notes, receipts, signing
from tradehall.rules import bid_package, drawing, merkle, scoring, sealing, sessions
from tradehall.rules.opening_set import accepted_root
from tradehall_standards import canonical

START = datetime(2026, 3, 1, 1, 0, tzinfo=UTC)
DEADLINE = datetime(2026, 3, 25, 1, 30, tzinfo=UTC)
TENDER, SESSION, GUARANTEE = "t-" + "a" * 26, "r-" + "b" * 26, "g-" + "c" * 26
NODE, BUYER, CENTRE, ISSUER, BANK2 = "node:chengdu", "org:BUYER", "org:CENTRE", "org:ISSUER", "org:OTHER"
BIDDERS = ["org:ALPHA", "org:BETA", "org:GAMMA"]
CUSTODIANS = [BUYER, CENTRE, "org:SUPERVISOR"]
EXPERTS = [f"person:{letter * 16}" for letter in "cdefghij"]
LETTER = b"%PDF-1.7 guarantee letter"
LOG_NAME = "chengdu.example/log"
METHOD: dict[str, Any] = {
    "name": "comprehensive_score",
    "price": {
        "formula": "mean_base",
        "weight_points": "60.00",
        "parameters": {"e_hi": "1.0", "e_lo": "0.5"},
        "rounding": {"mode": "half_up", "places": 2},
    },
    "criteria": [{"id": "T1", "title": "技术", "kind": "subjective", "max": "40.00", "min": "0.00"}],
    "aggregation": "mean",
    "adjustments": {"small_micro_rate": "0.10"},
    "tie_break": ["price", "draw"],
    "reject_above_ceiling": True,
    "reject_below_floor": False,
}

Payload = dict[str, Any]
Change = Callable[[str, Payload], Payload]


def digest(data: bytes) -> str:
    return "sha256:" + sha256(data).hexdigest()


def money(amount: str) -> Payload:
    return {"amount": amount, "currency": "CNY"}


def organisation(party: str) -> Payload:
    return {"id": party, "name": f"单位 {party}"}


def b64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def local(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z").replace("Z", "+00:00")


@cache
def ed25519_key(seed: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(sha256(seed.encode()).digest())


@cache
def ec_key(seed: str) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(sha256(seed.encode()).digest(), "big") >> 8, ec.SECP256R1())


@cache
def certificate(
    party: str, *, ca: bool = False, until: datetime = START + timedelta(days=900), issuer: str = "CA"
) -> bytes:
    """Return a certificate, Ed25519-signed by the demo authority so that the bytes are repeatable."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, party), x509.NameAttribute(NameOID.SERIAL_NUMBER, party)])
    issued_by = x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, issuer), x509.NameAttribute(NameOID.SERIAL_NUMBER, issuer)]
    )
    key = ed25519_key(issuer).public_key() if ca else public_key(party)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issued_by)
        .public_key(key)
        .serial_number(int.from_bytes(sha256(f"{party}{issuer}".encode()).digest()[:8], "big") | 1)
        .not_valid_before(START - timedelta(days=300))
        .not_valid_after(until)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )
    return builder.sign(ed25519_key(issuer), None).public_bytes(serialization.Encoding.DER)


def is_ed25519(party: str) -> bool:
    """Organisations sign with P-256, persons and nodes with Ed25519, so that both are exercised."""
    return not party.startswith("org:")


def public_key(party: str) -> Any:
    return (ed25519_key(party) if is_ed25519(party) else ec_key(party)).public_key()


def signer_of(party: str) -> signing.Signer:
    kid = digest(certificate(party))
    return signing.EdSigner(kid, ed25519_key(party)) if is_ed25519(party) else DeterministicEc(kid, ec_key(party))


@dataclass(frozen=True)
class DeterministicEc:
    """Signs with P-256 by RFC 6979, so that the same play gives the same bytes."""

    kid: str
    key: ec.EllipticCurvePrivateKey
    alg: str = "ES256"

    def sign(self, data: bytes) -> bytes:
        r, s = signing.decode_dss_signature(self.key.sign(data, ec.ECDSA(hashes.SHA256(), deterministic_signing=True)))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")


@dataclass
class Filed:
    """A filed record: everything the evidence needs but the proof; ``payload`` is as it was before any change."""

    case: str
    family: str
    payload: Payload
    body: bytes
    signature: dict[str, str]
    at: datetime
    index: int

    @property
    def digest(self) -> str:
        return digest(self.body)

    @property
    def salt(self) -> bytes:
        return sha256(f"salt {self.index}".encode()).digest()[:16]


def keep(_family: str, payload: Payload) -> Payload:
    return payload


@dataclass
class Hall:
    """A node with its log; files records and writes evidence."""

    change: Change = keep
    now: datetime = START
    filed: list[Filed] = field(default_factory=list)
    leaves: list[bytes] = field(default_factory=list)
    attachments: dict[str, bytes] = field(default_factory=dict)
    certificates: set[bytes] = field(default_factory=set)

    def file(
        self,
        case: str,
        family: str,
        payload: Payload,
        author: str,
        *,
        attachments: tuple[bytes, ...] = (),
        signer: signing.Signer | None = None,
        at: datetime | None = None,
    ) -> Filed:
        signed = self.change(family, json.loads(json.dumps(payload)))
        self.now = at or self.now + timedelta(seconds=1)
        for data in attachments:
            self.attachments[sha256(data).hexdigest()] = data
        index = len(self.leaves)
        envelope = {
            "suite": "TH1",
            "schema": {"id": family, "version": "1.0.0", "digest": digest(bundle(family))},
            "case": case,
            "author": author,
            "filed_by": author,
            "nonce": b64url(sha256(f"nonce {index}".encode()).digest()[:16]),
            "payload": signed,
            "attachments": [
                {"name": "file", "sha256": digest(a), "size": len(a), "media_type": "application/octet-stream"}
                for a in attachments
            ],
        }
        if signer is None:
            self.certificates.add(certificate(author))
        body = canonical.jcs(envelope)
        made = Filed(
            case, family, payload, body, signing.sign_detached(body, signer or signer_of(author)), self.now, index
        )
        data = receipts.leaf_data(
            record=made.digest, case=case, accepted_at=made.at, salt=made.salt, signature=made.signature
        )
        self.leaves += [data, sha256(f"decoy {index}".encode()).digest()]
        self.filed.append(made)
        return made

    def evidence(self, **changes: Any) -> bytes:
        """Return the evidence file of the tender; ``changes`` replace members of ``Evidence``."""
        content = replace(self.content(), **changes)
        return evidence.build_evidence(content, signer=ed25519_key("receipt").sign)

    def content(self) -> evidence.Evidence:
        nodes = merkle.MemoryNodes(merkle.leaf_hash(leaf) for leaf in self.leaves)
        size = len(nodes)

        def entry(filed: Filed) -> evidence.EvidenceRecord:
            proof = merkle.inclusion_proof(nodes, filed.index, size)
            return evidence.EvidenceRecord(filed.body, filed.signature, filed.at, filed.salt, filed.index, proof)

        roles = {TENDER: "main", SESSION: "session", GUARANTEE: "guarantee"}
        return evidence.Evidence(
            cases=[
                evidence.EvidenceCase(case, role, [entry(f) for f in self.filed if f.case == case])
                for case, role in roles.items()
                if any(f.case == case for f in self.filed)
            ],
            created_at=self.now,
            keys=evidence.NodeKeys(
                NODE, LOG, ed25519_key("receipt").public_key().public_bytes_raw(), [certificate("CA", ca=True)]
            ),
            checkpoint=checkpoint(merkle.root(nodes, size), size, self.now),
            witnesses=WITNESSES,
            witnesses_required=2,
            certificates=sorted(self.certificates),
            schemas={sha256(bundle(f)).hexdigest(): bundle(f) for f in {f.family for f in self.filed}},
            parameters={sha256(b"{}").hexdigest(): b"{}"},
            attachments=self.attachments,
        )


def bundle(family: str) -> bytes:
    return canonical.jcs({"$id": family, "type": "object"})


LOG = notes.VerifierKey(LOG_NAME, notes.ED25519, ed25519_key("log").public_key().public_bytes_raw())
WITNESSES = [
    notes.VerifierKey(f"{city}.example/witness", notes.COSIGNATURE, ed25519_key(city).public_key().public_bytes_raw())
    for city in ("deyang", "meishan")
]


def checkpoint(root: bytes, size: int, at: datetime, *, cosigned: bool = True, log: str = "log") -> str:
    text = str(notes.Checkpoint(LOG_NAME, size, root))
    key = notes.VerifierKey(LOG_NAME, notes.ED25519, ed25519_key(log).public_key().public_bytes_raw())
    signatures = [notes.sign(text, key, ed25519_key(log).sign)]
    if cosigned:
        signatures += [notes.cosign(text, key, ed25519_key(key.name.split(".")[0]).sign, at) for key in WITNESSES]
    return str(notes.Note(text, tuple(signatures)))


# --- bids -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SealedBid:
    """A bid as its bidder made it."""

    submission: str
    key: Ed25519PrivateKey
    secret: bytes
    ciphertext: bytes
    shares: list[tuple[int, bytes]]
    points: list[bytes]
    manifest: bytes
    bidder: str

    @property
    def author(self) -> str:
        return signing.bid_party(self.public)

    @property
    def public(self) -> bytes:
        return self.key.public_key().public_bytes_raw()

    @property
    def signer(self) -> signing.Signer:
        return signing.bid_signer(self.key)

    @property
    def recipient(self) -> str:
        return sealing.recipient_of_secret(self.secret)

    def named(self, **members: Any) -> Payload:
        return {"submission": self.submission, "bid_key": b64url(self.public), **members}

    def commitment(self, answers: str, **members: Any) -> Payload:
        sealed = {"sha256": digest(self.ciphertext), "size": len(self.ciphertext)}
        boxes = [{"custodian": c, "index": i, "box": "AAAA"} for i, c in enumerate(CUSTODIANS, start=1)]
        return self.named(
            lot="L1",
            seal_suite="age-x25519-v1",
            recipient=self.recipient,
            ciphertext=sealed,
            size_class=65536,
            commitments=[point.hex() for point in self.points],
            share_boxes=boxes,
            policy="bidder_or_custodians",
            answers=answers,
            **members,
        )


@cache
def seal(
    number: int,
    answers: str,
    *,
    price: str = "1000000.00",
    with_letter: bool = False,
    tender: str = TENDER,
    signed_by: str = "",
    extra: bytes = b"",
    letter: bytes = LETTER,
    padding: bytes = bytes(100),
) -> SealedBid:
    """Make a bid; ``extra`` bytes follow the container, ``signed_by`` signs the manifest instead."""
    rng = repeatable(f"bid {number}")
    bidder, key = BIDDERS[number % 3], ed25519_key(f"bid {number}")
    submission = "b-" + "abcdefg"[number] * 26
    document = f"技术方案 {number}".encode()
    manifest = {
        "format": "TH-BID-1",
        "tender": tender,
        "lot": "L1",
        "submission": submission,
        "bid_key": b64url(key.public_key().public_bytes_raw()),
        "answers": answers,
        "bidder": {**organisation(bidder), "certificate": b64url(certificate(bidder))},
        "price": money(price),
        "attributes": {"small_or_micro": number == 1, "domestic_product": True},
        "guarantee": {
            "number": "BH-1",
            "issuer": ISSUER,
            "amount": money("20000.00"),
            "valid_until": "2026-09-01",
            "letter": digest(LETTER),
        }
        if with_letter
        else None,
        "files": [{"name": "方案.pdf", "sha256": digest(document), "size": len(document)}],
    }
    raw = canonical.jcs(manifest)
    signature = signing.sign_detached(raw, signer_of(signed_by or bidder))
    if signed_by:
        signature = signing.sign_detached(raw, replace_kid(signer_of(signed_by), digest(certificate(bidder))))
    entries = {"manifest.json": raw, "manifest.sig": canonical.jcs(signature), "files/方案.pdf": document}
    entries |= {"guarantee/letter.pdf": letter} if with_letter else {}
    plaintext = package(entries | {"padding": padding}) + extra
    secret = sealing.new_secret(rng)
    points, shares = sealing.split(secret, 2, 3, rng)
    ciphertext = b"".join(sealing.age_encrypt([plaintext], sealing.recipient_of_secret(secret), rng))
    return SealedBid(submission, key, secret, ciphertext, shares, points, raw, bidder)


def package(entries: Mapping[str, bytes]) -> bytes:
    """Write a package as ``bid_package`` does, with whatever padding."""
    body, listing = b"", b""
    for name, data in entries.items():
        head = bid_package._Head(name.encode(), len(data), crc32(data))
        listing += head.central(len(body))
        body += head.local() + data
    return body + listing + bid_package._end(len(entries), len(listing), len(body))


def replace_kid(signer: signing.Signer, kid: str) -> signing.Signer:
    return replace(signer, kid=kid)  # type: ignore[type-var]


def disclosure(bid: SealedBid, opened_by: str) -> Payload:
    manifest = json.loads(bid.manifest)
    shown: Payload = {
        "submission": bid.submission,
        "lot": "L1",
        "outcome": "opened",
        "opened_by": opened_by,
        "bidder": {**organisation(bid.bidder), "certificate": digest(certificate(bid.bidder))},
        "price": manifest["price"],
        "attributes": manifest["attributes"],
        "files": manifest["files"],
        "manifest": digest(bid.manifest),
    }
    if manifest["guarantee"]:
        shown["guarantee"] = {**manifest["guarantee"], "result": "valid", "reasons": []}
    return shown


# --- the play -------------------------------------------------------------------------------------------------


def tender_notice(document: str, **changes: Any) -> Payload:
    notice: Payload = {
        "title": "测试工程",
        "project_code": "A5101000001000001",
        "document": document,
        "lots": [{"id": "L1", "name": "一标段", "scope": "施工", "ceiling": money("1300000.00")}],
        "document_sale": {"start": local(START), "end": local(START + timedelta(days=5))},
        "issued_at": local(START),
        "bid_deadline": local(DEADLINE),
        "opening": {"at": local(DEADLINE), "place": "网上开标大厅"},
        "bid_validity_days": 90,
        "opening_policy": "bidder_or_custodians",
        "custodians": [{"party": organisation(c), "role": "centre", "recipient": "age1"} for c in CUSTODIANS],
        "threshold": 2,
        "grace_seconds": 0,
        "media": ["阳光交易大厅"],
        "contacts": [{"name": "张工"}],
    }
    return notice | changes


def publish(hall: Hall) -> str:
    """File document and notice; return what bids answer."""
    document = hall.file(TENDER, "tender_document", {"title": "招标文件", "edition": 1, "evaluation": METHOD}, BUYER)
    return hall.file(TENDER, "tender_notice", tender_notice(document.digest), BUYER).digest


def hand_in(hall: Hall, bid: SealedBid, answers: str, **members: Any) -> Filed:
    made = hall.file(TENDER, "bid_commitment", bid.commitment(answers, **members), bid.author, signer=bid.signer)
    sealed = bid.named(ciphertext={"sha256": digest(bid.ciphertext), "size": len(bid.ciphertext)})
    hall.file(TENDER, "sealed_bid", sealed, bid.author, signer=bid.signer, attachments=(bid.ciphertext,))
    return made


def opening_start(commitments: Mapping[str, str]) -> Payload:
    pairs = sorted(commitments.items())
    lot = {
        "lot": "L1",
        "accepted_root": accepted_root([commitment for _, commitment in pairs]),
        "count": len(pairs),
        "submissions": [{"submission": s, "commitment": c} for s, c in pairs],
    }
    return {"lots": [lot], "by": NODE}


def release_shares(hall: Hall, bid: SealedBid, *indices: int) -> None:
    for index, share in bid.shares:
        if index in indices:
            payload = {
                "submission": bid.submission,
                "custodian": CUSTODIANS[index - 1],
                "index": index,
                "share": share.hex(),
            }
            hall.file(TENDER, "share_release", payload, CUSTODIANS[index - 1])


def open_all(hall: Hall, bids: list[SealedBid], commitments: Mapping[str, str]) -> None:
    """Open the bids, the second one by its custodians, and close the opening."""
    hall.file(TENDER, "opening_start", opening_start(commitments), NODE, at=DEADLINE)
    for place, bid in enumerate(bids):
        if place == 1:
            release_shares(hall, bid, 1, 3)
        else:
            key = bid.named(secret_key=sealing.encode_secret(bid.secret))
            hall.file(TENDER, "key_release", key, bid.author, signer=bid.signer)
        shown = disclosure(bid, "custodians" if place == 1 else "bidder_key")
        hall.certificates.add(certificate(bid.bidder))
        hall.file(TENDER, "bid_disclosure", shown, NODE)
    close_opening(hall)


def close_opening(hall: Hall, **changes: Any) -> None:
    shown = [f.payload for f in hall.filed if f.family == "bid_disclosure"]
    start = next(f.payload for f in hall.filed if f.family == "opening_start")
    lot: Payload = {
        "lot": "L1",
        "accepted_root": start["lots"][0]["accepted_root"],
        "bids": [
            {k: p[k] for k in ("submission", "outcome", "price", "cause") if k in p}
            | ({"bidder": {k: p["bidder"][k] for k in ("id", "name")}} if "bidder" in p else {})
            for p in shown
        ],
        "ceiling": money("1300000.00"),
        "factors": {"k": "0.02"},
    }
    record = {"lots": [lot | changes], "objections": [], "closed_at": local(hall.now)}
    hall.file(TENDER, "opening_record", record, NODE)


def nonces(purpose: str) -> tuple[list[Payload], list[Payload]]:
    holders = {"node:chengdu": "a1" * 16, BUYER: "b2" * 16, "org:SUPERVISOR": sha256(purpose.encode()).hexdigest()}
    committed = [{"holder": h, "commitment": drawing.commit(n)} for h, n in holders.items()]
    return committed, [{"holder": h, "nonce": n} for h, n in holders.items()]


def evaluate_remotely(hall: Hall) -> list[str]:
    """Draw five experts, recuse one, lock and show their scores; return the members."""
    committed, revealed = nonces("experts")
    pool_root, size = sessions.pool_root(EXPERTS), len(EXPERTS)
    beacon = {"source": "公证处 2026-03-25 10:00", "value": "42"}
    promise = {"pool_root": pool_root, "pool_size": size, "holders": committed, "beacon_source": beacon["source"]}
    hall.file(SESSION, "draw_commitment", promise, NODE)
    seed = drawing.seed(
        pool_root=pool_root,
        pool_size=size,
        nonces={n["holder"]: n["nonce"] for n in revealed},
        purpose=f"experts:{SESSION}",
        beacon=beacon,
    )
    members, reserves = drawing.draw(seed, "WORKS", EXPERTS[1:], 3)
    drawn = {
        "tender": TENDER,
        "pool_root": pool_root,
        "pool_size": size,
        "excluded": [{"expert": EXPERTS[0], "ground": "employer"}],
        "nonces": revealed,
        "beacon": beacon,
        "seed": seed,
        "strata": [{"stratum": "WORKS", "seats": 3, "members": list(members), "reserves": list(reserves)}],
    }
    hall.file(SESSION, "expert_draw", drawn, NODE)
    recusal = {"expert": members[1], "ground": "health", "declared_by": "expert", "replaced_by": reserves[0]}
    hall.file(SESSION, "recusal", recusal, members[1])
    panel = [members[0], members[2], reserves[0]]
    bids = [f.payload for f in hall.filed if f.family == "bid_disclosure" and f.payload["outcome"] == "opened"]
    sheets = [sheet(expert, place, bids) for place, expert in enumerate(panel)]
    for expert, made in zip(panel, sheets, strict=True):
        locked = {"expert": expert, "lot": "L1", "digest": digest(canonical.jcs(made))}
        hall.file(SESSION, "score_commitment", locked, expert)
    for expert, made in zip(panel, sheets, strict=True):
        hall.file(SESSION, "score_sheet", made, expert)
    return panel


def sheet(expert: str, place: int, bids: list[Payload]) -> Payload:
    scores = [
        {"submission": p["submission"], "items": [{"criterion": "T1", "points": f"{30 + place + 2 * i}.50"}]}
        for i, p in enumerate(bids)
    ]
    return {"expert": expert, "lot": "L1", "salt": "00" * 32, "scores": scores}


def report_of(hall: Hall, panel: list[str]) -> Payload:
    """Return the report the platform's own scoring gives."""
    bids = [
        scoring.Bid(
            submission=p["submission"],
            bidder=scoring.Bidder(p["bidder"]["id"], p["bidder"]["name"]),
            price=Decimal(p["price"]["amount"]),
            small_or_micro=p["attributes"]["small_or_micro"],
            domestic_product=p["attributes"]["domestic_product"],
        )
        for p in (f.payload for f in hall.filed if f.family == "bid_disclosure")
        if p["outcome"] == "opened"
    ]
    sheets = [scoring.read_sheet(f.payload["expert"], f.payload) for f in hall.filed if f.family == "score_sheet"]
    result = scoring.evaluate(
        METHOD, bids, sheets, ceiling=Decimal(1300000), floor=None, factors={"k": "0.02"}, tie_order={}
    )
    base = {"lot": "L1", "session": SESSION, "chair": panel[0], "members": panel, "method": METHOD}
    return base | scoring.report_fields(result) | {"recommendation": ["推荐第一名。"]}


def award(hall: Hall, panel: list[str]) -> None:
    report = hall.file(TENDER, "evaluation_report", report_of(hall, panel), panel[0])
    shown = [{k: c[k] for k in ("rank", "bidder", "price", "total")} for c in report.payload["candidates"]]
    publicity = {
        "lot": "L1",
        "report": report.digest,
        "candidates": shown,
        "starts_on": "2026-03-26",
        "ends_on": "2026-03-30",
        "objection_channel": "网上异议",
    }
    publicity_digest = hall.file(TENDER, "candidate_publicity", publicity, CENTRE).digest
    first = report.payload["candidates"][0]
    notice = {"lot": "L1", "winner": first["bidder"], "publicity": publicity_digest}
    notice |= {k: first[k] for k in ("submission", "price", "rank")}
    hall.file(TENDER, "award_notice", notice, BUYER, at=datetime(2026, 3, 31, 2, 0, tzinfo=UTC))


def issue_letter(hall: Hall) -> None:
    letter = {
        "number": "BH-1",
        "issuer": organisation(ISSUER),
        "issuer_kind": "bank",
        "independent": True,
        "applicant": organisation(BIDDERS[0]),
        "beneficiary": organisation(BUYER),
        "tender": TENDER,
        "project_name": "测试工程",
        "lot": "L1",
        "amount": money("20000.00"),
        "valid_from": "2026-03-20",
        "valid_until": "2026-09-01",
        "payment_days": 5,
        "on_demand": True,
        "terms": ["见索即付。"],
        "letter": digest(LETTER),
        "nonce": "11" * 32,
    }
    hall.file(GUARANTEE, "guarantee_letter", letter, ISSUER, attachments=(LETTER,))


def play(change: Change = keep) -> Hall:
    """Play the whole tender: letter, notice, three standing bids, one withdrawn, one replaced, opening, award."""
    hall = Hall(change)
    answers = publish(hall)
    issue_letter(hall)
    hall.now = DEADLINE - timedelta(hours=1)
    old, withdrawn = seal(3, answers), seal(4, answers)
    hand_in(hall, old, answers)
    hand_in(hall, withdrawn, answers)
    bids = [
        seal(0, answers, with_letter=True),
        seal(1, answers, price="980000.00"),
        seal(2, answers, price="1100000.00"),
    ]
    commitments = {bid.submission: hand_in(hall, bid, answers).digest for bid in bids}
    hall.file(TENDER, "bid_withdrawal", withdrawn.named(), withdrawn.author, signer=withdrawn.signer)
    again = replace(seal(5, answers), key=old.key)
    replacing = again.commitment(answers, replaces=old.submission)
    hall.file(TENDER, "bid_commitment", replacing, again.author, signer=again.signer)
    hall.now = DEADLINE - timedelta(milliseconds=1001)
    open_all(hall, bids, commitments)
    award(hall, evaluate_remotely(hall))
    return hall


def play_small() -> Hall:
    """Play a tender with one bid up to its opening, for a small file."""
    hall = Hall()
    answers = publish(hall)
    hall.now = DEADLINE - timedelta(hours=1)
    bid = seal(0, answers)
    commitments = {bid.submission: hand_in(hall, bid, answers).digest}
    hall.file(TENDER, "opening_start", opening_start(commitments), NODE, at=DEADLINE)
    key = bid.named(secret_key=sealing.encode_secret(bid.secret))
    hall.file(TENDER, "key_release", key, bid.author, signer=bid.signer)
    hall.file(TENDER, "bid_disclosure", disclosure(bid, "bidder_key"), NODE)
    hall.certificates.add(certificate(bid.bidder))
    close_opening(hall)
    return hall
