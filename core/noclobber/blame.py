"""Who wrote each line, from a file's successive versions. Knows nothing of events: versions carry any tag."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from .merge.lines import as_utf8, split_lines
from .merge.regions import regions_of

__all__ = ["attribute_lines"]

Tag = TypeVar("Tag")


def attribute_lines(versions: Sequence[tuple[Tag, bytes]]) -> list[tuple[Tag, bytes]]:
    """For each line of the last version, the tag of the version that last wrote it, and the line with its end.

    ``versions`` are (tag, content), oldest first; the lines of the first one are its own. Without versions there are no
    lines. UTF-16 with a BOM comes back as UTF-8, since its lines cannot be told apart otherwise.
    """
    tags: list[Tag] = []
    before = b""
    for tag, content in versions:
        after = as_utf8(content)
        for change in reversed(regions_of(before, after)[0]):
            start, end = change.after
            tags[slice(*change.before)] = [tag] * (end - start)
        before = after
    return list(zip(tags, split_lines(before), strict=True))
