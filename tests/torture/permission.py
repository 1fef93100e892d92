"""
Permission 权限: every route × method × role × relation × state of the case at a real node, against what the reviewed
tables say; who may read which record at which moment; who may file what; sessions, revocation and requests from elsewhere.

What is expected is worked out here from the tables' own text and from who the play made a party of what; nothing of
the program that decides is asked.
"""

from __future__ import annotations

import asyncio
import json
import re
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from unittest.mock import patch

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key

from torture import scenes
from torture.harness import Part, Run, Said
from torture.scenes import Scene
from torture.wire import Reply, Wire, bearer, served, shape_of
from tradehall.adapters.identity.passwords import Cost, hash_password
from tradehall.desk.filing import signed_record
from tradehall.kernel.procedure import Procedure
from tradehall.kernel.record import SchemaRef
from tradehall.kernel.signing import EcSigner
from tradehall.main import PROCEDURES, Node
from tradehall.web import access
from tradehall.web.api import accounts, samples
from tradehall.web.api.context import Context
from tradehall.web.permissions import READING, TABLE, Permission
from tradehall_standards import Catalogue

MOMENTS = ("sealed", "displayed")
"""Of the short form; the long one takes every stage there is."""
METHODS = ("GET", "POST", "PUT", "DELETE")
CHEAP = Cost(16, 1, 1)
PASSWORD = "a password of some length"
HOST = (b"host", b"testserver.local")
ABSENT = {"t": "t-" + "a" * 26, "g": "g-" + "a" * 26, "r": "r-" + "a" * 26}

ROLE_OF = {
    "operator": "centre",
    "supervisor": "supervisor",
    "other_supervisor": "supervisor",
    "bank": "guarantor",
    "other_bank": "guarantor",
    "officer": "officer",
    "member": "expert",
    "outsider": "expert",
}
"""Registered roles of the play's people; everybody else is a party."""

OPENING_FAMILIES = ("opening_start",)
BID_ONLY = {"bid_commitment", "sealed_bid", "bid_withdrawal", "bid_confirmation", "key_release"}
MAY_HAVE_NONE = {"tie.act", "page.work.form", "page.work.form.post", "page.work.custody.case"}
"""The case is there, but not always a tie in it, or a form of this family to fill in now."""
LIMITED = {"page.login.post", "session.open", "token.make"}
"""They answer 401 to a wrong password, whoever asks."""


@dataclass
class World:
    """One node at one moment, and everybody who may ask."""

    scene: Scene
    node: Node
    wire: Wire
    runner: asyncio.Runner
    moment: str
    subjects: dict[str, str]
    cells: int = 0
    broken: list[str] = field(default_factory=list)

    def ask(
        self, who: str, method: str, path: str, *, body: Any = None, headers: Iterable[tuple[bytes, bytes]] = ()
    ) -> Reply:
        return self.runner.run(self.asked(who, method, path, body=body, headers=headers))

    async def asked(
        self, who: str, method: str, path: str, *, body: Any = None, headers: Iterable[tuple[bytes, bytes]] = ()
    ) -> Reply:
        handle = self.subjects.get(who, "")
        token = self.scene.people[handle].token if handle else ""
        sent = [HOST, (b"accept", b"application/json"), *bearer(token), *headers]
        data = b""
        if body is not None and path.startswith("/work/"):
            sent.append((b"content-type", b"application/x-www-form-urlencoded"))
        elif body is not None:
            data = json.dumps(body, ensure_ascii=False).encode()
            sent.append((b"content-type", b"application/json"))
        sent.append((b"content-length", str(len(data)).encode()))
        target, _, query = path.partition("?")
        return await self.wire.ask(method, target.encode(), query=query.encode(), headers=sent, chunks=[data])

    def holds(self, condition: bool, what: str) -> None:
        self.cells += 1
        if not condition:
            self.broken.append(f"{self.moment}: {what}")

    def party(self, who: str) -> str:
        return self.scene.people[self.subjects[who]].party


def run(run: Run) -> None:
    catalogue = Catalogue.load()
    scene = scenes.perform(run.folder / "scene", catalogue)
    total = 0
    for moment in scenes.MOMENTS if run.long else MOMENTS:
        for name, check in CHECKS.items():
            with opened(run, scene, moment, catalogue) as world:
                check(world)
            run.count(name, world.cells)
            total += world.cells
            for broken in world.broken:
                run.breaks(f"{name}: {broken}")
            run.say(f"{moment}: {name}, {world.cells:,} cells, {len(world.broken)} broken")
    run.count("cells in all", total)
    run.holds(total >= LEAST_CELLS, f"only {total} cells were asserted, not {LEAST_CELLS}")
    for control in CONTROLS:
        _control(run, scene, catalogue, control)


