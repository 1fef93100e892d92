// 签名便条 Signed notes, checkpoints and cosignatures. Source: c2sp.org/signed-note, tlog-checkpoint, tlog-cosignature.

import { bigEndian, concat, hex, same, textOf, unbase64, utf8 } from "./bytes.mjs";
import { shape } from "./faults.mjs";
import { sha256 } from "./hashes.mjs";
import { ed25519Key, holds } from "./signatures.mjs";

export const LOG = 1;
export const WITNESS = 4;

/** Reads a verifier key `name+id+key` of the type needed. */
export function readVerifierKey(text, kind) {
  shape(typeof text === "string", "not a verifier key");
  const [, name, id, encoded] = /^([^+]*)\+([^+]*)\+(.*)$/s.exec(text) ?? [];
  shape(encoded !== undefined, "not a verifier key");
  const material = unbase64(encoded);
  const keyId = sha256(concat(utf8(name), utf8("\n"), material)).subarray(0, 4);
  shape(material.length === 33 && material[0] === kind && hex(keyId) === id, "not a verifier key of the type needed");
  return { name, keyId, kind, key: ed25519Key(material.subarray(1)) };
}

/** Reads a signed note: its text, newline included, and its signatures. */
export function readNote(bytes) {
  const whole = textOf(bytes);
  const cut = whole.lastIndexOf("\n\n");
  const rows = whole.slice(cut + 2).split("\n");
  shape(cut >= 0 && rows.length > 1 && rows.pop() === "", "not a signed note");
  const signatures = rows.map((row) => {
    const [dash, name, encoded, ...more] = row.split(" ");
    shape(dash === "\u2014" && encoded !== undefined && more.length === 0, "not a signature line");
    const value = unbase64(encoded);
    return { name, keyId: value.subarray(0, 4), value: value.subarray(4) };
  });
  return { text: whole.slice(0, cut + 1), signatures };
}

/** Reads the text of a checkpoint: origin, size, root, nothing else. */
export function readCheckpoint(text) {
  const lines = text.split("\n");
  shape(lines.length === 4, "a checkpoint has three lines");
  const [origin, size, root, end] = lines;
  shape(/^(?:0|[1-9][0-9]{0,15})$/.test(size) && Number.isSafeInteger(Number(size)), "not a size");
  return { origin, size: Number(size), root: unbase64(root), isWhole: end === "" };
}

/** Tells whether a log's key signed, or a witness's key cosigned, the note; one bad line of the key spoils it. */
export async function signedBy(note, key) {
  const lines = note.signatures.filter((line) => line.name === key.name && same(line.keyId, key.keyId));
  for (const { value } of lines) {
    const isStamped = key.kind === WITNESS;
    const message = isStamped ? `cosignature/v1\ntime ${bigEndian(value.subarray(0, 8))}\n${note.text}` : note.text;
    if (!(await holds(key.key, isStamped ? value.subarray(8) : value, utf8(message)))) return false;
  }
  return lines.length > 0;
}
