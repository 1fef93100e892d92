"""
The page of evidence 证据页 (``docs/evidence.md``): what the torture did and saw, and where each fault case is shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torture.cases import CASES
from torture.harness import Part

HEAD = """# Evidence 酷刑测试证据

Made by `./run torture --publish`; nothing here is written by hand. Every part runs the real program, and each has negative controls: a defence is
switched off, or a mutant put in, and the part fails unless its own checks see it. `./run torture` repeats the short form (CI runs it on every
change), `./run torture --hours N` the long one, `--seed` draws the same chances again.
"""


def write_page(results: Mapping[str, Any], parts: Sequence[Part], path: Path) -> None:
    """Write the page from the kept reports."""
    path.write_text("\n".join([HEAD, *_summary(results, parts), *_sections(results, parts), *_cases()]) + "\n", "utf-8")


def _summary(results: Mapping[str, Any], parts: Sequence[Part]) -> list[str]:
    lines = ["| part | promise | form | seconds | broken | controls caught |", "| --- | --- | --- | --: | --: | --: |"]
    for part in parts:
        report = results["reports"].get(part.name)
        said = f"| [{part.name}](#{part.name}) {part.title.zh} | {part.promise.zh}<br>{part.promise.en} |"
        if report is None:
            lines.append(f"{said} not run yet | | | |")
            continue
        caught = sum(c["caught"] for c in report["controls"])
        form = "long" if report["long"] else "short"
        numbers = f"{report['seconds']:,.0f} | {report['broken_count']} | {caught} of {len(report['controls'])}"
        lines.append(f"{said} {form} | {numbers} |")
    return [*lines, ""]


def _sections(results: Mapping[str, Any], parts: Sequence[Part]) -> list[str]:
    lines: list[str] = []
    for part in parts:
        report = results["reports"].get(part.name)
        lines += [f"## {part.name}", "", f"{part.title.zh} · {part.title.en}", ""]
        if report is None:
            lines += ["Not run yet.", ""]
            continue
        facts = report["machine"]
        lines.append(
            f"{facts['date']}, commit {facts['commit']}, seed {report['seed']}, {report['seconds']:,.0f} s; "
            f"{facts['cores']} cores, {facts['memory']}, {facts['system']}, Python {facts['python']}"
        )
        lines += ["", *(f"- {number:,} {what}" for what, number in report["counts"].items())]
        for figure in report["figures"]:
            bound = "" if figure["most"] is None else f" (at most {figure['most']:g})"
            lines.append(f"- {figure['what']}: {figure['value']:,g} {figure['unit']}{bound}")
        for control in report["controls"]:
            seen = "caught" if control["caught"] else "**not caught**"
            lines.append(f"- control *{control['name']}*: {seen}: {_inline(control['how'])}")
        lines += [f"- {_inline(note)}" for note in report["notes"]]
        lines += [f"- **broken**: `{_inline(broken)}`" for broken in report["broken"]]
        lines.append("")
    return lines


def _inline(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def _cases() -> list[str]:
    lines = ["## The 46 fault cases 故障案例", "", "| # | case | shown by |", "| --: | --- | --- |"]
    for case in CASES:
        shown = "<br>".join(f"`{proof}`" for proof in case.proofs)
        why = f"{'<br>' if shown else ''}*{case.open}*" if case.open else ""
        lines.append(f"| {case.number} | {case.what.zh}<br>{case.what.en} | {shown}{why} |")
    return lines
