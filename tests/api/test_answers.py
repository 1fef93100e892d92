"""After a whole tender: what every GET really answers is what the interface document says."""

from __future__ import annotations

import asyncio
import json
from base64 import urlsafe_b64decode
from collections import defaultdict
from hashlib import sha256
from typing import Any

import pytest

from api.conftest import Past
from api.contract import LATEST, PROBLEM, Contract, place
from tradehall.kernel.refusal import KINDS
from tradehall.web.permissions import TABLE
from tradehall.web.problems import REQUEST_KINDS
from tradehall_standards import Catalogue
from web_core.hall import Answer, Hall, _scope

GETS = {row.name for row in TABLE if row.method == "GET" and not row.name.startswith(("page.", "static", "openapi"))}


@pytest.fixture(scope="module")
def contract(past: Past, catalogue: Catalogue) -> Contract:
    """The document as the node serves it."""
    return Contract(past.hall.call("GET", "/openapi.json").body, catalogue)


def fetched(hall: Hall, path: str, **headers: str) -> Answer:
    """Get a file as a client that stays until its end."""

    async def get() -> Answer:
        messages: list[Any] = []
        over = asyncio.Event()

        async def receive() -> Any:
            await over.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            messages.append(message)
            if message["type"] == "http.response.body" and not message.get("more_body"):
                over.set()

        sent = {"host": "hall.example", "authorization": f"Bearer {hall.tokens['centre']}"} | headers
        scope = _scope("GET", path, sent, "http", "10.0.0.1")
        await asyncio.wait_for(hall.app(scope, receive, send), 10)  # type: ignore[arg-type]
        found = [(k.decode("latin-1").lower(), v.decode("latin-1")) for k, v in messages[0]["headers"]]
        return Answer(messages[0]["status"], found, b"".join(m.get("body", b"") for m in messages[1:]))

    return hall.runner.run(get())


class Reader:
    """Asks, and holds every answer against the document; counts those that went well."""

    def __init__(self, hall: Hall, contract: Contract) -> None:
        self.hall = hall
        self.contract = contract
        self.went_well: dict[str, int] = defaultdict(int)
        self.wrong: list[str] = []

    def __call__(
        self, name: str, query: str = "", /, *, role: str = "centre", status: int = 200, **places: str
    ) -> Answer:
        op = self.contract.operations[name]
        answer = self.hall.call("GET", op.path.format_map(places) + query, role=role)
        self.wrong += self.contract.broken(name, answer.status, answer.headers, answer.body)
        if answer.status != status:
            self.wrong.append(f"{name} {places} {query}: {answer.status}, not {status}")
        if answer.header("content-type") == PROBLEM and answer.code not in op.codes(answer.status):
            self.wrong.append(f"{name}: {answer.code} is not documented")
        self.went_well[name] += answer.status == 200
        return answer


def events(hall: Hall, path: str) -> list[dict[str, str]]:
    """Read a stream until its first heartbeat, and return its events."""

    async def read() -> bytes:
        got = bytearray()
        done = asyncio.Event()

        async def receive() -> Any:
            await asyncio.Event().wait()

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                assert message["status"] == 200
                assert dict(message["headers"])[b"content-type"].startswith(b"text/event-stream")
            got.extend(message.get("body", b""))
            if b"event: heartbeat" in got:
                done.set()

        scope = _scope("GET", path, {"host": "hall.example"}, "http", "10.0.0.1")
        task = asyncio.create_task(hall.app(scope, receive, send))  # type: ignore[arg-type]
        try:
            await asyncio.wait_for(done.wait(), 20)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        return bytes(got)

    blocks = hall.runner.run(read()).decode().replace("\r\n", "\n").strip().split("\n\n")
    return [dict(line.split(": ", 1) for line in block.split("\n")) for block in blocks]


def kid_of(record: dict[str, Any]) -> str:
    protected = record["signature"]["protected"]
    return str(json.loads(urlsafe_b64decode(protected + "=" * (-len(protected) % 4)))["kid"])


OF_TWO_CITIES = ("city.case", "city.record")
"""They need a second node; ``tests/exchange`` holds their answers to the document."""


