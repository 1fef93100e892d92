"""The pages of the catalogue with the real catalogue: compare, check, code lists, releases."""

from __future__ import annotations

import asyncio
import copy
import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from pages.stage import HTML, Stage
from standards import mini
from tradehall.web.comparing import Comparisons
from tradehall.web.pages import checking, diffing
from tradehall.web.pages.registers import Registers
from tradehall.web.portal import views as v
from tradehall.web.portal.views import Label
from tradehall_standards import Catalogue, Finding, Version
from tradehall_standards.build import build
from tradehall_standards.compat import compare
from tradehall_standards.release import Verification
from tradehall_standards.strict import MAX_BYTES

ON = date(2026, 12, 1)


@pytest.fixture(scope="module")
def project(catalogue: Catalogue) -> Version:
    return catalogue.versions("project")[-1]


@pytest.fixture(scope="module")
def good(project: Version) -> dict[str, Any]:
    return copy.deepcopy(dict(next(iter(project.valid_examples.values()))))  # type: ignore[call-overload]


def post(stage: Stage, text: str, family: str = "", **files: Any) -> Any:
    return stage.http.post("/standards/validate", data={"text": text, "family": family}, headers=HTML, **files)


# --- checking a record --------------------------------------------------------------------------------------------


def test_every_example_of_every_family_is_judged_as_at_the_door(catalogue: Catalogue) -> None:
    right = wrong = 0
    for family in catalogue.families():
        version = catalogue.versions(family)[-1]
        for payload in version.valid_examples.values():
            assert checking.check(catalogue, json.dumps(payload).encode(), family, ON).valid, family
            right += 1
        for example in version.invalid_examples.values():
            found = checking.check(catalogue, json.dumps(example.payload).encode(), family, ON)
            expected = catalogue.check(version.ref, example.payload, ON)
            shown = [f for line in found.lines for f in line.findings]
            assert found.valid == (not any(f.severity == "block" for f in expected)), family
            assert sorted(f.sentence.zh for f in shown) == sorted(f.message_zh for f in expected), family
            wrong += not found.valid
    assert right >= 71
    assert wrong >= 71


def test_findings_stand_at_their_fields(catalogue: Catalogue, good: dict[str, Any]) -> None:
    broken = good | {"name": 7}
    found = checking.check(catalogue, json.dumps(broken).encode(), "project", ON)
    (line,) = [line for line in found.lines if line.findings]
    assert line.text.strip().startswith('"name": 7')
    assert line.findings[0].pointer == "/name"
    missing = {k: value for k, value in good.items() if k != "name"}
    found = checking.check(catalogue, json.dumps(missing).encode(), "project", ON)
    assert found.lines[0].findings, "what isn't there stands at what should hold it"


def test_the_lines_are_the_document(catalogue: Catalogue, good: dict[str, Any]) -> None:
    odd = {"a/b~c": [1, {}, [], 'é"\\'], "空": None, "": {"x": True}}
    for document in (good, odd, [], {}, 7, "x", [[[]]]):
        text = "\n".join(line.text for line in checking.lines_of(document, ()))
        assert json.loads(text) == document
        assert text == json.dumps(document, ensure_ascii=False, indent=2)


def test_a_long_document_is_told_by_its_faults() -> None:
    finding = Finding("/4000", "type", "type", "错", "wrong", "")
    lines = checking.lines_of([0] * 9000, (finding,))
    assert [(line.number, len(line.findings)) for line in lines] == [(4002, 1)]


def test_a_record_is_checked_against_the_version_it_cites(
    catalogue: Catalogue, project: Version, good: dict[str, Any]
) -> None:
    cited = {"id": "project", "version": project.version, "digest": project.digest}
    envelope = {"schema": cited, "case": "t-a", "payload": good}
    for document in (envelope, {"envelope": envelope, "signature": {}}):
        found = checking.check(catalogue, json.dumps(document).encode(), "question", ON)
        assert (found.family, found.cited, found.valid) == ("project", True, True)
    forged = {**envelope, "schema": {**cited, "digest": "sha256:" + "0" * 64}}
    found = checking.check(catalogue, json.dumps(forged).encode(), "", ON)
    assert not found.valid
    assert "摘要" in found.lines[0].findings[0].sentence.zh
    with pytest.raises(checking.Unfit, match=r"no project/9\.9\.9"):
        checking.check(catalogue, json.dumps({**envelope, "schema": {**cited, "version": "9.9.9"}}).encode(), "", ON)


