"""
``tradehall procedures`` 程序命令: who may file what in which state.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from tradehall.cli.words import NEW_FOLDER, Words, json_option, lang_option, print_json, print_table
from tradehall.kernel.procedure import Procedure
from tradehall_standards import canonical


def procedures_commands(procedures: Mapping[str, Procedure]) -> click.Group:
    """Return the group ``procedures`` (交易程序命令组)."""
    group = click.Group("procedures", help="交易程序: who may file what in which state, as data.")
    group.add_command(_procedures_list_command(procedures))
    group.add_command(_export_command(procedures))
    return group


def _procedures_list_command(procedures: Mapping[str, Procedure]) -> click.Command:
    @click.command("list")
    @json_option
    @lang_option
    def command(*, as_json: bool, lang: str) -> None:
        """程序清单: list the procedures."""
        words = Words(lang)
        found = [procedures[name] for name in sorted(procedures)]
        if as_json:
            print_json(
                [{"id": p.id, "title": {"zh": p.title.zh, "en": p.title.en}, "steps": len(p.steps)} for p in found]
            )
            return
        rows = [(p.id, words(p.title.zh, p.title.en), str(len(p.steps))) for p in found]
        print_table([words("程序", "procedure"), words("名称", "title"), words("步骤", "steps")], rows)

    return command


def _export_command(procedures: Mapping[str, Procedure]) -> click.Command:
    @click.command("export")
    @click.argument("procedure", required=False, type=click.Choice(sorted(procedures)))
    @click.option("-o", "--out", type=NEW_FOLDER, help="文件夹: write PROCEDURE.json for each; stdout without it.")
    def command(procedure: str | None, out: Path | None) -> None:
        """导出程序: write one procedure, or all, as canonical JSON: states, steps, guards, clauses."""
        chosen = {name: procedures[name].to_json() for name in ([procedure] if procedure else sorted(procedures))}
        if out is None:
            print_json(chosen[procedure] if procedure else chosen)
            return
        out.mkdir(parents=True, exist_ok=True)
        for name, value in chosen.items():
            (out / f"{name}.json").write_bytes(canonical.jcs(value) + b"\n")
            click.echo(str(out / f"{name}.json"))

    return command
