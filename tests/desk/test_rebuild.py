"""State is a fold of the records: heads and facts come out of the journal alone, and replay never judges."""

import pytest

from played import perform
from tradehall.desk.journal import Journal
from tradehall.desk.rebuild import differences, refold


@pytest.fixture(scope="module")
def played(tmp_path_factory, catalogue):
    made = perform(tmp_path_factory.mktemp("played"), catalogue)
    yield made
    made.node.close()


def test_every_case_folds_to_the_state_that_was_kept(played):
    cases = [played.facts["tender"], played.facts["session"], *played.facts["letters"].values()]
    for case in cases:
        assert differences(played.node.door, case) == [], case


def test_a_tampered_cache_is_noticed(played):
    """The control: a changed head, or a changed fact, is named."""
    door, case = played.node.door, played.facts["tender"]
    with door.store.read() as reading:
        head = Journal(reading, door.cloak, door.procedures).get("case", case, secret=False)
    with door.store.write() as writing:
        journal = Journal(writing, door.cloak, door.procedures)
        journal.put(
            {**head, "head": {**head["head"], "deadline": "2030-01-01T00:00:00.000+08:00"}}, "case", case, secret=False
        )
        writing.put(journal.flush())
    assert differences(door, case) == ["head: deadline"]
    with door.store.write() as writing:
        journal = Journal(writing, door.cloak, door.procedures)
        journal.put(head, "case", case, secret=False)
        writing.put(journal.flush())
    assert differences(door, case) == []


def test_replay_does_not_judge(played, monkeypatch):
    """Today's rules can't undo yesterday's filing: with every guard refusing, the fold is the same."""
    from dataclasses import replace

    from tradehall.kernel.refusal import refuse

    door, case = played.node.door, played.facts["tender"]
    strict = {
        name: replace(p, steps=tuple(replace(s, guards=(lambda _view: refuse("CLOCK-SUSPECT"),)) for s in p.steps))
        for name, p in door.procedures.items()
    }
    assert refold(replace(door, procedures=strict), case)[0] == refold(door, case)[0]


def test_the_evidence_verifies_and_any_flipped_byte_is_noticed(played):
    import random

    from tradehall import verifier

    data = played.folder.joinpath("out", "evidence.zip").read_bytes()
    assert verifier.verify_bytes(data).ok
    chance = random.Random(20260325)
    for at in [chance.randrange(len(data)) for _ in range(60)]:
        broken = bytearray(data)
        broken[at] ^= 1 << chance.randrange(8)
        assert not verifier.verify_bytes(bytes(broken)).ok, at


@pytest.mark.parametrize("family", ["question", "report_signature", "objection", "tender_notice"])
@pytest.mark.parametrize("listed", ["t-" + "z" * 26, None], ids=["elsewhere", "nowhere"])
def test_a_row_listed_under_another_case_is_not_left_out_of_the_evidence_in_silence(played, family, listed):
    import sqlite3
    from contextlib import closing

    from tradehall.desk.evidence import CaseDamaged

    node, case = played.node, played.facts["tender"]
    with closing(sqlite3.connect(played.node.settings.data / "node.db", isolation_level=None)) as database:
        (trigger,) = database.execute("SELECT sql FROM sqlite_master WHERE name = 'journal_UPDATE'").fetchone()
        database.execute("DROP TRIGGER journal_UPDATE")
        (index,) = database.execute(
            "SELECT max(idx) FROM journal WHERE case_id = ? AND family = ?", (case, family)
        ).fetchone()
        database.execute("UPDATE journal SET case_id = ? WHERE idx = ?", (listed, index))
        try:
            with pytest.raises(CaseDamaged, match=case):
                node.exporter.export(case)
        finally:
            database.execute("UPDATE journal SET case_id = ? WHERE idx = ?", (case, index))
            database.execute(trigger)
    assert isinstance(node.exporter.export(case), bytes)
