"""The workspaces over HTTP: who sees what, and what a form does with anything that is sent to it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from forms.test_forms import sent
from tradehall.web.forms import fill, plan
from tradehall_standards import Catalogue
from work.conftest import TENDERER, WORD, Hall

CASE = "t-" + "a" * 26
FORM = f"/work/cases/{CASE}/project"


class Visitor:
    """Somebody who is signed in, with the token of the forms."""

    def __init__(self, hall: Hall, account: str) -> None:
        self.http = httpx.Client(base_url=hall.url, headers={"accept": "text/html"}, timeout=30)
        self.http.post("/login", data={"username": account, "password": WORD})
        self.csrf = str(re.search(r'name="csrf" value="([^"]+)"', self.http.get("/work").text)[1])

    def post(self, path: str, values: dict[str, Any], do: str = "check", **more: str) -> httpx.Response:
        body = urlencode({"csrf": self.csrf, "do": do} | more | values, doseq=True)
        headers = {"content-type": "application/x-www-form-urlencoded"}
        return self.http.post(path, content=body, headers=headers)


@pytest.fixture(scope="module")
def tenderer(hall: Hall) -> Iterator[Visitor]:
    visitor = Visitor(hall, "tenderer")
    yield visitor
    visitor.http.close()


@pytest.fixture(scope="module")
def values(catalogue: Catalogue) -> dict[str, list[str]]:
    version = catalogue.versions("project")[-1]
    payload = dict(version.valid_examples["works.json"])
    payload["tenderer"] = {"id": TENDERER, "name": "示例城市建设投资有限公司"}
    return sent(fill(plan(version), payload))


def test_nobody_gets_in_without_signing_in(hall: Hall) -> None:
    for path in ("/work", "/work/keys", FORM, "/work/begin/open_tender"):
        assert httpx.get(hall.url + path, headers={"accept": "text/html"}).status_code == 401


def test_beginning_leads_to_a_form_of_a_fresh_case(tenderer: Visitor) -> None:
    answers = [tenderer.http.get("/work/begin/open_tender") for _ in range(2)]
    assert {a.status_code for a in answers} == {303}
    places = [a.headers["location"] for a in answers]
    assert places[0] != places[1]
    assert all(re.fullmatch(r"/work/cases/t-[a-z2-7]{26}/project", place) for place in places)
    assert tenderer.http.get("/work/begin/nothing").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        f"/work/cases/{CASE}",
        f"/work/cases/{CASE}/tender_notice",
        f"/work/cases/{CASE}/opening_start",
        f"/work/cases/{CASE}/nothing",
        f"/work/cases/{CASE}/..%2f..%2fetc",
        "/work/cases/x/project",
        f"/work/cases/z{CASE[1:]}/project",
        f"/work/cases/{CASE.upper()}/project",
        "/work/records/sha256:" + "0" * 64,
        "/work/records/x",
        "/work/records/x/receipt.json",
    ],
)
def test_what_is_not_there_or_not_yours_is_not_found(tenderer: Visitor, path: str) -> None:
    assert tenderer.http.get(path).status_code == 404


def test_a_good_form_leads_to_signing_and_stores_nothing(hall: Hall, tenderer: Visitor, values: dict[str, Any]) -> None:
    with hall.node.store.read() as reading:
        before = reading.latest()
    answer = tenderer.post(FORM, values)
    assert answer.status_code == 200
    assert "data-draft=" in answer.text
    assert answer.headers["cache-control"] == "no-store"
    with hall.node.store.read() as reading:
        assert reading.latest() == before
    assert tenderer.http.get(f"/work/cases/{CASE}").status_code == 404


def test_a_form_needs_its_token(tenderer: Visitor, values: dict[str, Any]) -> None:
    assert tenderer.post(FORM, values, csrf="x").status_code == 403


def test_findings_of_the_standard_stand_at_their_fields(tenderer: Visitor, values: dict[str, Any]) -> None:
    answer = tenderer.post(FORM, values | {"/project_code": ["nonsense"], "/estimate/amount": ["many"]})
    assert answer.status_code == 422
    assert 'href="#f-project_code"' in answer.text
    assert 'href="#f-estimate-amount"' in answer.text
    assert 'value="nonsense"' in answer.text
    assert "data-draft=" not in answer.text


def test_the_law_speaks_before_anything_is_signed(tenderer: Visitor, values: dict[str, Any]) -> None:
    answer = tenderer.post(FORM, values | {"/tenderer/id": ["org:9151010000T0002148"]})
    assert answer.status_code == 422
    assert "招标投标法 9" in answer.text


def test_items_are_added_and_taken_out_and_nothing_else_is_lost(tenderer: Visitor, values: dict[str, Any]) -> None:
    def lots(text: str) -> int:
        return len(re.findall(r'name="/lots/\d+/id"', text))

    first = lots(tenderer.post(FORM, values, do="edit").text)
    added = tenderer.post(FORM, values, do="add:/lots")
    assert (added.status_code, lots(added.text)) == (200, first + 1)
    again = tenderer.post(FORM, values | {f"/lots/{first}/id": [""]}, do="add:/lots")
    assert lots(again.text) == first + 2
    fewer = tenderer.post(FORM, values, do="drop:/lots/0")
    assert lots(fewer.text) == first - 1
    assert values["/lots/1/name"][0] in fewer.text
    assert values["/lots/0/name"][0] not in fewer.text


@pytest.mark.parametrize(
    "do", ["add:/lots/0/9/x", "drop:/lots/9999", "drop:/name/0", "add:/name", "drop:x", "", "add:/"]
)
def test_odd_buttons_do_no_harm(tenderer: Visitor, values: dict[str, Any], do: str) -> None:
    assert tenderer.post(FORM, values, do=do).status_code == 200


def test_hostile_text_stays_text(tenderer: Visitor, values: dict[str, Any]) -> None:
    evil = '"><script>alert(1)</script>'
    answer = tenderer.post(FORM, values | {"/name": [evil]})
    assert "<script>alert" not in answer.text
    assert answer.status_code == 200
    assert "&lt;script&gt;alert(1)" in answer.text


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"\xff\xfe", "application/x-www-form-urlencoded", 400),
        (b"{}", "application/json", 415),
        (b"a=" + b"x" * (1 << 20), "application/x-www-form-urlencoded", 413),
        (b"&".join(b"/lots/%d/id=L1" % n for n in range(20_001)), "application/x-www-form-urlencoded", 400),
    ],
)
def test_what_is_no_form_is_refused(tenderer: Visitor, body: bytes, kind: str, status: int) -> None:
    answer = tenderer.http.post(FORM, content=body, headers={"content-type": kind})
    assert answer.status_code == status
