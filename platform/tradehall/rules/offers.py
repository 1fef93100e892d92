"""
Arithmetic check of an offer (算术修正): lines, total, and the amount in words.

The check finds and computes; whether a correction binds the bidder is for the committee and the bidder's
written confirmation.

Source: 评标委员会和评标方法暂行规定 (12号令) 19; 87号令 59.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from tradehall.kernel.money import (
    UNIT_PRICE_PLACES,
    NotAnAmount,
    exactly,
    parse_chinese_amount,
    round_half_up,
)
from tradehall.kernel.refusal import Text

CLAUSE: Final = "12号令 19; 87号令 59"


@dataclass(frozen=True, slots=True)
class PriceItem:
    """
    One priced line (报价明细): quantity × unit price = amount.

    Attributes:
        decimal_slip: the committee found an obvious slip of the decimal point in the unit price, so here the
            line amount counts and the unit price is corrected.
    """

    id: str
    quantity: Decimal
    unit_price: Decimal
    amount: Decimal
    decimal_slip: bool = False


@dataclass(frozen=True, slots=True)
class Correction:
    """
    One difference found and what counts instead (修正).

    Attributes:
        code: ``words_over_figures``, ``words_unreadable``, ``unit_price_over_amount``, ``amount_over_unit_price``
            or ``lines_over_total``.
        subject: the line's id, or ``total``.
        stated: the value that does not count.
        corrected: the value that counts; equal to ``stated`` when the words can't be read.
    """

    code: str
    subject: str
    stated: Decimal
    corrected: Decimal
    reason: Text
    clause: str = CLAUSE


@dataclass(frozen=True, slots=True)
class PriceCheck:
    """
    Result of the check (算术复核结果).

    Attributes:
        items: the lines after correction, in the order given.
        total: the total that counts, two decimals.
        corrections: differences in the order in which the rules take them: words, lines, total.
        possible_slips: ids of corrected lines where the amount is a power of ten away from quantity × unit
            price: a person should ask whether the unit price has a slipped point.
    """

    items: tuple[PriceItem, ...]
    total: Decimal
    corrections: tuple[Correction, ...]
    possible_slips: tuple[str, ...]

    @property
    def is_clean(self) -> bool:
        """Say whether nothing differed."""
        return not self.corrections


@exactly
def check_offer(items: Sequence[PriceItem], *, total: Decimal, words: str | None = None) -> PriceCheck:
    """
    Check the arithmetic of an offer (报价算术复核).

    1. Words win over figures. 2. Quantity × unit price wins over the line amount, rounded half up to two
    decimals, unless the point of the unit price slipped: then the line amount wins. 3. The sum of the
    corrected lines wins over the total. Without lines the total of step 1 stands.

    Source: 12号令 19; 87号令 59.
    """
    stated, found = _take_words(total, words)
    checked = tuple(_check_line(item) for item in items)
    lines = tuple(line for line, _ in checked)
    found += tuple(correction for _, correction in checked if correction is not None)
    final = _sum(lines) if lines else stated
    if final != stated:
        found += (_correction("lines_over_total", "total", stated, final),)
    slips = tuple(item.id for item in items if not item.decimal_slip and _may_have_slipped(item))
    return PriceCheck(lines, final, found, slips)


def _take_words(total: Decimal, words: str | None) -> tuple[Decimal, tuple[Correction, ...]]:
    if words is None:
        return total, ()
    try:
        spoken = parse_chinese_amount(words)
    except NotAnAmount:
        return total, (_correction("words_unreadable", "total", total, total),)
    if spoken == total:
        return total, ()
    return spoken, (_correction("words_over_figures", "total", total, spoken),)


def _check_line(item: PriceItem) -> tuple[PriceItem, Correction | None]:
    product = round_half_up(item.quantity * item.unit_price)
    if product == item.amount:
        return item, None
    if item.decimal_slip and item.quantity:
        unit = round_half_up(item.amount / item.quantity, UNIT_PRICE_PLACES)
        return replace(item, unit_price=unit), _correction("amount_over_unit_price", item.id, item.unit_price, unit)
    return replace(item, amount=product), _correction("unit_price_over_amount", item.id, item.amount, product)


def _may_have_slipped(item: PriceItem) -> bool:
    """Say whether amount and product have the same digits and only the point differs."""
    product = round_half_up(item.quantity * item.unit_price)
    if product == item.amount:
        return False
    return product.normalize().as_tuple().digits == item.amount.normalize().as_tuple().digits


def _sum(items: Iterable[PriceItem]) -> Decimal:
    return round_half_up(sum((item.amount for item in items), Decimal(0)))


_REASONS: Final = {
    "words_over_figures": Text(
        "大写金额与小写金额不一致，以大写为准：{corrected}（小写 {stated}）",
        "Words and figures differ, the words count: {corrected} (figures {stated})",
    ),
    "words_unreadable": Text(
        "大写金额无法识读，暂按小写 {stated}", "The words can't be read; the figures {stated} stay"
    ),
    "unit_price_over_amount": Text(
        "{subject}：单价乘数量与合价不一致，以单价计算结果为准：{corrected}（原 {stated}）",
        "{subject}: quantity × unit price counts over the line amount: {corrected} (was {stated})",
    ),
    "amount_over_unit_price": Text(
        "{subject}：单价小数点明显错位，以合价为准，单价修正为 {corrected}（原 {stated}）",
        "{subject}: the unit price has a slipped point, the amount counts, unit price {corrected} (was {stated})",
    ),
    "lines_over_total": Text(
        "总价与明细合计不一致，以明细合计为准：{corrected}（原 {stated}）",
        "The sum of the lines counts over the total: {corrected} (was {stated})",
    ),
}


def _correction(code: str, subject: str, stated: Decimal, corrected: Decimal) -> Correction:
    values = {"subject": subject, "stated": f"{stated:f}", "corrected": f"{corrected:f}"}
    return Correction(code, subject, stated, corrected, _REASONS[code].filled(values))
