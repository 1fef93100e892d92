"""``standards compat`` and ``standards diff``."""

from __future__ import annotations

import json
import shutil
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tradehall_standards.commands import standards_commands
from tradehall_standards.sources import default_root

OLD = {"type": "object", "properties": {"a": {"type": "string", "maxLength": 5}}, "additionalProperties": False}
NEW = {**OLD, "properties": {"a": {"type": "string", "maxLength": 3}, "b": {"type": "number", "multipleOf": 0.5}}}


def run(*arguments: str) -> Result:
    return CliRunner().invoke(standards_commands(lambda: date(2026, 3, 25)), arguments)


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    for name, schema in (("old", OLD), ("new", NEW)):
        (tmp_path / f"{name}.json").write_text(json.dumps(schema), "utf-8")
    return str(tmp_path / "old.json"), str(tmp_path / "new.json")


def test_compat_tells_both_directions_and_the_changes(files: tuple[str, str]) -> None:
    done = run("compat", *files, "--lang", "en")
    assert done.exit_code == 1
    assert "backward (old records)  refuted" in done.output
    assert 'witness  {"a":"aaaa"}' in done.output
    assert "changes: 2" in done.output
    assert "/properties/a/maxLength  maxLength changed from 5 to 3" in done.output
    found = json.loads(run("compat", *files, "--json").output)
    assert found["backward"]["witness"]["document"] == {"a": "aaaa"}
    assert found["forward"]["witness"]["document"] == {"b": 0}


def test_compat_takes_words_from_samples(files: tuple[str, str], tmp_path: Path) -> None:
    samples = tmp_path / "samples.jsonl"
    samples.write_text('{"a":"甲乙丙丁"}\n\n', "utf-8")
    found = json.loads(run("compat", *files, "--samples", str(samples), "--json").output)
    assert found["backward"]["witness"]["document"] == {"a": "甲乙丙丁"}


def test_compat_of_a_draft_folder_against_a_published_version(tmp_path: Path) -> None:
    draft = tmp_path / "award_notice" / "1.1.0"
    shutil.copytree(default_root() / "records/award_notice/1.0.0", draft)
    schema = json.loads((draft / "schema.json").read_text("utf-8"))
    schema["properties"]["remark"] = {"type": "string", "maxLength": 100}
    (draft / "schema.json").write_text(json.dumps(schema), "utf-8")
    done = run("compat", "award_notice/1.0.0", str(draft))
    assert done.exit_code == 0, done.output
    assert "已证明" in done.output
    assert "/properties/remark  新增字段“remark”" in done.output
    assert run("compat", str(draft), "award_notice/1.0.0").exit_code == 1


def test_diff_lists_located_changes(files: tuple[str, str]) -> None:
    assert run("diff", *files).output.splitlines() == [
        "/properties/a/maxLength  maxLength 由 5 改为 3",
        "/properties/b  新增字段“b”",
    ]
    assert run("diff", files[0], files[0]).output == "没有差异\n"
    assert [change["action"] for change in json.loads(run("diff", *files, "--json").output)] == ["altered", "added"]


@pytest.mark.parametrize("text", ['{"a":1,"a":2}', "{", '{"a":NaN}', "[" * 5000], ids=["twice", "cut", "NaN", "deep"])
def test_what_is_no_schema_ends_with_a_sentence(files: tuple[str, str], tmp_path: Path, text: str) -> None:
    (tmp_path / "bad.json").write_text(text, "utf-8")
    done = run("compat", str(tmp_path / "bad.json"), files[1])
    assert (done.exit_code, "错误" in done.output) == (1, True)
    assert run("compat", "no_family/9.9.9", files[1]).exit_code == 2
