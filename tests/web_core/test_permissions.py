"""The permission table: one row a route, reviewed lists of who may change what, and a start-up check that bites."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar, Router, WebSocket, asgi, delete, get, head, post, websocket
from litestar.openapi import OpenAPIConfig
from litestar.static_files import create_static_files_router

from tradehall.web.access import guard
from tradehall.web.permissions import (
    EVERYONE,
    LOGGED_IN,
    ROLES,
    TABLE,
    Permission,
    PermissionTableError,
    assert_covered,
    matrix,
    roles_with,
)

# --- the table as reviewed text -------------------------------------------------------------------------------------

WITHOUT_LOGIN = {
    "session.open",
    "token.make",
    "validate",
    "receipt.verify",
    "witness",
    "page.login.post",
    "page.logout",
    "page.validate.post",
    "page.verify.post",
}
"""What somebody who has not logged in may send. A new name here is a decision, not a formality."""

CENTRE_ONLY = {
    "party.register",
    "party.list",
    "opening.act",
    "draw.act",
    "tie.act",
    "guarantee.act",
    "clock.advance",
}


def test_nobody_changes_anything_without_logging_in_but_by_these_routes() -> None:
    unsafe = {row.name for row in TABLE if row.method not in ("GET", "HEAD") and row.allows(roles_with("public"))}
    assert unsafe == WITHOUT_LOGIN


def test_the_acts_of_the_centre_are_the_centres_alone() -> None:
    assert {row.name for row in TABLE if row.roles == ("centre",)} >= CENTRE_ONLY
    for row in TABLE:
        if row.name in CENTRE_ONLY:
            assert [role for role in ROLES if row.allows(roles_with(role))] == ["centre"]


def test_names_and_routes_are_given_once() -> None:
    assert len({row.name for row in TABLE}) == len(TABLE)
    assert len({(row.method, row.path) for row in TABLE}) == len(TABLE)


def test_rows_know_only_known_roles() -> None:
    assert {role for row in TABLE for role in row.roles} <= set(ROLES)
    assert all(row.roles for row in TABLE)


def test_who_is_logged_in_may_do_what_the_public_and_every_party_may() -> None:
    for row in TABLE:
        for role in LOGGED_IN:
            assert row.allows(roles_with(role)) or not row.allows(roles_with("public"))
            assert row.allows(roles_with(role)) or not row.allows(roles_with("party"))


def test_the_matrix_has_every_route_and_role() -> None:
    cells = list(matrix())
    assert len(cells) == len(TABLE) * len(ROLES)
    assert {cell.allowed for cell in cells} == {True, False}


# --- the start-up check ---------------------------------------------------------------------------------------------

ROWS = (
    Permission("list", "GET", "/things", EVERYONE),
    Permission("see", "GET", "/things/{thing}", EVERYONE),
    Permission("drop", "DELETE", "/things/{thing}", LOGGED_IN),
)


@get("/things", opt={"permission": "list"}, sync_to_thread=False)
def list_things() -> str:
    return ""


@get("/things/{ident:str}", opt={"permission": "see"}, sync_to_thread=False)
def see() -> str:
    return ""


@delete("/things/{ident:str}", opt={"permission": "drop"}, sync_to_thread=False)
def drop() -> None:
    return None


ALL = (list_things, see, drop)


def check(handlers: Sequence[Any] = ALL, rows: Sequence[Permission] = ROWS, **settings: Any) -> None:
    settings = {"guards": [guard(lambda *_: True)], "openapi_config": None} | settings
    assert_covered(Litestar(list(handlers), **settings), rows)


def test_a_table_that_fits_the_routes_starts() -> None:
    check()
    check(openapi_config=OpenAPIConfig("t", "1", path="/openapi"))


def test_a_route_without_a_row_does_not_start() -> None:
    @get("/back-door", sync_to_thread=False)
    def bare() -> str:
        return ""

    @get("/back-door", opt={"permission": "nothing like it"}, sync_to_thread=False)
    def misnamed() -> str:
        return ""

    for handler in (bare, misnamed):
        with pytest.raises(PermissionTableError, match="/back-door: no row"):
            check([*ALL, handler])


@pytest.mark.parametrize("path", ["/openapi-admin", "/openapi/admin"])
def test_a_route_that_only_looks_like_documentation_does_not_start(path: str) -> None:
    @get(path, sync_to_thread=False)
    def bare() -> str:
        return ""

    with pytest.raises(PermissionTableError, match=f"{path}: no row"):
        check([*ALL, bare], openapi_config=OpenAPIConfig("t", "1", path="/openapi"))


def test_a_row_without_a_route_does_not_start() -> None:
    with pytest.raises(PermissionTableError, match="drop: no route"):
        check([list_things, see])


def test_a_route_cannot_borrow_the_row_of_another() -> None:
    """The last one found used to win: a second route under a public row's name passed unseen."""

    @get("/admin/things", opt={"permission": "list"}, sync_to_thread=False)
    def other_path() -> str:
        return ""

    @post("/things", opt={"permission": "list"}, sync_to_thread=False)
    def other_method() -> str:
        return ""

    for handler in (other_path, other_method):
        for handlers in ([*ALL, handler], [handler, *ALL]):
            with pytest.raises(PermissionTableError, match="list is GET /things in the table"):
                check(handlers)


def test_two_routes_of_one_shape_cannot_share_a_row() -> None:
    """As ``/things/{ident}`` and ``/things/{number}`` under two routers with one prefix each would."""
    rows = (*ROWS, Permission("file", "GET", "/files/{path}", EVERYONE))

    @get("/files/{name:str}", opt={"permission": "file"}, sync_to_thread=False)
    def by_name() -> str:
        return ""

    @get("/files/{path:path}", opt={"permission": "file"}, sync_to_thread=False)
    def by_path() -> str:
        return ""

    check([*ALL, by_name], rows)
    with pytest.raises(PermissionTableError, match="file: shared by"):
        check([*ALL, by_name, by_path], rows)


def test_web_sockets_and_mounted_applications_need_a_row_too() -> None:
    @websocket("/live")
    async def live(socket: WebSocket[Any, Any, Any]) -> None:
        await socket.accept()

    @asgi("/mounted", is_mount=True, copy_scope=True)
    async def mounted(scope: Any, receive: Any, send: Any) -> None:
        return None

    for handler, where in ((live, "WEBSOCKET /live"), (mounted, "ASGI /mounted")):
        with pytest.raises(PermissionTableError, match=f"{where}: no row"):
            check([*ALL, handler])


def test_an_application_without_guards_does_not_start() -> None:
    with pytest.raises(PermissionTableError, match="no guard"):
        check(guards=[])


def test_a_handler_of_its_own_for_options_needs_a_row() -> None:
    from litestar.handlers import HTTPRouteHandler

    @HTTPRouteHandler("/other", http_method="OPTIONS", opt={"permission": "x"}, sync_to_thread=False, status_code=200)
    def options() -> str:
        return ""

    with pytest.raises(PermissionTableError, match="OPTIONS /other: no row"):
        check([*ALL, options])


def test_head_goes_with_get_and_static_files_have_one_row(tmp_path: Path) -> None:
    @head("/things", sync_to_thread=False)
    def things_head() -> None:
        return None

    rows = (*ROWS, Permission("static", "GET", "/static/{path}", EVERYONE))
    static = create_static_files_router("/static", [tmp_path], opt={"permission": "static"})
    check([Router("/", route_handlers=list(ALL)), static, things_head], rows)
