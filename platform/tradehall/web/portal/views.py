"""
View models of the portal (页面模型): everything a page shows, and nothing it has to work out.

Conventions that hold for all of them:

* Instants are aware datetimes; pages show them in the centre's time (UTC+8). Days are local dates.
* ``Label`` is a word that exists in both languages (code lists, titles of families). A plain ``str`` is data as it was
  filed (names, texts) and is shown unchanged in either language. Words of the interface live in the templates.
* Digests are written ``sha256:<64 hex>``. Amounts are Decimal; two places are shown.
* What must stay secret MUST NOT be put into a model: before opening leave ``count``, ``accepted_root`` and ``rows``
  empty. As a second lock the hall shows bidders only beside an opened bid and prices only once they are announced.
* Lists come in the order in which they are to be shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal, TypeAlias

Lang: TypeAlias = Literal["zh", "en"]
Size: TypeAlias = Literal["normal", "large"]
Tone: TypeAlias = Literal["done", "running", "waiting", "attention", "failed"]
CaseState: TypeAlias = Literal[
    "announced", "opening", "evaluating", "publicity", "awarded", "contracted", "paused", "failed", "cancelled"
]
CaseStage: TypeAlias = Literal["tender", "bid", "opening", "evaluation", "award"]
HallStep: TypeAlias = Literal["waiting", "deadline", "counted", "decryption", "prices", "record", "closed"]
StepState: TypeAlias = Literal["done", "current", "upcoming", "failed"]
BidState: TypeAlias = Literal["sealed", "decrypting", "decrypted", "failed", "withdrawn"]
OpeningState: TypeAlias = Literal["waiting", "running", "closed", "failed", "cancelled"]
GuaranteeState: TypeAlias = Literal["valid", "invalid", "absent"]

HALL_STEPS: tuple[HallStep, ...] = ("waiting", "deadline", "counted", "decryption", "prices", "record", "closed")
CASE_STAGES: tuple[CaseStage, ...] = ("tender", "bid", "opening", "evaluation", "award")


@dataclass(frozen=True, slots=True)
class Label:
    """A word in both languages (双语标签)."""

    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Amount:
    """Money to show (金额); ``currency`` is an ISO 4217 code."""

    value: Decimal
    currency: str = "CNY"


@dataclass(frozen=True, slots=True)
class Link:
    """Somewhere to go (链接); ``href`` is a path of this site."""

    label: Label
    href: str


@dataclass(frozen=True, slots=True)
class FieldError:
    """
    One thing to mend in a form or a filed document (一处错误).

    ``field`` is the ``id`` of the form control it belongs to, or empty; ``pointer`` a JSON pointer or cell address.
    """

    message: Label
    field: str = ""
    pointer: str = ""
    hint: Label | None = None


@dataclass(frozen=True, slots=True)
class User:
    """Who is signed in (当前用户); ``name`` as filed, ``role`` in words."""

    name: str
    role: Label


@dataclass(frozen=True, slots=True)
class Site:
    """
    Whose portal this is (本站); settings of the deployment.

    ``demo`` shows a line above every page that all names and figures are invented.
    """

    centre: Label
    version: str
    demo: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """
    What every page needs (页面公共部分).

    ``now`` is the server's time at which the model was filled; ``path`` the request path with its query, from which the
    links to the other language and type size are made.
    """

    site: Site
    now: datetime
    path: str


# --- shared rows -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseRow:
    """One case in a list (列表中的一个项目)."""

    case: str
    code: str
    name: str
    tenderer: str
    category: Label
    region: Label
    regime: Label
    state: CaseState
    lots: int
    ceiling: Amount | None
    published_at: datetime
    bid_deadline: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpeningRow:
    """One opening in a list (列表中的一场开标)."""

    case: str
    code: str
    name: str
    tenderer: str
    region: Label
    place: str
    at: datetime
    state: OpeningState
    lots: int


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a rail (进度); ``key`` is a CaseStage or a HallStep, ``at`` when it was or will be reached."""

    key: CaseStage | HallStep
    state: StepState
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Countdown:
    """
    A clock that runs to ``to`` (倒计时); it informs, the door decides.

    ``label`` says what ends then, e.g. 距投标截止.
    """

    label: Label
    to: datetime


