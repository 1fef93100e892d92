// 精确小数 Exact numbers: fractions of whole numbers, rounded only where the law's text rounds, half away from zero.

import { shape } from "./faults.mjs";

export class Exact {
  constructor(top, bottom = 1n) {
    shape(bottom !== 0n, "division by zero");
    this.top = bottom < 0n ? -top : top;
    this.bottom = bottom < 0n ? -bottom : bottom;
  }

  /** Reads a decimal text. */
  static read(text) {
    shape(typeof text === "string", "not a decimal");
    const [, sign, whole, part = ""] = /^([+-]?)([0-9]+)(?:\.([0-9]*))?$/.exec(text) ?? [];
    shape(whole !== undefined && text.length < 60, "not a decimal");
    const value = BigInt(whole + part);
    return new Exact(sign === "-" ? -value : value, 10n ** BigInt(part.length));
  }

  plus(other) {
    return new Exact(this.top * other.bottom + other.top * this.bottom, this.bottom * other.bottom);
  }

  minus(other) {
    return this.plus(other.negated());
  }

  times(other) {
    return new Exact(this.top * other.top, this.bottom * other.bottom);
  }

  over(other) {
    return new Exact(this.top * other.bottom, this.bottom * other.top);
  }

  negated() {
    return new Exact(-this.top, this.bottom);
  }

  absolute() {
    return this.top < 0n ? this.negated() : this;
  }

  /** Returns a negative number, zero or a positive one, as this is less, the same or more. */
  compare(other) {
    const difference = this.top * other.bottom - other.top * this.bottom;
    return difference < 0n ? -1 : Number(difference > 0n);
  }

  get isZero() {
    return this.top === 0n;
  }

  /** Rounds half away from zero. */
  rounded(places = 2) {
    const scale = 10n ** BigInt(places);
    const { top, bottom } = this.absolute();
    const value = (top * scale * 2n + bottom) / (bottom * 2n);
    return new Exact(this.top < 0n ? -value : value, scale);
  }

  /** Writes the number with two places. */
  toString() {
    const { top, bottom } = this.rounded(2);
    const digits = String(((top < 0n ? -top : top) * 100n) / bottom).padStart(3, "0");
    return `${top < 0n ? "-" : ""}${digits.slice(0, -2)}.${digits.slice(-2)}`;
  }
}

export const ZERO = new Exact(0n);
export const ONE = new Exact(1n);

/** Returns the sum. */
export function sum(values) {
  return values.reduce((total, value) => total.plus(value), ZERO);
}

/** Returns the mean to two places; from `trimFrom` values on (three at least) without one highest and one lowest. */
export function mean(values, trimFrom = null) {
  let kept = [...values].sort((a, b) => a.compare(b));
  if (trimFrom !== null && kept.length >= Math.max(trimFrom, 3)) kept = kept.slice(1, -1);
  return sum(kept).over(new Exact(BigInt(kept.length))).rounded();
}
