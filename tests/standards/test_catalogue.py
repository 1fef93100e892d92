from __future__ import annotations

import copy
import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from standards import mini
from standards.test_strict import JSON
from tradehall_standards import Catalogue, CatalogueError, SchemaRef, Version, canonical
from tradehall_standards.build import build
from tradehall_standards.catalogue import MAX_FINDINGS

DAY = date(2026, 3, 2)


def found(catalogue: Catalogue, payload: Any, day: date = DAY) -> list[tuple[str, str]]:
    version = catalogue.version("notice", "1.0.0")
    assert version is not None
    first = catalogue.check(version.ref, payload, day)
    second = catalogue.check_second(version.ref, payload, day)
    assert [(item.pointer, item.keyword, item.message_zh, item.message_en) for item in first] == [
        (item.pointer, item.keyword, item.message_zh, item.message_en) for item in second
    ]
    for item in first:
        assert item.message_zh
        assert item.message_en
    return [(item.pointer, item.keyword) for item in first]


def good(**changes: Any) -> dict[str, Any]:
    return mini.changed(mini.GOOD, **changes)


def lots(*rows: Any) -> list[Any]:
    return [{**mini.GOOD["lots"][0], **row} for row in rows]


def test_a_good_payload_has_no_finding(catalogue: Catalogue) -> None:
    assert found(catalogue, mini.GOOD) == []


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (good(title=None), [("", "required")]),
        (good(title=5), [("/title", "type")]),
        (good(title="长" * 21), [("/title", "maxLength")]),
        (good(stranger=1), [("", "additionalProperties")]),
        (good(lots=[]), [("/lots", "minItems")]),
        (good(lots=lots({"id": "L0"})), [("/lots/0/id", "pattern")]),
        (good(lots=lots({"id": "L1\n"})), [("/lots/0/id", "pattern")]),
        (good(lots=lots({"price": {"amount": "1.0", "currency": "CNY"}})), [("/lots/0/price/amount", "pattern")]),
        (good(lots=lots({"price": {"amount": "１.00", "currency": "CNY"}})), [("/lots/0/price/amount", "pattern")]),
        (good(lots=lots({"price": {"amount": "1.00", "currency": "XXX"}})), [("/lots/0/price/currency", "enum")]),
        (good(lots=lots({}, {})), [("/lots", "uniqueItems")]),
        (good(lots=lots({}, {"count": 2})), [("/lots", "x-rule")]),
        (good(party="org:914403001922038217"), [("/party", "x-identifier")]),
        (good(closes_on="2026-02-30"), [("/closes_on", "format")]),
        (good(issued_at="2026-03-02T09:00:00"), [("/issued_at", "format")]),
        (good(tags={"A": "x"}), [("/tags", "additionalProperties")]),
        (good(tags={"a": 1}), [("/tags/a", "type")]),
        ([], [("", "type")]),
        (None, [("", "type")]),
    ],
)
def test_every_fault_is_found_at_its_place(catalogue: Catalogue, payload: Any, expected: list[tuple[str, str]]) -> None:
    assert found(catalogue, payload) == expected


@settings(max_examples=150, deadline=None)
@given(JSON)
def test_no_payload_makes_a_check_raise_and_engines_agree(catalogue: Catalogue, payload: Any) -> None:
    found(catalogue, payload)


MEMBERS = st.sampled_from(sorted(mini.NOTICE["properties"]))


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(MEMBERS, JSON, max_size=4), st.sets(MEMBERS, max_size=2))
def test_engines_agree_on_damaged_payloads(catalogue: Catalogue, put: dict[str, Any], drop: set[str]) -> None:
    payload = {key: value for key, value in {**mini.GOOD, **put}.items() if key not in drop}
    found(catalogue, payload)


def test_sentences_name_the_field_and_the_limit(notice: Version, catalogue: Catalogue) -> None:
    item = catalogue.check(notice.ref, good(lots=lots({"count": 12})), DAY)[0]
    assert item.message_zh == "“数量”不得大于 9"
    assert item.message_en == "“数量” must not be greater than 9"
    assert item.clause == "notice/1.0.0#/properties/lots/items/properties/count/maximum"
    missing = catalogue.check(notice.ref, good(title=None, party=None), DAY)
    assert [entry.message_zh for entry in missing] == ["“公告”缺少必填项：party、title"]


