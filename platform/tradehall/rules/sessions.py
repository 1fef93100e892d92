"""
Remote evaluation (远程异地评标): venues, draw, recusal, seats, check-in, sealed scores.

One lead venue (主场) and one or more remote venues (副场); experts and seats one to one; every score is committed
before any is shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, cast

from tradehall.kernel.case import Case, Effects, Fact, Facts, legal_date, local_text, read_instant
from tradehall.kernel.payload import Obj, obj, rows, texts
from tradehall.kernel.procedure import Expert, View
from tradehall.kernel.record import CaseId
from tradehall.kernel.refusal import Refusal, refuse
from tradehall.rules import drawing, merkle
from tradehall_standards import canonical

if TYPE_CHECKING:
    from tradehall_standards import Json


def tender_of(view: View) -> tuple[Case, Facts] | None:
    """Return the tender that a session evaluates."""
    named = view.payload.get("tender") or view.case.head.get("tender")
    return view.world.linked.get(CaseId(str(named)))


def members(view: View) -> dict[str, str]:
    """Return the seated committee: expert → stratum, after recusals."""
    return {str(k): str(v) for k, v in view.case.table("members").items()}


def venues(view: View) -> list[Obj]:
    """Return the venues, the lead first."""
    return [view.case.table("lead_venue"), *rows(view.case.head.get("remote_venues"))]


def opened_submissions(facts: Facts, lot: str) -> list[str]:
    """Return the submissions of a lot that were opened, sorted."""
    return sorted(s for s, d in facts.all("disclosed") if obj(d)["lot"] == lot and obj(d)["outcome"] == "opened")


def pool_root(ids: Sequence[str]) -> str:
    """Return the RFC 6962 root over the sorted ids of a pool, hex (专家库根)."""
    return merkle.Frontier().extend(merkle.leaf_hash(name.encode("ascii")) for name in sorted(ids)).root().hex()


# --- guards: request and venues -------------------------------------------------------------------------------


def session_fits_tender(view: View) -> Refusal | None:
    """Refuse a session for a tender that is unknown, not opened, or whose committee has another size."""
    tender = tender_of(view)
    if tender is None:
        return refuse("CASE-UNKNOWN", case=view.payload["tender"], pointer="/tender")
    case, _ = tender
    for i, lot in enumerate(texts(view.payload["lots"])):
        if case.tracks.get(lot) != "opened":
            return refuse("SESSION-WRONG", why=f"标段 {lot} 尚未开标或已评审 / lot is not opened", pointer=f"/lots/{i}")
    size = case.table("committee").get("size")
    if size != view.payload["committee_size"]:
        return refuse("SESSION-WRONG", why=f"评委应为 {size} 人 / committee size", pointer="/committee_size")
    return None


def requester_runs_tender(view: View) -> Refusal | None:
    """Refuse a session that is not requested by the tenderer or agency of its tender."""
    tender = tender_of(view)
    allowed = (*tender[0].parties("tenderer"), *tender[0].parties("agency")) if tender else ()
    return (
        None
        if view.author in allowed
        else refuse("ROLE-NOT-ALLOWED", family="remote_session", roles="tenderer / agency")
    )


def session_window_is_lawful(view: View) -> Refusal | None:
    """Refuse a session over midnight, in the past, or with fewer seats than members."""
    start, end = (read_instant(str(view.payload[k])) for k in ("starts_at", "ends_at"))
    if legal_date(start) != legal_date(end) or not view.at < end or start >= end:
        return refuse("SESSION-WRONG", why="评标时间应在同一日且未过 / one day, not past", pointer="/ends_at")
    wanted = sum(cast("int", s["count"]) for s in rows(view.payload["seats_wanted"]))
    ids = [str(v["id"]) for v in [obj(view.payload["lead_venue"]), *rows(view.payload["remote_venues"])]]
    if len(set(ids)) != len(ids) or {str(s["venue"]) for s in rows(view.payload["seats_wanted"])} != set(ids):
        return refuse("SEATS-WRONG", why="场地编号 / venues", pointer="/seats_wanted")
    if wanted != view.payload["committee_size"]:
        return refuse("SEATS-WRONG", why="工位数应等于评委人数 / seats and members", pointer="/seats_wanted")
    return None


def venue_is_authors(view: View) -> Refusal | None:
    """Refuse a decision or an event of a venue by someone who does not run it."""
    venue = next((v for v in venues(view) if v["id"] == view.payload["venue"]), None)
    if venue is None or obj(venue["centre"])["id"] != view.author:
        return refuse("ROLE-NOT-ALLOWED", family=view.filed.record.family, roles="venue", pointer="/venue")
    return None


def lead_decides_first(view: View) -> Refusal | None:
    """Refuse a remote venue's decision before the lead venue approved."""
    lead = str(view.case.table("lead_venue")["id"])
    decided = view.case.table("decisions")
    if view.payload["venue"] in decided:
        return refuse("SESSION-WRONG", why="该场地已决定 / decided before", pointer="/venue")
    return None if view.payload["venue"] == lead or lead in decided else refuse("VENUE-ORDER", pointer="/venue")


