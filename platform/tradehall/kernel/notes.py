"""
Signed notes 签名便条: the text form in which logs sign checkpoints and witnesses cosign them.

Everything parsed here is refused unless it is exactly what this module would write again: one text, one meaning.
Keys sign through a function, so that a private key may live in another process.

Sources: c2sp.org/signed-note, c2sp.org/tlog-checkpoint, c2sp.org/tlog-cosignature (Ed25519, types 0x01 and 0x04).
"""

import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

ED25519 = 0x01
COSIGNATURE = 0x04

KEY_SIZE = 32
SIGNATURE_SIZE = 64
HASH_SIZE = 32
KEY_ID_SIZE = 4
TIMESTAMP_SIZE = 8
MAX_SIGNATURES = 64
MAX_NOTE_SIZE = 1 << 20
MAX_SIZE_OF_TREE = 2**63 - 1
MAX_TIMESTAMP = 2**63 - 1

Sign = Callable[[bytes], bytes]
"""Signs a message with an Ed25519 key; returns 64 bytes."""

_NAME = re.compile(r"[^\s+\x00-\x20\x7f\x85\u2028\u2029]{1,255}")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")
_KEY_ID = re.compile(r"[0-9a-f]{8}")


class NoteMalformedError(ValueError):
    """The text is not a note, checkpoint, cosignature or verifier key in the one form we accept."""


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key with its name and signature type 验证公钥 (``0x01`` log, ``0x04`` witness)."""

    name: str
    kind: int
    public: bytes

    @property
    def key_id(self) -> bytes:
        """Four bytes that name this key in signature lines."""
        material = self.name.encode() + b"\n" + bytes([self.kind]) + self.public
        return sha256(material).digest()[:KEY_ID_SIZE]

    def __str__(self) -> str:
        """Return the vkey form ``<name>+<key id>+<base64 of type and key>``."""
        return f"{self.name}+{self.key_id.hex()}+{_encode(bytes([self.kind]) + self.public)}"

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Tell whether this key made the signature over the message."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One signature line: key name, key id, and what the key's type puts there."""

    name: str
    key_id: bytes
    value: bytes

    def __str__(self) -> str:
        """Return the line with its newline."""
        return f"\u2014 {self.name} {_encode(self.key_id + self.value)}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A text, newline included, and its signatures."""

    text: str
    signatures: tuple[NoteSignature, ...]

    def __str__(self) -> str:
        """Return the note as it is stored and sent."""
        return self.text + "\n" + "".join(str(signature) for signature in self.signatures)

    def with_signatures(self, more: Sequence[NoteSignature]) -> "Note":
        """Return the note with further signatures; one by the same name and key id is kept only once, the first."""
        known = {(signature.name, signature.key_id) for signature in self.signatures}
        fresh: list[NoteSignature] = []
        for signature in more:
            if (signature.name, signature.key_id) not in known:
                known.add((signature.name, signature.key_id))
                fresh.append(signature)
        return Note(self.text, self.signatures + tuple(fresh))


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state of a log 检查点: whose log, how many leaves, which root. No extension lines."""

    origin: str
    size: int
    root: bytes

    def __str__(self) -> str:
        """Return the note text."""
        return f"{self.origin}\n{self.size}\n{_encode(self.root)}\n"


def parse_vkey(text: str) -> VerifierKey:
    """
    Return the verifier key that ``text`` writes.

    Raises:
        NoteMalformedError: not a vkey of type 0x01 or 0x04, or its key id is not the one of the key.
    """
    parts = text.split("+", 2)
    if len(parts) != 3 or not _KEY_ID.fullmatch(parts[1]):  # noqa: PLR2004 - name, id, key
        raise NoteMalformedError("a verifier key has the form name+id+key")
    material = _decode(parts[2])
    if len(material) != 1 + KEY_SIZE or material[0] not in {ED25519, COSIGNATURE}:
        raise NoteMalformedError("the verifier key is not an Ed25519 key of type 1 or 4")
    key = VerifierKey(_name(parts[0]), material[0], material[1:])
    if key.key_id.hex() != parts[1]:
        raise NoteMalformedError(f"the key id {parts[1]} does not belong to the key, {key.key_id.hex()} does")
    return key


def parse_note(text: str) -> Note:
    """
    Return the note that ``text`` writes; ``str`` of it is ``text`` again.

    Raises:
        NoteMalformedError: not a note with 1 to 64 signatures in canonical form.
    """
    if len(text) > MAX_NOTE_SIZE or _CONTROL.search(text) or not _is_unicode(text):
        raise NoteMalformedError("a note is text of at most 1 MiB without control characters")
    body, separator, lines = text.rpartition("\n\n")
    if not separator or not lines.endswith("\n"):
        raise NoteMalformedError("a note ends with an empty line and signature lines")
    signatures = parse_signatures(lines)
    if not signatures:
        raise NoteMalformedError("a note has at least one signature")
    return Note(body + "\n", signatures)


def parse_signatures(lines: str) -> tuple[NoteSignature, ...]:
    """
    Return the signatures of newline-terminated signature lines, as at the end of a note or sent by a witness.

    Raises:
        NoteMalformedError: a line is not a signature line, or there are more than 64.
    """
    rows = lines.split("\n")
    if rows[-1] or len(rows) > MAX_SIGNATURES + 1:
        raise NoteMalformedError("signature lines end with a newline and are at most 64")
    return tuple(_signature(row) for row in rows[:-1])


def parse_checkpoint(text: str) -> Checkpoint:
    """
    Return the checkpoint a note text writes; ``str`` of it is ``text`` again.

    Raises:
        NoteMalformedError: not exactly origin, size and root (extension lines are not accepted).
    """
    lines = text.split("\n")
    if len(lines) != 4 or lines[3]:  # noqa: PLR2004 - origin, size, root, end
        raise NoteMalformedError("a checkpoint has exactly three lines")
    origin, size, root = lines[0], lines[1], _decode(lines[2])
    if not _SIZE.fullmatch(size) or int(size) > MAX_SIZE_OF_TREE or len(root) != HASH_SIZE:
        raise NoteMalformedError("the checkpoint's size or root is malformed")
    return Checkpoint(_name(origin), int(size), root)


def sign(text: str, key: VerifierKey, signer: Sign) -> NoteSignature:
    """Return the log's signature (type 0x01) over a note text."""
    return NoteSignature(key.name, key.key_id, signer(text.encode()))


