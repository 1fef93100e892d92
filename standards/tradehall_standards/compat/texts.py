"""Texts (文本): a text that meets patterns and lengths, by exact regular languages; formats by trying."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, cast

from tradehall_standards.compat.answers import EMPTY, Answer, Asking, Found, Open
from tradehall_standards.compat.figures import excluded
from tradehall_standards.compat.holding import all_hold
from tradehall_standards.compat.patterns import read_pattern
from tradehall_standards.compat.regular import Language, Languages
from tradehall_standards.compat.terms import Term

# What every text in a format looks like at least: each engine accepts no more than this.
_OUTLINES: Final = {
    "date": "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$",
    "date-time": "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])[^0-9][0-9]{2}:[0-9]{2}:[0-9]{2}",
    "time": "^[0-9]{2}:[0-9]{2}:[0-9]{2}",
    "ipv4": "^[0-9]{1,3}(\\.[0-9]{1,3}){3}$",
    "ipv6": "^[0-9A-Fa-f:.]{2,45}$",
    "uuid": "^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$",
}
EXEMPLARS: Final = (
    "2026-03-25",
    "2024-02-29",
    "1999-12-31",
    "2026-02-30",
    "2026-02-30T09:30:00Z",
    "2026-02-30T09:30:00.123+08:00",
    "2026-03-25T24:00:00Z",
    "24:00:00Z",
    "2026-03-25T09:30:00Z",
    "2026-03-25T09:30:00+08:00",
    "2026-03-25T09:30:00.123+08:00",
    "2026-03-25T09:30:00.1234567Z",
    "2026-03-25T09:30:00+18:00",
    "2026-03-25T23:59:60Z",
    "2026-03-25t09:30:00z",
    "09:30:00Z",
    "09:30:00+08:00",
    "P1D",
    "PT15M",
    "someone@example.org",
    "a@b.example",
    "example.org",
    "example",
    "192.0.2.1",
    "2001:db8::1",
    "::1",
    "https://example.org/a",
    "http://example.org/",
    "ftp://example.org/x",
    "urn:isbn:0",
    "/a",
    "a/b",
    "#a",
    "",
    "/a/b~1c",
    "0/a",
    "1#",
    "https://example.org/{id}",
    "^a$",
    "123e4567-e89b-12d3-a456-426614174000",
    "00000000-0000-0000-0000-000000000000",
    "a",
    "a b",
    "x=x",
    "(",
    "{}",
    "[]",
    "AAAA",
    "!",
)
"""One text or more in every format, and some in none (样例)."""
_MAX_WORDS: Final = 12


def solve_text(solver: Asking, literals: frozenset[Term]) -> Answer:
    """Return a text that meets the literals, EMPTY or Open (求文本)."""
    low, high = _lengths(literals)
    if high is not None and low > high:
        return EMPTY
    languages = solver.languages
    parts = [_language(languages, term) for term in literals if term.atom.kind == "matching"]
    odd = [term for term in literals if term.atom.kind == "textual"]
    parts += [read_pattern(languages, outline) for outline in map(_outline, odd) if outline is not None]
    parts += [languages.inverse(languages.word(str(text))) for _, text in sorted(excluded(literals), key=repr)]
    language = languages.both(parts)
    found = languages.shortest(language, low, high, solver.tick)
    if found is None:
        return EMPTY
    if not odd:
        return Found(found)
    return _try(solver, odd, language, (low, high), found)


def _lengths(literals: frozenset[Term]) -> tuple[int, int | None]:
    low, high = 0, None
    for term in literals:
        if term.atom.kind != "longer":
            continue
        length = cast("int", term.atom.parts[0])
        if term.kind == "not":
            high = length if high is None else min(high, length)
        else:
            low = max(low, length + 1)
    return low, high


def _language(languages: Languages, term: Term) -> Language:
    language = cast("Language", term.atom.parts[0])
    return languages.inverse(language) if term.kind == "not" else language


def _outline(term: Term) -> str | None:
    keyword, name = cast("tuple[str, str]", term.atom.parts[0])
    return _OUTLINES.get(name) if term.kind != "not" and keyword == "format" else None


def _try(solver: Asking, odd: list[Term], language: Language, lengths: tuple[int, int | None], found: str) -> Answer:
    """Try texts where only an engine knows."""
    low, high = lengths
    for text in _candidates(solver, language, lengths, found):
        solver.tick()
        if len(text) < low or (high is not None and len(text) > high):
            continue
        if solver.languages.matches(language, text) and all_hold(solver.holding.holds(t, text) for t in odd):
            return Found(text)
    return Open("engine_only")


def _candidates(solver: Asking, language: Language, lengths: tuple[int, int | None], found: str) -> Iterator[str]:
    yield from solver.texts
    yield from EXEMPLARS
    languages = solver.languages
    yield found
    for _ in range(_MAX_WORDS):
        language = languages.both((language, languages.inverse(languages.word(found))))
        another = languages.shortest(language, *lengths, solver.tick)
        if another is None:
            return
        found = another
        yield found
