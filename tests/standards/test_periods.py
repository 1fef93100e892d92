from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import chinese_calendar
import pytest

from standards.test_parameters import row
from tradehall_standards import Parameters, Rule, WorkingCalendar, YearNotLoaded, periods
from tradehall_standards.calendar import read_table
from tradehall_standards.parameters import read_rules
from tradehall_standards.periods import EventMissingError, NotAPeriodError, add_months, check_examples, is_period, judge
from tradehall_standards.sources import SourceError

LAW = Parameters.load()
DAYS = WorkingCalendar.load()
CN = timezone(timedelta(hours=8))


def law(name: str) -> Rule:
    found = LAW.rule(name, date(2026, 11, 1))
    assert found is not None
    return found


def made(**changes: Any) -> Rule:
    return read_rules({"rules": [row(**changes)]})[0]


def at(text: str) -> datetime | date:
    return datetime.fromisoformat(text) if "T" in text else date.fromisoformat(text)


# --- calendar


def test_holiday_tables_agree_with_their_source_on_every_day() -> None:
    assert DAYS.years() == tuple(range(2019, 2027))
    day = date(2019, 1, 1)
    while day.year < 2027:
        assert DAYS.is_working_day(day) == chinese_calendar.is_workday(day)
        day += timedelta(days=1)


def test_a_year_without_a_table_is_refused() -> None:
    for day in (date(2018, 12, 31), date(2027, 1, 1)):
        with pytest.raises(YearNotLoaded):
            DAYS.is_working_day(day)
    with pytest.raises(YearNotLoaded):
        DAYS.add_working_days(date(2026, 12, 28), 10)
    with pytest.raises(YearNotLoaded):
        DAYS.roll_forward(date(2027, 1, 1))


def test_the_start_day_is_not_counted() -> None:
    assert DAYS.add_days(date(2026, 3, 2), 20) == date(2026, 3, 22)
    assert DAYS.days_between(date(2026, 3, 2), date(2026, 3, 22)) == 20
    assert DAYS.add_working_days(date(2026, 3, 6), 1) == date(2026, 3, 9)
    assert DAYS.add_working_days(date(2026, 3, 6), 0) == date(2026, 3, 6)


def test_spring_festival_does_not_count() -> None:
    last = DAYS.add_working_days(date(2026, 2, 13), 5)
    assert DAYS.working_days_between(date(2026, 2, 13), last) == 5
    assert last > date(2026, 2, 24)
    assert DAYS.working_days_between(last, date(2026, 2, 13)) == -5


def test_a_last_day_on_a_holiday_moves_on() -> None:
    assert DAYS.roll_forward(date(2026, 10, 1)) == date(2026, 10, 8)
    assert DAYS.roll_forward(date(2026, 3, 2)) == date(2026, 3, 2)


@pytest.mark.parametrize(
    "change",
    [
        {"holidays": []},
        {"holidays": [{"date": "2025-01-01", "name": {"zh": "元旦"}}]},
        {"workdays": [{"date": "2026-01-05", "name": {"zh": "元旦"}}]},
        {"year": "x"},
    ],
)
def test_a_wrong_holiday_table_is_refused(change: dict[str, Any]) -> None:
    table = {
        "country": "CN",
        "year": 2026,
        "source": "x",
        "workdays": [],
        "holidays": [{"date": "2026-01-01", "name": {"zh": "元旦"}}],
    }
    assert read_table(table).year == 2026
    with pytest.raises(SourceError):
        read_table({**table, **change})


# --- the judge


