"""
Being witnessed (见证): after a commit the new checkpoint goes to the partner cities, and their lines are kept.

A receipt is given whether or not a witness answers in time; it can be fetched again with more cosignatures later. One
that answers that our log is no continuation of what it has cosigned is another matter: then a backup was restored, or
an old server came back, and nothing may be signed. A witness that has agreed since this process began is not believed
when it says so later, lest a partner could stop us at will: behind our back the log can't go back, and the store sees
it where it does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from tradehall.desk.node import NodeKeys
from tradehall.desk.ports import Batch, DueWork, Store, StoreUnavailable
from tradehall.rules.merkle import EMPTY_ROOT

_NO_BATCH = Batch(0, EMPTY_ROOT, datetime(1970, 1, 1, tzinfo=UTC))


@dataclass(frozen=True, slots=True)
class Dispute:
    """A witness has cosigned something that our log does not continue (见证不符)."""

    reason: str


class LogDisputed(StoreUnavailable):
    """The log is not the one that a witness has cosigned (日志与见证不符): nothing may be signed about it."""


class Witness(Protocol):
    """A partner city that cosigns checkpoints (见证节点)."""

    @property
    def name(self) -> str:
        """Name of its key."""
        ...

    def cosign(self, checkpoint: str, old_size: int, proof: Sequence[bytes]) -> str | int | Dispute | None:
        """
        Return the cosignature line, or the size it knows instead (try from there).

        Returns:
            A dispute when our proof does not hold against what it knows; None when it does not answer.
        """
        ...


SILENT = "silent"

DUE: Final = "witness"
"""Kind of the work that asks again where a witness did not answer."""

_AGAIN: Final = timedelta(seconds=30)


@dataclass(slots=True)
class Witnessing:
    """
    Asks the witnesses (见证请求); remembers how far each of them has seen.

    Where one did not answer, asking again is due work: the last batch before a quiet night is witnessed too.
    """

    store: Store
    node: NodeKeys
    witnesses: Sequence[Witness] = ()
    seen: dict[str, int] = field(default_factory=dict[str, int])
    _owed: bool = False

    def catch_up_later(self) -> bool:
        """Do the due work: as ``catch_up``, which lets it wait again where a witness stays away."""
        self._owed = False
        return self.catch_up()

    def catch_up(self) -> bool:
        """
        Have the latest checkpoint cosigned if nobody has yet: the node's own records are not filed in batches.

        Returns:
            Whether every witness has cosigned it now.
        """
        with self.store.read() as reading:
            latest = reading.latest()
            known = reading.cosignatures(latest.size) if latest else ()
        if latest is None or len(known) >= len(self.witnesses):
            return True
        return self.ask(latest)

    def ask(self, batch: Batch) -> bool:
        """
        Ask every witness for the checkpoint of a batch and keep what they sign; whether all have signed.

        Raises:
            LogDisputed: a witness that has not agreed before knows another log.
        """
        self.store.assure(batch.size)
        answers = {witness.name: self._ask(witness, batch) for witness in self.witnesses}
        lines = [answer for answer in answers.values() if isinstance(answer, str)]
        owing = len(lines) < len(answers) and not self._owed
        if lines or owing:
            with self.store.write() as writing:
                writing.keep_cosignatures(batch.size, lines)
                writing.put_due([DueWork(DUE, "", writing.now + _AGAIN)] if owing else [])
            self._owed = self._owed or owing
        for name, answer in answers.items():
            if isinstance(answer, Dispute) and name not in self.seen:
                raise LogDisputed(f"{name}: {answer.reason}")
        return len(lines) == len(answers)

    def compare(self) -> Mapping[str, str]:
        """
        Ask every witness whether the log continues what it has cosigned (与见证核对); nothing is kept here.

        Returns:
            Name → empty when it agrees, ``silent`` when it does not answer, else what it disputes.
        """
        with self.store.read() as reading:
            latest = reading.latest() or _NO_BATCH
        found: dict[str, str] = {}
        for witness in self.witnesses:
            answer = self._ask(witness, latest)
            found[witness.name] = answer.reason if isinstance(answer, Dispute) else SILENT if answer is None else ""
        return found

    def vouch(self, *, silence: bool = False) -> None:
        """
        Return when a witness agrees and none disputes; at once where there are no witnesses.

        Args:
            silence: whether it is enough that none disputes.

        Raises:
            LogDisputed: otherwise.
        """
        found = self.compare()
        disputes = [f"{name}: {why}" for name, why in found.items() if why not in ("", SILENT)]
        if disputes:
            raise LogDisputed("; ".join(disputes))
        if found and "" not in found.values() and not silence:
            raise LogDisputed("no witness answers")

    def _ask(self, witness: Witness, batch: Batch) -> str | Dispute | None:
        answer = self._cosign(witness, min(self.seen.get(witness.name, 0), batch.size), batch)
        if isinstance(answer, int):
            answer = self._from(witness, answer, batch)
        if isinstance(answer, str):
            self.seen[witness.name] = batch.size
        return answer

    def _from(self, witness: Witness, known: int, batch: Batch) -> str | Dispute | None:
        """Ask again from where the witness stands."""
        if known > batch.size:
            with self.store.read() as reading:
                latest = reading.latest() or _NO_BATCH
            # Another process of this node may have gone on meanwhile: then it has asked for the line already.
            behind = f"has cosigned {known} leaves; the log has {latest.size}"
            return Dispute(behind) if known > latest.size else None
        answer = self._cosign(witness, known, batch)
        if isinstance(answer, int):
            return Dispute(f"has cosigned another tree of {known} leaves") if answer == known else None
        return answer

    def _cosign(self, witness: Witness, old: int, batch: Batch) -> str | int | Dispute | None:
        with self.store.read() as reading:
            proof = reading.consistency(old, batch.size) if 0 < old < batch.size else ()
        return witness.cosign(self.node.checkpoint(batch), old, proof)
