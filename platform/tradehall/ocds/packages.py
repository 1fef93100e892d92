"""
Packages (数据包): the releases of a case in order, a release package of them, a record package with their history.

A release says what its record changed: whole sections where they changed, of bids, awards and contracts the changed
ones, and every party that any of it names. Merging all releases of a case gives its present state again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any, Final

import orjson

from tradehall.kernel.case import write_instant
from tradehall.kernel.refusal import Text
from tradehall.ocds import merging, words
from tradehall.ocds.merging import Node
from tradehall.ocds.telling import TELLS, Label, Sections, Title
from tradehall.ocds.told import Told, in_public
from tradehall_standards import Catalogue

VERSION: Final = "1.1"
LANGUAGE: Final = "zh"
LISTS: Final = ("awards", "contracts")


@dataclass(frozen=True, slots=True)
class Publisher:
    """
    Who publishes (发布者).

    Attributes:
        prefix: the registered OCDS prefix, or the placeholder.
        url: where the node is reached, without a slash at the end.
        name: of the centre.
    """

    prefix: str
    url: str
    name: str

    def ocid(self, case: str) -> str:
        """Return the id of a contracting process (开放合同编号), made of the case's own and as lasting."""
        return f"{self.prefix}-{case}"


def unregistered() -> Publisher:
    """Return a publisher that has registered no prefix (未登记的发布者)."""
    return Publisher(words.PLACEHOLDER, "http://127.0.0.1:8000", "Tradehall")


@dataclass(frozen=True, slots=True)
class Words:
    """Where labels come from (词条)."""

    label: Label
    title: Title


def words_of(catalogue: Catalogue, on: date) -> Words:
    """Return the words of the catalogue (词条): labels of codes on a date, titles of families."""

    def label(name: str, code: str) -> Text:
        edition = catalogue.codelist(name, on)
        row = next((r for r in edition.rows if r.code == code), None) if edition else None
        return Text(row.zh, row.en) if row else Text(code, code)

    def title(family: str) -> Text:
        titles = catalogue.versions(family)[-1].titles[""]
        return Text(titles["zh"], titles["en"])

    return Words(label, title)


def releases(publisher: Publisher, case: str, records: Iterable[Told], labels: Words) -> list[Node]:
    """
    Return the releases of a case (逐次发布), oldest first; none before its notice.

    Args:
        records: in the order of the log. What is not public yet, or never is, is left out here whoever handed it in.
    """
    sections = Sections(case, publisher.url, labels.label, labels.title)
    made: list[Node] = []
    before: Node = {}
    announced = False
    for told, revealed in in_public(records):
        tags: list[str] = []
        for record in (*revealed, told):
            tell = TELLS.get(record.family)
            if tell is not None and (sections.tender or record.family == "project"):
                tags.append(tell(sections, record))
        announced = announced or told.family == "tender_notice"
        after = deepcopy(sections.now())
        changed = _changes(before, after)
        if not tags or not changed:
            continue
        before = after
        head: Node = {
            "ocid": publisher.ocid(case),
            "id": f"{publisher.ocid(case)}-{told.digest.removeprefix('sha256:')[:16]}",
            "date": write_instant(told.at),
            "tag": _tags(tags),
            "initiationType": "tender",
            "language": LANGUAGE,
        }
        made.append(head | changed)
    return made if announced else []


def _tags(found: Sequence[str]) -> list[str]:
    """Return the tags of a release: the acting record's last, then what it made public."""
    return list(dict.fromkeys(reversed(found)))


def _changes(before: Node, after: Node) -> Node:
    """Return what a release has to say (增量)."""
    found: Node = {}
    for name in ("planning", "tender"):
        if after.get(name) != before.get(name):
            found[name] = after[name]
    bids = {
        part: new
        for part in ("statistics", "details")
        if (new := _new(before.get("bids", {}).get(part, []), after.get("bids", {}).get(part, [])))
    }
    found |= {"bids": bids} if bids else {}
    for name in LISTS:
        if new := _new(before.get(name, []), after.get(name, [])):
            found[name] = new
    named = _references(found) | {p["id"] for p in _new(before.get("parties", []), after["parties"])}
    if not found and not named:
        return {}
    buyer = after["buyer"]
    parties = [p for p in after["parties"] if p["id"] in named | {buyer["id"]}]
    return {"parties": parties, "buyer": buyer, **found}


def _new(before: Sequence[Node], after: Sequence[Node]) -> list[Node]:
    known = {item["id"]: item for item in before}
    return [item for item in after if known.get(item["id"]) != item]


_REFERRING: Final = frozenset({"procuringEntity", "author", "suppliers", "tenderers"})


def _references(value: Any, member: str = "") -> set[str]:
    """Return the ids of all parties that are named."""
    if merging.is_list(value):
        return {found for item in value for found in _references(item, member)}
    if not merging.is_node(value):
        return set()
    if member in _REFERRING:
        return {str(value["id"])}
    return {found for key, inner in value.items() for found in _references(inner, key)}


# --- packages ---------------------------------------------------------------------------------------------------


def release_package(publisher: Publisher, uri: str, found: Sequence[Node], *, following: str = "") -> Node:
    """Return a release package (发布包); ``following`` is the next page. Raises ValueError without releases."""
    return _package(publisher, uri, found, following) | {"releases": list(found)}


def record_package(publisher: Publisher, uri: str, found: Sequence[Sequence[Node]], *, following: str = "") -> Node:
    """Return a record package (记录包): of each process its releases, what holds now, the history of every field."""
    every = [release for releases_of in found for release in releases_of]
    records = [
        {
            "ocid": of_case[0]["ocid"],
            "releases": list(of_case),
            "compiledRelease": merging.compiled(of_case),
            "versionedRelease": merging.versioned(of_case),
        }
        for of_case in found
        if of_case
    ]
    return _package(publisher, uri, every, following) | {"records": records}


def _package(publisher: Publisher, uri: str, found: Sequence[Node], following: str) -> Node:
    if not found:
        raise ValueError("a package holds one release at least")
    made: Node = {
        "uri": uri,
        "version": VERSION,
        "extensions": [*words.EXTENSIONS, publisher.url + words.OWN_EXTENSION],
        "publisher": {"name": publisher.name, "uri": publisher.url},
        "publishedDate": max(release["date"] for release in found),
    }
    return made | ({"links": {"next": following}} if following else {})


@cache
def standard(name: str) -> Mapping[str, Any]:
    """Return a schema of the standard (官方模式) as it lies in the program: ``release-schema`` and its kin."""
    return dict(orjson.loads((files("tradehall.ocds") / "standard" / f"{name}.json").read_bytes()))


@cache
def extension(name: str) -> Mapping[str, Any]:
    """Return a file of our own extension (本平台扩展): ``extension.json`` or ``release-schema.json``."""
    return dict(orjson.loads((files("tradehall.ocds") / "extension" / name).read_bytes()))
