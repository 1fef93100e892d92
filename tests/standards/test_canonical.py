from __future__ import annotations

from types import MappingProxyType
from typing import Any

import pytest
import rfc8785
from hypothesis import given

from standards.test_strict import JSON
from tradehall_standards import canonical, strict
from tradehall_standards.canonical import NotCanonicalError, digest, jcs


@given(JSON)
def test_sorted_dump_is_exactly_rfc_8785(value: Any) -> None:
    assert jcs(value) == rfc8785.dumps(value)


@given(JSON)
def test_canonical_bytes_are_a_fixed_point(value: Any) -> None:
    assert jcs(strict.parse(jcs(value))) == jcs(value)


@pytest.mark.parametrize(
    "value",
    [
        1.0,
        {"a": [0.5]},
        float("nan"),
        {"标": 1},
        {1: 2},
        2**53,
        -(2**53),
        {"a": object()},
        b"bytes",
        {"a": {1, 2}},
        "\ud800",
    ],
)
def test_what_has_no_canonical_form_is_refused(value: Any) -> None:
    with pytest.raises(NotCanonicalError):
        jcs(value)


def test_depth_is_refused_and_never_overflows() -> None:
    value: Any = 1
    for _ in range(100_000):
        value = [value]
    with pytest.raises(NotCanonicalError):
        jcs(value)


def test_read_only_values_have_the_form_of_their_contents() -> None:
    assert jcs(MappingProxyType({"b": (1, True), "a": None})) == b'{"a":null,"b":[1,true]}'


def test_digest_is_sha_256_of_the_canonical_bytes() -> None:
    assert digest({}) == "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    assert digest({"b": 1, "a": 2}) == "sha256:" + canonical.sha256_hex(b'{"a":2,"b":1}')
