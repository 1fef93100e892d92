"""Leaving a witness alone 见证休息: one that can't be reached is not asked batch after batch."""

from __future__ import annotations

import httpx

from tradehall.adapters.log.witness import WitnessClient
from tradehall.adapters.witnesses import REST_SECONDS, HttpWitness
from tradehall.kernel import notes

KEY = notes.VerifierKey("deyang.example/witness", notes.COSIGNATURE, bytes(range(32)))


def asked(*, reachable: bool) -> list[int]:
    """Ask four times over six seconds; returns at which of them the network was used."""
    now, used = [100.0], list[int]()

    def handler(request: httpx.Request) -> httpx.Response:
        used.append(len(turns))
        if not reachable:
            raise httpx.ConnectError("no route", request=request)
        return httpx.Response(503)

    turns: list[int] = []
    with httpx.Client(transport=httpx.MockTransport(handler)) as client:
        witness = HttpWitness(WitnessClient(client, "http://deyang.example", KEY), lambda: now[0])
        for step in (0.0, 1.0, 1.0, REST_SECONDS):
            now[0] += step
            assert witness.cosign("checkpoint\n", 0, ()) is None
            turns.append(0)
    return used


def test_a_witness_that_cannot_be_reached_rests_and_is_asked_again() -> None:
    assert asked(reachable=False) == [0, 3]


def test_a_witness_that_answers_does_not_rest_whatever_it_says() -> None:
    assert asked(reachable=True) == [0, 1, 2, 3]
