"""The table of OWASP ASVS 5.0 对照表: every requirement once, every pass shown by something that is there."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

from house.asvs import DATA, PAGE, page, read

ROOT = Path(__file__).parents[2]
ROWS = read()

# How many requirements of each level each section of ASVS 5.0.0 has, as (section, its numbers at level 1, at level 2).
REQUIREMENTS = """
1.1::1,2 1.2:1-5:6-9 1.3:1,2:3-11 1.4::1-3 1.5:1:2
2.1:1:2,3 2.2:1,2:3 2.3:1:2-4 2.4::1
3.2:1,2: 3.3:1:2-4 3.4:1,2:3-6 3.5:1-3:4,5 3.7::1,2
4.1:1:2,3 4.2::1 4.3::1,2 4.4:1:2-4
5.1::1 5.2:1,2:3 5.3:1,2: 5.4::1-3
6.1:1:2,3 6.2:1-8:9-12 6.3:1,2:3,4 6.4:1,2:3,4 6.5::1-5 6.6::1-3 6.8::1-4
7.1::1-3 7.2:1-4: 7.3::1,2 7.4:1,2:3-5 7.5::1,2 7.6::1,2
8.1:1:2 8.2:1,2:3 8.3:1: 8.4::1
9.1:1-3: 9.2:1:2-4
10.1::1,2 10.2::1,2 10.3::1-4 10.4:1-5:6-11 10.5::1-5 10.6::1,2 10.7::1-3
11.1::1,2 11.2::1-3 11.3:1,2:3 11.4:1:2-4 11.5::1 11.6::1
12.1:1:2,3 12.2:1,2: 12.3::1-4
13.1::1 13.2::1-5 13.3::1,2 13.4:1:2-5
14.1::1,2 14.2:1:2-4 14.3:1:2,3
15.1:1:2,3 15.2:1:2,3 15.3:1:2-7
16.1::1 16.2::1-5 16.3::1-4 16.4::1-3 16.5::1-3
17.1::1 17.2::1-4 17.3::1,2
"""


def numbers(text: str) -> list[int]:
    """Return what ``1,3-5`` names."""
    parts = [p.partition("-") for p in text.split(",") if p]
    return [n for first, _, last in parts for n in range(int(first), int(last or first) + 1)]


def expected() -> dict[str, int]:
    found: dict[str, int] = {}
    for item in REQUIREMENTS.split():
        section, *levels = item.split(":")
        for level, text in enumerate(levels, 1):
            found |= {f"V{section}.{n}": level for n in numbers(text)}
    return found


@cache
def functions(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text("utf-8"))
    return frozenset(n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))


def test_every_requirement_stands_there_once_with_its_level() -> None:
    assert len(ROWS) == 253
    assert {row["id"]: row["level"] for row in ROWS} == expected()
    assert [row["level"] for row in ROWS].count(1) == 70


def test_rows_are_in_order() -> None:
    order = [tuple(int(n) for n in row["id"][1:].split(".")) for row in ROWS]
    assert order == sorted(order)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["id"])
def test_a_verdict_is_shown_or_explained(row: dict[str, object]) -> None:
    assert row["zh"]
    assert row["en"]
    if row["verdict"] != "pass":
        assert row["verdict"] in ("fail", "not_applicable")
        assert row.keys() == {"id", "level", "zh", "en", "verdict", "why"}
        assert all(len(str(row["why"][lang])) > 5 for lang in ("zh", "en"))  # type: ignore[index]
        return
    assert row.keys() == {"id", "level", "zh", "en", "verdict", "shown"}
    assert row["shown"]
    for evidence in row["shown"]:  # type: ignore[attr-defined]
        path, _, name = evidence.partition("::")
        assert (ROOT / path).is_file(), evidence
        assert not name or name in functions(ROOT / path), evidence


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text("utf-8") == page(ROWS), f"{PAGE.name} is outdated; run: PYTHONPATH=tests python -m house.asvs"


def test_the_data_are_written_one_row_a_line() -> None:
    assert len(DATA.read_text("utf-8").splitlines()) == len(ROWS) + 2
