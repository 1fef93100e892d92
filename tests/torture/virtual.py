"""
A world that a seed makes 仿真世界: an event loop with its own time, threads that are turns of that loop, a network that
delays, loses, doubles and cuts, and nodes that die at a commit. Nothing of it reads a clock, so one seed is one history.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import selectors
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import ContextVar
from typing import Any

TIMEOUT = 5.0
"""How long a caller waits for an answer, as the HTTP client of the program does."""


class Dead(BaseException):
    """The node died here; nothing after this line happened."""


class Stuck(BaseException):
    """Nothing is left that could ever happen, or it went on for too long."""


class _NoSelector(selectors.SelectSelector):
    loop: Loop

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise Stuck("nothing is left that could happen")
        self.loop.passed += max(0.0, timeout)
        if self.loop.passed > self.loop.end:
            raise Stuck(f"still going on after {self.loop.end:.0f} s")
        return []


class Loop(asyncio.SelectorEventLoop):
    """An event loop whose time passes only when nobody has anything to do; its threads take turns with it."""

    def __init__(self, rng: random.Random, end: float) -> None:
        selector = _NoSelector()
        selector.loop = self
        super().__init__(selector)
        self._clock_resolution = 1e-9
        self.rng, self.passed, self.end = rng, 0.0, end
        self.lines = 0
        self.trace = hashlib.sha256()
        self.faults: list[str] = []
        self.set_exception_handler(self._unhandled)
        self.set_task_factory(_task_of_a_life)

    def time(self) -> float:
        return self.passed

    def say(self, *what: object) -> None:
        """Add a line to the trace; nothing random that the seed does not make may stand in it."""
        self.lines += 1
        self.trace.update(f"{self.passed:.6f} {' '.join(map(str, what))}\n".encode())

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:  # type: ignore[override]  # noqa: ARG002  - the port of asyncio
        future: asyncio.Future[Any] = self.create_future()
        self.call_later(self.rng.uniform(0.0002, 0.004), self._work, LIFE.get(None), future, func, args)
        return future

    def _work(self, life: Life | None, future: asyncio.Future[Any], func: Callable[..., Any], args: Any) -> None:
        if life is not None and life.over:
            return
        try:
            result = func(*args)
        except Dead:
            assert life is not None
            life.end()
        except Exception as error:
            if not future.done():
                future.set_exception(error)
        else:
            if not future.done():
                future.set_result(result)

    def _unhandled(self, _loop: Any, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if not isinstance(error, asyncio.CancelledError | Dead):
            self.faults.append(f"{context.get('message')}: {error!r}")


class Life:
    """One life of a node, from a start to the next crash: its tasks die with it."""

    def __init__(self, ended: Callable[[], None]) -> None:
        self.over = False
        self._ended = ended
        self._tasks: dict[asyncio.Task[Any], None] = {}  # a set would end them in the order of their addresses

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        return self.run(lambda: asyncio.get_running_loop().create_task(work))

    def run(self, work: Callable[[], Any]) -> Any:
        """Call something in this life's name: tasks that it makes, and those that they make, are this life's."""
        token = LIFE.set(self)
        try:
            return work()
        finally:
            LIFE.reset(token)

    def keep(self, task: asyncio.Task[Any]) -> None:
        self._tasks[task] = None
        task.add_done_callback(lambda done: self._tasks.pop(done, None))

    def end(self) -> None:
        if not self.over:
            self.over = True
            for task in list(self._tasks):
                task.cancel()
            self._ended()


LIFE: ContextVar[Life | None] = ContextVar("LIFE", default=None)


def _task_of_a_life(loop: Any, work: Any, **more: Any) -> asyncio.Task[Any]:
    task = asyncio.Task(work, loop=loop, **more)
    life = LIFE.get(None)
    if life is not None:
        life.keep(task)
    return task


class Net:
    """The network between devices and nodes. After ``heal`` it only delays."""

    def __init__(self, loop: Loop, *, loss: float, double: float, slow: float) -> None:
        self.loop, self.loss, self.double, self.slow = loop, loss, double, slow
        self.cuts: set[tuple[str, str]] = set()

    def heal(self) -> None:
        self.loss = self.double = 0.0
        self.cuts.clear()

    def _arrives(self, source: str, target: str) -> bool:
        return (source, target) not in self.cuts and self.loop.rng.random() >= self.loss

    async def _travel(self) -> None:
        await asyncio.sleep(self.loop.rng.expovariate(1 / self.slow))

    async def call(self, source: str, target: Any, work: Callable[[], Awaitable[Any]]) -> Any:
        """Ask a node; None when the question or its answer was lost, or came too late."""
        try:
            async with asyncio.timeout(TIMEOUT):
                return await self._call(source, target, work)
        except TimeoutError:
            return None

    async def _call(self, source: str, target: Any, work: Callable[[], Awaitable[Any]]) -> Any:
        await self._travel()
        if not self._arrives(source, target.name) or target.life is None:
            await asyncio.sleep(2 * TIMEOUT)
        if self.loop.rng.random() < self.double:
            self.loop.call_later(self.loop.rng.expovariate(1 / self.slow), self._again, target, work)
        task = target.life.spawn(_quiet(work))
        try:
            answer = await asyncio.shield(task)
        except asyncio.CancelledError:
            if not task.cancelled():
                raise
            await asyncio.sleep(2 * TIMEOUT)  # the node died with the question
        await self._travel()
        if not self._arrives(target.name, source):
            await asyncio.sleep(2 * TIMEOUT)
        return answer

    def _again(self, target: Any, work: Callable[[], Awaitable[Any]]) -> None:
        if target.life is not None:
            target.life.spawn(_quiet(work))


async def _quiet(work: Callable[[], Awaitable[Any]]) -> Any:
    """Do something for a caller; one that failed gets no answer."""
    try:
        return await work()
    except Exception:
        return None
