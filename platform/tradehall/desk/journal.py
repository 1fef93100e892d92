"""
Reading and writing cases over a store (案卷读写): heads, facts and journal rows, sealed where they are secret.

One ``Journal`` serves one transaction. Writes are gathered, sealed and handed to the store at once, so that a batch of
records costs a handful of statements and a counter that each of them moves is sealed only once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, cast

import orjson

from tradehall.desk.cloak import Cloak
from tradehall.desk.ports import Reading, Row, Stored
from tradehall.kernel import receipts
from tradehall.kernel.case import Case, Effects, read_instant, write_instant
from tradehall.kernel.record import CaseId, Filed, Record, read_record
from tradehall.kernel.refusal import Refusal

if TYPE_CHECKING:
    from tradehall.kernel.procedure import Procedure
    from tradehall_standards import Json


ROW_CLASS = 4096
"""Smallest sealed size of a journal row: a commitment, a ciphertext note and a withdrawal look alike."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A record as the journal keeps it (日志条目): with the instant, salt and place in the log."""

    filed: Filed
    salt: str

    @property
    def record(self) -> Record:
        """The record."""
        return self.filed.record


class Journal:
    """Cases and records in one transaction (事务内案卷)."""

    def __init__(self, reading: Reading, cloak: Cloak, procedures: Mapping[str, Procedure]) -> None:
        self._reading = reading
        self._cloak = cloak
        self._procedures = procedures
        self._read: dict[bytes, bytes | None] = {}
        self._written: dict[bytes, tuple[bytes, bool]] = {}
        self._decoys: dict[bytes, bytes] = {}
        self._cases: dict[str, Case] = {}
        self._tags: dict[tuple[str, ...], bytes] = {}

    # --- keys and values --------------------------------------------------------------------------------------

    def _key(self, *parts: str, secret: bool) -> bytes:
        if not secret:
            return "\x1f".join(parts).encode()
        tag = self._tags.get(parts)
        if tag is None:  # each is asked for several times: is it there, how many, put it
            tag = self._tags[parts] = self._cloak.tag(*parts)
        return tag

    def get(self, *parts: str, secret: bool) -> Json:
        """Return a state value."""
        key = self._key(*parts, secret=secret)
        if key in self._written:
            return cast("Json", orjson.loads(self._written[key][0]))
        if key not in self._read:
            found = self._reading.get(key)
            self._read[key] = self._cloak.open(found) if secret and found is not None else found
        known = self._read[key]
        return None if known is None else cast("Json", orjson.loads(known))

    def put(self, value: Json, *parts: str, secret: bool) -> None:
        """Set a state value; it is stored by ``flush``."""
        self._written[self._key(*parts, secret=secret)] = (orjson.dumps(value), secret)

    def put_decoys(self, sealed: Sequence[bytes]) -> None:
        """Write state rows that hold nothing, under keys that lead nowhere."""
        for value in sealed:
            self._decoys[self._cloak.chance(32)] = value

    def flush(self) -> Mapping[bytes, bytes]:
        """Return what was written, secret values sealed, and forget it."""
        stored = {key: self._cloak.seal(data) if secret else data for key, (data, secret) in self._written.items()}
        stored |= self._decoys
        self._read, self._written, self._decoys = {}, {}, {}
        return stored

    # --- cases ------------------------------------------------------------------------------------------------

    def procedure_of(self, case: str) -> Procedure:
        """Return the procedure that ids with this prefix belong to. Raises LookupError for an unknown prefix."""
        found = next((p for p in self._procedures.values() if p.prefix == case[:1]), None)
        if found is None:
            raise LookupError(case)
        return found

    def case(self, case: str) -> Case | None:
        """Return a case, None when it has no records."""
        if case in self._cases:
            return self._cases[case]
        procedure = self.procedure_of(case)
        head = self.get("case", case, secret=procedure.secret)
        if not isinstance(head, dict):
            return None
        tracks = {str(k): str(v) for k, v in cast("Mapping[str, str]", head["tracks"]).items()}
        self._cases[case] = Case(CaseId(case), procedure.id, tracks, cast("Mapping[str, Json]", head["head"]))
        return self._cases[case]

    def keep(self, case: Case, effects: Effects) -> bool:
        """Keep a case and the facts of a record; returns whether the head changed."""
        procedure = self._procedures[case.procedure]
        before = self._cases.get(case.id)
        changed = before != case
        if changed:
            self._cases[case.id] = case
            head: Json = {"tracks": dict(case.tracks), "head": dict(case.head)}
            self.put(head, "case", case.id, secret=procedure.secret)
            if before is None or before.table("parties") != case.table("parties"):
                self._note_parties(case)
        facts = self.facts(case.id)
        for fact in effects.facts:
            facts.put(fact.kind, fact.key, fact.value)
        return changed

    def _note_parties(self, case: Case) -> None:
        """Add a case to the inbox of each of its parties, once."""
        for party in sorted({p for role in case.table("parties") for p in case.parties(role)}):
            if self.get("inboxed", party, case.id, secret=True) is None:
                count = cast("int", self.get("inboxes", party, secret=True) or 0)
                self.put(case.id, "inbox", party, str(count), secret=True)
                self.put(count + 1, "inboxes", party, secret=True)
                self.put(True, "inboxed", party, case.id, secret=True)

    def inbox(self, party: str) -> list[str]:
        """Return the cases of a party, public and secret, oldest first."""
        count = cast("int", self.get("inboxes", party, secret=True) or 0)
        return [str(self.get("inbox", party, str(n), secret=True)) for n in range(count)]

    def facts(self, case: str) -> JournalFacts:
        """Return the facts of a case."""
        return JournalFacts(self, case, self.procedure_of(case))

    # --- records ----------------------------------------------------------------------------------------------

    def is_secret(self, record: Record) -> bool:
        """Whether a record is unreadable at rest."""
        return record.family in self.procedure_of(record.case).secret_families

    def tag(self, digest: str, *, secret: bool) -> bytes:
        """Return what a record's row is found by."""
        return self._cloak.tag("record", digest) if secret else bytes.fromhex(digest.removeprefix("sha256:"))

    def row(self, record: Record, at: datetime, salt: str, extra: Mapping[str, Json] | None = None) -> Row:
        """Build the journal row of a record."""
        secret = self.is_secret(record)
        body = orjson.dumps(
            {
                "envelope": orjson.Fragment(record.body),
                "signature": dict(record.signature),
                "accepted_at": write_instant(at),
                "salt": salt,
                **(extra or {}),
            }
        )
        return Row(
            tag=self.tag(record.digest, secret=secret),
            leaf=receipts.leaf_data(
                record=record.digest,
                case=record.case,
                accepted_at=at,
                salt=bytes.fromhex(salt),
                signature=record.signature,
            ),
            case=None if secret else record.case,
            family=None if secret else record.family,
            at=at,
            body=self._cloak.seal(body, least=ROW_CLASS) if secret else body,
        )

    def entry(self, stored: Stored) -> Entry:
        """Read a journal row back."""
        body = stored.row.body if stored.row.case is not None else self._cloak.open(stored.row.body)
        kept = cast("dict[str, Json]", orjson.loads(body))
        record = read_record({"envelope": kept["envelope"], "signature": kept["signature"]})
        if isinstance(record, Refusal):
            raise ValueError(  # noqa: TRY004  - the row is at fault, not a type
                f"row {stored.index} does not hold a record: {record.reason.en}"
            )
        filed = Filed(record, read_instant(str(kept["accepted_at"])), stored.index)
        return Entry(filed, str(kept["salt"]))

    def find(self, digest: str) -> Entry | None:
        """Return a record by digest, public or secret."""
        return self._find(digest, secret=False) or self._find(digest, secret=True)

    def kept(self, record: Record) -> Entry | None:
        """Return a record as it was accepted before, None when it was not; its family says where to look."""
        return self._find(record.digest, secret=self.is_secret(record))

    def _find(self, digest: str, *, secret: bool) -> Entry | None:
        stored = self._reading.find(self.tag(digest, secret=secret))
        return None if stored is None else self.entry(stored)

    def note_secret(self, record: Record, index: int) -> None:
        """Add a secret record to the list of its case, so that the case can be read back when it is opened."""
        count = cast("int", self.get("secrets", record.case, secret=True) or 0)
        self.put(index, "secret", record.case, str(count), secret=True)
        self.put(count + 1, "secrets", record.case, secret=True)

    def entries(self, case: str, *, sealed: bool = True) -> list[Entry]:
        """Return the records of a case in the order of the log, with those that are secret or without."""
        found = [self.entry(s) for s in self._public(case)]
        count = cast("int", self.get("secrets", case, secret=True) or 0)
        for n in range(count if sealed else 0):
            stored = self._reading.at_index(cast("int", self.get("secret", case, str(n), secret=True)))
            if stored is None:
                raise LookupError(f"a row of {case} is missing")
            found.append(self.entry(stored))
        return sorted(found, key=lambda e: e.filed.index)

    def strays(self, case: str) -> list[int]:
        """Return where records of a case lie that are not listed under it (漏列记录): somebody changed the database."""
        if self.procedure_of(case).secret:
            return []
        rows = self._reading.holding(f'"case":"{case}"'.encode())
        readable = [s for s in rows if s.row.case != case and s.row.body.startswith(b"{")]
        return [s.index for s in readable if orjson.loads(s.row.body)["envelope"]["case"] == case]

    def _public(self, case: str) -> Iterator[Stored]:
        after = -1
        while page := self._reading.of_case(case, after):
            yield from page
            after = page[-1].index


