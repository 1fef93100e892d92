"""
Scoring (评分): how often a checker of compatibility is right, decided, and quick; and the gate it has to pass.

A pair asks one question, whether NEW accepts everything that OLD accepts. A wrong ``proved`` fails the gate whatever
else is right; so does a refutation whose witness does not stand.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

from tradehall_standards.compat.comparing import Comparison, Verdict
from tradehall_standards.compat.confirming import EngineRefusal, FirstEngine, SecondOpinion
from tradehall_standards.compat.dialects import LATEST, Draft, Formats, Schema, draft_of
from tradehall_standards.compat.edits import edits

P95_SECONDS: Final = 2.0

Truth: TypeAlias = bool | None
"""Whether NEW accepts all of OLD; None where nobody knows."""
Checker: TypeAlias = "Callable[[Pair], Comparison]"


@dataclass(frozen=True, slots=True)
class Pair:
    """
    Two schemas and what is known of them (模式对).

    ``truth`` is about old records under NEW, ``forward`` about new records under OLD.
    """

    name: str
    old: Schema
    new: Schema
    draft: Draft = LATEST
    formats: Formats = "draft"
    truth: Truth = None
    forward: Truth = None
    both: bool = False


@dataclass(frozen=True, slots=True)
class Score:
    """
    What a checker did on a corpus (评分结果).

    Attributes:
        proved: verdicts that said so.
        refuted: verdicts with a witness.
        unknown: the rest.
        wrong: names of pairs that were proved although they are refuted by truth.
        unfounded: names of pairs refuted by a witness that an engine does not confirm, or against the truth.
        seconds: time of every pair, sorted.
    """

    proved: int
    refuted: int
    unknown: int
    wrong: tuple[str, ...]
    unfounded: tuple[str, ...]
    seconds: tuple[float, ...]

    @property
    def total(self) -> int:
        """All verdicts."""
        return self.proved + self.refuted + self.unknown

    @property
    def decided(self) -> float:
        """Share of verdicts that are not ``unknown``."""
        return (self.proved + self.refuted) / self.total if self.total else 0.0

    def percentile(self, percent: int) -> float:
        """Return the seconds within which so many of a hundred pairs were answered."""
        return self.seconds[(len(self.seconds) - 1) * percent // 100] if self.seconds else 0.0

    def passes(self, decided: float) -> bool:
        """Tell whether the gate is passed (是否达标): nothing wrong, nothing unfounded, enough decided, in time."""
        return not self.wrong and not self.unfounded and self.decided >= decided and self.percentile(95) <= P95_SECONDS


def score(pairs: Iterable[Pair], checker: Checker, clock: Callable[[], float]) -> Score:
    """Ask a checker about every pair and judge its answers (评分)."""
    outcomes: list[str] = []
    wrong: list[str] = []
    unfounded: list[str] = []
    seconds: list[float] = []
    for pair in pairs:
        start = clock()
        found = checker(pair)
        seconds.append(clock() - start)
        for verdict, truth in ((found.backward, pair.truth), (found.forward, pair.forward))[: 1 + pair.both]:
            outcomes.append(verdict.outcome)
            if verdict.outcome == "proved" and truth is False:
                wrong.append(pair.name)
            if verdict.outcome == "refuted" and not (truth is not True and stands(pair, verdict)):
                unfounded.append(pair.name)
    return Score(
        outcomes.count("proved"),
        outcomes.count("refuted"),
        outcomes.count("unknown"),
        tuple(wrong),
        tuple(unfounded),
        tuple(sorted(seconds)),
    )


def stands(pair: Pair, verdict: Verdict) -> bool:
    """Tell whether both engines confirm the witness of a refutation (反例复核)."""
    if verdict.witness is None:
        return False
    sides = (pair.old, pair.new) if verdict.direction == "backward" else (pair.new, pair.old)
    try:
        return all(
            engine(schema, draft_of(schema, pair.draft), pair.formats).is_valid(verdict.witness.document) is accepted
            for schema, accepted in zip(sides, (True, False), strict=True)
            for engine in (FirstEngine, SecondOpinion)
        )
    except EngineRefusal:
        return False


def edit_pairs(bundles: Mapping[str, Schema], *, everywhere: bool = False) -> Iterator[Pair]:
    """Yield pairs of a family and one edit of it, in both directions; of every kind one, or ``everywhere``."""
    for family, schema in bundles.items():
        for edit in edits(schema, once=not everywhere):
            name = f"{family} {edit.kind} {edit.pointer}"
            yield Pair(name, schema, edit.schema, LATEST, "enforced", edit.backward, edit.forward, both=True)


def read_pairs(file: Path) -> Sequence[Pair]:
    """
    Read pairs from a JSON array (读取模式对): ``old``, ``new``, ``dialect``, ``truth`` and optionally ``forward``.

    ``truth`` is ``compatible``, ``incompatible``, or anything else for unknown.
    """
    return [_pair(item) for item in json.loads(file.read_bytes())]


def _pair(item: Mapping[str, Any]) -> Pair:
    known = {"compatible": True, "incompatible": False}
    return Pair(
        str(item["id"]),
        item["old"],
        item["new"],
        item["dialect"],
        truth=known.get(item["truth"]),
        forward=known.get(item.get("forward", "")),
        both="forward" in item,
    )
