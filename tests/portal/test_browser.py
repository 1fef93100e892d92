"""The pages in a real browser: nothing past the right edge, no blocked request, keyboard, countdown, feed, type size."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest

from portal.samples import CASE, NOW, SAMPLES
from portal.support import PortalServer, base_of, browse, serve_portal
from tradehall.web.portal import paths
from tradehall.web.portal.render import machine

pytestmark = pytest.mark.slow

WIDTHS = (390, 768, 1440)

# Text beyond the right edge, or cut off by its box: axe and scrollWidth of the page alone do not see the latter.
OVERFLOW = """
() => {
  const found = [];
  const edge = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth > edge + 1) found.push("page is " + document.documentElement.scrollWidth + " wide");
  const hidden = (element) => {
    for (let at = element; at; at = at.parentElement) {
      if (at.classList.contains("skip") || getComputedStyle(at).clipPath !== "none") return true;
    }
    return false;
  };
  const name = (element) => element.tagName + "." + element.className + " " + element.textContent.trim().slice(0, 30)
    + " in " + (element.closest("[data-sample]") || document.body).getAttribute("data-sample");
  for (const element of document.querySelectorAll("body :not(svg, use, option)")) {
    const box = element.getBoundingClientRect();
    if (box.width === 0 || box.height === 0) continue;
    const past = box.right > edge + 1 || box.left < -1;
    const cut = element.scrollWidth > element.clientWidth + 1 && element.clientWidth > 0;
    if (!(past || cut) || hidden(element)) continue;
    if (past) found.push("past the edge: " + name(element));
    const style = getComputedStyle(element);
    if (cut && style.overflowX !== "visible" && !["TEXTAREA", "INPUT", "SELECT"].includes(element.tagName)) found.push("cut off: " + name(element));
  }
  const words = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const range = document.createRange();
  while (words.nextNode()) {
    const text = words.currentNode;
    if (text.data.trim() === "" || ["OPTION", "NOSCRIPT"].includes(text.parentElement.tagName)) continue;
    range.selectNodeContents(text);
    const box = range.getBoundingClientRect();
    if (box.width === 0) continue;
    for (const holder of [text.parentElement.closest("li, td, th, dt, dd, p, h1, h2, a, button, .chip"), text.parentElement.closest(".panel")]) {
      if (holder === null) continue;
      const around = holder.getBoundingClientRect();
      if ((box.right > around.right + 1 || box.left < around.left - 1) && !hidden(text.parentElement)) found.push("out of its box: " + name(text.parentElement));
    }
  }
  return found;
}
"""

# A link or button that is too small to touch. Links inside a sentence and digests' copy buttons (24 px) are exempt.
TARGETS = """
(least) => Array.from(document.querySelectorAll("a.button, button.button, .tool, .site-nav a, input:not([type=hidden]), select, textarea, .links-list a, .choices a"))
  .filter((element) => element.getBoundingClientRect().height > 0 && element.tagName !== "SPAN")
  .map((element) => element.matches("[type=checkbox], [type=radio]") ? element.closest("label") : element)
  .filter((element) => element.getBoundingClientRect().height < least - 0.5)
  .map((element) => element.outerHTML.slice(0, 100) + " " + element.getBoundingClientRect().height)
