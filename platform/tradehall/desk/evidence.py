"""
Exporting a case as evidence (证据导出): records, proofs, keys, schemas, parameters, attachments in one file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tradehall.desk.accept import Door
from tradehall.desk.journal import Entry, Journal
from tradehall.desk.ports import Reading, StoreUnavailable
from tradehall.desk.rebuild import differences
from tradehall.desk.witnessing import Witnessing
from tradehall.kernel import evidence, notes
from tradehall.kernel.case import local_text
from tradehall.kernel.payload import obj
from tradehall.kernel.refusal import Refusal, refuse
from tradehall_standards import Json, canonical
from tradehall_standards.parameters import Rule

ATTACHED_MAX = 1 << 30
"""Bytes of attachments that go into one evidence file; larger ones are named by digest only."""


class CaseDamaged(StoreUnavailable):
    """The records of a case are not those that made its state (案卷受损): somebody changed the database."""


@dataclass(frozen=True, slots=True)
class Exporter:
    """Writes evidence files (证据导出)."""

    door: Door
    ca_certificates: Sequence[bytes]
    witnessing: Witnessing
    witnesses: Sequence[notes.VerifierKey] = ()
    witnesses_required: int = 0

    def export(self, case: str, *, linked: Mapping[str, str] | None = None) -> bytes | Refusal:
        """
        Return the evidence file of a case (证据文件) against the latest checkpoint.

        Args:
            linked: other cases that belong to it, case → role (``session``, ``guarantee``).

        Returns:
            The file; a refusal while a lot still takes bids, since their number would show.

        Raises:
            CaseDamaged: a record is missing, or is not the one that was accepted: a file would hide it.
        """
        door = self.door
        self.witnessing.catch_up()
        with door.store.read() as reading:
            journal = Journal(reading, door.cloak, door.procedures)
            main, latest = journal.case(case), reading.latest()
            if main is None or latest is None:
                return refuse("CASE-UNKNOWN", case=case)
            deadline = main.instant("deadline")
            if "tendering" in main.tracks.values():
                return refuse("OPENING-EARLY", at=local_text(deadline) if deadline else "")
            roles = {case: "main", **(linked or {})}
            self._assure(roles, journal)
            entries = {name: self._entries(journal, name) for name in roles}
            cases = [
                evidence.EvidenceCase(name, role, [self._record(e, reading, latest.size) for e in entries[name]])
                for name, role in roles.items()
            ]
            door.store.assure(latest.size)
            checkpoint = door.node.checkpoint(latest, reading.cosignatures(latest.size))
        every = [entry for found in entries.values() for entry in found]
        content = evidence.Evidence(
            cases=cases,
            created_at=door.store.now(),
            keys=evidence.NodeKeys(door.node.name, door.node.log, door.node.receipt_public, self.ca_certificates),
            checkpoint=checkpoint,
            witnesses=self.witnesses,
            witnesses_required=self.witnesses_required,
            certificates=self._certificates(every),
            schemas=self._schemas(every),
            parameters=self._parameters(main.regime),
            attachments=self._attachments(every),
        )
        return evidence.build_evidence(content, signer=door.node.sign_receipt)

    def _assure(self, cases: Iterable[str], journal: Journal) -> None:
        for case in cases:
            found = [*differences(self.door, case), *(f"row {index} is not listed" for index in journal.strays(case))]
            if found:
                raise CaseDamaged(f"{case}: {found[0]}")

    def _entries(self, journal: Journal, case: str) -> list[Entry]:
        """Return the records that evidence may show: bids of a tender that never opened stay what they were, secret."""
        procedure, found = self.door.procedure(case), journal.case(case)
        if (
            procedure.secret
            or (found is not None and "roots" in found.head)
            or (found and "failed" in found.tracks.values())
        ):
            return journal.entries(case)
        return [e for e in journal.entries(case) if e.record.family not in procedure.secret_families]

    def _record(self, entry: Entry, reading: Reading, size: int) -> evidence.EvidenceRecord:
        return evidence.EvidenceRecord(
            body=entry.record.body,
            signature=entry.record.signature,
            accepted_at=entry.filed.at,
            salt=bytes.fromhex(entry.salt),
            leaf_index=entry.filed.index,
            proof=reading.inclusion(entry.filed.index, size),
        )

    def _certificates(self, entries: Sequence[Entry]) -> list[bytes]:
        kids = {entry.record.kid for entry in entries}
        opened = [
            e.record.payload for e in entries if e.record.family == "bid_disclosure" and "bidder" in e.record.payload
        ]
        kids |= {str(obj(payload["bidder"])["certificate"]) for payload in opened}
        found = (self.door.directory.certificate(kid) for kid in sorted(kids))
        return [c.der for c in found if c is not None]

    def _schemas(self, entries: Sequence[Entry]) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        for entry in entries:
            ref = entry.record.schema
            version = self.door.catalogue.version(ref.id, ref.version)
            if version is None:
                raise LookupError(f"{ref} is not in the catalogue")
            found[ref.digest.removeprefix("sha256:")] = canonical.jcs(dict(version.bundle))
        return found

    def _parameters(self, regime: str) -> dict[str, bytes]:
        raw = canonical.jcs([rule_json(rule) for rule in self.door.parameters.all() if regime in rule.regimes])
        return {canonical.sha256_hex(raw): raw}

    def _attachments(self, entries: Sequence[Entry]) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        total = 0
        for entry in entries:
            secret = entry.record.family in self.door.procedure(entry.record.case).secret_families
            for attachment in entry.record.attachments:
                total += attachment.size
                if total > ATTACHED_MAX:
                    continue
                with self.door.vault.read(attachment.sha256, secret=secret) as chunks:
                    found[attachment.sha256.removeprefix("sha256:")] = b"".join(chunks)
        return found


def rule_json(rule: Rule) -> dict[str, Json]:
    """Return a parameter of law as JSON: id, value, unit, clause, evidence, dates (法定参数导出)."""
    return {
        "id": rule.id,
        "title": {"zh": rule.zh, "en": rule.en},
        "op": rule.op,
        "value": list(rule.value) if isinstance(rule.value, tuple) else rule.value,
        "unit": rule.unit,
        "clause": rule.clause,
        "evidence": rule.evidence,
        "severity": rule.severity,
        "region": rule.region,
        "effective_from": rule.effective_from.isoformat(),
        "effective_to": None if rule.effective_to is None else rule.effective_to.isoformat(),
    }
