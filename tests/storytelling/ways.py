"""Ways into a node 受理途径: the same story through the desk in this process, and through HTTP."""
# ruff: noqa: ARG002 - both ways take what one of them needs

from __future__ import annotations

import asyncio
import secrets
import shutil
from base64 import b32encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol

import httpx
from litestar.testing import TestClient

from storytelling.people import CITY, FIRST_INSTANT, PUBLIC_URL, Cast, MemoryDirectory, Person
from tradehall.adapters.clock import SandboxClock
from tradehall.adapters.identity import passwords
from tradehall.adapters.identity.ca import Trust
from tradehall.adapters.letters import PdfLetters
from tradehall.adapters.memory import MemoryStore
from tradehall.adapters.opener import VaultUnsealer
from tradehall.adapters.peers.http import HttpCity
from tradehall.adapters.vault import FolderVault
from tradehall.cli.client import Client, Refused
from tradehall.desk.accept import Accepted, Door, Filing
from tradehall.desk.cloak import Cloak
from tradehall.desk.decoys import Decoys
from tradehall.desk.draw import Draw
from tradehall.desk.evaluation import Evaluation
from tradehall.desk.exchange import CUSTODY_FAMILIES, CityKeys, Courier
from tradehall.desk.filing import Desk
from tradehall.desk.guarantee import Guarantees
from tradehall.desk.opening import Opening
from tradehall.desk.sequencer import Sequencer
from tradehall.desk.witnessing import Witnessing
from tradehall.desk.workbench import Workbench
from tradehall.kernel.record import SchemaRef, read_record
from tradehall.kernel.refusal import KINDS, Refusal
from tradehall.main import PROCEDURES, Node, Settings, build_context, build_node
from tradehall.web.app import build_app
from tradehall.web.site import HANDLERS as PAGES
from tradehall_standards import Catalogue
from tradehall_standards.calendar import WorkingCalendar
from tradehall_standards.parameters import Parameters

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DECOYS = 16


class Denied(Exception):
    """The platform said no: a stable code and one sentence in both languages."""

    def __init__(self, code: str, said: str, signed: Mapping[str, Any] | None = None) -> None:
        super().__init__(f"{code}: {said}")
        self.code = code
        self.said = said
        self.signed = signed


class Way(Protocol):
    """What a story needs of a node; everything that is refused is raised as ``Denied``."""

    def advance(self, to: datetime) -> None: ...
    def new_case(self, who: Person, procedure: str) -> str: ...
    def schema(self, who: Person, case: str, family: str) -> SchemaRef: ...
    def upload(self, who: Person, data: bytes, *, sealed: bool) -> None: ...
    def file(self, who: Person, record: Mapping[str, Any], key: str = "") -> dict[str, Any]: ...
    def act(self, who: Person, case: str, act: str, body: Mapping[str, Any]) -> list[dict[str, Any]]: ...
    def report(self, who: Person, case: str, lot: str, session: str) -> dict[str, Any]: ...
    def look(self, case: str) -> tuple[Mapping[str, str], Mapping[str, Any]]: ...
    def payloads(self, case: str, family: str) -> list[Mapping[str, Any]]: ...
    def seen(self, who: Person | None, case: str) -> list[str] | None: ...
    def verify(self, answer: Mapping[str, Any]) -> Mapping[str, Any] | None: ...
    def revoke(self, who: Person) -> None: ...


NOT_REHEARSED = (
    "SIGNATURE-INVALID",
    "AUTHOR-MISMATCH",
    "CERTIFICATE-UNKNOWN",
    "CERTIFICATE-NOT-VALID",
    "ATTACHMENT-MISSING",
    "ATTACHMENT-WRONG",
    "IDEMPOTENCY-CONFLICT",
)
"""Refusals for what a record has only once it is signed and sent."""


def _agrees(rehearsed: Refusal | None, outcome: Any) -> None:
    """A rehearsal says of every record what the door says of it."""
    if isinstance(outcome, Refusal):
        code = rehearsed.code if rehearsed else None
        assert outcome.code in NOT_REHEARSED or outcome.code == code, (outcome.code, code)
    else:
        assert outcome.repeated or rehearsed is None, rehearsed


