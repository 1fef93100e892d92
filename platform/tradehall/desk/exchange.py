"""
Exchange between cities (城市间交换): what a city can take, keep, pass on and know while the link is cut.

A remote venue's node takes signed records for a case that another city hosts into **custody** (代收): it checks what it
can check alone, stores the record durably, and answers with a signed custody note. The **courier** (投递) brings it to
the other city's door as soon as the link is up, and keeps what that door decided. The message id is the record's
digest: that door gives the same receipt for the same record however often it comes, so nothing else has to count.

The courier also follows (跟随) the other city's log: copies of the records of each session in commit order. The state
of a case is a fold of its records, here too. Nothing of this decides anything: a deadline is judged at the other
city's door, by its clock, when the record arrives there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal, Protocol, cast

import orjson

from tradehall.desk.accept import Door
from tradehall.desk.journal import ROW_CLASS, Journal
from tradehall.desk.ports import Copy, ExchangeStore, Message
from tradehall.desk.rebuild import FoldedFacts, fold
from tradehall.kernel import notes, receipts
from tradehall.kernel.case import Case, legal_date, read_instant
from tradehall.kernel.procedure import World
from tradehall.kernel.record import CaseId, Filed, Record, read_record
from tradehall.kernel.refusal import Refusal, refuse
from tradehall.rules import merkle

if TYPE_CHECKING:
    from tradehall_standards import Json

CUSTODY_FAMILIES = frozenset(
    {
        "venue_decision",
        "check_in",
        "session_event",
        "recusal",
        "score_commitment",
        "score_sheet",
        "evaluation_report",
        "report_signature",
    }
)
"""What experts and venues file during a remote evaluation. Bids are never taken: their deadline allows no detour."""

NOT_YET = frozenset({"STEP-CLOSED", "NOT-CHECKED-IN", "SCORES-SEALED", "CASE-PAUSED"})
"""Refusals that mean "not now": the session waits for others, so a locked score waits too and is sent again."""

LASTING_FAMILIES = frozenset({"score_commitment", "score_sheet", "evaluation_report", "report_signature"})
"""What means the same later. A check-in or a suspension speaks of its moment: sent again it would not be true."""

CUSTODY_LIFE = timedelta(hours=24)
"""A session keeps to one legal day; what is still "not now" after a whole day is refused."""

MESSAGES_MAX = 1000
POLL_SECONDS = 1.0
WAIT_MOST_SECONDS = 30.0
UNANSWERED_MAX = 2
"""So many messages of different authors without an answer mean that the link is down; one may be at fault itself."""

State = Literal["waiting", "accepted", "refused"]


@dataclass(frozen=True, slots=True)
class CityKeys:
    """What another city's answers are verified with (对方公钥): its node's name, receipt key and log key."""

    node: str
    receipt: bytes
    log: notes.VerifierKey


class City(Protocol):
    """Another city's node, over a network that may fail (对方城市). None means that no usable answer came."""

    @property
    def keys(self) -> CityKeys:
        """Its public keys, agreed beforehand."""
        ...

    async def file(self, record: bytes) -> Mapping[str, Json] | None:
        """Bring a record to its door; returns the signed receipt or the signed refusal."""
        ...

    async def sessions(self) -> Sequence[str] | None:
        """Return the secret cases there that this city takes part in."""
        ...

    async def records(self, case: str, after: int) -> Sequence[Json] | None:
        """Return records of a case with an index above ``after``, in the order of its log, a page at most."""
        ...

    async def close(self) -> None:
        """Let go of the network."""
        ...


@dataclass(frozen=True, slots=True)
class Decision:
    """What the other city's door made of a record (对方裁决): its signed answer, verified."""

    state: State
    answer: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Kept:
    """A record in custody (代收记录) and how it stands."""

    custody: Mapping[str, Json]
    state: State
    answer: Mapping[str, Json] | None
    tries: int


@dataclass(frozen=True, slots=True)
class Followed:
    """A case of another city as its copies give it (跟随案卷); ``index`` is that of the last one."""

    case: Case
    facts: FoldedFacts
    index: int


