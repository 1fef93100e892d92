"""
Records on their way to a hall (待发记录): signed and kept on disk before they are sent, with the receipt beside them.

A cut may come at any instant. Whatever was signed is sent again byte for byte, and the hall answers the same record
with the same receipt; so every command can be repeated until it has gone through. For each record the folder has::

    NAME.record.json    the signed record, as sent
    NAME.receipt.json   the hall's signed receipt, verified
    NAME.refusal.json   the hall's signed refusal, verified; the record is then NAME.refused.json
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from tradehall.cli.client import Refused
from tradehall.cli.remote import NOT_FOUND, SERVER_FAULT, Hall, HallKeys
from tradehall.cli.words import VERIFICATION_FAILED, Stop, keep, member
from tradehall.desk.filing import signed_record
from tradehall.kernel import receipts
from tradehall.kernel.record import Attachment, SchemaRef
from tradehall.kernel.signing import Signer
from tradehall.rules import merkle
from tradehall_standards import canonical, strict

if TYPE_CHECKING:
    from tradehall_standards.strict import Json

Wire = Mapping[str, Any]
NONCE_SIZE = 16


@dataclass(frozen=True, slots=True)
class Draft:
    """A record to be signed (待签记录)."""

    case: str
    family: str
    author: str
    payload: Mapping[str, Json]
    attachments: Sequence[Attachment] = ()


@dataclass(frozen=True, slots=True)
class Kept:
    """
    One record of the folder (已存记录).

    Attributes:
        name: what it is called there.
        record: signed record as sent.
        receipt: signed receipt; None while there is none.
    """

    name: str
    record: Wire
    receipt: Wire | None

    @property
    def family(self) -> str:
        """Family of the record."""
        return str(member(self.record, "envelope", "schema", "id"))

    @property
    def digest(self) -> str:
        """Digest of the record."""
        return canonical.digest(self.record["envelope"])

    def to_json(self) -> dict[str, Json]:
        """Return what a list shows of it."""
        leaf = member(self.receipt, "receipt", "leaf", "index")
        return {
            "name": self.name,
            "family": self.family,
            "record": self.digest,
            "state": "signed" if self.receipt is None else "receipt",
            "accepted_at": member(self.receipt, "receipt", "accepted_at"),
            "log_index": leaf,
            "cosignatures": member(self.receipt, "receipt", "cosignatures") or [],
        }


@dataclass(frozen=True, slots=True)
class Outbox:
    """A folder of records and receipts (记录与回执文件夹), for one author and one hall."""

    folder: Path

    @property
    def keys(self) -> Path:
        """Where the hall's address and keys are kept."""
        return self.folder / "hall.json"

    def make(self) -> None:
        """Make the folder."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def all(self) -> list[Kept]:
        """Return every record, in the order of names."""
        return [
            self._kept(path.name.removesuffix(".record.json")) for path in sorted(self.folder.glob("*.record.json"))
        ]

    def find(self, name: str) -> Kept | None:
        """Return a record, None when there is none of that name."""
        return self._kept(name) if self._path(name, "record").exists() else None

    def receipt(self, name: str) -> Wire | None:
        """Return the receipt of a record, None when there is none."""
        path = self._path(name, "receipt")
        return _read(path) if path.exists() else None

    def refusals(self) -> list[Wire]:
        """Return the signed refusals that are kept."""
        return [_read(path) for path in sorted(self.folder.glob("*.refusal.json"))]

    def file(self, name: str, draft: Draft, *, hall: Hall, signer: Signer, rng: Callable[[int], bytes]) -> Kept:
        """
        Sign a record unless it is kept already, send it, and keep the verified receipt (签署、提交、留存回执).

        Returns:
            The record with its receipt; without a call when the receipt was there already.

        Raises:
            Refused: the hall refused it; its signed refusal is kept, and the next try signs anew.
            Unavailable: nothing is known; the next try sends the same record.
            Stop: the receipt or refusal does not verify.
        """
        kept = self.find(name)
        if kept is None:
            self.make()
            record = _signed(draft, hall=hall, signer=signer, rng=rng)
            keep(self._path(name, "record"), canonical.jcs(cast("Json", record)))
            kept = Kept(name, record, None)
        if kept.receipt is not None:
            return kept
        try:
            receipt = cast("Wire", hall.client.post("/records", cast("Json", kept.record)))
        except Refused as refused:
            self._refused(kept, refused, hall.keys)
            raise
        return self._received(kept, receipt, hall.keys)

    def fetch(self, name: str, hall: Hall) -> Kept:
        """
        Fetch the receipt of a record again (补领回执), with the cosignatures that came in since.

        A record of which the hall knows nothing stays without a receipt.

        Raises:
            Stop: the receipt does not verify.
        """
        kept = self._kept(name)
        try:
            receipt = cast("Wire", hall.client.get(f"/records/{kept.digest}/receipt"))
        except Refused as refused:
            if refused.status == NOT_FOUND and kept.receipt is None:
                return kept
            raise
        return self._received(kept, receipt, hall.keys)

    def _kept(self, name: str) -> Kept:
        return Kept(name, _read(self._path(name, "record")), self.receipt(name))

    def _received(self, kept: Kept, receipt: Wire, keys: HallKeys) -> Kept:
        try:
            check_receipt(receipt, kept.record, keys)
        except receipts.ReceiptInvalidError as error:
            keep(self._path(kept.name, "bad-receipt"), canonical.jcs(cast("Json", receipt)))
            raise Stop(
                f"大厅的回执未通过核验，已另存备查：{error}",
                f"the hall's receipt does not verify (kept as {kept.name}.bad-receipt.json): {error}",
                VERIFICATION_FAILED,
            ) from error
        keep(self._path(kept.name, "receipt"), canonical.jcs(cast("Json", receipt)))
        return Kept(kept.name, kept.record, receipt)

    def _refused(self, kept: Kept, refused: Refused, keys: HallKeys) -> None:
        """Keep a signed refusal. Only a final one frees the name: the record was certainly not accepted."""
        refusal = refused.problem.get("refusal")
        if refused.status >= SERVER_FAULT or not isinstance(refusal, Mapping):
            return
        signed = cast("Wire", refusal)
        try:
            content = receipts.verify_refusal(signed, public=keys.receipt_key)
        except receipts.ReceiptInvalidError as error:
            raise Stop(
                f"拒收回执未通过核验：{error}", f"the refusal does not verify: {error}", VERIFICATION_FAILED
            ) from error
        if content["record"] != kept.digest:
            raise Stop("拒收回执说的是另一份记录", "the refusal is about another record", VERIFICATION_FAILED)
        keep(self._path(kept.name, "refusal"), canonical.jcs(cast("Json", signed)))
        self._path(kept.name, "record").replace(self._path(kept.name, "refused"))

    def _path(self, name: str, kind: str) -> Path:
        return self.folder / f"{name}.{kind}.json"


def check_receipt(receipt: Wire, record: Wire, keys: HallKeys) -> receipts.Receipt:
    """
    Check that a receipt is the hall's, for this record, and proves its place in the log (核验回执).

    Raises:
        ReceiptInvalidError: it is not; the message says in what.
    """
    checked = receipts.verify_receipt(
        receipt,
        public=keys.receipt_key,
        log=keys.log,
        signature=record["signature"],
        is_included=merkle.verify_inclusion,
        leaf_hash=merkle.leaf_hash,
        witnesses=keys.witnesses,
    )
    envelope = record["envelope"]
    stated = (checked.body.get("record"), checked.body.get("case"), checked.body.get("family"))
    if stated != (canonical.digest(envelope), envelope["case"], envelope["schema"]["id"]):
        raise receipts.ReceiptInvalidError("the receipt is for another record")
    return checked


def _signed(draft: Draft, *, hall: Hall, signer: Signer, rng: Callable[[int], bytes]) -> Wire:
    found = hall.client.get(f"/schemas/{draft.family}?case={draft.case}")
    return signed_record(
        signer=signer,
        author=draft.author,
        schema=SchemaRef(draft.family, str(found["version"]), str(found["digest"])),
        case=draft.case,
        nonce=rng(NONCE_SIZE),
        payload=draft.payload,
        attachments=draft.attachments,
    )


def _read(path: Path) -> Wire:
    try:
        value = strict.parse(path.read_bytes(), newlines=True)
    except ValueError as error:
        raise Stop(f"{path.name} 不是有效的 JSON：{error}", f"{path.name} is no JSON: {error}") from error
    if not isinstance(value, Mapping):
        raise Stop(f"{path.name} 不是记录", f"{path.name} is no record")
    return value
