"""
PDF signatures (电子签名): PAdES B-B, or B-T when a time stamper is given, one after the other on the same file.

Each signature is an incremental update that covers the whole file as it then stands, so later members of a committee
add theirs without touching what the earlier ones signed. The first may *certify* the file: from then on nothing but
further signatures is permitted (DocMDP 2). Signatures are invisible; nothing that looks like a seal is drawn.

The instant is an argument. Calls block, also under a running event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import Any, Final, TypeVar, cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.writer import BasePdfFileWriter
from pyhanko.sign import fields, signers
from pyhanko.sign.fields import MDPPerm, SigSeedSubFilter
from pyhanko.sign.signers.pdf_signer import PdfSigningSession
from pyhanko.sign.timestamps import TimeStamper
from pyhanko_certvalidator.registry import SimpleCertificateStore

from tradehall.adapters.pdf.asn1 import algos
from tradehall.adapters.pdf.asn1 import x509 as asn1_x509

_T = TypeVar("_T")

RESERVED_BYTES: Final = 8192
"""Room for one CMS object; a fixed number spares pyHanko a second, estimating signature."""


@dataclass(frozen=True, slots=True)
class Signatory:
    """
    Who signs a PDF (签署人): key, certificate, and the intermediate certificates to send along (no root).

    Raises:
        ValueError: the key is not on P-256, or does not belong to the certificate.
    """

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate
    intermediates: tuple[x509.Certificate, ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.key.curve, ec.SECP256R1):
            raise ValueError("PDF signatures are ECDSA on P-256")  # noqa: TRY004  - the value, not the type
        if self.key.public_key() != self.certificate.public_key():
            raise ValueError("the key does not belong to the certificate")


def sign_pdf(
    pdf: bytes,
    *,
    by: Signatory,
    at: datetime,
    field: str,
    certify: bool = False,
    reason: str | None = None,
    timestamper: TimeStamper | None = None,
) -> bytes:
    """
    Add one signature (签名) in a new revision.

    Args:
        pdf: the file as it stands.
        by: key and certificate of the signer.
        at: the claimed instant of signing (/M), aware.
        reason: text for viewers (/Reason).
        field: name of the signature field; an empty field of that name is filled, else one is made.
        certify: permit only further signatures from now on; for the first signature of a file.
        timestamper: makes the signature PAdES B-T.

    Returns:
        The file with its new revision; the given bytes are its beginning.

    Raises:
        pyhanko.sign.general.SigningError: not permitted by an earlier certification, or a broken file.
    """
    metadata = signers.PdfSignatureMetadata(
        field_name=field,
        md_algorithm="sha256",
        reason=reason,
        subfilter=SigSeedSubFilter.PADES,
        certify=certify,
        docmdp_permissions=MDPPerm.FILL_FORMS,
    )
    signer = _SignerAt(metadata, signer=_Signer(by), timestamper=timestamper, at=at)
    writer = IncrementalPdfFileWriter(BytesIO(pdf))
    output = BytesIO()
    run_apart(cast("Any", signer).async_sign_pdf(writer, bytes_reserved=RESERVED_BYTES, output=output))
    return output.getvalue()


def add_fields(pdf: bytes, names: Sequence[str]) -> bytes:
    """Add empty invisible signature fields (签名域), one for each member, before the first one signs."""
    writer = IncrementalPdfFileWriter(BytesIO(pdf))
    for name in names:
        fields.append_signature_field(writer, fields.SigFieldSpec(sig_field_name=name))
    output = BytesIO()
    cast("Any", writer).write(output)  # untyped in pyHanko
    return output.getvalue()


def run_apart(work: Coroutine[Any, Any, _T]) -> _T:
    """Run a coroutine of pyHanko to its end, in a thread of its own when this one has an event loop running."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


class _SignerAt(signers.PdfSigner):
    """pyHanko's signer with the instant given instead of read from the system clock."""

    def __init__(
        self,
        metadata: signers.PdfSignatureMetadata,
        *,
        signer: signers.Signer,
        timestamper: TimeStamper | None,
        at: datetime,
    ) -> None:
        super().__init__(metadata, signer=signer, timestamper=timestamper)
        self._at = at

    def init_signing_session(
        self,
        pdf_out: BasePdfFileWriter,
        existing_fields_only: bool = False,
    ) -> PdfSigningSession:
        session = super().init_signing_session(pdf_out, existing_fields_only)
        session.system_time = self._at
        return session


class _Signer(signers.Signer):
    """ECDSA with a key object; nonces after RFC 6979, so that a bad random source can't give the key away."""

    def __init__(self, by: Signatory) -> None:
        store = cast("Any", SimpleCertificateStore)()  # untyped in pyHanko
        store.register_multiple(_asn1(c) for c in by.intermediates)
        super().__init__(
            signing_cert=_asn1(by.certificate),
            cert_registry=store,
            signature_mechanism=algos.SignedDigestAlgorithm({"algorithm": "sha256_ecdsa"}),
            embed_roots=False,
        )
        self._key = by.key

    async def async_sign_raw(self, data: bytes, digest_algorithm: str, dry_run: bool = False) -> bytes:  # noqa: ARG002  - pyHanko's
        return self._key.sign(data, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))


def _asn1(certificate: x509.Certificate) -> Any:
    return asn1_x509.Certificate.load(certificate.public_bytes(Encoding.DER))