def seats_are_offered(view: View) -> Refusal | None:
    """Refuse an approval that does not offer exactly the seats asked for."""
    if view.payload["decision"] != "approve":
        return None
    wanted = next(s for s in rows(view.case.head["seats_wanted"]) if s["venue"] == view.payload["venue"])
    offered = {str(s["id"]) for s in rows(view.payload["seats"])}
    return (
        None
        if len(offered) == wanted["count"]
        else refuse("SEATS-WRONG", why="工位数 / number of seats", pointer="/seats")
    )


# --- guards: draw and recusal ---------------------------------------------------------------------------------


def draw_is_committed(view: View) -> Refusal | None:
    """Refuse a draw whose pool, holders or beacon were not committed beforehand (先承诺后抽取)."""
    committed = view.case.table("draw_commitment")
    if not committed:
        return refuse("DRAW-WRONG", why="尚无抽取承诺 / no draw commitment")
    p = view.payload
    if (p["pool_root"], p["pool_size"]) != (committed["pool_root"], committed["pool_size"]):
        return refuse("DRAW-WRONG", why="专家库与承诺不符 / pool", pointer="/pool_root")
    if obj(p["beacon"])["source"] != committed["beacon_source"]:
        return refuse("DRAW-WRONG", why="信标 / beacon", pointer="/beacon")
    holders = {str(h["holder"]): str(h["commitment"]) for h in rows(committed["holders"])}
    unproved = drawing.unproved(holders, {str(n["holder"]): str(n["nonce"]) for n in rows(p["nonces"])})
    return refuse("DRAW-WRONG", why="随机数与承诺不符 / nonces", pointer="/nonces") if unproved else None


def pool_is_the_directory(view: View) -> Refusal | None:
    """Refuse a committed pool that is not the directory's experts (专家库全量)."""
    ids = sorted(view.world.experts)
    if view.payload["pool_size"] == len(ids) and view.payload["pool_root"] == pool_root(ids):
        return None
    return refuse("DRAW-WRONG", why="专家库 / pool differs from the directory", pointer="/pool_root")


