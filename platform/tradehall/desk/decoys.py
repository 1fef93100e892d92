"""
Decoys (诱饵): rows and files that look like a bid handed in, so that their number tells nobody how many bid.

Every write that holds a secret record also writes decoys, as many as chance says; a job adds more from time to time
while a tender is open. A decoy has what a bid has: two journal rows, its facts, one vault file. The file is written
behind the commit, where nobody waits for it; one that a crash prevents is missed by nobody, for no row names a file.
"""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from tradehall.desk.cloak import Cloak
from tradehall.desk.journal import ROW_CLASS, Journal
from tradehall.desk.ports import Chance, Row, Vault

BID_FACTS = (1024, 256, 256, 256, 256, 256)
"""Size classes of the state rows one bid leaves: the bid, its key, recipient, ciphertext, two places in the log."""

SMALLEST_FILE = 65536
LARGEST_FILE = 1 << 20
"""Decoys have the sizes that secret files here have, but no larger ones: they cost time and disk."""


@dataclass(frozen=True, slots=True)
class Decoys:
    """Makes decoys (诱饵生成). ``odds`` of 256 is the chance that one more follows; 0 makes none."""

    cloak: Cloak
    chance: Chance
    vault: Vault
    odds: int = 128
    _owed: deque[int] = field(default_factory=deque[int], init=False, repr=False, compare=False)

    def add_to(self, rows: list[Row], journal: Journal, at: datetime) -> None:
        """Add decoys behind the rows of a batch, and their state rows; ``write_files`` adds their files."""
        while self.chance(1)[0] < self.odds:
            rows.extend(self._rows(at))
            journal.put_decoys([self.cloak.decoy(size - 4) for size in BID_FACTS])
            self._owed.append(SMALLEST_FILE)

    def write_files(self) -> None:
        """Write the files of the decoys added so far (诱饵文件)."""
        with suppress(IndexError, OSError):  # another thread took the last one; the disk is full
            while self._owed:
                self.vault.add_decoy(self.vault.typical_size(self._owed.popleft(), LARGEST_FILE))

    def _rows(self, at: datetime) -> list[Row]:
        return [
            Row(self.chance(32), self.chance(32), None, None, at, self.cloak.decoy(ROW_CLASS - 4)) for _ in range(2)
        ]
