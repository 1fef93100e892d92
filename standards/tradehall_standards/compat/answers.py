"""Answers (求解结果): a value, a proof that there is none, or an open question."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

from tradehall_standards.compat.holding import Holding
from tradehall_standards.compat.regular import Languages
from tradehall_standards.compat.terms import Term, Terms
from tradehall_standards.compat.values import Value


class Spent(Exception):  # noqa: N818 - a bound that was met, not a fault
    """The time for one comparison is over (时间用尽)."""


@dataclass(frozen=True, slots=True)
class Found:
    """A value that meets the goal (找到的值)."""

    value: Value


@dataclass(frozen=True, slots=True)
class Empty:
    """Proved: no value meets the goal (无解). ``leans`` is the depth of the outermost goal that the proof leans on."""

    leans: int | None = None


@dataclass(frozen=True, slots=True)
class Open:
    """Not known (未决). ``reason`` is a code of :data:`wording.REASONS`."""

    reason: str


Answer: TypeAlias = Found | Empty | Open
EMPTY: Final = Empty()


class Gathering:
    """Collects the answers to several ways of meeting one goal (汇总)."""

    def __init__(self) -> None:
        self._leans: int | None = None
        self._reason: str | None = None

    def add(self, answer: Empty | Open) -> None:
        """Mind one way that did not lead to a value."""
        if isinstance(answer, Open):
            self._reason = self._reason or answer.reason
        elif answer.leans is not None:
            self._leans = answer.leans if self._leans is None else min(self._leans, answer.leans)

    def result(self) -> Empty | Open:
        """Return EMPTY when every way was empty."""
        if self._reason is not None:
            return Open(self._reason)
        return EMPTY if self._leans is None else Empty(self._leans)


class Asking(Protocol):
    """What the solvers of one type may ask of the whole (求解器接口)."""

    terms: Terms
    languages: Languages
    holding: Holding
    texts: Sequence[str]
    tick: Callable[[], None]

    def solve(self, goal: Iterable[Term]) -> Answer:
        """Return a value that meets every term, EMPTY or Open."""
        ...