def draw_repeats(view: View) -> Refusal | None:
    """Refuse a draw that nobody could repeat: seed, excluded experts, members and reserves are recomputed (可复算)."""
    p = view.payload
    seed = drawing.seed(
        purpose=f"experts:{view.case.id}",
        pool_root=str(p["pool_root"]),
        pool_size=cast("int", p["pool_size"]),
        nonces={str(n["holder"]): str(n["nonce"]) for n in rows(p["nonces"])},
        beacon={k: str(v) for k, v in obj(p["beacon"]).items()},
    )
    if seed != p["seed"]:
        return refuse("DRAW-WRONG", why="种子 / seed", pointer="/seed")
    barred = required_exclusions(view)
    stated = {(str(e["expert"]), str(e["ground"])) for e in rows(p["excluded"])}
    if stated != barred:
        return refuse("DRAW-WRONG", why="回避名单 / excluded experts", pointer="/excluded")
    out = {expert for expert, _ in barred}
    for i, stratum in enumerate(rows(p["strata"])):
        ids = [e.id for e in view.world.experts.values() if e.stratum == stratum["stratum"] and e.id not in out]
        try:
            drawn, reserves = drawing.draw(seed, str(stratum["stratum"]), ids, cast("int", stratum["seats"]))
        except drawing.PoolTooSmall as small:
            return refuse("DRAW-WRONG", why=f"{small.eligible} < {small.seats}", pointer=f"/strata/{i}")
        if list(drawn) != stratum["members"] or list(reserves) != stratum["reserves"]:
            return refuse("DRAW-WRONG", why=str(stratum["stratum"]), pointer=f"/strata/{i}")
    return _strata_refusal(view)


def _strata_refusal(view: View) -> Refusal | None:
    tender = tender_of(view)
    wanted = {str(s["id"]): s["seats"] for s in rows(tender[0].table("committee")["strata"])} if tender else {}
    drawn = {str(s["stratum"]): s["seats"] for s in rows(view.payload["strata"])}
    return None if wanted == drawn else refuse("DRAW-WRONG", why="专业与席位 / strata", pointer="/strata")


def required_exclusions(view: View) -> set[tuple[str, str]]:
    """Return the experts who must not be drawn for the tender of a session, each with its ground (应当回避)."""
    tender = tender_of(view)
    return set() if tender is None else exclusions(*tender, view.world.experts)


def exclusions(case: Case, facts: Facts, experts: Mapping[str, Expert]) -> set[tuple[str, str]]:
    """
    Return the experts who must stand aside in a tender, each with its ground (应当回避).

    Employees of the tenderer, the agency, the supervisor or a bidder; and whoever the directory knows to be bound to
    one of them, or barred from everything (``*``).

    Source: 招标投标法 37; 招标投标法实施条例 46; 12号令 12.
    """
    named = {p: role for role in ("tenderer", "agency", "supervisor") for p in case.parties(role)}
    named |= {str(obj(obj(d)["bidder"])["id"]): "bidder" for _, d in facts.all("disclosed") if "bidder" in obj(d)}
    found: set[tuple[str, str]] = set()
    for expert in experts.values():
        if expert.employer in named:
            found.add((expert.id, named[expert.employer]))
            continue
        ground = next((g for party, g in expert.conflicts if party in named or party == "*"), None)
        if ground is not None:
            found.add((expert.id, ground))
    return found


def recusal_is_of_member(view: View) -> Refusal | None:
    """Refuse a recusal of someone who is no member, by another than the expert, the centre or the supervisor."""
    expert = str(view.payload["expert"])
    if expert not in members(view):
        return refuse("SESSION-WRONG", why="不是本场评委 / not a member", pointer="/expert")
    if view.payload["declared_by"] == "expert" and view.author != expert:
        return refuse("ROLE-NOT-ALLOWED", family="recusal", roles="expert", pointer="/declared_by")
    if expert in view.case.table("committed"):
        return refuse("SCORE-DUPLICATE", pointer="/expert")
    return None


def replacement_is_next(view: View) -> Refusal | None:
    """Refuse a replacement that is not the next reserve of the same stratum (递补)."""
    stratum = members(view).get(str(view.payload["expert"]), "")
    reserves = texts(view.case.table("reserves").get(stratum))
    expected = reserves[0] if reserves else None
    if view.payload.get("replaced_by") == expected:
        return None
    return refuse("DRAW-WRONG", why=f"递补应为 {expected} / next reserve", pointer="/replaced_by")


# --- guards: seats, check-in, running -------------------------------------------------------------------------


