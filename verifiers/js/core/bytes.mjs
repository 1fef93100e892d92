// 字节 Bytes: text, hex, base64, comparison. Every reader refuses a second spelling of the same bytes.

import { shape } from "./faults.mjs";

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const PLAIN = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL_SAFE = PLAIN.slice(0, 62) + "-_";

/** Returns the UTF-8 bytes of a text. */
export function utf8(text) {
  return ENCODER.encode(text);
}

/** Returns the text of UTF-8 bytes; `Malformed` if they are none. */
export function textOf(bytes) {
  try {
    return DECODER.decode(bytes);
  } catch {
    shape(false, "not UTF-8");
  }
}

/** Returns bytes one after another. */
export function concat(...parts) {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Tells whether two byte strings are the same. */
export function same(a, b) {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}

/** Returns lower-case hex. */
export function hex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Reads hex with an even number of digits. */
export function unhex(text) {
  shape(typeof text === "string" && /^(?:[0-9a-fA-F]{2})*$/.test(text), "not hex");
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

/** Reads base64 with padding, in its one spelling. */
export function unbase64(text) {
  shape(typeof text === "string" && /^[^=]*={0,2}$/.test(text) && text.length % 4 === 0, "not base64");
  return sixBits(text.replace(/=+$/, ""), PLAIN);
}

/** Reads base64url without padding, in its one spelling. */
export function unbase64url(text) {
  shape(typeof text === "string", "not base64url");
  return sixBits(text, URL_SAFE);
}

/** Writes base64url without padding. */
export function base64url(bytes) {
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
export function littleEndian(bytes) {
  return bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

/** Writes 32 bytes, the lowest first. */
export function toLittleEndian(value) {
  return Uint8Array.from({ length: 32 }, (_, at) => Number((value >> BigInt(8 * at)) & 255n));
}

/** Reads an unsigned whole number, the highest byte first, as BigInt. */
export function bigEndian(bytes) {
  return bytes.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

/** Compares texts by code point, as the format sorts names. */
export function byCodePoint(a, b) {
  const left = Array.from(a);
  const right = Array.from(b);
  for (let at = 0; at < Math.min(left.length, right.length); at++) {
    if (left[at] !== right[at]) return left[at].codePointAt(0) - right[at].codePointAt(0);
  }
  return left.length - right.length;
}
