"""``./run torture``: run the parts, short or long, and write what they saw."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import secrets
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from torture.harness import Part, Report, dump, run_part

ROOT = Path(__file__).parent.parent.parent
RESULTS = ROOT / "docs" / "evidence.json"
PARTS = (
    "power_cut",
    "kill_points",
    "deadline",
    "permission",
    "secrecy",
    "bad_input",
    "tamper",
    "concurrency",
    "failover",
    "simulation",
    "partition",
    "browser",
)
"""Modules ``torture.<name>``; each has one ``PART``."""


def parts() -> list[Part]:
    """Return the parts, in order."""
    return [importlib.import_module(f"torture.{name}").PART for name in PARTS]


def main() -> int:
    known = parts()
    reader = argparse.ArgumentParser(prog="./run torture", description=__doc__)
    reader.add_argument("names", nargs="*", metavar="PART", help="only these: " + ", ".join(p.name for p in known))
    reader.add_argument("--hours", type=float, default=0.0, help="the long form, for so many hours in all")
    reader.add_argument("--seed", type=int, default=None, help="draw the same chances again")
    reader.add_argument("--out", type=Path, default=None, help="write the reports as JSON to this file")
    reader.add_argument("--publish", action="store_true", help="write docs/evidence.json and docs/evidence.md")
    reader.add_argument("--page", action="store_true", help="only make docs/evidence.md again, from docs/evidence.json")
    asked = reader.parse_args()
    if asked.page:
        return _page()
    unknown = sorted(set(asked.names) - {p.name for p in known})
    if unknown:
        reader.error(f"no such part: {', '.join(unknown)}")
    chosen = [p for p in known if not asked.names or p.name in asked.names]
    long, seed = asked.hours > 0, secrets.randbelow(2**32) if asked.seed is None else asked.seed
    weights, budget = sum(p.weight for p in chosen), asked.hours * 3600
    reports = []
    print(f"torture: {'long' if long else 'short'} form, seed {seed}, {len(chosen)} parts", flush=True)
    with tempfile.TemporaryDirectory(prefix="th-torture-") as folder:
        for part in chosen:
            seconds = budget * part.weight / weights if long else float(part.short)
            print(f"\n{part.title.zh} {part.title.en} ({part.name}, about {seconds:.0f} s)", flush=True)
            report = run_part(part, seed=seed, seconds=seconds, long=long, folder=Path(folder) / part.name)
            show(report)
            reports.append(report)
    facts = machine()
    whole = {"machine": facts, "reports": [r.to_json() for r in reports]}
    if asked.out:
        asked.out.write_text(json.dumps(whole, ensure_ascii=False, indent=1) + "\n", "utf-8")
    if asked.publish:
        publish(facts, reports)
    bad = [r.part for r in reports if not r.passed]
    print(f"\n{len(reports) - len(bad)} passed, {len(bad)} failed" + (f": {', '.join(bad)}" if bad else ""), flush=True)
    return 1 if bad else 0


def show(report: Report) -> None:
    """Print a report for people."""
    for what, number in report.counts.items():
        print(f"  {number:>12,}  {what}")
    for figure in report.figures:
        bound = "" if figure["most"] is None else f"  (at most {figure['most']})"
        print(f"  {figure['value']:>12,}  {figure['unit']}, {figure['what']}{bound}")
    for control in report.controls:
        print(f"  control {'caught    ' if control['caught'] else 'NOT CAUGHT'}  {control['name']}: {control['how']}")
    for note in report.notes:
        print(f"  note: {note}")
    for broken in report.broken:
        print(f"  BROKEN: {broken}")
    print(f"  {'pass' if report.passed else 'FAIL'} in {report.seconds} s, {report.broken_count} broken", flush=True)


def machine() -> dict[str, str]:
    """Return where and when this was seen."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "commit": commit.stdout.strip(),
        "cores": str(os.cpu_count()),
        "memory": f"{memory:.0f} GiB",
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
    }


def publish(facts: dict[str, str], reports: list[Report]) -> None:
    """Keep these reports and make the page again; parts that did not run now keep what they last reported."""
    kept = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {"reports": {}}
    for report in reports:
        kept["reports"][report.part] = {**json.loads(dump(report)), "machine": facts}
    RESULTS.write_text(json.dumps(kept, ensure_ascii=False, indent=1, sort_keys=True) + "\n", "utf-8")
    _page()


def _page() -> int:
    from torture.page import write_page

    write_page(json.loads(RESULTS.read_text("utf-8")), parts(), ROOT / "docs" / "evidence.md")
    return 0


if __name__ == "__main__":
    started = time.monotonic()
    code = main()
    print(f"torture took {time.monotonic() - started:.0f} s", flush=True)
    sys.exit(code)
