"""
Part: partition 断网. Two real nodes in network namespaces of their own; the line between them is cut at each step of a
remote evaluation, in every manner. No score is lost or counted twice, and the report is that of the uncut run.

The cities are the two of ADR 0011: ``chengdu`` hosts the session, three of the five experts and the officer of the
remote venue leave their records with ``deyang``. Every history begins with the same two folders and files the same
records, signed once; so a report that differs by a bit differs.
"""

from __future__ import annotations

import logging
import os
import random
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import orjson
import structlog

from storytelling.people import CITY, Cast, Person
from storytelling.script import STORIES, read_story
from storytelling.stage import Stage
from storytelling.ways import by_city, fill_template, node_settings
from torture.harness import Part, Run, Said
from torture.invariants import everything, read_log
from torture.links import HERE, Link, NotPermitted, inside
from torture.racing import catalogue
from torture.served import Server
from tradehall.cli.client import Client, Refused
from tradehall.desk.filing import signed_record
from tradehall.kernel import receipts
from tradehall.kernel.record import SchemaRef, read_record
from tradehall.main import Settings, build_node
from tradehall_standards import canonical

LOT = "L1"
PORT = 8700
STEPS = ("check-in", "lock", "suspend", "return", "show", "report", "sign")
HELD = ("both", "out", "reset")
"""Manners in which nothing may get through."""

LASTING = ("loss", "flap")
"""Manners in which the records must get through while the line is bad."""

KILLS = {("both", "lock"): "remote", ("back", "show"): "lead"}
"""Who is killed while the line is cut, after the people have their custody notes, and started again."""

HOLD_SECONDS = 1.0
PAUSE_SECONDS = 0.5
"""After so long the courier is between two polls, its connection open: the next record gets through, its answer not."""

PATIENCE_SECONDS = 25.0
_building = threading.Lock()
"""The migrations of a database are no work for two threads."""

AT_ONCE = 6
"""Pairs of nodes that run at the same time."""


# --- what every history begins with -------------------------------------------------------------------------------


@dataclass
class Prepared:
    """Two nodes' folders, and what the people will file, signed."""

    cast: Cast
    folder: Path
    at: datetime
    tender: str
    session: str
    members: Sequence[Person]
    records: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def remote(self) -> Sequence[Person]:
        """Return the experts who leave their records with the remote node."""
        return self.members[2:]

    def signed(self, name: str, who: Person, family: str, payload: Mapping[str, Any], case: str) -> dict[str, Any]:
        """Sign a record; the same name and payload give the same digest in every history."""
        version = catalogue().resolve(family, self.at.date())
        assert version is not None
        return signed_record(
            signer=who.signer,
            author=who.party,
            schema=SchemaRef(family, version.version, version.digest),
            case=case,
            nonce=sha256(name.encode()).digest()[:16],
            payload=payload,
        )


def prepare(folder: Path) -> Prepared:
    """Play up to the booked seats on both nodes, and sign what comes then."""
    cast = Cast(folder / "keys")
    template = fill_template(cast, catalogue(), folder / "template")
    story = read_story(STORIES / "beginnings" / "running.txt")
    booked = next(n for n, line in enumerate(story.lines) if line.phrase == "books the seats")
    story = replace(story, lines=story.lines[: booked + 1])
    with by_city(cast, catalogue(), story.start, template, folder) as way:
        stage = Stage(story, way, cast, catalogue(), folder)
        stage.play()
        opened = sorted(p["submission"] for p in stage.payloads("bid_disclosure") if p["outcome"] == "opened")
    members = [cast.of_party(party) for party in stage.members]
    made = Prepared(cast, folder, stage.at + timedelta(minutes=30), stage.tender, stage.session, members)
    token = cast["centre/deyang"].token
    (folder / "remote" / "keys" / f"{CITY}.token").write_text(token, "ascii")
    _write_all(made, stage.drawn["seats"], opened)
    return made


