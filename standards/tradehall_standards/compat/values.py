"""
JSON values (JSON 值) as JSON Schema compares them: numbers by what they are worth, objects without order.

``freeze`` gives a hashable key, equal exactly for values that JSON Schema calls equal; ``thaw`` gives a value back.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Final, TypeAlias, cast

Value: TypeAlias = "bool | int | float | Decimal | str | list[Value] | dict[str, Value] | None"
"""A JSON value; numbers may be floats or decimals here, unlike in a record."""
Frozen: TypeAlias = tuple[str, object]

TYPES: Final = ("null", "boolean", "number", "string", "array", "object")
_MAX_EXPONENT: Final = 400
_MAX_WHOLE: Final = 2**53


class NotExactError(ValueError):
    """A number that is too large or too small to reckon with (数值超出可计算范围)."""


def type_of(value: Value) -> str:
    """Return the JSON type of a value; integers are numbers (类型)."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float, Decimal)):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


def exact(value: Value) -> Fraction:
    """Return the worth of a JSON number as it is written (精确值): 0.1 is one tenth."""
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        raise NotExactError(str(type(value)))
    if isinstance(value, int):
        return Fraction(value)
    decimal = value if isinstance(value, Decimal) else Decimal(repr(value))
    if not decimal.is_finite() or abs(decimal.adjusted()) > _MAX_EXPONENT:
        raise NotExactError(str(value))
    return Fraction(decimal)


def number(worth: Fraction) -> int | float | None:
    """Return the JSON number that is worth exactly so much, or None when a float cannot write it."""
    if worth.denominator == 1:
        return worth.numerator
    written = float(worth)
    return written if Fraction(repr(written)) == worth else None


def freeze(value: Value) -> Frozen:
    """Return a hashable key for a value (冻结)."""
    kind = type_of(value)
    if kind == "number":
        return kind, exact(value)
    if isinstance(value, list):
        return kind, tuple(freeze(item) for item in value)
    if isinstance(value, Mapping):
        return kind, tuple(sorted((name, freeze(item)) for name, item in value.items()))
    return kind, value


def thaw(frozen: Frozen) -> Value:
    """Return a value with this key."""
    kind, content = frozen
    if kind == "number":
        worth = cast("Fraction", content)
        written = number(worth)
        return Decimal(worth.numerator) / Decimal(worth.denominator) if written is None else written
    if kind == "array":
        return [thaw(item) for item in cast("tuple[Frozen, ...]", content)]
    if kind == "object":
        return {name: thaw(item) for name, item in cast("tuple[tuple[str, Frozen], ...]", content)}
    return cast("Value", content)


def with_fractions(value: Value) -> Value:
    """Return an equal value whose whole numbers are written with a fraction: ``1.0``."""
    if isinstance(value, list):
        return [with_fractions(item) for item in value]
    if isinstance(value, dict):
        return {name: with_fractions(item) for name, item in value.items()}
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > _MAX_WHOLE:
        return value
    return float(value)


def has_inner_number(frozen: Frozen) -> bool:
    """Tell whether a list or object holds a number, so that it can be written in more than two ways."""
    kind, content = frozen
    if kind == "array":
        return any(item[0] == "number" or has_inner_number(item) for item in cast("tuple[Frozen, ...]", content))
    if kind != "object":
        return False
    members = cast("tuple[tuple[str, Frozen], ...]", content)
    return any(item[0] == "number" or has_inner_number(item) for _, item in members)
