"""
Reading packages of others (读取数据包): bytes nobody vouches for, as one merged tree a process.

Amounts are read as decimals, never as floats. What is too large, too deep, repeated or no number is refused with a
sentence in both languages.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, TypeAlias

from tradehall.kernel.refusal import Text
from tradehall.ocds.merging import WHOLE, Node, by_id, is_list, is_node

MAX_BYTES: Final = 64 << 20
MAX_DEPTH: Final = 64
MAX_DIGITS: Final = 40
MAX_PLACES: Final = 20
VERSIONS: Final = ("1.0", "1.1")
_SHOWN: Final = 40


class PackageRefused(ValueError):  # noqa: N818  - says what happened
    """The input is no OCDS that can be read (数据包不可读取): a code, and a sentence in both languages."""

    def __init__(self, code: str, text: Text) -> None:
        super().__init__(f"{code}: {text.en}")
        self.code = code
        self.text = text


@dataclass(slots=True)
class Leaf:
    """A value (叶) and the pointers at which the input says it; ``empty`` stands for an empty object or array."""

    value: Any
    pointers: list[str]


@dataclass(slots=True)
class Branch:
    """An object or array (枝): members by name, items by id or place."""

    members: dict[str, Tree] = field(default_factory=dict[str, "Tree"])


Tree: TypeAlias = "Leaf | Branch"


@dataclass(slots=True)
class Process:
    """One contracting process of the input (过程): what holds now, and what did before with the reason it does not."""

    ocid: str
    tree: Branch = field(default_factory=Branch)
    left: list[tuple[str, Any, str]] = field(default_factory=list[tuple[str, Any, str]])


@dataclass(slots=True)
class Found:
    """What an input holds (输入内容): processes, and what belongs to none of them: pointer, value, reason."""

    processes: dict[str, Process] = field(default_factory=dict[str, Process])
    left: list[tuple[str, Any, str]] = field(default_factory=list[tuple[str, Any, str]])


# --- bytes --------------------------------------------------------------------------------------------------------


def parse(data: bytes) -> list[tuple[str, Any]]:
    """
    Return the documents of a file (解析): one, or one a line, each with what stands before its pointers.

    Raises:
        PackageRefused: TOO-LARGE, NOT-UTF8, SYNTAX, TOO-DEEP, DUPLICATE-KEY, NUMBER, SURROGATE or EMPTY.
    """
    if len(data) > MAX_BYTES:
        raise PackageRefused(
            "TOO-LARGE", Text(f"文件超过 {MAX_BYTES} 字节", f"the file is larger than {MAX_BYTES} bytes")
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        at = error.start
        raise PackageRefused("NOT-UTF8", Text(f"第 {at} 字节不是 UTF-8", f"byte {at} is not UTF-8")) from None
    lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    if not lines:
        raise PackageRefused("EMPTY", Text("文件是空的", "the file is empty"))
    if len(lines) > 1 and all(line.lstrip()[:1] == "{" and line.rstrip()[-1:] == "}" for _, line in lines):
        return [(f"{number}:", _document(line)) for number, line in lines]
    return [("", _document(text))]


def _document(text: str) -> Any:
    try:
        value = json.loads(
            text, object_pairs_hook=_object, parse_float=_number, parse_int=_number, parse_constant=_constant
        )
    except json.JSONDecodeError as error:
        why = Text(f"第 {error.pos} 个字符处不是 JSON", f"not JSON at character {error.pos}")
        raise PackageRefused("SYNTAX", why) from None
    except RecursionError:
        raise _too_deep() from None
    _check(value)
    return value


def _object(pairs: list[tuple[str, Any]]) -> Node:
    made = dict(pairs)
    if len(made) != len(pairs):
        key = Counter(k for k, _ in pairs).most_common(1)[0][0]
        shown = key[:_SHOWN].encode("ascii", "backslashreplace").decode()
        raise PackageRefused("DUPLICATE-KEY", Text(f"键“{shown}”重复", f"the key {shown} appears twice"))
    return made


def _number(literal: str) -> int | Decimal:
    digits = sum(c.isdigit() for c in literal)
    if digits <= MAX_DIGITS:
        value = Decimal(literal)
        exponent = value.as_tuple().exponent
        if isinstance(exponent, int) and -MAX_PLACES <= exponent <= MAX_PLACES:
            return int(literal) if literal.lstrip("-").isdigit() else value
    raise _no_number(literal)


def _constant(literal: str) -> Any:
    raise _no_number(literal)


def _no_number(literal: str) -> PackageRefused:
    shown = literal[:_SHOWN]
    return PackageRefused("NUMBER", Text(f"不能读取数值 {shown}", f"the number {shown} can't be read"))


def _too_deep() -> PackageRefused:
    return PackageRefused("TOO-DEEP", Text(f"嵌套超过 {MAX_DEPTH} 层", f"nested more than {MAX_DEPTH} deep"))


def _check(root: Any) -> None:
    """Refuse what is too deep, and halves of characters that no file could be written with."""
    pending: list[tuple[Any, int]] = [(root, 1)]
    while pending:
        value, depth = pending.pop()
        if depth > MAX_DEPTH:
            raise _too_deep()
        if is_node(value):
            pending.extend((inner, depth + 1) for inner in value.values())
            pending.extend((key, depth) for key in value)
        elif is_list(value):
            pending.extend((inner, depth + 1) for inner in value)
        elif isinstance(value, str) and any("\ud800" <= c <= "\udfff" for c in value):
            raise PackageRefused("SURROGATE", Text("含有半个字符（孤立代理码位）", "a lone surrogate stands in a text"))


# --- documents ----------------------------------------------------------------------------------------------------


def leaves(value: Any, pointer: str) -> Iterator[tuple[str, Any]]:
    """Yield every leaf with its JSON Pointer (逐叶); an empty object or array is one too."""
    pending: list[tuple[str, Any]] = [(pointer, value)]
    while pending:
        at, found = pending.pop()
        if is_node(found) and found:
            pending.extend((f"{at}/{escaped(k)}", v) for k, v in reversed(found.items()))
        elif is_list(found) and found:
            pending.extend((f"{at}/{i}", v) for i, v in reversed(list(enumerate(found))))
        else:
            yield at, found


def escaped(name: str) -> str:
    """Return a member's name as part of a JSON Pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")


