"""A draft is replayed on past records: exact counts, whatever the number of processes, stopped and gone on."""

from __future__ import annotations

import collections
import copy
import json
import random
import re
import signal
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from standards import past
from tradehall_standards import Catalogue, canonical, strict
from tradehall_standards.archive import (
    Archive,
    ArchiveError,
    DraftError,
    OtherReplayError,
    Piece,
    Replay,
    Way,
    open_archive,
    read_draft,
    replay,
)
from tradehall_standards.archive.judging import Judge
from tradehall_standards.archive.records import MAX_PIECE
from tradehall_standards.archive.replay import Bench
from tradehall_standards.catalogue import check_payload
from tradehall_standards.commands import standards_commands
from tradehall_standards.sources import Sources, default_root, read_sources

ON = date(2026, 3, 25)
WAY = Way(ON, lambda: 0.0)
FAMILY = "award_notice"


@pytest.fixture(scope="module")
def sources() -> Sources:
    return read_sources(default_root())


def schema_of(family: str) -> dict[str, Any]:
    path = default_root() / "records" / family / "1.0.0" / "schema.json"
    return json.loads(path.read_text("utf-8"))


def put(path: Path, value: Any) -> Path:
    path.write_text(json.dumps(value, ensure_ascii=False), "utf-8")
    return path


def lines(path: Path, records: list[dict[str, Any]]) -> Path:
    path.write_bytes(b"".join(past.line(record) + b"\n" for record in records))
    return path


@pytest.fixture(scope="module")
def records(published: Catalogue) -> list[dict[str, Any]]:
    """Award notices and others; of the award notices a known share has a winner of a long name."""
    found = list(past.envelopes(published, (FAMILY, "objection", "check_in"), 1500))
    chance = random.Random(7)
    for record in found:
        if record["envelope"]["schema"]["id"] == FAMILY:
            winner = record["envelope"]["payload"]["winner"]
            winner["name"] = "示例" + "长" * chance.randint(0, 40) + "公司"
    return found


def narrowed(limit: int) -> dict[str, Any]:
    """The award notice with a winner's name of at most ``limit`` characters."""
    schema = schema_of(FAMILY)
    winner = schema["properties"]["winner"]
    schema["properties"]["winner"] = {
        "allOf": [winner, {"properties": {"name": {"type": "string", "maxLength": limit}}}]
    }
    return schema


def month(record: dict[str, Any]) -> str:
    return record["accepted_at"][:7]


# --- the negative control: a narrowed field is reported, with the counts of an independent count


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_narrowed_field_is_reported_with_exact_counts(tmp_path, sources, records, jobs):
    limit = 20
    draft = read_draft(put(tmp_path / "draft.json", narrowed(limit)), sources)
    found = replay(draft, open_archive(lines(tmp_path / "a.jsonl", records)), replace(WAY, jobs=jobs))

    # Counted on the objects themselves, without any engine.
    ours = [r for r in records if r["envelope"]["schema"]["id"] == FAMILY]
    long = [r for r in ours if len(r["envelope"]["payload"]["winner"]["name"]) > limit]
    cells = collections.Counter((r["envelope"]["filed_by"], month(r)) for r in long)
    assert 100 < len(long) < len(ours)

    tally = found.tally
    assert (tally.read, tally.valid, tally.invalid) == (1500, len(ours) - len(long), len(long))
    assert tally.other == 1500 - len(ours)
    assert tally.already == 0
    ((fault, group),) = tally.groups.items()
    assert (fault.family, fault.pointer, fault.keyword) == (FAMILY, "/winner/name", "maxLength")
    assert group.records == len(long)
    assert {cell: count for cell, (count, _) in group.cells.items()} == cells
    assert [record for record, _ in group.first] == [canonical.digest(r["envelope"]) for r in long[:3]]
    for cell, (_, first) in group.cells.items():
        mine = [r for r in long if (r["envelope"]["filed_by"], month(r)) == cell]
        assert first == [canonical.digest(r["envelope"]) for r in mine[:3]]
    assert found.finished
    assert {key: pair for key, pair in tally.cells.items() if pair[1]}.keys() == {(FAMILY, cell) for cell in cells}


def test_the_published_schema_refuses_none_of_its_own(tmp_path, sources, records):
    draft = read_draft(put(tmp_path / "draft.json", schema_of(FAMILY)), sources)
    tally = replay(draft, open_archive(lines(tmp_path / "a.jsonl", records)), WAY).tally
    assert tally.invalid == 0
    assert tally.groups == {}
    assert tally.valid > 300


