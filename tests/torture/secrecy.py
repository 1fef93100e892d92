"""
Secrecy 保密: two worlds that differ only in who bids, how many, and under whose guarantee, as everybody else sees them.

Both are played on real nodes up to the minute before the deadline. Then everything that anybody but the bidders and
their own guarantor can get is fetched in both and compared byte by byte, after masking what chance and the clock make
(declared in ``MASKS``). What the database and the vault hold is searched for planted values; how well their *number*
of rows tells how many bid is measured and reported, not promised.
"""

from __future__ import annotations

import asyncio
import dataclasses
import io
import json
import logging
import math
import random
import re
import secrets
import sqlite3
import statistics
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

import structlog
from cryptography import x509
from litestar.testing import TestClient

from played import PASSWORD as OPERATOR_PASSWORD
from played import URL, new_node
from torture.harness import Part, Run, Said
from torture.scenes import PATIENCE_SECONDS, Staged
from torture.wire import Reply, Wire, at_once, bearer, shape_of
from tradehall.adapters.issuers.sandbox import SandboxIssuer
from tradehall.adapters.pdf.render import Renderer
from tradehall.adapters.pdf.signing import Signatory
from tradehall.adapters.vault import FolderVault
from tradehall.cli.client import Client
from tradehall.demo.play import PASSWORD, Bid, Cast
from tradehall.desk.decoys import LARGEST_FILE, SMALLEST_FILE, Decoys
from tradehall.desk.filing import Desk
from tradehall.desk.journal import Journal
from tradehall.main import Node
from tradehall.web import access
from tradehall.web.api import cases, records
from tradehall.web.api.context import Context
from tradehall.web.permissions import TABLE
from tradehall_standards import Catalogue

REGISTERED = 10
"""Bidders that are registered in both worlds."""
CERTIFICATE = "the certificate of "
REGISTERED_HANDLES = tuple(f"bidder{n}" for n in range(REGISTERED))
WORLDS = ({"bidders": (0, 1, 2), "bank": "bank"}, {"bidders": (3, 4, 5, 6, 7, 8), "bank": "other_bank"})
"""The two worlds: who bids, and who guarantees."""
ASKS = 9
"""Index of the bidder that asks a question in public, in both worlds; it does not bid."""

OBSERVERS = (
    "",
    "operator",
    "tenderer",
    "agency",
    "supervisor",
    "chengdu",
    "deyang",
    "expert1",
    "expert4",
    "officer",
    "other_tenderer",
    "other_agency",
    "other_supervisor",
    "other_applicant",
    "third_bank",
    "bidder9",
)
"""Everybody who neither bids nor guarantees in either world; ``chengdu`` and ``deyang`` are custodians."""

UNASKED = {
    "city.record": "no other city is known to this node, so that its routes answer before they look",
    "city.case": "no other city is known to this node, so that its routes answer before they look",
    "log.tile": "hashes of salted leaves, as many as the log has entries: a public size, see LOG-SIZE",
    "static": "files of the program",
}
"""Rows of the table for reading that are not compared, and why."""

MASKS = (
    (r"age1[a-z0-9]{58}", "RECIPIENT"),
    (r'"(?:protected|signature|nonce|salt|csr|certificate|token|csrf_token)":"[^"]*"', "SIGNED"),
    (r"—[^\n]*", "NOTE-SIGNATURE"),
    (r"[trg]-[a-z2-7]{26}", "CASE"),
    (r"sha256:[0-9a-f]{64}", "DIGEST"),
    (r"[0-9a-f]{16,64}", "HEX"),
    (r"[0-9a-f]{4,12}(?:…|&hellip;)[0-9a-f]{0,12}", "HEX"),
    (r'"index":\d+|data-sequence="\d+"|after=\d+|(?<=#)\d+|"next":-?\d+|(?m:^id: ?\d+)', "INDEX"),
    # The size of the whole log is public, decoys included: docs/explanation/secrecy.md says what it tells.
    (r"<dt>(?:公开日志)?条目</dt><dd>[\d,]+</dd>|<dt>Entries(?: in the public log)?</dt><dd>[\d,]+</dd>", "LOG-SIZE"),
    (r'"log_size":\d+|(?<=testserver\.local/chengdu\n)\d+|<dt>Public log entries</dt><dd>[\d,]+</dd>', "LOG-SIZE"),
    (r"\+[0-9a-f]{8}\+[A-Za-z0-9+/]{44}", "LOG-KEY"),
    (r"[A-Za-z0-9+/]{43}=", "ROOT"),
)
"""What differs because two runs have other random ids, keys, salts, signatures and places in the log; nothing else."""


