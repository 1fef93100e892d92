"""
Numbers (数值): amounts leave as JSON numbers with the very digits of the record, and never pass through a float.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import orjson


def exact(literal: str) -> Decimal:
    """Return a number with a fraction as a decimal (精确小数); what a JSON reader is given instead of ``float``."""
    return Decimal(literal)


def write(value: Any) -> bytes:
    """Return JSON (写出): members in order, a ``Decimal`` digit by digit."""
    return orjson.dumps(value, default=_digits)


def write_pretty(value: Any) -> bytes:
    """Return JSON for people to read (写出，缩进)."""
    return orjson.dumps(value, default=_digits, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _digits(value: Any) -> orjson.Fragment:
    if isinstance(value, Decimal) and value.is_finite():
        return orjson.Fragment(format(value, "f"))
    raise TypeError(f"{type(value).__name__} is not JSON")