LEAST_CELLS = 20_000


@contextmanager
def opened(run: Run, scene: Scene, moment: str, catalogue: Catalogue) -> Iterator[World]:
    folder = run.folder / secrets.token_hex(4)
    with scenes.quiet():
        node = scene.node_at(moment, folder, catalogue)
        members = _members(node, scene)
        experts = [name for name in scene.people if name.startswith("expert")]
        outsiders = [name for name in experts if scene.people[name].party not in members]
        named = [name for name in experts if scene.people[name].party in members]
        subjects = {name: name for name in FIXED} | {"member": (named or experts)[0], "outsider": outsiders[-1]}
        with served(node) as (wire, runner):
            yield World(scene, node, wire, runner, moment, subjects)


FIXED = (
    "tenderer",
    "agency",
    "supervisor",
    "chengdu",
    "deyang",
    "bank",
    "bidder0",
    "bidder1",
    "bidder5",
    "other_tenderer",
    "other_agency",
    "other_supervisor",
    "other_bank",
    "other_applicant",
    "officer",
    "operator",
)


def _members(node: Node, scene: Scene) -> set[str]:
    """Return who sits in the session, as its records say."""
    view = node.desk.look(scene.session)
    drawn = [e.record.payload for e in view.entries if e.record.family == "expert_draw"] if view else []
    booked = [e.record.payload for e in view.entries if e.record.family == "seat_booking"] if view else []
    seated = {b["expert"] for p in booked for b in p["bookings"]}  # type: ignore[union-attr,index,call-overload]
    return seated or {m for p in drawn for s in p["strata"] for m in s["members"]}  # type: ignore[union-attr,index,call-overload]


def roles_of(who: str) -> set[str]:
    """What somebody is to the table: nobody is only the public; whoever has logged in is a party as well."""
    if not who:
        return {"public"}
    return {"public", "party"} | ({ROLE_OF[who]} if who in ROLE_OF else set())


# --- who may know of a case ---------------------------------------------------------------------------------------


def knows(world: World, who: str, case: str) -> bool:
    """Whether somebody may know of a case: of a public one everybody, of a secret one its parties and the centre."""
    scene = world.scene
    there = case not in ABSENT.values() and world.node.desk.look(case) is not None
    if case in (scene.tender, scene.other) or not there or who == "operator":
        return there
    if case == scene.session:
        seated = world.scene.people[world.subjects["member"]].party in _members(world.node, scene)
        return who in {"tenderer", "agency", "supervisor", "chengdu", "deyang"} or (who == "member" and seated)
    if case == scene.other_letter:
        return who in {"other_applicant", "other_bank"}
    applicant = next(party for party, letter in scene.letters.items() if letter == case)
    if who in world.subjects and world.party(who) == applicant:
        return True
    verified = any(
        e.record.family == "guarantee_event" and e.record.payload["event"] == "verified"
        for e in world.node.desk.look(case).entries  # type: ignore[union-attr]
    )
    return who == "bank" or (who == "tenderer" and verified)


# --- every route × method × subject × object ------------------------------------------------------------------------


def routes(world: World, *, only: str = "") -> None:
    """Ask every path by every method, as everybody, for every kind of object; ``only`` one path where it is given."""
    everybody = ("", *world.subjects)

    async def ask(jobs: Sequence[tuple[str, str, str, str | None]]) -> None:
        for who, method, path, case in jobs:
            reply = await world.asked(who, method, path, body={} if method in ("POST", "PATCH") else None)
            _judge(world, who, method, path, case, reply)

    jobs = [
        (who, method, path, case)
        for template in sorted({row.path for row in TABLE if only in ("", row.name)})
        for path, case in _objects(world, template)
        for method in METHODS
        for who in everybody
        if not (path.endswith(("/events", "/feed")) and method == "GET" and who not in ("", "bidder0", "tenderer"))
    ]
    shares = [jobs[n::4] for n in range(4)]

    async def all_() -> None:
        await asyncio.gather(*(ask(share) for share in shares))

    world.runner.run(all_())


