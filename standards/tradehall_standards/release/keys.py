"""
Officers' keys (标准官员密钥): who may sign, from when to when, and which sets of keys followed one another.

``keys/1.json``, ``keys/2.json``, … hold the sets of an authority, each an envelope signed by two officers of the set
before it and by two of its own; the first is signed by its own. Whoever trusts one set can follow all later ones
without asking anyone.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final, Literal, cast

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tradehall_standards import canonical
from tradehall_standards.release.dsse import Envelope, EnvelopeError, read_envelope, read_statement
from tradehall_standards.strict import Json, as_array, as_object

Purpose = Literal["standards", "development"]

PURPOSES: Final[tuple[Purpose, ...]] = ("standards", "development")
KEY_SET: Final = "https://tradehall.example/attestations/officers/v1"
STATEMENT: Final = "https://in-toto.io/Statement/v1"
LEAST_OFFICERS: Final = 2
"""Maker is never checker: no threshold is below two (双人复核)."""

_PUBLIC_BYTES: Final = 32


class KeySetError(ValueError):
    """A key or set of keys that is not in form (密钥不合格)."""


@dataclass(frozen=True, slots=True)
class Revocation:
    """From ``on`` nothing counts that the key signs; of a ``compromised`` key nothing at all counts (吊销)."""

    on: date
    reason: Literal["retired", "compromised"]


@dataclass(frozen=True, slots=True)
class OfficerKey:
    """
    The public key of one officer (标准官员公钥).

    Attributes:
        holder: stable ASCII id of the officer; one officer with two keys is still one signer.
        name: the officer's name, zh and en.
        public: 32 raw bytes.
        purpose: keys for ``development`` are in the repository, private halves and all; they vouch for nothing.
        valid_from: first day on which the key may sign.
        valid_to: first day on which it may no longer.
    """

    holder: str
    name: Mapping[str, str]
    public: bytes
    purpose: Purpose
    valid_from: date
    valid_to: date
    revoked: Revocation | None = None

    @property
    def id(self) -> str:
        """``sha256:…`` of the raw key."""
        return key_id(self.public)

    def may_sign_on(self, day: date) -> bool:
        """Tell whether a signature on a statement of ``day`` counts."""
        if self.revoked is not None and (self.revoked.reason == "compromised" or day >= self.revoked.on):
            return False
        return self.valid_from <= day < self.valid_to

    def to_json(self) -> dict[str, Json]:
        """Return the entry as it stands in a set."""
        revoked = None
        if self.revoked is not None:
            revoked = {"on": self.revoked.on.isoformat(), "reason": self.revoked.reason}
        return {
            "holder": self.holder,
            "name": dict(self.name),
            "public": base64.b64encode(self.public).decode(),
            "purpose": self.purpose,
            "valid_from": self.valid_from.isoformat(),
            "valid_to": self.valid_to.isoformat(),
            "revoked": revoked,
        }


@dataclass(frozen=True, slots=True)
class KeySet:
    """One set of keys of an authority (密钥集). ``digest`` is that of the envelope's payload."""

    number: int
    on: date
    previous: str | None
    threshold: int
    keys: tuple[OfficerKey, ...]
    digest: str = ""

    def signers(self, envelope: Envelope, day: date) -> tuple[OfficerKey, ...]:
        """Return the keys of this set whose signatures on ``envelope`` hold and count on ``day``, one an officer."""
        found: dict[str, OfficerKey] = {}
        known = {key.id: key for key in self.keys}
        for signature in envelope.signatures:
            key = known.get(signature.keyid)
            if key is not None and key.may_sign_on(day) and verifies(key, signature.sig, envelope.signed_bytes):
                found.setdefault(key.holder, key)
        return tuple(found.values())

    def is_quorum(self, signers: Sequence[OfficerKey]) -> bool:
        """Tell whether enough officers signed."""
        return len({key.holder for key in signers}) >= self.threshold

    def to_json(self) -> dict[str, Json]:
        """Return the statement that the envelope of this set holds."""
        predicate: dict[str, Json] = {
            "number": self.number,
            "on": self.on.isoformat(),
            "previous": self.previous,
            "threshold": self.threshold,
            "keys": [key.to_json() for key in self.keys],
        }
        return {"_type": STATEMENT, "subject": [], "predicateType": KEY_SET, "predicate": predicate}


def key_id(public: bytes) -> str:
    """Return the id of a raw public key (密钥标识)."""
    return f"sha256:{canonical.sha256_hex(public)}"


def verifies(key: OfficerKey, sig: bytes, message: bytes) -> bool:
    """Tell whether a signature is the key's over a message (验签)."""
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(sig, message)
    except InvalidSignature:
        return False
    return True


def read_key(document: Json) -> OfficerKey:
    """
    Read one entry (读取公钥).

    Raises:
        KeySetError: naming what is wrong.
    """
    row = as_object(document)
    try:
        key = _key(row)
    except (KeyError, TypeError, ValueError) as problem:
        raise KeySetError(f"officer's key {row.get('holder')}: {problem}") from None
    if len(key.public) != _PUBLIC_BYTES or key.purpose not in PURPOSES or key.valid_to <= key.valid_from:
        raise KeySetError(f"officer's key {key.holder}: bytes, purpose or dates")
    if not key.holder.isascii() or not all(key.name.get(language) for language in ("zh", "en")):
        raise KeySetError(f"officer's key {key.holder}: holder or name")
    return key


