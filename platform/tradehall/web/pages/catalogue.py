"""
Routes of the catalogue's pages (标准目录页面路由): code lists, releases, two versions side by side, checking a record.
"""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Any, Final

from litestar import Request, Response, get, post
from litestar.datastructures import UploadFile
from litestar.params import FromPath
from litestar.response import Redirect

from tradehall.web.comparing import comparisons_of
from tradehall.web.pages import checking
from tradehall.web.pages.handlers import check_token
from tradehall.web.pages.portal import html, portal_of, serve
from tradehall.web.pages.registers import Registers
from tradehall.web.pages.shelf import today
from tradehall.web.pages.standards import Standards
from tradehall.web.portal import paths
from tradehall.web.portal.views import FieldError, Label
from tradehall.web.portal.views_catalogue import CheckVerdict, ValidatePage
from tradehall.web.problems import Problem, wants_page
from tradehall_standards.strict import MAX_BYTES

Req = Request[Any, Any, Any]
FORM_MAX: Final = 8 << 10


def _registers(request: Req) -> Registers:
    portal = portal_of(request.app)
    return Registers(portal.context.door.catalogue, portal.page(request))


@get("/standards/codelists/{name:str}", opt={"permission": "page.codelist"}, include_in_schema=False)
async def codelist(request: Req, name: FromPath[str]) -> Response[str]:
    """Show a code list as of a day (代码表)."""
    on, text = today(portal_of(request.app).context), request.query_params.get("as_of", "")
    errors: tuple[FieldError, ...] = ()
    if text:
        try:
            on = date.fromisoformat(text)
        except ValueError:
            errors = (NO_DAY,)
    return await serve(request, lambda: _registers(request).code_list(name, on, errors))


NO_DAY: Final = FieldError(Label("日期须为 年-月-日", "A date is year-month-day"), field="as_of")


@get("/standards/releases", opt={"permission": "page.releases"}, include_in_schema=False)
async def releases(request: Req) -> Response[str]:
    """Show what officers signed, and who (标准发布)."""
    verification = portal_of(request.app).context.verification
    return await serve(request, lambda: _registers(request).releases(verification()))


# --- two versions -------------------------------------------------------------------------------------------------


@get("/standards/{family:str}/compare", opt={"permission": "page.compare"}, include_in_schema=False)
async def compare(request: Req, family: FromPath[str]) -> Response[Any]:
    """Lead to the page of the two versions that were chosen; the last two without a choice (选择版本)."""
    known = [v.version for v in portal_of(request.app).context.door.catalogue.versions(family)]
    if not known:
        raise Problem("NOT-FOUND")
    old = request.query_params.get("old", known[-2] if len(known) > 1 else known[-1])
    new = request.query_params.get("new", known[-1])
    if old not in known or new not in known:
        raise Problem("NOT-FOUND")
    return Redirect(paths.diff(family, old, new), status_code=303)


@get("/standards/{family:str}/diff/{old:str}/{new:str}", opt={"permission": "page.diff"}, include_in_schema=False)
async def diff(request: Req, family: FromPath[str], old: FromPath[str], new: FromPath[str]) -> Response[str]:
    """Show two versions of a family side by side (版本对比)."""
    portal = portal_of(request.app)
    catalogue = portal.context.door.catalogue
    before, after = catalogue.version(family, old), catalogue.version(family, new)
    if before is None or after is None:
        raise Problem("NOT-FOUND")
    found = await comparisons_of(request.app).versions(before, after)
    maker = Standards(catalogue, today(portal.context), portal.page(request))
    return await serve(request, lambda: maker.compare(before, after, found))


# --- checking -----------------------------------------------------------------------------------------------------


@get("/standards/validate", opt={"permission": "page.validate"}, include_in_schema=False)
async def validate(request: Req) -> Response[str]:
    """Show the form for checking a record (在线校验)."""
    return await serve(request, lambda: _page(request, family=request.query_params.get("family", "")))


def _page(
    request: Req,
    *,
    family: str = "",
    text: str = "",
    verdict: CheckVerdict | None = None,
    errors: tuple[FieldError, ...] = (),
) -> ValidatePage:
    portal = portal_of(request.app)
    page, catalogue = portal.page(request), portal.context.door.catalogue
    return ValidatePage(
        site=page.site,
        now=page.now,
        path=paths.VALIDATE,
        families=checking.options(catalogue),
        family=family if family in catalogue.families() else "",
        text=text,
        verdict=verdict,
        errors=errors,
    )


@post(
    "/standards/validate",
    opt={"permission": "page.validate.post", "form": True},
    status_code=200,
    include_in_schema=False,
    request_max_body_size=2 * MAX_BYTES + FORM_MAX,
)
async def validate_post(request: Req) -> Response[str]:
    """Check what was pasted or uploaded; nothing is kept."""
    portal, form = portal_of(request.app), await request.form()
    check_token(request, portal.context, str(form.get("csrf", "")))
    sent, family = form.get("file"), str(form.get("family") or "")[:64]
    data = await sent.read() if isinstance(sent, UploadFile) else b""
    text = str(form.get("text") or "")
    if not data and not text.strip():
        return _again(request, NOTHING, family, text)
    catalogue, on = portal.context.door.catalogue, today(portal.context)
    async with portal.verifications:
        try:
            verdict = await asyncio.to_thread(checking.check, catalogue, data or text.encode(), family, on)
        except checking.Unfit as unfit:
            return _again(request, unfit.error, family, text)
    return html(request, _page(request, family=family, text="" if data else text, verdict=verdict))


def _again(request: Req, error: FieldError, family: str, text: str) -> Response[str]:
    """Show a person the form again with what to mend; tell a program."""
    if not wants_page(str(request.scope["path"]), request.headers.get("accept", "")):
        told = {
            "pointer": error.pointer,
            "rule": error.field,
            "message": {"zh": error.message.zh, "en": error.message.en},
        }
        raise Problem("BODY-INVALID", why=error.field, errors=[told])
    return html(request, _page(request, family=family, text=text, errors=(error,)), status=422)


NOTHING: Final = FieldError(
    Label("请粘贴内容或选择一个文件", "Paste a text or choose a file"),
    field="text",
    hint=Label("两者选一即可。", "One of the two is enough."),
)

HANDLERS: Final = [codelist, releases, compare, diff, validate, validate_post]
