"""
Admission (受理判定): may this role file this family in this state, at this instant? Pure; the door calls it.

``admit`` judges a record against the table of its procedure. ``apply`` replays a record that was admitted earlier:
it never judges again, so that today's rules can't undo yesterday's lawful filing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradehall.kernel.case import ALL_LOTS, Case, Effects, Facts
from tradehall.kernel.procedure import Procedure, Step, View, World
from tradehall.kernel.record import Filed
from tradehall.kernel.refusal import Refusal, refuse

if TYPE_CHECKING:
    from tradehall_standards import Json


@dataclass(frozen=True, slots=True)
class Admitted:
    """A record that may stand (准予受理): the case after it, and the facts to write."""

    case: Case
    effects: Effects


def admit(
    procedure: Procedure, case: Case, filed: Filed, *, facts: Facts, roles: frozenset[str], world: World
) -> Admitted | Refusal:
    """
    Judge one record (判定一份记录).

    Args:
        case: the case as its records have left it; a new case for the first record.
        filed: the record, stamped with the instant of acceptance inside the transaction.
        roles: what the author is: registered roles and relations to the case.
        world: the law and the facts outside the case.

    Returns:
        The case after the record, or the first refusal in the order: lot, state, role, guards as listed.
    """
    family = filed.record.family
    if case.is_new and not procedure.rows(case.tracks[ALL_LOTS], family):
        return refuse("CASE-UNKNOWN", case=case.id)
    touched = touched_lots(procedure, case, family, filed.record.payload)
    if isinstance(touched, Refusal):
        return touched
    view = View(case, facts, filed, touched, roles, world)
    for lot in touched:
        refusal = _judge_lot(procedure, view, lot)
        if refusal is not None:
            return refusal
    return _after(procedure, view)


def apply(procedure: Procedure, case: Case, filed: Filed, *, facts: Facts, world: World) -> Admitted:
    """Replay an admitted record (重放): same effects as when it was admitted, no judgement."""
    touched = touched_lots(procedure, case, filed.record.family, filed.record.payload)
    if isinstance(touched, Refusal):
        touched = ()
    return _after(procedure, View(case, facts, filed, touched, frozenset(), world))


def touched_lots(
    procedure: Procedure, case: Case, family: str, payload: Mapping[str, Json]
) -> tuple[str, ...] | Refusal:
    """
    Return the lots a record is about (涉及标段).

    A payload names one lot (``lot``), several (``lots``), or none: then it concerns every lot in whose state the table
    has a row for the family, so that a failed lot does not hold up the others.
    """
    named = _named_lots(payload)
    if case.is_new:
        return (ALL_LOTS,)
    if ALL_LOTS in case.tracks:
        return (ALL_LOTS,)
    if named:
        unknown = [lot for lot in named if lot not in case.tracks]
        return refuse("LOT-UNKNOWN", lot=unknown[0], pointer="/lot") if unknown else named
    open_lots = tuple(lot for lot, state in case.tracks.items() if procedure.rows(state, family))
    return open_lots or tuple(case.tracks)[:1]


def _named_lots(payload: Mapping[str, Json]) -> tuple[str, ...]:
    lot = payload.get("lot")
    if isinstance(lot, str):
        return (lot,)
    lots = payload.get("lots")
    if not isinstance(lots, list):
        return ()
    named = (item.get("lot", item.get("id")) if isinstance(item, dict) else item for item in lots)
    return tuple(dict.fromkeys(str(lot) for lot in named if isinstance(lot, str)))


def _judge_lot(procedure: Procedure, view: View, lot: str) -> Refusal | None:
    family, state = view.filed.record.family, view.case.tracks[lot]
    rows = procedure.rows(state, family)
    if not rows:
        closed = procedure.closed.get((family, state))
        if closed is not None:
            return closed(view)
        title = procedure.states[state]
        return refuse("STEP-CLOSED", lot=lot, state=f"{title.zh} ({title.en})", family=family)
    row = next((r for r in rows if view.roles.intersection(r.roles)), None)
    if row is None:
        return refuse("ROLE-NOT-ALLOWED", family=family, roles=" / ".join(sorted({x for r in rows for x in r.roles})))
    return _first_refusal(row, View(view.case, view.facts, view.filed, (lot,), view.roles, view.world))


def _first_refusal(row: Step, view: View) -> Refusal | None:
    for guard in row.guards:
        refusal = guard(view)
        if refusal is not None:
            return refusal
    return None


def _after(procedure: Procedure, view: View) -> Admitted:
    family = view.filed.record.family
    fold = procedure.folds.get(family)
    effects = fold(view) if fold else Effects()
    moved: dict[str, str] = {}
    for lot in view.lots:
        rows = procedure.rows(view.case.tracks[lot], family)
        if rows:
            moved[lot] = rows[0].next_state(View(view.case, view.facts, view.filed, (lot,), view.roles, view.world))
    return Admitted(view.case.after(effects, moved), effects)


def roles_of(case: Case, author: str, registered: frozenset[str]) -> frozenset[str]:
    """
    Return what an author is in a case (作者在本案的身份).

    Registered roles (centre, supervisor, guarantor, expert, officer) come from the directory; relations (tenderer,
    agency, custodian, …) from the head of the case. A bid key is a bidder; every organisation is a participant.
    """
    if author.startswith("bid:"):
        return frozenset({"bidder"})
    roles = set(registered)
    if author == case.text("node"):
        roles.add("centre")
    if author.startswith(("org:", "foreign:")):
        roles.add("participant")
    roles.update(role for role in case.table("parties") if author in case.parties(role))
    return frozenset(roles)
