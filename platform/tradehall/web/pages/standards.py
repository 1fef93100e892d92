"""
The catalogue (标准目录): families in groups, every field of a version, code lists and rules.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Final, Literal

from tradehall.kernel.payload import Obj, obj, texts
from tradehall.web.pages import diffing
from tradehall.web.portal import paths
from tradehall.web.portal import views as v
from tradehall.web.portal.views import Label, Tone
from tradehall.web.portal.views_catalogue import ComparePage
from tradehall.web.problems import Problem
from tradehall_standards import Json, lifecycle, strict
from tradehall_standards.catalogue import Catalogue, Version
from tradehall_standards.compat import Comparison
from tradehall_standards.sources import default_root

GROUPS: Final[tuple[tuple[Label, tuple[str, ...]], ...]] = (
    (
        Label("招标", "Tendering"),
        (
            "project",
            "tender_document",
            "tender_notice",
            "invitation",
            "prequalification_result",
            "document_access",
            "question",
            "clarification",
            "deadline_extension",
        ),
    ),
    (
        Label("投标与密封", "Sealed bids"),
        (
            "bid_commitment",
            "sealed_bid",
            "bid_confirmation",
            "bid_withdrawal",
            "bidder_qualification",
            "bidder_team",
            "bid_fingerprint",
            "margin_record",
        ),
    ),
    (
        Label("开标", "Opening"),
        ("opening_start", "key_release", "share_release", "bid_disclosure", "opening_record", "failed_tender"),
    ),
    (
        Label("远程异地评标", "Remote evaluation"),
        (
            "remote_session",
            "venue_decision",
            "draw_commitment",
            "expert_draw",
            "recusal",
            "seat_booking",
            "check_in",
            "session_event",
            "expert_registration",
            "score_commitment",
            "score_sheet",
        ),
    ),
    (
        Label("评标结果与定标", "Result and award"),
        (
            "bid_rejection",
            "abnormal_price_review",
            "evaluation_report",
            "report_signature",
            "tie_draw",
            "candidate_publicity",
            "award_notice",
            "contract_filing",
            "contract_change",
            "performance_record",
            "archive_package",
        ),
    ),
    (
        Label("电子卖场", "E-mall"),
        ("mall_listing", "mall_order", "reverse_auction_notice", "reverse_auction_bid", "reverse_auction_result"),
    ),
    (
        Label("土地与产权", "Land and property"),
        ("land_listing", "land_application", "land_bid", "land_result", "property_listing", "property_result"),
    ),
    (
        Label("电子保函", "Guarantee letters"),
        ("guarantee_application", "guarantee_decision", "guarantee_letter", "guarantee_event"),
    ),
    (
        Label("异议、投诉与监督", "Objections and supervision"),
        (
            "objection",
            "objection_reply",
            "complaint",
            "complaint_decision",
            "proposal",
            "cancellation",
            "outage_record",
            "abnormity_report",
            "risk_alert",
            "violation",
            "blacklist",
        ),
    ),
    (
        Label("标准修订", "Revision of standards"),
        (
            "standard_draft",
            "standard_consultation",
            "standard_comment",
            "standard_comment_reply",
            "standard_approval",
            "standard_publication",
            "standard_review",
            "standard_deprecation",
            "standard_withdrawal",
        ),
    ),
)
SCHEMA: Final = Label("JSON Schema（含代码集）", "JSON Schema with code lists")
OTHERS: Final = Label("其他", "Others")
_TONES: Final[dict[str, Tone]] = {
    "in_force": "done",
    "consultation": "attention",
    "published": "attention",
    "under_review": "attention",
    "withdrawn": "failed",
}
STATES: Final[dict[str, tuple[Label, Tone]]] = {
    state: (Label(zh, en), _TONES.get(state, "waiting")) for state, (zh, en) in lifecycle.TITLES.items()
}
ANY: Final = "*"
"""Any index of an array, or any free key."""

_BRANCHES: Final = ("allOf", "anyOf", "oneOf")
_CONDITIONS: Final = ("then", "else")
_BOUNDS: Final = (("minLength", "maxLength"), ("minimum", "maximum"), ("minItems", "maxItems"))


@cache
def catalogue_digest() -> str:
    """Return the head of the published index, which names the whole catalogue (目录指纹)."""
    index = strict.parse((default_root() / "catalogue.json").read_bytes())
    return str(obj(index).get("head", ""))


@dataclass(frozen=True, slots=True)
class Standards:
    """Makes the pages of the catalogue as of a date (标准目录装配)."""

    catalogue: Catalogue
    on: date
    page: v.Page

    def index(self, query: str) -> v.StandardsPage:
        """Return the list, narrowed to families in which every word of ``query`` occurs."""
        words = query.casefold().split()
        grouped = {name for _, names in GROUPS for name in names}
        rest = tuple(name for name in self.catalogue.families() if name not in grouped)
        groups: list[v.FamilyGroup] = []
        for title, names in (*GROUPS, (OTHERS, rest)):
            rows = tuple(self._row(x) for name in names if (x := self._current(name)) is not None and _fits(x, words))
            if rows:
                groups.append(v.FamilyGroup(title, rows))
        return v.StandardsPage(
            site=self.page.site,
            now=self.page.now,
            path=self.page.path,
            query=query,
            groups=tuple(groups),
            code_lists=tuple(
                r for name in self.catalogue.codelists() if (r := self._list_row(name, words)) is not None
            ),
            catalogue_digest=catalogue_digest(),
        )

    def _current(self, family: str) -> Version | None:
        versions = self.catalogue.versions(family)
        return self.catalogue.resolve(family, self.on) or (versions[-1] if versions else None)

    def _status(self, version: Version) -> tuple[Label, Tone]:
        return STATES[self.catalogue.state(version, self.on)]

    def _row(self, version: Version) -> v.FamilyRow:
        status, tone = self._status(version)
        return v.FamilyRow(
            id=version.family,
            title=_title(version),
            purpose=_purpose(version),
            version=version.version,
            status=status,
            tone=tone,
            effective_from=version.in_force_from,
            fields=len(field_rows(version)),
            digest=version.digest,
        )

    def _list_row(self, name: str, words: list[str]) -> v.CodeListRow | None:
        found = self.catalogue.codelist(name, self.on)
        if found is None or not _has(f"{name} {found.zh} {found.en}", words):
            return None
        title, dated = Label(found.zh, found.en), date.fromisoformat(found.version)
        href = paths.code_list(name)
        return v.CodeListRow(id=name, title=title, dated=dated, codes=len(found.rows), href=href)

    def family(self, family: str, version: str | None) -> v.FamilyPage:
        """
        Return one version of a family, the one in force unless one is named.

        Raises:
            Problem: NOT-FOUND.
        """
        found = self._current(family) if version is None else self.catalogue.version(family, version)
        if found is None:
            raise Problem("NOT-FOUND")
        status, tone = self._status(found)
        fields = field_rows(found)
        used = sorted({f.code_list for f in fields if f.code_list})
        return v.FamilyPage(
            site=self.page.site,
            now=self.page.now,
            path=self.page.path,
            id=family,
            title=_title(found),
            purpose=_purpose(found),
            version=found.version,
            status=status,
            tone=tone,
            effective_from=found.in_force_from,
            digest=found.digest,
            fields=fields,
            versions=tuple(self._version_row(x, current=x is found) for x in reversed(self.catalogue.versions(family))),
            rules=tuple(
                v.RuleRow(
                    id=rule.id,
                    message=Label(rule.message_zh, rule.message_en),
                    clause=rule.clause,
                    severity="error" if rule.severity == "block" else "warning",
                )
                for rule in found.rules
            ),
            code_lists=tuple(_code_list(found, name) for name in used if name in found.codelists),
            links=(
                v.Link(
                    SCHEMA,
                    f"/api/v1/schemas/{family}/{found.version}",
                ),
                *(v.Link(Label(f"代码集 {name}", f"Code list {name}"), f"/api/v1/codelists/{name}") for name in used),
            ),
        )

    def compare(self, old: Version, new: Version, found: Comparison) -> ComparePage:
        """Return two versions of a family side by side (版本对比)."""
        changes, notes = diffing.change_rows(found)
        floor = diffing.floor_of(old, new, found, self.on)
        rows = tuple(self._version_row(x, current=x is new) for x in self.catalogue.versions(new.family))
        return ComparePage(
            site=self.page.site,
            now=self.page.now,
            path=self.page.path,
            id=new.family,
            title=_title(new),
            old=self._version_row(old, current=False),
            new=self._version_row(new, current=True),
            versions=rows,
            backward=diffing.verdict_view(found.backward),
            forward=diffing.verdict_view(found.forward),
            floor=floor.floor if floor else "",
            kept=floor is None or floor.is_kept,
            why=diffing.reasons(floor) if floor else (),
            changes=changes,
            notes=notes,
            rules=diffing.rule_changes(old, new),
            lines=diffing.diff_lines(old.bundle, new.bundle),
        )

    def _version_row(self, version: Version, *, current: bool) -> v.VersionRow:
        status, tone = self._status(version)
        return v.VersionRow(
            version=version.version,
            status=status,
            tone=tone,
            effective_from=version.in_force_from,
            digest=version.digest,
            current=current,
        )


def _label(texts_: Mapping[str, str], other: str) -> Label:
    return Label(texts_.get("zh", other), texts_.get("en", other))


def _title(version: Version) -> Label:
    return _label(version.fields[""].titles, version.family)


def _purpose(version: Version) -> Label:
    return _label(version.fields[""].descriptions, "")


def _has(text: str, words: list[str]) -> bool:
    return all(word in text.casefold() for word in words)


def _fits(version: Version, words: list[str]) -> bool:
    parts = [version.family, *(_text(f.titles) + " " + path for path, f in version.fields.items())]
    return not words or _has(" ".join((*parts, _text(version.fields[""].descriptions))), words)


def _text(titles: Mapping[str, str]) -> str:
    return " ".join(titles.values())


def _code_list(version: Version, name: str) -> v.CodeList:
    found = version.codelists[name]
    sources = list(dict.fromkeys(row.source for row in found.rows if row.source))
    return v.CodeList(
        id=name,
        title=Label(found.zh, found.en),
        dated=date.fromisoformat(found.version),
        codes=tuple(
            v.Code(code=r.code, label=Label(r.zh, r.en), valid_from=r.valid_from, valid_to=r.valid_to)
            for r in found.rows
        ),
        source=sources[0] if len(sources) == 1 else "",
    )


# --- fields ---------------------------------------------------------------------------------------------------


_ROWS: dict[str, tuple[v.FieldRow, ...]] = {}


def field_rows(version: Version) -> tuple[v.FieldRow, ...]:
    """Return the fields of a version in the order of its schema (字段表); a published version never changes."""
    found = _ROWS.get(version.digest)
    if found is None:
        found = _ROWS[version.digest] = tuple(_field_rows(version))
    return found


def _field_rows(version: Version) -> Iterator[v.FieldRow]:
    paths = version.fields.keys()
    for path, field in version.fields.items():
        is_item_with_members = path.endswith("/*") and any(p.startswith(path + "/") for p in paths)
        if not path or is_item_with_members:
            continue
        node = schema_at(version.bundle, path)
        code_list = node.get("x-codelist")
        note = _label(field.descriptions, "") if field.descriptions else None
        yield v.FieldRow(
            path=_dotted(version.bundle, path),
            name=_label(field.titles, path),
            type=_type(node),
            required=field.required,
            disclosure=_disclosure(field.disclosure),
            limits=_limits(node),
            code_list=str(code_list) if code_list else None,
            note=note,
        )


def _disclosure(word: str) -> Literal["public", "at_opening", "panel", "never"]:
    return word if word in ("public", "at_opening", "panel") else "never"  # type: ignore[return-value]


def schema_at(bundle: Obj, path: str) -> Obj:
    """Return what a bundle says of a place such as ``/lots/*/ceiling``; empty when it says nothing."""
    nodes = list(_expanded(bundle, bundle, 0))
    for token in path.split("/")[1:]:
        nodes = [inner for node in nodes for child in _children(node, token) for inner in _expanded(bundle, child, 0)]
    merged: dict[str, Json] = {}
    for node in nodes:
        merged = {**node, **merged}
    return merged


def _expanded(bundle: Obj, node: Obj, depth: int) -> Iterator[Obj]:
    """Yield a node, what it refers to, and its branches."""
    if depth > 8:  # noqa: PLR2004 - references of a published schema don't nest deeper, nor do they turn in circles
        return
    yield node
    reference = node.get("$ref")
    if isinstance(reference, str):
        name = reference.rpartition("/")[2]
        yield from _expanded(bundle, obj(obj(bundle.get("$defs")).get(name)), depth + 1)
    for keyword in _BRANCHES:
        branches = node.get(keyword)
        for branch in branches if isinstance(branches, list) else ():
            yield from _expanded(bundle, obj(branch), depth + 1)
    for keyword in _CONDITIONS:
        if keyword in node:
            yield from _expanded(bundle, obj(node[keyword]), depth + 1)


def _children(node: Obj, token: str) -> Iterator[Obj]:
    found = obj(node.get("properties")).get(token.replace("~1", "/").replace("~0", "~"))
    if isinstance(found, dict):
        yield found
    if token == ANY:
        if isinstance(node.get("items"), dict):
            yield obj(node["items"])
        yield from (obj(x) for x in obj(node.get("patternProperties")).values())


def _dotted(bundle: Obj, path: str) -> str:
    """Write a place for people: ``lots[].ceiling.amount``."""
    written, place = "", ""
    for token in path.split("/")[1:]:
        is_list = token == ANY and "items" in schema_at(bundle, place)
        written += "[]" if is_list else f".{token}"
        place += f"/{token}"
    return written.lstrip(".")


def _type(node: Obj) -> str:
    kind = node.get("type")
    if isinstance(kind, list):
        return " | ".join(str(k) for k in kind)
    if kind is None and "const" in node:
        return "const"
    return str(kind) if kind is not None else "object" if "properties" in node else "any"


def _limits(node: Obj) -> str:
    parts: list[str] = []
    if "const" in node:
        parts.append(f"= {node['const']}")
    if "x-codelist" not in node and (values := texts(node.get("enum"))):
        parts.append(" | ".join(values))
    for low, high in _BOUNDS:
        if low in node or high in node:
            parts.append(_range(node.get(low), node.get(high)))
    if "pattern" in node:
        parts.append(str(node["pattern"]))
    return "  ".join(parts)


def _range(low: Json, high: Json) -> str:
    if low is None:
        return f"≤ {high}"
    if high is None:
        return f"≥ {low}"
    return f"{low}" if low == high else f"{low}…{high}"
