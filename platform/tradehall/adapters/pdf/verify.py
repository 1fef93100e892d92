"""
Verification of signed PDF (签名与保函核验): the public check behind the QR code; a green tick elsewhere is not enough.

A PDF signature protects bytes, not what a reader sees: an update appended after signing can cover the amount while
usual viewers still say "signature valid". A letter therefore stands only if all of this holds:

1. The file is sound, does nothing by itself, hides nothing, and has no annotation but the signature's field.
2. There is one signature; it covers the whole file; nothing was appended (pyHanko's difference analysis says what was).
3. The signature object is written in the one exact way: every byte of the file either is signed or is fixed by that.
4. The signer's certificate leads to a trust root, was valid and not revoked, and names the issuer of the letter.
5. There is exactly one embedded JSON, canonical, and the page says the same number, parties, dates and amount.
6. It equals the register's entry, when one is given, down to the digest of the file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import ModificationLevel
from pyhanko.sign.validation import EmbeddedPdfSignature, PdfSignatureStatus, async_validate_pdf_signature
from pyhanko.sign.validation.settings import KeyUsageConstraints
from pyhanko.sign.validation.status import SignatureCoverageLevel
from pyhanko_certvalidator import ValidationContext

from tradehall.adapters.identity.ca import revocation
from tradehall.adapters.pdf.asn1 import cms, core
from tradehall.adapters.pdf.asn1 import x509 as asn1_x509
from tradehall.adapters.pdf.signing import run_apart
from tradehall.adapters.pdf.structure import Inspection, UnreadablePdf, inspect
from tradehall.kernel.money import Money, NotAnAmount, chinese_amount
from tradehall_standards import canonical, strict

if TYPE_CHECKING:
    from tradehall_standards import Json

MAX_BYTES: Final = 8 * 1024**2
EMBEDDED_NAME: Final = "guarantee-letter.json"
CLOCK_TOLERANCE: Final = timedelta(hours=24)
"""How far the signer's claimed instant may lie from the time stamp."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Why a file is not accepted (不予认可的理由)."""

    code: str
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class SignatureVerdict:
    """
    One signature of a file (签名核验结果).

    Attributes:
        field: name of the signature field.
        signer: subject of the certificate (RFC 4514); empty when unreadable.
        certificate: the signer's certificate, when there is one.
        signed_at: the time stamp when there is one, else the claimed instant.
        stamped: whether ``signed_at`` comes from a trusted time stamp.
        covers_file: nothing was appended after this signature.
        later_changes_permitted: what was appended is further signatures and nothing else.
    """

    field: str
    reasons: tuple[Finding, ...]
    signer: str
    certificate: x509.Certificate | None
    signed_at: datetime | None
    stamped: bool
    covers_file: bool
    later_changes_permitted: bool

    @property
    def ok(self) -> bool:
        """Whether the signature stands."""
        return not self.reasons


@dataclass(frozen=True, slots=True)
class LetterVerdict:
    """
    What a letter is worth (保函核验结论).

    Attributes:
        reasons: empty when the letter stands; all that was found, not just the first.
        issuer: party id of the issuer named by the letter, only when the certificate agrees.
        payload: the embedded data, only when readable; not to be relied on unless ``ok``.
        signed_at: time stamp, or the instant the signer claims.
    """

    ok: bool
    reasons: tuple[Finding, ...]
    issuer: str | None
    payload: Mapping[str, Json] | None
    signed_at: datetime | None


