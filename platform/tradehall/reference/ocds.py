"""
The page ``ocds`` (参考页：开放合同数据): which record says what in OCDS, made by telling the catalogue's own examples.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, cast

from tradehall.kernel.refusal import Text
from tradehall.ocds import taking, words
from tradehall.ocds.merging import is_list, is_node
from tradehall.ocds.packages import extension
from tradehall.ocds.telling import TELLS, Sections
from tradehall.ocds.told import UNTOLD, Told
from tradehall.reference.markdown import code, table
from tradehall_standards import Catalogue, canonical

if TYPE_CHECKING:
    from tradehall_standards import Json

_AT: Final = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
_BEFORE: Final = ("project", "tender_document", "tender_notice", "opening_start", "bid_disclosure", "award_notice")
_HEAD: Final = """\
# OCDS 开放合同数据

Made by `tradehall reference`; do not edit.

已公告的每个项目都可作为 OCDS 1.1 发布包或记录包取得：`GET /api/v1/cases/{case}/ocds`（`?form=record` 为记录包）、
`GET /api/v1/ocds`（分页）、`GET /api/v1/ocds.jsonl`（逐行）、`tradehall ocds export`（也可由证据文件离线导出）。
只含此刻已公开的内容：开标前没有投标数量、投标人和任何投标内容；提问、异议、投诉自开标起，评标报告自候选人公示起公开。
电子保函与远程评标的案卷是保密的，不导出；其结果已在开标、评标的公开记录中。

Every published case is an OCDS 1.1 release or record package: `GET /api/v1/cases/{case}/ocds` (`?form=record`),
`GET /api/v1/ocds` (pages), `GET /api/v1/ocds.jsonl` (lines), `tradehall ocds export` (offline from
an evidence file too).
A package holds what is public at that moment only: before the opening neither number of bids nor
bidder nor anything of a bid;
questions, objections and complaints from the opening on, evaluation reports from the display of the candidates on.
Cases of guarantees and remote evaluations are secret and never exported; what came of them stands
in the public records.

- **ocid** = prefix + case. The prefix is `TRADEHALL_OCDS_PREFIX`; a publisher registers its own
  with the Open Contracting
  Partnership. The default `{placeholder}` is visibly none. 前缀须由发布者向开放合同伙伴组织登记；缺省值只是占位。
- **Release id** = ocid + the first 16 digits of the digest of the record that made it: it never
  changes. 发布编号由记录摘要而来，永不改变。
- **Organisations**: `{scheme}` of org-id.guide (统一社会信用代码); others `x_…`.
- **Amounts** have the digits of the record; none passes through a float. 金额逐位照录，不经浮点数。
- **Languages**: text is Chinese, `…_en` where the platform knows the English words. The official
  schema of versioned releases
  knows no history of translations, so they stand in releases and compiled releases only.
- **Validity**: every state of the stories is checked against the official 1.1.5 schemas (kept in
  `platform/tradehall/ocds/standard`, Apache-2.0) by two engines and by libcoveocds; compiled and
  versioned releases
  equal those of ocdsmerge.
"""
_IN: Final = """
## Import 导入

`tradehall import ocds FILE -o FOLDER` reads release and record packages, bare releases and records,
JSON or JSON Lines, 1.0 and
1.1, and writes unsigned drafts and `report.json`. Every leaf of the input stands in the report by
JSON Pointer: as mapped, or
with one of these reasons. Of two sources of one field the first wins and the other is reported.
导入得未签名草稿与报告；输入的每个叶值或已映射，或以下列事由列明，不会无声丢失。

"""


def ocds_page(catalogue: Catalogue) -> str:
    """Return the page in Markdown (参考页)."""
    head = _HEAD.replace("{placeholder}", words.PLACEHOLDER).replace("{scheme}", words.SCHEME)
    parts = [
        head,
        "## Export 导出\n",
        table(("record 记录", "what it says there 内容", "tag 标签", "fields written 字段"), _rows(catalogue)),
        "\n## Never told 不导出的记录\n",
        table(("record 记录", "why 理由"), ((code(family), why) for family, why in UNTOLD.items())),
        "\n## Fields of our extension 本平台扩展的字段\n",
        table(("object 对象", "field 字段", "meaning 含义"), _fields()),
        _IN,
        table(("reason 事由", "中文", "English"), ((code(why), text.zh, text.en) for why, text in taking.WHY.items())),
    ]
    return "\n".join(parts).rstrip("\n") + "\n"


def _fields() -> Iterator[tuple[str, str, str]]:
    for name, definition in extension("release-schema.json")["definitions"].items():
        for field, shape in definition["properties"].items():
            yield code(name), code(field), f"{shape['title_zh']} {shape['title']}"


def _rows(catalogue: Catalogue) -> Iterator[tuple[str, str, str, str]]:
    for family in TELLS:
        tell = TELLS[family]
        tag, paths = _writes(catalogue, family)
        said = (tell.__doc__ or "").strip().splitlines()[0]
        yield code(family), said, code(tag), ", ".join(code(path) for path in paths)


def _writes(catalogue: Catalogue, family: str) -> tuple[str, list[str]]:
    """Return the tag and the fields that a family's examples write into a tender that has come so far."""
    found: dict[str, None] = {}
    tag = ""
    for payload in catalogue.versions(family)[-1].valid_examples.values():
        sections = Sections("t-example", "", lambda _list, word: Text(word, word), lambda name: Text(name, name))
        for before in _BEFORE[: _BEFORE.index(family)] if family in _BEFORE else _BEFORE:
            _tell(sections, before, next(iter(catalogue.versions(before)[-1].valid_examples.values())))
        old = dict(_leaves(sections.now(), ""))
        tag = _tell(sections, family, payload)
        found |= {path: None for path, value in _leaves(sections.now(), "") if value != old.get(path)}
    return tag, sorted(found)


def _tell(sections: Sections, family: str, payload: Json) -> str:
    told = Told(canonical.digest(payload), family, "org:9151010000T000011K", _AT, cast("Mapping[str, Json]", payload))
    return TELLS[family](sections, told)


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    gathered: dict[str, list[Any]] = {}

    def walk(inner: Any, at: str) -> None:
        if is_node(inner):
            for name, member in inner.items():
                walk(member, f"{at}/{name}" if at else name)
        elif is_list(inner) and at.endswith("documents"):
            gathered[at] = inner
        elif is_list(inner):
            for item in inner:
                walk(item, f"{at}[]" if is_node(item) else at)
        else:
            gathered.setdefault(at, []).append(inner)

    walk(value, path)
    yield from gathered.items()
