"""
The program (命令行入口): ``tradehall`` with all its commands.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
from cryptography import x509
from sqlalchemy.exc import SQLAlchemyError

from tradehall.adapters import sealing as disk
from tradehall.adapters.clock import SystemClock
from tradehall.adapters.identity.ca import Trust
from tradehall.adapters.pdf.pages import print_pages
from tradehall.adapters.pdf.render import Renderer
from tradehall.adapters.pdf.verify import LetterVerdict, verify_letter
from tradehall.adapters.sql.store import SqlStore
from tradehall.bench.command import bench
from tradehall.cli.bidder import BidTools
from tradehall.cli.custodian import CustodianTools
from tradehall.cli.doctor import Check, catalogue_check, clock_check, keys_check
from tradehall.cli.mount import CliTools, add_commands
from tradehall.cli.words import UNAVAILABLE, Words
from tradehall.demo.run import run_demo
from tradehall.desk.archive import past_records
from tradehall.desk.ports import StoreUnavailable
from tradehall.desk.standing import Standing, standing
from tradehall.kernel.refusal import Text
from tradehall.main import NOBODY_VOUCHES, PROCEDURES, build_node, settings_of_environment
from tradehall.reference.pages import reference_pages
from tradehall.replay.command import replay
from tradehall.serving import NotShareable, serve_alone, serve_together, this_program
from tradehall.web import lines
from tradehall_standards import CatalogueError
from tradehall_standards.archive import Archive, ArchiveError

if TYPE_CHECKING:
    from tradehall_standards import Json

lang_option = click.option(
    "--lang",
    type=click.Choice(["zh", "en"]),
    envvar="TRADEHALL_LANG",
    default="zh",
    show_default=True,
    help="语言: language (TRADEHALL_LANG).",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """阳光交易大厅 Tradehall: tenders, sealed bids, remote evaluation, proof."""


@cli.command()
@click.option("--once", is_flag=True, help="演示后退出: exit after the play.")
@click.option("--port", default=8000, show_default=True, help="端口: port; the witness city takes the next one.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="结果目录: folder for the results.")
@lang_option
@click.pass_context
def demo(context: click.Context, *, once: bool, port: int, out: Path | None, lang: str) -> None:
    """演示一个虚构项目从公告到定标: play one fictional tender from notice to award."""
    context.exit(run_demo(port=port, once=once, lang=lang, out=out))


@cli.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="地址: address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), default=8000, show_default=True, help="端口: port.")
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    envvar="TRADEHALL_WORKERS",
    help="进程数: processes that share port and database (TRADEHALL_WORKERS).",
)
@click.pass_context
def serve(context: click.Context, host: str, port: int, workers: int) -> None:
    """运行节点: serve this node; settings from TRADEHALL_* variables."""
    lines.configure()
    settings = settings_of_environment()
    if not settings.officers and not settings.production:
        click.echo(f"!!! {NOBODY_VOUCHES}", err=True)
    if workers == 1:
        try:
            serve_alone(settings, host, port, log=os.environ.get("TRADEHALL_LOG", "warning"))
        except (StoreUnavailable, CatalogueError) as error:
            Words("zh").fail(f"节点不得启动：{error}", f"this node must not serve: {error}", UNAVAILABLE)
        return
    command = [*this_program(), "serve", "--host", host, "--port", str(port), "--workers", "1"]
    try:
        serve_together(settings, command, workers)
    except NotShareable as error:
        click.echo(str(error), err=True)
        context.exit(2)


def _standing() -> Standing:
    node = build_node(settings_of_environment())
    try:
        return standing(node.door, node.witnessing)
    finally:
        node.close()


@contextmanager
def _journal(address: str) -> Generator[Archive]:
    """Open the journal at an address of a database, or that of this node where none is given."""
    settings = settings_of_environment()
    url = address or settings.database or f"sqlite:///{settings.data / 'node.db'}"
    if not address and not settings.database and not (settings.data / "node.db").exists():
        raise ArchiveError(
            "本节点还没有日志，请用 --archive 给出", "this node has no journal yet: name one with --archive"
        )
    try:
        store = SqlStore(url, SystemClock())
    except (SQLAlchemyError, StoreUnavailable) as error:
        raise ArchiveError(f"数据库无法打开：{error}", f"the database can't be opened: {error}") from error
    try:
        yield past_records(store, f"node:{settings.city}")
    finally:
        store.close()


def _verify(pdf: bytes, roots: Sequence[x509.Certificate], register: Mapping[str, Json] | None) -> LetterVerdict:
    return verify_letter(pdf, trust_roots=roots, register=register)


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251  - commands run on this machine's clock


def _checks() -> Sequence[Check]:
    """Return what ``doctor`` looks at on this machine."""
    settings = settings_of_environment()

    def database() -> str:
        settings.data.mkdir(parents=True, exist_ok=True)
        url = settings.database or f"sqlite:///{settings.data / 'node.db'}"
        store = SqlStore(url, SystemClock())
        store.close()
        return url.partition(":")[0]

    def fonts() -> str:
        renderer = Renderer()
        renderer.warm_up()
        renderer.close()
        return "ok"

    return [
        catalogue_check(Path(settings.officers) if settings.officers else None),
        keys_check(settings.data / "keys"),
        clock_check(),
        Check(
            Text("数据库可持久写入", "database writes durably"),
            database,
            Text(
                "检查 TRADEHALL_DATABASE；PostgreSQL 须开启 fsync", "check TRADEHALL_DATABASE; PostgreSQL needs fsync"
            ),
        ),
        Check(
            Text("中文字体与排版库", "Chinese fonts and layout libraries"),
            fonts,
            Text("安装 fonts-noto-cjk 与 libpango", "install fonts-noto-cjk and libpango"),
        ),
    ]


cli.add_command(bench)
cli.add_command(replay)
add_commands(
    cli,
    CliTools(
        bid=BidTools(disk.seal, disk.open_sealed, Trust.party_of, secrets.token_bytes),
        custodian=CustodianTools(disk.take_share, Trust.party_of, secrets.token_bytes),
        verify_letter=_verify,
        procedures=PROCEDURES,
        checks=_checks,
        standing=_standing,
        now=_now,
        pages=reference_pages,
        journals=_journal,
        printing=print_pages,
    ),
)
