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


OTHER = {"username": "bidder6", "password": "sunshine-2026"}
"""Whose password and tokens no other test needs."""


def change(stage: Stage, **more: str) -> Any:
    data = {"csrf": token(stage.get("/account").text), "act": "password", "username": OTHER["username"]} | more
    return stage.http.post("/account", data=data, headers=HTML, follow_redirects=False)


def test_a_person_changes_the_password_on_a_page(stage: Stage) -> None:
    assert stage.get("/account").status_code == 401
    log_in(stage, **OTHER)
    old, new = OTHER["password"], "<b>a new one of some length"
    wrong = change(stage, password="not this one", new=new)
    assert (wrong.status_code, "用户名或密码不正确" in wrong.text) == (401, True)
    plain = change(stage, password=old, new="bidder6-2026")
    assert (plain.status_code, "太容易猜到" in plain.text) == (422, True)
    assert change(stage, password=old, new=new, csrf="0" * 64).status_code == 403
    done = change(stage, password=old, new=new)
    assert (done.status_code, "密码已修改" in done.text) == (200, True)
    assert not any(text in done.text for text in (old, new, "of some length"))
    stage.http.cookies.clear()
    assert log_in(stage, **OTHER).status_code == 401
    assert log_in(stage, **OTHER | {"password": new}).status_code == 303
    assert change(stage, password=new, new=old).status_code == 200


def test_a_person_ends_other_sessions_on_a_page(stage: Stage) -> None:
    log_in(stage, **OTHER)
    elsewhere = dict(stage.http.cookies)
    stage.http.cookies.clear()
    log_in(stage, **OTHER)
    assert "共有 1 个会话" not in stage.get("/account").text
    done = change(stage, act="sessions", password=OTHER["password"])
    assert (done.status_code, "其他会话均已终止" in done.text) == (200, True)
    assert "共有 1 个会话" in done.text
    stage.http.cookies.clear()
    for name, value in elsewhere.items():
        stage.http.cookies.set(name, value)
    assert stage.get("/account").status_code == 401


def test_signing_out_clears_what_the_browser_kept(stage: Stage) -> None:
    log_in(stage)
    answer = stage.http.post("/logout", data={"csrf": token(stage.get("/").text)}, headers=HTML, follow_redirects=False)
    assert answer.headers["clear-site-data"] == '"cache", "storage"'


def test_over_https_every_cookie_is_secure_and_of_this_host(stage: Stage) -> None:
    address = "https://testserver.local/login?lang=en&size=large"
    shown = stage.http.get(address, headers=HTML, follow_redirects=False)
    opened = stage.http.post(address, data=LOGIN, headers=HTML, follow_redirects=False)
    cookies = [c for a in (shown, opened) for c in a.headers.get_list("set-cookie")]
    assert {c.partition("=")[0] for c in cookies} == {"__Host-lang", "__Host-size", "__Host-th"}
    assert all("Secure" in c and "Path=/" in c and "Domain" not in c for c in cookies)
    assert 'lang="en"' in stage.http.get("https://testserver.local/login", headers=HTML).text


def test_a_large_form_is_refused(stage: Stage) -> None:
    answer = stage.http.post("/login", data=LOGIN | {"next": "x" * 9000}, headers=HTML)
    assert answer.status_code == 413
