"""
``standards dry-run`` 草案试运行: what a draft would have meant for the records that were filed already.

Ctrl-C stops between two records, prints what was found so far and says that it is not all; with ``--state`` the next
run goes on from there.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Final, TypeAlias

import click

from tradehall_standards.archive import (
    Archive,
    ArchiveError,
    Draft,
    DraftError,
    OtherReplayError,
    Progress,
    Replay,
    Way,
    open_archive,
    read_draft,
    replay,
)
from tradehall_standards.commands.words import (
    DAY,
    INVALID,
    OK,
    UNAVAILABLE,
    USAGE,
    Stop,
    Today,
    Words,
    json_option,
    lang_option,
    print_json,
    print_table,
    reading,
    root_option,
)
from tradehall_standards.sources import SourceError, default_root, read_sources

Journals: TypeAlias = Callable[[str], AbstractContextManager[Archive]]
"""Opens what is no file: the address of a database, or ``""`` for this node's own journal (日志读取)."""

_SMALL: Final = 8 << 20
_EVERY_SECONDS: Final = 0.5
_ANY_PATH: Final = click.Path(exists=True, path_type=Path)


def dry_run_command(today: Today, journals: Journals | None) -> click.Command:
    """Return ``dry-run`` (草案试运行); without ``journals`` only files can be read."""

    @click.command("dry-run")
    @click.argument("draft", type=_ANY_PATH)
    @click.option(
        "--archive",
        "source",
        default="",
        metavar="SOURCE",
        help="往期记录: JSONL, evidence file or a folder of these; address of a node's database; else this node's own.",
    )
    @click.option("--family", help="类别: family of a draft that does not name it (rules.json).")
    @click.option("--bare", is_flag=True, help="裸数据: the records are bare payloads of the drafted family.")
    @click.option("--on", type=DAY, help="日期: day of the event for records that do not say theirs; today without it.")
    @click.option(
        "--jobs", type=click.IntRange(1, 64), help="进程数: processes; by the size of the archive without it."
    )
    @click.option(
        "--state",
        type=click.Path(dir_okay=False, path_type=Path),
        help="进度文件: kept when stopped; go on from it when it is there.",
    )
    @root_option
    @json_option
    @lang_option
    def command(
        draft: Path,
        source: str,
        family: str | None,
        on: datetime | None,
        jobs: int | None,
        state: Path | None,
        root: Path | None,
        *,
        bare: bool,
        as_json: bool,
        lang: str,
    ) -> None:
        """
        草案试运行: validate past records under DRAFT: a version folder, or the file of a schema, rules or a code list.

        Prints how many stay valid and which do not, grouped by place and keyword, family, city and month, with the
        first three of each. Nothing is changed. Exit code 1: the draft would refuse some. Exit code 3: stopped before
        the end.
        """
        words = Words(lang)
        with reading(words), _replaying():
            drafted = read_draft(draft, read_sources(root or default_root()), family)
            with _opened(source, journals) as archive:
                way = _way(drafted, archive, on.date() if on else today(), jobs, bare=bare)
                found = _run(drafted, archive, way, words, state)
        if as_json:
            print_json(found.to_json())
        else:
            _tell(found, words)
        if not found.finished:
            words.say("已中止，以上为部分结果", "stopped: this is a part of the result")
        raise SystemExit(UNAVAILABLE if not found.finished else INVALID if found.tally.invalid else OK)

    return command


@contextmanager
def _replaying() -> Generator[None]:
    try:
        yield
    except (ArchiveError, DraftError) as error:
        raise Stop(error.message_zh, error.message_en) from error
    except SourceError as error:
        raise Stop(str(error), str(error)) from error
    except OtherReplayError as error:
        raise Stop(f"进度文件属于另一次试运行：{error}", f"the state is of another dry run: {error}", USAGE) from error


def _opened(source: str, journals: Journals | None) -> AbstractContextManager[Archive]:
    if source and ("://" not in source or Path(source).exists()):
        if not Path(source).exists():
            raise Stop(f"没有 {source}", f"there is no {source}", USAGE)
        return nullcontext(open_archive(Path(source)))
    if journals is None:
        raise Stop("请用 --archive 给出文件", "name a file with --archive", USAGE)
    return journals(source)


def _way(draft: Draft, archive: Archive, on: date, jobs: int | None, *, bare: bool) -> Way:
    if bare and len(draft.parts) != 1:
        raise Stop("草案涉及多个类别，--bare 不适用", "the draft is of several families: --bare can't be", USAGE)
    small = archive.total is not None and archive.total < _SMALL
    family = next(iter(draft.parts)) if bare else None
    return Way(on, time.monotonic, jobs or (1 if small else os.cpu_count() or 1), family)


