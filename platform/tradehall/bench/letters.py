"""Letters per second (保函吞吐): application to signed PDF/A-3b, end to end on one core, beside whole system fonts."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import count

from tradehall.adapters.issuers.sandbox import Application, SandboxIssuer
from tradehall.adapters.pdf.render import Renderer
from tradehall.bench.figures import Race, race


@dataclass(frozen=True, slots=True)
class LetterBench:
    """
    One measurement (测量结果): letters issued one after the other by both, and checked.

    Attributes:
        race: ``ours``, ``plain`` (the same page by the same library with the installed fonts as they are) and
            ``verify``, the same letters through the public check.
        bytes_each: size of the last letter of ours.
    """

    race: Race
    bytes_each: int


def bench_letters(
    issuer: SandboxIssuer,
    application: Application,
    *,
    at: datetime,
    verify: Callable[[bytes], object],
    letters: int,
    rounds: int,
) -> LetterBench:
    """Issue ``letters`` letters a round both ways, each with a number of its own, and verify ours."""
    numbers = count(1)
    issued: list[bytes] = []

    def by(who: SandboxIssuer) -> list[bytes]:
        return [
            who.issue(application, number=f"B-{next(numbers)}", project_name="测量项目", nonce="0" * 32, at=at)[0]
            for _ in range(letters)
        ]

    def ours() -> int:
        issued[:] = by(issuer)
        return letters

    def check() -> int:
        for pdf in issued:
            verify(pdf)
        return letters

    ours()
    with closing(Renderer(cut_fonts=False)) as whole:
        plain = replace(issuer, renderer=whole)
        found = race({"ours": ours, "plain": lambda: len(by(plain)), "verify": check}, rounds)
    return LetterBench(found, len(issued[-1]))
