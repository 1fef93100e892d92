"""
Accounts (账户): log in, tokens, certificates, registration by the centre.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from base64 import b64decode, b64encode
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from litestar import Request, Response, delete, get, post
from litestar.datastructures import Cookie
from litestar.di import NamedDependency
from litestar.params import FromPath, SkipValidation

from tradehall.kernel.case import write_instant
from tradehall.web.access import SESSION_IDLE, Subject, session_ident, subject_of
from tradehall.web.api.context import Context
from tradehall.web.api.shapes import PARTY
from tradehall.web.body import read_object, text_member
from tradehall.web.problems import Problem
from tradehall.web.security import CLEARED, HTTPS, session_cookie

if TYPE_CHECKING:
    from tradehall_standards import Json

Req = Request[Any, Any, Any]
Ctx = NamedDependency[SkipValidation[Context]]
TOKEN_LIFE = timedelta(days=90)
CERTIFICATE_DAYS = 730
_PARTY = re.compile(str(PARTY["pattern"]))
ROLES = frozenset({"expert", "guarantor", "supervisor", "officer", "centre"})


def check_login(context: Context, request: Req, name: str, password: str) -> str:
    """
    Return the party of an account whose password fits (登录核验); takes a quarter of a second, so call it in a thread.

    Raises:
        Problem: LOGIN-FAILED for either; TOO-MANY while a delay runs. Failures count for account and address together,
            so that nobody can slow a rival down from elsewhere.
    """
    address = request.client.host if request.client else ""
    who = context.secret_digest(f"{name}\x1f{address}")
    now = context.door.store.now()
    before = context.directory.failures(who)
    wait = context.wait_seconds(*before, now) if before else 0
    if wait:
        raise Problem("TOO-MANY", seconds=wait, headers={"Retry-After": str(wait)})
    account = context.directory.account(name)
    party, stored = account or ("", "")
    fits = context.password_fits(password, stored)
    context.directory.note_login(who, now, failed=not (account and fits))
    if not (account and fits):
        raise Problem("LOGIN-FAILED")
    return str(party)


def open_session(context: Context, request: Req, party: str) -> tuple[Cookie, str]:
    """Open a fresh session, closing the one at hand: its id is never one a client brought (H1)."""
    old = subject_of(request)
    if old.session_digest:
        context.directory.close_session(old.session_digest)
    now, secret = context.door.store.now(), secrets.token_bytes(32)
    ident = session_ident(context.new_secret("ths_"), now)
    context.directory.open_session(context.secret_digest(ident), party, secret, now + SESSION_IDLE)
    scheme = str(request.scope["scheme"])
    name, secure = session_cookie(scheme), scheme == HTTPS
    cookie = Cookie(key=name, value=ident, path="/", httponly=True, samesite="lax", secure=secure)
    return cookie, context.csrf_token(secret)


@post("/sessions", opt={"permission": "session.open"}, status_code=201)
async def session_open(request: Req, context: Ctx) -> Response[Any]:
    """Log in (登录): a session cookie, and the token that unsafe requests must show."""
    body = await read_object(request, "name", "password")
    party = await asyncio.to_thread(
        check_login, context, request, text_member(body, "name"), text_member(body, "password")
    )
    cookie, token = open_session(context, request, party)
    return Response({"party": party, "csrf_token": token}, status_code=201, cookies=[cookie])


@get("/sessions/current", opt={"permission": "session.see"})
async def session_see(request: Req, context: Ctx) -> dict[str, Any]:
    """Tell who is logged in (当前用户)."""
    subject = subject_of(request)
    token = context.csrf_token(subject.session_secret) if subject.via == "session" else ""
    name = context.directory.name(subject.party)
    return {"party": subject.party, "name": name, "roles": sorted(subject.roles), "csrf_token": token}


@delete("/sessions/current", opt={"permission": "session.close"}, status_code=204)
async def session_close(request: Req, context: Ctx) -> Response[None]:
    """Log out (退出)."""
    subject = subject_of(request)
    if subject.session_digest:
        context.directory.close_session(subject.session_digest)
    return Response(None, status_code=204, headers=dict(CLEARED))


@get("/sessions", opt={"permission": "session.list"})
async def session_list(request: Req, context: Ctx) -> list[dict[str, Any]]:
    """List the caller's sessions (我的会话), by the beginning of what is stored of each."""
    subject = subject_of(request)
    found = context.directory.sessions(subject.party, context.door.store.now())
    return [
        {"id": digest[:16], "expires": write_instant(end), "current": digest == subject.session_digest}
        for digest, end in found
    ]


