"""Access (访问控制): who calls, by session or token; what the permission table says; security headers."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

import structlog
from litestar.connection import ASGIConnection
from litestar.enums import ScopeType
from litestar.handlers import BaseRouteHandler
from litestar.middleware import ASGIMiddleware

from tradehall.web.permissions import BY_NAME, is_frameworks_own, roles_with
from tradehall.web.problems import Problem
from tradehall.web.security import (
    SAFE_METHODS,
    bearer_token,
    headers_for,
    is_cross_site,
    is_host,
    only_cookie,
    session_cookie,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from litestar.types import ASGIApp, HTTPResponseStartEvent, Message, Receive, Scope, Send

SESSION_LIFE = timedelta(hours=8)
"""However busy, a session ends after a working day."""

SESSION_IDLE = timedelta(hours=1)
SESSION_STEP = timedelta(minutes=5)
"""How exactly idleness is measured: a session in use is written down that often at most."""

_REQUEST_ID = b"x-request-id"
_HEX, _HEX_MAX = frozenset("0123456789abcdef"), 9


@dataclass(frozen=True, slots=True)
class Subject:
    """Who calls (访问者): nobody, or a party by session or token."""

    party: str = ""
    roles: frozenset[str] = field(default=frozenset({"public"}))
    via: str = ""
    session_secret: bytes = field(default=b"", repr=False)
    session_digest: str = field(default="", repr=False)

    @property
    def is_centre(self) -> bool:
        """Whether the caller acts for the centre."""
        return "centre" in self.roles


NOBODY = Subject()


class Accounts(Protocol):
    """What access asks of the directory."""

    def session(self, digest: str, at: datetime) -> tuple[str, bytes, datetime] | None:
        """Return party, secret and end of a session that has not expired."""
        ...

    def keep_session(self, digest: str, until: datetime) -> None:
        """Move the end of a session."""
        ...

    def token(self, digest: str, at: datetime) -> str | None:
        """Return the party of a token that has not expired."""
        ...

    def roles(self, party: str) -> frozenset[str]:
        """Return registered roles."""
        ...


class Now(Protocol):
    """The node's time."""

    def now(self) -> datetime:
        """Return the instant, UTC."""
        ...