@dataclass
class Seen:
    """A world as it was a minute before the deadline."""

    node: Node
    app: Any
    wire: Wire
    http: TestClient[Any]
    tokens: dict[str, str]
    facts: dict[str, Any]
    bids: list[Bid]
    secret: list[str]
    planted: list[str]
    folder: Path
    log: io.StringIO
    lines_of_play: list[str]
    kids: dict[str, str]
    filed: dict[str, str]
    read: set[str] = field(default_factory=set)

    def ask(self, who: str, method: str, path: str, *, body: Any = None, accept: str = "application/json") -> Reply:
        token = self.tokens[who] if who else ""
        sent = [(b"host", b"testserver.local"), (b"accept", accept.encode()), *bearer(token)]
        data = b"" if body is None else json.dumps(body, ensure_ascii=False).encode()
        if body is not None:
            sent.append((b"content-type", b"application/json"))
        sent.append((b"content-length", str(len(data)).encode()))
        target, _, query = path.partition("?")
        if method == "GET":
            self.read.add(target)

        async def sent_off() -> Reply:
            return await self.wire.ask(method, target.encode(), query=query.encode(), headers=sent, chunks=[data])

        return self.http.blocking_portal.call(sent_off)


class Arrived(Exception):
    """The play has come to the minute before the deadline."""


class Differing(Staged):
    """The play with other bidders under another guarantor."""

    chosen: tuple[int, ...]
    guarantor: str
    planted: list[str]

    def keep(self, _moment: str) -> None:
        return

    def advance(self, who: Cast, to: str) -> None:
        if to >= "2026-03-25":
            raise Arrived
        super().advance(who, to)

    def _announce(self, who: Cast) -> str:
        asking = who.bidders[ASKS]
        others = [b for b in who.bidders if b is not asking]
        return str(super()._announce(dataclasses.replace(who, bidders=[asking, *others])))

    def _guarantees(self, who: Cast, tender: str) -> None:
        super().advance(who, "2026-03-16T10:00:00+08:00")
        bank = who.bank if self.guarantor == "bank" else self.strangers[self.guarantor]
        key = who.bank_key if self.guarantor == "bank" else bank.signer.key  # type: ignore[union-attr]
        signatory = Signatory(key, x509.load_der_x509_certificate(bank.certificate))
        link = f"{self.public_url}/verify?letter="
        issuer = SandboxIssuer({"id": bank.party, "name": bank.name}, signatory, self.renderer, link)
        folder = self.out / "letters"
        folder.mkdir(parents=True, exist_ok=True)
        mine = dataclasses.replace(who, bank=bank, bank_key=key)
        self.facts["letters"] = {}
        for number in self.chosen:
            bidder = who.bidders[number]
            case = self._letter(mine, tender, bidder, issuer, "390000.00", folder)
            self.facts["letters"][bidder.party] = case

    def _bid(self, who: Cast, tender: str) -> None:
        super().advance(who, "2026-03-23T15:00:00+08:00")
        for place, number in enumerate(self.chosen):
            self.bids.append(
                self.hand_in(tender, who.bidders[number], "L1", f"1{place + 7}1{secrets.randbelow(90) + 10}000.00")
            )
        self.advance(who, "2026-03-25T09:29:00+08:00")


