"""What makes accepting cheap, held to: nothing listed, nothing looked up in vain, nothing sealed or signed twice."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tradehall.bench.hall import Hall, enrol, hall, read
from tradehall.desk.accept import Accepted, Filing
from tradehall.desk.cloak import Cloak
from tradehall.desk.journal import JournalFacts
from tradehall.desk.sequencer import Sequencer
from tradehall_standards import Catalogue, strict


@pytest.fixture(scope="module")
def held(tmp_path_factory):
    with hall(Catalogue.load(), folder=tmp_path_factory.mktemp("hall")) as made:
        yield made


def settle(held: Hall, bodies: list[bytes]):
    filings = [Filing(read(strict.parse(body))) for body in bodies]
    answers = Sequencer(held.node.door, held.node.witnessing).settle(filings)
    assert all(isinstance(answer.outcome, Accepted) for answer in answers)
    return [answer.receipt for answer in answers]


def test_handing_in_lists_no_facts(held, monkeypatch):
    """Listing facts costs as much as there are bids; the opening may, handing in may not."""

    def listed(*_):
        raise AssertionError("facts were listed")

    monkeypatch.setattr(JournalFacts, "all", listed)
    bidder = enrol(held.node, 50, "示例投标人")
    sealed = held.seal(bidder, "18000000.00")
    held.hand_in([sealed])  # commitment, ciphertext
    names = {"submission": str(sealed.commitment["submission"]), "bid_key": str(sealed.commitment["bid_key"])}
    held.accept([held._of_bid("bid_confirmation", sealed, {**names, "answers": held.answers})])
    held.accept([held._of_bid("bid_withdrawal", sealed, names)])
    with pytest.raises(AssertionError, match="listed"):
        held.node.desk.look(held.tender)


def test_a_bid_key_is_never_looked_for_in_the_directory(held, monkeypatch):
    asked: list[str] = []
    for name in ("roles", "certificate"):
        monkeypatch.setattr(type(held.node.directory), name, lambda _, who: asked.append(who))
    settle(held, held.commitments(2))
    assert not asked


def test_a_batch_seals_its_counters_once_and_signs_one_checkpoint(held, monkeypatch):
    sealed: list[int] = []
    seal = Cloak.seal

    def counted(self, plain, **least):
        sealed.append(len(plain))
        return seal(self, plain, **least)

    monkeypatch.setattr(Cloak, "seal", counted)
    signed: list[bytes] = []
    keys = held.node.door.node
    noted = replace(keys, sign_log=lambda text: signed.append(text) or keys.sign_log(text))
    watched = replace(held, node=replace(held.node, door=replace(held.node.door, node=noted)))
    receipts = settle(watched, held.commitments(8))
    assert len(signed) == 1
    assert len({receipt["receipt"]["log"]["checkpoint"] for receipt in receipts}) == 1
    # For each bid its row, its three facts, its place in two lists; for the batch the two lengths of those.
    assert len(sealed) == 8 * 6 + 2


def test_what_a_batch_wrote_is_read_back_by_the_next(held):
    """The lengths of lists are sealed at the end of a batch: an earlier value must never come back."""
    before = len(held.node.desk.look(held.tender).of("bid_commitment"))
    for size in (1, 3, 2):
        settle(held, held.commitments(size))
    view = held.node.desk.look(held.tender)
    assert len(view.of("bid_commitment")) == before + 6
    assert len({entry.record.digest for entry in view.entries}) == len(view.entries)


def test_the_same_record_twice_in_one_batch_and_again_later_is_one_record(held):
    (body,) = held.commitments(1)
    first, second = settle(held, [body, body])
    (third,) = settle(held, [body])
    assert first == second == third
