// 证据复核 The verification of an evidence file (TH-EVIDENCE-1), from the file and public keys alone.
//
// Checks bear the names they have in verifier.py, and so do the rules that a finding names: both reports can be compared
// line by line. A check adds to the report, and none stops the others, unless the file or its keys don't hold at all.

import { byCodePoint, hex, unbase64url, unhex, utf8 } from "./bytes.mjs";
import { Exact } from "./decimal.mjs";
import { checkNonces, drawnOrder, seedOf, tiePool } from "./draws.mjs";
import { BY_FIGURES, evaluate, groundsOf } from "./evaluation.mjs";
import { isBadShape, need, shape, Wrong } from "./faults.mjs";
import { digestOf, digestOfFile, sha256 } from "./hashes.mjs";
import { canonical, equal, integer, list, member, object, optional, parse, pick, string } from "./json.mjs";
import { isIncluded, leafHash, treeRoot } from "./merkle.mjs";
import { LOG, readCheckpoint, readNote, readVerifierKey, signedBy, WITNESS } from "./notes.mjs";
import { instant, leafOf, placeOf, readRecord } from "./records.mjs";
import { compareOpened, openBid, secretOf, standing } from "./seals.mjs";
import { ed25519Key, jwsHolds } from "./signatures.mjs";
import { isIssuedBy, readCertificate } from "./x509.mjs";
import { unzip } from "./zip.mjs";

const UNTIL_OPENING = ["bid_commitment", "sealed_bid", "bid_withdrawal", "bid_confirmation"];
const BID_FAMILIES = [...UNTIL_OPENING, "key_release"];
const FOLDERS = { certificates: ".der", attachments: "", schemas: ".json", parameters: ".json" };
const HOUR = 3600_000;
const DAY = 24 * HOUR;
const OUTAGE_NOTE = ["故障顺延至工作日，按十二天核对", "moved by an outage to a working day: checked to 12 days"];
const BASE32 = "abcdefghijklmnopqrstuvwxyz234567";

const withoutPrefix = (digest) => digest.replace(/^sha256:/, "");
const isoOf = (at) => (at === null ? "—" : new Date(at).toISOString());

/** Returns the name of a bid's own key as an author: the first 32 digits of the key's digest in base32. */
function bidAuthor(key) {
  const bits = Array.from(sha256(key), (byte) => byte.toString(2).padStart(8, "0")).join("");
  const digits = Array.from({ length: 32 }, (_, at) => BASE32[Number.parseInt(bits.slice(5 * at, 5 * at + 5), 2)]);
  return `bid:${digits.join("")}`;
}

class Verification {
  constructor(files, { nodeKeys = [], witnessKeys = [], minWitnesses = 0, progress = () => {} }, report) {
    Object.assign(this, { files, nodeKeys, witnessKeys, minWitnesses, progress, report });
    this.index = Object.create(null);
    this.records = [];
    this.byDigest = new Map();
    this.certificates = new Map();
    this.root = new Uint8Array(0);
    this.size = 0;
  }

  // --- the report ---

  /** Runs one check; what it finds wrong, or can't read, becomes a finding about the record. */
  async attempt(name, record = null, ...more) {
    try {
      await this[name](...(record === null ? [] : [record]), ...more);
    } catch (error) {
      if (error instanceof Wrong) this.found(record, error.rule, error.detail);
      else if (isBadShape(error)) this.found(record, "malformed", error.message);
      else throw error;
      return;
    }
    this.report.checks[name] = (this.report.checks[name] ?? 0) + 1;
  }

  found(record, rule, detail = "") {
    const { case: place = "", number = 0, family = "", leafIndex = -1 } = record ?? {};
    this.report.findings.push({ case: place, number, family, rule, detail, leaf_index: leafIndex });
  }

  // --- what is in the file ---

  file(name) {
    shape(this.files.has(name), `no file ${name}`);
    return this.files.get(name);
  }

  /** Returns the records of a family and case, in log order, whose payload has these members. */
  of(family, place, members = {}) {
    const rows = this.records.filter((record) => record.family === family && record.case === place);
    const wanted = Object.entries(members);
    return rows.filter(({ payload }) => wanted.every(([name, value]) => equal(optional(payload, name), value)));
  }

