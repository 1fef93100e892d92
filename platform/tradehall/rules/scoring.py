"""
Scoring and ranking (评分与排序): from opened bids and score sheets to the candidates, to the same bytes.

:func:`evaluate` is the whole of it; the formulas stand below it, one function each, so that a document
drafter can try them alone. Rounding is half up and happens at exactly these points: adjusted price, mean,
base (2 decimals); deviation ratio (4); price score (as the method says); expert total (2). Between two
points arithmetic is exact.

Source: 招标投标法实施条例 49, 51, 53; 87号令 55, 57; 财库〔2022〕19号; 财库〔2026〕2号; 重庆市招标投标条例 32, 44.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import groupby
from typing import Any, Final

from tradehall.kernel.money import AMOUNT_PLACES, CNY, Currency, exactly, round_half_up, to_wire
from tradehall.kernel.refusal import Text

RATIO_PLACES: Final = 4
CANDIDATES_MAX: Final = 3
TRIM_LEAST: Final = 3
UTILITY_TRIMS_FROM: Final = 4
_PER_CENT: Final = 100
_ZERO: Final = Decimal(0)
_ONE: Final = Decimal(1)
_DECIMAL: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,10})?", re.ASCII)

Step = tuple[str, str]


class MethodUnsound(ValueError):  # noqa: N818  - says what happened
    """The evaluation method (评标办法) can't be computed as written; ``flaws`` says why."""

    def __init__(self, *flaws: Text) -> None:
        super().__init__("; ".join(flaw.en for flaw in flaws))
        self.flaws = flaws


class SheetUnsound(ValueError):  # noqa: N818  - says what happened
    """A score sheet (评分表) does not fit the method or the bids; ``flaws`` says why."""

    def __init__(self, *flaws: Text) -> None:
        super().__init__("; ".join(flaw.en for flaw in flaws))
        self.flaws = flaws


# --- what goes in -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Rejection:
    """A rejected bid (否决投标): a ground code of ``reject_reasons`` and why it holds."""

    ground: str
    explanation: str


