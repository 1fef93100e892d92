"""
Merging (合并): releases of one process into a compiled release, and into one that keeps every field's history.

Source: OCDS 1.1 «Merging». Arrays of objects with ids merge by id; all else is replaced; null takes a field away.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from copy import deepcopy
from typing import Any, Final, TypeAlias, TypeGuard

Node: TypeAlias = "dict[str, Any]"

TRANSLATED: Final = re.compile(r".+_[a-z]{2}")
"""Members in another language, such as ``title_en``."""

OMITTED: Final = frozenset({"id", "date", "tag"})
"""What tells of a release, not of the process; of the top level only."""

WHOLE: Final = frozenset({"additionalIdentifiers", "additionalClassifications"})
"""Arrays of objects that are replaced whole (``wholeListMerge``)."""

_TOP: Final = "ocid"


def is_list(value: object) -> TypeGuard[list[Any]]:
    """Whether a value is an array (数组)."""
    return isinstance(value, list)


def is_node(value: object) -> TypeGuard[Node]:
    """Whether a value is an object (对象)."""
    return isinstance(value, dict)


def by_id(value: object) -> TypeGuard[list[Node]]:
    """Whether an array merges by the ids of its objects (按标识合并)."""
    return is_list(value) and bool(value) and all(is_node(item) and "id" in item for item in value)


def compiled(releases: Sequence[Node]) -> Node:
    """
    Return the compiled release (汇编): what holds now. Releases MUST be in the order of their dates.

    Raises:
        ValueError: no release.
    """
    if not releases:
        raise ValueError("nothing to compile")
    last = releases[-1]
    made: Node = {}
    for release in releases:
        _merge(made, {k: v for k, v in release.items() if k not in OMITTED})
    head: Node = {"ocid": made.pop("ocid"), "id": f"{last['ocid']}-{last['date']}", "date": last["date"]}
    return head | {"tag": ["compiled"]} | made


def _merge(into: Node, new: Node) -> None:
    for key, value in new.items():
        if value is None:
            into.pop(key, None)
        elif is_node(value):
            inner = into.get(key)
            if not is_node(inner):
                inner = into[key] = {}
            _merge(inner, value)
        elif by_id(value) and key not in WHOLE:
            into[key] = _merge_list(into.get(key), value)
        else:
            into[key] = deepcopy(value)


def _merge_list(old: Any, new: list[Node]) -> list[Node]:
    found: list[Node] = old if by_id(old) else []
    at = {str(item["id"]): item for item in found}
    for item in new:
        target = at.get(str(item["id"]))
        if target is None:
            target = at[str(item["id"])] = {}
            found.append(target)
        _merge(target, item)
    return found


def versioned(releases: Sequence[Node]) -> Node:
    """
    Return the versioned release (历史版本): every field as the list of its values, each with the release it came by.

    Translations are left out: the official schema of versioned releases knows no history of them.
    """
    made: Node = {}
    for release in releases:
        mark: Node = {"releaseID": release["id"], "releaseDate": release["date"], "releaseTag": release["tag"]}
        content = {k: v for k, v in release.items() if k not in OMITTED and k != _TOP}
        _version(made, content, mark)
    return {_TOP: releases[0][_TOP], **made} if releases else made


def _version(into: Node, new: Node, mark: Node) -> None:
    for key, value in new.items():
        if TRANSLATED.fullmatch(key):
            continue
        if is_node(value):
            _version(into.setdefault(key, {}), value, mark)
        elif by_id(value) and key not in WHOLE:
            _version_list(into.setdefault(key, []), value, mark)
        else:
            _append(into.setdefault(key, []), value, mark)


def _version_list(found: list[Node], new: list[Node], mark: Node) -> None:
    at = {str(item["id"]): item for item in found}
    for item in new:
        target = at.get(str(item["id"]))
        if target is None:
            target = at[str(item["id"])] = {"id": item["id"]}
            found.append(target)
        _version(target, {k: v for k, v in item.items() if k != "id"}, mark)


def _append(history: list[Node], value: Any, mark: Node) -> None:
    if not history or history[-1]["value"] != value:
        history.append({**mark, "value": value})