_SENTENCES: Final[Mapping[str, tuple[str, str]]] = {
    "PDF-TOO-LARGE": ("文件超过 {limit} 字节", "The file exceeds {limit} bytes"),
    "PDF-UNREADABLE": ("文件损坏或无法解析：{why}", "The file is damaged or can't be read: {why}"),
    "PDF-ACTIVE": (
        "文件含有脚本、动作或可隐藏内容：{what}",
        "The file has scripts, actions or optional content: {what}",
    ),
    "PDF-ANNOTATED": ("文件含有批注：{what}", "The file has annotations: {what}"),
    "SIGNATURE-MISSING": ("文件没有电子签名", "The file has no signature"),
    "SIGNATURE-COUNT": ("应有且仅有一个签名，实有 {count} 个", "There must be exactly one signature, not {count}"),
    "SIGNATURE-BROKEN": ("签名与文件内容不符，文件已被改动", "The signature does not match: the file was changed"),
    "SIGNATURE-FORM": ("签名数据的编码不合要求", "The signature object is not written as required"),
    "SIGNATURE-PARTIAL": ("签名后文件被追加内容", "Content was appended after signing"),
    "SIGNATURE-OVERLAID": (
        "签名后追加的内容改变了页面或文档（{what}）",
        "What was appended changes the document ({what})",
    ),
    "SIGNER-UNTRUSTED": ("签名证书不能追溯到受信任的根证书", "The certificate does not lead to a trust root"),
    "SIGNER-REVOKED": ("签名证书已于 {at} 吊销", "The certificate was revoked at {at}"),
    "TIME-MISSING": ("签名没有时间", "The signature has no time"),
    "TIME-DISAGREES": (
        "签名时间 {claimed} 与时间戳 {stamped} 不一致",
        "Claimed time {claimed} and time stamp {stamped} differ",
    ),
    "TIME-STAMP-BAD": ("时间戳无效", "The time stamp is not valid"),
    "DATA-COUNT": ("应有且仅有一份内嵌数据 {name}", "There must be exactly one embedded file, {name}"),
    "DATA-FORM": ("内嵌数据不合要求：{why}", "The embedded data is not as required: {why}"),
    "PAGE-DIFFERS": ("页面与内嵌数据不一致：{what}", "The page and the embedded data differ: {what}"),
    "ISSUER-DIFFERS": ("签名证书不属于保函载明的开立人 {issuer}", "The certificate is not that of the issuer {issuer}"),
    "REGISTER-DIFFERS": ("与登记信息不一致：{what}", "Differs from the register: {what}"),
}


def _finding(code: str, **values: object) -> Finding:
    zh, en = _SENTENCES[code]
    return Finding(code, zh.format(**values), en.format(**values))


# --- letters ---------------------------------------------------------------------------------------------------


def verify_letter(
    pdf_bytes: bytes,
    *,
    trust_roots: Sequence[x509.Certificate],
    register: Mapping[str, Json] | None,
    crls: Sequence[x509.CertificateRevocationList] = (),
    stamp_roots: Sequence[x509.Certificate] = (),
    revoked_at: RevokedAt | None = None,
) -> LetterVerdict:
    """
    Verify a guarantee letter (核验保函), offline.

    Args:
        pdf_bytes: the file as received; hostile until proved otherwise.
        trust_roots: roots of the certification authorities that certify issuers.
        register: payload of the registered ``guarantee_letter`` record; None checks the file alone.
        crls: revocation lists; those not signed by the issuing certificate's key are ignored.
        stamp_roots: roots of time-stamping authorities; ``trust_roots`` when empty.
        revoked_at: revocations known otherwise, by key id (``sha256:`` of the certificate).

    Returns:
        The verdict; whatever the bytes, no exception. Without a time stamp the chain is judged at the instant the
        signer claims, and any later revocation counts against the letter.
    """
    if len(pdf_bytes) > MAX_BYTES:
        return _refused(_finding("PDF-TOO-LARGE", limit=MAX_BYTES))
    try:
        inspection = inspect(pdf_bytes)
    except UnreadablePdf as why:
        return _refused(_finding("PDF-UNREADABLE", why=why))
    reasons = _content_findings(inspection)
    signatures = verify_signatures(
        pdf_bytes, trust_roots=trust_roots, crls=crls, stamp_roots=stamp_roots, revoked_at=revoked_at
    )
    if len(signatures) != 1:
        reasons.append(
            _finding("SIGNATURE-COUNT", count=len(signatures)) if signatures else _finding("SIGNATURE-MISSING")
        )
    for each in signatures:
        reasons.extend(each.reasons)
        if not each.covers_file:
            reasons.append(_finding("SIGNATURE-PARTIAL"))
    signature = signatures[0] if signatures else None
    payload, more = _embedded(inspection)
    reasons.extend(more)
    issuer: str | None = None
    if payload is not None:
        reasons.extend(_page_findings(payload, inspection.text))
        reasons.extend(_register_findings(payload, pdf_bytes, register))
        named = _issuer_of(payload)
        if signature is not None and signature.certificate is not None and named in parties_of(signature.certificate):
            issuer = named
        else:
            reasons.append(_finding("ISSUER-DIFFERS", issuer=named))
    return LetterVerdict(
        not reasons,
        tuple(dict.fromkeys(reasons)),
        issuer,
        payload,
        signature.signed_at if signature is not None else None,
    )


