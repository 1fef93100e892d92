"""
Signing records and filing them in batches (签署与成批提交), all through the door.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from tradehall.desk.accept import Accepted, Filing, Outcome
from tradehall.desk.filing import signed_record
from tradehall.desk.sequencer import BATCH_MAX
from tradehall.kernel.record import Attachment, Record, SchemaRef, read_record
from tradehall.kernel.refusal import Refusal
from tradehall.kernel.signing import Signer
from tradehall.main import Node

if TYPE_CHECKING:
    from tradehall_standards import Json


class ReplayStopped(Exception):  # noqa: N818  - says what happened
    """The platform refused what the replay must be able to file (重放中止): case, family, code and reason."""

    def __init__(self, case: str, family: str, refusal: Refusal) -> None:
        self.refusal = refusal
        super().__init__(f"{case} {family}: {refusal.code} {refusal.reason.zh} / {refusal.reason.en} {refusal.pointer}")


@dataclass(slots=True)
class Pen:
    """
    Signs and files on one node (签署提交).

    Attributes:
        on: legal date of announcement of the cases being played; decides the schema versions to cite.
        filed: records accepted so far.
    """

    node: Node
    on: date
    filed: int = 0
    _schemas: dict[tuple[str, date], SchemaRef] = field(default_factory=dict["tuple[str, date]", SchemaRef])

    def sign(
        self,
        case: str,
        family: str,
        payload: Mapping[str, Json],
        *,
        signer: Signer,
        author: str,
        attachments: Sequence[Attachment] = (),
    ) -> Record:
        """Make a signed record (制作记录); its form is checked as that of a stranger's."""
        wire = signed_record(
            signer=signer,
            author=author,
            schema=self._schema(family),
            case=case,
            nonce=self.node.door.chance(16),
            payload=payload,
            attachments=attachments,
        )
        record = read_record(wire)
        if isinstance(record, Refusal):
            raise ReplayStopped(case, family, record)
        return record

    def _schema(self, family: str) -> SchemaRef:
        known = self._schemas.get((family, self.on))
        if known is None:
            version = self.node.door.catalogue.resolve(family, self.on)
            if version is None:
                raise LookupError(f"no version of {family} is in force on {self.on}")
            known = self._schemas[family, self.on] = SchemaRef(family, version.version, version.digest)
        return known

    def file(self, records: Sequence[Record]) -> None:
        """
        File records in order, in as few transactions as the door takes (成批提交).

        Raises:
            ReplayStopped: one was refused. Those before it stand.
        """
        for start in range(0, len(records), BATCH_MAX):
            batch = records[start : start + BATCH_MAX]
            outcomes = self.node.door.accept_many([Filing(record) for record in batch])
            for record, outcome in zip(batch, outcomes, strict=True):
                self.settle(record.case, record.family, outcome)

    def settle(self, case: str, family: str, outcome: Outcome) -> Accepted:
        """Count an accepted record. Raises ReplayStopped for a refused one."""
        if isinstance(outcome, Refusal):
            raise ReplayStopped(case, family, outcome)
        self.filed += 1
        return outcome
