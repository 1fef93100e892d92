"""
Page of permissions (权限表): every route with the roles that may call it, from the table behind the guards.
"""

from __future__ import annotations

from collections.abc import Iterator

from tradehall.kernel.refusal import Text
from tradehall.reference.markdown import code, heading, page, table
from tradehall.web.permissions import READING, ROLES, TABLE, A, Permission, Reading

TITLE = Text("权限", "Permissions")
_ABOUT = Text(
    "启动时逐一核对：没有权限条目的路由、没有路由的条目，节点都拒绝启动。"
    "写记录的角色由程序表另行判定，见 [procedures.md](procedures.md)。",
    "Checked at every start: a node refuses to run with a route that has no row here, or a row without a route. "
    "Who may file which record is judged by the procedures, see [procedures.md](procedures.md).",
)
_ROLES = {
    "public": Text("公众，未登录", "has not logged in"),
    "party": Text("已登录的任何主体", "any registered party that has logged in"),
    "expert": Text("评标专家", "evaluation expert"),
    "guarantor": Text("保函开立人", "issuer of guarantee letters"),
    "supervisor": Text("行政监督部门", "supervising authority"),
    "officer": Text("标准管理人员", "officer of the standards"),
    "centre": Text("交易中心", "the trading centre"),
}
_RELATIONS = {
    "any": Text("不限", "none needed"),
    "self": Text("本人的账户或主体", "the caller's own account or party"),
    "author": Text("记录的提交人", "who filed the record"),
    "party": Text("案卷的当事主体，或交易中心", "a party of the case, or the centre"),
}
_READERS = {
    "author": Text("提交人", "author"),
    "committee": Text("评标委员会成员", "committee"),
    "insider": Text("招标人、代理、监督部门、交易中心", "tenderer, agency, supervisor, centre"),
}
_MOMENTS = (Text("开标前", "before opening"), Text("开标后", "opened"), Text("候选人公示后", "candidates on display"))
_READING_ABOUT = Text(
    "未列出的类别从一开始就对所有人公开；保密案卷（保函、异地评标）只对其当事主体和交易中心可见。",
    "Families not listed are public from the start; secret cases (guarantees, remote sessions) are for their parties "
    "and the centre only.",
)
_API = Text("接口", "API")
_PROOF = Text("证明与运行", "Proof and operation")
_PAGES = Text("网页", "Pages")


def permissions_page() -> str:
    """Return the page (权限页): roles, relations, then routes by role; ● may call, an empty cell may not."""
    return page(
        TITLE,
        _ABOUT,
        heading(2, "Roles 角色"),
        table(("role 角色", "中文", "English"), [(code(r), _ROLES[r].zh, _ROLES[r].en) for r in ROLES]),
        heading(2, "Relations 关系"),
        "关系不符者得 404，不泄露对象是否存在。Anyone outside the relation gets 404 and learns nothing.",
        table(("relation 关系", "中文", "English"), [(code(k), t.zh, t.en) for k, t in _RELATIONS.items()]),
        *_groups(),
        heading(2, "Reading the records of a public case 公开案卷的阅读"),
        _READING_ABOUT.zh,
        _READING_ABOUT.en,
        table(
            ("kind 类别", "families 记录类别", *(f"{m.en} {m.zh}" for m in _MOMENTS), "clause 条款"),
            [_reading(row) for row in READING],
        ),
    )


def _reading(row: Reading) -> tuple[str, ...]:
    moments = map(_readers, (row.sealed, row.opened, row.displayed))
    return (code(row.kind), ", ".join(map(code, row.families)), *moments, row.clause)


def _readers(readers: tuple[str, ...]) -> str:
    if "public" in readers:
        return "everyone 所有人"
    return ", ".join(f"{_READERS[r].en} {_READERS[r].zh}" for r in readers) or "nobody 无人"


def _groups() -> Iterator[str]:
    heads = ("method 方法", "path 路径", *ROLES, "relation 关系", "name 名称", "note 说明")
    for title in (_API, _PROOF, _PAGES):
        yield heading(2, f"{title.en} {title.zh}")
        yield table(heads, [_row(row) for row in TABLE if _group(row) == title])


def _group(row: Permission) -> Text:
    if row.name.startswith("page.") or row.name == "static":
        return _PAGES
    return _API if row.path.startswith(f"{A}/") else _PROOF


def _row(row: Permission) -> tuple[str, ...]:
    marks = ("●" if role in row.roles else "" for role in ROLES)
    return (row.method, code(row.path), *marks, code(row.relation), code(row.name), row.note)
