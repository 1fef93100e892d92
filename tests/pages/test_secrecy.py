"""What pages, feeds and exports must not tell before its time."""

from __future__ import annotations

import re

import pytest

from pages.stage import Stage
from tradehall.demo.play import project_payload
from tradehall.desk.journal import Entry, Journal
from tradehall.desk.ports import Stored

BEFORE = ("announced", "answered", "sealed", "late")


def secrets_of(stage: Stage) -> list[str]:
    """Everything that would tell who bids, or name a bid."""
    bids = stage.play.bids
    names = [b.actor.name for b in bids] + [b.actor.party for b in bids]
    keys = [b.submission for b in bids] + [b.key_text for b in bids] + [b.signer.kid for b in bids]
    letters = [str(payload["number"]) for _, payload in stage.play.facts["letter_files"].values()]
    return [*names, *keys, *letters, *stage.play.facts["letters"].values(), str(stage.play.facts["session"])]


@pytest.mark.parametrize("step", BEFORE)
def test_before_the_opening_nothing_tells_who_bids(stage: Stage, step: str) -> None:
    text = stage.shots[step].everything
    found = [secret for secret in secrets_of(stage) if secret in text]
    assert found == []


def test_before_the_opening_pages_are_the_same_whether_anybody_bids_or_not(stage: Stage) -> None:
    """Bids were handed in, replaced and withdrawn between the two shots; only clock, log and time left moved."""
    changing = re.compile(
        r'data-now="[^"]*"|服务器时间 [0-9:]+|<code class="hash">[0-9a-f]*</code>|条目</dt><dd>[0-9,]+|Entries</dt><dd>[0-9,]+'
        r"|countdown-time\"[^>]*data-countdown-time>[^<]*|Server time [0-9:]+|log</dt><dd>[^<]*|公开日志条目</dt><dd>[0-9,]+"
        r"|Entries in the public log</dt><dd>[0-9,]+|[0-9]+ 天[前后]|in [0-9]+ days?|[0-9]+ days? (?:ago|left)|今天|明天|昨天"
        r"|(?:打印自|日志根)[^<]*|DTSTAMP:[0-9TZ]+|<updated>[^<]*|data-clock[^<]*<|[0-9]+ cit(?:y|ies)|[0-9]+ 个</dd>"
    )
    pages = ("/notices", "/notices/*", "/openings/*", "/notices.csv", "/notices.atom")
    for path in pages:
        one, two = (changing.sub("", stage.shots[s](path)) for s in ("answered", "sealed"))
        assert one == two, path


def test_before_the_opening_no_count_and_no_timeline_of_bids(stage: Stage) -> None:
    for step in BEFORE:
        shot = stage.shots[step]
        assert shot.feed == []
        for lang in ("zh", "en"):
            hall, case = shot("/openings/*", lang), shot("/notices/*", lang)
            assert not re.search(r"共 [0-9]+ 份|[0-9]+ bids?\b", hall)
            assert "data-row" not in hall
            for family in ("bid_commitment", "sealed_bid", "bid_withdrawal", "opening_start"):
                assert family not in case


