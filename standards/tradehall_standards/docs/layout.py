"""
Layout (页面框架): head, navigation and foot that every page has; links are relative, so pages work from the disk.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from posixpath import dirname, relpath
from typing import Final

from tradehall_standards.docs.changes import VersionChanges
from tradehall_standards.docs.markup import Html, Node, document, fragment, tag
from tradehall_standards.docs.volume import Volume
from tradehall_standards.docs.words import HTML_LANG, LANGS, Lang, Speaker, Text

POLICY: Final = (
    "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'; form-action 'self'; base-uri 'none'"
)
_ONE_LINE: Final = 90
SITE: Final = Text("阳光交易大厅 标准目录", "Tradehall standards catalogue")
HOME, LISTS, NUMBERS, PROCEDURES, RELEASES, SEARCH = (
    Text("总览", "Overview"),
    Text("代码表", "Code lists"),
    Text("法定参数", "Numbers of the law"),
    Text("交易程序", "Procedures"),
    Text("发布", "Releases"),
    Text("检索", "Search"),
)
NAVIGATION: Final = (
    ("index.html", HOME),
    ("codelists/index.html", LISTS),
    ("parameters/index.html", NUMBERS),
    ("procedures/index.html", PROCEDURES),
    ("releases/index.html", RELEASES),
    ("search.html", SEARCH),
)
_SKIP: Final = Text("跳到正文", "Skip to the content")
_PLACE: Final = Text("位置", "You are here")
_MENU: Final = Text("栏目", "Sections")
_OTHER_LANGUAGE: Final = Text("English", "中文")
_MADE: Final = Text(
    "由标准目录生成；同一目录生成同样的页面。以目录中的签名文件为准。",
    "Made from the catalogue; the same catalogue makes the same pages. The signed files of the catalogue prevail.",
)
_PERMALINK: Final = Text("固定链接", "Permalink")
_RELEASE: Final = Text("发布 {0}", "Release {0}")
_WHOLE: Final = Text("全部版本", "All versions")


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the search index (检索条目): title, code, kind, place and what else is searched."""

    title: str
    code: str
    kind: str
    path: str
    more: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """One page (页面): path below its language's folder, title, body, and what search finds of it."""

    path: str
    title: str
    body: Html
    entries: tuple[Entry, ...] = ()
    crumbs: tuple[tuple[str | None, str], ...] = ()
    wide: bool = False
    scripts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Desk:
    """
    What the makers of pages share (制页环境): the content, the language, and how to link.

    Attributes:
        volume: what is documented.
        changes: of every version that follows another one, by id.
        lang: language of the pages.
        langs: languages that are made.
        pdf: PDF files will lie beside the pages.
    """

    volume: Volume
    changes: dict[str, VersionChanges]
    lang: Lang
    langs: tuple[Lang, ...]
    pdf: bool = False

    @cached_property
    def speak(self) -> Speaker:
        """Speaks the language of the pages."""
        return Speaker(self.lang)

    def link(self, here: str, there: str, *words: Node, class_: str | None = None) -> Html:
        """Return a link from one page of this language to another, which may have a fragment."""
        return tag("a", *words, href=href(here, there), class_=class_)

    def frame(self, page: Page) -> bytes:
        """Return the bytes of a page (成页)."""
        speak = self.speak
        body = tag(
            "body",
            tag("a", speak(_SKIP), class_="skip", href="#main"),
            self._top(page.path),
            tag("main", self._crumbs(page), page.body, id="main", class_="wide" if page.wide else None, tabindex="-1"),
            self._foot(page.path),
        )
        return document(HTML_LANG[self.lang], self._head(page), body).encode()

    def _head(self, page: Page) -> Html:
        up = "../" * (page.path.count("/") + 1)
        others: list[Lang] = [lang for lang in self.langs if lang != self.lang]
        return fragment(
            tag("meta", charset="utf-8"),
            tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
            tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
            tag("title", f"{page.title} · {self.speak(SITE)}"),
            tag("link", rel="icon", href=f"{up}assets/mark.svg"),
            tag("link", rel="stylesheet", href=f"{up}assets/docs.css"),
            [tag("link", rel="alternate", hreflang=HTML_LANG[x], href=f"{up}{x}/{page.path}") for x in others],
            [tag("script", src=href(page.path, f"../{script}"), defer=True) for script in page.scripts],
        )

    def _top(self, path: str) -> Html:
        speak, volume = self.speak, self.volume
        up = "../" * (path.count("/") + 1)
        name = speak(_WHOLE) if volume.release is None else speak(_RELEASE).format(volume.release.name)
        others: list[Lang] = [lang for lang in self.langs if lang != self.lang]
        items = [
            tag("li", tag("a", speak(text), href=href(path, there), aria_current="page" if there == path else None))
            for there, text in NAVIGATION
        ]
        return tag(
            "header",
            tag(
                "div",
                tag(
                    "a",
                    tag("img", src=f"{up}assets/mark.svg", alt="", width=32, height=32),
                    tag("span", speak(SITE)),
                    class_="brand",
                    href=href(path, "index.html"),
                ),
                tag("span", name, class_="edition"),
                [
                    tag(
                        "a",
                        speak(_OTHER_LANGUAGE),
                        href=f"{up}{lang}/{path}",
                        lang=HTML_LANG[lang],
                        hreflang=HTML_LANG[lang],
                        class_="language",
                    )
                    for lang in others
                ],
                class_="bar",
            ),
            tag("nav", tag("ul", items), aria_label=speak(_MENU)),
            class_="top",
        )

    def _crumbs(self, page: Page) -> Html | None:
        if not page.crumbs:
            return None
        items = [
            tag("li", self.link(page.path, there, words) if there is not None else words)
            for there, words in page.crumbs
        ]
        return tag("nav", tag("ol", items), class_="crumbs", aria_label=self.speak(_PLACE))

    def _foot(self, path: str) -> Html:
        return tag(
            "footer",
            tag("p", self.speak(_MADE)),
            tag("p", self.speak(_PERMALINK), " ", tag("code", f"{self.lang}/{path}")),
            class_="foot",
        )


