"""M-of-N: the RFC 9591 vectors, every subset, every lie, and the scalars a cheating bidder would choose."""

from __future__ import annotations

from itertools import combinations

import pyrage
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealing.chance import repeatable
from tradehall.rules import sealing

# RFC 9591 appendix E.1, FROST(Ed25519, SHA-512): the group input parameters and the participant shares.
SECRET = bytes.fromhex("7b1c33d3f5291d85de664833beb1ad469f7fb6025a0ec78b3a790c6e13a98304")
PUBLIC = bytes.fromhex("15d21ccd7ee42959562fc8aa63224c8851fb3ec85a3faf66040d380fb9738673")
COEFFICIENT = bytes.fromhex("178199860edd8c62f5212ee91eff1295d0d670ab4ed4506866bae57e7030b204")
SHARES = [
    (1, bytes.fromhex("929dcc590407aae7d388761cddb0c0db6f5627aea8e217f4a033f2ec83d93509")),
    (2, bytes.fromhex("a91e66e012e4364ac9aaa405fcafd370402d9859f7b6685c07eed76bf409e80d")),
    (3, bytes.fromhex("d3cb090a075eb154e82fdb4b3cb507f110040905468bb9c46da8bdea643a9a02")),
]
L = sealing.ORDER


def scalar(number: int) -> bytes:
    return (number % L).to_bytes(32, "little")


def base(number: int) -> bytes:
    from nacl.bindings import crypto_scalarmult_ed25519_base_noclamp

    return crypto_scalarmult_ed25519_base_noclamp(scalar(number))


def test_rfc_9591_e1_deals_the_published_shares():
    commitments, shares = sealing.split(SECRET, 2, 3, lambda _: COEFFICIENT + bytes(32))
    assert commitments[0] == PUBLIC
    assert shares == SHARES
    assert all(sealing.verify_share(commitments, index, share) for index, share in SHARES)


@pytest.mark.parametrize("pair", list(combinations(SHARES, 2)))
def test_rfc_9591_e1_any_two_shares_recover_the_secret(pair):
    assert sealing.interpolate(pair) == SECRET


@pytest.mark.parametrize(("threshold", "count"), [(2, 2), (2, 3), (3, 5), (4, 4), (5, 9)])
def test_every_subset_of_m_rebuilds_the_key_and_no_smaller_one_does(threshold, count):
    rng = repeatable(f"subsets {threshold} of {count}")
    key = sealing.new_secret(rng)
    commitments, shares = sealing.split(key, threshold, count, rng)
    recipient = sealing.recipient_of_secret(key)
    assert sealing.recipient_of_commitment(commitments[0]) == recipient
    for subset in combinations(shares, threshold):
        assert sealing.combine(subset) == key
    for subset in combinations(shares, threshold - 1):
        assert sealing.interpolate(subset) != scalar(int.from_bytes(key, "little"))


def test_more_shares_than_needed_rebuild_the_key_in_any_order():
    rng = repeatable("more")
    key = sealing.new_secret(rng)
    _, shares = sealing.split(key, 2, 5, rng)
    assert sealing.combine(shares[::-1]) == key


