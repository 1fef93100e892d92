"""One node for the tests of this folder that need a whole one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tradehall_standards import Catalogue
from web_core.hall import Hall, open_hall


@pytest.fixture(scope="module")
def hall(tmp_path_factory: pytest.TempPathFactory, catalogue: Catalogue) -> Iterator[Hall]:
    """A node behind its application."""
    with open_hall(tmp_path_factory.mktemp("hall"), catalogue) as opened:
        yield opened