  /** Returns the entries by lot of all records of a family. */
  lotsOf(family, place) {
    return this.of(family, place).flatMap((record) => list(record.payload, "lots"));
  }

  inCase(place) {
    return this.records.filter((record) => record.case === place);
  }

  allows(isOfKind, used) {
    const given = this.nodeKeys.filter(isOfKind);
    return given.length === 0 || used.every((key) => given.includes(key));
  }

  // --- the file, its keys, the log ---

  /** Every file is listed with its digest, and the list is signed by the receipt key. */
  async check_index() {
    const raw = this.file("evidence.json");
    const index = parse(raw);
    const node = parse(this.file("keys/node.json"));
    const listed = object(index, "files");
    this.index = index;
    const others = [...this.files.keys()].filter((name) => name !== "evidence.json" && name !== "evidence.sig");
    const names = [...new Set([...others, ...Object.keys(listed)])].sort(byCodePoint);
    const known = new Set(others);
    for (const name of names) {
      const isSame = known.has(name) && name in listed && (await digestOfFile(this.files.get(name))) === listed[name];
      need(isSame, "file-digest", name);
    }
    for (const name of names) {
      const [, folder, rest] = /^([^/]*)\/?(.*)$/s.exec(name);
      if (!Object.hasOwn(FOLDERS, folder)) continue;
      const suffix = FOLDERS[folder];
      const stem = rest.endsWith(suffix) ? rest.slice(0, rest.length - suffix.length) : rest;
      need(listed[name] === `sha256:${stem}`, "file-name", name);
    }
    const key = unbase64url(member(node, "receipt_key"));
    const signature = parse(this.file("evidence.sig"));
    need(await jwsHolds(raw, signature, ed25519Key(key), digestOf(key)), "evidence-signature");
    need(member(index, "format") === "TH-EVIDENCE-1" && equal(member(index, "node"), member(node, "node")), "evidence-format");
  }

  /** The node's keys are those given by the reader, and well formed. */
  async check_keys() {
    const node = parse(this.file("keys/node.json"));
    const authorities = list(node, "ca_certificates").map(unbase64url);
    this.authorities = authorities.map(readCertificate);
    this.log = readVerifierKey(member(node, "log_key"), LOG);
    need(this.allows((key) => key.includes("+"), [node.log_key]), "node-key", node.log_key);
    const isReceiptKey = (key) => !key.includes("+") && !key.includes(":");
    need(this.allows(isReceiptKey, [member(node, "receipt_key")]), "node-key", "receipt key");
    need(this.allows((key) => key.startsWith("sha256:"), authorities.map(digestOf)), "node-key", "authority");
  }

  /** The log signed the checkpoint, and enough witnesses cosigned it. */
  async check_checkpoint() {
    const note = readNote(this.file("log/checkpoint"));
    const { origin, size, root, isWhole } = readCheckpoint(note.text);
    this.size = size;
    this.root = root;
    const isOfLog = origin === this.log.name && origin === member(object(this.index, "log"), "origin");
    need(isOfLog && isWhole, "checkpoint-form");
    need(await signedBy(note, this.log), "checkpoint-signature");
    this.report.facts.checkpoint = { origin, size, root: hex(root) };
    const stated = parse(this.file("keys/witnesses.json"));
    const needed = Math.max(integer(stated, "required"), this.minWitnesses);
    const wanted = [[list(stated, "witnesses"), needed]];
    if (this.witnessKeys.length > 0) {
      const few = Math.min(this.witnessKeys.length, Math.max(1, needed));
      wanted.push([this.witnessKeys, this.minWitnesses || few]);
    }
    for (const [texts, count] of wanted) {
      const good = new Map();
      for (const key of texts.map((text) => readVerifierKey(text, WITNESS))) {
        if (await signedBy(note, key)) good.set(hex(key.key.raw), key.name);
      }
      need(good.size >= count, "witnesses", `${good.size} / ${count}`);
      this.report.facts.witnesses = [...good.values()].sort(byCodePoint);
    }
  }

