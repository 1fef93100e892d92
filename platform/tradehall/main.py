"""
Composition root (装配): the only module that knows every room. Settings are read once, here.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx

from tradehall.adapters.clock import SandboxClock, SystemClock
from tradehall.adapters.durable import make_folder
from tradehall.adapters.identity import passwords
from tradehall.adapters.identity.ca import RequestInvalid, Trust
from tradehall.adapters.keyfolder import KeyFolder, open_keys
from tradehall.adapters.letters import PdfLetters
from tradehall.adapters.log.tiles import TileMalformedError, entry_bundle, parse_path
from tradehall.adapters.log.witness import Answer, Witness, WitnessClient
from tradehall.adapters.opener import VaultUnsealer
from tradehall.adapters.peers.http import HttpCity
from tradehall.adapters.sql.directory import SqlDirectory
from tradehall.adapters.sql.exchange import SqlExchange
from tradehall.adapters.sql.fence import Fence
from tradehall.adapters.sql.store import SqlStore
from tradehall.adapters.sql.witnessed import SqlWitnessStore
from tradehall.adapters.vault import FolderVault
from tradehall.adapters.witnesses import HttpWitness
from tradehall.desk.accept import Door
from tradehall.desk.cloak import Cloak
from tradehall.desk.decoys import Decoys
from tradehall.desk.draw import Draw
from tradehall.desk.evaluation import Evaluation
from tradehall.desk.evidence import Exporter
from tradehall.desk.exchange import CityKeys, Courier, Exchange
from tradehall.desk.filing import Desk
from tradehall.desk.guarantee import Guarantees
from tradehall.desk.opening import Opening
from tradehall.desk.ports import Certificate
from tradehall.desk.sequencer import Sequencer
from tradehall.desk.witnessing import DUE, Witnessing
from tradehall.jobs.due import Runner
from tradehall.kernel import notes, receipts
from tradehall.kernel.procedure import Procedure
from tradehall.kernel.refusal import Refusal, Text
from tradehall.ocds.packages import Publisher
from tradehall.ocds.words import PLACEHOLDER, PREFIX
from tradehall.procedures.guarantee_letter import GUARANTEE_LETTER
from tradehall.procedures.open_tender import OPEN_TENDER
from tradehall.procedures.remote_evaluation import REMOTE_EVALUATION
from tradehall.procedures.standard_revision import STANDARD_REVISION
from tradehall.rules import merkle
from tradehall.rules.merkle import HASH_SIZE, TILE_WIDTH
from tradehall.web.api.context import Context
from tradehall.web.problems import Problem
from tradehall_standards import Catalogue, CatalogueError, Json
from tradehall_standards.calendar import WorkingCalendar
from tradehall_standards.parameters import Parameters
from tradehall_standards.release import load_signed, verify
from tradehall_standards.sources import default_root

if TYPE_CHECKING:
    from tradehall.adapters.pdf.verify import LetterVerdict

PROCEDURES: Mapping[str, Procedure] = {
    p.id: p for p in (OPEN_TENDER, GUARANTEE_LETTER, REMOTE_EVALUATION, STANDARD_REVISION)
}

WITNESS_TIMEOUT_SECONDS = 2.0
CITY_TIMEOUT_SECONDS = 5.0
DIGEST = re.compile("sha256:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Settings:
    """
    Settings of a node (节点设置), each from an environment variable of the same name with ``TRADEHALL_`` before it.

    Attributes:
        data: folder for database, vault and keys.
        database: SQLAlchemy URL; empty for SQLite in ``data``.
        city: short name of the node (``chengdu``).
        public_url: where others reach this node; its host and path name the log.
        witnesses: ``URL vkey`` pairs separated by semicolons: who cosigns this log.
        witnessed: ``origin=vkey`` pairs separated by semicolons: whose logs this node cosigns.
        cities: ``city URL receipt-key log-vkey`` separated by semicolons: with whom records are exchanged, keys as that
            city's ``/api/v1/node`` shows them. The token it gave to this city's centre lies in ``keys/<city>.token``.
        sandbox_start: an instant; when set, the clock is a sandbox that starts there and can be advanced.
        sandbox_rate: seconds that pass in the sandbox for each real one.
        common_passwords: a file of passwords that nobody may choose, one a line.
        decoys: chance out of 256 that one more decoy follows a secret record.
        require_standby: ``on`` makes PostgreSQL confirm every commit on a synchronous standby; without one nothing is
            accepted.
        ocds_prefix: the prefix that the publisher registered with the Open Contracting Partnership; the default is
            visibly none, and a node that publishes must not keep it.
        due_work: ``off`` leaves openings to people; a node with a sandbox clock never does due work by itself.
        officers: folder of the city's own officers (``keys/``, ``releases/``): only what they adopted is served.
        production: ``on`` refuses a catalogue for which only development keys vouch.
    """

    data: Path = Path("var/node")
    database: str = ""
    city: str = "chengdu"
    public_url: str = "http://127.0.0.1:8000"
    witnesses: str = ""
    witnessed: str = ""
    cities: str = ""
    sandbox_start: str = ""
    sandbox_rate: int = 1
    common_passwords: str = ""
    decoys: int = 128
    require_standby: bool = False
    due_work: bool = True
    ocds_prefix: str = PLACEHOLDER
    officers: str = ""
    production: bool = False

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Read the settings; unset ones keep their defaults."""
        found: dict[str, object] = {}
        for name, kind in (
            ("data", Path),
            ("sandbox_rate", int),
            ("decoys", int),
            ("require_standby", _switch),
            ("due_work", _switch),
            ("ocds_prefix", _prefix),
            ("production", _switch),
        ):
            if value := environment.get(f"TRADEHALL_{name.upper()}"):
                found[name] = kind(value)
        names = (
            "database",
            "city",
            "public_url",
            "witnesses",
            "witnessed",
            "cities",
            "sandbox_start",
            "common_passwords",
            "officers",
        )
        for name in names:
            if value := environment.get(f"TRADEHALL_{name.upper()}"):
                found[name] = value
        return cls(**found)  # type: ignore[arg-type]

    @property
    def origin(self) -> str:
        """Name of the log: host and path of the public URL, and the city."""
        parts = urlsplit(self.public_url)
        return f"{parts.hostname or 'localhost'}{parts.path.rstrip('/')}/{self.city}"


