"""
Pages of the law's numbers (法定参数页): one for every id with all its dated rows, and the list by regime.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from tradehall_standards.docs import layout as at
from tradehall_standards.docs.families import EVIDENCE, SEVERITY
from tradehall_standards.docs.layout import Desk, Entry, Page, chip, facts, panel, row, table, title_head
from tradehall_standards.docs.markup import Html, Node, fragment, tag
from tradehall_standards.docs.words import Text
from tradehall_standards.parameters import Operator, Rule

_OPERATORS: Final[dict[Operator, Text]] = {
    ">=": Text("不少于 {0}", "at least {0}"),
    "<=": Text("不超过 {0}", "at most {0}"),
    ">": Text("多于 {0}", "more than {0}"),
    "<": Text("少于 {0}", "less than {0}"),
    "==": Text("{0}", "{0}"),
    "between": Text("{0}", "{0}"),
    "within": Text("{0} 之内", "within {0}"),
    "rule": Text("{0}", "{0}"),
}
_ABOUT: Final = Text(
    "按事件发生之日取值，不按今日。带星号的日期：出处未载明施行日，取一个稳妥的早期日期。",
    "A number is chosen by the date of the event, never by today's. A starred date is a safe early one: the source "
    "states none.",
)
_YES, _NO, _PROSE = Text("是", "yes"), Text("否", "no"), Text("按所述", "as stated")
_VALUE, _PERIOD, _REGIME, _REGION = (
    Text("数值", "value"),
    Text("起讫事件", "from and to"),
    Text("适用制度", "regime"),
    Text("地区", "region"),
)
_STAGE, _CLAUSE, _SOURCE, _EFFECT = (
    Text("环节", "stage"),
    Text("依据", "clause"),
    Text("依据来源", "source"),
    Text("效力", "effect"),
)
_FROM, _UNTIL, _NOTE, _ROLLS = (
    Text("自", "from"),
    Text("至（不含）", "until (excluded)"),
    Text("说明", "remark"),
    Text("节假日顺延", "rolls over holidays"),
)
_WHERE: Final = Text("用于哪些程序", "Procedures that ask for it")
_COUNTRY: Final = Text("全国", "whole country")


def rule_path(name: str) -> str:
    """Return the permalink of a number of the law, below the folder of a language."""
    return f"parameters/{name}.html"


def number_pages(desk: Desk) -> Iterator[Page]:
    """Yield the list and the page of every id."""
    yield _overview(desk)
    for name, rows in desk.volume.rule_rows.items():
        yield _page(desk, name, rows)


def title_of_rule(rule: Rule) -> Text:
    """Return what a rule is about."""
    return Text(rule.zh, rule.en)


def value_of(desk: Desk, rule: Rule) -> str:
    """Return a value as people read it: ``不少于 20 日`` (数值)."""
    speak = desk.speak
    unit = speak(desk.volume.terms.name("units", rule.unit))
    if rule.unit == "flag":
        return speak({"1": _YES, "0": _NO, "True": _YES, "False": _NO}.get(str(rule.value), _PROSE))
    if rule.value is None or rule.unit == "rule":
        return speak(_PROSE) if rule.value is None else str(rule.value)
    values = rule.value if isinstance(rule.value, tuple) else (rule.value,)
    written = "–".join(str(value) for value in values)
    named = written if rule.unit == "ratio" else f"{written} {unit}"
    return speak(_OPERATORS[rule.op]).format(named)


def _period(desk: Desk, rule: Rule) -> str:
    names = [desk.speak(desk.volume.terms.name("events", e)) for e in (rule.from_event, rule.to_event) if e]
    return " → ".join(names) or "—"


def _region(desk: Desk, rule: Rule) -> str:
    """Return the name of a region, from the newest edition of the list of regions."""
    if rule.region is None:
        return desk.speak(_COUNTRY)
    editions = desk.volume.codelists.get("region", ())
    code = rule.region.ljust(6, "0")
    found = editions[-1].by_code.get(code) if editions else None
    return rule.region if found is None else f"{desk.speak(Text(found.zh, found.en))} {rule.region}"


def _since(rule: Rule) -> str:
    return rule.effective_from.isoformat() + ("" if rule.effective_stated else "*")


def _overview(desk: Desk) -> Page:
    speak, path = desk.speak, "parameters/index.html"
    sections: list[Node] = []
    regimes = sorted({regime for rule in desk.volume.rules for regime in rule.regimes})
    for regime in regimes:
        rules = [rule for rule in desk.volume.rules if regime in rule.regimes]
        title = speak(desk.volume.regimes[regime])
        sections.append(panel(title, regime, rules_table(desk, path, rules, title), note=str(len(rules))))
    head = title_head(speak(at.NUMBERS), "", speak(_ABOUT), None)
    return Page(path, speak(at.NUMBERS), fragment(head, sections), wide=True)


def rules_table(desk: Desk, here: str, rules: Sequence[Rule], caption: str, *, linked: bool = True) -> Html:
    """Return rules one a row (参数表)."""
    speak = desk.speak
    heads = ["", speak(Text("内容", "what it is about")), speak(_VALUE), speak(_PERIOD), speak(_CLAUSE), speak(_FROM)]
    rows = [
        row(
            desk.link(here, rule_path(rule.id), tag("code", rule.id)) if linked else tag("code", rule.id),
            fragment(speak(title_of_rule(rule)), tag("p", _region(desk, rule), class_="hint") if rule.region else None),
            value_of(desk, rule),
            _period(desk, rule),
            speak.spoken(rule.clause),
            tag("span", _since(rule), class_="nowrap"),
        )
        for rule in rules
    ]
    return table(heads, rows, caption, class_="numbers")


def _page(desk: Desk, name: str, rows: Sequence[Rule]) -> Page:
    speak, path, title = desk.speak, rule_path(name), title_of_rule(rows[0])
    part, group = desk.volume.structure.of_rule(rows[0])
    body = fragment(
        title_head(speak(title), name, None, None, speak.other(title)),
        [_row_panel(desk, rule, number) for number, rule in enumerate(rows, 1)],
        _asked(desk, path, name),
    )
    crumbs = (
        ("index.html", speak(at.HOME)),
        (f"index.html#{part.id}", f"{speak(part.mark)} · {speak(part.title)}"),
        (f"index.html#{group.id}", speak(group.title)),
        ("parameters/index.html", speak(at.NUMBERS)),
        (None, name),
    )
    entry = Entry(speak(title), name, speak(at.NUMBERS), path, f"{title.zh} {title.en} {rows[0].clause}")
    return Page(path, f"{speak(title)} {name}", body, (entry,), crumbs)


def _row_panel(desk: Desk, rule: Rule, number: int) -> Html:
    speak, terms = desk.speak, desk.volume.terms
    effect, tone = SEVERITY[rule.severity]
    pairs: list[tuple[str, Node]] = [
        (speak(_VALUE), tag("strong", value_of(desk, rule))),
        (speak(_PERIOD), _period(desk, rule)),
        (speak(_STAGE), speak(terms.name("stages", rule.stage))),
        (speak(_REGION), _region(desk, rule)),
        (speak(_CLAUSE), speak.spoken(rule.clause)),
        (speak(_SOURCE), f"{speak(EVIDENCE[rule.evidence])} ({rule.evidence})"),
        (speak(_EFFECT), chip(speak(effect), tone)),
        (speak(_FROM), _since(rule)),
        (speak(_UNTIL), "—" if rule.effective_to is None else rule.effective_to.isoformat()),
    ]
    if rule.rolls:
        pairs.append((speak(_ROLLS), speak(_YES)))
    if rule.note:
        pairs.append((speak(_NOTE), speak.spoken(speak(terms.name("notes", rule.note)))))
    regimes = (", " if desk.lang == "en" else "、").join(speak(desk.volume.regimes[regime]) for regime in rule.regimes)
    about = speak(title_of_rule(rule))
    return panel(regimes, f"row-{number}", tag("p", about), facts(*pairs), note=speak(_REGIME))


def _asked(desk: Desk, here: str, name: str) -> Html | None:
    speak, terms = desk.speak, desk.volume.terms
    items: list[Node] = []
    for procedure in desk.volume.procedures.values():
        for regime, slots in procedure.slots.items():
            for slot, rule in slots.items():
                if rule == name:
                    link = desk.link(here, f"procedures/{procedure.id}.html", speak(procedure.title))
                    named = speak(desk.volume.regimes.get(regime, Text(regime, regime)))
                    told = f" · {named} · {speak(terms.name('slots', slot))}"
                    items.append(tag("li", link, told))
    return panel(speak(_WHERE), "procedures", tag("ul", items, class_="links")) if items else None
