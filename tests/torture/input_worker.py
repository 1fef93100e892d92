"""One worker of the bad input 坏输入工作进程: spoils requests at a copy of the played node and judges every answer."""

from __future__ import annotations

import argparse
import asyncio
import collections
import copy
import gc
import hashlib
import io
import json
import math
import os
import random
import re
import resource
import string
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

import structlog
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key

from torture import invariants, scenes
from torture.mutate import JSON_TYPE, WEIRD_TEXTS, Draft, Mutator, is_plain
from torture.scenes import Recorded, Scene
from torture.wire import Hanging, Reply, Wire, at_once, bearer, served, shape_of
from tradehall.adapters.identity import passwords
from tradehall.kernel.signing import EcSigner, Signer
from tradehall.main import Node
from tradehall.web.api import samples
from tradehall.web.permissions import TABLE
from tradehall_standards import Catalogue

SLOW_SECONDS = 0.25
GROWTH_MIB = 64
SUSPECT_SECONDS = 0.1
"""What takes so long among the others is timed again alone; only what is due to the others, or the machine, goes away."""
TRIES = 3
TOGETHER = 12
"""Requests under way at the same time: filings wait for a batch."""

FILES = "page.verify.post"
"""Here the work grows with the file that is checked, so that it has a bound of its own."""
FILE_SECONDS = 2.0

HAN = re.compile("[一-鿿]")
LETTERS = re.compile("[A-Za-z]")
WITHOUT_BODY = {"certificate.revoke"}
"""They read no body, so that any may come with them."""
CHEAP = passwords.Cost(16, 1, 1)
CANARY = "th-canary-7f3a"
"""Sent with many requests; no line of the log may hold it."""


ALIKE, SOME, MOST_KEPT = 12, 3, 60


@dataclass(slots=True)
class Found:
    """What a worker saw."""

    sent: int = 0
    with_body: int = 0
    statuses: dict[str, int] = field(default_factory=dict)
    routes: dict[str, int] = field(default_factory=dict)
    codes: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    broken_count: int = 0
    slowest: float = 0.0
    slowest_what: str = ""
    slowest_file: float = 0.0
    growth_mib: float = 0.0
    seconds: float = 0.0
    records_before: int = 0
    records_after: int = 0
    log_lines: int = 0
    unexpected: list[str] = field(default_factory=list)

    def breaks(self, what: str) -> None:
        """Keep three of a kind, so that what is frequent does not hide what is rare."""
        self.broken_count += 1
        alike = sum(kept[:ALIKE] == what[:ALIKE] for kept in self.broken)
        if alike < SOME and len(self.broken) < MOST_KEPT:
            self.broken.append(what[:900])


@dataclass(slots=True)
class Job:
    """What a worker is to do: ``mutant`` names a defence to switch off first."""

    scene: str
    moment: str
    seed: int
    count: int
    folder: str
    out: str
    mutant: str = ""


# --- mutants of the real program -----------------------------------------------------------------------------------


@contextmanager
def no_mutant() -> Iterator[None]:
    yield


@contextmanager
def raising_handler() -> Iterator[None]:
    """A handler that trusts that members are there, and texts."""
    from tradehall.web.api import records

    real = records.read_record

    def careless(value: Any) -> Any:
        for name in ("suite", "case", "author", "filed_by", "nonce"):
            value["envelope"][name].upper()
        (value["envelope"]["schema"]["id"] + value["signature"]["protected"] + value["signature"]["signature"]).upper()
        return real(value)

    with patch.object(records, "read_record", careless):
        yield


@contextmanager
def lenient_parser() -> Iterator[None]:
    """The parser of the standard library in the place of the strict one."""
    from tradehall.web import body

    class Lenient:
        StrictError = body.StrictError

        @staticmethod
        def parse(data: bytes, *, newlines: bool = False) -> Any:
            del newlines
            try:
                return json.loads(data)
            except (ValueError, RecursionError) as error:
                raise body.StrictError("SYNTAX", "不是 JSON", "not JSON") from error

    with patch.object(body, "strict", Lenient):
        yield


