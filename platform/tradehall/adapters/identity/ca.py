"""
Certificates (数字证书): a demo authority for development, and the check of any chain.

The demo authority issues to parties that the centre has registered. In production the issuing certificates of
recognised authorities (电子认证服务机构) take its place; nothing else changes. The subject's serialNumber is the party
id.

Certificates come from strangers, some of them inside sealed bids: whatever the bytes, they are accepted or refused
with ``ChainInvalid``; no other exception leaves this module.

Source: 电子签名法 16-24; RFC 5280 4, 6.1; RFC 2986 4.2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.x509.oid import ExtensionOID, NameOID

from tradehall.desk.ports import Certificate, Chance
from tradehall.kernel.party import PartyInvalid, read_party
from tradehall.kernel.signing import PublicKey, certificate_kid

YEARS_OF_ROOT = 20
MOST_DAYS = 1100
_SERIAL_BYTES = 19
_COMMON_NAME_BYTES = 64
_CERTIFICATE_MAX: Final = 64 * 1024
_ODD: Final = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.ExtensionNotFound,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
"""All that reading a hostile certificate or request can raise; most of these are no ValueError."""
_BIT_STRING: Final = b"\x03"
_SEQUENCE: Final = b"\x30"
_LONG_FORM: Final = 0x80
_ORDERS: Final = {
    4: 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    6: 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973,
}
"""Orders of P-256 and P-384 by the 64-bit words of a signature's halves (FIPS 186-4 D.1.2)."""
_UNDERSTOOD: Final = frozenset({ExtensionOID.BASIC_CONSTRAINTS, ExtensionOID.KEY_USAGE})
"""Critical extensions this check takes into account; RFC 5280 4.2 refuses a certificate with any other."""


class ChainInvalid(ValueError):  # noqa: N818  - says what happened
    """A certificate does not lead to an accepted issuer, or does not hold at the instant (证书链无效)."""


class RequestInvalid(ValueError):  # noqa: N818  - says what happened
    """A certificate request is malformed, not signed by its own key, or of a weak key (证书申请无效)."""


