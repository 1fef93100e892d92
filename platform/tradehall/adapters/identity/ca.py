"""
Certificates (数字证书): a demo authority for development, and the check of any chain.

The demo authority issues to parties that the centre has registered. In production the roots of recognised authorities
(电子认证服务机构) take its place; nothing else changes. The subject's serialNumber is the party id.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, EllipticCurvePublicKey, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.x509.oid import NameOID

from tradehall.desk.ports import Certificate, Chance
from tradehall.kernel.signing import PublicKey, certificate_kid

YEARS_OF_ROOT = 20
MOST_DAYS = 1100
_SERIAL_BYTES = 19


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

    def issue(self, csr_pem: bytes, *, party: str, name: str, at: datetime, days: int, chance: Chance) -> Certificate:
        """
        Issue a certificate for a request (签发证书).

        Raises:
            RequestInvalid: not a PEM request, its own signature fails, or the key is neither P-256 nor Ed25519.
        """
        try:
            csr = x509.load_pem_x509_csr(csr_pem)
            key = csr.public_key()
            sound = csr.is_signature_valid
        except (ValueError, TypeError) as error:
            raise RequestInvalid("not a PKCS #10 request in PEM") from error
        if not sound:
            raise RequestInvalid("the request is not signed by its own key")
        return self.issue_for(_strong(key), party=party, name=name, at=at, days=days, chance=chance)

    def issue_for(self, key: PublicKey, *, party: str, name: str, at: datetime, days: int, chance: Chance) -> Certificate:
        """Issue a certificate for a key whose possession is proved."""
        until = min(at + timedelta(days=min(days, MOST_DAYS)), self.certificate.not_valid_after_utc)
        names = [x509.NameAttribute(NameOID.COMMON_NAME, name[:64]), x509.NameAttribute(NameOID.SERIAL_NUMBER, party)]
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
        return Certificate(certificate_kid(der), party, der, issued.not_valid_before_utc, issued.not_valid_after_utc, None)


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
    if isinstance(key, Ed25519PublicKey) or (isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1)):
        return key
    raise RequestInvalid("the key is neither P-256 nor Ed25519")


@dataclass(frozen=True, slots=True)
class Trust:
    """The accepted issuers (受信任的发证机构)."""

    roots: Sequence[x509.Certificate]

    def verify_chain(self, der: bytes, at: datetime) -> PublicKey:
        """
        Return the key of a certificate that an accepted issuer signed directly and that is valid at ``at``.

        Raises:
            ChainInvalid: anything else.
        """
        try:
            certificate = x509.load_der_x509_certificate(der)
            key = _strong(certificate.public_key())
            basic = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
        except (ValueError, x509.ExtensionNotFound) as error:
            raise ChainInvalid(f"not an acceptable certificate: {error}") from error
        if basic.ca:
            raise ChainInvalid("an authority's certificate signs no records")
        if not certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc:
            raise ChainInvalid("not valid at that instant")
        if not any(_issued_by(certificate, root) for root in self.roots):
            raise ChainInvalid("no accepted issuer")
        return key

    @staticmethod
    def party_of(der: bytes) -> str:
        """Return the party a certificate names. Raises ValueError when it names none."""
        names = x509.load_der_x509_certificate(der).subject.get_attributes_for_oid(NameOID.SERIAL_NUMBER)
        if len(names) != 1:
            raise ValueError("the certificate names no party")
        return str(names[0].value)


def _issued_by(certificate: x509.Certificate, root: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(root)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True
