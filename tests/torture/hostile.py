"""
Hostile text 恶意文本: forty payloads that do something when any program takes them for code, and ways to put them into
every text that a signed record, a page or a letter can carry.
"""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any, Final, Literal
from zlib import crc32

SCHEMAS: Final = Path(__file__).parents[2] / "schemas"

MARK: Final = "th("
"""Every payload calls ``th(number)``: the browser's canary when it runs, and what to look for where it is shown."""

_TEMPLATES: Final = (
    # plain mark-up
    "<script>th(¤)</script>",
    "<script src=~/x.js?¤></script>th(¤)",
    "<img src=x onerror=th(¤)>",
    "<img src=~/i.png?¤>th(¤)",
    "<svg onload=th(¤)>",
    "<svg><script>th(¤)</script></svg>",
    "<svg><use href=~/s.svg#¤></use></svg>th(¤)",
    "<iframe src=javascript:th(¤)></iframe>",
    "<iframe srcdoc='<script>parent.th(¤)</script>'></iframe>",
    "<object data=~/o?¤></object>th(¤)",
    "<embed src=~/e?¤>th(¤)",
    "<link rel=stylesheet href=~/c.css?¤>th(¤)",
    "<link rel=attachment href=file:///etc/hostname>th(¤)",
    "<style>@import url(~/c.css?¤);</style>th(¤)",
    '<p style="background:url(~/b.png?¤)">th(¤)</p>',
    "<base href=~/>th(¤)",
    "<meta http-equiv=refresh content='0;url=~/?¤'>th(¤)",
    "<body onload=th(¤)>",
    "<details open ontoggle=th(¤)>x</details>",
    "<input autofocus onfocus=th(¤)>",
    "<video><source src=~/v onerror=th(¤)></video>",
    "<audio src=~/a?¤ onerror=th(¤)></audio>",
    "<math><mtext></mtext><mglyph><img src=x onerror=th(¤)></mglyph></math>",
    "<a href=javascript:th(¤)>th(¤)</a>",
    "<form action=~/f><button>th(¤)</button></form>",
    # out of an attribute, a script, a comment, a text area, a title
    '"><script>th(¤)</script>',
    "'><img src=x onerror=th(¤)>",
    '" autofocus onfocus="th(¤)',
    "' onmouseover='th(¤)' style='position:fixed;inset:0",
    "</script><script>th(¤)</script>",
    "</title></textarea></style><img src=x onerror=th(¤)>",
    "--><script>th(¤)</script><!-- th(¤)",
    "javascript:th(¤)",
    "data:text/html,<script>th(¤)</script>",
    # what a template, a second decoding or a helper library would make of it
    "{{constructor.constructor('th(¤)')()}}${th(¤)}{% raw %}",
    "&lt;img src=x onerror=th(¤)&gt;&#60;script&#62;th(¤)",
    "%3Cscript%3Eth(¤)%3C/script%3E",
    "＜script＞th(¤)＜/script＞",
    "<div hx-get=~/h hx-trigger=load hx-on::load=th(¤) data-copy='\"th(¤)'>",
    '<noscript><p title="</noscript><img src=x onerror=th(¤)>">',
)
PAYLOADS: Final = len(_TEMPLATES)
BLOCK: Final = 8
"""How many payloads one long text carries in the short form; in turn each of them comes first somewhere."""

COMPUTED: Final = frozenset({"evaluation_report", "guarantee_letter", "guarantee_decision"})
"""Families whose text the platform or another party computes: they carry the hostile names of their parts."""

_NAME, _LINE = 200, 300


class Texts:
    """The payloads of one run 载荷: number ``n`` calls ``th(n)`` or fetches from the canary at ``origin``."""

    def __init__(self, origin: str) -> None:
        self.all = tuple(t.replace("¤", str(n)).replace("~", origin) for n, t in enumerate(_TEMPLATES))
        assert max(map(len, self.all)) * 2 < _NAME

    def one(self, n: int) -> str:
        return self.all[n % PAYLOADS]

    def block(self, n: int) -> str:
        """Return a block of payloads in a turn that differs with ``n``; over forty numbers each comes first once."""
        first = n % PAYLOADS // BLOCK * BLOCK
        return " ".join(self.all[first + (n + i) % BLOCK] for i in range(BLOCK))

    def blocks(self, n: int) -> list[str]:
        """Return all payloads in five texts."""
        return [self.block(start + n % BLOCK) for start in range(0, PAYLOADS, BLOCK)]

    def like(self, text: str, shift: int, most: int) -> str:
        """Return what stands for a text: the same for the same text, another with every ``shift``."""
        n = crc32(text.encode()) + shift
        if most > _LINE:
            return self.block(n)
        return f"{self.one(n)} {self.one(n + PAYLOADS // 2)}" if most >= _NAME else self.one(n)


