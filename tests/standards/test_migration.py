"""Records of one major become records of the next and come back; what can't be moved is named, nothing is lost silently."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from standards import majors, mini
from tradehall_standards import Catalogue, CatalogueError
from tradehall_standards.archive.migration import MigrationError, Moved, Mover, NoWayError, Stuck, read_migration
from tradehall_standards.archive.steps import StuckError, carry, inverse, language, undo
from tradehall_standards.build import build
from tradehall_standards.catalogue import check_payload
from tradehall_standards.commands import standards_commands


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return majors.built(tmp_path_factory.mktemp("majors") / "schemas")


@pytest.fixture(scope="module")
def two(root: Path) -> Catalogue:
    return Catalogue.load(root)


def mover(catalogue: Catalogue, version: str) -> Mover:
    target = catalogue.version(majors.FAMILY, version)
    assert target is not None
    return Mover(catalogue, target)


# --- round trips


def olds() -> st.SearchStrategy[dict[str, Any]]:
    """Award notices of the older major, some of which can't be moved: other currencies, other reasons."""
    amount = st.builds(lambda y, c: f"{y}.{c:02d}", st.integers(0, 10**11), st.integers(0, 99))
    return st.fixed_dictionaries(
        {
            "lot": st.builds("L{}".format, st.integers(1, 99)),
            "winner": st.just(majors.OLD["winner"]),
            "submission": st.text("abcdefghijklmnopqrstuvwxyz234567", min_size=26, max_size=26).map("b-{}".format),
            "price": st.fixed_dictionaries(
                {"amount": amount, "currency": st.sampled_from(["CNY", "CNY", "CNY", "USD"])}
            ),
            "rank": st.just(2),
            "reason": st.sampled_from(["declined", "declined", "no_contract"]),
        },
        optional={"publicity": st.just("sha256:" + "c" * 64)},
    )


@settings(max_examples=200, deadline=None)
@given(olds())
def test_what_goes_up_comes_down_the_same_but_for_what_was_named_as_lost(two: Catalogue, old: dict[str, Any]) -> None:
    before = copy.deepcopy(old)
    up = mover(two, "2.0.0").move(old, "1.0.0")
    assert old == before
    if isinstance(up, Stuck):
        assert old["price"]["currency"] != "CNY" or old["reason"] != "declined"
        assert up.pointer in {"/price/currency", "/reason"}
        assert up.message_zh
        return
    target = two.version(majors.FAMILY, "2.0.0")
    assert target is not None
    assert check_payload(target, up.payload, target.in_force_from) == ()
    assert [item.pointer for item in up.lost] == (["/publicity"] if "publicity" in old else [])
    down = mover(two, "1.0.0").move(up.payload, "2.0.0")
    assert isinstance(down, Moved)
    assert down.payload == {key: value for key, value in old.items() if key != "publicity"}
    kept = {item.pointer: item.value for item in up.lost}
    assert carry(up.payload, undo(majors.UP) or (), kept)[0] == old


NAMES = ["a", "b", "c"]
STEPS = [
    {"op": "move", "from": "/a", "to": "/d/e"},
    {"op": "move", "from": "/list/*/a", "to": "/list/*/z/y"},
    {"op": "put", "path": "/k", "value": {"x": [1]}},
    {"op": "map", "path": "/list/*/b", "codes": {"x": "1", "y": "2"}},
    {"op": "split", "from": "/b", "into": ["/p", "/q"], "by": "/"},
    {"op": "join", "from": ["/list/*/c", "/list/*/d"], "into": "/list/*/cd", "by": "+"},
    {"op": "scale", "path": "/c", "times": "100", "places": [2, 0]},
    {"op": "scale", "path": "/list/*/n", "divide": "1000", "places": [0, 3]},
    {"op": "drop", "path": "/list/*/secret", "reason": {"zh": "无", "en": "none"}},
]


def documents() -> st.SearchStrategy[dict[str, Any]]:
    word = st.sampled_from(["x", "y", "x/y", "a+b", "", "1.50", "-0.07", "12", "0"])
    item = st.dictionaries(st.sampled_from(["a", "b", "c", "d", "n", "secret"]), word, max_size=6)
    return st.fixed_dictionaries(
        {}, optional={"a": word, "b": word, "c": word, "list": st.lists(item, max_size=3), "d": st.just({})}
    )


