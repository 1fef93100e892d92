"""
The node (节点): one centre's identity and keys. Keys are arguments; where they come from is ``main``'s business.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tradehall.desk.ports import Batch
from tradehall.kernel import notes
from tradehall.kernel.signing import Signer

Sign = Callable[[bytes], bytes]


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

    def checkpoint(self, batch: Batch, cosignatures: Sequence[str] = ()) -> str:
        """Return the signed note of a batch, with the witness lines at hand (检查点)."""
        text = str(notes.Checkpoint(self.origin, batch.size, batch.root))
        note = notes.Note(text, (notes.sign(text, self.log, self.sign_log),))
        return str(note.with_signatures(notes.parse_signatures("".join(cosignatures))) if cosignatures else note)
