"""
What happens in a simulated history 仿真情节, and what must hold after it: the invariants of ``reference/reliability.md``.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import orjson
import pytest

from storytelling.people import CITY, Person
from torture.simworld import LOT, Prepared, Sim, SimNode, evaluation_of, opening_of
from tradehall.desk import exchange as exchange_module
from tradehall.desk import sequencer
from tradehall.desk.journal import Entry, Journal
from tradehall.desk.rebuild import differences
from tradehall.kernel import receipts
from tradehall.kernel.refusal import Refusal
from tradehall.rules import merkle
from tradehall_standards import canonical

# --- evaluation over two cities -------------------------------------------------------------------------------------


async def evaluate(sim: Sim) -> None:
    """Five experts at three nodes lock and show their scores; somebody may suspend; the lead venue ends the session."""
    members = [sim.made.cast.of_party(p) for p in sim.world.stage.members]
    acts = [expert(sim, who) for who in members]
    if sim.rng.random() < 0.5:
        acts.append(suspend(sim))
    await asyncio.gather(lead_venue(sim), outsider(sim), *acts)


async def outsider(sim: Sim) -> None:
    """An expert of the pool who was not drawn locks a score."""
    await asyncio.sleep(sim.rng.uniform(0.0, 12.0))
    who = sim.made.cast["expert/1"]
    payload = {"expert": who.party, "lot": LOT, "digest": "sha256:" + "0" * 64}
    await sim.bring(sim.signed(who, "score_commitment", payload, sim.session), sim.rng.choice(sim.nodes))


def sheet_of(sim: Sim, who: Person) -> dict[str, Any]:
    opened = sim.world.opened
    points = [[f"{sim.rng.randint(0, most * 4) / 4:.2f}" for most in (25, 15)] for _ in opened]
    return {
        "expert": who.party,
        "lot": LOT,
        "salt": sim.rng.randbytes(32).hex(),
        "scores": [
            {"submission": s, "items": [{"criterion": c, "points": p} for c, p in zip(("T1", "T2"), pair, strict=True)]}
            for s, pair in zip(opened, points, strict=True)
        ],
    }


async def expert(sim: Sim, who: Person) -> None:
    rng = sim.rng
    node, other = rng.choice(sim.nodes), rng.choice(sim.nodes)
    await asyncio.sleep(rng.uniform(0.0, 8.0))
    staying = asyncio.create_task(stay(sim, who, node))
    sheet = sheet_of(sim, who)

    def lock(scores: dict[str, Any]) -> bytes:
        payload = {"expert": who.party, "lot": LOT, "digest": canonical.digest(scores)}
        return sim.signed(who, "score_commitment", payload, sim.session)

    wire, manner = lock(sheet), rng.random()
    if manner < 0.25:  # the same record from two machines
        await asyncio.gather(sim.bring(wire, node), sim.bring(wire, other))
    elif manner < 0.5:  # another machine, and other scores: one of them stands
        second = sheet_of(sim, who)
        answers = await asyncio.gather(sim.bring(wire, node), sim.bring(lock(second), other))
        if answers[0] is None or "receipt" not in answers[0]:
            sheet = second
    else:
        await sim.bring(wire, node)
    sim.sheets[who.party] = sheet
    await locked(sim, node)
    if rng.random() < 0.1:  # other scores than were locked
        await sim.bring(sim.signed(who, "score_sheet", sheet_of(sim, who), sim.session), other)
    wire, manner = sim.signed(who, "score_sheet", sheet, sim.session), rng.random()
    if manner < 0.15:  # the same scores in two records
        twice = sim.signed(who, "score_sheet", sheet, sim.session)
        await asyncio.gather(sim.bring(wire, node), sim.bring(twice, other))
    elif manner < 0.4:
        await asyncio.gather(sim.bring(wire, other), sim.bring(wire, node))
    else:
        await sim.bring(wire, node)
    await staying


async def known(sim: Sim, node: SimNode) -> Any:
    while (found := await sim.net.call("device", node, lambda: node.known(sim.session))) is None:  # noqa: ASYNC110
        await asyncio.sleep(sim.rng.uniform(0.5, 3.0))
    return found


async def locked(sim: Sim, node: SimNode) -> None:
    """Wait until all scores are locked, as far as a node knows; some are impatient."""
    if sim.rng.random() < 0.15:
        return
    while True:
        case, facts = await known(sim, node)
        if len(facts.all("score")) == len(case.table("members")):
            return
        await asyncio.sleep(sim.rng.uniform(1.0, 4.0))


async def stay(sim: Sim, who: Person, node: SimNode) -> None:
    """Check in again after a suspension, until the session has ended."""
    while True:
        case, _ = await known(sim, node)
        if case.tracks["*"] == "ended":
            return
        if case.tracks["*"] == "suspended" and who.party not in case.table("present"):
            booking = case.table("bookings")[who.party]
            payload = {
                "expert": who.party, "venue": booking["venue"], "seat": booking["seat"],
                "methods": ["id_card", "certificate"], "pledge": True, "no_conflict": True,
            }  # fmt: skip
            await sim.bring(sim.signed(who, "check_in", payload, sim.session), node)
        await asyncio.sleep(sim.rng.uniform(1.5, 5.0))


async def suspend(sim: Sim) -> None:
    await asyncio.sleep(sim.rng.uniform(2.0, 14.0))
    payload = {"event": "suspend", "venue": "DY", "reason": "网络中断"}
    wire = sim.signed(sim.made.cast["centre/deyang"], "session_event", payload, sim.session)
    await sim.bring(wire, sim.rng.choice(sim.nodes))


async def lead_venue(sim: Sim) -> None:
    """Resume when everybody is there again, end when every sheet is in."""
    who = sim.made.cast["centre/chengdu"]
    while True:
        await asyncio.sleep(sim.rng.uniform(0.5, 3.0))
        case, facts = await known(sim, sim.lead)
        state = case.tracks["*"]
        if state == "ended":
            return
        event, hasty = "", sim.rng.random() < 0.15
        if hasty:
            event = {"suspended": "resume", "running": "end"}[state]
        if state == "suspended" and set(case.table("members")) <= set(case.table("present")):
            event = "resume"
        if state == "running" and len(facts.all("sheet")) == len(case.table("members")):
            event = "end"
        if event:
            wire = sim.signed(who, "session_event", {"event": event, "venue": "CD"}, sim.session)
            await sim.direct(wire)


def check_evaluation(sim: Sim) -> None:
    entries = entries_of(sim, sim.session)
    by = {family: [e for e in entries if e.record.family == family] for family in {e.record.family for e in entries}}
    locks, sheets = by.get("score_commitment", []), by.get("score_sheet", [])
    # I8: each expert's score counted exactly once, and it is the one the expert locked
    for name, found in (("locked", locks), ("shown", sheets)):
        authors = Counter(e.record.author for e in found)
        hold(sim, authors == Counter(dict.fromkeys(sim.sheets, 1)), f"I8 {name}: {sorted(authors.values())}")
    for entry in sheets:
        same = dict(entry.record.payload) == sim.sheets.get(entry.record.author)
        hold(sim, same, "I8 a sheet is not the one its expert gave")
    first_shown = min((e.filed.index for e in sheets), default=1 << 60)
    hold(sim, all(e.filed.index < first_shown for e in locks), "a sheet was shown before every score was locked")
    events = [str(e.record.payload["event"]) for e in by.get("session_event", [])]
    hold(sim, events.count("end") == 1 and events[-1] == "end", f"session events: {events}")
    hold(sim, events.count("suspend") == events.count("resume"), f"session events: {events}")
    here: set[str] = set()
    for entry in entries:
        event = str(entry.record.payload.get("event"))
        if event == "suspend":
            here = set()
        elif entry.record.family == "check_in":
            here.add(entry.record.author)
        hold(sim, event != "resume" or here >= set(sim.sheets), "resumed before everybody was there again")
    for entry in by.get("check_in", []):
        if entry.filed.index >= sim.world.data.batches[-1].size:
            before = [str(e.record.payload["event"]) for e in by["session_event"] if e.filed.index < entry.filed.index]
            hold(sim, before[-1] == "suspend", "a check-in while the session ran")
    check_custody(sim)
    for node in sim.remotes:
        check_following(sim, node, entries)
    check_figures(sim)


def check_custody(sim: Sim) -> None:
    """Every note was honest: the record was passed on, and what the door decided came back."""
    for node, record, note in sim.custody:
        try:
            body = receipts.verify_custody(note, public=node.keys.receipt_public)
        except receipts.ReceiptInvalidError as error:
            hold(sim, False, f"custody note: {error}")
            continue
        hold(sim, body["record"] == record.digest, "a custody note of another record")
        kept = node.exchange.status(CITY, record.digest)
        hold(sim, kept is not None, "I1 a record in custody is gone")
        if kept is None:
            continue
        hold(sim, dict(kept.custody) == note, "I3 two different custody notes of one record")
        stands = sim.entry_of(record.digest)
        hold(sim, kept.state != "waiting", "a record is still waiting")
        hold(sim, (kept.state == "accepted") == (stands is not None), f"custody says {kept.state}, the log otherwise")
        if kept.answer is not None and "receipt" in kept.answer:
            sim.receipts.append((record, dict(kept.answer)))
        elif kept.answer is not None:
            sim.refusals.append((record, dict(kept.answer)))
    for node in sim.remotes:
        told = {m.tag for m in node.post._outbox.values()}
        hold(sim, len(told) == len(node.post._outbox), "a message is kept twice")
        rows = [m.body + m.answer for m in node.post._outbox.values()]
        rows += [c.body for copies in node.post._copies.values() for c in copies]
        plain = any(word in row for row in rows for word in (b"person:", b"envelope", b"sha256:"))
        hold(sim, not plain, "I4 readable at rest on a remote node")


def check_following(sim: Sim, node: SimNode, entries: Sequence[Entry]) -> None:
    copies = [c for found in node.post._copies.values() for c in found]
    hold(sim, [c.index for c in copies] == [e.filed.index for e in entries], f"{node.name} has other copies")
    tags = [t for _, t in node.post._copies]
    kept = [orjson.loads(node.door.cloak.open(c.body, bound=tags[0])) for c in copies]
    same = [canonical.digest(row["envelope"]) for row in kept] == [e.record.digest for e in entries]
    hold(sim, same, f"{node.name} has a copy of another record")
    followed = node.exchange.state(CITY, sim.session)
    view = sim.lead.desk.look(sim.session)
    if followed is None or view is None:
        hold(sim, False, f"{node.name} does not know the session")
        return
    hold(sim, followed.case.tracks == view.case.tracks, f"{node.name} thinks {followed.case.tracks}")
    for kind in ("score", "sheet"):
        hold(sim, followed.facts.all(kind) == view.facts.all(kind), f"{node.name} has other facts: {kind}")


def check_figures(sim: Sim) -> None:
    """I7: the report is what the experts' own sheets give, by a reckoning of our own."""
    made = evaluation_of(sim).prepare(sim.tender, LOT, session=sim.session, chair=sim.world.stage.members[0])
    if isinstance(made, Refusal):
        hold(sim, made.code == "REPORT-WRONG" and "同分" in made.reason.zh, f"no report: {made.reason.en}")
        return
    for bid in made["bids"]:  # type: ignore[union-attr]
        given = {
            sheet["expert"]: sum((Decimal(i["points"]) for i in score["items"]), Decimal(0))
            for sheet in sim.sheets.values()
            for score in sheet["scores"]
            if score["submission"] == bid["submission"]  # type: ignore[index, call-overload]
        }
        stated = {str(s["expert"]): Decimal(str(s["total"])) for s in bid["expert_scores"]}  # type: ignore[index, call-overload, union-attr]
        hold(sim, stated == given, "I7 the experts' totals are not those of their sheets")
        mean = (sum(given.values()) / len(given)).quantize(Decimal("0.01"), ROUND_HALF_UP)
        total = Decimal(str(bid["price_score"])) + mean  # type: ignore[index, call-overload]
        hold(sim, Decimal(str(bid["total"])) == total, f"I7 total {bid['total']}, by our reckoning {total}")  # type: ignore[index, call-overload]


