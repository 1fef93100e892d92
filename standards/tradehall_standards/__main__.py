"""The catalogue's command line (目录命令行): ``python -m tradehall_standards``, as ``tradehall standards`` is."""

from datetime import date, datetime, timedelta, timezone

from tradehall_standards.commands import standards_commands


def today() -> date:
    """Return the legal date (法定日期): China's, whatever the machine's zone."""
    return datetime.now(timezone(timedelta(hours=8))).date()  # noqa: TID251  - the outermost shell reads the clock


if __name__ == "__main__":
    standards_commands(today)(prog_name="python -m tradehall_standards")
