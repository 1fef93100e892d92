"""House rules 家规 of the torture: every part and every fault case is accounted for, and what they name is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from torture.__main__ import PARTS, parts
from torture.cases import CASES, Case

ROOT = Path(__file__).parent.parent.parent
NAMES = frozenset(part.name for part in parts())


def test_every_part_is_there_and_named_after_its_module() -> None:
    assert [part.name.replace("-", "_") for part in parts()] == list(PARTS)


def test_the_cases_are_numbered_from_1_to_46() -> None:
    assert [case.number for case in CASES] == list(range(1, 47))


def test_every_case_of_a_part_is_a_case() -> None:
    assert {number for part in parts() for number in part.cases} <= set(range(1, 47))


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case.number))
def test_what_shows_a_case_is_there(case: Case) -> None:
    assert case.proofs or case.open
    for proof in case.proofs:
        kind, _, name = proof.partition(" ")
        if kind == "torture":
            assert name in NAMES, proof
        elif kind == "./run":
            assert name.partition(" ")[0] == "bench", proof
        else:
            path, _, test = proof.partition("::")
            text = (ROOT / path).read_text("utf-8")
            assert not test or re.search(rf"^def {test}\(", text, re.MULTILINE), proof


@pytest.mark.parametrize("name", ["run", "dev", "torture"])
def test_every_dependency_is_locked_by_hash(name: str) -> None:
    text = (ROOT / "requirements" / f"{name}.lock").read_text("utf-8")
    pinned = re.split(r"\n(?=\S)", text.strip())
    assert len(pinned) > 40
    for requirement in pinned:
        assert re.match(r"[a-z0-9][a-z0-9._-]*==\S+", requirement), requirement[:80]
        assert "--hash=sha256:" in requirement, requirement[:80]
