"""
Routes of the pages (页面路由): one short function each; what they show is made next door.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from functools import cache
from pathlib import PurePosixPath
from typing import Any, Final, Literal
from urllib.parse import parse_qs

from litestar import MediaType, Request, Response, get, post
from litestar.datastructures import Cookie, UploadFile
from litestar.params import FromPath
from litestar.response import Redirect

from tradehall.kernel import notes
from tradehall.web.access import Subject, subject_of
from tradehall.web.api.accounts import change_password, check_login, check_own, open_session
from tradehall.web.api.cases import query_of
from tradehall.web.api.context import Context
from tradehall.web.body import read_bytes
from tradehall.web.live import Watching, live_of
from tradehall.web.pages import diary, exports
from tradehall.web.pages.cases import CaseMaker
from tradehall.web.pages.hall import HallMaker, log_state
from tradehall.web.pages.portal import centre_of, html, lang_of, local_path, portal_of, serve
from tradehall.web.pages.shelf import today
from tradehall.web.pages.standards import Standards
from tradehall.web.pages.verify import TEXT_MAX, verify_file
from tradehall.web.portal import paths, render
from tradehall.web.portal import views as v
from tradehall.web.portal.views import FieldError, Label
from tradehall.web.problems import Problem, wants_page
from tradehall.web.security import CLEARED, HTTPS, session_cookie

Req = Request[Any, Any, Any]
FORM_MAX: Final = 8 << 10
UPLOAD_MAX: Final = 16 << 20
SEQUENCE: Final = re.compile(r"[0-9]{1,15}")
IMMUTABLE: Final = "public, max-age=31536000, immutable"
BRIEF: Final = "public, max-age=3600"
MEDIA: Final = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml; charset=utf-8",
    ".woff2": "font/woff2",
    ".txt": "text/plain",
}


def _may_export(subject: Subject) -> bool:
    return bool({"centre", "supervisor"} & subject.roles)


# --- lists --------------------------------------------------------------------------------------------------------


@get("/", opt={"permission": "page.home"}, include_in_schema=False)
async def home(request: Req) -> Response[str]:
    """Show the front page (首页)."""
    return await serve(request, lambda: portal_of(request.app).lists(request).home())


@get("/notices", opt={"permission": "page.notices"}, include_in_schema=False)
async def notices(request: Req) -> Response[str]:
    """Show the search (交易信息)."""
    return await serve(request, lambda: portal_of(request.app).lists(request).search(query_of(request)))


@get("/notices.csv", opt={"permission": "page.notices.csv"}, include_in_schema=False)
async def notices_csv(request: Req) -> Response[str]:
    """Return the search for spreadsheets."""
    lists, query = portal_of(request.app).lists(request), query_of(request)
    text = await asyncio.to_thread(exports.as_csv, lists, query, lang_of(request))
    headers = {"content-disposition": 'attachment; filename="notices.csv"'}
    return Response(text, media_type="text/csv", headers=headers)


@get("/notices.atom", opt={"permission": "page.notices.atom"}, include_in_schema=False)
async def notices_atom(request: Req) -> Response[bytes]:
    """Return the newest notices as a feed."""
    lists, query = portal_of(request.app).lists(request), query_of(request)
    data = await asyncio.to_thread(exports.as_atom, lists, query, lang_of(request))
    return Response(data, media_type="application/atom+xml; charset=utf-8")


@get("/openings", opt={"permission": "page.openings"}, include_in_schema=False)
async def openings(request: Req) -> Response[str]:
    """Show the openings (开标安排)."""
    return await serve(request, lambda: portal_of(request.app).lists(request).openings())


@get("/openings.ics", opt={"permission": "page.openings.ics"}, include_in_schema=False)
async def openings_ics(request: Req) -> Response[str]:
    """Return openings to come as a calendar."""
    lists = portal_of(request.app).lists(request)
    text = await asyncio.to_thread(exports.as_calendar, lists, lang_of(request))
    return Response(text, media_type="text/calendar")


# --- one case -----------------------------------------------------------------------------------------------------


@get("/notices/{case:str}", opt={"permission": "page.notice"}, include_in_schema=False)
async def notice(request: Req, case: FromPath[str]) -> Response[str]:
    """Show a case (项目页)."""
    portal = portal_of(request.app)

    def make() -> v.CasePage:
        may_export = _may_export(subject_of(request))
        maker = CaseMaker(
            portal.context, portal.shelf.dossier(case), portal.page(request), lang_of(request), may_export
        )
        return maker.make()

    return await serve(request, make)


@get("/openings/{case:str}", opt={"permission": "page.opening"}, include_in_schema=False)
async def opening(request: Req, case: FromPath[str]) -> Response[str]:
    """Show an opening hall (开标大厅)."""
    portal, subject = portal_of(request.app), subject_of(request)

    def make() -> v.OpeningPage:
        dossier = portal.shelf.dossier(case)
        return HallMaker(portal.context, dossier, portal.page(request), subject, _may_export(subject)).make()

    return await serve(request, make)


@get("/openings/{case:str}/feed", opt={"permission": "page.opening.feed"}, include_in_schema=False)
async def opening_feed(request: Req, case: FromPath[str]) -> Response[Any]:
    """
    Follow a hall (实时记录).

    ``Last-Event-ID``, or ``after`` where there is none, names the last line seen. Once a hall is closed the stream ends
    after its last line, and 204 tells the browser not to come again.
    """
    portal = portal_of(request.app)
    seen = str(request.headers.get("last-event-id") or request.query_params.get("after", ""))
    after = int(seen) if SEQUENCE.fullmatch(seen) else -1
    ended = await asyncio.to_thread(portal.ended, case)
    if ended is not None and ended <= after:
        return Response(None, status_code=204)
    return Watching(await live_of(request.app, portal.context.door.store).watch("hall", case, portal.told, after))


# --- standards and about ------------------------------------------------------------------------------------------


def _standards(request: Req) -> Standards:
    portal = portal_of(request.app)
    return Standards(portal.context.door.catalogue, today(portal.context), portal.page(request))


@get("/standards", opt={"permission": "page.standards"}, include_in_schema=False)
async def standards(request: Req) -> Response[str]:
    """Show the catalogue (标准目录)."""
    return await serve(request, lambda: _standards(request).index(request.query_params.get("q", "")[:200]))


@get("/standards.atom", opt={"permission": "page.standards.atom"}, include_in_schema=False)
async def standards_atom(request: Req) -> Response[bytes]:
    """Return what was decided on the standards as a feed (标准动态)."""
    portal, lang = portal_of(request.app), lang_of(request)
    context = portal.context
    data = await asyncio.to_thread(
        diary.as_atom, context.door.catalogue, context.public_url, portal.site.centre, today(context), lang
    )
    return Response(data, media_type="application/atom+xml; charset=utf-8")


@get("/standards.ics", opt={"permission": "page.standards.ics"}, include_in_schema=False)
async def standards_ics(request: Req) -> Response[str]:
    """Return what comes into force and what ends as a calendar (实施日历)."""
    context = portal_of(request.app).context
    text = await asyncio.to_thread(
        diary.as_calendar, context.door.catalogue, context.public_url, context.door.store.now(), lang_of(request)
    )
    return Response(text, media_type="text/calendar")


@get("/standards/{family:str}", opt={"permission": "page.family"}, include_in_schema=False)
async def family(request: Req, family: FromPath[str]) -> Response[str]:
    """Show the version of a family that is in force (标准页)."""
    return await serve(request, lambda: _standards(request).family(family, None))


@get("/standards/{family:str}/{version:str}", opt={"permission": "page.family.version"}, include_in_schema=False)
async def family_version(request: Req, family: FromPath[str], version: FromPath[str]) -> Response[str]:
    """Show one exact version of a family."""
    return await serve(request, lambda: _standards(request).family(family, version))


@get("/about", opt={"permission": "page.about"}, include_in_schema=False)
async def about(request: Req) -> Response[str]:
    """Show what this is and how to check it (关于)."""
    portal = portal_of(request.app)

    def make() -> v.AboutPage:
        page, (origin, size, root, _) = portal.page(request), log_state(portal.context)
        return v.AboutPage(
            site=page.site,
            now=page.now,
            path=page.path,
            node=portal.context.door.node.name,
            log_origin=origin,
            log_key=str(portal.context.door.node.log),
            log_size=size,
            log_root=root,
            peers=_peers(portal.context),
        )

    return await serve(request, make)


def _peers(context: Context) -> tuple[v.Peer, ...]:
    keys = context.door.node
    with context.door.store.read() as reading:
        latest = reading.latest()
        note = notes.parse_note(keys.checkpoint(latest, reading.cosignatures(latest.size))) if latest else None
    return tuple(
        v.Peer(centre_of(key.name), f"{key.name}+{key.key_id.hex()}", notes.cosigned_at(note, key) if note else None)
        for key in context.exporter.witnesses
    )


# --- checking -----------------------------------------------------------------------------------------------------


@get("/verify", opt={"permission": "page.verify"}, include_in_schema=False)
async def verify(request: Req) -> Response[str]:
    """Show the form for checking (核验)."""
    return await serve(request, lambda: _verify_page(request))


_LETTER_NUMBER: Final = re.compile(r"[A-Za-z0-9-]{1,64}")


def _verify_page(
    request: Req, *, text: str = "", verdict: v.Verdict | None = None, errors: tuple[FieldError, ...] = ()
) -> v.VerifyPage:
    page, letter = portal_of(request.app).page(request), request.query_params.get("letter", "")
    return v.VerifyPage(
        site=page.site,
        now=page.now,
        path=page.path,
        text=text,
        letter=letter if _LETTER_NUMBER.fullmatch(letter) else "",
        verdict=verdict,
        errors=errors,
    )


@post(
    "/verify",
    opt={"permission": "page.verify.post", "form": True},
    status_code=200,
    include_in_schema=False,
    request_max_body_size=UPLOAD_MAX + FORM_MAX,
)
async def verify_post(request: Req) -> Response[str]:
    """Check a pasted text or a file; nothing is kept."""
    portal, form = portal_of(request.app), await request.form()
    check_token(request, portal.context, str(form.get("csrf", "")))
    sent = form.get("file")
    data = await sent.read() if isinstance(sent, UploadFile) else b""
    text = str(form.get("text") or "")
    if not data and not text.strip():
        return _again(request, NOTHING)
    if not data and len(text.encode()) > TEXT_MAX:
        return _again(request, TOO_LONG)
    async with portal.verifications:
        verdict = await asyncio.to_thread(verify_file, data or text.encode(), portal.context)
    return html(request, _verify_page(request, text="" if data else text, verdict=verdict))


def _again(request: Req, error: FieldError) -> Response[str]:
    """Show a person the form again with what to mend; tell a program."""
    if not wants_page(str(request.scope["path"]), request.headers.get("accept", "")):
        raise Problem("BODY-INVALID", why=error.field)
    return html(request, _verify_page(request, errors=(error,)), status=422)


NOTHING: Final = FieldError(
    Label("请粘贴内容或选择一个文件", "Paste a text or choose a file"),
    field="text",
    hint=Label("两者选一即可。", "One of the two is enough."),
)
TOO_LONG: Final = FieldError(
    Label("粘贴的内容过长", "The text is too long"),
    field="text",
    hint=Label(
        "回执只有几千个字符；存证包请选择文件。", "A receipt has a few thousand characters; choose a file for evidence."
    ),
)


def check_token(request: Req, context: Context, token: str) -> None:
    """Refuse a form that does not show the token of its session (防跨站提交)."""
    subject = subject_of(request)
    if subject.via == "session" and not context.csrf_fits(token, subject.session_secret):
        raise Problem("CROSS-SITE")


# --- signing in ---------------------------------------------------------------------------------------------------


@get("/login", opt={"permission": "page.login"}, include_in_schema=False)
async def login(request: Req) -> Response[str]:
    """Show the form for signing in (登录)."""
    return await serve(request, lambda: _login_page(request, following=request.query_params.get("next", "")))


def _login_page(
    request: Req, *, username: str = "", following: str = "", errors: tuple[FieldError, ...] = ()
) -> v.LoginPage:
    page = portal_of(request.app).page(request)
    return v.LoginPage(
        site=page.site, now=page.now, path=paths.LOGIN, username=username, next=local_path(following), errors=errors
    )


async def _form(request: Req) -> dict[str, str]:
    """Read a small form."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise Problem("MEDIA-TYPE", expected="application/x-www-form-urlencoded")
    body = await read_bytes(request, FORM_MAX)
    try:
        found = parse_qs(body.decode("utf-8"), keep_blank_values=True, max_num_fields=20, errors="strict")
    except ValueError as error:
        raise Problem("REQUEST-INVALID") from error
    return {name: values[-1] for name, values in found.items()}


