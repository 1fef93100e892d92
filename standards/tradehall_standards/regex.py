"""Regular expressions (正则表达式) on RE2 only: time linear in the text, whoever wrote the pattern."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import re2  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]


@lru_cache(maxsize=2048)
def _compile(pattern: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    return re2.compile(pattern, options)


def is_pattern(pattern: str) -> bool:
    """Tell whether RE2 can compile ``pattern``; look-around and back-references are not."""
    try:
        _compile(pattern)
    except re2.error:
        return False
    return True


def matches(pattern: str, text: str) -> bool:
    """Tell whether ``pattern`` is found in ``text``; ``$`` is the very end, never before a line feed."""
    return _compile(pattern).search(text) is not None


def of_bytes(pattern: bytes) -> Any:
    """Compile a pattern over bytes, each a character of its own (字节模式)."""
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    return re2.compile(pattern, options)
