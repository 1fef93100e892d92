"""Checking receipts, refusals, letters and evidence on the page."""

from __future__ import annotations

import json
import re
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from pages.stage import HTML, Stage
from tradehall.web.pages.handlers import UPLOAD_MAX
from tradehall.web.pages.verify import TEXT_MAX

GENUINE, FORGED, UNKNOWN = "verdict-done", "verdict-failed", "verdict-waiting"


def pasted(stage: Stage, text: str) -> str:
    answer = stage.http.post("/verify", files={"text": (None, text)}, headers=HTML)
    assert answer.status_code == 200, answer.text
    return str(answer.text)


def uploaded(stage: Stage, data: bytes, name: str = "file.bin") -> str:
    files = {"text": (None, ""), "file": (name, data)}
    answer = stage.http.post("/verify", files=files, headers=HTML)
    assert answer.status_code == 200, answer.text
    return str(answer.text)


@pytest.fixture
def receipt(stage: Stage) -> dict[str, Any]:
    return stage.who.agency.receipts[0][1]


def test_a_receipt_is_genuine_also_with_its_record(stage: Stage, receipt: dict[str, Any]) -> None:
    page = pasted(stage, json.dumps(receipt))
    assert GENUINE in page
    assert receipt["receipt"]["record"] in page
    record = stage.who.agency.receipts[0][0]
    both = uploaded(stage, json.dumps({"record": record} | receipt, ensure_ascii=False).encode(), "r.json")
    assert GENUINE in both
    assert "回执与所附记录一致" in both


def test_a_receipt_beside_another_record_is_not(stage: Stage, receipt: dict[str, Any]) -> None:
    record = stage.who.agency.receipts[1][0]
    assert FORGED in pasted(stage, json.dumps({"record": record} | receipt))
    assert FORGED in pasted(stage, json.dumps({"record": {"envelope": []}} | receipt))


def test_receipts_of_bids_are_genuine_for_who_holds_them(stage: Stage) -> None:
    found = [r for a in stage.who.bidders for _, r in a.receipts if r["receipt"]["family"] == "sealed_bid"]
    assert len(found) >= 5
    assert all(GENUINE in pasted(stage, json.dumps(r)) for r in found[:2])


@pytest.mark.parametrize("member", ["accepted_at", "record", "case", "family"])
def test_a_changed_receipt_is_forged(stage: Stage, receipt: dict[str, Any], member: str) -> None:
    changed = {**receipt["receipt"], member: receipt["receipt"][member][:-1] + "0"}
    if changed == receipt["receipt"]:
        changed[member] = changed[member][:-1] + "1"
    page = pasted(stage, json.dumps(receipt | {"receipt": changed}))
    assert FORGED in page
    assert "真实的回执" not in page


def test_a_receipt_of_another_node_is_unknown(stage: Stage, receipt: dict[str, Any]) -> None:
    page = pasted(stage, json.dumps(receipt | {"receipt": receipt["receipt"] | {"node": "node:elsewhere"}}))
    assert UNKNOWN in page
    assert "node:elsewhere" in page


def test_a_refusal_is_genuine_alone_and_inside_its_problem(stage: Stage) -> None:
    late: dict[str, Any] = {
        "number": 9,
        "answers": [],
        "text": ["x"],
        "affects_preparation": False,
        "invalidates_bids": False,
    }
    refused = stage.play.refused(lambda: stage.who.agency.file(stage.tender, "clarification", late), "STEP-CLOSED")
    problem = dict(refused.problem)
    for text in (json.dumps(problem), json.dumps(problem["refusal"])):
        page = pasted(stage, text)
        assert "verdict-attention" in page
        assert "真实的拒收通知" in page
        assert "STEP-CLOSED" in page
    problem["refusal"]["refusal"]["code"] = "BID-LATE"
    assert FORGED in pasted(stage, json.dumps(problem))


