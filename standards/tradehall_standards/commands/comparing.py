"""
``standards compat`` and ``standards diff`` 兼容性与差异: would a new schema refuse old records, and what changed.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import click

from tradehall_standards.commands.schemas import Given, any_json, given_schema, parse_document
from tradehall_standards.commands.words import (
    FILE,
    UNAVAILABLE,
    Stop,
    Words,
    json_option,
    lang_option,
    reading,
    root_option,
)

if TYPE_CHECKING:
    from tradehall_standards.compat import Change, Comparison, Draft, Formats, Verdict
    from tradehall_standards.compat.values import Value

DRAFTS: Final = ("4", "6", "7", "2019-09", "2020-12")
_OUTCOMES: Final = {
    "proved": ("已证明", "proved"),
    "refuted": ("有反例", "refuted"),
    "unknown": ("未能判定", "unknown"),
}
_DIRECTIONS: Final = {
    "backward": ("向后（旧记录）", "backward (old records)"),
    "forward": ("向前（新记录）", "forward (new records)"),
}


def compat_command() -> click.Command:
    """Return ``compat`` (兼容性判定)."""

    @click.command("compat")
    @click.argument("old")
    @click.argument("new")
    @click.option("--samples", type=FILE, help="样例记录: real records, one JSON a line, for witnesses in real words.")
    @click.option("--draft", type=click.Choice(DRAFTS), default="2020-12", help="方言: of schemas that name none.")
    @click.option(
        "--formats",
        type=click.Choice(["draft", "enforced"]),
        help="格式: whether 'format' is checked; as the draft says, or always as for the catalogue's own versions.",
    )
    @root_option
    @json_option
    @lang_option
    def command(
        old: str,
        new: str,
        samples: Path | None,
        draft: str,
        formats: str | None,
        root: Path | None,
        *,
        as_json: bool,
        lang: str,
    ) -> None:
        """
        兼容性判定: compare OLD and NEW in both directions: proved, refuted by a witness, or unknown and why.

        OLD and NEW are schema files of any draft, folders of a version, or family/version.
        Exit code 1: old records are not proved to stay valid.
        """
        words = Words(lang)
        with reading(words):
            before, after = given_schema(old, root), given_schema(new, root)
            records = (*before.samples, *_records(samples))
            comparison = _compare(before, after, records, draft, formats)
        _show(comparison, words, as_json=as_json)
        if comparison.backward.outcome != "proved":
            raise SystemExit(1)

    return command


def diff_command() -> click.Command:
    """Return ``diff`` (结构差异)."""

    @click.command("diff")
    @click.argument("old")
    @click.argument("new")
    @root_option
    @json_option
    @lang_option
    def command(old: str, new: str, root: Path | None, *, as_json: bool, lang: str) -> None:
        """结构差异: list what changed from OLD to NEW, each change at its place; whether it narrows, compat tells."""
        from tradehall_standards.compat import change_to_json, diff  # noqa: PLC0415 - loads what only this needs

        words = Words(lang)
        with reading(words):
            changes = diff(given_schema(old, root).schema, given_schema(new, root).schema)
        if as_json:
            click.echo(any_json([change_to_json(change) for change in changes]))
            return
        click.echo("\n".join(_change_line(change, words) for change in changes) or words("没有差异", "no changes"))

    return command


def _records(path: Path | None) -> list[Value]:
    if path is None:
        return []
    lines = [line for line in path.read_bytes().splitlines() if line.strip()]
    return [parse_document(line, f"{path}:{number}") for number, line in enumerate(lines, 1)]


def _compare(before: Given, after: Given, records: tuple[Value, ...], draft: str, formats: str | None) -> Comparison:
    from tradehall_standards.compat import WorkerFailedError, compare  # noqa: PLC0415 - loads what only this needs

    enforced = "enforced" if "enforced" in {before.formats, after.formats} else "draft"
    try:
        return compare(
            before.schema,
            after.schema,
            records,
            draft=cast("Draft", draft),
            formats=cast("Formats", formats or enforced),
        )
    except WorkerFailedError:
        raise Stop("比对进程无法启动", "the worker could not be started", UNAVAILABLE) from None


def _show(comparison: Comparison, words: Words, *, as_json: bool) -> None:
    from tradehall_standards.compat import comparison_to_json  # noqa: PLC0415 - loads what only this needs

    if as_json:
        click.echo(any_json(comparison_to_json(comparison)))
        return
    for verdict in (comparison.backward, comparison.forward):
        _show_verdict(verdict, words)
    changes = [change for change in comparison.changes if not change.is_note]
    click.echo(words(f"差异 {len(changes)} 处", f"changes: {len(changes)}"))
    for change in changes:
        click.echo(f"  {_change_line(change, words)}")


def _show_verdict(verdict: Verdict, words: Words) -> None:
    click.echo(f"{words(*_DIRECTIONS[verdict.direction])}  {words(*_OUTCOMES[verdict.outcome])}")
    click.echo(f"  {words(verdict.message_zh, verdict.message_en)}")
    if verdict.witness is not None:
        click.echo(f"  {words('反例', 'witness')}  {any_json(verdict.witness.document)}")


def _change_line(change: Change, words: Words) -> str:
    from tradehall_standards.compat.wording import change_words  # noqa: PLC0415 - loads what only this needs

    return f"{change.pointer or '/'}  {words(*change_words(change))}"
