"""
Proof over HTTP (证明接口): clock, log tiles and checkpoint, witness, health, problem pages.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

from litestar import MediaType, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, SkipValidation

from tradehall.kernel.case import write_instant
from tradehall.web.api.context import Context
from tradehall.web.body import read_bytes, read_object, text_member
from tradehall.web.problems import Problem, explained, language

Req = Request[Any, Any, Any]
Ctx = NamedDependency[SkipValidation[Context]]
WITNESS_MAX = 1 << 20
SANDBOX_LAST_YEAR = 2200


@get("/clock", opt={"permission": "clock"})
async def clock(context: Ctx) -> dict[str, Any]:
    """Tell the node's time and whether it can be trusted (服务器时间)."""
    return {
        "now": write_instant(context.door.store.now()),
        "suspect": context.door.clock.suspect,
        "sandbox": context.advance is not None,
    }


@post("/sandbox/clock", opt={"permission": "clock.advance"}, status_code=200)
async def clock_advance(request: Req, context: Ctx) -> dict[str, Any]:
    """Advance the clock of a sandbox node (沙箱时钟); 404 on every other node."""
    if context.advance is None:
        raise Problem("NOT-FOUND")
    body = await read_object(request, "to")
    try:
        to = datetime.fromisoformat(text_member(body, "to"))
    except ValueError as error:
        raise Problem("BODY-INVALID", why="to") from error
    # From the last years of the calendar no session and no publicity period could end.
    if to.tzinfo is None or not context.door.store.now().year <= to.year < SANDBOX_LAST_YEAR:
        raise Problem("BODY-INVALID", why="to")
    context.advance(to)
    return {"now": write_instant(context.door.store.now())}


@get("/node", opt={"permission": "node"})
async def node(context: Ctx) -> dict[str, Any]:
    """Return the node's public keys (节点公钥)."""
    keys = context.door.node
    return {
        "node": keys.name,
        "city": context.city,
        "log": str(keys.log),
        "origin": keys.origin,
        "receipt_key": keys.receipt_public.hex(),
        "witness_key": context.witness.vkey,
        "witnesses": [str(key) for key in context.exporter.witnesses],
    }


@get("/log/checkpoint", opt={"permission": "log.checkpoint"}, media_type=MediaType.TEXT)
async def log_checkpoint(context: Ctx) -> str:
    """Return the latest checkpoint with its cosignatures (C2SP tlog-checkpoint)."""
    with context.door.store.read() as reading:
        latest = reading.latest()
        if latest is None:
            raise Problem("NOT-FOUND")
        lines = reading.cosignatures(latest.size)
    await asyncio.to_thread(context.door.store.assure, latest.size)
    return context.door.node.checkpoint(latest, lines)


@get("/log/tile/{path:path}", opt={"permission": "log.tile"})
async def log_tile(context: Ctx, path: FromPath[str]) -> Response[bytes]:
    """Return a tile of the log (C2SP tlog-tiles)."""
    data = context.witness.tile(context.door.store, "tile" + path)
    if data is None:
        raise Problem("NOT-FOUND")
    return Response(data, media_type="application/octet-stream")


@post("/witness/add-checkpoint", opt={"permission": "witness"}, status_code=200)
async def witness(request: Req, context: Ctx) -> Response[Any]:
    """Cosign the checkpoint of another city's log (C2SP tlog-witness)."""
    answer = context.witness.add_checkpoint(await read_bytes(request, WITNESS_MAX), context.door.store.now())
    # As a header: to a media type the framework would add a charset of its own.
    return Response(answer.body.encode(), status_code=answer.status, headers={"content-type": answer.media_type})


@get("/healthz", opt={"permission": "health"})
async def health(context: Ctx) -> dict[str, Any]:
    """Tell whether the node can accept records (健康检查)."""
    with context.door.store.read() as reading:
        latest = reading.latest()
    return {"ok": not context.door.clock.suspect, "log_size": latest.size if latest else 0}


@get("/problems/{code:str}", opt={"permission": "problem"})
async def problem(request: Req, code: FromPath[str]) -> dict[str, Any]:
    """Explain a problem code (错误说明)."""
    found = explained(code)
    if found is None:
        raise Problem("NOT-FOUND")
    status, text, clause = found
    sentence = text.zh if language(request) == "zh" else text.en
    return {
        "code": code,
        "status": status,
        "title": sentence,
        "messages": {"zh": text.zh, "en": text.en},
        "clause": clause,
    }


HANDLERS = [clock, clock_advance, node]
ROOT_HANDLERS = [log_checkpoint, log_tile, witness, health, problem]
