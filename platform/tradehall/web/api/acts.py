"""
Acts (接口条目): one table, by the names of the permission table, of what every route takes and answers.

``describe`` turns it into the interface document; a house test sends each example to a node and holds every answer
against its shape, so a row that says too much or too little does not pass.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from typing import TYPE_CHECKING, Final, TypeAlias, cast

import orjson

from tradehall.desk.evidence import rule_json
from tradehall.kernel.case import legal_date
from tradehall.kernel.refusal import Text
from tradehall.web.api import samples, shapes
from tradehall.web.api.samples import AUTHOR, HOLDER, PASSWORD, TENDER, Example
from tradehall.web.api.shapes import Shape, ref
from tradehall.web.api.standards import codelist_json, codes_json, dates_json, version_json

if TYPE_CHECKING:
    from tradehall.desk.accept import Door
    from tradehall_standards import CodeList, Json

Made: TypeAlias = "Callable[[Door], Json]"
JSON: Final = "application/json"
BYTES: Final = "application/octet-stream"
PLAIN: Final = "text/plain"
ZIP: Final = "application/zip"
SIZE: Final = "text/x.tlog.size"
NONE: Final = ""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a query, a header or a path (参数)."""

    place: str
    name: str
    told: Text
    shape: Shape
    sample: Json
    required: bool = False


@dataclass(frozen=True, slots=True)
class Body:
    """What a route takes (请求体)."""

    shape: Shape
    examples: Sequence[Example] | Callable[[Door], Sequence[Example]]
    media: str = JSON
    required: bool = True


@dataclass(frozen=True, slots=True)
class Answer:
    """What a route answers when it succeeds (成功应答); ``media`` is empty where there is no body."""

    told: Text
    shape: Shape = field(default_factory=dict[str, "Json"])
    sample: Json | Made = None
    media: str = JSON
    headers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Act:
    """
    One route of the document (接口条目).

    Attributes:
        title: one line.
        answers: by status; what fails otherwise than by a problem has its row here too.
        told: description in Chinese; the English one is the docstring of the handler.
        takes: names of ``PARAMETERS``, beside those of the path.
        problems: codes of problems beside those that follow from body, roles and method.
    """

    title: Text
    told: str
    answers: Mapping[int, Answer]
    takes: tuple[str, ...] = ()
    body: Body | None = None
    problems: tuple[str, ...] = ()


# --- parameters -------------------------------------------------------------------------------------------------

_STAGES = shapes.one_of("tender", "open", "evaluate", "award", "failed", "cancelled")
_INDEX: Final[Shape] = {"type": "integer", "minimum": -1, "maximum": 10**15 - 1, "default": -1}


def _query(name: str, zh: str, en: str, shape: Shape, sample: Json, *, required: bool = False) -> Parameter:
    return Parameter("query", name, Text(zh, en), shape, sample, required)


def _header(name: str, zh: str, en: str, shape: Shape, sample: Json, *, required: bool = False) -> Parameter:
    return Parameter("header", name, Text(zh, en), shape, sample, required)


def _path(name: str, zh: str, en: str, shape: Shape, sample: Json) -> Parameter:
    return Parameter("path", name, Text(zh, en), shape, sample, required=True)


PARAMETERS: Final[Mapping[str, Parameter]] = {
    "q": _query(
        "q", "检索词", "words of the title, code or tenderer", {"type": "string", "maxLength": 200}, "示例大道"
    ),
    "stage": _query("stage", "阶段", "stage of the trade", _STAGES, "tender"),
    "regime": _query("regime", "法律制度", "regime of law", shapes.SOME, "tender_law"),
    "region": _query(
        "region", "行政区划代码或其前缀", "region code (GB/T 2260) or a prefix of it", shapes.SOME, "5101"
    ),
    "sector": _query("sector", "行业代码", "sector", shapes.SOME, "A02"),
    "limit": _query(
        "limit", "每页条数", "lines a page", {"type": "integer", "minimum": 1, "maximum": 100, "default": 20}, 20
    ),
    "cursor": _query("after", "上一页给出的游标", "opaque cursor that the last page gave", shapes.SOME, ""),
    "after": _query("after", "已收到的最后序号", "last index that was seen", _INDEX, -1),
    "behind": _query(
        "after",
        "只要此序号之后的一页；缺省为全部",
        "only a page of those behind this index; all without it",
        {"type": "integer", "minimum": -1, "maximum": 10**15 - 1},
        0,
    ),
    "as_of": _query("as_of", "基准日；缺省为今日", "date to ask for; today without it", shapes.DATE, "2026-03-02"),
    "pinned": _query("case", "按该项目固定的版本", "case whose pinned version is asked for", shapes.CASE, TENDER),
    "area": _query("region", "行政区划代码", "region code; national rules only without it", shapes.SOME, "510100"),
    "family": _query("family", "只要这一类记录", "only records of this family", shapes.FAMILY, "question"),
    "linked": _query(
        "linked",
        "一并导出的关联案卷 `案号:角色`，可重复",
        "`case:role` of a session or guarantee to add; may be repeated",
        shapes.list_of(shapes.SOME),
        [f"{samples.CASES['r']}:session"],
    ),
    "record": _query(
        "record",
        "列明该文件的记录摘要",
        "digest of the record that names the file",
        shapes.DIGEST,
        samples.FILE_DIGEST,
        required=True,
    ),
    "sealed": _query("sealed", "1 表示保密文件", "1 for a file of a secret record", shapes.one_of("0", "1"), "0"),
    "lot": _query("lot", "标段", "lot", shapes.text(pattern="L[1-9][0-9]{0,2}"), "L1", required=True),
    "session": _query("session", "远程评标场次", "case of the remote session", shapes.CASE, samples.CASES["r"]),
    "Upload-Offset": _header("Upload-Offset", "本段起始位置", "where this part begins", shapes.COUNT, 0, required=True),
    "Upload-Length": _header(
        "Upload-Length", "文件总长", "how long the whole file is", shapes.COUNT, len(samples.FILE), required=True
    ),
    "Idempotency-Key": _header(
        "Idempotency-Key",
        "幂等键：同键同记录得同一回执，同键异记录 409",
        "same key and record: same receipt; same key, other record: 409",
        shapes.text(pattern="[\\x21-\\x7e]{1,128}"),
        "bid-2026-03-25-1",
    ),
    "If-None-Match": _header(
        "If-None-Match", "已有的 ETag；未变则 304", "ETag at hand; 304 if it still holds", shapes.SOME, '"sha256:0"'
    ),
    "Last-Event-ID": _header("Last-Event-ID", "最后收到的事件序号", "index of the last event that came", _INDEX, -1),
    "Accept-Language": _header(
        "Accept-Language", "错误标题的语言：zh 或 en", "language of titles of problems: zh or en", shapes.SOME, "en"
    ),
    "X-CSRF-Token": _header(
        "X-CSRF-Token", "会话（Cookie）调用时必带", "needed with the session cookie", shapes.SOME, ""
    ),
    "{ident}": _path("ident", "编号", "id", shapes.SOME, "open_tender"),
    "{kid}": _path("kid", "证书标识", "SHA-256 of the certificate", shapes.DIGEST, samples.KID),
    "{family}": _path("family", "记录类别", "family of records", shapes.FAMILY, "project"),
    "{version}": _path("version", "版本", "exact version", shapes.VERSION, "1.0.0"),
    "{name}": _path("name", "代码表", "code list", shapes.SOME, "currency"),
    "{regime}": _path("regime", "法律制度", "regime of law", shapes.SOME, "tender_law"),
    "{digest}": _path("digest", "摘要", "SHA-256 digest", shapes.DIGEST, samples.FILE_DIGEST),
    "{case}": _path("case", "案号", "case", shapes.CASE, TENDER),
    "{city}": _path("city", "对方城市", "another city", shapes.SOME, "chengdu"),
    "{path}": _path("path", "日志瓦片路径", "path of a tile (C2SP tlog-tiles)", shapes.SOME, "0/000.p/1"),
    "{file}": _path(
        "file",
        "扩展的文件",
        "file of the extension",
        shapes.one_of("extension.json", "release-schema.json"),
        "extension.json",
    ),
    "as_known_on": _query(
        "as_known_on", "知悉日：按当日已作出的决定", "day as of which decisions are known", shapes.DATE, "2026-03-02"
    ),
    "document": _query(
        "form",
        "`bundle` 整包（摘要所据），`source` 原文",
        "`bundle`, over which the digest is taken, or `source` as written",
        shapes.one_of("bundle", "source"),
        "bundle",
    ),
    "form": _query(
        "form",
        "形式：发布包或记录包",
        "form: release package or record package",
        shapes.one_of("release", "record"),
        "release",
    ),
    "{code}": _path("code", "错误代码", "code of a problem", shapes.SOME, "BID-LATE"),
}