def _switch(text: str) -> bool:
    if text not in ("on", "off"):
        raise ValueError(f"{text!r} is neither on nor off")
    return text == "on"


def _prefix(text: str) -> str:
    if PREFIX.fullmatch(text) is None:
        raise ValueError(f"{text!r} is no OCDS prefix: ocds- and six small letters or digits")
    return text


@dataclass(frozen=True, slots=True)
class Node:
    """A node with all its parts (节点)."""

    settings: Settings
    keys: KeyFolder
    store: SqlStore
    directory: SqlDirectory
    vault: FolderVault
    clock: SystemClock | SandboxClock
    door: Door
    desk: Desk
    opening: Opening
    draw: Draw
    evaluation: Evaluation
    exporter: Exporter
    witnessing: Witnessing
    exchange: Exchange
    trust: Trust
    witness_of: Mapping[str, notes.VerifierKey]
    http: httpx.Client = field(repr=False)

    def close(self) -> None:
        """Release what the node holds."""
        if isinstance(self.clock, SystemClock):
            self.clock.stop()
        self.http.close()
        self.store.close()


def load_catalogue(settings: Settings) -> Catalogue:
    """
    Load the catalogue that this node may serve (载入节点的标准目录).

    Raises:
        CatalogueError: a file is not as it was signed; or in production, where nobody but development keys vouches.
    """
    if settings.officers:
        return load_signed(default_root(), Path(settings.officers))
    if settings.production:
        raise CatalogueError([NOBODY_VOUCHES])
    return Catalogue.load()


NOBODY_VOUCHES = (
    "只有开发密钥为标准目录作保：请以 TRADEHALL_OFFICERS 指定本市标准官员的文件夹 "
    "(only development keys vouch for the catalogue: name the folder of this city's officers in TRADEHALL_OFFICERS)"
)


