"""
Asking partner cities to cosign (请见证): the HTTP client behind the desk's port.
"""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus

from tradehall.adapters.log.witness import Conflict, Cosigned, WitnessClient
from tradehall.desk.witnessing import Dispute


class HttpWitness:
    """One witness over HTTP (见证节点)."""

    def __init__(self, client: WitnessClient) -> None:
        self._client = client

    @property
    def name(self) -> str:
        """Name of its key."""
        return self._client.key.name

    def cosign(self, checkpoint: str, old_size: int, proof: Sequence[bytes]) -> str | int | Dispute | None:
        """Ask for a cosignature; see the port."""
        answer = self._client.cosign(checkpoint, old_size, proof)
        if isinstance(answer, Cosigned):
            return str(answer.signature)
        if isinstance(answer, Conflict):
            return answer.known_size
        return Dispute(answer.reason) if answer.status == HTTPStatus.UNPROCESSABLE_ENTITY else None