def _refused(finding: Finding) -> LetterVerdict:
    return LetterVerdict(ok=False, reasons=(finding,), issuer=None, payload=None, signed_at=None)


def _content_findings(inspection: Inspection) -> list[Finding]:
    found: list[Finding] = []
    if inspection.active:
        found.append(_finding("PDF-ACTIVE", what=" ".join(sorted(inspection.active))))
    if inspection.annotations:
        found.append(_finding("PDF-ANNOTATED", what=" ".join(sorted(inspection.annotations))))
    return found


_MEMBERS: Final = frozenset(
    {
        "number",
        "issuer",
        "issuer_kind",
        "independent",
        "applicant",
        "beneficiary",
        "tender",
        "project_name",
        "lot",
        "amount",
        "valid_from",
        "valid_until",
        "payment_days",
        "on_demand",
        "terms",
        "nonce",
    }
)
"""Members of the embedded data: those of the record family without ``letter``, the digest of this very file."""


def _embedded(inspection: Inspection) -> tuple[Mapping[str, Json] | None, list[Finding]]:
    files = inspection.embedded
    named = [f for f in files if f.name == EMBEDDED_NAME and f.relationship == "/Data"]
    if inspection.stream_count != 1 or len(named) != 1 or len(files) != 1:
        return None, [_finding("DATA-COUNT", name=EMBEDDED_NAME)]
    content = named[0].content
    try:
        value = strict.parse(content)
        if canonical.jcs(value) != content:
            return None, [_finding("DATA-FORM", why="not canonical")]
        if not isinstance(value, dict) or value.keys() != _MEMBERS:
            return None, [_finding("DATA-FORM", why="members")]
        page_lines(value)
    except (strict.StrictError, canonical.NotCanonicalError, NotAnAmount, ValueError, KeyError, TypeError) as why:
        return None, [_finding("DATA-FORM", why=str(why)[:120])]
    return cast("Mapping[str, Json]", value), []


def _issuer_of(payload: Mapping[str, Json]) -> str:
    return cast("Mapping[str, str]", payload["issuer"])["id"]


def page_lines(payload: Mapping[str, Json]) -> Mapping[str, str]:
    """
    Return what the page must say (页面应载内容) by member, blanks removed.

    Raises:
        ValueError, KeyError, TypeError: the payload has not the shape of a letter.
    """
    amount = Money.from_wire(cast("Mapping[str, object]", payload["amount"]))
    begin, end = (date.fromisoformat(cast("str", payload[name])) for name in ("valid_from", "valid_until"))
    name_of = {who: cast("Mapping[str, str]", payload[who])["name"] for who in ("issuer", "applicant", "beneficiary")}
    currency = "人民币" if amount.currency == "CNY" else amount.currency
    lines = {
        "number": f"编号No.{payload['number']}",
        "amount": f"{currency}{amount.amount:,}元",
        "amount (words)": f"（大写）{'人民币' if amount.currency == 'CNY' else ''}{chinese_amount(amount.amount)}",
        "validity": f"自{_zh(begin)}起，至{_zh(end)}24时止",
        "issuer": name_of["issuer"],
        "applicant": f"{name_of['applicant']}（申请人）",
        "beneficiary": f"致受益人：{name_of['beneficiary']}",
        "project": f"{payload['project_name']}，标段{payload['lot']}",
        "payment": f"收到相符索赔单据之日起{payload['payment_days']}日内",
    }
    lines.update({f"terms {i}": str(term) for i, term in enumerate(cast("Sequence[str]", payload["terms"]), 1)})
    return {name: _BLANKS.sub("", line) for name, line in lines.items()}


