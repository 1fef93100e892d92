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
from tradehall.kernel.payload import obj, texts
from tradehall.kernel.record import Record
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

        - Bids once the opening has frozen their set.
        - The report and its signatures once the candidates of their lot are on display; before that for the
          committee, the tenderer, the supervisor and the centre.
        - Who asks or objects is a likely bidder: until the opening such records are for the tenderer, the supervisor,
          the centre and their author; the answers are public (招标投标法 22).
        """
        procedure = self.door.procedure(view.case.id)
        if procedure.secret:
            return list(view.entries)
        roles = (
            roles_of(view.case, subject.party, subject.roles & {"supervisor"}) if subject.party else frozenset[str]()
        )
        insider = subject.is_centre or bool(roles & {"tenderer", "agency", "supervisor"})
        reader = _Reader(view, subject.party, insider=insider)
        return [e for e in view.entries if reader.may_read(e, procedure.secret_families)]


@dataclass(frozen=True, slots=True)
class _Reader:
    """Who reads a public case (读者)."""

    view: CaseView
    party: str
    insider: bool

    def may_read(self, entry: Entry, secret: frozenset[str]) -> bool:
        """Whether one record is shown."""
        record = entry.record
        if record.family in secret:
            return self.view.facts.get("opening", str(record.payload.get("submission"))) is not None
        if record.family in PANEL_FAMILIES:
            return self.insider or self._sees_report(record)
        if record.family in ASKING_FAMILIES:
            return self.insider or record.author == self.party or "roots" in self.view.case.head
        return True

    def _sees_report(self, record: Record) -> bool:
        for lot, value in self.view.facts.all("report"):
            report = obj(value)
            if record.digest == report["record"] or record.payload.get("report") == report["record"]:
                on_display = self.view.case.tracks[lot] in DISPLAYED
                return on_display or (bool(self.party) and self.party in texts(report["members"]))
        return record.author == self.party


CASE_LENGTH = 28
PANEL_FAMILIES = frozenset({"evaluation_report", "report_signature"})
ASKING_FAMILIES = frozenset({"question", "objection", "complaint"})
DISPLAYED = frozenset({"publicity", "awarded", "contracted"})
