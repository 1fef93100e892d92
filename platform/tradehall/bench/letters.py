"""Letters per second (保函吞吐): application to signed PDF/A-3b, end to end on one core, beside whole system fonts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from time import perf_counter

from tradehall.adapters.issuers.sandbox import Application, SandboxIssuer
from tradehall.adapters.pdf.render import Renderer


@dataclass(frozen=True, slots=True)
class LetterBench:
    """
    One measurement (测量结果), one letter after the other; a first, warming one is not counted.

    Attributes:
        per_second: letters issued per second of wall time.
        whole_fonts_per_second: the same with the installed fonts as they are.
        verified_per_second: the same letters through the public check.
        bytes_each: size of the last letter.
    """

    letters: int
    per_second: float
    whole_fonts_per_second: float
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
    """Issue ``letters`` letters with different numbers both ways, and verify them."""
    issued, per_second = _issue(issuer, application, at=at, letters=letters)
    whole = Renderer(cut_fonts=False)
    try:
        _, whole_per_second = _issue(replace(issuer, renderer=whole), application, at=at, letters=letters)
    finally:
        whole.close()
    begin = perf_counter()
    for pdf in issued:
        verify(pdf)
    return LetterBench(letters, per_second, whole_per_second, letters / (perf_counter() - begin), len(issued[-1]))


def _issue(issuer: SandboxIssuer, application: Application, *, at: datetime, letters: int) -> tuple[list[bytes], float]:
    def one(number: str) -> bytes:
        return issuer.issue(application, number=number, project_name="测量项目", nonce="0" * 32, at=at)[0]

    one("B-warm")
    begin = perf_counter()
    issued = [one(f"B-{n}") for n in range(letters)]
    return issued, letters / (perf_counter() - begin)
