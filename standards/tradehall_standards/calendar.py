"""
Working days (工作日): versioned holiday tables, one file a year, and the legal ways of counting.

Counting MUST refuse rather than guess: a year without a table has no working days.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Final

from tradehall_standards.sources import SourceError, default_root, read_object
from tradehall_standards.strict import Json, as_array, as_object

_DAY: Final = timedelta(days=1)
_SATURDAY: Final = 5


class YearNotLoaded(LookupError):  # noqa: N818 - it says what happened, as all errors of the house
    """A working day was asked for in a year without a holiday table (该年度节假日安排未载入)."""

    def __init__(self, year: int) -> None:
        super().__init__(f"no holiday table for {year}")
        self.year = year


@dataclass(frozen=True, slots=True)
class HolidayTable:
    """One year's public holidays and the weekend days that are worked instead (年度节假日安排)."""

    country: str
    year: int
    source: str
    holidays: Mapping[date, str]
    workdays: Mapping[date, str]


class WorkingCalendar:
    """The working-day calendar of one country (工作日历)."""

    def __init__(self, tables: Iterable[HolidayTable]) -> None:
        self._tables = {table.year: table for table in tables}

    @classmethod
    def load(cls, root: Path | None = None, *, country: str = "CN") -> WorkingCalendar:
        """Load ``calendars/<country>-<year>.json`` (载入工作日历); ``root`` as for ``Catalogue.load``."""
        files = sorted(((root or default_root()) / "calendars").glob(f"{country}-*.json"))
        return cls(read_table(read_object(path)) for path in files)

    def years(self) -> tuple[int, ...]:
        """Return the years with a table, ascending."""
        return tuple(sorted(self._tables))

    def is_working_day(self, day: date) -> bool:
        """Tell whether ``day`` is worked (YearNotLoaded: its year has no table)."""
        table = self._tables.get(day.year)
        if table is None:
            raise YearNotLoaded(day.year)
        if day in table.workdays:
            return True
        return day.weekday() < _SATURDAY and day not in table.holidays

    def add_days(self, day: date, count: int) -> date:
        """Return the last day of a period of ``count`` calendar days; the start day is not counted (民法典 201)."""
        return day + timedelta(days=count)

    def add_working_days(self, day: date, count: int) -> date:
        """
        Return the last day of a period of ``count`` ≥ 0 working days; the start day is not counted (民法典 201).

        Raises:
            YearNotLoaded: the count reaches into a year without a table.
        """
        while count > 0:
            day += _DAY
            if self.is_working_day(day):
                count -= 1
        return day

    def roll_forward(self, day: date) -> date:
        """Return ``day``, or the next working day after a holiday (民法典 203)."""
        while not self.is_working_day(day):
            day += _DAY
        return day

    def days_between(self, start: date, end: date) -> int:
        """Return the calendar days from ``start`` to ``end``, the start day not counted; negative when it precedes."""
        return (end - start).days

    def working_days_between(self, start: date, end: date) -> int:
        """Return the working days after ``start`` up to and including ``end``; negative when ``end`` precedes."""
        if end < start:
            return -self.working_days_between(end, start)
        days = (start + timedelta(days=offset) for offset in range(1, (end - start).days + 1))
        return sum(self.is_working_day(day) for day in days)


def read_table(document: Mapping[str, Json]) -> HolidayTable:
    """
    Read one year (读取年度安排).

    Raises:
        SourceError: a day outside the year, a worked day that is no weekend, or a missing member.
    """
    try:
        table = HolidayTable(
            country=str(document["country"]),
            year=int(str(document["year"])),
            source=str(document["source"]),
            holidays=_days(document["holidays"]),
            workdays=_days(document["workdays"]),
        )
    except (KeyError, ValueError) as problem:
        raise SourceError(f"holiday table: {problem!r}") from None
    strays = [day for day in (*table.holidays, *table.workdays) if day.year != table.year]
    if strays or any(day.weekday() < _SATURDAY for day in table.workdays) or not table.holidays:
        raise SourceError(f"holiday table of {table.year}: a day that does not belong there")
    return table


def _days(rows: Json) -> dict[date, str]:
    found: dict[date, str] = {}
    for row in as_array(rows):
        members = as_object(row)
        found[date.fromisoformat(str(members["date"]))] = str(as_object(members["name"])["zh"])
    return found
