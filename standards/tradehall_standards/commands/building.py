"""
``standards build`` and ``standards lint`` 构建与检查: manifests and index from the sources, and all checks on them.
"""

from __future__ import annotations

from pathlib import Path

import click

from tradehall_standards.build import build, check_root
from tradehall_standards.commands.words import Words, json_option, lang_option, print_json, reading, root_option
from tradehall_standards.sources import default_root


def build_command() -> click.Command:
    """Return ``build`` (构建目录)."""

    @click.command("build")
    @root_option
    @json_option
    @lang_option
    def command(root: Path | None, *, as_json: bool, lang: str) -> None:
        """
        构建目录: check everything, then write manifests and the index; nothing is written where something is wrong.

        What no release names yet may be changed and built again; it is published by `propose`, `approve`, `publish`.

        Prints the files written. Exit code 1: something was found.
        """
        words = Words(lang)
        with reading(words):
            written = build(root or default_root())
        if as_json:
            print_json(list(written))
        else:
            click.echo("\n".join(written) if written else words("没有变化", "nothing to write"))

    return command


def lint_command() -> click.Command:
    """Return ``lint`` (检查标准)."""

    @click.command("lint")
    @root_option
    @json_option
    @lang_option
    def command(root: Path | None, *, as_json: bool, lang: str) -> None:
        """
        检查标准: run every lint over the catalogue: digests, chain, examples in both engines.

        Exit code 1: something was found.
        """
        words = Words(lang)
        with reading(words):
            findings = check_root(root or default_root())
        if as_json:
            print_json(list(findings))
        else:
            click.echo("\n".join(findings) if findings else words("没有问题", "nothing found"))
        if findings:
            raise SystemExit(1)

    return command
