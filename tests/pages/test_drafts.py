"""Drafts over HTTP: verdicts with witness, lints, the least version; nothing that is sent is kept."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from pages.stage import Stage
from played import PASSWORD
from tradehall_standards import Catalogue

OLD = {"type": "object", "properties": {"title": {"type": "string", "maxLength": 20}}}
NEW = {"type": "object", "properties": {"title": {"type": "string", "maxLength": 10}}}


@pytest.fixture
def officer(stage: Stage) -> dict[str, str]:
    body = {"name": "operator", "password": PASSWORD, "label": "test"}
    answer = stage.http.post("/api/v1/tokens", json=body)
    assert answer.status_code == 201, answer.text
    return {"authorization": f"Bearer {answer.json()['token']}"}


def schema(catalogue: Catalogue) -> dict[str, Any]:
    return copy.deepcopy(dict(catalogue.versions("question")[-1].schema))


def drafted(stage: Stage, officer: dict[str, str], document: Any, **more: Any) -> Any:
    return stage.http.post("/api/v1/drafts", json={"schema": document, **more}, headers=officer)


def test_only_officers_and_the_centre_may_ask(stage: Stage) -> None:
    for path, body in (("compat", {"old": OLD, "new": NEW}), ("drafts", {"schema": OLD})):
        assert stage.http.post(f"/api/v1/{path}", json=body).status_code == 401


def test_a_refusal_has_its_witness(stage: Stage, officer: dict[str, str]) -> None:
    found = stage.http.post("/api/v1/compat", json={"old": OLD, "new": NEW}, headers=officer).json()
    assert (found["backward"]["outcome"], found["forward"]["outcome"]) == ("refuted", "proved")
    assert len(found["backward"]["witness"]["document"]["title"]) == 11
    assert found["changes"][0]["pointer"] == "/properties/title/maxLength"


def test_a_published_version_may_be_named(stage: Stage, officer: dict[str, str], catalogue: Catalogue) -> None:
    body = {"old": "question/1.0.0", "new": dict(catalogue.versions("question")[-1].bundle)}
    found = stage.http.post("/api/v1/compat", json=body, headers=officer).json()
    assert (found["backward"]["method"], found["changes"]) == ("equal", [])
    for wrong in ("question/9.9.9", "question", "", 7, None, []):
        answer = stage.http.post("/api/v1/compat", json={"old": wrong, "new": NEW}, headers=officer)
        assert (answer.status_code, answer.json()["code"]) == (400, "BODY-INVALID"), wrong


def test_a_draft_learns_the_least_version(stage: Stage, officer: dict[str, str], catalogue: Catalogue) -> None:
    same = drafted(stage, officer, schema(catalogue)).json()
    assert (same["level"], same["floor"], same["taken"], same["kept"]) == ("patch", "1.0.1", True, False)
    assert same["lints"] == []
    narrowed = schema(catalogue)
    narrowed["$id"] = narrowed["$id"].replace("1.0.0", "1.1.0")
    name = next(n for n in narrowed["properties"] if n not in narrowed["required"])
    narrowed["required"] = [*narrowed["required"], name]
    found = drafted(stage, officer, narrowed).json()
    assert (found["version"], found["level"], found["floor"], found["kept"]) == ("1.1.0", "major", "2.0.0", False)
    witness = found["against"][0]["backward"]["witness"]["document"]
    assert name not in witness


def test_every_lint_is_told_at_its_place(stage: Stage, officer: dict[str, str], catalogue: Catalogue) -> None:
    draft = schema(catalogue)
    draft["properties"]["remark"] = {"type": "string"}
    found = drafted(stage, officer, draft).json()
    told = {(lint["code"], lint["pointer"]) for lint in found["lints"]}
    assert ("STRING_UNBOUNDED", "/properties/remark") in told
    assert ("TITLE_MISSING", "/properties/remark") in told


@pytest.mark.parametrize("document", [{"type": "object"}, {}, {"$id": "x"}, {"$ref": "#/$defs/none"}])
def test_what_is_no_draft_is_told_as_that(stage: Stage, officer: dict[str, str], document: Any) -> None:
    answer = drafted(stage, officer, document)
    assert (answer.status_code, answer.json()["code"]) == (400, "BODY-INVALID")
    assert drafted(stage, officer, {"$ref": "#/$defs/none"}, family="question").status_code == 400
    assert drafted(stage, officer, 7).status_code == 400
    unwritable = {"type": "object", "properties": {"名称": {"type": "string"}}}  # keys are ASCII
    assert drafted(stage, officer, unwritable, family="question").status_code == 400


def test_nothing_is_kept(stage: Stage, officer: dict[str, str], catalogue: Catalogue) -> None:
    draft = schema(catalogue)
    draft["$id"] = draft["$id"].replace("1.0.0", "1.7.0")
    before = json.dumps(stage.http.get("/api/v1/schemas/question/versions").json())
    assert drafted(stage, officer, draft).status_code == 200
    assert json.dumps(stage.http.get("/api/v1/schemas/question/versions").json()) == before
    assert stage.http.get("/api/v1/schemas/question/1.7.0").status_code == 404
