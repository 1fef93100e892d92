"""
Money (金额) in exact decimals: the wire form, arithmetic, and 大写人民币 both ways.

Decimal only, never float. Everything which divides or rounds does so under :data:`ARITHMETIC`, so a result
never depends on the caller's decimal context; multiply first and divide last, and the one rounding that
follows is the rounding of the exact quotient.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal, DivisionByZero, InvalidOperation, Overflow, localcontext
from functools import total_ordering, wraps
from typing import Final, NewType, ParamSpec, TypeVar

Currency = NewType("Currency", str)
"""Three capital letters of ISO 4217 (GB/T 12406)."""

CNY: Final = Currency("CNY")
AMOUNT_PLACES: Final = 2
UNIT_PRICE_PLACES: Final = 6
# Amount (17 digits) × quantity (21) fits with room for the digits that decide a rounding.
ARITHMETIC: Final = Context(
    prec=60, rounding=ROUND_HALF_UP, Emin=-999, Emax=999, traps=[InvalidOperation, DivisionByZero, Overflow]
)

_INTEGER_DIGITS: Final = 15
_LIMIT: Final = Decimal(10) ** _INTEGER_DIGITS
_AMOUNT: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,14})\.[0-9]{2}", re.ASCII)
_UNIT_PRICE: Final = re.compile(r"(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,6})?", re.ASCII)
_CURRENCY: Final = re.compile(r"[A-Z]{3}", re.ASCII)
_MONEY_MEMBERS: Final = ["amount", "currency"]

_P = ParamSpec("_P")
_R = TypeVar("_R")


class NotAnAmount(ValueError):  # noqa: N818  - says what happened
    """The text or number is no amount of money in the form asked for."""


class CurrencyMismatch(ValueError):  # noqa: N818  - says what happened
    """Two amounts of different currencies were put together."""


def exactly(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Run ``function`` under :data:`ARITHMETIC`, whatever the caller's decimal context is."""

    @wraps(function)
    def inside(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        with localcontext(ARITHMETIC):
            return function(*args, **kwargs)

    return inside


@exactly
def round_half_up(value: Decimal, places: int = AMOUNT_PLACES) -> Decimal:
    """Round (四舍五入) to ``places`` decimals; a half goes away from zero and there is no negative zero."""
    rounded = value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)
    return abs(rounded) if rounded.is_zero() else rounded


def parse_amount(text: str, *, signed: bool = False) -> Decimal:
    """
    Read an amount (金额) of the wire: ASCII digits, a point, two digits.

    Args:
        text: for example ``"1234567.89"``; at most 15 digits before the point.
        signed: allow a leading minus, but never ``"-0.00"``.

    Raises:
        NotAnAmount: anything else, such as ``NaN``, ``1E4``, ``+1.00``, ``01.00``, full-width digits, blanks.
    """
    if _AMOUNT.fullmatch(text) is None:
        raise NotAnAmount(f"not an amount with two decimals: {text!r}")
    if text.startswith("-") and (not signed or not text.strip("-0.")):
        raise NotAnAmount(f"not an amount that may stand here: {text!r}")
    return Decimal(text)


def parse_unit_price(text: str) -> Decimal:
    """
    Read a unit price or a quantity (单价、数量): no sign, up to six decimals.

    Raises:
        NotAnAmount: anything else.
    """
    if _UNIT_PRICE.fullmatch(text) is None:
        raise NotAnAmount(f"not a number with up to {UNIT_PRICE_PLACES} decimals: {text!r}")
    return Decimal(text)


@exactly
def to_wire(amount: Decimal, *, signed: bool = False) -> str:
    """
    Write an amount in wire form; it MUST have no more than two decimals, nothing is rounded here.

    Raises:
        NotAnAmount: not finite, more than two decimals, too large, or negative without ``signed``.
    """
    if not amount.is_finite() or abs(amount) >= _LIMIT:
        raise NotAnAmount(f"not a number the wire can carry: {amount}")
    rounded = round_half_up(amount)
    if rounded != amount or (rounded < 0 and not signed):
        raise NotAnAmount(f"not an amount with two decimals that may stand here: {amount}")
    return f"{rounded:f}"


@total_ordering
@dataclass(frozen=True, slots=True)
class Money:
    """
    An amount in one currency (金额与币种). Sums and differences are exact; products are not rounded.

    Raises:
        NotAnAmount: the amount is not finite, or the currency not three capital letters.
    """

    amount: Decimal
    currency: Currency = CNY

    def __post_init__(self) -> None:
        if not self.amount.is_finite():
            raise NotAnAmount(f"not a finite amount: {self.amount}")
        if _CURRENCY.fullmatch(self.currency) is None:
            raise NotAnAmount(f"not a currency: {self.currency!r}")

    @classmethod
    def from_wire(cls, value: Mapping[str, object], *, signed: bool = False) -> Money:
        """Read ``{"amount": "123.00", "currency": "CNY"}``; anything more or less is :class:`NotAnAmount`."""
        amount, currency = value.get("amount"), value.get("currency")
        if sorted(value) != _MONEY_MEMBERS or not isinstance(amount, str) or not isinstance(currency, str):
            raise NotAnAmount("money is an object of amount and currency, both text")
        return cls(parse_amount(amount, signed=signed), Currency(currency))

    def to_wire(self, *, signed: bool = False) -> dict[str, str]:
        """Write the wire form; :class:`NotAnAmount` when there are more than two decimals."""
        return {"amount": to_wire(self.amount, signed=signed), "currency": self.currency}

    def rounded(self, places: int = AMOUNT_PLACES) -> Money:
        """Return the same money rounded half up."""
        return Money(round_half_up(self.amount, places), self.currency)

    @exactly
    def __add__(self, other: Money) -> Money:
        return Money(self.amount + self._alike(other), self.currency)

    @exactly
    def __sub__(self, other: Money) -> Money:
        return Money(self.amount - self._alike(other), self.currency)

    @exactly
    def __mul__(self, factor: Decimal | int) -> Money:
        return Money(self.amount * factor, self.currency)

    def __lt__(self, other: Money) -> bool:
        return self.amount < self._alike(other)

    def _alike(self, other: Money) -> Decimal:
        if other.currency != self.currency:
            raise CurrencyMismatch(f"{self.currency} and {other.currency} do not add or compare")
        return other.amount


