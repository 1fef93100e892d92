"""
Sealing 封装: the key of a bid, its M-of-N split, the age v1 file format, sizes, and what a commitment must keep to.

A bid is one age v1 file for exactly one recipient, a fresh X25519 key K. K stays with the bidder and is also split
over edwards25519 (Shamir shares, Feldman commitments) to the custodians of the tender. The first commitment is the
public key of K in Edwards form; its Montgomery form *is* the age recipient, so anyone can check, without any secret,
that the shares belong to the bid.

Scope of side channels: operations on edwards25519 with a secret operand run in libsodium, in constant time. The
reduction of K modulo L, its lifts and its bech32 text are Python integers and strings and are not. They run on the
bidder's own device for a key used once, and at opening, when the key is about to be published; neither answers
remote queries about a long-lived secret.

Chance is an argument: ``rng(n)`` MUST return ``n`` fresh bytes of a cryptographic generator.

Sources: RFC 9591 appendix C (trusted dealer, Shamir, VSS); RFC 7748; C2SP age v1; BIP 173; Padmé (PETS 2019).
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, cast

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from nacl import bindings as sodium
from nacl import exceptions as sodium_errors

from tradehall.kernel.signing import bid_party, is_signing_key

SEAL_SUITE: Final = "age-x25519-v1"
POLICIES: Final = ("bidder_or_custodians", "custodians_only")

ORDER: Final = 2**252 + 27742317777372353535851937790883648493
"""L, the order of the prime subgroup of edwards25519."""

KEY_SIZE: Final = 32
MIN_THRESHOLD: Final = 2
MAX_CUSTODIANS: Final = 9
MIN_SIZE_CLASS: Final = 64 * 1024
MAX_PACKAGE_SIZE: Final = 2 * 1024**3
"""Largest plaintext container, 2 GiB, padding included."""

HEADER_SIZE: Final = 168
"""Length of an age v1 header with exactly one X25519 stanza; it can have no other."""

_FIELD: Final = 2**255 - 19
_COFACTOR: Final = 8
_CLAMPED_FROM: Final = 2**254
_CLAMPED_TO: Final = 2**255
_WIDE: Final = 64
_FILE_KEY_SIZE: Final = 16
_NONCE_SIZE: Final = 16
_TAG_SIZE: Final = 16
_CHUNK: Final = 64 * 1024

Rng = Callable[[int], bytes]
Share = tuple[int, bytes]


class NotAnAgeKeyError(ValueError):
    """The text is no canonical age X25519 recipient or secret key."""


class NotAnAgeFileError(ValueError):
    """The bytes do not begin with an age v1 header of exactly one X25519 stanza."""


class NotACommitmentError(ValueError):
    """The payload has not the shape of a bid commitment."""


class TermsError(ValueError):
    """The sealing terms of a notice allow no seal; the sentence says why."""


class NoAgeKeyError(ValueError):
    """The scalar belongs to no single age secret key; only a bidder who departs from the protocol makes one."""


# --- age keys ------------------------------------------------------------------------------------------------


_BECH32: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_OF_BASE32: Final = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", bytes(range(32)))
_TO_BECH32: Final = bytes.maketrans(bytes(range(32)), _BECH32.encode("ascii"))
_GENERATORS: Final = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_CHECKSUM_SIZE: Final = 6
_RECIPIENT_PREFIX: Final = "age"
_IDENTITY_PREFIX: Final = "age-secret-key-"


def encode_recipient(public: bytes) -> str:
    """Write a 32-byte X25519 public key as an age recipient (收件公钥), ``age1…``."""
    return _bech32_encode(_RECIPIENT_PREFIX, public)


def decode_recipient(text: str) -> bytes:
    """Read ``age1…``, lower case; :class:`NotAnAgeKeyError` for anything else."""
    if text != text.lower():
        raise NotAnAgeKeyError("a recipient is written in lower case")
    return _bech32_decode(_RECIPIENT_PREFIX, text)


def encode_secret(secret: bytes) -> str:
    """Write a 32-byte X25519 secret as an age secret key (开标密钥), ``AGE-SECRET-KEY-1…``, 74 characters."""
    return _bech32_encode(_IDENTITY_PREFIX, secret).upper()


def decode_secret(text: str) -> bytes:
    """Read ``AGE-SECRET-KEY-1…``, upper case; :class:`NotAnAgeKeyError` for anything else. The text is never quoted."""
    if text != text.upper():
        raise NotAnAgeKeyError("a secret key is written in upper case")
    return _bech32_decode(_IDENTITY_PREFIX, text.lower())


def recipient_of_secret(secret: bytes) -> str:
    """Derive the age recipient of a 32-byte secret; X25519 clamps it."""
    return encode_recipient(sodium.crypto_scalarmult_base(clamp(secret)))


def clamp(secret: bytes) -> bytes:
    """Return the scalar X25519 uses for ``secret`` (RFC 7748 section 5): a multiple of 8 in [2^254, 2^255)."""
    _need_size(secret)
    return bytes([secret[0] & 248]) + secret[1:31] + bytes([secret[31] & 127 | 64])


def new_secret(rng: Rng) -> bytes:
    """Make K, clamped, so that the key rebuilt from shares is the same text as the key the bidder keeps."""
    while True:
        secret = clamp(rng(KEY_SIZE))
        if len(_lifts(_integer(secret) % ORDER)) == 1:
            return secret


def _bech32_encode(prefix: str, data: bytes) -> str:
    _need_size(data)
    # RFC 4648 cuts and pads as bech32 does and differs only in its alphabet.
    values = base64.b32encode(data).rstrip(b"=").translate(_OF_BASE32)
    rest = _polymod([*_expanded(prefix), *values, *([0] * _CHECKSUM_SIZE)]) ^ 1
    check = bytes(rest >> 5 * (5 - place) & 31 for place in range(_CHECKSUM_SIZE))
    return prefix + "1" + (values + check).translate(_TO_BECH32).decode("ascii")


def _bech32_decode(prefix: str, text: str) -> bytes:
    if not text.startswith(prefix + "1"):
        raise NotAnAgeKeyError("the prefix is not that of an age key")
    letters = text[len(prefix) + 1 :]
    if any(letter not in _BECH32 for letter in letters):
        raise NotAnAgeKeyError("a character is not of the bech32 alphabet")
    values = [_BECH32.index(letter) for letter in letters]
    if _polymod([*_expanded(prefix), *values]) != 1:
        raise NotAnAgeKeyError("the checksum is wrong")
    data = _joined(values[:-_CHECKSUM_SIZE])
    # Writing again decides: it refuses other lengths and stray bits in the padding.
    if len(data) != KEY_SIZE or _bech32_encode(prefix, data) != text:
        raise NotAnAgeKeyError("not 32 bytes in canonical form")
    return data


def _fold(top: int) -> int:
    """Return what five bits at the top of a checksum add to its rest."""
    folded = 0
    for place, generator in enumerate(_GENERATORS):
        folded ^= generator if top >> place & 1 else 0
    return folded


_FOLDED: Final = tuple(map(_fold, range(32)))


def _expanded(prefix: str) -> list[int]:
    return [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix]


def _polymod(values: Iterable[int]) -> int:
    checksum = 1
    for value in values:
        checksum = (checksum & 0x1FFFFFF) << 5 ^ value ^ _FOLDED[checksum >> 25]
    return checksum


def _joined(values: Iterable[int]) -> bytes:
    """Join 5-bit groups into bytes; a rest that makes no byte is left out."""
    gathered, bits, joined = 0, 0, bytearray()
    for value in values:
        gathered, bits = gathered << 5 | value, bits + 5
        if bits >= 8:  # noqa: PLR2004 - a byte
            bits -= 8
            joined.append(gathered >> bits & 255)
    return bytes(joined)


# --- M-of-N --------------------------------------------------------------------------------------------------


def split(secret_scalar: bytes, threshold: int, count: int, rng: Rng) -> tuple[list[bytes], list[Share]]:
    """
    Split a scalar M-of-N (密钥分片) so that every holder can check its share.

    Args:
        secret_scalar: 32 bytes, little-endian; for a bid the *clamped* scalar of K. Taken modulo L.
        threshold: shares that suffice, two or more.
        count: shares made, at least ``threshold``; share ``i`` (from 1) goes to the i-th custodian of the notice.
        rng: chance.

    Returns:
        ``threshold`` commitments (32-byte points, the first is the public key) and the shares, by index.

    Raises:
        ValueError: threshold or count out of range, or a secret that is zero modulo L.

    Source: RFC 9591 appendix C.1 and C.2.
    """
    if not MIN_THRESHOLD <= threshold <= count <= MAX_CUSTODIANS:
        raise ValueError(f"{threshold} of {count} is no split")
    _need_size(secret_scalar)
    secret = _bytes(_integer(secret_scalar) % ORDER)
    while True:
        polynomial = [secret, *(_random_scalar(rng) for _ in range(threshold - 1))]
        shares = [(index, _evaluate(polynomial, index)) for index in range(1, count + 1)]
        # A share of zero (probability 2^-252) could not be checked with libsodium: deal again.
        if all(any(share) for _, share in shares):
            return [sodium.crypto_scalarmult_ed25519_base_noclamp(c) for c in polynomial], shares


def verify_share(commitments: Sequence[bytes], index: int, share: bytes) -> bool:
    """
    Tell whether a share (分片) lies on the committed polynomial: share·B = Σ indexᵏ·Cₖ.

    Never raises on hostile values; a commitment that is no point of the prime subgroup makes every share false.

    Source: RFC 9591 appendix C.2, ``vss_verify``.
    """
    if not 1 <= index <= MAX_CUSTODIANS or not _is_scalar(share) or not all(map(is_point, commitments)):
        return False
    # Each term is a point of prime order times a scalar that is not zero, so only a sum can be the identity.
    powers = [_bytes(pow(index, k, ORDER)) for k in range(len(commitments))]
    terms = [
        sodium.crypto_scalarmult_ed25519_noclamp(power, point) for power, point in zip(powers, commitments, strict=True)
    ]
    total = _IDENTITY
    for term in terms:
        total = sodium.crypto_core_ed25519_add(total, term)
    return hmac.compare_digest(total, sodium.crypto_scalarmult_ed25519_base_noclamp(share))


_IDENTITY: Final = bytes([1]) + bytes(31)


def interpolate(shares: Sequence[Share]) -> bytes:
    """
    Return the shared scalar modulo L (秘密恢复), 32 bytes little-endian, from at least ``threshold`` true shares.

    Too few or untrue shares give some other scalar: compare the public key.

    Raises:
        ValueError: an index twice or out of range, or a share that is no scalar.

    Source: RFC 9591 appendix C.1.1.
    """
    indices = [index for index, _ in shares]
    if not indices or len(set(indices)) != len(indices) or min(indices) < 1:
        raise ValueError("shares need distinct indices from 1")
    if not all(_is_scalar(share) for _, share in shares):
        raise ValueError("a share is not a scalar in 1..L-1")
    total = bytes(KEY_SIZE)
    for index, share in shares:
        others = [other for other in indices if other != index]
        weight = 1
        for other in others:
            weight = weight * other * pow(other - index, -1, ORDER) % ORDER
        product = sodium.crypto_core_ed25519_scalar_mul(_bytes(weight), share)
        total = sodium.crypto_core_ed25519_scalar_add(total, product)
    return total


def combine(shares: Sequence[Share]) -> bytes:
    """
    Rebuild K (重建密钥): the clamped 32-byte scalar whose age recipient is that of the first commitment.

    The shares give s = K mod L. K = s + jL must be a multiple of 8 in [2^254, 2^255); only about half of all s have
    such a lift, and a bidder who deals an s without one would keep the custodians out. −s has the same Montgomery
    form, hence the same recipient, and lifts whenever s does not, but for scalars within 2^128 of the ends, which
    no honest key meets. Those, and the few that lift both ways, are refused.

    Raises:
        NoAgeKeyError: the scalar has no clamped lift, or two.
        ValueError: as :func:`interpolate`.
    """
    lifts = _lifts(_integer(interpolate(shares)))
    if len(lifts) != 1:
        raise NoAgeKeyError(f"the shared scalar has {len(lifts)} clamped lifts")
    return lifts[0]


def fits(secret: bytes, recipient: str) -> bool:
    """
    Tell whether ``secret`` is the one key of ``recipient`` (密钥与收件公钥相符).

    A secret with a clamped twin (8L − K) is refused: with an ephemeral share on the twist the twins open different
    files, so a bidder could keep the custodians out and still hold a key that opens.
    """
    same = hmac.compare_digest(recipient_of_secret(secret).encode(), recipient.encode())
    return same and len(_lifts(_integer(clamp(secret)) % ORDER)) == 1


def is_point(data: bytes) -> bool:
    """Tell whether 32 bytes are the canonical form of a point of prime order of edwards25519."""
    return len(data) == KEY_SIZE and sodium.crypto_core_ed25519_is_valid_point(data)


def recipient_of_commitment(commitment: bytes) -> str:
    """
    Return the age recipient of the first commitment: u = (1 + y) / (1 − y), the Montgomery form of the point.

    Raises:
        ValueError: not a point of the prime subgroup.

    Source: RFC 7748 section 4.1.
    """
    if not is_point(commitment):
        raise ValueError("not a point of the prime subgroup of edwards25519")
    return _recipient_of_point(commitment)


def _recipient_of_point(commitment: bytes) -> str:
    y = _integer(commitment) & _CLAMPED_TO - 1
    return encode_recipient(_bytes((1 + y) * pow(1 - y, -1, _FIELD) % _FIELD))


def _lifts(scalar: int) -> tuple[bytes, ...]:
    """Return every clamped scalar that is ``scalar`` or ``-scalar`` modulo L."""
    found = set[int]()
    for residue in (scalar % ORDER, -scalar % ORDER):
        turns = -residue * pow(ORDER, -1, _COFACTOR) % _COFACTOR
        lifted = residue + turns * ORDER
        if _CLAMPED_FROM <= lifted < _CLAMPED_TO:
            found.add(lifted)
    return tuple(_bytes(lifted) for lifted in sorted(found))


def _evaluate(polynomial: Sequence[bytes], index: int) -> bytes:
    value = bytes(KEY_SIZE)
    for coefficient in reversed(polynomial):
        value = sodium.crypto_core_ed25519_scalar_mul(value, _bytes(index))
        value = sodium.crypto_core_ed25519_scalar_add(value, coefficient)
    return value


def _random_scalar(rng: Rng) -> bytes:
    while True:
        scalar = sodium.crypto_core_ed25519_scalar_reduce(rng(_WIDE))
        if any(scalar):
            return scalar


def _is_scalar(data: bytes) -> bool:
    return len(data) == KEY_SIZE and 0 < _integer(data) < ORDER


def _integer(data: bytes) -> int:
    return int.from_bytes(data, "little")


def _bytes(number: int) -> bytes:
    return number.to_bytes(KEY_SIZE, "little")


def _need_size(data: bytes) -> None:
    if len(data) != KEY_SIZE:
        raise ValueError(f"32 bytes are needed, not {len(data)}")


# --- sizes ---------------------------------------------------------------------------------------------------


def padme(length: int) -> int:
    """Round a length up as Padmé does: at most 12 % more, O(log log n) bits told. Source: PURBs, PETS 2019, 4.1."""
    if length < MIN_THRESHOLD:
        return length
    exponent = length.bit_length() - 1
    mask = (1 << exponent - exponent.bit_length()) - 1
    return length + mask & ~mask


def size_class(length: int) -> int:
    """Return the size class (大小档) of a container: Padmé, and never below 64 KiB."""
    return padme(max(length, MIN_SIZE_CLASS))


def ciphertext_size(plaintext_size: int) -> int:
    """Return the exact size of the age file for a plaintext of this size; nothing else about a bid moves it."""
    chunks = max(1, -(-plaintext_size // _CHUNK))
    return HEADER_SIZE + _NONCE_SIZE + plaintext_size + chunks * _TAG_SIZE


SHARE_BOX_SIZE: Final = ciphertext_size(KEY_SIZE)
"""Size of the age file that carries one share."""


# --- age v1 files --------------------------------------------------------------------------------------------


_INTRO: Final = b"age-encryption.org/v1\n"
_HEADER: Final = re.compile(
    re.escape(_INTRO) + rb"-> X25519 ([A-Za-z0-9+/]{43})\n([A-Za-z0-9+/]{43})\n--- ([A-Za-z0-9+/]{43})\n"
)


@dataclass(frozen=True, slots=True)
class AgeHeader:
    """The header of a sealed file (文件头): ephemeral share, wrapped file key, MAC, and its own length in bytes."""

    share: bytes
    body: bytes
    mac: bytes
    length: int = HEADER_SIZE


def parse_header(data: bytes) -> AgeHeader:
    """
    Read the header of an age v1 file, more strictly than age itself (严格文件头).

    Exactly one X25519 stanza with canonical base64 and the MAC line; no armor, no passphrase, no second recipient,
    no grease, nothing optional. The MAC is not checked here, it needs the key.

    Args:
        data: the first ``HEADER_SIZE`` bytes of the file, or more.

    Raises:
        NotAnAgeFileError: anything else.
    """
    found = _HEADER.match(data)
    if found is None:
        raise NotAnAgeFileError(_what_is_wrong(data))
    share, body, mac = (_unbase64(group) for group in found.groups())
    return AgeHeader(share, body, mac)


def _what_is_wrong(data: bytes) -> str:
    head = data[: 4 * HEADER_SIZE]
    if not head.startswith(_INTRO):
        return "not a binary age v1 file"
    if head.count(b"\n-> ") != 1:
        return "not exactly one recipient stanza"
    if b"\n-> X25519 " not in head:
        return "the recipient is not X25519"
    return "the header is not in the canonical form of one X25519 stanza"


def _unbase64(text: bytes) -> bytes:
    data = base64.b64decode(text + b"=")
    if _base64(data) != text:
        raise NotAnAgeFileError("base64 with stray bits")
    return data


def _base64(data: bytes) -> bytes:
    return base64.b64encode(data).rstrip(b"=")


def age_encrypt(plaintext: Iterable[bytes], recipient: str, rng: Rng) -> Iterator[bytes]:
    """
    Encrypt a stream to one recipient as an age v1 file (加密), the header first, then 64 KiB at a time.

    Other age writers add a random grease stanza, which our strict header refuses and which would make sizes vary;
    this one writes the one stanza and nothing else. Memory does not grow with the plaintext.

    Raises:
        NotAnAgeKeyError: the recipient is no age X25519 key, or of low order.

    Source: C2SP age v1.
    """
    public = decode_recipient(recipient)
    file_key, ephemeral = rng(_FILE_KEY_SIZE), rng(KEY_SIZE)
    share = sodium.crypto_scalarmult_base(ephemeral)
    wrap = _derive(_agree(ephemeral, public), share + public, b"age-encryption.org/v1/X25519")
    body = ChaCha20Poly1305(wrap).encrypt(bytes(12), file_key, None)
    header = _INTRO + b"-> X25519 " + _base64(share) + b"\n" + _base64(body) + b"\n---"
    mac = hmac.digest(_derive(file_key, b"", b"header"), header, "sha256")
    nonce = rng(_NONCE_SIZE)
    yield header + b" " + _base64(mac) + b"\n" + nonce
    cipher = ChaCha20Poly1305(_derive(file_key, nonce, b"payload"))
    for counter, (chunk, is_last) in enumerate(_chunks(plaintext)):
        yield cipher.encrypt(counter.to_bytes(11) + bytes([is_last]), chunk, None)


def _agree(ephemeral: bytes, public: bytes) -> bytes:
    try:
        return sodium.crypto_scalarmult(ephemeral, public)
    except sodium_errors.RuntimeError as error:
        raise NotAnAgeKeyError("the recipient is a point of low order") from error


def _derive(secret: bytes, salt: bytes, info: bytes) -> bytes:
    return HKDF(hashes.SHA256(), KEY_SIZE, salt, info).derive(secret)


def _chunks(stream: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Cut a stream into 64 KiB chunks; the last one is marked and is empty only when the whole stream is."""
    held = bytearray()
    for piece in stream:
        held += piece
        start = 0
        while len(held) - start > _CHUNK:
            yield bytes(memoryview(held)[start : start + _CHUNK]), False
            start += _CHUNK
        del held[:start]
    yield bytes(held), True


