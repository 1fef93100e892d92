"""Comparisons as JSON (结果的 JSON 形式), there and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from tradehall_standards.compat.comparing import Comparison, Verdict, Witness
from tradehall_standards.compat.differing import Change
from tradehall_standards.compat.values import Value
from tradehall_standards.compat.wording import change_words


def comparison_to_json(comparison: Comparison) -> dict[str, Any]:
    """Return a comparison as a JSON object (转为 JSON)."""
    return {
        "backward": verdict_to_json(comparison.backward),
        "forward": verdict_to_json(comparison.forward),
        "changes": [change_to_json(change) for change in comparison.changes],
    }


def verdict_to_json(verdict: Verdict) -> dict[str, Any]:
    """Return one verdict as a JSON object; ``witness`` is null unless refuted."""
    witness = verdict.witness
    return {
        "direction": verdict.direction,
        "outcome": verdict.outcome,
        "message": {"zh": verdict.message_zh, "en": verdict.message_en},
        "pointer": verdict.pointer,
        "reason": verdict.reason,
        "method": verdict.method,
        "witness": None
        if witness is None
        else {
            "document": witness.document,
            "place": witness.place,
            "keyword": witness.keyword,
            "refused_at": witness.refused_at,
        },
    }


def change_to_json(change: Change) -> dict[str, Any]:
    """Return one change as a JSON object."""
    zh, en = change_words(change)
    return {
        "pointer": change.pointer,
        "keyword": change.keyword,
        "action": change.action,
        "name": change.name,
        "old": change.old,
        "new": change.new,
        "is_note": change.is_note,
        "message": {"zh": zh, "en": en},
    }


def comparison_from_json(value: Mapping[str, Any]) -> Comparison:
    """Return the comparison that :func:`comparison_to_json` wrote (从 JSON 读取)."""
    changes = tuple(_change(change) for change in value["changes"])
    return Comparison(_verdict(value["backward"]), _verdict(value["forward"]), changes)


def _verdict(value: Mapping[str, Any]) -> Verdict:
    told: Mapping[str, Any] | None = value["witness"]
    witness = (
        None
        if told is None
        else Witness(cast("Value", told["document"]), told["place"], told["keyword"], told["refused_at"])
    )
    return Verdict(
        value["direction"],
        value["outcome"],
        value["message"]["zh"],
        value["message"]["en"],
        value["pointer"],
        witness,
        value["reason"],
        value["method"],
    )


def _change(value: Mapping[str, Any]) -> Change:
    return Change(
        value["pointer"],
        value["keyword"],
        value["action"],
        value["name"],
        value["old"],
        value["new"],
        value["is_note"],
    )