@post("/sessions/closing", opt={"permission": "session.end"}, status_code=204)
async def session_end(request: Req, context: Ctx) -> None:
    """
    End all sessions but the one at hand (终止其他会话), with the password once more.

    The centre may name another ``party``: all its sessions and tokens end, whether somebody has left or lost a device;
    with ``disable`` nobody logs in to its accounts any more until they are registered again.
    """
    body = await read_object(request, "name", "password", optional=("party", "disable"))
    subject, disable = subject_of(request), body.get("disable") is True
    whose = text_member(body, "party", most=64) if "party" in body else subject.party
    if whose != subject.party and not subject.is_centre:
        raise Problem("FORBIDDEN")
    await asyncio.to_thread(check_own, context, request, text_member(body, "name"), text_member(body, "password"))
    if whose == subject.party:
        context.directory.end_sessions(whose, but=subject.session_digest)
    else:
        if disable:
            context.directory.disable_accounts(whose)
        context.directory.end_sessions(whose, tokens=True)


@post("/password", opt={"permission": "password.change"}, status_code=204)
async def password_change(request: Req, context: Ctx) -> None:
    """
    Change the password of one's own account (修改口令), with the one of now.

    All other sessions and all tokens of the party end: whoever had learnt the old password keeps nothing.
    """
    body = await read_object(request, "name", "password", "new")
    name, password, new = (text_member(body, member) for member in ("name", "password", "new"))
    await asyncio.to_thread(change_password, context, request, name, password, new)


def check_own(context: Context, request: Req, name: str, password: str) -> None:
    """
    Check name and password once more, of the caller's own account (再次认证).

    Raises:
        Problem: as ``check_login``; LOGIN-FAILED also for an account of somebody else.
    """
    if check_login(context, request, name, password) != subject_of(request).party:
        raise Problem("LOGIN-FAILED")


def change_password(context: Context, request: Req, name: str, password: str, new: str) -> None:
    """
    Give the caller's account a new password and end everything else that is open (修改口令).

    Raises:
        Problem: as ``check_own``; PASSWORD-REFUSED for a new password that is too short or easy to guess.
    """
    check_own(context, request, name, password)
    subject = subject_of(request)
    record = context.hash_password(new, name, context.directory.name(subject.party))
    context.directory.set_account(name, subject.party, record)
    context.directory.end_sessions(subject.party, but=subject.session_digest, tokens=True)


@post("/tokens", opt={"permission": "token.make"}, status_code=201)
async def token_make(request: Req, context: Ctx) -> dict[str, Any]:
    """
    Make an API token (访问令牌): by session, or by name and password. It is shown once.

    Never by another token: else one that leaked would outlive its own revocation.
    """
    subject = subject_of(request)
    body = await read_object(request, "label", optional=("name", "password"))
    party = subject.party
    if "name" in body or subject.via != "session":
        if "name" not in body:
            raise Problem("LOGIN-REQUIRED")
        party = await asyncio.to_thread(
            check_login, context, request, text_member(body, "name"), text_member(body, "password")
        )
    token, ident = context.new_secret("th_"), secrets.token_hex(8)
    expires = context.door.store.now() + TOKEN_LIFE
    context.directory.add_token(ident, context.secret_digest(token), party, text_member(body, "label"), expires)
    return {"id": ident, "token": token, "party": party, "expires": write_instant(expires)}


@get("/tokens", opt={"permission": "token.list"})
async def token_list(request: Req, context: Ctx) -> list[dict[str, Any]]:
    """List the caller's tokens, without their secrets."""
    found = context.directory.tokens(subject_of(request).party)
    return [{"id": ident, "label": label, "expires": write_instant(expires)} for ident, label, expires in found]


@delete("/tokens/{ident:str}", opt={"permission": "token.drop"})
async def token_drop(request: Req, context: Ctx, ident: FromPath[str]) -> None:
    """Revoke a token (吊销令牌)."""
    if not context.directory.drop_token(ident, subject_of(request).party):
        raise Problem("NOT-FOUND")


@post("/parties", opt={"permission": "party.register"}, status_code=201)
async def party_register(request: Req, context: Ctx) -> dict[str, Any]:
    """Register a party and its first account (主体登记). Experts give stratum, city and employer."""
    body = await read_object(request, "id", "name", optional=("roles", "facts", "account", "password"))
    party = text_member(body, "id", most=64)
    if _PARTY.fullmatch(party) is None:
        text = {"zh": "主体标识格式不对", "en": "this is no id of a party"}
        raise Problem("BODY-INVALID", why="id", errors=[{"pointer": "/id", "rule": "party", "message": text}])
    roles, facts = _roles(body.get("roles")), _facts(body.get("facts"))
    if "expert" in roles and not {"stratum", "city", "employer"} <= facts.keys():
        text = {"zh": "专家须登记专业、城市和单位", "en": "an expert needs stratum, city and employer"}
        raise Problem("BODY-INVALID", why="facts", errors=[{"pointer": "/facts", "rule": "expert", "message": text}])
    name = text_member(body, "name")
    account = (text_member(body, "account", most=80), text_member(body, "password")) if "account" in body else None
    context.directory.register(party, name, roles, facts)
    if account is not None:
        password = await asyncio.to_thread(context.hash_password, account[1], account[0], name)
        context.directory.set_account(account[0], party, password)
    return {"id": party, "roles": sorted(roles)}