# --- names ---------------------------------------------------------------------------------------------------


def bid_author(bid_key: bytes) -> str:
    """Return the author of a bid's records (投标化名) for a raw 32-byte bid key."""
    _need_size(bid_key)
    return bid_party(bid_key)


def new_submission(rng: Rng) -> str:
    """Make a random submission id (投标编号): ``b-`` and 26 letters, 130 bits."""
    return "b-" + _base32(rng(17))[:26]


def _base32(data: bytes) -> str:
    return base64.b32encode(data).decode().rstrip("=").lower()


def base64url(data: bytes) -> str:
    """Write bytes as base64url without padding."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def unbase64url(text: str) -> bytes:
    """Read canonical base64url without padding; ValueError for anything else."""
    try:
        data = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except (binascii.Error, UnicodeEncodeError) as error:
        raise ValueError("not base64url") from error
    if base64url(data) != text:
        raise ValueError("not canonical base64url")
    return data


# --- commitments ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Custodian:
    """A holder of a share (保管方): who, and the age recipient made for this tender. The order is the notice's."""

    party: str
    recipient: str


@dataclass(frozen=True, slots=True)
class SealingTerms:
    """What the notice asks of every seal (封装要求): custodians in order, how many suffice, who may open."""

    custodians: tuple[Custodian, ...]
    threshold: int
    policy: str