def seats_match_members(view: View) -> Refusal | None:
    """Refuse bookings that do not seat every member exactly once on an offered seat (一人一座)."""
    bookings = rows(view.payload["bookings"])
    seats = {(v, s) for v, offered in view.case.table("seats").items() for s in texts(offered)}
    taken = [(str(b["venue"]), str(b["seat"])) for b in bookings]
    if sorted(str(b["expert"]) for b in bookings) != sorted(members(view)):
        return refuse("SEATS-WRONG", why="评委 / members", pointer="/bookings")
    if len(set(taken)) != len(taken) or not set(taken) <= seats:
        return refuse("SEATS-WRONG", why="工位 / seats", pointer="/bookings")
    return None


def seat_is_booked(view: View) -> Refusal | None:
    """Refuse a check-in by another than the expert, at another seat than booked, or without pledge."""
    p = view.payload
    booking = obj(view.case.table("bookings").get(str(p["expert"])))
    if p["expert"] != view.author or (booking.get("venue"), booking.get("seat")) != (p["venue"], p["seat"]):
        return refuse("SEATS-WRONG", why="签到人或工位不符 / not the booked seat", pointer="/seat")
    if p["pledge"] is not True or p["no_conflict"] is not True:
        return refuse(
            "RECUSAL-REQUIRED", expert=p["expert"], why="未作承诺或存在利害关系 / no pledge", pointer="/pledge"
        )
    return None


def within_window(view: View) -> Refusal | None:
    """Refuse check-in and start outside the window of the session (评标时段)."""
    start, end = view.case.instant("starts_at"), view.case.instant("ends_at")
    if start is not None and end is not None and start <= view.at < end:
        return None
    return refuse("SESSION-WRONG", why=f"{view.case.text('starts_at')} – {view.case.text('ends_at')}")


def lead_runs_session(view: View) -> Refusal | None:
    """Refuse start, resume and end by another venue than the lead; any venue may suspend."""
    lead = obj(view.case.table("lead_venue")["centre"])["id"]
    if view.payload["event"] == "suspend" or view.author == lead:
        return None
    return refuse("ROLE-NOT-ALLOWED", family="session_event", roles="lead venue", pointer="/event")


def event_fits_state(view: View) -> Refusal | None:
    """Refuse an event that the state does not allow: start once, resume only what is suspended."""
    state = view.case.tracks["*"]
    allowed = {"seated": {"start"}, "running": {"suspend", "end"}, "suspended": {"resume"}}.get(state, set[str]())
    if view.payload["event"] in allowed:
        return None
    return refuse("STEP-CLOSED", lot="-", state=state, family=f"session_event:{view.payload['event']}")


def all_are_checked_in(view: View) -> Refusal | None:
    """Refuse to start or resume while a member has not checked in, or the committee is short of one (无人递补)."""
    if view.payload["event"] not in ("start", "resume"):
        return None
    size = view.case.head.get("committee_size")
    if len(members(view)) != size:
        return refuse("COMMITTEE-NOT-LAWFUL", why=f"{len(members(view))} / {size}", pointer="/event")
    present = view.case.table("present")
    missing = next((m for m in members(view) if m not in present), None)
    return refuse("NOT-CHECKED-IN", expert=missing) if missing else None


def all_have_scored(view: View) -> Refusal | None:
    """Refuse to end a session while a sheet is missing."""
    if view.payload["event"] != "end":
        return None
    wanted = len(members(view)) * len(texts(view.case.head["lots"]))
    found = len(view.facts.all("sheet"))
    return None if found == wanted else refuse("SCORES-SEALED", count=wanted - found)


def expert_is_member(view: View) -> Refusal | None:
    """Refuse scores of someone who is no checked-in member, or in another's name."""
    expert = str(view.payload["expert"])
    if expert != view.author or expert not in members(view):
        return refuse("ROLE-NOT-ALLOWED", family=view.filed.record.family, roles="expert", pointer="/expert")
    if expert not in view.case.table("present"):
        return refuse("NOT-CHECKED-IN", expert=expert)
    return (
        None if view.payload["lot"] in texts(view.case.head["lots"]) else refuse("LOT-UNKNOWN", lot=view.payload["lot"])
    )


