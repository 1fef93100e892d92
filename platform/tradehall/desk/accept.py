"""
The door (受理): the one way by which a record enters.

1. Outside the transaction: signature, identity, attachments, schema.
2. Inside it, with the store's clock: pinned version, the table's verdict, journal, log leaf, facts.
3. After the commit, and only then: the signed receipt.

A batch of filings is judged in order; each sees what those before it have done. A refused one leaves no trace in the
journal and holds nothing up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, cast

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tradehall.desk.cloak import Cloak
from tradehall.desk.decoys import Decoys
from tradehall.desk.due import due_of
from tradehall.desk.journal import Entry, Journal
from tradehall.desk.listing import listing_of
from tradehall.desk.node import NodeKeys
from tradehall.desk.ports import Batch, Chance, Clock, Directory, DueWork, Listing, Reading, Row, Store, Vault, Writing
from tradehall.kernel import receipts
from tradehall.kernel.admission import Admitted, admit, roles_of
from tradehall.kernel.case import Case, Facts, legal_date, local_text
from tradehall.kernel.law import Law
from tradehall.kernel.procedure import Procedure, World
from tradehall.kernel.record import CaseId, Filed, Record
from tradehall.kernel.refusal import Refusal, refuse
from tradehall.kernel.signing import SignatureInvalid, verify_detached
from tradehall.rules.sealing import unbase64url
from tradehall_standards import Catalogue
from tradehall_standards.calendar import WorkingCalendar, YearNotLoaded
from tradehall_standards.parameters import Parameters

if TYPE_CHECKING:
    from tradehall_standards import Json

BACKWARD_TOLERANCE = timedelta(milliseconds=50)
"""How far the store's clock may fall behind the last batch before it is suspect."""

POOL_FAMILIES = frozenset({"draw_commitment", "expert_draw"})
"""Families whose judgement needs the whole pool of experts."""

_DETAILS_MAX = 50


@dataclass(frozen=True, slots=True)
class Filing:
    """A record on its way in (待受理记录), with the caller's idempotency key if it gave one."""

    record: Record
    idempotency: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """A record that stands (已受理); ``repeated`` when it had been accepted before and nothing was written."""

    entry: Entry
    batch: Batch
    repeated: bool


Outcome = Accepted | Refusal


@dataclass(slots=True)
class _Judged:
    """What one transaction has decided and is about to write (本批判定)."""

    start: int
    at: datetime
    outcomes: list[Refusal | Entry | Accepted] = field(default_factory=list["Refusal | Entry | Accepted"])
    rows: list[Row] = field(default_factory=list[Row])
    entries: dict[str, Entry] = field(default_factory=dict[str, Entry])
    listings: dict[str, Listing] = field(default_factory=dict[str, Listing])
    due: list[DueWork] = field(default_factory=list[DueWork])


