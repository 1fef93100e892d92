"""Verdicts on our own pairs: every keyword, every draft, and what must stay unknown."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from tradehall_standards.compat.comparing import Comparison, Verdict, compare_here
from tradehall_standards.compat.confirming import FirstEngine, SecondOpinion
from tradehall_standards.compat.dialects import draft_of

PAIRS = json.loads((Path(__file__).parent / "pairs/own.json").read_text("utf-8"))
OUTCOMES = {"compatible": "proved", "incompatible": "refuted", "unknown": "unknown"}


def compared(pair: dict, **options) -> Comparison:
    return compare_here(pair["old"], pair["new"], clock=time.thread_time, draft=pair["dialect"], **options)


@pytest.mark.parametrize("pair", PAIRS, ids=[pair["id"] for pair in PAIRS])
def test_verdicts_are_as_written(pair: dict) -> None:
    found = compared(pair)
    assert (found.backward.outcome, found.forward.outcome) == (OUTCOMES[pair["truth"]], OUTCOMES[pair["forward"]])
    for verdict, giving, taking in ((found.backward, "old", "new"), (found.forward, "new", "old")):
        assert verdict.message_zh
        assert verdict.message_en
        assert (verdict.outcome == "refuted") == (verdict.witness is not None)
        assert (verdict.outcome == "unknown") == bool(verdict.reason)
        if verdict.witness is not None:
            assert_splits(verdict, pair[giving], pair[taking], pair["dialect"])


def assert_splits(verdict: Verdict, giving, taking, draft: str) -> None:
    for engine in (FirstEngine, SecondOpinion):
        assert engine(giving, draft_of(giving, draft), "draft").is_valid(verdict.witness.document)
        assert not engine(taking, draft_of(taking, draft), "draft").is_valid(verdict.witness.document)


def test_a_witness_is_minimal_and_names_the_change() -> None:
    old = {
        "type": "object",
        "properties": {"name": {"type": "string", "maxLength": 9}, "note": {"type": "string"}},
        "required": ["name"],
        "additionalProperties": False,
    }
    new = {**old, "properties": {**old["properties"], "name": {"type": "string", "maxLength": 3}}}
    found = compared({"old": old, "new": new, "dialect": "2020-12"}).backward
    assert found.witness.document == {"name": "aaaa"}
    assert (found.pointer, found.witness.place, found.witness.keyword) == (
        "/properties/name/maxLength",
        "/name",
        "maxLength",
    )
    assert "maxLength 由 9 改为 3" in found.message_zh
    assert "maxLength changed from 9 to 3" in found.message_en


def test_a_witness_speaks_in_the_words_of_a_sample() -> None:
    old = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "kind": {"type": "string"}},
        "required": ["name"],
    }
    new = {**old, "required": ["name", "kind"]}
    sample = {"name": "智慧交通信号系统", "kind": "货物"}
    found = compare_here(old, new, [sample], clock=time.thread_time).backward
    assert found.witness.document == {"name": "智慧交通信号系统"}


def test_a_sample_that_breaks_is_the_witness_shrunk() -> None:
    old, new = {"type": "array"}, {"type": "array", "maxItems": 2}
    found = compare_here(old, new, [[1, 2, 3, 4]], clock=time.thread_time).backward
    assert found.outcome == "refuted"
    assert len(found.witness.document) == 3


def test_formats_can_be_enforced_whatever_the_draft_says() -> None:
    old, new = {"type": "string"}, {"type": "string", "format": "date"}
    assert compare_here(old, new, clock=time.thread_time).backward.outcome == "proved"
    assert compare_here(old, new, clock=time.thread_time, formats="enforced").backward.outcome == "refuted"
