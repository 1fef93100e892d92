"""
Page of parameters (法定参数): every dated number of the law with its source and how sure it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tradehall.kernel.refusal import Text
from tradehall.reference.markdown import code, codes, heading, page, table
from tradehall_standards.parameters import Parameters, Rule

TITLE = Text("法定参数", "Numbers of the law")
_ABOUT = Text(
    "按事件发生之日取值，不按今日；“至”为不再有效的首日。日期后的 `*` 表示出处未载明施行日，取一个稳妥的早期日期。",
    "A rule is chosen by the date of the event, never by today's; `until` is the first day no longer in force. "
    "A date with `*` is a safe early one, as the source states none.",
)
_EVIDENCE = {
    "F": Text("读过原文，唯此可声称符合", "text read; conformance may be claimed for these only"),
    "F2": Text("公开来源转引", "stated by a public source"),
    "M-H": Text("凭记忆，把握大，待核", "from memory, high confidence, to be checked"),
    "M-M": Text("凭记忆，把握中等，待核", "from memory, middle confidence, to be checked"),
    "M-L": Text("凭记忆，把握小，待核", "from memory, low confidence, to be checked"),
    "P": Text("本平台提议", "proposed by this platform"),
}
_SEVERITY = {
    "block": Text("拒收", "refuses"),
    "warn": Text("提醒", "warns"),
    "review": Text("提请人工复核", "asks for a review"),
    "info": Text("提示", "informs"),
}
_HEADS = (
    "id",
    "中文",
    "English",
    "value 值",
    "unit 单位",
    "period 起讫事件",
    "region 地区",
    "clause 依据",
    "evidence 证据",
    "severity 效力",
    "from 自",
    "until 至",
)


def parameters_page(parameters: Parameters, regimes: Mapping[str, Text]) -> str:
    """
    Return the page (参数页): rules by regime, in the order of their ids.

    Args:
        parameters: all rules.
        regimes: title of each regime.
    """
    return page(
        TITLE,
        _ABOUT,
        heading(2, "Marks 标记"),
        table(("evidence 证据", "中文", "English"), [(code(k), t.zh, t.en) for k, t in _EVIDENCE.items()]),
        table(("severity 效力", "中文", "English"), [(code(k), t.zh, t.en) for k, t in _SEVERITY.items()]),
        *_sections(parameters, regimes),
    )


def _sections(parameters: Parameters, regimes: Mapping[str, Text]) -> Iterator[str]:
    for regime in parameters.regimes():
        rules = [rule for rule in parameters.all() if regime in rule.regimes]
        title = regimes[regime]
        named = "" if title.en == regime else f"{title.en} {title.zh} "
        yield heading(2, f"{named}`{regime}`", regime)
        yield table(_HEADS, [_row(rule) for rule in rules])


def _row(rule: Rule) -> tuple[str, ...]:
    starts = rule.effective_from.isoformat() + ("" if rule.effective_stated else "*")
    return (
        code(rule.id),
        rule.zh,
        f"{rule.en} ({rule.note})" if rule.note else rule.en,
        code(_value(rule)),
        code(rule.unit),
        codes([event for event in (rule.from_event, rule.to_event) if event], " → "),
        code(rule.region or ""),
        rule.clause,
        rule.evidence,
        rule.severity,
        starts,
        "" if rule.effective_to is None else rule.effective_to.isoformat(),
    )


def _value(rule: Rule) -> str:
    if rule.value is None:
        return "" if rule.op == "==" else rule.op
    values = rule.value if isinstance(rule.value, tuple) else (rule.value,)
    return f"{rule.op} {' … '.join(str(value) for value in values)}"
