"""A proof is never contradicted by an instance, and a verdict does not hang on how a schema is written."""

from __future__ import annotations

import json
import random
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tradehall_standards.compat.comparing import compare_here
from tradehall_standards.compat.confirming import EngineRefusal, FirstEngine, check_schema
from tradehall_standards.compat.edits import edits
from tradehall_standards.compat.patterns import UnsupportedPattern, read_pattern
from tradehall_standards.compat.regular import Languages

NAMES = ("a", "b", "ab")
PATTERNS = ("^a", "b$", "^[ab]*$", "^a+b?$", "^(?!b).*$", "^.{2,3}$")
SMALL = st.integers(-2, 4)
SCALARS = st.one_of(st.none(), st.booleans(), SMALL, st.sampled_from([0.5, 1.5, 2.0]), st.text("ab1", max_size=4))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3),
    max_leaves=5,
)
ASSERTIONS = st.one_of(
    st.fixed_dictionaries(
        {"type": st.sampled_from(["null", "boolean", "integer", "number", "string", "array", "object"])}
    ),
    st.fixed_dictionaries({"enum": st.lists(VALUES, min_size=1, max_size=3)}),
    st.fixed_dictionaries({"const": VALUES}),
    st.fixed_dictionaries({"minimum": SMALL}),
    st.fixed_dictionaries({"exclusiveMaximum": SMALL}),
    st.fixed_dictionaries({"multipleOf": st.sampled_from([1, 2, 3, 0.5])}),
    st.fixed_dictionaries({"minLength": st.integers(0, 3)}),
    st.fixed_dictionaries({"maxLength": st.integers(0, 3)}),
    st.fixed_dictionaries({"pattern": st.sampled_from(PATTERNS)}),
    st.fixed_dictionaries({"minItems": st.integers(0, 2)}),
    st.fixed_dictionaries({"maxItems": st.integers(0, 2)}),
    st.just({"uniqueItems": True}),
    st.fixed_dictionaries({"required": st.lists(st.sampled_from(NAMES), unique=True, max_size=2)}),
    st.fixed_dictionaries({"minProperties": st.integers(0, 2)}),
    st.fixed_dictionaries({"maxProperties": st.integers(0, 2)}),
    st.fixed_dictionaries({"dependentRequired": st.just({"a": ["b"]})}),
)


def _joined(parts: list[dict[str, Any]]) -> dict[str, Any]:
    return {key: value for part in parts for key, value in part.items()}


def _grown(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    some = st.lists(inner, min_size=1, max_size=2)
    applied = st.one_of(
        st.fixed_dictionaries({"properties": st.dictionaries(st.sampled_from(NAMES), inner, max_size=2)}),
        st.fixed_dictionaries({"additionalProperties": inner}),
        st.fixed_dictionaries({"patternProperties": st.dictionaries(st.sampled_from(PATTERNS), inner, max_size=1)}),
        st.fixed_dictionaries({"propertyNames": inner}),
        st.fixed_dictionaries({"items": inner}),
        st.fixed_dictionaries({"prefixItems": some}),
        st.fixed_dictionaries({"contains": inner, "minContains": st.integers(0, 2), "maxContains": st.integers(0, 2)}),
        st.fixed_dictionaries({"anyOf": some}),
        st.fixed_dictionaries({"oneOf": some}),
        st.fixed_dictionaries({"allOf": some}),
        st.fixed_dictionaries({"not": inner}),
        st.fixed_dictionaries({"if": inner, "then": inner, "else": inner}),
        st.fixed_dictionaries({"unevaluatedProperties": inner}),
        st.fixed_dictionaries({"unevaluatedItems": inner}),
    )
    return st.lists(st.one_of(ASSERTIONS, applied), min_size=1, max_size=3).map(_joined)


SCHEMAS = st.recursive(st.one_of(st.booleans(), ASSERTIONS), _grown, max_leaves=6)


@settings(max_examples=300, suppress_health_check=list(HealthCheck))
@given(SCHEMAS, SCHEMAS, st.lists(VALUES, min_size=20, max_size=40))
def test_no_instance_contradicts_a_verdict(old, new, values) -> None:
    try:
        check_schema(old, "2020-12")
        check_schema(new, "2020-12")
        before, after = (FirstEngine(schema, "2020-12", "draft") for schema in (old, new))
    except EngineRefusal:
        return
    found = compare_here(old, new, clock=time.thread_time)
    for verdict, giving, taking in ((found.backward, before, after), (found.forward, after, before)):
        if verdict.outcome == "proved":
            broken = [value for value in values if giving.is_valid(value) and not taking.is_valid(value)]
            assert broken == [], (old, new)
        if verdict.outcome == "refuted":
            assert giving.is_valid(verdict.witness.document)
            assert not taking.is_valid(verdict.witness.document)


@settings(max_examples=150, suppress_health_check=list(HealthCheck))
@given(SCHEMAS, st.randoms(use_true_random=False))
def test_a_schema_written_otherwise_is_the_same_set(schema, rng: random.Random) -> None:
    try:
        check_schema(schema, "2020-12")
    except EngineRefusal:
        return
    moved = {"$defs": {"here": schema}, "$ref": "#/$defs/here"}
    for other in (_shuffled(schema, rng), moved, {"allOf": [schema, True]}, {"not": {"not": schema}}):
        found = compare_here(schema, other, clock=time.thread_time)
        assert {found.backward.outcome, found.forward.outcome} <= {"proved", "unknown"}, (schema, other)
        assert found.backward.outcome == "proved" or found.backward.reason in {"items", "members", "listed", "numbers"}


def _shuffled(value, rng: random.Random):
    if isinstance(value, dict):
        names = list(value)
        rng.shuffle(names)
        return {name: _shuffled(value[name], rng) for name in names}
    return [_shuffled(item, rng) for item in value] if isinstance(value, list) else value


@settings(max_examples=200)
@given(st.text("ab|()*+?^$.[]{},12\\dwsS-", max_size=12), st.lists(st.text("ab1 _-\n", max_size=6), max_size=20))
def test_a_pattern_that_is_read_is_read_as_the_engine_does(pattern: str, texts: list[str]) -> None:
    languages = Languages()
    try:
        engine = FirstEngine({"pattern": pattern}, "2020-12", "draft")
        language = read_pattern(languages, pattern)
    except (EngineRefusal, UnsupportedPattern):
        return
    for text in texts:
        assert languages.matches(language, text) == engine.is_valid(text), (pattern, text)


@pytest.mark.parametrize("kind", ["reference inlined", "fields reordered", "description changed"])
def test_edits_of_writing_only_are_equal_sets(kind: str, catalogue) -> None:
    bundle = catalogue.versions("tender_notice")[-1].bundle
    for edit in [edit for edit in edits(json.loads(json.dumps(bundle))) if edit.kind == kind][:4]:
        found = compare_here(bundle, edit.schema, clock=time.thread_time, formats="enforced")
        assert (found.backward.outcome, found.forward.outcome) == ("proved", "proved"), edit.pointer
