"""
Standing of the log (日志核对): after a restore, is what lies in the database the log that was there before?

The database can answer for itself only that it is whole. That nothing is missing at its end, a witness must say.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tradehall.desk.journal import Journal
from tradehall.desk.witnessing import SILENT
from tradehall.kernel import receipts
from tradehall.rules import merkle

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradehall.desk.accept import Door
    from tradehall.desk.ports import Reading
    from tradehall.desk.witnessing import Witnessing

_PAGE = 4096


@dataclass(frozen=True, slots=True)
class Standing:
    """
    What a check of the log found (核对结果).

    Attributes:
        size: number of leaves.
        faults: where journal, tree and records do not fit together.
        witnesses: as ``Witnessing.compare`` gives them.
    """

    size: int
    faults: tuple[str, ...]
    witnesses: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def disputed(self) -> bool:
        """Whether the log is not whole, or a witness knows another one."""
        return bool(self.faults) or any(why not in ("", SILENT) for why in self.witnesses.values())

    @property
    def vouched(self) -> bool:
        """Whether a witness agrees, and nothing speaks against the log."""
        return not self.disputed and "" in self.witnesses.values()


def standing(door: Door, witnessing: Witnessing) -> Standing:
    """Compute the tree again from the journal, the public leaves from their records, and ask the witnesses (核对)."""
    with door.store.read() as reading:
        latest = reading.latest()
        size = latest.size if latest else 0
        faults = (*_tree_faults(reading, size), *_record_faults(reading, Journal(reading, door.cloak, door.procedures)))
    return Standing(size, faults, witnessing.compare())


def _tree_faults(reading: Reading, size: int) -> list[str]:
    """Compare every batch with the tree that the journal's leaves give."""
    tree, faults = merkle.Frontier(0, ()), list[str]()
    while tree.size < size:
        batch = reading.covering(tree.size)
        if batch is None:
            return [*faults, f"no batch covers leaf {tree.size}"]
        leaves = [leaf for at in range(tree.size, batch.size, _PAGE) for leaf in _leaves(reading, at, batch.size)]
        if len(leaves) != batch.size - tree.size:
            return [*faults, f"leaves are missing between {tree.size} and {batch.size}"]
        tree = tree.extend([merkle.leaf_hash(leaf) for leaf in leaves])
        if tree.root() != batch.root:
            return [*faults, f"the leaves up to {batch.size} do not give the root of their batch"]
    return [*faults, "there are leaves behind the last batch"] if reading.at_index(size) is not None else faults


def _leaves(reading: Reading, start: int, stop: int) -> list[bytes]:
    return list(reading.leaves(start, min(start + _PAGE, stop)))


def _record_faults(reading: Reading, journal: Journal) -> list[str]:
    """Compare the leaf of every public record with the record."""
    faults, after = list[str](), -1
    while page := reading.changes(after, _PAGE):
        after = page[-1].index
        for stored in page:
            entry = journal.entry(stored)
            leaf = receipts.leaf_data(
                record=entry.record.digest,
                case=entry.record.case,
                accepted_at=entry.filed.at,
                salt=bytes.fromhex(entry.salt),
                signature=entry.record.signature,
            )
            if leaf != stored.row.leaf:
                faults.append(f"leaf {stored.index} is not that of its record")
    return faults
