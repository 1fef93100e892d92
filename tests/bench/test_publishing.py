"""The page of measurements is what its figures and its notes give; a run of one part leaves the others alone."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from click.testing import CliRunner

from tradehall.bench import command
from tradehall.bench.figures import Line
from tradehall.bench.publishing import DOCS, page, publish

LINE = Line("growth", "case", Decimal(1234), "µs", "small", Decimal("0.5"), Decimal("1.2"), "≤ 1.2×", met=True)
FACTS = {"date": "2026-03-25", "cores": "2"}


def test_the_committed_page_is_what_its_figures_give() -> None:
    assert (DOCS / "benchmarks.md").read_text("utf-8") == page(DOCS)


def test_every_measurement_is_on_the_page() -> None:
    kept = json.loads((DOCS / "benchmarks.json").read_text("utf-8"))
    assert kept.keys() <= command.BENCHES.keys()


def test_a_run_replaces_its_own_lines_only(tmp_path: Path) -> None:
    publish([LINE, replace(LINE, bench="letters", ours=Decimal("7.25"), met=False)], FACTS, quick=False, docs=tmp_path)
    publish([replace(LINE, what="another", met=None)], {"date": "2026-03-26"}, quick=True, docs=tmp_path)
    text = (tmp_path / "benchmarks.md").read_text("utf-8")
    assert text == page(tmp_path)
    assert "| case | 7.25 | µs | small | 0.5 | 1.2× | ≤ 1.2× | ✗ missed |" in text
    assert "| another | 1,234 | µs | small | 0.5 | 1.2× | ≤ 1.2× |  |" in text
    assert text.count("| case |") == 1
    assert "date 2026-03-26" in text
    assert text.count("quick run") == 1


def test_the_notes_follow_the_figures(tmp_path: Path) -> None:
    (tmp_path / "benchmarks-notes.md").write_text("## Notes\n\nTried.\n", "utf-8")
    publish([LINE], FACTS, quick=False, docs=tmp_path)
    assert (tmp_path / "benchmarks.md").read_text("utf-8").endswith("## Notes\n\nTried.\n")


def test_the_command_publishes_what_it_measured(monkeypatch) -> None:
    told = []
    monkeypatch.setattr(command, "BENCHES", {"growth": lambda _: [LINE]})
    monkeypatch.setattr(command, "publish", lambda lines, facts, *, quick: told.append((lines, facts["date"], quick)))
    done = CliRunner().invoke(command.bench, ["--publish", "--quick", "--on", "2026-03-25"])
    assert done.exit_code == 0, done.output
    assert told == [([LINE], "2026-03-25", True)]
