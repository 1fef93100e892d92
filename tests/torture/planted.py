"""
Planted bugs 植入缺陷: small changes of the real code, each of which some promise forbids. Finding them is the control of
the simulation: a bug that a thousand seeds don't find is a promise that nobody watches.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from torture import simworld, virtual
from torture.simworld import Disk, Post, Road, SimNode
from tradehall.adapters.memory import MemoryExchange, MemoryWriter
from tradehall.desk import evaluation, exchange, sequencer
from tradehall.desk.accept import Door
from tradehall.desk.cloak import Cloak
from tradehall.desk.exchange import Courier, Exchange, Kept
from tradehall.desk.journal import Entry, Journal, JournalFacts
from tradehall.desk.opening import Opening
from tradehall.desk.ports import Copy
from tradehall.desk.sequencer import Answer, Sequencer
from tradehall.kernel import receipts
from tradehall.kernel.case import Effects, Fact
from tradehall.kernel.procedure import Step
from tradehall.kernel.refusal import Refusal
from tradehall.main import PROCEDURES
from tradehall.rules import guaranteeing, revealing, sessions

Patch = pytest.MonkeyPatch


@dataclass(frozen=True)
class Bug:
    """One planted bug: where it shows, and how to plant it."""

    name: str
    scenario: str
    plant: Callable[[Patch], None]


BUGS: list[Bug] = []


def bug(name: str, scenario: str = "evaluation") -> Callable[[Callable[[Patch], None]], Callable[[Patch], None]]:
    def added(plant: Callable[[Patch], None]) -> Callable[[Patch], None]:
        BUGS.append(Bug(name, scenario, plant))
        return plant

    return added


def steps(patch: Patch, procedure: str, change: Callable[[Step], Step | None], *more: Step) -> None:
    """Change the table of a procedure."""
    table = PROCEDURES[procedure]
    changed = tuple(s for step in table.steps if (s := change(step)) is not None)
    patch.setitem(PROCEDURES, procedure, replace(table, steps=(*changed, *more)))  # type: ignore[arg-type]


def without(patch: Patch, procedure: str, guard: str) -> None:
    """Drop a guard from every row."""

    def change(step: Step) -> Step:
        return replace(step, guards=tuple(g for g in step.guards if g.__name__ != guard))

    steps(patch, procedure, change)


def with_guard(patch: Patch, procedure: str, guard: str, other: Any) -> None:
    """Put another guard in a guard's place."""

    def change(step: Step) -> Step:
        return replace(step, guards=tuple(other if g.__name__ == guard else g for g in step.guards))

    steps(patch, procedure, change)


def fold(patch: Patch, procedure: str, family: str, other: Any) -> None:
    """Put another fold in a fold's place."""
    table = PROCEDURES[procedure]
    patch.setitem(PROCEDURES, procedure, replace(table, folds={**table.folds, family: other}))  # type: ignore[arg-type]


# --- outbox and courier ---------------------------------------------------------------------------------------------


@bug("outbox: done before the answer")
def _(patch: Patch) -> None:
    real = Courier._send

    async def send(self: Courier, city: str, record: Any) -> Any:
        message = self.exchange.store.find(self.exchange._tag(city, record.digest))
        self.exchange.store.settle(replace(message, done=True))  # type: ignore[type-var]
        return await real(self, city, record)

    patch.setattr(Courier, "_send", send)


@bug("outbox: no second try")
def _(patch: Patch) -> None:
    real = Courier._send

    async def send(self: Courier, city: str, record: Any) -> Any:
        decision = await real(self, city, record)
        if decision is None:
            message = self.exchange.store.find(self.exchange._tag(city, record.digest))
            self.exchange.store.settle(replace(message, done=True))  # type: ignore[type-var]
        return decision

    patch.setattr(Courier, "_send", send)


