"""
Periods (期限): does the time between two events satisfy an interval rule of the law, and if not, when would it?

Days are local dates at the centre (UTC+8), the start day not counted (民法典 201), months and years end on the same
day number or the last of the month (民法典 202), a rule that says so rolls its last day over holidays (民法典 203).
Seconds, minutes and hours run from instant to instant.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from typing import Final

from tradehall_standards.calendar import WorkingCalendar, YearNotLoaded
from tradehall_standards.parameters import Rule, Severity

CENTRE: Final = timezone(timedelta(hours=8))
"""Legal time of the centre (UTC+8, no daylight saving since 1992)."""
_SECONDS: Final[Mapping[str, int]] = {"second": 1, "minute": 60, "hour": 3600}
_DATED: Final = frozenset({"day", "working_day", "month", "year"})
_MONTHS: Final[Mapping[str, int]] = {"month": 1, "year": 12}
_LEAST: Final = frozenset({">=", ">", "==", "between"})
_MOST: Final = frozenset({"<=", "<", "==", "between"})

Moment = datetime | date


class NotAPeriodError(ValueError):
    """A rule that is no interval between two events was put to the judge (不是期限规则)."""


class EventMissingError(LookupError):
    """The judge was not told when an event of the rule happened (缺少事件时间)."""


@dataclass(frozen=True, slots=True)
class PeriodVerdict:
    """
    What the judge says (期限判定).

    Attributes:
        ok: the rule is satisfied.
        rule: the rule.
        required: operator, number and unit, such as ``>= 20 day``.
        actual: what was measured, such as ``18 day``; for ``within`` the judged moment.
        earliest: earliest lawful moment of the closing event; a date, or an instant for units below a day; None
            where the rule sets none.
        latest: latest lawful moment of the closing event, likewise.
    """

    ok: bool
    rule: Rule
    required: str
    actual: str
    earliest: Moment | None
    latest: Moment | None

    @property
    def clause(self) -> str:
        """Source of law."""
        return self.rule.clause

    @property
    def severity(self) -> Severity:
        """What follows when it is not ok."""
        return self.rule.severity


def is_period(rule: Rule) -> bool:
    """Tell whether a rule is an interval between two events that :func:`judge` can judge (是否期限规则)."""
    if rule.from_event is None or rule.to_event is None or rule.op == "rule":
        return False
    return rule.op == "within" or (bool(rule.numbers) and (rule.unit in _SECONDS or rule.unit in _DATED))


def judge(rule: Rule, events: Mapping[str, Moment], calendar: WorkingCalendar) -> PeriodVerdict:
    """
    Judge the time between the two events of a rule (期限判定).

    Args:
        rule: an interval rule. For ``within`` the judged event is named by the rule's stage and lies between the
            dates of ``from_event`` and ``to_event``, both included.
        events: when the events happened: aware instants, or local dates of the centre.
        calendar: needed for working days and for rules that roll.

    Raises:
        NotAPeriodError: see :func:`is_period`.
        EventMissingError: an event of the rule is not in ``events``.
        YearNotLoaded: a working day in a year without a holiday table decides.
        ValueError: a naive instant, or a date where the unit needs an instant.
    """
    if not is_period(rule):
        raise NotAPeriodError(rule.id)
    start, end = _event(events, rule.from_event), _event(events, rule.to_event)
    if rule.op == "within":
        return _judge_within(rule, start, end, _event(events, rule.stage))
    moments = [_after(start, number, rule, calendar) for number in rule.numbers]
    at: Moment = _day(end) if rule.unit in _DATED else _instant(end)
    first, last = _as_comparable(moments[0]), _as_comparable(moments[-1])
    return PeriodVerdict(
        ok=_satisfies(rule, _as_comparable(at), first, last),
        rule=rule,
        required=f"{rule.op} {'-'.join(str(number) for number in rule.numbers)} {rule.unit}",
        actual=f"{_measure(start, end, rule.unit, calendar)} {rule.unit}",
        earliest=moments[0] if rule.op in _LEAST else None,
        latest=moments[-1] if rule.op in _MOST else None,
    )


def check_examples(rule: Rule, calendar: WorkingCalendar) -> Iterator[str]:
    """Yield one sentence for each example of an interval rule that does not come out as it says (期限示例检查)."""
    if not is_period(rule):
        return
    if {example.expected for example in rule.examples} != {True, False}:
        yield f"{rule.id}: examples of both kinds are needed"
    for number, example in enumerate(rule.examples):
        told = f"{rule.id}: example {number}"
        try:
            events = {name: _moment(text) for name, text in example.events.items()}
            ok = judge(rule, events, calendar).ok
        except (EventMissingError, YearNotLoaded, ValueError) as problem:
            yield f"{told}: {problem}"
            continue
        if ok is not example.expected:
            yield f"{told} should {'hold' if example.expected else 'not hold'}"
        if not rule.is_in_force_on(_day(events[rule.from_event or ""])):
            yield f"{told}: the rule is not in force then"


def _moment(text: str) -> Moment:
    return datetime.fromisoformat(text) if "T" in text else date.fromisoformat(text)


def _event(events: Mapping[str, Moment], name: str | None) -> Moment:
    if name is None or name not in events:
        raise EventMissingError(f"no time is given for {name}")
    return events[name]


def _day(moment: Moment) -> date:
    return _instant(moment).astimezone(CENTRE).date() if isinstance(moment, datetime) else moment


def _instant(moment: Moment) -> datetime:
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        raise ValueError("an aware instant is needed")
    return moment


def _as_comparable(moment: Moment) -> tuple[int, timedelta]:
    """Return a key by which two dates, or two instants, compare."""
    if isinstance(moment, datetime):
        return 0, moment - datetime(1, 1, 1, tzinfo=UTC)
    return moment.toordinal(), timedelta(0)


def _satisfies(
    rule: Rule, at: tuple[int, timedelta], first: tuple[int, timedelta], last: tuple[int, timedelta]
) -> bool:
    match rule.op:
        case ">=":
            return at >= first
        case ">":
            return at > first
        case "<=":
            return at <= last
        case "<":
            return at < last
        case _:  # == has one moment, between has two
            return first <= at <= last


def _after(start: Moment, number: Fraction, rule: Rule, calendar: WorkingCalendar) -> Moment:
    """Return the moment that lies ``number`` units after ``start``."""
    if rule.unit in _SECONDS:
        milliseconds = number * _SECONDS[rule.unit] * 1000
        return _instant(start) + timedelta(milliseconds=int(milliseconds))
    day, count = _day(start), int(number)
    if rule.unit == "working_day":
        return calendar.add_working_days(day, count)
    end = calendar.add_days(day, count) if rule.unit == "day" else add_months(day, count * _MONTHS[rule.unit])
    return calendar.roll_forward(end) if rule.rolls else end


def add_months(day: date, count: int) -> date:
    """Return the same day number ``count`` months later, or the last day of that month (民法典 202)."""
    months = day.year * 12 + day.month - 1 + count
    year, month = divmod(months, 12)
    following = date(year + (month == 11), (month + 1) % 12 + 1, 1)  # noqa: PLR2004 - December
    return min(date(year, month + 1, 1) + timedelta(days=day.day - 1), following - timedelta(days=1))


def _measure(start: Moment, end: Moment, unit: str, calendar: WorkingCalendar) -> str:
    if unit in _SECONDS:
        elapsed = Decimal((_instant(end) - _instant(start)) // timedelta(milliseconds=1))
        text = format((elapsed / (1000 * _SECONDS[unit])).quantize(Decimal("0.001")), "f")
        return text.rstrip("0").rstrip(".")
    first, last = _day(start), _day(end)
    if unit == "working_day":
        return str(calendar.working_days_between(first, last))
    if unit == "day":
        return str(calendar.days_between(first, last))
    return str(_whole_months(first, last) // _MONTHS[unit])


def _whole_months(first: date, last: date) -> int:
    months = (last.year - first.year) * 12 + last.month - first.month
    return months if add_months(first, months) <= last else months - 1


def _judge_within(rule: Rule, start: Moment, end: Moment, event: Moment) -> PeriodVerdict:
    first, last, day = _day(start), _day(end), _day(event)
    required = f"within {first.isoformat()}/{last.isoformat()}"
    return PeriodVerdict(first <= day <= last, rule, required, day.isoformat(), first, last)
