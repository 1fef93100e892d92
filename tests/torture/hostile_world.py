"""
A hostile world 敌意环境: a real node over TLS where everybody writes hostile text, a second site that attacks it, and a
canary that must never be asked for anything.
"""

from __future__ import annotations

import logging
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from time import sleep
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import httpx
import structlog
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from played import PASSWORD, new_node
from portal.samples import SAMPLES, USER
from torture.hostile import MARK, Texts, in_record, in_view
from tradehall.cli.client import Actor, Client
from tradehall.demo import play as demo
from tradehall.demo.play import Cast, Play
from tradehall.main import Node
from tradehall.rules import sealing
from tradehall.web.portal import render
from tradehall.web.security import HTTPS, headers_for
from tradehall_standards import Catalogue

HALL, SIBLING, EVIL, CANARY = "hall.test", "evil.hall.test", "evil.test", "c.test"
SAMPLE_PATH: Final = "/~sample/"
SVG: Final = b"<svg xmlns='http://www.w3.org/2000/svg' onload='th(1)'><script>th(1)</script></svg>"
HTML: Final = b"<!doctype html><script>th(1)</script><img src=x onerror=th(1)>"


def make_certificate(folder: Path) -> Path:
    """Write a key and a certificate for every host of this world into one file."""
    key = generate_private_key(SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HALL)])
    now = datetime.now(UTC)
    hosts: list[x509.GeneralName] = [x509.DNSName(h) for h in (HALL, f"*.{HALL}", EVIL, CANARY)]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([*hosts, x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "tls.pem"
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(secret + made.public_bytes(Encoding.PEM))
    return path


class Site(ThreadingHTTPServer):
    """A small site: answers with ``pages`` by path, and remembers what it was asked for."""

    daemon_threads = True

    def __init__(self, certificate: Path | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.pages: dict[str, tuple[str, bytes, list[tuple[str, str]]]] = {}
        self.asked: list[str] = []
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def show(self, path: str, text: str, *cookies: str) -> None:
        """Serve a page at a path."""
        self.pages[path] = ("text/html", text.encode(), [("Set-Cookie", c) for c in cookies])

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that hangs up is no news."""

    def stop(self) -> None:
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: Site

    def do_GET(self) -> None:
        self.server.asked.append(f"{self.command} {self.path}")
        kind, body, more = self.server.pages.get(urlsplit(self.path).path, ("text/plain", b"canary", []))
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Access-Control-Allow-Origin", "*")
        for name, value in more:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Keep quiet."""


class World:
    """
    A node that is served over TLS at https://hall.test, with its actors.

    The pages of ``tests/portal/samples.py`` are served beside it, hostile in every field, with the node's own headers.
    """

    def __init__(self, folder: Path, texts: Texts, certificate: Path) -> None:
        logging.disable(logging.WARNING)
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
        self.folder, self.texts = folder, texts
        self._trust = ssl.create_default_context(cafile=certificate)
        self.node: Node
        self.node, self.app = new_node(folder, Catalogue.load(), public_url=f"https://{HALL}")
        config = uvicorn.Config(
            self._serve,
            interface="asgi3",
            host="127.0.0.1",
            port=0,
            log_level="critical",
            ssl_certfile=certificate,
            ssl_keyfile=certificate,
        )
        self._server = uvicorn.Server(config)
        threading.Thread(target=self._server.run, daemon=True).start()
        while not self._server.started:
            sleep(0.02)
        self.port = int(self._server.servers[0].sockets[0].getsockname()[1])
        self.origin = f"https://{HALL}:{self.port}"
        self.shift = 0

    def stop(self) -> None:
        self._server.should_exit = True
        sleep(0.2)
        self.node.close()

    # --- serving ----------------------------------------------------------------------------------------------

    async def _serve(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"].startswith(SAMPLE_PATH):
            name, turn = scope["path"].removeprefix(SAMPLE_PATH).split("/")
            body = self.sample(name, int(turn), parse_qs(scope["query_string"].decode())).encode()
            sent = [("content-type", "text/html; charset=utf-8"), *headers_for(HTTPS).items()]
            headers = [(k.encode(), v.encode()) for k, v in sent]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": body})
            return
        await self.app(scope, receive, send)

    def sample(self, name: str, turn: int, query: dict[str, list[str]]) -> str:
        """Render a sample in which every text is hostile, others at every turn."""
        single = "single" in query
        view = in_view(
            SAMPLES[name], lambda n: self.texts.one(turn + n) if single else self.texts.block(8 * turn + 9 * n)
        )
        lang = "en" if query.get("lang") == ["en"] else "zh"
        return render.render(view, lang=lang, csrf=self.texts.one(turn), user=in_view(USER, self.texts.one))

    # --- actors -----------------------------------------------------------------------------------------------

    def connect(self) -> Client:
        return Client(httpx.Client(base_url=f"https://127.0.0.1:{self.port}", verify=self._trust, timeout=60))

    def put(self, text: str, most: int) -> str:
        return self.texts.like(text, self.shift, most)

    @contextmanager
    def hostile_people(self, bidders: int) -> Iterator[None]:
        """Make everybody register under a hostile name and write hostile text into every field that is free."""
        file, enrol = Actor.file, Play._enrol
        names, prices = demo.BIDDER_NAMES, demo.PRICES

        def hostile_file(actor: Actor, case: str, family: str, payload: Any, **more: Any) -> Any:
            return file(actor, case, family, in_record(family, payload, self.put), **more)

        def hostile_enrol(play: Any, operator: Any, party: str, name: str, *rest: Any) -> Any:
            return enrol(play, operator, party, name if MARK in name else self.put(name, 0), *rest)

        Actor.file, Play._enrol = hostile_file, hostile_enrol  # type: ignore[method-assign,assignment]
        demo.BIDDER_NAMES = tuple(self.texts.one(self.shift + n) for n in range(bidders))
        demo.PRICES = tuple(f"{18000000 + 10000 * n}.00" for n in range(bidders))
        try:
            yield
        finally:
            Actor.file, Play._enrol = file, enrol  # type: ignore[method-assign]
            demo.BIDDER_NAMES, demo.PRICES = names, prices

    def play(self, bidders: int, watch: Callable[[str, str], None]) -> tuple[Play, Cast]:
        """Play the demo's tender; ``watch`` is told the case and every step."""
        out = self.folder / f"out{self.shift}"
        out.mkdir()
        gathered: list[Cast] = []
        gather = Play._gather
        acted = Play(
            self.connect,
            PASSWORD,
            out,
            lambda _zh, en: watch(str(acted.facts.get("tender", "")), en),
            self.origin,
            bidders,
        )
        Play._gather = lambda play: gathered.append(gather(play)) or gathered[0]  # type: ignore[method-assign,func-returns-value]
        try:
            acted.run()
        finally:
            Play._gather = gather  # type: ignore[method-assign]
        return acted, gathered[0]

    def announce(self, who: Cast, n: int) -> str:
        """Announce one more tender whose n-th turn of texts is hostile, with questions, answers and objections."""
        self.shift = n
        case = str(who.agency.client.post("/cases", {"procedure": "open_tender"})["id"])
        who.agency.file(case, "project", demo.project_payload(who))
        attached = []
        for kind, data in (("image/svg+xml", SVG), ("text/html", HTML)):
            path = self.folder / f"{n}.{kind[-3:]}"
            path.write_bytes(data + str(n).encode())
            name = self.texts.one(n).replace("/", "∕").replace("\\", "")[:190] + f".{kind[-3:]}"
            attached.append(who.agency.attach(path, name=name, media_type=kind, sealed=False))
        document = who.agency.file(case, "tender_document", demo.document_payload(), attachments=attached)
        custodians: list[Any] = [
            {
                "party": {"id": a.party, "name": a.name},
                "role": role,
                "recipient": sealing.recipient_of_secret(sealing.new_secret(self.node.door.chance)),
            }
            for a, role in zip((who.tenderer, who.chengdu, who.deyang), ("tenderer", "centre", "city"), strict=True)
        ]
        notice: Any = demo.notice_payload(document["receipt"]["record"], custodians) | DATES
        who.agency.file(case, "tender_notice", notice)
        asked = [
            who.bidders[i].file(case, "question", {"text": [f"问{i}{t}" for t in range(3)]})["receipt"]["record"]
            for i in (0, 1)
        ]
        answer = {"number": 1, "answers": asked[:1], "text": ["答一", "答二"]}
        who.agency.file(case, "clarification", answer | {"affects_preparation": False, "invalidates_bids": False})
        grounds: Any = {"about": "document", "grounds": ["一", "二"], "evidence": ["三"], "request": ["四"]}
        objections = [who.bidders[i].file(case, "objection", grounds)["receipt"]["record"] for i in (2, 3)]
        reply: Any = {"objection": objections[0], "decision": "rejected", "reasons": ["五", "六"], "action": "none"}
        who.agency.file(case, "objection_reply", reply)
        if n % 4 == 0:
            who.agency.file(case, "objection_reply", reply | {"objection": objections[1]})
            self._cancel(who, case)
        return case

    def _cancel(self, who: Cast, case: str) -> None:
        proposal: Any = {"act": "cancel", "lots": ["L1", "L2"], "explanation": "七"}
        approval = who.agency.file(case, "proposal", proposal)["receipt"]["record"]
        cancellation: Any = {"lots": ["L1", "L2"], "reason": "plan_changed", "explanation": ["八", "九"]}
        who.tenderer.file(
            case, "cancellation", cancellation | {"approved_by": who.tenderer.party, "approval": approval}
        )


DATES: Final = {
    "issued_at": "2026-04-09T09:00:00.000+08:00",
    "document_sale": {"start": "2026-04-09T09:00:00.000+08:00", "end": "2026-04-16T17:00:00.000+08:00"},
    "bid_deadline": "2026-05-06T09:30:00.000+08:00",
    "opening": {"at": "2026-05-06T09:30:00.000+08:00", "place": "第 2 开标厅"},
    "question_deadline": "2026-04-20T17:00:00.000+08:00",
}
ANNOUNCED: Final = "2026-04-09T09:00:00+08:00"
