"""A dump of database, vault and logs before the opening shows no price, bidder, count or guarantee."""

from __future__ import annotations

import io
import logging
import re
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
import structlog
from litestar.testing import TestClient

from played import PASSWORD, URL, new_node
from tradehall.cli.client import Client, Refused
from tradehall.demo.play import PASSWORD as DEMO_PASSWORD
from tradehall.demo.play import Play
from tradehall.main import Node


class Halted(Exception):
    """The play has come as far as this test wants it."""


class UntilOpening(Play):
    """The play up to the minute before the deadline; its clock stays there."""

    def advance(self, who, to):
        if to >= "2026-03-25":
            raise Halted
        super().advance(who, to)


@dataclass
class Scene:
    node: Node
    play: UntilOpening
    folder: Path
    log: str
    app: object


def _perform(folder: Path, bidders: int, catalogue) -> Scene:
    log = io.StringIO()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(log), cache_logger_on_first_use=False)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    node, app = new_node(folder, catalogue)
    out = folder / "out"
    out.mkdir(parents=True)
    with TestClient(app) as http:
        play = UntilOpening(lambda: Client(http), PASSWORD, out, lambda _zh, _en: None, URL, bidders)
        with pytest.raises(Halted):
            play.run()
    return Scene(node, play, folder, log.getvalue(), app)


@pytest.fixture(scope="module")
def scene(tmp_path_factory, catalogue) -> Iterator[Scene]:
    made = _perform(tmp_path_factory.mktemp("dump"), 4, catalogue)
    yield made
    made.node.close()
    structlog.reset_defaults()


def _dump(scene: Scene) -> bytes:
    """Everything an intruder with the disk but without the key folder gets, and the log."""
    found = bytearray(scene.log.encode())
    with closing(sqlite3.connect(scene.folder / "node" / "node.db")) as database:
        found += "\n".join(database.iterdump()).encode()
        for (body,) in database.execute("SELECT body FROM journal"):
            found += body
        for key, value in database.execute("SELECT key, value FROM state"):
            found += key + value
    for path in sorted((scene.folder / "node" / "vault").rglob("*")):
        found += str(path).encode()
        if path.is_file():
            found += path.read_bytes()
    return bytes(found)


def _forms(text: str) -> list[bytes]:
    """A planted value as it might appear: plain, hexadecimal as in SQL dumps, base64 inside JSON."""
    return [text.encode(), text.encode().hex().encode(), text.encode().hex().upper().encode(), text.encode("utf-16-le")]


def test_prices_guarantees_and_submissions_are_nowhere(scene: Scene) -> None:
    dump = _dump(scene)
    planted = [bid.price for bid in scene.play.bids]
    planted += [bid.submission for bid in scene.play.bids]
    planted += [bid.signer.kid for bid in scene.play.bids] + [bid.sealed.sha256 for bid in scene.play.bids]
    for _, payload in scene.play.facts["letter_files"].values():
        planted += [payload["number"], payload["letter"], payload["nonce"]]
    planted += list(scene.play.facts["letters"].values())
    assert len(planted) > 20
    for value in planted:
        assert not any(form in dump for form in _forms(value)), value


def test_the_dump_does_show_what_is_public(scene: Scene) -> None:
    """The control: were the search blind, it would miss the public ceiling too."""
    assert b"19800000.00" in _dump(scene)
    assert scene.play.facts["tender"].encode() in _dump(scene)


def test_no_row_links_a_bidder_to_the_tender(scene: Scene) -> None:
    """Bidders are registered parties; no row or file of the tender names one, but for the question one asked in public."""
    asked = scene.play.bids[0].actor.party
    with closing(sqlite3.connect(scene.folder / "node" / "node.db")) as database:
        rows = b"".join(body for (body,) in database.execute("SELECT body FROM journal"))
        rows += b"".join(key + value for key, value in database.execute("SELECT key, value FROM state"))
    for bid in scene.play.bids:
        if bid.actor.party != asked:
            assert bid.actor.party.encode() not in rows
            assert bid.actor.name.encode() not in rows
    assert not any(bid.actor.party in scene.log for bid in scene.play.bids)


def test_rows_and_files_do_not_tell_how_many_bid(scene: Scene, tmp_path, catalogue) -> None:
    """Secret rows, state rows and vault files are more than the bids, in kinds nobody can tell apart."""
    with closing(sqlite3.connect(scene.folder / "node" / "node.db")) as database:
        sizes = [n for (n,) in database.execute("SELECT length(body) FROM journal WHERE case_id IS NULL")]
    assert len(set(sizes)) <= 3
    real = 2 * (len(scene.play.bids) + 2) + 1 + 4 * len(scene.play.facts["letters"])
    assert len(sizes) > real


