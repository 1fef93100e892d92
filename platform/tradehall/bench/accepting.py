"""
Accepting measured (受理实测): the whole path of a bid commitment through the door, in batches as the sequencer makes.

Ours is everything: strict parsing, signature, schema and rules, admission, sealing at rest, decoys, journal, log,
durable commit, signed receipt with proof.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, cast

from tradehall.bench.figures import Line, Race, Way, race
from tradehall.bench.floor import Bare, Floor
from tradehall.bench.hall import Hall, HallError, announce, hall, read
from tradehall.desk.accept import Accepted, Filing
from tradehall.desk.sequencer import Sequencer
from tradehall_standards import Catalogue, strict

DECOYS: Final = 128
"""As nodes run by default: one decoy a batch on average."""

FLOOR_LEAST: Final = Decimal("0.70")
GROWTH_MOST: Final = Decimal("1.2")
SMALL: Final = 20
LARGE: Final = 2000
_NOTICES: Final = 3
"""Records of a case before its first bid."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """Takes sent records in as the API does (受理入口)."""

    sequencer: Sequencer

    @classmethod
    def of(cls, measured: Hall) -> _Entry:
        return cls(Sequencer(measured.node.door, measured.node.witnessing))

    def settle(self, bodies: Sequence[bytes]) -> None:
        answers = self.sequencer.settle([Filing(read(strict.parse(body))) for body in bodies])
        for answer in answers:
            if not isinstance(answer.outcome, Accepted) or answer.receipt is None:
                raise HallError(str(answer.outcome))


def accepting(
    catalogue: Catalogue,
    *,
    sizes: Sequence[int] = (1, 16, 64),
    records: int = 192,
    rounds: int = 7,
    folder: Path | None = None,
) -> list[Line]:
    """
    Accept commitments in batches of each size, beside the floor and a bare insert of the same bytes and batches.

    Args:
        catalogue: see :func:`tradehall.bench.hall.hall`.
        sizes: sizes of batch.
        records: of each round, but two batches at least.
        rounds: rounds that count.
        folder: where the databases lie meanwhile.
    """
    lines: list[Line] = []
    for size in sizes:
        count = max(2 * size, records // (4 if size == 1 else 1))
        with hall(catalogue, decoys=DECOYS, folder=folder) as measured, TemporaryDirectory(dir=folder) as place:
            found = _against_floors(measured, Path(place), size, count, rounds)
        name, ours, least = f"batches of {size}", found.per_second("ours"), found.times("ours", "floor")
        lines += [
            Line(
                "accept", name, ours, "records/s", "bare insert", found.per_second("bare"), found.times("ours", "bare")
            ),
            Line(
                "accept",
                name,
                ours,
                "records/s",
                "floor: schema, signatures",
                found.per_second("floor"),
                least,
                f"≥ {FLOOR_LEAST}",
                least >= FLOOR_LEAST,
            ),
        ]
    return lines


def _against_floors(measured: Hall, folder: Path, size: int, count: int, rounds: int) -> Race:
    version = measured.node.door.catalogue.resolve("bid_commitment", measured.begun_on)
    if version is None:
        raise HallError("no standard for bid_commitment")
    entry = _Entry.of(measured)
    bodies: list[bytes] = []
    with (
        closing(Bare(folder / "bare.db")) as bare,
        closing(Floor(folder / "floor.db", cast("dict[str, Any]", version.bundle))) as floor,
    ):

        def setup() -> None:
            bodies[:] = measured.commitments(count)

        ways = {name: _turn(settle, bodies, size) for name, settle in _three(entry, floor, bare)}
        return race(ways, rounds, setup=setup)


def _three(entry: _Entry, floor: Floor, bare: Bare) -> Iterator[tuple[str, Callable[[Sequence[bytes]], object]]]:
    yield "ours", entry.settle
    yield "floor", floor.settle
    yield "bare", bare.settle


def _turn(settle: Callable[[Sequence[bytes]], object], bodies: Sequence[bytes], size: int) -> Way:
    def turn() -> int:
        for start in range(0, len(bodies), size):
            settle(bodies[start : start + size])
        return len(bodies)

    return turn


# --- growth ---------------------------------------------------------------------------------------------------


def growth(
    catalogue: Catalogue,
    *,
    small: int = SMALL,
    large: int = LARGE,
    batch: int = 16,
    rounds: int = 15,
    folder: Path | None = None,
    also: Callable[[Hall], object] | None = None,
) -> list[Line]:
    """
    Accept into a case with few records and into one with many; the cost MUST NOT grow with the case (受理成本增长).

    Cost is the processor time of the accepting thread: waiting for the disk has nothing to do with the case.

    Args:
        catalogue: see :func:`tradehall.bench.hall.hall`.
        small: records in the small case, which is a new one in each round.
        large: records in the large one before it grows by a batch a round.
        batch: records in one transaction.
        rounds: rounds that count.
        folder: where the database lies meanwhile.
        also: done with the case before each batch; a test re-reads all records here and must be found out.
    """
    with hall(catalogue, folder=folder) as full:
        entry = _Entry.of(full)
        for body in _batches(full.commitments(large - _NOTICES), 64):
            entry.settle(body)
        fresh: list[Hall] = []
        waiting: dict[str, list[bytes]] = {}

        def setup() -> None:
            fresh[:] = [announce(full.node, full.folder)]
            entry.settle(fresh[0].commitments(small - _NOTICES))
            waiting.update(small=fresh[0].commitments(batch), large=full.commitments(batch))

        def into(name: str) -> Way:
            def turn() -> int:
                if also is not None:
                    also(fresh[0] if name == "small" else full)
                entry.settle(waiting[name])
                return batch

            return turn

        found = race({"small": into("small"), "large": into("large")}, rounds, clock="cpu", setup=setup)
    grown = found.times("small", "large")
    return [
        Line(
            "growth",
            f"case of {large:,} records",
            found.microseconds("large"),
            "µs cpu/record",
            f"case of {small:,}",
            found.microseconds("small"),
            grown,
            f"≤ {GROWTH_MOST}×",
            grown <= GROWTH_MOST,
            claimed=True,
        )
    ]


def _batches(bodies: Sequence[bytes], size: int) -> Iterator[Sequence[bytes]]:
    for start in range(0, len(bodies), size):
        yield bodies[start : start + size]
