"""A played tender, kept as it was at every stage 逐幕留存的一场招标: nodes, tokens, keys and requests for the torture."""

from __future__ import annotations

import dataclasses
import logging
import pickle
import secrets
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog
from litestar.testing import TestClient

from played import PASSWORD, URL, new_node
from tradehall.adapters.pdf.render import Renderer
from tradehall.cli.client import Actor, Client
from tradehall.demo.play import Cast, Play, document_payload, notice_payload, organisation, project_payload
from tradehall.kernel.signing import EcSigner
from tradehall.main import Node, Settings, build_node
from tradehall.rules import sealing
from tradehall_standards import Catalogue

MOMENTS = ("announced", "sealed", "frozen", "opened", "seated", "reported", "displayed", "contracted")
"""Stages at which the node is kept, in order."""

_TOLD = {
    "A question and its": "announced",
    "Bidders seal": "sealed",
    "Opening: lot 1": "frozen",
    "opening record signed": "opened",
    "With four scores locked": "seated",
    "the report recomputed": "reported",
    "Contract filed": "contracted",
}
_ARRIVED = {"2026-03-27T10:00:00+08:00": "displayed"}
PATIENCE_SECONDS = 120
"""For a letter: the machine may have other things to do, and how fast a letter is rendered is not asked here."""
MOST_RECORDED = 400_000
"""Bytes of a request body that are worth keeping: larger ones are files."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """One valid request of the play: who sent what, and at which stage."""

    moment: str
    who: str
    method: str
    path: bytes
    query: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


@dataclass(slots=True)
class Person:
    """Somebody of the play: party, token, and the key that signs for it."""

    party: str
    token: str
    kid: str = ""
    key: bytes = field(default=b"", repr=False)


@dataclass(slots=True)
class Scene:
    """What the play left; picklable, so that other processes can go on from it."""

    folder: Path
    tender: str = ""
    other: str = ""
    session: str = ""
    letters: dict[str, str] = field(default_factory=dict)
    other_letter: str = ""
    people: dict[str, Person] = field(default_factory=dict)
    instants: dict[str, str] = field(default_factory=dict)
    requests: list[Recorded] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)

    def save(self) -> Path:
        path = self.folder / "scene.pickle"
        path.write_bytes(pickle.dumps(self))
        return path

    def node_at(self, moment: str, folder: Path, catalogue: Catalogue) -> Node:
        """Open a copy of the node as it was at a moment; its clock stands."""
        data = Path(shutil.copytree(self.folder / "moments" / moment, folder))
        settings = Settings(data=data, public_url=URL, sandbox_start=self.instants[moment], sandbox_rate=0)
        return build_node(settings, catalogue=catalogue)


def load(path: Path) -> Scene:
    """Read a scene that this program saved a moment ago."""
    return pickle.loads(path.read_bytes())  # noqa: S301


class Staged(Play):
    """The demo's play, with somebody who keeps the node at every stage, and a second tender that nobody else is part of."""

    keep: Any
    cast: Cast
    strangers: dict[str, Actor]

    def _gather(self) -> Cast:
        self.cast = super()._gather()
        operator, self.strangers = self.cast.operator, {}
        for number, handle, roles in (
            (8, "other_tenderer", ()),
            (9, "other_agency", ()),
            (10, "other_supervisor", ("supervisor",)),
            (11, "other_bank", ("guarantor",)),
            (12, "other_applicant", ()),
            (13, "officer", ("officer",)),
            (14, "third_bank", ("guarantor",)),
        ):
            actor = self._enrol(operator, organisation(number), f"示例旁人{number}有限公司", handle, roles)
            actor.certify()
            self.strangers[handle] = actor
        return self.cast

    def _other_tender(self, who: Cast) -> None:
        others = dataclasses.replace(
            who,
            tenderer=self.strangers["other_tenderer"],
            agency=self.strangers["other_agency"],
            supervisor=self.strangers["other_supervisor"],
        )
        agency = others.agency
        case = self.facts["other"] = str(agency.client.post("/cases", {"procedure": "open_tender"})["id"])
        agency.file(case, "project", project_payload(others) | {"name": "=旁边的示例工程（虚构）"})
        document = agency.file(case, "tender_document", document_payload())["receipt"]["record"]
        notice = notice_payload(document, self._custodians(others))
        dates = {
            "issued_at": "2026-03-05T10:00:00.000+08:00",
            "bid_deadline": "2026-05-06T09:30:00.000+08:00",
            "opening": {"at": "2026-05-06T09:30:00.000+08:00", "place": "第 2 开标厅"},
            "document_sale": {"start": "2026-03-05T10:00:00.000+08:00", "end": "2026-03-16T17:00:00.000+08:00"},
        }
        agency.file(case, "tender_notice", notice | dates | {"title": "=旁边的示例工程（虚构）"})

    def _custodians(self, who: Cast) -> list[Any]:
        return [
            {
                "party": {"id": actor.party, "name": actor.name},
                "role": role,
                "recipient": sealing.recipient_of_secret(sealing.new_secret(secrets.token_bytes)),
            }
            for actor, role in ((who.tenderer, "tenderer"), (who.chengdu, "centre"), (who.deyang, "city"))
        ]

    def _guarantees(self, who: Cast, tender: str) -> None:
        super()._guarantees(who, tender)
        applicant, bank = self.strangers["other_applicant"], self.strangers["other_bank"]
        case = self.facts["other_letter"] = str(
            applicant.client.post("/cases", {"procedure": "guarantee_letter"})["id"]
        )
        application = {
            "tender": self.facts["other"],
            "lot": "L1",
            "applicant": {"id": applicant.party, "name": applicant.name},
            "guarantor": {"id": bank.party, "name": bank.name},
            "beneficiary": {"id": self.strangers["other_tenderer"].party, "name": "示例旁人8有限公司"},
            "amount": {"amount": "390000.00", "currency": "CNY"},
            "valid_from": "2026-03-16",
            "valid_until": "2026-08-30",
            "kind": "bid_security",
        }
        applicant.file(case, "guarantee_application", application)

    def advance(self, who: Cast, to: str) -> None:
        super().advance(who, to)
        if to == "2026-03-05T10:00:00+08:00":
            self._other_tender(who)
        if to in _ARRIVED:
            self.keep(_ARRIVED[to])

    def people(self) -> dict[str, Actor]:
        """Everybody by handle."""
        who = self.cast
        named = {
            "operator": who.operator,
            "tenderer": who.tenderer,
            "agency": who.agency,
            "supervisor": who.supervisor,
            "chengdu": who.chengdu,
            "deyang": who.deyang,
            "bank": who.bank,
        }
        bidders = {f"bidder{n}": actor for n, actor in enumerate(who.bidders)}
        experts = {f"expert{n}": actor for n, actor in enumerate(who.experts.values())}
        return named | self.strangers | bidders | experts


