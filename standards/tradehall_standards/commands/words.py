"""
What every command shares (命令行公共部分): exit codes, the language of sentences, how a command ends early.

Data goes to stdout, everything else to stderr, so that output can be piped.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final, NoReturn, TypeVar

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tradehall_standards import canonical
from tradehall_standards.catalogue import CatalogueError
from tradehall_standards.strict import Json, StrictError

OK: Final = 0
INVALID: Final = 1
USAGE: Final = 2
UNAVAILABLE: Final = 3
VERIFICATION_FAILED: Final = 4

FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)
FOLDER: Final = click.Path(exists=True, file_okay=False, path_type=Path)
NEW_FILE: Final = click.Path(dir_okay=False, path_type=Path)
NEW_FOLDER: Final = click.Path(file_okay=False, path_type=Path)

_PLAIN_WIDTH: Final = 1000
"""Width of a table that goes to a file or pipe: wide enough never to break a digest."""

DAY: Final = click.DateTime(["%Y-%m-%d"])

Today = Callable[[], date]
"""The legal date of the moment (法定日期); the catalogue itself reads no clock."""

Command = TypeVar("Command", bound=Callable[..., object])


class Stop(Exception):  # noqa: N818  - says what happened
    """A command can't go on (命令中止): a sentence in both languages and the exit code."""

    def __init__(self, zh: str, en: str, code: int = INVALID) -> None:
        super().__init__(en)
        self.zh = zh
        self.en = en
        self.code = code


@dataclass(frozen=True, slots=True)
class Words:
    """Speaks one language (语言): ``zh`` or ``en``."""

    lang: str

    def __call__(self, zh: str, en: str) -> str:
        """Return the sentence in the chosen language."""
        return en if self.lang == "en" else zh

    def say(self, zh: str, en: str) -> None:
        """Tell a sentence on stderr."""
        click.echo(self(zh, en), err=True)

    def fail(self, zh: str, en: str, code: int = INVALID) -> NoReturn:
        """Tell on stderr why the command ends, and end it."""
        click.echo(f"{self('错误：', 'Error: ')}{self(zh, en)}", err=True)
        raise SystemExit(code)


def lang_option(command: Command) -> Command:
    """Give a command ``--lang``."""
    return click.option(
        "--lang",
        type=click.Choice(["zh", "en"]),
        envvar="TRADEHALL_LANG",
        default="zh",
        show_default=True,
        help="语言: language of messages [env: TRADEHALL_LANG].",
    )(command)


def json_option(command: Command) -> Command:
    """Give a command ``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="以 JSON 输出: JSON on stdout.")(command)


def root_option(command: Command) -> Command:
    """Give a command ``--root``."""
    return click.option("--root", type=FOLDER, help="标准文件夹: schemas folder; else the own one.")(command)


def print_json(value: Json) -> None:
    """Print one canonical JSON value on stdout."""
    click.echo(canonical.jcs(value).decode())


def print_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows on stdout; a pipe gets whole lines, never broken ones."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=_PLAIN_WIDTH)
    table = Table(*heads, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    with console.capture() as capture:
        console.print(table)
    click.echo("\n".join(line.rstrip() for line in capture.get().splitlines()))


def member(value: object, *names: str) -> Json:
    """Return a member of nested objects, None where there is none."""
    found = value
    for name in names:
        found = found.get(name) if isinstance(found, Mapping) else None  # pyright: ignore[reportUnknownVariableType]
    return found  # type: ignore[return-value]  # pyright: ignore[reportReturnType]


def objects(value: object) -> list[Mapping[str, Json]]:
    """Return the objects of an array; nothing where there is none."""
    if not isinstance(value, list):
        return []
    return [item for item in value if isinstance(item, Mapping)]  # pyright: ignore[reportUnknownVariableType]


@contextmanager
def reading(words: Words) -> Generator[None]:
    """End a command of the catalogue with one sentence and its exit code when something stands in its way (报告)."""
    try:
        yield
    except Stop as stop:
        words.fail(stop.zh, stop.en, stop.code)
    except (CatalogueError, StrictError) as error:
        words.fail(str(error), str(error), INVALID)
    except OSError as error:
        words.fail(f"文件无法读写：{error}", f"a file can't be read or written: {error}", UNAVAILABLE)