def _objects(world: World, template: str) -> list[tuple[str, str | None]]:
    """Return the paths of a template: for cases every relation there is, for other objects one that exists and one not."""
    scene = world.scene
    if "{case}" in template:
        letter, another = list(scene.letters.values())[:2]
        cases = [scene.tender, scene.other, scene.session, letter, another, scene.other_letter, *ABSENT.values()]
        if template.startswith("/api/v1/cases/{case}/") and template.rsplit("/", 1)[1] in ("opening", "draws", "ties"):
            cases = [scene.tender, scene.session, letter, ABSENT["t"]]
        named = template.replace("{city}", "deyang").replace("{family}", "question")
        return [(named.replace("{case}", case), case) for case in cases]
    values = {
        "{digest}": ("sha256:" + "0" * 64,),
        "{family}": ("project", "nothing"),
        "{version}": ("1.0.0",),
        "{old}": ("1.0.0",),
        "{new}": ("1.0.0",),
        "{name}": ("currency",),
        "{regime}": ("tender_law",),
        "{ident}": ("open_tender",),
        "{procedure}": ("open_tender",),
        "{city}": ("deyang",),
        "{kid}": ("sha256:" + "0" * 64,),
        "{code}": ("BID-LATE",),
        "{path}": ("tile/0/000.p/1" if "log" in template else "portal.css",),
    }
    found = [template]
    for name, some in values.items():
        found = [path.replace(name, value) for path in found for value in (some if name in path else some[:1])]
    return [(path, None) for path in dict.fromkeys(found)]


def _row(method: str, path: str) -> Permission | None:
    return next((row for row in TABLE if row.method == method and shape_of(row.path).fullmatch(path)), None)


def _judge(world: World, who: str, method: str, path: str, case: str | None, reply: Reply) -> None:
    row, what = _row(method, path), f"{who or 'nobody'} {method} {path} → {reply.status}"
    code = reply.json().get("code", "") if reply.media == "application/problem+json" and reply.body else ""
    if row is None:
        world.holds(reply.status == 405, f"{what}, not 405")
    elif roles_of(who).isdisjoint(row.roles):
        expected = (403, "FORBIDDEN") if who else (401, "LOGIN-REQUIRED")
        world.holds((reply.status, code) == expected, f"{what} {code}, not {expected}")
    elif case is not None and not _shown(world, who, case, row):
        world.holds((reply.status, code) == (404, "NOT-FOUND"), f"{what} {code}, not 404: it is hidden or not there")
    elif row.name in LIMITED:
        world.holds(reply.status in (400, 401, 415, 422, 429), what)
    else:
        world.holds(
            reply.status not in (401, 403, 405) and reply.status < 500, f"{what} {code}, though the table allows it"
        )
        world.holds(
            case is None or reply.status != 404 or row.name in MAY_HAVE_NONE, f"{what}, though it is there for them"
        )


def _shown(world: World, who: str, case: str, row: Permission) -> bool:
    """
    Whether somebody is shown a case by a row of the table.

    Pages and feeds show public cases only, but for the workbench, which shows what the API does, bidding and
    custody apart: they begin with a notice. This node knows no other city, whose cases it could ask for.
    """
    if row.name.startswith("city."):
        return False
    workbench = row.name.startswith("page.work.") and row.name not in ("page.work.bid", "page.work.custody.case")
    if row.name in ("case.events", "case.ocds") or (row.name.startswith("page.") and not workbench):
        return case in (world.scene.tender, world.scene.other)
    return knows(world, who, case)


# --- absent and forbidden ---------------------------------------------------------------------------------------------


def hidden(world: World) -> None:
    """A case that somebody may not know of is answered byte by byte as one that never was."""
    scene = world.scene
    for case in (scene.session, scene.other_letter, *scene.letters.values()):
        never = ABSENT[case[0]]
        for who in ("", *world.subjects):
            if knows(world, who, case):
                continue
            for path in (
                "/api/v1/cases/{}",
                "/api/v1/cases/{}/records",
                "/notices/{}",
                "/openings/{}",
                "/api/v1/cases/{}/events",
            ):
                there, absent = (world.ask(who, "GET", path.format(x)) for x in (case, never))
                same = (there.status, there.body) == (absent.status, absent.body) and _kept(there) == _kept(absent)
                world.holds(
                    same and there.status == 404, f"{who or 'nobody'} tells {path.format(case)} from one that never was"
                )
    for who in world.subjects:
        mine = {i["case"] for i in world.ask(who, "GET", "/api/v1/inbox").json()["items"]}
        secret = {scene.session, scene.other_letter, *scene.letters.values()}
        wanted = {c for c in secret if knows(world, who, c) and who != "operator"}
        world.holds(mine == wanted, f"the inbox of {who} has {len(mine)} cases, not {len(wanted)}")


