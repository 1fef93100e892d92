"""A disk that is full or broken, or a database that is away: nothing is at fault, and whoever asks may try again."""

from __future__ import annotations

import errno
import sqlite3
from typing import Any

import psycopg
import pytest
import sqlalchemy.exc

from tradehall.adapters.vault import FolderVault
from web_core.hall import Hall

PATH = f"/api/v1/vault/sha256:{'0' * 64}/upload"


def of_sqlite(statement: str) -> sqlite3.Error:
    """Return what SQLite itself says to a statement, in a database of one page."""
    connection = sqlite3.connect(":memory:")
    try:
        connection.execute("PRAGMA max_page_count=1")
        connection.execute(statement)
    except sqlite3.Error as error:
        return error
    finally:
        connection.close()
    raise AssertionError(statement)


FULL, UNKNOWN = of_sqlite("CREATE TABLE t (a)"), of_sqlite("SELECT a FROM t")
OUTAGES = (
    OSError(errno.ENOSPC, "full"),
    OSError(errno.EIO, "broken"),
    FULL,
    sqlalchemy.exc.OperationalError("INSERT", {}, FULL),
    psycopg.OperationalError("the connection is lost"),
)
FAULTS = (OSError(errno.ENOENT, "not there"), UNKNOWN, ValueError("a fault of ours"))


def asked(hall: Hall, monkeypatch: pytest.MonkeyPatch, error: Exception) -> Any:
    def failing(*_given: Any, **_named: Any) -> None:
        raise error

    monkeypatch.setattr(FolderVault, "has", failing)
    return hall.call("GET", PATH, role="party")


@pytest.mark.parametrize("error", OUTAGES, ids=repr)
def test_an_outage_is_told_as_such(hall: Hall, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    answer = asked(hall, monkeypatch, error)
    assert (answer.status, answer.code, answer.header("retry-after")) == (503, "UNAVAILABLE", "1")


@pytest.mark.parametrize("error", FAULTS, ids=repr)
def test_a_fault_is_not_called_an_outage(hall: Hall, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    answer = asked(hall, monkeypatch, error)
    assert (answer.status, answer.code) == (500, "INTERNAL")
