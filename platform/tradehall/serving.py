"""
Serving (运行节点): the web application in one process, or in several that share the port and the database.

Each process is a whole node: its own sequencer, its own connections. What must happen once is decided in the database,
so that processes need not know of one another; the kernel spreads connections among them. One that ends is started
again.
"""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from types import FrameType
from typing import Final

import structlog
import uvicorn

from tradehall.main import Settings, build_context, build_node
from tradehall.web.app import build_app
from tradehall.web.site import HANDLERS as PAGES

BACKLOG: Final = 4096
"""Connections that may wait to be taken: the last minute before a deadline brings thousands."""

PAUSE_SECONDS: Final = 1.0
"""Between two starts of a process that ends at once."""

_POLL_SECONDS: Final = 0.2


class NotShareable(ValueError):  # noqa: N818
    """These settings don't allow several processes (不能多进程运行)."""


def serve_alone(settings: Settings, host: str, port: int, *, log: str = "warning") -> None:
    """
    Serve in this process until told to stop (单进程).

    Raises:
        StoreUnavailable: the database must not be written, or a witness has cosigned another log.
    """
    node = build_node(settings)
    try:
        node.witnessing.vouch(silence=True)
        config = uvicorn.Config(
            build_app(build_context(node), PAGES), log_level=log, access_log=False, backlog=BACKLOG, server_header=False
        )
        with listening(host, port) as ear:
            uvicorn.Server(config).run(sockets=[ear])
    finally:
        node.close()


def listening(host: str, port: int) -> socket.socket:
    """Return a socket that listens where other processes of the node may listen too (共享端口)."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    ear = socket.socket(family)
    ear.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    ear.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    ear.bind((host, port))
    ear.listen(BACKLOG)
    return ear


def serve_together(settings: Settings, command: Sequence[str], workers: int) -> None:
    """
    Run a command in several processes until told to stop (多进程).

    Args:
        settings: of the node; keys and tables are made here first, so that the processes find them.
        command: what each process runs; it serves by :func:`serve_alone`.
        workers: how many.

    Raises:
        NotShareable: a sandbox clock is moved in one process only.
    """
    if settings.sandbox_start:
        raise NotShareable("a sandbox clock belongs to one process: leave out TRADEHALL_SANDBOX_START or --workers")
    build_node(settings).close()
    Crew(command, workers).run()


class Crew:
    """Processes that do the same work (工作进程组)."""

    def __init__(self, command: Sequence[str], workers: int) -> None:
        self._command = [*command]
        self._workers = workers
        self._ending = False

    def run(self) -> None:
        """Keep the processes running until SIGTERM or SIGINT; then end them."""
        before = {name: signal.signal(name, self._end) for name in (signal.SIGTERM, signal.SIGINT)}
        running = [self._start() for _ in range(self._workers)]
        try:
            while not self._ending:
                time.sleep(_POLL_SECONDS)
                running = [child if child.poll() is None else self._again(child) for child in running]
        finally:
            for child in running:
                child.terminate()
            for child in running:
                child.wait()
            for name, handler in before.items():
                signal.signal(name, handler)

    def _end(self, _number: int, _frame: FrameType | None) -> None:
        self._ending = True

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(self._command)  # noqa: S603  - this program again

    def _again(self, ended: subprocess.Popen[bytes]) -> subprocess.Popen[bytes]:
        if self._ending:
            return ended
        structlog.get_logger().error("worker ended", code=ended.returncode)
        time.sleep(PAUSE_SECONDS)
        return self._start()


def this_program() -> list[str]:
    """Return the command that starts this program again (本程序)."""
    return [sys.executable, "-m", "tradehall"]