@dataclass(frozen=True, slots=True)
class Bidder:
    """Who bids (投标人), as in the record shape Organisation."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Bid:
    """
    One opened bid (投标).

    Attributes:
        price: bid price with at most two decimals; all bids, ceiling and floor are in one currency.
        small_or_micro: the SME deduction (小微企业扣除) applies.
        domestic_product: counts as 本国产品.
        rejected: rejected before evaluation, for example for its guarantee.
        deviation: sum of quantified deviations (量化偏差) in money, only for ``lowest_evaluated_price``.
    """

    submission: str
    bidder: Bidder
    price: Decimal
    small_or_micro: bool = False
    domestic_product: bool = False
    rejected: Rejection | None = None
    deviation: Decimal = _ZERO


@dataclass(frozen=True, slots=True)
class Marks:
    """
    What one expert says about one bid (评分).

    Attributes:
        points: criterion → points, complete; may be empty only together with ``reject``.
        reject: the expert holds that the bid must be rejected.
    """

    submission: str
    points: Mapping[str, Decimal]
    reject: Rejection | None = None


@dataclass(frozen=True, slots=True)
class Sheet:
    """The score sheet (评分表) of one expert for one lot."""

    expert: str
    lot: str
    scores: tuple[Marks, ...]


@dataclass(frozen=True, slots=True)
class Grounds:
    """Ground codes (否决事由) for what the figures alone decide; they differ by regime."""

    ceiling: str
    floor: str
    no_price: str


TENDER_LAW: Final = Grounds(ceiling="RJ-5", floor="RJ-6", no_price="RJ-6")
GOV_PROCUREMENT: Final = Grounds(ceiling="RJ-G4", floor="RJ-G6", no_price="RJ-G6")


@dataclass(frozen=True, slots=True)
class Band:
    """Points running from ``first`` to ``last`` while price / base runs from ``low`` to ``high`` (区间)."""

    low: Decimal
    high: Decimal
    first: Decimal
    last: Decimal


@dataclass(frozen=True, slots=True)
class Criterion:
    """One criterion (评审因素) of the method."""

    id: str
    kind: str
    least: Decimal
    most: Decimal


@dataclass(frozen=True, slots=True)
class LowPriceRates:
    """Ratios of the abnormally-low triggers (异常低价); None switches a trigger off."""

    mean: Decimal | None = None
    second: Decimal | None = None
    ceiling: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Method:
    """The evaluation method (评标办法) of the tender document, read."""

    name: str
    formula: str
    weight: Decimal
    parameters: Mapping[str, str]
    bands: tuple[Band, ...]
    places: int
    criteria: tuple[Criterion, ...]
    aggregation: str
    small_micro_rate: Decimal
    domestic_factor: Decimal
    tie_break: tuple[str, ...]
    reject_above_ceiling: bool
    reject_below_floor: bool
    low_price: LowPriceRates

    def number(self, name: str) -> Decimal:
        """Return a parameter as a number."""
        return _decimal(self.parameters[name])

    def optional(self, name: str) -> Decimal | None:
        """Return a parameter as a number, None when the document does not set it."""
        return self.number(name) if name in self.parameters else None

    @property
    def base_kind(self) -> str:
        """Say how the base price is made: ``lowest``, ``mean``, ``composite``, ``ceiling`` or ``none``."""
        return self.parameters.get("base", "mean") if self.formula == "interval" else _BASES[self.formula]


_BASES: Final = {
    "none": "none",
    "low_price_priority": "lowest",
    "mean_base": "mean",
    "utility": "mean",
    "composite": "composite",
}
_FORMULAS: Final = (*_BASES, "interval")
_NAMES: Final = ("lowest_price", "lowest_evaluated_price", "comprehensive_score")
_AGGREGATIONS: Final = ("mean", "trimmed_mean", "replace_abnormal")
_TIE_BREAKS: Final = ("price", "expert", "draw")
_BASE_SETS: Final = ("valid", "opened")
_NO_NAMES: Final[frozenset[str]] = frozenset()
_SLOPES: Final = frozenset({"e_hi", "e_lo"})
_ANY_PARAMETERS: Final = frozenset({"base_set", "abnormal_ratio"})
_NEEDED: Final[Mapping[str, frozenset[str]]] = {
    "none": _NO_NAMES,
    "lowest": _NO_NAMES,
    "ceiling": _NO_NAMES,
    "mean": _NO_NAMES,
    "composite": frozenset({"a", "k1", "k2"}),
}
_ALLOWED: Final[Mapping[str, frozenset[str]]] = {
    "mean": frozenset({"k", "trim_from"}),
    "composite": frozenset({"trim_from"}),
}


# --- what comes out ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BidResult:
    """
    One bid after evaluation (评审结果); amounts and scores are decimal strings with two places.

    Attributes:
        adjusted: price used for comparison; None when the method adjusts nothing or the bid is rejected.
        expert_scores: (expert, total) as given, sorted by expert; experts who gave no points are missing.
        expert_total: aggregated expert score.
        rank: 1 is best; bids tied beyond the method's own rules share a rank; None when rejected.
    """

    submission: str
    bidder: Bidder
    price: str
    adjusted: str | None = None
    price_score: str | None = None
    expert_scores: tuple[tuple[str, str], ...] = ()
    expert_total: str | None = None
    total: str | None = None
    rank: int | None = None
    rejected: Rejection | None = None


@dataclass(frozen=True, slots=True)
class TieDraw:
    """A tie resolved by a recorded draw (抽签): the group, the seed, the order drawn."""

    submissions: tuple[str, ...]
    seed: str
    order: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LowPrice:
    """A bid whose price calls for an explanation (异常低价审查). It opens a review, it rejects nothing."""

    submission: str
    triggers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """
    The whole result (评标结果).

    Attributes:
        base: base price (评标基准价), None without one.
        steps: inputs and intermediate values in order of computation.
        bids: ranked bids by rank, then rejected bids; equals by submission id.
        unresolved: groups, sorted, which tie for a candidate's rank and need a draw first.
        tie_draws: draws that were used.
        candidates: up to three ranked bids; empty while anything is unresolved.
        abnormally_low: bids to be asked for an explanation.
        notes: remarks for the committee, such as objective criteria scored differently.
    """

    base: str | None
    steps: tuple[Step, ...]
    bids: tuple[BidResult, ...]
    unresolved: tuple[tuple[str, ...], ...]
    tie_draws: tuple[TieDraw, ...]
    candidates: tuple[BidResult, ...]
    abnormally_low: tuple[LowPrice, ...]
    notes: tuple[Text, ...]


# --- the whole --------------------------------------------------------------------------------------------------


@exactly
def evaluate(
    method: Mapping[str, Any],
    bids: Sequence[Bid],
    sheets: Sequence[Sheet],
    *,
    ceiling: Decimal | None,
    floor: Decimal | None,
    factors: Mapping[str, str],
    tie_order: Mapping[str, Sequence[str]],
    abnormal: Mapping[str, Collection[str]] | None = None,
    grounds: Grounds = TENDER_LAW,
) -> Evaluation:
    """
    Evaluate one lot (评标) by the method of its document; the order of the inputs has no influence.

    (1) The figures reject: no price, above the ceiling, below the floor, when the method says so.
    (2) The committee rejects: more than half of the sheets; the ground named most often stands.
    (3) Prices are adjusted, the base is made, price scores follow. (4) Expert totals are aggregated.
    (5) Bids are ranked; ties follow the method's list, then a recorded draw, else they stay unresolved.
    (6) Bids with abnormally low prices are named for review.

    Args:
        method: the Method object of the tender document, valid against its schema.
        bids: every opened bid of the lot.
        sheets: every committee member's sheet; may be empty when the method has no criteria.
        ceiling: highest lawful price (最高投标限价), or the budget; None when there is none.
        floor: lowest price, where a regime knows one.
        factors: parameters drawn in public after the deadline (k, a, k1, k2); they stand over the document's.
        tie_order: seed of a recorded draw → submissions in the order drawn.
        abnormal: submission → experts whose score the majority declared abnormal (replace_abnormal only).
        grounds: codes for rejections by figures.

    Raises:
        MethodUnsound: the method can't be computed, see :func:`method_flaws`.
        SheetUnsound: a sheet does not fit, see :func:`sheet_flaws`.
        ValueError: a submission or an expert stands twice, or two draws contradict each other.
    """
    rule = _sound_method(method, factors)
    ordered = _distinct_bids(bids)
    panel = _distinct_sheets(sheets)
    opened = [_reject_by_figures(bid, rule, ceiling, floor, grounds) for bid in ordered]
    _require_sound_sheets(rule, panel, opened)
    judged = [_reject_by_committee(bid, panel) for bid in opened]
    valid = [bid for bid in judged if bid.rejected is None]
    steps = _first_steps(rule, factors, ceiling, len(valid))
    compared = _compared_prices(rule, _in_base(rule, opened, valid))
    base = _base(rule, list(compared.values()), ceiling, steps)
    results = [_result(rule, bid, panel, compared, base, abnormal or {}, steps) for bid in valid]
    groups = _ranked_groups(rule, results, {bid.submission: bid for bid in valid}, compared)
    ranked, unresolved, draws = _resolve(groups, tie_order)
    refused = [BidResult(b.submission, b.bidder, to_wire(b.price), rejected=b.rejected) for b in judged if b.rejected]
    return Evaluation(
        base=None if base is None else to_wire(base),
        steps=tuple(steps),
        bids=(*ranked, *refused),
        unresolved=unresolved,
        tie_draws=draws,
        candidates=() if unresolved else tuple(ranked[:CANDIDATES_MAX]),
        abnormally_low=_abnormally_low(rule, valid, ceiling),
        notes=_notes(rule, valid, panel),
    )


def report_fields(evaluation: Evaluation, *, currency: Currency = CNY) -> dict[str, Any]:
    """
    Return ``price``, ``bids``, ``tie_draws`` and ``candidates`` as the evaluation_report payload has them.

    Members without a value are left out. Lot, session, chair, members, method and recommendation are the
    caller's.
    """
    price: dict[str, Any] = {"steps": [{"k": k, "v": v} for k, v in evaluation.steps]}
    if evaluation.base is not None:
        price["base"] = evaluation.base
    return {
        "price": price,
        "bids": [_report_bid(bid, currency) for bid in evaluation.bids],
        "tie_draws": [
            {"submissions": list(d.submissions), "seed": d.seed, "order": list(d.order)} for d in evaluation.tie_draws
        ],
        "candidates": [_report_candidate(bid, currency) for bid in evaluation.candidates],
    }


def _report_bid(bid: BidResult, currency: Currency) -> dict[str, Any]:
    rejected = bid.rejected
    row: dict[str, Any] = {
        "submission": bid.submission,
        "bidder": {"id": bid.bidder.id, "name": bid.bidder.name},
        "price": {"amount": bid.price, "currency": currency},
        "adjusted": None if bid.adjusted is None else {"amount": bid.adjusted, "currency": currency},
        "price_score": bid.price_score,
        "expert_scores": [{"expert": e, "total": t} for e, t in bid.expert_scores] or None,
        "total": bid.total,
        "rank": bid.rank,
        "rejected": rejected and {"ground": rejected.ground, "explanation": rejected.explanation},
    }
    return {name: value for name, value in row.items() if value is not None}


def _report_candidate(bid: BidResult, currency: Currency) -> dict[str, Any]:
    row = _report_bid(bid, currency)
    return {name: row[name] for name in ("rank", "bidder", "submission", "price", "total") if name in row}


# --- reading and judging the method -----------------------------------------------------------------------------


def read_method(document: Mapping[str, Any]) -> Method:
    """
    Read the Method object of a tender document that is valid against its schema.

    Raises:
        MethodUnsound: a number is not a plain decimal.
    """
    price, adjustments = document["price"], document.get("adjustments", {})
    low = document.get("abnormally_low", {})
    return Method(
        name=document["name"],
        formula=price["formula"],
        weight=_decimal(price["weight_points"]),
        parameters=dict(price.get("parameters", {})),
        bands=tuple(Band(*map(_decimal, band)) for band in price.get("bands", ())),
        places=price["rounding"]["places"],
        criteria=tuple(
            Criterion(c["id"], c["kind"], _decimal(c["min"]), _decimal(c["max"])) for c in document["criteria"]
        ),
        aggregation=document["aggregation"],
        small_micro_rate=_decimal(adjustments.get("small_micro_rate", "0")),
        domestic_factor=_decimal(adjustments.get("domestic_factor", "1")),
        tie_break=tuple(document["tie_break"]),
        reject_above_ceiling=document["reject_above_ceiling"],
        reject_below_floor=document["reject_below_floor"],
        low_price=LowPriceRates(*(_rate(low, name) for name in ("mean_ratio", "second_ratio", "ceiling_ratio"))),
    )


@exactly
def method_flaws(
    document: Mapping[str, Any],
    *,
    drawn: Mapping[str, str] | Collection[str] = (),
    price_weight_min: Decimal | None = None,
    trimming_allowed: bool = True,
) -> tuple[Text, ...]:
    """
    Say what is wrong with a method (评标办法审查); empty when nothing is.

    Args:
        document: the Method object, valid against its schema.
        drawn: names of parameters that are drawn in public and so need not stand in the document.
        price_weight_min: least lawful price points (87号令 55), None where the law sets none.
        trimming_allowed: False where the highest and lowest price may not be dropped (87号令 55).
    """
    try:
        method = read_method(document)
    except MethodUnsound as unsound:
        return unsound.flaws
    flaws = [*_word_flaws(method, document["price"]["rounding"]["mode"])]
    if not flaws:
        flaws += [*_parameter_flaws(method, drawn), *_figure_flaws(method)]
    if price_weight_min is not None and method.weight < price_weight_min:
        flaws.append(_text("价格分 {0} 低于 {1}", "price points {0} are below {1}", method.weight, price_weight_min))
    trims = "trim_from" in method.parameters or method.formula == "utility"
    if trims and not trimming_allowed:
        flaws.append(Text("不得去除最高、最低报价", "the highest and lowest price may not be dropped"))
    return tuple(flaws)


def _word_flaws(method: Method, rounding_mode: str) -> Iterable[Text]:
    """Find words this module does not know, before anything is computed from them."""
    known: Sequence[tuple[str, Collection[str]]] = (
        (method.name, _NAMES),
        (method.formula, _FORMULAS),
        (method.aggregation, _AGGREGATIONS),
        (rounding_mode, ("half_up",)),
        (method.parameters.get("base_set", "valid"), _BASE_SETS),
        (method.parameters.get("base", "mean"), _NEEDED.keys() - {"none"}),
        *((word, _TIE_BREAKS) for word in method.tie_break),
    )
    for word, words in known:
        if word not in words:
            yield _text("不支持“{0}”", "'{0}' is not known here", word)


def _parameter_flaws(method: Method, drawn: Collection[str]) -> Iterable[Text]:
    kind = method.base_kind
    needed = _NEEDED[kind] | (_SLOPES if method.formula in ("mean_base", "composite", "utility") else _NO_NAMES)
    allowed = needed | _ANY_PARAMETERS | _ALLOWED.get(kind, _NO_NAMES)
    allowed |= {"base"} if method.formula == "interval" else _NO_NAMES
    given = method.parameters.keys()
    for name in sorted(needed - given - set(drawn)):
        yield _text("缺少参数 {0}", "parameter {0} is missing", name)
    for name in sorted((given | set(drawn)) - allowed):
        yield _text("参数 {0} 不适用于该公式", "parameter {0} does not belong to this formula", name)
    for name in sorted(given - {"base", "base_set"}):
        if _DECIMAL.fullmatch(method.parameters[name]) is None or method.number(name) < 0:
            yield _text("参数 {0} 不是非负数", "parameter {0} is not a number of nought or more", name)


def _figure_flaws(method: Method) -> Iterable[Text]:
    if not 0 <= method.places <= AMOUNT_PLACES:
        yield Text("价格分最多保留两位小数", "price scores have at most two decimals")
    scores_price = method.name == "comprehensive_score" and method.weight > 0
    if (method.formula != "none") != scores_price:
        yield _text("价格分 {0} 与办法或公式不符", "price points {0} do not fit method and formula", method.weight)
    if not 0 <= method.small_micro_rate < 1 or not 0 < method.domestic_factor <= 1:
        yield Text("价格扣除比例应在 0 与 1 之间", "price adjustments must lie between 0 and 1")
    if (method.formula == "interval") != bool(method.bands) or not all(
        band.low < band.high and min(band.first, band.last) >= 0 and max(band.first, band.last) <= method.weight
        for band in method.bands
    ):
        yield Text("区间与公式不符或超出价格分", "bands do not fit the formula or exceed the price points")
    ids = [criterion.id for criterion in method.criteria]
    if len(set(ids)) != len(ids) or not all(0 <= c.least <= c.most for c in method.criteria):
        yield Text("评审因素重复或分值范围有误", "a criterion stands twice or has a wrong range")
    trim_from = method.parameters.get("trim_from", str(TRIM_LEAST))
    if trim_from not in {str(n) for n in range(TRIM_LEAST, _PER_CENT)}:
        yield _text("至少 {0} 家才能去除最高、最低价", "prices can be dropped only from {0} bids on", TRIM_LEAST)


def _sound_method(document: Mapping[str, Any], factors: Mapping[str, str]) -> Method:
    """Read the method with the drawn factors in it, or raise."""
    price = {**document["price"], "parameters": {**document["price"].get("parameters", {}), **factors}}
    complete = {**document, "price": price}
    flaws = method_flaws(complete)
    if flaws:
        raise MethodUnsound(*flaws)
    return read_method(complete)


# --- judging the sheets -----------------------------------------------------------------------------------------


def read_sheet(expert: str, payload: Mapping[str, Any]) -> Sheet:
    """
    Read the payload of a score_sheet record.

    Raises:
        SheetUnsound: a criterion stands twice for one bid, or points are no plain decimal.
    """
    return Sheet(expert, payload["lot"], tuple(_read_marks(row) for row in payload["scores"]))


def _read_marks(row: Mapping[str, Any]) -> Marks:
    points: dict[str, Decimal] = {}
    for item in row["items"]:
        if item["criterion"] in points:
            raise SheetUnsound(_text("{0} 重复评分", "{0} is scored twice", item["criterion"]))
        if _DECIMAL.fullmatch(item["points"]) is None:
            raise SheetUnsound(_text("{0} 的分值不是数字", "the points of {0} are no number", item["criterion"]))
        points[item["criterion"]] = Decimal(item["points"])
    reject = row.get("reject")
    return Marks(row["submission"], points, reject and Rejection(reject["ground"], reject["explanation"]))


def sheet_flaws(
    method: Mapping[str, Any], sheet: Sheet, *, required: Collection[str], allowed: Collection[str]
) -> tuple[Text, ...]:
    """
    Say what is wrong with a sheet (评分表审查): every required bid once, every criterion, points in range.

    Args:
        method: the Method object of the tender document.
        sheet: the sheet read.
        required: submissions which must be scored.
        allowed: submissions which may stand in the sheet (those rejected by figures need no score).
    """
    return tuple(_sheet_flaws(read_method(method), sheet, set(required), set(allowed)))


def _sheet_flaws(method: Method, sheet: Sheet, required: set[str], allowed: set[str]) -> Iterable[Text]:
    seen = Counter(marks.submission for marks in sheet.scores)
    for submission in sorted(required - seen.keys()):
        yield _text("{0} 未评 {1}", "{0} did not score {1}", sheet.expert, submission)
    for submission in sorted(seen):
        if submission not in allowed or seen[submission] > 1:
            yield _text("{0} 评分表中 {1} 有误", "{0}: {1} does not belong or stands twice", sheet.expert, submission)
    criteria = {criterion.id: criterion for criterion in method.criteria}
    for marks in sheet.scores:
        if marks.reject is not None and not marks.points:
            continue
        for name in sorted(criteria.keys() ^ marks.points.keys()):
            yield _text(
                "{0} 对 {1} 的 {2} 缺失或多余",
                "{0}, {1}: {2} is missing or unknown",
                sheet.expert,
                marks.submission,
                name,
            )
        for name in sorted(criteria.keys() & marks.points.keys()):
            if not _in_range(criteria[name], marks.points[name]):
                yield _text(
                    "{0} 对 {1} 的 {2} 超出范围", "{0}, {1}: {2} is out of range", sheet.expert, marks.submission, name
                )


def _in_range(criterion: Criterion, points: Decimal) -> bool:
    return criterion.least <= points <= criterion.most and round_half_up(points) == points


def _require_sound_sheets(method: Method, panel: Sequence[Sheet], bids: Sequence[Bid]) -> None:
    required = {bid.submission for bid in bids if bid.rejected is None}
    allowed = {bid.submission for bid in bids}
    flaws = [flaw for sheet in panel for flaw in _sheet_flaws(method, sheet, required, allowed)]
    if len({sheet.lot for sheet in panel}) > 1:
        flaws.append(Text("评分表分属不同标段", "the sheets are of different lots"))
    if required and method.criteria and not panel:
        flaws.append(Text("没有评分表", "there is no score sheet"))
    if flaws:
        raise SheetUnsound(*flaws)


def _distinct_bids(bids: Sequence[Bid]) -> list[Bid]:
    if len({bid.submission for bid in bids}) != len(bids):
        raise ValueError("a submission stands twice")
    return sorted(bids, key=lambda bid: bid.submission)


def _distinct_sheets(sheets: Sequence[Sheet]) -> list[Sheet]:
    if len({sheet.expert for sheet in sheets}) != len(sheets):
        raise ValueError("an expert has two sheets")
    return sorted(sheets, key=lambda sheet: sheet.expert)


# --- rejections -------------------------------------------------------------------------------------------------


def _reject_by_figures(
    bid: Bid, method: Method, ceiling: Decimal | None, floor: Decimal | None, grounds: Grounds
) -> Bid:
    price = to_wire(bid.price)
    if bid.rejected is not None:
        return bid
    if not bid.price:
        return replace(bid, rejected=Rejection(grounds.no_price, "投标报价为零 / the price is nought"))
    if method.reject_above_ceiling and ceiling is not None and bid.price > ceiling:
        why = f"投标报价 {price} 高于最高投标限价 {to_wire(ceiling)} / the price is above the ceiling"
        return replace(bid, rejected=Rejection(grounds.ceiling, why))
    if method.reject_below_floor and floor is not None and bid.price < floor:
        why = f"投标报价 {price} 低于最低限价 {to_wire(floor)} / the price is below the floor"
        return replace(bid, rejected=Rejection(grounds.floor, why))
    return bid


def _reject_by_committee(bid: Bid, panel: Sequence[Sheet]) -> Bid:
    votes = [vote for sheet in panel for vote in _marks(sheet, bid.submission) if vote.reject is not None]
    if bid.rejected is not None or len(votes) * 2 <= len(panel):
        return bid
    rejections = [vote.reject for vote in votes if vote.reject is not None]
    named = Counter(rejection.ground for rejection in rejections)
    ground = min(named, key=lambda code: (-named[code], code))
    first = next(rejection for rejection in rejections if rejection.ground == ground)
    why = f"{len(panel)} 名评委中 {len(votes)} 名否决 / rejected by {len(votes)} of {len(panel)}: {first.explanation}"
    return replace(bid, rejected=Rejection(ground, why))


def _marks(sheet: Sheet, submission: str) -> tuple[Marks, ...]:
    return tuple(marks for marks in sheet.scores if marks.submission == submission)


# --- price ------------------------------------------------------------------------------------------------------


def _first_steps(method: Method, factors: Mapping[str, str], ceiling: Decimal | None, conforming: int) -> list[Step]:
    steps = [
        ("method", method.name),
        ("formula", method.formula),
        ("weight_points", f"{method.weight:f}"),
        ("rounding", f"half_up {method.places}"),
        ("aggregation", method.aggregation),
    ]
    if ceiling is not None:
        steps.append(("ceiling", to_wire(ceiling)))
    origin = {name: "factor" if name in factors else "parameter" for name in sorted(method.parameters)}
    steps += [(f"{origin[name]}.{name}", method.parameters[name]) for name in origin]
    return [*steps, ("conforming_bids", str(conforming))]


def _in_base(method: Method, opened: Sequence[Bid], valid: Sequence[Bid]) -> Sequence[Bid]:
    """Choose whose prices make the base: all not rejected at opening (重庆 44), or only the valid ones."""
    if method.parameters.get("base_set") == "opened" and valid:
        return [bid for bid in opened if bid.rejected is None]
    return valid


def _compared_prices(method: Method, bids: Sequence[Bid]) -> dict[str, Decimal]:
    """Return submission → price used for comparison; without adjustments in the method that is the bid price."""
    # The preference is for competition between products of both kinds (国办发〔2025〕34号).
    mixed = len({bid.domestic_product for bid in bids}) > 1
    return {
        bid.submission: adjusted_price(
            bid.price,
            small_micro_rate=method.small_micro_rate if bid.small_or_micro else _ZERO,
            domestic_factor=method.domestic_factor if mixed and bid.domestic_product else _ONE,
        )
        + (bid.deviation if method.name == "lowest_evaluated_price" else _ZERO)
        for bid in bids
    }


def _base(method: Method, prices: Sequence[Decimal], ceiling: Decimal | None, steps: list[Step]) -> Decimal | None:
    if method.name != "comprehensive_score" or method.base_kind == "none" or not prices:
        return None
    base = _bases(method, prices, ceiling, steps)
    if base <= 0:
        raise MethodUnsound(Text("评标基准价不为正", "the base price is not above nought"))
    steps.append(("base", to_wire(base)))
    return base


def _bases(method: Method, prices: Sequence[Decimal], ceiling: Decimal | None, steps: list[Step]) -> Decimal:
    kind = method.base_kind
    if kind == "lowest":
        return min(prices)
    if kind == "ceiling":
        return _present(ceiling)
    trim_from = UTILITY_TRIMS_FROM if method.formula == "utility" else _whole(method.optional("trim_from"))
    kept = trimmed(prices, trim_from)
    steps += [("prices_in_mean", str(len(kept))), ("mean", to_wire(mean(kept)))]
    if kind == "composite":
        a, k1, k2 = (method.number(name) for name in ("a", "k1", "k2"))
        return composite_base(prices, ceiling=_present(ceiling), a=a, k1=k1, k2=k2, trim_from=trim_from)
    return mean_base(prices, k=method.optional("k") or _ZERO, trim_from=trim_from)


def _price_score(method: Method, submission: str, price: Decimal, base: Decimal, steps: list[Step]) -> Decimal:
    if method.formula == "low_price_priority":
        return low_price_score(price, base, method.weight, places=method.places)
    if method.formula == "interval":
        steps.append((f"ratio.{submission}", f"{round_half_up(price / base, RATIO_PLACES):f}"))
        return interval_score(price, base, method.bands, places=method.places)
    steps.append((f"deviation.{submission}", f"{deviation(price, base):f}"))
    slopes = {name: method.number(name) for name in ("e_hi", "e_lo")}
    return deviation_score(price, base, weight=method.weight, places=method.places, **slopes)


@exactly
def adjusted_price(price: Decimal, *, small_micro_rate: Decimal = _ZERO, domestic_factor: Decimal = _ONE) -> Decimal:
    """
    Adjust a price for comparison (价格扣除): price × (1 − rate) × factor, rounded once; the contract stays at price.

    Source: 财库〔2022〕19号 (SME); 国办发〔2025〕34号 (domestic product).
    """
    return round_half_up(price * (1 - small_micro_rate) * domestic_factor)


@exactly
def low_price_score(price: Decimal, base: Decimal, weight: Decimal, *, places: int = AMOUNT_PLACES) -> Decimal:
    """Score by 低价优先法: base / price × weight. Source: 87号令 55."""
    return round_half_up(base * weight / price, places)


def trimmed(values: Sequence[Decimal], trim_from: int | None) -> tuple[Decimal, ...]:
    """Drop one highest and one lowest value when there are at least ``trim_from``; sorted. None never drops."""
    ordered = sorted(values)
    if trim_from is not None and len(ordered) >= max(trim_from, TRIM_LEAST):
        ordered = ordered[1:-1]
    return tuple(ordered)


@exactly
def mean(values: Sequence[Decimal], places: int = AMOUNT_PLACES) -> Decimal:
    """Return the arithmetic mean (算术平均) of at least one value, rounded half up."""
    return round_half_up(sum(values, _ZERO) / len(values), places)


@exactly
def mean_base(prices: Sequence[Decimal], *, k: Decimal = _ZERO, trim_from: int | None = None) -> Decimal:
    """Make the base (评标基准价): trimmed mean × (1 − k)."""
    return round_half_up(mean(trimmed(prices, trim_from)) * (1 - k))


@exactly
def composite_base(
    prices: Sequence[Decimal], *, ceiling: Decimal, a: Decimal, k1: Decimal, k2: Decimal, trim_from: int | None = None
) -> Decimal:
    """Make the composite base (复合基准价): A·k1·a + B·k2·(1−a), A the ceiling, B the trimmed mean."""
    middle = mean(trimmed(prices, trim_from))
    return round_half_up(ceiling * k1 * a + middle * k2 * (1 - a))


@exactly
def deviation(price: Decimal, base: Decimal) -> Decimal:
    """Return (price − base) / base (偏差率) with four decimals, half up."""
    return round_half_up((price - base) / base, RATIO_PLACES)


@exactly
def deviation_score(
    price: Decimal, base: Decimal, *, weight: Decimal, e_hi: Decimal, e_lo: Decimal, places: int = AMOUNT_PLACES
) -> Decimal:
    """Take ``e_hi`` points per +1 % or ``e_lo`` per −1 % of deviation off the weight, never below nought."""
    ratio = deviation(price, base)
    lost = abs(ratio) * _PER_CENT * (e_hi if ratio > 0 else e_lo)
    return round_half_up(max(weight - lost, _ZERO), places)


@exactly
def interval_score(price: Decimal, base: Decimal, bands: Sequence[Band], *, places: int = AMOUNT_PLACES) -> Decimal:
    """Score by 区间法: linear inside the first band that holds price / base, nought outside all bands."""
    for band in bands:
        if band.low * base <= price <= band.high * base:
            rise = (band.last - band.first) * (price - band.low * base)
            return round_half_up(band.first + rise / ((band.high - band.low) * base), places)
    return round_half_up(_ZERO, places)


# --- experts ----------------------------------------------------------------------------------------------------


def _result(
    method: Method,
    bid: Bid,
    panel: Sequence[Sheet],
    compared: Mapping[str, Decimal],
    base: Decimal | None,
    abnormal: Mapping[str, Collection[str]],
    steps: list[Step],
) -> BidResult:
    price = compared[bid.submission]
    result = BidResult(bid.submission, bid.bidder, to_wire(bid.price))
    if method.name == "lowest_evaluated_price" or method.small_micro_rate or method.domestic_factor != 1:
        result = replace(result, adjusted=to_wire(price))
    if method.name != "comprehensive_score":
        return result
    price_score = None if base is None else _price_score(method, bid.submission, price, base, steps)
    totals = _expert_totals(bid.submission, panel) if method.criteria else {}
    expert_total = (
        _aggregate(method, bid.submission, totals, abnormal.get(bid.submission, ()), steps) if totals else None
    )
    return replace(
        result,
        price_score=None if price_score is None else to_wire(price_score),
        expert_scores=tuple((expert, to_wire(total)) for expert, total in totals.items()),
        expert_total=None if expert_total is None else to_wire(expert_total),
        total=to_wire((price_score or _ZERO) + (expert_total or _ZERO)),
    )


def _expert_totals(submission: str, panel: Sequence[Sheet]) -> dict[str, Decimal]:
    """Return expert → total points for one bid; an outvoted expert who gave no points is left out."""
    return {
        sheet.expert: sum(marks.points.values(), _ZERO)
        for sheet in panel
        for marks in _marks(sheet, submission)
        if marks.points
    }


def _aggregate(
    method: Method, submission: str, totals: Mapping[str, Decimal], declared: Collection[str], steps: list[Step]
) -> Decimal:
    scores = list(totals.values())
    if method.aggregation == "mean":
        return mean(scores)
    if method.aggregation == "trimmed_mean":
        return mean(trimmed(scores, TRIM_LEAST))
    out = {expert for expert in totals if expert in declared}
    ratio = method.optional("abnormal_ratio")
    if ratio is not None:
        out |= far_from_the_others(totals, ratio)
    replaced, value = replace_abnormal(totals, out)
    steps += [(f"replaced.{submission}.{expert}", to_wire(score)) for expert, score in replaced.items()]
    return value


@exactly
def replace_abnormal(scores: Mapping[str, Decimal], abnormal: Collection[str]) -> tuple[dict[str, Decimal], Decimal]:
    """
    Replace abnormal scores by the mean of the others (异常评分以其他成员平均分替代).

    Returns:
        The replaced scores (expert → replacement, two decimals) and the mean of all after replacement, which
        is the mean of the others. When all are abnormal there are no others: nothing is replaced.

    Source: 重庆市招标投标条例 32.
    """
    others = [score for expert, score in scores.items() if expert not in abnormal]
    if not others:
        return {}, mean(list(scores.values()))
    value = mean(others)
    return {expert: value for expert in sorted(scores) if expert in abnormal}, value


@exactly
def far_from_the_others(scores: Mapping[str, Decimal], ratio: Decimal) -> set[str]:
    """Name experts whose score is off the mean of the others by more than ``ratio`` of that mean."""
    if len(scores) <= 1:
        return set()
    total, others = sum(scores.values(), _ZERO), len(scores) - 1
    # |score − rest/others| > ratio × rest/others, without dividing.
    return {e for e, score in scores.items() if abs(score * others - (total - score)) > ratio * (total - score)}


def _notes(method: Method, valid: Sequence[Bid], panel: Sequence[Sheet]) -> tuple[Text, ...]:
    """Remark objective criteria (客观分) on which the sheets differ; they should not (发改法规〔2026〕195号 9)."""
    objective = [criterion.id for criterion in method.criteria if criterion.kind == "objective"]
    return tuple(
        _text(
            "{0} 的客观分 {1} 各评委不一致", "{0}: the experts differ on objective criterion {1}", bid.submission, name
        )
        for bid in valid
        for name in objective
        if len({m.points[name] for sheet in panel for m in _marks(sheet, bid.submission) if m.points}) > 1
    )


# --- rank -------------------------------------------------------------------------------------------------------

_Keyed = tuple[tuple[Decimal, ...], BidResult]


def _ranked_groups(
    method: Method, results: Sequence[BidResult], bids: Mapping[str, Bid], compared: Mapping[str, Decimal]
) -> list[list[BidResult]]:
    """Sort by total or price, then by the method's list up to its draw; equals form one group."""

    def key(result: BidResult) -> tuple[Decimal, ...]:
        first = compared[result.submission] if result.total is None else -Decimal(result.total)
        return first, *(_tie_key(word, result, bids[result.submission]) for word in before_draw)

    listed = method.tie_break
    before_draw = listed[: listed.index("draw")] if "draw" in listed else listed
    ordered = sorted(results, key=lambda result: (key(result), result.submission))
    return [list(group) for _, group in groupby(ordered, key=key)]


