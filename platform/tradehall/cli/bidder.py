"""
The bidder's own tool 投标人工具: make and look at a sealed bid on the bidder's device, without any network.

A bid is described by ``bid.json`` beside its files; the tender's public data comes in ``tender.json``::

    bid.json     {"lot", "bidder": {"id", "name"}, "price": {"amount", "currency"},
                  "attributes": {"small_or_micro", "domestic_product"}, "files": [path, ...],
                  "guarantee": null | {"number", "issuer", "amount": {...}, "valid_until", "letter": path | digest},
                  "items"?: [{"id", "quantity", "unit_price", "amount"}], "replaces"?: submission}
    tender.json  {"case", "answers": digest of the notice or of the clarification that outdated earlier bids,
                  "notice": payload of tender_notice, "changes"?: [changes of each later clarification]}

Paths are relative to ``bid.json`` and stay below its folder. ``pack`` writes a bid folder::

    ciphertext.age     what is uploaded
    commitment.json    payload of the bid_commitment record, canonical
    tender.json        what the bid was sealed for, byte for byte
    secret/            mode 0700; age-key.txt and bid-key.pem, mode 0600: whoever has them can open or replace the bid
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Final, Protocol, cast

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from tradehall.cli.disk import settle
from tradehall.kernel.money import CNY, CurrencyMismatch, Money, chinese_amount, parse_amount, parse_unit_price
from tradehall.kernel.signing import (
    EcSigner,
    EdSigner,
    PublicKey,
    Signer,
    certificate_kid,
    sign_detached,
    verify_detached,
)
from tradehall.rules import bid_package, sealing
from tradehall.rules.bid_package import Bidder, GuaranteeClaim, Item, Manifest, Offer, OpenedBid, OpeningFailure, Target
from tradehall.rules.sealing import Commitment, Custodian, Finding, Rng, SealedBid, SealingTerms
from tradehall_standards import canonical, strict
from tradehall_standards.strict import Json

CIPHERTEXT: Final = "ciphertext.age"
COMMITMENT: Final = "commitment.json"
TENDER: Final = "tender.json"
PRIVATE: Final = "secret"
AGE_KEY: Final = "age-key.txt"
BID_KEY: Final = "bid-key.pem"

_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
_PIECE: Final = 256 * 1024
_ANY_TIME: Final = datetime(1970, 1, 1, tzinfo=UTC)


class BidFileError(ValueError):
    """A file the bidder gave is not as needed; the sentence says which and why."""


class Seal(Protocol):
    """``adapters.sealing.seal``."""

    def __call__(
        self,
        offer: Offer,
        target: Target,
        terms: SealingTerms,
        *,
        sign: Callable[[bytes], Mapping[str, str]],
        out: Path,
        rng: Rng,
        bid_key: bytes | None = None,
    ) -> SealedBid:
        """Seal a bid to a new file; ``bid_key`` is that of the bid it replaces."""
        ...


class OpenSealed(Protocol):
    """``adapters.sealing.open_sealed``."""

    def __call__(
        self,
        commitment: Commitment,
        ciphertext: Path,
        secret_key: str,
        *,
        tender: str,
        submitted_at: datetime,
        verify_signature: Callable[[bytes, Mapping[str, str], bytes, datetime], None],
        party_of: Callable[[bytes], str],
        work: Path,
    ) -> OpenedBid | OpeningFailure:
        """Open a bid and run every check."""
        ...


@dataclass(frozen=True, slots=True)
class BidTools:
    """What the bidder's tool needs of the outer rooms (工具依赖), given by the composition root."""

    seal: Seal
    open_sealed: OpenSealed
    party_of: Callable[[bytes], str]
    rng: Rng


# --- what the bidder gives -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LotTerms:
    """What the notice says of a lot (标段要求) that a bidder wants to be reminded of."""

    name: str
    ceiling: Money
    floor: Money | None
    security: Money | None


@dataclass(frozen=True, slots=True)
class TenderCase:
    """The public data of a tender (项目公开数据) that a seal needs."""

    case: str
    answers: str
    title: str
    lots: Mapping[str, LotTerms]
    terms: SealingTerms
    raw: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class BidSpec:
    """A bid as described in ``bid.json`` (投标描述)."""

    lot: str
    offer: Offer
    replaces: str | None


