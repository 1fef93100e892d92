"""
Solving (求解): find a value that meets a formula, or show that there is none.

The answer is a value (``Found``), ``EMPTY`` — proved that no value exists — or ``Open``: not known, with the reason. A
tableau over the six JSON types: what must hold is collected, choices are left aside until the rest is known to be
possible, and a value that meets the choices by itself ends the search. Recursive definitions end because a smallest
value never needs to contain a value of its own kind: a goal that comes back on its own path is EMPTY there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeAlias, cast

from tradehall_standards.compat.answers import EMPTY, Answer, Empty, Found, Gathering, Open
from tradehall_standards.compat.arrays import solve_array
from tradehall_standards.compat.figures import solve_number
from tradehall_standards.compat.holding import Holding, Oracle, all_hold, no_oracle
from tradehall_standards.compat.objects import solve_object
from tradehall_standards.compat.reading import Reader
from tradehall_standards.compat.regular import TooLarge
from tradehall_standards.compat.terms import Term, TooManyTerms
from tradehall_standards.compat.texts import solve_text
from tradehall_standards.compat.values import TYPES, Frozen, Value, has_inner_number, thaw, with_fractions

Goal: TypeAlias = frozenset[Term]

_MAX_UNFOLDED: Final = 12
"""How many recursive references one value may go through before anything is known of it."""


class Solver:
    """
    Solves goals over the formulas of one reader (求解器).

    Args:
        reader: holds the tables and the definitions.
        tick: called at every step; raises :class:`Spent` to end the search.
        oracle: tells what only engines know of a text.
        texts: texts worth trying where only an engine knows.
    """

    def __init__(
        self,
        reader: Reader,
        tick: Callable[[], None],
        oracle: Oracle = no_oracle,
        texts: Sequence[str] = (),
    ) -> None:
        self.reader = reader
        self.terms = reader.terms
        self.languages = reader.languages
        self.texts = texts
        self.tick = tick
        self.holding = Holding(reader, oracle)
        self._known: dict[tuple[str, Goal], Answer] = {}
        self._path: dict[tuple[str, Goal], int] = {}

    def solve(self, goal: Iterable[Term]) -> Answer:
        """Return a value that meets every term, EMPTY or Open (求解)."""
        term = self.terms.all_of(goal)
        gathered = Gathering()
        for kind in TYPES:
            answer = self._solve_type(kind, self.terms.restrict(term, kind))
            if isinstance(answer, Found):
                return answer
            gathered.add(answer)
        return gathered.result()

    def _solve_type(self, kind: str, term: Term) -> Answer:
        """Remember answers, and know a goal that comes back on its own path."""
        if term is self.terms.false:
            return EMPTY
        key = (kind, frozenset({term}))
        known = self._known.get(key)
        if known is not None:
            return known
        if key in self._path:
            return Empty(self._path[key])
        depth = len(self._path)
        self._path[key] = depth
        try:
            answer = self._search(kind, {term}, 0)
        except (TooLarge, TooManyTerms):
            answer = Open("size")
        except RecursionError:
            answer = Open("loop")
        finally:
            del self._path[key]
        if isinstance(answer, Empty) and answer.leans is not None:
            if answer.leans < depth:
                return answer  # true only inside the goal it leans on: not to be remembered
            answer = EMPTY
        self._known[key] = answer
        return answer

    def _search(self, kind: str, goal: set[Term], unfolded: int) -> Answer:
        self.tick()
        settled = self._settle(kind, goal, unfolded)
        if settled is None:
            return EMPTY
        literals, choices, unfolded = settled
        if unfolded > _MAX_UNFOLDED:
            return Open("loop")
        answer = self._leaf(kind, literals, choices)
        if isinstance(answer, Empty) or not choices:
            return answer
        if isinstance(answer, Found) and all(self.holding.holds(choice, answer.value) for choice in choices):
            return answer
        return self._branch(kind, literals, choices, answer, unfolded)

    def _branch(
        self, kind: str, literals: frozenset[Term], choices: list[Term], relaxed: Found | Open, unfolded: int
    ) -> Answer:
        choice = self._choose(choices, relaxed)
        rest = [other for other in choices if other is not choice]
        gathered = Gathering()
        for part in choice.terms:
            answer = self._search(kind, {*literals, *rest, part}, unfolded)
            if isinstance(answer, Found):
                return answer
            gathered.add(answer)
        return gathered.result()

    def _choose(self, choices: list[Term], relaxed: Found | Open) -> Term:
        """Take the shortest choice that the value found without choices does not meet."""
        broken = choices
        if isinstance(relaxed, Found):
            broken = [c for c in choices if self.holding.holds(c, relaxed.value) is not True] or choices
        return min(broken, key=lambda term: (len(term.parts), term.serial))

    def _settle(self, kind: str, goal: set[Term], unfolded: int) -> tuple[frozenset[Term], list[Term], int] | None:
        """Sort a goal into literals and choices until nothing follows any more; None when it contradicts itself."""
        literals: set[Term] = set()
        choices: set[Term] = set()
        waiting: list[Term] | None = list(goal)
        while waiting:
            term = self.terms.restrict(waiting.pop(), kind)
            if term.atom.kind == "ref":
                unfolded += 1
                if unfolded > _MAX_UNFOLDED:
                    break
                waiting.append(self._unfold(term))
            elif term.kind == "and":
                waiting.extend(term.terms)
            elif term.kind == "or":
                choices.add(term)
            elif term is self.terms.false or self.terms.inverse(term) in literals:
                return None
            elif term is not self.terms.true:
                literals.add(term)
            if not waiting:
                waiting = self._propagate(literals, choices)
                if waiting is None:
                    return None
        return frozenset(literals), sorted(choices, key=lambda term: term.serial), unfolded

    def _unfold(self, term: Term) -> Term:
        target = self.reader.definitions[cast("tuple[str, str]", term.atom.parts[0])]
        return self.terms.inverse(target) if term.kind == "not" else target

    def _propagate(self, literals: set[Term], choices: set[Term]) -> list[Term] | None:
        """Drop choices that are met, and parts that are out; return what is left alone, None when nothing is."""
        moved: list[Term] = []
        for choice in list(choices):
            if any(part in literals for part in choice.terms):
                choices.discard(choice)
                continue
            left = [part for part in choice.terms if not self._is_out(part, literals)]
            if not left:
                return None
            if len(left) < len(choice.terms):
                choices.discard(choice)
                moved.append(self.terms.any_of(left))
        return moved

    def _is_out(self, part: Term, literals: set[Term]) -> bool:
        if part.kind == "and":
            return any(self.terms.inverse(inner) in literals for inner in part.terms)
        return self.terms.inverse(part) in literals

    def _leaf(self, kind: str, literals: frozenset[Term], choices: list[Term]) -> Answer:
        """Answer for literals of one type; the choices are only used to try listed values."""
        listed = [term for term in literals if term.kind == "among"]
        if listed:
            return self._try_listed(listed, literals, choices)
        if any(term.atom.kind == "opaque" for term in literals):
            plain = frozenset(term for term in literals if term.atom.kind != "opaque")
            answer = self._leaf(kind, plain, choices)
            return answer if isinstance(answer, Empty) else Open("keyword")
        return _LEAVES[kind](self, literals)

    def _try_listed(self, listed: list[Term], literals: frozenset[Term], choices: list[Term]) -> Answer:
        shortest = min(listed, key=lambda term: len(cast("frozenset[Frozen]", term.parts[0])))
        unknown = False
        for frozen in sorted(cast("frozenset[Frozen]", shortest.parts[0]), key=repr):
            self.tick()
            for value in self._writings(frozen):
                answer = all_hold(self.holding.holds(term, value) for term in (*literals, *choices))
                if answer:
                    return Found(value)
                unknown = unknown or answer is None
            unknown = unknown or (self.reader.minds_writing and has_inner_number(frozen))
        return Open("engine_only") if unknown else EMPTY

    def _writings(self, frozen: Frozen) -> list[Value]:
        """Return a listed value; whole numbers also as ``1.0`` where draft 4 tells the two apart."""
        plain = thaw(frozen)
        return [plain, with_fractions(plain)] if self.reader.minds_writing else [plain]


def _null(solver: Solver, literals: frozenset[Term]) -> Answer:
    return Found(None)


def _boolean(solver: Solver, literals: frozenset[Term]) -> Answer:
    for value in (True, False):
        if all(solver.holding.holds(term, value) for term in literals):
            return Found(value)
    return EMPTY


_LEAVES: Final[dict[str, Callable[[Solver, frozenset[Term]], Answer]]] = {
    "null": _null,
    "boolean": _boolean,
    "number": solve_number,
    "string": solve_text,
    "array": solve_array,
    "object": solve_object,
}
