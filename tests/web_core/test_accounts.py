"""Logging in to a real node: fixation, rotation, guessing, tokens (reliability H1; cases 30, 31, 32)."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tradehall.main import Settings, build_node
from tradehall_standards import Catalogue
from web_core.hall import PARTY, PASSWORD, Answer, Hall

A = "/api/v1"


def log_in(hall: Hall, name: str = "party", password: str = PASSWORD, **more: Any) -> Answer:
    return hall.call("POST", f"{A}/sessions", body={"name": name, "password": password}, **more)


def current(hall: Hall, ident: str, name: str = "th", scheme: str = "http") -> Answer:
    return hall.call("GET", f"{A}/sessions/current", headers={"cookie": f"{name}={ident}"}, scheme=scheme)


def test_h1_the_id_a_client_brings_to_the_login_never_becomes_a_session(hall: Hall) -> None:
    planted = "attacker-fixed-id"
    answer = log_in(hall, headers={"cookie": f"th={planted}"})
    name, ident = answer.cookie
    assert (answer.status, name) == (201, "th")
    assert ident != planted
    assert len(ident) >= 43
    assert current(hall, ident).json()["party"] == PARTY
    assert current(hall, planted).status == 401


def test_h1_every_login_makes_a_new_session_and_ends_the_one_at_hand(hall: Hall) -> None:
    first = log_in(hall)
    csrf = {"x-csrf-token": first.json()["csrf_token"]}
    second = log_in(hall, headers={"cookie": f"th={first.cookie[1]}", **csrf})
    assert second.cookie[1] != first.cookie[1]
    assert current(hall, first.cookie[1]).status == 401
    assert current(hall, second.cookie[1]).status == 200
    assert second.json()["csrf_token"] != first.json()["csrf_token"]


def test_h1_a_session_that_was_closed_is_refused_at_once(hall: Hall) -> None:
    opened = log_in(hall)
    headers = {"cookie": f"th={opened.cookie[1]}", "x-csrf-token": opened.json()["csrf_token"]}
    assert hall.call("DELETE", f"{A}/sessions/current", headers=headers).status == 204
    assert current(hall, opened.cookie[1]).status == 401


@pytest.mark.parametrize(("scheme", "name"), [("http", "th"), ("https", "__Host-th")])
def test_case_31_the_cookie_is_out_of_reach_of_scripts_and_other_sites(hall: Hall, scheme: str, name: str) -> None:
    answer = log_in(hall, scheme=scheme)
    parts = {part.strip().lower() for part in answer.header("set-cookie").split(";")[1:]}
    assert answer.cookie[0] == name
    assert {"httponly", "path=/", "samesite=lax"} <= parts
    assert ("secure" in parts) == (scheme == "https")
    assert not any(part.startswith("domain") for part in parts)
    assert current(hall, answer.cookie[1], name, scheme).status == 200


def test_case_31_another_site_cannot_log_a_browser_in(hall: Hall) -> None:
    """Login CSRF: the victim would work, and upload, under the attacker's account."""
    assert log_in(hall, headers={"origin": "https://evil.example"}).code == "CROSS-SITE"
    assert log_in(hall, headers={"sec-fetch-site": "cross-site"}).code == "CROSS-SITE"


def test_an_unknown_name_and_a_wrong_password_look_alike(hall: Hall) -> None:
    wrong = log_in(hall, password="another password", address="10.0.1.1")
    unknown = log_in(hall, name="nobody", address="10.0.1.2")
    assert wrong.status == unknown.status == 401
    assert wrong.json() == unknown.json()
    assert wrong.code == "LOGIN-FAILED"


def test_case_32_guessing_is_slowed_and_the_victim_is_not(hall: Hall) -> None:
    attacker, victim = "10.66.0.1", "10.0.2.1"
    codes = [log_in(hall, password=f"guess number {n}", address=attacker).code for n in range(6)]
    assert codes == ["LOGIN-FAILED"] * 3 + ["TOO-MANY"] * 3
    slowed = log_in(hall, address=attacker)
    assert (slowed.status, slowed.header("retry-after")) == (429, "1"), "even with the right password"
    assert log_in(hall, address=victim).status == 201


def test_case_32_certificates_and_tokens_are_not_slowed(hall: Hall) -> None:
    assert hall.call("GET", f"{A}/tokens", role="party", address="10.66.0.1").status == 200


