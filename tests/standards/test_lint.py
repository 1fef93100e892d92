"""Every lint has a schema that trips it, and the sound schema trips none."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from standards import mini
from tradehall_standards.catalogue import find_lints
from tradehall_standards.lint import SENTENCES, LintFinding, lint_schema, pattern_fault
from tradehall_standards.sources import SchemaSource, Sources, read_sources

REF = f"{mini.HOST}common/1.0.0#/$defs/Money"
TEXT: dict[str, Any] = {"type": "string", "maxLength": 9}


@pytest.fixture(scope="session")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Sources:
    return read_sources(mini.write(tmp_path_factory.mktemp("lint")))


def lint(sources: Sources, schema: Any, titles: Any = None) -> tuple[LintFinding, ...]:
    known = sources.records[0]
    named = known.titles if titles is None else titles
    source = SchemaSource(known.family, known.version, known.folder, schema, named, (), {}, {}, None, {})
    latest = {name: editions[-1] for name, editions in sources.codelists.items()}
    return lint_schema(source, sources.documents, latest)


def with_field(**field: Any) -> dict[str, Any]:
    schema = copy.deepcopy(mini.NOTICE)
    schema["properties"]["title"] = field
    return schema


def root(**changes: Any) -> dict[str, Any]:
    return mini.changed(mini.NOTICE, **changes)


def nested(depth: int) -> dict[str, Any]:
    inner: dict[str, Any] = TEXT
    for _ in range(depth):
        inner = {"type": "array", "maxItems": 1, "items": inner}
    return inner


def doubling(levels: int) -> dict[str, Any]:
    one = {"type": "object", "additionalProperties": False}
    defs: dict[str, Any] = {"d0": TEXT}
    for level in range(1, levels):
        inner = {"$ref": f"#/$defs/d{level - 1}"}
        defs[f"d{level}"] = {**one, "properties": {"a": inner, "b": inner}}
    return {
        **root(),
        "$defs": defs,
        "properties": {**mini.NOTICE["properties"], "title": {"$ref": f"#/$defs/d{levels - 1}"}},
    }


CASES: list[tuple[str, dict[str, Any]]] = [
    ("DIALECT", root(**{"$schema": "http://json-schema.org/draft-07/schema#"})),
    ("DIALECT", root(**{"$id": f"{mini.HOST}notice/1.0.1"})),
    ("ROOT_NOT_OBJECT", root(type="array", maxItems=1, items=TEXT)),
    ("REF_FORBIDDEN", with_field(**{"$ref": "http://evil.example/x.json"})),
    ("REF_FORBIDDEN", with_field(**{"$ref": "file:///etc/passwd"})),
    ("REF_FORBIDDEN", with_field(**{"$ref": "../../secret/1.0.0#/$defs/X"})),
    ("REF_FORBIDDEN", with_field(**{"$ref": "#/properties/lots"})),
    ("REF_FORBIDDEN", with_field(**{"$ref": "#"})),
    ("REF_FORBIDDEN", with_field(**{"$ref": f"{mini.HOST}common/latest#/$defs/Money"})),
    ("REF_FORBIDDEN", with_field(**{"$ref": 5})),
    ("REF_UNRESOLVED", with_field(**{"$ref": f"{mini.HOST}common/1.0.0#/$defs/Nothing"})),
    ("REF_UNRESOLVED", with_field(**{"$ref": f"{mini.HOST}common/9.0.0#/$defs/Money"})),
    ("REF_UNRESOLVED", with_field(**{"$ref": "#/$defs/Nothing"})),
    ("DYNAMIC_REF", with_field(**{"$dynamicRef": "#x", **TEXT})),
    ("DYNAMIC_REF", with_field(**{"$anchor": "x", **TEXT})),
    ("UNKNOWN_KEYWORD", with_field(**TEXT, maxlength=3)),
    ("UNKNOWN_KEYWORD", with_field(**TEXT, default="")),
    ("UNKNOWN_KEYWORD", with_field(**TEXT, **{"$id": "https://x.example/"})),
    ("SCHEMA_FORM", root(properties={**mini.NOTICE["properties"], "title": True})),
    ("SCHEMA_FORM", root(properties={**mini.NOTICE["properties"], "title": False})),
    ("SCHEMA_FORM", root(properties={**mini.NOTICE["properties"], "title": []})),
    ("ARRAY_UNBOUNDED", with_field(type="array", items=TEXT)),
    ("ARRAY_OPEN", with_field(type="array", maxItems=3)),
    ("STRING_UNBOUNDED", with_field(type="string")),
    ("STRING_UNBOUNDED", with_field(type="array", maxItems=3, items={"type": "string"})),
    ("OBJECT_OPEN", with_field(type="object", properties={"a": TEXT})),
    ("OBJECT_OPEN", with_field(type="object", additionalProperties=TEXT)),
    ("OBJECT_OPEN", root(additionalProperties=None)),
    ("OBJECT_UNBOUNDED", with_field(type="object", additionalProperties=False, patternProperties={"^a$": TEXT})),
    ("UNTYPED", with_field(maxLength=5)),
    ("UNTYPED", with_field(type="text")),
    ("UNTYPED", with_field(type=[["string"]], maxLength=1)),
    ("NUMBER_TYPE", with_field(type="number")),
    ("NUMBER_TYPE", with_field(type=["number", "null"])),
    ("FLOAT", with_field(type="integer", multipleOf=0.01)),
    ("PATTERN_INVALID", with_field(**TEXT, pattern="^(?=a)b$")),
    ("PATTERN_INVALID", with_field(**TEXT, pattern="^(a)\\1$")),
    ("PATTERN_INVALID", with_field(**TEXT, pattern="^($")),
    ("PATTERN_INVALID", with_field(**TEXT, pattern=["^a$"])),
    ("PATTERN_CLASS", with_field(**TEXT, pattern="^\\d{6}$")),
    ("PATTERN_CLASS", with_field(**TEXT, pattern="^[\\w]{6}$")),
    ("PATTERN_CLASS", with_field(**TEXT, pattern="^\\p{Han}$")),
    ("PATTERN_UNANCHORED", with_field(**TEXT, pattern="[0-9]{6}")),
    ("PATTERN_UNANCHORED", with_field(**TEXT, pattern="^a|b$")),
    ("PATTERN_UNANCHORED", with_field(**TEXT, pattern="^a\\$")),
    ("PATTERN_LONG", with_field(**TEXT, pattern=f"^{'a' * 300}$")),
    ("FORMAT_UNKNOWN", with_field(**TEXT, format="iri")),
    ("FORMAT_UNKNOWN", with_field(**TEXT, format=["date"])),
    ("PROPERTY_NAME", with_field(type="object", additionalProperties=False, properties={"camelCase": TEXT})),
    ("REQUIRED_UNKNOWN", root(required=["title", "nothing"])),
    ("CODELIST_UNKNOWN", with_field(**TEXT, **{"x-codelist": "nothing"})),
    ("IDENTIFIER_UNKNOWN", with_field(**TEXT, **{"x-identifier": "nothing"})),
    ("IDENTIFIER_UNKNOWN", with_field(**TEXT, **{"x-identifier": ["uscc"]})),
    ("DISCLOSURE", root(**{"x-disclosure": None})),
    ("DISCLOSURE", root(**{"x-disclosure": "everyone"})),
    ("DISCLOSURE_WIDER", {**with_field(**TEXT, **{"x-disclosure": "public"}), "x-disclosure": "panel"}),
    ("SIZE", with_field(**TEXT, **{"$comment": "x" * 600_000})),
    ("DEPTH", with_field(**nested(40))),
    ("DEPTH", with_field(**nested(5_000))),
    (
        "SUBSCHEMAS",
        with_field(type="object", additionalProperties=False, properties={f"a{n}": TEXT for n in range(2_001)}),
    ),
    ("EXPANSION", doubling(20)),
    (
        "EXPANSION",
        {
            **with_field(**{"$ref": "#/$defs/loop"}),
            "$defs": {"loop": {"type": "array", "maxItems": 2, "items": {"$ref": "#/$defs/loop"}}},
        },
    ),
    ("UNSATISFIABLE", with_field(type="string", minLength=5, maxLength=3)),
    ("TITLE_MISSING", {**root(), "properties": {**mini.NOTICE["properties"], "untitled": TEXT}}),
    (
        "TITLE_STRAY",
        {
            **root(),
            "properties": {key: value for key, value in mini.NOTICE["properties"].items() if key != "closes_on"},
        },
    ),
]
# Titles follow the schema only in the last two cases; elsewhere missing ones are beside the point.
WHOLE = {"EXPANSION", "UNSATISFIABLE"}


@pytest.mark.parametrize(("code", "schema"), CASES, ids=[f"{code}-{number}" for number, (code, _) in enumerate(CASES)])
def test_a_schema_that_breaks_a_lint_is_found(sound: Sources, code: str, schema: dict[str, Any]) -> None:
    titles = None
    if code in WHOLE:
        pointers = ["", *schema_pointers(schema)]
        titles = {language: {pointer: {"title": "x"} for pointer in pointers} for language in ("zh", "en")}
    assert code in {finding.code for finding in lint(sound, schema, titles)}


def schema_pointers(schema: Any) -> list[str]:
    from tradehall_standards.lint import _titled

    return list(_titled(schema, ""))


def test_every_lint_has_a_case_and_a_sentence_in_both_languages() -> None:
    assert SENTENCES.keys() - {code for code, _ in CASES} == {"ENGINE_REFUSES"}
    for zh, en in SENTENCES.values():
        assert zh != en
        assert not zh.isascii()


def test_the_sound_catalogue_trips_no_lint(sound: Sources) -> None:
    assert list(find_lints(sound)) == []


def test_branches_narrow_a_closed_shape_without_repeating_it(sound: Sources) -> None:
    schema = root(
        **{
            "if": {"required": ["closes_on"], "properties": {"title": {"const": "a"}}},
            "then": {"required": ["secret"]},
            "anyOf": [{"required": ["secret"]}, {"required": ["title"]}],
        }
    )
    assert lint(sound, schema) == ()


def test_a_choice_of_closed_shapes_needs_no_outer_type(sound: Sources) -> None:
    closed = {"type": "object", "additionalProperties": False, "properties": {"a": TEXT}}
    assert "OBJECT_OPEN" not in {finding.code for finding in lint(sound, with_field(oneOf=[closed, TEXT]))}
    opened = {"type": "object", "properties": {"a": TEXT}}
    assert "OBJECT_OPEN" in {finding.code for finding in lint(sound, with_field(oneOf=[opened, TEXT]))}


@pytest.mark.parametrize(
    "pattern", ["^a$", "^(a|b)$", "^[|]$", "^a\\|b$", "^[^/\\\\]+$", "^\\\\dog$", "^L[1-9][0-9]{0,2}$"]
)
def test_sound_patterns_pass(pattern: str) -> None:
    assert pattern_fault(pattern) is None


PIECES = st.sampled_from(
    [
        "type",
        "$ref",
        "pattern",
        "x-codelist",
        "x-identifier",
        "x-disclosure",
        "items",
        "properties",
        "required",
        "$defs",
        "oneOf",
        "format",
        "enum",
    ]
)
ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.floats(allow_nan=False)
    | st.sampled_from(["string", "object", "array", "#/$defs/a", "^a$", "("]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(PIECES | st.sampled_from(["a", "b"]), inner, max_size=4)
    ),
    max_leaves=20,
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(PIECES, ANY, max_size=6))
def test_no_schema_makes_the_lints_raise(sound: Sources, schema: dict[str, Any]) -> None:
    for finding in lint(sound, {**root(), **schema}):
        assert finding.message_en
        assert str(finding)
