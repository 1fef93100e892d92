"""Every page with real records: what it says, in both languages, at every step."""

from __future__ import annotations

import csv
import re
from io import StringIO
from xml.etree import ElementTree as ET

import pytest

from pages.stage import Stage
from tradehall.web.pages.exports import neutral
from tradehall.web.pages.standards import OTHERS

PAGES = ("/", "/notices", "/openings", "/standards", "/standards/tender_notice", "/verify", "/about", "/login")


@pytest.mark.parametrize("path", PAGES)
def test_pages_speak_both_languages_and_are_safe(stage: Stage, path: str) -> None:
    zh, en = stage.get(f"{path}?lang=zh"), stage.get(f"{path}?lang=en")
    assert (zh.status_code, en.status_code) == (200, 200)
    assert '<html lang="zh-CN"' in zh.text
    assert '<html lang="en"' in en.text
    assert zh.headers["content-type"] == "text/html; charset=utf-8"
    assert "script-src 'self'" in zh.headers["content-security-policy"]
    assert zh.headers["x-content-type-options"] == "nosniff"
    assert "Cookie" in zh.headers["vary"]
    assert not re.search(r"<script(?! src)|\son[a-z]+=|style=", zh.text)


def test_language_and_size_are_remembered(stage: Stage) -> None:
    first = stage.get("/about?lang=en&size=large")
    assert {c.name: c.value for c in stage.http.cookies.jar} == {"lang": "en", "size": "large"}
    assert 'data-size="large"' in first.text
    again = stage.get("/about")
    assert '<html lang="en" data-size="large">' in again.text
    assert "set-cookie" not in again.headers
    assert 'href="/about?size=normal"' in again.text
    assert '<html lang="zh-CN" data-size="normal">' in stage.get("/about?lang=zh&size=normal").text


def test_unknown_languages_and_sizes_change_nothing(stage: Stage) -> None:
    answer = stage.get("/about?lang=fr&size=huge")
    assert '<html lang="zh-CN" data-size="normal">' in answer.text
    assert "set-cookie" not in answer.headers
    assert '<html lang="en"' in stage.get("/about", **{"accept-language": "en-GB,en;q=0.9"}).text


def test_home_shows_openings_deadlines_and_totals(stage: Stage) -> None:
    sealed = stage.shots["sealed"]("/")
    assert "示例大道市政道路改造工程（虚构）" in sealed
    assert "34,700,000.00" in sealed
    assert "2 天后" in sealed
    opened = stage.shots["counted"]("/")
    assert "正在开标" in opened
    assert "阳光交易大厅（线上）" in opened
    totals = re.findall(r"<dd>([0-9,]+)</dd>", stage.get("/").text)
    assert totals[:3] == ["3", "1", "1"]


def test_search_narrows_and_pages(stage: Stage) -> None:
    every = stage.get("/notices").text
    assert all(f"/notices/{case}" in every for case in (stage.tender, stage.waiting, stage.cancelled))
    found = stage.get("/notices?q=小学&stage=cancelled&regime=tender_law&region=5101").text
    assert stage.cancelled in found
    assert stage.tender not in found
    first = stage.get("/notices?limit=1").text
    following = re.search(r'rel="next" href="([^"]+)"', first)
    assert following is not None
    second = stage.get(following[1].replace("&amp;", "&")).text
    one, two = (set(re.findall(r'href="/notices/(t-[a-z2-7]{26})"', t)) for t in (first, second))
    assert len(one) == len(two) == 1
    assert one != two
    assert "没有符合条件的项目" in stage.get("/notices?q=%3Cscript%3E").text
    assert "<script>" not in stage.get("/notices?q=%3Cscript%3E").text
    assert stage.get("/notices?after=%FF").status_code == 400


def test_a_case_waiting_for_bids(stage: Stage) -> None:
    page = stage.get(f"/notices/{stage.waiting}").text
    for words in (
        "=示例&lt;b&gt;湖&lt;/b&gt;片区照明改造",
        "距投标截止",
        "第 2 开标厅",
        "工程 · 市政",
        "成都市",
        "银行保函",
    ):
        assert words in page
    assert "<b>湖" not in page
    assert 'href="/api/v1/cases/' + stage.waiting in page


