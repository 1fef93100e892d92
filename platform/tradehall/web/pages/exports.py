"""
The public list in other forms (导出): CSV for spreadsheets, Atom for readers of news, iCalendar of openings.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Final
from xml.etree import ElementTree as ET

from tradehall.desk.ports import CaseQuery, Listing
from tradehall.web.pages.lists import Lists
from tradehall.web.portal import paths, render
from tradehall.web.portal import views as v
from tradehall.web.portal.views import Lang

ROWS_MAX: Final = 1000
ATOM: Final = "http://www.w3.org/2005/Atom"
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
LINE_OCTETS: Final = 75
HALL_HOURS: Final = 2
_COLUMNS: Final = """\
case|项目
code|项目编号
name|名称
tenderer|招标人
category|类别
region|地区
regime|制度
state|状态
lots|标段数
ceiling|最高限价
currency|币种
published|发布时间
deadline|投标截止
url|网址
"""
COLUMNS: Final[dict[Lang, list[str]]] = {
    "en": [line.partition("|")[0] for line in _COLUMNS.splitlines()],
    "zh": [line.partition("|")[2] for line in _COLUMNS.splitlines()],
}


def all_listings(lists: Lists, query: CaseQuery) -> Iterator[Listing]:
    """Yield what a search finds, a thousand lines at most."""
    with lists.context.door.store.read() as reading:
        yield from reading.search(replace(query, after=None, limit=ROWS_MAX))


def neutral(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula (防公式注入)."""
    return f"'{cell}" if cell.startswith(FORMULA) else cell


def as_csv(lists: Lists, query: CaseQuery, lang: Lang) -> str:
    """Return the list for spreadsheets, with a byte-order mark so that they read it as UTF-8."""
    out = StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS[lang])
    for listing in list(all_listings(lists, query)):
        row = lists.row(listing)
        if row is not None:
            writer.writerow([neutral(cell) for cell in _cells(row, lists.context.public_url, lang)])
    return "\ufeff" + out.getvalue()


def _cells(row: v.CaseRow, url: str, lang: Lang) -> Sequence[str]:
    labels = [x.zh if lang == "zh" else x.en for x in (row.category, row.region, row.regime)]
    return (
        row.case,
        row.code,
        row.name,
        row.tenderer,
        *labels,
        row.state,
        str(row.lots),
        f"{row.ceiling.value:.2f}" if row.ceiling else "",
        row.ceiling.currency if row.ceiling else "",
        render.machine(row.published_at),
        render.machine(row.bid_deadline) if row.bid_deadline else "",
        url + paths.notice(row.case),
    )


def as_atom(lists: Lists, query: CaseQuery, lang: Lang) -> bytes:
    """Return the newest notices as a feed (RFC 4287)."""
    ET.register_namespace("", ATOM)
    url = lists.context.public_url
    site = lists.page.site
    root = ET.Element(f"{{{ATOM}}}feed", {"xml:lang": "zh-CN" if lang == "zh" else "en"})
    found = list(all_listings(lists, query))[:50]
    add_element(root, "id", url + paths.NOTICES)
    add_element(root, "title", site.centre.zh if lang == "zh" else site.centre.en)
    add_element(root, "updated", found[0].published_at if found else render.machine(lists.page.now))
    add_element(root, "link", "", rel="self", href=f"{url}{paths.NOTICES}.atom")
    for listing in found:
        entry = ET.SubElement(root, f"{{{ATOM}}}entry")
        address = url + paths.notice(listing.case)
        add_element(entry, "id", address)
        add_element(entry, "title", listing.title)
        add_element(entry, "updated", listing.published_at)
        add_element(entry, "link", "", rel="alternate", type="text/html", href=address)
        add_element(ET.SubElement(entry, f"{{{ATOM}}}author"), "name", listing.tenderer)
        add_element(entry, "summary", f"{listing.code} · {listing.tenderer} · {listing.deadline}")
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))


def add_element(parent: ET.Element, name: str, text: str, **attributes: str) -> None:
    """Add an element of a feed (添加元素)."""
    child = ET.SubElement(parent, f"{{{ATOM}}}{name}", attributes)
    child.text = text or None


def as_calendar(lists: Lists, lang: Lang) -> str:
    """Return openings to come as a calendar (RFC 5545)."""
    page = lists.openings()
    word = "开标" if lang == "zh" else "Bid opening"
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Tradehall//Openings//ZH", "METHOD:PUBLISH"]
    for row in (*page.today, *page.upcoming):
        address = lists.context.public_url + paths.opening(row.case)
        lines += [
            "BEGIN:VEVENT",
            f"UID:{row.case}@tradehall",
            f"DTSTAMP:{stamp(page.now)}",
            f"DTSTART:{stamp(row.at)}",
            f"DTEND:{stamp(row.at + timedelta(hours=HALL_HOURS))}",
            f"SUMMARY:{escaped(f'{word} · {row.name}')}",
            f"LOCATION:{escaped(row.place)}",
            f"URL:{address}",
            "END:VEVENT",
        ]
    return calendar_lines([*lines, "END:VCALENDAR"])


def calendar_lines(lines: Sequence[str]) -> str:
    """Return lines as they stand in a calendar: folded, ended by CRLF (RFC 5545 3.1)."""
    return "".join(f"{part}\r\n" for line in lines for part in _folded(line))


def stamp(at: datetime) -> str:
    """Return an instant of a calendar (日历时刻)."""
    return at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def escaped(text: str) -> str:
    """Return a text of a calendar (RFC 5545 3.3.11)."""
    return text.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,").replace("\n", "\\n")


def _folded(line: str) -> Iterator[str]:
    """Break a line so that none has more than 75 octets, never inside a character."""
    current, size = "", 0
    for character in line:
        octets = len(character.encode())
        if size + octets > LINE_OCTETS:
            yield current
            current, size = " ", 1
        current, size = current + character, size + octets
    yield current
