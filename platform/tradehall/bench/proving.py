"""
Proving measured (复核实测): how long anybody needs to check the opening of a large tender from its evidence file.

Processor time, of tenders of several sizes: what grows faster than the number of bidders shows.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from time import process_time_ns
from typing import TYPE_CHECKING, Final, TypeVar

from tradehall import verifier
from tradehall.bench.figures import NANOSECONDS, Line, rounded
from tradehall.bench.hall import HallError, enrol, hall, stands
from tradehall.kernel.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tradehall.bench.hall import Hall
    from tradehall_standards import Catalogue

_Made = TypeVar("_Made")
_BIDDERS_FROM: Final = 1000
_PRICE: Final = 18_000_000


LINEAR_MOST: Final = Decimal("1.1")
"""How much more than its share of bidders the largest tender may cost."""


def proving(
    catalogue: Catalogue, *, sizes: Sequence[int] = (25, 50, 100), most_seconds: int = 10, folder: Path | None = None
) -> list[Line]:
    """
    Run tenders from sealing to the opening record, export them and verify the files; one changed byte MUST be found.

    Args:
        catalogue: see :func:`tradehall.bench.hall.hall`.
        sizes: bidders of each tender, ascending; each hands in one real sealed bid and releases its key.
        most_seconds: what verifying the largest may take.
        folder: where everything lies meanwhile.

    Raises:
        HallError: the node refuses a step, the evidence does not verify, or it does although it was changed.
    """
    opened: dict[int, Decimal] = {}
    verified: dict[int, Decimal] = {}
    lines: list[Line] = []
    for bidders in sizes:
        opened[bidders], verified[bidders], checks, size = _prove(catalogue, bidders, folder)
        name = f"tender with {bidders} bidders"
        seconds = rounded(verified[bidders])
        lines += [
            Line("verify", f"{name}: bids disclosed", rounded(opened[bidders]), "cpu s"),
            Line(
                "verify",
                f"{name}: {checks:,} checks of {Decimal(size).scaleb(-6):.1f} MB",
                seconds,
                "cpu s",
                goal=f"≤ {most_seconds} s",
                met=seconds <= most_seconds,
            ),
        ]
    return lines + [
        _growth(what, taken, sizes[0], sizes[-1]) for what, taken in (("disclosed", opened), ("verified", verified))
    ]


def _growth(what: str, taken: Mapping[int, Decimal], few: int, many: int) -> Line:
    """Return the line that says whether many bidders cost more than their number."""
    grown, most = (taken[many] / taken[few]).quantize(Decimal("0.01")), LINEAR_MOST * many / few
    name = f"{many} bidders, {what}"
    ours, theirs = rounded(taken[many]), rounded(taken[few])
    return Line("verify", name, ours, "cpu s", f"{few} bidders", theirs, grown, f"≤ {most}×", grown <= most)


def _prove(catalogue: Catalogue, bidders: int, folder: Path | None) -> tuple[Decimal, Decimal, int, int]:
    """Return processor seconds of disclosing and of verifying, checks made, and bytes of evidence."""
    with hall(catalogue, folder=folder) as held:
        opened = _play(held, bidders)
        exported = held.node.exporter.export(held.tender)
        if isinstance(exported, Refusal):
            raise HallError(exported.reason.en)
        trusted = verifier.TrustedKeys([str(held.node.keys.node.log)], [])
        verifier.verify_bytes(exported, trusted_keys=trusted)  # the first run loads what the others find there
        report, seconds = _timed(lambda: verifier.verify_bytes(exported, trusted_keys=trusted))
        at = exported.index(b"accepted_at") + len(b'accepted_at":"2')
        changed = exported[:at] + bytes([exported[at] ^ 1]) + exported[at + 1 :]
        if verifier.verify_bytes(changed, trusted_keys=trusted).ok:
            raise HallError("evidence verifies although it was changed")
    if not report.ok:
        raise HallError(f"the evidence does not verify: {report.findings[0]}")
    return opened, seconds, sum(report.passed.values()), len(exported)


def _play(held: Hall, bidders: int) -> Decimal:
    """Hand in, open, disclose, close; returns processor seconds of disclosing, which unseals every bid."""
    parties = [enrol(held.node, _BIDDERS_FROM + n, f"示例投标人{n + 1}有限公司") for n in range(bidders)]
    sealed = [held.seal(party, f"{_PRICE + n}.00") for n, party in enumerate(parties)]
    held.hand_in(sealed)
    held.open()
    held.release(sealed)
    outcomes, seconds = _timed(lambda: held.node.opening.disclose(held.tender))
    if len(stands(outcomes)) != bidders:
        raise HallError("not every bid was disclosed")
    stands([held.node.opening.close(held.tender)])
    return seconds


def _timed(act: Callable[[], _Made]) -> tuple[_Made, Decimal]:
    start = process_time_ns()
    made = act()
    return made, Decimal(process_time_ns() - start) / NANOSECONDS
