"""
Samples (示例): what the interface document shows, made from the published standards so that they can't grow old.

The record is the catalogue's own example, signed with a key that anybody can make (its secret is the bytes 0 to 31);
the receipt really proves that record, and its signature verifies. No node knows the key, so the record is refused as
the document says until somebody puts in a case, an author and a signature of their own.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Final, cast

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tradehall.kernel import notes, receipts
from tradehall.kernel.record import Attachment, Digest, SchemaRef, envelope_bytes
from tradehall.kernel.refusal import Text
from tradehall.kernel.signing import EdSigner, Signer, bid_signer, sign_detached
from tradehall.ocds import numbers, packages
from tradehall.ocds.merging import Node
from tradehall.ocds.packages import Words
from tradehall.ocds.told import Told
from tradehall.rules import merkle
from tradehall_standards import canonical

if TYPE_CHECKING:
    from tradehall.desk.accept import Door
    from tradehall_standards import Json, Version

KEY: Final = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC: Final = KEY.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
AT: Final = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
TENDER: Final = "t-gms7sda7osst323v5plrbvsw6c"
CASES: Final[Mapping[str, str]] = {
    "t": TENDER,
    "g": "g-w7pprdy5gznncm6nmt2eytd7w2",
    "r": "r-kf7gpo7ikx72zwyiukigdio5ue",
    "s": "s-4t7wq2n5zbh3xj6yd2kvmcra5o",
}
AUTHOR: Final = "org:9151010000T000011K"
HOLDER: Final = "org:1151010000T000038K"
ORIGIN: Final = "hall.example/chengdu"
FILE: Final = "施工组织设计（示例）".encode()
FILE_DIGEST: Final = "sha256:" + sha256(FILE).hexdigest()
KID: Final = "sha256:" + sha256(b"example certificate").hexdigest()
PASSWORD: Final = "long-and-only-an-example"  # noqa: S105  - an example's
CSR: Final = (
    "MIHLMHMCAQAwETEPMA0GA1UEAwwG56S65L6LMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEbYngrpOyc48WpFrgsG6BLY6IP1mKWvRTl03+hv2Y"
    "Os2tE3vH1N4ikMIJAStedKnMEm2+rjYL3IZij3ZuMyhu56AAMAoGCCqGSM49BAMCA0gAMEUCIQDZqwSTndnrwmSumozW/EmNwfP1JSXd+ZphIvyso"
    "+WRqgIgSV03HhsZYQS8G84ggvFo7WkpmcMtjSaS++t/MSUxokE="
)
BID_FAMILIES: Final = frozenset({"bid_commitment", "sealed_bid", "bid_withdrawal", "bid_confirmation", "key_release"})
WITH_FILE: Final = frozenset({"sealed_bid", "guarantee_letter", "report_signature"})


@dataclass(frozen=True, slots=True)
class Example:
    """
    One request of the document (请求示例) and what it is answered with.

    Attributes:
        status: of the answer, on a node that knows the sample party and no sample case; a case in the path is one that
            has a project and nothing else yet.
        code: of the problem, empty for a success.
    """

    name: str
    told: Text
    value: Json
    status: int
    code: str = ""


def record_of(door: Door, family: str) -> dict[str, Json]:
    """Return the catalogue's first example of a family as a signed record (示例记录)."""
    version = door.catalogue.versions(family)[-1]
    signer: Signer = bid_signer(KEY) if family in BID_FAMILIES else EdSigner(KID, KEY)
    author = signer.kid if family in BID_FAMILIES else AUTHOR
    files = [Attachment("file.pdf", Digest(FILE_DIGEST), len(FILE), "application/pdf")] if family in WITH_FILE else []
    envelope, signed = envelope_bytes(
        schema=SchemaRef(family, version.version, version.digest),
        case=_case_for(door, family),
        author=author,
        filed_by=author,
        nonce=_nonce(family),
        payload=cast("Mapping[str, Json]", payload_of(version)),
        attachments=files,
    )
    return {"envelope": envelope, "signature": cast("Json", dict(sign_detached(signed, signer)))}


def payload_of(version: Version) -> Json:
    """Return the first valid example of a version."""
    return next(iter(version.valid_examples.values()))


def _case_for(door: Door, family: str) -> str:
    prefixes = [p.prefix for p in door.procedures.values() if family in p.families()]
    return CASES[prefixes[0]] if prefixes else TENDER


def _nonce(family: str) -> str:
    return b64encode(sha256(family.encode()).digest()[:16], b"-_").decode().rstrip("=")


def filings(door: Door) -> Sequence[Example]:
    """Return one record of every family (逐类示例)."""
    return [_filing(door, family) for family in door.catalogue.families()]