_BLANKS: Final = re.compile(r"\s+")
_AMOUNTS: Final = re.compile(r"[0-9][0-9,]*\.[0-9]{2}(?=元)")


def _zh(day: date) -> str:
    return f"{day.year}年{day.month}月{day.day}日"


def _page_findings(payload: Mapping[str, Json], text: str) -> list[Finding]:
    page = _BLANKS.sub("", text)
    missing = [name for name, line in page_lines(payload).items() if line not in page]
    amount = cast("Mapping[str, str]", payload["amount"])["amount"]
    odd = {a for a in _AMOUNTS.findall(page) if Decimal(a.replace(",", "")) != Decimal(amount)}
    return [_finding("PAGE-DIFFERS", what=", ".join([*missing, *sorted(odd)]))] if missing or odd else []


def _register_findings(payload: Mapping[str, Json], pdf: bytes, register: Mapping[str, Json] | None) -> list[Finding]:
    if register is None:
        return []
    whole = {**payload, "letter": "sha256:" + canonical.sha256_hex(pdf)}
    differing = sorted(k for k in whole.keys() | register.keys() if whole.get(k) != register.get(k))
    return [_finding("REGISTER-DIFFERS", what=", ".join(differing))] if differing else []


def parties_of(certificate: x509.Certificate) -> frozenset[str]:
    """
    Return the party ids a certificate names (证书主体标识).

    Read from organizationIdentifier, serialNumber and userId of the subject and from URIs of the alternative name; a
    bare 18-character social credit code counts as ``org:…``.
    """
    oids = (NameOID.ORGANIZATION_IDENTIFIER, NameOID.SERIAL_NUMBER, NameOID.USER_ID)
    values = {str(a.value) for oid in oids for a in certificate.subject.get_attributes_for_oid(oid)}
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        values.update(names.get_values_for_type(x509.UniformResourceIdentifier))
    except x509.ExtensionNotFound:
        pass
    return frozenset(values | {"org:" + v for v in values if _CREDIT_CODE.fullmatch(v)})


_CREDIT_CODE: Final = re.compile(r"[0-9A-HJ-NPQRTUWXY]{18}")


RevokedAt: TypeAlias = Callable[[str], datetime | None]
"""Key id (``sha256:`` of the certificate) → instant of revocation, or None."""


@dataclass(frozen=True, slots=True)
class _Trust:
    roots: Sequence[x509.Certificate]
    stamp_roots: Sequence[x509.Certificate]
    crls: Sequence[x509.CertificateRevocationList]
    revoked_at: RevokedAt | None

    def instant_of(self, certificate: x509.Certificate) -> datetime | None:
        if self.revoked_at is None:
            return None
        return revocation(certificate, self.revoked_at)


# --- signatures ------------------------------------------------------------------------------------------------


def verify_signatures(
    pdf_bytes: bytes,
    *,
    trust_roots: Sequence[x509.Certificate],
    crls: Sequence[x509.CertificateRevocationList] = (),
    stamp_roots: Sequence[x509.Certificate] = (),
    revoked_at: RevokedAt | None = None,
) -> tuple[SignatureVerdict, ...]:
    """
    Verify every signature of a PDF (逐一核验签名), in the order of signing.

    A signature that does not cover the file stands when all that followed is further signatures; see
    ``SignatureVerdict.later_changes_permitted``.
    """
    trust = _Trust(trust_roots, stamp_roots or trust_roots, crls, revoked_at)
    try:
        reader = PdfFileReader(BytesIO(pdf_bytes), strict=True)
        embedded = tuple(reader.embedded_regular_signatures)
    except Exception as why:  # noqa: BLE001  - a third-party parser on hostile bytes: any exception means unreadable
        return (_unreadable("", why),)
    return tuple(_verdict(pdf_bytes, signature, trust) for signature in embedded)


