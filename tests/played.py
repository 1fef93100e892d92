"""A whole tender played over HTTP on a throw-away node: what several tests look at."""

from __future__ import annotations

import logging
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from litestar.testing import TestClient

from tradehall.adapters.identity.passwords import hash_password
from tradehall.cli.client import Client
from tradehall.demo.play import BEGIN, Play, organisation
from tradehall.main import Node, Settings, build_context, build_node
from tradehall.web.app import build_app
from tradehall.web.site import HANDLERS

PASSWORD = "operator-2026"
URL = "http://testserver.local"


@dataclass
class Played:
    """A node after the play, its application, and what the play noted."""

    node: Node
    app: Any
    play: Play
    facts: dict[str, Any]
    folder: Path


def new_node(folder: Path, catalogue, **settings) -> tuple[Node, Any]:
    """A sandbox node with an operator, and its application."""
    made = {"sandbox_start": BEGIN, "sandbox_rate": 0, "public_url": URL} | settings
    node = build_node(Settings(data=folder / "node", **made), catalogue=catalogue)
    node.directory.register(organisation(999), "operator", frozenset({"centre"}))
    node.directory.set_account("operator", organisation(999), hash_password(PASSWORD, secrets.token_bytes))
    return node, build_app(build_context(node), HANDLERS)


def perform(folder: Path, catalogue, *, play=Play, bidders: int = 4, **settings) -> Played:
    """Play the demo's tender with a few bidders."""
    logging.getLogger("httpx").setLevel(logging.WARNING)
    node, app = new_node(folder, catalogue, **settings)
    out = folder / "out"
    out.mkdir(parents=True)
    with TestClient(app) as http:
        acted = play(lambda: Client(http), PASSWORD, out, lambda _zh, _en: None, URL, bidders)
        facts = acted.run()
    return Played(node, app, acted, facts, folder)
