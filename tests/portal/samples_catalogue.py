"""Sample pages of the catalogue: verdicts of every kind, a record with faults, releases signed and not."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

from tradehall.web.pages.diffing import diff_lines
from tradehall.web.portal import paths
from tradehall.web.portal import views as v
from tradehall.web.portal import views_catalogue as c
from tradehall.web.portal.render import CENTRE_TIME
from tradehall.web.portal.views import FieldError, Label

NOW = datetime(2026, 4, 17, 9, 36, 18, tzinfo=CENTRE_TIME)
SITE = v.Site(centre=Label("示例市交易中心", "Example City Trading Centre"), version="0.1.0", demo=True)
BASE = {"site": SITE, "now": NOW}
DIGEST = "sha256:" + "9f3a1c0d" * 8
IN_FORCE = Label("现行", "In force")
SUPERSEDED = Label("被代替", "Superseded")
HOSTILE = '<script>alert("x")</script>&\'"<img src=x onerror=alert(1)>'


def row(version: str, status: Label, day: date | None, *, current: bool = False) -> v.VersionRow:
    tone = "done" if status is IN_FORCE else "waiting"
    return v.VersionRow(version=version, status=status, tone=tone, effective_from=day, digest=DIGEST, current=current)


OLD = row("2.1.0", SUPERSEDED, date(2025, 9, 1))
NEW = row("2.2.0", IN_FORCE, date(2026, 5, 1), current=True)
BEFORE = {
    "title": "投标记录",
    "properties": {"digest": {"enum": ["sha1", "sha256"]}, "files": {"type": "array", "maxItems": 50}},
    "required": ["bidder", "files"],
}
AFTER = {
    "title": "投标记录",
    "properties": {
        "digest": {"enum": ["sha256", "sm3"]},
        "files": {"type": "array", "maxItems": 50},
        "guarantee": {"type": "string", "pattern": "^(" + "[0-9A-Za-z]{1,8}" * 12 + ")$"},
    },
    "required": ["bidder", "files", "submitted_at"],
}
COMPARE = c.ComparePage(
    **BASE,
    path="/standards/sealed_bid/diff/2.1.0/2.2.0",
    id="sealed_bid",
    title=Label("投标文件", "Sealed bid"),
    old=OLD,
    new=NEW,
    versions=(OLD, NEW),
    backward=c.VerdictView(
        "refuted",
        Label(
            "旧版允许而新版拒绝：缺少“submitted_at”；此处取值 {}（/required：新增必填项 submitted_at）",
            "OLD allows what NEW refuses: submitted_at is missing; the value there is {} "
            "(/required: required members added: submitted_at)",
        ),
        '{\n  "bidder": "org:9151010000T000011K",\n  "files": []\n}',
        "",
        "/required",
    ),
    forward=c.VerdictView(
        "proved",
        Label("已证明：凡符合新版的记录都符合旧版", "Proved: every record that is valid under NEW is valid under OLD"),
    ),
    floor="3.0.0",
    kept=False,
    why=(
        Label(
            "代码表 digest 的代码 sha1（SHA-1）有效期缩短", "the code sha1 (SHA-1) of the list digest is valid for less"
        ),
        Label(
            "版本下限 3.0.0（主版本）；草案版本 2.2.0 过低", "floor 3.0.0 (MAJOR); the draft's version 2.2.0 is too low"
        ),
    ),
    changes=(
        c.ChangeRow(
            "altered",
            "/required",
            Label("新增必填项 submitted_at", "required members added: submitted_at"),
            "narrows",
        ),
        c.ChangeRow(
            "added",
            "/properties/guarantee/properties/verification/properties/issuer_signature_certificate_chain",
            Label("新增字段“guarantee”", "property guarantee added"),
            "widens",
        ),
        c.ChangeRow(
            "altered",
            "/properties/digest/enum",
            Label("新增取值 sm3，删除取值 sha1", "values added: sm3; values removed: sha1"),
        ),
    ),
    notes=2,
    rules=(
        c.RuleChange("added", "SB-07", Label("文件名不得重复", "File names do not repeat")),
        c.RuleChange("removed", "SB-02", Label("至少一个文件", "At least one file")),
    ),
    lines=diff_lines(BEFORE, AFTER),
)
UNKNOWN = c.VerdictView(
    "unknown",
    Label(
        "无法判定旧版记录是否都符合新版：超出时间上限",
        "Not known whether OLD's records are valid under NEW: the time for one comparison is over",
    ),
)
CODES = c.CodeListPage(
    **BASE,
    path="/standards/codelists/currency?as_of=2026-04-17",
    id="currency",
    title=Label("币种", "Currency"),
    dated=date(2026, 1, 1),
    on=date(2026, 4, 17),
    closed=True,
    digest=DIGEST,
    codes=(
        c.DatedCode("CNY", Label("人民币", "Yuan"), date(2000, 1, 1), None, "valid", source="GB/T 12406"),
        c.DatedCode("DEM", Label("马克", "Mark"), date(2000, 1, 1), date(2001, 12, 31), "ended", "EUR", "GB/T 12406"),
        c.DatedCode("NEW_UNIT_OF_ACCOUNT", Label("新单位", "New unit"), date(2027, 1, 1), None, "coming"),
    ),
    editions=(
        c.Edition(date(2026, 1, 1), 3, DIGEST, current=True),
        c.Edition(date(2025, 1, 1), 2, DIGEST),
    ),
    used_by=(
        ("tender_notice", Label("招标公告", "Tender notice")),
        ("award_notice", Label("中标公告", "Award notice")),
    ),
)
FAULTS = (
    c.FindingView(
        Label("“金额”格式不对", "“Amount” has the wrong form"), "/lots/0/amount", "project/1.0.0#/x", blocks=True
    ),
    c.FindingView(
        Label("“代码”的代码 OLD 不在代码表内", "“Code”: OLD is not in the code list"),
        "/lots/0/code",
        "currency/2026-01-01",
        blocks=False,
    ),
)
LINES = (
    c.CheckedLine(1, "{"),
    c.CheckedLine(2, '  "name": "示例大道市政道路改造工程（含沿线管网、生态护岸、景观照明及信息化系统）施工总承包",'),
    c.CheckedLine(3, '  "lots": ['),
    c.CheckedLine(4, '    "amount": "12",', FAULTS[:1]),
    c.CheckedLine(5, f'    "code": "{"X0123456789" * 12}"', FAULTS[1:]),
    c.CheckedLine(6, "  ]"),
    c.CheckedLine(7, "}"),
)
OPTIONS = (
    c.FamilyOption("tender_notice", Label("招标公告", "Tender notice")),
    c.FamilyOption("project", Label("项目", "Project")),
)
VALIDATE = c.ValidatePage(**BASE, path=paths.VALIDATE, families=OPTIONS)
FOUND = c.CheckVerdict(
    family="project",
    title=Label("项目", "Project"),
    version="1.0.0",
    digest=DIGEST,
    valid=False,
    warnings=1,
    lines=LINES,
    cited=True,
)
SIGNERS = tuple(
    c.Signer(Label(f"示例{name}", f"Example {name}"), f"officer-{name.lower()}", DIGEST, development)
    for name, development in (("A", False), ("B", True))
)
RELEASES = c.ReleasesPage(
    **BASE,
    path=paths.RELEASES,
    releases=(
        c.ReleaseRow(
            "2026.2", date(2026, 5, 1), DIGEST, 1284, ("project/1.1.0", "codelists/currency/2026-01-01"), SIGNERS
        ),
        c.ReleaseRow("2026.1", date(2026, 1, 1), DIGEST, 1, ("common/1.0.0",), SIGNERS[:1]),
    ),
    vouched="development",
    pending=("property_result/1.0.0", "codelists/" + "very_long_name_of_a_list_" * 3 + "/2026-12-01"),
)

CATALOGUE_SAMPLES = {
    "compare": COMPARE,
    "compare-unknown": replace(COMPARE, backward=UNKNOWN, forward=UNKNOWN, kept=True, rules=(), notes=0),
    "compare-same": replace(
        COMPARE,
        old=NEW,
        backward=COMPARE.forward,
        floor="",
        kept=True,
        why=(),
        changes=(),
        notes=0,
        rules=(),
        lines=(),
    ),
    "codelist": CODES,
    "codelist-error": replace(
        CODES,
        closed=False,
        used_by=(),
        errors=(FieldError(Label("日期须为 年-月-日", "A date is year-month-day"), field="as_of"),),
    ),
    "validate": VALIDATE,
    "validate-wrong": replace(VALIDATE, family="project", text=HOSTILE, verdict=FOUND),
    "validate-warned": replace(
        VALIDATE, verdict=replace(FOUND, valid=True, cited=False, lines=(*LINES[:3], *LINES[4:]))
    ),
    "validate-right": replace(VALIDATE, verdict=replace(FOUND, valid=True, warnings=0, lines=LINES[:3])),
    "validate-error": replace(
        VALIDATE,
        text="{",
        errors=(
            FieldError(
                Label("请选择记录类别", "Choose a kind of record"),
                field="family",
                hint=Label("只有完整的记录自己写明类别。", "Only a whole record says its kind itself."),
            ),
        ),
    ),
    "releases": RELEASES,
    "releases-vouched": replace(RELEASES, vouched="standards", pending=()),
    "releases-none": replace(
        RELEASES,
        releases=(),
        vouched="nobody",
        findings=(Label("releases：没有任何已签名的发布", "releases: No release is signed"),),
    ),
}
