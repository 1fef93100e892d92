"""
Printing pages (网页排版): pages of the standards catalogue as PDF/A-3b, laid out in a child process.

1. The child reads nothing but files below one folder, which stand for addresses below ``BASE``; it opens no address.
2. Links lead to ``BASE``, never to a path of this machine.
3. A character without a glyph is a failure and not a hole in the page.
4. Same pages, fonts and library → the same bytes.
"""

from __future__ import annotations

import json
import logging
import os
import resource
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import IO, Any, Final, cast
from urllib.parse import unquote, urlsplit

from tradehall_standards.commands import PrintFailed
from tradehall_standards.sources import HOST

BASE: Final = HOST.removesuffix("schemas/") + "standards/"
"""Where the documentation is taken to be published."""
SECONDS: Final = 900
"""Processor time for one page: the full text of a release has hundreds of sheets."""
MEMORY_BYTES: Final = 4 * 1024**3
_HEAD: Final = struct.Struct(">cI")
_OK, _FAILED = b"P", b"E"
_TYPES: Final[Mapping[str, str]] = {".css": "text/css", ".svg": "image/svg+xml", ".html": "text/html"}


def print_pages(folder: Path, pages: Mapping[str, str]) -> Iterator[tuple[str, bytes]]:
    """
    Yield path and bytes of each PDF as it is done (逐页排版).

    Args:
        folder: where the pages and their style sheet lie.
        pages: path of the PDF by path of the page, both below the folder.

    Raises:
        PrintFailed: naming the page and what the layout said.
    """
    with tempfile.TemporaryDirectory(prefix="tradehall-pages-") as home:
        process = subprocess.Popen(  # noqa: S603  - our own module, fixed arguments
            [sys.executable, "-m", __name__, str(folder.resolve())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_environment(home),
            cwd=home,
        )
        try:
            for page, target in pages.items():
                yield target, _ask(process, page)
        finally:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                cast("IO[bytes]", pipe).close()


def _environment(home: str) -> dict[str, str]:
    """Return a bare environment: no variable of the parent reaches the page; sets iterate in the same order."""
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": home,
        "LANG": "C.UTF-8",
        "PYTHONPATH": os.pathsep.join(str(Path(p).resolve()) for p in sys.path if p),
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _ask(process: subprocess.Popen[bytes], page: str) -> bytes:
    asked, answered = cast("IO[bytes]", process.stdin), cast("IO[bytes]", process.stdout)
    try:
        asked.write(json.dumps(page).encode() + b"\n")
        asked.flush()
    except BrokenPipeError:
        raise PrintFailed(f"{page}: killed") from None
    head = answered.read(_HEAD.size)
    if len(head) < _HEAD.size:
        raise PrintFailed(f"{page}: killed")
    status, length = _HEAD.unpack(head)
    body = answered.read(length)
    if len(body) < length:
        raise PrintFailed(f"{page}: killed")
    if status != _OK:
        raise PrintFailed(f"{page}: {body.decode('utf-8', 'replace')}")
    return body


# --- in the child ----------------------------------------------------------------------------------------------


def _library(name: str) -> Any:
    """Load a module of WeasyPrint, which has no types: never in the parent."""
    return import_module(name)


def _fetcher(folder: Path) -> Any:
    parent: Any = _library("weasyprint.urls")

    class OnlyHere(parent.URLFetcher):  # type: ignore[misc]
        """Give out files of one folder (只读本文件夹)."""

        def __init__(self) -> None:
            super().__init__(allowed_protocols=(), allow_redirects=False, fail_on_errors=True)

        def fetch(self, url: str, headers: object = None) -> Any:  # noqa: ARG002
            return parent.URLFetcherResponse(url, *_read(folder, url))

    return OnlyHere()


def _read(folder: Path, url: str) -> tuple[bytes, dict[str, str]]:
    """Return content and headers of an address below ``BASE`` (ValueError for any other)."""
    path = (folder / unquote(urlsplit(url).path).removeprefix(urlsplit(BASE).path)).resolve()
    if not url.startswith(BASE) or not path.is_relative_to(folder) or path.suffix not in _TYPES:
        raise ValueError(f"nothing is fetched: {url[:80]}")
    return path.read_bytes(), {"Content-Type": _TYPES[path.suffix]}


def lay_out(folder: Path, page: str) -> bytes:
    """Return the PDF of one page (排版); raises whatever goes wrong. Runs in the child."""
    html = _library("weasyprint").HTML(
        string=(folder / page).read_text("utf-8"), base_url=BASE + page, url_fetcher=_fetcher(folder)
    )
    return bytes(html.render(pdf_variant="pdf/a-3b").write_pdf(finisher=_finish, pdf_variant="pdf/a-3b"))


def _finish(document: Any, pdf: Any) -> None:
    missing = sorted({point for font in document.fonts.values() for point in font.missing})
    if missing:
        raise ValueError("no glyph for " + ", ".join(f"U+{point:04X}" for point in missing[:5]))


def _serve(folder: Path) -> None:
    """Answer requests from standard input until it closes."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints must not mix with the answers
    logging.disable(logging.CRITICAL)  # the style sheet holds what only browsers know
    _library("weasyprint")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    for line in sys.stdin.buffer:
        used = resource.getrusage(resource.RUSAGE_SELF)
        resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + SECONDS, resource.RLIM_INFINITY))
        try:
            status, body = _OK, lay_out(folder, str(json.loads(line)))
        except BaseException as why:  # noqa: BLE001  - all of it goes to the parent
            status, body = _FAILED, f"{type(why).__name__}: {why}".encode()[:2000]
        answers.write(_HEAD.pack(status, len(body)) + body)
        answers.flush()


if __name__ == "__main__":
    _serve(Path(sys.argv[1]))
