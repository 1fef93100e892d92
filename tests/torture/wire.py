"""Raw ASGI 裸接口: any method, bytes, header and cut, straight into the application, in process and without a socket."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

from tradehall.main import Node, build_context
from tradehall.web.app import build_app
from tradehall.web.site import HANDLERS
from web_core.hall import _Life  # its lifespan is entered and left in one task

Headers = Sequence[tuple[bytes, bytes]]
HANGING_SECONDS = 30.0
"""How long an application may go on after its client has left."""


class Hanging(Exception):
    """The application did not end after its client had left."""


@dataclass(slots=True)
class Reply:
    """What came back; status 0 where nothing did, as after a client that left."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes
    seconds: float

    def header(self, name: bytes) -> str:
        return next((v.decode("latin-1") for k, v in self.headers if k.lower() == name), "")

    @property
    def media(self) -> str:
        return self.header(b"content-type").partition(";")[0]

    def json(self) -> Any:
        return json.loads(self.body)


class Wire:
    """An application, and a client that sends it anything."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def ask(
        self,
        method: str,
        path: bytes,
        *,
        query: bytes = b"",
        headers: Headers = (),
        chunks: Sequence[bytes] = (b"",),
        leaves: bool = False,
        scheme: str = "http",
        address: str = "10.0.0.1",
    ) -> Reply:
        """
        Send one request and return what came back.

        Args:
            chunks: the body in the pieces in which it arrives.
            leaves: whether the client is gone after the last of them, before the body is whole.
        """
        gone, pending, messages = asyncio.Event(), list(chunks), []

        async def receive() -> Any:
            if pending:
                return {"type": "http.request", "body": pending.pop(0), "more_body": bool(pending) or leaves}
            if not leaves:
                await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            messages.append(message)
            if message["type"] == "http.response.body" and messages[0]["type"] == "http.response.start":
                kind = dict(messages[0]["headers"]).get(b"content-type", b"")
                if kind.startswith(b"text/event-stream") or not message.get("more_body"):
                    gone.set()

        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": method,
            "scheme": scheme,
            "path": unquote_to_bytes(path).decode("utf-8", "replace"),
            "raw_path": path,
            "query_string": query,
            "root_path": "",
            "headers": list(headers),
            "client": (address, 50000),
            "server": ("testserver.local", 80),
            "state": {},
            "extensions": {},
        }
        begun, before = time.perf_counter(), waited()
        try:
            async with asyncio.timeout(HANGING_SECONDS):
                await self.app(scope, receive, send)
        except TimeoutError as error:
            raise Hanging(f"{method} {path[:200]!r}") from error
        seconds = time.perf_counter() - begun - (waited() - before)
        start = next((m for m in messages if m["type"] == "http.response.start"), None)
        body = b"".join(m.get("body", b"") for m in messages if m["type"] == "http.response.body")
        return Reply(start["status"] if start else 0, list(start["headers"]) if start else [], body, seconds)


def shape_of(template: str) -> re.Pattern[str]:
    """Return what matches the paths of a row of the permission table."""
    return re.compile(re.sub(r"\{path\}", ".+", re.sub(r"\{(?!path)[a-z]+\}", "[^/]+", template)))


def waited() -> float:
    """Return the seconds for which this thread was ready to go on and the machine served others (Linux)."""
    return int(Path("/proc/thread-self/schedstat").read_text("ascii").split()[1]) / 1e9


async def at_once(work: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    """Do at once what the program would give to a thread: handing over costs more than most of it takes."""
    return work(*args, **kwargs)


def bearer(token: str) -> tuple[tuple[bytes, bytes], ...]:
    """Return the header that shows a token, none for nobody."""
    return ((b"authorization", f"Bearer {token}".encode()),) if token else ()


@contextmanager
def served(node: Node) -> Iterator[tuple[Wire, asyncio.Runner]]:
    """Serve a node's application until the end, then close both."""
    app = build_app(build_context(node), HANDLERS)
    with asyncio.Runner() as runner:
        life = _Life(app)
        runner.run(life.start())
        try:
            yield Wire(app), runner
        finally:
            runner.run(life.end())
            node.close()
