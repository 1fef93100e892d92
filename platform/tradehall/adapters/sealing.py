"""
Sealing on disk 封装与开启: a bid's files into one age file, and back, never more than a few MiB in memory.

``seal`` runs on the bidder's device. ``open_sealed`` runs at opening, with the key the bidder revealed or the
custodians rebuilt. Sealing writes the age format with ``rules.sealing`` (other writers add grease); opening decrypts
with pyrage after our own strict reading of the header, so the two directions do not share one mistake.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from io import FileIO
from pathlib import Path
from queue import SimpleQueue
from threading import BoundedSemaphore, Thread
from typing import BinaryIO, Final, Literal, Protocol, cast

import pyrage  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tradehall.rules import bid_package, sealing
from tradehall.rules.bid_package import (
    NotAPackageError,
    Offer,
    OpenedBid,
    OpenedFile,
    OpeningFailure,
    SourceFile,
    Target,
)
from tradehall.rules.sealing import Commitment, Custodian, ReleasedShare, Rng, SealedBid, SealingTerms, Share, ShareBox

Sign = Callable[[bytes], Mapping[str, str]]
"""Signs the bytes of the manifest with the bidder's certificate key: a detached JWS, ``{"protected", "signature"}``."""

VerifySignature = Callable[[bytes, Mapping[str, str], bytes, datetime], None]
"""
Checks ``(manifest bytes, signature object, certificate DER, instant)``.

MUST raise a ``ValueError`` when the signature is not by that certificate, or the certificate does not chain to an
accepted issuer or was not valid at the instant. Any other exception passes through as a broken machine.
"""

PartyOf = Callable[[bytes], str]
"""Tells whose certificate it is: DER → party id. MUST raise a ``ValueError`` when it names no party."""

_PIECE: Final = 256 * 1024


class _Identity(Protocol):
    def from_str(self, text: str) -> object: ...


class _X25519(Protocol):
    @property
    def Identity(self) -> _Identity: ...  # noqa: N802  - pyrage's own name


class _Age(Protocol):
    """What is used of pyrage, which carries no types."""

    @property
    def DecryptError(self) -> type[Exception]: ...  # noqa: N802  - pyrage's own name
    @property
    def x25519(self) -> _X25519: ...
    def decrypt(self, data: bytes, identities: Sequence[object], /) -> bytes: ...
    def decrypt_io(self, reader: object, writer: object, identities: Sequence[object], /) -> None: ...


_age: Final = cast("_Age", pyrage)


def decrypt_stream(reader: object, writer: object, secret_key: str) -> None:
    """
    Decrypt an age file from one binary stream into another (流式解密).

    Raises:
        OSError: a stream fails; pyrage's own error when the file is not for this key or was changed.
    """
    _age.decrypt_io(reader, writer, [_age.x25519.Identity.from_str(secret_key)])


# --- digests -------------------------------------------------------------------------------------------------


class _Behind:
    """
    A SHA-256 in a thread of its own (并行摘要), a few pieces behind whoever reads, encrypts or writes.

    Half of what sealing costs is two digests; beside encryption and disk they cost no time of their own.
    """

    def __init__(self) -> None:
        self._digest = sha256()
        self._pieces: SimpleQueue[bytes | None] = SimpleQueue()
        self._room = BoundedSemaphore(_BEHIND)
        self._thread: Thread | None = None

    def update(self, piece: bytes, /) -> None:
        """Take a piece; waits for the thread when it is too far behind."""
        if self._thread is None:
            if len(piece) < _PIECE:  # a thread for a small file would cost more than its digest
                self._digest.update(piece)
                return
            self._thread = Thread(target=self._run, name="sha256", daemon=True)
            self._thread.start()
        self._room.acquire()
        self._pieces.put(piece)

    def hexdigest(self) -> str:
        """Wait for the thread and return the digest of everything; nothing can be added afterwards."""
        self.end()
        return self._digest.hexdigest()

    def end(self) -> None:
        """End the thread."""
        if self._thread is not None:
            self._pieces.put(None)
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        while (piece := self._pieces.get()) is not None:
            self._digest.update(piece)
            self._room.release()


_BEHIND: Final = 3
"""Pieces that wait for their digest."""


@contextmanager
def _behind() -> Generator[_Behind]:
    behind = _Behind()
    try:
        yield behind
    finally:
        behind.end()


