"""
Strict JSON (严格解析): the one parser that every byte from outside passes before anything else looks at it.

Two programs which read the same bytes MUST see the same document. So everything on which JSON parsers are known to
differ is refused: duplicate keys, numbers with fraction or exponent, ``-0``, ``NaN``, integers beyond 2^53-1, lone
surrogates, a byte-order mark, control characters, non-ASCII keys, deep nesting.
"""

from __future__ import annotations

import json
import re
from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Final, NoReturn, TypeAlias, cast

import orjson

from tradehall_standards import regex

Json: TypeAlias = "bool | int | str | Sequence[Json] | Mapping[str, Json] | None"
"""A JSON value without floats. Read-only by type: an admitted document is never changed in place."""

MAX_BYTES: Final = 2 * 1024 * 1024
MAX_DEPTH: Final = 64
MAX_INTEGER: Final = 2**53 - 1

_MAX_INTEGER_DIGITS: Final = 16
_SHOWN: Final = 40
_ODD: Final = regex.of_bytes(rb'[0-9][.eE][0-9eE+-]*(?:[,}\]]|\z)|[\x80-\xff][^"]*":|\xc2[\x80-\x9f]|\x7f')
"""A number with fraction or exponent, a key that is not ASCII, U+007F to U+009F; it may also match inside a text."""
_RAW_CONTROL: Final = re.compile("[\x7f-\x9f]")
_BAD_CHARACTER: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|-?[A-Za-z0-9][A-Za-z0-9.+-]*|-')
_ONE_KIND: Final = bytes.maketrans(b"{}", b"[]")
_UP_AND_DOWN: Final = bytes.maketrans(b"[]", b"\x01\xff")
_SHALLOW: Final = 8
_STRETCH: Final = 1 << 16
_NOT_BRACKET: Final = bytes(set(range(256)) - set(b'"[]{}'))


class StrictError(ValueError):
    """
    Bytes that are not strict JSON (不合格的 JSON).

    Attributes:
        code: stable upper-case name of the broken rule, such as ``DUPLICATE_KEY``.
        offset: character offset in the decoded text (byte offset for ``NOT_UTF8``); None where unknown.
        pointer: JSON Pointer of the offending value; None where unknown.
        message_zh: one sentence in Chinese.
        message_en: the same sentence in English.
    """

    def __init__(
        self, code: str, message_zh: str, message_en: str, *, offset: int | None = None, pointer: str | None = None
    ) -> None:
        super().__init__(message_en)
        self.code = code
        self.offset = offset
        self.pointer = pointer
        self.message_zh = message_zh
        self.message_en = message_en


class _BadLiteralError(ValueError):
    """A number literal that strict JSON refuses; carries the literal, so that the caller can find its offset."""

    def __init__(self, code: str, literal: str) -> None:
        super().__init__(literal)
        self.code = code
        self.literal = literal


_LITERAL_WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "FLOAT": (
        "数字 {0} 带有小数或指数，金额等须写作十进制字符串",
        "{0} has a fraction or exponent; write decimals as strings",
    ),
    "NOT_A_NUMBER": ("{0} 不是 JSON 数值", "{0} is not a JSON number"),
    "NEGATIVE_ZERO": ("不允许使用 -0", "-0 is not allowed"),
    "INTEGER_RANGE": ("整数 {0} 超出 ±(2^53-1) 的范围", "The integer {0} lies outside ±(2^53-1)"),
}


def _integer(literal: str) -> int:
    if literal == "-0":
        raise _BadLiteralError("NEGATIVE_ZERO", literal)
    if len(literal) > _MAX_INTEGER_DIGITS + 1 or abs(value := int(literal)) > MAX_INTEGER:
        raise _BadLiteralError("INTEGER_RANGE", literal)
    return value


def _refuse_float(literal: str) -> NoReturn:
    raise _BadLiteralError("FLOAT", literal)