HEADERS: Final[Mapping[str, tuple[Text, Shape]]] = {
    "ETag": (Text("内容摘要", "digest of the content"), shapes.SOME),
    "Location": (Text("记录地址", "address of the record"), shapes.SOME),
    "Link": (Text("下一页，或相邻版本（RFC 8288）", "next page, or neighbouring versions (RFC 8288)"), shapes.SOME),
    "Cache-Control": (Text("可长期缓存", "kept for ever"), shapes.SOME),
    "Repr-Digest": (Text("全部字节的摘要（RFC 9530）", "digest of all bytes (RFC 9530)"), shapes.SOME),
    "Vary": (Text("随之变化的请求头", "request headers that change the answer"), shapes.SOME),
    "Content-Disposition": (Text("总是下载", "always a download"), shapes.SOME),
    "Set-Cookie": (Text("会话 Cookie", "the session"), shapes.SOME),
}


# --- samples that need the standards ----------------------------------------------------------------------------


def _versions(door: Door) -> Json:
    on = legal_date(samples.AT)
    found = [door.catalogue.resolve(family, on) for family in ("project", "tender_notice")]
    return {"as_of": on.isoformat(), "items": [version_json(v) for v in found if v]}


def _version(door: Door) -> Json:
    return version_json(door.catalogue.versions("project")[-1])


def _bundle(door: Door) -> Json:
    return dict(door.catalogue.versions("question")[-1].bundle)


def _codes(door: Door) -> Json:
    on = legal_date(samples.AT)
    found = cast("CodeList", door.catalogue.codelist("objection_decision", on))
    return {**codelist_json(found), "as_of": on.isoformat(), "items": codes_json(found, on)}


def _codelists(door: Door) -> Json:
    on = legal_date(samples.AT)
    found = cast("CodeList", door.catalogue.codelist("objection_decision", on))
    return {"as_of": on.isoformat(), "items": [codelist_json(found)]}


def _history(door: Door) -> Json:
    on = legal_date(samples.AT)
    items: list[Json] = [
        {**version_json(v), "state": door.catalogue.state(v, on), "dates": dates_json(v, on)}
        for v in door.catalogue.versions("project")
    ]
    return {"as_of": on.isoformat(), "as_known_on": on.isoformat(), "items": items}


def _numbers(door: Door) -> Json:
    on = legal_date(samples.AT)
    found = door.parameters.select("tender_law", "510100", on)
    return {"regime": "tender_law", "as_of": on.isoformat(), "items": [rule_json(found[k]) for k in sorted(found)[:2]]}


def _procedures(door: Door) -> Json:
    return {"items": [{"id": p.id, "title": {"zh": p.title.zh, "en": p.title.en}} for p in door.procedures.values()]}


def _procedure(door: Door) -> Json:
    return door.procedures["guarantee_letter"].to_json()


def _validations(door: Door) -> Sequence[Example]:
    good = samples.payload_of(door.catalogue.versions("question")[-1])
    return (
        Example("valid", Text("合格的提问", "a question that passes"), {"family": "question", "payload": good}, 200),
        Example(
            "invalid",
            Text("缺少内容：逐条列出，不存储", "an empty one: every finding is told, nothing stored"),
            {"family": "question", "version": "1.0.0", "payload": {"text": []}},
            200,
        ),
        Example(
            "unknown", Text("没有这类记录", "no such family"), {"family": "rumour", "payload": {}}, 404, "NOT-FOUND"
        ),
    )


def _verdict(door: Door) -> Json:
    return {"schema": door.catalogue.versions("question")[-1].id, "valid": True, "findings": []}


_OLD: Final[Json] = {"type": "object", "properties": {"title": {"type": "string", "maxLength": 20}}}
_NEW: Final[Json] = {"type": "object", "properties": {"title": {"type": "string", "maxLength": 10}}}


def _comparisons(door: Door) -> Sequence[Example]:
    project = door.catalogue.versions("project")[-1].id
    return (
        Example(
            "narrowed", Text("标题收紧：附反例", "a narrower title: with a witness"), {"old": _OLD, "new": _NEW}, 200
        ),
        Example("published", Text("已发布的版本", "a published version"), {"old": project, "new": project}, 200),
        Example(
            "unknown",
            Text("没有这一版", "no such version"),
            {"old": "project/0.0.9", "new": _NEW},
            400,
            "BODY-INVALID",
        ),
    )


