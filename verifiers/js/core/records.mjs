// 记录 Records of an evidence file, as read: one spelling, suite TH1, nothing more and nothing less than its members.

import { textOf, unhex } from "./bytes.mjs";
import { shape } from "./faults.mjs";
import { digestOf } from "./hashes.mjs";
import { canonical, integer, isObject, list, member, object, parse, string } from "./json.mjs";

const FILE = /^cases\/([tgrs]-[a-z2-7]{26})\/([0-9]{6})\.json$/;
const UTC = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const INSTANT = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,3}))?(?:Z|([+-])(\d\d):(\d\d))$/;
const MEMBERS = "accepted_at,envelope,leaf_index,proof,salt,signature";
const ENVELOPE = "attachments,author,case,filed_by,nonce,payload,schema,suite";
const SCHEMA = "digest,id,version";

const namesOf = (value) => Object.keys(value).sort().join();

/** Returns case and number that the name of a record file states; an empty case where it states none. */
export function placeOf(name) {
  const [, place = "", number = "0"] = FILE.exec(name) ?? [];
  return [place, Number(number)];
}

/** Reads an RFC 3339 instant with offset, as milliseconds. */
export function instant(text) {
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
export function readRecord(place, number, bytes) {
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
export function leafOf({ acceptedAt, case: place, digest, salt, signature }) {
  return { accepted_at: acceptedAt, case: place, record: digest, salt, signature: digestOf(canonical(signature)) };
}
