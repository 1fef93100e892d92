"""
``standards docs`` 标准文档: the catalogue as pages that people read, zh and en, and as PDF where a printer is at hand.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

import click

from tradehall_standards.commands.words import (
    NEW_FOLDER,
    UNAVAILABLE,
    Stop,
    Words,
    reading,
    root_option,
)
from tradehall_standards.release.dsse import EnvelopeError


class Printing(Protocol):
    """Prints pages (排版打印): a platform hands it in; the catalogue itself lays nothing out."""

    def __call__(self, folder: Path, pages: Mapping[str, str]) -> Iterator[tuple[str, bytes]]:
        """
        Yield path and bytes of each PDF as it is done.

        Args:
            folder: where the pages lie; nothing else may be read.
            pages: path of the PDF by path of the page.

        Raises:
            PrintFailed: a page could not be laid out.
        """
        ...


class PrintFailed(Exception):  # noqa: N818  - says what happened
    """A page could not be laid out (排版失败)."""


def docs_command(printing: Printing | None) -> click.Command:
    """Return ``docs`` (标准文档); without ``printing`` there are no PDF files."""

    @click.command("docs")
    @click.option("-o", "--out", type=NEW_FOLDER, required=True, help="输出文件夹: folder for the pages.")
    @click.option("--release", help="发布: only what a release such as 2026.1 holds; else everything.")
    @click.option(
        "--lang",
        type=click.Choice(["zh", "en", "both"]),
        default="both",
        show_default=True,
        help="文档语言: language of the pages, and of messages (zh for both).",
    )
    @click.option("--pdf", is_flag=True, help="同时生成 PDF: also one PDF for each version and each release.")
    @root_option
    def command(out: Path, release: str | None, lang: str, root: Path | None, *, pdf: bool) -> None:
        """
        标准文档: write the catalogue as static pages that need no server and no network.

        A text that is missing in Chinese or English ends it. Prints the file to open first.
        """
        words = Words("en" if lang == "en" else "zh")
        if pdf and printing is None:
            words.fail(
                "此处没有排版工具，PDF 须由平台生成：tradehall standards docs --pdf",
                "nothing here lays out PDF: use tradehall standards docs --pdf of the platform",
                UNAVAILABLE,
            )
        with reading(words):
            _write(words, out, release, lang, root, printing if pdf else None)
        click.echo(str(out / "index.html"))

    return command


def _write(
    words: Words, out: Path, release: str | None, lang: str, root: Path | None, printing: Printing | None
) -> None:
    from tradehall_standards.compat import WorkerFailedError  # noqa: PLC0415 - loads what only this needs
    from tradehall_standards.docs import DocsError, build_site, read_volume, write_site  # noqa: PLC0415
    from tradehall_standards.docs.layout import languages  # noqa: PLC0415
    from tradehall_standards.docs.site import printed_pages  # noqa: PLC0415

    langs = languages(lang)
    try:
        volume = read_volume(root, release)
        files = build_site(volume, langs, pdf=printing is not None)
    except DocsError as problem:
        lines = [words(*finding) for finding in problem.findings[:20]]
        more = len(problem.findings) - len(lines)
        tail = words(f"，另有 {more} 处", f", and {more} more") if more else ""
        raise Stop("；".join(lines) + tail, "; ".join(lines) + tail) from None
    except EnvelopeError as problem:
        raise Stop(f"发布文件不合格：{problem}", f"a release is not in form: {problem}") from None
    except WorkerFailedError:
        raise Stop("比对进程无法启动", "the worker could not be started", UNAVAILABLE) from None
    write_site(files, out)
    words.say(f"已写出 {len(files)} 个文件", f"{len(files)} files written")
    if printing is None:
        return
    pages = printed_pages(volume, langs)
    try:
        for number, (path, content) in enumerate(printing(out, pages), 1):
            write_site({path: content}, out)
            words.say(f"PDF {number}/{len(pages)} {path}", f"PDF {number}/{len(pages)} {path}")
    except PrintFailed as problem:
        raise Stop(f"PDF 排版失败：{problem}", f"a PDF could not be laid out: {problem}", UNAVAILABLE) from None
