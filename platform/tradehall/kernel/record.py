"""
Records (记录): what is filed to a case, signed by its author, kept as the exact bytes that were signed.

A record is an *envelope* (schema citation, case, author, payload, attachments) and a detached signature over the
envelope's canonical form. Nothing here reads a clock or a store.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, NewType, cast

import orjson

from tradehall.kernel.refusal import Refusal, refuse
from tradehall_standards import canonical

if TYPE_CHECKING:
    from tradehall_standards import Json

CaseId = NewType("CaseId", str)
Digest = NewType("Digest", str)

SUITE = "TH1"
_CASE = re.compile(r"[tgrs]-[a-z2-7]{26}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_PARTY = re.compile(
    r"org:[0-9A-HJ-NPQRTUWXY]{18}|foreign:[a-z]{2,20}:[A-Za-z0-9-]{1,32}|person:[a-z2-7]{16}"
    r"|bid:[a-z2-7]{32}|node:[a-z0-9-]{1,32}"
)
_NONCE = re.compile(r"[A-Za-z0-9_-]{22}")
_FAMILY = re.compile(r"[a-z][a-z0-9_]{1,63}")
_VERSION = re.compile(r"(0|[1-9][0-9]{0,4})\.(0|[1-9][0-9]{0,4})\.(0|[1-9][0-9]{0,4})")
_NAME = re.compile(r"[^/\\\x00-\x1f]{1,200}")
_MEDIA = re.compile(r"[a-z0-9.+-]{1,64}/[a-z0-9.+-]{1,100}")
MAX_ATTACHMENTS = 200
MAX_ATTACHMENT_SIZE = 8 * 1024**4


@dataclass(frozen=True, slots=True)
class SchemaRef:
    """The exact schema version a record cites (数据标准引用): id, version, digest of the bundle."""

    id: str
    version: str
    digest: str

    def __str__(self) -> str:
        return f"{self.id}/{self.version}"

    def to_json(self) -> dict[str, Json]:
        """Return the wire form."""
        return {"digest": self.digest, "id": self.id, "version": self.version}


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file named by digest (附件); the bytes lie in the vault."""

    name: str
    sha256: Digest
    size: int
    media_type: str


@dataclass(frozen=True, slots=True)
class Record:
    """
    One signed record (记录) as its author made it.

    Attributes:
        body: canonical bytes of the envelope, exactly what was signed.
        digest: ``sha256:`` of ``body``.
        signature: flattened detached JWS, ``{"protected", "signature"}``.
        payload: the family's content, valid against ``schema``.
    """

    body: bytes
    digest: Digest
    signature: Mapping[str, str]
    schema: SchemaRef
    case: CaseId
    author: str
    filed_by: str
    payload: Mapping[str, Json]
    attachments: tuple[Attachment, ...]

    @property
    def family(self) -> str:
        """Family of the payload (记录类别)."""
        return self.schema.id

    @property
    def signature_digest(self) -> str:
        """Digest of the signature object; part of the log leaf."""
        return canonical.digest(dict(self.signature))

    @property
    def kid(self) -> str:
        """Key id the signature claims, empty when unreadable; verification checks it again (签名密钥标识)."""
        text = self.signature["protected"]
        try:
            header: Json = orjson.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        except ValueError:
            return ""
        kid = header.get("kid") if isinstance(header, dict) else None
        return kid if isinstance(kid, str) else ""

    def envelope(self) -> Json:
        """Return the envelope as JSON."""
        return cast("Json", orjson.loads(self.body))

    def wire(self) -> Json:
        """Return the record as it is sent: ``{"envelope", "signature"}``."""
        return {"envelope": self.envelope(), "signature": dict(self.signature)}


@dataclass(frozen=True, slots=True)
class Filed:
    """A record and when the door accepted it (已受理记录); ``at`` is UTC in whole milliseconds."""

    record: Record
    at: datetime
    index: int


def read_record(value: Json) -> Record | Refusal:
    """
    Read a record from its wire form ``{"envelope", "signature"}``, strictly.

    Args:
        value: JSON that came out of the strict parser.

    Returns:
        The record, or FORM-INVALID naming the member at fault. Payload and signature are not judged here.
    """
    try:
        return _read(value)
    except _Malformed as why:
        return refuse("FORM-INVALID", why=why.args[0], pointer=why.args[1])


