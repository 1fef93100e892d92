"""
The workbench (工作台): what somebody may file now, and whether it would be accepted, before anything is signed.

Nothing here decides. The table of the procedure says which acts there are, and the door judges a rehearsal with the
same functions, clock and law as the filing itself; between the two the clock runs on, so only the receipt counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final

from tradehall.desk.accept import Door
from tradehall.desk.filing import Desk
from tradehall.desk.journal import Journal
from tradehall.desk.ports import CaseQuery
from tradehall.kernel.admission import roles_of
from tradehall.kernel.case import NEW, Case
from tradehall.kernel.record import Attachment, CaseId, Digest, Record, SchemaRef, envelope_bytes
from tradehall.kernel.refusal import Refusal
from tradehall_standards import canonical

if TYPE_CHECKING:
    from tradehall.kernel.procedure import Procedure
    from tradehall_standards import Json

CASES_MAX: Final = 200
"""Newest cases of a party that its workbench lists."""

_NO_NONCE: Final = "A" * 22


@dataclass(frozen=True, slots=True)
class Act:
    """Something that may be filed now (可办事项): a family, by whom, for which lots, under which clause."""

    family: str
    roles: tuple[str, ...]
    lots: tuple[str, ...]
    clause: str


@dataclass(frozen=True, slots=True)
class Workbench:
    """What one node offers to the people who file records (工作台)."""

    desk: Desk

    @property
    def _door(self) -> Door:
        return self.desk.door

    def cases(self, party: str, may_know: Callable[[Case], bool]) -> list[Case]:
        """
        Return the newest cases that a party takes part in, newest first (我的项目).

        Args:
            party: whose cases.
            may_know: whether the party may know of a case yet; what it may not leaves no gap in the list.
        """
        door = self._door
        with door.store.read() as reading:
            journal = Journal(reading, door.cloak, door.procedures)
            found = (journal.case(case) for case in reversed(journal.inbox(party)))
            return list(islice((case for case in found if case is not None and may_know(case)), CASES_MAX))

    def announced(self, limit: int) -> list[Case]:
        """Return the newest announced cases, newest first (新公告项目): what the centre looks after."""
        door = self._door
        with door.store.read() as reading:
            journal = Journal(reading, door.cloak, door.procedures)
            found = [journal.case(line.case) for line in reading.search(CaseQuery(limit=limit))]
        return [case for case in found if case is not None]

    def tender_name(self, case: Case) -> str:
        """Return what the announced tender is called that a letter or session belongs to, empty where there is none."""
        named = case.text("tender") or str(case.table("application").get("tender", ""))
        door = self._door
        if not any(p.prefix == named[:1] for p in door.procedures.values()):
            return ""
        with door.store.read() as reading:
            tender = Journal(reading, door.cloak, door.procedures).case(named)
        return tender.text("name") if tender is not None and "announced_at" in tender.head else ""

    def acts(self, case: Case, party: str) -> list[Act]:
        """Return what a party may file in a case as it stands, in the order of the procedure (可办事项)."""
        procedure = self._door.procedure(case.id)
        roles = roles_of(case, party, self._door.directory.roles(party))
        return list(_acts(procedure, case, roles))

    def beginnings(self, party: str) -> list[tuple[Procedure, Act]]:
        """Return which procedures a party may begin, each with its first record (可发起程序)."""
        found: list[tuple[Procedure, Act]] = []
        for procedure in self._door.procedures.values():
            case = Case.new(CaseId(f"{procedure.prefix}-"), procedure.id, self._door.node.name)
            roles = roles_of(case, party, self._door.directory.roles(party))
            found += [(procedure, act) for act in _acts(procedure, case, roles)]
        return found

    def schema(self, case: str, family: str) -> SchemaRef | None:
        """Return the version that a record of the case has to cite, None where none is in force."""
        return self.desk.cited(case, family)

    def rehearse(
        self,
        *,
        case: str,
        author: str,
        schema: SchemaRef,
        payload: Mapping[str, Json],
        attachments: Sequence[Attachment] = (),
    ) -> Refusal | None:
        """
        Judge a record that nobody has signed yet (预检), as the door would judge it at this instant.

        Signature and certificate are not looked at, nor whether the attachments are in the vault: they come last.
        Nothing is written.
        """
        _, body = envelope_bytes(
            schema=schema,
            case=case,
            author=author,
            filed_by=author,
            nonce=_NO_NONCE,
            payload=payload,
            attachments=attachments,
        )
        record = Record(
            body=body,
            digest=Digest(f"sha256:{canonical.sha256_hex(body)}"),
            signature={"protected": "", "signature": ""},
            schema=schema,
            case=CaseId(case),
            author=author,
            filed_by=author,
            payload=payload,
            attachments=tuple(attachments),
        )
        return self._door.rehearse(record)


def _acts(procedure: Procedure, case: Case, roles: frozenset[str]) -> Iterator[Act]:
    states = dict(sorted(case.tracks.items()))
    for step in procedure.steps:
        lots = tuple(lot for lot, state in states.items() if state == step.state)
        if lots and roles.intersection(step.roles) and (step.state != NEW or case.is_new):
            yield Act(step.family, tuple(r for r in step.roles if r in roles), lots, step.clause)
