"""A partner city that cosigns a node's log in the same process 同进程见证节点: the real client and the real server."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tradehall.adapters.log.witness import MemoryWitnessStore, Witness, WitnessClient
from tradehall.adapters.witnesses import HttpWitness
from tradehall.kernel import notes
from tradehall.main import Node


@dataclass
class City:
    """A witness; ``away`` lets it not answer."""

    name: str = "deyang.example/witness"
    away: bool = False
    store: MemoryWitnessStore = field(default_factory=MemoryWitnessStore)
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)

    @property
    def vkey(self) -> notes.VerifierKey:
        return notes.VerifierKey(self.name, notes.COSIGNATURE, self.key.public_key().public_bytes_raw())

    def twin(self) -> City:
        """Return the same city as it is now; what either learns later, the other does not."""
        return City(self.name, self.away, copy.deepcopy(self.store), self.key)

    def watch(self, node: Node) -> None:
        """Be the one witness of a node."""
        log = node.keys.node.log
        serving = Witness(key=self.vkey, signer=self.key.sign, logs={node.settings.origin: [log]}, store=self.store)

        def answer(request: httpx.Request) -> httpx.Response:
            if self.away:
                raise httpx.ConnectError("away")
            told = serving.add_checkpoint(request.read(), node.store.now())
            return httpx.Response(told.status, text=told.body, headers={"content-type": told.media_type})

        client = httpx.Client(transport=httpx.MockTransport(answer))
        node.witnessing.witnesses = [HttpWitness(WitnessClient(client, "http://deyang.example", self.vkey))]
        node.witnessing.seen.clear()
