"""
Filing as the node (以节点名义提交): the node's own records go through the same door as everybody's.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from tradehall.desk.accept import Door, Filing, Outcome
from tradehall.desk.journal import Entry, Journal
from tradehall.kernel.case import Case, Facts, legal_date
from tradehall.kernel.record import Attachment, Record, SchemaRef, envelope_bytes, read_record
from tradehall.kernel.refusal import Refusal
from tradehall.kernel.signing import Signer, sign_detached

if TYPE_CHECKING:
    from tradehall_standards import Json


def signed_record(
    *,
    signer: Signer,
    author: str,
    schema: SchemaRef,
    case: str,
    nonce: bytes,
    payload: Mapping[str, Json],
    attachments: Sequence[Attachment] = (),
) -> dict[str, Json]:
    """Build and sign a record (制作并签署记录); returns its wire form. ``nonce`` is 16 random bytes."""
    envelope, body = envelope_bytes(
        schema=schema,
        case=case,
        author=author,
        filed_by=author,
        nonce=urlsafe_b64encode(nonce).decode("ascii").rstrip("="),
        payload=payload,
        attachments=attachments,
    )
    return {"envelope": envelope, "signature": dict(sign_detached(body, signer))}


@dataclass(frozen=True, slots=True)
class Desk:
    """The door with a pen (业务台): reads cases and files the node's records."""

    door: Door

    def schema_for(self, case: Case | None, family: str) -> SchemaRef:
        """Return the schema version a new record of a case has to cite (应引用的标准版本)."""
        pinned = case.text("announced_on") if case is not None else ""
        on = date.fromisoformat(pinned) if pinned else legal_date(self.door.store.now())
        version = self.door.catalogue.resolve(family, on)
        if version is None:
            raise LookupError(f"no version of {family} is in force on {on}")
        return SchemaRef(family, version.version, version.digest)

    def cited(self, case: str, family: str) -> SchemaRef | None:
        """Return what a new record of a case has to cite, None when no version is in force or it names no case."""
        door = self.door
        if not _is_case(door, case):
            return None
        with door.store.read() as reading:
            known = Journal(reading, door.cloak, door.procedures).case(case)
        try:
            return self.schema_for(known, family)
        except LookupError:
            return None

    def inbox(self, party: str) -> list[CaseView]:
        """Return the secret cases a party takes part in (我的事项)."""
        door = self.door
        with door.store.read() as reading:
            cases = Journal(reading, door.cloak, door.procedures).inbox(party)
        secret = {p.prefix for p in door.procedures.values() if p.secret}
        return [view for case in cases if case[0] in secret and (view := self.look(case)) is not None]

    def file(
        self, case: str, family: str, payload: Mapping[str, Json], attachments: Sequence[Attachment] = ()
    ) -> Outcome:
        """Sign a record as the node and file it."""
        door = self.door
        with door.store.read() as reading:
            known = Journal(reading, door.cloak, door.procedures).case(case)
        wire = signed_record(
            signer=door.node.records,
            author=door.node.name,
            schema=self.schema_for(known, family),
            case=case,
            nonce=door.chance(16),
            payload=payload,
            attachments=attachments,
        )
        record = read_record(wire)
        if isinstance(record, Refusal):
            return record
        return door.accept(Filing(record))

    def look(self, case: str, *, sealed: bool = True) -> CaseView | None:
        """
        Return a case with its facts and records as they are now, None when there is none (查阅案卷).

        Args:
            sealed: with the records of bids while they are sealed. Whoever answers the public leaves them out: to read
                them takes time for each, and how long an answer takes must not tell how many bid.
        """
        door = self.door
        if not _is_case(door, case):
            return None
        with door.store.read() as reading:
            journal = Journal(reading, door.cloak, door.procedures)
            found = journal.case(case)
            if found is None:
                return None
            whole = sealed or door.procedure(case).secret or OPENED in found.head
            entries = journal.entries(case, sealed=whole)
            kinds = ("opening", "key", "share", "disclosed", "report", "tie", "sheet", "score", "document", "question")
            facts = ReadFacts({kind: dict(journal.facts(case).all(kind)) for kind in kinds})
        return CaseView(found, facts, tuple(entries))


OPENED = "opening_started_at"
"""Member of a tender's head: its bids are no secret any more."""


def _is_case(door: Door, case: str) -> bool:
    """Whether a text begins as the id of a case of some procedure; callers pass what strangers have sent."""
    return any(p.prefix == case[:1] for p in door.procedures.values())


@dataclass(frozen=True, slots=True)
class ReadFacts:
    """Facts read out of a transaction (要素快照)."""

    kinds: Mapping[str, Mapping[str, Json]]

    def get(self, kind: str, key: str) -> Json:
        """Return a fact, or None."""
        return self.kinds.get(kind, {}).get(key)

    def all(self, kind: str) -> Sequence[tuple[str, Json]]:
        """Return all facts of a kind."""
        return list(self.kinds.get(kind, {}).items())


@dataclass(frozen=True, slots=True)
class CaseView:
    """A case as it is now (案卷视图): state, facts, and all its records in the order of the log."""

    case: Case
    facts: Facts
    entries: tuple[Entry, ...]

    def of(self, *families: str) -> list[Entry]:
        """Return the records of some families."""
        return [e for e in self.entries if e.record.family in families]

    def record(self, digest: str) -> Record | None:
        """Return a record of the case by digest."""
        return next((e.record for e in self.entries if e.record.digest == digest), None)