  // --- every record ---

  /** Reads all record files; those that can't be read become findings. */
  async read_records() {
    const numbers = new Map();
    for (const name of [...this.files.keys()].filter((name) => name.startsWith("cases/")).sort(byCodePoint)) {
      const [place, number] = placeOf(name);
      numbers.set(place, [...(numbers.get(place) ?? []), number]);
      try {
        this.records.push(readRecord(place, number, this.files.get(name)));
      } catch (error) {
        if (!isBadShape(error)) throw error;
        const at = { case: place, number, family: "", leaf_index: -1 };
        this.report.findings.push({ ...at, rule: "record-form", detail: error.message });
      }
    }
    this.records.sort((a, b) => a.leafIndex - b.leafIndex || byCodePoint(a.case, b.case) || a.number - b.number);
    this.byDigest = new Map([...this.records].reverse().map((record) => [record.digest, record]));
    const counts = object(this.index, "counts");
    const places = [member(this.index, "case"), ...list(this.index, "linked").map((link) => member(link, "case"))];
    const isCounted = Object.keys(counts).every((place) => counts[place] === (numbers.get(place) ?? []).length);
    const isGapless = [...numbers].every(([place, found]) => place in counts && found.every((number, at) => number === at + 1));
    const isListed = Object.keys(counts).sort().join() === [...new Set(places)].sort().join();
    need(isCounted && isGapless && isListed, "record-numbers");
  }

  /** Signature, schema and place in the log of one record. */
  async check_record(record) {
    need(this.files.has(`schemas/${withoutPrefix(record.schema)}.json`), "schema-missing", record.schema);
    await this.check_signature(record);
    const leaf = leafHash(sha256(canonical(leafOf(record))));
    need(isIncluded(leaf, record.leafIndex, this.size, record.proof, this.root), "log-inclusion", record.leafIndex);
  }

  /** The author, or who filed for it, signed the envelope with a certificate valid then; bids by their own key. */
  async check_signature(record) {
    const { author, filedBy, family, payload, signature } = record;
    const isBid = BID_FAMILIES.includes(family);
    let key;
    let kid;
    if (isBid || author.startsWith("bid:") || filedBy.startsWith("bid:")) {
      const raw = unbase64url(member(payload, "bid_key"));
      kid = bidAuthor(raw);
      need(isBid && author === kid && filedBy === kid, "bid-author", author);
      key = ed25519Key(raw);
    } else {
      kid = string(parse(unbase64url(member(signature, "protected"))), "kid");
      const der = this.files.get(`certificates/${withoutPrefix(kid)}.der`);
      need(der !== undefined, "certificate-missing", kid);
      key = await this.certified(der, record.at, [author, filedBy]);
    }
    need(await jwsHolds(canonical(record.envelope), signature, key, kid), "record-signature");
  }

  /** Returns a certificate with its issuers among the node's authorities; each is looked at once. */
  async certificate(der) {
    const name = hex(sha256(der));
    if (!this.certificates.has(name)) {
      const certificate = readCertificate(der);
      const issuers = [];
      for (const authority of this.authorities) {
        if (await isIssuedBy(certificate, authority)) issuers.push(authority);
      }
      this.certificates.set(name, { certificate, issuers });
    }
    return this.certificates.get(name);
  }

  /** Returns the public key of a certificate that names a party and was valid then, as was who issued it. */
  async certified(der, at, parties) {
    const { certificate, issuers } = await this.certificate(der);
    need(issuers.length > 0, "certificate-chain", certificate.parties.join());
    const isValid = ({ from, to }) => from <= at && at <= to;
    const span = `${isoOf(certificate.from)} – ${isoOf(certificate.to)}`;
    need(isValid(certificate) && issuers.some(isValid), "certificate-expired", span);
    need(parties.some((party) => certificate.parties.includes(party)), "certificate-party", parties.join());
    return certificate.key;
  }

