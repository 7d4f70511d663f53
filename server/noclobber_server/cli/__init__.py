"""The command line: ``registry.py`` names the commands, ``app.py`` runs one, ``call.py`` is what a command is given.

A command's module unpacks its arguments, calls one thing in core and packs the answer. Exit statuses: 0 done,
1 failed, 2 wrong usage, 3 refused.
"""