@dataclass(frozen=True, slots=True)
class Door:
    """The door of one node (受理入口)."""

    store: Store
    catalogue: Catalogue
    parameters: Parameters
    calendar: WorkingCalendar
    procedures: Mapping[str, Procedure]
    directory: Directory
    vault: Vault
    cloak: Cloak
    clock: Clock
    chance: Chance
    node: NodeKeys
    decoys: Decoys

    # --- before the transaction -------------------------------------------------------------------------------

    def examine(self, record: Record, on: date) -> Refusal | None:
        """
        Check what needs no lock: author, signature, attachments, schema.

        Args:
            record: what was filed.
            on: today's legal date; the transaction checks again which schema version is in force.

        Returns:
            The first refusal; a schema refusal lists every finding.
        """
        if not any(p.prefix == record.case[0] for p in self.procedures.values()):
            return refuse("CASE-UNKNOWN", case=record.case)
        return self._signature_refusal(record) or self.schema_refusal(record, on) or self._attachment_refusal(record)

    def _signature_refusal(self, record: Record) -> Refusal | None:
        if record.author != record.filed_by:
            return refuse("AUTHOR-MISMATCH", signer=record.filed_by, author=record.author)
        if _is_bid(record):
            return self._bid_signature_refusal(record)
        kid = record.kid
        certificate = self.directory.certificate(kid)
        if certificate is None:
            return refuse("CERTIFICATE-UNKNOWN", kid=kid)
        if certificate.party != record.author:
            return refuse("AUTHOR-MISMATCH", signer=certificate.party, author=record.author)
        try:
            verify_detached(record.body, record.signature, _public_key(certificate.der), expect_kid=kid)
        except SignatureInvalid as error:
            return refuse("SIGNATURE-INVALID", why=error.code)
        return None

    def _bid_signature_refusal(self, record: Record) -> Refusal | None:
        try:
            key = Ed25519PublicKey.from_public_bytes(unbase64url(str(record.payload.get("bid_key", ""))))
            verify_detached(record.body, record.signature, key, expect_kid=record.author)
        except (SignatureInvalid, ValueError) as error:
            return refuse("SIGNATURE-INVALID", why=getattr(error, "code", "bid_key"))
        return None

    def schema_refusal(self, record: Record, on: date) -> Refusal | None:
        """Refuse a payload that is not valid against the version it cites, listing every finding (数据标准校验)."""
        findings = self.catalogue.check(record.schema, dict(record.payload), on)
        blocking = [f for f in findings if f.severity == "block"]
        if not blocking:
            return None
        details = tuple(
            {
                "pointer": f.pointer,
                "rule": f.rule or f.keyword,
                "zh": f.message_zh,
                "en": f.message_en,
                "clause": f.clause,
            }
            for f in blocking[:_DETAILS_MAX]
        )
        first = blocking[0]
        return refuse(
            "SCHEMA-INVALID", schema=str(record.schema), pointer=first.pointer, clause=first.clause, details=details
        )

    def _attachment_refusal(self, record: Record) -> Refusal | None:
        secret = record.family in self.procedure(record.case).secret_families
        for attachment in record.attachments:
            size = self.vault.has(attachment.sha256, secret=secret)
            if size is None:
                return refuse("ATTACHMENT-MISSING", name=attachment.name)
            if size != attachment.size:
                return refuse("ATTACHMENT-WRONG", why=f"{attachment.name}: {size} ≠ {attachment.size}")
        return None

    # --- the transaction --------------------------------------------------------------------------------------

    def accept(self, filing: Filing) -> Outcome:
        """Accept or refuse one record."""
        return self.accept_many([filing])[0]

    def accept_many(self, filings: Sequence[Filing]) -> list[Outcome]:
        """
        Accept or refuse records in one transaction, in order.

        Returns:
            One outcome for each filing, a refusal with the instant at which it was decided. They MUST NOT be told to
            anyone before this returns: only then is what was accepted durable.
        """
        now = self.store.now()
        examined = [self.examine(f.record, legal_date(now)) for f in filings]
        if all(examined):
            return _decided_at(now, cast("list[Outcome]", examined))
        with self.store.write() as writing:
            at = self._instant(writing)
            if isinstance(at, Refusal):
                return _decided_at(now, [refusal or at for refusal in examined])
            judged = self._judge_all(filings, examined, writing, at)
            return _decided_at(at, self._store(writing, judged))

    def _instant(self, writing: Writing) -> datetime | Refusal:
        """Return the instant of this batch: the store's clock, never behind an earlier one; refuse if it is suspect."""
        if self.clock.suspect:
            return refuse("CLOCK-SUSPECT")
        now, latest = _milliseconds(writing.now), writing.latest()
        if latest is None or now >= latest.at:
            return now
        return latest.at if latest.at - now <= BACKWARD_TOLERANCE else refuse("CLOCK-SUSPECT")

    def _judge_all(
        self, filings: Sequence[Filing], examined: Sequence[Refusal | None], writing: Writing, at: datetime
    ) -> _Judged:
        journal = Journal(writing, self.cloak, self.procedures)
        latest = writing.latest()
        judged = _Judged(latest.size if latest else 0, at)
        for filing, refusal in zip(filings, examined, strict=True):
            judged.outcomes.append(refusal or self._judge(filing, journal, judged))
        if any(row.case is None for row in judged.rows):
            self.decoys.add_to(judged.rows, journal, at)
        writing.put(journal.flush())
        return judged

    def _judge(self, filing: Filing, journal: Journal, judged: _Judged) -> Refusal | Entry | Accepted:
        record = filing.record
        known = self._known(filing, journal, judged)
        if known is not None:
            return known
        filed = Filed(record, judged.at, judged.start + len(judged.rows))
        verdict = self._verdict(filed, journal)
        if isinstance(verdict, Refusal):
            return verdict
        self._note_key(filing, journal)
        entry = Entry(filed, self.chance(16).hex())
        changed = journal.keep(verdict.case, verdict.effects)
        judged.rows.append(journal.row(record, judged.at, entry.salt))
        judged.entries[record.digest] = entry
        if journal.is_secret(record):
            journal.note_secret(record, filed.index)
        elif changed:
            listing = listing_of(verdict.case, self.procedures[verdict.case.procedure])
            judged.listings.update({listing.case: listing} if listing else {})
            judged.due.extend(due_of(verdict.case, self.procedures[verdict.case.procedure]))
        return entry

    def _known(self, filing: Filing, journal: Journal, judged: _Judged) -> Refusal | Accepted | None:
        """Return what was decided before about the same record or the same idempotency key."""
        digest = filing.record.digest
        if filing.idempotency is not None:
            first = journal.get("idem", *filing.idempotency, secret=True)
            if isinstance(first, str) and first != digest:
                return refuse("IDEMPOTENCY-CONFLICT", first=first)
        entry = judged.entries.get(digest) or journal.kept(filing.record)
        if entry is None:
            return None
        self._note_key(filing, journal)
        return Accepted(entry, Batch(0, b"", entry.filed.at), repeated=True)

    def _note_key(self, filing: Filing, journal: Journal) -> None:
        """Note the key of a record that stands, even if it was filed before without one or with another."""
        if filing.idempotency is not None and journal.get("idem", *filing.idempotency, secret=True) is None:
            journal.put(filing.record.digest, "idem", *filing.idempotency, secret=True)

    def _verdict(self, filed: Filed, journal: Journal) -> Admitted | Refusal:
        record = filed.record
        procedure = self.procedure(record.case)
        case = journal.case(record.case) or Case.new(record.case, procedure.id, self.node.name)
        unfit = self._pin_refusal(case, record, filed.at) or self.certificate_refusal(record, filed.at)
        return unfit or self._admitted(procedure, case, filed, journal)

    def _admitted(self, procedure: Procedure, case: Case, filed: Filed, journal: Journal) -> Admitted | Refusal:
        """Ask the table, with all it looks at."""
        record = filed.record
        registered = frozenset[str]() if _is_bid(record) else self.directory.roles(record.author)
        roles = roles_of(case, record.author, registered)
        try:
            return admit(
                procedure,
                case,
                filed,
                facts=journal.facts(record.case),
                roles=roles,
                world=self.world(journal, case, record),
            )
        except YearNotLoaded as missing:
            return refuse("RULE-UNKNOWN-YEAR", year=missing.year)

    def rehearse(self, record: Record) -> Refusal | None:
        """
        Judge what the author's signature has no part in, as if the record were filed now (预检); writes nothing.

        The same schema check, pinned version, table and law as at the filing itself.
        """
        now = _milliseconds(self.store.now())
        unfit = self.schema_refusal(record, legal_date(now))
        if unfit is not None:
            return unfit
        with self.store.read() as reading:
            journal = Journal(reading, self.cloak, self.procedures)
            procedure = self.procedure(record.case)
            case = journal.case(record.case) or Case.new(record.case, procedure.id, self.node.name)
            latest = reading.latest()
            filed = Filed(record, now, latest.size if latest else 0)
            verdict = self._pin_refusal(case, record, now) or self._admitted(procedure, case, filed, journal)
        return verdict if isinstance(verdict, Refusal) else None

    def certificate_refusal(self, record: Record, at: datetime) -> Refusal | None:
        """Refuse a certificate that does not hold at the instant of acceptance (证书有效期、吊销)."""
        if _is_bid(record):
            return None
        certificate = self.directory.certificate(record.kid)
        if certificate is not None and certificate.holds_at(at):
            return None
        return refuse("CERTIFICATE-NOT-VALID", kid=record.kid, at=local_text(at))

    def _pin_refusal(self, case: Case, record: Record, at: datetime) -> Refusal | None:
        """Refuse another schema version than the one in force when the case was announced (版本固定)."""
        pinned = case.text("announced_on")
        on = date.fromisoformat(pinned) if pinned else legal_date(at)
        version = self.catalogue.resolve(record.family, on)
        if version is None:
            return refuse("SCHEMA-NOT-PINNED", expected=f"{record.family}: —", actual=str(record.schema))
        if version.digest == record.schema.digest and version.version == record.schema.version:
            return None
        return refuse("SCHEMA-NOT-PINNED", expected=version.id, actual=str(record.schema))

    def world(self, journal: Journal, case: Case, record: Record) -> World:
        """Gather what lies outside a case: the law, linked cases, issuers, and the pool where it is needed."""
        linked: dict[CaseId, tuple[Case, Facts]] = {}
        named = (record.payload.get("tender"), record.payload.get("session"), case.head.get("tender"))
        for name in sorted({n for n in named if isinstance(n, str)}):
            with suppress(StopIteration):
                other = journal.case(name)
                if other is not None:
                    linked[CaseId(name)] = (other, journal.facts(name))
        needs_pool = record.family in POOL_FAMILIES
        regime = case.regime or str(record.payload.get("regime", ""))
        region = case.region or str(record.payload.get("region", ""))
        return World(
            law=self.law(case.procedure, regime, region),
            linked=linked,
            issuers=self.directory.issuers() if record.family == "guarantee_application" else {},
            experts=self.directory.experts() if needs_pool else {},
        )

    def law(self, procedure: str, regime: str, region: str) -> Law:
        """Return the law of a regime and region as a procedure asks for it."""
        slots = self.procedures[procedure].slots.get(regime, {})
        return Law(self.parameters, self.calendar, regime, region, slots)

    def procedure(self, case: str) -> Procedure:
        """Return the procedure that a case id belongs to."""
        return next(p for p in self.procedures.values() if p.prefix == case[0])

    def _store(self, writing: Writing, judged: _Judged) -> list[Outcome]:
        grown = writing.append(judged.rows) if judged.rows else None
        writing.list_cases(list(judged.listings.values()))
        writing.put_due(judged.due)
        return [self._outcome(found, grown, writing) for found in judged.outcomes]

    def _outcome(self, found: Refusal | Entry | Accepted, grown: Batch | None, writing: Writing) -> Outcome:
        if isinstance(found, Refusal):
            return found
        if isinstance(found, Accepted):
            return Accepted(found.entry, writing.covering(found.entry.filed.index) or found.batch, repeated=True)
        if grown is None:
            raise RuntimeError("a record was accepted without a row")
        return Accepted(found, grown, repeated=False)

    # --- after the commit -------------------------------------------------------------------------------------

    def receipt(self, accepted: Accepted, reading: Reading) -> dict[str, Json]:
        """
        Sign the receipt of an accepted record (受理回执); the same bytes each time for the same cosignatures.

        Raises:
            StoreUnavailable: the record might still be lost.
        """
        self.store.assure(accepted.batch.size)
        entry = accepted.entry
        record = entry.record
        return receipts.build_receipt(
            receipts.Accepted(
                record=record.digest,
                case=record.case,
                family=record.family,
                schema={"id": record.schema.id, "version": record.schema.version, "digest": record.schema.digest},
                accepted_at=entry.filed.at,
                salt=bytes.fromhex(entry.salt),
                index=entry.filed.index,
            ),
            node=self.node.name,
            checkpoint=self.node.checkpoint(accepted.batch, reading.cosignatures(accepted.batch.size)),
            proof=reading.inclusion(entry.filed.index, accepted.batch.size),
            public=self.node.receipt_public,
            signer=self.node.sign_receipt,
        )

    def refusal_receipt(self, record: Record, refusal: Refusal, at: datetime) -> dict[str, Json]:
        """
        Sign a refusal (拒收回执), so that nobody can later say that nothing was sent, or something else.

        ``at`` is for a refusal that no transaction decided; any other bears its own instant.
        """
        return receipts.build_refusal(
            record=record.digest,
            case=record.case,
            family=record.family,
            code=refusal.code,
            reason={"zh": refusal.reason.zh, "en": refusal.reason.en},
            clause=refusal.clause,
            at=refusal.at or at,
            node=self.node.name,
            public=self.node.receipt_public,
            signer=self.node.sign_receipt,
        )

    def find(self, digest: str) -> Accepted | None:
        """Return an accepted record by digest with the batch that first covered it."""
        with self.store.read() as reading:
            entry = Journal(reading, self.cloak, self.procedures).find(digest)
            batch = reading.covering(entry.filed.index) if entry else None
        return None if entry is None or batch is None else Accepted(entry, batch, repeated=True)


def _decided_at(at: datetime, outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Note in every refusal when it was decided: told later, it must not speak of a later moment."""
    return [replace(o, at=at) if isinstance(o, Refusal) else o for o in outcomes]


def _is_bid(record: Record) -> bool:
    """Whether a record is signed by a bid key, which no directory knows."""
    return record.author.startswith("bid:")


def _milliseconds(at: datetime) -> datetime:
    """Cut an instant to whole milliseconds, never up: T − 0.1 ms must not become T."""
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


@lru_cache(maxsize=4096)
def _public_key(der: bytes) -> EllipticCurvePublicKey | Ed25519PublicKey:
    return cast("EllipticCurvePublicKey | Ed25519PublicKey", x509.load_der_x509_certificate(der).public_key())