def _key(row: Mapping[str, Json]) -> OfficerKey:
    return OfficerKey(
        holder=_text(row["holder"]),
        name={language: _text(text) for language, text in as_object(row["name"]).items()},
        public=base64.b64decode(_text(row["public"]), validate=True),
        purpose=cast("Purpose", _text(row["purpose"])),
        valid_from=date.fromisoformat(_text(row["valid_from"])),
        valid_to=date.fromisoformat(_text(row["valid_to"])),
        revoked=None if row["revoked"] is None else _revocation(as_object(row["revoked"])),
    )


def _revocation(row: Mapping[str, Json]) -> Revocation:
    reason = _text(row["reason"])
    if reason not in {"retired", "compromised"}:
        raise ValueError("a key is revoked as retired or compromised")
    return Revocation(date.fromisoformat(_text(row["on"])), cast("Literal['retired', 'compromised']", reason))


def _text(value: Json) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError("a non-empty string is expected")
    return value


def read_key_set(envelope: Envelope) -> KeySet:
    """
    Read a set of keys, whoever signed it (读取密钥集).

    Raises:
        EnvelopeError: the envelope holds no such statement.
        KeySetError: a key, a number, a date or the threshold is not in form.
    """
    document = read_statement(envelope)
    if document.get("predicateType") != KEY_SET:
        raise EnvelopeError("no set of officers' keys")
    row = as_object(document.get("predicate"))
    keys = tuple(read_key(item) for item in as_array(row.get("keys")))
    number, threshold, previous = row.get("number"), row.get("threshold"), row.get("previous")
    if not isinstance(number, int) or not isinstance(threshold, int) or threshold < LEAST_OFFICERS:
        raise KeySetError(f"a set of keys has a number, and a threshold of at least {LEAST_OFFICERS}")
    if len({key.id for key in keys}) != len(keys) or len({key.holder for key in keys}) < threshold:
        raise KeySetError("a key twice, or fewer officers than must sign")
    try:
        on = date.fromisoformat(_text(row.get("on")))
    except (TypeError, ValueError) as problem:
        raise KeySetError(f"a set of keys has a date: {problem}") from None
    return KeySet(number, on, previous if isinstance(previous, str) else None, threshold, keys, envelope.digest)


@dataclass(frozen=True, slots=True)
class Authority:
    """Whose signatures count (信任机构): its sets of keys, oldest first, all followed from the first."""

    sets: tuple[KeySet, ...]

    @property
    def latest(self) -> KeySet:
        """The set that holds now; revocations in it hold for all that was signed before, too."""
        return self.sets[-1]

    def signers(self, envelope: Envelope, day: date) -> tuple[OfficerKey, ...]:
        """
        Return the officers whose signatures on a statement of ``day`` count, one each (有效签名人).

        A key counts that stood in the set of that day; where the latest set still names it, its word on validity
        and revocation decides.
        """
        then = [found for found in self.sets if found.on <= day]
        if not then:
            return ()
        now = {key.id: key for key in self.latest.keys}
        return tuple(key for key in then[-1].signers(envelope, day) if now.get(key.id, key).may_sign_on(day))

    def is_quorum(self, signers: Sequence[OfficerKey], day: date) -> bool:
        """Tell whether these officers were enough on ``day``."""
        then = [found for found in self.sets if found.on <= day]
        return bool(then) and then[-1].is_quorum(signers)


def key_set_path(folder: Path, number: int) -> Path:
    """Return where a set of keys lies below the folder of its authority (密钥集路径)."""
    return folder / "keys" / f"{number}.json"


def read_authority(folder: Path) -> tuple[Authority | None, tuple[str, ...]]:
    """
    Read and follow the sets of keys below ``folder`` (载入信任机构).

    Returns:
        The authority as far as its sets follow one another, and one sentence for everything that is wrong.
    """
    paths = sorted((folder / "keys").glob("*.json"), key=lambda path: (len(path.stem), path.stem))
    sets: list[KeySet] = []
    for number, path in enumerate(paths, 1):
        problem = _follow(sets, path, number)
        if problem is not None:
            return (Authority(tuple(sets)) if sets else None), (f"keys/{path.name}: {problem}",)
    if not sets:
        return None, ("keys/1.json: there are no officers' keys",)
    return Authority(tuple(sets)), ()


def _follow(sets: list[KeySet], path: Path, number: int) -> str | None:
    """Add the set at ``path`` to those before it, or tell why it does not follow them."""
    try:
        envelope = read_envelope(path.read_bytes())
        found = read_key_set(envelope)
    except (OSError, EnvelopeError, KeySetError) as problem:
        return str(problem)
    broken = next(_breaks(sets, envelope, found), None)
    if path.stem != str(number) or found.number != number or broken is not None:
        return broken or "the sets of keys are not numbered one after another"
    sets.append(found)
    return None


def _breaks(sets: Sequence[KeySet], envelope: Envelope, found: KeySet) -> Iterator[str]:
    if found.previous != (sets[-1].digest if sets else None):
        yield "it does not follow the set before it"
    if sets and found.on < sets[-1].on:
        yield "it is older than the set before it"
    if not found.is_quorum(found.signers(envelope, found.on)):
        yield "it is not signed by enough of its own officers"
    if sets and not sets[-1].is_quorum(sets[-1].signers(envelope, found.on)):
        yield "it is not signed by enough officers of the set before it"
