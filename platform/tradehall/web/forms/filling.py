"""
From a payload to a filled form (填充表单): values as people write them, and each mistake at its field.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Final

from tradehall.web.forms.plan import LONG, Question
from tradehall.web.portal.views import Label
from tradehall_standards import Json

_CENTRE: Final = timezone(timedelta(hours=8))
_REQUIRED: Final = "required"


@dataclass(frozen=True, slots=True)
class Mistake:
    """Something that is wrong with an answer (填写错误): where, and one sentence with the clause."""

    pointer: str
    message: Label
    clause: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """
    One filled place of a form (表单项).

    Attributes:
        pointer: name of the input, a JSON pointer.
        ident: id of the input on the page.
        value: what the input shows; of several codes those chosen.
        members: the answers of a group.
        items: of a list, the answers of each item.
        mistakes: what is wrong here.
        filled: whether anything is filled in here or below.
    """

    question: Question
    pointer: str
    value: str = ""
    chosen: frozenset[str] = frozenset()
    members: tuple[Answer, ...] = ()
    items: tuple[tuple[Answer, ...], ...] = ()
    mistakes: tuple[Mistake, ...] = ()
    filled: bool = False

    @property
    def ident(self) -> str:
        """Id of the input on the page."""
        return ident(self.pointer)

    @property
    def long(self) -> bool:
        """Whether a text needs several lines."""
        return self.question.most is not None and self.question.most > LONG and not self.question.pattern

    @property
    def wrong(self) -> bool:
        """Whether anything is wrong here or below."""
        below = (*self.members, *(answer for item in self.items for answer in item))
        return bool(self.mistakes) or any(answer.wrong for answer in below)


def ident(pointer: str) -> str:
    """Return the id of the input at a pointer (控件标识)."""
    return "f" + pointer.replace("/", "-")


def fill(question: Question, payload: Mapping[str, Json], mistakes: Sequence[Mistake] = ()) -> Answer:
    """
    Return the form filled with a payload (填好的表单).

    A mistake whose place has no input of its own stands at the closest place above it.
    """
    places = frozenset(_places(question, payload, ""))
    at: dict[str, list[Mistake]] = {}
    for mistake in mistakes:
        pointer = mistake.pointer
        while pointer and pointer not in places:
            pointer = pointer.rpartition("/")[0]
        at.setdefault(pointer, []).append(mistake)
    return _answer(question, payload, "", at)


def missing(question: Question, payload: Json, pointer: str = "") -> Iterator[Mistake]:
    """Yield a mistake for each required answer that is empty, at its own field (必填项)."""
    if question.kind == "list" and isinstance(payload, list):
        for index, item in enumerate(payload):
            yield from _missing_members(question, item, f"{pointer}/{index}")
    elif question.kind in ("group", "money"):
        yield from _missing_members(question, payload, pointer)


def _missing_members(question: Question, value: Json, pointer: str) -> Iterator[Mistake]:
    known: Mapping[str, Json] = value if isinstance(value, Mapping) else {}
    for member in question.members:
        at = f"{pointer}/{member.name}"
        if member.name in known or (member.required and member.kind in ("group", "money")):
            yield from missing(member, known.get(member.name), at)
        elif member.required:
            yield Mistake(at, Label(f"请填写“{member.title.zh}”", f"Fill in “{member.title.en}”"), _REQUIRED)


def _places(question: Question, value: Json, pointer: str) -> Iterator[str]:
    yield pointer
    if question.kind == "list":
        for index, item in enumerate(value if isinstance(value, list) else []):
            yield f"{pointer}/{index}"
            for member in question.members:
                yield from _places(member, _member(item, member.name), f"{pointer}/{index}/{member.name}")
    else:
        for member in question.members:
            yield from _places(member, _member(value, member.name), f"{pointer}/{member.name}")


def _answer(question: Question, value: Json, pointer: str, at: Mapping[str, Sequence[Mistake]]) -> Answer:
    here = tuple(at.get(pointer, ()))
    filled = value is not None and value != {}
    if question.kind in ("group", "money"):
        members = _members(question, value, pointer, at)
        return Answer(question, pointer, members=members, mistakes=here, filled=filled)
    if question.kind == "list":
        rows: Sequence[Json] = (
            value if isinstance(value, list) else [{}] if question.required and question.least else []
        )
        items = tuple(_members(question, row, f"{pointer}/{n}", at) for n, row in enumerate(rows))
        lost = [m for n in range(len(rows)) for m in at.get(f"{pointer}/{n}", ())]
        return Answer(question, pointer, items=items, mistakes=(*here, *lost), filled=filled)
    if question.kind == "choices":
        chosen = frozenset(str(code) for code in value) if isinstance(value, list) else frozenset[str]()
        return Answer(question, pointer, chosen=chosen, mistakes=here, filled=filled)
    return Answer(question, pointer, value=_shown(question, value), mistakes=here, filled=filled)


def _members(question: Question, value: Json, pointer: str, at: Mapping[str, Sequence[Mistake]]) -> tuple[Answer, ...]:
    return tuple(_answer(m, _member(value, m.name), f"{pointer}/{m.name}", at) for m in question.members)


def _member(value: Json, name: str) -> Json:
    return value.get(name) if isinstance(value, Mapping) else None


def _shown(question: Question, value: Json) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return "\n".join(" ".join(str(cell) for cell in row) if isinstance(row, list) else str(row) for row in value)
    if isinstance(value, Mapping):
        return "\n".join(f"{name} = {text}" for name, text in value.items())
    return _local(str(value)) if question.kind == "instant" else str(value)


def _local(text: str) -> str:
    """Return an instant as the input wants it: the centre's time without offset; what is none, as it stands."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return text
    if at.tzinfo is None:
        return text
    local = at.astimezone(_CENTRE).replace(tzinfo=None)
    return local.isoformat(timespec="milliseconds" if local.microsecond else "seconds")
