"""
A disk that forgets at a power cut 会断电的磁盘: a file system in memory (FUSE) that keeps apart what was synced.

1. A write not followed by ``fsync`` or ``fdatasync`` of its file survives by chance, each block of 4 KiB for itself;
   so do a longer and a shorter length.
2. A name made, changed or removed survives only up to some point of its folder's history behind the folder's last
   ``fsync``, folder by folder: a rename into another folder may arrive without leaving, or leave without arriving. That
   is stricter than the file systems that there are, and all that POSIX promises.
3. Owner and mode are kept as they are.

The disk runs in a process of its own; ``Disk`` is its remote control. ``cut`` makes every call fail from one moment
on, ``lose`` forgets, and after an unmount it mounts itself again.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import json
import os
import random
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

BLOCK = 4096
WAIT_SECONDS = 20.0
_MNT_DETACH = 2


@dataclass(slots=True, eq=False)
class File:
    """A file as programs see it, and what its blocks and length were when it was last synced."""

    number: int
    mode: int
    owner: tuple[int, int]
    data: bytearray = field(default_factory=bytearray)
    before: dict[int, bytes] = field(default_factory=dict)
    synced: int = 0
    links: int = 1
    target: str = ""
    at: int = 0

    def dirty(self, start: int, stop: int) -> None:
        """Keep the synced bytes of the blocks that are about to change."""
        for block in range(start // BLOCK, -(-stop // BLOCK)):
            if block not in self.before:
                self.before[block] = bytes(self.data[block * BLOCK : (block + 1) * BLOCK])

    def write(self, data: bytes, offset: int) -> int:
        stop = offset + len(data)
        self.dirty(min(offset, len(self.data)), stop)
        if len(self.data) < stop:
            self.data.extend(bytes(stop - len(self.data)))
        self.data[offset:stop] = data
        return len(data)

    def truncate(self, size: int) -> None:
        old = len(self.data)
        self.dirty(min(size, old), max(size, old))
        if size < old:
            del self.data[size:]
        else:
            self.data.extend(bytes(size - old))

    def sync(self) -> None:
        self.before.clear()
        self.synced = len(self.data)

    def lose(self, chance: random.Random) -> int:
        """Forget unsynced blocks and lengths by chance; returns how many blocks were lost."""
        keep = chance.choice((0.0, 0.5, 0.9, 1.0))
        size = chance.choice((len(self.data), self.synced))
        lost = 0
        for block, old in self.before.items():
            if chance.random() >= keep:
                lost += 1
                self.data[block * BLOCK : block * BLOCK + len(old)] = old
                blank = min((block + 1) * BLOCK, len(self.data)) - block * BLOCK - len(old)
                if blank > 0:
                    self.data[block * BLOCK + len(old) : block * BLOCK + len(old) + blank] = bytes(blank)
        if size <= len(self.data):
            del self.data[size:]
        else:
            self.data.extend(bytes(size - len(self.data)))
        self.sync()
        return lost


@dataclass(slots=True, eq=False)
class Folder:
    """A folder: its names now, its names when it was last synced, and what happened in between, in order."""

    number: int
    mode: int
    owner: tuple[int, int]
    names: dict[str, Any] = field(default_factory=dict)
    kept: dict[str, Any] = field(default_factory=dict)
    since: list[tuple[tuple[str, Any], ...]] = field(default_factory=list)
    at: int = 0

    def change(self, *changes: tuple[str, Any]) -> None:
        """Set names, or remove those set to None; several changes at once are one step."""
        _apply(self.names, changes)
        self.since.append(changes)

    def sync(self) -> None:
        self.kept, self.since = dict(self.names), []

    def lose(self, chance: random.Random) -> int:
        """Go back to some point since the last sync; returns how many steps were lost."""
        steps = len(self.since)
        upto = chance.choice((0, steps, chance.randint(0, steps)))
        names = dict(self.kept)
        for changes in self.since[:upto]:
            _apply(names, changes)
        self.names = names
        self.sync()
        return steps - upto


def _apply(names: dict[str, Any], changes: tuple[tuple[str, Any], ...]) -> None:
    for name, node in changes:
        if node is None:
            names.pop(name, None)
        else:
            names[name] = node


class Files:
    """The file system; one call at a time."""

    use_ns = True
    flag_nullpath_ok = True

    def __init__(self, seed: int, *, strict: bool) -> None:
        self._chance = random.Random(seed)
        self._strict = strict
        self._number = 1
        self._handles: dict[int, File] = {}
        self._handle = 0
        self.turn = threading.RLock()
        self.cut = False
        self.root = Folder(1, stat.S_IFDIR | 0o755, (0, 0))
        self.mounted = threading.Event()

    # --- what the remote control asks ---------------------------------------------------------------------------

    def lose(self) -> dict[str, int]:
        """Forget what was not synced, everywhere."""
        told = {"blocks": 0, "names": 0}
        waiting: list[Any] = [self.root]
        seen: set[int] = set()
        while waiting:
            node = waiting.pop()
            if node.number in seen:
                continue
            seen.add(node.number)
            if isinstance(node, Folder):
                told["names"] += node.lose(self._chance)
                waiting.extend(node.names.values())
            else:
                told["blocks"] += node.lose(self._chance)
        self._handles.clear()
        self.cut = False
        return told

    def sync_all(self, node: Any = None) -> None:
        """Sync everything, as after ``sync``."""
        found = self.root if node is None else node
        found.sync()
        if isinstance(found, Folder):
            for inner in found.names.values():
                self.sync_all(inner)

    # --- what the kernel asks -----------------------------------------------------------------------------------

    def __call__(self, name: str, *arguments: Any) -> Any:
        with self.turn:
            if self.cut and name not in ("release", "releasedir", "destroy", "init"):
                raise OSError(errno.EIO, "")
            return getattr(self, name)(*arguments)

    def _fresh(self) -> int:
        self._number += 1
        return self._number

    def _find(self, path: str) -> Any:
        node: Any = self.root
        for name in path.strip("/").split("/") if path != "/" else ():
            if not isinstance(node, Folder):
                raise OSError(errno.ENOTDIR, path)
            if name not in node.names:
                raise OSError(errno.ENOENT, path)
            node = node.names[name]
        return node

    def _parent(self, path: str) -> tuple[Folder, str]:
        folder, _, name = path.rpartition("/")
        found = self._find(folder or "/")
        if not isinstance(found, Folder):
            raise OSError(errno.ENOTDIR, path)
        return found, name

    def _owner(self) -> tuple[int, int]:
        from fuse import fuse_get_context

        return fuse_get_context()[:2]

    def _open(self, node: File) -> int:
        self._handle += 1
        self._handles[self._handle] = node
        return self._handle

    def _node(self, path: str | None, handle: int | None) -> Any:
        known = self._handles.get(handle) if handle else None
        return known if known is not None else self._find(path or "/")

    def init(self, _path: str) -> None:
        self.mounted.set()

    def destroy(self, _path: str) -> None:
        pass

    def access(self, _path: str, _mode: int) -> int:
        return 0

    def getattr(self, path: str | None, handle: int | None = None) -> dict[str, Any]:
        node = self._node(path, handle)
        size = len(node.data) if isinstance(node, File) else BLOCK
        return {
            "st_ino": node.number,
            "st_mode": node.mode,
            "st_nlink": node.links if isinstance(node, File) else 2,
            "st_uid": node.owner[0],
            "st_gid": node.owner[1],
            "st_size": size,
            "st_blocks": -(-size // 512),
            "st_mtime": node.at,
            "st_ctime": node.at,
            "st_atime": node.at,
        }

    def readdir(self, path: str, _handle: int) -> list[str]:
        return [".", "..", *self._find(path).names]

    def opendir(self, _path: str) -> int:
        return 0

    def releasedir(self, _path: str, _handle: int) -> int:
        return 0

    def open(self, path: str, flags: int) -> int:
        node = self._find(path)
        if flags & os.O_TRUNC:
            node.truncate(0)
        return self._open(node)

    def create(self, path: str, mode: int) -> int:
        folder, name = self._parent(path)
        node = File(self._fresh(), stat.S_IFREG | stat.S_IMODE(mode), self._owner(), at=time.time_ns())
        folder.change((name, node))
        return self._open(node)

    def mkdir(self, path: str, mode: int) -> int:
        folder, name = self._parent(path)
        made = Folder(self._fresh(), stat.S_IFDIR | stat.S_IMODE(mode), self._owner(), at=time.time_ns())
        folder.change((name, made))
        return 0

    def mknod(self, path: str, mode: int, _device: int) -> int:
        folder, name = self._parent(path)
        folder.change((name, File(self._fresh(), mode, self._owner(), at=time.time_ns())))
        return 0

    def read(self, path: str | None, size: int, offset: int, handle: int) -> bytes:
        return bytes(self._node(path, handle).data[offset : offset + size])

    def write(self, path: str | None, data: bytes, offset: int, handle: int) -> int:
        node = self._node(path, handle)
        node.at = time.time_ns()
        return node.write(data, offset)

    def truncate(self, path: str | None, length: int, handle: int | None = None) -> int:
        self._node(path, handle).truncate(length)
        return 0

    def flush(self, _path: str | None, _handle: int) -> int:
        return 0

    def fsync(self, path: str | None, _datasync: int, handle: int) -> int:
        self._node(path, handle).sync()
        if not self._strict:
            self._sync_names(self.root)
        return 0

    def _sync_names(self, folder: Folder) -> None:
        """What a file system with one journal does: a synced file takes every earlier name along."""
        if folder.since:
            folder.sync()
        for inner in folder.names.values():
            if isinstance(inner, Folder):
                self._sync_names(inner)

    def fsyncdir(self, path: str, _datasync: int, _handle: int) -> int:
        self._find(path).sync()
        if not self._strict:
            self._sync_names(self.root)
        return 0

    def release(self, _path: str | None, handle: int) -> int:
        self._handles.pop(handle, None)
        return 0

    def unlink(self, path: str) -> int:
        folder, name = self._parent(path)
        node = self._find(path)
        node.links -= 1
        folder.change((name, None))
        return 0

    def rmdir(self, path: str) -> int:
        folder, name = self._parent(path)
        if self._find(path).names:
            raise OSError(errno.ENOTEMPTY, path)
        folder.change((name, None))
        return 0

    def rename(self, old: str, new: str) -> int:
        source, old_name = self._parent(old)
        target, new_name = self._parent(new)
        node = self._find(old)
        over = target.names.get(new_name)
        if isinstance(over, Folder) and over.names:
            raise OSError(errno.ENOTEMPTY, new)
        if source is target:
            source.change((old_name, None), (new_name, node))
        else:
            target.change((new_name, node))
            source.change((old_name, None))
        return 0

    def link(self, target: str, source: str) -> int:
        folder, name = self._parent(target)
        node = self._find(source)
        node.links += 1
        folder.change((name, node))
        return 0

    def symlink(self, target: str, source: str) -> int:
        folder, name = self._parent(target)
        made = File(self._fresh(), stat.S_IFLNK | 0o777, self._owner(), target=source, at=time.time_ns())
        folder.change((name, made))
        return 0

    def readlink(self, path: str) -> str:
        return str(self._find(path).target)

    def chmod(self, path: str, mode: int) -> int:
        node = self._find(path)
        node.mode = stat.S_IFMT(node.mode) | stat.S_IMODE(mode)
        return 0

    def chown(self, path: str, user: int, group: int) -> int:
        node = self._find(path)
        node.owner = (
            node.owner[0] if user in (-1, 2**32 - 1) else user,
            node.owner[1] if group in (-1, 2**32 - 1) else group,
        )
        return 0

    def utimens(self, path: str, times: tuple[int, int] | None = None) -> int:
        self._find(path).at = times[1] if times else time.time_ns()
        return 0

    def statfs(self, _path: str) -> dict[str, int]:
        return {
            "f_bsize": BLOCK,
            "f_frsize": BLOCK,
            "f_blocks": 1 << 22,
            "f_bfree": 1 << 21,
            "f_bavail": 1 << 21,
            "f_namemax": 255,
        }


def _serve(mount: str, seed: int, *, strict: bool) -> None:
    """Mount, and again after each unmount, until the remote control goes away."""
    from fuse import FUSE

    files = Files(seed, strict=strict)
    threading.Thread(target=_obey, args=(files,), daemon=True).start()
    while True:
        FUSE(
            files,
            mount,
            foreground=True,
            nothreads=True,
            allow_other=True,
            default_permissions=True,
            use_ino=True,
            hard_remove=True,
            big_writes=True,
            attr_timeout=3600,
            entry_timeout=3600,
            fsname="thdisk",
        )


def _obey(files: Files) -> None:
    for line in sys.stdin:
        asked = json.loads(line)
        told: Any = None
        match asked["do"]:
            case "cut":
                with files.turn:
                    files.cut = True
            case "lose":
                with files.turn:
                    told = files.lose()
            case "sync":
                with files.turn:
                    files.sync_all()
            case "mounted":
                told = files.mounted.wait(WAIT_SECONDS)
            case "unmounting":
                files.mounted.clear()
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()
    os.kill(os.getpid(), signal.SIGKILL)


class Disk:
    """The remote control of a disk that is mounted at ``folder``."""

    def __init__(self, folder: Path, process: subprocess.Popen[str]) -> None:
        self.folder = folder
        self._process = process

    def _ask(self, do: str, **more: Any) -> Any:
        sent, answers = self._process.stdin, self._process.stdout
        assert sent is not None
        assert answers is not None
        sent.write(json.dumps({"do": do, **more}) + "\n")
        sent.flush()
        answer = answers.readline()
        if not answer:
            raise RuntimeError("the disk's process ended")
        return json.loads(answer)

    def cut(self) -> None:
        """Cut the power: from now on every call fails, and nothing more is kept."""
        self._ask("cut")

    def lose(self) -> dict[str, int]:
        """Forget what was not synced, and come back; whoever had files open must be dead."""
        self._ask("unmounting")
        told: dict[str, int] = self._ask("lose")
        _unmount(self.folder)
        self._wait()
        return told

    def sync(self) -> None:
        """Keep everything as it is now."""
        self._ask("sync")

    def _wait(self) -> None:
        if not self._ask("mounted"):
            raise RuntimeError("the disk does not mount")
        until = time.monotonic() + WAIT_SECONDS
        while not os.path.ismount(self.folder):
            if time.monotonic() > until:
                raise RuntimeError("the disk is not there")
            time.sleep(0.005)

    def end(self) -> None:
        """Unmount, and end the process."""
        self._process.kill()
        self._process.wait()
        with contextlib.suppress(OSError):
            _unmount(self.folder)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


def _unmount(folder: Path) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.umount2(str(folder).encode(), _MNT_DETACH) != 0:
        raise OSError(ctypes.get_errno(), "umount")


@contextmanager
def mounted(folder: Path, seed: int, *, strict: bool = True) -> Iterator[Disk]:
    """Mount a new, empty disk at a folder; it goes away afterwards."""
    folder.mkdir(parents=True, exist_ok=True)
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", __file__, str(folder), str(seed), str(int(strict))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    disk = Disk(folder, process)
    try:
        disk._wait()
        yield disk
    finally:
        disk.end()


if __name__ == "__main__":
    _serve(sys.argv[1], int(sys.argv[2]), strict=sys.argv[3] == "1")