def test_every_changed_bit_of_a_share_is_found():
    rng = repeatable("bits")
    commitments, shares = sealing.split(sealing.new_secret(rng), 3, 5, rng)
    index, share = shares[1]
    assert sealing.verify_share(commitments, index, share)
    for bit in range(256):
        changed = bytearray(share)
        changed[bit // 8] ^= 1 << bit % 8
        assert not sealing.verify_share(commitments, index, bytes(changed))


def test_a_share_counts_only_for_its_own_index():
    rng = repeatable("index")
    commitments, shares = sealing.split(sealing.new_secret(rng), 2, 4, rng)
    for index, _ in shares:
        for other, share in shares:
            assert sealing.verify_share(commitments, index, share) is (index == other)


@pytest.mark.parametrize("index", [-1, 0, 10, 2**64])
def test_an_index_out_of_range_is_false_not_an_error(index):
    rng = repeatable("range")
    commitments, shares = sealing.split(sealing.new_secret(rng), 2, 2, rng)
    assert not sealing.verify_share(commitments, index, shares[0][1])


def test_a_share_that_is_no_canonical_scalar_is_false():
    rng = repeatable("canonical")
    commitments, [(index, share), *_] = sealing.split(sealing.new_secret(rng), 2, 2, rng)
    beyond = (int.from_bytes(share, "little") + L).to_bytes(32, "little")
    for wrong in (b"", share[:31], share + b"\0", bytes(32), beyond):
        assert not sealing.verify_share(commitments, index, wrong)


def test_commitments_that_cancel_out_on_the_way_do_not_stop_the_check():
    # C1 + C2 is the identity at index 1: Horner's rule in libsodium would fail on a true share.
    secret, slope = 12345, 678
    commitments = [base(secret), base(slope), base(-slope)]
    assert sealing.verify_share(commitments, 1, scalar(secret))
    assert sealing.verify_share(commitments, 2, scalar(secret + 2 * slope - 4 * slope))
    assert not sealing.verify_share(commitments, 1, scalar(secret + 1))


def test_points_of_low_order_or_none_make_every_share_false():
    rng = repeatable("points")
    commitments, shares = sealing.split(sealing.new_secret(rng), 2, 2, rng)
    identity = bytes([1]) + bytes(31)
    order_8 = bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")
    for wrong in (identity, order_8, bytes(32), b"\xff" * 32, b"short"):
        assert not sealing.is_point(wrong)
        assert not sealing.verify_share([commitments[0], wrong], *shares[0])
        with pytest.raises(ValueError, match="prime subgroup"):
            sealing.recipient_of_commitment(wrong)


@pytest.mark.parametrize(("threshold", "count"), [(1, 3), (4, 3), (0, 0), (2, 10)])
def test_a_split_out_of_range_is_refused(threshold, count):
    with pytest.raises(ValueError, match="no split"):
        sealing.split(SECRET, threshold, count, repeatable("range"))


@pytest.mark.parametrize("shares", [[], [SHARES[0], SHARES[0]], [(0, SHARES[0][1])], [(1, bytes(32))], [(1, b"x")]])
def test_interpolation_refuses_doubled_indices_and_non_scalars(shares):
    with pytest.raises(ValueError):
        sealing.interpolate(shares)


def test_unclamped_scalars_always_open_by_s_or_by_its_negative():
    # A cheating bidder deals any s it likes. Only half lift to a clamped key; -s serves for the other half.
    rng = repeatable("unclamped")
    direct = 0
    for _ in range(2000):
        s = int.from_bytes(rng(64), "little") % L
        commitments, shares = sealing.split(scalar(s), 2, 2, rng)
        key = sealing.combine(shares)
        assert sealing.clamp(key) == key
        assert sealing.recipient_of_secret(key) == sealing.recipient_of_commitment(commitments[0])
        direct += int.from_bytes(key, "little") % L == s
    assert 850 < direct < 1150


def test_scalars_at_the_ends_have_no_single_lift_and_fit_no_key():
    rng = repeatable("ends")
    # 8 has no clamped lift at all; 2^254 + 8 has two, itself and its twin 8L - (2^254 + 8).
    for number, count in ((8, 0), (2**254 + 8, 2)):
        _, shares = sealing.split(scalar(number), 2, 2, rng)
        with pytest.raises(sealing.NoAgeKeyError, match=f"{count} clamped"):
            sealing.combine(shares)
    twin = (2**254 + 8).to_bytes(32, "little")
    assert not sealing.fits(twin, sealing.recipient_of_secret(twin))


def test_a_new_secret_is_never_a_twin():
    answers = iter([(2**254 + 8).to_bytes(32, "little"), b"\x55" * 32])
    assert sealing.new_secret(lambda _: next(answers)) == sealing.clamp(b"\x55" * 32)


@given(st.binary(min_size=32, max_size=32))
def test_the_montgomery_form_of_the_first_commitment_is_the_age_recipient(raw):
    key = sealing.clamp(raw)
    commitments, _ = sealing.split(key, 2, 2, repeatable("montgomery"))
    identity = pyrage.x25519.Identity.from_str(sealing.encode_secret(key))
    assert sealing.recipient_of_commitment(commitments[0]) == str(identity.to_public())
    has_twin = 2**254 <= 8 * L - int.from_bytes(key, "little") < 2**255
    assert sealing.fits(key, str(identity.to_public())) is not has_twin


def test_a_key_fits_only_its_own_recipient():
    rng = repeatable("fits")
    mine, other = sealing.new_secret(rng), sealing.new_secret(rng)
    assert sealing.fits(mine, sealing.recipient_of_secret(mine))
    assert not sealing.fits(mine, sealing.recipient_of_secret(other))