# --- home and lists ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """
    Public totals since ``since`` (累计数). Bids are never counted before their opening.

    ``log_leaves`` is the size of the public log, decoys included.
    """

    since: date
    tenders: int
    openings: int
    awards: int
    log_leaves: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HomePage(Page):
    """Front page (首页): today's openings by time, nearest deadlines first, latest publications, totals."""

    openings: tuple[OpeningRow, ...]
    deadlines: tuple[CaseRow, ...]
    latest: tuple[CaseRow, ...]
    counts: Counts


@dataclass(frozen=True, slots=True)
class Option:
    """One choice of a filter (筛选项); ``count`` is None where counting is too dear or not allowed."""

    value: str
    label: Label
    selected: bool = False
    count: int | None = None


@dataclass(frozen=True, slots=True)
class Filter:
    """One filter (筛选条件) and its query name; no option selected means all."""

    name: Literal["stage", "category", "region", "regime"]
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseListPage(Page):
    """
    Search of cases (交易信息检索).

    ``total`` is None when not counted; ``next_href`` and ``first_href`` carry opaque cursors; ``exports`` are the same
    list in other forms (JSON, CSV, Atom).
    """

    query: str
    filters: tuple[Filter, ...]
    rows: tuple[CaseRow, ...]
    total: int | None
    next_href: str | None = None
    first_href: str | None = None
    exports: tuple[Link, ...] = ()
    errors: tuple[FieldError, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OpeningsPage(Page):
    """All openings (开标安排): today, later, and those already held (newest first)."""

    today: tuple[OpeningRow, ...]
    upcoming: tuple[OpeningRow, ...]
    past: tuple[OpeningRow, ...]


# --- one case ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFacts:
    """Head of a case (项目基本信息)."""

    code: str
    regime: Label
    category: Label
    sector: Label
    region: Label
    kind: Label
    tenderer: str
    agency: str | None
    supervisor: str
    estimate: Amount | None
    state_funded: bool
    published_at: datetime
    question_deadline: datetime | None
    bid_deadline: datetime | None
    opening_at: datetime | None
    opening_place: str | None
    bid_validity_days: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LotRow:
    """One lot (标段); ``forms`` are the accepted forms of bid security."""

    id: str
    name: str
    scope: str
    ceiling: Amount | None
    floor: Amount | None
    security: Amount | None
    forms: tuple[Label, ...]
    state: CaseState


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEntry:
    """
    One accepted record (一条记录), newest first in its list.

    Before the opening the list MUST NOT contain records of bids: their number is secret.

    ``leaf`` is its index in the public log; ``receipt_href`` and ``record_href`` lead to the signed receipt and the
    record as JSON (None where the viewer may not read it); ``sealed`` marks a record whose content is still secret.
    """

    at: datetime
    family: str
    title: Label
    version: str
    author: str
    digest: str
    leaf: int
    summary: str = ""
    receipt_href: str | None = None
    record_href: str | None = None
    sealed: bool = False
    tone: Tone = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A file to download (文件); ``size`` in bytes, ``href`` None where it is not public."""

    title: str
    kind: Label
    media_type: str
    size: int
    digest: str
    href: str | None
    edition: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question asked before the deadline (提问); who asked is never shown."""

    at: datetime
    text: tuple[str, ...]
    digest: str
    lot: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Clarification:
    """An answer or amendment (澄清、修改) with the questions it answers and the new deadline, if any."""

    number: int
    at: datetime
    text: tuple[str, ...]
    digest: str
    questions: tuple[Question, ...] = ()
    affects_preparation: bool = False
    new_deadline: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectionView:
    """
    An objection and its answer (异议与答复).

    ``pauses`` says that the procedure stands still until ``decision`` is there; ``reply_due`` is the last lawful day.
    """

    at: datetime
    about: Label
    grounds: tuple[str, ...]
    digest: str
    pauses: bool
    lot: str | None = None
    reply_due: date | None = None
    decision: Label | None = None
    decided_at: datetime | None = None
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultRow:
    """One bid after opening (开标后的一份投标); ``total`` and ``rank`` only after the evaluation is public."""

    submission: str
    bidder: str | None
    price: Amount | None
    state: BidState
    cause: Label | None = None
    total: Decimal | None = None
    rank: int | None = None
    rejected: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Award:
    """The award (中标)."""

    winner: str
    price: Amount
    at: datetime
    digest: str
    contract_signed_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LotResult:
    """Result of one lot (标段结果): opened bids, ranked candidates with their publicity, failure or award."""

    lot: str
    name: str
    rows: tuple[ResultRow, ...] = ()
    candidates: tuple[ResultRow, ...] = ()
    publicity_from: date | None = None
    publicity_to: date | None = None
    failed: Label | None = None
    failed_explanation: tuple[str, ...] = ()
    award: Award | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standstill:
    """Why a case stands still or has ended (暂停、终止、失败), shown above everything else."""

    kind: Literal["paused", "failed", "cancelled"]
    since: datetime
    reason: Label
    explanation: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NextStep:
    """What happens next and what the reader can do (下一步)."""

    title: Label
    at: datetime | None = None
    detail: Label | None = None
    action: Link | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CasePage(Page):
    """
    One case (项目页).

    ``guarantee_note`` shows the paragraph on bid security and how a letter is checked. ``evidence_href`` is the archive
    for offline checking, ``json_href`` the case as data.
    """

    case: str
    name: str
    state: CaseState
    facts: CaseFacts
    rail: tuple[Step, ...]
    lots: tuple[LotRow, ...]
    timeline: tuple[TimelineEntry, ...]
    documents: tuple[Document, ...] = ()
    questions: tuple[Question, ...] = ()
    clarifications: tuple[Clarification, ...] = ()
    objections: tuple[ObjectionView, ...] = ()
    results: tuple[LotResult, ...] = ()
    standstill: Standstill | None = None
    next_step: NextStep | None = None
    countdown: Countdown | None = None
    guarantee_note: bool = True
    opening_href: str | None = None
    evidence_href: str | None = None
    json_href: str | None = None
    ocds_href: str | None = None


# --- the opening hall --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class BidRow:
    """
    One submission in the hall (一份投标).

    ``bidder``, ``guarantee`` and ``opened_by`` are shown only when ``state`` is ``decrypted``; ``price`` only when the
    page says that prices are announced. ``own`` marks the viewer's bid.
    """

    submission: str
    ordinal: int
    commitment: str
    state: BidState
    bidder: str | None = None
    price: Amount | None = None
    guarantee: GuaranteeState | None = None
    opened_by: Literal["bidder_key", "custodians"] | None = None
    cause: Label | None = None
    own: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HallLot:
    """One lot in the hall (标段); before ``opening_start`` count, root and rows stay empty."""

    id: str
    name: str
    ceiling: Amount | None
    floor: Amount | None = None
    count: int | None = None
    accepted_root: str | None = None
    rows: tuple[BidRow, ...] = ()
    failed: Label | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedEntry:
    """One line of the live record (实时记录); ``sequence`` grows by one within a hall."""

    sequence: int
    at: datetime
    text: Label
    tone: Tone = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What anyone can check (存证): the log at this moment and where to get the evidence."""

    log_origin: str
    log_size: int
    log_root: str
    witnesses: int
    evidence_href: str | None = None
    record_digest: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HallAction:
    """The viewer's own next act (我的操作); ``link`` None means: nothing to do."""

    title: Label
    detail: Label
    tone: Tone
    link: Link | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpeningPage(Page):
    """
    Opening hall (开标大厅).

    ``feed`` is newest first. ``live`` opens the event stream; a closed hall needs none. ``sequence`` is that of the
    newest event the model contains, 0 for none.
    """

    case: str
    code: str
    name: str
    tenderer: str
    supervisor: str
    place: str
    opening_at: datetime
    state: OpeningState
    rail: tuple[Step, ...]
    lots: tuple[HallLot, ...]
    prices_announced: bool
    feed: tuple[FeedEntry, ...]
    sequence: int
    live: bool
    proof: Proof
    countdown: Countdown | None = None
    action: HallAction | None = None
    objection_href: str | None = None
    standstill: Standstill | None = None


# --- checking ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Fact:
    """A name and its value in a verdict (事实); ``mono`` for digests and keys."""

    name: Label
    value: str
    mono: bool = False


@dataclass(frozen=True, slots=True)
class Check:
    """One check that was made (核验项); ``skipped`` means: not possible from what was given."""

    name: Label
    result: Literal["passed", "failed", "skipped"]
    detail: Label | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """
    Outcome of a check (核验结论).

    ``genuine`` = every needed check passed; ``refusal`` = a genuine, signed refusal; ``forged`` = at least one check
    failed; ``unknown`` = unreadable, or not from this log.
    """

    outcome: Literal["genuine", "refusal", "forged", "unknown"]
    kind: Literal["receipt", "refusal", "letter", "evidence", "unknown"]
    explanation: Label
    facts: tuple[Fact, ...] = ()
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyPage(Page):
    """
    Check a receipt, letter or evidence file (核验).

    ``text`` is what was pasted, shown again; ``letter`` the number that the code printed on a letter leads here with.
    """

    text: str = ""
    letter: str = ""
    verdict: Verdict | None = None
    errors: tuple[FieldError, ...] = ()


# --- the catalogue -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyRow:
    """One standard in the list (标准); ``status`` e.g. 现行."""

    id: str
    title: Label
    purpose: Label
    version: str
    status: Label
    tone: Tone
    effective_from: date | None
    fields: int
    digest: str


@dataclass(frozen=True, slots=True)
class FamilyGroup:
    """Standards that belong together (一组标准)."""

    title: Label
    families: tuple[FamilyRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeListRow:
    """One code list in the list (代码集); ``href`` leads to its JSON."""

    id: str
    title: Label
    dated: date
    codes: int
    href: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StandardsPage(Page):
    """The catalogue (标准目录); ``catalogue_digest`` names the whole state."""

    query: str
    groups: tuple[FamilyGroup, ...]
    code_lists: tuple[CodeListRow, ...]
    catalogue_digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldRow:
    """
    One field (字段).

    ``path`` is dotted, ``[]`` for list items; ``type`` in JSON words, its limits in ``limits``; ``code_list`` is the id
    of a list, linked if it stands on the same page.
    """

    path: str
    name: Label
    type: str
    required: bool
    disclosure: Literal["public", "at_opening", "panel", "never"]
    limits: str = ""
    code_list: str | None = None
    note: Label | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleRow:
    """A cross-field rule (校验规则) with its source."""

    id: str
    message: Label
    clause: str
    severity: Literal["error", "warning"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """One code (代码)."""

    code: str
    label: Label
    valid_from: date | None = None
    valid_to: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeList:
    """A code list with its rows (代码集)."""

    id: str
    title: Label
    dated: date
    codes: tuple[Code, ...]
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionRow:
    """One published version (版本)."""

    version: str
    status: Label
    tone: Tone
    effective_from: date | None
    digest: str
    current: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyPage(Page):
    """One version of one standard (标准详情)."""

    id: str
    title: Label
    purpose: Label
    version: str
    status: Label
    tone: Tone
    effective_from: date | None
    digest: str
    fields: tuple[FieldRow, ...]
    versions: tuple[VersionRow, ...]
    rules: tuple[RuleRow, ...] = ()
    code_lists: tuple[CodeList, ...] = ()
    links: tuple[Link, ...] = ()


# --- the rest ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DemoAccount:
    """A sign-in of the demonstration (演示账号), shown in full; MUST be empty outside it."""

    username: str
    password: str
    role: Label


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginPage(Page):
    """Sign in (登录): posts ``username``, ``password``, ``next`` and ``csrf``. The password is never shown again."""

    username: str = ""
    next: str = "/"
    errors: tuple[FieldError, ...] = ()
    demo_accounts: tuple[DemoAccount, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountPage(Page):
    """
    One's own account (我的账户): posts ``act`` (``password`` or ``sessions``), ``username``, ``password`` and ``csrf``,
    for a change of the password also ``new``. ``done`` is what has just been done.
    """

    party: str
    sessions: int
    tokens: int
    username: str = ""
    done: Literal["", "password", "sessions"] = ""
    errors: tuple[FieldError, ...] = ()


@dataclass(frozen=True, slots=True)
class Peer:
    """A city that exchanges records with this node (协作城市) and cosigns its log."""

    name: Label
    node: str
    cosigned_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AboutPage(Page):
    """What this is, what it is not, and how to check it (关于)."""

    node: str
    log_origin: str
    log_key: str
    log_size: int
    log_root: str
    peers: tuple[Peer, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorPage(Page):
    """
    Something was refused or not found (出错页).

    ``status`` is the HTTP status; ``code`` the stable refusal or problem code; ``clause`` its source; ``request_id`` a
    trace that the operator can find.
    """

    status: int
    code: str = ""
    reason: Label | None = None
    clause: str = ""
    request_id: str = ""
    errors: tuple[FieldError, ...] = ()


ViewModel: TypeAlias = (
    HomePage
    | CaseListPage
    | CasePage
    | OpeningPage
    | OpeningsPage
    | VerifyPage
    | StandardsPage
    | FamilyPage
    | LoginPage
    | AccountPage
    | AboutPage
    | ErrorPage
)
