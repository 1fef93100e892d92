"""
The table (开标数据表): one row a bid, read strictly; every flaw names its line and column.

The column ``won`` is not looked at here, not even for its form: a replay MUST NOT know who won before it has ended.
Only :mod:`tradehall.replay.comparing` reads it.

A physical line is a row: no field may hold a line break, so that a quote left open harms no other row.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256
from typing import Final

from tradehall.kernel.refusal import Text

COLUMNS: Final = (
    "tender_id",
    "opened_on",
    "title",
    "details",
    "reserve_price_jpy",
    "minimum_price_jpy",
    "bidder_id",
    "bid_jpy",
    "won",
    "remark",
)
WON: Final = COLUMNS.index("won")

_ID: Final = re.compile(r"[A-Za-z0-9-]{1,32}", re.ASCII)
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_PRICE: Final = re.compile(r"[1-9][0-9]{0,14}", re.ASCII)
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f]")
_TITLE_MAX: Final = 150
_DETAILS_MAX: Final = 1500
_REMARK_MAX: Final = 500


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong, or worth knowing, at a line (行问题). ``line`` counts from 1, the header's line."""

    line: int
    column: str
    text: Text

    def __str__(self) -> str:
        place = f"{self.line}:{self.column}" if self.column else str(self.line)
        return f"{place}: {self.text.zh} / {self.text.en}"


@dataclass(frozen=True, slots=True)
class Row:
    """A bid of the table (投标行); ``price`` is None where the firm did not bid."""

    line: int
    bidder: str
    price: int | None
    remark: str


@dataclass(frozen=True, slots=True)
class Tender:
    """
    A tender of the table (项目).

    Attributes:
        line: of its first good row; title and details are those of that row.
        ceiling: highest price; ``floor`` the lowest, None where there was none.
        rows: all good rows in the order of the table.
    """

    line: int
    id: str
    opened_on: date
    title: str
    details: str
    ceiling: int
    floor: int | None
    rows: tuple[Row, ...]

    @property
    def bids(self) -> tuple[tuple[Row, int], ...]:
        """Return the rows that are bids, with their prices (有报价的行)."""
        return tuple((row, row.price) for row in self.rows if row.price is not None)


@dataclass(frozen=True, slots=True)
class Table:
    """
    What was read (读取结果).

    Attributes:
        digest: ``sha256:`` of the file's bytes.
        tenders: in the order of their first good row.
        flaws: bad rows; they are in no tender.
        notes: lines that were taken, but deserve a look.
        unreadable: the file is no such table at all; nothing can be skipped then.
    """

    digest: str
    tenders: tuple[Tender, ...]
    flaws: tuple[Flaw, ...]
    notes: tuple[Flaw, ...]
    unreadable: bool = False


@dataclass(slots=True)
class _Gathered:
    """A tender while it is read."""

    head: _Fields
    rows: list[Row] = field(default_factory=list[Row])
    seen: dict[tuple[str, int | None], int] = field(default_factory=dict["tuple[str, int | None]", int])


@dataclass(frozen=True, slots=True)
class _Fields:
    """One good row, all columns but ``won``."""

    line: int
    tender: str
    opened_on: date
    title: str
    details: str
    ceiling: int
    floor: int | None
    row: Row


class _Bad(Exception):  # noqa: N818  - never leaves this module
    def __init__(self, column: str, zh: str, en: str) -> None:
        super().__init__(en)
        self.column, self.text = column, Text(zh, en)


def cells(line: str) -> list[str]:
    """
    Split one physical line into its fields.

    Raises:
        ValueError: the quotes do not match.
    """
    try:
        found = list(csv.reader([line], strict=True))
    except csv.Error as error:
        raise ValueError(str(error)) from error
    return found[0] if found else []


