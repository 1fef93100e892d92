"""
At once and once more 并发与重试: many do the same thing at the same time, and answers get lost on the way.

Two server processes share a PostgreSQL database; clients reach them through a proxy that cuts connections between
commit and answer. Whatever is sent again, twice, out of order or by fifty people at once has happened once, and
everybody is told the same.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from sqlalchemy import text

from adapters.postgres import running
from torture.harness import Part, Run, Said
from torture.proxy import Fault, Proxy
from torture.racing import CHANCE, Maker, NotInTime, Tender, catalogue, settings_of, soon
from torture.served import Reply, call, serving, token_of
from tradehall.bench.hall import Party, enrol, organisation
from tradehall.kernel.case import legal_date
from tradehall.kernel.record import Attachment, Digest
from tradehall.kernel.signing import Signer
from tradehall.main import Node, build_node
from tradehall.rules import sealing

OPENERS = 50
DUPLICATES = 1000
AT_ONCE = 32
TRIES = 80
PART_BYTES = 40_000
OK = (200, 201)


@dataclass
class Hall:
    """Servers on one database, a node beside them to look into it, and people with tokens."""

    node: Node
    maker: Maker
    ports: Sequence[int]
    chance: random.Random
    tokens: dict[str, str] = field(default_factory=dict)

    def headers(self, party: str) -> dict[str, str]:
        if party not in self.tokens:
            self.tokens[party] = token_of(self.node, party)
        return {"authorization": f"Bearer {self.tokens[party]}"}

    @property
    def rows(self) -> int:
        """How many rows the journal has."""
        with self.node.store.engine.begin() as connection:
            return int(connection.execute(text("SELECT count(*) FROM journal")).scalar_one())

    async def file(self, body: bytes, *, port: int = 0, key: str = "", party: str = "") -> Reply:
        headers = self.headers(party or self.maker.parties[0].id) | ({"idempotency-key": key} if key else {})
        return await call(port or self.chance.choice(self.ports), "POST", "/api/v1/records", body, headers=headers)

    def tender(self, seconds: float = 3600.0) -> Tender:
        (made,) = self.maker.tenders([soon(seconds)])
        return made

    def question(self, tender: Tender) -> bytes:
        asking = self.maker.parties[1]
        return self.maker.signed(tender.id, "question", {"text": [CHANCE(8).hex()]}, asking.id, asking.signer)


@contextmanager
def hall(run: Run, name: str, database: str = "", count: int = 2, mutant: str = "") -> Iterator[Hall]:
    settings = settings_of(run.folder / name, database)
    node = build_node(settings, catalogue=catalogue())
    try:
        maker = Maker(node)
        with serving(settings, count, mutant) as ports:
            yield Hall(node, maker, ports, random.Random(run.seed))
    finally:
        node.close()


async def gather(count: int, acts: Sequence[Callable[[], Awaitable[Any]]]) -> list[Any]:
    """Do all of it, so many at a time."""
    turn = asyncio.Semaphore(count)

    async def one(act: Callable[[], Awaitable[Any]]) -> Any:
        async with turn:
            return await act()

    return list(await asyncio.gather(*(one(act) for act in acts)))


# --- fifty openings ---------------------------------------------------------------------------------------------


async def openings(run: Run, at: Hall, tenders: int) -> None:
    """Fifty open one tender at once: one opening record, and everybody is shown the same."""
    centre = organisation(990)
    at.node.directory.register(centre, "示例中心", frozenset({"centre"}))
    headers = at.headers(centre)
    for tender in _with_bids(at, tenders):
        await asyncio.sleep(max(0.0, (tender.deadline - at.node.store.now()).total_seconds() + 0.01))

        async def one(path: str = f"/api/v1/cases/{tender.id}/opening") -> Reply:
            return await call(at.chance.choice(at.ports), "POST", path, b'{"act":"start"}', headers=headers)

        replies = await gather(OPENERS, [one] * OPENERS)
        run.count("openings asked for at once", len(replies))
        told = Counter((r.status, r.body if r.status == 200 else r.code) for r in replies)
        run.holds(len(told) == 1 and replies[0].status == 200, f"{tender.id}: {len(told)} answers, {_brief(told)}")
        view = at.node.desk.look(tender.id)
        made = view.of("opening_start") if view else []
        run.holds(len(made) == 1, f"{tender.id}: {len(made)} opening records")
        run.count("tenders opened")


def _brief(told: Mapping[Any, int]) -> str:
    return ", ".join(f"{count} × {status} {str(what)[:40]}" for (status, what), count in told.items())


def _with_bids(at: Hall, count: int) -> list[Tender]:
    """Announce tenders whose deadline is moments away, each with three bids."""
    lead = 0.5
    while True:
        try:
            made = at.maker.tenders([soon(lead)] * count)
            pens = [(at.maker.pen(tender, n), sealing.new_submission(CHANCE)) for tender in made for n in range(3)]
            at.maker.file([pen.commitment(name) for pen, name in pens])
            at.maker.file([pen.ciphertext(name) for pen, name in pens])
        except NotInTime:
            lead *= 2
            continue
        return made


# --- lost answers -----------------------------------------------------------------------------------------------


@dataclass
class Tally:
    """What deliveries went through."""

    retries: int = 0
    broken: list[str] = field(default_factory=list)


async def deliver(at: Hall, proxy: Proxy, body: bytes, key: str, tally: Tally, party: str = "") -> Reply | None:
    """Send until somebody answers."""
    for _ in range(TRIES):
        try:
            found = await at.file(body, port=proxy.port, key=key, party=party)
        except (OSError, EOFError, TimeoutError):
            tally.retries += 1
            continue
        if found.status >= 500:
            tally.broken.append(f"{found.status} {found.code}")
            tally.retries += 1
            continue
        return found
    return None


async def retries(run: Run, at: Hall, count: int) -> None:
    """Every submission once, whatever was cut; the same receipt each time; another body under its key is refused."""
    tender, tally = at.tender(), Tally()
    submissions = [(at.question(tender), f"key-{n}") for n in range(count)]
    before = at.rows

    async with Proxy(at.ports, at.chance).running() as proxy:

        async def one(body: bytes, key: str, number: int) -> str:
            first = await deliver(at, proxy, body, key, tally)
            again = await deliver(at, proxy, body, key, tally)
            bare = await deliver(at, proxy, body, "", tally)
            if first is None or again is None or bare is None:
                return f"{key} was never answered: {tally.broken[-1:]}"
            if first.status not in OK or not first.body == again.body == bare.body:
                return f"{key}: {first.status} {first.body[:200]!r}, then {again.status} {again.body[:200]!r}"
            if number % 8:
                return ""
            other = await deliver(at, proxy, at.question(tender), key, tally)
            run.count("other bodies under a used key")
            right = other is not None and (other.status, other.code) == (409, "IDEMPOTENCY-CONFLICT")
            return "" if right else f"{key}: another body: {other}"

        acts = [lambda b=b, k=k, n=n: one(b, k, n) for n, (b, k) in enumerate(submissions)]
        for said in await gather(AT_ONCE, acts):
            run.holds(not said, said)
    run.holds(not tally.broken, f"{len(tally.broken)} answers of 5xx: {tally.broken[:3]}")
    view = at.node.desk.look(tender.id)
    kept = Counter(e.record.digest for e in (view.of("question") if view else []))
    run.holds(at.rows - before == count, f"{at.rows - before} rows for {count} submissions")
    run.holds(len(kept) == count and set(kept.values()) <= {1}, f"{len(kept)} submissions stand, of {count}")
    run.count("submissions", count)
    run.count("retries after a cut connection", tally.retries)
    for fault in (Fault.CUT, Fault.RST, Fault.PART):
        run.count(f"connections {fault.value}", proxy.done[fault])


async def duplicates(run: Run, at: Hall, count: int) -> None:
    """The same record so many times at once, with a key and without, is one row and one receipt."""
    tender = at.tender()
    body, before = at.question(tender), at.rows
    acts = [lambda n=n: at.file(body, key="twice" if n % 2 else "") for n in range(count)]
    replies = await gather(128, acts)
    told = Counter((r.status in OK, r.body) for r in replies)
    run.holds(len(told) == 1 and replies[0].status in OK, f"duplicates: {len(told)} answers, {_brief(told)}")
    run.holds(sum(r.status == 201 for r in replies) == 1, "duplicates: not exactly one was told 201")
    run.holds(at.rows - before == 1, f"duplicates: {at.rows - before} rows")
    run.count("duplicates at once", count)


async def one_key(run: Run, at: Hall, pairs: int) -> None:
    """Two records under one key, at once and at two processes: one stands, the other is told of it."""
    tender, before = at.tender(), at.rows
    for n in range(pairs):
        bodies = [at.question(tender) for _ in range(2)]
        sent = [at.file(b, port=p, key=f"pair-{n}") for b, p in zip(bodies, (at.ports[0], at.ports[-1]), strict=True)]
        found = sorted((r.status, r.code) for r in await asyncio.gather(*sent))
        run.holds(found == [(201, ""), (409, "IDEMPOTENCY-CONFLICT")], f"one key for two: {found}")
    run.holds(at.rows - before == pairs, f"one key for two: {at.rows - before} rows for {pairs} keys")
    run.count("keys used for two records at once", pairs)


# --- call-backs of a guarantor ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Message:
    """A call-back: a signed record, and the same said again under another signature (重新签发)."""

    name: str
    party: str
    body: bytes
    twin: bytes


async def callbacks(run: Run, at: Hall, cases: int) -> None:
    """Events of a letter come twice, out of order and re-signed: each takes effect once, in the lawful order."""
    bank, bidder = (enrol(at.node, 700 + n, name) for n, name in enumerate(("示例银行", "示例投标人")))
    at.node.directory.register(bank.id, bank.name, frozenset({"guarantor"}))
    tender = at.tender()
    async with Proxy(at.ports, at.chance).running() as proxy:
        letters = [_letter(at, tender, bank, bidder) for _ in range(cases)]
        acts = [lambda made=made: _played(run, at, proxy, made) for made in letters]
        for said in await gather(8, acts):
            run.holds(not said, said)
    run.count("guarantee cases", cases)


def _letter(at: Hall, tender: Tender, bank: Party, bidder: Party) -> tuple[str, list[Message]]:
    """Return a case and the messages of its life: issued, verified, claimed, paid."""
    case = "g-" + sealing.new_submission(CHANCE).removeprefix("b-")
    tenderer, today = at.maker.parties[0], legal_date(at.node.store.now()).isoformat()
    letter, size = at.node.vault.add([CHANCE(900)], secret=True)
    file = [Attachment("letter.pdf", Digest(letter), size, "application/pdf")]
    terms = {
        "tender": tender.id,
        "lot": "L1",
        "applicant": bidder.named(),
        "beneficiary": tenderer.named(),
        "amount": {"amount": "390000.00", "currency": "CNY"},
        "valid_from": today,
        "valid_until": "2030-06-30",
    }
    issued = {
        **terms,
        "number": f"DEMO-{CHANCE(5).hex().upper()}",
        "issuer": bank.named(),
        "issuer_kind": "bank",
        "independent": True,
        "on_demand": True,
        "project_name": "示例大道市政道路改造工程（虚构）",
        "payment_days": 7,
        "terms": ["本保函为见索即付独立保函。"],
        "letter": letter,
        "nonce": CHANCE(32).hex(),
    }
    node = at.node.keys.node

    def message(name: str, family: str, author: str, signer: Signer, payload: Mapping[str, Any]) -> Message:
        attached = file if family == "guarantee_letter" else ()
        body, twin = (at.maker.signed(case, family, payload, author, signer, attached) for _ in range(2))
        return Message(name, author, body, twin)

    def event(name: str, who: Party) -> Message:
        more = {} if name == "premium_paid" else {"letter": letter}
        if name in ("claim", "pay"):
            more |= {"reason": "中标人不签约。", "amount": terms["amount"]}
        return message(name, "guarantee_event", who.id, who.signer, {"event": name, **more})

    application = {**terms, "guarantor": bank.named(), "kind": "bid_security"}
    verified = {"event": "verified", "letter": letter}
    return case, [
        message("application", "guarantee_application", bidder.id, bidder.signer, application),
        message("decision", "guarantee_decision", bank.id, bank.signer, {"decision": "approve"}),
        event("premium_paid", bank),
        message("letter", "guarantee_letter", bank.id, bank.signer, issued),
        message("verified", "guarantee_event", node.name, node.records, verified),
        event("claim", tenderer),
        event("examine", bank),
        event("pay", bank),
    ]


async def _played(run: Run, at: Hall, proxy: Proxy, made: tuple[str, list[Message]]) -> str:
    case, messages = made
    waiting, tally, acked = {m.name: m for m in messages}, Tally(), dict[str, bytes]()
    for _ in range(TRIES):
        if not waiting:
            break
        # Whoever waits for an acknowledgement sends again, twice at once, in any order; and so do some that have one.
        order = [*waiting.values(), *(m for m in messages if m.name in acked and at.chance.random() < 0.2)]
        at.chance.shuffle(order)
        sent = [m for m in order for _ in range(2)]
        acts = [deliver(at, proxy, m.body, f"{case}-{m.name}", tally, _sender(at, m)) for m in sent]
        for m, answer in zip(sent, await asyncio.gather(*acts), strict=True):
            run.count("call-backs delivered")
            if answer is not None and answer.status in OK:
                if acked.setdefault(m.name, answer.body) != answer.body:
                    return f"{case}: {m.name} has two receipts"
                waiting.pop(m.name, None)
    if waiting:
        return f"{case}: never accepted: {sorted(waiting)}"
    view = at.node.desk.look(case)
    found = [str(e.record.payload.get("event", e.record.family.removeprefix("guarantee_"))) for e in view.entries]  # type: ignore[union-attr]
    wanted = [m.name for m in messages]
    if found != wanted or view is None or view.case.tracks["*"] != "paid":
        return f"{case}: happened {found}, not {wanted}"
    for m in messages:
        again = await deliver(at, proxy, m.twin, f"{case}-{m.name}", tally, _sender(at, m))
        anew = await deliver(at, proxy, m.twin, "", tally, _sender(at, m))
        run.count("call-backs signed again")
        if again is None or anew is None or again.code != "IDEMPOTENCY-CONFLICT" or anew.status in OK:
            return f"{case}: {m.name} signed again: {again}, {anew}"
    return f"{case}: answers of 5xx: {tally.broken[:3]}" if tally.broken else ""


def _sender(at: Hall, message: Message) -> str:
    """The node's own records are sent by whoever runs the centre."""
    return at.maker.parties[1].id if message.party.startswith("node:") else message.party


