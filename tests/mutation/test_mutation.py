"""
The schema mutation test (模式变异检验): do the examples of a family notice when one keyword of its schema changes?

Examples are the published ones and the boundary vectors beside this file; published folders never change, so what they
lack stands here. ``python -m mutation.grow FAMILY`` writes the vectors of a new version, for people to read.
"""

from __future__ import annotations

import json

import pytest

from mutation.killing import Judge, Score, score
from mutation.mutants import Mutant, mutants, width
from mutation.vectors import FOLDER, Vector, edited, examples, path_of, stored
from tradehall_standards import Catalogue, Version
from tradehall_standards.second_engine import SecondEngine

GATE = 0.95
CATALOGUE = Catalogue.load()
VERSIONS = [version for family in CATALOGUE.families() for version in CATALOGUE.versions(family)]
each = pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.id)


@each
def test_examples_kill_the_mutants_of_a_schema(version: Version) -> None:
    vectors = [*examples(version), *stored(version)]
    judge = Judge(version.bundle)
    assert [vector.name for vector in vectors if not judge.agrees(vector)] == []
    found = score(version.bundle, vectors)
    alive = ", ".join(str(mutant) for mutant in found.alive)
    assert found.share >= GATE, f"{version.id}: {found.share:.1%}; grow vectors and read them. Alive: {alive}"
    assert found.share_without_refused < GATE, f"{version.id}: the refused examples prove nothing"


@each
def test_both_engines_answer_the_vectors_alike(version: Version) -> None:
    judge = Judge(version.bundle, SecondEngine)
    vectors = [vector for vector in stored(version) if not vector.large]
    assert [vector.name for vector in vectors if not judge.agrees(vector)] == []


def test_no_vectors_are_left_over() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {path_of(version).name for version in VERSIONS}


# --- the test itself

SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["code"],
    "properties": {
        "code": {"type": "string", "pattern": "^[a-z]{2,4}$", "minLength": 1, "maxLength": 9},
        "kinds": {"type": "array", "maxItems": 5, "uniqueItems": True, "items": {"enum": ["a", "b"]}},
    },
}
PASSING = [Vector("full", "", {"code": "abcd", "kinds": ["a", "b"]}, None)]


def test_mutants_are_single_changes_and_leave_the_original_alone() -> None:
    before = json.dumps(SCHEMA)
    found = list(mutants(SCHEMA))
    changed = {json.dumps(mutant.applied(SCHEMA)) for mutant in found}
    assert len(changed) == len(found)
    assert before not in changed
    assert json.dumps(SCHEMA) == before


def test_changes_that_nothing_can_tell_are_left_out() -> None:
    assert width("^[a-z]{2,4}$") == (2, 4)
    moved = {(mutant.keyword, mutant.how) for mutant in mutants(SCHEMA) if mutant.how in ("loosened", "tightened")}
    assert moved == {("minLength", "loosened"), ("maxLength", "loosened"), ("maxItems", "loosened")}


def test_every_mutant_lives_until_an_example_tells_it_from_the_schema() -> None:
    assert living([]) == len(list(mutants(SCHEMA)))
    some = living(PASSING)
    junk = Vector("junk", "", {"code": "!"}, ("/code", "pattern"))
    assert len(list(mutants(SCHEMA))) > some > living([*PASSING, junk]) > 0
    dropped = Mutant("/properties/code", "pattern", "dropped")
    assert dropped in score(SCHEMA, PASSING).alive
    assert dropped not in score(SCHEMA, [*PASSING, junk]).alive


def living(vectors: list[Vector]) -> int:
    found: Score = score(SCHEMA, vectors)
    return len(found.alive)


def test_edits_make_a_copy() -> None:
    base = {"lots": [{"id": "L1", "mark": "0123456789abcdef"}]}
    made = edited(base, [["fill", "/lots", 200], ["put", "/title", "x"], ["remove", "/lots/0"]])
    assert len(made["lots"]) == len({json.dumps(lot) for lot in made["lots"]}) == 199
    assert made["title"] == "x"
    assert base == {"lots": [{"id": "L1", "mark": "0123456789abcdef"}]}