@bug("outbox: a record that is left again takes the place of the first")
def _(patch: Patch) -> None:
    def put(self: MemoryExchange, message: Any) -> bool:
        self._outbox[message.tag] = message
        return True

    patch.setattr(MemoryExchange, "put", put)


@bug("outbox: not durable")
def _(patch: Patch) -> None:
    real = SimNode._died

    def died(self: SimNode) -> None:
        if self.post._outbox:
            self.post._outbox.popitem()
        real(self)

    patch.setattr(SimNode, "_died", died)


@bug("outbox: the custody note before the commit")
def _(patch: Patch) -> None:
    pending: dict[int, list[Any]] = {}
    put, waiting = MemoryExchange.put, MemoryExchange.waiting
    find, died = MemoryExchange.find, SimNode._died

    def late_put(self: MemoryExchange, message: Any) -> bool:
        if find(self, message.tag):
            return False
        pending.setdefault(id(self), []).append(message)
        return True

    def late_find(self: MemoryExchange, tag: bytes) -> Any:
        return find(self, tag) or next((m for m in pending.get(id(self), []) if m.tag == tag), None)

    def flushing(self: MemoryExchange, city: str, limit: int) -> Any:
        for message in pending.pop(id(self), []):
            put(self, message)
        return waiting(self, city, limit)

    def forget(self: SimNode) -> None:
        pending.pop(id(self.post), None)
        died(self)

    patch.setattr(MemoryExchange, "put", late_put)
    patch.setattr(MemoryExchange, "find", late_find)
    patch.setattr(MemoryExchange, "waiting", flushing)
    patch.setattr(SimNode, "_died", forget)
    patch.setattr(exchange, "POLL_SECONDS", 4.0)
    patch.setattr(Courier, "wake", lambda *_: None)


@bug("outbox: an answer about another record counts")
def _(patch: Patch) -> None:
    patch.setattr(exchange, "_is_about", lambda *_: True)
    real = receipts.verify_receipt

    def verify(signed: Any, **more: Any) -> Any:
        try:
            return real(signed, **more)
        except receipts.ReceiptInvalidError:
            content = signed.get("receipt")
            if not content or "leaf" not in content:
                raise
            return receipts.Receipt(content, None, ())  # type: ignore[arg-type]

    patch.setattr(exchange.receipts, "verify_receipt", verify)


@bug("outbox: an unsigned answer counts")
def _(patch: Patch) -> None:
    real = exchange.decided

    def decided(answer: Any, record: Any, keys: Any) -> Any:
        found = real(answer, record, keys)
        if found is None and answer.get("receipt", {}).get("record") == record.digest:
            return exchange.Decision("accepted", answer)
        return found

    patch.setattr(exchange, "decided", decided)


@bug("outbox: not now means never")
def _(patch: Patch) -> None:
    patch.setattr(exchange, "is_not_yet", lambda *_: False)


@bug("outbox: never means not now")
def _(patch: Patch) -> None:
    patch.setattr(exchange, "is_not_yet", lambda *_: True)
    patch.setattr(Exchange, "_is_over", lambda *_: False)


@bug("outbox: a check-in is sent again")
def _(patch: Patch) -> None:
    patch.setattr(exchange, "LASTING_FAMILIES", exchange.CUSTODY_FAMILIES)


@bug("outbox: what waits for an ended session waits on")
def _(patch: Patch) -> None:
    patch.setattr(Exchange, "_is_over", lambda *_: False)


@bug("outbox: a locked score is given up after a second")
def _(patch: Patch) -> None:
    patch.setattr(exchange, "CUSTODY_LIFE", timedelta(seconds=1))


@bug("outbox: the waits grow without bound")
def _(patch: Patch) -> None:
    patch.setattr(exchange, "back_off", lambda failures: 3600.0 * failures)


@bug("outbox: one message that waits holds up all")
def _(patch: Patch) -> None:
    patch.setattr(exchange, "MESSAGES_MAX", 1)


