"""A real hall in a thread for the commands that talk to one, and the parties of a tender."""

from __future__ import annotations

import gc
import logging
import secrets
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import click
import httpx
import pytest
import structlog
import uvicorn
from click.testing import CliRunner

from tradehall.adapters import sealing as disk
from tradehall.adapters.identity import passwords
from tradehall.adapters.identity.ca import Trust
from tradehall.adapters.pdf.verify import verify_letter
from tradehall.cli.bidder import BidTools
from tradehall.cli.client import Actor, Client
from tradehall.cli.custodian import CustodianTools
from tradehall.cli.doctor import catalogue_check
from tradehall.cli.mount import CliTools, add_commands
from tradehall.demo.play import document_payload, notice_payload, organisation, project_payload
from tradehall.desk.standing import Standing
from tradehall.main import PROCEDURES, Node, Settings, build_context, build_node
from tradehall.web.app import build_app
from tradehall.web.site import HANDLERS as PAGES

START = "2026-03-02T08:30:00+08:00"
ISSUED = "2026-03-02T12:00:00.000+08:00"


@pytest.fixture(scope="session", autouse=True)
def quiet():
    """Keep the node's log and collector settings out of other tests."""
    logging.disable(logging.WARNING)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    thresholds = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)
    structlog.reset_defaults()
    logging.disable(logging.NOTSET)


class Cut(httpx.HTTPTransport):
    """A network that can be cut: after ``left`` more answers to ``method`` every answer is lost on its way back."""

    def __init__(self) -> None:
        super().__init__()
        self.left: int | None = None
        self.method = "POST"
        self.path = ""
        self.calls: list[tuple[str, str]] = []
        self.forge: Callable[[str, bytes], bytes] | None = None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = super().handle_request(request)
        self.calls.append((request.method, request.url.path))
        if self.left is not None and request.method == self.method and self.path in request.url.path:
            if self.left == 0:
                answer.read()
                answer.close()
                raise httpx.ReadError("cut")
            self.left -= 1
        if self.forge is None:
            return answer
        data = self.forge(request.url.path, answer.read())
        answer.close()
        headers = {"content-type": answer.headers["content-type"]}
        return httpx.Response(answer.status_code, headers=headers, content=data)


@dataclass(eq=False, repr=False)
class Hall:
    """A running node with its parties."""

    node: Node
    url: str
    who: SimpleNamespace
    operator: Actor = field(init=False)
    custody: dict[str, Path] = field(default_factory=dict)
    take_share: Callable = disk.take_share
    net: Cut = field(default_factory=Cut)
    actors: list[Actor] = field(default_factory=list)
    tokens: dict[str, str] = field(default_factory=dict)

    def connect(self, url: str) -> Client:
        return Client(httpx.Client(base_url=url, timeout=20, transport=self.net))

    def advance(self, to: str) -> None:
        self.operator.client.post("/sandbox/clock", {"to": to})

    def enrol(self, number: int, account: str, *roles: str) -> Actor:
        """Register a party and give it a token; passwords cost time, so only the tests of logging in use them."""
        party, name = organisation(number), f"示例单位{number}有限公司"
        self.node.directory.register(party, name, frozenset(roles))
        actor = Actor(party, name, Client(httpx.Client(base_url=self.url, timeout=20), self.token(account, party)))
        self.actors.append(actor)
        return actor

    def token(self, account: str, party: str) -> str:
        token, expires = passwords.new_secret("th_", secrets.token_bytes), datetime(2027, 1, 1, tzinfo=UTC)
        self.node.directory.add_token(secrets.token_hex(8), passwords.secret_digest(token), party, account, expires)
        self.tokens[account] = token
        return token

    def announce(self, folder: Path) -> str:
        """File project, document and notice; custodian keys lie in ``folder``."""
        who = self.who
        tender = str(who.agency.client.post("/cases", {"procedure": "open_tender"})["id"])
        who.agency.file(tender, "project", project_payload(who))
        document = who.agency.file(tender, "tender_document", document_payload())
        self.advance("2026-03-02T09:00:00+08:00")
        roles = {"tenderer": "tenderer", "chengdu": "centre", "deyang": "city"}
        custodians = []
        for name, role in roles.items():
            actor = getattr(who, name)
            key = folder / f"{name}.key"
            code, out, _ = self.run("custodian", "key", str(key))
            assert code == 0
            self.custody[name] = key
            custodians.append(
                {"party": {"id": actor.party, "name": actor.name}, "role": role, "recipient": out.strip()}
            )
        notice = notice_payload(document["receipt"]["record"], custodians) | {"issued_at": ISSUED}
        who.agency.file(tender, "tender_notice", notice)
        return tender

    def tools(self) -> CliTools:
        return CliTools(
            bid=BidTools(disk.seal, disk.open_sealed, Trust.party_of, secrets.token_bytes),
            custodian=CustodianTools(self.take_share, Trust.party_of, secrets.token_bytes),
            verify_letter=lambda pdf, roots, register: verify_letter(pdf, trust_roots=roots, register=register),
            procedures=PROCEDURES,
            checks=lambda: [catalogue_check()],
            standing=lambda: Standing(0, ()),
            now=lambda: datetime(2026, 3, 2, tzinfo=UTC),
            connect=self.connect,
        )

    def run(self, *arguments: object, answer: str = "", login: str = "", **env: str) -> tuple[int, str, str]:
        """Run the program; returns exit code, stdout, stderr."""
        program = click.Group("tradehall")
        add_commands(program, self.tools())
        given = {"TRADEHALL_URL": self.url, "TRADEHALL_LANG": "en"}
        if login:
            given["TRADEHALL_TOKEN"] = self.tokens[login]
        result = CliRunner().invoke(program, [str(a) for a in arguments], input=answer, env=given | env)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.exit_code, result.stdout, result.stderr


@pytest.fixture(scope="session")
def make_hall(catalogue, tmp_path_factory):
    """Make running nodes; each has its own clock."""
    running: list[tuple[Node, uvicorn.Server, threading.Thread, Hall]] = []

    def make() -> Hall:
        folder = tmp_path_factory.mktemp("hall")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        url = f"http://127.0.0.1:{port}"
        node = build_node(Settings(data=folder / "node", sandbox_start=START, public_url=url), catalogue=catalogue)
        app = build_app(build_context(node), PAGES)
        server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error", access_log=False))
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        started = threading.Event()
        while not server.started and not started.wait(0.02):
            pass
        hall = Hall(node, url, SimpleNamespace())
        hall.operator = hall.enrol(999, "operator", "centre")
        names = ("tenderer", "agency", "supervisor", "chengdu", "deyang")
        for n, name in enumerate(names, start=1):
            setattr(hall.who, name, hall.enrol(n, name, *(("supervisor",) if name == "supervisor" else ())))
        hall.who.agency.certify()
        running.append((node, server, thread, hall))
        return hall

    yield make
    for node, server, thread, hall in running:
        for actor in hall.actors:
            actor.client.http.close()
        server.should_exit = True
        thread.join()
        node.close()


@pytest.fixture(scope="session")
def hall(make_hall) -> Hall:
    """A hall whose clock stays before every deadline."""
    return make_hall()


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    """Pauses between tries cost nothing."""
    monkeypatch.setattr("tradehall.cli.client.RETRY_SECONDS", (0.0,))
    for name in ("TRADEHALL_TOKEN", "TRADEHALL_LOGIN", "TRADEHALL_PASSWORD", "TRADEHALL_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "200")
