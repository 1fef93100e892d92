"""The documentation: complete in both languages, well-formed, self-contained, the same bytes every time."""

from __future__ import annotations

import html
import json
import re
import shutil
import time
from collections import Counter
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from posixpath import normpath
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner

from standards import mini
from tradehall_standards.build import build
from tradehall_standards.commands import standards_commands
from tradehall_standards.docs import DocsError, Volume, build_site, read_volume
from tradehall_standards.docs.diagram import draw, plan, width_of
from tradehall_standards.docs.families import anchor_of
from tradehall_standards.docs.site import printed_pages
from tradehall_standards.docs.structure import read_structure
from tradehall_standards.docs.volume import Procedure, Step
from tradehall_standards.docs.words import LANGS, Speaker, Text, read_terms
from tradehall_standards.release.releases import unit_of
from tradehall_standards.sources import default_root

SCHEMAS = default_root()
SECONDS = 20
CHINESE = re.compile(r"[\u3400-\u9fff]")
HOSTILE = "<script>alert(1)</script>&\"'</h1><!--"

Site = dict[str, bytes]


def _parsed(content: bytes | str) -> ET.Element:
    """Parse one of our own pages or pictures as XML."""
    return ET.fromstring(content)  # noqa: S314  - what we made a moment ago


@pytest.fixture(scope="module")
def made() -> tuple[Volume, Site, float]:
    started = time.process_time()
    volume = read_volume()
    site = build_site(volume, LANGS)
    return volume, site, time.process_time() - started


@pytest.fixture(scope="module")
def volume(made: tuple[Volume, Site, float]) -> Volume:
    return made[0]


@pytest.fixture(scope="module")
def site(made: tuple[Volume, Site, float]) -> Site:
    return made[1]


@pytest.fixture(scope="module")
def trees(site: Site) -> dict[str, ET.Element]:
    """Every page parsed as XML: whatever is not well-formed ends the tests here."""
    return {path: _parsed(content) for path, content in site.items() if path.endswith(".html")}


def test_the_whole_catalogue_builds_in_time(made: tuple[Volume, Site, float]) -> None:
    assert made[2] < SECONDS


# --- everything has a page


@pytest.mark.parametrize("lang", LANGS)
def test_everything_has_a_page(volume: Volume, site: Site, lang: str) -> None:
    wanted = [f"families/{family}/index.html" for family in volume.versions]
    wanted += [f"families/{version.id}.html" for version in volume.all_versions()]
    for name, editions in volume.codelists.items():
        wanted += [
            f"codelists/{name}/index.html",
            *(f"codelists/{name}/{edition.version}.html" for edition in editions),
        ]
    wanted += [f"parameters/{rule.id}.html" for rule in volume.rules]
    wanted += [f"procedures/{name}.html" for name in volume.procedures]
    wanted += [f"releases/{release.name}.html" for release in volume.releases]
    wanted += [f"definitions/{source.version}.html" for source in volume.sources.commons]
    assert {f"{lang}/{path}" for path in wanted} <= site.keys()
    records = {path.parent.name for path in SCHEMAS.glob("records/*/*")}
    assert set(volume.versions) == records  # the volume itself forgot nothing that lies in the folder
    assert set(volume.codelists) == {path.parent.name for path in SCHEMAS.glob("codelists/*/*.json")}
    assert set(volume.procedures) == {path.stem for path in SCHEMAS.glob("procedures/*.json")}


def test_a_version_page_tells_every_field_rule_example_and_code(volume: Volume, site: Site) -> None:
    for version in volume.all_versions():
        page = site[f"en/families/{version.id}.html"].decode()
        shown = [path for path in version.fields if f'id="{anchor_of(path)}"' in page]
        hidden = [path for path in version.fields if path and path not in shown]
        assert all(path.endswith("/*") for path in hidden), (version.id, hidden)
        for rule in version.rules:
            assert f'id="rule-{rule.id}"' in page
            assert html.escape(rule.message_en) in page
            assert html.escape(rule.expression) in page
            assert html.escape(rule.clause) in site[f"zh/families/{version.id}.html"].decode()
        assert all(name in page for name in (*version.valid_examples, *version.invalid_examples))


def test_an_invalid_example_is_shown_with_what_refuses_it(site: Site) -> None:
    page = site["zh/families/abnormal_price_review/1.0.0.html"].decode()
    _, _, told = page.partition("late_reply.json")
    assert "说明应在规定时间内提交" in told[:600]
    assert "/reply/at" in told[:600]


