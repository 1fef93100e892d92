"""Every sample page, in both languages and sizes, as text: well formed, strict, complete, escaped."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from html.parser import HTMLParser
from urllib.parse import urlsplit

import pytest

from portal import samples
from portal.samples import HOSTILE, NOW, SAMPLES, USER
from tradehall.web.portal import paths, render, views
from tradehall.web.portal.views import Amount, Label

VOID = {"meta", "link", "img", "input", "br", "hr"}
LANGS = ("zh", "en")
SIZES = ("normal", "large")
EVERY = [(name, lang, size) for name in SAMPLES for lang in LANGS for size in SIZES]


class Reader(HTMLParser):
    """Reads a page strictly: every element closed in order; collects what the tests ask about."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.languages: list[str | None] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.shown: list[tuple[str, dict[str, str | None]]] = []  # not hidden, nor in a template that a script uses
        self.hidden: list[bool] = []
        self.text: list[str] = []
        self.unmarked: list[str] = []
        self.headings: list[int] = []
        self.feed(text)
        self.close()
        assert self.open == [], f"left open: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"attribute twice in <{tag}>"
        self.elements.append((tag, dict(attrs)))
        hidden = any(self.hidden) or "hidden" in names or tag == "template"
        if not hidden:
            self.shown.append((tag, dict(attrs)))
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag not in VOID:
            self.open.append(tag)
            self.hidden.append(hidden)
            inherited = self.languages[-1] if self.languages else None
            self.languages.append(dict(attrs).get("lang", inherited))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> without a start"
        assert self.open.pop() == tag, f"</{tag}> closes something else"
        self.languages.pop()
        self.hidden.pop()

    def handle_data(self, data: str) -> None:
        self.text.append(data)
        if "title" not in self.open and self.languages[-1:] == ["en"]:
            self.unmarked.append(data)

    def all(self, attribute: str) -> list[str]:
        return [attrs[attribute] or "" for _, attrs in self.elements if attribute in attrs]


def page(name: str, lang: str = "zh", size: str = "normal", **kwargs: object) -> str:
    return render.render(SAMPLES[name], lang=lang, size=size, **kwargs)


@pytest.mark.parametrize(("name", "lang", "size"), EVERY)
def test_every_page_is_well_formed_strict_and_reachable(name: str, lang: str, size: str) -> None:
    reader = Reader(page(name, lang, size, csrf="token", user=USER if size == "large" else None))
    assert reader.elements[0] == ("html", {"lang": {"zh": "zh-CN", "en": "en"}[lang], "data-size": size})

    # nothing inline, nothing from elsewhere: the policy would block it
    for tag, attrs in reader.elements:
        assert "style" not in attrs
        assert not [attr for attr in attrs if attr.startswith("on")]
        assert tag not in {"style", "iframe", "object", "base"}
        assert tag != "script" or attrs["src"]
    for attribute in ("href", "src", "action", "data-feed", "data-time-url"):
        for address in reader.all(attribute):
            parts = urlsplit(address)
            assert not parts.scheme
            assert not parts.netloc
            assert address.startswith(("/", "#"))

    # ids are single, and every reference finds one
    ids = reader.all("id")
    assert len(ids) == len(set(ids))
    for attribute in ("for", "aria-labelledby", "aria-describedby"):
        assert {one for named in reader.all(attribute) for one in named.split()} <= set(ids)
    assert {address[1:] for address in reader.all("href") if address.startswith("#")} <= set(ids) | {
        "text",
        "q",
        "username",
    }

    # one h1, no level skipped
    assert reader.headings.count(1) == 1
    assert all(after <= before + 1 for before, after in zip(reader.headings, reader.headings[1:], strict=False))

    # every control that a person fills has a label; every post carries the token
    labelled = set(reader.all("for"))
    for tag, attrs in reader.elements:
        if tag in {"select", "textarea"} or (tag == "input" and attrs.get("type") != "hidden"):
            assert attrs["id"] in labelled
    posts = sum(tag == "form" and attrs.get("method") == "post" for tag, attrs in reader.elements)
    assert sum(attrs.get("name") == "csrf" and attrs["value"] == "token" for _, attrs in reader.elements) == posts

    # at most seven top items, and one filled button a view beside the sign-out
    navigation = [attrs for tag, attrs in reader.shown if attrs.get("class") == "button button-primary"]
    assert len(navigation) <= 1
    assert "None" not in reader.text
    assert "Undefined" not in "".join(reader.text)


def test_the_top_has_at_most_seven_items() -> None:
    navigation = re.search(r'<nav class="site-nav".*?</nav>', page("home"), re.DOTALL)
    assert navigation is not None
    assert 1 < navigation[0].count("<li>") <= 7


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("name", ["case-bare", "list-empty", "login-error", "verify-forged", "standards-empty"])
def test_hostile_names_stay_text(name: str, lang: str) -> None:
    text = page(name, lang)
    assert "<script>alert" not in text
    assert "<img src=x" not in text
    reader = Reader(text)
    shown = "".join(reader.text) + "".join(reader.all("value"))
    assert HOSTILE in shown


def test_a_hostile_user_and_path_stay_text() -> None:
    home = replace(samples.HOME, path='/?q="><script>alert(1)</script>&lang=en')
    text = render.render(home, lang="zh", csrf='"><b>', user=views.User(HOSTILE, Label(HOSTILE, HOSTILE)))
    assert "<script>alert" not in text
    assert "<b>" not in text
    Reader(text)


def test_the_language_link_never_leaves_the_site() -> None:
    assert paths.with_query("//evil.example/x?lang=zh&a=1", lang="en") == "/x?a=1&lang=en"
    assert paths.with_query("https://evil.example/x", lang=None) == "/x"