def _write_all(made: Prepared, seats: Mapping[str, tuple[str, str]], opened: Sequence[str]) -> None:
    def write(name: str, who: Person, family: str, payload: Mapping[str, Any]) -> None:
        made.records[name] = made.signed(name, who, family, payload, made.session)

    for number, who in enumerate(made.members):
        venue, seat = seats[who.party]
        presence = {
            "expert": who.party, "venue": venue, "seat": seat,
            "methods": ["id_card", "certificate"], "pledge": True, "no_conflict": True,
        }  # fmt: skip
        chance = random.Random(number)
        sheet = {
            "expert": who.party,
            "lot": LOT,
            "salt": chance.randbytes(32).hex(),
            "scores": [{"submission": s, "items": _points(chance)} for s in opened],
        }
        write(f"check-in {number}", who, "check_in", presence)
        write(f"return {number}", who, "check_in", presence)
        digest = canonical.digest(sheet)
        write(f"lock {number}", who, "score_commitment", {"expert": who.party, "lot": LOT, "digest": digest})
        write(f"show {number}", who, "score_sheet", sheet)
    deyang = made.cast["centre/deyang"]
    write("suspend", deyang, "session_event", {"event": "suspend", "venue": "DY", "reason": "网络中断"})


def _points(chance: random.Random) -> list[dict[str, str]]:
    return [
        {"criterion": c, "points": f"{chance.randint(0, most * 4) / 4:.2f}"} for c, most in (("T1", 25), ("T2", 15))
    ]


# --- one history ----------------------------------------------------------------------------------------------------


class Inside(httpx.BaseTransport):
    """HTTP from within a namespace."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._real = httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        with inside(self._name):
            answer = self._real.handle_request(request)
            answer.read()
        return answer

    def close(self) -> None:
        self._real.close()


class Lost(Exception):
    """Something did not come to pass in time; the history can't go on."""


