"""
From what was sent to a payload (读取表单).

People write amounts with thousands and full-width digits, and times without an offset; the standard wants one writing.
What has only one meaning is put into it; anything else goes on as it was written, so that the standard's own finding
tells what is wrong with it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tradehall.web.forms.plan import Question
from tradehall_standards import Json


@dataclass(frozen=True, slots=True)
class Sent:
    """
    A sent form (已提交表单): values by the name of their input, a JSON pointer.

    ``open_rows`` keeps items of lists in which nothing is filled in yet, for a form that goes on.
    """

    values: Mapping[str, Sequence[str]]
    open_rows: bool = False

    def get(self, pointer: str) -> Sequence[str]:
        """Return the values of one input."""
        return self.values.get(pointer, ())


ITEMS_MAX: Final = 2000
"""Items of one list that a form holds; longer ones come as a file."""

OFFSET: Final = "+08:00"
_MINUTE: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")
_SECOND: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?")
_GROUPED: Final = re.compile(r"-?\d{1,3}([,，]\d{3})+(\.\d+)?")
_WHOLE: Final = re.compile(r"-?(0|[1-9]\d{0,14})")
_SHORT: Final = re.compile(r"(-?(?:0|[1-9]\d{0,14}))(\.\d?)?")
_CENTS: Final = r"\.[0-9]{2}$"


def read(question: Question, values: Mapping[str, Sequence[str]], *, open_rows: bool = False) -> dict[str, Json]:
    """
    Return the payload that a sent form stands for (表单内容).

    Empty answers are left out; so is a group of which nothing is filled in. Nothing is judged here.
    """
    found = _group(question, "", Sent(values, open_rows))
    return found if isinstance(found, dict) else {}


def _value(question: Question, pointer: str, sent: Sent) -> Json:
    """Return the answer to one question, None where it is empty."""
    special = _READERS.get(question.kind)
    return _plain(question, _last(pointer, sent)) if special is None else special(question, pointer, sent)


def _choices(question: Question, pointer: str, sent: Sent) -> Json:
    chosen = {text for text in sent.get(pointer) if text}
    codes = [choice.code for choice in question.choices]
    return [code for code in codes if code in chosen] + sorted(chosen - set(codes)) or None


def _paragraphs(_question: Question, pointer: str, sent: Sent) -> Json:
    return [line.strip() for line in _lines(pointer, sent)] or None


def _rows(_question: Question, pointer: str, sent: Sent) -> Json:
    return [_cells(line) for line in _lines(pointer, sent)] or None


def _cells(line: str) -> Json:
    return [*re.split(r"[\s,，]+", line.strip())]


def _pairs(_question: Question, pointer: str, sent: Sent) -> Json:
    pairs = [re.split(r"\s*[=:：＝]\s*", line.strip(), maxsplit=1) for line in _lines(pointer, sent)]
    found: dict[str, Json] = {pair[0]: pair[1] if len(pair) > 1 else "" for pair in pairs}
    return found or None


def _plain(question: Question, text: str) -> Json:
    if not text:
        return None
    match question.kind:
        case "boolean":
            return {"yes": True, "no": False}.get(text, text)
        case "integer":
            number = _ungrouped(text)
            return int(number) if _WHOLE.fullmatch(number) else text
        case "instant":
            return _instant(text)
        case _:
            return _number(text) if question.pattern.endswith(_CENTS) else text


def _group(question: Question, pointer: str, sent: Sent) -> Json:
    found = {m.name: _value(m, f"{pointer}/{m.name}", sent) for m in question.members}
    kept = {name: value for name, value in found.items() if value is not None}
    # A currency is filled in beforehand: alone it says nothing.
    if not kept or (question.kind == "money" and set(kept) == {"currency"}):
        return None
    empties = {m.name: _empty(m) for m in question.members if m.required and m.name not in kept}
    return {m.name: value for m in question.members if (value := kept.get(m.name, empties.get(m.name))) is not None}


def _empty(question: Question) -> Json:
    """Return what a required answer is that may be empty, None where something has to be filled in."""
    if question.kind in ("list", "choices", "paragraphs", "rows"):
        return None if question.least else []
    if question.kind == "pairs":
        return {}
    if question.kind != "group":
        return None
    found = {m.name: _empty(m) for m in question.members if m.required}
    return None if None in found.values() else found


def _list(question: Question, pointer: str, sent: Sent) -> Json:
    rows = (_group(question, f"{pointer}/{index}", sent) for index in indexes(pointer, sent))
    if sent.open_rows:
        return [{} if row is None else row for row in rows] or None
    return [row for row in rows if row is not None] or None


def indexes(pointer: str, sent: Sent) -> list[int]:
    """Return the indexes below a list that something was sent for, in order."""
    start = f"{pointer}/"
    steps = (name[len(start) :].partition("/")[0] for name in sent.values if name.startswith(start))
    return sorted({int(s) for s in steps if s.isascii() and s.isdigit() and len(s) <= 4})[:ITEMS_MAX]  # noqa: PLR2004


def _last(pointer: str, sent: Sent) -> str:
    values = sent.get(pointer)
    return values[-1].strip() if values else ""


def _lines(pointer: str, sent: Sent) -> list[str]:
    return [line for line in _last(pointer, sent).splitlines() if line.strip()]


def _instant(text: str) -> str:
    if _MINUTE.fullmatch(text):
        return f"{text}:00{OFFSET}"
    return f"{text}{OFFSET}" if _SECOND.fullmatch(text) else text


def _ungrouped(text: str) -> str:
    """Return a number without its thousands, in ASCII digits; anything else unchanged."""
    narrow = unicodedata.normalize("NFKC", text).replace(" ", "")
    if _GROUPED.fullmatch(narrow):
        return narrow.replace(",", "").replace("，", "")
    return narrow if re.fullmatch(r"[-0-9.]+", narrow) else text


def _number(text: str) -> str:
    """Return an amount with its two decimals where that only adds zeros."""
    number = _ungrouped(text)
    short = _SHORT.fullmatch(number)
    if short is None:
        return number
    return f"{short[1]}.{(short[2] or '.')[1:]:0<2}"


_READERS: Final[Mapping[str, Callable[[Question, str, Sent], Json]]] = {
    "group": _group,
    "money": _group,
    "list": _list,
    "choices": _choices,
    "paragraphs": _paragraphs,
    "rows": _rows,
    "pairs": _pairs,
}