def test_messages_never_repeat_a_long_value(notice: Version, catalogue: Catalogue) -> None:
    secret = "密" * 100_000
    for payload in (
        good(title=secret),
        good(**{"k" * 100_000: 1}),
        good(lots=lots({"id": secret})),
        good(party=secret[:60]),
    ):
        for item in catalogue.check(notice.ref, payload, DAY):
            assert len(item.message_zh) < 400
            assert len(item.message_en) < 400
            assert secret[:20] not in item.message_zh


def test_many_alike_findings_are_told_as_a_number(notice: Version, catalogue: Catalogue) -> None:
    rows = lots(*({"id": f"L{n}", "count": 0} for n in range(1, 101)))
    items = catalogue.check(notice.ref, good(lots=rows), DAY)
    assert [item.pointer for item in items] == ["/lots/0/count", "/lots/1/count", "/lots/2/count"]
    assert items[-1].message_zh.endswith("（另有 97 处同样问题）")
    assert len(items) <= MAX_FINDINGS


def test_a_code_is_judged_on_the_day_of_the_event(catalogue: Catalogue, tmp_path: Path) -> None:
    mark = good(lots=lots({"price": {"amount": "1.00", "currency": "DEM"}}))
    version = catalogue.version("notice", "1.0.0")
    assert version is not None
    item = catalogue.check(version.ref, mark, DAY)[0]
    assert (item.pointer, item.keyword, item.rule) == ("/lots/0/price/currency", "x-codelist", "currency")
    assert "由 EUR 代替" in item.message_zh
    assert catalogue.code("currency", "DEM", date(2001, 12, 31)) is None  # no edition of the list was out yet
    edition = catalogue.codelist("currency", DAY)
    assert edition is not None
    assert edition.row("DEM", date(2001, 12, 31)) is not None
    assert edition.row("DEM", date(2002, 1, 1)) is None
    assert [row.code for row in edition.valid_on(DAY)] == ["CNY", "EUR"]


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"version": "9.0.0"}, "SCHEMA-UNKNOWN"),
        ({"id": "nothing"}, "SCHEMA-UNKNOWN"),
        ({"id": "x" * 1000}, "SCHEMA-UNKNOWN"),
        ({"digest": "sha256:" + "0" * 64}, "SCHEMA-DIGEST"),
        ({"digest": ""}, "SCHEMA-DIGEST"),
    ],
)
def test_a_wrong_citation_is_a_finding(
    catalogue: Catalogue, notice: Version, change: dict[str, str], rule: str
) -> None:
    ref = replace(notice.ref, **change)
    for check in (catalogue.check, catalogue.check_second):
        items = check(ref, mini.GOOD, DAY)
        assert [(item.rule, item.severity) for item in items] == [(rule, "block")]
        assert len(items[0].message_zh) < 300


def test_the_date_chooses_the_version(sources: Path) -> None:
    record = sources / "records" / "notice"
    build(sources)
    newer = copy.deepcopy(mini.NOTICE)
    newer["$id"] = f"{mini.HOST}notice/1.1.0"
    newer["properties"]["title"]["maxLength"] = 30
    for path in sorted(record.rglob("1.0.0/**/*.json")):
        if path.name not in {"manifest.json", "schema.json"}:
            mini.put(record / "1.1.0" / path.relative_to(record / "1.0.0"), mini.get(path))
    mini.put(record / "1.1.0" / "schema.json", newer)
    states = {"published_on": "2026-05-01", "in_force_from": "2026-06-01", "sunset": "2027-01-01"}
    mini.put(record / "1.1.0" / "manifest.json", {"states": states, "legal_basis": ["招标投标法 16"]})
    build(sources)
    catalogue = Catalogue.load(sources)

    def chosen(day: date) -> str | None:
        version = catalogue.resolve("notice", day)
        return version and version.version

    assert [chosen(date(*day)) for day in ((2025, 12, 31), (2026, 5, 31), (2026, 6, 1), (2027, 1, 1))] == [
        None,
        "1.0.0",
        "1.1.0",
        "1.0.0",
    ]
    old, new = catalogue.versions("notice")
    assert (new.predecessor, new.legal_basis) == ("1.0.0", ("招标投标法 16",))
    assert [catalogue.state(new, date(*day)) for day in ((2026, 4, 30), (2026, 5, 1), (2026, 6, 1), (2027, 1, 1))] == [
        "unpublished",
        "published",
        "in_force",
        "withdrawn",
    ]
    assert catalogue.state(old, date(2026, 6, 1)) == "superseded"
    assert catalogue.check(old.ref, mini.GOOD, date(2026, 7, 1)) == ()  # pinned when the case was announced
    for day in (date(2026, 5, 15), date(2027, 1, 1)):
        assert [item.rule for item in catalogue.check(new.ref, mini.GOOD, day)] == ["SCHEMA-NOT-IN-FORCE"]


