"""What a risk screen (风险筛查) says: True, False or None, with evidence; it advises and never rejects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tradehall.kernel.refusal import Text

ADVICE: Final = Text(
    "仅供人工复核，不作为否决投标的依据；由评标委员会或行政监督部门认定。",
    "For review by people only, never a ground for rejection by itself; the committee or the supervisor decides.",
)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was seen (线索): the kind of likeness, its value, the submissions concerned in sorted or price order."""

    kind: str
    value: str
    submissions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """
    The word of one screen (筛查结果).

    Attributes:
        screen: name of the screen.
        raised: True when something was seen, False when nothing was, None when there was too little to look at.
        evidence: what was seen; empty unless ``raised``.
        reason: one sentence.
        clause: the article the likeness may touch.
        advice: always :data:`ADVICE`.
    """

    screen: str
    raised: bool | None
    evidence: tuple[Evidence, ...]
    reason: Text
    clause: str
    advice: Text = ADVICE
