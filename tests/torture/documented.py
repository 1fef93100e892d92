"""Requests made from the interface document 依接口说明造请求: every answer must be one that the document tells."""

from __future__ import annotations

import io
import json
import sys
import tempfile
from copy import deepcopy
from pathlib import Path
from typing import Any
from unittest.mock import patch

import schemathesis
import structlog
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from api.contract import Contract
from api.test_conformance import LEFT_ALONE, MODES, NAMES, SLOW, WITHOUT_BAD, check
from tradehall.adapters.identity.passwords import hash_password
from tradehall.web.api import samples, standards
from tradehall_standards import Catalogue
from web_core.hall import CASE, CHEAP, PARTY, Hall, open_hall

ROLES = ("", "party", "centre")


def sweep(
    hall: Hall, contract: Contract, plan: Any, start: int, examples: int, names: list[str]
) -> tuple[int, list[str]]:
    """Send so many requests of each kind to each operation, as each role; returns how many, and what was not told."""
    (record,) = hall.call("GET", f"/api/v1/cases/{CASE}/records").json()["items"]
    known = {
        "case": CASE,
        "digest": record["digest"],
        "kid": "sha256:" + "0" * 64,
        "family": "project",
        "version": "1.0.0",
        "name": "currency",
        "regime": "tender_law",
        "code": "BID-LATE",
        "ident": "open_tender",
        "path": "0/000.p/1",
        "city": "deyang",
    }
    total, broken = 0, []
    for name in names:
        op = contract.operations[name]
        places = {p["name"]: known[p["name"]] for p in op.told["parameters"] if p["in"] == "path"}
        for mode in MODES:
            if (name, mode) not in WITHOUT_BAD:
                strategy = plan[op.path][op.method.upper()].as_strategy(generation_mode=mode)
                count, wrong = _ask(hall, contract, name, places, strategy, start, 2 if name in SLOW else examples)
                total += count
                broken += [f"{name}, {mode.value}, seed {start}: {wrong}"] if wrong else []
    return total, broken


def _ask(
    hall: Hall, contract: Contract, name: str, places: Any, strategy: Any, start: int, examples: int
) -> tuple[int, str]:
    """Send requests of one kind to one operation; returns how many, and what was not told."""
    sent = 0

    @seed(start)
    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=strategy, real=st.booleans())
    def ask(case: Any, real: bool) -> None:
        nonlocal sent
        if real and places and name != "case.events":
            case.path_parameters = dict(places)
        for role in ROLES:
            if (name, role) not in LEFT_ALONE:
                sent += 1
                check(case, name, role, hall, contract)

    try:
        ask()
    except Exception as error:
        return sent, f"{type(error).__name__}: {str(error)[:500]}"
    return sent, ""


def main() -> None:
    start, examples = int(sys.argv[1]), int(sys.argv[2])
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(io.StringIO()))
    catalogue = Catalogue.load()
    with tempfile.TemporaryDirectory(prefix="th-documented-") as folder, open_hall(Path(folder), catalogue) as hall:
        directory = hall.node.directory
        directory.set_account("sample", PARTY, hash_password(samples.PASSWORD, hall.node.door.chance, cost=CHEAP))
        facts = {"stratum": "TECH", "city": "chengdu", "employer": "示例设计院"}
        directory.register("person:abcdefghij234567", "示例专家", frozenset({"expert"}), facts)
        contract = Contract(hall.call("GET", "/openapi.json").body, catalogue)
        document = deepcopy(contract.document)
        del document["components"]["schemas"]["Envelope"]["allOf"]
        plan = schemathesis.openapi.from_dict(document)
        sent, broken = sweep(hall, contract, plan, start, examples, NAMES)
        with patch.object(standards, "read_object", _careless):
            _, mutant = sweep(hall, contract, plan, start, 2, ["validate"])
    print(json.dumps({"sent": sent, "broken": broken, "mutant": mutant}))


async def _careless(request: Any, *_names: str, **_more: Any) -> Any:
    """A handler that reads its body without asking what it is."""
    return json.loads(await request.body())


if __name__ == "__main__":
    main()
