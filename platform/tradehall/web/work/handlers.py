"""
Routes of the workspaces (工作台路由).
"""

from __future__ import annotations

import asyncio
import secrets
from base64 import b32encode
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import parse_qs, quote

from litestar import Request, Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect

from tradehall.web.access import subject_of
from tradehall.web.body import read_bytes
from tradehall.web.pages.handlers import check_token
from tradehall.web.pages.portal import html, portal_of, serve
from tradehall.web.portal import paths
from tradehall.web.problems import Problem
from tradehall.web.work.filling import Filler
from tradehall.web.work.making import WorkMaker

Req = Request[Any, Any, Any]
FORM_MAX: Final = 1 << 20
FIELDS_MAX: Final = 20_000


def _maker(request: Req) -> WorkMaker:
    portal, subject = portal_of(request.app), subject_of(request)
    return WorkMaker(portal.context, portal.page(request), subject)


@get(paths.WORK, opt={"permission": "page.work.home"}, include_in_schema=False)
async def work(request: Req) -> Response[str]:
    """Show the workbench (工作台)."""
    return await serve(request, lambda: _maker(request).home())


@get(paths.WORK_KEYS, opt={"permission": "page.work.keys"}, include_in_schema=False)
async def keys(request: Req) -> Response[str]:
    """Show the keys of this browser (本机证书)."""
    return await serve(request, lambda: _maker(request).keys())


@get(f"{paths.WORK}/cases/{{case:str}}", opt={"permission": "page.work.case"}, include_in_schema=False)
async def work_case(request: Req, case: FromPath[str]) -> Response[str]:
    """Show a case as the caller works on it (项目工作页)."""
    return await serve(request, lambda: _maker(request).case(case))


@get(f"{paths.WORK}/begin/{{procedure:str}}", opt={"permission": "page.work.begin"}, include_in_schema=False)
async def work_begin(request: Req, procedure: FromPath[str]) -> Redirect:
    """Begin a case (发起): a fresh random id; nothing is stored until a record is filed."""
    context = portal_of(request.app).context
    found = context.door.procedures.get(procedure)
    begun = [act for p, act in _maker(request).workbench.beginnings(subject_of(request).party) if p is found]
    if found is None or not begun:
        raise Problem("NOT-FOUND")
    case = f"{found.prefix}-{b32encode(secrets.token_bytes(17)).decode('ascii').lower()[:26]}"
    return Redirect(paths.work_form(case, begun[0].family), status_code=303, headers={"cache-control": "no-store"})


@get(f"{paths.WORK}/cases/{{case:str}}/{{family:str}}", opt={"permission": "page.work.form"}, include_in_schema=False)
async def work_form(request: Req, case: FromPath[str], family: FromPath[str]) -> Response[str]:
    """Show the form of a record (填写记录)."""
    return await serve(request, lambda: Filler(_maker(request), case, family).blank())


@post(
    f"{paths.WORK}/cases/{{case:str}}/{{family:str}}",
    opt={"permission": "page.work.form.post", "form": True},
    status_code=200,
    include_in_schema=False,
)
async def work_form_post(request: Req, case: FromPath[str], family: FromPath[str]) -> Response[str]:
    """Take a filled form: back to it with what is wrong, or on to checking and signing. Nothing is stored."""
    context, form = portal_of(request.app).context, await _form(request)
    check_token(request, context, _last(form, "csrf"))
    filler = Filler(_maker(request), case, family)
    values = {name: texts for name, texts in form.items() if name.startswith("/")}
    page = await asyncio.to_thread(filler.take, values, _last(form, "do"))
    return await asyncio.to_thread(html, request, page, status=422 if getattr(page, "errors", ()) else 200)


@get(paths.WORK_CUSTODY, opt={"permission": "page.work.custody"}, include_in_schema=False)
async def work_custody(request: Req) -> Response[str]:
    """Show the keys of a custodian (密钥保管)."""
    return await serve(request, lambda: _maker(request).custody(None))


@get(f"{paths.WORK_CUSTODY}/{{case:str}}", opt={"permission": "page.work.custody.case"}, include_in_schema=False)
async def work_custody_case(request: Req, case: FromPath[str]) -> Response[str]:
    """Show which bids of a tender wait for a custodian's share (释放分片)."""
    shelf = portal_of(request.app).shelf
    return await serve(request, lambda: _maker(request).custody(shelf.dossier(case)))


@get(f"{paths.WORK}/bids/{{case:str}}", opt={"permission": "page.work.bid"}, include_in_schema=False)
async def work_bid(request: Req, case: FromPath[str]) -> Response[str]:
    """Show where a bid is made (投标); the bid itself stays on the device until it is sealed."""
    shelf = portal_of(request.app).shelf
    return await serve(request, lambda: _maker(request).bid(shelf.dossier(case)))


@get(f"{paths.WORK}/records/{{digest:str}}", opt={"permission": "page.work.receipt"}, include_in_schema=False)
async def work_receipt(request: Req, digest: FromPath[str]) -> Response[str]:
    """Show the receipt of one's own record (回执)."""
    return await serve(request, lambda: _maker(request).receipt(digest))


@get(
    f"{paths.WORK}/records/{{digest:str}}/receipt.json",
    opt={"permission": "page.work.receipt.file"},
    include_in_schema=False,
)
async def work_receipt_file(request: Req, digest: FromPath[str]) -> Response[bytes]:
    """Return that receipt as a file, byte for byte as it was signed."""
    data = await asyncio.to_thread(_maker(request).receipt_bytes, digest)
    name = quote(f"receipt-{digest[7:15]}.json")
    headers = {"content-disposition": f"attachment; filename={name}", "cache-control": "no-store"}
    return Response(data, media_type="application/json", headers=headers)


async def _form(request: Req) -> Mapping[str, Sequence[str]]:
    """Read a form of any size a record may have."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise Problem("MEDIA-TYPE", expected="application/x-www-form-urlencoded")
    body = await read_bytes(request, FORM_MAX)
    try:
        return parse_qs(body.decode("utf-8"), keep_blank_values=True, max_num_fields=FIELDS_MAX, errors="strict")
    except ValueError as error:
        raise Problem("REQUEST-INVALID") from error


def _last(form: Mapping[str, Sequence[str]], name: str) -> str:
    return form[name][-1] if name in form else ""


HANDLERS: Final = [
    work,
    keys,
    work_case,
    work_begin,
    work_form,
    work_form_post,
    work_bid,
    work_custody,
    work_custody_case,
    work_receipt,
    work_receipt_file,
]
