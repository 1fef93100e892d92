"""
The law's numbers for one case (法定参数): which dated rule fills a slot of the procedure, and what it says of a period.

A *slot* is the procedure's word for a question (``bid_period``); each regime fills it with its own rule id (ZB-002,
ZC-001). Rules are chosen by the date of the event, never by the date of today's program.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from tradehall_standards import periods

if TYPE_CHECKING:
    from tradehall_standards.calendar import WorkingCalendar
    from tradehall_standards.parameters import Parameters, Rule
    from tradehall_standards.periods import PeriodVerdict


@dataclass(frozen=True, slots=True)
class Law:
    """Numbers of one regime and region (某一制度与地区的法定参数)."""

    parameters: Parameters
    calendar: WorkingCalendar
    regime: str
    region: str
    slots: Mapping[str, str]

    def rule(self, slot: str, on: date) -> Rule | None:
        """Return the rule that fills ``slot`` on a date; None where there is none, or none in force."""
        name = self.slots.get(slot)
        return None if name is None else self.parameters.rule(name, on, regime=self.regime, region=self.region or None)

    def judge(self, slot: str, events: Mapping[str, datetime | date], on: date) -> PeriodVerdict | None:
        """
        Judge the interval rule in ``slot`` on ``events``.

        Raises:
            YearNotLoaded: the calendar has no holiday table for a year that the rule needs.
        """
        rule = self.rule(slot, on)
        return None if rule is None else periods.judge(rule, events, self.calendar)

    def number(self, slot: str, on: date) -> Decimal | None:
        """Return the number in ``slot``, None where there is none; 2/3 and the like are exact to 28 digits."""
        rule = self.rule(slot, on)
        return None if rule is None else Decimal(rule.number.numerator) / Decimal(rule.number.denominator)

    def clause(self, slot: str, on: date) -> str:
        """Return the clause behind ``slot``, empty where there is none."""
        rule = self.rule(slot, on)
        return "" if rule is None else rule.clause
