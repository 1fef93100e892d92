"""
``standards recognise`` 互认: whether what one city sends another accepts, computed from their profiles.
"""

from __future__ import annotations

from pathlib import Path

import click

from tradehall_standards.canonical import jcs
from tradehall_standards.catalogue import Catalogue
from tradehall_standards.commands.words import (
    FOLDER,
    INVALID,
    USAGE,
    Stop,
    Words,
    json_option,
    lang_option,
    print_json,
    reading,
    root_option,
)
from tradehall_standards.compat import Comparer
from tradehall_standards.parameters import Parameters
from tradehall_standards.profiles import Profile, ProfileError, base_profile, read_profile, recognise
from tradehall_standards.sources import SourceError


def recognise_command() -> click.Command:
    """Return ``recognise`` (互认)."""

    @click.command("recognise")
    @click.argument("sender")
    @click.argument("receiver")
    @click.option("--profiles", type=FOLDER, required=True, help="地方标准文件夹: folder of NAME.json, one a profile.")
    @root_option
    @json_option
    @lang_option
    def command(sender: str, receiver: str, profiles: Path, root: Path | None, *, as_json: bool, lang: str) -> None:
        """
        互认: tell whether what SENDER sends RECEIVER accepts, and the other way round; ``base`` asks for nothing more.

        Each line is proved, refuted with a witness, or unknown with the reason. Exit code 1: a line is not proved, or a
        profile contradicts its base.
        """
        words = Words(lang)
        with reading(words), Comparer() as comparer:
            catalogue, parameters = Catalogue.load(root), Parameters.load(root)
            one, other = (_profile(profiles, n, catalogue, parameters, comparer) for n in (sender, receiver))
            reports = [(a, b, recognise(a, b, comparer)) for a, b in ((one, other), (other, one))]
        if as_json:
            print_json(
                [{"from": a.name, "to": b.name, "lines": [x.to_json() for x in lines]} for a, b, lines in reports]
            )
        else:
            for a, b, lines in reports:
                click.echo(f"{words(a.zh, a.en)} → {words(b.zh, b.en)}")
                for line in lines or ():
                    shown = "" if line.witness is None else f"  {jcs(line.witness).decode()}"
                    click.echo(f"  {line.outcome}  {line.subject}  {words(line.message_zh, line.message_en)}{shown}")
                if not lines:
                    click.echo(words("  两地标准相同", "  both ask for the same"))
        if any(line.outcome != "proved" for _, _, lines in reports for line in lines):
            raise SystemExit(INVALID)

    return command


def _profile(folder: Path, name: str, catalogue: Catalogue, parameters: Parameters, comparer: Comparer) -> Profile:
    path = folder / f"{name}.json"
    if not path.is_file():
        if name == "base":
            return base_profile()
        raise Stop(f"没有地方标准 {name}", f"there is no profile {name}", USAGE)
    try:
        return read_profile(path, catalogue, parameters, comparer)
    except (ProfileError, SourceError) as error:
        raise Stop(str(error), str(error)) from error
