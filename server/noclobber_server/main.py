"""Where the ``noclobber`` command begins.

An agent's tool starts one process for each hook, so a hook is handed on before anything else is
imported; every other command goes to the command line's own table. Nothing here knows what a command does.
"""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command named in ``sys.argv``; the process's exit status."""
    arguments = sys.argv[1:]
    if arguments[:1] == ["hook"]:
        from .hooks.main import run as run_hook  # 60 ms are all that a hook has, the interpreter's start included

        return run_hook(arguments[1:])
    from .cli.app import run

    return run(arguments)


if __name__ == "__main__":
    sys.exit(main())
