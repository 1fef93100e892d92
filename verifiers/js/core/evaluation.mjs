// 评标复算 A lot evaluated again, from the tender document's method, the opened bids and the experts' sheets.
//
// Rounding is half up: adjusted price, mean and base to two places, deviation to four, the price score as the method
// says, an expert's mean to two. Everything between is exact.

import { byCodePoint } from "./bytes.mjs";
import { Exact, mean, ONE, sum, ZERO } from "./decimal.mjs";
import { need } from "./faults.mjs";
import { equal, isObject, list, member, object, optional, pick, string } from "./json.mjs";

const amountOf = (bid) => Exact.read(string(object(bid, "price"), "amount"));
const HUNDRED = new Exact(100n);

/** A ground on which the figures alone put a bid out; the report words it as the law of the case does. */
export const BY_FIGURES = "*";

/**
 * Returns `base`, `bids` and `candidates` as the report must have them.
 *
 * `bids`: disclosed bids, a Map by submission, sorted. `sheets`: the experts' sheets. `factors`: factors drawn at the
 * opening. `decided`: a Map of the grounds on which an authority without a committee rejected bids. `orders`: recorded tie
 * draws, a Map of seed to order, sorted. `oneBidEach`: whether several bids of one bidder are all out.
 */
export function evaluate(terms) {
  const { bids, orders } = terms;
  const method = methodOf(terms);
  const byFigures = new Map([...bids].map(([submission, bid]) => [submission, outByFigures(bid, terms)]));
  const rejected = new Map(
    [...byFigures].map(([submission, ground]) => [submission, ground || outByCommittee(submission, terms.sheets)]),
  );
  const all = [...bids.keys()];
  const valid = all.filter((submission) => !rejected.get(submission));
  const countsOpened = method.parameter("base_set") === "opened" && valid.length > 0;
  const inBase = countsOpened ? all.filter((submission) => !byFigures.get(submission)) : valid;
  const prices = comparedPrices(inBase, terms);
  const base = valid.length > 0 ? basePrice([...prices.values()], method) : null;
  const rows = new Map(valid.map((submission) => [submission, row(bids.get(submission), prices.get(submission), base, terms, method)]));
  const ranked = rank(rows, prices, terms.method, orders);
  const names = ["rank", "bidder", "submission", "price", "total"];
  const candidates = ranked.slice(0, 3).map((found) => pick(found, names));
  const out = all.filter((submission) => rejected.get(submission));
  const tail = out.map((submission) => ({ ...head(bids.get(submission)), rejected: rejected.get(submission) }));
  return { base: base === null ? null : String(base), bids: [...ranked, ...tail], candidates };
}

function methodOf({ method, factors, ceiling }) {
  const price = object(method, "price");
  const parameters = optional(price, "parameters", {});
  const parameter = (name) => (name in factors ? factors[name] : optional(parameters, name, null));
  const number = (name, otherwise) => Exact.read(parameter(name) || otherwise);
  return { name: string(method, "name"), price, ceiling, parameter, number };
}

function head(bid) {
  const bidder = object(bid, "bidder");
  return {
    submission: member(bid, "submission"),
    bidder: { id: member(bidder, "id"), name: member(bidder, "name") },
    price: member(bid, "price"),
  };
}

// --- rejections ---------------------------------------------------------------------------------------------------

function outByFigures(bid, { bids, method, decided, ceiling, floor, oneBidEach }) {
  const price = amountOf(bid);
  const bidder = (other) => member(object(other, "bidder"), "id");
  const own = [...bids.values()].filter((other) => equal(bidder(other), bidder(bid)));
  const submission = member(bid, "submission");
  // One bidder, one bid: several of one bidder are out together, whatever else is wrong with them.
  if (oneBidEach && own.length > 1) return decided.get(submission) ?? BY_FIGURES;
  if (decided.has(submission)) return decided.get(submission);
  if (optional(optional(bid, "guarantee", {}), "result") === "invalid") return "RJ-G1";
  const isAbove = member(method, "reject_above_ceiling") && ceiling !== null && price.compare(ceiling) > 0;
  const isBelow = member(method, "reject_below_floor") && floor !== null && price.compare(floor) < 0;
  return price.isZero || isAbove || isBelow ? BY_FIGURES : "";
}

/** Returns what each expert, sorted, says about a bid. */
function marks(submission, sheets) {
  const found = sheets.flatMap((sheet) =>
    list(sheet, "scores")
      .filter((row) => member(row, "submission") === submission)
      .map((row) => [string(sheet, "expert"), row]),
  );
  return found.sort(([a], [b]) => byCodePoint(a, b));
}