def read_everything(ask: Reader, past: Past, catalogue: Catalogue) -> None:  # noqa: C901, PLR0912, PLR0915  - a plain list
    facts = past.played.facts
    tender = facts["tender"]
    cases = [tender, facts["session"], *facts["letters"].values()]
    # accounts
    for role in ("party", "centre"):
        for name in ("session.see", "session.list", "token.list", "case.own"):
            ask(name, role=role)
    ask("party.list")
    ask("city.list")
    # standards
    ask("schema.list")
    ask("schema.list", "?as_of=2020-01-01")
    for family in catalogue.families():
        first = catalogue.versions(family)[0].in_force_from
        ask("schema.current", f"?as_of={first}", family=family)
        ask("schema.versions", f"?as_of={first}&as_known_on={first}", family=family)
        for version in catalogue.versions(family):
            ask("schema.see", family=family, version=version.version)
            ask("schema.id", role="", family=family, version=version.version)
    ask("schema.see", "?form=source", family="question", version="1.0.0")
    ask("schema.current", f"?case={tender}", family="question")
    ask("codelist.list", f"?as_of={LATEST}")
    for name in catalogue.codelists():
        ask("codelist.see", f"?as_of={LATEST}", name=name)
    for regime in ("tender_law",):
        ask("parameters.see", regime=regime)
        ask("parameters.see", "?region=510100", regime=regime)
    for procedure in ask("procedure.list").json()["items"]:
        ask("procedure.see", ident=procedure["id"])
    # cases as others read them
    for form in ("release", "record"):
        ask("case.ocds", f"?form={form}", role="", case=tender)
    ask("ocds.list", role="")
    ask("ocds.lines", role="")
    ask("ocds.extension", role="", file="extension.json")
    # cases, records, files
    page = ask("case.list", "?limit=1", role="").json()
    assert [item["case"] for item in page["items"]] == [tender]
    if page["next"]:
        ask("case.list", f"?limit=1&after={page['next']}")
    kids = set()
    for case in cases:
        ask("case.see", case=case)
        ask("case.evidence", case=case)
        ask("case.see", role="", case=case, status=200 if case == tender else 404)
        for entry in ask("case.records", case=case).json()["items"]:
            digest = entry["digest"]
            ask("record.see", digest=digest)
            ask("record.receipt", role="", digest=digest)
            ask("record.see", role="", digest=digest, status=200 if case == tender else 404)
            if not entry["author"].startswith("bid:"):
                kids.add(kid_of(entry))
            for file in entry["envelope"]["attachments"]:
                got = fetched(ask.hall, f"/api/v1/vault/{file['sha256']}?record={digest}")
                ask.wrong += ask.contract.broken("vault.get", got.status, got.headers, got.body)
                ask.went_well["vault.get"] += got.status == 200
                assert "sha256:" + sha256(got.body).hexdigest() == file["sha256"]
                assert (got.header("etag"), got.header("content-disposition")) == (
                    f'"{file["sha256"]}"',
                    f"attachment; filename*=UTF-8''{file['name']}",
                )
                ask("vault.offset", digest=file["sha256"])
    for kid in kids:
        if ask.hall.node.directory.certificate(kid) is not None:
            ask("certificate.see", kid=kid)
    session = facts["session"]
    ask("case.evidence", f"?linked={session}:session", case=tender)
    report = ask("report.prepare", f"?lot=L1&session={session}", case=tender)
    assert report.status == 200, report.body
    assert ask("report.prepare", f"?lot=L9&session={session}", case=tender, status=422).code == "LOT-UNKNOWN"
    after, seen = -1, 0
    while found := ask("changes", f"?after={after}", role="").json():
        if not found["items"]:
            break
        after, seen = found["next"], seen + len(found["items"])
    assert seen >= 20
    # proof
    for name in ("clock", "node", "health", "log.checkpoint"):
        ask(name, role="")
    size = ask("health").json()["log_size"]
    for path in (f"0/000.p/{size}", f"entries/000.p/{size}", "0/000.p/1") if size < 256 else ("0/000", "entries/000"):
        ask("log.tile", path=path, role="")
    for code in (*KINDS, *REQUEST_KINDS):
        ask("problem", code=code)


def test_every_get_answers_as_the_document_says(past: Past, contract: Contract, catalogue: Catalogue) -> None:
    ask = Reader(past.hall, contract)
    read_everything(ask, past, catalogue)
    assert ask.wrong == [], "\n".join(ask.wrong[:30])
    assert GETS - {name for name, count in ask.went_well.items() if count} == {"case.events", *OF_TWO_CITIES}
    assert ask.went_well["record.see"] > 50


def test_a_file_at_hand_is_not_sent_again(past: Past, contract: Contract) -> None:
    tender = past.played.facts["tender"]
    entries = past.hall.call("GET", f"/api/v1/cases/{tender}/records", role="centre").json()["items"]
    digest, file = next((e["digest"], f["sha256"]) for e in entries for f in e["envelope"]["attachments"])
    path = f"/api/v1/vault/{file}?record={digest}"
    for tag, status in ((f'"{file}"', 304), ("*", 304), ('"other"', 200)):
        answer = fetched(past.hall, path, **{"if-none-match": tag})
        assert answer.status == status
        assert contract.broken("vault.get", answer.status, answer.headers, answer.body) == []
        assert bool(answer.body) == (status == 200)
    unknown = f"/api/v1/vault/{file}?record=sha256:{'0' * 64}"
    assert past.hall.call("GET", unknown, headers={"if-none-match": "*"}).status == 404


def test_the_stream_tells_changes_in_order_and_goes_on_where_it_was_left(past: Past, contract: Contract) -> None:
    path = f"/api/v1/cases/{past.played.facts['tender']}/events"
    *told, beat = events(past.hall, path)
    assert beat["event"] == "heartbeat"
    assert len(told) > 10
    assert {event["event"] for event in told} == {"record"}
    where = place("components", "schemas", "Change")
    data = [json.loads(event["data"]) for event in told]
    assert [fault for change in data for fault in contract.faults(where, change)] == []
    ids = [int(event["id"]) for event in told]
    assert ids == sorted(set(ids)) == [change["index"] for change in data]
    rest = events(past.hall, f"{path}?after={ids[4]}")[:-1]
    assert [int(event["id"]) for event in rest] == ids[5:]
