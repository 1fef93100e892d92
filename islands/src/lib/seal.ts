// Sealing 封装: a bid becomes one age file for a fresh key, on this device, and a commitment that says nothing of it.
// The same steps as adapters/sealing.py: measure, write the manifest, read it back to a person, sign, encrypt, split.
import { ed25519 } from "@noble/curves/ed25519.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { base32 } from "@scure/base";
import { Encrypter } from "age-encryption";
import { concat } from "./der";
import type { Held } from "./keyring";
import { container, entryOfBytes, entryOfFile, packageSize, type Entry } from "./package";
import { canonical } from "./record";
import { newSecret, random, recipientOf, secretText, split } from "./split";
import { base64, base64url, digest, fromBase64, hex, utf8 } from "./text";

type Bytes = Uint8Array<ArrayBuffer>;

export interface Terms {
  case: string;
  answers: string;
  custodians: { party: string; recipient: string }[];
  threshold: number;
  policy: string;
}

export interface Offer {
  lot: string;
  party: string;
  name: string;
  amount: string;
  currency: string;
  smallOrMicro: boolean;
  domestic: boolean;
  files: readonly File[];
  guarantee: { number: string; issuer: string; amount: string; currency: string; validUntil: string; letter: File } | null;
}

/** What a person reads before signing: made from the very bytes that are signed. */
export interface ReadBack {
  digest: string;
  manifest: Manifest;
}

interface Manifest {
  price: { amount: string; currency: string };
  lot: string;
  submission: string;
  files: { name: string; sha256: string; size: number }[];
  guarantee: { number: string; amount: { amount: string; currency: string }; letter: string } | null;
}

export interface Prepared {
  readBack: ReadBack;
  entries: Entry[];
  raw: Bytes;
  submission: string;
  bidKey: Bytes;
  lot: string;
}

export interface SealedBid {
  submission: string;
  lot: string;
  commitment: Record<string, unknown>;
  secretKey: string;
  bidKey: string;
  ciphertext: Blob;
  sha256: string;
  size: number;
}

export type Watch = (step: "measure" | "seal", done: number, all: number) => void;

export const lower32 = (data: Uint8Array, length: number): string => base32.encode(data).replace(/=+$/, "").toLowerCase().slice(0, length);

export const bidParty = (bidKey: Uint8Array): string => `bid:${lower32(sha256(ed25519.getPublicKey(bidKey)), 32)}`;

/** Measures the files and writes the manifest; nothing is signed or encrypted yet. `bidKey` is that of a replaced bid. */
export async function prepare(offer: Offer, terms: Terms, certificate: string, bidKey: Bytes | null, watch: Watch): Promise<Prepared> {
  const files = offer.guarantee === null ? [...offer.files] : [...offer.files, offer.guarantee.letter];
  const all = files.reduce((sum, file) => sum + file.size, 0);
  let before = 0;
  const measure = async (name: string, file: File): Promise<Entry> => {
    const entry = await entryOfFile(name, file, (done) => watch("measure", before + done, all));
    before += file.size;
    return entry;
  };
  const entries: Entry[] = [];
  for (const file of offer.files) entries.push(await measure(`files/${file.name}`, file));
  const letter = offer.guarantee === null ? null : await measure("guarantee/letter.pdf", offer.guarantee.letter);
  const key = bidKey ?? random(32);
  const submission = `b-${lower32(random(17), 26)}`;
  const manifest = {
    format: "TH-BID-1",
    tender: terms.case,
    lot: offer.lot,
    submission,
    bid_key: base64url(ed25519.getPublicKey(key)),
    answers: terms.answers,
    bidder: { id: offer.party, name: offer.name, certificate: base64url(fromBase64(certificate)) },
    price: { amount: offer.amount, currency: offer.currency },
    attributes: { small_or_micro: offer.smallOrMicro, domestic_product: offer.domestic },
    guarantee:
      offer.guarantee === null || letter === null
        ? null
        : {
            number: offer.guarantee.number,
            issuer: offer.guarantee.issuer,
            amount: { amount: offer.guarantee.amount, currency: offer.guarantee.currency },
            valid_until: offer.guarantee.validUntil,
            letter: letter.sha256,
          },
    files: entries.map((entry) => ({ name: entry.name.slice("files/".length), sha256: entry.sha256, size: entry.size })),
  };
  const raw = canonical(manifest);
  const readBack = { digest: await digest(raw), manifest: JSON.parse(new TextDecoder().decode(raw)) as Manifest };
  return { readBack, entries: letter === null ? entries : [...entries, letter], raw, submission, bidKey: key, lot: offer.lot };
}

