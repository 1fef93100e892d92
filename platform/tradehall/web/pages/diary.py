"""
The diary of the catalogue (标准日历): what was published, as a feed; what takes effect when, as a calendar.

Everything comes from signed dates: what is in an entry was decided by officers, and known from the day it names.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final
from xml.etree import ElementTree as ET

from tradehall.kernel.case import CENTRE_ZONE
from tradehall.web.pages.exports import ATOM, add_element, calendar_lines, escaped, stamp
from tradehall.web.portal import paths, render
from tradehall.web.portal.views import Label, Lang
from tradehall_standards import Catalogue, Version
from tradehall_standards.lifecycle import Decision, Event, dated

ENTRIES_MAX: Final = 100
SHOWN: Final = timedelta(days=366)
"""How long a day that has passed stays in the calendar."""

EVENTS: Final[dict[Event, Label]] = {
    "consulted": Label("开始征求意见", "Open for comments"),
    "published": Label("发布", "Published"),
    "in_force": Label("开始实施", "In force"),
    "deprecated": Label("不再推荐", "Deprecated"),
    "withdrawn": Label("废止", "Withdrawn"),
}
"""What a reader may want to know of; reviews and steps inside the office are not among it."""


@dataclass(frozen=True, slots=True)
class Dated:
    """Something that happens to a version on a day (标准事件)."""

    version: Version
    decision: Decision
    on: date

    @property
    def word(self) -> Label:
        """What happens."""
        return EVENTS[self.decision.event]


def dates_of(catalogue: Catalogue, known_on: date) -> Iterator[Dated]:
    """Yield all that is known on a day to happen to any version (全部事件)."""
    for family in catalogue.families():
        for version in catalogue.versions(family):
            for decision in dated(version.decisions, known_on):
                if decision.event in EVENTS and decision.on is not None:
                    yield Dated(version, decision, decision.on)


def _said(label: Label, lang: Lang) -> str:
    return label.zh if lang == "zh" else label.en


def _titled(version: Version, lang: Lang) -> str:
    return f"{version.titles[''][lang]} {version.id}"


def as_atom(catalogue: Catalogue, url: str, centre: Label, today: date, lang: Lang) -> bytes:
    """Return what was decided on the standards as a feed (RFC 4287), what was known last first."""
    ET.register_namespace("", ATOM)
    root = ET.Element(f"{{{ATOM}}}feed", {"xml:lang": "zh-CN" if lang == "zh" else "en"})
    found = sorted(
        dates_of(catalogue, today),
        key=lambda item: (item.decision.known_from, item.on, item.version.id),
        reverse=True,
    )[:ENTRIES_MAX]
    add_element(root, "id", url + paths.STANDARDS)
    add_element(root, "title", f"{_said(centre, lang)} · {'标准目录' if lang == 'zh' else 'Standards'}")
    add_element(root, "updated", _instant(found[0].decision.known_from if found else today))
    add_element(root, "link", "", rel="self", href=f"{url}{paths.STANDARDS}.atom")
    add_element(ET.SubElement(root, f"{{{ATOM}}}author"), "name", _said(centre, lang))
    for item in found:
        entry = ET.SubElement(root, f"{{{ATOM}}}entry")
        address = url + paths.family(item.version.family, item.version.version)
        add_element(entry, "id", f"{address}#{item.decision.event}-{item.on.isoformat()}")
        add_element(entry, "title", f"{_said(item.word, lang)} · {_titled(item.version, lang)}")
        add_element(entry, "updated", _instant(item.decision.known_from))
        add_element(entry, "link", "", rel="alternate", type="text/html", href=address)
        told = item.decision.reason.get(lang, "")
        add_element(entry, "summary", f"{item.on.isoformat()} {_said(item.word, lang)} · {item.version.digest} {told}")
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))


def _instant(day: date) -> str:
    return render.machine(datetime.combine(day, time.min, CENTRE_ZONE))


def as_calendar(catalogue: Catalogue, url: str, now: datetime, lang: Lang) -> str:
    """Return what comes into force and what ends as a calendar (RFC 5545), one entry for each event and day."""
    today = now.astimezone(CENTRE_ZONE).date()
    days: dict[tuple[date, Event], list[Dated]] = {}
    for item in dates_of(catalogue, today):
        if item.decision.event != "published" and item.on >= today - SHOWN:
            days.setdefault((item.on, item.decision.event), []).append(item)
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Tradehall//Standards//ZH", "METHOD:PUBLISH"]
    for (day, event), items in sorted(days.items()):
        lines += _day_entry(day, event, items, (url, stamp(now), lang))
    return calendar_lines([*lines, "END:VCALENDAR"])


def _day_entry(day: date, event: Event, items: list[Dated], told: tuple[str, str, Lang]) -> list[str]:
    """Return the lines of one event on one day; a day on which many come into force is one entry."""
    url, at, lang = told
    first = items[0].version
    one = len(items) == 1
    number = f"{len(items)} 项标准" if lang == "zh" else f"{len(items)} standards"
    names = "\n".join(_titled(item.version, lang) for item in items)
    return [
        "BEGIN:VEVENT",
        f"UID:{event}-{day.isoformat()}@standards.tradehall",
        f"DTSTAMP:{at}",
        f"DTSTART;VALUE=DATE:{day:%Y%m%d}",
        f"DTEND;VALUE=DATE:{day + timedelta(days=1):%Y%m%d}",
        f"SUMMARY:{escaped(f'{_said(EVENTS[event], lang)} · {_titled(first, lang) if one else number}')}",
        f"DESCRIPTION:{escaped(names)}",
        f"URL:{url}{paths.family(first.family, first.version) if one else paths.STANDARDS}",
        "TRANSP:TRANSPARENT",
        "END:VEVENT",
    ]