def _filing(door: Door, family: str) -> Example:
    titles = door.catalogue.versions(family)[-1].titles[""]
    told = Text(
        f"{titles['zh']}；换上自己的案号、作者和签名", f"{titles['en']}; put in case, author, signature of your own"
    )
    code = "SIGNATURE-INVALID" if family in BID_FAMILIES else "CERTIFICATE-UNKNOWN"
    return Example(family, told, record_of(door, family), 422, code)


def receipt_of(door: Door) -> dict[str, Json]:
    """Return a receipt that proves the sample project, alone in a log (示例回执)."""
    record = record_of(door, "project")
    envelope = cast("Mapping[str, Json]", record["envelope"])
    signature = cast("Mapping[str, str]", record["signature"])
    digest = _digest(envelope)
    salt = sha256(b"salt").digest()[:16]
    leaf = receipts.leaf_data(record=digest, case=TENDER, accepted_at=AT, salt=salt, signature=signature)
    note = str(notes.Checkpoint(ORIGIN, 1, merkle.leaf_hash(leaf)))
    checkpoint = str(notes.Note(note, (notes.sign(note, log_key(), KEY.sign),)))
    accepted = receipts.Accepted(
        record=digest,
        case=TENDER,
        family="project",
        schema=cast("Mapping[str, str]", envelope["schema"]),
        accepted_at=AT,
        salt=salt,
        index=0,
    )
    return receipts.build_receipt(
        accepted, node="node:chengdu", checkpoint=checkpoint, proof=(), public=PUBLIC, signer=KEY.sign
    )


def log_key() -> notes.VerifierKey:
    """Return the verifier key of the samples' log (示例日志公钥)."""
    return notes.VerifierKey(ORIGIN, notes.ED25519, PUBLIC)


def custody_of(door: Door) -> dict[str, Json]:
    """Return a custody note of a sample score commitment (示例代收凭据)."""
    record = cast("Mapping[str, Json]", record_of(door, "score_commitment")["envelope"])
    return receipts.build_custody(
        record=_digest(record),
        case=str(record["case"]),
        family="score_commitment",
        at=AT,
        node="node:deyang",
        to="node:chengdu",
        public=PUBLIC,
        signer=KEY.sign,
    )


def refusal_of(door: Door, code: str, reason: Text, clause: str) -> dict[str, Json]:
    """Return a signed refusal of the sample project (示例拒收)."""
    return receipts.build_refusal(
        record=_digest(cast("Mapping[str, Json]", record_of(door, "project")["envelope"])),
        case=TENDER,
        family="project",
        code=code,
        reason={"zh": reason.zh, "en": reason.en},
        clause=clause,
        at=AT,
        node="node:chengdu",
        public=PUBLIC,
        signer=KEY.sign,
    )


def entry_of(door: Door, family: str = "project") -> dict[str, Json]:
    """Return the sample record of a family with a place in the log (示例日志项)."""
    record = record_of(door, family)
    envelope = cast("Mapping[str, Json]", record["envelope"])
    return {
        "digest": _digest(envelope),
        "family": family,
        "author": envelope["author"],
        "accepted_at": receipts.instant(AT),
        "index": 0,
        "salt": sha256(b"salt").hexdigest()[:32],
        **record,
    }


def _digest(envelope: Mapping[str, Json]) -> str:
    from tradehall_standards import canonical  # noqa: PLC0415

    return canonical.digest(dict(envelope))


def ocds_releases(door: Door) -> list[Node]:
    """Return the first releases of the sample tender (开放合同数据示例), made of the catalogue's own examples."""
    told = [
        Told(canonical.digest(family), family, AUTHOR, AT, cast("Mapping[str, Json]", _example_of(door, family)))
        for family in ("project", "tender_document", "tender_notice")
    ]
    plain = Words(lambda _list, code: Text(code, code), lambda family: Text(family, family))
    return packages.releases(packages.unregistered(), TENDER, told, plain)


def _example_of(door: Door, family: str) -> Json:
    return payload_of(door.catalogue.versions(family)[-1])


def ocds_package(door: Door) -> Json:
    """Return a release package (发布包示例)."""
    publisher = packages.unregistered()
    uri = f"{publisher.url}/api/v1/cases/{TENDER}/ocds"
    made = packages.release_package(publisher, uri, ocds_releases(door))
    return cast("Json", orjson.loads(numbers.write(made)))


def ocds_line(door: Door) -> Json:
    """Return a line of releases (逐行发布示例)."""
    return numbers.write(ocds_releases(door)[0]).decode() + "\n"
