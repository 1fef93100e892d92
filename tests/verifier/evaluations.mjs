// Evaluates lots as verifiers/js does: a list of cases on standard input, a list of results on standard output.

import { readFileSync } from "node:fs";
import { Exact } from "../../verifiers/js/core/decimal.mjs";
import { evaluate } from "../../verifiers/js/core/evaluation.mjs";
import { isBadShape, Wrong } from "../../verifiers/js/core/faults.mjs";

function evaluated({ method, bids, sheets, order }) {
  try {
    return evaluate({
      method,
      bids: new Map(bids.map((bid) => [bid.submission, bid])),
      sheets,
      ceiling: Exact.read("1100000"),
      floor: Exact.read("850000"),
      factors: {},
      decided: new Map(),
      orders: new Map([["0".repeat(64), order]]),
      oneBidEach: true,
    });
  } catch (error) {
    if (isBadShape(error) || error instanceof Wrong) return { wrong: true };
    throw error;
  }
}

process.stdout.write(JSON.stringify(JSON.parse(readFileSync(0, "utf8")).map(evaluated)));
