"""
``tradehall node`` 节点命令: for whoever runs a node.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from tradehall.cli.words import UNAVAILABLE, VERIFICATION_FAILED, Words, json_option, lang_option, print_json
from tradehall.desk.ports import StoreUnavailable
from tradehall.desk.witnessing import SILENT

if TYPE_CHECKING:
    from tradehall.desk.standing import Standing
    from tradehall_standards import Json


def node_commands(standing: Callable[[], Standing]) -> click.Group:
    """Return the group ``node``; ``standing`` opens the node of the settings and checks its log."""
    group = click.Group("node", help="节点: run and check this node; settings from TRADEHALL_* variables.")
    group.add_command(_check_command(standing))
    return group


def _check_command(standing: Callable[[], Standing]) -> click.Command:
    @click.command("check")
    @json_option
    @lang_option
    def command(*, as_json: bool, lang: str) -> None:
        """
        核对日志: compute the log again from the journal and compare it with what the witnesses have cosigned.

        Run it on a restored database before the node serves. Exit code 4: the log is not whole, or a witness knows
        another one, most often because the restore ended too early. Exit code 3: no witness answers.
        """
        try:
            found = standing()
        except StoreUnavailable as error:
            Words(lang).fail(f"数据库不可用：{error}", f"the database can't be used: {error}", UNAVAILABLE)
        if as_json:
            told: dict[str, Json] = dict(found.witnesses)
            print_json({"size": found.size, "faults": [*found.faults], "witnesses": told, "vouched": found.vouched})
        else:
            _tell(found, Words(lang))
        code = VERIFICATION_FAILED if found.disputed else 0 if found.vouched else UNAVAILABLE
        click.get_current_context().exit(code)

    return command


def _tell(found: Standing, words: Words) -> None:
    click.echo(words(f"日志共 {found.size} 项", f"the log has {found.size} leaves"))
    for fault in found.faults:
        click.echo(words(f"不一致：{fault}", f"does not fit: {fault}"))
    for name, why in found.witnesses.items():
        agrees = words("一致", "agrees") if not why else words("未答复", "does not answer") if why == SILENT else why
        click.echo(f"{name}: {agrees}")
    if not found.witnesses:
        click.echo(words("未设置见证", "no witness is set (TRADEHALL_WITNESSES)"))
