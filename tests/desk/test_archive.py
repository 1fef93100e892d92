"""A node's journal is an archive: public rows in order, sealed ones counted and never opened."""

from __future__ import annotations

import time
from datetime import date

import pytest

from tradehall.bench.hall import hall, read
from tradehall.desk import archive
from tradehall.desk.accept import Filing
from tradehall_standards import Catalogue, strict
from tradehall_standards.archive import Way, read_draft, replay
from tradehall_standards.sources import default_root, read_sources

WAY = Way(date(2026, 3, 25), time.monotonic)


@pytest.mark.parametrize("page", [1, 3, 1000])
def test_a_draft_is_replayed_on_a_journal(tmp_path, monkeypatch, page):
    monkeypatch.setattr(archive, "PAGE", page)
    sources = read_sources(default_root())
    draft = read_draft(default_root() / "records" / "tender_notice" / "1.0.0", sources)
    with hall(Catalogue.load(), folder=tmp_path) as held:
        held.node.door.accept_many([Filing(read(strict.parse(body))) for body in held.commitments(3)])
        store = held.node.door.store
        past = archive.past_records(store, "node:chengdu")
        found = replay(draft, past, WAY)
        pieces = list(past.pieces())
        with store.read() as reading:
            latest = reading.latest()
            public = reading.changes(-1, 10_000)
    assert latest is not None
    assert [piece.data for piece in pieces] == [stored.row.body for stored in public]
    assert found.unread == latest.size - len(public) >= 3
    assert not any(b"bid_commitment" in piece.data for piece in pieces)
    assert found.tally.valid == 1
    assert found.tally.read == len(public)
    assert {city for _, (city, _) in found.tally.cells} == {"node:chengdu"}
    assert all(record.startswith("node:chengdu#") for record in (piece.place for piece in pieces))