@bug("outbox: what waits holds up its author")
def _(patch: Patch) -> None:
    real = MemoryExchange.waiting

    def waiting(self: Post, city: str, limit: int) -> Any:
        seen: set[str] = set()
        found = []
        for message in real(self, city, limit):
            author = self.node.exchange.record(message).author
            if author not in seen:
                found.append(message)
            seen.add(author)
        return found

    patch.setattr(Post, "waiting", waiting)


@bug("outbox: the courier ends at an error of the disk")
def _(patch: Patch) -> None:
    async def attend(self: Courier, city: str) -> None:
        while True:
            held = await self.round(city)
            await exchange.asyncio.sleep(exchange.POLL_SECONDS if held else 1.0)

    patch.setattr(Courier, "_attend", attend)


@bug("outbox: the last answer is kept for all")
def _(patch: Patch) -> None:
    real, last = Exchange.settle, {}

    def settle(self: Exchange, message: Any, decision: Any) -> None:
        real(self, message, replace(decision, answer=last.get("answer", decision.answer)))
        last.setdefault("answer", decision.answer)

    patch.setattr(Exchange, "settle", settle)


@bug("outbox: readable at rest")
def _(patch: Patch) -> None:
    real, mark = Cloak.open, b"not sealed: "

    def opened(self: Cloak, sealed: bytes, *, bound: bytes = b"") -> bytes:
        return sealed.removeprefix(mark) if sealed.startswith(mark) else real(self, sealed, bound=bound)

    patch.setattr(Cloak, "seal", lambda _self, plain, **_: mark + plain)
    patch.setattr(Cloak, "open", opened)


@bug("outbox: the courier does not start again after a crash")
def _(patch: Patch) -> None:
    real = SimNode.boot

    def boot(self: SimNode) -> None:
        real(self)
        if self.deaths:
            for task in self.courier._tasks:
                task.cancel()

    patch.setattr(SimNode, "boot", boot)


@bug("outbox: sent by another's name")
def _(patch: Patch) -> None:
    real = Road.file

    async def file(self: Road, record: bytes) -> Any:
        value = simworld.orjson.loads(record)
        value["envelope"]["nonce"] = "B" * 22  # a retry with a new id
        return await real(self, simworld.orjson.dumps(value))

    patch.setattr(Road, "file", file)


# --- following ------------------------------------------------------------------------------------------------------


@bug("following: the cursor moves before the copies are kept")
def _(patch: Patch) -> None:
    cursors: dict[tuple[int, str], int] = {}
    follow = Exchange.follow

    def moving(self: Exchange, city: str, case: str, after: int, rows: Any) -> bool:
        if rows:
            cursors[id(self.store), case] = rows[-1]["index"]
        tag = self._case_tag(city, case)
        return follow(self, city, case, self.store.cursor(city, tag), rows)

    real = Exchange.cursor

    def cursor(self: Exchange, city: str, case: str) -> int:
        kept = cursors.get((id(self.store), case), -1)
        return max(kept, -1) if kept >= 0 else real(self, city, case)

    patch.setattr(Exchange, "follow", moving)
    patch.setattr(Exchange, "cursor", cursor)


@bug("following: a page that is behind is kept again")
def _(patch: Patch) -> None:
    def follow(self: MemoryExchange, city: str, case: bytes, after: int, copies: Any) -> bool:
        self._copies[city, case] = (*self._copies.get((city, case), ()), *copies)
        return True

    real = Exchange.follow

    def any_page(self: Exchange, city: str, case: str, after: int, rows: Any) -> bool:
        return real(self, city, case, -1, rows)

    patch.setattr(MemoryExchange, "follow", follow)
    patch.setattr(Exchange, "follow", any_page)


@bug("following: a changed record is kept")
def _(patch: Patch) -> None:
    real = exchange._filed

    def filed(row: Any, case: str) -> Any:
        changed = exchange.read_record({name: row.get(name) for name in ("envelope", "signature")})
        return real({**row, "digest": getattr(changed, "digest", "")}, case)

    patch.setattr(exchange, "_filed", filed)


