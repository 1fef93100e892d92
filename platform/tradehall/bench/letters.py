"""Letters per second (保函吞吐): application to signed PDF/A-3b with a time stamp, end to end on one core."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter

from tradehall.adapters.issuers.sandbox import Application, SandboxIssuer


@dataclass(frozen=True, slots=True)
class LetterBench:
    """
    One measurement (测量结果).

    Attributes:
        per_second: letters issued per second of wall time, one after the other; the first, warming one is not counted.
        verified_per_second: the same letters through the public check.
        bytes_each: size of the last letter.
    """

    letters: int
    per_second: float
    verified_per_second: float
    bytes_each: int


def bench_letters(
    issuer: SandboxIssuer,
    application: Application,
    *,
    at: datetime,
    verify: Callable[[bytes], object],
    letters: int = 50,
) -> LetterBench:
    """Issue and verify ``letters`` letters with different numbers."""
    project, nonce = "测量项目", "0" * 32
    issuer.issue(application, number="B-0", project_name=project, nonce=nonce, at=at)
    begin = perf_counter()
    issued = [
        issuer.issue(application, number=f"B-{n}", project_name=project, nonce=nonce, at=at)[0] for n in range(letters)
    ]
    middle = perf_counter()
    for pdf in issued:
        verify(pdf)
    end = perf_counter()
    return LetterBench(letters, letters / (middle - begin), letters / (end - middle), len(issued[-1]))