def _refuse_constant(literal: str) -> NoReturn:
    raise _BadLiteralError("NOT_A_NUMBER", literal)


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    built = dict(pairs)
    if len(built) != len(pairs):
        _refuse_duplicate(pairs)
    if not "".join(built).isascii():
        shown = next(_shown(key) for key in built if not key.isascii())
        raise StrictError("KEY_NOT_ASCII", f"键名“{shown}”含有非 ASCII 字符", f"The key {shown} is not ASCII")
    return built


def _shown(key: str) -> str:
    return key[:_SHOWN].encode("ascii", "backslashreplace").decode()


def _refuse_duplicate(pairs: list[tuple[str, Json]]) -> NoReturn:
    counts = Counter(key for key, _ in pairs)
    shown = _shown(counts.most_common(1)[0][0])
    raise StrictError("DUPLICATE_KEY", f"键“{shown}”重复出现", f"The key {shown} appears more than once")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_refuse_float, parse_int=_integer, parse_constant=_refuse_constant
)


def parse(data: bytes, *, newlines: bool = False, limit: int = MAX_BYTES) -> Json:
    """
    Parse strict JSON (严格解析).

    Promises to return or to raise ``StrictError`` for every input whatsoever, in time linear in its length; never
    ``RecursionError``. Keys keep their order. Objects are ``dict`` and arrays are ``list`` at run time.

    Args:
        data: UTF-8 bytes, at most ``limit``, nested at most 64 deep.
        limit: most bytes; more than a record may have only where records are kept with what was added to them.
        newlines: accept an escaped line feed inside strings, as receipts have in their checkpoint; records never may.

    Raises:
        StrictError: with one of the codes TOO_LARGE, BYTE_ORDER_MARK, NOT_UTF8, TOO_DEEP, SYNTAX, DUPLICATE_KEY,
            KEY_NOT_ASCII, FLOAT, NOT_A_NUMBER, NEGATIVE_ZERO, INTEGER_RANGE, CONTROL_CHARACTER, LONE_SURROGATE.

    Source: RFC 8259, narrowed as RFC 7493 (I-JSON) and further.
    """
    if len(data) > limit:
        raise StrictError("TOO_LARGE", f"文件超过 {limit} 字节", f"The document is larger than {limit} bytes")
    quick = _quickly(data)
    return _carefully(data, newlines=newlines) if quick is None else quick[0]


def _quickly(data: bytes) -> tuple[Json] | None:
    """
    Parse bytes of which none could be left out (快速通道), twice as fast; None for all others, right or wrong.

    What a fast parser read is written again. When that gives the same bytes there was no repeated key, no blank, no
    number beyond range; when moreover there is no escape, fraction, exponent, control character or non-ASCII key, the
    value is the one that the careful way gives. ``test_strict`` holds the two together.
    """
    if b"\\" in data or _ODD.search(data) is not None:
        return None
    try:
        value: Json = orjson.loads(data)
        if orjson.dumps(value, option=orjson.OPT_STRICT_INTEGER) != data:
            return None
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return None
    _check_depth(data)
    return (value,)


def _carefully(data: bytes, *, newlines: bool) -> Json:
    text = _decode(data)
    _check_depth(data)
    value = _decode_json(text)
    # Raw C0 characters inside strings are refused by the decoder itself; an escape can hide any character.
    if b"\\" in data or _RAW_CONTROL.search(text):
        _check_characters(value, "\n" if newlines else "")
    return value


def _decode(data: bytes) -> str:
    if data.startswith(b"\xef\xbb\xbf"):
        raise StrictError(
            "BYTE_ORDER_MARK", "文件以字节顺序标记（BOM）开头", "The document starts with a BOM", offset=0
        )
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as problem:
        at = problem.start
        raise StrictError("NOT_UTF8", f"第 {at} 字节不是 UTF-8", f"Byte {at} is not UTF-8", offset=at) from None