def decided(answer: Mapping[str, Json], record: Record, keys: CityKeys) -> Decision | None:
    """
    Judge an answer to a record (核对答复).

    Returns:
        The decision; None when it is not signed by that city, or about another record: then nothing was answered.
    """
    try:
        if "refusal" in answer:
            refusal = receipts.verify_refusal(answer, public=keys.receipt)
            state: State = "waiting" if is_not_yet(str(refusal.get("code")), record.family) else "refused"
            return Decision(state, answer) if _is_about(refusal, record, keys) else None
        receipt = receipts.verify_receipt(
            answer,
            public=keys.receipt,
            log=keys.log,
            signature=record.signature,
            is_included=merkle.verify_inclusion,
            leaf_hash=merkle.leaf_hash,
        )
    except receipts.ReceiptInvalidError:
        return None
    return Decision("accepted", answer) if _is_about(receipt.body, record, keys) else None


def is_not_yet(code: str, family: str) -> bool:
    """Whether a refusal leaves a record waiting to be sent again: nothing was judged, or it is not the time yet."""
    return code == "CLOCK-SUSPECT" or (code in NOT_YET and family in LASTING_FAMILIES)


def _is_about(content: Mapping[str, Json], record: Record, keys: CityKeys) -> bool:
    return content.get("record") == record.digest and content.get("node") == keys.node


