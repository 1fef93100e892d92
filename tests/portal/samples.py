"""
Sample pages with plainly invented names, in every state a page can be in.

Used by the tests and by ``preview.py`` for looking at pictures. ``SAMPLES`` maps a short name to a filled view model.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from portal.samples_catalogue import CATALOGUE_SAMPLES
from portal.samples_work import WORK_SAMPLES
from tradehall.web.portal import paths
from tradehall.web.portal import views as v
from tradehall.web.portal.render import CENTRE_TIME, Model
from tradehall.web.portal.views import Amount, Label

NOW = datetime(2026, 4, 17, 9, 36, 18, tzinfo=CENTRE_TIME)
DEADLINE = datetime(2026, 4, 17, 9, 30, tzinfo=CENTRE_TIME)
SITE = v.Site(centre=Label("示例市交易中心", "Example City Trading Centre"), version="0.1.0", demo=True)
USER = v.User("示例甲建设有限公司", Label("投标人", "Bidder"))
CASE = "t-abcdefghijklmnopqrstuvwxyz"
HOSTILE = '<script>alert("x")</script>&\'"<img src=x onerror=alert(1)>'
LONG = "示例河流域水环境综合治理与智慧泵站联合调度提升改造工程（含沿线管网、生态护岸、景观照明及信息化系统）施工总承包"
UNBROKEN = "VERY-LONG-CODE-" + "X0123456789" * 6

WORKS = Label("工程建设", "Construction")
GOODS = Label("政府采购", "Government procurement")
REGION = Label("示例市", "Example City")
LAW = Label("招标投标法", "Tendering and Bidding Law")
PROCUREMENT = Label("政府采购法", "Government Procurement Law")


def digest(seed: str) -> str:
    return "sha256:" + hashlib.sha256(seed.encode()).hexdigest()


def root(seed: str) -> str:
    return hashlib.sha256(seed.encode()).hexdigest()


def yuan(text: str) -> Amount:
    return Amount(Decimal(text))


def at(days: float = 0, **delta: float) -> datetime:
    return NOW + timedelta(days=days, **delta)


def case_row(index: int, **changes: object) -> v.CaseRow:
    row = v.CaseRow(
        case=CASE,
        code=f"SL-2026-{index:04d}-01",
        name=("示例路小学教学楼新建工程施工", "示例医院影像设备采购", LONG, "示例湖片区道路照明改造")[index % 4],
        tenderer=("示例区教育工程管理中心", "示例市第一医院", "示例水务投资有限公司")[index % 3],
        category=(WORKS, GOODS)[index % 2],
        region=REGION,
        regime=(LAW, PROCUREMENT)[index % 2],
        state="announced",
        lots=1 + index % 3,
        ceiling=yuan(("286450000", "5980000.5", "1298600000.00")[index % 3]),
        published_at=at(-index),
        bid_deadline=at(index, hours=2),
    )
    return replace(row, **changes)


STATES: tuple[v.CaseState, ...] = (
    "announced",
    "opening",
    "evaluating",
    "publicity",
    "awarded",
    "contracted",
    "paused",
    "failed",
    "cancelled",
)
OPENING_STATES: tuple[v.OpeningState, ...] = ("running", "waiting", "closed", "failed", "cancelled")


def opening_row(index: int, **changes: object) -> v.OpeningRow:
    row = v.OpeningRow(
        case=CASE,
        code=f"SL-2026-{index:04d}-01",
        name=(LONG, "示例医院影像设备采购", "示例路小学教学楼新建工程施工")[index % 3],
        tenderer=("示例水务投资有限公司", "示例市第一医院", "示例区教育工程管理中心")[index % 3],
        region=REGION,
        place=f"第 {index + 1} 开标厅",
        at=at(0, hours=index),
        state=OPENING_STATES[index % 5],
        lots=1 + index % 2,
    )
    return replace(row, **changes)


COUNTS = v.Counts(since=date(2026, 1, 1), tenders=1486, openings=1203, awards=1101, log_leaves=2_418_112)

HOME = v.HomePage(
    site=SITE,
    now=NOW,
    path="/",
    openings=tuple(opening_row(index) for index in range(3)),
    deadlines=tuple(case_row(index) for index in range(5)),
    latest=tuple(case_row(index, state=STATES[index]) for index in range(4)),
    counts=COUNTS,
)
HOME_EMPTY = v.HomePage(
    site=replace(SITE, demo=False),
    now=NOW,
    path="/",
    openings=(),
    deadlines=(),
    latest=(),
    counts=v.Counts(since=date(2026, 4, 1), tenders=0, openings=0, awards=0, log_leaves=0),
)

FILTERS = (
    v.Filter("stage", (v.Option("announced", Label("招标中", "Open for bids"), selected=True, count=128),)),
    v.Filter("category", (v.Option("A", WORKS, count=1020), v.Option("B", GOODS, count=466))),
    v.Filter("region", (v.Option("999901", REGION), v.Option("999902", Label("样板市", "Sample City")))),
    v.Filter("regime", (v.Option("tender_law", LAW), v.Option("gov_procurement", PROCUREMENT))),
)
CASE_LIST = v.CaseListPage(
    site=SITE,
    now=NOW,
    path="/notices?q=%E7%A4%BA%E4%BE%8B&stage=announced",
    query="示例",
    filters=FILTERS,
    rows=tuple(case_row(index, state=state) for index, state in enumerate(STATES)),
    total=1486,
    next_href="/notices?cursor=b3BhcXVl",
    first_href="/notices",
    exports=(v.Link(Label("JSON", "JSON"), "/notices.json"), v.Link(Label("CSV", "CSV"), "/notices.csv")),
)
CASE_LIST_EMPTY = replace(CASE_LIST, rows=(), total=0, query=HOSTILE, next_href=None, first_href=None, exports=())
CASE_LIST_ERROR = replace(
    CASE_LIST_EMPTY,
    query="x",
    errors=(v.FieldError(Label("搜索词至少两个字", "Search words need at least two characters"), field="q"),),
)

FACTS = v.CaseFacts(
    code="SL-2026-0417-01",
    regime=LAW,
    category=WORKS,
    sector=Label("房屋建筑与市政", "Building and municipal works"),
    region=REGION,
    kind=Label("施工", "Works"),
    tenderer="示例水务投资有限公司",
    agency="示例招标代理有限公司",
    supervisor="示例区住房和城乡建设局",
    estimate=yuan("320000000"),
    state_funded=True,
    published_at=at(-24),
    question_deadline=at(-12),
    bid_deadline=at(6),
    opening_at=at(6),
    opening_place="第 2 开标厅",
    bid_validity_days=90,
)


def case_rail(current: int, state: v.StepState = "current") -> tuple[v.Step, ...]:
    steps = []
    for index, key in enumerate(v.CASE_STAGES):
        step: v.StepState = "done" if index < current else state if index == current else "upcoming"
        steps.append(v.Step(key, step, at(-24 + 8 * index) if index < current else None))
    return tuple(steps)


LETTER = Label("电子保函", "Guarantee letter")
LOTS = (
    v.LotRow(
        id="L1",
        name="一标段：泵站与管网",
        scope="6 座泵站改造，管网 14.2 公里，含自控与信息化系统。",
        ceiling=yuan("298600000"),
        floor=None,
        security=yuan("800000"),
        forms=(LETTER, Label("现金", "Cash")),
        state="announced",
    ),
    v.LotRow(
        id="L2",
        name="二标段：生态护岸",
        scope="护岸 8.6 公里。",
        ceiling=yuan("46200000"),
        floor=yuan("30000000"),
        security=None,
        forms=(),
        state="announced",
    ),
)


def entry(index: int, family: str, zh: str, en: str, **changes: object) -> v.TimelineEntry:
    row = v.TimelineEntry(
        at=at(-index, minutes=7 * index),
        family=family,
        title=Label(zh, en),
        version="1.0.0",
        author="示例水务投资有限公司",
        digest=digest(family + str(index)),
        leaf=2_418_000 - 137 * index,
        receipt_href=f"/records/{index}/receipt",
        record_href=f"/records/{index}",
    )
    return replace(row, **changes)


TIMELINE = (
    entry(1, "clarification", "澄清", "Clarification", summary="第 1 号澄清：投标截止时间顺延至 4 月 23 日。"),
    entry(3, "question", "提问", "Question", author="提问人不公开", tone="running"),
    entry(24, "tender_notice", "招标公告", "Tender notice", summary="两个标段，第 2 开标厅开标。"),
    entry(24, "tender_document", "招标文件", "Tender document"),
)
SEALED_ENTRY = entry(
    9,
    "bid_commitment",
    "投标承诺",
    "Bid commitment",
    author="投标密钥",
    sealed=True,
    receipt_href=None,
    record_href=None,
    tone="waiting",
)
AWARDED_ENTRY = entry(0, "award_notice", "中标公告", "Award notice", summary="一标段中标人：示例甲建设集团有限公司。")
QUESTION = v.Question(at=at(-13), text=("泵站自控系统是否允许采用国产控制器？",), digest=digest("q1"), lot="L1")
CLARIFICATION = v.Clarification(
    number=1,
    at=at(-1),
    text=("允许。技术要求第 4.3 条中的型号仅为参考。", "投标截止时间相应顺延。"),
    digest=digest("c1"),
    questions=(QUESTION,),
    affects_preparation=True,
    new_deadline=at(6),
)
DOCUMENTS = (
    v.Document(
        title="招标文件.pdf",
        kind=Label("招标文件", "Tender document"),
        media_type="application/pdf",
        size=4_310_220,
        digest=digest("d1"),
        href="/files/1",
        edition=2,
    ),
    v.Document(
        title=f"工程量清单（{LONG}）.xlsx",
        kind=Label("清单", "Bill of quantities"),
        media_type="application/vnd.ms-excel",
        size=812,
        digest=digest("d2"),
        href=None,
    ),
)
OBJECTION = v.ObjectionView(
    at=at(-2),
    about=Label("对招标文件的异议", "Objection to the tender document"),
    grounds=("业绩要求“同类工程 5 项以上”与项目规模不相称。",),
    digest=digest("o1"),
    pauses=True,
    reply_due=at(1).date(),
)
OBJECTION_DECIDED = replace(
    OBJECTION,
    lot="L1",
    pauses=False,
    decision=Label("部分成立", "Partly upheld"),
    decided_at=at(-1),
    reasons=("将业绩要求调整为 2 项，已发布第 2 号澄清。",),
)

CASE_BEFORE = v.CasePage(
    site=SITE,
    now=NOW,
    path=paths.notice(CASE),
    case=CASE,
    name=LONG,
    state="announced",
    facts=FACTS,
    rail=case_rail(1),
    lots=LOTS,
    timeline=TIMELINE,
    documents=DOCUMENTS,
    questions=(replace(QUESTION, lot=None, digest=digest("q2")),),
    clarifications=(CLARIFICATION,),
    objections=(OBJECTION_DECIDED,),
    next_step=v.NextStep(
        title=Label("投标截止，随后公开开标", "Bids close, then the public opening"),
        at=at(6),
        detail=Label(
            "投标文件密封递交，可在截止前替换或撤回。", "Sealed bids may be replaced or withdrawn until then."
        ),
        action=v.Link(Label("查看投标办法", "How to submit a bid"), "/help/bidding"),
    ),
    countdown=v.Countdown(Label("距投标截止", "Until bids close"), at(6, hours=5)),
    opening_href=paths.opening(CASE),
    evidence_href=f"/notices/{CASE}/evidence.zip",
    json_href=f"/api/v1/cases/{CASE}",
)
CASE_BARE = replace(
    CASE_BEFORE,
    name=HOSTILE,
    timeline=(),
    documents=(),
    questions=(),
    clarifications=(),
    objections=(),
    next_step=None,
    countdown=None,
    guarantee_note=False,
    opening_href=None,
    evidence_href=None,
    json_href=None,
    facts=replace(
        FACTS,
        code=UNBROKEN,
        tenderer=HOSTILE,
        agency=None,
        estimate=None,
        state_funded=False,
        question_deadline=None,
        bid_deadline=None,
        opening_at=None,
        opening_place=None,
        bid_validity_days=None,
    ),
    rail=case_rail(0),
)
CASE_PAUSED = replace(
    CASE_BEFORE,
    state="paused",
    objections=(OBJECTION,),
    standstill=v.Standstill(
        kind="paused",
        since=at(-2),
        reason=Label("收到异议，答复前暂停招标活动", "An objection was filed; the tender pauses until it is answered"),
        explanation=("招标投标法实施条例第二十二条。",),
    ),
    countdown=None,
    next_step=v.NextStep(title=Label("招标人答复异议", "The tenderer answers the objection"), at=at(1)),
)
BIDDERS = ("示例甲建设集团有限公司", "示例乙市政工程有限责任公司", "示例丙环境治理股份有限公司")


def result_row(index: int, **changes: object) -> v.ResultRow:
    row = v.ResultRow(
        submission=f"b-{'abcdefghij' * 2}{index}aaaaa",
        bidder=BIDDERS[index % 3],
        price=yuan(("283999800", "286450000", "291870000")[index % 3]),
        state="decrypted",
        total=Decimal("92.35") - index,
        rank=index + 1,
    )
    return replace(row, **changes)


FAILED_ROW = result_row(
    3,
    bidder=None,
    price=None,
    state="failed",
    total=None,
    rank=None,
    cause=Label("密钥与承诺不符", "Key does not match"),
)
REJECTED_ROW = result_row(2, total=None, rank=None, rejected="工期不响应招标文件第 3.2 条")
RESULT = v.LotResult(
    lot="L1",
    name="一标段：泵站与管网",
    rows=(result_row(0), result_row(1), REJECTED_ROW, FAILED_ROW),
    candidates=(result_row(0), result_row(1)),
    publicity_from=at(1).date(),
    publicity_to=at(4).date(),
    award=v.Award(
        winner=BIDDERS[0], price=yuan("283999800"), at=at(8), digest=digest("award"), contract_signed_on=at(20).date()
    ),
)
RESULT_FAILED = v.LotResult(
    lot="L2",
    name="二标段：生态护岸",
    failed=Label("投标人少于三家", "Fewer than three bidders"),
    failed_explanation=("截止时收到 2 份投标，依法重新招标。",),
)
CASE_AWARDED = replace(
    CASE_BEFORE,
    name="示例路小学教学楼新建工程施工",
    state="contracted",
    rail=case_rail(5),
    lots=(replace(LOTS[0], state="contracted"), replace(LOTS[1], state="failed")),
    results=(RESULT, RESULT_FAILED),
    countdown=None,
    next_step=None,
    timeline=(AWARDED_ENTRY, SEALED_ENTRY, *TIMELINE),
)
CASE_PUBLICITY = replace(
    CASE_AWARDED,
    state="publicity",
    rail=case_rail(4),
    results=(replace(RESULT, award=None),),
    next_step=v.NextStep(
        title=Label("公示期满", "End of the publicity period"),
        at=at(4),
        detail=Label("对结果有异议的，请在公示期内提出。", "Objections to the result are due within this period."),
    ),
)
CASE_FAILED = replace(
    CASE_AWARDED,
    state="failed",
    rail=case_rail(2, "failed"),
    results=(replace(RESULT_FAILED, lot="L1"), RESULT_FAILED),
    standstill=v.Standstill(
        kind="failed", since=at(-1), reason=Label("投标人少于三家", "Fewer than three bidders"), explanation=()
    ),
)
CASE_CANCELLED = replace(
    CASE_BEFORE,
    state="cancelled",
    rail=case_rail(1, "failed"),
    standstill=v.Standstill(
        kind="cancelled",
        since=at(-1),
        reason=Label("因重大变故取消", "Cancelled after a major change"),
        explanation=("项目用地规划调整，采购任务取消。",),
    ),
    countdown=None,
    next_step=None,
    results=(),
)


def hall_rail(current: int, state: v.StepState = "current") -> tuple[v.Step, ...]:
    return tuple(
        v.Step(
            key,
            "done" if index < current else state if index == current else "upcoming",
            DEADLINE + timedelta(minutes=index) if index < current else None,
        )
        for index, key in enumerate(v.HALL_STEPS)
    )


def bid(index: int, state: v.BidState, **changes: object) -> v.BidRow:
    row = v.BidRow(
        submission=f"b-{'klmnopqrst' * 2}{index}aaaaa",
        ordinal=index,
        commitment=digest(f"bid{index}"),
        state=state,
        bidder=BIDDERS[index % 3] if state == "decrypted" else None,
        price=yuan(f"28{index}999800") if state == "decrypted" else None,
        guarantee="valid" if state == "decrypted" else None,
        opened_by="bidder_key" if state == "decrypted" else None,
    )
    return replace(row, **changes)


HALL_LOT = v.HallLot(
    id="L1",
    name="一标段：泵站与管网",
    ceiling=yuan("298600000"),
    count=7,
    accepted_root=root("accepted"),
    rows=(
        bid(1, "decrypted"),
        bid(2, "decrypted", opened_by="custodians"),
        bid(3, "decrypted", own=True),
        bid(4, "decrypting"),
        bid(5, "sealed"),
        bid(6, "sealed"),
        bid(7, "failed", cause=Label("密钥与承诺不符，已转由保管人解密", "Key does not match; custodians take over")),
    ),
)
FEED = (
    v.FeedEntry(
        sequence=14,
        at=at(0, seconds=-4),
        text=Label("第 7 份：投标人密钥与承诺不符", "Bid 7: the key does not match"),
        tone="failed",
    ),
    v.FeedEntry(
        sequence=13, at=at(0, seconds=-40), text=Label("第 4 份：开始解密", "Bid 4: decryption started"), tone="running"
    ),
    v.FeedEntry(
        sequence=12, at=at(0, seconds=-95), text=Label("第 3 份：已解密，保函有效", "Bid 3: decrypted, guarantee valid")
    ),
    v.FeedEntry(
        sequence=11,
        at=at(0, seconds=-150),
        text=Label("第 2 份：由两位保管人共同解密", "Bid 2: decrypted by two custodians"),
    ),
    v.FeedEntry(
        sequence=10,
        at=at(0, seconds=-210),
        text=Label("第 1 份：已解密，保函有效", "Bid 1: decrypted, guarantee valid"),
    ),
    v.FeedEntry(
        sequence=9,
        at=at(0, minutes=-5),
        text=Label("公布份数 7 与收讫集合的根", "7 bids and the accepted root published"),
    ),
    v.FeedEntry(sequence=8, at=at(0, minutes=-6, seconds=-18), text=Label("投标截止", "Bids closed"), tone="attention"),
)
PROOF = v.Proof(
    log_origin="log.example/centre",
    log_size=2_418_112,
    log_root=root("log"),
    witnesses=3,
    evidence_href=None,
)
HALL_RUNNING = v.OpeningPage(
    site=SITE,
    now=NOW,
    path=paths.opening(CASE),
    case=CASE,
    code="SL-2026-0417-01",
    name="示例河流域水环境综合治理工程施工",
    tenderer="示例水务投资有限公司",
    supervisor="示例区住房和城乡建设局",
    place="第 2 开标厅",
    opening_at=DEADLINE,
    state="running",
    rail=hall_rail(3),
    lots=(HALL_LOT,),
    prices_announced=False,
    feed=FEED,
    sequence=14,
    live=True,
    proof=PROOF,
    countdown=v.Countdown(Label("解密截止还剩", "Until decryption closes"), at(0, minutes=8, seconds=42)),
    action=v.HallAction(
        title=Label("您的投标已解密", "Your bid is decrypted"),
        detail=Label("09:34:43 完成，等待公布报价。", "Done at 09:34:43; prices follow."),
        tone="done",
        link=v.Link(Label("下载解密回执", "Download the receipt"), "/records/receipt"),
    ),
    objection_href=f"/notices/{CASE}/objection",
)
HALL_WAITING = replace(
    HALL_RUNNING,
    name=LONG,
    now=DEADLINE - timedelta(days=1, hours=2),
    state="waiting",
    rail=hall_rail(0),
    lots=(
        v.HallLot(id="L1", name="一标段：泵站与管网", ceiling=yuan("298600000")),
        v.HallLot(id="L2", name="二标段：生态护岸", ceiling=None),
    ),
    feed=(),
    sequence=0,
    countdown=v.Countdown(Label("距开标", "Until the opening"), DEADLINE),
    action=None,
    objection_href=None,
)
HALL_CLOSED = replace(
    HALL_RUNNING,
    state="closed",
    rail=hall_rail(7),
    prices_announced=True,
    lots=(
        replace(
            HALL_LOT,
            rows=(
                bid(1, "decrypted"),
                bid(2, "decrypted", opened_by="custodians", guarantee="invalid"),
                bid(3, "decrypted", guarantee="absent", bidder=LONG + "有限公司"),
                bid(4, "withdrawn"),
                bid(5, "failed", cause=Label("未在限时内交出密钥", "Key not released in time")),
            ),
            count=5,
        ),
    ),
    live=False,
    countdown=None,
    action=None,
    objection_href=None,
    proof=replace(PROOF, evidence_href="/evidence.zip", record_digest=digest("opening_record")),
)
HALL_FAILED = replace(
    HALL_CLOSED,
    state="failed",
    rail=hall_rail(2, "failed"),
    prices_announced=False,
    lots=(
        replace(HALL_LOT, count=0, rows=(), failed=Label("没有投标", "No bids")),
        replace(
            HALL_LOT,
            id="L2",
            count=2,
            rows=(bid(1, "sealed"), bid(2, "sealed")),
            failed=Label("投标人少于三家，不予开标", "Fewer than three bidders: not opened"),
        ),
    ),
    standstill=v.Standstill(
        kind="failed",
        since=DEADLINE,
        reason=Label("投标人少于三家", "Fewer than three bidders"),
        explanation=("投标文件原样退回，不解密。",),
    ),
)

OPENINGS = v.OpeningsPage(
    site=SITE,
    now=NOW,
    path="/openings",
    today=tuple(opening_row(index) for index in range(2)),
    upcoming=tuple(opening_row(index, state="waiting", at=at(1 + index)) for index in range(3)),
    past=tuple(opening_row(index, at=at(-1 - index), state=OPENING_STATES[index % 5]) for index in range(2, 5)),
)
OPENINGS_EMPTY = replace(OPENINGS, today=(), upcoming=(), past=())

VERIFY = v.VerifyPage(site=SITE, now=NOW, path="/verify")
VERIFY_GENUINE = replace(
    VERIFY,
    text='{"receipt":{"type":"receipt"},"signature":{}}',
    verdict=v.Verdict(
        outcome="genuine",
        kind="receipt",
        explanation=Label(
            "这份回执由本中心签发，记录在截止之前收讫。", "This centre signed it; the record arrived in time."
        ),
        facts=(
            v.Fact(Label("收讫时间", "Accepted at"), "2026-04-17 09:03:05.412"),
            v.Fact(Label("项目", "Case"), CASE, mono=True),
            v.Fact(Label("记录指纹", "Record digest"), digest("bid1"), mono=True),
            v.Fact(Label("出具节点", "Issued by"), "node:example", mono=True),
        ),
        checks=(
            v.Check(Label("回执签名", "Receipt signature"), "passed"),
            v.Check(
                Label("日志包含证明", "Log inclusion proof"), "passed", Label("第 2,417,863 条", "Entry 2,417,863")
            ),
            v.Check(Label("协作城市见证", "Witness cosignatures"), "passed", Label("3 个", "3 cities")),
            v.Check(Label("时间戳", "Time stamp"), "skipped", Label("回执中没有时间戳", "The receipt carries none")),
        ),
    ),
)
VERIFY_FORGED = replace(
    VERIFY,
    text=HOSTILE,
    verdict=v.Verdict(
        outcome="forged",
        kind="letter",
        explanation=Label("保函金额与签名时不同。", "The amount differs from the one that was signed."),
        facts=(v.Fact(Label("保函编号", "Letter number"), UNBROKEN, mono=True),),
        checks=(
            v.Check(
                Label("开立人签名", "Issuer's signature"),
                "failed",
                Label("内容的指纹不符", "The digest of the content differs"),
            ),
            v.Check(Label("有效期", "Validity"), "passed"),
        ),
    ),
)
VERIFY_LETTER = replace(VERIFY, verdict=replace(VERIFY_GENUINE.verdict, kind="letter"))
VERIFY_EVIDENCE = replace(VERIFY, verdict=replace(VERIFY_GENUINE.verdict, kind="evidence"))
VERIFY_REFUSAL = replace(
    VERIFY,
    verdict=v.Verdict(
        outcome="refusal",
        kind="refusal",
        explanation=Label(
            "本中心确实拒收了这份记录：晚于截止时间 0.412 秒。", "Indeed refused: 0.412 s after the deadline."
        ),
    ),
)
VERIFY_UNKNOWN = replace(
    VERIFY,
    text="abc",
    verdict=v.Verdict(
        outcome="unknown",
        kind="unknown",
        explanation=Label("这不是回执、保函或存证。", "Neither a receipt, nor a letter, nor evidence."),
    ),
)
VERIFY_ERROR = replace(
    VERIFY,
    errors=(
        v.FieldError(
            Label("请粘贴内容或选择一个文件", "Paste a text or choose a file"),
            field="text",
            hint=Label("两者选一即可。", "One of the two is enough."),
        ),
    ),
)


def family_row(index: int, **changes: object) -> v.FamilyRow:
    titles = (
        ("tender_notice", "招标公告", "Tender notice"),
        ("sealed_bid", "投标文件", "Sealed bid"),
        ("opening_record", "开标记录", "Opening record"),
    )
    name, zh, en = titles[index % 3]
    row = v.FamilyRow(
        id=name,
        title=Label(zh, en),
        purpose=Label(
            "约束每一份公告：标段、限价、时间、保管人。", "Binds every notice: lots, ceilings, times, custodians."
        ),
        version="1.0.0",
        status=Label("现行", "In force"),
        tone="done",
        effective_from=date(2026, 1, 1),
        fields=34,
        digest=digest(name),
    )
    return replace(row, **changes)


STANDARDS = v.StandardsPage(
    site=SITE,
    now=NOW,
    path="/standards",
    query="",
    groups=(
        v.FamilyGroup(Label("招标与投标", "Tendering and bidding"), (family_row(0), family_row(1))),
        v.FamilyGroup(
            Label("开标与评标", "Opening and evaluation"),
            (
                family_row(2),
                family_row(
                    2,
                    version="2.0.0",
                    status=Label("征求意见", "Open for comment"),
                    tone="attention",
                    effective_from=None,
                ),
            ),
        ),
    ),
    code_lists=tuple(
        v.CodeListRow(id=name, title=Label(zh, en), dated=date(2026, 1, 1), codes=count, href=f"/codelists/{name}.json")
        for name, zh, en, count in (
            ("deal_category", "交易类别", "Deal categories", 5),
            ("industry_kind", "行业分类", "Industries", 96),
            ("reject_reasons", "否决理由", "Grounds of rejection", 1),
        )
    ),
    catalogue_digest=digest("catalogue"),
)
STANDARDS_EMPTY = replace(STANDARDS, query=HOSTILE, groups=(), code_lists=())
FAMILY = v.FamilyPage(
    site=SITE,
    now=NOW,
    path="/standards/tender_notice",
    id="tender_notice",
    title=Label("招标公告", "Tender notice"),
    purpose=Label(
        "约束每一份公告：标段、限价、时间、保管人。", "Binds every notice: lots, ceilings, times, custodians."
    ),
    version="1.0.0",
    status=Label("现行", "In force"),
    tone="done",
    effective_from=date(2026, 1, 1),
    digest=digest("tender_notice"),
    fields=(
        v.FieldRow(
            path="title", name=Label("标题", "Title"), type="string", required=True, disclosure="public", limits="1…200"
        ),
        v.FieldRow(
            path="lots[].ceiling.amount",
            name=Label("最高限价", "Ceiling price"),
            type="string",
            required=True,
            disclosure="public",
            limits="^(0|[1-9][0-9]{0,14})\\.[0-9]{2}$",
            note=Label("以元为单位，两位小数。", "In yuan, two decimals."),
        ),
        v.FieldRow(
            path="lots[].bid_security.forms[]",
            name=Label("保证金形式", "Forms of security"),
            type="string",
            required=False,
            disclosure="public",
            code_list="security_form",
        ),
        v.FieldRow(
            path="bid.price.amount",
            name=Label("投标报价", "Price"),
            type="string",
            required=True,
            disclosure="at_opening",
        ),
        v.FieldRow(
            path="scores[].points", name=Label("评分", "Points"), type="string", required=True, disclosure="panel"
        ),
        v.FieldRow(
            path="secret_key", name=Label("私钥", "Private key"), type="string", required=False, disclosure="never"
        ),
    ),
    rules=(
        v.RuleRow(
            id="notice_period",
            message=Label("自文件发出至投标截止不少于 20 日", "At least 20 days from document to deadline"),
            clause="招标投标法第二十四条",
            severity="error",
        ),
        v.RuleRow(
            id="deal_code",
            message=Label("建议填写统一交易标识码", "A unified deal code is advised"),
            clause="公共资源交易平台系统数据规范",
            severity="warning",
        ),
    ),
    code_lists=(
        v.CodeList(
            id="security_form",
            title=Label("保证金形式", "Forms of bid security"),
            dated=date(2026, 1, 1),
            codes=(
                v.Code(code="guarantee_letter", label=LETTER, valid_from=date(2026, 1, 1)),
                v.Code(
                    code="cash", label=Label("现金", "Cash"), valid_from=date(2020, 1, 1), valid_to=date(2030, 12, 31)
                ),
                v.Code(code="insurance", label=Label("保证保险", "Surety insurance")),
            ),
            source="招标投标法实施条例第二十六条",
        ),
    ),
    versions=(
        v.VersionRow(
            version="1.1.0",
            status=Label("征求意见", "Open for comment"),
            tone="attention",
            effective_from=None,
            digest=digest("1.1"),
        ),
        v.VersionRow(
            version="1.0.0",
            status=Label("现行", "In force"),
            tone="done",
            effective_from=date(2026, 1, 1),
            digest=digest("1.0"),
            current=True,
        ),
    ),
    links=(v.Link(Label("JSON Schema", "JSON Schema"), "/schemas/tender_notice/1.0.0/schema.json"),),
)
FAMILY_BARE = replace(FAMILY, rules=(), code_lists=(), links=(), effective_from=None)

LOGIN = v.LoginPage(
    site=SITE,
    now=NOW,
    path="/login",
    demo_accounts=(
        v.DemoAccount("tenderer", "example-1", Label("招标人", "Tenderer")),
        v.DemoAccount("supervisor", "example-2", Label("监督部门", "Supervisor")),
    ),
)
LOGIN_ERROR = replace(
    LOGIN,
    username=HOSTILE,
    next="/openings?x=1&y=2",
    demo_accounts=(),
    errors=(v.FieldError(Label("用户名或密码不对", "Wrong user name or password"), field="username"),),
)
ACCOUNT = v.AccountPage(
    site=SITE, now=NOW, path="/account", party="示例甲建设有限公司", sessions=2, tokens=1, done="password"
)
ACCOUNT_ERROR = replace(
    ACCOUNT,
    username=HOSTILE,
    done="",
    sessions=1,
    tokens=0,
    errors=(v.FieldError(Label("用户名或密码不对", "Wrong user name or password"), field="password"),),
)
ABOUT = v.AboutPage(
    site=SITE,
    now=NOW,
    path="/about",
    node="node:example",
    log_origin="log.example/centre",
    log_key="log.example/centre+1c5f2b7a+AQ" + "x" * 43,
    log_size=2_418_112,
    log_root=root("log"),
    peers=(
        v.Peer(Label("样板市", "Sample City"), "node:sample", at(0, minutes=-2)),
        v.Peer(Label("模型市", "Model City"), "node:model", None),
    ),
)
ABOUT_ALONE = replace(ABOUT, peers=())


def error(status: int, **changes: object) -> v.ErrorPage:
    return replace(v.ErrorPage(site=SITE, now=NOW, path="/somewhere", status=status), **changes)


SAMPLES: dict[str, Model] = {
    **WORK_SAMPLES,
    **CATALOGUE_SAMPLES,
    "home": HOME,
    "home-empty": HOME_EMPTY,
    "list": CASE_LIST,
    "list-empty": CASE_LIST_EMPTY,
    "list-error": CASE_LIST_ERROR,
    "case-before": CASE_BEFORE,
    "case-bare": CASE_BARE,
    "case-paused": CASE_PAUSED,
    "case-publicity": CASE_PUBLICITY,
    "case-awarded": CASE_AWARDED,
    "case-failed": CASE_FAILED,
    "case-cancelled": CASE_CANCELLED,
    "hall-waiting": HALL_WAITING,
    "hall-running": HALL_RUNNING,
    "hall-closed": HALL_CLOSED,
    "hall-failed": HALL_FAILED,
    "openings": OPENINGS,
    "openings-empty": OPENINGS_EMPTY,
    "verify": VERIFY,
    "verify-genuine": VERIFY_GENUINE,
    "verify-forged": VERIFY_FORGED,
    "verify-letter": VERIFY_LETTER,
    "verify-evidence": VERIFY_EVIDENCE,
    "verify-refusal": VERIFY_REFUSAL,
    "verify-unknown": VERIFY_UNKNOWN,
    "verify-error": VERIFY_ERROR,
    "standards": STANDARDS,
    "standards-empty": STANDARDS_EMPTY,
    "family": FAMILY,
    "family-bare": FAMILY_BARE,
    "login": LOGIN,
    "login-error": LOGIN_ERROR,
    "account": ACCOUNT,
    "account-ended": replace(ACCOUNT, done="sessions"),
    "account-error": ACCOUNT_ERROR,
    "about": ABOUT,
    "about-alone": ABOUT_ALONE,
    "error-400": error(400),
    "error-403": error(
        403, code="NOT-PARTY", reason=Label("这份记录仅当事人可读。", "Only the parties may read this record.")
    ),
    "error-404": error(404, path="/notices/" + UNBROKEN),
    "error-409": error(
        409,
        code="BID-LATE",
        reason=Label(
            "投标截止于 09:30:00，本次递交到达于 09:30:00.412。",
            "Bids closed at 09:30:00; yours arrived at 09:30:00.412.",
        ),
        clause="招标投标法第二十八条",
        request_id="req-7f2c19aa",
    ),
    "error-422": error(
        422,
        code="SCHEMA-INVALID",
        errors=(
            v.FieldError(
                Label("最高限价要有两位小数", "The ceiling needs two decimals"),
                pointer="/lots/0/ceiling/amount",
                hint=Label("例如 298600000.00", "For example 298600000.00"),
            ),
            v.FieldError(Label("缺少联系人", "A contact is missing"), pointer="/contacts"),
        ),
    ),
    "error-500": error(500, request_id="req-11aa22bb"),
}
