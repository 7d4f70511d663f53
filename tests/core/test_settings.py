from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from noclobber.clock import format_utc
from noclobber.errors import WorkspaceError
from noclobber.settings import PAUSE_FILE, Settings, is_off, load_settings


def test_without_a_file_every_setting_has_its_default(tmp_path: Path) -> None:
    settings = load_settings(tmp_path)
    assert settings == Settings("guard", 500, 7, (), "CLAUDE.md", "second", 40, "pass", "all")


def test_every_setting_can_be_set(tmp_path: Path) -> None:
    (tmp_path / "noclobber.toml").write_text(
        """
mode = "observe"
never_keep = ["secrets/**", "*.dat"]
[keep]
megabytes = 10
days = 1
[lessons]
file = "docs/LESSONS.md"
auto = "always"
limit = 12
[hooks]
on_error = "stop"
[lsp]
diagnostics = "conflicts"
""",
        encoding="utf-8",
    )
    assert load_settings(tmp_path) == Settings(
        mode="observe",
        keep_megabytes=10,
        keep_days=1,
        never_keep=("secrets/**", "*.dat"),
        lessons_file="docs/LESSONS.md",
        lessons_auto="always",
        lessons_limit=12,
        hooks_on_error="stop",
        lsp_diagnostics="conflicts",
    )


def test_an_empty_file_and_one_with_a_bom_and_carriage_returns_are_read(tmp_path: Path) -> None:
    file = tmp_path / "noclobber.toml"
    file.write_bytes(b"")
    assert load_settings(tmp_path) == Settings()
    file.write_bytes(b'\xef\xbb\xbfmode = "observe"\r\n')
    assert load_settings(tmp_path).mode == "observe"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('mode = "watch"', r"""mode must be one of "guard", "observe", not 'watch'"""),
        ("mode = 1", "mode must be one of"),
        ('moed = "guard"', "'moed' is not a setting; there are mode, never_keep, keep.megabytes"),
        ("[keep]\nweeks = 1", "'keep.weeks' is not a setting"),
        ("[extra]\nx = 1", "'extra' is not a setting"),
        ("keep = 5", r"keep must be a table, \[keep\], not 5"),
        ("[keep]\ndays = 0", "keep.days must be a whole number from 1, not 0"),
        ("[keep]\ndays = 1.5", "keep.days must be a whole number from 1, not 1.5"),
        ("[keep]\nmegabytes = true", "keep.megabytes must be a whole number from 1, not True"),
        ("[keep]\nmegabytes = 99999999999", "keep.megabytes must be a whole number"),
        ('never_keep = "*.dat"', "never_keep must be a list of globs"),
        ("never_keep = [1]", "never_keep must be a list of globs"),
        ('[lessons]\nfile = "../CLAUDE.md"', "lessons.file must be a path inside the workspace"),
        ('[lessons]\nfile = "/CLAUDE.md"', "lessons.file must be a path inside the workspace"),
        ('[lessons]\nauto = "sometimes"', "lessons.auto must be one of"),
        ('[hooks]\non_error = ""', "hooks.on_error must be one of"),
        ('[lsp]\ndiagnostics = ["all"]', "lsp.diagnostics must be one of"),
        ("mode = ", "is not TOML"),
        ("mode = 'x'\nmode = 'y'", "is not TOML"),
    ],
)
def test_what_cannot_be_followed_is_said_with_file_key_and_what_was_expected(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "noclobber.toml").write_text(text, encoding="utf-8")
    with pytest.raises(WorkspaceError, match=said) as caught:
        load_settings(tmp_path)
    assert str(tmp_path / "noclobber.toml") in str(caught.value)


def test_bytes_that_are_no_text_are_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / "noclobber.toml").write_bytes(b'mode = "\xff"')
    with pytest.raises(WorkspaceError, match="is not TOML"):
        load_settings(tmp_path)


def test_a_settings_file_that_cannot_be_read_is_not_taken_for_none(tmp_path: Path) -> None:
    (tmp_path / "noclobber.toml").mkdir()
    with pytest.raises(WorkspaceError, match="Cannot read"):
        load_settings(tmp_path)


def test_toml_is_imported_only_where_there_is_a_file(tmp_path: Path) -> None:
    code = "import sys; from noclobber.settings import load_settings; load_settings(sys.argv[1]); sys.exit('tomllib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False).returncode == 0


@pytest.mark.parametrize(("value", "off"), [("off", True), ("OFF ", True), ("0", True), ("", False), ("on", False), ("1", False)])
def test_the_environment_turns_it_off(value: str, off: bool) -> None:
    assert is_off({"NOCLOBBER": value}) is off


def test_nothing_said_means_on(tmp_path: Path) -> None:
    assert not is_off({})
    assert not is_off({}, tmp_path)


def test_a_pause_lasts_until_its_time(tmp_path: Path) -> None:
    pause = tmp_path / PAUSE_FILE
    pause.write_text(format_utc(time.time() + 3600) + "\n", encoding="ascii")
    assert is_off({}, tmp_path)
    pause.write_text(format_utc(time.time() - 1), encoding="ascii")
    assert not is_off({}, tmp_path)


def test_a_clock_set_back_does_not_pause_for_ever(tmp_path: Path) -> None:
    pause = tmp_path / PAUSE_FILE
    a_year = 365 * 86400
    pause.write_text(format_utc(time.time() + a_year + 3600), encoding="ascii")
    os.utime(pause, (time.time() + a_year,) * 2)  # written for an hour, by a clock that was a year ahead
    assert not is_off({}, tmp_path)


@pytest.mark.parametrize("content", [b"", b"soon", b"\xff\xfe", b"2026-13-45T00:00:00.000Z"])
def test_a_pause_file_that_says_nothing_does_not_pause(tmp_path: Path, content: bytes) -> None:
    (tmp_path / PAUSE_FILE).write_bytes(content)
    assert not is_off({}, tmp_path)
