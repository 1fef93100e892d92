"""
Regular languages (正则语言): exact union, intersection and complement of regular expressions, by derivatives.

A language is a small number, hash-consed in its :class:`Languages`: equal expressions are the same number. Characters
are Unicode code points without surrogates. Deciding emptiness walks the derivatives and is bounded: beyond the bound
it raises :class:`TooLarge`, it never guesses.

Source: Brzozowski, Derivatives of Regular Expressions (1964).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Final, TypeAlias, cast

Language: TypeAlias = int
Ranges: TypeAlias = tuple[tuple[int, int], ...]
_Node: TypeAlias = tuple[object, ...]

LAST: Final = 0x10FFFF
MAX_TEXT: Final = 20_000
"""Length of the longest text that is written out."""
ALPHABET: Final[Ranges] = ((0, 0xD7FF), (0xE000, LAST))
_NICE: Final[Ranges] = (
    (ord("a"), ord("z")),
    (ord("0"), ord("9")),
    (ord("A"), ord("Z")),
    (ord("-"), ord("/")),
    (ord("!"), ord("~")),
    (ord(" "), ord(" ")),
    (0x4E00, 0x9FA5),
    (0xC0, 0x24F),
    (0x370, 0xD7FF),
)
"""Where a character for a reader is looked for first."""


class TooLarge(Exception):  # noqa: N818 - a bound that was met, not a fault
    """A language whose states exceed the bound (状态过多)."""


def normal(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """Return sorted, disjoint, joined ranges, inside the alphabet (规范化字符区间)."""
    joined: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if low > high:
            continue
        if joined and low <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(high, joined[-1][1]))
        else:
            joined.append((low, high))
    return overlap(tuple(joined), ALPHABET)


def overlap(left: Ranges, right: Ranges) -> Ranges:
    """Return the characters in both."""
    pairs = ((max(a, c), min(b, d)) for a, b in left for c, d in right)
    return tuple(sorted((low, high) for low, high in pairs if low <= high))


def others(ranges: Ranges) -> Ranges:
    """Return the characters of the alphabet that are not in ``ranges``."""
    found: list[tuple[int, int]] = []
    start = 0
    for low, high in ranges:
        found.append((start, low - 1))
        start = high + 1
    return normal([*found, (start, LAST)])


def readable(low: int, high: int) -> int:
    """Return the character between two code points that a reader would choose."""
    for first, last in _NICE:
        if max(low, first) <= min(high, last):
            return max(low, first)
    return low


class Languages:
    """A table of regular languages (正则语言表); ``limit`` bounds the derivatives that one table may hold."""

    def __init__(self, limit: int = 60_000) -> None:
        self._limit = limit
        self._nodes: list[_Node] = []
        self._ids: dict[_Node, Language] = {}
        self._null: list[bool] = []
        self._next: dict[Language, tuple[tuple[int, Language], ...]] = {}
        self._derived: dict[tuple[Language, int], Language] = {}
        self._cuts: dict[Language, frozenset[int]] = {}
        self.nothing = self._node(("chars", ()), nullable=False)
        self.blank = self._node(("blank",), nullable=True)
        self.any_char = self.chars(ALPHABET)
        self.all = self._node(("loop", self.any_char, 0, None), nullable=True)
        self.some = self.then(self.any_char, self.all)

    # --- building
    def _node(self, node: _Node, *, nullable: bool) -> Language:
        known = self._ids.get(node)
        if known is not None:
            return known
        if len(self._nodes) >= self._limit:
            raise TooLarge
        self._ids[node] = len(self._nodes)
        self._nodes.append(node)
        self._null.append(nullable)
        return len(self._nodes) - 1

    def chars(self, ranges: Ranges) -> Language:
        """Return the texts of one character out of ``ranges``."""
        return self._node(("chars", ranges), nullable=False)

    def word(self, text: str) -> Language:
        """Return the language of one text."""
        built = self.blank
        for char in reversed(text):
            built = self.then(self.chars(((ord(char), ord(char)),)), built)
        return built

    def then(self, first: Language, second: Language) -> Language:
        """Return every text of ``first`` followed by one of ``second``."""
        if self.nothing in (first, second):
            return self.nothing
        if first == self.blank:
            return second
        if second == self.blank:
            return first
        if first == self.all and second == self.all:
            return self.all
        kind, *parts = self._nodes[first]
        if kind == "then":  # nested to the right, so that equal sequences are equal numbers
            return self.then(cast("int", parts[0]), self.then(cast("int", parts[1]), second))
        return self._node(("then", first, second), nullable=self._null[first] and self._null[second])

    def either(self, parts: Iterable[Language]) -> Language:
        """Return the union."""
        flat = self._flat("either", parts) - {self.nothing}
        if self.all in flat:
            return self.all
        singles = [part for part in flat if self._nodes[part][0] == "chars"]
        if len(singles) > 1:
            ranges = normal(pair for part in singles for pair in cast("Ranges", self._nodes[part][1]))
            flat = (flat - set(singles)) | {self.chars(ranges)}
        if any(self.inverse(part) in flat for part in flat if self._nodes[part][0] == "not"):
            return self.all
        if len(flat) < 2:  # noqa: PLR2004 - one or none
            return next(iter(flat), self.nothing)
        return self._node(("either", *sorted(flat)), nullable=any(self._null[part] for part in flat))

    def both(self, parts: Iterable[Language]) -> Language:
        """Return the intersection."""
        flat = self._flat("both", parts) - {self.all}
        if self.nothing in flat:
            return self.nothing
        if any(self.inverse(part) in flat for part in flat if self._nodes[part][0] == "not"):
            return self.nothing
        if len(flat) < 2:  # noqa: PLR2004 - one or none
            return next(iter(flat), self.all)
        if self.blank in flat:
            return self.blank if all(self._null[part] for part in flat) else self.nothing
        return self._node(("both", *sorted(flat)), nullable=all(self._null[part] for part in flat))

    def _flat(self, kind: str, parts: Iterable[Language]) -> set[Language]:
        flat: set[Language] = set()
        for part in parts:
            node = self._nodes[part]
            flat.update(cast("tuple[int, ...]", node[1:]) if node[0] == kind else (part,))
        return flat

    def inverse(self, part: Language) -> Language:
        """Return all other texts."""
        if part == self.all:
            return self.nothing
        if part == self.nothing:
            return self.all
        node = self._nodes[part]
        return cast("int", node[1]) if node[0] == "not" else self._node(("not", part), nullable=not self._null[part])

    def repeat(self, part: Language, low: int, high: int | None) -> Language:
        """Return ``part`` at least ``low`` and at most ``high`` times."""
        if high == 0 or part == self.blank:
            return self.blank
        if part == self.nothing:
            return self.nothing if low else self.blank
        if low == 1 and high == 1:
            return part
        node = self._nodes[part]
        if node[0] == "loop" and node[2:] == (0, None):
            return part
        low = 0 if self._null[part] else low
        return self._node(("loop", part, low, high), nullable=low == 0)

    # --- asking
    def nullable(self, part: Language) -> bool:
        """Tell whether the empty text is in the language."""
        return self._null[part]

    def matches(self, part: Language, text: str) -> bool:
        """Tell whether a text is in the language."""
        for char in text:
            part = self.derivative(part, ord(char))
        return self._null[part]

    def shortest(self, part: Language, low: int, high: int | None, tick: Callable[[], None]) -> str | None:
        """
        Return a shortest text whose length lies between two bounds (最短文本), or None when there is none.

        Args:
            part: the language.
            low: least length, in code points.
            high: greatest length; None for no bound.
            tick: called at every step; may raise to give up.

        Raises:
            TooLarge: the bound of the table was met before the answer was known.
        """
        if part == self.all and low <= (MAX_TEXT if high is None else min(high, MAX_TEXT)):
            return "a" * low
        if not self._is_alive(part, tick):
            return None
        layers: list[dict[Language, tuple[Language, int]]] = []
        layer: dict[Language, tuple[Language, int]] = {part: (part, 0)}
        seen: set[frozenset[Language]] = set()
        length = 0
        while layer and (high is None or length <= high):
            layers.append(layer)
            if length >= low:
                ended = next((state for state in layer if self._null[state]), None)
                if ended is not None:
                    return _read(layers, ended)
            states = frozenset(layer)
            if states in seen and length >= low:
                return None
            if states in seen and length > MAX_TEXT:
                self._refuse_long(layers)
                return None
            if length >= low or low > MAX_TEXT:
                seen.add(states)
            layer = self._layer(layer, tick)
            length += 1
        return None

    def _is_alive(self, part: Language, tick: Callable[[], None]) -> bool:
        """Tell whether any text, however long, is in the language."""
        seen, waiting = {part}, [part]
        while waiting:
            tick()
            state = waiting.pop()
            if self._null[state]:
                return True
            fresh = [target for _, target in self._targets(state) if target not in seen]
            seen.update(fresh)
            waiting += fresh
        return False

    def _refuse_long(self, layers: list[dict[Language, tuple[Language, int]]]) -> None:
        """Give up on texts too long to write, unless what may follow repeats itself without ever ending."""
        again = frozenset(layers[-1])
        for layer in reversed(layers[:-1]):
            if any(self._null[state] for state in layer):
                raise TooLarge
            if frozenset(layer) == again:
                return
        raise TooLarge

    def _layer(
        self, layer: dict[Language, tuple[Language, int]], tick: Callable[[], None]
    ) -> dict[Language, tuple[Language, int]]:
        following: dict[Language, tuple[Language, int]] = {}
        for state in layer:
            tick()
            for char, target in self._targets(state):
                if target not in following or _rank(char) < _rank(following[target][1]):
                    following.setdefault(target, (state, char))
        return following

    def _targets(self, part: Language) -> tuple[tuple[int, Language], ...]:
        """Return one readable character for every language that one character leads to, dead ends left out."""
        known = self._next.get(part)
        if known is not None:
            return known
        best: dict[Language, int] = {}
        borders = sorted(self._borders(part) | {0, 0xD800, 0xE000, LAST + 1})
        for low, high in pairwise(borders):
            if low == 0xD800:  # noqa: PLR2004 - surrogates are no characters
                continue
            target = self.derivative(part, low)
            if target != self.nothing:
                char = readable(low, high - 1)
                best[target] = min(best.get(target, char), char, key=_rank)
        self._next[part] = tuple((char, target) for target, char in best.items())
        return self._next[part]

    def _borders(self, part: Language) -> frozenset[int]:
        known = self._cuts.get(part)
        if known is None:
            known = self._cuts[part] = self._find_borders(self._nodes[part])
        return known

    def _find_borders(self, node: _Node) -> frozenset[int]:
        if node[0] == "chars":
            return frozenset(cut for low, high in cast("Ranges", node[1]) for cut in (low, high + 1))
        if node[0] == "blank":
            return frozenset()
        if node[0] == "loop":
            return self._borders(cast("int", node[1]))
        if node[0] == "then":
            first, second = cast("tuple[int, int]", node[1:])
            return self._borders(first) | (self._borders(second) if self._null[first] else frozenset[int]())
        return frozenset[int]().union(*(self._borders(part) for part in cast("tuple[int, ...]", node[1:])))

    def derivative(self, part: Language, char: int) -> Language:
        """Return what may follow one character (导数)."""
        known = self._derived.get((part, char))
        if known is None:
            known = self._derived[part, char] = self._derive(self._nodes[part], char)
        return known

    def _derive(self, node: _Node, char: int) -> Language:
        kind = node[0]
        if kind == "chars":
            return self.blank if any(low <= char <= high for low, high in cast("Ranges", node[1])) else self.nothing
        if kind == "blank":
            return self.nothing
        if kind == "then":
            return self._derive_then(*cast("tuple[int, int]", node[1:]), char)
        if kind == "loop":
            return self._derive_loop(*cast("tuple[int, int, int | None]", node[1:]), char)
        parts = [self.derivative(part, char) for part in cast("tuple[int, ...]", node[1:])]
        if kind == "not":
            return self.inverse(parts[0])
        return self.either(parts) if kind == "either" else self.both(parts)

    def _derive_then(self, first: Language, second: Language, char: int) -> Language:
        head = self.then(self.derivative(first, char), second)
        return self.either((head, self.derivative(second, char))) if self._null[first] else head

    def _derive_loop(self, part: Language, low: int, high: int | None, char: int) -> Language:
        rest = self.repeat(part, max(low - 1, 0), None if high is None else high - 1)
        return self.then(self.derivative(part, char), rest)


def _rank(char: int) -> tuple[int, int]:
    """Order characters by how readable they are."""
    return next((place for place, (low, high) in enumerate(_NICE) if low <= char <= high), len(_NICE)), char


def _read(layers: list[dict[Language, tuple[Language, int]]], state: Language) -> str:
    text: list[str] = []
    for layer in reversed(layers[1:]):
        state, char = layer[state]
        text.append(chr(char))
    return "".join(reversed(text))
