"""
Who takes part in a replay (参与主体): every firm with its own key and certificate, and the custodians.

Keys live in memory only. A replay that is taken up again makes new ones, as a firm does that renews its certificate.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from tradehall.desk.ports import Certificate
from tradehall.kernel.signing import EcSigner
from tradehall.main import Node
from tradehall.replay.profile import Post, Profile

CERTIFICATE_DAYS = 730


@dataclass(frozen=True, slots=True)
class Party:
    """A party that signs records (主体): id, name, and the key of its certificate."""

    id: str
    name: str
    signer: EcSigner
    certificate: bytes

    @property
    def organisation(self) -> dict[str, str]:
        """Return the record shape Organisation."""
        return {"id": self.id, "name": self.name}


@dataclass(slots=True)
class Cast:
    """Everybody of a replay on a node, enrolled when first needed (演员表)."""

    node: Node
    profile: Profile
    _known: dict[str, Party] = field(default_factory=dict[str, Party])

    def post(self, post: Post) -> Party:
        """Return a custodian."""
        return self._enrolled(post.party, post.title)

    def firm(self, bidder: str) -> Party:
        """Return a firm of the table (投标人)."""
        return self._enrolled(self.profile.firm(bidder), self.profile.firm_title.format(bidder=bidder))

    def _enrolled(self, party: str, name: str) -> Party:
        known = self._known.get(party)
        if known is None:
            known = self._known[party] = self._enrol(party, name)
        return known

    def _enrol(self, party: str, name: str) -> Party:
        key = generate_private_key(SECP256R1())
        node = self.node
        issued: Certificate = node.keys.authority.issue_for(
            key.public_key(),
            party=party,
            name=name,
            at=node.store.now(),
            days=CERTIFICATE_DAYS,
            chance=node.door.chance,
        )
        node.directory.register(party, name)
        node.directory.add_certificate(issued)
        return Party(party, name, EcSigner(issued.kid, key), issued.der)
