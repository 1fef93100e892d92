"""
What every command shares (命令行公共部分): exit codes, the language of sentences, how a command ends early.

Data goes to stdout, everything else to stderr, so that output can be piped.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn, TypeVar

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tradehall.cli.disk import settle
from tradehall_standards import canonical
from tradehall_standards.strict import Json

OK: Final = 0
INVALID: Final = 1
USAGE: Final = 2
UNAVAILABLE: Final = 3
VERIFICATION_FAILED: Final = 4

FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)
FOLDER: Final = click.Path(exists=True, file_okay=False, path_type=Path)
NEW_FILE: Final = click.Path(dir_okay=False, path_type=Path)
NEW_FOLDER: Final = click.Path(file_okay=False, path_type=Path)

_PRIVATE: Final = 0o600
_PLAIN_WIDTH: Final = 1000
"""Width of a table that goes to a file or pipe: wide enough never to break a digest."""

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


def keep(path: Path, data: bytes) -> None:
    """Write a file that only its owner can read, whole or not at all, and durably (原子写入)."""
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    part.replace(path)
    settle(path)


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
