"""Objects (对象): an object that meets rules for its members, their names and their number."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, TypeAlias, cast

from tradehall_standards.compat.answers import EMPTY, Answer, Asking, Empty, Found, Gathering, Open
from tradehall_standards.compat.figures import excluded
from tradehall_standards.compat.terms import Term
from tradehall_standards.compat.values import Frozen, Value, freeze

_MAX_MEMBERS: Final = 400
_MAX_PATTERNS: Final = 12

_Rule: TypeAlias = tuple[Term, Term]
"""For all names that meet the first: their values meet the second."""


@dataclass(frozen=True, slots=True)
class _Rules:
    """The literals, sorted (对象规则). ``named`` are all names that any rule spells out."""

    every: tuple[_Rule, ...]
    some: tuple[_Rule, ...]
    needed: tuple[str, ...]
    low: int
    high: int | None
    named: tuple[str, ...]
    barred: frozenset[Frozen]


@dataclass(frozen=True, slots=True)
class _Slot:
    """A member without a spelt-out name: what its name and its value must meet."""

    name: tuple[Term, ...]
    value: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class _Plan:
    """What an object shall hold: goals for values under spelt-out names, and slots."""

    members: dict[str, tuple[Term, ...]] = field(default_factory=dict[str, tuple[Term, ...]])
    slots: tuple[_Slot, ...] = ()

    @property
    def size(self) -> int:
        return len(self.members) + len(self.slots)


def solve_object(solver: Asking, literals: frozenset[Term]) -> Answer:
    """Return an object that meets the literals, EMPTY or Open (求对象)."""
    rules = _sort(solver, literals)
    if rules.high is not None and rules.low > rules.high:
        return EMPTY
    return _Search(solver, rules).run()


def _sort(solver: Asking, literals: frozenset[Term]) -> _Rules:
    terms = solver.terms
    every: list[_Rule] = []
    some: list[_Rule] = []
    needed: set[str] = set()
    low, high = 0, None
    for term in sorted(literals, key=lambda term: term.serial):
        atom, negative = term.atom, term.kind == "not"
        if atom.kind == "members":
            names, inner = atom.terms
            if negative:
                some.append((names, terms.inverse(inner)))
            else:
                every.append((names, inner))
        elif atom.kind == "having":
            name = cast("str", atom.parts[0])
            if negative:
                every.append((terms.atom("among", frozenset({freeze(name)})), terms.false))
            else:
                needed.add(name)
        elif atom.kind == "populous":
            size = cast("int", atom.parts[0])
            if negative:
                high = size if high is None else min(high, size)
            else:
                low = max(low, size + 1)
    named = needed.union(*(_spelt(names) for names, _ in (*every, *some)))
    return _Rules(
        tuple(every), tuple(some), tuple(sorted(needed)), low, high, tuple(sorted(named)), frozenset(excluded(literals))
    )


def _spelt(term: Term) -> set[str]:
    """Return the names that a formula of names spells out."""
    if term.kind == "among":
        return {str(value) for kind, value in cast("frozenset[Frozen]", term.parts[0]) if kind == "string"}
    return set[str]().union(*(_spelt(part) for part in term.terms))


class _Search:
    """One search for an object."""

    def __init__(self, solver: Asking, rules: _Rules) -> None:
        self._solver = solver
        self._terms = solver.terms
        self._rules = rules
        self._gathered = Gathering()
        self._unsure = False
        named = self._terms.atom("among", frozenset(freeze(name) for name in rules.named))
        self._unnamed = self._terms.inverse(named)
        self._own = {name: self._applying(name) for name in rules.named}
        # rules that may apply to names that no rule spells out
        self._wide = [rule for rule in rules.every if rule[0].kind != "among"]

    def _applying(self, name: str) -> tuple[Term, ...]:
        """Return what the value under a spelt-out name must meet."""
        found: list[Term] = []
        for names, inner in self._rules.every:
            applies = self._solver.holding.holds(names, name)
            if applies is None:
                self._unsure = True
                self._gathered.add(Open("engine_only"))
            if applies is not False:
                found.append(inner)
        return tuple(dict.fromkeys(found))

    def run(self) -> Answer:
        if len(self._wide) > _MAX_PATTERNS:
            return Open("members")
        plan = _Plan({name: self._own[name] for name in self._rules.needed})
        for name, goal in plan.members.items():
            answer = self._solver.solve(goal)
            if isinstance(answer, Empty) and not self._unsure_of(name):
                return answer
        for full in self._plans(plan, self._rules.some):
            answer = self._build(full)
            if isinstance(answer, Found):
                return answer
            self._gathered.add(answer)
        return self._gathered.result()

    def _unsure_of(self, name: str) -> bool:
        return self._unsure and any(self._solver.holding.holds(n, name) is None for n, _ in self._rules.every)

    # --- where what must be somewhere can be
    def _plans(self, plan: _Plan, some: tuple[_Rule, ...]) -> Iterator[_Plan]:
        self._solver.tick()
        if not some:
            if self._rules.high is None or plan.size <= self._rules.high:
                yield plan
            return
        (names, inner), rest = some[0], some[1:]
        for name in self._rules.named:
            applies = self._solver.holding.holds(names, name)
            if applies is None:
                self._gathered.add(Open("engine_only"))
            if applies:
                goal = (*plan.members.get(name, self._own[name]), inner)
                if self._possible(goal):
                    yield from self._plans(_Plan({**plan.members, name: goal}, plan.slots), rest)
        if names.kind == "among":
            return
        for slots in self._slots(plan.slots, names, inner):
            yield from self._plans(_Plan(plan.members, slots), rest)

    def _possible(self, goal: tuple[Term, ...]) -> bool:
        answer = self._solver.solve(goal)
        if isinstance(answer, Empty):
            self._gathered.add(answer)
        return not isinstance(answer, Empty)

    def _slots(self, slots: tuple[_Slot, ...], names: Term, inner: Term) -> Iterator[tuple[_Slot, ...]]:
        """Yield the slots with one more, or with an earlier one that meets this too."""
        for slot in self._signed((self._unnamed, names), (inner,), 0):
            yield (*slots, slot)
        for at, slot in enumerate(slots):
            joined = _Slot((*slot.name, names), (*slot.value, inner))
            if self._possible(joined.value) and self._possible_name(joined.name):
                yield (*slots[:at], joined, *slots[at + 1 :])

    def _possible_name(self, goal: tuple[Term, ...]) -> bool:
        return self._possible((*goal, self._terms.atom("type", frozenset({"string"}))))

    def _signed(self, name: tuple[Term, ...], value: tuple[Term, ...], at: int) -> Iterator[_Slot]:
        """Yield slots for every choice of the patterns that their name meets."""
        if not self._possible_name(name) or not self._possible(value):
            return
        if at == len(self._wide):
            yield _Slot(name, value)
            return
        names, inner = self._wide[at]
        yield from self._signed((*name, self._terms.inverse(names)), value, at + 1)
        yield from self._signed((*name, names), (*value, inner), at + 1)

    # --- building
    def _build(self, plan: _Plan) -> Answer:
        built: dict[str, Value] = {}
        gathered = Gathering()
        for name, goal in plan.members.items():
            answer = self._solver.solve(goal)
            if not isinstance(answer, Found):
                gathered.add(answer)
                continue
            built[name] = answer.value
        if len(built) < len(plan.members):
            return gathered.result()
        for slot in plan.slots:
            problem = self._add_slot(built, slot)
            if problem is not None:
                return problem
        return self._populate(built)

    def _add_slot(self, built: dict[str, Value], slot: _Slot) -> Empty | Open | None:
        """Add the member of a slot; a name that is taken already proves nothing."""
        name = self._name(slot.name, built)
        value = self._solver.solve(slot.value)
        if not isinstance(value, Found):
            return value
        if not isinstance(name, Found):
            return Open("members")
        built[cast("str", name.value)] = value.value
        return None

    def _name(self, goal: tuple[Term, ...], built: dict[str, Value]) -> Answer:
        used = self._terms.atom("among", frozenset(freeze(name) for name in built))
        text = self._terms.atom("type", frozenset({"string"}))
        return self._solver.solve((*goal, text, self._terms.inverse(used)))

    def _populate(self, built: dict[str, Value]) -> Answer:
        """Add members until there are enough; that there are too few names is a proof, whatever the plan."""
        needed = max(self._rules.low, len(built))
        if needed > _MAX_MEMBERS:
            return Open("members")
        spare = [name for name in self._rules.named if name not in built]
        gathered = Gathering()
        while len(built) < needed:
            problem = self._add_spare(built, spare, gathered)
            if problem is not None:
                return problem
        return self._vary(built)

    def _add_spare(self, built: dict[str, Value], spare: list[str], gathered: Gathering) -> Empty | Open | None:
        while spare:
            name = spare.pop()
            answer = self._solver.solve(self._own[name])
            if isinstance(answer, Found):
                built[name] = answer.value
                return None
            gathered.add(answer)
        for slot in self._signed((self._unnamed,), (), 0):
            problem = self._add_slot(built, slot)
            if problem is None:
                return None
            if not isinstance(self._name(slot.name, built), Empty):
                gathered.add(problem)
        return gathered.result()

    def _vary(self, built: dict[str, Value]) -> Answer:
        """Return the object unless it is one that is ruled out; then one with one member more, or fewer known."""
        if freeze(built) not in self._rules.barred:
            return Found(built)
        if self._rules.high is None or len(built) < self._rules.high:
            spare = [name for name in self._rules.named if name not in built]
            while self._add_spare(built, spare, Gathering()) is None:
                if freeze(built) not in self._rules.barred:
                    return Found(built)
                if len(built) > _MAX_MEMBERS:
                    break
        return Open("listed")
