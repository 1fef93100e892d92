"""
Part: simulation 仿真. The real desk, procedures, sequencer, outbox and copies of three nodes on a seeded scheduler with a
simulated clock, disk and network; planted bugs show that what is forbidden would be seen.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from torture.harness import Part, Run, Said
from torture.planted import BUGS, Bug
from torture.simscenes import history
from torture.simworld import Prepared, prepare
from tradehall_standards import Catalogue

SEEDS = 1000
SEEDS_LONG = 100_000
TRIES = 1000
"""Seeds in which a planted bug must be found."""

AGAIN = 20
"""Histories that are told again in another process."""

SAMPLE_SECONDS = 40.0
"""Time of the short form for planted bugs, which the seed chooses."""

FOUND_SHARE = 0.95

_made: Prepared | None = None
"""Prepared before the workers are forked, so that they share it."""


def _history(task: tuple[int, str]) -> dict[str, Any]:
    assert _made is not None
    sim = history(_made, *task)
    return {
        "seed": task[0],
        "scenario": sim.scenario,
        "broken": sim.broken,
        "trace": sim.loop.trace.hexdigest(),
        "seconds": sim.loop.passed,
        "deaths": sum(n.deaths for n in sim.nodes),
        "receipts": len(sim.receipts),
        "custody": len(sim.custody),
    }


def _hunt(task: tuple[int, int, int]) -> tuple[str, int, str]:
    """
    Look for a planted bug from a seed on; returns its name, the seeds it took (0: not found), what found it.

    A history that breaks something also without the bug finds nothing: then the checks are at fault, or the program.
    """
    number, first, tries = task
    found: Bug = BUGS[number]
    assert _made is not None
    for nth in range(1, tries + 1):
        with pytest.MonkeyPatch.context() as patch:
            found.plant(patch)
            sim = history(_made, first + nth, found.scenario)
        if sim.broken:
            without = history(_made, first + nth, found.scenario).broken
            return (found.name, 0, f"also without it: {without[0]}") if without else (found.name, nth, sim.broken[0])
    return found.name, 0, ""


def run(run: Run) -> None:
    global _made  # noqa: PLW0603  - what the forked workers share
    _made = prepare(run.folder, Catalogue.load())
    gc.collect()
    gc.freeze()
    first = run.seed % 1_000_000_000
    with multiprocessing.get_context("fork").Pool(min(2, os.cpu_count() or 1)) as pool:
        begun = time.monotonic()
        traces = _seeds(run, pool, first)
        took = time.monotonic() - begun
        run.figure("histories a second, two workers", len(traces) / took, "1/s")
        _again(run, {seed: traces[seed] for seed in range(first, first + AGAIN)})
        _plant(run, pool, first)
    run.note(f"{len(BUGS)} bugs are planted in all; the short form looks for those that its seed and its time allow.")


def _again(run: Run, traces: dict[int, str]) -> None:
    """Tell histories again as another process would that knows nothing of this one: same seed, same trace."""
    told = subprocess.run(
        [sys.executable, "-m", "torture.simulation", str(min(traces)), str(len(traces))],
        env={**os.environ, "PYTHONHASHSEED": str(1 + run.seed % 1000)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    again = dict(line.split() for line in told.stdout.splitlines())
    same = sum(again.get(str(seed)) == trace for seed, trace in traces.items())
    run.count("histories told again in another process, with the same trace", same)
    others = [seed for seed, trace in traces.items() if again.get(str(seed)) != trace]
    run.holds(not others, f"same seed, other trace: {others} {told.stderr[-300:]}")


def _tell(first: int, count: int) -> None:
    """Print the trace of some histories."""
    global _made  # noqa: PLW0603  - what a history begins with
    with tempfile.TemporaryDirectory(prefix="th-torture-") as folder:
        _made = prepare(Path(folder), Catalogue.load())
        for seed in range(first, first + count):
            print(seed, _history((seed, ""))["trace"], flush=True)


def _told(run: Run, pool: Any, first: int) -> Iterable[dict[str, Any]]:
    """Tell histories: a fixed number in the short form, for most of its time in the long one."""
    until = run.left() * 0.4
    for begin in range(first, first + (SEEDS_LONG if run.long else SEEDS), SEEDS):
        yield from pool.imap_unordered(_history, [(begin + nth, "") for nth in range(SEEDS)], chunksize=5)
        if run.long and run.left() < until:
            return


def _seeds(run: Run, pool: Any, first: int) -> dict[int, str]:
    traces: dict[int, str] = {}
    for found in _told(run, pool, first):
        traces[found["seed"]] = found["trace"]
        run.count("histories")
        run.count(f"histories of {found['scenario']}")
        run.count("simulated seconds", int(found["seconds"]))
        run.count("crashes of a node", found["deaths"])
        run.count("receipts verified", found["receipts"])
        run.count("custody notes verified", found["custody"])
        for broken in found["broken"][:3]:
            run.breaks(f"seed {found['seed']} ({found['scenario']}): {broken}")
        if len(traces) % 5000 == 0:
            run.say(f"{len(traces)} histories")
    return traces


def _plant(run: Run, pool: Any, first: int) -> None:
    """Look for planted bugs: as many as time allows in the short form, all in the long one."""
    order = list(range(len(BUGS)))
    random.Random(run.seed).shuffle(order)
    begun, looked, found = time.monotonic(), 0, 0
    waiting: list[Any] = []
    while order or waiting:
        more = run.long or time.monotonic() - begun < SAMPLE_SECONDS
        while order and more and len(waiting) < 2:
            waiting.append(pool.apply_async(_hunt, ((order.pop(), first, TRIES),)))
        if not more:
            order.clear()
        if not waiting:
            break
        name, nth, how = waiting.pop(0).get()
        looked += 1
        found += nth > 0
        run.control(name, caught=nth > 0, how=f"history {nth}: {how}" if nth else f"not in {TRIES} histories")
    run.count("planted bugs looked for", looked)
    run.count("planted bugs found", found)
    run.holds(looked > 0 and found >= FOUND_SHARE * looked, f"{found} of {looked} planted bugs found")


PART = Part(
    name="simulation",
    title=Said("仿真", "Simulation"),
    promise=Said(
        "三个节点在任意延迟、丢失、重复、断网、崩溃下，回执不丢、截止不误、评分恰好计一次。",
        "Three nodes under any delay, loss, doubling, cut and crash: no receipt lost, no late bid, every score once.",
    ),
    cases=(3, 7, 8, 9, 12, 16, 36, 38, 39),
    run=run,
    short=85,
    weight=3,
)

if __name__ == "__main__":
    _tell(int(sys.argv[1]), int(sys.argv[2]))
