"""
Pages of families (类别页): every version with its fields, code lists, rules, examples and changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from tradehall_standards.catalogue import Version, check_payload
from tradehall_standards.docs import layout as at
from tradehall_standards.docs.changes import VersionChanges
from tradehall_standards.docs.layout import Desk, Entry, Page, chip, facts, panel, row, table, title_head, written
from tradehall_standards.docs.markup import Html, Node, fragment, tag
from tradehall_standards.docs.shapes import Shape, shape_at
from tradehall_standards.docs.volume import about_of, later_decisions, title_of
from tradehall_standards.docs.words import Text
from tradehall_standards.fields import Disclosure, Field
from tradehall_standards.rules_cel import CelRule

DISCLOSURE: Final[Mapping[Disclosure, tuple[Text, str]]] = {
    "public": (Text("公开", "public"), "done"),
    "at_opening": (Text("开标时公开", "at the opening"), "running"),
    "panel": (Text("仅限评审", "panel only"), "attention"),
    "never": (Text("不公开", "never"), "waiting"),
}
EVIDENCE: Final[Mapping[str, Text]] = {
    "F": Text("读过原文", "text read"),
    "F2": Text("公开来源转引", "stated by a public source"),
    "M-H": Text("凭记忆，把握大，待核", "from memory, high confidence, to be checked"),
    "M-M": Text("凭记忆，把握中等，待核", "from memory, middle confidence, to be checked"),
    "M-L": Text("凭记忆，把握小，待核", "from memory, low confidence, to be checked"),
    "P": Text("本目录提出", "proposed by this catalogue"),
}
SEVERITY: Final[Mapping[str, tuple[Text, str]]] = {
    "block": (Text("不符即拒收", "refuses"), "failed"),
    "warn": (Text("仅提示", "warns"), "attention"),
    "review": (Text("提请人工复核", "asks for a review"), "attention"),
    "info": (Text("提示", "informs"), "waiting"),
}
OUTCOME: Final[Mapping[str, tuple[Text, str]]] = {
    "proved": (Text("已证明", "proved"), "done"),
    "refuted": (Text("有反例", "refuted"), "failed"),
    "unknown": (Text("未能判定", "not known"), "attention"),
}
DIRECTION: Final[Mapping[str, Text]] = {
    "backward": Text("旧记录在新版下仍合格", "Old records stay valid under the new version"),
    "forward": Text("新记录在旧版下也合格", "New records are valid under the old version too"),
}
_KINDS: Final[Mapping[str, Text]] = {
    "object": Text("对象", "object"),
    "array": Text("列表", "list"),
    "string": Text("文本", "text"),
    "integer": Text("整数", "integer"),
    "boolean": Text("是或否", "yes or no"),
    "null": Text("空值", "null"),
}
_LIMITS: Final[Mapping[str, Text]] = {
    "maxLength": Text("长度 {0}", "length {0}"),
    "maximum": Text("取值 {0}", "value {0}"),
    "maxItems": Text("项数 {0}", "items {0}"),
    "uniqueItems": Text("各项不得重复", "no item twice"),
    "const": Text("固定为 {0}", "always {0}"),
    "enum": Text("取值 {0}", "one of {0}"),
    "format": Text("格式 {0}", "format {0}"),
    "pattern": Text("形式 {0}", "form {0}"),
}
_IDENTIFIERS: Final = Text("标识符校验 {0}", "identifier check {0}")
MAX_INLINE_CODES: Final = 40
_OF_DEFINITION: Final = ("format", "pattern")
"""Told once, where the shared definition is told."""


def family_pages(desk: Desk) -> Iterator[Page]:
    """Yield the page of every family and of every version."""
    for versions in desk.volume.versions.values():
        yield _index(desk, versions)
        for version in versions:
            yield version_page(desk, version)


def path_of(version: Version) -> str:
    """Return the permalink of a version, below the folder of a language."""
    return f"families/{version.family}/{version.version}.html"


def crumbs_of(desk: Desk, family: str) -> tuple[tuple[str | None, str], ...]:
    """Return where a family stands in 一核两翼."""
    part, group = desk.volume.structure.of_family(family)
    speak = desk.speak
    return (
        ("index.html", speak(at.HOME)),
        (f"index.html#{part.id}", f"{speak(part.mark)} · {speak(part.title)}"),
        (f"index.html#{group.id}", speak(group.title)),
    )


def _index(desk: Desk, versions: Sequence[Version]) -> Page:
    speak, newest = desk.speak, versions[-1]
    path, title = f"families/{newest.family}/index.html", title_of(newest)
    heads = [speak(t) for t in (_VERSION, _PUBLISHED, _IN_FORCE, _SUNSET, _DIGEST)]
    rows = [
        row(
            desk.link(path, path_of(version), tag("strong", version.version)),
            version.published_on.isoformat(),
            version.in_force_from.isoformat(),
            _day(version.sunset),
            tag("code", version.digest, class_="digest"),
        )
        for version in reversed(versions)
    ]
    body = fragment(
        title_head(
            speak(title), newest.family, speak(about_of(newest)), fragment(*_pending(desk, newest)), speak.other(title)
        ),
        panel(
            speak(_VERSIONS), "versions", table(heads, rows, speak(_VERSIONS)), tag("p", speak(_CITE), class_="hint")
        ),
        _uses(desk, path, newest.family),
    )
    crumbs = (*crumbs_of(desk, newest.family), (None, speak(title)))
    return Page(path, speak(title), body, crumbs=crumbs)


def _pending(desk: Desk, version: Version) -> Iterator[Node]:
    tone = DISCLOSURE[version.disclosure]
    yield chip(fragment(desk.speak(_DISCLOSED), " ", desk.speak(tone[0])), tone[1])
    if version.id in desk.volume.pending:
        yield chip(desk.speak(_PENDING), "attention")


def version_page(desk: Desk, version: Version) -> Page:
    """Return the page of one version (标准版本页)."""
    speak, path, title = desk.speak, path_of(version), title_of(version)
    name = f"{speak(title)} {version.version}"
    shapes = shapes_of(desk, version)
    body = fragment(
        title_head(speak(title), version.id, speak(about_of(version)), _meta(desk, version), speak.other(title)),
        _contents(desk, version),
        *version_sections(desk, version, path, shapes),
    )
    kind = speak(Text("标准", "standard"))
    entries = [Entry(speak(title), version.id, kind, path, f"{title.zh} {title.en} {speak(about_of(version))}")]
    for place, field in version.fields.items():
        if place in shapes:
            told = text_of_field(field)
            entries.append(
                Entry(
                    speak(told),
                    shapes[place].dotted,
                    f"{speak(_FIELD)} · {name}",
                    f"{path}#{anchor_of(place)}",
                    told.en,
                )
            )
    for rule in version.rules:
        said = Text(rule.message_zh, rule.message_en)
        entries.append(Entry(speak(said), rule.id, f"{speak(_RULE)} · {name}", f"{path}#rule-{rule.id}", rule.clause))
    crumbs = (
        *crumbs_of(desk, version.family),
        (f"families/{version.family}/index.html", speak(title)),
        (None, version.version),
    )
    return Page(path, f"{name} {version.family}", body, tuple(entries), crumbs)


def _meta(desk: Desk, version: Version) -> Html:
    speak, here = desk.speak, path_of(version)
    up = "../" * (here.count("/") + 1)
    folder = f"{up}files/{version.id}"
    downloads: list[Node] = [
        tag("a", "schema.json", href=f"{folder}/schema.json"),
        " · ",
        tag("a", speak(_BUNDLE), href=f"{folder}/bundle.json"),
    ]
    if desk.pdf:
        downloads += [" · ", tag("a", "PDF", href=f"{version.version}.pdf")]
    pairs: list[tuple[str, Node]] = [
        (speak(_PUBLISHED), version.published_on.isoformat()),
        (speak(_IN_FORCE), version.in_force_from.isoformat()),
    ]
    if version.sunset is not None:
        pairs.append((speak(_SUNSET), version.sunset.isoformat()))
    basis = [fragment(", " if number else "", speak.spoken(item)) for number, item in enumerate(version.legal_basis)]
    pairs += [
        (speak(_PREDECESSOR), _before(desk, version)),
        (speak(_BASIS), basis or "—"),
        (speak(_DIGEST), tag("code", version.digest, class_="digest")),
        (speak(_DOWNLOAD), downloads),
    ]
    return fragment(*_pending(desk, version), facts(*pairs))


def _before(desk: Desk, version: Version) -> Node:
    before = desk.volume.predecessor(version)
    if before is None:
        return desk.speak(_FIRST)
    return desk.link(path_of(version), path_of(before), before.version)


def _contents(desk: Desk, version: Version) -> Html:
    speak = desk.speak
    items = [("fields", at_fields(desk, version))]
    if lists_of(desk, version):
        items.append(("codelists", speak(at.LISTS)))
    if version.rules:
        items.append(("rules", f"{speak(_RULES)} {len(version.rules)}"))
    items += [("examples", speak(_EXAMPLES)), ("changes", speak(_CHANGES)), ("citation", speak(_CITATION))]
    links = [tag("li", tag("a", words, href=f"#{anchor}")) for anchor, words in items]
    return tag("nav", tag("ul", links), class_="contents", aria_label=speak(_ON_THIS_PAGE))


def at_fields(desk: Desk, version: Version) -> str:
    """Return the heading of the field table with the number of fields."""
    return f"{desk.speak(_FIELDS)} {len(shapes_of(desk, version))}"


def version_sections(
    desk: Desk, version: Version, here: str, shapes: Mapping[str, Shape], prefix: str = ""
) -> Iterator[Html]:
    """
    Yield everything that is told of a version (版本正文).

    Args:
        desk: what the makers of pages share.
        version: the version.
        here: the page that it is written on.
        shapes: from :func:`shapes_of`.
        prefix: makes the anchors of several versions on one page different.
    """
    yield _fields(desk, version, here, shapes, prefix)
    yield from _codelists(desk, version, here, prefix)
    if version.rules:
        yield _rules(desk, version, prefix)
    yield _uses(desk, here, version.family, prefix)
    if not prefix:
        yield _examples(desk, version)
    yield _changes(desk, version, here, prefix)
    if not prefix:
        yield _citation(desk, version)


# --- fields


_SHAPES: dict[str, Mapping[str, Shape]] = {}


def shapes_of(desk: Desk, version: Version) -> Mapping[str, Shape]:
    """Return the shapes of all places that the field table shows; a published version never changes."""
    found = _SHAPES.get(version.digest)
    if found is None:
        documents, paths = desk.volume.sources.documents, version.fields.keys()
        found = _SHAPES[version.digest] = {
            path: shape_at(version.bundle, path, documents)
            for path in paths
            if path and not (path.endswith("/*") and any(other.startswith(path + "/") for other in paths))
        }
    return found


def anchor_of(path: str) -> str:
    """Return the anchor of a field: ``field-lots-each-ceiling``."""
    return "field" + path.replace("/", "-").replace("*", "each").replace("~", "_")


def text_of_field(field: Field) -> Text:
    """Return the title of a field."""
    return Text(field.titles.get("zh", ""), field.titles.get("en", ""))


def _fields(desk: Desk, version: Version, here: str, shapes: Mapping[str, Shape], prefix: str) -> Html:
    speak = desk.speak
    heads = [speak(t) for t in (_FIELD_NAME, _MEANING, _TYPE, _REQUIRED, _WHO_SEES)]
    rows = [_field(desk, version, version.fields[path], shape, here, prefix) for path, shape in shapes.items()]
    extra = {
        key: version.schema[key] for key in ("if", "then", "else", "allOf", "anyOf", "oneOf") if key in version.schema
    }
    conditions = [tag("h3", speak(_CONDITIONS)), written(extra)] if extra else []
    return panel(
        speak(_FIELDS),
        f"{prefix}fields",
        table(heads, rows, speak(_FIELDS), class_="fields"),
        conditions,
        note=speak(Text(f"{len(rows)} 个", f"{len(rows)} of them")),
    )


def _field(desk: Desk, version: Version, field: Field, shape: Shape, here: str, prefix: str) -> Html:
    speak, anchor = desk.speak, prefix + anchor_of(field.path)
    about = Text(field.descriptions.get("zh", ""), field.descriptions.get("en", ""))
    title, tone = text_of_field(field), DISCLOSURE[field.disclosure]
    return row(
        tag("a", tag("code", _breakable(shape.dotted)), href=f"#{anchor}", class_="anchor"),
        fragment(
            tag("strong", speak(title)), " ", speak.other(title), tag("p", speak(about)) if about.is_complete else None
        ),
        _type(desk, version, shape, here),
        tag("strong", speak(_YES)) if field.required else tag("span", speak(_NO), class_="muted"),
        chip(speak(tone[0]), tone[1]) if field.disclosure != version.disclosure else speak(tone[0]),
        anchor=anchor,
    )


def _breakable(dotted: str) -> Html:
    """Let a long name break where a member begins."""
    parts = dotted.split(".")
    return fragment(
        [fragment("." if number else None, tag("wbr") if number else None, part) for number, part in enumerate(parts)]
    )


def _type(desk: Desk, version: Version, shape: Shape, here: str) -> Html:
    speak = desk.speak
    kinds = " / ".join(speak(_KINDS[kind]) for kind in shape.kinds if kind in _KINDS)
    parts: list[Node] = [kinds or speak(_ANY)]
    if shape.definition is not None:
        document, name = shape.definition
        parts.append(
            fragment(" ", desk.link(here, f"definitions/{document.rpartition('/')[2]}.html#{name}", tag("code", name)))
        )
    if shape.codelist is not None and shape.codelist in version.codelists:
        edition = version.codelists[shape.codelist]
        there = f"codelists/{edition.name}/{edition.version}.html"
        words = speak(Text(edition.zh, edition.en))
        parts.append(tag("p", speak(at.LISTS), " ", desk.link(here, there, words)))
    own = shape.limits if shape.definition is None else [pair for pair in shape.limits if pair[0] not in _OF_DEFINITION]
    limits = [tag("li", _limit(desk, keyword, value)) for keyword, value in own]
    if shape.identifier is not None:
        limits.append(tag("li", speak(_IDENTIFIERS).format(shape.identifier)))
    return fragment(parts, tag("ul", limits, class_="limits") if limits else None)


def _limit(desk: Desk, keyword: str, value: str) -> Html:
    before, _, after = desk.speak(_LIMITS[keyword]).partition("{0}")
    return fragment(before, tag("code", value) if value else None, after)


# --- code lists, rules, uses


def lists_of(desk: Desk, version: Version) -> list[str]:
    """Return the code lists that the fields of a version use, in their order."""
    return list(
        dict.fromkeys(
            s.codelist for s in shapes_of(desk, version).values() if s.codelist in version.codelists and s.codelist
        )
    )


def _codelists(desk: Desk, version: Version, here: str, prefix: str) -> Iterator[Html]:
    speak, names = desk.speak, lists_of(desk, version)
    if not names:
        return
    blocks: list[Node] = []
    for name in names:
        edition = version.codelists[name]
        there = f"codelists/{name}/{edition.version}.html"
        link = desk.link(
            here, there, speak(Text(edition.zh, edition.en)), " ", tag("code", f"{name} {edition.version}")
        )
        blocks.append(tag("h3", link))
        if prefix:
            continue
        if len(edition.rows) > MAX_INLINE_CODES:
            blocks.append(
                tag("p", speak(Text(f"共 {len(edition.rows)} 个代码", f"{len(edition.rows)} codes")), class_="hint")
            )
            continue
        items = [tag("div", tag("dt", tag("code", r.code)), tag("dd", speak(Text(r.zh, r.en)))) for r in edition.rows]
        blocks.append(tag("dl", items, class_="codes"))
    yield panel(speak(at.LISTS), f"{prefix}codelists", blocks, note=str(len(names)))


def _rules(desk: Desk, version: Version, prefix: str) -> Html:
    items = [_rule(desk, rule, prefix) for rule in version.rules]
    return panel(desk.speak(_RULES), f"{prefix}rules", items, note=str(len(items)))


def _rule(desk: Desk, rule: CelRule, prefix: str) -> Html:
    speak, tone = desk.speak, SEVERITY[rule.severity]
    examples = [
        tag(
            "details",
            tag("summary", speak(words)),
            [written(example.payload) for example in rule.examples if example.expected is wanted],
        )
        for wanted, words in ((True, _HOLDS), (False, _FAILS))
        if any(example.expected is wanted for example in rule.examples)
    ]
    return tag(
        "article",
        tag(
            "h3",
            tag("a", tag("code", rule.id), href=f"#{prefix}rule-{rule.id}", class_="anchor"),
            " ",
            speak(Text(rule.message_zh, rule.message_en)),
        ),
        facts(
            (speak(_EFFECT), chip(speak(tone[0]), tone[1])),
            (speak(_CLAUSE), speak.spoken(rule.clause)),
            (speak(_SOURCE), f"{speak(EVIDENCE[rule.evidence])} ({rule.evidence})"),
            (speak(_SHOWN_AT), tag("code", rule.pointer or "/")),
        ),
        tag("pre", tag("code", rule.expression), class_="expression", tabindex="0"),
        None if prefix else examples,
        id=f"{prefix}rule-{rule.id}",
        class_="rule",
    )


def _uses(desk: Desk, here: str, family: str, prefix: str = "") -> Html:
    speak, volume = desk.speak, desk.volume
    found = volume.uses.get(family, ())
    if not found:
        return fragment()
    heads = [speak(t) for t in (_PROCEDURE, _STATE, _WHO, _NEXT, _CLAUSE)]
    rows = [
        row(
            desk.link(here, f"procedures/{procedure.id}.html", speak(procedure.title)),
            speak(procedure.states[step.state]),
            "、".join(speak(volume.terms.name("roles", role)) for role in step.roles)
            if desk.lang == "zh"
            else "; ".join(speak(volume.terms.name("roles", role)) for role in step.roles),
            " / ".join(speak(procedure.states[to]) for to in step.leads) if step.leads != (step.state,) else "—",
            speak.spoken(step.clause),
        )
        for procedure, step in found
    ]
    return panel(speak(_USES), f"{prefix}uses", table(heads, rows, speak(_USES)))


# --- examples


def _examples(desk: Desk, version: Version) -> Html:
    speak = desk.speak
    valid = [
        tag(
            "details",
            tag("summary", chip(speak(_VALID), "done"), " ", tag("code", name)),
            written(payload),
            open=number == 0,
        )
        for number, (name, payload) in enumerate(version.valid_examples.items())
    ]
    invalid: list[Node] = []
    for name, example in version.invalid_examples.items():
        findings = check_payload(version, example.payload, version.in_force_from)
        told = [
            tag(
                "li",
                tag("code", finding.pointer or "/"),
                " ",
                speak((finding.message_zh, finding.message_en)),
                " ",
                tag("code", finding.rule, class_="muted"),
            )
            for finding in findings
        ]
        summary = tag("summary", chip(speak(_INVALID), "failed"), " ", tag("code", name))
        invalid.append(tag("details", summary, tag("ul", told, class_="findings"), written(example.payload)))
    count = Text(f"正例 {len(valid)}，反例 {len(invalid)}", f"{len(valid)} valid, {len(invalid)} invalid")
    return panel(speak(_EXAMPLES), "examples", valid, invalid, note=speak(count))


# --- changes


def _changes(desk: Desk, version: Version, here: str, prefix: str) -> Html:
    speak, found = desk.speak, desk.changes.get(version.id)
    later = [
        tag(
            "li",
            f"{decision.known_from.isoformat()} {decision.event} {_day(decision.on)} ",
            speak((decision.reason["zh"], decision.reason["en"])),
        )
        for decision in later_decisions(version)
    ]
    after = [tag("h3", speak(_LATER)), tag("ul", later)] if later else []
    if found is None:
        return panel(speak(_CHANGES), f"{prefix}changes", tag("p", speak(_FIRST_VERSION)), after)
    note = desk.link(here, path_of(found.before), found.before.version)
    return panel(speak(_CHANGES), f"{prefix}changes", _verdicts(desk, found), _located(desk, found), after, note=note)


def _verdicts(desk: Desk, found: VersionChanges) -> Iterator[Html]:
    speak = desk.speak
    for verdict in (found.comparison.backward, found.comparison.forward):
        words, tone = OUTCOME[verdict.outcome]
        witness = verdict.witness
        yield tag(
            "article",
            tag("h3", speak(DIRECTION[verdict.direction]), " ", chip(speak(words), tone)),
            tag("p", speak((verdict.message_zh, verdict.message_en))),
            None
            if witness is None
            else tag(
                "details",
                tag(
                    "summary",
                    speak(_WITNESS),
                    " ",
                    tag("code", witness.place or "/"),
                    " ",
                    tag("code", witness.keyword),
                ),
                written(witness.document),
                open=True,
            ),
            class_="rule",
        )


def _located(desk: Desk, found: VersionChanges) -> Iterator[Html]:
    from tradehall_standards.compat import change_to_json  # noqa: PLC0415 - only where something changed

    speak = desk.speak
    told = [change_to_json(change) for change in found.comparison.changes if not change.is_note]
    rows = [
        row(tag("code", change["pointer"] or "/"), speak((change["message"]["zh"], change["message"]["en"])))
        for change in told
    ]
    rows += [row(tag("code", f"rules {name}"), speak(text)) for name, text in found.rules]
    rows += [row(tag("code", f"codelists {name}"), speak(text)) for name, text in found.codelists]
    if rows:
        yield table([speak(_PLACE_HEAD), speak(_CHANGE)], rows, speak(_CHANGES))


def _citation(desk: Desk, version: Version) -> Html:
    speak = desk.speak
    cited = {"schema": {"id": version.family, "version": version.version, "digest": version.digest}}
    files = version.source.files
    listed = [row(tag("code", name), tag("code", digest, class_="digest")) for name, digest in files.items()]
    heads = [speak(Text("文件", "file")), "SHA-256"]
    return panel(
        speak(_CITATION),
        "citation",
        tag("p", speak(_CITE)),
        written(cited),
        tag("details", tag("summary", speak(_FILES), f" {len(listed)}"), table(heads, listed, speak(_FILES))),
    )


def _day(day: object) -> str:
    return "—" if day is None else str(day)


_VERSION = Text("版本", "version")
_VERSIONS = Text("全部版本", "All versions")
_PUBLISHED = Text("发布日期", "published")
_IN_FORCE = Text("实施日期", "in force from")
_SUNSET = Text("废止日期", "withdrawn from")
_DIGEST = Text("摘要", "digest")
_DISCLOSED = Text("记录", "records:")
_PENDING = Text("尚无已签名的发布收录", "in no signed release yet")
_FIELD, _RULE = Text("字段", "field"), Text("规则", "rule")
_FIELDS, _RULES = Text("字段", "Fields"), Text("校验规则", "Rules")
_EXAMPLES, _CHANGES = Text("示例", "Examples"), Text("与上一版的差异", "What changed since the version before")
_CITATION = Text("引用与文件", "Citation and files")
_ON_THIS_PAGE = Text("本页内容", "On this page")
_BUNDLE = Text("bundle.json（离线合订）", "bundle.json (compound)")
_PREDECESSOR, _FIRST = Text("上一版", "version before"), Text("首版", "none, the first")
_BASIS, _DOWNLOAD = Text("依据", "legal basis"), Text("下载", "files")
_FIELD_NAME, _MEANING = Text("字段名", "field"), Text("含义", "meaning")
_TYPE, _REQUIRED, _WHO_SEES = (
    Text("类型与限制", "type and limits"),
    Text("必填", "required"),
    Text("公开范围", "who sees it"),
)
_CONDITIONS = Text("条件约束", "Conditions")
_YES, _NO, _ANY = Text("必填", "yes"), Text("可选", "no"), Text("任意", "any")
_HOLDS, _FAILS = Text("符合规则的例子", "examples that hold"), Text("不符合规则的例子", "examples that fail")
_EFFECT, _CLAUSE, _SOURCE = Text("效力", "effect"), Text("依据", "clause"), Text("依据来源", "source")
_SHOWN_AT = Text("提示位置", "shown at")
_PROCEDURE, _STATE, _WHO, _NEXT = (
    Text("程序", "procedure"),
    Text("状态", "state"),
    Text("谁", "who"),
    Text("下一状态", "next state"),
)
_USES = Text("用于哪些程序", "Where it is filed")
_VALID, _INVALID = Text("合格", "valid"), Text("不合格", "invalid")
_LATER = Text("发布之后的决定", "Decided after publication")
_FIRST_VERSION = Text("这是首版，没有可比的上一版。", "This is the first version: there is none before it.")
_WITNESS = Text("反例，拒绝处", "Witness, refused at")
_PLACE_HEAD, _CHANGE = Text("位置", "place"), Text("变更", "change")
_FILES = Text("文件摘要", "Digests of files")
_CITE = Text(
    "记录引用确切版本和摘要，不引用“最新版”。",
    "Records cite an exact version and its digest; “latest” can't be cited.",
)
