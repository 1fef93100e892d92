"""
Receipts and refusals 回执与拒收回执: what the node signs to whoever filed a record.

A receipt says: this record was accepted at this time and lies in the log at this place; it carries the proof. A
refusal says: this record came at this time and was not accepted, with code, reason and clause. Both are signed by the
node's receipt key (Ed25519) as a detached JWS over the canonical form, so they hold in court without the node.

The key signs through a function, so that it may live in another process.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from typing import Protocol, cast

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tradehall.kernel import notes
from tradehall_standards.canonical import NotCanonicalError, jcs
from tradehall_standards.strict import Json

Sign = Callable[[bytes], bytes]
"""Signs with the node's receipt key (Ed25519); returns 64 bytes."""

EPSILON_MS = 50
"""Largest known error of the node's clock that a receipt states, in milliseconds."""

_MILLISECONDS = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_SALT = re.compile(r"[0-9a-f]{32}")
_HASH = re.compile(r"[0-9a-f]{64}")


class ReceiptInvalidError(ValueError):
    """A receipt or refusal is malformed, not signed by the key, or proves nothing."""


class InclusionCheck(Protocol):
    """``rules.merkle.verify_inclusion``; passed in because the kernel knows no rule."""

    def __call__(self, leaf: bytes, index: int, size: int, proof: Sequence[bytes], expected_root: bytes, /) -> bool:
        """Tell whether the proof leads from the leaf hash to the root."""
        ...


@dataclass(frozen=True, slots=True)
class Accepted:
    """
    An accepted record 已受理记录, as its receipt speaks of it.

    Attributes:
        record: record digest, ``sha256:…``.
        schema: ``{"id", "version", "digest"}`` the record was validated with.
        accepted_at: aware; whole milliseconds count.
        salt: 16 random bytes that keep the log from telling what lies in it.
        index: leaf index.
    """

    record: str
    case: str
    family: str
    schema: Mapping[str, str]
    accepted_at: datetime
    salt: bytes
    index: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """A receipt that has been verified, with its checkpoint and the names of the witnesses that cosigned it."""

    body: Mapping[str, Json]
    checkpoint: notes.Checkpoint
    cosigners: tuple[str, ...]