@dataclass(frozen=True, slots=True)
class Exchange:
    """Custody and copies of one node (代收与跟随)."""

    door: Door
    store: ExchangeStore
    cities: Mapping[str, City] = field(default_factory=dict[str, City])

    # --- custody ----------------------------------------------------------------------------------------------

    def take(self, city: str, record: Record) -> Kept | Refusal:
        """
        Take a record into custody (代收); durable before this returns.

        The same record again gives the same note; one that the other city refused is sent again.

        Args:
            city: one of ``cities``.
            record: as its author signed it.

        Returns:
            How it stands, with the custody note; a refusal for what could never be accepted there.
        """
        refusal = self._refusal(record)
        if refusal is not None:
            return refusal
        now, tag = self.door.store.now(), self._tag(city, record.digest)
        body = self.door.cloak.seal(orjson.dumps(record.wire()), least=ROW_CLASS, bound=tag)
        if not self.store.put(Message(tag, city, now, body, now)):
            known = self.store.find(tag)
            if known is not None and known.done and self._state(known) == "refused":
                self.store.settle(replace(known, due=now, tries=0, done=False))
        kept = self.status(city, record.digest)
        if kept is None:
            raise RuntimeError("a record that was just stored is not there")
        return kept

    def _refusal(self, record: Record) -> Refusal | None:
        """Refuse what this node can see alone: form, schema, signature, certificate; not the state of the case."""
        if record.family not in CUSTODY_FAMILIES or record.attachments:
            return refuse("CUSTODY-NOT-TAKEN", why=f"请直接提交 / file it there directly: {record.family}")
        now = self.door.store.now()
        examined = self.door.examine(record, legal_date(now)) or self.door.certificate_refusal(record, now)
        return examined or self._hosted_refusal(record)

    def _hosted_refusal(self, record: Record) -> Refusal | None:
        with self.door.store.read() as reading:
            here = Journal(reading, self.door.cloak, self.door.procedures).case(record.case)
        return refuse("CUSTODY-NOT-TAKEN", why="本节点受理该项目 / the case is hosted here") if here else None

    def status(self, city: str, digest: str) -> Kept | None:
        """Return how a record in custody stands (代收状态), None when there is none."""
        message = self.store.find(self._tag(city, digest))
        if message is None:
            return None
        record = self.record(message)
        custody = receipts.build_custody(
            record=record.digest,
            case=record.case,
            family=record.family,
            at=message.at,
            node=self.door.node.name,
            to=self.cities[city].keys.node,
            public=self.door.node.receipt_public,
            signer=self.door.node.sign_receipt,
        )
        return Kept(custody, self._state(message), self._answer(message), message.tries)

    def record(self, message: Message) -> Record:
        """Return the record of a message."""
        record = read_record(orjson.loads(self.door.cloak.open(message.body, bound=message.tag)))
        if isinstance(record, Refusal):
            raise ValueError(f"the outbox does not hold a record: {record.reason.en}")  # noqa: TRY004  - the row is at fault
        return record

    def settle(self, message: Message, decision: Decision) -> None:
        """Keep what the other city decided (留存答复); what is not yet due is sent again, each time a little later."""
        now = self.door.store.now()
        waits = decision.state == "waiting" and now < message.at + CUSTODY_LIFE and not self._is_over(message)
        self.store.settle(
            replace(
                message,
                due=now + timedelta(seconds=back_off(message.tries)) if waits else now,
                tries=message.tries + waits,
                answer=self.door.cloak.seal(orjson.dumps(decision.answer), least=ROW_CLASS, bound=message.tag),
                done=not waits,
            )
        )

    def _is_over(self, message: Message) -> bool:
        """Whether the session of a message has ended, as far as this node knows: then "not now" means never."""
        record = self.record(message)
        known, terminal = self.state(message.city, record.case), self.door.procedure(record.case).terminal
        return known is not None and terminal.issuperset(known.case.tracks.values())

    def _answer(self, message: Message) -> Mapping[str, Json] | None:
        if not message.answer:
            return None
        return cast("Mapping[str, Json]", orjson.loads(self.door.cloak.open(message.answer, bound=message.tag)))

    def _state(self, message: Message) -> State:
        if not message.done:
            return "waiting"
        return "refused" if "refusal" in (self._answer(message) or {}) else "accepted"

    def _tag(self, city: str, digest: str) -> bytes:
        return self.door.cloak.tag("outbox", city, digest)

    # --- copies -----------------------------------------------------------------------------------------------

    def cursor(self, city: str, case: str) -> int:
        """Return the index of the last copy of a case."""
        return self.store.cursor(city, self._case_tag(city, case))

    def follow(self, city: str, case: str, after: int, rows: Sequence[Json]) -> bool:
        """
        Keep a page of another city's log (跟随入库).

        Returns:
            Whether it was kept: records of that case, valid and in order, behind the last copy.
        """
        tag, copies, last = self._case_tag(city, case), list[Copy](), after
        for row in rows:
            filed = _filed(row, case)
            if filed is None or filed.index <= last:
                return False
            if self.door.schema_refusal(filed.record, legal_date(filed.at)) is not None:
                return False
            last = filed.index
            copies.append(Copy(last, self.door.cloak.seal(orjson.dumps(row), least=ROW_CLASS, bound=tag)))
        return self.store.follow(city, tag, after, copies)

    def state(self, city: str, case: str) -> Followed | None:
        """Return a case of another city as far as its log has come here (对方案卷状态), None when nothing has."""
        tag = self._case_tag(city, case)
        copies = self.store.copies(city, tag)
        if not copies:
            return None
        procedure = self.door.procedure(case)
        rows = (orjson.loads(self.door.cloak.open(copy.body, bound=tag)) for copy in copies)
        filed = [found for row in rows if (found := _filed(row, case)) is not None]
        new = Case.new(CaseId(case), procedure.id, self.cities[city].keys.node)
        folded, facts = fold(procedure, new, filed, lambda known, _: self._world(known))
        return Followed(folded, facts, copies[-1].index)

    def _world(self, case: Case) -> World:
        """Return what lies outside a followed case: nothing but the law; its tender is the other city's."""
        return World(law=self.door.law(case.procedure, case.regime, case.region), linked={}, issuers={}, experts={})

    def _case_tag(self, city: str, case: str) -> bytes:
        return self.door.cloak.tag("followed", city, case)


def _filed(row: Json, case: str) -> Filed | None:
    """Read a line of another city's log; None when it is not a record of the case."""
    if not isinstance(row, Mapping) or not isinstance(row.get("index"), int):
        return None
    record = read_record({name: row.get(name) for name in ("envelope", "signature")})
    if isinstance(record, Refusal) or record.case != case or record.digest != row.get("digest"):
        return None
    try:
        at = read_instant(str(row.get("accepted_at")))
    except ValueError:
        return None
    return Filed(record, at, cast("int", row["index"]))


