"""
Markdown (文档排版): tables and words as the reference pages need them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tradehall.kernel.refusal import Text


def page(title: Text, about: Text, *blocks: str) -> str:
    """Return a page (一页): title, what it is made from, then its blocks."""
    note = "由 `tradehall reference` 生成，请勿手工修改。Made by `tradehall reference`; do not edit."
    return "\n\n".join([f"# {title.en} {title.zh}", note, about.zh, about.en, *(b for b in blocks if b)]) + "\n"


def heading(level: int, title: str, anchor: str = "") -> str:
    """Return a heading (标题), with a fixed anchor where other pages point at it."""
    mark = f'<a id="{anchor}"></a>\n\n' if anchor else ""
    return f"{mark}{'#' * level} {title}"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table (表格); nothing without rows. What would break a cell is escaped."""
    lines = [_line(cell(item) for item in row) for row in rows]
    return "\n".join([_line(heads), _line("---" for _ in heads), *lines]) if lines else ""


def cell(text: str) -> str:
    """Return a text on one line whose bars end no cell (单元格)."""
    return " ".join(text.split()).replace("|", "\\|")


def code(text: str) -> str:
    """Return a code span (代码), fenced by more backticks than the text holds; nothing for an empty text."""
    if not text:
        return ""
    fence = "`"
    while fence in text:
        fence += "`"
    pad = " " if len(fence) > 1 else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def codes(items: Iterable[str], between: str = ", ") -> str:
    """Return several code spans in a row (代码列)."""
    return between.join(code(item) for item in items)


def both(text: Text) -> str:
    """Return both languages in one line (双语)."""
    return f"{text.zh} {text.en}"


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
