"""
Checking a record without filing it (在线校验): what was pasted, line by line, each finding at its field.

The check is the catalogue's own, the one that the door uses. Nothing is kept.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final

from tradehall.web.portal.views import FieldError, Label
from tradehall.web.portal.views_catalogue import CheckedLine, CheckVerdict, FamilyOption, FindingView
from tradehall_standards import Catalogue, Finding, SchemaRef, StrictError, Version, strict
from tradehall_standards.strict import as_object, escape

if TYPE_CHECKING:
    from tradehall_standards import Json

LINES_MAX: Final = 5000


class Unfit(ValueError):  # noqa: N818 - something to mend in a form
    """A document that can't be checked (无法校验); ``error`` says what to mend."""

    def __init__(self, zh: str, en: str, field: str, pointer: str = "", hint: Label | None = None) -> None:
        super().__init__(en)
        self.error = FieldError(Label(zh, en), field, pointer, hint)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is to be checked (待校验内容)."""

    version: Version
    ref: SchemaRef
    payload: Json
    cited: bool


def options(catalogue: Catalogue) -> tuple[FamilyOption, ...]:
    """Return the families to choose from (记录类别)."""
    found = [catalogue.versions(family)[-1] for family in catalogue.families()]
    return tuple(FamilyOption(v.family, _title(v)) for v in found)


def _title(version: Version) -> Label:
    titles = version.titles[""]
    return Label(titles["zh"], titles["en"])


def check(catalogue: Catalogue, data: bytes, family: str, on: date) -> CheckVerdict:
    """
    Check a record, an envelope or a payload (校验).

    Args:
        catalogue: the standards.
        data: what was pasted or uploaded.
        family: of a bare payload; a record names its own.
        on: day of the event.

    Raises:
        Unfit: not strict JSON, no family, or a version that the catalogue doesn't have.
    """
    try:
        document = strict.parse(data)
    except StrictError as problem:
        raise Unfit(problem.message_zh, problem.message_en, "text", problem.pointer or "") from problem
    asked = _asked(catalogue, document, family, on)
    findings = catalogue.check(asked.ref, asked.payload, on)
    return CheckVerdict(
        family=asked.version.family,
        title=_title(asked.version),
        version=asked.version.version,
        digest=asked.version.digest,
        valid=not any(f.severity == "block" for f in findings),
        warnings=sum(f.severity == "warn" for f in findings),
        lines=lines_of(asked.payload, findings),
        cited=asked.cited,
    )


def _asked(catalogue: Catalogue, document: Json, family: str, on: date) -> _Asked:
    outer = as_object(document)
    envelope = as_object(outer.get("envelope", outer))
    cited = as_object(envelope.get("schema"))
    if "payload" in envelope and isinstance(cited.get("id"), str):
        ref = SchemaRef(str(cited["id"]), str(cited.get("version", "")), str(cited.get("digest", "")))
        version = catalogue.version(ref.id, ref.version)
        if version is None:
            raise Unfit(
                f"目录中没有记录所引用的标准 {ref.id}/{ref.version}",
                f"The catalogue has no {ref.id}/{ref.version}, which the record cites",
                "text",
                "/schema",
            )
        return _Asked(version, ref, envelope["payload"], cited=True)
    if family not in catalogue.families():
        raise Unfit(
            "请选择记录类别",
            "Choose a kind of record",
            "family",
            hint=Label("只有完整的记录自己写明类别。", "Only a whole record says its kind itself."),
        )
    found = catalogue.resolve(family, on) or catalogue.versions(family)[-1]
    return _Asked(found, found.ref, document, cited=False)


# --- lines --------------------------------------------------------------------------------------------------------


def lines_of(document: Json, findings: Sequence[Finding]) -> tuple[CheckedLine, ...]:
    """
    Return a document as indented lines, each finding under the line of its field (逐行结果).

    A finding on what isn't there stands under the closest thing that is. Of a long document only the lines around
    findings are given.
    """
    written = list(_written(document, "", "", 0, last=True))
    places = {pointer: number for number, (pointer, _) in reversed(list(enumerate(written)))}
    at: dict[int, list[FindingView]] = {}
    for finding in findings:
        pointer = finding.pointer
        while pointer not in places:
            pointer = pointer.rpartition("/")[0]
        at.setdefault(places[pointer], []).append(view_of(finding))
    lines = (
        CheckedLine(number + 1, text, tuple(at.get(number, ())))
        for number, (_, text) in enumerate(written)
        if len(written) <= LINES_MAX or number in at
    )
    return tuple(lines)


def view_of(finding: Finding) -> FindingView:
    """Return a finding as a page shows it (校验结果)."""
    sentence = Label(finding.message_zh, finding.message_en)
    return FindingView(sentence, finding.pointer, finding.clause, finding.severity == "block")


_Written = tuple[str, str]
"""Pointer of what begins on a line (closing brackets have a pointer that no finding has), and the line."""
_CLOSING: Final = "\n"


def _written(value: Json, pointer: str, head: str, depth: int, *, last: bool) -> Iterator[_Written]:
    """Yield the lines of a value with two spaces for each depth."""
    space, tail = "  " * depth, "" if last else ","
    if isinstance(value, Mapping) and value:
        yield pointer, f"{space}{head}{{"
        members = list(value.items())
        for number, (name, inner) in enumerate(members, 1):
            label = f"{json.dumps(name, ensure_ascii=False)}: "
            yield from _written(inner, f"{pointer}/{escape(name)}", label, depth + 1, last=number == len(members))
        yield _CLOSING, f"{space}}}{tail}"
    elif isinstance(value, list) and value:
        yield pointer, f"{space}{head}["
        for number, inner in enumerate(value):
            yield from _written(inner, f"{pointer}/{number}", "", depth + 1, last=number == len(value) - 1)
        yield _CLOSING, f"{space}]{tail}"
    else:
        yield pointer, f"{space}{head}{json.dumps(value, ensure_ascii=False)}{tail}"
