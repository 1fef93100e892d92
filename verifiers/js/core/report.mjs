// 复核报告 A report for people, line by line, in Chinese and English.

import { verifyEvidence } from "./evidence.mjs";
import { verifyDocument } from "./receipts.mjs";
import { CHECKS, RULES } from "./words.mjs";

const JSON_STARTS = /^[ \t\r\n]*\{/;

/** Verifies whatever of ours a file is: evidence, a receipt, a refusal or a log proof. */
export async function verifyFile(bytes, options = {}, record = undefined) {
  const start = String.fromCharCode(...bytes.subarray(0, 16));
  if (JSON_STARTS.test(start)) return verifyDocument(bytes, options, record);
  return { kind: "evidence", ...(await verifyEvidence(bytes, options)) };
}

/** Returns where a finding is: case, number and family, or the file itself. */
export function placeOf(finding) {
  if (finding.case === "") return "文件 file";
  return `${finding.case} #${String(finding.number).padStart(6, "0")} ${finding.family}`.trimEnd();
}

/** Returns the report as JSON, with each finding in words. */
export function toJson(report) {
  const findings = report.findings.map((finding) => ({ ...finding, zh: RULES[finding.rule][0], en: RULES[finding.rule][1] }));
  return { ...report, findings };
}

/** Returns the report for people. */
export function lines(report) {
  const { facts } = report;
  const rows = [];
  const add = (name, value) => rows.push(`${name.padEnd(16)}${value}`);
  if (facts.case) {
    add("项目 Case", facts.case);
    add("节点 Node", `${facts.node}    生成 Created  ${facts.created_at}`);
  }
  if (facts.content) {
    add("项目 Case", facts.content.case);
    add("记录 Record", `${facts.content.family}  ${facts.content.record}`);
    add("时间 Time", facts.content.accepted_at ?? facts.content.at);
    if (report.kind === "refusal") add("理由 Reason", `${facts.content.code}  ${facts.content.clause}`);
  }
  if (facts.checkpoint) {
    add("日志 Log", `${facts.checkpoint.origin}  ${facts.checkpoint.size}`);
    add("见证 Witnesses", (facts.witnesses ?? []).join(", ") || "—");
  }
  if (facts.trust && !facts.trust.node) {
    add("注意 Note", "未给定节点公钥，采用文件自带公钥 / no node key given: the file's own keys were taken");
  }
  for (const [zh, en] of report.notes) add("说明 Note", `${zh} / ${en}`);
  for (const [name, count] of Object.entries(report.checks)) add(`${count} ✓`, (CHECKS[name] ?? [name, name]).join(" / "));
  report.findings.forEach((finding, at) => {
    add(at === 0 ? "首个问题 FIRST" : "又 ALSO", `${placeOf(finding)}  [${finding.rule}]`);
    add("", `${RULES[finding.rule].join(" / ")}${finding.detail ? `: ${finding.detail}` : ""}`);
  });
  const passed = Object.values(report.checks).reduce((total, count) => total + count, 0);
  add(report.ok ? "通过 PASSED" : "未通过 FAILED", report.ok ? passed : report.findings.length);
  return rows;
}