def build_node(settings: Settings, *, catalogue: Catalogue | None = None) -> Node:
    """
    Build a node (装配节点). ``catalogue`` saves loading it again where several nodes share a process.

    Raises:
        CatalogueError: the catalogue does not load.
        DurabilityError: the database would lose acknowledged writes.
        FencedError: the database must not be written.
    """
    catalogue = catalogue or load_catalogue(settings)
    chance = secrets.token_bytes
    make_folder(settings.data)
    clock = _clock(settings)
    fence = Fence(settings.data / "timeline", require_standby=settings.require_standby)
    store = SqlStore(settings.database or f"sqlite:///{settings.data / 'node.db'}", clock, fence)
    if isinstance(clock, SystemClock):
        # SQLite reads this machine's clock; a server has its own, and that one decides.
        clock.start(store.time_ns if settings.database.startswith("postgresql") else None)
    keys = open_keys(settings.data / "keys", city=settings.city, origin=settings.origin, at=store.now(), chance=chance)
    directory = SqlDirectory(store)
    directory.register(keys.node.name, keys.node.name, frozenset({"centre"}))
    directory.add_certificate(keys.certificate)
    cloak = Cloak(keys.cloak, chance)
    vault = FolderVault(settings.data / "vault", cloak, keys.vault)

    def revoked_at(kid: str) -> datetime | None:
        known = directory.certificate(kid)
        return None if known is None else known.revoked_at

    trust = Trust((keys.authority.certificate,), revoked_at)
    door = Door(
        store=store,
        catalogue=catalogue,
        parameters=Parameters.load(),
        calendar=WorkingCalendar.load(),
        procedures=PROCEDURES,
        directory=directory,
        vault=vault,
        cloak=cloak,
        clock=clock,
        chance=chance,
        node=keys.node,
        decoys=Decoys(cloak, chance, vault, settings.decoys),
    )
    desk = Desk(door)
    http = httpx.Client(timeout=WITNESS_TIMEOUT_SECONDS)
    witnesses = [HttpWitness(WitnessClient(http, url, key)) for url, key in _witnesses(settings.witnesses)]
    witness_keys = [key for _, key in _witnesses(settings.witnesses)]
    witnessing = Witnessing(store, keys.node, witnesses)
    fence.vouch = witnessing.vouch
    return Node(
        settings=settings,
        keys=keys,
        store=store,
        directory=directory,
        vault=vault,
        clock=clock,
        door=door,
        desk=desk,
        opening=Opening(desk, VaultUnsealer(vault, trust), PdfLetters(trust)),
        draw=Draw(desk),
        evaluation=Evaluation(desk),
        exporter=Exporter(door, [_der(keys)], witnessing, witness_keys, len(witness_keys)),
        witnessing=witnessing,
        exchange=Exchange(door, SqlExchange(store), _cities(settings)),
        trust=trust,
        witness_of=dict(_witnessed(settings.witnessed)),
        http=http,
    )


def _clock(settings: Settings) -> SystemClock | SandboxClock:
    if settings.sandbox_start:
        return SandboxClock(datetime.fromisoformat(settings.sandbox_start), rate=settings.sandbox_rate)
    return SystemClock()


def _der(keys: KeyFolder) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding  # noqa: PLC0415

    return keys.authority.certificate.public_bytes(Encoding.DER)


def _witnesses(text: str) -> list[tuple[str, notes.VerifierKey]]:
    pairs = (item.split() for item in text.split(";") if item.strip())
    return [(url.rstrip("/"), notes.parse_vkey(key)) for url, key in pairs]


def _cities(settings: Settings) -> dict[str, HttpCity]:
    """Return the cities of the settings; their tokens lie with the keys."""
    found: dict[str, HttpCity] = {}
    for item in filter(None, map(str.strip, settings.cities.split(";"))):
        city, url, receipt, log = item.split()
        keys = CityKeys(f"node:{city}", bytes.fromhex(receipt), notes.parse_vkey(log))
        token = (settings.data / "keys" / f"{city}.token").read_text("ascii").strip()
        client = httpx.AsyncClient(timeout=CITY_TIMEOUT_SECONDS)
        found[city] = HttpCity(client, url.rstrip("/"), token, keys)
    return found


