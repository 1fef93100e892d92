"""
Pages of procedures (交易程序页): diagram, states, who files what in which state, and the numbers that it asks for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from tradehall_standards.docs import layout as at
from tradehall_standards.docs.diagram import draw
from tradehall_standards.docs.layout import Desk, Entry, Page, chip, panel, row, table, title_head
from tradehall_standards.docs.markup import Html, Node, fragment, tag
from tradehall_standards.docs.numbers import rule_path
from tradehall_standards.docs.volume import Procedure, Step
from tradehall_standards.docs.words import Text

_ABOUT: Final = Text(
    "程序是表：在什么状态、由谁、可提交哪类记录、到什么状态、依据哪一条。",
    "A procedure is a table: in which state who may file which record, where it leads, and by which clause.",
)
_DIAGRAM: Final = Text("程序图", "Diagram")
_LEGEND: Final = Text(
    "实线向前，虚线退回；双框为终态。",
    "Solid lines lead on, dashed ones back; a double frame is an end.",
)
_STATES, _STATE, _END = Text("状态", "States"), Text("状态", "state"), Text("终态", "end")
_STEPS: Final = Text("可提交的记录", "What may be filed")
_RECORD, _WHO, _NEXT, _GUARDS, _CLAUSE = (
    Text("记录", "record"),
    Text("谁", "who"),
    Text("下一状态", "next state"),
    Text("须满足", "must hold"),
    Text("依据", "clause"),
)
_SLOTS: Final = Text("各制度适用的法定参数", "Numbers of the law by regime")
_QUESTION: Final = Text("参数", "number")
_CASES: Final = Text("案卷编号以 {0}- 开头", "Case ids begin with {0}-")
_STAYS: Final = Text("不变", "stays")


def procedure_path(name: str) -> str:
    """Return the permalink of a procedure, below the folder of a language."""
    return f"procedures/{name}.html"


def procedure_pages(desk: Desk) -> Iterator[Page]:
    """Yield the list and the page of every procedure."""
    yield _overview(desk)
    for procedure in desk.volume.procedures.values():
        yield _page(desk, procedure)


def _overview(desk: Desk) -> Page:
    speak, path = desk.speak, "procedures/index.html"
    heads = [speak(at.PROCEDURES), "", speak(_STATES), speak(_STEPS)]
    rows = [
        row(
            desk.link(path, procedure_path(procedure.id), speak(procedure.title)),
            tag("code", procedure.id),
            str(len(procedure.states)),
            str(len({step.family for step in procedure.steps})),
        )
        for procedure in desk.volume.procedures.values()
    ]
    body = fragment(title_head(speak(at.PROCEDURES), "", speak(_ABOUT), None), table(heads, rows, speak(at.PROCEDURES)))
    return Page(path, speak(at.PROCEDURES), body)


def _page(desk: Desk, procedure: Procedure) -> Page:
    speak, path = desk.speak, procedure_path(procedure.id)
    part, group = desk.volume.structure.of_procedure(procedure.id)
    head = title_head(
        speak(procedure.title),
        procedure.id,
        speak(_ABOUT),
        tag("p", speak(_CASES).format(procedure.prefix)),
        speak.other(procedure.title),
    )
    crumbs = (
        ("index.html", speak(at.HOME)),
        (f"index.html#{part.id}", f"{speak(part.mark)} · {speak(part.title)}"),
        (f"index.html#{group.id}", speak(group.title)),
        ("procedures/index.html", speak(at.PROCEDURES)),
        (None, speak(procedure.title)),
    )
    title = procedure.title
    entry = Entry(speak(title), procedure.id, speak(at.PROCEDURES), path, f"{title.zh} {title.en}")
    body = fragment(head, procedure_sections(desk, procedure, path))
    return Page(path, speak(procedure.title), body, (entry,), crumbs, wide=True)


def procedure_sections(desk: Desk, procedure: Procedure, here: str, prefix: str = "") -> Iterator[Html]:
    """Yield everything that is told of a procedure; ``prefix`` keeps anchors apart on a page of several (程序正文)."""
    speak = desk.speak
    titles: Mapping[str, Text] = {step.family: desk.volume.title(step.family) for step in procedure.steps}
    picture = tag(
        "div",
        draw(procedure, titles, speak),
        class_="scroll diagram",
        role="region",
        aria_label=speak(_DIAGRAM),
        tabindex="0",
    )
    yield panel(speak(_DIAGRAM), f"{prefix}diagram", picture, tag("p", speak(_LEGEND), class_="hint"))
    heads = [speak(t) for t in (_RECORD, _WHO, _NEXT, _GUARDS, _CLAUSE)]
    for state, name in procedure.states.items():
        steps = [step for step in procedure.steps if step.state == state]
        anchor = f"{prefix}state-{state}"
        rows = [_step(desk, procedure, step, here) for step in steps]
        inner = table(heads, rows, speak(name), class_="steps") if rows else None
        note: Node = chip(speak(_END), "done") if state in procedure.ends else tag("code", state)
        yield panel(f"{speak(_STATE)} · {speak(name)}", anchor, inner, note=note)
    if procedure.slots:
        yield panel(speak(_SLOTS), f"{prefix}slots", _slots(desk, procedure, here))


def _step(desk: Desk, procedure: Procedure, step: Step, here: str) -> Html:
    speak, terms = desk.speak, desk.volume.terms
    title = speak(desk.volume.title(step.family))
    known = step.family in desk.volume.versions
    record = desk.link(here, f"families/{step.family}/index.html", title) if known else title
    guards = [tag("li", speak(terms.name("guards", guard))) for guard in step.guards]
    leads = [speak(procedure.states[to]) for to in step.leads]
    return row(
        fragment(record, " ", tag("code", step.family, class_="muted")),
        tag("ul", [tag("li", speak(terms.name("roles", role))) for role in step.roles], class_="plain"),
        tag("span", speak(_STAYS), class_="muted") if step.leads == (step.state,) else " / ".join(leads),
        tag("ul", guards, class_="plain") if guards else "—",
        speak.spoken(step.clause),
    )


def _slots(desk: Desk, procedure: Procedure, here: str) -> Html:
    speak, volume = desk.speak, desk.volume
    regimes = list(procedure.slots)
    names = dict.fromkeys(name for slots in procedure.slots.values() for name in slots)
    heads = [speak(_QUESTION), *(speak(volume.regimes.get(regime, Text(regime, regime))) for regime in regimes)]

    def cell(regime: str, name: str) -> Node:
        rule = procedure.slots[regime].get(name)
        if rule is None:
            return "—"
        words = tag("code", rule)
        return desk.link(here, rule_path(rule), words) if rule in volume.rule_rows else words

    rows = [row(speak(volume.terms.name("slots", name)), *(cell(regime, name) for regime in regimes)) for name in names]
    return table(heads, rows, speak(_SLOTS))
