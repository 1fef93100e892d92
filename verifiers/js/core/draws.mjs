// 抽取 Draws: nonces that were committed to beforehand give a seed, and the seed gives everybody a ticket.

import { byCodePoint, hex, utf8 } from "./bytes.mjs";
import { need } from "./faults.mjs";
import { sha256 } from "./hashes.mjs";
import { canonical, list, optional, string } from "./json.mjs";

const hexOf = (text) => hex(sha256(utf8(text)));

/** Returns the seed that the nonces and the beacon of a draw give. */
export function seedOf(draw, purpose, poolRoot, poolSize) {
  const rows = [...list(draw, "nonces")].sort((a, b) => byCodePoint(string(a, "holder"), string(b, "holder")));
  const members = {
    beacon: optional(draw, "beacon", null),
    domain: "tradehall/draw/v1",
    nonces: rows.map((row) => string(row, "nonce")),
    pool_root: poolRoot,
    pool_size: poolSize,
    purpose,
  };
  return hex(sha256(canonical(members)));
}

/** Returns names by their tickets, the smallest first. */
export function drawnOrder(seed, stratum, names) {
  const tickets = names.map((name) => [hexOf(`${seed},${stratum},${name}`), name]);
  return tickets.sort(([a], [b]) => (a < b ? -1 : Number(a > b))).map(([, name]) => name);
}

/** Requires that each holder revealed the nonce it had committed to, with or without its own id as salt. */
export function checkNonces(commitments, nonces) {
  const committed = new Map(commitments.map((row) => [string(row, "holder"), string(row, "commitment")]));
  const holders = nonces.map((row) => string(row, "holder"));
  const isComplete = holders.length > 0 && [...committed.keys()].sort().join("\n") === [...holders].sort().join("\n");
  need(isComplete, "draw-nonce");
  for (const row of nonces) {
    const [holder, nonce] = [string(row, "holder"), string(row, "nonce")];
    need([nonce, `${holder},${nonce}`].map(hexOf).includes(committed.get(holder)), "draw-nonce", holder);
  }
}

/** Returns the digest that stands for the pool of a tie. */
export function tiePool(submissions) {
  return hexOf(submissions.join(","));
}