def _tie_key(word: str, result: BidResult, bid: Bid) -> Decimal:
    return bid.price if word == "price" else -Decimal(result.expert_total or 0)


def _resolve(
    groups: Sequence[Sequence[BidResult]], tie_order: Mapping[str, Sequence[str]]
) -> tuple[list[BidResult], tuple[tuple[str, ...], ...], tuple[TieDraw, ...]]:
    """Give ranks: drawn groups in drawn order, undrawn groups one shared rank."""
    ranked: list[BidResult] = []
    unresolved: list[tuple[str, ...]] = []
    draws: list[TieDraw] = []
    for group in groups:
        rank = len(ranked) + 1
        drawn = _drawn(tuple(result.submission for result in group), tie_order) if len(group) > 1 else None
        if drawn is None:
            ranked += [replace(result, rank=rank) for result in group]
        else:
            draws.append(drawn)
            named = {result.submission: result for result in group}
            ranked += [replace(named[name], rank=rank + place) for place, name in enumerate(drawn.order)]
        if len(group) > 1 and drawn is None and rank <= CANDIDATES_MAX:
            unresolved.append(tuple(result.submission for result in group))
    return ranked, tuple(unresolved), tuple(draws)


def _drawn(group: tuple[str, ...], tie_order: Mapping[str, Sequence[str]]) -> TieDraw | None:
    """Find the recorded draw that covers the group; the first by seed, when all that cover it agree."""
    members = set(group)
    found = {
        seed: tuple(submission for submission in tie_order[seed] if submission in members)
        for seed in sorted(tie_order)
        if members.issubset(tie_order[seed])
    }
    if len(set(found.values())) > 1 or any(len(order) != len(members) for order in found.values()):
        raise ValueError("the recorded draws contradict each other")
    return next((TieDraw(group, seed, order) for seed, order in found.items()), None)


