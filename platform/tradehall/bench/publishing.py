"""
The page of measurements (实测页): what ``bench --publish`` writes, from its own figures and a text beside them.

``benchmarks.json`` holds the lines of each measurement with the machine and the day; a run of some replaces only
theirs. ``benchmarks-notes.md`` is written by hand: what was tried, what it gave, and what stops a goal that is missed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tradehall.bench.figures import Line
from tradehall.kernel.payload import obj, rows

if TYPE_CHECKING:
    from tradehall_standards import Json

DOCS: Final = Path(__file__).parents[3] / "docs"
_DATA, _NOTES, _PAGE = "benchmarks.json", "benchmarks-notes.md", "benchmarks.md"
_MARKS: Final = {True: "✓ met", False: "✗ missed", None: ""}
_HEAD: Final = """# Measured 实测

<!-- Written by `./run bench --publish`; change the notes, not this page. -->

Every figure comes from one run beside what it is compared with, in turns, so that a busy machine is unfair to all
alike. Compare ratios, not figures, across machines. 每个数字都与对照方在同一次运行中轮流测得；跨机器只比较倍数。

`./run bench` prints the table; `./run bench NAME` measures one part; `--publish` writes this page.
"""
_COLUMNS: Final = ("what", "ours", "unit", "against", "theirs", "ratio", "goal", "")
_RIGHT: Final = frozenset({"ours", "theirs", "ratio"})


def publish(lines: Sequence[Line], facts: Mapping[str, str], *, quick: bool, docs: Path = DOCS) -> None:
    """Put the lines of a run in the place of those of the same measurements, and write the page anew."""
    kept = _read(docs)
    for name in dict.fromkeys(line.bench for line in lines):
        told: list[Json] = [line.to_json() for line in lines if line.bench == name]
        kept[name] = {"machine": dict(facts), "quick": quick, "lines": told}
    (docs / _DATA).write_text(json.dumps(kept, ensure_ascii=False, indent=1) + "\n", "utf-8")
    (docs / _PAGE).write_text(page(docs), "utf-8")


def page(docs: Path = DOCS) -> str:
    """Return the page as the figures and the notes beside it give it."""
    found = _read(docs)
    notes = (docs / _NOTES).read_text("utf-8") if (docs / _NOTES).exists() else ""
    sections = [_section(name, obj(found[name])) for name in found]
    return "\n".join([_HEAD, *sections, notes])


def _read(docs: Path) -> dict[str, Json]:
    data = docs / _DATA
    return dict(obj(json.loads(data.read_text("utf-8")))) if data.exists() else {}


def _section(name: str, run: Mapping[str, Json]) -> str:
    facts = obj(run["machine"])
    told = " · ".join(f"{key} {value}" for key, value in facts.items())
    size = "\n\nA quick run 快速运行: fewer rounds, smaller sizes." if run["quick"] else ""
    rule = "|".join("--:" if title in _RIGHT else ":--" for title in _COLUMNS)
    body = [f"| {' | '.join(_cells(line))} |" for line in rows(run["lines"])]
    table = "\n".join([f"| {' | '.join(_COLUMNS)} |", f"|{rule}|", *body])
    return f"## {name}\n\n{table}\n\n{told}{size}\n"


def _cells(line: Mapping[str, Json]) -> tuple[str, ...]:
    ratio, met = line["ratio"], line["met"]
    return (
        str(line["what"]),
        _figure(line["ours"]),
        str(line["unit"]),
        str(line["against"]),
        _figure(line["theirs"]),
        "" if ratio is None else f"{ratio}×",
        str(line["goal"]),
        _MARKS[met if isinstance(met, bool) else None],
    )


def _figure(value: Json) -> str:
    if value is None:
        return ""
    whole, point, rest = str(value).partition(".")
    return f"{int(whole):,}{point}{rest}"
