"""
Cases (项目): search, state, records, events, and the acts of the centre.
"""

from __future__ import annotations

import asyncio
import secrets
from base64 import b32encode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, SkipValidation

from tradehall.desk.accept import Accepted, Outcome
from tradehall.desk.filing import CaseView
from tradehall.desk.journal import Entry
from tradehall.desk.ports import CaseQuery, Listing, Stored
from tradehall.kernel.case import write_instant
from tradehall.kernel.refusal import Refusal
from tradehall.web.access import Subject, subject_of
from tradehall.web.api.context import Context
from tradehall.web.body import read_number, read_object, text_member
from tradehall.web.live import Told, Watching, block, live_of
from tradehall.web.problems import Problem, language, refusal_response

if TYPE_CHECKING:
    from tradehall_standards import Json

Req = Request[Any, Any, Any]
Ctx = NamedDependency[SkipValidation[Context]]
PAGE = 20
PAGE_MAX = 100
PAGE_BYTES = 1 << 20
INDEX_MAX = 10**15 - 1
EVENTS_MAX = 500


@post("/cases", opt={"permission": "case.new"}, status_code=201)
async def case_new(request: Req, context: Ctx) -> dict[str, str]:
    """Return a fresh random id for a case of a procedure (新编号); nothing is stored until a record is filed."""
    body = await read_object(request, "procedure")
    procedure = context.door.procedures.get(text_member(body, "procedure"))
    if procedure is None:
        raise Problem("NOT-FOUND")
    return {"id": f"{procedure.prefix}-{b32encode(secrets.token_bytes(17)).decode('ascii').lower()[:26]}"}


@get("/cases", opt={"permission": "case.list"})
async def case_list(request: Req, context: Ctx) -> Response[Any]:
    """
    Search public cases, newest first (检索项目).

    Query: ``q`` words, ``stage``, ``regime``, ``region`` (prefix), ``sector``, ``limit`` ≤ 100, ``after`` cursor of the
    last page; the next page is in ``Link`` and ``next``.
    """
    query = query_of(request)
    with context.door.store.read() as reading:
        found = list(reading.search(query))
    following = cursor_of(found[-1]) if len(found) == query.limit else None
    headers = {"Link": f'<{next_page(request, following)}>; rel="next"'} if following else {}
    return Response({"items": [listing_json(x) for x in found], "next": following}, headers=headers)


def next_page(request: Req, following: str) -> str:
    """Return the address of the next page: the same search, behind the cursor."""
    asked = [(name, value) for name, value in request.query_params.multi_items() if name != "after"]
    return f"{request.scope['path']}?{urlencode([*asked, ('after', following)])}"


def query_of(request: Req) -> CaseQuery:
    """Read a search from the query string. Raises PARAMETER-INVALID for an unreadable cursor or limit."""
    p = request.query_params
    return CaseQuery(
        text=p.get("q", "")[:200],
        stage=p.get("stage", ""),
        regime=p.get("regime", ""),
        region=p.get("region", ""),
        sector=p.get("sector", ""),
        after=_read_cursor(p.get("after", "")),
        limit=read_number(p.get("limit", str(PAGE)), "limit", least=1, most=PAGE_MAX),
    )


def cursor_of(listing: Listing) -> str:
    """Return the opaque cursor behind a line."""
    return urlsafe_b64encode(f"{listing.published_at}|{listing.case}".encode()).decode("ascii").rstrip("=")


def _read_cursor(text: str) -> tuple[str, str] | None:
    if not text:
        return None
    try:
        published, _, case = urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii").partition("|")
    except ValueError as error:
        raise Problem("PARAMETER-INVALID", why="after") from error
    return published, case


def listing_json(listing: Listing) -> dict[str, Json]:
    """Return a line of the list as JSON."""
    states = dict(pair.split(":", 1) for pair in listing.states.split())
    return {
        "case": listing.case,
        "procedure": listing.procedure,
        "title": listing.title,
        "project_code": listing.code,
        "tenderer": listing.tenderer,
        "regime": listing.regime,
        "region": listing.region,
        "sector": listing.sector,
        "stage": listing.stage,
        "lots": states,
        "bid_deadline": listing.deadline,
        "published_at": listing.published_at,
    }


HIDDEN_HEAD = frozenset({"parties"})


@get("/cases/{case:str}", opt={"permission": "case.see"})
async def case_see(request: Req, context: Ctx, case: FromPath[str]) -> dict[str, Any]:
    """Return the state of a case: lots, terms, what can be filed next and by whom (项目状态)."""
    view = context.look(case, subject_of(request))
    procedure = context.door.procedure(case)
    steps = [
        {"lot": lot, "family": s.family, "roles": list(s.roles), "clause": s.clause}
        for lot, state in sorted(view.case.tracks.items())
        for s in procedure.possible(state)
    ]
    head = {k: v for k, v in view.case.head.items() if k not in HIDDEN_HEAD}
    return {"case": case, "procedure": procedure.id, "lots": dict(view.case.tracks), "head": head, "next": steps}


