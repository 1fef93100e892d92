"""
Comparing (兼容性判定): is every record of OLD valid under NEW, and every record of NEW under OLD?

For each direction, in this order:

1. Read both schemas into formulas; equal formulas are equal sets.
2. Look for a document that one accepts and the other refuses: among the samples, then by solving
   "valid under the one and not under the other".
3. A document counts only when both engines confirm it; it is shrunk, and told in the words of a sample.
4. "There is no such document" counts only when it was proved for every way in which engines read ``.``, no
   sample contradicts it and jsonschema-rs, which decides containment by other means, does not deny it.
5. Everything else is ``unknown``, with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Literal, TypeAlias, cast

import jsonschema_rs

from tradehall_standards import messages
from tradehall_standards.compat.answers import Answer, Empty, Found, Open, Spent
from tradehall_standards.compat.confirming import (
    EngineRefusal,
    FirstEngine,
    SecondOpinion,
    check_schema,
    load_second_engine,
)
from tradehall_standards.compat.dialects import (
    LATEST,
    Draft,
    Formats,
    Schema,
    UnknownDialectError,
    draft_of,
    enforces_formats,
)
from tradehall_standards.compat.differing import Change, diff, nearest
from tradehall_standards.compat.documents import MAX_EXPANSION, Document, UnreachableReference
from tradehall_standards.compat.patterns import NOT_LINE_END, NOT_NEWLINE
from tradehall_standards.compat.reading import Reader, UnreadableSchema
from tradehall_standards.compat.regular import Languages, Ranges, TooLarge
from tradehall_standards.compat.shrinking import clothe, shrink
from tradehall_standards.compat.solving import Solver
from tradehall_standards.compat.terms import Terms, TooManyTerms
from tradehall_standards.compat.values import NotExactError, Value
from tradehall_standards.compat.wording import Sentence, proved_words, refuted_words, show, unknown_words
from tradehall_standards.engines import Problem
from tradehall_standards.strict import Json, escape

Direction: TypeAlias = Literal["backward", "forward"]
Outcome: TypeAlias = Literal["proved", "refuted", "unknown"]

MAX_SAMPLES: Final = 1000
_MAX_TEXTS: Final = 60
_SEARCH_SECONDS: Final = 1.6
"""What one direction may take to be solved; confirming and shrinking come on top."""
_SHRINK_SECONDS: Final = 0.5
_DRAFT_NUMBERS: Final = {"4": 4, "6": 6, "7": 7, "2019-09": 19, "2020-12": 20}


@dataclass(frozen=True, slots=True)
class Witness:
    """
    A document that one schema accepts and the other refuses, as both engines say (反例).

    Attributes:
        document: the document.
        place: JSON Pointer into it, where it is refused.
        keyword: the keyword that refuses it.
        refused_at: JSON Pointer of that keyword in the schema that refuses.
    """

    document: Value
    place: str
    keyword: str
    refused_at: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """
    The answer for one direction (判定).

    Attributes:
        direction: ``backward``, old records under NEW; ``forward``, new records under OLD.
        outcome: ``proved``, ``refuted`` (then there is a witness), or ``unknown`` (then there is a reason).
        message_zh: one sentence in Chinese.
        message_en: the same in English.
        pointer: where in the schema the change stands that a refutation comes from.
        witness: the document that proves a refutation.
        reason: code of :data:`wording.REASONS`; empty unless unknown.
        method: how a proof was found: ``equal``, ``solved`` or ``covers``; empty else.
    """

    direction: Direction
    outcome: Outcome
    message_zh: str
    message_en: str
    pointer: str = ""
    witness: Witness | None = None
    reason: str = ""
    method: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Both verdicts and what changed (兼容性比对结果)."""

    backward: Verdict
    forward: Verdict
    changes: tuple[Change, ...]


