"""
Screen: bids that seem to be prepared by the same hand (疑似同一单位或个人编制).

MAC addresses and serial numbers are not named in article 40; they are evidence under provincial rules.

Source: 招标投标法实施条例 40(一).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from tradehall.kernel.refusal import Text
from tradehall.rules.screens.finding import Evidence, Finding

SCREEN: Final = "same_preparer"
CLAUSE: Final = "招标投标法实施条例 40(一)"

_SEPARATORS: Final = re.compile(r"[\s:._-]+")
# What tools and boards write when they know nothing; sharing it says nothing.
_EMPTY_WORDS: Final = frozenset(
    {
        "",
        "na",
        "n/a",
        "none",
        "null",
        "unknown",
        "default",
        "defaultstring",
        "tobefilledbyoem",
        "notspecified",
        "未知",
        "无",
    }
)


def screen_same_preparer(fingerprints: Mapping[str, Mapping[str, str]]) -> Finding:
    """
    Look for bids that share a fingerprint of the preparing device or tool (编制环境指纹筛查).

    Args:
        fingerprints: submission → kind → value, such as ``MAC_ADDRESS``, ``CPU_ID``, ``HARD_DISK_SERIAL_NUMBER``,
            ``TOOL_LICENCE``, ``AUTHOR``. Case and separators do not count; empty and dummy values are ignored.

    Returns:
        True with one evidence for each shared value (kind, value, submissions), False, or None when fewer than two
        bids have any usable fingerprint.

    Source: 招标投标法实施条例 40(一).
    """
    usable = {submission: _usable(values) for submission, values in fingerprints.items()}
    if sum(bool(values) for values in usable.values()) <= 1:
        return Finding(SCREEN, None, (), Text("缺少可比对的信息", "too little to compare"), CLAUSE)
    holders: dict[tuple[str, str], list[str]] = {}
    for submission in sorted(usable):
        for mark in usable[submission]:
            holders.setdefault(mark, []).append(submission)
    shared = tuple(Evidence(*mark, tuple(holders[mark])) for mark in sorted(holders) if len(holders[mark]) > 1)
    if not shared:
        return Finding(SCREEN, False, (), Text("未见相同编制信息", "no shared fingerprint seen"), CLAUSE)
    return Finding(SCREEN, True, shared, Text("多份投标文件编制信息相同", "bids share a fingerprint"), CLAUSE)


def _usable(values: Mapping[str, str]) -> set[tuple[str, str]]:
    plain = {(kind, _SEPARATORS.sub("", value).casefold()) for kind, value in values.items()}
    return {(kind, value) for kind, value in plain if value not in _EMPTY_WORDS and value.strip("0f")}
