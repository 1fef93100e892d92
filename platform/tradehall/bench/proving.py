"""
Proving measured (复核实测): how long anybody needs to check the opening of a large tender from its evidence file.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from time import perf_counter_ns
from typing import TYPE_CHECKING, Final, TypeVar

from tradehall import verifier
from tradehall.bench.figures import NANOSECONDS, Line, rounded
from tradehall.bench.hall import HallError, enrol, hall, stands
from tradehall.kernel.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradehall.bench.hall import Hall
    from tradehall_standards import Catalogue

_Made = TypeVar("_Made")
_BIDDERS_FROM: Final = 1000
_PRICE: Final = 18_000_000


def proving(
    catalogue: Catalogue, *, bidders: int = 100, most_seconds: int = 30, folder: Path | None = None
) -> list[Line]:
    """
    Run a tender with as many bidders from sealing to the opening record, export it and verify the file.

    Args:
        catalogue: see :func:`tradehall.bench.hall.hall`.
        bidders: each hands in one real sealed bid and releases its key.
        most_seconds: what verifying may take.
        folder: where everything lies meanwhile.

    Raises:
        HallError: the node refuses a step, or the evidence does not verify.
    """
    with hall(catalogue, folder=folder) as held:
        _, played = _timed(lambda: _play(held, bidders))
        exported, export_seconds = _timed(lambda: held.node.exporter.export(held.tender))
        if isinstance(exported, Refusal):
            raise HallError(exported.reason.en)
        trusted = verifier.TrustedKeys([str(held.node.keys.node.log)], [])
        report, seconds = _timed(lambda: verifier.verify_bytes(exported, trusted_keys=trusted))
    if not report.ok:
        raise HallError(f"the evidence does not verify: {report.findings[0]}")
    checks = sum(report.passed.values())
    name = f"tender with {bidders} bidders"
    return [
        Line("verify", f"{name}: sealed, handed in, opened", rounded(played), "s"),
        Line(
            "verify",
            f"{name}: evidence exported ({Decimal(len(exported)).scaleb(-6):.1f} MB)",
            rounded(export_seconds),
            "s",
        ),
        Line(
            "verify",
            f"{name}: {checks:,} checks",
            rounded(seconds),
            "s",
            goal=f"≤ {most_seconds} s",
            met=seconds <= most_seconds,
        ),
    ]


def _play(held: Hall, bidders: int) -> None:
    """Hand in, open, disclose, close."""
    parties = [enrol(held.node, _BIDDERS_FROM + n, f"示例投标人{n + 1}有限公司") for n in range(bidders)]
    sealed = [held.seal(party, f"{_PRICE + n}.00") for n, party in enumerate(parties)]
    held.hand_in(sealed)
    held.open()
    held.release(sealed)
    if len(stands(held.node.opening.disclose(held.tender))) != bidders:
        raise HallError("not every bid was disclosed")
    stands([held.node.opening.close(held.tender)])


def _timed(act: Callable[[], _Made]) -> tuple[_Made, Decimal]:
    start = perf_counter_ns()
    made = act()
    return made, Decimal(perf_counter_ns() - start) / NANOSECONDS
