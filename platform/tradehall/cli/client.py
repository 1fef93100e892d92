"""
A client of a node's API (接口客户端): logs in, files records, uploads files. The bidder's tool and the demo use it.
"""

from __future__ import annotations

import secrets
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from tradehall.desk.filing import signed_record
from tradehall.kernel.record import Attachment, Digest, SchemaRef
from tradehall.kernel.signing import EcSigner, Signer, certificate_kid

if TYPE_CHECKING:
    from tradehall_standards import Json

PART = 8 << 20
RETRY_SECONDS = (0.2, 0.5, 1.0, 2.0)
API = "/api/v1"


class Refused(Exception):  # noqa: N818  - says what happened
    """The node answered with a problem (被拒). ``problem`` is its RFC 9457 body."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        self.status = status
        self.problem = problem
        self.code = str(problem.get("code", ""))
        reasons = problem.get("messages", {})
        super().__init__(f"{self.code or status}: {reasons.get('zh', problem.get('title', ''))}")

    def sentence(self, lang: str) -> str:
        """Return what the node says, in one language."""
        return str(self.problem.get("messages", {}).get(lang, self.problem.get("title", "")))


class Unavailable(Exception):  # noqa: N818  - says what happened
    """The node could not be reached (服务不可用)."""


@dataclass(slots=True)
class Client:
    """Calls a node (接口调用). Safe to repeat: records carry their digest, uploads continue where they stopped."""

    http: httpx.Client
    token: str = ""

    def call(
        self,
        method: str,
        path: str,
        *,
        json: Json = None,
        content: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """
        Call the API; answers of 503 and lost connections are tried again.

        Raises:
            Refused: the node answered with a problem.
            Unavailable: it could not be reached after all tries.
        """
        sent = {"Accept": "application/json", **(headers or {})}
        if self.token:
            sent["Authorization"] = f"Bearer {self.token}"
        arguments: dict[str, Any] = {"headers": sent}
        if content is not None:
            arguments["content"] = content
        elif json is not None:
            arguments["json"] = json
        for pause in (*RETRY_SECONDS, None):
            try:
                answer = self.http.request(method, API + path, **arguments)
            except httpx.TransportError as error:
                if pause is None:
                    raise Unavailable(str(error)) from error
                time.sleep(pause)
                continue
            if answer.status_code != HTTPStatus.SERVICE_UNAVAILABLE or pause is None:
                return _checked(answer)
            time.sleep(pause)
        raise Unavailable(path)

    def get(self, path: str) -> Any:
        """Return the JSON at a path."""
        return self.call("GET", path).json()

    def post(self, path: str, json: Json = None) -> Any:
        """Post JSON and return the answer."""
        return self.call("POST", path, json=json if json is not None else {}).json()

    def login(self, name: str, password: str) -> None:
        """Log in and keep an API token (登录)."""
        answer = self.call("POST", "/tokens", json={"name": name, "password": password, "label": "tradehall client"})
        self.token = str(answer.json()["token"])

    def upload(self, chunks: Callable[[], Iterator[bytes]], digest: str, size: int, *, sealed: bool) -> None:
        """Upload a file to the vault, from where an earlier try stopped (断点续传)."""
        query = "?sealed=1" if sealed else ""
        known = self.call("GET", f"/vault/{digest}/upload{query}").json()
        if known["complete"]:
            return
        offset = int(known["offset"])
        for start, part in _parts(chunks, offset):
            end = start + len(part)
            self.call(
                "PUT",
                f"/vault/{digest}/upload{query}",
                content=part,
                headers={
                    "Content-Type": "application/octet-stream",
                    "Upload-Offset": str(start),
                    "Upload-Length": str(size),
                },
            )
            offset = end


def _parts(chunks: Callable[[], Iterator[bytes]], offset: int) -> Iterator[tuple[int, bytes]]:
    held, start, position = bytearray(), offset, 0
    for chunk in chunks():
        end = position + len(chunk)
        if end > offset:
            held += chunk[max(0, offset - position) :]
        position = end
        while len(held) >= PART:
            yield start, bytes(held[:PART])
            del held[:PART]
            start += PART
    if held or start == offset == position:
        yield start, bytes(held)


def _checked(answer: httpx.Response) -> httpx.Response:
    if answer.is_success:
        return answer
    try:
        problem = cast("Mapping[str, Any]", answer.json())
    except ValueError:
        problem = {"title": answer.reason_phrase}
    raise Refused(answer.status_code, problem)


@dataclass(slots=True)
class Actor:
    """
    Someone who files records (操作者): a party with a key, a certificate, and a way to the node.

    Attributes:
        receipts: wire record and receipt of everything accepted, in order.
    """

    party: str
    name: str
    client: Client
    signer: Signer | None = None
    certificate: bytes = b""
    receipts: list[tuple[dict[str, Json], dict[str, Any]]] = field(
        default_factory=list["tuple[dict[str, Json], dict[str, Any]]"]
    )
    schemas: dict[tuple[str, str], SchemaRef] = field(default_factory=dict["tuple[str, str]", SchemaRef])

    def certify(self) -> EllipticCurvePrivateKey:
        """Make a key, have a certificate issued for it, and sign with it from now on (申领证书)."""
        key = generate_private_key(SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self.name.encode()[:64].decode(errors="ignore"))])
        csr = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
        request = b64encode(csr.public_bytes(Encoding.DER)).decode("ascii")
        answer = self.client.post("/certificates", {"csr": request})
        self.use(key, x509.load_der_x509_certificate(b64decode(str(answer["certificate"]))))
        return key

    def use(self, key: EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
        """Sign with a key and its certificate."""
        self.certificate = certificate.public_bytes(Encoding.DER)
        self.signer = EcSigner(certificate_kid(self.certificate), key)

    def schema(self, case: str, family: str) -> SchemaRef:
        """Return the schema version to cite in a case (应引用的标准版本)."""
        known = self.schemas.get((case, family))
        if known is None:
            found = self.client.get(f"/schemas/{family}?case={case}")
            known = SchemaRef(family, str(found["version"]), str(found["digest"]))
            self.schemas[case, family] = known
        return known

    def file(
        self,
        case: str,
        family: str,
        payload: Mapping[str, Json],
        *,
        attachments: Sequence[Attachment] = (),
        signer: Signer | None = None,
        author: str = "",
    ) -> dict[str, Any]:
        """
        Sign a record and file it (签署并提交); returns the signed receipt.

        Raises:
            Refused: the node refused it; the signed refusal is in the problem.
        """
        with_key = signer or self.signer
        if with_key is None:
            raise ValueError("no key to sign with")
        record = signed_record(
            signer=with_key,
            author=author or self.party,
            schema=self.schema(case, family),
            case=case,
            nonce=secrets.token_bytes(16),
            payload=payload,
            attachments=attachments,
        )
        receipt = cast("dict[str, Any]", self.client.post("/records", record))
        self.receipts.append((record, receipt))
        return receipt

    def attach(self, path: Path, *, name: str = "", media_type: str, sealed: bool) -> Attachment:
        """Upload a file and return the attachment that names it."""
        digest, size = sha256(), 0
        for chunk in _file(path):
            digest.update(chunk)
            size += len(chunk)
        sha = "sha256:" + digest.hexdigest()
        self.client.upload(lambda: _file(path), sha, size, sealed=sealed)
        return Attachment(name or path.name, Digest(sha), size, media_type)


def _file(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while chunk := stream.read(1 << 20):
            yield chunk
