"""Hostile schemas and instances: what catalogue.md section 3 and reliability.md H3 to H5 name, and their kin."""

from __future__ import annotations

import json
from typing import Any


def _dumps(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def _chain(depth: int, width: int = 2) -> dict[str, Any]:
    """Definitions that double at every step: 2^depth schemas when every reference is followed."""
    defs = {f"a{n}": {"allOf": [{"$ref": f"#/$defs/a{n + 1}"}] * width} for n in range(depth)}
    return {"$ref": "#/$defs/a0", "$defs": {**defs, f"a{depth}": {"type": "string", "maxLength": 9}}}


def _nested(keyword: str, depth: int) -> bytes:
    return (f'{{"{keyword}":' * depth + "true" + "}" * depth).encode()


SCHEMAS: dict[str, bytes] = {
    # references out of the document
    "http reference": _dumps({"$ref": "http://127.0.0.1:9/schema"}),
    "https reference": _dumps({"properties": {"a": {"$ref": "https://127.0.0.1:9/schema#/x"}}}),
    "file reference": _dumps({"$ref": "file:///etc/passwd"}),
    "file reference in an id": _dumps({"$id": "file:///etc/", "$ref": "passwd"}),
    "relative escape": _dumps({"$ref": "../../../etc/passwd"}),
    "reference with user and port": _dumps({"$ref": "http://user:secret@127.0.0.1:9/"}),
    "ftp reference": _dumps({"$ref": "ftp://127.0.0.1:9/x"}),
    "data reference": _dumps({"$ref": "data:application/json,true"}),
    "remote dynamic reference": _dumps({"$dynamicRef": "http://127.0.0.1:9/#x"}),
    "remote metaschema": _dumps({"$schema": "http://127.0.0.1:9/meta"}),
    "metaschema of another kind": _dumps({"$schema": 7}),
    "reference to nothing": _dumps({"$ref": "#/$defs/none"}),
    "reference into a text": _dumps({"title": "x", "$ref": "#/title"}),
    "reference that is no text": _dumps({"$ref": 5}),
    # references in circles
    "self": _dumps({"$ref": "#"}),
    "ring of two": _dumps({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}),
    "self under not": _dumps({"not": {"$ref": "#"}}),
    "self under allOf": _dumps({"allOf": [{"$ref": "#"}, {"type": "string"}]}),
    "self under if": _dumps({"if": {"$ref": "#"}, "then": False, "else": True}),
    "endless object": _dumps({"type": "object", "required": ["a"], "properties": {"a": {"$ref": "#"}}}),
    "anchor twice": _dumps({"$defs": {"a": {"$anchor": "x"}, "b": {"$anchor": "x"}}, "$ref": "#x"}),
    "dynamic anchors twice": _dumps(
        {"$defs": {"a": {"$dynamicAnchor": "x"}, "b": {"$dynamicAnchor": "x"}}, "$dynamicRef": "#x"}
    ),
    # bombs
    "allOf bomb 2^16": _dumps(_chain(16)),
    "allOf bomb 2^24": _dumps(_chain(24)),
    "allOf bomb 2^60": _dumps(_chain(60)),
    "anyOf bomb": _dumps(json.loads(_dumps(_chain(30)).replace(b"allOf", b"anyOf"))),
    "oneOf bomb": _dumps(json.loads(_dumps(_chain(20)).replace(b"allOf", b"oneOf"))),
    "oneOf of 200": _dumps({"oneOf": [{"minLength": n, "pattern": f"a{{{n}}}"} for n in range(200)]}),
    "anyOf of 2,000": _dumps({"anyOf": [{"const": n} for n in range(2000)]}),
    "enum of 20,000": _dumps({"enum": list(range(20_000))}),
    "enum of long texts": _dumps({"enum": ["x" * 10_000 + str(n) for n in range(50)]}),
    "5,000 properties": _dumps({"properties": {f"p{n}": {"type": "string"} for n in range(5000)}}),
    "1,000 pattern properties": _dumps({"patternProperties": {f"^p{n}.*$": {"minLength": n} for n in range(1000)}}),
    "deep items, many each": _dumps(
        {"minItems": 300, "items": {"minItems": 300, "items": {"minItems": 300, "items": {"type": "integer"}}}}
    ),
    "nested 60": _nested("not", 60),
    "nested 1,000": _nested("not", 1000),
    "nested 100,000": _nested("not", 100_000),
    "three megabytes": _dumps({"title": "x" * (3 << 20)}),
    # patterns
    "ReDoS (a+)+": _dumps({"type": "string", "pattern": "^(a+)+$"}),
    "ReDoS (a|a)*": _dumps({"type": "string", "pattern": "^(a|a)*b$"}),
    "ReDoS (.*)*": _dumps({"type": "string", "pattern": "^(.*)*$"}),
    "ReDoS nested stars": _dumps({"type": "string", "pattern": "^((a*)*)*b$"}),
    "huge counts": _dumps({"type": "string", "pattern": "^(a{1000}){1000}$"}),
    "exponential states": _dumps({"type": "string", "pattern": "^[ab]*a[ab]{200}$"}),
    "look-behind": _dumps({"type": "string", "pattern": "(?<=a)b"}),
    "back-reference": _dumps({"type": "string", "pattern": "^(a*)\\1$"}),
    "unbalanced pattern": _dumps({"type": "string", "pattern": "(("}),
    "pattern of 100,000": _dumps({"type": "string", "pattern": "a" * 100_000}),
    "pattern nested 5,000": _dumps({"type": "string", "pattern": "(" * 5000 + ")" * 5000}),
    "pattern of a surrogate": b'{"pattern":"\\ud800"}',
    "property pattern ReDoS": _dumps({"patternProperties": {"^(a+)+$": False}}),
    # numbers
    "tiny multipleOf": _dumps({"multipleOf": 1e-300}),
    "multipleOf zero": _dumps({"multipleOf": 0}),
    "huge exponent": b'{"maximum":1e400}',
    "NaN limit": b'{"maximum":NaN}',
    "huge integer": b'{"maximum":' + b"9" * 5000 + b"}",
    "huge minItems": _dumps({"type": "array", "minItems": 10**15}),
    "huge minLength": _dumps({"type": "string", "minLength": 10**15}),
    "huge minProperties": _dumps({"type": "object", "minProperties": 10**12}),
    # forms
    "duplicate keyword": b'{"type":"string","type":"integer"}',
    "wrong types": _dumps({"type": 5, "properties": [], "required": {}, "items": 7}),
    "required of objects": _dumps({"required": [{"a": 1}]}),
    "empty enum": _dumps({"enum": []}),
    "null schema": b"null",
    "array schema": b"[]",
    "byte-order mark": b"\xef\xbb\xbf{}",
    "not UTF-8": b'{"title":"\xff"}',
    "cut short": b'{"type":',
}

INSTANCES: dict[str, bytes] = {
    "nested 65": b"[" * 65 + b"]" * 65,
    "nested 1,000": b"[" * 1000 + b"]" * 1000,
    "nested 100,000": b"[" * 100_000 + b"]" * 100_000,
    "nested objects 100,000": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "duplicate key": b'{"a":1,"a":2}',
    "duplicate key below": b'{"b":[{"a":1,"a":2}]}',
    "duplicate key by escape": b'{"a":1,"\\u0061":2}',
    "NaN": b'{"a":NaN}',
    "infinity": b'{"a":-Infinity}',
    "overflow": b'{"a":1E400}',
    "float": b'{"a":0.1}',
    "negative zero": b'{"a":-0}',
    "large integer": b'{"a":9007199254740993}',
    "integer of 100,000 digits": b'{"a":' + b"9" * 100_000 + b"}",
    "leading zero": b'{"a":01}',
    "full-width digits": '{"a":"５１０１００"}'.encode(),
    "line feed at the end": b'{"a":"510100\\n"}',
    "NUL": b'{"a":"\\u0000"}',
    "lone surrogate": b'{"a":"\\ud800"}',
    "byte-order mark": b"\xef\xbb\xbf{}",
    "not UTF-8": b'{"a":"\xff"}',
    "UTF-16": '{"a":1}'.encode("utf-16"),
    "key outside ASCII": '{"键":1}'.encode(),
    "three megabytes": b'{"a":"' + b"x" * (3 << 20) + b'"}',
    "long run for ReDoS": b'{"a":"' + b"a" * 5000 + b'!"}',
    "3,000 equal items": _dumps({"list": [{"n": 1}] * 3000}),
    "3,000 different items": _dumps({"list": [{"n": n} for n in range(3000)]}),
    "20,000 unknown members": _dumps({f"k{n}": n for n in range(20_000)}),
    "empty": b"",
    "cut short": b'{"a":[1,',
    "two documents": b"{}{}",
}
"""What a record's bytes may try; they meet a schema with patterns, unique items and a closed object."""