def instant(at: datetime) -> str:
    """Return the canonical form of an instant 时刻: UTC, three decimals, ``Z``; finer fractions are cut off."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def leaf_data(*, record: str, case: str, accepted_at: datetime, salt: bytes, signature: Mapping[str, str]) -> bytes:
    """
    Return the 32 bytes that the log keeps of a record 叶数据; its Merkle leaf hash is that of RFC 6962.

    Args:
        record: record digest.
        case: id of the case it was filed to.
        accepted_at: the door's time.
        salt: 16 random bytes, kept secret until the record may be shown.
        signature: the record's signature object.
    """
    return sha256(
        jcs(
            {
                "accepted_at": instant(accepted_at),
                "case": case,
                "record": record,
                "salt": salt.hex(),
                "signature": "sha256:" + sha256(jcs(dict(signature))).hexdigest(),
            }
        )
    ).digest()


def key_id(public: bytes) -> str:
    """Return the ``kid`` of a receipt key: ``sha256:`` of its 32 raw bytes."""
    return "sha256:" + sha256(public).hexdigest()


def sign_detached(content: bytes, public: bytes, signer: Sign) -> dict[str, Json]:
    """Return the flattened detached JWS (RFC 7515, RFC 7797) of canonical bytes by an Ed25519 receipt key."""
    protected = _protected(public)
    return {"protected": protected, "signature": _b64url(signer(protected.encode() + b"." + content))}


@lru_cache(maxsize=64)
def _protected(public: bytes) -> str:
    """Return the one protected header of a receipt key."""
    return _b64url(jcs({"alg": "Ed25519", "b64": False, "crit": ["b64"], "kid": key_id(public)}))


def verify_detached(content: bytes, jws: object, public: bytes) -> bool:
    """Tell whether ``jws`` is the one canonical signature object of this key over these bytes. Total."""
    if not isinstance(jws, Mapping):
        return False
    found = cast("Mapping[object, object]", jws)
    protected, signature = found.get("protected"), found.get("signature")
    if set(found) != {"protected", "signature"} or not isinstance(protected, str) or not isinstance(signature, str):
        return False
    raw = _unb64url(signature)
    if protected != _protected(public) or raw is None:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(raw, protected.encode() + b"." + content)
    except (InvalidSignature, ValueError):
        return False
    return True


def build_receipt(
    accepted: Accepted,
    *,
    node: str,
    checkpoint: str,
    proof: Sequence[bytes],
    public: bytes,
    signer: Sign,
    epsilon_ms: int = EPSILON_MS,
) -> dict[str, Json]:
    """
    Return a signed receipt 受理回执, ``{"receipt", "signature"}``.

    Args:
        accepted: the record, already committed and in the log.
        node: ``node:<name>``.
        checkpoint: the note, with the log's signature and the cosignatures at hand.
        proof: inclusion proof of the leaf in that checkpoint.
        public: raw public receipt key.
        signer: signs with it.
        epsilon_ms: bound of the clock's error.
    """
    receipt: dict[str, Json] = {
        "type": "receipt",
        "record": accepted.record,
        "case": accepted.case,
        "family": accepted.family,
        "schema": dict(accepted.schema),
        "accepted_at": instant(accepted.accepted_at),
        "epsilon_ms": epsilon_ms,
        "node": node,
        "leaf": {"index": accepted.index, "salt": accepted.salt.hex()},
        "log": {"checkpoint": checkpoint, "proof": [step.hex() for step in proof]},
        "cosignatures": list(_names_beside_log(checkpoint)),
    }
    return {"receipt": receipt, "signature": sign_detached(jcs(receipt), public, signer)}


def build_refusal(
    *,
    record: str,
    case: str,
    family: str,
    code: str,
    reason: Mapping[str, str],
    clause: str,
    at: datetime,
    node: str,
    public: bytes,
    signer: Sign,
) -> dict[str, Json]:
    """
    Return a signed refusal 拒收回执, ``{"refusal", "signature"}``.

    Args:
        record: digest of what was sent, so that nobody can later claim to have sent something else.
        case: case it was meant for.
        family: family it claimed.
        code: stable code of the refusal.
        reason: one sentence each in ``zh`` and ``en``.
        clause: source of the rule.
        at: the door's time.
        node: ``node:<name>``.
        public: raw public receipt key.
        signer: signs with it.
    """
    refusal: dict[str, Json] = {
        "type": "refusal",
        "record": record,
        "case": case,
        "family": family,
        "code": code,
        "reason": dict(reason),
        "clause": clause,
        "at": instant(at),
        "node": node,
    }
    return {"refusal": refusal, "signature": sign_detached(jcs(refusal), public, signer)}


CUSTODY_SAYS: Mapping[str, str] = {
    "zh": "代收凭据：本节点已收存该记录并将转送，不表示受理；是否受理、何时受理，以受理节点签发的回执为准。",
    "en": "Custody only: this node keeps the record and will pass it on. It is NOT a receipt of acceptance; whether "
    "and when the record was accepted is said by the receipt of the node it is for.",
}
"""What every custody note says, so that nobody takes it for a receipt."""


def build_custody(
    *, record: str, case: str, family: str, at: datetime, node: str, to: str, public: bytes, signer: Sign
) -> dict[str, Json]:
    """
    Return a signed custody note 代收凭据, ``{"custody", "signature"}``; it is NOT a receipt of acceptance.

    Args:
        record: digest of the record in custody.
        case: case it is for.
        family: its family.
        at: when it was stored durably.
        node: ``node:<name>`` of the node that keeps it.
        to: ``node:<name>`` of the node whose door decides.
        public: raw public receipt key.
        signer: signs with it.
    """
    custody: dict[str, Json] = {
        "type": "custody",
        "record": record,
        "case": case,
        "family": family,
        "taken_at": instant(at),
        "node": node,
        "to": to,
        "says": dict(CUSTODY_SAYS),
    }
    return {"custody": custody, "signature": sign_detached(jcs(custody), public, signer)}


def verify_custody(signed: Mapping[str, Json], *, public: bytes) -> Mapping[str, Json]:
    """
    Return the content of a custody note.

    Raises:
        ReceiptInvalidError: it is malformed or not signed by the key.
    """
    return _opened(signed, "custody", public)


def verify_receipt(
    signed: Mapping[str, Json],
    *,
    public: bytes,
    log: notes.VerifierKey,
    signature: Mapping[str, str],
    is_included: InclusionCheck,
    leaf_hash: Callable[[bytes], bytes],
    witnesses: Sequence[notes.VerifierKey] = (),
    min_witnesses: int = 0,
) -> Receipt:
    """
    Verify a receipt offline, with public keys only.

    Args:
        signed: ``{"receipt", "signature"}``.
        public: the node's raw public receipt key.
        log: the log's verifier key.
        signature: signature object of the record the receipt is for; its author has it.
        is_included: ``rules.merkle.verify_inclusion``.
        leaf_hash: ``rules.merkle.leaf_hash``.
        witnesses: keys of the cities trusted to witness.
        min_witnesses: how many of them must have cosigned.

    Raises:
        ReceiptInvalidError: anything at all is not as promised; the message names it.
    """
    receipt = _opened(signed, "receipt", public)
    try:
        leaf, log_part = cast("dict[str, Json]", receipt["leaf"]), cast("dict[str, Json]", receipt["log"])
        index, steps = leaf["index"], cast("list[str]", log_part["proof"])
        if not isinstance(index, int) or not _is_well_formed(receipt, leaf, steps):
            raise ReceiptInvalidError("the receipt is malformed")
        checkpoint, note = notes.open_checkpoint(cast("str", log_part["checkpoint"]), log)
        data = leaf_data(
            record=cast("str", receipt["record"]),
            case=cast("str", receipt["case"]),
            accepted_at=datetime.fromisoformat(cast("str", receipt["accepted_at"])),
            salt=bytes.fromhex(cast("str", leaf["salt"])),
            signature=signature,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ReceiptInvalidError(f"the receipt is malformed: {error}") from error
    proof = [bytes.fromhex(step) for step in steps]
    if not is_included(leaf_hash(data), index, checkpoint.size, proof, checkpoint.root):
        raise ReceiptInvalidError("the inclusion proof does not lead to the checkpoint")
    cosigners = notes.cosigners(note, witnesses)
    if len(cosigners) < min_witnesses:
        raise ReceiptInvalidError(f"{len(cosigners)} witnesses cosigned, {min_witnesses} are required")
    return Receipt(receipt, checkpoint, tuple(key.name for key in cosigners))


def verify_refusal(signed: Mapping[str, Json], *, public: bytes) -> Mapping[str, Json]:
    """
    Return the content of a signed refusal.

    Raises:
        ReceiptInvalidError: it is malformed or not signed by the key.
    """
    return _opened(signed, "refusal", public)


def _opened(signed: Mapping[str, Json], kind: str, public: bytes) -> dict[str, Json]:
    content = signed.get(kind)
    if set(signed) != {kind, "signature"} or not isinstance(content, dict) or content.get("type") != kind:
        raise ReceiptInvalidError(f"not a signed {kind}")
    try:
        body = jcs(content)
    except NotCanonicalError as error:
        raise ReceiptInvalidError(f"the {kind} has no canonical form") from error
    if not verify_detached(body, signed["signature"], public):
        raise ReceiptInvalidError(f"the {kind} is not signed by this node's key")
    return content


def _is_well_formed(receipt: Mapping[str, Json], leaf: Mapping[str, Json], steps: Sequence[str]) -> bool:
    return (
        _DIGEST.fullmatch(str(receipt["record"])) is not None
        and _MILLISECONDS.fullmatch(str(receipt["accepted_at"])) is not None
        and _SALT.fullmatch(str(leaf["salt"])) is not None
        and all(_HASH.fullmatch(step) for step in steps)
    )


@lru_cache(maxsize=64)
def _names_beside_log(checkpoint: str) -> tuple[str, ...]:
    note = notes.parse_note(checkpoint)
    origin = notes.parse_checkpoint(note.text).origin
    return tuple(signature.name for signature in note.signatures if signature.name != origin)


def _b64url(data: bytes) -> str:
    return urlsafe_b64encode(data).decode("ascii").rstrip("=")


def _unb64url(text: str) -> bytes | None:
    """Return the bytes of canonical base64url without padding, else None."""
    try:
        data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        return None
    return data if _b64url(data) == text else None
