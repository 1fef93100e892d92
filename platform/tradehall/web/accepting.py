"""
Content negotiation (内容协商): which of the offered media types a client would rather have.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

_QUALITY: Final = re.compile(r"(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)")
_MAX_RANGES: Final = 40


def best_of(accepted: str, offered: Sequence[str]) -> str:
    """
    Return the offered type that ``Accept`` weighs most (RFC 9110 12.5.1); the first one when several weigh the same.

    A client that accepts none of them gets the first: a page or schema it did not ask for tells more than a refusal.
    """
    ranges = [_range(item) for item in accepted.split(",")[:_MAX_RANGES] if item.strip()]
    if not ranges:
        return offered[0]
    return max(offered, key=lambda media: _weight(media, ranges))


def _range(item: str) -> tuple[str, float]:
    name, *parameters = (part.strip().lower() for part in item.split(";"))
    told = next((part.removeprefix("q=") for part in parameters if part.startswith("q=")), "1")
    return name, float(told) if _QUALITY.fullmatch(told) else 0.0


def _weight(media: str, ranges: Sequence[tuple[str, float]]) -> float:
    """Return the weight of the most specific range that holds a type."""
    for name in (media, f"{media.partition('/')[0]}/*", "*/*"):
        found = [weight for told, weight in ranges if told == name]
        if found:
            return max(found)
    return 0.0
