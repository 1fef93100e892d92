"""
Watching measured (观看实测): how long events of one hall take to every watcher, beside a bare SSE loop.

Ours is ``tradehall serve`` as it stands: clarifications are filed over HTTP, judged, logged and pushed. The bare one
pushes the bytes it is sent to whoever is there. Both are asked in the same way: time runs from the request that files
an event to the last byte of it at each watcher. Everybody's events are compared with those filed, one by one.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, Final

import orjson
import uvicorn

from tradehall.adapters.identity.passwords import new_secret, secret_digest
from tradehall.bench.figures import Line, percentile
from tradehall.bench.hall import BEGIN, CHANCE, HallError, announce, enrol, wire
from tradehall.main import Settings, build_node
from tradehall.serving import listening

if TYPE_CHECKING:
    from tradehall_standards import Catalogue, Json

HOST: Final = "127.0.0.1"
P99_MOST_MS: Final = 100
BACKLOG: Final = 4096
_PATIENCE_S: Final = 60.0
_TRY_S: Final = 0.05
_SETTLE_S: Final = 1.0
_END_S: Final = 1.0
_EVENT: Final = b"event: record"
_CREATED: Final = 201
_TOGETHER: Final = 100
"""Watchers that connect at once."""

_LOSSY: Final = 7
"""The control's server leaves out every seventh event for one watcher."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What the watchers of one server saw (观看结果): nanoseconds of each event at each watcher, and gaps."""

    waits: Sequence[int]
    gaps: int


def watching(
    catalogue: Catalogue, *, watchers: int = 2000, rate: int = 20, seconds: int = 15, folder: Path | None = None
) -> list[Line]:
    """
    Let ``watchers`` follow one tender while ``rate`` events a second are filed to it, then the same bare.

    Args:
        catalogue: for building the tender; the server loads its own.
        watchers: connections that listen.
        rate: events a second.
        seconds: for how long.
        folder: where the database lies meanwhile.

    Raises:
        HallError: an event was refused, or the control's lost events were not found.
    """
    with TemporaryDirectory(prefix="tradehall-bench-", dir=folder) as place:
        asked = _prepare(catalogue, Path(place), rate * seconds)
        with _server([sys.executable, "-m", "tradehall", "serve"], Path(place)) as port:
            ours = asyncio.run(_watch(port, asked, watchers, rate))
    bare = _bare("bare", asked, watchers, rate)
    control = _bare("lossy", asked, _LOSSY, rate * seconds)
    if control.gaps != 1:
        raise HallError("the watcher who was told less was not found out")
    name = f"{watchers:,} watchers, {rate} events/s"
    p99, theirs = percentile(ours.waits, 99), percentile(bare.waits, 99)
    times = (p99 / theirs).quantize(Decimal("0.01"))
    most = f"≤ {P99_MOST_MS} ms"
    loop = "bare SSE loop"
    return [
        Line("watchers", f"{name}, p50", percentile(ours.waits, 50), "ms", loop, percentile(bare.waits, 50)),
        Line("watchers", f"{name}, p99", p99, "ms", loop, theirs, times, most, p99 <= P99_MOST_MS),
        Line(
            "watchers",
            f"{name}: watchers with a gap they were not told of",
            Decimal(ours.gaps),
            "watchers",
            goal="0",
            met=ours.gaps == 0,
            claimed=True,
        ),
    ]


