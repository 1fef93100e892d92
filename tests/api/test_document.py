"""The interface document is OpenAPI 3.1, is of exactly the routes there are, and every example in it is true."""

from __future__ import annotations

import re
from typing import Any

import jsonschema_rs
from schemathesis.specs.openapi.definitions import OPENAPI_31

from api.contract import LATEST, METHODS, PROBLEM, Contract, place
from tradehall.kernel.refusal import KINDS
from tradehall.web.permissions import TABLE
from tradehall.web.problems import REQUEST_KINDS
from web_core.hall import CASE, Hall

HAN = re.compile("[\u4e00-\u9fff]")
LATIN = re.compile("[A-Za-z]{2}")
NOT_OF_THE_API = ("page.", "static", "openapi")


def speaks_both(text: str) -> bool:
    return bool(HAN.search(text) and LATIN.search(text))


# --- the document ---------------------------------------------------------------------------------------------------


def test_it_is_openapi_3_1(contract: Contract) -> None:
    found = jsonschema_rs.Draft202012Validator(OPENAPI_31).iter_errors(contract.document)
    assert [f"{list(e.instance_path)}: {e.message[:200]}" for e in found] == []


def test_a_document_that_is_not_would_be_found(contract: Contract) -> None:
    validator = jsonschema_rs.Draft202012Validator(OPENAPI_31)
    wrong = contract.document | {"paths": {"/x": {"get": {"responses": {"200": {"content": {}}}}}}}
    assert not validator.is_valid(wrong)
    assert not validator.is_valid(contract.document | {"openapi": "3.0.3"})


def schemas(contract: Contract) -> list[Any]:
    """Return every schema that stands in the document."""
    found: list[Any] = list(contract.document["components"]["schemas"].values())
    for op in contract.operations.values():
        found += [parameter["schema"] for parameter in op.told["parameters"]]
        found += [op.body[1]["schema"]] if op.body else []
        for response in op.told["responses"].values():
            found += [content["schema"] for content in response.get("content", {}).values()]
            found += [header["schema"] for header in response.get("headers", {}).values()]
    return found


def test_every_schema_is_a_json_schema_of_2020(contract: Contract) -> None:
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    found = schemas(contract)
    assert len(found) > 200
    for schema in found:
        assert jsonschema_rs.meta.is_valid(dialect | schema), schema
    assert not jsonschema_rs.meta.is_valid(dialect | {"type": "text"})


def test_it_is_of_exactly_the_routes_of_the_api(hall: Hall, contract: Contract) -> None:
    routes = set()
    for route in hall.app.routes:
        for handler in getattr(route, "route_handlers", ()):
            name = str(handler.opt.get("permission", ""))
            if name and not name.startswith(NOT_OF_THE_API):
                path = re.sub(r"\{(\w+)(:\w+)?\}", r"{\1}", route.path)
                routes |= {(name, str(m).lower(), path) for m in handler.http_methods if m != "HEAD"}
    assert len(routes) == len([row for row in TABLE if not row.name.startswith(NOT_OF_THE_API)]) >= 45
    assert {(op.name, op.method, op.path) for op in contract.operations.values()} == routes
    ids = [told["operationId"] for item in contract.document["paths"].values() for told in item.values()]
    assert len(ids) == len(set(ids)) == len(routes)
    assert all(method in METHODS for item in contract.document["paths"].values() for method in item)


def test_every_place_in_a_path_is_a_parameter(contract: Contract) -> None:
    for op in contract.operations.values():
        named = {p["name"] for p in op.told["parameters"] if p["in"] == "path"}
        assert named == set(re.findall(r"\{(\w+)\}", op.path)), op.name
        assert all(p["required"] for p in op.told["parameters"] if p["in"] == "path")
        keys = [(p["in"], p["name"].lower()) for p in op.told["parameters"]]
        assert len(keys) == len(set(keys)), op.name


def test_everything_is_said_in_both_languages(contract: Contract) -> None:
    assert speaks_both(contract.document["info"]["description"])
    assert all(speaks_both(tag["description"]) for tag in contract.document["tags"])
    for op in contract.operations.values():
        title_zh, _, title_en = op.told["summary"].partition(" · ")
        assert HAN.search(title_zh), op.name
        assert LATIN.search(title_en), op.name
        assert not HAN.search(title_en), op.name
        told_zh, told_en, who = op.told["description"].split("\n\n", 2)
        assert HAN.search(told_zh), op.name
        assert LATIN.search(told_en), op.name
        assert len(told_en.split()) >= 3, op.name
        assert speaks_both(who), op.name
        for parameter in op.told["parameters"]:
            assert speaks_both(parameter["description"]), (op.name, parameter["name"])
        for status, response in op.told["responses"].items():
            codes = op.codes(int(status)) if status.isdigit() else set()
            assert codes or speaks_both(response["description"]), (op.name, status)
        for example in op.body[1]["examples"].values() if op.body else ():
            assert speaks_both(example["summary"]), (op.name, example["summary"])


def test_every_operation_has_its_tag_and_who_may_call_it(contract: Contract) -> None:
    tags = {tag["name"] for tag in contract.document["tags"]}
    known = contract.document["components"]["securitySchemes"]
    rows = {row.name: row for row in TABLE}
    for op in contract.operations.values():
        assert set(op.told["tags"]) <= tags
        assert op.told["security"]
        assert all(name in known for way in op.told["security"] for name in way)
        assert ({} in op.told["security"]) == ("public" in rows[op.name].roles), op.name
        assert op.codes(401) or {} in op.told["security"], op.name


