"""
``tradehall standards`` and ``tradehall procedures`` 标准与程序命令: what is in force, and whether a file keeps to it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tradehall.cli.remote import reporting
from tradehall.cli.words import (
    FILE,
    FOLDER,
    NEW_FOLDER,
    Stop,
    Words,
    json_option,
    lang_option,
    member,
    print_json,
    print_table,
)
from tradehall.kernel.case import legal_date
from tradehall.kernel.procedure import Procedure
from tradehall_standards import Catalogue, canonical, strict
from tradehall_standards.build import check_root
from tradehall_standards.catalogue import CatalogueError, Finding, SchemaRef
from tradehall_standards.sources import default_root

if TYPE_CHECKING:
    from tradehall_standards.strict import Json

Now = Callable[[], datetime]
"""The machine's clock."""

_root_option = click.option("--root", type=FOLDER, help="标准文件夹: schemas folder; the program's own without it.")
_DATE = click.DateTime(["%Y-%m-%d"])


def standards_commands(now: Now) -> click.Group:
    """Return the group ``standards`` (数据标准命令组). ``now`` gives the day where no date is named."""
    group = click.Group("standards", help="数据标准: published schemas, their lints, and the check of a file.")
    for command in (_list_command(), _lint_command(), _check_command(now)):
        group.add_command(command)
    return group


@contextmanager
def _reading(words: Words) -> Generator[None]:
    with reporting(words):
        try:
            yield
        except (CatalogueError, strict.StrictError) as error:
            raise Stop(str(error), str(error)) from error


def _list_command() -> click.Command:
    @click.command("list")
    @_root_option
    @json_option
    @lang_option
    def command(root: Path | None, *, as_json: bool, lang: str) -> None:
        """标准清单: list every published version with its digest and the day it comes into force."""
        words = Words(lang)
        with _reading(words):
            catalogue = Catalogue.load(root)
        versions = [version for family in catalogue.families() for version in catalogue.versions(family)]
        if as_json:
            print_json(
                [
                    {
                        "family": v.family,
                        "version": v.version,
                        "digest": v.digest,
                        "title": {lang: str(member(v.titles, "", lang) or "") for lang in ("zh", "en")},
                        "disclosure": v.disclosure,
                        "in_force_from": v.in_force_from.isoformat(),
                    }
                    for v in versions
                ]
            )
            return
        rows = [(v.id, str(member(v.titles, "", lang) or ""), str(v.in_force_from), v.digest) for v in versions]
        heads = (
            words("标准", "standard"),
            words("名称", "title"),
            words("生效日", "in force"),
            words("摘要", "digest"),
        )
        print_table(heads, rows)

    return command


def _lint_command() -> click.Command:
    @click.command("lint")
    @_root_option
    @json_option
    @lang_option
    def command(root: Path | None, *, as_json: bool, lang: str) -> None:
        """
        检查标准: run every lint over the catalogue: digests, chain, examples in both engines.

        Exit code 1: something was found.
        """
        words = Words(lang)
        with _reading(words):
            findings = check_root(root or default_root())
        if as_json:
            print_json(list(findings))
        else:
            click.echo("\n".join(findings) if findings else words("没有问题", "nothing found"))
        if findings:
            raise SystemExit(1)

    return command


def _check_command(now: Now) -> click.Command:
    @click.command("check")
    @click.argument("file", type=FILE)
    @click.option("--family", help="类别: family of a bare payload; an envelope or record cites its own.")
    @click.option("--on", type=_DATE, help="日期: day of the event, YYYY-MM-DD; today without it.")
    @_root_option
    @json_option
    @lang_option
    def command(
        file: Path, family: str | None, on: datetime | None, root: Path | None, *, as_json: bool, lang: str
    ) -> None:
        """
        校验文件: check the JSON of FILE, a payload (--family), an envelope or a record.

        Exit code 1: something blocks; every finding is told with its pointer and clause. Warnings alone leave 0.
        """
        words = Words(lang)
        with _reading(words):
            day = on.date() if on else legal_date(now())
            catalogue = Catalogue.load(root)
            ref, payload = _cited(catalogue, strict.parse(file.read_bytes()), family, day)
            findings = catalogue.check(ref, payload, day)
        if as_json:
            print_json({"schema": f"{ref.id}/{ref.version}", "findings": [_finding_json(f) for f in findings]})
        else:
            lines = [
                f"{f.severity}  {f.pointer or '/'}  {words(f.message_zh, f.message_en)}  [{f.rule}] {f.clause}"
                for f in findings
            ]
            click.echo(
                "\n".join(line.rstrip() for line in lines) or words("符合标准", "valid") + f"  {ref.id}/{ref.version}"
            )
        if any(f.severity == "block" for f in findings):
            raise SystemExit(1)

    return command


def _cited(catalogue: Catalogue, document: Json, family: str | None, on: date) -> tuple[SchemaRef, Json]:
    if family is not None:
        version = catalogue.resolve(family, on)
        if version is None:
            raise Stop(f"{on} 没有生效的 {family}", f"no version of {family} is in force on {on}")
        return version.ref, document
    envelope = member(document, "envelope") or document
    cited = {name: member(envelope, "schema", name) for name in ("id", "version", "digest")}
    if None in cited.values():
        raise Stop("文件没有引用标准，请给出 --family", "the file cites no standard: give --family")
    return SchemaRef(str(cited["id"]), str(cited["version"]), str(cited["digest"])), member(envelope, "payload")


def _finding_json(finding: Finding) -> dict[str, Json]:
    return {
        "severity": finding.severity,
        "pointer": finding.pointer,
        "rule": finding.rule,
        "message": {"zh": finding.message_zh, "en": finding.message_en},
        "clause": finding.clause,
    }


# --- procedures ----------------------------------------------------------------------------------------------


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
