"""A real node on this machine's own address, with a few people who have passwords and no certificates."""

from __future__ import annotations

import secrets
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvicorn

from played import new_node
from tradehall.adapters.identity.passwords import hash_password
from tradehall.demo.play import organisation
from tradehall.main import Node
from tradehall_standards import Catalogue

WORD = "a password of some length"
TENDERER, OTHER = organisation(1), organisation(7)
PEOPLE = {"tenderer": (TENDERER, "示例城市建设投资有限公司"), "other": (OTHER, "无关示例有限公司")}


@dataclass(frozen=True)
class Hall:
    """A served node."""

    node: Node
    url: str


@pytest.fixture(scope="module")
def hall(tmp_path_factory: pytest.TempPathFactory, catalogue: Catalogue) -> Iterator[Hall]:
    with socket.socket() as ear:
        ear.bind(("127.0.0.1", 0))
        ear.listen(128)
        url = f"http://127.0.0.1:{ear.getsockname()[1]}"
        node, app = new_node(tmp_path_factory.mktemp("work"), catalogue, public_url=url)
        for account, (party, name) in PEOPLE.items():
            node.directory.register(party, name, frozenset())
            node.directory.set_account(account, party, hash_password(WORD, secrets.token_bytes))
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [ear]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield Hall(node, url)
        server.should_exit = True
        thread.join()
        node.close()


@pytest.fixture
def downloads(tmp_path: Path) -> Path:
    return tmp_path