def _comparison(_door: Door) -> Json:
    proved: dict[str, Json] = {
        "outcome": "proved",
        "message": {"zh": "已证明：凡符合旧版的记录都符合新版", "en": "Proved: every record is valid under NEW"},
        "pointer": "",
        "reason": "",
        "method": "equal",
        "witness": None,
    }
    return {
        "backward": {"direction": "backward", **proved},
        "forward": {"direction": "forward", **proved},
        "changes": [],
    }


def _drafts(door: Door) -> Sequence[Example]:
    schema = dict(door.catalogue.versions("question")[-1].schema)
    return (
        Example("same", Text("与现行版相同：修订号", "the same as in force: a patch"), {"schema": schema}, 200),
        Example(
            "nowhere",
            Text("没有说明类别", "no family named"),
            {"schema": {"type": "object"}},
            400,
            "BODY-INVALID",
        ),
    )


def _drafted(door: Door) -> Json:
    return {
        "family": "question",
        "version": "1.0.1",
        "taken": False,
        "kept": True,
        "level": "patch",
        "floor": "1.0.1",
        "lints": [],
        "against": [{"version": "1.0.0", "level": "patch", **cast("dict[str, Json]", _comparison(door))}],
        "explanation": [{"zh": "与 1.0.0 相比：修订", "en": "against 1.0.0: PATCH"}],
    }


def _verifications(door: Door) -> Sequence[Example]:
    told = Text("别的节点的回执：结论为无效", "a receipt of another node: the verdict is no")
    return (Example("receipt", told, samples.receipt_of(door), 200),)


def _proof(door: Door) -> Json:
    return {"valid": True, "kind": "receipt", "content": samples.receipt_of(door)["receipt"], "cosigners": []}


def _entries(door: Door) -> Json:
    return {"items": [samples.entry_of(door, "question")]}


def _acted(family: str) -> Made:
    return lambda door: {"records": [samples.entry_of(door, family)]}


def _record(door: Door) -> Json:
    return samples.record_of(door, "project")


def _receipt(door: Door) -> Json:
    return samples.receipt_of(door)


def _kept(door: Door) -> Json:
    return {"state": "waiting", "custody": samples.custody_of(door), "answer": None, "tries": 0}


def _custody(door: Door) -> Sequence[Example]:
    told = Text("本节点未与该城市约定交换", "a city that this node does not exchange records with")
    return (Example("unknown", told, samples.record_of(door, "score_commitment"), 404, "NOT-FOUND"),)


def _checkpoint(door: Door) -> Json:
    receipt = samples.receipt_of(door)["receipt"]
    log = receipt["log"] if isinstance(receipt, dict) else None
    return log["checkpoint"] if isinstance(log, dict) else None


def _witnessing(door: Door) -> Sequence[Example]:
    told = Text("未约定见证的日志", "a log that this node was not asked to witness")
    return (Example("unknown", told, f"old 0\n\n{_checkpoint(door)}", 404),)


_SIGNED = (
    "— hall.example/chengdu/witness vPr82gAAAABppNmQ0L1kx9nJ2b0m2yq2mE0aVtV6Tj8oX3s7c5r1x0d4bQh8Zk2u6wYf3n9pL7eR\n"
)
_ALL = Text("成功", "Done")
_LOGGED = Text("已登录", "Logged in")
_GONE = {204: Answer(Text("已完成，无内容", "Done, nothing follows"), media=NONE)}
_UNCHANGED = Answer(Text("未变", "Not modified"), media=NONE, headers=("ETag",))
_ELSEWHERE = Answer(Text("见他处", "Elsewhere"), media=NONE, headers=("Location", "Vary"))
_KEPT = ("ETag", "Cache-Control", "Repr-Digest", "Link", "Vary")


def _extension(_door: Door) -> Json:
    return cast("Json", orjson.loads((files("tradehall.ocds") / "extension" / "extension.json").read_bytes()))


_PACKAGE: Final[Mapping[int, Answer]] = {
    200: Answer(
        Text("发布包；`form=record` 为记录包", "A release package, or a record package"),
        shapes.ANYTHING,
        samples.ocds_package,
        headers=("ETag", "Link"),
    ),
    304: _UNCHANGED,
}
_ACT_PROBLEMS = ("NOT-FOUND", "CASE-UNKNOWN", "STEP-CLOSED", "SCHEMA-INVALID", "CLOCK-SUSPECT")
_FILING_PROBLEMS = (
    "FORM-INVALID",
    "ROLE-NOT-ALLOWED",
    "CASE-UNKNOWN",
    "BID-LATE",
    "IDEMPOTENCY-CONFLICT",
    "STEP-CLOSED",
    "SCHEMA-INVALID",
    "CERTIFICATE-UNKNOWN",
    "CLOCK-SUSPECT",
)
_CUSTODY_PROBLEMS = (
    "CUSTODY-NOT-TAKEN",
    "CASE-UNKNOWN",
    "SCHEMA-INVALID",
    "AUTHOR-MISMATCH",
    "SIGNATURE-INVALID",
    "CERTIFICATE-UNKNOWN",
    "CERTIFICATE-NOT-VALID",
)


def _ok(shape: Shape, sample: Json | Made, *, told: Text = _ALL, headers: tuple[str, ...] = ()) -> Mapping[int, Answer]:
    return {200: Answer(told, shape, sample, headers=headers)}


def _made(shape: Shape, sample: Json | Made, *, headers: tuple[str, ...] = ()) -> Mapping[int, Answer]:
    return {201: Answer(Text("已创建", "Created"), shape, sample, headers=headers)}


def _one(name: str, zh: str, en: str, value: Json, status: int, code: str = "") -> Example:
    return Example(name, Text(zh, en), value, status, code)


_CERTIFICATE: Final[Shape] = {
    "kid": samples.KID,
    "party": AUTHOR,
    "not_before": "2026-03-02T01:00:00.000Z",
    "not_after": "2028-03-01T01:00:00.000Z",
    "revoked_at": None,
    "certificate": "MIIB…",
}
_HASH: Final = "b3" * 32

# --- the table --------------------------------------------------------------------------------------------------