@bug("following: the last record of a page is lost")
def _(patch: Patch) -> None:
    real = Exchange.follow

    def follow(self: Exchange, city: str, case: str, after: int, rows: Any) -> bool:
        tag = self._case_tag(city, case)
        if len(rows) > 3:
            return real(self, city, case, after, [*rows[:-2], rows[-1]])
        return real(self, city, case, after, rows) and bool(tag)

    patch.setattr(Exchange, "follow", follow)


@bug("following: copies are not durable")
def _(patch: Patch) -> None:
    real = SimNode._died

    def died(self: SimNode) -> None:
        for key, found in self.post._copies.items():
            self.post._copies[key] = found[:-2] + found[-1:]
        real(self)

    patch.setattr(SimNode, "_died", died)


@bug("following: the state is not folded to the end")
def _(patch: Patch) -> None:
    real = MemoryExchange.copies
    patch.setattr(MemoryExchange, "copies", lambda self, city, case: real(self, city, case)[:-1])


@bug("following: the state is folded backwards")
def _(patch: Patch) -> None:
    real = exchange.fold
    patch.setattr(exchange, "fold", lambda p, case, filed, world: real(p, case, list(reversed(filed)), world))


@bug("following: stops at the first failure")
def _(patch: Patch) -> None:
    failed: set[int] = set()
    real = Courier.pull

    async def pull(self: Courier, city: str) -> bool:
        if id(self) in failed:
            return True
        held = await real(self, city)
        if not held:
            failed.add(id(self))
        return held

    patch.setattr(Courier, "pull", pull)


# --- the door and its batches ---------------------------------------------------------------------------------------


@bug("door: receipts before the commit is durable")
def _(patch: Patch) -> None:
    real = SimNode._died

    def died(self: SimNode) -> None:
        if self.disk.durable is not None and self.disk._data is self.disk.unsynced:
            self.disk._data = self.disk.durable
        real(self)

    patch.setattr(SimNode, "_died", died)


@bug("door: the same for bids", "bidding")
def _(patch: Patch) -> None:
    next(b for b in BUGS if b.name == "door: receipts before the commit is durable").plant(patch)


@bug("door: a record is not known again")
def _(patch: Patch) -> None:
    patch.setattr(Journal, "kept", lambda *_: None)


@bug("door: a record is filed again under another tag")
def _(patch: Patch) -> None:
    patch.setattr(Journal, "kept", lambda *_: None)
    real, chance = Journal.row, random.Random(1)

    def row(self: Journal, *found: Any) -> Any:
        made = real(self, *found)
        taken = self._reading.find(made.tag) is not None
        return replace(made, tag=chance.randbytes(32)) if taken else made

    patch.setattr(Journal, "row", row)
    for guard in ("commitment_is_first",):
        without(patch, "remote_evaluation", guard)


@bug("door: secret records are looked for among the public ones")
def _(patch: Patch) -> None:
    patch.setattr(Journal, "kept", lambda self, record: self._find(record.digest, secret=False))


@bug("door: a repeated record gets a new time", "bidding")
def _(patch: Patch) -> None:
    real = Journal.kept

    def kept(self: Journal, record: Any) -> Entry | None:
        entry = real(self, record)
        later = timedelta(milliseconds=100)
        return entry and replace(entry, filed=replace(entry.filed, at=entry.filed.at + later))

    patch.setattr(Journal, "kept", kept)


@bug("door: the place in a receipt is one off", "bidding")
def _(patch: Patch) -> None:
    real = Door.receipt

    def receipt(self: Door, accepted: Any, reading: Any) -> Any:
        entry = accepted.entry
        moved = replace(entry, filed=replace(entry.filed, index=max(0, entry.filed.index - 1)))
        return real(self, replace(accepted, entry=moved), reading)

    patch.setattr(Door, "receipt", receipt)


