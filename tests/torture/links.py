"""
Links between network namespaces 网络命名空间之间的链路: two machines' worth of network on one, and what goes wrong with it.

Packets are dropped by the kernel's own filter, so connections behave as they do over a real line: they retransmit,
run out of time, or are forgotten by something in between.
"""

from __future__ import annotations

import ctypes
import itertools
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

HERE, THERE = "10.99.0.1", "10.99.0.2"
_CLONE_NEWNET = 0x40000000
_LIBC = ctypes.CDLL(None, use_errno=True)
_numbers = itertools.count()


class NotPermitted(Exception):
    """This machine or this user may not make network namespaces."""


def enter(name: str) -> None:
    """Move this thread into a namespace; what it opens and starts from now on is there."""
    with Path("/run/netns", name).open("rb") as file:
        _setns(file.fileno())


@contextmanager
def inside(name: str) -> Iterator[None]:
    """Let this thread open sockets in a namespace, and return."""
    with Path("/proc/thread-self/ns/net").open("rb") as own:
        enter(name)
        try:
            yield
        finally:
            _setns(own.fileno())


def _setns(file: int) -> None:
    if _LIBC.setns(file, _CLONE_NEWNET):
        raise NotPermitted(f"setns: {os.strerror(ctypes.get_errno())}")


def _do(*words: str) -> None:
    """Run a program of the system. Raises NotPermitted with what it says."""
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotPermitted(f"{' '.join(words)}: {done.stderr.strip() or done.returncode}")


class Link:
    """Two namespaces with one line between them: ``here`` has the address HERE, ``there`` THERE."""

    MANNERS = ("both", "out", "back", "reset", "loss", "flap")
    """Cut both ways, on the way from there, on the way back, refused, three of ten packets lost, held three of five
    times."""

    def __init__(self) -> None:
        name = f"th{os.getpid()}x{next(_numbers)}"
        self.here, self.there = f"{name}a", f"{name}b"
        self._made: list[str] = []
        self._flapping: threading.Thread | None = None
        self._steady = threading.Event()
        self._forgets = False

    def __enter__(self) -> Self:
        try:
            for name in (self.here, self.there):
                _do("ip", "netns", "add", name)
                self._made.append(name)
            _do(
                "ip",
                "link",
                "add",
                "line",
                "netns",
                self.here,
                "type",
                "veth",
                "peer",
                "name",
                "line",
                "netns",
                self.there,
            )
            for name, address in ((self.here, HERE), (self.there, THERE)):
                _do("ip", "-n", name, "addr", "add", f"{address}/24", "dev", "line")
                _do("ip", "-n", name, "link", "set", "line", "up")
                _do("ip", "-n", name, "link", "set", "lo", "up")
            self.cut("loss")  # so that a filter that is not there is missed now, not half-way
            self.mend()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stop_flapping()
        while self._made:
            subprocess.run(["ip", "netns", "del", self._made.pop()], capture_output=True, check=False)

    def _rule(self, *words: str) -> None:
        _do("ip", "netns", "exec", self.there, "iptables", "-w", *words)

    def cut(self, manner: str) -> None:
        """Spoil the line."""
        out, back = ("-A", "OUTPUT", "-d", HERE), ("-A", "INPUT", "-s", HERE)
        odds = ("-m", "statistic", "--mode", "random", "--probability", "0.3") if manner == "loss" else ()
        self._forgets = manner == "back"
        if manner == "reset":
            self._rule(*out, "-p", "tcp", "-j", "REJECT", "--reject-with", "tcp-reset")
            self._forget()
        if manner in ("both", "out", "loss"):
            self._rule(*out, *odds, "-j", "DROP")
        if manner in ("both", "back", "loss"):
            self._rule(*back, *odds, "-j", "DROP")
        if manner == "flap":
            self._steady.clear()
            self._flapping = threading.Thread(target=self._flap, daemon=True)
            self._flapping.start()

    def _flap(self) -> None:
        while not self._steady.wait(0.2):
            self._rule("-A", "OUTPUT", "-d", HERE, "-j", "DROP")
            self._steady.wait(0.3)
            self._rule("-F")

    def _stop_flapping(self) -> None:
        self._steady.set()
        if self._flapping is not None:
            self._flapping.join()
            self._flapping = None

    def _forget(self) -> None:
        """End the connections without a word to the other side, as something in between that starts again does."""
        subprocess.run(["ip", "netns", "exec", self.there, "ss", "-K", "dst", HERE], capture_output=True, check=False)

    def mend(self) -> None:
        """Let everything through again; an answer that was held back on a forgotten connection never comes."""
        self._stop_flapping()
        if self._forgets:
            self._forget()
            self._forgets = False
        self._rule("-F")
