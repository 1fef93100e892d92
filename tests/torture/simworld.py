"""
The simulated region 仿真区域: three nodes of the real desk on a simulated disk, clock and network, and the people at them.

What people file is prepared once and forked for each seed: a session that has begun, a tender that takes bids, a
guarantee that is applied for. Records are signed when they are filed, as their authors' devices would.
"""

from __future__ import annotations

import asyncio
import random
from base64 import urlsafe_b64encode
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson

from storytelling.people import CITY, Cast, MemoryDirectory, Person
from storytelling.script import STORIES, Line, read_story
from storytelling.stage import Act, Stage
from storytelling.ways import DeskWay
from torture.virtual import Dead, Life, Loop, Net, Stuck
from tradehall.adapters.keyfolder import KeyFolder, open_keys
from tradehall.adapters.memory import MemoryExchange, MemoryStore
from tradehall.adapters.vault import FolderVault
from tradehall.desk import exchange as exchange_module
from tradehall.desk.accept import Accepted, Door, Filing
from tradehall.desk.cloak import Cloak
from tradehall.desk.decoys import Decoys
from tradehall.desk.evaluation import Evaluation
from tradehall.desk.exchange import CityKeys, Courier, Exchange, is_not_yet
from tradehall.desk.filing import Desk
from tradehall.desk.node import NodeKeys
from tradehall.desk.opening import Opening
from tradehall.desk.ports import Copy, Message
from tradehall.desk.sequencer import BatchFailed, Sequencer
from tradehall.desk.witnessing import Witnessing
from tradehall.kernel.record import Attachment, Digest, Record, SchemaRef, envelope_bytes, read_record
from tradehall.kernel.refusal import Refusal
from tradehall.kernel.signing import sign_detached
from tradehall.main import PROCEDURES
from tradehall.web.api.cases import _page, entry_json
from tradehall_standards import Catalogue, canonical, strict
from tradehall_standards.calendar import WorkingCalendar
from tradehall_standards.parameters import Parameters

LOT = "L1"
REMOTES = ("deyang", "meishan")
CLOAKS = {CITY: b"c" * 32, "deyang": b"d" * 32, "meishan": b"m" * 32}


@dataclass
class Prepared:
    """What every seed begins with."""

    cast: Cast
    catalogue: Catalogue
    parameters: Parameters
    calendar: WorkingCalendar
    keys: dict[str, KeyFolder]
    vaults: Path
    worlds: dict[str, World] = field(default_factory=dict)


@dataclass
class World:
    """One beginning: the lead node's disk, its time, and what the people hold in their hands."""

    data: Any
    folder: Path
    at: datetime
    stage: Stage
    records: dict[str, Any] = field(default_factory=dict)
    opened: list[str] = field(default_factory=list)


def prepare(folder: Path, catalogue: Catalogue) -> Prepared:
    """Play the beginnings once."""
    cast = Cast(folder / "keys")
    keys = {CITY: cast.keys}
    for city in REMOTES:
        keys[city] = open_keys(
            folder / city, city=city, origin=f"sim.example/{city}", at=datetime(2026, 1, 1, tzinfo=UTC),
            chance=random.Random(city).randbytes,
        )  # fmt: skip
    made = Prepared(cast, catalogue, Parameters.load(), WorkingCalendar.load(), keys, folder)
    world = made.worlds["evaluation"] = _play(made, "beginnings/running")
    world.opened = sorted(p["submission"] for p in world.stage.payloads("bid_disclosure"))
    made.worlds["bidding"] = _bidding(_play(made, "beginnings/announced"), made)
    made.worlds["guarantee"] = _guarantee(made)
    return made


def _play(made: Prepared, name: str) -> World:
    story = read_story(STORIES / f"{name}.txt")
    folder = made.vaults / f"world-{len(made.worlds)}"
    folder.mkdir()
    way = DeskWay(made.cast, made.catalogue, folder, story.start)
    stage = Stage(story, way, made.cast, made.catalogue, folder)
    stage.play()
    return World(way.door.store._data, folder, stage.at.astimezone(UTC), stage)


