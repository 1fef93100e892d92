from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradehall_standards import StrictError, strict
from tradehall_standards.strict import MAX_BYTES, parse


def code_of(data: bytes) -> str:
    with pytest.raises(StrictError) as caught:
        parse(data)
    assert caught.value.message_zh
    assert caught.value.message_en.isascii() or "U+" in caught.value.message_en or "±" in caught.value.message_en
    return caught.value.code


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b'{"a":1,"a":2}', "DUPLICATE_KEY"),
        (b'{"a":{"b":1,"c":2,"b":1}}', "DUPLICATE_KEY"),
        (b'{"a":1,"\\u0061":2}', "DUPLICATE_KEY"),
        (b"[1.0]", "FLOAT"),
        (b"[1e5]", "FLOAT"),
        (b"[1E400]", "FLOAT"),
        (b"[0.01]", "FLOAT"),
        (b"[-0]", "NEGATIVE_ZERO"),
        (b"[-0.0]", "FLOAT"),
        (b"[NaN]", "NOT_A_NUMBER"),
        (b"[Infinity]", "NOT_A_NUMBER"),
        (b"[-Infinity]", "NOT_A_NUMBER"),
        (b"[9007199254740992]", "INTEGER_RANGE"),
        (b"[-9007199254740992]", "INTEGER_RANGE"),
        (b"[" + b"9" * 5000 + b"]", "INTEGER_RANGE"),
        (b'["\\u0000"]', "CONTROL_CHARACTER"),
        (b'["a\\nb"]', "CONTROL_CHARACTER"),
        (b'{"a\\tb":1}', "CONTROL_CHARACTER"),
        (b'["\x7f"]', "CONTROL_CHARACTER"),
        ('["\x85"]'.encode(), "CONTROL_CHARACTER"),
        (b'["\\u009f"]', "CONTROL_CHARACTER"),
        (b'["a\x01"]', "SYNTAX"),
        (b'["a\n"]', "SYNTAX"),
        (b'["\\ud800"]', "LONE_SURROGATE"),
        (b'["\\udc00\\ud800"]', "LONE_SURROGATE"),
        (b'["\xed\xa0\x80"]', "NOT_UTF8"),
        (b'["\xff"]', "NOT_UTF8"),
        (b'\xef\xbb\xbf{"a":1}', "BYTE_ORDER_MARK"),
        ('{"标题":1}'.encode(), "KEY_NOT_ASCII"),
        (b'{"\\u6807":1}', "KEY_NOT_ASCII"),
        (b"", "SYNTAX"),
        (b"{} {}", "SYNTAX"),
        (b"{}\x00", "SYNTAX"),
        (b"{'a':1}", "SYNTAX"),
        (b"[1,]", "SYNTAX"),
        (b"[01]", "SYNTAX"),
        (b"[+1]", "SYNTAX"),
        (b"\x0c{}", "SYNTAX"),
        ("\u00a0{}".encode(), "SYNTAX"),
        ("[１２]".encode(), "SYNTAX"),
        ("[1２]".encode(), "SYNTAX"),
        (b"/**/1", "SYNTAX"),
        (b"[" * 65 + b"]" * 65, "TOO_DEEP"),
        (b'{"a":' * 65 + b"1" + b"}" * 65, "TOO_DEEP"),
        (b'[{"a":' * 33 + b"1" + b"}]" * 33, "TOO_DEEP"),
        (b"[" * 1_000_000, "TOO_DEEP"),
        (b"[" * 900_000 + b"[" * 70 + b"]" * 70, "TOO_DEEP"),
        ((b"[" * 64 + b"]" * 64) * 8_000 + b"[" * 65, "TOO_DEEP"),
        ((b"[" * 64 + b"]" * 64) * 8_000, "SYNTAX"),
        (b'{"a":' * 300_000, "TOO_DEEP"),
        (b"[]" + b"[" * 100_000 + b"]" * 100_000, "TOO_DEEP"),
        (b'["\\"",' + b"[" * 100_000, "TOO_DEEP"),
        (b'["\\\\",' + b"[" * 100_000, "TOO_DEEP"),
        (b" " * (MAX_BYTES + 1), "TOO_LARGE"),
        (b'"\xf0\x9f\x98\x80' + b"\\ud83d" + b'"', "LONE_SURROGATE"),
    ],
)
def test_hostile_bytes_are_refused_by_name(data: bytes, code: str) -> None:
    assert code_of(data) == code


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 64 + b"]" * 64,
        b'["' + b"[" * 1000 + b'"]',
        b'["\\"' + b"[" * 1000 + b'"]',
        b'["' + b"\\\\" * 100 + b'",' + b"[" * 60 + b"]" * 60 + b"]",
        b"[9007199254740991,-9007199254740991,0]",
        b' {"a":[true,false,null,""],"b":"\\u6807\xe9\xa2\x98\\u00e9\\/\\ud83d\\ude00"} \r\n\t',
        '"\U0001f600\u2028"'.encode(),
    ],
)
def test_lawful_documents_are_read_as_the_standard_library_reads_them(data: bytes) -> None:
    assert parse(data) == json.loads(data)


