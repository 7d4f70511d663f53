"""What stands where a workspace's state should be."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from noclobber import ConcurrencyGuard, WorkspaceError


@pytest.mark.parametrize("name", ["tmp", "kept"])
@pytest.mark.parametrize("what", ["a file", "a symlink to nowhere"])
def test_what_is_no_folder_is_told_and_can_be_taken_away(root: Path, name: str, what: str) -> None:
    ConcurrencyGuard(root, "alice").close()
    place = root / ".noclobber" / name
    place.rmdir()
    if what == "a file":
        place.write_bytes(b"")
        told = rf"{name}: Not a directory\. Take away what stands there, or set NOCLOBBER=off"
    else:
        place.symlink_to("nowhere")
        told = rf"{name} is a symbolic link; the state is kept in the workspace itself\. Remove the link\."
    with pytest.raises(WorkspaceError, match=told):
        ConcurrencyGuard(root, "alice")
    place.unlink()
    with ConcurrencyGuard(root, "alice") as alice:
        alice.write("a.txt", b"text\n")


@pytest.mark.parametrize("name", ["tmp", "kept"])
def test_a_folder_that_a_running_process_may_not_open_is_told(root: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with ConcurrencyGuard(root, "alice") as alice:
        alice.write("a.txt", b"text\n")
        shutil.rmtree(root / ".noclobber" / name)
        opened = os.open

        def no_access(path: object, *arguments: int, **options: int) -> int:
            if str(path).endswith(f"/{name}"):
                raise PermissionError(13, "Permission denied")
            return opened(path, *arguments, **options)  # type: ignore[arg-type]

        monkeypatch.setattr(os, "open", no_access)  # root may open whatever there is
        with pytest.raises(WorkspaceError, match=rf"{name}: Permission denied\. Give this user write access"):
            alice.workspace.folder(name)