@dataclass(frozen=True, slots=True)
class ShareBox:
    """One encrypted share (分片密文): the custodian, its index, the age file."""

    custodian: str
    index: int
    box: bytes


@dataclass(frozen=True, slots=True)
class Commitment:
    """A bid commitment (投标承诺) out of its payload; ``recipient`` and ``points`` are not judged yet."""

    submission: str
    lot: str
    bid_key: bytes
    recipient: str
    ciphertext_sha256: str
    ciphertext_size: int
    size_class: int
    points: tuple[bytes, ...]
    boxes: tuple[ShareBox, ...]
    policy: str
    answers: str
    replaces: str | None = None
    suite: str = SEAL_SUITE

    @property
    def threshold(self) -> int:
        """Shares that suffice: one for each commitment."""
        return len(self.points)

    def box_of(self, custodian: str) -> ShareBox | None:
        """Return the box made for a custodian."""
        return next((box for box in self.boxes if box.custodian == custodian), None)

    def to_payload(self) -> dict[str, object]:
        """Return the payload of the ``bid_commitment`` record."""
        payload: dict[str, object] = {
            "submission": self.submission,
            "lot": self.lot,
            "bid_key": base64url(self.bid_key),
            "seal_suite": self.suite,
            "recipient": self.recipient,
            "ciphertext": {"sha256": self.ciphertext_sha256, "size": self.ciphertext_size},
            "size_class": self.size_class,
            "commitments": [point.hex() for point in self.points],
            "share_boxes": [
                {"custodian": box.custodian, "index": box.index, "box": base64url(box.box)} for box in self.boxes
            ],
            "policy": self.policy,
            "answers": self.answers,
        }
        return payload if self.replaces is None else payload | {"replaces": self.replaces}


