// 规范压缩包 The one canonical ZIP: stored entries without a gap, an extra field, a comment, a date or a mode of its own.
//
// Every header is written again from name, size and CRC-32 and compared, so that each byte of the container is accounted
// for. An archive that was unpacked and packed again, deflated for instance, is another file than the signed one, and refused.

import { concat, same, textOf } from "./bytes.mjs";
import { shape } from "./faults.mjs";
import { crc32 } from "./hashes.mjs";

const LOCAL = 30;
const CENTRAL = 46;
const END = 22;
const VERSION = 20;
const MADE_ON_UNIX = (3 << 8) | VERSION;
const UTF8_NAMES = 1 << 11;
const DATE_1980 = (1 << 5) | 1;
const MODE = 0o100644 * 0x10000;

/** Packs fields, given as [size in bytes, value], the lowest byte first. */
function packed(fields) {
  const bytes = [];
  for (const [size, value] of fields) {
    for (let at = 0; at < size; at++) bytes.push(Math.floor(value / 256 ** at) % 256);
  }
  return Uint8Array.from(bytes);
}

function facts(crc, size, name) {
  return [[2, UTF8_NAMES], [2, 0], [2, 0], [2, DATE_1980], [4, crc], [4, size], [4, size], [2, name.length]];
}

function localHeader(crc, size, name) {
  return concat(packed([[4, 0x04034b50], [2, VERSION], ...facts(crc, size, name), [2, 0]]), name);
}

function centralHeader(crc, size, name, position) {
  const head = [[4, 0x02014b50], [2, MADE_ON_UNIX], [2, VERSION], ...facts(crc, size, name)];
  return concat(packed([...head, [2, 0], [2, 0], [2, 0], [2, 0], [4, MODE], [4, position]]), name);
}

function endRecord(count, length, offset) {
  return packed([[4, 0x06054b50], [2, 0], [2, 0], [2, count], [2, count], [4, length], [4, offset], [2, 0]]);
}

/** Returns the files of a canonical ZIP as a Map, in its order; anything else is `Malformed`. */
export function unzip(bytes) {
  shape(bytes.length >= END, "too short");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const last = bytes.length - END;
  const count = view.getUint16(last + 8, true);
  const length = view.getUint32(last + 12, true);
  const offset = view.getUint32(last + 16, true);
  const isEnd = same(bytes.subarray(last), endRecord(count, length, offset)) && offset + length === last;
  shape(isEnd, "the end record is not canonical");
  const files = new Map();
  let at = offset;
  let position = 0;
  for (let entry = 0; entry < count; entry++) {
    shape(at + CENTRAL <= last, "the directory is cut short");
    const crc = view.getUint32(at + 16, true);
    const size = view.getUint32(at + 24, true);
    const name = bytes.subarray(at + CENTRAL, Math.min(at + CENTRAL + view.getUint16(at + 28, true), last));
    const central = centralHeader(crc, size, name, position);
    const local = localHeader(crc, size, name);
    const start = position + LOCAL + name.length;
    const isCanonical =
      same(bytes.subarray(at, at + central.length), central) && same(bytes.subarray(position, start), local);
    shape(isCanonical && start + size <= offset, `entry ${entry + 1} is not canonical`);
    const content = bytes.subarray(start, start + size);
    const text = textOf(name);
    shape(crc32(content) === crc && !files.has(text), `${text.slice(0, 60)} has a wrong checksum or stands twice`);
    files.set(text, content);
    at += central.length;
    position = start + size;
  }
  shape(position === offset && at === last, "bytes that belong to no file");
  return files;
}
