"""
What handlers need of a node (接口上下文), and who may see which case.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tradehall.desk.accept import Door
from tradehall.desk.draw import Draw
from tradehall.desk.evaluation import Evaluation
from tradehall.desk.evidence import Exporter
from tradehall.desk.exchange import Courier, Exchange
from tradehall.desk.filing import CaseView, Desk
from tradehall.desk.guarantee import Guarantees
from tradehall.desk.journal import Entry
from tradehall.desk.opening import Opening
from tradehall.desk.sequencer import Sequencer
from tradehall.kernel.admission import roles_of
from tradehall.kernel.case import Case
from tradehall.kernel.payload import obj, texts
from tradehall.kernel.record import Record
from tradehall.ocds.packages import Publisher, unregistered
from tradehall.web.access import Subject
from tradehall.web.permissions import READING, Moment
from tradehall.web.problems import Problem
from tradehall_standards.release import Verification

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
    exchange: Exchange
    courier: Courier
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
    due: Any = None
    publisher: Publisher = field(default_factory=unregistered)
    verification: Callable[[], Verification] = Verification.nobody

    def look(self, case: str, subject: Subject) -> CaseView:
        """
        Return a case that the caller may see.

        Raises:
            Problem: NOT-FOUND, also for a secret case the caller is no party of: its existence is a secret.
        """
        if len(case) != CASE_LENGTH or case[0] not in {p.prefix for p in self.door.procedures.values()}:
            raise Problem("NOT-FOUND")
        view = self.desk.look(case, sealed=False)
        if view is None or not self.may_see(view, subject):
            raise Problem("NOT-FOUND")
        return view

    def may_see(self, view: CaseView, subject: Subject) -> bool:
        """
        Whether a case is visible: public ones to everyone, secret ones to the centre and to their parties (可见案卷).

        A party whose only role is one that the case is withheld from in its state does not learn of it yet.
        Source: 招标投标法 22.
        """
        return self.may_know(view.case, subject)

    def may_know(self, case: Case, subject: Subject) -> bool:
        """Whether the caller may know of a case at all (可知案卷), as ``may_see`` says."""
        procedure = self.door.procedure(case.id)
        if not procedure.secret or subject.is_centre:
            return True
        states = set(case.tracks.values())
        withheld = {role for role, in_states in procedure.withheld.items() if states & in_states}
        roles = roles_of(case, subject.party, frozenset()) if subject.party else frozenset[str]()
        return bool(roles - {"participant"} - withheld)

    def visible(self, view: CaseView, subject: Subject) -> list[Entry]:
        """
        Return the records of a case that the caller may read (可见记录), by the table ``READING``.

        Source: 招标投标法 22, 36, 44.
        """
        procedure = self.door.procedure(view.case.id)
        if procedure.secret:
            return list(view.entries)
        # What the case made of the caller, not what it is registered as: a supervisor of other tenders is no insider.
        roles = roles_of(view.case, subject.party, frozenset()) if subject.party else frozenset[str]()
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
            opened = self.view.facts.get("opening", str(record.payload.get("submission"))) is not None
            return self._allowed("bid", "opened" if opened else "sealed", record)
        if record.family in PANEL_FAMILIES:
            return self._sees_report(record)
        if record.family in ASKING_FAMILIES:
            return self._allowed("asking", "opened" if "roots" in self.view.case.head else "sealed", record)
        return True

    def _sees_report(self, record: Record) -> bool:
        for lot, value in self.view.facts.all("report"):
            report = obj(value)
            if record.digest == report["record"] or record.payload.get("report") == report["record"]:
                moment: Moment = "displayed" if self.view.case.tracks[lot] in DISPLAYED else "opened"
                return self._allowed("panel", moment, record, committee=self.party in texts(report["members"]))
        return self._allowed("panel", "opened", record)

    def _allowed(self, kind: str, moment: Moment, record: Record, *, committee: bool = False) -> bool:
        stands = {
            "public": True,
            "author": bool(self.party) and record.author == self.party,
            "committee": bool(self.party) and committee,
            "insider": self.insider,
        }
        return any(stands[reader] for reader in _READING[kind].readers(moment))


CASE_LENGTH = 28
_READING = {row.kind: row for row in READING}
PANEL_FAMILIES = frozenset(_READING["panel"].families)
ASKING_FAMILIES = frozenset(_READING["asking"].families)
DISPLAYED = frozenset({"publicity", "awarded", "contracted"})
