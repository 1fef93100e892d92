// age 文件 The seal: age v1 files with one X25519 recipient, their keys, and keys rebuilt from custodians' shares.
// Source: c2sp.org/age, BIP 173, RFC 7748, RFC 8439, RFC 9591.

import { concat, littleEndian, same, toLittleEndian, unbase64, utf8 } from "./bytes.mjs";
import { Malformed, shape } from "./faults.mjs";
import { hkdf, hmac } from "./hashes.mjs";

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
export function bech32(prefix, bytes) {
  const bits = Array.from(bytes, (byte) => byte.toString(2).padStart(8, "0")).join("");
  const values = (bits.match(/.{1,5}/g) ?? []).map((five) => Number.parseInt(five.padEnd(5, "0"), 2));
  const codes = Array.from(prefix, (letter) => letter.charCodeAt(0));
  const expanded = [...codes.map((code) => code >> 5), 0, ...codes.map((code) => code & 31)];
  const check = checksum([...expanded, ...values, 0, 0, 0, 0, 0, 0]) ^ 1;
  const rest = [25, 20, 15, 10, 5, 0].map((shift) => (check >> shift) & 31);
  return `${prefix}1${[...values, ...rest].map((value) => DIGITS[value]).join("")}`;
}

/** Reads `AGE-SECRET-KEY-1…`, in its one spelling. */
export function readSecret(text) {
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
export function publicOf(secret) {
  return x25519(secret, BASE);
}

/** Returns the age recipient of a secret key. */
export async function recipientOf(secret) {
  return bech32("age", await publicOf(secret));
}

// --- shares -------------------------------------------------------------------------------------------------------

/** Order of the group in which keys are shared. */
export const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;

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
export async function combine(shares, recipient) {
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
export const readShare = littleEndian;

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
export function chachaOpen(key, nonce, sealed) {
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
export async function decrypt(file, secret) {
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

