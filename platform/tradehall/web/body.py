"""
Reading bodies (请求体): content type, size and the strict parser come before anything else looks at them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tradehall.web.problems import Problem
from tradehall_standards import StrictError, strict

if TYPE_CHECKING:
    from litestar import Request

    from tradehall_standards import Json

JSON_MAX = 3 << 20
_NUMBER = re.compile("-?[0-9]{1,15}")
_LENGTH = re.compile("[0-9]+")
_LENGTH_DIGITS = 15


def read_number(text: str, name: str, *, least: int, most: int) -> int:
    """
    Return a whole number of a header or a query (整数): ASCII digits, at most fifteen, perhaps a minus.

    Raises:
        Problem: PARAMETER-INVALID naming ``name``, also for what ``int`` would take or choke on: ``１２``, ``²``,
            ``--5``, five thousand digits.
    """
    if _NUMBER.fullmatch(text) is None or not least <= int(text) <= most:
        raise Problem("PARAMETER-INVALID", why=name)
    return int(text)


async def read_bytes(request: Request[Any, Any, Any], most: int) -> bytes:
    """Return the raw body. Raises TOO-LARGE above ``most`` bytes, before reading more than that."""
    length = request.headers.get("content-length", "0")
    if _LENGTH.fullmatch(length) is None:
        raise Problem("REQUEST-INVALID")
    if len(length) > _LENGTH_DIGITS or int(length) > most:
        raise Problem("TOO-LARGE")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise Problem("TOO-LARGE")
    return bytes(body)


async def read_json(request: Request[Any, Any, Any], *, newlines: bool = False) -> Json:
    """
    Return the JSON of a request; ``newlines`` as in ``strict.parse``.

    Raises:
        Problem: MEDIA-TYPE for anything but application/json in UTF-8, TOO-LARGE, BODY-INVALID with place and reason.
    """
    kind, _, rest = request.headers.get("content-type", "").partition(";")
    charset = rest.strip().lower().removeprefix("charset=").strip('"')
    if kind.strip().lower() != "application/json" or charset not in ("", "utf-8"):
        raise Problem("MEDIA-TYPE", expected="application/json")
    try:
        return strict.parse(await read_bytes(request, JSON_MAX), newlines=newlines)
    except StrictError as error:
        place = error.pointer or ""
        message = {"zh": error.message_zh, "en": error.message_en}
        errors = [{"pointer": place, "rule": error.code, "message": message}]
        raise Problem("BODY-INVALID", why=error.code, errors=errors) from error


async def read_object(
    request: Request[Any, Any, Any], *required: str, optional: tuple[str, ...] = ()
) -> dict[str, Json]:
    """Return a JSON object with exactly the named members; a missing or unknown one is named."""
    value = await read_json(request)
    if not isinstance(value, dict):
        raise Problem("BODY-INVALID", why="object")
    missing = [name for name in required if name not in value]
    unknown = [name for name in value if name not in (*required, *optional)]
    if missing or unknown:
        name = (missing or unknown)[0]
        text = {"zh": f"成员 {name} 缺失或多余", "en": f"member {name} is missing or unknown"}
        raise Problem("BODY-INVALID", why=name, errors=[{"pointer": f"/{name}", "rule": "members", "message": text}])
    return value


def text_member(value: dict[str, Json], name: str, *, most: int = 200) -> str:
    """Return a string member, at most ``most`` characters."""
    found = value.get(name)
    if not isinstance(found, str) or not 0 < len(found) <= most:
        text = {"zh": f"{name} 应为 1 至 {most} 个字符", "en": f"{name} must be a text of 1 to {most} characters"}
        raise Problem("BODY-INVALID", why=name, errors=[{"pointer": f"/{name}", "rule": "text", "message": text}])
    return found
