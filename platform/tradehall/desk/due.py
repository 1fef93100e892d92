"""
Due work of a case (到期任务): what its head and its lots say that the node will do by itself, and when.
"""

from __future__ import annotations

from tradehall.desk.ports import DueWork
from tradehall.kernel.case import Case
from tradehall.kernel.procedure import Procedure


def due_of(case: Case, procedure: Procedure) -> list[DueWork]:
    """Return the work that waits for this case; none for a secret one, whose very existence nobody may read."""
    if procedure.secret:
        return []
    states = set(case.tracks.values())
    waiting = ((due.kind, case.instant(due.at)) for due in procedure.due if due.state in states)
    return [DueWork(kind, case.id, at) for kind, at in waiting if at is not None]
