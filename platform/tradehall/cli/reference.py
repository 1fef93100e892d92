"""
The reference pages (参考页): the command that writes them, and the page of the command line.

That page is written from the commands themselves; the others are handed in by the composition root.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import click

from tradehall.cli.words import NEW_FOLDER

_CLI = "cli"
_HEAD = """\
# Command line 命令行参考

Made by `tradehall reference`; do not edit. Data goes to stdout, everything else to stderr.

| exit code | meaning |
| --- | --- |
| 0 | ok 成功 |
| 1 | invalid, refused, or declined 无效或被拒 |
| 2 | wrong command line 用法错误 |
| 3 | unavailable, try again 暂不可用 |
| 4 | verification failed 核验未通过 |
"""


def reference_page(root: click.Group, program: str = "tradehall") -> str:
    """Return the page of a command tree, in Markdown; commands in the order of their names."""
    return "\n".join([_HEAD, *_sections(root, program, "##")])


Pages = Callable[[], Mapping[str, Callable[[], str]]]
"""Makes what writes each page, by name; asked only when a page beside that of the command line is wanted."""


def reference_command(pages: Pages = dict) -> click.Command:
    """Return the command ``reference`` (参考页命令), which writes the pages of the program it is mounted in."""

    @click.command("reference")
    @click.argument("page", default=_CLI)
    @click.option("-o", "--out", type=NEW_FOLDER, help="输出文件夹: write every page into this folder.")
    @click.pass_context
    def command(context: click.Context, page: str, out: Path | None) -> None:
        """
        参考页: show one reference page, or write all of them into a folder.

        PAGE is cli (without it), api, families, ocds, parameters, permissions, procedures or refusals.
        """
        root = context.find_root().command
        if not isinstance(root, click.Group):
            raise click.UsageError("not mounted in a program")
        if out is None:
            click.echo(_page(root, page, pages), nl=False)
            return
        out.mkdir(parents=True, exist_ok=True)
        for name, write in {_CLI: lambda: reference_page(root), **pages()}.items():
            (out / f"{name}.md").write_text(write(), "utf-8")

    return command


def _page(root: click.Group, name: str, pages: Pages) -> str:
    if name == _CLI:
        return reference_page(root)
    found = pages()
    if name not in found:
        raise click.BadParameter(f"{name}: {', '.join(sorted([_CLI, *found]))}", param_hint="PAGE")
    return found[name]()


def _sections(group: click.Group, path: str, level: str) -> Iterator[str]:
    context = click.Context(group)
    for name in sorted(group.list_commands(context)):
        _, command, _ = group.resolve_command(context, [name])  # loads it where the group only knows its name
        full = f"{path} {name}"
        if command is None:
            continue
        if isinstance(command, click.Group):
            yield f"{level} {full}\n\n{_text(command)}\n"
            yield from _sections(command, full, level + "#")
        elif not command.hidden:
            yield f"{level} {full}\n\n```\n{_usage(command, full)}\n```\n\n{_text(command)}\n{_table(command)}"


def _usage(command: click.Command, full: str) -> str:
    return " ".join([full, *command.collect_usage_pieces(click.Context(command, info_name=full))])


def _text(command: click.Command) -> str:
    return inspect.cleandoc(command.help or "").replace("\b\n", "")


def _table(command: click.Command) -> str:
    rows = [_row(p) for p in command.params if isinstance(p, click.Option) and not p.hidden]
    return "\n| option | |\n| --- | --- |\n" + "".join(rows) if rows else ""


def _row(option: click.Option) -> str:
    names, text = option.get_help_record(click.Context(click.Command(""))) or (", ".join(option.opts), "")
    return f"| `{_cell(names)}` | {_cell(text)} |\n"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
