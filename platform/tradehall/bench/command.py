"""
``tradehall bench`` (实测命令): our figures and those of the alternatives, side by side from one run.
"""

from __future__ import annotations

import json
import os
import platform
import sqlite3
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
from rich.console import Console
from rich.table import Table

from tradehall.bench.figures import Line
from tradehall.bench.publishing import publish

if TYPE_CHECKING:
    from tradehall_standards import Catalogue, Json

PACKAGES: Final = (
    "litestar",
    "uvicorn",
    "sqlalchemy",
    "cryptography",
    "pynacl",
    "jsonschema-rs",
    "jsonschema",
    "orjson",
)
"""Packages whose versions move the figures."""

_MARKS: Final = {True: "[green]✓[/green]", False: "[red]✗[/red]", None: ""}


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured (实测规模)."""

    catalogue: Catalogue
    quick: bool
    folder: Path | None
    corpus: Path | None = None

    def of(self, full: int, quick: int) -> int:
        """Return the size for this run."""
        return quick if self.quick else full


# Each imports what it needs when it runs: PDF layout and the second engine take seconds to load.


def _validation(plan: Plan) -> list[Line]:
    from tradehall.bench.validating import validation  # noqa: PLC0415

    return validation(plan.catalogue, records=plan.of(400, 100), rounds=plan.of(15, 5))


def _intake(plan: Plan) -> list[Line]:
    from tradehall.bench.validating import intake  # noqa: PLC0415

    return intake(plan.catalogue, records=plan.of(400, 100), rounds=plan.of(15, 5))


def _dry_run(plan: Plan) -> list[Line]:
    from tradehall.bench.replaying import dry_runs  # noqa: PLC0415

    return dry_runs(plan.catalogue, records=plan.of(4000, 500), rounds=plan.of(9, 3), folder=plan.folder)


def _accept(plan: Plan) -> list[Line]:
    from tradehall.bench.accepting import accepting  # noqa: PLC0415

    return accepting(plan.catalogue, records=plan.of(512, 128), rounds=plan.of(11, 3), folder=plan.folder)


def _http(plan: Plan) -> list[Line]:
    from tradehall.bench.serving import serving  # noqa: PLC0415

    alone = serving(plan.catalogue, requests=plan.of(1536, 256), rounds=plan.of(7, 3), folder=plan.folder)
    return alone + serving(
        plan.catalogue, requests=plan.of(1536, 256), rounds=plan.of(7, 3), processes=2, folder=plan.folder
    )


def _rush(plan: Plan) -> list[Line]:
    from tradehall.bench.rush import rush  # noqa: PLC0415

    return rush(plan.catalogue, bidders=plan.of(10_000, 500), seconds=plan.of(60, 10), folder=plan.folder)


def _growth(plan: Plan) -> list[Line]:
    from tradehall.bench.accepting import growth  # noqa: PLC0415

    sizes = (2000,) if plan.quick else (2000, 20_000)
    return [
        line
        for large in sizes
        for line in growth(plan.catalogue, large=large, rounds=plan.of(15, 7), folder=plan.folder)
    ]


def _sealing(plan: Plan) -> list[Line]:
    from tradehall.bench.others import sealing_lines  # noqa: PLC0415

    return sealing_lines(size_mib=plan.of(500, 64), rounds=plan.of(5, 2), folder=plan.folder)


def _letters(plan: Plan) -> list[Line]:
    from tradehall.bench.others import letter_lines  # noqa: PLC0415

    return letter_lines(letters=plan.of(5, 2), rounds=plan.of(9, 3))


def _verify(plan: Plan) -> list[Line]:
    from tradehall.bench.proving import proving  # noqa: PLC0415

    return proving(plan.catalogue, sizes=(5, 10) if plan.quick else (25, 50, 100), folder=plan.folder)


def _search(plan: Plan) -> list[Line]:
    from tradehall.bench.searching import LARGE, SMALL, searching  # noqa: PLC0415

    small, large, questions = plan.of(SMALL, 2_000), plan.of(LARGE, 20_000), plan.of(1000, 200)
    return searching(plan.catalogue, small=small, large=large, questions=questions, folder=plan.folder)


def _watchers(plan: Plan) -> list[Line]:
    from tradehall.bench.watching import watching  # noqa: PLC0415

    return watching(plan.catalogue, watchers=plan.of(2000, 200), seconds=plan.of(15, 5), folder=plan.folder)


def _middleware(plan: Plan) -> list[Line]:
    from tradehall.bench.guarding import guarding  # noqa: PLC0415

    return guarding(plan.catalogue, requests=plan.of(300, 100), rounds=plan.of(15, 5), folder=plan.folder)


def _start(plan: Plan) -> list[Line]:
    from tradehall.bench.starting import starting  # noqa: PLC0415

    return starting(rounds=plan.of(5, 1), folder=plan.folder)


def _storage(plan: Plan) -> list[Line]:
    from tradehall.bench.others import storage_lines  # noqa: PLC0415

    return storage_lines(rows=plan.of(512, 128), rounds=plan.of(15, 5), folder=plan.folder)


def _lateness(plan: Plan) -> list[Line]:
    from tradehall.bench.lateness import lateness  # noqa: PLC0415

    return lateness(plan.catalogue, openings=plan.of(100, 20), folder=plan.folder)


def _compat(plan: Plan) -> list[Line]:
    from tradehall.bench.comparing import comparing  # noqa: PLC0415

    return comparing(plan.catalogue, edits=plan.of(1000, 210), folder=plan.corpus)


BENCHES: Final[Mapping[str, Callable[[Plan], list[Line]]]] = {
    "validation": _validation,
    "intake": _intake,
    "dry-run": _dry_run,
    "accept": _accept,
    "http": _http,
    "rush": _rush,
    "growth": _growth,
    "sealing": _sealing,
    "letters": _letters,
    "verify": _verify,
    "search": _search,
    "watchers": _watchers,
    "middleware": _middleware,
    "start": _start,
    "storage": _storage,
    "lateness": _lateness,
    "compat": _compat,
}
"""Every measurement by name (实测项目), in the order of the table."""


@click.command(name="bench")
@click.argument("names", nargs=-1, metavar="[NAME]…", type=click.Choice(list(BENCHES)))
@click.option("--json", "as_json", is_flag=True, help="JSON 输出: machine-readable.")
@click.option("--quick", is_flag=True, help="少测几轮: fewer rounds, smaller sizes.")
@click.option("--publish", "to_page", is_flag=True, help="写入 docs/benchmarks.md: write the page of measurements.")
@click.option("--on", metavar="DATE", default="", help="表头日期: date of the run; today by default.")
@click.option(
    "--folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="数据库所在目录: where the databases lie meanwhile.",
)
@click.option(
    "--corpus",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="模式对所在目录: JSON files of schema pairs, for compat.",
)
@click.pass_context
def bench(
    context: click.Context,
    names: Sequence[str],
    *,
    as_json: bool,
    quick: bool,
    to_page: bool,
    on: str,
    folder: Path | None,
    corpus: Path | None,
) -> None:
    """实测，与其他做法同场对比: measure, side by side with the alternatives in one run."""
    from tradehall_standards import Catalogue  # noqa: PLC0415  - takes a second, and --help needs none

    quiet()
    console = Console(stderr=True, highlight=False)
    facts = machine(on or datetime.now(UTC).date().isoformat())  # noqa: TID251  - the header of a printout
    plan = Plan(Catalogue.load(), quick, folder, corpus)
    lines = list(run(plan, names or tuple(BENCHES), console))
    if to_page:
        publish(lines, facts, quick=quick)
    if as_json:
        found: dict[str, Json] = {"machine": dict(facts), "quick": quick, "lines": [line.to_json() for line in lines]}
        click.echo(json.dumps(found, ensure_ascii=False, indent=1))
    else:
        show(lines, facts, Console(highlight=False, width=None if sys.stdout.isatty() else 160))
    context.exit(1 if any(line.broken for line in lines) else 0)


def run(plan: Plan, names: Sequence[str], console: Console) -> Iterator[Line]:
    """Yield the lines of each measurement; says on ``console`` which one is under way."""
    for name in dict.fromkeys(names):
        with console.status(name):
            yield from BENCHES[name](plan)


def quiet() -> None:
    """Let migrations and layout say nothing: standard output is the table's."""
    import logging  # noqa: PLC0415

    logging.disable(logging.WARNING)


