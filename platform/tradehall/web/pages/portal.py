"""
The portal of one node (门户): what its pages share, and how a filled model becomes an answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import quote

from litestar import MediaType, Request, Response
from litestar.datastructures import Cookie

from tradehall.web.access import Subject, subject_of
from tradehall.web.api.context import Context
from tradehall.web.live import Told, block
from tradehall.web.pages.hall import feed, is_live
from tradehall.web.pages.lists import Line, Lists, line_of
from tradehall.web.pages.shelf import Board, Shelf
from tradehall.web.portal import paths, render
from tradehall.web.portal import views as v
from tradehall.web.portal.views import Label, Lang, Size
from tradehall.web.problems import language
from tradehall.web.security import HTTPS, cookie_name, headers_for

if TYPE_CHECKING:
    from litestar import Litestar

    from tradehall_standards import Json

Req = Request[Any, Any, Any]
YEAR_SECONDS: Final = 31_536_000
VERIFICATIONS: Final = 2
"""Files that are checked at the same time; more wait, so that checking can't keep bids from being filed."""

CENTRES: Final[Mapping[str, Label]] = {
    "chengdu": Label("成都示例公共资源交易中心", "Chengdu Example Trading Centre"),
    "deyang": Label("德阳示例公共资源交易中心", "Deyang Example Trading Centre"),
}
ROLES: Final[tuple[tuple[str, Label], ...]] = (
    ("centre", Label("交易中心", "Trading centre")),
    ("supervisor", Label("监督部门", "Supervisor")),
    ("officer", Label("经办人员", "Officer")),
    ("guarantor", Label("保函开立人", "Guarantor")),
    ("expert", Label("评标专家", "Evaluation expert")),
    ("party", Label("交易主体", "Party")),
)


@dataclass(frozen=True, slots=True)
class Portal:
    """What the pages of one node share (门户)."""

    context: Context
    site: v.Site
    shelf: Shelf
    board: Board
    verifications: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(VERIFICATIONS))

    def page(self, request: Req) -> v.Page:
        """Return what every page needs."""
        return v.Page(site=self.site, now=self.context.door.store.now(), path=path_of(request))

    def lists(self, request: Req) -> Lists:
        """Return the maker of lists."""
        return Lists(self.context, self.shelf, self.board, self.page(request))

    def told(self, case: str, after: int) -> tuple[list[Told], bool, bool]:
        """Return the lines of a hall after a sequence as events, that these are all, and whether more may come."""
        dossier = self.shelf.dossier(case)
        lines = feed(dossier, self.context, after)
        return (
            [Told(line.sequence, block("entry", _entry(line), line.sequence)) for line in lines],
            True,
            is_live(dossier),
        )

    def ended(self, case: str) -> int | None:
        """Return the last sequence of a hall that has closed, None while more may come."""
        dossier = self.shelf.dossier(case)
        if is_live(dossier):
            return None
        return max((line.sequence for line in feed(dossier, self.context)), default=-1)

    def user(self, subject: Subject) -> v.User | None:
        """Return who is signed in, for the head of the page."""
        if subject.via != "session":
            return None
        role = next(label for name, label in ROLES if name in subject.roles or name == "party")
        return v.User(str(self.context.directory.name(subject.party) or subject.party), role)


def installed_version() -> str:
    """Return the version of the installed program (程序版本); a program run from its source tree has none."""
    try:
        return metadata.version("tradehall")
    except metadata.PackageNotFoundError:
        return "source"


def centre_of(name: str) -> Label:
    """Return whose node it is, by its city or by a key name such as ``host/city/witness`` (交易中心名称)."""
    return next((CENTRES[part] for part in name.split("/") if part in CENTRES), Label(name, name))


def open_portal(context: Context) -> Portal:
    """Make the portal of a node."""
    site = v.Site(centre=centre_of(context.city), version=installed_version(), demo=context.advance is not None)
    shelf = Shelf(context)

    def line(case: str) -> Line | None:
        found = shelf.glance(case)
        return None if found is None else line_of(found, context)

    return Portal(context, site, shelf, Board(context, line))


def _entry(line: v.FeedEntry) -> dict[str, Json]:
    return {
        "sequence": line.sequence,
        "at": render.machine(line.at),
        "zh": line.text.zh,
        "en": line.text.en,
        "tone": line.tone,
    }


