"""
The node (节点): one centre's identity and keys. Keys are arguments; where they come from is ``main``'s business.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tradehall.desk.ports import Batch
from tradehall.kernel import notes
from tradehall.kernel.signing import Signer

Sign = Callable[[bytes], bytes]

_NOTES_KEPT = 64


@dataclass(frozen=True, slots=True)
class NodeKeys:
    """
    What a node signs with (节点密钥).

    Attributes:
        name: ``node:<name>``, author of the node's own records.
        origin: the log's name in checkpoints, a host name and path without scheme.
        log: verifier key of the log; ``sign_log`` signs checkpoints with its private half.
        receipt_public: raw Ed25519 key of receipts; ``sign_receipt`` signs with its private half.
        records: signs the node's own records with its registered certificate.
    """

    name: str
    origin: str
    log: notes.VerifierKey
    sign_log: Sign
    receipt_public: bytes
    sign_receipt: Sign
    records: Signer
    _notes: dict[tuple[int, bytes, tuple[str, ...]], str] = field(
        default_factory=dict[tuple[int, bytes, "tuple[str, ...]"], str], init=False, repr=False, compare=False
    )

    def checkpoint(self, batch: Batch, cosignatures: Sequence[str] = ()) -> str:
        """Return the signed note of a batch, with the witness lines at hand (检查点); receipts of a batch share it."""
        name = (batch.size, batch.root, tuple(cosignatures))
        note = self._notes.get(name)
        if note is None:
            if len(self._notes) >= _NOTES_KEPT:
                self._notes.clear()
            note = self._notes[name] = self._note(batch, cosignatures)
        return note

    def _note(self, batch: Batch, cosignatures: Sequence[str]) -> str:
        text = str(notes.Checkpoint(self.origin, batch.size, batch.root))
        note = notes.Note(text, (notes.sign(text, self.log, self.sign_log),))
        return str(note.with_signatures(notes.parse_signatures("".join(cosignatures))) if cosignatures else note)
