"""The life of a standard: every state follows from signed dates, on any day, as it was known on any other."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from officers.signing import release, signed
from standards import mini
from tradehall_standards import Catalogue, CatalogueError
from tradehall_standards.build import build
from tradehall_standards.commands import standards_commands
from tradehall_standards.lifecycle import (
    Decision,
    LifecycleError,
    decisions_of_manifest,
    read_decisions,
    state_on,
    states_of,
)
from tradehall_standards.release import VersionException, publish, read_authority, read_exceptions, read_lives, verify
from tradehall_standards.release.dsse import EnvelopeError, statement
from tradehall_standards.release.exceptions import read_exception

STATES = {
    "drafted_on": "2026-01-05",
    "consultation_from": "2026-02-01",
    "approved_on": "2026-03-10",
    "published_on": "2026-04-01",
    "in_force_from": "2026-05-01",
}
FAR = date(2099, 1, 1)
WHY = {"zh": "虚构", "en": "fictional"}


def later(event: Any, on: str | None, decided: str) -> Decision:
    return Decision("notice/1.0.0", event, date.fromisoformat(on) if on else None, date.fromisoformat(decided), WHY)


@pytest.mark.parametrize(
    ("day", "state"),
    [
        ("2026-01-04", "unpublished"),
        ("2026-01-05", "draft"),
        ("2026-02-01", "consultation"),
        ("2026-03-10", "approved"),
        ("2026-04-30", "published"),
        ("2026-05-01", "in_force"),
        ("2027-01-01", "under_review"),
        ("2027-03-01", "in_force"),
        ("2028-01-01", "deprecated"),
        ("2029-01-01", "withdrawn"),
        ("2040-01-01", "withdrawn"),
    ],
)
def test_a_version_runs_through_its_states(day: str, state: str) -> None:
    decisions = [
        *decisions_of_manifest("notice/1.0.0", STATES),
        later("reviewed", "2027-01-01", "2026-12-01"),
        later("confirmed", "2027-03-01", "2027-03-01"),
        later("deprecated", "2028-01-01", "2027-06-01"),
        later("withdrawn", "2029-01-01", "2027-06-01"),
    ]
    assert state_on(decisions, date.fromisoformat(day), FAR) == state


def test_what_was_decided_later_was_not_known_before() -> None:
    decisions = [*decisions_of_manifest("notice/1.0.0", STATES), later("in_force", "2026-09-01", "2026-04-20")]
    june = date(2026, 6, 1)
    assert state_on(decisions, june, date(2026, 3, 31)) == "unpublished"
    assert state_on(decisions, june, date(2026, 4, 1)) == "in_force"
    assert state_on(decisions, june, date(2026, 4, 20)) == "published"


def test_a_withdrawal_can_be_taken_back() -> None:
    decisions = [
        *decisions_of_manifest("notice/1.0.0", STATES),
        later("withdrawn", "2027-01-01", "2026-06-01"),
        later("withdrawn", None, "2026-07-01"),
    ]
    assert state_on(decisions, date(2027, 1, 1), date(2026, 6, 30)) == "withdrawn"
    assert state_on(decisions, date(2027, 1, 1), date(2026, 7, 1)) == "in_force"


def test_a_later_version_in_force_supersedes() -> None:
    old = decisions_of_manifest("notice/1.0.0", {"published_on": "2026-01-01", "in_force_from": "2026-01-01"})
    new = decisions_of_manifest("notice/2.0.0", STATES)
    family = {"1.0.0": old, "2.0.0": new}
    assert states_of(family, date(2026, 4, 30), FAR) == {"1.0.0": "in_force", "2.0.0": "published"}
    assert states_of(family, date(2026, 5, 1), FAR) == {"1.0.0": "superseded", "2.0.0": "in_force"}
    gone = [*new, later("withdrawn", "2027-01-01", "2026-06-01")]
    assert states_of({"1.0.0": old, "2.0.0": gone}, date(2027, 1, 1), FAR)["1.0.0"] == "in_force"


@pytest.mark.parametrize(
    "changes",
    [
        {"event": "published"},
        {"event": "exploded"},
        {"on": "2026-02-30"},
        {"decided_on": None},
        {"reason": {"zh": "只有中文"}},
        {"more": 1},
        {"event": "withdrawn", "on": "2025-01-01"},
    ],
)
def test_decisions_that_are_not_in_form_are_refused(changes: dict[str, Any]) -> None:
    row = {
        "standard": "notice/1.0.0",
        "event": "reviewed",
        "on": "2027-01-01",
        "decided_on": "2026-12-01",
        "reason": WHY,
    }
    assert len(read_decisions({"rows": [row]})) == 1
    with pytest.raises(LifecycleError):
        read_decisions({"rows": [{**row, **changes}]})
    with pytest.raises(LifecycleError, match="order"):
        read_decisions({"rows": [row, {**row, "decided_on": "2026-11-01"}]})


EVENTS = st.tuples(
    st.sampled_from(["in_force", "reviewed", "confirmed", "deprecated", "withdrawn"]),
    st.one_of(st.none(), st.integers(0, 900)),
    st.integers(100, 800),
)


@given(st.lists(EVENTS, max_size=8), st.integers(0, 1000), st.integers(0, 1000), st.integers(0, 200))
def test_what_is_decided_afterwards_never_changes_what_was_known(
    rows: list[tuple[Any, int | None, int]], day: int, known: int, after: int
) -> None:
    start = date(2026, 1, 1)
    made = [
        Decision("x/1.0.0", event, None if on is None else start + timedelta(on), start + timedelta(decided), WHY)
        for event, on, decided in sorted(rows, key=lambda row: row[2])
    ]
    base = decisions_of_manifest("x/1.0.0", STATES)
    on, known_on = start + timedelta(day), start + timedelta(known)
    extra = Decision("x/1.0.0", "withdrawn", on, known_on + timedelta(1 + after), WHY)
    assert state_on([*base, *made], on, known_on) == state_on([*base, *made, extra], on, known_on)


# --- in a catalogue


def decide(root: Path, *rows: dict[str, Any]) -> None:
    path = root / "lifecycle.json"
    known = mini.get(path)["rows"] if path.exists() else []
    mini.put(path, {"rows": [*known, *rows]})
    build(root)


def row(event: str, on: str, decided: str, standard: str = "notice/1.0.0") -> dict[str, Any]:
    return {"standard": standard, "event": event, "on": on, "decided_on": decided, "reason": WHY}


@pytest.fixture
def root(built: Path) -> Path:
    """Two versions: the second comes into force on the first of September; then the first is withdrawn for 2027."""
    release(built, "2026.1", date(2026, 1, 1))
    old, new = built / "records" / "notice" / "1.0.0", built / "records" / "notice" / "1.1.0"
    shutil.copytree(old, new)
    schema = mini.get(new / "schema.json")
    mini.put(new / "schema.json", {**schema, "$id": schema["$id"].replace("1.0.0", "1.1.0")})
    states = {"published_on": "2026-07-01", "in_force_from": "2026-09-01"}
    mini.put(new / "manifest.json", {"predecessor": "1.0.0", "states": states})
    build(built)
    release(built, "2026.2", date(2026, 7, 1))
    decide(built, row("withdrawn", "2027-01-01", "2026-10-01"))
    release(built, "2026.3", date(2026, 10, 15))
    return built


def test_a_decision_is_known_from_the_release_that_signs_it(root: Path) -> None:
    lives = read_lives(root)
    september, year = date(2026, 9, 1), date(2027, 1, 1)
    assert lives.states("notice", september, date(2026, 6, 30)) == {"1.0.0": "in_force", "1.1.0": "unpublished"}
    assert lives.states("notice", september, date(2026, 7, 1)) == {"1.0.0": "superseded", "1.1.0": "in_force"}
    assert lives.in_force("notice", september, date(2026, 6, 30)) == "1.0.0"
    assert lives.states("notice", year, date(2026, 10, 14))["1.0.0"] == "superseded"
    assert lives.states("notice", year, date(2026, 10, 15))["1.0.0"] == "withdrawn"


def test_the_door_follows_what_was_decided(root: Path) -> None:
    catalogue = Catalogue.load(root)
    first = catalogue.versions("notice")[0]
    assert catalogue.check(first.ref, mini.GOOD, date(2026, 12, 31)) == ()
    assert [f.rule for f in catalogue.check(first.ref, mini.GOOD, date(2027, 1, 1))] == ["SCHEMA-NOT-IN-FORCE"]
    assert first.sunset == date(2027, 1, 1)


def test_a_decision_that_no_release_signs_is_not_known(root: Path) -> None:
    decide(root, row("withdrawn", "2028-01-01", "2026-11-01", "notice/1.1.0"))
    assert read_lives(root).states("notice", date(2028, 1, 1), FAR)["1.1.0"] == "in_force"
    assert verify(root).pending == ("lifecycle",)


def test_decisions_may_only_be_added(root: Path) -> None:
    mini.put(root / "lifecycle.json", {"rows": [row("withdrawn", "2027-06-01", "2026-10-01")]})
    build(root)
    assert {finding.code for finding in verify(root).findings} == {"LIFECYCLE"}
    with pytest.raises(CatalogueError, match="LIFECYCLE"):
        read_lives(root)


def test_a_decision_on_nothing_is_refused(root: Path) -> None:
    with pytest.raises(CatalogueError, match="no version of the catalogue"):
        decide(root, row("withdrawn", "2028-01-01", "2026-11-01", "notice/9.0.0"))


def test_the_command_line_tells_both_times(root: Path) -> None:
    def run(*arguments: str) -> Any:
        group = standards_commands(lambda: date(2026, 11, 1))
        done = CliRunner().invoke(group, [*arguments, "--root", str(root), "--json"])
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    told = run("asof", "notice", "--as-of", "2026-09-01", "--as-known-on", "2026-06-30")
    assert (told["in_force"], [v["state"] for v in told["versions"]]) == ("1.0.0", ["in_force", "unpublished"])
    assert run("asof", "notice", "--as-of", "2027-01-01")["versions"][0]["decisions"][-1]["known_from"] == "2026-10-15"
    assert [found["release"] for found in run("releases")] == ["2026.1", "2026.2", "2026.3"]
    assert [v["version"] for v in run("list", "--as-of", "2027-01-01")] == ["1.1.0"]
    assert [v["state"] for v in run("list")] == ["superseded", "in_force"]
    rows = run("codelist", "currency", "--as-of", "2026-03-02")["rows"]
    assert [row["code"] for row in rows] == ["CNY", "EUR"]
    assert len(run("codelist", "currency", "--as-of", "2026-03-02", "--all")["rows"]) == 3
    assert run("codelist") == ["currency"]


# --- exceptions


def exception(**changes: Any) -> VersionException:
    made = VersionException(
        "notice", "1.0.0", "1.1.0", "major", "minor", {"title": ""}, {"zh": "无此记录", "en": "No record has it"}, FAR
    )
    return replace(made, on=date(2026, 3, 1), **changes)


def test_an_exception_holds_when_two_officers_signed_it_and_names_its_witness(built: Path) -> None:
    release(built, "2026.1", date(2026, 1, 1))
    authority, _ = read_authority(built)
    assert authority is not None
    proposal = statement(exception().to_json())
    path = publish(signed(proposal, built, built, "jia", "bing"), built, built)
    found, problems = read_exceptions(built, authority)
    assert (found["notice", "1.1.0"].witness, problems) == ({"title": ""}, ())
    assert verify(built).ok
    path.write_bytes(signed(proposal, built, built, "jia").to_bytes())
    assert read_exceptions(built, authority)[0] == {}
    assert {finding.code for finding in verify(built).findings} == {"EXCEPTION"}


def test_an_exception_only_lowers(built: Path) -> None:
    for changes in ({"allowed": "major"}, {"computed": "minor"}, {"computed": "patch"}):
        with pytest.raises(EnvelopeError):
            read_exception(statement(exception(**changes).to_json()))
    other = exception().to_json()
    other["subject"] = [{"name": "notice/1.1.0", "digest": {"sha256": "0" * 64}}]
    with pytest.raises(EnvelopeError):
        read_exception(statement(other))
