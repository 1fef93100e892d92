"""Every story, by every way into a node; and that the stories, their grammar and their table agree."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from storytelling.people import Cast
from storytelling.script import STORIES, read_story
from storytelling.stage import CLAIMS, VERBS, Stage
from storytelling.ways import by_city, by_desk, by_http
from tradehall_standards import Catalogue

FILES = sorted(STORIES.glob("*.txt"))
README = (STORIES / "README.md").read_text("utf-8")
ON_POSTGRESQL = (
    "bid_at_the_deadline",
    "complaint_pauses_one_lot",
    "repeated_record",
    "replacement_at_the_deadline",
    "too_few_bids_fail_one_lot",
    "whole_tender",
)
THROUGH_ANOTHER_CITY = (
    "dissent_from_the_report",
    "recusal_and_replacement",
    "scores_out_of_bounds",
    "seats_one_to_one",
)
"""Stories in which nobody is told "not now": another city's node would keep that record and send it again."""

Catalogues = dict[str, Catalogue]
each = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


@each
def test_story_through_the_desk(path: Path, cast: Cast, catalogues: Catalogues, tmp_path: Path) -> None:
    story = read_story(path)
    catalogue = catalogues[story.headers.get("catalogue", "")]
    with by_desk(cast, catalogue, story.start, tmp_path) as way:
        Stage(story, way, cast, catalogue, tmp_path).play()


@each
def test_story_through_http(path: Path, cast: Cast, catalogues: Catalogues, template: Path, tmp_path: Path) -> None:
    story = read_story(path)
    catalogue = catalogues[story.headers.get("catalogue", "")]
    with by_http(cast, catalogue, story.start, template, tmp_path) as way:
        Stage(story, way, cast, catalogue, tmp_path).play()


@pytest.mark.parametrize("name", THROUGH_ANOTHER_CITY)
def test_story_through_another_citys_node(
    name: str, cast: Cast, catalogue: Catalogue, template: Path, tmp_path: Path
) -> None:
    story = read_story(STORIES / f"{name}.txt")
    with by_city(cast, catalogue, story.start, template, tmp_path) as way:
        Stage(story, way, cast, catalogue, tmp_path).play()


@pytest.mark.parametrize("name", ON_POSTGRESQL)
def test_story_on_postgresql(
    name: str, cast: Cast, catalogue: Catalogue, postgres_template: Path, story_database: str, tmp_path: Path
) -> None:
    story = read_story(STORIES / f"{name}.txt")
    with by_http(cast, catalogue, story.start, postgres_template, tmp_path, story_database) as way:
        Stage(story, way, cast, catalogue, tmp_path).play()


def test_a_revision_of_a_standard_is_public_and_no_trade(
    cast: Cast, catalogue: Catalogue, template: Path, tmp_path: Path
) -> None:
    story = read_story(STORIES / "standard_is_revised.txt")
    with by_http(cast, catalogue, story.start, template, tmp_path) as way:
        stage = Stage(story, way, cast, catalogue, tmp_path)
        stage.play()
        seen = way.seen(None, stage.revision)
        assert seen is not None
        assert (seen[0], seen[-1], len(seen)) == ("standard_draft", "standard_publication", 10)
        assert way.look(stage.revision)[1]["release"] == "2026.2"
        assert way._call(None, "GET", "/cases")["items"] == []


def test_every_story_stands_in_the_table_and_every_entry_is_a_story() -> None:
    told = set(re.findall(r"`([a-z_]+)\.txt`", README))
    assert told == {path.stem for path in FILES}


def test_every_story_has_a_title_and_an_expectation() -> None:
    for path in FILES:
        story = read_story(path)
        own = [line for line in story.lines if line.file == path.name]
        assert story.title, path.name
        assert any(line.kind == "then" or line.refused for line in own), path.name


def test_every_sentence_of_the_grammar_is_used_and_means_one_thing() -> None:
    lines = [line for path in FILES for line in read_story(path).lines]
    for table, kind in ((VERBS, "act"), (CLAIMS, "then")):
        phrases = {line.phrase for line in lines if line.kind == kind}
        for phrase in phrases:
            assert sum(1 for pattern, _ in table if pattern.fullmatch(phrase)) == 1, phrase
        unused = [pattern.pattern for pattern, _ in table if not any(pattern.fullmatch(p) for p in phrases)]
        assert unused == []
