"""Reading the table: every flaw at its line and column, no row harmed by another."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from tradehall.replay.table import COLUMNS, Table, read_table

HEADER = ",".join(COLUMNS)
GOOD = "7,2010-03-01,title,details,5000,4000,B1,4500,1,"


def read(*rows: str, end: str = "\n") -> Table:
    return read_table(end.join([HEADER, *rows, ""]).encode())


def flaws(table: Table) -> list[tuple[int, str]]:
    return [(flaw.line, flaw.column) for flaw in table.flaws]


def test_a_good_row_is_read() -> None:
    (tender,) = read(GOOD).tenders
    assert (tender.id, tender.opened_on, tender.title, tender.details) == ("7", date(2010, 3, 1), "title", "details")
    assert (tender.ceiling, tender.floor) == (5000, 4000)
    (row,) = tender.rows
    assert (row.line, row.bidder, row.price, row.remark) == (2, "B1", 4500, "")


def test_line_ends_may_be_those_of_either_kind_and_the_last_may_be_missing() -> None:
    other = GOOD.replace("B1", "B2")
    assert read(GOOD, other).tenders == read(GOOD, other, end="\r\n").tenders
    assert read_table(f"{HEADER}\n{GOOD}".encode()).tenders == read(GOOD).tenders


def test_rows_of_a_tender_need_not_stand_together() -> None:
    table = read(GOOD, GOOD.replace("7,", "8,", 1), GOOD.replace("B1", "B2"))
    assert [(tender.id, [row.line for row in tender.rows]) for tender in table.tenders] == [("7", [2, 4]), ("8", [3])]


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ("", ""),
        (GOOD + ",", ""),
        (GOOD.removesuffix(","), ""),
        (GOOD.replace("title", '"title'), ""),
        (GOOD.replace("title", 'ti"t"le"'), None),
        (GOOD.replace("title", '"ti"tle'), ""),
        (GOOD.replace("7,", ",", 1), "tender_id"),
        (GOOD.replace("7,", "../7,", 1), "tender_id"),
        (GOOD.replace("7,", "７,", 1), "tender_id"),
        (GOOD.replace("2010-03-01", "2010-02-30"), "opened_on"),
        (GOOD.replace("2010-03-01", "01/03/2010"), "opened_on"),
        (GOOD.replace("2010-03-01", "20100301"), "opened_on"),
        (GOOD.replace("2010-03-01", ""), "opened_on"),
        (GOOD.replace("title", " "), "title"),
        (GOOD.replace("title", "t" * 151), "title"),
        (GOOD.replace("title", "ti\ttle"), "title"),
        (GOOD.replace("title", "ti\x85tle"), "title"),
        (GOOD.replace("details", "d" * 1501), "details"),
        (GOOD.replace("5000", ""), "reserve_price_jpy"),
        (GOOD.replace("5000", "5,000"), ""),
        (GOOD.replace("5000", '"5,000"'), "reserve_price_jpy"),
        (GOOD.replace("5000", "0"), "reserve_price_jpy"),
        (GOOD.replace("5000", "5000.0"), "reserve_price_jpy"),
        (GOOD.replace("5000", "-5000"), "reserve_price_jpy"),
        (GOOD.replace("5000", "05000"), "reserve_price_jpy"),
        (GOOD.replace("5000", "5e3"), "reserve_price_jpy"),
        (GOOD.replace("5000", "1" * 16), "reserve_price_jpy"),
        (GOOD.replace("4000", "5001"), "minimum_price_jpy"),
        (GOOD.replace("4000", "none"), "minimum_price_jpy"),
        (GOOD.replace("B1", ""), "bidder_id"),
        (GOOD.replace("B1", "B 1"), "bidder_id"),
        (GOOD.replace("4500", "4500 "), "bid_jpy"),
        (GOOD.replace("4500", "+4500"), "bid_jpy"),
        (GOOD.replace("4500", "0"), "bid_jpy"),
        (GOOD + "r" * 501, "remark"),
    ],
)
def test_a_bad_row_is_named_by_line_and_column(row: str, column: str | None) -> None:
    good = GOOD.replace("7,", "8,", 1).replace("B1", "B2")
    table = read(good, row, good.replace("B2", "B3"))
    if column is None:
        assert table.flaws == ()
        return
    assert flaws(table) == [(3, column)]
    assert table.flaws[0].text.zh
    assert table.flaws[0].text.en
    assert [r.line for tender in table.tenders for r in tender.rows] == [2, 4]
    assert not table.unreadable


def test_a_line_that_is_not_utf8_is_named() -> None:
    table = read_table(f"{HEADER}\n{GOOD}\n".encode() + b"8,2010-03-01,t\xfftle,d,5000,,B1,1,0,\n")
    assert flaws(table) == [(3, "")]
    assert len(table.tenders) == 1


@pytest.mark.parametrize(
    "head",
    [
        "",
        HEADER.upper(),
        HEADER + ",more",
        HEADER.replace("won,", ""),
        HEADER.replace("won,remark", "remark,won"),
        "\ufeff" + HEADER,
    ],
)
def test_another_header_is_no_table(head: str) -> None:
    table = read_table(f"{head}\n{GOOD}\n".encode())
    assert table.unreadable
    assert table.tenders == ()
    assert flaws(table) == [(1, "")]


def test_an_empty_file_is_no_table() -> None:
    assert read_table(b"").unreadable


@pytest.mark.parametrize(
    ("old", "new", "column"),
    [
        ("2010-03-01", "2010-03-02", "opened_on"),
        ("5000", "5001", "reserve_price_jpy"),
        ("4000", "", "minimum_price_jpy"),
    ],
)
def test_a_row_that_contradicts_its_tender_is_bad(old: str, new: str, column: str) -> None:
    table = read(GOOD, GOOD.replace("B1", "B2").replace(old, new))
    assert flaws(table) == [(3, column)]
    assert "2" in table.flaws[0].text.en


def test_a_repeated_row_is_bad() -> None:
    assert flaws(read(GOOD, GOOD)) == [(3, "bidder_id")]


def test_several_prices_of_a_firm_and_other_titles_are_noted_and_taken() -> None:
    table = read(GOOD, GOOD.replace("4500", "4600").replace("title", "other"))
    assert table.flaws == ()
    assert [(note.line, note.column) for note in table.notes] == [(3, "title"), (3, "bidder_id")]
    assert [row.price for row in table.tenders[0].rows] == [4500, 4600]


def test_a_firm_without_a_price_did_not_bid() -> None:
    (tender,) = read(GOOD, GOOD.replace("4500", "")).tenders
    assert [row.price for row in tender.rows] == [4500, None]
    assert [row.line for row, _ in tender.bids] == [2]


@pytest.mark.parametrize("won", ["0", "1", "", "x", "２", '"a\tb"'])
def test_won_is_not_looked_at(won: str) -> None:
    table = read(GOOD.replace(",1,", f",{won},"))
    assert table.flaws == ()
    assert table.tenders == read(GOOD).tenders


def test_an_unreviewed_remark_is_noted() -> None:
    table = read_table(f"{HEADER}\n{GOOD}odd\n".encode(), lambda remark: remark == "")
    assert [(note.line, note.column) for note in table.notes] == [(2, "remark")]
    assert len(table.tenders) == 1


def test_the_sample_is_sound() -> None:
    table = read_table(Path(__file__).with_name("sample.csv").read_bytes())
    assert table.flaws == ()
    assert [tender.id for tender in table.tenders] == [f"P{n}" for n in range(1, 10)]
