"""Cut lines need the kernel's leave: where it is not given the part says so and fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from torture.harness import run_part
from torture.partition import PART


def test_without_network_namespaces_the_part_fails_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in PART.needs:
        program = tmp_path / name
        program.write_text("#!/bin/sh\necho 'Operation not permitted' >&2\nexit 2\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    report = run_part(PART, seed=1, seconds=60, long=False, folder=tmp_path / "run")
    assert not report.passed
    assert report.controls == []
    broken = report.broken[0]
    assert broken.startswith(
        "this needs root with CAP_SYS_ADMIN and CAP_NET_ADMIN, iproute2 and iptables: ip netns add"
    )
    assert broken.endswith("Operation not permitted")
