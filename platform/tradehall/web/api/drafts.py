"""
Drafts over HTTP (标准草案接口): verdicts on two schemas, and on a draft against all that it would follow.

Nothing that is sent here is stored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from litestar import Request, post
from litestar.di import NamedDependency
from litestar.params import SkipValidation

from tradehall.kernel.case import legal_date
from tradehall.web.api.context import Context
from tradehall.web.body import read_object, text_member
from tradehall.web.comparing import comparisons_of
from tradehall.web.drafting import judge, verdict_json
from tradehall.web.problems import Problem
from tradehall_standards.archive import DraftError
from tradehall_standards.compat import Schema, comparison_to_json
from tradehall_standards.compat.versions import explain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradehall_standards import Json
    from tradehall_standards.compat.values import Value

Req = Request[Any, Any, Any]
Ctx = NamedDependency[SkipValidation[Context]]


def _wrong(pointer: str, rule: str, zh: str, en: str) -> Problem:
    error = {"pointer": pointer, "rule": rule, "message": {"zh": zh, "en": en}}
    return Problem("BODY-INVALID", why=rule, errors=[error])


def _schema(context: Context, body: Mapping[str, Json], name: str) -> Schema:
    """Return a schema that was sent, or the bundle of the published version that was named."""
    value = body[name]
    if isinstance(value, bool | dict):
        return cast("Schema", value)
    if isinstance(value, str):
        family, _, version = value.partition("/")
        found = context.door.catalogue.version(family, version)
        if found is not None:
            return cast("Schema", dict(found.bundle))
    raise _wrong(
        f"/{name}", "schema", "应为模式，或已发布标准的 类别/版本", "A schema, or the family/version of a published one"
    )


@post("/compat", opt={"permission": "compat"}, status_code=200)
async def compat(request: Req, context: Ctx) -> dict[str, Any]:
    """
    Compare two schemas in both directions (兼容性判定), each sent or named as family/version.

    Every answer is proved, refuted with a witness that two engines confirm, or unknown with the reason. ``samples`` are
    records whose words a witness may take. Nothing is stored.
    """
    body = await read_object(request, "old", "new", optional=("samples",))
    samples = body.get("samples", [])
    if not isinstance(samples, list):
        raise _wrong("/samples", "samples", "应为数组", "An array is expected")
    old, new = (_schema(context, body, name) for name in ("old", "new"))
    found = await comparisons_of(request.app).schemas(old, new, cast("list[Value]", samples))
    return comparison_to_json(found)


@post("/drafts", opt={"permission": "draft.judge"}, status_code=200)
async def draft_judge(request: Req, context: Ctx) -> dict[str, Any]:
    """
    Judge a drafted schema (草案判定): every lint, the verdicts against all versions of its major, the least version.

    The family is that of ``$id``, or ``family``. The draft is not kept.
    """
    body = await read_object(request, "schema", optional=("family",))
    schema = body["schema"]
    if not isinstance(schema, dict):
        raise _wrong("/schema", "schema", "应为对象", "An object is expected")
    family = text_member(body, "family", most=64) if "family" in body else ""
    on = legal_date(context.door.store.now())
    try:
        found = await judge(request.app, context.door.catalogue, schema, family, on)
    except DraftError as error:
        raise _wrong("/schema", "draft", error.message_zh, error.message_en) from error
    return verdict_json(found, explain(found.floor)[:-1])


HANDLERS = [compat, draft_judge]