@dataclass
class History:
    """One remote evaluation over one line."""

    made: Prepared
    link: Link
    lead: Server
    remote: Server
    begun: float
    patience: float = PATIENCE_SECONDS
    broken: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    left: dict[str, tuple[Person, dict[str, Any]]] = field(default_factory=dict)
    receipts: list[dict[str, Any]] = field(default_factory=list)
    report: dict[str, Any] = field(default_factory=dict)
    waits: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        def client(name: str) -> httpx.Client:
            return httpx.Client(transport=Inside(name), base_url=f"http://127.0.0.1:{PORT}", timeout=30.0)

        self._http = {"lead": client(self.link.here), "remote": client(self.link.there)}

    def ask(self, node: str, who: Person, method: str, path: str, json: Any = None) -> Any:
        """Call a node from beside it, as somebody."""
        return Client(self._http[node], token=who.token).call(method, path, json=json).json()

    def holds(self, condition: bool, what: str) -> None:
        if not condition:
            self.broken.append(what)

    # --- what people do -------------------------------------------------------------------------------------------

    def direct(self, who: Person, record: Mapping[str, Any]) -> None:
        """File at the lead's own door."""
        self.receipts.append(dict(self.ask("lead", who, "POST", "/records", record)))

    def leave(self, name: str, who: Person, record: dict[str, Any]) -> None:
        """Leave a record with the remote node, twice: one custody note."""
        notes = [self.ask("remote", who, "POST", f"/cities/{CITY}/records", record)["custody"] for _ in range(2)]
        self.left[name] = (who, record)
        self.holds(notes[0] == notes[1], f"{name}: two custody notes")
        self.counts["custody notes"] += 1

    def kept(self, name: str) -> Mapping[str, Any]:
        who, record = self.left[name]
        try:
            found = self.ask("remote", who, "GET", f"/cities/{CITY}/records/{digest_of(record)}")
        except Refused as refused:
            raise Lost(f"{name}: the record in custody is gone ({refused.code or refused.status})") from None
        return dict(found)

    def arrived(self, name: str) -> bool:
        """Whether the lead's log holds a record."""
        record = self.left[name][1]
        envelope = record["envelope"]
        path = f"/cases/{envelope['case']}/records?family={envelope['schema']['id']}"
        found = self.ask("lead", self.made.cast["centre"], "GET", path)["items"]
        return digest_of(record) in [item["digest"] for item in found]

    def until(self, what: str, done: Callable[[], Any]) -> Any:
        """Wait for something."""
        end = time.monotonic() + self.patience
        while not (found := done()):
            if time.monotonic() > end:
                raise Lost(f"{what}: not within {self.patience:.0f} s")
            time.sleep(0.1)
        return found

    def settled(self, name: str) -> None:
        """Wait for what the lead's door decided, as the remote node tells its author."""
        begun = time.monotonic()
        answer = self.until(name, lambda: (found := self.kept(name))["state"] != "waiting" and found)
        self.waits.append(time.monotonic() - begun)
        self.holds(answer["state"] == "accepted" and answer["answer"], f"{name}: {answer['state']} {_code(answer)}")
        if answer["answer"] and "receipt" in answer["answer"]:
            self.receipts.append(answer["answer"])

    def officer(self, event: str) -> None:
        who = self.made.cast["centre/chengdu"]
        payload = {"event": event, "venue": "CD"}
        self.direct(who, self.made.signed(event, who, "session_event", payload, self.made.session))

    # --- the steps ------------------------------------------------------------------------------------------------

    def step(self, step: str, manner: str) -> None:
        """Do a step of the evaluation with the line spoilt; an empty manner leaves it alone."""
        at_lead, at_remote = self._records(step)
        if manner == "back":
            time.sleep(PAUSE_SECONDS)
        if manner:
            self.link.cut(manner)
            self.counts[f"steps with the line spoilt: {manner}"] += 1
        for name, who in at_remote:
            self.leave(name, who, self.made.records[name])
        for _, who, record in at_lead:
            self.direct(who, record)
        if manner:
            self._hold(step, manner, [name for name, _ in at_remote])
        for name, _ in at_remote:
            self.settled(name)
        if manner in LASTING:
            self.link.mend()
        if event := {"check-in": "start", "return": "resume", "show": "end"}.get(step):
            self.officer(event)

    def _hold(self, step: str, manner: str, names: Sequence[str]) -> None:
        """Hold the line cut, look what got through, kill whom the table names, and mend it."""
        if manner in LASTING:
            return
        time.sleep(HOLD_SECONDS)
        for name in names:
            state, arrived = self.kept(name)["state"], self.arrived(name)
            self.holds(state == "waiting", f"{name}: {state} over a line that is cut ({manner})")
            self.holds(not arrived or manner == "back", f"{name}: arrived over a line that is cut ({manner})")
            self.counts["records in custody while the line was cut"] += 1
            self.counts["records that arrived while the answer was lost"] += arrived
        if step in ("lock", "show"):  # somebody goes to the lead's door with the very record that is in custody
            self.direct(*self.left[names[0]])
            self.counts["records in custody that were also filed directly"] += 1
        self.kill(KILLS.get((manner, step), ""))
        self.link.mend()

    def kill(self, node: str) -> None:
        if not node:
            return
        server = {"lead": self.lead, "remote": self.remote}[node]
        server.kill()
        server.start(at(server.settings, self.made.at + timedelta(seconds=time.monotonic() - self.begun)))
        self.counts[f"kills of the {node} node"] += 1

    def _records(self, step: str) -> tuple[list[tuple[str, Person, dict[str, Any]]], list[tuple[str, Person]]]:
        """Return who files what at the lead's door, and who leaves what with the remote node."""
        made, remote = self.made, {p.party for p in self.made.remote}
        if step == "suspend":
            return [], [("suspend", made.cast["centre/deyang"])]
        chair = made.members[-1]
        if step == "report":
            path = f"/cases/{made.tender}/report?lot={LOT}&session={made.session}"
            payload = self.ask("lead", chair, "GET", path)
            self.report = made.records["report"] = made.signed(
                "report", chair, "evaluation_report", payload, made.tender
            )
            return [], [("report", chair)]
        if step == "sign":
            for number, who in enumerate(made.members):
                payload = {"report": digest_of(self.report), "position": "agree"}
                name = f"sign {number}"
                made.records[name] = made.signed(name, who, "report_signature", payload, made.tender)
        people = [(f"{step} {number}", who) for number, who in enumerate(made.members)]
        at_lead = [(name, who, made.records[name]) for name, who in people if who.party not in remote]
        return at_lead, [(name, who) for name, who in people if who.party in remote]

    def followed(self) -> None:
        """Wait until the remote node knows that the session has ended."""
        path = f"/cities/{CITY}/cases/{self.made.session}"
        who = self.made.cast["centre/deyang"]
        found = self.until(
            "following", lambda: (f := self.ask("remote", who, "GET", path))["lots"]["*"] == "ended" and f
        )
        wanted = [{"lot": LOT, "members": 5, "locked": 5, "shown": 5}]
        self.holds(found["scores"] == wanted, f"the remote node follows {found['scores']}")


def digest_of(record: Mapping[str, Any]) -> str:
    return canonical.digest(record["envelope"])


def _code(answer: Mapping[str, Any]) -> str:
    return str((answer["answer"] or {}).get("refusal", {}).get("code", ""))


def at(settings: Settings, moment: datetime) -> Settings:
    """Return settings of a node whose sandbox begins at a moment and goes on as time does."""
    return replace(settings, sandbox_start=moment.isoformat(), sandbox_rate=1)


