"""Both engines bite, and say the same."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from standards import mini
from tradehall_standards import Version
from tradehall_standards.engines import EngineError, RecordEngine
from tradehall_standards.second_engine import SecondEngine
from tradehall_standards.vocabulary import ASSERTIONS, FORMATS

WRONG = {
    "date": [
        "2026-02-30",
        "2026-13-01",
        "2026-3-1",
        "20260301",
        "2026-03-01T00:00:00Z",
        "",
        "２０２６-03-01",
        "2026-03-01\n",
    ],
    "date-time": [
        "2026-03-02T09:00:00",
        "2026-03-02 09:00:00+08:00 ",
        "2026-02-30T09:00:00Z",
        "2026-03-02T25:00:00Z",
        "2026-03-02T09:60:00Z",
        "2026-03-02T09:00:00+8",
        "2026-03-02",
        "２０２６-03-02T09:00:00Z",
    ],
}
RIGHT = {"date": ["2026-03-01", "2024-02-29"], "date-time": ["2026-03-02T09:00:00Z", "2026-03-02T09:00:00.123+08:00"]}
HUGE = 10**15


def both(schema: Any) -> tuple[RecordEngine, SecondEngine]:
    return RecordEngine(schema), SecondEngine(schema)


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_bites_in_both_engines(name: str) -> None:
    for engine in both({"$schema": mini.DIALECT, "type": "string", "format": name}):
        assert all(engine.is_valid(text) for text in RIGHT[name])
        assert [text for text in WRONG[name] if engine.is_valid(text)] == []


CASES: list[tuple[str, Any, Any, Any]] = [
    ("type", {"type": "integer"}, 1, True),
    ("type", {"type": ["string", "null"]}, None, 5),
    ("enum", {"enum": ["a", "b"]}, "a", "c"),
    ("const", {"const": 3}, 3, "3"),
    ("pattern", {"pattern": "^[0-9]{6}$"}, "510100", "510100\n"),
    ("pattern", {"pattern": "^[0-9]{6}$"}, "510100", "５１０１００"),
    ("pattern", {"pattern": "^(a+)+$"}, "a" * 5000, "a" * 5000 + "!"),
    ("minLength", {"minLength": 2}, "标题", "标"),
    ("maxLength", {"maxLength": 2}, "😀😀", "😀😀😀"),
    ("minimum", {"minimum": 3}, 3, 2),
    ("maximum", {"maximum": HUGE}, HUGE, HUGE + 1),
    ("exclusiveMinimum", {"exclusiveMinimum": 3}, 4, 3),
    ("exclusiveMaximum", {"exclusiveMaximum": 3}, 2, 3),
    ("multipleOf", {"multipleOf": 5}, 10, 11),
    ("required", {"required": ["a", "b"]}, {"a": 1, "b": 1}, {}),
    ("minProperties", {"minProperties": 1}, {"a": 1}, {}),
    ("maxProperties", {"maxProperties": 1}, {"a": 1}, {"a": 1, "b": 1}),
    ("dependentRequired", {"dependentRequired": {"a": ["b"]}}, {"a": 1, "b": 1}, {"a": 1}),
    ("additionalProperties", {"properties": {"a": {}}, "additionalProperties": False}, {"a": 1}, {"c": 1, "b": 2}),
    ("additionalProperties", {"patternProperties": {"^a$": {}}, "additionalProperties": False}, {"a": 1}, {"a\n": 1}),
    ("type", {"patternProperties": {"^[a-z]$": {"type": "string"}}}, {"a": "x", "B": 1}, {"a": 1}),
    ("type", {"additionalProperties": {"type": "string"}}, {"a": "x"}, {"a": 1}),
    ("unevaluatedProperties", {"properties": {"a": {}}, "unevaluatedProperties": False}, {"a": 1}, {"b": 1}),
    ("minItems", {"minItems": 1}, [1], []),
    ("maxItems", {"maxItems": 1}, [1], [1, 2]),
    ("uniqueItems", {"uniqueItems": True}, [1, True, "1", [1]], [{"a": 1, "b": 2}, {"b": 2, "a": 1}]),
    ("uniqueItems", {"uniqueItems": True}, [{"n": n} for n in range(5000)], [{"n": n % 4999} for n in range(5000)]),
    ("contains", {"contains": {"const": 1}}, [0, 1], [0]),
    ("minContains", {"contains": {"const": 1}, "minContains": 2}, [1, 1], [1, 0]),
    ("maxContains", {"contains": {"const": 1}, "maxContains": 1}, [1, 0], [1, 1]),
    ("not", {"not": {"required": ["a"]}}, {}, {"a": 1}),
    ("anyOf", {"anyOf": [{"type": "string"}, {"minimum": 3}]}, 3, 2),
    ("oneOf", {"oneOf": [{"minimum": 1}, {"minimum": 3}]}, 2, 4),
    ("required", {"if": {"required": ["a"]}, "then": {"required": ["b"]}}, {}, {"a": 1}),
    ("const", {"if": {"required": ["a"]}, "else": {"properties": {"b": {"const": 1}}}}, {"b": 1}, {"b": 2}),
]


@pytest.mark.parametrize(("keyword", "schema", "right", "wrong"), CASES)
def test_every_keyword_bites_alike_in_both_engines(keyword: str, schema: Any, right: Any, wrong: Any) -> None:
    first, second = both({"$schema": mini.DIALECT, **schema})
    for engine in (first, second):
        assert engine.is_valid(right)
        assert not engine.is_valid(wrong)
        assert [problem.keyword for problem in engine.problems(wrong)] == [keyword]
    assert [(p.path, p.keyword, p.constraint, p.names) for p in first.problems(wrong)] == [
        (p.path, p.keyword, p.constraint, p.names) for p in second.problems(wrong)
    ]


def test_the_cases_cover_every_assertion() -> None:
    assert ASSERTIONS - {keyword for keyword, *_ in CASES} == {"format"}


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9/x.json", "file:///etc/passwd", "https://tradehall.example/schemas/common/1.0.0"]
)
def test_no_engine_fetches_anything(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    schema = {"$schema": mini.DIALECT, "$ref": url}
    with pytest.raises(EngineError):
        RecordEngine(schema)
    with pytest.raises(Exception, match="Unresolvable"):
        SecondEngine(schema).is_valid({})


@pytest.mark.parametrize("schema", [{"type": "text"}, {"pattern": "(?=a)"}, {"format": "no-such-format"}])
def test_what_an_engine_cannot_enforce_it_refuses_to_compile(schema: Any) -> None:
    with pytest.raises(EngineError):
        RecordEngine({"$schema": mini.DIALECT, **schema})


def test_the_version_runs_the_validator_of_record(notice: Version) -> None:
    assert isinstance(notice.engine, RecordEngine)
    assert isinstance(notice.second_engine, SecondEngine)
    assert notice.engine is notice.engine