  /** In each case numbers, log order and times go forward, none comes twice, and each family keeps to one schema. */
  check_order() {
    const last = new Map();
    const pinned = new Map();
    this.records.forEach((record, place) => {
      const before = last.get(record.case) ?? record;
      const isAlone = place === 0 || this.records[place - 1].leafIndex < record.leafIndex;
      const isFirst = this.byDigest.get(record.digest) === record;
      if (!isAlone || !isFirst || before.number > record.number || before.at > record.at) this.found(record, "log-order");
      const pin = JSON.stringify([record.case, record.family]);
      if (!pinned.has(pin)) pinned.set(pin, record.schema);
      if (pinned.get(pin) !== record.schema) this.found(record, "schema-pin");
      last.set(record.case, record);
    });
  }

  // --- deadlines and opening ---

  /** No bid record is stamped at or after the deadline then in force, and no opening before it. */
  check_deadlines(place) {
    let deadline = null;
    let grace = 0;
    const opened = new Set();
    const lots = new Map(this.of("bid_commitment", place).map(({ payload: p }) => [member(p, "submission"), member(p, "lot")]));
    for (const record of this.inCase(place)) {
      const { family, payload: p } = record;
      if (family === "tender_notice" || family === "deadline_extension") {
        deadline = instant(member(p, "bid_deadline"));
        if ("grace_seconds" in p) grace = integer(p, "grace_seconds") * 1000;
      } else if (family === "clarification" && "bid_deadline" in optional(p, "changes", {})) {
        deadline = instant(p.changes.bid_deadline);
      } else if (family === "outage_record" && deadline !== null) {
        deadline = this.postponed(deadline, p);
      } else if (family === "opening_start") {
        list(p, "lots").forEach((lot) => opened.add(member(lot, "lot")));
        const isEarly = deadline === null || record.at < deadline;
        if (isEarly) this.found(record, "opening-early", `${record.acceptedAt} < ${isoOf(deadline)}`);
      } else if (UNTIL_OPENING.includes(family)) {
        const limit = deadline !== null && family === "sealed_bid" ? deadline + grace : deadline;
        const submission = string(p, "submission");
        const isLate = limit === null || record.at >= limit || (lots.has(submission) && opened.has(lots.get(submission)));
        if (isLate) this.found(record, "bid-late", `${record.acceptedAt} ≥ ${isoOf(limit)}`);
      }
    }
  }

  /** Returns the deadline after an outage: two hours after its end, or a day and on to a working day. */
  postponed(deadline, outage) {
    const [start, end] = [instant(member(outage, "from")), instant(member(outage, "to"))];
    if (start > deadline || deadline > end || member(outage, "policy") !== "postpone_2h") return deadline;
    if (end - start <= 2 * HOUR) return end + 2 * HOUR;
    this.report.notes.push(OUTAGE_NOTE);
    return end + 13 * DAY;
  }

  /** The set frozen at the opening is exactly what the records left standing. */
  check_opening_set(start) {
    for (const stated of list(start.payload, "lots")) {
      const lot = member(stated, "lot");
      const bids = standing(this.records, start.case, lot, start.leafIndex);
      const root = hex(treeRoot(bids.map((bid) => unhex(withoutPrefix(bid.digest)))));
      const submissions = bids.map((bid) => ({ submission: bid.payload.submission, commitment: bid.digest }));
      const expected = { lot, accepted_root: root, count: bids.length, submissions };
      need(equal(stated, expected), "opening-set", lot);
    }
  }

