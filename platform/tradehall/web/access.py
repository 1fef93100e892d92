"""Access (访问控制): who calls, by session or token; what the permission table says; security headers."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

import structlog
from litestar import Request
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
    from datetime import datetime

    from litestar.types import ASGIApp, HTTPResponseStartEvent, Message, Receive, Scope, Send

SESSION_LIFE = timedelta(hours=8)
_REQUEST_ID = b"x-request-id"


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


class Accounts(Protocol):
    """What access asks of the directory."""

    def session(self, digest: str, at: datetime) -> tuple[str, bytes] | None:
        """Return party and secret of a session that has not expired."""
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
        request: Request[Any, Any, Any] = Request(scope)
        if not all(is_host(host) for host in request.headers.getall("host", [])):
            raise Problem("REQUEST-INVALID")
        scheme = str(scope.get("scheme", "http"))
        ident = secrets.token_hex(8)
        state = scope["state"]
        state["request_id"] = ident
        state["subject"] = self._subject(request)
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
        if request.method in SAFE_METHODS and not str(scope["path"]).startswith("/api/v1/vault/"):
            self._log.info("request", request=ident, method=request.method, status=status)

    def _subject(self, request: Request[Any, Any, Any]) -> Subject:
        authorization = request.headers.get("authorization")
        if authorization is not None:  # never fall back to the cookie of a browser
            token = bearer_token(authorization)
            party = self._accounts.token(self._digest(token), self._time.now()) if token else None
            return Subject() if party is None else self._known(party, "token")
        cookie = only_cookie(
            request.headers.getall("cookie", []), session_cookie(str(request.scope.get("scheme", "http")))
        )
        if cookie is None:
            return Subject()
        digest = self._digest(cookie)
        found = self._accounts.session(digest, self._time.now())
        if found is None:
            return Subject()
        return self._known(found[0], "session", found[1], digest)

    def _known(self, party: str, via: str, secret: bytes = b"", digest: str = "") -> Subject:
        roles = {name for role in (self._accounts.roles(party) or {"party"}) for name in roles_with(role)}
        return Subject(party, frozenset(roles), via, secret, digest)


def _add_headers(message: HTTPResponseStartEvent, scheme: str, ident: str, *, known: bool) -> None:
    """Add what every answer carries and the handler has not said itself; to somebody known also not to be cached."""
    said = [(name, value) for name, value in message["headers"] if name.lower() != _REQUEST_ID]
    names = {name.lower() for name, _ in said}
    always = (*_encoded_headers(scheme), *([(b"cache-control", b"no-store")] if known else ()))
    said += [(name, value) for name, value in always if name not in names]
    message["headers"] = [*said, (_REQUEST_ID, ident.encode("ascii"))]


@lru_cache(maxsize=8)
def _encoded_headers(scheme: str) -> tuple[tuple[bytes, bytes], ...]:
    return tuple((name.encode("ascii"), value.encode("ascii")) for name, value in headers_for(scheme).items())


def subject_of(connection: ASGIConnection[Any, Any, Any, Any]) -> Subject:
    """Return who calls."""
    found = connection.scope["state"].get("subject")
    return found if isinstance(found, Subject) else Subject()


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
