"""Killing (变异检出): running the examples of a version against its mutants."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mutation.mutants import Mutant, mutants
from mutation.vectors import Broken, Vector
from tradehall_standards.engines import Engine, RecordEngine
from tradehall_standards.identifiers import find_problem
from tradehall_standards.marks import Mark, find_marks
from tradehall_standards.strict import escape


@dataclass
class Score:
    """How many mutants were killed (检出率), by keyword, and which lived on."""

    mutants: Counter[str] = field(default_factory=Counter[str])
    alive: list[Mutant] = field(default_factory=list[Mutant])
    by_passing: int = 0
    """Mutants that payloads kill which pass: what would be left without the examples that are refused."""

    @property
    def share(self) -> float:
        """Killed mutants by all."""
        return 1 - len(self.alive) / self.mutants.total()

    @property
    def share_without_refused(self) -> float:
        """The same when no example is one that is refused (去掉反例)."""
        return self.by_passing / self.mutants.total()

    def share_of(self, keyword: str) -> float:
        """Killed mutants of one keyword by all of it."""
        return 1 - sum(mutant.keyword == keyword for mutant in self.alive) / self.mutants[keyword]


class Judge:
    """The answers of one bundle: of its schema, and of the identifiers that it marks."""

    def __init__(self, bundle: Mapping[str, Any], engine: type[Any] = RecordEngine) -> None:
        self._bundle = bundle
        self._engine: Engine = engine(bundle)
        self._marks: Mark | None = None

    def passes(self, payload: Any) -> bool:
        """Tell whether the schema lets a payload pass."""
        return self._engine.is_valid(payload)

    def broken(self, payload: Any) -> frozenset[Broken]:
        """Return pointer and keyword of all that is broken; identifiers are judged when the schema is content."""
        if not self._engine.is_valid(payload):
            return frozenset((found.pointer, found.keyword) for found in self._engine.problems(payload))
        if self._marks is None:
            self._marks = find_marks(self._bundle)
        return frozenset(
            ("".join(f"/{escape(str(step))}" for step in path), "x-identifier")
            for path, mark, text in self._marks.visit(payload)
            for kind in mark.identifiers
            if (problem := find_problem(kind, text)) is not None and problem.severity == "block"
        )

    def agrees(self, vector: Vector) -> bool:
        """Tell whether a vector comes out as expected."""
        if vector.broken is None:
            return self.passes(vector.payload)
        if vector.broken[1] != "x-identifier" and self.passes(vector.payload):
            return False
        return vector.broken in self.broken(vector.payload)


def score(bundle: Mapping[str, Any], vectors: Sequence[Vector]) -> Score:
    """Run all vectors against all mutants of a bundle (计算检出率)."""
    found = Score()
    ordered = sorted(vectors, key=lambda vector: vector.size)
    passing = [vector for vector in ordered if vector.broken is None]
    refused = [vector for vector in ordered if vector.broken is not None]
    for mutant in mutants(bundle):
        found.mutants[mutant.keyword] += 1
        judge = Judge(mutant.applied(bundle))
        if kills(judge, mutant, passing):
            found.by_passing += 1
        elif not kills(judge, mutant, refused):
            found.alive.append(mutant)
    return found


def kills(judge: Judge, mutant: Mutant, vectors: Sequence[Vector]) -> bool:
    """Tell whether some vector comes out otherwise under a mutant, whose judge this is, than under the schema."""
    if mutant.keyword == "x-identifier":  # the schema answers as before, only identifiers are judged otherwise
        return any(not judge.agrees(v) for v in vectors if v.broken is not None and v.broken[1] == "x-identifier")
    place = f"{mutant.node}/{mutant.keyword}"
    near = [vector for vector in vectors if vector.about == place]
    return any(not judge.agrees(vector) for vector in (*near, *(v for v in vectors if not v.large)))
