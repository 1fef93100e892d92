"""Who may read what, at every moment of a whole tender: the table of reading against the journal, record by record."""

from __future__ import annotations

import pytest

from played import perform
from tradehall.desk.filing import CaseView
from tradehall.desk.journal import Journal
from tradehall.desk.rebuild import FoldedFacts
from tradehall.kernel.admission import apply
from tradehall.kernel.case import Case
from tradehall.kernel.record import CaseId
from tradehall.main import build_context
from tradehall.web.access import Subject
from tradehall.web.permissions import READERS, READING

KINDS = {family: row for row in READING for family in row.families}


@pytest.fixture(scope="module")
def played(tmp_path_factory, catalogue):
    made = perform(tmp_path_factory.mktemp("reading"), catalogue)
    yield made
    made.node.close()


@pytest.fixture(scope="module")
def moments(played):
    """The tender as it was after each of its records."""
    door, ident = played.node.door, played.facts["tender"]
    procedure = door.procedure(ident)
    folded, facts, views = Case.new(CaseId(ident), procedure.id, door.node.name), FoldedFacts(), []
    with door.store.read() as reading:
        journal = Journal(reading, door.cloak, door.procedures)
        entries = tuple(journal.entries(ident))
        for count, entry in enumerate(entries, 1):
            admitted = apply(
                procedure, folded, entry.filed, facts=facts, world=door.world(journal, folded, entry.record)
            )
            kept = FoldedFacts()
            for kind, values in facts.kinds.items():
                kept.kinds[kind] = dict(values)
            for fact in admitted.effects.facts:
                kept.kinds.setdefault(fact.kind, {})[fact.key] = fact.value
            folded, facts = admitted.case, kept
            views.append(CaseView(folded, facts, entries[:count]))
    return views


def subjects(view: CaseView) -> dict[str, Subject]:
    """Somebody for each relation; authors and members come with the record."""
    project = next(e.record for e in view.entries if e.record.family == "project")
    supervisor = project.payload["supervisor"]["id"]
    return {
        "stranger": Subject(),
        "party": Subject(party="org:91510100MA61RHWX3K", roles=frozenset({"party"})),
        "expert": Subject(party="person:" + "a" * 16, roles=frozenset({"party", "expert"})),
        "other supervisor": Subject(party="org:1151010000T000038K", roles=frozenset({"party", "supervisor"})),
        "tenderer": Subject(party=project.payload["tenderer"]["id"], roles=frozenset({"party"})),
        "supervisor": Subject(party=supervisor, roles=frozenset({"party", "supervisor"})),
        "centre": Subject(party="org:1251010000T000046B", roles=frozenset({"party", "centre"})),
    }


def moment_of(view: CaseView, record) -> str:
    """Tell the moment of a record from the records alone, not from the state that the platform keeps."""
    families = [e.record.family for e in view.entries]
    if record.family in {"evaluation_report", "report_signature"}:
        lots = {
            e.record.digest: e.record.payload["lot"] for e in view.entries if e.record.family == "evaluation_report"
        }
        lot = lots[record.payload.get("report", record.digest)]
        shown = [e for e in view.entries if e.record.family == "candidate_publicity" and e.record.payload["lot"] == lot]
        return "displayed" if shown else "opened"
    if record.family in KINDS and KINDS[record.family].kind == "bid":
        starts = [e.record.payload for e in view.entries if e.record.family == "opening_start"]
        frozen = {s["submission"] for p in starts for lot in p["lots"] for s in lot["submissions"]}
        return "opened" if record.payload["submission"] in frozen else "sealed"
    return "opened" if "opening_start" in families else "sealed"


def test_the_table_is_kept_after_every_record_for_every_reader(played, moments):
    context = build_context(played.node)
    met = set()
    for view in moments:
        readers = subjects(view)
        members = {
            m for e in view.entries if e.record.family == "evaluation_report" for m in e.record.payload["members"]
        }
        for name, subject in readers.items():
            shown = {e.record.digest for e in context.visible(view, subject)}
            for entry in view.entries:
                row = KINDS.get(entry.record.family)
                if row is None:
                    assert entry.record.digest in shown, entry.record.family
                    continue
                moment = moment_of(view, entry.record)
                allowed = row.readers(moment)
                expected = "public" in allowed or (
                    "insider" in allowed and name in ("tenderer", "supervisor", "centre")
                )
                assert (entry.record.digest in shown) == expected, (entry.record.family, moment, name)
                met.add((row.kind, moment))
        for entry in view.entries:
            row = KINDS.get(entry.record.family)
            if row is None:
                continue
            allowed = row.readers(moment_of(view, entry.record))
            own = context.visible(view, Subject(party=entry.record.author, roles=frozenset({"party"})))
            assert (entry in own) == bool({"public", "author"} & set(allowed)), entry.record.family
            for member in members if row.kind == "panel" else ():
                sees = context.visible(view, Subject(party=member, roles=frozenset({"party", "expert"})))
                assert (entry in sees) == bool({"public", "committee"} & set(allowed))
    assert met >= {("bid", "sealed"), ("bid", "opened"), ("panel", "opened"), ("panel", "displayed")}
    assert met >= {("asking", "sealed"), ("asking", "opened")}


def test_every_reader_of_the_table_is_known():
    assert {reader for row in READING for m in ("sealed", "opened", "displayed") for reader in row.readers(m)} <= set(
        READERS
    )
