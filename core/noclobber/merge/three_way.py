"""Three-way merge of one file, as git merges it.

Trivial cases and two changes far enough apart are merged here, everything else by ``git merge-file``, whose judgement of
what conflicts people know. What is no text, and files whose lines mean nothing one by one, are not merged.
"""

from __future__ import annotations

from typing import NamedTuple

from ..records import LineRange
from .lines import as_utf8, split_lines, trim, utf16_codec
from .regions import Change, changed_regions, touches

__all__ = ["Conflict", "Merge", "conflicts_between", "invert_change", "merge3"]

_CANDIDATES = 40


class Conflict(NamedTuple):
    """Lines that both sides changed, in the base and on each side; (5, 4) is the empty place in front of line 5."""

    base: LineRange
    ours: LineRange
    theirs: LineRange


class Merge(NamedTuple):
    """The merged bytes, or None together with the conflicts, or None with the ``obstacle`` that kept us from merging.

    ``obstacle`` is a sentence for people; empty where the merge was made or has conflicts.
    """

    content: bytes | None
    conflicts: tuple[Conflict, ...] = ()
    obstacle: str = ""


def merge3(base: bytes, ours: bytes, theirs: bytes, *, scratch: str | None = None) -> Merge:
    """Both sides' changes to the base, or why not.

    ``scratch`` is a directory for git's input where the system has no files in memory; without it, the system's own. Never
    raises: a missing git, or content that is no text, is the answer's ``obstacle``.
    """
    if theirs in (base, ours):
        return Merge(ours)
    if ours == base:
        return Merge(theirs)
    codecs = {utf16_codec(version) for version in (base, ours, theirs)}
    if len(codecs) > 1:
        return Merge(None, (), "The versions differ in their encoding, so their lines cannot be compared.")
    texts = as_utf8(base), as_utf8(ours), as_utf8(theirs)
    if any(b"\0" in text for text in texts):
        return Merge(None, (), "This is binary content, which cannot be merged line by line.")
    merged = _merge_text(*texts, scratch)
    codec = codecs.pop()
    if merged.content is None or codec is None:
        return merged
    return Merge(merged.content.decode("utf-8", "surrogatepass").encode(codec, "surrogatepass"))


def invert_change(before: bytes, after: bytes, now: bytes, *, scratch: str | None = None) -> Merge:
    """``now`` without the change that once led from ``before`` to ``after``; later changes elsewhere are kept."""
    return merge3(after, now, before, scratch=scratch)


def _merge_text(base: bytes, ours: bytes, theirs: bytes, scratch: str | None) -> Merge:
    direct = _merge_apart(base, ours, theirs)
    if direct is not None:
        return Merge(direct)
    from .git import merge_file  # brings in subprocess, which a plain write must not pay for

    status, content, obstacle = merge_file(base, ours, theirs, scratch)
    if obstacle:
        return Merge(None, (), obstacle)
    return Merge(content) if status == 0 else Merge(None, conflicts_between(base, ours, theirs))


def _merge_apart(base: bytes, ours: bytes, theirs: bytes) -> bytes | None:
    """The merge where each side changed one stretch of lines and a line between them keeps git from seeing them touch.

    git's diff leaves lines shared at both ends alone, then slides its changes up or down over equal lines. To slide past a
    line, a change must hold an equal one. So one line between the stretches that stands in neither of them is never
    passed: the upper changes stay above its first occurrence, the lower ones below its last, and git sees no contact.
    """
    first, second = trim(base, ours), trim(base, theirs)
    if first.start > second.start:
        first, second = second, first
        ours, theirs = theirs, ours
    between = base[first.before_end : second.start]
    changed = {
        line
        for text in (
            base[first.start : first.before_end],
            ours[first.start : first.after_end],
            base[second.start : second.before_end],
            theirs[second.start : second.after_end],
        )
        for line in text.split(b"\n")
    }
    if all(line in changed for line in between.split(b"\n", _CANDIDATES)[:-1]):
        return None
    return ours[: first.after_end] + between + theirs[second.start :]


def conflicts_between(base: bytes, ours: bytes, theirs: bytes) -> tuple[Conflict, ...]:
    """Where two sides that git found to conflict touch, by our own diff; the whole changed stretch where that sees no contact."""
    by_us, by_them = changed_regions(base, ours), changed_regions(base, theirs)
    texts = split_lines(ours), split_lines(theirs)
    found = tuple(
        Conflict(_range(span), _range(mine), _range(other))
        for span in _contacts(by_us, by_them)
        for mine, other in [(_mapped(span, by_us), _mapped(span, by_them))]
        if texts[0][slice(*mine)] != texts[1][slice(*other)]
    )
    if found or not (by_us and by_them):
        return found
    everything = [change.before for change in (*by_us, *by_them)]
    span = min(start for start, _ in everything), max(end for _, end in everything)
    return (Conflict(_range(span), _range(_mapped(span, by_us)), _range(_mapped(span, by_them))),)


def _contacts(by_us: list[Change], by_them: list[Change]) -> list[tuple[int, int]]:
    """Spans of the base made of changes that touch one another and come from both sides."""
    spans: list[tuple[tuple[int, int], set[int]]] = []
    for before, side in sorted([(c.before, 0) for c in by_us] + [(c.before, 1) for c in by_them]):
        if spans and touches(spans[-1][0], before):
            held, sides = spans[-1]
            spans[-1] = (held[0], max(held[1], before[1])), sides | {side}
        else:
            spans.append((before, {side}))
    return [span for span, sides in spans if len(sides) == 2]


def _mapped(span: tuple[int, int], changes: list[Change]) -> tuple[int, int]:
    """The span of one side that stands where this span of the base stood; no change crosses its ends."""
    start = end = 0
    for before, after in changes:
        if before[1] <= span[1]:
            end = after[1] - before[1]
        if before[1] < span[0]:
            start = after[1] - before[1]
    return span[0] + start, span[1] + end


def _range(span: tuple[int, int]) -> LineRange:
    return span[0] + 1, span[1]
