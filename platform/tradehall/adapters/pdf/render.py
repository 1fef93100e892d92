"""
Rendering of printed documents (文书排版): template and JSON in, the same PDF/A-3b bytes out, nothing fetched.

Layout runs in a child process that holds no secret, opens no address, and is killed when it takes too long or too
much memory; the parent only ever sees bytes. One child is kept warm and used again, because starting one costs as much
as twenty letters.

1. Data reaches a template as JSON values only, and every value is escaped.
2. The fetcher refuses every URL: no file, no network, no data URI.
3. Anything WeasyPrint complains of, and any character without a glyph, is a failure and not a page with a hole.
4. Same template, data, fonts and library → the same bytes.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import logging
import os
import resource
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from importlib import import_module
from io import BytesIO
from pathlib import Path
from selectors import EVENT_READ, DefaultSelector
from time import monotonic
from typing import IO, TYPE_CHECKING, Any, Final, NoReturn, cast

if TYPE_CHECKING:
    from jinja2 import Environment

TIMEOUT_SECONDS: Final = 10.0
MEMORY_BYTES: Final = 1536 * 1024**2
MAX_REQUEST_BYTES: Final = 8 * 1024**2
MAX_PDF_BYTES: Final = 64 * 1024**2
TEMPLATES: Final = Path(__file__).parent / "templates"
SHORT: Final = frozenset({"guarantee_letter", "receipt"})
"""Documents that fit on one page; where one does not, it is laid out again."""

_ALONE: Final = '@page { @bottom-right { content: "1 / 1" } }'
_HEAD: Final = struct.Struct(">cI")
_OK, _FAILED = b"P", b"E"
_PIECE: Final = 1 << 16


class RenderFailed(Exception):  # noqa: N818  - says what happened
    """
    The document could not be made (排版失败).

    Attributes:
        reason: ``timeout``, ``killed`` (memory, processor time or a crash), ``too-large``, or what the layout said.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"the document could not be rendered: {reason}")
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Embedded:
    """A file that travels inside the PDF (内嵌数据), relationship *Data*."""

    name: str
    content: bytes
    description: str
    at: datetime


@dataclass(slots=True)
class Renderer:
    """
    A warm layout process (排版进程); thread-safe, one document at a time.

    Args:
        timeout_seconds: wall time for one document, after which the process is killed.
        memory_bytes: address space of the process (RLIMIT_AS).
        cut_fonts: use fonts cut to the common characters; False only to measure what that gains.
    """

    timeout_seconds: float = TIMEOUT_SECONDS
    memory_bytes: int = MEMORY_BYTES
    cut_fonts: bool = True
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _process: subprocess.Popen[bytes] | None = None
    _folder: Path | None = None

    def render(self, template: str, data: Mapping[str, object], *, embed: Embedded | None = None) -> bytes:
        """
        Render ``templates/<template>.html`` as PDF/A-3b.

        Args:
            template: name of the template.
            data: JSON values by name; Decimal and dates must be text already.
            embed: file to embed.

        Raises:
            RenderFailed: whatever went wrong; the next call starts afresh.
        """
        request = json.dumps({"template": template, "data": data, "embed": _wire(embed)}, ensure_ascii=True).encode()
        if len(request) > MAX_REQUEST_BYTES:
            raise RenderFailed("too-large")
        with self._lock:
            return self._ask(request)

    def warm_up(self) -> None:
        """Start the process now instead of at the first document."""
        with self._lock:
            self._running()

    def close(self) -> None:
        """End the process; a later call starts a new one."""
        with self._lock:
            self._stop()

    def _ask(self, request: bytes) -> bytes:
        process = self._running()
        assert process.stdin is not None  # noqa: S101  - Popen with pipes
        assert process.stdout is not None  # noqa: S101
        deadline = monotonic() + self.timeout_seconds
        try:
            # The child reads its request whole before it does anything, so this can't block for long.
            process.stdin.write(struct.pack(">I", len(request)) + request)
            process.stdin.flush()
            status, length = _HEAD.unpack(_read(process.stdout, _HEAD.size, deadline))
            if length > MAX_PDF_BYTES:
                raise RenderFailed("too-large")  # noqa: TRY301  - ends the process like a timeout does
            body = _read(process.stdout, length, deadline)
        except (OSError, EOFError) as why:
            self._stop()
            raise RenderFailed("killed") from why
        except RenderFailed:
            self._stop()
            raise
        if status != _OK:
            raise RenderFailed(body.decode("utf-8", "replace"))
        return body

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        self._stop()
        self._folder = Path(tempfile.mkdtemp(prefix="tradehall-pdf-"))
        self._process = subprocess.Popen(  # noqa: S603  - our own module, fixed arguments
            [sys.executable, "-m", __name__, str(self._folder), str(self.memory_bytes), str(int(self.cut_fonts))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_environment(self._folder),
            cwd=self._folder,
            close_fds=True,
        )
        atexit.register(self.close)
        return self._process

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            atexit.unregister(self.close)
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with contextlib.suppress(OSError):  # what was still to be written to a dead process
                        pipe.close()
        folder, self._folder = self._folder, None
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


def _wire(embed: Embedded | None) -> dict[str, str] | None:
    if embed is None:
        return None
    return {
        "name": embed.name,
        "content": embed.content.hex(),
        "description": embed.description,
        "at": embed.at.isoformat(),
    }


def _environment(folder: Path) -> dict[str, str]:
    """Return a bare environment: no variable of the parent reaches the page; sets iterate in the same order."""
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "PYTHONPATH": os.pathsep.join(p for p in sys.path if p),
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "FONTCONFIG_FILE": str(folder / "fonts.conf"),
    }


