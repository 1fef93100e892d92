"""
Edits (典型修改): what officers do to a schema, made at every place where it can be done.

They show that verdicts come about on real families, and what each kind of edit means for old and new records.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias, cast

from tradehall_standards.compat.dialects import Schema, parts_of
from tradehall_standards.compat.documents import Document
from tradehall_standards.compat.values import Value

Expected: TypeAlias = bool | None
"""Whether containment holds; None where it hangs on what else the schema says."""
Node: TypeAlias = dict[str, Value]
_Change: TypeAlias = Callable[[Node], bool]
"""Makes the edit in place and tells whether it could be made."""

_WIDE: Final = 1_000_000
NEW_FIELD: Final = "zz_remark"
INLINED: Final = "reference inlined"


@dataclass(frozen=True, slots=True)
class Edit:
    """
    One edited schema (一次修改).

    Attributes:
        kind: what was done, such as ``code removed``.
        pointer: where.
        schema: the schema after it.
        backward: whether old records stay valid.
        forward: whether new records are valid under the old schema.
    """

    kind: str
    pointer: str
    schema: Schema
    backward: Expected
    forward: Expected


def edits(schema: Schema, *, once: bool = False) -> Iterator[Edit]:
    """Yield every edit at every place of a schema, one at a time; ``once``: of every kind the first (全部典型修改)."""
    text = json.dumps(schema)
    done: set[str] = set()
    for pointer in _pointers(schema):
        for kind, (change, backward, forward) in KINDS.items():
            if kind in done:
                continue
            changed = cast("Schema", json.loads(text))
            if change(_at(changed, pointer)) and changed != schema:
                done.update({kind} if once else set())
                yield Edit(kind, pointer, changed, backward, forward)
        inlined = None if INLINED in done else _inlined(schema, pointer)
        if inlined is not None:
            done.update({INLINED} if once else set())
            yield Edit(INLINED, pointer, inlined, backward=True, forward=True)


def _pointers(schema: Schema) -> list[str]:
    found: list[str] = []
    waiting: list[tuple[str, Value]] = [("", schema)]
    while waiting:
        pointer, node = waiting.pop(0)
        if isinstance(node, dict):
            found.append(pointer)
            waiting += [(pointer + step, inner) for step, inner in parts_of(node)]
    return found


def _at(schema: Value, pointer: str) -> Node:
    for raw in pointer.split("/")[1:]:
        token = raw.replace("~1", "/").replace("~0", "~")
        schema = schema[int(token)] if isinstance(schema, list) else cast("Node", schema)[token]
    return cast("Node", schema)


def _inlined(schema: Schema, pointer: str) -> Schema | None:
    """Put a definition in the place of a reference to it."""
    changed = copy.deepcopy(schema)
    node = _at(changed, pointer)
    reference = node.get("$ref")
    if not isinstance(reference, str):
        return None
    document = Document(schema, "2020-12")
    target = document.follow(document.root.base, reference).schema
    if not isinstance(target, dict) or "$ref" in str(target):
        return None
    del node["$ref"]
    node.update(copy.deepcopy(target))
    return changed


# --- what is done to one place


def _is_closed(node: Node) -> bool:
    return node.get("additionalProperties") is False and isinstance(node.get("properties"), dict)


def _fields(node: Node) -> Node:
    return cast("Node", node.get("properties", {}))


def _required(node: Node) -> list[Value]:
    return cast("list[Value]", node.get("required", []))


def _optional(node: Node) -> str | None:
    return next((name for name in _fields(node) if name not in _required(node)), None)


def _add_field(node: Node) -> bool:
    if not _is_closed(node):
        return False
    _fields(node)[NEW_FIELD] = {"type": "string", "maxLength": 200}
    return True


def _add_required(node: Node) -> bool:
    if not _add_field(node):
        return False
    node["required"] = [*_required(node), NEW_FIELD]
    return True


def _remove_optional(node: Node) -> bool:
    name = _optional(node)
    if name is None or not _is_closed(node):
        return False
    del _fields(node)[name]
    return True


def _require(node: Node) -> bool:
    name = _optional(node)
    if name is None or not _is_closed(node):
        return False
    node["required"] = [*_required(node), name]
    return True


def _relax(node: Node) -> bool:
    if not _required(node) or not _is_closed(node):
        return False
    node["required"] = _required(node)[1:]
    return True


def _require_together(node: Node) -> bool:
    name, fields = _optional(node), _fields(node)
    other = next((field for field in fields if field != name and field not in _required(node)), None)
    if name is None or other is None or not _is_closed(node):
        return False
    node["if"], node["then"] = {"required": [name]}, {"required": [other]}
    return True


def _rename(node: Node) -> bool:
    name = _optional(node)
    if name is None or not _is_closed(node):
        return False
    fields = _fields(node)
    node["properties"] = {(NEW_FIELD if field == name else field): inner for field, inner in fields.items()}
    return True


def _reorder(node: Node) -> bool:
    if len(_fields(node)) < 2:  # noqa: PLR2004 - two can be told apart
        return False
    node["properties"] = dict(reversed(_fields(node).items()))
    node["required"] = [*reversed(_required(node))]
    node["title"] = "reordered"
    return True


def _open(node: Node) -> bool:
    return _is_closed(node) and node.pop("additionalProperties") is False


def _scaled(keyword: str, change: Callable[[int], int]) -> _Change:
    def scale(node: Node) -> bool:
        limit = node.get(keyword)
        if not isinstance(limit, int) or isinstance(limit, bool) or change(limit) < 0:
            return False
        node[keyword] = change(limit)
        return True

    return scale


def _dropped(keyword: str) -> _Change:
    return lambda node: node.pop(keyword, None) is not None


def _is_text(node: Node) -> bool:
    return node.get("type") == "string" and "enum" not in node and "const" not in node


def _set_pattern(node: Node) -> bool:
    if not _is_text(node) or "pattern" in node:
        return False
    node["pattern"] = "^[^<>]*$"
    return True


def _widen_pattern(node: Node) -> bool:
    pattern = str(node.get("pattern", ""))
    if not pattern.startswith("^") or not pattern.endswith("$"):
        return False
    node["pattern"] = f"^({pattern[1:-1]}|n/a)$"
    return True


def _narrow_pattern(node: Node) -> bool:
    pattern = str(node.get("pattern", ""))
    for long, short in (("]+", "]{1,3}"), ("{1,32}", "{1,31}"), ("[0-9]", "[1-9]"), ("[A-Z]", "[A-Y]"), ("a-z", "a-y")):
        if long in pattern:
            node["pattern"] = pattern.replace(long, short, 1)
            return True
    return False


def _add_code(node: Node) -> bool:
    codes = node.get("enum")
    if not isinstance(codes, list):
        return False
    node["enum"] = [*codes, "zz"]
    node.pop("maxLength", None)
    return True


def _remove_code(node: Node) -> bool:
    codes = node.get("enum")
    if not isinstance(codes, list) or len(codes) < 2:  # noqa: PLR2004 - one must be left
        return False
    node["enum"] = codes[:-1]
    return True


def _nullable(node: Node) -> bool:
    if not isinstance(node.get("type"), str) or "enum" in node:
        return False
    node["type"] = [node["type"], "null"]
    return True


def _to_text(node: Node) -> bool:
    if node.get("type") != "integer":
        return False
    node.clear()
    node.update({"type": "string", "pattern": "^[0-9]+$", "maxLength": 20})
    return True


def _unique(node: Node) -> bool:
    if node.get("type") != "array" or "uniqueItems" in node or node.get("maxItems") in {0, 1}:
        return False
    node["uniqueItems"] = True
    return True


def _one_of(node: Node) -> bool:
    """A new alternative shape beside the old one."""
    if not _is_closed(node) or "oneOf" in node:
        return False
    old = {key: node.pop(key) for key in list(node) if key not in {"$schema", "$id", "$defs", "title"}}
    other: Value = {"type": "object", "properties": {NEW_FIELD: {"const": True}}, "additionalProperties": False}
    node["oneOf"] = [old, {**cast("Node", other), "required": [NEW_FIELD]}]
    return True


def _describe(node: Node) -> bool:
    node["description"] = "new words"
    return True


KINDS: Final[Mapping[str, tuple[_Change, Expected, Expected]]] = {
    "optional field added": (_add_field, True, False),
    "required field added": (_add_required, False, False),
    "optional field removed": (_remove_optional, False, True),
    "optional field renamed": (_rename, False, False),
    "field made required": (_require, False, True),
    "field made optional": (_relax, True, False),
    "fields required together": (_require_together, None, True),
    "object opened": (_open, True, None),
    "alternative shape added": (_one_of, True, None),
    "fields reordered": (_reorder, True, True),
    "description changed": (_describe, True, True),
    "maxLength halved": (_scaled("maxLength", lambda limit: limit // 2), None, True),
    "maxLength doubled": (_scaled("maxLength", lambda limit: 2 * limit), True, None),
    "minLength raised": (_scaled("minLength", lambda limit: limit + 1), None, True),
    "minLength dropped": (_dropped("minLength"), True, None),
    "pattern set": (_set_pattern, None, True),
    "pattern dropped": (_dropped("pattern"), True, None),
    "pattern widened": (_widen_pattern, True, None),
    "pattern narrowed": (_narrow_pattern, None, True),
    "format dropped": (_dropped("format"), True, None),
    "code added": (_add_code, True, False),
    "code removed": (_remove_code, False, True),
    "minimum raised": (_scaled("minimum", lambda limit: limit + 1), None, True),
    "minimum dropped": (_dropped("minimum"), True, None),
    "maximum lowered": (_scaled("maximum", lambda limit: limit - 1), None, True),
    "maximum raised": (_scaled("maximum", lambda limit: limit + _WIDE), True, None),
    "maxItems lowered": (_scaled("maxItems", lambda limit: limit - 1), None, True),
    "maxItems doubled": (_scaled("maxItems", lambda limit: 2 * limit), True, None),
    "minItems raised": (_scaled("minItems", lambda limit: limit + 1), None, True),
    "minItems dropped": (_dropped("minItems"), True, None),
    "items unique": (_unique, None, True),
    "items no longer unique": (_dropped("uniqueItems"), True, None),
    "null allowed": (_nullable, True, False),
    "integer becomes text": (_to_text, False, False),
}
"""Every kind of edit, and what it means for old and for new records (修改种类)."""
