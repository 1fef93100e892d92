"""
Patterns (正则模式): ECMA-262 regular expressions as JSON Schema uses them, read into exact regular languages.

``read_pattern`` gives the language of all texts in which the pattern is found. Anchors, look-ahead and look-behind-free
groups are exact. What engines are known to read differently, and what no regular language can say, is refused with
:class:`UnsupportedPattern`; the caller treats such a pattern as an unknown property of texts.

Source: ECMA-262 (2023) clause 22.2, with the ``u`` flag; JSON Schema Core 2020-12 section 6.4.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NoReturn, TypeAlias

from tradehall_standards.compat.regular import LAST, Language, Languages, Ranges, normal, others

MAX_PATTERN: Final = 4096
MAX_COUNT: Final = 100_000
_MAX_NESTING: Final = 60
_MAX_UNROLLED: Final = 4

DIGITS: Final[Ranges] = ((ord("0"), ord("9")),)
WORD: Final = normal(((ord("0"), ord("9")), (ord("A"), ord("Z")), (ord("_"), ord("_")), (ord("a"), ord("z"))))
SPACE: Final = normal(
    (code, code)
    for code in (
        9,
        10,
        11,
        12,
        13,
        32,
        0xA0,
        0x1680,
        *range(0x2000, 0x200B),
        0x2028,
        0x2029,
        0x202F,
        0x205F,
        0x3000,
        0xFEFF,
    )
)
NOT_NEWLINE: Final = others(((10, 10),))
NOT_LINE_END: Final = others(normal(((10, 10), (13, 13), (0x2028, 0x2029))))
_CLASSES: Final = {
    "d": DIGITS,
    "D": others(DIGITS),
    "w": WORD,
    "W": others(WORD),
    "s": SPACE,
    "S": others(SPACE),
}
_CONTROLS: Final = {"t": 9, "n": 10, "v": 11, "f": 12, "r": 13}
_SYNTAX: Final = frozenset("^$\\.*+?()[]{}|/-_ !\"#%&',:;<=>@`~")


class UnsupportedPattern(ValueError):  # noqa: N818 - the reason is what counts
    """A pattern that has no exact regular language here (不支持的正则模式)."""


@dataclass(frozen=True, slots=True)
class _Chars:
    ranges: Ranges


@dataclass(frozen=True, slots=True)
class _Sequence:
    parts: tuple[_Node, ...]


@dataclass(frozen=True, slots=True)
class _Choice:
    parts: tuple[_Node, ...]


@dataclass(frozen=True, slots=True)
class _Repeat:
    part: _Node
    low: int
    high: int | None


@dataclass(frozen=True, slots=True)
class _Anchor:
    start: bool


@dataclass(frozen=True, slots=True)
class _Look:
    part: _Node
    negative: bool


_Node: TypeAlias = "_Chars | _Sequence | _Choice | _Repeat | _Anchor | _Look"


def read_pattern(languages: Languages, pattern: str, dot: Ranges = NOT_NEWLINE) -> Language:
    """
    Return the language of all texts in which ``pattern`` is found (模式的语言).

    Args:
        languages: the table that the language is made in.
        pattern: an ECMA-262 regular expression.
        dot: what ``.`` stands for: the engines leave out the line feed only, ECMA-262 all four line ends.

    Raises:
        UnsupportedPattern: with the reason.
        TooLarge: the table is full.
    """
    node = _Reader(pattern, dot).read()
    build = _Builder(languages)
    at_start = build.follow(node, lambda _: languages.all, start=True)
    later = build.follow(node, lambda _: languages.all, start=False)
    return languages.either((at_start, languages.then(languages.some, later)))


def uses_dot(pattern: str) -> bool:
    """Tell whether the meaning of ``pattern`` may hang on what ``.`` stands for."""
    reader = _Reader(pattern, NOT_NEWLINE)
    try:
        reader.read()
    except UnsupportedPattern:
        return False  # then it is an unknown property of texts, whatever it stands for
    return reader.dotted


class _Reader:
    """Recursive descent over one pattern."""

    def __init__(self, pattern: str, dot: Ranges) -> None:
        if len(pattern) > MAX_PATTERN:
            raise UnsupportedPattern("too long")
        self._text = pattern
        self._dot = dot
        self._at = 0
        self._depth = 0
        self.dotted = False

    def read(self) -> _Node:
        node = self._choice()
        if self._at < len(self._text):
            self._fail("unbalanced )")
        return node

    def _fail(self, reason: str) -> NoReturn:
        raise UnsupportedPattern(f"{reason} at {self._at}")

    def _peek(self, size: int = 1) -> str:
        return self._text[self._at : self._at + size]

    def _take(self) -> str:
        char = self._peek()
        if not char:
            self._fail("unexpected end")
        self._at += 1
        return char

    def _choice(self) -> _Node:
        self._depth += 1
        if self._depth > _MAX_NESTING:
            self._fail("nested too deeply")
        parts = [self._sequence()]
        while self._peek() == "|":
            self._at += 1
            parts.append(self._sequence())
        self._depth -= 1
        return parts[0] if len(parts) == 1 else _Choice(tuple(parts))

    def _sequence(self) -> _Node:
        parts: list[_Node] = []
        while self._peek() and self._peek() not in "|)":
            parts.append(self._quantified(self._atom()))
        return _Sequence(tuple(parts))

    def _quantified(self, atom: _Node) -> _Node:
        bounds = self._bounds()
        if bounds is None:
            return atom
        if isinstance(atom, (_Anchor, _Look)):
            self._fail("a repeated assertion")
        if self._peek() == "?":  # lazy: the same texts
            self._at += 1
        elif self._peek() and self._peek() in "+*{":
            self._fail("a repeated repetition")
        return _Repeat(atom, *bounds)

    def _bounds(self) -> tuple[int, int | None] | None:
        char = self._peek()
        if char and char in "*+?":
            self._at += 1
            return {"*": (0, None), "+": (1, None), "?": (0, 1)}[char]
        if char != "{":
            return None
        end = self._text.find("}", self._at)
        low, comma, high = self._text[self._at + 1 : max(end, self._at)].partition(",")
        if end < 0 or not _is_number(low) or (high and not _is_number(high)):
            self._fail("a lone {")
        self._at = end + 1
        least, most = int(low), int(high) if high else None if comma else int(low)
        if least > MAX_COUNT or (most is not None and (most > MAX_COUNT or most < least)):
            self._fail("repeated too often")
        return least, most

    def _atom(self) -> _Node:
        char = self._take()
        if char == "^" or char == "$":  # noqa: PLR1714 - mypy narrows neither form; two anchors
            return _Anchor(char == "^")
        if char == "(":
            return self._group()
        if char == "[":
            return _Chars(self._class())
        if char == ".":
            self.dotted = True
            return _Chars(self._dot)
        if char == "\\":
            return _Chars(self._escape())
        if char in "*+?{}]":
            self._fail(f"a lone {char}")
        return _Chars(normal(((ord(char), ord(char)),)))

    def _group(self) -> _Node:
        look: bool | None = None
        if self._peek(2) == "?:":
            self._at += 2
        elif self._peek(2) in {"?=", "?!"}:
            look = self._peek(2) == "?!"
            self._at += 2
        elif self._peek() == "?":
            self._fail("a special group")
        node = self._choice()
        if self._peek() != ")":
            self._fail("a group without end")
        self._at += 1
        return node if look is None else _Look(node, look)

    def _escape(self) -> Ranges:
        char = self._take()
        if char in _CLASSES:
            return _CLASSES[char]
        code = self._code(char)
        if code is None:
            self._fail(f"the escape \\{char}")
        return normal(((code, code),))

    def _code(self, char: str) -> int | None:
        if char in _CONTROLS:
            return _CONTROLS[char]
        if char == "c" and self._peek().isascii() and self._peek().isalpha():
            return ord(self._take()) % 32
        if char == "x":
            return self._hex(2)
        if char == "u":
            return self._unicode()
        return ord(char) if char in _SYNTAX else None

    def _unicode(self) -> int:
        if self._peek() == "{":
            end = self._text.find("}", self._at)
            digits = self._text[self._at + 1 : max(end, self._at)]
            if end < 0 or not _is_hex(digits) or int(digits, 16) > LAST:
                self._fail("the escape \\u")
            self._at = end + 1
            return int(digits, 16)
        code = self._hex(4)
        if 0xD800 <= code <= 0xDFFF:  # noqa: PLR2004 - halves of a pair: engines differ
            self._fail("a surrogate")
        return code

    def _hex(self, size: int) -> int:
        digits = self._peek(size)
        if len(digits) != size or not _is_hex(digits):
            self._fail("a hexadecimal escape")
        self._at += size
        return int(digits, 16)

    def _class(self) -> Ranges:
        inverted = self._peek() == "^"
        self._at += inverted
        found: list[tuple[int, int]] = []
        while self._peek() != "]":
            found += self._member()
        self._at += 1
        if not found:
            self._fail("an empty class")
        ranges = normal(found)
        return others(ranges) if inverted else ranges

    def _member(self) -> Ranges:
        first = self._class_char()
        if self._peek() != "-" or self._peek(2) == "-]":
            return first
        self._at += 1
        last = self._class_char()
        if not _is_single(first) or not _is_single(last) or first[0][0] > last[0][0]:
            self._fail("a range")
        return normal(((first[0][0], last[0][0]),))

    def _class_char(self) -> Ranges:
        pair = self._peek(2)
        if pair in {"&&", "--", "~~", "[:", "[.", "[="}:
            self._fail("a set operation")
        char = self._take()
        if char == "\\":
            return self._escape()
        if char == "[":
            self._fail("a nested class")
        return normal(((ord(char), ord(char)),))


def _is_single(ranges: Ranges) -> bool:
    return len(ranges) == 1 and ranges[0][0] == ranges[0][1]


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < len(str(MAX_COUNT)) + 1


def _is_hex(text: str) -> bool:
    return 0 < len(text) <= len("10FFFF") and all(char in "0123456789abcdefABCDEF" for char in text)


_Rest: TypeAlias = Callable[[bool], Language]
"""What follows, as a language; told whether nothing of the text has been read yet."""


class _Builder:
    """Turns a tree into a language, from the left, handing on what follows; so anchors and look-ahead are exact."""

    def __init__(self, languages: Languages) -> None:
        self._languages = languages

    def follow(self, node: _Node, rest: _Rest, *, start: bool) -> Language:
        languages = self._languages
        match node:
            case _Chars(ranges):
                return languages.then(languages.chars(ranges), rest(False)) if ranges else languages.nothing
            case _Sequence(parts):
                return self._sequence(parts, rest, start=start)
            case _Choice(parts):
                return languages.either([self.follow(part, rest, start=start) for part in parts])
            case _Anchor(at_start):
                return self._anchor(rest, at_start=at_start, start=start)
            case _Look(part, negative):
                ahead = self.follow(part, lambda _: languages.all, start=start)
                return languages.both((languages.inverse(ahead) if negative else ahead, rest(start)))
            case _Repeat(part, low, high):
                return self._repeat(part, low, high, rest, start=start)

    def _sequence(self, parts: tuple[_Node, ...], rest: _Rest, *, start: bool) -> Language:
        if not parts:
            return rest(start)
        first, others_ = parts[0], parts[1:]
        known: dict[bool, Language] = {}

        def after(at_start: bool) -> Language:
            if at_start not in known:
                known[at_start] = self._sequence(others_, rest, start=at_start)
            return known[at_start]

        return self.follow(first, after, start=start)

    def _anchor(self, rest: _Rest, *, at_start: bool, start: bool) -> Language:
        if at_start:
            return rest(True) if start else self._languages.nothing
        return self._languages.blank if self._languages.nullable(rest(start)) else self._languages.nothing

    def _repeat(self, part: _Node, low: int, high: int | None, rest: _Rest, *, start: bool) -> Language:
        languages = self._languages
        plain = self._plain(part)
        if plain is None:
            return self._unrolled(part, low, high, rest, start=start)
        repeated = languages.repeat(plain, low, high)
        after = rest(False)
        if not start or not languages.nullable(repeated) or rest(True) == after:
            return languages.then(repeated, after)
        consumed = languages.both((repeated, languages.inverse(languages.blank)))
        return languages.either((languages.then(consumed, after), rest(True)))

    def _unrolled(self, part: _Node, low: int, high: int | None, rest: _Rest, *, start: bool) -> Language:
        """Write out a repetition that holds assertions, when it is short."""
        if high is None or high > _MAX_UNROLLED:
            raise UnsupportedPattern("assertions inside a repetition")
        counts = [_Sequence((part,) * count) for count in range(low, high + 1)]
        return self._languages.either([self.follow(node, rest, start=start) for node in counts])

    def _plain(self, node: _Node) -> Language | None:
        """Return the language of a node without assertions, on its own; None when it holds one."""
        languages = self._languages
        match node:
            case _Chars(ranges):
                return languages.chars(ranges)
            case _Sequence(parts):
                built = languages.blank
                for part in reversed(parts):
                    inner = self._plain(part)
                    if inner is None:
                        return None
                    built = languages.then(inner, built)
                return built
            case _Choice(parts):
                found = [self._plain(part) for part in parts]
                return None if None in found else languages.either([item for item in found if item is not None])
            case _Repeat(part, low, high):
                inner = self._plain(part)
                return None if inner is None else languages.repeat(inner, low, high)
            case _:
                return None