def test_fields_carry_titles_and_disclosure(notice: Version) -> None:
    assert notice.fields["/lots/*/price/amount"].titles == {"zh": "数额", "en": "数额"}
    assert notice.fields["/lots/*/price"].titles["zh"] == "限价"
    assert notice.fields["/lots/*"].titles["zh"] == "标段"
    assert notice.field_at(["lots", 7, "price", "currency"]).titles["zh"] == "币种"
    assert notice.field_at(["tags", "abc"]).path == "/tags/*"
    assert notice.field_at(["no", "such"]).path == ""
    assert notice.disclosure == "public"
    assert notice.disclosure_at(["secret"]) == "panel"
    assert notice.disclosure_at(["title"]) == "public"
    assert notice.fields["/closes_on"].required is False
    assert notice.fields["/title"].required is True
    assert notice.titles["/title"]["zh"] == "标题"


def test_the_bundle_stands_alone(notice: Version) -> None:
    text = json.dumps(notice.bundle)
    assert text.count(mini.HOST) == 1  # its own $id
    assert '"enum": ["CNY", "DEM", "EUR"]' in text
    assert canonical.digest(notice.bundle) == notice.digest
    assert notice.ref == SchemaRef("notice", "1.0.0", notice.digest)


# --- tampering


def files(root: Path) -> list[Path]:
    return sorted(path for path in root.rglob("*.json"))


def test_every_file_of_the_catalogue_is_covered_by_a_digest(built: Path) -> None:
    for path in files(built):
        saved = path.read_bytes()
        document = json.loads(saved)
        if isinstance(document, list):
            document[0]["note"] = "changed"
        else:
            document["note"] = "changed"
        path.write_text(json.dumps(document), encoding="utf-8")
        with pytest.raises(CatalogueError):
            Catalogue.load(built)
        path.write_bytes(saved)
    assert Catalogue.load(built).families() == ("notice",)


def test_a_missing_or_extra_file_is_refused(built: Path) -> None:
    record = built / "records" / "notice" / "1.0.0"
    (record / "extra.json").write_text("{}")
    with pytest.raises(CatalogueError, match=r"extra\.json"):
        Catalogue.load(built)
    (record / "extra.json").unlink()
    (record / "rules.json").unlink()
    with pytest.raises(CatalogueError, match=r"rules\.json"):
        Catalogue.load(built)


@pytest.mark.parametrize("damage", ["drop", "swap", "relist", "head"])
def test_a_broken_chain_is_refused(built: Path, damage: str) -> None:
    index = mini.get(built / "catalogue.json")
    entries = index["entries"]
    if damage == "drop":
        del entries[0]
    elif damage == "swap":
        entries[0], entries[1] = entries[1], entries[0]
    elif damage == "relist":
        entries.append({**entries[1], "previous": index["head"]})
        index["head"] = canonical.digest(entries[-1])
    else:
        index["head"] = "sha256:" + "0" * 64
    mini.put(built / "catalogue.json", index)
    with pytest.raises(CatalogueError, match=r"catalogue\.json"):
        Catalogue.load(built)


def test_another_code_list_under_the_same_date_is_refused(built: Path) -> None:
    path = built / "codelists" / "currency" / "2026-01-01.json"
    document = mini.get(path)
    document["rows"].append({**document["rows"][0], "code": "XXX"})
    mini.put(path, document)
    with pytest.raises(CatalogueError, match="pinned"):
        Catalogue.load(built)


def test_a_swapped_reference_changes_the_digest(built: Path) -> None:
    path = built / "common" / "1.0.0" / "schema.json"
    document = mini.get(path)
    document["$defs"]["Money"]["properties"]["amount"]["maxLength"] = 19
    mini.put(path, document)
    manifest = mini.get(path.parent / "manifest.json")
    manifest["files"]["schema.json"] = canonical.sha256_hex(path.read_bytes())
    mini.put(path.parent / "manifest.json", manifest)
    with pytest.raises(CatalogueError, match="the bundle has digest"):
        Catalogue.load(built)


def test_a_hostile_file_is_refused_not_parsed(built: Path) -> None:
    path = built / "records" / "notice" / "1.0.0" / "schema.json"
    path.write_text("[" * 100_000)
    with pytest.raises(CatalogueError, match="TOO_DEEP"):
        Catalogue.load(built)
