"""
Served nodes 运行中的节点: real nodes behind real servers in processes of their own, and plain calls to them.
"""

from __future__ import annotations

import asyncio
import json
import logging
import multiprocessing
import os
import threading
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog
import uvicorn

from torture import links, mutants
from torture.racing import CHANCE, catalogue
from tradehall.adapters.identity.passwords import new_secret, secret_digest
from tradehall.main import Node, Settings, build_context, build_node
from tradehall.serving import listening
from tradehall.web.app import build_app
from tradehall.web.site import HANDLERS as PAGES

HOST = "127.0.0.1"
PATIENCE_SECONDS = 60.0
_starting = threading.Lock()


@contextmanager
def serving(settings: Settings, count: int = 1, mutant: str = "") -> Iterator[list[int]]:
    """Serve a node in as many processes; yields their ports."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["torture.warm"])
    processes, ports = [], []
    try:
        for _ in range(count):
            ours, theirs = context.Pipe(duplex=False)
            process = context.Process(target=_serve, args=(settings, mutant, theirs), daemon=True)
            process.start()
            theirs.close()
            processes.append(process)
            port = ours.recv()
            if isinstance(port, Exception):
                raise port
            ports.append(port)
        yield ports
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.join(10)
            process.kill()


def _serve(settings: Settings, mutant: str, pipe: Any, address: tuple[str, int] = (HOST, 0), inside: str = "") -> None:
    try:
        if inside:
            links.enter(inside)
        logging.disable(logging.INFO)
        mutants.apply(mutant)
        structlog.configure(logger_factory=structlog.PrintLoggerFactory(Path(os.devnull).open("w")))  # noqa: SIM115
        node = build_node(settings, catalogue=catalogue())
        app = build_app(build_context(node), PAGES)
        ear = listening(*address)
    except BaseException:
        pipe.send(RuntimeError(traceback.format_exc()))
        raise
    pipe.send(ear.getsockname()[1])
    uvicorn.Server(uvicorn.Config(app, log_level="critical", access_log=False, backlog=4096)).run(sockets=[ear])
    node.close()


class Server:
    """One server at a fixed address in a network namespace: it can be killed and started again."""

    def __init__(self, settings: Settings, inside: str, port: int, mutant: str = "") -> None:
        self.settings, self.mutant = settings, mutant
        self._inside, self._port = inside, port
        self._process: Any = None

    def start(self, settings: Settings | None = None) -> None:
        """Start it and wait until it listens. Raises RuntimeError with what went wrong."""
        self.settings = settings or self.settings
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["torture.warm"])
        ours, theirs = context.Pipe(duplex=False)
        address = ("0.0.0.0", self._port)  # noqa: S104  - every address of its own namespace
        arguments = (self.settings, self.mutant, theirs, address, self._inside)
        self._process = context.Process(target=_serve, args=arguments, daemon=True)
        with _starting:
            self._process.start()
        theirs.close()
        port = ours.recv()
        if isinstance(port, Exception):
            raise port

    def kill(self) -> None:
        """End it without a word."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process = None


def token_of(node: Node, party: str) -> str:
    """Return an API token of a party."""
    made = new_secret("tht_", CHANCE)
    expires = node.store.now() + timedelta(days=1)
    node.directory.add_token(CHANCE(8).hex(), secret_digest(made), party, "torture", expires)
    return made


@dataclass(frozen=True)
class Reply:
    """What came back."""

    status: int
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The code of a problem, empty for anything else."""
        with suppress(ValueError, AttributeError):
            return str(self.json().get("code", ""))
        return ""


def request_of(method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> bytes:
    """Return a request as it is sent; the connection is for it alone."""
    sent = {
        "host": "hall.example",
        "connection": "close",
        "content-length": str(len(body)),
        "content-type": "application/json",
        **(headers or {}),
    }
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in sent.items()), "", ""]
    return "\r\n".join(lines).encode() + body


async def call(
    port: int, method: str, path: str, body: bytes = b"", *, headers: Mapping[str, str] | None = None
) -> Reply:
    """
    Send one request.

    Raises:
        OSError, EOFError, TimeoutError: the connection was refused, cut or fell silent; the answer is not known.
    """
    async with asyncio.timeout(PATIENCE_SECONDS):
        reader, writer = await asyncio.open_connection(HOST, port)
        try:
            writer.write(request_of(method, path, body, headers))
            await writer.drain()
            return await reply(reader)
        finally:
            writer.close()


async def reply(reader: asyncio.StreamReader) -> Reply:
    """Read a reply."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    length = next((int(line.partition(":")[2]) for line in head if line.lower().startswith("content-length:")), None)
    body = await reader.read() if length is None else await reader.readexactly(length)
    return Reply(int(head[0].split()[1]), body)
