"""Draws that anyone can draw again: in Python, in a shell, and after a recusal."""

import hashlib
import json
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradehall.rules.drawing import PoolTooSmall, commit, draw, order, seed, shell_line, ticket, tie_order, unproved

SEED = hashlib.sha256(b"a fixed seed").hexdigest()
ROOT = "ab" * 32
NONCES = {"node:chengdu": "11" * 32, "node:deyang": "22" * 32, "org:91510000000000000X": "33" * 32}
IDS = st.lists(st.from_regex(r"[A-Za-z0-9:-]{1,24}", fullmatch=True), unique=True, min_size=1, max_size=40)


def make_seed(**changes: object) -> str:
    inputs: dict[str, object] = {
        "pool_root": ROOT,
        "pool_size": 40,
        "nonces": NONCES,
        "purpose": "expert_draw:t-x",
        "beacon": {"source": "四川福彩3D 2026080", "value": "0a1b"},
    }
    return seed(**{**inputs, **changes})  # type: ignore[arg-type]


def test_the_seed_is_the_hash_of_the_canonical_inputs() -> None:
    text = (
        '{"beacon":{"source":"四川福彩3D 2026080","value":"0a1b"},"domain":"tradehall/draw/v1",'
        f'"nonces":["{"11" * 32}","{"22" * 32}","{"33" * 32}"],"pool_root":"{ROOT}","pool_size":40,"purpose":"expert_draw:t-x"}}'
    )
    assert json.loads(text)
    assert make_seed() == hashlib.sha256(text.encode()).hexdigest()


def test_a_draw_without_a_beacon_says_so() -> None:
    text = (
        f'{{"beacon":null,"domain":"tradehall/draw/v1","nonces":["{"11" * 32}"],'
        f'"pool_root":"{ROOT}","pool_size":2,"purpose":"tie_draw"}}'
    )
    found = seed(pool_root=ROOT, pool_size=2, nonces={"a": "11" * 32}, purpose="tie_draw")
    assert found == hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize(
    "change",
    [
        {"pool_root": "cd" * 32},
        {"pool_size": 41},
        {"purpose": "expert_draw:t-y"},
        {"beacon": None},
        {"nonces": {**NONCES, "node:deyang": "23" * 32}},
    ],
)
def test_every_input_moves_the_seed(change: dict[str, object]) -> None:
    assert make_seed(**change) != make_seed()


def test_the_order_of_telling_does_not_move_the_seed() -> None:
    assert make_seed(nonces=dict(reversed(NONCES.items()))) == make_seed()


@pytest.mark.parametrize(
    "nonces", [{}, {"a": "11" * 15}, {"a": "11" * 65}, {"a": "AB" * 32}, {"a": "1" * 33}, {"a": "１１" * 32}]
)
def test_a_seed_needs_proper_nonces(nonces: dict[str, str]) -> None:
    with pytest.raises(ValueError):
        make_seed(nonces=nonces)


def test_a_commitment_opens_only_with_its_nonce() -> None:
    assert commit("11" * 32) == hashlib.sha256(b"11" * 32).hexdigest()
    commitments = {holder: commit(nonce) for holder, nonce in NONCES.items()}
    assert unproved(commitments, NONCES) == ()
    assert unproved(commitments, {**NONCES, "node:deyang": "44" * 32}) == ("node:deyang",)
    assert unproved(commitments, {"node:chengdu": "11" * 32}) == ("node:deyang", "org:91510000000000000X")
    assert unproved({}, {"node:chengdu": "11" * 32}) == ("node:chengdu",)


def test_a_salted_commitment_can_not_be_repeated_by_another() -> None:
    copied = commit("11" * 32, "node:chengdu")
    commitments = {"node:chengdu": copied, "node:deyang": copied}
    reveals = dict.fromkeys(commitments, "11" * 32)
    assert unproved(commitments, reveals, salted=True) == ("node:deyang",)
    assert copied == hashlib.sha256(b"node:chengdu," + b"11" * 32).hexdigest()


def test_a_ticket_is_the_hash_of_three_words() -> None:
    assert ticket("seed", "A", "person:x") == hashlib.sha256(b"seed,A,person:x").hexdigest()


@given(IDS, st.randoms(use_true_random=False))
def test_the_order_of_the_pool_does_not_matter(ids: list[str], chance: object) -> None:
    shuffled = list(ids)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert order(SEED, "A", shuffled) == order(SEED, "A", ids)


