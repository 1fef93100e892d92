"""The scripts that run in the browser are what their sources make; `./run check` also builds them again."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

ROOT = Path(__file__).parents[2]
ISLANDS = ROOT / "islands"
STATIC = ROOT / "platform" / "tradehall" / "web" / "portal" / "static" / "islands"
LISTED = json.loads((ISLANDS / "built.json").read_text("utf-8"))


def digest(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


def test_what_was_built_is_what_lies_there() -> None:
    assert {path.name: digest(path) for path in STATIC.iterdir()} == LISTED["built"]


def test_nothing_was_edited_since() -> None:
    kept = [p for p in ISLANDS.rglob("*") if p.suffix in (".ts", ".mjs", ".json") and "node_modules" not in p.parts]
    sources = {p.relative_to(ISLANDS).as_posix(): digest(p) for p in kept if p.name != "built.json"}
    assert sources == LISTED["sources"]


def test_no_address_of_a_registry_stands_in_the_lock() -> None:
    assert "resolved" not in (ISLANDS / "package-lock.json").read_text("utf-8")