  /** What was disclosed of a bid is what is inside its seal; what is called unopened can't be opened. */
  async check_disclosure(disclosure) {
    const { payload: p, case: place } = disclosure;
    const frozen = this.lotsOf("opening_start", place).flatMap((lot) => list(lot, "submissions"));
    const submission = member(p, "submission");
    const commitments = new Map(frozen.map((row) => [member(row, "submission"), member(row, "commitment")]));
    const bid = this.byDigest.get(commitments.get(submission));
    need(bid !== undefined && equal(member(bid.payload, "lot"), member(p, "lot")), "disclosure-set", submission);
    need(this.of("bid_disclosure", place, { submission })[0] === disclosure, "disclosure-missing");
    const own = [string(bid.payload, "recipient"), string(object(bid.payload, "ciphertext"), "sha256")];
    const earlier = this.of("bid_commitment", place).filter((record) => record.leafIndex < bid.leafIndex);
    const seals = earlier.flatMap(({ payload }) => [member(payload, "recipient"), member(object(payload, "ciphertext"), "sha256")]);
    const mine = { submission: member(bid.payload, "submission") };
    const [secret, way] = await secretOf(bid, this.of("key_release", place, mine), this.of("share_release", place, mine));
    let opened;
    try {
      need(!own.some((seal) => seals.includes(seal)), "bid-not-open", "copied");
      need(secret !== null, "bid-not-open", way);
      const ciphertext = this.files.get(`attachments/${withoutPrefix(own[1])}`);
      opened = await openBid(bid, ciphertext, secret, (...asked) => this.certified(...asked));
    } catch (error) {
      if (!(error instanceof Wrong)) throw error;
      this.checkUnopened(p, error);
      return;
    }
    if (member(p, "outcome") !== "opened") {
      need(optional(p, "cause") === "guarantee", "bid-suppressed", submission);
      return;
    }
    compareOpened(p, opened, way);
    this.compareLetter(place, p);
  }

  /** A bid that does not open may not be called opened; another cause than ours is only noted. */
  checkUnopened(p, wrong) {
    const cause = optional(p, "cause", null);
    const isLost = wrong.rule === "ciphertext-missing" && cause === "no_ciphertext";
    if (member(p, "outcome") === "opened" || (wrong.rule !== "bid-not-open" && !isLost)) throw wrong;
    if (wrong.detail === cause) return;
    const differs = `${p.submission}: ${cause} ≠ ${wrong.detail}`;
    this.report.notes.push([`未开启原因与复核不同 ${differs}`, `another cause was found ${differs}`]);
  }

  /** A guarantee that counts is the one issued, where its case is in the file. */
  compareLetter(place, bid) {
    const claim = optional(bid, "guarantee") || {};
    if (claim.result !== "valid") return;
    for (const { payload: issued } of this.records.filter((record) => record.family === "guarantee_letter")) {
      if (!equal(member(claim, "number"), member(issued, "number"))) continue;
      const terms = (of) => ["amount", "valid_until", "letter"].map((name) => member(of, name));
      const stated = [member(claim, "issuer"), place, member(bid, "lot"), member(object(bid, "bidder"), "id"), ...terms(claim)];
      const party = (name) => member(object(issued, name), "id");
      const real = [party("issuer"), member(issued, "tender"), member(issued, "lot"), party("applicant"), ...terms(issued)];
      need(equal(stated, real), "guarantee-differs", claim.number);
    }
  }

  /** The opening record repeats the disclosures, the roots and the price limits. */
  check_opening_record(record) {
    const starts = new Map(this.lotsOf("opening_start", record.case).map((lot) => [member(lot, "lot"), lot]));
    const { ceilings, floors } = this.limits(record.case);
    for (const lot of list(record.payload, "lots")) {
      const name = member(lot, "lot");
      const start = starts.get(name);
      need(equal(member(lot, "accepted_root"), member(start, "accepted_root")), "opening-root", name);
      const isLimit = equal(member(lot, "ceiling"), ceilings.get(name) ?? null);
      need(isLimit && equal(optional(lot, "floor", null), floors.get(name) ?? null), "opening-limits", name);
      const expected = new Map();
      for (const { payload: p } of this.of("bid_disclosure", record.case, { lot: name })) {
        const bidder = "bidder" in p ? { bidder: pick(object(p, "bidder"), ["id", "name"]) } : {};
        expected.set(member(p, "submission"), { ...pick(p, ["submission", "outcome", "price", "cause"]), ...bidder });
      }
      const frozen = new Set(list(start, "submissions").map((row) => member(row, "submission")));
      const isComplete = frozen.size === expected.size && [...frozen].every((submission) => expected.has(submission));
      need(isComplete, "disclosure-missing");
      const bids = list(lot, "bids");
      const isSame = bids.length === expected.size && new Set(bids.map((bid) => member(bid, "submission"))).size === bids.length;
      need(isSame && bids.every((bid) => equal(bid, expected.get(bid.submission))), "opening-bids", name);
    }
  }

