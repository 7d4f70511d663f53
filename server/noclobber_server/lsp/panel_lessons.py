"""The lessons view: drafts, live and archived ones, searched, accepted, dropped, edited and removed. Plain camelCase JSON."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from noclobber import ConcurrencyGuard
from noclobber.errors import NoclobberError

if TYPE_CHECKING:
    from noclobber.lessons.records import Lesson

__all__ = ["change_lesson", "lessons"]

_MOST = 300
