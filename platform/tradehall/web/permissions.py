"""
Who may call what (权限表): the one reviewed table behind guards, documentation and the test matrix.

``relation`` narrows a row to parties that stand in a relation to the case or object; the handler answers 404 to anyone
else, so that nobody learns what exists. A start-up check refuses a route without a row and a row without a route.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from litestar.routes import ASGIRoute, HTTPRoute, WebSocketRoute

if TYPE_CHECKING:
    from litestar import Litestar
    from litestar.handlers import BaseRouteHandler
    from litestar.routes import BaseRoute

Relation = Literal["any", "self", "author", "party"]
"""``self``: the caller's own account; ``author``: who filed it; ``party``: a party of the case, or the centre."""

ROLES = ("public", "party", "expert", "guarantor", "supervisor", "officer", "centre")
"""``public`` has not logged in; ``party`` is any registered party that has; the others are registered roles."""

EVERYONE = ROLES
LOGGED_IN = ROLES[1:]
CENTRE = ("centre",)


@dataclass(frozen=True, slots=True)
class Permission:
    """One row (权限条目): a route, who may call it, and in what relation to its object."""

    name: str
    method: str
    path: str
    roles: tuple[str, ...]
    relation: Relation = "any"
    note: str = ""

    def allows(self, roles: Iterable[str]) -> bool:
        """Whether somebody with these roles may call the route at all."""
        return not set(self.roles).isdisjoint(roles)


Moment = Literal["sealed", "opened", "displayed"]
"""``sealed``: before the opening, and for ever for bids that it leaves out (replaced, withdrawn, of a failed lot);
``opened``: the opening has published the set of bids; ``displayed``: the candidates of the record's lot are public."""
READERS = ("public", "author", "committee", "insider")
"""``public``: anybody; ``author``: who filed the record; ``committee``: a member who drew up the report;
``insider``: the tenderer, its agency, the supervisor that the project names, and the centre."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One row (阅读权限): who may read a kind of record of a public case, by the moment."""

    kind: str
    families: tuple[str, ...]
    sealed: tuple[str, ...]
    opened: tuple[str, ...]
    displayed: tuple[str, ...]
    clause: str = ""

    def readers(self, moment: Moment) -> tuple[str, ...]:
        """Return who may read at a moment."""
        return {"sealed": self.sealed, "opened": self.opened, "displayed": self.displayed}[moment]


READING = (
    Reading(
        "bid",
        ("bid_commitment", "sealed_bid", "bid_withdrawal", "bid_confirmation"),
        (),
        READERS,
        READERS,
        "招标投标法 22, 36",
    ),
    Reading(
        "panel",
        ("evaluation_report", "report_signature"),
        ("author", "committee", "insider"),
        ("author", "committee", "insider"),
        READERS,
        "招标投标法 38, 44",
    ),
    Reading(
        "asking",
        ("question", "objection", "complaint"),
        ("author", "insider"),
        READERS,
        READERS,
        "招标投标法 22",
    ),
)
"""Bids are not even for their author to fetch while sealed: the answer would tell that there is one. Families that
stand in no row are for everyone from the start; cases of secret procedures are for their parties only."""

A = "/api/v1"
OPENAPI_PATH = "/openapi"
"""Where the framework would put its own documentation pages."""

