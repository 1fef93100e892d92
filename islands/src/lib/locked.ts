// Files that only a passphrase opens 口令加密文件: PBKDF2-SHA-256 and AES-GCM, bound to what the file says of itself.
import { base64, fromBase64, utf8 } from "./text";

export interface Locked {
  kdf: { name: "PBKDF2"; hash: "SHA-256"; iterations: number; salt: string };
  cipher: { name: "AES-GCM"; iv: string };
  data: string;
}

/** A file that is none of ours, or a passphrase that does not open it. */
export class Unreadable extends Error {}

export const PASSPHRASE_LEAST = 12;

const ITERATIONS = 600_000; // OWASP's figure for PBKDF2 with SHA-256
const MOST_ITERATIONS = 10_000_000;

type Bytes = Uint8Array<ArrayBuffer>;

async function wrapping(passphrase: string, salt: Bytes, iterations: number): Promise<CryptoKey> {
  const material = await crypto.subtle.importKey("raw", utf8(passphrase.normalize("NFKC")), "PBKDF2", false, ["deriveKey"]);
  const kdf = { name: "PBKDF2", hash: "SHA-256", salt, iterations };
  return crypto.subtle.deriveKey(kdf, material, { name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
}

export async function lock(data: Bytes, passphrase: string, bound: string): Promise<Locked> {
  const salt = crypto.getRandomValues(new Uint8Array(16));
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const key = await wrapping(passphrase, salt, ITERATIONS);
  const closed = await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData: utf8(bound) }, key, data);
  return {
    kdf: { name: "PBKDF2", hash: "SHA-256", iterations: ITERATIONS, salt: base64(salt) },
    cipher: { name: "AES-GCM", iv: base64(iv) },
    data: base64(new Uint8Array(closed)),
  };
}

export async function unlock(locked: Locked, passphrase: string, bound: string): Promise<Bytes> {
  try {
    const rounds = locked.kdf.iterations;
    if (!(rounds >= 1 && rounds <= MOST_ITERATIONS)) throw new Error("iterations");
    const key = await wrapping(passphrase, fromBase64(locked.kdf.salt), rounds);
    const opening = { name: "AES-GCM", iv: fromBase64(locked.cipher.iv), additionalData: utf8(bound) };
    return new Uint8Array(await crypto.subtle.decrypt(opening, key, fromBase64(locked.data)));
  } catch (error) {
    throw new Unreadable(String(error));
  }
}
