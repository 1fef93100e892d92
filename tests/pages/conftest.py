"""One node for all tests of the pages: nothing they ask for changes it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from litestar.testing import TestClient

from pages.stage import Stage, perform
from tradehall_standards import Catalogue


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory, catalogue: Catalogue) -> Iterator[Stage]:
    """The node after the play."""
    with ExitStack() as stack:

        def http_of(app: Any) -> TestClient[Any]:
            return stack.enter_context(TestClient(app, raise_server_exceptions=False))

        made = perform(tmp_path_factory.mktemp("pages"), catalogue, http_of)
        yield made
        made.node.close()


@pytest.fixture(autouse=True)
def no_cookies(stage: Stage) -> Iterator[None]:
    """Every test begins as somebody unknown."""
    stage.http.cookies.clear()
    yield
    stage.http.cookies.clear()
