"""Numbers (数值): a number that meets bounds and multiples, reckoned exactly."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import count, islice
from math import ceil, floor, lcm
from typing import Final, cast

from tradehall_standards.compat.answers import EMPTY, Answer, Asking, Found, Open
from tradehall_standards.compat.terms import Term
from tradehall_standards.compat.values import Frozen, Value, number

_TRIES: Final = 20_000
_PLACES: Final = 12


@dataclass(frozen=True, slots=True)
class _Bounds:
    """An interval; ``None`` is unbounded. ``*_open`` tells that the end itself is out."""

    low: Fraction | None = None
    low_open: bool = False
    high: Fraction | None = None
    high_open: bool = False

    @property
    def is_empty(self) -> bool:
        if self.low is None or self.high is None:
            return False
        return self.low > self.high or (self.low == self.high and (self.low_open or self.high_open))

    def admits(self, worth: Fraction) -> bool:
        above = self.low is None or worth > self.low or (worth == self.low and not self.low_open)
        return above and (self.high is None or worth < self.high or (worth == self.high and not self.high_open))

    def narrowed(self, term: Term) -> _Bounds:
        """Return the interval narrowed by a literal ``above`` or ``least``."""
        limit = cast("Fraction", term.atom.parts[0])
        if term.kind != "not":
            is_open = term.kind == "above"
            if self.low is None or (limit, is_open) > (self.low, self.low_open):
                return _Bounds(limit, is_open, self.high, self.high_open)
            return self
        is_open = term.atom.kind == "least"
        if self.high is None or (limit, not is_open) < (self.high, not self.high_open):
            return _Bounds(self.low, self.low_open, limit, is_open)
        return self


def solve_number(solver: Asking, literals: frozenset[Term]) -> Answer:
    """Return a number that meets the literals, EMPTY or Open (求数)."""
    bounds = _Bounds()
    for term in literals:
        if term.atom.kind in {"above", "least"}:
            bounds = bounds.narrowed(term)
    if bounds.is_empty:
        return EMPTY
    step = _step(literals)
    rest = [term for term in literals if term.atom.kind not in {"above", "least"}]
    if step is None:
        return _any_number(solver, bounds, rest)
    return _stepped(solver, bounds, step, rest)


def _step(literals: frozenset[Term]) -> Fraction | None:
    """Return the number that every answer is a multiple of; None when any number may do."""
    steps = [cast("Fraction", term.parts[0]) for term in literals if term.kind == "multiple"]
    if any(term.kind in {"whole", "written_whole"} for term in literals):
        steps.append(Fraction(1))
    if not steps:
        return None
    denominator = lcm(*(step.denominator for step in steps))
    return Fraction(lcm(*(int(step * denominator) for step in steps)), denominator)


def _meets(solver: Asking, value: Value, rest: Iterable[Term]) -> bool:
    return all(solver.holding.holds(term, value) for term in rest)


def _stepped(solver: Asking, bounds: _Bounds, step: Fraction, rest: list[Term]) -> Answer:
    low = None if bounds.low is None else ceil(bounds.low / step)
    high = None if bounds.high is None else floor(bounds.high / step)
    tried = 0
    for factor in islice(_outwards(low, high), _TRIES):
        solver.tick()
        tried += 1
        worth = factor * step
        if not bounds.admits(worth):
            continue
        value = _written(worth, rest)
        if value is not None and _meets(solver, value, rest):
            return Found(value)
    finite = low is not None and high is not None and high - low < _TRIES
    if finite or _divides_all(step, rest):
        return EMPTY
    return Open("numbers")


def _divides_all(step: Fraction, rest: list[Term]) -> bool:
    """Tell whether a forbidden step rules every multiple of ``step`` out."""
    for term in rest:
        if term.kind != "not":
            continue
        if term.atom.kind == "whole" and step.denominator == 1:
            return True
        if term.atom.kind == "multiple" and (step / cast("Fraction", term.atom.parts[0])).denominator == 1:
            return True
    return False


def _outwards(low: int | None, high: int | None) -> Iterator[int]:
    """Yield whole numbers between bounds, the ones nearest to zero first."""
    if low is not None and low > 0:
        yield from (range(low, high + 1) if high is not None else count(low))
        return
    if high is not None and high < 0:
        yield from (range(high, low - 1, -1) if low is not None else count(high, -1))
        return
    for size in count():
        inside_low, inside_high = low is None or -size >= low, high is None or size <= high
        if not inside_low and not inside_high:
            return
        if inside_high:
            yield size
        if inside_low and size:
            yield -size


def _written(worth: Fraction, rest: list[Term]) -> Value:
    """Write a number; as ``1.0`` where draft 4 must not see an integer."""
    value = number(worth)
    if isinstance(value, int) and any(term.kind == "not" and term.atom.kind == "written_whole" for term in rest):
        written = float(value)
        return written if written == value else None
    return value


def _any_number(solver: Asking, bounds: _Bounds, rest: list[Term]) -> Answer:
    for worth in _candidates(bounds):
        solver.tick()
        value = _written(worth, rest) if bounds.admits(worth) else None
        if value is not None and _meets(solver, value, rest):
            return Found(value)
    if bounds.low is not None and bounds.low == bounds.high:
        return EMPTY if number(bounds.low) is not None else Open("numbers")
    return Open("numbers")


def _candidates(bounds: _Bounds) -> Iterator[Fraction]:
    """Yield numbers worth trying: whole ones first, then the bounds, then ever finer decimals between them."""
    low = None if bounds.low is None else ceil(bounds.low)
    high = None if bounds.high is None else floor(bounds.high)
    if low is None or high is None or low <= high:
        yield from (Fraction(item) for item in islice(_outwards(low, high), 50))
    anchors = [end for end in (bounds.low, bounds.high) if end is not None] or [Fraction(0)]
    yield from anchors
    for place in range(1, _PLACES):
        for anchor in anchors:
            start = floor(anchor * 10**place)
            for offset in range(13):
                yield Fraction(start + offset, 10**place)
                yield Fraction(start - offset, 10**place)


def excluded(literals: Iterable[Term]) -> set[Frozen]:
    """Return the values that the literals rule out one by one."""
    found: set[Frozen] = set()
    for term in literals:
        if term.kind == "not" and term.atom.kind == "among":
            found |= cast("frozenset[Frozen]", term.atom.parts[0])
    return found