# --- bids around the deadline ---------------------------------------------------------------------------------------

DEADLINE_SECONDS = 20.0


async def bid(sim: Sim) -> None:
    """Six bidders in the last seconds, two officers who open."""
    bidders = [bidder(sim, name, records) for name, records in sim.world.records.items()]
    await asyncio.gather(*bidders, opener(sim), opener(sim))


async def bidder(sim: Sim, name: str, records: Sequence[Any]) -> None:
    rng = sim.rng
    await asyncio.sleep(rng.choice((rng.uniform(0, 12), rng.uniform(14, 20.2), 19.9)))
    for number, (who, record) in enumerate(records):
        wire = orjson.dumps(record)
        key = (who.party, f"{name}-{number}") if rng.random() < 0.6 else None
        if rng.random() < 0.3:
            answer, _ = await asyncio.gather(sim.direct(wire, key=key), sim.direct(wire, key=key))
        else:
            answer = await sim.direct(wire, key=key)
        if "refusal" in answer:
            return


async def opener(sim: Sim) -> None:
    await asyncio.sleep(sim.rng.uniform(15.0, 24.0))
    opening = opening_of(sim)

    async def start() -> Any:
        return await asyncio.to_thread(opening.start, sim.tender)

    while True:
        outcomes = await sim.net.call("device", sim.lead, start)
        codes = [o.code if isinstance(o, Refusal) else "done" for o in outcomes or ["lost"] if o != "lost"]
        sim.loop.say("opening", *codes)
        view = sim.lead.desk.look(sim.tender)
        if view is not None and view.case.tracks[LOT] != "tendering":
            return
        await asyncio.sleep(sim.rng.uniform(0.05, 0.5))


