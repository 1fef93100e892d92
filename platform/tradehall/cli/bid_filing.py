"""
Bids and what is filed for them (投标的提交): shared by the commands of ``tradehall bid`` that talk to a hall.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from cryptography import x509
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from tradehall.cli.bidder import (
    CIPHERTEXT,
    TENDER,
    BidTools,
    TenderCase,
    read_bid_key,
    read_commitment_payload,
    read_tender,
)
from tradehall.cli.outbox import Draft, Kept, Outbox
from tradehall.cli.remote import Access, Connect, Hall, open_hall
from tradehall.cli.words import (
    VERIFICATION_FAILED,
    Stop,
    Words,
    member,
    objects,
    print_json,
    print_table,
)
from tradehall.kernel.record import Attachment, Digest
from tradehall.kernel.signing import (
    EdSigner,
    PublicKey,
    SignatureInvalid,
    bid_signer,
    certificate_kid,
    verify_detached,
)
from tradehall.rules import sealing
from tradehall_standards import canonical, strict

if TYPE_CHECKING:
    from tradehall_standards.strict import Json

FILED: Final = "filed"
COMMITMENT_RECORD: Final = "bid_commitment"
CIPHERTEXT_RECORD: Final = "sealed_bid"
WITHDRAWAL_RECORD: Final = "bid_withdrawal"
CONFIRMATION_RECORD: Final = "bid_confirmation"
KEY_RECORD: Final = "key_release"
BOTH: Final = (COMMITMENT_RECORD, CIPHERTEXT_RECORD)
REPLACED: Final = "replaced-by.json"

_ATTACHED_NAME: Final = "bid.age"
_AGE_TYPE: Final = "application/vnd.age"


@dataclass(frozen=True, slots=True)
class Bid:
    """A packed bid (已封装投标): its folder, what it commits to, the tender it answers, what was filed."""

    folder: Path
    commitment: Mapping[str, Json]
    tender: TenderCase
    outbox: Outbox

    @classmethod
    def read(cls, folder: Path) -> Bid:
        """Read a bid folder. Raises BidFileError."""
        commitment = read_commitment_payload(folder)
        return cls(folder, commitment, read_tender(folder / TENDER), Outbox(folder / FILED))

    @property
    def submission(self) -> str:
        """Id of the bid."""
        return str(self.commitment["submission"])

    @property
    def lot(self) -> str:
        """Lot bid for."""
        return str(self.commitment["lot"])

    @property
    def answers(self) -> str:
        """Digest of the notice or clarification that the bid answers, confirmations included."""
        confirmed = [k for k in self.outbox.all() if k.family == CONFIRMATION_RECORD and k.receipt is not None]
        latest = max(confirmed, key=lambda k: int(str(member(k.receipt, "receipt", "leaf", "index"))), default=None)
        payload = self.commitment if latest is None else member(latest.record, "envelope", "payload")
        return str(member(payload, "answers"))

    @property
    def is_handed_in(self) -> bool:
        """Whether commitment and ciphertext both have their receipts: only then the bid stands."""
        return all(self.outbox.receipt(name) is not None for name in (COMMITMENT_RECORD, CIPHERTEXT_RECORD))

    @property
    def is_withdrawn(self) -> bool:
        """Whether the bid was withdrawn, or replaced by another."""
        return self.outbox.receipt(WITHDRAWAL_RECORD) is not None or (self.outbox.folder / REPLACED).exists()

    def signer(self) -> EdSigner:
        """Return the signer of the bid's records. Raises BidFileError for a missing or wrong key."""
        return bid_signer(read_bid_key(self.folder, self.commitment))

    def payload(self, **members: Json) -> dict[str, Json]:
        """Return a payload about this bid."""
        return {"submission": self.submission, "bid_key": self.commitment["bid_key"], **members}


@dataclass(frozen=True, slots=True)
class Filer:
    """Files the records of one bid (提交)."""

    bid: Bid
    hall: Hall
    signer: EdSigner
    tools: BidTools

    def file(
        self, family: str, payload: Mapping[str, Json], *, name: str = "", more: Sequence[Attachment] = ()
    ) -> Kept:
        """Sign, send, and keep the receipt; see ``Outbox.file``."""
        draft = Draft(self.bid.tender.case, family, self.signer.kid, payload, more)
        return self.bid.outbox.file(name or family, draft, hall=self.hall, signer=self.signer, rng=self.tools.rng)

    def commit(self) -> Kept:
        """File the commitment (投标承诺)."""
        return self.file(COMMITMENT_RECORD, self.bid.commitment)

    def upload(self, words: Words) -> None:
        """Upload the ciphertext from where an earlier try stopped (断点续传)."""
        digest, size = _ciphertext(self.bid)
        with Progress(
            TextColumn(words("上传密文", "Uploading")),
            BarColumn(),
            DownloadColumn(binary_units=True),
            TransferSpeedColumn(),
            console=Console(stderr=True),
            transient=True,
        ) as progress:
            task = progress.add_task("", total=size)

            def chunks() -> Iterator[bytes]:
                for chunk in _chunks(self.bid.folder / CIPHERTEXT):
                    yield chunk
                    progress.advance(task, len(chunk))

            self.hall.client.upload(chunks, digest, size, sealed=True)

    def hand_over(self) -> Kept:
        """File the record of the ciphertext (密文递交): with its receipt the bid stands."""
        digest, size = _ciphertext(self.bid)
        payload = self.bid.payload(ciphertext={"sha256": digest, "size": size})
        return self.file(CIPHERTEXT_RECORD, payload, more=[Attachment(_ATTACHED_NAME, Digest(digest), size, _AGE_TYPE)])


