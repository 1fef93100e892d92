"""
The deadline by the millisecond 截止精确表: every act at every offset on a clock that stands where it is put.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from torture.racing import CHANCE, Maker, Pen, Tender, catalogue, read
from tradehall.adapters.clock import SandboxClock
from tradehall.bench.hall import BEGIN
from tradehall.desk.accept import Accepted, Filing
from tradehall.kernel.case import local_text, read_instant, write_instant
from tradehall.kernel.receipts import verify_refusal
from tradehall.kernel.record import Record
from tradehall.kernel.refusal import Refusal
from tradehall.main import Node, Settings, build_node
from tradehall.rules import sealing

OFFSETS_US = (*range(-5000, 0, 1000), -999, -1, 0, 1, 999, *range(1000, 5001, 1000))
ACTS = ("bid_commitment", "sealed_bid", "bid_withdrawal", "replacement", "bid_confirmation")
DEADLINE = datetime.fromisoformat("2026-03-25T09:30:00+08:00")

GOOD = {
    "2026-03-25T09:30:00+08:00": "2026-03-25T01:30:00.000Z",
    "2026-03-25T10:30:00+09:00": "2026-03-25T01:30:00.000Z",
    "2026-03-25T01:30:00Z": "2026-03-25T01:30:00.000Z",
    "2026-03-25T01:30:00.1Z": "2026-03-25T01:30:00.100Z",
    "2026-03-24T20:00:00.007-05:30": "2026-03-25T01:30:00.007Z",
}
"""How an instant may be written, and which it is."""

BAD = (
    "2026-03-25T09:30:00",
    "2026-03-25T09:30+08:00",
    "2026-03-25 09:30:00+08:00",
    "2026-03-25T09:29:60+08:00",
    "2026-03-25T24:00:00+08:00",
    "2026-03-25T09:30:00.9999999+08:00",
    "2026-03-25T09:30:00.0001+08:00",
    "2026-03-25T09:30:00,5+08:00",
    "2026-03-25T09:30:00+0800",
    "2026-03-25T09:30:00+24:00",
    "2026-02-30T09:30:00+08:00",
    "２026-03-25T09:30:00+08:00",
    "2026-03-25T09:30:00+08:00\n",
    "2026-W13-3T09:30:00+08:00",
    "20260325T093000+0800",
    1774402200,
    None,
)
"""What must be refused, with a reason: naive, a leap second, midnight at the wrong end, finer than a millisecond."""


def table(folder: Path, tenders: int) -> tuple[dict[str, int], list[str]]:
    """
    File every act at every offset, in tenders of which every second is opened at its deadline first.

    Returns:
        What was done, and what broke.
    """
    node = build_node(Settings(data=folder, sandbox_start=BEGIN, sandbox_rate=0, decoys=0), catalogue=catalogue())
    broken: list[str] = []
    try:
        maker = Maker(node)
        written = _instants(maker, broken)
        return {"acts at an exact offset": len(list(_rows(maker, tenders, broken))), **written}, broken
    finally:
        node.close()


def _rows(maker: Maker, tenders: int, broken: list[str]) -> Iterator[None]:
    node = maker.node
    made = maker.tenders([DEADLINE] * tenders)
    acts = [_acts(maker, tender) for tender in made]
    for n, offset in enumerate(OFFSETS_US):
        _put(node, DEADLINE + timedelta(microseconds=offset))
        for number, tender in enumerate(made):
            if offset < 0 or number % 2:
                _opening(node, tender, offset, broken)
        bodies = [own[n][name] for own in acts for name in ACTS]
        records = [read(body) for body in bodies]
        outcomes = node.door.accept_many([Filing(record) for record in records])
        for name, record, outcome in zip(ACTS * tenders, records, outcomes, strict=True):
            said = judge(node, record, outcome, offset)
            if said:
                broken.append(f"{name} at {offset:+} µs: {said}")
            yield


def _acts(maker: Maker, tender: Tender) -> list[dict[str, bytes]]:
    """Return one act of each kind for every offset; what has to lie in front of it is handed in now."""
    early, acts = [], []
    for n in range(len(OFFSETS_US)):
        own: dict[str, bytes] = {}
        for name in ACTS:
            pen, submission = maker.pen(tender, n if name == "sealed_bid" else -1), sealing.new_submission(CHANCE)
            if name != "bid_commitment":
                early.append(pen.commitment(submission))
            own[name] = _act(pen, name, submission)
        acts.append(own)
    maker.file(early)
    return acts


def _act(pen: Pen, name: str, submission: str) -> bytes:
    if name == "replacement":
        other = ("sha256:" + CHANCE(32).hex(), pen.file[1])
        return pen.commitment(sealing.new_submission(CHANCE), file=other, replaces=submission)
    return {
        "bid_commitment": pen.commitment,
        "sealed_bid": pen.ciphertext,
        "bid_withdrawal": pen.withdrawal,
        "bid_confirmation": pen.confirmation,
    }[name](submission)


def _put(node: Node, at: datetime) -> None:
    assert isinstance(node.clock, SandboxClock)
    node.clock.advance(at, at)


def _opening(node: Node, tender: Tender, offset: int, broken: list[str]) -> None:
    outcome = node.opening.start(tender.id)[0]
    if isinstance(outcome, Refusal) != (offset < 0):
        broken.append(f"the opening at {offset:+} µs: {outcome}")


def judge(node: Node, record: Record, outcome: Accepted | Refusal, offset: int) -> str:
    """Return what is wrong with an answer; a late record has a signed refusal that names both times."""
    at = DEADLINE + timedelta(microseconds=offset // 1000 * 1000)
    if offset < 0:
        if not isinstance(outcome, Accepted):
            return f"refused: {outcome.code} {outcome.reason.en}"
        return "" if outcome.entry.filed.at == at else f"stamped {outcome.entry.filed.at}"
    if isinstance(outcome, Accepted):
        return f"accepted at {outcome.entry.filed.at}"
    signed = node.door.refusal_receipt(record, outcome, node.store.now())
    content: Any = verify_refusal(signed, public=node.keys.node.receipt_public)
    names = [local_text(DEADLINE), local_text(at)]
    if outcome.code == content["code"] == "BID-LATE" and content["record"] == record.digest:
        return "" if all(name in content["reason"]["en"] for name in names) else f"names {content['reason']['en']}"
    return f"refused otherwise: {content}"


def _instants(maker: Maker, broken: list[str]) -> dict[str, int]:
    """Announce tenders with deadlines as people write them: one instant, or none and the reason."""
    for text, instant in GOOD.items():
        outcome, case = maker.announce(text)
        view = maker.node.desk.look(case)
        found = view.case.instant("deadline") if view else None
        if not isinstance(outcome, Accepted) or found is None or write_instant(found) != instant:
            broken.append(f"{text!r} was read as {found}, {outcome}")
        elif found != read_instant(instant) or "+08:00" not in local_text(found):
            broken.append(f"{text!r} is shown as {local_text(found)}")
    for bad in BAD:
        outcome, _ = maker.announce(bad)
        if isinstance(outcome, Accepted) or not outcome.reason.zh:
            broken.append(f"{bad!r} was taken for an instant: {outcome}")
    return {"ways of writing an instant": len(GOOD) + len(BAD)}
