"""
``standards version`` 版本号计算: the least version a draft may carry, from its verdict against all of the major.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from tradehall_standards.commands.schemas import any_json, read_catalogue
from tradehall_standards.commands.words import (
    DAY,
    FOLDER,
    VERIFICATION_FAILED,
    Stop,
    Today,
    Words,
    json_option,
    lang_option,
    reading,
    root_option,
)
from tradehall_standards.sources import SourceError, default_root, read_folder

if TYPE_CHECKING:
    from tradehall_standards.compat import Comparer, Comparison
    from tradehall_standards.compat.values import Value
    from tradehall_standards.compat.versions import Against, Allowed, Edition, VersionFloor


def version_command(today: Today) -> click.Command:
    """Return ``version`` (版本号计算); ``today`` gives the day on which rules are tried."""

    @click.command("version")
    @click.argument("draft", type=FOLDER)
    @click.option("--explain", "explained", is_flag=True, help="说明理由: say why, for every version of the major.")
    @click.option("--semantic-change", is_flag=True, help="含义变更: the meaning changed though the records do not.")
    @click.option("--on", type=DAY, help="日期: day on which rules are tried on records; today without it.")
    @root_option
    @json_option
    @lang_option
    def command(
        draft: Path,
        on: datetime | None,
        root: Path | None,
        *,
        explained: bool,
        semantic_change: bool,
        as_json: bool,
        lang: str,
    ) -> None:
        """
        版本号计算: print the least version that DRAFT may carry, a folder named FAMILY/x.y.z.

        Compared with every published version of the major; signed exceptions of the catalogue count.
        Exit code 1: the folder's version is too low.
        """
        from tradehall_standards.compat.versions import explain  # noqa: PLC0415 - loads what only this needs

        words = Words(lang)
        with reading(words):
            found = _floor(draft, root, (on.date() if on else today()).isoformat(), semantic_change=semantic_change)
        if as_json:
            click.echo(any_json(_to_json(found)))
        else:
            click.echo(found.floor)
            for zh, en in explain(found) if explained else explain(found)[-1:]:
                words.say(zh, en)
        if not found.is_kept:
            raise SystemExit(1)

    return command


def _floor(draft: Path, root: Path | None, on: str, *, semantic_change: bool) -> VersionFloor:
    from datetime import date  # noqa: PLC0415

    from tradehall_standards.bundle import BundleError  # noqa: PLC0415
    from tradehall_standards.compat import Comparer  # noqa: PLC0415 - loads what only this needs
    from tradehall_standards.compat.versions import edition_of, version_floor  # noqa: PLC0415
    from tradehall_standards.rules_cel import RuleError  # noqa: PLC0415

    sources = read_catalogue(root)
    try:
        proposed = edition_of(read_folder(draft.resolve()), sources)
        editions = [edition_of(source, sources) for source in sources.records if source.family == proposed.family]
    except (SourceError, BundleError, RuleError) as problem:
        raise Stop(f"草案不可用：{problem}", f"the draft can't be used: {problem}") from None
    with Comparer() as comparer:
        return version_floor(
            proposed,
            editions,
            lambda old, new: _compare(comparer, old, new),
            on=date.fromisoformat(on),
            exceptions=_exceptions(root or default_root(), proposed.family),
            semantic_change=semantic_change,
        )


def _compare(comparer: Comparer, old: Edition, new: Edition) -> Comparison:
    return comparer.compare(old.schema, new.schema, cast("list[Value]", list(old.records)), formats="enforced")


def _exceptions(root: Path, family: str) -> list[Allowed]:
    """Return the exceptions that enough officers signed."""
    from tradehall_standards.compat.versions import Allowed  # noqa: PLC0415
    from tradehall_standards.release import read_authority, read_exceptions  # noqa: PLC0415

    if not (root / "exceptions").is_dir():
        return []
    authority, problems = read_authority(root)
    if authority is None or problems:
        told = "; ".join(problems)
        raise Stop(f"无法核验例外：{told}", f"exceptions can't be verified: {told}", VERIFICATION_FAILED)
    found, _ = read_exceptions(root, authority)
    return [Allowed(one.old, one.new, one.allowed, one.witness) for one in found.values() if one.family == family]


def _to_json(found: VersionFloor) -> dict[str, object]:
    from tradehall_standards.compat.versions import explain  # noqa: PLC0415

    return {
        "level": found.level,
        "floor": found.floor,
        "declared": found.declared,
        "kept": found.is_kept,
        "semantic_change": found.semantic_change,
        "against": [_against_json(one) for one in found.against],
        "explanation": [{"zh": zh.strip(), "en": en.strip()} for zh, en in explain(found)],
    }


def _against_json(one: Against) -> dict[str, object]:
    from tradehall_standards.compat.telling import verdict_to_json  # noqa: PLC0415

    return {
        "version": one.version,
        "level": one.level,
        "backward": verdict_to_json(one.comparison.backward),
        "forward": verdict_to_json(one.comparison.forward),
        "narrowings": [
            {"kind": n.kind, "name": n.name, "message": {"zh": n.message_zh, "en": n.message_en}, "witness": n.witness}
            for n in one.narrowings
        ],
        "excepted": one.excepted,
    }
