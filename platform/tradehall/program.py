"""
The program's front door (程序入口): its help at once, its commands when they are called.

Loading every command loads everything there is, from layout to databases, which takes seconds; to list them takes their
names. ``tests/cli/test_help.py`` holds the list to the commands.
"""

from __future__ import annotations

from typing import Final

import click

COMMANDS: Final = {
    "bench": "实测，与其他做法同场对比: measure, side by side with the alternatives in one run.",
    "bid": "投标: make, check and file sealed bids.",
    "custodian": "保管方: keep a share of every bid's key, release it at the opening.",
    "demo": "演示一个虚构项目从公告到定标: play one fictional tender from notice to award.",
    "doctor": "自检: check fonts, libraries, database, clock, catalogue and keys of this node.",
    "guarantee": "保函: guarantee letters.",
    "import": "导入: data of others as unsigned drafts.",
    "log": "日志: the append-only log of everything a hall accepted.",
    "node": "节点: run and check this node; settings from TRADEHALL_* variables.",
    "ocds": "开放合同数据: OCDS 1.1 packages of published cases.",
    "party": "主体: register parties and their accounts (for the centre).",
    "procedures": "交易程序: who may file what in which state, as data.",
    "reference": "参考页: show one reference page, or write all of them into a folder.",
    "replay": "重放真实招标数据 / replay real sealed-bid tenders of FILE.csv.",
    "serve": "运行节点: serve this node; settings from TRADEHALL_* variables.",
    "standards": "数据标准: published schemas, building and checking them.",
    "verify": "核验: check an evidence file (ZIP), a receipt or a refusal (JSON), without trusting the hall.",
}
"""Name → what its help says in one line."""


class Program(click.Group):
    """The commands by name (命令表); whichever is called is loaded with the others."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  - click's
        """Return the names."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  - click's
        """Return what the list of commands shows of one."""
        return click.Command(cmd_name, help=COMMANDS[cmd_name]) if cmd_name in COMMANDS else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that is called."""
        from tradehall.commands import cli as loaded  # noqa: PLC0415  - takes seconds

        return loaded.resolve_command(ctx, args)


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """阳光交易大厅 Tradehall: tenders, sealed bids, remote evaluation, proof."""
