"""
``tradehall doctor`` 自检命令: tell what a node needs and does not have, before it is needed.

Checks are given by the composition root; some that need nothing of the outer rooms are made here.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import click

from tradehall.cli.words import INVALID, Words, json_option, lang_option, print_json, print_table
from tradehall.kernel.refusal import Text
from tradehall_standards import CatalogueError
from tradehall_standards.release import verify
from tradehall_standards.sources import default_root

State = Literal["ok", "warning", "failed"]

_UNSYNCHRONISED: Final = 5
_TIMEX_BYTES: Final = 512
_OTHERS: Final = 0o077


class Doubt(Exception):  # noqa: N818  - no failure
    """A check found something to look at that stops nothing (提示)."""


@dataclass(frozen=True, slots=True)
class Check:
    """
    One check (自检项).

    Attributes:
        name: what is checked.
        run: returns what was found; raises Doubt for a warning and anything else for a failure.
        remedy: what to do when it fails.
    """

    name: Text
    run: Callable[[], str]
    remedy: Text


@dataclass(frozen=True, slots=True)
class Found:
    """What a check found (自检结果)."""

    check: Check
    state: State
    detail: str


def doctor_command(checks: Callable[[], Sequence[Check]]) -> click.Command:
    """Return the command ``doctor``; ``checks`` is asked when it runs."""

    @click.command("doctor")
    @json_option
    @lang_option
    def command(*, as_json: bool, lang: str) -> None:
        """
        自检: check fonts, libraries, database, clock, catalogue and keys of this node.

        Exit code 1 when something failed; each failure says what to do. Warnings alone leave 0.
        """
        words = Words(lang)
        found = [_run(check) for check in checks()]
        if as_json:
            print_json(
                [
                    {
                        "check": {"zh": f.check.name.zh, "en": f.check.name.en},
                        "state": f.state,
                        "detail": f.detail,
                        "remedy": {"zh": f.check.remedy.zh, "en": f.check.remedy.en} if f.state != "ok" else None,
                    }
                    for f in found
                ]
            )
        else:
            print_table(
                [words("结果", "state"), words("检查", "check"), words("说明", "detail")],
                [(_MARKS[f.state], words(f.check.name.zh, f.check.name.en), _detail(f, words)) for f in found],
            )
        if any(f.state == "failed" for f in found):
            raise SystemExit(INVALID)

    return command


_MARKS: Final = {"ok": "✓", "warning": "!", "failed": "✗"}


def _run(check: Check) -> Found:
    try:
        return Found(check, "ok", check.run())
    except Doubt as doubt:
        return Found(check, "warning", str(doubt))
    except Exception as error:  # noqa: BLE001  - whatever stops a node is what the operator wants to read
        return Found(check, "failed", f"{type(error).__name__}: {error}")


def _detail(found: Found, words: Words) -> str:
    if found.state == "ok":
        return found.detail
    return f"{found.detail}  → {words(found.check.remedy.zh, found.check.remedy.en)}"


# --- checks that need nothing of the outer rooms -------------------------------------------------------------


def catalogue_check(officers: Path | None = None) -> Check:
    """Return the check that every file of the catalogue is as officers signed it; ``officers`` alone count if given."""

    def run() -> str:
        found = verify(default_root(), officers)
        if not found.ok or found.release is None:
            raise CatalogueError([str(finding) for finding in found.findings])
        told = f"{found.release.name}, {found.files} files"
        if found.vouched != "standards":
            raise Doubt(f"{told}; only development keys vouch 只有开发密钥作保")
        return told

    remedy = Text(
        "恢复 schemas 文件夹的发布版本；生产节点须以 TRADEHALL_OFFICERS 指定本市标准官员",
        "restore the published schemas folder; in production name the city's officers in TRADEHALL_OFFICERS",
    )
    return Check(Text("标准目录", "catalogue"), run, remedy)


def keys_check(folder: Path) -> Check:
    """Return the check that only its owner can read the key folder and everything in it."""

    def run() -> str:
        if not folder.exists():
            return f"{folder} is made at the first start"
        odd = [path.name for path in (folder, *folder.iterdir()) if path.stat().st_mode & _OTHERS]
        if odd:
            raise PermissionError(f"others can read {', '.join(sorted(odd))}")
        return str(folder)

    remedy = Text(f"运行 chmod -R go= {folder}", f"run chmod -R go= {folder}")
    return Check(Text("密钥目录", "key folder"), run, remedy)


def clock_check() -> Check:
    """Return the check that the kernel's clock is kept by a time source (授时)."""

    def run() -> str:
        adjtimex = getattr(ctypes.CDLL(None), "adjtimex", None)
        if adjtimex is None:
            raise Doubt("this system does not tell whether its clock is kept")
        # With no mode set the call only reads; its result is the state of the clock.
        state = adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
        if state < 0 or state == _UNSYNCHRONISED:
            raise Doubt("the clock is not kept by a time source")
        return "synchronised"

    remedy = Text("启用 chrony 等授时服务", "run a time service such as chrony")
    return Check(Text("系统时钟", "clock"), run, remedy)