@post("/login", opt={"permission": "page.login.post", "form": True}, status_code=200, include_in_schema=False)
async def login_post(request: Req) -> Response[Any]:
    """Sign in with a fresh session, and go on where the visitor wanted to go."""
    portal, form = portal_of(request.app), await _form(request)
    check_token(request, portal.context, form.get("csrf", ""))
    username, following = form.get("username", "")[:80], form.get("next", "")
    try:
        party = await asyncio.to_thread(check_login, portal.context, request, username, form.get("password", ""))
    except Problem as problem:
        if not wants_page(str(request.scope["path"]), request.headers.get("accept", "")):
            raise
        wrong = (FieldError(Label(problem.text.zh, problem.text.en), field="username"),)
        page = _login_page(request, username=username, following=following, errors=wrong)
        return html(request, page, status=problem.status, headers=problem.headers)
    cookie, _ = open_session(portal.context, request, party)
    answer = Redirect(local_path(following), status_code=303, headers={"cache-control": "no-store"})
    answer.cookies.append(cookie)
    return answer


@post("/logout", opt={"permission": "page.logout", "form": True}, status_code=200, include_in_schema=False)
async def logout(request: Req) -> Response[Any]:
    """Sign out (退出): the session ends here, not only in the browser."""
    portal, form = portal_of(request.app), await _form(request)
    check_token(request, portal.context, form.get("csrf", ""))
    subject, scheme = subject_of(request), str(request.scope["scheme"])
    if subject.session_digest:
        portal.context.directory.close_session(subject.session_digest)
    answer = Redirect(paths.HOME, status_code=303, headers={"cache-control": "no-store", **CLEARED})
    gone = Cookie(
        session_cookie(scheme), value="", max_age=0, httponly=True, samesite="lax", secure=scheme == HTTPS, path="/"
    )
    answer.cookies.append(gone)
    return answer


