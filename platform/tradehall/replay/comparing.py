"""
Comparing with what really happened (比对): the one place that reads who ``won``, once everything has been awarded.

Every tender is one of three: the award agrees, it was drawn among bids of which the table awarded one, or it differs
and the reason is named.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tradehall.kernel.refusal import Text
from tradehall.replay.journal import Entry
from tradehall.replay.table import WON, Row, Tender, cells, lines

AGREED: Final = "agreed"
DRAWN: Final = "drawn"
DIFFERING: Final = "differing"

_WORDS: Final[Mapping[str, Text]] = {
    "won_unreadable": Text("won 列无法读取", "the column won can't be read"),
    "several_winners": Text("数据表载明数个中标", "the table names several winners"),
    "no_winner_in_table": Text("数据表未载明中标人", "the table names no winner"),
    "winner_rejected": Text("数据表的中标投标依规则被否决", "the table's winner is rejected by the rules"),
    "winner_did_not_bid": Text("数据表的中标行没有报价", "the table's winner has no price"),
    "lowest_put_aside": Text(
        "数据表的中标价高于未被否决的最低价", "the table's winner is above the lowest bid that nothing rejects"
    ),
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """How one tender compares (比对结论). ``reason`` is empty unless it differs; ``winners`` are the table's."""

    tender: str
    kind: str
    awarded: Row | None
    winners: tuple[Row, ...]
    reason: str = ""
    detail: str = ""

    @property
    def same(self) -> bool:
        """Whether award and table name the same bid."""
        return self.winners == ((self.awarded,) if self.awarded else ())

    def to_json(self) -> dict[str, Any]:
        """Return the verdict as JSON."""
        shown: dict[str, Any] = {"tender_id": self.tender, "awarded": _shown(self.awarded)}
        shown["in_table"] = [_shown(row) for row in self.winners]
        if self.kind == DRAWN:
            return shown | {"same_bidder": self.same}
        text = _WORDS[self.reason]
        return shown | {"reason": self.reason, "zh": text.zh, "en": text.en, "detail": self.detail}


def _shown(row: Row | None) -> dict[str, Any] | None:
    return None if row is None else {"line": row.line, "bidder_id": row.bidder, "bid": row.price, "remark": row.remark}


def compare(data: bytes, tenders: Sequence[Tender], entries: Mapping[str, Entry]) -> list[Verdict]:
    """
    Hold the awards against the column ``won`` (与实际中标比对). Call it last.

    Args:
        data: the bytes of the table.
        tenders: those that were played, as read from it.
        entries: what came of each of them.
    """
    won = _won(data)
    return [_verdict(tender, entries[tender.id], won) for tender in tenders]


def _won(data: bytes) -> dict[int, str]:
    """Return the column ``won`` by line, for the lines that can be split at all."""
    found: dict[int, str] = {}
    for number, raw in lines(data):
        try:
            row = cells(raw.decode("utf-8"))
        except ValueError:
            continue
        if len(row) > WON:
            found[number] = row[WON]
    return found


def _verdict(tender: Tender, entry: Entry, won: Mapping[int, str]) -> Verdict:
    awarded = next((row for row in tender.rows if row.line == entry.line), None)
    winners = tuple(row for row in tender.rows if won[row.line] == "1")
    unreadable = [str(row.line) for row in tender.rows if won[row.line] not in ("0", "1")]
    if unreadable:
        return Verdict(tender.id, DIFFERING, awarded, winners, "won_unreadable", ", ".join(unreadable))
    found = _agreement(entry, awarded, winners)
    flaw = _flaw(entry, winners) if found is None else ("", "")
    return Verdict(tender.id, found or DIFFERING, awarded, winners, *flaw)


def _agreement(entry: Entry, awarded: Row | None, winners: Sequence[Row]) -> str | None:
    """Return how an award agrees with the table, None when it does not."""
    if len(winners) == 1 and winners[0].line in entry.tied:
        return DRAWN
    return AGREED if tuple(winners) == ((awarded,) if awarded else ()) else None


def _flaw(entry: Entry, winners: Sequence[Row]) -> tuple[str, str]:
    """Return why award and table differ, with what there is to say about it."""
    if len(winners) > 1:
        return "several_winners", ", ".join(str(row.line) for row in winners)
    if not winners:
        return "no_winner_in_table", _outcome(entry)
    winner = winners[0]
    if winner.price is None:
        return "winner_did_not_bid", winner.remark
    if winner.line in entry.rejected:
        return "winner_rejected", ": ".join(entry.rejected[winner.line])
    return "lowest_put_aside", f"{winner.price} > {entry.bid}"


def _outcome(entry: Entry) -> str:
    if entry.how != "tie_draw":
        return ""
    return f"最低价 {entry.bid} 有 {len(entry.tied)} 家 / {len(entry.tied)} bids tie at the lowest price {entry.bid}"
