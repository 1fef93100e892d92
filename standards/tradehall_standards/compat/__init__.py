"""
Compatibility (兼容性): verdicts with proof or counter-example, located changes, and the version that follows.

:func:`compare` answers for both directions ``proved``, ``refuted`` with a witness that two engines confirm, or
``unknown`` with the reason; it never says ``proved`` of what it has not proved.
"""

from tradehall_standards.compat.comparing import Comparison, Verdict, Witness
from tradehall_standards.compat.dialects import Draft, Formats, Schema
from tradehall_standards.compat.differing import Change, diff
from tradehall_standards.compat.guarding import Comparer, WorkerFailedError, compare
from tradehall_standards.compat.telling import change_to_json, comparison_to_json

__all__ = [
    "Change",
    "Comparer",
    "Comparison",
    "Draft",
    "Formats",
    "Schema",
    "Verdict",
    "Witness",
    "WorkerFailedError",
    "change_to_json",
    "compare",
    "comparison_to_json",
    "diff",
]
