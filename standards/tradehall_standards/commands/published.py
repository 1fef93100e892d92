"""
``standards list`` and ``standards check`` 标准清单与校验: what is published, and whether a file keeps to it.
"""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import click

from tradehall_standards import strict
from tradehall_standards.catalogue import Catalogue, Finding, SchemaRef
from tradehall_standards.commands.words import (
    DAY,
    FILE,
    Stop,
    Today,
    Words,
    json_option,
    lang_option,
    member,
    print_json,
    print_table,
    reading,
    root_option,
)
from tradehall_standards.lifecycle import CITABLE, TITLES, State
from tradehall_standards.strict import Json


def list_command(today: Today) -> click.Command:
    """Return ``list`` (标准清单)."""

    @click.command("list")
    @click.option("--as-of", "day", type=DAY, help="何日状态: only what may be cited on a day, YYYY-MM-DD.")
    @root_option
    @json_option
    @lang_option
    def command(day: datetime | None, root: Path | None, *, as_json: bool, lang: str) -> None:
        """
        标准清单: list every version with its state and digest and the day it comes into force.

        States are those of today, or of --as-of; `asof` tells them as they were known on another day.
        """
        words = Words(lang)
        on = day.date() if day else today()
        with reading(words):
            catalogue = Catalogue.load(root)
        versions = [version for family in catalogue.families() for version in catalogue.versions(family)]
        states: dict[str, State] = {version.id: catalogue.state(version, on) for version in versions}
        versions = [version for version in versions if day is None or states[version.id] in CITABLE]
        if as_json:
            print_json(
                [
                    {
                        "family": v.family,
                        "version": v.version,
                        "digest": v.digest,
                        "title": {lang: str(member(v.titles, "", lang) or "") for lang in ("zh", "en")},
                        "disclosure": v.disclosure,
                        "state": states[v.id],
                        "in_force_from": v.in_force_from.isoformat(),
                    }
                    for v in versions
                ]
            )
            return
        rows = [
            (v.id, str(member(v.titles, "", lang) or ""), words(*TITLES[states[v.id]]), str(v.in_force_from), v.digest)
            for v in versions
        ]
        heads = (
            words("标准", "standard"),
            words("名称", "title"),
            words("状态", "state"),
            words("生效日", "in force"),
            words("摘要", "digest"),
        )
        print_table(heads, rows)

    return command


def check_command(today: Today) -> click.Command:
    """Return ``check`` (校验文件); ``today`` gives the day where none is named."""

    @click.command("check")
    @click.argument("file", type=FILE)
    @click.option("--family", help="类别: family of a bare payload; an envelope or record cites its own.")
    @click.option("--on", type=DAY, help="日期: day of the event, YYYY-MM-DD; today without it.")
    @root_option
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
        with reading(words):
            day = on.date() if on else today()
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
