"""
Checking what a visitor brings (核验): receipts, refusals, guarantee letters, evidence files. Nothing is kept.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Final, Literal, Protocol

from tradehall import verifier
from tradehall.kernel.payload import Obj, obj
from tradehall.web.api.context import Context
from tradehall.web.pages import words
from tradehall.web.portal import render
from tradehall.web.portal import views as v
from tradehall.web.portal.views import Check, Fact, Label
from tradehall_standards import StrictError, canonical, strict

if TYPE_CHECKING:
    from tradehall_standards import Json

TEXT_MAX: Final = 256 << 10
"""Bytes of a pasted text or JSON file: a receipt has a few thousand."""

FINDINGS_MAX: Final = 20
PDF: Final = b"%PDF-"
ZIP: Final = b"PK\x03\x04"


class Reason(Protocol):
    """Why a letter is not accepted."""

    @property
    def zh(self) -> str:
        """Return the sentence in Chinese."""
        ...

    @property
    def en(self) -> str:
        """Return the sentence in English."""
        ...


class LetterVerdict(Protocol):
    """What a letter is worth (保函核验结论)."""

    @property
    def ok(self) -> bool:
        """Whether the letter stands."""
        ...

    @property
    def reasons(self) -> Sequence[Reason]:
        """Return all that was found against it."""
        ...

    @property
    def payload(self) -> Mapping[str, Json] | None:
        """Return the embedded data, when readable."""
        ...

    @property
    def signed_at(self) -> datetime | None:
        """Return when it was signed."""
        ...


UNREADABLE: Final = v.Verdict(
    outcome="unknown",
    kind="unknown",
    explanation=Label(
        "这不是本站能识别的回执、拒收通知、保函或存证包。",
        "Not a receipt, refusal, letter or evidence file that this site knows.",
    ),
)
SIGNED: Final = Label("节点签名", "Signature of the node")
INCLUDED: Final = Label("日志包含证明", "Log inclusion proof")
WITNESSED: Final = Label("协作城市见证", "Cosignatures of other cities")
BELONGS: Final = Label("回执与所附记录一致", "The receipt is for the record beside it")


def verify_file(data: bytes, context: Context) -> v.Verdict:
    """Check what was sent, whatever it is; never raises for any bytes (核验)."""
    if data.startswith(PDF):
        return verify_letter(data, context.verify_letter)
    if data.startswith(ZIP):
        return verify_evidence(data, context)
    return verify_text(data, context)


# --- receipts and refusals --------------------------------------------------------------------------------------


def verify_text(data: bytes, context: Context) -> v.Verdict:
    """Check a receipt or refusal, alone or inside what the platform handed out with it."""
    try:
        value = strict.parse(data.strip(), newlines=True)
    except StrictError:
        return UNREADABLE
    signed, record = _taken_out(obj(value))
    kind: Literal["receipt", "refusal"] = "refusal" if "refusal" in signed else "receipt"
    content = obj(signed.get(kind))
    if not content:
        return UNREADABLE
    if content.get("node") != context.door.node.name:
        node = str(content.get("node", ""))[:64]
        where = Label(f"它写明由 {node} 出具，请到该节点核验。", f"It says {node} issued it; check it there.")
        return v.Verdict(outcome="unknown", kind="unknown", explanation=where)
    answer = obj(context.verify_file(dict(signed)))
    verdict = _receipt(answer, content, context) if kind == "receipt" else _refusal(answer, content, context)
    return _with_record(verdict, content, record) if record else verdict


def _taken_out(value: Obj) -> tuple[Obj, Obj]:
    """Return the signed object and the record that lies beside it, if any."""
    if "code" in value and isinstance(value.get("refusal"), dict):
        return obj(value["refusal"]), {}  # a problem carries the signed refusal
    record = obj(value.get("record"))
    return {k: x for k, x in value.items() if k != "record"}, record


def _with_record(verdict: v.Verdict, content: Obj, record: Obj) -> v.Verdict:
    try:
        same = canonical.digest(record.get("envelope")) == content.get("record")
    except (ValueError, TypeError):
        same = False
    checks = (*verdict.checks, Check(BELONGS, "passed" if same else "failed"))
    if same or verdict.outcome == "forged":
        return replace(verdict, checks=checks)
    why = Label("回执是真的，但不是这份记录的回执。", "The receipt is genuine, but it is for another record.")
    return replace(verdict, outcome="forged", explanation=why, checks=checks)


def _facts(content: Obj, context: Context, at: str, when: Label) -> tuple[Fact, ...]:
    moment = words.instant(content.get(at))
    title = words.family(context.door.catalogue, str(content.get("family", "")))
    written = moment.astimezone(render.CENTRE_TIME).isoformat(" ", "milliseconds") if moment else ""
    return (
        Fact(when, written),
        Fact(Label("记录", "Record"), f"{title.zh} · {content.get('family', '')}"),
        Fact(Label("项目", "Case"), str(content.get("case", "")), mono=True),
        Fact(Label("记录指纹", "Record digest"), str(content.get("record", "")), mono=True),
        Fact(Label("出具节点", "Issued by"), str(content.get("node", "")), mono=True),
    )


def _receipt(answer: Obj, content: Obj, context: Context) -> v.Verdict:
    if answer.get("valid") is not True:
        return _forged("receipt", str(answer.get("reason", "")))
    index, cosigners = obj(content.get("leaf")).get("index"), answer.get("cosigners")
    cities = [str(c) for c in cosigners] if isinstance(cosigners, list) else []
    many = Label(f"{len(cities)} 个：{'、'.join(cities)}", f"{len(cities)}: {', '.join(cities)}")
    none = Label("签发时还没有见证签名", "No city had cosigned when it was issued")
    return v.Verdict(
        outcome="genuine",
        kind="receipt",
        explanation=Label(
            "这份回执由本中心签发，所指记录在公开日志中。",
            "This centre signed it, and the record it names is in the public log.",
        ),
        facts=_facts(content, context, "accepted_at", Label("收讫时间", "Accepted at")),
        checks=(
            Check(SIGNED, "passed"),
            Check(INCLUDED, "passed", Label(f"日志第 {index} 条", f"Log entry {index}")),
            Check(WITNESSED, "passed" if cities else "skipped", many if cities else none),
        ),
    )


def _refusal(answer: Obj, content: Obj, context: Context) -> v.Verdict:
    if answer.get("valid") is not True:
        return _forged("refusal", str(answer.get("reason", "")))
    reason, clause = obj(content.get("reason")), str(content.get("clause") or "")
    facts = (
        *_facts(content, context, "at", Label("拒收时间", "Refused at")),
        Fact(Label("拒收代码", "Code"), str(content.get("code", "")), mono=True),
        *((Fact(Label("依据", "Clause"), clause),) if clause else ()),
    )
    return v.Verdict(
        outcome="refusal",
        kind="refusal",
        explanation=Label(
            f"本中心确实拒收了这份记录：{reason.get('zh', '')}",
            f"This centre did refuse the record: {reason.get('en', '')}",
        ),
        facts=facts,
        checks=(Check(SIGNED, "passed"),),
    )


def _forged(kind: Literal["receipt", "refusal"], reason: str) -> v.Verdict:
    checks: tuple[Check, ...]
    if "inclusion" in reason:
        checks = (Check(SIGNED, "passed"), Check(INCLUDED, "failed"))
        why = Label("签名属实，但日志里没有这条记录。", "The signature holds, but the log does not have this record.")
    elif "malformed" in reason or "canonical" in reason:
        checks = (Check(Label("内容格式", "Form of the content"), "failed", Label(reason, reason)),)
        why = Label("内容不符合格式。", "The content is not in form.")
    else:
        checks = (Check(SIGNED, "failed"), Check(INCLUDED, "skipped"))
        why = Label(
            "签名与内容不符：内容被改动，或者不是本中心签发。",
            "The signature does not fit: it was changed, or this centre did not sign it.",
        )
    return v.Verdict(outcome="forged", kind=kind, explanation=why, checks=checks)


# --- letters ----------------------------------------------------------------------------------------------------


def verify_letter(data: bytes, check: Callable[[bytes], LetterVerdict] | None) -> v.Verdict:
    """Check a guarantee letter's file: signature, changes after signing, page against data (核验保函)."""
    if check is None:
        return UNREADABLE
    found = check(data)
    facts = _letter_facts(found.payload or {}, found)
    if found.ok:
        passed = (
            Label("开立人签名与证书", "The issuer's signature and certificate"),
            Label("签名后没有改动或追加", "Nothing changed or appended after signing"),
            Label("页面与内嵌数据一致", "The page agrees with the embedded data"),
        )
        explanation = Label(
            "签名有效，内容自签署后未改动。是否仍在有效期内、是否已经解除，请以开立人的登记为准。",
            "The signature holds, nothing was changed since. Whether it is still in force the issuer's register says.",
        )
        good = tuple(Check(label, "passed") for label in passed)
        return v.Verdict(outcome="genuine", kind="letter", explanation=explanation, facts=facts, checks=good)
    checks = tuple(Check(Label(r.zh, r.en), "failed") for r in found.reasons)
    explanation = Label("这份文件不能作为有效保函。", "This file can't be taken for a valid letter.")
    return v.Verdict(outcome="forged", kind="letter", explanation=explanation, facts=facts, checks=checks)


