"""A small PKI and the application for a letter; names are fictional."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tradehall.adapters.pdf.signing import Signatory

AT = datetime(2026, 3, 20, 10, 15, 30, tzinfo=timezone(timedelta(hours=8)))
BANK = {"id": "org:91510100MA6XBANK05", "name": "锦官（沙箱）银行股份有限公司"}
APPLICATION = {
    "tender": "t-abcdefghijklmnopqrstuvwxyz",
    "lot": "L1",
    "applicant": {"id": "org:91510100MA6CDXAM2J", "name": "安澜水利工程股份有限公司"},
    "beneficiary": {"id": "org:91510100MA6CDXAM3K", "name": "兴隆湖水务投资有限公司"},
    "amount": {"amount": "800000.00", "currency": "CNY"},
    "valid_from": "2026-03-25",
    "valid_until": "2026-07-23",
    "kind": "bid_security",
}
PROJECT = "兴隆湖片区智慧水务提升工程（施工）"
NONCE = "00112233445566778899aabbccddeeff"


@dataclass(frozen=True)
class Authority:
    """A certification authority of the tests."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @classmethod
    def root(cls, name: str) -> Authority:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = _builder(subject, subject, key).add_extension(
            x509.BasicConstraints(ca=True, path_length=1), critical=True
        )
        builder = builder.add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
        return cls(key, builder.sign(key, hashes.SHA256()))

    def certify(self, party: str, name: str, *, stamps: bool = False, ca: bool = False) -> Signatory:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, name),
                x509.NameAttribute(NameOID.ORGANIZATION_IDENTIFIER, party),
            ]
        )
        builder = _builder(subject, self.certificate.subject, key)
        builder = builder.add_extension(x509.BasicConstraints(ca=ca, path_length=0 if ca else None), critical=True)
        usage = (
            _usage(key_cert_sign=True, crl_sign=True) if ca else _usage(digital_signature=True, content_commitment=True)
        )
        builder = builder.add_extension(usage, critical=True)
        if stamps:
            builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
        return Signatory(key, builder.sign(self.key, hashes.SHA256()))

    def revoke(self, certificate: x509.Certificate, at: datetime) -> x509.CertificateRevocationList:
        entry = x509.RevokedCertificateBuilder().serial_number(certificate.serial_number).revocation_date(at).build()
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.certificate.subject).last_update(at)
        return (
            builder.next_update(at + timedelta(days=7)).add_revoked_certificate(entry).sign(self.key, hashes.SHA256())
        )


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(AT - timedelta(days=30))
        .not_valid_after(AT + timedelta(days=365))
    )


def _usage(**given: bool) -> x509.KeyUsage:
    names = [
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    ]
    return x509.KeyUsage(**{name: given.get(name, False) for name in names})


def issue(issuer, **changes):
    arguments = {"number": "G-2026-0417-3F9A", "project_name": PROJECT, "nonce": NONCE, "at": AT}
    return issuer.issue(APPLICATION, **{**arguments, **changes})
