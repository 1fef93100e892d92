"""
View models of the workspaces (工作台页面模型), by the conventions of :mod:`tradehall.web.portal.views`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from tradehall.web.forms import Answer
from tradehall.web.portal.views import Countdown, FieldError, Label, Page, Tone


@dataclass(frozen=True, slots=True)
class Task:
    """Something that may be done now (待办): what, in which case, under which clause, until when."""

    title: Label
    href: str
    lots: tuple[str, ...] = ()
    clause: str = ""
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class WorkCase:
    """A case on the workbench (我的项目): ``states`` has one for each lot, ``tasks`` what may be done in it now."""

    case: str
    name: str
    code: str
    procedure: Label
    roles: tuple[Label, ...]
    states: tuple[tuple[str, Label, Tone], ...]
    tasks: tuple[Task, ...]
    href: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkPage(Page):
    """The workbench (工作台): what now, one's own cases, and what may be begun."""

    cases: tuple[WorkCase, ...]
    beginnings: tuple[Task, ...]
    party: str


@dataclass(frozen=True, slots=True)
class WorkRecord:
    """A record of a case (案卷记录), with the page of its receipt where it is one's own."""

    title: Label
    at: datetime
    author: str
    digest: str
    own: bool
    href: str


@dataclass(frozen=True, slots=True)
class CentreAct:
    """Something the node does on the centre's word (中心操作): ``body`` as JSON text; ``ask`` before it is done."""

    label: Label
    body: str
    ask: Label | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkCasePage(Page):
    """
    One case as somebody works on it (项目工作页).

    ``public`` is its public page, empty for secret cases; ``acts`` are posted to ``acts_path``.
    """

    case: WorkCase
    records: tuple[WorkRecord, ...]
    public: str
    acts: tuple[CentreAct, ...] = ()
    acts_path: str = ""


@dataclass(frozen=True, slots=True)
class Named:
    """
    A value with its name (名称与内容), as check-your-answers shows it.

    A filed ``text``, a ``word`` of a list, or several ``lines``; none of them where it heads what follows one step
    deeper.
    """

    label: Label
    depth: int = 0
    text: str = ""
    word: Label | None = None
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FormPage(Page):
    """
    A record to be filled in (填写记录): posts the answers by pointer, ``do`` and ``csrf``.

    Attributes:
        case: id of the case; ``case_name`` what people call it, empty for a new one.
        schema: ``<family>/<version>``, shown with the clause of the act.
        errors: for the summary; each names the ``id`` of its input.
    """

    case: str
    case_name: str
    family: str
    title: Label
    about: Label | None
    schema: str
    clause: str
    form: Answer
    errors: tuple[FieldError, ...] = ()
    back: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckPage(Page):
    """
    Check your answers, then sign (核对并签名).

    ``draft`` is the unsigned envelope as JSON text that the island signs; ``answers`` the same for people, ``kept`` the
    sent values, for going back to the form.
    """

    case: str
    case_name: str
    family: str
    title: Label
    schema: str
    party: str
    draft: str
    answers: tuple[Named, ...]
    kept: tuple[tuple[str, str], ...]
    action: str
    receipt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BidPage(Page):
    """
    Bidding in a tender (投标). What is bid never comes to the server unsealed: the page holds only public terms.

    Attributes:
        terms: what the island needs, as JSON text: terms of the seal, lots, what was opened, standards to cite.
        is_open: whether bids are taken now; ``countdown`` to the deadline then.
        lots: id and name of the lots that still take bids.
        currencies: codes of the currencies an amount may have.
    """

    case: str
    case_name: str
    terms: str
    is_open: bool
    countdown: Countdown | None
    lots: tuple[tuple[str, str], ...]
    currencies: tuple[tuple[str, Label], ...]


@dataclass(frozen=True, slots=True)
class CustodyRow:
    """An opened bid as its custodian sees it (待开启投标)."""

    submission: str
    lot: str
    state: Label
    tone: Tone


@dataclass(frozen=True, slots=True, kw_only=True)
class CustodyPage(Page):
    """
    Keys of a custodian, and the shares of one tender to release (密钥保管).

    ``terms`` is what the island needs as JSON text; ``case`` is empty on the page that only makes keys.
    """

    case: str
    case_name: str
    terms: str
    is_opened: bool
    rows: tuple[CustodyRow, ...]
    waiting: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptPage(Page):
    """A receipt (回执): what was accepted, when, and where in the log; ``receipt`` is the signed text."""

    title: Label
    case: str
    digest: str
    accepted_at: datetime
    leaf_index: int
    tree_size: int
    witnesses: tuple[str, ...]
    receipt: str
    back: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeysPage(Page):
    """Keys of this browser (本机证书); everything happens on the device."""

    party: str
    name: str


WorkModel: TypeAlias = WorkPage | WorkCasePage | FormPage | CheckPage | BidPage | CustodyPage | ReceiptPage | KeysPage
"""Every model of the workspaces (工作台页面模型)."""