def machine(on: str) -> Mapping[str, str]:
    """Return the facts of this machine and installation that figures depend on (环境)."""
    return {
        "date": on,
        "cores": str(os.cpu_count()),
        "load at the start": " ".join(f"{load:.1f}" for load in os.getloadavg()),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        **{name: version(name) for name in PACKAGES},
    }


def show(lines: Sequence[Line], facts: Mapping[str, str], console: Console) -> None:
    """Print the table and the facts beneath it."""
    table = Table(title="实测 / measured", caption=" · ".join(f"{k} {v}" for k, v in facts.items()))
    for title in ("", "what", "ours", "unit", "against", "theirs", "×", "goal", ""):
        table.add_column(title, justify="right" if title in {"ours", "theirs", "×"} else "left")
    previous = ""
    for line in lines:
        if previous and line.bench != previous:
            table.add_section()
        table.add_row(
            "" if line.bench == previous else line.bench,
            line.what,
            f"{line.ours:,}",
            line.unit,
            line.against,
            "" if line.theirs is None else f"{line.theirs:,}",
            "" if line.ratio is None else str(line.ratio),
            f"{line.goal}{'  (!)' if line.claimed else ''}",
            _MARKS[line.met],
        )
        previous = line.bench
    console.print(table)
    console.print("(!) 承诺的上限，超出则以 1 退出 / a promised bound: missing it exits with 1", style="dim")
