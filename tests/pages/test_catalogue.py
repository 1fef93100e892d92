"""The catalogue over HTTP: what never changes is kept for ever, and every version leads to its neighbours."""

from __future__ import annotations

import base64
import hashlib
import re
from datetime import date, datetime
from email.utils import parsedate_to_datetime
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from pages.stage import Stage
from tradehall.kernel.case import CENTRE_ZONE
from tradehall.web.accepting import best_of
from tradehall.web.api.editions import ending, links
from tradehall.web.pages.diary import as_atom, as_calendar
from tradehall.web.portal.views import Label
from tradehall_standards import Catalogue, canonical
from tradehall_standards.lifecycle import Decision

ATOM = "{http://www.w3.org/2005/Atom}"
PROJECT = "/api/v1/schemas/project/1.0.0"


def decision(event: str, on: str, known: str = "2026-01-01") -> Decision:
    return Decision("notice/1.0.0", event, date.fromisoformat(on), date.fromisoformat(known), {})  # type: ignore[arg-type]


def version(number: str, *decisions: Decision, sunset: str = "") -> Any:
    """A version as far as the headers and the diary look at it."""
    force = [d.on for d in decisions if d.event == "in_force"]
    return SimpleNamespace(
        family="notice",
        version=number,
        id=f"notice/{number}",
        digest="sha256:" + "0" * 64,
        titles={"": {"zh": "公告", "en": "Notice"}},
        decisions=decisions,
        in_force_from=force[0] if force else date.max,
        sunset=date.fromisoformat(sunset) if sunset else None,
    )


def shelf(*versions: Any) -> Any:
    return SimpleNamespace(versions=lambda _: versions, families=lambda: ("notice",))


# --- one exact version --------------------------------------------------------------------------------------------


def test_the_bytes_on_the_wire_have_the_digest_that_records_cite(stage: Stage, catalogue: Catalogue) -> None:
    answer = stage.http.get(PROJECT)
    digest = catalogue.versions("project")[0].digest
    assert f"sha256:{hashlib.sha256(answer.content).hexdigest()}" == digest
    assert answer.headers["etag"] == f'"{digest}"'
    raw = base64.b64encode(hashlib.sha256(answer.content).digest()).decode()
    assert answer.headers["repr-digest"] == f"sha-256=:{raw}:"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-type"] == "application/schema+json"
    assert answer.headers["vary"] == "Accept"


def test_the_source_is_another_representation_with_another_tag(stage: Stage, catalogue: Catalogue) -> None:
    source = stage.http.get(f"{PROJECT}?form=source")
    assert source.json() == catalogue.versions("project")[0].schema
    assert source.headers["etag"] != stage.http.get(PROJECT).headers["etag"]
    assert source.headers["etag"] == f'"{canonical.digest(source.json())}"'
    assert stage.http.get(f"{PROJECT}?form=other").status_code == 400


