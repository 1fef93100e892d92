"""
Stepped clocks 时钟跳变: a database server or a whole node on a clock that is set back or forward while it runs.

``libfaketime`` stands between the process and the machine's wall clock; its monotonic clock stays as it is.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from adapters.postgres import running
from torture import mutants
from torture.racing import CHANCE, Maker, NotInTime, Tender, catalogue, read, settings_of
from tradehall.desk.accept import Accepted, Filing, Outcome
from tradehall.kernel.case import write_instant
from tradehall.main import Node, Settings, build_node
from tradehall.rules import sealing

LIBRARY = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")
STEPS = (-86_400, 86_400, -3_600, 3_600, -1, 1)
"""Seconds, from a day back to a day forward."""

LATE_SECONDS = 0.15
AGAIN_SECONDS = 0.3
"""Three ticks: by then the ticker has seen it too."""


def wait_for(at: datetime) -> None:
    """Wait until an instant of the machine's clock."""
    left = at.timestamp() - time.time()
    if left > 0:
        time.sleep(left)


def pause(seconds: float) -> None:
    """Sleep, also where the library is: it breaks ``time.sleep``."""
    select.select([], [], [], max(0.0, seconds))


@dataclass
class Truth:
    """The time as it is, whatever the clock of this process says."""

    wall: float = field(default_factory=time.time)
    steady: float = field(default_factory=time.monotonic)

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.wall + time.monotonic() - self.steady, UTC)

    def wait(self, at: datetime) -> None:
        pause((at - self.now()).total_seconds())


def environment(control: Path) -> dict[str, str]:
    """Return what puts a process on a clock that ``step`` sets."""
    return {
        "LD_PRELOAD": str(LIBRARY),
        "FAKETIME_TIMESTAMP_FILE": str(control),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }


def step(control: Path, seconds: int) -> None:
    """Set the clock so many seconds off the truth; in one stroke, for it is read all the time."""
    made = control.with_suffix(".new")
    made.write_text(f"{seconds:+d}\n")
    made.chmod(0o644)
    made.replace(control)