def cosign(text: str, key: VerifierKey, signer: Sign, at: datetime) -> NoteSignature:
    """Return a witness's cosignature (type 0x04) over a checkpoint text, stamped with whole seconds of ``at``."""
    seconds = int(at.timestamp())
    signature = signer(_cosigned(text, seconds))
    return NoteSignature(key.name, key.key_id, seconds.to_bytes(TIMESTAMP_SIZE, "big") + signature)


def signed_by(note: Note, key: VerifierKey) -> bool:
    """
    Tell whether the note carries a valid signature of this log key.

    A line that names the key but does not verify makes the whole note worthless, so then the answer is no.
    """
    found = [s for s in note.signatures if (s.name, s.key_id) == (key.name, key.key_id)]
    if key.kind != ED25519 or not found:
        return False
    return all(key.verify(note.text.encode(), signature.value) for signature in found)


def cosigned_at(note: Note, key: VerifierKey) -> datetime | None:
    """Return when this witness last cosigned the note, or None if no line of it, or a bad one, is there."""
    found = [s for s in note.signatures if (s.name, s.key_id) == (key.name, key.key_id)]
    if key.kind != COSIGNATURE or not found:
        return None
    latest = 0
    for signature in found:
        seconds = int.from_bytes(signature.value[:TIMESTAMP_SIZE], "big")
        if len(signature.value) != TIMESTAMP_SIZE + SIGNATURE_SIZE or seconds > MAX_TIMESTAMP:
            return None
        if not key.verify(_cosigned(note.text, seconds), signature.value[TIMESTAMP_SIZE:]):
            return None
        latest = max(latest, seconds)
    try:
        return datetime.fromtimestamp(latest, UTC)
    except (OverflowError, ValueError, OSError):
        return None


def cosigners(note: Note, witnesses: Sequence[VerifierKey]) -> tuple[VerifierKey, ...]:
    """Return the witnesses, each public key once, whose cosignature on the note is valid."""
    good: dict[bytes, VerifierKey] = {}
    for key in witnesses:
        if cosigned_at(note, key) is not None:
            good.setdefault(key.public, key)
    return tuple(good.values())


def open_checkpoint(text: str, log: VerifierKey) -> tuple[Checkpoint, Note]:
    """
    Return the checkpoint of a note that the log has signed; key name and origin are the same.

    Raises:
        NoteMalformedError: not a note, not a checkpoint of this log, or not signed by it.
    """
    note = parse_note(text)
    checkpoint = parse_checkpoint(note.text)
    if checkpoint.origin != log.name:
        raise NoteMalformedError(f"the checkpoint is of the log {checkpoint.origin}, not of {log.name}")
    if not signed_by(note, log):
        raise NoteMalformedError(f"the checkpoint has no valid signature of {log.name}")
    return checkpoint, note


def _signature(row: str) -> NoteSignature:
    parts = row.split(" ")
    if len(parts) != 3 or parts[0] != "\u2014":  # noqa: PLR2004 - dash, name, signature
        raise NoteMalformedError("a signature line has the form: dash, name, signature")
    value = _decode(parts[2])
    if len(value) <= KEY_ID_SIZE:
        raise NoteMalformedError("a signature has a key id and a value")
    return NoteSignature(_name(parts[1]), value[:KEY_ID_SIZE], value[KEY_ID_SIZE:])


def _cosigned(text: str, seconds: int) -> bytes:
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise NoteMalformedError("a key name is not empty and has no spaces and no plus")
    return text


def _encode(data: bytes) -> str:
    return b64encode(data).decode("ascii")


def _decode(text: str) -> bytes:
    """Return the bytes of canonical, padded base64; stray bits in the last character are refused too."""
    try:
        data = b64decode(text.encode("ascii"), validate=True)
    except ValueError as error:
        raise NoteMalformedError("not base64") from error
    if _encode(data) != text:
        raise NoteMalformedError("not canonical base64")
    return data


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