def _read(pipe: IO[bytes], size: int, deadline: float) -> bytes:
    """Read exactly ``size`` bytes or raise: RenderFailed at the deadline, EOFError when the process has gone."""
    received = bytearray()
    with DefaultSelector() as selector:
        selector.register(pipe, EVENT_READ)
        while len(received) < size:
            if not selector.select(max(0.0, deadline - monotonic())):
                raise RenderFailed("timeout")
            piece = os.read(pipe.fileno(), min(_PIECE, size - len(received)))
            if not piece:
                raise EOFError
            received += piece
    return bytes(received)


# --- in the child ----------------------------------------------------------------------------------------------


class _Complaints(logging.Handler):
    """Collect what the layout library warns of."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


class _Faulty(Exception):  # noqa: N818  - never leaves the child
    pass


class Layout:
    """
    The layout library with what can be used again (排版器): templates, parsed style sheet, fonts. Lives in the child.

    It is only made there: the parent must not load the library.
    """

    def __init__(self) -> None:
        self._complaints = _Complaints()
        logger = logging.getLogger("weasyprint")
        logger.handlers, logger.propagate = [self._complaints], False
        self._templates = templates()
        self._fonts = _library("weasyprint.text.fonts").FontConfiguration()
        self._fetcher = _fetcher()
        self._style = self._parsed((TEMPLATES / "print.css").read_text("utf-8"))
        self._alone = self._parsed(_ALONE)

    def _parsed(self, style: str) -> Any:
        return _library("weasyprint").CSS(string=style, font_config=self._fonts, url_fetcher=self._fetcher)

    def make(self, request: Mapping[str, Any]) -> bytes:
        """Lay one request out; raises whatever goes wrong."""
        page = self._templates.get_template(request["template"] + ".html").render(request["data"])
        return self.make_page(page, request["embed"], short=request["template"] in SHORT)

    def make_page(self, page: str, embed: Mapping[str, str] | None, *, short: bool = False) -> bytes:
        """Lay out a page of HTML; ``short`` expects that it is one, and so need not be laid out again to count them."""
        self._complaints.messages.clear()
        document = self._laid_out(page, [self._style, self._alone] if short else [self._style])
        if short and len(document.pages) > 1:
            document = self._laid_out(page, [self._style])
        attachments = [self._attachment(embed)] if embed is not None else []
        content = document.write_pdf(finisher=_finish, pdf_variant="pdf/a-3b", attachments=attachments)
        if self._complaints.messages:
            raise _Faulty("; ".join(self._complaints.messages[:5]))
        return bytes(content)

    def _laid_out(self, page: str, styles: list[Any]) -> Any:
        html = _library("weasyprint").HTML(string=page, url_fetcher=self._fetcher)
        return html.render(font_config=self._fonts, stylesheets=styles, pdf_variant="pdf/a-3b")

    def _attachment(self, embed: Mapping[str, str]) -> Any:
        at = datetime.fromisoformat(embed["at"])
        return _library("weasyprint").Attachment(
            file_obj=BytesIO(bytes.fromhex(embed["content"])),
            name=embed["name"],
            description=embed["description"],
            created=at,
            modified=at,
            relationship="Data",
            url_fetcher=self._fetcher,
        )


def _library(name: str) -> Any:
    """Load a module of WeasyPrint, which has no types, when it is needed: never in the parent."""
    return import_module(name)


def _fetcher() -> Any:
    fetcher: Any = _library("weasyprint.urls").URLFetcher

    class Nothing(fetcher):  # type: ignore[misc]
        """Fetch nothing (不取外部资源): WeasyPrint 70 needs a URLFetcher, a plain function crashes it."""

        def __init__(self) -> None:
            super().__init__(allowed_protocols=(), allow_redirects=False, fail_on_errors=False)

        def fetch(self, url: str, headers: object = None) -> NoReturn:  # noqa: ARG002
            raise ValueError(f"nothing is fetched: {url[:80]}")

    return Nothing()


def _finish(document: Any, pdf: Any) -> None:
    """Refuse missing glyphs, and name each embedded file once in /AF (WeasyPrint 70 names it twice)."""
    missing = sorted({point for font in document.fonts.values() for point in font.missing})
    if missing:
        raise _Faulty("no glyph for " + ", ".join(f"U+{point:04X}" for point in missing[:5]))
    files = pdf.catalog.get("AF")
    if files:
        files[:] = list(dict.fromkeys(files))


def templates() -> Environment:
    """Return the template environment (模板): everything escaped, an unknown name is an error."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(_FILTERS)
    cast("dict[str, Any]", environment.globals)["qr"] = _qr
    return environment


