"""
Steps of a migration (迁移步骤): a closed language of data, in which a major version says what became of each field.

A step names places by pointers with ``*`` for every item of an array; all places of one step lie in the same object.
What is not there is left alone. Nothing is lost without being told: a value that a step can't carry over stops the
record, and ``drop`` hands out what it takes away.

====== ===================================== =========================================================
op     members                               what it does; its inverse
====== ===================================== =========================================================
move   from, to                              moves or renames; move back
put    path, value                           adds a value where none is; take
take   path, value                           takes away exactly this value; put
map    path, codes                           changes codes, every one that occurs; map back (one to one)
split  from, into, by                        text into parts; join
join   from, into, by                        parts into a text; split
scale  path, times or divide, places         exact decimal text of places[0] into places[1]; the other
drop   path, reason{zh,en}                   takes away and tells; restore
reset  path                                  puts back what a drop took, where it was kept; drop
====== ===================================== =========================================================
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

from tradehall_standards.engines import RecordEngine
from tradehall_standards.strict import Json, as_array, as_object

Step = Mapping[str, Json]

_POINTER: Final[Json] = {"type": "string", "pattern": "^(/([a-z_][a-z0-9_]*|\\*))*/[a-z_][a-z0-9_]*$", "maxLength": 200}
_POINTERS: Final[Json] = {"type": "array", "items": _POINTER, "minItems": 2, "maxItems": 8, "uniqueItems": True}
_TEXT: Final[Json] = {"type": "string", "minLength": 1, "maxLength": 200}
_PLACES: Final[Json] = {
    "type": "array",
    "items": {"type": "integer", "minimum": 0, "maximum": 12},
    "minItems": 2,
    "maxItems": 2,
}
_FACTOR: Final[Json] = {"type": "string", "pattern": "^[1-9][0-9]{0,11}$", "maxLength": 12}


def _form(op: str, members: Mapping[str, Json]) -> Json:
    properties: dict[str, Json] = {"op": {"const": op}, **members}
    return {"type": "object", "additionalProperties": False, "required": list(properties), "properties": properties}


_CODES: Final[Json] = {"type": "object", "minProperties": 1, "maxProperties": 500, "additionalProperties": _TEXT}
_SAID: Final[Json] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["zh", "en"],
    "properties": {"zh": _TEXT, "en": _TEXT},
}
_STEP: Final[Json] = {
    "oneOf": [
        _form("move", {"from": _POINTER, "to": _POINTER}),
        _form("put", {"path": _POINTER, "value": True}),
        _form("take", {"path": _POINTER, "value": True}),
        _form("map", {"path": _POINTER, "codes": _CODES}),
        _form("split", {"from": _POINTER, "into": _POINTERS, "by": _TEXT}),
        _form("join", {"from": _POINTERS, "into": _POINTER, "by": _TEXT}),
        _form("scale", {"path": _POINTER, "times": _FACTOR, "places": _PLACES}),
        _form("scale", {"path": _POINTER, "divide": _FACTOR, "places": _PLACES}),
        _form("drop", {"path": _POINTER, "reason": _SAID}),
        _form("reset", {"path": _POINTER, "reason": _SAID}),
    ]
}
_STEPS: Final[Json] = {"type": "array", "maxItems": 200, "items": _STEP}
_VERSION: Final[Json] = {"type": "string", "pattern": "^[0-9]{1,5}\\.[0-9]{1,5}\\.[0-9]{1,5}$"}
LANGUAGE: Final[dict[str, Json]] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "additionalProperties": False,
    "required": ["from", "to", "up", "down", "tests"],
    "properties": {
        "from": _VERSION,
        "to": _VERSION,
        "up": _STEPS,
        "down": {"oneOf": [{"const": "inverse"}, _STEPS]},
        "tests": {
            "type": "array",
            "minItems": 1,
            "maxItems": 100,
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["old", "new", "lost"],
                "properties": {
                    "old": {"type": "object"},
                    "new": {"type": "object"},
                    "lost": {"type": "array", "maxItems": 100, "items": {"type": "string", "maxLength": 400}},
                },
            },
        },
    },
}
"""JSON Schema of a migration file (迁移文件的标准). A test: ``old`` becomes ``new``, ``lost`` names what is dropped."""

_DECIMAL: Final = re.compile(r"(-?(?:0|[1-9][0-9]{0,30}))(?:\.([0-9]{1,12}))?")

language: Final = RecordEngine(LANGUAGE)


@dataclass(frozen=True, slots=True)
class Lost:
    """A value that a step took away (舍弃内容): where it was in the record, what it was, and why."""

    pointer: str
    value: Json
    reason_zh: str
    reason_en: str


class StuckError(ValueError):
    """A record that a step can't carry over (无法迁移); says where and why in both languages."""

    def __init__(self, pointer: str, message_zh: str, message_en: str) -> None:
        super().__init__(message_en)
        self.pointer = pointer
        self.message_zh = message_zh
        self.message_en = message_en


