"""
Signatures (电子签名): detached JWS over canonical bytes, in the one form that is accepted (RFC 7515, RFC 7797).

The protected header has exactly ``alg``, ``b64``, ``crit`` and ``kid``, in canonical JSON; ``alg`` is ES256 or Ed25519
and must fit the key; ``kid`` is the digest of a certificate or the name of a bid key. Every byte string has one
base64url writing. Keys sign through objects, so that they may live in another process or device.

An ES256 signature has two valid values (s and n−s), so a signature is never an identity: records are told apart by
the digest of what was signed.

Source: 电子签名法 13; RFC 7515, RFC 7797, RFC 9864.
"""

from __future__ import annotations

import re
from base64 import b32encode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, Protocol, TypeAlias

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from nacl import bindings as sodium
from nacl import exceptions as sodium_errors

from tradehall_standards import canonical

PublicKey: TypeAlias = EllipticCurvePublicKey | Ed25519PublicKey

ES256: Final = "ES256"
ED25519: Final = "Ed25519"
_HALF: Final = 32
_SIGNATURE: Final = 64
_PROTECTED_MAX: Final = 256
_HEADER: Final = re.compile(
    rb'\{"alg":"(ES256|Ed25519)","b64":false,"crit":\["b64"\],"kid":"(sha256:[0-9a-f]{64}|bid:[a-z2-7]{32})"\}'
)
"""The canonical JSON of a protected header; no other bytes are one."""

_SIGN_BIT: Final = 0x80
_SMALL_ORDER: Final = frozenset(
    bytes.fromhex(point)
    for point in (
        "0100000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    )
)
"""Every writing of the points whose order divides 8, without the sign bit (小阶点); RFC 8032 does not refuse them."""


class SignatureInvalid(ValueError):  # noqa: N818  - says what happened
    """
    A signature does not hold (签名无效).

    ``code`` is one of ``members`` (not exactly the two), ``base64`` (not the one writing), ``header`` (not the one
    header), ``alg`` (does not fit the key), ``kid`` (another than expected), ``key`` (too weak) and ``value``.
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

    Whose key it is, and whether it held at the time, is the caller's question. Without ``expect_kid`` the returned id
    is only what the signer claims.

    Raises:
        SignatureInvalid: anything but the one canonical form, another key id than expected, a key under which anybody
            could sign, or a wrong signature.
    """
    protected, value = _members(signature)
    alg, kid = _read_header(_decode(protected))
    if expect_kid is not None and kid != expect_kid:
        raise SignatureInvalid("kid")
    raw = _decode(value)
    if len(raw) != _SIGNATURE:
        raise SignatureInvalid("value")
    signed = protected.encode("ascii") + b"." + payload
    try:
        _verify(public_key, alg, raw, signed)
    except InvalidSignature as error:
        raise SignatureInvalid("value") from error
    return kid


def _members(signature: Mapping[str, object]) -> tuple[str, str]:
    if set(signature) != {"protected", "signature"}:
        raise SignatureInvalid("members")
    protected, value = signature["protected"], signature["signature"]
    if not isinstance(protected, str) or not isinstance(value, str):
        raise SignatureInvalid("members")
    if len(protected) > _PROTECTED_MAX or len(value) > _PROTECTED_MAX:
        raise SignatureInvalid("base64")
    return protected, value


def _verify(key: PublicKey, alg: str, value: bytes, signed: bytes) -> None:
    if isinstance(key, Ed25519PublicKey):
        if alg != ED25519:
            raise SignatureInvalid("alg")
        if not is_signing_key(key.public_bytes_raw()):
            raise SignatureInvalid("key")
        _verify_ed25519(key.public_bytes_raw(), value, signed)
        return
    if alg != ES256:
        raise SignatureInvalid("alg")
    if not isinstance(key.curve, SECP256R1):
        raise SignatureInvalid("key")
    r, s = int.from_bytes(value[:_HALF]), int.from_bytes(value[_HALF:])
    key.verify(encode_dss_signature(r, s), signed, ECDSA(hashes.SHA256()))


def _verify_ed25519(public: bytes, value: bytes, signed: bytes) -> None:
    # libsodium takes half the time of OpenSSL and refuses a little more: what it accepts, every verifier does.
    try:
        sodium.crypto_sign_open(value + signed, public)
    except sodium_errors.BadSignatureError as error:
        raise InvalidSignature from error


def is_signing_key(raw: bytes) -> bool:
    """
    Tell whether raw bytes can be an Ed25519 key whose owner can't deny signatures (可用的签名公钥).

    Under a key of small order anybody can find signatures that hold. Whether the bytes are a point at all, the
    signature under them shows.
    """
    return len(raw) == _HALF and raw[:-1] + bytes([raw[-1] & ~_SIGN_BIT]) not in _SMALL_ORDER


def _header(alg: str, kid: str) -> bytes:
    return canonical.jcs({"alg": alg, "b64": False, "crit": ["b64"], "kid": kid})


def _read_header(raw: bytes) -> tuple[str, str]:
    """Return alg and kid of a header that is exactly the canonical one for them."""
    found = _HEADER.fullmatch(raw)
    if found is None:
        raise SignatureInvalid("header")
    return found[1].decode("ascii"), found[2].decode("ascii")


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