def lines(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Return the physical lines with their numbers, without their LF or CRLF."""
    rows = data.split(b"\n")
    if rows[-1] == b"":
        rows.pop()
    yield from ((number, row.removesuffix(b"\r")) for number, row in enumerate(rows, start=1))


def read_table(data: bytes, known: Callable[[str], bool] = lambda _: True) -> Table:
    """
    Read a table (读取数据表).

    Args:
        data: the bytes of the file.
        known: whether a remark has been reviewed; lines with others are noted.
    """
    digest = "sha256:" + sha256(data).hexdigest()
    numbered = list(lines(data))
    if not numbered or numbered[0][1] != ",".join(COLUMNS).encode():
        expected = ",".join(COLUMNS)
        wrong = Flaw(1, "", Text(f"表头应恰为 {expected}", f"the header must be exactly {expected}"))
        return Table(digest, (), (wrong,), (), unreadable=True)
    flaws: list[Flaw] = []
    notes: list[Flaw] = []
    gathered: dict[str, _Gathered] = {}
    for number, raw in numbered[1:]:
        try:
            fields = _fields(number, raw)
            notes += _join(gathered, fields)
        except _Bad as bad:
            flaws.append(Flaw(number, bad.column, bad.text))
            continue
        if not known(fields.row.remark):
            unread = Text("备注含义未经审定，不影响该投标", "nobody has reviewed this remark; the bid stands")
            notes.append(Flaw(number, "remark", unread))
    return Table(digest, tuple(_tender(g) for g in gathered.values()), tuple(flaws), tuple(notes))


def _tender(g: _Gathered) -> Tender:
    h = g.head
    return Tender(h.line, h.tender, h.opened_on, h.title, h.details, h.ceiling, h.floor, tuple(g.rows))


def _fields(number: int, raw: bytes) -> _Fields:
    try:
        found = cells(raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise _Bad("", "不是 UTF-8", "not UTF-8") from error
    except ValueError as error:
        raise _Bad("", f"引号不配对（{error}）", f"the quotes do not match ({error})") from error
    if len(found) != len(COLUMNS):
        raise _Bad(
            "", f"应有 {len(COLUMNS)} 列，实有 {len(found)} 列", f"{len(COLUMNS)} columns expected, {len(found)} found"
        )
    named = {name: value for place, (name, value) in enumerate(zip(COLUMNS, found, strict=True)) if place != WON}
    for name, value in named.items():
        if _CONTROL.search(value):
            raise _Bad(name, "含控制字符", "a control character")
    ceiling = _needed_price(named, "reserve_price_jpy")
    floor = _price(named, "minimum_price_jpy")
    if floor is not None and floor > ceiling:
        raise _Bad(
            "minimum_price_jpy",
            f"最低价 {floor} 高于最高限价 {ceiling}",
            f"the floor {floor} is above the ceiling {ceiling}",
        )
    return _Fields(
        line=number,
        tender=_ident(named, "tender_id"),
        opened_on=_date(named),
        title=_words(named, "title", _TITLE_MAX) or _missing("title"),
        details=_words(named, "details", _DETAILS_MAX),
        ceiling=ceiling,
        floor=floor,
        row=Row(number, _ident(named, "bidder_id"), _price(named, "bid_jpy"), _words(named, "remark", _REMARK_MAX)),
    )


def _ident(named: dict[str, str], column: str) -> str:
    value = named[column]
    if _ID.fullmatch(value) is None:
        raise _Bad(column, f"编号无效：{value!r:.60}", f"not an id: {value!r:.60}")
    return value


def _date(named: dict[str, str]) -> date:
    value = named["opened_on"]
    try:
        if _DATE.fullmatch(value):
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise _Bad("opened_on", f"日期无效：{value!r:.60}", f"not a date: {value!r:.60}")


def _words(named: dict[str, str], column: str, most: int) -> str:
    value = named[column].strip()
    if len(value) > most:
        raise _Bad(column, f"超过 {most} 个字符", f"longer than {most} characters")
    return value


def _missing(column: str) -> str:
    raise _Bad(column, "不得为空", "must not be empty")


def _price(named: dict[str, str], column: str) -> int | None:
    value = named[column]
    if value == "":
        return None
    if _PRICE.fullmatch(value) is None:
        raise _Bad(column, f"金额应为正整数：{value!r:.60}", f"not a positive whole number: {value!r:.60}")
    return int(value)


def _needed_price(named: dict[str, str], column: str) -> int:
    found = _price(named, column)
    if found is None:
        raise _Bad(column, "不得为空", "must not be empty")
    return found


def _join(gathered: dict[str, _Gathered], fields: _Fields) -> Sequence[Flaw]:
    """Add a row to its tender; returns what is worth a note, raises when the row contradicts the tender."""
    tender = gathered.get(fields.tender) or _Gathered(fields)
    head, row = tender.head, fields.row
    for column, mine, first in (
        ("opened_on", fields.opened_on, head.opened_on),
        ("reserve_price_jpy", fields.ceiling, head.ceiling),
        ("minimum_price_jpy", fields.floor, head.floor),
    ):
        if mine != first:
            zh = f"与该项目第 {head.line} 行不一致：{mine} ≠ {first}"
            raise _Bad(column, zh, f"differs from line {head.line} of the tender: {mine} ≠ {first}")
    repeated = tender.seen.get((row.bidder, row.price))
    if repeated is not None:
        raise _Bad("bidder_id", f"与第 {repeated} 行重复", f"repeats line {repeated}")
    notes = [*_title_notes(fields, head), *_several_bids(tender, row)]
    gathered[fields.tender] = tender
    tender.seen[row.bidder, row.price] = row.line
    tender.rows.append(row)
    return notes


def _title_notes(fields: _Fields, head: _Fields) -> Iterator[Flaw]:
    for column, mine, first in (("title", fields.title, head.title), ("details", fields.details, head.details)):
        if mine != first:
            zh, en = f"与第 {head.line} 行不同，以该行为准", f"differs from line {head.line}, which counts"
            yield Flaw(fields.line, column, Text(zh, en))


def _several_bids(tender: _Gathered, row: Row) -> Iterator[Flaw]:
    earlier = [r.line for r in tender.rows if r.bidder == row.bidder and r.price is not None]
    if earlier and row.price is not None:
        zh = f"该企业在本项目第 {earlier[0]} 行已有投标，各自独立评审"
        yield Flaw(
            row.line, "bidder_id", Text(zh, f"the firm bids in line {earlier[0]} too; each bid counts on its own")
        )