/** Returns the ground named most often where more than half of the sheets reject a bid. */
function outByCommittee(submission, sheets) {
  const votes = new Map();
  for (const [, row] of marks(submission, sheets)) {
    if (!("reject" in row)) continue;
    const ground = string(object(row, "reject"), "ground");
    votes.set(ground, (votes.get(ground) ?? 0) + 1);
  }
  const count = [...votes.values()].reduce((total, times) => total + times, 0);
  if (count * 2 <= sheets.length) return "";
  return [...votes].sort(([a, m], [b, n]) => n - m || byCodePoint(a, b))[0][0];
}

// --- prices -------------------------------------------------------------------------------------------------------

/** Returns the prices used for comparison; the domestic factor counts only where both kinds of product compete. */
function comparedPrices(submissions, { bids, method }) {
  const terms = optional(method, "adjustments", {});
  const attributes = new Map(submissions.map((submission) => [submission, optional(bids.get(submission), "attributes", {})]));
  const kinds = new Set([...attributes.values()].map((found) => Boolean(optional(found, "domestic_product"))));
  const prices = submissions.map((submission) => {
    const found = attributes.get(submission);
    const rate = optional(found, "small_or_micro") ? Exact.read(optional(terms, "small_micro_rate", "0")) : ZERO;
    const isFavoured = kinds.size > 1 && optional(found, "domestic_product");
    const factor = isFavoured ? Exact.read(optional(terms, "domestic_factor", "1")) : ONE;
    return [submission, amountOf(bids.get(submission)).times(ONE.minus(rate)).times(factor).rounded()];
  });
  return new Map(prices);
}

/** Returns the base price of the formula; null without one. */
function basePrice(prices, method) {
  const formula = string(method.price, "formula");
  const kind = formula === "interval" ? method.parameter("base") || "mean" : formula;
  if (method.name !== "comprehensive_score" || kind === "none") return null;
  if (kind === "low_price_priority" || kind === "lowest") return prices.reduce((least, price) => (price.compare(least) < 0 ? price : least));
  if (kind === "ceiling") return method.ceiling;
  const trimFrom = formula === "utility" ? 4 : Number(method.parameter("trim_from") || 0) || null;
  const middle = mean(prices, trimFrom);
  if (kind !== "composite") return middle.times(ONE.minus(method.number("k", "0"))).rounded();
  const [a, k1, k2] = ["a", "k1", "k2"].map((name) => method.number(name, ""));
  const fromCeiling = (method.ceiling ?? ZERO).times(k1).times(a);
  return fromCeiling.plus(middle.times(k2).times(ONE.minus(a))).rounded();
}

/** Returns the points for a price. */
function priceScore(price, base, method) {
  const weight = Exact.read(string(method.price, "weight_points"));
  const places = member(object(method.price, "rounding"), "places");
  const formula = string(method.price, "formula");
  if (formula === "low_price_priority") return base.times(weight).over(price).rounded(places);
  if (formula === "interval") {
    for (const band of list(method.price, "bands")) {
      const [low, high, first, last] = band.map(Exact.read);
      const [from, to] = [low.times(base), high.times(base)];
      if (price.compare(from) < 0 || price.compare(to) > 0) continue;
      return first.plus(last.minus(first).times(price.minus(from)).over(high.minus(low).times(base))).rounded(places);
    }
    return ZERO;
  }
  const off = price.minus(base).over(base).rounded(4).times(HUNDRED);
  const lost = off.absolute().times(method.number(off.compare(ZERO) > 0 ? "e_hi" : "e_lo", ""));
  const left = weight.minus(lost);
  return (left.compare(ZERO) < 0 ? ZERO : left).rounded(places);
}

// --- points -------------------------------------------------------------------------------------------------------