class _Malformed(Exception):  # noqa: N818  - never leaves this module
    pass


def _read(value: Json) -> Record:
    wire = _members(value, "", {"envelope", "signature"})
    envelope = _members(
        wire["envelope"],
        "/envelope",
        {"suite", "schema", "case", "author", "filed_by", "nonce", "payload", "attachments"},
    )
    signature = _members(wire["signature"], "/signature", {"protected", "signature"})
    if envelope["suite"] != SUITE:
        raise _Malformed("suite", "/envelope/suite")
    schema = _members(envelope["schema"], "/envelope/schema", {"id", "version", "digest"})
    payload = envelope["payload"]
    if not isinstance(payload, dict):
        raise _Malformed("payload is not an object", "/envelope/payload")
    _text(envelope["nonce"], _NONCE, "/envelope/nonce")
    body = canonical.jcs(cast("Json", envelope))
    return Record(
        body=body,
        digest=Digest("sha256:" + canonical.sha256_hex(body)),
        signature={k: _string(signature[k], "/signature/" + k) for k in ("protected", "signature")},
        schema=SchemaRef(
            _text(schema["id"], _FAMILY, "/envelope/schema/id"),
            _text(schema["version"], _VERSION, "/envelope/schema/version"),
            _text(schema["digest"], _DIGEST, "/envelope/schema/digest"),
        ),
        case=CaseId(_text(envelope["case"], _CASE, "/envelope/case")),
        author=_text(envelope["author"], _PARTY, "/envelope/author"),
        filed_by=_text(envelope["filed_by"], _PARTY, "/envelope/filed_by"),
        payload=payload,
        attachments=_attachments(envelope["attachments"]),
    )


def _attachments(value: Json) -> tuple[Attachment, ...]:
    if not isinstance(value, list) or len(value) > MAX_ATTACHMENTS:
        raise _Malformed("attachments", "/envelope/attachments")
    return tuple(_attachment(item, f"/envelope/attachments/{i}") for i, item in enumerate(value))


def _attachment(value: Json, at: str) -> Attachment:
    item = _members(value, at, {"name", "sha256", "size", "media_type"})
    size = item["size"]
    if isinstance(size, bool) or not isinstance(size, int) or not 0 <= size <= MAX_ATTACHMENT_SIZE:
        raise _Malformed("size", at + "/size")
    return Attachment(
        _text(item["name"], _NAME, at + "/name"),
        Digest(_text(item["sha256"], _DIGEST, at + "/sha256")),
        size,
        _text(item["media_type"], _MEDIA, at + "/media_type"),
    )


def _members(value: Json, at: str, names: set[str]) -> dict[str, Json]:
    if not isinstance(value, dict):
        raise _Malformed("not an object", at)
    if value.keys() != names:
        odd = min(value.keys() ^ names)
        raise _Malformed(f"missing or unknown member {odd!r:.80}", at)
    return value


def _string(value: Json, at: str) -> str:
    if not isinstance(value, str):
        raise _Malformed("not a string", at)
    return value


def _text(value: Json, pattern: re.Pattern[str], at: str) -> str:
    text = _string(value, at)
    if pattern.fullmatch(text) is None:
        raise _Malformed(f"{text!r:.80}", at)
    return text


def envelope_bytes(
    *,
    schema: SchemaRef,
    case: str,
    author: str,
    filed_by: str,
    nonce: str,
    payload: Mapping[str, Json],
    attachments: Sequence[Attachment] = (),
) -> tuple[Json, bytes]:
    """Build an envelope (信封) for signing; returns it as JSON and as canonical bytes."""
    envelope: Json = {
        "suite": SUITE,
        "schema": schema.to_json(),
        "case": case,
        "author": author,
        "filed_by": filed_by,
        "nonce": nonce,
        "payload": dict(payload),
        "attachments": [
            {"name": a.name, "sha256": a.sha256, "size": a.size, "media_type": a.media_type} for a in attachments
        ],
    }
    return envelope, canonical.jcs(envelope)
