"""
Starting measured (启动实测): how long until the help is there, and until a node answers its first request.

Both as a user has them: a process of its own, byte code compiled before, keys and tables made by an earlier start.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from decimal import Decimal
from http.client import HTTPConnection
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter_ns, sleep
from typing import TYPE_CHECKING, Final

from tradehall.bench.figures import NANOSECONDS, Line, rounded
from tradehall.bench.hall import HallError

if TYPE_CHECKING:
    from collections.abc import Generator

HELP_MOST_MS: Final = 300
START_MOST_S: Final = 2
_HOST: Final = "127.0.0.1"
_PATIENCE_S: Final = 60
_TRY_SECONDS: Final = 0.01
_OK: Final = 200


def starting(*, rounds: int = 5, folder: Path | None = None) -> list[Line]:
    """Start the help and a node ``rounds`` times each; the first time warms up."""
    with TemporaryDirectory(prefix="tradehall-bench-", dir=folder) as place:
        environment = _environment(Path(place))
        helped = _median(rounds, lambda: _help(environment))
        served = _median(rounds, lambda: _first_answer(environment))
    milliseconds, seconds = rounded(helped * 1000), rounded(served)
    return [
        Line(
            "start",
            "tradehall --help",
            milliseconds,
            "ms",
            goal=f"≤ {HELP_MOST_MS} ms",
            met=milliseconds <= HELP_MOST_MS,
        ),
        Line(
            "start",
            "tradehall serve, to the first answer",
            seconds,
            "s",
            goal=f"≤ {START_MOST_S} s",
            met=seconds <= START_MOST_S,
        ),
    ]


def _environment(place: Path) -> Mapping[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {
        **kept,
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "PYTHONPYCACHEPREFIX": str(place / "code"),
        "TRADEHALL_DATA": str(place / "node"),
    }


def _median(rounds: int, act: Callable[[], Decimal]) -> Decimal:
    act()
    return median(act() for _ in range(rounds))


def _seconds_since(start: int) -> Decimal:
    return Decimal(perf_counter_ns() - start) / NANOSECONDS


def _help(environment: Mapping[str, str]) -> Decimal:
    start = perf_counter_ns()
    subprocess.run([*_PROGRAM, "--help"], check=True, stdout=subprocess.DEVNULL, env=environment)  # noqa: S603
    return _seconds_since(start)


_PROGRAM: Final = (sys.executable, "-m", "tradehall")


def _first_answer(environment: Mapping[str, str]) -> Decimal:
    with socket.socket() as free:
        free.bind((_HOST, 0))
        port = int(free.getsockname()[1])
    start = perf_counter_ns()
    with _running([*_PROGRAM, "serve", "--port", str(port)], environment) as server:
        while not _answers(port):
            if server.poll() is not None or _seconds_since(start) > _PATIENCE_S:
                raise HallError("the node did not start")
            sleep(_TRY_SECONDS)
        return _seconds_since(start)


@contextmanager
def _running(command: list[str], environment: Mapping[str, str]) -> Generator[subprocess.Popen[bytes]]:
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment) as child:  # noqa: S603  - our own program
        try:
            yield child
        finally:
            child.terminate()


def _answers(port: int) -> bool:
    connection = HTTPConnection(_HOST, port, timeout=_PATIENCE_S)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == _OK
    except ConnectionError:
        return False
    finally:
        connection.close()