def test_records_that_were_at_fault_before_are_told_apart(tmp_path, sources, records):
    mine = copy.deepcopy([r for r in records if r["envelope"]["schema"]["id"] == FAMILY][:50])
    for record in mine[:10]:
        del record["envelope"]["payload"]["winner"]
    draft = read_draft(put(tmp_path / "draft.json", narrowed(0)), sources)
    tally = replay(draft, open_archive(lines(tmp_path / "a.jsonl", mine)), WAY).tally
    assert (tally.invalid, tally.already) == (50, 10)
    by_keyword = {fault.keyword: (group.records, group.already) for fault, group in tally.groups.items()}
    assert by_keyword == {"required": (10, 10), "maxLength": (40, 0)}


# --- rules and code lists


def test_drafted_rules_are_judged(tmp_path, sources, published):
    rules = json.loads((default_root() / "records" / FAMILY / "1.0.0" / "rules.json").read_text("utf-8"))
    rule = {
        **rules[0],
        "id": "XX-01",
        "rule": "size(self.lots.filter(l, l == 'L9')) > 0"
        if "lots" in schema_of(FAMILY)["properties"]
        else "has(self.nothing)",
        "pointer": "/winner",
        "examples": {"valid": [{"nothing": 1, "lots": ["L9"]}], "invalid": [{"lots": []}]},
    }
    records = list(past.envelopes(published, (FAMILY,), 40))
    path = put(tmp_path / "rules.json", [*rules, rule])
    with pytest.raises(DraftError, match="names no family"):
        read_draft(path, sources)
    draft = read_draft(path, sources, FAMILY)
    tally = replay(draft, open_archive(lines(tmp_path / "a.jsonl", records)), WAY).tally
    ((fault, group),) = tally.groups.items()
    assert (fault.rule, fault.keyword, fault.pointer, group.records) == ("XX-01", "x-rule", "/winner", 40)


def test_a_code_that_a_drafted_list_ends_is_found_in_every_family_and_only_from_that_day(tmp_path, sources, published):
    (edition,) = sorted((default_root() / "codelists" / "currency").glob("*.json"))[-1:]
    document = json.loads(edition.read_text("utf-8"))
    (yuan,) = [row for row in document["rows"] if row["code"] == "CNY"]
    yuan["valid_to"] = "2026-06-01"
    draft = read_draft(put(tmp_path / "list.json", document), sources)
    assert {"opening_record", "project", "award_notice"} <= draft.parts.keys()
    assert "objection" not in draft.parts
    records = list(past.envelopes(published, ("opening_record", "project", "objection"), 300))
    tally = replay(draft, open_archive(lines(tmp_path / "a.jsonl", records)), WAY).tally
    late = [r for r in records if month(r) >= "2026-06" and r["envelope"]["schema"]["id"] != "objection"]
    assert tally.invalid == len(late) > 50
    assert {fault.rule for fault in tally.groups} == {"currency"}
    assert {fault.family for fault in tally.groups} == {"opening_record", "project"}
    assert all("*" in fault.pointer or fault.family == "project" for fault in tally.groups)


def test_an_unusable_draft_says_why(tmp_path, sources):
    bad = {
        "a.json": {"$id": "https://tradehall.example/schemas/award_notice/2.0.0", "type": "strin"},
        "b.json": {"$id": "https://tradehall.example/schemas/award_notice/2.0.0", "pattern": "(?=x)"},
        "c.json": {"$id": "https://tradehall.example/schemas/award_notice/2.0.0", "$ref": "http://example.test/x"},
        "d.json": {"hello": 1},
        "e.json": {"list": "currency", "rows": []},
        "f.json": {"type": "object"},
    }
    for name, document in bad.items():
        with pytest.raises(DraftError) as caught:
            read_draft(put(tmp_path / name, document), sources)
        assert caught.value.message_zh
    with pytest.raises(DraftError):
        read_draft(put(tmp_path / "rules.json", [{"id": "nonsense"}]), sources, FAMILY)
    with pytest.raises(DraftError, match="no family"):
        read_draft(put(tmp_path / "rules.json", []), sources, "unheard_of")


# --- the verdict is the door's


def test_a_judge_finds_what_a_check_finds(published: Catalogue) -> None:
    judged = 0
    for version in (v for family in published.families() for v in published.versions(family)):
        judge = Judge(version)
        invalid = [example.payload for example in version.invalid_examples.values()]
        for payload in [*version.valid_examples.values(), *invalid]:
            for on in (ON, date(1990, 1, 1)):
                assert judge.findings(payload, on) == check_payload(version, payload, on)
                judged += 1
    assert judged > 250


