"""
Words of records in both languages (双语用语): code lists, families, parties, instants.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Final

from tradehall.kernel.case import read_instant
from tradehall.kernel.payload import Obj, obj
from tradehall.web.portal.views import Amount, Label

if TYPE_CHECKING:
    from tradehall_standards import Json
    from tradehall_standards.catalogue import Catalogue

NOT_SHOWN: Final = Label("不公开", "Not public")


def code(catalogue: Catalogue, name: str, value: Json, on: date) -> Label:
    """Return the label of a code (代码释义); an unknown code speaks for itself."""
    text = str(value or "")
    found = catalogue.codelist(name, on)
    row = found.by_code.get(text) if found else None
    return Label(text, text) if row is None else Label(row.zh, row.en)


def family(catalogue: Catalogue, name: str, version: str = "") -> Label:
    """Return the title of a family (记录名称)."""
    found = catalogue.version(name, version) or next(reversed(catalogue.versions(name)), None)
    if found is None:
        return Label(name, name)
    titles = found.fields[""].titles
    return Label(titles.get("zh", name), titles.get("en", name))


def money(value: Json) -> Amount | None:
    """Return an amount on the wire, None when it is absent (金额)."""
    found = obj(value)
    return plain(found.get("amount"), str(found.get("currency", "CNY"))) if found else None


def plain(amount: Json, currency: str) -> Amount | None:
    """Return an amount given as text, None when there is none."""
    try:
        return Amount(Decimal(str(amount)), currency) if amount is not None else None
    except InvalidOperation:
        return None


def instant(value: Json) -> datetime | None:
    """Return an instant on the wire, None when it is absent."""
    return read_instant(value) if isinstance(value, str) and value else None


def day(value: Json) -> date | None:
    """Return a legal date on the wire, None when it is absent."""
    return date.fromisoformat(value) if isinstance(value, str) and value else None


def name_of(value: Json) -> str:
    """Return the name of an organisation on the wire."""
    return str(obj(value).get("name", ""))


def first(lines: Json) -> str:
    """Return the first paragraph of a text, empty when there is none."""
    return str(lines[0]) if isinstance(lines, list) and lines else ""


def member(value: Obj, *names: str) -> Json:
    """Return a member deep inside an object, None when a step is missing."""
    found: Json = value
    for name in names:
        found = obj(found).get(name)
    return found
