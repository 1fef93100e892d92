"""
Page of procedures (交易程序): states, who may file what in each of them, the clause, and a diagram.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from tradehall.kernel.procedure import Guard, Move, Procedure, Step
from tradehall.kernel.refusal import Text
from tradehall.reference.markdown import both, code, codes, heading, page, table
from tradehall.rules import guaranteeing, objecting, revising, sessions

TITLE = Text("交易程序", "Procedures")
_ABOUT = Text(
    "程序是表：在什么状态、由谁、可提交哪类记录、到什么状态、依据哪一条。守卫逐一判定，任一拒收即不受理。",
    "A procedure is a table: in which state who may file which record, where it leads, and by which clause. Guards "
    "are asked in order; the first that refuses decides.",
)
MOVES: Final[Mapping[Move, Mapping[str, frozenset[str]]]] = {
    guaranteeing.decision_moves: {"submitted": frozenset({"approved", "refused"})},
    guaranteeing.event_moves: {
        state: frozenset(to for (at, _), to in guaranteeing.MOVES.items() if at == state)
        for state in {at for at, _ in guaranteeing.MOVES}
    },
    revising.approval_moves: {"for_approval": frozenset({"for_approval", "approved", "drafting"})},
    objecting.reply_moves: {"publicity": frozenset({"publicity", "opened"})},
    sessions.decision_moves: {"requested": frozenset({"requested", "approved", "returned"})},
    sessions.event_moves: {
        "seated": frozenset({"running"}),
        "running": frozenset({"suspended", "ended"}),
        "suspended": frozenset({"running"}),
    },
}
"""Where a step may lead whose next state is a function; a new one has to be entered here."""

ROLES: Final[Mapping[str, Text]] = {
    "participant": Text("任何已登记的组织", "any registered organisation"),
    "tenderer": Text("本案招标人、采购人", "tenderer of the case"),
    "agency": Text("本案招标代理机构", "agency of the case"),
    "bidder": Text("持投标一次性密钥者，不显示身份", "holder of a bid's one-time key, nameless"),
    "custodian": Text("本案开标密钥保管方", "holds a share of the opening keys of the case"),
    "centre": Text("交易中心", "the trading centre"),
    "supervisor": Text("行政监督部门", "supervising authority"),
    "expert": Text("评标专家", "evaluation expert"),
    "lead_venue": Text("本场次主场的交易中心", "centre of the lead venue of the session"),
    "venue": Text("本场次任一场地的交易中心", "centre of any venue of the session"),
    "applicant": Text("本保函申请人", "applicant of the letter"),
    "beneficiary": Text("本保函受益人", "beneficiary of the letter"),
    "guarantor": Text("保函开立人", "issuer of guarantee letters"),
    "officer": Text("标准官员", "standards officer"),
}
"""Roles that a table may name; a new one has to be entered here."""


def targets(step: Step) -> frozenset[str]:
    """Return the states that a step may lead to (可能的下一状态)."""
    if step.to is None:
        return frozenset({step.state})
    return frozenset({step.to}) if isinstance(step.to, str) else MOVES[step.to][step.state]


def procedures_page(procedures: Sequence[Procedure], families: Mapping[str, Text]) -> str:
    """
    Return the page (程序页).

    Args:
        procedures: in the order of the page.
        families: title of each record family.
    """
    sections = [block for procedure in procedures for block in _section(procedure, families)]
    roles = [(code(name), text.zh, text.en) for name, text in ROLES.items()]
    return page(
        TITLE,
        _ABOUT,
        heading(2, "Roles 角色"),
        table(("role 角色", "中文", "English"), roles),
        *sections,
        heading(2, "Guards 守卫"),
        _guards(procedures),
    )


def _section(procedure: Procedure, families: Mapping[str, Text]) -> Iterator[str]:
    title = procedure.title
    yield heading(2, f"{title.en} {title.zh} `{procedure.id}`", procedure.id)
    yield _facts(procedure)
    yield heading(3, "States 状态")
    ends = procedure.terminal
    rows = [(code(k), t.zh, t.en, "●" if k in ends else "") for k, t in procedure.states.items()]
    yield table(("state 状态", "中文", "English", "end 终态"), rows)
    yield _diagram(procedure)
    yield heading(3, "Acts 可提交的记录")
    order = list(procedure.states)
    steps = sorted(procedure.steps, key=lambda step: order.index(step.state))
    heads = ("state 状态", "record 记录", "who 谁", "next 下一状态", "guards 守卫", "clause 依据")
    yield table(heads, [_row(step, order, families) for step in steps])
    yield from _closed(procedure)
    yield from _slots(procedure)


def _facts(procedure: Procedure) -> str:
    secret = (
        Text("案卷是否存在也保密，仅当事主体可见。", "Even the existence of a case is kept from all but its parties.")
        if procedure.secret
        else Text("案卷公开。", "Cases are public.")
    )
    sealed = codes(sorted(procedure.secret_families))
    kept = f" 以下记录静态加密 records sealed at rest: {sealed}." if sealed else ""
    for role, states in procedure.withheld.items():
        until = codes([state for state in procedure.states if state in states])
        kept += f" 在以下状态对 `{role}` 也保密 kept from `{role}` too while it is: {until}."
    return f"案卷编号以 `{procedure.prefix}-` 开头 case ids begin with `{procedure.prefix}-`. {both(secret)}{kept}"


def _row(step: Step, order: Sequence[str], families: Mapping[str, Text]) -> tuple[str, ...]:
    stays = step.to is None
    leads = [] if stays else sorted(targets(step), key=order.index)
    return (
        code(step.state),
        f"[{code(step.family)}](families.md#{step.family}) {both(families[step.family])}",
        codes(step.roles),
        "—" if stays else codes(leads, " / "),
        codes(guard.__name__ for guard in step.guards),
        step.clause,
    )


def _diagram(procedure: Procedure) -> str:
    """Return the states and what leads from one to another; what changes no state is left out."""
    edges: dict[tuple[str, str], dict[str, None]] = {}
    for step in procedure.steps:
        for to in sorted(targets(step), key=list(procedure.states).index):
            if to != step.state:
                edges.setdefault((step.state, to), {})[step.family] = None
    lines = ["```mermaid", "stateDiagram-v2"]
    lines += [f"    {state}: {text.zh} {text.en}" for state, text in procedure.states.items()]
    lines += [f"    [*] --> {next(iter(procedure.states))}"]
    lines += [f"    {at} --> {to}: {', '.join(families)}" for (at, to), families in edges.items()]
    lines += [f"    {state} --> [*]" for state in procedure.states if state in procedure.terminal]
    return "\n".join([*lines, "```"])


def _closed(procedure: Procedure) -> Iterator[str]:
    """Yield the steps whose closing has a refusal of its own; any other closed step is STEP-CLOSED."""
    if not procedure.closed:
        return
    states: dict[tuple[str, str], list[str]] = {}
    for (family, state), refusal in procedure.closed.items():
        states.setdefault((family, refusal.__name__), []).append(state)
    yield heading(3, "Closed steps 已关闭的步骤")
    yield "其余一律为 `STEP-CLOSED`。Every other act that stands in no row is refused as `STEP-CLOSED`."
    rows = [(code(family), codes(found), code(f"{name}()")) for (family, name), found in states.items()]
    yield table(("record 记录", "states 状态", "refused by 拒收函数"), rows)


def _slots(procedure: Procedure) -> Iterator[str]:
    if not procedure.slots:
        return
    regimes = list(procedure.slots)
    names = dict.fromkeys(name for slots in procedure.slots.values() for name in slots)
    yield heading(3, "Rules of law by regime 各制度适用的期限规则")
    yield "空格表示该制度没有此项规则。An empty cell: the regime has no such rule. [parameters.md](parameters.md)"
    rows = [(code(name), *(code(procedure.slots[regime].get(name, "")) for regime in regimes)) for name in names]
    yield table(("question 问题", *(code(regime) for regime in regimes)), rows)


def _guards(procedures: Sequence[Procedure]) -> str:
    guards: dict[str, Guard] = {}
    for procedure in procedures:
        for step in procedure.steps:
            guards |= {guard.__name__: guard for guard in step.guards}
    rows = [
        (code(name), code(guard.__module__.removeprefix("tradehall.")), _told(guard)) for name, guard in guards.items()
    ]
    return table(("guard 守卫", "module 模块", "promise 承诺"), sorted(rows))


def _told(guard: Guard) -> str:
    return (inspect.getdoc(guard) or "").partition("\n\n")[0]