# --- uploads ----------------------------------------------------------------------------------------------------


async def uploads(run: Run, at: Hall, files: int) -> None:
    """Two tabs at two processes send parts of one file in any order, overlapping and again; the file is whole."""
    for said in await gather(4, [lambda: _uploaded(run, at)] * files):
        run.holds(not said, said)
    run.count("files uploaded from two tabs", files)


async def _uploaded(run: Run, at: Hall) -> str:
    data = CHANCE(at.chance.randrange(PART_BYTES, 6 * PART_BYTES))
    digest = "sha256:" + sha256(data).hexdigest()
    tabs = [_tab(run, at, port, digest, data) for port in (at.ports[0], at.ports[-1])]
    wrong = [said for said in await asyncio.gather(*tabs) if said]
    if wrong:
        return f"{digest}: {wrong}"
    if at.node.vault.has(digest, secret=True) != len(data):
        return f"{digest}: not here"
    with at.node.vault.read(digest, secret=True) as chunks:
        return "" if b"".join(chunks) == data else f"{digest}: another file"


async def _tab(run: Run, at: Hall, port: int, digest: str, data: bytes) -> str:
    headers = at.headers(at.maker.parties[0].id) | {"content-type": "application/octet-stream"}
    path = f"/api/v1/vault/{digest}/upload?sealed=1"

    async def put(start: int, part: bytes) -> Reply:
        sent = headers | {"upload-offset": str(start), "upload-length": str(len(data))}
        run.count("parts sent")
        return await call(port, "PUT", path, part, headers=sent)

    known = 0
    for _ in range(TRIES):
        # Mostly from where it stood, sometimes from before (sent again) or from behind (a gap).
        shift = at.chance.choice((0, 0, 0, -PART_BYTES // 2, PART_BYTES // 3))
        start = min(max(0, known + shift), len(data) - 1)
        answer = await put(start, data[start : start + at.chance.randrange(1, PART_BYTES)])
        if answer.status == 200 and answer.json()["complete"]:
            return ""
        if answer.status not in (200, 409):
            return f"{answer.status} {answer.code}"
        known = int((await call(port, "GET", path, headers=headers)).json()["offset"])
    return "never complete"


# --- the part ---------------------------------------------------------------------------------------------------


Act = Callable[[Run, Hall], Awaitable[None]]


def caught(run: Run, mutant: str, told: str, database: str, *acts: Act) -> None:
    """Show that a mutant breaks what the program keeps."""
    aside = Run(run.part, run.seed, run.seconds, run.long, run.folder)
    with hall(aside, mutant, database, mutant=mutant) as at:
        for act in acts:
            if not aside.broken_count:
                asyncio.run(_done(act(aside, at)))
    run.control(told, caught=bool(aside.broken_count), how=aside.broken[0] if aside.broken else "nothing broke")


async def _done(act: Awaitable[None]) -> None:
    await act


def torture(run: Run) -> None:
    with running() as cluster:
        with cluster.database("whole") as url, hall(run, "whole", url) as at:
            rounds = 0
            while rounds == 0 or (run.long and run.left() > 0):
                asyncio.run(openings(run, at, run.of(3, 20)))
                asyncio.run(retries(run, at, run.of(150, 3000)))
                asyncio.run(duplicates(run, at, DUPLICATES))
                asyncio.run(one_key(run, at, run.of(20, 200)))
                asyncio.run(callbacks(run, at, run.of(8, 100)))
                asyncio.run(uploads(run, at, run.of(12, 200)))
                rounds += 1
        with hall(run, "alone", count=1) as at:
            asyncio.run(openings(run, at, run.of(2, 20)))
        for mutant, told, *acts in CONTROLS:
            with cluster.database(mutant) as url:
                caught(run, mutant, told, url, *acts)


async def _opened(run: Run, at: Hall) -> None:
    await openings(run, at, 2)


async def _retried(run: Run, at: Hall) -> None:
    await retries(run, at, 40)


async def _paired(run: Run, at: Hall) -> None:
    await one_key(run, at, 20)


async def _called(run: Run, at: Hall) -> None:
    await callbacks(run, at, 2)


async def _sent(run: Run, at: Hall) -> None:
    await uploads(run, at, 30)


CONTROLS: tuple[tuple[Any, ...], ...] = (
    ("no_key", "no check of the key", _retried),
    ("no_digest", "no check of the record's digest", _retried),
    ("no_lock", "no write lock", _retried, _paired, _opened),
    ("late_lock", "write lock taken after judging", _paired, _opened),
    ("open_twice", "an opening may be begun again", _opened),
    ("no_order", "events of a letter in any order", _called),
    ("no_hold", "an upload is not held by one writer", _sent),
)

PART = Part(
    name="concurrency",
    title=Said("并发与重试", "At once and once more"),
    promise=Said(
        "五十人同时开标只有一份开标记录；答复丢失后的重试、重复或乱序的回调、两处同时的上传，都只生效一次。",
        "Fifty openings at once give one record; what is retried after a lost answer, called back twice or out of order, "
        "or uploaded from two tabs takes effect once.",
    ),
    cases=(7, 12, 15, 16, 36),
    run=torture,
    short=60,
)
