"""
Lines of the log (日志行): one JSON object each, on standard output.

What is said on them is the caller's to choose, field by field; nothing adds the request or its body.
"""

from __future__ import annotations

import logging
from typing import Any

import orjson
import structlog


def configure(factory: Any = None) -> None:
    """Set up the log of a serving process; ``factory`` makes loggers that write elsewhere."""
    structlog.configure(
        processors=[
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.JSONRenderer(serializer=orjson.dumps),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=factory or structlog.BytesLoggerFactory(),
        cache_logger_on_first_use=True,  # else each line would build a logger
    )
