"""Headers, cookies and origins as pure functions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradehall.web.security import (
    bearer_token,
    download_headers,
    headers_for,
    is_cross_site,
    is_host,
    only_cookie,
    session_cookie,
)


def test_scripts_frames_and_forms_come_from_this_site_only() -> None:
    policy = dict(part.strip().split(" ", 1) for part in headers_for("http")["content-security-policy"].split(";"))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == policy["object-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["form-action"] == "'self'"
    assert "unsafe" not in str(policy)
    assert "data:" not in str(policy)


def test_strict_transport_is_promised_over_https_only() -> None:
    assert headers_for("https")["strict-transport-security"] == "max-age=31536000; includeSubDomains"
    assert "strict-transport-security" not in headers_for("http")


def test_over_https_the_session_cookie_belongs_to_this_host_alone() -> None:
    assert session_cookie("https") == "__Host-th"
    assert session_cookie("http") == "th"


@pytest.mark.parametrize(
    ("headers", "value"),
    [
        (["th=a"], "a"),
        (["lang=zh; th=a; size=large"], "a"),
        (["lang=zh", "th=a"], "a"),
        (["th=a=b="], "a=b="),
        ([], None),
        (["th"], None),
        (["th="], None),
        (["TH=a"], None),
        (["xth=a"], None),
        (["th=a; th=b"], None),
        (["th=a; th=a"], None),
        (["th=a", "th=b"], None),
    ],
)
def test_a_cookie_that_came_twice_is_not_believed(headers: list[str], value: str | None) -> None:
    assert only_cookie(headers, "th") == value


@pytest.mark.parametrize(
    ("header", "token"),
    [
        ("Bearer th_x", "th_x"),
        ("bearer th_x", "th_x"),
        ("BEARER  th_x ", "th_x"),
        ("Basic th_x", None),
        ("Bearer", None),
        ("Bearer ", None),
        ("th_x", None),
        ("", None),
        (None, None),
    ],
)
def test_only_bearer_tokens_are_tokens(header: str | None, token: str | None) -> None:
    assert bearer_token(header) == token


@pytest.mark.parametrize("host", ["hall.example", "Hall.Example:8000", "127.0.0.1:65535", "[::1]:8000", "[::1]", "a_b"])
def test_a_host_is_a_name_or_an_address_and_perhaps_a_port(host: str) -> None:
    assert is_host(host)


@pytest.mark.parametrize(
    "host",
    [
        "",
        ":80",
        "a:x",
        "a:65536",
        "a:１",
        "a:",
        "a:1:2",
        "a b",
        "a/b",
        "a@b",
        "a?b",
        "a#b",
        "é",
        "[::1",
        "[x]",
        "a\n",
        "a,b",
        "a" * 254,
    ],
)
def test_anything_else_is_no_host(host: str) -> None:
    """A port that is no number once raised deep inside the framework, in the very answer to the error."""
    assert not is_host(host)


HOST = {"host": "hall.example:8000"}


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "none"},
        {"origin": "http://hall.example:8000"},
        {"origin": "https://HALL.example:8000", "sec-fetch-site": "same-origin"},
    ],
)
def test_requests_of_this_site_and_of_programs_pass(headers: dict[str, str]) -> None:
    assert not is_cross_site(HOST | headers)


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "Cross-Site"},
        {"sec-fetch-site": "something new"},
        {"sec-fetch-site": ""},
        {"sec-fetch-site": "cross-site", "origin": "http://hall.example:8000"},
        {"origin": "null"},
        {"origin": ""},
        {"origin": "http://evil.example"},
        {"origin": "http://hall.example"},
        {"origin": "http://hall.example:8000.evil.example"},
        {"origin": "http://evil.example/hall.example:8000"},
        {"origin": "http://x@hall.example:8000"},
        {"origin": "http://[broken"},
        {"origin": "hall.example:8000"},
        {"origin": "http://evil.example", "sec-fetch-site": "same-origin"},
    ],
)
def test_requests_of_other_sites_are_told_apart(headers: dict[str, str]) -> None:
    assert is_cross_site(HOST | headers)


@given(st.text(max_size=40), st.text(max_size=40))
def test_no_header_whatsoever_is_an_error(site: str, origin: str) -> None:
    is_cross_site({"sec-fetch-site": site, "origin": origin, "host": "hall.example"})
    only_cookie([site, origin], "th")
    bearer_token(site)


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("方案.pdf", "%E6%96%B9%E6%A1%88.pdf"),
        ('a";x=\r\nSet-Cookie: th=1', "a%22%3Bx%3DSet-Cookie%3A%20th%3D1"),
        ("..\\/etc", "..%5C%2Fetc"),
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ("\x00\x1f", "file"),
    ],
)
def test_a_file_name_cannot_break_a_header_or_read_backwards(name: str, sent: str) -> None:
    assert download_headers(name) == {"Content-Disposition": f"attachment; filename*=UTF-8''{sent}"}
