"""
Names and files that outlive a power cut (持久写入): on a disk a file and its name are two things, and both are synced.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable: what was made, renamed or removed there."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_folder(folder: Path, mode: int = 0o777) -> None:
    """
    Make a folder that is durable when this returns, with those above it that are missing.

    One that is there already is synced too: who made it may have been killed before.
    """
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    for path in reversed(made):
        path.mkdir(mode if path == folder else 0o777, exist_ok=True)
    for path in made or [folder]:
        # A parent that this process can't even list is not its to sync: somebody else has made the folder in it.
        with suppress(PermissionError):
            sync_folder(path.parent)


def write_file(path: Path, data: bytes) -> None:
    """Write a file that only its owner can read, whole or not at all, durably; one process at a time."""
    part = path.with_name(path.name + ".new")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    sync_folder(path.parent)