@given(IDS, st.integers(0, 40), st.integers(0, 40))
def test_a_longer_draw_begins_with_the_same_names(ids: list[str], a: int, b: int) -> None:
    fewer, more = sorted(min(x, len(ids)) for x in (a, b))
    assert draw(SEED, "A", ids, more)[0][:fewer] == draw(SEED, "A", ids, fewer)[0]


@given(IDS, st.data())
def test_a_recusal_does_not_move_the_others(ids: list[str], data: st.DataObject) -> None:
    out = data.draw(st.sampled_from(ids))
    kept = [name for name in ids if name != out]
    assert order(SEED, "A", kept) == tuple(name for name in order(SEED, "A", ids) if name != out)


@given(IDS)
def test_members_and_reserves_are_the_whole_pool(ids: list[str]) -> None:
    members, reserves = draw(SEED, "A", ids, 1)
    assert sorted(members + reserves) == sorted(ids)
    assert len(members) == 1


def test_strata_are_drawn_apart() -> None:
    ids = [f"e{i}" for i in range(20)]
    assert order(SEED, "A", ids) != order(SEED, "B", ids)


def test_a_pool_too_small_is_said_so() -> None:
    with pytest.raises(PoolTooSmall, match="stratum A: 2 eligible for 3 seats") as raised:
        draw(SEED, "A", ["x", "y"], 3)
    assert (raised.value.stratum, raised.value.eligible, raised.value.seats) == ("A", 2, 3)


@pytest.mark.parametrize(
    ("draw_seed", "stratum", "ids"),
    [
        ("ab", "A", ["x"]),
        (SEED.upper(), "A", ["x"]),
        (SEED, "A,B", ["x"]),
        (SEED, "", ["x"]),
        (SEED, "A", ["x", "x"]),
        (SEED, "A", ["x y"]),
        (SEED, "A", ["$(reboot)"]),
        (SEED, "A", ["x\n"]),
        (SEED, "A", ["专家"]),
    ],
)
def test_names_that_could_mislead_are_not_drawn(draw_seed: str, stratum: str, ids: list[str]) -> None:
    with pytest.raises(ValueError):
        draw(draw_seed, stratum, ids, 1)


def test_seats_are_not_negative() -> None:
    with pytest.raises(ValueError):
        draw(SEED, "A", ["x"], -1)


@pytest.mark.parametrize(("count", "seats"), [(1, 1), (12, 5), (200, 7), (5, 0)])
def test_the_shell_draws_the_same(count: int, seats: int) -> None:
    ids = [f"person:{i:03}-x" for i in range(count)]
    line = shell_line(SEED, "JZ-01", ids, seats)
    for shell in ("sh", "bash"):
        found = subprocess.run([shell, "-c", line], capture_output=True, text=True, check=True, timeout=60)
        assert tuple(found.stdout.split()) == draw(SEED, "JZ-01", ids, seats)[0]


def test_the_shell_line_is_one_line_and_refuses_what_the_draw_refuses() -> None:
    assert "\n" not in shell_line(SEED, "A", ["b", "a"], 1)
    assert shell_line(SEED, "A", ["b", "a"], 1) == shell_line(SEED, "A", ["a", "b"], 1)
    with pytest.raises(PoolTooSmall):
        shell_line(SEED, "A", ["a"], 2)


def test_ties_are_drawn_under_a_stratum_of_their_own() -> None:
    bids = ["b-aa", "b-bb", "b-cc"]
    assert tie_order(SEED, "L1", bids) == order(SEED, "tie:L1", bids)
    assert {tie_order(hashlib.sha256(bytes([i])).hexdigest(), "L1", bids) for i in range(60)} >= {
        ("b-aa", "b-bb", "b-cc"), ("b-cc", "b-bb", "b-aa"),
    }  # fmt: skip


def test_every_name_is_drawn_about_equally_often() -> None:
    """Chi-squared over 20 names and 4,000 fixed seeds, one seat: below 43.82 (p = 0.001, 19 degrees)."""
    ids = [f"e{i}" for i in range(20)]
    draws = 4000
    counts = dict.fromkeys(ids, 0)
    for i in range(draws):
        (winner,), _ = draw(hashlib.sha256(str(i).encode()).hexdigest(), "A", ids, 1)
        counts[winner] += 1
    expected = draws / len(ids)
    assert sum((n - expected) ** 2 / expected for n in counts.values()) < 43.82