@contextmanager
def slow_route() -> Iterator[None]:
    """A route that takes its time over a long name."""
    from tradehall.web.api import accounts

    real = accounts.text_member

    def slow(value: Any, name: str, *, most: int = 200) -> str:
        found = real(value, name, most=most)
        time.sleep(0.3 if name == "password" else 0)
        return found

    with patch.object(accounts, "text_member", slow):
        yield


@contextmanager
def leaking_route() -> Iterator[None]:
    """A route that keeps what it was sent."""
    from tradehall.web import body

    real, kept = body.strict.parse, []

    class Leaking:
        @staticmethod
        def parse(data: bytes, *, newlines: bool = False) -> Any:
            kept.append(bytearray(data) + bytes(200_000))
            return real(data, newlines=newlines)

    with patch.object(body, "strict", Leaking):
        yield


@contextmanager
def talkative_log() -> Iterator[None]:
    """A middleware that logs what it was asked for."""
    from tradehall.web import access

    real = access.AccessMiddleware.handle

    async def told(self: Any, scope: Any, receive: Any, send: Any, next_app: Any) -> None:
        structlog.get_logger().info("asked", path=scope["path"], query=scope["query_string"].decode("latin-1"))
        await real(self, scope=scope, receive=receive, send=send, next_app=next_app)

    with patch.object(access.AccessMiddleware, "handle", told):
        yield


@contextmanager
def forgetful_journal() -> Iterator[None]:
    """A handler that tidies up the database when it does not understand something."""
    from tradehall.web.api import records

    real = records.read_record

    def tidy(value: Any) -> Any:
        found = real(value)
        if _LIVE and not hasattr(found, "body"):
            with _LIVE[0].store.writer.begin() as connection:
                connection.exec_driver_sql("DROP TRIGGER IF EXISTS journal_no_delete")
                for (name,) in connection.exec_driver_sql(
                    "SELECT name FROM sqlite_master WHERE type='trigger' AND tbl_name='journal'"
                ).all():
                    connection.exec_driver_sql(f"DROP TRIGGER {name}")
                connection.exec_driver_sql("DELETE FROM journal WHERE idx = 3")
        return found

    with patch.object(records, "read_record", tidy):
        yield


MUTANTS: dict[str, Callable[[], Any]] = {
    "": no_mutant,
    "raising": raising_handler,
    "lenient": lenient_parser,
    "slow": slow_route,
    "leaking": leaking_route,
    "talkative": talkative_log,
    "forgetful": forgetful_journal,
}
_LIVE: list[Node] = []


# --- seeds ------------------------------------------------------------------------------------------------------------


def seeds(scene: Scene, node: Node, moment: str) -> dict[str, list[Draft]]:
    """Return valid requests by route: what was recorded, those of this very moment first, and one for every other route."""
    found: dict[str, list[Draft]] = collections.defaultdict(list)
    for recorded in scene.requests:
        route = route_of(recorded.method, recorded.path)
        draft = _draft(route, recorded)
        found[route].extend([draft] * (6 if recorded.moment == moment else 1))
    digest = _some_digest(scene)
    values = {
        "case": scene.tender,
        "digest": digest,
        "family": "tender_notice",
        "version": "1.0.0",
        "old": "1.0.0",
        "new": "1.0.0",
        "name": "currency",
        "regime": "tender_law",
        "ident": "open_tender",
        "kid": scene.people["tenderer"].kid,
        "code": "BID-LATE",
    }
    paths = {"log.tile": "0/000.p/1", "static": "portal.css"}
    for row in TABLE:
        path = row.path
        for name, value in values.items():
            path = path.replace(f"{{{name}}}", value)
        path = path.replace("{path}", paths.get(row.name, "x"))
        accept = b"text/html" if row.name.startswith("page.") else b"application/json"
        draft = Draft(
            row.name, row.method, path.encode(), b"", [(b"host", b"testserver.local"), (b"accept", accept)], b""
        )
        if row.method in ("POST", "PUT"):
            _fill(draft, scene, node)
        found[row.name].extend([draft] * (1 if found[row.name] else 4))
    return dict(found)