def _letter_facts(p: Obj, found: LetterVerdict) -> tuple[Fact, ...]:
    if not p:
        return ()
    amount = words.money(p.get("amount"))
    shown = f"{render.money(amount)} {amount.currency}" if amount else ""
    signed = render.second(found.signed_at) if found.signed_at else ""
    rows = (
        (Label("保函编号", "Letter number"), str(p.get("number", "")), True),
        (Label("开立人", "Issuer"), words.name_of(p.get("issuer")), False),
        (Label("申请人", "Applicant"), words.name_of(p.get("applicant")), False),
        (Label("受益人", "Beneficiary"), words.name_of(p.get("beneficiary")), False),
        (Label("金额", "Amount"), shown, False),
        (Label("有效期", "Valid"), f"{p.get('valid_from', '')} – {p.get('valid_until', '')}", False),
        (Label("签署时间", "Signed at"), signed, False),
    )
    return tuple(Fact(name, value, mono) for name, value, mono in rows if value)


# --- evidence ---------------------------------------------------------------------------------------------------

CHECKS: Final[tuple[tuple[str, Label], ...]] = (
    ("check_index", Label("文件清单、摘要和导出签名", "List of files, digests and signature of the export")),
    ("check_keys", Label("节点公钥与证书", "Keys and certificates of the node")),
    ("check_checkpoint", Label("日志检查点与见证", "Checkpoint of the log and its witnesses")),
    ("check_record", Label("记录的签名、标准和日志位置", "Signature, standard and log place of records")),
    ("check_deadlines", Label("投标截止与开标时间", "Deadline and time of opening")),
    ("check_opening_set", Label("开标集合", "Set of bids opened")),
    ("check_disclosure", Label("逐份解密并与公布内容核对", "Every bid decrypted and compared with what was announced")),
    ("check_draw", Label("专家抽取复算", "Draw of experts repeated")),
    ("check_sheet", Label("评分表", "Score sheets")),
    ("check_report", Label("评分与排名复算", "Scores and ranking recomputed")),
    ("check_award", Label("定标", "Award")),
)