def test_answers_stand_under_their_questions(stage: Stage) -> None:
    page = stage.shots["answered"]("/notices/*")
    assert page.index("一标段夜间施工是否受限？") < page.index("夜间 22 时至次日 6 时")
    assert "等待答复" not in page
    assert "提问截止" in page


def test_every_record_has_digest_place_and_receipt(stage: Stage) -> None:
    page = stage.shots["contracted"]("/notices/*")
    items = stage.http.get(f"/api/v1/cases/{stage.tender}/records").json()["items"]
    assert len(items) > 30
    for item in items:
        assert item["digest"] in page
        assert f"日志第 {item['index']:,} 条" in page
        assert f"/api/v1/records/{item['digest']}/receipt" in page
    receipt = re.search(r'href="(/api/v1/records/[^"]+/receipt)"', page)
    assert receipt is not None
    assert stage.http.get(receipt[1]).json()["receipt"]["case"] == stage.tender


def test_links_of_a_case_lead_somewhere(stage: Stage) -> None:
    page = stage.get(f"/notices/{stage.tender}").text
    links = set(re.findall(r'href="(/[^"#]*)"', page)) - {"/logout"}
    assert len(links) > 60
    for link in sorted(links):
        assert stage.get(link.replace("&amp;", "&")).status_code == 200, link


def test_a_paused_case_says_so(stage: Stage) -> None:
    page, english = stage.shots["paused"]("/notices/*"), stage.shots["paused"]("/notices/*", "en")
    assert "程序已暂停" in page
    assert "招标人答复异议" in page
    assert "An objection pauses it until it is answered" in english
    assert "程序已暂停" not in stage.shots["contracted"]("/notices/*")
    assert "异议不成立" in stage.shots["contracted"]("/notices/*")


def test_results_by_lot(stage: Stage) -> None:
    page = stage.shots["contracted"]("/notices/*")
    winner = stage.play.facts["winner"]
    assert winner["bidder"]["name"] in page
    assert "合同签订于" in page
    assert "本标段招标失败" in page
    assert "投标人少于三个" in page
    assert "公示期" in page
    assert "金额不足" in page  # why the bid with the short letter was rejected
    assert "amount_short" not in page


def test_the_rail_follows_the_lots(stage: Stage) -> None:
    def rail(step: str) -> list[str]:
        return re.findall(r'class="rail-step rail-(\w+)"', stage.shots[step]("/notices/*"))

    assert rail("announced") == ["done", "current", "upcoming", "upcoming", "upcoming"]
    assert rail("late") == ["done", "done", "current", "upcoming", "upcoming"]
    assert rail("counted") == ["done", "done", "current", "upcoming", "upcoming"]
    assert rail("closed") == ["done", "done", "done", "current", "upcoming"]
    assert rail("publicity") == ["done", "done", "done", "done", "current"]
    assert rail("contracted") == ["done"] * 5
    cancelled = re.findall(r'class="rail-step rail-(\w+)"', stage.get(f"/notices/{stage.cancelled}").text)
    assert cancelled == ["done", "failed", "upcoming", "upcoming", "upcoming"]


def test_a_cancelled_case_and_its_hall(stage: Stage) -> None:
    for path in ("/notices/", "/openings/"):
        page = stage.get(path + stage.cancelled).text
        assert "本次招标已终止" in page
        assert "招标条件发生变化" in page
        assert "规划调整，项目取消。" in page
    assert "投标文件原样退回，不解密。" in stage.get(f"/openings/{stage.cancelled}").text


def test_openings_by_day(stage: Stage) -> None:
    page = stage.get("/openings").text
    today, upcoming, past = (page.index(f'id="{name}"') for name in ("today", "upcoming", "past"))
    assert today < upcoming < page.index(f"/openings/{stage.waiting}") < past < page.index(f"/openings/{stage.tender}")
    assert f"/openings/{stage.tender}" in stage.shots["counted"]("/openings").split('id="upcoming"')[0]


