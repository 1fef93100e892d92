"""
Standards over HTTP (标准接口): schemas, code lists, parameters, procedures, validation without filing.

What has a version is sent without asking a clock or a database; what depends on a day takes it as ``as_of``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, SkipValidation
from litestar.response import Redirect

from tradehall.desk.evidence import rule_json
from tradehall.kernel.case import legal_date
from tradehall.kernel.record import SchemaRef
from tradehall.web.accepting import best_of
from tradehall.web.api.context import Context
from tradehall.web.api.editions import API, PAGES, SCHEMA_JSON, sent
from tradehall.web.body import read_object
from tradehall.web.problems import Problem
from tradehall_standards.lifecycle import CITABLE, dated

if TYPE_CHECKING:
    from tradehall_standards import Catalogue, CodeList, Finding, Json, Version

Req = Request[Any, Any, Any]
Ctx = NamedDependency[SkipValidation[Context]]
FORMS = ("bundle", "source")
HTML = "text/html"
LATEST = "latest"
MAJOR = re.compile("0|[1-9][0-9]{0,4}")


def _day(request: Req, context: Context) -> date:
    """Return the day that ``as_of`` names, else today."""
    return _named_day(request, "as_of") or legal_date(context.door.store.now())


def _named_day(request: Req, name: str) -> date | None:
    text = request.query_params.get(name)
    if text is None:
        return None
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
    """
    Return the version of a family to cite today, or in a case (``case``), which pins it (应引用的版本).

    ``as_of`` asks for another day, ``as_known_on`` for what was known of it then.
    """
    case = request.query_params.get("case")
    if case is not None and family in context.door.catalogue.families():
        ref = context.desk.cited(case, family)
        version = context.door.catalogue.version(family, ref.version) if ref else None
    else:
        known_on = _named_day(request, "as_known_on") or date.max
        version = context.door.catalogue.resolve(family, _day(request, context), known_on)
    if version is None:
        raise Problem("NOT-FOUND")
    return version_json(version)


@get("/schemas/{family:str}/versions", opt={"permission": "schema.versions"})
async def schema_versions(request: Req, context: Ctx, family: FromPath[str]) -> dict[str, Any]:
    """
    Return all versions of a family, oldest first, each with its state on a day (全部版本).

    ``as_of`` is the day, ``as_known_on`` the day as of which decisions are known; both are today without them.
    """
    catalogue, on = context.door.catalogue, _day(request, context)
    known_on = _named_day(request, "as_known_on") or legal_date(context.door.store.now())
    found = catalogue.versions(family)
    if not found:
        raise Problem("NOT-FOUND")
    states = catalogue.states(family, on, known_on)
    items = [version_json(v) | {"state": states[v.version], "dates": dates_json(v, known_on)} for v in found]
    return {"as_of": on.isoformat(), "as_known_on": known_on.isoformat(), "items": items}


def dates_json(version: Version, known_on: date) -> list[Json]:
    """Return what was decided on a version, as known on a day, by the day of effect (生命周期日期)."""
    return [
        {"event": d.event, "on": d.on.isoformat(), "known_from": d.known_from.isoformat()}
        for d in dated(version.decisions, known_on)
        if d.on is not None
    ]


@get("/schemas/{family:str}/{version:str}", opt={"permission": "schema.see"})
async def schema_see(request: Req, context: Ctx, family: FromPath[str], version: FromPath[str]) -> Response[Any]:
    """
    Return the bundle of one exact version: what runs, and what its digest is taken over.

    ``form=source`` gives the schema as its authors wrote it, before references and code lists are put in. Whoever
    prefers ``text/html`` is led to the page.
    """
    found = context.door.catalogue.version(family, version)
    if found is None:
        raise Problem("NOT-FOUND")
    return _shown(request, context.door.catalogue, found)


def _shown(request: Req, catalogue: Catalogue, version: Version) -> Response[Any]:
    form = request.query_params.get("form", FORMS[0])
    if form not in FORMS:
        raise Problem("PARAMETER-INVALID", why="form")
    if _prefers_page(request):
        return Redirect(f"{PAGES}/{version.id}", status_code=303, headers={"Vary": "Accept"})
    return sent(request, catalogue, version, "source" if form == "source" else "bundle")


def _prefers_page(request: Req) -> bool:
    return best_of(request.headers.get("accept", ""), (SCHEMA_JSON, "application/json", HTML)) == HTML


@get("/schemas/{family:str}/{version:str}", opt={"permission": "schema.id"})
async def schema_id(request: Req, context: Ctx, family: FromPath[str], version: FromPath[str]) -> Response[Any]:
    """
    Return the schema at the address that its `$id` names, or lead a person to its page (标准标识地址).

    ``latest`` and the number of a major lead to the newest version that is in force; they are never cited.
    """
    catalogue = context.door.catalogue
    exact = catalogue.version(family, version)
    if exact is not None:
        return _shown(request, catalogue, exact)
    if version != LATEST and not MAJOR.fullmatch(version):
        raise Problem("NOT-FOUND")
    found = _newest(catalogue.versions(family), version, _day(request, context))
    if found is None:
        raise Problem("NOT-FOUND")
    base = PAGES if _prefers_page(request) else API
    return Redirect(f"{base}/{found.id}", status_code=303, headers={"Vary": "Accept"})


def _newest(versions: Sequence[Version], name: str, on: date) -> Version | None:
    """Return the newest version in force that ``latest`` or the number of a major stands for."""
    meant = [v for v in versions if name in (LATEST, v.version.partition(".")[0]) and v.state_on(on) in CITABLE]
    return meant[-1] if meant else None


# --- code lists -----------------------------------------------------------------------------------------------------


@get("/codelists", opt={"permission": "codelist.list"})
async def codelist_list(request: Req, context: Ctx) -> dict[str, Any]:
    """List the code lists with their edition of a day (代码表目录)."""
    catalogue, on = context.door.catalogue, _day(request, context)
    found = [catalogue.codelist(name, on) for name in catalogue.codelists()]
    return {"as_of": on.isoformat(), "items": [codelist_json(c) for c in found if c is not None]}


def codelist_json(found: CodeList) -> dict[str, Json]:
    """Return a code list as the catalogue lists it (代码表条目)."""
    return {
        "list": found.name,
        "version": found.version,
        "title": {"zh": found.zh, "en": found.en},
        "closed": found.closed,
        "codes": len(found.rows),
        "digest": found.digest,
    }


@get("/codelists/{name:str}", opt={"permission": "codelist.see"})
async def codelist_see(request: Req, context: Ctx, name: FromPath[str]) -> dict[str, Any]:
    """Return a code list as of a date (代码表): every code, from when to when it may be used, and what replaced it."""
    on = _day(request, context)
    found = context.door.catalogue.codelist(name, on)
    if found is None:
        raise Problem("NOT-FOUND")
    return {**codelist_json(found), "as_of": on.isoformat(), "items": codes_json(found, on)}


def codes_json(found: CodeList, on: date) -> list[Json]:
    """Return the codes of a list, each with whether it may be used on a day (代码)."""
    return [
        {
            "code": row.code,
            "label": {"zh": row.zh, "en": row.en},
            "valid": row.is_valid_on(on),
            "valid_from": row.valid_from.isoformat(),
            "valid_to": row.valid_to.isoformat() if row.valid_to else None,
            "replaced_by": row.replaced_by,
            "source": row.source,
        }
        for row in found.rows
    ]


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
    valid = not any(f.severity == "block" for f in found)
    return {"schema": version.id, "valid": valid, "findings": [finding_json(f) for f in found]}


def finding_json(found: Finding) -> dict[str, Json]:
    """Return one finding of a check (校验结果)."""
    return {
        "pointer": found.pointer,
        "rule": found.rule,
        "message": {"zh": found.message_zh, "en": found.message_en},
        "clause": found.clause,
        "severity": found.severity,
    }


ROOT_HANDLERS = [schema_id]
HANDLERS = [
    schema_list,
    schema_current,
    schema_versions,
    schema_see,
    codelist_list,
    codelist_see,
    parameters_see,
    procedure_list,
    procedure_see,
    validate,
]
