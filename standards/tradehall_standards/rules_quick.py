"""
Quick look at rules (规则快速判定): a part of CEL turned into Python, to pass what plainly holds.

CEL stays the only judge of a rule. What is made here may answer one thing, that all rules hold, and only from operands
whose meaning is the same in both languages; whatever else comes up, a value of another type, a missing member, an
overflow, a ``false``, is left to CEL. So a fault here can cost time, and never a verdict, as long as its ``True`` is
CEL's ``true``: ``tests/standards/test_rules_quick.py`` holds every published rule and many grown ones to that.

Handing a payload over to CEL takes longer than most rules do; this reads it where it lies.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final, cast

from tradehall_standards.rules_cel import FUNCTIONS, CelRule
from tradehall_standards.strict import Json

Quick = Callable[[Json, str], bool]
"""Payload and event date → True when all rules hold; False or an exception means: ask CEL."""

OPEN: Final = (LookupError, TypeError, ValueError, ArithmeticError, RecursionError)
"""What a quick look raises where it can't tell."""

_INT64: Final = 2**63
_INSTANT: Final = re.compile(
    r"[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-5][0-9](\.[0-9]{3}|\.[0-9]{6})?(Z|[+-][0-9]{2}:[0-9]{2})"
)
_DURATION: Final = re.compile(r"([0-9]{1,6})([hms])")
_SECONDS: Final[Mapping[str, int]] = {"h": 3600, "m": 60, "s": 1}
_TOKEN: Final = re.compile(
    r"\s*(?:(?P<text>'[^'\\\n]*'|\"[^\"\\\n]*\")|(?P<int>[0-9]+)(?![.0-9A-Za-z_])|(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?!['\"])"
    r"|(?P<sign>&&|\|\||[=!<>]=|[<>!+*%?:.,()\[\]-]))"
)
_KEYWORDS: Final = frozenset({"in", "true", "false", "null", "as", "break", "const", "continue", "else", "for"}) | {
    *("function", "if", "import", "let", "loop", "package", "namespace", "return", "var", "void", "while")
}


class _Unknown(Exception):  # noqa: N818  - never leaves this module
    """A form of CEL that is left to CEL."""


# --- what generated code calls: each answers as CEL does, or raises


def _truth(value: object) -> bool:
    if value is True or value is False:
        return value
    raise TypeError


def _list(value: Any) -> list[Any]:
    kind: object = cast("object", type(value))
    if kind is list:
        return cast("list[Any]", value)
    raise TypeError


def _has(value: object, name: str) -> bool:
    if type(value) is dict:
        return name in value
    raise TypeError


def _at(value: Any, place: Any) -> Any:
    kind: object = cast("object", type(value))
    if (kind is list and type(place) is int and place >= 0) or (kind is dict and type(place) is str):
        return value[place]
    raise TypeError


def _size(value: Any) -> int:
    kind: object = cast("object", type(value))
    if kind is list or kind is dict:  # CEL here counts bytes of a text
        return len(value)
    raise TypeError


_EQUAL: Final = frozenset({str, int, bool, datetime, timedelta})
_PLAIN: Final = frozenset({str, int})
_ORDERED: Final = frozenset({str, int, datetime, timedelta})


def _eq(one: Any, other: Any) -> bool:
    if type(one) is type(other) and type(one) in _EQUAL:
        return bool(one == other)
    raise TypeError


def _lt(one: Any, other: Any) -> bool:
    if type(one) is type(other) and type(one) in _ORDERED:
        return bool(one < other)
    raise TypeError


def _in(one: object, other: object) -> bool:
    if type(one) is str and type(other) is list:
        return one in other
    raise TypeError


def _int(value: int) -> int:
    if -_INT64 <= value < _INT64:
        return value
    raise ArithmeticError


def _add(one: Any, other: Any) -> Any:
    if type(one) is int and type(other) is int:
        return _int(one + other)
    if type(one) is type(other) and type(one) in {list, str}:
        return one + other
    raise TypeError


def _times(one: object, other: object) -> int:
    if type(one) is int and type(other) is int:
        return _int(one * other)
    raise TypeError


def _minus(one: object, other: object) -> int | timedelta:
    if type(one) is int and type(other) is int:
        return _int(one - other)
    if type(one) is datetime and type(other) is datetime:
        return one - other
    raise TypeError


def _rest(one: object, other: object) -> int:
    if type(one) is int and type(other) is int and one >= 0 and other > 0:
        return one % other
    raise TypeError


def _negative(value: object) -> int | timedelta:
    return _minus(0, value)


def _string(value: object) -> str:
    if type(value) is int or type(value) is str:
        return str(value)
    raise TypeError


def _text(value: object) -> str:
    if type(value) is str:
        return value
    raise TypeError


@lru_cache(maxsize=8192)
def _moment(text: str) -> datetime:
    if not _INSTANT.fullmatch(text):
        raise ValueError
    return datetime.fromisoformat(text)


def _timestamp(value: object) -> datetime:
    return _moment(_text(value))


