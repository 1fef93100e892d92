"""
The sequencer (批处理): filings that arrive within a few milliseconds share one transaction.

One thread writes, another has the batch witnessed and signs its receipts while the next one is written. Callers wait
for their outcome, each party in a lane of its own; a failed write fails its whole batch and nothing of it is told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from tradehall.desk.accept import Accepted, Door, Filing, Outcome
from tradehall.desk.fair import FairQueue
from tradehall.desk.witnessing import Witnessing

if TYPE_CHECKING:
    from tradehall_standards import Json

WAIT_SECONDS = 0.005
BATCH_MAX = 256
LANE_MAX = 256
"""Filings of one party that may wait; what comes on top is refused at once, and can be sent again."""


class BatchFailed(Exception):  # noqa: N818
    """A batch could not be written (批次写入失败): none of it stands, or only the answer was lost; retry."""


class LaneFull(Exception):  # noqa: N818
    """Too many filings of one party wait already (排队已满): nothing was taken; send it again a little later."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a caller gets (答复): the outcome, and the receipt of an accepted record."""

    outcome: Outcome
    receipt: dict[str, Json] | None


_Waiting: TypeAlias = "tuple[Filing, asyncio.Future[Answer]]"


@dataclass(slots=True)
class Sequencer:
    """Gathers filings into batches (汇批)."""

    door: Door
    witnessing: Witnessing
    heard: Callable[[], object] = object
    """Called in the event loop after each batch that was written."""
    _queue: FairQueue[_Waiting] = field(default_factory=FairQueue["_Waiting"])
    _wake: asyncio.Event | None = None
    _running: bool = False
    _writer: ThreadPoolExecutor | None = None
    _signer: ThreadPoolExecutor | None = None
    _task: asyncio.Task[None] | None = None
    _answering: set[asyncio.Task[None]] = field(default_factory=set["asyncio.Task[None]"])

    async def submit(self, filing: Filing, party: str = "") -> Answer:
        """
        File a record and wait for what became of it; ``party`` is whose lane it waits in.

        Raises:
            LaneFull: too many of this party's filings wait already.
            BatchFailed: the batch could not be written, or the sequencer does not run.
        """
        if not self._running or self._wake is None:
            raise BatchFailed("not running")
        if self._queue.waiting(party) >= LANE_MAX:
            raise LaneFull(party)
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._queue.put(party, (filing, future))
        self._wake.set()
        return await future

    def start(self) -> None:
        """Start taking filings; call inside the event loop."""
        self._running, self._wake = True, asyncio.Event()
        self._writer = ThreadPoolExecutor(1, "sequencer")
        self._signer = ThreadPoolExecutor(1, "receipts")
        self._task = asyncio.get_running_loop().create_task(self._run(self._wake, self._writer, self._signer))

    async def stop(self) -> None:
        """Settle what is waiting, then stop."""
        task, self._running = self._task, False
        if task is not None and self._wake is not None and self._writer is not None and self._signer is not None:
            self._wake.set()
            await task
            await asyncio.gather(*self._answering)
            self._writer.shutdown(wait=True)
            self._signer.shutdown(wait=True)

    async def _run(self, wake: asyncio.Event, writer: ThreadPoolExecutor, signer: ThreadPoolExecutor) -> None:
        loop = asyncio.get_running_loop()
        while self._running or self._queue:
            if not self._queue:
                wake.clear()
                await wake.wait()
                continue
            await asyncio.sleep(WAIT_SECONDS)
            waiting = self._queue.take(BATCH_MAX)
            filings: list[Filing] = [filing for filing, _ in waiting]
            try:
                outcomes = await loop.run_in_executor(writer, self.door.accept_many, filings)
            except Exception as error:  # noqa: BLE001  - told to every caller of the batch, then the next batch goes on
                _fail(waiting, error)
                continue
            self.heard()
            answering = loop.create_task(self._answer(waiting, outcomes, signer))
            self._answering.add(answering)
            answering.add_done_callback(self._answering.discard)

    async def _answer(self, waiting: list[_Waiting], outcomes: list[Outcome], signer: ThreadPoolExecutor) -> None:
        try:
            answers = await asyncio.get_running_loop().run_in_executor(signer, self._receipts, outcomes)
        except Exception as error:  # noqa: BLE001  - what was written stands; whoever asks again gets its receipt
            _fail(waiting, error)
            return
        for (_, future), answer in zip(waiting, answers, strict=True):
            if not future.done():
                future.set_result(answer)
        await asyncio.to_thread(self.door.decoys.write_files)

    def settle(self, filings: list[Filing]) -> list[Answer]:
        """Accept a batch, have it witnessed, and sign its receipts; all after the commit (落库后签发回执)."""
        answers = self._receipts(self.door.accept_many(filings))
        self.door.decoys.write_files()
        return answers

    def _receipts(self, outcomes: list[Outcome]) -> list[Answer]:
        fresh = next((o.batch for o in outcomes if isinstance(o, Accepted) and not o.repeated), None)
        if fresh is not None:
            self.witnessing.ask(fresh)
        with self.door.store.read() as reading:
            return [Answer(o, self.door.receipt(o, reading) if isinstance(o, Accepted) else None) for o in outcomes]


def _fail(batch: list[_Waiting], error: Exception) -> None:
    for _, future in batch:
        if not future.done():
            failed = BatchFailed(type(error).__name__)
            failed.__cause__ = error
            future.set_exception(failed)