@dataclass(slots=True)
class _Walk:
    """One record on its way (迁移中的记录): what was lost so far, and what earlier drops kept for it."""

    kept: Mapping[str, Json]
    lost: list[Lost] = field(default_factory=list[Lost])


_Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Spot:
    """An object that a step works in, and where it lies (步骤所在对象)."""

    home: _Object
    pointer: str
    base: int

    def tokens(self, pointer: str) -> list[str]:
        return pointer.split("/")[1:][self.base :]

    def place(self, pointer: str) -> str:
        return "/".join((self.pointer, *self.tokens(pointer)))

    def holds(self, pointer: str) -> bool:
        home = self._parent(pointer)
        return home is not None and self.tokens(pointer)[-1] in home

    def get(self, pointer: str) -> Any:
        return cast("_Object", self._parent(pointer))[self.tokens(pointer)[-1]]

    def _parent(self, pointer: str) -> _Object | None:
        home: Any = self.home
        for token in self.tokens(pointer)[:-1]:
            home = cast("_Object", home).get(token) if isinstance(home, dict) else None
        return cast("_Object", home) if isinstance(home, dict) else None

    def set(self, pointer: str, value: Any) -> None:
        home = self.home
        *above, name = self.tokens(pointer)
        for token in above:
            if token in home and (not isinstance(home[token], dict) or not home[token]):
                # An empty object could not be told, on the way back, from one that was made here.
                raise _stuck(
                    self.place(pointer),
                    "上级不是对象，或为空对象",
                    "what it shall lie in is no object, or an empty one",
                )
            home = cast("_Object", home.setdefault(token, {}))
        if name in home:
            raise _stuck(self.place(pointer), "目标位置已有内容", "there is something already")
        home[name] = value

    def take(self, pointer: str) -> Any:
        """Take a value out, with the objects above it that are empty then."""
        trail = [self.home]
        *above, name = self.tokens(pointer)
        for token in above:
            trail.append(trail[-1][token])
        value = trail[-1].pop(name)
        for home, token in zip(reversed(trail[:-1]), reversed(above), strict=True):
            if home[token]:
                break
            del home[token]
        return value


def _stuck(pointer: str, zh: str, en: str) -> StuckError:
    return StuckError(pointer, zh, en)


def places_of(step: Step) -> list[str]:
    """Return every pointer that a step names (涉及位置)."""
    named = [step.get(member) for member in ("path", "from", "to", "into")]
    return [
        str(p) for found in named if found is not None for p in ([found] if isinstance(found, str) else as_array(found))
    ]


def sources_of(step: Step) -> list[str]:
    """Return the pointers whose values a step takes care of (来源位置)."""
    if step["op"] in {"put", "reset"}:
        return []
    named = step.get("path", step.get("from"))
    return [named] if isinstance(named, str) else [str(p) for p in as_array(named)]