# --- one's own account --------------------------------------------------------------------------------------------


def _account_page(request: Req, **more: Any) -> v.AccountPage:
    portal, subject = portal_of(request.app), subject_of(request)
    page, directory = portal.page(request), portal.context.directory
    return v.AccountPage(
        site=page.site,
        now=page.now,
        path=paths.ACCOUNT,
        party=str(directory.name(subject.party) or subject.party),
        sessions=len(directory.sessions(subject.party, page.now)),
        tokens=len(directory.tokens(subject.party)),
        **more,
    )


@get(paths.ACCOUNT, opt={"permission": "page.account"}, include_in_schema=False)
async def account(request: Req) -> Response[str]:
    """Show one's own account (我的账户)."""
    return await serve(request, lambda: _account_page(request))


@post(paths.ACCOUNT, opt={"permission": "page.account.post", "form": True}, status_code=200, include_in_schema=False)
async def account_post(request: Req) -> Response[str]:
    """Change the password, or end all other sessions, for who shows the password of now."""
    portal, form = portal_of(request.app), await _form(request)
    check_token(request, portal.context, form.get("csrf", ""))
    act: Literal["password", "sessions"] = "sessions" if form.get("act") == "sessions" else "password"
    username, password = form.get("username", "")[:80], form.get("password", "")
    try:
        if act == "password":
            new = form.get("new", "")
            await asyncio.to_thread(change_password, portal.context, request, username, password, new)
        else:
            await asyncio.to_thread(check_own, portal.context, request, username, password)
            subject = subject_of(request)
            portal.context.directory.end_sessions(subject.party, but=subject.session_digest)
    except Problem as problem:
        field = "new" if problem.code == "PASSWORD-REFUSED" else "password" if act == "password" else "password-again"
        wrong = (FieldError(Label(problem.text.zh, problem.text.en), field=field),)
        page = _account_page(request, username=username, errors=wrong)
        return html(request, page, status=problem.status, headers=problem.headers)
    return html(request, _account_page(request, username=username, done=act))