class Kept(Exception):
    """A record that was caught on its way to the door."""


def _catch(stage: Stage, acts: Callable[[], None]) -> list[tuple[Person, dict[str, Any]]]:
    """Do something on a stage but keep what it would file."""
    caught: list[tuple[Person, dict[str, Any]]] = []
    real = stage.way.file

    def file(who: Person, record: Mapping[str, Any], key: str = "") -> dict[str, Any]:
        caught.append((who, dict(record)))
        return {"receipt": {"record": canonical.digest(record["envelope"])}}

    stage.way.file = file  # type: ignore[method-assign]
    try:
        acts()
    finally:
        stage.way.file = real  # type: ignore[method-assign]
    return caught


def _say(who: Person) -> Act:
    return Act(who, Line("simulation", 0, "", "act", ""))


def _bidding(world: World, made: Prepared) -> World:
    """Seal six bids, one with a replacement and one with a withdrawal; all of it signed before the first is sent."""
    stage = world.stage
    for number, name in enumerate(("alpha", "beta", "gamma", "delta", "epsilon", "zeta")):
        who = _say(made.cast[f"bidder/{name}"])

        def acts(who: Any = who, number: int = number) -> None:
            stage.hands_in(who, f"{18_000_000 + number * 10_000}.00", LOT)
            if number == 0:
                stage.replaces(who, LOT, "17000000.00")
            if number == 1:
                stage.withdraws(who, LOT)

        world.records[name] = _catch(stage, acts)
    world.data = stage.way.door.store._data
    world.at = datetime(2026, 3, 25, 1, 29, 40, tzinfo=UTC)
    return world


def _guarantee(made: Prepared) -> World:
    """Write every record of one guarantee: application, decision, premium, letter, and a rival letter."""
    world = _play(made, "beginnings/announced")
    stage, cast = world.stage, made.cast
    stage.at = datetime.fromisoformat("2026-03-16T10:00:00+08:00")
    stage.way.advance(stage.at)
    alpha, bank = _say(cast["bidder/alpha"]), _say(cast["bank"])
    world.data = stage.way.door.store._data
    found: dict[str, Any] = {}

    def done(name: str, act: Callable[[], None]) -> None:
        (found[name],) = _catch(stage, act)
        stage.way.file(*found[name])

    done("application", lambda: stage.applies(alpha, "390000.00", LOT))
    done("decision", lambda: stage.underwrites(bank, "approves", "bidder/alpha"))
    done("premium", lambda: stage.notes_premium(bank, "bidder/alpha"))
    for name in ("rival", "letter"):
        found[name] = _catch(stage, lambda name=name: _letter(made, stage, bank, name))[0]  # type: ignore[misc]
    world.records, world.at = found, stage.at.astimezone(UTC)
    return world


def _letter(made: Prepared, stage: Stage, bank: Act, name: str) -> None:
    """File a letter whose page nobody reads: laying one out takes a second."""
    pdf = f"%PDF {name}".encode()
    stage.way.upload(bank.who, pdf, sealed=True)
    digest = Digest("sha256:" + sha256(pdf).hexdigest())
    case = stage.guarantee("bidder/alpha")
    application = stage.payloads("guarantee_application", case)[-1]
    version = made.catalogue.versions("guarantee_letter")[-1]
    example: Any = next(iter(version.valid_examples.values()))
    taken = ("applicant", "beneficiary", "tender", "lot", "amount", "valid_from", "valid_until")
    payload = {
        **example,
        **{k: application[k] for k in taken},
        "number": f"DEMO-{name.upper()}",
        "issuer": bank.who.organisation,
        "letter": digest,
    }
    attached = (Attachment("letter.pdf", digest, len(pdf), "application/pdf"),)
    stage.file(bank, case, "guarantee_letter", payload, attachments=attached)


# --- a node ---------------------------------------------------------------------------------------------------------


class Clock:
    suspect = False

    def stamp(self, stored: datetime) -> datetime:
        return stored


