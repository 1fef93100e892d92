#!/usr/bin/env node
// 独立复核程序（命令行） The verifier for Node.js 18 or later:
//
//   node verify.mjs FILE [--record FILE] [--node-key KEY]… [--witness-key VKEY]… [--min-witnesses N] [--json]
//
// FILE is an evidence file (ZIP), a receipt, a refusal or a log proof (JSON). `-` reads requests from standard input, one
// JSON object a line ({file, nodeKeys, witnessKeys, minWitnesses}), and writes a report for each.
//
// Exit status: 0 all checks passed, 1 a check failed (the first bad record is named), 2 usage, 3 the file can't be read.

import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { webcrypto } from "node:crypto";
import { lines, toJson, verifyFile } from "./core/report.mjs";

globalThis.crypto ??= webcrypto;

const VALUES = { "--node-key": "nodeKeys", "--witness-key": "witnessKeys", "--min-witnesses": "minWitnesses", "--record": "record" };
const USAGE = "用法 usage: node verify.mjs FILE [--record FILE] [--node-key KEY]… [--witness-key VKEY]… [--min-witnesses N] [--json]";

/** Reads the command line; null where it is not one of ours. */
function read(argv) {
  const found = { nodeKeys: [], witnessKeys: [], minWitnesses: 0, record: null, file: null, json: false };
  for (let at = 0; at < argv.length; at++) {
    const [word, given] = argv[at].startsWith("--") ? argv[at].split(/=(.*)/s) : [argv[at]];
    const name = VALUES[word];
    if (word === "--json") found.json = true;
    else if (name !== undefined) {
      const value = given ?? argv[++at];
      if (value === undefined) return null;
      if (Array.isArray(found[name])) found[name].push(value);
      else found[name] = value;
    } else if (found.file === null && (word === "-" || !word.startsWith("-"))) found.file = word;
    else return null;
  }
  found.minWitnesses = Number(found.minWitnesses);
  return found.file === null || !(Number.isSafeInteger(found.minWitnesses) && found.minWitnesses >= 0) ? null : found;
}

function load(file) {
  return new Uint8Array(readFileSync(file));
}

/** Answers requests on standard input: many files, one start of Node. */
async function verifyMany() {
  for await (const line of createInterface({ input: process.stdin })) {
    const { file, ...options } = JSON.parse(line);
    const report = await verifyFile(load(file), options);
    process.stdout.write(`${JSON.stringify({ file, ...toJson(report) })}\n`);
  }
  return 0;
}

async function main(argv) {
  const options = read(argv);
  if (options === null) {
    console.error(USAGE);
    return 2;
  }
  if (options.file === "-") return verifyMany();
  let bytes;
  let record;
  try {
    bytes = load(options.file);
    record = options.record === null ? undefined : load(options.record);
  } catch (error) {
    console.error(`无法读取 / can't read: ${error.message}`);
    return 3;
  }
  const report = await verifyFile(bytes, options, record);
  console.log(options.json ? JSON.stringify(toJson(report), null, 2) : lines(report).join("\n"));
  return report.ok ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
