"""
Being witnessed (见证): after a commit the new checkpoint goes to the partner cities, and their lines are kept.

A receipt is given whether or not a witness answers in time; it can be fetched again with more cosignatures later.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from tradehall.desk.node import NodeKeys
from tradehall.desk.ports import Batch, Store


class Witness(Protocol):
    """A partner city that cosigns checkpoints (见证节点)."""

    @property
    def name(self) -> str:
        """Name of its key."""
        ...

    def cosign(self, checkpoint: str, old_size: int, proof: Sequence[bytes]) -> str | int | None:
        """Return the cosignature line, the size it knows instead (try from there), or None when it does not answer."""
        ...


@dataclass(slots=True)
class Witnessing:
    """Asks the witnesses (见证请求); remembers how far each of them has seen."""

    store: Store
    node: NodeKeys
    witnesses: Sequence[Witness] = ()
    seen: dict[str, int] = field(default_factory=dict[str, int])

    def catch_up(self) -> None:
        """Have the latest checkpoint cosigned if nobody has yet: the node's own records are not filed in batches."""
        with self.store.read() as reading:
            latest = reading.latest()
            known = reading.cosignatures(latest.size) if latest else ()
        if latest is not None and len(known) < len(self.witnesses):
            self.ask(latest)

    def ask(self, batch: Batch) -> None:
        """Ask every witness for the checkpoint of a batch and keep what they sign."""
        lines = [line for witness in self.witnesses if (line := self._ask(witness, batch)) is not None]
        if lines:
            with self.store.write() as writing:
                writing.keep_cosignatures(batch.size, lines)

    def _ask(self, witness: Witness, batch: Batch) -> str | None:
        old = self.seen.get(witness.name, 0)
        answer = self._cosign(witness, old, batch)
        if isinstance(answer, int):
            answer = self._cosign(witness, answer, batch)
        if not isinstance(answer, str):
            return None
        self.seen[witness.name] = batch.size
        return answer

    def _cosign(self, witness: Witness, old: int, batch: Batch) -> str | int | None:
        if old > batch.size:
            return None
        with self.store.read() as reading:
            proof = reading.consistency(old, batch.size) if 0 < old < batch.size else ()
        return witness.cosign(self.node.checkpoint(batch), old, proof)
