"""Between the client's URIs and paths. Only ``file:`` URIs of this machine have a path; all others are somebody else's."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote_to_bytes, urlsplit

if TYPE_CHECKING:
    from lsprotocol import types

__all__ = ["folders_of", "key_of", "path_of", "uri_of"]


def path_of(uri: str) -> str | None:
    """The absolute path a URI names, None where it names no file of this machine or one whose name no guard takes."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        return None
    if parts.scheme.lower() != "file" or parts.netloc not in ("", "localhost"):
        return None
    raw = unquote_to_bytes(parts.path)
    if not raw.startswith(b"/") or b"\0" in raw:
        return None
    try:
        path = raw.decode()
    except UnicodeDecodeError:
        return None
    return os.path.normpath(path)


def uri_of(path: str) -> str:
    """The ``file:`` URI of an absolute path, in the form most clients use."""
    return "file://" + quote(path, safe="/~!$&'()*+,;=@")


def key_of(uri: str) -> str:
    """One key for all spellings of a URI: clients escape differently from one message to the next."""
    return path_of(uri) or uri


def folders_of(params: types.InitializeParams) -> list[str]:
    """The absolute paths of the folders a client works in."""
    if params.workspace_folders:
        uris = [folder.uri for folder in params.workspace_folders]
    else:
        uris = [params.root_uri] if params.root_uri else []
    paths = [path for uri in uris if (path := path_of(uri))]
    if not uris and params.root_path:
        paths = [params.root_path]
    return paths