def test_one_core_and_two_wings_hold_everything(volume: Volume, site: Site) -> None:
    structure = read_structure()
    assert [part.id for part in structure.parts] == ["core", "data", "region"]
    placed = [(name, structure.of_family(name)[1].id) for name in volume.versions]
    placed += [(name, structure.of_procedure(name)[1].id) for name in volume.procedures]
    placed += [(name, structure.of_codelist(name)[1].id) for name in volume.codelists]
    placed += [(rule.id, structure.of_rule(rule)[1].id) for rule in volume.rules]
    lost = [name for name, group in placed if group == "unplaced"]
    assert not lost, f"name them in docs/structure.json: {lost}"
    named = Counter(name for _, group in structure.groups() for name in group.families)
    assert not [name for name, count in named.items() if count > 1], "a family belongs to one group"
    home = site["zh/index.html"].decode()
    for name in volume.versions:
        assert home.count(f'href="families/{name}/index.html"') == 1
    assert all(home.count(f'href="procedures/{name}.html"') == 1 for name in volume.procedures)


def test_what_nobody_placed_is_shown_as_such(tmp_path: Path) -> None:
    root = mini.write(tmp_path / "schemas")
    build(root)
    assert "尚未归类" in build_site(read_volume(root), ("zh",))["zh/index.html"].decode()


# --- pages


def _texts(node: ET.Element, lang: str) -> list[tuple[str, str]]:
    """Return every text with the language that it is marked as."""
    here = node.get("lang") or lang
    found = [(here, node.text or "")] if node.tag not in {"code", "pre", "svg"} else []
    for child in node:
        if child.tag not in {"code", "pre"} and not child.tag.endswith("svg"):
            found += _texts(child, here)
        found.append((here, child.tail or ""))
    return found


def test_every_page_is_in_form(trees: dict[str, ET.Element]) -> None:
    for path, tree in trees.items():
        lang = {"zh": "zh-CN", "en": "en"}.get(path.partition("/")[0], "zh-CN")
        assert tree.get("lang") == lang, path
        assert len(tree.findall(".//h1")) == 1, path
        assert (tree.findtext("head/title") or "").strip(), path
        ids = [node.get("id") for node in tree.iter() if node.get("id")]
        assert len(ids) == len(set(ids)), (path, [i for i, n in Counter(ids).items() if n > 1])
        heads = [int(node.tag[1]) for node in tree.iter() if re.fullmatch(r"h[1-6]", node.tag)]
        assert heads[0] == 1, path
        assert all(later - earlier <= 1 for earlier, later in pairwise(heads)), (path, heads)


def test_english_pages_mark_what_is_chinese(trees: dict[str, ET.Element]) -> None:
    for path, tree in trees.items():
        if path.startswith("en/"):
            body = tree.find("body")
            assert body is not None
            stray = [text for lang, text in _texts(body, "en") if lang == "en" and CHINESE.search(text)]
            assert not stray, (path, stray[:3])


def test_nothing_comes_from_outside_and_nothing_runs_inline(trees: dict[str, ET.Element]) -> None:
    for path, tree in trees.items():
        policy = [m.get("content") for m in tree.iter("meta") if m.get("http-equiv") == "Content-Security-Policy"]
        assert policy, path
        assert policy[0] is not None
        assert policy[0].startswith("default-src 'none'"), path
        for node in tree.iter():
            assert node.tag not in {"iframe", "object", "embed", "base", "style"}, path
            assert not [name for name in node.attrib if name == "style" or name.startswith("on")], path
            for name in ("src", "href", "action", "data"):
                address = node.get(name)
                assert address is None or not re.match(r"[a-z]+:|//", address), (path, address)
            if node.tag == "script":
                assert node.get("src"), path
                assert not (node.text or "").strip(), path
    for name in ("docs.css", "search.js"):
        text = (Path(anchor_of.__code__.co_filename).parent / "assets" / name).read_text("utf-8")
        assert not re.search(r"https?:|@import|url\(|eval|innerHTML|fetch\(", text), name


def test_every_link_leads_somewhere(site: Site, trees: dict[str, ET.Element]) -> None:
    anchors = {path: {node.get("id") for node in tree.iter()} for path, tree in trees.items()}
    broken: list[tuple[str, str]] = []
    for path, tree in trees.items():
        for node in tree.iter():
            address = node.get("href") or node.get("src") or node.get("action")
            if address is None:
                continue
            place, mark, anchor = address.partition("#")
            target = normpath(f"{path}/../{place}") if place else path
            if target not in site or (mark and unquote(anchor) not in anchors[target]):
                broken.append((path, address))
    assert not broken, broken[:5]


