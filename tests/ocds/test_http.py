"""OCDS over HTTP 开放合同数据接口: for everybody, unchanged by who asks, tagged, paged."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from litestar.testing import TestClient

from ocds.gathering import Standard
from storytelling.people import Cast
from storytelling.script import STORIES, read_story
from storytelling.stage import Stage
from storytelling.ways import by_http, fill_template
from tradehall.main import Settings
from tradehall_standards import Catalogue

Asked = tuple[TestClient, Stage, Cast]


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory, catalogue: Catalogue) -> Iterator[Asked]:
    """A node on which a tender was cancelled in one lot and takes bids in the other."""
    folder = tmp_path_factory.mktemp("http")
    cast = Cast(folder / "keys")
    story = read_story(STORIES / "cancellation_of_one_lot.txt")
    with by_http(
        cast, catalogue, story.start, fill_template(cast, catalogue, folder / "sqlite"), folder / "node"
    ) as way:
        stage = Stage(story, way, cast, catalogue, folder)
        stage.play()
        yield way._http, stage, cast


def test_a_case_is_a_valid_package_in_both_forms(asked: Asked, standard: Standard) -> None:
    http, stage, _ = asked
    for form in ("release", "record"):
        answer = http.get(f"/api/v1/cases/{stage.tender}/ocds?form={form}")
        assert answer.status_code == 200
        assert standard.faults(answer.json()) == []
    assert answer.json()["records"][0]["ocid"] == f"ocds-xxxxxx-{stage.tender}"


def test_what_is_at_hand_is_not_sent_again(asked: Asked) -> None:
    http, stage, _ = asked
    path = f"/api/v1/cases/{stage.tender}/ocds"
    first = http.get(path)
    again = http.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert http.get(path).content == first.content


def test_whoever_asks_gets_the_same(asked: Asked) -> None:
    http, stage, cast = asked
    path = f"/api/v1/cases/{stage.tender}/ocds?form=record"
    everybody = http.get(path).content
    for handle in ("tenderer", "supervisor"):
        http.cookies.clear()
        token = {"Authorization": f"Bearer {cast[handle].token}"}
        assert http.get(path, headers=token).content == everybody


def test_the_list_is_a_package_and_its_lines_are_releases(asked: Asked, standard: Standard) -> None:
    http, _, _ = asked
    package = http.get("/api/v1/ocds?limit=1")
    assert standard.faults(package.json()) == []
    following = package.json()["links"]["next"]
    assert following.removeprefix(package.json()["uri"].partition("/api")[0]) in package.headers["link"]
    lines = http.get("/api/v1/ocds.jsonl")
    assert lines.headers["content-type"].startswith("application/jsonl")
    found = [json.loads(line) for line in lines.content.splitlines()]
    assert found == package.json()["releases"]
    assert http.get("/api/v1/ocds?q=nothing-is-called-this").status_code == 404


def test_secret_unknown_and_odd_requests_are_refused(asked: Asked) -> None:
    http, stage, _ = asked
    for other in ("t-" + "a" * 26, "g-" + "a" * 26, "nothing"):
        assert http.get(f"/api/v1/cases/{other}/ocds").status_code == 404
    assert http.get(f"/api/v1/cases/{stage.tender}/ocds?form=xml").status_code == 400


def test_the_extension_lies_where_packages_say(asked: Asked) -> None:
    http, stage, _ = asked
    package = http.get(f"/api/v1/cases/{stage.tender}/ocds").json()
    own = package["extensions"][-1].removeprefix(package["publisher"]["uri"])
    assert http.get(own).json()["name"]["en"] == "Tradehall"
    assert http.get(own.replace("extension.json", "release-schema.json")).json()["definitions"]
    assert http.get("/api/v1/ocds/extension/secrets.json").status_code == 404


def test_the_page_of_the_case_links_its_data(asked: Asked) -> None:
    http, stage, _ = asked
    assert f'href="/api/v1/cases/{stage.tender}/ocds"' in http.get(f"/notices/{stage.tender}").text


def test_the_prefix_is_a_setting(tmp_path: Path) -> None:
    assert Settings(data=tmp_path).ocds_prefix == "ocds-xxxxxx"
    assert Settings.from_environment({"TRADEHALL_OCDS_PREFIX": "ocds-213czf"}).ocds_prefix == "ocds-213czf"
    with pytest.raises(ValueError, match="OCDS prefix"):
        Settings.from_environment({"TRADEHALL_OCDS_PREFIX": "213czf"})
