"""Whatever is sent, by whomever, to whichever route: an answer below 500, never a crash (H2, H9; invariant 11)."""

from __future__ import annotations

import random
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import pytest
from litestar import Request

from tradehall.web.api.cases import next_page
from tradehall.web.permissions import TABLE, Permission
from web_core.hall import CASE, Hall

DIGEST = "sha256:" + "0" * 64
WEIRD = (
    "",
    "0",
    "-0",
    "--5",
    "-",
    "1e5",
    "１２",
    "²",
    "٣",
    "9" * 5000,
    "9" * 15,
    "9" * 16,
    "-" + "9" * 14,
    "a" * 5000,
    "é",
    "𠮷",
    "%00",
    "%0d%0aSet-Cookie:x",
    "%ff%fe",
    "%ed%a0%80",
    "..%2f..%2fetc%2fpasswd",
    "<script>alert(1)</script>",
    "'; DROP TABLE journal; --",
    "{}",
    "[]",
    "null",
    "2026-02-30",
    "2026-W01-1",
    "9999-12-31",
    "0001-01-01",
    "t-" + "a" * 26,
    "g-" + "b" * 26,
    "x-" + "b" * 26,
    DIGEST,
    DIGEST.upper(),
    "bid:" + "a" * 32,
    "en",
)
VALUES: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    2**53 - 1,
    "",
    "a",
    "a" * 5000,
    "²",
    "𠮷",
    "node:chengdu",
    "2026-03-01T09:00:00",
    "9999-12-31T23:59:59-14:00",
    "0001-01-01T00:00:00+14:00",
    [],
    {},
    [[]],
    [None],
    ["a"],
    {"a": None},
    {"a": {"b": []}},
    {"L1": {"k": 1}},
    {"node:chengdu": "zz"},
)
QUERIES = (
    "limit",
    "after",
    "q",
    "stage",
    "region",
    "as_of",
    "case",
    "family",
    "lot",
    "session",
    "record",
    "linked",
    "sealed",
)
HEADERS = (
    "last-event-id",
    "idempotency-key",
    "upload-offset",
    "upload-length",
    "if-none-match",
    "accept-language",
    "x-csrf-token",
    "cookie",
    "content-type",
    "content-length",
    "origin",
    "host",
    "authorization",
)
MEMBERS: dict[str, tuple[str, ...]] = {
    "session.open": ("name", "password"),
    "token.make": ("label", "name", "password"),
    "party.register": ("id", "name", "roles", "facts", "account", "password"),
    "certificate.issue": ("csr",),
    "validate": ("family", "payload", "version"),
    "record.file": ("envelope", "signature"),
    "receipt.verify": ("receipt", "signature", "refusal"),
    "case.new": ("procedure",),
    "opening.act": ("act", "fault", "factors"),
    "draw.act": ("commitments", "nonces"),
    "tie.act": ("lot", "nonces", "session"),
    "guarantee.act": ("event",),
}
STREAMS = {"case.events", "page.opening.feed"}
"""A stream of a case that exists never ends; its start is tested below."""

LEFT_ALONE = {"clock.advance"}
"""It would move the clock of the node that the other tests share; tested below."""


def filled(row: Permission, values: random.Random, *, known: bool) -> str:
    parts = []
    for part in row.path.split("/"):
        if part.startswith("{"):
            good = {"{case}": CASE, "{digest}": DIGEST, "{path}": "0/000"}.get(part, "project")
            parts.append(good if known else values.choice(WEIRD).replace("/", "%2f") or "x")
        else:
            parts.append(part)
    return "/".join(parts)


def check(hall: Hall, row: Permission, **request: Any) -> None:
    answer = hall.call(request.pop("method", row.method), **request)
    assert answer.status < 500, (row.name, request, answer.body)
    if answer.status >= 400 and row.name != "witness":
        assert b"Traceback" not in answer.body
        if row.name.startswith("page.") and answer.header("content-type").startswith("text/html"):
            return  # a form is shown again with what was wrong
        assert answer.header("content-type") == "application/problem+json", (row.name, request)
        assert answer.json()["status"] == answer.status
        assert "{" not in answer.json()["title"] or "{}" in str(request), (row.name, answer.json())


