// The key of a bid and its M-of-N split 密钥分片: Shamir shares and Feldman commitments over edwards25519 (RFC 9591,
// appendix C), as rules/sealing.py of the platform reads them. The key is used once, on the bidder's own device.
import { ed25519, x25519 } from "@noble/curves/ed25519.js";
import { bech32 } from "@scure/base";

type Bytes = Uint8Array<ArrayBuffer>;

const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;
const CLAMPED_FROM = 2n ** 254n;
const CLAMPED_TO = 2n ** 255n;

export const random = (size: number): Bytes => crypto.getRandomValues(new Uint8Array(size));

function integer(bytes: Uint8Array): bigint {
  let value = 0n;
  for (let at = bytes.length - 1; at >= 0; at -= 1) value = (value << 8n) | BigInt(bytes[at] ?? 0);
  return value;
}

function bytes(value: bigint): Bytes {
  const out = new Uint8Array(32);
  for (let at = 0; at < 32; at += 1) out[at] = Number((value >> BigInt(8 * at)) & 255n);
  return out;
}

const modulo = (value: bigint): bigint => ((value % ORDER) + ORDER) % ORDER;

/** How many clamped X25519 scalars a scalar stands for: an honest key has exactly one. */
function lifts(scalar: bigint): number {
  const found = new Set<bigint>();
  // ORDER is 5 modulo 8, whose inverse modulo 8 is 5.
  for (const residue of [modulo(scalar), modulo(-scalar)]) {
    const turns = (((-residue * 5n) % 8n) + 8n) % 8n;
    const lifted = residue + turns * ORDER;
    if (lifted >= CLAMPED_FROM && lifted < CLAMPED_TO) found.add(lifted);
  }
  return found.size;
}

/** K: a clamped X25519 secret that custodians rebuild to the very same bytes. */
export function newSecret(): Bytes {
  for (;;) {
    const secret = random(32);
    secret[0] = (secret[0] ?? 0) & 248;
    secret[31] = ((secret[31] ?? 0) & 127) | 64;
    if (lifts(integer(secret)) === 1) return secret;
  }
}

export function recipientOf(secret: Uint8Array): string {
  return bech32.encodeFromBytes("age", x25519.getPublicKey(secret));
}

export function secretText(secret: Uint8Array): string {
  return bech32.encodeFromBytes("age-secret-key-", secret).toUpperCase();
}

function randomScalar(): bigint {
  for (;;) {
    const scalar = integer(random(64)) % ORDER;
    if (scalar !== 0n) return scalar;
  }
}

export interface Dealt {
  commitments: Bytes[];
  shares: Bytes[];
}

/** Splits a secret so that every holder can check its share; share i (from 1) is the i-th custodian's. */
export function split(secret: Uint8Array, threshold: number, count: number): Dealt {
  if (!(threshold >= 2 && threshold <= count && count <= 9)) throw new RangeError(`${threshold} of ${count} is no split`);
  for (;;) {
    const polynomial = [modulo(integer(secret))];
    while (polynomial.length < threshold) polynomial.push(randomScalar());
    const shares: bigint[] = [];
    for (let index = 1; index <= count; index += 1) {
      shares.push(polynomial.reduceRight((sum, coefficient) => modulo(sum * BigInt(index) + coefficient), 0n));
    }
    if (shares.includes(0n)) continue; // could not be checked; does not happen
    const commitments = polynomial.map((coefficient) => ed25519.Point.BASE.multiply(coefficient).toBytes() as Bytes);
    return { commitments, shares: shares.map(bytes) };
  }
}

/** Whether a share lies on the committed polynomial: share·B = Σ indexᵏ·Cₖ. False for anything odd. */
export function isShare(commitments: readonly Uint8Array[], index: number, share: Uint8Array): boolean {
  try {
    const scalar = integer(share);
    if (share.length !== 32 || scalar === 0n || scalar >= ORDER || index < 1 || index > 9) return false;
    let sum = ed25519.Point.ZERO;
    let power = 1n;
    for (const commitment of commitments) {
      const point = ed25519.Point.fromBytes(commitment);
      if (!point.isTorsionFree() || point.is0()) return false;
      sum = sum.add(point.multiply(power));
      power = modulo(power * BigInt(index));
    }
    return sum.equals(ed25519.Point.BASE.multiply(scalar));
  } catch {
    return false;
  }
}
