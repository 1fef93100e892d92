"""The same record twice in one batch: accepted once, and the second is told so."""

from __future__ import annotations

from tradehall.bench.hall import hall, read
from tradehall.desk.accept import Accepted, Filing
from tradehall_standards import Catalogue
from tradehall_standards.strict import parse


def test_a_record_that_comes_twice_in_one_batch_is_accepted_once(catalogue: Catalogue) -> None:
    with hall(catalogue) as made:
        record = read(parse(made.commitments(1)[0]))
        first, second = made.node.door.accept_many([Filing(record), Filing(record, ("party", "key"))])
        assert isinstance(first, Accepted)
        assert isinstance(second, Accepted)
        assert (first.repeated, second.repeated) == (False, True)
        assert (first.entry, first.batch) == (second.entry, second.batch)
