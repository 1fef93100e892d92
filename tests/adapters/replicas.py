"""
A primary and its standbys for tests 主备数据库: real servers that replicate over sockets in a folder, each to be killed,
promoted, stalled and brought back by itself.
"""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from adapters import postgres
from adapters.making import quick_folder

DATABASE = "hall"
PATIENCE = 20.0


@dataclass(slots=True)
class Server:
    """One server of the group (数据库服务器)."""

    name: str
    folder: Path
    programs: Path
    servant: Mapping[str, Any]
    guard: subprocess.Popen[bytes] | None = None

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def call(self, program: str, *arguments: str | Path) -> None:
        postgres._run(self.servant, self.programs / program, *[str(a) for a in arguments])

    def start(self, *, settings: str = "") -> None:
        options = f"{postgres.SETTINGS} -c unix_socket_directories={self.folder} -c wal_level=replica"
        options += f" -c hot_standby=on -c max_wal_senders=8 -c wal_keep_size=64MB {settings}"
        try:
            self.call(
                "pg_ctl", "start", "--wait", f"--pgdata={self.data}", f"--log={self.folder}/log", f"--options={options}"
            )
        except subprocess.CalledProcessError as error:
            raise RuntimeError((self.folder / "log").read_text()[-2000:]) from error
        self.guard = subprocess.Popen(
            ["sh", "-c", postgres.STOP, self.programs / "pg_ctl", self.data], stdin=subprocess.PIPE, **self.servant
        )

    def kill(self) -> None:
        """End it as a crash would: nothing is written any more."""
        if self.guard is not None:
            self.guard.communicate(timeout=30)
            self.guard = None

    def promote(self) -> None:
        self.call("pg_ctl", "promote", "--wait", f"--pgdata={self.data}")

    def ask(self, statement: str, *values: object, database: str = "postgres") -> Any:
        with psycopg.connect(
            host=str(self.folder), user="postgres", dbname=database, autocommit=True, connect_timeout=5
        ) as connection:
            cursor = connection.execute(statement, values or None)
            row = cursor.fetchone() if cursor.description else None
        return None if row is None else row[0]

    def set(self, **settings: str) -> None:
        """Change settings of the running server."""
        for name, value in settings.items():
            self.ask(f"ALTER SYSTEM SET {name} = '{value}'")
        self.ask("SELECT pg_reload_conf()")

    def freeze(self, backend: str) -> list[int]:
        """Stop its processes of one kind where they are; returns them, to be let go again."""
        postmaster = (self.data / "postmaster.pid").read_text().split()[0]
        found = [ident for ident, parent, title in _processes() if parent == postmaster and backend in title]
        for ident in found:
            postgres.os.kill(ident, signal.SIGSTOP)
        return found


def _processes() -> Iterator[tuple[int, str, str]]:
    """Every process with its parent and what it calls itself; a bare system has no ``ps``."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):  # it has ended meanwhile
                title = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
                yield int(folder.name), parent, title


@dataclass(slots=True)
class Replicas:
    """A group of servers on one history (主备组)."""

    folder: Path
    programs: Path
    servant: Mapping[str, Any]
    servers: dict[str, Server] = field(default_factory=dict)

    def server(self, name: str) -> Server:
        place = self.folder / name
        if name not in self.servers:
            place.mkdir()
            postgres._servant(place)
            self.servers[name] = Server(name, place, self.programs, self.servant)
        return self.servers[name]

    def url(self, *names: str, database: str = DATABASE) -> str:
        """Return the URL that finds the primary among some servers."""
        hosts = ",".join(str(self.servers[name].folder) for name in names)
        return f"postgresql+psycopg://postgres@/{database}?host={hosts}&target_session_attrs=primary&connect_timeout=2"

    def primary(self, name: str, settings: str = "") -> Server:
        made = self.server(name)
        made.call("initdb", f"--pgdata={made.data}", *postgres.QUICK)
        made.start(settings=settings)
        made.ask(f"CREATE DATABASE {DATABASE}")
        return made

    def standby(self, name: str, of: Server, settings: str = "") -> Server:
        """Copy a primary and follow it; what stood there before is thrown away."""
        made = self.server(name)
        made.kill()
        shutil.rmtree(made.data, ignore_errors=True)
        made.call(
            "pg_basebackup",
            "--checkpoint=fast",
            "--no-sync",
            "--wal-method=stream",
            "--write-recovery-conf",
            f"--pgdata={made.data}",
            f"--dbname=host={of.folder} user=postgres application_name={name}",
        )
        with (made.data / "postgresql.auto.conf").open("a") as file:
            file.write("recovery_target_timeline = 'latest'\n")
        made.start(settings=settings)
        return made

    def follow(self, standby: Server, primary: Server) -> None:
        """Point a running standby at another primary."""
        standby.set(primary_conninfo=f"host={primary.folder} user=postgres application_name={standby.name}")

    def synchronous(self, primary: Server, names: Sequence[str], *, wait: bool = True) -> None:
        """Let a primary wait for any one of some standbys, and see that one has caught up."""
        primary.set(synchronous_standby_names=f"ANY 1 ({', '.join(names)})", synchronous_commit="remote_apply")
        if wait:
            awaited(lambda: int(primary.ask(CONFIRMING)) > 0, "no standby became synchronous")

    def stop(self) -> None:
        for server in self.servers.values():
            with contextlib.suppress(Exception):
                server.kill()


CONFIRMING = "SELECT count(*) FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum')"


def awaited(condition: Any, what: str) -> None:
    """Wait until a condition holds."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.02)
    raise RuntimeError(what)


@contextmanager
def replicas() -> Generator[Replicas]:
    """Hold a group in a temporary folder; all its servers stop at the end."""
    folder = Path(tempfile.mkdtemp(prefix="thpg-", dir=quick_folder()))
    group = None
    try:
        servant = postgres._servant(folder)
        group = Replicas(folder, postgres._programs(folder, servant), servant)
        yield group
    finally:
        if group is not None:
            group.stop()
        shutil.rmtree(folder)