/** Returns a bid's row of the report without its rank; `experts` is kept beside it for ties. */
function row(bid, price, base, { method: document, sheets }, method) {
  const found = head(bid);
  const terms = optional(document, "adjustments", {});
  const rate = Exact.read(optional(terms, "small_micro_rate", "0"));
  const factor = Exact.read(optional(terms, "domestic_factor", "1"));
  const isAdjusted = !rate.isZero || factor.compare(ONE) !== 0;
  if (method.name === "lowest_evaluated_price" || isAdjusted) {
    found.adjusted = { amount: String(price), currency: member(object(bid, "price"), "currency") };
  }
  if (method.name !== "comprehensive_score") return { found, experts: ZERO, total: null };
  const score = base === null ? ZERO : priceScore(price, base, method);
  const totals = expertTotals(member(bid, "submission"), document, sheets);
  const experts = totals.size > 0 ? aggregate([...totals.values()], document, method) : ZERO;
  if (base !== null) found.price_score = String(score.rounded());
  if (totals.size > 0) found.expert_scores = [...totals].map(([expert, total]) => ({ expert, total: String(total) }));
  found.total = String(score.plus(experts));
  return { found, experts, total: score.plus(experts).rounded() };
}

/** Returns each expert's points for a bid; who gave none, being outvoted, is left out. */
function expertTotals(submission, document, sheets) {
  const ranges = new Map(
    list(document, "criteria").map((c) => [member(c, "id"), [string(c, "min"), string(c, "max")].map(Exact.read)]),
  );
  const totals = new Map();
  for (const [expert, mark] of marks(submission, sheets)) {
    const items = list(mark, "items");
    const points = new Map(items.map((item) => [member(item, "criterion"), Exact.read(string(item, "points"))]));
    const isComplete = points.size === ranges.size && points.size === items.length && [...points.keys()].every((id) => ranges.has(id));
    const isInRange = (id, value) => ranges.get(id)[0].compare(value) <= 0 && value.compare(ranges.get(id)[1]) <= 0;
    const isSound = isComplete && [...points].every(([id, value]) => isInRange(id, value));
    need(isSound || (points.size === 0 && "reject" in mark), "score-range", expert);
    if (points.size > 0) totals.set(expert, sum([...points.values()]));
  }
  return totals;
}

/** Returns the experts' score of a bid: mean, trimmed mean, or the mean of those that are not abnormal. */
function aggregate(scores, document, method) {
  const aggregation = member(document, "aggregation");
  if (aggregation === "trimmed_mean") return mean(scores, 3);
  const ratio = method.parameter("abnormal_ratio");
  if (aggregation !== "replace_abnormal" || ratio === null || scores.length < 2) return mean(scores);
  const total = sum(scores);
  const n = new Exact(BigInt(scores.length - 1));
  const near = scores.filter((score) => {
    const others = total.minus(score);
    return score.times(n).minus(others).absolute().compare(Exact.read(ratio).times(others)) <= 0;
  });
  return mean(near.length > 0 ? near : scores);
}

// --- ranking ------------------------------------------------------------------------------------------------------

/** Returns the rows in order with their ranks: by total or price, then the document's list, then a recorded draw. */
function rank(rows, prices, document, orders) {
  const listed = list(document, "tie_break");
  const words = listed.includes("draw") ? listed.slice(0, listed.indexOf("draw")) : listed;
  const key = ([submission, { found, experts, total }]) => {
    const first = total === null ? prices.get(submission) : total.negated();
    return [first, ...words.map((word) => (word === "price" ? amountOf(found) : experts.negated()))];
  };
  const compare = (a, b) => a.map((value, at) => value.compare(b[at])).find((order) => order !== 0) ?? 0;
  const keyed = [...rows].map((entry) => ({ submission: entry[0], row: entry[1].found, key: key(entry) }));
  keyed.sort((a, b) => compare(a.key, b.key) || byCodePoint(a.submission, b.submission));
  const ranked = [];
  while (keyed.length > 0) {
    const size = keyed.findIndex((other) => compare(other.key, keyed[0].key) !== 0);
    const group = keyed.splice(0, size < 0 ? keyed.length : size);
    const submissions = group.map(({ submission }) => submission);
    const isDrawn = (order) => group.length > 1 && submissions.every((submission) => order.includes(submission));
    const order = [...orders.values()].find(isDrawn);
    const place = ranked.length + 1;
    const inOrder = order === undefined ? submissions : order.filter((submission) => submissions.includes(submission));
    inOrder.forEach((submission, at) => {
      const { row: found } = group.find((other) => other.submission === submission);
      ranked.push({ ...found, rank: place + (order === undefined ? 0 : at) });
    });
  }
  return ranked;
}

/** Returns the ground a report gives for each bid it rejects, as a Map. */
export function groundsOf(rows) {
  const rejected = rows.filter((found) => isObject(found) && "rejected" in found);
  return new Map(rejected.map((found) => [string(found, "submission"), member(object(found, "rejected"), "ground")]));
}
