"""
Compatibility verdicts (兼容性判定实测): right, decided and quick, on edits of our own families and on corpora given.

Beside each figure stands what a careless checker would reach: one that always says proved, and one that knows no
inclusion of regular expressions. Both must fail the gate, or the gate is worth nothing.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tradehall.bench.figures import Line, rounded
from tradehall_standards.compat import Comparer
from tradehall_standards.compat.comparing import Comparison, Verdict, compare_here
from tradehall_standards.compat.reading import Reader
from tradehall_standards.compat.scoring import P95_SECONDS, Pair, Score, edit_pairs, read_pairs, score

if TYPE_CHECKING:
    from tradehall_standards import Catalogue
    from tradehall_standards.compat.terms import Term

BENCH: Final = "compat"
DECIDED: Final = 0.98
"""Share of pairs from elsewhere that must be decided; of our own edits it is all."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """Pairs (模式对语料), and the share of them that must be decided; None where only all corpora together count."""

    name: str
    pairs: Sequence[Pair]
    decided: float | None


class BlindReader(Reader):
    """Negative control: knows of a pattern only that it equals itself (不作正则包含判断)."""

    def pattern(self, pattern: str) -> Term:
        """Return a property of texts that only an engine can tell."""
        return self.textual("pattern", pattern)


def corpora(catalogue: Catalogue, folder: Path | None, edits: int) -> list[Corpus]:
    """
    Return what is compared (语料).

    Args:
        catalogue: our families, of which at most ``edits`` edits are taken, evenly spread.
        folder: JSON files of pairs from elsewhere; None for none.
        edits: how many.
    """
    bundles = {family: catalogue.versions(family)[-1].bundle for family in catalogue.families()}
    every = list(edit_pairs(bundles))  # type: ignore[arg-type]  # bundles hold no floats, schemas may
    step = max(1, len(every) // edits)
    found = [Corpus("own edits", every[::step][:edits], 1.0)]
    files = sorted(folder.glob("*.json")) if folder is not None else []
    return [*found, *(Corpus(file.stem, read_pairs(file), None) for file in files)]


def comparing(catalogue: Catalogue, *, edits: int, folder: Path | None = None) -> list[Line]:
    """Measure verdicts on every corpus, beside the two careless checkers (兼容性判定)."""
    lines: list[Line] = []
    given: list[Score] = []
    with Comparer() as comparer:
        comparer.compare({}, {})  # start the worker: that is not what is measured
        for corpus in corpora(catalogue, folder, edits):
            ours = score(corpus.pairs, lambda pair: _ours(comparer, pair), time.perf_counter)
            careless = score(corpus.pairs, always_proved, time.perf_counter)
            blind = score(corpus.pairs, without_inclusion, time.perf_counter)
            lines += _lines(corpus, ours, careless, blind)
            if corpus.decided is None:
                given.append(ours)
    return [*lines, *_together(given)]


def _ours(comparer: Comparer, pair: Pair) -> Comparison:
    return comparer.compare(pair.old, pair.new, draft=pair.draft, formats=pair.formats)


def always_proved(_: Pair) -> Comparison:
    """Negative control: say proved, whatever the pair (一律判定兼容)."""
    return Comparison(Verdict("backward", "proved", "", ""), Verdict("forward", "proved", "", ""), ())


def without_inclusion(pair: Pair) -> Comparison:
    """Negative control: compare without inclusion of regular expressions (无正则包含)."""
    clock = time.thread_time
    return compare_here(pair.old, pair.new, clock=clock, draft=pair.draft, formats=pair.formats, reader=BlindReader)


def _lines(corpus: Corpus, ours: Score, careless: Score, blind: Score) -> list[Line]:
    least = corpus.decided
    controls_fail = least is None or not (careless.passes(least) or blind.passes(least))
    return [
        Line(
            BENCH,
            f"{corpus.name}: wrong proofs",
            Decimal(len(ours.wrong)),
            "pairs",
            "always says proved",
            Decimal(len(careless.wrong)),
            goal="0",
            met=not ours.wrong and bool(careless.wrong),
            claimed=True,
        ),
        Line(
            BENCH,
            f"{corpus.name}: witnesses that do not stand",
            Decimal(len(ours.unfounded)),
            "pairs",
            goal="0",
            met=not ours.unfounded,
            claimed=True,
        ),
        Line(
            BENCH,
            f"{corpus.name}: {_told(ours)}",
            _percent(ours.decided),
            "% decided",
            "without inclusion of patterns",
            _percent(blind.decided),
            goal="" if least is None else f">= {least:.0%}, both others fail",
            met=None if least is None else ours.decided >= least and controls_fail,
            claimed=least is not None,
        ),
        *_times(corpus.name, ours),
    ]


def _told(ours: Score) -> str:
    return f"{ours.proved} proved, {ours.refuted} refuted, {ours.unknown} unknown"


def _times(name: str, ours: Score) -> list[Line]:
    bound = "<= 2000"
    return [
        Line(
            BENCH,
            f"{name}: {percent} % of pairs within",
            rounded(Decimal(ours.percentile(percent) * 1000)),
            "ms",
            goal=goal,
            met=ours.percentile(percent) <= P95_SECONDS if goal else None,
            claimed=bool(goal),
        )
        for percent, goal in ((50, ""), (95, bound), (100, ""))
    ]


def _together(given: Sequence[Score]) -> list[Line]:
    """Return the line over all corpora from elsewhere."""
    total = sum(one.total for one in given)
    if not total:
        return []
    decided = sum(one.proved + one.refuted for one in given) / total
    what = f"all given corpora: {total} questions"
    goal = f">= {DECIDED:.0%}"
    return [
        Line(BENCH, what, _percent(decided), "% decided", goal=goal, met=decided >= DECIDED, claimed=True),
    ]


def _percent(share: float) -> Decimal:
    return Decimal(share * 100).quantize(Decimal("0.1"))