def commitment_is_first(view: View) -> Refusal | None:
    """Refuse a second score commitment for the same lot: a locked score stays locked."""
    key = f"{view.payload['lot']}:{view.payload['expert']}"
    return refuse("SCORE-DUPLICATE") if view.facts.get("score", key) is not None else None


def all_have_committed(view: View) -> Refusal | None:
    """Refuse to show any sheet of a lot before every member committed to one (先锁定后公开)."""
    lot = view.payload["lot"]
    missing = sum(1 for m in members(view) if view.facts.get("score", f"{lot}:{m}") is None)
    return refuse("SCORES-SEALED", count=missing) if missing else None


def sheet_matches_commitment(view: View) -> Refusal | None:
    """Refuse a sheet that is not the one committed to, or a second sheet."""
    key = f"{view.payload['lot']}:{view.payload['expert']}"
    if view.facts.get("sheet", key) is not None:
        return refuse("SCORE-DUPLICATE")
    same = view.facts.get("score", key) == canonical.digest(dict(view.payload))
    return None if same else refuse("SCORE-MISMATCH")


def scores_fit_method(view: View) -> Refusal | None:
    """Refuse scores outside their criterion's bounds, for other bids than the opened ones, or incomplete."""
    tender = tender_of(view)
    if tender is None:
        return refuse("CASE-UNKNOWN", case=view.case.text("tender"))
    case, facts = tender
    criteria = {str(c["id"]): c for c in rows(case.table("evaluation")["criteria"])}
    scores = rows(view.payload["scores"])
    if sorted(str(s["submission"]) for s in scores) != opened_submissions(facts, str(view.payload["lot"])):
        return refuse("SCORE-INVALID", why="投标集合 / bids", pointer="/scores")
    for i, score in enumerate(scores):
        why = _score_fault(score, criteria)
        if why:
            return refuse("SCORE-INVALID", why=why, pointer=f"/scores/{i}")
    return None


def _score_fault(score: Obj, criteria: Mapping[str, Obj]) -> str:
    if "reject" in score:
        return ""
    items = {str(item["criterion"]): Decimal(str(item["points"])) for item in rows(score["items"])}
    if items.keys() != criteria.keys() or len(items) != len(rows(score["items"])):
        return "评分项不全或重复 / criteria"
    for name, points in items.items():
        if not Decimal(str(criteria[name]["min"])) <= points <= Decimal(str(criteria[name]["max"])):
            return f"{name}: {points}"
    return ""


# --- folds ----------------------------------------------------------------------------------------------------


def session_folds(view: View) -> Effects:
    """Note the request: venues, window, seats (远程评标申请)."""
    p = view.payload
    centres = [str(obj(v["centre"])["id"]) for v in [obj(p["lead_venue"]), *rows(p["remote_venues"])]]
    tender = tender_of(view)
    parties: dict[str, Json] = {
        "lead_venue": centres[:1],
        "venue": list(dict.fromkeys(centres)),
        "tenderer": list(tender[0].parties("tenderer")) if tender else [],
        "agency": list(tender[0].parties("agency")) if tender else [],
        "supervisor": list(tender[0].parties("supervisor")) if tender else [],
    }
    head: dict[str, Json] = {
        k: p[k]
        for k in (
            "tender",
            "lots",
            "lead_venue",
            "remote_venues",
            "starts_at",
            "ends_at",
            "seats_wanted",
            "committee_size",
        )
    }
    regime = {"regime": tender[0].regime, "region": tender[0].region} if tender else {}
    return Effects(head={**head, **regime, "parties": parties})


