"""
Searching measured (检索实测): the public list with a province's projects of ten years, and with ten times as many.

The lines are written in bulk, as the migration of an old database does it; the questions go through the store's own
view and through the whole application. What is found is compared with LIKE, which reads every line. The pages are of
cases that nobody has looked at yet; their project and notice are those of one real tender.
"""

from __future__ import annotations

import asyncio
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass, replace
from decimal import Decimal
from functools import partial
from pathlib import Path
from random import Random  # noqa: TID251  - the same questions each time
from statistics import median
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import quote

from tradehall.adapters.sql import lists
from tradehall.adapters.sql.store import SqlStore
from tradehall.bench.figures import Line, percentile
from tradehall.bench.hall import CHANCE, Hall, HallError, hall
from tradehall.bench.logs import silence
from tradehall.bench.titles import projects
from tradehall.desk.journal import Journal
from tradehall.desk.ports import CaseQuery, Listing
from tradehall.main import build_context
from tradehall.web.app import build_app
from tradehall.web.site import HANDLERS as PAGES

if TYPE_CHECKING:
    from tradehall_standards import Catalogue, Json

SMALL: Final = 172_000
LARGE: Final = 1_720_000
DATABASE_MOST_MS: Final = 5
PAGE_MOST_MS: Final = 50
GROWTH_MOST: Final = Decimal("1.3")
TURNS: Final = 3
"""Times that a question is asked; its middle one counts."""

PAGES_ASKED: Final = 60
COMPARED: Final = {"small": 60, "large": 12}
"""Questions compared with LIKE, which takes a second for a rare word among the many."""

_SIZE: Final = 20
_OK: Final = 200


@dataclass(frozen=True, slots=True)
class Found:
    """What one size gave (检索实测结果): milliseconds of questions and of pages, and lines missed or invented."""

    asked: Sequence[int]
    pages: Sequence[int]
    wrong: int
    compared: int


def searching(
    catalogue: Catalogue,
    *,
    small: int = SMALL,
    large: int = LARGE,
    questions: int = 1000,
    folder: Path | None = None,
) -> list[Line]:
    """Ask the same kind of questions of both sizes."""
    found = {
        name: _measure(catalogue, size, questions, COMPARED[name], folder)
        for name, size in (("small", small), ("large", large))
    }
    wrong = sum(each.wrong for each in found.values())
    compared = sum(each.compared for each in found.values())
    return [
        *_lines("in the database", "asked", DATABASE_MOST_MS, found, small, large),
        *_lines("as a page", "pages", PAGE_MOST_MS, found, small, large),
        Line(
            "search",
            f"lines missed or invented against LIKE, {compared} searches",
            Decimal(wrong),
            "lines",
            goal="0",
            met=wrong == 0,
            claimed=True,
        ),
    ]


def _lines(what: str, kind: str, most_ms: int, found: dict[str, Found], small: int, large: int) -> list[Line]:
    p99 = {name: percentile(getattr(each, kind), 99) for name, each in found.items()}
    slowest, grown = percentile(found["large"].asked, 100), (p99["large"] / p99["small"]).quantize(Decimal("0.01"))
    return [
        Line(
            "search",
            f"{small:,} projects {what}, p99",
            p99["small"],
            "ms",
            goal=f"≤ {most_ms} ms",
            met=p99["small"] <= most_ms,
        ),
        Line(
            "search",
            f"{large:,} projects {what}, p99",
            p99["large"],
            "ms",
            goal=f"≤ {most_ms} ms",
            met=p99["large"] <= most_ms,
        ),
        Line(
            "search",
            f"{large:,} projects {what}, p99",
            p99["large"],
            "ms",
            f"{small:,} projects",
            p99["small"],
            grown,
            f"≤ {GROWTH_MOST}×",
            grown <= GROWTH_MOST,
        ),
        *([Line("search", f"{large:,} projects {what}, slowest of all", slowest, "ms")] if kind == "asked" else []),
    ]