@bug("door: stamped by the application's clock", "bidding")
def _(patch: Patch) -> None:
    real = Door._instant

    def instant(self: Door, writing: Any) -> Any:
        found = real(self, writing)
        return found if isinstance(found, Refusal) else found - timedelta(milliseconds=600)

    patch.setattr(Door, "_instant", instant)


@bug("door: an idempotency key counts for the whole party", "bidding")
def _(patch: Patch) -> None:
    get, put = Journal.get, Journal.put

    def cut(parts: Any) -> Any:
        return ("idem", parts[1], "") if parts[0] == "idem" else parts

    patch.setattr(Journal, "get", lambda self, *parts, secret: get(self, *cut(parts), secret=secret))
    patch.setattr(Journal, "put", lambda self, value, *parts, secret: put(self, value, *cut(parts), secret=secret))


@bug("batch: one refusal refuses all", "bidding")
def _(patch: Patch) -> None:
    real = Door.accept_many

    def accept_many(self: Door, filings: Any) -> Any:
        outcomes = real(self, filings)
        refused = next((o for o in outcomes if isinstance(o, Refusal)), None)
        return [refused] * len(outcomes) if refused else outcomes

    patch.setattr(Door, "accept_many", accept_many)


@bug("batch: the same in the session")
def _(patch: Patch) -> None:
    next(b for b in BUGS if b.name == "batch: one refusal refuses all").plant(patch)


@bug("batch: answers are mixed up", "bidding")
def _(patch: Patch) -> None:
    real = Sequencer._receipts

    def made(self: Sequencer, outcomes: Any) -> list[Answer]:
        answers = real(self, outcomes)
        return [*answers[1:], answers[0]]

    patch.setattr(Sequencer, "_receipts", made)


@bug("batch: ends at the first error", "bidding")
def _(patch: Patch) -> None:
    real = sequencer._fail

    def fail(batch: Any, error: Exception) -> None:
        real(batch, error)
        sequencer.asyncio.current_task().cancel()  # type: ignore[union-attr]

    patch.setattr(sequencer, "_fail", fail)


@bug("batch: a failed write answers nobody", "bidding")
def _(patch: Patch) -> None:
    patch.setattr(sequencer, "_fail", lambda *_: None)
    patch.setattr(virtual, "TIMEOUT", 1e6)


@bug("batch: receipts are signed before the write", "bidding")
def _(patch: Patch) -> None:
    real = Door.accept_many
    late: dict[int, Any] = {}

    def accept_many(self: Door, filings: Any) -> Any:
        store: Any = self.store
        waiting = late.pop(id(self), None)
        if waiting:
            real(self, waiting)
        before = store._data
        outcomes = real(self, filings)
        late[id(self)] = filings
        sequencer.asyncio.get_running_loop().call_later(0.01, setattr, store, "_data", before)
        return outcomes

    patch.setattr(Door, "accept_many", accept_many)


@bug("door: a refusal bears the time of its answer", "guarantee")
def _(patch: Patch) -> None:
    real = Door.refusal_receipt

    def signed(self: Door, record: Any, refusal: Refusal, at: Any) -> Any:
        return real(self, record, replace(refusal, at=None), at)

    patch.setattr(Door, "refusal_receipt", signed)


@bug("log: the root leaves out the last leaf", "bidding")
def _(patch: Patch) -> None:
    real = MemoryWriter._append

    def append(self: MemoryWriter, rows: Any) -> Any:
        old = self._data.batches[-1].root
        batch = replace(real(self, rows), root=old)
        self._data.batches[-1] = batch
        return batch

    patch.setattr(MemoryWriter, "_append", append)


