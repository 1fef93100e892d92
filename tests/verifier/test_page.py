"""The verifier's page in a real browser, opened from the disk: it says what the program says, and asks the network nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from portal.support import browse
from portal.test_browser import OVERFLOW
from verifier import making
from verifier.node import FOLDER

pytestmark = pytest.mark.slow

PAGE = (FOLDER / "index.html").resolve().as_uri()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with browse() as found:
        yield found


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("page")
    good = making.play_small().evidence()
    hall = making.play_small()
    hall.file(making.TENDER, "objection", {"text": ["x"]}, making.BUYER, at=making.START)
    made = {"good.zip": good, "bad.zip": hall.evidence(), "cut.zip": good[:-1], "text.json": b"{}", "other.txt": b"hi"}
    for name, data in made.items():
        (folder / name).write_bytes(data)
    return {name: str(folder / name) for name in made}


def open_page(browser: Any, width: int = 1200, lang: str = "zh") -> tuple[Any, list[str]]:
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.set_default_timeout(20_000)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: said.append(request.url) if not request.url.startswith("file:") else None)
    page.goto(f"{PAGE}?lang={lang}")
    return page, said


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("good.zip", "通过"),
        ("bad.zip", "未通过：1"),
        ("cut.zip", "未通过"),
        ("text.json", "未通过"),
        ("other.txt", "未通过"),
    ],
)
def test_it_says_what_the_program_says(browser: Any, files: dict[str, str], file: str, expected: str) -> None:
    page, said = open_page(browser)
    page.set_input_files("#file", files[file])
    page.wait_for_selector("#verdict")
    assert expected in page.inner_text("#verdict")
    assert page.evaluate("document.activeElement.id") == "result"
    if file == "bad.zip":
        assert f"{making.TENDER} #000009 objection" in page.inner_text(".finding")
        with page.expect_download() as download:
            page.click("#save")
        report = json.loads(Path(download.value.path()).read_text("utf-8"))
        assert report["findings"][0]["rule"] == "log-order"
    page.click("#language")
    assert page.evaluate("document.documentElement.lang") == "en"
    assert page.inner_text("#verdict").split()[0] in {"All", "Failed:"}
    assert said == []
    page.close()


def test_a_file_may_be_dropped_and_keys_given(browser: Any, files: dict[str, str]) -> None:
    page, said = open_page(browser)
    page.evaluate(
        """(bytes) => {
          const carried = new DataTransfer();
          carried.items.add(new File([Uint8Array.from(bytes)], "case.zip"));
          document.getElementById("drop").dispatchEvent(new DragEvent("drop", { dataTransfer: carried, bubbles: true, cancelable: true }));
        }""",
        list(Path(files["good.zip"]).read_bytes()),
    )
    page.wait_for_selector(".verdict-good")
    page.click("summary")
    page.fill("#node-keys", f"{making.LOG}\n")
    page.fill("#witness-keys", str(making.WITNESSES[0]))
    page.click("#again")
    page.wait_for_selector(".verdict-good")
    assert "未给定" not in page.inner_text("#result")
    page.fill("#min-witnesses", "3")
    page.click("#again")
    page.wait_for_selector(".verdict-bad")
    assert "有效见证不足" in page.inner_text(".finding")
    assert said == []
    page.close()


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_nothing_leaves_the_page_at_any_width(browser: Any, files: dict[str, str], lang: str) -> None:
    for width in (390, 768, 1440):
        page, _ = open_page(browser, width, lang)
        page.click("summary")
        page.set_input_files("#file", files["bad.zip"])
        page.wait_for_selector("#verdict")
        assert page.evaluate(OVERFLOW) == []
        small = page.evaluate(
            "Array.from(document.querySelectorAll('button, input, textarea, summary'))"
            ".filter((e) => e.getBoundingClientRect().height < 43.5).map((e) => e.outerHTML)"
        )
        assert small == []
        page.close()