ROWS = [row for row in TABLE if row.name not in LEFT_ALONE]


@pytest.mark.parametrize("role", ["", "party", "centre"])
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_no_input_is_a_server_error(hall: Hall, row: Permission, role: str) -> None:
    values = random.Random(f"{row.name}/{role}")
    for known in (False, True):
        if known and row.name in STREAMS:
            continue
        path = filled(row, values, known=known)
        check(hall, row, path=path, role=role)
        for name in QUERIES if row.method == "GET" else ():
            check(hall, row, path=f"{filled(row, values, known=known)}?{name}={values.choice(WEIRD)}", role=role)
        for name in HEADERS:
            bearer = {"role": role} if name != "authorization" else {}
            check(hall, row, path=path, headers={name: values.choice(WEIRD)}, **bearer)
        if row.method in ("POST", "PUT"):
            for raw in (b"", b"{}", b"[]", b"null", b"1", b'"\xff"', b"[" * 1000, b"\x00", b'{"a":1,"a":2}'):
                check(hall, row, path=path, role=role, body=raw, headers={"content-type": "application/json"})
            for _ in range(12):
                names = MEMBERS.get(row.name, ())
                body = {name: values.choice(VALUES) for name in names if values.random() > 0.2}
                check(hall, row, path=path, role=role, body=body)


@pytest.mark.parametrize("value", VALUES, ids=lambda value: repr(value)[:30])
@pytest.mark.parametrize(("name", "members"), sorted(MEMBERS.items()))
def test_one_wrong_member_among_good_ones_is_named(hall: Hall, name: str, members: tuple[str, ...], value: Any) -> None:
    row = next(row for row in TABLE if row.name == name)
    good: dict[str, Any] = {
        "name": "somebody",
        "password": "a password of some length",
        "label": "x",
        "id": "org:9151010000T00002XB",
        "family": "project",
        "payload": {},
        "procedure": "open_tender",
        "act": "start",
        "lot": "L1",
        "nonces": {"node:chengdu": "00" * 32},
        "event": "verified",
    }
    path = filled(row, random.Random(name), known=True)
    for member in members:
        body = {key: good[key] for key in members if key in good} | {member: value}
        check(hall, row, path=path, role="centre", body=body)


@pytest.mark.parametrize(
    "method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "get", "²"]
)
def test_no_method_is_a_server_error(hall: Hall, method: str) -> None:
    rows = {row.path: row for row in ROWS}
    for path in rows:
        if method == "GET" and path.endswith(("/events", "/feed")):
            continue
        answer = hall.call(method, path.replace("{", "").replace("}", ""), role="party")
        assert answer.status < 500, (method, path, answer.body)
        # HEAD is answered as GET would be, OPTIONS with what is allowed: neither does anything.
        harmless = method in ("HEAD", "OPTIONS")
        if not harmless and (method, path) not in {(row.method, row.path) for row in ROWS}:
            assert answer.status >= 400, (method, path)


@pytest.mark.parametrize("value", WEIRD)
def test_the_sandbox_clock_refuses_what_is_no_instant(hall: Hall, value: str) -> None:
    before = hall.node.store.now()
    answer = hall.call("POST", "/api/v1/sandbox/clock", body={"to": value}, role="centre")
    assert answer.status == 400
    assert hall.node.store.now() == before


@pytest.mark.parametrize(
    "value", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2025-12-31T00:00:00+08:00"]
)
def test_the_sandbox_clock_goes_to_no_instant_that_is_out_of_reach(hall: Hall, value: str) -> None:
    before = hall.node.store.now()
    answer = hall.call("POST", "/api/v1/sandbox/clock", body={"to": value}, role="centre")
    assert 400 <= answer.status < 500, answer.body
    assert hall.node.store.now() == before


NUMBERS = (
    "²",
    "٣",
    "１２",
    "--5",
    "-",
    "1e5",
    "0x10",
    " 1",
    "1 ",
    "+1",
    "1_000",
    "9" * 16,
    "9" * 5000,
    "-" + "9" * 5000,
    "1.0",
)
"""What Python's ``isdigit`` or ``int`` would take, or choke on."""


