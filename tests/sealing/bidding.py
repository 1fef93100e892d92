"""A small tender for tests: three custodians with age keys, a bidder with a signing key, and a sealed bid."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from sealing import packing
from sealing.chance import repeatable
from tradehall.adapters import sealing as adapter
from tradehall.kernel.money import Money
from tradehall.rules import bid_package, sealing

TENDER = "t-" + "a" * 26
AT = datetime(2026, 3, 25, 1, 0, tzinfo=UTC)
NOTICE = "sha256:" + "1" * 64
BIDDER = "org:91510100MA61TYT01A"

SIGNING_KEY = Ed25519PrivateKey.from_private_bytes(b"\7" * 32)


def certificate(party: str = BIDDER, key: Ed25519PrivateKey = SIGNING_KEY) -> bytes:
    """Stand in for a certificate: who, and the raw public key."""
    return json.dumps([party, key.public_key().public_bytes_raw().hex()]).encode()


def party_of(der: bytes) -> str:
    party, _ = json.loads(der)
    return party


def sign(raw: bytes) -> dict[str, str]:
    return {
        "protected": "e30",
        "signature": base64.urlsafe_b64encode(SIGNING_KEY.sign(raw)).decode().rstrip("="),
    }


def verify_signature(raw: bytes, signature, der: bytes, at: datetime) -> None:
    assert at == AT
    _, public = json.loads(der)
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public))
    try:
        key.verify(base64.urlsafe_b64decode(signature["signature"] + "=="), raw)
    except InvalidSignature as error:
        raise ValueError("signature") from error


@dataclass(frozen=True)
class Hall:
    """Custodians of one tender with their secrets, in the order of the notice."""

    terms: sealing.SealingTerms
    secrets: dict[str, str]

    def release(self, commitment: sealing.Commitment) -> list[sealing.ReleasedShare]:
        taken = [adapter.take_share(commitment, party, secret) for party, secret in self.secrets.items()]
        assert all(isinstance(share, sealing.ReleasedShare) for share in taken)
        return taken


def hall(threshold: int = 2, count: int = 3) -> Hall:
    rng = repeatable(f"hall {threshold} of {count}")
    keys = {f"org:custodian-{place}": sealing.new_secret(rng) for place in range(count)}
    custodians = tuple(sealing.Custodian(party, sealing.recipient_of_secret(key)) for party, key in keys.items())
    terms = sealing.SealingTerms(custodians, threshold, "bidder_or_custodians")
    return Hall(terms, {party: sealing.encode_secret(key) for party, key in keys.items()})


def source(name: str, data: bytes) -> bid_package.SourceFile:
    return bid_package.SourceFile(name, lambda: [data[at : at + 100_000] for at in range(0, len(data), 100_000)])


def offer(**changes) -> bid_package.Offer:
    made = bid_package.Offer(
        bidder=bid_package.Bidder(BIDDER, "成都测试建设有限公司", certificate()),
        price=Money(Decimal("1980000.00")),
        small_or_micro=True,
        domestic_product=True,
        files=tuple(source(name, data) for name, data in packing.FILES.items()),
        guarantee=packing.guarantee(),
        letter=source("letter.pdf", packing.LETTER),
    )
    return replace(made, **changes)


TARGET = bid_package.Target(TENDER, "L1", NOTICE)


def seal(out: Path, *, terms=None, seed: str = "bid", target=TARGET, signer=sign, **changes) -> sealing.SealedBid:
    terms = hall().terms if terms is None else terms
    return adapter.seal(offer(**changes), target, terms, sign=signer, out=out, rng=repeatable(seed))


def unseal(sealed: sealing.SealedBid, work: Path, **changes):
    arguments = {
        "commitment": sealing.read_commitment(sealed.commitment),
        "ciphertext": Path(sealed.ciphertext),
        "secret_key": sealed.secret_key,
        "tender": TENDER,
        "submitted_at": AT,
        "verify_signature": verify_signature,
        "party_of": party_of,
        "work": work,
    } | changes
    positional = [arguments.pop(name) for name in ("commitment", "ciphertext", "secret_key")]
    return adapter.open_sealed(*positional, **arguments)


def forge(plaintext: bytes, out: Path, *, seed: str = "forger", sealed: sealing.SealedBid) -> sealing.SealedBid:
    """Encrypt any plaintext to the key of a sealed bid and commit to it, as a dishonest bidder could."""
    recipient = str(sealed.commitment["recipient"])
    data = b"".join(sealing.age_encrypt([plaintext], recipient, repeatable(seed)))
    return recommit(data, out, sealed)


def recommit(data: bytes, out: Path, sealed: sealing.SealedBid, **changes) -> sealing.SealedBid:
    """Commit to given bytes under the key of a sealed bid."""
    out.write_bytes(data)
    digest = bid_package.measure([data]).sha256
    commitment = dict(sealed.commitment) | {"ciphertext": {"sha256": digest, "size": len(data)}} | changes
    return replace(sealed, commitment=commitment, ciphertext=str(out), sha256=digest, size=len(data))