ACTS: Final[Mapping[str, Act]] = {
    # accounts
    "session.open": Act(
        Text("登录", "Log in"),
        "给出会话 Cookie（HTTPS 下名为 `__Host-th`）和写操作须出示的 `csrf_token`。多次失败后须等待。",
        _made(
            shapes.members({"party": shapes.PARTY, "csrf_token": shapes.SOME}),
            {"party": AUTHOR, "csrf_token": "0f9d…"},
            headers=("Set-Cookie",),
        ),
        body=Body(
            shapes.closed({"name": shapes.NAME, "password": shapes.NAME}),
            (
                _one("right", "正确", "right", {"name": "sample", "password": PASSWORD}, 201),
                _one(
                    "wrong", "口令错误", "wrong password", {"name": "sample", "password": "guess"}, 401, "LOGIN-FAILED"
                ),
            ),
        ),
        problems=("LOGIN-FAILED", "TOO-MANY"),
    ),
    "session.see": Act(
        Text("当前用户", "Who is logged in"),
        "返回主体、名称、角色；以会话调用时附新的 `csrf_token`。",
        _ok(
            ref("Session"),
            {"party": AUTHOR, "name": "示例城市建设投资有限公司", "roles": ["party", "public"], "csrf_token": ""},
        ),
    ),
    "session.close": Act(Text("退出", "Log out"), "关闭当前会话；令牌不受影响。", _GONE),
    "session.list": Act(
        Text("我的会话", "My sessions"),
        "闲置一小时或登录满八小时的会话自行结束。",
        _ok(
            shapes.list_of(ref("OpenSession")),
            [{"id": "5c0362a161b5272e", "expires": "2026-03-02T02:00:00.000Z", "current": True}],
        ),
    ),
    "session.end": Act(
        Text("终止其他会话", "End other sessions"),
        "须再次出示口令。中心可指定其他主体，终止其全部会话和令牌，并可停用其账户。",
        _GONE,
        body=Body(
            shapes.closed(
                {"name": shapes.NAME, "password": shapes.NAME}, {"party": shapes.PARTY, "disable": shapes.FLAG}
            ),
            (
                _one(
                    "wrong", "口令错误", "wrong password", {"name": "sample", "password": "guess"}, 401, "LOGIN-FAILED"
                ),
                _one("own", "本人的", "one's own", {"name": "sample", "password": PASSWORD}, 204),
            ),
        ),
        problems=("LOGIN-FAILED", "TOO-MANY", "FORBIDDEN"),
    ),
    "password.change": Act(
        Text("修改口令", "Change the password"),
        "须出示现口令；成功后其他会话和全部令牌即告失效。",
        _GONE,
        body=Body(
            shapes.closed({"name": shapes.NAME, "password": shapes.NAME, "new": shapes.NAME}),
            (
                _one(
                    "plain",
                    "新口令太简单",
                    "too easy to guess",
                    {"name": "sample", "password": PASSWORD, "new": "password123"},
                    422,
                    "PASSWORD-REFUSED",
                ),
                _one(
                    "wrong",
                    "现口令错误",
                    "wrong password",
                    {"name": "sample", "password": "guess", "new": "another-example-of-length"},
                    401,
                    "LOGIN-FAILED",
                ),
            ),
        ),
        problems=("LOGIN-FAILED", "TOO-MANY", "PASSWORD-REFUSED"),
    ),
    "token.make": Act(
        Text("申领访问令牌", "Make an API token"),
        "凭会话，或凭用户名和口令；不能凭另一枚令牌。令牌只显示一次，90 天有效。",
        _made(
            shapes.members({"id": shapes.SOME, "token": shapes.SOME, "party": shapes.PARTY, "expires": shapes.INSTANT}),
            {"id": "161b5272e5c0362a", "token": "th_…", "party": AUTHOR, "expires": "2026-05-31T00:30:00.000Z"},
        ),
        body=Body(
            shapes.closed({"label": shapes.NAME}, {"name": shapes.NAME, "password": shapes.NAME}),
            (
                _one(
                    "password",
                    "凭用户名和口令",
                    "by name and password",
                    {"label": "integration", "name": "sample", "password": PASSWORD},
                    201,
                ),
                _one("token", "凭令牌不可以", "not by another token", {"label": "more"}, 401, "LOGIN-REQUIRED"),
            ),
        ),
        problems=("LOGIN-REQUIRED", "LOGIN-FAILED", "TOO-MANY"),
    ),
    "token.list": Act(
        Text("我的令牌", "My tokens"),
        "不含令牌本身。",
        _ok(
            shapes.list_of(ref("Token")),
            [{"id": "161b5272e5c0362a", "label": "integration", "expires": "2026-05-31T00:30:00.000Z"}],
        ),
    ),
    "token.drop": Act(Text("吊销令牌", "Revoke a token"), "只能吊销自己的令牌。", _GONE, problems=("NOT-FOUND",)),
    "party.register": Act(
        Text("登记主体", "Register a party"),
        "由中心登记主体及其首个账户；专家须登记专业、城市和单位。",
        _made(
            shapes.members({"id": shapes.PARTY, "roles": shapes.list_of(shapes.SOME)}),
            {"id": AUTHOR, "roles": []},
        ),
        body=Body(
            shapes.closed(
                {"id": shapes.PARTY, "name": shapes.NAME},
                {
                    "roles": shapes.list_of(shapes.ROLE),
                    "facts": shapes.or_null(shapes.FACTS),
                    "account": shapes.text(most=80),
                    "password": shapes.NAME,
                },
            ),
            (
                _one(
                    "bidder",
                    "投标人及其账户",
                    "a bidder with an account",
                    {
                        "id": "org:91510100MA61RHWX3K",
                        "name": "示例路桥有限公司",
                        "account": "shili",
                        "password": PASSWORD,
                    },
                    201,
                ),
                _one(
                    "expert",
                    "评标专家",
                    "an evaluation expert",
                    {
                        "id": "person:abcdefghijklmnop",
                        "name": "专家（示例）",
                        "roles": ["expert"],
                        "facts": {"stratum": "TECH", "city": "510100", "employer": AUTHOR},
                    },
                    201,
                ),
                _one(
                    "incomplete",
                    "专家缺少专业",
                    "an expert without a field",
                    {"id": "person:abcdefghijklmnop", "name": "专家（示例）", "roles": ["expert"]},
                    400,
                    "BODY-INVALID",
                ),
            ),
        ),
        problems=("PASSWORD-REFUSED",),
    ),
    "party.list": Act(
        Text("主体名录", "Registered parties"),
        "仅中心可见。",
        _ok(shapes.list_of(ref("Party")), [{"id": AUTHOR, "name": "示例城市建设投资有限公司", "roles": []}]),
    ),
    "certificate.issue": Act(
        Text("申领证书", "Get a certificate"),
        "提交 PKCS #10 请求（DER，base64），由演示机构签发给调用者自己的主体。私钥从不离开自己的设备。",
        _made(ref("Certificate"), _CERTIFICATE),
        body=Body(
            shapes.closed({"csr": shapes.text(most=8192)}),
            (
                _one("request", "证书请求", "a request", {"csr": samples.CSR}, 201),
                _one("broken", "不是 base64", "no base64", {"csr": "%"}, 422, "CERTIFICATE-REQUEST"),
            ),
        ),
        problems=("CERTIFICATE-REQUEST",),
    ),
    "certificate.see": Act(
        Text("查证书", "See a certificate"),
        "返回已登记的证书及是否吊销。",
        _ok(ref("Certificate"), _CERTIFICATE),
        problems=("NOT-FOUND",),
    ),
    "certificate.revoke": Act(
        Text("吊销证书", "Revoke a certificate"),
        "自此刻起吊销；由持有人或中心办理。无请求体。",
        _made(ref("Certificate"), {**_CERTIFICATE, "revoked_at": "2026-03-05T02:00:00.000Z"}),
        problems=("NOT-FOUND",),
    ),
    # standards
    "schema.list": Act(
        Text("标准目录", "Catalogue of schemas"),
        "各类记录在基准日有效的版本。",
        _ok(shapes.items(ref("Version"), {"as_of": shapes.DATE}), _versions),
        takes=("as_of",),
        problems=("PARAMETER-INVALID",),
    ),
    "schema.current": Act(
        Text("应引用的版本", "Version to cite"),
        "今日应引用的版本；给出 `case` 时为该项目公告时固定的版本。",
        _ok(ref("Version"), _version),
        takes=("as_of", "as_known_on", "pinned"),
        problems=("PARAMETER-INVALID", "NOT-FOUND"),
    ),
    "schema.versions": Act(
        Text("全部版本及其状态", "All versions and their states"),
        "各版本在基准日的状态，及按知悉日已作出的各项决定。",
        _ok(
            shapes.items(ref("DatedVersion"), {"as_of": shapes.DATE, "as_known_on": shapes.DATE}),
            _history,
        ),
        takes=("as_of", "as_known_on"),
        problems=("PARAMETER-INVALID", "NOT-FOUND"),
    ),
    "schema.id": Act(
        Text("标准标识地址", "Where an `$id` leads"),
        "标准的 `$id` 所指：程序得到标准全文，浏览器转到网页。主版本号或 `latest` 转到现行版本，但不得引用。",
        {
            200: Answer(_ALL, shapes.ANYTHING, _bundle, "application/schema+json", _KEPT),
            303: _ELSEWHERE,
            304: _UNCHANGED,
        },
        takes=("as_of", "document", "If-None-Match"),
        problems=("PARAMETER-INVALID", "NOT-FOUND"),
    ),
    "schema.see": Act(
        Text("标准全文", "One exact schema"),
        "离线可用的整包（JSON Schema 2020-12），摘要即据此计算；可永久缓存。`Link` 给出前后版本、最新版本、网页和许可，"
        "已弃用或将停用的版本另有 `Deprecation` 和 `Sunset`。浏览器转到网页。",
        {
            200: Answer(_ALL, shapes.ANYTHING, _bundle, "application/schema+json", _KEPT),
            303: _ELSEWHERE,
            304: _UNCHANGED,
        },
        takes=("document", "If-None-Match"),
        problems=("PARAMETER-INVALID", "NOT-FOUND"),
    ),
    "codelist.list": Act(
        Text("代码表目录", "Code lists"),
        "全部代码表在基准日的版本。",
        _ok(shapes.items(ref("CodeList"), {"as_of": shapes.DATE}), _codelists),
        takes=("as_of",),
        problems=("PARAMETER-INVALID",),
    ),
    "codelist.see": Act(
        Text("代码表", "Code list"),
        "代码表在基准日的版本；各代码的有效期、当日是否有效、由何者代替。",
        _ok(shapes.items(ref("Code"), {**shapes.CODE_LIST, "as_of": shapes.DATE}), _codes),
        takes=("as_of",),
        problems=("PARAMETER-INVALID", "NOT-FOUND"),
    ),
    "parameters.see": Act(
        Text("法定参数", "Numbers of the law"),
        "某制度、某地区在基准日的法定参数，各有条款和证据标记。",
        _ok(shapes.items(ref("Parameter"), {"regime": shapes.SOME, "as_of": shapes.DATE}), _numbers),
        takes=("as_of", "area"),
        problems=("PARAMETER-INVALID", "NOT-FOUND"),
    ),
    "procedure.list": Act(
        Text("程序目录", "Procedures"), "本节点受理的程序。", _ok(shapes.items(ref("ProcedureTitle")), _procedures)
    ),
    "procedure.see": Act(
        Text("程序表", "One procedure as a table"),
        "状态、角色、记录类别、后继状态、判定、条款。",
        _ok(ref("Procedure"), _procedure),
        problems=("NOT-FOUND",),
    ),
    "validate": Act(
        Text("在线校验", "Check without filing"),
        "按标准校验内容，不存储；全部问题逐条列出。",
        _ok(ref("Verdict"), _verdict),
        body=Body(
            shapes.closed({"family": shapes.SOME, "payload": shapes.ANY}, {"version": shapes.SOME}), _validations
        ),
        problems=("NOT-FOUND",),
    ),
    "compat": Act(
        Text("兼容性判定", "Compare two schemas"),
        "比对两个模式（或已发布标准的 `类别/版本`）的两个方向：已证明、附反例推翻，或未能判定并说明原因；不存储。",
        _ok(ref("Comparison"), _comparison),
        body=Body(
            shapes.closed(
                {"old": ref("SchemaOrId"), "new": ref("SchemaOrId")}, {"samples": shapes.list_of(shapes.ANY)}
            ),
            _comparisons,
        ),
        problems=("UNAVAILABLE",),
    ),
    "draft.judge": Act(
        Text("草案判定", "Judge a draft"),
        "逐条提案检查，与该主版本全部已发布版本比对，并算出最低可用版本号；草案不存储。",
        _ok(ref("DraftVerdict"), _drafted),
        body=Body(shapes.closed({"schema": shapes.ANYTHING}, {"family": shapes.text(most=64)}), _drafts),
        problems=("UNAVAILABLE",),
    ),
    # records and files
    "record.file": Act(
        Text("提交记录", "File a record"),
        "唯一的受理入口。请求体为签名的记录；受理则 201 并给出签名回执，再次提交同一记录则 200 并给出同一回执；"
        "拒收为问题应答，内附签名的拒收回执（`refusal`）。",
        {
            201: Answer(Text("已受理", "Accepted"), ref("SignedReceipt"), _receipt, headers=("Location", "ETag")),
            200: Answer(
                Text("此前已受理", "Accepted before"), ref("SignedReceipt"), _receipt, headers=("Location", "ETag")
            ),
        },
        takes=("Idempotency-Key",),
        body=Body(ref("Record"), samples.filings),
        problems=("PARAMETER-INVALID", *_FILING_PROBLEMS),
    ),
    "record.see": Act(
        Text("查阅记录", "See a record"),
        "公开记录人人可读；投标类记录开标后、评标报告公示后可读。",
        {200: Answer(_ALL, ref("Record"), _record, headers=("ETag",)), 304: _UNCHANGED},
        takes=("If-None-Match",),
        problems=("NOT-FOUND",),
    ),
    "record.receipt": Act(
        Text("补领回执", "Get a receipt again"),
        "凭只有作者知道的记录摘要；附后来的见证签名。",
        _ok(ref("SignedReceipt"), _receipt),
        problems=("NOT-FOUND",),
    ),
    "receipt.verify": Act(
        Text("核验回执", "Verify a receipt or refusal"),
        "核对签名、时间与日志证明；不存储。离线核验见 `tradehall verify`。",
        _ok(ref("Proof"), _proof),
        body=Body(shapes.ANY, _verifications),
    ),
    "vault.offset": Act(
        Text("续传位置", "How far an upload has come"),
        "返回已到达的字节数；`complete` 表示文件已齐。",
        _ok(ref("Upload"), {"complete": False, "offset": 8388608}),
        takes=("sealed",),
        problems=("PARAMETER-INVALID",),
    ),
    "vault.put": Act(
        Text("分段上传", "Upload a part of a file"),
        "每段至多 16 MiB。已有的部分会跳过；留下空缺则 409 并告知应从哪里继续；最后一段使摘要吻合才算完成。",
        _ok(ref("Upload"), {"complete": True, "offset": len(samples.FILE)}),
        takes=("sealed", "Upload-Offset", "Upload-Length"),
        body=Body(
            {},
            (_one("whole", "整个小文件", "a small file as a whole", samples.FILE.decode(), 200),),
            BYTES,
        ),
        problems=("PARAMETER-INVALID", "OFFSET-WRONG", "UPLOAD-WRONG", "TOO-LARGE"),
    ),
    "vault.get": Act(
        Text("下载附件", "Download an attachment"),
        "须指明列有该文件的、自己可读的记录。",
        {200: Answer(_ALL, {}, "…", BYTES, ("ETag", "Content-Disposition")), 304: _UNCHANGED},
        takes=("record", "If-None-Match"),
        problems=("NOT-FOUND",),
    ),
    # cases
    "case.new": Act(
        Text("新编号", "A fresh case id"),
        "随机案号；提交首份记录之前什么也不存储。",
        _made(shapes.members({"id": shapes.CASE}), {"id": TENDER}),
        body=Body(
            shapes.closed({"procedure": shapes.NAME}),
            (
                _one("tender", "公开招标", "an open tender", {"procedure": "open_tender"}, 201),
                _one("unknown", "没有这种程序", "no such procedure", {"procedure": "raffle"}, 404, "NOT-FOUND"),
            ),
        ),
        problems=("NOT-FOUND",),
    ),
    "case.list": Act(
        Text("检索项目", "Search public cases"),
        "最新在前；下一页见 `Link` 与 `next`。",
        _ok(
            shapes.items(ref("Listing"), {"next": shapes.or_null(shapes.SOME)}),
            {
                "items": [
                    {
                        "case": TENDER,
                        "procedure": "open_tender",
                        "title": "示例大道市政道路改造工程施工招标公告（虚构）",
                        "project_code": "E5101000001000001",
                        "tenderer": "示例城市建设投资有限公司",
                        "regime": "tender_law",
                        "region": "510100",
                        "sector": "A02",
                        "stage": "tender",
                        "lots": {"L1": "tendering", "L2": "tendering"},
                        "bid_deadline": "2026-03-25T09:30:00.000+08:00",
                        "published_at": "2026-03-02T09:00:00.000+08:00",
                    }
                ],
                "next": None,
            },
            headers=("Link",),
        ),
        takes=("q", "stage", "regime", "region", "sector", "limit", "cursor"),
        problems=("PARAMETER-INVALID",),
    ),
    "case.see": Act(
        Text("项目状态", "State of a case"),
        "各标段状态、要素，以及此时谁可以提交什么。保密案卷对无关者为 404。",
        _ok(
            ref("Case"),
            {
                "case": TENDER,
                "procedure": "open_tender",
                "lots": {"L1": "tendering"},
                "head": {"regime": "tender_law", "region": "510100", "threshold": 2, "policy": "bidder_or_custodians"},
                "next": [
                    {"lot": "L1", "family": "question", "roles": ["participant"], "clause": "招标投标法实施条例 22"}
                ],
            },
        ),
        problems=("NOT-FOUND",),
    ),
    "case.records": Act(
        Text("项目记录", "Records of a case"),
        "调用者可读的记录，按日志次序。",
        _ok(shapes.items(ref("Entry")), _entries),
        takes=("family", "behind"),
        problems=("NOT-FOUND", "PARAMETER-INVALID"),
    ),
    "case.events": Act(
        Text("实时推送", "Follow a case"),
        "服务器推送事件（SSE）：每条公开记录一个 `record` 事件，`id` 为日志序号；"
        "断线后凭 `Last-Event-ID` 续接，不重不漏；每 15 秒一个 `heartbeat`。",
        {
            200: Answer(
                Text("事件流", "Stream of events"),
                shapes.SOME,
                f'id: 2\nevent: record\ndata: {{"family":"tender_notice","case":"{TENDER}",'
                '"at":"2026-03-02T01:00:00.000Z","index":2}\nretry: 2000\n\n',
                "text/event-stream",
            )
        },
        takes=("Last-Event-ID", "after"),
        problems=("PARAMETER-INVALID", "NOT-FOUND"),
    ),
    "case.evidence": Act(
        Text("证据文件", "Evidence file"),
        "案卷的全部记录、标准、证明与公钥；用 `tradehall verify` 离线核验。",
        {200: Answer(_ALL, {}, "PK…", ZIP, ("Content-Disposition",))},
        takes=("linked",),
        problems=("NOT-FOUND", "CASE-UNKNOWN", "CLOCK-SUSPECT"),
    ),
    "case.ocds": Act(
        Text("项目的开放合同数据", "Case as OCDS"),
        "OCDS 1.1 发布包或记录包；只含此刻已公开的内容，开标前不含投标数量与投标人。",
        _PACKAGE,
        takes=("form", "If-None-Match"),
        problems=("NOT-FOUND", "PARAMETER-INVALID"),
    ),
    "ocds.list": Act(
        Text("全部项目的开放合同数据", "All published cases as OCDS"),
        "条件与项目检索相同；下一页见 `Link` 与 `links.next`。",
        _PACKAGE,
        takes=("form", "q", "stage", "regime", "region", "sector", "limit", "cursor", "If-None-Match"),
        problems=("NOT-FOUND", "PARAMETER-INVALID"),
    ),
    "ocds.lines": Act(
        Text("逐行发布", "Releases, one a line"),
        "每行一次发布；条件与项目检索相同，下一页见 `Link`。",
        {200: Answer(_ALL, shapes.SOME, samples.ocds_line, "application/jsonl", ("ETag", "Link")), 304: _UNCHANGED},
        takes=("q", "stage", "regime", "region", "sector", "limit", "cursor", "If-None-Match"),
        problems=("PARAMETER-INVALID",),
    ),
    "ocds.extension": Act(
        Text("扩展定义", "Definition of the extension"),
        "数据包 `extensions` 中本平台扩展的元数据与模式补丁。",
        {200: Answer(_ALL, shapes.ANYTHING, _extension, headers=("ETag",)), 304: _UNCHANGED},
        takes=("If-None-Match",),
        problems=("NOT-FOUND",),
    ),
    "case.own": Act(
        Text("我的事项", "My secret cases"),
        "调用者为当事方的保密案卷。",
        _ok(
            shapes.items(ref("InboxItem")),
            {"items": [{"case": samples.CASES["g"], "procedure": "guarantee_letter", "lots": {"*": "issued"}}]},
        ),
    ),
    "opening.act": Act(
        Text("开标主持", "Run the opening"),
        "`start` 冻结受理集合，`disclose` 公布已能开启的投标，`give_up` 记明未能开启的责任方，`close` 签署开标记录。"
        "是否到时由受理入口判定。",
        _ok(ref("Entries"), _acted("opening_start")),
        body=Body(
            shapes.closed(
                {"act": shapes.one_of("start", "disclose", "give_up", "close")},
                {
                    "fault": shapes.one_of("failed_bidder", "failed_other"),
                    "factors": shapes.mapping(shapes.mapping(shapes.SOME)) | {"description": "lot → name → value"},
                },
            ),
            (
                _one("start", "开始（此时过早）", "start, before the hour", {"act": "start"}, 409, "OPENING-EARLY"),
                _one("disclose", "公布已能开启的投标", "disclose what can be opened", {"act": "disclose"}, 200),
                _one(
                    "give_up",
                    "投标人原因未能开启",
                    "what its bidder failed to open",
                    {"act": "give_up", "fault": "failed_bidder"},
                    200,
                ),
                _one("unknown", "没有这个动作", "no such act", {"act": "peek"}, 400, "BODY-INVALID"),
            ),
        ),
        problems=(*_ACT_PROBLEMS, "OPENING-EARLY", "TOO-FEW-BIDS", "OPENING-INCOMPLETE"),
    ),
    "draw.act": Act(
        Text("抽取专家", "Draw the experts"),
        "先交各方随机数的承诺，后交随机数本身；结果人人可复算。",
        _ok(ref("Entries"), _acted("draw_commitment")),
        body=Body(
            shapes.closed({}, {"commitments": shapes.NONCES, "nonces": shapes.NONCES}),
            (
                _one("commit", "提交承诺", "commit", {"commitments": {HOLDER: _HASH}}, 409, "STEP-CLOSED"),
                _one(
                    "draw",
                    "公开随机数（此案不是评标场次）",
                    "reveal and draw, in no remote session",
                    {"nonces": {HOLDER: _HASH}},
                    404,
                    "CASE-UNKNOWN",
                ),
                _one("neither", "两者皆无", "neither", {}, 400, "BODY-INVALID"),
            ),
        ),
        problems=(*_ACT_PROBLEMS, "DRAW-WRONG", "COMMITTEE-NOT-LAWFUL"),
    ),
    "tie.act": Act(
        Text("同分抽签", "Draw among tied bids"),
        "由各方随机数在并列投标中抽签；没有并列则 404。",
        _ok(ref("Entries"), _acted("tie_draw")),
        body=Body(
            shapes.closed({"lot": shapes.NAME, "nonces": shapes.NONCES}, {"session": shapes.or_null(shapes.SOME)}),
            (_one("none", "没有并列", "nothing is tied", {"lot": "L1", "nonces": {HOLDER: _HASH}}, 404, "NOT-FOUND"),),
        ),
        problems=_ACT_PROBLEMS,
    ),
    "guarantee.act": Act(
        Text("保函核验登记", "Note that a letter was verified"),
        "开标验明保函有效后，在保函案卷登记。",
        _ok(ref("Entries"), _acted("guarantee_event")),
        body=Body(
            shapes.closed({"event": {"const": "verified"}}),
            (
                _one(
                    "verified",
                    "核验通过（此案不是保函）",
                    "verified, in no case of a guarantee",
                    {"event": "verified"},
                    404,
                    "CASE-UNKNOWN",
                ),
            ),
        ),
        problems=(*_ACT_PROBLEMS, "GUARANTEE-ORDER", "GUARANTEE-WRONG"),
    ),
    "report.prepare": Act(
        Text("评标报告草稿", "Draft of the evaluation report"),
        "按已公开的评分复算，供组长签署提交；与受理时的复算是同一函数。",
        _ok(
            shapes.ANYTHING,
            lambda door: samples.payload_of(door.catalogue.versions("evaluation_report")[-1]),
            told=Text("`evaluation_report` 的内容", "payload of an `evaluation_report`"),
        ),
        takes=("lot", "session"),
        problems=("NOT-FOUND", "SCORES-SEALED", "REPORT-WRONG", "LOT-UNKNOWN"),
    ),
    "changes": Act(
        Text("变更流", "Feed of changes"),
        "所有项目的公开记录，按受理次序；以 `next` 作为下次的 `after`。",
        _ok(
            shapes.items(ref("Change"), {"next": {"type": "integer", "minimum": -1}}),
            {
                "items": [
                    {"family": "tender_notice", "case": TENDER, "at": "2026-03-02T01:00:00.000Z", "index": 2},
                ],
                "next": 2,
            },
        ),
        takes=("after",),
        problems=("PARAMETER-INVALID",),
    ),
    # proof
    # exchange between cities
    "city.list": Act(
        Text("对方城市", "Other cities"),
        "与本节点交换记录的城市及链路状态。",
        _ok(
            shapes.items(
                shapes.members(
                    {
                        "city": shapes.SOME,
                        "node": shapes.PARTY,
                        "held_at": shapes.or_null(shapes.INSTANT),
                        "fault": shapes.SOME,
                    }
                )
            ),
            {
                "items": [
                    {"city": "chengdu", "node": "node:chengdu", "held_at": "2026-03-25T07:00:00.000Z", "fault": ""}
                ]
            },
        ),
    ),
    "city.take": Act(
        Text("代收", "Leave a record for another city"),
        "副场专家和场地的记录由本节点收存并转送主场节点；返回签名的代收凭据，不表示受理。是否受理以主场节点的回执为准。",
        {202: Answer(Text("已代收，待转送", "In custody, to be passed on"), ref("Kept"), _kept, headers=("Location",))},
        body=Body(ref("Record"), _custody),
        problems=("FORM-INVALID", "NOT-FOUND", *_CUSTODY_PROBLEMS),
    ),
    "city.record": Act(
        Text("代收状态", "How a record in custody stands"),
        "凭只有作者知道的记录摘要；附主场节点签发的回执或拒收回执。",
        _ok(ref("Kept"), _kept),
        problems=("NOT-FOUND",),
    ),
    "city.case": Act(
        Text("对方案卷状态", "A session that another city hosts"),
        "按已收到的对方日志副本折叠得出；`index` 与 `held_at` 说明到何处为止。",
        _ok(
            shapes.members(
                {
                    "case": shapes.CASE,
                    "city": shapes.SOME,
                    "lots": shapes.ANYTHING,
                    "head": shapes.ANYTHING,
                    "scores": shapes.list_of(shapes.ANYTHING),
                    "index": shapes.COUNT,
                    "held_at": shapes.or_null(shapes.INSTANT),
                }
            ),
            {
                "case": samples.CASES["r"],
                "city": "chengdu",
                "lots": {"*": "running"},
                "head": {"tender": TENDER, "lots": ["L1"]},
                "scores": [{"lot": "L1", "members": 5, "locked": 4, "shown": 0}],
                "index": 41,
                "held_at": "2026-03-25T07:00:00.000Z",
            },
        ),
        problems=("NOT-FOUND",),
    ),
    "clock": Act(
        Text("服务器时间", "The node's clock"),
        "唯一作数的时间；`suspect` 时停止受理。",
        _ok(ref("Clock"), {"now": "2026-03-25T01:29:59.000Z", "suspect": False, "sandbox": False}),
    ),
    "clock.advance": Act(
        Text("沙箱时钟", "Advance the sandbox clock"),
        "仅沙箱节点；其他节点 404。只能向前。",
        _ok(shapes.members({"now": shapes.INSTANT}), {"now": "2026-03-25T01:30:00.000Z"}),
        body=Body(
            shapes.closed({"to": shapes.INSTANT}),
            (
                _one("deadline", "到截止时间", "to a deadline", {"to": "2026-03-25T09:30:00+08:00"}, 200),
                _one("local", "没有时区", "without an offset", {"to": "2026-03-25T09:30:00"}, 400, "BODY-INVALID"),
            ),
        ),
        problems=("NOT-FOUND",),
    ),
    "node": Act(
        Text("节点公钥", "Public keys of the node"),
        "离线核验回执、日志和见证所需的全部公钥。",
        _ok(
            ref("Node"),
            lambda _door: {
                "node": "node:chengdu",
                "city": "chengdu",
                "log": str(samples.log_key()),
                "origin": samples.ORIGIN,
                "receipt_key": samples.PUBLIC.hex(),
                "witness_key": "hall.example/chengdu/witness+f36f71f4+BIOF6XhwEtXRc7R+g+qGcT+IqCn9r8OLO4NUcs9q0yrl",
                "witnesses": [],
            },
        ),
    ),
    "log.checkpoint": Act(
        Text("日志检查点", "Checkpoint of the log"),
        "最新检查点及见证签名（C2SP tlog-checkpoint）。",
        {200: Answer(_ALL, shapes.SOME, _checkpoint, PLAIN)},
        problems=("NOT-FOUND",),
    ),
    "log.tile": Act(
        Text("日志瓦片", "Tile of the log"),
        "哈希瓦片与叶数据（C2SP tlog-tiles）。",
        {200: Answer(_ALL, {}, "…", BYTES)},
        problems=("NOT-FOUND",),
    ),
    "witness": Act(
        Text("见证他城日志", "Cosign another city's log"),
        "C2SP tlog-witness；以日志自己的签名为准，无需登录。错误为纯文本。",
        {
            200: Answer(Text("见证签名行", "Signature lines"), shapes.SOME, _SIGNED, PLAIN),
            400: Answer(Text("格式不对", "Not in the form"), shapes.SOME, "bad request\n", PLAIN),
            403: Answer(Text("日志签名不对", "Not signed by the log"), shapes.SOME, "not signed\n", PLAIN),
            404: Answer(Text("未约定见证的日志", "Not a log to witness"), shapes.SOME, "unknown log\n", PLAIN),
            409: Answer(Text("已见证到别处；给出大小", "Cosigned another size, told"), shapes.SOME, "7\n", SIZE),
            422: Answer(Text("一致性证明不成立", "The consistency proof fails"), shapes.SOME, "bad proof\n", PLAIN),
        },
        body=Body(shapes.SOME, _witnessing, PLAIN),
    ),
    "health": Act(
        Text("健康检查", "Health"),
        "时钟可信才能受理。",
        _ok(ref("Health"), {"ok": True, "log_size": 218}),
    ),
    "problem": Act(
        Text("错误说明", "What a problem means"),
        "每个错误代码一页；问题应答的 `type` 指向这里。",
        _ok(
            ref("Explanation"),
            {
                "code": "OPENING-EARLY",
                "status": 409,
                "title": "开标时间为 {at}，不得提前",
                "messages": {"zh": "开标时间为 {at}，不得提前", "en": "Opening is at {at}, not earlier"},
                "clause": "招标投标法 34",
            },
        ),
        problems=("NOT-FOUND",),
    ),
}
