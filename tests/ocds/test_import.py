"""Packages of others as drafts 开放合同数据导入: no leaf is lost, nothing is invented, bad bytes get a sentence."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ocds.gathering import PUBLISHER, releases
from tradehall.commands import cli
from tradehall.ocds import numbers, packages, taking
from tradehall.ocds.reading import MAX_DEPTH, PackageRefused, gather, leaves, parse
from tradehall.ocds.taking import WHY, Taken, take
from tradehall.ocds.told import Told
from tradehall_standards import Catalogue

Cases = dict[str, tuple[str, list[Told]]]
URI = "http://testserver.local/x"


def at(payload: Any, pointer: str) -> Any:
    for part in pointer.split("/")[1:]:
        payload = payload[int(part)] if isinstance(payload, list) else payload[part]
    return payload


def told(every: list[Taken], left: list[taking.Unmapped]) -> set[str]:
    """Every pointer of the report; what it says of each is held against the drafts."""
    found = {u.pointer for u in left}
    assert {u.why for u in left} <= WHY.keys()
    for taken in every:
        drafts = {d.name: d.payload for d in taken.drafts}
        for mapped in taken.mapped:
            assert at(drafts[mapped.draft], mapped.to) is not None
        assert {u.why for u in taken.unmapped} <= WHY.keys()
        found |= {m.pointer for m in taken.mapped} | {u.pointer for u in taken.unmapped}
    return found


def assert_nothing_is_lost(data: bytes) -> None:
    every, left = take(data)
    expected = {f"{before}{p}" for before, document in parse(data) for p, _ in leaves(document, "")}
    assert told(every, left) == expected


# --- there and back -----------------------------------------------------------------------------------------------

KEPT = {
    "project": None,
    "tender_notice": {"document", "media", "custodians", "threshold", "grace_seconds", "opening_policy"},
    "award_notice": {"publicity", "reason"},
    "contract_filing": set(),
}
"""What a round trip can't bring back, by family: OCDS has no place for it. ``None``: everything comes back."""


@pytest.mark.parametrize("form", ["release", "record"])
def test_what_goes_out_comes_back(stories: Cases, form: str) -> None:
    seen = set()
    for case, records in stories.values():
        found = releases(case, records)
        package = (
            packages.record_package(PUBLISHER, URI, [found])
            if form == "record"
            else packages.release_package(PUBLISHER, URI, found)
        )
        (taken,), _ = take(numbers.write(package))
        assert taken.ocid == f"ocds-xxxxxx-{case}"
        changed = any(r.family in ("clarification", "deadline_extension") for r in records)
        for family, lost in KEPT.items():
            originals = [dict(r.payload) for r in records if r.family == family]
            drafts = [d.payload for d in taken.drafts if d.family == family]
            if family == "award_notice":
                drafts, originals = drafts[-1:], originals[-1:]
            if changed and family == "tender_notice":
                continue
            if "cancelled" in str(found[-1].get("awards", "")) and family in ("award_notice", "contract_filing"):
                continue
            for original in originals:
                expected = {k: v for k, v in original.items() if k not in (lost or ())}
                assert expected in drafts, json.dumps([expected, drafts], ensure_ascii=False)
                seen.add(family)
    assert seen == KEPT.keys()


def test_a_round_trip_loses_no_leaf(stories: Cases) -> None:
    for case, records in stories.values():
        found = releases(case, records)
        assert_nothing_is_lost(numbers.write(packages.release_package(PUBLISHER, URI, found)))
    assert_nothing_is_lost(numbers.write(packages.record_package(PUBLISHER, URI, [found])))
    assert_nothing_is_lost(b"".join(numbers.write(release) + b"\n" for release in found))


# --- packages of others -------------------------------------------------------------------------------------------

FOREIGN: dict[str, Any] = {
    "uri": "http://example.com/1",
    "version": "1.0",
    "publisher": {"name": "Example"},
    "releases": [
        {
            "ocid": "ocds-213czf-1",
            "id": "1",
            "date": "2016-01-01T00:00:00Z",
            "tag": ["tender"],
            "initiationType": "tender",
            "buyer": {"id": "GB-COH-12345", "name": "A council"},
            "tender": {
                "id": "1",
                "title": "Bridges",
                "value": {"amount": 1200.5, "currency": "GBP"},
                "items": [{"id": 7, "quantity": 2}],
                "tenderPeriod": {"startDate": "2016-01-01T00:00:00Z", "endDate": "someday"},
                "lots": [{"id": "lot-1", "title": "One"}],
            },
        },
        {
            "ocid": "ocds-213czf-1",
            "id": "2",
            "date": "2016-02-01T00:00:00Z",
            "tag": ["award"],
            "initiationType": "tender",
            "tender": {"id": "1", "title": "Two bridges"},
            "awards": [
                {
                    "id": "9",
                    "status": "active",
                    "value": {"amount": 0.125, "currency": "GBP"},
                    "suppliers": [{"name": "X"}],
                }
            ],
        },
    ],
}