def check_bidding(sim: Sim) -> None:
    entries = entries_of(sim, sim.tender)
    deadline = sim.lead.desk.look(sim.tender).case.instant("deadline")  # type: ignore[union-attr]
    starts = [e for e in entries if e.record.family in ("opening_start", "failed_tender")]
    hold(sim, len(starts) == 1, f"I5 {len(starts)} openings")
    families = {"bid_commitment", "sealed_bid", "bid_withdrawal"}
    bids = [e for e in entries if e.record.family in families]
    assert deadline is not None
    hold(sim, all(e.filed.at < deadline for e in bids), "I2 a bid was accepted at or after the deadline")
    if not starts:
        return
    hold(sim, starts[0].filed.at >= deadline, "I5 opened before the deadline")
    hold(sim, all(e.filed.index < starts[0].filed.index for e in bids), "I2 a bid behind the opening")
    standing: dict[str, str] = {}
    complete: set[str] = set()
    for entry in bids:
        payload, family = entry.record.payload, entry.record.family
        name = str(payload["submission"])
        if family == "bid_commitment":
            standing.pop(str(payload.get("replaces", "")), None)
            standing[name] = entry.record.digest
        elif family == "bid_withdrawal":
            standing.pop(name, None)
        else:
            complete.add(name)
    expected = {name: digest for name, digest in standing.items() if name in complete}
    if starts[0].record.family == "failed_tender":
        hold(sim, len(expected) < 3, f"I2 failed with {len(expected)} bids")
        return
    (lot,) = starts[0].record.payload["lots"]  # type: ignore[misc]
    found = {str(s["submission"]): str(s["commitment"]) for s in lot["submissions"]}  # type: ignore[index, call-overload, union-attr]
    hold(sim, found == expected, f"I2 {len(found)} bids opened, {len(expected)} stand")


