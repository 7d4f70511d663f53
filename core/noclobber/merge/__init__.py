"""The text mathematics of noclobber: bytes in, bytes out.

Three-way merge, line diffs, regions and their mapping between versions, exact replacements. Nothing in here
knows of writers, snapshots, stores or the working tree; the only program ever started is ``git merge-file``. A part is loaded
when it is first asked for: a hook that records a read needs none of the merging.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .diff import unified_diff
    from .edits import EditAmbiguous, Edited, EditNotFound, apply_edits, rebase_edit
    from .names import is_mergeable_name
    from .regions import Change, after_ranges, before_ranges, changed_regions, join_ranges, map_ranges, overlaps, shown_covers
    from .textual import text_edits_to_bytes
    from .three_way import Conflict, Merge, invert_change, merge3

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

_PARTS = {
    "diff": ("unified_diff",),
    "edits": ("EditAmbiguous", "EditNotFound", "Edited", "apply_edits", "rebase_edit"),
    "names": ("is_mergeable_name",),
    "regions": (
        "Change", "after_ranges", "before_ranges", "changed_regions", "join_ranges", "map_ranges", "overlaps", "shown_covers",
    ),
    "textual": ("text_edits_to_bytes",),
    "three_way": ("Conflict", "Merge", "invert_change", "merge3"),
}  # fmt: skip


def __getattr__(name: str) -> Any:
    from importlib import import_module

    part = next((part for part, names in _PARTS.items() if name in names), None)
    if part is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{part}", __name__), name)
