"""A whole node behind its web application, called as raw ASGI: any method, bytes, header, scheme and address."""

from __future__ import annotations

import asyncio
import contextlib
import json
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key
from cryptography.hazmat.primitives.serialization import Encoding
from litestar import Litestar

from tradehall.adapters.identity.passwords import Cost, hash_password
from tradehall.kernel.record import SchemaRef, envelope_bytes
from tradehall.kernel.signing import EcSigner, sign_detached
from tradehall.main import Node, Settings, build_context, build_node
from tradehall.web.app import build_app
from tradehall.web.site import HANDLERS
from tradehall_standards import Catalogue

START = "2026-03-01T09:00:00+08:00"
PASSWORD = "a password of some length"
CHEAP = Cost(16, 1, 1)
PARTY = "org:9151010000T000011K"
CASE = "t-" + "a" * 26
PAYLOADS = Path(__file__).parents[2] / "schemas" / "records"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        return str(self.json().get("code", ""))

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key == name), "")

    @property
    def cookie(self) -> tuple[str, str]:
        """Name and value of the cookie that was set."""
        name, _, value = self.header("set-cookie").partition(";")[0].partition("=")
        return name, value


@dataclass
class Hall:
    node: Node
    app: Litestar
    runner: asyncio.Runner
    tokens: dict[str, str] = field(default_factory=dict)

    def call(
        self,
        method: str,
        path: str,
        *,
        body: bytes | Any = b"",
        headers: dict[str, str] | None = None,
        role: str = "",
        scheme: str = "http",
        address: str = "10.0.0.1",
        leaves: bool = False,
    ) -> Answer:
        """
        Send one request; a body that is no bytes goes as JSON.

        ``role`` adds the token of a known account; a client that ``leaves`` is gone before its body is whole.
        """
        sent = {"host": "hall.example"} | {k.lower(): v for k, v in (headers or {}).items()}
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
            sent.setdefault("content-type", "application/json")
        if role:
            sent["authorization"] = f"Bearer {self.tokens[role]}"
        sent.setdefault("content-length", str(len(body)))
        return self.runner.run(self._send(method, path, body, sent, scheme, address, leaves=leaves))

    async def _send(
        self,
        method: str,
        path: str,
        body: bytes,
        headers: dict[str, str],
        scheme: str,
        address: str,
        *,
        leaves: bool = False,
    ) -> Answer:
        waiting = [{"type": "http.request", "body": body, "more_body": leaves}]
        messages: list[Any] = []

        async def receive() -> Any:
            return waiting.pop() if waiting else {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            messages.append(message)

        await self.app(_scope(method, path, headers, scheme, address), receive, send)  # type: ignore[arg-type]
        start = next(m for m in messages if m["type"] == "http.response.start")
        return Answer(
            start["status"],
            [(k.decode("latin-1").lower(), v.decode("latin-1")) for k, v in start["headers"]],
            b"".join(m.get("body", b"") for m in messages if m["type"] == "http.response.body"),
        )

    async def put_part(self, digest: str, start: int, data: bytes, length: int) -> Answer:
        """Send a part of a file as a party; several may be under way at once."""
        headers = {
            "host": "hall.example",
            "authorization": f"Bearer {self.tokens['party']}",
            "content-type": "application/octet-stream",
            "content-length": str(len(data)),
            "upload-offset": str(start),
            "upload-length": str(length),
        }
        return await self._send("PUT", f"/api/v1/vault/{digest}/upload", data, headers, "http", "10.0.0.1")

    def begin(self, path: str, headers: dict[str, str]) -> int:
        """Ask for a stream, leave when it has begun, and return its status."""
        return self.runner.run(self._begin(path, {"host": "hall.example"} | headers))

    async def _begin(self, path: str, headers: dict[str, str]) -> int:
        begun: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        async def receive() -> Any:
            await asyncio.Event().wait()

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                begun.set_result(message["status"])

        scope = _scope("GET", path, headers, "http", "10.0.0.1")
        task = asyncio.create_task(self.app(scope, receive, send))  # type: ignore[arg-type]
        done, _ = await asyncio.wait({task, begun}, return_when=asyncio.FIRST_COMPLETED)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assert begun in done or begun.done()
        return begun.result()

    def add_account(self, name: str, party: str, *roles: str) -> None:
        """Register a party with a cheap password, and keep a token of it."""
        self.node.directory.register(party, "示例单位", frozenset(roles))
        self.node.directory.set_account(name, party, hash_password(PASSWORD, self.node.door.chance, cost=CHEAP))
        body = {"name": name, "password": PASSWORD, "label": "tests"}
        self.tokens[name] = self.call("POST", "/api/v1/tokens", body=body).json()["token"]

    def file_project(self) -> None:
        """Open the case ``CASE`` with the example of a project, signed by its tenderer."""
        key = derive_private_key(0x7E57, SECP256R1())
        csr = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
        request = {"csr": b64encode(csr.public_bytes(Encoding.DER)).decode()}
        issued = self.call("POST", "/api/v1/certificates", body=request, role="party").json()
        found = self.call("GET", "/api/v1/schemas/project").json()
        envelope, signed = envelope_bytes(
            schema=SchemaRef("project", found["version"], found["digest"]),
            case=CASE,
            author=PARTY,
            filed_by=PARTY,
            nonce="n" * 22,
            payload=json.loads((PAYLOADS / "project/1.0.0/examples/valid/works.json").read_text(encoding="utf-8")),
        )
        record = {"envelope": envelope, "signature": sign_detached(signed, EcSigner(issued["kid"], key))}
        answer = self.call("POST", "/api/v1/records", body=record, role="party")
        assert answer.status == 201, answer.body


def _scope(method: str, path: str, headers: dict[str, str], scheme: str, address: str) -> dict[str, Any]:
    parts = urlsplit("http://x" + path)
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": scheme,
        "path": _unquoted(parts.path),
        "raw_path": parts.path.encode("utf-8", "replace"),
        "query_string": parts.query.encode("utf-8", "surrogateescape"),
        "root_path": "",
        "headers": [(k.encode("latin-1"), v.encode("latin-1", "replace")) for k, v in headers.items()],
        "client": (address, 50000),
        "server": ("hall.example", 80),
        "state": {},
        "extensions": {},
    }


