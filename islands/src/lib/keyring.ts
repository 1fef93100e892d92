// Keys of this browser 本机证书: P-256 keys whose private half the browser never hands out again, kept in IndexedDB beside
// their certificates. A backup is made only while a key is being made, and lies encrypted in a file of its owner's.
import { base64, fromBase64, utf8 } from "./text";

export interface Held {
  party: string;
  kid: string;
  certificate: string;
  notAfter: string;
  key: CryptoKey;
}

interface Backup {
  type: "tradehall-key-backup";
  version: 1;
  party: string;
  kid: string;
  certificate: string;
  not_after: string;
  kdf: { name: "PBKDF2"; hash: "SHA-256"; iterations: number; salt: string };
  cipher: { name: "AES-GCM"; iv: string };
  key: string;
}

const NAME = "tradehall";
const STORE = "keys";
const ITERATIONS = 600_000; // OWASP's figure for PBKDF2 with SHA-256
const MOST_ITERATIONS = 10_000_000;
const EC = { name: "ECDSA", namedCurve: "P-256" } as const;

/** A file that is no backup, or a passphrase that does not open it. */
export class BackupUnreadable extends Error {}

function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("IndexedDB"));
  });
}

async function store(mode: IDBTransactionMode): Promise<IDBObjectStore> {
  const opening = indexedDB.open(NAME, 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore(STORE, { keyPath: ["party", "kid"] });
  const database = await settled(opening);
  const transaction = database.transaction(STORE, mode);
  transaction.oncomplete = () => database.close();
  transaction.onabort = () => database.close();
  return transaction.objectStore(STORE);
}

/** The keys of a party that still hold, the longest-lasting first. */
export async function held(party: string, now: number): Promise<Held[]> {
  const all: Held[] = await settled((await store("readonly")).getAll());
  return all
    .filter((one) => one.party === party && Date.parse(one.notAfter) > now)
    .sort((a, b) => Date.parse(b.notAfter) - Date.parse(a.notAfter));
}

export async function keep(one: Held): Promise<void> {
  await settled((await store("readwrite")).put(one));
}

export async function forget(party: string, kid: string): Promise<void> {
  await settled((await store("readwrite")).delete([party, kid]));
}

/** A new pair that can still be backed up; what is kept later is a copy that cannot. */
export function newPair(): Promise<CryptoKeyPair> {
  return crypto.subtle.generateKey(EC, true, ["sign", "verify"]);
}

/** The private key in a form the browser never hands out again. */
export async function sealed(privateKey: CryptoKey): Promise<CryptoKey> {
  const raw = await crypto.subtle.exportKey("pkcs8", privateKey);
  return crypto.subtle.importKey("pkcs8", raw, EC, false, ["sign"]);
}

async function wrapping(passphrase: string, salt: Uint8Array<ArrayBuffer>, iterations: number): Promise<CryptoKey> {
  const material = await crypto.subtle.importKey("raw", utf8(passphrase.normalize("NFKC")), "PBKDF2", false, ["deriveKey"]);
  const kdf = { name: "PBKDF2", hash: "SHA-256", salt, iterations };
  return crypto.subtle.deriveKey(kdf, material, { name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
}

/** What the cipher also authenticates: nobody moves a key to another party or certificate. */
function bound(party: string, kid: string): Uint8Array<ArrayBuffer> {
  return utf8(`tradehall-key-backup/1\n${party}\n${kid}`);
}

export async function backup(one: Omit<Held, "key">, privateKey: CryptoKey, passphrase: string): Promise<string> {
  const salt = crypto.getRandomValues(new Uint8Array(16));
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const raw = await crypto.subtle.exportKey("pkcs8", privateKey);
  const key = await wrapping(passphrase, salt, ITERATIONS);
  const closed = await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData: bound(one.party, one.kid) }, key, raw);
  const file: Backup = {
    type: "tradehall-key-backup",
    version: 1,
    party: one.party,
    kid: one.kid,
    certificate: one.certificate,
    not_after: one.notAfter,
    kdf: { name: "PBKDF2", hash: "SHA-256", iterations: ITERATIONS, salt: base64(salt) },
    cipher: { name: "AES-GCM", iv: base64(iv) },
    key: base64(new Uint8Array(closed)),
  };
  return `${JSON.stringify(file, null, 2)}\n`;
}

export async function restore(text: string, passphrase: string): Promise<Held> {
  try {
    const file = JSON.parse(text) as Backup;
    const rounds = file.kdf.iterations;
    if (file.type !== "tradehall-key-backup" || !(rounds >= 1 && rounds <= MOST_ITERATIONS)) throw new Error("type");
    const key = await wrapping(passphrase, fromBase64(file.kdf.salt), rounds);
    const opening = { name: "AES-GCM", iv: fromBase64(file.cipher.iv), additionalData: bound(file.party, file.kid) };
    const raw = await crypto.subtle.decrypt(opening, key, fromBase64(file.key));
    const own = await crypto.subtle.importKey("pkcs8", raw, EC, false, ["sign"]);
    return { party: file.party, kid: file.kid, certificate: file.certificate, notAfter: file.not_after, key: own };
  } catch (error) {
    throw new BackupUnreadable(String(error));
  }
}
