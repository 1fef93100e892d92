"""
Two versions side by side (版本对比): verdicts, changes of meaning, changes of rules, then the lines of both texts.

Whether a change breaks anything is the verdict's to say; nothing here judges.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any, Final

from tradehall.web.portal.views import Label
from tradehall.web.portal.views_catalogue import Action, Breaks, ChangeRow, DiffLine, RuleChange, VerdictView
from tradehall_standards.compat import Comparison, Verdict, change_to_json
from tradehall_standards.compat.versions import Edition, VersionFloor, edition_of_version, explain, version_floor
from tradehall_standards.sources import version_key

if TYPE_CHECKING:
    from tradehall_standards import Version

AROUND: Final = 3
"""Unchanged lines that are shown around a change."""
LINES_MAX: Final = 4000


def verdict_view(verdict: Verdict) -> VerdictView:
    """Return a verdict as a page shows it (判定)."""
    sentence, witness = Label(verdict.message_zh, verdict.message_en), verdict.witness
    if witness is None:
        return VerdictView(verdict.outcome, sentence, pointer=verdict.pointer)
    return VerdictView(verdict.outcome, sentence, written(witness.document), witness.place, verdict.pointer)


def written(document: object) -> str:
    """Return a document as indented JSON (缩进文本)."""
    return json.dumps(document, ensure_ascii=False, indent=2)


def change_rows(found: Comparison) -> tuple[tuple[ChangeRow, ...], int]:
    """Return the changes of meaning, those that break something first, and how many only touch notes (变更)."""
    breaking: dict[str, Breaks] = {}
    if found.forward.outcome == "refuted":
        breaking[found.forward.pointer] = "widens"
    if found.backward.outcome == "refuted":
        breaking[found.backward.pointer] = "narrows"
    rows: list[ChangeRow] = []
    for change in found.changes:
        if not change.is_note:
            told: Mapping[str, str] = change_to_json(change)["message"]
            breaks: Breaks = breaking.get(change.pointer, "")
            rows.append(ChangeRow(change.action, change.pointer, Label(told["zh"], told["en"]), breaks))
    rows.sort(key=lambda row: ("narrows", "widens", "").index(row.breaks))
    return tuple(rows), sum(change.is_note for change in found.changes)


def floor_of(old: Version, new: Version, found: Comparison, on: date) -> VersionFloor | None:
    """Return the least number that NEW may carry after OLD (版本下限); None where it is not the later one."""
    if version_key(new.version) <= version_key(old.version):
        return None

    def known(_old: Edition, _new: Edition) -> Comparison:
        return found

    return version_floor(edition_of_version(new), [edition_of_version(old)], known, on=on)


def reasons(floor: VersionFloor) -> tuple[Label, ...]:
    """Return why a floor is what it is, beside the verdict that stands on the page anyway (版本说明)."""
    narrowed = [Label(n.message_zh, n.message_en) for one in floor.against for n in one.narrowings]
    zh, en = explain(floor)[-1]
    return (*narrowed, Label(zh, en))


def rule_changes(old: Version, new: Version) -> tuple[RuleChange, ...]:
    """Return the cross-field rules that differ (规则变更)."""
    before, after = ({rule.id: rule for rule in version.rules} for version in (old, new))
    found: list[RuleChange] = []
    for ident in [*after, *(name for name in before if name not in after)]:
        rule = after.get(ident) or before[ident]
        if before.get(ident) != after.get(ident):
            action: Action = "added" if ident not in before else "removed" if ident not in after else "altered"
            found.append(RuleChange(action, ident, Label(rule.message_zh, rule.message_en)))
    return tuple(found)


def diff_lines(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[DiffLine, ...]:
    """Return the lines that differ, with a few around them (逐行差异)."""
    before, after = (written(dict(document)).splitlines() for document in (old, new))
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    found: list[DiffLine] = []
    for group in matcher.get_grouped_opcodes(AROUND):
        if found or group[0][1]:
            found.append(DiffLine("gap"))
        for kind, low, high, first, last in group:
            found += _block(kind, (before, low, high), (after, first, last))
        if len(found) > LINES_MAX:
            return (*found[:LINES_MAX], DiffLine("gap"))
    return tuple(found)


_Part = tuple[Sequence[str], int, int]


def _block(kind: str, old: _Part, new: _Part) -> Iterator[DiffLine]:
    """Yield one block of lines, those of both texts beside each other."""
    (before, low, high), (after, first, last) = old, new
    for step in range(max(high - low, last - first)):
        at, to = low + step, first + step
        left, right = at < high, to < last
        yield DiffLine(
            "same" if kind == "equal" else "changed",
            at + 1 if left else 0,
            before[at] if left else "",
            to + 1 if right else 0,
            after[to] if right else "",
        )