@dataclass(frozen=True, slots=True)
class Identity:
    """The bidder's certificate and the key that signs with it (投标人证书与签名密钥)."""

    certificate: bytes
    signer: Signer


def read_tender(path: Path) -> TenderCase:
    """
    Read ``tender.json``.

    Raises:
        BidFileError: a member is missing or of another form.
    """
    try:
        raw = path.read_bytes()
        value = _object(strict.parse(raw))
        notice = _object(value["notice"])
        custodians = [_object(item) for item in _array(notice["custodians"])]
        return TenderCase(
            case=_text(value["case"]),
            answers=_text(value["answers"]),
            title=_text(notice["title"]),
            lots=_changed({_text(lot["id"]): _lot(lot) for lot in map(_object, _array(notice["lots"]))}, value),
            terms=SealingTerms(
                tuple(Custodian(_text(_object(c["party"])["id"]), _text(c["recipient"])) for c in custodians),
                _whole(notice["threshold"]),
                _text(notice["opening_policy"]),
            ),
            raw=raw,
        )
    except KeyError as error:
        raise BidFileError(f"{path.name}: {error} is missing") from error
    except (ValueError, OSError) as error:
        raise BidFileError(f"{path.name}: {error}") from error


def _changed(lots: Mapping[str, LotTerms], tender: Mapping[str, Json]) -> Mapping[str, LotTerms]:
    """Return the lots with the ceilings that clarifications changed."""
    found = dict(lots)
    for change in map(_object, _array(tender.get("changes", []))):
        for item in map(_object, _array(change.get("ceilings", []))):
            lot = _text(item["lot"])
            if lot in found:
                found[lot] = replace(found[lot], ceiling=Money.from_wire(_object(item["ceiling"])))
    return found


def _lot(value: Mapping[str, Json]) -> LotTerms:
    security = value.get("bid_security")
    return LotTerms(
        name=_text(value["name"]),
        ceiling=Money.from_wire(_object(value["ceiling"])),
        floor=Money.from_wire(_object(value["floor"])) if "floor" in value else None,
        security=None if security is None else Money.from_wire(_object(_object(security)["amount"])),
    )


def read_bid(path: Path, certificate: bytes) -> BidSpec:
    """
    Read ``bid.json`` and find its files.

    Raises:
        BidFileError: a member is missing or unknown, a file is absent, outside the folder or unlawfully named.
    """
    try:
        return _bid(_object(strict.parse(path.read_bytes())), path.parent, certificate)
    except KeyError as error:
        raise BidFileError(f"{path.name}: {error} is missing") from error
    except BidFileError:
        raise
    except (ValueError, OSError) as error:
        raise BidFileError(f"{path.name}: {error}") from error


_BID_MEMBERS: Final = frozenset({"lot", "bidder", "price", "attributes", "files", "guarantee", "items", "replaces"})


def _bid(value: Mapping[str, Json], folder: Path, certificate: bytes) -> BidSpec:
    unknown = value.keys() - _BID_MEMBERS
    if unknown:
        raise BidFileError(f"unknown member {min(unknown)!r:.80}")
    bidder, attributes = _object(value["bidder"]), _object(value["attributes"])
    guarantee, letter = (None, None) if value["guarantee"] is None else _guarantee(_object(value["guarantee"]), folder)
    offer = Offer(
        bidder=Bidder(_text(bidder["id"]), _text(bidder["name"]), certificate),
        price=Money.from_wire(_object(value["price"])),
        small_or_micro=_flag(attributes["small_or_micro"]),
        domestic_product=_flag(attributes["domestic_product"]),
        files=tuple(_source(folder, _text(name)) for name in _array(value["files"])),
        guarantee=guarantee,
        letter=letter,
        items=tuple(_item(_object(item)) for item in _array(value["items"])) if "items" in value else None,
    )
    return BidSpec(_text(value["lot"]), offer, _text(value["replaces"]) if "replaces" in value else None)


