"""Who calls and what they may: sessions, tokens, cross-site requests (reliability H1, H2, H8, H9; cases 30, 31, 43)."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from litestar.exceptions import WebSocketDisconnect

from tradehall.adapters.identity.passwords import csrf_token, secret_digest
from tradehall.web.access import SESSION_IDLE, began, idle_until, session_ident
from web_core.tiny import NOW, PRICE, SECRET, Directory, serving

CSRF = {"X-CSRF-Token": csrf_token(SECRET)}
PARTY = "org:91510100MA61RHWX3K"


@pytest.fixture
def directory() -> Directory:
    known = Directory()
    known.log_in("ours", PARTY)
    known.log_in("centre", "node:chengdu", "centre")
    known.tokens[secret_digest("th_token")] = PARTY
    return known


def who(client: Any, **headers: str) -> str:
    return str(client.get("/who", headers=headers).json()["party"])


# --- H1: sessions -------------------------------------------------------------------------------------------------


def test_h1_an_id_that_the_client_chose_is_nobody(directory: Directory) -> None:
    with serving(directory) as (client, _):
        answer = client.get("/who", headers={"Cookie": "th=attacker-fixed-id"})
        assert answer.json() == {"party": "", "via": "", "roles": ["public"]}
        assert "set-cookie" not in answer.headers
        assert secret_digest("attacker-fixed-id") not in directory.sessions


def test_h1_a_known_id_is_its_party_until_it_is_closed(directory: Directory) -> None:
    with serving(directory) as (client, _):
        assert who(client, Cookie="th=ours") == PARTY
        directory.sessions.clear()
        assert who(client, Cookie="th=ours") == ""


def test_h1_a_session_ends_at_its_hour(directory: Directory) -> None:
    with serving(directory) as (client, _):
        directory.at = NOW + timedelta(hours=8, milliseconds=-1)
        assert who(client, Cookie="th=ours") == PARTY
        directory.at = NOW + timedelta(hours=8)
        assert who(client, Cookie="th=ours") == ""


def test_h1_the_stored_digest_is_no_session_id(directory: Directory) -> None:
    with serving(directory) as (client, _):
        assert who(client, Cookie=f"th={secret_digest('ours')}") == ""


def test_case_30_roles_are_read_at_every_request(directory: Directory) -> None:
    with serving(directory) as (client, _):
        headers = {"Cookie": "th=centre", **CSRF}
        assert client.post("/centre", headers=headers).status_code == 200
        directory.registered["node:chengdu"] = frozenset()
        assert client.post("/centre", headers=headers).status_code == 403


def test_case_31_a_planted_second_cookie_logs_nobody_in(directory: Directory) -> None:
    with serving(directory) as (client, _):
        assert who(client, Cookie="th=attackers; th=ours") == ""
        assert who(client, Cookie="th=ours; th=ours") == ""


def test_case_31_over_https_only_the_cookie_of_this_very_host_counts(directory: Directory) -> None:
    with serving(directory, "https://hall.example") as (client, _):
        assert who(client, Cookie="th=ours") == ""
        assert who(client, Cookie="__Host-th=ours") == PARTY


def test_a_token_is_its_party_and_a_wrong_one_never_falls_back_to_a_cookie(directory: Directory) -> None:
    with serving(directory) as (client, _):
        assert who(client, Authorization="Bearer th_token") == PARTY
        assert who(client, Authorization="Bearer th_wrong", Cookie="th=ours") == ""
        assert who(client, Authorization="Basic abc", Cookie="th=ours") == ""
        assert who(client, Authorization="Bearer ours") == "", "a session id is no token"
        assert who(client, Cookie="th=th_token") == "", "a token is no session id"


# --- roles --------------------------------------------------------------------------------------------------------


def test_nobody_is_asked_to_log_in_and_somebody_else_is_refused(directory: Directory) -> None:
    with serving(directory) as (client, _):
        nobody = client.post("/centre")
        assert (nobody.status_code, nobody.json()["code"]) == (401, "LOGIN-REQUIRED")
        assert nobody.headers["www-authenticate"] == "Bearer"
        party = client.post("/centre", headers={"Cookie": "th=ours", **CSRF})
        assert (party.status_code, party.json()["code"]) == (403, "FORBIDDEN")


def test_a_route_without_a_row_answers_nothing(directory: Directory) -> None:
    with serving(directory) as (client, _):
        for headers in ({}, {"Cookie": "th=centre"}):
            answer = client.get("/unlisted", headers=headers)
            assert answer.status_code == 404
            assert PRICE not in answer.text


# --- H7: sockets --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "header", [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}]
)
def test_h7_a_socket_from_another_site_is_not_opened(header: dict[str, str]) -> None:
    with serving() as (client, _):
        with client.websocket_connect("/live", headers={"Origin": "http://hall.example"}) as socket:
            assert socket.receive_text() == "connected"
        with pytest.raises(WebSocketDisconnect), client.websocket_connect("/live", headers=header) as socket:
            socket.receive_text()


# --- H8: requests from elsewhere ------------------------------------------------------------------------------------


def test_h8_a_session_must_show_its_own_token(directory: Directory) -> None:
    with serving(directory) as (client, _):
        cookie = {"Cookie": "th=ours"}
        assert client.post("/act", headers=cookie | CSRF).status_code == 200
        wrong: list[dict[str, str]] = [{}, {"X-CSRF-Token": csrf_token(b"x" * 32)}, {"X-CSRF-Token": ""}]
        for header in wrong:
            answer = client.post("/act", headers=cookie | header)
            assert (answer.status_code, answer.json()["code"]) == (403, "CROSS-SITE")


def test_h8_planting_a_cookie_and_sending_it_as_header_does_not_help(directory: Directory) -> None:
    """Double submission: the attacker plants a token cookie of any name and repeats it in the header."""
    with serving(directory) as (client, _):
        for name in ("csrftoken", "csrf", "x-csrf-token"):
            headers = {"Cookie": f"th=ours; {name}=planted", "X-CSRF-Token": "planted"}
            assert client.post("/act", headers=headers).status_code == 403


@pytest.mark.parametrize(
    "header",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ],
)
@pytest.mark.parametrize("path", ["/act", "/form", "/echo"])
def test_h8_requests_from_other_sites_are_refused_even_with_the_token(
    directory: Directory, header: dict[str, str], path: str
) -> None:
    with serving(directory) as (client, _):
        sent = {"Cookie": "th=ours", **CSRF, **header}
        answer = client.post(path, headers=sent, json={})
        assert (answer.status_code, answer.json()["code"]) == (403, "CROSS-SITE")
        own = {"Cookie": "th=ours", **CSRF, "Sec-Fetch-Site": "same-origin", "Origin": "http://hall.example"}
        assert client.post(path, headers=own, json={}).status_code == 200


@pytest.mark.parametrize("token", ["é", "\x80" * 64, "x" * 10_000])
def test_h8_no_token_whatsoever_is_a_server_error(directory: Directory, token: str) -> None:
    with serving(directory) as (client, _):
        headers = {"Cookie": b"th=ours", "X-CSRF-Token": token.encode("latin-1")}
        assert client.post("/act", headers=headers).status_code == 403


def test_h8_tokens_of_programs_need_no_csrf_token(directory: Directory) -> None:
    with serving(directory) as (client, _):
        assert client.post("/act", headers={"Authorization": "Bearer th_token"}).status_code == 200


def test_looking_needs_no_token_from_wherever(directory: Directory) -> None:
    with serving(directory) as (client, _):
        assert client.get("/mine", headers={"Cookie": "th=ours", "Sec-Fetch-Site": "cross-site"}).status_code == 200


# --- H2, H3, H9: bodies -------------------------------------------------------------------------------------------


def send(client: Any, content: bytes, kind: str = "application/json", **headers: str) -> tuple[int, str, list[str]]:
    answer = client.post("/echo", content=content, headers={"Content-Type": kind, **headers})
    body = answer.json()
    return answer.status_code, str(body.get("code", "")), [e["rule"] for e in body.get("errors", [])]


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"[" * 100_000, "TOO_DEEP"),
        (b'{"a":' * 65 + b"1" + b"}" * 65, "TOO_DEEP"),
        (b'"\xff\xfe"', "NOT_UTF8"),
        (b'"\xed\xa0\x80"', "NOT_UTF8"),
        (b"\xef\xbb\xbf{}", "BYTE_ORDER_MARK"),
        (b'{"a":1,"a":2}', "DUPLICATE_KEY"),
        (b'{"a":0.1}', "FLOAT"),
        (b'{"a":1e400}', "FLOAT"),
        (b'{"a":NaN}', "NOT_A_NUMBER"),
        (b'{"a":9007199254740992}', "INTEGER_RANGE"),
        (b'"\\u0000"', "CONTROL_CHARACTER"),
        (b'"\\ud800"', "LONE_SURROGATE"),
        (b"", "SYNTAX"),
        (b"{", "SYNTAX"),
        (b"{}{}", "SYNTAX"),
    ],
)
def test_h2_hostile_bodies_are_refused_with_the_rule_they_break(content: bytes, rule: str) -> None:
    with serving() as (client, _):
        assert send(client, content) == (400, "BODY-INVALID", [rule])
        assert send(client, b'{"a":1}') == (200, "", [])


def test_h2_even_a_recursion_of_our_own_is_answered_in_order() -> None:
    with serving() as (client, log):
        answer = client.get("/deep")
        assert (answer.status_code, answer.json()["code"]) == (500, "INTERNAL")
        assert client.get("/who").status_code == 200
        assert any(entry.get("error") == "RecursionError" for entry in log)


@pytest.mark.parametrize(
    "kind",
    [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "application/jsonx",
        "application/xml",
    ],
)
def test_h9_only_json_is_read_as_json(kind: str) -> None:
    with serving() as (client, _):
        assert send(client, b"{}", kind)[:2] == (415, "MEDIA-TYPE")


@pytest.mark.parametrize("charset", ["utf-16", "latin-1", "gbk", "utf-8; x=y"])
def test_h9_a_charset_is_not_ignored(charset: str) -> None:
    with serving() as (client, _):
        assert send(client, b"{}", f"application/json; charset={charset}")[:2] == (415, "MEDIA-TYPE")
        for good in ("utf-8", "UTF-8", '"utf-8"'):
            assert send(client, b"{}", f"Application/JSON; charset={good}")[0] == 200


def test_h9_members_nobody_asked_for_are_named() -> None:
    with serving() as (client, _):
        assert client.post("/named", json={"name": "a"}).json() == {"name": "a"}
        for body, place in (({"name": "a", "admin": True}, "/admin"), ({"note": "b"}, "/name"), ({"name": 1}, "/name")):
            answer = client.post("/named", json=body)
            assert answer.status_code == 400
            assert [e["pointer"] for e in answer.json()["errors"]] == [place]
        assert client.post("/named", json=["name"]).status_code == 400
        assert client.post("/named", json={"name": "123456"}).status_code == 400


def test_case_25_a_body_larger_than_allowed_is_refused_by_length_and_by_reading() -> None:
    with serving() as (client, _):
        assert send(client, b" " * (3 << 20) + b"{}")[:2] == (413, "TOO-LARGE")
        assert send(client, b" " * (2 << 20) + b"{}") == (400, "BODY-INVALID", ["TOO_LARGE"])

        def endless() -> Any:
            for _ in range(64):
                yield b" " * (1 << 20)

        answer = client.post("/echo", content=endless(), headers={"Content-Type": "application/json"})
        assert answer.status_code == 413


# --- answers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/who", 200),
        ("GET", "/nowhere", 404),
        ("DELETE", "/who", 405),
        ("POST", "/centre", 401),
        ("GET", "/broken", 500),
        ("GET", "/number/1?count=x", 400),
        ("OPTIONS", "/who", 204),
    ],
)
def test_every_answer_carries_the_security_headers(scheme: str, method: str, path: str, status: int) -> None:
    with serving(base=f"{scheme}://hall.example") as (client, _):
        answer = client.request(method, path)
        assert answer.status_code == status
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"
        assert ("strict-transport-security" in answer.headers) == (scheme == "https")


def test_what_somebody_sees_logged_in_is_not_kept_by_caches(directory: Directory) -> None:
    with serving(directory) as (client, _):
        assert client.get("/mine", headers={"Cookie": "th=ours"}).headers["cache-control"] == "no-store"
        assert "cache-control" not in client.get("/who").headers


def test_case_43_an_unexpected_error_tells_neither_the_caller_nor_the_log_any_value() -> None:
    """Stack pitfall 4 and its sister: a traceback that prints local variables puts bids and cookies into the log."""
    with serving() as (client, log):
        headers = {"Cookie": "th=a-secret-cookie", "Authorization": "Bearer th_a-secret-token"}
        answer = client.get("/broken?q=a-secret-query", headers=headers)
        assert answer.status_code == 500
        assert answer.json()["code"] == "INTERNAL"
        written = json.dumps(log)
        for secret in (PRICE, "a-secret", "could not store"):
            assert secret not in answer.text
            assert secret not in written
        (entry,) = (e for e in log if e["event"] == "unexpected")
        assert entry["error"] == "RuntimeError"
        assert entry["request"] == answer.headers["x-request-id"]
        assert any("tiny.py" in place and "broken" in place for place in entry["places"])
        assert "from KeyError" in entry["places"]


def test_case_43_the_access_log_has_these_fields_and_no_others(directory: Directory) -> None:
    """Neither who, nor which case, nor what: before the opening that would tell who bids."""
    with serving(directory) as (client, log):
        client.post("/echo?q=secret-query", json={"offer": PRICE}, headers={"Cookie": "th=ours", **CSRF})
        client.get("/number/12345?count=1")
        entries = [e for e in log if e["event"] == "request"]
        # What is filed leaves no line at all: counting lines would tell how many bids came.
        assert [e["method"] for e in entries] == ["GET"]
        assert [set(e) for e in entries] == [{"event", "log_level", "request", "method", "status"}]
        written = json.dumps(log)
        for secret in (PRICE, "secret-query", PARTY, "12345", "ours"):
            assert secret not in written


# --- how long a session lasts ---------------------------------------------------------------------------------------


def seen_after(directory: Directory, client: Any, ident: str, **passed: float) -> str:
    directory.at = NOW + timedelta(**passed)
    return str(client.get("/who", headers={"Cookie": f"th={ident}"}).json()["party"])


def begun(directory: Directory) -> str:
    """Open a session as a login does."""
    ident = session_ident("ours", NOW)
    directory.log_in(ident, PARTY)
    digest = secret_digest(ident)
    directory.sessions[digest] = (*directory.sessions[digest][:2], NOW + SESSION_IDLE)
    return ident


def test_a_session_that_nobody_uses_ends_within_the_hour(directory: Directory) -> None:
    ident = begun(directory)
    with serving(directory) as (client, _):
        assert seen_after(directory, client, ident, minutes=59) == PARTY
        assert seen_after(directory, client, ident, minutes=118) == PARTY, "used in between"
        assert seen_after(directory, client, ident, minutes=178) == ""


def test_a_session_in_use_ends_after_eight_hours(directory: Directory) -> None:
    ident = begun(directory)
    with serving(directory) as (client, _):
        assert {seen_after(directory, client, ident, minutes=m) for m in range(0, 480, 30)} == {PARTY}
        assert seen_after(directory, client, ident, minutes=479.9) == PARTY
        assert seen_after(directory, client, ident, minutes=480) == ""


def test_a_busy_session_is_not_written_at_every_request(directory: Directory, monkeypatch: pytest.MonkeyPatch) -> None:
    ident, kept = begun(directory), list[datetime]()
    monkeypatch.setattr(directory, "keep_session", lambda _digest, until: kept.append(until))
    with serving(directory) as (client, _):
        for second in range(5):
            seen_after(directory, client, ident, minutes=4, seconds=second)
        assert kept == []
        seen_after(directory, client, ident, minutes=6)
        assert kept == [NOW + timedelta(minutes=66)]


@pytest.mark.parametrize("ident", ["ths_x", "ths_x.", "ths_x.g", "ths_x.-1", "ths_x.1f.", "ths_x." + "f" * 10])
def test_an_id_without_its_beginning_is_never_prolonged(ident: str) -> None:
    assert began(ident) is None
    assert idle_until(NOW, began(ident)) == NOW


# --- the log of what was refused ------------------------------------------------------------------------------------


def test_what_is_refused_is_logged_without_names(directory: Directory) -> None:
    directory.log_in("ours", PARTY)
    with serving(directory) as (client, log):
        client.get("/mine")
        client.post("/echo", json={"offer": PRICE}, headers={"Cookie": "th=ours", "Origin": "https://evil.example"})
        found = [e for e in log if e["event"] == "refused"]
        assert [(e["code"], e["route"]) for e in found] == [
            ("LOGIN-REQUIRED", "token.list"),
            ("CROSS-SITE", "validate"),
        ]
        assert [set(e) for e in found] == [{"event", "log_level", "request", "code", "route"}] * 2
        assert not any(secret in json.dumps(log) for secret in (PRICE, PARTY, "ours", "evil.example"))