def _kept(reply: Reply) -> list[tuple[bytes, bytes]]:
    return sorted((k.lower(), v) for k, v in reply.headers if k.lower() not in (b"x-request-id", b"date"))


# --- reading records --------------------------------------------------------------------------------------------------


def reading(world: World) -> None:
    """Every record of the tender, by every way to it, for everybody, against the table of reading."""
    view = world.node.desk.look(world.scene.tender)
    assert view is not None
    entries = [e.record for e in view.entries]
    frozen = {
        s["submission"]
        for r in entries
        if r.family in OPENING_FAMILIES
        for lot in r.payload["lots"]  # type: ignore[union-attr]
        for s in lot["submissions"]  # type: ignore[union-attr,index,call-overload]
    }
    begun = any(r.family in OPENING_FAMILIES for r in entries)
    displayed = {r.payload["lot"] for r in entries if r.family == "candidate_publicity"}
    reports = {r.digest: r.payload for r in entries if r.family == "evaluation_report"}
    for who in ("", *world.subjects):
        listed = world.ask(who, "GET", f"/api/v1/cases/{world.scene.tender}/records").json()["items"]
        shown = {item["digest"] for item in listed}
        for r in entries:
            row = next((x for x in READING if r.family in x.families), None)
            if row is None:
                may = True
            else:
                report = reports.get(r.digest) or reports.get(str(r.payload.get("report")), {})
                moment = {
                    "bid": "opened" if r.payload.get("submission") in frozen else "sealed",
                    "panel": "displayed" if report.get("lot") in displayed else "opened",
                    "asking": "opened" if begun else "sealed",
                }[row.kind]
                readers = getattr(row, moment)
                party = world.party(who) if who else ""
                may = "public" in readers
                may |= "author" in readers and r.author == party
                may |= "committee" in readers and party in report.get("members", ())
                may |= "insider" in readers and who in ("tenderer", "agency", "supervisor", "operator")
            what = f"{who or 'nobody'} and {r.family} {r.digest[:15]}"
            world.holds((r.digest in shown) == may, f"{what}: listed {r.digest in shown}, may {may}")
            see = world.ask(who, "GET", f"/api/v1/records/{r.digest}").status
            world.holds(see == (200 if may else 404), f"{what}: asked for alone {see}, may {may}")
            for file in r.attachments[:1]:
                got = world.ask(who, "GET", f"/api/v1/vault/{file.sha256}?record={r.digest}").status
                world.holds(got == (200 if may else 404), f"{what}: its file {got}, may {may}")


# --- filing -----------------------------------------------------------------------------------------------------------


RELATIONS = {
    "tenderer": {"tenderer", "custodian"},
    "agency": {"agency"},
    "chengdu": {"custodian"},
    "deyang": {"custodian"},
}
"""What the play made of whom in the tender, beside the registered roles."""
OTHER_RELATIONS = {
    "other_tenderer": {"tenderer", "custodian"},
    "other_agency": {"agency"},
    "chengdu": {"custodian"},
    "deyang": {"custodian"},
}
SESSION_RELATIONS = {
    "tenderer": {"tenderer"},
    "agency": {"agency"},
    "supervisor": {"supervisor"},
    "chengdu": {"lead_venue", "venue"},
    "deyang": {"venue"},
}


def filing(world: World) -> None:
    """Every family × subject, signed by its own key, against the rows of the procedures."""
    scene = world.scene
    cases = [(scene.tender, RELATIONS), (scene.other, OTHER_RELATIONS), (scene.session, SESSION_RELATIONS)]
    for case, relations in cases:
        view = world.node.desk.look(case)
        if view is None:
            continue
        procedure = PROCEDURES[view.case.procedure]
        for family in sorted(procedure.families() - BID_ONLY):
            for who in world.subjects:
                _file(world, case, procedure, family, who, relations.get(who, set()))