@pytest.mark.slow
@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.data())
def test_a_judge_finds_in_a_damaged_record_what_a_check_finds(published: Catalogue, data: st.DataObject) -> None:
    versions = [v for family in published.families() for v in published.versions(family)]
    version = data.draw(st.sampled_from(versions))
    text = canonical.jcs(data.draw(st.sampled_from(list(version.valid_examples.values())))).decode()
    spots = [m.span() for m in re.finditer(r'"[^"]*"|[0-9]+', text)]
    start, end = data.draw(st.sampled_from(spots))
    new = data.draw(
        st.sampled_from(['"x"', '"CNY"', '"2026-03-25"', "1", '"1.00"', '"DEM"', '"org:91510100MA61RF0000"', "[]"])
    )
    try:
        payload = strict.parse((text[:start] + new + text[end:]).encode())
    except strict.StrictError:
        return
    on = data.draw(st.sampled_from([ON, date(2001, 1, 1)]))
    assert Judge(version).findings(payload, on) == check_payload(version, payload, on)


# --- archives


def test_every_shape_of_record_is_read(tmp_path, sources, published):
    record = next(past.envelopes(published, (FAMILY,), 1))
    payload = record["envelope"]["payload"]
    shapes = [
        record,
        {"envelope": record["envelope"], "signature": {}},
        record["envelope"],
        {"family": FAMILY, "payload": payload, "city": "成都", "at": "2026-05-01", "id": "no. 4"},
        {"family": FAMILY, "payload": {}, "city": "成都", "at": "2026-05-01", "id": "no. 5"},
    ]
    folder = tmp_path / "archive"
    (folder / "more").mkdir(parents=True)
    lines(folder / "a.jsonl", shapes)
    put(folder / "more" / "one.json", record)
    with zipfile.ZipFile(folder / "case.zip", "w") as container:
        container.writestr("evidence.json", json.dumps({"node": "node:ziyang"}))
        container.writestr("cases/t-x/000001.json", past.line(record))
        container.writestr("keys/node.json", "{}")
    draft = read_draft(put(tmp_path / "draft.json", schema_of(FAMILY)), sources)
    found = replay(draft, open_archive(folder), WAY)
    tally = found.tally
    assert (tally.read, tally.valid, tally.invalid, tally.unreadable) == (7, 6, 1, {})
    city, when = record["envelope"]["filed_by"], month(record)
    assert tally.cells == {
        (FAMILY, (city, when)): (2, 0),
        (FAMILY, (city, "")): (2, 0),
        (FAMILY, ("成都", "2026-05")): (1, 1),
        (FAMILY, ("node:ziyang", when)): (1, 0),
    }
    assert {name for group in tally.groups.values() for name, _ in group.first} == {"no. 5"}
    bare = replay(draft, open_archive(put(folder / "bare.json", payload)), replace(WAY, family=FAMILY))
    assert bare.tally.valid == 1


def test_what_is_no_record_is_counted_and_does_not_end_the_replay(tmp_path, sources, published):
    good = past.line(next(past.envelopes(published, (FAMILY,), 1)))
    path = tmp_path / "a.jsonl"
    path.write_bytes(
        b"\n".join(
            [
                good,
                b"",
                b"{",
                b'{"family":"award_notice","payload":{"a":1.5}}',
                b'{"family":"award_notice","family":"award_notice","payload":{}}',
                b'{"family":"award_notice"}',
                b'{"family":"award_notice","payload":"' + b"x" * MAX_PIECE + b'"}',
                b"[" * 100_000,
                b'{"family":"other_family","payload":{}}',
                good,
            ]
        )
    )
    draft = read_draft(put(tmp_path / "draft.json", schema_of(FAMILY)), sources)
    tally = replay(draft, open_archive(path), WAY).tally
    assert (tally.read, tally.valid, tally.other) == (9, 2, 1)
    assert {code: count for code, (count, _) in tally.unreadable.items()} == {
        "SYNTAX": 1, "FLOAT": 1, "DUPLICATE_KEY": 1, "FORM": 1, "TOO_LARGE": 1, "TOO_DEEP": 1,
    }  # fmt: skip
    assert tally.unreadable["FLOAT"][1] == ["a.jsonl:4"]


def test_what_is_no_archive_says_so(tmp_path):
    (tmp_path / "x.zip").write_bytes(b"PK\x03\x04 no")
    with pytest.raises(ArchiveError):
        list(open_archive(tmp_path / "x.zip").pieces())
    (tmp_path / "empty").mkdir()
    with pytest.raises(ArchiveError):
        open_archive(tmp_path / "empty")


def test_an_archive_can_not_make_the_tally_grow_without_end(tmp_path, sources, monkeypatch):
    monkeypatch.setattr("tradehall_standards.archive.tally.MAX_CELLS", 10)
    records = [{"family": FAMILY, "payload": {}, "city": f"c{n}" + "x" * 5000, "at": "2026-01-01"} for n in range(50)]
    draft = read_draft(put(tmp_path / "draft.json", schema_of(FAMILY)), sources)
    tally = replay(draft, open_archive(lines(tmp_path / "a.jsonl", records)), WAY).tally
    assert tally.invalid == 50
    assert len(tally.cells) == 11
    assert max(len(city) for _, (city, _) in tally.cells) < 300
    assert all(len(group.cells) == 11 for group in tally.groups.values())


