"""
Site (文档成站): every file of the documentation, by path; the same catalogue gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from tradehall_standards import canonical
from tradehall_standards.docs.changes import compare_versions
from tradehall_standards.docs.codelists import codelist_pages, definition_pages
from tradehall_standards.docs.families import family_pages, path_of
from tradehall_standards.docs.layout import SITE, Desk, Entry, Page
from tradehall_standards.docs.markup import document, fragment, tag
from tradehall_standards.docs.numbers import number_pages
from tradehall_standards.docs.overview import book_page, index_file, overview_pages
from tradehall_standards.docs.procedures import procedure_pages
from tradehall_standards.docs.volume import Volume
from tradehall_standards.docs.words import HERE, HTML_LANG, Lang

ASSETS: Final = ("docs.css", "mark.svg", "search.js")


def build_site(volume: Volume, langs: tuple[Lang, ...], *, pdf: bool = False) -> dict[str, bytes]:
    """
    Make every file (生成文档).

    Args:
        volume: what is documented, both languages complete.
        langs: languages to make.
        pdf: pages link to the PDF files that will lie beside them.

    Returns:
        Bytes by path below the folder: ``index.html``, ``zh/…``, ``en/…``, ``files/…``, ``assets/…``.

    Raises:
        WorkerFailedError: the process that compares versions could not be started.
    """
    changes = dict(compare_versions(volume))
    files: dict[str, bytes] = {f"assets/{name}": (HERE / "assets" / name).read_bytes() for name in ASSETS}
    files["index.html"] = _door(langs)
    files |= dict(_schemas(volume))
    for lang in langs:
        desk = Desk(volume, changes, lang, langs, pdf)
        entries: list[Entry] = []
        for page in site_pages(desk):
            files[f"{lang}/{page.path}"] = desk.frame(page)
            entries += page.entries
        files[f"assets/index-{lang}.js"] = index_file(entries)
    return files


def site_pages(desk: Desk) -> Iterator[Page]:
    """Yield every page of one language."""
    yield from overview_pages(desk)
    yield from family_pages(desk)
    yield from codelist_pages(desk)
    yield from definition_pages(desk)
    yield from number_pages(desk)
    yield from procedure_pages(desk)
    yield from (book_page(desk, release) for release in desk.volume.releases)


def _schemas(volume: Volume) -> Iterator[tuple[str, bytes]]:
    for version in volume.all_versions():
        yield f"files/{version.id}/schema.json", (version.source.folder / "schema.json").read_bytes()
        yield f"files/{version.id}/bundle.json", canonical.jcs(dict(version.bundle))


def _door(langs: tuple[Lang, ...]) -> bytes:
    names: Mapping[Lang, str] = {"zh": "中文", "en": "English"}
    links = [tag("li", tag("a", names[lang], href=f"{lang}/index.html", lang=HTML_LANG[lang])) for lang in langs]
    head = fragment(
        tag("meta", charset="utf-8"),
        tag(
            "meta", http_equiv="Content-Security-Policy", content="default-src 'none'; img-src 'self'; style-src 'self'"
        ),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", " ".join(SITE)),
        tag("link", rel="icon", href="assets/mark.svg"),
        tag("link", rel="stylesheet", href="assets/docs.css"),
    )
    title = tag("h1", SITE.zh, " ", tag("span", SITE.en, lang="en", class_="other"))
    return document("zh-CN", head, tag("body", tag("main", title, tag("ul", links, class_="door"), id="main"))).encode()


def write_site(files: Mapping[str, bytes], folder: Path) -> None:
    """Write the files below a folder (写出文档); what else lies there is left alone."""
    for path, content in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def printed_pages(volume: Volume, langs: tuple[Lang, ...]) -> dict[str, str]:
    """Return what is printed: path of the PDF by path of the page, every version and every release (打印清单)."""
    pages: dict[str, str] = {}
    for lang in langs:
        for version in volume.all_versions():
            path = f"{lang}/{path_of(version)}"
            pages[path] = path.removesuffix(".html") + ".pdf"
        for release in volume.releases:
            pages[f"{lang}/releases/{release.name}-full.html"] = f"{lang}/releases/{release.name}.pdf"
    return pages
