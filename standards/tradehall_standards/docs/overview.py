"""
Overview, releases and search (总览、发布、检索): one core and two wings, what was signed when, and where to find it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from tradehall_standards.catalogue import Version
from tradehall_standards.docs import layout as at
from tradehall_standards.docs.codelists import code_table, edition_path
from tradehall_standards.docs.families import path_of, shapes_of, version_sections
from tradehall_standards.docs.layout import Desk, Entry, Page, chip, facts, panel, row, table, title_head
from tradehall_standards.docs.markup import Html, Node, fragment, tag
from tradehall_standards.docs.numbers import rule_path, rules_table
from tradehall_standards.docs.procedures import procedure_path, procedure_sections
from tradehall_standards.docs.structure import NOT_PLACED, Group, Part
from tradehall_standards.docs.volume import about_of, narrowed, title_of
from tradehall_standards.docs.words import Text
from tradehall_standards.release.releases import Release, unit_of

_LEAD: Final = Text(
    "一核：交易服务标准。两翼：数据标准、区域一体化规范。每一条都有确切的版本和摘要。",
    "One core: trading-service standards. Two wings: data standards and regional-integration norms. Each has an exact "
    "version and a digest.",
)
_COUNTS: Final = (
    Text("类记录", "kinds of record"),
    Text("个代码表", "code lists"),
    Text("条法定参数", "numbers of the law"),
    Text("个程序", "procedures"),
)
_FIND: Final = Text("检索标准、字段、代码、条款", "Search standards, fields, codes, clauses")
_GO: Final = Text("检索", "Search")
_NO_SCRIPT: Final = Text(
    "浏览器未运行脚本，检索不可用；可以从总览、代码表、法定参数各页查找。",
    "Scripts do not run here, so search is off; look through the overview, the code lists and the numbers of the law.",
)
_NOTHING: Final = Text("没有找到，换一个词试试。", "Nothing was found; try another word.")
_FOUND: Final = Text("找到 {0} 条", "{0} found")
_RELEASE, _PUBLISHED, _BEFORE = (
    Text("发布", "release"),
    Text("发布日期", "published"),
    Text("上一次发布", "release before"),
)
_ENTRIES, _HEAD, _FILES, _KEYS = (
    Text("目录条目", "entries of the index"),
    Text("目录摘要", "head of the index"),
    Text("文件", "files"),
    Text("签名密钥", "keys of the signatures"),
)
_FIRST: Final = Text("首次发布", "none, the first")
_VERIFY: Final = Text(
    "以 tradehall standards verify 验证：不需要网络，任何一个字节被改动都会发现。",
    "Check it with tradehall standards verify: it needs no network and finds any changed byte.",
)
_NEW: Final = Text("本次发布新增", "New in this release")
_GROWN: Final = Text("此后续有增补的数据文件", "Data files that were added to since")
_PENDING: Final = Text("尚无已签名的发布收录", "In no signed release yet")
_BOOK: Final = Text("全文（一页）", "Full text on one page")
_BOOK_ABOUT: Final = Text("本次发布的全部标准，供打印和存档。", "All standards of this release, to print and to keep.")
_VERSIONS: Final = Text("标准版本", "Versions")
_WAITING: Final = Text("待发布", "to be released")
_SHOWN: Final = 12


def overview_pages(desk: Desk) -> Iterator[Page]:
    """Yield the overview, the pages of releases and the page that searches."""
    yield _home(desk)
    yield _releases(desk)
    for number, release in enumerate(desk.volume.releases):
        yield _release(desk, release, desk.volume.releases[number - 1] if number else None)
    yield _search(desk)


# --- overview


def _home(desk: Desk) -> Page:
    speak, volume, path = desk.speak, desk.volume, "index.html"
    counts = (len(volume.versions), len(volume.codelists), len(volume.rule_rows), len(volume.procedures))
    figures = [
        tag("li", tag("strong", str(count)), " ", speak(words)) for count, words in zip(counts, _COUNTS, strict=True)
    ]
    groups = list(volume.structure.groups())
    rest = _group(desk, path, volume.structure.parts[0], NOT_PLACED)
    parts = [
        tag(
            "section",
            tag(
                "div",
                tag("span", speak(part.mark), class_="part-mark"),
                tag("h2", speak(part.title), id=part.id),
                tag("p", speak(part.about)),
                class_="part-head",
            ),
            tag(
                "div",
                [_group(desk, path, owner, g) for owner, g in groups if owner is part and g is not NOT_PLACED],
                rest if number == 0 else None,
                class_="groups",
            ),
            class_=f"part part-{part.id}",
            aria_labelledby=part.id,
        )
        for number, part in enumerate(volume.structure.parts)
    ]
    core, *wings = parts
    body = fragment(
        title_head(speak(at.SITE), "", speak(_LEAD), None),
        _form(desk, path),
        tag("ul", figures, class_="figures"),
        tag("div", core, tag("div", wings, class_="wings"), class_="structure"),
    )
    return Page(path, speak(volume.structure.title), body, wide=True)


def _form(desk: Desk, path: str) -> Html:
    speak = desk.speak
    return tag(
        "form",
        tag("label", speak(_FIND), for_="q"),
        tag(
            "div",
            tag("input", type="search", id="q", name="q", autocomplete="off"),
            tag("button", speak(_GO), type="submit"),
        ),
        action=at.href(path, "search.html"),
        method="get",
        role="search",
        class_="search",
    )


def _group(desk: Desk, path: str, part: Part, group: Group) -> Html | None:
    speak, volume = desk.speak, desk.volume
    families = volume.structure.families_of((part, group), volume.versions)
    items = [_family(desk, path, volume.versions[name][-1]) for name in families]
    items += [
        tag("li", desk.link(path, procedure_path(p.id), speak(p.title)), " ", chip(speak(at.PROCEDURES), "running"))
        for p in volume.procedures.values()
        if volume.structure.of_procedure(p.id) == (part, group)
    ]
    if group.holds_commons:
        items += [
            tag(
                "li",
                desk.link(path, f"definitions/{c.version}.html", speak(Text("公用定义", "Shared definitions"))),
                " ",
                tag("code", c.version),
            )
            for c in volume.sources.commons
        ]
    if group.holds_calendars:
        items.append(tag("li", desk.link(path, "calendars.html", speak(Text("工作日历", "Working calendars")))))
    editions = [e[-1] for e in volume.codelists.values() if volume.structure.of_codelist(e[-1].name) == (part, group)]
    rules = list(dict.fromkeys(rule.id for rule in volume.rules if volume.structure.of_rule(rule) == (part, group)))
    lists = [desk.link(path, edition_path(e), speak(Text(e.zh, e.en))) for e in editions]
    numbers = [desk.link(path, rule_path(name), tag("code", name), class_="number") for name in rules]
    if not items and not lists and not numbers:
        return None
    return tag(
        "div",
        tag("h3", speak(group.title), id=group.id),
        tag("ul", items, class_="rows") if items else None,
        _many(desk, speak(at.LISTS), lists, "codelists/index.html", path),
        _many(desk, speak(at.NUMBERS), numbers, "parameters/index.html", path),
        class_="group",
    )


def _family(desk: Desk, path: str, version: Version) -> Html:
    """Return one line of the overview: the newest version of a family."""
    speak = desk.speak
    return tag(
        "li",
        desk.link(path, f"families/{version.family}/index.html", speak(title_of(version))),
        " ",
        tag("code", version.family, class_="muted"),
        " ",
        desk.link(path, path_of(version), version.version, class_="version"),
        chip(speak(_WAITING), "attention") if version.id in desk.volume.pending else None,
    )


def _many(desk: Desk, title: str, links: Sequence[Html], more: str, path: str) -> Html | None:
    """Return the first links of a kind, folded where there are many."""
    if not links:
        return None
    shown = [tag("li", link) for link in links]
    if len(links) <= _SHOWN:
        return fragment(
            tag("h4", title, " ", tag("span", str(len(links)), class_="muted")), tag("ul", shown, class_="tags")
        )
    summary = tag("summary", title, " ", tag("span", str(len(links)), class_="muted"))
    return tag("details", summary, tag("ul", shown, class_="tags"), class_="many")


# --- releases


def _releases(desk: Desk) -> Page:
    speak, volume, path = desk.speak, desk.volume, "releases/index.html"
    heads = [speak(_RELEASE), speak(_PUBLISHED), speak(_FILES), speak(_HEAD)]
    rows = [
        row(
            desk.link(path, f"releases/{r.name}.html", tag("strong", r.name)),
            r.published_on.isoformat(),
            str(len(r.files)),
            tag("code", r.head or "—", class_="digest"),
        )
        for r in reversed(volume.releases)
    ]
    waiting = sorted(volume.pending) if volume.release is None else []
    body = fragment(
        title_head(speak(at.RELEASES), "", speak(_VERIFY), None),
        table(heads, rows, speak(at.RELEASES)),
        panel(
            speak(_PENDING),
            "pending",
            tag("ul", [tag("li", _unit(desk, path, n)) for n in waiting], class_="tags"),
            note=str(len(waiting)),
        )
        if waiting
        else None,
    )
    return Page(path, speak(at.RELEASES), body)


def _unit(desk: Desk, path: str, unit: str) -> Node:
    """Return a link to what the index lists under an id, where it has a page here."""
    found = _target(desk, unit)
    return tag("code", unit) if found is None else desk.link(path, *found)


def _target(desk: Desk, unit: str) -> tuple[str, str] | None:
    """Return path and title of the page of an id of the index."""
    speak, volume = desk.speak, desk.volume
    kind, name, edition = (*unit.split("/"), "", "")[:3]
    if kind == "codelists":
        found = next((e for e in volume.codelists.get(name, ()) if e.version == edition), None)
        return None if found is None else (edition_path(found), speak(Text(found.zh, found.en)))
    if kind == "procedures":
        known = volume.procedures.get(name)
        return None if known is None else (procedure_path(name), speak(known.title))
    if kind in {"parameters", "calendars", "common"}:
        return _target_of_data(desk, kind, name)
    version = next((v for v in volume.versions.get(kind, ()) if v.version == name), None)
    return None if version is None else (path_of(version), f"{speak(title_of(version))} {name}")


def _target_of_data(desk: Desk, kind: str, name: str) -> tuple[str, str]:
    if kind == "common":
        return f"definitions/{name}.html", f"common/{name}"
    if kind == "calendars":
        return "calendars.html", name
    anchor = f"#{name}" if _has_rows(desk, name) else ""
    return f"parameters/index.html{anchor}", desk.speak(desk.volume.regimes.get(name, Text(name, name)))


def _has_rows(desk: Desk, regime: str) -> bool:
    return any(regime in rule.regimes for rule in desk.volume.rules)


def _units(release: Release) -> list[str]:
    return sorted({unit for path in release.files if (unit := unit_of(path)) is not None and unit != "lifecycle"})


def _release(desk: Desk, release: Release, before: Release | None) -> Page:
    speak, path = desk.speak, f"releases/{release.name}.html"
    keys = [tag("li", tag("code", signature.keyid, class_="digest")) for signature in release.envelope.signatures]
    known: set[str] = set() if before is None else set(_units(before))
    new = [unit for unit in _units(release) if unit not in known]
    pairs: list[tuple[str, Node]] = [
        (speak(_PUBLISHED), release.published_on.isoformat()),
        (
            speak(_BEFORE),
            speak(_FIRST) if before is None else desk.link(path, f"releases/{before.name}.html", before.name),
        ),
        (speak(_ENTRIES), str(release.entries)),
        (speak(_HEAD), tag("code", release.head or "—", class_="digest")),
        (speak(_FILES), str(len(release.files))),
        (speak(_KEYS), tag("ul", keys, class_="plain")),
    ]
    book = desk.link(path, f"releases/{release.name}-full.html", speak(_BOOK))
    links = [book, *([" · ", tag("a", "PDF", href=f"{release.name}.pdf")] if desk.pdf else [])]
    grown = desk.volume.grown if release is desk.volume.release else ()
    body = fragment(
        title_head(
            f"{speak(_RELEASE).capitalize()} {release.name}",
            "",
            speak(_VERIFY),
            fragment(facts(*pairs), tag("p", links)),
        ),
        _new(desk, path, new),
        panel(speak(_GROWN), "grown", tag("ul", [tag("li", tag("code", name)) for name in grown], class_="tags"))
        if grown
        else None,
    )
    crumbs = (("index.html", speak(at.HOME)), ("releases/index.html", speak(at.RELEASES)), (None, release.name))
    entry = Entry(f"{speak(_RELEASE)} {release.name}", release.name, speak(at.RELEASES), path)
    return Page(path, f"{speak(_RELEASE)} {release.name}", body, (entry,), crumbs)


def _new(desk: Desk, path: str, units: Sequence[str]) -> Html:
    """Return what a release brings, sorted by kind."""
    speak = desk.speak
    kinds: dict[str, list[str]] = {}
    for unit in units:
        head = unit.partition("/")[0]
        kinds.setdefault(
            head if head in {"codelists", "parameters", "procedures", "calendars", "common"} else "", []
        ).append(unit)
    names = {
        "": _VERSIONS,
        "codelists": at.LISTS,
        "parameters": at.NUMBERS,
        "procedures": at.PROCEDURES,
        "calendars": Text("工作日历", "Working calendars"),
        "common": Text("公用定义", "Shared definitions"),
    }
    blocks = [
        fragment(
            tag("h3", speak(name), " ", tag("span", str(len(kinds[kind])), class_="muted")),
            tag("ul", [tag("li", _unit(desk, path, unit)) for unit in kinds[kind]], class_="tags"),
        )
        for kind, name in names.items()
        if kind in kinds
    ]
    return panel(speak(_NEW), "new", blocks, note=str(len(units)))


# --- the whole text of a release


def book_page(desk: Desk, release: Release) -> Page:
    """Return the full text of a release on one page (发布全文), in the order of 一核两翼."""
    volume = narrowed(desk.volume, release)
    desk = replace(desk, volume=volume)
    speak, path = desk.speak, f"releases/{release.name}-full.html"
    chapters = [chapter for part in volume.structure.parts for chapter in _part_chapters(desk, path, part)]
    contents = [
        tag("li", tag("a", title, href=f"#{anchor}"), class_=f"level-{level}") for level, anchor, title, _ in chapters
    ]
    title = f"{speak(at.SITE)} {release.name}"
    cover = fragment(
        title_head(
            title,
            "",
            speak(_BOOK_ABOUT),
            facts(
                (speak(_PUBLISHED), release.published_on.isoformat()),
                (speak(_HEAD), tag("code", release.head or "—", class_="digest")),
            ),
        ),
        tag(
            "nav",
            tag("h2", speak(Text("目次", "Contents")), id="contents"),
            tag("ol", contents),
            class_="toc",
            aria_labelledby="contents",
        ),
    )
    crumbs = (
        ("index.html", speak(at.HOME)),
        (f"releases/{release.name}.html", release.name),
        (None, speak(_BOOK)),
    )
    body = fragment(tag("div", cover, class_="cover"), [inner for _, _, _, inner in chapters])
    return Page(path, title, tag("div", body, class_="book"), (), crumbs)


Chapter = tuple[int, str, str, Html]
"""Level in the contents, anchor, title, and what it says."""


def _part_chapters(desk: Desk, path: str, part: Part) -> Iterator[Chapter]:
    speak = desk.speak
    anchor, title = f"part-{part.id}", f"{speak(part.mark)} · {speak(part.title)}"
    words = tag("h2", title, id=anchor, class_="part-title")
    yield 1, anchor, title, tag("div", words, tag("p", speak(part.about)), class_="chapter")
    for owner, group in desk.volume.structure.groups():
        if owner is part:
            yield from _version_chapters(desk, path, (part, group))
            yield from _procedure_chapters(desk, path, (part, group))
            yield from _data_chapters(desk, path, (part, group))


def _version_chapters(desk: Desk, path: str, place: tuple[Part, Group]) -> Iterator[Chapter]:
    speak, volume = desk.speak, desk.volume
    for family in volume.structure.families_of(place, volume.versions):
        for version in volume.versions[family]:
            anchor = version.id.replace("/", "-")
            sections = version_sections(desk, version, path, shapes_of(desk, version), f"{anchor}-")
            title = f"{speak(title_of(version))} {version.id}"
            yield _chapter(anchor, title, speak(about_of(version)), sections)


def _procedure_chapters(desk: Desk, path: str, place: tuple[Part, Group]) -> Iterator[Chapter]:
    for procedure in desk.volume.procedures.values():
        if desk.volume.structure.of_procedure(procedure.id) == place:
            anchor = f"procedure-{procedure.id}"
            title = f"{desk.speak(at.PROCEDURES)} · {desk.speak(procedure.title)}"
            yield _chapter(anchor, title, "", procedure_sections(desk, procedure, path, f"{anchor}-"))


def _data_chapters(desk: Desk, path: str, place: tuple[Part, Group]) -> Iterator[Chapter]:
    speak, volume = desk.speak, desk.volume
    rules = [rule for rule in volume.rules if volume.structure.of_rule(rule) == place]
    if rules:
        title = f"{speak(at.NUMBERS)} · {speak(place[1].title)}"
        yield _chapter(f"numbers-{place[1].id}", title, "", [rules_table(desk, path, rules, title)])
    for name, editions in volume.codelists.items():
        if volume.structure.of_codelist(name) != place:
            continue
        for edition in editions:
            anchor = f"codelist-{name}-{edition.version}"
            title = f"{speak(at.LISTS)} · {speak(Text(edition.zh, edition.en))} {name} {edition.version}"
            yield _chapter(anchor, title, "", [code_table(desk, edition, f"{anchor}-")])


def _chapter(anchor: str, title: str, lead: str, inner: Iterator[Html] | Sequence[Html]) -> Chapter:
    head = fragment(tag("h2", title, id=anchor), tag("p", lead, class_="lead") if lead else None)
    return 2, anchor, title, tag("div", head, list(inner), class_="chapter")


# --- search


def _search(desk: Desk) -> Page:
    speak, path = desk.speak, "search.html"
    body = fragment(
        title_head(speak(at.SEARCH), "", None, None),
        _form(desk, path),
        tag("noscript", tag("p", speak(_NO_SCRIPT))),
        tag(
            "div",
            tag("p", "", id="count", role="status"),
            tag("ol", "", id="results", class_="results"),
            id="found",
            data_found=speak(_FOUND),
            data_nothing=speak(_NOTHING),
        ),
    )
    scripts = (f"assets/index-{desk.lang}.js", "assets/search.js")
    return Page(path, speak(at.SEARCH), body, scripts=scripts)


def index_file(entries: Sequence[Entry]) -> bytes:
    """
    Return the search index as a script that only holds data (检索索引).

    A page opened from the disk may not fetch files, but it may load a script beside it.
    """
    rows = [[e.title, e.code, e.kind, e.path, e.more] for e in entries]
    listed = ",\n".join(json.dumps(each, ensure_ascii=False, separators=(",", ":")) for each in rows)
    return f"window.tradehallIndex=[\n{listed}\n];\n".encode()
