"""
The sequencer (批处理): filings that arrive within a few milliseconds share one transaction.

One thread writes. Callers wait for their outcome; a failed write fails its whole batch and nothing of it is told.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from tradehall.desk.accept import Accepted, Door, Filing, Outcome
from tradehall.desk.witnessing import Witnessing

if TYPE_CHECKING:
    from tradehall_standards import Json

WAIT_SECONDS = 0.005
BATCH_MAX = 256
QUEUE_MAX = 4096


class BatchFailed(Exception):  # noqa: N818
    """A batch could not be written (批次写入失败): none of it stands, or only the answer was lost; retry."""


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
    _queue: asyncio.Queue[_Waiting | None] | None = None
    _thread: ThreadPoolExecutor | None = None
    _task: asyncio.Task[None] | None = None

    async def submit(self, filing: Filing) -> Answer:
        """
        File a record and wait for what became of it.

        Raises:
            BatchFailed: the batch could not be written, or the sequencer does not run.
        """
        if self._queue is None:
            raise BatchFailed("not running")
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        await self._queue.put((filing, future))
        return await future

    def start(self) -> None:
        """Start taking filings; call inside the event loop."""
        self._queue = asyncio.Queue(QUEUE_MAX)
        self._thread = ThreadPoolExecutor(1, "sequencer")
        self._task = asyncio.get_running_loop().create_task(self._run(self._queue, self._thread))

    async def stop(self) -> None:
        """Settle what is waiting, then stop."""
        queue, task, thread = self._queue, self._task, self._thread
        self._queue = None
        if queue is not None and task is not None and thread is not None:
            await queue.put(None)
            await task
            thread.shutdown(wait=True)

    async def _run(self, queue: asyncio.Queue[_Waiting | None], thread: ThreadPoolExecutor) -> None:
        loop = asyncio.get_running_loop()
        going = True
        while going:
            batch = [await queue.get()]
            await asyncio.sleep(WAIT_SECONDS)
            while len(batch) < BATCH_MAX and not queue.empty():
                batch.append(queue.get_nowait())
            waiting = [item for item in batch if item is not None]
            going = len(waiting) == len(batch)
            if not waiting:
                return
            try:
                answers = await loop.run_in_executor(thread, self.settle, [filing for filing, _ in waiting])
            except Exception as error:  # noqa: BLE001  - told to every caller of the batch, then the next batch goes on
                _fail(waiting, error)
                continue
            for (_, future), answer in zip(waiting, answers, strict=True):
                if not future.done():
                    future.set_result(answer)

    def settle(self, filings: list[Filing]) -> list[Answer]:
        """Accept a batch, have it witnessed, and sign its receipts; all after the commit (落库后签发回执)."""
        outcomes = self.door.accept_many(filings)
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
