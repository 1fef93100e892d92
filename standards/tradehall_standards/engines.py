"""
Engines (校验引擎): the validator of record, behind the small face that the second engine has too.

``RecordEngine`` runs jsonschema-rs offline, with formats on and linear-time patterns; its defaults are unsafe, so
nothing but this module and the lints may touch the library. The second engine MUST give the same problems; CI and
``build`` hold both to it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar, cast

import jsonschema_rs

from tradehall_standards import canonical
from tradehall_standards.strict import Json, escape

MAX_PROBLEMS: Final = 200
"""Problems read from an engine for one document; a hostile one must not make us collect millions."""
_PATTERN_BYTES: Final = 1 << 20


class EngineError(ValueError):
    """A schema that an engine refuses to compile (引擎拒绝编译)."""


@dataclass(frozen=True, slots=True)
class Problem:
    """
    One broken keyword (校验问题), the same from both engines.

    Attributes:
        path: where in the payload; property names and array indexes.
        keyword: the JSON Schema keyword.
        constraint: the keyword's value in the schema.
        names: for ``required`` the missing names, for closed objects the unknown ones; sorted, else empty.
        schema_pointer: where in the bundle; empty from the second engine.
    """

    path: tuple[str | int, ...]
    keyword: str
    constraint: Json
    names: tuple[str, ...] = ()
    schema_pointer: str = ""

    @property
    def pointer(self) -> str:
        """``path`` as a JSON Pointer."""
        return "".join(f"/{escape(str(step))}" for step in self.path)


class Engine(Protocol):
    """What the catalogue asks of an engine (校验引擎接口)."""

    def is_valid(self, payload: Json) -> bool:
        """Tell whether ``payload`` passes."""
        ...

    def problems(self, payload: Json) -> tuple[Problem, ...]:
        """Return all problems, ordered by place and keyword, at most ``MAX_PROBLEMS``."""
        ...


class RecordEngine:
    """The validator of record (主校验引擎): jsonschema-rs."""

    def __init__(self, bundle: Mapping[str, Json]) -> None:
        self._bundle = bundle
        options = jsonschema_rs.RegexOptions(size_limit=_PATTERN_BYTES, dfa_size_limit=_PATTERN_BYTES)
        try:
            self._validator = jsonschema_rs.Draft202012Validator(
                cast("dict[str, Any]", bundle),
                offline=True,
                validate_formats=True,
                ignore_unknown_formats=False,
                pattern_options=options,
            )
        except (ValueError, jsonschema_rs.ReferencingError) as problem:
            raise EngineError(str(problem)) from None

    def is_valid(self, payload: Json) -> bool:
        """Tell whether ``payload`` passes."""
        return self._validator.is_valid(payload)

    def problems(self, payload: Json) -> tuple[Problem, ...]:
        """Return all problems, ordered by place and keyword."""
        return gather(self._problem(error) for error in first(self._validator.iter_errors(payload)))

    def _problem(self, error: jsonschema_rs.ValidationError) -> Problem:
        steps = list(error.schema_path)
        keyword = next(step for step in reversed(steps) if isinstance(step, str))
        names: tuple[str, ...] = ()
        if isinstance(error.kind, jsonschema_rs.ValidationErrorKind.Required) and keyword == "required":
            names = (error.kind.property,)
        elif isinstance(error.kind, jsonschema_rs.ValidationErrorKind.AdditionalProperties):
            names = tuple(error.kind.unexpected)
        pointer = "".join(f"/{escape(str(step))}" for step in steps)
        return Problem(tuple(error.instance_path), keyword, _resolve(self._bundle, steps), names, pointer)


_Item = TypeVar("_Item")


def first(errors: Iterable[_Item]) -> Iterator[_Item]:
    """Yield at most ``MAX_PROBLEMS`` errors."""
    return itertools.islice(errors, MAX_PROBLEMS)


def gather(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Join what an engine reports once per name, drop repetitions and order the rest."""
    found: dict[tuple[tuple[str | int, ...], str, bytes], Problem] = {}
    for problem in problems:
        key = (problem.path, problem.keyword, canonical.jcs(problem.constraint))
        known = found.get(key)
        names = problem.names if known is None else known.names + problem.names
        found[key] = Problem(
            problem.path, problem.keyword, problem.constraint, tuple(sorted(set(names))), problem.schema_pointer
        )
    return tuple(sorted(found.values(), key=_order))


def _order(problem: Problem) -> tuple[tuple[tuple[bool, int, str], ...], str]:
    steps = tuple((isinstance(step, str), step if isinstance(step, int) else 0, str(step)) for step in problem.path)
    return steps, problem.keyword


def _resolve(bundle: Json, steps: Sequence[str | int]) -> Json:
    value = bundle
    for step in steps:
        if isinstance(value, Mapping):
            value = value.get(str(step))
        elif isinstance(value, list) and isinstance(step, int):
            value = value[step]
        else:
            return None
    return value