def _figures(amount: str) -> str:
    """``800000.00`` → ``800,000.00``."""
    return f"{Decimal(amount):,}"


def _capital(amount: str) -> str:
    from tradehall.kernel.money import chinese_amount  # noqa: PLC0415

    return chinese_amount(Decimal(amount))


def _zh_date(text: str) -> str:
    day = date.fromisoformat(text[:10])
    return f"{day.year}年{day.month}月{day.day}日"


def _zh_instant(text: str) -> str:
    """Local civil time as written, to the second, with its offset."""
    at = datetime.fromisoformat(text)
    return f"{at:%Y-%m-%d %H:%M:%S} {at.strftime('%z')[:3]}:{at.strftime('%z')[3:]}"


def _groups(text: str, size: int = 8) -> str:
    return " ".join(text[i : i + size] for i in range(0, len(text), size))


_FILTERS: Final[Mapping[str, Callable[..., object]]] = {
    "figures": _figures,
    "capital": _capital,
    "zh_date": _zh_date,
    "zh_instant": _zh_instant,
    "groups": _groups,
}


def _qr(text: str) -> object:
    """Return a QR code (二维码) as one SVG path of horizontal strokes, a module being one unit, no quiet zone."""
    import segno  # noqa: PLC0415
    from markupsafe import Markup  # noqa: PLC0415

    code = segno.make(text, error="m", micro=False, boost_error=False, mask=3)  # a fixed mask spares scoring eight
    rows = list(code.matrix)
    runs: list[str] = []
    for y, row in enumerate(rows):
        x = 0
        while x < len(row):
            width = 0
            while x + width < len(row) and row[x + width]:
                width += 1
            if width:
                runs.append(f"M{x} {y}.5h{width}")
            x += width + 1
    size = len(rows)
    # Only digits and path letters: nothing of ``text`` is in the mark-up.
    return Markup(  # noqa: S704
        f'<svg class="qr" viewBox="0 0 {size} {size}" xmlns="http://www.w3.org/2000/svg">'
        f'<path d="{"".join(runs)}" stroke="#17212B" stroke-width="1"/></svg>'
    )


def _serve(folder: Path, memory_bytes: int, *, cut_fonts: bool) -> None:
    """Answer requests from standard input until it closes."""
    from tradehall.adapters.pdf import fonts  # noqa: PLC0415

    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints must not mix with the answers
    if not cut_fonts or fonts.prepare(folder) is None:
        os.environ.pop("FONTCONFIG_FILE", None)
    layout = Layout()  # loads fontconfig, so after the fonts are in place
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    while len(head := sys.stdin.buffer.read(4)) == 4:  # noqa: PLR2004  - the length
        request = json.loads(sys.stdin.buffer.read(struct.unpack(">I", head)[0]))
        used = resource.getrusage(resource.RUSAGE_SELF)
        resource.setrlimit(
            resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime + TIMEOUT_SECONDS + 1), resource.RLIM_INFINITY)
        )
        try:
            status, body = _OK, layout.make(request)
        except BaseException as why:  # noqa: BLE001  - FatalURLFetchingError is no Exception; all of it goes to the parent
            status, body = _FAILED, f"{type(why).__name__}: {why}".encode()[:2000]
        answers.write(_HEAD.pack(status, len(body)) + body)
        answers.flush()


if __name__ == "__main__":
    _serve(Path(sys.argv[1]), int(sys.argv[2]), cut_fonts=sys.argv[3] == "1")
