"""
Reading payloads (读取记录内容): small accessors for JSON whose shape the schema has already checked.

They never fail on a missing optional member; a guard that needs one says so itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, TypeAlias, cast

if TYPE_CHECKING:
    from tradehall_standards import Json

Obj: TypeAlias = "Mapping[str, Json]"


def obj(value: Json) -> Obj:
    """Return a JSON object; empty when it is absent."""
    return cast("Obj", value) if isinstance(value, dict) else {}


def rows(value: Json) -> list[Obj]:
    """Return a JSON array of objects; empty when it is absent."""
    return [cast("Obj", v) for v in value if isinstance(v, dict)] if isinstance(value, list) else []


def texts(value: Json) -> list[str]:
    """Return a JSON array of strings; empty when it is absent."""
    return [v for v in value if isinstance(v, str)] if isinstance(value, list) else []


def amount(value: Json) -> Decimal:
    """Return the amount of a money member; the schema has checked its form."""
    return Decimal(str(obj(value)["amount"]))