# --- through the desk -----------------------------------------------------------------------------------------


class DeskWay:
    """The desk over the memory store, in this process: no web, no database."""

    def __init__(self, cast: Cast, catalogue: Catalogue, folder: Path, start: datetime) -> None:
        self._clock = SandboxClock(start, origin=EPOCH)
        chance = secrets.token_bytes
        cloak = Cloak(cast.keys.cloak, chance)
        vault = FolderVault(folder / "vault", cloak, cast.keys.vault)
        trust = Trust((cast.keys.authority.certificate,))
        store = MemoryStore(self._clock, lambda: EPOCH)
        self._directory = MemoryDirectory(cast)
        self.door = Door(
            store=store,
            catalogue=catalogue,
            parameters=Parameters.load(),
            calendar=WorkingCalendar.load(),
            procedures=PROCEDURES,
            directory=self._directory,
            vault=vault,
            cloak=cloak,
            clock=self._clock,
            chance=chance,
            node=cast.keys.node,
            decoys=Decoys(cloak, chance, vault, DECOYS),
        )
        self._desk = Desk(self.door)
        self._opening = Opening(self._desk, VaultUnsealer(vault, trust), PdfLetters(trust))
        self._draw = Draw(self._desk)
        self._evaluation = Evaluation(self._desk)
        self._guarantees = Guarantees(self._desk)
        self._sequencer = Sequencer(self.door, Witnessing(store, cast.keys.node))

    def advance(self, to: datetime) -> None:
        self._clock.advance(to, EPOCH)

    def new_case(self, who: Person, procedure: str) -> str:
        return f"{PROCEDURES[procedure].prefix}-{b32encode(secrets.token_bytes(17)).decode('ascii').lower()[:26]}"

    def schema(self, who: Person, case: str, family: str) -> SchemaRef:
        cited = self._desk.cited(case, family)
        assert cited is not None, family
        return cited

    def upload(self, who: Person, data: bytes, *, sealed: bool) -> None:
        self.door.vault.add(iter([data]), secret=sealed)

    def file(self, who: Person, record: Mapping[str, Any], key: str = "") -> dict[str, Any]:
        read = _taken(read_record(record))
        rehearsed = Workbench(self._desk).rehearse(
            case=read.case,
            author=read.author,
            schema=read.schema,
            payload=read.payload,
            attachments=read.attachments,
        )
        answer = self._sequencer.settle([Filing(read, (who.party, key) if key else None)])[0]
        _agrees(rehearsed, answer.outcome)
        if isinstance(answer.outcome, Refusal):
            signed = self.door.refusal_receipt(read, answer.outcome, self.door.store.now())
            raise _denied(answer.outcome, signed)
        assert answer.receipt is not None
        return answer.receipt

    def act(self, who: Person, case: str, act: str, body: Mapping[str, Any]) -> list[dict[str, Any]]:
        outcomes = self._outcomes(case, act, body)
        for outcome in outcomes:
            _taken(outcome)
        return [_entry(o) for o in outcomes if isinstance(o, Accepted)]

    def _outcomes(self, case: str, act: str, body: Mapping[str, Any]) -> Sequence[Any]:
        acts: Mapping[str, Callable[[], Any]] = {
            "start": lambda: self._opening.start(case),
            "disclose": lambda: self._opening.disclose(case),
            "give_up": lambda: self._opening.disclose(case, give_up=body["fault"]),
            "close": lambda: [self._opening.close(case)],
            "commit": lambda: [self._draw.commit(case, body["commitments"])],
            "draw": lambda: [self._draw.draw(case, body["nonces"])],
            "tie": lambda: [self._draw_tie(case, body)],
            "confirm": lambda: [self._guarantees.confirm(case)],
        }
        return acts[act]()

    def _draw_tie(self, case: str, body: Mapping[str, Any]) -> Any:
        tied = self._evaluation.ties(case, body["lot"], session=body["session"])
        return self._evaluation.draw_tie(case, body["lot"], tied, body["nonces"])

    def report(self, who: Person, case: str, lot: str, session: str) -> dict[str, Any]:
        return dict(_taken(self._evaluation.prepare(case, lot, session=session or None, chair=who.party)))

    def look(self, case: str) -> tuple[Mapping[str, str], Mapping[str, Any]]:
        view = self._desk.look(case)
        if view is None:
            raise Denied("NOT-FOUND", case)
        return view.case.tracks, view.case.head

    def payloads(self, case: str, family: str) -> list[Mapping[str, Any]]:
        view = self._desk.look(case)
        return [] if view is None else [e.record.payload for e in view.of(family)]

    def seen(self, who: Person | None, case: str) -> list[str] | None:
        return None  # Who may read what is the web's answer; the desk has no readers.

    def verify(self, answer: Mapping[str, Any]) -> Mapping[str, Any] | None:
        return None  # Likewise.

    def revoke(self, who: Person) -> None:
        self._directory.revoke(who.certificate.kid, self.door.store.now())


