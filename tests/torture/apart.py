"""
A process of its own 单独进程 for a part that forks: nothing else runs in it, so that its children start clean and quick.
"""

from __future__ import annotations

import gc
import multiprocessing
import traceback
from collections.abc import Callable
from functools import cache
from multiprocessing.connection import Connection
from typing import Any

from torture.harness import Run
from tradehall_standards import Catalogue

_TOLD = ("counts", "figures", "controls", "broken_count", "broken", "notes")


def apart(run: Run, body: Callable[[Run], None]) -> None:
    """Run a module's function in a fresh process, and take over what it reports."""
    ours, theirs = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("spawn").Process(target=_act, args=(theirs, run, body))
    process.start()
    theirs.close()
    try:
        told = ours.recv()
    except EOFError:
        run.breaks(f"{body.__module__} ended without a report")
        return
    finally:
        process.join()
        ours.close()
    for name in _TOLD:
        setattr(run, name, told[name])


def _act(report: Connection, run: Run, body: Callable[[Run], None]) -> None:
    catalogue()
    gc.freeze()
    try:
        body(run)
    except Exception:  # whatever went wrong is the report
        run.breaks(traceback.format_exc()[-1000:])
    report.send({name: getattr(run, name) for name in _TOLD})


@cache
def catalogue() -> Catalogue:
    """Return the published catalogue, loaded once for all children."""
    return Catalogue.load()


class Child:
    """A forked process that runs a function with a pipe to its parent; ``said`` and ``kill`` are all there is to it."""

    def __init__(self, function: Callable[..., None], *arguments: Any) -> None:
        self.pipe, theirs = multiprocessing.Pipe(duplex=False)
        self._process = multiprocessing.get_context("fork").Process(target=_tell, args=(function, theirs, arguments))
        self._process.start()
        theirs.close()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def said(self, seconds: float | None = None) -> Any:
        """Return what it says next, None when it is silent for so long; raises EOFError when it has ended."""
        try:
            return self.pipe.recv() if self.pipe.poll(seconds) else None
        except OSError as ended:  # killed in the middle of a message
            raise EOFError from ended

    def kill(self) -> None:
        """End it as the kernel would."""
        self._process.kill()

    def rest(self) -> list[Any]:
        """Wait for its end and return everything it said that was not read yet."""
        found = []
        try:
            while True:
                found.append(self.said())
        except EOFError:
            self._process.join()
            self.pipe.close()
        return found


def _tell(function: Callable[..., None], pipe: Connection, arguments: Any) -> None:
    try:
        function(pipe, *arguments)
    except BaseException:  # whatever went wrong is told
        pipe.send(("failed", traceback.format_exc()[-1500:]))