@bug("journal: an earlier row is written over", "bidding")
def _(patch: Patch) -> None:
    real = MemoryWriter._append

    def append(self: MemoryWriter, rows: Any) -> Any:
        self._data.rows[0] = replace(self._data.rows[0], at=self._data.rows[0].at + timedelta(seconds=1))
        return real(self, rows)

    patch.setattr(MemoryWriter, "_append", append)


@bug("journal: the list of secret records does not grow")
def _(patch: Patch) -> None:
    def note(self: Journal, record: Any, index: int) -> None:
        count = self.get("secrets", record.case, secret=True) or 0
        self.put(index, "secret", record.case, str(max(0, count - 1)), secret=True)  # type: ignore[operator]

    patch.setattr(Journal, "note_secret", note)


@bug("journal: the snapshot is not renewed")
def _(patch: Patch) -> None:
    real = Journal.keep

    def keep(self: Journal, case: Any, effects: Effects) -> bool:
        known = self.case(case.id)
        if known is not None and known.tracks == case.tracks:
            case = known
        return real(self, case, effects)

    patch.setattr(Journal, "keep", keep)


@bug("journal: the last fact of a kind is left out")
def _(patch: Patch) -> None:
    real = JournalFacts.all
    patch.setattr(
        JournalFacts, "all", lambda self, kind: real(self, kind)[:-1] if kind == "sheet" else real(self, kind)
    )


# --- the session's table --------------------------------------------------------------------------------------------

for _guard, _told in (
    ("all_have_committed", "scores are shown before all are locked"),
    ("commitment_is_first", "a second lock is taken"),
    ("sheet_matches_commitment", "other scores than were locked are taken"),
    ("expert_is_member", "an outsider may score"),
    ("all_are_checked_in", "resumed with somebody away"),
    ("all_have_scored", "ended with a sheet missing"),
):
    BUGS.append(
        Bug(f"session: {_told}", "evaluation", lambda patch, g=_guard: without(patch, "remote_evaluation", g))  # type: ignore[misc]
    )


@bug("session: a suspension forgets to ask for check-ins")
def _(patch: Patch) -> None:
    real = sessions.event_folds

    def folds(view: Any) -> Effects:
        head = {k: v for k, v in (real(view).head or {}).items() if k != "present"}
        return Effects(head=head)

    fold(patch, "remote_evaluation", "session_event", folds)


@bug("session: a suspension is lost")
def _(patch: Patch) -> None:
    def change(step: Step) -> Step:
        return replace(step, to="running") if step.family == "session_event" and step.state == "running" else step

    steps(patch, "remote_evaluation", change)


@bug("session: scores are kept under the record, not the expert")
def _(patch: Patch) -> None:
    def folds(view: Any) -> Effects:
        real = sessions.sheet_folds(view).facts[0]
        return Effects(facts=(Fact("sheet", f"{view.payload['lot']}:{view.digest}", real.value),))

    fold(patch, "remote_evaluation", "score_sheet", folds)


@bug("evaluation: the first sheet counts twice")
def _(patch: Patch) -> None:
    real = evaluation._sheets
    patch.setattr(evaluation, "_sheets", lambda seats, lot: [*(found := real(seats, lot)), *found[:1]])


@bug("evaluation: the last sheet is left out")
def _(patch: Patch) -> None:
    real = evaluation._sheets
    patch.setattr(evaluation, "_sheets", lambda seats, lot: real(seats, lot)[:-1])


# --- the deadline and the opening -----------------------------------------------------------------------------------


def _at_deadline(view: Any) -> Any:
    deadline = view.case.instant("deadline")
    return None if view.at <= deadline else PROCEDURES["open_tender"].closed["bid_commitment", "opening"](view)


@bug("bids: a commitment at the deadline is in time", "bidding")
def _(patch: Patch) -> None:
    with_guard(patch, "open_tender", "bid_is_in_time", _at_deadline)


@bug("bids: a ciphertext at the deadline is in time", "bidding")
def _(patch: Patch) -> None:
    with_guard(patch, "open_tender", "ciphertext_is_in_time", _at_deadline)