def _fill(draft: Draft, scene: Scene, node: Node) -> None:
    """Give a request of a route that the play does not use a body."""
    bodies: dict[str, Any] = {
        "session.open": {"name": "nobody", "password": "a password of some length"},
        "token.make": {"name": "nobody", "password": "a password of some length", "label": "x"},
        "party.register": {
            "id": scene.people["bidder0"].party,
            "name": "示例",
            "roles": [],
            "facts": {"conflicts": []},
        },
        "certificate.issue": {"csr": samples.CSR},
        "certificate.revoke": {},
        "validate": {"family": "project", "payload": samples.payload_of(node.door.catalogue.versions("project")[-1])},
        "compat": {"old": "project/1.0.0", "new": {"type": "object"}},
        "draft.judge": {"schema": dict(node.door.catalogue.versions("question")[-1].schema)},
        "record.file": samples.record_of(node.door, "tender_notice"),
        "receipt.verify": samples.receipt_of(node.door),
        "case.new": {"procedure": "open_tender"},
        "opening.act": {"act": "give_up", "fault": "failed_other"},
        "draw.act": {"commitments": {"node:chengdu": "00" * 32}},
        "tie.act": {"lot": "L1", "nonces": {"node:chengdu": "00" * 32}, "session": scene.session},
        "guarantee.act": {"event": "verified"},
        "clock.advance": {"to": "2026-03-25T09:30:00+08:00"},
    }
    if draft.route in bodies:
        draft.body = json.dumps(bodies[draft.route], ensure_ascii=False).encode()
        draft.headers.append((b"content-type", JSON_TYPE))
    elif draft.route.startswith("page."):
        draft.body = b"csrf=&username=nobody&password=not+the+password&next=%2F&text=%7B%7D"
        draft.headers.append((b"content-type", b"application/x-www-form-urlencoded"))
    elif draft.route == "vault.put":
        draft.body, kind = b"part of a file", b"application/octet-stream"
        length = str(len(draft.body)).encode()
        draft.headers += [(b"content-type", kind), (b"upload-offset", b"0"), (b"upload-length", length)]
    else:
        draft.body = (
            b"old 0\n\norigin.example/x\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n\xe2\x80\x94 x AAAA\n"
        )


def _draft(route: str, recorded: Recorded) -> Draft:
    return Draft(
        route,
        recorded.method,
        recorded.path,
        recorded.query,
        list(recorded.headers),
        recorded.body,
        token=recorded.who,
    )


_SHAPES = [(row.name, row.method, shape_of(row.path)) for row in TABLE]


def route_of(method: str, path: bytes) -> str:
    """Return the row of the permission table that a request is of."""
    text = path.decode("latin-1")
    return next((name for name, verb, shape in _SHAPES if verb == method and shape.fullmatch(text)), "none")


def _some_digest(scene: Scene) -> str:
    for recorded in scene.requests:
        if recorded.path.startswith(b"/api/v1/vault/"):
            return recorded.path.decode().split("/")[4]
    return "sha256:" + "0" * 64


def signers_of(scene: Scene) -> dict[str, tuple[str, Signer]]:
    """Return who signs by token."""
    return {
        person.token: (
            person.party,
            EcSigner(person.kid, derive_private_key(int.from_bytes(person.key, "big"), SECP256R1())),
        )
        for person in scene.people.values()
        if person.key
    }


# --- judging ----------------------------------------------------------------------------------------------------------


def fault_of(draft: Draft, reply: Reply) -> str:
    """Say what is wrong with an answer; empty when nothing is."""
    if reply.status >= 500:
        return f"{reply.status}: {reply.body[:200]!r}"
    if reply.status == 0:
        return "" if draft.leaves else "no answer"
    if b"Traceback" in reply.body:
        return f"the inside shows: {reply.body[:200]!r}"
    if reply.status >= 400 and draft.method != "HEAD":
        return _problem_fault(draft, reply)
    if reply.status < 300 and draft.method in ("POST", "PUT") and draft.route not in ("vault.put", "witness", "none"):
        return _acceptance_fault(draft)
    return ""


