"""
Canonical form (规范化): the exact bytes of a JSON value that are signed, stored and digested.

RFC 8785 (JCS) sorts keys by UTF-16 units and writes numbers as ECMAScript does. For values without floats, with ASCII
keys and integers within 2^53-1 a sorted compact dump is exactly that; anything else is refused here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, cast

import orjson

from tradehall_standards.strict import MAX_INTEGER, Json

_OPTIONS: Final = orjson.OPT_SORT_KEYS | orjson.OPT_STRICT_INTEGER | orjson.OPT_PASSTHROUGH_SUBCLASS


class NotCanonicalError(ValueError):
    """A value that has no canonical form (无法规范化): a float, a non-ASCII key, a huge integer, a foreign type."""


def jcs(value: Json) -> bytes:
    """
    Return the RFC 8785 bytes of ``value`` (规范化字节).

    Raises:
        NotCanonicalError: ``value`` holds a float, a key that is not an ASCII string, an integer beyond 2^53-1, a
            lone surrogate, or anything that is not JSON.

    Source: RFC 8785.
    """
    try:
        return orjson.dumps(value if _is_plain(value) else _plain(value), option=_OPTIONS)
    except (orjson.JSONEncodeError, RecursionError) as problem:
        raise NotCanonicalError(f"no canonical form: {problem}") from None


def _is_plain(value: object) -> bool:
    """Whether everything in ``value`` is of the types the strict parser makes; then nothing needs to be turned."""
    kind = type(value)
    if kind is dict:
        members = cast("dict[str, object]", value)
        try:
            if not "".join(members).isascii():
                return False
        except TypeError:
            return False
        values: Iterable[object] = members.values()
    else:
        values = cast("list[object]", value) if kind is list else (value,)
    for item in values:
        kind = type(item)
        if kind is str or kind is bool or item is None:
            continue
        if kind is int:
            if not -MAX_INTEGER <= cast("int", item) <= MAX_INTEGER:
                return False
        elif (kind is not dict and kind is not list) or not _is_plain(item):
            return False
    return True


def _plain(value: Json) -> Json:
    """Check every node and turn read-only mappings and tuples into the dict and list that orjson writes."""
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return value
    if kind is int:
        if -MAX_INTEGER <= value <= MAX_INTEGER:  # type: ignore[operator]
            return value
        raise NotCanonicalError(f"integer outside 2^53-1: {value}")
    if isinstance(value, Mapping):
        return _plain_object(value)
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes, bytearray, memoryview)):
        return [_plain(item) for item in value]
    raise NotCanonicalError(f"no canonical form for {kind.__name__}")


def _plain_object(value: Mapping[str, Json]) -> dict[str, Json]:
    built: dict[str, Json] = {}
    for key, item in value.items():
        if type(key) is not str or not key.isascii():
            raise NotCanonicalError(f"key is not an ASCII string: {key!r}")
        built[key] = _plain(item)
    return built


def sha256_hex(data: bytes) -> str:
    """Return the lower-case hexadecimal SHA-256 of ``data`` (64 characters)."""
    return hashlib.sha256(data).hexdigest()


def digest(value: Json) -> str:
    """Return ``sha256:`` and the hexadecimal SHA-256 of the canonical form of ``value`` (摘要)."""
    return f"sha256:{sha256_hex(jcs(value))}"