@dataclass(frozen=True, slots=True)
class Finding:
    """One way in which a commitment is not as required (问题): a stable rule, a JSON pointer, a sentence twice."""

    rule: str
    pointer: str = field(compare=False)
    zh: str = field(compare=False)
    en: str = field(compare=False)


@dataclass(frozen=True, slots=True)
class SealedBid:
    """
    A bid as the bidder's device made it (已封装投标).

    Attributes:
        commitment: payload of the ``bid_commitment`` record.
        ciphertext: where the age file lies.
        sha256: its digest, ``sha256:…``.
        size: its size in bytes.
        secret_key: K, ``AGE-SECRET-KEY-1…``; reveals the bid.
        bid_key: raw Ed25519 private key that signs the bid's records.
    """

    commitment: Mapping[str, object]
    ciphertext: str
    sha256: str
    size: int
    secret_key: str = field(repr=False)
    bid_key: bytes = field(repr=False)


def read_commitment(payload: Mapping[str, object]) -> Commitment:
    """
    Read the payload of a ``bid_commitment``.

    Raises:
        NotACommitmentError: a member is missing, unknown or of another type than the schema says.
    """
    try:
        return _read_commitment(payload)
    except (KeyError, TypeError, ValueError) as error:
        raise NotACommitmentError(f"not a bid commitment: {error}") from error


