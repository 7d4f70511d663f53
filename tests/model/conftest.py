"""Makes the modules of this folder, and those of ``poorer``, importable: the model, its course through real files, the outsider."""

from __future__ import annotations

import sys
from pathlib import Path

for folder in (Path(__file__).parent, Path(__file__).parent.with_name("poorer")):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
