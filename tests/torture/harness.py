"""
What a part of the torture is 酷刑测试的一项, and what it reports.

A part runs the real program, counts what it did, says what broke, and switches a defence off to show that it would have
seen it: a negative control that is *not* caught fails the part, and so does a part without a control.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

BROKEN_MAX = 20
"""How many broken promises a report quotes; all of them are counted."""


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence in both languages."""

    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Part:
    """
    One part of the torture.

    Attributes:
        name: its name on the command line, in kebab case.
        title: a few words.
        promise: what must hold, in one sentence.
        cases: numbers of the fault cases (``cases.py``) that it shows.
        run: does it; anything it raises is a failure.
        needs: programs that must be on the PATH; the part fails where one is missing.
        short: seconds that the short form takes on two cores, about.
        weight: share of a long run's hours, against the weights of the others.
    """

    name: str
    title: Said
    promise: Said
    cases: tuple[int, ...]
    run: Callable[[Run], None]
    needs: tuple[str, ...] = ()
    short: int = 60
    weight: int = 1


@dataclass(slots=True)
class Run:
    """
    One run of a part: what it may use, and where it says what it saw.

    Attributes:
        seed: everything drawn by chance follows from it; printed and kept in the report.
        seconds: time allowed. A short run does a fixed amount of work and ignores it; a long one goes on until
            ``left()`` is used up.
        long: whether this is a long run.
        folder: an empty folder, removed afterwards.
    """

    part: Part
    seed: int
    seconds: float
    long: bool
    folder: Path
    counts: dict[str, int] = field(default_factory=dict)
    figures: list[dict[str, Any]] = field(default_factory=list)
    controls: list[dict[str, Any]] = field(default_factory=list)
    broken_count: int = 0
    broken: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    _begun: float = field(default_factory=time.monotonic)

    def of(self, short: int, long: int) -> int:
        """Return the amount of work for this run."""
        return long if self.long else short

    def left(self) -> float:
        """Return the seconds of a long run that are left."""
        return self.seconds - (time.monotonic() - self._begun)

    def say(self, text: str) -> None:
        """Show progress."""
        print(f"  [{self.part.name}] {text}", file=sys.stderr, flush=True)

    def count(self, what: str, by: int = 1) -> None:
        """Count what was done: ``cycles``, ``receipts verified``."""
        self.counts[what] = self.counts.get(what, 0) + by

    def figure(self, what: str, value: float, unit: str, *, most: float | None = None) -> None:
        """Report a measured figure; one above ``most`` is a broken promise."""
        kept = round(value, 3)
        self.figures.append({"what": what, "value": kept, "unit": unit, "most": most})
        if most is not None and value > most:
            self.breaks(f"{what}: {kept} {unit} > {most} {unit}")

    def breaks(self, what: str) -> None:
        """Say that a promise was broken, with all that is needed to see it again."""
        self.broken_count += 1
        if len(self.broken) < BROKEN_MAX:
            self.broken.append(what[:1000])

    def holds(self, condition: bool, what: str) -> None:
        """Say that a promise was broken unless a condition holds."""
        if not condition:
            self.breaks(what)

    def control(self, name: str, *, caught: bool, how: str) -> None:
        """Report a negative control: which defence was off, whether the checks saw it, and by what."""
        self.controls.append({"name": name, "caught": caught, "how": how[:300]})
        self.say(f"control {name}: {'caught' if caught else 'NOT CAUGHT'} ({how[:120]})")

    def note(self, text: str) -> None:
        """Leave a sentence for the reader of the page (English)."""
        self.notes.append(text)


@dataclass(frozen=True, slots=True)
class Report:
    """What a part reports."""

    part: str
    passed: bool
    seconds: float
    seed: int
    long: bool
    counts: Mapping[str, int]
    figures: Sequence[Mapping[str, Any]]
    controls: Sequence[Mapping[str, Any]]
    broken_count: int
    broken: Sequence[str]
    notes: Sequence[str]

    def to_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


def run_part(part: Part, *, seed: int, seconds: float, long: bool, folder: Path) -> Report:
    """Run a part; never raises but for an interrupt."""
    folder.mkdir(parents=True)
    run = Run(part, seed, seconds, long, folder)
    begun = time.monotonic()
    try:
        for program in part.needs:
            if shutil.which(program) is None:
                run.breaks(f"the program {program} is missing")
        if not run.broken:
            part.run(run)
            if not run.controls:
                run.breaks("the part has no negative control")
    except Exception:  # whatever went wrong is the report
        run.breaks(traceback.format_exc()[-1000:])
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    passed = run.broken_count == 0 and all(c["caught"] for c in run.controls)
    took = round(time.monotonic() - begun, 1)
    return Report(
        part.name,
        passed,
        took,
        seed,
        long,
        run.counts,
        run.figures,
        run.controls,
        run.broken_count,
        run.broken,
        run.notes,
    )


def dump(report: Report) -> str:
    """Return a report as JSON."""
    return json.dumps(report.to_json(), ensure_ascii=False, indent=1) + "\n"