def _read_commitment(payload: Mapping[str, object]) -> Commitment:
    unknown = payload.keys() - _MEMBERS - {"replaces"}
    if unknown:
        raise ValueError(f"unknown member {min(unknown)!r:.40}")
    ciphertext = _object(payload["ciphertext"])
    boxes = (_object(item) for item in _array(payload["share_boxes"]))
    return Commitment(
        submission=_text(payload["submission"]),
        lot=_text(payload["lot"]),
        bid_key=unbase64url(_text(payload["bid_key"])),
        recipient=_text(payload["recipient"]),
        ciphertext_sha256=_text(ciphertext["sha256"]),
        ciphertext_size=_whole(ciphertext["size"]),
        size_class=_whole(payload["size_class"]),
        points=tuple(_unhex(_text(item)) for item in _array(payload["commitments"])),
        boxes=tuple(
            ShareBox(_text(box["custodian"]), _whole(box["index"]), unbase64url(_text(box["box"]))) for box in boxes
        ),
        policy=_text(payload["policy"]),
        answers=_text(payload["answers"]),
        replaces=_text(payload["replaces"]) if "replaces" in payload else None,
        suite=_text(payload["seal_suite"]),
    )


_MEMBERS: Final = frozenset(
    {"submission", "lot", "bid_key", "seal_suite", "recipient", "ciphertext", "size_class"}
    | {"commitments", "share_boxes", "policy", "answers"}
)