def _witnessed(text: str) -> list[tuple[str, notes.VerifierKey]]:
    pairs = (item.strip().partition("=") for item in text.split(";") if item.strip())
    return [(origin, notes.parse_vkey(key)) for origin, _, key in pairs]


@dataclass(frozen=True, slots=True)
class WitnessSide:
    """The serving side of witnessing, and tiles, for the web (见证服务)."""

    witness: Witness
    vkey: str

    def add_checkpoint(self, body: bytes, at: datetime) -> Answer:
        """Judge and cosign another city's checkpoint."""
        return self.witness.add_checkpoint(body, at)

    def tile(self, store: SqlStore, path: str) -> bytes | None:
        """Return a tile of this log by its path, None when there is none of that width yet."""
        try:
            wanted = parse_path(path)
        except TileMalformedError:
            return None
        with store.read() as reading:
            if wanted.level is None:
                start = wanted.index * TILE_WIDTH
                leaves = reading.leaves(start, start + wanted.width)
                return entry_bundle(leaves) if len(leaves) == wanted.width else None
            hashes = reading.tile(wanted.level, wanted.index, wanted.width)
        size = wanted.width * HASH_SIZE
        return hashes[:size] if len(hashes) >= size else None


def build_context(node: Node) -> Context:
    """Gather what the web needs of a node (网站上下文)."""
    chance = node.door.chance
    logs = {origin: (key,) for origin, key in node.witness_of.items()}
    serving = Witness(
        key=node.keys.witness, signer=node.keys.witness_key.sign, logs=logs, store=SqlWitnessStore(node.store)
    )

    def issue(csr: bytes, party: str, name: str, days: int) -> Certificate:
        try:
            issued = node.keys.authority.issue(
                csr, party=party, name=name or party, at=node.store.now(), days=days, chance=chance
            )
        except RequestInvalid as error:
            raise Problem("CERTIFICATE-REQUEST", why=str(error)) from error
        node.directory.add_certificate(issued)
        return issued

    # A sandbox has fictional accounts by the dozen: there the cost only keeps people waiting.
    cost = passwords.Cost(1 << 10, 8, 1) if node.settings.sandbox_start else passwords.COST

    common = _common(node.settings.common_passwords)

    def hashed(password: str, *names: str) -> str:
        try:
            passwords.assert_hard_to_guess(password, names, common)
            return passwords.hash_password(password, chance, cost=cost)
        except passwords.PasswordTooShort as error:
            raise Problem("PASSWORD-REFUSED", why=_TOO_SHORT) from error
        except passwords.PasswordTooPlain as error:
            raise Problem("PASSWORD-REFUSED", why=_TOO_PLAIN) from error

    def fits(given: str, stored: str) -> bool:
        return passwords.password_fits(given, stored or passwords.UNKNOWN_ACCOUNT)

    def new_secret(prefix: str) -> str:
        return passwords.new_secret(prefix, chance)

    def letter_verdict(pdf: bytes) -> LetterVerdict:
        from tradehall.adapters.pdf.verify import verify_letter  # noqa: PLC0415  - a quarter of the start of a node

        roots = list(node.trust.roots)
        return verify_letter(pdf, trust_roots=roots, register=None, revoked_at=node.trust.revoked_at)

    from tradehall.web.pages.portal import centre_of  # noqa: PLC0415  - only whoever serves pages needs them

    return Context(
        city=node.settings.city,
        public_url=node.settings.public_url,
        door=node.door,
        desk=node.desk,
        opening=node.opening,
        draw=node.draw,
        evaluation=node.evaluation,
        guarantees=Guarantees(node.desk),
        exporter=node.exporter,
        sequencer=Sequencer(node.door, node.witnessing),
        exchange=node.exchange,
        courier=Courier(node.exchange),
        directory=node.directory,
        vault=node.vault,
        issue_certificate=issue,
        hash_password=hashed,
        password_fits=fits,
        new_secret=new_secret,
        secret_digest=passwords.secret_digest,
        csrf_token=passwords.csrf_token,
        csrf_fits=passwords.csrf_fits,
        wait_seconds=passwords.wait_seconds,
        witness=WitnessSide(serving, str(node.keys.witness)),
        verify_file=ReceiptCheck(node).verify,
        advance=_advance(node.clock),
        verify_letter=letter_verdict,
        publisher=Publisher(
            node.settings.ocds_prefix, node.settings.public_url.rstrip("/"), centre_of(node.settings.city).zh
        ),
        due=due_runner(node) if node.settings.due_work and not node.settings.sandbox_start else None,
        verification=cache(lambda: verify(default_root(), _trusted(node.settings))),
    )


