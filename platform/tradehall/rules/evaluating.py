"""
Recomputing an evaluation (复算): the report's figures as a pure function of what the records hold.

The desk uses it to prepare a report for the chair; the door uses it to refuse a report that differs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from tradehall.kernel.case import Case, Facts
from tradehall.kernel.money import Currency, parse_amount
from tradehall.kernel.payload import Obj, obj, texts
from tradehall.kernel.refusal import Refusal, refuse
from tradehall.rules import drawing, scoring

if TYPE_CHECKING:
    from tradehall_standards import Json

INVALID_GUARANTEE = "RJ-G1"
SEVERAL_BIDS = "RJ-4"

ONE_BID_EACH = frozenset({"tender_law", "gov_procurement"})
"""Regimes that reject several bids of one bidder. Source: 招标投标法实施条例 51."""


def tie_seed(case: Case, lot: str, submissions: Sequence[str], nonces: Mapping[str, str], *, beacon: Obj) -> str:
    """Return the seed of a tie draw (同分抽签种子): bound to case, lot and the tied bids."""
    return drawing.seed(
        purpose=f"tie:{case.id}:{lot}",
        pool_root=drawing.commit(",".join(sorted(submissions))),
        pool_size=len(submissions),
        nonces=nonces,
        beacon={k: str(v) for k, v in beacon.items()} or None,
    )


def opened_bids(facts: Facts, lot: str, decided: Mapping[str, Obj], *, one_bid_each: bool = True) -> list[scoring.Bid]:
    """
    Return the opened bids of a lot as the scoring rules take them.

    Args:
        decided: submission → ``{ground, explanation}`` where an authority without a committee rejected a bid.
        one_bid_each: whether several bids of one bidder are all out.
    """
    opened = {s: obj(v) for s, v in facts.all("disclosed") if obj(v)["lot"] == lot and obj(v)["outcome"] == "opened"}
    handed_in = Counter(str(obj(bid["bidder"])["id"]) for bid in opened.values())
    alone = {who for who, count in handed_in.items() if count == 1 or not one_bid_each}
    return [
        _bid(submission, bid, decided.get(submission), alone=str(obj(bid["bidder"])["id"]) in alone)
        for submission, bid in opened.items()
    ]


def _bid(submission: str, bid: Obj, decided: Obj | None, *, alone: bool) -> scoring.Bid:
    who, attributes = obj(bid["bidder"]), obj(bid.get("attributes"))
    rejected = None
    if not alone:
        # Bids are handed in under one-time keys: that two are of one bidder shows only now.
        rejected = scoring.Rejection(SEVERAL_BIDS, "同一投标人提交两份以上投标 / several bids of one bidder")
    elif obj(bid.get("guarantee")).get("result") == "invalid":
        rejected = scoring.Rejection(INVALID_GUARANTEE, ", ".join(texts(obj(bid["guarantee"]).get("reasons"))))
    if decided is not None:
        rejected = scoring.Rejection(str(decided["ground"]), str(decided["explanation"]))
    return scoring.Bid(
        submission=submission,
        bidder=scoring.Bidder(str(who["id"]), str(who["name"])),
        price=parse_amount(str(obj(bid["price"])["amount"])),
        small_or_micro=bool(attributes.get("small_or_micro")),
        domestic_product=bool(attributes.get("domestic_product")),
        rejected=rejected,
    )


def evaluate(
    case: Case, facts: Facts, lot: str, *, sheets: Sequence[Obj], decided: Mapping[str, Obj]
) -> scoring.Evaluation | Refusal:
    """
    Evaluate a lot from the records (评审): opened bids, sheets, drawn factors, recorded tie draw.

    Returns:
        The evaluation; a refusal where the tender document has not fixed a method yet, or method or sheet is unsound.
    """
    if not case.table("evaluation"):
        return refuse("REPORT-WRONG", why="招标文件尚未规定评标办法 / no evaluation method is fixed yet")
    tie = obj(facts.get("tie", lot))
    ceiling, floor = case.table("ceilings").get(lot), case.table("floors").get(lot)
    try:
        return scoring.evaluate(
            case.table("evaluation"),
            opened_bids(facts, lot, decided, one_bid_each=case.regime in ONE_BID_EACH),
            [scoring.read_sheet(str(s["expert"]), s) for s in sheets],
            ceiling=None if ceiling is None else Decimal(str(ceiling)),
            floor=None if floor is None else Decimal(str(floor)),
            factors={k: str(v) for k, v in obj(case.table("factors").get(lot)).items()},
            tie_order={str(tie["seed"]): texts(tie["order"])} if tie else {},
            grounds=scoring.GOV_PROCUREMENT if case.regime == "gov_procurement" else scoring.TENDER_LAW,
        )
    except (scoring.MethodUnsound, scoring.SheetUnsound) as flaw:
        return refuse("REPORT-WRONG", why=str(flaw))


def recompute(
    case: Case, facts: Facts, lot: str, *, sheets: Sequence[Obj], decided: Mapping[str, Obj]
) -> dict[str, Json] | Refusal:
    """
    Return the members of an evaluation report that follow from the records (应有结果).

    Returns:
        ``price``, ``bids``, ``tie_draws``, ``candidates``; or a refusal while a tie waits for its draw.
    """
    result = evaluate(case, facts, lot, sheets=sheets, decided=decided)
    if isinstance(result, Refusal):
        return result
    if result.unresolved:
        return refuse("REPORT-WRONG", why=f"同分须先抽签 / a tie needs a draw: {', '.join(result.unresolved[0])}")
    return scoring.report_fields(result, currency=Currency(case.text("currency")))
