"""The model holds in every state; each rule left out makes it find what goes wrong."""

from __future__ import annotations

import pytest
from guarded_write import Limits, explore

ONE = Limits()
TWO = Limits(files=2, renames=1, in_place=0, late=0, crashes=2)
SMALL = Limits(renames=1, in_place=0, late=1, crashes=2)


@pytest.mark.parametrize(
    "limits",
    [ONE, TWO, SMALL, Limits(renames=1, in_place=1, deletes=1, late=0), Limits(files=2, renames=0, in_place=1, late=1, crashes=1)],
    ids=["one file", "two files", "late writers", "deletions", "two files in place"],
)
def test_nothing_is_lost_nothing_left_and_the_history_is_true_in_every_state(limits: Limits) -> None:
    found = explore(limits)
    print(f"{found.states} states")
    assert found.violation is None, "\n".join((found.violation, *found.trace))
    assert found.states > 1000


@pytest.mark.parametrize(
    ("rule", "limits", "says"),
    [
        ("record", SMALL, ""),
        ("announce", ONE, ""),
        ("keep", ONE, "lost"),
        ("compare", SMALL, ""),
        ("put back", SMALL, ""),
        ("late check", SMALL, "lost"),
        ("late again", SMALL, "lost"),
        ("inode", ONE, ""),
        ("outcome first", SMALL, ""),
        ("row last", SMALL, ""),
        ("lock", SMALL, ""),
        ("undo together", TWO, ""),
        ("quiet", SMALL, "lost"),
    ],
)
def test_the_model_finds_a_violation_without_the_rule(rule: str, limits: Limits, says: str) -> None:
    found = explore(limits, frozenset({rule}))
    assert found.violation is not None
    assert says in found.violation