@settings(max_examples=600, deadline=None)
@given(documents(), st.permutations(STEPS), st.integers(1, 9))
def test_any_steps_are_undone_by_their_inverses_or_say_where_they_are_stuck(
    document: dict[str, Any], steps: list[dict[str, Any]], count: int
) -> None:
    before, chosen = copy.deepcopy(document), steps[:count]
    back = undo(chosen)
    assert back is not None
    try:
        up, lost = carry(document, chosen)
    except StuckError:
        assert document == before
        return
    down, _ = carry(up, back, {item.pointer: item.value for item in lost})
    assert down == document == before


def test_an_inverse_of_an_inverse_is_the_step_itself() -> None:
    for step in STEPS:
        once = inverse(step)
        assert once is not None
        assert inverse(once) == step


@pytest.mark.parametrize(
    ("step", "document", "pointer"),
    [
        ({"op": "move", "from": "/a", "to": "/b"}, {"a": 1, "b": 2}, "/b"),
        ({"op": "move", "from": "/a", "to": "/b/c"}, {"a": 1, "b": 2}, "/b/c"),
        ({"op": "take", "path": "/a", "value": 1}, {"a": True}, "/a"),
        ({"op": "map", "path": "/l/*/a", "codes": {"x": "y"}}, {"l": [{"a": "x"}, {"a": "z"}]}, "/l/1/a"),
        ({"op": "split", "from": "/a", "into": ["/b", "/c"], "by": "-"}, {"a": "x-y-z"}, "/a"),
        ({"op": "join", "from": ["/a", "/b"], "into": "/c", "by": "-"}, {"a": "x"}, "/b"),
        ({"op": "join", "from": ["/a", "/b"], "into": "/c", "by": "-"}, {"a": "x", "b": "y-z"}, "/b"),
        ({"op": "scale", "path": "/a", "divide": "1000", "places": [2, 2]}, {"a": "1.50"}, "/a"),
        ({"op": "scale", "path": "/a", "times": "10", "places": [2, 2]}, {"a": "1.5"}, "/a"),
        ({"op": "scale", "path": "/a", "times": "10", "places": [0, 0]}, {"a": 15}, "/a"),
    ],
)
def test_a_value_that_can_not_be_carried_over_stops_the_record(step: Any, document: Any, pointer: str) -> None:
    with pytest.raises(StuckError) as caught:
        carry(document, [step])
    assert caught.value.pointer == pointer
    assert caught.value.message_zh


def test_amounts_are_converted_exactly_however_long() -> None:
    step = {"op": "scale", "path": "/a", "divide": "10000", "places": [2, 6]}
    found, _ = carry({"a": "-9007199254740993123.07"}, [step])
    assert found == {"a": "-900719925474099.312307"}
    assert carry({"a": "0.01"}, [step])[0] == {"a": "0.000001"}


# --- the language is closed


@pytest.mark.parametrize(
    "step",
    [
        {"op": "run", "code": "import os"},
        {"op": "move", "from": "/a"},
        {"op": "move", "from": "a", "to": "/b"},
        {"op": "move", "from": "/l/*", "to": "/b"},
        {"op": "drop", "path": "/a"},
        {"op": "drop", "path": "/a", "reason": {"zh": "无"}},
        {"op": "scale", "path": "/a", "times": "0.5", "places": [0, 0]},
        {"op": "scale", "path": "/a", "times": "10", "divide": "10", "places": [0, 0]},
        {"op": "put", "path": "/a", "value": 1, "more": 2},
    ],
)
def test_what_is_no_step_is_refused(step: Any) -> None:
    document = majors.changed(up=[step])
    assert language.problems(document)
    with pytest.raises(MigrationError):
        read_migration(document, majors.FAMILY)


def test_codes_that_become_one_need_a_way_down() -> None:
    step = {"op": "map", "path": "/a", "codes": {"x": "z", "y": "z"}}
    with pytest.raises(MigrationError, match="no inverse"):
        read_migration(majors.changed(up=[step]), majors.FAMILY)
    down = [{"op": "map", "path": "/a", "codes": {"z": "x"}}]
    assert read_migration(majors.changed(up=[step], down=down), majors.FAMILY).down == tuple(down)


# --- lints


def findings(tmp_path: Path, migration: Any) -> str:
    with pytest.raises(CatalogueError) as caught:
        build(majors.write(tmp_path / "schemas", migration))
    return "\n".join(caught.value.findings)


def test_a_field_that_no_step_names_is_found(tmp_path: Path) -> None:
    up = [step for step in majors.UP if step["op"] != "drop"]
    assert "SILENT: up: /publicity of award_notice/1.0.0 is in no step" in findings(tmp_path, majors.changed(up=up))


