"""A small catalogue of one family, written to a folder, for tests that need to break something."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

HOST = "https://tradehall.example/schemas/"
DIALECT = "https://json-schema.org/draft/2020-12/schema"

COMMON: dict[str, Any] = {
    "$schema": DIALECT,
    "$id": f"{HOST}common/1.0.0",
    "$defs": {
        "Money": {
            "type": "object",
            "additionalProperties": False,
            "required": ["amount", "currency"],
            "properties": {
                "amount": {"type": "string", "pattern": "^(0|[1-9][0-9]{0,14})\\.[0-9]{2}$", "maxLength": 18},
                "currency": {"type": "string", "x-codelist": "currency"},
            },
        },
        "Party": {"type": "string", "maxLength": 64, "x-identifier": "party_id"},
    },
}
COMMON_TITLES = {
    "": "公用定义",
    "/$defs/Money": "金额",
    "/$defs/Money/properties/amount": "数额",
    "/$defs/Money/properties/currency": "币种",
    "/$defs/Party": "主体",
}
NOTICE: dict[str, Any] = {
    "$schema": DIALECT,
    "$id": f"{HOST}notice/1.0.0",
    "x-disclosure": "public",
    "type": "object",
    "additionalProperties": False,
    "required": ["title", "issued_at", "party", "lots"],
    "properties": {
        "title": {"type": "string", "minLength": 1, "maxLength": 20},
        "issued_at": {"type": "string", "format": "date-time", "maxLength": 29},
        "closes_on": {"type": "string", "format": "date", "maxLength": 10},
        "party": {"$ref": f"{HOST}common/1.0.0#/$defs/Party"},
        "secret": {"type": "string", "maxLength": 10, "x-disclosure": "panel"},
        "tags": {
            "type": "object",
            "additionalProperties": False,
            "maxProperties": 3,
            "patternProperties": {"^[a-z]{1,5}$": {"type": "string", "maxLength": 5}},
        },
        "lots": {
            "type": "array",
            "minItems": 1,
            "maxItems": 300,
            "uniqueItems": True,
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["id", "price"],
                "properties": {
                    "id": {"type": "string", "pattern": "^L[1-9][0-9]{0,2}$", "maxLength": 4},
                    "price": {"$ref": f"{HOST}common/1.0.0#/$defs/Money"},
                    "count": {"type": "integer", "minimum": 1, "maximum": 9},
                },
            },
        },
    },
}
NOTICE_TITLES = {
    "": "公告",
    "/properties/title": "标题",
    "/properties/issued_at": "发布时间",
    "/properties/closes_on": "截止日期",
    "/properties/party": "招标人",
    "/properties/secret": "内部说明",
    "/properties/tags": "标签",
    "/properties/lots": "标段",
    "/properties/lots/items/properties/id": "标段号",
    "/properties/lots/items/properties/price": "限价",
    "/properties/lots/items/properties/count": "数量",
}
RULES: list[dict[str, Any]] = [
    {
        "id": "NT-01",
        "rule": "distinct(self.lots.map(l, l.id))",
        "message": {"zh": "标段号重复", "en": "Lot ids repeat"},
        "clause": "招标投标法 19",
        "evidence": "F",
        "severity": "block",
        "pointer": "/lots",
        "examples": {"valid": [{"lots": [{"id": "L1"}]}], "invalid": [{"lots": [{"id": "L1"}, {"id": "L1"}]}]},
    }
]
GOOD: dict[str, Any] = {
    "title": "公告",
    "issued_at": "2026-03-02T09:00:00.000+08:00",
    "party": "org:914403001922038216",
    "lots": [{"id": "L1", "price": {"amount": "100.00", "currency": "CNY"}}],
}
CURRENCIES: dict[str, Any] = {
    "list": "currency",
    "version": "2026-01-01",
    "title": {"zh": "币种", "en": "Currency"},
    "closed": True,
    "rows": [
        {
            "code": code,
            "label": {"zh": zh, "en": en},
            "valid_from": start,
            "valid_to": end,
            "replaced_by": by,
            "source": "GB/T 12406",
        }
        for code, zh, en, start, end, by in [
            ("CNY", "人民币", "Yuan", "2000-01-01", None, None),
            ("DEM", "马克", "Mark", "2000-01-01", "2002-01-01", "EUR"),
            ("EUR", "欧元", "Euro", "2002-01-01", None, None),
        ]
    ],
}


def put(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1), encoding="utf-8")


def get(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def changed(document: Any, **changes: Any) -> Any:
    """A deep copy with members set; ``None`` removes one."""
    found = {**copy.deepcopy(document), **changes}
    return {key: value for key, value in found.items() if value is not None}


def write(root: Path) -> Path:
    """Write sources without manifests or index."""
    record, common = root / "records" / "notice" / "1.0.0", root / "common" / "1.0.0"
    put(common / "schema.json", COMMON)
    put(record / "schema.json", NOTICE)
    put(record / "rules.json", RULES)
    for language in ("zh", "en"):
        put(common / "i18n" / f"{language}.json", {key: {"title": text} for key, text in COMMON_TITLES.items()})
        put(record / "i18n" / f"{language}.json", {key: {"title": text} for key, text in NOTICE_TITLES.items()})
    put(record / "examples" / "valid" / "plain.json", GOOD)
    bad = {"payload": changed(GOOD, title=None), "expect": {"pointer": "", "keyword": "required"}}
    put(record / "examples" / "invalid" / "no_title.json", bad)
    put(root / "codelists" / "currency" / "2026-01-01.json", CURRENCIES)
    put(root / "parameters" / "none.json", {"regime": "none", "rules": []})
    return root