def test_a_package_of_others_says_what_it_could_not_map() -> None:
    data = json.dumps(FOREIGN).encode()
    assert_nothing_is_lost(data)
    (taken,), left = take(data)
    why = {u.pointer: u.why for u in taken.unmapped}
    assert why["/releases/0/tender/title"] == "superseded"
    assert why["/releases/0/tender/tenderPeriod/endDate"] == "does-not-fit"
    assert why["/releases/0/tender/items/0/quantity"] == "no-place"
    assert why["/releases/0/tender/lots/0/id"] == "does-not-fit"
    assert why["/releases/1/awards/0/value/amount"] == "does-not-fit", "three places would be rounded"
    assert why["/releases/0/id"] == "about-release"
    assert {u.pointer for u in left} == {"/uri", "/version", "/publisher/name"}
    project = next(d.payload for d in taken.drafts if d.family == "project")
    assert project["name"] == "Two bridges"
    assert project["estimate"] == {"amount": "1200.50", "currency": "GBP"}
    assert project["tenderer"] == {"id": "foreign:gbcoh:12345", "name": "A council"}


def test_a_second_name_is_reported_not_swallowed() -> None:
    release = {
        "ocid": "o",
        "parties": [{"id": "CN-USCI-9151010000T000010G", "name": "乙名"}],
        "buyer": {"id": "CN-USCI-9151010000T000010G", "name": "甲名"},
    }
    (taken,), _ = take(json.dumps(release).encode())
    assert {u.pointer: u.why for u in taken.unmapped}["/parties/0/name"] == "contrary"


def test_linked_releases_and_histories_are_reported() -> None:
    record = {
        "ocid": "o",
        "releases": [{"url": "http://example.com/r#1", "date": "2016-01-01T00:00:00Z"}],
        "compiledRelease": {"ocid": "o", "tender": {"id": "1", "title": "T"}},
        "versionedRelease": {"ocid": "o", "tender": {"id": [{"value": "1"}]}},
    }
    data = json.dumps({"records": [record]}).encode()
    assert_nothing_is_lost(data)
    (taken,), left = take(data)
    assert {u.why for u in left} == {"linked", "history", "about-record"}
    assert taken.drafts[0].payload == {"name": "T"}


JSONS = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.text(max_size=8) | st.sampled_from([1.5, 0.25, 1e10]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["id", "tender", "lots", "title", "value", "amount", "currency", "parties", "name", "buyer", "awards", "a/b~c",
         "suppliers", "relatedLots", "status", "documents", "contracts", "bids", "details", "enquiries", "description"]
    ), inner, max_size=5),
    max_leaves=25,
)  # fmt: skip
RELEASES = st.dictionaries(
    st.sampled_from(["tender", "planning", "parties", "buyer", "awards", "contracts", "bids", "date", "tag", "other"]),
    JSONS,
    max_size=6,
).map(lambda r: {"ocid": "o", **r})


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(RELEASES | JSONS, max_size=3), st.sampled_from(["releases", "records"]))
def test_no_leaf_of_any_package_is_lost(found: list[Any], name: str) -> None:
    assert_nothing_is_lost(json.dumps({name: found, "uri": "x"}).encode())


@pytest.fixture(scope="module")
def package(stories: Cases) -> dict[str, Any]:
    return json.loads(numbers.write(packages.release_package(PUBLISHER, URI, releases(*stories["whole_tender"]))))


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(st.integers(0, 10**6), st.integers(0, 10), JSONS)
def test_no_leaf_of_a_mutated_package_is_lost(package: dict[str, Any], place: int, stop: int, value: Any) -> None:
    """A real package with one value replaced by anything at all: the paths that the mapping looks at."""
    changed = json.loads(json.dumps(package))
    pointers = [p for p, _ in leaves(changed, "") if p.startswith("/releases/")]
    path = pointers[place % len(pointers)].split("/")[1:]
    target: Any = changed
    for part in path[: stop % len(path)]:
        target = target[int(part)] if isinstance(target, list) else target[part]
    part = path[stop % len(path)]
    target[int(part) if isinstance(target, list) else part] = value
    if "releases" in changed:
        assert_nothing_is_lost(json.dumps(changed).encode())