def perform(folder: Path, catalogue: Catalogue, *, play: type[Staged] = Staged, bidders: int = 3) -> Scene:
    """Play the tender and keep its node at every stage."""
    logging.getLogger("httpx").setLevel(logging.WARNING)
    folder.mkdir(parents=True, exist_ok=True)
    scene = Scene(folder)
    node, app = new_node(folder / "live", catalogue)
    recorder = _Recorder(app.asgi_handler, scene.requests)
    app.asgi_handler = recorder
    out = folder / "out"
    out.mkdir()

    def keep(moment: str) -> None:
        scene.instants[moment] = node.store.now().isoformat()
        copy_node(node, folder / "moments" / moment)
        recorder.moment = moment

    def told(_zh: str, en: str) -> None:
        moment = next((name for words, name in _TOLD.items() if words in en), "")
        if moment:
            keep(moment)

    with quiet(), TestClient(app) as http:
        acted = play(lambda: Client(http), PASSWORD, out, told, URL, bidders)
        acted.keep = keep
        acted.renderer = Renderer(timeout_seconds=PATIENCE_SECONDS)
        scene.facts = acted.run()
        scene.tender, scene.other = scene.facts["tender"], scene.facts["other"]
        scene.session, scene.other_letter = scene.facts["session"], scene.facts["other_letter"]
        scene.people = {name: _person(actor) for name, actor in acted.people().items()}
        scene.people["operator"].party = organisation(999)
        scene.letters = dict(scene.facts["letters"])
        scene.files = {"evidence": scene.facts["evidence"], "report": scene.facts["report_pdf"]}
        scene.files["letter"] = next(iter(scene.facts["letter_files"].values()))[0]
        scene.facts = {"winner": scene.facts["winner"], "report": scene.facts["report"]}
    node.close()
    return scene


def copy_node(node: Node, target: Path) -> None:
    """Copy a node's folder while nobody writes."""
    data = node.settings.data
    shutil.copytree(data, target, ignore=shutil.ignore_patterns("node.db*"))
    with closing(sqlite3.connect(data / "node.db")) as live, closing(sqlite3.connect(target / "node.db")) as kept:
        live.backup(kept)


def _person(actor: Actor) -> Person:
    signer = actor.signer
    if not isinstance(signer, EcSigner):
        return Person(actor.party, actor.client.token)
    number = signer.key.private_numbers().private_value
    return Person(actor.party, actor.client.token, signer.kid, number.to_bytes(32, "big"))


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the application's log out of the torture's own output."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(_Nowhere()), cache_logger_on_first_use=False)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    try:
        yield
    finally:
        structlog.reset_defaults()


class _Nowhere:
    def write(self, _text: str) -> int:
        return 0

    def flush(self) -> None:
        return


class _Recorder:
    """Passes requests on, and notes those that were answered well."""

    def __init__(self, app: Any, kept: list[Recorded]) -> None:
        self._app, self._kept = app, kept
        self.moment = "begun"

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body, status, moment = bytearray(), 0, self.moment

        async def heard() -> Any:
            message = await receive()
            body.extend(message.get("body", b""))
            return message

        async def told(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        await self._app(scope, heard, told)
        if 200 <= status < 300 and len(body) <= MOST_RECORDED:
            headers = [(bytes(k).lower(), bytes(v)) for k, v in scope["headers"]]
            token = next((v.decode() for k, v in headers if k == b"authorization"), "")
            kept = tuple((k, v) for k, v in headers if k not in (b"authorization", b"content-length", b"cookie"))
            path = scope.get("raw_path") or scope["path"].encode()
            self._kept.append(
                Recorded(
                    moment,
                    token.removeprefix("Bearer "),
                    scope["method"],
                    bytes(path).partition(b"?")[0],
                    bytes(scope["query_string"]),
                    kept,
                    bytes(body),
                )
            )
