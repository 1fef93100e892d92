"""Problems of the API after RFC 9457: media type, both languages, and where in the body the fault is."""

from __future__ import annotations

import re
from typing import Any

import pytest

from api.contract import PROBLEM, Contract
from api.test_repeats import PROJECT, Clerk, clerk
from web_core.hall import Answer, Hall

__all__ = ["clerk"]

HAN = re.compile("[\u4e00-\u9fff]")
MISSING = object()


def case(letter: str) -> str:
    return "t-" + letter * 26


def pointers(answer: Answer) -> list[str]:
    return [error["pointer"] for error in answer.json()["errors"]]


def follow(value: Any, pointer: str) -> Any:
    """Follow a JSON Pointer as far as the value goes; the last member may be one that is missing."""
    parts = [p.replace("~1", "/").replace("~0", "~") for p in pointer.split("/")[1:]]
    for number, part in enumerate(parts):
        found = value[int(part)] if isinstance(value, list) else value.get(part, MISSING)
        if found is MISSING:
            assert number == len(parts) - 1, pointer
        value = found
    return value


ANSWERS = {
    "BODY-INVALID": ("POST", "/api/v1/validate", b"{", ""),
    "MEDIA-TYPE": ("POST", "/api/v1/validate", b"<a/>", ""),
    "LOGIN-REQUIRED": ("GET", "/api/v1/tokens", b"", ""),
    "FORBIDDEN": ("GET", "/api/v1/parties", b"", "party"),
    "NOT-FOUND": ("GET", "/api/v1/cases/t-zz", b"", ""),
    "METHOD-NOT-ALLOWED": ("DELETE", "/api/v1/cases", b"", ""),
    "PARAMETER-INVALID": ("GET", "/api/v1/cases?limit=0", b"", ""),
    "FORM-INVALID": ("POST", "/api/v1/records", b"{}", "party"),
    "LOGIN-FAILED": ("POST", "/api/v1/sessions", b'{"name":"nobody","password":"x"}', ""),
    "CERTIFICATE-REQUEST": ("POST", "/api/v1/certificates", b'{"csr":"%"}', "party"),
}


@pytest.mark.parametrize("code", ANSWERS)
def test_every_problem_is_of_the_one_form_in_both_languages(hall: Hall, contract: Contract, code: str) -> None:
    method, path, body, role = ANSWERS[code]
    kind = {"content-type": "text/xml" if code == "MEDIA-TYPE" else "application/json"} if body else {}
    said = {}
    for lang in ("zh", "en"):
        answer = hall.call(method, path, body=body, role=role, headers=kind | {"accept-language": lang})
        value = answer.json()
        assert (answer.header("content-type"), answer.code) == (PROBLEM, code)
        assert contract.problem(value) == []
        assert value["status"] == answer.status
        assert value["type"] == f"/problems/{code}"
        assert value["title"] == value["detail"] == value["messages"][lang]
        assert answer.header("cache-control") == "no-store"
        said[lang] = value["messages"]
        page = hall.call("GET", value["type"], headers={"accept-language": lang})
        assert (page.status, page.json()["status"]) == (200, answer.status)
    assert said["zh"] == said["en"]
    assert HAN.search(said["zh"]["zh"])
    assert not HAN.search(said["zh"]["en"])
    if answer.status == 401:
        assert answer.header("www-authenticate") == "Bearer"


WRONG_PAYLOADS: dict[str, Any] = {
    "/envelope/payload/name": PROJECT | {"name": 7},
    "/envelope/payload": PROJECT | {"surprise": 1},
}


@pytest.mark.parametrize("pointer", WRONG_PAYLOADS)
def test_a_wrong_field_of_a_payload_is_pointed_at(clerk: Clerk, contract: Contract, pointer: str) -> None:
    record = clerk.record(case("w"), WRONG_PAYLOADS[pointer])
    answer = clerk.file(record)
    assert (answer.status, answer.code, answer.header("content-type")) == (422, "SCHEMA-INVALID", PROBLEM)
    assert contract.broken("record.file", answer.status, answer.headers, answer.body) == []
    assert pointer in pointers(answer)
    for error in answer.json()["errors"]:
        assert error["pointer"].startswith("/envelope/payload")
        follow(record, error["pointer"])
        assert HAN.search(error["message"]["zh"])
        assert not HAN.search(error["message"]["en"].replace("“", "").replace("”", ""))
    assert answer.json()["refusal"]["refusal"]["code"] == "SCHEMA-INVALID"


