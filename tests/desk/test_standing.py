"""A restored log is taken only where a witness agrees with it 恢复后的日志须与见证一致."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from tradehall.bench.hall import Hall, hall, read
from tradehall.cli.node import node_commands
from tradehall.desk.accept import Filing
from tradehall.desk.ports import StoreUnavailable
from tradehall.desk.sequencer import Sequencer
from tradehall.desk.standing import Standing, standing
from tradehall.desk.witnessing import LogDisputed
from tradehall.main import Node, build_node
from tradehall_standards import Catalogue, strict
from witnessed import City


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue.load()


@pytest.fixture
def place(catalogue: Catalogue) -> Iterator[Hall]:
    with hall(catalogue) as made:
        yield made


def file(place: Hall, count: int) -> None:
    filings = [Filing(read(strict.parse(sent))) for sent in place.commitments(count)]
    Sequencer(place.node.door, place.node.witnessing).settle(filings)


def backed_up(place: Hall, name: str) -> Path:
    """Copy the node as it is now."""
    copy = place.folder / name
    shutil.copytree(place.node.settings.data, copy, ignore=shutil.ignore_patterns("node.db*"))
    with (
        closing(sqlite3.connect(place.node.settings.data / "node.db")) as live,
        closing(sqlite3.connect(copy / "node.db")) as kept,
    ):
        live.backup(kept)
    return copy


def restored(place: Hall, copy: Path, city: City, catalogue: Catalogue) -> closing[Node]:
    node = build_node(replace(place.node.settings, data=copy), catalogue=catalogue)
    city.watch(node)
    return closing(node)


def test_a_log_that_nobody_touched_is_whole_and_vouched_for(place: Hall) -> None:
    city = City()
    city.watch(place.node)
    file(place, 3)
    found = standing(place.node.door, place.node.witnessing)
    assert (found.faults, dict(found.witnesses), found.vouched) == ((), {city.name: ""}, True)
    place.node.witnessing.vouch()


def test_a_silent_witness_vouches_for_nothing_but_lets_a_node_start(place: Hall) -> None:
    City(away=True).watch(place.node)
    assert not standing(place.node.door, place.node.witnessing).vouched
    with pytest.raises(LogDisputed, match="no witness answers"):
        place.node.witnessing.vouch()
    place.node.witnessing.vouch(silence=True)


def test_a_restore_that_ended_too_early_is_refused(place: Hall, catalogue: Catalogue) -> None:
    city = City()
    city.watch(place.node)
    file(place, 2)
    early = backed_up(place, "early")
    file(place, 3)
    late = backed_up(place, "late")
    with restored(place, early, city, catalogue) as node:
        found = standing(node.door, node.witnessing)
        assert (found.faults, found.disputed) == ((), True)
        with pytest.raises(LogDisputed, match=r"has cosigned \d+ leaves; the log has \d+"):
            node.witnessing.vouch(silence=True)
    with restored(place, late, city, catalogue) as node:
        node.witnessing.vouch()


def test_a_log_that_went_another_way_gets_no_receipt_signed(place: Hall, catalogue: Catalogue) -> None:
    city = City()
    city.watch(place.node)
    file(place, 2)
    other = backed_up(place, "other")
    file(place, 3)
    for count in (1, 3, 5):
        with restored(place, other, city, catalogue) as node, pytest.raises(StoreUnavailable):
            file(replace(place, node=node), count)


def test_a_witness_that_has_agreed_can_not_stop_the_node_later(place: Hall) -> None:
    city = City()
    city.watch(place.node)
    file(place, 2)
    latest = city.store.latest(place.node.settings.origin)
    assert latest is not None
    city.store.advance(latest, replace(latest, size=latest.size + 1000))
    file(place, 2)
    with pytest.raises(LogDisputed):
        place.node.witnessing.vouch(silence=True)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("UPDATE journal SET leaf = zeroblob(32) WHERE idx = 1", "do not give the root"),
        ("DELETE FROM journal WHERE idx = (SELECT max(idx) FROM journal)", "leaves are missing"),
        ("DELETE FROM batch WHERE size = (SELECT max(size) FROM batch)", "behind the last batch"),
        (
            "UPDATE journal SET at = at, body = replace(body, 'accepted_at\":\"2', 'accepted_at\":\"1') WHERE idx = 0",
            "0",
        ),
    ],
)
def test_a_log_that_is_not_whole_is_named(place: Hall, change: str, says: str) -> None:
    with closing(sqlite3.connect(place.node.settings.data / "node.db")) as raw:
        for trigger in ("journal_UPDATE", "journal_DELETE", "batch_DELETE"):
            raw.execute(f"DROP TRIGGER {trigger}")
        raw.execute(change)
        raw.commit()
    found = standing(place.node.door, place.node.witnessing)
    assert found.disputed
    assert any(says in fault for fault in found.faults), found.faults


@pytest.mark.parametrize(
    ("found", "code"),
    [
        (Standing(5, (), {"deyang": ""}), 0),
        (Standing(5, (), {"deyang": "", "mianyang": "silent"}), 0),
        (Standing(5, (), {"deyang": "silent"}), 3),
        (Standing(5, ()), 3),
        (Standing(5, (), {"deyang": "", "mianyang": "has cosigned 7 leaves; the log has 5"}), 4),
        (Standing(5, ("leaf 1 is not that of its record",), {"deyang": ""}), 4),
    ],
)
def test_the_command_says_so_by_its_exit_code(found: Standing, code: int) -> None:
    for arguments in (["check"], ["check", "--json"], ["check", "--lang", "en"]):
        result = CliRunner().invoke(node_commands(lambda: found), arguments)
        assert result.exit_code == code, result.output


def test_the_command_says_when_the_database_must_not_be_used() -> None:
    def fenced() -> Standing:
        raise StoreUnavailable("the server is a standby")

    result = CliRunner().invoke(node_commands(fenced), ["check", "--lang", "en"])
    assert (result.exit_code, "standby" in result.stderr) == (3, True)