def test_a_field_that_no_step_takes_down_is_found(tmp_path: Path) -> None:
    down = [step for step in undo(majors.UP) or () if step.get("path") != "/language"]
    assert "SILENT: down: /language of award_notice/2.0.0" in findings(tmp_path, majors.changed(down=down))


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"from": "1.1.0"}, "NOT-OF-THESE"),
        ({"to": "2.1.0"}, "NOT-OF-THESE"),
        ({"up": [{"op": "move", "from": "/l/*/a", "to": "/b"}, *majors.UP]}, "APART"),
        ({"tests": [{"old": majors.OLD, "new": majors.NEW, "lost": []}]}, "TEST 0: lost /publicity"),
        ({"tests": [{"old": majors.OLD, "new": mini.changed(majors.NEW, rank=1), "lost": ["/publicity"]}]}, "TEST 0: up gives"),
        ({"tests": [{"old": mini.changed(majors.OLD, rank=None), "new": majors.NEW, "lost": []}]}, "TEST 0: not valid under award_notice/1.0.0"),
        ({"tests": []}, "minItems"),
    ],
)  # fmt: skip
def test_a_faulty_migration_is_not_built(tmp_path: Path, change: Any, found: str) -> None:
    assert found in findings(tmp_path, majors.changed(**change))


def test_a_test_whose_way_down_differs_is_found(tmp_path: Path) -> None:
    down = [
        {**step, "value": "en"} if step.get("path") == "/price/currency" else step for step in undo(majors.UP) or ()
    ]
    assert "TEST 0: down gives" in findings(tmp_path, majors.changed(down=down))


# --- the command


def run(root: Path, *arguments: str) -> Any:
    return CliRunner().invoke(
        standards_commands(lambda: pytest.fail("no clock")), ["migrate", *arguments, "--root", str(root)]
    )


def test_the_command_moves_records_and_names_those_that_stay(tmp_path: Path, root: Path, two: Catalogue) -> None:
    dollars = mini.changed(majors.OLD, price={"amount": "1.00", "currency": "USD"})
    broken = mini.changed(majors.OLD, rank=1)
    records = [
        ("one", majors.OLD),
        ("two", dollars),
        ("three", mini.changed(majors.OLD, publicity=None)),
        ("four", broken),
    ]
    lines = [{"family": majors.FAMILY, "id": name, "payload": payload, "city": "成都"} for name, payload in records]
    lines.append({"family": "objection", "id": "five", "payload": {}})
    path, out = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    path.write_text("\n".join([*map(majors.text, lines), "{"]), "utf-8")
    done = run(root, str(path), "--to", "award_notice/2.0.0", "--out", str(out), "--json")
    assert done.exit_code == 1
    told = json.loads(done.stdout)
    assert (told["moved"], told["other"]) == (3, 1)
    assert [(row["record"], row["pointer"]) for row in told["stuck"]] == [("two", "/price/currency"), ("a.jsonl:6", "")]
    assert [(row["record"], [x["pointer"] for x in row["lost"]]) for row in told["lost"]] == [
        ("one", ["/publicity"]),
        ("four", ["/publicity"]),
    ]
    moved = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    assert [(row["id"], row["version"], row["from"], row["city"]) for row in moved] == [
        (name, "2.0.0", "1.0.0", "成都") for name in ("one", "three", "four")
    ]
    assert moved[0]["payload"] == majors.NEW
    back = run(root, str(out), "--to", "award_notice/1.0.0", "--json")
    assert json.loads(back.stdout)["stuck"][0]["record"] == "four"  # the older version has a rule against it
    shown = run(root, str(path), "--to", "award_notice/2.0.0", "--lang", "en")
    assert "stuck  two  /price/currency" in shown.stdout
    assert run(root, str(path), "--to", "award_notice/9.0.0").exit_code == 2


def test_without_a_migration_there_is_no_way(tmp_path: Path) -> None:
    root = majors.built(tmp_path / "schemas", migration=None)
    with pytest.raises(NoWayError):
        mover(Catalogue.load(root), "2.0.0").move(majors.OLD, "1.0.0")
    path = tmp_path / "a.jsonl"
    path.write_text(majors.text({"family": majors.FAMILY, "payload": majors.OLD}), "utf-8")
    assert run(root, str(path), "--to", "award_notice/2.0.0").exit_code == 1
    with pytest.raises(NoWayError):
        mover(Catalogue.load(root), "2.0.0").move(majors.OLD, "1.7.0")