def test_before_the_opening_no_secret_row_is_even_read(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """How long a page takes must not tell how many bids there are."""

    def touched(*_: object, **__: object) -> None:
        raise AssertionError("a secret row was read")

    monkeypatch.setattr("tradehall.desk.cloak.Cloak.open", touched)
    monkeypatch.setattr("tradehall.desk.cloak.Cloak.tag", touched)
    for path in ("/", "/notices", "/openings", f"/notices/{stage.waiting}", f"/openings/{stage.waiting}"):
        assert stage.get(path).status_code == 200
    stage.app.state["portal"].told(stage.waiting, -1)


def test_before_the_opening_the_api_reads_no_sealed_record(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """It once opened every sealed record of the case to show none of them: the more bids, the later the answer."""
    read: list[object] = []
    real = Journal.entry

    def noted(self: Journal, stored: Stored) -> Entry:
        read.append(stored.row.case)
        return real(self, stored)

    monkeypatch.setattr(Journal, "entry", noted)
    for path in ("", "/records"):
        assert stage.get(f"/api/v1/cases/{stage.waiting}{path}").status_code == 200
    assert read
    assert None not in read


def test_withdrawn_replaced_and_failed_bids_stay_secret_after_the_opening(stage: Stage) -> None:
    shown = {b.submission for b in stage.play.bids if b.lot == "L1"}
    text = "\n".join(shot.everything for shot in stage.shots.values())
    assert set(re.findall(r"b-[a-z2-7]{26}", text)) == shown
    losers = [b for b in stage.play.bids if b.lot == "L2"]
    assert len(losers) == 2
    assert not any(b.actor.name in text or b.signer.kid in text for b in losers)


def test_prices_and_names_come_with_the_opening_and_not_before(stage: Stage) -> None:
    counted, closed = stage.shots["counted"]("/openings/*"), stage.shots["closed"]("/openings/*")
    for bid in stage.play.bids:
        if bid.lot == "L1":
            assert bid.submission in counted
            assert bid.actor.name not in counted
            assert bid.actor.name in closed
    assert "19,120,000.00" not in counted
    assert "19,120,000.00" in closed


def test_the_report_is_shown_from_the_publicity_on(stage: Stage) -> None:
    assert "evaluation_report" not in stage.shots["reported"].everything
    for bidder in stage.play.facts["report_payload"]["candidates"]:
        assert f"{bidder['total']}" not in stage.shots["reported"]("/notices/*")
        assert f"{bidder['total']}" in stage.shots["publicity"]("/notices/*")
    assert "evaluation_report" in stage.shots["publicity"]("/notices/*")


def test_the_committee_is_named_after_the_award_only(stage: Stage) -> None:
    members = stage.play.facts["report_payload"]["members"]
    names = [stage.who.experts[m].name for m in members]
    for step in ("reported", "publicity", "paused"):
        text = stage.shots[step].everything
        assert not any(name in text or member in text for name, member in zip(names, members, strict=True)), step
    assert all(name in stage.shots["contracted"]("/notices/*") for name in names)


def test_before_the_award_no_link_leads_to_a_record_that_names_a_member(stage: Stage) -> None:
    report = str(stage.play.facts["report"])
    assert report in stage.shots["publicity"]("/notices/*")
    assert f'/api/v1/records/{report}"' not in stage.shots["publicity"]("/notices/*")
    assert f'/api/v1/records/{report}"' in stage.shots["contracted"]("/notices/*")


def test_who_asks_or_objects_is_never_named(stage: Stage) -> None:
    asker, objector = stage.who.bidders[0].name, stage.who.bidders[1].name
    assert asker not in stage.shots["answered"].everything
    page = stage.shots["paused"]("/notices/*")
    entry = page[page.index("/standards/objection/") - 400 : page.index("/standards/objection/")]
    assert "不公开" in entry
    assert objector not in entry


@pytest.mark.parametrize("path", ["/notices/{}", "/openings/{}", "/openings/{}/feed"])
def test_secret_cases_are_not_there(stage: Stage, path: str) -> None:
    session, letter = stage.play.facts["session"], next(iter(stage.play.facts["letters"].values()))
    nothing = stage.get(path.format("t-" + "a" * 26))
    for case in (session, letter, session.upper(), "x", "t-" + "é" * 26, "t-" + "a" * 27):
        answer = stage.get(path.format(case))
        assert answer.status_code == nothing.status_code == 404


def test_a_case_without_a_notice_is_not_there(stage: Stage) -> None:
    case = str(stage.who.agency.client.post("/cases", {"procedure": "open_tender"})["id"])
    stage.who.agency.file(case, "project", project_payload(stage.who))
    assert stage.get(f"/notices/{case}").status_code == 404
    assert case not in stage.get("/notices").text


def test_the_workbench_lists_no_letter_that_its_beneficiary_may_not_know_of_yet(stage: Stage) -> None:
    tenderer = stage.who.tenderer.client
    page = stage.http.get("/work", headers={"authorization": f"Bearer {tenderer.token}", "accept": "text/html"}).text
    known = {item["case"] for item in tenderer.get("/inbox")["items"]}
    shown = set(re.findall(r"/work/cases/([rg]-[a-z2-7]{26})", page))
    assert shown == known
    assert set(stage.play.facts["letters"].values()) - known


def test_a_session_goes_by_the_tender_it_belongs_to(stage: Stage) -> None:
    agency = stage.who.agency.client
    page = stage.http.get("/work", headers={"authorization": f"Bearer {agency.token}", "accept": "text/html"}).text
    assert "远程异地评标 · 示例大道市政道路改造工程" in page