# --- hostile input ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "EMPTY"),
        (b"{", "SYNTAX"),
        (b"[]", "NOT-OCDS"),
        (b'{"a":1}', "NOT-OCDS"),
        (b"\xff\xfe", "NOT-UTF8"),
        (b'{"ocid":"a","ocid":"b"}', "DUPLICATE-KEY"),
        (b'{"ocid":"a","v":NaN}', "NUMBER"),
        (b'{"ocid":"a","v":Infinity}', "NUMBER"),
        (b'{"ocid":"a","v":1e999999999}', "NUMBER"),
        (b'{"ocid":"a","v":' + b"9" * 5000 + b"}", "NUMBER"),
        (b'{"ocid":"a","v":"\\ud800"}', "SURROGATE"),
        (b'{"releases":[],"version":"2.0"}', "VERSION"),
        (b'{"ocid":' + b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1) + b"}", "TOO-DEEP"),
        (b'{"ocid":' + b"[" * 200_000 + b"]" * 200_000 + b"}", "TOO-DEEP"),
        (b'{"ocid":"a"}\n{"ocid":', "SYNTAX"),
    ],
)
def test_bad_input_gets_a_code_and_two_sentences(data: bytes, code: str) -> None:
    with pytest.raises(PackageRefused) as refused:
        gather(data)
    assert refused.value.code == code
    assert refused.value.text.zh
    assert refused.value.text.en


def test_a_large_file_is_refused_before_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tradehall.ocds.reading.MAX_BYTES", 10)
    with pytest.raises(PackageRefused, match="TOO-LARGE"):
        gather(b'{"ocid":"a","tender":{}}')


def test_amounts_never_pass_through_a_float() -> None:
    data = b'{"ocid":"a","tender":{"value":{"amount":123456789012345.67,"currency":"CNY"}}}'
    (taken,), _ = take(data)
    assert taken.drafts[0].payload["estimate"]["amount"] == "123456789012345.67"
    assert dict(leaves(parse(data)[0][1], ""))["/tender/value/amount"] == Decimal("123456789012345.67")


def test_a_draft_says_what_it_lacks(catalogue: Catalogue, stories: Cases) -> None:
    (taken,), _ = take(numbers.write(packages.release_package(PUBLISHER, URI, releases(*stories["whole_tender"]))))
    by_family = {d.family: d for d in taken.drafts}
    assert taking.lacking(catalogue, by_family["project"], date(2026, 3, 2)) == []
    assert taking.lacking(catalogue, by_family["tender_document"], date(2026, 3, 2)) != []


# --- the commands -------------------------------------------------------------------------------------------------


def test_the_command_writes_drafts_and_a_whole_report(tmp_path: Path, stories: Cases) -> None:
    source = tmp_path / "package.json"
    source.write_bytes(numbers.write(packages.release_package(PUBLISHER, URI, releases(*stories["whole_tender"]))))
    done = CliRunner().invoke(cli, ["import", "ocds", str(source), "-o", str(tmp_path / "out"), "--json"])
    assert done.exit_code == 0, done.output
    report = json.loads((tmp_path / "out" / "report.json").read_text("utf-8"))
    assert report["counts"] == json.loads(done.stdout)
    (process,) = report["processes"]
    assert {d["file"] for d in process["drafts"]} == {p.name for p in (tmp_path / "out" / "0001").iterdir()}
    named = {u["pointer"] for u in (*report["unmapped"], *process["unmapped"], *process["mapped"])}
    assert named == {p for p, _ in leaves(json.loads(source.read_bytes()), "")}
    assert {d["family"] for d in process["drafts"]} >= {"project", "tender_notice", "award_notice", "contract_filing"}


def test_the_command_refuses_what_is_no_ocds(tmp_path: Path) -> None:
    source = tmp_path / "bad.json"
    source.write_bytes(b'{"ocid":"a","ocid":"b"}')
    for lang, word in (("zh", "重复"), ("en", "twice")):
        done = CliRunner().invoke(cli, ["import", "ocds", str(source), "-o", str(tmp_path / "out"), "--lang", lang])
        assert done.exit_code == 1
        assert word in done.stderr
        assert not (tmp_path / "out").exists()
