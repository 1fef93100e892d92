"""
The way to a handler measured (中间件实测): a JSON route of the application, and the same handler unguarded.

Processor time of the thread that serves, so that nobody else on the machine counts: the same Litestar, the same route
and the same answer, called as a server calls it. Ours has the access middleware with a session token looked up in the
database, the permission table, the security headers, HEAD, error answers and a line in the log.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from litestar import Litestar
from litestar.datastructures import State
from litestar.di import Provide

from tradehall.adapters.identity.passwords import new_secret, secret_digest
from tradehall.bench.figures import Line, Way, race
from tradehall.bench.hall import CHANCE, HallError, enrol, hall
from tradehall.bench.logs import silence
from tradehall.main import build_context
from tradehall.web.api.cases import case_see
from tradehall.web.app import build_app
from tradehall.web.site import HANDLERS as PAGES

if TYPE_CHECKING:
    from tradehall_standards import Catalogue

LEAST: Final = Decimal("0.6")
_OK: Final = 200
_PARTY: Final = 100


def guarding(catalogue: Catalogue, *, requests: int = 300, rounds: int = 15, folder: Path | None = None) -> list[Line]:
    """Ask both for the state of a case, anonymously and as somebody logged in."""
    silence()
    with hall(catalogue, folder=folder) as held:
        context = build_context(held.node)
        full = build_app(context, PAGES)

        async def provide() -> Any:
            return context

        bare = Litestar(
            [case_see],
            dependencies={"context": Provide(provide)},
            state=State({"context": context}),
            openapi_config=None,
            logging_config=None,
        )
        party, token = enrol(held.node, _PARTY, "示例主体"), new_secret("tht_", CHANCE)
        expires = held.node.store.now() + timedelta(days=1)
        held.node.directory.add_token("bench", secret_digest(token), party.id, "bench", expires)
        signed = ((b"authorization", f"Bearer {token}".encode()),)
        with asyncio.Runner() as runner:
            ways: dict[str, Way] = {
                "anonymous": _turn(runner, full, f"/api/v1/cases/{held.tender}", (), requests),
                "signed": _turn(runner, full, f"/api/v1/cases/{held.tender}", signed, requests),
                "bare": _turn(runner, bare, f"/cases/{held.tender}", (), requests),
            }
            found = race(ways, rounds, clock="cpu")
    return [
        Line(
            "middleware",
            f"GET /cases/…, {who}",
            found.per_second(name),
            "requests/cpu s",
            "the bare handler",
            found.per_second("bare"),
            found.times(name, "bare"),
            f"≥ {LEAST}×",
            found.times(name, "bare") >= LEAST,
        )
        for name, who in (("anonymous", "nobody in particular"), ("signed", "logged in"))
    ]


def _turn(runner: asyncio.Runner, app: Any, path: str, headers: tuple[tuple[bytes, bytes], ...], count: int) -> Way:
    def turn() -> int:
        runner.run(_ask(app, path, headers, count))
        return count

    return turn


async def _ask(app: Any, path: str, headers: tuple[tuple[bytes, bytes], ...], count: int) -> None:
    sent: list[int] = []

    async def receive() -> Mapping[str, object]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Mapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            sent.append(message["status"])

    for _ in range(count):
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": "GET",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": b"",
            "scheme": "http",
            "headers": [(b"host", b"hall.example"), (b"accept", b"application/json"), *headers],
            "server": ("hall.example", 80),
            "client": ("127.0.0.1", 1),
        }
        await app(scope, receive, send)
    if sent != [_OK] * count:
        raise HallError(f"HTTP status {next(status for status in sent if status != _OK)}")
