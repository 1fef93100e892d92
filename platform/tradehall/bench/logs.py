"""Log lines of what is measured (实测日志): made as in production, and thrown away."""

from __future__ import annotations

from typing import BinaryIO, cast

import structlog

from tradehall.web.lines import configure


class _Nowhere:
    """Takes bytes and keeps none (空流); unlike ``/dev/null`` it is nothing that has to be closed."""

    def write(self, data: bytes) -> int:
        """Take bytes."""
        return len(data)

    def flush(self) -> None:
        """Have nothing to write."""


def nowhere() -> BinaryIO:
    """Return a stream for log lines that nobody reads."""
    return cast("BinaryIO", _Nowhere())


def silence() -> None:
    """Write the program's log lines to nowhere: where they go is not what is measured."""
    configure(structlog.BytesLoggerFactory(nowhere()))