def perform(folder: Path, catalogue: Catalogue, world: dict[str, Any], stack: ExitStack) -> Seen:
    """Play a world up to the minute before the deadline; it stays served until the stack closes."""
    log = io.StringIO()
    structlog.configure(
        processors=[structlog.processors.TimeStamper(fmt="iso"), structlog.processors.JSONRenderer()],
        logger_factory=structlog.PrintLoggerFactory(log),
        cache_logger_on_first_use=False,
    )
    logging.getLogger("httpx").setLevel(logging.WARNING)
    folder.mkdir(parents=True)
    node, app = new_node(folder / "live", catalogue)
    stack.callback(node.close)
    out = folder / "out"
    out.mkdir()
    http = stack.enter_context(TestClient(app))
    play = Differing(lambda: Client(http), OPERATOR_PASSWORD, out, lambda _zh, _en: None, URL, REGISTERED - 3)
    play.chosen, play.guarantor, play.planted = world["bidders"], world["bank"], []
    play.renderer = Renderer(timeout_seconds=PATIENCE_SECONDS)
    with suppress(Arrived):
        play.run()
    people = play.people()
    tokens = {name: actor.client.token for name, actor in people.items()}
    bidding = [people[f"bidder{n}"] for n in world["bidders"]]
    letters = [payload for _, payload in play.facts["letter_files"].values()]
    names = [b.party for b in bidding] + [b.name for b in bidding]
    kept = [b.submission for b in play.bids] + [b.signer.kid for b in play.bids] + [b.price for b in play.bids]
    kept += [b.sealed.sha256 for b in play.bids] + [b.sealed.secret_key for b in play.bids]
    kept += [str(p[k]) for p in letters for k in ("number", "letter", "nonce")] + list(play.facts["letters"].values())
    told = [r["receipt"] for b in bidding for _, r in b.receipts]
    kept += [t["record"] for t in told]
    secret = [*tokens.values(), PASSWORD, OPERATOR_PASSWORD, *(b.sealed.secret_key for b in play.bids)]
    secret += [key.hex() for key in play.custody.values()]
    return Seen(
        node,
        app,
        Wire(app),
        http,
        tokens,
        play.facts,
        play.bids,
        secret,
        names + kept,
        folder,
        log,
        log.getvalue().splitlines(),
        {name: str(people[name].signer.kid) for name in REGISTERED_HANDLES},  # type: ignore[union-attr]
        {t["family"]: t["record"] for t in told},
    )


# --- what everybody sees --------------------------------------------------------------------------------------------


def views(seen: Seen) -> Iterator[tuple[str, str, str]]:
    """Yield observer, what was asked, and the masked answer."""
    tender, other = seen.facts["tender"], seen.facts["other"]
    never, nobody = "g-" + "a" * 26, "sha256:" + "0" * 64
    api = (
        "/node",
        "/cases",
        "/cases?q=示例",
        "/changes",
        "/changes?after=3",
        "/inbox",
        "/tokens",
        "/parties",
        "/procedures",
        "/procedures/open_tender",
        "/schemas",
        "/schemas/bid_commitment",
        "/schemas/bid_commitment/1.0.0",
        "/codelists",
        "/codelists/currency",
        "/schemas/bid_commitment/versions",
        "/parameters/tender_law",
        "/sessions",
        "/sessions/current",
        "/cities",
        "/clock",
    )
    paths = [f"/api/v1{p}" for p in api]
    for case in (tender, other, never):
        paths += [f"/api/v1/cases/{case}{p}" for p in ("", "/records", "/evidence", "/report?lot=L1", "/events")]
    paths += [
        f"/api/v1/{p}"
        for p in (
            f"records/{nobody}",
            f"records/{nobody}/receipt",
            f"vault/{nobody}?record={nobody}",
            f"vault/{nobody}/upload?sealed=1",
            f"cases/{tender}/ocds",
            f"cases/{other}/ocds?form=record",
            "ocds",
            "ocds.jsonl",
            "ocds/extension/extension.json",
        )
    ]
    paths += [
        "/healthz",
        "/openapi.json",
        "/log/checkpoint",
        "/problems/BID-LATE",
        "/notices.csv",
        "/notices.atom",
        "/openings.ics",
        "/standards.atom",
        "/standards.ics",
        "/schemas/bid_commitment/1.0.0",
    ]
    pages = ["/", "/notices", "/openings", "/about", "/verify", "/standards", "/standards/bid_commitment"]
    pages += ["/standards/codelists/currency", "/standards/releases", "/standards/validate"]
    pages += ["/standards/bid_commitment/compare", "/standards/bid_commitment/diff/1.0.0/1.0.0"]
    pages += ["/standards/bid_commitment/1.0.0", "/login", "/account", f"/openings/{tender}/feed"]
    pages += [f"/{kind}/{case}" for kind in ("notices", "openings") for case in (tender, other, never)]
    pages += ["/work", "/work/keys", "/work/begin/open_tender", f"/work/cases/{tender}", f"/work/cases/{other}"]
    pages += [
        f"/work/bids/{tender}",
        f"/work/bids/{other}",
        "/work/custody",
        f"/work/custody/{tender}",
        f"/work/custody/{other}",
        f"/work/cases/{tender}/question",
        f"/work/records/{nobody}",
        f"/work/records/{nobody}/receipt.json",
    ]
    for who in OBSERVERS:
        for path in paths:
            yield who, path, masked(seen.ask(who, "GET", path), seen)
        for name, path in secret_objects(seen, who):
            yield who, name, masked(seen.ask(who, "GET", path), seen)
        for path in pages:
            for lang in ("zh", "en"):
                shown = seen.ask(who, "GET", f"{path}?lang={lang}", accept="text/html")
                yield who, f"{path}?lang={lang}", masked(shown, seen)
        for path, body in refusals(tender):
            yield who, f"POST {path} {json.dumps(body)[:60]}", masked(seen.ask(who, "POST", path, body=body), seen)


