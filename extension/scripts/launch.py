"""Starts noclobber from the folder this file lies in; run with ``python -I`` so that nothing else is picked up first."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

try:
    from noclobber_server.main import main

    sys.exit(main())
except KeyboardInterrupt:  # a check that was stopped before it had begun
    sys.exit(130)
