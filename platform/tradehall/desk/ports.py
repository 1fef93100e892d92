"""
Ports (端口): what the desk asks of the world. Adapters answer; memory adapters answer in tests and in the simulator.

Promises that every ``Store`` MUST keep, shown by ``tests/adapters/test_store_contract.py`` on each of them:

1. ``write`` is exclusive: two writers never overlap, and ``now`` is read after the lock is held.
2. What a finished ``write`` stored survives a crash; what an unfinished one stored never becomes visible.
3. ``append`` grows record table and tree together; an index is never given twice and never left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from tradehall.kernel.procedure import Expert
    from tradehall_standards import Json

Chance = Callable[[int], bytes]
"""Source of randomness: number of bytes → bytes."""


class StoreUnavailable(Exception):  # noqa: N818  - says what happened
    """The store can't take anything now, or can't vouch for what it took (存储不可用); nothing was promised; retry."""


@dataclass(frozen=True, slots=True)
class Row:
    """
    One row of the journal (日志行), written once.

    Attributes:
        tag: what the row is found by: the record's digest, or a keyed hash of it for a secret record.
        leaf: 32 bytes logged; random for a decoy.
        case: the case of a public record, None for a secret one or a decoy.
        family: likewise.
        at: instant of acceptance, UTC.
        body: the stored record; sealed for a secret one.
    """

    tag: bytes
    leaf: bytes
    case: str | None
    family: str | None
    at: datetime
    body: bytes


@dataclass(frozen=True, slots=True)
class Stored:
    """A row with its place in the log (已入库日志行)."""

    index: int
    row: Row


@dataclass(frozen=True, slots=True)
class Batch:
    """The tree after one write (批次): its size and root, and when."""

    size: int
    root: bytes
    at: datetime


@dataclass(frozen=True, slots=True)
class Listing:
    """One line of the public list of cases (公开目录)."""

    case: str
    procedure: str
    title: str
    code: str
    tenderer: str
    regime: str
    region: str
    sector: str
    stage: str
    states: str
    deadline: str
    published_at: str


@dataclass(frozen=True, slots=True)
class CaseQuery:
    """What to look for in the public list; empty members do not narrow it. ``after`` is the cursor of the last page."""

    text: str = ""
    stage: str = ""
    regime: str = ""
    region: str = ""
    sector: str = ""
    after: tuple[str, str] | None = None
    limit: int = 20


@dataclass(frozen=True, slots=True)
class DueWork:
    """Work that waits for its instant (到期任务): which kind, on which case (empty for none), from when on."""

    kind: str
    case: str
    at: datetime


class Reading(Protocol):
    """A consistent view of the store (只读事务)."""

    def get(self, key: bytes) -> bytes | None:
        """Return a state row."""
        ...

    def find(self, tag: bytes) -> Stored | None:
        """Return the journal row with a tag."""
        ...

    def at_index(self, index: int) -> Stored | None:
        """Return the journal row at an index."""
        ...

    def of_case(self, case: str, after: int = -1, limit: int = 1000) -> Sequence[Stored]:
        """Return public rows of a case with an index above ``after``, in order."""
        ...

    def holding(self, text: bytes, after: int = -1) -> Sequence[Stored]:
        """Return all rows with an index above ``after`` whose body, as it lies there, holds a text; reads every one."""
        ...

    def changes(self, after: int, limit: int) -> Sequence[Stored]:
        """Return public rows of all cases with an index above ``after``, in order."""
        ...

    def covering(self, index: int) -> Batch | None:
        """Return the first batch whose tree holds ``index``."""
        ...

    def latest(self) -> Batch | None:
        """Return the last batch; None for an empty log."""
        ...

    def inclusion(self, index: int, size: int) -> Sequence[bytes]:
        """Return the inclusion proof of a leaf in the tree of ``size``."""
        ...

    def consistency(self, old: int, size: int) -> Sequence[bytes]:
        """Return the consistency proof between two sizes."""
        ...

    def tile(self, level: int, index: int, width: int) -> bytes:
        """Return at least the first ``width`` hashes of a tile."""
        ...

    def leaves(self, start: int, stop: int) -> Sequence[bytes]:
        """Return the logged leaves of a range of indices."""
        ...

    def search(self, query: CaseQuery) -> Sequence[Listing]:
        """Return public cases, newest first."""
        ...

    def cosignatures(self, size: int) -> Sequence[str]:
        """Return the witness lines kept for the checkpoint of ``size``."""
        ...

    def next_due(self) -> datetime | None:
        """Return the instant from which some work may be taken; None when nothing waits."""
        ...


class Writing(Reading, Protocol):
    """The one writer (写事务): exclusive until it ends."""

    @property
    def now(self) -> datetime:
        """Instant of this write: the store's clock, read after the lock was taken; UTC."""
        ...

    def put(self, items: Mapping[bytes, bytes]) -> None:
        """Write state rows, replacing those with the same key."""
        ...

    def append(self, rows: Sequence[Row]) -> Batch:
        """Append rows to journal and tree; the first gets the next index."""
        ...

    def list_cases(self, listings: Sequence[Listing]) -> None:
        """Write lines of the public list, replacing those of the same case."""
        ...

    def keep_cosignatures(self, size: int, lines: Sequence[str]) -> None:
        """Keep witness lines for a checkpoint."""
        ...

    def put_due(self, works: Sequence[DueWork]) -> None:
        """Let work wait for its instant, once for each kind and case; what waited or was done before is forgotten."""
        ...

    def take_due(self, before: datetime, until: datetime, limit: int = 100) -> Sequence[DueWork]:
        """Take work that may be taken before an instant, earliest first; nobody else gets it until another one."""
        ...

    def settle_due(self, work: DueWork, again: datetime | None) -> None:
        """Say that taken work is done, or from when on to try again; nothing when it was put anew meanwhile."""
        ...


