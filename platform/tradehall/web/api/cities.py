"""
Exchange between cities (城市间交换): custody of records for cases that another city hosts, and what is known of them.
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, SkipValidation

from tradehall.kernel.admission import roles_of
from tradehall.kernel.case import write_instant
from tradehall.kernel.payload import texts
from tradehall.kernel.record import read_record
from tradehall.kernel.refusal import Refusal
from tradehall.web.access import subject_of
from tradehall.web.api.cases import HIDDEN_HEAD
from tradehall.web.api.context import CASE_LENGTH, Context
from tradehall.web.body import read_json
from tradehall.web.problems import Problem, language, refusal_response

if TYPE_CHECKING:
    from datetime import datetime

    from tradehall.desk.exchange import Followed, Kept
    from tradehall_standards import Json

Req = Request[Any, Any, Any]
Ctx = NamedDependency[SkipValidation[Context]]
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@get("/cities", opt={"permission": "city.list"})
async def city_list(context: Ctx) -> dict[str, Any]:
    """Return the cities that this node exchanges records with, and how each link stands (链路状态)."""
    exchange, links = context.exchange, context.courier.links
    items: list[Json] = [
        {
            "city": city,
            "node": there.keys.node,
            "held_at": _written(links[city].held_at if city in links else None),
            "fault": links[city].fault if city in links else "",
        }
        for city, there in exchange.cities.items()
    ]
    return {"items": items}


@post("/cities/{city:str}/records", opt={"permission": "city.take"}, status_code=202)
async def city_take(request: Req, context: Ctx, city: FromPath[str]) -> Response[Any]:
    """
    Leave a record with this node for a case that another city hosts (代收).

    Answers 202 with a signed custody note once the record is stored durably. That is NOT a receipt of acceptance: the
    other city's door decides when the record gets there, by its own clock; its answer is kept here to be fetched. The
    same record again gives the same note, and sends one that was refused there once more.
    """
    _known(context, city)
    record = read_record(await read_json(request))
    if isinstance(record, Refusal):
        return refusal_response(record, language(request))
    kept = await asyncio.to_thread(context.exchange.take, city, record)
    if isinstance(kept, Refusal):
        signed = context.door.refusal_receipt(record, kept, context.door.store.now())
        return refusal_response(kept, language(request), signed)
    context.courier.wake(city)
    headers = {"Location": f"/api/v1/cities/{city}/records/{record.digest}"}
    return Response(_json(kept), status_code=202, headers=headers)


@get("/cities/{city:str}/records/{digest:str}", opt={"permission": "city.record"})
async def city_record(context: Ctx, city: FromPath[str], digest: FromPath[str]) -> dict[str, Any]:
    """Return how a record in custody stands, with the other city's signed receipt or refusal once there is one."""
    _known(context, city)
    if _DIGEST.fullmatch(digest) is None:
        raise Problem("NOT-FOUND")
    kept = await asyncio.to_thread(context.exchange.status, city, digest)
    if kept is None:
        raise Problem("NOT-FOUND")
    return _json(kept)


@get("/cities/{city:str}/cases/{case:str}", opt={"permission": "city.case"})
async def city_case(request: Req, context: Ctx, city: FromPath[str], case: FromPath[str]) -> dict[str, Any]:
    """
    Return a session that another city hosts as far as its log has come here (对方案卷).

    What happened there since the link was last up is not in it; ``index`` and ``held_at`` say how far it goes.
    """
    _known(context, city)
    if len(case) != CASE_LENGTH or case[0] not in {p.prefix for p in context.door.procedures.values()}:
        raise Problem("NOT-FOUND")
    found = await asyncio.to_thread(context.exchange.state, city, case)
    subject = subject_of(request)
    if found is None or not (
        subject.is_centre or roles_of(found.case, subject.party, frozenset[str]()) - {"participant"}
    ):
        raise Problem("NOT-FOUND")
    link = context.courier.links.get(city)
    return {
        "case": case,
        "city": city,
        "lots": dict(found.case.tracks),
        "head": {k: v for k, v in found.case.head.items() if k not in HIDDEN_HEAD},
        "scores": _scores(found),
        "index": found.index,
        "held_at": _written(link.held_at if link else None),
    }


def _scores(found: Followed) -> list[Json]:
    """Return for each lot how many members there are, and how many have locked and shown their scores."""
    members = len(found.case.table("members"))
    keys = {kind: [key for key, _ in found.facts.all(kind)] for kind in ("score", "sheet")}
    return [
        {
            "lot": lot,
            "members": members,
            "locked": sum(key.startswith(f"{lot}:") for key in keys["score"]),
            "shown": sum(key.startswith(f"{lot}:") for key in keys["sheet"]),
        }
        for lot in texts(found.case.head.get("lots"))
    ]


def _known(context: Context, city: str) -> None:
    if city not in context.exchange.cities:
        raise Problem("NOT-FOUND")


def _written(at: datetime | None) -> str | None:
    return None if at is None else write_instant(at)


def _json(kept: Kept) -> dict[str, Any]:
    return {
        "state": kept.state,
        "custody": dict(kept.custody),
        "answer": None if kept.answer is None else dict(kept.answer),
        "tries": kept.tries,
    }


HANDLERS = [city_list, city_take, city_record, city_case]
