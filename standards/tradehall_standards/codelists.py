"""Code lists (代码表): dated rows; a code is judged on the date of the event, never on the date of today."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING

from tradehall_standards import canonical

if TYPE_CHECKING:
    from tradehall_standards.strict import Json


class CodeListError(ValueError):
    """A code-list file that is not in the form of the catalogue (代码表文件不合格)."""


@dataclass(frozen=True, slots=True)
class CodeRow:
    """
    One code of a list (代码): valid from ``valid_from`` until the day before ``valid_to``; None is open-ended.

    ``replaced_by`` names the code that took its place; ``source`` the norm or publication it comes from.
    """

    code: str
    zh: str
    en: str
    valid_from: date
    valid_to: date | None
    replaced_by: str | None
    source: str

    def is_valid_on(self, day: date) -> bool:
        """Tell whether the code may be used for an event of ``day``."""
        return self.valid_from <= day and (self.valid_to is None or day < self.valid_to)


@dataclass(frozen=True)
class CodeList:
    """
    One dated edition of a code list (代码表版本).

    ``closed`` lists compile to ``enum``; on open lists an unknown code is only a warning. ``digest`` is over the file.
    """

    name: str
    version: str
    zh: str
    en: str
    closed: bool
    rows: tuple[CodeRow, ...]
    digest: str

    @cached_property
    def by_code(self) -> Mapping[str, CodeRow]:
        """All rows by code, in the order of the file."""
        return {row.code: row for row in self.rows}

    def row(self, code: str, on: date) -> CodeRow | None:
        """Return the row of ``code`` when it is valid on a date, else None."""
        found = self.by_code.get(code)
        return found if found is not None and found.is_valid_on(on) else None

    def valid_on(self, day: date) -> tuple[CodeRow, ...]:
        """Return the rows that may be used for an event of ``day``, in the order of the file."""
        return tuple(row for row in self.rows if row.is_valid_on(day))


def read_codelist(document: Json) -> CodeList:
    """
    Read one edition of a code list (读取代码表) from its parsed file.

    Raises:
        CodeListError: a missing member, a repeated code, an interval that ends before it begins, or a
            ``replaced_by`` that names no code of the list.
    """
    try:
        found = _read(document)
    except (KeyError, TypeError, ValueError, AttributeError) as problem:
        raise CodeListError(f"code list: {problem!r}") from None
    _check_rows(found)
    return found


def _read(document: Json) -> CodeList:
    if not isinstance(document, Mapping):
        raise TypeError("a code list is an object")
    title = _mapping(document["title"])
    rows = document["rows"]
    if not isinstance(rows, list):
        raise TypeError("rows is an array")
    return CodeList(
        name=_text(document["list"]),
        version=date.fromisoformat(_text(document["version"])).isoformat(),
        zh=_text(title["zh"]),
        en=_text(title["en"]),
        closed=document["closed"] is True,
        rows=tuple(_row(_mapping(row)) for row in rows),
        digest=canonical.digest(document),
    )


def _row(row: Mapping[str, Json]) -> CodeRow:
    label, valid_to, replaced_by = _mapping(row["label"]), row.get("valid_to"), row.get("replaced_by")
    return CodeRow(
        code=_text(row["code"]),
        zh=_text(label["zh"]),
        en=_text(label["en"]),
        valid_from=date.fromisoformat(_text(row["valid_from"])),
        valid_to=None if valid_to is None else date.fromisoformat(_text(valid_to)),
        replaced_by=None if replaced_by is None else _text(replaced_by),
        source=_text(row["source"]),
    )


def _mapping(value: Json) -> Mapping[str, Json]:
    if not isinstance(value, Mapping):
        raise TypeError("an object is expected")
    return value


def _text(value: Json) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError("a non-empty string is expected")
    return value


def _check_rows(found: CodeList) -> None:
    if len(found.by_code) != len(found.rows) or not found.rows:
        raise CodeListError(f"{found.name}: no rows, or a code appears twice")
    for row in found.rows:
        if row.valid_to is not None and row.valid_to <= row.valid_from:
            raise CodeListError(f"{found.name}: {row.code} ends before it begins")
        if row.replaced_by is not None and row.replaced_by not in found.by_code:
            raise CodeListError(f"{found.name}: {row.code} is replaced by an unknown code")
