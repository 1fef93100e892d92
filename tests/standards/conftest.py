from __future__ import annotations

from pathlib import Path

import pytest

from standards import mini
from tradehall_standards import Catalogue, Version
from tradehall_standards.build import build


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    return mini.write(tmp_path / "schemas")


@pytest.fixture
def built(sources: Path) -> Path:
    build(sources)
    return sources


@pytest.fixture(scope="session")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    root = mini.write(tmp_path_factory.mktemp("catalogue"))
    build(root)
    return Catalogue.load(root)


@pytest.fixture(scope="session")
def notice(catalogue: Catalogue) -> Version:
    found = catalogue.version("notice", "1.0.0")
    assert found is not None
    return found


@pytest.fixture(scope="session")
def published() -> Catalogue:
    return Catalogue.load()
