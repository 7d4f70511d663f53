"""What a person may set: ``noclobber.toml`` in the root, read when a workspace opens, and the switch that turns it all off.

Every setting has a default, so that no file is needed; a setting we do not know is an error, since a misspelt one would
otherwise be silently without effect. Fronts that run for long read it again when it changes (``Workspace.take_settings``).
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

from .errors import WorkspaceError

__all__ = ["PAUSE_FILE", "SETTINGS_FILE", "Settings", "is_off", "load_settings"]

SETTINGS_FILE = "noclobber.toml"
PAUSE_FILE = "paused"
_LARGEST = 1 << 31
_CLOCK_SLACK_S = 60.0


class Settings(NamedTuple):
    """All settings with their defaults; the names in the file are said beside those that differ.

    ``never_keep``: globs of files whose contents are never kept, beside the built-in ones. ``lessons_limit``: lines of our section
    in ``lessons_file`` (a path relative to the root). A version is kept for ``keep_days`` while all take less than ``keep_megabytes``.
    """

    mode: Literal["guard", "observe"] = "guard"
    keep_megabytes: int = 500  # [keep] megabytes
    keep_days: int = 7  # [keep] days
    never_keep: tuple[str, ...] = ()
    lessons_file: str = "CLAUDE.md"  # [lessons] file
    lessons_auto: Literal["second", "never", "always"] = "second"  # [lessons] auto
    lessons_limit: int = 40  # [lessons] limit
    hooks_on_error: Literal["pass", "stop"] = "pass"  # [hooks] on_error
    lsp_diagnostics: Literal["all", "conflicts", "off"] = "all"  # [lsp] diagnostics


def load_settings(root: str | os.PathLike[str]) -> Settings:
    """The settings of a workspace, the defaults where it has no ``noclobber.toml``.

    WorkspaceError names the file, the key, and what was expected there.
    """
    file = os.path.join(os.fspath(root), SETTINGS_FILE)
    try:
        with open(file, "rb") as source:
            raw = source.read()
    except FileNotFoundError:
        return Settings()
    except OSError as error:
        raise WorkspaceError(f"Cannot read {file}: {os.strerror(error.errno or errno.EIO)}.") from error
    return _settings(_parsed(raw, file), file)


def is_off(environ: Mapping[str, str], state: str | os.PathLike[str] | None = None) -> bool:
    """Whether every front is to let all pass: ``NOCLOBBER=off``, or a pause on file in ``state`` (``.noclobber``).

    The pause file holds the UTC time it ends at. It counts only after the moment it was written, so that a clock
    set back does not pause for ever; one that says nothing we can read does not pause at all.
    """
    if environ.get("NOCLOBBER", "").strip().lower() in ("off", "0", "false", "no"):
        return True
    return state is not None and _paused(os.path.join(os.fspath(state), PAUSE_FILE))


def _paused(file: str) -> bool:
    if not os.path.lexists(file):  # nearly always, and a quarter of the cost of failing to open it
        return False
    try:
        with open(file, encoding="ascii") as source:
            text = source.read(100).strip()
            since = os.fstat(source.fileno()).st_mtime
    except (OSError, UnicodeDecodeError):
        return False
    import time  # only while paused

    from .clock import parse_utc

    try:
        return since - _CLOCK_SLACK_S <= time.time() < parse_utc(text)
    except ValueError:
        return False


def _parsed(raw: bytes, file: str) -> dict[str, Any]:
    import tomllib  # 4 ms, only where there is a file

    try:
        return tomllib.loads(raw.decode("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise WorkspaceError(f"{file} is not TOML: {error}.") from error


def _settings(values: dict[str, Any], file: str) -> Settings:
    found: dict[str, Any] = {}
    known = _rules()
    for key, value in _flat(values, {name.partition(".")[0] for name in known if "." in name}, file):
        if key not in known:
            raise WorkspaceError(f"{file}: {key!r} is not a setting; there are {', '.join(known)}.")
        field, expected, accept = known[key]
        if not accept(value):
            raise WorkspaceError(f"{file}: {key} must be {expected}, not {value!r}.")
        found[field] = tuple(value) if isinstance(value, list) else value
    return Settings(**found)


def _flat(values: dict[str, Any], tables: set[str], file: str) -> list[tuple[str, Any]]:
    flat: list[tuple[str, Any]] = []
    for key, value in values.items():
        if key not in tables:
            flat.append((key, value))
        elif isinstance(value, dict):
            flat += [(f"{key}.{name}", inner) for name, inner in value.items()]
        else:
            raise WorkspaceError(f"{file}: {key} must be a table, [{key}], not {value!r}.")
    return flat


_Rule = tuple[str, str, Callable[[Any], bool]]


def _rules() -> dict[str, _Rule]:
    """Name in the file: the field, what is expected in words, and the test."""
    return {
        "mode": _one_of("mode", "guard", "observe"),
        "never_keep": ("never_keep", 'a list of globs such as ["secrets/**"]', _is_globs),
        "keep.megabytes": _count("keep_megabytes", 1),
        "keep.days": _count("keep_days", 1),
        "lessons.file": ("lessons_file", "a path inside the workspace, relative to its root", _is_inner_path),
        "lessons.auto": _one_of("lessons_auto", "second", "never", "always"),
        "lessons.limit": _count("lessons_limit", 1),
        "hooks.on_error": _one_of("hooks_on_error", "pass", "stop"),
        "lsp.diagnostics": _one_of("lsp_diagnostics", "all", "conflicts", "off"),
    }


def _one_of(field: str, *words: str) -> _Rule:
    return field, "one of " + ", ".join(f'"{word}"' for word in words), lambda value: isinstance(value, str) and value in words


def _count(field: str, least: int) -> _Rule:
    return field, f"a whole number from {least}", lambda value: type(value) is int and least <= value < _LARGEST


def _is_globs(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) and item for item in value)


def _is_inner_path(value: Any) -> bool:
    return isinstance(value, str) and bool(value) and not value.startswith("/") and ".." not in value.split("/") and value.isprintable()
