"""The command: bad rows stop it or are left out, data goes to stdout, the rest to stderr."""

from __future__ import annotations

import json
from pathlib import Path

import click.testing
import pytest

from replay.conftest import SAMPLE
from tradehall.replay import run
from tradehall.replay.command import replay

BROKEN = (
    "P5,2009-05-55,made-up single bid,gate,300000,,M09,1,1,\nP5,2009-05-05,made-up single bid,gate,300000,,M10,x,0,\n"
)


def call(*arguments: str | Path) -> click.testing.Result:
    return click.testing.CliRunner().invoke(replay, [str(argument) for argument in arguments])


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    path = tmp_path / "broken.csv"
    path.write_text(SAMPLE.read_text() + BROKEN)
    return path


def test_bad_rows_stop_the_replay(broken: Path, tmp_path: Path) -> None:
    result = call(broken, "--out", tmp_path / "out", "--lang", "en")
    assert result.exit_code == 1
    assert "bad row  line 22 opened_on: not a date" in result.stderr
    assert "bad row  line 23 bid_jpy: not a positive whole number: 'x'" in result.stderr
    assert result.stdout == ""
    assert not (tmp_path / "out").exists()


def test_bad_rows_are_left_out_when_asked(broken: Path, tmp_path: Path) -> None:
    result = call(broken, "--out", tmp_path / "out", "--skip-bad", "--json")
    assert result.exit_code == 0
    assert "错误  第 22 行 opened_on" in result.stderr
    summary = json.loads(result.stdout)
    assert summary == json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["skipped_rows"] == [22, 23]
    assert summary["tenders"] == 9
    assert "P5,M06,299000,lowest" in (tmp_path / "out" / "awards.csv").read_text().splitlines()


def test_a_limit_takes_the_first_tenders(tmp_path: Path) -> None:
    result = call(SAMPLE, "--out", tmp_path, "--limit", "1", "--lang", "en")
    assert result.exit_code == 0
    assert "records per second" in result.stdout
    assert [path.name for path in (tmp_path / "evidence").iterdir()] == ["P1.zip"]


def test_an_interrupt_says_how_to_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "_play", interrupted)
    result = call(SAMPLE, "--out", tmp_path, "--lang", "en")
    assert result.exit_code == 130
    assert "goes on" in result.stderr


def test_what_is_no_table_can_not_be_skipped(tmp_path: Path) -> None:
    path = tmp_path / "other.csv"
    path.write_text("a,b\n1,2\n")
    assert call(path, "--out", tmp_path / "out", "--skip-bad").exit_code == 1


def test_usage_errors_are_told_apart(tmp_path: Path) -> None:
    assert call(tmp_path / "absent.csv", "--out", tmp_path / "out").exit_code == 2
    assert call(SAMPLE).exit_code == 2
    assert call(SAMPLE, "--out", tmp_path / "out", "--limit", "0").exit_code == 2


def test_a_folder_of_another_table_is_refused(broken: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert call(SAMPLE, "--out", out, "--limit", "1").exit_code == 0
    result = call(broken, "--out", out, "--limit", "1", "--skip-bad", "--lang", "en")
    assert result.exit_code == 1
    assert "another table" in result.stderr
