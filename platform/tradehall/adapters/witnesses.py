"""
Asking partner cities to cosign (请见证): the HTTP client behind the desk's port.

A witness that can't be reached is left alone for a while: nobody should wait for it batch after batch.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from http import HTTPStatus

from tradehall.adapters.log.witness import Conflict, Cosigned, NotCosigned, WitnessClient
from tradehall.desk.witnessing import Dispute

REST_SECONDS = 5.0
"""How long a witness that could not be reached is not asked again."""


class HttpWitness:
    """One witness over HTTP (见证节点)."""

    def __init__(self, client: WitnessClient, steady: Callable[[], float] = time.monotonic) -> None:
        """``steady`` tells seconds that only move forward."""
        self._client = client
        self._steady = steady
        self._until = float("-inf")

    @property
    def name(self) -> str:
        """Name of its key."""
        return self._client.key.name

    def cosign(self, checkpoint: str, old_size: int, proof: Sequence[bytes]) -> str | int | Dispute | None:
        """Ask for a cosignature; see the port."""
        if self._steady() < self._until:
            return None
        answer = self._client.cosign(checkpoint, old_size, proof)
        if isinstance(answer, NotCosigned) and not answer.status:
            self._until = self._steady() + REST_SECONDS
        if isinstance(answer, Cosigned):
            return str(answer.signature)
        if isinstance(answer, Conflict):
            return answer.known_size
        return Dispute(answer.reason) if answer.status == HTTPStatus.UNPROCESSABLE_ENTITY else None
