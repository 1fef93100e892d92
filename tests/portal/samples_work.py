"""Sample pages of the workspaces, with plainly invented names; the forms are those of the published standards."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from tradehall.web.forms import Mistake, fill, plan
from tradehall.web.portal import paths
from tradehall.web.portal import views as v
from tradehall.web.portal import views_work as w
from tradehall.web.portal.render import CENTRE_TIME
from tradehall.web.portal.views import FieldError, Label
from tradehall.web.work.filling import _named
from tradehall.web.work.making import CENTRE_ACTS
from tradehall_standards import Catalogue

NOW = datetime(2026, 4, 17, 9, 36, 18, tzinfo=CENTRE_TIME)
DEADLINE = datetime(2026, 4, 27, 9, 30, tzinfo=CENTRE_TIME)
SITE = v.Site(centre=Label("示例市交易中心", "Example City Trading Centre"), version="0.1.0", demo=True)
CASE = "t-abcdefghijklmnopqrstuvwxyz"
DIGEST = "sha256:" + "9f3a1c0d" * 8
CATALOGUE = Catalogue.load()
LONG = "示例河流域水环境综合治理与智慧泵站联合调度提升改造工程（含沿线管网、生态护岸、景观照明及信息化系统）施工总承包"
BASE = {"site": SITE, "now": NOW}


def task(family: str, zh: str, en: str, *, lots: tuple[str, ...] = ()) -> w.Task:
    return w.Task(Label(zh, en), paths.work_form(CASE, family), lots, "招标投标法 23; 招标投标法实施条例 21", DEADLINE)


TASKS = (
    task("clarification", "澄清与修改", "Clarification"),
    task("deadline_extension", "投标截止时间延长", "Deadline extension", lots=("L1", "L2")),
)
BUSY = w.WorkCase(
    case=CASE,
    name=LONG,
    code="E5101000001000002",
    procedure=Label("公开招标", "Open tender"),
    roles=(Label("招标人", "Tenderer"), Label("密钥保管方", "Custodian")),
    states=(("L1", Label("招标中", "tendering"), "running"), ("L2", Label("流标", "failed"), "waiting")),
    tasks=TASKS,
    href=paths.work_case(CASE),
)
QUIET = w.WorkCase(
    case=CASE,
    name="示例路小学教学楼新建工程施工",
    code="",
    procedure=Label("异地远程评标", "Remote evaluation"),
    roles=(),
    states=(("*", Label("进行中", "running"), "running"),),
    tasks=(),
    href=paths.work_case(CASE),
)
HOME = w.WorkPage(
    **BASE,
    path="/work",
    cases=(BUSY, QUIET),
    beginnings=(w.Task(Label("招标项目", "Procurement project"), "/work/begin/open_tender", (), "招标投标法 9"),),
    party="示例甲建设有限公司",
)
HOME_EMPTY = w.WorkPage(**BASE, path="/work", cases=(), beginnings=(), party="示例专家")
RECORDS = (
    w.WorkRecord(
        Label("澄清与修改", "Clarification"), NOW, "示例甲建设有限公司", DIGEST, True, paths.work_record(DIGEST)
    ),
    w.WorkRecord(Label("招标公告", "Tender notice"), NOW, "示例区教育工程管理中心", DIGEST, False, ""),
)
CASE_PAGE = w.WorkCasePage(**BASE, path=BUSY.href, case=BUSY, records=RECORDS, public=paths.notice(CASE))
CASE_CENTRE = replace(
    CASE_PAGE, acts=tuple(act for acts in CENTRE_ACTS.values() for act in acts), acts_path="/api/v1/cases/x/opening"
)


def form_page(family: str, payload: object, mistakes: tuple[Mistake, ...] = ()) -> w.FormPage:
    version = CATALOGUE.versions(family)[-1]
    question = plan(version)
    form = fill(question, payload, mistakes)
    return w.FormPage(
        **BASE,
        path=paths.work_form(CASE, family),
        case=CASE,
        case_name="" if family == "project" else LONG,
        family=family,
        title=question.title,
        about=question.help,
        schema=version.id,
        clause="招标投标法 16, 24",
        form=form,
        errors=tuple(FieldError(m.message, field="f" + m.pointer.replace("/", "-")) for m in mistakes),
        back=paths.WORK,
    )


def example(family: str) -> dict[str, object]:
    return dict(next(iter(CATALOGUE.versions(family)[-1].valid_examples.values())))


NOTICE = example("tender_notice")
WRONG = (
    Mistake("/title", Label("请填写“公告标题”", "Fill in “Notice title”")),
    Mistake(
        "/bid_deadline",
        Label(
            "自发售之日起不得少于 20 日，最早可定于 2026-05-07",
            "At least 20 days after issue; 2026-05-07 at the earliest",
        ),
        "招标投标法 24",
    ),
    Mistake("/lots/0/ceiling/amount", Label("“数额”书写形式不正确", "“Amount” is not in its form")),
)
_notice = plan(CATALOGUE.versions("tender_notice")[-1])
CHECK = w.CheckPage(
    **BASE,
    path=paths.work_form(CASE, "tender_notice"),
    case=CASE,
    case_name=LONG,
    family="tender_notice",
    title=_notice.title,
    schema="tender_notice/1.0.0",
    party="org:9151010000T000011K",
    draft="{}",
    answers=tuple(_named(fill(_notice, NOTICE), 0)),
    kept=(("/title", "公告"),),
    action=paths.work_form(CASE, "tender_notice"),
    receipt=paths.work_record(""),
)
BID = w.BidPage(
    **BASE,
    path=paths.work_bid(CASE),
    case=CASE,
    case_name=LONG,
    terms='{"case":"'
    + CASE
    + '","custodians":[],"lots":[{"id":"L1","name":"一标段"}],"name":"示例甲","open":true,"opened":{},'
    + '"party":"org:9151010000T000011K","policy":"bidder_or_custodians","schemas":{},"threshold":2,"answers":""}',
    is_open=True,
    countdown=v.Countdown(Label("距投标截止", "Until the deadline"), DEADLINE),
    lots=(("L1", "一标段：道路工程"), ("L2", LONG)),
    currencies=(("CNY", Label("人民币", "Yuan renminbi")),),
)
BID_CLOSED = replace(BID, is_open=False, countdown=None, lots=())
CUSTODY = w.CustodyPage(
    **BASE,
    path=paths.work_custody(CASE),
    case=CASE,
    case_name=LONG,
    terms='{"party":"org:9151010000T000011K","case":"","recipient":"age1x","schema":null,"waiting":[]}',
    is_opened=True,
    rows=(
        w.CustodyRow(
            "b-on3tqeuocuaaxgx4cxeif5otvy", "一标段：道路工程", Label("等候释放", "Waiting for shares"), "attention"
        ),
        w.CustodyRow("b-hjl6ph4ofno6f3q3kdbjidjly6", "一标段：道路工程", Label("已公布", "Disclosed"), "done"),
    ),
    waiting=1,
)
CUSTODY_BARE = replace(CUSTODY, case="", case_name="", is_opened=False, rows=(), waiting=0)
CUSTODY_SEALED = replace(CUSTODY, is_opened=False, rows=(), waiting=0)
RECEIPT = w.ReceiptPage(
    **BASE,
    path=paths.work_record(DIGEST),
    title=Label("澄清与修改", "Clarification"),
    case=CASE,
    digest=DIGEST,
    accepted_at=NOW,
    leaf_index=172_004,
    tree_size=172_016,
    witnesses=("chengdu.example/deyang/witness",),
    receipt='{"receipt":{"accepted_at":"2026-04-17T01:36:18.000Z","record":"' + DIGEST + '"},"signature":{}}',
    back=paths.work_case(CASE),
)
KEYS = w.KeysPage(**BASE, path=paths.WORK_KEYS, party="org:9151010000T000011K", name="示例甲建设有限公司")

WORK_SAMPLES: dict[str, w.WorkModel] = {
    "work": HOME,
    "work-empty": HOME_EMPTY,
    "work-case": CASE_PAGE,
    "work-case-centre": CASE_CENTRE,
    "work-form": form_page("tender_notice", NOTICE | {"title": ""}, WRONG),
    "work-form-blank": form_page("project", {}),
    "work-form-method": form_page("tender_document", example("tender_document")),
    "work-check": CHECK,
    "work-bid": BID,
    "work-bid-closed": BID_CLOSED,
    "work-custody": CUSTODY,
    "work-custody-bare": CUSTODY_BARE,
    "work-custody-sealed": CUSTODY_SEALED,
    "work-receipt": RECEIPT,
    "work-keys": KEYS,
}
