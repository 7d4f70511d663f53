from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from noclobber.content import open_regular
from noclobber.errors import FileAccessError, NoclobberError, OutsideWorkspaceError, PathError, WorkspaceError
from noclobber.paths import Locator

SECRET = b"secret of the world outside"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "work"
    (root / "src" / "deep").mkdir(parents=True)
    (root / "src" / "a.py").write_bytes(b"a")
    (root / "src" / "deep" / "b.py").write_bytes(b"b")
    (root / "top.txt").write_bytes(b"top")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(SECRET)
    return root


@pytest.fixture
def locator(root: Path) -> Iterator[Locator]:
    made = Locator(root)
    yield made
    made.close()


@pytest.fixture(params=["openat2", "walk"], autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test both with ctypes loaded and as a process that has not loaded it."""
    if request.param == "walk":
        monkeypatch.delitem(sys.modules, "ctypes", raising=False)
    else:
        import ctypes

        monkeypatch.setitem(sys.modules, "ctypes", ctypes)


def name_of(locator: Locator, path: str | bytes | os.PathLike[str], *, missing_ok: bool = False) -> str:
    with locator.locate(path, missing_ok=missing_ok) as located:
        return located.file_path


def content_of(locator: Locator, path: str) -> bytes:
    with locator.locate(path) as located:
        fd = open_regular(located.parent_fd, located.name, path=located.file_path)
    try:
        return os.read(fd, 100)
    finally:
        os.close(fd)


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


# names that lead to a file


@pytest.mark.parametrize(
    "path",
    [
        "src/a.py",
        "./src/a.py",
        "src//a.py",
        "src/./a.py",
        "src/deep/../a.py",
        "src/../src/a.py",
        b"src/a.py",
        Path("src/a.py"),
        Path("src/x/../a.py"),
    ],
)
def test_one_file_has_one_canonical_name(locator: Locator, root: Path, path: str | bytes | os.PathLike[str]) -> None:
    (root / "src" / "x").mkdir()
    assert name_of(locator, path) == "src/a.py"


def test_an_absolute_path_inside_is_the_same_file(locator: Locator, root: Path) -> None:
    assert name_of(locator, str(root / "src" / "a.py")) == "src/a.py"
    assert name_of(locator, root / "top.txt") == "top.txt"
    assert name_of(locator, f"{root}/src/../top.txt") == "top.txt"


def test_an_absolute_path_through_an_alias_of_the_root_is_the_same_file(locator: Locator, root: Path) -> None:
    alias = root.parent / "alias"
    alias.symlink_to(root)
    assert name_of(locator, alias / "src" / "a.py") == "src/a.py"
    assert name_of(locator, alias / "new.py", missing_ok=True) == "new.py"
    assert name_of(Locator(alias), root / "src" / "a.py") == "src/a.py"


def test_what_is_located_can_be_opened_by_folder_and_name(locator: Locator) -> None:
    assert content_of(locator, "src/deep/b.py") == b"b"
    with locator.locate("top.txt") as located:
        assert located.name == "top.txt"
        assert located.stat is not None
        assert located.stat.st_size == 3
        os.fsync(located.parent_fd)


@pytest.mark.parametrize(
    "name", ["Ünï", "日本語.txt", "a b", "-n", ":x", "a\\b", "\u202ertl", "..x", "...", ".gitignore", ".github", ".noclobberx", "x" * 255]
)
def test_unusual_but_honest_names_are_taken(locator: Locator, root: Path, name: str) -> None:
    (root / name).write_bytes(b"x")
    assert name_of(locator, name) == name


def test_names_differing_only_in_case_or_unicode_form_are_files_of_their_own(locator: Locator, root: Path) -> None:
    for name, data in (("Case", b"1"), ("case", b"2"), ("e\u0301", b"3"), ("\u00e9", b"4")):
        (root / name).write_bytes(data)
    if len(os.listdir(root)) < 6:
        pytest.skip("this file system folds names")
    assert [content_of(locator, name) for name in ("Case", "case", "e\u0301", "\u00e9")] == [b"1", b"2", b"3", b"4"]


# symlinks inside


@pytest.mark.parametrize(
    ("link", "target", "asked"),
    [
        ("link", "src/a.py", "link"),
        ("src/link", "a.py", "src/link"),
        ("src/deep/link", "../a.py", "src/deep/link"),
        ("folder", "src", "folder/a.py"),
        ("folder", "src/deep", "folder/../a.py"),
        ("src/round", "..", "src/round/src/round/src/a.py"),
        ("link", "{root}/src/a.py", "link"),
        ("folder", "{root}", "folder/src/a.py"),
        ("folder", "./src//.", "folder/a.py"),
    ],
)
def test_symlinks_inside_lead_to_the_file_they_name(locator: Locator, root: Path, link: str, target: str, asked: str) -> None:
    (root / link).symlink_to(target.format(root=root))
    assert name_of(locator, asked) == "src/a.py"
    assert content_of(locator, asked) == b"a"


def test_a_chain_of_symlinks_is_followed_and_a_circle_is_not(locator: Locator, root: Path) -> None:
    (root / "l0").symlink_to("top.txt")
    for n in range(1, 30):
        (root / f"l{n}").symlink_to(f"l{n - 1}")
    assert name_of(locator, "l29") == "top.txt"
    (root / "round").symlink_to("about")
    (root / "about").symlink_to("round")
    with pytest.raises(PathError, match="circles"):
        locator.locate("round", missing_ok=True)


def test_a_dangling_symlink_names_the_file_it_would_lead_to(locator: Locator, root: Path) -> None:
    (root / "link").symlink_to("src/new.py")
    with locator.locate("link", missing_ok=True) as located:
        assert (located.file_path, located.stat) == ("src/new.py", None)
        assert located.parent_fd >= 0


# names that lead out


@pytest.mark.parametrize(
    "path",
    [
        "../outside/secret",
        "src/../../outside/secret",
        "..",
        "src/../..",
        "/etc/passwd",
        "/",
        "../work2/x",
        "{root}/../outside/secret",
        "{root}2/x",
        "/etc/../etc/passwd",
    ],
)
def test_nothing_outside_is_reached_by_dots_or_absolute_paths(locator: Locator, root: Path, path: str) -> None:
    before = descriptors()
    with pytest.raises(OutsideWorkspaceError) as caught:
        locator.locate(path.format(root=root), missing_ok=True)
    refusal = caught.value.refusal
    assert refusal.type == "OUTSIDE_WORKSPACE"
    assert "leads out of the workspace" in refusal.message
    assert "inside the workspace" in refusal.resolution
    assert refusal.file_path == path.format(root=root)
    assert descriptors() == before


@pytest.mark.parametrize(
    ("link", "target", "asked"),
    [
        ("link", "../outside/secret", "link"),
        ("link", "{root}/../outside/secret", "link"),
        ("link", "/etc/passwd", "link"),
        ("src/out", "../../outside", "src/out/secret"),
        ("out", "/", "out/etc/passwd"),
        ("proc", "/proc/self/root/etc/passwd", "proc"),
        ("new", "../outside/new", "new"),
    ],
)
def test_nothing_outside_is_reached_through_symlinks(locator: Locator, root: Path, link: str, target: str, asked: str) -> None:
    (root / link).symlink_to(target.format(root=root))
    with pytest.raises(OutsideWorkspaceError):
        locator.locate(asked, missing_ok=True)
    assert not (root.parent / "outside" / "new").exists()


@pytest.mark.parametrize(
    "path",
    [
        ".git/config",
        ".git",
        ".noclobber/state.db",
        ".GIT/config",
        ".Noclobber/x",
        "src/.git/config",
        "src/deep/.noclobber/x",
        "src/../.git/config",
        "src/./.git/hooks/x",
        ".g\u200cit/config",
        "{root}/.git/config",
        "link/config",
        "file",
        "new/.git/config",
    ],
)
def test_git_and_our_own_state_are_outside(locator: Locator, root: Path, path: str) -> None:
    for folder in (".git", ".noclobber", "src/.git", "src/deep/.noclobber", ".GIT"):
        (root / folder).mkdir()
    (root / ".git" / "config").write_bytes(b"x")
    (root / "link").symlink_to(".git")
    (root / "file").symlink_to("src/../.git/config")
    with pytest.raises(OutsideWorkspaceError, match="not guarded"):
        locator.locate(path.format(root=root), missing_ok=True)


# unusable names


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("", "empty"),
        ("a\0b", "a NUL"),
        ("a\nb", "a line break"),
        ("a\rb", "a line break"),
        ("a\u2028b", "a line break"),
        ("a\tb", "a tab"),
        ("a\x1b[31mb", "a control character"),
        ("a\x85b", "a control character"),
        ("a\udcffb", "not valid UTF-8"),
        (b"a\xffb", "not valid UTF-8"),
        (".", "workspace folder itself"),
        ("src/..", "workspace folder itself"),
        ("{root}", "workspace folder itself"),
        ("src", "a folder"),
        ("src/", "a folder"),
        ("{root}/src/", "a folder"),
        ("src/deep/..", "a folder"),
        ("pipe", "a named pipe"),
        ("socket", "a socket"),
        ("topipe", "a named pipe"),
        ("src/a.py/b", "'src/a.py' is a file, not a folder"),
        ("nowhere/../top.txt", "a folder that does not exist"),
        ("y" * 300, "too long"),
        ("src/" + "y" * 300 + "/x", "too long"),
        ("d/" * 3000 + "x", ""),
    ],
)
def test_names_that_cannot_be_used_are_refused_in_words(locator: Locator, root: Path, path: str | bytes, said: str) -> None:
    os.mkfifo(root / "pipe")
    (root / "topipe").symlink_to("pipe")
    here = os.open(root, os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"/proc/self/fd/{here}/socket")
    os.close(here)
    before = descriptors()
    if isinstance(path, str):
        path = path.format(root=root)
    if said:
        with pytest.raises(PathError, match=said) as caught:
            locator.locate(path, missing_ok=True)
        str(caught.value).encode()
    else:
        with pytest.raises(FileAccessError, match="There is no file"):
            locator.locate(path)
    assert descriptors() == before


def test_something_that_is_no_path_is_refused_in_words(locator: Locator) -> None:
    class Odd:
        def __fspath__(self) -> str:
            return "a\nb"

    with pytest.raises(PathError, match="line break"):
        locator.locate(Odd())


# what is missing


def test_a_missing_file_is_reported_unless_it_may_be_missing(locator: Locator) -> None:
    with pytest.raises(FileAccessError, match=r"There is no file 'src/new.py' in the workspace") as caught:
        locator.locate("src/new.py")
    assert caught.value.errno == 2
    with locator.locate("src/new.py", missing_ok=True) as located:
        assert located.stat is None
        assert located.parent_fd >= 0


def test_a_missing_folder_is_reported_and_can_be_made(locator: Locator, root: Path) -> None:
    with locator.locate("new/./folder//x.py", missing_ok=True) as located:
        assert (located.file_path, located.parent_fd, located.name, located.stat) == ("new/folder/x.py", -1, "x.py", None)
        assert not locator.still_there(located)
        locator.make_parents(located.file_path)
    assert (root / "new" / "folder").is_dir()
    locator.make_parents("new/folder/x.py")
    with locator.locate("new/folder/x.py", missing_ok=True) as located:
        assert located.parent_fd >= 0


def test_folders_are_never_made_outside(locator: Locator, root: Path) -> None:
    (root / "out").symlink_to("../outside")
    with pytest.raises(NoclobberError):
        locator.make_parents("out/new/x.py")
    assert os.listdir(root.parent / "outside") == ["secret"]


def test_a_file_where_a_folder_should_be_made_is_reported(locator: Locator) -> None:
    with pytest.raises(FileAccessError, match=r"Cannot make the folder of 'top.txt/x'"):
        locator.make_parents("top.txt/x")


# what moves


def test_a_folder_that_stays_is_still_there(locator: Locator) -> None:
    for path in ("src/deep/b.py", "top.txt"):
        with locator.locate(path) as located:
            assert locator.still_there(located)


@pytest.mark.parametrize("moved", ["src/deep", "src"])
def test_a_folder_moved_or_replaced_is_noticed(locator: Locator, root: Path, moved: str) -> None:
    with locator.locate("src/deep/b.py") as located:
        (root / moved).rename(root / "elsewhere")
        assert not locator.still_there(located)
        (root / "src" / "deep").mkdir(parents=True)
        assert not locator.still_there(located)


def test_a_folder_moved_away_with_a_symlink_left_in_its_place_is_noticed(locator: Locator, root: Path) -> None:
    with locator.locate("src/deep/b.py") as located:
        (root / "src").rename(root / "elsewhere")
        (root / "src").symlink_to("elsewhere")
        assert not locator.still_there(located)
    assert name_of(locator, "src/deep/b.py") == "elsewhere/deep/b.py"


def test_a_workspace_folder_moved_removed_or_replaced_is_reported(locator: Locator, root: Path) -> None:
    located = locator.locate("top.txt")
    root.rename(root.parent / "elsewhere")
    with pytest.raises(WorkspaceError, match="was moved, removed or replaced; open the workspace again"):
        locator.locate("top.txt")
    root.mkdir()
    (root / "top.txt").write_bytes(b"another")
    with pytest.raises(WorkspaceError, match="open the workspace again"):
        locator.locate("top.txt")
    with pytest.raises(WorkspaceError, match="open the workspace again"):
        locator.still_there(located)
    located.close()
    located.close()
    shutil.rmtree(root)
    with pytest.raises(WorkspaceError, match="open the workspace again"):
        locator.locate("top.txt")


def test_a_root_that_is_no_folder_is_reported(root: Path) -> None:
    with pytest.raises(WorkspaceError, match="Not a directory"):
        Locator(root / "top.txt")
    with pytest.raises(WorkspaceError, match="No such file"):
        Locator(root / "nowhere")


# races

SWAPPING = """
import os, sys
from noclobber.syscalls import exchange
os.chdir(sys.argv[1])
here = os.open(".", os.O_RDONLY)
print("going", flush=True)
while True:
    for step in sys.argv[2:]:
        if "=" in step:
            exchange(here, step.partition("=")[0], here, step.partition("=")[2])
        else:
            os.rename(step.partition(">")[0], step.partition(">")[2])
"""


@contextmanager
def swapping(where: Path, *steps: str) -> Iterator[None]:
    """Another process that renames (``a>b``) or exchanges (``a=b``) for as long as the test runs."""
    with subprocess.Popen([sys.executable, "-c", SWAPPING, str(where), *steps], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"going\n"
        try:
            yield
        finally:
            other.kill()


def plainly_outside(file: Path) -> bool:
    """What a program that does not look sees at this moment."""
    try:
        return file.read_bytes() == SECRET
    except OSError:
        return False


def reached(locator: Locator, path: str) -> str:
    """What a look-up and an opening give: the content's place, or the kind of refusal."""
    try:
        return content_of(locator, path).decode()
    except NoclobberError as error:
        return type(error).__name__


def race(locator: Locator, root: Path, path: str, times: int) -> dict[str, int]:
    counts: dict[str, int] = {}
    open_before = descriptors()
    for _ in range(times):
        counts["plain look-ups led outside"] = counts.get("plain look-ups led outside", 0) + plainly_outside(root / path)
        what = reached(locator, path)
        counts[what] = counts.get(what, 0) + 1
    assert descriptors() == open_before
    print(counts)
    assert SECRET.decode() not in counts
    assert counts["plain look-ups led outside"] > times // 100, "the other process was too slow for this to mean anything"
    return counts


def test_a_folder_swapped_for_a_symlink_that_leads_out_never_does(locator: Locator, root: Path) -> None:
    (root / "place").mkdir()
    (root / "place" / "secret").write_bytes(b"inside")
    (root / "out").symlink_to("../outside")
    with swapping(root, "place>keep", "out>place", "place>out", "keep>place"):
        counts = race(locator, root, "place/secret", 8000)
    assert counts["inside"] > 80
    assert counts["OutsideWorkspaceError"] > 80


def test_a_folder_exchanged_with_a_symlink_that_leads_out_never_does(locator: Locator, root: Path) -> None:
    (root / "place").mkdir()
    (root / "place" / "secret").write_bytes(b"inside")
    (root / "out").symlink_to("../outside")
    with swapping(root, "place=out"):
        counts = race(locator, root, "place/secret", 8000)
    assert counts["inside"] > 80
    assert counts["OutsideWorkspaceError"] > 80


def test_a_file_swapped_for_a_symlink_that_leads_out_never_does(locator: Locator, root: Path) -> None:
    (root / "src" / "file").write_bytes(b"inside")
    (root / "src" / "out").symlink_to("../../outside/secret")
    with swapping(root / "src", "file>keep", "out>file", "file>out", "keep>file"):
        counts = race(locator, root, "src/file", 8000)
    assert counts["inside"] > 80


def test_a_symlink_inside_retargeted_outside_never_leads_there(locator: Locator, root: Path) -> None:
    (root / "in").symlink_to("src/deep")
    (root / "src" / "deep" / "secret").write_bytes(b"inside")
    (root / "out").symlink_to("../outside")
    with swapping(root, "in>link", "link>in", "out>link", "link>out"):
        counts = race(locator, root, "link/secret", 8000)
    assert counts["inside"] > 80
    assert counts["OutsideWorkspaceError"] > 80


def test_folders_made_in_a_race_are_never_made_outside(locator: Locator, root: Path) -> None:
    (root / "place").mkdir()
    (root / "out").symlink_to("../outside")
    made = refused = 0
    with swapping(root, "place=out"):
        for n in range(4000):
            try:
                locator.make_parents(f"place/new{n}/x")
                made += 1
            except NoclobberError:
                refused += 1
    print(f"made {made}, refused {refused}")
    assert os.listdir(root.parent / "outside") == ["secret"]
    assert made > 40
    assert refused > 40