class Store(Protocol):
    """Where records live (存储)."""

    def now(self) -> datetime:
        """Return the store's clock as the node reads it; UTC. Only ``Writing.now`` decides."""
        ...

    def read(self) -> AbstractContextManager[Reading]:
        """Open a view."""
        ...

    def write(self) -> AbstractContextManager[Writing]:
        """Open the writer; leaving it makes everything durable before it returns, an exception drops everything."""
        ...

    def assure(self, size: int) -> None:
        """
        Return once a tree of this size can't be lost any more; nothing MUST be signed about it before.

        Raises:
            StoreUnavailable: the store can't vouch for it now.
        """
        ...


@dataclass(frozen=True, slots=True)
class Message:
    """
    A record in custody on its way to another city (代收报文).

    Attributes:
        tag: what it is found by: a keyed hash of city and record digest.
        city: where it goes.
        at: instant of custody, UTC.
        body: the signed record, sealed.
        due: not to be sent before; UTC.
        tries: how often the other city has answered that it is not the time yet.
        answer: the other city's last receipt or refusal, sealed; empty before the first.
        done: whether it needs no more sending.
    """

    tag: bytes
    city: str
    at: datetime
    body: bytes
    due: datetime
    tries: int = 0
    answer: bytes = b""
    done: bool = False


@dataclass(frozen=True, slots=True)
class Copy:
    """A record of a case that another city hosts (跟随副本): its index in the log there, and the sealed record."""

    index: int
    body: bytes


class ExchangeStore(Protocol):
    """
    Where the exchange between cities lies (城市间往来存储). Every change is durable when its call returns.

    Promises, shown by ``tests/adapters/test_exchange_contract.py``: a tag is kept once; ``waiting`` has the order of
    keeping; copies have no gap, since they are kept only behind the last one that is there.
    """

    def put(self, message: Message) -> bool:
        """Keep a message behind all others; False, and nothing changes, when its tag is known."""
        ...

    def find(self, tag: bytes) -> Message | None:
        """Return a message."""
        ...

    def waiting(self, city: str, limit: int) -> Sequence[Message]:
        """Return the messages for a city that are not done, in the order in which they were kept."""
        ...

    def settle(self, message: Message) -> None:
        """Write ``due``, ``tries``, ``answer`` and ``done`` of the message with the same tag."""
        ...

    def cursor(self, city: str, case: bytes) -> int:
        """Return the index of the last copy of a case, -1 when there is none. ``case`` is a keyed hash."""
        ...

    def follow(self, city: str, case: bytes, after: int, copies: Sequence[Copy]) -> bool:
        """Keep copies, indices rising, all or none; False when ``after`` is not the cursor."""
        ...

    def copies(self, city: str, case: bytes) -> Sequence[Copy]:
        """Return the copies of a case in the order of the log there."""
        ...