def _unreadable(field: str, why: Exception) -> SignatureVerdict:
    finding = _finding("PDF-UNREADABLE", why=f"{type(why).__name__}: {why}"[:160])
    return SignatureVerdict(
        field, (finding,), "", None, None, stamped=False, covers_file=False, later_changes_permitted=False
    )


def _verdict(
    pdf: bytes,
    signature: EmbeddedPdfSignature,
    trust: _Trust,
) -> SignatureVerdict:
    try:
        claimed = signature.self_reported_timestamp
        status = run_apart(_status(signature, trust, claimed))
        certificate = x509.load_der_x509_certificate(cast("Any", status.signing_cert).dump())
        covers_file = status.coverage == SignatureCoverageLevel.ENTIRE_FILE
        permitted = status.docmdp_ok is not False and status.modification_level in _PERMITTED
        stamp = status.timestamp_validity
        stamped_at = stamp.timestamp if stamp is not None and stamp.valid and stamp.intact and stamp.trusted else None
        reasons = [
            *_integrity_findings(status, covers_file=covers_file, permitted=permitted),
            *_time_findings(claimed, stamped_at, has_stamp=stamp is not None),
            *([] if _is_exact(pdf, signature, status, trust) else [_finding("SIGNATURE-FORM")]),
            *_revocation_findings(status, trust, stamped_at),
        ]
    except Exception as why:  # noqa: BLE001  - as above
        return _unreadable(str(signature.field_name), why)
    return SignatureVerdict(
        field=str(signature.field_name),
        reasons=tuple(reasons),
        signer=certificate.subject.rfc4514_string(),
        certificate=certificate,
        signed_at=stamped_at or claimed,
        stamped=stamped_at is not None,
        covers_file=covers_file,
        later_changes_permitted=permitted,
    )


_PERMITTED: Final = frozenset({ModificationLevel.NONE, ModificationLevel.LTA_UPDATES, ModificationLevel.FORM_FILLING})


async def _status(
    signature: EmbeddedPdfSignature,
    trust: _Trust,
    moment: datetime | None,
) -> PdfSignatureStatus:
    def context(roots: Sequence[x509.Certificate]) -> ValidationContext:
        # Chains are judged at the instant of signing; revocation below, by rules of our own.
        return ValidationContext(trust_roots=[_asn1(c) for c in roots], moment=moment, allow_fetching=False)

    return await async_validate_pdf_signature(
        signature,
        signer_validation_context=context(trust.roots),
        ts_validation_context=context(trust.stamp_roots),
        key_usage_settings=KeyUsageConstraints(
            key_usage={"digital_signature", "non_repudiation"}, match_all_key_usages=False
        ),
    )


def _integrity_findings(status: PdfSignatureStatus, *, covers_file: bool, permitted: bool) -> list[Finding]:
    found: list[Finding] = []
    if not (status.intact and status.valid):
        found.append(_finding("SIGNATURE-BROKEN"))
    if not status.trusted:
        found.append(_finding("SIGNER-UNTRUSTED"))
    if not covers_file and not permitted:
        level = status.modification_level
        found.append(_finding("SIGNATURE-OVERLAID", what=level.name if level is not None else "ILLEGAL_MODIFICATIONS"))
    if covers_file and status.modification_level not in _PERMITTED:
        found.append(_finding("SIGNATURE-PARTIAL"))
    return found


def _time_findings(claimed: datetime | None, stamped: datetime | None, *, has_stamp: bool) -> list[Finding]:
    if claimed is None:
        return [_finding("TIME-MISSING")]
    if not has_stamp:
        return []
    if stamped is None:
        return [_finding("TIME-STAMP-BAD")]
    if abs(stamped - claimed) > CLOCK_TOLERANCE:
        return [_finding("TIME-DISAGREES", claimed=claimed.isoformat(), stamped=stamped.isoformat())]
    return []