def base_of(pointer: str) -> int:
    """Return how many tokens of a pointer come before the object that a step works in: all up to the last ``*``."""
    tokens = pointer.split("/")[1:]
    return max((number + 1 for number, token in enumerate(tokens) if token == "*"), default=0)  # noqa: S105


def is_in_one_object(step: Step) -> bool:
    """Tell whether all places of a step lie in the same object (同一对象)."""
    found = {tuple(pointer.split("/")[1:][: base_of(pointer)]) for pointer in places_of(step)}
    return len(found) == 1


def _spots(payload: Json, pointer: str) -> Iterator[_Spot]:
    base = base_of(pointer)
    found: list[tuple[Any, str]] = [(payload, "")]
    for token in pointer.split("/")[1:][:base]:
        found = [inner for value, at in found for inner in _inner(value, at, token)]
    for value, at in found:
        if isinstance(value, dict):
            yield _Spot(cast("_Object", value), at, base)


def _inner(value: Any, at: str, token: str) -> list[tuple[Any, str]]:
    if token == "*":  # noqa: S105  - a step of a pointer
        return [(inner, f"{at}/{number}") for number, inner in enumerate(as_array(value))]
    return [(value[token], f"{at}/{token}")] if isinstance(value, dict) and token in value else []


# --- what each step does


def _move(spot: _Spot, step: Step, _walk: _Walk) -> None:
    source, target = str(step["from"]), str(step["to"])
    if spot.holds(source):
        if spot.holds(target):
            raise _stuck(spot.place(target), "目标位置已有内容", "there is something already")
        value = spot.take(source)
        spot.set(target, value)


def _put(spot: _Spot, step: Step, _walk: _Walk) -> None:
    if not spot.holds(str(step["path"])):
        spot.set(str(step["path"]), copy.deepcopy(step["value"]))


def _take(spot: _Spot, step: Step, _walk: _Walk) -> None:
    path = str(step["path"])
    if spot.holds(path):
        if spot.get(path) != step["value"] or type(spot.get(path)) is not type(step["value"]):
            raise _stuck(
                spot.place(path),
                "旧版没有这一项，且其值不是默认值",
                "the older version has no such field, and it is not the default",
            )
        spot.take(path)


def _map(spot: _Spot, step: Step, _walk: _Walk) -> None:
    path, codes = str(step["path"]), as_object(step["codes"])
    if spot.holds(path):
        code = spot.get(path)
        if not isinstance(code, str) or code not in codes:
            raise _stuck(spot.place(path), "代码没有对应项", "the code has no counterpart")
        spot.take(path)
        spot.set(path, codes[code])


def _split(spot: _Spot, step: Step, _walk: _Walk) -> None:
    source, into, by = str(step["from"]), [str(p) for p in as_array(step["into"])], str(step["by"])
    if not spot.holds(source):
        return
    value = spot.get(source)
    parts = value.split(by) if isinstance(value, str) else []
    if len(parts) != len(into):
        raise _stuck(
            spot.place(source), f"不能按“{by}”分为 {len(into)} 部分", f"does not split into {len(into)} parts by {by!r}"
        )
    spot.take(source)
    for pointer, part in zip(into, parts, strict=True):
        spot.set(pointer, part)


def _join(spot: _Spot, step: Step, _walk: _Walk) -> None:
    parts, into, by = [str(p) for p in as_array(step["from"])], str(step["into"]), str(step["by"])
    present = [pointer for pointer in parts if spot.holds(pointer)]
    if not present:
        return
    for pointer in parts:
        value = spot.get(pointer) if pointer in present else None
        if not isinstance(value, str) or by in value:
            raise _stuck(spot.place(pointer), f"缺少，或含有分隔符“{by}”", f"is missing, or holds the separator {by!r}")
    if spot.holds(into):
        raise _stuck(spot.place(into), "目标位置已有内容", "there is something already")
    values = [spot.take(pointer) for pointer in parts]
    spot.set(into, by.join(values))