class Disk(MemoryStore):
    """The store; its node may die before or after a commit, and what was not committed is gone."""

    node: SimNode
    durable: Any = None
    unsynced: Any = None

    def __init__(self, clock: Any, time: Callable[[], datetime]) -> None:
        super().__init__(clock, time)
        self.stamps: dict[int, datetime] = {}

    @contextmanager
    def write(self) -> Generator[Any]:
        with super().write() as writing:
            yield writing
            self.node.may_die("before")
            stamped, earlier = self.time_now(), self._data
        if self._data.batches != earlier.batches:
            self.stamps[self._data.batches[-1].size] = stamped
        self.durable, self.unsynced = earlier, self._data
        self.node.may_die("after")

    def time_now(self) -> datetime:
        return self.node.time()


class Post(MemoryExchange):
    """Outbox and copies, likewise."""

    node: SimNode

    def put(self, message: Message) -> bool:
        self.node.may_die("before")
        done = super().put(message)
        self.node.may_die("after")
        return done

    def settle(self, message: Message) -> None:
        self.node.may_die("before")
        super().settle(message)
        self.node.may_die("after")

    def follow(self, city: str, case: bytes, after: int, copies: Sequence[Copy]) -> bool:
        self.node.may_die("before")
        done = super().follow(city, case, after, copies)
        self.node.may_die("after")
        return done


