"""
Messages (校验提示): one plain sentence in Chinese and English for every keyword that a payload can break.

A sentence names the limit, never the whole value: values may be long, or secret.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from tradehall_standards.engines import Problem
from tradehall_standards.strict import Json

MAX_SHOWN: Final = 120
_ELLIPSIS: Final = "…"

Sentence = tuple[str, str]

_TYPES: Final[Mapping[str, Sentence]] = {
    "object": ("对象", "an object"),
    "array": ("数组", "an array"),
    "string": ("文本", "a text"),
    "integer": ("整数", "an integer"),
    "boolean": ("是或否（true/false）", "true or false"),
    "null": ("空值", "null"),
}
_FORMATS: Final[Mapping[str, Sentence]] = {
    "date": ("须为真实存在的日期，如 2026-03-25", "must be a real date such as 2026-03-25"),
    "date-time": (
        "须为带时区的时间，如 2026-03-25T09:30:00.000+08:00",
        "must be an instant with offset such as 2026-03-25T09:30:00.000+08:00",
    ),
}


def shorten(text: str) -> str:
    """Return ``text`` cut to ``MAX_SHOWN`` characters, the cut marked."""
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + _ELLIPSIS


def _names(names: tuple[str, ...]) -> Sentence:
    return shorten("、".join(names)), shorten(", ".join(names))


def _required(problem: Problem) -> Sentence:
    zh, en = _names(problem.names)
    return f"缺少必填项：{zh}", f"lacks the required {en}"


def _closed(problem: Problem) -> Sentence:
    if not problem.names:
        return "含有标准未定义的字段", "has fields that the standard does not define"
    zh, en = _names(problem.names)
    return f"含有标准未定义的字段：{zh}", f"has fields that the standard does not define: {en}"


def _type(problem: Problem) -> Sentence:
    kinds = problem.constraint if isinstance(problem.constraint, list) else [problem.constraint]
    words = [_TYPES.get(str(kind), (str(kind), str(kind))) for kind in kinds]
    return f"须为{'或'.join(zh for zh, _ in words)}", f"must be {' or '.join(en for _, en in words)}"


def _enum(problem: Problem) -> Sentence:
    options = problem.constraint if isinstance(problem.constraint, list) else []
    zh, en = _names(tuple(str(option) for option in options))
    return f"取值不在代码表内，可用：{zh}", f"is not in the code list; allowed: {en}"


def _format(problem: Problem) -> Sentence:
    return _FORMATS.get(str(problem.constraint), ("格式不正确", "is not in the required format"))


def _bound(zh: str, en: str) -> Callable[[Problem], Sentence]:
    def sentence(problem: Problem) -> Sentence:
        limit = shorten(_literal(problem.constraint))
        return zh.format(limit), en.format(limit)

    return sentence


def _fixed(zh: str, en: str) -> Callable[[Problem], Sentence]:
    return lambda _: (zh, en)


def _literal(value: Json) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "null" if value is None else str(value)


_SENTENCES: Final[Mapping[str, Callable[[Problem], Sentence]]] = {
    "required": _required,
    "additionalProperties": _closed,
    "unevaluatedProperties": _closed,
    "type": _type,
    "enum": _enum,
    "format": _format,
    "const": _bound("须为 {0}", "must be {0}"),
    "pattern": _bound("书写形式不正确，应符合 {0}", "is not in the form {0}"),
    "minLength": _bound("至少 {0} 个字符", "must have at least {0} characters"),
    "maxLength": _bound("至多 {0} 个字符", "must have at most {0} characters"),
    "minimum": _bound("不得小于 {0}", "must not be less than {0}"),
    "maximum": _bound("不得大于 {0}", "must not be greater than {0}"),
    "exclusiveMinimum": _bound("须大于 {0}", "must be greater than {0}"),
    "exclusiveMaximum": _bound("须小于 {0}", "must be less than {0}"),
    "multipleOf": _bound("须为 {0} 的整数倍", "must be a multiple of {0}"),
    "minItems": _bound("至少 {0} 项", "must have at least {0} items"),
    "maxItems": _bound("至多 {0} 项", "must have at most {0} items"),
    "minContains": _bound("符合条件的项至少 {0} 个", "must have at least {0} matching items"),
    "maxContains": _bound("符合条件的项至多 {0} 个", "must have at most {0} matching items"),
    "minProperties": _bound("至少 {0} 个字段", "must have at least {0} fields"),
    "maxProperties": _bound("至多 {0} 个字段", "must have at most {0} fields"),
    "uniqueItems": _fixed("各项不得重复", "must not hold the same item twice"),
    "contains": _fixed("缺少符合条件的项", "lacks an item that matches"),
    "anyOf": _fixed("不符合任何一种允许的形式", "matches none of the allowed forms"),
    "oneOf": _fixed("须恰好符合一种允许的形式", "must match exactly one of the allowed forms"),
    "not": _fixed("属于不允许的情形", "is in a form that is not allowed"),
    "dependentRequired": _fixed("填写了某项后，另一项必须同时填写", "lacks a field that another one demands"),
    "unevaluatedItems": _fixed("含有标准未定义的项", "has items that the standard does not define"),
}


def sentence(problem: Problem, title_zh: str, title_en: str) -> Sentence:
    """Return the sentence for a problem, Chinese and English, opened by the title of the field (校验提示)."""
    words = _SENTENCES.get(problem.keyword, _fixed("不符合标准", "does not follow the standard"))
    zh, en = words(problem)
    return f"“{title_zh}”{zh}", f"“{title_en}” {en}"
