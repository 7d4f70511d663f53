"""How a tool's file names become ours: relative to the workspace's root, with ``/``, links resolved where the tool resolved them."""

from __future__ import annotations

import os

__all__ = ["Places"]


class Places:
    """File names as one run of a tool gave them: absolute, ``file:`` URIs, or relative to where it ran or to the root."""

    def __init__(self, root: str, folder: str) -> None:
        self._root = os.path.realpath(root)
        self.folder = os.path.realpath(folder)

    def name(self, given: str | None) -> str | None:
        """The file relative to the root; as given where it is not in the workspace."""
        if not given:
            return None
        path = _of_uri(given) if given.startswith("file:") else given
        inner = self.inside(path)
        return inner if inner is not None else path.replace(os.sep, "/")

    def inside(self, path: str) -> str | None:
        """The file relative to the root if it lies in the workspace (and not in what was installed there)."""
        places = [path] if os.path.isabs(path) else [os.path.join(self.folder, path), os.path.join(self._root, path)]
        for place in places:
            full = os.path.realpath(place)
            if os.path.exists(full) and os.path.commonpath((self._root, full)) == self._root:
                inner = os.path.relpath(full, self._root).replace(os.sep, "/")
                installed = {"site-packages", "node_modules", ".noclobber", ".git"} & set(inner.split("/"))
                return None if installed else inner
        return None


def _of_uri(uri: str) -> str:
    from urllib.parse import unquote, urlsplit  # most tools name plain paths, and a check that passes none

    return unquote(urlsplit(uri).path)