def test_permalinks_follow_from_family_and_version(site: Site) -> None:
    page = site["zh/families/tender_notice/1.0.0.html"].decode()
    assert "zh/families/tender_notice/1.0.0.html" in page
    assert 'id="field-lots-each-ceiling-amount"' in page


def test_what_search_finds_is_there(volume: Volume, site: Site, trees: dict[str, ET.Element]) -> None:
    for lang in LANGS:
        text = site[f"assets/index-{lang}.js"].decode()
        rows = json.loads(text.removeprefix("window.tradehallIndex=").strip().removesuffix(";"))
        assert {f"{v.id}" for v in volume.all_versions()} | volume.rule_rows.keys() <= {row[1] for row in rows}
        for title, _, kind, address, _ in rows:
            path, _, anchor = address.partition("#")
            assert title, address
            assert kind, address
            assert f"{lang}/{path}" in site, address
            assert not anchor or any(node.get("id") == anchor for node in trees[f"{lang}/{path}"].iter()), address


class _Tags(HTMLParser):
    """The tags as a browser's parser sees them."""

    def __init__(self) -> None:
        super().__init__()
        self.found: Counter[str] = Counter()

    def handle_starttag(self, tag: str, attrs: Any) -> None:  # noqa: ARG002  - the parser's
        self.found[tag] += 1


def test_a_hostile_title_stays_text(tmp_path: Path) -> None:
    root = mini.write(tmp_path / "schemas")
    folder = root / "records/notice/1.0.0"
    for language in LANGS:
        path = folder / f"i18n/{language}.json"
        titles = json.loads(path.read_text())
        titles[""]["title"] = titles["/properties/title"]["title"] = HOSTILE
        titles["/properties/title"]["description"] = HOSTILE
        path.write_text(json.dumps(titles, ensure_ascii=False))
    rules = json.loads((folder / "rules.json").read_text())
    rules[0]["message"] = {"zh": HOSTILE, "en": HOSTILE}
    (folder / "rules.json").write_text(json.dumps(rules))
    build(root)
    site = build_site(read_volume(root), LANGS)
    for path, content in site.items():
        if path.endswith(".html"):
            tree = _parsed(content)
            tags = _Tags()
            tags.feed(content.decode())
            assert tags.found["script"] == len(list(tree.iter("script"))) == (2 if path.endswith("search.html") else 0)
            assert tags.found["h1"] == 1
    page = _parsed(site["zh/families/notice/1.0.0.html"])
    assert HOSTILE in "".join(page.itertext())
    index = site["assets/index-zh.js"].decode()
    assert HOSTILE in [row[0] for row in json.loads(index.removeprefix("window.tradehallIndex=").strip()[:-1])]


# --- both languages


def test_a_missing_text_ends_the_build(tmp_path: Path) -> None:
    root = mini.write(tmp_path / "schemas")
    build(root)
    assert read_volume(root)
    for place, row in (("stage", "no_such_stage"), ("unit", "no_such_unit"), ("event", "no_such_event")):
        rule = {
            "id": "XX-001",
            "regimes": ["none"],
            "stage": "notice",
            "title": {"zh": "期限", "en": "period"},
            "op": ">=",
            "value": 5,
            "unit": "day",
            "from_event": "opening",
            "to_event": None,
            "rolls": False,
            "clause": "某法 1",
            "evidence": "P",
            "severity": "block",
            "region": None,
            "effective_from": "2026-01-01",
            "effective_to": None,
            "effective_basis": "stated",
            "note": None,
        }
        rule["from_event" if place == "event" else place] = row
        title = {"zh": "无", "en": "None"}
        (root / "parameters/none.json").write_text(json.dumps({"regime": "none", "title": title, "rules": [rule]}))
        (root / "catalogue.json").unlink()
        build(root)
        with pytest.raises(DocsError) as refused:
            read_volume(root)
        assert [finding.en for finding in refused.value.findings] == [
            f"XX-001 {place} {row} has no text in {lang}" for lang in LANGS
        ]


