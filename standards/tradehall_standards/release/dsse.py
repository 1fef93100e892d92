"""
Envelopes (签名信封): DSSE, as secure-systems-lab specifies it, with Ed25519; one exact byte form for each envelope.

What is signed is the pre-authentication encoding of payload type and payload, so that a signature over one kind of
statement can never pass for another. Our files are read strictly: canonical JSON and one line feed, canonical base64.
A changed byte anywhere is therefore found, also one that other readers of DSSE would not see.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from tradehall_standards import canonical, strict
from tradehall_standards.strict import Json, as_array, as_object

IN_TOTO: Final = "application/vnd.in-toto+json"
"""Payload type of statements that name files by digest (in-toto Statement v1)."""

_SIGNATURE_BYTES: Final = 64

Signer = Callable[[bytes], bytes]


class EnvelopeError(ValueError):
    """Bytes that are no envelope in our exact form (签名信封不合格)."""


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature (签名): ``keyid`` only helps to find the key; nothing is believed because of it."""

    keyid: str
    sig: bytes


@dataclass(frozen=True, slots=True)
class Envelope:
    """A signed statement (签名信封): the exact payload bytes, their type, and who signed, in order of signing."""

    payload_type: str
    payload: bytes
    signatures: tuple[Signature, ...] = ()

    @property
    def signed_bytes(self) -> bytes:
        """What every signature is over."""
        return pae(self.payload_type, self.payload)

    @property
    def digest(self) -> str:
        """``sha256:…`` of the payload."""
        return f"sha256:{canonical.sha256_hex(self.payload)}"

    def signed(self, keyid: str, sign: Signer) -> Envelope:
        """Return the envelope with one more signature (加签)."""
        return replace(self, signatures=(*self.signatures, Signature(keyid, sign(self.signed_bytes))))

    def to_json(self) -> dict[str, Json]:
        """Return the JSON envelope of the specification."""
        return {
            "payload": base64.b64encode(self.payload).decode(),
            "payloadType": self.payload_type,
            "signatures": [{"keyid": s.keyid, "sig": base64.b64encode(s.sig).decode()} for s in self.signatures],
        }

    def to_bytes(self) -> bytes:
        """Return the one form in which an envelope lies in a file."""
        return canonical.jcs(self.to_json()) + b"\n"


def pae(payload_type: str, payload: bytes) -> bytes:
    """
    Return the pre-authentication encoding (预认证编码).

    Source: DSSE protocol 1.0.2.
    """
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def statement(payload: Json, signatures: tuple[Signature, ...] = ()) -> Envelope:
    """Wrap a JSON statement, in canonical form (装入信封)."""
    return Envelope(IN_TOTO, canonical.jcs(payload), signatures)


def read_envelope(data: bytes) -> Envelope:
    """
    Read an envelope from a file (读取信封).

    Raises:
        EnvelopeError: not JSON, a member missing or too many, base64 or bytes not in the one form.
    """
    try:
        document = strict.parse(data)
        envelope = _envelope(as_object(document))
    except (strict.StrictError, binascii.Error, ValueError) as problem:
        raise EnvelopeError(f"not an envelope: {problem}") from None
    if envelope.to_bytes() != data:
        raise EnvelopeError("not in the exact form of an envelope")
    return envelope


def _envelope(document: Mapping[str, Json]) -> Envelope:
    signatures = tuple(_signature(as_object(item)) for item in as_array(document.get("signatures")))
    return Envelope(str(document.get("payloadType")), _decoded(document.get("payload")), signatures)


def _signature(document: Mapping[str, Json]) -> Signature:
    sig = _decoded(document.get("sig"))
    if len(sig) != _SIGNATURE_BYTES:
        raise EnvelopeError("a signature has 64 bytes")
    return Signature(str(document.get("keyid")), sig)


def _decoded(value: Json) -> bytes:
    if not isinstance(value, str):
        raise EnvelopeError("base64 text is expected")
    return base64.b64decode(value, validate=True)


def read_statement(envelope: Envelope) -> Mapping[str, Json]:
    """
    Return the JSON statement inside, whoever signed it (读取声明).

    Raises:
        EnvelopeError: another payload type, or a payload that is not canonical JSON.
    """
    if envelope.payload_type != IN_TOTO:
        raise EnvelopeError(f"payload type {envelope.payload_type[:80]} is not {IN_TOTO}")
    try:
        found = strict.parse(envelope.payload)
        exact = canonical.jcs(found) == envelope.payload
    except ValueError as problem:
        raise EnvelopeError(f"payload: {problem}") from None
    if not exact or not isinstance(found, Mapping):
        raise EnvelopeError("the payload is not a canonical object")
    return found