@dataclass(frozen=True)
class _Side:
    """One schema with what is needed to judge values by it."""

    schema: Schema
    draft: Draft
    formats: Formats

    @cached_property
    def first(self) -> FirstEngine:
        return FirstEngine(self.schema, self.draft, self.formats)

    @cached_property
    def second(self) -> SecondOpinion:
        return SecondOpinion(self.schema, self.draft, self.formats)


def compare_here(
    old: Schema,
    new: Schema,
    samples: Sequence[Value] = (),
    *,
    clock: Callable[[], float],
    draft: Draft = LATEST,
    formats: Formats = "draft",
    reader: type[Reader] = Reader,
) -> Comparison:
    """
    Compare in this process, without the caps of the worker (进程内比对).

    Args:
        old: the schema in force.
        new: the draft.
        samples: real records, for witnesses in real words.
        clock: seconds, rising; those of this thread alone are fair on a busy machine.
        draft: the dialect of schemas that name none.
        formats: whether ``format`` is enforced.
        reader: what reads the schemas; another one only to measure what this one is good for.
    """
    changes = diff(old, new)
    try:
        sides = tuple(_Side(schema, draft_of(schema, draft), formats) for schema in (old, new))
        expanded = [Document(side.schema, side.draft).expansion() for side in sides]
        if max(expanded) > MAX_EXPANSION:
            return Comparison(_unknown("backward", "limits"), _unknown("forward", "limits"), changes)
        for side in sides:
            check_schema(side.schema, side.draft)
    except (EngineRefusal, UnknownDialectError, UnreachableReference):
        return Comparison(_unknown("backward", "unreadable"), _unknown("forward", "unreadable"), changes)
    pair = _Pair(sides[0], sides[1], changes, samples[:MAX_SAMPLES], clock, reader)
    return Comparison(pair.verdict("backward"), pair.verdict("forward"), changes)


def refuse(reason: str) -> Comparison:
    """Return the comparison of schemas that were not compared at all (未作比对)."""
    return Comparison(_unknown("backward", reason), _unknown("forward", reason), ())


def _unknown(direction: Direction, reason: str) -> Verdict:
    zh, en = unknown_words(reason, backward=direction == "backward")
    return Verdict(direction, "unknown", zh, en, reason=reason)


def _proved(direction: Direction, method: str) -> Verdict:
    zh, en = proved_words(backward=direction == "backward")
    return Verdict(direction, "proved", zh, en, method=method)