def check_commitment(payload: Mapping[str, object], terms: SealingTerms | None = None) -> tuple[Finding, ...]:
    """
    Check what anyone can check of a commitment without a secret (承诺校验).

    Suite and policy are known; the recipient is the Montgomery form of the first commitment; every commitment is a
    point of prime order; the ciphertext has the one size of its size class; there is one well-formed box for each
    custodian, numbered from 1 in the order of the notice. What a box holds only its custodian can check.

    Args:
        payload: of a ``bid_commitment``, valid against its schema.
        terms: what the notice asks for; without it only the commitment itself is judged.

    Returns:
        Findings in the order of the checks; empty when all is well.
    """
    try:
        commitment = read_commitment(payload)
    except NotACommitmentError as error:
        return (Finding("form", "", f"不是投标承诺：{error}", str(error)),)
    findings = [*_seal_findings(commitment), *_size_findings(commitment), *_box_findings(commitment)]
    return tuple(findings if terms is None else [*findings, *_terms_findings(commitment, terms)])


def check_terms(terms: SealingTerms) -> tuple[Finding, ...]:
    """
    Check the sealing terms of a notice (封装要求校验), before anyone seals by them.

    Two to nine custodians, each once and each with an age key of its own; a threshold of two or more that they can
    reach; a policy that is known.
    """
    return tuple(_own_findings(terms))


