"""
Migrations (数据库迁移): every change of tables is a numbered step that works with the running version.
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config

from tradehall.adapters.sql.engines import Engines

FOLDER = Path(__file__).parent / "migrations"


def upgrade(engines: Engines, revision: str = "head") -> None:
    """Bring the tables to a revision, in one transaction; safe to call at every start, by several processes at once."""
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    with engines.writing.begin() as connection:
        if engines.writing.dialect.name == "postgresql":
            connection.exec_driver_sql(engines.begin_writing)
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