def _file(world: World, case: str, procedure: Procedure, family: str, who: str, relations: set[str]) -> None:
    node, person = world.node, world.scene.people[world.subjects[who]]
    view = node.desk.look(case)
    cited = node.desk.cited(case, family)
    if view is None or cited is None or not person.key:
        return
    version = node.door.catalogue.versions(family)[-1]
    payload = dict(samples.payload_of(version))  # type: ignore[arg-type]
    if "lot" in payload:
        payload["lot"] = "L1"
    if "lots" in payload and not all(isinstance(x, dict) for x in payload["lots"]):  # type: ignore[union-attr]
        payload["lots"] = ["L1"]
    key = derive_private_key(int.from_bytes(person.key, "big"), SECP256R1())
    record = signed_record(
        signer=EcSigner(person.kid, key),
        author=person.party,
        schema=SchemaRef(family, cited.version, cited.digest),
        case=case,
        nonce=secrets.token_bytes(16),
        payload=payload,
    )
    before = dict(view.case.tracks)
    reply = world.ask(who, "POST", "/api/v1/records", body=record)
    code = reply.json().get("code", "") if reply.status >= 400 else ""
    what = f"{who} files {family} to {case[:6]} in {before}: {reply.status} {code}"
    named = payload.get("lot") or next(iter(payload.get("lots") or ()), None)  # type: ignore[call-overload,arg-type]
    lots = [str(named)] if isinstance(named, str) and "*" not in before else list(before)
    if code in ("SCHEMA-INVALID", "LOT-UNKNOWN", "ATTACHMENT-MISSING") or any(lot not in before for lot in lots):
        world.holds(reply.status == 422, what)
        return
    states = [before[lot] for lot in lots]
    touched = [s for s in states if procedure.rows(s, family)] or states[:1]
    roles = {"participant"} if person.party.startswith("org:") else set()
    roles |= relations | ({ROLE_OF[who]} if who in ROLE_OF else set())
    if who == "member" and case == world.scene.session:
        roles.add("expert")
    allowed = all(any(roles & set(row.roles) for row in procedure.rows(s, family)) for s in touched)
    closed = any(not procedure.rows(s, family) for s in touched)
    if closed:
        world.holds(reply.status >= 400 and code != "ROLE-NOT-ALLOWED", f"{what}, though no row is open")
    elif not allowed:
        world.holds(code == "ROLE-NOT-ALLOWED", f"{what}, though no row names {sorted(roles)}")
    else:
        own = (code != "ROLE-NOT-ALLOWED" or family == "guarantee_application") and reply.status < 500
        world.holds(own, f"{what}, though a row names {sorted(roles)}")


# --- sessions -----------------------------------------------------------------------------------------------------------


def sessions(world: World) -> None:
    """Fixation, rotation, revocation, and requests that another site makes."""
    directory, chance = world.node.directory, secrets.token_bytes
    for who in ("bidder0", "tenderer", "operator", "supervisor", "member"):
        account = f"of-{who}"
        directory.set_account(account, world.party(who), hash_password(PASSWORD, chance, cost=CHEAP))
        _fixation(world, account)
        _revocation(world, who, account)
        _cross_site(world, account)


def _login(world: World, account: str, *headers: tuple[bytes, bytes]) -> tuple[str, str]:
    reply = world.ask("", "POST", "/api/v1/sessions", body={"name": account, "password": PASSWORD}, headers=headers)
    cookie = reply.header(b"set-cookie").partition(";")[0]
    return cookie, reply.json()["csrf_token"] if reply.status == 201 else ""


def _who(world: World, cookie: str) -> int:
    return world.ask("", "GET", "/api/v1/sessions/current", headers=[(b"cookie", cookie.encode())]).status


def _fixation(world: World, account: str) -> None:
    fixed = "th=ths_" + "x" * 43
    world.holds(_who(world, fixed) == 401, "a session that nobody opened is one")
    mine, token = _login(world, account, (b"cookie", fixed.encode()))
    world.holds(mine != fixed and _who(world, mine) == 200, "a login keeps the id that the client brought")
    world.holds(_who(world, fixed) == 401, "the id that the client brought is logged in")
    world.holds(_who(world, f"{mine}; {fixed}") == 401, "one of two session cookies is believed")
    again, _ = _login(world, account, (b"cookie", mine.encode()), (b"x-csrf-token", token.encode()))
    world.holds(again != mine and _who(world, again) == 200, "a second login keeps the session")
    world.holds(_who(world, mine) == 401, "the session before the second login is still open")


