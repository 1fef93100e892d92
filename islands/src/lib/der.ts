// DER of the one request we make 证书申请: PKCS #10 with a P-256 key and an empty subject. The authority takes nothing of
// it but the key: who somebody is, the session says.

type Bytes = Uint8Array<ArrayBuffer>;

const SEQUENCE = 0x30;
const INTEGER = 0x02;
const BIT_STRING = 0x03;
const ATTRIBUTES = 0xa0;
const ECDSA_WITH_SHA256 = Uint8Array.of(0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02);

export function concat(...parts: readonly Uint8Array[]): Bytes {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function tagged(tag: number, ...contents: readonly Uint8Array[]): Bytes {
  const body = concat(...contents);
  const n = body.length;
  const length = n < 0x80 ? [n] : n < 0x100 ? [0x81, n] : [0x82, n >> 8, n & 0xff];
  return concat(Uint8Array.of(tag, ...length), body);
}

function unsigned(bytes: Uint8Array): Bytes {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start += 1;
  const trimmed = bytes.slice(start);
  return tagged(INTEGER, (trimmed[0] ?? 0) >= 0x80 ? concat(Uint8Array.of(0), trimmed) : trimmed);
}

/** Makes a certificate request for a key pair whose private half may sign. */
export async function certificateRequest(pair: CryptoKeyPair): Promise<Bytes> {
  const key = new Uint8Array(await crypto.subtle.exportKey("spki", pair.publicKey));
  const info = tagged(SEQUENCE, tagged(INTEGER, Uint8Array.of(0)), tagged(SEQUENCE), key, tagged(ATTRIBUTES));
  const raw = new Uint8Array(await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, pair.privateKey, info));
  const signature = tagged(SEQUENCE, unsigned(raw.slice(0, 32)), unsigned(raw.slice(32)));
  return tagged(SEQUENCE, info, tagged(SEQUENCE, ECDSA_WITH_SHA256), tagged(BIT_STRING, Uint8Array.of(0), signature));
}