def _facts(value: Json) -> dict[str, Json]:
    """Return what the directory keeps of an expert; what it could not read again is refused here."""
    facts = value if isinstance(value, dict) else {}
    conflicts = facts.get("conflicts", [])
    pairs = conflicts if isinstance(conflicts, list) else [None]
    odd = value is not None and not isinstance(value, dict)
    odd |= any(name in facts and not isinstance(facts[name], str) for name in ("stratum", "city", "employer"))
    odd |= not all(isinstance(p, list) and [type(x) for x in p] == [str, str] for p in pairs)
    if odd:
        text = {"zh": "专家事项的格式不对", "en": "facts are not in their form"}
        raise Problem("BODY-INVALID", why="facts", errors=[{"pointer": "/facts", "rule": "facts", "message": text}])
    return facts


def _roles(value: Json) -> frozenset[str]:
    if value is None:
        return frozenset()
    names = [v for v in value if isinstance(v, str)] if isinstance(value, list) else [""]
    odd = [name for name in names if name not in ROLES]
    if odd:
        text = {"zh": f"没有角色 {odd[0]}", "en": f"there is no role {odd[0]}"}
        raise Problem("BODY-INVALID", why="roles", errors=[{"pointer": "/roles", "rule": "role", "message": text}])
    return frozenset(names)


@get("/parties", opt={"permission": "party.list"})
async def party_list(context: Ctx) -> list[dict[str, Any]]:
    """List registered parties."""
    return [{"id": p, "name": n, "roles": sorted(r)} for p, n, r in context.directory.parties()]


@post("/certificates", opt={"permission": "certificate.issue"}, status_code=201)
async def certificate_issue(request: Req, context: Ctx) -> dict[str, Any]:
    """
    Issue a certificate to the caller's own party (签发证书; demo authority).

    ``csr`` is a PKCS #10 request in DER, base64; so is the certificate in the answer.
    """
    body = await read_object(request, "csr")
    party = subject_of(request).party
    try:
        csr = b64decode(text_member(body, "csr", most=8192), validate=True)
    except ValueError as error:
        raise Problem("CERTIFICATE-REQUEST", why="base64") from error
    issued = context.issue_certificate(csr, party, context.directory.name(party), CERTIFICATE_DAYS)
    return _certificate_json(issued)


def _certificate_json(certificate: Any) -> dict[str, Any]:
    return {
        "kid": certificate.kid,
        "party": certificate.party,
        "not_before": write_instant(certificate.not_before),
        "not_after": write_instant(certificate.not_after),
        "revoked_at": None if certificate.revoked_at is None else write_instant(certificate.revoked_at),
        "certificate": b64encode(certificate.der).decode("ascii"),
    }


@get("/certificates/{kid:str}", opt={"permission": "certificate.see"})
async def certificate_see(request: Req, context: Ctx, kid: FromPath[str]) -> dict[str, Any]:
    """
    Return a registered certificate and whether it is revoked.

    Those of persons are for themselves, centre and supervisor: no expert's name must follow from a signature.
    """
    found, subject = context.directory.certificate(kid), subject_of(request)
    named = found is not None and found.party.startswith("person:")
    if found is None or (named and found.party != subject.party and not subject.roles & {"centre", "supervisor"}):
        raise Problem("NOT-FOUND")
    return _certificate_json(found)


@post("/certificates/{kid:str}/revocation", opt={"permission": "certificate.revoke"}, status_code=201)
async def certificate_revoke(request: Req, context: Ctx, kid: FromPath[str]) -> dict[str, Any]:
    """Revoke a certificate from now on (吊销证书)."""
    found, subject = context.directory.certificate(kid), subject_of(request)
    if found is None or not (subject.is_centre or found.party == subject.party):
        raise Problem("NOT-FOUND")
    context.directory.revoke(kid, context.door.store.now())
    return _certificate_json(context.directory.certificate(kid))


HANDLERS = [
    session_open,
    session_see,
    session_close,
    session_list,
    session_end,
    password_change,
    token_make,
    token_list,
    token_drop,
    party_register,
    party_list,
    certificate_issue,
    certificate_see,
    certificate_revoke,
]

__all__ = ["HANDLERS", "Subject", "change_password", "check_login", "check_own", "open_session"]