def _revocation(world: World, who: str, account: str) -> None:
    cookie, token = _login(world, account)
    head = [(b"cookie", cookie.encode()), (b"x-csrf-token", token.encode())]
    made = world.ask("", "POST", "/api/v1/tokens", body={"label": "x"}, headers=head).json()
    world.holds("token" in made, f"a session can't make a token: {made}")
    if "token" not in made:
        return
    bearing = [(b"authorization", f"Bearer {made['token']}".encode())]
    world.holds(world.ask("", "GET", "/api/v1/tokens", headers=bearing).status == 200, "a fresh token is not taken")
    world.ask("", "DELETE", f"/api/v1/tokens/{made['id']}", headers=head)
    world.holds(world.ask("", "GET", "/api/v1/tokens", headers=bearing).status == 401, "a revoked token is still taken")
    party, directory = world.party(who), world.node.directory
    name, roles = directory.name(party), directory.roles(party)
    facts = {"stratum": "TECH", "city": "510100", "employer": "x"}
    for extra, status in ((frozenset({"centre"}), 200), (frozenset[str](), 403)):
        directory.register(party, name, extra, facts)
        got = world.ask("", "GET", "/api/v1/parties", headers=[(b"cookie", cookie.encode())]).status
        world.holds(got == status, f"{who} with roles {set(extra)} gets {got} at the next request")
    directory.register(party, name, roles, facts)
    world.ask("", "DELETE", "/api/v1/sessions/current", headers=head)
    world.holds(_who(world, cookie) == 401, "a closed session is still taken")
    person = world.scene.people[world.subjects[who]]
    if person.key and who == "bidder0":
        _revoked_certificate(world, who)


def _revoked_certificate(world: World, who: str) -> None:
    person = world.scene.people[world.subjects[who]]
    world.node.directory.revoke(person.kid, world.node.store.now())
    cited = world.node.desk.cited(world.scene.other, "question")
    assert cited is not None
    key = derive_private_key(int.from_bytes(person.key, "big"), SECP256R1())
    record = signed_record(
        signer=EcSigner(person.kid, key),
        author=person.party,
        schema=SchemaRef("question", cited.version, cited.digest),
        case=world.scene.other,
        nonce=secrets.token_bytes(16),
        payload={"text": ["吊销以后的提问"]},
    )
    reply = world.ask(who, "POST", "/api/v1/records", body=record)
    world.holds(
        reply.status == 422 and "CERT" in reply.json()["code"], f"a revoked certificate files: {reply.body[:200]!r}"
    )


def _cross_site(world: World, account: str) -> None:
    cookie, token = _login(world, account)
    _, foreign = _login(world, account)
    mine, good = (b"cookie", cookie.encode()), (b"x-csrf-token", token.encode())
    elsewhere = {
        "no token": [mine],
        "an empty token": [mine, (b"x-csrf-token", b"")],
        "another session's token": [mine, (b"x-csrf-token", foreign.encode())],
        "a cookie as its token": [mine, (b"x-csrf-token", cookie.partition("=")[2].encode())],
        "another site, by Fetch Metadata": [mine, good, (b"sec-fetch-site", b"cross-site")],
        "a neighbouring site": [mine, good, (b"sec-fetch-site", b"same-site")],
        "another origin": [mine, good, (b"origin", b"http://evil.example")],
        "no origin": [mine, good, (b"origin", b"null")],
    }
    unsafe = [row for row in TABLE if row.method != "GET"]
    for row in unsafe:
        path = row.path.replace("{case}", world.scene.tender).replace("{digest}", "sha256:" + "0" * 64)
        path = re.sub(r"\{[a-z]+\}", "x", path)
        for name, headers in elsewhere.items():
            reply = world.ask("", row.method, path, body={}, headers=headers)
            code = reply.json().get("code", "") if reply.media.endswith("json") else ""
            refused = (reply.status, code) == (403, "CROSS-SITE")
            # The forms of pages carry their token in the body: without one of them they are refused for the body.
            form = row.name.startswith("page.") and "token" in name and reply.status in (403, 415, 422, 400)
            world.holds(refused or form, f"{row.name} with {name}: {reply.status} {code}")