def test_a_good_login_forgets_the_failures_before_it(hall: Hall) -> None:
    for _ in range(2):
        for n in range(2):
            assert log_in(hall, password=f"guess number {n}", address="10.0.3.1").code == "LOGIN-FAILED"
        assert log_in(hall, address="10.0.3.1").status == 201


def test_only_digests_of_secrets_are_stored(hall: Hall) -> None:
    opened = log_in(hall)
    token = hall.tokens["party"]
    for found in (hall.node.settings.data).glob("node.db*"):
        stored = found.read_bytes()
        for secret in (opened.cookie[1], token, PASSWORD):
            assert secret.encode() not in stored


def test_a_token_is_shown_once_and_ends_when_it_is_dropped(hall: Hall) -> None:
    body = {"name": "party", "password": PASSWORD, "label": "second"}
    made = hall.call("POST", f"{A}/tokens", body=body).json()
    bearer = {"authorization": f"Bearer {made['token']}"}
    listed = hall.call("GET", f"{A}/tokens", headers=bearer)
    assert made["token"] not in listed.body.decode()
    assert made["id"] in listed.body.decode()
    dropped = hall.call("DELETE", f"{A}/tokens/{made['id']}", headers=bearer)
    assert dropped.status == 204
    assert hall.call("GET", f"{A}/tokens", headers=bearer).status == 401


def test_case_29_nobody_drops_the_token_of_another(hall: Hall) -> None:
    body = {"name": "party", "password": PASSWORD, "label": "third"}
    made = hall.call("POST", f"{A}/tokens", body=body).json()
    other = hall.call("DELETE", f"{A}/tokens/{made['id']}", role="expert")
    absent = hall.call("DELETE", f"{A}/tokens/0000000000000000", role="expert")
    assert other.status == absent.status == 404
    assert other.json() == absent.json()
    assert hall.call("GET", f"{A}/tokens", headers={"authorization": f"Bearer {made['token']}"}).status == 200


def test_case_29_nobody_revokes_the_certificate_of_another(hall: Hall) -> None:
    kid = hall.node.keys.certificate.kid
    other = hall.call("POST", f"{A}/certificates/{kid}/revocation", body={}, role="party")
    absent = hall.call("POST", f"{A}/certificates/sha256:{'0' * 64}/revocation", body={}, role="party")
    assert other.status == absent.status == 404
    assert other.json() == absent.json()


def test_a_leaked_token_cannot_make_itself_last(hall: Hall) -> None:
    """Only a person with a password or a session makes tokens; else a leak outlives its own revocation."""
    answer = hall.call("POST", f"{A}/tokens", body={"label": "heir"}, role="party")
    assert (answer.status, answer.code) == (401, "LOGIN-REQUIRED")


# --- one's own account: password, sessions --------------------------------------------------------------------------

KEEPER = "org:9151010000T0000520"
NEW = "another text of some length"


def keeper(hall: Hall, number: int) -> tuple[str, str]:
    """Register an account of its own for a test; returns its name and its party."""
    name, party = f"keeper{number}", f"{KEEPER}{number}"
    hall.add_account(name, party)
    return name, party


def session_of(hall: Hall, name: str, password: str = PASSWORD) -> dict[str, str]:
    """Log in, and return the headers of the session."""
    opened = log_in(hall, name, password)
    return {"cookie": f"th={opened.cookie[1]}", "x-csrf-token": opened.json()["csrf_token"]}


def test_a_password_is_changed_by_who_knows_it_and_other_sessions_end(hall: Hall) -> None:
    name, _ = keeper(hall, 1)
    mine, other = session_of(hall, name), session_of(hall, name)
    body = {"name": name, "password": "a wrong password", "new": NEW}
    assert hall.call("POST", f"{A}/password", body=body, headers=mine).code == "LOGIN-FAILED"
    assert hall.call("POST", f"{A}/password", body=body | {"password": PASSWORD}, headers=mine).status == 204
    assert hall.call("GET", f"{A}/sessions/current", headers=mine).status == 200
    assert hall.call("GET", f"{A}/sessions/current", headers=other).status == 401
    assert hall.call("GET", f"{A}/tokens", role=name).status == 401, "a token made with the old password"
    assert log_in(hall, name).code == "LOGIN-FAILED"
    assert log_in(hall, name, NEW).status == 201