@pytest.mark.parametrize(
    "text",
    [
        "abc",
        "{}",
        "[]",
        "1",
        "null",
        '{"receipt":{}}',
        '{"receipt":1,"signature":1}',
        "{" * 999,
        '{"a":1,"a":1}',
        "\x00",
        "é" * 99,
    ],
)
def test_other_texts_are_unknown_and_shown_again(stage: Stage, text: str) -> None:
    page = pasted(stage, text)
    assert UNKNOWN in page
    assert GENUINE not in page


def test_markup_in_the_text_stays_text(stage: Stage) -> None:
    page = pasted(stage, "</textarea><script>alert(1)</script>")
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_letters(stage: Stage) -> None:
    path, payload = next(iter(stage.play.facts["letter_files"].values()))
    pdf = Path(path).read_bytes()
    page = uploaded(stage, pdf, "letter.pdf")
    assert GENUINE in page
    assert str(payload["number"]) in page
    assert "390,000.00 CNY" in page
    flipped = bytearray(pdf)
    flipped[len(pdf) // 2] ^= 1
    assert FORGED in uploaded(stage, bytes(flipped))
    assert FORGED in uploaded(stage, pdf + b"\n% more")
    assert FORGED in uploaded(stage, b"%PDF-1.7\nnothing")


def test_the_code_on_a_letter_leads_to_the_check_of_its_file_and_tells_nothing_else(stage: Stage) -> None:
    """A number that exists and one that does not get the same page: whether there is a letter is a secret."""
    issued = next(r for r, _ in stage.who.bank.receipts if "number" in r["envelope"]["payload"])
    known = issued["envelope"]["payload"]["number"]
    pages = {n: stage.http.get("/verify", params={"letter": n}, headers=HTML).text for n in (known, "DEMO-2026-NONE")}
    assert known in pages[known]
    masked = {NONCES.sub("", page.replace(number, "")) for number, page in pages.items()}
    assert len(masked) == 1
    odd = stage.http.get("/verify", params={"letter": "<b>x</b>"}, headers=HTML)
    assert odd.status_code == 200
    assert "保函编号" not in odd.text


NONCES = re.compile(r'value="[^"]{20,}"|datetime="[^"]*"|data-now="[^"]*"')


def test_evidence(stage: Stage) -> None:
    data = Path(stage.play.facts["evidence"]).read_bytes()
    page = uploaded(stage, data, "evidence.zip")
    assert GENUINE in page
    assert stage.tender in page
    assert "评分与排名复算" in page
    flipped = bytearray(data)
    flipped[len(data) // 2] ^= 1
    assert FORGED in uploaded(stage, bytes(flipped))
    empty = BytesIO()
    with zipfile.ZipFile(empty, "w") as archive:
        archive.writestr("hello.txt", "hello")
    assert UNKNOWN in uploaded(stage, empty.getvalue())
    assert UNKNOWN in uploaded(stage, b"PK\x03\x04junk")


def test_nothing_to_check_is_said(stage: Stage) -> None:
    answer = stage.http.post("/verify", files={"text": (None, " ")}, headers=HTML)
    assert answer.status_code == 422
    assert "请粘贴内容或选择一个文件" in answer.text
    assert stage.http.post("/verify", files={"text": (None, " ")}).json()["code"] == "BODY-INVALID"
    long = stage.http.post("/verify", files={"text": (None, "x" * (TEXT_MAX + 1))}, headers=HTML)
    assert long.status_code == 422


def test_too_large_a_file_is_refused(stage: Stage) -> None:
    files = {"file": ("big.zip", bytes(UPLOAD_MAX + (1 << 16)))}
    answer = stage.http.post("/verify", files=files, headers=HTML)
    assert answer.status_code == 413


def test_checking_keeps_nothing(stage: Stage, receipt: dict[str, Any]) -> None:
    folder = Path(stage.node.settings.data)
    before = sorted((str(p), p.stat().st_size) for p in (folder / "vault").rglob("*") if p.is_file())
    pasted(stage, json.dumps(receipt))
    uploaded(stage, b"PK\x03\x04junk")
    after = sorted((str(p), p.stat().st_size) for p in (folder / "vault").rglob("*") if p.is_file())
    assert before == after