def _measure(chunks: Iterable[bytes]) -> bid_package.Measured:
    with _behind() as digest:
        return bid_package.measure(chunks, digest)


# --- sealing -------------------------------------------------------------------------------------------------


def file_chunks(path: Path) -> Callable[[], Iterator[bytes]]:
    """Return a reader of a file for :class:`SourceFile`, a piece at a time."""

    def chunks() -> Iterator[bytes]:
        with path.open("rb") as stream:
            while piece := stream.read(_PIECE):
                yield piece

    return chunks


def seal(
    offer: Offer,
    target: Target,
    terms: SealingTerms,
    *,
    sign: Sign,
    out: Path,
    rng: Rng,
    bid_key: bytes | None = None,
) -> SealedBid:
    """
    Seal a bid (封装投标文件): pack, sign, encrypt to a fresh key, split the key to the custodians.

    Args:
        offer: price, files, guarantee; every file is read twice and MUST not change between.
        target: tender, lot and the notice answered.
        terms: custodians in the order of the notice, threshold, opening policy.
        sign: given the exact manifest bytes; the place to read them back to a person before signing.
        out: new file for the ciphertext; removed again when anything fails.
        rng: cryptographic chance; makes the bid key, K, the file key and every share.
        bid_key: raw private key of the bid that this one replaces; a fresh one is made without it.

    Returns:
        The commitment to file, and the secrets, which MUST NOT leave the device before opening.

    Raises:
        NotAPackageError: the offer cannot be packed lawfully (names, sizes, money).
        TermsError: the notice's terms allow no seal; nothing was signed.
        SourceChangedError: a file changed while it was packed.
        FileExistsError: ``out`` is there already.
    """
    for finding in sealing.check_terms(terms):
        raise sealing.TermsError(finding.en)
    bid_key = bid_key or rng(sealing.KEY_SIZE)
    public = Ed25519PrivateKey.from_private_bytes(bid_key).public_key().public_bytes_raw()
    binding = bid_package.Binding(target.tender, target.lot, sealing.new_submission(rng), sealing.base64url(public))
    entries = _entries(offer, binding, target.answers, sign)
    size_class = bid_package.package_size(entries, sealing.size_class)
    secret = sealing.new_secret(rng)
    recipient = sealing.recipient_of_secret(secret)
    points, boxes = _deal(secret, terms, rng)
    plaintext = bid_package.write_package(entries, sealing.size_class)
    digest, size = _write_new(out, sealing.age_encrypt(plaintext, recipient, rng))
    commitment = Commitment(
        submission=binding.submission,
        lot=target.lot,
        bid_key=public,
        recipient=recipient,
        ciphertext_sha256=digest,
        ciphertext_size=size,
        size_class=size_class,
        points=points,
        boxes=boxes,
        policy=terms.policy,
        answers=target.answers,
        replaces=target.replaces,
    )
    return SealedBid(commitment.to_payload(), str(out), digest, size, sealing.encode_secret(secret), bid_key)


def _entries(offer: Offer, binding: bid_package.Binding, answers: str, sign: Sign) -> list[bid_package.Entry]:
    files = [_measured(bid_package.FILES + file.name, file) for file in offer.files]
    manifest = bid_package.Manifest(
        binding=binding,
        answers=answers,
        bidder=offer.bidder,
        price=offer.price,
        small_or_micro=offer.small_or_micro,
        domestic_product=offer.domestic_product,
        files=tuple(
            bid_package.PackedFile(file.name, digest, entry.size)
            for file, (entry, digest) in zip(offer.files, files, strict=True)
        ),
        guarantee=offer.guarantee,
        items=offer.items,
    )
    raw = manifest.to_bytes()
    letter = _letter_entries(offer)
    return [
        bid_package.entry_of_bytes(bid_package.MANIFEST, raw),
        bid_package.entry_of_bytes(bid_package.SIGNATURE, bid_package.signature_bytes(sign(raw))),
        *(entry for entry, _ in files),
        *letter,
    ]


def _letter_entries(offer: Offer) -> list[bid_package.Entry]:
    if offer.letter is None:
        return []
    entry, digest = _measured(bid_package.LETTER, offer.letter)
    if offer.guarantee is None or offer.guarantee.letter != digest:
        raise NotAPackageError("the letter is not the one the guarantee names")
    return [entry]


