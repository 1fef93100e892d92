"""
The second engine (第二校验引擎): python-jsonschema, independent of the first, made safe.

Its defaults fetch references over the network, run patterns that can take for ever, compare array items pairwise and
ignore formats; so it gets an empty registry, RE2, hashing and a format checker. It costs two seconds to import and is
150 times slower: only CI, ``build`` and ``Catalogue.check_second`` load it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

import jsonschema
import jsonschema.exceptions
import jsonschema.validators
import referencing

from tradehall_standards import canonical, regex
from tradehall_standards.engines import Problem, first, gather
from tradehall_standards.strict import Json
from tradehall_standards.vocabulary import FORMATS

_NO_REFERENCES: Final = referencing.Registry[Any]()


class SecondEngine:
    """The independent second engine (第二校验引擎): python-jsonschema, made safe."""

    def __init__(self, bundle: Mapping[str, Json]) -> None:
        self._validator = _SafeValidator(
            dict(bundle),
            registry=_NO_REFERENCES,
            format_checker=jsonschema.FormatChecker(formats=FORMATS),
        )

    def is_valid(self, payload: Json) -> bool:
        """Tell whether ``payload`` passes."""
        return next(iter(self._validator.iter_errors(payload)), None) is None

    def problems(self, payload: Json) -> tuple[Problem, ...]:
        """Return all problems, ordered by place and keyword."""
        return gather(_second_problem(error) for error in first(self._validator.iter_errors(payload)))


def _second_problem(error: Any) -> Problem:
    """Translate an error; the library types its members as possibly unset, though every yielded error has them."""
    keyword = str(error.validator)
    names: tuple[str, ...] = ()
    if keyword == "required":
        names = tuple(str(name) for name in error.validator_value if name not in error.instance)
    elif keyword == "additionalProperties":
        names = tuple(_additional(error.instance, error.schema))
    return Problem(tuple(error.absolute_path), keyword, error.validator_value, names)


_Errors = Iterator[jsonschema.exceptions.ValidationError]


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> _Errors:
    if isinstance(instance, str) and not regex.matches(pattern, instance):
        yield jsonschema.exceptions.ValidationError("pattern")


def _pattern_properties(validator: Any, patterns: Mapping[str, Any], instance: Any, schema: Any) -> _Errors:
    if not isinstance(instance, dict):
        return
    members = cast("dict[str, Any]", instance)
    for pattern, inner in patterns.items():
        for name, value in members.items():
            if regex.matches(pattern, name):
                yield from validator.descend(value, inner, path=name, schema_path=pattern)


def _additional(instance: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[str]:
    properties, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    for name in instance:
        if name not in properties and not any(regex.matches(pattern, name) for pattern in patterns):
            yield name


def _additional_properties(validator: Any, additional: Any, instance: Any, schema: Any) -> _Errors:
    if not isinstance(instance, dict):
        return
    members = cast("dict[str, Any]", instance)
    extras = list(_additional(members, schema))
    if additional is False and extras:
        yield jsonschema.exceptions.ValidationError("additionalProperties")
    elif isinstance(additional, Mapping):
        for name in extras:
            yield from validator.descend(members[name], additional, path=name)


def _unique_items(validator: Any, unique: bool, instance: Any, schema: Any) -> _Errors:
    if unique and isinstance(instance, list):
        items = cast("list[Json]", instance)
        if len({canonical.jcs(item) for item in items}) != len(items):
            yield jsonschema.exceptions.ValidationError("uniqueItems")


_SafeValidator: Final[Any] = jsonschema.validators.extend(  # type: ignore[no-untyped-call]
    jsonschema.Draft202012Validator,
    {
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional_properties,
        "uniqueItems": _unique_items,
    },
)