def _measure(catalogue: Catalogue, size: int, questions: int, compared: int, folder: Path | None) -> Found:
    with hall(catalogue, folder=folder) as held:
        store = held.node.store
        sample = fill(store, size)
        asked = list(_questions(sample, questions))
        with store.read() as reading:
            reading.search(asked[0])
            times = [_middle(partial(reading.search, query)) for query in asked]
            some = asked[:: max(1, questions // compared)][:compared]
            wrong = sum(_differs(store, reading.search(query), query) for query in some)
            pages = asked[: PAGES_ASKED + 1]
            shown = {x.case: x for query in pages for x in reading.search(query)}
        _file(held, list(shown.values()))
        return Found(times, asyncio.run(_ask_pages(held, pages)), wrong, len(some))


def _middle(ask: Callable[[], object]) -> int:
    taken: list[int] = []
    for _ in range(TURNS):
        begun = perf_counter_ns()
        ask()
        taken.append(perf_counter_ns() - begun)
    return int(median(taken))


def fill(store: SqlStore, size: int) -> list[Listing]:
    """Write so many projects in bulk and index them (批量入库); returns one in a thousand of them."""
    sample: list[Listing] = []
    every = max(1, size // 2000)
    connection = store.writer.raw_connection()
    try:
        cursor = connection.cursor()
        cursor.execute("BEGIN IMMEDIATE")

        def rows() -> Iterator[tuple[str, ...]]:
            for number, found in enumerate(projects(size)):
                if number % every == 0:
                    sample.append(found)
                yield (*astuple(found), "")

        cursor.executemany(lists.PUT, cast("Any", rows()))
        lists.refill(cursor, "sqlite")
        connection.commit()
    finally:
        connection.close()
    return sample


def _questions(sample: Sequence[Listing], count: int) -> list[CaseQuery]:
    """Return questions of every kind: words of one to eight characters, several words, codes, filters, later pages."""
    chance = Random(11)  # noqa: S311  - the same questions each time

    def part(least: int, most: int) -> str:
        title = chance.choice(sample).title
        size = chance.randint(least, most)
        start = chance.randrange(max(1, len(title) - size))
        return title[start : start + size].strip()

    def one() -> CaseQuery:
        some, kind = chance.choice(sample), chance.randrange(8)
        region = some.region[: chance.choice((2, 4, 6))]
        texts = (
            "",
            part(1, 1),
            part(2, 2),
            part(3, 8),
            f"{part(2, 4)} {part(2, 4)}",
            some.code,
            part(2, 3),
            part(2, 4),
        )
        query = CaseQuery(text=texts[kind], limit=_SIZE)
        if kind in (0, 6):
            query = replace(
                query, region=region, stage=chance.choice(("", some.stage)), sector=chance.choice(("", some.sector))
            )
        if kind in (0, 7) or chance.random() < 0.2:  # noqa: PLR2004  - a fifth of the rest turn pages too
            query = replace(query, after=(some.published_at, some.case))
        return query

    return [one() for _ in range(count)]


def _differs(store: SqlStore, found: Sequence[Listing], query: CaseQuery) -> int:
    """Return how many lines LIKE gives that were not found, or the other way round; order counts too."""
    wanted, values = lists.conditions(query)
    where = f" WHERE {' AND '.join(wanted)}" if wanted else ""
    newest = "ORDER BY published_at DESC, case_id DESC LIMIT ?"
    connection = store.engine.raw_connection()
    try:
        cursor = connection.cursor()
        cursor.execute(f"SELECT case_id FROM listing{where} {newest}", [*values, query.limit])  # noqa: S608  - our own texts
        expected = [row[0] for row in cursor.fetchall()]
    finally:
        connection.close()
    got = [x.case for x in found]
    return len(set(expected) ^ set(got)) or int(expected != got)


# --- pages ------------------------------------------------------------------------------------------------------


def _file(held: Hall, listings: Sequence[Listing]) -> None:
    """Give the cases of some lines the state and the public records of the one real tender."""
    door = held.node.door
    with door.store.write() as writing:
        journal = Journal(writing, door.cloak, door.procedures)
        real = journal.case(held.tender)
        if real is None:
            raise HallError("there is no tender")
        rows = [stored.row for stored in writing.of_case(held.tender)]
        copies = [replace(row, case=x.case, tag=CHANCE(32), leaf=CHANCE(32)) for x in listings for row in rows]
        for listing in listings:
            head: Json = {"tracks": dict(real.tracks), "head": {**real.head, "name": listing.title}}
            journal.put(head, "case", listing.case, secret=False)
        writing.append(copies)
        writing.put(journal.flush())


async def _ask_pages(held: Hall, queries: Sequence[CaseQuery]) -> list[int]:
    """Ask the application for a page of each search; the first one, which warms up, does not count."""
    silence()
    app = build_app(build_context(held.node), PAGES)
    taken = [await _page(app, query) for query in queries]
    return taken[1:]


async def _page(app: Any, query: CaseQuery) -> int:
    asked = {"q": query.text, "stage": query.stage, "region": query.region, "sector": query.sector}
    if query.after is not None:
        asked["after"] = urlsafe_b64encode("|".join(query.after).encode()).decode("ascii").rstrip("=")
    told = "&".join(f"{name}={quote(value)}" for name, value in asked.items() if value)
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/notices",
        "raw_path": b"/notices",
        "query_string": told.encode(),
        "headers": [(b"host", b"hall.example")],
        "scheme": "http",
        "server": ("hall.example", 80),
        "client": ("::1", 1),
        "http_version": "1.1",
        "root_path": "",
    }
    status: list[int] = []

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            status.append(message["status"])

    begun = perf_counter_ns()
    await app(scope, receive, send)
    taken = perf_counter_ns() - begun
    if status != [_OK]:
        raise HallError(f"HTTP status {status}")
    return taken