class SimNode:
    """One city's node: what lies on its disk outlives it, everything else dies with it."""

    def __init__(self, sim: Sim, name: str, data: Any, folder: Path, *, skew: timedelta) -> None:
        self.sim, self.name, self.skew = sim, name, skew
        self.keys: NodeKeys = sim.made.keys[name].node
        self.disk = Disk(Clock(), self.time)
        self.disk.node = self
        if data is not None:
            self.disk._data = data
        self.post = Post()
        self.post.node = self
        self.commits = 0
        self.dies: set[tuple[int, str]] = set()
        self.life: Life | None = None
        self.deaths = 0
        self.folder = folder
        cloak = Cloak(sim.made.cast.keys.cloak if name == CITY else CLOAKS[name], sim.chance)
        vault = FolderVault(folder / "vault", cloak, sim.made.cast.keys.vault)
        self.door = Door(
            store=self.disk,  # type: ignore[arg-type]
            catalogue=sim.made.catalogue,
            parameters=sim.made.parameters,
            calendar=sim.made.calendar,
            procedures=PROCEDURES,
            directory=sim.directory,
            vault=vault,
            cloak=cloak,
            clock=Clock(),
            chance=sim.chance,
            node=self.keys,
            decoys=Decoys(cloak, sim.chance, vault, 0),
        )
        self.desk = Desk(self.door)
        self.witnessing = Witnessing(self.disk, self.keys)  # type: ignore[arg-type]
        self.inbox: list[str] = []
        self._folded: tuple[int, Any] = (-1, None)
        self._looked: tuple[Any, Any] = (None, None)

    def time(self) -> datetime:
        moment = self.sim.world.at + self.skew + timedelta(seconds=self.sim.loop.passed)
        return moment.replace(microsecond=moment.microsecond // self.sim.grain * self.sim.grain)

    def may_die(self, side: str) -> None:
        """Die at a commit that the seed chose; only what runs as this node can."""
        self.commits += side == "before"
        if (self.commits, side) in self.dies and self.life is not None:
            self.dies.discard((self.commits, side))
            raise Dead
        if side == "before" and self.life is not None and self.sim.rng.random() < self.sim.sick:
            raise OSError("no space left on device")

    def boot(self) -> None:
        """Start: nothing is known but what lies on the disk."""
        self.sequencer = Sequencer(self.door, self.witnessing)
        roads = {} if self.name == CITY else {CITY: Road(self.sim, self)}
        self.exchange = Exchange(self.door, self.post, roads)  # type: ignore[arg-type]
        self.courier = Courier(self.exchange)
        self._folded = (-1, None)
        self.life = Life(self._died)
        self.life.run(self.sequencer.start)
        self.life.run(self.courier.start)

    def _died(self) -> None:
        self.life = None
        self.deaths += 1
        self.sim.loop.say(self.name, "died", self.commits)
        self.sim.loop.call_later(self.sim.rng.uniform(0.3, 4.0), self.boot)

    # --- what it serves -------------------------------------------------------------------------------------------

    async def file(self, wire: bytes, key: tuple[str, str] | None = None) -> dict[str, Any] | None:
        """Serve the door: a signed receipt or refusal, None for a failure that tells to try again."""
        record = read_record(strict.parse(wire))
        assert isinstance(record, Record)
        try:
            answer = await self.sequencer.submit(Filing(record, key))
        except BatchFailed:
            return None
        if isinstance(answer.outcome, Refusal):
            return self.door.refusal_receipt(record, answer.outcome, self.disk.now())
        return answer.receipt

    async def take(self, wire: bytes) -> Any:
        record = read_record(strict.parse(wire))
        assert isinstance(record, Record)
        kept = await asyncio.to_thread(self.exchange.take, CITY, record)
        self.courier.wake(CITY)
        return kept

    async def status(self, digest: str) -> Any:
        return await asyncio.to_thread(self.exchange.status, CITY, digest)

    async def known(self, case: str) -> Any:
        """Serve the state of the session as this node knows it."""
        if self.name == CITY:
            view = await asyncio.to_thread(self.look)
            return None if view is None else (view.case, view.facts)
        cursor = self.exchange.cursor(CITY, case)
        if cursor != self._folded[0]:
            found = await asyncio.to_thread(self.exchange.state, CITY, case)
            self._folded = (cursor, found)
        found = self._folded[1]
        return None if found is None else (found.case, found.facts)

    def look(self) -> Any:
        """Return the session as the desk sees it; asked again only after a commit, to spare the simulator's time."""
        if self._looked[0] is not self.disk._data:
            self._looked = (self.disk._data, self.desk.look(self.sim.session))
        return self._looked[1]

    async def serve_sessions(self) -> list[str]:
        if not self.inbox:
            self.inbox = [v.case.id for v in self.desk.inbox(self.sim.made.cast["centre/deyang"].party)]
        return [case for case in self.inbox if case.startswith("r-")]

    async def serve_records(self, _case: str, after: int) -> list[Any]:
        found = [e for e in self.look().entries if e.filed.index > after]
        return orjson.loads(orjson.dumps([entry_json(e) for e in _page(found)]))


class Road:
    """The way from a remote node to the lead city: the port of the desk over the simulated network."""

    def __init__(self, sim: Sim, source: SimNode) -> None:
        self.sim, self.source = sim, source
        lead = sim.made.keys[CITY].node
        self.keys = CityKeys(lead.name, lead.receipt_public, lead.log)
        self.last: Any = None

    async def _call(self, work: Callable[[], Any]) -> Any:
        return await self.sim.net.call(self.source.name, self.sim.lead, work)

    async def file(self, record: bytes) -> Any:
        answer = await self._call(lambda: self.sim.lead.file(record))
        odds, calm = self.sim.rng.random(), not self.sim.net.loss
        if answer is not None and odds < 0.04 and not calm:  # a proxy that mixes answers up
            answer, self.last = self.last, answer
        elif odds < 0.08 and not calm:  # somebody in between who says yes to everything
            found = read_record(strict.parse(record))
            assert isinstance(found, Record)
            receipt = {"type": "receipt", "record": found.digest, "node": self.keys.node}
            answer = {"receipt": receipt, "signature": {"protected": "", "signature": ""}}
        self.last = answer or self.last
        return answer

    async def sessions(self) -> Any:
        return await self._call(self.sim.lead.serve_sessions)

    async def records(self, case: str, after: int) -> Any:
        odds, calm = self.sim.rng.random(), not self.sim.net.loss
        if odds < 0.1 and not calm:  # a cache in between
            after = -1
        rows = await self._call(lambda: self.sim.lead.serve_records(case, after))
        if rows and odds > 0.9 and not calm:  # somebody in between who changes a record
            rows[0]["envelope"]["nonce"] = "A" * 22
        return rows

    async def close(self) -> None:
        return None


# --- one history ----------------------------------------------------------------------------------------------------


class Sim:
    """One seed's history of one scenario."""

    END = 400.0
    CALM = 25.0

    def __init__(self, made: Prepared, seed: int, scenario: str) -> None:
        self.made, self.seed, self.scenario = made, seed, scenario
        self.rng = random.Random(f"{scenario}/{seed}")
        self.chance = random.Random(f"chance/{seed}").randbytes
        self.world = made.worlds[scenario]
        self.grain = 100_000 if scenario == "bidding" else 1000
        self.directory = MemoryDirectory(made.cast)
        self.loop = Loop(self.rng, self.END)
        rng = self.rng
        rough = rng.random()
        self.net = Net(self.loop, loss=0.3 * rough, double=0.3 * rough, slow=rng.choice((0.01, 0.05, 0.4)))
        self.lead = SimNode(self, CITY, self.world.data, self.world.folder, skew=timedelta(0))
        others = REMOTES if scenario == "evaluation" else ()
        self.remotes = [
            SimNode(self, c, None, self.world.folder, skew=timedelta(seconds=rng.uniform(-3, 3))) for c in others
        ]
        self.nodes = [self.lead, *self.remotes]
        self.receipts: list[tuple[Record, dict[str, Any]]] = []
        self.refusals: list[tuple[Record, dict[str, Any]]] = []
        self.custody: list[tuple[SimNode, Record, dict[str, Any]]] = []
        self.sheets: dict[str, dict[str, Any]] = {}
        self.broken: list[str] = []
        self.sick = rng.choice((0.0, 0.0, 0.03))
        self.session = self.world.stage.cases.get("the session", "")
        self.tender = self.world.stage.cases.get("the tender", "")

    def run(self, people: Callable[[Sim], Any]) -> Sim:
        """Let it happen; whatever is left hanging is a broken promise."""
        for node in self.nodes:
            for _ in range(self.rng.choice((0, 0, 1, 2, 3))):
                node.dies.add((node.commits + self.rng.randint(1, 25), self.rng.choice(("before", "after"))))
        try:
            self.loop.run_until_complete(self._live(people))
        except Stuck as stuck:
            self.broken.append(f"liveness: {stuck}")
        except Exception as error:
            self.broken.append(f"crash: {type(error).__name__}: {error}"[:300])
        finally:
            self._end()
        self.broken += [f"unhandled: {fault}"[:300] for fault in self.loop.faults]
        return self

    async def _live(self, people: Callable[[Sim], Any]) -> None:
        for node in self.nodes:
            node.boot()
        weather = asyncio.create_task(self._weather())
        await people(self)
        await weather
        self.sick = 0.0
        for node in self.nodes:
            node.dies.clear()
        while any(node.life is None for node in self.nodes) or any(  # noqa: ASYNC110
            n.post.waiting(CITY, 1) for n in self.remotes if self.lead.life is not None
        ):
            await asyncio.sleep(1.0)
        await asyncio.sleep(40.0)  # every link is found to hold again, and followed once more

    async def _weather(self) -> None:
        """Cut and mend the links, and crash nodes, until it is calm."""
        rng, names = self.rng, [n.name for n in self.nodes]
        while (left := self.CALM - self.loop.passed) > 0:
            await asyncio.sleep(min(left, rng.expovariate(1 / 4 if self.scenario == "evaluation" else 1)))
            kind = rng.random()
            one, other = rng.choice([*names, "device"]), rng.choice(names)
            if kind < 0.35:
                self.net.cuts |= {(one, other)}
            elif kind < 0.55:
                self.net.cuts |= {(one, other), (other, one)}
            elif kind < (0.7 if self.scenario == "evaluation" else 0.92):
                self.net.cuts.clear()
            elif kind < (0.78 if self.scenario == "evaluation" else 0.98):
                node = rng.choice(self.nodes)
                if node.life is not None:
                    node.life.end()
            self.loop.say("weather", f"{kind:.3f}", one, other)
        self.net.heal()

    def _end(self) -> None:
        for node in self.nodes:
            node.dies.clear()
        try:
            for task in asyncio.all_tasks(self.loop):
                task.cancel()
            self.loop.end = float("inf")
            self.loop.run_until_complete(asyncio.sleep(0))
        except BaseException:  # noqa: S110  - it is over
            pass
        self.loop.close()

    # --- what people do -------------------------------------------------------------------------------------------

    def signed(self, who: Person, family: str, payload: Mapping[str, Any], case: str) -> bytes:
        version = self.made.catalogue.resolve(family, self.world.at.date())
        assert version is not None
        envelope, body = envelope_bytes(
            schema=SchemaRef(family, version.version, version.digest),
            case=case,
            author=who.party,
            filed_by=who.party,
            nonce=urlsafe_b64encode(self.rng.randbytes(16)).decode().rstrip("="),
            payload=payload,
        )
        return orjson.dumps({"envelope": envelope, "signature": dict(sign_detached(body, who.signer))})

    async def direct(self, wire: bytes, *, source: str = "device", key: tuple[str, str] | None = None) -> Any:
        """File with the lead's door until an answer comes; "not yet" is tried again later. Returns the last answer."""
        record = read_record(strict.parse(wire))
        assert isinstance(record, Record)
        while True:
            answer = await self.net.call(source, self.lead, lambda: self.lead.file(wire, key))
            if answer is not None and (not self.note(record, answer) or self.is_over()):
                return answer
            await asyncio.sleep(self.rng.uniform(0.2, 3.0))

    def is_over(self) -> bool:
        """Whether the session has ended: then "not now" means never."""
        return bool(self.session) and self.lead.look().case.tracks["*"] == "ended"

    def note(self, record: Record, answer: dict[str, Any]) -> bool:
        """Keep an answer; returns whether it only says that it is not the time yet."""
        if "receipt" in answer:
            self.receipts.append((record, answer))
            self.loop.say("receipt", record.family, self._place(answer))
            return False
        self.refusals.append((record, answer))
        self.loop.say("refusal", record.family, answer["refusal"]["code"])
        return is_not_yet(answer["refusal"]["code"], record.family)

    def _place(self, answer: dict[str, Any]) -> int | None:
        """Count from the beginning, whose length depends on whom new keys let the draw call."""
        leaf = answer["receipt"].get("leaf")
        return leaf and leaf["index"] - len(self.world.data.rows)

    async def by_custody(self, wire: bytes, node: SimNode) -> Any:
        """Leave a record with a node until a note comes, then wait for what became of it."""
        record = read_record(strict.parse(wire))
        assert isinstance(record, Record)
        while not isinstance(
            kept := await self.net.call("device", node, lambda: node.take(wire)), exchange_module.Kept
        ):
            if isinstance(kept, Refusal):
                self.broken.append(f"custody refused: {kept.code} {kept.reason.en}")
                return None
            await asyncio.sleep(self.rng.uniform(0.2, 2.0))
        self.custody.append((node, record, dict(kept.custody)))
        self.loop.say("custody", record.family, node.name)
        while True:
            await asyncio.sleep(self.rng.uniform(1.0, 4.0))
            found = await self.net.call("device", node, lambda: node.status(record.digest))
            if found is not None and found.state != "waiting":
                if found.answer is None:
                    self.broken.append(f"custody says {found.state} without an answer of the door")
                    return None
                self.note(record, found.answer)
                return found.answer

    async def bring(self, wire: bytes, node: SimNode) -> Any:
        """Bring a record to the lead's door, directly or by custody."""
        return await (self.direct(wire) if node is self.lead else self.by_custody(wire, node))

    def entry_of(self, digest: str) -> Accepted | None:
        return self.lead.door.find(digest)


def evaluation_of(sim: Sim) -> Evaluation:
    return Evaluation(sim.lead.desk)


def opening_of(sim: Sim) -> Opening:
    return Opening(sim.lead.desk, None, None)  # type: ignore[arg-type]  - nothing is unsealed here
