"""
The archive (往期记录): what a draft would have meant for records that were filed already, before anybody signs it.

:func:`read_draft`, :func:`open_archive`, :func:`replay`.
"""

from tradehall_standards.archive.drafts import Draft, DraftError, draft_of, read_draft
from tradehall_standards.archive.records import Archive, ArchiveError, Past, Piece, open_archive
from tradehall_standards.archive.replay import OtherReplayError, Progress, Replay, Way, replay
from tradehall_standards.archive.tally import Fault, Group, Tally

__all__ = [
    "Archive",
    "ArchiveError",
    "Draft",
    "DraftError",
    "Fault",
    "Group",
    "OtherReplayError",
    "Past",
    "Piece",
    "Progress",
    "Replay",
    "Tally",
    "Way",
    "draft_of",
    "open_archive",
    "read_draft",
    "replay",
]