def decision_folds(view: View) -> Effects:
    """Note a venue's decision and the seats it offers."""
    p = view.payload
    head: dict[str, Json] = {"decisions": {**view.case.table("decisions"), str(p["venue"]): p["decision"]}}
    if p["decision"] == "approve":
        head["seats"] = {**view.case.table("seats"), str(p["venue"]): [s["id"] for s in rows(p["seats"])]}
    return Effects(head=head)


def decision_moves(view: View) -> str:
    """Return the state after a venue's decision: one refusal returns the request, the last approval approves it."""
    if view.payload["decision"] != "approve":
        return "returned"
    decided = {**view.case.table("decisions"), str(view.payload["venue"]): "approve"}
    return "approved" if {str(v["id"]) for v in venues(view)} == set(decided) else "requested"


def draw_commitment_folds(view: View) -> Effects:
    """Keep the commitment to pool, nonce holders and beacon."""
    return Effects(head={"draw_commitment": dict(view.payload)})


def draw_folds(view: View) -> Effects:
    """Seat the members drawn (抽取结果)."""
    drawn: dict[str, Json] = {}
    reserves: dict[str, Json] = {}
    for stratum in rows(view.payload["strata"]):
        drawn |= dict.fromkeys(texts(stratum["members"]), stratum["stratum"])
        reserves[str(stratum["stratum"])] = stratum["reserves"]
    parties = {**view.case.table("parties"), "expert": list(drawn)}
    return Effects(head={"members": drawn, "reserves": reserves, "parties": parties})


def recusal_folds(view: View) -> Effects:
    """Replace a member by the next reserve; the seat must be booked again."""
    expert = str(view.payload["expert"])
    seated = members(view)
    stratum = seated.pop(expert)
    reserves = texts(view.case.table("reserves").get(stratum))
    if reserves:
        seated[reserves[0]] = stratum
    parties = {**view.case.table("parties"), "expert": list(seated)}
    present = {k: v for k, v in view.case.table("present").items() if k != expert}
    head: dict[str, Json] = {
        "members": dict(seated),
        "reserves": {**view.case.table("reserves"), stratum: cast("Json", reserves[1:])},
        "parties": parties,
        "present": present,
    }
    return Effects(head=head)


def booking_folds(view: View) -> Effects:
    """Keep who sits where."""
    kept: dict[str, Json] = {
        str(b["expert"]): {"venue": b["venue"], "seat": b["seat"]} for b in rows(view.payload["bookings"])
    }
    return Effects(head={"bookings": kept})


def check_in_folds(view: View) -> Effects:
    """Note an expert as present (签到)."""
    return Effects(head={"present": {**view.case.table("present"), view.author: local_text(view.at)}})


def event_folds(view: View) -> Effects:
    """Note the event; a suspension asks everybody to check in again before it resumes (中断后重新签到)."""
    log = [
        *rows(view.case.head.get("log")),
        {"event": view.payload["event"], "at": local_text(view.at), "venue": view.payload["venue"]},
    ]
    head: dict[str, Json] = {"log": cast("Json", [dict(e) for e in log])}
    if view.payload["event"] == "suspend":
        head["present"] = {}
    return Effects(head=head)


def event_moves(view: View) -> str:
    """Return the state after an event."""
    return {"start": "running", "suspend": "suspended", "resume": "running", "end": "ended"}[str(view.payload["event"])]


def score_commitment_folds(view: View) -> Effects:
    """Lock a score by its digest (评分锁定)."""
    key = f"{view.payload['lot']}:{view.payload['expert']}"
    committed = {**view.case.table("committed"), str(view.payload["expert"]): True}
    return Effects(head={"committed": committed}, facts=(Fact("score", key, view.payload["digest"]),))


def sheet_folds(view: View) -> Effects:
    """Keep a revealed sheet (评分表)."""
    key = f"{view.payload['lot']}:{view.payload['expert']}"
    kept: Json = {
        "expert": view.payload["expert"],
        "lot": view.payload["lot"],
        "scores": view.payload["scores"],
        "record": view.digest,
    }
    return Effects(facts=(Fact("sheet", key, kept),))