# --- records ---------------------------------------------------------------------------------------------------


def in_record(family: str, payload: Mapping[str, Any], put: Callable[[str, int], str]) -> Any:
    """Return a payload with every free text replaced, as far as its schema lets anybody write what they like."""
    if family in COMPUTED:
        return payload
    schemas = {"": _schema(f"records/{family}"), "common": _schema("common")}
    return _twisted(payload, schemas[""], "", schemas, put)


@cache
def _schema(name: str) -> Any:
    newest = max((SCHEMAS / name).glob("*/schema.json"), key=lambda p: [int(x) for x in p.parent.name.split(".")])
    return json.loads(newest.read_text("utf-8"))


def _twisted(value: Any, schema: Any, home: str, schemas: Mapping[str, Any], put: Callable[[str, int], str]) -> Any:
    while "$ref" in schema:
        place, _, pointer = schema["$ref"].partition("#/$defs/")
        home = "common" if place else home
        schema = schemas[home]["$defs"][pointer]
    if isinstance(value, str):
        return put(value, int(schema.get("maxLength", 0))) if _is_free(schema) and MARK not in value else value
    if isinstance(value, list) and isinstance(schema.get("items"), dict):
        return [_twisted(v, schema["items"], home, schemas, put) for v in value]
    if isinstance(value, dict):
        known = schema.get("properties", {})
        return {k: _twisted(v, known[k], home, schemas, put) if k in known else v for k, v in value.items()}
    return value


def _is_free(schema: Any) -> bool:
    closed = {"pattern", "enum", "const", "format", "x-codelist"} & schema.keys()
    return schema.get("type") == "string" and not closed and int(schema.get("maxLength", 0)) >= _NAME


# --- view models and printed data --------------------------------------------------------------------------------


def in_view(model: Any, put: Callable[[int], str]) -> Any:
    """Return a view model with every text in it replaced; words of a closed set and addresses stay."""
    return _view(model, None, "", put, count())


def _view(value: Any, hint: Any, name: str, put: Callable[[int], str], number: Iterator[int]) -> Any:
    if isinstance(value, str):
        return value if name.endswith("href") or _is_closed(hint) else put(next(number))
    if is_dataclass(value) and not isinstance(value, type):
        hints = typing.get_type_hints(type(value))
        changed = {f.name: _view(getattr(value, f.name), hints[f.name], f.name, put, number) for f in fields(value)}
        return replace(value, **changed)
    if isinstance(value, tuple):
        inner = next((a for a in typing.get_args(hint) if a is not Ellipsis), None)
        return tuple(_view(v, inner, name, put, number) for v in value)
    return value


def _is_closed(hint: Any) -> bool:
    if typing.get_origin(hint) is Literal:
        return True
    return isinstance(hint, types.UnionType) and any(_is_closed(a) for a in typing.get_args(hint))


PRINTED: Final = frozenset(
    {"name", "title", "explanation", "place", "project_name", "publisher", "family_title", "recommendation", "terms"}
    | {"venues", "lot_names", "names", "positions", "k", "family", "node"}
)
"""Members of printed data that hold free text, in lists and tables too."""


def in_print(value: Any, put: Callable[[], str], *, free: bool = False) -> Any:
    """Return printed data with every free text replaced."""
    if isinstance(value, str):
        return put() if free else value
    if isinstance(value, Mapping):
        codes = {"name"} if "aggregation" in value else set()  # the name of a method is a code
        return {k: v if k in codes else in_print(v, put, free=free or k in PRINTED) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [in_print(v, put, free=free) for v in value]
    return value
