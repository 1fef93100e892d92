"""
Remote evaluation (远程异地评标): one lead venue, one or more remote venues, a drawn committee, sealed scores.

Its cases are secret until the award is published: who evaluates is kept from bidders (招标投标法 37).
"""

from __future__ import annotations

from tradehall.kernel.procedure import Procedure, Step
from tradehall.kernel.refusal import Text
from tradehall.rules import sessions

STATES = {
    "new": Text("新建", "new"),
    "requested": Text("待场地确认", "venues deciding"),
    "returned": Text("已退回", "returned"),
    "approved": Text("场地已确认", "venues approved"),
    "drawn": Text("专家已抽取", "experts drawn"),
    "seated": Text("工位已分配", "seats booked"),
    "running": Text("评标中", "running"),
    "suspended": Text("已中断", "suspended"),
    "ended": Text("评标结束", "ended"),
}

STEPS = (
    Step(
        "new",
        ("participant",),
        "remote_session",
        "requested",
        (sessions.session_fits_tender, sessions.requester_runs_tender, sessions.session_window_is_lawful),
        "发改办法规〔2025〕807号",
    ),
    Step(
        "requested",
        ("venue",),
        "venue_decision",
        sessions.decision_moves,
        (sessions.venue_is_authors, sessions.lead_decides_first, sessions.seats_are_offered),
        "发改办法规〔2025〕807号",
    ),
    Step("approved", ("centre",), "draw_commitment", None, (sessions.pool_is_the_directory,), "招标投标法实施条例 46"),
    Step(
        "approved",
        ("centre",),
        "expert_draw",
        "drawn",
        (sessions.draw_is_committed, sessions.draw_repeats),
        "招标投标法 37; 招标投标法实施条例 46",
    ),
    *(
        Step(
            state,
            ("expert", "centre", "supervisor"),
            "recusal",
            "drawn" if state in ("drawn", "seated") else None,
            (sessions.recusal_is_of_member, sessions.replacement_is_next),
            "招标投标法 37; 12号令 12",
        )
        for state in ("drawn", "seated", "suspended")
    ),
    Step(
        "drawn",
        ("lead_venue", "centre"),
        "seat_booking",
        "seated",
        (sessions.seats_match_members,),
        "发改办法规〔2025〕807号",
    ),
    Step(
        "suspended",
        ("lead_venue", "centre"),
        "seat_booking",
        None,
        (sessions.seats_match_members,),
        "发改办法规〔2025〕807号",
    ),
    *(
        Step(
            state,
            ("expert",),
            "check_in",
            None,
            (sessions.within_window, sessions.seat_is_booked),
            "CTS-EBS01-2016 A-154",
        )
        for state in ("seated", "suspended")
    ),
    *(
        Step(
            state,
            ("venue",),
            "session_event",
            sessions.event_moves,
            (
                sessions.venue_is_authors,
                sessions.lead_runs_session,
                sessions.event_fits_state,
                sessions.all_are_checked_in,
                sessions.all_have_scored,
            ),
            "发改办法规〔2025〕807号",
        )
        for state in ("seated", "running", "suspended")
    ),
    Step(
        "running",
        ("expert",),
        "score_commitment",
        None,
        (sessions.expert_is_member, sessions.commitment_is_first),
        "招标投标法 44; 招标投标法实施条例 49",
    ),
    Step(
        "running",
        ("expert",),
        "score_sheet",
        None,
        (
            sessions.expert_is_member,
            sessions.all_have_committed,
            sessions.sheet_matches_commitment,
            sessions.scores_fit_method,
        ),
        "招标投标法 44; 招标投标法实施条例 49",
    ),
)

REMOTE_EVALUATION = Procedure(
    id="remote_evaluation",
    title=Text("远程异地评标", "Remote evaluation"),
    prefix="r",
    states=STATES,
    terminal=frozenset({"returned", "ended"}),
    steps=STEPS,
    folds={
        "remote_session": sessions.session_folds,
        "venue_decision": sessions.decision_folds,
        "draw_commitment": sessions.draw_commitment_folds,
        "expert_draw": sessions.draw_folds,
        "recusal": sessions.recusal_folds,
        "seat_booking": sessions.booking_folds,
        "check_in": sessions.check_in_folds,
        "session_event": sessions.event_folds,
        "score_commitment": sessions.score_commitment_folds,
        "score_sheet": sessions.sheet_folds,
    },
    secret=True,
    secret_families=frozenset(
        {
            "remote_session",
            "venue_decision",
            "draw_commitment",
            "expert_draw",
            "recusal",
            "seat_booking",
            "check_in",
            "session_event",
            "score_commitment",
            "score_sheet",
        }
    ),
    slots={},
)