def test_a_missing_field_of_a_payload_is_pointed_at(clerk: Clerk) -> None:
    record = clerk.record(case("w"), {k: v for k, v in PROJECT.items() if k != "name"})
    answer = clerk.file(record)
    assert answer.code == "SCHEMA-INVALID"
    assert any(pointer in ("/envelope/payload", "/envelope/payload/name") for pointer in pointers(answer))


def test_a_malformed_record_is_pointed_at_from_the_root(clerk: Clerk, contract: Contract) -> None:
    record = clerk.record(case("w"))
    broken: dict[str, Any] = {
        "/envelope/suite": record | {"envelope": record["envelope"] | {"suite": "TH0"}},
        "/envelope/case": record | {"envelope": record["envelope"] | {"case": "x"}},
        "/envelope/nonce": record | {"envelope": record["envelope"] | {"nonce": 1}},
        "/signature": record | {"signature": 1},
    }
    for pointer, body in broken.items():
        answer = clerk.file(body)
        assert answer.code == "FORM-INVALID", answer.body
        assert answer.status in {422, 400}
        assert contract.broken("record.file", answer.status, answer.headers, answer.body) == []
        assert pointers(answer) == [pointer]
        follow(body, pointer)


@pytest.mark.parametrize(
    "body", [b'{"envelope":{"a":1,"a":2},"signature":{}}', b'{"envelope":{"a":1.5},"signature":{}}', b"{", b'"\xff"']
)
def test_what_the_strict_reader_refuses_is_pointed_at_from_the_root(
    hall: Hall, contract: Contract, body: bytes
) -> None:
    answer = hall.call("POST", "/api/v1/records", body=body, headers={"content-type": "application/json"}, role="party")
    assert (answer.status, answer.code) == (400, "BODY-INVALID")
    assert contract.broken("record.file", answer.status, answer.headers, answer.body) == []
    assert all(pointer == "" or pointer.startswith("/envelope") for pointer in pointers(answer))
    assert [error["rule"] for error in answer.json()["errors"]] == [answer.json()["messages"]["en"].rpartition(" ")[2]]


# --- a directory that can be read again -----------------------------------------------------------------------------

EXPERT = {"stratum": "TECH", "city": "510100", "employer": "示例设计院"}


@pytest.mark.parametrize(
    ("members", "pointer"),
    [
        ({"id": "no such form"}, "/id"),
        ({"facts": 1}, "/facts"),
        ({"facts": EXPERT | {"stratum": 1}}, "/facts"),
        ({"facts": EXPERT | {"conflicts": 5}}, "/facts"),
        ({"facts": EXPERT | {"conflicts": ["ab"]}}, "/facts"),
        ({"facts": EXPERT | {"conflicts": [["a"]]}}, "/facts"),
        ({"facts": {"stratum": "TECH"}}, "/facts"),
        ({"account": "expert9", "password": 1}, "/password"),
    ],
)
def test_a_party_that_could_not_be_read_again_is_not_registered(
    hall: Hall, contract: Contract, members: dict[str, Any], pointer: str
) -> None:
    """One such expert would stop every draw."""
    party = "person:zzzzzzzzzzzzzzzz"
    body = {"id": party, "name": "示例专家", "roles": ["expert"], "facts": EXPERT} | members
    answer = hall.call("POST", "/api/v1/parties", body=body, role="centre")
    assert (answer.status, answer.code) == (400, "BODY-INVALID")
    assert contract.broken("party.register", answer.status, answer.headers, answer.body) == []
    assert pointers(answer) == [pointer]
    assert party not in {item["id"] for item in hall.call("GET", "/api/v1/parties", role="centre").json()}
    assert all(expert.stratum for expert in hall.node.directory.experts().values())