# --- stopped, and gone on


def counted(pieces: list[Piece]) -> Archive:
    return Archive("counted", lambda: iter(pieces), sum(p.weight for p in pieces))


def test_a_stopped_replay_goes_on_where_it_was_and_ends_with_the_same_result(tmp_path, sources, records):
    draft = read_draft(put(tmp_path / "draft.json", narrowed(20)), sources)
    archive = open_archive(lines(tmp_path / "a.jsonl", records))
    whole = replay(draft, archive, WAY)
    found: Replay | None = None
    rounds = 0
    while found is None or not found.finished:
        kept = None if found is None else Replay.read_json(json.loads(json.dumps(found.to_json())))
        found = replay(draft, archive, replace(WAY, told=lambda _: False), kept)
        rounds += 1
        assert rounds < 10
    assert rounds > 2
    assert found.to_json() == whole.to_json()
    again = read_draft(put(tmp_path / "draft.json", narrowed(21)), sources)
    with pytest.raises(OtherReplayError):
        replay(again, archive, WAY, whole)
    with pytest.raises(ValueError, match="state"):
        Replay.read_json({"format": "TH-REPLAY-1"})


def test_a_replay_keeps_only_a_few_chunks_at_a_time(tmp_path, sources, published):
    line = past.line(next(past.envelopes(published, (FAMILY,), 1)))
    handed = 0

    def pieces() -> Iterator[Piece]:
        nonlocal handed
        for number in range(40_000):
            handed += 1
            yield Piece(f"{number}", line)

    ahead: list[int] = []

    def told(progress: Any) -> bool:
        ahead.append(handed - progress.records)
        return len(ahead) < 20

    draft = read_draft(put(tmp_path / "draft.json", schema_of(FAMILY)), sources)
    found = replay(draft, Archive("many", pieces, 40_000), replace(WAY, jobs=2, told=told))
    assert not found.finished
    assert max(ahead) <= 512 * 4
    assert found.tally.read == found.pieces == 20 * 512


# --- the command


def run(*arguments: str, journals: Any = None) -> Any:
    group = standards_commands(lambda: ON, journals)
    return CliRunner().invoke(group, ["dry-run", *arguments], catch_exceptions=False)


def test_the_command_prints_counts_groups_and_first_records(tmp_path, records):
    draft, archive = put(tmp_path / "draft.json", narrowed(20)), lines(tmp_path / "a.jsonl", records)
    shown = run(str(draft), "--archive", str(archive), "--lang", "en")
    assert shown.exit_code == 1
    assert "would be refused" in shown.stdout
    assert "block  award_notice/winner/name  maxLength" in shown.stdout
    told = json.loads(run(str(draft), "--archive", str(archive), "--json").stdout)
    assert told["finished"] is True
    assert told["records"]["groups"][0]["records"] == told["records"]["invalid"]
    assert run(str(put(tmp_path / "same.json", schema_of(FAMILY))), "--archive", str(archive)).exit_code == 0
    assert run(str(draft)).exit_code == 2
    assert run(str(draft), "--archive", str(tmp_path / "none.jsonl")).exit_code == 2
    assert "--archive" in run(str(draft)).stderr


def test_ctrl_c_prints_the_part_that_was_read_and_the_next_run_goes_on(tmp_path, records, monkeypatch):
    draft, archive, state = (
        put(tmp_path / "d.json", narrowed(20)),
        lines(tmp_path / "a.jsonl", records),
        tmp_path / "s.json",
    )
    whole, real = json.loads(run(str(draft), "--archive", str(archive), "--json").stdout), Bench.judge

    def interrupted(self: Bench, chunk: Any) -> Any:
        signal.raise_signal(signal.SIGINT)
        return real(self, chunk)

    monkeypatch.setattr(Bench, "judge", interrupted)
    before = signal.getsignal(signal.SIGINT)
    stopped = run(str(draft), "--archive", str(archive), "--json", "--state", str(state), "--lang", "en")
    assert signal.getsignal(signal.SIGINT) is before
    assert stopped.exit_code == 3
    assert "stopped: this is a part" in stopped.stderr
    assert json.loads(stopped.stdout)["records"]["read"] == 512
    monkeypatch.setattr(Bench, "judge", real)
    rest = run(str(draft), "--archive", str(archive), "--json", "--state", str(state))
    assert json.loads(rest.stdout) == whole
    assert not state.exists()
    state.write_text("{}")
    assert run(str(draft), "--archive", str(archive), "--state", str(state)).exit_code == 2
