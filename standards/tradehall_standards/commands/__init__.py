"""
Commands of the catalogue (目录命令): ``tradehall standards …`` and ``python -m tradehall_standards …`` are the same.

One file for each question; a command comes into the group by its line below. What loads slowly is imported where it
is called.
"""

from __future__ import annotations

import click

from tradehall_standards.commands.building import build_command, lint_command
from tradehall_standards.commands.codes import codelist_command
from tradehall_standards.commands.comparing import compat_command, diff_command
from tradehall_standards.commands.documenting import PrintFailed, Printing, docs_command
from tradehall_standards.commands.dry_run import Journals, dry_run_command
from tradehall_standards.commands.lives import asof_command, releases_command
from tradehall_standards.commands.migrate import migrate_command
from tradehall_standards.commands.officers import keys_group
from tradehall_standards.commands.published import check_command, list_command
from tradehall_standards.commands.recognise import recognise_command
from tradehall_standards.commands.releasing import approve_command, propose_command, publish_command, verify_command
from tradehall_standards.commands.versioning import version_command
from tradehall_standards.commands.words import Today

__all__ = ["Journals", "PrintFailed", "Printing", "standards_commands"]


def standards_commands(today: Today, journals: Journals | None = None, printing: Printing | None = None) -> click.Group:
    """
    Return the group ``standards`` (数据标准命令组); ``today`` gives the legal date where none is named.

    ``journals`` opens the archives that a platform keeps; without it commands read files only.
    ``printing`` lays out PDF; without it documentation is HTML.
    """
    group = click.Group(
        "standards",
        help="数据标准: published schemas, building and checking them.",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    for command in (
        list_command(today),
        asof_command(today),
        releases_command(),
        codelist_command(today),
        check_command(today),
        lint_command(),
        build_command(),
        compat_command(),
        diff_command(),
        version_command(today),
        dry_run_command(today, journals),
        migrate_command(),
        recognise_command(),
        docs_command(printing),
        propose_command(today),
        approve_command(),
        publish_command(),
        verify_command(),
        keys_group(today),
    ):
        group.add_command(command)
    return group
