"""What lies in the database says nothing: not what, not how long, not which, and it can't be changed unseen."""

from __future__ import annotations

import secrets
from hashlib import sha256
from itertools import combinations

import pytest
from cryptography.exceptions import InvalidTag
from hypothesis import given
from hypothesis import strategies as st

from tradehall.desk.cloak import SIZES, Cloak, size_class

CLOAK = Cloak(b"k" * 32, secrets.token_bytes)
OVERHEAD = 12 + 16
PREFIX = 4


@given(plain=st.binary(max_size=5000))
def test_what_was_sealed_comes_back(plain: bytes) -> None:
    assert CLOAK.open(CLOAK.seal(plain)) == plain


@pytest.mark.parametrize("size", SIZES)
def test_lengths_show_only_as_size_classes(size: int) -> None:
    fits, below = size - PREFIX, SIZES[SIZES.index(size) - 1] - PREFIX if size != SIZES[0] else -1
    for length in {fits, max(0, fits - 1), below + 1}:
        sealed = CLOAK.seal(b"x" * length)
        assert len(sealed) == size + OVERHEAD
        assert CLOAK.open(sealed) == b"x" * length


def test_least_makes_short_ones_longer_and_long_ones_no_shorter() -> None:
    assert len(CLOAK.seal(b"", least=4096)) == len(CLOAK.seal(b"x" * 4092, least=4096)) == 4096 + OVERHEAD
    assert len(CLOAK.seal(b"x" * 4093, least=4096)) == 16384 + OVERHEAD


def test_what_is_too_long_for_a_row_is_refused() -> None:
    with pytest.raises(ValueError, match="too many"):
        CLOAK.seal(bytes(SIZES[-1] - PREFIX + 1))
    assert size_class(SIZES[-1]) == SIZES[-1]


def test_the_same_value_looks_different_each_time() -> None:
    assert len({CLOAK.seal(b"18600000.00") for _ in range(50)}) == 50
    assert b"18600000.00" not in CLOAK.seal(b"18600000.00")


@pytest.mark.parametrize("length", [0, 40])
def test_every_flipped_bit_is_noticed(length: int) -> None:
    sealed = CLOAK.seal(b"x" * length)
    for place in range(len(sealed)):
        with pytest.raises(InvalidTag):
            CLOAK.open(sealed[:place] + bytes([sealed[place] ^ 1 << place % 8]) + sealed[place + 1 :])
    with pytest.raises(InvalidTag):
        CLOAK.open(sealed[:-1])


def test_another_key_opens_nothing_and_finds_nothing() -> None:
    other = Cloak(b"l" * 32, secrets.token_bytes)
    with pytest.raises(InvalidTag):
        other.open(CLOAK.seal(b"x"))
    assert other.tag("record", "x") != CLOAK.tag("record", "x")


def test_a_value_moved_under_another_key_is_noticed() -> None:
    """A dump's owner who swaps two sealed rows must not swap two bids."""
    sealed = CLOAK.seal(b"bid of A", bound=b"key of A")
    assert CLOAK.open(sealed, bound=b"key of A") == b"bid of A"
    for elsewhere in (b"key of B", b""):
        with pytest.raises(InvalidTag):
            CLOAK.open(sealed, bound=elsewhere)
    with pytest.raises(InvalidTag):
        CLOAK.open(CLOAK.seal(b"x"), bound=b"key of A")


def test_tags_find_and_tell_nothing() -> None:
    tag = CLOAK.tag("record", "sha256:ab")
    assert tag == CLOAK.tag("record", "sha256:ab")
    assert len(tag) == 32
    assert tag != sha256(b"sha256:ab").digest()


def test_parts_of_a_tag_cannot_run_into_one_another() -> None:
    parts = [("a", "b"), ("ab",), ("a", "b", ""), ("", "a", "b"), ("a\x1fb",), ("a\x1f", "b"), (), ("",), ("a b",)]
    parts += [("\x00\x00\x00\x01a",), ("a\x00\x00\x00\x01b",), ("投", "标"), ("投标",)]
    for one, two in combinations(parts, 2):
        assert CLOAK.tag(*one) != CLOAK.tag(*two), (one, two)


@given(one=st.lists(st.text(max_size=4), max_size=4), two=st.lists(st.text(max_size=4), max_size=4))
def test_only_equal_parts_have_equal_tags(one: list[str], two: list[str]) -> None:
    assert (CLOAK.tag(*one) == CLOAK.tag(*two)) == (one == two)


def test_no_tag_is_the_key_that_seals() -> None:
    """Tags are written into the database; with the sealing key among them a dump would open everything."""
    tags = {CLOAK.tag(*name) for name in [("tradehall/seal",), ("tradehall/tag",), ()]}
    assert not tags & {CLOAK.key, *CLOAK.derived_keys()}


@pytest.mark.parametrize("length", [0, 1, 252, 253, 1020, 1021, 4092])
def test_a_decoy_is_as_long_as_what_it_stands_for(length: int) -> None:
    assert len(CLOAK.decoy(length)) == len(CLOAK.seal(b"x" * length))


def test_a_decoy_is_like_chance_and_opens_under_no_key() -> None:
    decoy, sealed = CLOAK.decoy(4092), CLOAK.seal(bytes(4092))
    with pytest.raises(InvalidTag):
        CLOAK.open(decoy)
    for told in (decoy, sealed):
        ones = sum(byte.bit_count() for byte in told)
        assert abs(ones - 4 * len(told)) < 6 * (2 * len(told)) ** 0.5, "six standard deviations off a fair coin"


def test_the_key_is_not_shown() -> None:
    assert "k" * 32 not in repr(CLOAK)
