"""
Pages of code lists and shared definitions (代码表页、公用定义页).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from tradehall_standards.codelists import CodeList, CodeRow
from tradehall_standards.docs import layout as at
from tradehall_standards.docs.changes import edition_changes
from tradehall_standards.docs.families import path_of
from tradehall_standards.docs.layout import Desk, Entry, Page, chip, facts, panel, row, table, title_head, written
from tradehall_standards.docs.markup import Html, Node, fragment, tag
from tradehall_standards.docs.volume import shared_fields, title_of
from tradehall_standards.docs.words import Text, text_of
from tradehall_standards.sources import SchemaSource
from tradehall_standards.strict import as_array, as_object

CODE, MEANING, FROM, UNTIL, INSTEAD, SOURCE = (
    Text("代码", "code"),
    Text("含义", "meaning"),
    Text("自", "from"),
    Text("至（不含）", "until (excluded)"),
    Text("由何代码代替", "replaced by"),
    Text("来源", "source"),
)
_CLOSED: Final = Text("封闭：表外代码拒收", "closed: other codes are refused")
_OPEN: Final = Text("开放：表外代码仅提示", "open: other codes only warn")
_EDITION, _EDITIONS = Text("版本日期", "edition"), Text("全部版本", "All editions")
_CODES, _CHANGES = Text("代码", "Codes"), Text("与上一版的差异", "What changed since the edition before")
_USERS = Text("引用它的标准", "Standards that use it")
_FIRST = Text("这是首版，没有可比的上一版。", "This is the first edition: there is none before it.")
_DIGEST, _CHANGE = Text("摘要", "digest"), Text("变更", "change")
_JUDGED: Final = Text(
    "代码按事件发生之日判定，不按今日；停用的代码保留在表内，注明停用日。",
    "A code is judged on the date of the event, never today's; a code that ended stays in the list with its day.",
)
_TITLE: Final = Text("公用定义", "Shared definitions")
_CALENDARS: Final = Text("工作日历", "Working calendars")
_CALENDARS_ABOUT: Final = Text(
    "期限中的“工作日”按此计算；未载入的年份不作判断。",
    "Working days of time limits are counted by these; of a year that is not loaded nothing is said.",
)


def edition_path(edition: CodeList) -> str:
    """Return the permalink of an edition, below the folder of a language."""
    return f"codelists/{edition.name}/{edition.version}.html"


def codelist_pages(desk: Desk) -> Iterator[Page]:
    """Yield the page of all lists, of every list and of every edition."""
    yield _overview(desk)
    for editions in desk.volume.codelists.values():
        yield _list(desk, editions)
        for number, edition in enumerate(editions):
            yield _edition(desk, edition, editions[number - 1] if number else None)


def _overview(desk: Desk) -> Page:
    speak, path = desk.speak, "codelists/index.html"
    heads = [speak(at.LISTS), "", speak(_CODES), speak(_EDITION)]
    rows = [
        row(
            desk.link(path, edition_path(editions[-1]), speak(Text(editions[-1].zh, editions[-1].en))),
            tag("code", name),
            str(len(editions[-1].rows)),
            editions[-1].version,
        )
        for name, editions in desk.volume.codelists.items()
    ]
    body = fragment(title_head(speak(at.LISTS), "", speak(_JUDGED), None), table(heads, rows, speak(at.LISTS)))
    return Page(path, speak(at.LISTS), body)


def _crumbs(desk: Desk, edition: CodeList) -> tuple[tuple[str | None, str], ...]:
    part, _ = desk.volume.structure.of_codelist(edition.name)
    speak = desk.speak
    return (
        ("index.html", speak(at.HOME)),
        (f"index.html#{part.id}", f"{speak(part.mark)} · {speak(part.title)}"),
        ("codelists/index.html", speak(at.LISTS)),
    )


def _list(desk: Desk, editions: Sequence[CodeList]) -> Page:
    speak, newest = desk.speak, editions[-1]
    path, title = f"codelists/{newest.name}/index.html", Text(newest.zh, newest.en)
    heads = [speak(_EDITION), speak(_CODES), speak(_DIGEST)]
    rows = [
        row(
            desk.link(path, edition_path(edition), tag("strong", edition.version)),
            str(len(edition.rows)),
            tag("code", edition.digest, class_="digest"),
        )
        for edition in reversed(editions)
    ]
    body = fragment(
        title_head(speak(title), newest.name, speak(_JUDGED), None, speak.other(title)),
        panel(speak(_EDITIONS), "editions", table(heads, rows, speak(_EDITIONS))),
    )
    return Page(path, speak(title), body, crumbs=(*_crumbs(desk, newest), (None, speak(title))))


def _edition(desk: Desk, edition: CodeList, before: CodeList | None) -> Page:
    speak, path, title = desk.speak, edition_path(edition), Text(edition.zh, edition.en)
    users = desk.volume.users.get((edition.name, edition.version), ())
    links = [tag("li", desk.link(path, path_of(v), speak(title_of(v)), " ", tag("code", v.id))) for v in users]
    pairs: list[tuple[str, Node]] = [
        (speak(_EDITION), edition.version),
        (speak(_DIGEST), tag("code", edition.digest, class_="digest")),
    ]
    meta = fragment(chip(speak(_CLOSED if edition.closed else _OPEN), "running"), facts(*pairs))
    body = fragment(
        title_head(speak(title), f"{edition.name} {edition.version}", None, meta, speak.other(title)),
        panel(speak(_CODES), "codes", code_table(desk, edition, "code-"), note=str(len(edition.rows))),
        panel(speak(_CHANGES), "changes", _changes(desk, edition, before)),
        panel(speak(_USERS), "users", tag("ul", links, class_="links"), note=str(len(links))) if links else None,
    )
    entries = [Entry(speak(title), edition.name, speak(at.LISTS), path, f"{title.zh} {title.en}")]
    entries += [
        Entry(speak(Text(r.zh, r.en)), r.code, f"{speak(CODE)} · {speak(title)}", f"{path}#code-{number}", r.en)
        for number, r in enumerate(edition.rows)
    ]
    crumbs = (
        *_crumbs(desk, edition),
        (f"codelists/{edition.name}/index.html", speak(title)),
        (None, edition.version),
    )
    return Page(path, f"{speak(title)} {edition.version}", body, tuple(entries), crumbs)


def code_table(desk: Desk, edition: CodeList, anchor: str) -> Html:
    """Return the codes of an edition with their validity (代码); columns that would be empty are left out."""
    speak = desk.speak
    ended = any(r.valid_to is not None for r in edition.rows)
    heads = [speak(t) for t in (CODE, MEANING, FROM, *((UNTIL, INSTEAD) if ended else ()), SOURCE)]
    rows = [_code(desk, r, f"{anchor}{number}", ended=ended) for number, r in enumerate(edition.rows)]
    return table(heads, rows, speak(Text(edition.zh, edition.en)))


def _code(desk: Desk, found: CodeRow, anchor: str, *, ended: bool) -> Html:
    speak, title = desk.speak, Text(found.zh, found.en)
    until = () if found.valid_to is None else (found.valid_to.isoformat(),)
    return row(
        tag("a", tag("code", found.code), href=f"#{anchor}", class_="anchor"),
        fragment(tag("strong", speak(title)), " ", speak.other(title)),
        found.valid_from.isoformat(),
        *((until or "—", tag("code", found.replaced_by) if found.replaced_by else "—") if ended else ()),
        speak.spoken(found.source),
        anchor=anchor,
    )


def _changes(desk: Desk, edition: CodeList, before: CodeList | None) -> Html:
    speak = desk.speak
    if before is None:
        return tag("p", speak(_FIRST))
    rows = [row(tag("code", code), speak(text)) for code, text in edition_changes(before, edition)]
    return table([speak(CODE), speak(_CHANGE)], rows, speak(_CHANGES))


# --- shared definitions


def definition_pages(desk: Desk) -> Iterator[Page]:
    """Yield the page of every version of the shared definitions (公用定义页), and that of the working calendars."""
    for source in desk.volume.sources.commons:
        yield _definitions(desk, source)
    yield _calendars(desk)


def _definitions(desk: Desk, source: SchemaSource) -> Page:
    speak, path = desk.speak, f"definitions/{source.version}.html"
    schemas = as_object(source.schema.get("$defs"))
    sections: list[Node] = []
    entries: list[Entry] = []
    for name, schema in schemas.items():
        pointer = f"/$defs/{name}"
        title, about = (
            text_of({lang: as_object(found.get(pointer)).get(member, "") for lang, found in source.titles.items()})
            for member in ("title", "description")
        )
        fields = shared_fields(source, name, desk.volume.sources.documents)
        inner = [
            tag("div", tag("dt", tag("code", place)), tag("dd", speak(said)))
            for place, said in fields.items()
            if place and said.is_complete
        ]
        sections.append(
            tag(
                "section",
                tag(
                    "div",
                    tag("h2", speak(title), " ", tag("code", name, class_="id"), id=name),
                    tag("span", speak.other(title)),
                    class_="panel-head",
                ),
                tag("p", speak(about)) if about.is_complete else None,
                tag("dl", inner, class_="codes") if inner else None,
                tag("details", tag("summary", "JSON Schema"), written(schema)),
                class_="panel",
                aria_labelledby=name,
            )
        )
        entries.append(Entry(speak(title), name, speak(_TITLE), f"{path}#{name}", title.en))
    crumbs = (("index.html", speak(at.HOME)), ("index.html#definitions", speak(_TITLE)), (None, source.version))
    head = title_head(speak(_TITLE), source.id, None, None, speak.other(_TITLE))
    return Page(path, f"{speak(_TITLE)} {source.version}", fragment(head, sections), tuple(entries), crumbs)


def _calendars(desk: Desk) -> Page:
    speak, path = desk.speak, "calendars.html"
    sections: list[Node] = []
    for name, document in desk.volume.calendars.items():
        title = text_of(document.get("title"))
        days = [
            row(str(as_object(day).get("date")), speak(text_of(as_object(day).get("name"))))
            for day in as_array(document.get("holidays"))
        ]
        heads = [speak(Text("日期", "date")), speak(Text("节假日", "holiday"))]
        source = speak.spoken(str(document.get("source", "")))
        sections.append(
            panel(
                speak(title),
                name,
                tag("p", source, class_="hint"),
                table(heads, days, speak(title)),
                note=str(len(days)),
            )
        )
    crumbs = (("index.html", speak(at.HOME)), (None, speak(_CALENDARS)))
    head = title_head(speak(_CALENDARS), "", speak(_CALENDARS_ABOUT), None, speak.other(_CALENDARS))
    return Page(path, speak(_CALENDARS), fragment(head, sections), (), crumbs)
