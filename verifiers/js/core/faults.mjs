// 问题 What can be wrong. A check ends by throwing one of these; anything else that is thrown is a fault of ours.

/** A check failed: which rule, and what about it. */
export class Wrong extends Error {
  constructor(rule, detail = "") {
    super(`${rule}: ${detail}`);
    this.rule = rule;
    this.detail = String(detail).slice(0, 200);
  }
}

/** Content that is not in the form the format asks for. */
export class Malformed extends Error {}

/** Throws `Wrong` unless the condition holds. */
export function need(holds, rule, detail = "") {
  if (!holds) throw new Wrong(rule, detail);
}

/** Throws `Malformed` unless the condition holds. */
export function shape(holds, what) {
  if (!holds) throw new Malformed(what);
}

/** Tells whether content has another shape than the format's, seen by us or by JavaScript first: a finding, never a crash. */
export function isBadShape(error) {
  return error instanceof Malformed || error instanceof TypeError || error instanceof RangeError;
}
