"""
The bid package 投标文件包 ``TH-BID-1``: what lies inside the seal, written and read in one way only.

A package is a ZIP that any unzip program opens, in a canonical form: for given contents there is exactly one byte
string. Entries are stored, never compressed, and follow each other without a gap, in this order:

1. ``manifest.json`` the manifest (投标清单), canonical JSON (RFC 8785);
2. ``manifest.sig`` the bidder's signature over it, canonical JSON ``{"protected", "signature"}``;
3. ``files/<name>`` the files, in the order of the manifest;
4. ``guarantee/letter.pdf`` the guarantee letter, when the bid carries one;
5. ``padding`` zero bytes up to the size class.

Every header carries version 2.0 made on Unix, the UTF-8 flag, the instant 1980-01-01 00:00:00, mode 0100644; there
are no extra fields, comments, data descriptors or ZIP64 records. The reader builds the headers again from name, size
and CRC and compares bytes, so links, folders, overlaps, compression bombs and hidden data have nowhere to stand.

Nothing here touches a file: the writer is fed by readers and yields chunks, the reader is given a seekable source.
"""

from __future__ import annotations

import base64
import binascii
import re
import struct
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from hashlib import sha256
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple, Protocol, cast
from zlib import crc32

from tradehall.kernel.money import Money, parse_amount, parse_unit_price
from tradehall_standards import canonical, strict

if TYPE_CHECKING:
    from tradehall_standards.strict import Json

FORMAT: Final = "TH-BID-1"
MANIFEST: Final = "manifest.json"
SIGNATURE: Final = "manifest.sig"
LETTER: Final = "guarantee/letter.pdf"
PADDING: Final = "padding"
FILES: Final = "files/"

MAX_SIZE: Final = 2 * 1024**3
MAX_FILES: Final = 200
MAX_ITEMS: Final = 10_000
MAX_MANIFEST_SIZE: Final = 2 * 1024**2
MAX_SIGNATURE_SIZE: Final = 16 * 1024
MAX_NAME: Final = 200
MAX_NAME_BYTES: Final = 240
MAX_CERTIFICATE_SIZE: Final = 8 * 1024

_PIECE: Final = 256 * 1024
_FIXED_ENTRIES: Final = 3


class NotAPackageError(ValueError):
    """The bytes are no lawful ``TH-BID-1`` package; the sentence says why."""


class SourceChangedError(RuntimeError):
    """A file has other bytes than when it was measured."""


# --- names ---------------------------------------------------------------------------------------------------

# Controls, separators of folders and drives, and invisible or direction-changing characters that make two names look
# alike. The ranges are spelled out so that every Unicode version gives the same verdict.
_FORBIDDEN: Final = re.compile(
    '[\x00-\x1f\x7f-\x9f/\\\\:*?"<>|\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f'
    "\ud800-\udfff\ufe00-\ufe0f\ufeff\ufff9-\uffff\U000e0000-\U000e0fff]"
)


def name_is_lawful(name: str) -> bool:
    """
    Tell whether a file of a bid may have this name (文件名).

    One plain name in NFC, at most 200 characters and 240 bytes, without folders, drive letters, controls or invisible
    characters, and not beginning or ending with a dot or a blank.
    """
    if not 0 < len(name) <= MAX_NAME or _FORBIDDEN.search(name) is not None:
        return False
    is_plain = name == name.strip(" .") and unicodedata.is_normalized("NFC", name)
    return is_plain and len(name.encode()) <= MAX_NAME_BYTES


def _collision_key(name: str) -> str:
    return unicodedata.normalize("NFC", name.casefold())


def names_are_distinct(names: Sequence[str]) -> bool:
    """Tell whether names stay apart on systems that ignore case."""
    return len({_collision_key(name) for name in names}) == len(names)


# --- manifest ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Binding:
    """What ties a package to one bid (绑定): tender, lot, submission and the bid key, base64url."""

    tender: str
    lot: str
    submission: str
    bid_key: str


@dataclass(frozen=True, slots=True)
class Bidder:
    """The bidder (投标人): party id, name, certificate in DER."""

    id: str
    name: str
    certificate: bytes


@dataclass(frozen=True, slots=True)
class Item:
    """One priced line (分项报价); quantity and unit price up to six decimals, all in the currency of the price."""

    id: str
    quantity: Decimal
    unit_price: Decimal
    amount: Decimal