def test_a_description_in_one_language_only_ends_the_build(tmp_path: Path) -> None:
    root = mini.write(tmp_path / "schemas")
    path = root / "records/notice/1.0.0/i18n/zh.json"
    titles = json.loads(path.read_text())
    titles["/properties/lots"]["description"] = "只有中文"
    path.write_text(json.dumps(titles, ensure_ascii=False))
    build(root)
    with pytest.raises(DocsError) as refused:
        read_volume(root)
    assert [finding.en for finding in refused.value.findings] == ["notice/1.0.0 /lots description has no text in en"]


def test_no_term_is_left_over(volume: Volume) -> None:
    terms = read_terms()
    used: dict[str, set[str]] = {
        "stages": {rule.stage for rule in volume.rules},
        "units": {rule.unit for rule in volume.rules},
        "events": {e for rule in volume.rules for e in (rule.from_event, rule.to_event) if e},
        "notes": {rule.note for rule in volume.rules if rule.note},
        "guards": {g for p in volume.procedures.values() for step in p.steps for g in step.guards},
        "slots": {s for p in volume.procedures.values() for slots in p.slots.values() for s in slots},
    }
    left = {name: sorted(terms.sections[name].keys() - found) for name, found in used.items()}
    assert not any(left.values()), left


# --- the same bytes, one release, one language


def test_the_same_catalogue_makes_the_same_bytes(site: Site, tmp_path: Path) -> None:
    copy = tmp_path / "elsewhere"
    shutil.copytree(SCHEMAS, copy)
    assert build_site(read_volume(copy), LANGS) == site


def test_a_release_holds_what_was_signed_and_no_more(volume: Volume) -> None:
    release = volume.releases[0]
    units = {unit_of(path) for path in release.files}
    found = read_volume(release=release.name)
    assert {version.id for version in found.all_versions()} == {v.id for v in volume.all_versions()} & units
    assert {version.id for version in volume.all_versions()} - units, "the catalogue holds more than its first release"
    pages = build_site(found, ("en",))
    waiting = next(version for version in volume.all_versions() if version.id not in units)
    assert f"en/families/{waiting.id}.html" not in pages
    assert not [path for path in pages if path.startswith("zh/")]
    assert f"Release {release.name}" in pages["en/index.html"].decode()
    book = pages[f"en/releases/{release.name}-full.html"].decode()
    chapters = re.findall(r"([a-z_]+)/[0-9.]+</h2>", book)
    order = [name for _, group in read_structure().groups() for name in group.families if name in found.versions]
    assert chapters == order, "the full text follows the order of one core and two wings"
    with pytest.raises(DocsError, match=re.escape("there is no release 1999.1")):
        read_volume(release="1999.1")


# --- what changed


@pytest.fixture
def two_versions(tmp_path: Path) -> Path:
    root = mini.write(tmp_path / "schemas")
    build(root)
    old, new = root / "records/notice/1.0.0", root / "records/notice/2.0.0"
    shutil.copytree(old, new)
    (new / "manifest.json").unlink()
    schema = json.loads((new / "schema.json").read_text())
    schema["$id"] = schema["$id"].replace("1.0.0", "2.0.0")
    schema["properties"]["title"]["maxLength"] = 10
    (new / "schema.json").write_text(json.dumps(schema))
    rules = json.loads((new / "rules.json").read_text())
    rules[0]["severity"] = "warn"
    (new / "rules.json").write_text(json.dumps(rules))
    build(root)
    return root


def test_a_version_tells_what_it_changes_with_a_witness(two_versions: Path) -> None:
    page = build_site(read_volume(two_versions), LANGS)["zh/families/notice/2.0.0.html"].decode()
    _, _, changes = page.partition('id="changes"')
    assert "有反例" in changes  # old records with long titles are refused
    assert "已证明" in changes  # new records are valid under the old version
    assert "maxLength 由 20 改为 10" in changes
    assert "NT-01" in changes
    told = re.search(r"<pre class=\"json\" tabindex=\"0\"><code>(.*?)</code>", changes, re.DOTALL)
    assert told is not None
    witness = json.loads(html.unescape(told[1]))
    assert 10 < len(witness["title"]) <= 20


# --- diagrams


def _procedure(states: int, edges: list[tuple[int, int]]) -> Procedure:
    names = [f"s{number}" for number in range(states)]
    return Procedure(
        id="p",
        title=Text("程序", "procedure"),
        prefix="p",
        states={name: Text(f"状态{name}", f"state {name}") for name in names},
        ends=frozenset(names[-1:]),
        steps=tuple(Step(names[at], f"family_{at}_{to}", ("centre",), (names[to],), (), "某法 1") for at, to in edges),
        slots={},
        secret_families=(),
    )


