"""Entity tags (实体标签): what the client has at hand is not sent again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from litestar import Request


def is_at_hand(request: Request[Any, Any, Any], quoted: str) -> bool:
    """Whether ``If-None-Match`` names this tag, weak or strong, or any by ``*`` (RFC 9110 13.1.2)."""
    asked = request.headers.get("if-none-match", "").strip()
    return asked == "*" or quoted in asked
