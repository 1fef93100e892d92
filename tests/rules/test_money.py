"""Amounts of the wire, arithmetic without surprises, and 大写 both ways."""

from decimal import Context, Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tradehall.kernel.money import (
    CNY,
    Currency,
    CurrencyMismatch,
    Money,
    NotAnAmount,
    chinese_amount,
    exactly,
    parse_amount,
    parse_chinese_amount,
    parse_unit_price,
    round_half_up,
    to_wire,
)

USD = Currency("USD")
AMOUNTS = st.integers(0, 10**17 - 1).map(lambda fen: Decimal(fen).scaleb(-2))


@pytest.mark.parametrize("text", ["0.00", "0.01", "1.10", "123.00", "999999999999999.99"])
def test_a_wire_amount_is_read_and_written_back(text: str) -> None:
    assert to_wire(parse_amount(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "", "1", "1.0", "1.000", ".50", "01.00", "+1.00", "-1.00", "-0.00", "1,000.00", "1E4", "1e2.00", "NaN", "Infinity",
        "１.００", "1.0０", "٣.00", " 1.00", "1.00 ", "1.00\n", "0x1.00", "1_0.00", "1000000000000000.00", "¥1.00",
    ],
)  # fmt: skip
def test_anything_else_is_no_amount(text: str) -> None:
    with pytest.raises(NotAnAmount):
        parse_amount(text)


def test_a_minus_is_read_only_where_it_is_allowed() -> None:
    assert parse_amount("-12.30", signed=True) == Decimal("-12.30")
    assert to_wire(Decimal("-12.30"), signed=True) == "-12.30"
    with pytest.raises(NotAnAmount):
        parse_amount("-0.00", signed=True)
    with pytest.raises(NotAnAmount):
        to_wire(Decimal("-12.30"))


def test_unit_prices_have_up_to_six_decimals() -> None:
    assert parse_unit_price("0.000001") == Decimal("0.000001")
    assert parse_unit_price("40") == Decimal(40)
    for text in ("1.0000001", "-1", "1.", "1e1", "１", "NaN", ""):
        with pytest.raises(NotAnAmount):
            parse_unit_price(text)


@pytest.mark.parametrize("number", ["1.001", "1E15", "NaN", "Infinity", "-Infinity", "-1E15"])
def test_the_wire_does_not_round_and_does_not_overflow(number: str) -> None:
    with pytest.raises(NotAnAmount):
        to_wire(Decimal(number), signed=True)


def test_negative_nought_is_written_as_nought() -> None:
    assert to_wire(Decimal("-0.00")) == "0.00"
    assert str(round_half_up(Decimal("-0.004"))) == "0.00"


def test_half_goes_away_from_nought() -> None:
    found = [str(round_half_up(Decimal(x))) for x in ("0.005", "0.0049", "-0.005", "2.675", "1.005")]
    assert found == ["0.01", "0.00", "-0.01", "2.68", "1.01"]


def test_the_callers_decimal_context_changes_nothing() -> None:
    def price() -> Money:
        return Money(Decimal("123456789012345.67")) * Decimal("3.000001") + Money(Decimal("0.01"))

    with localcontext(Context(prec=4)):
        poor = price()
    assert poor == price()


@given(AMOUNTS, AMOUNTS, st.integers(0, 10**6))
def test_arithmetic_is_exact(a: Decimal, b: Decimal, factor: int) -> None:
    left, right = Money(a), Money(b)
    assert Fraction((left + right).amount) == Fraction(a) + Fraction(b)
    assert Fraction((left - right).amount) == Fraction(a) - Fraction(b)
    assert Fraction((left * factor).amount) == Fraction(a) * factor
    assert (left < right) == (a < b)
    assert (left >= right) == (a >= b)


@given(st.integers(1, 10**17), st.integers(1, 10**6), st.integers(1, 10**17))
@example(1, 45, 1000)
def test_a_rounded_quotient_is_the_rounding_of_the_exact_one(a: int, b: int, c: int) -> None:
    exact = Fraction(a * b, c) * 100
    expected = (2 * exact.numerator + exact.denominator) // (2 * exact.denominator)
    quotient = exactly(lambda: Decimal(a) * Decimal(b) / Decimal(c))
    assert round_half_up(quotient()) == Decimal(expected).scaleb(-2)