@lru_cache(maxsize=256)
def _span(text: str) -> timedelta:
    matched = _DURATION.fullmatch(text)
    if matched is None:
        raise ValueError
    return timedelta(seconds=int(matched[1]) * _SECONDS[matched[2]])


def _duration(value: object) -> timedelta:
    return _span(_text(value))


def _distinct(value: object) -> bool:
    items = _list(value)
    kinds = set(map(type, items))
    if kinds <= {str} or kinds == {int}:
        return len(set(items)) == len(items)
    if kinds == {list} and all(type(inner) in _PLAIN for item in items for inner in item):
        return len({tuple(item) for item in items}) == len(items)
    raise TypeError


@lru_cache(maxsize=8192)
def _compare(one: str, other: str) -> int:
    return cast("int", FUNCTIONS["decimal_compare"](one, other))


def _decimals(value: object) -> str:
    return cast("str", FUNCTIONS["decimal_sum"](_list(value)))


def _decimal_compare(one: object, other: object) -> int:
    return _compare(_text(one), _text(other))


def _descends_from(one: object, other: object) -> Json:
    return FUNCTIONS["descends_from"](_text(one), _text(other))


def _is_identifier(kind: object, text: object) -> Json:
    return FUNCTIONS["is_identifier"](_text(kind), _text(text))


def _starts(text: object, part: object) -> bool:
    return _text(text).startswith(_text(part))


def _ends(text: object, part: object) -> bool:
    return _text(text).endswith(_text(part))


def _contains(text: object, part: object) -> bool:
    return _text(part) in _text(text)


_NAMES: Final[Mapping[str, object]] = {
    found.__name__: found
    for found in (_truth, _list, _has, _at, _size, _eq, _lt, _in, _add, _times, _minus, _rest, _negative)
}
_CALLS: Final[Mapping[str, Callable[..., Any]]] = {
    "size": _size,
    "string": _string,
    "timestamp": _timestamp,
    "duration": _duration,
    "distinct": _distinct,
    "decimal_sum": _decimals,
    "decimal_compare": _decimal_compare,
    "decimal_product": FUNCTIONS["decimal_product"],
    "descends_from": _descends_from,
    "is_identifier": _is_identifier,
    "local_date": FUNCTIONS["local_date"],
}
_PAIRS: Final = frozenset({"decimal_compare", "decimal_product", "descends_from", "is_identifier"})
"""Functions of two arguments; the others have one."""
_TRUTHS: Final = frozenset({"distinct", "descends_from", "is_identifier"})
"""Functions that give a truth value."""
_METHODS: Final[Mapping[str, Callable[..., bool]]] = {"startsWith": _starts, "endsWith": _ends, "contains": _contains}


# --- from CEL to Python


Code = tuple[str, bool]
"""Python text, and whether it can only give a truth value."""


