"""
Lateness measured (到期误差实测): how long after its minute a tender is opened by the node itself, while bids come in.

The clock is a sandbox that runs as fast as the real one. Each tender has three sealed bids and a deadline of its own;
all the while clients file commitments to another tender through the same sequencer, as they would over HTTP.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final, cast

from tradehall.adapters.clock import SandboxClock
from tradehall.bench.figures import Line, rounded
from tradehall.bench.hall import BEGIN, DEADLINE, HallError, announce, enrol, read
from tradehall.desk.accept import Door, Filing, Outcome
from tradehall.desk.sequencer import Sequencer
from tradehall.main import Node, Settings, build_node, due_runner
from tradehall_standards import strict

if TYPE_CHECKING:
    from tradehall.bench.hall import Hall
    from tradehall_standards import Catalogue

GOAL: Final = Decimal(10)
"""Milliseconds, of which 99 in 100 stay below."""

BIDDERS: Final = 3
CLIENTS: Final = 64
_APART: Final = timedelta(milliseconds=200)
_BEFORE: Final = timedelta(seconds=2)
_PATIENCE_SECONDS: Final = 60.0
_PER_OPENING: Final = 240
"""Commitments that are ready for each opening; about as many as can be filed in the time."""

_BIDDERS_FROM: Final = 1000
_PRICE: Final = 18_000_000


def lateness(catalogue: Catalogue, *, openings: int, folder: Path | None = None) -> list[Line]:
    """
    Let the node open tenders at their minutes, at rest and under load.

    Args:
        catalogue: see :func:`tradehall.bench.hall.hall`.
        openings: how many tenders in each.
        folder: where everything lies meanwhile.

    Raises:
        HallError: a tender was opened early, or not at all.
    """
    lines: list[Line] = []
    for what, clients in (("at rest", 0), (f"{CLIENTS} clients filing", CLIENTS)):
        with TemporaryDirectory(prefix="tradehall-bench-", dir=folder) as place:
            settings = Settings(data=Path(place) / "node", sandbox_start=BEGIN, sandbox_rate=1, decoys=0)
            node = build_node(settings, catalogue=catalogue)
            try:
                measured = _Measured(node, Path(place), openings, clients)
                begun, stood = measured.run()
            finally:
                node.close()
        name = f"{what}, {measured.filed:,} records meanwhile" if clients else what
        lines += [_line(f"{name}: the act begins", begun), _line(f"{name}: the opening stands", stood)]
        if measured.batches:
            limit = _late(measured.batches)
            lines.append(Line("lateness", f"p99, {name}: the limit, one batch under way", limit, "ms"))
    return lines


def _late(taken: Sequence[timedelta]) -> Decimal:
    ordered = sorted(taken)
    return rounded(Decimal(ordered[(len(ordered) * 99 + 99) // 100 - 1] // timedelta(microseconds=1)) / 1000)


def _line(what: str, taken: Sequence[timedelta]) -> Line:
    late = _late(taken)
    return Line("lateness", f"p99, {what}", late, "ms", goal=f"≤ {GOAL} ms", met=late <= GOAL)


class _Timed:
    """The door, with a note of how long each batch held it (计时受理)."""

    def __init__(self, door: Door, batches: list[timedelta]) -> None:
        self._door = door
        self._batches = batches

    def __getattr__(self, name: str) -> Any:
        return getattr(self._door, name)

    def accept_many(self, filings: Sequence[Filing]) -> list[Outcome]:
        begun = _machine_now()
        outcomes = self._door.accept_many(filings)
        self._batches.append(_machine_now() - begun)
        return outcomes


class _Measured:
    """Tenders that fall due one after another on a node (依次到期的项目)."""

    def __init__(self, node: Node, folder: Path, count: int, clients: int) -> None:
        first = datetime.fromisoformat(DEADLINE)
        self._node = node
        self._clients = clients
        self._due = [first + n * _APART for n in range(count)]
        self._halls = [announce(node, folder, _text(at)) for at in self._due]
        for held in self._halls:
            self._bid(held)
        self._other = announce(node, folder, _text(first + timedelta(days=1)))
        ready = self._other.commitments(count * _PER_OPENING if clients else 0)
        self._waiting = [read(strict.parse(sent)) for sent in ready]
        self.filed = 0
        self.batches: list[timedelta] = []
        self._begun: dict[str, datetime] = {}
        self._over = threading.Event()

    def _bid(self, held: Hall) -> None:
        parties = [enrol(self._node, _BIDDERS_FROM + n, f"示例投标人{n + 1}有限公司") for n in range(BIDDERS)]
        held.hand_in([held.seal(party, f"{_PRICE + n}.00") for n, party in enumerate(parties)])

    def run(self) -> tuple[list[timedelta], list[timedelta]]:
        """Return how late each act began, and how late each opening stood."""
        runner = due_runner(self._node)
        runner.acts = {kind: self._noted(act) for kind, act in runner.acts.items()}
        self._set_clock()
        load = threading.Thread(target=asyncio.run, args=(self._load(),), daemon=True)
        load.start()
        runner.start()
        if not self._over.wait(_PATIENCE_SECONDS):
            raise HallError("not every tender was opened")
        runner.stop()
        load.join()
        begun = [self._begun[h.tender] - at for h, at in zip(self._halls, self._due, strict=True)]
        stood = [self._opened(h) - at for h, at in zip(self._halls, self._due, strict=True)]
        if min(begun + stood) < timedelta(0):
            raise HallError("a tender was opened early")
        return begun, stood

    def _set_clock(self) -> None:
        if not isinstance(self._node.clock, SandboxClock):
            raise HallError("the clock is no sandbox")
        self._node.clock.advance(self._due[0] - _BEFORE, _machine_now())

    def _noted(self, act: Callable[[str], bool]) -> Callable[[str], bool]:
        def noted(case: str) -> bool:
            self._begun[case] = self._node.clock.stamp(_machine_now())
            done = act(case)
            if len(self._begun) == len(self._due):
                self._over.set()
            return done

        return noted

    def _opened(self, held: Hall) -> datetime:
        view = self._node.desk.look(held.tender)
        found = view.of("opening_start") if view else []
        if len(found) != 1:
            raise HallError(f"{len(found)} openings of one tender")
        return found[0].filed.at

    async def _load(self) -> None:
        sequencer = Sequencer(cast("Door", _Timed(self._node.door, self.batches)), self._node.witnessing)
        sequencer.start()
        await asyncio.gather(*(self._client(sequencer, str(n)) for n in range(self._clients)))
        await sequencer.stop()

    async def _client(self, sequencer: Sequencer, party: str) -> None:
        while self._waiting and not self._over.is_set():
            await sequencer.submit(Filing(self._waiting.pop()), party)
            self.filed += 1


def _text(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds")


def _machine_now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251  - the sandbox runs on this machine's clock
