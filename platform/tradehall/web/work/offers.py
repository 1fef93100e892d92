"""
What a form offers (表单建议): the lots, the records and the facts of a case, so that nobody has to copy a digest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from tradehall.desk.journal import Entry
from tradehall.kernel.payload import Obj, obj, rows
from tradehall.web.forms import Choice, Question
from tradehall.web.portal.render import instant
from tradehall.web.portal.views import Label

if TYPE_CHECKING:
    from tradehall_standards import Json

NAMED_RECORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "document": ("tender_document",),
    "notice": ("tender_notice",),
    "question": ("question",),
    "objection": ("objection",),
    "complaint": ("complaint",),
    "report": ("evaluation_report",),
    "publicity": ("candidate_publicity",),
    "award": ("award_notice",),
    "proposal": ("proposal",),
    "outage": ("outage_record",),
    "application": ("guarantee_application",),
}
"""Member that cites a record by its digest → families that it may cite."""

_DIGEST: Final = "sha256:"
_LOT: Final = "^L[1-9]"


def offer(
    question: Question, lots: Sequence[str], entries: Sequence[Entry], titles: Callable[[str], Label]
) -> Question:
    """Return the questions with the lots and records of the case to choose from, where one is asked for."""
    if question.kind == "text" and question.pattern.startswith(_LOT) and question.name in ("lot", "*") and lots:
        return replace(question, kind="choice", choices=tuple(Choice(lot, Label(lot, lot)) for lot in lots))
    if question.kind == "text" and _DIGEST in question.pattern and question.name in NAMED_RECORDS:
        found = [e for e in entries if e.record.family in NAMED_RECORDS[question.name]]
        if found:
            return replace(question, kind="choice", choices=tuple(_cited(e, titles) for e in reversed(found)))
    members = tuple(offer(member, lots, entries, titles) for member in question.members)
    return replace(question, members=members) if members else question


def _cited(entry: Entry, titles: Callable[[str], Label]) -> Choice:
    title, at = titles(entry.record.family), instant(entry.filed.at)
    short = entry.record.digest[len(_DIGEST) :][:8]
    return Choice(entry.record.digest, Label(f"{title.zh} · {at} · {short}", f"{title.en} · {at} · {short}"))


# --- first answers ------------------------------------------------------------------------------------------------


def begin(family: str, entries: Sequence[Entry], lots: Sequence[str], party: str, name: str) -> dict[str, Json]:
    """Return what a new record of a case can take from its earlier ones (预填)."""
    maker = _BEGINNINGS.get(family)
    made = maker(_Known(entries, party, name)) if maker else {}
    return {**({"lot": lots[0]} if len(lots) == 1 else {}), **made}


class _Known:
    """The latest records of a case (已有记录)."""

    def __init__(self, entries: Sequence[Entry], party: str, name: str) -> None:
        self._entries = entries
        self.me: Json = {"id": party, "name": name}

    def payload(self, family: str) -> Obj:
        """Return the content of the latest record of a family, empty where there is none."""
        found = next((e for e in reversed(self._entries) if e.record.family == family), None)
        return found.record.payload if found else {}

    def digest(self, family: str) -> Json:
        """Return the digest of the latest record of a family, None where there is none."""
        return next((e.record.digest for e in reversed(self._entries) if e.record.family == family), None)


def _project(known: _Known) -> dict[str, Json]:
    return {"tenderer": known.me}


def _document(known: _Known) -> dict[str, Json]:
    edition = known.payload("tender_document").get("edition")
    return {"edition": edition + 1 if isinstance(edition, int) else 1, "title": _named(known, "招标文件")}


def _notice(known: _Known) -> dict[str, Json]:
    project = known.payload("project")
    lots: list[Json] = [{k: lot[k] for k in ("id", "name") if k in lot} for lot in map(obj, rows(project.get("lots")))]
    made: dict[str, Json] = {
        "title": _named(known, "公告"),
        "project_code": project.get("project_code"),
        "document": known.digest("tender_document"),
        "lots": lots,
    }
    return {name: value for name, value in made.items() if value}


def _named(known: _Known, kind: str) -> str:
    name = known.payload("project").get("name")
    return f"{name}{kind}" if isinstance(name, str) else ""


_BEGINNINGS: Final[Mapping[str, Callable[[_Known], dict[str, Json]]]] = {
    "project": _project,
    "tender_document": _document,
    "tender_notice": _notice,
}