class JournalFacts:
    """Facts of one case over the journal (案卷要素)."""

    def __init__(self, journal: Journal, case: str, procedure: Procedure) -> None:
        self._journal = journal
        self._case = case
        self._procedure = procedure

    def _secret(self, kind: str) -> bool:
        return self._procedure.secret or kind in self._procedure.secret_kinds

    def get(self, kind: str, key: str) -> Json:
        """Return a fact, or None."""
        return self._journal.get("fact", self._case, kind, key, secret=self._secret(kind))

    def put(self, kind: str, key: str, value: Json) -> None:
        """Write a fact and, when its kind is listed, its key."""
        secret = self._secret(kind)
        if kind not in self._procedure.unlisted_kinds and self.get(kind, key) is None:
            count = cast("int", self._journal.get("facts", self._case, kind, secret=secret) or 0)
            self._journal.put(key, "factkey", self._case, kind, str(count), secret=secret)
            self._journal.put(count + 1, "facts", self._case, kind, secret=secret)
        self._journal.put(value, "fact", self._case, kind, key, secret=secret)

    def all(self, kind: str) -> Sequence[tuple[str, Json]]:
        """Return all facts of a kind in the order of their first writing."""
        secret = self._secret(kind)
        count = cast("int", self._journal.get("facts", self._case, kind, secret=secret) or 0)
        keys = [str(self._journal.get("factkey", self._case, kind, str(n), secret=secret)) for n in range(count)]
        return [(key, self.get(kind, key)) for key in keys]