def _ciphertext(bid: Bid) -> tuple[str, int]:
    return str(member(bid.commitment, "ciphertext", "sha256")), int(str(member(bid.commitment, "ciphertext", "size")))


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while chunk := stream.read(1 << 20):
            yield chunk


def check_sound(bid: Bid) -> None:
    """
    Check a bid folder before anything is sent.

    Raises:
        Stop: the commitment is not as the notice asks, or the ciphertext is not the file that was sealed.
    """
    for finding in sealing.check_commitment(bid.commitment, bid.tender.terms):
        raise Stop(finding.zh, finding.en, VERIFICATION_FAILED)
    found, size = sha256(), 0
    for chunk in _chunks(bid.folder / CIPHERTEXT):
        found.update(chunk)
        size += len(chunk)
    if (f"sha256:{found.hexdigest()}", size) != _ciphertext(bid):
        raise Stop(
            f"{CIPHERTEXT} 与承诺的摘要不符，文件已被改动",
            f"{CIPHERTEXT} is not the file that was committed to: it was changed",
            VERIFICATION_FAILED,
        )


def open_filer(bid: Bid, tools: BidTools, connect: Connect, access: Access, words: Words) -> Filer:
    """Reach the hall as the bidder (连接并登录); a missing or wrong bid key is told first. See ``open_hall``."""
    signer = bid.signer()
    bid.outbox.make()
    return Filer(bid, open_hall(access, connect, words, kept=bid.outbox.keys, login=True), signer, tools)


def show(kept: Sequence[Kept], words: Words, *, as_json: bool) -> None:
    """Print records and when they were accepted."""
    if as_json:
        print_json([k.to_json() for k in kept])
        return
    rows = [
        (words(*FAMILIES[k.family]), str(member(k.receipt, "receipt", "accepted_at") or "—"), k.digest) for k in kept
    ]
    print_table([words("记录", "record"), words("受理时间", "accepted at"), words("摘要", "digest")], rows)


FAMILIES: Final[Mapping[str, tuple[str, str]]] = {
    COMMITMENT_RECORD: ("投标承诺", "commitment"),
    CIPHERTEXT_RECORD: ("投标密文", "ciphertext"),
    CONFIRMATION_RECORD: ("投标确认", "confirmation"),
    WITHDRAWAL_RECORD: ("撤回", "withdrawal"),
    KEY_RECORD: ("密钥公布", "key release"),
}


def opening_of(bid: Bid, hall: Hall) -> Mapping[str, Any] | None:
    """Return the record that opened the bid's lot, when the bid is in its frozen set with our own commitment."""
    committed = bid.outbox.find(COMMITMENT_RECORD)
    entry = {"submission": bid.submission, "commitment": committed.digest if committed else ""}
    for record in hall.records(bid.tender.case, "opening_start"):
        if record["envelope"]["author"] != hall.keys.node:
            continue
        for lot in objects(member(record, "envelope", "payload", "lots")):
            if lot.get("lot") == bid.lot and entry in objects(lot.get("submissions")):
                return record
    return None


def check_signed(record: Mapping[str, Any], hall: Hall, tools: BidTools) -> None:
    """
    Check that a record is signed with the certificate the hall has for its author.

    Raises:
        Stop: it is not. Whether that certificate is genuine is between its issuer and the hall.
    """
    try:
        kid = str(_claimed_kid(record))
        der = b64decode(str(hall.client.get(f"/certificates/{kid}")["certificate"]))
        key = cast("PublicKey", x509.load_der_x509_certificate(der).public_key())
        verify_detached(canonical.jcs(record["envelope"]), record["signature"], key, expect_kid=certificate_kid(der))
        if tools.party_of(der) != record["envelope"]["author"]:
            raise Stop("记录的证书不属于其作者", "a record's certificate is not its author's", VERIFICATION_FAILED)
    except (SignatureInvalid, ValueError, KeyError, TypeError) as error:
        raise Stop(
            f"记录的签名无效：{error}", f"a record is not signed as required: {error}", VERIFICATION_FAILED
        ) from error


def _claimed_kid(record: Mapping[str, Any]) -> Json:
    """Return the key id that a record's signature claims."""
    protected = str(record["signature"]["protected"])
    return member(strict.parse(sealing.unbase64url(protected)), "kid")