@dataclass(frozen=True, slots=True)
class GuaranteeClaim:
    """The guarantee a bid relies on (投标保函): number, issuer, amount, last day, digest of the letter."""

    number: str
    issuer: str
    amount: Money
    valid_until: date
    letter: str


@dataclass(frozen=True, slots=True)
class PackedFile:
    """A file of the bid (投标文件): name, ``sha256:`` digest, size in bytes."""

    name: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """
    The manifest (投标清单), signed by the bidder and sealed.

    ``answers`` is the digest of the notice or clarification the bid answers.
    """

    binding: Binding
    answers: str
    bidder: Bidder
    price: Money
    small_or_micro: bool
    domestic_product: bool
    files: tuple[PackedFile, ...]
    guarantee: GuaranteeClaim | None = None
    items: tuple[Item, ...] | None = None

    def to_bytes(self) -> bytes:
        """
        Return the canonical bytes which the bidder signs.

        Raises:
            NotAPackageError: a value could not be read back, such as an unlawful file name.
        """
        raw = _manifest_bytes(self)
        if read_manifest(raw) != self:
            raise NotAPackageError("the manifest does not survive reading")
        return raw


def read_manifest(raw: bytes) -> Manifest:
    """
    Read a manifest strictly (清单解析): closed objects, canonical bytes, lawful names, money in wire form.

    Raises:
        NotAPackageError: anything else, duplicate keys and other writings of the same values included.
    """
    if len(raw) > MAX_MANIFEST_SIZE:
        raise NotAPackageError("the manifest is too large")
    try:
        manifest = _manifest(_members(strict.parse(raw), _MANIFEST, {"items"}))
    except ValueError as error:
        raise NotAPackageError(f"manifest: {error}") from error
    # Writing again decides: it refuses duplicate keys, other orders, blanks and escapes.
    if _manifest_bytes(manifest) != raw:
        raise NotAPackageError("the manifest is not in canonical form")
    return manifest


_MANIFEST: Final = frozenset(
    {"format", "tender", "lot", "submission", "bid_key", "answers", "bidder", "price"}
    | {"attributes", "guarantee", "files"}
)
_TENDER: Final = re.compile(r"t-[a-z2-7]{26}")
_LOT: Final = re.compile(r"L[1-9][0-9]{0,2}")
_SUBMISSION: Final = re.compile(r"b-[a-z2-7]{26}")
_KEY: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
_PARTY: Final = re.compile(r"org:[0-9A-HJ-NPQRTUWXY]{18}|foreign:[a-z]{2,20}:[A-Za-z0-9-]{1,32}|person:[a-z2-7]{16}")
_BASE64URL: Final = re.compile(r"[A-Za-z0-9_-]+")
_PLAIN: Final = re.compile("[^\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,200}")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_MAX_INTEGER: Final = 2**53 - 1


