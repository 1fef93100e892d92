from __future__ import annotations

import json
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from officers.signing import release
from standards import mini
from standards.test_parameters import row
from tradehall_standards import Catalogue, CatalogueError
from tradehall_standards.build import build, check_root
from tradehall_standards.codelists import CodeListError, read_codelist
from tradehall_standards.commands import standards_commands
from tradehall_standards.rules_cel import FUNCTIONS, RuleError, check_examples, compile_rules
from tradehall_standards.sources import default_root

RECORD = Path("records/notice/1.0.0")
FIRST = date(2026, 1, 1)


def test_building_twice_changes_nothing(built: Path) -> None:
    before = {path: path.read_bytes() for path in built.rglob("*.json")}
    assert build(built) == ()
    assert {path: path.read_bytes() for path in built.rglob("*.json")} == before
    assert check_root(built) == ()


def edit_titles(root: Path) -> None:
    path = root / RECORD / "i18n" / "en.json"
    titles = mini.get(path)
    titles["/properties/title"] = {"title": "Heading"}
    mini.put(path, titles)


def test_what_no_release_names_may_be_edited_and_built_again(built: Path) -> None:
    edit_titles(built)
    assert build(built) == (f"{RECORD}/manifest.json", "catalogue.json")
    assert Catalogue.load(built).families() == ("notice",)


def test_an_edit_after_publication_is_refused(built: Path) -> None:
    release(built, "2026.1", FIRST)
    edit_titles(built)
    with pytest.raises(CatalogueError, match="edited after publication"):
        build(built)


def test_an_index_that_does_not_begin_as_it_was_released_is_not_built_on(built: Path) -> None:
    release(built, "2026.1", FIRST)
    index = mini.get(built / "catalogue.json")
    mini.put(built / "catalogue.json", {**index, "entries": index["entries"][1:]})
    with pytest.raises(CatalogueError, match=r"does not begin as release 2026\.1"):
        build(built)


def test_dated_data_may_be_listed_again(built: Path) -> None:
    release(built, "2026.1", FIRST)
    for title in ("x", "y"):
        mini.put(built / "parameters" / "none.json", {"regime": "none", "rules": [], "title": {"zh": title}})
        assert build(built) == ("catalogue.json",)
    entries = mini.get(built / "catalogue.json")["entries"]
    assert [entry["id"] for entry in entries].count("parameters/none") == 2
    assert Catalogue.load(built).families() == ("notice",)


def test_a_new_edition_of_a_code_list_leaves_published_versions_alone(built: Path) -> None:
    release(built, "2026.1", FIRST)
    digest = Catalogue.load(built).versions("notice")[0].digest
    newer = {**mini.CURRENCIES, "version": "2026-07-01", "rows": mini.CURRENCIES["rows"][:1]}
    mini.put(built / "codelists" / "currency" / "2026-07-01.json", newer)
    build(built)
    catalogue = Catalogue.load(built)
    assert catalogue.versions("notice")[0].digest == digest
    assert catalogue.code("currency", "EUR", date(2026, 6, 30)) is not None
    assert catalogue.code("currency", "EUR", date(2026, 7, 1)) is None


def test_what_is_not_published_yet_pins_the_latest_code_lists(built: Path) -> None:
    newer = {**mini.CURRENCIES, "version": "2026-07-01", "rows": mini.CURRENCIES["rows"][:1]}
    mini.put(built / "codelists" / "currency" / "2026-07-01.json", newer)
    build(built)
    assert Catalogue.load(built).versions("notice")[0].codelists["currency"].version == "2026-07-01"


@pytest.mark.parametrize(
    ("path", "document", "told"),
    [
        ("examples/valid/plain.json", {"title": "x"}, "required"),
        (
            "examples/invalid/no_title.json",
            {"payload": mini.GOOD, "expect": {"pointer": "", "keyword": "required"}},
            "no finding",
        ),
        (
            "examples/invalid/no_title.json",
            {"payload": {}, "expect": {"pointer": "/title", "keyword": "required"}},
            "expected /title required",
        ),
        ("rules.json", [{**mini.RULES[0], "rule": "size(self.lots) > 1"}], "should hold"),
        ("rules.json", [{**mini.RULES[0], "rule": "true"}], "should not hold"),
        ("rules.json", [{**mini.RULES[0], "rule": "nobody > 1"}], "unknown variable"),
        ("rules.json", [{**mini.RULES[0], "rule": "size(self.losts) > 1"}], "no member losts"),
        ("rules.json", [{**mini.RULES[0], "pointer": "/losts"}], "leads to no field"),
        ("i18n/en.json", {}, "TITLE_MISSING"),
        ("schema.json", {**mini.NOTICE, "additionalProperties": True}, "OBJECT_OPEN"),
    ],
)
def test_nothing_is_written_when_something_is_wrong(sources: Path, path: str, document: Any, told: str) -> None:
    mini.put(sources / RECORD / path, document)
    with pytest.raises(CatalogueError, match=told):
        build(sources)
    assert not list(sources.rglob("manifest.json"))
    assert not (sources / "catalogue.json").exists()


