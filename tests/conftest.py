"""Fixtures for the whole suite."""

import pytest

from tradehall_standards import Catalogue


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    """The published catalogue, loaded once per process."""
    return Catalogue.load()
