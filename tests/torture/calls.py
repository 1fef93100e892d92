"""
Every call that writes 写类系统调用, one after another, of a process and all its threads: let through, failed, or its last.

The process asks the kernel (seccomp, user notification) to stop it before each such call and to ask the process that
supervises it. So the Nth call is the Nth of them all, whichever thread makes it; ``strace -e inject=…:when=N`` counts
each thread and each kind of call for itself, and would miss some.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import platform
import select
import signal
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

_X86 = {
    "write": 1, "pwrite64": 18, "writev": 20, "sendfile": 40, "fsync": 74, "fdatasync": 75, "truncate": 76,
    "ftruncate": 77, "rename": 82, "mkdir": 83, "rmdir": 84, "link": 86, "unlink": 87, "symlink": 88, "mkdirat": 258,
    "unlinkat": 263, "renameat": 264, "linkat": 265, "symlinkat": 266, "sync_file_range": 277, "fallocate": 285,
    "pwritev": 296, "renameat2": 316, "copy_file_range": 326, "pwritev2": 328, "msync": 26,
}  # fmt: skip
_ARM = {
    "mkdirat": 34, "unlinkat": 35, "symlinkat": 36, "linkat": 37, "renameat": 38, "truncate": 45, "ftruncate": 46,
    "fallocate": 47, "write": 64, "writev": 66, "pwrite64": 68, "pwritev": 70, "sendfile": 71, "fsync": 82,
    "fdatasync": 83, "sync_file_range": 84, "renameat2": 276, "copy_file_range": 285, "pwritev2": 287, "msync": 227,
}  # fmt: skip
_TABLES = {"x86_64": (_X86, 0xC000003E, 317), "aarch64": (_ARM, 0xC00000B7, 277)}
_NAMES, _ARCHITECTURE, _SECCOMP = _TABLES.get(platform.machine(), ({}, 0, 0))
_BY_NUMBER = {number: name for name, number in _NAMES.items()}
ON_HANDLE = frozenset({"write", "pwrite64", "writev", "fsync", "fdatasync", "ftruncate", "fallocate", "pwritev"})

_RECEIVE, _SEND, _CONTINUE = 0xC0502100, 0xC0182101, 1
_NOTICE, _ANSWER = struct.Struct("<QIIiIQ6Q"), struct.Struct("<QqiI")
_ALLOW, _ASK = 0x7FFF0000, 0x7FC00000
_LOAD, _EQUAL, _RETURN = 0x20, 0x15, 0x06
_TSYNC, _LISTENER, _TSYNC_ESRCH = 1, 8, 16
_NO_NEW_PRIVILEGES = 38


@dataclass(frozen=True)
class Call:
    """A call about to be made: which one it is, by name and number, and what it is made on, where it has a handle."""

    number: int
    name: str
    path: str


class Program(ctypes.Structure):
    """``struct sock_fprog``."""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def arm(wire: socket.socket) -> None:
    """Have every later writing call of this process wait for its supervisor, at the other end of ``wire``."""
    numbers = sorted(_BY_NUMBER)
    lines = [struct.pack("<HBBI", _LOAD, 0, 0, 4), struct.pack("<HBBI", _EQUAL, 0, len(numbers) + 1, _ARCHITECTURE)]
    lines.append(struct.pack("<HBBI", _LOAD, 0, 0, 0))
    lines += [struct.pack("<HBBI", _EQUAL, len(numbers) - at, 0, n) for at, n in enumerate(numbers)]
    lines += [struct.pack("<HBBI", _RETURN, 0, 0, _ALLOW), struct.pack("<HBBI", _RETURN, 0, 0, _ASK)]
    code = b"".join(lines)
    kept = ctypes.create_string_buffer(code, len(code))
    program = Program(len(lines), ctypes.cast(kept, ctypes.c_void_p))
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    listener = libc.syscall(_SECCOMP, 1, _TSYNC | _LISTENER | _TSYNC_ESRCH, ctypes.byref(program))
    if listener < 0:
        raise OSError(ctypes.get_errno(), "seccomp")
    socket.send_fds(wire, [b"!"], [listener])
    os.close(listener)


@contextmanager
def wire() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Make the two ends over which a process hands its notices to its supervisor."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def supervise(ours: socket.socket, pid: int, decide: Callable[[Call], int | None]) -> int:
    """
    Decide on every writing call of an armed process until it ends; returns how many there were.

    Args:
        ours: where the armed process hands its listener over.
        pid: whom to kill.
        decide: None lets a call through, a positive number fails it with that error, ``-1`` kills the process.
    """
    message, handles, _, _ = socket.recv_fds(ours, 1, 1)
    if not message:
        return 0
    listener, count = handles[0], 0
    poll = select.poll()
    poll.register(listener, select.POLLIN)
    try:
        while True:
            ready = poll.poll()[0][1]
            if not ready & select.POLLIN:
                return count
            notice = bytearray(_NOTICE.size)
            try:
                fcntl.ioctl(listener, _RECEIVE, notice, True)
            except FileNotFoundError:
                continue  # it was killed meanwhile
            ident, thread, _, number, _, _, first, *_ = _NOTICE.unpack(notice)
            count += 1
            name = _BY_NUMBER[number]
            verdict = decide(Call(count, name, _path(thread, first) if name in ON_HANDLE else ""))
            if verdict == -1:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                return count
            answer = _ANSWER.pack(ident, 0, -(verdict or 0), 0 if verdict else _CONTINUE)
            with suppress(FileNotFoundError):
                fcntl.ioctl(listener, _SEND, bytearray(answer), True)
    finally:
        os.close(listener)


def _path(thread: int, handle: int) -> str:
    try:
        return str(Path(f"/proc/{thread}/fd/{handle}").readlink())
    except OSError:
        return ""