def _taken(outcome: Any) -> Any:
    if isinstance(outcome, Refusal):
        raise _denied(outcome)
    return outcome


def _denied(refusal: Refusal, signed: Mapping[str, Any] | None = None) -> Denied:
    found = " ".join(f"{d['pointer']}: {d['zh']} {d['en']}" for d in refusal.details)
    return Denied(refusal.code, f"{refusal.reason.zh} {refusal.reason.en} {found}".rstrip(), signed)


def _entry(outcome: Accepted) -> dict[str, Any]:
    record = outcome.entry.record
    return {"family": record.family, "digest": record.digest, "payload": dict(record.payload)}


# --- through HTTP ---------------------------------------------------------------------------------------------


class HttpWay:
    """A whole node behind its ASGI application; every call is a request with the caller's own token."""

    def __init__(self, cast: Cast, node: Node) -> None:
        self._cast = cast
        self._node = node
        self._http: TestClient[Any] = TestClient(build_app(build_context(node), PAGES), base_url=PUBLIC_URL)
        self._http.__enter__()
        self._operator = cast["centre"]

    def close(self) -> None:
        self._http.__exit__(None, None, None)
        self._node.close()

    def _as(self, who: Person | None) -> Client:
        return Client(self._http, token=who.token if who else "")

    def _call(self, who: Person | None, method: str, path: str, json: Any = None, **more: Any) -> Any:
        try:
            return self._as(who).call(method, path, json=json, **more).json()
        except Refused as refused:
            said = refused.problem.get("messages", {})
            code = refused.code or str(refused.status)
            if code in KINDS and KINDS[code].status != refused.status:
                raise AssertionError(f"{code} came with status {refused.status}") from refused
            errors = refused.problem.get("errors", []) if code == "SCHEMA-INVALID" else []
            found = [f"{e['pointer']}: {e['message']['zh']} {e['message']['en']}" for e in errors]
            text = " ".join([said.get("zh", ""), said.get("en", ""), *found])
            raise Denied(code, text, refused.problem.get("refusal")) from refused

    def advance(self, to: datetime) -> None:
        self._call(self._operator, "POST", "/sandbox/clock", {"to": to.isoformat()})

    def new_case(self, who: Person, procedure: str) -> str:
        return str(self._call(who, "POST", "/cases", {"procedure": procedure})["id"])

    def schema(self, who: Person, case: str, family: str) -> SchemaRef:
        found = self._call(who, "GET", f"/schemas/{family}?case={case}")
        return SchemaRef(family, str(found["version"]), str(found["digest"]))

    def upload(self, who: Person, data: bytes, *, sealed: bool) -> None:
        digest = "sha256:" + sha256(data).hexdigest()
        self._as(who).upload(lambda: iter([data]), digest, len(data), sealed=sealed)

    def file(self, who: Person, record: Mapping[str, Any], key: str = "") -> dict[str, Any]:
        headers = {"Idempotency-Key": key} if key else {}
        return dict(self._call(who, "POST", "/records", dict(record), headers=headers))

    def act(self, who: Person, case: str, act: str, body: Mapping[str, Any]) -> list[dict[str, Any]]:
        path, sent = {
            "start": ("opening", {"act": "start"}),
            "disclose": ("opening", {"act": "disclose"}),
            "give_up": ("opening", {"act": "give_up", **body}),
            "close": ("opening", {"act": "close"}),
            "commit": ("draws", dict(body)),
            "draw": ("draws", dict(body)),
            "tie": ("ties", dict(body)),
            "confirm": ("guarantee", {"event": "verified"}),
        }[act]
        answer = self._call(who, "POST", f"/cases/{case}/{path}", sent)
        return [
            {"family": r["family"], "digest": r["digest"], "payload": r["envelope"]["payload"]}
            for r in answer["records"]
        ]

    def report(self, who: Person, case: str, lot: str, session: str) -> dict[str, Any]:
        linked = f"&session={session}" if session else ""
        return dict(self._call(who, "GET", f"/cases/{case}/report?lot={lot}{linked}"))

    def look(self, case: str) -> tuple[Mapping[str, str], Mapping[str, Any]]:
        found = self._call(self._operator, "GET", f"/cases/{case}")
        return found["lots"], found["head"]

    def payloads(self, case: str, family: str) -> list[Mapping[str, Any]]:
        found = self._call(self._operator, "GET", f"/cases/{case}/records?family={family}")
        return [r["envelope"]["payload"] for r in found["items"]]

    def seen(self, who: Person | None, case: str) -> list[str] | None:
        try:
            return [r["family"] for r in self._call(who, "GET", f"/cases/{case}/records")["items"]]
        except Denied as denied:
            if denied.code == "NOT-FOUND":
                return []
            raise

    def verify(self, answer: Mapping[str, Any]) -> Mapping[str, Any] | None:
        return dict(self._call(None, "POST", "/receipts/verify", dict(answer)))

    def revoke(self, who: Person) -> None:
        self._call(who, "POST", f"/certificates/{who.certificate.kid}/revocation")