@pytest.mark.parametrize("text", NUMBERS)
def test_h9_a_number_is_ascii_digits_and_short(hall: Hall, text: str) -> None:
    """Each of these was a 500 somewhere, or a number."""
    quoted = quote(text)
    for path in (f"/api/v1/cases?limit={quoted}", f"/api/v1/changes?after={quoted}"):
        answer = hall.call("GET", path)
        assert (answer.status, answer.code) == (400, "PARAMETER-INVALID"), path
    if text.isascii() or text == "²":
        assert hall.begin(f"/api/v1/cases/{CASE}/events", {"last-event-id": text}) == 400
        parts = {"upload-offset": text, "upload-length": "1"}
        answer = hall.call("PUT", f"/api/v1/vault/{DIGEST}/upload", headers=parts, role="party")
        assert answer.status == 400
        answer = hall.call("POST", "/api/v1/validate", body={}, headers={"content-length": text})
        assert answer.status in ((413,) if text.strip("9") == "" else (400,))


def test_h9_the_controls_of_that(hall: Hall) -> None:
    assert hall.call("GET", "/api/v1/cases?limit=7").status == 200
    assert hall.call("GET", "/api/v1/changes?after=-1").status == 200
    assert hall.begin(f"/api/v1/cases/{CASE}/events", {"last-event-id": "0"}) == 200
    assert hall.call("GET", "/api/v1/cases?limit=0").status == 400
    assert hall.call("GET", "/api/v1/cases?limit=101").status == 400


@pytest.mark.parametrize("text", WEIRD)
@pytest.mark.parametrize("name", ["after", "as_of", "case", "q", "region", "stage"])
def test_no_search_is_a_server_error(hall: Hall, name: str, text: str) -> None:
    for path in ("/api/v1/cases", "/api/v1/schemas", "/api/v1/schemas/project", "/api/v1/parameters/tender_law"):
        check(hall, ROWS[0], path=f"{path}?{name}={text}", method="GET")


def test_the_next_page_is_of_the_same_search() -> None:
    """The link once carried the cursor alone: page two was of another search than page one."""
    query = f"q={quote('示例 路')}&stage=tendering&limit=1&after=old&q=x"
    request: Request[Any, Any, Any] = Request(
        {"type": "http", "path": "/api/v1/cases", "query_string": query.encode(), "headers": []}  # type: ignore[arg-type]
    )
    link = urlsplit(next_page(request, "new"))
    assert link.path == "/api/v1/cases"
    asked = [("q", "示例 路"), ("stage", "tendering"), ("limit", "1"), ("q", "x"), ("after", "new")]
    assert sorted(parse_qsl(link.query)) == sorted(asked)


@pytest.mark.parametrize("host", ["hall.example:99999", "[::1", "[::::]", "[1.2]", "a b", "\\"])
@pytest.mark.parametrize("path", ["/", "/nowhere", "/api/v1/cases", "/login"])
def test_no_host_is_a_server_error_on_a_page(hall: Hall, host: str, path: str) -> None:
    """An error page once built its address from such a host, and that failed where nothing catches it."""
    for accept in ("text/html", "application/json"):
        answer = hall.call("GET", path, headers={"host": host, "accept": accept})
        assert answer.status in (200, 400, 404), answer.body


@pytest.mark.parametrize(
    "path", ["/api/v1/records", "/api/v1/validate", "/login", "/verify", "/witness/add-checkpoint"]
)
def test_a_client_that_leaves_is_no_fault_of_the_program(hall: Hall, path: str, capsys: Any) -> None:
    """Every upload that was cut short used to leave an unexpected error in the log."""
    headers = {"content-length": "100", "content-type": "application/json", "accept": "application/json"}
    if not path.startswith("/api"):
        headers["content-type"] = "application/x-www-form-urlencoded"
    answer = hall.call("POST", path, body=b'{"half":', headers=headers, role="party", leaves=True)
    assert answer.status == 400
    assert "unexpected" not in capsys.readouterr().out
