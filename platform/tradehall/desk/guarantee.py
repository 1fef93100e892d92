"""
Guarantees after the opening (开标后的保函): the node confirms on a letter's case what the opening found.
"""

from __future__ import annotations

from dataclasses import dataclass

from tradehall.desk.accept import Outcome
from tradehall.desk.filing import Desk
from tradehall.kernel.payload import obj
from tradehall.kernel.refusal import Refusal, refuse


@dataclass(frozen=True, slots=True)
class Guarantees:
    """Confirms letters (保函核验登记)."""

    desk: Desk

    def confirm(self, case: str) -> Outcome:
        """
        File that a letter was verified at opening (核验通过), once.

        Returns:
            The accepted event, the one that stands when it was filed before; a refusal when no opened bid of the tender
            relied on the letter with result ``valid``.
        """
        view = self.desk.look(case)
        tender = self.desk.look(str(obj(view.case.table("application")).get("tender"))) if view else None
        if view is None or tender is None:
            return refuse("CASE-UNKNOWN", case=case)
        letter = view.case.text("letter")
        relied = [obj(obj(bid).get("guarantee")) for _, bid in tender.facts.all("disclosed")]
        if not any(g.get("letter") == letter and g.get("result") == "valid" for g in relied):
            return refuse("GUARANTEE-ORDER", why="开标未核验通过 / not found valid at an opening")
        outcome = self.desk.file(case, "guarantee_event", {"event": "verified", "letter": letter})
        return self._confirmed(case) or outcome if isinstance(outcome, Refusal) else outcome

    def _confirmed(self, case: str) -> Outcome | None:
        """Return the confirmation that stands."""
        view = self.desk.look(case)
        events = view.of("guarantee_event") if view else []
        made = [e.record.digest for e in events if e.record.payload["event"] == "verified"]
        return self.desk.door.find(made[0]) if made else None
