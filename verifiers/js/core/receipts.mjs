// 回执核验 Receipts, signed refusals and log proofs, checked offline with public keys alone.

import { byCodePoint, hex, unbase64url, unhex, utf8 } from "./bytes.mjs";
import { isBadShape, need, shape, Wrong } from "./faults.mjs";
import { digestOf, sha256 } from "./hashes.mjs";
import { canonical, integer, isObject, list, member, object, optional, parseStrict, string } from "./json.mjs";
import { isConsistent, isIncluded, leafHash } from "./merkle.mjs";
import { LOG, readCheckpoint, readNote, readVerifierKey, signedBy, WITNESS } from "./notes.mjs";
import { ed25519Key, jwsHolds } from "./signatures.mjs";

const UTC = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const NO_LOG_KEY = ["未给定日志公钥，未核验日志证明", "no key of the log was given: its proof was not checked"];
const NO_RECORD = ["未给定原记录，未核验包含证明", "the record was not given: its inclusion was not checked"];
const NO_WITNESS = ["未给定见证公钥，未核验见证", "no key of a witness was given: cosignatures were not checked"];

/** Tells what a JSON document is: `receipt`, `refusal`, `proof`, or nothing of ours. */
function kindOf(value) {
  if (!isObject(value)) return "";
  if (isObject(value.receipt)) return "receipt";
  if (isObject(value.refusal)) return "refusal";
  return "checkpoint" in value && "proof" in value ? "proof" : "";
}

/** Sorts the keys a reader brought, as given to `verifyEvidence`. */
function keysOf({ nodeKeys = [], witnessKeys = [] }) {
  const receipt = nodeKeys.filter((key) => !key.includes("+") && !key.includes(":"));
  return {
    receipt: receipt.map((key) => (/^[0-9a-f]{64}$/.test(key) ? unhex(key) : unbase64url(key))),
    logs: nodeKeys.filter((key) => key.includes("+")).map((key) => readVerifierKey(key, LOG)),
    witnesses: witnessKeys.map((key) => readVerifierKey(key, WITNESS)),
  };
}

/** Returns a checkpoint that one of the logs signed, with the names of the witnesses that cosigned it. */
async function openCheckpoint(text, keys, minWitnesses, passed) {
  const note = readNote(utf8(text));
  const checkpoint = readCheckpoint(note.text);
  const log = keys.logs.find((key) => key.name === checkpoint.origin);
  need(log !== undefined && checkpoint.isWhole && checkpoint.root.length === 32, "checkpoint-form", checkpoint.origin);
  need(await signedBy(note, log), "checkpoint-signature");
  passed.checkpoint = (passed.checkpoint ?? 0) + 1;
  const cosigners = new Map();
  for (const key of keys.witnesses) {
    if (await signedBy(note, key)) cosigners.set(hex(key.key.raw), key.name);
  }
  need(cosigners.size >= minWitnesses, "witnesses", `${cosigners.size} / ${minWitnesses}`);
  if (cosigners.size > 0) passed.witnesses = cosigners.size;
  return { ...checkpoint, witnesses: [...cosigners.values()].sort(byCodePoint) };
}

/** Returns the leaf data of a receipt, for the record whose signature object is given. */
function leafData(receipt, signature) {
  const leaf = { accepted_at: receipt.accepted_at, case: receipt.case, record: receipt.record };
  return sha256(canonical({ ...leaf, salt: receipt.leaf.salt, signature: digestOf(canonical(signature)) }));
}

