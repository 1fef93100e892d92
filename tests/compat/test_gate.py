"""The gate: our checker passes on realistic edits of our own families, and careless checkers do not."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tradehall.bench.comparing import always_proved, comparing, corpora, without_inclusion
from tradehall_standards import Catalogue
from tradehall_standards.compat.comparing import Comparison, compare_here
from tradehall_standards.compat.edits import KINDS
from tradehall_standards.compat.scoring import Pair, read_pairs, score

FOLDER = Path(__file__).parent / "pairs"
EDITS = 210


@pytest.fixture(scope="module")
def own_edits(catalogue: Catalogue) -> list[Pair]:
    return list(corpora(catalogue, None, EDITS)[0].pairs)


def ours(pair: Pair) -> Comparison:
    return compare_here(pair.old, pair.new, clock=time.thread_time, draft=pair.draft, formats=pair.formats)


@pytest.mark.slow
def test_every_edit_of_our_own_families_is_decided_rightly_in_both_directions(own_edits: list[Pair]) -> None:
    assert len(own_edits) == EDITS
    assert {kind for kind in KINDS if any(kind in pair.name for pair in own_edits)} == set(KINDS)
    found = score(own_edits, ours, time.perf_counter)
    assert (found.wrong, found.unfounded, found.unknown) == ((), (), 0)
    assert found.total == 2 * EDITS
    assert found.passes(decided=1.0)


def test_a_checker_that_always_says_proved_fails_the_gate(own_edits: list[Pair]) -> None:
    found = score(own_edits, always_proved, time.perf_counter)
    assert found.decided == 1
    assert len(found.wrong) > EDITS / 4
    assert not found.passes(decided=0)


def test_a_checker_without_inclusion_of_patterns_fails_the_gate(own_edits: list[Pair]) -> None:
    found = score(own_edits[::3], without_inclusion, time.perf_counter)
    assert not found.wrong  # it is blind, not wrong
    assert not found.passes(decided=0.98)


def test_our_own_pairs_pass_and_pairs_with_doubt_are_not_held_against_anybody() -> None:
    pairs = read_pairs(FOLDER / "own.json")
    found = score(pairs, ours, time.perf_counter)
    assert (found.wrong, found.unfounded) == ((), ())
    assert found.unknown == sum(pair.truth is None for pair in pairs) + sum(pair.forward is None for pair in pairs)


def test_the_bench_counts_every_corpus_it_is_given(catalogue: Catalogue) -> None:
    lines = comparing(catalogue, edits=20, folder=FOLDER)
    assert {line.what.partition(":")[0] for line in lines} == {"own edits", "own", "all given corpora"}
    assert not any(line.broken for line in lines if "decided" not in line.unit and line.unit != "ms"), lines