CHECKS: dict[str, Callable[[World], None]] = {
    "route × method × subject × object": routes,
    "hidden cases and inboxes": hidden,
    "record × reader": reading,
    "family × author": filing,
    "sessions and other sites": sessions,
}

# --- controls -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Control:
    name: str
    check: Callable[[World], None]
    moment: str
    mutant: Callable[[ExitStack], None]


def _with_row(name: str, **changes: Any) -> Callable[[ExitStack], None]:
    def apply(stack: ExitStack) -> None:
        row = replace(access.BY_NAME[name], **changes)
        stack.enter_context(patch.dict(access.BY_NAME, {name: row}))

    return apply


def _with(target: Any, name: str, value: Any) -> Callable[[ExitStack], None]:
    def apply(stack: ExitStack) -> None:
        stack.enter_context(patch.object(target, name, value))

    return apply


def _beneficiary_sees_all(stack: ExitStack) -> None:
    guarantee = PROCEDURES["guarantee_letter"]
    held = guarantee.withheld
    object.__setattr__(guarantee, "withheld", {})
    stack.callback(object.__setattr__, guarantee, "withheld", held)


def _anybody_files(stack: ExitStack) -> None:
    tender = PROCEDURES["open_tender"]
    rows = dict(tender._rows)
    for key, steps in rows.items():
        if key[1] == "clarification":
            tender._rows[key] = tuple(replace(s, roles=(*s.roles, "participant")) for s in steps)
    stack.callback(tender._rows.update, rows)


def _steps(world: World) -> None:
    """The filing check against the table as it was written, not as the mutant has it."""
    tender = PROCEDURES["open_tender"]
    written = replace(tender)
    for who in world.subjects:
        _file(world, world.scene.tender, written, "clarification", who, RELATIONS.get(who, set()))


def _keeps_id(context: Any, request: Any, party: str) -> Any:
    """A login that takes over the id that the client has."""
    brought = request.cookies.get("th", "")
    with patch.object(type(context), "new_secret", lambda _self, prefix: brought or prefix + "y" * 43, create=True):
        ident = brought or "ths_" + secrets.token_hex(16)
    secret = secrets.token_bytes(32)
    expires = context.door.store.now() + accounts.SESSION_LIFE
    context.directory.open_session(context.secret_digest(ident), party, secret, expires)
    return accounts.Cookie(key="th", value=ident, path="/"), context.csrf_token(secret)


CONTROLS = (
    Control(
        "a guard removed from one route",
        lambda world: routes(world, only="party.list"),
        "sealed",
        _with_row("party.list", roles=("public",)),
    ),
    Control(
        "a role added to one row, in the running app only",
        lambda world: routes(world, only="case.evidence"),
        "sealed",
        _with_row("case.evidence", roles=("centre", "supervisor", "expert")),
    ),
    Control(
        "the filter of reading off",
        reading,
        "sealed",
        _with(Context, "visible", lambda _self, view, _subject: list(view.entries)),
    ),
    Control(
        "secret cases shown to anybody who has logged in",
        hidden,
        "sealed",
        _with(Context, "may_see", lambda _self, _view, subject: bool(subject.party)),
    ),
    Control("letters shown to their beneficiary before the opening", hidden, "sealed", _beneficiary_sees_all),
    Control("a role added to one row of a procedure", _steps, "sealed", _anybody_files),
    Control("a login that keeps the client's id", sessions, "sealed", _with(accounts, "open_session", _keeps_id)),
    Control(
        "no look at the site a request comes from",
        sessions,
        "sealed",
        _with(access, "is_cross_site", lambda _headers: False),
    ),
)


def _control(run: Run, scene: Scene, catalogue: Catalogue, control: Control) -> None:
    with ExitStack() as stack:
        control.mutant(stack)
        with opened(run, scene, control.moment, catalogue) as world:
            control.check(world)
    # The same checks are clean without the mutant: ``run`` has asserted that before.
    how = f"{len(world.broken)} of {world.cells} cells broken: {world.broken[:1]}"
    run.control(control.name, caught=bool(world.broken), how=how)


PART = Part(
    name="permission",
    title=Said("权限", "Permission"),
    promise=Said(
        "每条路由、方法、身份、关系与阶段都照审定的表，不多也不少；不该知道的与不存在的无从分辨",
        "Every route, method, role, relation and stage is as the reviewed tables say; what one may not know is as if it never was",
    ),
    cases=(29, 30, 31, 37),
    run=run,
    short=50,
)
