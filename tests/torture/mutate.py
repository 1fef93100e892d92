"""Spoiling valid requests 请求变异: by bytes, by structure, by header, path, query and cut; everything from one seed."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tradehall.kernel.signing import Signer, sign_detached
from tradehall_standards import StrictError, canonical, strict

JSON_TYPE = b"application/json"
DUPLICATE = "\x01"
"""Marks a key of a spoilt document that is written as the key it repeats."""


@dataclass(slots=True)
class Draft:
    """A request on its way to be spoilt; ``marks`` says by what."""

    route: str
    method: str
    path: bytes
    query: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes
    chunks: list[bytes] | None = None
    leaves: bool = False
    token: str = ""
    marks: list[str] = field(default_factory=list)

    def set_header(self, name: bytes, value: bytes) -> None:
        self.headers = [(k, v) for k, v in self.headers if k != name] + [(name, value)]

    @property
    def content_type(self) -> bytes:
        return next((v for k, v in self.headers if k == b"content-type"), b"")

    def tell(self) -> str:
        """Return the request in a form that can be sent again."""
        headers = [(k.decode("latin-1"), v.decode("latin-1")[:80]) for k, v in self.headers if k != b"authorization"]
        shown = self.body if len(self.body) <= 300 else self.body[:300] + b"..."
        return f"{'+'.join(self.marks)} {self.method} {self.path[:200]!r} ?{self.query[:200]!r} {headers} {shown!r}"


WEIRD_TEXTS = (
    "",
    " ",
    "0",
    "-0",
    "1e5",
    "１２",
    "²",
    "٣",
    "9" * 30,
    "NaN",
    "sNaN",
    "1E400",
    "1_000",
    "-1.00",
    "0.005",
    "00.10",
    "19800000.001",
    "9" * 16 + ".00",
    "１９.００",
    "a" * 3000,
    "é",
    "é",
    "𠮷",
    "\u202e\u200b",
    "<script>alert(1)</script>",
    "'; DROP TABLE journal; --",
    "=1+1",
    "../../etc/passwd",
    "2026-02-30",
    "2026-06-01T09:30:00",
    "2026-06-01T09:30:60+08:00",
    "2026-06-01T24:00:00+08:00",
    "2026-06-01T09:30:00.9999999+08:00",
    "9999-12-31T23:59:59-14:00",
    "0001-01-01T00:00:00+14:00",
    "t-" + "a" * 26,
    "g-" + "b" * 26,
    "x-" + "b" * 26,
    "sha256:" + "0" * 64,
    "sha256:" + "A" * 64,
    "bid:" + "a" * 32,
    "node:chengdu",
    "open_tender",
    "\r\nX-Evil: 1",
    "{{7*7}}${7*7}%(x)s",
)
WEIRD_VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    1,
    2**31,
    2**53 - 1,
    -(2**53) + 1,
    [],
    {},
    [[]],
    [None],
    [{}],
    {"a": None},
    {"": ""},
    {"node:chengdu": "zz"},
    ["a"] * 300,
    [{"id": "L1"}] * 50,
)
SPICE = (
    b"\x00",
    b"\xff",
    b"\xc0\x80",
    b"\xed\xa0\x80",
    b"\xef\xbb\xbf",
    b"\xf4\x90\x80\x80",
    b"\\ud800",
    b"\\udc00\\ud800",
    b"\\u0000",
    b"\\x41",
    b"NaN",
    b"-Infinity",
    b"-0",
    b"1e999",
    b"1.0",
    b"9" * 400,
    b"9007199254740993",
    b"[" * 70,
    b'{"a":' * 70,
    b"]" * 70,
    b'"',
    b"\\",
    b",",
    b":",
    b"//",
    b"\r\n\r\n",
    b"\x1a",
    b"\x7f",
    b"\xe2\x80\xa8",
)
TYPES = (
    b"application/json",
    b"application/json; charset=utf-8",
    b"application/json; charset=utf-16",
    b"application/json; charset=gbk",
    b"application/json;charset",
    b"application/json; charset=utf-8; charset=utf-16",
    b"APPLICATION/JSON",
    b"application/json, text/plain",
    b"application/problem+json",
    b"application/x-www-form-urlencoded",
    b"application/x-www-form-urlencoded; charset=utf-16",
    b"multipart/form-data",
    b"multipart/form-data; boundary=",
    b"multipart/form-data; boundary=x",
    b"multipart/form-data; boundary=" + b"b" * 300,
    b'multipart/form-data; boundary="\xff"',
    b"multipart/mixed; boundary=x",
    b"application/octet-stream",
    b"application/xml",
    b"application/x-msgpack",
    b"application/zip",
    b"text/plain",
    b"text/html; charset=\xff",
    b"",
    b"/",
    b";;;",
    b"a" * 4000,
)
HEADER_NAMES = (
    b"accept",
    b"accept-language",
    b"accept-encoding",
    b"authorization",
    b"content-encoding",
    b"content-length",
    b"content-type",
    b"cookie",
    b"expect",
    b"forwarded",
    b"host",
    b"hx-request",
    b"idempotency-key",
    b"if-match",
    b"if-modified-since",
    b"if-none-match",
    b"last-event-id",
    b"origin",
    b"range",
    b"referer",
    b"sec-fetch-site",
    b"transfer-encoding",
    b"upgrade",
    b"upload-length",
    b"upload-offset",
    b"x-csrf-token",
    b"x-forwarded-for",
    b"x-forwarded-proto",
    b"x-http-method-override",
    b"x-request-id",
)
HEADER_VALUES = (
    b"",
    b"0",
    b"-1",
    b"1e5",
    b"\xb2",
    b"9" * 20,
    b"9" * 5000,
    b"a" * 9000,
    b"*",
    b'"x"',
    b'W/"' + b"0" * 64 + b'"',
    b"bytes=0-",
    b"bytes=9-1,2-",
    b"null",
    b"http://evil.example",
    b"http://[::1",
    b"cross-site",
    b"same-origin",
    b"Bearer",
    b"Bearer th_" + b"x" * 43,
    b"Basic \xff\xfe",
    b"th=" + b"y" * 43,
    b"th=a; th=b; lang=\xff",
    b"lang=en; lang=xx;;;=;",
    b"en;q=NaN, zh;q=9999, *;q=-1",
    b"zh;q=0.5" + b",en;q=0.1" * 500,
    b"gzip, deflate, br, \xff",
    b"text/html",
    b"chunked",
    b"100-continue",
    b"GET",
    b"\x00\x01",
    b"\r\nSet-Cookie: x=y",
    b"hall.example:99999",
    b"../..",
    b"testserver.local",
)
QUERY_NAMES = (
    b"limit",
    b"after",
    b"q",
    b"stage",
    b"region",
    b"regime",
    b"sector",
    b"as_of",
    b"case",
    b"family",
    b"lot",
    b"session",
    b"record",
    b"linked",
    b"sealed",
    b"lang",
    b"letter",
    b"next",
    b"page",
    b"sort",
    b"size",
    b"v",
)
PIECES = (
    b"%00",
    b"%0d%0aSet-Cookie:x",
    b"%ff%fe",
    b"%ed%a0%80",
    b"%",
    b"%zz",
    b"%2f",
    b"..%2f..%2fetc%2fpasswd",
    b"%E5%BC%80",
    b"\xe5\xbc\x80",
    b"9" * 30,
    b"-1",
    b"1e5",
    b"%EF%BC%91",
    b"a" * 3000,
    b"%3Cscript%3E",
    b"%27%20OR%201=1--",
    b"+",
    b"&",
    b"=",
    b";",
    b"#",
    b"{}",
    b"[]",
    b"sha256:" + b"0" * 64,
    b"t-" + b"a" * 26,
    b"2026-02-30",
    b"9999-12-31",
    b"en",
)
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "get", "²", "")


class Mutator:
    """
    Spoils requests.

    Args:
        rng: all chance comes from here.
        bodies: whole bodies of other requests, to splice with.
        signers: token → signer, to sign a changed record again, so that it gets past the signature.
    """

    def __init__(self, rng: random.Random, bodies: Sequence[bytes], signers: dict[str, tuple[str, Signer]]) -> None:
        self.rng, self.bodies, self.signers = rng, bodies, signers
        self.kinds: tuple[tuple[Callable[[Draft], None], int], ...] = (
            (self.bytes_of_body, 5),
            (self.structure, 9),
            (self.signed_structure, 5),
            (self.headers, 4),
            (self.kind_of_content, 2),
            (self.form, 2),
            (self.query, 2),
            (self.path, 2),
            (self.method, 1),
            (self.depth, 1),
        )
        self._weights = [weight for _, weight in self.kinds]
        usual = (self._text, self._text, self._text, self._other, self._gone, self._more, self._twice)
        self._changes = (*usual, self._letter, self._wrapped, self._swapped, self._number)

    def spoil(self, draft: Draft) -> Draft:
        """Spoil a request in one to three ways, and cut its body."""
        for _ in range(self.rng.choice((1, 1, 1, 2, 3))):
            self.rng.choices(self.kinds, self._weights)[0][0](draft)
        self.cut(draft)
        return draft

    # --- bodies ---------------------------------------------------------------------------------------------------

    def bytes_of_body(self, draft: Draft) -> None:
        draft.marks.append("bytes")
        data = bytearray(draft.body)
        for _ in range(self.rng.choice((1, 1, 2, 4, 16))):
            at, way = self.rng.randrange(len(data) + 1), self.rng.randrange(7)
            if way == 0 and data:
                data[min(at, len(data) - 1)] ^= 1 << self.rng.randrange(8)
            elif way == 1:
                del data[at : at + self.rng.choice((1, 2, 8, 100))]
            elif way == 2:
                data[at:at] = self.rng.choice(SPICE)
            elif way == 3:
                data[at:at] = data[at : at + self.rng.choice((1, 10, 200))]
            elif way == 4:
                del data[at:]
            elif way == 5 and self.bodies:
                other = self.rng.choice(self.bodies)
                data[at:] = other[self.rng.randrange(len(other) + 1) :]
            else:
                data[at:at] = self.rng.randbytes(self.rng.choice((1, 3, 40)))
        draft.body = bytes(data[:3_500_000])

    def structure(self, draft: Draft) -> None:
        value = _parsed(draft.body)
        if value is None:
            self.bytes_of_body(draft)
            return
        draft.marks.append("structure")
        for _ in range(self.rng.choice((1, 1, 1, 2, 5))):
            value = self._changed(value)
        draft.body = _written(value)

    def signed_structure(self, draft: Draft) -> None:
        """Change a record and sign it again with its author's key: only what it says can refuse it now."""
        value = _parsed(draft.body)
        envelope = value.get("envelope") if isinstance(value, dict) else None
        known = self.signers.get(draft.token)
        if not isinstance(envelope, dict) or known is None or not isinstance(envelope.get("payload"), dict):
            self.structure(draft)
            return
        party, signer = known
        envelope["author"] = envelope["filed_by"] = party
        envelope["nonce"] = "".join(self.rng.choices("abcdefghijklmnop", k=22))
        place = "payload" if self.rng.random() < 0.85 else self.rng.choice(("attachments", "schema", "case"))
        envelope[place] = self._changed(envelope.get(place), most=2)
        try:
            content = canonical.jcs(strict.parse(_written(envelope)))
            value["signature"] = sign_detached(content, signer)
        except (StrictError, ValueError, TypeError):
            pass
        draft.marks.append("signed")
        draft.body = _written(value)

    def depth(self, draft: Draft) -> None:
        draft.marks.append("depth")
        levels = self.rng.choice((60, 63, 64, 65, 66, 100, 300, 2000, 2000, 20_000, 900_000))
        opening, closing = self.rng.choice(((b"[", b"]"), (b'{"a":', b"}"), (b'[{"a":', b"}]")))
        inner = draft.body if self.rng.random() < 0.3 else b"1"
        levels = min(levels, 3_400_000 // len(opening))
        whole = opening * levels + inner + closing * (levels if self.rng.random() < 0.7 else levels // 2)
        draft.body = whole[:3_500_000]

    def form(self, draft: Draft) -> None:
        draft.marks.append("form")
        if self.rng.random() < 0.4:
            names = ("csrf", "username", "password", "next", "text", "file", "", "a" * 300)
            pairs = [
                (self.rng.choice(names), self.rng.choice(WEIRD_TEXTS)) for _ in range(self.rng.choice((0, 1, 4, 30)))
            ]
            draft.body = b"&".join(
                n.encode() + self.rng.choice((b"=", b"", b"==")) + v.encode("utf-8", "replace") for n, v in pairs
            )
            draft.set_header(b"content-type", b"application/x-www-form-urlencoded")
            return
        mark = self.rng.choice((b"x", b"b" * 70, b"----WebKitFormBoundary7MA4YWxkTrZu0gW"))
        parts = []
        for _ in range(self.rng.choice((0, 1, 2, 3, 40, 300))):
            name = self.rng.choice(
                (b'"file"', b'"text"', b'"csrf"', b"file", b'"fi\r\nle"', b'"\xff"', b'"' + b"n" * 2000)
            )
            filename = self.rng.choice(
                (b"", b'; filename="a.pdf"', b'; filename="../../x"', b"; filename*=utf-16''%ff%fe")
            )
            kind = self.rng.choice(
                (b"", b"Content-Type: application/pdf\r\n", b"Content-Transfer-Encoding: base64\r\n")
            )
            content = self.rng.choice((*self.bodies[:20], b"%PDF-1.7\n", b"PK\x03\x04", b"", b"\x00" * 400))[:5000]
            parts.append(
                b"Content-Disposition: form-data; name=" + name + filename + b"\r\n" + kind + b"\r\n" + content
            )
        ending = self.rng.choice((b"--\r\n", b"--", b"", b"\r\n", b"-"))
        line = self.rng.choice((b"\r\n", b"\r\n", b"\n"))
        draft.body = b"".join(b"--" + mark + line + part + line for part in parts) + b"--" + mark + ending
        draft.set_header(b"content-type", b"multipart/form-data; boundary=" + mark)

    def _changed(self, value: Any, *, most: int = 1) -> Any:
        """Change one place somewhere inside a value, or ``most`` of them."""
        for _ in range(self.rng.randint(1, most)):
            places = _places(value)
            if not places:
                return copy.deepcopy(self.rng.choice(WEIRD_VALUES))
            holder, key = self.rng.choice(places)
            self.rng.choice(self._changes)(holder, key, places)
        return value

    def _text(self, holder: Any, key: Any, _: Any) -> None:
        holder[key] = self.rng.choice(WEIRD_TEXTS)

    def _other(self, holder: Any, key: Any, _: Any) -> None:
        holder[key] = copy.deepcopy(self.rng.choice(WEIRD_VALUES))

    def _gone(self, holder: Any, key: Any, _: Any) -> None:
        del holder[key]

    def _more(self, holder: Any, key: Any, _: Any) -> None:
        if isinstance(holder, dict):
            holder[self.rng.choice(("a", "amount", "é", "__proto__", "k" * 500, ""))] = holder[key]
        elif len(holder) < 20 and not isinstance(holder[key], dict | list):
            holder.extend([holder[key]] * self.rng.choice((1, 20, 300)))

    def _twice(self, holder: Any, key: Any, _: Any) -> None:
        if isinstance(holder, dict):
            holder[DUPLICATE + key] = self.rng.choice(("", None, "x"))

    def _letter(self, holder: Any, key: Any, _: Any) -> None:
        if isinstance(holder[key], str):
            text, odd = holder[key], self.rng.choice(("\u0000", "\ud800", "\n", "０", "é", "\u200b", "x", ""))
            at = self.rng.randrange(len(text) + 1)
            holder[key] = text[:at] + odd + text[at + 1 :]

    def _wrapped(self, holder: Any, key: Any, _: Any) -> None:
        holder[key] = [holder[key]] if self.rng.random() < 0.5 else {"a": holder[key]}

    def _swapped(self, holder: Any, key: Any, places: Any) -> None:
        other, name = self.rng.choice(places)
        found = other[name] if name in _keys(other) else None
        holder[key] = None if isinstance(found, dict | list) else found

    def _number(self, holder: Any, key: Any, _: Any) -> None:
        holder[key] = self.rng.choice((1.5, float("nan"), 2**60, -(2**70), float("inf"), -0.0))

    # --- around the body ------------------------------------------------------------------------------------------

    def headers(self, draft: Draft) -> None:
        draft.marks.append("headers")
        for _ in range(self.rng.choice((1, 1, 2, 20))):
            pair = (self.rng.choice(HEADER_NAMES), self.rng.choice(HEADER_VALUES))
            if self.rng.random() < 0.7:
                draft.set_header(*pair)
            else:
                draft.headers.append(pair)

    def kind_of_content(self, draft: Draft) -> None:
        draft.marks.append("type")
        kind = self.rng.choice(TYPES)
        draft.set_header(b"content-type", kind)
        if b"utf-16" in kind and self.rng.random() < 0.5:
            draft.body = draft.body.decode("utf-8", "replace").encode("utf-16")

    def query(self, draft: Draft) -> None:
        draft.marks.append("query")
        pairs = [draft.query] if draft.query and self.rng.random() < 0.7 else []
        more = range(self.rng.choice((1, 2, 5, 200)))
        pairs.extend(self.rng.choice(QUERY_NAMES) + b"=" + self.rng.choice(PIECES) for _ in more)
        draft.query = b"&".join(pairs)[:20_000]

    def path(self, draft: Draft) -> None:
        draft.marks.append("path")
        parts = draft.path.split(b"/")
        at = self.rng.randrange(1, len(parts)) if len(parts) > 1 else 0
        way = self.rng.randrange(5)
        if way == 0:
            parts[at] = self.rng.choice(PIECES)
        elif way == 1:
            parts[at] += self.rng.choice(PIECES)
        elif way == 2:
            parts.insert(at, self.rng.choice((b"", b"..", b".", b"%2e%2e", *PIECES)))
        elif way == 3:
            del parts[at]
        else:
            data = bytearray(draft.path)
            data[self.rng.randrange(len(data))] ^= 1 << self.rng.randrange(7)
            parts = bytes(data).split(b"/")
        draft.path = b"/" + b"/".join(parts).lstrip(b"/")

    def method(self, draft: Draft) -> None:
        draft.marks.append("method")
        draft.method = self.rng.choice(METHODS)

    def cut(self, draft: Draft) -> None:
        """Cut the body in pieces; now and then the client leaves before the end, or lies about the length."""
        chance = self.rng.random()
        if chance < 0.25 and draft.body:
            marks = sorted(self.rng.randrange(len(draft.body) + 1) for _ in range(self.rng.choice((1, 2, 7))))
            draft.chunks = [draft.body[a:b] for a, b in zip([0, *marks], [*marks, len(draft.body)], strict=True)]
        if chance < 0.04:
            draft.leaves = True
            draft.chunks = (draft.chunks or [draft.body])[: self.rng.randint(0, 3)] or [b""]
        lies = self.rng.choice((0, 1, len(draft.body) + 1, 10**9, 10**18))
        length = lies if chance > 0.97 else len(draft.body)
        if not any(k in (b"content-length", b"transfer-encoding") for k, _ in draft.headers):
            draft.headers.append((b"content-length", str(length).encode()))


def _keys(holder: Any) -> Any:
    return holder if isinstance(holder, dict) else range(len(holder))


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Return every (holder, key) inside a value."""
    found, waiting = [], [value]
    while waiting:
        holder = waiting.pop()
        keys = (
            list(holder) if isinstance(holder, dict) else list(range(len(holder))) if isinstance(holder, list) else []
        )
        for key in keys[:400]:
            found.append((holder, key))
            waiting.append(holder[key])
    return found


def _parsed(body: bytes) -> Any:
    if len(body) > 60_000 or body[:1] not in (b"{", b"["):
        return None
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _written(value: Any) -> bytes:
    """Write JSON, marked keys as the keys they repeat, with lone surrogates as escapes."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"))
    return text.replace('"\\u0001', '"').encode("ascii")


def is_plain(body: bytes) -> bool:
    """
    Whether every parser reads a JSON body alike: an oracle much simpler than the strict parser.

    UTF-8 without a mark, no key twice, no number but whole ones of 53 bits, no lone surrogate.
    """
    plain = True

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal plain
        plain &= len({key for key, _ in found}) == len(found)
        return dict(found)

    def number(text: str) -> int:
        nonlocal plain
        plain &= text != "-0" and len(text) <= 17 and abs(int(text[:18])) < 2**53
        return 0

    def refused(_text: str) -> int:
        nonlocal plain
        plain = False
        return 0

    try:
        value = json.loads(
            body.decode("utf-8"),
            object_pairs_hook=pairs,
            parse_int=number,
            parse_float=refused,
            parse_constant=refused,
        )
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError):
        return False
    return plain
