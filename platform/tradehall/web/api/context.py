"""
What handlers need of a node (接口上下文), and who may see which case.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tradehall.desk.accept import Door
from tradehall.desk.draw import Draw
from tradehall.desk.evaluation import Evaluation
from tradehall.desk.evidence import Exporter
from tradehall.desk.filing import CaseView, Desk
from tradehall.desk.guarantee import Guarantees
from tradehall.desk.journal import Entry
from tradehall.desk.opening import Opening
from tradehall.desk.sequencer import Sequencer
from tradehall.kernel.admission import roles_of
from tradehall.web.access import Subject
from tradehall.web.problems import Problem

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Context:
    """A node as the web sees it (接口上下文)."""

    city: str
    public_url: str
    door: Door
    desk: Desk
    opening: Opening
    draw: Draw
    evaluation: Evaluation
    guarantees: Guarantees
    exporter: Exporter
    sequencer: Sequencer
    directory: Any
    vault: Any
    issue_certificate: Any
    hash_password: Any
    password_fits: Any
    new_secret: Any
    secret_digest: Any
    csrf_token: Any
    csrf_fits: Any
    wait_seconds: Any
    witness: Any
    verify_file: Any
    advance: Callable[[datetime], None] | None
    verify_letter: Any = None

    def look(self, case: str, subject: Subject) -> CaseView:
        """
        Return a case that the caller may see.

        Raises:
            Problem: NOT-FOUND, also for a secret case the caller is no party of: its existence is a secret.
        """
        if len(case) != CASE_LENGTH or case[0] not in {p.prefix for p in self.door.procedures.values()}:
            raise Problem("NOT-FOUND")
        view = self.desk.look(case)
        if view is None or not self.may_see(view, subject):
            raise Problem("NOT-FOUND")
        return view

    def may_see(self, view: CaseView, subject: Subject) -> bool:
        """Whether a case is visible: public ones to everyone, secret ones to their parties and the centre."""
        if not self.door.procedure(view.case.id).secret or subject.is_centre:
            return True
        return bool(subject.party) and bool(roles_of(view.case, subject.party, frozenset()) - {"participant"})

    def visible(self, view: CaseView, subject: Subject) -> list[Entry]:
        """
        Return the records of a case that the caller may read (可见记录).

        Records of secret families of a public case (bids) are readable once the opening has frozen their set; panel
        records (the report) once the result is on display, before that by the committee and the centre.
        """
        procedure = self.door.procedure(view.case.id)
        if procedure.secret:
            return list(view.entries)
        frozen = {submission for submission, _ in view.facts.all("opening")}
        shown = {"publicity", "awarded", "contracted"}
        panel_open = subject.is_centre or "expert" in subject.roles or bool(shown & set(view.case.tracks.values()))
        return [e for e in view.entries if _readable(e, procedure.secret_families, frozen, panel_open=panel_open)]


CASE_LENGTH = 28
PANEL_FAMILIES = frozenset({"evaluation_report", "report_signature"})


def _readable(entry: Entry, secret: frozenset[str], frozen: set[str], *, panel_open: bool) -> bool:
    family = entry.record.family
    if family in secret:
        return str(entry.record.payload.get("submission")) in frozen
    return panel_open or family not in PANEL_FAMILIES
