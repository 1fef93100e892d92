"""The catalogue as it is published in this repository."""

from __future__ import annotations

from base64 import b32encode
from datetime import date
from typing import Any

import pytest

from tradehall_standards import Catalogue, canonical, strict
from tradehall_standards.archive.judging import Judge
from tradehall_standards.build import check_root
from tradehall_standards.catalogue import MAX_FINDINGS
from tradehall_standards.sources import default_root

DAY = date(2026, 3, 2)
LATEST = date(2026, 12, 1)
"""The day on which every published family is in force."""


def test_lints_digests_chain_and_examples_of_both_engines_are_in_order() -> None:
    assert check_root(default_root()) == ()


def test_every_family_is_in_force_titled_and_declares_who_may_see_it(published: Catalogue) -> None:
    assert len(published.families()) >= 40
    for family in published.families():
        version = published.resolve(family, LATEST)
        assert version is not None, family
        assert version.disclosure in {"public", "at_opening", "panel"}
        for field in version.fields.values():
            assert field.titles.keys() == {"zh", "en"}, (version.id, field.path)


def test_bids_are_secret_until_opened(published: Catalogue) -> None:
    for family in ("bid_commitment", "sealed_bid", "bid_withdrawal", "bid_confirmation"):
        version = published.resolve(family, DAY)
        assert version is not None
        assert {field.disclosure for field in version.fields.values()} <= {"at_opening", "panel", "never"}


def test_valid_examples_pass_the_strict_parser_and_the_check(published: Catalogue) -> None:
    for family in published.families():
        for version in published.versions(family):
            day = max(DAY, version.in_force_from)
            for name, payload in version.valid_examples.items():
                assert strict.parse(canonical.jcs(payload)) == payload
                blocking = [item for item in published.check(version.ref, payload, day) if item.severity == "block"]
                assert blocking == [], (version.id, name)


def test_a_draw_from_the_pool_of_a_large_city_can_be_recorded(published: Catalogue) -> None:
    """Every name is on record, so that anyone can repeat the draw: 4,000 experts of one speciality fit."""
    version = published.resolve("expert_draw", DAY)
    assert version is not None
    draw = next(iter(version.valid_examples.values()))
    assert isinstance(draw, dict)
    pool: Any = [f"person:{b32encode(n.to_bytes(10, 'big')).decode().lower()}" for n in range(4000)]
    strata: Any = draw["strata"]
    large = draw | {"pool_size": 4007, "strata": [strata[0] | {"reserves": pool}, strata[1]]}
    assert strict.parse(canonical.jcs(large)) == large
    assert published.check(version.ref, large, DAY) == ()
    too_many = [
        *pool,
        *(f"person:{'z' * 12}{a}{b}{c}{d}" for a in "abc" for b in "abcdefgh" for c in "abcdefgh" for d in "abcdefgh"),
    ]
    over = large | {"strata": [strata[0] | {"reserves": too_many}, strata[1]]}
    assert [item.rule for item in published.check(version.ref, over, DAY)] == ["maxItems"]


def damaged(payload: Any) -> list[Any]:
    """The payload with each member removed, and with each value put to another type."""
    found: list[Any] = []
    for key in payload:
        found.append({name: value for name, value in payload.items() if name != key})
        found += [{**payload, key: other} for other in (None, 7, "x", [], {}, [{}], True)]
    return [*found, {**payload, "stranger": 1}]


def test_engines_agree_on_every_damaged_example(published: Catalogue) -> None:
    count = 0
    for family in published.families():
        version = published.resolve(family, LATEST)
        assert version is not None
        for payload in damaged(next(iter(version.valid_examples.values()))):
            first = published.check(version.ref, payload, LATEST)
            second = published.check_second(version.ref, payload, LATEST)
            assert [(item.pointer, item.keyword, item.message_en) for item in first] == [
                (item.pointer, item.keyword, item.message_en) for item in second
            ], (version.id, payload)
            assert len(first) <= MAX_FINDINGS
            count += bool(first)
    assert count > 1000


def test_codes_have_labels_in_both_languages_and_a_source(published: Catalogue) -> None:
    assert "regime" in published.codelists()
    for name in published.codelists():
        found = published.codelist(name, LATEST)
        assert found is not None, name
        assert found.valid_on(LATEST), name
        for row in found.rows:
            assert row.zh
            assert row.en
            assert row.source


@pytest.mark.parametrize(
    ("family", "member", "value"),
    [
        ("contract_filing", "signed_on", "0000-01-01"),
        ("outage_record", "from", "0000-03-01T09:30:00+08:00"),
        ("outage_record", "from", "0001-01-01T00:00:00+08:00"),
        ("outage_record", "to", "9999-12-31T23:59:59-14:00"),
    ],
)
def test_a_day_that_no_calendar_of_ours_holds_is_refused(
    published: Catalogue, family: str, member: str, value: str
) -> None:
    """The first engine passes the year 0000; what comes after it could not reckon with it."""
    version = published.resolve(family, DAY)
    assert version is not None
    payload: Any = {**dict(next(iter(version.valid_examples.values()))), member: value}  # type: ignore[call-overload]
    for check in (published.check, published.check_second):
        assert (f"/{member}", "format") in {(item.pointer, item.keyword) for item in check(version.ref, payload, DAY)}
    assert Judge(version).findings(payload, DAY) == published.check(version.ref, payload, DAY)


def test_the_first_and_the_last_day_may_be_named(published: Catalogue) -> None:
    version = published.resolve("contract_filing", DAY)
    assert version is not None
    for day in ("0001-01-01", "9999-12-31"):
        payload: Any = {**dict(next(iter(version.valid_examples.values()))), "signed_on": day}  # type: ignore[call-overload]
        assert published.check(version.ref, payload, DAY) == ()
