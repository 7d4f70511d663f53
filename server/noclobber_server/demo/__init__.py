"""``noclobber demo``: what the guard does, shown on a copy of its own sources by processes that really race.

``stage.py`` makes the copy, ``scenes.py``, ``race.py`` and ``learning.py`` play on it, ``actors.py`` are the racing processes,
``proof.py`` checks that nothing was lost. Nothing outside the temporary folder is touched.
"""