def portal_of(app: Litestar) -> Portal:
    """Return the portal of the node that an application serves; made with the first page."""
    found = app.state.get("portal")
    if found is None:
        found = open_portal(cast("Context", app.state["context"]))
        app.state["portal"] = found
    return cast("Portal", found)


# --- requests and answers -----------------------------------------------------------------------------------------


def path_of(request: Req) -> str:
    """Return path and query without what the cookies remember (当前网址)."""
    query = request.scope.get("query_string", b"").decode("ascii", "replace")
    path = quote(str(request.scope.get("path", "/")), safe="/:@")
    return paths.with_query(f"{path}?{query}", lang=None, size=None)


def lang_of(request: Req) -> Lang:
    """Return the language of a page: what the query says, else what was remembered, else what is preferred."""
    asked = request.query_params.get("lang")
    chosen = asked if asked in ("zh", "en") else language(request)
    return "en" if chosen == "en" else "zh"


def size_of(request: Req) -> Size:
    """Return the type size of a page (字号)."""
    asked = request.query_params.get("size") or request.cookies.get(cookie_name("size", str(request.scope["scheme"])))
    return "large" if asked == "large" else "normal"


def csrf_of(request: Req, context: Context) -> str:
    """Return the token for the forms of a session, empty without one."""
    subject = subject_of(request)
    return str(context.csrf_token(subject.session_secret)) if subject.via == "session" else ""


def html(
    request: Req,
    page: render.Model,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    cookies: Sequence[Cookie] = (),
) -> Response[str]:
    """Render a model as the answer to a request, and remember language and type size where the query set them."""
    portal, subject = portal_of(request.app), subject_of(request)
    lang, size = lang_of(request), size_of(request)
    scheme = str(request.scope["scheme"])  # never ``request.url``: it can't be built from every ``Host``
    text = render.render(page, lang=lang, size=size, csrf=csrf_of(request, portal.context), user=portal.user(subject))
    sent = {
        **headers_for(scheme),
        "content-language": "zh-CN" if lang == "zh" else "en",
        "cache-control": "no-store" if subject.party else "private, no-cache",
        "vary": "Cookie, Accept-Language",
        **(headers or {}),
    }
    kept = [
        Cookie(
            cookie_name(name, scheme),
            value=value,
            max_age=YEAR_SECONDS,
            samesite="lax",
            secure=scheme == HTTPS,
            path="/",
        )
        for name, value in (("lang", lang), ("size", size))
        if request.query_params.get(name) == value
    ]
    return Response(text, media_type=MediaType.HTML, status_code=status, headers=sent, cookies=[*kept, *cookies])


async def serve(request: Req, make: Callable[[], render.Model]) -> Response[str]:
    """Fill a model and render it, off the event loop."""
    return await asyncio.to_thread(lambda: html(request, make()))


def local_path(text: str) -> str:
    """Return a path of this site to go to after signing in; anything else becomes the front page (站内跳转)."""
    plain = text.isprintable() and "\\" not in text
    return text if plain and text.startswith("/") and not text.startswith("//") else paths.HOME


# --- errors -------------------------------------------------------------------------------------------------------


def error_page(request: Req, body: Mapping[str, Json], status: int, headers: Mapping[str, str]) -> Response[Any]:
    """Show a problem to a person (出错页): the same words as the JSON has, with what to do next."""
    portal = portal_of(request.app)
    base = portal.page(request)
    messages = cast("Mapping[str, str]", body.get("messages") or {})
    errors = cast("Sequence[Mapping[str, Any]]", body.get("errors") or ())
    page = v.ErrorPage(
        site=base.site,
        now=base.now,
        path=base.path,
        status=status,
        code=str(body.get("code", "")),
        reason=Label(messages.get("zh", ""), messages.get("en", "")),
        clause=str(body.get("clause", "") or ""),
        request_id=str(request.scope.get("state", {}).get("request_id", "")) if status >= 500 else "",  # noqa: PLR2004
        errors=tuple(_field_error(e) for e in errors),
    )
    return html(request, page, status=status, headers={"cache-control": "no-store", **headers})


def _field_error(error: Mapping[str, Any]) -> v.FieldError:
    message = cast("Mapping[str, str]", error.get("message") or {})
    return v.FieldError(Label(message.get("zh", ""), message.get("en", "")), pointer=str(error.get("pointer", "")))
