"""Watchers, search, middleware and start are measured small: each runs, and has what its goal is held against."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tradehall.bench import watching as watchers
from tradehall.bench.guarding import guarding
from tradehall.bench.hall import HallError
from tradehall.bench.searching import searching
from tradehall.bench.starting import starting
from tradehall_standards import Catalogue


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue.load()


@pytest.mark.slow
def test_every_event_reaches_every_watcher(catalogue, tmp_path):
    half, most, gaps = watchers.watching(catalogue, watchers=10, seconds=1, folder=tmp_path)
    assert half.ours <= most.ours
    assert (half.against, most.against) == ("bare SSE loop", "bare SSE loop")
    assert gaps.met
    assert not list(tmp_path.iterdir())


def test_a_loop_that_loses_events_is_found_out():
    post = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n1"
    asked = watchers._Asked([post] * 8, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert watchers._bare("lossy", asked, 3, 40).gaps == 1
    assert watchers._bare("bare", asked, 3, 40).gaps == 0


@pytest.mark.slow
def test_search_is_held_against_like(catalogue, tmp_path):
    lines = searching(catalogue, small=100, large=400, questions=24, folder=tmp_path)
    assert lines[-1].claimed
    assert lines[-1].met, lines[-1]


def test_the_way_to_a_handler_costs_more_than_the_handler(catalogue, tmp_path):
    lines = guarding(catalogue, requests=50, rounds=3, folder=tmp_path)
    assert [line.against for line in lines] == ["the bare handler"] * 2
    assert all(
        line.ratio is not None and 0 < line.ratio < Decimal("1.1") for line in lines
    )  # as much as a busy machine blurs


@pytest.mark.slow
def test_help_and_first_answer_are_timed(tmp_path):
    helped, served = starting(rounds=1, folder=tmp_path)
    assert (helped.unit, served.unit) == ("ms", "s")
    assert helped.ours > 0
    assert served.ours > 0
    assert not list(tmp_path.iterdir())


def test_a_server_that_does_not_start_is_said(monkeypatch):
    monkeypatch.setattr(watchers, "_PATIENCE_S", 0.1)
    with pytest.raises(HallError, match="did not start"), watchers._server(["false"], None):
        pass
