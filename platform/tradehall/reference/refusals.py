"""
Page of refusals (拒收与错误代码): every code of a refused record, and of a request that can't be served.
"""

from __future__ import annotations

from tradehall.kernel.refusal import KINDS, Text
from tradehall.reference.markdown import code, heading, page, table
from tradehall.web.problems import REQUEST_KINDS

TITLE = Text("拒收与错误代码", "Refusals and problems")
_ABOUT = Text(
    "代码稳定不变；`{…}` 处填入实际值。每个代码在节点上有一页：`/problems/{code}`。"
    "“依据”为空者，或为形式要求，或由具体期限规则给出。",
    "Codes are stable; actual values stand in the places `{…}`. A node explains each under `/problems/{code}`. "
    "Where no clause stands, the rule is one of form, or the time rule that refuses names its own.",
)


def refusals_page() -> str:
    """Return the page (拒收页): refusals in the order of the procedure, then problems by status."""
    refusals = [(code(k.code), str(k.status), k.text.zh, k.text.en, k.clause) for k in KINDS.values()]
    problems = [(code(name), str(status), text.zh, text.en) for name, (status, text) in REQUEST_KINDS.items()]
    return page(
        TITLE,
        _ABOUT,
        heading(2, "Refused records 拒收"),
        "应答附签名的拒收回执。The answer carries a signed refusal.",
        table(("code 代码", "HTTP", "中文", "English", "clause 依据"), refusals),
        heading(2, "Problems of requests 请求错误"),
        "不涉及记录，无回执。No record is judged, and nothing is signed.",
        table(("code 代码", "HTTP", "中文", "English"), problems),
    )
