"""
The last minute measured (截标前一分钟实测): ten thousand bidders, one tender, more and more of them until the deadline.

Bids arrive on a plan that doesn't wait for answers, each over a connection of its own by an organisation of its own;
waiting counts from the planned instant. One organisation sends as fast as it is answered, over several connections, to
see whether the others wait for it. Behind the deadline some more bids are sent: every one of them must be refused.

The plain route gets the same plan: it stores the bytes in the same batches and asks nothing.
"""

from __future__ import annotations

import asyncio
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import uvicorn

from tradehall.adapters.clock import SandboxClock
from tradehall.adapters.identity.passwords import new_secret, secret_digest
from tradehall.bench.figures import Line, rounded
from tradehall.bench.floor import Bare
from tradehall.bench.hall import BEGIN, CHANCE, DEADLINE, HallError, announce, organisation
from tradehall.bench.serving import HOST, Gathering, quiet_log
from tradehall.main import Settings, build_context, build_node
from tradehall.serving import BACKLOG, listening
from tradehall.web.app import build_app
from tradehall.web.site import HANDLERS as PAGES
from tradehall_standards import Catalogue

GROWTH: Final = 0.1055
"""Arrivals grow by this share a second: ten thousand in a minute are then a thousand in its last second."""

GRACE_SECONDS: Final = 2.0
"""From the last planned bid to the deadline; nobody has more time than that to be answered."""

HOG_CONNECTIONS: Final = 4
HOG_SECONDS: Final = 10.0
WAIT_MOST_MS: Final = 300
FAIRNESS_LEAST: Final = Decimal("0.95")
_PATIENCE_SECONDS: Final = 30.0
_LATE: Final = 32
_WARM: Final = 64
_PARTIES_FROM: Final = 100
_LEAD_SECONDS: Final = 3.0
_CREATED: Final = 201
_CONFLICT: Final = 409


def plan(bidders: int, seconds: float) -> list[float]:
    """Return when each bid is sent, in seconds from the start (到达计划): their density grows exponentially."""
    scale = math.expm1(GROWTH * seconds)
    return [math.log1p((number + 0.5) / bidders * scale) / GROWTH for number in range(bidders)]


def peak(times: Sequence[float]) -> int:
    """Return how many bids are planned in the busiest second."""
    last = times[-1]
    return sum(1 for at in times if at > last - 1)


def fairness(shares: Sequence[float]) -> Decimal:
    """Return Jain's index of shares (公平指数): 1 when all got the same, 1/n when one got everything."""
    squares = sum(share * share for share in shares)
    return rounded(Decimal(sum(shares) ** 2 / (len(shares) * squares))) if squares else Decimal(0)


@dataclass(slots=True)
class Seen:
    """What became of one run (一轮结果)."""

    waits: list[float] = field(default_factory=list[float])
    statuses: dict[int, int] = field(default_factory=dict[int, int])
    unanswered: int = 0
    in_time: list[float] = field(default_factory=list[float])
    hog: int = 0
    late_refused: int = 0
    late_taken: int = 0

    def percentile(self, percent: float) -> Decimal:
        """Return milliseconds below which a share of the waits lie."""
        ordered = sorted(self.waits)
        return rounded(Decimal(ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] * 1000))


