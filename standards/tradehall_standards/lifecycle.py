"""
Life cycle (标准生命周期): the state of every version on every date, from signed dates and nothing else.

Two dates count for everything: the day on which something takes effect, and the day from which it is known. A
manifest tells what was decided at publication; ``lifecycle.json`` holds what was decided later, row by row, and only
grows. So what held on day D as it was known on day K can always be said again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Final, Literal, cast

from tradehall_standards.strict import Json, as_array, as_object

State = Literal[
    "unpublished",
    "draft",
    "consultation",
    "approved",
    "published",
    "in_force",
    "under_review",
    "deprecated",
    "superseded",
    "withdrawn",
]
Event = Literal[
    "drafted", "consulted", "approved", "published", "in_force", "reviewed", "confirmed", "deprecated", "withdrawn"
]

TITLES: Final[Mapping[State, tuple[str, str]]] = {
    "unpublished": ("未发布", "Not published"),
    "draft": ("草案", "Draft"),
    "consultation": ("征求意见", "Consultation"),
    "approved": ("已批准", "Approved"),
    "published": ("即将实施", "Published, not yet in force"),
    "in_force": ("现行", "In force"),
    "under_review": ("复审中", "Under review"),
    "deprecated": ("不再推荐", "Deprecated"),
    "superseded": ("被代替", "Superseded"),
    "withdrawn": ("废止", "Withdrawn"),
}
"""Every state with its title, zh and en."""

CITABLE: Final[frozenset[State]] = frozenset({"in_force", "under_review", "deprecated", "superseded"})
"""States in which a record may cite a version."""

_LEADS: Final[Mapping[Event, State]] = {
    "drafted": "draft",
    "consulted": "consultation",
    "approved": "approved",
    "published": "published",
    "in_force": "in_force",
    "reviewed": "under_review",
    "confirmed": "in_force",
    "deprecated": "deprecated",
    "withdrawn": "withdrawn",
}
_RANK: Final[Mapping[Event, int]] = {event: rank for rank, event in enumerate(_LEADS)}
_FROM_MANIFEST: Final[Mapping[str, Event]] = {
    "drafted_on": "drafted",
    "consultation_from": "consulted",
    "approved_on": "approved",
    "published_on": "published",
    "in_force_from": "in_force",
    "sunset": "withdrawn",
}
_ONCE: Final[frozenset[Event]] = frozenset({"published", "in_force", "deprecated", "withdrawn"})
"""Events of which a later decision takes the place of an earlier one; a review may come again and again."""
_ONLY_IN_FORCE: Final[frozenset[Event]] = frozenset({"reviewed", "confirmed", "deprecated"})


class LifecycleError(ValueError):
    """``lifecycle.json`` is not in form, or rows contradict one another (生命周期文件不合格)."""


@dataclass(frozen=True, slots=True)
class Decision:
    """
    One decision on a version (生命周期决定).

    Attributes:
        standard: ``<family>/<version>``.
        event: what happens to it.
        on: day on which it takes effect; None where an earlier decision of this kind is taken back.
        known_from: day from which the decision is known.
        reason: why, zh and en; empty for what the manifest tells.
    """

    standard: str
    event: Event
    on: date | None
    known_from: date
    reason: Mapping[str, str]


def read_decisions(document: Json) -> tuple[Decision, ...]:
    """
    Read the rows of ``lifecycle.json`` (读取生命周期决定), oldest decision first.

    Raises:
        LifecycleError: a member is missing or unknown, or a row was decided before the row that precedes it.
    """
    rows = tuple(_decision(as_object(row)) for row in as_array(as_object(document).get("rows")))
    for earlier, later in pairwise(rows):
        if later.known_from < earlier.known_from:
            raise LifecycleError(f"{later.standard}: rows stand in the order in which they were decided")
    return rows


def _decision(row: Mapping[str, Json]) -> Decision:
    try:
        event, on = cast("Event", row["event"]), row["on"]
        found = Decision(
            standard=str(row["standard"]),
            event=event,
            on=None if on is None else date.fromisoformat(str(on)),
            known_from=date.fromisoformat(str(row["decided_on"])),
            reason={language: str(as_object(row["reason"])[language]) for language in ("zh", "en")},
        )
    except (KeyError, ValueError) as problem:
        raise LifecycleError(f"lifecycle: {row.get('standard')}: {problem!r}") from None
    if event not in _LATER or set(row) ^ _MEMBERS:
        raise LifecycleError(f"lifecycle: {found.standard}: event or members")
    if found.on is not None and found.on < found.known_from and event in {"in_force", "withdrawn"}:
        raise LifecycleError(f"lifecycle: {found.standard}: {event} can't be decided for a day that has passed")
    return found


_MEMBERS: Final = frozenset({"standard", "event", "on", "decided_on", "reason"})
_LATER: Final[frozenset[Event]] = frozenset({"in_force", "reviewed", "confirmed", "deprecated", "withdrawn"})
"""What can be decided after publication; everything earlier stands in the manifest."""


def decisions_of_manifest(standard: str, states: Mapping[str, Json], known_from: date | None = None) -> list[Decision]:
    """Return what a manifest decided, known from its publication or from the day of its release (清单所载日期)."""
    published = states.get("published_on")
    known = known_from or (date.fromisoformat(published) if isinstance(published, str) else date.max)
    return [
        Decision(standard, event, date.fromisoformat(text), known, {})
        for member, event in _FROM_MANIFEST.items()
        if isinstance(text := states.get(member), str)
    ]


def dated(decisions: Iterable[Decision], known_on: date) -> tuple[Decision, ...]:
    """Return what holds of the decisions known on a day, by the day of effect (已知决定)."""
    once: dict[Event, Decision] = {}
    often: list[Decision] = []
    for decision in decisions:
        if decision.known_from > known_on:
            continue
        if decision.event in _ONCE:
            once[decision.event] = decision
        else:
            often.append(decision)
    held = [decision for decision in (*once.values(), *often) if decision.on is not None]
    return tuple(sorted(held, key=lambda found: (found.on or date.max, _RANK[found.event])))


def state_on(decisions: Sequence[Decision], day: date, known_on: date) -> State:
    """
    Return the state of one version on ``day``, as known on ``known_on`` (某日状态), as if it had no successor.

    Once withdrawn a version stays so; what is not yet in force can't be under review, confirmed or deprecated.
    """
    return state_from(dated(decisions, known_on), day)


def state_from(held: Sequence[Decision], day: date) -> State:
    """Return the state on ``day`` from what :func:`dated` gave."""
    state: State = "unpublished"
    for decision in held:
        if decision.on is None or decision.on > day or state == "withdrawn":
            break
        if decision.event in _ONLY_IN_FORCE and state not in CITABLE:
            continue
        if decision.event == "reviewed" and state == "deprecated":
            continue
        state = _LEADS[decision.event]
    return state


def states_of(family: Mapping[str, Sequence[Decision]], day: date, known_on: date) -> dict[str, State]:
    """
    Return the state of every version of a family (全部版本状态): a version with a later one in force is superseded.

    Args:
        family: decisions by version, oldest version first.
        day: day of effect.
        known_on: day of knowledge.
    """
    states: dict[str, State] = {version: state_on(decisions, day, known_on) for version, decisions in family.items()}
    later_in_force = False
    for version in reversed(states):
        state = states[version]
        if later_in_force and state in CITABLE:
            states[version] = "superseded"
        later_in_force = later_in_force or state in CITABLE
    return states


def date_of(decisions: Iterable[Decision], event: Event, known_on: date = date.max) -> date | None:
    """Return the day on which an event takes effect, as known on a day; None where it does not."""
    return next((found.on for found in reversed(dated(decisions, known_on)) if found.event == event), None)
