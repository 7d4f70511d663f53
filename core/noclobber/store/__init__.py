"""The truth of a workspace, behind one protocol: history, live snapshots, contents, buffers, leases, pending exchanges."""

from __future__ import annotations

from .protocol import Batch, EventQuery, Pending, PendingState, Store
from .sqlite import SqliteStore

__all__ = ["Batch", "EventQuery", "Pending", "PendingState", "SqliteStore", "Store"]
