"""Layout: same bytes, nothing fetched, nothing executed, no page with a hole."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from decimal import Decimal
from io import BytesIO

import pikepdf
import pytest

from pdf.samples import AWARD, FACTS, MEMBERS, OPENING, RECEIPT, REPORT, firm
from tradehall.adapters.issuers.sandbox import TERMS
from tradehall.adapters.pdf.fonts import often_characters
from tradehall.adapters.pdf.render import Renderer, RenderFailed
from tradehall.adapters.pdf.report import render_award_notice, render_opening_record, render_receipt, render_report
from tradehall.adapters.pdf.structure import inspect
from tradehall.kernel.money import chinese_amount

LETTER_DATA = {
    "number": "G-1",
    "issuer": firm(0),
    "issuer_kind": "bank",
    "independent": True,
    "applicant": firm(1),
    "beneficiary": firm(2),
    "tender": "t-abcdefghijklmnopqrstuvwxyz",
    "project_name": "项目",
    "lot": "L1",
    "amount": {"amount": "1050.07", "currency": "CNY"},
    "valid_from": "2026-03-25",
    "valid_until": "2026-07-23",
    "payment_days": 5,
    "on_demand": True,
    "terms": ["条款一"],
    "nonce": "00" * 16,
}


def render_letter(renderer, **changes):
    data = {**LETTER_DATA, **changes}
    facts = {
        "publisher": "沙箱",
        "made_at": "2026-03-20T10:15:30+08:00",
        "digest": "sha256:00",
        "url": "https://x.example/",
        "specimen": True,
    }
    return renderer.render("guarantee_letter", {"doc": data, "facts": facts})


@pytest.fixture(scope="module")
def opening(renderer):
    return render_opening_record(renderer, OPENING, FACTS)


@pytest.fixture(scope="module")
def report(renderer):
    return render_report(renderer, REPORT, FACTS)


def test_the_same_record_gives_the_same_bytes_whatever_was_rendered_between(renderer, opening):
    render_letter(renderer)
    assert render_opening_record(renderer, OPENING, FACTS) == opening


def test_a_fresh_process_gives_the_same_bytes(renderer):
    fresh = Renderer()
    try:
        assert render_letter(fresh) == render_letter(renderer)
    finally:
        fresh.close()


def test_a_letter_is_one_page_with_the_amount_in_figures_and_words(renderer):
    found = inspect(render_letter(renderer))
    text = "".join(found.text.split())
    assert found.pages == 1
    assert "人民币1,050.07元" in text
    assert "（大写）人民币壹仟零伍拾元零柒分" in text
    assert "第三条" not in text
    assert "（独立保函）" in text


@pytest.mark.parametrize("name", ["𪟝䶮𬬭𰻞（集团）有限公司", "顾㛃建设"])
def test_rare_characters_in_names_are_printed_and_read_back(renderer, name):
    found = inspect(render_letter(renderer, applicant={"id": firm(1)["id"], "name": name}))
    assert name in "".join(found.text.split())


def test_a_character_without_a_glyph_is_refused_instead_of_printed_as_a_box(renderer):
    with pytest.raises(RenderFailed, match=r"U\+1F9FF|no glyph"):
        render_letter(renderer, project_name="项目\U000e0fff\U0001f9ff\U0003134a")


@pytest.mark.parametrize(
    "hostile",
    [
        '<link rel="attachment" href="file:///etc/passwd">',
        '<img src="http://127.0.0.1:9/x.png"><script>1</script>',
        '</style><style>@import url("file:///etc/passwd");',
        '<table><td colspan="100000">',
        "{{ 7 * 7 }}{% include '/etc/passwd' %}",
        "<i>" * 60,
    ],
)
def test_mark_up_in_data_is_printed_as_text(renderer, hostile):
    found = inspect(render_letter(renderer, project_name=hostile))
    assert "".join(hostile.split()) in "".join(found.text.split())
    assert found.stream_count == 0
    assert not found.active
    assert not found.annotations


def test_an_unknown_name_in_a_template_is_an_error_and_the_next_page_is_made(renderer):
    with pytest.raises(RenderFailed, match="UndefinedError"):
        renderer.render("guarantee_letter", {"doc": {}, "facts": {}})
    assert render_letter(renderer)


def test_a_process_that_takes_too_long_is_killed_and_replaced():
    renderer = Renderer(timeout_seconds=0.001)
    try:
        with pytest.raises(RenderFailed, match="timeout"):
            render_letter(renderer)
        renderer.timeout_seconds = 30.0
        assert render_letter(renderer)
    finally:
        renderer.close()


def test_a_process_that_wants_too_much_memory_fails_alone():
    renderer = Renderer(memory_bytes=64 * 1024**2)
    try:
        with pytest.raises(RenderFailed):
            render_letter(renderer)
    finally:
        renderer.close()


def test_the_embedded_data_is_named_once_with_relationship_data(opening):
    with pikepdf.open(BytesIO(opening)) as pdf:
        assert len(pdf.Root.AF) == 1
        assert pdf.Root.AF[0].AFRelationship == "/Data"
        metadata = pdf.Root.Metadata.read_bytes()
        assert b"pdfaid" in metadata
        assert "/OutputIntents" in pdf.Root


def test_long_tables_repeat_their_head_and_number_their_pages(opening):
    found = inspect(opening)
    pages = found.text.strip("\n").split("\n")
    assert found.pages == len(pages) == 3
    assert all("投标报价（元）" in page for page in pages)
    assert all(f"{n}/3" in "".join(page.split()) for n, page in enumerate(pages, 1))
    assert all(FACTS.digest in page for page in pages)


def test_the_report_names_members_and_shows_every_score_and_reason(report):
    text = "".join(inspect(report).text.split())
    for bid in REPORT["bids"]:
        assert bid["bidder"]["name"] in text
        assert all(score["total"] in text for score in bid.get("expert_scores", ()))
    assert "投标报价高于最高投标限价。" in text
    assert all(FACTS.names[m] in text for m in MEMBERS)


def test_award_notice_and_receipt_say_what_their_records_say(renderer):
    award = "".join(inspect(render_award_notice(renderer, AWARD, FACTS)).text.split())
    assert "38,000,000.00元" in award
    assert chinese_amount(Decimal(38000000)) in award
    receipt = "".join(inspect(render_receipt(renderer, RECEIPT, FACTS)).text.split())
    assert "2026-03-2416:41:12.345+08:00" in receipt
    assert RECEIPT["record"] in receipt
    assert RECEIPT["log"]["proof"][1] in receipt


def test_nothing_on_a_page_claims_sm2_or_legal_effect(renderer, report, opening):
    pages = (render_letter(renderer), report, opening, render_award_notice(renderer, AWARD, replace(FACTS, url="")))
    for page in pages:
        text = inspect(page).text
        assert "SM2" not in text
        assert "同等效力" not in text
        assert "★" not in text


def test_every_font_is_embedded(opening):
    listing = subprocess.run(["pdffonts", "-"], input=opening, capture_output=True, check=True).stdout.decode()
    rows = listing.splitlines()[2:]
    assert rows
    assert all(" yes yes yes " in row for row in rows)


def test_the_text_of_letters_is_among_the_characters_cut_first() -> None:
    """Each character outside costs a letter another font."""
    assert {ord(c) for term in TERMS for c in term} <= often_characters()


def test_a_short_document_says_how_many_pages_it_has_whether_one_or_more(renderer) -> None:
    one, two = (inspect(render_letter(renderer, terms=["条款" * 40] * count)) for count in (1, 40))
    assert one.pages == 1
    assert "1/1" in one.text.replace(" ", "")
    assert two.pages > 1
    assert f"1/{two.pages}" in two.text.replace(" ", "")
    assert "1/1" not in two.text.replace(" ", "")