def verify_evidence(data: bytes, context: Context) -> v.Verdict:
    """Check an evidence file with this node's keys by the independent verifier (复核存证包)."""
    keys = context.door.node
    receipt_key = urlsafe_b64encode(keys.receipt_public).decode("ascii").rstrip("=")
    trusted = verifier.TrustedKeys((str(keys.log), receipt_key), [str(k) for k in context.exporter.witnesses])
    try:
        report = verifier.verify_bytes(data, trusted_keys=trusted)
    except verifier.BAD_SHAPES:
        return UNREADABLE
    rules = {f.rule for f in report.findings}
    if "node-key" in rules:
        why = Label(
            "由其他节点导出，请用该节点的公钥离线核验。",
            "Another node exported it; check it offline with that node's keys.",
        )
        return v.Verdict(outcome="unknown", kind="unknown", explanation=why)
    if "container" in rules and b"evidence.json" not in data:
        return UNREADABLE
    passed = tuple(
        Check(label, "passed", Label(f"{report.passed[name]} 项", f"{report.passed[name]} checks"))
        for name, label in CHECKS
        if report.passed[name]
    )
    if report.ok:
        why = Label(
            "全部复核通过：任何人用独立程序都能得到同样的结果。",
            "Every check passed; anyone gets the same with the independent program.",
        )
        return v.Verdict(
            outcome="genuine", kind="evidence", explanation=why, facts=_evidence_facts(report.facts), checks=passed
        )
    first = report.findings[0]
    zh, en = verifier.RULES[first.rule]
    why = Label(f"第一处问题：{zh}。", f"First finding: {en}.")
    failed = tuple(_failed(f) for f in report.findings[:FINDINGS_MAX])
    facts = _evidence_facts(report.facts)
    return v.Verdict(outcome="forged", kind="evidence", explanation=why, facts=facts, checks=(*failed, *passed))


def _failed(finding: verifier.Finding) -> Check:
    zh, en = verifier.RULES[finding.rule]
    where = f"{finding.case} #{finding.number} {finding.family}" if finding.case else ""
    detail = " · ".join(x for x in (where, finding.detail) if x)
    return Check(Label(zh, en), "failed", Label(detail, detail) if detail else None)


def _evidence_facts(facts: Mapping[str, object]) -> tuple[Fact, ...]:
    checkpoint: Obj = obj(facts.get("checkpoint"))  # type: ignore[arg-type]
    counts: Obj = obj(facts.get("counts"))  # type: ignore[arg-type]
    rows = (
        (Label("项目", "Case"), str(facts.get("case") or ""), True),
        (Label("导出节点", "Exported by"), str(facts.get("node") or ""), True),
        (Label("导出时间", "Exported at"), _second(facts.get("created_at")), False),
        (Label("记录数", "Records"), str(sum(c for c in counts.values() if isinstance(c, int)) or ""), False),
        (
            Label("日志", "Log"),
            f"{checkpoint.get('origin', '')} · {checkpoint.get('size', '')}" if checkpoint else "",
            True,
        ),
    )
    return tuple(Fact(name, value, mono) for name, value, mono in rows if value)


def _second(value: object) -> str:
    at = words.instant(value) if isinstance(value, str) else None
    return render.second(at) if at else ""