@get("/cases/{case:str}/records", opt={"permission": "case.records"})
async def case_records(request: Req, context: Ctx, case: FromPath[str]) -> dict[str, Any]:
    """
    Return the records of a case that the caller may read, in the order of the log (项目记录).

    With ``after``, a page of those behind that index: so other cities follow a session. In a case that is not secret a
    record may become readable after later ones.
    """
    subject = subject_of(request)
    view = context.look(case, subject)
    family = request.query_params.get("family")
    found = [e for e in context.visible(view, subject) if family in (None, e.record.family)]
    if "after" in request.query_params:
        after = read_number(request.query_params["after"], "after", least=-1, most=INDEX_MAX)
        found = _page([e for e in found if e.filed.index > after])
    return {"items": [entry_json(e) for e in found]}


def _page(entries: list[Entry]) -> list[Entry]:
    """Return the first entries that make a page: not too many, and not larger than a strict reader takes."""
    size, count = 0, 0
    for entry in entries[:PAGE]:
        size += len(entry.record.body)
        if count and size > PAGE_BYTES:
            break
        count += 1
    return entries[:count]


def entry_json(entry: Entry) -> dict[str, Any]:
    """Return a record with its place in the log."""
    return {
        "digest": entry.record.digest,
        "family": entry.record.family,
        "author": entry.record.author,
        "accepted_at": write_instant(entry.filed.at),
        "index": entry.filed.index,
        "salt": entry.salt,
        **dict(entry.record.wire()),  # type: ignore[arg-type]
    }


@get("/cases/{case:str}/events", opt={"permission": "case.events"})
async def case_events(request: Req, context: Ctx, case: FromPath[str]) -> Watching:
    """
    Follow the public records of a case as they are accepted (实时推送).

    Each event has the log index as its id; ``Last-Event-ID`` continues without a gap. A heartbeat comes every 10 s.
    """
    context.look(case, Subject())
    started = request.headers.get("last-event-id", request.query_params.get("after", "-1"))
    after = read_number(started, "Last-Event-ID", least=-1, most=INDEX_MAX)

    def read(case: str, after: int) -> tuple[list[Told], bool, bool]:
        with context.door.store.read() as reading:
            found = reading.of_case(case, after, EVENTS_MAX)
        return [Told(x.index, block("record", _event(x), x.index)) for x in found], len(found) < EVENTS_MAX, True

    return Watching(await live_of(request.app, context.door.store).watch("records", case, read, after))


def _event(stored: Stored) -> dict[str, Json]:
    """What an event tells: which family at which instant; content is fetched under the caller's own rights."""
    return {
        "family": stored.row.family,
        "case": stored.row.case,
        "at": write_instant(stored.row.at),
        "index": stored.index,
    }


@get("/changes", opt={"permission": "changes"})
async def changes(request: Req, context: Ctx) -> dict[str, Any]:
    """Return public records of all cases in commit order (变更流); ``after`` is the last index seen."""
    after = read_number(request.query_params.get("after", "-1"), "after", least=-1, most=INDEX_MAX)
    with context.door.store.read() as reading:
        found = list(reading.changes(after, PAGE_MAX))
    return {"items": [_event(s) for s in found], "next": found[-1].index if found else after}


@get("/cases/{case:str}/evidence", opt={"permission": "case.evidence"})
async def case_evidence(request: Req, context: Ctx, case: FromPath[str]) -> Response[Any]:
    """Return the evidence file of a case (证据文件); ``linked=<case>:<role>`` adds sessions and guarantees."""
    context.look(case, subject_of(request))
    linked = dict(x.partition(":")[::2] for x in request.query_params.getall("linked", []))
    for other in linked:
        context.look(other, subject_of(request))
    made = await asyncio.to_thread(context.exporter.export, case, linked=linked)
    if isinstance(made, Refusal):
        return refusal_response(made, language(request))
    headers = {"Content-Disposition": f'attachment; filename="{case}.evidence.zip"'}
    return Response(made, media_type="application/zip", headers=headers)


@get("/inbox", opt={"permission": "case.own"})
async def inbox(request: Req, context: Ctx) -> dict[str, Any]:
    """Return the secret cases that the caller is a party of (我的事项)."""
    subject = subject_of(request)
    cases = [v for v in await asyncio.to_thread(context.desk.inbox, subject.party) if context.may_see(v, subject)]
    return {"items": [{"case": v.case.id, "procedure": v.case.procedure, "lots": dict(v.case.tracks)} for v in cases]}


# --- acts of the centre -----------------------------------------------------------------------------------------


