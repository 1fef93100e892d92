"""Everybody and everything that all stories share, made once a session."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from adapters.postgres import Cluster, running
from storytelling.people import Cast
from storytelling.ways import fill_template
from tradehall_standards import Catalogue
from tradehall_standards.build import build
from tradehall_standards.sources import default_root

TEMPLATE = "template_of_stories"
_numbers = count()


@pytest.fixture(scope="session")
def cast(tmp_path_factory: pytest.TempPathFactory) -> Cast:
    return Cast(tmp_path_factory.mktemp("cast") / "keys")


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory, cast: Cast, catalogue: Catalogue) -> Path:
    """A node on SQLite in which everybody is registered; every story runs on a copy."""
    return fill_template(cast, catalogue, tmp_path_factory.mktemp("sqlite"))


@pytest.fixture(scope="session")
def story_cluster() -> Iterator[Cluster]:
    with running() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def postgres_template(
    tmp_path_factory: pytest.TempPathFactory, cast: Cast, catalogue: Catalogue, story_cluster: Cluster
) -> Iterator[Path]:
    """The same on PostgreSQL: its folder; its database is copied by name."""
    with story_cluster.database(TEMPLATE) as url:
        yield fill_template(cast, catalogue, tmp_path_factory.mktemp("postgres"), url)


@pytest.fixture
def story_database(story_cluster: Cluster, postgres_template: Path) -> Iterator[str]:
    with story_cluster.database(f"story_{next(_numbers)}", TEMPLATE) as url:
        yield url


@pytest.fixture(scope="session")
def catalogues(tmp_path_factory: pytest.TempPathFactory, catalogue: Catalogue) -> dict[str, Catalogue]:
    """Catalogues by the name in a story's header: the published one, and one in which questions get a new version."""
    return {"": catalogue, "questions_change": _with_new_questions(tmp_path_factory.mktemp("catalogue") / "schemas")}


def _with_new_questions(root: Path) -> Catalogue:
    shutil.copytree(default_root(), root)
    old, new = root / "records" / "question" / "1.0.0", root / "records" / "question" / "1.1.0"
    shutil.copytree(old, new)
    (new / "schema.json").write_text(
        (old / "schema.json").read_text("utf-8").replace("question/1.0.0", "question/1.1.0")
    )
    states = {"published_on": "2026-02-01", "in_force_from": "2026-03-10"}
    (new / "manifest.json").write_text(
        json.dumps({"predecessor": "1.0.0", "states": states, "legal_basis": ["招标投标法实施条例 21"]})
    )
    build(root)
    return Catalogue.load(root)