def _bare(kind: str, asked: _Asked, watchers: int, rate: int) -> Seen:
    with _server([sys.executable, "-m", "tradehall.bench.watching", kind], None) as port:
        return asyncio.run(_watch(port, asked, watchers, rate))


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is sent (请求): one request for each event, and the one with which to watch."""

    events: Sequence[bytes]
    watch: bytes


def _prepare(catalogue: Catalogue, folder: Path, count: int) -> _Asked:
    """Announce a tender and sign clarifications; the server then opens the same folder."""
    node = build_node(_settings(folder), catalogue=catalogue)
    try:
        measured = announce(node, folder)
        tenderer = enrol(node, 1, "示例城市建设投资有限公司")
        token = new_secret("tht_", CHANCE)
        expires = node.store.now() + timedelta(days=1)
        node.directory.add_token("watching", secret_digest(token), tenderer.id, "bench", expires)
        bodies = [
            orjson.dumps(
                wire(
                    node,
                    measured.tender,
                    "clarification",
                    _clarification(number),
                    author=tenderer.id,
                    signer=tenderer.signer,
                )
            )
            for number in range(1, count + 1)
        ]
        with node.store.read() as reading:
            latest = reading.latest()
    finally:
        node.close()
    after = latest.size - 1 if latest else -1
    path = f"/api/v1/cases/{measured.tender}/events?after={after}"
    return _Asked([_post(body, token) for body in bodies], f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())


def _settings(folder: Path) -> Settings:
    return Settings(data=folder / "node", sandbox_start=BEGIN, sandbox_rate=0, decoys=0)


def _clarification(number: int) -> Mapping[str, Json]:
    return {
        "number": number,
        "answers": [],
        "text": ["更正联系电话（虚构）。"],
        "affects_preparation": False,
        "invalidates_bids": False,
    }


def _post(body: bytes, token: str) -> bytes:
    head = (
        f"POST /api/v1/records HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode("ascii") + body


# --- watching -------------------------------------------------------------------------------------------------


class _Watcher(asyncio.Protocol):
    """One watcher's connection (观看连接): when each event was there, and its id."""

    def __init__(self, request: bytes) -> None:
        self.seen: list[tuple[int, bytes]] = []
        self.started = False
        self._request = request
        self._rest = b""

    def connection_made(self, transport: Any) -> None:
        """Ask to watch."""
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Note the events that are whole."""
        self.started = True
        *whole, self._rest = (self._rest + data).split(b"\r\n\r\n")
        now = perf_counter_ns()
        self.seen += [
            (now, block[block.index(b"id: ") + 4 :].split(b"\r\n", 1)[0]) for block in whole if _EVENT in block
        ]


async def _watch(port: int, asked: _Asked, watchers: int, rate: int) -> Seen:
    """Connect everybody, file the events at their times, and compare what everybody saw with what was filed."""
    loop = asyncio.get_running_loop()
    crowd: list[tuple[asyncio.Transport, _Watcher]] = []
    for start in range(0, watchers, _TOGETHER):
        some = range(start, min(watchers, start + _TOGETHER))
        crowd += await asyncio.gather(
            *(loop.create_connection(lambda: _Watcher(asked.watch), HOST, port) for _ in some)
        )
    await _until(lambda: all(watcher.started for _, watcher in crowd))
    await asyncio.sleep(_SETTLE_S)
    sent, begun = list[int](), loop.time()
    reader, writer = await asyncio.open_connection(HOST, port)
    for number, request in enumerate(asked.events):
        await asyncio.sleep(begun + number / rate - loop.time())
        sent.append(perf_counter_ns())
        writer.write(request)
        await _answered(reader)
    writer.close()
    await _until(lambda: all(len(watcher.seen) >= len(sent) for _, watcher in crowd), at_most=2 * _SETTLE_S)
    for transport, _ in crowd:
        transport.close()
    ids = [tuple(name for _, name in watcher.seen) for _, watcher in crowd]
    filed = max(set(ids), key=lambda seen: (len(seen), ids.count(seen)))
    waits = [at - sent[place] for _, watcher in crowd for place, (at, _) in enumerate(watcher.seen[: len(sent)])]
    if len(filed) != len(sent) or not waits:
        raise HallError(f"{len(sent)} events were filed and {len(filed)} seen")
    return Seen(waits, sum(seen != filed for seen in ids))


async def _until(reached: Callable[[], bool], at_most: float = _PATIENCE_S) -> None:
    """Wait for something, but not longer than that."""
    end = asyncio.get_running_loop().time() + at_most
    while not reached() and asyncio.get_running_loop().time() < end:  # noqa: ASYNC110  - thousands of connections
        await asyncio.sleep(_TRY_S)


async def _answered(reader: asyncio.StreamReader) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    length = next(line for line in lines if line.startswith(b"content-length:"))
    body = await reader.readexactly(int(length.split(b":")[1]))
    if int(lines[0].split()[1]) != _CREATED:
        raise HallError(f"an event was refused: {body[:400].decode(errors='replace')}")


# --- the servers ----------------------------------------------------------------------------------------------


@contextmanager
def _server(command: Sequence[str], folder: Path | None) -> Generator[int]:
    """Run a server until it answers; yields its port."""
    with listening(HOST, 0) as free:
        port = int(free.getsockname()[1])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    if folder is not None:
        environment |= {
            "TRADEHALL_DATA": str(folder / "node"),
            "TRADEHALL_SANDBOX_START": BEGIN,
            "TRADEHALL_SANDBOX_RATE": "0",
            "TRADEHALL_DECOYS": "0",
        }
    with subprocess.Popen(  # noqa: S603  - our own program
        [*command, "--port", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment
    ) as child:
        try:
            asyncio.run(_listens(port))
            yield port
        finally:
            child.terminate()
            try:
                child.wait(_END_S)
            except subprocess.TimeoutExpired:  # the bare loop waits for watchers who are gone
                child.kill()


async def _listens(port: int) -> None:
    end = asyncio.get_running_loop().time() + _PATIENCE_S
    while True:
        try:
            _, writer = await asyncio.open_connection(HOST, port)
        except OSError as error:
            if asyncio.get_running_loop().time() > end:
                raise HallError("a server did not start") from error
            await asyncio.sleep(_TRY_S)
        else:
            writer.close()
            return


@dataclass(slots=True)
class Loop:
    """A bare ASGI application (裸推送): who asks by GET is sent what others POST."""

    lossy: bool
    told: int = 0
    queues: list[asyncio.Queue[bytes]] = field(default_factory=list["asyncio.Queue[bytes]"])

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return
        if scope["method"] == "POST":
            await self._tell(receive, send)
            return
        queue: asyncio.Queue[bytes] = asyncio.Queue()
        self.queues.append(queue)
        headers = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b": here\r\n\r\n", "more_body": True})
        while True:
            await send({"type": "http.response.body", "body": await queue.get(), "more_body": True})

    async def _tell(self, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        self.told += 1
        block = b"id: %d\r\nevent: record\r\ndata: %b\r\n\r\n" % (self.told, body[:_SENT])
        for place, queue in enumerate(self.queues):
            if not (self.lossy and place == 0 and self.told % _LOSSY == 0):
                queue.put_nowait(block)
        headers = [(b"content-length", b"2")]
        await send({"type": "http.response.start", "status": _CREATED, "headers": headers})
        await send({"type": "http.response.body", "body": b"{}"})


_SENT: Final = 300
"""Bytes of an event of the bare loop, about as many as ours has."""


def _serve(kind: str, port: int) -> None:
    config = uvicorn.Config(
        Loop(kind == "lossy"), host=HOST, port=port, log_level="critical", lifespan="off", backlog=BACKLOG
    )
    uvicorn.Server(config).run()


if __name__ == "__main__":
    _serve(sys.argv[1], int(sys.argv[-1]))
