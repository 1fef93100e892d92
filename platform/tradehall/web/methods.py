"""
HEAD (只取响应头): whatever can be fetched can be asked for without its content, by the same handler and guard.

Source: RFC 9110 9.3.2.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from litestar.enums import HttpMethod, ScopeType

if TYPE_CHECKING:
    from litestar.types import ASGIApp, HTTPDisconnectEvent, Message, Receive, Scope, Send


def head_as_get(app: ASGIApp) -> ASGIApp:
    """Return an application that answers HEAD as it would GET, without the content; a stream ends at its headers."""

    async def served(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP or scope["method"] != HttpMethod.HEAD:
            await app(scope, receive, send)
            return
        scope["method"] = HttpMethod.GET
        begun = asyncio.Event()

        async def gone() -> HTTPDisconnectEvent:
            await begun.wait()
            return {"type": "http.disconnect"}

        async def headers_only(message: Message) -> None:
            if message["type"] == "http.response.start":
                await send(message)
                await send({"type": "http.response.body", "body": b"", "more_body": False})
                begun.set()

        await app(scope, gone, headers_only)

    return served
