"""The text mathematics of noclobber: bytes in, bytes out.

Three-way merge, line diffs, regions and their mapping between versions, exact replacements. Nothing in here
knows of writers, snapshots, stores or the working tree; the only program ever started is ``git merge-file``.
"""

from __future__ import annotations

from .diff import unified_diff
from .edits import EditAmbiguous, Edited, EditNotFound, apply_edits, rebase_edit
from .regions import Change, after_ranges, before_ranges, changed_regions, join_ranges, map_ranges, overlaps, shown_covers
from .textual import text_edits_to_bytes
from .three_way import Conflict, Merge, invert_change, is_mergeable_name, merge3

__all__ = [
    "Change",
    "Conflict",
    "EditAmbiguous",
    "EditNotFound",
    "Edited",
    "Merge",
    "after_ranges",
    "apply_edits",
    "before_ranges",
    "changed_regions",
    "invert_change",
    "is_mergeable_name",
    "join_ranges",
    "map_ranges",
    "merge3",
    "overlaps",
    "rebase_edit",
    "shown_covers",
    "text_edits_to_bytes",
    "unified_diff",
]