def _problem_fault(draft: Draft, reply: Reply) -> str:
    if reply.media == "application/problem+json":
        said = reply.json()
        messages = said.get("messages", {})
        good = said.get("status") == reply.status and {"type", "title", "code", "detail"} <= said.keys()
        good &= bool(HAN.search(messages.get("zh", ""))) and bool(LETTERS.search(messages.get("en", "")))
        return "" if good else f"not a problem in both languages: {reply.body[:300]!r}"
    if draft.path.startswith(b"/api/"):
        return f"{reply.status} is {reply.media!r}, not a problem"
    page = reply.media == "text/html" and b"<html" in reply.body
    return (
        ""
        if page or (reply.media == "text/plain" and b"witness" in draft.path)
        else f"{reply.status} is {reply.media!r}"
    )


def _acceptance_fault(draft: Draft) -> str:
    """What was taken must have been one that every parser reads alike, and called by its name."""
    if draft.leaves or draft.route.startswith("page.") or draft.route in WITHOUT_BODY:
        return ""
    kind = draft.content_type.lower()
    if not kind.startswith(JSON_TYPE) or b"utf-16" in kind:
        return f"taken though it came as {draft.content_type!r}"
    body = draft.body.strip()
    return "" if is_plain(body) else "taken though parsers differ over it"


# --- the run ----------------------------------------------------------------------------------------------------------


