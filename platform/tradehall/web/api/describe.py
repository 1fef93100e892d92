"""
The interface document (接口说明, OpenAPI 3.1): what the framework knows of the routes, and what ``acts`` says of them.

Handlers read bodies by the strict parser, so the framework knows paths and names only. Everything else comes from
tables that something else checks too: permissions, refusals, published schemas, ``ACTS``.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

import orjson

from tradehall.kernel.refusal import KINDS, Text
from tradehall.web.api import samples
from tradehall.web.api.acts import ACTS, HEADERS, JSON, NONE, PARAMETERS, Act, Answer, Body, Parameter
from tradehall.web.api.samples import Example
from tradehall.web.api.shapes import SHAPES, Shape, ref
from tradehall.web.permissions import BY_NAME, EVERYONE, LOGGED_IN, Permission
from tradehall.web.problems import PROBLEM_JSON, body_of, explained
from tradehall.web.security import SAFE_METHODS

if TYPE_CHECKING:
    from litestar import Litestar

    from tradehall.desk.accept import Door
    from tradehall_standards import Json

SCHEMAS: Final = "/api/v1/schemas"
TAGS: Final[Mapping[str, tuple[str, Text]]] = {
    "accounts": (
        "session password token party certificate",
        Text("账户、令牌、证书", "Accounts, tokens, certificates"),
    ),
    "standards": (
        "schema codelist parameters procedure validate compat draft",
        Text("数据标准与法定参数", "Standards and law"),
    ),
    "records": ("record receipt vault", Text("记录、回执、文件", "Records, receipts, files")),
    "cases": ("case opening draw tie guarantee report changes", Text("项目与中心主持的步骤", "Cases and acts")),
    "open data": ("ocds", Text("开放合同数据", "Open contracting data")),
    "cities": ("city", Text("城市间交换", "Exchange between cities")),
    "proof": ("clock node log witness health problem", Text("时间、日志、见证", "Clock, log, witnesses")),
}
ABOUT: Final = Text(
    "一切记录经同一入口 `POST /api/v1/records` 受理：严格解析、签名、标准、程序，受理得签名回执，拒收得签名拒收回执。"
    "金额为十进制字符串，时刻为带时区的 RFC 3339。错误为 RFC 9457，`type` 指向 `/problems/{code}`，中英文并列。",
    "Every record enters by one door, `POST /api/v1/records`: strict parser, signature, schema, procedure; what is "
    "accepted gets a signed receipt, what is refused a signed refusal. Amounts are decimal strings, instants RFC 3339 "
    "with offset. Problems are RFC 9457; their `type` opens `/problems/{code}`, in Chinese and English. Version 1 only "
    "grows: members and routes may be added, none is removed or changes its meaning.",
)
SECURITY: Final[Shape] = {
    "token": {"type": "http", "scheme": "bearer", "bearerFormat": "th_…"},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "__Host-th",
        "description": "session of a browser; `th` over plain HTTP on this machine",
    },
    "csrf": {
        "type": "apiKey",
        "in": "header",
        "name": "X-CSRF-Token",
        "description": "shown by `GET /api/v1/sessions/current`; needed with a session for unsafe methods",
    },
}
_TOKEN: Final[Json] = {"token": []}
_SESSION: Final[Json] = {"session": []}
_SESSION_UNSAFE: Final[Json] = {"session": [], "csrf": []}
FILLERS: Final[Mapping[str, str]] = {
    "why": "digest",
    "expected": "application/json",
    "offset": "8388608",
    "seconds": "4",
    "at": "2026-03-25 09:30:00.000",
    "deadline": "2026-03-25 09:30:00.000",
    "case": samples.TENDER,
    "lot": "L1",
    "state": "tendering",
    "family": "award_notice",
    "roles": "tenderer",
    "schema": "project/1.0.0",
    "kid": samples.KID,
    "first": samples.FILE_DIGEST,
    "signer": samples.AUTHOR,
    "author": samples.HOLDER,
    "count": "2",
    "needed": "3",
    "request": "adc03787b0215071",
}
"""What stands in the places of the sentences of sample problems."""


def describe(openapi: Mapping[str, Any], door: Door, handlers: Mapping[str, str]) -> dict[str, Json]:
    """
    Return the whole document (接口说明).

    Args:
        openapi: what the framework made of the routes; only paths and methods count.
        door: whose catalogue, parameters and procedures the examples are taken from.
        handlers: permission name → docstring of its handler.

    Raises:
        LookupError: a route has no row in ``ACTS``.
    """
    found = {(row.method, row.path): row for row in BY_NAME.values()}
    writer = _Writer(door, handlers)
    paths: dict[str, Json] = {}
    for path, methods in cast("Mapping[str, Mapping[str, Any]]", openapi["paths"]).items():
        rows = {method: found[method.upper(), path] for method in methods if method.upper() in _METHODS}
        paths[path] = {method: writer.operation(row) for method, row in rows.items()}
    return {
        "openapi": "3.1.0",
        "info": {**openapi["info"], "description": f"{ABOUT.zh}\n\n{ABOUT.en}", "license": _LICENSE},
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": f"{t.zh} · {t.en}"} for name, (_, t) in TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": {**SHAPES, "Envelope": _envelope(door)},
            "securitySchemes": SECURITY,
        },
    }


def document(app: Litestar, door: Door) -> bytes:
    """Return the document of an application as JSON (接口说明)."""
    return orjson.dumps(describe(app.openapi_schema.to_schema(), door, docstrings(app)))


_METHODS: Final = frozenset({"GET", "POST", "PUT", "DELETE"})
_LICENSE: Final[Json] = {"name": "Apache-2.0", "identifier": "Apache-2.0"}


def docstrings(app: Litestar) -> dict[str, str]:
    """Return the docstring of every handler by the name of its permission (处理函数说明)."""
    found: dict[str, str] = {}
    for route in app.routes:
        for handler in getattr(route, "route_handlers", ()):
            name = str(handler.opt.get("permission", ""))
            found[name] = inspect.getdoc(handler.fn) or ""
    return found


def _envelope(door: Door) -> Shape:
    """Return the shape of an envelope: which published schema its payload follows, by family and version."""
    cases: list[Json] = []
    for family in door.catalogue.families():
        for version in door.catalogue.versions(family):
            cited: Shape = {"id": {"const": family}, "version": {"const": version.version}}
            cases.append(
                {
                    "if": {"properties": {"schema": {"properties": cited}}},
                    "then": {"properties": {"payload": {"$ref": f"{SCHEMAS}/{version.id}"}}},
                }
            )
    return {**SHAPES["Envelope"], "allOf": cases}


@dataclass(frozen=True, slots=True)
class _Writer:
    """Writes the operations of one document."""

    door: Door
    handlers: Mapping[str, str]

    def operation(self, row: Permission) -> Shape:
        """Return one operation."""
        act = ACTS[row.name]
        told = self.handlers.get(row.name, "").replace("``", "`")
        written: Shape = {
            "operationId": row.name,
            "tags": [_tag(row.name)],
            "summary": f"{act.title.zh} · {act.title.en}",
            "description": f"{act.told}\n\n{told}\n\n{_who(row)}",
            "parameters": [_parameter(p) for p in _parameters(row, act)],
            "responses": self.responses(row, act),
            "security": _security(row),
        }
        return written | ({"requestBody": self.body(act.body)} if act.body else {})

    def body(self, body: Body) -> Shape:
        """Return what is taken, with examples and what each is answered with."""
        examples = body.examples(self.door) if callable(body.examples) else body.examples
        content: Shape = {"schema": body.shape, "examples": {e.name: _example(e) for e in examples}}
        return {"required": body.required, "content": {body.media: content}}

    def responses(self, row: Permission, act: Act) -> Shape:
        """Return successes, then problems by status."""
        written: Shape = {str(status): self.answer(answer) for status, answer in act.answers.items()}
        for status, codes in problems_of(row, act).items():
            if str(status) not in written:
                written[str(status)] = self.problem(codes)
        return dict(sorted(written.items())) | {"default": _problem("其他错误 Any other problem", {})}

    def answer(self, answer: Answer) -> Shape:
        """Return one answer with its example."""
        written: Shape = {"description": f"{answer.told.zh} {answer.told.en}"}
        if answer.headers:
            written["headers"] = {name: _header(name) for name in answer.headers}
        if answer.media == NONE:
            return written
        sample = answer.sample(self.door) if callable(answer.sample) else answer.sample
        written["content"] = {answer.media: {"schema": answer.shape, "examples": {"sample": {"value": sample}}}}
        return written

    def problem(self, codes: Sequence[str]) -> Shape:
        """Return the problems of one status, one example each."""
        examples = {code: {"value": self.sample_problem(code)} for code in codes}
        return _problem(" · ".join(f"`{code}`" for code in codes), cast("Shape", examples))

    def sample_problem(self, code: str) -> Json:
        """Return a problem as the node would write it."""
        status, text, clause = cast("tuple[int, Text, str]", explained(code))
        filled = text.filled(FILLERS)
        signed = samples.refusal_of(self.door, code, filled, clause) if code in KINDS else None
        errors: Json = [_SCHEMA_FAULT] if code == "SCHEMA-INVALID" else None
        return body_of(code, status, filled, "zh", clause=clause, errors=errors, refusal=signed)


_SCHEMA_FAULT: Final[Json] = {
    "pointer": "/envelope/payload/lots/0/ceiling/amount",
    "rule": "pattern",
    "message": {"zh": "“金额”格式不对", "en": "“Amount” has the wrong form"},
    "clause": "tender_notice/1.0.0#/properties/lots",
}


def problems_of(row: Permission, act: Act) -> dict[int, list[str]]:
    """Return the codes a route can answer with, by status (可能的错误)."""
    codes = dict.fromkeys(act.problems)
    if act.body is not None and act.body.media == JSON:
        codes |= dict.fromkeys(("BODY-INVALID", "TOO-LARGE", "MEDIA-TYPE"))
    elif act.body is not None:
        codes |= {"TOO-LARGE": None}
    if row.roles != EVERYONE:
        codes |= {"LOGIN-REQUIRED": None}
        codes |= {} if row.roles == LOGGED_IN else {"FORBIDDEN": None}
    if row.method not in SAFE_METHODS:
        codes |= {"CROSS-SITE": None}
    found: dict[int, list[str]] = {}
    for code in codes:
        found.setdefault(_status(code), []).append(code)
    return found


def _status(code: str) -> int:
    known = explained(code)
    if known is None:
        raise LookupError(f"{code} is no documented problem")
    return known[0]


def _problem(told: str, examples: Shape) -> Shape:
    content: Shape = {"schema": ref("Problem")}
    if examples:
        content["examples"] = examples
    return {"description": told, "content": {PROBLEM_JSON: content}}


def _example(example: Example) -> Shape:
    """Return a request example; ``x-answer`` says what it is answered with (``samples.Example``)."""
    answer: Shape = {"status": example.status}
    if example.code:
        answer["code"] = example.code
    return {"summary": f"{example.told.zh} · {example.told.en}", "value": example.value, "x-answer": answer}


def _parameters(row: Permission, act: Act) -> Iterator[Parameter]:
    yield from (PARAMETERS[part] for part in row.path.split("/") if part.startswith("{"))
    yield from (PARAMETERS[name] for name in act.takes)
    yield PARAMETERS["Accept-Language"]


def _parameter(parameter: Parameter) -> Shape:
    told = f"{parameter.told.zh} · {parameter.told.en}"
    written: Shape = {"name": parameter.name, "in": parameter.place, "description": told, "schema": parameter.shape}
    return (
        written | {"required": parameter.required} | ({"example": parameter.sample} if parameter.sample != "" else {})
    )


def _header(name: str) -> Shape:
    told, shape = HEADERS[name]
    return {"description": f"{told.zh} {told.en}", "schema": shape}


def _tag(name: str) -> str:
    first = name.partition(".")[0]
    return next(tag for tag, (heads, _) in TAGS.items() if first in heads.split())


def _who(row: Permission) -> str:
    """Return the row of the permission table as a sentence."""
    roles = "人人 everyone" if row.roles == EVERYONE else ", ".join(f"`{role}`" for role in row.roles)
    relation = "" if row.relation == "any" else f"; relation `{row.relation}`"
    note = f" ({row.note})" if row.note else ""
    return f"**权限 Who**: {roles}{relation}{note}."


def _security(row: Permission) -> Json:
    session = _SESSION if row.method in SAFE_METHODS else _SESSION_UNSAFE
    return [{}, _TOKEN, session] if row.roles == EVERYONE else [_TOKEN, session]