@pytest.mark.parametrize("data", [b"{", b'{"a":1,"a":2}', b'{"a":1.5}', b"\xff", b"[" * 100, b"", b'{"a":"\\ud800"}'])
def test_what_is_no_strict_json_is_told_as_that(catalogue: Catalogue, data: bytes) -> None:
    with pytest.raises(checking.Unfit) as caught:
        checking.check(catalogue, data, "project", ON)
    assert caught.value.error.field == "text"
    assert caught.value.error.message.zh != caught.value.error.message.en


def test_a_person_checks_a_payload_without_an_account(stage: Stage, good: dict[str, Any]) -> None:
    before = stage.node.store.read().__enter__().latest()
    right = post(stage, json.dumps(good), "project")
    assert (right.status_code, "符合标准" in right.text) == (200, True)
    assert "verdict-done" in right.text
    wrong = post(stage, json.dumps(good | {"name": ""}), "project")
    assert (wrong.status_code, "不符合标准" in wrong.text) == (200, True)
    assert "marked-bad" in wrong.text
    assert stage.node.store.read().__enter__().latest() == before
    file = {"files": {"file": ("a.json", json.dumps(good).encode(), "application/json")}}
    assert "verdict-done" in post(stage, "", "project", **file).text


def test_a_person_is_told_what_to_mend(stage: Stage, good: dict[str, Any]) -> None:
    for text, family, anchor in (("", "", "#text"), ("{", "project", "#text"), (json.dumps(good), "", "#family")):
        answer = post(stage, text, family)
        assert answer.status_code == 422
        assert f'<a href="{anchor}">' in answer.text
    program = stage.http.post("/standards/validate", data={"text": "{"})
    assert (program.status_code, program.json()["code"]) == (400, "BODY-INVALID")
    hostile = post(stage, '<script>alert(1)</script>"', "<script>")
    assert "<script>alert" not in hostile.text


def test_too_much_is_refused_before_it_is_read(stage: Stage) -> None:
    file = {"files": {"file": ("a.json", b" " * (2 * MAX_BYTES + (64 << 10)), "application/json")}}
    assert post(stage, "", "project", **file).status_code == 413


def test_a_form_without_its_token_is_refused(stage: Stage, good: dict[str, Any]) -> None:
    stage.http.post("/login", data={"username": "supervisor", "password": "sunshine-2026"}, follow_redirects=False)
    assert post(stage, json.dumps(good), "project").status_code == 403
    token = re.search(r'name="csrf" value="([^"]+)"', stage.get("/standards/validate").text)
    assert token is not None
    sent = {"text": json.dumps(good), "family": "project", "csrf": token[1]}
    assert stage.http.post("/standards/validate", data=sent, headers=HTML).status_code == 200


# --- two versions -------------------------------------------------------------------------------------------------


def changed(schema: dict[str, Any]) -> dict[str, Any]:
    new = copy.deepcopy(schema)
    new["properties"]["title"]["maxLength"] = 10
    new["properties"]["remark"] = {"type": "string", "maxLength": 5}
    new["title"] = "别的标题"
    return new


def test_a_comparison_says_what_narrows_and_what_widens() -> None:
    old = {k: value for k, value in mini.NOTICE.items() if k != "$id"}
    old["properties"] = {"title": mini.NOTICE["properties"]["title"]}
    old["required"] = ["title"]
    found = compare(old, changed(old), formats="enforced")
    rows, notes = diffing.change_rows(found)
    assert {row.pointer: row.breaks for row in rows} == {
        "/properties/title/maxLength": "narrows",
        "/properties/remark": "widens",
    }
    assert rows[0].breaks == "narrows"
    assert notes == 1
    view = diffing.verdict_view(found.backward)
    assert view.outcome == "refuted"
    assert len(json.loads(view.witness)["title"]) == 11
    assert diffing.verdict_view(compare(old, old).backward).outcome == "proved"


