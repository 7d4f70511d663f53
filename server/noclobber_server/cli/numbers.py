"""Whole numbers as people type them."""

from __future__ import annotations

from argparse import ArgumentTypeError

__all__ = ["whole_number"]

_DIGITS = 18


def whole_number(text: str) -> int:
    """A count, or the number of an event: what everything that takes one can hold."""
    if not (text.isascii() and text.isdecimal() and len(text) <= _DIGITS):
        raise ArgumentTypeError(f"{text[:40]!r} is no whole number of at most {_DIGITS} digits")
    return int(text)
