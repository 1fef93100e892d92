"""
Procedures (程序): typed tables that say who may file what, when, and what follows.

A row is *state, roles, family, next state, guards, clause*. Whatever a row can't say is a named pure function:
a guard refuses, a fold tells what the record changes. Procedures know nothing of one another.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING

from tradehall.kernel.case import Case, Effects, Facts, legal_date
from tradehall.kernel.record import CaseId, Filed
from tradehall.kernel.refusal import Refusal, Text

if TYPE_CHECKING:
    from tradehall.kernel.law import Law
    from tradehall_standards import Json
    from tradehall_standards.parameters import Rule
    from tradehall_standards.periods import PeriodVerdict


@dataclass(frozen=True, slots=True)
class Expert:
    """What the directory knows of an evaluation expert (评标专家)."""

    id: str
    stratum: str
    city: str
    employer: str
    conflicts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class World:
    """
    What lies outside the case and is needed to judge (外部事实): read in the same transaction, never written here.

    Attributes:
        law: the numbers of the law for the case's regime and region.
        linked: other cases that the payload names.
        issuers: guarantors whose letters count, party → name.
        experts: known experts by id.
    """

    law: Law
    linked: Mapping[CaseId, tuple[Case, Facts]] = field(default_factory=dict[CaseId, "tuple[Case, Facts]"])
    issuers: Mapping[str, str] = field(default_factory=dict[str, str])
    experts: Mapping[str, Expert] = field(default_factory=dict[str, Expert])


@dataclass(frozen=True, slots=True)
class View:
    """All that a guard or a fold may look at (判定视图)."""

    case: Case
    facts: Facts
    filed: Filed
    lots: tuple[str, ...]
    roles: frozenset[str]
    world: World

    @property
    def payload(self) -> Mapping[str, Json]:
        """Content of the record."""
        return self.filed.record.payload

    @property
    def at(self) -> datetime:
        """Instant of acceptance, UTC."""
        return self.filed.at

    @property
    def today(self) -> date:
        """Legal date of acceptance."""
        return legal_date(self.filed.at)

    @property
    def digest(self) -> str:
        """Digest of the record."""
        return self.filed.record.digest

    @property
    def author(self) -> str:
        """Author of the record."""
        return self.filed.record.author

    def rule(self, slot: str) -> Rule | None:
        """Return the rule that fills ``slot`` on the day of acceptance, or None where the regime has none."""
        return self.world.law.rule(slot, self.today)

    def judge(self, slot: str, events: Mapping[str, datetime | date]) -> PeriodVerdict | None:
        """Judge a time rule on ``events``; None where the regime has no such rule."""
        return self.world.law.judge(slot, events, self.today)


Guard = Callable[[View], Refusal | None]
Fold = Callable[[View], Effects]
Move = Callable[[View], str]


@dataclass(frozen=True, slots=True)
class Step:
    """One row of a procedure (程序步骤)."""

    state: str
    roles: tuple[str, ...]
    family: str
    to: str | Move | None = None
    guards: tuple[Guard, ...] = ()
    clause: str = ""

    def next_state(self, view: View) -> str:
        """Return the state after this step."""
        if self.to is None:
            return self.state
        return self.to if isinstance(self.to, str) else self.to(view)


@dataclass(frozen=True, slots=True)
class Due:
    """
    An act that the node does by itself when its instant has come (到期任务); whether it may, the table says as always.

    Attributes:
        kind: which act.
        state: a case waits for it while one of its lots stands there.
        at: name of the instant in the head of the case.
    """

    kind: str
    state: str
    at: str


@dataclass(frozen=True, slots=True)
class Procedure:
    """
    One procedure (程序) as a table.

    Attributes:
        prefix: letter that ids of its cases begin with.
        states: state → title in both languages; the first is where a case begins.
        terminal: states from which nothing more is filed but what ``steps`` still allow.
        folds: family → what its record changes; a family without one changes only the state.
        closed: (family, state) → refusal code where the general STEP-CLOSED would say too little.
        secret: whether the very existence of a case is kept from all but its parties.
        withheld: role of a party → states in which even it does not learn of a secret case.
        secret_families: families whose records are unreadable at rest until opening.
        secret_kinds: kinds of facts that are.
        unlisted_kinds: kinds of facts that are only looked up by key, never listed.
        listed: whether its cases stand in the public list of trades.
        due: acts that the node does by itself; of public cases only.
    """

    id: str
    title: Text
    prefix: str
    states: Mapping[str, Text]
    terminal: frozenset[str]
    steps: Sequence[Step]
    folds: Mapping[str, Fold]
    closed: Mapping[tuple[str, str], Callable[[View], Refusal]] = field(
        default_factory=dict[tuple[str, str], "Callable[[View], Refusal]"]
    )
    secret: bool = False
    withheld: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    secret_families: frozenset[str] = frozenset()
    secret_kinds: frozenset[str] = frozenset()
    unlisted_kinds: frozenset[str] = frozenset()
    slots: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, "Mapping[str, str]"])
    due: tuple[Due, ...] = ()
    listed: bool = True
    _rows: dict[tuple[str, str], tuple[Step, ...]] = field(
        default_factory=dict[tuple[str, str], "tuple[Step, ...]"], init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        """Index the table: every record asks it several times."""
        for step in self.steps:
            self._rows[step.state, step.family] = (*self._rows.get((step.state, step.family), ()), step)

    def rows(self, state: str, family: str) -> tuple[Step, ...]:
        """Return the rows for a family in a state."""
        return self._rows.get((state, family), ())

    def families(self) -> frozenset[str]:
        """Return all families the table mentions."""
        return frozenset(s.family for s in self.steps)

    def possible(self, state: str) -> tuple[Step, ...]:
        """Return what can be filed in a state, and by whom."""
        return tuple(s for s in self.steps if s.state == state)

    def to_json(self) -> Json:
        """Export the table for officers and other cities (程序导出)."""
        return {
            "id": self.id,
            "title": {"zh": self.title.zh, "en": self.title.en},
            "prefix": self.prefix,
            "secret": self.secret,
            "withheld": {role: [s for s in self.states if s in states] for role, states in self.withheld.items()},
            "secret_families": sorted(self.secret_families),
            "states": [
                {"id": k, "zh": v.zh, "en": v.en, "terminal": k in self.terminal} for k, v in self.states.items()
            ],
            "slots": {regime: dict(sorted(slots.items())) for regime, slots in sorted(self.slots.items())},
            "steps": [
                {
                    "state": s.state,
                    "roles": list(s.roles),
                    "family": s.family,
                    "to": s.to if isinstance(s.to, str) else (s.state if s.to is None else f"{s.to.__name__}()"),
                    "guards": [g.__name__ for g in s.guards],
                    "clause": s.clause,
                }
                for s in self.steps
            ],
        }
