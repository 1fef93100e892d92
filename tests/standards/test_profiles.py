"""Profiles narrow and never contradict; what cities accept of one another is proved, or shown by a witness."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from standards import mini
from tradehall_standards import Catalogue, Parameters
from tradehall_standards.build import build
from tradehall_standards.commands import standards_commands
from tradehall_standards.compat import Comparer
from tradehall_standards.profiles import Profile, ProfileError, base_profile, read_profile, recognise

FAMILY = "award_notice"


@pytest.fixture(scope="module")
def comparer() -> Iterator[Comparer]:
    with Comparer() as found:
        yield found


@pytest.fixture(scope="module")
def first(published: Catalogue) -> Any:
    version = published.version(FAMILY, "1.0.0")
    assert version is not None
    return copy.deepcopy(version.valid_examples["first.json"])


def profile(
    name: str, schema: Any, examples: Any, rules: Any = (), parameters: Any = (), version: str = "1.0.0"
) -> Any:
    overlay = {"version": version, "schema": schema, "rules": list(rules), "examples": list(examples)}
    title = {"zh": f"示例市{name}（仅供测试）", "en": f"Example city {name} (for tests)"}
    return {
        "profile": name,
        "title": title,
        "illustrative": True,
        "families": {FAMILY: overlay},
        "parameters": list(parameters),
    }


NEEDS_PUBLICITY = {"required": ["publicity"]}
FIRST_ONLY = {"properties": {"rank": {"maximum": 1}}}
RULE = {
    "id": "YI-01",
    "rule": "self.rank < 3",
    "message": {"zh": "不得为第三名", "en": "Not the third"},
    "clause": "示例",
    "evidence": "P",
    "severity": "block",
    "pointer": "/rank",
    "examples": {"valid": [{"rank": 1}], "invalid": [{"rank": 3}]},
}


def read(folder: Path, document: Any, published: Catalogue, comparer: Comparer) -> Profile:
    path = folder / f"{document['profile']}.json"
    mini.put(path, document)
    return read_profile(path, published, Parameters.load(), comparer)


def test_a_profile_narrows_and_its_base_accepts_all_of_it(tmp_path, published, comparer, first):
    jia = read(tmp_path, profile("jia", NEEDS_PUBLICITY, [first]), published, comparer)
    on = jia.families[FAMILY].base.in_force_from
    assert jia.illustrative
    assert jia.families[FAMILY].accepts(first, on)
    assert not jia.families[FAMILY].accepts(mini.changed(first, publicity=None), on)
    (line,) = recognise(jia, base_profile(), comparer)
    assert line.outcome == "proved"
    (back,) = recognise(base_profile(), jia, comparer)
    assert back.outcome == "refuted"
    assert "publicity" not in back.witness
    assert jia.families[FAMILY].base.engine.is_valid(back.witness)


def test_two_cities_that_ask_for_different_things_refuse_each_others_records(tmp_path, published, comparer, first):
    jia = read(tmp_path, profile("jia", NEEDS_PUBLICITY, [first]), published, comparer)
    yi = read(tmp_path, profile("yi", FIRST_ONLY, [first]), published, comparer)
    on = jia.families[FAMILY].base.in_force_from
    for sender, receiver in ((jia, yi), (yi, jia)):
        (line,) = recognise(sender, receiver, comparer)
        assert line.outcome == "refuted", line
        assert sender.families[FAMILY].accepts(line.witness, on)
        assert not receiver.families[FAMILY].accepts(line.witness, on)
    both = read(tmp_path, profile("both", {**NEEDS_PUBLICITY, **FIRST_ONLY}, [first]), published, comparer)
    assert [line.outcome for line in recognise(both, jia, comparer)] == ["proved"]
    assert [line.outcome for line in recognise(both, yi, comparer)] == ["proved"]
    assert [line.outcome for line in recognise(jia, jia, comparer)] == ["proved"]


def test_a_rule_of_the_receiver_alone_is_never_proved(tmp_path, published, comparer, first):
    ruled = read(tmp_path, profile("ruled", {}, [first], [RULE]), published, comparer)
    plain = read(tmp_path, profile("plain", {}, [first]), published, comparer)
    (line,) = recognise(plain, ruled, comparer)
    assert line.outcome == "unknown"
    assert "YI-01" in line.message_en
    assert [x.outcome for x in recognise(ruled, plain, comparer)] == ["proved"]
    assert [x.outcome for x in recognise(ruled, ruled, comparer)] == ["proved"]
    second = mini.changed(first, rank=3, reason="declined")
    shown = read(tmp_path, profile("shown", {}, [second]), published, comparer)
    (refuted,) = recognise(shown, ruled, comparer)
    assert (refuted.outcome, refuted.witness) == ("refuted", second)


def test_numbers_are_compared_in_the_direction_of_their_operator(tmp_path, published, comparer, first):
    def city(name: str, days: int) -> Profile:
        row = {"id": "ZB-002", "value": days, "clause": "示例"}
        return read(tmp_path, profile(name, {}, [first], parameters=[row]), published, comparer)

    jia, yi = city("jia", 25), city("yi", 22)
    assert [x.outcome for x in recognise(jia, yi, comparer) if x.subject == "ZB-002"] == ["proved"]
    (line,) = [x for x in recognise(yi, jia, comparer) if x.subject == "ZB-002"]
    assert (line.outcome, line.witness) == ("refuted", "22")
    (law,) = [x for x in recognise(base_profile(), yi, comparer) if x.subject == "ZB-002"]
    assert (law.outcome, law.witness) == ("refuted", "20")


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"schema": {"properties": {"mood": {"maxLength": 3}}}}, "FIELD: /mood"),
        ({"schema": {"required": ["mood"]}}, "FIELD: /mood"),
        ({"schema": {"anyOf": [{}]}}, "KEYWORD: /: anyOf"),
        (
            {"schema": {"properties": {"price": {"properties": {"amount": {"$ref": "#/x"}}}}}},
            "KEYWORD: /price/amount: $ref",
        ),
        ({"schema": {"properties": {"rank": {"minimum": 7}}}}, "EXAMPLE 0 does not pass"),
        ({"examples": []}, "at least one example"),
        ({"version": "7.0.0"}, "there is no award_notice/7.0.0"),
        ({"rules": [{"id": "x"}]}, "award_notice/1.0.0"),
    ],
)
def test_a_profile_that_contradicts_its_base_is_refused(tmp_path, published, comparer, first, change, found):
    document = profile("jia", NEEDS_PUBLICITY, [first])
    document["families"][FAMILY].update(change)
    with pytest.raises(ProfileError) as caught:
        read(tmp_path, document, published, comparer)
    assert found in str(caught.value)


@pytest.mark.parametrize(
    ("row", "found"),
    [
        ({"id": "ZB-002", "value": 19, "clause": "示例"}, "laxer than the law's >= 20"),
        ({"id": "ZB-999", "value": 19, "clause": "示例"}, "no single number"),
        ({"id": "ZB-002", "value": True, "clause": "示例"}, "value is a number"),
        ({"id": "ZB-002", "value": "many", "clause": "示例"}, "value is a number"),
        ({"id": "ZB-002", "value": 30}, "value is a number"),
    ],
)
def test_a_number_laxer_than_the_law_is_refused(tmp_path, published, comparer, first, row, found):
    with pytest.raises(ProfileError) as caught:
        read(tmp_path, profile("jia", {}, [first], parameters=[row]), published, comparer)
    assert found in str(caught.value)


def test_fields_of_a_citys_own_lie_in_the_bag(tmp_path, comparer):
    root = mini.write(tmp_path / "schemas")
    folder = root / "records" / "notice" / "1.0.0"
    schema = mini.get(folder / "schema.json")
    schema["properties"]["extensions"] = {
        "type": "object",
        "additionalProperties": False,
        "maxProperties": 20,
        "patternProperties": {"^[a-z][a-z0-9_]{0,31}$": {"type": "string", "maxLength": 64}},
    }
    mini.put(folder / "schema.json", schema)
    for language in ("zh", "en"):
        titles = mini.get(folder / "i18n" / f"{language}.json")
        mini.put(folder / "i18n" / f"{language}.json", {**titles, "/properties/extensions": {"title": "扩展"}})
    build(root)
    catalogue = Catalogue.load(root)
    good = {**mini.GOOD, "extensions": {"district": "高新"}}
    own = {
        "required": ["extensions"],
        "properties": {
            "extensions": {"required": ["district"], "properties": {"district": {"enum": ["高新", "旌阳"]}}}
        },
    }
    overlay = {"version": "1.0.0", "schema": own, "examples": [good]}
    document = {"profile": "jia", "title": {"zh": "示例", "en": "Example"}, "families": {"notice": overlay}}
    mini.put(tmp_path / "jia.json", document)
    jia = read_profile(tmp_path / "jia.json", catalogue, Parameters.load(root), comparer)
    assert [line.outcome for line in recognise(jia, base_profile(), comparer)] == ["proved"]
    (back,) = recognise(base_profile(), jia, comparer)
    assert back.outcome == "refuted"


def test_the_command_reports_both_ways(tmp_path, first):
    mini.put(tmp_path / "jia.json", profile("jia", NEEDS_PUBLICITY, [first]))
    mini.put(tmp_path / "bad.json", profile("bad", {"anyOf": [{}]}, [first]))

    def run(*arguments: str) -> Any:
        group = standards_commands(lambda: pytest.fail("no clock"))
        return CliRunner().invoke(group, ["recognise", *arguments, "--profiles", str(tmp_path)])

    told = json.loads(run("jia", "base", "--json").stdout)
    assert [(report["from"], report["to"], report["lines"][0]["outcome"]) for report in told] == [
        ("jia", "base", "proved"),
        ("base", "jia", "refuted"),
    ]
    assert run("jia", "base").exit_code == 1
    assert run("jia", "jia").exit_code == 0
    shown = run("jia", "base", "--lang", "en")
    assert "refuted  award_notice/1.0.0" in shown.stdout
    assert run("jia", "nowhere").exit_code == 2
    assert "anyOf" in run("jia", "bad").stderr
