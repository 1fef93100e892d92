// 复核页面 The page: takes files, shows the report. It asks the network for nothing, and its policy would not let it.

import { parseStrict } from "./core/json.mjs";
import { placeOf, toJson, verifyFile } from "./core/report.mjs";
import { CHECKS, RULES } from "./core/words.mjs";

const FIRST_SHOWN = 20;
const MOST_MS = 30;
const KINDS = {
  evidence: ["证据文件", "Evidence file"],
  receipt: ["受理回执", "Receipt"],
  refusal: ["拒收回执", "Refusal"],
  proof: ["日志证明", "Log proof"],
};
const by = (id) => document.getElementById(id);
let chosen = [];
let turn = 0;

// --- words on the page --------------------------------------------------------------------------------------------

/** Makes an element with text or elements in it. */
function make(tag, { className = "", ...attributes } = {}, ...children) {
  const element = document.createElement(tag);
  if (className !== "") element.className = className;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** Says something in both languages; the page shows one of them. */
function both([zh, en]) {
  return [make("span", { className: "zh", lang: "zh-CN" }, zh), make("span", { className: "en", lang: "en" }, en)];
}

function showLanguage(language) {
  document.documentElement.lang = language === "en" ? "en" : "zh-CN";
}

// --- the report ---------------------------------------------------------------------------------------------------

function part(title, ...children) {
  return make("div", { className: "part" }, make("h3", {}, ...both(title)), ...children);
}

function factsOf(report, names) {
  const { facts } = report;
  const rows = [
    [["文件", "File"], names],
    [["类型", "Kind"], KINDS[report.kind] ?? ["—", "—"]],
    [["项目", "Case"], facts.case ?? facts.content?.case],
    [["记录", "Record"], facts.content && `${facts.content.family} ${facts.content.record}`],
    [["时间", "Time"], facts.created_at ?? facts.content?.accepted_at ?? facts.content?.at],
    [["大厅", "Hall"], facts.node ?? facts.content?.node],
    [["日志", "Log"], facts.checkpoint && `${facts.checkpoint.origin} · ${facts.checkpoint.size}`],
    [["见证", "Witnesses"], facts.witnesses && (facts.witnesses.join(", ") || ["无", "none"])],
    [["理由", "Reason"], facts.content?.reason && [facts.content.reason.zh, facts.content.reason.en]],
  ];
  const list = make("dl", { className: "facts" });
  for (const [name, value] of rows) {
    if (value === undefined || value === null) continue;
    const shown = Array.isArray(value) ? both(value) : [String(value)];
    list.append(make("div", {}, make("dt", {}, ...both(name)), make("dd", {}, ...shown)));
  }
  return list;
}

function findingsOf(report) {
  const shown = report.findings.slice(0, FIRST_SHOWN).map((finding, at) => {
    const head = make("strong", {}, ...both(RULES[finding.rule]));
    const first = at === 0 ? both(["首个问题", "First bad record"]) : [];
    return make("li", { className: "finding" }, ...first, head, make("span", {}, placeOf(finding)), make("code", {}, `[${finding.rule}] ${finding.detail}`));
  });
  const more = report.findings.length - shown.length;
  if (more > 0) shown.push(make("li", {}, ...both([`另有 ${more} 个问题，见报告`, `${more} more in the report`])));
  return make("ul", {}, ...shown);
}

function checksOf(report) {
  const rows = Object.entries(report.checks).map(([name, count]) =>
    make("li", {}, make("span", {}, ...both(CHECKS[name] ?? [name, name])), make("span", { className: "chip" }, `✓ ${count}`)),
  );
  return make("ul", { className: "rows" }, ...rows);
}

function notesOf(report) {
  const notes = [...report.notes];
  if (report.facts.trust && !report.facts.trust.node) {
    notes.unshift(["未给定大厅公钥，采用文件自带公钥：证明文件前后一致，不能证明是谁的。", "No key of the hall was given, the file's own were taken: this proves that the file is consistent, not whose it is."]);
  }
  return notes.map((note) => make("p", { className: "note" }, ...both(note)));
}

function saveButton(report) {
  const button = make("button", { className: "button", type: "button", id: "save" }, ...both(["保存报告", "Save the report"]));
  button.addEventListener("click", () => {
    const text = JSON.stringify(toJson(report), null, 2);
    const link = make("a", { download: "report.json", href: URL.createObjectURL(new Blob([text], { type: "application/json" })) });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });
  return make("div", { className: "part" }, button);
}

function show(report, names) {
  const passed = Object.values(report.checks).reduce((total, count) => total + count, 0);
  const verdict = report.ok
    ? [`全部通过：${passed} 项核对`, `All ${passed} checks passed`]
    : [`未通过：${report.findings.length} 个问题`, `Failed: ${report.findings.length} problem(s)`];
  const head = make("div", { className: "verdict-head" }, make("span", { className: "mark", "aria-hidden": "true" }, report.ok ? "✓" : "✕"), make("h2", { id: "verdict" }, ...both(verdict)));
  const panel = make("div", { className: `panel verdict ${report.ok ? "verdict-good" : "verdict-bad"}` }, head);
  if (!report.ok) panel.append(part(["哪里不对", "What is wrong"], findingsOf(report)));
  const notes = notesOf(report);
  if (notes.length > 0) panel.append(part(["须知", "To know"], ...notes));
  panel.append(part(["文件", "File"], factsOf(report, names)));
  if (passed > 0) panel.append(part(["已核对", "Checked"], checksOf(report)));
  panel.append(saveButton(report));
  finish(panel, verdict);
}

/** Shows that something else went wrong than a check. */
function fail(words) {
  const head = make("div", { className: "verdict-head" }, make("span", { className: "mark", "aria-hidden": "true" }, "!"), make("h2", { id: "verdict" }, ...both(words)));
  finish(make("div", { className: "panel verdict verdict-bad" }, head), words);
}

function finish(panel, words) {
  by("work").hidden = true;
  by("said").replaceChildren(...both(words));
  by("result").replaceChildren(panel);
  by("result").hidden = false;
  by("result").focus();
}

// --- the work -----------------------------------------------------------------------------------------------------

function keys() {
  const lines = (id) => by(id).value.split("\n").map((line) => line.trim()).filter((line) => line !== "");
  const least = Math.trunc(Number(by("min-witnesses").value));
  return { nodeKeys: lines("node-keys"), witnessKeys: lines("witness-keys"), minWitnesses: Math.max(least || 0, 0) };
}

/** Tells whether a file is a signed record, which a receipt is for. */
function isRecord(bytes) {
  try {
    return "envelope" in parseStrict(bytes);
  } catch {
    return false;
  }
}

/** Shows progress, and lets the browser breathe now and then. */
function progressOf(mine) {
  let last = performance.now();
  return async (done, total) => {
    if (performance.now() - last < MOST_MS) return;
    by("progress").value = done / total;
    await new Promise((resume) => setTimeout(resume, 0));
    last = performance.now();
    if (mine !== turn) throw new DOMException("another file was chosen", "AbortError");
  };
}

async function readAll(files) {
  const all = await Promise.all(files.map(async (file) => [file.name, new Uint8Array(await file.arrayBuffer())]));
  const at = all.length > 1 ? all.findIndex(([, bytes]) => isRecord(bytes)) : -1;
  const record = at < 0 ? undefined : all.splice(at, 1)[0][1];
  return { name: all[0][0], bytes: all[0][1], record };
}

async function verify() {
  const mine = ++turn;
  by("again").disabled = false;
  by("result").hidden = true;
  by("work").hidden = false;
  by("progress").removeAttribute("value");
  try {
    if (globalThis.crypto?.subtle === undefined) throw new DOMException("no WebCrypto", "NotSupportedError");
    const { name, bytes, record } = await readAll(chosen);
    const report = await verifyFile(bytes, { ...keys(), progress: progressOf(mine) }, record);
    if (mine === turn) show(report, name);
  } catch (error) {
    if (mine === turn) fail(reasonOf(error));
  }
}

function reasonOf(error) {
  if (error.name === "NotSupportedError") return ["这个浏览器缺少所需的密码算法，请用较新的版本", "This browser lacks an algorithm that is needed; use a newer one"];
  if (error.name === "NotReadableError" || error.name === "NotFoundError") return ["文件读不出来", "The file can't be read"];
  return [`程序出错：${error.message}`, `The program failed: ${error.message}`];
}

function choose(files) {
  chosen = [...files];
  if (chosen.length > 0) verify();
}

// --- events -------------------------------------------------------------------------------------------------------

showLanguage(new URLSearchParams(location.search).get("lang") ?? (/^zh/i.test(navigator.language) ? "zh" : "en"));
by("language").addEventListener("click", () => showLanguage(document.documentElement.lang === "en" ? "zh" : "en"));
by("file").addEventListener("change", (event) => choose(event.target.files));
by("form").addEventListener("submit", (event) => event.preventDefault());
by("again").addEventListener("click", verify);
for (const name of ["dragenter", "dragover"]) {
  document.addEventListener(name, (event) => {
    event.preventDefault();
    by("drop").classList.add("over");
  });
}
for (const name of ["dragleave", "drop"]) {
  document.addEventListener(name, (event) => {
    event.preventDefault();
    by("drop").classList.remove("over");
  });
}
document.addEventListener("drop", (event) => choose(event.dataTransfer.files));
