"""
Markup (标记生成): HTML that is well-formed and escaped by construction; text can't become a tag.

What is written is at once HTML and XML, so that any parser can check a page. Whatever is not :class:`Html` is escaped.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Final, TypeAlias

_VOID: Final = frozenset({"meta", "link", "input", "br", "hr", "img", "wbr"})


class Html(str):
    """A piece of finished markup (成品标记)."""

    __slots__ = ()


Node: TypeAlias = "str | Iterable[Node] | None"
"""Markup, text still to be escaped, several of them, or nothing."""
Attribute: TypeAlias = str | int | bool | None

NOTHING: Final = Html()


def fragment(*nodes: Node) -> Html:
    """Return nodes side by side (片段)."""
    parts: list[str] = []
    for node in nodes:
        if node is None:
            continue
        if isinstance(node, str):
            parts.append(node if isinstance(node, Html) else escape(node))
        else:
            parts.append(fragment(*node))
    return Html("".join(parts))


def tag(element: str, *nodes: Node, **attributes: Attribute) -> Html:
    """
    Return one element (元素).

    Names of attributes are those of HTML or SVG with ``_`` for ``-``; a trailing ``_`` is dropped, None and False leave
    the attribute out, True writes it as its own value.
    """
    written = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escape(name if value is True else str(value))}"'
        for name, value in attributes.items()
        if value is not None and value is not False
    )
    if element in _VOID:
        return Html(f"<{element}{written}/>")
    return Html(f"<{element}{written}>{fragment(*nodes)}</{element}>")


def document(lang: str, head: Node, body: Node) -> Html:
    """Return a whole page (整页)."""
    return Html(f"<!DOCTYPE html>\n{tag('html', tag('head', head), body, lang=lang)}\n")
