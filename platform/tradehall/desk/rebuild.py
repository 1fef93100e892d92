"""
Making state again (状态重建): heads and facts are caches; the journal alone must give the same ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from tradehall.desk.journal import Journal
from tradehall.kernel.admission import apply
from tradehall.kernel.case import Case, Facts
from tradehall.kernel.procedure import Procedure, World
from tradehall.kernel.record import CaseId, Filed

if TYPE_CHECKING:
    from tradehall.desk.accept import Door
    from tradehall_standards import Json


class FoldedFacts:
    """Facts gathered while folding (重建要素)."""

    def __init__(self) -> None:
        self.kinds: dict[str, dict[str, Json]] = {}

    def get(self, kind: str, key: str) -> Json:
        """Return a fact, or None."""
        return self.kinds.get(kind, {}).get(key)

    def all(self, kind: str) -> Sequence[tuple[str, Json]]:
        """Return all facts of a kind."""
        return list(self.kinds.get(kind, {}).items())


def refold(door: Door, case: str) -> tuple[Case, FoldedFacts]:
    """
    Fold all records of a case again, judging none of them (重放).

    Returns:
        The case and its facts as they must be; a case without records is new.
    """
    with door.store.read() as reading:
        return _refold(door, Journal(reading, door.cloak, door.procedures), case)


def _refold(door: Door, journal: Journal, case: str) -> tuple[Case, FoldedFacts]:
    procedure = door.procedure(case)
    return fold(
        procedure,
        Case.new(CaseId(case), procedure.id, door.node.name),
        [entry.filed for entry in journal.entries(case)],
        lambda known, filed: door.world(journal, known, filed.record),
    )


def fold(
    procedure: Procedure, case: Case, filed: Sequence[Filed], world: Callable[[Case, Filed], World]
) -> tuple[Case, FoldedFacts]:
    """Fold records onto a case, in order and judging none; ``world`` is what lay outside the case at each (折叠)."""
    facts = FoldedFacts()
    for one in filed:
        admitted = apply(procedure, case, one, facts=facts, world=world(case, one))
        for fact in admitted.effects.facts:
            facts.kinds.setdefault(fact.kind, {})[fact.key] = fact.value
        case = admitted.case
    return case, facts


def differences(door: Door, case: str) -> list[str]:
    """Name where the kept state of a case differs from what its records give; empty when all is well (状态核对)."""
    with door.store.read() as reading:
        journal = Journal(reading, door.cloak, door.procedures)
        folded, facts = _refold(door, journal, case)
        kept, kept_facts = journal.case(case), journal.facts(case)
        found = [] if kept == folded else _head_differences(kept, folded)
        return found + _fact_differences(facts, kept_facts)


def _head_differences(kept: Case | None, folded: Case) -> list[str]:
    if kept is None:
        return ["head: missing"]
    names = sorted(kept.head.keys() | folded.head.keys())
    found = [f"head: {name}" for name in names if kept.head.get(name) != folded.head.get(name)]
    return found + ([] if kept.tracks == folded.tracks else ["tracks"])


def _fact_differences(facts: FoldedFacts, kept: Facts) -> list[str]:
    return [
        f"fact: {kind}/{key}"
        for kind, keys in sorted(facts.kinds.items())
        for key, value in keys.items()
        if kept.get(kind, key) != value
    ]