# --- 大写 ------------------------------------------------------------------------------------------------------

_DIGITS: Final = "零壹贰叁肆伍陆柒捌玖"
_PLACES: Final = ("", "拾", "佰", "仟")
_MYRIAD: Final = 10**4
_HUNDRED_MILLION: Final = 10**8
_FEN_PER_YUAN: Final = 100
_FEN_PER_JIAO: Final = 10
_LONGEST: Final = 64
_WORDS: Final = re.compile(
    rf"(?:(?P<yuan>[^元角分整]+)元)?(?:(?P<jiao>[{_DIGITS[1:]}])角)?(?:零?(?P<fen>[{_DIGITS[1:]}])分)?整?"
)
# A 零 that the ticket rules leave free: the unit before 万, 亿 or 元 is nought, the next place is not.
_FREE_NOUGHT: Final = re.compile(rf"(?<=[拾佰仟万亿][万亿元])零(?=[{_DIGITS[1:]}][仟角])")


def chinese_amount(amount: Decimal) -> str:
    """
    Write an amount of yuan in capital words (大写人民币), without the prefix 人民币.

    ``1234567.89`` becomes 壹佰贰拾叁万肆仟伍佰陆拾柒元捌角玖分. 整 ends it only when there is neither 角 nor 分.

    Raises:
        NotAnAmount: negative, more than two decimals, or more than 15 digits before the point.

    Source: 票据和结算凭证填写规范 (支付结算办法附一).
    """
    fen = int(to_wire(amount).replace(".", ""))
    yuan, small = divmod(fen, _FEN_PER_YUAN)
    if not small:
        return (_whole(yuan) or _DIGITS[0]) + "元整"
    jiao, rest = divmod(small, _FEN_PER_JIAO)
    words = _whole(yuan) + "元" if yuan else ""
    if jiao:
        words += _DIGITS[jiao] + "角"
    elif yuan:
        words += _DIGITS[0]
    return words + (_DIGITS[rest] + "分" if rest else "")


@exactly
def parse_chinese_amount(words: str) -> Decimal:
    """
    Read an amount in capital words (大写人民币), the inverse of :func:`chinese_amount`.

    The usual free forms are read too: the prefix 人民币, 圆 for 元, 正 for 整, 整 after 角, and the optional 零
    (壹拾万零柒仟元). Everything else must be the canonical writing: a missing 零 or 壹 is refused, not guessed.

    Raises:
        NotAnAmount: no such amount.
    """
    text = words.removeprefix("人民币").replace("圆", "元").replace("正", "整")
    text = text.replace("角整", "角")
    text = _FREE_NOUGHT.sub("", text)
    found = _WORDS.fullmatch(text) if len(text) <= _LONGEST else None
    if found is not None:
        yuan, jiao, fen = (_number(found[name] or "") for name in ("yuan", "jiao", "fen"))
        amount = Decimal(yuan * _FEN_PER_YUAN + jiao * _FEN_PER_JIAO + fen).scaleb(-AMOUNT_PLACES)
        # Reading is lenient; writing decides whether the words were right.
        if amount < _LIMIT and chinese_amount(amount) == text:
            return amount
    raise NotAnAmount(f"not an amount in capital words: {words!r}")


def _whole(number: int) -> str:
    """Write a whole number; empty for nought."""
    for size, name in ((_HUNDRED_MILLION, "亿"), (_MYRIAD, "万")):
        if number >= size:
            high, low = divmod(number, size)
            nought = _DIGITS[0] if 0 < low < size // 10 else ""
            return _whole(high) + name + nought + _whole(low)
    words = ""
    for place in range(3, -1, -1):
        digit = number // 10**place % 10
        if digit:
            words += _DIGITS[digit] + _PLACES[place]
        elif words and not words.endswith(_DIGITS[0]):
            words += _DIGITS[0]
    return words.rstrip(_DIGITS[0])


def _number(words: str) -> int:
    """Read a whole number leniently: unknown characters count for nothing."""
    for size, name in ((_HUNDRED_MILLION, "亿"), (_MYRIAD, "万")):
        high, found, low = words.rpartition(name)
        if found:
            return _number(high) * size + _number(low)
    total = digit = 0
    for char in words:
        if char in _DIGITS:
            digit = _DIGITS.index(char)
        elif char in _PLACES:
            total, digit = total + digit * 10 ** _PLACES.index(char), 0
    return total + digit
