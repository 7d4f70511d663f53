"""One file's compare-and-exchange, action by action: exchange, create, rewrite in place, take away, move.

Each action is a small state machine over a ``Pending`` row that is on record before the file is touched, so that
recovery goes on in the same machine wherever a crash stopped it. Nothing here knows about writers or snapshots.
"""

from __future__ import annotations

from ..store.protocol import Pending
from .base import Action, Result, Site, Witness
from .create import Create
from .exchange import Exchange
from .inplace import InPlace
from .relocate import Delete, Move

__all__ = ["Action", "Create", "Delete", "Exchange", "InPlace", "Move", "Result", "Site", "Witness", "action_for"]


def action_for(row: Pending, site: Site, witness: Witness) -> Action:
    """The machine that carries out, undoes or recovers a pending row."""
    kinds: dict[str, type[Action]] = {
        "exchange": Exchange,
        "create": Create,
        "inplace": InPlace,
        "delete": Delete,
        "move": Move,
    }
    return kinds[row.action](row, site, witness)
