"""Passwords, secrets, CSRF tokens and the delays of guessing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradehall.adapters.identity import passwords
from tradehall.adapters.identity.passwords import (
    COST,
    LONGEST,
    UNKNOWN_ACCOUNT,
    Cost,
    PasswordRecordMalformed,
    PasswordTooPlain,
    PasswordTooShort,
    assert_hard_to_guess,
    csrf_fits,
    csrf_token,
    hash_password,
    new_secret,
    password_fits,
    password_outdated,
    secret_digest,
    wait_seconds,
)

CHEAP = Cost(16, 1, 1)
NOW = datetime(2026, 3, 25, 9, 29, tzinfo=UTC)


def counting(length: int) -> bytes:
    return bytes(range(length))


def test_a_password_fits_its_record_and_no_other() -> None:
    stored = hash_password("阳光交易大厅2026！", counting, cost=CHEAP)
    assert stored.startswith("scrypt$16$1$1$")
    assert "阳光" not in stored
    assert password_fits("阳光交易大厅2026！", stored)
    for other in ("", "阳光交易大厅2026!", "阳光交易大厅2026！ ", "阳光交易大厅2026", "x" * 10_000):
        assert not password_fits(other, stored)


def test_the_record_is_scrypt_as_published() -> None:
    """RFC 7914 section 12, second vector, cut to 32 bytes: others can read our records."""
    derived = bytes.fromhex("fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162")
    from base64 import urlsafe_b64encode

    stored = f"scrypt$1024$8$16${urlsafe_b64encode(b'NaCl').decode()}${urlsafe_b64encode(derived).decode()}"
    assert password_fits("password", stored)


def test_equal_passwords_have_different_records() -> None:
    salts = iter([b"a" * 16, b"b" * 16])
    first, second = (hash_password("one and the same", lambda _: next(salts), cost=CHEAP) for _ in range(2))
    assert first != second


@pytest.mark.parametrize("password", ["", "123456789", "x" * (LONGEST + 1)])
def test_too_short_or_too_long_is_refused(password: str) -> None:
    with pytest.raises(PasswordTooShort):
        hash_password(password, counting, cost=CHEAP)


def test_the_cost_of_today_is_the_recommended_one_and_older_records_are_found() -> None:
    assert Cost(1 << 14, 8, 5) == COST
    assert password_outdated(hash_password("0123456789", counting, cost=CHEAP))
    assert not password_outdated(hash_password("0123456789", counting))


def test_an_unknown_account_costs_as_much_and_nothing_fits_it() -> None:
    assert not password_outdated(UNKNOWN_ACCOUNT)
    assert not password_fits("", UNKNOWN_ACCOUNT)


@pytest.mark.parametrize(
    "stored", ["", "scrypt", "md5$1$1$1$AA==$AA==", "scrypt$x$1$1$AA==$AA==", "scrypt$16$1$1$A$AA==", "a$b"]
)
def test_a_broken_record_is_an_error_not_a_login(stored: str) -> None:
    with pytest.raises(PasswordRecordMalformed):
        password_fits("0123456789", stored)


@given(st.text(min_size=10, max_size=40), st.text(max_size=40))
@settings(max_examples=60, deadline=None)
def test_any_text_is_a_password(password: str, other: str) -> None:
    stored = hash_password(password, counting, cost=CHEAP)
    assert password_fits(password, stored)
    assert password_fits(other, stored) == (other == password)


def test_a_secret_has_256_bits_and_a_prefix_that_scanners_find() -> None:
    asked: list[int] = []

    def chance(length: int) -> bytes:
        asked.append(length)
        return bytes(length)

    assert new_secret("th_", chance) == "th_" + "A" * 43
    assert asked == [32]


def test_only_the_digest_of_a_secret_is_stored() -> None:
    secret = new_secret("th_", counting)
    assert secret_digest(secret) == secret_digest(secret)
    assert secret[3:] not in secret_digest(secret)
    assert len({secret_digest(text) for text in (secret, secret + " ", secret[:-1], "", "\ud800", "é")}) == 6


def test_a_csrf_token_belongs_to_one_session() -> None:
    ours, theirs = b"a" * 32, b"b" * 32
    assert csrf_fits(csrf_token(ours), ours)
    assert not csrf_fits(csrf_token(theirs), ours)
    assert not csrf_fits("", ours)


def test_without_a_session_no_token_is_right() -> None:
    """Somebody who is not logged in has no secret; anybody could compute the token of the empty one."""
    assert not csrf_fits(csrf_token(b""), b"")


@pytest.mark.parametrize("token", ["é", "\ud800", "\x00", "x" * 100_000])
def test_no_token_whatsoever_is_an_error(token: str) -> None:
    """compare_digest raises TypeError for texts that are not ASCII: that was a 500 for one header."""
    assert not csrf_fits(token, b"a" * 32)


def test_three_tries_are_free_then_the_wait_doubles_to_a_minute() -> None:
    assert [wait_seconds(n, NOW, NOW) for n in range(12)] == [0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_the_wait_runs_down_and_ends() -> None:
    assert wait_seconds(6, NOW, NOW + timedelta(seconds=7, milliseconds=1)) == 1
    assert wait_seconds(6, NOW, NOW + timedelta(seconds=8)) == 0
    assert wait_seconds(10**6, NOW, NOW + timedelta(seconds=60)) == 0


def test_a_clock_set_back_does_not_lock_anybody_out() -> None:
    assert wait_seconds(9, NOW + timedelta(days=1), NOW) == 60


@given(st.integers(0, 10**9), st.timedeltas(timedelta(days=-2), timedelta(days=2)))
def test_nobody_is_ever_locked_out(failures: int, since: timedelta) -> None:
    """Case 32: no number of failures, by whomever, makes the wait longer than a minute."""
    assert 0 <= wait_seconds(failures, NOW - since, NOW) <= 60


def test_a_guesser_gets_few_tries_a_day() -> None:
    """The point of the delay: about 1,450 tries a day from one address, against 345,600 at 0.25 s each."""
    at, failures, last = NOW, 0, NOW
    while at < NOW + timedelta(days=1):
        at += timedelta(seconds=max(1, wait_seconds(failures, last, at)))
        failures, last = failures + 1, at
    assert failures < 1500
    assert passwords.LONGEST_DELAY_SECONDS == 60


@pytest.mark.parametrize(
    "password", ["Tradehall-1", "wang.li2026", "PASSWORD!!!", "阳光交易大厅投标！", "correct horse"]
)
def test_words_of_this_place_are_no_passwords(password: str) -> None:
    with pytest.raises(PasswordTooPlain):
        assert_hard_to_guess(password, ["wang.li", "示例单位"], frozenset({"correct horse"}))


@pytest.mark.parametrize(
    "password", ["a password of some length", "tradehall is where I work", "wang.li keeps bees", "0123456789"]
)
def test_a_word_of_this_place_inside_a_longer_password_is_fine(password: str) -> None:
    assert_hard_to_guess(password, ["wang.li", "ab", ""], frozenset())