def _run(draft: Draft, archive: Archive, way: Way, words: Words, state: Path | None) -> Replay:
    """Replay with progress on stderr, from a kept state when there is one; keep it when stopped, else put it away."""
    begun = _begun(state)
    with _stopping() as stopped:
        teller = _Teller(words, stopped)
        found = replay(draft, archive, replace(way, told=teller.told), begun)
    teller.end()
    if state is not None:
        if found.finished:
            state.unlink(missing_ok=True)
        else:
            state.write_text(json.dumps(found.to_json(), ensure_ascii=False), encoding="utf-8")
    return found


def _begun(state: Path | None) -> Replay | None:
    if state is None or not state.exists():
        return None
    try:
        return Replay.read_json(json.loads(state.read_bytes()))
    except ValueError as problem:
        raise Stop(f"进度文件不可用：{problem}", f"the state can't be used: {problem}", USAGE) from None


@contextmanager
def _stopping() -> Generator[Callable[[], bool]]:
    """Turn the first Ctrl-C into a wish that is asked for between two chunks; the second one ends the program."""
    wishes: list[bool] = []

    def wish(_signal: int, _frame: object) -> None:
        wishes.append(True)
        signal.signal(signal.SIGINT, before)

    before = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, wish)
    try:
        yield lambda: bool(wishes)
    finally:
        signal.signal(signal.SIGINT, before)


class _Teller:
    """Tells on stderr how far it is: in place on a terminal, else a line now and then (进度)."""

    def __init__(self, words: Words, stopped: Callable[[], bool]) -> None:
        self._words = words
        self._stopped = stopped
        self._in_place = sys.stderr.isatty()
        self._next = _EVERY_SECONDS
        self._told = False

    def told(self, progress: Progress) -> bool:
        """Tell, at most twice a second on a terminal; returns False when it shall stop."""
        if progress.seconds >= self._next:
            self._next = progress.seconds + (_EVERY_SECONDS if self._in_place else max(5.0, self._next))
            self._told = True
            click.echo(("\r" if self._in_place else "") + self._line(progress), err=True, nl=not self._in_place)
        return not self._stopped()

    def _line(self, progress: Progress) -> str:
        rate = round(progress.records / progress.seconds)
        share = f"{100 * progress.done // progress.total}% " if progress.total else ""
        left = (
            ""
            if progress.left is None
            else self._words(f"，约剩 {progress.left:.0f} 秒", f", {progress.left:.0f} s left")
        )
        return self._words(
            f"{share}已读 {progress.records} 条，每秒 {rate} 条{left}  ",
            f"{share}{progress.records} records read, {rate} a second{left}  ",
        )

    def end(self) -> None:
        """End the line that was told in place."""
        if self._told and self._in_place:
            click.echo("", err=True)


def _tell(found: Replay, words: Words) -> None:
    tally = found.tally
    judged = tally.valid + tally.invalid
    click.echo(words(f"草案 {found.draft}，档案 {found.archive}", f"draft {found.draft}, archive {found.archive}"))
    rows = [
        (words("已读", "read"), tally.read),
        (words("与草案有关", "of the drafted families"), judged),
        (words("仍然有效", "stay valid"), tally.valid),
        (words("将被拒绝", "would be refused"), tally.invalid),
        (words("其中原标准也拒绝", "  of these refused by the version they cite, too"), tally.already),
        (words("仅有提示", "only warned of"), tally.warned),
        (words("无法读取", "unreadable"), sum(count for count, _ in tally.unreadable.values())),
        (words("密封未读", "sealed rows, not read"), found.unread),
    ]
    print_table(["", ""], [(name, f"{count:,}") for name, count in rows])
    for code, (count, first) in sorted(tally.unreadable.items()):
        click.echo(f"  {code} {count:,}: {', '.join(first)}")
    for fault, group in tally.ordered():
        click.echo("")
        sentence = words(fault.message_zh, fault.message_en)
        known = words(f"（原已不符 {group.already:,}）", f" ({group.already:,} already)") if group.already else ""
        click.echo(
            f"{fault.severity}  {fault.family}{fault.pointer}  {fault.keyword}  {group.records:,}{known}  {sentence}"
        )
        for (city, month), (count, first) in sorted(group.cells.items()):
            click.echo(f"    {city or '-'}  {month or '-'}  {count:,}  {'  '.join(first)}")