def _scale(spot: _Spot, step: Step, _walk: _Walk) -> None:
    path = str(step["path"])
    if spot.holds(path):
        scaled = _scaled(spot.get(path), step)
        if scaled is None:
            raise _stuck(spot.place(path), "不能精确换算", "can't be converted exactly")
        spot.take(path)
        spot.set(path, scaled)


def _scaled(value: object, step: Step) -> str | None:
    """Return the decimal text in the other unit, with the places that it has there; None where that is not exact."""
    before, after = (cast("int", count) for count in as_array(step["places"]))
    matched = _DECIMAL.fullmatch(value) if isinstance(value, str) else None
    if matched is None or len(matched[2] or "") != before:
        return None
    units = int(matched[1] + (matched[2] or "")) * int(str(step.get("times", 1))) * 10**after
    number, rest = divmod(units, int(str(step.get("divide", 1))) * 10**before)
    if rest:
        return None
    digits = str(abs(number)).rjust(after + 1, "0")
    sign = "-" if number < 0 else ""
    return f"{sign}{digits[:-after]}.{digits[-after:]}" if after else f"{sign}{digits}"


def _drop(spot: _Spot, step: Step, walk: _Walk) -> None:
    path, reason = str(step["path"]), as_object(step["reason"])
    if spot.holds(path):
        place = spot.place(path)
        walk.lost.append(Lost(place, spot.take(path), str(reason["zh"]), str(reason["en"])))


def _reset(spot: _Spot, step: Step, walk: _Walk) -> None:
    path = str(step["path"])
    place = spot.place(path)
    if place in walk.kept and not spot.holds(path):
        spot.set(path, copy.deepcopy(walk.kept[place]))


_OPS: Final[Mapping[str, Callable[[_Spot, Step, _Walk], None]]] = {
    "move": _move,
    "put": _put,
    "take": _take,
    "map": _map,
    "split": _split,
    "join": _join,
    "scale": _scale,
    "drop": _drop,
    "reset": _reset,
}


def inverse(step: Step) -> Step | None:
    """Return the step that undoes a step, None where there is none: codes that become one (逆步骤)."""
    op = str(step["op"])
    if op in _OPPOSITE:
        return {**step, "op": _OPPOSITE[op]}
    if op == "map":
        codes = {str(new): old for old, new in as_object(step["codes"]).items()}
        return {**step, "codes": codes} if len(codes) == len(as_object(step["codes"])) else None
    if op == "scale":
        factor, word = ("times", "divide") if "times" in step else ("divide", "times")
        return {"op": op, "path": step["path"], word: step[factor], "places": as_array(step["places"])[::-1]}
    if op == "move":
        return {"op": op, "from": step["to"], "to": step["from"]}
    back = "join" if op == "split" else "split"
    return {"op": back, "from": step["into"], "into": step["from"], "by": step["by"]}


_OPPOSITE: Final[Mapping[str, str]] = {"put": "take", "take": "put", "drop": "reset", "reset": "drop"}


def undo(steps: Sequence[Step]) -> list[Step] | None:
    """Return the steps that undo these, the last one first; None where one has no inverse (逆迁移)."""
    found = [inverse(step) for step in reversed(steps)]
    return None if any(step is None for step in found) else [step for step in found if step is not None]


def carry(
    payload: Json, steps: Sequence[Step], kept: Mapping[str, Json] | None = None
) -> tuple[Json, tuple[Lost, ...]]:
    """
    Carry a payload over by some steps (迁移).

    Args:
        payload: left as it is.
        steps: in their order.
        kept: what drops on the way here took away, by pointer.

    Returns:
        The new payload, and what was lost.

    Raises:
        StuckError: a value can't be carried over.
    """
    walk, found = _Walk(kept or {}), copy.deepcopy(payload)
    for step in steps:
        for spot in list(_spots(found, places_of(step)[0])):
            _OPS[str(step["op"])](spot, step, walk)
    return found, tuple(walk.lost)
