"""
Problems (错误应答): RFC 9457 bodies in both languages, for refusals and for all that can go wrong with a request.

Nothing of the inside leaks: an unexpected error is answered as INTERNAL, and logged with its request id, its type and
the places it passed. Never its message nor any variable: they may hold a price, a name or a token.
"""

from __future__ import annotations

import errno
import re
import sqlite3
import traceback
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, cast

import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException

from tradehall.desk.ports import StoreUnavailable
from tradehall.kernel.refusal import KINDS, Refusal, Text
from tradehall.web.security import cookie_name, headers_for

if TYPE_CHECKING:
    from tradehall_standards import Json

PROBLEM_JSON = "application/problem+json"

REQUEST_KINDS: Mapping[str, tuple[int, Text]] = {
    "BODY-INVALID": (400, Text("请求内容无法读取：{why}", "The body can't be read: {why}")),
    "PARAMETER-INVALID": (400, Text("请求参数不正确：{why}", "A parameter is not as required: {why}")),
    "REQUEST-INVALID": (400, Text("请求格式不正确", "The request is not well formed")),
    "LOGIN-REQUIRED": (401, Text("请先登录", "Please log in first")),
    "LOGIN-FAILED": (401, Text("用户名或密码不正确", "Name or password is wrong")),
    "FORBIDDEN": (403, Text("您没有此项权限", "You may not do this")),
    "CROSS-SITE": (403, Text("请求来自其他网站，已拒绝", "The request comes from another site")),
    "NOT-FOUND": (404, Text("没有找到", "There is nothing here")),
    "METHOD-NOT-ALLOWED": (405, Text("不支持这种请求方式", "This method is not supported here")),
    "OFFSET-WRONG": (409, Text("上传位置不符，应从 {offset} 继续", "Continue the upload at {offset}")),
    "TOO-LARGE": (413, Text("内容过大", "The body is too large")),
    "MEDIA-TYPE": (415, Text("不支持的内容类型，应为 {expected}", "Unsupported content type; send {expected}")),
    "UPLOAD-WRONG": (422, Text("文件与摘要不符", "The file does not have that digest")),
    "CERTIFICATE-REQUEST": (422, Text("证书申请无效：{why}", "The certificate request is not valid: {why}")),
    "PASSWORD-REFUSED": (422, Text("不能使用这个口令：{why}", "This password can't be used: {why}")),
    "TOO-MANY": (429, Text("尝试过于频繁，请 {seconds} 秒后再试", "Too many tries; wait {seconds} s")),
    "INTERNAL": (500, Text("系统内部错误，编号 {request}，记录未受损", "Internal error {request}; nothing was lost")),
    "UNAVAILABLE": (503, Text("服务暂不可用，请稍后重试", "Unavailable for a moment; please retry")),
}
"""Problems of requests, beside the refusals of ``tradehall.kernel.refusal``; both have a page under ``/problems/``."""

_BY_STATUS: Mapping[int, str] = {
    400: "REQUEST-INVALID",
    401: "LOGIN-REQUIRED",
    403: "FORBIDDEN",
    404: "NOT-FOUND",
    405: "METHOD-NOT-ALLOWED",
    413: "TOO-LARGE",
    415: "MEDIA-TYPE",
    429: "TOO-MANY",
    503: "UNAVAILABLE",
}
KEPT_OUT = frozenset({"LOGIN-REQUIRED", "LOGIN-FAILED", "FORBIDDEN", "CROSS-SITE", "TOO-MANY"})
"""Problems that keep somebody out (拒绝访问)."""

_PLACES_MAX = 60
_LEFT = "client disconnected prematurely"
"""What the framework says where a client has gone before its body was whole; it takes that for a fault of its own."""
_KEPT_HEADERS = frozenset({"allow", "retry-after"})
_DISK_FAILS = frozenset({errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE, errno.ENFILE})
_SQLITE_FAILS = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
    }
)
_QUALITY = re.compile(r"(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)")


class Problem(Exception):  # noqa: N818  - a problem of the request, not of the program
    """A request that can't be served (请求问题); raised by handlers, answered as RFC 9457."""

    def __init__(
        self,
        code: str,
        *,
        errors: Sequence[Mapping[str, Any]] = (),
        headers: Mapping[str, str] | None = None,
        **values: object,
    ) -> None:
        self.code = code
        self.status, text = REQUEST_KINDS[code]
        self.text = Text(*(_filled(text, values, lang) for lang in ("zh", "en")))
        self.errors = errors
        self.headers = dict(headers or {})
        super().__init__(self.text.en)