@dataclass
class Stepping:
    """Steps a clock under a node in the last and the first moments around a deadline, and tells what broke."""

    settings: Settings
    control: Path
    truth: Truth = field(default_factory=Truth)
    broken: list[str] = field(default_factory=list)
    done: dict[str, int] = field(default_factory=dict)
    lead: float = 1.0

    def run(self) -> dict[str, Any]:
        for seconds in STEPS:
            step(self.control, 0)
            try:
                (self.back if seconds < 0 else self.forward)(seconds)
            except RuntimeError as stuck:  # a stamp from behind a step stayed, and now nothing goes on
                self.broken.append(f"{seconds:+d} s: {stuck}")
            self.count("clock steps")
            if self.broken:
                break
        return {"done": self.done, "broken": self.broken}

    def count(self, what: str) -> None:
        self.done[what] = self.done.get(what, 0) + 1

    @contextmanager
    def node(self) -> Iterator[Node]:
        made = build_node(self.settings, catalogue=catalogue())
        try:
            yield made
        finally:
            made.close()

    def tender(self, maker: Maker) -> tuple[Tender, bytes, bytes]:
        """Announce a tender with one bid in it, early enough; returns two more ciphertexts to hand in."""
        while True:
            deadline = self.truth.now() + timedelta(seconds=self.lead)
            deadline = deadline.replace(microsecond=0) + timedelta(seconds=1)
            try:
                (tender,) = maker.tenders([deadline])
                bids = [(maker.pen(tender, n), sealing.new_submission(CHANCE)) for n in range(3)]
                maker.file([pen.commitment(name) for pen, name in bids])
                first, second, third = (pen.ciphertext(name) for pen, name in bids)
                maker.file([first])
            except NotInTime:
                self.lead *= 2
                continue
            if self.truth.now() < deadline - timedelta(seconds=self.lead / 2):
                return tender, second, third
            self.lead *= 2

    def back(self, seconds: int) -> None:
        """Behind the deadline the clock goes back to before it: nothing may be accepted, then or at the next start."""
        with self.node() as node:
            tender, body, other = self.tender(Maker(node))
            self.truth.wait(tender.deadline + timedelta(seconds=LATE_SECONDS))
            step(self.control, seconds)
            self.refused(f"{seconds:+d} s, at once", file(node, body))
            pause(AGAIN_SECONDS)
            self.refused(f"{seconds:+d} s, later", file(node, other))
            self.not_opened_before(tender, f"{seconds:+d} s", node)
        with self.node() as node:
            if seconds < -1:
                self.refused(f"{seconds:+d} s, after a restart", file(node, body))
        step(self.control, 0)
        self.whole(tender, body, late=True)

    def forward(self, seconds: int) -> None:
        """Before the deadline the clock goes on to behind it: nothing may open or close, and no stamp may stay."""
        while True:
            with self.node() as node:
                tender, body, other = self.tender(Maker(node))
                if seconds == 1:
                    self.truth.wait(tender.deadline - timedelta(seconds=seconds / 2))
                step(self.control, seconds)
                before = self.truth.now() < tender.deadline - timedelta(seconds=0.1)
                opened = node.opening.start(tender.id)
                filed = file(node, body)
                step(self.control, 0)
            if before:
                break
            self.lead *= 2
        for outcome in opened:
            self.refused(f"{seconds:+d} s, an opening at once", outcome)
        self.refused(f"{seconds:+d} s, at once", filed)
        self.whole(tender, other, late=self.truth.now() >= tender.deadline - timedelta(seconds=0.5))

    def whole(self, tender: Tender, body: bytes, *, late: bool) -> None:
        """With the clock right again and the node restarted, all goes on as if nothing had been."""
        with self.node() as node:
            wanted = 1
            if not late:
                asked = self.truth.now()
                outcome = file(node, body)
                if self.truth.now() < tender.deadline and not isinstance(outcome, Accepted):
                    self.broken.append(f"refused in time: {outcome.code} {outcome.reason.en}")
                if isinstance(outcome, Accepted):
                    wanted += 1
                    if abs(outcome.entry.filed.at - asked) > self.truth.now() - asked + timedelta(seconds=1):
                        self.broken.append(f"stamped {outcome.entry.filed.at} at {asked}")
            self.truth.wait(tender.deadline + timedelta(seconds=0.02))
            opened = node.opening.start(tender.id)[0]
            if not isinstance(opened, Accepted):
                self.broken.append(f"not opened afterwards: {opened.code} {opened.reason.en}")
                return
            if late:
                self.refused("late with the right clock", file(node, body))
            self.count("tenders opened afterwards, each with what was accepted in time")
            lot: Any = opened.entry.record.payload["lots"][0]  # type: ignore[index, call-overload]
            if lot["count"] != wanted or opened.entry.filed.at < tender.deadline:
                self.broken.append(
                    f"opened at {write_instant(opened.entry.filed.at)} with {lot['count']}, not {wanted}"
                )

    def refused(self, when: str, outcome: Outcome) -> None:
        self.count("acts on a stepped clock")
        if isinstance(outcome, Accepted):
            entry = outcome.entry
            self.broken.append(
                f"{when}: {entry.record.family} accepted at {write_instant(entry.filed.at)}, "
                f"it was {write_instant(self.truth.now())}"
            )

    def not_opened_before(self, tender: Tender, when: str, node: Node) -> None:
        for outcome in node.opening.start(tender.id):
            self.refused(f"{when}, an opening", outcome)


def file(node: Node, body: bytes) -> Outcome:
    """File a record and return the answer."""
    return node.door.accept(Filing(read(body)))


def under_postgres(folder: Path) -> dict[str, Any]:
    """Step the clock of a PostgreSQL server; the node's own stays right."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)
    for parent in folder.parents:
        if parent.stat().st_uid == os.getuid() and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o055)
    control = folder / "clock"
    step(control, 0)
    with running(environment=environment(control)) as cluster, cluster.database("stepped") as url:
        return Stepping(settings_of(folder / "node", url), control).run()


def under_node(folder: Path) -> dict[str, Any]:
    """Step the clock of a whole node on SQLite, in a process of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    step(folder / "clock", 0)
    done = subprocess.run(
        [sys.executable, "-m", "torture.clocks", str(folder), mutants.applied()],
        env={**os.environ, **environment(folder / "clock"), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-1000:])
    found: dict[str, Any] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    place = Path(sys.argv[1])
    mutants.apply(sys.argv[2])
    print(json.dumps(Stepping(settings_of(place / "node"), place / "clock").run()))