def _manifest(value: Mapping[str, object]) -> Manifest:
    if value["format"] != FORMAT:
        raise NotAPackageError(f"the format is not {FORMAT}")
    attributes = _members(value["attributes"], {"small_or_micro", "domestic_product"})
    files = tuple(_file(item) for item in _list(value["files"], MAX_FILES))
    if not names_are_distinct([file.name for file in files]):
        raise NotAPackageError("two files have the same name")
    return Manifest(
        binding=Binding(
            _match(value["tender"], _TENDER),
            _match(value["lot"], _LOT),
            _match(value["submission"], _SUBMISSION),
            _match(value["bid_key"], _KEY),
        ),
        answers=_match(value["answers"], _DIGEST),
        bidder=_bidder(_members(value["bidder"], {"id", "name", "certificate"})),
        price=Money.from_wire(_members(value["price"], {"amount", "currency"})),
        small_or_micro=_bool(attributes["small_or_micro"]),
        domestic_product=_bool(attributes["domestic_product"]),
        files=files,
        guarantee=None if value["guarantee"] is None else _guarantee(value["guarantee"]),
        items=tuple(_item(item) for item in _list(value["items"], MAX_ITEMS)) if "items" in value else None,
    )


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _unbase64url(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error as error:
        raise NotAPackageError("not base64url") from error


def _bidder(value: Mapping[str, object]) -> Bidder:
    text = _match(value["certificate"], _BASE64URL)
    certificate = _unbase64url(text)
    if len(certificate) > MAX_CERTIFICATE_SIZE:
        raise NotAPackageError("the certificate is too large")
    return Bidder(_match(value["id"], _PARTY), _match(value["name"], _PLAIN), certificate)


def _guarantee(value: object) -> GuaranteeClaim:
    claim = _members(value, {"number", "issuer", "amount", "valid_until", "letter"})
    return GuaranteeClaim(
        number=_match(claim["number"], _PLAIN),
        issuer=_match(claim["issuer"], _PARTY),
        amount=Money.from_wire(_members(claim["amount"], {"amount", "currency"})),
        valid_until=date.fromisoformat(_match(claim["valid_until"], _DATE)),
        letter=_match(claim["letter"], _DIGEST),
    )


def _item(value: object) -> Item:
    item = _members(value, {"id", "quantity", "unit_price", "amount"})
    return Item(
        _match(item["id"], _PLAIN),
        parse_unit_price(_text(item["quantity"])),
        parse_unit_price(_text(item["unit_price"])),
        parse_amount(_text(item["amount"])),
    )


def _file(value: object) -> PackedFile:
    file = _members(value, {"name", "sha256", "size"})
    name, size = _text(file["name"]), file["size"]
    if not name_is_lawful(name):
        raise NotAPackageError(f"unlawful file name {name!r:.80}")
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= _MAX_INTEGER:
        raise NotAPackageError("a file has no lawful size")
    return PackedFile(name, _match(file["sha256"], _DIGEST), size)


def _manifest_bytes(manifest: Manifest) -> bytes:
    return canonical.jcs(cast("Json", _manifest_json(manifest)))


def _manifest_json(manifest: Manifest) -> dict[str, object]:
    binding, bidder, guarantee = manifest.binding, manifest.bidder, manifest.guarantee
    value: dict[str, object] = {
        "format": FORMAT,
        "tender": binding.tender,
        "lot": binding.lot,
        "submission": binding.submission,
        "bid_key": binding.bid_key,
        "answers": manifest.answers,
        "bidder": {"id": bidder.id, "name": bidder.name, "certificate": _base64url(bidder.certificate)},
        "price": manifest.price.to_wire(),
        "attributes": {"small_or_micro": manifest.small_or_micro, "domestic_product": manifest.domestic_product},
        "guarantee": None if guarantee is None else _guarantee_json(guarantee),
        "files": [{"name": file.name, "sha256": file.sha256, "size": file.size} for file in manifest.files],
    }
    if manifest.items is not None:
        value["items"] = [
            {
                "id": item.id,
                "quantity": f"{item.quantity:f}",
                "unit_price": f"{item.unit_price:f}",
                "amount": f"{item.amount:f}",
            }
            for item in manifest.items
        ]
    return value


def _guarantee_json(guarantee: GuaranteeClaim) -> dict[str, object]:
    return {
        "number": guarantee.number,
        "issuer": guarantee.issuer,
        "amount": guarantee.amount.to_wire(),
        "valid_until": guarantee.valid_until.isoformat(),
        "letter": guarantee.letter,
    }


def read_signature(raw: bytes) -> dict[str, str]:
    """Read ``manifest.sig``, canonical ``{"protected", "signature"}``; :class:`NotAPackageError` for anything else."""
    try:
        value = _members(strict.parse(raw), {"protected", "signature"})
        signature = {name: _match(value[name], _BASE64URL) for name in ("protected", "signature")}
    except ValueError as error:
        raise NotAPackageError(f"signature: {error}") from error
    if signature_bytes(signature) != raw:
        raise NotAPackageError("the signature is not in canonical form")
    return signature


def signature_bytes(signature: Mapping[str, str]) -> bytes:
    """Write a detached signature as the bytes of ``manifest.sig``."""
    return canonical.jcs({"protected": signature["protected"], "signature": signature["signature"]})


def _members(value: object, names: Iterable[str], optional: Iterable[str] = ()) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise NotAPackageError("not an object")
    members = cast("dict[str, object]", value)
    odd = members.keys() - set(optional) ^ set(names)
    if odd:
        raise NotAPackageError(f"missing or unknown member {min(odd)!r:.80}")
    return members


def _list(value: object, limit: int) -> list[object]:
    if not isinstance(value, list):
        raise NotAPackageError("not an array")
    items = cast("list[object]", value)
    if len(items) > limit:
        raise NotAPackageError(f"more than {limit} entries")
    return items


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise NotAPackageError("not text")
    return value


def _bool(value: object) -> bool:
    if not isinstance(value, bool):
        raise NotAPackageError("not true or false")
    return value


def _match(value: object, pattern: re.Pattern[str]) -> str:
    text = _text(value)
    if pattern.fullmatch(text) is None:
        raise NotAPackageError(f"{text!r:.80} is not of the form needed")
    return text


# --- what goes in and what comes out -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file to be packed (待封装文件): its name in the bid, and how to read it; it is read twice."""

    name: str
    chunks: Callable[[], Iterable[bytes]]


@dataclass(frozen=True, slots=True)
class Offer:
    """What a bidder offers (投标内容). ``letter`` is the PDF of the guarantee, when it travels with the bid."""

    bidder: Bidder
    price: Money
    small_or_micro: bool
    domestic_product: bool
    files: tuple[SourceFile, ...]
    guarantee: GuaranteeClaim | None = None
    letter: SourceFile | None = None
    items: tuple[Item, ...] | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """What a bid is for (投标对象): tender, lot, the notice or clarification answered, the bid it replaces."""

    tender: str
    lot: str
    answers: str
    replaces: str | None = None


@dataclass(frozen=True, slots=True)
class OpenedFile:
    """A file that came out of the seal (已解密文件); ``chunks`` reads it again out of the work folder."""

    name: str
    sha256: str
    size: int
    chunks: Callable[[], Iterable[bytes]] = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class OpenedBid:
    """A bid that opened and passed every check (开启的投标): the manifest as signed, and its files."""

    manifest: Manifest
    manifest_bytes: bytes = field(repr=False)
    signature: Mapping[str, str]
    files: tuple[OpenedFile, ...]
    letter: OpenedFile | None

    @property
    def manifest_digest(self) -> str:
        """Digest of the signed manifest, ``sha256:…``."""
        return "sha256:" + sha256(self.manifest_bytes).hexdigest()


@dataclass(frozen=True, slots=True)
class OpeningFailure:
    """
    Why a bid did not open (开启失败).

    Attributes:
        cause: code of the record: ``bad_key``, ``digest_mismatch``, ``malformed``, ``bad_signature``,
            ``wrong_binding``, ``copied`` or ``guarantee``.
        why: one plain sentence, no secret in it.
        by_bidder: False when the stored ciphertext is not the committed one, which no bidder answers for.
    """

    cause: str
    why: str
    by_bidder: bool = True


# --- container, writing --------------------------------------------------------------------------------------


class Measured(NamedTuple):
    """Size, ``sha256:`` digest and CRC-32 of a stream."""

    size: int
    sha256: str
    crc32: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry to be written (条目): its name in the container, what was measured, and how to read it again."""

    name: str
    size: int
    crc32: int
    chunks: Callable[[], Iterable[bytes]]


class Digesting(Protocol):
    """A SHA-256 in the making (摘要计算), as :mod:`hashlib` gives it."""

    def update(self, piece: bytes, /) -> None:
        """Take the next piece."""
        ...

    def hexdigest(self) -> str:
        """Return the digest of all pieces."""
        ...


def measure(chunks: Iterable[bytes], digest: Digesting | None = None) -> Measured:
    """Read a stream once for its size, digest and CRC-32; ``digest`` is a SHA-256 that knows nothing yet."""
    size, checksum, digest = 0, 0, sha256() if digest is None else digest
    for chunk in chunks:
        size += len(chunk)
        checksum = crc32(chunk, checksum)
        digest.update(chunk)
    return Measured(size, "sha256:" + digest.hexdigest(), checksum)


def entry_of_bytes(name: str, data: bytes) -> Entry:
    """Make an entry of bytes in memory."""
    return Entry(name, len(data), crc32(data), lambda: (data,))


def package_size(entries: Sequence[Entry], padded: Callable[[int], int]) -> int:
    """
    Return the size of the container of these entries (without padding entry), padded.

    Args:
        entries: all entries but the padding.
        padded: the size class of an unpadded size.

    Raises:
        NotAPackageError: larger than ``MAX_SIZE``, or too many entries.
    """
    unpadded = sum(_overhead(entry.name) + entry.size for entry in entries) + _overhead(PADDING) + _END.size
    size = padded(unpadded)
    if size > MAX_SIZE or len(entries) > MAX_FILES + _FIXED_ENTRIES:
        raise NotAPackageError(f"a package of {size} bytes in {len(entries)} entries is too large")
    return size


def write_package(entries: Sequence[Entry], padded: Callable[[int], int]) -> Iterator[bytes]:
    """
    Write the container in one pass (打包), chunk by chunk; memory does not grow with the files.

    Raises:
        NotAPackageError: too large.
        SourceChangedError: an entry gives other bytes than were measured; what was written so far is worthless.
    """
    size = package_size(entries, padded)
    length = size - sum(_overhead(entry.name) + entry.size for entry in entries) - _overhead(PADDING) - _END.size
    padding = Entry(PADDING, length, measure(_zeros(length)).crc32, lambda: _zeros(length))
    directory: list[bytes] = []
    offset = 0
    for entry in (*entries, padding):
        head = _Head(entry.name.encode(), entry.size, entry.crc32)
        yield head.local()
        yield from _checked(entry)
        directory.append(head.central(offset))
        offset += _LOCAL.size + len(head.name) + entry.size
    yield b"".join(directory)
    yield _end(len(directory), sum(map(len, directory)), offset)


def _checked(entry: Entry) -> Iterator[bytes]:
    size, checksum = 0, 0
    for chunk in entry.chunks():
        size += len(chunk)
        checksum = crc32(chunk, checksum)
        if size > entry.size:
            break
        yield chunk
    if (size, checksum) != (entry.size, entry.crc32):
        raise SourceChangedError(f"{entry.name} has changed since it was measured")


def _zeros(length: int) -> Iterator[bytes]:
    piece = bytes(_PIECE)
    for start in range(0, length, _PIECE):
        yield piece[: length - start]


_LOCAL: Final = struct.Struct("<4s5H3I2H")
_CENTRAL: Final = struct.Struct("<4s6H3I5H2I")
_END: Final = struct.Struct("<4s4H2IH")
_VERSION: Final = 20
_MADE_BY: Final = 3 << 8 | _VERSION
_UTF8: Final = 1 << 11
_STORED: Final = 0
_TIME: Final = 0
_DATE_1980: Final = 1 << 5 | 1
_MODE: Final = 0o100644 << 16


def _overhead(name: str) -> int:
    return _LOCAL.size + _CENTRAL.size + 2 * len(name.encode())


class _Head(NamedTuple):
    """What the two headers of an entry say; everything else in them is constant."""

    name: bytes
    size: int
    crc32: int

    def local(self) -> bytes:
        numbers = (_VERSION, _UTF8, _STORED, _TIME, _DATE_1980, self.crc32, self.size, self.size)
        return _LOCAL.pack(b"PK\x03\x04", *numbers, len(self.name), 0) + self.name

    def central(self, offset: int) -> bytes:
        numbers = (_MADE_BY, _VERSION, _UTF8, _STORED, _TIME, _DATE_1980, self.crc32, self.size, self.size)
        return _CENTRAL.pack(b"PK\x01\x02", *numbers, len(self.name), 0, 0, 0, 0, _MODE, offset) + self.name


def _end(count: int, size: int, offset: int) -> bytes:
    return _END.pack(b"PK\x05\x06", 0, 0, count, count, size, offset, 0)


# --- container, reading --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Located:
    """An entry found in a container (条目位置): its name, where its bytes begin, size, CRC-32."""

    name: str
    offset: int
    size: int
    crc32: int


@dataclass(frozen=True, slots=True)
class Package:
    """
    A lawful package (投标文件包): canonical container, manifest read, only listed files, in order.

    File digests, padding and CRCs are checked while the entries are read; the signature is the caller's.
    """

    manifest: Manifest
    manifest_bytes: bytes
    signature: Mapping[str, str]
    files: tuple[tuple[PackedFile, Located], ...]
    letter: Located | None
    padding: Located


def read_package(source: BinaryIO, size: int) -> Package:
    """
    Read a container of exactly ``size`` bytes (拆包).

    Args:
        source: seekable; nothing is read beyond headers, manifest and signature.
        size: length of the source in bytes.

    Raises:
        NotAPackageError: not canonical, an entry too few or too many, a name unlawful or twice, or a size which
            the manifest does not state.
    """
    entries = _read_directory(source, size)
    names = [entry.name for entry in entries]
    if len(names) < _FIXED_ENTRIES or names[:2] != [MANIFEST, SIGNATURE] or names[-1] != PADDING:
        raise NotAPackageError("manifest, signature and padding are not where they belong")
    manifest_bytes = _small(source, entries[0], MAX_MANIFEST_SIZE)
    manifest = read_manifest(manifest_bytes)
    signature = read_signature(_small(source, entries[1], MAX_SIGNATURE_SIZE))
    middle = entries[2:-1]
    letter = middle[-1] if middle and middle[-1].name == LETTER else None
    files = middle if letter is None else middle[:-1]
    if [(entry.name, entry.size) for entry in files] != [(FILES + f.name, f.size) for f in manifest.files]:
        raise NotAPackageError("the files are not those of the manifest")
    if letter is not None and manifest.guarantee is None:
        raise NotAPackageError("a guarantee letter without a guarantee in the manifest")
    paired = tuple(zip(manifest.files, files, strict=True))
    return Package(manifest, manifest_bytes, signature, paired, letter, entries[-1])


def read_entry(source: BinaryIO, entry: Located) -> Iterator[bytes]:
    """Yield the bytes of an entry; :class:`NotAPackageError` at the end when the CRC-32 is not the stated one."""
    checksum, start = 0, entry.offset
    end = entry.offset + entry.size
    while start < end:
        chunk = _read(source, start, min(_PIECE, end - start))
        checksum = crc32(chunk, checksum)
        start += len(chunk)
        yield chunk
    if checksum != entry.crc32:
        raise NotAPackageError(f"{entry.name!r:.80} has a wrong CRC-32")


def check_padding(source: BinaryIO, padding: Located) -> None:
    """Check that the padding is zero bytes; :class:`NotAPackageError` when something hides there."""
    for chunk in read_entry(source, padding):
        if chunk.count(0) != len(chunk):
            raise NotAPackageError("the padding is not zero bytes")


def _read_directory(source: BinaryIO, size: int) -> list[Located]:
    if not _END.size <= size <= MAX_SIZE:
        raise NotAPackageError("the container has no lawful size")
    fields = cast("tuple[bytes, int, int, int, int, int, int, int]", _END.unpack(_read(source, size - _END.size)))
    count, length, offset = fields[4], fields[5], fields[6]
    if count > MAX_FILES + _FIXED_ENTRIES + 1 or offset + length + _END.size != size:
        raise NotAPackageError("the directory is not at the end, or too long")
    if _END.pack(*fields) != _end(count, length, offset):
        raise NotAPackageError("the end record is not in canonical form")
    entries = _entries(_read(source, offset, length), count)
    position = 0
    for entry in entries:
        head = _Head(entry.name.encode(), entry.size, entry.crc32)
        local = head.local()
        # Each entry begins where the one before ended: no gap, no overlap, no second reading of the same bytes.
        if entry.offset != position + len(local) or _read(source, position, len(local)) != local:
            raise NotAPackageError(f"the entry {entry.name!r:.80} is not in canonical form")
        position = entry.offset + entry.size
    if position != offset:
        raise NotAPackageError("bytes between the last entry and the directory")
    if not names_are_distinct([entry.name for entry in entries]):
        raise NotAPackageError("two entries have the same name")
    return entries


def _entries(directory: bytes, count: int) -> list[Located]:
    entries: list[Located] = []
    at = 0
    for _ in range(count):
        if at + _CENTRAL.size > len(directory):
            raise NotAPackageError("the directory is cut short")
        fields = cast("tuple[int, ...]", _CENTRAL.unpack_from(directory, at))
        method, checksum, size, length, offset = fields[4], fields[7], fields[9], fields[10], fields[16]
        name = directory[at + _CENTRAL.size : at + _CENTRAL.size + length]
        record = _Head(name, size, checksum).central(offset)
        if method != _STORED:
            raise NotAPackageError("an entry is compressed")
        if directory[at : at + len(record)] != record:
            raise NotAPackageError("an entry is not a plain file in canonical form")
        entries.append(Located(_entry_name(name), offset + _LOCAL.size + length, size, checksum))
        at += len(record)
    if at != len(directory):
        raise NotAPackageError("bytes after the directory")
    return entries


def _entry_name(raw: bytes) -> str:
    try:
        name = raw.decode()
    except UnicodeDecodeError as error:
        raise NotAPackageError("an entry's name is not UTF-8") from error
    if name in (MANIFEST, SIGNATURE, LETTER, PADDING):
        return name
    if not name.startswith(FILES) or not name_is_lawful(name.removeprefix(FILES)):
        raise NotAPackageError(f"unlawful entry {name!r:.80}")
    return name


def _small(source: BinaryIO, entry: Located, limit: int) -> bytes:
    if entry.size > limit:
        raise NotAPackageError(f"{entry.name} is too large")
    return b"".join(read_entry(source, entry))


def _read(source: BinaryIO, offset: int, length: int = _END.size) -> bytes:
    source.seek(offset)
    data = source.read(length)
    if len(data) != length:
        raise NotAPackageError("the container is cut short")
    return data
