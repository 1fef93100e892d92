"""The cases of some stories, told once a session."""

from __future__ import annotations

from typing import Any

import pytest

from ocds.gathering import Standard, told
from storytelling.people import Cast
from storytelling.script import STORIES, read_story
from storytelling.stage import Stage
from storytelling.ways import by_desk
from tradehall.desk.journal import Journal
from tradehall.ocds.told import Told
from tradehall_standards import Catalogue

WIRES: dict[str, list[dict[str, Any]]] = {}
"""The records of each story as an evidence file has them."""

TOLD = (
    "all_bids_rejected",
    "cancellation_of_one_lot",
    "cancellation_keeps_bids_sealed",
    "complaint_voids_the_award",
    "late_change_moves_the_deadline",
    "no_bids",
    "objection_orders_reevaluation",
    "outage_with_extension",
    "tied_bids_are_drawn",
    "too_few_bids_fail_one_lot",
    "winner_declines_after_the_award",
    "whole_tender",
    "government_procurement",
)


@pytest.fixture(scope="session")
def standard() -> Standard:
    return Standard()


@pytest.fixture(scope="session")
def tender(stories: dict[str, tuple[str, list[Told]]]) -> tuple[str, list[Told]]:
    """Case and records, secret ones too, of a tender from project to contract."""
    return stories["whole_tender"]


@pytest.fixture(scope="session")
def wires(stories: dict[str, tuple[str, list[Told]]]) -> dict[str, list[dict[str, Any]]]:
    """The records of each story as an evidence file has them."""
    return {name: WIRES[name] for name in stories}


@pytest.fixture(scope="session")
def stories(tmp_path_factory: pytest.TempPathFactory, catalogue: Catalogue) -> dict[str, tuple[str, list[Told]]]:
    """Cases of the stories, by name."""
    folder = tmp_path_factory.mktemp("stories")
    cast = Cast(folder / "keys")
    found = {}
    for name in TOLD:
        story = read_story(STORIES / f"{name}.txt")
        with by_desk(cast, catalogue, story.start, folder / name) as way:
            stage = Stage(story, way, cast, catalogue, folder / name)
            stage.play()
            with way.door.store.read() as reading:
                journal = Journal(reading, way.door.cloak, way.door.procedures)
                entries = journal.entries(stage.tender)
                found[name] = (stage.tender, told(entries))
                WIRES[name] = [{**e.record.wire(), "accepted_at": e.filed.at.isoformat()} for e in entries]
    return found
