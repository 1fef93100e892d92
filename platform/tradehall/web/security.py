"""
Security of requests and answers (网络安全): headers every answer carries, the session cookie, requests from elsewhere.

Pure functions of headers, so that the middleware, the guards and the error answers all say the same.

Source: OWASP ASVS 5.0 3.3-3.5; RFC 6265bis 4.1.3 (``__Host-``); W3C Fetch Metadata.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import quote, urlsplit

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'; object-src 'none'"
)
HEADERS: Final[Mapping[str, str]] = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "x-frame-options": "DENY",
}
HSTS: Final = "max-age=31536000; includeSubDomains"
CLEARED: Final[Mapping[str, str]] = {"clear-site-data": '"cache", "storage"'}
"""What a browser that logs out is told to forget; the cookie of the session is taken back by itself."""

HTTPS: Final = "https"
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_HOST: Final = re.compile(r"(?:[a-z0-9._-]{1,253}|\[[0-9a-f:.]{2,45}\])(?::([0-9]{1,5}))?", re.ASCII)
_LAST_PORT: Final = 65535
_OWN_SITE: Final = frozenset({"same-origin", "none"})


def headers_for(scheme: str) -> dict[str, str]:
    """Return the headers of every answer (安全响应头); over HTTPS also the promise to stay there."""
    return {**HEADERS, "strict-transport-security": HSTS} if scheme == HTTPS else dict(HEADERS)


def is_host(text: str) -> bool:
    """Whether a ``Host`` header names a host and perhaps a port (主机名); addresses are built from it."""
    found = _HOST.fullmatch(text.lower())
    return found is not None and int(found[1] or 0) <= _LAST_PORT


def cookie_name(name: str, scheme: str) -> str:
    """
    Return the name under which a cookie is set (Cookie 名).

    Over HTTPS the ``__Host-`` prefix makes browsers refuse such a cookie from another host or without ``Secure``, so
    that a neighbouring site can't plant one. Plain HTTP is for this machine only, where the prefix isn't allowed.
    """
    return f"__Host-{name}" if scheme == HTTPS else name


def session_cookie(scheme: str) -> str:
    """Return the name of the session cookie (会话 Cookie)."""
    return cookie_name("th", scheme)


def download_headers(name: str) -> Mapping[str, str]:
    """Return what makes a browser keep a file under a name and never show it (下载), as RFC 6266 and 8187 write it."""
    printable = "".join(c for c in name if c.isprintable()) or "file"
    return {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(printable, safe='')}"}


def only_cookie(headers: Iterable[str], name: str) -> str | None:
    """
    Return the value of a cookie that came exactly once (唯一 Cookie), else None.

    Two of one name mean that somebody else has planted one: neither is believed.

    Args:
        headers: all values of the header ``Cookie``.
        name: the exact name.
    """
    pairs = [pair.strip().partition("=") for header in headers for pair in header.split(";")]
    found = [value for key, separator, value in pairs if separator and key == name]
    return found[0] if len(found) == 1 and found[0] else None


def bearer_token(authorization: str | None) -> str | None:
    """Return the token of an ``Authorization: Bearer`` header (令牌), in any case of the scheme; else None."""
    scheme, _, token = (authorization or "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


def is_cross_site(headers: Mapping[str, str]) -> bool:
    """
    Whether a browser says that another site made this request (跨站请求).

    Programs send neither ``Sec-Fetch-Site`` nor ``Origin`` and are not meant; for the sessions of browsers that send
    neither, the CSRF token decides.
    """
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None and site.strip().lower() not in _OWN_SITE:
        return True
    if origin is None:
        return False
    try:
        return urlsplit(origin).netloc.lower() != headers.get("host", "").lower()
    except ValueError:
        return True