def secret_objects(seen: Seen, who: str) -> Iterator[tuple[str, str]]:
    """
    Yield what lies here of a bid and of a registered bidder, by names and digests that only a thief would know.

    The centre is left out of the cases of letters, and left out are receipts and how much of a file is here: whoever
    knows their random names is answered (docs/explanation/secrecy.md).
    """
    bid, letter = seen.bids[0], next(iter(seen.facts["letters"].values()))
    yield "a bid's file", f"/api/v1/vault/{bid.sealed.sha256}?record={seen.filed['sealed_bid']}"
    for family in ("bid_commitment", "sealed_bid"):
        yield f"a record {family}", f"/api/v1/records/{seen.filed[family]}"
        yield f"the page of a receipt of {family}", f"/work/records/{seen.filed[family]}"
    if who != "operator":
        yield "a case of a letter", f"/api/v1/cases/{letter}"
        yield "a letter at the workbench", f"/work/cases/{letter}"
        yield "records of a letter", f"/api/v1/cases/{letter}/records"
        yield "an application for a letter", f"/api/v1/records/{seen.filed['guarantee_application']}"
    yield "a letter's page", f"/notices/{letter}"
    for name, kid in seen.kids.items():
        yield f"{CERTIFICATE}{name}", f"/api/v1/certificates/{kid}"


def unasked(seen: Seen) -> set[str]:
    """Return the rows of the table for reading that none of the views reaches."""
    shapes = {row.name: shape_of(row.path) for row in TABLE if row.method == "GET"}
    return {name for name, shape in shapes.items() if not any(shape.fullmatch(path) for path in seen.read)}


def refusals(tender: str) -> Iterator[tuple[str, Any]]:
    """Yield requests that are refused: the words of a refusal may not tell anything either."""
    yield f"/api/v1/cases/{tender}/opening", {"act": "start"}
    yield f"/api/v1/cases/{tender}/opening", {"act": "disclose"}
    yield f"/api/v1/cases/{tender}/opening", {"act": "close"}
    yield f"/api/v1/cases/{tender}/ties", {"lot": "L1", "nonces": {"node:chengdu": "00" * 32}}
    yield f"/api/v1/cases/{tender}/guarantee", {"event": "verified"}
    yield "/api/v1/records", {"envelope": {}, "signature": {}}
    yield "/api/v1/receipts/verify", {"receipt": {"record": "sha256:" + "0" * 64}}


def masked(reply: Reply, seen: Seen) -> str:
    """Return an answer with everything masked that chance and the clock make."""
    names = sorted((k.lower().decode(), v.decode("latin-1")) for k, v in reply.headers if k.lower() not in CHANGING)
    text = f"{reply.status} {names}\n" + reply.body.decode("utf-8", "replace")
    for token in seen.tokens.values():
        text = text.replace(token, "TOKEN")
    for pattern, mask in MASKS:
        text = re.sub(pattern, mask, text)
    return text


CHANGING = {b"x-request-id", b"date", b"etag", b"content-length"}


# --- what lies in the database, the vault and the log ---------------------------------------------------------------


def stored(seen: Seen) -> bytes:
    """Return everything in the database, its log and the vault: what a dump without the key folder gives."""
    database = seen.folder / "live" / "node" / "node.db"
    found = bytearray()
    with closing(sqlite3.connect(database)) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            if table in ("party", "account"):
                continue  # who is registered is no secret, and the same in both worlds
            for row in connection.execute(f'SELECT * FROM "{table}"'):  # noqa: S608
                for value in row:
                    found += value if isinstance(value, bytes) else str(value).encode()
                    found += b"\n"
    for path in sorted((seen.folder / "live" / "node" / "vault").rglob("*")):
        found += str(path.relative_to(seen.folder)).encode() + b"\n"
        found += path.read_bytes() if path.is_file() else b""
    return bytes(found)


def forms(text: str) -> Iterator[bytes]:
    """Yield a value as it might stand in a dump."""
    yield text.encode()
    yield text.encode().hex().encode()
    yield text.encode("utf-16-le")
    yield json.dumps(text).strip('"').encode()