def rush(
    catalogue: Catalogue,
    *,
    bidders: int = 10_000,
    seconds: float = 60.0,
    processes: int = 2,
    folder: Path | None = None,
) -> list[Line]:
    """
    Let bidders crowd before a deadline, at ours and at a plain insert route.

    Args:
        catalogue: for building the tender; the servers load their own.
        bidders: how many.
        seconds: how long they take.
        processes: of each server, sharing its port.
        folder: where the databases lie meanwhile.
    """
    times = plan(bidders, seconds)
    with TemporaryDirectory(prefix="tradehall-rush-", dir=folder) as place:
        crowd = _prepare(catalogue, Path(place), bidders)
        ours = _run("ours", Path(place), processes, times, crowd)
        plain = _run("bare", Path(place), processes, times, crowd)
    name = f"{bidders:,} bidders, {peak(times):,} in the last second"
    against, fair = "plain insert route", fairness(ours.in_time)
    accepted = ours.statuses.get(_CREATED, 0)
    return [
        _waiting(f"{name}, p50", ours.percentile(50), plain.percentile(50)),
        _waiting(f"{name}, p99", ours.percentile(99), plain.percentile(99), WAIT_MOST_MS),
        _waiting(f"{name}, longest", ours.percentile(100), plain.percentile(100)),
        Line(
            "rush", "sent in time, not accepted", Decimal(bidders - accepted), "bids", goal="0", met=accepted == bidders
        ),
        Line(
            "rush",
            "unanswered",
            Decimal(ours.unanswered),
            "bids",
            against,
            Decimal(plain.unanswered),
            None,
            "0",
            ours.unanswered == 0,
        ),
        Line(
            "rush",
            f"sent after the deadline and taken (of {ours.late_taken + ours.late_refused})",
            Decimal(ours.late_taken),
            "bids",
            goal="0",
            met=ours.late_taken == 0 and ours.late_refused > 0,
            claimed=True,
        ),
        Line(
            "rush",
            f"fairness; one organisation sent {ours.hog:,} more",
            fair,
            "Jain's index",
            goal=f"≥ {FAIRNESS_LEAST}",
            met=fair >= FAIRNESS_LEAST,
        ),
    ]


def _waiting(what: str, ours: Decimal, theirs: Decimal, most: int | None = None) -> Line:
    ratio = rounded(ours / theirs) if theirs else None
    goal, met = (f"≤ {most} ms", ours <= most) if most is not None else ("", None)
    return Line("rush", what, ours, "ms", "plain insert route", theirs, ratio, goal, met)


# --- the crowd ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Crowd:
    """Signed bids and the tokens of those who send them (投标人群)."""

    warm: Sequence[bytes]
    bids: Sequence[bytes]
    tokens: Sequence[str]
    hog: Sequence[bytes]
    late: Sequence[bytes]