def _filled(text: Text, values: Mapping[str, object], lang: str) -> str:
    """Return a sentence in one language; values that are said in both languages are put in that one."""
    said = {k: str(getattr(v, lang) if isinstance(v, Text) else v) for k, v in values.items()}
    filled = text.filled(said)
    return filled.zh if lang == "zh" else filled.en


def language(request: Request[Any, Any, Any]) -> str:
    """Return ``zh`` or ``en`` (应答语言): the cookie of the pages, else what the client prefers, else ``zh``."""
    chosen = request.cookies.get(cookie_name("lang", str(request.scope.get("scheme", "http"))))
    return chosen if chosen in ("zh", "en") else preferred_language(request.headers.get("accept-language", ""))


def preferred_language(accepted: str) -> str:
    """Return ``zh`` or ``en``, whichever ``Accept-Language`` weighs more; ``zh`` when equal or neither (RFC 9110)."""
    weights = {"zh": 0.0, "en": 0.0}
    for item in accepted.split(","):
        tag, _, parameter = item.partition(";")
        name = tag.strip().lower().split("-")[0]
        quality = parameter.strip().lower().removeprefix("q=") or "1"
        if name in weights and _QUALITY.fullmatch(quality):
            weights[name] = max(weights[name], float(quality))
    return "en" if weights["en"] > weights["zh"] else "zh"


def body_of(code: str, status: int, text: Text, lang: str, **members: Json) -> dict[str, Json]:
    """Build a problem body."""
    sentence = text.zh if lang == "zh" else text.en
    body: dict[str, Json] = {
        "type": f"/problems/{code}",
        "title": sentence,
        "status": status,
        "detail": sentence,
        "code": code,
        "messages": {"zh": text.zh, "en": text.en},
    }
    return body | {k: v for k, v in members.items() if v}


def problem_response(
    body: Mapping[str, Json], status: int, headers: Mapping[str, str] | None = None, *, scheme: str = ""
) -> Response[Any]:
    """
    Return a problem as a response (错误应答).

    It brings the security headers itself: what the router refuses (no such path, no such method) never passes the
    middleware that gives them to all other answers.
    """
    sent = {**headers_for(scheme), "cache-control": "no-store", **(headers or {})}
    if status == 401:  # noqa: PLR2004  - RFC 9110 15.5.2 asks for it
        sent.setdefault("www-authenticate", "Bearer")
    return Response(dict(body), status_code=status, media_type=PROBLEM_JSON, headers=sent)


def refusal_response(refusal: Refusal, lang: str, signed: Mapping[str, Json] | None = None) -> Response[Any]:
    """Return a refusal of the door as a problem, with the signed refusal when there is one."""
    details = refusal.details or (
        ({"pointer": refusal.pointer, "rule": refusal.code, "zh": refusal.reason.zh, "en": refusal.reason.en},)
        if refusal.pointer
        else ()
    )
    # A malformed body is pointed at from its root; every other refusal is about the payload.
    root = "" if refusal.code == "FORM-INVALID" else "/envelope/payload"
    errors: list[Json] = [
        {
            "pointer": root + d["pointer"],
            "rule": d["rule"],
            "message": {"zh": d["zh"], "en": d["en"]},
            "clause": d.get("clause", ""),
        }
        for d in details
    ]
    body = body_of(
        refusal.code,
        refusal.status,
        refusal.reason,
        lang,
        clause=refusal.clause,
        errors=errors,
        refusal=dict(signed) if signed else None,
    )
    headers = {"Retry-After": "1"} if refusal.status == 503 else {}  # noqa: PLR2004
    return problem_response(body, refusal.status, headers)


def _answer(
    request: Request[Any, Any, Any], body: Mapping[str, Json], status: int, headers: Mapping[str, str] | None = None
) -> Response[Any]:
    """Answer a person with a page, a program with JSON (出错页); the application's state says who makes pages."""
    page = request.app.state.get("error_page")
    if page is not None and wants_page(str(request.scope["path"]), request.headers.get("accept", "")):
        return cast("Response[Any]", page(request, body, status, headers or {}))
    return problem_response(body, status, headers, scheme=str(request.scope.get("scheme", "http")))


def wants_page(path: str, accepted: str) -> bool:
    """Whether a browser asks, and for something else than the API."""
    return "text/html" in accepted.lower() and not path.startswith("/api/")