@pytest.mark.parametrize(
    ("name", "start", "end", "ok", "bound"),
    [
        (
            "ZB-002",
            "2026-03-02T09:00:00+08:00",
            "2026-03-23T09:30:00+08:00",
            True,
            "2026-03-23",
        ),  # the 22nd is a Sunday
        ("ZB-002", "2026-03-02T09:00:00+08:00", "2026-03-22T09:30:00+08:00", False, "2026-03-23"),
        ("ZB-002", "2026-03-04T09:00:00+08:00", "2026-03-24T00:00:00+08:00", True, "2026-03-24"),
        ("ZB-002", "2026-03-04T09:00:00+08:00", "2026-03-23T23:59:59+08:00", False, "2026-03-24"),
        ("ZB-002", "2026-03-03T17:00:00Z", "2026-03-24T00:00:00+08:00", True, "2026-03-24"),  # 1 a.m. of the 4th here
        ("ZB-001", "2026-03-02", "2026-03-07", True, "2026-03-07"),
        ("ZB-001", "2026-03-02", "2026-03-06", False, "2026-03-07"),
        ("ZC-002", "2026-03-02", "2026-03-09", True, "2026-03-09"),
        ("ZC-002", "2026-03-02", "2026-03-08", False, "2026-03-09"),
        ("ZB-026", "2026-09-29", "2026-10-08", True, "2026-10-08"),
        ("ZB-026", "2026-09-29", "2026-10-07", False, "2026-10-08"),
    ],
)
def test_least_periods(name: str, start: str, end: str, ok: bool, bound: str) -> None:
    rule = law(name)
    assert rule.from_event is not None
    assert rule.to_event is not None
    verdict = judge(rule, {rule.from_event: at(start), rule.to_event: at(end)}, DAYS)
    assert verdict.ok is ok
    assert verdict.earliest == date.fromisoformat(bound)
    assert verdict.latest is None
    assert (verdict.clause, verdict.severity) == (rule.clause, "block")


@pytest.mark.parametrize(
    ("name", "start", "end", "ok", "bound"),
    [
        ("ZB-030", "2026-04-01", "2026-05-01", True, "2026-05-01"),
        ("ZB-030", "2026-04-01", "2026-05-02", False, "2026-05-01"),
        ("ZC-020", "2026-09-30", "2026-10-09", True, "2026-10-09"),
        ("ZC-020", "2026-09-30", "2026-10-10", False, "2026-10-09"),
        ("PR-012", "2026-01-31", "2027-01-31", True, "2027-01-31"),
        ("PR-012", "2026-01-31", "2027-02-01", False, "2027-01-31"),
    ],
)
def test_longest_periods(name: str, start: str, end: str, ok: bool, bound: str) -> None:
    rule = law(name)
    verdict = judge(rule, {str(rule.from_event): at(start), str(rule.to_event): at(end)}, DAYS)
    assert verdict.ok is ok
    assert verdict.latest == date.fromisoformat(bound)
    assert verdict.earliest is None


@pytest.mark.parametrize(
    ("unit", "value", "seconds", "ok"),
    [("second", 30, 30, True), ("second", 30, 29.999, False), ("minute", 30, 1800, True), ("hour", 24, 86399, False)],
)
def test_short_units_run_from_instant_to_instant(unit: str, value: int, seconds: float, ok: bool) -> None:
    start = datetime(2026, 3, 2, 9, tzinfo=CN)
    rule = made(unit=unit, value=value)
    verdict = judge(rule, {"a": start, "b": (start + timedelta(seconds=seconds)).astimezone(UTC)}, DAYS)
    assert verdict.ok is ok
    assert isinstance(verdict.earliest, datetime)
    assert verdict.required == f">= {value} {unit}"


def test_a_deadline_is_an_instant_and_opening_is_the_same_instant() -> None:
    deadline = datetime(2026, 3, 25, 9, 30, tzinfo=CN)
    for late, ok in ((0, True), (1, False), (-1, False)):
        events = {"bid_deadline": deadline, "opening_start": deadline + timedelta(seconds=late)}
        assert judge(law("ZB-018"), events, DAYS).ok is ok


@pytest.mark.parametrize(
    ("op", "allowed"), [(">", [6, 7]), ("<", [3, 4]), ("==", [5]), (">=", [5, 6, 7]), ("<=", [3, 4, 5])]
)
def test_every_operator(op: str, allowed: list[int]) -> None:
    rule = made(op=op)
    start = date(2026, 3, 2)
    found = [days for days in range(3, 8) if judge(rule, {"a": start, "b": start + timedelta(days=days)}, DAYS).ok]
    assert found == allowed


def test_between_has_two_ends() -> None:
    rule = made(op="between", value=[3, 5])
    start = date(2026, 3, 2)
    verdicts = [judge(rule, {"a": start, "b": start + timedelta(days=days)}, DAYS) for days in (2, 3, 5, 6)]
    assert [verdict.ok for verdict in verdicts] == [False, True, True, False]
    assert (verdicts[0].earliest, verdicts[0].latest) == (date(2026, 3, 5), date(2026, 3, 7))


