"""A made-up second major of a real family, for tests of migration only: nothing like it is published."""

from __future__ import annotations

import copy
import json
import shutil
from pathlib import Path
from typing import Any

from standards import mini
from tradehall_standards.build import build
from tradehall_standards.sources import default_root

FAMILY = "award_notice"
COMMON = "https://tradehall.example/schemas/common/1.0.0#/$defs/"
REASONS = {"declined": "gave_up"}

SCHEMA: dict[str, Any] = {
    "$schema": mini.DIALECT,
    "$id": f"{mini.HOST}{FAMILY}/2.0.0",
    "x-disclosure": "public",
    "type": "object",
    "additionalProperties": False,
    "required": ["lot_id", "winner", "bid", "price_wan", "rank", "language"],
    "properties": {
        "lot_id": {"$ref": f"{COMMON}LotId"},
        "winner": {"$ref": f"{COMMON}Organisation"},
        "bid": {
            "type": "object",
            "additionalProperties": False,
            "required": ["kind", "key"],
            "properties": {
                "kind": {"type": "string", "const": "b", "maxLength": 1},
                "key": {"type": "string", "pattern": "^[a-z2-7]{26}$", "maxLength": 26},
            },
        },
        "price_wan": {"type": "string", "pattern": "^(0|[1-9][0-9]{0,10})\\.[0-9]{6}$", "maxLength": 18},
        "rank": {"type": "integer", "minimum": 1, "maximum": 3},
        "why": {"type": "string", "enum": ["gave_up", "unlawful"], "maxLength": 10},
        "language": {"type": "string", "enum": ["zh", "en"], "maxLength": 2},
    },
}
TITLES = {
    "": "中标结果公告",
    "/properties/lot_id": "标段",
    "/properties/winner": "中标人",
    "/properties/bid": "投标",
    "/properties/bid/properties/kind": "类型",
    "/properties/bid/properties/key": "编号",
    "/properties/price_wan": "中标价（万元）",
    "/properties/rank": "排名",
    "/properties/why": "原因",
    "/properties/language": "语言",
}
UP: list[dict[str, Any]] = [
    {"op": "move", "from": "/lot", "to": "/lot_id"},
    {"op": "split", "from": "/submission", "into": ["/bid/kind", "/bid/key"], "by": "-"},
    {"op": "take", "path": "/price/currency", "value": "CNY"},
    {"op": "move", "from": "/price/amount", "to": "/price_wan"},
    {"op": "scale", "path": "/price_wan", "divide": "10000", "places": [2, 6]},
    {"op": "map", "path": "/reason", "codes": REASONS},
    {"op": "move", "from": "/reason", "to": "/why"},
    {"op": "put", "path": "/language", "value": "zh"},
    {
        "op": "drop",
        "path": "/publicity",
        "reason": {"zh": "改由公示记录引用", "en": "now cited by the publicity itself"},
    },
]
OLD: dict[str, Any] = {
    "lot": "L1",
    "winner": {"id": "org:9151010000T000118Y", "name": "示例市政工程集团有限公司"},
    "submission": "b-on3tqeuocuaaxgx4cxeif5otvy",
    "price": {"amount": "18650000.00", "currency": "CNY"},
    "rank": 2,
    "reason": "declined",
    "publicity": "sha256:" + "c" * 64,
}
NEW: dict[str, Any] = {
    "lot_id": "L1",
    "winner": {"id": "org:9151010000T000118Y", "name": "示例市政工程集团有限公司"},
    "bid": {"kind": "b", "key": "on3tqeuocuaaxgx4cxeif5otvy"},
    "price_wan": "1865.000000",
    "rank": 2,
    "why": "gave_up",
    "language": "zh",
}
MIGRATION: dict[str, Any] = {
    "from": "1.0.0",
    "to": "2.0.0",
    "up": UP,
    "down": "inverse",
    "tests": [{"old": OLD, "new": NEW, "lost": ["/publicity"]}],
}


def write(root: Path, migration: Any = MIGRATION, schema: Any = None) -> Path:
    """Sources of a catalogue of one real family and its made-up second major."""
    for name in ("common", "codelists", "parameters", "calendars"):
        shutil.copytree(default_root() / name, root / name, ignore=shutil.ignore_patterns("manifest.json"))
    home = root / "records" / FAMILY
    shutil.copytree(
        default_root() / "records" / FAMILY / "1.0.0", home / "1.0.0", ignore=shutil.ignore_patterns("manifest.json")
    )
    folder = home / "2.0.0"
    mini.put(folder / "schema.json", schema or SCHEMA)
    for language in ("zh", "en"):
        mini.put(folder / "i18n" / f"{language}.json", {key: {"title": text} for key, text in TITLES.items()})
    mini.put(folder / "examples" / "valid" / "plain.json", NEW)
    bad = {"payload": mini.changed(NEW, rank=None), "expect": {"pointer": "", "keyword": "required"}}
    mini.put(folder / "examples" / "invalid" / "no_rank.json", bad)
    if migration is not None:
        mini.put(folder / "migrate" / "from-1.json", migration)
    return root


def built(root: Path, **parts: Any) -> Path:
    build(write(root, **parts))
    return root


def changed(**parts: Any) -> Any:
    return copy.deepcopy({**MIGRATION, **parts})


def text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
