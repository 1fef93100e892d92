"""Which bids stand at the opening, and the root that freezes them."""

from dataclasses import replace
from hashlib import sha256

import pytest

from tradehall.rules.opening_set import BidFiling, accepted_root, standing


def digest(text: str) -> str:
    return "sha256:" + sha256(text.encode()).hexdigest()


def bid(name: str, index: int, **more: str) -> BidFiling:
    base = BidFiling(index, digest(name), f"b-{name}", f"bid:{name}", "L1", digest("file " + name), digest("notice"))
    return replace(base, **more)


def filed(name: str, index: int, **more: str) -> BidFiling:
    return replace(bid(name, index), lot="", replaces=None, **more)


A, B, C = bid("a", 1), bid("b", 2), bid("c", 3)
SEALED = [filed("a", 4), filed("b", 5), filed("c", 6)]


def names(found: list[BidFiling]) -> str:
    return " ".join(item.submission[2:] for item in found)


def test_complete_bids_stand_sorted_by_submission() -> None:
    assert names(standing([C, A, B], SEALED, [], [])) == "a b c"


def test_a_bid_without_its_ciphertext_does_not_stand() -> None:
    assert names(standing([A, B, C], SEALED[:2], [], [])) == "a b"
    other = filed("c", 6, ciphertext=digest("another file"))
    assert names(standing([A, B, C], [*SEALED[:2], other], [], [])) == "a b"


def test_a_withdrawn_bid_does_not_stand_and_only_its_own_key_withdraws() -> None:
    assert names(standing([A, B, C], SEALED, [filed("b", 7)], [])) == "a c"
    assert names(standing([A, B, C], SEALED, [filed("b", 7, author="bid:c")], [])) == "a b c"


def test_a_replaced_bid_does_not_stand_and_only_its_own_key_replaces() -> None:
    again = bid("d", 7, replaces="b-a", author="bid:a")
    ciphertext = filed("d", 8, author="bid:a")
    assert names(standing([A, B, again], [*SEALED, ciphertext], [], [])) == "b d"
    stranger = bid("d", 7, replaces="b-a")
    assert names(standing([A, B, stranger], [*SEALED, filed("d", 8)], [], [])) == "a b d"


def test_a_bid_replaced_by_one_that_never_arrived_is_gone() -> None:
    again = bid("d", 7, replaces="b-a", author="bid:a")
    assert names(standing([A, B, again], SEALED, [], [])) == "b"


def test_a_bid_must_answer_the_latest_terms_or_be_confirmed() -> None:
    changed = digest("clarification")
    fresh = replace(C, answers=changed)
    assert names(standing([A, B, fresh], SEALED, [], [], answers=changed)) == "c"
    assert names(standing([A, B, fresh], SEALED, [], [filed("a", 9, answers=changed)], answers=changed)) == "a c"
    stale = filed("a", 10, answers=digest("notice"))
    both = [stale, filed("a", 9, answers=changed)]
    assert names(standing([A, B, fresh], SEALED, [], both, answers=changed)) == "c"


def test_the_first_commitment_of_a_submission_counts() -> None:
    twin = bid("a", 9, digest=digest("twin"), author="bid:z")
    assert standing([twin, A], [*SEALED, filed("a", 9, author="bid:z")], [], []) == [A]


def test_the_root_is_that_of_the_log_over_raw_digests() -> None:
    assert accepted_root([]) == sha256(b"").hexdigest()
    one = sha256(b"\x00" + sha256(b"a").digest()).digest()
    two = sha256(b"\x00" + sha256(b"b").digest()).digest()
    assert accepted_root([digest("a")]) == one.hex()
    assert accepted_root([digest("a"), digest("b")]) == sha256(b"\x01" + one + two).hexdigest()
    assert accepted_root([digest("b"), digest("a")]) != accepted_root([digest("a"), digest("b")])
    with pytest.raises(ValueError, match="not a record digest"):
        accepted_root([digest("a").upper()])
