"""
Signatures (电子签名): detached JWS over canonical bytes, in the one form that is accepted (RFC 7515, RFC 7797).

The protected header has exactly ``alg``, ``b64``, ``crit`` and ``kid``, in canonical JSON; ``alg`` is ES256 or Ed25519
and must fit the key. Every byte string has one base64url writing. Keys sign through objects, so that they may live in
another process or device.

Source: 电子签名法 13; RFC 7515, RFC 7797, RFC 9864.
"""

from __future__ import annotations

from base64 import b32encode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, Protocol, TypeAlias

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePrivateKey, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tradehall_standards import canonical

PublicKey: TypeAlias = EllipticCurvePublicKey | Ed25519PublicKey

ES256: Final = "ES256"
ED25519: Final = "Ed25519"
_HALF: Final = 32
_SIGNATURE: Final = 64
_KID_MAX: Final = 100


class SignatureInvalid(ValueError):  # noqa: N818  - says what happened
    """
    A signature does not hold (签名无效).

    ``code`` is one of ``members``, ``base64``, ``header``, ``alg``, ``kid``, ``key``, ``value``.
    """

    def __init__(self, code: str) -> None:
        super().__init__(f"the signature is not valid: {code}")
        self.code = code


class Signer(Protocol):
    """Whoever can sign with one key (签名者)."""

    @property
    def kid(self) -> str:
        """Name of the key in headers: ``sha256:…`` of its certificate, or ``bid:…``."""
        ...

    @property
    def alg(self) -> str:
        """``ES256`` or ``Ed25519``."""
        ...

    def sign(self, data: bytes) -> bytes:
        """Return the 64 raw bytes of the signature."""
        ...


@dataclass(frozen=True, slots=True)
class EcSigner:
    """Signs with a P-256 key (ES256)."""

    kid: str
    key: EllipticCurvePrivateKey = field(repr=False)
    alg: str = ES256

    def sign(self, data: bytes) -> bytes:
        """Return r and s, 32 bytes each."""
        r, s = decode_dss_signature(self.key.sign(data, ECDSA(hashes.SHA256())))
        return r.to_bytes(_HALF) + s.to_bytes(_HALF)


@dataclass(frozen=True, slots=True)
class EdSigner:
    """Signs with an Ed25519 key."""

    kid: str
    key: Ed25519PrivateKey = field(repr=False)
    alg: str = ED25519

    def sign(self, data: bytes) -> bytes:
        """Return the 64 bytes of the signature."""
        return self.key.sign(data)


def certificate_kid(der: bytes) -> str:
    """Return the key id of a certificate (证书指纹): ``sha256:`` of its DER bytes."""
    return "sha256:" + sha256(der).hexdigest()


def bid_party(public: bytes) -> str:
    """Return the party id of a bid key (投标化名): ``bid:`` and 32 letters of SHA-256 of the raw public key."""
    return "bid:" + b32encode(sha256(public).digest()).decode("ascii").lower()[:_HALF]


def bid_signer(key: Ed25519PrivateKey) -> EdSigner:
    """Return the signer of a bid key."""
    return EdSigner(bid_party(key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)), key)


def sign_detached(payload: bytes, signer: Signer) -> dict[str, str]:
    """Sign canonical bytes (签署): the flattened detached JWS ``{"protected", "signature"}``."""
    protected = _encode(_header(signer.alg, signer.kid))
    return {"protected": protected, "signature": _encode(signer.sign(protected.encode("ascii") + b"." + payload))}


def verify_detached(
    payload: bytes, signature: Mapping[str, str], public_key: PublicKey, *, expect_kid: str | None = None
) -> str:
    """
    Verify a detached signature (验签) and return its key id.

    Raises:
        SignatureInvalid: anything but the one canonical form, another key id than expected, or a wrong signature.
    """
    if set(signature) != {"protected", "signature"}:
        raise SignatureInvalid("members")
    alg, kid = _read_header(_decode(signature["protected"]))
    if expect_kid is not None and kid != expect_kid:
        raise SignatureInvalid("kid")
    value = _decode(signature["signature"])
    if len(value) != _SIGNATURE:
        raise SignatureInvalid("value")
    signed = signature["protected"].encode("ascii") + b"." + payload
    try:
        _verify(public_key, alg, value, signed)
    except InvalidSignature as error:
        raise SignatureInvalid("value") from error
    return kid


def _verify(key: PublicKey, alg: str, value: bytes, signed: bytes) -> None:
    if isinstance(key, Ed25519PublicKey):
        if alg != ED25519:
            raise SignatureInvalid("alg")
        key.verify(value, signed)
        return
    if alg != ES256:
        raise SignatureInvalid("alg")
    if not isinstance(key.curve, SECP256R1):
        raise SignatureInvalid("key")
    r, s = int.from_bytes(value[:_HALF]), int.from_bytes(value[_HALF:])
    key.verify(encode_dss_signature(r, s), signed, ECDSA(hashes.SHA256()))


def _header(alg: str, kid: str) -> bytes:
    return canonical.jcs({"alg": alg, "b64": False, "crit": ["b64"], "kid": kid})


def _read_header(raw: bytes) -> tuple[str, str]:
    """Return alg and kid of a header that is exactly the canonical one for them."""
    for alg in (ES256, ED25519):
        start, end = _header(alg, "").split(b'""')
        kid = raw[len(start) + 1 : -len(end) - 1]
        if len(kid) <= _KID_MAX and kid.isascii() and raw == _header(alg, kid.decode("ascii")):
            return alg, kid.decode("ascii")
    raise SignatureInvalid("header")


def _encode(data: bytes) -> str:
    return urlsafe_b64encode(data).decode("ascii").rstrip("=")


def _decode(text: str) -> bytes:
    try:
        data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError as error:
        raise SignatureInvalid("base64") from error
    if _encode(data) != text:
        raise SignatureInvalid("base64")
    return data