"""


# All samples below one another in one page, so that one look at each width and size is enough.
GATHER = """
async ([names, lang]) => {
  const first = document.querySelector("main");
  const mains = await Promise.all(names.map(async (name) => {
    const text = await (await fetch("/sample/" + name + "?lang=" + lang)).text();
    const main = new DOMParser().parseFromString(text, "text/html").querySelector("main");
    main.dataset.sample = name;
    main.querySelectorAll("[data-copy]").forEach((button) => { button.hidden = false; });
    return main;
  }));
  first.replaceWith(...mains);
  await document.fonts.ready;
}
"""


@pytest.fixture(scope="module")
def world() -> Iterator[tuple[object, PortalServer]]:
    with serve_portal() as server, browse() as browser:
        yield browser, server


def open_page(
    world: tuple[object, PortalServer], address: str, width: int = 1440, **options: object
) -> tuple[object, list[str]]:
    browser, server = world
    context = browser.new_context(viewport={"width": width, "height": 900}, **options)
    page = context.new_page()
    page.set_default_timeout(5000)
    complaints: list[str] = []
    page.on(
        "console", lambda message: complaints.append(message.text) if message.type in {"error", "warning"} else None
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(base_of(server) + address)
    return page, complaints


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_nothing_leaves_the_page_at_any_width_or_size(world: tuple[object, PortalServer], lang: str) -> None:
    page, complaints = open_page(world, f"/sample/home?lang={lang}&user=1")
    page.evaluate(GATHER, [list(SAMPLES), lang])
    assert page.locator("main[data-sample]").count() == len(SAMPLES)
    found: dict[str, list[str]] = {}
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        for size, least in (("normal", 44), ("large", 60)):
            page.evaluate("size => { document.documentElement.dataset.size = size; }", size)
            problems = page.evaluate(OVERFLOW) + page.evaluate(TARGETS, least)
            if problems:
                found[f"{size} {width}"] = problems[:9]
    page.context.close()
    assert found == {}
    assert complaints == []


def test_the_overflow_check_can_fail(world: tuple[object, PortalServer]) -> None:
    page, _ = open_page(world, "/sample/about", 390)
    page.evaluate(
        "() => { const p = document.createElement('p'); p.style.width = '900px'; p.textContent = 'wide'; document.querySelector('main').append(p); }"
    )
    assert page.evaluate(OVERFLOW)
    page.context.close()


def test_print_keeps_every_column_on_the_sheet(world: tuple[object, PortalServer]) -> None:
    page, _ = open_page(world, "/sample/hall-closed", 690)  # the printable width of A4 at 96 dpi
    base = base_of(world[1])
    page.emulate_media(media="print")
    for name in (
        "hall-running",
        "hall-closed",
        "case-awarded",
        "home",
        "list",
        "openings",
        "standards",
        "family",
        "about",
    ):
        for lang in ("zh", "en"):
            page.goto(f"{base}/sample/{name}?lang={lang}", wait_until="domcontentloaded")
            assert page.evaluate(OVERFLOW) == [], (name, lang)
            assert page.locator(".site-nav").is_hidden()
            assert page.locator(".print-footer").is_visible()
    page.goto(f"{base}/sample/hall-closed")
    assert SAMPLES["hall-closed"].proof.log_root in page.locator(".print-footer").inner_text()
    page.context.close()


def test_the_page_loads_under_its_own_policy_and_asks_nobody_else(world: tuple[object, PortalServer]) -> None:
    page, complaints = open_page(world, "/sample/home")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.reload()
    page.wait_for_load_state("networkidle")
    assert complaints == []
    assert len(asked) >= 5
    assert all(url.startswith(base_of(world[1])) for url in asked)
    assert page.evaluate("() => document.fonts.check('16px \"Inter Figures\"')")
    assert page.evaluate("() => document.querySelector('.icon').getBoundingClientRect().width") > 10
    page.context.close()


def test_without_script_the_hall_keeps_its_rows_and_offers_a_refresh(world: tuple[object, PortalServer]) -> None:
    page, _ = open_page(world, "/sample/hall-running?lang=en", java_script_enabled=False)
    assert page.locator("[data-row]").count() == 7
    assert page.get_by_role("link", name="Reload to see the latest").is_visible()
    assert "00:08:42" in page.locator("[data-countdown-time]").inner_text()
    page.context.close()


def test_the_keyboard_reaches_everything_and_shows_where_it_is(world: tuple[object, PortalServer]) -> None:
    page, _ = open_page(world, "/sample/verify")
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.className") == "skip"
    seen = []
    for _step in range(20):
        page.keyboard.press("Tab")
        seen.append(
            page.evaluate(
                "() => [document.activeElement.tagName, getComputedStyle(document.activeElement).outlineStyle, parseFloat(getComputedStyle(document.activeElement).outlineWidth)]"
            )
        )
        if seen[-1][0] == "TEXTAREA":
            break
    assert seen[-1][0] == "TEXTAREA"
    assert all(style == "solid" and width >= 3 for _, style, width in seen)
    page.context.close()


def test_an_error_summary_takes_the_focus_and_leads_to_its_field(world: tuple[object, PortalServer]) -> None:
    page, _ = open_page(world, "/sample/verify-error?lang=en")
    assert page.evaluate("() => document.activeElement.className") == "errors"
    page.get_by_role("link", name="Paste a text or choose a file").click()
    assert page.evaluate("() => document.activeElement.id") == "text"
    page.context.close()


def test_the_type_size_is_switched_and_remembered(world: tuple[object, PortalServer]) -> None:
    page, _ = open_page(world, "/sample/home?lang=en")
    page.get_by_role("link", name="Large type").click()
    assert page.evaluate("() => getComputedStyle(document.documentElement).fontSize") == "20px"
    assert {cookie["name"]: cookie["value"] for cookie in page.context.cookies()} == {"size": "large"}
    page.get_by_role("link", name="Standard type").click()
    assert page.evaluate("() => getComputedStyle(document.documentElement).fontSize") == "16px"
    page.context.close()


def test_the_countdown_runs_on_server_time_whatever_the_device_believes(world: tuple[object, PortalServer]) -> None:
    browser, server = world
    context = browser.new_context()
    page = context.new_page()
    page.clock.install(time=NOW + timedelta(minutes=10))  # this device is ten minutes fast
    page.goto(f"{base_of(server)}/sample/case-before?lang=en")
    page.wait_for_function("() => document.querySelector('[data-clock]').textContent.includes('this device')")
    assert page.locator("[data-countdown-time]").inner_text().startswith(("6 days 05:00:00", "6 days 04:59:5"))
    offset = page.locator("[data-clock]").inner_text().split("this device ")[1]
    assert 599 < float(offset.removesuffix(" s")) < 602
    context.close()


def test_the_countdown_is_spoken_at_ten_five_and_one_minutes_only(world: tuple[object, PortalServer]) -> None:
    browser, server = world
    context = browser.new_context()
    page = context.new_page()
    page.clock.install(time=NOW)
    page.goto(f"{base_of(server)}/sample/hall-running?lang=en")
    page.wait_for_function("() => document.querySelector('[data-clock]').textContent.includes('this device')")
    said = page.locator("[data-countdown-say]")
    assert said.text_content() == ""  # under ten minutes already when the page was opened
    page.clock.run_for(60_000)
    assert said.text_content() == ""
    page.clock.run_for(180_000)
    assert said.text_content() == "5 minutes left"
    context.close()


def test_the_feed_adds_entries_catches_up_after_a_break_and_shows_its_state(
    world: tuple[object, PortalServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, str | None]] = []
    offline = threading.Event()

    def events(path: str, headers: object) -> bytes:
        asked.append((path, headers["Last-Event-ID"]))
        sequence = 14 + len(asked)
        entry = {
            "sequence": sequence,
            "at": machine(NOW),
            "zh": f"<b>第 {sequence} 步</b>",
            "en": f"<b>step {sequence}</b>",
            "tone": "done",
        }
        if len(asked) > 2:
            offline.set()
            return b"retry: 60000\n\n"
        return f"retry: 50\n\nid: {sequence}\nevent: entry\ndata: {json.dumps(entry)}\n\n".encode()

    monkeypatch.setattr(PortalServer, "events", staticmethod(events))
    page, complaints = open_page(world, "/sample/hall-running?lang=en")
    page.locator('[data-feed-list] li[data-sequence="16"]').wait_for()
    assert offline.wait(5)
    assert page.locator("[data-feed-list] li").first.inner_text().endswith("<b>step 16</b>")
    assert page.locator("[data-feed-list] b").count() == 0
    assert page.locator("[data-connection]").inner_text() == "Connection lost, reconnecting"
    assert asked[0] == (f"{paths.feed(CASE)}?after=14", None)
    assert [last for _, last in asked[:3]] == [None, "15", "16"]
    assert [text for text in complaints if "ERR_" not in text] == []
    page.context.close()
