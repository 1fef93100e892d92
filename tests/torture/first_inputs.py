"""First inputs 初始语料 of the fuzzer: real ones of a played tender, in a folder by target, for processes that load little."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tradehall import verifier
from tradehall.kernel import evidence
from tradehall_standards import canonical

if TYPE_CHECKING:
    from torture.scenes import Scene

EVIDENCE, LETTER = "evidence.zip", "letter.pdf"
PLAIN = (b"\0" * 40, bytes(range(200)))
"""Where nothing real is at hand."""


def write_first(scene: Scene, folder: Path) -> Path:
    """Write the first inputs of every target, and the two files that are changed as a whole; returns the folder."""
    folder.mkdir()
    shutil.copy(scene.files["evidence"], folder / EVIDENCE)
    shutil.copy(scene.files["letter"], folder / LETTER)
    for name, inputs in _first(scene).items():
        (folder / name).mkdir()
        for number, data in enumerate(inputs):
            (folder / name / f"{number:03}").write_bytes(data)
    return folder


def begin_with(folder: Path, name: str) -> Iterator[bytes]:
    """Yield the first inputs of a target."""
    if name.startswith("planted"):
        yield from (b'{"a":1}', b'{"b":[]}')
    elif (folder / name).is_dir():
        yield from (path.read_bytes() for path in sorted((folder / name).iterdir()))
    else:
        yield from PLAIN


def _first(scene: Scene) -> dict[str, list[bytes]]:
    filed = [r.body for r in scene.requests if r.path == b"/api/v1/records"]
    proof = verifier.unzip(Path(scene.files["evidence"]).read_bytes())
    checkpoint, keys = bytes(proof["log/checkpoint"]), json.loads(bytes(proof["keys/node.json"]))
    sealed = [json.loads(body)["envelope"]["payload"] for body in filed if b'"bid_commitment"' in body]
    handed = sorted((scene.folder / "out" / "receipts").iterdir())[:5]
    return {
        "strict": filed[::4],
        "envelope": filed[::4],
        "commitment": [canonical.jcs(payload) for payload in sealed],
        "age": [r.body[:300] for r in scene.requests if r.body.startswith(b"age-encryption")],
        "receipt": [path.read_bytes() for path in handed],
        "notes": [checkpoint, b"old 0\n\n" + checkpoint, keys["log_key"].encode()],
        "money": [b"0.00", b"19800000.00", b"-1.00"],
        "package": [evidence.canonical_zip(dict.fromkeys(("manifest.json", "manifest.sig", "padding"), b"{}"))],
    }
