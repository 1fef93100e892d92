"""
Refusing by time rules (期限拒收): one sentence in each language with rule, limit, what was found and what would do.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING

from tradehall.kernel.case import local_text
from tradehall.kernel.procedure import View
from tradehall.kernel.refusal import Refusal, Text, refuse

if TYPE_CHECKING:
    from tradehall_standards.periods import PeriodVerdict

UNITS = {
    "second": Text("秒", "s"),
    "minute": Text("分钟", "min"),
    "hour": Text("小时", "h"),
    "day": Text("日", "days"),
    "working_day": Text("个工作日", "working days"),
    "month": Text("个月", "months"),
    "year": Text("年", "years"),
}
SIGNS = {
    ">=": Text("不少于", "at least"),
    ">": Text("多于", "more than"),
    "<=": Text("不超过", "at most"),
    "<": Text("少于", "less than"),
}


def period_refusal(view: View, slot: str, events: Mapping[str, datetime | date], pointer: str) -> Refusal | None:
    """
    Refuse when the time rule in ``slot`` fails on ``events`` and blocks (期限不符).

    Returns:
        None where the regime has no such rule, the rule only warns, or it is kept.
    """
    verdict = view.judge(slot, events)
    if verdict is None or verdict.ok or verdict.rule.severity != "block":
        return None
    code = "PERIOD-TOO-LONG" if verdict.rule.op in ("<=", "<") else "PERIOD-TOO-SHORT"
    limit, bound = _limit(verdict), _bound(verdict)
    kept = refuse(code, clause=verdict.rule.clause, pointer=pointer)
    values = {"id": verdict.rule.id}
    zh = {"rule": verdict.rule.zh, "limit": limit.zh, "bound": bound.zh}
    en = {"rule": verdict.rule.en, "limit": limit.en, "bound": bound.en}
    reason = Text(kept.reason.zh.format(**values, **zh), kept.reason.en.format(**values, **en))
    return Refusal(kept.code, reason, kept.clause, kept.pointer)


def _limit(verdict: PeriodVerdict) -> Text:
    rule = verdict.rule
    unit = UNITS.get(rule.unit, Text(rule.unit, rule.unit))
    sign = SIGNS.get(rule.op, Text("应为", "must be"))
    value = rule.value if not isinstance(rule.value, tuple) else "–".join(str(v) for v in rule.value)
    return Text(f"{sign.zh} {value} {unit.zh}", f"{sign.en} {value} {unit.en}")


def _bound(verdict: PeriodVerdict) -> Text:
    """Say which moment would be lawful."""
    is_late = verdict.rule.op in ("<=", "<")
    moment = verdict.latest if is_late else verdict.earliest
    if moment is None:
        return Text("", "")
    shown = local_text(moment) if isinstance(moment, datetime) else moment.isoformat()
    return (
        Text(f"，最晚 {shown}", f"; {shown} at the latest")
        if is_late
        else Text(f"，最早 {shown}", f"; {shown} at the earliest")
    )