@post("/cases/{case:str}/opening", opt={"permission": "opening.act"}, status_code=200)
async def opening_act(request: Req, context: Ctx, case: FromPath[str]) -> Response[Any]:
    """Run the opening (开标主持): ``act`` is ``start``, ``disclose``, ``give_up`` (with ``fault``) or ``close``."""
    view = context.look(case, subject_of(request))
    body = await read_object(request, "act", optional=("fault", "factors"))
    act = text_member(body, "act")
    if act == "start":
        outcomes = await asyncio.to_thread(context.opening.start, view.case.id)
    elif act == "disclose":
        outcomes = await asyncio.to_thread(context.opening.disclose, view.case.id)
    elif act == "give_up" and body.get("fault") in ("failed_bidder", "failed_other"):
        outcomes = await asyncio.to_thread(context.opening.disclose, view.case.id, give_up=str(body["fault"]))
    elif act == "close":
        outcomes = [await asyncio.to_thread(context.opening.close, view.case.id, factors=_factors(body.get("factors")))]
    else:
        raise Problem("BODY-INVALID", why="act")
    return await _acted(request, context, outcomes)


def _factors(value: Json) -> Mapping[str, Mapping[str, str]]:
    if value is None:
        return {}
    if not isinstance(value, Mapping) or not all(isinstance(v, Mapping) for v in value.values()):
        raise Problem("BODY-INVALID", why="factors")
    return {lot: {str(k): str(x) for k, x in v.items()} for lot, v in value.items() if isinstance(v, Mapping)}


async def _acted(request: Req, context: Context, outcomes: list[Outcome]) -> Response[Any]:
    """Answer an act of the centre, once the partner cities have been asked to cosign what it filed."""
    await asyncio.to_thread(context.sequencer.witnessing.catch_up)
    refused = next((o for o in outcomes if isinstance(o, Refusal)), None)
    if refused is not None:
        return refusal_response(refused, language(request))
    return Response({"records": [entry_json(o.entry) for o in outcomes if isinstance(o, Accepted)]})


@post("/cases/{case:str}/draws", opt={"permission": "draw.act"}, status_code=200)
async def draw_act(request: Req, context: Ctx, case: FromPath[str]) -> Response[Any]:
    """Run the draw of experts (抽取): first ``commitments`` by holder, later the ``nonces`` they reveal."""
    view = context.look(case, subject_of(request))
    body = await read_object(request, optional=("commitments", "nonces"))
    if "nonces" in body:
        outcome = await asyncio.to_thread(context.draw.draw, view.case.id, _texts(body["nonces"]))
    else:
        outcome = await asyncio.to_thread(context.draw.commit, view.case.id, _texts(body.get("commitments")))
    return await _acted(request, context, [outcome])


@post("/cases/{case:str}/ties", opt={"permission": "tie.act"}, status_code=200)
async def tie_act(request: Req, context: Ctx, case: FromPath[str]) -> Response[Any]:
    """Draw among tied bids (同分抽签) from the holders' ``nonces``."""
    view = context.look(case, subject_of(request))
    body = await read_object(request, "lot", "nonces", optional=("session",))
    lot, session = text_member(body, "lot"), body.get("session")
    tied = await asyncio.to_thread(
        context.evaluation.ties, view.case.id, lot, session=str(session) if session else None
    )
    if not tied:
        raise Problem("NOT-FOUND")
    return await _acted(
        request,
        context,
        [await asyncio.to_thread(context.evaluation.draw_tie, view.case.id, lot, tied, _texts(body["nonces"]))],
    )


@post("/cases/{case:str}/guarantee", opt={"permission": "guarantee.act"}, status_code=200)
async def guarantee_act(request: Req, context: Ctx, case: FromPath[str]) -> Response[Any]:
    """Confirm on a guarantee's case that the opening found its letter valid (保函核验登记)."""
    view = context.look(case, subject_of(request))
    await read_object(request, "event")
    return await _acted(request, context, [await asyncio.to_thread(context.guarantees.confirm, view.case.id)])


def _texts(value: Json) -> dict[str, str]:
    if not isinstance(value, Mapping) or not value or not all(isinstance(v, str) for v in value.values()):
        raise Problem("BODY-INVALID", why="nonces")
    return {str(k): str(v) for k, v in value.items()}


@get("/cases/{case:str}/report", opt={"permission": "report.prepare"})
async def report_prepare(request: Req, context: Ctx, case: FromPath[str]) -> Response[Any]:
    """Return the evaluation report as the records give it, for the chair to sign (评标报告草稿)."""
    subject = subject_of(request)
    view: CaseView = context.look(case, subject)
    p = request.query_params
    session = p.get("session")
    if session:
        context.look(session, subject)
    made = await asyncio.to_thread(
        context.evaluation.prepare, view.case.id, p.get("lot", ""), session=session, chair=subject.party or None
    )
    return refusal_response(made, language(request)) if isinstance(made, Refusal) else Response(made)


HANDLERS = [
    case_new,
    case_list,
    case_see,
    case_records,
    case_events,
    case_evidence,
    inbox,
    opening_act,
    draw_act,
    tie_act,
    guarantee_act,
    report_prepare,
    changes,
]