class _Translator:
    """Reads one expression by descent (逐级下降); every method returns the code of what it has read."""

    def __init__(self, expression: str) -> None:
        self._tokens = _tokens(expression)
        self._at = 0
        self._bound: dict[str, str] = {"self": "payload", "event_date": "event_date"}
        self._fresh = 0

    def translate(self) -> str:
        found = self._truth(self._ternary())
        if self._at != len(self._tokens):
            raise _Unknown
        return found

    def _peek(self, ahead: int = 0) -> str:
        place = self._at + ahead
        return self._tokens[place] if place < len(self._tokens) else ""

    def _take(self, wanted: str | None = None) -> str:
        token = self._peek()
        if not token or (wanted is not None and token != wanted):
            raise _Unknown
        self._at += 1
        return token

    @staticmethod
    def _truth(code: Code) -> str:
        text, boolean = code
        return text if boolean else f"_truth({text})"

    def _ternary(self) -> Code:
        test = self._either()
        if self._peek() != "?":
            return test
        self._take("?")
        yes = self._either()
        self._take(":")
        no = self._ternary()
        return f"({yes[0]} if {self._truth(test)} else {no[0]})", yes[1] and no[1]

    def _either(self) -> Code:
        return self._joined("||", "or", self._both)

    def _both(self) -> Code:
        return self._joined("&&", "and", self._relation)

    def _joined(self, sign: str, word: str, inner: Callable[[], Code]) -> Code:
        first = inner()
        if self._peek() != sign:
            return first
        parts = [self._truth(first)]
        while self._peek() == sign:
            self._take()
            parts.append(self._truth(inner()))
        return f"({f' {word} '.join(parts)})", True

    def _relation(self) -> Code:
        left = self._sum()
        while self._peek() in _RELATIONS:
            sign = self._take()
            left = _RELATIONS[sign].format(left[0], self._sum()[0]), True
        return left

    def _sum(self) -> Code:
        return self._arithmetic({"+": "_add", "-": "_minus"}, self._product)

    def _product(self) -> Code:
        return self._arithmetic({"*": "_times", "%": "_rest"}, self._unary)

    def _arithmetic(self, signs: Mapping[str, str], inner: Callable[[], Code]) -> Code:
        left = inner()
        while self._peek() in signs:
            name = signs[self._take()]
            left = f"{name}({left[0]}, {inner()[0]})", False
        return left

    def _unary(self) -> Code:
        if self._peek() == "!":
            self._take()
            return f"(not {self._truth(self._unary())})", True
        if self._peek() == "-":
            self._take()
            return f"_negative({self._unary()[0]})", False
        return self._member()

    def _member(self) -> Code:
        found = self._primary()
        while self._peek() in {".", "["}:
            if self._take() == "[":
                found = f"_at({found[0]}, {self._ternary()[0]})", False
                self._take("]")
                continue
            name = self._name()
            found = self._method(found[0], name) if self._peek() == "(" else (f"{found[0]}[{name!r}]", False)
        return found

    def _name(self) -> str:
        name = self._take()
        if not name.isidentifier() or name in _KEYWORDS:
            raise _Unknown
        return name

    def _method(self, target: str, name: str) -> Code:
        self._take("(")
        if name in {"all", "exists", "map", "filter"}:
            return self._macro(target, name)
        if name not in _METHODS:
            raise _Unknown
        argument = self._ternary()[0]
        self._take(")")
        return f"{name}({target}, {argument})", True

    def _macro(self, target: str, name: str) -> Code:
        variable = self._name()
        self._take(",")
        self._fresh += 1
        before, mine = self._bound, f"v{self._fresh}"
        self._bound = {**before, variable: mine}
        body = self._ternary()
        self._bound = before
        self._take(")")
        items = f"for {mine} in _list({target})"
        match name:
            case "all":
                return f"all([{self._truth(body)} {items}])", True
            case "exists":
                return f"any([{self._truth(body)} {items}])", True
            case "map":
                return f"[{body[0]} {items}]", False
            case _:
                return f"[{mine} {items} if {self._truth(body)}]", False

    def _primary(self) -> Code:
        word = self._take()
        if word == "(":
            found = self._ternary()
            self._take(")")
            return f"({found[0]})", found[1]
        if word == "[":
            return f"[{', '.join(self._arguments(']'))}]", False
        if word[0] in "'\"":
            return repr(word[1:-1]), False
        if word.isdigit():
            if int(word) >= _INT64:
                raise _Unknown
            return str(int(word)), False
        if word in {"true", "false"}:
            return word.title(), True
        return self._named(word)

    def _named(self, word: str) -> Code:
        if self._peek() != "(":
            if word not in self._bound:
                raise _Unknown
            return self._bound[word], False
        self._take("(")
        if word == "has":
            return self._has()
        arguments = self._arguments(")")
        if word not in _CALLS or len(arguments) != (2 if word in _PAIRS else 1):
            raise _Unknown
        return f"{word}({', '.join(arguments)})", word in _TRUTHS

    def _has(self) -> Code:
        """Translate ``has(a.b)``; its argument is a path of names."""
        path = [self._name()]
        while self._peek() == ".":
            self._take()
            path.append(self._name())
        self._take(")")
        if len(path) == 1 or path[0] not in self._bound:
            raise _Unknown
        parent = self._bound[path[0]] + "".join(f"[{name!r}]" for name in path[1:-1])
        return f"_has({parent}, {path[-1]!r})", True

    def _arguments(self, end: str) -> list[str]:
        found: list[str] = []
        while self._peek() != end:
            found.append(self._ternary()[0])
            if self._peek() != end:
                self._take(",")
        self._take(end)
        return found


_RELATIONS: Final[Mapping[str, str]] = {
    "==": "_eq({0}, {1})",
    "!=": "(not _eq({0}, {1}))",
    "<": "_lt({0}, {1})",
    ">": "_lt({1}, {0})",
    "<=": "(not _lt({1}, {0}))",
    ">=": "(not _lt({0}, {1}))",
    "in": "_in({0}, {1})",
}


def _tokens(expression: str) -> list[str]:
    found: list[str] = []
    place = 0
    while place < len(expression.rstrip()):
        matched = _TOKEN.match(expression, place)
        if matched is None:
            raise _Unknown
        found.append(matched.group().strip())
        place = matched.end()
    return found


def _translated(expression: str) -> str | None:
    try:
        return _Translator(expression).translate()
    except (_Unknown, RecursionError):
        return None


def quick_look(rules: Sequence[CelRule]) -> tuple[Quick, tuple[CelRule, ...]]:
    """
    Return a quick look over rules, and those that it leaves to CEL altogether (快速判定).

    The look returns True when all rules but those left hold; anything else, and any exception of ``OPEN``, tells
    nothing.
    """
    translated = [(rule, _translated(rule.expression)) for rule in rules]
    parts = [text for _, text in translated if text is not None]
    left = tuple(rule for rule, text in translated if text is None)
    names: dict[str, object] = {**_NAMES, **_METHODS, **_CALLS, "__builtins__": {"all": all, "any": any}}
    source = f"lambda payload, event_date: {' and '.join(parts) or 'True'}"
    try:
        # The text holds names of the tables above, subscripts and literals; nothing of the expression as it was.
        look = cast("Quick", eval(source, names))  # noqa: S307
    except (SyntaxError, MemoryError, RecursionError):  # nested deeper than Python compiles
        return _tells_nothing, tuple(rules)
    return look, left


def _tells_nothing(_payload: Json, _event_date: str) -> bool:
    return True