def test_time_limits_are_built_only_when_their_examples_come_out(sources: Path) -> None:
    calendars = default_root() / "calendars"
    (sources / "calendars").mkdir()
    (sources / "calendars" / "CN-2026.json").write_bytes((calendars / "CN-2026.json").read_bytes())
    days = {row()["from_event"]: "2026-03-02", row()["to_event"]: "2026-12-01"}
    soon = {**days, row()["to_event"]: "2026-03-03"}
    for valid, invalid, told in (([days], [soon], ""), ([soon], [days], "should hold"), ([days], [], "both kinds")):
        rules = [row(examples={"valid": valid, "invalid": invalid})]
        mini.put(sources / "parameters" / "none.json", {"regime": "none", "rules": rules})
        if not told:
            build(sources)
            continue
        with pytest.raises(CatalogueError, match=told):
            build(sources)


def test_every_version_needs_examples_of_both_kinds(sources: Path) -> None:
    (sources / RECORD / "examples" / "invalid" / "no_title.json").unlink()
    with pytest.raises(CatalogueError, match="at least one valid and one invalid"):
        build(sources)


# --- command line


def test_the_command_line_builds_lists_and_checks(sources: Path, tmp_path: Path) -> None:
    def run(verb: str, *arguments: str) -> Result:
        group = standards_commands(lambda: date(2026, 3, 2))
        return CliRunner().invoke(group, [verb, "--root", str(sources), *arguments])

    assert run("lint").exit_code == 1
    assert "catalogue.json" in run("build").stdout
    assert run("build", "--lang", "en").stdout == "nothing to write\n"
    assert run("lint").exit_code == 0
    (listed,) = json.loads(run("list", "--json").stdout)
    assert (listed["family"], listed["version"]) == ("notice", "1.0.0")
    bare, envelope = tmp_path / "bare.json", tmp_path / "envelope.json"
    mini.put(bare, mini.changed(mini.GOOD, title=None))
    cited = {"id": "notice", "version": "1.0.0", "digest": listed["digest"]}
    mini.put(envelope, {"schema": cited, "payload": mini.GOOD})
    assert run("check", str(envelope)).exit_code == 0
    told = run("check", str(bare), "--family", "notice")
    assert (told.exit_code, "缺少必填项" in told.stdout) == (1, True)
    assert run("check", str(bare), "--family", "nothing").exit_code == 1
    assert run("check", str(bare)).exit_code == 1
    bare.write_text('{"a":1,"a":2}')
    told = run("check", str(bare), "--family", "notice")
    assert (told.exit_code, told.stdout) == (1, "")
    assert run("check", str(tmp_path / "missing.json")).exit_code == 2


def test_the_package_runs_without_the_platform(sources: Path) -> None:
    blocked = "import sys; sys.modules['tradehall'] = None"
    script = f"{blocked}; sys.argv = ['x', 'build', '--root', {str(sources)!r}]; import runpy; "
    done = subprocess.run(
        [sys.executable, "-c", f"{script}runpy.run_module('tradehall_standards', run_name='__main__')"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "catalogue.json" in done.stdout


# --- rules


def rule(**changes: Any) -> dict[str, Any]:
    return mini.changed(mini.RULES[0], **changes)


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([rule(rule="1 +")], "parse"),
        ([rule(rule="other.x")], "unknown variable other"),
        ([rule(rule="system(self)")], "unknown function system"),
        ([rule(rule="double(self.x) > 1.0")], "not exact"),
        ([rule(rule="self.a.all(w, self.a.all(x, self.a.all(y, self.a.all(z, z == w))))")], "loops"),
        ([rule(rule="true" + " || true" * 200)], "longer"),
        ([rule(message={"zh": "只有中文"})], "en is missing"),
        ([rule(message=None)], "message is missing"),
        ([rule(clause=None)], "clause is missing"),
        ([rule(id="nope")], "not a rule id"),
        ([rule(severity="fatal")], "severity"),
        ([rule(evidence="sure")], "evidence"),
        ([rule(pointer="lots")], "pointer"),
        ([rule(examples=None)], "both kinds"),
        ([rule(examples={"valid": [{}], "invalid": []})], "both kinds"),
        ([rule(examples=[{"payload": {}, "expect": 1}])], "expect"),
        ([rule(examples=[{"expect": True}])], "payload"),
        ([rule(), rule()], "same id"),
        (["text"], "object"),
    ],
)
def test_rules_that_cannot_be_used_are_refused(rows: list[Any], told: str) -> None:
    with pytest.raises(RuleError, match=told):
        compile_rules(rows)


