"""
Records and files (记录与文件): the door over HTTP, receipts, the vault.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import orjson
import structlog
from litestar import MediaType, Request, Response, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, SkipValidation
from litestar.response import Stream
from litestar.response.base import ASGIResponse
from litestar.types import ASGIApp

from tradehall.desk.accept import Accepted, Filing
from tradehall.desk.sequencer import BatchFailed, LaneFull
from tradehall.kernel.record import read_record
from tradehall.kernel.refusal import Refusal
from tradehall.web.access import subject_of
from tradehall.web.api.context import Context
from tradehall.web.api.tags import is_at_hand
from tradehall.web.body import read_bytes, read_json
from tradehall.web.problems import Problem, language, refusal_response
from tradehall.web.security import download_headers
from tradehall.web.turns import Turns

if TYPE_CHECKING:
    from tradehall_standards import Json

Req = Request[Any, Any, Any]
Ctx = NamedDependency[SkipValidation[Context]]
PART_MAX = 16 << 20
FILE_MAX = 4 << 30
"""A bid has half a gibibyte at most; nobody fills the disk with one file."""

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_KEY = re.compile(r"[\x21-\x7e]{1,128}")


@post("/records", opt={"permission": "record.file"}, status_code=201)
async def record_file(request: Req, context: Ctx) -> ASGIApp:
    """
    File a record (提交记录).

    The body is ``{"envelope", "signature"}``. Answers 201 with the signed receipt, or a problem with the signed
    refusal. Filing the same record again gives the same receipt; an ``Idempotency-Key`` used for another record
    gives 409. Nothing is told before it is durable.
    """
    subject = subject_of(request)
    record = read_record(await read_json(request))
    if isinstance(record, Refusal):
        return _answered(refusal_response(record, language(request)))
    key = request.headers.get("idempotency-key")
    if key is not None and _KEY.fullmatch(key) is None:
        raise Problem("PARAMETER-INVALID", why="Idempotency-Key")
    try:
        answer = await context.sequencer.submit(Filing(record, (subject.party, key) if key else None), subject.party)
    except LaneFull as full:
        raise Problem("TOO-MANY", seconds=1, headers={"Retry-After": "1"}) from full
    except BatchFailed as failed:
        # The record may or may not stand; filing it again tells, and never files it twice.
        structlog.get_logger().error("batch failed", error=str(failed))
        raise Problem("UNAVAILABLE", headers={"Retry-After": "1"}) from failed
    outcome = answer.outcome
    if isinstance(outcome, Refusal):
        signed = context.door.refusal_receipt(record, outcome, context.door.store.now())
        return _answered(refusal_response(outcome, language(request), signed))
    headers = {"Location": f"/api/v1/records/{record.digest}", "ETag": f'"{record.digest}"'}
    # Bytes, and no response object that the framework copies: this is the answer that thousands wait for at once.
    told = orjson.dumps(answer.receipt)
    return ASGIResponse(
        body=told, status_code=200 if outcome.repeated else 201, headers=headers, media_type=MediaType.JSON
    )


def _answered(response: Response[Any]) -> ASGIApp:
    """Return a response object where a bare application is awaited: the framework takes both."""
    return cast("ASGIApp", response)


@get("/records/{digest:str}", opt={"permission": "record.see"})
async def record_see(request: Req, context: Ctx, digest: FromPath[str]) -> Response[Any]:
    """Return a record with its place in the log (查阅记录)."""
    found = _found(context, digest)
    record = found.entry.record
    view = context.look(record.case, subject_of(request))
    if all(e.record.digest != digest for e in context.visible(view, subject_of(request))):
        raise Problem("NOT-FOUND")
    return _tagged(request, digest, record.wire())


@get("/records/{digest:str}/receipt", opt={"permission": "record.receipt"})
async def record_receipt(request: Req, context: Ctx, digest: FromPath[str]) -> Response[Any]:
    """Return the receipt of a record again, with the cosignatures that have come in since (补领回执)."""
    found = _found(context, digest)
    with context.door.store.read() as reading:
        receipt = context.door.receipt(found, reading)
    return Response(receipt)


def _found(context: Context, digest: str) -> Accepted:
    found = context.door.find(digest) if _DIGEST.fullmatch(digest) else None
    if found is None:
        raise Problem("NOT-FOUND")
    return found


def _tagged(request: Req, tag: str, body: Json) -> Response[Any]:
    quoted = f'"{tag}"'
    if is_at_hand(request, quoted):
        return Response(None, status_code=304, headers={"ETag": quoted})
    return Response(body, headers={"ETag": quoted})


@post("/receipts/verify", opt={"permission": "receipt.verify"}, status_code=200)
async def receipt_verify(request: Req, context: Ctx) -> Response[Any]:
    """Check a receipt or refusal of this node; stores nothing (核验回执)."""
    return Response(context.verify_file(await read_json(request, newlines=True)))


# --- files ------------------------------------------------------------------------------------------------------


def _upload(request: Req, digest: str) -> tuple[str, bool]:
    """Return the upload's id, bound to the caller, and whether the file is secret."""
    if _DIGEST.fullmatch(digest) is None:
        raise Problem("PARAMETER-INVALID", why="digest")
    return f"{subject_of(request).party}|{digest}", request.query_params.get("sealed") == "1"