def _guarantee(value: Mapping[str, Json], folder: Path) -> tuple[GuaranteeClaim, bid_package.SourceFile | None]:
    named = _text(value["letter"])
    letter = None if _DIGEST.fullmatch(named) else _source(folder, named)
    digest = named if letter is None else bid_package.measure(letter.chunks()).sha256
    claim = GuaranteeClaim(
        number=_text(value["number"]),
        issuer=_text(value["issuer"]),
        amount=Money.from_wire(_object(value["amount"])),
        valid_until=date.fromisoformat(_text(value["valid_until"])),
        letter=digest,
    )
    return claim, letter


def _item(value: Mapping[str, Json]) -> Item:
    return Item(
        _text(value["id"]),
        parse_unit_price(_text(value["quantity"])),
        parse_unit_price(_text(value["unit_price"])),
        parse_amount(_text(value["amount"])),
    )


def _source(folder: Path, name: str) -> bid_package.SourceFile:
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()) or not path.is_file():
        raise BidFileError(f"{name}: no such file in the folder of the bid")
    if not bid_package.name_is_lawful(path.name):
        raise BidFileError(f"{name}: a file of a bid may not have this name")
    return bid_package.SourceFile(path.name, lambda: _chunks(path))


def _chunks(path: Path) -> Iterable[bytes]:
    with path.open("rb") as stream:
        while piece := stream.read(_PIECE):
            yield piece


def read_identity(certificate: Path, key: Path, password: Callable[[], bytes]) -> Identity:
    """
    Read the bidder's certificate (PEM or DER) and private key (PEM, PKCS#8).

    Args:
        certificate: of the bidder.
        key: that signs with it.
        password: asked only when the key is encrypted.

    Raises:
        BidFileError: unreadable, of another kind than P-256 or Ed25519, or not belonging together.
    """
    try:
        der = _certificate(certificate.read_bytes())
        signer = _signer(certificate_kid(der.public_bytes(serialization.Encoding.DER)), key.read_bytes(), password)
    except (ValueError, TypeError, OSError) as error:
        raise BidFileError(f"certificate or key: {error}") from error
    if _spki(der.public_key()) != _spki(signer.key.public_key()):
        raise BidFileError("the key does not belong to the certificate")
    return Identity(der.public_bytes(serialization.Encoding.DER), signer)


def _certificate(data: bytes) -> x509.Certificate:
    return x509.load_pem_x509_certificate(data) if b"-----BEGIN" in data else x509.load_der_x509_certificate(data)


def _signer(kid: str, pem: bytes, password: Callable[[], bytes]) -> EcSigner | EdSigner:
    is_encrypted = b"ENCRYPTED" in pem
    key = serialization.load_pem_private_key(pem, password() if is_encrypted else None)
    if isinstance(key, Ed25519PrivateKey):
        return EdSigner(kid, key)
    if isinstance(key, EllipticCurvePrivateKey) and isinstance(key.curve, SECP256R1):
        return EcSigner(kid, key)
    raise BidFileError("the key is neither P-256 nor Ed25519")


def _spki(key: object) -> bytes:
    public = cast("PublicKey", key)
    return public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


# --- reading back --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Warned:
    """Something a bidder should look at before signing (提示), in both languages."""

    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class ReadBack:
    """
    What is about to be signed (签署前回读), taken from the very bytes to be signed.

    ``digest`` is to be compared on a second device: it is SHA-256 of those bytes.
    """

    digest: str
    manifest: Manifest
    title: str
    lot_name: str
    words: str
    warnings: tuple[Warned, ...]

    @property
    def figures(self) -> str:
        """The price in figures with separators and currency."""
        price = self.manifest.price
        return f"{price.amount:,.2f} {price.currency}"

    def to_json(self) -> dict[str, Json]:
        """Return the summary as JSON."""
        manifest = self.manifest
        return {
            "manifest": self.digest,
            "tender": manifest.binding.tender,
            "title": self.title,
            "lot": manifest.binding.lot,
            "lot_name": self.lot_name,
            "submission": manifest.binding.submission,
            "bidder": {"id": manifest.bidder.id, "name": manifest.bidder.name},
            "price": manifest.price.to_wire(),
            "price_in_words": self.words,
            "files": [{"name": file.name, "sha256": file.sha256, "size": file.size} for file in manifest.files],
            "guarantee": None if manifest.guarantee is None else manifest.guarantee.number,
            "warnings": [{"zh": warning.zh, "en": warning.en} for warning in self.warnings],
        }


