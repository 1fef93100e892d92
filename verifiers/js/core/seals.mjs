// 开标复核 Sealed bids: which stood, how their keys came to light, and what was inside.

import { byCodePoint, unbase64url, unhex } from "./bytes.mjs";
import { combine, decrypt, readSecret, readShare, recipientOf } from "./age.mjs";
import { isBadShape, need, shape, Wrong } from "./faults.mjs";
import { digestOf } from "./hashes.mjs";
import { canonicalText, equal, integer, list, member, object, optional, parse, string } from "./json.mjs";
import { jwsHolds } from "./signatures.mjs";
import { unzip } from "./zip.mjs";

const RULE = "bid-not-open";

/** Returns the commitments of a lot that stood before a place in the log, sorted by submission. */
export function standing(records, place, lot, until) {
  let answers = "";
  const bids = new Map();
  const complete = new Set();
  const gone = new Set();
  const answered = new Map();
  const name = (...parts) => JSON.stringify(parts);
  for (const record of records.filter((r) => r.case === place && r.leafIndex < until)) {
    const { family, payload, author } = record;
    const submission = canonicalText(optional(payload, "submission", null));
    const bid = name(submission, author);
    if (family === "tender_notice") answers = record.digest;
    else if (family === "clarification" && member(payload, "invalidates_bids")) answers = record.digest;
    else if (family === "bid_commitment" && member(payload, "lot") === lot && !bids.has(submission)) {
      bids.set(submission, record);
      answered.set(bid, member(payload, "answers"));
      if ("replaces" in payload) gone.add(name(canonicalText(payload.replaces), author));
    } else if (family === "sealed_bid") complete.add(name(submission, author, string(object(payload, "ciphertext"), "sha256")));
    else if (family === "bid_withdrawal") gone.add(bid);
    else if (family === "bid_confirmation") answered.set(bid, member(payload, "answers"));
  }
  const rows = [...bids].sort(([a], [b]) => byCodePoint(a, b));
  const stands = ([submission, { author, payload }]) => {
    const bid = name(submission, author);
    const isComplete = complete.has(name(submission, author, member(object(payload, "ciphertext"), "sha256")));
    return isComplete && !gone.has(bid) && answered.get(bid) === answers;
  };
  return rows.filter(stands).map(([, record]) => record);
}

function* combinations(items, size, from = 0) {
  if (size === 0) yield [];
  for (let at = from; size > 0 && at <= items.length - size; at++) {
    for (const rest of combinations(items, size - 1, at + 1)) yield [items[at], ...rest];
  }
}

/** Returns the secret key of a bid and how it came (`bidder_key`, `custodians`), or null and the cause. */
export async function secretOf(bid, keyReleases, shareReleases) {
  const recipient = string(bid.payload, "recipient");
  for (const release of keyReleases) {
    const secret = readSecret(string(release.payload, "secret_key"));
    if (release.author === bid.author && (await recipientOf(secret)) === recipient) return [secret, "bidder_key"];
  }
  const shares = new Map(shareReleases.map(({ payload }) => [integer(payload, "index"), readShare(unhex(string(payload, "share")))]));
  const threshold = list(bid.payload, "commitments").length;
  const indices = [...shares.keys()].sort((a, b) => a - b);
  for (const chosen of combinations(indices, threshold)) {
    const secret = await combine(new Map(chosen.map((index) => [index, shares.get(index)])), recipient);
    if (secret !== null) return [secret, "custodians"];
  }
  return [null, indices.length >= threshold ? "bad_shares" : "not_released"];
}

/** Returns the files inside a seal with their manifest; `Malformed` if they are not a bid. */
async function unpack(ciphertext, secret) {
  const inner = unzip(await decrypt(ciphertext, secret));
  const raw = inner.get("manifest.json");
  shape(raw !== undefined && inner.has("manifest.sig"), "no manifest");
  const signature = parse(inner.get("manifest.sig"));
  const manifest = parse(raw);
  const files = list(manifest, "files");
  const letter = inner.get("guarantee/letter.pdf");
  const certificate = unbase64url(string(object(manifest, "bidder"), "certificate"));
  const names = ["manifest.json", "manifest.sig", ...files.map((file) => `files/${string(file, "name")}`)];
  names.push(...(letter === undefined ? ["padding"] : ["guarantee/letter.pdf", "padding"]));
  shape([...inner.keys()].join("\n") === names.join("\n") && inner.get("padding").every((byte) => byte === 0), "other files");
  for (const file of files) {
    const content = inner.get(`files/${file.name}`);
    shape(digestOf(content) === member(file, "sha256") && content.length === member(file, "size"), "another file");
  }
  shape(member(manifest, "format") === "TH-BID-1", "another format");
  return { raw, signature, manifest, letter, certificate };
}

/**
 * Opens a sealed bid; `Wrong` with the cause as its detail when it can't count.
 *
 * `certified(der, at, parties)` returns the public key of a certificate that was good then.
 */
export async function openBid(bid, ciphertext, secret, certified) {
  const p = bid.payload;
  need(ciphertext !== undefined, "ciphertext-missing", p.submission);
  need(ciphertext.length === member(p.ciphertext, "size"), RULE, "digest_mismatch");
  let inside;
  try {
    inside = await unpack(ciphertext, secret);
  } catch (error) {
    if (isBadShape(error)) throw new Wrong(RULE, "malformed");
    throw error;
  }
  const { raw, signature, manifest, letter, certificate } = inside;
  const bidder = object(manifest, "bidder");
  let key;
  try {
    key = await certified(certificate, bid.at, [member(bidder, "id")]);
  } catch (error) {
    if (isBadShape(error) || error instanceof Wrong) throw new Wrong(RULE, "bad_signature");
    throw error;
  }
  need(await jwsHolds(raw, signature, key, digestOf(certificate)), RULE, "bad_signature");
  const isBound = ["lot", "submission", "bid_key"].every((name) => equal(member(manifest, name), member(p, name)));
  need(isBound && member(manifest, "tender") === bid.case, RULE, "wrong_binding");
  return {
    shown: {
      price: member(manifest, "price"),
      attributes: member(manifest, "attributes"),
      files: manifest.files,
      manifest: digestOf(raw),
      bidder: { id: member(bidder, "id"), name: member(bidder, "name"), certificate: digestOf(certificate) },
    },
    claim: member(manifest, "guarantee"),
    letter: letter === undefined ? null : digestOf(letter),
  };
}

/** What is disclosed of an opened bid is what was in it. */
export function compareOpened(p, opened, way) {
  for (const [name, value] of Object.entries({ ...opened.shown, opened_by: way })) {
    need(equal(optional(p, name), value), "disclosure-differs", name);
  }
  const shown = optional(p, "guarantee") || { result: "absent" };
  const result = member(shown, "result");
  if (opened.claim === null) {
    need(result !== "valid", "guarantee-differs");
    return;
  }
  const isSame = Object.entries(opened.claim).every(([name, value]) => equal(optional(shown, name, value), value));
  need(isSame, "guarantee-differs");
  need(!("guarantee" in p && result === "absent" && opened.letter !== null), "guarantee-differs");
  const isTheLetter = opened.letter === opened.claim.letter && opened.letter === shown.letter;
  need(result !== "valid" || isTheLetter, "guarantee-letter");
}