# --- its examples ---------------------------------------------------------------------------------------------------


def test_every_body_and_every_success_has_an_example(contract: Contract) -> None:
    for op in contract.operations.values():
        if op.body is not None:
            assert op.body[1]["examples"], op.name
        good = {status: r for status, r in op.told["responses"].items() if status.startswith("2")}
        assert good, op.name
        for status, response in good.items():
            assert "content" in response or status == "204", (op.name, status)
            for media, content in response.get("content", {}).items():
                assert content["examples"]["sample"]["value"] is not None, (op.name, status, media)
                assert "schema" in content, (op.name, status, media)


MEANT_TO_BREAK = {"BODY-INVALID", "FORM-INVALID", "SCHEMA-INVALID"}
"""Examples that show a refusal of the body itself need not keep to its schema."""


def test_every_example_keeps_to_its_schema(contract: Contract) -> None:
    refused = {
        f"{op.name} {name}"
        for op in contract.operations.values()
        for name, example in (op.body[1]["examples"].items() if op.body else ())
        if example["x-answer"].get("code") in MEANT_TO_BREAK
    }
    found = list(contract.examples())
    assert len(found) > 350
    wrong = {name: faults for name, where, value in found if (faults := contract.faults(where, value))}
    assert {name: faults for name, faults in wrong.items() if name not in refused} == {}


def test_a_wrong_example_would_be_found(contract: Contract) -> None:
    where = next(where for name, where, _ in contract.examples() if name == "record.file project")
    record = next(value for name, _, value in contract.examples() if name == "record.file project")
    payload = record["envelope"]["payload"]
    assert contract.faults(where, record) == []
    wrong = record | {"envelope": record["envelope"] | {"payload": payload | {"name": 7}}}
    assert contract.faults(where, wrong)
    assert contract.faults(place("components", "schemas", "Clock"), {"now": "2026-03-02", "suspect": 0})


def test_every_published_schema_is_that_of_a_payload(contract: Contract, hall: Hall) -> None:
    cases = contract.document["components"]["schemas"]["Envelope"]["allOf"]
    for case in cases:
        assert hall.call("GET", case["then"]["properties"]["payload"]["$ref"]).status == 200
    cited = {c["if"]["properties"]["schema"]["properties"]["id"]["const"] for c in cases}
    assert cited == {item["family"] for item in hall.call("GET", f"/api/v1/schemas?as_of={LATEST}").json()["items"]}


# --- errors ---------------------------------------------------------------------------------------------------------


def test_every_documented_code_exists_and_has_its_status(contract: Contract) -> None:
    shown = set()
    for op in contract.operations.values():
        for status, response in op.told["responses"].items():
            for code, example in response.get("content", {}).get(PROBLEM, {}).get("examples", {}).items():
                known = KINDS[code].status if code in KINDS else REQUEST_KINDS[code][0]
                assert (str(known), code) == (status, example["value"]["code"]), (op.name, code)
                assert example["value"]["status"] == known
                assert "{" not in example["value"]["title"], (op.name, code)
                assert HAN.search(example["value"]["messages"]["zh"]), (op.name, code)
                assert not HAN.search(example["value"]["messages"]["en"]), (op.name, code)
                shown.add(code)
        assert op.told["responses"]["default"]["content"].keys() == {PROBLEM}
    for op in contract.operations.values():
        for example in op.body[1]["examples"].values() if op.body else ():
            code = example["x-answer"].get("code")
            assert code is None or code in KINDS or code in REQUEST_KINDS, (op.name, code)
    assert len(shown) > 25


# --- examples that are sent -----------------------------------------------------------------------------------------


def test_every_example_is_answered_as_it_says(hall: Hall, contract: Contract) -> None:
    """On a node that knows the sample party, and a case in which only a project is filed."""
    wrong: list[str] = []
    number = 0
    last = sorted(contract.operations.values(), key=lambda op: op.name == "clock.advance")
    for op in last:
        if op.body is None:
            continue
        media, body = op.body
        (roles,) = (row.roles for row in TABLE if row.name == op.name)
        role = "" if {} in op.told["security"] else "party" if "party" in roles else "centre"
        for name, example in body["examples"].items():
            sent = example["value"] if media == "application/json" else example["value"].encode()
            places = {p["name"]: p["example"] for p in op.told["parameters"] if p["in"] == "path"} | {"case": CASE}
            headers = {
                p["name"]: str(p["example"]) for p in op.told["parameters"] if p["in"] == "header" and p.get("required")
            }
            answer = hall.call(
                op.method.upper(),
                op.path.format_map(places),
                body=sent,
                headers=headers | ({} if media == "application/json" else {"content-type": media}),
                role=role,
                address="10.0.1." + str(number),
            )
            number += 1
            expected = (example["x-answer"]["status"], example["x-answer"].get("code", ""))
            got = answer.code if answer.header("content-type") == PROBLEM else ""
            if (answer.status, got) != expected:
                wrong.append(f"{op.name} {name}: {answer.status} {got}, not {expected}: {answer.body[:200]!r}")
            wrong += contract.broken(op.name, answer.status, answer.headers, answer.body)
    assert wrong == [], "\n".join(wrong)
    assert number > 50