# --- through another city ------------------------------------------------------------------------------------


class Bridge(httpx.AsyncBaseTransport):
    """The network from one node to another in this process; it can be cut in either direction."""

    def __init__(self, there: TestClient[Any]) -> None:
        self._there = there
        self.to_cut = self.back_cut = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self.to_cut:
            raise httpx.ConnectError("cut")
        content = await request.aread()
        path = request.url.raw_path.decode("ascii")
        headers = {k: v for k, v in request.headers.items() if k in ("authorization", "content-type")}
        answer = self._there.request(request.method, path, content=content, headers=headers)
        if self.back_cut:
            raise httpx.ReadError("cut")
        return httpx.Response(answer.status_code, content=answer.content)


class CityWay(HttpWay):
    """Experts and the remote venue leave their records with their own city's node, which passes them on."""

    def __init__(self, cast: Cast, node: Node, here: Node) -> None:
        super().__init__(cast, node)
        keys = CityKeys(node.keys.node.name, node.keys.node.receipt_public, node.keys.node.log)
        self.bridge = Bridge(self._http)
        client = httpx.AsyncClient(transport=self.bridge)
        there = HttpCity(client, PUBLIC_URL, cast["centre/deyang"].token, keys)
        self.here = here
        self.exchange = replace(here.exchange, cities={CITY: there})
        self.courier = Courier(self.exchange)
        self._runner = asyncio.Runner()
        context = replace(build_context(here), exchange=self.exchange, courier=Courier(replace(here.exchange)))
        self.local: TestClient[Any] = TestClient(build_app(context, PAGES), base_url=PUBLIC_URL)
        self.local.__enter__()

    def close(self) -> None:
        self._runner.run(self.exchange.cities[CITY].close())
        self._runner.close()
        self.local.__exit__(None, None, None)
        self.here.close()
        super().close()

    def advance(self, to: datetime) -> None:
        super().advance(to)
        assert isinstance(self.here.clock, SandboxClock)
        self.here.clock.advance(to, to)

    def round(self) -> bool:
        return self._runner.run(self.courier.round(CITY))

    def leave(self, who: Person, record: Mapping[str, Any]) -> dict[str, Any]:
        """Leave a record with the own city's node; it answers with custody at once."""
        return self._local(who, "POST", "/records", dict(record))

    def fetch(self, who: Person, digest: str) -> dict[str, Any]:
        return self._local(who, "GET", f"/records/{digest}")

    def state(self, who: Person, case: str) -> dict[str, Any]:
        return self._local(who, "GET", f"/cases/{case}")

    def _local(self, who: Person, method: str, path: str, json: Any = None) -> dict[str, Any]:
        here, self._http = self._http, self.local
        try:
            return dict(self._call(who, method, f"/cities/{CITY}{path}", json))
        finally:
            self._http = here

    def file(self, who: Person, record: Mapping[str, Any], key: str = "") -> dict[str, Any]:
        family = str(record["envelope"]["schema"]["id"])
        if family not in CUSTODY_FAMILIES or who.handle not in ("centre/deyang", *self._experts):
            return super().file(who, record, key)
        digest = self.leave(who, record)["custody"]["custody"]["record"]
        assert self.round()
        kept = self.fetch(who, digest)
        if "refusal" in kept["answer"]:
            said = kept["answer"]["refusal"]
            raise Denied(said["code"], f"{said['reason']['zh']} {said['reason']['en']}", kept["answer"])
        assert kept["state"] == "accepted"
        return dict(kept["answer"])

    @property
    def _experts(self) -> list[str]:
        return [handle for handle in self._cast.people if handle.startswith("expert/")]


