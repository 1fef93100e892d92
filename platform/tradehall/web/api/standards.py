"""
Standards over HTTP (标准接口): schemas, code lists, parameters, procedures, validation without filing.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, SkipValidation

from tradehall.desk.evidence import rule_json
from tradehall.kernel.case import legal_date
from tradehall.kernel.record import SchemaRef
from tradehall.web.api.context import Context
from tradehall.web.api.tags import is_at_hand
from tradehall.web.body import read_object
from tradehall.web.problems import Problem

if TYPE_CHECKING:
    from tradehall_standards import Json, Version

Req = Request[Any, Any, Any]
Ctx = NamedDependency[SkipValidation[Context]]
FOREVER = "public, max-age=31536000, immutable"


def _day(request: Req, context: Context, name: str = "as_of") -> date:
    text = request.query_params.get(name)
    if text is None:
        return legal_date(context.door.store.now())
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise Problem("PARAMETER-INVALID", why=name) from error


@get("/schemas", opt={"permission": "schema.list"})
async def schema_list(request: Req, context: Ctx) -> dict[str, Any]:
    """List all families with the version in force on a date (标准目录); ``as_of`` chooses the date."""
    on = _day(request, context)
    catalogue = context.door.catalogue
    found = [catalogue.resolve(family, on) for family in catalogue.families()]
    return {"as_of": on.isoformat(), "items": [version_json(v) for v in found if v is not None]}


def version_json(version: Version) -> dict[str, Json]:
    """Return a version as the catalogue lists it (标准条目)."""
    titles = version.titles.get("", {})
    return {
        "family": version.family,
        "version": version.version,
        "digest": version.digest,
        "title": {"zh": titles.get("zh", ""), "en": titles.get("en", "")},
        "disclosure": version.disclosure,
        "in_force_from": version.in_force_from.isoformat(),
    }


@get("/schemas/{family:str}", opt={"permission": "schema.current"})
async def schema_current(request: Req, context: Ctx, family: FromPath[str]) -> dict[str, Any]:
    """Return the version of a family to cite today, or in a case (``case``), which pins it (应引用的版本)."""
    case = request.query_params.get("case")
    if case is not None and family in context.door.catalogue.families():
        ref = context.desk.cited(case, family)
        version = context.door.catalogue.version(family, ref.version) if ref else None
    else:
        version = context.door.catalogue.resolve(family, _day(request, context))
    if version is None:
        raise Problem("NOT-FOUND")
    return version_json(version)


@get("/schemas/{family:str}/{version:str}", opt={"permission": "schema.see"})
async def schema_see(request: Req, context: Ctx, family: FromPath[str], version: FromPath[str]) -> Response[Any]:
    """Return the bundle of one exact version: what runs, and what its digest is taken over."""
    found = context.door.catalogue.version(family, version)
    if found is None:
        raise Problem("NOT-FOUND")
    tag = f'"{found.digest}"'
    headers = {"ETag": tag, "Cache-Control": FOREVER}
    if is_at_hand(request, tag):
        return Response(None, status_code=304, headers=headers)
    return Response(dict(found.bundle), media_type="application/schema+json", headers=headers)


@get("/codelists/{name:str}", opt={"permission": "codelist.see"})
async def codelist_see(request: Req, context: Ctx, name: FromPath[str]) -> dict[str, Any]:
    """Return a code list as of a date (代码表)."""
    on = _day(request, context)
    found = context.door.catalogue.codelist(name, on)
    if found is None:
        raise Problem("NOT-FOUND")
    rows = [{"code": r.code, "label": {"zh": r.zh, "en": r.en}, "valid": r.is_valid_on(on)} for r in found.rows]
    return {"list": name, "version": found.version, "as_of": on.isoformat(), "items": rows}


@get("/parameters/{regime:str}", opt={"permission": "parameters.see"})
async def parameters_see(request: Req, context: Ctx, regime: FromPath[str]) -> dict[str, Any]:
    """Return the law's numbers for a regime and region as of a date (法定参数)."""
    on = _day(request, context)
    found = context.door.parameters.select(regime, request.query_params.get("region"), on)
    if not found:
        raise Problem("NOT-FOUND")
    return {"regime": regime, "as_of": on.isoformat(), "items": [rule_json(found[k]) for k in sorted(found)]}


@get("/procedures", opt={"permission": "procedure.list"})
async def procedure_list(context: Ctx) -> dict[str, Any]:
    """List the procedures (程序目录)."""
    found = context.door.procedures.values()
    return {"items": [{"id": p.id, "title": {"zh": p.title.zh, "en": p.title.en}} for p in found]}


@get("/procedures/{ident:str}", opt={"permission": "procedure.see"})
async def procedure_see(context: Ctx, ident: FromPath[str]) -> dict[str, Any]:
    """Return a procedure as a table (程序)."""
    found = context.door.procedures.get(ident)
    if found is None:
        raise Problem("NOT-FOUND")
    return dict(found.to_json())  # type: ignore[arg-type]


@post("/validate", opt={"permission": "validate"}, status_code=200)
async def validate(request: Req, context: Ctx) -> dict[str, Any]:
    """Check a payload against a version, storing nothing (在线校验)."""
    body = await read_object(request, "family", "payload", optional=("version",))
    family, on = str(body["family"]), legal_date(context.door.store.now())
    catalogue = context.door.catalogue
    version = catalogue.version(family, str(body["version"])) if "version" in body else catalogue.resolve(family, on)
    if version is None:
        raise Problem("NOT-FOUND")
    found = catalogue.check(SchemaRef(family, version.version, version.digest), body["payload"], on)
    findings = [
        {
            "pointer": f.pointer,
            "rule": f.rule,
            "message": {"zh": f.message_zh, "en": f.message_en},
            "clause": f.clause,
            "severity": f.severity,
        }
        for f in found
    ]
    return {"schema": version.id, "valid": not any(f.severity == "block" for f in found), "findings": findings}


HANDLERS = [
    schema_list,
    schema_current,
    schema_see,
    codelist_see,
    parameters_see,
    procedure_list,
    procedure_see,
    validate,
]