@dataclass(frozen=True, slots=True)
class Certificate:
    """A registered certificate (数字证书): whose it is and when it holds."""

    kid: str
    party: str
    der: bytes
    not_before: datetime
    not_after: datetime
    revoked_at: datetime | None

    def holds_at(self, at: datetime) -> bool:
        """Whether the certificate is valid and not revoked at an instant."""
        return self.not_before <= at <= self.not_after and (self.revoked_at is None or at < self.revoked_at)


class Directory(Protocol):
    """Who is who (主体库、专家库): parties, certificates, registered roles."""

    def certificate(self, kid: str) -> Certificate | None:
        """Return a registered certificate."""
        ...

    def name(self, party: str) -> str:
        """Return the party's name, empty when unknown."""
        ...

    def roles(self, party: str) -> frozenset[str]:
        """Return registered roles: centre, supervisor, guarantor, expert, officer."""
        ...

    def issuers(self) -> Mapping[str, str]:
        """Return those who may issue guarantee letters: party → name."""
        ...

    def experts(self) -> Mapping[str, Expert]:
        """Return the experts of the shared pool."""
        ...


class Vault(Protocol):
    """Where files lie by digest (文件库). Secret files are unreadable and unnamed at rest."""

    def has(self, sha256: str, *, secret: bool) -> int | None:
        """Return the size of a complete file, None when it is not here."""
        ...

    def read(self, sha256: str, *, secret: bool) -> AbstractContextManager[Iterator[bytes]]:
        """Open a file as chunks; LookupError when it is not here."""
        ...

    def add(self, chunks: Iterator[bytes], *, secret: bool) -> tuple[str, int]:
        """Store a file durably; returns its digest and size."""
        ...

    def add_decoy(self, size: int) -> None:
        """Store a file that nobody can tell from a secret one of that size."""
        ...

    def typical_size(self, default: int, most: int) -> int:
        """Return the size of a secret file picked by chance, ``most`` for a larger one, ``default`` without any."""
        ...


@dataclass(frozen=True, slots=True)
class Unsealed:
    """
    What opening one sealed bid gave (开启结果).

    Attributes:
        cause: why it did not open, empty when it did.
        by_bidder: whether the bidder answers for that.
        manifest: the signed manifest of an opened bid, as JSON.
        manifest_digest: digest of its bytes.
        letter: the guarantee letter inside, when there was one.
    """

    cause: str = ""
    by_bidder: bool = True
    manifest: Mapping[str, Json] | None = None
    manifest_digest: str = ""
    letter: bytes | None = None


class Unsealer(Protocol):
    """Opens sealed bids and keeps their files for the panel (开启投标文件)."""

    def unseal(
        self,
        commitment: Mapping[str, Json],
        secret_key: str,
        *,
        tender: str,
        submitted_at: datetime,
        earlier: Sequence[Mapping[str, Json]],
    ) -> Unsealed:
        """
        Open a bid whose ciphertext lies in the vault, with its key; every check of the seal in its order.

        ``earlier`` holds the commitments accepted before this one that have its recipient or its ciphertext.
        """
        ...

    def rebuild(self, commitment: Mapping[str, Json], shares: Sequence[tuple[str, int, bytes]]) -> str | None:
        """Rebuild the secret key from shares ``(custodian, index, share)``; None when they do not give it."""
        ...


@dataclass(frozen=True, slots=True)
class LetterReading:
    """What a guarantee letter's file is worth (保函文件核验): its data, and reasons not to rely on it."""

    payload: Mapping[str, Json] | None
    reasons: tuple[str, ...]


class Letters(Protocol):
    """Reads guarantee letters (保函核验)."""

    def read(self, pdf: bytes) -> LetterReading:
        """Verify a letter's file offline: signature, changes after it, embedded data."""
        ...


class Clock(Protocol):
    """Time (时钟): turns the store's instant into the node's, and says when it can't be trusted."""

    def stamp(self, stored: datetime) -> datetime:
        """Return the node's instant for an instant of the store's clock. Stores call it; nobody else needs to."""
        ...

    @property
    def suspect(self) -> bool:
        """Whether wall clock and monotonic clock disagree: then nothing is accepted, opened or closed."""
        ...