TABLE: tuple[Permission, ...] = (
    # accounts
    Permission("session.open", "POST", f"{A}/sessions", EVERYONE, note="name and password; delays after failures"),
    Permission("session.see", "GET", f"{A}/sessions/current", LOGGED_IN, "self"),
    Permission("session.close", "DELETE", f"{A}/sessions/current", LOGGED_IN, "self"),
    Permission("session.list", "GET", f"{A}/sessions", LOGGED_IN, "self"),
    Permission(
        "session.end",
        "POST",
        f"{A}/sessions/closing",
        LOGGED_IN,
        "self",
        "with the password again; the centre also those of others",
    ),
    Permission("password.change", "POST", f"{A}/password", LOGGED_IN, "self", "with the password of now"),
    Permission("token.make", "POST", f"{A}/tokens", EVERYONE, note="by session, or by name and password"),
    Permission("token.list", "GET", f"{A}/tokens", LOGGED_IN, "self"),
    Permission("token.drop", "DELETE", f"{A}/tokens/{{ident}}", LOGGED_IN, "self"),
    Permission("party.register", "POST", f"{A}/parties", CENTRE),
    Permission("party.list", "GET", f"{A}/parties", CENTRE),
    Permission("certificate.issue", "POST", f"{A}/certificates", LOGGED_IN, "self", "only for the caller's own party"),
    Permission("certificate.see", "GET", f"{A}/certificates/{{kid}}", EVERYONE),
    Permission(
        "certificate.revoke",
        "POST",
        f"{A}/certificates/{{kid}}/revocation",
        LOGGED_IN,
        "self",
        "the holder or the centre",
    ),
    # standards
    Permission("schema.list", "GET", f"{A}/schemas", EVERYONE),
    Permission("schema.current", "GET", f"{A}/schemas/{{family}}", EVERYONE),
    Permission("schema.versions", "GET", f"{A}/schemas/{{family}}/versions", EVERYONE),
    Permission("schema.id", "GET", "/schemas/{family}/{version}", EVERYONE, note="where `$id` leads"),
    Permission("schema.see", "GET", f"{A}/schemas/{{family}}/{{version}}", EVERYONE),
    Permission("codelist.list", "GET", f"{A}/codelists", EVERYONE),
    Permission("codelist.see", "GET", f"{A}/codelists/{{name}}", EVERYONE),
    Permission("parameters.see", "GET", f"{A}/parameters/{{regime}}", EVERYONE),
    Permission("procedure.list", "GET", f"{A}/procedures", EVERYONE),
    Permission("procedure.see", "GET", f"{A}/procedures/{{ident}}", EVERYONE),
    Permission("validate", "POST", f"{A}/validate", EVERYONE, note="stores nothing"),
    Permission("compat", "POST", f"{A}/compat", ("officer", "centre"), note="stores nothing; one pair at a time"),
    Permission("draft.judge", "POST", f"{A}/drafts", ("officer", "centre"), note="stores nothing"),
    # the door and what it keeps
    Permission("record.file", "POST", f"{A}/records", LOGGED_IN, note="the door judges role and state"),
    Permission("record.see", "GET", f"{A}/records/{{digest}}", EVERYONE, "party", "public records to everyone"),
    Permission(
        "record.receipt",
        "GET",
        f"{A}/records/{{digest}}/receipt",
        EVERYONE,
        "author",
        "by the digest only its author knows",
    ),
    Permission("receipt.verify", "POST", f"{A}/receipts/verify", EVERYONE),
    Permission("vault.offset", "GET", f"{A}/vault/{{digest}}/upload", LOGGED_IN, "self"),
    Permission("vault.put", "PUT", f"{A}/vault/{{digest}}/upload", LOGGED_IN, "self"),
    Permission("vault.get", "GET", f"{A}/vault/{{digest}}", EVERYONE, "party", "files of public records to everyone"),
    # cases
    Permission("case.new", "POST", f"{A}/cases", LOGGED_IN, note="a random id; nothing is stored"),
    Permission("case.list", "GET", f"{A}/cases", EVERYONE),
    Permission("case.see", "GET", f"{A}/cases/{{case}}", EVERYONE, "party", "secret cases to their parties only"),
    Permission("case.records", "GET", f"{A}/cases/{{case}}/records", EVERYONE, "party", "public records to everyone"),
    Permission(
        "case.events", "GET", f"{A}/cases/{{case}}/events", EVERYONE, note="server-sent events of public records"
    ),
    Permission("case.evidence", "GET", f"{A}/cases/{{case}}/evidence", ("centre", "supervisor")),
    Permission("case.ocds", "GET", f"{A}/cases/{{case}}/ocds", EVERYONE, note="what the public may know, whoever asks"),
    Permission("ocds.list", "GET", f"{A}/ocds", EVERYONE, note="published cases; what the public may know"),
    Permission("ocds.lines", "GET", f"{A}/ocds.jsonl", EVERYONE, note="the same, one release a line"),
    Permission("ocds.extension", "GET", f"{A}/ocds/extension/{{file}}", EVERYONE),
    Permission("case.own", "GET", f"{A}/inbox", LOGGED_IN, "self", "secret cases the caller is a party of"),
    Permission(
        "opening.act", "POST", f"{A}/cases/{{case}}/opening", CENTRE, note="the door decides whether it is time"
    ),
    Permission("draw.act", "POST", f"{A}/cases/{{case}}/draws", CENTRE),
    Permission("tie.act", "POST", f"{A}/cases/{{case}}/ties", CENTRE),
    Permission("guarantee.act", "POST", f"{A}/cases/{{case}}/guarantee", CENTRE),
    Permission("report.prepare", "GET", f"{A}/cases/{{case}}/report", ("expert", "centre"), "party"),
    Permission("changes", "GET", f"{A}/changes", EVERYONE),
    # exchange between cities
    Permission("city.list", "GET", f"{A}/cities", CENTRE),
    Permission(
        "city.take", "POST", f"{A}/cities/{{city}}/records", LOGGED_IN, note="custody; the other city's door judges"
    ),
    Permission(
        "city.record",
        "GET",
        f"{A}/cities/{{city}}/records/{{digest}}",
        LOGGED_IN,
        "author",
        "by the digest only its author knows",
    ),
    Permission(
        "city.case", "GET", f"{A}/cities/{{city}}/cases/{{case}}", LOGGED_IN, "party", "parties of the session only"
    ),
    # proof
    Permission("clock", "GET", f"{A}/clock", EVERYONE),
    Permission("clock.advance", "POST", f"{A}/sandbox/clock", CENTRE, note="sandbox nodes only"),
    Permission("log.checkpoint", "GET", "/log/checkpoint", EVERYONE),
    Permission("log.tile", "GET", "/log/tile/{path}", EVERYONE),
    Permission(
        "witness", "POST", "/witness/add-checkpoint", EVERYONE, note="C2SP tlog-witness; the log's signature decides"
    ),
    Permission("node", "GET", f"{A}/node", EVERYONE),
    Permission("health", "GET", "/healthz", EVERYONE),
    Permission("openapi", "GET", "/openapi.json", EVERYONE),
    Permission("problem", "GET", "/problems/{code}", EVERYONE),
    # pages
    Permission("page.home", "GET", "/", EVERYONE),
    Permission("page.notices", "GET", "/notices", EVERYONE),
    Permission("page.notices.csv", "GET", "/notices.csv", EVERYONE),
    Permission("page.notices.atom", "GET", "/notices.atom", EVERYONE),
    Permission("page.notice", "GET", "/notices/{case}", EVERYONE, note="public records of announced cases only"),
    Permission("page.openings", "GET", "/openings", EVERYONE),
    Permission("page.openings.ics", "GET", "/openings.ics", EVERYONE),
    Permission("page.opening", "GET", "/openings/{case}", EVERYONE, note="nothing of bids before the opening"),
    Permission("page.opening.feed", "GET", "/openings/{case}/feed", EVERYONE, note="server-sent events"),
    Permission("page.verify", "GET", "/verify", EVERYONE),
    Permission("page.verify.post", "POST", "/verify", EVERYONE),
    Permission("page.standards", "GET", "/standards", EVERYONE),
    Permission("page.standards.atom", "GET", "/standards.atom", EVERYONE, note="what was published and decided"),
    Permission("page.standards.ics", "GET", "/standards.ics", EVERYONE, note="what comes into force and ends"),
    Permission("page.codelist", "GET", "/standards/codelists/{name}", EVERYONE),
    Permission("page.releases", "GET", "/standards/releases", EVERYONE),
    Permission("page.validate", "GET", "/standards/validate", EVERYONE),
    Permission("page.validate.post", "POST", "/standards/validate", EVERYONE, note="stores nothing"),
    Permission(
        "page.compare", "GET", "/standards/{family}/compare", EVERYONE, note="leads to the page of two versions"
    ),
    Permission("page.diff", "GET", "/standards/{family}/diff/{old}/{new}", EVERYONE),
    Permission("page.family", "GET", "/standards/{family}", EVERYONE),
    Permission("page.family.version", "GET", "/standards/{family}/{version}", EVERYONE),
    Permission("page.login", "GET", "/login", EVERYONE),
    Permission("page.login.post", "POST", "/login", EVERYONE),
    Permission("page.logout", "POST", "/logout", EVERYONE),
    Permission("page.account", "GET", "/account", LOGGED_IN, "self"),
    Permission("page.account.post", "POST", "/account", LOGGED_IN, "self", "with the password again"),
    Permission("page.work.home", "GET", "/work", LOGGED_IN, "self"),
    Permission("page.work.keys", "GET", "/work/keys", LOGGED_IN, "self", "keys never leave the browser"),
    Permission(
        "page.work.case", "GET", "/work/cases/{case}", LOGGED_IN, "party", "as the API shows the case to the caller"
    ),
    Permission("page.work.begin", "GET", "/work/begin/{procedure}", LOGGED_IN, note="a random id; nothing is stored"),
    Permission(
        "page.work.form", "GET", "/work/cases/{case}/{family}", LOGGED_IN, "party", "what the procedure lets file now"
    ),
    Permission("page.work.form.post", "POST", "/work/cases/{case}/{family}", LOGGED_IN, "party", "stores nothing"),
    Permission("page.work.bid", "GET", "/work/bids/{case}", LOGGED_IN, note="public terms; bids arrive sealed"),
    Permission("page.work.custody", "GET", "/work/custody", LOGGED_IN, "self", "keys never leave the browser"),
    Permission("page.work.custody.case", "GET", "/work/custody/{case}", LOGGED_IN, note="its custodians only"),
    Permission("page.work.receipt", "GET", "/work/records/{digest}", LOGGED_IN, "author"),
    Permission("page.work.receipt.file", "GET", "/work/records/{digest}/receipt.json", LOGGED_IN, "author"),
    Permission("page.about", "GET", "/about", EVERYONE),
    Permission("static", "GET", "/static/portal/{path}", EVERYONE),
)