# --- a guarantee ----------------------------------------------------------------------------------------------------

STEPS = ("application", "decision", "premium", "letter", "rival")


async def guarantee(sim: Sim) -> None:
    """Bank and bidder file the records of one letter in any order, twice, and two letters."""
    await asyncio.gather(*(step(sim, name) for name in STEPS))


async def step(sim: Sim, name: str) -> None:
    _, record = sim.world.records[name]
    wire, rng = orjson.dumps(record), sim.rng
    for _ in range(40):
        await asyncio.sleep(rng.uniform(0.1, 4.0))
        first, *_ = await asyncio.gather(*(sim.direct(wire) for _ in range(rng.choice((1, 1, 2)))))
        letters = [e for e in entries_of(sim, sim_guarantee(sim)) if e.record.family == "guarantee_letter"]
        if "receipt" in first or letters:
            return


def sim_guarantee(sim: Sim) -> str:
    return str(sim.world.records["application"][1]["envelope"]["case"])


def check_guarantee(sim: Sim) -> None:
    entries = entries_of(sim, sim_guarantee(sim))
    found = [
        e.record.family + ":" + str(e.record.payload.get("event", e.record.payload.get("decision", "")))
        for e in entries
    ]
    wanted = [
        "guarantee_application:",
        "guarantee_decision:approve",
        "guarantee_event:premium_paid",
        "guarantee_letter:",
    ]
    hold(sim, found == wanted, f"I9 {found}")


# --- what always holds ----------------------------------------------------------------------------------------------


def hold(sim: Sim, condition: bool, what: str) -> None:
    if not condition:
        sim.broken.append(what)


def entries_of(sim: Sim, case: str) -> list[Entry]:
    with sim.lead.disk.read() as reading:
        return Journal(reading, sim.lead.door.cloak, sim.lead.door.procedures).entries(case)  # type: ignore[arg-type]


def check_always(sim: Sim) -> None:
    check_log(sim)
    check_receipts(sim)
    cases = [c for c in (sim.session, sim.tender) if c]
    cases += [sim_guarantee(sim)] if sim.scenario == "guarantee" else []
    for case in cases:
        for difference in differences(sim.lead.door, case)[:3]:
            hold(sim, False, f"I7 kept state differs from the records: {difference}")


