"""
The development officers (开发官员, fictional): they sign what developers and tests publish.

Their private keys lie beside this file, for everybody: what they sign vouches for nothing, and everything that verifies
says so. ``python -m officers.signing 2026.2 --on 2026-07-01`` builds and publishes ``schemas/``; ``--again`` cuts the newest
release again (decision 0012 tells until when).
"""

from __future__ import annotations

import argparse
from datetime import date
from pathlib import Path

from tradehall_standards.build import build
from tradehall_standards.release import propose, propose_keys, publish, sign
from tradehall_standards.release.dsse import Envelope
from tradehall_standards.release.keys import OfficerKey, Purpose
from tradehall_standards.release.private import open_key
from tradehall_standards.release.releases import release_path
from tradehall_standards.sources import default_root

HERE = Path(__file__).parent
OFFICERS = ("jia", "yi", "bing")
SINCE = date(2026, 1, 1)


def pem(officer: str) -> bytes:
    return (HERE / f"{officer}.pem").read_bytes()


def public_key(officer: str, *, purpose: Purpose = "development", since: date = SINCE) -> OfficerKey:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    public = load_pem_private_key(pem(officer), None).public_key().public_bytes_raw()  # type: ignore[union-attr]
    name = {"zh": f"官员{officer}（虚构）", "en": f"Officer {officer} (fictional)"}
    return OfficerKey(f"dev-{officer}", name, public, purpose, since, date(2046, 1, 1))


def signed(proposal: Envelope, root: Path, officers: Path, *who: str) -> Envelope:
    for officer in who:
        proposal = sign(proposal, root, officers, *open_key(pem(officer), None))
    return proposal


def establish(officers: Path, *, purpose: Purpose = "development", on: date = SINCE) -> Path:
    """Give a folder a first set of keys."""
    keys = tuple(public_key(officer, purpose=purpose) for officer in OFFICERS)
    return publish(signed(propose_keys(officers, on, keys, 2), officers, officers, "jia", "yi"), officers, officers)


def release(root: Path, name: str, on: date, *, officers: Path | None = None) -> Path:
    """Publish what is built, or let another authority adopt it."""
    if not (root / "keys").is_dir():
        establish(root)
    proposal = propose(root, name, on, officers=officers)
    home = officers or root
    return publish(signed(proposal, root, home, "jia", "yi"), root, home)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    parser.add_argument("--on", type=date.fromisoformat, required=True)
    parser.add_argument("--root", type=Path, default=default_root())
    parser.add_argument("--again", action="store_true")
    asked = parser.parse_args()
    if asked.again:
        release_path(asked.root, asked.name).unlink()
    build(asked.root)
    print(release(asked.root, asked.name, asked.on))  # noqa: T201  - the file written
