"""
OCDS over HTTP (开放合同数据接口): packages of one case, pages of all of them, the extension that they name.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from importlib.resources import files
from typing import Any, Final

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, SkipValidation

from tradehall.kernel.case import legal_date
from tradehall.ocds import numbers, packages
from tradehall.ocds.merging import Node
from tradehall.ocds.packages import Publisher
from tradehall.ocds.told import Told
from tradehall.web.access import NOBODY
from tradehall.web.api.cases import cursor_of, next_page, query_of
from tradehall.web.api.context import Context
from tradehall.web.api.tags import is_at_hand
from tradehall.web.problems import Problem
from tradehall_standards import canonical

Req = Request[Any, Any, Any]
Ctx = NamedDependency[SkipValidation[Context]]
FORMS: Final = ("release", "record")
JSON: Final = "application/json"
JSON_LINES: Final = "application/jsonl"
EXTENSION: Final = ("extension.json", "release-schema.json")
"""Files of our extension that a node serves; no other name is looked for."""


@get("/cases/{case:str}/ocds", opt={"permission": "case.ocds"})
async def case_ocds(request: Req, context: Ctx, case: FromPath[str]) -> Response[Any]:
    """
    Return a published case as OCDS 1.1 (项目的开放合同数据): what anybody may know of it now, whoever asks.

    ``form`` is ``release`` (a release package) or ``record`` (with what holds now and the history of every field).
    """
    form = _form(request)
    found = await asyncio.to_thread(releases_of, context, case)
    if not found:
        raise Problem("NOT-FOUND")
    return _answer(request, context, form, [found])


@get("/ocds", opt={"permission": "ocds.list"})
async def ocds_list(request: Req, context: Ctx) -> Response[Any]:
    """
    Return published cases as OCDS 1.1, newest first (全部项目的开放合同数据).

    Takes what the search of cases takes, and ``form``; the next page is in ``Link`` and in ``links.next``. Without any
    case the answer is 404: OCDS knows no empty package.
    """
    form = _form(request)
    found, following = await _page(request, context)
    if not found:
        raise Problem("NOT-FOUND")
    return _answer(request, context, form, found, following)


@get("/ocds.jsonl", opt={"permission": "ocds.lines"})
async def ocds_lines(request: Req, context: Ctx) -> Response[Any]:
    """
    Return the releases of published cases, one a line, newest case first (逐行发布).

    Takes what the search of cases takes; the next page is in ``Link``.
    """
    found, following = await _page(request, context)
    lines = b"".join(numbers.write(release) + b"\n" for of_case in found for release in of_case)
    return _tagged(request, lines, JSON_LINES, _link(following))


async def _page(request: Req, context: Context) -> tuple[list[list[Node]], str]:
    """Return the releases of the cases of one page, and the path of the next."""
    query = query_of(request)
    with context.door.store.read() as reading:
        listed = list(reading.search(query))
    following = next_page(request, cursor_of(listed[-1])) if len(listed) == query.limit else ""

    def made() -> list[list[Node]]:
        return [found for line in listed if (found := releases_of(context, line.case))]

    return await asyncio.to_thread(made), following


def _link(following: str) -> dict[str, str]:
    return {"Link": f'<{following}>; rel="next"'} if following else {}


@get("/ocds/extension/{file:str}", opt={"permission": "ocds.extension"})
async def ocds_extension(request: Req, file: FromPath[str]) -> Response[Any]:
    """Return a file of the OCDS extension that our packages name (扩展定义): metadata or patch of the schema."""
    if file not in EXTENSION:
        raise Problem("NOT-FOUND")
    return _tagged(request, (files("tradehall.ocds") / "extension" / file).read_bytes(), JSON, {})


def _form(request: Req) -> str:
    form = request.query_params.get("form", FORMS[0])
    if form not in FORMS:
        raise Problem("PARAMETER-INVALID", why="form")
    return form


def releases_of(context: Context, case: str) -> list[Node]:
    """
    Return the releases of a case for everybody (逐次发布); none where nothing is announced.

    Raises:
        Problem: NOT-FOUND for an unknown or secret case.
    """
    view = context.look(case, NOBODY)
    records = [
        Told(e.record.digest, e.record.family, e.record.author, e.filed.at, e.record.payload, e.record.attachments)
        for e in context.visible(view, NOBODY)
    ]
    labels = packages.words_of(context.door.catalogue, legal_date(context.door.store.now()))
    return packages.releases(context.publisher, case, records, labels)


def _answer(
    request: Req, context: Context, form: str, found: Sequence[Sequence[Node]], following: str = ""
) -> Response[Any]:
    publisher: Publisher = context.publisher
    every = [release for of_case in found for release in of_case]
    headers = _link(following)
    asked = f"?{request.url.query}" if request.url.query else ""
    uri = f"{publisher.url}{request.scope['path']}{asked}"
    following = f"{publisher.url}{following}" if following else ""
    if form == "record":
        package = packages.record_package(publisher, uri, found, following=following)
    else:
        package = packages.release_package(publisher, uri, every, following=following)
    return _tagged(request, numbers.write(package), JSON, headers)


def _tagged(request: Req, content: bytes, media: str, headers: dict[str, str]) -> Response[Any]:
    tag = f'"sha256:{canonical.sha256_hex(content)}"'
    headers = headers | {"ETag": tag}
    if is_at_hand(request, tag):
        return Response(None, status_code=304, headers=headers)
    return Response(content, media_type=media, headers=headers)


HANDLERS = [case_ocds, ocds_list, ocds_lines, ocds_extension]