@get("/vault/{digest:str}/upload", opt={"permission": "vault.offset"})
async def vault_offset(request: Req, context: Ctx, digest: FromPath[str]) -> dict[str, Any]:
    """Tell how far an upload has come (续传位置)."""
    ident, secret = _upload(request, digest)
    size = await asyncio.to_thread(context.vault.has, digest, secret=secret)
    if size is not None:
        return {"complete": True, "offset": size}
    return {"complete": False, "offset": await asyncio.to_thread(context.vault.offset, ident)}


@put("/vault/{digest:str}/upload", opt={"permission": "vault.put"}, status_code=200)
async def vault_put(request: Req, context: Ctx, digest: FromPath[str]) -> dict[str, Any]:
    """
    Upload the next part of a file (分段上传).

    ``Upload-Offset`` says where the part begins, ``Upload-Length`` how long the file is. A part that is already here
    is taken as read; one that leaves a gap gives 409 with the offset to go on from. The last part completes the file
    if its digest is the one in the path.
    """
    ident, secret = _upload(request, digest)
    start, length = (_number(request, name) for name in ("upload-offset", "upload-length"))
    if length > FILE_MAX:
        raise Problem("TOO-LARGE")
    part = await read_bytes(request, PART_MAX)
    turns: Turns = request.app.state["uploads"]
    async with turns.of(ident):  # two writers of one upload would overwrite each other
        return await asyncio.to_thread(_take, context.vault, ident, digest, _Part(start, length, part, secret))


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of a file on its way in (文件分段)."""

    start: int
    length: int
    data: bytes
    secret: bool


def _take(vault: Any, ident: str, digest: str, part: _Part) -> dict[str, Any]:
    """Store a part, and the file with the last of them; returns how far it has come."""
    size = vault.has(digest, secret=part.secret)
    if size is not None:
        return {"complete": True, "offset": size}
    offset = vault.append(ident, part.start, part.data)
    if offset < part.start:
        raise Problem("OFFSET-WRONG", offset=offset)
    if offset < part.length:
        return {"complete": False, "offset": offset}
    if not vault.finish(ident, digest, secret=part.secret):
        raise Problem("UPLOAD-WRONG")
    return {"complete": True, "offset": offset}


def _number(request: Req, name: str) -> int:
    text = request.headers.get(name, "")
    if not (text.isascii() and text.isdigit() and len(text) <= 15):  # noqa: PLR2004  - fits every file system
        raise Problem("PARAMETER-INVALID", why=name)
    return int(text)


@get("/vault/{digest:str}", opt={"permission": "vault.get"})
async def vault_get(request: Req, context: Ctx, digest: FromPath[str]) -> Response[Any]:
    """Return a file that a record the caller may read names (下载附件)."""
    named = request.query_params.get("record", "")
    found = _found(context, named)
    subject = subject_of(request)
    view = context.look(found.entry.record.case, subject)
    visible = any(e.record.digest == named for e in context.visible(view, subject))
    attachment = next((a for a in found.entry.record.attachments if a.sha256 == digest), None)
    if not visible or attachment is None:
        raise Problem("NOT-FOUND")
    tag = f'"{digest}"'
    if is_at_hand(request, tag):
        return Response(None, status_code=304, headers={"ETag": tag})
    secret = found.entry.record.family in context.door.procedure(found.entry.record.case).secret_families

    def chunks() -> Iterator[bytes]:  # no coroutine: the framework runs it beside the loop
        with context.vault.read(digest, secret=secret) as pieces:
            yield from pieces

    # Files of others are never shown inside the site: always a download, never sniffed.
    headers = {**download_headers(attachment.name), "ETag": tag}
    return Stream(chunks(), media_type="application/octet-stream", headers=headers)


HANDLERS = [record_file, record_see, record_receipt, receipt_verify, vault_offset, vault_put, vault_get]
