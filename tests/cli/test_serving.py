"""Serving 运行节点: several processes that share a port and a database, and what happens when one of them ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

ENDS_WITHIN = 30.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def environment(folder: Path, **more: str) -> Mapping[str, str]:
    own = {k: v for k, v in os.environ.items() if not k.startswith("TRADEHALL_")}
    return {**own, "PYTHONPATH": os.pathsep.join(sys.path), "TRADEHALL_DATA": str(folder / "node"), **more}


@contextmanager
def served(folder: Path, port: int, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "tradehall", "serve", "--port", str(port), *options]
    with subprocess.Popen(command, env=environment(folder), stderr=subprocess.DEVNULL) as child:
        try:
            yield child
        finally:
            child.terminate()
            child.wait(ENDS_WITHIN)


def answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/login", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


def until(condition: object, seconds: float = ENDS_WITHIN) -> None:
    end = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.1)


def children(pid: int) -> list[int]:
    return [int(text) for text in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_a_worker_that_ends_is_replaced_and_all_end_together(tmp_path: Path) -> None:
    port = free_port()
    with served(tmp_path, port, "--workers", "2") as crew:
        until(lambda: answers(port))
        first = children(crew.pid)
        assert len(first) == 2
        os.kill(first[0], signal.SIGKILL)
        until(lambda: len(set(children(crew.pid)) - set(first)) == 1)
        until(lambda: all(answers(port) for _ in range(8)))
        last = children(crew.pid)
    assert crew.returncode == 0
    assert not any(Path(f"/proc/{pid}").exists() for pid in last)
    assert not answers(port)


def test_a_sandbox_clock_is_not_shared(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tradehall", "serve", "--port", str(free_port()), "--workers", "2"]
    sandbox = environment(tmp_path, TRADEHALL_SANDBOX_START="2026-03-02T09:00:00+08:00")
    done = subprocess.run(command, env=sandbox, capture_output=True, text=True, timeout=ENDS_WITHIN, check=False)
    assert (done.returncode, "sandbox" in done.stderr) == (2, True)


@pytest.mark.parametrize("workers", ["0", "65", "x"])
def test_a_wrong_number_of_workers_is_a_usage_error(tmp_path: Path, workers: str) -> None:
    command = [sys.executable, "-m", "tradehall", "serve", "--workers", workers]
    done = subprocess.run(command, env=environment(tmp_path), capture_output=True, timeout=ENDS_WITHIN, check=False)
    assert done.returncode == 2