  /** Returns ceilings and floors by lot, as the notice and later clarifications set them. */
  limits(place) {
    const ceilings = new Map();
    const floors = new Map();
    for (const { family, payload } of this.inCase(place)) {
      if (family === "tender_notice") {
        for (const lot of list(payload, "lots")) {
          ceilings.set(member(lot, "id"), member(lot, "ceiling"));
          if ("floor" in lot) floors.set(lot.id, lot.floor);
        }
      } else if (family === "clarification") {
        const changes = optional(optional(payload, "changes", {}), "ceilings", []);
        changes.forEach((change) => ceilings.set(member(change, "lot"), member(change, "ceiling")));
      }
    }
    return { ceilings, floors };
  }

  // --- draws and scores ---

  /** The experts drawn are those the committed nonces and pool give. */
  check_draw(draw) {
    const p = draw.payload;
    const size = integer(p, "pool_size");
    const before = this.of("draw_commitment", draw.case).filter((record) => record.leafIndex < draw.leafIndex);
    const promise = before.at(-1)?.payload;
    const terms = { pool_root: member(p, "pool_root"), pool_size: size, beacon_source: member(object(p, "beacon"), "source") };
    const isPromised = promise !== undefined && Object.entries(terms).every(([name, value]) => equal(member(promise, name), value));
    need(isPromised, "draw-commitment");
    checkNonces(list(promise, "holders"), list(p, "nonces"));
    const seed = seedOf(p, `experts:${draw.case}`, p.pool_root, size);
    need(seed === member(p, "seed"), "draw-seed", seed);
    const used = list(p, "excluded").map((row) => string(row, "expert"));
    for (const stratum of list(p, "strata")) {
      const name = string(stratum, "stratum");
      const names = [...list(stratum, "members"), ...list(stratum, "reserves")];
      need(stratum.members.length === member(stratum, "seats"), "draw-members", name);
      need(equal(names, drawnOrder(seed, name, names)), "draw-order", name);
      used.push(...names);
    }
    need(used.length === new Set(used).size && used.length <= size, "draw-members");
    // Where every stratum of the pool was drawn from, its names are all here: then none was left out or added.
    const pool = hex(treeRoot([...used].sort(byCodePoint).map(utf8)));
    need(used.length < size || pool === p.pool_root, "draw-members", "pool");
  }

  /** A tie was drawn by the committed nonces. */
  check_tie_draw(draw) {
    const p = draw.payload;
    const lot = string(p, "lot");
    const names = [...list(p, "submissions")].sort(byCodePoint);
    checkNonces(list(p, "commitments"), list(p, "nonces"));
    const seed = seedOf(p, `tie:${draw.case}:${lot}`, tiePool(names), names.length);
    need(seed === member(p, "seed"), "draw-seed", seed);
    need(equal(member(p, "order"), drawnOrder(seed, `tie:${lot}`, names)), "draw-order");
  }

  /** Who is replaced is followed by the next reserve of the same stratum. */
  check_recusal(recusal) {
    const seated = new Map();
    const reserves = new Map();
    let following;
    for (const { family, payload: p, leafIndex } of this.inCase(recusal.case)) {
      if (leafIndex > recusal.leafIndex) break;
      if (family === "expert_draw") {
        reserves.clear();
        for (const drawn of list(p, "strata")) {
          const name = string(drawn, "stratum");
          list(drawn, "members").forEach((expert) => seated.set(expert, name));
          reserves.set(name, [...list(drawn, "reserves")]);
        }
      } else if (family === "recusal") {
        const expert = member(p, "expert");
        shape(seated.has(expert), "who is replaced was not seated");
        const stratum = seated.get(expert);
        seated.delete(expert);
        following = reserves.get(stratum).shift();
        if (following !== undefined) seated.set(following, stratum);
      }
    }
    need(equal(optional(recusal.payload, "replaced_by"), following), "recusal-order", following ?? "—");
  }