def test_lines_stand_beside_each_other() -> None:
    old = {"a": 1, "b": [1, 2, 3], "z": 0}
    new = {"a": 1, "b": [1, 3, 4], "z": 0}
    lines = diffing.diff_lines(old, new)
    left = {line.old_number: line.old for line in lines if line.old_number}
    right = {line.new_number: line.new for line in lines if line.new_number}
    assert left.items() <= dict(enumerate(diffing.written(old).splitlines(), 1)).items()
    assert right.items() <= dict(enumerate(diffing.written(new).splitlines(), 1)).items()
    kinds = [(line.kind, line.old.strip(), line.new.strip()) for line in lines if line.kind == "changed"]
    assert kinds == [("changed", "2,", "3,"), ("changed", "3", "4")]
    grown = diffing.diff_lines({"b": [1, 2]}, {"b": [1, 2, 3]})
    assert [(line.old_number, line.new.strip()) for line in grown if line.kind == "changed"] == [(4, "2,"), (0, "3")]
    assert diffing.diff_lines(old, old) == ()
    far = {**{f"k{n}": n for n in range(40)}, "x": 1}
    assert diffing.diff_lines(far, {**far, "x": 2})[0].kind == "gap"


def test_one_version_beside_itself(stage: Stage) -> None:
    page = stage.get("/standards/project/diff/1.0.0/1.0.0")
    assert page.status_code == 200
    assert page.text.count("已证明兼容") == 2
    assert "含义没有变更" in page.text
    assert "两版的文本相同" in page.text
    led = stage.get("/standards/project/compare")
    assert (led.status_code, led.headers["location"]) == (303, "/standards/project/diff/1.0.0/1.0.0")
    for nothing in (
        "/standards/project/diff/1.0.0/9.9.9",
        "/standards/rumour/diff/1.0.0/1.0.0",
        "/standards/rumour/compare",
        "/standards/project/compare?old=0.0.1",
    ):
        assert stage.get(nothing).status_code == 404, nothing


def test_a_published_pair_is_compared_once(project: Version, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[object] = []

    async def counted(_: object, *pair: object) -> object:
        calls.append(pair)
        return compare({}, {})

    monkeypatch.setattr(Comparisons, "schemas", counted)
    shared = Comparisons()

    async def twice() -> bool:
        return await shared.versions(project, project) is await shared.versions(project, project)

    assert asyncio.run(twice())
    assert len(calls) == 1


# --- code lists and releases --------------------------------------------------------------------------------------


def test_every_code_list_has_a_page_as_of_a_day(stage: Stage, catalogue: Catalogue) -> None:
    listed = stage.get("/standards").text
    for name in catalogue.codelists():
        if catalogue.codelist(name, date(2026, 4, 1)) is not None:
            assert f'href="/standards/codelists/{name}"' in listed, name
        page = stage.get(f"/standards/codelists/{name}?as_of=2026-12-01")
        assert page.status_code == 200, name
    page = stage.get("/standards/codelists/currency?as_of=2026-12-01").text
    assert "/standards/tender_notice" in page
    wrong = stage.get("/standards/codelists/currency?as_of=soon").text
    assert '<a href="#as_of">' in wrong
    assert stage.get("/standards/codelists/currency?as_of=1999-01-01").status_code == 404
    assert stage.get("/standards/codelists/rumour").status_code == 404


def built(root: Path) -> Catalogue:
    build(mini.write(root))
    return Catalogue.load(root)


def test_codes_are_shown_with_their_last_day(tmp_path: Path) -> None:
    page = v.Page(site=v.Site(Label("中心", "Centre"), "1"), now=None, path="/")  # type: ignore[arg-type]
    shown = Registers(built(tmp_path), page).code_list("currency", date(2026, 6, 1))
    mark = next(code for code in shown.codes if code.code == "DEM")
    assert (mark.state, mark.until, mark.replaced_by) == ("ended", date(2001, 12, 31), "EUR")
    assert [family for family, _ in shown.used_by] == ["notice"]


def test_the_releases_name_who_signed(stage: Stage) -> None:
    page = stage.get("/standards/releases")
    assert page.status_code == 200
    found = stage.app.state["portal"].context.verification()
    assert found.ok
    assert set(found.signed) == {release.name for release in found.releases}
    for release in found.releases:
        assert release.name in page.text
        assert release.envelope.digest in page.text
        assert len({key.holder for key in found.signed[release.name]}) >= 2
        for key in found.signed[release.name]:
            assert key.name["zh"] in page.text
            assert key.id in page.text
    assert ("只有开发密钥签署" in page.text) == (found.vouched == "development")


def test_where_nothing_was_verified_the_page_says_so(catalogue: Catalogue) -> None:
    base = v.Page(site=v.Site(Label("中心", "Centre"), "1"), now=None, path="/")  # type: ignore[arg-type]
    page = Registers(catalogue, base).releases(Verification.nobody())
    assert (page.releases, page.vouched) == ((), "nobody")
    assert page.findings