# --- opening a way --------------------------------------------------------------------------------------------


def node_settings(folder: Path, start: datetime, database: str = "") -> Settings:
    return Settings(
        data=folder,
        database=database,
        city=CITY,
        public_url=PUBLIC_URL,
        sandbox_start=start.isoformat(),
        sandbox_rate=0,
        decoys=DECOYS,
    )


def fill_template(cast: Cast, catalogue: Catalogue, folder: Path, database: str = "") -> Path:
    """Make a node in which everybody is registered; stories run on copies of it."""
    shutil.copytree(cast.folder, folder / "keys")
    node = build_node(node_settings(folder, FIRST_INSTANT, database), catalogue=catalogue)
    expires = datetime(2030, 1, 1, tzinfo=UTC)
    for who in cast.people.values():
        node.directory.register(who.party, who.name, who.roles, who.facts)
        node.directory.add_certificate(who.certificate)
        digest = passwords.secret_digest(who.token)
        node.directory.add_token(secrets.token_hex(8), digest, who.party, "story", expires)
    node.close()
    return folder


@contextmanager
def by_desk(cast: Cast, catalogue: Catalogue, start: datetime, folder: Path) -> Iterator[Way]:
    yield DeskWay(cast, catalogue, folder, start)


@contextmanager
def by_city(cast: Cast, catalogue: Catalogue, start: datetime, template: Path, folder: Path) -> Iterator[CityWay]:
    """Two nodes with a database each: the lead venue's, and that of a remote venue which knows everybody too."""
    lead = Path(shutil.copytree(template, folder / "node"))
    remote = Path(shutil.copytree(template, folder / "remote"))
    shutil.rmtree(remote / "keys")
    settings = replace(node_settings(remote, start), city="deyang")
    there = build_node(node_settings(lead, start), catalogue=catalogue)
    way = CityWay(cast, there, build_node(settings, catalogue=catalogue))
    try:
        yield way
    finally:
        way.close()


@contextmanager
def by_http(
    cast: Cast, catalogue: Catalogue, start: datetime, template: Path, folder: Path, database: str = ""
) -> Iterator[Way]:
    data = Path(shutil.copytree(template, folder / "node"))
    way = HttpWay(cast, build_node(node_settings(data, start, database), catalogue=catalogue))
    try:
        yield way
    finally:
        way.close()
