// Builds the islands into the portal's static files. The same sources and lock always give the same bytes;
// `node build.mjs --check` builds in memory and fails where the files in the repository differ.
import { build } from "esbuild";
import { createHash } from "node:crypto";
import { readFileSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const target = join(here, "..", "platform", "tradehall", "web", "portal", "static", "islands");
const entries = readdirSync(join(here, "src")).filter((name) => name.endsWith(".ts")).sort();

const made = await build({
  absWorkingDir: here,
  entryPoints: entries.map((name) => `src/${name}`),
  outdir: target,
  bundle: true,
  format: "iife",
  target: "es2021",
  minify: true,
  charset: "utf8",
  legalComments: "none",
  write: false,
  logLevel: "warning",
});

const names = new Set();
let stale = 0;
for (const file of made.outputFiles) {
  const name = file.path.slice(target.length + 1);
  names.add(name);
  if (process.argv.includes("--check")) {
    let kept = null;
    try {
      kept = readFileSync(file.path);
    } catch {
      // reported below as stale
    }
    if (kept === null || !kept.equals(Buffer.from(file.contents))) {
      console.error(`static/islands/${name} is not what islands/src makes: run ./run islands`);
      stale += 1;
    }
  } else {
    mkdirSync(dirname(file.path), { recursive: true });
    writeFileSync(file.path, file.contents);
    console.log(`${name}  ${(file.contents.length / 1024).toFixed(1)} KiB`);
  }
}
for (const name of readdirSync(target)) {
  if (!names.has(name)) {
    console.error(`static/islands/${name} has no source`);
    stale += 1;
  }
}

// What was made of what, for those who have no Node at hand: tests/house/test_islands.py holds the files against it.
const hash = (bytes) => createHash("sha256").update(bytes).digest("hex");
const sources = readdirSync(here, { recursive: true })
  .filter((name) => !name.startsWith("node_modules") && /\.(ts|mjs|json)$/.test(name) && name !== "built.json")
  .sort();
const listed = {
  sources: Object.fromEntries(sources.map((name) => [name, hash(readFileSync(join(here, name)))])),
  built: Object.fromEntries(made.outputFiles.map((file) => [file.path.slice(target.length + 1), hash(file.contents)])),
};
const text = `${JSON.stringify(listed, null, 2)}\n`;
if (!process.argv.includes("--check")) {
  writeFileSync(join(here, "built.json"), text);
} else if (readFileSync(join(here, "built.json"), "utf8") !== text) {
  console.error("islands/built.json is stale: run ./run islands");
  stale += 1;
}
process.exit(stale ? 1 : 0);
