"""
View models of the catalogue (标准目录页面模型), by the conventions of :mod:`tradehall.web.portal.views`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal, TypeAlias

from tradehall.web.portal.views import FieldError, Label, Page, VersionRow

Outcome: TypeAlias = Literal["proved", "refuted", "unknown"]
Action: TypeAlias = Literal["added", "removed", "altered"]
Breaks: TypeAlias = Literal["", "narrows", "widens"]
LineKind: TypeAlias = Literal["same", "changed", "gap"]


# --- two versions side by side ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class VerdictView:
    """
    The verdict for one direction (兼容性判定).

    ``witness`` is the document that proves a refutation, as indented JSON; ``place`` where in it, and ``pointer`` where
    in the schema.
    """

    outcome: Outcome
    sentence: Label
    witness: str = ""
    place: str = ""
    pointer: str = ""


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """
    One change of meaning (变更).

    ``breaks`` says where a refusal comes from it: it ``narrows`` when old records are refused, it ``widens`` when old
    software refuses new ones.
    """

    action: Action
    pointer: str
    sentence: Label
    breaks: Breaks = ""


@dataclass(frozen=True, slots=True)
class RuleChange:
    """A cross-field rule that came, went or reads otherwise (规则变更)."""

    action: Action
    id: str
    sentence: Label


@dataclass(frozen=True, slots=True)
class DiffLine:
    """One line of both texts (逐行差异); a number of 0 means that the line stands in the other text only."""

    kind: LineKind
    old_number: int = 0
    old: str = ""
    new_number: int = 0
    new: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparePage(Page):
    """
    Two versions of a family side by side (版本对比): verdicts and changes of meaning first, then lines.

    ``floor`` is the least number that the newer one may carry after the older; empty where they stand in no such order.
    ``why`` says why; ``kept`` whether its number is high enough.
    """

    id: str
    title: Label
    old: VersionRow
    new: VersionRow
    versions: tuple[VersionRow, ...]
    backward: VerdictView
    forward: VerdictView
    floor: str = ""
    kept: bool = True
    why: tuple[Label, ...] = ()
    changes: tuple[ChangeRow, ...] = ()
    notes: int = 0
    rules: tuple[RuleChange, ...] = ()
    lines: tuple[DiffLine, ...] = ()


# --- code lists ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DatedCode:
    """One code with its interval (代码有效期): valid from ``since`` through ``until``, its last day."""

    code: str
    label: Label
    since: date
    until: date | None
    state: Literal["valid", "coming", "ended"]
    replaced_by: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Edition:
    """One dated edition of a code list (代码表版本)."""

    dated: date
    codes: int
    digest: str
    current: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeListPage(Page):
    """One code list as of a day (代码表); ``used_by`` are families of the versions in force."""

    id: str
    title: Label
    dated: date
    on: date
    closed: bool
    digest: str
    codes: tuple[DatedCode, ...]
    editions: tuple[Edition, ...]
    used_by: tuple[tuple[str, Label], ...] = ()
    errors: tuple[FieldError, ...] = ()


# --- checking a record --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FamilyOption:
    """One family to choose (记录类别选项)."""

    id: str
    title: Label


@dataclass(frozen=True, slots=True)
class FindingView:
    """One thing that the check found (校验结果)."""

    sentence: Label
    pointer: str
    clause: str
    blocks: bool


@dataclass(frozen=True, slots=True)
class CheckedLine:
    """One line of the checked document, with what was found at its field (逐行结果)."""

    number: int
    text: str
    findings: tuple[FindingView, ...] = ()


@dataclass(frozen=True, slots=True)
class CheckVerdict:
    """What a check came to (校验结论); ``cited`` where the document itself named the version."""

    family: str
    title: Label
    version: str
    digest: str
    valid: bool
    warnings: int
    lines: tuple[CheckedLine, ...]
    cited: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidatePage(Page):
    """Check a record without filing it (在线校验): posts ``text`` or ``file``, ``family`` and ``csrf``."""

    families: tuple[FamilyOption, ...]
    family: str = ""
    text: str = ""
    verdict: CheckVerdict | None = None
    errors: tuple[FieldError, ...] = ()


# --- releases -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Signer:
    """An officer whose signature holds (签署官员)."""

    name: Label
    holder: str
    key: str
    development: bool


@dataclass(frozen=True, slots=True)
class ReleaseRow:
    """One signed release (一次发布): what it covers, and who signed."""

    name: str
    published_on: date
    digest: str
    files: int
    new: tuple[str, ...]
    signers: tuple[Signer, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasesPage(Page):
    """Signed releases, newest first (标准发布); ``pending`` is served but not signed yet."""

    releases: tuple[ReleaseRow, ...]
    vouched: Literal["standards", "development", "nobody"]
    pending: tuple[str, ...] = ()
    findings: tuple[Label, ...] = ()


CatalogueModel: TypeAlias = ComparePage | CodeListPage | ValidatePage | ReleasesPage
