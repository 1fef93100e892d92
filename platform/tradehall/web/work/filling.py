"""
One record from blank form to signature (填写、核对): the form of a family in a case, for one caller.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import orjson

from tradehall.desk.filing import CaseView
from tradehall.desk.workbench import Act
from tradehall.kernel.case import Case
from tradehall.kernel.record import SUITE, CaseId, SchemaRef
from tradehall.kernel.refusal import Refusal
from tradehall.web.api.context import CASE_LENGTH
from tradehall.web.forms import Answer, Mistake, Question, fill, plan, read
from tradehall.web.forms.filling import ident, missing
from tradehall.web.portal import paths
from tradehall.web.portal import views as v
from tradehall.web.portal import views_work as w
from tradehall.web.portal.views import Label
from tradehall.web.problems import Problem
from tradehall.web.work.making import OTHERWISE, WorkMaker
from tradehall.web.work.offers import begin, offer
from tradehall_standards import Version

if TYPE_CHECKING:
    from tradehall_standards import Json

_CASE: Final = re.compile(r"[a-z]-[a-z2-7]{26}")
_ADD: Final = re.compile(r"add:((?:/[a-z0-9_]{1,64}){1,16})")
_DROP: Final = re.compile(r"drop:((?:/[a-z0-9_]{1,64}){1,16}/[0-9]{1,4})")
_FORM_KEYWORDS: Final = frozenset({"required"})


@dataclass(slots=True)
class Filler:
    """
    The form of one family in one case (表单).

    Raises:
        Problem: NOT-FOUND where the case is not the caller's to see, or the caller could not file the family in it as
            it stands.
    """

    maker: WorkMaker
    case: str
    family: str
    _view: CaseView | None = field(init=False, default=None)
    _version: Version = field(init=False)
    _ref: SchemaRef = field(init=False)
    _act: Act = field(init=False)

    def __post_init__(self) -> None:
        """Find the case, the act and the standard."""
        door = self.maker.context.door
        procedure = next((p for p in door.procedures.values() if p.prefix == self.case[:1]), None)
        if procedure is None or len(self.case) != CASE_LENGTH or _CASE.fullmatch(self.case) is None:
            raise Problem("NOT-FOUND")
        self._view = self.maker.context.desk.look(self.case, sealed=False)
        if self._view is not None and not self.maker.context.may_see(self._view, self.maker.subject):
            raise Problem("NOT-FOUND")
        case = Case.new(CaseId(self.case), procedure.id, door.node.name) if self._view is None else self._view.case
        acts = [a for a in self.maker.workbench.acts(case, self.maker.subject.party) if a.family == self.family]
        ref = self.maker.workbench.schema(self.case, self.family)
        version = None if ref is None else door.catalogue.version(self.family, ref.version)
        if not acts or self.family in OTHERWISE or ref is None or version is None:
            raise Problem("NOT-FOUND")
        self._act, self._ref, self._version = acts[0], ref, version

    # --- pages ----------------------------------------------------------------------------------------------------

    def blank(self) -> w.FormPage:
        """Return the form as it is first shown, with what the case already says filled in."""
        entries = [] if self._view is None else self.maker.context.visible(self._view, self.maker.subject)
        party, name = self.maker.subject.party, self.maker.name
        return self._form(begin(self.family, entries, self._lots(), party, name), ())

    def take(self, values: Mapping[str, Sequence[str]], do: str) -> w.FormPage | w.CheckPage:
        """Return the next page for what was sent: the form again, or checking and signing."""
        question = self._question()
        if do != "check":
            return self._form(self._changed(read(question, values, open_rows=True), do), ())
        payload = read(question, values)
        mistakes = self.mistakes(question, payload)
        return self._form(payload, mistakes) if mistakes else self._check(question, payload, values)

    def mistakes(self, question: Question, payload: Mapping[str, Json]) -> list[Mistake]:
        """Return everything that stands between a payload and its acceptance at this instant."""
        empty = list(missing(question, payload))
        findings = self.maker.context.door.catalogue.check(self._ref, dict(payload), self.maker.today())
        found = [
            Mistake(f.pointer, Label(f.message_zh, f.message_en), f.clause)
            for f in findings
            if f.severity == "block" and not (empty and f.keyword in _FORM_KEYWORDS)
        ]
        if empty or found:
            return [*empty, *_apart(found)]
        refusal = self.maker.workbench.rehearse(
            case=self.case, author=self.maker.subject.party, schema=self._ref, payload=payload
        )
        return [] if refusal is None or refusal.code in LATER else [_mistake(refusal)]

    def _changed(self, payload: dict[str, Json], do: str) -> dict[str, Json]:
        """Return a payload with an empty item added or one item taken out."""
        added, dropped = _ADD.fullmatch(do), _DROP.fullmatch(do)
        if added:
            return _with_item(payload, added[1].split("/")[1:])
        if dropped:
            *steps, index = dropped[1].split("/")[1:]
            return _without_item(payload, steps, int(index))
        return payload

    # --- parts ----------------------------------------------------------------------------------------------------

    def _lots(self) -> tuple[str, ...]:
        return tuple(lot for lot in self._act.lots if lot != "*")

    def _question(self) -> Question:
        entries = [] if self._view is None else self.maker.context.visible(self._view, self.maker.subject)
        return offer(plan(self._version), self._lots(), entries, self.maker.family)

    def _form(self, payload: Mapping[str, Json], mistakes: Sequence[Mistake]) -> w.FormPage:
        question = self._question()
        return w.FormPage(
            **self.maker.base(),
            case=self.case,
            case_name=self._name(),
            family=self.family,
            title=question.title,
            about=question.help,
            schema=self._version.id,
            clause=self._act.clause,
            form=fill(question, payload, mistakes),
            errors=tuple(_error(m) for m in mistakes),
            back=paths.WORK if self._view is None else paths.work_case(self.case),
        )

    def _check(
        self, question: Question, payload: Mapping[str, Json], values: Mapping[str, Sequence[str]]
    ) -> w.CheckPage:
        party = self.maker.subject.party
        draft = {
            "suite": SUITE,
            "schema": self._ref.to_json(),
            "case": self.case,
            "author": party,
            "filed_by": party,
            "payload": payload,
        }
        return w.CheckPage(
            **self.maker.base(),
            case=self.case,
            case_name=self._name(),
            family=self.family,
            title=question.title,
            schema=self._version.id,
            party=party,
            draft=orjson.dumps(draft).decode(),
            answers=tuple(_named(fill(question, payload), 0)),
            kept=tuple((name, text) for name, texts in values.items() for text in texts),
            action=paths.work_form(self.case, self.family),
            receipt=paths.work_record(""),
        )

    def _name(self) -> str:
        return self._view.case.text("name") if self._view is not None else ""


LATER: Final = frozenset({"ATTACHMENT-MISSING", "ATTACHMENT-WRONG"})
"""Refusals for files that are only chosen when the record is signed; the door judges them then."""


def _mistake(refusal: Refusal) -> Mistake:
    return Mistake(refusal.pointer, Label(refusal.reason.zh, refusal.reason.en), refusal.clause)


def _error(mistake: Mistake) -> v.FieldError:
    clause = f"（{mistake.clause}）" if mistake.clause and "#" not in mistake.clause else ""
    english = f" ({mistake.clause})" if clause else ""
    message = Label(f"{mistake.message.zh}{clause}", f"{mistake.message.en}{english}")
    return v.FieldError(message, field=ident(mistake.pointer) if mistake.pointer else "")


def _apart(mistakes: Sequence[Mistake]) -> Iterator[Mistake]:
    """Yield one mistake for each place: how a text has to be written is told once, not once for each keyword."""
    seen: set[str] = set()
    for mistake in mistakes:
        if not mistake.pointer or mistake.pointer not in seen:
            seen.add(mistake.pointer)
            yield mistake


def _with_item(value: Json, steps: Sequence[str]) -> dict[str, Json]:
    return _object(_put(value, steps, len(steps)))


def _put(value: Json, steps: Sequence[str], left: int) -> Json:
    if left == 0:
        return [*value, {}] if isinstance(value, list) else [{}]
    step = steps[len(steps) - left]
    if isinstance(value, list):
        index = int(step) if step.isdigit() else len(value)
        return [_put(item, steps, left - 1) if n == index else item for n, item in enumerate(value)]
    inner = _object(value)
    return {**inner, step: _put(inner.get(step), steps, left - 1)}


def _without_item(value: Json, steps: Sequence[str], index: int) -> dict[str, Json]:
    def cut(inner: Json, rest: Sequence[str]) -> Json:
        if not rest:
            return [item for n, item in enumerate(inner) if n != index] if isinstance(inner, list) else inner
        if isinstance(inner, list):
            at = int(rest[0]) if rest[0].isdigit() else -1
            return [cut(item, rest[1:]) if n == at else item for n, item in enumerate(inner)]
        known = _object(inner)
        return {**known, rest[0]: cut(known[rest[0]], rest[1:])} if rest[0] in known else inner

    return _object(cut(value, steps))


def _object(value: Json) -> dict[str, Json]:
    return dict(value) if isinstance(value, Mapping) else {}


def _named(answer: Answer, depth: int) -> Iterator[w.Named]:
    """Yield what was answered, in the words of the form."""
    question = answer.question
    if not answer.filled:
        return
    if question.kind == "money":
        yield w.Named(question.title, depth, " ".join(member.value for member in answer.members))
    elif question.kind == "group":
        if question.path:
            yield w.Named(question.title, depth)
        for member in answer.members:
            yield from _named(member, depth + 1 if question.path else depth)
    elif question.kind == "list":
        for number, item in enumerate(answer.items, 1):
            yield w.Named(Label(f"{question.title.zh} {number}", f"{question.title.en} {number}"), depth)
            for member in item:
                yield from _named(member, depth + 1)
    else:
        yield _plain(answer, depth)


def _plain(answer: Answer, depth: int) -> w.Named:
    question = answer.question
    labels = {choice.code: choice.label for choice in question.choices}
    match question.kind:
        case "paragraphs" | "rows" | "pairs":
            return w.Named(question.title, depth, lines=tuple(answer.value.split("\n")))
        case "choices":
            picked = [label for code, label in labels.items() if code in answer.chosen]
            both = Label("、".join(one.zh for one in picked), ", ".join(one.en for one in picked))
            return w.Named(question.title, depth, word=both)
        case "choice" if answer.value in labels:
            return w.Named(question.title, depth, word=labels[answer.value])
        case "boolean":
            return w.Named(question.title, depth, word=YES if answer.value == "yes" else NO)
        case "instant":
            return w.Named(question.title, depth, answer.value.replace("T", " "))
        case _:
            return w.Named(question.title, depth, answer.value)


YES: Final = Label("是", "Yes")
NO: Final = Label("否", "No")