def _unquoted(path: str) -> str:
    from urllib.parse import unquote

    return unquote(path, errors="replace")


@contextmanager
def open_hall(folder: Path, catalogue: Catalogue) -> Iterator[Hall]:
    """Open a node in a sandbox whose clock stands still, with the accounts ``party``, ``expert`` and ``centre``."""
    settings = Settings(data=folder / "node", sandbox_start=START, sandbox_rate=0, public_url="http://hall.example")
    node = build_node(settings, catalogue=catalogue)
    app = build_app(build_context(node), HANDLERS)
    with asyncio.Runner() as runner:
        life = _Life(app)
        runner.run(life.start())
        hall = Hall(node, app, runner)
        hall.add_account("party", PARTY)
        hall.add_account("expert", "person:abcdefghij234567", "expert")
        hall.add_account("centre", "org:1251010000T000046B", "centre")
        hall.file_project()
        try:
            yield hall
        finally:
            runner.run(life.end())
            node.close()


class _Life:
    """The lifespan of an application, entered and left in one task of its own."""

    def __init__(self, app: Litestar) -> None:
        self._app = app
        self._begun, self._over = asyncio.Event(), asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def _live(self) -> None:
        async with self._app.lifespan():
            self._begun.set()
            await self._over.wait()

    async def start(self) -> None:
        self._task = asyncio.create_task(self._live())
        await self._begun.wait()

    async def end(self) -> None:
        self._over.set()
        if self._task is not None:
            await self._task