@bug("bids: no deadline until somebody opens", "bidding")
def _(patch: Patch) -> None:
    without(patch, "open_tender", "bid_is_in_time")


@bug("bids: ciphertexts until somebody opens", "bidding")
def _(patch: Patch) -> None:
    without(patch, "open_tender", "ciphertext_is_in_time")


def _standing_with(patch: Patch, changed: Callable[[Mapping[str, Any]], dict[str, Any]]) -> None:
    """Let desk and door agree on another set of bids."""
    real_all = JournalFacts.all

    def every(self: JournalFacts, kind: str) -> Any:
        found = real_all(self, kind)
        return [(k, changed(v)) for k, v in found] if kind == "bid" else found  # type: ignore[arg-type]

    patch.setattr(JournalFacts, "all", every)


@bug("opening: withdrawn and replaced bids are opened", "bidding")
def _(patch: Patch) -> None:
    _standing_with(patch, lambda bid: {**bid, "withdrawn": False})


@bug("opening: bids without ciphertext are opened", "bidding")
def _(patch: Patch) -> None:
    _standing_with(patch, lambda bid: {**bid, "complete": True})


@bug("opening: a withdrawal is forgotten", "bidding")
def _(patch: Patch) -> None:
    fold(patch, "open_tender", "bid_withdrawal", lambda _view: Effects())


@bug("opening: the bid that was replaced still stands", "bidding")
def _(patch: Patch) -> None:
    from tradehall.rules import bidding

    def folds(view: Any) -> Effects:
        return Effects(facts=bidding.commitment_folds(view).facts[:3])

    fold(patch, "open_tender", "bid_commitment", folds)


@bug("opening: failed with enough bids", "bidding")
def _(patch: Patch) -> None:
    patch.setattr(revealing, "bidders_needed", lambda _view: 10)
    patch.setattr(Opening, "_bidders_needed", lambda *_: 10)


@bug("opening: before the deadline", "bidding")
def _(patch: Patch) -> None:
    with_guard(patch, "open_tender", "deadline_has_come", _nothing)
    real = Opening._standing

    def standing(self: Opening, case: str) -> Any:
        store: Any = self.desk.door.store
        store.now = lambda: store.node.time() + timedelta(days=1)
        try:
            return real(self, case)
        finally:
            del store.now

    patch.setattr(Opening, "_standing", standing)


def _nothing(_view: Any) -> None:
    return None


# --- guarantees -----------------------------------------------------------------------------------------------------


@bug("guarantee: a second letter", "guarantee")
def _(patch: Patch) -> None:
    table = PROCEDURES["guarantee_letter"]
    row = next(s for s in table.steps if s.family == "guarantee_letter")
    steps(patch, "guarantee_letter", lambda s: s, replace(row, state="issued"))


@bug("guarantee: issued before the premium is paid", "guarantee")
def _(patch: Patch) -> None:
    table = PROCEDURES["guarantee_letter"]
    row = next(s for s in table.steps if s.family == "guarantee_letter")
    steps(patch, "guarantee_letter", lambda s: s, replace(row, state="approved"))


@bug("guarantee: a paid premium is forgotten", "guarantee")
def _(patch: Patch) -> None:
    patch.setitem(guaranteeing.MOVES, ("approved", "premium_paid"), "approved")  # type: ignore[arg-type]


@bug("guarantee: a letter is filed again when its bank asks again", "guarantee")
def _(patch: Patch) -> None:
    next(b for b in BUGS if b.name == "door: a record is filed again under another tag").plant(patch)
    table = PROCEDURES["guarantee_letter"]
    row = next(s for s in table.steps if s.family == "guarantee_letter")
    steps(patch, "guarantee_letter", lambda s: s, replace(row, state="issued"))
    without(patch, "guarantee_letter", "letter_fits_application")


_ = (Copy, Disk, Kept)