class Worker:
    """Sends spoilt requests until the job is done."""

    def __init__(self, job: Job, scene: Scene, node: Node, wire: Wire, runner: asyncio.Runner) -> None:
        self.job, self.scene, self.node, self.wire, self.runner = job, scene, node, wire, runner
        self.rng = random.Random(f"{job.seed}/{job.moment}/{job.mutant}")
        self.seeds = seeds(scene, node, job.moment)
        self.routes = sorted(self.seeds)
        weights = {
            "record.file": 14,
            "validate": 5,
            "receipt.verify": 4,
            FILES: 3,
            "opening.act": 3,
            "party.register": 3,
        }
        self.weights = [weights.get(route, self._weight(route)) for route in self.routes]
        bodies = [r.body for r in scene.requests if 0 < len(r.body) < 20_000]
        self.mutator = Mutator(self.rng, bodies, signers_of(scene))
        self.tokens = ["", "", *(scene.people[name].token for name in ROLES), "th_" + "x" * 43]
        self.found = Found()
        self.codes: set[str] = set()
        self.suspects: list[Draft] = []

    def _weight(self, route: str) -> float:
        """Bodies before all; pages that only show something take the longest and are spoilt the least."""
        if self.seeds[route][0].body:
            return 2
        return 0.4 if route.startswith("page.") else 1

    def draft(self) -> Draft:
        route = self.rng.choices(self.routes, self.weights)[0]
        draft = copy.copy(self.rng.choice(self.seeds[route]))
        draft.headers, draft.marks = list(draft.headers), []
        if not draft.token or self.rng.random() < 0.3:
            draft.token = self.rng.choice(self.tokens)
        if route == FILES and self.rng.random() < 0.3:
            self._upload(draft)
        elif self.rng.random() < 0.97 or not draft.body:
            self.mutator.spoil(draft)
        if self.rng.random() < 0.2:
            draft.query += (b"&" if draft.query else b"") + b"q=" + CANARY.encode()
        draft.route = route_of(draft.method, draft.path)
        return draft

    def _upload(self, draft: Draft) -> None:
        """Spoil an uploaded file, and send it as a browser would."""
        name = self.rng.choice(("letter", "letter", "report", "evidence"))
        data = bytearray(Path(self.scene.files[name]).read_bytes())
        for _ in range(self.rng.choice((0, 1, 3, 30))):
            at = self.rng.randrange(len(data))
            data[at : at + self.rng.choice((0, 1, 1, 4))] = self.rng.randbytes(self.rng.choice((1, 1, 4)))
        if self.rng.random() < 0.3:
            del data[self.rng.randrange(len(data)) :]
        draft.body = (
            b'--x\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n' + bytes(data) + b"\r\n--x--\r\n"
        )
        draft.marks.append(f"upload-{name}")
        draft.set_header(b"content-type", b"multipart/form-data; boundary=x")
        draft.headers.append((b"content-length", str(len(draft.body)).encode()))

    async def send(self, draft: Draft) -> Reply:
        shown = any(k == b"authorization" for k, _ in draft.headers)
        headers = draft.headers if shown else [*draft.headers, *bearer(draft.token)]
        chunks = draft.chunks if draft.chunks is not None else [draft.body]
        return await self.wire.ask(
            draft.method, draft.path, query=draft.query, headers=headers, chunks=chunks, leaves=draft.leaves
        )

    async def one(self) -> None:
        draft, found = self.draft(), self.found
        try:
            reply = await self.send(draft)
        except Hanging as hanging:
            found.breaks(f"hanging after the client left: {hanging} {draft.tell()}")
            return
        except Exception as error:  # whatever escapes the application is what is looked for
            found.breaks(f"escaped: {type(error).__name__}: {error} {draft.tell()}")
            return
        fault = fault_of(draft, reply)
        if fault:
            found.breaks(f"{draft.route}: {fault} {draft.tell()}")
        elif reply.status >= 400 and reply.media == "application/problem+json" and reply.body:
            self.codes.add(reply.json()["code"])
        if reply.seconds > SUSPECT_SECONDS:
            self.suspects.append(draft)
        found.sent += 1
        found.with_body += bool(draft.body)
        found.statuses[str(reply.status)] = found.statuses.get(str(reply.status), 0) + 1
        found.routes[draft.route] = found.routes.get(draft.route, 0) + 1

    async def batch(self, count: int) -> None:
        """Send so many, several at a time, then ask again for what seemed slow, alone."""

        async def some(share: int) -> None:
            for _ in range(share):
                await self.one()

        await asyncio.gather(*(some(count // TOGETHER) for _ in range(TOGETHER)))
        suspects, self.suspects = self.suspects, []
        for draft in suspects:
            await self.measure(draft)

    async def measure(self, draft: Draft) -> None:
        """Time a request that took long among others."""
        found = self.found
        limit = FILE_SECONDS if draft.route == FILES else SLOW_SECONDS
        seconds = math.inf
        for _ in range(TRIES):
            seconds = min(seconds, (await self.send(draft)).seconds)
            if seconds <= limit:
                break
        if seconds > limit:
            found.breaks(f"slow: {draft.route} took {seconds:.3f} s: {draft.tell()}")
        if draft.route == FILES:
            found.slowest_file = max(found.slowest_file, seconds)
        elif seconds > found.slowest:
            found.slowest, found.slowest_what = seconds, draft.tell()[:300]

    def run(self) -> Found:
        job, found, begun = self.job, self.found, time.monotonic()
        before = journal_of(self.node)
        warm = max(500, job.count // 4)
        self.runner.run(self.batch(min(warm, job.count)))
        first = resident()
        while (left := job.count - found.sent - found.broken_count) > 0:
            self.runner.run(self.batch(max(TOGETHER, min(500, left))))
        found.growth_mib = round((resident() - first) / 2**20, 1)
        if found.growth_mib > GROWTH_MIB:
            found.breaks(f"memory grew by {found.growth_mib} MiB over {found.sent} requests")
        self._aftermath(before)
        found.codes, found.seconds = sorted(self.codes), time.monotonic() - begun
        return found

    def _aftermath(self, before: list[str]) -> None:
        """Look whether everybody is still served, and whether the journal is what it was and more."""
        found, node = self.found, self.node
        after = journal_of(node)
        found.records_before, found.records_after = len(before), len(after)
        if after[: len(before)] != before:
            found.breaks("journal: rows that stood before have changed")
            return
        for wrong in invariants.everything(node)[:5]:
            found.breaks(f"journal: {wrong}")


ROLES = ("operator", "tenderer", "agency", "supervisor", "chengdu", "bank", "bidder0", "bidder1", "expert1", "officer")


def journal_of(node: Node) -> list[str]:
    """Return a digest of every row of the journal, in order."""
    with node.store.engine.begin() as connection:
        rows = connection.exec_driver_sql("SELECT * FROM journal ORDER BY idx").all()
    return [hashlib.sha256(repr(tuple(row)).encode()).hexdigest() for row in rows]


def resident() -> int:
    """Return the bytes of this process that are in memory, after all that can go has gone."""
    gc.unfreeze()
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


MEMBERS = {"event", "request", "method", "status", "timestamp", "error", "places"}
KEPT_OUT_MEMBERS = {"event", "request", "timestamp", "code", "route"}
"""Of the line that somebody was kept out: from where, and as whom, it does not say."""
ROUTES = {"", *(row.name for row in TABLE)}
CODE_LETTERS = string.ascii_uppercase + "-"


def log_faults(lines: list[str]) -> Iterator[str]:
    """Every line is one JSON object of known members; nothing that a client sent is in it."""
    for line in lines:
        try:
            said = json.loads(line)
        except ValueError:
            yield f"a line of the log is no JSON: {line[:200]!r}"
            continue
        known = KEPT_OUT_MEMBERS if said.get("event") == "refused" else MEMBERS
        if said.keys() - known or said.get("route", "") not in ROUTES or said.get("code", "CODE").strip(CODE_LETTERS):
            yield f"a line of the log tells more: {line[:200]!r}"
        elif CANARY in line or any(text in line for text in WEIRD_TEXTS if len(text) > 12):
            yield f"a line of the log repeats what was sent: {line[:200]!r}"


def work(job: Job) -> Found:
    """Do a job in this process."""
    scene, catalogue, log = scenes.load(Path(job.scene)), Catalogue.load(), io.StringIO()
    structlog.configure(
        processors=[structlog.processors.TimeStamper(fmt="iso"), structlog.processors.JSONRenderer()],
        logger_factory=structlog.PrintLoggerFactory(log),
        cache_logger_on_first_use=False,
    )
    unknown = passwords.hash_password("nobody has this one", os.urandom, cost=CHEAP)
    with ExitStack() as stack:
        stack.enter_context(patch.object(passwords, "UNKNOWN_ACCOUNT", unknown))
        stack.enter_context(patch.object(asyncio, "to_thread", at_once))
        stack.enter_context(MUTANTS[job.mutant]())
        node = scene.node_at(job.moment, Path(job.folder) / "node", catalogue)
        _LIVE[:] = [node]
        wire, runner = stack.enter_context(served(node))
        _detach_clock(wire)
        found = Worker(job, scene, node, wire, runner).run()
    lines = log.getvalue().splitlines()
    found.log_lines = len(lines)
    found.unexpected = sorted({line[line.index('"error"') :][:400] for line in lines if '"unexpected"' in line})[:20]
    for fault in log_faults(lines):
        found.breaks(fault)
    return found


def _detach_clock(wire: Wire) -> None:
    """Let the sandbox's clock be moved by the real code, but not the one that all the others read."""
    from tradehall.adapters.clock import SandboxClock
    from tradehall.main import _advance

    clock = SandboxClock(datetime.fromisoformat("2026-03-02T08:30:00+08:00"), rate=0)
    state = wire.app.state
    object.__setattr__(state["context"], "advance", _advance(clock))


MOST_ADDRESSES = 6 << 30
"""What grows without end must hurt this process and not the machine."""


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MOST_ADDRESSES, MOST_ADDRESSES))
    reader = argparse.ArgumentParser()
    reader.add_argument("job", type=Path)
    job = Job(**json.loads(reader.parse_args().job.read_text("utf-8")))
    found = work(job)
    Path(job.out).write_text(json.dumps({name: getattr(found, name) for name in found.__slots__}), "utf-8")


if __name__ == "__main__":
    sys.setrecursionlimit(1000)
    main()
