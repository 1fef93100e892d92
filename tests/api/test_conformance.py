"""Requests made from the interface document, good and bad: every answer is one that the document tells."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode

from api.contract import PROBLEM, Contract
from tradehall.web.permissions import TABLE
from web_core.hall import CASE, Hall

NAMES = [row.name for row in TABLE if not row.name.startswith(("page.", "static", "openapi"))]
LEFT_ALONE = {("clock.advance", "centre")}
"""It would move the clock that the other tests share; its examples are sent by test_document."""

OF_THE_DOOR = {"record.file", "opening.act", "draw.act", "tie.act", "guarantee.act"}
"""The door may refuse by every code there is; the document names those of most use, so here statuses must do."""

OF_ANY_REQUEST = {"REQUEST-INVALID"}
"""What the framework refuses before it knows the operation; the answer ``default`` of every one."""

SLOW = {"session.open", "token.make", "party.register"}
"""They hash passwords."""

MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
WITHOUT_BAD = {
    (name, GenerationMode.NEGATIVE)
    for name in (
        "procedure.list",
        "procedure.see",
        "receipt.verify",
        "clock",
        "log.checkpoint",
        "log.tile",
        "node",
        "health",
        "problem",
    )
}
"""They take any text or anything, so no request can break their schema."""


@pytest.fixture(scope="module")
def plan(contract: Contract) -> Any:
    """The document as a plan of requests; payloads are any objects, or every one would be a project and so on."""
    document = deepcopy(contract.document)
    del document["components"]["schemas"]["Envelope"]["allOf"]
    return schemathesis.openapi.from_dict(document)


@pytest.fixture(scope="module")
def known(hall: Hall) -> dict[str, str]:
    """What really is there, by the names of the document."""
    (record,) = hall.call("GET", f"/api/v1/cases/{CASE}/records").json()["items"]
    kid = "sha256:" + "0" * 64
    return {
        "case": CASE,
        "digest": record["digest"],
        "kid": kid,
        "family": "project",
        "version": "1.0.0",
        "name": "currency",
        "regime": "tender_law",
        "code": "BID-LATE",
        "ident": "open_tender",
        "path": "0/000.p/1",
        "file": "extension.json",
        "city": "deyang",
    }


def sent(hall: Hall, case: Case, role: str) -> Any:
    """Send a case as it would go over the wire."""
    made = case.as_transport_kwargs(base_url="http://hall.example")
    allowed = ("method", "url", "headers", "params", "cookies", "data", "json", "files")
    ready = requests.Request(**{k: v for k, v in made.items() if k in allowed}).prepare()
    body = ready.body or b""
    headers = {
        k.lower(): v if isinstance(v, str) else v.decode("latin-1")
        for k, v in ready.headers.items()
        if k.lower() not in ("authorization", "cookie", "transfer-encoding")
    }
    if role:
        headers["authorization"] = f"Bearer {hall.tokens[role]}"
    return hall.call(
        str(ready.method), ready.path_url, body=body if isinstance(body, bytes) else body.encode(), headers=headers
    )


def check(case: Case, name: str, role: str, hall: Hall, contract: Contract) -> None:
    """Send a case and hold the answer against the document."""
    op = contract.operations[name]
    answer = sent(hall, case, role)
    assert answer.status < 500, answer.body
    if answer.header("content-type") == PROBLEM and answer.code in OF_ANY_REQUEST:
        assert contract.problem(answer.json()) == []
        return
    assert contract.broken(name, answer.status, answer.headers, answer.body) == []
    if answer.header("content-type") == PROBLEM and name not in OF_THE_DOOR:
        assert answer.code in op.codes(answer.status), answer.body


PLANS = [(name, mode) for name in NAMES for mode in MODES if (name, mode) not in WITHOUT_BAD]


@pytest.mark.parametrize(("name", "mode"), PLANS, ids=[f"{name}-{mode.value}" for name, mode in PLANS])
def test_every_answer_is_one_the_document_tells(
    hall: Hall, contract: Contract, plan: Any, known: dict[str, str], name: str, mode: GenerationMode
) -> None:
    op = contract.operations[name]
    operation = plan[op.path][op.method.upper()]
    places = {p["name"]: known[p["name"]] for p in op.told["parameters"] if p["in"] == "path"}
    strategy = operation.as_strategy(generation_mode=mode)

    @seed(0)
    @settings(
        max_examples=4 if name in SLOW else 10,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=strategy, real=st.booleans())
    def run(case: Case, real: bool) -> None:
        if real and places and name != "case.events":
            case.path_parameters = dict(places)
        for role in ("", "party", "centre"):
            if (name, role) not in LEFT_ALONE:
                check(case, name, role, hall, contract)

    run()
