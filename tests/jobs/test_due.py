"""
The node opens a tender at its minute by itself 到期自动开标, once, with or without others that do the same.

Time is simulated: nothing here waits.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tradehall.adapters.clock import SandboxClock
from tradehall.bench.hall import BEGIN, DEADLINE, Hall, hall, move, stands
from tradehall.desk.accept import Accepted
from tradehall.desk.ports import DueWork
from tradehall.jobs import due
from tradehall.jobs.due import AGAIN, Runner
from tradehall.main import Settings, build_context, build_node, due_runner
from tradehall_standards import Catalogue
from witnessed import City

AT = datetime.fromisoformat(DEADLINE)
SECOND = timedelta(seconds=1)


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue.load()


@pytest.fixture
def place(catalogue: Catalogue) -> Iterator[Hall]:
    with hall(catalogue) as made:
        yield made


def waiting(place: Hall) -> datetime | None:
    with place.node.store.read() as reading:
        return reading.next_due()


def at(place: Hall, moment: datetime) -> None:
    move(place.node, moment.isoformat())


def openings(place: Hall) -> list[Any]:
    view = place.node.desk.look(place.tender)
    assert view is not None
    return view.of("opening_start", "failed_tender")


class Waits:
    """Stands in for the thread's patience: waiting moves the sandbox instead."""

    def __init__(self, place: Hall) -> None:
        self.place, self.slept = place, list[float]()

    def is_set(self) -> bool:
        return False

    def wait(self, seconds: float) -> bool:
        self.slept.append(seconds)
        at(self.place, self.place.node.store.now() + timedelta(seconds=seconds))
        return False


def runner(place: Hall) -> tuple[Runner, Waits]:
    made, waits = due_runner(place.node), Waits(place)
    made._stop = waits  # type: ignore[assignment]
    return made, waits


def test_a_notice_puts_the_opening_where_it_waits(place: Hall) -> None:
    assert waiting(place) == AT


def test_the_runner_sleeps_until_the_very_instant_and_opens(place: Hall) -> None:
    made, waits = runner(place)
    at(place, AT - 20 * SECOND)
    assert made.look() == due.LOOK_SECONDS
    at(place, AT - due.AHEAD - SECOND / 2)
    assert made.look() == 0.5
    at(place, AT - 3 * SECOND)
    made.look()
    assert waits.slept == [3.0]
    (record,) = openings(place)
    assert (record.filed.at, record.record.author) == (AT, place.node.door.node.name)
    assert waiting(place) is None


def test_nobody_minds_that_it_was_opened_by_hand(place: Hall) -> None:
    place.open()
    before = [e.record.digest for e in openings(place)]
    runner(place)[0].look()
    assert [e.record.digest for e in openings(place)] == before
    assert waiting(place) is None


def test_two_processes_open_once(place: Hall) -> None:
    first, second = runner(place)[0], runner(place)[0]
    at(place, AT)
    first.look()
    second.look()
    assert len(openings(place)) == 1
    # And where both have it in hand, because one was slow beyond its lease:
    works = [DueWork("opening", place.tender, AT)]
    threads = [threading.Thread(target=r._do, args=works) for r in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(openings(place)) == 1


def test_what_cannot_be_done_yet_is_tried_again(place: Hall) -> None:
    made, _ = runner(place)
    tries: list[str] = []
    made.acts = {"opening": lambda case: tries.append(case) or False}  # type: ignore[dict-item]
    at(place, AT)
    made.look()
    assert (tries, waiting(place)) == ([place.tender], AT + AGAIN)
    assert made.look() == due.LOOK_SECONDS
    at(place, AT + AGAIN)
    made.acts = due_runner(place.node).acts
    made.look()
    assert len(openings(place)) == 1


def test_an_act_that_breaks_stops_nothing(place: Hall) -> None:
    made, _ = runner(place)

    def broken(_case: str) -> bool:
        raise OSError

    made.acts = {"opening": broken}
    at(place, AT)
    made.look()
    assert waiting(place) == AT + AGAIN


def test_a_moved_deadline_moves_the_opening_and_an_early_runner_is_refused(place: Hall) -> None:
    outcomes = place.node.opening.start(place.tender)
    assert [getattr(o, "code", "") for o in outcomes] == ["OPENING-EARLY"]
    later = AT + timedelta(days=3)
    with place.node.store.write() as writing:
        writing.put_due([DueWork("opening", place.tender, later)])
    assert waiting(place) == later


def test_a_runner_that_is_told_to_stop_gives_back_what_it_holds(place: Hall) -> None:
    made = due_runner(place.node)
    made._stop.set()
    at(place, AT - SECOND)
    made.look()
    assert waiting(place) == AT
    assert openings(place) == []


def test_a_witness_that_was_away_is_asked_again(place: Hall) -> None:
    city = City(away=True)
    city.watch(place.node)
    assert not place.node.witnessing.catch_up()
    assert not place.node.witnessing.catch_up()
    start = datetime.fromisoformat(BEGIN)
    assert waiting(place) == start + AGAIN
    city.away = False
    city.watch(place.node)
    at(place, start + AGAIN)
    runner(place)[0].look()
    assert waiting(place) == AT
    latest = city.store.latest(place.node.settings.origin)
    assert latest is not None
    with place.node.store.read() as reading:
        assert latest.size == reading.latest().size


def test_correctness_never_asks_whether_a_runner_ran(place: Hall) -> None:
    """No runner at all: a late bid is refused all the same, and people open."""
    at(place, AT)
    (late,) = place.commitments(1)
    from tradehall.bench.hall import read
    from tradehall.desk.accept import Filing
    from tradehall_standards import strict

    assert getattr(place.node.door.accept(Filing(read(strict.parse(late)))), "code", "") == "BID-LATE"
    assert stands(place.node.opening.start(place.tender))


def test_it_runs_with_the_served_node_and_a_real_clock_only(catalogue: Catalogue, tmp_path: Path) -> None:
    for settings, runs in (
        (Settings(data=tmp_path / "real"), True),
        (Settings(data=tmp_path / "off", due_work=False), False),
        (Settings(data=tmp_path / "sandbox", sandbox_start=BEGIN), False),
    ):
        node = build_node(settings, catalogue=catalogue)
        context = build_context(node)
        assert (context.due is not None) is runs
        node.close()


def test_the_thread_wakes_in_real_time(place: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one test that waits: a tenth of a second."""
    clock = place.node.clock
    assert isinstance(clock, SandboxClock)
    clock._rate = 1
    now = datetime.now(AT.tzinfo)
    clock.advance(AT - SECOND / 10, now)
    done = threading.Event()
    made = due_runner(place.node)
    act = made.acts["opening"]
    made.acts = {"opening": lambda case: (act(case), done.set())[0]}
    made.start()
    assert done.wait(10)
    made.stop()
    (record,) = openings(place)
    assert isinstance(place.node.door.find(record.record.digest), Accepted)
    assert AT <= record.filed.at < AT + SECOND
