"""Shrinking (缩小反例): the smallest document nearby that is still a witness, and the words of a real record in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, cast

from tradehall_standards.compat.values import Value, type_of

Test = Callable[[Value], bool]
MAX_TESTS: Final = 3000
_FEW: Final = 24


def shrink(value: Value, is_witness: Test) -> Value:
    """
    Return a minimal witness (缩小).

    No member and no item of it can be left out, and no text or number made simpler by one of the steps below,
    without its ceasing to be a witness; unless ``MAX_TESTS`` were spent.
    """
    tests = 0
    found = True
    while found:
        found = False
        for candidate in _simpler(value):
            tests += 1
            if tests > MAX_TESTS:
                return value
            if is_witness(candidate):
                value, found = candidate, True
                break
    return value


def _simpler(value: Value) -> Iterator[Value]:
    """Yield values that are one step simpler, the largest steps first."""
    if isinstance(value, dict):
        yield from _simpler_object(value)
    elif isinstance(value, list):
        yield from _simpler_array(value)
    elif isinstance(value, str):
        yield from _simpler_text(value)
    elif type_of(value) == "number":
        yield from _simpler_number(cast("float", value))


def _simpler_object(value: dict[str, Value]) -> Iterator[Value]:
    for name in value:
        yield {other: item for other, item in value.items() if other != name}
    for name, item in value.items():
        for simpler in _simpler(item):
            yield {**value, name: simpler}


def _simpler_array(value: list[Value]) -> Iterator[Value]:
    if len(value) > _FEW:
        yield value[: len(value) // 2]
    for index in range(len(value) - 1, -1, -1):
        yield value[:index] + value[index + 1 :]
    for index, item in enumerate(value):
        for simpler in _simpler(item):
            yield [*value[:index], simpler, *value[index + 1 :]]


def _simpler_text(value: str) -> Iterator[Value]:
    if not value:
        return
    yield ""
    if len(value) > _FEW and set(value) != {value[0]}:
        yield value[0] * len(value)
    size = len(value) // 2
    while size:
        yield value[:size]
        yield value[size:]
        size //= 2
    if len(value) > 1:
        yield value[:-1]
        yield value[1:]
    if len(value) <= _FEW:
        for at in range(1, len(value) - 1):
            yield value[:at] + value[at + 1 :]


def _simpler_number(value: float) -> Iterator[Value]:
    whole = int(value)
    if whole != value:
        yield whole
    if value in {0, 1}:
        return
    yield 0
    yield 1
    if whole == value:
        if abs(whole) > _FEW:
            yield whole // 2 if whole > 0 else -(-whole // 2)
        yield whole - 1 if whole > 0 else whole + 1


def clothe(value: Value, sample: Value, is_witness: Test) -> Value:
    """
    Return the witness with the words of a real record where these fit (以真实记录填充).

    Texts and numbers are taken over at the same places, one by one; the shape stays that of the witness.
    """
    if isinstance(value, dict) and isinstance(sample, dict):
        dressed: Value = dict(value)
        for name in value.keys() & sample.keys():
            dressed = _put(dressed, name, clothe(_get(dressed, name), sample[name], _inside(dressed, name, is_witness)))
        return dressed
    if isinstance(value, list) and isinstance(sample, list):
        dressed = list(value)
        for index in range(min(len(value), len(sample))):
            inner = clothe(_get(dressed, index), sample[index], _inside(dressed, index, is_witness))
            dressed = _put(dressed, index, inner)
        return dressed
    if isinstance(value, (dict, list)) or type_of(value) != type_of(sample) or value == sample:
        return value
    return sample if is_witness(sample) else value


def _inside(around: Value, step: str | int, is_witness: Test) -> Test:
    return lambda inner: is_witness(_put(around, step, inner))


def _get(around: Value, step: str | int) -> Value:
    if isinstance(around, dict):
        return around[str(step)]
    return around[step] if isinstance(around, list) and isinstance(step, int) else None


def _put(around: Value, step: str | int, inner: Value) -> Value:
    if isinstance(around, dict):
        return {**around, str(step): inner}
    if isinstance(around, list) and isinstance(step, int):
        return [*around[:step], inner, *around[step + 1 :]]
    return around
