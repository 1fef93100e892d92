"""
The public list of cases (公开目录): one line a case, made from its public head only.
"""

from __future__ import annotations

import unicodedata

from tradehall.desk.ports import Listing
from tradehall.kernel.case import Case
from tradehall.kernel.payload import obj
from tradehall.kernel.procedure import Procedure

STAGES = {
    "registered": "tender",
    "tendering": "tender",
    "opening": "open",
    "opened": "evaluate",
    "reported": "evaluate",
    "publicity": "award",
    "awarded": "award",
    "contracted": "award",
    "failed": "failed",
    "cancelled": "cancelled",
}
"""State of a lot → stage of 招 投 开 评 定 to filter by; bids are handed in while it says ``tender``."""


def listing_of(case: Case, procedure: Procedure) -> Listing | None:
    """Return the line of a case; None for a secret one, for one that is no trade, and before its notice is public."""
    if procedure.secret or not procedure.listed or "announced_at" not in case.head:
        return None
    states = sorted(set(case.tracks.values()), key=list(procedure.states).index)
    return Listing(
        case=case.id,
        procedure=case.procedure,
        title=case.text("title"),
        code=case.text("project_code"),
        tenderer=str(obj(case.head.get("tenderer")).get("name", "")),
        regime=case.regime,
        region=case.region,
        sector=case.text("sector"),
        stage=STAGES[states[0]],
        states=" ".join(f"{lot}:{state}" for lot, state in sorted(case.tracks.items())),
        deadline=case.text("deadline"),
        published_at=case.text("announced_at"),
    )


def searched(listing: Listing) -> str:
    """Return what the search looks in (检索文本): its words as ``folded`` writes them."""
    return folded(f"{listing.title} {listing.code} {listing.tenderer}")


def folded(text: str) -> str:
    """
    Return a text as the search compares it (检索归一): case and width do not count, control characters separate.

    A listing is found when it holds every word of ``folded(query).split()``, anywhere and literally.
    """
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return plain if plain.isprintable() else "".join(" " if unicodedata.category(c) == "Cc" else c for c in plain)