def test_centre_and_supervisor_get_the_evidence_link(stage: Stage) -> None:
    href = f"/api/v1/cases/{stage.tender}/evidence"
    assert href not in stage.get(f"/notices/{stage.tender}").text
    stage.http.post("/login", data={"username": "supervisor", "password": "sunshine-2026"}, follow_redirects=False)
    assert href in stage.get(f"/notices/{stage.tender}").text
    assert href in stage.get(f"/openings/{stage.tender}").text


# --- standards and about ------------------------------------------------------------------------------------------


def test_every_family_has_a_page(stage: Stage) -> None:
    catalogue = stage.node.door.catalogue
    page = stage.get("/standards").text
    for name in catalogue.families():
        assert f'href="/standards/{name}"' in page
        version = catalogue.versions(name)[-1]
        shown = stage.get(f"/standards/{name}/{version.version}?lang=en")
        assert shown.status_code == 200
        assert version.digest in shown.text
        assert not re.search(r'class="path">[^<]*\*', shown.text.replace(".*", "")), name
    assert OTHERS.zh not in re.findall(r'<h2 id="group-[0-9]+">([^<]*)</h2>', page), "a family has no group"


def test_a_family_lists_fields_limits_codes_and_rules(stage: Stage) -> None:
    page = stage.get("/standards/tender_notice").text
    for words in ("lots[].ceiling.amount", "最高投标限价", "1…200", "security_form", "银行保函", "TN-01", "2…9"):
        assert words in page
    assert 'href="#codes-security_form"' in page
    assert "开标后公开" in stage.get("/standards/bid_commitment").text
    assert stage.get("/standards/tender_notice/9.9.9").status_code == 404
    assert stage.get("/standards/no_such_family").status_code == 404


def test_search_in_standards_looks_at_fields(stage: Stage) -> None:
    page = stage.get("/standards?q=AgeRecipient custodians").text
    assert "没有符合条件的标准" in page
    page = stage.get("/standards?q=custodians").text
    assert 'href="/standards/tender_notice"' in page
    assert 'href="/standards/question"' not in page


def test_about_names_node_log_and_root(stage: Stage) -> None:
    page = stage.get("/about").text
    with stage.node.store.read() as reading:
        latest = reading.latest()
    assert latest is not None
    assert latest.root.hex() in page
    assert "node:chengdu" in page
    assert str(stage.node.keys.node.log).replace("+", "&#43;") in page or str(stage.node.keys.node.log) in page


# --- exports ------------------------------------------------------------------------------------------------------


def test_csv_has_no_formulas(stage: Stage) -> None:
    answer = stage.http.get("/notices.csv?lang=en")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.text.startswith("\ufeff")
    rows = list(csv.DictReader(StringIO(answer.text.removeprefix("\ufeff"))))
    assert {r["case"] for r in rows} >= {stage.tender, stage.waiting, stage.cancelled}
    waiting = next(r for r in rows if r["case"] == stage.waiting)
    assert waiting["name"] == "'=示例<b>湖</b>片区照明改造"
    assert waiting["ceiling"] == "34700000.00"
    assert waiting["state"] == "announced"
    assert [
        r["case"] for r in csv.DictReader(StringIO(stage.http.get("/notices.csv?lang=en&stage=cancelled").text[1:]))
    ] == [stage.cancelled]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_cells_that_would_be_formulas_are_neutralised(start: str) -> None:
    assert neutral(f"{start}1") == f"'{start}1"
    assert neutral(f"1{start}") == f"1{start}"


def test_atom_is_well_formed(stage: Stage) -> None:
    answer = stage.http.get("/notices.atom")
    assert answer.headers["content-type"].startswith("application/atom+xml")
    root = ET.fromstring(answer.content)  # noqa: S314 - our own feed
    name = "{http://www.w3.org/2005/Atom}"
    titles = [e.findtext(f"{name}title") for e in root.findall(f"{name}entry")]
    assert "=示例<b>湖</b>片区照明改造" in titles


def test_calendar_lines_are_short_and_openings_right(stage: Stage) -> None:
    answer = stage.http.get("/openings.ics")
    lines = answer.content.split(b"\r\n")
    assert lines[-1] == b""
    assert all(len(line) <= 75 for line in lines)
    text = answer.text.replace("\r\n ", "")
    assert "DTSTART:20260506T013000Z" in text
    assert f"URL:http://testserver.local/openings/{stage.waiting}" in text
    assert stage.tender not in text