def _measured(name: str, file: SourceFile) -> tuple[bid_package.Entry, str]:
    measured = _measure(file.chunks())
    return bid_package.Entry(name, measured.size, measured.crc32, file.chunks), measured.sha256


def _deal(secret: bytes, terms: SealingTerms, rng: Rng) -> tuple[tuple[bytes, ...], tuple[ShareBox, ...]]:
    points, shares = sealing.split(secret, terms.threshold, len(terms.custodians), rng)
    boxes = tuple(
        ShareBox(custodian.party, index, b"".join(sealing.age_encrypt([share], custodian.recipient, rng)))
        for custodian, (index, share) in zip(terms.custodians, shares, strict=True)
    )
    return tuple(points), boxes


def _write_new(path: Path, chunks: Iterable[bytes]) -> tuple[str, int]:
    size = 0
    with path.open("xb", buffering=0) as stream, _behind() as digest:
        try:
            for piece in _gathered(chunks):
                digest.update(piece)
                size += _write_all(stream, piece)
        except BaseException:
            path.unlink()
            raise
        return "sha256:" + digest.hexdigest(), size


def _gathered(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Join chunks into pieces: a system call and a change of threads for each 64 KiB would cost more than both do."""
    held, size = list[bytes](), 0
    for chunk in chunks:
        held.append(chunk)
        size += len(chunk)
        if size >= _PIECE:
            yield b"".join(held)
            held, size = [], 0
    yield b"".join(held)


def _write_all(stream: FileIO, piece: bytes) -> int:
    rest = memoryview(piece)
    while rest:
        rest = rest[stream.write(rest) or 0 :]
    return len(piece)


# --- shares --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BoxFault:
    """A share box does not hold a true share (分片密文不实); the bidder made it."""

    why: str


def open_share(box: ShareBox, custodian_secret: str) -> Share | BoxFault:
    """
    Open a custodian's box (解开分片), 32 bytes with its index; what it is worth only :func:`take_share` tells.

    Raises:
        NotAnAgeKeyError: the custodian's own secret key is no age key.
    """
    sealing.decode_secret(custodian_secret)
    try:
        sealing.parse_header(box.box)
        share = _age.decrypt(box.box, [_age.x25519.Identity.from_str(custodian_secret)])
    except (sealing.NotAnAgeFileError, _age.DecryptError):
        return BoxFault("the box does not open with the custodian's key")
    if len(share) != sealing.KEY_SIZE:
        return BoxFault("the box does not hold 32 bytes")
    return box.index, share


def take_share(commitment: Commitment, custodian: str, custodian_secret: str) -> ReleasedShare | BoxFault:
    """Open a custodian's box and check the share against the commitments (核验分片), as before an acknowledgement."""
    box = commitment.box_of(custodian)
    if box is None:
        return BoxFault("there is no box for this custodian")
    opened = open_share(box, custodian_secret)
    if isinstance(opened, BoxFault):
        return opened
    released = ReleasedShare(custodian, *opened)
    return released if sealing.is_share_of(commitment, released) else BoxFault("the share does not fit")


def rebuild_key(commitment: Commitment, shares: Iterable[ReleasedShare]) -> sealing.RebuiltKey | sealing.NotRebuilt:
    """Rebuild a bid's key from released shares (重建密钥); see :func:`tradehall.rules.sealing.rebuild_key`."""
    return sealing.rebuild_key(commitment, shares)


def adjudicate(commitment: Commitment, custodian: Custodian, custodian_secret: str) -> Literal["bidder", "custodian"]:
    """
    Tell who answers for an untrue share (责任认定), the custodian's per-tender key being shown to the adjudicator.

    When the box holds a true share, the custodian released another one; when it does not, the bidder dealt it so.

    Raises:
        ValueError: the key shown is not that of the custodian's recipient in the notice.
    """
    if sealing.recipient_of_secret(sealing.decode_secret(custodian_secret)) != custodian.recipient:
        raise ValueError("the key shown is not the custodian's key of this tender")
    taken = take_share(commitment, custodian.party, custodian_secret)
    return "custodian" if isinstance(taken, ReleasedShare) else "bidder"


# --- opening -------------------------------------------------------------------------------------------------


class _Failed(Exception):  # noqa: N818  - never leaves this module
    def __init__(self, cause: str, why: str, *, by_bidder: bool = True) -> None:
        super().__init__(why)
        self.failure = OpeningFailure(cause, why, by_bidder)


@dataclass(slots=True)
class _Watched:
    """One side of a decryption; keeps its own error apart, so that a full disk is never held against a bidder."""

    stream: BinaryIO
    error: OSError | None = field(default=None)

    def read(self, size: int = -1) -> bytes:
        try:
            return self.stream.read(size)
        except OSError as error:
            self.error = error
            raise

    def write(self, data: bytes) -> int:
        try:
            return self.stream.write(data)
        except OSError as error:
            self.error = error
            raise

    def flush(self) -> None:
        self.stream.flush()


def open_sealed(
    commitment: Commitment,
    ciphertext: Path,
    secret_key: str,
    *,
    tender: str,
    submitted_at: datetime,
    verify_signature: VerifySignature,
    party_of: PartyOf,
    work: Path,
    earlier: Sequence[Commitment] = (),
) -> OpenedBid | OpeningFailure:
    """
    Open a sealed bid (开启投标文件) and check all that was promised of it, in this order.

    (1) the key is the one of the committed recipient; (2) the ciphertext is the committed one; (3) its header has
    one X25519 stanza and nothing else; (4) it decrypts to its end; (5) the package is lawful; (6) the manifest is
    signed by a certificate valid at submission; (7) it names this tender, lot, submission, bid key, and the
    certificate's own party; (8) every file has its digest and the padding is empty; (9) no earlier bid of the tender
    has the same ciphertext or recipient; (10) the guarantee letter, when enclosed, is the one named.

    Args:
        commitment: as accepted.
        ciphertext: the stored age file; only read.
        secret_key: revealed by the bidder or rebuilt from shares.
        tender: the case the bid was filed to.
        submitted_at: when the commitment was accepted.
        verify_signature: chain and signature of the bidder; see :data:`VerifySignature`.
        party_of: whose certificate it is; see :data:`PartyOf`.
        work: new folder, made with mode 0700; holds the decrypted ``package.zip`` when the bid opened, and is
            removed when it did not. The opened files read from it for as long as it is there.
        earlier: commitments of the tender accepted before this one, all lots, replaced and withdrawn ones included;
            those that share neither recipient nor ciphertext with it change nothing.

    Returns:
        The opened bid, or the first check that failed.

    Raises:
        OSError: disk trouble, never a fault of the bid.
    """
    with _folder(work):
        try:
            _check_key(commitment, secret_key)
            package = work / "package.zip"
            _check_size(commitment, ciphertext)
            with ThreadPoolExecutor(1) as beside, ciphertext.open("rb", buffering=_PIECE) as stream:
                stored = beside.submit(_digest_of, ciphertext)
                try:
                    _decrypt(stream, secret_key, package)
                finally:
                    # What (2) finds counts before what (3) and (4) found meanwhile.
                    _check_digest(commitment, stored.result())
            with package.open("rb") as source:
                read = _read(source, package.stat().st_size)
                _check_signature(read, submitted_at, verify_signature)
                _check_binding(commitment, tender, read.manifest, party_of)
                opened = _check_files(source, read, package)
            _check_copy(commitment, earlier)
            _check_letter(opened)
        except _Failed as failed:
            shutil.rmtree(work)
            return failed.failure
    return opened


@contextmanager
def _folder(work: Path) -> Generator[None]:
    work.mkdir(mode=0o700)
    try:
        yield
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        raise


def _check_key(commitment: Commitment, secret_key: str) -> None:
    # (1) Only one key belongs to a recipient.
    try:
        secret = sealing.decode_secret(secret_key)
    except sealing.NotAnAgeKeyError as error:
        raise _Failed("bad_key", "not an age secret key") from error
    if not sealing.fits(secret, commitment.recipient):
        raise _Failed("bad_key", "the key is not that of the committed recipient")


def _check_size(commitment: Commitment, ciphertext: Path) -> None:
    # (2) The vault, not the bidder, answers for stored bytes that changed.
    if ciphertext.stat().st_size != commitment.ciphertext_size:
        raise _Failed("digest_mismatch", _NOT_COMMITTED, by_bidder=False)


def _digest_of(ciphertext: Path) -> str:
    digest = sha256()
    for piece in file_chunks(ciphertext)():
        digest.update(piece)
    return "sha256:" + digest.hexdigest()


def _check_digest(commitment: Commitment, digest: str) -> None:
    if digest != commitment.ciphertext_sha256:
        raise _Failed("digest_mismatch", _NOT_COMMITTED, by_bidder=False)


_NOT_COMMITTED: Final = "the stored ciphertext is not the committed one"


def _decrypt(stream: BinaryIO, secret_key: str, package: Path) -> None:
    # (3) Before any key touches it: no second reader, no option.
    stream.seek(0)
    try:
        sealing.parse_header(stream.read(sealing.HEADER_SIZE))
    except sealing.NotAnAgeFileError as error:
        raise _Failed("malformed", str(error)) from error
    # (4) Header MAC and every chunk; a file cut short or followed by anything fails here.
    stream.seek(0)
    identity = _age.x25519.Identity.from_str(secret_key)
    with package.open("xb", buffering=_PIECE) as target:
        source, sink = _Watched(stream), _Watched(target)
        try:
            _age.decrypt_io(source, sink, [identity])
        except (_age.DecryptError, OSError) as error:
            trouble = source.error or sink.error
            if trouble is not None:
                raise trouble from error
            raise _Failed("malformed", "the ciphertext does not decrypt to its end") from error


def _read(source: BinaryIO, size: int) -> bid_package.Package:
    # (5) Headers and manifest only; the contents follow.
    try:
        return bid_package.read_package(source, size)
    except NotAPackageError as error:
        raise _Failed("malformed", str(error)) from error


def _check_signature(read: bid_package.Package, at: datetime, verify_signature: VerifySignature) -> None:
    # (6) Valid at submission, whatever became of the certificate since.
    try:
        verify_signature(read.manifest_bytes, read.signature, read.manifest.bidder.certificate, at)
    except ValueError as error:
        raise _Failed("bad_signature", f"the manifest is not signed as required: {error}") from error


def _check_binding(commitment: Commitment, tender: str, manifest: bid_package.Manifest, party_of: PartyOf) -> None:
    # (7) A copied ciphertext names the bid it was made for.
    outer = bid_package.Binding(tender, commitment.lot, commitment.submission, sealing.base64url(commitment.bid_key))
    if manifest.binding != outer:
        raise _Failed("wrong_binding", "the manifest names another tender, lot, submission or bid key")
    try:
        party = party_of(manifest.bidder.certificate)
    except ValueError as error:
        raise _Failed("bad_signature", f"the certificate names no party: {error}") from error
    if party != manifest.bidder.id:
        raise _Failed("wrong_binding", "the manifest names another bidder than the certificate")


def _check_files(source: BinaryIO, read: bid_package.Package, package: Path) -> OpenedBid:
    # (8) Reading to the end also checks every CRC. The files stay where they are, inside the package.
    try:
        files = tuple(_check_file(source, located, file.name, package) for file, located in read.files)
        letter = None if read.letter is None else _check_file(source, read.letter, "letter.pdf", package)
        bid_package.check_padding(source, read.padding)
    except NotAPackageError as error:
        raise _Failed("malformed", str(error)) from error
    for opened, listed in zip(files, read.manifest.files, strict=True):
        if opened.sha256 != listed.sha256:
            raise _Failed("malformed", f"{listed.name} is not the file of the manifest")
    return OpenedBid(read.manifest, read.manifest_bytes, read.signature, files, letter)


def _check_file(source: BinaryIO, located: bid_package.Located, name: str, package: Path) -> OpenedFile:
    measured = _measure(bid_package.read_entry(source, located))

    def chunks() -> Iterator[bytes]:
        with package.open("rb") as stream:
            yield from bid_package.read_entry(stream, located)

    return OpenedFile(name, measured.sha256, measured.size, chunks)


def _check_copy(commitment: Commitment, earlier: Sequence[Commitment]) -> None:
    # (9) The earlier one stands.
    if commitment.submission in sealing.copies([*earlier, commitment]):
        raise _Failed("copied", "an earlier bid of the tender has the same ciphertext or recipient")


def _check_letter(opened: OpenedBid) -> None:
    # (10) What the letter is worth is the guarantee rule's question.
    guarantee = opened.manifest.guarantee
    if opened.letter is not None and (guarantee is None or opened.letter.sha256 != guarantee.letter):
        raise _Failed("guarantee", "the enclosed letter is not the one the bid names")