def href(here: str, there: str) -> str:
    """Return the relative address of one page as seen from another (相对链接)."""
    path, mark, anchor = there.partition("#")
    if path == here or not path:
        return f"#{anchor}" if mark else here.rpartition("/")[2]
    return relpath(path, dirname(here) or ".") + mark + anchor


# --- pieces


def panel(title: str, anchor: str, *nodes: Node, note: Node = None) -> Html:
    """Return a section with its heading (栏)."""
    head = tag(
        "div", tag("h2", title, id=anchor), tag("span", note, class_="muted") if note else None, class_="panel-head"
    )
    return tag("section", head, *nodes, class_="panel", aria_labelledby=anchor)


def table(heads: Sequence[Node], rows: Sequence[Node], caption: str, *, class_: str = "") -> Html:
    """Return a table that can be scrolled sideways with the keyboard where it is too wide (表)."""
    head = tag("thead", tag("tr", [tag("th", head, scope="col") for head in heads]))
    inner = tag("table", tag("caption", caption, class_="hidden"), head, tag("tbody", rows), class_=class_ or None)
    return tag("div", inner, class_="scroll", role="region", aria_label=caption, tabindex="0")


def row(*cells: Node, anchor: str | None = None) -> Html:
    """Return a row of a table."""
    return tag("tr", [tag("td", cell) for cell in cells], id=anchor)


def facts(*pairs: tuple[str, Node]) -> Html:
    """Return names and values (要点)."""
    return tag("dl", [tag("div", tag("dt", name), tag("dd", value)) for name, value in pairs], class_="facts")


def chip(words: Node, tone: str) -> Html:
    """Return a status (标记); ``tone`` is done, running, waiting, attention or failed."""
    return tag("span", words, class_=f"chip chip-{tone}")


def written(value: object) -> Html:
    """Return JSON as people read it (JSON 示例): on one line where that is short."""
    text = json.dumps(value, ensure_ascii=False)
    if len(text) > _ONE_LINE:
        text = json.dumps(value, ensure_ascii=False, indent=2)
    return tag("pre", tag("code", text), class_="json", tabindex="0")


def title_head(title: str, code: str, lead: Node, meta: Node, other: Node = None) -> Html:
    """Return the head of a page with its only h1 (页首)."""
    return tag(
        "div",
        tag("h1", title, " ", tag("code", code, class_="id") if code else None),
        tag("p", other, class_="other-title") if other else None,
        tag("p", lead, class_="lead") if lead else None,
        tag("div", meta, class_="meta") if meta else None,
        class_="page-head",
    )


def languages(lang: str) -> tuple[Lang, ...]:
    """Return the languages that ``zh``, ``en`` or ``both`` asks for."""
    return LANGS if lang == "both" else tuple(each for each in LANGS if each == lang)