def gather(data: bytes) -> Found:
    """
    Return what a file holds (汇集): release and record packages, bare releases and records, 1.0 and 1.1.

    Raises:
        PackageRefused: as :func:`parse`, or NOT-OCDS, VERSION.
    """
    found = Found()
    for before, document in parse(data):
        _document_into(found, document, before)
    return found


def _document_into(found: Found, document: Any, before: str) -> None:
    if not is_node(document) or not {"releases", "records", "ocid"} & document.keys():
        raise PackageRefused("NOT-OCDS", Text("既无 releases、records，也无 ocid", "no releases, no records, no ocid"))
    version = document.get("version")
    if version is not None and str(version) not in VERSIONS:
        shown = str(version)[:_SHOWN]
        raise PackageRefused("VERSION", Text(f"不能读取 OCDS {shown}", f"OCDS {shown} can't be read"))
    if "ocid" in document:
        # A bare record has its releases and its compiled release, a bare release has neither.
        into = _record if "compiledRelease" in document or "releases" in document else _release
        into(found, document, before)
        return
    for name, value in document.items():
        at = f"{before}/{escaped(name)}"
        if name in ("releases", "records") and is_list(value) and value:
            for i, item in enumerate(value):
                (_release if name == "releases" else _record)(found, item, f"{at}/{i}")
        else:
            found.left.extend((p, v, "about-package") for p, v in leaves(value, at))


def _record(found: Found, record: Any, at: str) -> None:
    if not is_node(record) or not record:
        found.left.extend((p, v, "not-a-record") for p, v in leaves(record, at))
        return
    listed = record.get("releases")
    told = [(f"{at}/releases/{i}", r) for i, r in enumerate(listed)] if is_list(listed) else []
    for pointer, release in sorted(told, key=_date):
        if is_node(release) and "url" in release and "ocid" not in release:
            found.left.extend((p, v, "linked") for p, v in leaves(release, pointer))
        else:
            _release(found, release, pointer)
    for name, value in record.items():
        pointer = f"{at}/{escaped(name)}"
        if name == "compiledRelease":
            _release(found, value, pointer)
        elif name == "versionedRelease":
            found.left.extend((p, v, "history") for p, v in leaves(value, pointer))
        elif name != "releases" or not told:
            found.left.extend((p, v, "about-record") for p, v in leaves(value, pointer))


def _date(told: tuple[str, Any]) -> str:
    release = told[1]
    return str(release.get("date")) if is_node(release) else ""


ABOUT_RELEASE: Final = frozenset({"ocid", "id", "date", "tag", "initiationType", "language"})


def _release(found: Found, release: Any, at: str) -> None:
    if not is_node(release) or not release:
        found.left.extend((p, v, "not-a-release") for p, v in leaves(release, at))
        return
    ocid = str(release.get("ocid", ""))
    process = found.processes.setdefault(ocid, Process(ocid))
    for name, value in release.items():
        pointer = f"{at}/{escaped(name)}"
        if name in ABOUT_RELEASE:
            process.left.extend((p, v, "about-release") for p, v in leaves(value, pointer))
        else:
            _fold(process, process.tree, name, value, pointer)


def _fold(process: Process, into: Branch, name: str, value: Any, pointer: str) -> None:
    """Let a member say what it says now; what it said before is left with the reason."""
    old = into.members.get(name)
    if is_node(value) and value:
        branch = _branch(process, into, name, old)
        for key, inner in value.items():
            _fold(process, branch, key, inner, f"{pointer}/{escaped(key)}")
    elif is_list(value) and any(is_node(item) or is_list(item) for item in value):
        branch = _branch(process, into, name, old)
        named = by_id(value) and name not in WHOLE
        for i, item in enumerate(value):
            key = f"id:{item['id']}" if named else str(i)
            _fold(process, branch, key, item, f"{pointer}/{i}")
    else:
        _set(process, into, name, value, pointer)


def _branch(process: Process, into: Branch, name: str, old: Tree | None) -> Branch:
    if isinstance(old, Branch):
        return old
    if old is not None:
        _leave(process, old, "superseded")
    made = into.members[name] = Branch()
    return made


def _set(process: Process, into: Branch, name: str, value: Any, pointer: str) -> None:
    old = into.members.get(name)
    pointers = [p for p, _ in leaves(value, pointer)]
    if isinstance(old, Leaf) and old.value == value and type(old.value) is type(value):
        old.pointers.extend(pointers)
        return
    if old is not None:
        _leave(process, old, "superseded")
    into.members[name] = Leaf(value, pointers)


def _leave(process: Process, tree: Tree, why: str) -> None:
    if isinstance(tree, Leaf):
        process.left.extend((p, tree.value, why) for p in tree.pointers)
        return
    for inner in tree.members.values():
        _leave(process, inner, why)