def _trusted(settings: Settings) -> Path | None:
    """Return the folder of the city's own officers, None where the keys that came with the catalogue count."""
    return Path(settings.officers) if settings.officers else None


_TOO_SHORT = Text("须有 10 至 200 个字符", "it must have 10 to 200 characters")
_TOO_PLAIN = Text("太容易猜到，请换一个", "it is too easy to guess; choose another")


def _common(path: str) -> frozenset[str]:
    """Return the passwords that a list refuses, one a line; those that are too short anyway are left out."""
    if not path:
        return frozenset()
    lines = Path(path).read_text("utf-8", "replace").splitlines()
    return frozenset(line.strip().casefold() for line in lines if len(line.strip()) >= passwords.SHORTEST)


SETTLED = frozenset({"STEP-CLOSED", "CASE-UNKNOWN"})
"""Refusals after which nothing is left to do: somebody was quicker, or the tender was called off."""


def due_runner(node: Node) -> Runner:
    """Return the runner of a node's due work (到期任务)."""

    def opening(case: str) -> bool:
        outcomes = node.opening.start(case)
        return all(o.code in SETTLED if isinstance(o, Refusal) else True for o in outcomes)

    def witness(_case: str) -> bool:
        return node.witnessing.catch_up_later()

    return Runner(node.store, {"opening": opening, DUE: witness}, node.witnessing.catch_up)


def _advance(clock: SystemClock | SandboxClock) -> Callable[[datetime], None] | None:
    if not isinstance(clock, SandboxClock):
        return None

    def advance(to: datetime) -> None:
        clock.advance(to, datetime.now(UTC))  # noqa: TID251  - the sandbox runs on this machine's clock

    return advance


@dataclass(frozen=True, slots=True)
class ReceiptCheck:
    """Checks receipts and refusals that this node gave (回执核验)."""

    node: Node

    def verify(self, value: Json) -> dict[str, Json]:
        """Return a verdict on a receipt or refusal; never raises for any JSON."""
        found: dict[str, Any] = dict(value) if isinstance(value, Mapping) else {}
        public = self.node.keys.node.receipt_public
        try:
            if "custody" in found:
                custody = receipts.verify_custody(found, public=public)
                return {"valid": True, "kind": "custody", "content": dict(custody)}
            if "refusal" in found:
                refusal = receipts.verify_refusal(found, public=public)
                return {"valid": True, "kind": "refusal", "content": dict(refusal)}
            digest = str(_member(found, "receipt", "record"))
            accepted = self.node.door.find(digest) if DIGEST.fullmatch(digest) else None
            signature: Mapping[str, str] = accepted.entry.record.signature if accepted else {}
            checked = receipts.verify_receipt(
                found,
                public=public,
                log=self.node.keys.node.log,
                signature=signature,
                is_included=merkle.verify_inclusion,
                leaf_hash=merkle.leaf_hash,
                witnesses=self.node.exporter.witnesses,
            )
        except receipts.ReceiptInvalidError as error:
            return {"valid": False, "reason": str(error)}
        return {"valid": True, "kind": "receipt", "content": dict(checked.body), "cosigners": list(checked.cosigners)}


def _member(value: Mapping[str, Json], *names: str) -> Json:
    found: Json = value
    for name in names:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def settings_of_environment() -> Settings:
    """Return the settings of this process."""
    return Settings.from_environment(os.environ)