def _own_findings(terms: SealingTerms) -> Iterator[Finding]:
    count = len(terms.custodians)
    if not MIN_THRESHOLD <= terms.threshold <= count <= MAX_CUSTODIANS:
        en = f"{terms.threshold} of {count} custodians is no split"
        yield Finding("threshold", "/threshold", f"{count} 家保管方不能设门限 {terms.threshold}", en)
    if terms.policy not in POLICIES:
        yield Finding("policy", "/opening_policy", "开启方式未知", "unknown opening policy")
    if len({custodian.party for custodian in terms.custodians}) != count:
        yield Finding("party", "/custodians", "同一保管方列出两次", "a custodian is named twice")
    # One key for two custodians would be one custodian with two votes.
    if len({custodian.recipient for custodian in terms.custodians}) != count:
        yield Finding("shared_key", "/custodians", "两家保管方使用同一公钥", "two custodians have the same key")
    for place, custodian in enumerate(terms.custodians):
        if not recipient_is_usable(custodian.recipient):
            at = f"/custodians/{place}/recipient"
            yield Finding("recipient", at, "保管方公钥无效", "a custodian's recipient is no usable age key")


def recipient_is_usable(recipient: str) -> bool:
    """Tell whether a file can be sealed to this recipient: canonical, and not of low order."""
    try:
        # Any scalar shows a low order: X25519 then gives zero, which libsodium refuses.
        _agree(bytes(KEY_SIZE), decode_recipient(recipient))
    except NotAnAgeKeyError:
        return False
    return True


def _seal_findings(commitment: Commitment) -> Iterator[Finding]:
    if commitment.suite != SEAL_SUITE:
        yield Finding("suite", "/seal_suite", "封装套件未知", "unknown sealing suite")
    if commitment.policy not in POLICIES:
        yield Finding("policy", "/policy", "开启方式未知", "unknown opening policy")
    if not is_signing_key(commitment.bid_key):
        yield Finding("bid_key", "/bid_key", "投标公钥不是 Ed25519 公钥", "the bid key is no Ed25519 public key")
    points = commitment.points
    if not MIN_THRESHOLD <= len(points) <= MAX_CUSTODIANS or not all(map(is_point, points)):
        yield Finding("points", "/commitments", "分片承诺不是有效的曲线点", "the commitments are not valid points")
    elif _recipient_of_point(points[0]) != commitment.recipient:  # the line above has found it to be a point
        yield Finding("recipient", "/recipient", "收件公钥与分片承诺不符", "the shares belong to another recipient")


def _size_findings(commitment: Commitment) -> Iterator[Finding]:
    length = commitment.size_class
    if length != size_class(length) or length > MAX_PACKAGE_SIZE:
        yield Finding("size_class", "/size_class", "不是规定的大小档", "not a size class")
    elif commitment.ciphertext_size != ciphertext_size(length):
        yield Finding("size", "/ciphertext/size", "密文大小与大小档不符", "the ciphertext has not its class's size")


