"""Stores to test: in memory, on SQLite, on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import datetime, timedelta
from itertools import count
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from adapters.making import START, Steady, quick_folder
from adapters.postgres import Cluster, running
from tradehall.adapters.memory import MemoryStore
from tradehall.adapters.sql.store import SqlStore

OpenStore = Callable[..., Any]


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    with running() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def template(cluster: Cluster) -> Iterator[str]:
    """A database with all tables, to copy: cheaper than making them for each test."""
    with cluster.database("template_of_all") as url:
        SqlStore(url, Steady()).close()
        yield "template_of_all"


_numbers = count()


@pytest.fixture
def postgres_url(cluster: Cluster, template: str) -> Iterator[str]:
    with cluster.database(f"test_{next(_numbers)}", template) as url:
        yield url


@pytest.fixture
def empty_postgres_url(cluster: Cluster) -> Iterator[str]:
    with cluster.database(f"test_{next(_numbers)}") as url:
        yield url


@pytest.fixture
def sqlite_url() -> Iterator[str]:
    with TemporaryDirectory(prefix="thsq-", dir=quick_folder()) as folder:
        yield f"sqlite:///{folder}/node.db"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    """A database with or without tables; a store makes what is missing."""
    return str(request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url"))


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "empty_postgres_url"))


@pytest.fixture
def open_sql(url: str) -> Iterator[OpenStore]:
    """Opens stores on one and the same database, as several processes would."""
    with ExitStack() as stack:
        yield lambda clock=None: stack.enter_context(closing(SqlStore(url, clock or Steady())))


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def open_store(request: pytest.FixtureRequest) -> Iterator[OpenStore]:
    """Opens one store of each kind."""
    if request.param == "memory":
        ticks = count()
        yield lambda clock=None: MemoryStore(clock or Steady(), lambda: _tick(next(ticks)))
        return
    url = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    with ExitStack() as stack:
        yield lambda clock=None: stack.enter_context(closing(SqlStore(url, clock or Steady())))


def _tick(number: int) -> datetime:
    return START + timedelta(milliseconds=number)


@pytest.fixture
def store(open_store: OpenStore) -> Any:
    return open_store()
