"""
A case to tamper with 被篡改的案卷: Chengdu after a whole tender, and Deyang, which cosigned each step of its log.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from litestar.testing import TestClient

from played import PASSWORD, URL
from torture.apart import catalogue
from tradehall import verifier
from tradehall.adapters.identity.passwords import hash_password
from tradehall.adapters.log.witness import WitnessClient
from tradehall.adapters.sql.witnessed import SqlWitnessStore
from tradehall.adapters.witnesses import HttpWitness
from tradehall.cli.client import Client
from tradehall.demo.play import BEGIN, Play, organisation
from tradehall.kernel import notes
from tradehall.kernel.refusal import Refusal
from tradehall.main import Node, Settings, build_context, build_node
from tradehall.rules.sealing import base64url
from tradehall.web.app import build_app
from tradehall.web.site import HANDLERS

WITNESS_URL = "http://witness.local"


class NotExported(Exception):
    """The node refuses to export the case; the message says why."""


@dataclass
class World:
    """
    Chengdu's node after the play, and what its witness and the bidders keep.

    Attributes:
        seen: the checkpoint that Deyang cosigned last.
        trusted: what a reader knows from elsewhere: Chengdu's keys and Deyang's.
        cosign: sends Deyang a checkpoint as a log would; returns status and body.
    """

    node: Node
    facts: dict[str, Any]
    folder: Path
    witnesses: SqlWitnessStore
    trusted: verifier.TrustedKeys
    cosign: Callable[[bytes], tuple[int, str]]

    @property
    def database(self) -> Path:
        return self.node.settings.data / "node.db"

    @property
    def seen(self) -> notes.Checkpoint:
        found = self.witnesses.latest(self.node.settings.origin)
        assert found is not None
        return found

    @property
    def linked(self) -> dict[str, str]:
        letter = next(iter(self.facts["letters"].values()))
        return {self.facts["session"]: "session", letter: "guarantee"}

    def export(self) -> bytes:
        """Export the case as whoever runs the node would after a restart."""
        self.node.witnessing.seen.clear()
        made = self.node.exporter.export(self.facts["tender"], linked=self.linked)
        if isinstance(made, Refusal):
            raise NotExported(str(made.code))
        return made

    def verify(self, data: bytes) -> verifier.Report:
        """Verify as somebody who brings the keys and wants the witness."""
        return verifier.verify_bytes(data, trusted_keys=self.trusted, min_witnesses=1)


def make_world(folder: Path, stack: ExitStack) -> World:
    """Play a whole tender at Chengdu, witnessed by Deyang; everything is closed with the stack."""
    logging.disable(logging.WARNING)
    stack.callback(logging.disable, logging.NOTSET)
    hall = {"sandbox_start": BEGIN, "sandbox_rate": 0}
    chengdu = Settings(data=folder / "chengdu", city="chengdu", public_url=URL, **hall)
    first = build_node(chengdu, catalogue=catalogue())
    first.close()
    watched = f"{chengdu.origin}={first.keys.node.log}"
    deyang = Settings(data=folder / "deyang", city="deyang", public_url=WITNESS_URL, witnessed=watched, **hall)
    witness = build_node(deyang, catalogue=catalogue())
    stack.callback(witness.close)
    asked = stack.enter_context(TestClient(build_app(build_context(witness), HANDLERS)))
    node = build_node(
        Settings(
            data=folder / "chengdu",
            city="chengdu",
            public_url=URL,
            witnesses=f"{WITNESS_URL}/witness {witness.keys.witness}",
            **hall,
        ),
        catalogue=catalogue(),
    )
    stack.callback(node.close)
    # The same witness over its own application, without a socket.
    node.witnessing.witnesses = [HttpWitness(WitnessClient(asked, "/witness", witness.keys.witness))]
    node.directory.register(organisation(999), "operator", frozenset({"centre"}))
    node.directory.set_account("operator", organisation(999), hash_password(PASSWORD, secrets.token_bytes))
    out = folder / "out"
    out.mkdir()
    http = stack.enter_context(TestClient(build_app(build_context(node), HANDLERS)))
    facts = Play(lambda: Client(http), PASSWORD, out, lambda _zh, _en: None, URL, 4).run()
    keys = node.keys.node
    trusted = verifier.TrustedKeys([str(keys.log), base64url(keys.receipt_public)], [str(witness.keys.witness)])

    def cosign(body: bytes) -> tuple[int, str]:
        answer = asked.post("/witness/add-checkpoint", content=body)
        return answer.status_code, answer.text

    return World(node, facts, folder, SqlWitnessStore(witness.store), trusted, cosign)


def records_of(data: bytes) -> dict[str, bytes]:
    """Return the record files of an evidence file."""
    return {name: bytes(found) for name, found in verifier.unzip(data).items() if name.startswith("cases/")}