def _box_findings(commitment: Commitment) -> Iterator[Finding]:
    boxes = commitment.boxes
    custodians = {box.custodian for box in boxes}
    if [box.index for box in boxes] != list(range(1, len(boxes) + 1)) or len(custodians) != len(boxes):
        yield Finding("boxes", "/share_boxes", "分片未按保管方逐一编号", "the boxes are not numbered by custodian")
    if not commitment.threshold <= len(boxes) <= MAX_CUSTODIANS:
        yield Finding("count", "/share_boxes", "分片份数不合要求", "wrong number of boxes")
    for place, box in enumerate(boxes):
        if not _is_share_box(box.box):
            yield Finding("box", f"/share_boxes/{place}/box", "分片密文格式不符", "a box is not well formed")


def _is_share_box(box: bytes) -> bool:
    if len(box) != SHARE_BOX_SIZE:
        return False
    try:
        parse_header(box)
    except NotAnAgeFileError:
        return False
    return True


def _terms_findings(commitment: Commitment, terms: SealingTerms) -> Iterator[Finding]:
    if [box.custodian for box in commitment.boxes] != [custodian.party for custodian in terms.custodians]:
        yield Finding("custodians", "/share_boxes", "保管方与公告不一致", "the custodians are not the notice's")
    if commitment.threshold != terms.threshold:
        yield Finding("threshold", "/commitments", "门限与公告不一致", "the threshold is not the notice's")
    if commitment.policy != terms.policy:
        yield Finding("policy_differs", "/policy", "开启方式与公告不一致", "the policy is not the notice's")


def copies(commitments: Iterable[Commitment]) -> frozenset[str]:
    """
    Name the submissions of a tender which repeat an earlier ciphertext or recipient (复制他人密文).

    Args:
        commitments: in the order of acceptance, over all lots of the tender; replaced and withdrawn bids included.

    Returns:
        The later submissions; the first of each stands.
    """
    seen, later = set[str](), set[str]()
    for commitment in commitments:
        marks = {commitment.ciphertext_sha256, commitment.recipient}
        if marks & seen:
            later.add(commitment.submission)
        seen |= marks
    return frozenset(later)


# --- rebuilding ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ReleasedShare:
    """A share a custodian handed over at opening (释放的分片)."""

    custodian: str
    index: int
    share: bytes


@dataclass(frozen=True, slots=True)
class RebuiltKey:
    """The key of a bid out of its shares (重建的密钥); ``untrue`` names custodians whose share was false."""

    secret_key: str = field(repr=False)
    untrue: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NotRebuilt:
    """
    Why the shares did not give the key (未能重建).

    Attributes:
        untrue: custodians whose share was false or not theirs; :func:`adjudicate` tells whose fault that is.
        missing: how many more true shares are needed; zero when the bidder dealt a scalar that is no key.
        by_bidder: no set of true shares can ever give a key.
    """

    untrue: tuple[str, ...]
    missing: int
    by_bidder: bool


def rebuild_key(commitment: Commitment, shares: Iterable[ReleasedShare]) -> RebuiltKey | NotRebuilt:
    """
    Rebuild the key of a bid from what custodians released (重建密钥), each share checked before it counts.

    A custodian who releases two different shares is named as untrue for the false one; the true one counts.
    """
    true: dict[int, bytes] = {}
    untrue: list[str] = []
    for released in shares:
        if is_share_of(commitment, released):
            true[released.index] = released.share
        elif released.custodian not in untrue:
            untrue.append(released.custodian)
    missing = commitment.threshold - len(true)
    if missing > 0:
        return NotRebuilt(tuple(untrue), missing, by_bidder=False)
    try:
        key = combine(list(true.items())[: commitment.threshold])
    except NoAgeKeyError:
        return NotRebuilt(tuple(untrue), 0, by_bidder=True)
    return RebuiltKey(encode_secret(key), tuple(untrue))


def is_share_of(commitment: Commitment, released: ReleasedShare) -> bool:
    """Tell whether a released share is that custodian's true share of this bid."""
    box = commitment.box_of(released.custodian)
    if box is None or box.index != released.index:
        return False
    return verify_share(commitment.points, released.index, released.share)


def _object(value: object) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise TypeError("an object is needed")
    return cast("Mapping[str, object]", value)


def _array(value: object) -> Sequence[object]:
    if not isinstance(value, (list, tuple)):
        raise TypeError("an array is needed")
    return cast("Sequence[object]", value)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("text is needed")
    return value


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError("a whole number is needed")
    return value


def _unhex(text: str) -> bytes:
    data = bytes.fromhex(text)
    if data.hex() != text:
        raise ValueError("not lower-case hex")
    return data