  /** A score sheet is the one its expert committed to, and was shown after all had committed. */
  check_sheet(sheet) {
    const p = sheet.payload;
    const expert = member(p, "expert");
    const committed = this.of("score_commitment", sheet.case, { lot: member(p, "lot") });
    const mine = committed.filter(({ payload }) => member(payload, "expert") === expert);
    const isOne = mine.length === 1 && member(mine[0].payload, "digest") === digestOf(canonical(p));
    need(isOne, "score-commitment", expert);
    const isAfter = committed.every(({ leafIndex }) => leafIndex < sheet.leafIndex);
    need(isAfter && sheet.author === expert, "score-early", expert);
  }

  // --- report and award ---

  /** Prices, scores, ranking and candidates follow from the opened bids and the sheets. */
  check_report(report) {
    const { payload: p, case: place } = report;
    const lot = member(p, "lot");
    const document = this.byDigest.get(member(this.of("tender_notice", place).at(-1)?.payload, "document"));
    const method = member(document?.payload, "evaluation");
    need(equal(member(p, "method"), method), "report-method");
    const bids = this.of("bid_disclosure", place, { lot, outcome: "opened" }).map(({ payload }) => [string(payload, "submission"), payload]);
    const hasPanel = "session" in p;
    const sheets = hasPanel ? this.of("score_sheet", p.session, { lot }).map(({ payload }) => payload) : [];
    const panel = sheets.map((sheet) => string(sheet, "expert")).sort(byCodePoint);
    need(!hasPanel || equal(panel, [...list(p, "members")].sort(byCodePoint)), "report-sheets");
    const grounds = groundsOf(list(p, "bids"));
    const limit = (limits) => (limits.has(lot) ? Exact.read(string(limits.get(lot), "amount")) : null);
    const { ceilings, floors } = this.limits(place);
    const closed = this.lotsOf("opening_record", place).filter((found) => equal(member(found, "lot"), lot));
    const draws = this.of("tie_draw", place, { lot }).map(({ payload }) => [string(payload, "seed"), list(payload, "order")]);
    const orders = new Map(draws.sort(([a], [b]) => byCodePoint(a, b)));
    const isForeign = this.of("project", place).some(({ payload }) => member(payload, "regime") === "foreign_sealed");
    const expected = evaluate({
      method,
      bids: new Map(bids.sort(([a], [b]) => byCodePoint(a, b))),
      sheets,
      ceiling: limit(ceilings),
      floor: limit(floors),
      factors: Object.assign(Object.create(null), ...closed.map((found) => optional(found, "factors", {}))),
      decided: sheets.length > 0 ? new Map() : grounds,
      orders,
      oneBidEach: !isForeign,
    });
    const byFigures = new Set(expected.bids.filter((row) => row.rejected === BY_FIGURES).map((row) => row.submission));
    const ground = (submission) => (byFigures.has(submission) ? BY_FIGURES : grounds.get(submission));
    const rows = p.bids.map((row) => (grounds.has(row.submission) ? { ...row, rejected: ground(row.submission) } : row));
    const stated = { base: optional(object(p, "price"), "base", null), bids: rows, candidates: member(p, "candidates") };
    for (const [name, value] of Object.entries(expected)) need(equal(stated[name], value), "report-result", name);
    for (const tie of list(p, "tie_draws")) {
      const submissions = list(tie, "submissions");
      const drawn = (orders.get(member(tie, "seed")) ?? []).filter((submission) => submissions.includes(submission));
      need(drawn.length > 0 && equal(drawn, member(tie, "order")), "report-ties", tie.seed);
    }
  }

  /** The candidates shown are those of the report. */
  check_publicity(publicity) {
    const p = publicity.payload;
    const report = this.byDigest.get(member(p, "report"))?.payload;
    need(report !== undefined, "publicity");
    const shown = list(report, "candidates").map((candidate) => pick(candidate, ["rank", "bidder", "price", "total"]));
    need(equal(member(report, "lot"), member(p, "lot")) && equal(member(p, "candidates"), shown), "publicity");
  }