@dataclass(frozen=True, slots=True)
class DemoAuthority:
    """A certificate authority for development (演示 CA). It is no recognised electronic certification service."""

    certificate: x509.Certificate
    key: EllipticCurvePrivateKey = field(repr=False)

    @classmethod
    def create(cls, name: str, *, at: datetime, chance: Chance) -> DemoAuthority:
        """Make a new root valid from a year before ``at``, so that demonstrations may play in the past."""
        key = generate_private_key(SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        root = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(int.from_bytes(chance(_SERIAL_BYTES)))
            .not_valid_before(at - timedelta(days=365))
            .not_valid_after(at + timedelta(days=365 * YEARS_OF_ROOT))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(authority=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        return cls(root, key)

    def issue(self, csr_der: bytes, *, party: str, name: str, at: datetime, days: int, chance: Chance) -> Certificate:
        """
        Issue a certificate for a request (签发证书).

        Raises:
            RequestInvalid: not a DER request, its own signature fails, the key is neither P-256 nor Ed25519, ``party``
                is no party id, or the request names another. Nothing of the request but its key is taken over.
        """
        try:
            csr = x509.load_der_x509_csr(csr_der)
            key = csr.public_key()
            sound = csr.is_signature_valid
            named = [str(a.value) for a in csr.subject.get_attributes_for_oid(NameOID.SERIAL_NUMBER)]
        except _ODD as error:
            raise RequestInvalid("not a PKCS #10 request in DER, or of an unknown algorithm") from error
        if not sound:
            raise RequestInvalid("the request is not signed by its own key")
        if named not in ([], [party]):
            raise RequestInvalid("the request names another party")
        try:
            return self.issue_for(_strong(key), party=party, name=name, at=at, days=days, chance=chance)
        except PartyInvalid as error:
            raise RequestInvalid("there is no such party") from error

    def issue_for(
        self, key: PublicKey, *, party: str, name: str, at: datetime, days: int, chance: Chance
    ) -> Certificate:
        """
        Issue a certificate for a key whose possession is proved (签发).

        Valid from ``at`` for ``days``, at most 1100 and never longer than the authority. A name of more than 64 bytes
        is cut at a character; the party id is what counts.

        Raises:
            PartyInvalid: ``party`` is no party id.
        """
        until = min(at + timedelta(days=min(days, MOST_DAYS)), self.certificate.not_valid_after_utc)
        common = (name or party).encode()[:_COMMON_NAME_BYTES].decode(errors="ignore")
        names = [
            x509.NameAttribute(NameOID.COMMON_NAME, common),
            x509.NameAttribute(NameOID.SERIAL_NUMBER, read_party(party)),
        ]
        issued = (
            x509.CertificateBuilder()
            .subject_name(x509.Name(names))
            .issuer_name(self.certificate.subject)
            .public_key(key)
            .serial_number(int.from_bytes(chance(_SERIAL_BYTES)))
            .not_valid_before(at)
            .not_valid_after(until)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(authority=False), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        der = issued.public_bytes(serialization.Encoding.DER)
        return Certificate(
            certificate_kid(der), party, der, issued.not_valid_before_utc, issued.not_valid_after_utc, None
        )


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=not authority,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def _strong(key: object) -> PublicKey:
    if isinstance(key, Ed25519PublicKey) or (
        isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1)
    ):
        return key
    raise RequestInvalid("the key is neither P-256 nor Ed25519")


@dataclass(frozen=True, slots=True)
class RevocationList:
    """Revoked certificates as data (证书吊销列表): key id → instant from which the certificate no longer holds."""

    revoked: Mapping[str, datetime]

    def revoked_at(self, kid: str) -> datetime | None:
        """Return when a certificate was revoked, or None."""
        return self.revoked.get(kid)


def never_revoked(kid: str) -> datetime | None:
    """Say of every certificate that it was not revoked (无吊销)."""
    return None


@dataclass(frozen=True, slots=True)
class Trust:
    """
    The accepted issuers (受信任的发证机构).

    Attributes:
        roots: certificates of those who sign parties' certificates directly; an authority with an intermediate is
            accepted by its intermediate.
        revoked_at: key id → instant of revocation, or None.
    """

    roots: Sequence[x509.Certificate]
    revoked_at: Callable[[str], datetime | None] = never_revoked

    def verify_chain(self, der: bytes, at: datetime) -> PublicKey:
        """
        Return the key of a certificate that is to be relied on at ``at`` (证书链验证).

        1. It is one X.509 v3 certificate with a P-256 or Ed25519 key, naming exactly one party.
        2. It may sign records: no authority, key usage digitalSignature, no critical extension nobody here knows.
        3. It is valid at ``at`` and not revoked by then.
        4. An accepted issuer signed it directly, may sign certificates, and is valid at ``at`` itself.

        Raises:
            ChainInvalid: anything else, whatever the bytes.
        """
        certificate = _read(der)  # 1
        key = _signing_key(certificate)  # 1, 2
        _party(certificate)  # 1
        if not _holds(certificate, at):  # 3
            raise ChainInvalid("not valid at that instant")
        revoked = revocation(certificate, self.revoked_at)
        if revoked is not None and revoked <= at:
            raise ChainInvalid("revoked by then")
        if not any(_may_issue(root, at) and _issued_by(certificate, root) for root in self.roots):  # 4
            raise ChainInvalid("no accepted issuer")
        return key

    @staticmethod
    def party_of(der: bytes) -> str:
        """Return the party a certificate names. Raises ChainInvalid, a ValueError, when it names none."""
        return _party(_read(der))


def verify_chain(
    der: bytes,
    roots: Iterable[x509.Certificate],
    at: datetime,
    *,
    revoked_at: Callable[[str], datetime | None] = never_revoked,
) -> PublicKey:
    """Return the key of a certificate to be relied on at ``at``; see :meth:`Trust.verify_chain`."""
    return Trust(tuple(roots), revoked_at).verify_chain(der, at)


def _read(der: bytes) -> x509.Certificate:
    if len(der) > _CERTIFICATE_MAX:
        raise ChainInvalid("too large for a certificate")
    try:
        certificate = x509.load_der_x509_certificate(der)
        strict = der.endswith(b"\0" + certificate.signature)
    except _ODD as error:
        raise ChainInvalid("not an X.509 certificate") from error
    if certificate.serial_number <= 0:  # RFC 5280, 4.1.2.2
        raise ChainInvalid("not a positive serial number")
    if not strict:  # the signature may claim unused bits: the same certificate under another key id
        raise ChainInvalid("not in the one encoding of a certificate")
    return certificate


def revocation(certificate: x509.Certificate, revoked_at: Callable[[str], datetime | None]) -> datetime | None:
    """
    Return when a certificate was revoked, under whichever key id (吊销查询), or None.

    An ECDSA signature (r, s) has one twin, (r, n - s), that anybody can compute: the holder of a revoked certificate
    must not come back with its twin, which nobody has revoked.
    """
    der = certificate.public_bytes(serialization.Encoding.DER)
    kids = {certificate_kid(other) for other in (der, _twin(certificate, der))}
    return min((instant for kid in kids if (instant := revoked_at(kid)) is not None), default=None)


def _twin(certificate: x509.Certificate, der: bytes) -> bytes:
    try:
        r, s = decode_dss_signature(certificate.signature)
        order = _ORDERS[-(-max(r.bit_length(), s.bit_length()) // 64)]
        other = b"\0" + encode_dss_signature(r, order - s)
    except (ValueError, KeyError):
        return der  # no signature on one of these curves
    start = der.index(certificate.tbs_certificate_bytes)
    end = len(der) - len(_tagged(_BIT_STRING, b"\0" + certificate.signature))
    return _tagged(_SEQUENCE, der[start:end] + _tagged(_BIT_STRING, other))


def _tagged(tag: bytes, content: bytes) -> bytes:
    """Return content in DER with its tag and length (X.690 8.1.3)."""
    length = len(content).to_bytes((len(content).bit_length() + 7) // 8, "big")
    short = len(content) < _LONG_FORM
    return tag + (length if short else bytes([_LONG_FORM | len(length)]) + length) + content


def _signing_key(certificate: x509.Certificate) -> PublicKey:
    try:
        key = _strong(certificate.public_key())
        critical = {extension.oid for extension in certificate.extensions if extension.critical}
        basic = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except _ODD as error:
        raise ChainInvalid("not a certificate for signing records") from error
    if basic.ca:
        raise ChainInvalid("an authority's certificate signs no records")
    if not usage.digital_signature:
        raise ChainInvalid("not for signatures")
    if not critical <= _UNDERSTOOD:
        raise ChainInvalid("a critical extension that is not understood")
    return key


def _party(certificate: x509.Certificate) -> str:
    try:
        names = certificate.subject.get_attributes_for_oid(NameOID.SERIAL_NUMBER)
        if len(names) != 1:
            raise ChainInvalid("the certificate names no party, or several")
        return read_party(str(names[0].value))
    except PartyInvalid as error:
        raise ChainInvalid("the certificate names no party") from error
    except _ODD as error:
        raise ChainInvalid("the subject can't be read") from error


def _holds(certificate: x509.Certificate, at: datetime) -> bool:
    return certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc


def _may_issue(root: x509.Certificate, at: datetime) -> bool:
    try:
        basic = root.extensions.get_extension_for_class(x509.BasicConstraints).value
        usage = root.extensions.get_extension_for_class(x509.KeyUsage).value
    except _ODD:
        return False
    return basic.ca and usage.key_cert_sign and _holds(root, at)


def _issued_by(certificate: x509.Certificate, root: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(root)
    except (*_ODD, InvalidSignature):
        return False
    return True
