"""
Page of record families (记录类别): every field with its titles, and the code lists that fields take values from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Final

from tradehall.kernel.payload import Obj
from tradehall.kernel.refusal import Text
from tradehall.reference.markdown import both, code, heading, page, table
from tradehall.web.pages.standards import schema_at
from tradehall_standards import Catalogue, CodeList, Json, Version

TITLE = Text("记录类别", "Record families")
_ABOUT = Text(
    "每类记录的各个版本及其字段。位置为 JSON 指针，`*` 代表任一数组下标或任意键；“●”为必填。"
    "标题与公开范围取自已发布的标准。",
    "Every version of every family with its fields. Places are JSON pointers, `*` stands for any index or free key; "
    "● is required. Titles and disclosure come from the published schemas.",
)
_DISCLOSURES: Final[Mapping[str, Text]] = {
    "public": Text("公开", "public"),
    "at_opening": Text("开标时公开", "at the opening"),
    "panel": Text("仅限评审", "evaluation panel only"),
    "never": Text("不公开", "never"),
}
_FIELD_HEADS = (
    "pointer 位置",
    "type 类型",
    "required 必填",
    "中文",
    "English",
    "limits 限制",
    "code list 代码表",
    "disclosure 公开范围",
)
_BOUNDS: Final = (("minimum", "maximum"), ("minLength", "maxLength"), ("minItems", "maxItems"))


def titles_of(catalogue: Catalogue) -> dict[str, Text]:
    """Return the title of every family, that of its latest version (类别名称)."""
    return {family: _title(catalogue.versions(family)[-1]) for family in catalogue.families()}


def latest_codelist(catalogue: Catalogue, name: str) -> CodeList:
    """
    Return a code list as of the day on which the newest published schema came into force (代码表).

    Raises:
        LookupError: it has no edition then.
    """
    versions = [version for family in catalogue.families() for version in catalogue.versions(family)]
    day = max(version.in_force_from for version in versions)
    found = catalogue.codelist(name, day)
    if found is None:
        raise LookupError(f"code list {name} has no edition on {day}")
    return found


def families_page(catalogue: Catalogue) -> str:
    """Return the page (记录类别页): contents, a section a version, then the code lists."""
    versions = [version for family in catalogue.families() for version in catalogue.versions(family)]
    return page(
        TITLE,
        _ABOUT,
        table(("disclosure 公开范围", "中文", "English"), [(code(k), t.zh, t.en) for k, t in _DISCLOSURES.items()]),
        heading(2, "Families 类别"),
        table(("family 类别", "version 版本", "中文", "English", "disclosure 公开范围"), map(_entry, versions)),
        *(block for version in versions for block in _section(version)),
        heading(2, "Code lists 代码表", "codelists"),
        *(block for name in catalogue.codelists() for block in _codelist(latest_codelist(catalogue, name))),
    )


def _entry(version: Version) -> tuple[str, ...]:
    title = _title(version)
    link = f"[{code(version.family)}](#{version.family})"
    return (link, version.version, title.zh, title.en, code(version.disclosure))


def _section(version: Version) -> Iterator[str]:
    yield heading(2, f"{both(_title(version))} `{version.id}`", version.family)
    told = version.fields[""].descriptions
    yield " ".join(told[language] for language in ("zh", "en") if language in told)
    basis = "；".join(version.legal_basis)
    sunset = "" if version.sunset is None else f"，至 until {version.sunset.isoformat()}"
    facts = [
        f"- 施行 in force from {version.in_force_from.isoformat()}{sunset}",
        f"- 公开范围 disclosure: {code(version.disclosure)}",
        f"- 摘要 digest: {code(version.digest)}",
        *([f"- 依据 legal basis: {basis}"] if basis else []),
    ]
    yield "\n".join(facts)
    yield table(_FIELD_HEADS, _fields(version))
    rules = [(code(r.id), r.message_zh, r.message_en, r.clause, r.evidence, r.severity) for r in version.rules]
    yield table(("rule 规则", "中文", "English", "clause 依据", "evidence 证据", "severity 效力"), rules)


def _fields(version: Version) -> Iterator[tuple[str, ...]]:
    for path, field in version.fields.items():
        if path:
            node = schema_at(version.bundle, path)
            name = str(node.get("x-codelist", ""))
            yield (
                code(path),
                _type(node),
                "●" if field.required else "",
                field.titles.get("zh", ""),
                field.titles.get("en", ""),
                "" if name else code(_limits(node)),
                f"[{code(name)}](#codelist-{name})" if name else "",
                field.disclosure,
            )


def _type(node: Obj) -> str:
    kind, form = node.get("type"), node.get("format")
    if kind is None:
        kind = "const" if "const" in node else "object" if "properties" in node else "any"
    told = " or ".join(str(item) for item in kind) if isinstance(kind, list) else str(kind)
    return f"{told} ({form})" if isinstance(form, str) else told


def _limits(node: Obj) -> str:
    parts = [f"= {node['const']}"] if "const" in node else []
    values = node.get("enum")
    if isinstance(values, list):
        parts.append(" | ".join(str(value) for value in values))
    parts += [_range(node.get(low), node.get(high)) for low, high in _BOUNDS if low in node or high in node]
    if "pattern" in node:
        parts.append(str(node["pattern"]))
    return "  ".join(parts)


def _range(low: Json, high: Json) -> str:
    if low is None or high is None:
        return f"≤ {high}" if low is None else f"≥ {low}"
    return f"{low}" if low == high else f"{low}…{high}"


def _codelist(found: CodeList) -> Iterator[str]:
    closed = Text("封闭", "closed") if found.closed else Text("开放", "open")
    yield heading(3, f"{found.zh} {found.en} `{found.name}`", f"codelist-{found.name}")
    yield f"版本 edition {found.version} · {both(closed)}"
    rows = [(code(row.code), row.zh, row.en, _validity(row.valid_from, row.valid_to), row.source) for row in found.rows]
    yield table(("code 代码", "中文", "English", "valid 有效期", "source 出处"), rows)


def _validity(since: date, until: date | None) -> str:
    return f"{since.isoformat()} –" if until is None else f"{since.isoformat()} – {until.isoformat()}"


def _title(version: Version) -> Text:
    titles = version.fields[""].titles
    return Text(titles.get("zh", version.family), titles.get("en", version.family))
