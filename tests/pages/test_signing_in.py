"""Signing in and out on the pages: sessions, tokens of forms, where one goes next."""

from __future__ import annotations

import re
from typing import Any

import pytest

from pages.stage import HTML, Stage
from tradehall.web.pages.portal import local_path

LOGIN = {"username": "tenderer", "password": "sunshine-2026"}


def log_in(stage: Stage, **more: str) -> Any:
    return stage.http.post("/login", data=LOGIN | more, headers=HTML, follow_redirects=False)


def token(page: str) -> str:
    found = re.search(r'name="csrf" value="([0-9a-f]{64})"', page)
    assert found is not None
    return found[1]


def test_signing_in_opens_a_session_and_goes_on(stage: Stage) -> None:
    answer = log_in(stage, next="/openings?x=1")
    assert (answer.status_code, answer.headers["location"]) == (303, "/openings?x=1")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    page = stage.get("/")
    assert "示例城市建设投资有限公司" in page.text
    assert page.headers["cache-control"] == "no-store"
    token(page.text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "javascript:alert(1)",
        "evil",
        "/\tx",
        "/\r\nX: y",
        "\\\\evil",
    ],
)
def test_nobody_is_sent_elsewhere(stage: Stage, text: str) -> None:
    assert local_path(text) == "/"
    assert log_in(stage, next=text).headers["location"] == "/"


def test_a_wrong_password_is_said_and_never_shown(stage: Stage) -> None:
    answer = stage.http.post("/login", data={"username": "<b>x", "password": "very secret"}, headers=HTML)
    assert answer.status_code == 401
    assert "用户名或密码不正确" in answer.text
    assert "&lt;b&gt;x" in answer.text
    assert "very secret" not in answer.text
    assert "set-cookie" not in answer.headers
    program = stage.http.post("/login", data={"username": "y", "password": "very secret"})
    assert program.json()["code"] == "LOGIN-FAILED"


def test_forms_of_a_session_need_its_token(stage: Stage) -> None:
    log_in(stage)
    page = stage.get("/verify").text
    for data in ({"other": "x"}, {"csrf": ""}, {"csrf": "0" * 64}):
        assert stage.http.post("/logout", data=data, headers=HTML).status_code == 403
        files = {"text": (None, "{}"), **{k: (None, v) for k, v in data.items()}}
        assert stage.http.post("/verify", files=files, headers=HTML).status_code == 403
    files = {"text": (None, "{}"), "csrf": (None, token(page))}
    assert stage.http.post("/verify", files=files, headers=HTML).status_code == 200


def test_forms_of_other_sites_are_refused(stage: Stage) -> None:
    for headers in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}):
        answer = stage.http.post("/login", data=LOGIN, headers=HTML | headers, follow_redirects=False)
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers


def test_signing_out_ends_the_session_on_the_server(stage: Stage) -> None:
    log_in(stage)
    kept = dict(stage.http.cookies)
    answer = stage.http.post("/logout", data={"csrf": token(stage.get("/").text)}, headers=HTML, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    stage.http.cookies.clear()
    for name, value in kept.items():
        stage.http.cookies.set(name, value)
    assert "示例城市建设投资有限公司 " not in stage.get("/login").text
    assert 'action="/logout"' not in stage.get("/").text


def test_signing_in_again_makes_another_session(stage: Stage) -> None:
    log_in(stage)
    first, page = dict(stage.http.cookies), stage.get("/").text
    assert log_in(stage).status_code == 403  # without the token of the session at hand
    log_in(stage, csrf=token(page))
    second = dict(stage.http.cookies)
    assert first != second
    stage.http.cookies.clear()
    for name, value in first.items():
        stage.http.cookies.set(name, value)
    assert 'action="/logout"' not in stage.get("/").text


def test_a_large_form_is_refused(stage: Stage) -> None:
    answer = stage.http.post("/login", data=LOGIN | {"next": "x" * 9000}, headers=HTML)
    assert answer.status_code == 413
