"""The sentences hooks say to a model: the same words every time, short, and with the way on."""

from __future__ import annotations

from noclobber.records import Refusal

__all__ = ["asked", "leased_notice", "merged_notice", "overridden_notice", "refusal_text", "who"]


def refusal_text(refusal: Refusal) -> str:
    """A refusal as the model reads it: what happened, what to do, the diff."""
    way = refusal.resolution.split("; or write with on_stale", 1)[0].rstrip(".") + "."
    text = f"{refusal.type}: {refusal.message} {way}"
    return f"{text}\n{refusal.diff}" if refusal.diff else text


def who(refusal: Refusal) -> str:
    """Who changed the file, each once, the latest first."""
    names: list[str] = []
    for change in reversed(refusal.changed_by):
        name = str(change["agent_id"])
        if name not in names:
            names.append(name)
    return ", ".join("an outside change" if name == "outside" else name for name in names[:3]) or "another writer"


def merged_notice(path: str, refusal: Refusal | None) -> str:
    """A whole write that was merged with what others had changed."""
    by = "others" if refusal is None else who(refusal)
    diff = "" if refusal is None else refusal.diff
    text = f"{path} had changed since you read it (by {by}); your content was merged with that, and both are kept."
    return f"{text} What the others had changed:\n{diff}" if diff else f"{text} Re-read it before you change it again."


def leased_notice(path: str, holder: str) -> str:
    """Another writer's lease was still held after two seconds."""
    return f"{holder} is changing {path} at this moment; re-read it before you change it again."


def overridden_notice(path: str, content_hash: str | None) -> str:
    """The third refusal in a row was let pass."""
    kept = f"; what stood there is kept: noclobber restore {path} {content_hash[:12]}" if content_hash else ""
    return f"This write of {path} was let pass after three refusals{kept}."


def asked(refusal: Refusal) -> str:
    """What the person reads who is to decide."""
    return f"noclobber refused this three times: {refusal.message} Let it pass? What stands there now is kept either way."
