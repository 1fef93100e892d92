// Keys of this browser 本机证书: P-256 keys whose private half the browser never hands out again, kept in IndexedDB beside
// their certificates. A backup is made only while a key is being made, and lies encrypted in a file of its owner's.
import { lock, unlock, Unreadable, type Locked } from "./locked";
import { settled, shelf } from "./store";

export interface Held {
  party: string;
  kid: string;
  certificate: string;
  notAfter: string;
  key: CryptoKey;
}

interface Backup extends Locked {
  type: "tradehall-key-backup";
  version: 1;
  party: string;
  kid: string;
  certificate: string;
  not_after: string;
}

const TYPE = "tradehall-key-backup";
const EC = { name: "ECDSA", namedCurve: "P-256" } as const;

/** The keys of a party that still hold, the longest-lasting first. */
export async function held(party: string, now: number): Promise<Held[]> {
  const all: Held[] = await settled((await shelf("keys", "readonly")).getAll());
  return all
    .filter((one) => one.party === party && Date.parse(one.notAfter) > now)
    .sort((a, b) => Date.parse(b.notAfter) - Date.parse(a.notAfter));
}

export async function keep(one: Held): Promise<void> {
  await settled((await shelf("keys", "readwrite")).put(one));
}

export async function forget(party: string, kid: string): Promise<void> {
  await settled((await shelf("keys", "readwrite")).delete([party, kid]));
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

/** What the cipher also authenticates: nobody moves a key to another party or certificate. */
const bound = (party: string, kid: string): string => `${TYPE}/1\n${party}\n${kid}`;

export async function backup(one: Omit<Held, "key">, privateKey: CryptoKey, passphrase: string): Promise<string> {
  const raw = new Uint8Array(await crypto.subtle.exportKey("pkcs8", privateKey));
  const file: Backup = {
    type: TYPE,
    version: 1,
    party: one.party,
    kid: one.kid,
    certificate: one.certificate,
    not_after: one.notAfter,
    ...(await lock(raw, passphrase, bound(one.party, one.kid))),
  };
  return `${JSON.stringify(file, null, 2)}\n`;
}

export async function restore(text: string, passphrase: string): Promise<Held> {
  try {
    const file = JSON.parse(text) as Backup;
    if (file.type !== TYPE) throw new Unreadable("type");
    const raw = await unlock(file, passphrase, bound(file.party, file.kid));
    const own = await crypto.subtle.importKey("pkcs8", raw, EC, false, ["sign"]);
    return { party: file.party, kid: file.kid, certificate: file.certificate, notAfter: file.not_after, key: own };
  } catch (error) {
    throw error instanceof Unreadable ? error : new Unreadable(String(error));
  }
}