def test_currencies_do_not_mix() -> None:
    with pytest.raises(CurrencyMismatch):
        Money(Decimal(1)) + Money(Decimal(1), USD)
    with pytest.raises(CurrencyMismatch):
        assert Money(Decimal(1)) < Money(Decimal(1), USD)
    assert Money(Decimal(1)) != Money(Decimal(1), USD)


def test_money_has_a_wire_form() -> None:
    wire = {"amount": "123.00", "currency": "CNY"}
    assert Money.from_wire(wire) == Money(Decimal(123), CNY)
    assert Money.from_wire(wire).to_wire() == wire
    assert Money(Decimal("1.005"), USD).rounded().to_wire() == {"amount": "1.01", "currency": "USD"}


@pytest.mark.parametrize(
    "wire",
    [
        {},
        {"amount": "1.00"},
        {"amount": 1, "currency": "CNY"},
        {"amount": "1.00", "currency": 156},
        {"amount": "1.00", "currency": "cny"},
        {"amount": "1.00", "currency": "CNY", "unit": "万元"},
    ],
)
def test_money_of_another_form_is_refused(wire: dict[str, object]) -> None:
    with pytest.raises(NotAnAmount):
        Money.from_wire(wire)


def test_money_is_finite() -> None:
    with pytest.raises(NotAnAmount):
        Money(Decimal("NaN"))


@given(AMOUNTS)
@example(Decimal("1000000000000.00"))
@example(Decimal("100100000000.10"))
@example(Decimal("999999999999999.99"))
def test_words_and_figures_are_inverse(amount: Decimal) -> None:
    words = chinese_amount(amount)
    assert parse_chinese_amount(words) == amount
    assert "零零" not in words
    assert not words.startswith("零") or amount == 0


@given(AMOUNTS, AMOUNTS)
def test_different_amounts_have_different_words(a: Decimal, b: Decimal) -> None:
    assert (chinese_amount(a) == chinese_amount(b)) == (a == b)


@pytest.mark.parametrize(
    ("words", "amount"),
    [
        ("人民币壹仟零伍元整", "1005"),
        ("壹仟零伍圆正", "1005"),
        ("壹元壹角整", "1.10"),
        ("壹拾万零柒仟元零伍角叁分", "107000.53"),
        ("壹拾万柒仟元零伍角叁分", "107000.53"),
        ("壹拾万零柒仟元伍角叁分", "107000.53"),
        ("壹拾亿零壹仟万元整", "1010000000"),
        ("壹万亿零壹元整", "1000000000001"),
        ("玖角", "0.90"),
        ("玖角整", "0.90"),
    ],
)
def test_the_free_forms_are_read_too(words: str, amount: str) -> None:
    assert parse_chinese_amount(words) == Decimal(amount)


@pytest.mark.parametrize(
    "words",
    [
        "", "整", "元", "元整", "零", "零元", "零角", "拾元整", "壹佰壹元整", "壹佰零零壹元整", "壹零元整", "壹元", "壹元壹分",
        "壹佰元壹分", "壹元零壹角整整", "壹分整", "一百元整", "壹佰零拾元整", "壹万零壹仟元整", "负壹元整", "壹元贰元整", "壹拾贰角", "100元整",
        "壹仟万亿元整", "玖" * 70 + "元整", "壹亿亿元整", "万元整", "壹元整 ", "人民币", "壹拾拾元整", "贰壹元整",
    ],
)  # fmt: skip
def test_wrong_words_are_refused_not_guessed(words: str) -> None:
    with pytest.raises(NotAnAmount):
        parse_chinese_amount(words)


@given(st.text("零壹贰叁拾佰仟万亿元角分整", max_size=12))
def test_whatever_is_read_is_written_the_same_but_for_free_noughts(words: str) -> None:
    try:
        amount = parse_chinese_amount(words)
    except NotAnAmount:
        return
    assert chinese_amount(amount).replace("零", "") == words.replace("角整", "角").replace("零", "") or amount == 0


@pytest.mark.parametrize("number", ["-1", "0.001", "1E15", "NaN"])
def test_only_amounts_have_words(number: str) -> None:
    with pytest.raises(NotAnAmount):
        chinese_amount(Decimal(number))
