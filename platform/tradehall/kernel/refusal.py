"""
Refusals (拒收): expected denials as values, each with a stable code, a reason and a clause.

A refusal is never an exception. Its code is documented in ``KINDS``, which also feeds the reference pages and
the HTTP problems; a house test checks that every code used anywhere stands here and the other way round.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Text:
    """One sentence in both languages (双语文本)."""

    zh: str
    en: str

    def filled(self, values: Mapping[str, str]) -> Text:
        """Return the sentence with its ``{name}`` places filled."""
        return Text(self.zh.format_map(_Lenient(values)), self.en.format_map(_Lenient(values)))


class _Lenient(dict[str, str]):
    """A mapping that leaves unknown places visible instead of failing while refusing."""

    def __missing__(self, key: str) -> str:
        return "{" + key + "}"


@dataclass(frozen=True, slots=True)
class Kind:
    """One documented reason to refuse (拒收事由)."""

    code: str
    status: int
    text: Text
    clause: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """
    A refused filing (拒收): which rule stood in the way and what it asks for.

    Attributes:
        code: stable code out of ``KINDS``.
        reason: one sentence with the actual values, zh and en.
        clause: source of the rule, empty for rules of form.
        pointer: JSON pointer into the payload, empty when the whole record is meant.
        details: further findings (schema errors), each ``{pointer, rule, zh, en}``.
        at: when the door decided so; None where it was not asked.
    """

    code: str
    reason: Text
    clause: str = ""
    pointer: str = ""
    details: tuple[Mapping[str, str], ...] = field(default=())
    at: datetime | None = field(default=None, compare=False)

    @property
    def status(self) -> int:
        """HTTP status of the problem that carries this refusal."""
        return KINDS[self.code].status


def refuse(
    code: str,
    *,
    clause: str = "",
    pointer: str = "",
    details: tuple[Mapping[str, str], ...] = (),
    **values: object,
) -> Refusal:
    """Build the refusal ``code`` with its sentence filled from ``values``."""
    kind = KINDS[code]
    text = kind.text.filled({k: str(v) for k, v in values.items()})
    return Refusal(code, text, clause or kind.clause, pointer, details)


def _kinds(*kinds: Kind) -> dict[str, Kind]:
    return {kind.code: kind for kind in kinds}


KINDS: Mapping[str, Kind] = _kinds(
    # --- form: bytes, signature, identity ------------------------------------------------------------------
    Kind("FORM-INVALID", 400, Text("报文格式不合要求：{why}", "The body is not well formed: {why}")),
    Kind("SCHEMA-INVALID", 422, Text("记录不符合数据标准 {schema}", "The record is not valid against {schema}")),
    Kind(
        "SCHEMA-NOT-PINNED",
        422,
        Text(
            "本项目固定使用 {expected}，收到的是 {actual}",
            "This case is pinned to {expected}; the record cites {actual}",
        ),
    ),
    Kind("SIGNATURE-INVALID", 422, Text("电子签名无效：{why}", "The signature is not valid: {why}"), "电子签名法 13"),
    Kind("CERTIFICATE-UNKNOWN", 422, Text("未登记的数字证书 {kid}", "Unknown certificate {kid}")),
    Kind(
        "CERTIFICATE-NOT-VALID",
        422,
        Text("数字证书 {kid} 在 {at} 不在有效期内或已吊销", "Certificate {kid} is not valid at {at}"),
    ),
    Kind("AUTHOR-MISMATCH", 403, Text("签名人 {signer} 不是记录作者 {author}", "{signer} may not sign for {author}")),
    Kind("ATTACHMENT-MISSING", 422, Text("附件 {name} 尚未上传完整", "Attachment {name} has not been uploaded")),
    Kind("ATTACHMENT-WRONG", 422, Text("附件与记录不一致：{why}", "Attachment does not match the record: {why}")),
    # --- case and procedure --------------------------------------------------------------------------------
    Kind("CASE-UNKNOWN", 404, Text("没有项目 {case}", "There is no case {case}")),
    Kind("LOT-UNKNOWN", 422, Text("项目没有标段 {lot}", "The case has no lot {lot}"), ""),
    Kind(
        "STEP-CLOSED",
        409,
        Text("标段 {lot} 处于“{state}”，此时不能提交 {family}", "Lot {lot} is '{state}': {family} can't be filed now"),
    ),
    Kind("ROLE-NOT-ALLOWED", 403, Text("{family} 只能由 {roles} 提交", "{family} may be filed only by {roles}")),
    Kind("CASE-PAUSED", 409, Text("程序因 {by} 暂停，作出答复前不得继续", "Paused by {by} until it is answered")),
    Kind(
        "CLOCK-SUSPECT",
        503,
        Text("服务器时钟异常，暂停受理，请稍后重试", "The server clock is suspect; nothing is accepted until checked"),
    ),
    Kind(
        "IDEMPOTENCY-CONFLICT",
        409,
        Text("同一幂等键先前提交的是另一份记录 {first}", "This idempotency key was used for another record, {first}"),
    ),
    Kind("RULE-UNKNOWN-YEAR", 422, Text("{year} 年尚无节假日表，无法计算期限", "No holiday table for {year}")),
    Kind(
        "CUSTODY-NOT-TAKEN",
        422,
        Text("不予代收：{why}", "Not taken into custody: {why}"),
    ),
    # --- tender 招 -----------------------------------------------------------------------------------------
    Kind("PROJECT-MISMATCH", 422, Text("与项目登记不一致：{why}", "Does not agree with the project: {why}")),
    Kind("DOCUMENT-MISSING", 422, Text("尚未提交招标文件 {digest}", "The tender document {digest} is not filed")),
    Kind("PERIOD-TOO-SHORT", 422, Text("{rule}：{limit}{bound}（{id}）", "{rule}: {limit}{bound} ({id})")),
    Kind("PERIOD-TOO-LONG", 422, Text("{rule}：{limit}{bound}（{id}）", "{rule}: {limit}{bound} ({id})")),
    Kind("GRACE-TOO-LONG", 422, Text("密文宽限不得超过 {most} 秒", "The grace for ciphertexts is {most} s at most")),
    Kind(
        "DEADLINE-MUST-MOVE",
        422,
        Text(
            "澄清修改距投标截止不足 {days} 日，截止时间至少延至 {earliest}",
            "Fewer than {days} days to the deadline: move it to {earliest} or later",
        ),
    ),
    Kind("DEADLINE-NOT-LATER", 422, Text("新的截止时间必须晚于 {current}", "The new deadline must be after {current}")),
    Kind("DEADLINE-PAST", 422, Text("截止时间 {deadline} 已过", "The deadline {deadline} has passed")),
    Kind(
        "FLOOR-FORBIDDEN",
        422,
        Text("招标人不得规定最低投标限价", "A floor price is forbidden"),
        "招标投标法实施条例 27",
    ),
    Kind(
        "SECURITY-TOO-HIGH",
        422,
        Text("投标保证金不得超过 {cap} 元，实际 {amount} 元", "Bid security may not exceed {cap}; got {amount}"),
    ),
    Kind(
        "CUSTODIANS-WRONG",
        422,
        Text("开标保管方不合要求：{why}", "The custodians are not as required: {why}"),
    ),
    Kind(
        "METHOD-NOT-LAWFUL",
        422,
        Text("评标办法不合规定：{why}", "The evaluation method is not lawful: {why}"),
    ),
    Kind("QUESTION-LATE", 409, Text("提问已于 {until} 截止", "Questions closed at {until}")),
    Kind(
        "OBJECTION-LATE",
        409,
        Text("异议应于 {until} 前提出", "The objection was due by {until}"),
    ),
    Kind("OBJECTION-UNKNOWN", 422, Text("没有待答复的异议 {digest}", "No open objection {digest}")),
    Kind(
        "COMPLAINT-NEEDS-OBJECTION",
        422,
        Text("应当先提出异议", "An objection must come first"),
        "招标投标法实施条例 60",
    ),
    # --- bid 投 --------------------------------------------------------------------------------------------
    Kind(
        "BID-LATE",
        409,
        Text("投标截止于 {deadline}，服务器于 {at} 收到", "Bids closed at {deadline}; received at {at}"),
        "招标投标法实施条例 36",
    ),
    Kind("BID-UNKNOWN", 404, Text("没有投标 {submission}", "There is no bid {submission}")),
    Kind("BID-DUPLICATE", 409, Text("投标 {submission} 已提交过", "Bid {submission} was filed before")),
    Kind("BID-NOT-YOURS", 403, Text("投标密钥不符", "That bid was made with another key")),
    Kind("BID-COPIED", 409, Text("密文或收件密钥已在本项目使用过", "Ciphertext or recipient was used before"), ""),
    Kind("BID-STALE", 422, Text("投标依据的不是最新公告或澄清", "The bid answers an outdated notice or clarification")),
    Kind("BID-WITHDRAWN", 409, Text("投标 {submission} 已撤回", "Bid {submission} is withdrawn")),
    Kind("SEAL-WRONG", 422, Text("封装不合要求：{why}", "The seal is not as required: {why}"), "电子招标投标办法 26"),
    # --- open 开 -------------------------------------------------------------------------------------------
    Kind("OPENING-EARLY", 409, Text("开标时间为 {at}，不得提前", "Opening is at {at}, not earlier"), "招标投标法 34"),
    Kind("OPENING-SET-WRONG", 422, Text("开标集合与受理记录不一致", "The opening set differs from what was accepted")),
    Kind(
        "TOO-FEW-BIDS",
        409,
        Text("标段 {lot} 有效递交 {count} 家，少于 {needed} 家，不得开标", "Lot {lot}: {count} bids, {needed} needed"),
        "招标投标法 28; 招标投标法实施条例 44",
    ),
    Kind("ENOUGH-BIDS", 409, Text("标段 {lot} 有 {count} 家，不构成流标", "Lot {lot} has {count} bids: not failed")),
    Kind("QUESTIONS-OPEN", 409, Text("尚有 {count} 个问题未答复", "{count} questions are unanswered")),
    Kind("KEY-WRONG", 422, Text("密钥与投标不符：{why}", "The key does not fit the bid: {why}")),
    Kind("DISCLOSURE-WRONG", 422, Text("开标结果与密文不符：{why}", "The disclosure does not agree: {why}")),
    Kind("OPENING-INCOMPLETE", 409, Text("尚有 {count} 份投标未完成开启", "{count} bids are not opened yet")),
    # --- evaluate 评 ---------------------------------------------------------------------------------------
    Kind("SESSION-WRONG", 422, Text("远程评标场次不符：{why}", "The session does not fit: {why}")),
    Kind("VENUE-ORDER", 409, Text("应由主场先行确认", "The lead venue decides first")),
    Kind("DRAW-WRONG", 422, Text("抽取结果不能复算：{why}", "The draw can't be repeated: {why}")),
    Kind(
        "RECUSAL-REQUIRED",
        422,
        Text("专家 {expert} 应当回避：{why}", "{expert} must stand aside: {why}"),
        "招标投标法实施条例 46",
    ),
    Kind("SEATS-WRONG", 422, Text("专家与工位应一一对应：{why}", "Experts and seats must match one to one: {why}")),
    Kind("NOT-CHECKED-IN", 409, Text("专家 {expert} 尚未签到", "{expert} has not checked in")),
    Kind(
        "COMMITTEE-NOT-LAWFUL",
        422,
        Text("评标委员会组成不合规定：{why}", "Committee not lawful: {why}"),
        "招标投标法 37",
    ),
    Kind("SCORE-DUPLICATE", 409, Text("已提交过评分承诺", "A score commitment was filed before")),
    Kind(
        "SCORES-SEALED", 409, Text("尚有 {count} 名评委未提交评分承诺，不得公开评分", "{count} commitments are missing")
    ),
    Kind("SCORE-MISMATCH", 422, Text("评分表与承诺摘要不一致", "The sheet does not match its commitment")),
    Kind("SCORE-INVALID", 422, Text("评分不合评标办法：{why}", "The scores do not fit the method: {why}")),
    Kind("REPORT-WRONG", 422, Text("评标报告不能复算：{why}", "The report can't be recomputed: {why}")),
    Kind(
        "REPORT-UNSIGNED",
        409,
        Text("尚有 {count} 名评委未签署", "{count} members have not signed"),
        "招标投标法实施条例 53",
    ),
    # --- award 定 ------------------------------------------------------------------------------------------
    Kind("PUBLICITY-WRONG", 422, Text("公示内容与评标报告不一致：{why}", "Publicity differs from the report: {why}")),
    Kind("PUBLICITY-RUNNING", 409, Text("公示期至 {until}，期满前不得定标", "Publicity runs until {until}")),
    Kind("AWARD-WRONG", 422, Text("定标不合规定：{why}", "The award is not lawful: {why}"), "招标投标法实施条例 55"),
    Kind("FOUR-EYES", 403, Text("须由提议人以外的第二人批准", "A second person must approve")),
    # --- standards 标准 ------------------------------------------------------------------------------------
    Kind(
        "REVISION-WRONG",
        422,
        Text("标准修订不合规定：{why}", "The revision of a standard is not as required: {why}"),
        "标准化法 15",
    ),
    # --- guarantee 保函 ------------------------------------------------------------------------------------
    Kind(
        "GUARANTEE-WRONG", 422, Text("保函不合要求：{why}", "The guarantee is not as required: {why}"), "独立保函规定 3"
    ),
    Kind("GUARANTEE-ORDER", 409, Text("保函状态不允许：{why}", "The guarantee is not in a state for this: {why}")),
)