def test_nobody_changes_the_password_of_somebody_else(hall: Hall) -> None:
    name, _ = keeper(hall, 2)
    body = {"name": name, "password": PASSWORD, "new": NEW}
    assert hall.call("POST", f"{A}/password", body=body, role="expert").code == "LOGIN-FAILED"
    assert hall.call("POST", f"{A}/password", body=body).code == "LOGIN-REQUIRED"
    assert log_in(hall, name).status == 201


@pytest.mark.parametrize(
    "new", ["short", "x" * 201, "Password123", "keeper3-2026", "tradehall2026", "阳光交易大厅12345"]
)
def test_a_new_password_that_is_easy_to_guess_is_refused(hall: Hall, new: str) -> None:
    name, _ = keeper(hall, 3)
    if len(new) <= 200:
        body = {"name": name, "password": PASSWORD, "new": new}
        answer = hall.call("POST", f"{A}/password", body=body, headers=session_of(hall, name))
        assert (answer.status, answer.code) == (422, "PASSWORD-REFUSED")
        assert new not in answer.body.decode()
    register = {"id": PARTY, "name": "示例单位", "account": "keeper3", "password": new}
    assert hall.call("POST", f"{A}/parties", body=register, role="centre").code in ("PASSWORD-REFUSED", "BODY-INVALID")


def test_sessions_are_listed_and_ended_with_the_password(hall: Hall) -> None:
    name, _ = keeper(hall, 4)
    mine, other = session_of(hall, name), session_of(hall, name)
    listed = hall.call("GET", f"{A}/sessions", headers=mine).json()
    assert sorted(s["current"] for s in listed) == [False, True]
    assert not any(s["id"] in mine["cookie"] + other["cookie"] for s in listed)
    body = {"name": name, "password": "a wrong password"}
    assert hall.call("POST", f"{A}/sessions/closing", body=body, headers=mine).code == "LOGIN-FAILED"
    assert hall.call("GET", f"{A}/sessions/current", headers=other).status == 200
    assert hall.call("POST", f"{A}/sessions/closing", body=body | {"password": PASSWORD}, headers=mine).status == 204
    assert hall.call("GET", f"{A}/sessions/current", headers=other).status == 401
    assert [s["current"] for s in hall.call("GET", f"{A}/sessions", headers=mine).json()] == [True]


def test_the_centre_ends_what_an_account_has_open(hall: Hall) -> None:
    name, party = keeper(hall, 5)
    theirs = session_of(hall, name)
    body = {"name": "centre", "password": PASSWORD, "party": party}
    own = {"name": name, "password": PASSWORD, "party": PARTY}
    assert hall.call("POST", f"{A}/sessions/closing", body=own, headers=theirs).code == "FORBIDDEN"
    assert hall.call("POST", f"{A}/sessions/closing", body=body, role="centre").status == 204
    assert hall.call("GET", f"{A}/sessions/current", headers=theirs).status == 401
    assert hall.call("GET", f"{A}/tokens", role=name).status == 401
    assert hall.call("GET", f"{A}/tokens", role="centre").status == 200
    assert log_in(hall, name).status == 201


def test_nobody_logs_in_to_a_disabled_account_until_it_is_registered_again(hall: Hall) -> None:
    name, party = keeper(hall, 6)
    theirs = session_of(hall, name)
    body = {"name": "centre", "password": PASSWORD, "party": party, "disable": True}
    assert hall.call("POST", f"{A}/sessions/closing", body=body, role="centre").status == 204
    assert hall.call("GET", f"{A}/sessions/current", headers=theirs).status == 401
    assert log_in(hall, name).code == "LOGIN-FAILED"
    assert log_in(hall, name, password="", address="10.0.4.1").status == 400
    hall.add_account(name, party)
    assert log_in(hall, name, address="10.0.4.2").status == 201


def test_a_new_node_has_no_account(tmp_path: Path, catalogue: Catalogue) -> None:
    node = build_node(Settings(data=tmp_path / "node"), catalogue=catalogue)
    try:
        tried = ("admin", "root", "operator", "centre", "test", "")
        assert [node.directory.account(name) for name in tried] == [None] * len(tried)
        database = sqlite3.connect(tmp_path / "node" / "node.db")
        assert database.execute("SELECT count(*) FROM account").fetchone() == (0,)
        database.close()
    finally:
        node.close()


def test_a_browser_that_logs_out_is_told_to_forget(hall: Hall) -> None:
    answer = hall.call("DELETE", f"{A}/sessions/current", headers=session_of(hall, "party"))
    assert (answer.status, answer.header("clear-site-data")) == (204, '"cache", "storage"')
