"""
Grams (检索字串): how the full-text index of SQLite finds any part of a word, be it Chinese, Latin or digits.

Every character, every two and every four in a row within a word are entries of the index, and so are the filters of a
listing. A word of one or two characters is one entry; a longer one is cut into entries that must all be there, which
the few candidates are then compared with literally. Four in a row make codes and numbers rare that two leave common.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final

from tradehall.desk.listing import folded
from tradehall.desk.ports import CaseQuery

_LONG: Final = 4
_PAIR: Final = 2
ASKED_MAX: Final = 32
"""Entries that one search combines; what is asked beyond them is left to the comparison."""

_MARK: Final = "\ue000"
# FTS5's ``ascii`` tokenizer drops ASCII signs, so they move to the private area; what is there already gets company.
_SIGNS: Final = {n: 0xF700 + n for n in range(0x80) if not chr(n).isalnum()}


def entries(words: str, *, stage: str, regime: str, region: str, sector: str) -> str:
    """Return the entries of one listing (索引项), parted by spaces; ``words`` are what ``searched`` gives."""
    found: set[str] = set()
    for plain in words.split():
        word = plain.translate(_SIGNS)
        found.update(word)
        found.update(map("".join, pairwise(word)))
        found.update(map("".join, zip(word, word[1:], word[2:], word[3:], strict=False)))
    found.update(_filter(name, value) for name, value in (("stage", stage), ("regime", regime), ("sector", sector)))
    found.update(_filter("region", region[:size]) for size in range(1, len(region) + 1))
    return " ".join(sorted(found))


def match(query: CaseQuery) -> str:
    """Return the entries that a search needs, as FTS5 wants them; empty when it narrows nothing."""
    needed: dict[str, None] = {}
    for name in ("stage", "regime", "region", "sector"):
        if value := str(getattr(query, name)):
            needed[_filter(name, value)] = None
    for word in folded(query.text).split():
        needed.update(dict.fromkeys(_parts(word.translate(_SIGNS))))
    # Nothing in them has a meaning in FTS5's language: they are letters, digits and what is not ASCII.
    return " AND ".join(f'"{part}"' for part in list(needed)[:ASKED_MAX])


def _parts(word: str) -> list[str]:
    """Return entries of which a text that holds the word has every one: the longest, and the last of them flush."""
    size = _LONG if len(word) >= _LONG else min(len(word), _PAIR)
    starts = dict.fromkeys((*range(0, len(word) - size, size), len(word) - size))
    return [word[start : start + size] for start in starts]


def _filter(name: str, value: str) -> str:
    # Longer than any part of a word, so the two can't be confused.
    return f"{_MARK}{name}{_MARK}{value.translate(_SIGNS)}"
