// The bid package 投标文件包 TH-BID-1, as rules/bid_package.py reads it: a ZIP in one canonical form, entries stored, one
// after another, padded with zeros to the size class. It is written as a stream; memory does not grow with the files.
import { sha256 } from "@noble/hashes/sha2.js";
import { concat } from "./der";
import { hex, utf8 } from "./text";

type Bytes = Uint8Array<ArrayBuffer>;

export interface Entry {
  name: string;
  size: number;
  crc32: number;
  sha256: string;
  open: () => AsyncIterable<Bytes>;
}

const PIECE = 1 << 20;
const LEAST_CLASS = 64 * 1024;
export const MOST = 2 ** 31;
const LOCAL = 30;
const CENTRAL = 46;
const END = 22;
const PADDING = "padding";

/** A file name that a bid may carry; the hall refuses all others when it opens the bid. */
export function isLawful(name: string): boolean {
  const odd = /[\u0000-\u001f\u007f-\u009f/\\:*?"<>|\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufe00-\ufe0f\ufeff\ufff9-\uffff\u{e0000}-\u{e0fff}]/u;
  const length = [...name].length;
  return length > 0 && length <= 200 && !odd.test(name) && !/^[ .]|[ .]$/.test(name) && name === name.normalize("NFC") && utf8(name).length <= 240;
}

const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k += 1) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
  return c;
});

function crc(data: Uint8Array, before: number): number {
  let c = ~before;
  for (let at = 0; at < data.length; at += 1) c = (c >>> 8) ^ (TABLE[(c ^ (data[at] ?? 0)) & 255] ?? 0);
  return ~c >>> 0;
}

async function* pieces(file: Blob): AsyncGenerator<Bytes> {
  for (let at = 0; at < file.size; at += PIECE) yield new Uint8Array(await file.slice(at, at + PIECE).arrayBuffer());
}

async function* once(data: Bytes): AsyncGenerator<Bytes> {
  yield data;
}

async function* zeros(length: number): AsyncGenerator<Bytes> {
  const piece = new Uint8Array(PIECE);
  for (let at = 0; at < length; at += PIECE) yield piece.subarray(0, Math.min(PIECE, length - at));
}

async function measured(name: string, open: () => AsyncIterable<Bytes>, watch: (done: number) => void): Promise<Entry> {
  const hash = sha256.create();
  let size = 0;
  let check = 0;
  for await (const piece of open()) {
    hash.update(piece);
    check = crc(piece, check);
    size += piece.length;
    watch(size);
  }
  return { name, size, crc32: check, sha256: `sha256:${hex(hash.digest())}`, open };
}

export const entryOfFile = (name: string, file: Blob, watch: (done: number) => void): Promise<Entry> => measured(name, () => pieces(file), watch);
export const entryOfBytes = (name: string, data: Bytes): Promise<Entry> => measured(name, () => once(data), () => undefined);

const overhead = (name: string): number => LOCAL + CENTRAL + 2 * utf8(name).length;

/** Padmé, and never below 64 KiB. Source: PURBs, PETS 2019, 4.1. */
export function sizeClass(length: number): number {
  const least = Math.max(length, LEAST_CLASS);
  const exponent = Math.floor(Math.log2(least));
  const step = 2 ** (exponent - (Math.floor(Math.log2(exponent)) + 1));
  return Math.ceil(least / step) * step;
}

export function packageSize(entries: readonly Entry[]): number {
  const bare = entries.reduce((sum, entry) => sum + overhead(entry.name) + entry.size, overhead(PADDING) + END);
  const size = sizeClass(bare);
  if (size > MOST) throw new RangeError("too large");
  return size;
}

function numbers(...fields: readonly (readonly [2 | 4, number])[]): Bytes {
  const out = new DataView(new ArrayBuffer(fields.reduce((sum, [width]) => sum + width, 0)));
  let at = 0;
  for (const [width, value] of fields) {
    if (width === 2) out.setUint16(at, value, true);
    else out.setUint32(at, value, true);
    at += width;
  }
  return new Uint8Array(out.buffer);
}

type Field = readonly [2 | 4, number];

// Version 2.0, UTF-8 flag, stored, 1980-01-01 00:00:00.
function shared(entry: Entry): Field[] {
  return [[2, 20], [2, 1 << 11], [2, 0], [2, 0], [2, (1 << 5) | 1], [4, entry.crc32], [4, entry.size], [4, entry.size]];
}

function local(entry: Entry): Bytes {
  const name = utf8(entry.name);
  return concat(numbers([4, 0x04034b50], ...shared(entry), [2, name.length], [2, 0]), name);
}

function central(entry: Entry, offset: number): Bytes {
  const name = utf8(entry.name);
  const mode = 0o100644 * 65536; // beyond the reach of a shift, which is signed
  return concat(
    numbers([4, 0x02014b50], [2, (3 << 8) | 20], ...shared(entry), [2, name.length], [2, 0], [2, 0], [2, 0], [2, 0], [4, mode], [4, offset]),
    name,
  );
}

/** A file gave other bytes than when it was measured. */
export class Changed extends Error {}

export async function* container(entries: readonly Entry[], watch: (done: number, all: number) => void): AsyncGenerator<Bytes> {
  const size = packageSize(entries);
  const used = entries.reduce((sum, entry) => sum + overhead(entry.name) + entry.size, overhead(PADDING) + END);
  const padding = await measured(PADDING, () => zeros(size - used), () => undefined);
  const directory: Bytes[] = [];
  let offset = 0;
  for (const entry of [...entries, padding]) {
    const head = local(entry);
    yield head;
    directory.push(central(entry, offset));
    offset += head.length;
    let check = 0;
    let read = 0;
    for await (const piece of entry.open()) {
      check = crc(piece, check);
      read += piece.length;
      yield piece;
      watch(offset + read, size);
    }
    if (read !== entry.size || check !== entry.crc32) throw new Changed(entry.name);
    offset += entry.size;
  }
  const whole = concat(...directory);
  yield whole;
  const count = entries.length + 1;
  yield numbers([4, 0x06054b50], [2, 0], [2, 0], [2, count], [2, count], [4, whole.length], [4, offset], [2, 0]);
}
