"""
Serving measured (接口实测): filing bid commitments over HTTP on 64 connections, beside servers that do less.

Each server runs in a process of its own under uvicorn, all at once; only the one whose turn it is has anything to do.
Ours is the real application with login, roles, security headers and log lines. The others are bare ASGI functions
that gather batches as our sequencer does and settle them as :mod:`tradehall.bench.floor` says.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter_ns
from typing import Any, Final, cast

import orjson
import structlog
import uvicorn

from tradehall.adapters.identity.passwords import new_secret, secret_digest
from tradehall.bench.figures import NANOSECONDS, Line, Race, rounded
from tradehall.bench.floor import Bare, Floor
from tradehall.bench.hall import BEGIN, CHANCE, HallError, announce, enrol
from tradehall.bench.logs import nowhere
from tradehall.desk.sequencer import BATCH_MAX, WAIT_SECONDS
from tradehall.main import Settings, build_context, build_node
from tradehall.serving import listening
from tradehall.web.app import build_app
from tradehall.web.site import HANDLERS as PAGES
from tradehall_standards import Catalogue

HOST: Final = "127.0.0.1"
CONNECTIONS: Final = 64
DECOYS: Final = 128
BARE_LEAST: Final = Decimal("0.60")
P99_MOST_MS: Final = 25
_CREATED: Final = 201
_ACCOUNTS: Final = 8
_PARTIES_FROM: Final = 100
_KINDS: Final[tuple[str, ...]] = ("ours", "floor", "bare")
_TOKEN_LIFE: Final = timedelta(days=1)


def serving(
    catalogue: Catalogue,
    *,
    requests: int = 1024,
    rounds: int = 5,
    connections: int = CONNECTIONS,
    processes: int = 1,
    folder: Path | None = None,
) -> list[Line]:
    """
    File ``requests`` commitments a round at each server.

    Args:
        catalogue: for building the tender; the server loads its own.
        requests: of each round.
        rounds: rounds that count.
        connections: open at once, each with one request under way.
        processes: of each server, sharing its port.
        folder: where the databases lie meanwhile.
    """
    with TemporaryDirectory(prefix="tradehall-bench-", dir=folder) as place:
        bodies, tokens = _prepare(catalogue, Path(place), requests * (rounds + 1))
        with (
            _servers("ours", place, processes) as ours,
            _servers("floor", place, processes) as floor,
            _servers("bare", place, processes) as bare,
        ):
            ports: dict[str, int] = dict(zip(_KINDS, (ours, floor, bare), strict=True))
            rows = [bodies[i : i + requests] for i in range(0, len(bodies), requests)]
            found, waits = _rounds(ports, rows, tokens, connections)
    ninety_nine = _percentile(waits, 99)
    name = f"{connections} connections, {processes} process{'' if processes == 1 else 'es'}"
    rate, least = found.per_second("ours"), found.times("ours", "bare")
    plain, needed = found.per_second("bare"), found.per_second("floor")
    return [
        Line(
            "http", name, rate, "records/s", "bare ASGI + insert", plain, least, f"≥ {BARE_LEAST}", least >= BARE_LEAST
        ),
        Line("http", name, rate, "records/s", "the same + schema, signatures", needed, found.times("ours", "floor")),
        # What nobody can leave out who signs receipts for valid, signed records: the limit of the first line.
        Line("http", f"{name}: schema, signatures", needed, "records/s", "bare", plain, found.times("floor", "bare")),
        Line("http", f"{name}, p50", _percentile(waits, 50), "ms"),
        Line("http", f"{name}, p99", ninety_nine, "ms", goal=f"≤ {P99_MOST_MS} ms", met=ninety_nine <= P99_MOST_MS),
    ]


def _prepare(catalogue: Catalogue, folder: Path, count: int) -> tuple[list[bytes], list[str]]:
    """Announce a tender, sign commitments and log parties in; the server then opens the same folder."""
    node = build_node(_settings(folder), catalogue=catalogue)
    try:
        measured = announce(node, folder)
        bodies = measured.commitments(count)
        tokens = [new_secret("tht_", CHANCE) for _ in range(_ACCOUNTS)]
        for number, token in enumerate(tokens):
            party = enrol(node, _PARTIES_FROM + number, "示例投标人")
            expires = node.store.now() + _TOKEN_LIFE
            node.directory.add_token(f"k{number}", secret_digest(token), party.id, "bench", expires)
    finally:
        node.close()
    return bodies, tokens


def _settings(folder: Path) -> Settings:
    return Settings(data=folder / "node", sandbox_start=BEGIN, sandbox_rate=0, decoys=DECOYS)


@contextmanager
def _servers(kind: str, folder: str, processes: int) -> Generator[int]:
    """Run a server in processes of its own that share a port; yields the port."""
    with ExitStack() as stack:
        port = stack.enter_context(_server(kind, folder, 0))
        for _ in range(1, processes):
            stack.enter_context(_server(kind, folder, port))
        yield port


@contextmanager
def _server(kind: str, folder: str, port: int) -> Generator[int]:
    """Run one process of a server; yields its port, which the system picks for 0."""
    command = [sys.executable, "-m", "tradehall.bench.serving", kind, folder, str(port)]
    # Python finds this program as it was found here, also where it is not installed.
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, env=environment) as child:  # noqa: S603  - our own module
        try:
            line = child.stdout.readline() if child.stdout else b""
            if not line.strip().isdigit():
                raise HallError(f"the {kind} server did not start")
            yield int(line)
        finally:
            child.terminate()


# --- the client -----------------------------------------------------------------------------------------------


def _rounds(
    ports: dict[str, int], rows: Sequence[Sequence[bytes]], tokens: Sequence[str], connections: int
) -> tuple[Race, list[int]]:
    """Let each server take each row of bodies; the first row warms up. Returns also how long ours let each wait."""
    taken: dict[str, list[Decimal]] = {kind: [] for kind in ports}
    waits: list[int] = []
    for number, bodies in enumerate(rows):
        for kind in _KINDS[number % 3 :] + _KINDS[: number % 3]:
            spent, waited = asyncio.run(_fire(ports[kind], bodies, tokens, connections))
            if number:
                taken[kind].append(Decimal(spent) / NANOSECONDS / len(bodies))
                waits += waited if kind == "ours" else ()
    return Race(taken), waits


async def _fire(port: int, bodies: Sequence[bytes], tokens: Sequence[str], connections: int) -> tuple[int, list[int]]:
    """Send every body, each connection one after another; returns nanoseconds of all and of each."""
    waits: list[int] = []
    left = iter(enumerate(bodies))

    async def worker() -> None:
        async with _connection(port) as post:
            for number, body in left:
                head = _head(body, tokens[number % len(tokens)])
                begun = perf_counter_ns()
                status = await post(head + body)
                waits.append(perf_counter_ns() - begun)
                if status != _CREATED:
                    raise HallError(f"HTTP status {status}")

    start = perf_counter_ns()
    async with asyncio.TaskGroup() as group:
        for _ in range(connections):
            group.create_task(worker())
    return perf_counter_ns() - start, waits


def _head(body: bytes, token: str) -> bytes:
    return (
        f"POST /api/v1/records HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode("ascii")


@asynccontextmanager
async def _connection(port: int) -> AsyncGenerator[Callable[[bytes], Awaitable[int]]]:
    """Open a connection; yields what sends a request and returns the status of its answer."""
    reader, writer = await asyncio.open_connection(HOST, port)

    async def post(request: bytes) -> int:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        length = next(line for line in lines if line.lower().startswith(b"content-length:"))
        await reader.readexactly(int(length.split(b":")[1]))
        return int(lines[0].split()[1])

    try:
        yield post
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


def _percentile(waits: Sequence[int], percent: int) -> Decimal:
    """Return milliseconds below which ``percent`` of the waits lie."""
    ordered = sorted(waits)
    return rounded(Decimal(ordered[(len(ordered) - 1) * percent // 100]).scaleb(-6))


# --- the servers ----------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Gathering:
    """A bare ASGI application that settles what arrives together in one batch (裸应用)."""

    floor: Bare
    queue: asyncio.Queue[tuple[bytes, asyncio.Future[bytes]]] = field(default_factory=lambda: asyncio.Queue(4096))
    thread: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1))
    task: asyncio.Task[None] | None = None

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Serve one request, or the start and end of the program."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        await self.queue.put((body, future))
        answer = await future
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(answer)).encode())]
        await send({"type": "http.response.start", "status": _CREATED, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    async def _live(self, receive: Any, send: Any) -> None:
        await receive()
        self.task = asyncio.get_running_loop().create_task(self._run())
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self.task.cancel()
        await send({"type": "lifespan.shutdown.complete"})

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            batch = [await self.queue.get()]
            await asyncio.sleep(WAIT_SECONDS)
            while len(batch) < BATCH_MAX and not self.queue.empty():
                batch.append(self.queue.get_nowait())
            answers = await loop.run_in_executor(self.thread, self.floor.settle, [body for body, _ in batch])
            for (_, future), answer in zip(batch, answers, strict=True):
                future.set_result(answer)


def _application(kind: str, folder: Path) -> tuple[Any, Callable[[], None]]:
    """Return an ASGI application and what closes it."""
    if kind == "bare":
        bare = Bare(folder / "bare.db")
        return Gathering(bare), bare.close
    catalogue = Catalogue.load()
    if kind == "floor":
        version = catalogue.versions("bid_commitment")[-1]
        floor = Floor(folder / "floor.db", cast("dict[str, Any]", version.bundle))
        return Gathering(floor), floor.close
    quiet_log()
    node = build_node(_settings(folder), catalogue=catalogue)
    return build_app(build_context(node), PAGES), node.close


def quiet_log() -> None:
    """Make log lines as in production and throw them away: where they go is not what is measured."""
    structlog.configure(
        processors=[
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.JSONRenderer(serializer=orjson.dumps),
        ],
        logger_factory=structlog.BytesLoggerFactory(nowhere()),
    )


def _serve(kind: str, folder: Path, port: int) -> None:
    """Serve until the parent says to stop; the port goes to standard output once it listens."""
    app, close = _application(kind, folder)
    with listening(HOST, port) as ear:
        sys.stdout.write(f"{ear.getsockname()[1]}\n")
        sys.stdout.flush()
        try:
            uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False)).run(sockets=[ear])
        finally:
            close()


if __name__ == "__main__":
    _serve(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
