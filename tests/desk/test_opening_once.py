"""An opening is held once, whoever else holds it at the same time: everybody is told of the same records."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from tradehall.bench.hall import OPENED, enrol, hall, move
from tradehall.desk.accept import Accepted, Outcome
from tradehall_standards import Catalogue

BIDDERS = 3
AT_ONCE = 6


def test_acts_of_the_opening_that_are_done_at_once_are_done_once(catalogue: Catalogue) -> None:
    with hall(catalogue) as made:
        bidders = [enrol(made.node, 20 + number, f"示例投标人{number}") for number in range(BIDDERS)]
        sealed = [made.seal(bidder, "18000000.00") for bidder in bidders]
        made.hand_in(sealed)
        move(made.node, OPENED)
        opening, tender = made.node.opening, made.tender
        started = _at_once(lambda: opening.start(tender))
        made.release(sealed)
        disclosed = _at_once(lambda: opening.disclose(tender))
        closed = _at_once(lambda: [opening.close(tender)])
        view = made.node.desk.look(tender)
        assert view is not None
        kept = {family: [e.record.digest for e in view.of(family)] for family in FAMILIES}
        assert [len(found) for found in kept.values()] == [1, BIDDERS, 1]
        assert started == [kept["opening_start"]] * AT_ONCE
        assert closed == [kept["opening_record"]] * AT_ONCE
        assert all(set(told) <= set(kept["bid_disclosure"]) for told in disclosed)
        assert [o.entry.record.digest for o in opening.start(tender) if isinstance(o, Accepted)] == started[0]


FAMILIES = ("opening_start", "bid_disclosure", "opening_record")


def _at_once(act: Callable[[], list[Outcome]]) -> list[list[str]]:
    """Do something in several threads; returns the digests that each was told of."""
    begin = Barrier(AT_ONCE)

    def one(_number: int) -> list[str]:
        begin.wait()
        outcomes = act()
        assert all(isinstance(o, Accepted) for o in outcomes), outcomes
        return [o.entry.record.digest for o in outcomes if isinstance(o, Accepted)]

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(one, range(AT_ONCE)))
