"""A tiny application wired with the platform's own pieces, and a directory in memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from litestar import Litestar, Request, WebSocket, get, post, websocket
from litestar.params import FromPath, FromQuery
from litestar.testing import TestClient
from structlog.testing import capture_logs

from tradehall.adapters.identity import passwords
from tradehall.web.access import AccessMiddleware, guard, subject_of
from tradehall.web.body import read_json, read_object, text_member
from tradehall.web.problems import EXCEPTION_HANDLERS, Problem

NOW = datetime(2026, 3, 25, 9, 29, tzinfo=UTC)
SECRET = b"s" * 32
PRICE = "1980000.00-this-must-stay-secret"

Req = Request[Any, Any, Any]


class Directory:
    """Sessions, tokens and roles as the real directory keeps them: by digest."""

    def __init__(self) -> None:
        self.sessions: dict[str, tuple[str, bytes, datetime]] = {}
        self.tokens: dict[str, str] = {}
        self.registered: dict[str, frozenset[str]] = {}
        self.at = NOW

    def session(self, digest: str, at: datetime) -> tuple[str, bytes, datetime] | None:
        found = self.sessions.get(digest)
        return None if found is None or found[2] <= at else found

    def keep_session(self, digest: str, until: datetime) -> None:
        self.sessions[digest] = (*self.sessions[digest][:2], until)

    def token(self, digest: str, at: datetime) -> str | None:
        return self.tokens.get(digest) if at == self.at else None

    def roles(self, party: str) -> frozenset[str]:
        return self.registered.get(party, frozenset())

    def now(self) -> datetime:
        return self.at

    def log_in(self, ident: str, party: str, *roles: str) -> None:
        self.sessions[passwords.secret_digest(ident)] = (party, SECRET, NOW + timedelta(hours=8))
        self.registered[party] = frozenset(roles)


@post("/echo", opt={"permission": "validate"}, status_code=200)
async def echo(request: Req) -> dict[str, Any]:
    return {"got": await read_json(request)}


@post("/named", opt={"permission": "validate"}, status_code=200)
async def named(request: Req) -> dict[str, Any]:
    body = await read_object(request, "name", optional=("note",))
    return {"name": text_member(body, "name", most=5)}


@get("/who", opt={"permission": "clock"})
async def who(request: Req) -> dict[str, Any]:
    subject = subject_of(request)
    return {"party": subject.party, "via": subject.via, "roles": sorted(subject.roles)}


@get("/mine", opt={"permission": "token.list"})
async def mine() -> str:
    return "mine"


@post("/act", opt={"permission": "case.new"}, status_code=200)
async def act() -> str:
    return "done"


@post("/form", opt={"permission": "page.logout", "form": True}, status_code=200)
async def form() -> str:
    return "the handler looks for the token in the form"


@post("/centre", opt={"permission": "draw.act"}, status_code=200)
async def centre() -> str:
    return "done"


@get("/unlisted", opt={"permission": "no such row"})
async def unlisted() -> str:
    return PRICE


@get("/broken", opt={"permission": "clock"})
async def broken(request: Req) -> str:
    offer = PRICE
    try:
        return {"another": "offer"}[offer]
    except KeyError as error:
        raise RuntimeError(f"could not store {offer}") from error


@get("/deep", opt={"permission": "clock"})
async def deep() -> int:
    return await deep.fn()  # type: ignore[no-any-return]


@get("/number/{number:int}", opt={"permission": "clock"})
async def number(number: FromPath[int], count: FromQuery[int]) -> int:
    return number + count


@get("/teapot", opt={"permission": "clock"})
async def teapot() -> str:
    raise Problem("TOO-MANY", seconds=7, headers={"Retry-After": "7"})


@websocket("/live", opt={"permission": "clock"})
async def live(socket: WebSocket[Any, Any, Any]) -> None:
    await socket.accept()
    await socket.send_text("connected")
    await socket.close()


@contextmanager
def serving(
    directory: Directory | None = None, base: str = "http://hall.example"
) -> Iterator[tuple[TestClient[Any], list[Any]]]:
    """Serve the tiny application; yields a client and the log, which fills as requests are served."""
    known = directory or Directory()
    app = Litestar(
        [echo, named, who, mine, act, form, centre, unlisted, broken, deep, number, teapot, live],
        middleware=[AccessMiddleware(known, known, passwords.secret_digest)],
        guards=[guard(passwords.csrf_fits)],
        exception_handlers=EXCEPTION_HANDLERS,  # type: ignore[arg-type]
        openapi_config=None,
        logging_config=None,
    )
    with capture_logs() as log, TestClient(app, base_url=base, raise_server_exceptions=False) as client:
        yield client, log  # type: ignore[misc]