BY_NAME = {row.name: row for row in TABLE}


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of the test matrix (权限矩阵单元): a row, a role, and the decision to expect."""

    row: Permission
    role: str
    allowed: bool


def matrix() -> Iterator[Cell]:
    """Yield every route × role with its decision; relation and state are judged behind it."""
    for row in TABLE:
        for role in ROLES:
            yield Cell(row, role, row.allows(roles_with(role)))


def roles_with(role: str) -> tuple[str, ...]:
    """Return what somebody with a registered role is: whoever is logged in is a party too."""
    return ("public",) if role == "public" else tuple(dict.fromkeys(("public", "party", role)))


class PermissionTableError(RuntimeError):
    """The table and the routes differ (权限表与路由不一致)."""


def assert_covered(app: Litestar, table: Sequence[Permission] = TABLE) -> None:
    """
    Refuse to start when the table and the routes differ (启动检查).

    Every handler of every kind (HTTP, WebSocket, mounted application) MUST stand behind a guard and name its row; the
    row MUST have its method and the shape of its path; no two routes share a row, and no row is without a route.

    Raises:
        PermissionTableError: naming every difference.
    """
    rows = {row.name: row for row in table}
    used: dict[str, list[str]] = {}
    odd: list[str] = []
    for route in app.routes:
        for handler, method in _handlers(route):
            where, name = f"{method} {route.path}", str(handler.opt.get("permission", ""))
            used.setdefault(name, []).append(where)
            row = rows.get(name)
            if not handler.resolve_guards():
                odd.append(f"{where}: no guard")
            if row is None:
                odd.append(f"{where}: no row")
            elif row.method != method or _shape(row.path) != _shape(route.path):
                odd.append(f"{where}: {name} is {row.method} {row.path} in the table")
    odd.extend(f"{name}: no route" for name in rows.keys() - used.keys())
    odd.extend(
        f"{name}: shared by {', '.join(where)}" for name, where in used.items() if name in rows and len(where) > 1
    )
    if odd:
        raise PermissionTableError("; ".join(sorted(odd)))


def _handlers(route: BaseRoute) -> Iterator[tuple[BaseRouteHandler, str]]:
    """Yield the handlers of a route, each with its method; HEAD goes with GET."""
    if isinstance(route, HTTPRoute):
        for handler in route.route_handlers:
            if not is_frameworks_own(handler, route.path):
                for method in sorted({str(m) for m in handler.http_methods} - {"HEAD"}):
                    yield handler, method
    elif isinstance(route, WebSocketRoute):
        yield route.route_handler, "WEBSOCKET"
    elif isinstance(route, ASGIRoute):
        yield route.route_handler, "ASGI"
    else:
        raise PermissionTableError(f"{route.path}: a route of an unknown kind")


def is_frameworks_own(handler: BaseRouteHandler, path: str = "") -> bool:
    """Whether the framework itself made a handler, for OPTIONS or for its documentation; those have no row."""
    module = str(handler.fn.__module__)
    documentation = path == OPENAPI_PATH or path.startswith(f"{OPENAPI_PATH}/")
    return module == HTTPRoute.__module__ or (documentation and module.startswith("litestar."))


def _shape(path: str) -> str:
    return "/".join("{}" if part.startswith("{") else part for part in path.strip("/").split("/"))
