"""
The profile of a replay (重放口径), kept as data: regime, currency, who stands for whom, what the remarks mean.

Mainland law forbids a floor price; the table has one. So its tenders are played under a foreign regime, and every
evidence file names the profile and repeats its rules.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from typing import Any

from tradehall.rules.scoring import Rejection


class Meaning(StrEnum):
    """What a remark on a bid is (备注性质)."""

    NONE = "none"
    """There is no remark."""
    REJECTED = "rejected"
    """The committee's decision: the bid is disqualified or invalid."""
    FIGURES = "figures"
    """Repeats what ceiling and floor decide by themselves; it decides nothing."""
    OUTCOME = "outcome"
    """Tells how the award came about; MUST NOT influence the replay."""
    UNKNOWN = "unknown"
    """Nobody has reviewed this remark: the bid stands, and the line is reported."""


@dataclass(frozen=True, slots=True)
class Post:
    """A custodian of every tender (保管方): last part of its party id, role in the notice, name."""

    party: str
    role: str
    title: str


@dataclass(frozen=True, slots=True)
class Profile:
    """
    By which rules the table is played (重放口径).

    Attributes:
        custodians: who holds the shares of every bid's key; the first is the tenderer, one is the supervisor.
        remarks: reviewed remarks in :func:`folded` form → meaning and, for a rejection, ground code.
        rules: paragraphs for the tender document of every case.
    """

    id: str
    regime: str
    register: str
    currency: str
    category: str
    sector: str
    procurement_kind: str
    region: str
    bid_validity_days: int
    threshold: int
    custodians: tuple[Post, ...]
    firm_title: str
    rules: tuple[str, ...]
    remarks: Mapping[str, tuple[Meaning, str]]

    @property
    def tenderer(self) -> Post:
        """Return who buys (招标人)."""
        return next(post for post in self.custodians if post.role == "tenderer")

    @property
    def supervisor(self) -> Post:
        """Return who supervises (监督部门)."""
        return next(post for post in self.custodians if post.role == "supervisor")

    def firm(self, bidder: str) -> str:
        """Return the party id of a firm of the table (投标人主体标识)."""
        return f"foreign:{self.register}:{bidder}"

    def meaning(self, remark: str) -> Meaning:
        """Return what a remark is."""
        if not remark.strip():
            return Meaning.NONE
        return self.remarks.get(folded(remark), (Meaning.UNKNOWN, ""))[0]

    def decision(self, remark: str) -> Rejection | None:
        """Return the committee's rejection that a remark records, None for any other remark (评审决定)."""
        meaning, ground = self.remarks.get(folded(remark), (Meaning.UNKNOWN, ""))
        if meaning is not Meaning.REJECTED:
            return None
        return Rejection(ground, f"原招标机构备注 / the authority's remark: {remark.strip()}")


def folded(remark: str) -> str:
    """Return a remark without differences of case and blanks; its spelling stays."""
    return " ".join(remark.casefold().split())


def load_profile(name: str = "tsuchiura") -> Profile:
    """Load a profile of this package (读取口径)."""
    raw: dict[str, Any] = json.loads(files("tradehall.replay").joinpath(f"{name}.json").read_text("utf-8"))
    register = str(raw["register"])
    posts = (Post(f"foreign:{register}:{c['name']}", c["role"], c["title"]) for c in raw.pop("custodians"))
    return Profile(custodians=tuple(posts), remarks=_remarks(raw.pop("remarks")), rules=tuple(raw.pop("rules")), **raw)


def _remarks(rows: Sequence[Mapping[str, str]]) -> dict[str, tuple[Meaning, str]]:
    return {folded(row["text"]): (Meaning(row["meaning"]), row.get("ground", "")) for row in rows}
