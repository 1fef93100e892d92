"""
The web application (网站与接口): API, pages, static files on one Litestar app, guarded by the permission table.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from litestar import Litestar, Request, Response, Router, get
from litestar.datastructures import State
from litestar.di import NamedDependency, Provide
from litestar.openapi import OpenAPIConfig
from litestar.params import SkipValidation

from tradehall.web.access import AccessMiddleware, guard
from tradehall.web.api import accounts, cases, cities, drafts, ocds, proof, records, standards
from tradehall.web.api.context import Context
from tradehall.web.api.describe import document
from tradehall.web.live import Live
from tradehall.web.methods import head_as_get
from tradehall.web.pages.portal import error_page
from tradehall.web.permissions import assert_covered
from tradehall.web.problems import EXCEPTION_HANDLERS
from tradehall.web.turns import Turns
from tradehall_standards import canonical

REQUEST_MAX = 17 << 20
API_HANDLERS: Sequence[Any] = (
    *accounts.HANDLERS,
    *standards.HANDLERS,
    *drafts.HANDLERS,
    *records.HANDLERS,
    *cases.HANDLERS,
    *ocds.HANDLERS,
    *cities.HANDLERS,
    *proof.HANDLERS,
)


@get("/openapi.json", opt={"permission": "openapi"}, include_in_schema=False)
async def openapi(
    request: Request[Any, Any, Any], context: NamedDependency[SkipValidation[Context]]
) -> Response[bytes | None]:
    """Return the OpenAPI document (接口说明), made once."""
    kept = request.app.state
    if "openapi" not in kept:
        kept["openapi"] = document(request.app, context.door)
    content: bytes = kept["openapi"]
    tag = f'"sha256:{canonical.sha256_hex(content)}"'
    if tag in request.headers.get("if-none-match", ""):
        return Response(None, status_code=304, headers={"ETag": tag})
    return Response(content, media_type="application/json", headers={"ETag": tag})


def _wake(app: Litestar) -> None:
    """Let watchers know of a commit at once; those of other processes and of the centre's acts are looked for."""
    if isinstance(live := app.state.get("live"), Live):
        live.wake()


def build_app(context: Context, pages: Sequence[Any] = ()) -> Litestar:
    """
    Build the application (装配应用).

    Raises:
        PermissionTableError: a route has no row in the permission table, or a row no route.
    """

    @asynccontextmanager
    async def running(app: Litestar) -> AsyncGenerator[None]:
        context.sequencer.start()
        if context.due is not None:
            context.due.start()
        context.courier.start()
        # Long-lived objects need no more visits of the collector: its pauses cost the slowest requests most.
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 50, 50)
        context.sequencer.heard = lambda: _wake(app)
        yield
        if isinstance(live := app.state.get("live"), Live):
            live.end()
        await context.courier.stop()
        if context.due is not None:
            await asyncio.to_thread(context.due.stop)
        await context.sequencer.stop()

    async def provide() -> Context:
        return context

    app = Litestar(
        route_handlers=[
            Router("/api/v1", route_handlers=list(API_HANDLERS)),
            *proof.ROOT_HANDLERS,
            *standards.ROOT_HANDLERS,
            openapi,
            *pages,
        ],
        dependencies={"context": Provide(provide)},
        guards=[guard(context.csrf_fits)],
        middleware=[AccessMiddleware(context.directory, context.door.store, context.secret_digest)],
        exception_handlers=EXCEPTION_HANDLERS,  # type: ignore[arg-type]
        lifespan=[running],
        state=State({"context": context, "error_page": error_page, "uploads": Turns()}),
        openapi_config=OpenAPIConfig(title="Tradehall 阳光交易大厅", version="1", path="/openapi", render_plugins=[]),
        request_max_body_size=REQUEST_MAX,
        debug=False,
    )
    assert_covered(app)
    app.asgi_handler = head_as_get(app.asgi_handler)
    return app
