"""
The program (命令行入口): ``tradehall`` with all its commands.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

import click
import structlog
import uvicorn

from tradehall.demo.run import run_demo
from tradehall.main import build_context, build_node, settings_of_environment
from tradehall.web.app import build_app
from tradehall.web.pages import HANDLERS as PAGES

lang_option = click.option(
    "--lang",
    type=click.Choice(["zh", "en"]),
    envvar="TRADEHALL_LANG",
    default="zh",
    show_default=True,
    help="语言 / language (TRADEHALL_LANG)",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """阳光交易大厅 Tradehall: tenders, sealed bids, remote evaluation, proof."""


@cli.command()
@click.option("--once", is_flag=True, help="演示后退出 / exit after the play")
@click.option("--port", default=8000, show_default=True, help="端口 / port; the witness city takes the next one")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="结果目录 / folder for the results")
@lang_option
@click.pass_context
def demo(context: click.Context, *, once: bool, port: int, out: Path | None, lang: str) -> None:
    """演示一个虚构项目从公告到定标 / play one fictional tender from notice to award."""
    context.exit(run_demo(port=port, once=once, lang=lang, out=out))


@cli.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True)
def serve(host: str, port: int) -> None:
    """运行节点 / serve this node; settings from TRADEHALL_* variables."""
    structlog.configure(
        processors=[structlog.processors.TimeStamper(fmt="iso"), structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
    )
    settings = settings_of_environment()
    node = build_node(settings)
    try:
        app = build_app(build_context(node), PAGES)
        uvicorn.run(app, host=host, port=port, log_level=os.environ.get("TRADEHALL_LOG", "warning"), access_log=False)
    finally:
        node.close()
