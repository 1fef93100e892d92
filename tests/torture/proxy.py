"""
A proxy that breaks connections 故障代理: between a client and a node, by seed, one request a connection.

What it does to a request is drawn by chance. The cruellest is ``CUT``: the node has committed and answered, and the
client never learns of it.
"""

from __future__ import annotations

import asyncio
import random
import socket
import struct
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum

HOST = "127.0.0.1"
DELAY_SECONDS = 0.03
RESET = struct.pack("ii", 1, 0)
"""SO_LINGER that makes a close a reset."""


class Fault(Enum):
    """What becomes of a request."""

    PASS = "passed on"
    DELAY = "passed on late"
    HALF = "half-closed by the client behind the request"
    LOSE = "cut before the node had it"
    BROKEN = "cut in the middle of the request"
    CUT = "cut between commit and answer"
    PART = "cut in the middle of the answer"
    RST = "reset between commit and answer"


KIND = (Fault.PASS, Fault.DELAY, Fault.HALF)
WEIGHTS = {
    Fault.PASS: 3,
    Fault.DELAY: 1,
    Fault.HALF: 1,
    Fault.LOSE: 1,
    Fault.BROKEN: 1,
    Fault.CUT: 4,
    Fault.PART: 1,
    Fault.RST: 2,
}


@dataclass
class Proxy:
    """Stands before one or more ports; each connection goes to one of them."""

    ports: Sequence[int]
    chance: random.Random
    done: Counter[Fault] = field(default_factory=Counter)
    port: int = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Proxy]:
        server = await asyncio.start_server(self._serve, HOST, 0, backlog=4096)
        self.port = server.sockets[0].getsockname()[1]
        async with server:
            yield self

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        (fault,) = self.chance.choices(list(WEIGHTS), list(WEIGHTS.values()))
        self.done[fault] += 1
        with suppress(OSError, EOFError):
            await self._pass(fault, reader, writer)
        if fault is Fault.RST:
            sock: socket.socket = writer.get_extra_info("socket")
            with suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            writer.transport.abort()
        writer.close()

    async def _pass(self, fault: Fault, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await _message(reader)
        if fault is Fault.LOSE:
            return
        if fault is Fault.DELAY:
            await asyncio.sleep(self.chance.random() * DELAY_SECONDS)
        node, to_node = await asyncio.open_connection(HOST, self.chance.choice(self.ports))
        try:
            to_node.write(request[: len(request) // 2] if fault is Fault.BROKEN else request)
            await to_node.drain()
            if fault is Fault.BROKEN:
                return
            if fault is Fault.HALF:
                to_node.write_eof()
            answer = await node.read()
            if fault in KIND:
                writer.write(answer)
            elif fault is Fault.PART:
                writer.write(answer[: self.chance.randrange(1, len(answer))])
            await writer.drain()
        finally:
            to_node.close()


async def _message(reader: asyncio.StreamReader) -> bytes:
    """Read a whole request."""
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.decode("latin-1").lower().split("\r\n")
    length = next((int(line.partition(":")[2]) for line in lines if line.startswith("content-length:")), 0)
    return head + await reader.readexactly(length)
