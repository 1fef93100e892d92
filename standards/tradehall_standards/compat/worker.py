"""
The worker (比对进程): compares pairs that it is sent, without network and files, within memory and time.

Reads one JSON request a line, writes one JSON answer a line. Started by :mod:`guarding`, which ends it when an answer
takes too long.
"""

from __future__ import annotations

import json
import resource
import sys
import threading
import time
from typing import Final, cast

from tradehall_standards.compat.comparing import compare_here, refuse
from tradehall_standards.compat.dialects import Draft, Formats, Schema
from tradehall_standards.compat.telling import comparison_to_json
from tradehall_standards.compat.values import Value

MEMORY_BYTES: Final = 2 << 30
CPU_SECONDS: Final = 10
_STACK_BYTES: Final = 256 << 20
_RECURSION: Final = 12_000
_FORBIDDEN: Final = ("open", "socket.", "subprocess.", "os.", "urllib.", "http.", "ftplib.", "shutil.", "tempfile.")
_WARM: Final[Schema] = {
    "properties": {"a": {"type": "string", "format": "date"}, "b": {"type": "string", "pattern": "^\\s+$"}}
}


def main() -> None:
    """Answer requests until the input ends (比对进程入口)."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.setrecursionlimit(_RECURSION)
    for draft in ("4", "6", "7", "2019-09", "2020-12"):  # what loads slowly loads now, before the door is shut
        for formats in ("draft", "enforced"):
            _answer({"old": {}, "new": _WARM, "samples": [], "draft": draft, "formats": formats})
    sys.addaudithook(_shut)
    threading.stack_size(_STACK_BYTES)
    thread = threading.Thread(target=_serve)
    thread.start()
    thread.join()


def _shut(event: str, _: tuple[object, ...]) -> None:
    """Refuse to open anything, whatever a schema may ask for."""
    if event.startswith(_FORBIDDEN):
        raise PermissionError(event)


def _serve() -> None:
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin:
        used = resource.getrusage(resource.RUSAGE_SELF)
        spent = int(used.ru_utime + used.ru_stime)
        resource.setrlimit(resource.RLIMIT_CPU, (spent + CPU_SECONDS, resource.RLIM_INFINITY))
        sys.stdout.write(_answer(json.loads(line)) + "\n")
        sys.stdout.flush()


def _answer(request: dict[str, object]) -> str:
    try:
        comparison = compare_here(
            cast("Schema", request["old"]),
            cast("Schema", request["new"]),
            cast("list[Value]", request["samples"]),
            clock=time.thread_time,
            draft=cast("Draft", request["draft"]),
            formats=cast("Formats", request["formats"]),
        )
        return json.dumps(comparison_to_json(comparison))
    except MemoryError:
        return json.dumps(comparison_to_json(refuse("size")))
    except Exception:  # noqa: BLE001 - a fault of ours must cost a verdict, not the caller
        return json.dumps(comparison_to_json(refuse("failed")))


if __name__ == "__main__":
    main()
