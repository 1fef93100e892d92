"""
A pytest plugin that keeps what the tests show the verifier (留存): each evidence file with the verdict of ``verifier.py``.

``pytest tests/verifier/test_tampering.py -p verifier.recording`` with ``RECORDING`` set to a folder writes ``<n>.zip`` and
``<n>.json`` there: what the second verifier is asked too, by ``test_javascript.py``.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tradehall import verifier

MOST = 30
"""Files kept of one test: some try thousands."""


@pytest.fixture(autouse=True)
def _recorded(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep every MOST-th file and better of a test."""
    folder, real, seen = Path(os.environ["RECORDING"]), verifier.verify_bytes, Counter[str]()

    def kept(data: Any, *, trusted_keys: Any = None, min_witnesses: int = 0) -> verifier.Report:
        report = real(data, trusted_keys=trusted_keys, min_witnesses=min_witnesses)
        seen["files"] += 1
        if seen["files"] <= MOST or seen["files"] % 1999 == 0:
            keep(folder, request.node.name, bytes(data), trusted_keys, min_witnesses, report)
        return report

    monkeypatch.setattr(verifier, "verify_bytes", kept)


def keep(folder: Path, test: str, data: bytes, trusted: Any, min_witnesses: int, report: verifier.Report) -> None:
    """Write a file and its verdict."""
    number = len(list(folder.glob("*.zip")))
    keys = trusted or verifier.TrustedKeys()
    file = folder / f"{number}.zip"
    file.write_bytes(data)
    options = {"nodeKeys": [*keys.node], "witnessKeys": [*keys.witnesses], "minWitnesses": min_witnesses}
    asked = {"file": str(file), **options}
    told = {"test": test, "asked": asked, "report": report.to_json()}
    (folder / f"{number}.json").write_text(json.dumps(told), "utf-8")