# --- static files -------------------------------------------------------------------------------------------------


@cache
def static_files() -> dict[str, tuple[bytes, str]]:
    """Return the static files by name, with the version that their address carries."""
    root = render.STATIC_DIRECTORY
    found = {str(PurePosixPath(p.relative_to(root))): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}
    return {name: (data, hashlib.sha256(data).hexdigest()[:16]) for name, data in found.items()}


@get(f"{paths.STATIC}/{{path:path}}", opt={"permission": "static"}, include_in_schema=False)
async def static(request: Req, path: FromPath[str]) -> Response[bytes]:
    """Return a static file; for ever to be kept where the address names its content (静态文件)."""
    name = path.lstrip("/")
    found = static_files().get(name)
    if found is None:
        raise Problem("NOT-FOUND")
    data, version = found
    tag = f'"{version}"'
    headers = {"etag": tag, "cache-control": IMMUTABLE if request.query_params.get("v") == version else BRIEF}
    if tag in request.headers.get("if-none-match", ""):
        return Response(b"", status_code=304, headers=headers)
    media = MEDIA.get(PurePosixPath(name).suffix, MediaType.TEXT)
    return Response(data, media_type=media, headers=headers)


HANDLERS: Final = [
    home,
    notices,
    notices_csv,
    notices_atom,
    notice,
    openings,
    openings_ics,
    opening,
    opening_feed,
    standards,
    standards_atom,
    standards_ics,
    family,
    family_version,
    verify,
    verify_post,
    about,
    login,
    login_post,
    logout,
    account,
    account_post,
    static,
]