async function checkReceipt(value, record, keys, options, report) {
  const content = value.receipt;
  const text = string(object(content, "log"), "checkpoint");
  if (keys.logs.length === 0) {
    report.notes.push(NO_LOG_KEY);
    need(!(options.minWitnesses > 0), "witnesses", "0");
    return;
  }
  const found = await openCheckpoint(text, keys, options.minWitnesses ?? 0, report.checks);
  report.facts.checkpoint = { origin: found.origin, size: found.size, root: hex(found.root) };
  report.facts.witnesses = found.witnesses;
  if (keys.witnesses.length === 0) report.notes.push(NO_WITNESS);
  if (record === undefined) {
    report.notes.push(NO_RECORD);
    return;
  }
  const signed = parseStrict(record);
  need(digestOf(canonical(object(signed, "envelope"))) === content.record, "record-form", "another record");
  const isLeaf = UTC.test(string(content, "accepted_at")) && /^[0-9a-f]{32}$/.test(string(object(content, "leaf"), "salt"));
  shape(isLeaf, "not a leaf");
  const leaf = leafHash(leafData(content, object(signed, "signature")));
  const proof = list(content.log, "proof").map(unhex);
  need(isIncluded(leaf, integer(content.leaf, "index"), found.size, proof, found.root), "log-inclusion", content.leaf.index);
  report.checks.inclusion = 1;
}

async function checkSigned(value, kind, record, keys, options, report) {
  const content = value[kind];
  report.facts.content = content;
  need(keys.receipt.length > 0, "no-key");
  const isSigned = Object.keys(value).sort().join() === `${kind},signature` && member(content, "type") === kind;
  shape(isSigned, `not a signed ${kind}`);
  const body = canonical(content);
  let isOurs = false;
  for (const raw of keys.receipt) {
    isOurs ||= await jwsHolds(body, value.signature, ed25519Key(raw), digestOf(raw));
  }
  need(isOurs, "evidence-signature");
  report.checks.signature = 1;
  if (kind === "receipt") await checkReceipt(value, record, keys, options, report);
}

/** Checks a proof of `tradehall log prove --json`, or one that a later checkpoint extends an earlier one. */
async function checkProof(value, keys, options, report) {
  need(keys.logs.length > 0, "no-key");
  const min = options.minWitnesses ?? 0;
  const found = await openCheckpoint(string(value, "checkpoint"), keys, min, report.checks);
  report.facts.checkpoint = { origin: found.origin, size: found.size, root: hex(found.root) };
  report.facts.witnesses = found.witnesses;
  if (keys.witnesses.length === 0) report.notes.push(NO_WITNESS);
  const proof = list(value, "proof").map(unhex);
  if ("old_checkpoint" in value) {
    const before = await openCheckpoint(string(value, "old_checkpoint"), keys, 0, report.checks);
    const holds = before.origin === found.origin && isConsistent(before.size, found.size, proof, before.root, found.root);
    need(holds, "consistency", `${before.size} → ${found.size}`);
    report.checks.consistency = 1;
    return;
  }
  need(optional(value, "size", found.size) === found.size, "checkpoint-form", "another size");
  const leaf = unhex(string(value, "leaf"));
  need(isIncluded(leaf, integer(value, "index"), found.size, proof, found.root), "inclusion", value.index);
  report.checks.inclusion = 1;
}

/**
 * Verifies a receipt, a refusal or a log proof 核验回执、拒收回执、日志证明.
 *
 * `record`: bytes of the signed record that a receipt is for, where it is at hand. Options are those of `verifyEvidence`.
 */
export async function verifyDocument(bytes, options = {}, record = undefined) {
  const report = { ok: false, kind: "", facts: {}, checks: {}, findings: [], notes: [] };
  const found = (rule, detail) => report.findings.push({ case: "", number: 0, family: "", rule, detail, leaf_index: -1 });
  try {
    const value = parseStrict(bytes);
    report.kind = kindOf(value);
    need(report.kind !== "", "not-ours");
    const keys = keysOf(options);
    if (report.kind === "proof") await checkProof(value, keys, options, report);
    else await checkSigned(value, report.kind, record, keys, options, report);
  } catch (error) {
    if (error instanceof Wrong) found(error.rule, error.detail);
    else if (isBadShape(error)) found(report.kind === "" ? "not-ours" : "malformed", error.message);
    else throw error;
  }
  report.ok = report.findings.length === 0;
  return report;
}