def _revocation_findings(status: PdfSignatureStatus, trust: _Trust, stamped_at: datetime | None) -> list[Finding]:
    """
    Look every certificate of the chain up.

    Only a trusted time stamp proves that a signature is older than a revocation: a stolen key can claim any instant.
    """
    chain = [x509.load_der_x509_certificate(c.dump()) for c in _path(status.validation_path)]
    known = {c.subject.public_bytes(): c for c in [*chain, *trust.roots]}
    for certificate in chain:
        issuer = known.get(certificate.issuer.public_bytes())
        lists = [] if issuer is None else [crl for crl in trust.crls if _is_list_of(crl, issuer)]
        instants = [trust.instant_of(certificate), *(_entry(crl, certificate) for crl in lists)]
        for instant in instants:
            if instant is not None and (stamped_at is None or instant <= stamped_at):
                return [_finding("SIGNER-REVOKED", at=instant.isoformat())]
    return []


def _is_list_of(crl: x509.CertificateRevocationList, issuer: x509.Certificate) -> bool:
    key = cast("Any", issuer.public_key())
    return crl.issuer == issuer.subject and crl.is_signature_valid(key)


def _entry(crl: x509.CertificateRevocationList, certificate: x509.Certificate) -> datetime | None:
    entry = crl.get_revoked_certificate_by_serial_number(certificate.serial_number)
    return entry.revocation_date_utc if entry is not None else None


def _asn1(certificate: x509.Certificate) -> Any:
    return asn1_x509.Certificate.load(certificate.public_bytes(Encoding.DER))


def _path(path: Iterable[Any] | None) -> list[Any]:
    return [] if path is None else list(path)


# --- the exact form of the signature object ---------------------------------------------------------------------


def _is_exact(
    pdf: bytes,
    signature: EmbeddedPdfSignature,
    status: PdfSignatureStatus,
    trust: _Trust,
) -> bool:
    """
    Tell whether the bytes the signature can't cover, its own, are written in the one way they may be.

    Otherwise letter case of hex digits, padding, unused certificates or loose encodings could be changed unnoticed.
    """
    start, first, second, length = (int(n) for n in cast("Sequence[int]", signature.byte_range))
    gap = pdf[first:second]
    hexadecimal = gap[1:-1]
    if start != 0 or second + length > len(pdf) or gap[:1] + gap[-1:] != b"<>":
        return False
    content = bytes.fromhex(hexadecimal.decode("ascii"))
    if hexadecimal not in (content.hex().encode(), content.hex().upper().encode()):
        return False
    end = _der_end(content, 0)
    size = end[1] if end is not None else 0
    if end is None or content[size:].strip(b"\0") or not is_der(content[:size]):
        return False
    outer = cms.ContentInfo.load(content[:size], strict=True)
    certificates = [*_path(status.validation_path), *(_asn1(c) for c in trust.roots)]
    if not _is_exact_cms(outer, "v1", certificates):
        return False
    stamp_path = status.timestamp_validity.validation_path if status.timestamp_validity is not None else None
    stamps = _stamps(outer)
    certificates = [*_path(stamp_path), *(_asn1(c) for c in trust.stamp_roots)]
    return all(_is_exact_cms(stamp, "v3", certificates) for stamp in stamps)


def _stamps(outer: Any) -> list[Any]:
    attributes = outer["content"]["signer_infos"][0]["unsigned_attrs"]
    if isinstance(attributes, core.Void):  # asking for ``native`` would decode the whole token, many times over
        return []
    return [value for attribute in attributes for value in attribute["values"]]


