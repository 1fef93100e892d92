#!/usr/bin/env node
// 打包 Writes `page.js`: the modules of `core/` and `page.mjs` in one classic script, because a browser loads no modules from
// a page that lies on a disk.
//
//   node bundle.mjs          writes it
//   node bundle.mjs --check  exit status 1 where it is outdated

import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

const HERE = dirname(fileURLToPath(import.meta.url));
const OUT = join(HERE, "page.js");
const IMPORT = /^import \{ ([^}]+) \} from "([^"]+)";\n/gm;
const EXPORT = /^export (async function|function|class|const) (\w+)/gm;

const order = [];

/** Reads a module and, before it, all that it imports. */
function visit(path) {
  if (order.some((module) => module.path === path)) return;
  const text = readFileSync(join(HERE, path), "utf8");
  const imports = [...text.matchAll(IMPORT)].map(([, names, from]) => ({ names, path: normalize(join(dirname(path), from)) }));
  for (const other of imports) visit(other.path);
  order.push({ path, text, imports });
}

function wrapped({ path, text, imports }) {
  const names = [...text.matchAll(EXPORT)].map(([, , name]) => name);
  const taken = imports.map((other) => `const { ${other.names} } = modules["${other.path}"];`);
  const body = text.replace(IMPORT, "").replace(EXPORT, "$1 $2").trim();
  return [`modules["${path}"] = (() => {`, ...taken, body, `return { ${names.join(", ")} };`, "})();"].join("\n");
}

visit("page.mjs");
const head = "// Made by bundle.mjs out of core/ and page.mjs. Do not edit.\n";
const bundle = `${head}"use strict";\n(() => {\nconst modules = {};\n\n${order.map(wrapped).join("\n\n")}\n})();\n`;
if (process.argv[2] === "--check") {
  const isCurrent = readFileSync(OUT, "utf8") === bundle;
  if (!isCurrent) console.error("page.js 已过时 is outdated: node bundle.mjs");
  process.exitCode = isCurrent ? 0 : 1;
} else {
  writeFileSync(OUT, bundle);
}
