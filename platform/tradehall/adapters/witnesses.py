"""
Asking partner cities to cosign (请见证): the HTTP client behind the desk's port.
"""

from __future__ import annotations

from collections.abc import Sequence

from tradehall.adapters.log.witness import Conflict, Cosigned, WitnessClient


class HttpWitness:
    """One witness over HTTP (见证节点)."""

    def __init__(self, client: WitnessClient) -> None:
        self._client = client

    @property
    def name(self) -> str:
        """Name of its key."""
        return self._client.key.name

    def cosign(self, checkpoint: str, old_size: int, proof: Sequence[bytes]) -> str | int | None:
        """Ask for a cosignature; see the port."""
        answer = self._client.cosign(checkpoint, old_size, proof)
        if isinstance(answer, Cosigned):
            return str(answer.signature)
        return answer.known_size if isinstance(answer, Conflict) else None
