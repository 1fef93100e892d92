"""Arithmetic of an offer: what differs, what counts, and what a person should look at."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from tradehall.rules.offers import PriceItem, check_offer


def item(name: str, quantity: str, unit: str, amount: str, *, slip: bool = False) -> PriceItem:
    return PriceItem(name, Decimal(quantity), Decimal(unit), Decimal(amount), slip)


def test_a_correct_offer_is_clean() -> None:
    lines = [item("1", "40", "125.50", "5020.00"), item("2", "3", "0.333333", "1.00")]
    found = check_offer(lines, total=Decimal("5021.00"), words="伍仟零贰拾壹元整")
    assert found.is_clean
    assert found.total == Decimal("5021.00")
    assert found.items == tuple(lines)
    assert found.possible_slips == ()


def test_a_line_is_rounded_half_up() -> None:
    assert check_offer([item("1", "0.5", "0.01", "0.01")], total=Decimal("0.01")).is_clean
    assert not check_offer([item("1", "0.5", "0.01", "0.00")], total=Decimal("0.01")).is_clean


def test_words_count_over_figures_and_lines_over_both() -> None:
    found = check_offer([item("1", "1", "100.00", "100.00")], total=Decimal("90.00"), words="捌拾元整")
    assert [c.code for c in found.corrections] == ["words_over_figures", "lines_over_total"]
    assert [(c.stated, c.corrected) for c in found.corrections] == [(90, 80), (80, 100)]
    assert found.total == 100
    assert "80.00" in found.corrections[0].reason.zh
    assert "90.00" in found.corrections[0].reason.en
    assert found.corrections[0].clause == "12号令 19; 87号令 59"


def test_unreadable_words_are_reported_and_figures_stay() -> None:
    found = check_offer([], total=Decimal("90.00"), words="九十元")
    assert [c.code for c in found.corrections] == ["words_unreadable"]
    assert found.total == 90
    assert not found.is_clean


def test_the_unit_price_counts_over_the_line_amount() -> None:
    found = check_offer([item("7", "40", "125.50", "5200.00")], total=Decimal("5200.00"))
    assert [(c.code, c.subject) for c in found.corrections] == [
        ("unit_price_over_amount", "7"),
        ("lines_over_total", "total"),
    ]
    assert found.items[0].amount == Decimal("5020.00")
    assert found.total == Decimal("5020.00")
    assert "7" in found.corrections[0].reason.zh


def test_a_slipped_point_is_only_suspected_until_the_committee_says_so() -> None:
    found = check_offer([item("1", "40", "1255.00", "5020.00")], total=Decimal("5020.00"))
    assert found.possible_slips == ("1",)
    assert found.total == Decimal("50200.00")


def test_a_slipped_point_found_by_the_committee_keeps_the_amount() -> None:
    found = check_offer([item("1", "40", "1255.00", "5020.00", slip=True)], total=Decimal("5020.00"))
    assert [c.code for c in found.corrections] == ["amount_over_unit_price"]
    assert found.items[0].unit_price == Decimal("125.5")
    assert found.total == Decimal("5020.00")
    assert found.possible_slips == ()


def test_a_line_of_nothing_has_no_slipped_point() -> None:
    found = check_offer([item("1", "0", "5.00", "50.00", slip=True)], total=Decimal("0.00"))
    assert [c.code for c in found.corrections] == ["unit_price_over_amount"]
    assert found.total == 0
    nothing = check_offer([item("1", "0", "5.00", "50.00"), item("2", "2", "5.00", "0.00")], total=Decimal("10.00"))
    assert nothing.possible_slips == ()


NUMBERS = st.decimals(0, 10**6, places=3, allow_nan=False, allow_infinity=False)


@given(st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS), max_size=6), NUMBERS)
def test_a_corrected_offer_is_clean(rows: list[tuple[Decimal, Decimal, Decimal]], total: Decimal) -> None:
    lines = [PriceItem(str(i), q, u, a.quantize(Decimal("0.01"))) for i, (q, u, a) in enumerate(rows)]
    first = check_offer(lines, total=total.quantize(Decimal("0.01")))
    assert check_offer(first.items, total=first.total).is_clean
