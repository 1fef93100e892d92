"""
Guarding (防护): comparisons in a worker process, so that no schema can hang, crash or fill the caller.

A pair gets five seconds and a bounded memory. Schemas that are too large or too deep are not even sent.
"""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import time
from collections.abc import Sequence
from types import TracebackType
from typing import IO, Final, Self, cast

from tradehall_standards.compat.comparing import MAX_SAMPLES, Comparison, refuse
from tradehall_standards.compat.dialects import LATEST, Draft, Formats, Schema
from tradehall_standards.compat.telling import comparison_from_json
from tradehall_standards.compat.values import Value

PAIR_SECONDS: Final = 5.0
START_SECONDS: Final = 60.0
MAX_BYTES: Final = 2 << 20
MAX_DEPTH: Final = 128
_CHUNK: Final = 1 << 16


class WorkerFailedError(RuntimeError):
    """The worker could not be started (比对进程无法启动)."""


class Comparer:
    """
    Compares pairs of schemas, one after the other, in one worker process (比对器).

    Use as a context manager; the process starts with the first pair and again after one that it did not survive.

    Args:
        seconds: what one pair may take.
    """

    def __init__(self, seconds: float = PAIR_SECONDS) -> None:
        self._seconds = seconds
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the worker."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()

    def compare(
        self,
        old: Schema,
        new: Schema,
        samples: Sequence[Value] = (),
        *,
        draft: Draft = LATEST,
        formats: Formats = "draft",
    ) -> Comparison:
        """
        Compare two schemas in both directions (比对).

        Args:
            old: the schema in force; of any draft from 4 to 2020-12.
            new: the draft.
            samples: real records, at most ``MAX_SAMPLES`` are used.
            draft: the dialect of schemas that name none in ``$schema``.
            formats: ``enforced`` where the records' engine checks ``format`` whatever the draft says.

        Returns:
            Both verdicts; ``unknown`` with a reason for whatever could not be decided. Never raises for a schema.

        Raises:
            WorkerFailedError: no worker could be started.
        """
        request = {"old": old, "new": new, "samples": [*samples[:MAX_SAMPLES]], "draft": draft, "formats": formats}
        if not all(is_bounded(value) for value in (old, new, *request["samples"])):  # type: ignore[misc]
            return refuse("limits")
        try:
            line = json.dumps(request, allow_nan=False).encode() + b"\n"
        except (ValueError, TypeError, RecursionError):
            return refuse("unreadable")
        if len(line) > 2 * MAX_BYTES + MAX_SAMPLES * _CHUNK:
            return refuse("limits")
        return self._ask(line)

    def _ask(self, line: bytes) -> Comparison:
        process = self._started()
        try:
            cast("IO[bytes]", process.stdin).write(line)
            cast("IO[bytes]", process.stdin).flush()
            answer = _read_line(process, self._seconds)
        except BrokenPipeError:
            answer = b""
        if answer is None or not answer.endswith(b"\n"):
            self.close()
            return refuse("time" if answer is None else "failed")
        return comparison_from_json(json.loads(answer))

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        self.close()
        process = self._process = subprocess.Popen(
            [sys.executable, "-m", "tradehall_standards.compat.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        )
        if _read_line(process, START_SECONDS) != b"ready\n":
            self.close()
            raise WorkerFailedError("the worker did not start")
        return process


def compare(
    old: Schema,
    new: Schema,
    samples: Sequence[Value] = (),
    *,
    draft: Draft = LATEST,
    formats: Formats = "draft",
) -> Comparison:
    """
    Compare two schemas in both directions, in a worker of its own (兼容性判定).

    See :meth:`Comparer.compare`; for many pairs use one :class:`Comparer`, whose worker starts only once.
    """
    with Comparer() as comparer:
        return comparer.compare(old, new, samples, draft=draft, formats=formats)


def is_bounded(value: Value) -> bool:
    """Tell whether a value is small and shallow enough to be looked at (规模检查); walks without recursion."""
    waiting: list[tuple[Value, int]] = [(value, 1)]
    seen = 0
    while waiting:
        item, depth = waiting.pop()
        seen += 1 + (len(item) if isinstance(item, str) else 0)
        if depth > MAX_DEPTH or seen > MAX_BYTES:
            return False
        if isinstance(item, dict):
            seen += sum(len(name) for name in item)
            waiting += [(inner, depth + 1) for inner in item.values()]
        elif isinstance(item, list):
            waiting += [(inner, depth + 1) for inner in item]
    return True


def _read_line(process: subprocess.Popen[bytes], seconds: float) -> bytes | None:
    """Return one line, what came before the end of the stream, or None when it takes too long."""
    end = time.monotonic() + seconds
    pipe = cast("IO[bytes]", process.stdout)
    parts: list[bytes] = []
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while True:
            left = end - time.monotonic()
            if left <= 0 or not selector.select(left):
                return None
            part = os.read(pipe.fileno(), _CHUNK)
            parts.append(part)
            if not part or part.endswith(b"\n"):
                return b"".join(parts)
