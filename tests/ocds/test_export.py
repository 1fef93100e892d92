"""Packages of published cases 开放合同数据导出: valid in every state, silent before the opening, stable, whole."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ocds.gathering import PUBLISHER, Standard, cove, plain, releases
from tradehall.ocds import merging, numbers, packages, words
from tradehall.ocds.merging import by_id
from tradehall.ocds.telling import TELLS
from tradehall.ocds.told import UNTOLD, Told
from tradehall.procedures.open_tender import OPEN_TENDER

ROOT = Path(__file__).parents[2]
IMPORTING = re.compile(
    r"^\s*(?:from|import)\s+(?:libcove|libcoveocds|ocdsmerge|ocdsextensionregistry|ocdskit)\b", re.MULTILINE
)
Cases = dict[str, tuple[str, list[Told]]]
JUDGED = (
    "whole_tender",
    "cancellation_of_one_lot",
    "complaint_voids_the_award",
    "no_bids",
    "objection_orders_reevaluation",
)
URI = "http://testserver.local/api/v1/cases/x/ocds"


def states(case: str, records: list[Told]) -> Iterator[tuple[list[Told], list[dict[str, Any]]]]:
    """The releases after every single record: every state that the case ever had."""
    for stop in range(1, len(records) + 1):
        yield records[:stop], releases(case, records[:stop])


@pytest.fixture(scope="module")
def cases(stories: Cases) -> Cases:
    return stories


def test_every_state_of_every_case_is_valid_by_the_official_schemas(cases: Cases, standard: Standard) -> None:
    seen = 0
    for name, (case, records) in cases.items():
        before = ""
        for _, found in states(case, records):
            if not found or found[-1]["id"] == before:
                continue
            before = found[-1]["id"]
            seen += 1
            assert standard.faults(plain(packages.release_package(PUBLISHER, URI, found))) == [], name
            assert standard.faults(plain(packages.record_package(PUBLISHER, URI, [found]))) == [], name
    assert seen > 100


def test_the_second_engine_agrees(cases: Cases, standard: Standard) -> None:
    for case, records in cases.values():
        found = releases(case, records)
        assert standard.faults_by_the_second(plain(packages.release_package(PUBLISHER, URI, found))) == []
        assert standard.faults_by_the_second(plain(packages.record_package(PUBLISHER, URI, [found]))) == []


def test_a_broken_package_is_not_valid(tender: tuple[str, list[Told]], standard: Standard) -> None:
    package = plain(packages.release_package(PUBLISHER, URI, releases(*tender)))
    package["releases"][2]["tender"]["status"] = "open"
    assert standard.faults(package)
    assert standard.faults_by_the_second(package)


def test_libcoveocds_finds_nothing_and_the_reference_merge_is_ours(cases: Cases, tmp_path: Path) -> None:
    found = [releases(*cases[name]) for name in JUDGED]
    made = [packages.release_package(PUBLISHER, URI, [r for of_case in found for r in of_case])]
    made.append(packages.record_package(PUBLISHER, URI, found))
    broken = plain(made[0])
    broken["releases"][0]["tender"]["lots"][0]["status"] = "lost"
    answers = cove(tmp_path, [*made, broken])
    for answer in answers[:2]:
        assert answer["validation_errors"] == []
        assert answer["deprecated_fields"] == []
        assert answer["additional_closed_codelist_values"] == {}
        assert answer["extensions"]["invalid_extensions"] == []
        odd = {f["field"] for f in answer["additional_fields"] if "versionedRelease" not in f["path"]}
        assert all(name.endswith("_en") for name in odd), odd
    assert "releases/tender/lots/status" in str(answers[2]["additional_closed_codelist_values"])
    records = plain(made[1])["records"]
    for record, merged in zip(records, answers[1]["merged"], strict=True):
        assert record["compiledRelease"] == merged["compiled"]
        assert record["versionedRelease"] == untranslated(merged["versioned"])


def untranslated(value: Any) -> Any:
    """Without the histories of translations, of which the official schema of versioned releases knows nothing."""
    if isinstance(value, list):
        return [untranslated(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    return {k: untranslated(v) for k, v in value.items() if not merging.TRANSLATED.fullmatch(k)}


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
    else:
        yield str(value)


def test_nothing_tells_of_bids_before_the_opening(cases: Cases) -> None:
    looked = 0
    for name, (case, records) in cases.items():
        public = {r.author for r in records if r.family in ("project", "tender_document", "tender_notice")}
        bidders = {
            str(r.payload["bidder"]["id"]) for r in records if r.family == "bid_disclosure" and "bidder" in r.payload
        }
        secrets = {
            s for r in records if r.family in ("bid_commitment", "sealed_bid") for s in _texts(r.payload) if len(s) > 20
        }
        for so_far, found in states(case, records):
            if any(r.family in ("opening_start", "failed_tender") for r in so_far):
                break
            told = set(_texts(found))
            assert not told & {words.organisation_id(b) for b in bidders - public}, name
            assert not told & (secrets - {case} - _public_texts(so_far)), name
            assert not told & {"bids", "statistics", "numberOfTenderers", "tenderers", "enquiries"}, name
            looked += 1
    assert looked > 100


def _public_texts(records: list[Told]) -> set[str]:
    return {
        s
        for r in records
        if r.family not in UNTOLD
        for s in (*_texts(r.payload), r.digest, f"{PUBLISHER.url}/api/v1/records/{r.digest}")
    }


def test_bids_do_not_change_what_is_published(cases: Cases) -> None:
    """With all that is secret left out of the records, the same bytes come out: not even an order tells of a bid."""
    for case, records in cases.values():
        open_ones = [r for r in records if r.family not in UNTOLD]
        assert releases(case, open_ones) == releases(case, records)


def test_the_report_waits_for_the_display_of_the_candidates(tender: tuple[str, list[Told]]) -> None:
    case, records = tender
    at = next(i for i, r in enumerate(records) if r.family == "candidate_publicity")
    before, after = releases(case, records[:at]), releases(case, records[: at + 1])
    assert "evaluationReports" not in set(_texts(before))
    assert "evaluationReports" in set(_texts(after[-1]))


def test_merging_all_releases_gives_the_present_state(cases: Cases) -> None:
    for case, records in cases.values():
        found = releases(case, records)
        now = merging.compiled(found)
        last = {name: release[name] for release in found for name in ("tender", "planning") if name in release}
        assert now["tender"] == last["tender"]
        assert now["planning"] == last["planning"]
        for name in ("awards", "contracts"):
            latest = {item["id"]: item for release in found for item in release.get(name, [])}
            assert now.get(name, []) == list(latest.values())
        bids = {b["id"]: b for release in found for b in release.get("bids", {}).get("details", [])}
        assert now.get("bids", {}).get("details", []) == list(bids.values())
        ids = {p["id"] for p in now["parties"]}
        for release in found:
            named = {p["id"] for p in release["parties"]}
            assert named <= ids
            assert packages._references(release) <= named, "a release names no party that it does not describe"


def test_ids_never_change_as_a_case_goes_on(cases: Cases) -> None:
    for case, records in cases.values():
        last: list[str] = []
        for _, found in states(case, records):
            ids = [r["id"] for r in found]
            assert ids[: len(last)] == last
            last = ids
        assert len(set(last)) == len(last)
        assert all(i.startswith(f"ocds-xxxxxx-{case}-") for i in last)


def test_arrays_merge_by_unique_ids(cases: Cases) -> None:
    def check(value: Any) -> None:
        if isinstance(value, dict):
            for inner in value.values():
                check(inner)
        elif isinstance(value, list):
            if by_id(value):
                assert len({i["id"] for i in value}) == len(value), value
            for inner in value:
                check(inner)

    for case, records in cases.values():
        check(releases(case, records))


def test_the_events_of_the_played_tender_have_their_tags(tender: tuple[str, list[Told]]) -> None:
    tags = [t for r in releases(*tender) for t in r["tag"]]
    assert [t for t in tags if t != "tenderUpdate"] == [
        "planning", "planningUpdate", "tender", "award", "awardUpdate", "contract",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "tag", "status"),
    [
        ("cancellation_of_one_lot", "tenderCancellation", None),
        ("cancellation_keeps_bids_sealed", "tenderCancellation", "cancelled"),
        ("outage_with_extension", "tenderAmendment", None),
        ("no_bids", "tenderUpdate", "unsuccessful"),
        ("too_few_bids_fail_one_lot", "tenderUpdate", None),
        ("winner_declines_after_the_award", "awardUpdate", "complete"),
    ],
)
def test_a_story_ends_as_it_should(name: str, tag: str, status: str | None, stories: Cases) -> None:
    found = releases(*stories[name])
    assert tag in {t for r in found for t in r["tag"]}
    if status:
        assert merging.compiled(found)["tender"]["status"] == status


def test_a_winner_who_declines_leaves_a_cancelled_award(stories: Cases) -> None:
    awards = merging.compiled(releases(*stories["winner_declines_after_the_award"]))["awards"]
    assert [a["status"] for a in awards] == ["cancelled", "active"]


def test_amounts_keep_their_digits(tender: tuple[str, list[Told]]) -> None:
    case, records = tender
    text = numbers.write(releases(case, records)).decode()
    amounts = [str(r.payload["price"]["amount"]) for r in records if r.family == "award_notice"]  # type: ignore[index,call-overload]
    assert amounts
    assert all(f'"amount":{a},' in text for a in amounts)
    assert numbers.write({"amount": Decimal("123456789012345.67")}) == b'{"amount":123456789012345.67}'
    with pytest.raises(TypeError):
        numbers.write({"amount": Decimal("NaN")})


def test_a_case_that_is_not_announced_has_no_releases(tender: tuple[str, list[Told]]) -> None:
    case, records = tender
    at = next(i for i, r in enumerate(records) if r.family == "tender_notice")
    assert releases(case, records[:at]) == []
    with pytest.raises(ValueError, match="one release"):
        packages.release_package(PUBLISHER, URI, [])


def test_every_family_of_the_procedure_is_told_or_left_out_for_a_reason() -> None:
    assert OPEN_TENDER.families() == TELLS.keys() | UNTOLD.keys()
    assert not TELLS.keys() & UNTOLD.keys()


def test_organisations_go_out_and_come_back() -> None:
    for party in ("org:9151010000T000010G", "foreign:jp:A-12", "person:vsgfdov6izkwv5up"):
        assert words.party_of(words.organisation_id(party)) == party
    assert words.organisation_id("org:9151010000T000010G") == "CN-USCI-9151010000T000010G"
    assert words.party_of("GB-COH-1234") is None


def test_whole_lists_are_those_of_the_standard() -> None:
    def whole(node: Any) -> Iterator[str]:
        if isinstance(node, dict):
            for key, inner in node.items():
                if isinstance(inner, dict) and inner.get("wholeListMerge"):
                    yield key
                yield from whole(inner)

    assert set(whole(dict(packages.standard("release-schema")))) == merging.WHOLE


def test_no_source_of_ours_imports_what_judges_it() -> None:
    for folder in ("platform", "standards"):
        for path in (ROOT / folder).rglob("*.py"):
            assert not IMPORTING.search(path.read_text("utf-8")), path.relative_to(ROOT)
    assert "libcoveocds" not in (ROOT / "requirements" / "run.lock").read_text()
    assert "libcoveocds" not in (ROOT / "requirements" / "dev.lock").read_text()


def test_the_extension_of_ours_is_whole() -> None:
    folder = ROOT / "platform" / "tradehall" / "ocds" / "extension"
    metadata = json.loads((folder / "extension.json").read_text("utf-8"))
    assert set(metadata["name"]) == {"zh", "en"}
    fields = json.loads((folder / "release-schema.json").read_text("utf-8"))["definitions"]
    for definition in fields.values():
        for name, field in definition["properties"].items():
            assert field["title"], name
            assert field["title_zh"], name