# --- static files and errors --------------------------------------------------------------------------------------


def test_static_files_are_kept_for_ever_by_their_versioned_address_only(stage: Stage) -> None:
    href = re.search(r'href="(/static/portal/app\.css\?v=[0-9a-f]{16})"', stage.get("/").text)
    assert href is not None
    answer = stage.http.get(href[1])
    assert answer.headers["content-type"] == "text/css; charset=utf-8"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    plain = stage.http.get(href[1].partition("?")[0])
    assert plain.headers["cache-control"] == "public, max-age=3600"
    assert stage.http.get(href[1], headers={"if-none-match": plain.headers["etag"]}).status_code == 304
    assert stage.http.get("/static/portal/fonts/inter-latin.woff2").headers["content-type"] == "font/woff2"


@pytest.mark.parametrize("name", ["nothing.css", "../views.py", "..%2f..%2fviews.py", "fonts", "%00"])
def test_nothing_else_is_served(stage: Stage, name: str) -> None:
    assert stage.http.get(f"/static/portal/{name}").status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "NOT-FOUND"),
        ("GET", "/notices/x", 404, "NOT-FOUND"),
        ("PUT", "/about", 405, "METHOD-NOT-ALLOWED"),
        ("GET", "/notices?limit=x", 400, "PARAMETER-INVALID"),
        ("POST", "/login", 415, "MEDIA-TYPE"),
    ],
)
def test_people_get_pages_and_programs_get_json(stage: Stage, method: str, path: str, status: int, code: str) -> None:
    person = stage.http.request(method, path, headers={"accept": "text/html,*/*;q=0.8"})
    assert person.status_code == status
    assert person.headers["content-type"] == "text/html; charset=utf-8"
    assert code in person.text
    assert "script-src 'self'" in person.headers["content-security-policy"]
    program = stage.http.request(method, path, headers={"accept": "*/*"})
    assert program.status_code == status
    assert program.headers["content-type"] == "application/problem+json"
    assert program.json()["code"] == code


def test_the_api_answers_browsers_with_json_too(stage: Stage) -> None:
    answer = stage.get("/api/v1/cases/x")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_an_unexpected_error_is_a_page_with_a_number(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("the secret cause")

    monkeypatch.setattr("tradehall.web.pages.handlers.Standards.index", broken)
    answer = stage.get("/standards?lang=en")
    assert answer.status_code == 500
    assert "the secret cause" not in answer.text
    assert re.search(r"[0-9a-f]{16}", answer.text)
    assert '<html lang="en"' in answer.text


def test_the_clock_of_the_page_has_a_route(stage: Stage) -> None:
    url = re.search(r'data-time-url="([^"]+)"', stage.get("/").text)
    assert url is not None
    assert stage.http.get(url[1]).json()["now"].endswith("Z")


def test_every_text_names_its_character_set(stage: Stage) -> None:
    case = stage.tender
    texts = ["/", f"/notices/{case}", "/notices.csv", "/notices.atom", "/openings.ics", "/static/portal/app.js"]
    for path in (*texts, "/static/portal/app.css", "/static/portal/mark.svg", "/static/portal/THIRD_PARTY.txt"):
        assert "charset=utf-8" in stage.get(path).headers["content-type"], path
    for path in (f"/api/v1/cases/{case}", "/openapi.json"):  # JSON is UTF-8 and has no such parameter (RFC 8259)
        assert stage.get(path).headers["content-type"] == "application/json", path


def test_a_download_has_the_name_of_its_attachment_and_is_never_shown(stage: Stage) -> None:
    rows = stage.http.get(f"/api/v1/cases/{stage.tender}/records").json()["items"]
    row = next(r for r in rows if r["envelope"]["attachments"])
    file = row["envelope"]["attachments"][0]
    sent = stage.get(f"/api/v1/vault/{file['sha256']}?record={row['digest']}").headers
    assert sent["content-disposition"] == f"attachment; filename*=UTF-8''{file['name']}"
    assert (sent["content-type"], sent["x-content-type-options"]) == ("application/octet-stream", "nosniff")
