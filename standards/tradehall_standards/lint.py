"""
Lints at proposal (提案检查): what a schema must not do, whoever proposes it.

Each lint closes a hole that was measured in an engine: remote fetches, catastrophic patterns, unbounded arrays,
formats that nobody checks, numbers that are not exact. A catalogue with a finding does not load.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, cast

import jsonschema_rs
import orjson

from tradehall_standards import regex
from tradehall_standards.bundle import BundleError, bundle
from tradehall_standards.codelists import CodeList
from tradehall_standards.fields import DISCLOSURES
from tradehall_standards.identifiers import KINDS
from tradehall_standards.sources import DIALECT, LANGUAGES, Object, SchemaSource, definition, read_reference
from tradehall_standards.strict import Json, as_array, as_object, escape
from tradehall_standards.vocabulary import FORMATS, KNOWN, subschemas

MAX_SCHEMA_BYTES: Final = 512 * 1024
MAX_SCHEMA_DEPTH: Final = 32
MAX_SUBSCHEMAS: Final = 2_000
MAX_EXPANSION: Final = 50_000
MAX_PATTERN: Final = 256

_PROPERTY: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
_CLASS_ESCAPE: Final = re.compile(r"(?:^|[^\\])(?:\\\\)*\\[dDwWsSbBpPcC]")
_TYPES: Final = frozenset({"object", "array", "string", "integer", "boolean", "null"})
_ASSERTING: Final = frozenset({"allOf", "if", "then", "else", "not", "contains", "dependentSchemas", "propertyNames"})
_CHOOSING: Final = frozenset({"anyOf", "oneOf"})
_SHAPES: Final = frozenset({"type", "$ref", "const", "enum", "anyOf", "oneOf"})
_DYNAMIC: Final = frozenset({"$dynamicRef", "$dynamicAnchor", "$recursiveRef", "$recursiveAnchor", "$anchor"})

SENTENCES: Final[Mapping[str, tuple[str, str]]] = {
    "DIALECT": ("$schema 或 $id 与目录位置不符", "$schema or $id does not match the place in the catalogue"),
    "ROOT_NOT_OBJECT": ("记录必须是对象", "A record is an object"),
    "REF_FORBIDDEN": (
        "只允许引用本文件或公用定义的 $defs",
        "Only $defs of this file or of the common file may be cited",
    ),
    "REF_UNRESOLVED": ("引用的定义不存在", "The reference leads to nothing"),
    "DYNAMIC_REF": ("不允许动态引用或锚点", "Dynamic references and anchors are not allowed"),
    "UNKNOWN_KEYWORD": ("未知关键字", "Unknown keyword"),
    "SCHEMA_FORM": (
        "子模式必须是对象；false 只能用于 additionalProperties",
        "A subschema is an object; false only closes objects",
    ),
    "ARRAY_UNBOUNDED": ("数组缺少 maxItems", "An array without maxItems"),
    "ARRAY_OPEN": ("数组缺少 items", "An array without items"),
    "STRING_UNBOUNDED": ("字符串缺少 maxLength", "A string without maxLength"),
    "OBJECT_OPEN": ("对象必须封闭", "An object must be closed (additionalProperties false)"),
    "OBJECT_UNBOUNDED": ("按模式命名的对象缺少 maxProperties", "An object with free keys without maxProperties"),
    "UNTYPED": ("缺少类型，任何值都会通过", "No type: any value would pass"),
    "NUMBER_TYPE": ("不允许 number 类型，金额等使用十进制字符串", "Type number is not allowed; decimals are strings"),
    "FLOAT": ("关键字的值不得为浮点数", "A keyword must not hold a float"),
    "PATTERN_INVALID": ("正则表达式无法由 RE2 编译", "RE2 cannot compile the pattern"),
    "PATTERN_CLASS": ("正则表达式不得使用 \\d \\w \\s \\b \\p", "A pattern must not use \\d \\w \\s \\b \\p"),
    "PATTERN_UNANCHORED": (
        "正则表达式必须以 ^ 开头、以 $ 结尾，并列项加括号",
        "A pattern begins with ^, ends with $, groups its branches",
    ),
    "PATTERN_LONG": (f"正则表达式超过 {MAX_PATTERN} 个字符", f"A pattern has more than {MAX_PATTERN} characters"),
    "FORMAT_UNKNOWN": ("未经测试的 format", "A format that is not known to be enforced"),
    "PROPERTY_NAME": ("字段名必须是小写蛇形英文", "A field name is lower snake case"),
    "REQUIRED_UNKNOWN": ("必填字段未定义", "A required field is not defined"),
    "CODELIST_UNKNOWN": ("代码表不存在", "No such code list"),
    "IDENTIFIER_UNKNOWN": ("未知的标识类型", "No such kind of identifier"),
    "DISCLOSURE": ("公开范围缺失或不合格", "The disclosure is missing or unknown"),
    "DISCLOSURE_WIDER": ("字段的公开范围不得宽于记录", "A field must not be more open than its record"),
    "SIZE": (f"模式超过 {MAX_SCHEMA_BYTES} 字节", f"The schema is larger than {MAX_SCHEMA_BYTES} bytes"),
    "DEPTH": (f"模式嵌套超过 {MAX_SCHEMA_DEPTH} 层", f"The schema is nested more than {MAX_SCHEMA_DEPTH} deep"),
    "SUBSCHEMAS": (f"子模式超过 {MAX_SUBSCHEMAS} 个", f"More than {MAX_SUBSCHEMAS} subschemas"),
    "EXPANSION": (
        f"引用展开超过 {MAX_EXPANSION} 个节点或循环",
        f"References expand to over {MAX_EXPANSION} nodes, or loop",
    ),
    "UNSATISFIABLE": ("没有任何值能通过", "No value can pass"),
    "TITLE_MISSING": ("缺少标题", "A title is missing"),
    "TITLE_STRAY": ("标题指向不存在的位置", "A title points to nothing"),
    "ENGINE_REFUSES": ("校验引擎拒绝该模式", "The engine refuses the schema"),
}
"""Every lint by code, with its sentence in Chinese and English."""


@dataclass(frozen=True, slots=True)
class LintFinding:
    """One broken lint (提案检查问题): ``where`` is ``<family>/<version>``, ``pointer`` leads into the schema."""

    code: str
    where: str
    pointer: str
    detail: str = ""

    @property
    def message_zh(self) -> str:
        """The sentence in Chinese."""
        return SENTENCES[self.code][0]

    @property
    def message_en(self) -> str:
        """The sentence in English."""
        return SENTENCES[self.code][1]

    def __str__(self) -> str:
        detail = f" ({self.detail})" if self.detail else ""
        return f"{self.where}#{self.pointer}: {self.code}: {self.message_en}{detail}"


def lint_schema(
    source: SchemaSource,
    documents: Mapping[str, SchemaSource],
    codelists: Mapping[str, CodeList],
    *,
    record: bool = True,
) -> tuple[LintFinding, ...]:
    """
    Run every lint on one version (提案检查).

    Args:
        source: the version.
        documents: common documents by ``<family>/<version>``.
        codelists: the pinned editions.
        record: False for the common definitions, which are no record themselves.

    Returns:
        All findings in document order; empty when the schema may be published.
    """
    linter = _Linter(source, documents, codelists)
    try:
        return tuple(linter.run(record=record))
    except RecursionError:
        return (LintFinding("DEPTH", source.id, ""),)


class _Linter:
    def __init__(
        self, source: SchemaSource, documents: Mapping[str, SchemaSource], codelists: Mapping[str, CodeList]
    ) -> None:
        self._source = source
        self._documents = documents
        self._codelists = codelists
        self._count = 0

    def _find(self, code: str, pointer: str, detail: str = "") -> LintFinding:
        return LintFinding(code, self._source.id, pointer, detail[:120])

    def run(self, *, record: bool) -> Iterator[LintFinding]:
        schema = self._source.schema
        try:
            size = len(orjson.dumps(schema))
        except orjson.JSONEncodeError:  # nested beyond what any JSON writer takes
            yield self._find("DEPTH", "")
            return
        if size > MAX_SCHEMA_BYTES:
            yield self._find("SIZE", "")
            return
        found = list(self._root(schema, record=record))
        found += self._node(schema, "", 0, asserting=not record)
        if self._count > MAX_SUBSCHEMAS:
            found.append(self._find("SUBSCHEMAS", "", str(self._count)))
        found += self._titles()
        yield from found
        if not found and record:
            yield from self._whole()

    def _root(self, schema: Object, *, record: bool) -> Iterator[LintFinding]:
        if schema.get("$schema") != DIALECT or schema.get("$id") != self._source.url:
            yield self._find("DIALECT", "")
        if not record:
            return
        if schema.get("type") != "object":
            yield self._find("ROOT_NOT_OBJECT", "")
        if "x-disclosure" not in schema:
            yield self._find("DISCLOSURE", "")

    # --- one schema node; ``asserting`` nodes only narrow a value whose shape is closed elsewhere
    def _node(self, schema: Json, pointer: str, depth: int, *, asserting: bool) -> Iterator[LintFinding]:
        self._count += 1
        if depth > MAX_SCHEMA_DEPTH:
            yield self._find("DEPTH", pointer)
            return
        if not isinstance(schema, Mapping):
            yield self._find("SCHEMA_FORM", pointer)
            return
        yield from self._keywords(schema, pointer)
        yield from self._references(schema, pointer)
        if not asserting or "type" in schema:
            yield from self._shape(schema, pointer, asserting=asserting)
        for keyword, step, inner in subschemas(schema):
            if keyword in {"additionalProperties", "unevaluatedProperties"} and inner is False:
                continue
            narrows = keyword in _ASSERTING or (keyword in _CHOOSING and (asserting or "type" in schema))
            inherits = asserting and keyword != "$defs"
            yield from self._node(inner, pointer + step, depth + 1, asserting=narrows or inherits)

    def _keywords(self, schema: Object, pointer: str) -> Iterator[LintFinding]:
        for keyword, value in schema.items():
            if keyword in _DYNAMIC:
                yield self._find("DYNAMIC_REF", pointer, keyword)
            elif keyword not in KNOWN or (keyword in {"$schema", "$id"} and pointer):
                yield self._find("UNKNOWN_KEYWORD", pointer, keyword)
            if isinstance(
                cast("object", value), float
            ):  # no Json, but a schema may come from elsewhere than the strict parser
                yield self._find("FLOAT", f"{pointer}/{escape(keyword)}")
        yield from self._patterns(schema, pointer)
        if "format" in schema and schema["format"] not in FORMATS:
            yield self._find("FORMAT_UNKNOWN", pointer, str(schema["format"]))
        if "x-identifier" in schema and str(schema["x-identifier"]) not in KINDS:
            yield self._find("IDENTIFIER_UNKNOWN", pointer, str(schema["x-identifier"]))
        if "x-codelist" in schema and str(schema["x-codelist"]) not in self._codelists:
            yield self._find("CODELIST_UNKNOWN", pointer, str(schema["x-codelist"]))
        yield from self._disclosure(schema, pointer)

    def _disclosure(self, schema: Object, pointer: str) -> Iterator[LintFinding]:
        declared, outer = schema.get("x-disclosure"), self._source.schema.get("x-disclosure")
        if declared is None:
            return
        if declared not in DISCLOSURES:
            yield self._find("DISCLOSURE", pointer, str(declared))
        elif outer in DISCLOSURES and DISCLOSURES.index(declared) < DISCLOSURES.index(outer):
            yield self._find("DISCLOSURE_WIDER", pointer, str(declared))

    def _patterns(self, schema: Object, pointer: str) -> Iterator[LintFinding]:
        if "pattern" in schema:
            yield from self._pattern(schema["pattern"], f"{pointer}/pattern")
        for pattern in as_object(schema.get("patternProperties")):
            yield from self._pattern(pattern, f"{pointer}/patternProperties/{escape(pattern)}")

    def _pattern(self, pattern: Json, pointer: str) -> Iterator[LintFinding]:
        code = "PATTERN_INVALID" if not isinstance(pattern, str) else pattern_fault(pattern)
        if code is not None:
            yield self._find(code, pointer, str(pattern))

    def _references(self, schema: Object, pointer: str) -> Iterator[LintFinding]:
        reference = schema.get("$ref")
        if "$ref" not in schema:
            return
        found = read_reference(reference) if isinstance(reference, str) else None
        if found is None:
            yield self._find("REF_FORBIDDEN", pointer, str(reference))
            return
        home = self._source if found.document is None else self._documents.get(found.document)
        if home is None or definition(home.schema, found.name) is None:
            yield self._find("REF_UNRESOLVED", pointer, str(reference))

    def _shape(self, schema: Object, pointer: str, *, asserting: bool) -> Iterator[LintFinding]:
        kinds = schema.get("type")
        types = kinds if isinstance(kinds, list) else [] if kinds is None else [kinds]
        if not types and not _SHAPES & schema.keys():
            yield self._find("UNTYPED", pointer)
        for kind in types:
            if str(kind) not in _TYPES:
                yield self._find("NUMBER_TYPE" if kind == "number" else "UNTYPED", pointer, str(kind))
        if "array" in types and not asserting:
            yield from self._array(schema, pointer)
        if "string" in types and not {"maxLength", "const", "enum", "x-codelist"} & schema.keys() and not asserting:
            yield self._find("STRING_UNBOUNDED", pointer)
        if "object" in types and not asserting:
            yield from self._object(schema, pointer)

    def _array(self, schema: Object, pointer: str) -> Iterator[LintFinding]:
        if "maxItems" not in schema:
            yield self._find("ARRAY_UNBOUNDED", pointer)
        if "items" not in schema:
            yield self._find("ARRAY_OPEN", pointer)

    def _object(self, schema: Object, pointer: str) -> Iterator[LintFinding]:
        if schema.get("additionalProperties") is not False and schema.get("unevaluatedProperties") is not False:
            yield self._find("OBJECT_OPEN", pointer)
        if "patternProperties" in schema and "maxProperties" not in schema:
            yield self._find("OBJECT_UNBOUNDED", pointer)
        names = as_object(schema.get("properties"))
        for name in names:
            if not _PROPERTY.fullmatch(name):
                yield self._find("PROPERTY_NAME", pointer, name)
        for required in as_array(schema.get("required")):
            if str(required) not in names:
                yield self._find("REQUIRED_UNKNOWN", pointer, str(required))

    # --- titles in both languages
    def _titles(self) -> Iterator[LintFinding]:
        wanted = {"", *_titled(self._source.schema, "")}
        known = set(_pointers(self._source.schema, ""))
        for language in LANGUAGES:
            entries = self._source.titles[language]
            for pointer in sorted(wanted):
                title = as_object(entries.get(pointer)).get("title")
                if not isinstance(title, str) or not title.strip():
                    yield self._find("TITLE_MISSING", pointer, language)
            for pointer in sorted(entries.keys() - known):
                yield self._find("TITLE_STRAY", pointer, language)

    # --- the compiled whole
    def _whole(self) -> Iterator[LintFinding]:
        try:
            compiled = bundle(self._source, self._documents, self._codelists)
        except BundleError as problem:
            yield self._find("REF_UNRESOLVED", "", str(problem))
            return
        if _expansion(compiled, compiled, (), {}) > MAX_EXPANSION:
            yield self._find("EXPANSION", "")
            return
        yield from self._unsatisfiable(compiled)

    def _unsatisfiable(self, compiled: dict[str, Json]) -> Iterator[LintFinding]:
        try:
            found = jsonschema_rs.canonical.find_unsatisfiable(
                compiled, offline=True, pattern_options=jsonschema_rs.RegexOptions()
            )
        except (ValueError, jsonschema_rs.ReferencingError) as problem:
            yield self._find("ENGINE_REFUSES", "", str(problem))
            return
        for pointer, reason in found.items():
            if not isinstance(reason, jsonschema_rs.canonical.UnsatisfiableReason.Literal):
                yield self._find("UNSATISFIABLE", pointer)


def pattern_fault(pattern: str) -> str | None:
    """Return the code of the first lint that a regular expression breaks, or None (正则表达式检查)."""
    if len(pattern) > MAX_PATTERN:
        return "PATTERN_LONG"
    if _CLASS_ESCAPE.search(pattern):
        return "PATTERN_CLASS"
    if not regex.is_pattern(pattern):
        return "PATTERN_INVALID"
    return None if _is_anchored(pattern) else "PATTERN_UNANCHORED"


def _is_anchored(pattern: str) -> bool:
    """Tell whether the whole pattern stands between ``^`` and ``$``, no branch of it outside a group."""
    if not pattern.startswith("^") or not pattern.endswith("$") or pattern.endswith("\\$"):
        return False
    depth, in_class, skip = 0, False, False
    for char in pattern:
        if skip:
            skip = False
        elif char == "\\":
            skip = True
        elif in_class:
            in_class = char != "]"
        elif char == "[":
            in_class = True
        elif char in "()":
            depth += 1 if char == "(" else -1
        elif char == "|" and depth == 0:
            return False
    return True


def _titled(schema: Object, pointer: str) -> Iterator[str]:
    """Yield the pointers that need a title: every property, and every definition."""
    for keyword, step, inner in subschemas(schema):
        if keyword in {"properties", "$defs"}:
            yield pointer + step
        # Branches and conditions only repeat names whose titles stand at the place that defines the shape.
        if isinstance(inner, Mapping) and keyword not in _ASSERTING | _CHOOSING:
            yield from _titled(inner, pointer + step)


def _pointers(schema: Object, pointer: str) -> Iterator[str]:
    yield pointer
    for _, step, inner in subschemas(schema):
        if isinstance(inner, Mapping):
            yield from _pointers(inner, pointer + step)


def _expansion(root: Object, schema: Json, trail: tuple[str, ...], known: dict[str, int]) -> int:
    """Count the nodes that a schema stands for when every reference is expanded; a loop counts as too many."""
    if not isinstance(schema, Mapping):
        return 1
    total = 1
    reference = schema.get("$ref")
    if isinstance(reference, str):
        if reference in trail:
            return MAX_EXPANSION + 1
        if reference not in known:
            target = definition(root, reference.removeprefix("#/$defs/"))
            known[reference] = _expansion(root, target, (*trail, reference), known)
        total += known[reference]
    for keyword, _, inner in subschemas(schema):
        if keyword != "$defs":
            total += _expansion(root, inner, trail, known)
        if total > MAX_EXPANSION:
            break
    return total