def columns(seen: Seen) -> dict[str, Any]:
    """Return what the application's role can read of every table: values of public rows, kinds and sizes of secret ones."""
    with closing(sqlite3.connect(seen.folder / "live" / "node" / "node.db")) as connection:
        public = connection.execute("SELECT family FROM journal WHERE case_id IS NOT NULL ORDER BY idx").fetchall()
        secret = connection.execute(
            "SELECT length(leaf), length(tag), length(body), family IS NULL FROM journal WHERE case_id IS NULL"
        ).fetchall()
        listing = connection.execute(
            "SELECT title, stage, states, deadline, published_at FROM listing ORDER BY title"
        ).fetchall()
        sizes = connection.execute("SELECT DISTINCT length(key), length(value) FROM state").fetchall()
        parties = connection.execute("SELECT id, name, roles FROM party WHERE id LIKE 'org:%' ORDER BY id").fetchall()
        certificates = connection.execute(
            "SELECT party, count(*) FROM certificate GROUP BY party ORDER BY party"
        ).fetchall()
    return {
        "families of public rows": public,
        "kinds of secret rows": sorted(set(secret)),
        "listing": listing,
        "parties": parties,
        "certificates": certificates,
        "sizes of state rows": sorted(set(sizes)),
    }


def line_shapes(lines: Sequence[str]) -> set[tuple[Any, ...]]:
    """Return the kinds of lines of a log: everything but when and under which request id."""
    return {tuple(sorted((k, v) for k, v in json.loads(x).items() if k not in ("request", "timestamp"))) for x in lines}


# --- the run ----------------------------------------------------------------------------------------------------------


def run(run: Run) -> None:
    catalogue = Catalogue.load()
    with ExitStack() as stack:
        stack.callback(structlog.reset_defaults)
        worlds = [perform(run.folder / f"world-{n}", catalogue, w, stack) for n, w in enumerate(WORLDS)]
        compare(run, worlds, run.breaks, count=True)
        left = unasked(worlds[0])
        run.holds(left == UNASKED.keys(), f"rows for reading that were not compared: {left ^ UNASKED.keys()}")
        _dumps(run, worlds)
        _timing(run, worlds)
        _canaries(run, worlds)
        for name, mutant in MUTANTS.items():
            _control(run, worlds, name, mutant)
    _stored_unsealed(run, catalogue)
    _logged(run, catalogue)
    _guesses(run)


def compare(run: Run, worlds: Sequence[Seen], told: Callable[[str], None], *, count: bool) -> None:
    """Ask both worlds the same, as everybody; say where they differ."""
    for one, two in zip(*(views(w) for w in worlds), strict=True):
        who, path, shown = one
        if count:
            run.count("answers compared between the worlds")
        if shown != two[2]:
            lines = zip(shown.splitlines(), two[2].splitlines(), strict=False)
            first = next(((a[:200], b[:200]) for a, b in lines if a != b), ("", "lengths differ"))
            told(f"{who or 'nobody'} tells the worlds apart by {path}: {first}")
        for world, text in ((worlds[0], shown), (worlds[1], two[2])):
            found = [p for p in world.planted if p in text and not _is_public(p, path)]
            if found:
                told(f"{who or 'nobody'} reads {found[:2]} at {path}")


def _is_public(value: str, path: str) -> bool:
    """Names of registered parties are on the centre's list of parties and in their certificates, in both worlds."""
    of_parties = path == "/api/v1/parties" or path.startswith(CERTIFICATE)
    return of_parties and (value.startswith("org:") or "公司" in value)


def _dumps(run: Run, worlds: Sequence[Seen]) -> None:
    for world in worlds:
        dump, log = stored(world), "\n".join(world.lines_of_play)
        run.count("bytes of database and vault that were searched", len(dump))
        asked = {p for p in world.planted if p.startswith("org:") or "公司" in p}
        for value in world.planted:
            # Parties have certificates, sessions and tokens, bidding or not; their ids stand there and nowhere else.
            if value in asked:
                continue
            found = [form for form in forms(value) if form in dump]
            run.holds(not found, f"the dump has {value!r}")
            run.holds(value not in log, f"the log has {value!r}")
        run.holds(not any(p in log for p in asked), "the log names a bidder")
        run.count("planted values looked for in dumps and logs", len(world.planted))
    one, two = (columns(world) for world in worlds)
    for name, value in one.items():
        run.holds(value == two[name], f"{name}: {str(value)[:200]} against {str(two[name])[:200]}")
        run.count("columns and folders compared between the worlds")
    _sizes_of_files(run, worlds)
    shapes = [line_shapes(world.lines_of_play) for world in worlds]
    run.holds(shapes[0] == shapes[1], f"lines of the log differ: {list(shapes[0] ^ shapes[1])[:3]}")
    posts = [sum('"POST"' in line for line in world.lines_of_play) for world in worlds]
    run.holds(posts == [0, 0], f"filings leave lines in the log: {posts}")


