"""A node with one open case, its interface document, and a node on which a whole tender was played."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from api.contract import Contract
from played import Played, perform
from tradehall.adapters.identity.passwords import hash_password
from tradehall.web.api import samples
from tradehall_standards import Catalogue
from web_core.hall import CHEAP, PARTY, Hall, open_hall


@pytest.fixture(scope="module")
def hall(tmp_path_factory: pytest.TempPathFactory, catalogue: Catalogue) -> Iterator[Hall]:
    """A node behind its application."""
    with open_hall(tmp_path_factory.mktemp("hall"), catalogue) as opened:
        directory = opened.node.directory
        stored = hash_password(samples.PASSWORD, opened.node.door.chance, cost=CHEAP)
        directory.set_account("sample", PARTY, stored)
        facts = {"stratum": "TECH", "city": "chengdu", "employer": "示例设计院"}
        directory.register("person:abcdefghij234567", "示例专家", frozenset({"expert"}), facts)
        yield opened


@pytest.fixture(scope="module")
def contract(hall: Hall, catalogue: Catalogue) -> Contract:
    """The document as the node serves it."""
    return Contract(hall.call("GET", "/openapi.json").body, catalogue)


@dataclass
class Past:
    """A node after the play, called as raw ASGI; ``operator`` and ``party`` have tokens."""

    played: Played
    hall: Hall


@pytest.fixture(scope="session")
def past(tmp_path_factory: pytest.TempPathFactory, catalogue: Catalogue) -> Iterator[Past]:
    """The node after the play; nothing is filed on it any more."""
    played = perform(tmp_path_factory.mktemp("played"), catalogue, bidders=3)
    with asyncio.Runner() as runner:
        hall = Hall(played.node, played.app, runner)
        hall.add_account("party", "org:9151010000T000011K")
        hall.add_account("centre", "org:1251010000T000046B", "centre")
        yield Past(played, hall)
    played.node.close()