def test_the_place_of_the_fault_is_told() -> None:
    with pytest.raises(StrictError) as caught:
        parse(b'{"a": ["1.5", 1.5]}')
    assert caught.value.offset == 14
    with pytest.raises(StrictError) as caught:
        parse(b'{"a/b": ["x", "\\u0007"]}')
    assert caught.value.pointer == "/a~1b/1"


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"))),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=8), inner, max_size=5)
    ),
    max_leaves=30,
)


@given(JSON, st.booleans())
def test_every_lawful_value_survives_the_round_trip(value: Any, ascii_only: bool) -> None:
    assert parse(json.dumps(value, ensure_ascii=ascii_only).encode()) == value


@settings(max_examples=400)
@given(st.binary(max_size=80) | st.text(alphabet='{}[]",:\\0123456789.eE+-ntfu alsrN标', max_size=80).map(str.encode))
def test_anything_at_all_is_read_or_refused(data: bytes) -> None:
    try:
        value = parse(data)
    except StrictError:
        return
    assert value == json.loads(data)


def test_numbers_inside_are_never_floats() -> None:
    assert all(type(item) is int for item in strict.as_array(parse(b"[1,2,-3]")))


@given(st.lists(st.sampled_from(["[", '{"a":']), min_size=50, max_size=80), st.integers(0, 3))
def test_depth_is_counted_exactly(openings: list[str], before: int) -> None:
    closings = ["]" if opening == "[" else "}" for opening in reversed(openings)]
    text = "[" + "[[]]," * before + "".join(openings) + "1" + "".join(closings) + "]"
    if len(openings) + 1 <= strict.MAX_DEPTH:
        assert parse(text.encode()) == json.loads(text)
    else:
        assert code_of(text.encode()) == "TOO_DEEP"


def test_a_line_feed_is_taken_only_where_asked_for():
    data = b'{"checkpoint":"a\\nb"}'
    with pytest.raises(StrictError, match=r"CONTROL_CHARACTER|U\+000A"):
        parse(data)
    assert parse(data, newlines=True) == {"checkpoint": "a\nb"}
    for bad in (b'{"a\\nb":1}', b'{"a":"\\r"}', b'{"a":"\\u0085"}'):
        with pytest.raises(StrictError):
            parse(bad, newlines=True)


# --- the quick way in -------------------------------------------------------------------------------------------


def _outcome(way: Callable[[bytes], Any], data: bytes) -> Any:
    try:
        return "value", repr(way(data))
    except StrictError as problem:
        return problem.code, problem.offset, problem.pointer


def carefully(data: bytes) -> Any:
    return strict._carefully(data, newlines=False)


@pytest.mark.parametrize(
    "data",
    [
        *(b'{"a":1,"a":2}', b'{"a":1,"b":2,"a":1}', b"[-0]", b"[1.5]", b"[1e5]", b'["\\u0061"]', b'["\x7f"]', b"[1] "),
        *(b"[9007199254740992]", '{"标":1}'.encode(), '["\x85"]'.encode(), b"[18446744073709551616]", b'{"a": 1}'),
    ],
)
def test_the_quick_way_leaves_every_doubt_to_the_careful_one(data: bytes) -> None:
    assert strict._quickly(data) is None


def test_records_as_they_are_sent_take_the_quick_way() -> None:
    sent = '{"a":[1,-2,{"b":"标书"}],"c":null,"d":true}'.encode()
    assert strict._quickly(sent) == ({"a": [1, -2, {"b": "标书"}], "c": None, "d": True},)


_PIECES = [
    b"{", b"}", b"[", b"]", b",", b":", b'"', b'"a"', b'"b":', b'{"a":1}', b"1", b"0", b"-0", b"-", b"1.0", b"1e5", b".5", b"9" * 16,
    b"true", b"null", b"NaN", b" ", b"\n", b"\\", b"\\u0001", b"\\ud800", b"\x00", b"\x7f", b"\xc2\x80", b"\xc2\xb7", b"\xef\xbb\xbf",
    "中".encode(), '"é":'.encode(), b'"1.5,"', b"\xff", b"[" * 65, b"]" * 65,
]  # fmt: skip


@given(st.lists(st.sampled_from(_PIECES), max_size=12).map(b"".join))
def test_the_quick_way_gives_what_the_careful_one_gives(data):
    assert _outcome(parse, data) == _outcome(carefully, data)


@given(st.recursive(
    st.none() | st.booleans() | st.integers(-(2**54), 2**54) | st.floats() | st.text(max_size=6) | st.sampled_from(["1.5,", "e5}", "·", "\x85"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=10,
))  # fmt: skip
def test_documents_are_read_quickly_as_they_are_carefully(value):
    for ascii_only, separators in ((False, (",", ":")), (True, (",", ":")), (False, (", ", ": "))):
        data = json.dumps(value, ensure_ascii=ascii_only, separators=separators).encode("utf-8", "surrogatepass")
        assert _outcome(parse, data) == _outcome(carefully, data)


def test_the_limit_is_the_caller_s():
    data = b'"' + b"x" * 100 + b'"'
    assert _outcome(lambda d: parse(d, limit=50), data)[0] == "TOO_LARGE"
    assert parse(data, limit=102) == "x" * 100
    big = b'"' + b"x" * strict.MAX_BYTES + b'"'
    assert _outcome(parse, big)[0] == "TOO_LARGE"
    assert len(cast("str", parse(big, limit=len(big)))) == strict.MAX_BYTES
