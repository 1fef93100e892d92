"""
``tradehall replay`` 重放命令: real sealed bids from a table through the platform, and how the awards compare.

Summary on stdout, progress and bad rows on stderr. Exit codes: 0 done, 1 bad rows or a refused folder or record,
2 usage, 3 file or folder can't be read or written, 130 interrupted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table as Grid

from tradehall.replay.journal import Entry, FolderTaken
from tradehall.replay.pen import ReplayStopped
from tradehall.replay.run import Replay, read_replay, run_replay
from tradehall.replay.table import Flaw

INVALID: Final = 1
UNAVAILABLE: Final = 3
INTERRUPTED: Final = 130
_SHOWN: Final = 50


@click.command()
@click.argument("file", metavar="FILE.csv", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--out", required=True, type=click.Path(file_okay=False, path_type=Path), help="结果目录 / folder for the results"
)
@click.option("--limit", type=click.IntRange(min=1), help="只重放前 N 个项目 / only the first N tenders")
@click.option("--skip-bad", is_flag=True, help="跳过错误行 / leave bad rows out instead of stopping")
@click.option("--json", "as_json", is_flag=True, help="以 JSON 输出汇总 / print the summary as JSON")
@click.option(
    "--lang",
    type=click.Choice(["zh", "en"]),
    envvar="TRADEHALL_LANG",
    default="zh",
    show_default=True,
    help="语言 / language (TRADEHALL_LANG)",
)
@click.pass_context
def replay(
    context: click.Context, *, file: Path, out: Path, limit: int | None, skip_bad: bool, as_json: bool, lang: str
) -> None:
    """
    重放真实招标数据 / replay real sealed-bid tenders of FILE.csv.

    Writes OUT/awards.csv, OUT/summary.json and OUT/evidence/TENDER.zip. Interrupted, the same command goes on.
    """
    context.exit(_replay(file, out, limit=limit, skip_bad=skip_bad, as_json=as_json, is_zh=lang == "zh"))


def _replay(file: Path, out: Path, *, limit: int | None, skip_bad: bool, as_json: bool, is_zh: bool) -> int:
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    try:
        found = read_replay(file, limit=limit)
    except OSError as error:
        console.print(f"{file}: {error.strerror}", markup=False)
        return UNAVAILABLE
    if not _told_of_flaws(console, found, skip_bad=skip_bad, is_zh=is_zh):
        return INVALID
    try:
        summary = _played(console, found, out, is_zh=is_zh)
    except KeyboardInterrupt:
        console.print(
            "已中断；再次运行同一命令即可继续" if is_zh else "Interrupted; the same command goes on from here"
        )
        return INTERRUPTED
    except (FolderTaken, ReplayStopped) as error:
        console.print(str(error), markup=False)
        return INVALID
    except OSError as error:
        console.print(f"{error.filename or out}: {error.strerror}", markup=False)
        return UNAVAILABLE
    if as_json:
        click.echo(json.dumps(summary, ensure_ascii=False, indent=2))
    else:
        _show(summary, out, is_zh=is_zh)
    return 0


def _told_of_flaws(console: Console, found: Replay, *, skip_bad: bool, is_zh: bool) -> bool:
    """Report bad rows by line; returns whether the replay may start."""
    table = found.table
    _print(console, "错误" if is_zh else "bad row", table.flaws, is_zh=is_zh)
    _print(console, "提示" if is_zh else "note", table.notes, is_zh=is_zh)
    if table.unreadable:
        return False
    if table.flaws and not skip_bad:
        console.print(
            f"{len(table.flaws)} 行有误；更正后重试，或用 --skip-bad 跳过这些行"
            if is_zh
            else f"{len(table.flaws)} bad rows; correct them, or leave them out with --skip-bad"
        )
        return False
    if not found.tenders:
        console.print("没有可重放的项目" if is_zh else "There is no tender to replay")
    return bool(found.tenders)


def _print(console: Console, word: str, flaws: Sequence[Flaw], *, is_zh: bool) -> None:
    for flaw in flaws[:_SHOWN]:
        column = f" {flaw.column}" if flaw.column else ""
        line = f"第 {flaw.line} 行" if is_zh else f"line {flaw.line}"
        console.print(f"{word}  {line}{column}: {flaw.text.zh if is_zh else flaw.text.en}", markup=False)
    if len(flaws) > _SHOWN:
        rest = len(flaws) - _SHOWN
        console.print(f"{word}  … 另有 {rest} 行" if is_zh else f"{word}  … and {rest} more", markup=False)


def _played(console: Console, found: Replay, out: Path, *, is_zh: bool) -> dict[str, Any]:
    columns = (
        TextColumn("重放 " if is_zh else "Replaying "),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[records]} " + ("条记录" if is_zh else "records")),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=len(found.tenders), records=0)
        records = 0

        def finished(entry: Entry) -> None:
            nonlocal records
            records += entry.records
            progress.update(task, advance=1, records=records)

        return run_replay(found, out, finished)


def _show(summary: Mapping[str, Any], out: Path, *, is_zh: bool) -> None:
    console = Console(highlight=False)
    grid = Grid(show_header=False, title="重放结果" if is_zh else "Replay")
    differing = summary["differing"]
    rows = (
        ("项目", "tenders", summary["tenders"]),
        ("投标", "bids", summary["bids"]),
        ("一致", "agreed", summary["agreed"]),
        ("抽签决定", "drawn", summary["drawn"]),
        ("不一致", "differing", len(differing)),
        ("无中标", "without award", summary["without_award"]),
        ("记录", "records", summary["records"]),
        ("用时（秒）", "seconds", summary["seconds"]),
        ("每秒记录", "records per second", summary["records_per_second"]),
        ("中标表", "awards", out / "awards.csv"),
        ("证据文件", "evidence", out / "evidence"),
    )
    for zh, en, value in rows:
        grid.add_row(zh if is_zh else en, str(value))
    console.print(grid)
    for row in differing:
        detail = f" ({row['detail']})" if row["detail"] else ""
        console.print(f"{row['tender_id']}: {row['zh' if is_zh else 'en']}{detail}", markup=False, soft_wrap=True)