def _sizes_of_files(run: Run, worlds: Sequence[Seen]) -> None:
    """No size of a secret file is a bid's alone: more decoys, as time brings them, come to have that size too."""
    files = sum(_of_bids_size(world) for world in worlds)
    run.count("files of the size of a bid in the vaults, decoys among them", files)
    run.count("bids of that size", sum(len(world.bids) for world in worlds))
    with patch.object(FolderVault, "typical_size", lambda _self, default, _most: default):
        plain = sum(_more_decoys(world) for world in worlds)
    run.control("decoys of one size", caught=plain == 0, how=f"{plain} of {2 * DECOYS} have the size of a bid")
    more = sum(_more_decoys(world) for world in worlds)
    run.count("of further decoys have the size of a bid", more)
    run.holds(more > 0, f"none of {2 * DECOYS} further decoys has the size of a bid: the vault tells how many bid")


def _more_decoys(world: Seen) -> int:
    """Let the node write further decoys; returns how many of them have the size of a bid."""
    before, vault = _of_bids_size(world), world.node.vault
    for _ in range(DECOYS):
        vault.add_decoy(vault.typical_size(SMALLEST_FILE, LARGEST_FILE))
    return _of_bids_size(world) - before


def _of_bids_size(world: Seen) -> int:
    folder = world.folder / "live" / "node" / "vault" / "sealed"
    sizes = Counter(p.stat().st_size for p in folder.rglob("*") if p.is_file())
    return sizes[max((size for size in sizes if size > LARGE), key=lambda size: sizes[size])]


DECOYS = 60
"""So many in each world that chance alone doesn't leave the size of a bid out: it is that of a tenth of all files."""
LARGE = 100_000


def _canaries(run: Run, worlds: Sequence[Seen]) -> None:
    """No token, password or key lies in the log, the database, the vault or what the node publishes (case 43)."""
    log = "".join(world.log.getvalue() for world in worlds).encode()
    for world in worlds:
        for value in lying_open(world, stored(world), log):
            run.breaks(f"a secret lies in the open: {value[:6]!r}…")
        run.count("secrets looked for in logs, database and files", len(secrets_of(world)))
    last = worlds[-1]  # its log is the one that is written now
    begun = len(last.log.getvalue())
    with patch.object(access, "bearer_token", _told(access.bearer_token)):
        last.ask("tenderer", "GET", "/api/v1/inbox")
    found = lying_open(last, b"", last.log.getvalue()[begun:].encode())
    run.control("a door that logs the header with the token", caught=bool(found), how=f"{len(found)} in the log")


def secrets_of(world: Seen) -> list[bytes]:
    """Return tokens, passwords, keys of bids and of custodians, and the node's own private keys."""
    files = [p.read_bytes() for p in (world.folder / "live" / "node" / "keys").rglob("*") if p.is_file()]
    own = [b"".join(k.splitlines()[1:-1])[:64] for k in files if b"PRIVATE KEY" in k]
    return [s.encode() for s in world.secret] + own + [k for k in files if len(k) == 32]


def lying_open(world: Seen, dump: bytes, log: bytes) -> list[bytes]:
    """Return the secrets that lie in a dump or a log as they are or in hex."""
    return [s for s in secrets_of(world) if any(form in dump or form in log for form in (s, s.hex().encode()))]


def _told(real: Callable[[str], Any]) -> Callable[[str], Any]:
    def telling(header: str) -> Any:
        structlog.get_logger().info("asked", header=header)
        return real(header)

    return telling


# --- timing -----------------------------------------------------------------------------------------------------------

MOST_APART_MS = 2.0
"""Bound of the worlds' median times. Generous: two applications in one process differ for pages without bids as well."""
TIMED = (
    "/api/v1/cases/{t}",
    "/api/v1/cases/{t}/records",
    "/api/v1/changes",
    "/log/checkpoint",
    "/notices/{t}",
    "/openings/{t}",
    "/notices",
    "/notices.csv",
    "/openings",
    "/about",
    "/",
)


