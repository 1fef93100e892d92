"""The transparency log to the world 透明日志: tiles and witnesses in the C2SP formats."""