def check_log(sim: Sim) -> None:
    """The tree by its definition, from the bottom up: nothing changed, every batch a beginning of the next."""
    data = sim.lead.disk._data
    known = sim.world.data
    hold(sim, data.rows[: len(known.rows)] == known.rows, "I6 an earlier row changed")
    tags = [row.tag for row in data.rows]
    hold(sim, len(set(tags)) == len(tags), "I3 a record is in the journal twice")
    leaves = [hashlib.sha256(b"\0" + row.leaf).digest() for row in data.rows]
    for batch in data.batches[len(known.batches) :]:
        hold(sim, tree(leaves[: batch.size]) == batch.root, "I6 a root is not that of its leaves")
    hold(sim, bool(data.batches) and data.batches[-1].size == len(leaves), "I6 rows without a batch")
    times = [row.at for row in data.rows[len(known.rows) :]]
    hold(sim, times == sorted(times), "I6 times run backwards")
    for size, at in sim.lead.disk.stamps.items():
        hold(sim, data.rows[size - 1].at == at.astimezone(UTC), "I2 a time that is not the store's at the commit")


def tree(leaves: Sequence[bytes]) -> bytes:
    if len(leaves) == 1:
        return leaves[0]
    half = 1 << ((len(leaves) - 1).bit_length() - 1)
    return hashlib.sha256(b"\1" + tree(leaves[:half]) + tree(leaves[half:])).digest()


def check_receipts(sim: Sim) -> None:
    """I1, I3: every receipt handed out is in the journal with the same place and time, and each record has one."""
    keys, places = sim.lead.keys, dict[str, Any]()
    for record, signed in sim.receipts:
        try:
            body = receipts.verify_receipt(
                signed, public=keys.receipt_public, log=keys.log, signature=record.signature,
                is_included=merkle.verify_inclusion, leaf_hash=merkle.leaf_hash,
            ).body  # fmt: skip
        except receipts.ReceiptInvalidError as error:
            hold(sim, False, f"I1 receipt: {error}")
            continue
        place = (body["accepted_at"], body["leaf"])
        hold(sim, body["record"] == record.digest, "I1 a receipt of another record")
        hold(sim, places.setdefault(record.digest, place) == place, "I3 two receipts of one record differ")
        entry = sim.entry_of(record.digest)
        hold(sim, entry is not None, "I1 a receipt without a record")
        if entry is not None:
            stands = (receipts.instant(entry.entry.filed.at), entry.entry.filed.index)
            hold(sim, stands == (place[0], place[1]["index"]), "I1 a receipt of another place or time")
    for record, signed in sim.refusals:
        try:
            body = receipts.verify_refusal(signed, public=keys.receipt_public)
        except receipts.ReceiptInvalidError as error:
            hold(sim, False, f"I1 refusal: {error}")
            continue
        hold(sim, body["record"] == record.digest, "I1 a refusal of another record")
        entry = sim.entry_of(record.digest)
        late = entry is not None and str(body["at"]) > receipts.instant(entry.entry.filed.at)
        hold(sim, not late, f"I3 refused after it was accepted: {body['code']}")
        hold(sim, body["code"] != "IDEMPOTENCY-CONFLICT", "I3 a key of its own was taken for another's")


SCENES: dict[str, tuple[Callable[[Sim], Any], Callable[[Sim], None]]] = {
    "evaluation": (evaluate, check_evaluation),
    "bidding": (bid, check_bidding),
    "guarantee": (guarantee, check_guarantee),
}
ORDER = ("evaluation", "bidding", "guarantee", "bidding", "guarantee")

_read: dict[tuple[int, bytes], Entry] = {}
_READ_MAX = 20_000
_read_entry = Journal.entry


def _entry(self: Journal, stored: Any) -> Entry:
    """Read a row as the journal does, once for the same bytes: seeds share their beginning."""
    name = (stored.index, stored.row.body)
    if name not in _read:
        if len(_read) > _READ_MAX:
            _read.clear()
        _read[name] = _read_entry(self, stored)
    return _read[name]


def history(made: Prepared, seed: int, scenario: str = "") -> Sim:
    """Let one seed happen and check it."""
    name = scenario or ORDER[seed % len(ORDER)]
    people, check = SCENES[name]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Journal, "entry", _entry)
        patch.setattr(exchange_module, "POLL_SECONDS", 4.0)  # the simulator's time is not for polling
        patch.setattr(sequencer, "WAIT_SECONDS", 0.15)  # so that several records share a batch
        patch.setattr(os, "fsync", lambda _file: None)  # the disk is simulated; the part power-cut has a real one
        sim = Sim(made, seed, name).run(people)
        for checks in (check, check_always):
            try:
                checks(sim)
            except Exception as error:
                sim.broken.append(f"check: {type(error).__name__}: {error}"[:300])
    return sim