@contextmanager
def history(made: Prepared, folder: Path, mutants: Mapping[str, str], patience: float) -> Iterator[History]:
    """Start two nodes on copies of the beginning, with a line between them."""
    for name in ("node", "remote"):
        shutil.copytree(made.folder / name, folder / name)
    lead = at(node_settings(folder / "node", made.at), made.at)
    keys = made.cast.keys.node
    cities = f"{CITY} http://{HERE}:{PORT} {keys.receipt_public.hex()} {keys.log}"
    remote = replace(at(node_settings(folder / "remote", made.at), made.at), city="deyang", cities=cities)
    begun = time.monotonic()
    with Link() as link:
        servers = [
            Server(lead, link.here, PORT, mutants.get("lead", "")),
            Server(remote, link.there, PORT, mutants.get("remote", "")),
        ]
        try:
            for server in servers:
                server.start()
            own = replace(made, records=dict(made.records))
            yield History(own, link, servers[0], servers[1], begun, patience)
        finally:
            for server in servers:
                server.kill()


@dataclass(frozen=True)
class Plan:
    """What is done to one history: the manner of each step, and which defence is off."""

    name: str
    manners: Mapping[str, str]
    mutants: Mapping[str, str] = field(default_factory=dict)
    patience: float = PATIENCE_SECONDS
    steps: Sequence[str] = STEPS
    whole: bool = False  # whether the line stays whole when it is cut
    seen_by: str = ""  # what a control must be caught by


def tell(made: Prepared, folder: Path, plan: Plan) -> History:
    """Let one history happen and look at both nodes afterwards."""
    with history(made, folder, plan.mutants, plan.patience) as told:
        if plan.whole:
            told.link.cut = lambda _manner: None  # type: ignore[method-assign]
        try:
            for step in plan.steps:
                told.step(step, plan.manners.get(step, ""))
            if plan.steps == STEPS:
                told.followed()
        except (Lost, Refused) as lost:
            told.broken.append(str(lost))
    check(told, folder, plan)
    shutil.rmtree(folder)
    return told


# --- what must hold -------------------------------------------------------------------------------------------------


def check(told: History, folder: Path, plan: Plan) -> None:
    """Open both nodes again and count."""
    made = told.made
    settings = [at(s.settings, made.at + timedelta(hours=1)) for s in (told.lead, told.remote)]
    with _building:
        lead, remote = (build_node(replace(s, sandbox_rate=0), catalogue=catalogue()) for s in settings)
    try:
        log = read_log(lead)
        told.broken += everything(lead, told.receipts, log)
        told.counts["receipts verified"] += len(told.receipts)
        families = {"lock": "score_commitment", "show": "score_sheet", "sign": "report_signature"}
        everybody = Counter(who.party for who in made.members)
        for step in set(families) & set(plan.steps):
            authors = Counter(e.record.author for e in log.of(families[step]))
            told.holds(authors == everybody, f"I8 {families[step]}: {sorted(authors.values())} of five experts")
        rows = Counter(e.record.digest for e in log.entries.values())
        for name, (_, record) in told.left.items():
            told.holds(rows[digest_of(record)] == 1, f"{name}: {rows[digest_of(record)]} times in the lead's log")
            told.holds(custody_stands(remote, record), f"{name}: the remote node does not say that it was accepted")
        if plan.steps == STEPS:
            session = [e.record.digest for e in log.entries.values() if e.record.case == made.session]
            told.holds(copies(remote, made.session) == session, "the remote node's copies are not the lead's log")
        told.counts["records left with the remote node, each once in the lead's log"] += len(told.left)
    finally:
        lead.close()
        remote.close()


def custody_stands(remote: Any, record: Mapping[str, Any]) -> bool:
    """Whether a record in custody is kept with an honest note and the answer that it was accepted."""
    found = remote.exchange.status(CITY, digest_of(record))
    if found is None or found.state != "accepted":
        return False
    note = receipts.verify_custody(found.custody, public=remote.keys.node.receipt_public)
    return bool(note["record"] == digest_of(record))


def copies(remote: Any, case: str) -> list[str]:
    """Return the digests of a node's copies of a case, in their order."""
    tag = remote.exchange._case_tag(CITY, case)
    found = []
    for copy in remote.exchange.store.copies(CITY, tag):
        row = orjson.loads(remote.door.cloak.open(copy.body, bound=tag))
        record = read_record({"envelope": row["envelope"], "signature": row["signature"]})
        found.append(str(getattr(record, "digest", "no record")))
    return found


# --- the part -------------------------------------------------------------------------------------------------------

