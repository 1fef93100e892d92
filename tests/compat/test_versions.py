"""The version a draft may carry follows from its verdict against every version of the major."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner

from officers.signing import pem
from tradehall_standards import canonical
from tradehall_standards.commands import standards_commands
from tradehall_standards.compat.comparing import compare_here
from tradehall_standards.compat.versions import Allowed, Edition, edition_of, explain, version_floor
from tradehall_standards.release import Envelope, VersionException
from tradehall_standards.release.dsse import IN_TOTO
from tradehall_standards.release.exceptions import exception_path
from tradehall_standards.release.private import open_key
from tradehall_standards.rules_cel import compile_rules
from tradehall_standards.sources import default_root, read_sources

ON = date(2026, 7, 1)
NAME = {"type": "string", "maxLength": 10}
BLOCKING = {
    "id": "TEST-NAME-SHORT",
    "rule": "size(self.name) < 3",
    "message": {"zh": "名称过长", "en": "the name is too long"},
    "clause": "test",
    "evidence": "P",
    "severity": "block",
    "pointer": "/name",
    "examples": {"valid": [{"name": "ab"}], "invalid": [{"name": "abc"}]},
}


def edition(version: str, name: dict | None = None, **more) -> Edition:
    schema = {
        "type": "object",
        "properties": {"name": name or NAME, **more.pop("fields", {})},
        "required": ["name"],
        "additionalProperties": False,
    }
    plain = Edition("thing", version, schema, (), {}, {}, frozenset({"", "/name"}), ({"name": "智慧交通"},))
    return replace(plain, **more)


def floor(draft: Edition, *published: Edition, **options):
    def compare(old: Edition, new: Edition):
        return compare_here(old.schema, new.schema, list(old.records), clock=time.thread_time, formats="enforced")

    return version_floor(draft, published or (edition("1.0.0"),), compare, on=ON, **options)


def test_words_alone_are_a_patch_unless_the_meaning_changed() -> None:
    draft = edition("1.0.1", {**NAME, "title": "名称"})
    assert (floor(draft).level, floor(draft).floor, floor(draft).is_kept) == ("patch", "1.0.1", True)
    meant = floor(draft, semantic_change=True)
    assert (meant.level, meant.floor, meant.is_kept) == ("minor", "1.1.0", False)


def test_an_optional_field_is_a_minor_version_and_officers_may_raise_it() -> None:
    field = {"note": {"type": "string", "maxLength": 5}}
    assert floor(edition("1.1.0", fields=field)).floor == "1.1.0"
    assert floor(edition("1.0.1", fields=field)).is_kept is False
    assert floor(edition("2.0.0", fields=field)).is_kept is True


def test_a_narrowed_field_is_a_major_version_and_the_witness_is_told() -> None:
    found = floor(edition("1.1.0", {"type": "string", "maxLength": 3}))
    assert (found.level, found.floor, found.is_kept) == ("major", "2.0.0", False)
    assert found.against[0].comparison.backward.witness.document == {"name": "智慧交通"}
    told = explain(found)
    assert told[-1] == (
        "版本下限 2.0.0（主版本）；草案版本 1.1.0 过低",
        "floor 2.0.0 (MAJOR); the draft's version 1.1.0 is too low",
    )
    assert any("智慧交通" in zh and "maxLength" in en for zh, en in told)


def test_what_is_wide_enough_for_the_last_version_must_be_so_for_all_of_the_major() -> None:
    published = (edition("1.0.0"), edition("1.1.0", {"type": "string", "maxLength": 5}))
    found = floor(edition("1.2.0", {"type": "string", "maxLength": 7}), *published)
    assert [one.level for one in found.against] == ["major", "minor"]
    assert found.level == "major"
    older = edition("0.9.0", {"type": "string", "maxLength": 99})
    assert floor(edition("1.1.0"), older, edition("1.0.0")).level == "patch"  # another major does not count


def test_a_new_blocking_rule_is_a_narrowing_and_a_warning_is_none() -> None:
    rules = compile_rules([BLOCKING])
    found = floor(edition("1.1.0", rules=rules))
    (narrowing,) = found.against[0].narrowings
    assert (found.level, narrowing.kind, narrowing.witness) == ("major", "rule", {"name": "智慧交通"})
    assert floor(edition("1.0.1", rules=compile_rules([{**BLOCKING, "severity": "warn"}]))).level == "patch"
    assert floor(edition("1.1.0"), edition("1.0.0", rules=rules)).level == "minor"  # a rule was taken away
    assert floor(edition("1.0.1", rules=rules), edition("1.0.0", rules=rules)).level == "patch"


def test_a_new_identifier_check_is_a_narrowing_only_where_old_records_have_the_field() -> None:
    assert floor(edition("1.1.0", marks={"/name": frozenset({"identifier:uscc"})})).level == "major"
    new = edition("1.1.0", marks={"/code": frozenset({"identifier:uscc"})}, fields={"code": NAME})
    assert floor(new).level == "minor"


def test_a_code_that_ends_earlier_is_a_narrowing() -> None:
    lists = {name: editions[-1] for name, editions in read_sources(default_root()).codelists.items()}
    name, found = next((name, found) for name, found in lists.items() if found.rows[0].valid_to is None)
    ended = replace(found, rows=(replace(found.rows[0], valid_to=date(2030, 1, 1)), *found.rows[1:]))
    old, new = edition("1.0.0", codelists={name: found}), edition("1.1.0", codelists={name: ended})
    assert floor(new, old).level == "major"
    assert floor(edition("1.1.0", codelists={name: found}), edition("1.0.0", codelists={name: ended})).level == "minor"


NARROW = {"type": "string", "maxLength": 3}
WITNESS = {"name": "智慧交通"}


@pytest.mark.parametrize(
    ("witness", "level"), [(WITNESS, "minor"), ({"name": "ab"}, "major"), ({"name": 1}, "major"), (None, "major")]
)
def test_an_exception_lowers_only_when_it_names_a_witness(witness, level: str) -> None:
    order = Allowed("1.0.0", "1.1.0", "minor", witness)
    found = floor(edition("1.1.0", NARROW), exceptions=[order])
    assert found.level == level
    assert bool(found.unused) == (level == "major")


def test_an_exception_for_another_version_does_not_count_and_an_earlier_one_holds_on() -> None:
    order = Allowed("1.0.0", "1.1.0", "minor", WITNESS)
    assert floor(edition("1.2.0", {"type": "string", "maxLength": 2}), exceptions=[order]).level == "major"
    published = (edition("1.0.0"), edition("1.1.0", NARROW))
    wider = edition("1.2.0", NARROW, fields={"note": NAME})
    assert floor(wider, *published).level == "major"
    assert floor(wider, *published, exceptions=[order]).level == "minor"
    narrower = edition("1.2.0", {"type": "string", "maxLength": 2})
    assert floor(narrower, *published, exceptions=[order]).level == "major"


def test_the_command_computes_it_for_a_folder(tmp_path: Path) -> None:
    draft = tmp_path / "award_notice" / "1.0.1"
    shutil.copytree(default_root() / "records/award_notice/1.0.0", draft)
    schema = json.loads((draft / "schema.json").read_text("utf-8"))
    schema["properties"]["remark"] = {"type": "string", "maxLength": 100}
    (draft / "schema.json").write_text(json.dumps(schema), "utf-8")
    (draft / "manifest.json").unlink()
    group = standards_commands(lambda: ON)
    done = CliRunner().invoke(group, ["version", str(draft), "--explain", "--lang", "en"])
    assert (done.exit_code, done.stdout) == (1, "1.1.0\n")
    assert "Proved: every record that is valid under OLD is valid under NEW" in done.stderr
    draft = draft.rename(draft.parent / "1.1.0")
    found = json.loads(CliRunner().invoke(group, ["version", str(draft), "--json"]).stdout)
    assert (found["kept"], found["level"]) == (True, "minor")
    assert [one["version"] for one in found["against"]] == ["1.0.0"]


def test_editions_are_read_with_all_that_judges_a_record() -> None:
    sources = read_sources(default_root())
    source = next(source for source in sources.records if source.family == "tender_notice")
    found = edition_of(source, sources)
    assert found.codelists
    assert "/title" in found.places
    assert any(name.startswith("codes:") for names in found.marks.values() for name in names)


@pytest.mark.parametrize(("officers", "code", "floor_"), [(("jia", "yi"), 0, "1.1.0"), (("jia",), 1, "2.0.0")])
def test_the_command_minds_exceptions_that_two_officers_signed(
    tmp_path: Path, officers: tuple[str, ...], code: int, floor_: str
) -> None:
    root = tmp_path / "schemas"
    shutil.copytree(default_root(), root)
    draft = tmp_path / "award_notice" / "1.1.0"
    shutil.copytree(root / "records/award_notice/1.0.0", draft)
    schema = json.loads((draft / "schema.json").read_text("utf-8"))
    schema["maxProperties"] = len(schema["required"])
    (draft / "schema.json").write_text(json.dumps(schema), "utf-8")
    (draft / "manifest.json").unlink()
    group = standards_commands(lambda: ON)
    computed = json.loads(CliRunner().invoke(group, ["version", str(draft), "--root", str(root), "--json"]).stdout)
    assert computed["level"] == "major"
    witness = computed["against"][0]["backward"]["witness"]["document"]
    reason = {"zh": "测试", "en": "test"}
    order = VersionException("award_notice", "1.0.0", "1.1.0", "major", "minor", witness, reason, ON)
    envelope = Envelope(IN_TOTO, canonical.jcs(order.to_json()))
    for officer in officers:
        envelope = envelope.signed(*open_key(pem(officer), None))
    path = exception_path(root, "award_notice", "1.1.0")
    path.parent.mkdir()
    path.write_bytes(envelope.to_bytes())
    done = CliRunner().invoke(group, ["version", str(draft), "--root", str(root)])
    assert (done.exit_code, done.stdout) == (code, f"{floor_}\n"), done.stderr