def back_off(failures: int) -> float:
    """Return the seconds to wait after so many failures in a row: 1, 2, 4, … 30 (退避)."""
    return min(2.0**failures, WAIT_MOST_SECONDS)


@dataclass(slots=True)
class Link:
    """The link to a city as the courier last found it (链路): when it last held, and what went wrong since."""

    news: asyncio.Event
    held_at: datetime | None = None
    fault: str = ""
    failures: int = 0


@dataclass(slots=True)
class Courier:
    """Delivers what is in custody and follows the cities' logs (投递与跟随); one task a city."""

    exchange: Exchange
    links: dict[str, Link] = field(default_factory=dict[str, Link])
    _tasks: list[asyncio.Task[None]] = field(default_factory=list["asyncio.Task[None]"])

    def start(self) -> None:
        """Start; call inside the event loop."""
        self.links = {city: Link(asyncio.Event()) for city in self.exchange.cities}
        self._tasks = [asyncio.get_running_loop().create_task(self._attend(city)) for city in self.exchange.cities]

    async def stop(self) -> None:
        """Stop; what was not delivered stays in the outbox."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        for there in self.exchange.cities.values():
            await there.close()

    def wake(self, city: str) -> None:
        """Say that something was taken into custody for a city."""
        if city in self.links:
            self.links[city].news.set()

    async def _attend(self, city: str) -> None:
        link, prompted = self.links[city], False
        while True:
            link.news.clear()
            try:
                held = await self.round(city)
                link.fault = "" if held else "no answer"
            except Exception as error:  # noqa: BLE001  - a database may be away in many ways; the courier outlives them
                held, link.fault = False, type(error).__name__
            # What is left here while the link is down prompts a try; it must not make the next one come later.
            link.failures = 0 if held else link.failures + (not prompted)
            link.held_at = self.exchange.door.store.now() if held else link.held_at
            try:
                async with asyncio.timeout(POLL_SECONDS if held else back_off(link.failures)):
                    await link.news.wait()
                prompted = True
            except TimeoutError:
                prompted = False

    async def round(self, city: str) -> bool:
        """Deliver what is due and follow the log once (一轮); returns whether the link held."""
        return await self.deliver(city) and await self.pull(city)

    async def deliver(self, city: str) -> bool:
        """
        Bring what is due to the city's door, in the order of custody (投递).

        What got no answer holds up what the same author filed later. What is not the time yet holds up nothing: in a
        suspended session a locked score waits for its author's own check-in, which was filed after it.

        Returns:
            Whether every message that was sent was answered.
        """
        exchange, behind, unanswered = self.exchange, set[str](), 0
        for message in await asyncio.to_thread(exchange.store.waiting, city, MESSAGES_MAX):
            record = exchange.record(message)
            if record.author in behind or message.due > exchange.door.store.now():
                continue
            decision = await self._send(city, record)
            if decision is None:
                behind.add(record.author)
                unanswered += 1
                if unanswered == UNANSWERED_MAX:
                    return False
                continue
            await asyncio.to_thread(exchange.settle, message, decision)
        return unanswered == 0

    async def _send(self, city: str, record: Record) -> Decision | None:
        there = self.exchange.cities[city]
        answer = await there.file(orjson.dumps(record.wire()))
        return None if answer is None else decided(answer, record, there.keys)

    async def pull(self, city: str) -> bool:
        """Follow the log of a city for every session this one takes part in (跟随); returns whether the link held."""
        sessions = await self.exchange.cities[city].sessions()
        if sessions is None:
            return False
        for case in sessions:
            while (more := await self._pull_page(city, case)) is not False:
                if more is None:
                    return False
        return True

    async def _pull_page(self, city: str, case: str) -> bool | None:
        """Follow one page of a case; returns whether there may be more, None when the link or the page failed."""
        after = await asyncio.to_thread(self.exchange.cursor, city, case)
        rows = await self.exchange.cities[city].records(case, after)
        if rows is None:
            return None
        if not rows:
            return False
        return True if await asyncio.to_thread(self.exchange.follow, city, case, after, rows) else None