@pytest.mark.parametrize("lang", LANGS)
def test_before_the_opening_the_hall_shows_no_bid_count_or_price(lang: str) -> None:
    text = page("hall-waiting", lang)
    assert "data-row" not in text
    assert {"zh": "投标仍在密封中", "en": "Bids are still sealed"}[lang] in text


@pytest.mark.parametrize("lang", LANGS)
def test_prices_stay_away_until_they_are_announced_even_if_the_model_has_them(lang: str) -> None:
    assert "281,999,800.00" not in page("hall-running", lang)
    assert "281,999,800.00" in page("hall-closed", lang)


def test_a_sealed_bid_never_names_its_bidder_even_if_the_model_does() -> None:
    careless = replace(
        samples.HALL_LOT,
        rows=(samples.bid(1, "sealed", bidder="泄露公司", guarantee="valid", price=samples.yuan("1.00")),),
    )
    text = render.render(replace(samples.HALL_RUNNING, lots=(careless,), prices_announced=True, feed=()), lang="zh")
    assert "泄露公司" not in text
    assert "保函有效" not in text
    assert ">1.00<" not in text


def test_a_closed_hall_opens_no_stream() -> None:
    assert "data-feed=" in page("hall-running")
    assert "data-feed=" not in page("hall-closed")


def test_filed_chinese_is_marked_as_chinese_on_an_english_page_only() -> None:
    assert '<span lang="zh-CN">示例水务投资有限公司</span>' in page("hall-running", "en")
    assert '<span lang="zh-CN">' not in page("hall-running", "zh")


@pytest.mark.parametrize("name", SAMPLES)
def test_an_english_page_has_no_chinese_outside_marked_places(name: str) -> None:
    shown = "".join(Reader(page(name, "en", user=USER)).unmarked)
    assert len(shown) > 100
    assert not re.search("[\u3400-\u9fff]", shown), re.findall("[\u3400-\u9fff]+", shown)[:5]


@pytest.mark.parametrize("status", [400, 403, 404, 409, 422, 500])
def test_every_error_page_says_what_to_do(status: int) -> None:
    text = page(f"error-{status}")
    assert "您可以这样做" in text
    assert text.count("<li>") >= 8


def test_an_unknown_model_is_a_bug() -> None:
    with pytest.raises(KeyError):
        render.render(object(), lang="zh")  # type: ignore[arg-type]


def test_static_addresses_carry_the_digest_of_their_content() -> None:
    assert re.fullmatch(r"/static/portal/app\.css\?v=[0-9a-f]{16}", render.static_href("app.css"))
    with pytest.raises(FileNotFoundError):
        render.static_href("absent.css")


def test_every_icon_that_is_used_is_drawn() -> None:
    drawn = set(re.findall(r'<symbol id="([a-z]+)"', (render.STATIC_DIRECTORY / "icons.svg").read_text("utf-8")))
    used = {match for name in SAMPLES for match in re.findall(r"icons\.svg[^#\"]*#([a-z]+)", page(name))}
    assert used <= drawn
    assert len(used) > 15


# --- filters -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("298600000", "298,600,000.00"),
        ("0.1", "0.10"),
        ("33.255", "33.255"),
        ("1.23456789", "1.234568"),
        ("1E+3", "1,000.00"),
        ("0", "0.00"),
    ],
)
def test_money_has_two_places_and_thousands(value: str, shown: str) -> None:
    assert render.money(Amount(Decimal(value))) == shown


def test_instants_are_shown_in_the_time_of_the_centre() -> None:
    moment = datetime(2026, 4, 16, 23, 59, 7, 512_000, tzinfo=UTC)
    assert render.instant(moment) == "2026-04-17 07:59"
    assert render.clock(moment) == "07:59:07"
    assert render.second(moment) == "2026-04-17 07:59:07"
    assert render.machine(moment) == "2026-04-17T07:59:07.512+08:00"


def test_days_are_counted_by_the_calendar_of_the_centre() -> None:
    late = datetime(2026, 4, 17, 23, 59, tzinfo=render.CENTRE_TIME)
    assert render.days_until(late + timedelta(minutes=2), late) == 1
    assert render.days_until(late - timedelta(hours=23), late) == 0
    assert render.days_until(date(2026, 4, 10), late) == -7


def test_time_left_never_falls_below_zero() -> None:
    assert render.remaining(NOW + timedelta(days=1, seconds=61), NOW) == (1, "00:01:01")
    assert render.remaining(NOW - timedelta(days=1), NOW) == (0, "00:00:00")


def test_digests_and_sizes_are_short() -> None:
    assert render.digest_short("sha256:" + "ab" * 32) == "abababab…abababab"
    assert render.digest_short("short") == "short"
    assert [render.file_size(size) for size in (999, 1000, 4_310_220)] == ["999 B", "1.0 KB", "4.3 MB"]


@pytest.mark.parametrize(
    ("days", "zh", "en"),
    [
        (0, "今天", "today"),
        (1, "明天", "tomorrow"),
        (-1, "昨天", "yesterday"),
        (5, "5 天后", "in 5 days"),
        (-3, "3 天前", "3 days ago"),
    ],
)
def test_relative_days_in_both_languages(days: int, zh: str, en: str) -> None:
    row = samples.case_row(0, bid_deadline=NOW + timedelta(days=days))
    listed = replace(samples.CASE_LIST, rows=(row,))
    assert zh in render.render(listed, lang="zh")
    assert en in render.render(listed, lang="en")
