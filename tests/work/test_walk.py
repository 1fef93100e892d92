"""A tenderer's walk in a real browser: a key of its own, a form, checking, signing, a receipt, and what comes next."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from forms.test_forms import sent
from portal.support import browse
from tradehall.web.forms import fill, plan
from tradehall_standards import Catalogue
from work.conftest import TENDERER, WORD, Hall

PHRASE = "correct horse battery"
EXAMPLE = "works.json"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browse() as found:
        yield found


@pytest.fixture
def page(browser: Browser, hall: Hall) -> Iterator[Page]:
    context = browser.new_context(base_url=hall.url, accept_downloads=True, viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.set_default_timeout(10_000)
    complaints: list[str] = []
    page.on("console", lambda m: complaints.append(m.text) if m.type == "error" and "422" not in m.text else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()
    assert complaints == []


def sign_in(page: Page, account: str) -> None:
    page.goto("/login?next=/work")
    page.fill("#username", account)
    page.fill("#password", WORD)
    page.click("main button[type=submit]")
    expect(page.locator("h1")).to_have_text("工作台")


def fill_form(page: Page, values: dict[str, list[str]]) -> None:
    """Answer a form as a person would, adding items to lists as they are needed."""
    for name, (first, *more) in values.items():
        at = page.locator(f'[name="{name}"]')
        if at.count() == 0:
            *_, index, _field = name.split("/")
            add = name[: name.rindex(f"/{index}/")]
            page.click(f'button[value="add:{add}"]')
        kind = at.first.get_attribute("type") or at.first.evaluate("e => e.tagName")
        for closed in page.locator("details.fields:not([open]) > summary").all():
            closed.click()
        if kind in ("checkbox", "radio"):
            for value in (first, *more):
                if value:
                    page.check(f'[name="{name}"][value="{value}"]')
        elif kind == "SELECT":
            at.select_option(first)
        else:
            at.fill(first)


def make_key(page: Page, backup: Path) -> Any:
    """Make a key on its page; returns what the backup holds."""
    page.fill("#make-passphrase", PHRASE)
    page.fill("#make-again", PHRASE)
    with page.expect_download() as saved:
        page.click("text=生成密钥并申请")
    saved.value.save_as(backup)
    expect(page.locator("[data-part=list] li")).to_have_count(1)
    return json.loads(backup.read_text("utf-8"))


def project(catalogue: Catalogue) -> dict[str, Any]:
    return dict(catalogue.versions("project")[-1].valid_examples[EXAMPLE])


def test_from_a_key_to_a_receipt(page: Page, hall: Hall, catalogue: Catalogue, downloads: Path) -> None:
    sign_in(page, "tenderer")
    expect(page.locator("main")).to_contain_text("还没有您参与的项目")

    # a key that only this browser has, and its backup
    page.click("text=本机证书")
    page.fill("#make-passphrase", "short phrase")
    page.fill("#make-again", "another phrase")
    page.click("text=生成密钥并申请")
    expect(page.locator("[data-part=failure]").first).to_contain_text("两次输入的口令不一致")
    kept = make_key(page, downloads / "key.json")
    assert kept["party"] == TENDERER
    assert hall.node.directory.certificate(kept["kid"]).party == TENDERER
    assert "BEGIN" not in json.dumps(kept)

    # a form that tells what is missing, each at its field
    page.goto("/work")
    page.click("text=招标项目")
    expect(page.locator("[name='/tenderer/id']")).to_have_value(TENDERER)
    page.click("text=核对并签名")
    errors = page.locator(".errors a")
    expect(errors.first).to_be_visible()
    assert errors.count() > 3
    target = errors.first.get_attribute("href")
    errors.first.click()
    assert page.evaluate("document.activeElement.id") == str(target)[1:]

    payload = project(catalogue)
    payload["tenderer"]["id"] = TENDERER
    fill_form(page, sent(fill(plan(catalogue.versions("project")[-1]), payload)))
    page.click("text=核对并签名")
    expect(page.locator("h1")).to_have_text("核对并签名")
    expect(page.locator(".answers")).to_contain_text(payload["name"])

    # back and forth loses nothing
    page.click("text=返回修改")
    expect(page.locator("[name='/name']")).to_have_value(payload["name"])
    page.click("text=核对并签名")

    # signed on the device, accepted by the door
    expect(page.locator(".sign [data-part=state]")).to_contain_text(kept["kid"][7:15])
    page.click("text=签名并提交")
    expect(page.locator("h1")).to_contain_text("已受理")
    with page.expect_download() as receipt:
        page.click("text=下载回执")
    receipt.value.save_as(downloads / "receipt.json")
    signed = json.loads((downloads / "receipt.json").read_text("utf-8"))
    found = hall.node.door.find(signed["receipt"]["record"])
    assert found is not None
    assert dict(found.entry.record.payload) == payload
    assert found.entry.record.author == TENDERER
    assert found.entry.record.kid == kept["kid"]

    # what comes next is offered, and what the law forbids is told before anything is signed
    page.goto("/work")
    expect(page.locator("main")).to_contain_text(payload["name"])
    expect(page.locator("main")).to_contain_text("招标文件")
    assert verdict_of(hall, signed) is True
    signed["receipt"]["accepted_at"] = signed["receipt"]["accepted_at"].replace("2026", "2025")
    assert verdict_of(hall, signed) is False


def verdict_of(hall: Hall, signed: Any) -> Any:
    return httpx.post(f"{hall.url}/api/v1/receipts/verify", json=signed).json()["valid"]


def test_a_key_comes_back_from_its_backup(page: Page, downloads: Path) -> None:
    sign_in(page, "other")
    page.goto("/work/keys")
    file, rows = downloads / "key.json", page.locator("[data-part=list] li")
    make_key(page, file)
    page.once("dialog", lambda dialog: dialog.accept())
    page.click("text=移除")
    expect(rows).to_have_count(0)

    page.set_input_files("#restore-file", file)
    page.fill("#restore-passphrase", "not the passphrase")
    page.click("[data-part=restore] button")
    expect(page.locator("[data-part=failure]").first).to_contain_text("口令有误")
    moved = json.loads(file.read_text("utf-8")) | {"party": TENDERER}
    (downloads / "moved.json").write_text(json.dumps(moved))
    page.set_input_files("#restore-file", downloads / "moved.json")
    page.fill("#restore-passphrase", PHRASE)
    page.click("[data-part=restore] button")
    expect(page.locator("[data-part=failure]").first).to_contain_text("备份文件无法打开")
    page.set_input_files("#restore-file", file)
    page.fill("#restore-passphrase", PHRASE)
    page.click("[data-part=restore] button")
    expect(rows).to_have_count(1)
    page.reload()
    expect(rows).to_have_count(1)