def test_an_objection_lies_within_the_publicity() -> None:
    rule = law("ZB-027")
    window = {"candidate_publicity_start": date(2026, 4, 1), "candidate_publicity_end": date(2026, 4, 7)}
    for day, ok in (
        (date(2026, 3, 31), False),
        (date(2026, 4, 1), True),
        (date(2026, 4, 7), True),
        (date(2026, 4, 8), False),
    ):
        assert judge(rule, {**window, "objection": day}, DAYS).ok is ok


def test_what_is_no_period_is_not_judged() -> None:
    for name in ("ZB-009", "ZB-012", "ZB-020", "LD-013", "EL-001"):
        assert not is_period(law(name))
        with pytest.raises(NotAPeriodError):
            judge(law(name), {}, DAYS)


def test_missing_and_naive_times_are_refused() -> None:
    with pytest.raises(EventMissingError):
        judge(made(), {"a": date(2026, 3, 2)}, DAYS)
    with pytest.raises(ValueError):
        judge(made(), {"a": datetime(2026, 3, 2, 9), "b": date(2026, 3, 9)}, DAYS)  # noqa: DTZ001
    with pytest.raises(ValueError):
        judge(made(unit="hour"), {"a": date(2026, 3, 2), "b": date(2026, 3, 9)}, DAYS)


def test_working_days_beyond_the_tables_are_refused_not_guessed() -> None:
    with pytest.raises(YearNotLoaded):
        judge(law("ZC-002"), {"doc_issue": date(2026, 12, 28), "doc_supply_end": date(2027, 1, 20)}, DAYS)


def test_every_period_of_the_law_can_be_judged() -> None:
    start = datetime(2020, 3, 2, 9, tzinfo=CN)
    for rule in filter(is_period, LAW.all()):
        events = {str(rule.from_event): start, rule.stage: start, str(rule.to_event): start + timedelta(days=400)}
        verdict = judge(rule, events, DAYS)
        assert verdict.required
        assert verdict.actual


@pytest.mark.parametrize(
    ("day", "count", "expected"),
    [
        ("2026-01-31", 1, "2026-02-28"),
        ("2024-01-31", 1, "2024-02-29"),
        ("2026-12-15", 1, "2027-01-15"),
        ("2024-02-29", 12, "2025-02-28"),
        ("2026-11-30", 13, "2027-12-30"),
    ],
)
def test_months_end_on_the_same_day_or_the_last(day: str, count: int, expected: str) -> None:
    assert add_months(date.fromisoformat(day), count) == date.fromisoformat(expected)


def test_periods_is_exported() -> None:
    assert periods.judge is judge


# --- unit tests beside the rules


def with_examples(valid: list[dict[str, str]], invalid: list[dict[str, str]]) -> Rule:
    return read_rules({"rules": [{**row(), "examples": {"valid": valid, "invalid": invalid}}]})[0]


def test_examples_beside_a_rule_are_judged() -> None:
    calendar = WorkingCalendar.load()
    plain = with_examples([], [])
    assert plain.from_event is not None
    assert plain.to_event is not None
    judged = judge(plain, {plain.from_event: date(2026, 3, 2), plain.to_event: date(2026, 3, 2)}, calendar)
    assert isinstance(judged.earliest, date)
    start, good = "2026-03-02", judged.earliest
    ok = {plain.from_event: start, plain.to_event: good.isoformat()}
    bad = {plain.from_event: start, plain.to_event: (good - timedelta(1)).isoformat()}
    assert list(check_examples(with_examples([ok], [bad]), calendar)) == []
    assert [told.split(": ", 1)[1] for told in check_examples(with_examples([bad], [ok]), calendar)] == [
        "example 0 should hold",
        "example 1 should not hold",
    ]
    for valid, invalid in (([], []), ([ok], []), ([], [bad])):
        assert "both kinds" in next(check_examples(with_examples(valid, invalid), calendar))
    assert "no time is given" in next(check_examples(with_examples([{plain.from_event: start}], [bad]), calendar))
    old = {**ok, plain.from_event: "1990-01-01"}
    assert any("not in force" in told for told in check_examples(with_examples([old], [bad]), calendar))


def test_every_time_limit_of_the_law_has_examples_on_both_sides() -> None:
    periods = [rule for rule in Parameters.load().all() if is_period(rule)]
    assert len(periods) > 70
    for rule in periods:
        assert {example.expected for example in rule.examples} == {True, False}, rule.id