async function signature(raw: Bytes, held: Held): Promise<Bytes> {
  const header = base64url(canonical({ alg: "ES256", b64: false, crit: ["b64"], kid: held.kid }));
  const value = await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, held.key, concat(utf8(`${header}.`), raw));
  return canonical({ protected: header, signature: base64url(new Uint8Array(value)) });
}

/** Somewhere for the ciphertext: a file of this site's own on the disk where the browser has that, else its memory. */
async function sink(name: string): Promise<{ write: (piece: Bytes) => Promise<void>; done: () => Promise<Blob> }> {
  try {
    const folder = await navigator.storage.getDirectory();
    const handle = await folder.getFileHandle(name, { create: true });
    const stream = await handle.createWritable();
    return {
      write: (piece) => stream.write(piece),
      done: async () => {
        await stream.close();
        return handle.getFile();
      },
    };
  } catch {
    let parts: Blob[] = [];
    return {
      write: async (piece) => {
        parts.push(new Blob([piece]));
        if (parts.length > 256) parts = [new Blob(parts)]; // lets the browser move them to its disk
      },
      done: async () => new Blob(parts),
    };
  }
}

export const ciphertextName = (submission: string): string => `${submission}.age`;

/** Where the ciphertext of an earlier visit lies, null where this device has it no more. */
export async function keptCiphertext(submission: string): Promise<Blob | null> {
  try {
    const folder = await navigator.storage.getDirectory();
    return await (await folder.getFileHandle(ciphertextName(submission))).getFile();
  } catch {
    return null;
  }
}

/** Signs what was read back, encrypts, and splits the key to the custodians of the notice. */
export async function seal(prepared: Prepared, terms: Terms, held: Held, replaces: string | null, watch: Watch): Promise<SealedBid> {
  const [manifest, signed] = await Promise.all([
    entryOfBytes("manifest.json", prepared.raw),
    entryOfBytes("manifest.sig", await signature(prepared.raw, held)),
  ]);
  const entries = [manifest, signed, ...prepared.entries];
  const secret = newSecret();
  const recipient = recipientOf(secret);
  const dealt = split(secret, terms.threshold, terms.custodians.length);
  const boxes = await Promise.all(
    terms.custodians.map(async (custodian, at) => {
      const encrypter = new Encrypter();
      encrypter.addRecipient(custodian.recipient);
      const box = await encrypter.encrypt(dealt.shares[at] ?? new Uint8Array());
      return { custodian: custodian.party, index: at + 1, box: base64url(box) };
    }),
  );
  const encrypter = new Encrypter();
  encrypter.addRecipient(recipient);
  const plain = container(entries, (done, all) => watch("seal", done, all));
  const source = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await plain.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
  });
  const hash = sha256.create();
  const out = await sink(ciphertextName(prepared.submission));
  const reader = (await encrypter.encrypt(source)).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    hash.update(value);
    await out.write(value as Bytes);
  }
  const ciphertext = await out.done();
  const name = `sha256:${hex(hash.digest())}`;
  const commitment = {
    submission: prepared.submission,
    lot: prepared.lot,
    bid_key: base64url(ed25519.getPublicKey(prepared.bidKey)),
    seal_suite: "age-x25519-v1",
    recipient,
    ciphertext: { sha256: name, size: ciphertext.size },
    size_class: packageSize(entries),
    commitments: dealt.commitments.map(hex),
    share_boxes: boxes,
    policy: terms.policy,
    answers: terms.answers,
    ...(replaces === null ? {} : { replaces }),
  };
  return {
    submission: prepared.submission,
    lot: prepared.lot,
    commitment,
    secretKey: secretText(secret),
    bidKey: base64(prepared.bidKey),
    ciphertext,
    sha256: name,
    size: ciphertext.size,
  };
}
