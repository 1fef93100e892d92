"""
``standards asof`` and ``standards releases`` 生命周期与发布: what held on a day, as it was known on another.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from tradehall_standards.commands.words import (
    DAY,
    FOLDER,
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
from tradehall_standards.lifecycle import TITLES, Decision, dated
from tradehall_standards.release.lives import read_lives
from tradehall_standards.sources import default_root
from tradehall_standards.strict import Json


def asof_command(today: Today) -> click.Command:
    """Return ``asof`` (某日状态)."""

    @click.command("asof")
    @click.argument("family")
    @click.option("--as-of", "day", type=DAY, help="何日状态: day of effect, YYYY-MM-DD; today without it.")
    @click.option("--as-known-on", type=DAY, help="何日所知: day of knowledge; today without it.")
    @click.option("--trust", type=FOLDER, envvar="TRADEHALL_OFFICERS", help="信任机构: folder of an authority.")
    @root_option
    @json_option
    @lang_option
    def command(
        family: str,
        day: datetime | None,
        as_known_on: datetime | None,
        trust: Path | None,
        root: Path | None,
        *,
        as_json: bool,
        lang: str,
    ) -> None:
        """
        某日状态: the state of every version of FAMILY on a day, as it was known on another, from signed dates only.
        """
        words = Words(lang)
        on, known = (moment.date() if moment else today() for moment in (day, as_known_on))
        with reading(words):
            lives = read_lives(root or default_root(), trust)
            if family not in lives.families:
                raise Stop(f"没有已发布的 {family}", f"no version of {family} is published")
            states, current = lives.states(family, on, known), lives.in_force(family, on, known)
        told = {version: dated(lives.families[family][version], known) for version in states}
        if as_json:
            print_json(
                {
                    "family": family,
                    "as_of": on.isoformat(),
                    "as_known_on": known.isoformat(),
                    "in_force": current,
                    "versions": [
                        {"version": v, "state": state, "decisions": [_decision(d) for d in told[v]]}
                        for v, state in states.items()
                    ],
                }
            )
            return
        heads = (words("版本", "version"), words("状态", "state"), words("依据", "since"))
        rows = [
            (v, words(*TITLES[state]), ", ".join(f"{d.event} {d.on}" for d in told[v])) for v, state in states.items()
        ]
        print_table(heads, rows)

    return command


def _decision(decision: Decision) -> dict[str, Json]:
    return {
        "event": decision.event,
        "on": decision.on.isoformat() if decision.on else None,
        "known_from": decision.known_from.isoformat(),
        "reason": dict(decision.reason) or None,
    }


def releases_command() -> click.Command:
    """Return ``releases`` (发布清单)."""

    @click.command("releases")
    @click.option("--trust", type=FOLDER, envvar="TRADEHALL_OFFICERS", help="信任机构: folder of an authority.")
    @root_option
    @json_option
    @lang_option
    def command(trust: Path | None, root: Path | None, *, as_json: bool, lang: str) -> None:
        """发布清单: list the signed releases: day, digest, and the versions that belong together."""
        words = Words(lang)
        with reading(words):
            releases = read_lives(root or default_root(), trust).releases
        if as_json:
            print_json(
                [
                    {
                        "release": found.name,
                        "published_on": found.published_on.isoformat(),
                        "digest": found.envelope.digest,
                        "files": len(found.files),
                        "contents": dict(found.contents),
                    }
                    for found in releases
                ]
            )
            return
        heads = (words("发布", "release"), words("日期", "day"), words("文件", "files"), words("摘要", "digest"))
        print_table(heads, [(r.name, str(r.published_on), str(len(r.files)), r.envelope.digest) for r in releases])

    return command
