"""Migrations make exactly the tables of ``tables.py``, once, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.command import downgrade
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Column, Integer, MetaData, inspect

from adapters.making import Steady
from tradehall.adapters.sql import tables
from tradehall.adapters.sql.engines import Engines, open_engines
from tradehall.adapters.sql.migrate import FOLDER, upgrade
from tradehall.adapters.sql.statements import Statements
from tradehall.adapters.sql.store import SqlStore


@contextmanager
def opened(url: str) -> Iterator[Engines]:
    engines = open_engines(url)
    try:
        yield engines
    finally:
        engines.dispose()


SEARCH = ("listing_gram", "listing_words")
"""What the search has on one of the databases only; it is held to its promise by ``test_search.py``."""


def differences(engines: Engines, metadata: MetaData) -> list[Any]:
    def is_common(_object: object, name: str | None, *_: object) -> bool:
        return not str(name).startswith(SEARCH)

    with engines.writing.begin() as connection:
        context = MigrationContext.configure(connection, opts={"include_object": is_common})
        return list(compare_metadata(context, metadata))


def revisions(engines: Engines) -> list[str]:
    with engines.writing.begin() as connection:
        return list(MigrationContext.configure(connection).get_current_heads())


def test_upgrading_makes_the_tables_and_a_second_time_changes_nothing(empty_url: str) -> None:
    with opened(empty_url) as engines:
        assert revisions(engines) == []
        upgrade(engines)
        head = revisions(engines)
        upgrade(engines)
        assert revisions(engines) == head == ScriptDirectory(str(FOLDER)).get_heads()
        assert differences(engines, tables.metadata) == []


def test_a_table_that_no_migration_makes_is_noticed(empty_url: str) -> None:
    """Negative control: the comparison sees a new column, so an empty one means something."""
    changed = MetaData()
    for table in tables.metadata.sorted_tables:
        table.to_metadata(changed)
    changed.tables["state"].append_column(Column("extra", Integer))
    with opened(empty_url) as engines:
        upgrade(engines)
        assert [found[0] for found in differences(engines, changed)] == ["add_column"]


def test_a_store_upgrades_by_itself_and_opens_again(empty_url: str) -> None:
    for _ in range(2):
        SqlStore(empty_url, Steady()).close()
    with opened(empty_url) as engines:
        assert differences(engines, tables.metadata) == []


def test_a_failed_migration_leaves_nothing(empty_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alembic.op.create_index", None)
    with opened(empty_url) as engines:
        with pytest.raises(TypeError):
            upgrade(engines)
        monkeypatch.undo()
        assert inspect(engines.writing).get_table_names() == []
        upgrade(engines)
        assert differences(engines, tables.metadata) == []


def test_downgrading_takes_everything_back(empty_url: str) -> None:
    with opened(empty_url) as engines:
        upgrade(engines)
        with engines.writing.begin() as connection:
            config = Config(attributes={"connection": connection})
            config.set_main_option("script_location", str(FOLDER))
            config.set_main_option("path_separator", "os")
            downgrade(config, "base")
        assert inspect(engines.writing).get_table_names() == ["alembic_version"]
        upgrade(engines)
        assert differences(engines, tables.metadata) == []


def test_every_statement_fits_the_tables(url: str) -> None:
    with opened(url) as engines:
        upgrade(engines)
        sql = Statements().with_mark(engines.mark)
        texts = [getattr(sql, name) for name in sql.__slots__ if name != "mark"]
        connection = engines.writing.raw_connection()
        for statement in texts:
            prefix = "EXPLAIN " if engines.mark == "?" else "EXPLAIN (GENERIC_PLAN) "
            asked = statement
            if engines.mark == "%s":
                for number in range(1, statement.count("%s") + 1):
                    asked = asked.replace("%s", f"${number}", 1)
            cursor = connection.cursor()
            cursor.execute(prefix + asked, *([(None,) * statement.count("?")] if engines.mark == "?" else []))
        connection.rollback()
        connection.close()