def test_examples_may_name_their_day() -> None:
    examples = [
        {"payload": {"d": "2026-03-02"}, "expect": True, "event_date": "2026-03-02"},
        {"payload": {"d": "2026-03-02"}, "expect": False, "event_date": "2026-03-03"},
    ]
    compiled = compile_rules([rule(rule="self.d == event_date", examples=examples)])[0]
    assert check_examples(compiled, date(2026, 1, 1)) == ()
    wrong = compile_rules([rule(rule="self.d != event_date", examples=examples)])[0]
    assert len(check_examples(wrong, date(2026, 1, 1))) == 2


@pytest.mark.parametrize(
    ("expression", "payload", "expected"),
    [
        ("decimal_compare(self.a, self.b) < 0", {"a": "9.99", "b": "10.00"}, True),
        ("decimal_compare(self.a, self.b) == 0", {"a": "0.1", "b": "0.10"}, True),
        ("decimal_compare(self.a, self.b) > 0", {"a": "900719925474099.30", "b": "900719925474099.29"}, True),
        ("decimal_compare(self.a, '1') == 0", {"a": "1e0"}, False),
        ("decimal_compare(self.a, '1') == 0", {"a": "１"}, False),
        ("decimal_compare(self.a, '1') == 0", {"a": 1}, False),
        ("decimal_sum(self.a) == '0.3'", {"a": ["0.1", "0.2"]}, True),
        ("decimal_product(self.a, '0.02') == '20.0000'", {"a": "1000.00"}, True),
        ("distinct(self.a)", {"a": [{"x": 1}, {"x": 2}]}, True),
        ("distinct(self.a)", {"a": ["1", "1"]}, False),
        ("is_identifier('uscc', self.a)", {"a": "914403001922038216"}, True),
        ("is_identifier('nothing', self.a)", {"a": ""}, False),
        ("descends_from(self.a, self.b)", {"a": "E3500000717002688001", "b": "E3500000717002688"}, True),
        ("local_date(self.a) == '2026-03-03'", {"a": "2026-03-02T16:00:00Z"}, True),
        ("local_date(self.a) == '2026-03-02'", {"a": "2026-03-02T16:00:00"}, False),
        ("self.missing == 1", {}, False),
        ("self.a", {"a": "text"}, False),
        ("self.a / 0 == 1", {"a": 1}, False),
        ("self.a[9] == 1", {"a": [1]}, False),
        ("self.a.matches('^(a+)+$')", {"a": "a" * 5000 + "!"}, False),
    ],
)
def test_a_rule_that_cannot_be_evaluated_does_not_hold(expression: str, payload: Any, expected: bool) -> None:
    compiled = compile_rules([rule(rule=expression)])[0]
    assert compiled.holds(payload, date(2026, 3, 2)) is expected


def test_functions_are_documented() -> None:
    assert set(FUNCTIONS) == {
        "decimal_compare",
        "decimal_sum",
        "decimal_product",
        "distinct",
        "is_identifier",
        "descends_from",
        "local_date",
    }


# --- code lists


def rows(**changes: Any) -> dict[str, Any]:
    return {**mini.CURRENCIES, "rows": [{**mini.CURRENCIES["rows"][0], **changes}]}


@pytest.mark.parametrize(
    "document",
    [
        [],
        {},
        {**mini.CURRENCIES, "rows": []},
        {**mini.CURRENCIES, "rows": {}},
        {**mini.CURRENCIES, "version": "1"},
        {**mini.CURRENCIES, "rows": mini.CURRENCIES["rows"] * 2},
        {**mini.CURRENCIES, "title": {"zh": "币种"}},
        rows(label={"zh": "元"}),
        rows(source=""),
        rows(valid_from=None),
        rows(valid_from="2026-02-30"),
        rows(valid_to="2000-01-01"),
        rows(replaced_by="NOPE"),
    ],
)
def test_wrong_code_lists_are_refused(document: Any) -> None:
    with pytest.raises(CodeListError):
        read_codelist(document)


def test_an_unknown_code_of_an_open_list_is_only_a_warning(sources: Path) -> None:
    mini.put(sources / "codelists" / "currency" / "2026-01-01.json", {**mini.CURRENCIES, "closed": False})
    build(sources)
    catalogue = Catalogue.load(sources)
    version = catalogue.versions("notice")[0]
    price = {"amount": "1.00", "currency": "XYZ"}
    payload = mini.changed(mini.GOOD, lots=[{"id": "L1", "price": price}])
    assert [(item.keyword, item.severity) for item in catalogue.check(version.ref, payload, date(2026, 3, 2))] == [
        ("x-codelist", "warn")
    ]