def _check_depth(data: bytes) -> None:
    """
    Refuse deep nesting before a recursive parser sees it.

    Strings are cut out first (escapes, then every second piece between quotes). Up to the first syntax error this
    view agrees with any parser's, and behind it the parser stops; so the depth is never underestimated.
    """
    if data.count(b"[") + data.count(b"{") <= MAX_DEPTH:
        return
    if b"\\" in data:
        data = data.replace(b"\\\\", b"").replace(b'\\"', b"")
    brackets = b"".join(data.translate(_ONE_KIND, _NOT_BRACKET).split(b'"')[::2])
    rest = brackets
    for _ in range(_SHALLOW):
        rest = rest.replace(b"[]", b"")  # takes off exactly the innermost level
        if not rest:
            return
    if _is_deep(brackets):
        raise StrictError("TOO_DEEP", f"嵌套超过 {MAX_DEPTH} 层", f"The document is nested more than {MAX_DEPTH} deep")


def _is_deep(brackets: bytes) -> bool:
    """Whether more than ``MAX_DEPTH`` brackets are open anywhere; a loop in Python would be too slow for 2 MiB."""
    steps, depth = array("b", brackets.translate(_UP_AND_DOWN)), 0
    for start in range(0, len(steps), _STRETCH):
        depths = list(accumulate(steps[start : start + _STRETCH], initial=depth))
        if max(depths) > MAX_DEPTH:
            return True
        depth = depths[-1]
    return False


def _decode_json(text: str) -> Json:
    try:
        return cast("Json", _DECODER.decode(text))
    except StrictError:
        raise
    except _BadLiteralError as problem:
        zh, en = _LITERAL_WORDS[problem.code]
        shown = problem.literal[:_SHOWN]
        at = _offset_of(text, problem.literal)
        raise StrictError(problem.code, zh.format(shown), en.format(shown), offset=at) from None
    except json.JSONDecodeError as problem:
        at = problem.pos
        raise StrictError(
            "SYNTAX", f"第 {at} 个字符处不是合法的 JSON", f"Not JSON at character {at}", offset=at
        ) from None
    except RecursionError:  # pragma: no cover - the depth check comes first; a smaller interpreter limit ends here
        raise StrictError("TOO_DEEP", "嵌套过深", "The document is nested too deeply") from None


def _offset_of(text: str, literal: str) -> int | None:
    return next((token.start() for token in _TOKEN.finditer(text) if token.group() == literal), None)


def _check_characters(root: Json, allowed: str) -> None:
    """Refuse control characters (``allowed`` only in strings) and lone surrogates anywhere, naming the place."""
    pending: list[tuple[str, Json]] = [("", root)]
    while pending:
        pointer, value = pending.pop()
        if isinstance(value, str):
            _check_string(pointer, value.replace(allowed, "") if allowed else value)
        elif isinstance(value, Mapping):
            for key, inner in value.items():
                _check_string(pointer, key)
                pending.append((f"{pointer}/{escape(key)}", inner))
        elif isinstance(value, Sequence):
            pending.extend((f"{pointer}/{index}", inner) for index, inner in enumerate(value))


def _check_string(pointer: str, text: str) -> None:
    found = _BAD_CHARACTER.search(text)
    if found is None:
        return
    point = f"U+{ord(found.group()):04X}"
    if "\ud800" <= found.group() <= "\udfff":
        raise StrictError("LONE_SURROGATE", f"含有孤立的代理码位 {point}", f"Lone surrogate {point}", pointer=pointer)
    raise StrictError("CONTROL_CHARACTER", f"含有控制字符 {point}", f"Control character {point}", pointer=pointer)


def as_object(value: Json) -> Mapping[str, Json]:
    """Return ``value`` when it is an object, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def as_array(value: Json) -> Sequence[Json]:
    """Return ``value`` when it is an array, else an empty one."""
    return value if isinstance(value, Sequence) and not isinstance(value, str) else ()


def escape(key: str) -> str:
    """Return ``key`` as one token of a JSON Pointer (RFC 6901)."""
    return key.replace("~", "~0").replace("/", "~1")
