"""Arrays (数组): an array that meets rules for its items, their number, what it holds and that nothing is twice."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Final, TypeAlias, cast

from tradehall_standards.compat.answers import EMPTY, Answer, Asking, Empty, Found, Gathering, Open
from tradehall_standards.compat.figures import excluded
from tradehall_standards.compat.holding import all_hold
from tradehall_standards.compat.terms import Term
from tradehall_standards.compat.values import Frozen, Value, freeze

_MAX_LENGTH: Final = 12_000
_MAX_DEMANDS: Final = 40
_MAX_SUBSETS: Final = 200
_CHARACTERS: Final = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True)
class _Demand:
    """One item, from place ``low`` up to but not ``high``, must meet ``term``; those of a group at different places."""

    low: int
    high: int | None
    term: Term
    group: int


@dataclass(frozen=True, slots=True)
class _Rules:
    """
    The literals, sorted (数组规则).

    ``every``: places and what all items there must meet; ``limits``: no more than so many items may meet a term.
    """

    every: tuple[tuple[int, int | None, Term], ...]
    demands: tuple[_Demand, ...]
    limits: tuple[tuple[int, Term], ...]
    low: int
    high: int | None
    unique: bool
    twins: bool
    barred: frozenset[Frozen]

    def at(self, place: int) -> list[Term]:
        """Return what the item at a place must meet."""
        return [term for low, high, term in self.every if low <= place and (high is None or place < high)]

    @property
    def uniform(self) -> int:
        """The first place from which on all places are alike."""
        ends = [end for low, high, _ in self.every for end in (low, high or 0)]
        ends += [end for demand in self.demands for end in (demand.low, demand.high or 0)]
        return max(ends, default=0)


_Goals: TypeAlias = list[list[Term]]


def solve_array(solver: Asking, literals: frozenset[Term]) -> Answer:
    """Return an array that meets the literals, EMPTY or Open (求数组)."""
    rules = _sort(solver, literals)
    if rules.high is not None and rules.low > rules.high:
        return EMPTY
    if len(rules.demands) > _MAX_DEMANDS:
        return Open("items")
    needed = len(rules.demands) + (2 if rules.twins else 0)
    most = max(rules.low, rules.uniform + needed)  # a longer array could lose an item that nobody asks for
    most = most if rules.high is None else min(most, rules.high)
    gathered = Gathering()
    for length in range(rules.low, most + 1):
        if length > _MAX_LENGTH:
            gathered.add(_too_long(solver, rules))
            break
        answer = _of_length(solver, rules, length)
        if isinstance(answer, Found):
            return answer
        gathered.add(answer)
    return gathered.result()


def _too_long(solver: Asking, rules: _Rules) -> Empty | Open:
    """Beyond the bound an array is only known not to exist when no item at all can stand at its end."""
    if rules.low > max(rules.uniform, 0):
        answer = solver.solve(rules.at(rules.uniform))
        if isinstance(answer, Empty):
            return answer
    return Open("items")


def _sort(solver: Asking, literals: frozenset[Term]) -> _Rules:
    terms = solver.terms
    every: list[tuple[int, int | None, Term]] = []
    demands: list[_Demand] = []
    limits: list[tuple[int, Term]] = []
    low, high = 0, None
    for group, term in enumerate(sorted(literals, key=lambda term: term.serial)):
        atom, negative = term.atom, term.kind == "not"
        if atom.kind == "items":
            first, last = cast("tuple[int, int | None]", atom.parts[:2])
            if negative:
                demands.append(_Demand(first, last, terms.inverse(atom.terms[0]), group))
            else:
                every.append((first, last, atom.terms[0]))
        elif atom.kind == "holding":
            least = cast("int", atom.parts[0])
            if not negative:
                demands += [_Demand(0, None, atom.terms[0], group)] * min(least, _MAX_DEMANDS + 1)
            elif least == 1:
                every.append((0, None, terms.inverse(atom.terms[0])))
            else:
                limits.append((least - 1, atom.terms[0]))
        elif atom.kind == "sized":
            length = cast("int", atom.parts[0])
            if negative:
                high = length if high is None else min(high, length)
            else:
                low = max(low, length + 1)
    kinds = {(term.atom.kind, term.kind == "not") for term in literals}
    return _Rules(
        tuple(every),
        tuple(demands),
        tuple(limits),
        low,
        high,
        ("unique", False) in kinds,
        ("unique", True) in kinds,
        frozenset(excluded(literals)),
    )


def _of_length(solver: Asking, rules: _Rules, length: int) -> Answer:
    gathered = Gathering()
    for goals in _placements(solver, rules, length, gathered):
        for limited in _limited(solver, rules, goals, gathered):
            for twinned in _twinned(rules, limited):
                answer = _fill(solver, rules, twinned)
                if isinstance(answer, Found):
                    return answer
                gathered.add(answer)
    return gathered.result()


def _placements(solver: Asking, rules: _Rules, length: int, gathered: Gathering) -> Iterator[_Goals]:
    """Yield the goals of all items for every way to place the demands; what can't be met goes into ``gathered``."""
    goals = [rules.at(place) for place in range(length)]
    for place in {*range(min(rules.uniform + 1, length)), *([length - 1] if length else [])}:
        answer = solver.solve(goals[place])
        if isinstance(answer, Empty):
            gathered.add(answer)
            return
    yield from _place(solver, rules, goals, (), gathered)


