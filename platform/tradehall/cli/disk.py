"""
What a power cut must not take (落盘): the only key of a bid lies on its bidder's own device.
"""

from __future__ import annotations

import os
from pathlib import Path


def settle(path: Path) -> None:
    """Make a file, or a folder with all in it, durable, and its name too; where the system can't sync a folder, not."""
    if os.name != "posix":
        return
    for found in (*path.rglob("*"), path, path.parent):
        handle = os.open(found, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
