"""Clocks are judged without waiting for any."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta, timezone

import pytest

from adapters.making import START
from tradehall.adapters.clock import BLIND_TICKS, READING_MILLISECONDS, STEP_MILLISECONDS, SandboxClock, SystemClock

MS = 1_000_000
SECOND = timedelta(seconds=1)


class Machine:
    """A machine whose clocks move when told to."""

    def __init__(self, *, begun: bool = True) -> None:
        self.wall = 1_774_402_200_000 * MS
        self.steady = 5_000 * MS
        self.reading = 0
        self.broken = False
        self.clock = SystemClock(wall=self.read_wall, steady=lambda: self.steady)
        if begun:
            self.clock.tick()

    def read_wall(self) -> int:
        if self.broken:
            raise ConnectionError
        wall = self.wall
        self.pass_ms(self.reading)
        return wall

    def pass_ms(self, milliseconds: int, *, step: int = 0) -> None:
        self.wall += (milliseconds + step) * MS
        self.steady += milliseconds * MS

    def tick(self, milliseconds: int = 100, *, step: int = 0, times: int = 1) -> bool:
        for _ in range(times):
            self.pass_ms(milliseconds, step=step)
            self.clock.tick()
        return self.clock.suspect


@pytest.mark.parametrize(("wall", "steady"), [(100, 100), (150, 100), (50, 100), (0, 50), (10**9, 10**9 - 50)])
def test_clocks_that_agree_within_the_tolerance_are_trusted(wall: int, steady: int) -> None:
    clock = SystemClock()
    clock.compare(wall, steady)
    assert not clock.suspect


@pytest.mark.parametrize(
    ("wall", "steady"),
    [(151, 100), (49, 100), (-3_600_000, 100), (7_200_100, 100), (-86_400_000, 100), (1100, 100), (0, 51)],
    ids=["forward", "back", "an hour back", "two hours forward", "a day back", "leap second", "stood still"],
)
def test_a_step_either_way_is_suspect_for_good(wall: int, steady: int) -> None:
    clock = SystemClock()
    clock.compare(wall, steady)
    assert clock.suspect
    clock.compare(100, 100)
    assert clock.suspect, "only a restart makes it trusted again"


def test_a_quiet_machine_stays_trusted() -> None:
    machine = Machine()
    assert not machine.tick(times=1000)


def test_a_step_is_seen_at_the_next_tick() -> None:
    for step in (-3_600_000, -STEP_MILLISECONDS - 1, STEP_MILLISECONDS + 1, 7_200_000):
        machine = Machine()
        assert not machine.tick(times=3)
        assert machine.tick(step=step)


def test_many_small_steps_count_like_a_large_one() -> None:
    machine = Machine()
    assert not machine.tick(step=10, times=5)
    assert machine.tick(step=10)


def test_a_machine_that_stood_still_while_reading_is_not_taken_for_a_step() -> None:
    machine = Machine()
    machine.reading = 10 * STEP_MILLISECONDS
    assert not machine.tick()
    machine.reading = 0
    assert not machine.tick(), "the next reading shows that both moved alike"


@pytest.mark.parametrize("step", [-1000, 1000])
def test_a_slow_reading_does_not_hide_a_step_longer_than_itself(step: int) -> None:
    machine = Machine()
    machine.reading = 10 * READING_MILLISECONDS
    assert machine.tick(step=step)


def test_a_slow_reading_does_not_hide_a_step_within_it_for_long() -> None:
    machine = Machine()
    machine.reading = 10 * STEP_MILLISECONDS
    assert not machine.tick(step=2 * STEP_MILLISECONDS)
    machine.reading = 0
    assert machine.tick()


def test_a_step_is_told_to_whoever_asks_before_the_next_tick() -> None:
    machine = Machine()
    machine.pass_ms(1, step=-3_600_000)
    assert machine.clock.suspect


def test_a_clock_nobody_can_read_is_suspect_until_it_can_be_read() -> None:
    machine = Machine()
    machine.broken = True
    for _ in range(BLIND_TICKS):
        machine.clock.tick()
    assert machine.clock.suspect
    machine.broken = False
    assert not machine.clock.suspect


def test_a_slow_reading_is_no_beginning() -> None:
    machine = Machine(begun=False)
    machine.reading = READING_MILLISECONDS + 1
    for _ in range(BLIND_TICKS):
        machine.clock.tick()
    assert machine.clock.suspect
    machine.reading = 0
    assert not machine.clock.suspect
    assert machine.tick(step=STEP_MILLISECONDS + 1)


def test_the_ticker_reads_the_clock_it_is_given() -> None:
    read = threading.Event()
    steps = iter([0, 3_600_000 * MS])

    def wall() -> int:
        found = next(steps, 3_600_000 * MS)
        if found:
            read.set()
        return found

    clock = SystemClock()
    clock.start(wall)
    assert read.wait(timeout=30)
    clock.stop()
    assert clock.suspect


def test_an_instant_is_passed_on_as_utc() -> None:
    stamped = SystemClock().stamp(START.astimezone(timezone(timedelta(hours=8))))
    assert (stamped, stamped.utcoffset()) == (START, timedelta(0))


def test_a_sandbox_stands_still_until_it_is_advanced() -> None:
    clock = SandboxClock(START)
    assert clock.stamp(START + 99 * SECOND) == clock.stamp(START) == START
    assert clock.advance(START + SECOND, START) == START + SECOND
    assert clock.stamp(START + 99 * SECOND) == START + SECOND
    assert not clock.suspect


def test_a_sandbox_runs_at_its_rate_from_the_first_stamp() -> None:
    clock = SandboxClock(START, rate=60)
    real = START + timedelta(days=1000)
    assert clock.stamp(real) == START
    assert clock.stamp(real + SECOND) == START + 60 * SECOND
    assert clock.stamp(real - SECOND) == START, "it does not run back behind its beginning"


def test_a_sandbox_runs_from_an_origin() -> None:
    clock = SandboxClock(START, rate=1, origin=START - 10 * SECOND)
    assert clock.stamp(START) == START + 10 * SECOND


def test_a_sandbox_jumps_forward_and_runs_on_from_there() -> None:
    clock = SandboxClock(START, rate=2)
    clock.stamp(START)
    assert clock.advance(START + 100 * SECOND, START + SECOND) == START + 100 * SECOND
    assert clock.stamp(START + 3 * SECOND) == START + 104 * SECOND


@pytest.mark.parametrize("to", [START, START - SECOND, START + 5 * SECOND])
def test_a_sandbox_never_jumps_back(to: datetime) -> None:
    clock = SandboxClock(START, rate=1, origin=START)
    assert clock.advance(to, START + 5 * SECOND) == START + 5 * SECOND
    assert clock.stamp(START + 6 * SECOND) == START + 6 * SECOND
