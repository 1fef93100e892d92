"""Fixtures for the whole suite."""

import os

import pytest
from hypothesis import settings

from tradehall_standards import Catalogue

# The everyday suite answers the same for the same commit, however busy the machine is; `./run torture` and
# TRADEHALL_TEST_CHANCE=1 look further.
settings.register_profile("everyday", derandomize=True, deadline=None)
settings.register_profile("chance", derandomize=False, deadline=None)
settings.load_profile("chance" if os.environ.get("TRADEHALL_TEST_CHANCE") else "everyday")


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    """The published catalogue, loaded once per process."""
    return Catalogue.load()