def _all_edges(states: int) -> list[tuple[int, int]]:
    return [(at, to) for at in range(states) for to in range(states) if abs(at - to) <= 3]


def _boxes(svg: str) -> tuple[list[tuple[float, float, float, float]], list[tuple[float, float, float, float]]]:
    """Return the frames of the states and of the labels outside them."""
    tree = _parsed(svg)
    space = "{http://www.w3.org/2000/svg}"
    frames = [
        (float(r.get("x", 0)), float(r.get("y", 0)), float(r.get("width", 0)), float(r.get("height", 0)))
        for r in tree.iter(f"{space}rect")
        if r.get("fill") != "none"
    ]
    labels: list[tuple[float, float, float, float]] = []
    for text in tree.iter(f"{space}text"):
        if text.get("font-weight") or text.get("stroke"):
            continue
        size, wide = float(text.get("font-size", 0)), width_of(text.text or "", 13)
        x = float(text.get("x", 0)) - (wide if text.get("text-anchor") == "end" else 0)
        labels.append((x, float(text.get("y", 0)) - size * 0.8, wide, size))
    return frames, labels


def _meet(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return (
        one[0] < other[0] + other[2]
        and other[0] < one[0] + one[2]
        and one[1] < other[1] + other[3]
        and other[1] < one[1] + one[3]
    )


@pytest.mark.parametrize("lang", LANGS)
def test_diagrams_put_nothing_over_anything(volume: Volume, lang: Any) -> None:
    drawn = [*volume.procedures.values(), _procedure(12, _all_edges(12)), _procedure(2, [(0, 1)])]
    for procedure in drawn:
        titles = {step.family: volume.title(step.family) for step in procedure.steps}
        svg = draw(procedure, titles, Speaker(lang))
        frames, labels = _boxes(svg)
        assert len(frames) == len(procedure.states)
        every = [*frames, *labels]
        clash = [(a, b) for i, a in enumerate(every) for b in every[i + 1 :] if _meet(a, b)]
        assert not clash, (procedure.id, clash[:3])
        tree = _parsed(svg)
        wide, high = float(tree.get("width", 0)), float(tree.get("height", 0))
        assert all(x >= 0 and x + w <= wide and y >= 0 and y + h <= high for x, y, w, h in every), procedure.id


def test_a_diagram_holds_every_move(volume: Volume) -> None:
    for procedure in volume.procedures.values():
        found, rows = plan(procedure), {state: row for row, state in enumerate(procedure.states)}
        shown = {(row - 1, row, family) for row, families in found.down.items() for family in families}
        shown |= {
            (source, lane.target, family)
            for lane in (*found.right, *found.left)
            for source in lane.sources
            for family in lane.families
        }
        moves = {
            (rows[step.state], rows[to], step.family)
            for step in procedure.steps
            for to in step.leads
            if to != step.state
        }
        assert shown == moves, procedure.id


# --- the command


def _call(*arguments: str) -> Any:
    return CliRunner().invoke(standards_commands(lambda: pytest.fail("no clock is needed")), ["docs", *arguments])


def test_the_command_writes_the_pages(two_versions: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = _call("--out", str(out), "--root", str(two_versions), "--lang", "en")
    assert done.exit_code == 0, done.output
    assert done.stdout.strip() == str(out / "index.html")
    assert (out / "en/families/notice/2.0.0.html").is_file()
    assert not (out / "zh").exists()


def test_the_command_says_what_is_missing(two_versions: Path, tmp_path: Path) -> None:
    out = str(tmp_path / "out")
    refused = _call("--out", out, "--root", str(two_versions), "--release", "2030.1")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "没有发布 2030.1" in refused.stderr
    alone = _call("--out", out, "--root", str(two_versions), "--pdf", "--lang", "en")
    assert alone.exit_code == 3
    assert "nothing here lays out PDF" in alone.stderr
    assert not Path(out).exists()


def test_what_is_printed(volume: Volume, site: Site) -> None:
    pages = printed_pages(volume, LANGS)
    assert pages.keys() <= site.keys()
    assert len(set(pages.values())) == len(pages) == 2 * (len(list(volume.all_versions())) + len(volume.releases))
    linked = build_site(volume, ("zh",), pdf=True)
    assert 'href="1.0.0.pdf"' in linked["zh/families/project/1.0.0.html"].decode()