CONTROLS = (
    Plan("the door does not know a record again", {"lock": "back"}, {"lead": "no_inbox"}, seen_by="I8 "),
    Plan("what got no answer is not sent again", {"lock": "reset"}, {"remote": "no_retry"}, seen_by="I8 "),
    Plan("locked scores are kept in memory only", {"lock": "both"}, {"remote": "no_outbox"}, seen_by="is gone"),
    Plan("the line is not cut", {"lock": "both"}, whole=True, seen_by="over a line that is cut"),
)


def run(run: Run) -> None:
    try:
        with Link():
            pass
    except NotPermitted as error:
        run.breaks(f"this needs root with CAP_SYS_ADMIN and CAP_NET_ADMIN, iproute2 and iptables: {error}")
        return
    with _quiet():
        _run(run, prepare(run.folder / "prepared"))


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what the nodes in this process write out of the report."""
    before = structlog.get_config()
    logging.disable(logging.INFO)
    with Path(os.devnull).open("w") as nowhere:
        structlog.configure(logger_factory=structlog.PrintLoggerFactory(nowhere))
        try:
            yield
        finally:
            structlog.configure(**before)
            logging.disable(logging.NOTSET)


def _run(run: Run, made: Prepared) -> None:
    uncut = Plan("uncut", {})
    plans = [uncut, *(Plan(manner, dict.fromkeys(STEPS, manner)) for manner in Link.MANNERS)]
    controls = [replace(plan, steps=STEPS[:2], patience=15.0) for plan in CONTROLS]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        told = dict(
            zip([p.name for p in (*plans, *controls)], pool.map(_teller(run, made), (*plans, *controls)), strict=True)
        )
        wanted = told[uncut.name].report
        for plan in plans:
            _report(run, plan.name, told[plan.name], wanted)
            bad = "the line bad all the time" if plan.name in LASTING else "from when the line is whole again"
            _waits(run, f"{plan.name}, {bad}" if plan.manners else plan.name, [told[plan.name]])
        for plan in controls:
            broken = told[plan.name].broken
            seen = [b for b in broken if plan.seen_by in b]
            run.control(plan.name, caught=bool(seen), how=(seen or broken or ["nothing was seen"])[0])
        _longer(run, made, pool, wanted)
    run.holds(run.counts.get("records that arrived while the answer was lost", 0) > 0, "no answer was ever lost")


def _teller(run: Run, made: Prepared) -> Callable[[Plan], History]:
    return lambda plan: tell(made, run.folder / sha256(plan.name.encode()).hexdigest()[:12], plan)


def _report(run: Run, name: str, told: History, wanted: Mapping[str, Any]) -> None:
    """Put a history into the report: what was done, what broke, whether its report is that of the uncut run."""
    run.count("histories")
    for what, number in told.counts.items():
        run.count(what, number)
    for broken in told.broken:
        run.breaks(f"{name}: {broken}")
    same = bool(wanted) and bool(told.report) and digest_of(told.report) == digest_of(wanted)
    run.count("reports equal to the uncut run's", same)
    run.holds(same, f"{name}: another report than that of the uncut run")


def _waits(run: Run, name: str, told: Sequence[History]) -> None:
    waits = [seconds for one in told for seconds in one.waits]
    run.figure(f"longest wait for the lead's answer, {name}", max(waits, default=0.0), "s", most=PATIENCE_SECONDS)


def _longer(run: Run, made: Prepared, pool: ThreadPoolExecutor, wanted: Mapping[str, Any]) -> None:
    """In the long form: other manners at every step, drawn by the seed, until the time is used up."""
    chance, number, drawn = random.Random(run.seed), 0, list[History]()
    while run.long and run.left() > 2 * PATIENCE_SECONDS:
        plans = []
        for _ in range(AT_ONCE):
            number += 1
            plans.append(Plan(f"drawn {number}", {step: chance.choice(("", *Link.MANNERS)) for step in STEPS}))
        for plan, told in zip(plans, pool.map(_teller(run, made), plans), strict=True):
            _report(run, f"{plan.name} {dict(plan.manners)}", told, wanted)
            drawn.append(told)
    if drawn:
        _waits(run, "manners drawn by the seed", drawn)


PART = Part(
    name="partition",
    title=Said("断网", "Partition"),
    promise=Said(
        "远程评标的任一步骤断网、丢包或延迟，评分不丢不重，报告与未断网时一字不差。",
        "A line that is cut, slow or lossy at any step of a remote evaluation: no score lost or double, the same report.",
    ),
    cases=(38, 39),
    run=run,
    needs=("ip", "iptables", "ss"),
    short=60,
)
