from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tradehall.replay.journal import Entry
from tradehall.replay.run import read_replay, run_replay

SAMPLE = Path(__file__).with_name("sample.csv")


@dataclass(frozen=True)
class Played:
    """A folder of results and its summary."""

    folder: Path
    summary: dict[str, Any]
    entries: dict[str, Entry]

    @property
    def awards(self) -> list[str]:
        return (self.folder / "awards.csv").read_text().splitlines()

    def evidence(self, tender: str) -> Path:
        return self.folder / "evidence" / f"{tender}.zip"


def play(
    table: Path, folder: Path, *, limit: int | None = None, watch: Callable[[Entry], None] | None = None
) -> Played:
    entries: dict[str, Entry] = {}

    def finished(entry: Entry) -> None:
        assert entry.tender not in entries
        entries[entry.tender] = entry
        if watch is not None:
            watch(entry)

    summary = run_replay(read_replay(table, limit=limit), folder, finished)
    return Played(folder, summary, entries)


@pytest.fixture(scope="session")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """The sample, played once."""
    return play(SAMPLE, tmp_path_factory.mktemp("replay"))