  /** The winner is a candidate at its price, the first unless a reason is on record. */
  check_award(award) {
    const p = award.payload;
    const lot = member(p, "lot");
    const reports = this.of("evaluation_report", award.case, { lot }).filter(({ leafIndex }) => leafIndex < award.leafIndex);
    const candidates = reports.length > 0 ? list(reports.at(-1).payload, "candidates") : [];
    const rank = member(p, "rank");
    const chosen = candidates.filter((candidate) => equal(member(candidate, "rank"), rank));
    const stated = { bidder: member(p, "winner"), submission: member(p, "submission"), price: member(p, "price") };
    const isCandidate = chosen.length === 1 && Object.entries(stated).every(([name, value]) => equal(member(chosen[0], name), value));
    need(isCandidate, "award-candidate", rank);
    need(rank === 1 || "reason" in p, "award-reason");
    const shown = this.of("candidate_publicity", award.case, { lot }).map(({ digest }) => digest);
    need(!("publicity" in p) || shown.includes(p.publicity), "award-publicity");
  }

  /** The letter's PDF is in the file. */
  check_letter(letter) {
    const digest = string(letter.payload, "letter");
    const attached = list(letter.envelope, "attachments").map((attachment) => member(attachment, "sha256"));
    need(equal(attached, [digest]), "guarantee-letter");
    need(this.files.has(`attachments/${withoutPrefix(digest)}`), "guarantee-missing");
  }

  /** Carries out every check; where the file or its keys don't hold, nothing further is looked at. */
  async run() {
    for (const name of ["check_index", "check_keys"]) {
      await this.attempt(name);
      if (this.report.findings.length > 0) return;
    }
    for (const name of ["check_checkpoint", "read_records", "check_order"]) await this.attempt(name);
    const places = [...new Set(this.records.map((record) => record.case))].sort(byCodePoint);
    for (const place of places) await this.attempt("check_deadlines", null, place);
    for (const [at, record] of this.records.entries()) {
      await this.attempt("check_record", record);
      if (Object.hasOwn(BY_FAMILY, record.family)) await this.attempt(BY_FAMILY[record.family], record);
      await this.progress(at + 1, this.records.length);
    }
    const order = (a, b) => a.leaf_index - b.leaf_index || byCodePoint(a.case, b.case) || a.number - b.number;
    this.report.findings.sort(order);
  }
}

const BY_FAMILY = {
  opening_start: "check_opening_set",
  bid_disclosure: "check_disclosure",
  opening_record: "check_opening_record",
  expert_draw: "check_draw",
  tie_draw: "check_tie_draw",
  recusal: "check_recusal",
  score_sheet: "check_sheet",
  evaluation_report: "check_report",
  candidate_publicity: "check_publicity",
  award_notice: "check_award",
  guarantee_letter: "check_letter",
};

/**
 * Verifies an evidence file in memory 复核证据文件.
 *
 * `options`: `nodeKeys` and `witnessKeys` the reader got elsewhere (verifier keys, base64url receipt keys, `sha256:` of an
 * authority), `minWitnesses`, and `progress(done, total)`, which may be async.
 *
 * Returns `{ok, facts, checks, findings, notes}`, the first bad record first.
 */
export async function verifyEvidence(bytes, options = {}) {
  const report = { ok: false, facts: {}, checks: {}, findings: [], notes: [] };
  let files;
  try {
    files = unzip(bytes);
    const names = [...files.keys()];
    shape(names.every((name, at) => at === 0 || byCodePoint(names[at - 1], name) < 0), "not sorted");
  } catch (error) {
    if (!isBadShape(error)) throw error;
    report.findings.push({ case: "", number: 0, family: "", rule: "container", detail: error.message, leaf_index: -1 });
    return report;
  }
  const run = new Verification(files, options, report);
  await run.run();
  for (const name of ["case", "node", "created_at", "counts", "linked"]) report.facts[name] = optional(run.index, name, null);
  report.facts.trust = { node: run.nodeKeys.length > 0, witnesses: run.witnessKeys.length > 0 };
  report.ok = report.findings.length === 0;
  return report;
}

