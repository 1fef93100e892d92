// Made by bundle.mjs out of core/ and page.mjs. Do not edit.
"use strict";
(() => {
const modules = {};

modules["core/faults.mjs"] = (() => {
// 问题 What can be wrong. A check ends by throwing one of these; anything else that is thrown is a fault of ours.

/** A check failed: which rule, and what about it. */
class Wrong extends Error {
  constructor(rule, detail = "") {
    super(`${rule}: ${detail}`);
    this.rule = rule;
    this.detail = String(detail).slice(0, 200);
  }
}

/** Content that is not in the form the format asks for. */
class Malformed extends Error {}

/** Throws `Wrong` unless the condition holds. */
function need(holds, rule, detail = "") {
  if (!holds) throw new Wrong(rule, detail);
}

/** Throws `Malformed` unless the condition holds. */
function shape(holds, what) {
  if (!holds) throw new Malformed(what);
}

/** Tells whether content has another shape than the format's, seen by us or by JavaScript first: a finding, never a crash. */
function isBadShape(error) {
  return error instanceof Malformed || error instanceof TypeError || error instanceof RangeError;
}
return { Wrong, Malformed, need, shape, isBadShape };
})();

modules["core/bytes.mjs"] = (() => {
const { shape } = modules["core/faults.mjs"];
// 字节 Bytes: text, hex, base64, comparison. Every reader refuses a second spelling of the same bytes.


const ENCODER = new TextEncoder();
const DECODER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const PLAIN = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL_SAFE = PLAIN.slice(0, 62) + "-_";

/** Returns the UTF-8 bytes of a text. */
function utf8(text) {
  return ENCODER.encode(text);
}

/** Returns the text of UTF-8 bytes; `Malformed` if they are none. */
function textOf(bytes) {
  try {
    return DECODER.decode(bytes);
  } catch {
    shape(false, "not UTF-8");
  }
}

/** Returns bytes one after another. */
function concat(...parts) {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Tells whether two byte strings are the same. */
function same(a, b) {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}

/** Returns lower-case hex. */
function hex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Reads hex with an even number of digits. */
function unhex(text) {
  shape(typeof text === "string" && /^(?:[0-9a-fA-F]{2})*$/.test(text), "not hex");
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

/** Reads base64 with padding, in its one spelling. */
function unbase64(text) {
  shape(typeof text === "string" && /^[^=]*={0,2}$/.test(text) && text.length % 4 === 0, "not base64");
  return sixBits(text.replace(/=+$/, ""), PLAIN);
}

/** Reads base64url without padding, in its one spelling. */
function unbase64url(text) {
  shape(typeof text === "string", "not base64url");
  return sixBits(text, URL_SAFE);
}

/** Writes base64url without padding. */
function base64url(bytes) {
  let text = "";
  for (let at = 0; at < bytes.length; at += 3) {
    const [a, b = 0, c = 0] = bytes.subarray(at, at + 3);
    const word = (a << 16) | (b << 8) | c;
    const digits = [18, 12, 6, 0].map((shift) => URL_SAFE[(word >> shift) & 63]);
    text += digits.slice(0, Math.min(bytes.length - at, 3) + 1).join("");
  }
  return text;
}

function sixBits(text, alphabet) {
  shape(text.length % 4 !== 1, "not base64");
  const bytes = new Uint8Array(Math.floor((text.length * 3) / 4));
  let held = 0;
  let bits = 0;
  let at = 0;
  for (const digit of text) {
    const value = alphabet.indexOf(digit);
    shape(value >= 0, "not base64");
    held = ((held << 6) | value) & 0xffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes[at++] = (held >> bits) & 255;
    }
  }
  shape((held & ((1 << bits) - 1)) === 0, "not canonical base64");
  return bytes;
}

/** Reads an unsigned whole number, the lowest byte first, as BigInt. */
function littleEndian(bytes) {
  return bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

/** Writes 32 bytes, the lowest first. */
function toLittleEndian(value) {
  return Uint8Array.from({ length: 32 }, (_, at) => Number((value >> BigInt(8 * at)) & 255n));
}

/** Reads an unsigned whole number, the highest byte first, as BigInt. */
function bigEndian(bytes) {
  return bytes.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

/** Compares texts by code point, as the format sorts names. */
function byCodePoint(a, b) {
  const left = Array.from(a);
  const right = Array.from(b);
  for (let at = 0; at < Math.min(left.length, right.length); at++) {
    if (left[at] !== right[at]) return left[at].codePointAt(0) - right[at].codePointAt(0);
  }
  return left.length - right.length;
}
return { utf8, textOf, concat, same, hex, unhex, unbase64, unbase64url, base64url, littleEndian, toLittleEndian, bigEndian, byCodePoint };
})();

modules["core/json.mjs"] = (() => {
const { textOf, utf8 } = modules["core/bytes.mjs"];
const { Malformed, shape } = modules["core/faults.mjs"];
// 严格解析 Strict JSON, and the canonical form (RFC 8785) that signatures and digests are made over.
//
// Refused: floats, exponents, -0, whole numbers beyond 2^53-1, a name twice, names that are not ASCII, lone surrogates,
// deep nesting, and every spelling but the canonical one. Objects come back without a prototype, so that no name means
// anything but itself.


const MAX_DEPTH = 200;
const NUMBER = /-?(?:0|[1-9][0-9]*)/y;
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const LONE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;
const WORDS = new Map([
  ["true", true],
  ["false", false],
  ["null", null],
]);

class Reader {
  constructor(text) {
    this.text = text;
    this.at = 0;
  }

  space() {
    while (" \t\n\r".includes(this.text[this.at] || "x")) this.at++;
    return this.text[this.at];
  }

  take(character) {
    shape(this.space() === character, `${character} expected at ${this.at}`);
    this.at++;
  }

  match(pattern, what) {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    shape(found, `not ${what} at ${this.at}`);
    this.at = pattern.lastIndex;
    return found[0];
  }

  value(depth) {
    shape(depth < MAX_DEPTH, "nested too deeply");
    const first = this.space();
    if (first === "{") return this.object(depth + 1);
    if (first === "[") return this.list(depth + 1);
    if (first === '"') return this.string();
    for (const [word, value] of WORDS) {
      if (this.text.startsWith(word, this.at)) {
        this.at += word.length;
        return value;
      }
    }
    return this.number();
  }

  number() {
    const literal = this.match(NUMBER, "a value");
    shape(!/[.eE0-9]/.test(this.text[this.at] ?? ""), `not an integer: ${literal}`);
    const value = Number(literal);
    shape(Number.isSafeInteger(value) && literal !== "-0" && literal.length <= 17, "not an integer within 2^53-1");
    return value;
  }

  string() {
    const value = JSON.parse(this.match(STRING, "a string"));
    shape(!LONE.test(value), "a lone surrogate");
    return value;
  }

  list(depth) {
    const items = [];
    this.take("[");
    if (this.space() !== "]") {
      do items.push(this.value(depth));
      while (this.more());
    }
    this.take("]");
    return items;
  }

  object(depth) {
    const members = Object.create(null);
    this.take("{");
    if (this.space() !== "}") {
      do {
        this.space();
        const name = this.string();
        shape(!(name in members) && /^[\x00-\x7f]*$/.test(name), `the name ${name.slice(0, 40)}`);
        this.take(":");
        members[name] = this.value(depth);
      } while (this.more());
    }
    this.take("}");
    return members;
  }

  more() {
    if (this.space() !== ",") return false;
    this.at++;
    return true;
  }
}

/** Returns strict JSON of whatever spacing and order; `Malformed` for anything else. */
function parseStrict(bytes) {
  const reader = new Reader(textOf(bytes));
  const value = reader.value(0);
  shape(reader.space() === undefined, `something follows at ${reader.at}`);
  return value;
}

/** Returns canonical JSON; anything else, such as a second spelling of the same value, is `Malformed`. */
function parse(bytes) {
  const value = parseStrict(bytes);
  shape(canonicalText(value) === textOf(bytes), "not in canonical form");
  return value;
}

/** Returns the canonical text of a value. */
function canonicalText(value) {
  if (Array.isArray(value)) return `[${value.map(canonicalText).join(",")}]`;
  if (value !== null && typeof value === "object") {
    const names = Object.keys(value).sort();
    return `{${names.map((name) => `${JSON.stringify(name)}:${canonicalText(value[name])}`).join(",")}}`;
  }
  if (typeof value === "number" && !Number.isSafeInteger(value)) throw new Malformed("not an integer");
  shape(value !== undefined, "a member is missing");
  return JSON.stringify(value);
}

/** Returns the canonical bytes of a value. */
function canonical(value) {
  return utf8(canonicalText(value));
}

/** Tells whether two JSON values are the same; a value that is missing equals only another that is. */
function equal(a, b) {
  if (a === undefined || b === undefined) return a === b;
  return canonicalText(a) === canonicalText(b);
}

// --- members: what must be there is, and is of its kind ---------------------------------------------------------

/** Returns a member that must be there. */
function member(value, name) {
  shape(isObject(value) && name in value, `no member ${name}`);
  return value[name];
}

/** Returns a member that may be absent. */
function optional(value, name, otherwise = undefined) {
  shape(isObject(value), `no object with ${name}`);
  return name in value ? value[name] : otherwise;
}

/** Returns a list that must be there. */
function list(value, name) {
  const found = member(value, name);
  shape(Array.isArray(found), `${name} is not a list`);
  return found;
}

/** Returns a text that must be there. */
function string(value, name) {
  const found = member(value, name);
  shape(typeof found === "string", `${name} is not a text`);
  return found;
}

/** Returns a whole number that must be there. */
function integer(value, name) {
  const found = member(value, name);
  shape(Number.isSafeInteger(found), `${name} is not a whole number`);
  return found;
}

/** Returns an object that must be there. */
function object(value, name) {
  const found = member(value, name);
  shape(isObject(found), `${name} is not an object`);
  return found;
}

/** Tells whether a value is a JSON object. */
function isObject(value) {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

/** Returns some members of an object, those that it has. */
function pick(value, names) {
  return Object.fromEntries(names.filter((name) => name in value).map((name) => [name, value[name]]));
}
return { parseStrict, parse, canonicalText, canonical, equal, member, optional, list, string, integer, object, isObject, pick };
})();

modules["core/decimal.mjs"] = (() => {
const { shape } = modules["core/faults.mjs"];
// 精确小数 Exact numbers: fractions of whole numbers, rounded only where the law's text rounds, half away from zero.


class Exact {
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

const ZERO = new Exact(0n);
const ONE = new Exact(1n);

/** Returns the sum. */
function sum(values) {
  return values.reduce((total, value) => total.plus(value), ZERO);
}

/** Returns the mean to two places; from `trimFrom` values on (three at least) without one highest and one lowest. */
function mean(values, trimFrom = null) {
  let kept = [...values].sort((a, b) => a.compare(b));
  if (trimFrom !== null && kept.length >= Math.max(trimFrom, 3)) kept = kept.slice(1, -1);
  return sum(kept).over(new Exact(BigInt(kept.length))).rounded();
}
return { Exact, ZERO, ONE, sum, mean };
})();

modules["core/hashes.mjs"] = (() => {
const { concat, hex, utf8 } = modules["core/bytes.mjs"];
// 摘要 Digests: SHA-256 (FIPS 180-4), HMAC, HKDF, CRC-32. Written out, because a Merkle tree asks for thousands of
// small digests and WebCrypto answers each one later.


const PRIMES = [];
for (let n = 2; PRIMES.length < 64; n++) {
  if (PRIMES.every((prime) => n % prime !== 0)) PRIMES.push(n);
}

// The first 32 bits of the fraction of a root, by whole numbers: no rounding of the machine can be wrong.
function fraction(prime, root) {
  const target = BigInt(prime) << BigInt(32 * root);
  let low = 0n;
  let high = 1n << 40n;
  while (high - low > 1n) {
    const middle = (low + high) >> 1n;
    if (middle ** BigInt(root) <= target) low = middle;
    else high = middle;
  }
  return Number(low & 0xffffffffn) | 0;
}

const K = Int32Array.from(PRIMES, (prime) => fraction(prime, 3));
const START = Int32Array.from(PRIMES.slice(0, 8), (prime) => fraction(prime, 2));
const WORDS = new Int32Array(64);

function compress(state, bytes, at) {
  const w = WORDS;
  for (let i = 0; i < 16; i++, at += 4) {
    w[i] = (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];
  }
  for (let i = 16; i < 64; i++) {
    const x = w[i - 15];
    const y = w[i - 2];
    const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
    const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
    w[i] = (w[i - 16] + s0 + w[i - 7] + s1) | 0;
  }
  let [a, b, c, d, e, f, g, h] = state;
  for (let i = 0; i < 64; i++) {
    const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const one = (h + s1 + ((e & f) ^ (~e & g)) + K[i] + w[i]) | 0;
    const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const two = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + one) | 0;
    d = c;
    c = b;
    b = a;
    a = (one + two) | 0;
  }
  [a, b, c, d, e, f, g, h].forEach((word, i) => (state[i] = (state[i] + word) | 0));
}

/** Returns the 32 bytes of SHA-256. */
function sha256(bytes) {
  const state = START.slice();
  const whole = bytes.length - (bytes.length % 64);
  for (let at = 0; at < whole; at += 64) compress(state, bytes, at);
  const rest = bytes.length - whole;
  const tail = new Uint8Array(rest < 56 ? 64 : 128);
  tail.set(bytes.subarray(whole));
  tail[rest] = 0x80;
  new DataView(tail.buffer).setBigUint64(tail.length - 8, BigInt(bytes.length) * 8n);
  for (let at = 0; at < tail.length; at += 64) compress(state, tail, at);
  const out = new Uint8Array(32);
  state.forEach((word, i) => new DataView(out.buffer).setInt32(4 * i, word));
  return out;
}

/** Returns `sha256:` and 64 hex digits. */
function digestOf(bytes) {
  return "sha256:" + hex(sha256(bytes));
}

/** Returns the digest of a file, which may be large, by WebCrypto. */
async function digestOfFile(bytes) {
  return "sha256:" + hex(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
}

/** Returns HMAC-SHA-256; keys of at most one block. Source: RFC 2104. */
function hmac(key, message) {
  const inner = new Uint8Array(64).fill(0x36);
  const outer = new Uint8Array(64).fill(0x5c);
  key.forEach((byte, at) => {
    inner[at] ^= byte;
    outer[at] ^= byte;
  });
  return sha256(concat(outer, sha256(concat(inner, message))));
}

/** Returns 32 bytes of HKDF-SHA-256; salt of at most one block. Source: RFC 5869. */
function hkdf(secret, salt, info) {
  return hmac(hmac(salt, secret), concat(utf8(info), Uint8Array.of(1)));
}

const CRC = Int32Array.from({ length: 256 }, (_, byte) => {
  for (let bit = 0; bit < 8; bit++) byte = byte & 1 ? (byte >>> 1) ^ 0xedb88320 : byte >>> 1;
  return byte;
});

/** Returns CRC-32 as ZIP has it. */
function crc32(bytes) {
  let crc = -1;
  for (let at = 0; at < bytes.length; at++) crc = CRC[(crc ^ bytes[at]) & 255] ^ (crc >>> 8);
  return ~crc >>> 0;
}
return { sha256, digestOf, digestOfFile, hmac, hkdf, crc32 };
})();

modules["core/draws.mjs"] = (() => {
const { byCodePoint, hex, utf8 } = modules["core/bytes.mjs"];
const { need } = modules["core/faults.mjs"];
const { sha256 } = modules["core/hashes.mjs"];
const { canonical, list, optional, string } = modules["core/json.mjs"];
// 抽取 Draws: nonces that were committed to beforehand give a seed, and the seed gives everybody a ticket.


const hexOf = (text) => hex(sha256(utf8(text)));

/** Returns the seed that the nonces and the beacon of a draw give. */
function seedOf(draw, purpose, poolRoot, poolSize) {
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
function drawnOrder(seed, stratum, names) {
  const tickets = names.map((name) => [hexOf(`${seed},${stratum},${name}`), name]);
  return tickets.sort(([a], [b]) => (a < b ? -1 : Number(a > b))).map(([, name]) => name);
}

/** Requires that each holder revealed the nonce it had committed to, with or without its own id as salt. */
function checkNonces(commitments, nonces) {
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
function tiePool(submissions) {
  return hexOf(submissions.join(","));
}
return { seedOf, drawnOrder, checkNonces, tiePool };
})();

modules["core/evaluation.mjs"] = (() => {
const { byCodePoint } = modules["core/bytes.mjs"];
const { Exact, mean, ONE, sum, ZERO } = modules["core/decimal.mjs"];
const { need } = modules["core/faults.mjs"];
const { equal, isObject, list, member, object, optional, pick, string } = modules["core/json.mjs"];
// 评标复算 A lot evaluated again, from the tender document's method, the opened bids and the experts' sheets.
//
// Rounding is half up: adjusted price, mean and base to two places, deviation to four, the price score as the method
// says, an expert's mean to two. Everything between is exact.


const amountOf = (bid) => Exact.read(string(object(bid, "price"), "amount"));
const HUNDRED = new Exact(100n);

/** A ground on which the figures alone put a bid out; the report words it as the law of the case does. */
const BY_FIGURES = "*";

/**
 * Returns `base`, `bids` and `candidates` as the report must have them.
 *
 * `bids`: disclosed bids, a Map by submission, sorted. `sheets`: the experts' sheets. `factors`: factors drawn at the
 * opening. `decided`: a Map of the grounds on which an authority without a committee rejected bids. `orders`: recorded tie
 * draws, a Map of seed to order, sorted. `oneBidEach`: whether several bids of one bidder are all out.
 */
function evaluate(terms) {
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
function groundsOf(rows) {
  const rejected = rows.filter((found) => isObject(found) && "rejected" in found);
  return new Map(rejected.map((found) => [string(found, "submission"), member(object(found, "rejected"), "ground")]));
}
return { BY_FIGURES, evaluate, groundsOf };
})();

modules["core/merkle.mjs"] = (() => {
const { concat, same } = modules["core/bytes.mjs"];
const { sha256 } = modules["core/hashes.mjs"];
// 默克尔树 Merkle tree of the transparency log. Source: RFC 6962 section 2.1, RFC 9162 sections 2.1.3.2 and 2.1.4.2.


const half = (n) => Math.floor(n / 2);
const isOdd = (n) => n % 2 === 1;

/** Returns the hash of a leaf. */
function leafHash(data) {
  return sha256(concat(Uint8Array.of(0), data));
}

function nodeHash(left, right) {
  return sha256(concat(Uint8Array.of(1), left, right));
}

/** Returns the root over leaf data, by its definition. */
function treeRoot(leaves) {
  if (leaves.length === 0) return sha256(new Uint8Array(0));
  if (leaves.length === 1) return leafHash(leaves[0]);
  let split = 1;
  while (split * 2 < leaves.length) split *= 2;
  return nodeHash(treeRoot(leaves.slice(0, split)), treeRoot(leaves.slice(split)));
}

/** Climbs a proof from a node: calls `left` or `right` for each sibling on that side; returns whether it reached the top. */
function climb(index, size, proof, left, right) {
  let position = index;
  let last = size - 1;
  for (const sibling of proof) {
    if (last === 0) return false;
    if (isOdd(position) || position === last) {
      left(sibling);
      while (position !== 0 && !isOdd(position)) [position, last] = [half(position), half(last)];
    } else {
      right(sibling);
    }
    [position, last] = [half(position), half(last)];
  }
  return last === 0;
}

const areHashes = (values) => values.every((value) => value.length === 32);

/** Tells whether the proof leads from a leaf hash to the root. */
function isIncluded(leaf, index, size, proof, root) {
  if (!(index >= 0 && index < size) || !areHashes([leaf, root, ...proof])) return false;
  let value = leaf;
  const left = (sibling) => (value = nodeHash(sibling, value));
  const right = (sibling) => (value = nodeHash(value, sibling));
  return climb(index, size, proof, left, right) && same(value, root);
}

/** Tells whether the tree of `size` leaves extends the one of `oldSize` leaves. */
function isConsistent(oldSize, size, proof, oldRoot, root) {
  if (!(oldSize >= 0 && oldSize <= size) || !areHashes([oldRoot, root, ...proof])) return false;
  if (oldSize === size) return proof.length === 0 && same(oldRoot, root);
  if (oldSize === 0) return proof.length === 0 && same(oldRoot, sha256(new Uint8Array(0)));
  let position = oldSize - 1;
  let last = size - 1;
  while (isOdd(position)) [position, last] = [half(position), half(last)];
  // A complete old tree is itself the first node of the path and is left out of the proof.
  const path = position === 0 ? [oldRoot, ...proof] : proof;
  if (path.length === 0) return false;
  let before = path[0];
  let after = path[0];
  const left = (sibling) => {
    before = nodeHash(sibling, before);
    after = nodeHash(sibling, after);
  };
  const right = (sibling) => (after = nodeHash(after, sibling));
  return climb(position, last + 1, path.slice(1), left, right) && same(before, oldRoot) && same(after, root);
}
return { leafHash, treeRoot, isIncluded, isConsistent };
})();

modules["core/signatures.mjs"] = (() => {
const { concat, textOf, unbase64url, utf8 } = modules["core/bytes.mjs"];
const { isObject, canonicalText } = modules["core/json.mjs"];
// 签名 Signatures by WebCrypto: Ed25519, ECDSA over P-256, and the detached JWS (RFC 7515, RFC 7797) that records carry.


const ECDSA = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const KEY = Symbol("WebCrypto key");

/** Returns an Ed25519 public key of 32 raw bytes. */
function ed25519Key(raw) {
  return { alg: "Ed25519", raw };
}

/** Returns a P-256 public key of 65 raw bytes, uncompressed. */
function p256Key(raw) {
  return { alg: "ES256", raw };
}

/** Tells whether a raw signature holds: 64 bytes for either kind of key. Total. */
async function holds(key, signature, message) {
  if (signature.length !== 64) return false;
  const algorithm = key.alg === "Ed25519" ? { name: "Ed25519" } : ECDSA;
  try {
    key[KEY] ??= await crypto.subtle.importKey("raw", key.raw, algorithm, false, ["verify"]);
    return await crypto.subtle.verify(algorithm, key[KEY], signature, message);
  } catch (error) {
    if (error.name === "NotSupportedError") throw error;
    return false;
  }
}

/** Tells whether a detached JWS with exactly our protected header holds. `Malformed` where its parts are no base64url. */
async function jwsHolds(content, jws, key, kid) {
  const isJws = isObject(jws) && Object.keys(jws).sort().join() === "protected,signature";
  if (!isJws) return false;
  const header = canonicalText({ alg: key.alg, b64: false, crit: ["b64"], kid });
  if (textOf(unbase64url(jws.protected)) !== header) return false;
  return holds(key, unbase64url(jws.signature), concat(utf8(jws.protected), Uint8Array.of(46), content));
}
return { ed25519Key, p256Key, holds, jwsHolds };
})();

modules["core/notes.mjs"] = (() => {
const { bigEndian, concat, hex, same, textOf, unbase64, utf8 } = modules["core/bytes.mjs"];
const { shape } = modules["core/faults.mjs"];
const { sha256 } = modules["core/hashes.mjs"];
const { ed25519Key, holds } = modules["core/signatures.mjs"];
// 签名便条 Signed notes, checkpoints and cosignatures. Source: c2sp.org/signed-note, tlog-checkpoint, tlog-cosignature.


const LOG = 1;
const WITNESS = 4;

/** Reads a verifier key `name+id+key` of the type needed. */
function readVerifierKey(text, kind) {
  shape(typeof text === "string", "not a verifier key");
  const [, name, id, encoded] = /^([^+]*)\+([^+]*)\+(.*)$/s.exec(text) ?? [];
  shape(encoded !== undefined, "not a verifier key");
  const material = unbase64(encoded);
  const keyId = sha256(concat(utf8(name), utf8("\n"), material)).subarray(0, 4);
  shape(material.length === 33 && material[0] === kind && hex(keyId) === id, "not a verifier key of the type needed");
  return { name, keyId, kind, key: ed25519Key(material.subarray(1)) };
}

/** Reads a signed note: its text, newline included, and its signatures. */
function readNote(bytes) {
  const whole = textOf(bytes);
  const cut = whole.lastIndexOf("\n\n");
  const rows = whole.slice(cut + 2).split("\n");
  shape(cut >= 0 && rows.length > 1 && rows.pop() === "", "not a signed note");
  const signatures = rows.map((row) => {
    const [dash, name, encoded, ...more] = row.split(" ");
    shape(dash === "\u2014" && encoded !== undefined && more.length === 0, "not a signature line");
    const value = unbase64(encoded);
    return { name, keyId: value.subarray(0, 4), value: value.subarray(4) };
  });
  return { text: whole.slice(0, cut + 1), signatures };
}

/** Reads the text of a checkpoint: origin, size, root, nothing else. */
function readCheckpoint(text) {
  const lines = text.split("\n");
  shape(lines.length === 4, "a checkpoint has three lines");
  const [origin, size, root, end] = lines;
  shape(/^(?:0|[1-9][0-9]{0,15})$/.test(size) && Number.isSafeInteger(Number(size)), "not a size");
  return { origin, size: Number(size), root: unbase64(root), isWhole: end === "" };
}

/** Tells whether a log's key signed, or a witness's key cosigned, the note; one bad line of the key spoils it. */
async function signedBy(note, key) {
  const lines = note.signatures.filter((line) => line.name === key.name && same(line.keyId, key.keyId));
  for (const { value } of lines) {
    const isStamped = key.kind === WITNESS;
    const message = isStamped ? `cosignature/v1\ntime ${bigEndian(value.subarray(0, 8))}\n${note.text}` : note.text;
    if (!(await holds(key.key, isStamped ? value.subarray(8) : value, utf8(message)))) return false;
  }
  return lines.length > 0;
}
return { LOG, WITNESS, readVerifierKey, readNote, readCheckpoint, signedBy };
})();

modules["core/records.mjs"] = (() => {
const { textOf, unhex } = modules["core/bytes.mjs"];
const { shape } = modules["core/faults.mjs"];
const { digestOf } = modules["core/hashes.mjs"];
const { canonical, integer, isObject, list, member, object, parse, string } = modules["core/json.mjs"];
// 记录 Records of an evidence file, as read: one spelling, suite TH1, nothing more and nothing less than its members.


const FILE = /^cases\/([tgrs]-[a-z2-7]{26})\/([0-9]{6})\.json$/;
const UTC = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const INSTANT = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,3}))?(?:Z|([+-])(\d\d):(\d\d))$/;
const MEMBERS = "accepted_at,envelope,leaf_index,proof,salt,signature";
const ENVELOPE = "attachments,author,case,filed_by,nonce,payload,schema,suite";
const SCHEMA = "digest,id,version";

const namesOf = (value) => Object.keys(value).sort().join();

/** Returns case and number that the name of a record file states; an empty case where it states none. */
function placeOf(name) {
  const [, place = "", number = "0"] = FILE.exec(name) ?? [];
  return [place, Number(number)];
}

/** Reads an RFC 3339 instant with offset, as milliseconds. */
function instant(text) {
  const [, local, fraction = "", sign, hours = "0", minutes = "0"] = INSTANT.exec(text) ?? [];
  shape(typeof text === "string" && local !== undefined, "not an instant");
  const at = Date.parse(`${local}Z`);
  // A day or hour that there is not comes back as another one.
  const isReal = !Number.isNaN(at) && new Date(at).toISOString().startsWith(local) && !local.startsWith("0000");
  shape(isReal && Number(hours) < 24 && Number(minutes) < 60, "not an instant");
  const offset = (Number(hours) * 60 + Number(minutes)) * 60000;
  return at + Number(fraction.padEnd(3, "0")) - (sign === "-" ? -offset : offset);
}

/** Reads a record file; `Malformed` if it is none in canonical form. */
function readRecord(place, number, bytes) {
  const value = parse(bytes);
  const text = textOf(bytes);
  // In canonical form a control character is always escaped with another letter than quote and backslash.
  shape(!/[\x7f-\x9f]/.test(text) && (text.match(/\\./g) ?? []).every((e) => e[1] === '"' || e[1] === "\\"), "control characters");
  const envelope = object(value, "envelope");
  const schema = object(envelope, "schema");
  const acceptedAt = string(value, "accepted_at");
  const salt = string(value, "salt");
  const proof = list(value, "proof");
  const isRecord =
    namesOf(value) === MEMBERS && namesOf(envelope) === ENVELOPE && namesOf(schema) === SCHEMA &&
    member(envelope, "suite") === "TH1" && UTC.test(acceptedAt) && /^[0-9a-f]{32}$/.test(salt) &&
    proof.every((step) => typeof step === "string" && /^[0-9a-f]{64}$/.test(step));
  shape(isRecord, "not a record of suite TH1");
  shape(member(envelope, "case") === place && isObject(envelope.payload), "of another case, or without payload");
  return {
    case: place,
    number,
    envelope,
    signature: object(value, "signature"),
    acceptedAt,
    at: instant(acceptedAt),
    salt,
    leafIndex: integer(value, "leaf_index"),
    proof: proof.map(unhex),
    digest: digestOf(canonical(envelope)),
    family: string(schema, "id"),
    schema: string(schema, "digest"),
    author: string(envelope, "author"),
    filedBy: string(envelope, "filed_by"),
    payload: envelope.payload,
  };
}

/** Returns the members of the leaf that the log keeps of a record. */
function leafOf({ acceptedAt, case: place, digest, salt, signature }) {
  return { accepted_at: acceptedAt, case: place, record: digest, salt, signature: digestOf(canonical(signature)) };
}
return { placeOf, instant, readRecord, leafOf };
})();

modules["core/age.mjs"] = (() => {
const { concat, littleEndian, same, toLittleEndian, unbase64, utf8 } = modules["core/bytes.mjs"];
const { Malformed, shape } = modules["core/faults.mjs"];
const { hkdf, hmac } = modules["core/hashes.mjs"];
// age 文件 The seal: age v1 files with one X25519 recipient, their keys, and keys rebuilt from custodians' shares.
// Source: c2sp.org/age, BIP 173, RFC 7748, RFC 8439, RFC 9591.


// --- bech32 -------------------------------------------------------------------------------------------------------

const DIGITS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
const GENERATORS = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3];

function checksum(values) {
  let check = 1;
  for (const value of values) {
    const top = check >>> 25;
    check = ((check & 0x1ffffff) << 5) ^ value;
    GENERATORS.forEach((generator, bit) => (check ^= (top >> bit) & 1 ? generator : 0));
  }
  return check;
}

/** Writes bytes as bech32, lower case. */
function bech32(prefix, bytes) {
  const bits = Array.from(bytes, (byte) => byte.toString(2).padStart(8, "0")).join("");
  const values = (bits.match(/.{1,5}/g) ?? []).map((five) => Number.parseInt(five.padEnd(5, "0"), 2));
  const codes = Array.from(prefix, (letter) => letter.charCodeAt(0));
  const expanded = [...codes.map((code) => code >> 5), 0, ...codes.map((code) => code & 31)];
  const check = checksum([...expanded, ...values, 0, 0, 0, 0, 0, 0]) ^ 1;
  const rest = [25, 20, 15, 10, 5, 0].map((shift) => (check >> shift) & 31);
  return `${prefix}1${[...values, ...rest].map((value) => DIGITS[value]).join("")}`;
}

/** Reads `AGE-SECRET-KEY-1…`, in its one spelling. */
function readSecret(text) {
  shape(typeof text === "string" && text.startsWith("AGE-SECRET-KEY-1") && text.length === 74, "not an age secret key");
  const values = Array.from(text.slice(16, -6).toLowerCase(), (digit) => DIGITS.indexOf(digit));
  shape(values.every((value) => value >= 0), "not an age secret key");
  const bits = values.map((value) => value.toString(2).padStart(5, "0")).join("");
  const secret = Uint8Array.from({ length: 32 }, (_, at) => Number.parseInt(bits.slice(8 * at, 8 * at + 8), 2));
  shape(bech32("age-secret-key-", secret).toUpperCase() === text, "not an age secret key");
  return secret;
}

// --- X25519 -------------------------------------------------------------------------------------------------------

const PKCS8 = Uint8Array.of(0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x6e, 4, 0x22, 4, 0x20);
const BASE = Uint8Array.from({ length: 32 }, (_, at) => (at === 0 ? 9 : 0));

/** Returns the shared secret; `Malformed` where it would be nothing but zeros. */
async function x25519(secret, point) {
  const algorithm = { name: "X25519" };
  const mine = await crypto.subtle.importKey("pkcs8", concat(PKCS8, secret), algorithm, false, ["deriveBits"]);
  try {
    const theirs = await crypto.subtle.importKey("raw", point, algorithm, false, []);
    return new Uint8Array(await crypto.subtle.deriveBits({ ...algorithm, public: theirs }, mine, 256));
  } catch (error) {
    if (error.name === "NotSupportedError") throw error;
    throw new Malformed("not a point that hides anything");
  }
}

/** Returns the public key of a secret key. */
function publicOf(secret) {
  return x25519(secret, BASE);
}

/** Returns the age recipient of a secret key. */
async function recipientOf(secret) {
  return bech32("age", await publicOf(secret));
}

// --- shares -------------------------------------------------------------------------------------------------------

/** Order of the group in which keys are shared. */
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;

const modulo = (value, by) => ((value % by) + by) % by;

function inverse(value) {
  let [a, b, x, y] = [modulo(value, ORDER), ORDER, 1n, 0n];
  while (a !== 0n) {
    const times = b / a;
    [a, b] = [b - times * a, a];
    [x, y] = [y - times * x, x];
  }
  shape(b === 1n, "shares that can't be combined");
  return modulo(y, ORDER);
}

/**
 * Rebuilds the secret key from shares, a Map of index to share; null if it is not that of the recipient.
 *
 * The shares give s = K mod L. K is a multiple of 8 in [2^254, 2^255) congruent to s or to -s: both have the same public
 * key, and a dealer who knows that could otherwise deal an s that lifts to nothing.
 */
async function combine(shares, recipient) {
  let total = 0n;
  for (const [i, share] of shares) {
    let weight = share;
    for (const j of shares.keys()) {
      if (i !== j) weight = modulo(weight * BigInt(j) * inverse(BigInt(j - i)), ORDER);
    }
    total = modulo(total + weight, ORDER);
  }
  // L = 5 (mod 8), whose inverse there is 5 itself.
  for (const residue of [total, modulo(-total, ORDER)]) {
    const lifted = residue + modulo(-residue * 5n, 8n) * ORDER;
    if (lifted < 2n ** 254n || lifted >= 2n ** 255n) continue;
    const secret = toLittleEndian(lifted);
    if ((await recipientOf(secret)) === recipient) return secret;
  }
  return null;
}

/** Reads a share in bytes, the lowest first. */
const readShare = littleEndian;

// --- ChaCha20-Poly1305 --------------------------------------------------------------------------------------------

const SIGMA = Uint32Array.of(0x61707865, 0x3320646e, 0x79622d32, 0x6b206574);
const ROUND = [
  [0, 4, 8, 12], [1, 5, 9, 13], [2, 6, 10, 14], [3, 7, 11, 15],
  [0, 5, 10, 15], [1, 6, 11, 12], [2, 7, 8, 13], [3, 4, 9, 14],
];

function wordsOf(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Uint32Array.from({ length: bytes.length / 4 }, (_, at) => view.getUint32(4 * at, true));
}

function block(state, out) {
  const x = Uint32Array.from(state);
  for (let turn = 0; turn < 10; turn++) {
    for (const [a, b, c, d] of ROUND) {
      let t = (x[d] ^ (x[a] += x[b])) >>> 0;
      x[d] = (t << 16) | (t >>> 16);
      t = (x[b] ^ (x[c] += x[d])) >>> 0;
      x[b] = (t << 12) | (t >>> 20);
      t = (x[d] ^ (x[a] += x[b])) >>> 0;
      x[d] = (t << 8) | (t >>> 24);
      t = (x[b] ^ (x[c] += x[d])) >>> 0;
      x[b] = (t << 7) | (t >>> 25);
    }
  }
  x.forEach((word, at) => out.setUint32(4 * at, (word + state[at]) >>> 0, true));
}

/** Returns data with the key stream from a block on laid over it; of zeros, the key stream itself. */
function chacha20(key, nonce, counter, data) {
  const state = Uint32Array.of(...SIGMA, ...wordsOf(key), counter, ...wordsOf(nonce));
  const stream = new Uint8Array(64);
  const view = new DataView(stream.buffer);
  const out = new Uint8Array(data.length);
  for (let at = 0; at < data.length; at += 64, state[12]++) {
    block(state, view);
    const end = Math.min(64, data.length - at);
    for (let i = 0; i < end; i++) out[at + i] = data[at + i] ^ stream[i];
  }
  return out;
}

const LIMB = 13;
const LIMBS = 10;
const MASK = (1 << LIMB) - 1;
const CLAMP = [255, 255, 255, 15, 252, 255, 255, 15, 252, 255, 255, 15, 252, 255, 255, 15];

/** Cuts up to 17 bytes, the lowest first, into ten limbs of 13 bits. */
function limbs(bytes, into) {
  let held = 0;
  let bits = 0;
  let at = 0;
  for (const byte of bytes) {
    held |= byte << bits;
    bits += 8;
    if (bits >= LIMB) {
      into[at++] = held & MASK;
      held >>>= LIMB;
      bits -= LIMB;
    }
  }
  for (; at < LIMBS; held >>>= LIMB) into[at++] = held & MASK;
}

/** Returns the one-time authenticator of a message made of whole 16-byte blocks. */
function poly1305(key, message) {
  const r = new Float64Array(LIMBS);
  limbs(key.subarray(0, 16).map((byte, at) => byte & CLAMP[at]), r);
  const h = new Float64Array(LIMBS);
  const d = new Float64Array(LIMBS);
  const m = new Float64Array(LIMBS);
  const word = new Uint8Array(17);
  for (let at = 0; at < message.length; at += 16) {
    word.set(message.subarray(at, at + 16));
    word[16] = 1;
    limbs(word, m);
    for (let i = 0; i < LIMBS; i++) h[i] += m[i];
    for (let i = 0; i < LIMBS; i++) {
      let total = 0;
      // 2^130 = 5: what runs over the top comes back five times.
      for (let j = 0; j < LIMBS; j++) total += h[j] * (j <= i ? r[i - j] : 5 * r[i - j + LIMBS]);
      d[i] = total;
    }
    let carry = 0;
    for (let i = 0; i < LIMBS; i++) {
      const value = d[i] + carry;
      carry = Math.floor(value / (MASK + 1));
      h[i] = value - carry * (MASK + 1);
    }
    h[0] += 5 * carry;
    carry = Math.floor(h[0] / (MASK + 1));
    h[0] -= carry * (MASK + 1);
    h[1] += carry;
  }
  const value = h.reduce((total, limb, at) => total + (BigInt(limb) << BigInt(LIMB * at)), 0n);
  const tag = ((value % (2n ** 130n - 5n)) + littleEndian(key.subarray(16, 32))) % 2n ** 128n;
  return toLittleEndian(tag).subarray(0, 16);
}

/** Returns the plaintext of ChaCha20-Poly1305 without further data; null where the tag does not hold. */
function chachaOpen(key, nonce, sealed) {
  if (sealed.length < 16) return null;
  const data = sealed.subarray(0, -16);
  const once = chacha20(key, nonce, 0, new Uint8Array(32));
  const sizes = new Uint8Array(16);
  new DataView(sizes.buffer).setBigUint64(8, BigInt(data.length), true);
  const tag = poly1305(once, concat(data, new Uint8Array((16 - (data.length % 16)) % 16), sizes));
  return same(tag, sealed.subarray(-16)) ? chacha20(key, nonce, 1, data) : null;
}

// --- the file -----------------------------------------------------------------------------------------------------

const HEADER = new RegExp(
  "^age-encryption\\.org/v1\n-> X25519 ([A-Za-z0-9+/]{43})\n([A-Za-z0-9+/]{43})\n--- ([A-Za-z0-9+/]{43})\n",
);
const CHUNK = 65536 + 16;
const HEADER_SIZE = 168;

function opened(plaintext) {
  shape(plaintext !== null, "the ciphertext is not for this key or was changed");
  return plaintext;
}

/** Returns the plaintext of an age file with exactly one X25519 stanza; `Malformed` if it is not one for this key. */
async function decrypt(file, secret) {
  const head = String.fromCharCode(...file.subarray(0, HEADER_SIZE + 32));
  const found = HEADER.exec(head);
  shape(found !== null, "not an age file with one X25519 recipient");
  const [share, body, mac] = found.slice(1).map((part) => unbase64(part + "="));
  const shared = await x25519(secret, share);
  const wrap = hkdf(shared, concat(share, await publicOf(secret)), "age-encryption.org/v1/X25519");
  const fileKey = opened(chachaOpen(wrap, new Uint8Array(12), body));
  const size = found[0].length;
  const authentic = hmac(hkdf(fileKey, new Uint8Array(0), "header"), utf8(head.slice(0, size - 45)));
  opened(same(authentic, mac) || null);
  const key = hkdf(fileKey, file.subarray(size, size + 16), "payload");
  const payload = file.subarray(size + 16);
  const count = Math.max(Math.ceil(payload.length / CHUNK), 1);
  const chunks = [];
  for (let i = 0; i < count; i++) {
    const nonce = new Uint8Array(12);
    new DataView(nonce.buffer).setUint32(7, i);
    nonce[11] = Number(i === count - 1);
    chunks.push(opened(chachaOpen(key, nonce, payload.subarray(i * CHUNK, (i + 1) * CHUNK))));
  }
  return concat(...chunks);
}
return { bech32, readSecret, publicOf, recipientOf, ORDER, combine, readShare, chachaOpen, decrypt };
})();

modules["core/zip.mjs"] = (() => {
const { concat, same, textOf } = modules["core/bytes.mjs"];
const { shape } = modules["core/faults.mjs"];
const { crc32 } = modules["core/hashes.mjs"];
// 规范压缩包 The one canonical ZIP: stored entries without a gap, an extra field, a comment, a date or a mode of its own.
//
// Every header is written again from name, size and CRC-32 and compared, so that each byte of the container is accounted
// for. An archive that was unpacked and packed again, deflated for instance, is another file than the signed one, and refused.


const LOCAL = 30;
const CENTRAL = 46;
const END = 22;
const VERSION = 20;
const MADE_ON_UNIX = (3 << 8) | VERSION;
const UTF8_NAMES = 1 << 11;
const DATE_1980 = (1 << 5) | 1;
const MODE = 0o100644 * 0x10000;

/** Packs fields, given as [size in bytes, value], the lowest byte first. */
function packed(fields) {
  const bytes = [];
  for (const [size, value] of fields) {
    for (let at = 0; at < size; at++) bytes.push(Math.floor(value / 256 ** at) % 256);
  }
  return Uint8Array.from(bytes);
}

function facts(crc, size, name) {
  return [[2, UTF8_NAMES], [2, 0], [2, 0], [2, DATE_1980], [4, crc], [4, size], [4, size], [2, name.length]];
}

function localHeader(crc, size, name) {
  return concat(packed([[4, 0x04034b50], [2, VERSION], ...facts(crc, size, name), [2, 0]]), name);
}

function centralHeader(crc, size, name, position) {
  const head = [[4, 0x02014b50], [2, MADE_ON_UNIX], [2, VERSION], ...facts(crc, size, name)];
  return concat(packed([...head, [2, 0], [2, 0], [2, 0], [2, 0], [4, MODE], [4, position]]), name);
}

function endRecord(count, length, offset) {
  return packed([[4, 0x06054b50], [2, 0], [2, 0], [2, count], [2, count], [4, length], [4, offset], [2, 0]]);
}

/** Returns the files of a canonical ZIP as a Map, in its order; anything else is `Malformed`. */
function unzip(bytes) {
  shape(bytes.length >= END, "too short");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const last = bytes.length - END;
  const count = view.getUint16(last + 8, true);
  const length = view.getUint32(last + 12, true);
  const offset = view.getUint32(last + 16, true);
  const isEnd = same(bytes.subarray(last), endRecord(count, length, offset)) && offset + length === last;
  shape(isEnd, "the end record is not canonical");
  const files = new Map();
  let at = offset;
  let position = 0;
  for (let entry = 0; entry < count; entry++) {
    shape(at + CENTRAL <= last, "the directory is cut short");
    const crc = view.getUint32(at + 16, true);
    const size = view.getUint32(at + 24, true);
    const name = bytes.subarray(at + CENTRAL, Math.min(at + CENTRAL + view.getUint16(at + 28, true), last));
    const central = centralHeader(crc, size, name, position);
    const local = localHeader(crc, size, name);
    const start = position + LOCAL + name.length;
    const isCanonical =
      same(bytes.subarray(at, at + central.length), central) && same(bytes.subarray(position, start), local);
    shape(isCanonical && start + size <= offset, `entry ${entry + 1} is not canonical`);
    const content = bytes.subarray(start, start + size);
    const text = textOf(name);
    shape(crc32(content) === crc && !files.has(text), `${text.slice(0, 60)} has a wrong checksum or stands twice`);
    files.set(text, content);
    at += central.length;
    position = start + size;
  }
  shape(position === offset && at === last, "bytes that belong to no file");
  return files;
}
return { unzip };
})();

modules["core/seals.mjs"] = (() => {
const { byCodePoint, unbase64url, unhex } = modules["core/bytes.mjs"];
const { combine, decrypt, readSecret, readShare, recipientOf } = modules["core/age.mjs"];
const { isBadShape, need, shape, Wrong } = modules["core/faults.mjs"];
const { digestOf } = modules["core/hashes.mjs"];
const { canonicalText, equal, integer, list, member, object, optional, parse, string } = modules["core/json.mjs"];
const { jwsHolds } = modules["core/signatures.mjs"];
const { unzip } = modules["core/zip.mjs"];
// 开标复核 Sealed bids: which stood, how their keys came to light, and what was inside.


const RULE = "bid-not-open";

/** Returns the commitments of a lot that stood before a place in the log, sorted by submission. */
function standing(records, place, lot, until) {
  let answers = "";
  const bids = new Map();
  const complete = new Set();
  const gone = new Set();
  const answered = new Map();
  const name = (...parts) => JSON.stringify(parts);
  for (const record of records.filter((r) => r.case === place && r.leafIndex < until)) {
    const { family, payload, author } = record;
    const submission = canonicalText(optional(payload, "submission", null));
    const bid = name(submission, author);
    if (family === "tender_notice") answers = record.digest;
    else if (family === "clarification" && member(payload, "invalidates_bids")) answers = record.digest;
    else if (family === "bid_commitment" && member(payload, "lot") === lot && !bids.has(submission)) {
      bids.set(submission, record);
      answered.set(bid, member(payload, "answers"));
      if ("replaces" in payload) gone.add(name(canonicalText(payload.replaces), author));
    } else if (family === "sealed_bid") complete.add(name(submission, author, string(object(payload, "ciphertext"), "sha256")));
    else if (family === "bid_withdrawal") gone.add(bid);
    else if (family === "bid_confirmation") answered.set(bid, member(payload, "answers"));
  }
  const rows = [...bids].sort(([a], [b]) => byCodePoint(a, b));
  const stands = ([submission, { author, payload }]) => {
    const bid = name(submission, author);
    const isComplete = complete.has(name(submission, author, member(object(payload, "ciphertext"), "sha256")));
    return isComplete && !gone.has(bid) && answered.get(bid) === answers;
  };
  return rows.filter(stands).map(([, record]) => record);
}

function* combinations(items, size, from = 0) {
  if (size === 0) yield [];
  for (let at = from; size > 0 && at <= items.length - size; at++) {
    for (const rest of combinations(items, size - 1, at + 1)) yield [items[at], ...rest];
  }
}

/** Returns the secret key of a bid and how it came (`bidder_key`, `custodians`), or null and the cause. */
async function secretOf(bid, keyReleases, shareReleases) {
  const recipient = string(bid.payload, "recipient");
  for (const release of keyReleases) {
    const secret = readSecret(string(release.payload, "secret_key"));
    if (release.author === bid.author && (await recipientOf(secret)) === recipient) return [secret, "bidder_key"];
  }
  const shares = new Map(shareReleases.map(({ payload }) => [integer(payload, "index"), readShare(unhex(string(payload, "share")))]));
  const threshold = list(bid.payload, "commitments").length;
  const indices = [...shares.keys()].sort((a, b) => a - b);
  for (const chosen of combinations(indices, threshold)) {
    const secret = await combine(new Map(chosen.map((index) => [index, shares.get(index)])), recipient);
    if (secret !== null) return [secret, "custodians"];
  }
  return [null, indices.length >= threshold ? "bad_shares" : "not_released"];
}

/** Returns the files inside a seal with their manifest; `Malformed` if they are not a bid. */
async function unpack(ciphertext, secret) {
  const inner = unzip(await decrypt(ciphertext, secret));
  const raw = inner.get("manifest.json");
  shape(raw !== undefined && inner.has("manifest.sig"), "no manifest");
  const signature = parse(inner.get("manifest.sig"));
  const manifest = parse(raw);
  const files = list(manifest, "files");
  const letter = inner.get("guarantee/letter.pdf");
  const certificate = unbase64url(string(object(manifest, "bidder"), "certificate"));
  const names = ["manifest.json", "manifest.sig", ...files.map((file) => `files/${string(file, "name")}`)];
  names.push(...(letter === undefined ? ["padding"] : ["guarantee/letter.pdf", "padding"]));
  shape([...inner.keys()].join("\n") === names.join("\n") && inner.get("padding").every((byte) => byte === 0), "other files");
  for (const file of files) {
    const content = inner.get(`files/${file.name}`);
    shape(digestOf(content) === member(file, "sha256") && content.length === member(file, "size"), "another file");
  }
  shape(member(manifest, "format") === "TH-BID-1", "another format");
  return { raw, signature, manifest, letter, certificate };
}

/**
 * Opens a sealed bid; `Wrong` with the cause as its detail when it can't count.
 *
 * `certified(der, at, parties)` returns the public key of a certificate that was good then.
 */
async function openBid(bid, ciphertext, secret, certified) {
  const p = bid.payload;
  need(ciphertext !== undefined, "ciphertext-missing", p.submission);
  need(ciphertext.length === member(p.ciphertext, "size"), RULE, "digest_mismatch");
  let inside;
  try {
    inside = await unpack(ciphertext, secret);
  } catch (error) {
    if (isBadShape(error)) throw new Wrong(RULE, "malformed");
    throw error;
  }
  const { raw, signature, manifest, letter, certificate } = inside;
  const bidder = object(manifest, "bidder");
  let key;
  try {
    key = await certified(certificate, bid.at, [member(bidder, "id")]);
  } catch (error) {
    if (isBadShape(error) || error instanceof Wrong) throw new Wrong(RULE, "bad_signature");
    throw error;
  }
  need(await jwsHolds(raw, signature, key, digestOf(certificate)), RULE, "bad_signature");
  const isBound = ["lot", "submission", "bid_key"].every((name) => equal(member(manifest, name), member(p, name)));
  need(isBound && member(manifest, "tender") === bid.case, RULE, "wrong_binding");
  return {
    shown: {
      price: member(manifest, "price"),
      attributes: member(manifest, "attributes"),
      files: manifest.files,
      manifest: digestOf(raw),
      bidder: { id: member(bidder, "id"), name: member(bidder, "name"), certificate: digestOf(certificate) },
    },
    claim: member(manifest, "guarantee"),
    letter: letter === undefined ? null : digestOf(letter),
  };
}

/** What is disclosed of an opened bid is what was in it. */
function compareOpened(p, opened, way) {
  for (const [name, value] of Object.entries({ ...opened.shown, opened_by: way })) {
    need(equal(optional(p, name), value), "disclosure-differs", name);
  }
  const shown = optional(p, "guarantee") || { result: "absent" };
  const result = member(shown, "result");
  if (opened.claim === null) {
    need(result !== "valid", "guarantee-differs");
    return;
  }
  const isSame = Object.entries(opened.claim).every(([name, value]) => equal(optional(shown, name, value), value));
  need(isSame, "guarantee-differs");
  need(!("guarantee" in p && result === "absent" && opened.letter !== null), "guarantee-differs");
  const isTheLetter = opened.letter === opened.claim.letter && opened.letter === shown.letter;
  need(result !== "valid" || isTheLetter, "guarantee-letter");
}
return { standing, secretOf, openBid, compareOpened };
})();

modules["core/x509.mjs"] = (() => {
const { concat, hex, same, textOf } = modules["core/bytes.mjs"];
const { shape } = modules["core/faults.mjs"];
const { ed25519Key, holds, p256Key } = modules["core/signatures.mjs"];
// 证书 X.509 certificates, as far as evidence needs them: P-256 and Ed25519 keys, names, validity, who issued whom.
// Strict DER: one spelling for each value. Source: X.690, RFC 5280, RFC 5480, RFC 8410.


const [BOOLEAN, INTEGER, BIT_STRING, OCTET_STRING, OID, SEQUENCE, SET] = [1, 2, 3, 4, 6, 0x30, 0x31];
const [UTC_TIME, GENERALIZED_TIME] = [0x17, 0x18];
const TEXTS = new Set([0x0c, 0x12, 0x13, 0x14, 0x16, 0x1a, 0x1c, 0x1e]);
const BMP_STRING = 0x1e;
const VERSION_3 = 0xa0;
const EXTENSIONS = 0xa3;

const ED25519 = "06032b6570";
const EC_P256 = "06072a8648ce3d020106082a8648ce3d030107";
const ECDSA_SHA256 = "06082a8648ce3d040302";
const SERIAL_NUMBER = "550405";
const BASIC_CONSTRAINTS = "551d13";

/** Reads one DER value at a place: tag, content, all its bytes, and what follows. */
function readAt(bytes, at) {
  shape(at + 2 <= bytes.length, "DER: cut short");
  const tag = bytes[at];
  let size = bytes[at + 1];
  let start = at + 2;
  if (size >= 128) {
    const digits = size - 128;
    shape(digits >= 1 && digits <= 3 && start + digits <= bytes.length, "DER: length");
    size = bytes.subarray(start, start + digits).reduce((value, byte) => value * 256 + byte, 0);
    shape(size >= 128 && bytes[start] !== 0, "DER: length not minimal");
    start += digits;
  }
  shape((tag & 31) !== 31 && start + size <= bytes.length, "DER: cut short");
  return { tag, content: bytes.subarray(start, start + size), all: bytes.subarray(at, start + size), end: start + size };
}

/** Reads the values one after another that fill these bytes. */
function readAll(bytes) {
  const found = [];
  for (let at = 0; at < bytes.length; at = found.at(-1).end) found.push(readAt(bytes, at));
  return found;
}

function expect(value, tag, what) {
  shape(value !== undefined && value.tag === tag, `certificate: ${what}`);
  return value.content;
}

function parts(value, what) {
  return readAll(expect(value, SEQUENCE, what));
}

function whole(content) {
  const isMinimal = content.length === 1 || !((content[0] === 0 && content[1] < 128) || (content[0] === 255 && content[1] > 127));
  shape(content.length > 0 && isMinimal, "certificate: whole number");
  return content;
}

function positive(content, what) {
  const digits = whole(content);
  shape(digits[0] < 128 && (digits.length > 1 || digits[0] > 0), `certificate: ${what} is not positive`);
  return digits[0] === 0 ? digits.subarray(1) : digits;
}

function bits(value) {
  const content = expect(value, BIT_STRING, "bit string");
  shape(content[0] === 0, "certificate: unused bits");
  return content.subarray(1);
}

function instant({ tag, content }) {
  const text = textOf(content);
  shape(tag === UTC_TIME || tag === GENERALIZED_TIME, "certificate: time");
  const [, years, month, day, hour, minute, second] =
    (tag === UTC_TIME ? /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/ : /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/).exec(text) ?? [];
  shape(years !== undefined, "certificate: time");
  const century = tag === GENERALIZED_TIME ? "" : years < "50" ? "20" : "19";
  const at = Date.parse(`${century}${years}-${month}-${day}T${hour}:${minute}:${second}Z`);
  shape(!Number.isNaN(at), "certificate: time");
  return at;
}

/** Returns the values of an attribute in a name. */
function attributes(name, type) {
  const pairs = parts(name, "name").flatMap((set) => readAll(expect(set, SET, "name")));
  const found = pairs.map((pair) => parts(pair, "attribute")).filter(([kind]) => hex(expect(kind, OID, "type")) === type);
  return found.map(([, value]) => {
    shape(TEXTS.has(value.tag), "certificate: text of a name");
    if (value.tag !== BMP_STRING) return textOf(value.content);
    return String.fromCharCode(...value.content.reduce((units, byte, at) => (at % 2 ? [...units.slice(0, -1), units.at(-1) * 256 + byte] : [...units, byte]), []));
  });
}

/** Returns the public key; of a kind that is neither P-256 nor Ed25519 it has no `alg` that any signature of ours names. */
function publicKey(info) {
  const [algorithm, key] = parts(info, "public key");
  const kind = hex(expect(algorithm, SEQUENCE, "algorithm"));
  const raw = bits(key);
  if (kind === ED25519 && raw.length === 32) return ed25519Key(raw);
  if (kind === EC_P256 && raw.length === 65 && raw[0] === 4) return p256Key(raw);
  return { alg: "unknown", raw };
}

/** Tells whether the extensions make this an authority. */
function isAuthority(extensions) {
  const names = new Set();
  let found = false;
  for (const extension of extensions) {
    const [oid, ...rest] = parts(extension, "extension");
    const name = hex(expect(oid, OID, "extension"));
    shape(!names.has(name), "certificate: an extension twice");
    names.add(name);
    if (rest[0]?.tag === BOOLEAN) shape(rest.shift().content[0] === 255, "certificate: a default written out");
    const value = expect(rest[0], OCTET_STRING, "extension");
    if (name !== BASIC_CONSTRAINTS) continue;
    const [flag] = parts(readAt(value, 0), "basic constraints");
    found = flag?.tag === BOOLEAN && flag.content.length === 1 && flag.content[0] === 255;
  }
  return found;
}

/** Reads a certificate; `Malformed` if it is none. */
function readCertificate(der) {
  const outer = readAt(der, 0);
  shape(outer.end === der.length, "certificate: bytes at its end");
  const [signed, algorithm, signature, ...more] = parts(outer, "certificate");
  shape(more.length === 0, "certificate: too many parts");
  const body = parts(signed, "content");
  const version = body.shift();
  shape(version?.tag === VERSION_3 && hex(version.content) === "020102", "certificate: version");
  const [serial, inner, issuer, validity, subject, key, ...rest] = body;
  positive(expect(serial, INTEGER, "serial number"), "the serial number");
  const [from, to, ...others] = parts(validity, "validity");
  shape(to !== undefined && others.length === 0, "certificate: validity");
  const extensions = rest.find(({ tag }) => tag === EXTENSIONS);
  return {
    signed: signed.all,
    algorithm: hex(expect(algorithm, SEQUENCE, "algorithm")),
    hasOneAlgorithm: inner !== undefined && same(inner.all, algorithm.all),
    signature: bits(signature),
    issuer: issuer.all,
    subject: subject.all,
    parties: attributes(subject, SERIAL_NUMBER),
    from: instant(from),
    to: instant(to),
    key: publicKey(key),
    isAuthority: extensions !== undefined && isAuthority(parts(readAt(extensions.content, 0), "extensions")),
  };
}

/** Returns r and s of an ECDSA signature in DER, 32 bytes each. */
function rawEcdsa(der) {
  const outer = readAt(der, 0);
  const numbers = parts(outer, "signature");
  shape(outer.end === der.length && numbers.length === 2, "certificate: signature");
  const [r, s] = numbers.map((number) => positive(expect(number, INTEGER, "signature"), "a part of the signature"));
  shape(r.length <= 32 && s.length <= 32, "certificate: signature");
  return concat(new Uint8Array(32 - r.length), r, new Uint8Array(32 - s.length), s);
}

/** Tells whether an authority issued and signed a certificate. */
async function isIssuedBy(certificate, authority) {
  const isNamed = same(certificate.issuer, authority.subject) && certificate.hasOneAlgorithm && authority.isAuthority;
  const wanted = { Ed25519: ED25519, ES256: ECDSA_SHA256 }[authority.key.alg];
  if (!isNamed || certificate.algorithm !== wanted) return false;
  if (authority.key.alg === "Ed25519") return holds(authority.key, certificate.signature, certificate.signed);
  try {
    return await holds(authority.key, rawEcdsa(certificate.signature), certificate.signed);
  } catch {
    return false;
  }
}
return { readCertificate, isIssuedBy };
})();

modules["core/evidence.mjs"] = (() => {
const { byCodePoint, hex, unbase64url, unhex, utf8 } = modules["core/bytes.mjs"];
const { Exact } = modules["core/decimal.mjs"];
const { checkNonces, drawnOrder, seedOf, tiePool } = modules["core/draws.mjs"];
const { BY_FIGURES, evaluate, groundsOf } = modules["core/evaluation.mjs"];
const { isBadShape, need, shape, Wrong } = modules["core/faults.mjs"];
const { digestOf, digestOfFile, sha256 } = modules["core/hashes.mjs"];
const { canonical, equal, integer, list, member, object, optional, parse, pick, string } = modules["core/json.mjs"];
const { isIncluded, leafHash, treeRoot } = modules["core/merkle.mjs"];
const { LOG, readCheckpoint, readNote, readVerifierKey, signedBy, WITNESS } = modules["core/notes.mjs"];
const { instant, leafOf, placeOf, readRecord } = modules["core/records.mjs"];
const { compareOpened, openBid, secretOf, standing } = modules["core/seals.mjs"];
const { ed25519Key, jwsHolds } = modules["core/signatures.mjs"];
const { isIssuedBy, readCertificate } = modules["core/x509.mjs"];
const { unzip } = modules["core/zip.mjs"];
// 证据复核 The verification of an evidence file (TH-EVIDENCE-1), from the file and public keys alone.
//
// Checks bear the names they have in verifier.py, and so do the rules that a finding names: both reports can be compared
// line by line. A check adds to the report, and none stops the others, unless the file or its keys don't hold at all.


const UNTIL_OPENING = ["bid_commitment", "sealed_bid", "bid_withdrawal", "bid_confirmation"];
const BID_FAMILIES = [...UNTIL_OPENING, "key_release"];
const FOLDERS = { certificates: ".der", attachments: "", schemas: ".json", parameters: ".json" };
const HOUR = 3600_000;
const DAY = 24 * HOUR;
const OUTAGE_NOTE = ["故障顺延至工作日，按十二天核对", "moved by an outage to a working day: checked to 12 days"];
const BASE32 = "abcdefghijklmnopqrstuvwxyz234567";

const withoutPrefix = (digest) => digest.replace(/^sha256:/, "");
const isoOf = (at) => (at === null ? "—" : new Date(at).toISOString());

/** Returns the name of a bid's own key as an author: the first 32 digits of the key's digest in base32. */
function bidAuthor(key) {
  const bits = Array.from(sha256(key), (byte) => byte.toString(2).padStart(8, "0")).join("");
  const digits = Array.from({ length: 32 }, (_, at) => BASE32[Number.parseInt(bits.slice(5 * at, 5 * at + 5), 2)]);
  return `bid:${digits.join("")}`;
}

class Verification {
  constructor(files, { nodeKeys = [], witnessKeys = [], minWitnesses = 0, progress = () => {} }, report) {
    Object.assign(this, { files, nodeKeys, witnessKeys, minWitnesses, progress, report });
    this.index = Object.create(null);
    this.records = [];
    this.byDigest = new Map();
    this.certificates = new Map();
    this.root = new Uint8Array(0);
    this.size = 0;
  }

  // --- the report ---

  /** Runs one check; what it finds wrong, or can't read, becomes a finding about the record. */
  async attempt(name, record = null, ...more) {
    try {
      await this[name](...(record === null ? [] : [record]), ...more);
    } catch (error) {
      if (error instanceof Wrong) this.found(record, error.rule, error.detail);
      else if (isBadShape(error)) this.found(record, "malformed", error.message);
      else throw error;
      return;
    }
    this.report.checks[name] = (this.report.checks[name] ?? 0) + 1;
  }

  found(record, rule, detail = "") {
    const { case: place = "", number = 0, family = "", leafIndex = -1 } = record ?? {};
    this.report.findings.push({ case: place, number, family, rule, detail, leaf_index: leafIndex });
  }

  // --- what is in the file ---

  file(name) {
    shape(this.files.has(name), `no file ${name}`);
    return this.files.get(name);
  }

  /** Returns the records of a family and case, in log order, whose payload has these members. */
  of(family, place, members = {}) {
    const rows = this.records.filter((record) => record.family === family && record.case === place);
    const wanted = Object.entries(members);
    return rows.filter(({ payload }) => wanted.every(([name, value]) => equal(optional(payload, name), value)));
  }

  /** Returns the entries by lot of all records of a family. */
  lotsOf(family, place) {
    return this.of(family, place).flatMap((record) => list(record.payload, "lots"));
  }

  inCase(place) {
    return this.records.filter((record) => record.case === place);
  }

  allows(isOfKind, used) {
    const given = this.nodeKeys.filter(isOfKind);
    return given.length === 0 || used.every((key) => given.includes(key));
  }

  // --- the file, its keys, the log ---

  /** Every file is listed with its digest, and the list is signed by the receipt key. */
  async check_index() {
    const raw = this.file("evidence.json");
    const index = parse(raw);
    const node = parse(this.file("keys/node.json"));
    const listed = object(index, "files");
    this.index = index;
    const others = [...this.files.keys()].filter((name) => name !== "evidence.json" && name !== "evidence.sig");
    const names = [...new Set([...others, ...Object.keys(listed)])].sort(byCodePoint);
    const known = new Set(others);
    for (const name of names) {
      const isSame = known.has(name) && name in listed && (await digestOfFile(this.files.get(name))) === listed[name];
      need(isSame, "file-digest", name);
    }
    for (const name of names) {
      const [, folder, rest] = /^([^/]*)\/?(.*)$/s.exec(name);
      if (!Object.hasOwn(FOLDERS, folder)) continue;
      const suffix = FOLDERS[folder];
      const stem = rest.endsWith(suffix) ? rest.slice(0, rest.length - suffix.length) : rest;
      need(listed[name] === `sha256:${stem}`, "file-name", name);
    }
    const key = unbase64url(member(node, "receipt_key"));
    const signature = parse(this.file("evidence.sig"));
    need(await jwsHolds(raw, signature, ed25519Key(key), digestOf(key)), "evidence-signature");
    need(member(index, "format") === "TH-EVIDENCE-1" && equal(member(index, "node"), member(node, "node")), "evidence-format");
  }

  /** The node's keys are those given by the reader, and well formed. */
  async check_keys() {
    const node = parse(this.file("keys/node.json"));
    const authorities = list(node, "ca_certificates").map(unbase64url);
    this.authorities = authorities.map(readCertificate);
    this.log = readVerifierKey(member(node, "log_key"), LOG);
    need(this.allows((key) => key.includes("+"), [node.log_key]), "node-key", node.log_key);
    const isReceiptKey = (key) => !key.includes("+") && !key.includes(":");
    need(this.allows(isReceiptKey, [member(node, "receipt_key")]), "node-key", "receipt key");
    need(this.allows((key) => key.startsWith("sha256:"), authorities.map(digestOf)), "node-key", "authority");
  }

  /** The log signed the checkpoint, and enough witnesses cosigned it. */
  async check_checkpoint() {
    const note = readNote(this.file("log/checkpoint"));
    const { origin, size, root, isWhole } = readCheckpoint(note.text);
    this.size = size;
    this.root = root;
    const isOfLog = origin === this.log.name && origin === member(object(this.index, "log"), "origin");
    need(isOfLog && isWhole, "checkpoint-form");
    need(await signedBy(note, this.log), "checkpoint-signature");
    this.report.facts.checkpoint = { origin, size, root: hex(root) };
    const stated = parse(this.file("keys/witnesses.json"));
    const needed = Math.max(integer(stated, "required"), this.minWitnesses);
    const wanted = [[list(stated, "witnesses"), needed]];
    if (this.witnessKeys.length > 0) {
      const few = Math.min(this.witnessKeys.length, Math.max(1, needed));
      wanted.push([this.witnessKeys, this.minWitnesses || few]);
    }
    for (const [texts, count] of wanted) {
      const good = new Map();
      for (const key of texts.map((text) => readVerifierKey(text, WITNESS))) {
        if (await signedBy(note, key)) good.set(hex(key.key.raw), key.name);
      }
      need(good.size >= count, "witnesses", `${good.size} / ${count}`);
      this.report.facts.witnesses = [...good.values()].sort(byCodePoint);
    }
  }

  // --- every record ---

  /** Reads all record files; those that can't be read become findings. */
  async read_records() {
    const numbers = new Map();
    for (const name of [...this.files.keys()].filter((name) => name.startsWith("cases/")).sort(byCodePoint)) {
      const [place, number] = placeOf(name);
      numbers.set(place, [...(numbers.get(place) ?? []), number]);
      try {
        this.records.push(readRecord(place, number, this.files.get(name)));
      } catch (error) {
        if (!isBadShape(error)) throw error;
        const at = { case: place, number, family: "", leaf_index: -1 };
        this.report.findings.push({ ...at, rule: "record-form", detail: error.message });
      }
    }
    this.records.sort((a, b) => a.leafIndex - b.leafIndex || byCodePoint(a.case, b.case) || a.number - b.number);
    this.byDigest = new Map([...this.records].reverse().map((record) => [record.digest, record]));
    const counts = object(this.index, "counts");
    const places = [member(this.index, "case"), ...list(this.index, "linked").map((link) => member(link, "case"))];
    const isCounted = Object.keys(counts).every((place) => counts[place] === (numbers.get(place) ?? []).length);
    const isGapless = [...numbers].every(([place, found]) => place in counts && found.every((number, at) => number === at + 1));
    const isListed = Object.keys(counts).sort().join() === [...new Set(places)].sort().join();
    need(isCounted && isGapless && isListed, "record-numbers");
  }

  /** Signature, schema and place in the log of one record. */
  async check_record(record) {
    need(this.files.has(`schemas/${withoutPrefix(record.schema)}.json`), "schema-missing", record.schema);
    await this.check_signature(record);
    const leaf = leafHash(sha256(canonical(leafOf(record))));
    need(isIncluded(leaf, record.leafIndex, this.size, record.proof, this.root), "log-inclusion", record.leafIndex);
  }

  /** The author, or who filed for it, signed the envelope with a certificate valid then; bids by their own key. */
  async check_signature(record) {
    const { author, filedBy, family, payload, signature } = record;
    const isBid = BID_FAMILIES.includes(family);
    let key;
    let kid;
    if (isBid || author.startsWith("bid:") || filedBy.startsWith("bid:")) {
      const raw = unbase64url(member(payload, "bid_key"));
      kid = bidAuthor(raw);
      need(isBid && author === kid && filedBy === kid, "bid-author", author);
      key = ed25519Key(raw);
    } else {
      kid = string(parse(unbase64url(member(signature, "protected"))), "kid");
      const der = this.files.get(`certificates/${withoutPrefix(kid)}.der`);
      need(der !== undefined, "certificate-missing", kid);
      key = await this.certified(der, record.at, [author, filedBy]);
    }
    need(await jwsHolds(canonical(record.envelope), signature, key, kid), "record-signature");
  }

  /** Returns a certificate with its issuers among the node's authorities; each is looked at once. */
  async certificate(der) {
    const name = hex(sha256(der));
    if (!this.certificates.has(name)) {
      const certificate = readCertificate(der);
      const issuers = [];
      for (const authority of this.authorities) {
        if (await isIssuedBy(certificate, authority)) issuers.push(authority);
      }
      this.certificates.set(name, { certificate, issuers });
    }
    return this.certificates.get(name);
  }

  /** Returns the public key of a certificate that names a party and was valid then, as was who issued it. */
  async certified(der, at, parties) {
    const { certificate, issuers } = await this.certificate(der);
    need(issuers.length > 0, "certificate-chain", certificate.parties.join());
    const isValid = ({ from, to }) => from <= at && at <= to;
    const span = `${isoOf(certificate.from)} – ${isoOf(certificate.to)}`;
    need(isValid(certificate) && issuers.some(isValid), "certificate-expired", span);
    need(parties.some((party) => certificate.parties.includes(party)), "certificate-party", parties.join());
    return certificate.key;
  }

  /** In each case numbers, log order and times go forward, none comes twice, and each family keeps to one schema. */
  check_order() {
    const last = new Map();
    const pinned = new Map();
    this.records.forEach((record, place) => {
      const before = last.get(record.case) ?? record;
      const isAlone = place === 0 || this.records[place - 1].leafIndex < record.leafIndex;
      const isFirst = this.byDigest.get(record.digest) === record;
      if (!isAlone || !isFirst || before.number > record.number || before.at > record.at) this.found(record, "log-order");
      const pin = JSON.stringify([record.case, record.family]);
      if (!pinned.has(pin)) pinned.set(pin, record.schema);
      if (pinned.get(pin) !== record.schema) this.found(record, "schema-pin");
      last.set(record.case, record);
    });
  }

  // --- deadlines and opening ---

  /** No bid record is stamped at or after the deadline then in force, and no opening before it. */
  check_deadlines(place) {
    let deadline = null;
    let grace = 0;
    const opened = new Set();
    const lots = new Map(this.of("bid_commitment", place).map(({ payload: p }) => [member(p, "submission"), member(p, "lot")]));
    for (const record of this.inCase(place)) {
      const { family, payload: p } = record;
      if (family === "tender_notice" || family === "deadline_extension") {
        deadline = instant(member(p, "bid_deadline"));
        if ("grace_seconds" in p) grace = integer(p, "grace_seconds") * 1000;
      } else if (family === "clarification" && "bid_deadline" in optional(p, "changes", {})) {
        deadline = instant(p.changes.bid_deadline);
      } else if (family === "outage_record" && deadline !== null) {
        deadline = this.postponed(deadline, p);
      } else if (family === "opening_start") {
        list(p, "lots").forEach((lot) => opened.add(member(lot, "lot")));
        const isEarly = deadline === null || record.at < deadline;
        if (isEarly) this.found(record, "opening-early", `${record.acceptedAt} < ${isoOf(deadline)}`);
      } else if (UNTIL_OPENING.includes(family)) {
        const limit = deadline !== null && family === "sealed_bid" ? deadline + grace : deadline;
        const submission = string(p, "submission");
        const isLate = limit === null || record.at >= limit || (lots.has(submission) && opened.has(lots.get(submission)));
        if (isLate) this.found(record, "bid-late", `${record.acceptedAt} ≥ ${isoOf(limit)}`);
      }
    }
  }

  /** Returns the deadline after an outage: two hours after its end, or a day and on to a working day. */
  postponed(deadline, outage) {
    const [start, end] = [instant(member(outage, "from")), instant(member(outage, "to"))];
    if (start > deadline || deadline > end || member(outage, "policy") !== "postpone_2h") return deadline;
    if (end - start <= 2 * HOUR) return end + 2 * HOUR;
    this.report.notes.push(OUTAGE_NOTE);
    return end + 13 * DAY;
  }

  /** The set frozen at the opening is exactly what the records left standing. */
  check_opening_set(start) {
    for (const stated of list(start.payload, "lots")) {
      const lot = member(stated, "lot");
      const bids = standing(this.records, start.case, lot, start.leafIndex);
      const root = hex(treeRoot(bids.map((bid) => unhex(withoutPrefix(bid.digest)))));
      const submissions = bids.map((bid) => ({ submission: bid.payload.submission, commitment: bid.digest }));
      const expected = { lot, accepted_root: root, count: bids.length, submissions };
      need(equal(stated, expected), "opening-set", lot);
    }
  }

  /** What was disclosed of a bid is what is inside its seal; what is called unopened can't be opened. */
  async check_disclosure(disclosure) {
    const { payload: p, case: place } = disclosure;
    const frozen = this.lotsOf("opening_start", place).flatMap((lot) => list(lot, "submissions"));
    const submission = member(p, "submission");
    const commitments = new Map(frozen.map((row) => [member(row, "submission"), member(row, "commitment")]));
    const bid = this.byDigest.get(commitments.get(submission));
    need(bid !== undefined && equal(member(bid.payload, "lot"), member(p, "lot")), "disclosure-set", submission);
    need(this.of("bid_disclosure", place, { submission })[0] === disclosure, "disclosure-missing");
    const own = [string(bid.payload, "recipient"), string(object(bid.payload, "ciphertext"), "sha256")];
    const earlier = this.of("bid_commitment", place).filter((record) => record.leafIndex < bid.leafIndex);
    const seals = earlier.flatMap(({ payload }) => [member(payload, "recipient"), member(object(payload, "ciphertext"), "sha256")]);
    const mine = { submission: member(bid.payload, "submission") };
    const [secret, way] = await secretOf(bid, this.of("key_release", place, mine), this.of("share_release", place, mine));
    let opened;
    try {
      need(!own.some((seal) => seals.includes(seal)), "bid-not-open", "copied");
      need(secret !== null, "bid-not-open", way);
      const ciphertext = this.files.get(`attachments/${withoutPrefix(own[1])}`);
      opened = await openBid(bid, ciphertext, secret, (...asked) => this.certified(...asked));
    } catch (error) {
      if (!(error instanceof Wrong)) throw error;
      this.checkUnopened(p, error);
      return;
    }
    if (member(p, "outcome") !== "opened") {
      need(optional(p, "cause") === "guarantee", "bid-suppressed", submission);
      return;
    }
    compareOpened(p, opened, way);
    this.compareLetter(place, p);
  }

  /** A bid that does not open may not be called opened; another cause than ours is only noted. */
  checkUnopened(p, wrong) {
    const cause = optional(p, "cause", null);
    const isLost = wrong.rule === "ciphertext-missing" && cause === "no_ciphertext";
    if (member(p, "outcome") === "opened" || (wrong.rule !== "bid-not-open" && !isLost)) throw wrong;
    if (wrong.detail === cause) return;
    const differs = `${p.submission}: ${cause} ≠ ${wrong.detail}`;
    this.report.notes.push([`未开启原因与复核不同 ${differs}`, `another cause was found ${differs}`]);
  }

  /** A guarantee that counts is the one issued, where its case is in the file. */
  compareLetter(place, bid) {
    const claim = optional(bid, "guarantee") || {};
    if (claim.result !== "valid") return;
    for (const { payload: issued } of this.records.filter((record) => record.family === "guarantee_letter")) {
      if (!equal(member(claim, "number"), member(issued, "number"))) continue;
      const terms = (of) => ["amount", "valid_until", "letter"].map((name) => member(of, name));
      const stated = [member(claim, "issuer"), place, member(bid, "lot"), member(object(bid, "bidder"), "id"), ...terms(claim)];
      const party = (name) => member(object(issued, name), "id");
      const real = [party("issuer"), member(issued, "tender"), member(issued, "lot"), party("applicant"), ...terms(issued)];
      need(equal(stated, real), "guarantee-differs", claim.number);
    }
  }

  /** The opening record repeats the disclosures, the roots and the price limits. */
  check_opening_record(record) {
    const starts = new Map(this.lotsOf("opening_start", record.case).map((lot) => [member(lot, "lot"), lot]));
    const { ceilings, floors } = this.limits(record.case);
    for (const lot of list(record.payload, "lots")) {
      const name = member(lot, "lot");
      const start = starts.get(name);
      need(equal(member(lot, "accepted_root"), member(start, "accepted_root")), "opening-root", name);
      const isLimit = equal(member(lot, "ceiling"), ceilings.get(name) ?? null);
      need(isLimit && equal(optional(lot, "floor", null), floors.get(name) ?? null), "opening-limits", name);
      const expected = new Map();
      for (const { payload: p } of this.of("bid_disclosure", record.case, { lot: name })) {
        const bidder = "bidder" in p ? { bidder: pick(object(p, "bidder"), ["id", "name"]) } : {};
        expected.set(member(p, "submission"), { ...pick(p, ["submission", "outcome", "price", "cause"]), ...bidder });
      }
      const frozen = new Set(list(start, "submissions").map((row) => member(row, "submission")));
      const isComplete = frozen.size === expected.size && [...frozen].every((submission) => expected.has(submission));
      need(isComplete, "disclosure-missing");
      const bids = list(lot, "bids");
      const isSame = bids.length === expected.size && new Set(bids.map((bid) => member(bid, "submission"))).size === bids.length;
      need(isSame && bids.every((bid) => equal(bid, expected.get(bid.submission))), "opening-bids", name);
    }
  }

  /** Returns ceilings and floors by lot, as the notice and later clarifications set them. */
  limits(place) {
    const ceilings = new Map();
    const floors = new Map();
    for (const { family, payload } of this.inCase(place)) {
      if (family === "tender_notice") {
        for (const lot of list(payload, "lots")) {
          ceilings.set(member(lot, "id"), member(lot, "ceiling"));
          if ("floor" in lot) floors.set(lot.id, lot.floor);
        }
      } else if (family === "clarification") {
        const changes = optional(optional(payload, "changes", {}), "ceilings", []);
        changes.forEach((change) => ceilings.set(member(change, "lot"), member(change, "ceiling")));
      }
    }
    return { ceilings, floors };
  }

  // --- draws and scores ---

  /** The experts drawn are those the committed nonces and pool give. */
  check_draw(draw) {
    const p = draw.payload;
    const size = integer(p, "pool_size");
    const before = this.of("draw_commitment", draw.case).filter((record) => record.leafIndex < draw.leafIndex);
    const promise = before.at(-1)?.payload;
    const terms = { pool_root: member(p, "pool_root"), pool_size: size, beacon_source: member(object(p, "beacon"), "source") };
    const isPromised = promise !== undefined && Object.entries(terms).every(([name, value]) => equal(member(promise, name), value));
    need(isPromised, "draw-commitment");
    checkNonces(list(promise, "holders"), list(p, "nonces"));
    const seed = seedOf(p, `experts:${draw.case}`, p.pool_root, size);
    need(seed === member(p, "seed"), "draw-seed", seed);
    const used = list(p, "excluded").map((row) => string(row, "expert"));
    for (const stratum of list(p, "strata")) {
      const name = string(stratum, "stratum");
      const names = [...list(stratum, "members"), ...list(stratum, "reserves")];
      need(stratum.members.length === member(stratum, "seats"), "draw-members", name);
      need(equal(names, drawnOrder(seed, name, names)), "draw-order", name);
      used.push(...names);
    }
    need(used.length === new Set(used).size && used.length <= size, "draw-members");
    // Where every stratum of the pool was drawn from, its names are all here: then none was left out or added.
    const pool = hex(treeRoot([...used].sort(byCodePoint).map(utf8)));
    need(used.length < size || pool === p.pool_root, "draw-members", "pool");
  }

  /** A tie was drawn by the committed nonces. */
  check_tie_draw(draw) {
    const p = draw.payload;
    const lot = string(p, "lot");
    const names = [...list(p, "submissions")].sort(byCodePoint);
    checkNonces(list(p, "commitments"), list(p, "nonces"));
    const seed = seedOf(p, `tie:${draw.case}:${lot}`, tiePool(names), names.length);
    need(seed === member(p, "seed"), "draw-seed", seed);
    need(equal(member(p, "order"), drawnOrder(seed, `tie:${lot}`, names)), "draw-order");
  }

  /** Who is replaced is followed by the next reserve of the same stratum. */
  check_recusal(recusal) {
    const seated = new Map();
    const reserves = new Map();
    let following;
    for (const { family, payload: p, leafIndex } of this.inCase(recusal.case)) {
      if (leafIndex > recusal.leafIndex) break;
      if (family === "expert_draw") {
        reserves.clear();
        for (const drawn of list(p, "strata")) {
          const name = string(drawn, "stratum");
          list(drawn, "members").forEach((expert) => seated.set(expert, name));
          reserves.set(name, [...list(drawn, "reserves")]);
        }
      } else if (family === "recusal") {
        const expert = member(p, "expert");
        shape(seated.has(expert), "who is replaced was not seated");
        const stratum = seated.get(expert);
        seated.delete(expert);
        following = reserves.get(stratum).shift();
        if (following !== undefined) seated.set(following, stratum);
      }
    }
    need(equal(optional(recusal.payload, "replaced_by"), following), "recusal-order", following ?? "—");
  }

  /** A score sheet is the one its expert committed to, and was shown after all had committed. */
  check_sheet(sheet) {
    const p = sheet.payload;
    const expert = member(p, "expert");
    const committed = this.of("score_commitment", sheet.case, { lot: member(p, "lot") });
    const mine = committed.filter(({ payload }) => member(payload, "expert") === expert);
    const isOne = mine.length === 1 && member(mine[0].payload, "digest") === digestOf(canonical(p));
    need(isOne, "score-commitment", expert);
    const isAfter = committed.every(({ leafIndex }) => leafIndex < sheet.leafIndex);
    need(isAfter && sheet.author === expert, "score-early", expert);
  }

  // --- report and award ---

  /** Prices, scores, ranking and candidates follow from the opened bids and the sheets. */
  check_report(report) {
    const { payload: p, case: place } = report;
    const lot = member(p, "lot");
    const document = this.byDigest.get(member(this.of("tender_notice", place).at(-1)?.payload, "document"));
    const method = member(document?.payload, "evaluation");
    need(equal(member(p, "method"), method), "report-method");
    const bids = this.of("bid_disclosure", place, { lot, outcome: "opened" }).map(({ payload }) => [string(payload, "submission"), payload]);
    const hasPanel = "session" in p;
    const sheets = hasPanel ? this.of("score_sheet", p.session, { lot }).map(({ payload }) => payload) : [];
    const panel = sheets.map((sheet) => string(sheet, "expert")).sort(byCodePoint);
    need(!hasPanel || equal(panel, [...list(p, "members")].sort(byCodePoint)), "report-sheets");
    const grounds = groundsOf(list(p, "bids"));
    const limit = (limits) => (limits.has(lot) ? Exact.read(string(limits.get(lot), "amount")) : null);
    const { ceilings, floors } = this.limits(place);
    const closed = this.lotsOf("opening_record", place).filter((found) => equal(member(found, "lot"), lot));
    const draws = this.of("tie_draw", place, { lot }).map(({ payload }) => [string(payload, "seed"), list(payload, "order")]);
    const orders = new Map(draws.sort(([a], [b]) => byCodePoint(a, b)));
    const isForeign = this.of("project", place).some(({ payload }) => member(payload, "regime") === "foreign_sealed");
    const expected = evaluate({
      method,
      bids: new Map(bids.sort(([a], [b]) => byCodePoint(a, b))),
      sheets,
      ceiling: limit(ceilings),
      floor: limit(floors),
      factors: Object.assign(Object.create(null), ...closed.map((found) => optional(found, "factors", {}))),
      decided: sheets.length > 0 ? new Map() : grounds,
      orders,
      oneBidEach: !isForeign,
    });
    const byFigures = new Set(expected.bids.filter((row) => row.rejected === BY_FIGURES).map((row) => row.submission));
    const ground = (submission) => (byFigures.has(submission) ? BY_FIGURES : grounds.get(submission));
    const rows = p.bids.map((row) => (grounds.has(row.submission) ? { ...row, rejected: ground(row.submission) } : row));
    const stated = { base: optional(object(p, "price"), "base", null), bids: rows, candidates: member(p, "candidates") };
    for (const [name, value] of Object.entries(expected)) need(equal(stated[name], value), "report-result", name);
    for (const tie of list(p, "tie_draws")) {
      const submissions = list(tie, "submissions");
      const drawn = (orders.get(member(tie, "seed")) ?? []).filter((submission) => submissions.includes(submission));
      need(drawn.length > 0 && equal(drawn, member(tie, "order")), "report-ties", tie.seed);
    }
  }

  /** The candidates shown are those of the report. */
  check_publicity(publicity) {
    const p = publicity.payload;
    const report = this.byDigest.get(member(p, "report"))?.payload;
    need(report !== undefined, "publicity");
    const shown = list(report, "candidates").map((candidate) => pick(candidate, ["rank", "bidder", "price", "total"]));
    need(equal(member(report, "lot"), member(p, "lot")) && equal(member(p, "candidates"), shown), "publicity");
  }

  /** The winner is a candidate at its price, the first unless a reason is on record. */
  check_award(award) {
    const p = award.payload;
    const lot = member(p, "lot");
    const reports = this.of("evaluation_report", award.case, { lot }).filter(({ leafIndex }) => leafIndex < award.leafIndex);
    const candidates = reports.length > 0 ? list(reports.at(-1).payload, "candidates") : [];
    const rank = member(p, "rank");
    const chosen = candidates.filter((candidate) => equal(member(candidate, "rank"), rank));
    const stated = { bidder: member(p, "winner"), submission: member(p, "submission"), price: member(p, "price") };
    const isCandidate = chosen.length === 1 && Object.entries(stated).every(([name, value]) => equal(member(chosen[0], name), value));
    need(isCandidate, "award-candidate", rank);
    need(rank === 1 || "reason" in p, "award-reason");
    const shown = this.of("candidate_publicity", award.case, { lot }).map(({ digest }) => digest);
    need(!("publicity" in p) || shown.includes(p.publicity), "award-publicity");
  }

  /** The letter's PDF is in the file. */
  check_letter(letter) {
    const digest = string(letter.payload, "letter");
    const attached = list(letter.envelope, "attachments").map((attachment) => member(attachment, "sha256"));
    need(equal(attached, [digest]), "guarantee-letter");
    need(this.files.has(`attachments/${withoutPrefix(digest)}`), "guarantee-missing");
  }

  /** Carries out every check; where the file or its keys don't hold, nothing further is looked at. */
  async run() {
    for (const name of ["check_index", "check_keys"]) {
      await this.attempt(name);
      if (this.report.findings.length > 0) return;
    }
    for (const name of ["check_checkpoint", "read_records", "check_order"]) await this.attempt(name);
    const places = [...new Set(this.records.map((record) => record.case))].sort(byCodePoint);
    for (const place of places) await this.attempt("check_deadlines", null, place);
    for (const [at, record] of this.records.entries()) {
      await this.attempt("check_record", record);
      if (Object.hasOwn(BY_FAMILY, record.family)) await this.attempt(BY_FAMILY[record.family], record);
      await this.progress(at + 1, this.records.length);
    }
    const order = (a, b) => a.leaf_index - b.leaf_index || byCodePoint(a.case, b.case) || a.number - b.number;
    this.report.findings.sort(order);
  }
}

const BY_FAMILY = {
  opening_start: "check_opening_set",
  bid_disclosure: "check_disclosure",
  opening_record: "check_opening_record",
  expert_draw: "check_draw",
  tie_draw: "check_tie_draw",
  recusal: "check_recusal",
  score_sheet: "check_sheet",
  evaluation_report: "check_report",
  candidate_publicity: "check_publicity",
  award_notice: "check_award",
  guarantee_letter: "check_letter",
};

/**
 * Verifies an evidence file in memory 复核证据文件.
 *
 * `options`: `nodeKeys` and `witnessKeys` the reader got elsewhere (verifier keys, base64url receipt keys, `sha256:` of an
 * authority), `minWitnesses`, and `progress(done, total)`, which may be async.
 *
 * Returns `{ok, facts, checks, findings, notes}`, the first bad record first.
 */
async function verifyEvidence(bytes, options = {}) {
  const report = { ok: false, facts: {}, checks: {}, findings: [], notes: [] };
  let files;
  try {
    files = unzip(bytes);
    const names = [...files.keys()];
    shape(names.every((name, at) => at === 0 || byCodePoint(names[at - 1], name) < 0), "not sorted");
  } catch (error) {
    if (!isBadShape(error)) throw error;
    report.findings.push({ case: "", number: 0, family: "", rule: "container", detail: error.message, leaf_index: -1 });
    return report;
  }
  const run = new Verification(files, options, report);
  await run.run();
  for (const name of ["case", "node", "created_at", "counts", "linked"]) report.facts[name] = optional(run.index, name, null);
  report.facts.trust = { node: run.nodeKeys.length > 0, witnesses: run.witnessKeys.length > 0 };
  report.ok = report.findings.length === 0;
  return report;
}
return { verifyEvidence };
})();

modules["core/receipts.mjs"] = (() => {
const { byCodePoint, hex, unbase64url, unhex, utf8 } = modules["core/bytes.mjs"];
const { isBadShape, need, shape, Wrong } = modules["core/faults.mjs"];
const { digestOf, sha256 } = modules["core/hashes.mjs"];
const { canonical, integer, isObject, list, member, object, optional, parseStrict, string } = modules["core/json.mjs"];
const { isConsistent, isIncluded, leafHash } = modules["core/merkle.mjs"];
const { LOG, readCheckpoint, readNote, readVerifierKey, signedBy, WITNESS } = modules["core/notes.mjs"];
const { ed25519Key, jwsHolds } = modules["core/signatures.mjs"];
// 回执核验 Receipts, signed refusals and log proofs, checked offline with public keys alone.


const UTC = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const NO_LOG_KEY = ["未给定日志公钥，未核验日志证明", "no key of the log was given: its proof was not checked"];
const NO_RECORD = ["未给定原记录，未核验包含证明", "the record was not given: its inclusion was not checked"];
const NO_WITNESS = ["未给定见证公钥，未核验见证", "no key of a witness was given: cosignatures were not checked"];

/** Tells what a JSON document is: `receipt`, `refusal`, `proof`, or nothing of ours. */
function kindOf(value) {
  if (!isObject(value)) return "";
  if (isObject(value.receipt)) return "receipt";
  if (isObject(value.refusal)) return "refusal";
  return "checkpoint" in value && "proof" in value ? "proof" : "";
}

/** Sorts the keys a reader brought, as given to `verifyEvidence`. */
function keysOf({ nodeKeys = [], witnessKeys = [] }) {
  const receipt = nodeKeys.filter((key) => !key.includes("+") && !key.includes(":"));
  return {
    receipt: receipt.map((key) => (/^[0-9a-f]{64}$/.test(key) ? unhex(key) : unbase64url(key))),
    logs: nodeKeys.filter((key) => key.includes("+")).map((key) => readVerifierKey(key, LOG)),
    witnesses: witnessKeys.map((key) => readVerifierKey(key, WITNESS)),
  };
}

/** Returns a checkpoint that one of the logs signed, with the names of the witnesses that cosigned it. */
async function openCheckpoint(text, keys, minWitnesses, passed) {
  const note = readNote(utf8(text));
  const checkpoint = readCheckpoint(note.text);
  const log = keys.logs.find((key) => key.name === checkpoint.origin);
  need(log !== undefined && checkpoint.isWhole && checkpoint.root.length === 32, "checkpoint-form", checkpoint.origin);
  need(await signedBy(note, log), "checkpoint-signature");
  passed.checkpoint = (passed.checkpoint ?? 0) + 1;
  const cosigners = new Map();
  for (const key of keys.witnesses) {
    if (await signedBy(note, key)) cosigners.set(hex(key.key.raw), key.name);
  }
  need(cosigners.size >= minWitnesses, "witnesses", `${cosigners.size} / ${minWitnesses}`);
  if (cosigners.size > 0) passed.witnesses = cosigners.size;
  return { ...checkpoint, witnesses: [...cosigners.values()].sort(byCodePoint) };
}

/** Returns the leaf data of a receipt, for the record whose signature object is given. */
function leafData(receipt, signature) {
  const leaf = { accepted_at: receipt.accepted_at, case: receipt.case, record: receipt.record };
  return sha256(canonical({ ...leaf, salt: receipt.leaf.salt, signature: digestOf(canonical(signature)) }));
}

async function checkReceipt(value, record, keys, options, report) {
  const content = value.receipt;
  const text = string(object(content, "log"), "checkpoint");
  if (keys.logs.length === 0) {
    report.notes.push(NO_LOG_KEY);
    need(!(options.minWitnesses > 0), "witnesses", "0");
    return;
  }
  const found = await openCheckpoint(text, keys, options.minWitnesses ?? 0, report.checks);
  report.facts.checkpoint = { origin: found.origin, size: found.size, root: hex(found.root) };
  report.facts.witnesses = found.witnesses;
  if (keys.witnesses.length === 0) report.notes.push(NO_WITNESS);
  if (record === undefined) {
    report.notes.push(NO_RECORD);
    return;
  }
  const signed = parseStrict(record);
  need(digestOf(canonical(object(signed, "envelope"))) === content.record, "record-form", "another record");
  const isLeaf = UTC.test(string(content, "accepted_at")) && /^[0-9a-f]{32}$/.test(string(object(content, "leaf"), "salt"));
  shape(isLeaf, "not a leaf");
  const leaf = leafHash(leafData(content, object(signed, "signature")));
  const proof = list(content.log, "proof").map(unhex);
  need(isIncluded(leaf, integer(content.leaf, "index"), found.size, proof, found.root), "log-inclusion", content.leaf.index);
  report.checks.inclusion = 1;
}

async function checkSigned(value, kind, record, keys, options, report) {
  const content = value[kind];
  report.facts.content = content;
  need(keys.receipt.length > 0, "no-key");
  const isSigned = Object.keys(value).sort().join() === `${kind},signature` && member(content, "type") === kind;
  shape(isSigned, `not a signed ${kind}`);
  const body = canonical(content);
  let isOurs = false;
  for (const raw of keys.receipt) {
    isOurs ||= await jwsHolds(body, value.signature, ed25519Key(raw), digestOf(raw));
  }
  need(isOurs, "evidence-signature");
  report.checks.signature = 1;
  if (kind === "receipt") await checkReceipt(value, record, keys, options, report);
}

/** Checks a proof of `tradehall log prove --json`, or one that a later checkpoint extends an earlier one. */
async function checkProof(value, keys, options, report) {
  need(keys.logs.length > 0, "no-key");
  const min = options.minWitnesses ?? 0;
  const found = await openCheckpoint(string(value, "checkpoint"), keys, min, report.checks);
  report.facts.checkpoint = { origin: found.origin, size: found.size, root: hex(found.root) };
  report.facts.witnesses = found.witnesses;
  if (keys.witnesses.length === 0) report.notes.push(NO_WITNESS);
  const proof = list(value, "proof").map(unhex);
  if ("old_checkpoint" in value) {
    const before = await openCheckpoint(string(value, "old_checkpoint"), keys, 0, report.checks);
    const holds = before.origin === found.origin && isConsistent(before.size, found.size, proof, before.root, found.root);
    need(holds, "consistency", `${before.size} → ${found.size}`);
    report.checks.consistency = 1;
    return;
  }
  need(optional(value, "size", found.size) === found.size, "checkpoint-form", "another size");
  const leaf = unhex(string(value, "leaf"));
  need(isIncluded(leaf, integer(value, "index"), found.size, proof, found.root), "inclusion", value.index);
  report.checks.inclusion = 1;
}

/**
 * Verifies a receipt, a refusal or a log proof 核验回执、拒收回执、日志证明.
 *
 * `record`: bytes of the signed record that a receipt is for, where it is at hand. Options are those of `verifyEvidence`.
 */
async function verifyDocument(bytes, options = {}, record = undefined) {
  const report = { ok: false, kind: "", facts: {}, checks: {}, findings: [], notes: [] };
  const found = (rule, detail) => report.findings.push({ case: "", number: 0, family: "", rule, detail, leaf_index: -1 });
  try {
    const value = parseStrict(bytes);
    report.kind = kindOf(value);
    need(report.kind !== "", "not-ours");
    const keys = keysOf(options);
    if (report.kind === "proof") await checkProof(value, keys, options, report);
    else await checkSigned(value, report.kind, record, keys, options, report);
  } catch (error) {
    if (error instanceof Wrong) found(error.rule, error.detail);
    else if (isBadShape(error)) found(report.kind === "" ? "not-ours" : "malformed", error.message);
    else throw error;
  }
  report.ok = report.findings.length === 0;
  return report;
}
return { verifyDocument };
})();

modules["core/words.mjs"] = (() => {
// 用语 What a report says, in Chinese and English.

/** Every rule a finding can name. */
const RULES = {
  container: ["容器不是规范格式", "the container is not in canonical form"],
  malformed: ["内容无法复核", "the content can't be checked"],
  "file-digest": ["文件缺失、多余或被改动", "a file is missing, unlisted or changed"],
  "file-name": ["文件与其摘要名不符", "a file is not named by its digest"],
  "evidence-signature": ["证据文件签名无效", "the evidence signature does not hold"],
  "evidence-format": ["不是本格式的证据文件", "not an evidence file of this format"],
  "node-key": ["不是给定的节点公钥", "not the node key that was given"],
  "checkpoint-form": ["检查点格式或来源不符", "the checkpoint is malformed or of another log"],
  "checkpoint-signature": ["检查点没有日志的有效签名", "the log did not sign the checkpoint"],
  witnesses: ["有效见证不足", "too few valid witness cosignatures"],
  "record-form": ["记录格式不符", "not a record in canonical form"],
  "record-numbers": ["记录编号、数量或项目与目录不符", "record numbers, counts or cases are not those stated"],
  "record-signature": ["签名无效", "the signature does not hold"],
  "bid-author": ["投标记录不是其投标密钥所作", "the bid record is not by its bid key"],
  "certificate-missing": ["缺少签名证书", "the signer's certificate is not in the file"],
  "certificate-chain": ["证书不是受认可机构签发的", "no accepted authority issued the certificate"],
  "certificate-expired": ["证书在受理时无效", "the certificate was not valid at that time"],
  "certificate-party": ["证书不属于签名人", "the certificate does not name the signer"],
  "schema-missing": ["缺少所引用的数据标准", "the schema that is cited is not in the file"],
  "schema-pin": ["同一项目内数据标准版本变动", "the schema version changed within the case"],
  "log-inclusion": ["记录不在日志的该位置", "the record is not in the log at this place"],
  "log-order": ["编号、日志次序与时间不一致", "number, log order and time disagree"],
  "bid-late": ["受理时间不早于投标截止时间", "accepted at or after the deadline"],
  "opening-early": ["早于投标截止时间开标", "opened before the deadline"],
  "opening-set": ["开标集合与记录不符", "the opening set differs from what the records left standing"],
  "opening-root": ["开标记录的集合根不符", "the root is not that of the opening"],
  "opening-limits": ["最高限价或最低限价不符", "ceiling or floor is not the one in force"],
  "opening-bids": ["开标记录的投标与公布不符", "the bids are not as disclosed"],
  "disclosure-missing": ["有投标未公布或重复公布", "a bid is disclosed twice or not at all"],
  "disclosure-set": ["公布的投标不在开标集合内", "the bid is not in the opening set"],
  "disclosure-differs": ["公布内容与密封内容不符", "what is disclosed is not what was sealed"],
  "ciphertext-missing": ["缺少密文，无法复核解密", "the ciphertext is not in the file"],
  "bid-not-open": ["该投标实际不能计入", "this bid does not open"],
  "bid-suppressed": ["该投标可以打开却未计入", "this bid opens, but was not counted"],
  "guarantee-differs": ["公布的保函与密封内容不符", "the disclosed guarantee is not the sealed one"],
  "guarantee-letter": ["保函文件与记录不符", "the guarantee letter is not the one on record"],
  "guarantee-missing": ["缺少保函文件", "the guarantee letter is not in the file"],
  "draw-commitment": ["抽取的专家库或信标未事先承诺", "pool or beacon of the draw were not committed beforehand"],
  "draw-nonce": ["随机数与承诺不符", "a nonce does not open its commitment"],
  "draw-seed": ["随机种子不符", "the seed is not the one computed"],
  "draw-members": ["抽中人数、重复或应回避", "wrong number of names, a name twice, or an excluded expert"],
  "draw-order": ["抽取次序不符", "the order drawn is another"],
  "recusal-order": ["递补的不是下一名备选", "the replacement is not the next reserve"],
  "score-commitment": ["评分表与锁定的摘要不符", "the sheet is not the one committed to"],
  "score-early": ["评分在全部锁定之前公开，或非本人所作", "shown before all had committed, or not by the expert"],
  "score-range": ["评分缺项或超出范围", "points are incomplete or out of range"],
  "report-method": ["评标办法与招标文件不符", "the method is not that of the tender document"],
  "report-sheets": ["评分表与评委名单不符", "the sheets are not those of the members"],
  "report-result": ["评标报告与复算不符", "the report differs from what the records give"],
  "report-ties": ["报告引用的抽签没有记录", "a tie draw of the report is not on record"],
  publicity: ["公示与评标报告不符", "the publicity is not that of the report"],
  "award-candidate": ["中标人不是该名次的候选人", "the winner is not the candidate of that rank"],
  "award-reason": ["未选第一名而无理由", "rank 1 is passed over without a reason"],
  "award-publicity": ["所引公示不存在", "the publicity cited is not on record"],
  "no-key": ["未给定大厅公钥，无法核验", "no key of the hall was given: nothing can be checked"],
  inclusion: ["证明不能导出检查点的根", "the proof does not lead to the root of the checkpoint"],
  consistency: ["后一检查点不是前一检查点的延续", "the later checkpoint does not extend the earlier one"],
  "not-ours": ["不是证据文件、回执、拒收回执或日志证明", "neither evidence, nor a receipt, a refusal or a log proof"],
};

/** What was checked. */
const CHECKS = {
  check_index: ["文件清单、摘要与签名", "list of files, digests, signature"],
  check_keys: ["节点公钥", "keys of the node"],
  check_checkpoint: ["日志检查点与见证", "checkpoint of the log, witnesses"],
  read_records: ["记录格式与编号", "form and numbers of the records"],
  check_order: ["先后次序", "order"],
  check_record: ["每份记录的签名与日志证明", "signature and log proof of each record"],
  check_deadlines: ["截止时间", "deadlines"],
  check_opening_set: ["开标集合", "opening set"],
  check_disclosure: ["逐份解密与公布内容", "each bid opened again, as disclosed"],
  check_opening_record: ["开标记录", "opening record"],
  check_draw: ["专家抽取", "draw of experts"],
  check_tie_draw: ["同分抽签", "draw of a tie"],
  check_recusal: ["回避与递补", "recusals and replacements"],
  check_sheet: ["评分表", "score sheets"],
  check_report: ["评分与排名复算", "scores and ranking, recomputed"],
  check_publicity: ["中标候选人公示", "publicity of the candidates"],
  check_award: ["定标", "award"],
  check_letter: ["保函文件", "guarantee letters"],
  signature: ["大厅签名", "signature of the hall"],
  checkpoint: ["日志检查点", "checkpoint of the log"],
  witnesses: ["见证", "witnesses"],
  inclusion: ["日志包含证明", "inclusion in the log"],
  consistency: ["日志一致性证明", "consistency of the log"],
};
return { RULES, CHECKS };
})();

modules["core/report.mjs"] = (() => {
const { verifyEvidence } = modules["core/evidence.mjs"];
const { verifyDocument } = modules["core/receipts.mjs"];
const { CHECKS, RULES } = modules["core/words.mjs"];
// 复核报告 A report for people, line by line, in Chinese and English.


const JSON_STARTS = /^[ \t\r\n]*\{/;

/** Verifies whatever of ours a file is: evidence, a receipt, a refusal or a log proof. */
async function verifyFile(bytes, options = {}, record = undefined) {
  const start = String.fromCharCode(...bytes.subarray(0, 16));
  if (JSON_STARTS.test(start)) return verifyDocument(bytes, options, record);
  return { kind: "evidence", ...(await verifyEvidence(bytes, options)) };
}

/** Returns where a finding is: case, number and family, or the file itself. */
function placeOf(finding) {
  if (finding.case === "") return "文件 file";
  return `${finding.case} #${String(finding.number).padStart(6, "0")} ${finding.family}`.trimEnd();
}

/** Returns the report as JSON, with each finding in words. */
function toJson(report) {
  const findings = report.findings.map((finding) => ({ ...finding, zh: RULES[finding.rule][0], en: RULES[finding.rule][1] }));
  return { ...report, findings };
}

/** Returns the report for people. */
function lines(report) {
  const { facts } = report;
  const rows = [];
  const add = (name, value) => rows.push(`${name.padEnd(16)}${value}`);
  if (facts.case) {
    add("项目 Case", facts.case);
    add("节点 Node", `${facts.node}    生成 Created  ${facts.created_at}`);
  }
  if (facts.content) {
    add("项目 Case", facts.content.case);
    add("记录 Record", `${facts.content.family}  ${facts.content.record}`);
    add("时间 Time", facts.content.accepted_at ?? facts.content.at);
    if (report.kind === "refusal") add("理由 Reason", `${facts.content.code}  ${facts.content.clause}`);
  }
  if (facts.checkpoint) {
    add("日志 Log", `${facts.checkpoint.origin}  ${facts.checkpoint.size}`);
    add("见证 Witnesses", (facts.witnesses ?? []).join(", ") || "—");
  }
  if (facts.trust && !facts.trust.node) {
    add("注意 Note", "未给定节点公钥，采用文件自带公钥 / no node key given: the file's own keys were taken");
  }
  for (const [zh, en] of report.notes) add("说明 Note", `${zh} / ${en}`);
  for (const [name, count] of Object.entries(report.checks)) add(`${count} ✓`, (CHECKS[name] ?? [name, name]).join(" / "));
  report.findings.forEach((finding, at) => {
    add(at === 0 ? "首个问题 FIRST" : "又 ALSO", `${placeOf(finding)}  [${finding.rule}]`);
    add("", `${RULES[finding.rule].join(" / ")}${finding.detail ? `: ${finding.detail}` : ""}`);
  });
  const passed = Object.values(report.checks).reduce((total, count) => total + count, 0);
  add(report.ok ? "通过 PASSED" : "未通过 FAILED", report.ok ? passed : report.findings.length);
  return rows;
}
return { verifyFile, placeOf, toJson, lines };
})();

modules["page.mjs"] = (() => {
const { parseStrict } = modules["core/json.mjs"];
const { placeOf, toJson, verifyFile } = modules["core/report.mjs"];
const { CHECKS, RULES } = modules["core/words.mjs"];
// 复核页面 The page: takes files, shows the report. It asks the network for nothing, and its policy would not let it.


const FIRST_SHOWN = 20;
const MOST_MS = 30;
const KINDS = {
  evidence: ["证据文件", "Evidence file"],
  receipt: ["受理回执", "Receipt"],
  refusal: ["拒收回执", "Refusal"],
  proof: ["日志证明", "Log proof"],
};
const by = (id) => document.getElementById(id);
let chosen = [];
let turn = 0;

// --- words on the page --------------------------------------------------------------------------------------------

/** Makes an element with text or elements in it. */
function make(tag, { className = "", ...attributes } = {}, ...children) {
  const element = document.createElement(tag);
  if (className !== "") element.className = className;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** Says something in both languages; the page shows one of them. */
function both([zh, en]) {
  return [make("span", { className: "zh", lang: "zh-CN" }, zh), make("span", { className: "en", lang: "en" }, en)];
}

function showLanguage(language) {
  document.documentElement.lang = language === "en" ? "en" : "zh-CN";
}

// --- the report ---------------------------------------------------------------------------------------------------

function part(title, ...children) {
  return make("div", { className: "part" }, make("h3", {}, ...both(title)), ...children);
}

function factsOf(report, names) {
  const { facts } = report;
  const rows = [
    [["文件", "File"], names],
    [["类型", "Kind"], KINDS[report.kind] ?? ["—", "—"]],
    [["项目", "Case"], facts.case ?? facts.content?.case],
    [["记录", "Record"], facts.content && `${facts.content.family} ${facts.content.record}`],
    [["时间", "Time"], facts.created_at ?? facts.content?.accepted_at ?? facts.content?.at],
    [["大厅", "Hall"], facts.node ?? facts.content?.node],
    [["日志", "Log"], facts.checkpoint && `${facts.checkpoint.origin} · ${facts.checkpoint.size}`],
    [["见证", "Witnesses"], facts.witnesses && (facts.witnesses.join(", ") || ["无", "none"])],
    [["理由", "Reason"], facts.content?.reason && [facts.content.reason.zh, facts.content.reason.en]],
  ];
  const list = make("dl", { className: "facts" });
  for (const [name, value] of rows) {
    if (value === undefined || value === null) continue;
    const shown = Array.isArray(value) ? both(value) : [String(value)];
    list.append(make("div", {}, make("dt", {}, ...both(name)), make("dd", {}, ...shown)));
  }
  return list;
}

function findingsOf(report) {
  const shown = report.findings.slice(0, FIRST_SHOWN).map((finding, at) => {
    const head = make("strong", {}, ...both(RULES[finding.rule]));
    const first = at === 0 ? both(["首个问题", "First bad record"]) : [];
    return make("li", { className: "finding" }, ...first, head, make("span", {}, placeOf(finding)), make("code", {}, `[${finding.rule}] ${finding.detail}`));
  });
  const more = report.findings.length - shown.length;
  if (more > 0) shown.push(make("li", {}, ...both([`另有 ${more} 个问题，见报告`, `${more} more in the report`])));
  return make("ul", {}, ...shown);
}

function checksOf(report) {
  const rows = Object.entries(report.checks).map(([name, count]) =>
    make("li", {}, make("span", {}, ...both(CHECKS[name] ?? [name, name])), make("span", { className: "chip" }, `✓ ${count}`)),
  );
  return make("ul", { className: "rows" }, ...rows);
}

function notesOf(report) {
  const notes = [...report.notes];
  if (report.facts.trust && !report.facts.trust.node) {
    notes.unshift(["未给定大厅公钥，采用文件自带公钥：证明文件前后一致，不能证明是谁的。", "No key of the hall was given, the file's own were taken: this proves that the file is consistent, not whose it is."]);
  }
  return notes.map((note) => make("p", { className: "note" }, ...both(note)));
}

function saveButton(report) {
  const button = make("button", { className: "button", type: "button", id: "save" }, ...both(["保存报告", "Save the report"]));
  button.addEventListener("click", () => {
    const text = JSON.stringify(toJson(report), null, 2);
    const link = make("a", { download: "report.json", href: URL.createObjectURL(new Blob([text], { type: "application/json" })) });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });
  return make("div", { className: "part" }, button);
}

function show(report, names) {
  const passed = Object.values(report.checks).reduce((total, count) => total + count, 0);
  const verdict = report.ok
    ? [`全部通过：${passed} 项核对`, `All ${passed} checks passed`]
    : [`未通过：${report.findings.length} 个问题`, `Failed: ${report.findings.length} problem(s)`];
  const head = make("div", { className: "verdict-head" }, make("span", { className: "mark", "aria-hidden": "true" }, report.ok ? "✓" : "✕"), make("h2", { id: "verdict" }, ...both(verdict)));
  const panel = make("div", { className: `panel verdict ${report.ok ? "verdict-good" : "verdict-bad"}` }, head);
  if (!report.ok) panel.append(part(["哪里不对", "What is wrong"], findingsOf(report)));
  const notes = notesOf(report);
  if (notes.length > 0) panel.append(part(["须知", "To know"], ...notes));
  panel.append(part(["文件", "File"], factsOf(report, names)));
  if (passed > 0) panel.append(part(["已核对", "Checked"], checksOf(report)));
  panel.append(saveButton(report));
  finish(panel, verdict);
}

/** Shows that something else went wrong than a check. */
function fail(words) {
  const head = make("div", { className: "verdict-head" }, make("span", { className: "mark", "aria-hidden": "true" }, "!"), make("h2", { id: "verdict" }, ...both(words)));
  finish(make("div", { className: "panel verdict verdict-bad" }, head), words);
}

function finish(panel, words) {
  by("work").hidden = true;
  by("said").replaceChildren(...both(words));
  by("result").replaceChildren(panel);
  by("result").hidden = false;
  by("result").focus();
}

// --- the work -----------------------------------------------------------------------------------------------------

function keys() {
  const lines = (id) => by(id).value.split("\n").map((line) => line.trim()).filter((line) => line !== "");
  const least = Math.trunc(Number(by("min-witnesses").value));
  return { nodeKeys: lines("node-keys"), witnessKeys: lines("witness-keys"), minWitnesses: Math.max(least || 0, 0) };
}

/** Tells whether a file is a signed record, which a receipt is for. */
function isRecord(bytes) {
  try {
    return "envelope" in parseStrict(bytes);
  } catch {
    return false;
  }
}

/** Shows progress, and lets the browser breathe now and then. */
function progressOf(mine) {
  let last = performance.now();
  return async (done, total) => {
    if (performance.now() - last < MOST_MS) return;
    by("progress").value = done / total;
    await new Promise((resume) => setTimeout(resume, 0));
    last = performance.now();
    if (mine !== turn) throw new DOMException("another file was chosen", "AbortError");
  };
}

async function readAll(files) {
  const all = await Promise.all(files.map(async (file) => [file.name, new Uint8Array(await file.arrayBuffer())]));
  const at = all.length > 1 ? all.findIndex(([, bytes]) => isRecord(bytes)) : -1;
  const record = at < 0 ? undefined : all.splice(at, 1)[0][1];
  return { name: all[0][0], bytes: all[0][1], record };
}

async function verify() {
  const mine = ++turn;
  by("again").disabled = false;
  by("result").hidden = true;
  by("work").hidden = false;
  by("progress").removeAttribute("value");
  try {
    if (globalThis.crypto?.subtle === undefined) throw new DOMException("no WebCrypto", "NotSupportedError");
    const { name, bytes, record } = await readAll(chosen);
    const report = await verifyFile(bytes, { ...keys(), progress: progressOf(mine) }, record);
    if (mine === turn) show(report, name);
  } catch (error) {
    if (mine === turn) fail(reasonOf(error));
  }
}

function reasonOf(error) {
  if (error.name === "NotSupportedError") return ["这个浏览器缺少所需的密码算法，请用较新的版本", "This browser lacks an algorithm that is needed; use a newer one"];
  if (error.name === "NotReadableError" || error.name === "NotFoundError") return ["文件读不出来", "The file can't be read"];
  return [`程序出错：${error.message}`, `The program failed: ${error.message}`];
}

function choose(files) {
  chosen = [...files];
  if (chosen.length > 0) verify();
}

// --- events -------------------------------------------------------------------------------------------------------

showLanguage(new URLSearchParams(location.search).get("lang") ?? (/^zh/i.test(navigator.language) ? "zh" : "en"));
by("language").addEventListener("click", () => showLanguage(document.documentElement.lang === "en" ? "zh" : "en"));
by("file").addEventListener("change", (event) => choose(event.target.files));
by("form").addEventListener("submit", (event) => event.preventDefault());
by("again").addEventListener("click", verify);
for (const name of ["dragenter", "dragover"]) {
  document.addEventListener(name, (event) => {
    event.preventDefault();
    by("drop").classList.add("over");
  });
}
for (const name of ["dragleave", "drop"]) {
  document.addEventListener(name, (event) => {
    event.preventDefault();
    by("drop").classList.remove("over");
  });
}
document.addEventListener("drop", (event) => choose(event.dataTransfer.files));
return {  };
})();
})();