def read_back(raw: bytes, tender: TenderCase) -> ReadBack:
    """
    Read a manifest back (回读) from the bytes that are signed, never from what the bidder typed.

    Raises:
        NotAPackageError: the bytes are no manifest.
    """
    manifest = bid_package.read_manifest(raw)
    price = manifest.price
    lot = tender.lots.get(manifest.binding.lot)
    return ReadBack(
        digest="sha256:" + sha256(raw).hexdigest(),
        manifest=manifest,
        title=tender.title,
        lot_name="" if lot is None else lot.name,
        words=chinese_amount(price.amount) if price.currency == CNY else "",
        warnings=(*_sum_warnings(manifest), *(() if lot is None else _lot_warnings(manifest, lot))),
    )


def _sum_warnings(manifest: Manifest) -> Iterable[Warned]:
    total = sum((item.amount for item in manifest.items or ()), Decimal(0))
    if manifest.items is not None and total != manifest.price.amount:
        yield Warned(f"分项合计 {total} 与投标报价不一致", f"the items add up to {total}, not to the price")


def _lot_warnings(manifest: Manifest, lot: LotTerms) -> Iterable[Warned]:
    price, guarantee = manifest.price, manifest.guarantee
    try:
        if price > lot.ceiling:
            yield Warned(f"报价高于最高投标限价 {lot.ceiling.amount}", f"above the ceiling {lot.ceiling.amount}")
        if lot.floor is not None and price < lot.floor:
            yield Warned(f"报价低于最低限价 {lot.floor.amount}", f"below the floor {lot.floor.amount}")
        if lot.security is not None and guarantee is None:
            yield Warned("未附投标保函", f"no guarantee; {lot.security.amount} is asked for")
        if lot.security is not None and guarantee is not None and guarantee.amount < lot.security:
            yield Warned(f"保函金额低于 {lot.security.amount}", f"the guarantee is below {lot.security.amount}")
    except CurrencyMismatch:
        yield Warned("币种与招标公告不一致", "another currency than the notice's")


# --- packing -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Replaced:
    """
    The bid that a new one replaces (被替换的投标), out of its folder.

    Only the key of the old bid may sign its replacement, so the new bid is made with the same one.
    """

    tender: str
    lot: str
    submission: str
    bid_key: bytes = field(repr=False)


def read_replaced(folder: Path) -> Replaced:
    """
    Read the folder of a bid that is to be replaced.

    Raises:
        BidFileError: no bid folder, its secret is missing, or its bid key is not that of its commitment.
    """
    payload = read_commitment_payload(folder)
    key = read_bid_key(folder, payload)
    return Replaced(
        tender=read_tender(folder / TENDER).case,
        lot=_text(payload["lot"]),
        submission=_text(payload["submission"]),
        bid_key=key.private_bytes_raw(),
    )


def read_commitment_payload(folder: Path) -> Mapping[str, Json]:
    """
    Return the payload of the commitment in a bid folder.

    Raises:
        BidFileError: it can't be read or is no commitment.
    """
    try:
        payload = _object(strict.parse((folder / COMMITMENT).read_bytes()))
        sealing.read_commitment(payload)
    except (ValueError, OSError) as error:
        raise BidFileError(f"{folder.name}/{COMMITMENT}: {error}") from error
    return payload