class _Pair:
    """Two schemas that are compared."""

    def __init__(
        self,
        old: _Side,
        new: _Side,
        changes: tuple[Change, ...],
        samples: Sequence[Value],
        clock: Callable[[], float],
        reader: type[Reader],
    ) -> None:
        self._reader = reader
        self._sides = old, new
        self._changes = changes
        self._samples = samples
        self._clock = clock

    def verdict(self, direction: Direction) -> Verdict:
        """Return the verdict for one direction; whatever stands in the way is a reason."""
        try:
            return self._verdict(direction)
        except Spent:
            return _unknown(direction, "time")
        except (TooLarge, TooManyTerms, MemoryError):
            return _unknown(direction, "size")
        except (UnreadableSchema, NotExactError):
            return _unknown(direction, "unreadable")
        except EngineRefusal:
            return _unknown(direction, "engines_differ")
        except RecursionError:
            return _unknown(direction, "loop")

    def _verdict(self, direction: Direction) -> Verdict:
        giving, taking = self._sides if direction == "backward" else self._sides[::-1]
        broken = next((sample for sample in self._samples if self._splits(giving, taking, sample)), None)
        if broken is not None and self._confirmed(giving, taking, broken):
            return self._refuted(direction, giving, taking, broken)
        answer, method = self._solve(giving, taking)
        if isinstance(answer, Found):
            if not self._confirmed(giving, taking, answer.value):
                return _unknown(direction, "engines_differ")
            return self._refuted(direction, giving, taking, answer.value)
        covered = self._covers(giving, taking)
        if isinstance(answer, Empty):
            return _unknown(direction, "engines_differ") if covered is False else _proved(direction, method)
        if covered and answer.reason != "loop":
            return _proved(direction, "covers")
        return _unknown(direction, answer.reason)

    # --- finding
    def _solve(self, giving: _Side, taking: _Side) -> tuple[Answer, str]:
        """Solve for the usual meaning of ``.``; a proof must hold for the other one too."""
        answer, method, dotted = self._solve_once(giving, taking, NOT_NEWLINE)
        if isinstance(answer, Empty) and dotted:
            other, _, _ = self._solve_once(giving, taking, NOT_LINE_END)
            if not isinstance(other, Empty):
                return (other if isinstance(other, Open) else Open("engines_differ")), method
        return answer, method

    def _solve_once(self, giving: _Side, taking: _Side, dot: Ranges) -> tuple[Answer, str, bool]:
        reader = self._reader(Terms(), Languages(), dot=dot, formats=giving.formats)
        given = reader.read("giving", giving.schema, giving.draft)
        taken = reader.read("taking", taking.schema, taking.draft)
        if given is taken:
            return Empty(), "equal", reader.dotted
        if reader.asks_engines:
            load_second_engine()  # it takes seconds that are not the search's
        solver = Solver(reader, self._timer(_SEARCH_SECONDS), _oracle(giving.draft), self._texts())
        return solver.solve((given, reader.terms.inverse(taken))), "solved", reader.dotted

    def _timer(self, seconds: float) -> Callable[[], None]:
        end = self._clock() + seconds

        def tick() -> None:
            if self._clock() > end:
                raise Spent

        return tick

    def _texts(self) -> tuple[str, ...]:
        """Return texts of samples and of the schemas' own examples, to be tried where only an engine knows."""
        found: dict[str, None] = {}
        for value in (*self._samples[:20], *(_told(side.schema) for side in self._sides)):
            for text in _strings(value):
                found.setdefault(text)
                if len(found) >= _MAX_TEXTS:
                    return tuple(found)
        return tuple(found)

    # --- judging
    def _splits(self, giving: _Side, taking: _Side, value: Value) -> bool:
        return giving.first.is_valid(value) and not taking.first.is_valid(value)

    def _confirmed(self, giving: _Side, taking: _Side, value: Value) -> bool:
        """Tell whether both engines say that one schema accepts a value and the other refuses it."""
        try:
            return (
                self._splits(giving, taking, value)
                and giving.second.is_valid(value)
                and not taking.second.is_valid(value)
            )
        except EngineRefusal:
            return False

    def _covers(self, giving: _Side, taking: _Side) -> bool | None:
        """Ask jsonschema-rs for containment: yes, no, or None."""
        try:
            given, taken = (
                jsonschema_rs.canonicalize(
                    cast("dict[str, Any]", side.schema),
                    draft=_DRAFT_NUMBERS[side.draft],
                    validate_formats=enforces_formats(side.draft, side.formats),
                    offline=True,
                )
                for side in (giving, taking)
            )
            answer = taken.covers(given)
        except (ValueError, TypeError, jsonschema_rs.ReferencingError):
            return None
        if answer == jsonschema_rs.canonical.Containment.UNKNOWN:
            return None
        return answer == jsonschema_rs.canonical.Containment.YES

    # --- telling
    def _refuted(self, direction: Direction, giving: _Side, taking: _Side, value: Value) -> Verdict:
        tick = self._timer(_SHRINK_SECONDS)

        def is_witness(candidate: Value) -> bool:
            tick()
            return self._splits(giving, taking, candidate) and self._confirmed(giving, taking, candidate)

        best = _Best(value, is_witness)
        try:
            shrink(value, best.test)
            for sample in self._samples[:1]:
                clothe(best.value, sample, best.test)
        except Spent:
            pass  # the best so far was confirmed like any other
        witness, problem = _explain(taking, best.value)
        change = nearest(self._changes, _places(witness, problem))
        broken = messages.sentence(problem, witness.place or "整份文档", witness.place or "the document")
        shown = show(_at(best.value, problem.path))
        told: Sentence = (f"{broken[0]}；此处取值 {shown}", f"{broken[1]}; the value there is {shown}")
        zh, en = refuted_words(told, change, backward=direction == "backward")
        pointer = witness.refused_at if change is None else change.pointer
        return Verdict(direction, "refuted", zh, en, pointer, witness)


