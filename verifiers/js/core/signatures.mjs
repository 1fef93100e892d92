// 签名 Signatures by WebCrypto: Ed25519, ECDSA over P-256, and the detached JWS (RFC 7515, RFC 7797) that records carry.

import { concat, textOf, unbase64url, utf8 } from "./bytes.mjs";
import { isObject, canonicalText } from "./json.mjs";

const ECDSA = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const KEY = Symbol("WebCrypto key");

/** Returns an Ed25519 public key of 32 raw bytes. */
export function ed25519Key(raw) {
  return { alg: "Ed25519", raw };
}

/** Returns a P-256 public key of 65 raw bytes, uncompressed. */
export function p256Key(raw) {
  return { alg: "ES256", raw };
}

/** Tells whether a raw signature holds: 64 bytes for either kind of key. Total. */
export async function holds(key, signature, message) {
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
export async function jwsHolds(content, jws, key, kid) {
  const isJws = isObject(jws) && Object.keys(jws).sort().join() === "protected,signature";
  if (!isJws) return false;
  const header = canonicalText({ alg: key.alg, b64: false, crit: ["b64"], kid });
  if (textOf(unbase64url(jws.protected)) !== header) return false;
  return holds(key, unbase64url(jws.signature), concat(utf8(jws.protected), Uint8Array.of(46), content));
}