def test_who_has_it_already_costs_no_database(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    tag = stage.http.get(PROJECT).headers["etag"]

    def refused(*_: object) -> None:
        raise AssertionError("the store was asked")

    for name in ("read", "now"):
        monkeypatch.setattr(type(stage.node.store), name, refused)
    again = stage.http.get(PROJECT, headers={"if-none-match": tag})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == tag
    assert "immutable" in again.headers["cache-control"]
    with pytest.raises(AssertionError, match="the store was asked"):
        stage.node.store.now()


@pytest.mark.parametrize(
    ("accepted", "best"),
    [
        ("", "a/schema"),
        ("*/*", "a/schema"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "text/html"),
        ("text/html;q=0.5, a/schema", "a/schema"),
        ("a/*;q=0.1, text/*", "text/html"),
        ("text/html;q=0, */*", "a/schema"),
        ("image/png", "a/schema"),
        ("text/html;q=7", "a/schema"),
        (",,;q=,", "a/schema"),
    ],
)
def test_negotiation_follows_the_weights(accepted: str, best: str) -> None:
    assert best_of(accepted, ("a/schema", "text/html")) == best


def test_browsers_are_led_to_the_page_and_programs_get_the_schema(stage: Stage) -> None:
    page = stage.http.get(PROJECT, headers={"accept": "text/html,*/*;q=0.8"}, follow_redirects=False)
    assert (page.status_code, page.headers["location"]) == (303, "/standards/project/1.0.0")
    assert page.headers["vary"] == "Accept"
    assert stage.http.get(PROJECT, headers={"accept": "application/schema+json, text/html;q=0.9"}).json()["$id"]


def test_the_id_of_a_schema_leads_to_it(stage: Stage, catalogue: Catalogue) -> None:
    path = str(catalogue.versions("project")[0].schema["$id"]).removeprefix("https://tradehall.example")
    assert path == "/schemas/project/1.0.0"
    program = stage.http.get(path, follow_redirects=False)
    assert program.content == stage.http.get(PROJECT).content
    assert program.headers["etag"] == stage.http.get(PROJECT).headers["etag"]
    person = stage.http.get(path, headers={"accept": "text/html"}, follow_redirects=False)
    assert person.headers["location"] == "/standards/project/1.0.0"
    for moving in ("/schemas/project/latest", "/schemas/project/1"):
        assert stage.http.get(moving, follow_redirects=False).headers["location"] == PROJECT
    for nothing in ("/schemas/project/2", "/schemas/project/1.0.1", "/schemas/rumour/latest", "/schemas/rumour/1"):
        assert stage.http.get(nothing).status_code == 404, nothing
    assert stage.http.get("/schemas/project/latest?as_of=1999-01-01").status_code == 404


def test_links_lead_to_the_neighbours() -> None:
    first, second, third = (version(n) for n in ("1.0.0", "1.1.0", "2.0.0"))
    told = dict(re.findall(r'<([^>]+)>; rel="([^"]+)"', links(shelf(first, second, third), second)))
    assert {rel: target for target, rel in told.items()} == {
        "predecessor-version": "/api/v1/schemas/notice/1.0.0",
        "successor-version": "/api/v1/schemas/notice/2.0.0",
        "latest-version": "/api/v1/schemas/notice",
        "version-history": "/api/v1/schemas/notice/versions",
        "describedby": "/standards/notice/1.1.0",
        "license": "https://www.apache.org/licenses/LICENSE-2.0",
    }
    assert "predecessor" not in links(shelf(first, second), first)
    assert "successor" not in links(shelf(first, second), second)


def test_the_end_of_a_version_is_told_from_its_dates() -> None:
    old = version(
        "1.0.0", decision("in_force", "2026-01-01"), decision("deprecated", "2026-09-01"), sunset="2027-01-01"
    )
    new = version("2.0.0", decision("in_force", "2026-06-01"))
    told = ending(shelf(old, new), old)
    assert told["Deprecation"] == f"@{int(datetime(2026, 6, 1, tzinfo=CENTRE_ZONE).timestamp())}"
    assert parsedate_to_datetime(told["Sunset"]) == datetime(2027, 1, 1, tzinfo=CENTRE_ZONE)
    assert told["Sunset"].endswith(" GMT")
    alone = ending(shelf(old), old)
    assert alone["Deprecation"] == f"@{int(datetime(2026, 9, 1, tzinfo=CENTRE_ZONE).timestamp())}"
    assert ending(shelf(old, new), new) == {}
    assert ending(shelf(new, version("3.0.0")), new) == {}  # the later one is not in force on any day


# --- days ---------------------------------------------------------------------------------------------------------


def test_versions_have_their_state_on_every_day(stage: Stage) -> None:
    def states(query: str) -> list[str]:
        return [row["state"] for row in stage.http.get(f"/api/v1/schemas/project/versions?{query}").json()["items"]]

    assert states("as_of=2026-12-01") == ["in_force"]
    assert states("as_of=1999-01-01") == ["unpublished"]
    assert states("as_of=2026-12-01&as_known_on=1999-01-01") == ["unpublished"]
    assert stage.http.get("/api/v1/schemas/rumour/versions").status_code == 404
    assert stage.http.get("/api/v1/schemas/project/versions?as_of=soon").status_code == 400
    row = stage.http.get("/api/v1/schemas/project/versions").json()["items"][0]
    assert [d["event"] for d in row["dates"]] == ["published", "in_force"]


def test_what_to_cite_depends_on_the_day_and_on_what_was_known(stage: Stage) -> None:
    path = "/api/v1/schemas/project"
    assert stage.http.get(f"{path}?as_of=2026-12-01").json()["version"] == "1.0.0"
    assert stage.http.get(f"{path}?as_of=1999-01-01").status_code == 404
    assert stage.http.get(f"{path}?as_of=2026-12-01&as_known_on=1999-01-01").status_code == 404


def test_code_lists_tell_from_when_to_when_each_code_is_valid(stage: Stage, catalogue: Catalogue) -> None:
    listed = stage.http.get("/api/v1/codelists?as_of=2026-12-01").json()["items"]
    assert {row["list"] for row in listed} == set(catalogue.codelists())
    assert stage.http.get("/api/v1/codelists?as_of=1999-01-01").json()["items"] == []
    found = stage.http.get("/api/v1/codelists/currency?as_of=2026-12-01").json()
    edition = catalogue.codelist("currency", date(2026, 12, 1))
    assert edition is not None
    assert (found["digest"], found["codes"]) == (edition.digest, len(edition.rows))
    for row, code in zip(found["items"], edition.rows, strict=True):
        assert row["valid_from"] == code.valid_from.isoformat()
        assert row["valid_to"] == (code.valid_to.isoformat() if code.valid_to else None)
        assert (row["replaced_by"], row["source"]) == (code.replaced_by, code.source)


# --- feed and calendar --------------------------------------------------------------------------------------------


def test_the_feed_tells_what_was_decided(stage: Stage) -> None:
    answer = stage.http.get("/standards.atom?lang=en")
    assert answer.headers["content-type"] == "application/atom+xml; charset=utf-8"
    root = ET.fromstring(answer.content)  # noqa: S314 - our own feed
    entries = root.findall(f"{ATOM}entry")
    ids = [entry.findtext(f"{ATOM}id") for entry in entries]
    assert 0 < len(ids) == len(set(ids)) <= 100
    for entry in entries:
        link = entry.find(f"{ATOM}link")
        assert link is not None
        assert stage.get(link.get("href", "").removeprefix("http://testserver.local")).status_code == 200
    assert root.find(f"{ATOM}author/{ATOM}name") is not None


def test_the_feed_says_nothing_before_it_is_known() -> None:
    known = decision("in_force", "2026-01-01")
    later = decision("withdrawn", "2027-01-01", known="2026-09-01")
    one = shelf(version("1.0.0", known, later))

    def told(today: date) -> bytes:
        return as_atom(one, "https://hall.example", Label("中心", "Centre"), today, "zh")

    assert "废止".encode() not in told(date(2026, 8, 31))
    assert "废止".encode() in told(date(2026, 9, 1))
    assert ET.fromstring(told(date(2026, 9, 1))).findtext(f"{ATOM}updated") == "2026-09-01T00:00:00.000+08:00"  # noqa: S314


def test_the_calendar_has_one_entry_for_each_event_and_day() -> None:
    force, gone = decision("in_force", "2026-05-01"), decision("withdrawn", "2026-08-01")
    one = shelf(version("1.0.0", force, gone), version("1.1.0", force))
    now = datetime(2026, 4, 1, 12, tzinfo=CENTRE_ZONE)
    text = as_calendar(one, "https://hall.example", now, "zh")
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))
    whole = text.replace("\r\n ", "")
    assert whole.count("BEGIN:VEVENT") == 2
    assert "DTSTART;VALUE=DATE:20260501\r\nDTEND;VALUE=DATE:20260502" in whole
    assert "SUMMARY:开始实施 · 2 项标准" in whole
    assert "公告 notice/1.0.0\\n公告 notice/1.1.0" in whole
    assert "SUMMARY:废止 · 公告 notice/1.0.0" in whole
    assert "URL:https://hall.example/standards/notice/1.0.0" in whole
    assert as_calendar(one, "", now.replace(year=2028), "en").count("BEGIN:VEVENT") == 0


def test_the_calendar_of_the_node_is_one(stage: Stage) -> None:
    answer = stage.http.get("/standards.ics")
    assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
    assert answer.text.startswith("BEGIN:VCALENDAR\r\n")
    assert answer.text.endswith("END:VCALENDAR\r\n")
