"""
Past records of this node (本节点往期记录): its journal as an archive that a draft of a standard is replayed on.
"""

from __future__ import annotations

from collections.abc import Iterator

from tradehall.desk.ports import Store
from tradehall_standards.archive import Archive, Piece

PAGE = 1000


def past_records(store: Store, city: str) -> Archive:
    """
    Return the public records of a journal in the order of the log (日志档案).

    Sealed rows are not opened: who may see bids before their opening does not depend on who drafts a standard. Pages
    are read one by one, so that no view stays open; what is appended meanwhile is left for the next replay.
    """
    with store.read() as reading:
        latest = reading.latest()
    size = latest.size if latest else 0
    return Archive(city, lambda: _pieces(store, city, size), size, sealed=True)


def _pieces(store: Store, city: str, size: int) -> Iterator[Piece]:
    after = -1
    while True:
        with store.read() as reading:
            page = reading.changes(after, PAGE)
        for stored in page:
            if stored.index >= size:
                return
            yield Piece(f"{city}#{stored.index}", stored.row.body, city, stored.index - after)
            after = stored.index
        if not page:
            return