def is_der(data: bytes, *, is_set: bool = False, depth: int = 0) -> bool:
    """
    Tell whether ``data`` is a run of values in distinguished encoding (DER 编码): there is one way to write each.

    Lengths are definite and shortest, integers shortest, booleans 00 or FF, members of a SET in order; strings of
    octets are not looked into. asn1crypto could re-encode and compare, but takes many seconds for a nested time stamp.
    """
    position, previous = 0, b""
    while position < len(data):
        end = _der_end(data, position)
        if end is None or depth > _MAX_DER_DEPTH:
            return False
        start, stop = end
        value, tag = data[start:stop], data[position]
        whole = data[position:stop]
        if is_set and whole < previous:
            return False
        if tag & _CONSTRUCTED and not is_der(value, is_set=tag == _SET, depth=depth + 1):
            return False
        if tag == _BOOLEAN and value not in (b"\x00", b"\xff"):
            return False
        if tag == _INTEGER and (not value or (len(value) > 1 and int.from_bytes(value[:2]) >> 7 in (0, 0x1FF))):
            return False
        position, previous = stop, whole
    return True


_MAX_DER_DEPTH: Final = 32
_CONSTRUCTED: Final = 0x20
_BOOLEAN, _INTEGER, _SET = 0x01, 0x02, 0x31


def _der_end(data: bytes, position: int) -> tuple[int, int] | None:
    """Return where the value at ``position`` begins and ends; None when its head is cut short or not the shortest."""
    # Tag nought is padding, and long tags occur in no CMS.
    if position + 2 > len(data) or (data[position] & 0x1F in (0x1F, 0) and not data[position] & 0x80):
        return None
    length, start = data[position + 1], position + 2
    if length >= 0x80:  # noqa: PLR2004  - long form
        octets = data[start : start + (length & 0x7F)]
        start += len(octets)
        shortest = len(octets) == length & 0x7F and octets[:1] > b"\0"
        length = int.from_bytes(octets)
        if not shortest or length < 0x80:  # noqa: PLR2004
            return None
    return (start, start + length) if start + length <= len(data) else None


_CONTENT_INFO: Final = re.compile(rb"\x06\xa0")
_SIGNED_DATA: Final = re.compile(rb"\x02\x31\x30\xa0\x31")
_SIGNER_INFO: Final = re.compile(rb"\x02\x30\x30\xa0\x30\x04\xa1?")


def _tags(data: bytes) -> bytes:
    """Return the tags of a run of values, one byte each."""
    tags, position = bytearray(), 0
    while position < len(data):
        tags.append(data[position])
        end = _der_end(data, position)
        if end is None:
            return b""
        position = end[1]
    return bytes(tags)


def _issuer_and_serial(certificate: Any) -> bytes:
    named = {"issuer": certificate.issuer, "serial_number": certificate.serial_number}
    return bytes(cms.IssuerAndSerialNumber(named).dump())


def _is_exact_cms(info: Any, version: str, certificates: Sequence[Any]) -> bool:
    signed = info["content"]
    signers = signed["signer_infos"]
    if len(signers) != 1:
        return False
    signer = signers[0]
    layout = (info.contents, _CONTENT_INFO), (signed.contents, _SIGNED_DATA), (signer.contents, _SIGNER_INFO)
    # asn1crypto passes over members it does not know and compares names without regard to case.
    if any(not tags.fullmatch(_tags(contents)) for contents, tags in layout):
        return False
    sid = signer["sid"].chosen
    if all(sid.dump() != _issuer_and_serial(certificate) for certificate in certificates):
        return False
    digests = signed["digest_algorithms"]
    unsigned = signer["unsigned_attrs"]
    kinds = [] if isinstance(unsigned, core.Void) else [a["type"].native for a in unsigned]
    allowed = {c.dump() for c in certificates}
    return (
        signed["version"].native == version
        and signer["version"].native == "v1"
        and len(digests) == 1
        and digests[0].dump() == signer["digest_algorithm"].dump()
        and signer["digest_algorithm"]["parameters"].native is None
        and signer["signature_algorithm"]["parameters"].native is None
        and isinstance(signed["crls"], core.Void)
        and all(choice.chosen.dump() in allowed for choice in signed["certificates"])
        and (kinds == ["signature_time_stamp_token"] if version == "v1" and kinds else not kinds)
    )