def read_bid_key(folder: Path, commitment: Mapping[str, Json]) -> Ed25519PrivateKey:
    """
    Return the key that signs the records of a bid (投标密钥).

    Raises:
        BidFileError: it can't be read, or is not the one the commitment shows.
    """
    try:
        key = serialization.load_pem_private_key((folder / PRIVATE / BID_KEY).read_bytes(), None)
    except (ValueError, TypeError, OSError) as error:
        raise BidFileError(f"{folder.name}/{PRIVATE}/{BID_KEY}: {error}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise BidFileError(f"{BID_KEY} is no Ed25519 key")
    if sealing.base64url(key.public_key().public_bytes_raw()) != commitment.get("bid_key"):
        raise BidFileError(f"{BID_KEY} is not the key of this bid")
    return key


def read_age_key(folder: Path, commitment: Mapping[str, Json]) -> str:
    """
    Return the secret key that opens a bid (解密密钥).

    Raises:
        BidFileError: it can't be read, or is not that of the committed recipient.
    """
    try:
        key = read_key_text(folder / PRIVATE / AGE_KEY)
        recipient = sealing.recipient_of_secret(sealing.decode_secret(key))
    except (ValueError, OSError) as error:
        raise BidFileError(f"{folder.name}/{PRIVATE}/{AGE_KEY}: {error}") from error
    if recipient != commitment.get("recipient"):
        raise BidFileError(f"{AGE_KEY} is not the key of this bid")
    return key


@dataclass(frozen=True, slots=True)
class Packed:
    """A bid folder that was written (投标文件夹): where, what was signed, what is to be filed."""

    folder: Path
    read_back: ReadBack
    sealed: SealedBid


def pack(
    spec: BidSpec,
    tender: TenderCase,
    out: Path,
    *,
    identity: Identity,
    confirm: Callable[[ReadBack], bool],
    tools: BidTools,
    replaced: Replaced | None = None,
) -> Packed | None:
    """
    Seal a bid into a new folder (封装投标文件夹).

    Args:
        spec: the bid, its certificate that of ``identity``.
        tender: the tender answered.
        out: folder to be made; nothing is left of it when packing fails or is declined.
        identity: certificate and signing key of the bidder.
        confirm: shown what is about to be signed; nothing is signed unless it returns True.
        tools: see :class:`BidTools`.
        replaced: the bid that this one replaces; its key signs the new one too.

    Returns:
        What was written, or None when ``confirm`` declined.

    Raises:
        BidFileError: the lot is not the tender's, the certificate is another party's, the replaced bid lies in
            another lot, or the folder is there.
        NotAPackageError: the bid cannot be packed lawfully.
        TermsError: the notice allows no seal.
        SourceChangedError: a file changed meanwhile.
    """
    if spec.lot not in tender.lots:
        raise BidFileError(f"the tender has no lot {spec.lot}")
    if _party(identity.certificate, tools) != spec.offer.bidder.id:
        raise BidFileError(f"the certificate is not that of {spec.offer.bidder.id}")
    replaces = spec.replaces if replaced is None else _fit(replaced, spec, tender)
    shown: list[ReadBack] = []

    def sign(raw: bytes) -> Mapping[str, str]:
        shown.append(read_back(raw, tender))
        if not confirm(shown[-1]):
            raise _DeclinedError
        return sign_detached(raw, identity.signer)

    try:
        out.mkdir(mode=0o700)
    except FileExistsError as error:
        raise BidFileError(f"{out} is there already") from error
    target = Target(tender.case, spec.lot, tender.answers, replaces)
    key = None if replaced is None else replaced.bid_key
    try:
        sealed = tools.seal(
            spec.offer, target, tender.terms, sign=sign, out=out / CIPHERTEXT, rng=tools.rng, bid_key=key
        )
        _write_folder(out, sealed, tender)
        settle(out)
    except _DeclinedError:
        shutil.rmtree(out)
        return None
    except BaseException:
        shutil.rmtree(out)
        raise
    return Packed(out, shown[-1], sealed)


def _fit(replaced: Replaced, spec: BidSpec, tender: TenderCase) -> str:
    if (replaced.tender, replaced.lot) != (tender.case, spec.lot):
        raise BidFileError(f"the replaced bid is for lot {replaced.lot} of {replaced.tender}")
    if spec.replaces not in (None, replaced.submission):
        raise BidFileError(f"bid.json replaces {spec.replaces}, the folder holds {replaced.submission}")
    return replaced.submission


class _DeclinedError(Exception):
    """The bidder did not confirm; never leaves ``pack``."""


def _party(certificate: bytes, tools: BidTools) -> str:
    try:
        return tools.party_of(certificate)
    except ValueError as error:
        raise BidFileError(f"certificate: {error}") from error


def _write_folder(out: Path, sealed: SealedBid, tender: TenderCase) -> None:
    secret = out / PRIVATE
    secret.mkdir(mode=0o700)
    recipient = str(sealed.commitment["recipient"])
    text = f"# submission: {sealed.commitment['submission']}\n# public key: {recipient}\n{sealed.secret_key}\n"
    _write_private(secret / AGE_KEY, text.encode())
    pem = Ed25519PrivateKey.from_private_bytes(sealed.bid_key).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    _write_private(secret / BID_KEY, pem)
    (out / TENDER).write_bytes(tender.raw)
    (out / COMMITMENT).write_bytes(canonical.jcs(cast("Json", sealed.commitment)))


def _write_private(path: Path, data: bytes) -> None:
    # Made with its mode: at no instant can another user read it.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(data)


# --- looking at a bid folder ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Inspected:
    """
    What a bid folder holds (投标文件夹检查).

    Attributes:
        commitment: as read, None when it is no commitment.
        findings: what the commitment does not keep to.
        failure: why the bid would not open; None when it opens, or when there is no secret to try.
        read_back: what was signed, when the bid opens.
    """

    commitment: Commitment | None
    findings: tuple[Finding, ...]
    failure: OpeningFailure | None
    read_back: ReadBack | None

    @property
    def is_sound(self) -> bool:
        """Whether nothing was found."""
        return not self.findings and self.failure is None


def inspect(folder: Path, tools: BidTools, scratch: Path | None = None) -> Inspected:
    """
    Check a bid folder as the hall will (检查投标文件夹): the commitment, and the opening when the age key is there.

    The signature is checked against the certificate inside; whether its issuer is accepted the hall decides. The
    plaintext lies in a private temporary folder meanwhile, inside ``scratch`` or where the system has its own.

    Raises:
        BidFileError: no such folder, or a file of it cannot be read.
    """
    tender = read_tender(folder / TENDER)
    try:
        payload = _object(strict.parse((folder / COMMITMENT).read_bytes()))
    except (ValueError, OSError) as error:
        raise BidFileError(f"{COMMITMENT}: {error}") from error
    findings = sealing.check_commitment(payload, tender.terms)
    try:
        commitment = sealing.read_commitment(payload)
    except sealing.NotACommitmentError:
        return Inspected(None, findings, None, None)
    key = folder / PRIVATE / AGE_KEY
    opened = _open(folder, commitment, read_key_text(key), tools, tender, scratch) if key.exists() else None
    if not isinstance(opened, OpenedBid):
        return Inspected(commitment, findings, opened, None)
    return Inspected(commitment, findings, None, read_back(opened.manifest_bytes, tender))


def read_key_text(path: Path) -> str:
    """
    Return the one secret key in a file of the ``age`` program, comments left out.

    Raises:
        BidFileError: there is none, or several.
    """
    lines = [line.strip() for line in path.read_text().splitlines()]
    keys = [line for line in lines if line and not line.startswith("#")]
    if len(keys) != 1:
        raise BidFileError(f"{path.name} holds {len(keys)} keys")
    return keys[0]


def _open(
    folder: Path, commitment: Commitment, key: str, tools: BidTools, tender: TenderCase, scratch: Path | None
) -> OpenedBid | OpeningFailure:
    with tempfile.TemporaryDirectory(prefix="tradehall-inspect-", dir=scratch) as place:
        work = Path(place) / "work"
        return tools.open_sealed(
            commitment,
            folder / CIPHERTEXT,
            key,
            tender=tender.case,
            submitted_at=_ANY_TIME,
            verify_signature=_verify_with_own_certificate,
            party_of=tools.party_of,
            work=work,
        )


def _verify_with_own_certificate(raw: bytes, signature: Mapping[str, str], der: bytes, _: datetime) -> None:
    key = x509.load_der_x509_certificate(der).public_key()
    if not isinstance(key, (EllipticCurvePublicKey, Ed25519PublicKey)):
        raise BidFileError("the certificate's key is neither P-256 nor Ed25519")
    verify_detached(raw, signature, key, expect_kid=certificate_kid(der))


def _object(value: Json) -> Mapping[str, Json]:
    if not isinstance(value, Mapping):
        raise BidFileError("an object is needed")
    return value


def _array(value: Json) -> Sequence[Json]:
    if not isinstance(value, list):
        raise BidFileError("an array is needed")
    return value


def _text(value: Json) -> str:
    if not isinstance(value, str):
        raise BidFileError("text is needed")
    return value


def _whole(value: Json) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise BidFileError("a whole number is needed")
    return value


def _flag(value: Json) -> bool:
    if not isinstance(value, bool):
        raise BidFileError("true or false is needed")
    return value
