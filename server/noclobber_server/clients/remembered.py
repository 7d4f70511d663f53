"""What ``init`` inserted where (places and hashes, never a file's contents), so that ``--remove`` gives the very bytes of before back.

What concerns files of the project stands beside the workspace's state. Files at home are every project's, so their record is at home
too: whichever project takes a registration back knows what the first one made. The project's record only names them: that it is there
is what registrations for all projects go by.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from noclobber.errors import WorkspaceError

from .files import content_of, write_file
from .records import Places, Planned

__all__ = ["Remembered", "digest", "missing_folders"]

_ROOM = 64 * 1024  # bytes: more than any record
_FOLDERS = ""  # the entry of a record that names the folders made for the record itself


class Remembered:
    """Both records, as they were when this was made; ``save`` writes what has changed in them since."""

    def __init__(self, places: Places) -> None:
        self._root = places.root
        state = Path(places.environ.get("XDG_STATE_HOME") or places.home / ".local/state")
        self._paths = (places.root / ".noclobber" / "init.json", state / "noclobber" / "init.json")
        self._project, self._home = (_load(path) for path in self._paths)
        self._left: list[str] = []

    def of(self, path: Path) -> dict[str, Any] | None:
        """What was done to a file; None where nothing was, or by hand."""
        found: dict[str, Any] | None = self._record(path).get(str(path)) or self._project.get(str(path))
        return found

    def is_set_up(self, path: Path) -> bool:
        """Whether something was put into a file, here or at home, for this very project."""
        return str(path) in self._project

    def keep(self, one: Planned, made: list[str]) -> None:
        """Take down what was done to one file, and which folders were made for it."""
        key, earlier = str(one.target.path), self.of(one.target.path) or {}
        record = self._record(one.target.path)
        if one.state in ("remove", "absent"):
            self._project.pop(key, None)
            if b"noclobber" not in (one.after or b""):  # else it has another project's entry, whose removal is still to come
                self._left += record.pop(key, earlier).get("folders", [])
            return
        if record is self._home:
            self._project[key] = {}
        if one.state != "present":
            record[key] = {
                "created": earlier.get("created", one.before is None),
                "folders": earlier.get("folders", []) + made,
                "after": digest(one.after or b"") if one.target.format == "own" or (one.steps and not earlier) else "",
                "steps": [list(step) for step in one.steps],
            }

    def check_room(self) -> None:
        """Before anything is done: WorkspaceError unless both records can be written afterwards."""
        for path in self._paths:
            folder = next(parent for parent in path.parents if parent.exists())
            try:
                with tempfile.TemporaryFile(dir=folder) as trial:
                    trial.write(bytes(_ROOM))
            except OSError as error:
                what = f"what is done could not be put down for --remove in {path} ({error.strerror})"
                raise WorkspaceError(f"{what}; nothing was done. Make room or give access there, and run this again.") from error

    def save(self) -> None:
        """Write both records, and remove the folders that nothing needs any more. Raises WorkspaceError where that cannot be."""
        try:
            self._save()
        except OSError as error:
            what = f"what was done could not be put down for --remove ({error.filename}: {error.strerror})"
            raise WorkspaceError(f"{what}; make room or give access there, and run this again.") from error

    def _save(self) -> None:
        for path, record in zip(self._paths, (self._project, self._home), strict=True):
            if any(key != _FOLDERS for key in record):
                made = [folder for folder in missing_folders(path) if folder != str(path.parent)]
                record[_FOLDERS] = record.get(_FOLDERS, []) + made
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                _ignore(path.parent)
                write_file(path, content_of(path), json.dumps(record, indent=1).encode())
            elif path.exists():
                path.unlink()
                _unignore(path.parent)
                self._left += [str(path.parent), *record.get(_FOLDERS, [])]
        for folder in sorted(self._left, key=len, reverse=True):
            _remove_if_empty(Path(folder))

    def _record(self, path: Path) -> dict[str, Any]:
        return self._project if path.is_relative_to(self._root) else self._home


def digest(content: bytes) -> str:
    """What tells a file's bytes from any others."""
    return hashlib.sha256(content).hexdigest()


def missing_folders(path: Path) -> list[str]:
    """The folders that would have to be made for a file."""
    return [str(folder) for folder in path.parents if not folder.exists()]


def _load(path: Path) -> dict[str, Any]:
    try:
        record = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def _ignore(folder: Path) -> None:
    """Keep the record out of commits: where only files at home were written, no guard has made the folder yet."""
    path = folder / ".gitignore"
    if not path.exists():
        path.write_bytes(b"*\n")


def _unignore(folder: Path) -> None:
    if os.listdir(folder) == [".gitignore"]:
        (folder / ".gitignore").unlink()


def _remove_if_empty(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()