class _Best:
    """Remembers the last value that passed a test."""

    def __init__(self, value: Value, test: Callable[[Value], bool]) -> None:
        self.value = value
        self._test = test

    def test(self, value: Value) -> bool:
        """Test a value and remember it when it passes."""
        passed = self._test(value)
        if passed:
            self.value = value
        return passed


def _explain(taking: _Side, value: Value) -> tuple[Witness, Problem]:
    """Return the witness with the place and the keyword that refuses it, the deepest one."""
    error = taking.first.errors(value)[0]
    steps = list(error.schema_path)
    keyword = next((str(step) for step in reversed(steps) if isinstance(step, str)), "")
    names: tuple[str, ...] = ()
    kind = error.kind
    if isinstance(kind, jsonschema_rs.ValidationErrorKind.Required):
        names = (kind.property,)
    elif isinstance(kind, jsonschema_rs.ValidationErrorKind.AdditionalProperties):
        names = tuple(kind.unexpected)
    place = "".join(f"/{escape(str(step))}" for step in error.instance_path)
    refused_at = "".join(f"/{escape(str(step))}" for step in steps)
    constraint = _at(cast("Value", taking.schema), steps)
    if constraint is True and keyword in {"exclusiveMinimum", "exclusiveMaximum"}:  # draft 4: the limit stands beside
        limit = "minimum" if keyword == "exclusiveMinimum" else "maximum"
        constraint = _at(cast("Value", taking.schema), [*steps[:-1], limit])
    problem = Problem(tuple(error.instance_path), keyword, cast("Json", constraint), names, refused_at)
    return Witness(value, place, keyword, refused_at), problem


def _places(witness: Witness, problem: Problem) -> list[str]:
    """Return places of the schema where the change may stand that a refusal comes from, the likeliest first."""
    above = witness.refused_at.rpartition("/")[0]
    if problem.keyword in {"additionalProperties", "unevaluatedProperties"}:
        return [*(f"{above}/properties/{escape(name)}" for name in problem.names), witness.refused_at]
    return [witness.refused_at, above]


def _at(value: Value, steps: Sequence[str | int]) -> Value:
    for step in steps:
        if isinstance(value, dict):
            value = value.get(str(step))
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return None
    return value


def _told(schema: Value) -> list[Value]:
    """Collect what a schema gives as examples and defaults."""
    found: list[Value] = []
    waiting = [schema]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            found += [value[name] for name in ("examples", "default", "example") if name in value]
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
    return found


def _strings(value: Value) -> list[str]:
    if isinstance(value, str):
        return [value]
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for item in items for text in _strings(item)]


def _oracle(draft: Draft) -> Callable[[tuple[str, str], str], bool | None]:
    """Return who tells a property of texts that only engines know: both must say the same."""
    known: dict[tuple[tuple[str, str], str], bool | None] = {}
    sides: dict[tuple[str, str], _Side] = {}

    def tell(key: tuple[str, str], text: str) -> bool | None:
        if (key, text) not in known:
            side = sides.setdefault(key, _Side({key[0]: key[1]}, draft, "enforced"))
            known[key, text] = _agreed(side, text)
        return known[key, text]

    return tell


def _agreed(side: _Side, text: str) -> bool | None:
    try:
        first, second = side.first.is_valid(text), side.second.is_valid(text)
    except EngineRefusal:
        return None
    return first if first == second else None
