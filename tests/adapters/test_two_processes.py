"""Two processes that are one node: the same database, keys and vault (一个节点的两个进程)."""

from __future__ import annotations

import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from threading import Barrier

import pytest

from tradehall.adapters.clock import SystemClock
from tradehall.adapters.keyfolder import open_keys
from tradehall.adapters.sql.store import SqlStore
from tradehall.main import Settings, build_node
from tradehall_standards import Catalogue

PROCESSES = 4
AT = datetime(2026, 3, 2, 1, tzinfo=UTC)


def test_processes_that_start_at_once_have_the_same_keys(tmp_path: Path) -> None:
    """Each opens the folder by itself, so threads stand for processes here."""
    begin = Barrier(PROCESSES)

    def start(_number: int) -> tuple[bytes, bytes, str, bytes]:
        begin.wait()
        keys = open_keys(tmp_path / "keys", city="chengdu", origin="hall.example", at=AT, chance=secrets.token_bytes)
        return keys.cloak, keys.node.receipt_public, keys.certificate.kid, keys.vault

    with ThreadPoolExecutor(PROCESSES) as pool:
        assert len(set(pool.map(start, range(PROCESSES)))) == 1


def test_a_node_watches_the_clock_that_decides(
    tmp_path: Path, catalogue: Catalogue, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server of databases has a clock of its own; that this machine's is right says nothing about it."""
    step = 0

    def stepped(_store: SqlStore) -> int:
        return time.time_ns() + step

    monkeypatch.setattr(SqlStore, "time_ns", stepped)
    node = build_node(Settings(data=tmp_path, database=postgres_url), catalogue=catalogue)
    try:
        assert isinstance(node.clock, SystemClock)
        assert not node.clock.suspect
        step = -3_600_000_000_000
        assert node.clock.suspect
    finally:
        node.close()
