"""
Vectors (边界示例) of the mutation test: payloads at the limits of every keyword, kept small as edits of an example.

A vector says what it is about, how it comes from a base, and what the schema answers: that it passes, or that one
keyword is broken at one place. Published folders are not added to; these stand beside them.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from mutation.mutants import steps
from tradehall_standards import Version

FOLDER: Final = Path(__file__).parent / "vectors"
LARGE: Final = 20_000
Broken = tuple[str, str]
"""Pointer and keyword of one finding."""

_LOT: Final = re.compile("L[1-9][0-9]{0,2}")
_MARK: Final = re.compile("[a-z0-9:-]*[a-z0-9]{16}")
_TAIL: Final = "abcdef234567"


@dataclass(frozen=True)
class Vector:
    """
    One payload with the expected answer of its schema: None when it passes, else what is broken.

    A large one, a list filled to its limit, is asked only about the keyword that it was made for: it costs too much.
    """

    name: str
    about: str
    payload: Any
    broken: Broken | None

    @cached_property
    def size(self) -> int:
        """Characters of the payload as Python writes it."""
        return len(str(self.payload))

    @property
    def large(self) -> bool:
        """Whether it is too large to be asked about everything."""
        return self.size > LARGE


def examples(version: Version) -> list[Vector]:
    """Return the published examples of a version as vectors; what only a rule refuses passes the schema."""
    found = [Vector(f"valid/{name}", "", payload, None) for name, payload in version.valid_examples.items()]
    for name, example in version.invalid_examples.items():
        by_rule = example.keyword in ("x-rule", "x-codelist")
        found.append(
            Vector(f"invalid/{name}", "", example.payload, None if by_rule else (example.pointer, example.keyword))
        )
    return found


def path_of(version: Version) -> Path:
    """Return where the vectors of a version stand."""
    return FOLDER / f"{version.family}-{version.version}.json"


def stored(version: Version) -> list[Vector]:
    """Return the stored vectors of a version; none when nobody has grown them yet."""
    path = path_of(version)
    if not path.exists():
        return []
    document = json.loads(path.read_text(encoding="utf-8"))
    full = edited(dict(version.valid_examples)[document["base"]], document["full"])
    found = [Vector("full", "", full, None)]
    for number, (about, edits, broken) in enumerate(document["vectors"]):
        expected = None if broken is None else (str(broken[0]), str(broken[1]))
        found.append(Vector(f"vector {number}", about, edited(full, edits), expected))
    return found


def edited(base: Any, edits: list[list[Any]]) -> Any:
    """Return a copy of ``base`` after its edits: ``put`` a value, ``remove`` a member, ``fill`` a list up to a size."""
    document = copy.deepcopy(base)
    for act, pointer, *rest in edits:
        path = steps(pointer)
        if not path:
            document = rest[0]
            continue
        at = document
        for step in path[:-1]:
            at = at[int(step)] if isinstance(at, list) else at[step]
        key: Any = int(path[-1]) if isinstance(at, list) else path[-1]
        if act == "remove":
            del at[key]
        elif act == "fill":
            at[key] = [varied(at[key][0], number) for number in range(rest[0])]
        else:
            at[key] = copy.deepcopy(rest[0])
    return document


def varied(item: Any, number: int) -> Any:
    """Return the item with its lot numbers and marks changed by a number, so that a long list repeats nothing."""
    if isinstance(item, Mapping):
        return {name: varied(inner, number) for name, inner in item.items()}
    if isinstance(item, list):
        return [varied(inner, number) for inner in item]
    if not isinstance(item, str):
        return item
    if _LOT.fullmatch(item):
        return f"L{number + 1}"
    if _MARK.fullmatch(item):
        tail = ""
        for _ in range(4):
            number, digit = divmod(number, len(_TAIL))
            tail += _TAIL[digit]
        return item[:-4] + tail
    return item
