"""Problems after RFC 9457, in the language of the reader."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradehall.kernel.refusal import KINDS, refuse
from tradehall.web.problems import (
    PROBLEM_JSON,
    REQUEST_KINDS,
    Problem,
    explained,
    preferred_language,
    refusal_response,
)
from web_core.tiny import serving


@pytest.mark.parametrize(
    ("header", "lang"),
    [
        ("", "zh"),
        ("*", "zh"),
        ("fr", "zh"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("en-GB,en;q=0.9,zh-CN;q=0.8", "en"),
        ("fr, en;q=0.5, zh;q=0.1", "en"),
        ("en;q=0", "zh"),
        ("en;q=0.5,zh;q=0.5", "zh"),
        ("en;q=2", "zh"),
        ("en;q=٣", "zh"),
        ("EN", "en"),
        ("english", "zh"),
    ],
)
def test_the_reader_chooses_the_language(header: str, lang: str) -> None:
    assert preferred_language(header) == lang


@given(st.text(max_size=200))
def test_no_accept_language_is_an_error(header: str) -> None:
    assert preferred_language(header) in ("zh", "en")


def test_a_problem_says_what_happened_in_both_languages() -> None:
    with serving() as (client, _):
        answer = client.get("/teapot", headers={"Accept-Language": "en"})
        assert answer.headers["content-type"] == PROBLEM_JSON
        assert answer.headers["retry-after"] == "7"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.json() == {
            "type": "/problems/TOO-MANY",
            "title": "Too many tries; wait 7 s",
            "status": 429,
            "detail": "Too many tries; wait 7 s",
            "code": "TOO-MANY",
            "messages": {"zh": "尝试过于频繁，请 7 秒后再试", "en": "Too many tries; wait 7 s"},
        }
        assert client.get("/teapot").json()["title"] == "尝试过于频繁，请 7 秒后再试"
        assert client.get("/teapot", headers={"Cookie": "lang=en"}).json()["title"].startswith("Too many")


def test_a_wrong_method_is_told_the_right_ones() -> None:
    with serving() as (client, _):
        answer = client.put("/who")
        assert answer.status_code == 405
        assert {m.strip() for m in answer.headers["allow"].split(",")} >= {"GET"}


@pytest.mark.parametrize(
    ("path", "status"), [("/number/x?count=1", 404), ("/number/1?count=x", 400), ("/number/1?", 400)]
)
def test_parameters_are_named_and_their_values_not_repeated(path: str, status: int) -> None:
    with serving() as (client, _):
        answer = client.get(path + "&z=<script>secret")
        assert answer.status_code == status
        assert "secret" not in answer.text
        assert "{" not in answer.json()["title"]
        if "count=x" in path:
            assert answer.json()["errors"][0]["parameter"] == "count"


@pytest.mark.parametrize("code", REQUEST_KINDS)
def test_every_problem_has_a_page_and_leaves_no_place_unfilled(code: str) -> None:
    status, text, clause = explained(code) or (0, None, "")
    assert 400 <= status <= 599
    assert text is not None
    assert re.search("[\u4e00-\u9fff]", text.zh)
    assert text.en.isascii()
    assert clause == ""
    places = dict.fromkeys(re.findall(r"\{(\w+)\}", text.zh + text.en), "…")
    assert set(re.findall(r"\{(\w+)\}", text.zh)) == set(re.findall(r"\{(\w+)\}", text.en))
    assert "{" not in Problem(code, **places).text.zh


def test_problems_and_refusals_share_no_code() -> None:
    assert not REQUEST_KINDS.keys() & KINDS.keys()
    for code, kind in KINDS.items():
        assert explained(code) == (kind.status, kind.text, kind.clause)
    assert explained("no such thing") is None


def test_a_refusal_keeps_clause_pointer_and_signed_refusal() -> None:
    refusal = refuse("BID-LATE", deadline="09:30", at="09:31", pointer="/lot")
    response = refusal_response(refusal, "en", {"refusal": {}, "signature": {}})
    body = response.content
    assert response.status_code == 409
    assert body["clause"] == "招标投标法实施条例 36"
    assert body["errors"][0]["pointer"] == "/envelope/payload/lot"
    assert body["refusal"] == {"refusal": {}, "signature": {}}
    assert "09:31" in body["title"]