# --- abnormally low ---------------------------------------------------------------------------------------------


def _abnormally_low(method: Method, valid: Sequence[Bid], ceiling: Decimal | None) -> tuple[LowPrice, ...]:
    found = low_price_triggers([bid.price for bid in valid], ceiling=ceiling, rates=method.low_price)
    return tuple(LowPrice(bid.submission, codes) for bid, codes in zip(valid, found, strict=True) if codes)


@exactly
def low_price_triggers(
    prices: Sequence[Decimal], *, ceiling: Decimal | None, rates: LowPriceRates
) -> tuple[tuple[str, ...], ...]:
    """
    Find abnormally low prices (异常低价) among conforming bid prices, unadjusted; strictly below.

    Returns:
        For each price, in the order given: ``T1_avg`` below mean × rate, ``T2_second`` below second lowest ×
        rate, ``T3_ceiling`` below ceiling × rate. A trigger opens a review, it is not a rejection.

    Source: 财库〔2026〕2号.
    """
    limits: list[tuple[str, Decimal]] = []
    count, least_two = len(prices), sorted(prices)[:2]
    if rates.mean is not None and count:
        limits.append(("T1_avg", sum(prices, _ZERO) * rates.mean / count))
    if rates.second is not None and count > 1:
        limits.append(("T2_second", least_two[1] * rates.second))
    if rates.ceiling is not None and ceiling is not None:
        limits.append(("T3_ceiling", ceiling * rates.ceiling))
    return tuple(tuple(code for code, limit in limits if price < limit) for price in prices)


# --- small parts ------------------------------------------------------------------------------------------------


def _decimal(text: str) -> Decimal:
    if _DECIMAL.fullmatch(text) is None:
        raise MethodUnsound(_text("“{0}”不是数字", "'{0}' is no plain decimal", text))
    return Decimal(text)


def _rate(rates: Mapping[str, Any], name: str) -> Decimal | None:
    return _decimal(rates[name]) if name in rates else None


def _whole(number: Decimal | None) -> int | None:
    return None if number is None else int(number)


def _present(ceiling: Decimal | None) -> Decimal:
    """Return the ceiling a formula can't do without."""
    if ceiling is None:
        raise MethodUnsound(Text("公式需要最高投标限价", "the formula needs a ceiling price"))
    return ceiling


def _text(zh: str, en: str, *values: object) -> Text:
    return Text(zh.format(*values), en.format(*values))