def _timing(run: Run, worlds: Sequence[Seen]) -> None:
    """
    Whether the work or the time that a public page takes tells the worlds apart.

    Work is the number of calls of functions while a page is answered: no noise, so it must be the same to the last one.
    """
    works = {path: [_work(world, path) for world in worlds] for path in TIMED}
    for path, work in works.items():
        run.holds(work[0] == work[1], f"{path} takes {work[0]} calls in one world and {work[1]} in the other")
    run.count("public pages that take the same number of calls", sum(a == b for a, b in works.values()))
    with _reads_sealed():
        found = [_work(world, TIMED[0]) for world in worlds]
    how = f"{found[0]} calls of functions for three bids, {found[1]} for six"
    run.control("an answer that reads sealed records to leave them out", caught=found[0] != found[1], how=how)
    rounds = run.of(20, 400)
    apart = max(_least_apart(worlds, path, rounds) for path in TIMED)
    run.count("timed answers", 4 * rounds * len(TIMED))
    run.figure("largest difference of the worlds' median times for a public page", apart, "ms", most=MOST_APART_MS)


def _work(world: Seen, path: str) -> int:
    """Return how many functions are called to answer a page that has been asked for before."""
    called = 0

    def seen(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal called
        called += event in ("call", "c_call")

    async def ask() -> None:
        target = path.format(t=world.facts["tender"]).encode()
        sys.setprofile(seen)
        try:
            await world.wire.ask("GET", target, headers=[(b"host", b"testserver.local")])
        finally:
            sys.setprofile(None)

    least = math.inf
    with patch.object(asyncio, "to_thread", at_once):
        for _ in range(5):
            called = 0
            world.http.blocking_portal.call(ask)
            least = min(least, called)  # what else the loop does between two steps of an answer is not the answer's
    return int(least)


def _least_apart(worlds: Sequence[Seen], path: str, rounds: int) -> float:
    """Measure again what lies too far apart: what is due to a busy machine goes away, what is due to the worlds stays."""
    least = _apart(worlds, path, rounds)
    for _ in range(4):
        if least <= MOST_APART_MS:
            break
        least = min(least, _apart(worlds, path, rounds))
    return least


def _apart(worlds: Sequence[Seen], path: str, rounds: int) -> float:
    """Return by how many milliseconds the median times lie apart; the worlds take turns, so that noise is common."""
    times: list[list[float]] = [[], []]
    for turn in range(2 * rounds):
        for n in (0, 1) if turn % 2 else (1, 0):
            times[n].append(worlds[n].ask("", "GET", path.format(t=worlds[n].facts["tender"])).seconds)
    return 1000 * abs(statistics.median(times[0]) - statistics.median(times[1]))


def _reads_sealed() -> Any:
    """Return the program as it was: it read every record of a case, whoever asked."""
    real = Desk.look
    return patch.object(Desk, "look", lambda self, case, **_: real(self, case))


# --- how well the number of rows tells how many bid -------------------------------------------------------------------


def _guesses(run: Run) -> None:
    """
    Measure how often somebody with a dump guesses right how many of three to eight bid, from the number of secret rows.

    The real ``Decoys`` make the rows; only their cost of sealing is left out. Chance alone would be right once in six.
    """

    def rows(bids: int, odds: int, chance: Callable[[int], bytes]) -> int:
        count: list[Any] = []
        quiet = Decoys(_NoCloak(), chance, _NoVault(), odds)  # type: ignore[arg-type]
        for _ in range(2 * bids):  # a commitment and a ciphertext, each a write of its own
            count.append(1)
            quiet.add_to(count, _NoJournal(), datetime(2026, 3, 1, tzinfo=UTC))  # type: ignore[arg-type]
        return len(count)

    def right(odds: int) -> float:
        rng = random.Random(run.seed)
        known = {n: Counter(rows(n, odds, rng.randbytes) for _ in range(run.of(400, 4000))) for n in range(3, 9)}
        tries = [(n, rows(n, odds, rng.randbytes)) for n in range(3, 9) for _ in range(run.of(100, 1000))]
        guessed = sum(max(known, key=lambda n: known[n][seen]) == n for n, seen in tries)
        return guessed / len(tries)

    share, bare = right(128), right(0)
    run.figure(
        "how often the number of rows of a dump tells how many of 3 to 8 bid (chance alone: 0.167)", share, "of tries"
    )
    run.holds(share < 0.6, f"the number of rows tells how many bid in {share:.0%} of tries")
    run.control("no decoys", caught=bare > 0.6, how=f"the number of rows tells how many bid in {bare:.0%} of tries")
    run.note(
        "A dump gives an upper bound of how many bid and a guess, not a count: from the number of secret rows alone, the "
        f"best guess among three to eight bidders is right in {share:.0%} of tries (chance alone: 17 %)."
    )


class _NoCloak:
    def decoy(self, _size: int) -> bytes:
        return b""


class _NoVault:
    def add_decoy(self, _size: int) -> None:
        return

    def typical_size(self, default: int, _most: int) -> int:
        return default


class _NoJournal:
    def put_decoys(self, _rows: Sequence[bytes]) -> None:
        return


# --- controls ---------------------------------------------------------------------------------------------------------


def _counts_in_listing(seen: Seen) -> Any:
    """A list that tells how many bids there are."""
    real = cases.listing_json

    def telling(listing: Any) -> Any:
        return real(listing) | {"bids": len(seen.bids)}

    return patch.object(cases, "listing_json", telling)


def _refusal_counts(seen: Seen) -> Any:
    """An answer that tells how many bids there are in the words of a refusal."""
    real = cases.refusal_response

    def telling(refusal: Any, lang: str, signed: Any = None) -> Any:
        answer = real(refusal, lang, signed)
        answer.content["detail"] += f" ({len(seen.bids)})"
        return answer

    return patch.object(cases, "refusal_response", telling)


def _open_reading(_seen: Seen) -> Any:
    """A filter of reading that lets every record through."""
    stack = ExitStack()
    stack.enter_context(_reads_sealed())
    stack.enter_context(patch.object(Context, "visible", lambda _self, view, _subject: list(view.entries)))
    return stack


MUTANTS: dict[str, Callable[[Seen], Any]] = {
    "a list of cases that counts the bids": _counts_in_listing,
    "a refusal that counts the bids": _refusal_counts,
    "records of bids shown to everybody": _open_reading,
}


def _control(run: Run, worlds: Sequence[Seen], name: str, mutant: Callable[[Seen], Any]) -> None:
    found: list[str] = []
    shown: list[list[tuple[str, str, str]]] = []
    for world in worlds:
        with mutant(world):
            shown.append(list(_few(world)))
    found += [f"{a[0] or 'nobody'} by {a[1]}" for a, b in zip(*shown, strict=True) if a[2] != b[2]]
    run.control(name, caught=bool(found), how=f"{len(found)} answers tell the worlds apart: {found[:2]}")


def _few(seen: Seen) -> Iterator[tuple[str, str, str]]:
    """Yield some of the views: enough for what the mutants change."""
    tender = seen.facts["tender"]
    for who in ("", "operator", "tenderer"):
        for path in ("/api/v1/cases", f"/api/v1/cases/{tender}/records", "/api/v1/changes"):
            yield who, path, masked(seen.ask(who, "GET", path), seen)
        yield (
            who,
            "opening",
            masked(seen.ask(who, "POST", f"/api/v1/cases/{tender}/opening", body={"act": "start"}), seen),
        )


def _stored_unsealed(run: Run, catalogue: Catalogue) -> None:
    """Commitments written as they are: the dump must give it away."""
    with ExitStack() as stack:
        stack.enter_context(patch.object(Journal, "is_secret", lambda _self, _record: False))
        stack.callback(structlog.reset_defaults)
        world = perform(run.folder / "unsealed", catalogue, {"bidders": (0,), "bank": "bank"}, stack)
        dump = stored(world)
        found = [p for p in world.planted if any(form in dump for form in forms(p))]
    run.control(
        "records of bids stored unsealed", caught=bool(found), how=f"{len(found)} planted values lie in the dump"
    )


def _logged(run: Run, catalogue: Catalogue) -> None:
    """A door that logs the case of what is filed: the log must give it away."""
    real = records.read_record

    def telling(value: Any) -> Any:
        read = real(value)
        structlog.get_logger().info("filed", case=getattr(read, "case", ""), family=getattr(read, "family", ""))
        return read

    with ExitStack() as stack:
        stack.enter_context(patch.object(records, "read_record", telling))
        stack.callback(structlog.reset_defaults)
        world = perform(run.folder / "logged", catalogue, {"bidders": (0,), "bank": "bank"}, stack)
        told = [
            line for line in world.lines_of_play if any(p in line for p in world.planted) or "bid_commitment" in line
        ]
    run.control("a door that logs the case of a filing", caught=bool(told), how=f"{len(told)} lines of the log tell")


PART = Part(
    name="secrecy",
    title=Said("保密", "Secrecy"),
    promise=Said(
        "开标前，除投标人和其保函开立人外，无论以何种身份、从页面、接口、日志、数据库还是文件库，都看不出谁投标、几家、谁开的保函",
        "Before the opening nobody but a bidder and its own guarantor can tell who bids, how many, or under whose guarantee: not by pages, API, log, database or vault",
    ),
    cases=(34, 35, 43),
    run=run,
    short=45,
)