def test_decoys_have_the_sizes_of_real_files(scene: Scene) -> None:
    """Every decoy once had 64 KiB, and every bid with its letter more: the vault told how many bid by a look at it."""

    class Nothing:
        def put_decoys(self, _rows: object) -> None:
            return

    sealed = scene.folder / "node" / "vault" / "sealed"
    real = Counter(path.stat().st_size for path in sealed.rglob("*") if path.is_file())
    for _ in range(200):
        scene.node.door.decoys.add_to([], Nothing(), scene.node.store.now())  # type: ignore[arg-type]
    scene.node.door.decoys.write_files()
    later = Counter(path.stat().st_size for path in sealed.rglob("*") if path.is_file())
    size, bids = max((size, count) for size, count in real.items() if count > 1)
    assert size > 100_000
    assert later[size] > bids


def test_pages_and_api_show_the_same_whoever_bids(scene: Scene, tmp_path, catalogue) -> None:
    """Two worlds with different numbers of bidders look the same to everybody who does not bid."""
    other = _perform(tmp_path / "other", 2, catalogue)
    try:
        for path in (
            "/api/v1/cases/{t}",
            "/api/v1/cases/{t}/records",
            "/notices/{t}",
            "/openings/{t}",
            "/notices",
            "/",
        ):
            shown = []
            for world in (scene, other):
                tender = world.play.facts["tender"]
                with TestClient(world.app) as http:
                    text = http.get(path.format(t=tender), headers={"Accept-Language": "zh"}).text
                shown.append(_masked(text, world))
            differing = [
                pair for pair in zip(shown[0].splitlines(), shown[1].splitlines(), strict=False) if pair[0] != pair[1]
            ]
            assert shown[0] == shown[1], (path, differing[:3])
    finally:
        other.node.close()


def _masked(text: str, world: Scene) -> str:
    """Mask what differs because two runs have other random ids, keys and places in the log, and nothing else."""
    text = text.replace(world.play.facts["tender"], "TENDER")
    masks = (
        (r"age1[a-z0-9]{58}", "RECIPIENT"),
        (r'"(?:protected|signature|nonce|salt)":"[^"]*"', "SIGNED"),
        (r"[0-9a-f]{16,64}", "HEX"),
        (r"[0-9a-f]{4,12}(?:…|&hellip;)[0-9a-f]{0,12}", "HEX"),
        (r'"index":\d+|data-sequence="\d+"|after=\d+|(?<=#)\d+', "INDEX"),
        # The size of the whole log is public, decoys included: docs/explanation/secrecy.md says what it tells.
        (r"<dt>(?:公开日志)?条目</dt><dd>\d+</dd>", "LOG-SIZE"),
        (r"2026-03-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|\+08:00)?", "INSTANT"),
    )
    for pattern, mask in masks:
        text = re.sub(pattern, mask, text)
    return text


def test_an_early_opening_is_refused_and_nobody_holds_a_key(scene: Scene) -> None:
    outcome = scene.node.opening.start(scene.play.facts["tender"])[0]
    assert outcome.code == "OPENING-EARLY"
    assert not any(
        "AGE-SECRET-KEY" in p.read_text("latin-1") for p in (scene.folder / "node").rglob("*") if p.is_file()
    )


def test_not_even_the_beneficiary_learns_of_a_letter_before_the_opening(scene: Scene) -> None:
    """Its inbox once listed every letter with its applicant: who would bid, and how many, nine days before the opening."""
    accounts = {"tenderer": (), "agency": (), "supervisor": (), "bank": scene.play.facts["letters"].values()}
    for account, known in accounts.items():
        with TestClient(scene.app) as http:
            client = Client(http)
            client.login(account, DEMO_PASSWORD)
            assert {item["case"] for item in client.get("/inbox")["items"]} == set(known), account
            for case in set(scene.play.facts["letters"].values()) - set(known):
                for path in (f"/cases/{case}", f"/cases/{case}/records"):
                    with pytest.raises(Refused) as refused:
                        client.get(path)
                    with pytest.raises(Refused) as absent:
                        client.get(path.replace(case, "g-" + "a" * 26))
                    assert refused.value.problem == absent.value.problem
