"""
Confirmation (复核): no witness counts unless both engines say the same of it.

jsonschema-rs and python-jsonschema judge every draft here, offline, formats as the draft says or always. Patterns of
the second engine run on RE2, or on our own derivatives where RE2 reads ECMA-262 differently or can't.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, Final, cast

import jsonschema_rs

from tradehall_standards import regex
from tradehall_standards.compat.dialects import Draft, Formats, Schema, enforces_formats
from tradehall_standards.compat.patterns import UnsupportedPattern, read_pattern
from tradehall_standards.compat.regular import Languages, TooLarge
from tradehall_standards.compat.values import Value, freeze

_RECORD_ENGINES: Final[Mapping[Draft, Callable[..., jsonschema_rs.Validator]]] = {
    "4": jsonschema_rs.Draft4Validator,
    "6": jsonschema_rs.Draft6Validator,
    "7": jsonschema_rs.Draft7Validator,
    "2019-09": jsonschema_rs.Draft201909Validator,
    "2020-12": jsonschema_rs.Draft202012Validator,
}
_PLAIN_ESCAPES: Final = re.compile(r"\\[^dDwW.*+?()\[\]{}|/^$\\-]")
_PATTERN_BYTES: Final = 1 << 20


class EngineRefusal(ValueError):  # noqa: N818 - the reason is what counts
    """A schema or value that an engine refuses to judge (引擎拒绝)."""


class FirstEngine:
    """The validator of record for any draft (主校验引擎)."""

    def __init__(self, schema: Schema, draft: Draft, formats: Formats) -> None:
        try:
            self._validator = _compile(schema, draft, formats)
        except (ValueError, TypeError, jsonschema_rs.ReferencingError) as problem:
            raise EngineRefusal(str(problem)[:200]) from None

    def is_valid(self, value: Value) -> bool:
        """Tell whether ``value`` passes."""
        try:
            return self._validator.is_valid(value)
        except (ValueError, TypeError, RecursionError) as problem:
            raise EngineRefusal(str(problem)[:200]) from None

    def errors(self, value: Value) -> list[jsonschema_rs.ValidationError]:
        """Return the first errors, deepest first."""
        found = sorted(self._validator.iter_errors(value), key=lambda error: -len(error.instance_path))
        return found[:50]


def _compile(schema: Schema, draft: Draft, formats: Formats) -> jsonschema_rs.Validator:
    """Compile with linear patterns; where these can't say the pattern, with bounded backtracking."""
    build, checked = _RECORD_ENGINES[draft], enforces_formats(draft, formats)
    linear = jsonschema_rs.RegexOptions(size_limit=_PATTERN_BYTES, dfa_size_limit=_PATTERN_BYTES)
    try:
        return build(schema, offline=True, validate_formats=checked, pattern_options=linear)
    except ValueError:
        bounded = jsonschema_rs.FancyRegexOptions(backtrack_limit=100_000, size_limit=_PATTERN_BYTES)
        return build(schema, offline=True, validate_formats=checked, pattern_options=bounded)


class SecondOpinion:
    """The independent engine for any draft (第二校验引擎)."""

    def __init__(self, schema: Schema, draft: Draft, formats: Formats) -> None:
        import referencing  # noqa: PLC0415 - loads slowly

        engine, checker = _second_engines()[draft]
        checked = checker if enforces_formats(draft, formats) else None
        self._validator = engine(schema, registry=referencing.Registry[Any](), format_checker=checked)

    def is_valid(self, value: Value) -> bool:
        """Tell whether ``value`` passes."""
        try:
            return next(iter(self._validator.iter_errors(value)), None) is None
        except RecursionError:
            raise EngineRefusal("recursion") from None
        except Exception as problem:  # noqa: BLE001 - any failure of an engine is a refusal to judge
            raise EngineRefusal(f"{type(problem).__name__}: {problem}"[:200]) from None


def load_second_engine() -> None:
    """Load python-jsonschema now (预载第二引擎)."""
    _second_engines()


@cache
def _second_engines() -> Mapping[Draft, tuple[Any, Any]]:
    """Load python-jsonschema, made safe; it takes seconds, so only a witness brings it in."""
    import jsonschema.validators as engines  # noqa: PLC0415 - as said

    plain: dict[Draft, Any] = {
        "4": engines.Draft4Validator,
        "6": engines.Draft6Validator,
        "7": engines.Draft7Validator,
        "2019-09": engines.Draft201909Validator,
        "2020-12": engines.Draft202012Validator,
    }
    safe = {
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional_properties,
        "uniqueItems": _unique_items,
    }
    extend = cast("Any", engines).extend
    return {draft: (extend(engine, safe), engine.FORMAT_CHECKER) for draft, engine in plain.items()}


def check_schema(schema: Schema, draft: Draft) -> None:
    """
    Raise :class:`EngineRefusal` when a schema is none of its draft (元模式校验).

    Raises:
        EngineRefusal: as said.
    """
    try:
        jsonschema_rs.meta.validate({**schema, "$schema": _URIS[draft]} if isinstance(schema, dict) else schema)
    except ValueError as problem:
        raise EngineRefusal(str(problem)[:200]) from None


_URIS: Final[Mapping[Draft, str]] = {
    "4": "http://json-schema.org/draft-04/schema#",
    "6": "http://json-schema.org/draft-06/schema#",
    "7": "http://json-schema.org/draft-07/schema#",
    "2019-09": "https://json-schema.org/draft/2019-09/schema",
    "2020-12": "https://json-schema.org/draft/2020-12/schema",
}

_Errors = Iterator[Any]


def _error(keyword: str) -> Exception:
    import jsonschema.exceptions  # noqa: PLC0415 - loads slowly

    return jsonschema.exceptions.ValidationError(keyword)


@cache
def _finder(pattern: str) -> Callable[[str], bool]:
    """Return a test whether a pattern is found in a text, linear in the text."""
    if not _PLAIN_ESCAPES.search(pattern) and "(?" not in pattern and regex.is_pattern(pattern):
        return lambda text: regex.matches(pattern, text)
    languages = Languages()
    try:
        language = read_pattern(languages, pattern)
    except (UnsupportedPattern, TooLarge) as problem:
        raise EngineRefusal(str(problem)) from None
    return lambda text: languages.matches(language, text)


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> _Errors:
    if isinstance(instance, str) and not _finder(pattern)(instance):
        yield _error("pattern")


def _pattern_properties(validator: Any, patterns: Mapping[str, Any], instance: Any, schema: Any) -> _Errors:
    if not isinstance(instance, dict):
        return
    for pattern, inner in patterns.items():
        for name, value in cast("dict[str, Any]", instance).items():
            if _finder(pattern)(name):
                yield from validator.descend(value, inner, path=name, schema_path=pattern)


def _additional_properties(validator: Any, additional: Any, instance: Any, schema: Any) -> _Errors:
    if not isinstance(instance, dict):
        return
    names, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    for name, value in cast("dict[str, Any]", instance).items():
        if name in names or any(_finder(pattern)(name) for pattern in patterns):
            continue
        if isinstance(additional, bool):
            yield from () if additional else (_error("additionalProperties"),)
        else:
            yield from validator.descend(value, additional, path=name)


def _unique_items(validator: Any, unique: bool, instance: Any, schema: Any) -> _Errors:
    if unique and isinstance(instance, list):
        items = cast("list[Value]", instance)
        if len({freeze(item) for item in items}) != len(items):
            yield _error("uniqueItems")
