"""
The sequencer (批处理): filings that arrive within a few milliseconds share one transaction.

One thread writes. Callers wait for their outcome; a failed write fails its whole batch and nothing of it is told.
"""

from __future__ import annotations

import asyncio
import contextlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tradehall.desk.accept import Accepted, Door, Filing, Outcome
from tradehall.desk.witnessing import Witnessing

if TYPE_CHECKING:
    from tradehall_standards import Json

WAIT_SECONDS = 0.005
BATCH_MAX = 256


class BatchFailed(Exception):  # noqa: N818  - says what happened
    """A batch could not be written (批次写入失败): nothing of it stands, or it stands and only the answer was lost; retry."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a caller gets (答复): the outcome, and the receipt of an accepted record."""

    outcome: Outcome
    receipt: dict[str, Json] | None


@dataclass(slots=True)
class Sequencer:
    """Gathers filings into batches (汇批)."""

    door: Door
    witnessing: Witnessing
    _queue: asyncio.Queue[tuple[Filing, asyncio.Future[Answer]]] = field(default_factory=lambda: asyncio.Queue(4096))
    _thread: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "sequencer"))
    _task: asyncio.Task[None] | None = None

    async def submit(self, filing: Filing) -> Answer:
        """File a record and wait for what became of it."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        await self._queue.put((filing, future))
        return await future

    def start(self) -> None:
        """Start taking filings; call inside the event loop."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Finish the batch at hand and stop."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        self._thread.shutdown(wait=True)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            batch = [await self._queue.get()]
            await asyncio.sleep(WAIT_SECONDS)
            while len(batch) < BATCH_MAX and not self._queue.empty():
                batch.append(self._queue.get_nowait())
            try:
                answers = await loop.run_in_executor(self._thread, self.settle, [filing for filing, _ in batch])
            except Exception as error:  # noqa: BLE001  - told to every caller of the batch, then the next batch goes on
                _fail(batch, error)
                continue
            for (_, future), answer in zip(batch, answers, strict=True):
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


def _fail(batch: list[tuple[Filing, asyncio.Future[Answer]]], error: Exception) -> None:
    for _, future in batch:
        if not future.done():
            failed = BatchFailed(type(error).__name__)
            failed.__cause__ = error
            future.set_exception(failed)
