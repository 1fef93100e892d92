"""
Time stamps (时间戳, RFC 3161) for the demonstration, made in the same process.

This is **no legal source of time** (非法定时间源): it stamps what its clock argument says, under a key of the sandbox.
A deployment gives the address of a licensed authority to pyHanko's HTTP time stamper instead.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from pyhanko.sign.timestamps import TimeStamper

from tradehall.adapters.pdf.asn1 import algos, cms, core, tsp
from tradehall.adapters.pdf.asn1 import x509 as asn1_x509

POLICY: Final = "2.25.294873912043"
_DIGESTS: Final = frozenset({"sha256", "sha384", "sha512"})


@dataclass(frozen=True, slots=True)
class TimeAuthority:
    """
    A time-stamping authority (时间戳服务).

    Attributes:
        key: P-256 key; ``certificate`` is its certificate with the one extended key usage *time stamping*, critical.
        clock: returns the present instant, aware.
    """

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate
    clock: Callable[[], datetime]

    @classmethod
    def self_certified(
        cls, name: str, *, clock: Callable[[], datetime], at: datetime, days: int = 1100
    ) -> TimeAuthority:
        """Make an authority with a new key that is its own root: give its certificate to verifiers as a stamp root."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
        builder = builder.serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(at - timedelta(days=365)).not_valid_after(at + timedelta(days=days))
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
        return cls(key, builder.sign(key, hashes.SHA256()), clock)

    def answer(self, request: Any) -> Any:
        """Answer a request: granted for SHA-2 imprints, else rejected with *badAlg*."""
        imprint = request["message_imprint"]
        if imprint["hash_algorithm"]["algorithm"].native not in _DIGESTS:
            return tsp.TimeStampResp({"status": {"status": "rejection", "fail_info": {"bad_alg"}}})
        info = {
            "version": "v1",
            "policy": POLICY,
            "message_imprint": imprint,
            "serial_number": secrets.randbits(64),
            "gen_time": self.clock().astimezone(UTC).replace(microsecond=0),
            "accuracy": {"seconds": 1},
        }
        if request["nonce"].native is not None:
            info["nonce"] = request["nonce"]
        return tsp.TimeStampResp({"status": {"status": "granted"}, "time_stamp_token": self._token(tsp.TSTInfo(info))})

    def _token(self, info: Any) -> Any:
        der = self.certificate.public_bytes(Encoding.DER)
        certificate = asn1_x509.Certificate.load(der)
        sha256 = algos.DigestAlgorithm({"algorithm": "sha256"})
        signing = tsp.SigningCertificateV2({"certs": [{"cert_hash": hashlib.sha256(der).digest()}]})
        values = (
            ("content_type", "tst_info"),
            ("message_digest", hashlib.sha256(info.dump()).digest()),
            ("signing_certificate_v2", signing),
        )
        attributes = cms.CMSAttributes([cms.CMSAttribute({"type": t, "values": [v]}) for t, v in values])
        signer = {
            "version": "v1",
            "sid": {
                "issuer_and_serial_number": {"issuer": certificate.issuer, "serial_number": certificate.serial_number}
            },
            "digest_algorithm": sha256,
            "signed_attrs": attributes,
            "signature_algorithm": {"algorithm": "sha256_ecdsa"},
            "signature": self.key.sign(attributes.untag().dump(), ec.ECDSA(hashes.SHA256())),
        }
        signed = {
            "version": "v3",
            "digest_algorithms": [sha256],
            "encap_content_info": {"content_type": "tst_info", "content": core.ParsableOctetString(info.dump())},
            "certificates": [certificate],
            "signer_infos": [signer],
        }
        return cms.ContentInfo({"content_type": "signed_data", "content": cms.SignedData(signed)})


class InProcessTimeStamper(TimeStamper):
    """pyHanko's time stamper over a :class:`TimeAuthority`, without a network."""

    def __init__(self, authority: TimeAuthority) -> None:
        cast("Any", super()).__init__()  # untyped in pyHanko
        self._authority = authority

    async def async_request_tsa_response(self, req: Any) -> Any:
        """Answer at once."""
        return self._authority.answer(req)