def handle_problem(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """Answer a ``Problem``; one that somebody was kept out by leaves a line in the log, without saying whom."""
    problem = cast("Problem", error)
    if problem.code in KEPT_OUT:
        handler = cast("object", request.scope.get("route_handler"))
        route = str(getattr(handler, "opt", {}).get("permission", ""))
        ident = str(request.scope.get("state", {}).get("request_id", ""))
        structlog.get_logger().warning("refused", request=ident, code=problem.code, route=route)
    errors = cast("Json", list(problem.errors))
    body = body_of(problem.code, problem.status, problem.text, language(request), errors=errors)
    return _answer(request, body, problem.status, problem.headers)


def handle_unavailable(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """Answer what the store can't do now; why goes to the log."""
    structlog.get_logger().error("store unavailable", why=str(error))
    return handle_problem(request, Problem("UNAVAILABLE", headers={"Retry-After": "1"}))


def handle_http(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """Answer what the framework refuses by itself: unknown routes, methods, parameters."""
    refused = cast("HTTPException", error)
    if refused.detail == _LEFT:
        return handle_problem(request, Problem("REQUEST-INVALID"))  # nobody reads it; nothing went wrong here
    if refused.status_code >= 500:  # noqa: PLR2004
        return handle_unexpected(request, error)
    if isinstance(refused, ValidationException):
        return handle_problem(request, _parameters(refused))
    code = _BY_STATUS.get(refused.status_code, "REQUEST-INVALID")
    status, text = REQUEST_KINDS[code]
    kept = {k: v for k, v in (refused.headers or {}).items() if k.lower() in _KEPT_HEADERS}
    filled = text.filled({"expected": "application/json", "seconds": "1"})
    body = body_of(code, status, filled, language(request))
    return _answer(request, body, status, kept)


def _parameters(error: ValidationException) -> Problem:
    """Name the parameters at fault, not their values."""
    found = cast("list[object]", error.extra) if isinstance(error.extra, list) else []
    names = [str(cast("dict[str, object]", item).get("key", "")) for item in found if isinstance(item, dict)]
    if not names:
        return Problem("REQUEST-INVALID")
    message = {"zh": "参数缺失或不合要求", "en": "missing, or not as required"}
    errors = [{"pointer": "", "parameter": name, "rule": "parameter", "message": message} for name in names]
    return Problem("PARAMETER-INVALID", why=", ".join(names), errors=errors)


def handle_unexpected(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """Answer what should not have happened; its type and the places it passed go to the log."""
    if _is_outage(error):
        return handle_unavailable(request, StoreUnavailable(type(error).__name__))
    ident = str(request.scope.get("state", {}).get("request_id", ""))
    structlog.get_logger().error("unexpected", request=ident, error=type(error).__name__, places=_places(error))
    status, text = REQUEST_KINDS["INTERNAL"]
    body = body_of("INTERNAL", status, text.filled({"request": ident}), language(request))
    return _answer(request, body, status)


def _is_outage(error: Exception) -> bool:
    """
    Whether a disk is full or broken, or a database away (存储故障): nothing is at fault here, and a later try may do.

    Reading needs a disk too: SQLite writes down which moment a reader sees.
    """
    cause: object = getattr(error, "orig", None) or error
    if isinstance(cause, OSError):
        return cause.errno in _DISK_FAILS
    if isinstance(cause, sqlite3.Error):
        return getattr(cause, "sqlite_errorcode", 0) & 0xFF in _SQLITE_FAILS
    # Each driver has a class of its own for a server that is away, but PEP 249 gives them one name.
    return "OperationalError" in {kind.__name__ for kind in type(cause).__mro__}


def _places(error: BaseException) -> list[str]:
    """Return file, line and function of every frame, innermost last, through all causes; no value of any of them."""
    places: list[str] = []
    seen: BaseException | None = error
    while seen is not None and len(places) < _PLACES_MAX:
        frames = traceback.extract_tb(seen.__traceback__)
        places += [f"{PurePath(f.filename).name}:{f.lineno} {f.name}" for f in frames]
        seen = seen.__cause__ or seen.__context__
        if seen is not None:
            places.append(f"from {type(seen).__name__}")
    return places[:_PLACES_MAX]


def explained(code: str) -> tuple[int, Text, str] | None:
    """Return status, sentence and clause of a problem code, for its page."""
    if code in KINDS:
        kind = KINDS[code]
        return kind.status, kind.text, kind.clause
    if code in REQUEST_KINDS:
        status, text = REQUEST_KINDS[code]
        return status, text, ""
    return None


EXCEPTION_HANDLERS = {
    Problem: handle_problem,
    HTTPException: handle_http,
    StoreUnavailable: handle_unavailable,
    Exception: handle_unexpected,
}

__all__ = [
    "EXCEPTION_HANDLERS",
    "PROBLEM_JSON",
    "REQUEST_KINDS",
    "Problem",
    "explained",
    "language",
    "problem_response",
    "refusal_response",
]
