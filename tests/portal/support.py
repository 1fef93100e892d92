"""What tests and preview share: a local server with the real headers, one browser, the messages of the templates."""

from __future__ import annotations

import io
import json
import mimetypes
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po
from playwright.sync_api import Browser, sync_playwright

from portal.samples import NOW, SAMPLES, USER
from tradehall.web.portal import paths
from tradehall.web.portal.render import (
    LOCALE_DIRECTORY,
    SECURITY_HEADERS,
    STATIC_DIRECTORY,
    TEMPLATE_DIRECTORY,
    machine,
    render,
)

BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser")


class _Handler(BaseHTTPRequestHandler):
    """Serves /sample/<name>?lang=&size= and the static files, with the portal's own headers."""

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if parts.path.startswith("/sample/"):
            query = parse_qs(parts.query)
            text = render(
                SAMPLES[parts.path.removeprefix("/sample/")],
                lang=query.get("lang", ["zh"])[0],
                size=query.get("size", ["normal"])[0],
                csrf="token",
                user=USER if "user" in query else None,
            )
            self._send(200, "text/html; charset=utf-8", text.encode())
        elif parts.path == paths.TIME:
            self._send(200, "application/json", json.dumps({"now": machine(NOW)}).encode())
        elif parts.path.endswith("/feed"):
            self._send(200, "text/event-stream", self.server.events(self.path, self.headers))
        elif parts.path.startswith(paths.STATIC):
            file = STATIC_DIRECTORY / parts.path.removeprefix(paths.STATIC + "/")
            self._send(200, mimetypes.guess_type(file.name)[0] or "font/woff2", file.read_bytes())
        else:
            self._send(404, "text/plain", b"")

    def _send(self, status: int, media_type: str, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(content)))
        if urlsplit(self.path).query.startswith("v="):
            self.send_header("Cache-Control", "max-age=31536000, immutable")
        for name, value in SECURITY_HEADERS.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Keep quiet."""


class PortalServer(ThreadingHTTPServer):
    """The samples over HTTP; ``events`` may be exchanged by a test."""

    daemon_threads = True

    @staticmethod
    def events(path: str, headers: object) -> bytes:  # noqa: ARG004
        return b": nothing to tell\n\nretry: 60000\n\n"


@contextmanager
def serve_portal() -> Iterator[PortalServer]:
    server = PortalServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def base_of(server: PortalServer) -> str:
    return f"http://127.0.0.1:{server.server_address[1]}"


@contextmanager
def serve() -> Iterator[str]:
    with serve_portal() as server:
        yield base_of(server)


@contextmanager
def browse() -> Iterator[Browser]:
    """One headless Chromium, the system's or else Playwright's; a missing browser is an error, never a skip."""
    found = next((path for path in map(shutil.which, BROWSERS) if path), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        try:
            yield browser
        finally:
            browser.close()


# --- messages ----------------------------------------------------------------------------------------------------


def messages() -> Catalog:
    """Return every message of the templates."""
    catalogue = Catalog(charset="utf-8", fuzzy=False)
    found = extract_from_dir(
        str(TEMPLATE_DIRECTORY),
        method_map=[("**.html", "jinja2.ext.babel_extract")],
        options_map={"**.html": {"trim_blocks": "true", "lstrip_blocks": "true", "silent": "false"}},
    )
    for _file, _line, message, _comments, _context in sorted(found, key=lambda row: (row[0], row[1])):
        catalogue.add(message)
    return catalogue


def read_catalogue(locale: str) -> Catalog:
    with (LOCALE_DIRECTORY / locale / "LC_MESSAGES" / "messages.po").open("rb") as file:
        return read_po(file, locale=locale)


def update_catalogues() -> None:
    """Write both catalogues anew: known translations stay, new messages appear, unused ones go."""
    for locale in ("zh_CN", "en"):
        path = LOCALE_DIRECTORY / locale / "LC_MESSAGES" / "messages.po"
        old = read_catalogue(locale) if path.exists() else Catalog(locale=locale)
        new = Catalog(locale=locale, project="Tradehall", version="1", charset="utf-8", fuzzy=False)
        for message in messages():
            if message.id:
                known = old.get(message.id[0] if isinstance(message.id, tuple) else message.id)
                new.add(message.id, _translation(locale, message.id, known.string if known else None))
        buffer = io.BytesIO()
        write_po(buffer, new, width=110, omit_header=True, sort_output=False)
        header = f'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n"Language: {locale}\\n"\n'
        plural = f'"Plural-Forms: {new.plural_forms}\\n"\n\n'
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes((header + plural).encode() + buffer.getvalue().strip() + b"\n")


def _translation(locale: str, message: str | tuple[str, ...], known: object) -> object:
    if locale == "en":
        return known or (("", "") if isinstance(message, tuple) else "")
    return (message[0],) if isinstance(message, tuple) else message


__all__ = ["Path", "base_of", "browse", "messages", "read_catalogue", "serve", "serve_portal", "update_catalogues"]