def _place(
    solver: Asking, rules: _Rules, goals: _Goals, taken: tuple[int, ...], gathered: Gathering
) -> Iterator[_Goals]:
    solver.tick()
    if len(taken) == len(rules.demands):
        yield goals
        return
    demand = rules.demands[len(taken)]
    peers = [at for at, other in zip(taken, rules.demands, strict=False) if other.group == demand.group]
    last = len(goals) if demand.high is None else min(demand.high, len(goals))
    first = max([demand.low, *(at + 1 for at in peers)])  # of one group the places rise: they are alike
    fresh = False
    for at in range(first, last):
        if at >= rules.uniform and at not in taken:
            if fresh:
                continue  # places that nobody asked for are alike
            fresh = True
        goal = [*goals[at], demand.term]
        answer = solver.solve(goal)
        if isinstance(answer, Empty):
            gathered.add(answer)
            continue
        yield from _place(solver, rules, [*goals[:at], goal, *goals[at + 1 :]], (*taken, at), gathered)


def _limited(solver: Asking, rules: _Rules, goals: _Goals, gathered: Gathering) -> Iterator[_Goals]:
    """Yield the goals with, for every limit, each choice of the items that may meet its term."""
    ways = [goals]
    for most, term in rules.limits:
        ways = [narrowed for way in ways for narrowed in _limit(solver, way, most, term)][: _MAX_SUBSETS + 1]
    if len(ways) > _MAX_SUBSETS:
        gathered.add(Open("items"))
        ways = ways[:_MAX_SUBSETS]
    yield from ways


def _limit(solver: Asking, goals: _Goals, most: int, term: Term) -> list[_Goals]:
    if len(goals) <= most:
        return [goals]
    barred = solver.terms.inverse(term)
    found: list[_Goals] = []
    for free in combinations(range(len(goals)), most):
        found.append([goal if at in free else [*goal, barred] for at, goal in enumerate(goals)])
        if len(found) > _MAX_SUBSETS:
            break
    return found


def _twinned(rules: _Rules, goals: _Goals) -> Iterator[_Goals]:
    """Where something must be twice: yield the goals with two items that meet the goals of both."""
    if not rules.twins:
        yield goals
        return
    for left, right in combinations(range(len(goals)), 2):
        joined = [*goals[left], *goals[right]]
        yield [joined if at in {left, right} else goal for at, goal in enumerate(goals)]


def _fill(solver: Asking, rules: _Rules, goals: _Goals) -> Answer:
    values: list[Value] = []
    gathered = Gathering()
    for goal in goals:
        answer = solver.solve(goal)
        if isinstance(answer, Found):
            values.append(answer.value)
            continue
        gathered.add(answer)
        if isinstance(answer, Empty):
            return answer
    if len(values) < len(goals):
        return gathered.result()
    if rules.twins:
        return _checked(rules, values)  # equal goals have equal answers
    if rules.unique and len({freeze(value) for value in values}) < len(values):
        return _distinct(solver, rules, goals)
    return _checked(rules, values)


def _checked(rules: _Rules, values: list[Value]) -> Answer:
    if freeze(values) in rules.barred:
        return Open("listed")
    return Found(values)


def _others(solver: Asking, goal: list[Term], start: Value) -> Iterator[Value]:
    """Yield values that meet the goal too, ever further from one that does."""
    seen = {freeze(start)}
    waiting = deque([start])
    while waiting:
        for near in _nearby(waiting.popleft()):
            solver.tick()
            key = freeze(near)
            if key not in seen:
                seen.add(key)
                if all_hold(solver.holding.holds(term, near) for term in goal):
                    waiting.append(near)
                    yield near


def _nearby(value: Value) -> Iterator[Value]:
    """Yield values that differ in one character, number or member."""
    if isinstance(value, str):
        for at in range(len(value) - 1, -1, -1):
            for char in _CHARACTERS:
                yield f"{value[:at]}{char}{value[at + 1 :]}"
        for char in _CHARACTERS:
            yield f"{value}{char}"
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from ({**value, name: near} for near in _nearby(item))
    elif isinstance(value, list):
        for at, item in enumerate(value):
            yield from ([*value[:at], near, *value[at + 1 :]] for near in _nearby(item))
    elif isinstance(value, int) and not isinstance(value, bool):
        yield value + 1
        yield value - 1


def _distinct(solver: Asking, rules: _Rules, goals: _Goals) -> Answer:
    """Find different values, one after the other; that there are too few is only proved among equal goals."""
    terms = solver.terms
    values: list[Value] = []
    used_keys: set[Frozen] = set()
    more: dict[Term, Iterator[Value]] = {}
    for goal in goals:
        kind = terms.all_of(goal)
        near = next((item for item in more.get(kind, iter(())) if freeze(item) not in used_keys), None)
        if near is not None:
            values.append(near)
            used_keys.add(freeze(near))
            continue
        used = terms.atom("among", frozenset(used_keys))
        answer = solver.solve([*goal, terms.inverse(used)])
        if isinstance(answer, Found):
            values.append(answer.value)
            used_keys.add(freeze(answer.value))
            more.setdefault(kind, _others(solver, goal, answer.value))
            continue
        alike = all(terms.all_of(other) is kind for other in goals[: len(values)])
        if isinstance(answer, Empty) and alike:
            return answer
        return Open("items")
    return _checked(rules, values)
