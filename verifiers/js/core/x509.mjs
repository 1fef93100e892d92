// 证书 X.509 certificates, as far as evidence needs them: P-256 and Ed25519 keys, names, validity, who issued whom.
// Strict DER: one spelling for each value. Source: X.690, RFC 5280, RFC 5480, RFC 8410.

import { concat, hex, same, textOf } from "./bytes.mjs";
import { shape } from "./faults.mjs";
import { ed25519Key, holds, p256Key } from "./signatures.mjs";

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
export function readCertificate(der) {
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
export async function isIssuedBy(certificate, authority) {
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
