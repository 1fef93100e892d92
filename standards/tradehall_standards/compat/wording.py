"""Wording (说明文字): one sentence in Chinese and one in English for every verdict, change and reason."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final, TypeAlias

from tradehall_standards import messages
from tradehall_standards.compat.differing import Change
from tradehall_standards.compat.values import Value

Sentence: TypeAlias = tuple[str, str]

REASONS: Final[Mapping[str, Sentence]] = {
    "engine_only": (
        "其中的格式或正则只有校验引擎能判断，无法证明",
        "a format or pattern in it can only be judged by an engine, not proved",
    ),
    "engines_differ": ("两个引擎的判断不一致", "the two engines do not agree"),
    "failed": ("比对进程异常结束", "the process that compared them ended abnormally"),
    "items": ("数组的组合过多", "there are too many ways to fill an array"),
    "keyword": ("含有无法判定的关键字", "a keyword in it is not decided"),
    "limits": ("模式过大或嵌套过深", "a schema is too large or nested too deeply"),
    "listed": ("列举的取值被逐一排除，未能判定", "listed values are ruled out one by one"),
    "loop": ("定义直接引用自身，含义不确定", "a definition stands for itself, which means nothing"),
    "members": ("对象的组合过多", "there are too many ways to fill an object"),
    "numbers": ("未能在界限内找到可写出的数", "no number that can be written was found between the bounds"),
    "size": ("约束或正则的状态过多", "there are too many states or constraints"),
    "time": ("超出时间上限", "the time for one comparison is over"),
    "unreadable": (
        "模式不合其方言，或引用了文档之外的内容",
        "not a schema of its dialect, or it refers to something outside",
    ),
}
"""Why a verdict is ``unknown``, by code."""


def show(value: Value, limit: int = messages.MAX_SHOWN) -> str:
    """Return a value as short JSON (简写)."""
    text = json.dumps(value, ensure_ascii=False, default=str, separators=(",", ":"))
    return text if len(text) <= limit else text[: limit - 1] + "…"


def change_words(change: Change) -> Sentence:
    """Return what a change is (差异说明)."""
    keyword, name = change.keyword, change.name
    if name:
        zh, en = _MEMBERS.get(keyword, ("子模式", "schema"))
        done = {"added": ("新增", "added"), "removed": ("删除", "removed")}.get(change.action, ("修改", "altered"))
        return f"{done[0]}{zh}“{name}”", f"{en} {name} {done[1]}"
    listed = _listed_words(change)
    if listed is not None:
        return listed
    if change.action == "added":
        return f"新增 {keyword} {show(change.new)}", f"{keyword} {show(change.new)} added"
    if change.action == "removed":
        return f"删除 {keyword} {show(change.old)}", f"{keyword} {show(change.old)} removed"
    old, new = show(change.old), show(change.new)
    return f"{keyword} 由 {old} 改为 {new}", f"{keyword} changed from {old} to {new}"


_MEMBERS: Final[Mapping[str, Sentence]] = {
    "properties": ("字段", "property"),
    "patternProperties": ("字段模式", "property pattern"),
    "$defs": ("定义", "definition"),
    "definitions": ("定义", "definition"),
    "dependentSchemas": ("依赖", "dependency on"),
    "dependentRequired": ("依赖", "dependency on"),
    "dependencies": ("依赖", "dependency on"),
}
_LISTED: Final[Mapping[str, Sentence]] = {
    "enum": ("取值", "values"),
    "required": ("必填项", "required members"),
    "type": ("类型", "types"),
}


def _listed_words(change: Change) -> Sentence | None:
    """Say which members of a list came or went."""
    if change.keyword not in _LISTED:
        return None
    old = change.old if isinstance(change.old, list) else [] if change.old is None else [change.old]
    new = change.new if isinstance(change.new, list) else [] if change.new is None else [change.new]
    zh, en = _LISTED[change.keyword]
    come, gone = [item for item in new if item not in old], [item for item in old if item not in new]
    parts_zh = [f"{verb}{zh} {_names(items)}" for verb, items in (("新增", come), ("删除", gone)) if items]
    parts_en = [f"{en} {verb}: {_names(items)}" for verb, items in (("added", come), ("removed", gone)) if items]
    return ("，".join(parts_zh), "; ".join(parts_en)) if parts_zh else None


def _names(items: list[Value]) -> str:
    return messages.shorten(", ".join(item if isinstance(item, str) else show(item) for item in items))


def proved_words(*, backward: bool) -> Sentence:
    """Return the sentence of a proof (证明结论)."""
    if backward:
        return "已证明：凡符合旧版的记录都符合新版", "Proved: every record that is valid under OLD is valid under NEW"
    return "已证明：凡符合新版的记录都符合旧版", "Proved: every record that is valid under NEW is valid under OLD"


def unknown_words(reason: str, *, backward: bool) -> Sentence:
    """Return the sentence of an open question (未决结论)."""
    zh, en = REASONS[reason]
    side = (
        ("旧版记录是否都符合新版", "whether OLD's records are valid under NEW")
        if backward
        else (
            "新版记录是否都符合旧版",
            "whether NEW's records are valid under OLD",
        )
    )
    return f"无法判定{side[0]}：{zh}", f"Not known {side[1]}: {en}"


def refuted_words(broken: Sentence, change: Change | None, *, backward: bool) -> Sentence:
    """Return the sentence of a refutation: what is refused, and the change behind it (反例结论)."""
    allows, refuses = (("旧版", "OLD"), ("新版", "NEW")) if backward else (("新版", "NEW"), ("旧版", "OLD"))
    why = change_words(change) if change is not None else None
    tail_zh = f"（{change.pointer or '/'}：{why[0]}）" if change is not None and why is not None else ""
    tail_en = f" ({change.pointer or '/'}: {why[1]})" if change is not None and why is not None else ""
    return (
        f"{allows[0]}允许而{refuses[0]}拒绝：{broken[0]}{tail_zh}",
        f"{allows[1]} allows what {refuses[1]} refuses: {broken[1]}{tail_en}",
    )