def _prepare(catalogue: Catalogue, folder: Path, bidders: int) -> Crowd:
    """Announce a tender, log organisations in and sign their bids; the server then opens the same folder."""
    node = build_node(_settings(folder), catalogue=catalogue)
    try:
        measured = announce(node, folder)
        tokens = [new_secret("tht_", CHANCE) for _ in range(bidders + 1)]
        expires = int((node.store.now() + timedelta(days=60)).timestamp() * 1000)
        parties = [organisation(_PARTIES_FROM + number) for number in range(bidders + 1)]
        with node.store.writer.begin() as connection:  # one by one they would take minutes
            connection.exec_driver_sql(
                "INSERT INTO party (id, name, roles, facts) VALUES (?, ?, '', '{}')",
                [(party, f"示例投标人{number}") for number, party in enumerate(parties)],
            )
            connection.exec_driver_sql(
                "INSERT INTO token (id, digest, party, label, expires) VALUES (?, ?, ?, 'bench', ?)",
                [(f"k{n}", secret_digest(t), p, expires) for n, (t, p) in enumerate(zip(tokens, parties, strict=True))],
            )
        hog = max(64, bidders // 5)
        made = iter(measured.commitments(_WARM + bidders + hog + _LATE))
    finally:
        node.close()
    warm, bids, more, late = ([*islice(made, count)] for count in (_WARM, bidders, hog, _LATE))
    return Crowd(warm, bids, tokens, more, late)


def _settings(folder: Path) -> Settings:
    return Settings(data=folder / "node", sandbox_start=BEGIN, sandbox_rate=1, decoys=128)


def _run(kind: str, folder: Path, processes: int, times: Sequence[float], crowd: Crowd) -> Seen:
    """Start the servers, let the crowd come, and count."""
    with ExitStack() as stack:
        servers = [stack.enter_context(_server(kind, folder)) for _ in range(processes)]
        for server in servers:
            _line(server)  # built: what takes seconds is over
        start = time.time() + _LEAD_SECONDS  # noqa: TID251  - the servers run on this machine's clock
        deadline = start + times[-1] + GRACE_SECONDS
        port = 0
        for server in servers:
            _tell(server, f"{port} {deadline}")
            port = int(_line(server))
        return asyncio.run(_crowd(port, start, deadline, times, crowd))


async def _crowd(port: int, start: float, deadline: float, times: Sequence[float], crowd: Crowd) -> Seen:
    seen, loop = Seen(), asyncio.get_running_loop()
    begin = loop.time() + start - time.time()  # noqa: TID251  - see _run
    end = begin + times[-1]
    # Programs and caches are warm a minute before a deadline.
    await asyncio.gather(*(_post(port, body, crowd.tokens[-1]) for body in crowd.warm))

    async def bid(at: float, body: bytes, token: str) -> None:
        await asyncio.sleep(at - loop.time())
        status = await _post(port, body, token)
        waited = loop.time() - at
        seen.statuses[status] = seen.statuses.get(status, 0) + 1
        seen.unanswered += not status
        seen.waits.append(waited)
        seen.in_time.append(float(waited * 1000 <= WAIT_MOST_MS))

    async def hog(bodies: Sequence[bytes]) -> None:
        await asyncio.sleep(end - HOG_SECONDS - loop.time())
        for body in bodies:
            if loop.time() > end:
                return
            seen.hog += await _post(port, body, crowd.tokens[-1]) == _CREATED

    async def late(body: bytes, token: str) -> None:
        await asyncio.sleep(begin + deadline - start + 0.005 - loop.time())
        status = await _post(port, body, token)
        seen.late_taken += status == _CREATED
        seen.late_refused += status == _CONFLICT

    async with asyncio.TaskGroup() as group:
        for at, body, token in zip(times, crowd.bids, crowd.tokens, strict=False):
            group.create_task(bid(begin + at, body, token))
        for number in range(HOG_CONNECTIONS):
            group.create_task(hog(crowd.hog[number::HOG_CONNECTIONS]))
        for body, token in zip(crowd.late, crowd.tokens, strict=False):
            group.create_task(late(body, token))
    return seen


async def _post(port: int, body: bytes, token: str) -> int:
    """Send one bid over a connection of its own; returns the status, 0 where no answer came."""
    with suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
        async with asyncio.timeout(_PATIENCE_SECONDS):
            reader, writer = await asyncio.open_connection(HOST, port)
            try:
                writer.write(_head(body, token) + body)
                line = await reader.readuntil(b"\r\n")
                await reader.read()
                return int(line.split()[1])
            finally:
                writer.close()
    return 0


def _head(body: bytes, token: str) -> bytes:
    return (
        f"POST /api/v1/records HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode("ascii")


# --- the servers ----------------------------------------------------------------------------------------------


@contextmanager
def _server(kind: str, folder: Path) -> Generator[subprocess.Popen[bytes]]:
    """Run one process of a server; it says when it is built, and begins when it is told where and until when."""
    command = [sys.executable, "-m", "tradehall.bench.rush", kind, str(folder)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, env=environment) as child:  # noqa: S603  - our own module
        try:
            yield child
        finally:
            child.terminate()


def _line(child: subprocess.Popen[bytes]) -> str:
    line = child.stdout.readline().decode() if child.stdout else ""
    if not line:
        raise HallError("a server did not start")
    return line.strip()


def _tell(child: subprocess.Popen[bytes], line: str) -> None:
    if child.stdin:
        child.stdin.write(f"{line}\n".encode())
        child.stdin.flush()


def _application(kind: str, folder: Path) -> tuple[Any, Callable[[float], None], Callable[[], None]]:
    """Return an application, what sets the instant of its deadline, and what closes it."""
    if kind == "bare":
        bare = Bare(folder / "bare.db")
        return Gathering(bare), lambda _: None, bare.close
    quiet_log()
    node = build_node(_settings(folder), catalogue=Catalogue.load())
    clock, ahead = node.clock, timedelta(minutes=10)
    if not isinstance(clock, SandboxClock):
        raise HallError("the clock is no sandbox")

    def meet(deadline: float) -> None:
        clock.advance(datetime.fromisoformat(DEADLINE) - ahead, datetime.fromtimestamp(deadline, UTC) - ahead)

    return build_app(build_context(node), PAGES), meet, node.close


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _serve(kind: str, folder: Path) -> None:
    app, meet, close = _application(kind, folder)
    _say("built")
    port, deadline = sys.stdin.readline().split()
    meet(float(deadline))
    with listening(HOST, int(port)) as ear:
        _say(str(ear.getsockname()[1]))
        try:
            config = uvicorn.Config(app, log_level="warning", access_log=False, backlog=BACKLOG)
            uvicorn.Server(config).run(sockets=[ear])
        finally:
            close()


if __name__ == "__main__":
    _serve(sys.argv[1], Path(sys.argv[2]))