class AccessMiddleware(ASGIMiddleware):
    """Finds out who calls, answers with security headers, and logs explicit fields only (访问中间件)."""

    scopes = (ScopeType.HTTP,)

    def __init__(self, accounts: Accounts, time: Now, digest: Any) -> None:
        self._accounts = accounts
        self._time = time
        self._digest = digest
        self._log = structlog.get_logger()

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Serve one request."""
        # Every request passes here, so headers are read as they came: a request object would cost more than the rest.
        asked = _Asked.of(scope["headers"])
        if not all(_names_host(host) for host in asked.hosts):
            raise Problem("REQUEST-INVALID")
        scheme = str(scope.get("scheme", "http"))
        ident = secrets.token_hex(8)
        state = scope["state"]
        state["request_id"] = ident
        state["subject"] = self._subject(asked, scheme)
        status = 0

        async def with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _add_headers(message, scheme, ident, known=bool(state["subject"].party))
            await send(message)

        await next_app(scope, receive, with_headers)
        # Neither who, nor which case, nor a query: before opening that would tell who bids. Filing and uploading leave
        # no line at all: counting lines would tell how many.
        method = str(scope.get("method", ""))
        if method in SAFE_METHODS and not scope["path"].startswith("/api/v1/vault/"):
            self._log.info("request", request=ident, method=method, status=status)

    def _subject(self, asked: _Asked, scheme: str) -> Subject:
        if asked.authorization is not None:  # never fall back to the cookie of a browser
            token = bearer_token(asked.authorization)
            party = self._accounts.token(self._digest(token), self._time.now()) if token else None
            return NOBODY if party is None else self._known(party, "token")
        cookie = only_cookie(asked.cookies, session_cookie(scheme)) if asked.cookies else None
        if cookie is None:
            return NOBODY
        digest = self._digest(cookie)
        now = self._time.now()
        found = self._accounts.session(digest, now)
        if found is None:
            return NOBODY
        until = idle_until(now, began(cookie))
        if until - found[2] > SESSION_STEP:
            self._accounts.keep_session(digest, until)
        return self._known(found[0], "session", found[1], digest)

    def _known(self, party: str, via: str, secret: bytes = b"", digest: str = "") -> Subject:
        return Subject(party, _all_roles(self._accounts.roles(party)), via, secret, digest)


@dataclass(slots=True)
class _Asked:
    """The headers that say who calls and where to (请求头)."""

    hosts: list[bytes] = field(default_factory=list[bytes])
    cookies: list[str] = field(default_factory=list[str])
    authorization: str | None = None

    @classmethod
    def of(cls, headers: Iterable[tuple[bytes, bytes]]) -> _Asked:
        """Read them; of several authorizations the first counts."""
        found = cls()
        for name, value in headers:
            if name == b"host":
                found.hosts.append(value)
            elif name == b"cookie":
                found.cookies.append(value.decode("latin-1"))
            elif name == b"authorization" and found.authorization is None:
                found.authorization = value.decode("latin-1")
        return found


@lru_cache(maxsize=64)
def _names_host(value: bytes) -> bool:
    return is_host(value.decode("latin-1"))


@lru_cache(maxsize=256)
def _all_roles(registered: frozenset[str]) -> frozenset[str]:
    """Return all that somebody with these registered roles is."""
    return frozenset(name for role in (registered or {"party"}) for name in roles_with(role))


def _add_headers(message: HTTPResponseStartEvent, scheme: str, ident: str, *, known: bool) -> None:
    """Add what every answer carries and the handler has not said itself; to somebody known also not to be cached."""
    always, names = _encoded_headers(scheme, known=known)
    said = {name.lower() for name, _ in message["headers"]}
    if said.isdisjoint(names):
        message["headers"] = [*message["headers"], *always, (_REQUEST_ID, ident.encode("ascii"))]
        return
    kept = [(name, value) for name, value in message["headers"] if name.lower() != _REQUEST_ID]
    added = [(name, value) for name, value in always if name not in said]
    message["headers"] = [*kept, *added, (_REQUEST_ID, ident.encode("ascii"))]


def session_ident(secret: str, at: datetime) -> str:
    """Return the id of a session that begins now (会话标识): it says when, and is stored as a digest of the whole."""
    return f"{secret}.{int(at.timestamp()):x}"


def began(ident: str) -> datetime | None:
    """Return when a session began, by its own id; None for an id that does not say."""
    text = ident.rpartition(".")[2]
    known = 0 < len(text) <= _HEX_MAX and set(text) <= _HEX
    return datetime.fromtimestamp(int(text, 16), UTC) if known else None


def idle_until(now: datetime, start: datetime | None) -> datetime:
    """Return when a session that is used now ends if nobody uses it any more (闲置时限)."""
    return now if start is None else min(now + SESSION_IDLE, start + SESSION_LIFE)


@lru_cache(maxsize=8)
def _encoded_headers(scheme: str, *, known: bool) -> tuple[tuple[tuple[bytes, bytes], ...], frozenset[bytes]]:
    """Return the headers, and their names with that of the request's id."""
    told = headers_for(scheme) | ({"cache-control": "no-store"} if known else {})
    always = tuple((name.encode("ascii"), value.encode("ascii")) for name, value in told.items())
    return always, frozenset((*(name for name, _ in always), _REQUEST_ID))


def subject_of(connection: ASGIConnection[Any, Any, Any, Any]) -> Subject:
    """Return who calls."""
    found = connection.scope["state"].get("subject")
    return found if isinstance(found, Subject) else NOBODY


def guard(csrf_fits: Any) -> Any:
    """Return the guard of every route: the table's row, and for cookies the site and the token."""

    # Nothing is awaited, but the framework would send a plain function through a thread, on every request.
    async def allowed(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
        row = BY_NAME.get(str(handler.opt.get("permission")))
        if row is None and connection.scope.get("method") == "OPTIONS" and is_frameworks_own(handler):
            return  # tells which methods there are; the table is public
        if row is None:
            raise Problem("NOT-FOUND")
        subject = subject_of(connection)
        method = str(connection.scope.get("method", "WEBSOCKET"))  # a socket is never safe: it sends both ways
        if method not in SAFE_METHODS:
            if is_cross_site(connection.headers):
                raise Problem("CROSS-SITE")
            if subject.via == "session" and not handler.opt.get("form"):
                token = connection.headers.get("x-csrf-token", "")
                if not csrf_fits(token, subject.session_secret):
                    raise Problem("CROSS-SITE")
        if not row.allows(subject.roles):
            raise Problem("FORBIDDEN" if subject.party else "LOGIN-REQUIRED")

    return allowed
