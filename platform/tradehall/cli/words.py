"""
What every command shares (命令行公共部分): the words of the catalogue's commands, and how a secret file is kept.

Data goes to stdout, everything else to stderr, so that output can be piped.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from tradehall.cli.disk import settle
from tradehall_standards.commands.words import (
    FILE,
    FOLDER,
    INVALID,
    NEW_FILE,
    NEW_FOLDER,
    OK,
    UNAVAILABLE,
    USAGE,
    VERIFICATION_FAILED,
    Command,
    Stop,
    Words,
    json_option,
    lang_option,
    member,
    objects,
    print_json,
    print_table,
)

__all__ = [
    "FILE",
    "FOLDER",
    "INVALID",
    "NEW_FILE",
    "NEW_FOLDER",
    "OK",
    "UNAVAILABLE",
    "USAGE",
    "VERIFICATION_FAILED",
    "Command",
    "Stop",
    "Words",
    "json_option",
    "keep",
    "lang_option",
    "member",
    "objects",
    "print_json",
    "print_table",
]

_PRIVATE: Final = 0o600


def keep(path: Path, data: bytes) -> None:
    """Write a file that only its owner can read, whole or not at all, and durably (原子写入)."""
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    part.replace(path)
    settle(path)
