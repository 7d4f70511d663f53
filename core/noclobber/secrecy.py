"""Whose contents are never kept: secret-looking names, what the settings name, and what git ignores.

Only names are looked at, never contents. What git would ignore is asked of git itself, for a whole folder at a time, and
remembered for a few seconds while no ignore file changes. Knows nothing of where contents are kept.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from typing import NamedTuple

from .settings import Settings

__all__ = ["Secrecy", "looks_secret"]

_GLANCE_S = 0.02  # a stat of each ignore file costs more than all else about a snapshot: not for every one of a burst
_FRESH_S = 5.0  # tracking a file, or a changed git configuration, shows after so long
_SIBLINGS = 512  # names of one folder asked about in one go: one process of git for a folder, not one for a file
_GIT_PATIENCE_S = 10.0

_STARTS = (".env", "id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "client_secret", "service-account", "service_account")
_ENDS = (
    ".pem", ".key", ".crt", ".cer", ".der", ".csr", ".p7b", ".p7c", ".p8", ".p12", ".pfx", ".pkcs12",  # keys and certificates
    ".jks", ".bks", ".keystore", ".truststore", ".kdb", ".kdbx", ".keytab", ".mobileprovision",  # keystores
    ".asc", ".gpg", ".pgp", ".age", ".ppk", ".ovpn",  # keys of other tools
    ".env", ".secret", ".secrets", ".tfvars", ".tfvars.json", ".tfstate", ".tfstate.backup", ".htpasswd",
)  # fmt: skip
_NAMES = frozenset({
    ".netrc", "_netrc", ".pgpass", "pgpass.conf", ".my.cnf", ".mylogin.cnf", ".npmrc", ".pypirc", ".dockercfg", ".git-credentials", ".boto",
    ".s3cfg", ".vault-token", ".terraformrc", "terraform.rc", "kubeconfig", "wallet.dat", "application_default_credentials.json",
    "credentials", "credentials.json", "credentials.yml", "credentials.yaml", "credentials.toml", "credentials.ini", "credentials.xml",
    "secrets", "secrets.json", "secrets.yml", "secrets.yaml", "secrets.toml", "secrets.ini", "secret.json", "secret.yml", "secret.yaml",
})  # fmt: skip
_FOLDERS = frozenset({".ssh", ".gnupg", ".aws", ".azure", ".kube", ".docker"})
# Variables by which a git hook that started us would point git at another repository
_REDIRECTING = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_COMMON_DIR",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_NAMESPACE",
    "GIT_CEILING_DIRECTORIES",
)


def looks_secret(file_path: str) -> bool:
    """Whether the name alone says that a file holds credentials, keys or certificates; capital letters make no difference."""
    *folders, name = file_path.lower().split("/")
    return name.startswith(_STARTS) or name.endswith(_ENDS) or name in _NAMES or not _FOLDERS.isdisjoint(folders)


class _Mark(NamedTuple):
    """One ignore file as it stood; all zero where there was none."""

    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int


class _Answers:
    """What git said of names in one folder, and the ignore files it said it by."""

    __slots__ = ("asked_at", "glance_s", "ignored", "looked_at", "marks", "sources")

    def __init__(self, sources: list[str], glance_s: float) -> None:
        self.asked_at = self.looked_at = time.monotonic()
        self.glance_s = glance_s
        self.sources = sources
        self.marks = [_mark(source) for source in sources]  # before git reads them
        self.ignored: dict[str, bool] = {}

    def fresh(self) -> bool:
        now = time.monotonic()
        if now - self.looked_at < self.glance_s:
            return True
        if now - self.asked_at > _FRESH_S:
            return False
        self.looked_at = now
        return self.marks == [_mark(source) for source in self.sources]


class Secrecy:
    """Decides by name for one workspace. May be shared by threads; remembers git's answers for this process.

    ``glance_s``: for how long (seconds) the ignore files are taken to be as they were when last looked at.
    """

    def __init__(self, root: str | os.PathLike[str], settings: Settings, *, glance_s: float = _GLANCE_S) -> None:
        self._glance_s = glance_s
        self._root = os.path.realpath(root)
        self._globs = settings.never_keep
        self._patterns: object = None
        self._answers: dict[str, _Answers] = {}
        self._outside_git: dict[str, float] = {}

    def never_kept(self, file_path: str) -> bool:
        """Whether this file's contents may not be kept; ``file_path`` is relative to the root, with ``/``.

        Without git, or outside a repository, nothing is ignored; where git is there but fails, everything is: a secret kept
        cannot be taken back.
        """
        return looks_secret(file_path) or self._named(file_path) or self._ignored(file_path)

    def never_kept_of(self, file_paths: Iterable[str]) -> set[str]:
        """Those of many files whose contents may not be kept; git is asked once for each folder."""
        return {path for path in file_paths if self.never_kept(path)}

    def _named(self, file_path: str) -> bool:
        if not self._globs:
            return False
        import re  # only where the settings name globs

        if not isinstance(self._patterns, re.Pattern):
            self._patterns = re.compile("|".join(map(_as_pattern, self._globs)), re.IGNORECASE | re.DOTALL)
        return self._patterns.fullmatch(file_path) is not None

    def _ignored(self, file_path: str) -> bool:
        folder, name = self._split(file_path)
        answers = self._answers.get(folder)
        if answers is None or not answers.fresh():
            if time.monotonic() < self._outside_git.get(folder, 0.0):
                return False
            git = _repository_of(folder)
            if git is None:
                self._outside_git[folder] = time.monotonic() + self._glance_s
                return False
            answers = self._answers[folder] = _Answers(_ignore_files(folder, git), self._glance_s)
        known = answers.ignored.get(name)
        if known is None:
            answers.ignored.update(_ask_git(folder, name))
            known = answers.ignored[name]
        return known

    def _split(self, file_path: str) -> tuple[str, str]:
        """The nearest folder that exists, and the rest of the path."""
        folder, name = os.path.split(os.path.join(self._root, file_path))
        while len(folder) > len(self._root) and not os.path.isdir(folder):
            folder, above = os.path.split(folder)
            name = f"{above}/{name}"
        return folder, name


def _repository_of(folder: str) -> str | None:
    """The nearest ``.git`` at or above a folder."""
    while True:
        git = os.path.join(folder, ".git")
        if os.path.lexists(git):
            return git
        above = os.path.dirname(folder)
        if above == folder:
            return None
        folder = above


def _ignore_files(folder: str, git: str) -> list[str]:
    """The files by which git decides in this folder, apart from a ``core.excludesFile`` set to somewhere of its own."""
    top = os.path.dirname(git)
    sources = [os.path.join(_common_folder(git), "info", "exclude")]
    personal = os.environ.get("XDG_CONFIG_HOME") or os.path.join(os.path.expanduser("~"), ".config")
    sources.append(os.path.join(personal, "git", "ignore"))
    while True:
        sources.append(os.path.join(folder, ".gitignore"))
        if folder == top:
            return sources
        folder = os.path.dirname(folder)


def _common_folder(git: str) -> str:
    """Where ``info/exclude`` is: beside the repository's objects, also for a worktree or a submodule, whose ``.git`` is a file."""
    try:
        with open(git, encoding="utf-8", errors="surrogateescape") as file:
            target = file.read(4096).removeprefix("gitdir:").strip()
        git = os.path.join(os.path.dirname(git), target)
        with open(os.path.join(git, "commondir"), encoding="utf-8", errors="surrogateescape") as file:
            return os.path.join(git, file.read(4096).strip())
    except OSError:
        return git


def _mark(source: str) -> _Mark:
    try:
        stat = os.stat(source)
    except OSError:
        return _Mark(0, 0, 0, 0)
    return _Mark(stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)


def _ask_git(folder: str, name: str) -> dict[str, bool]:
    """Ask about a name, and about its neighbours in the same go, since they are likely to be next."""
    import subprocess  # 4 ms, only where git has to be asked

    names = [name, *(other for other in _neighbours(folder) if other != name)]
    command = ["git", "-c", "core.fsmonitor=false", "-C", folder, "check-ignore", "--stdin", "-z"]
    asked = b"".join(b"./" + os.fsencode(each) + b"\0" for each in names)  # "./": a name may begin with ":", which git reads as magic
    try:
        done = subprocess.run(command, input=asked, capture_output=True, timeout=_GIT_PATIENCE_S, env=_environment(), check=False)
    except OSError:  # no git here
        return dict.fromkeys(names, False)
    except subprocess.TimeoutExpired:
        return {name: True}
    if b"not a git repository" in done.stderr:
        return dict.fromkeys(names, False)
    if done.returncode not in (0, 1):
        return {name: True}
    ignored = {os.fsdecode(each[2:]) for each in done.stdout.split(b"\0")}
    return {each: each in ignored for each in names}


def _neighbours(folder: str) -> list[str]:
    names: list[str] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_file(follow_symlinks=False):
                    names.append(entry.name)
                if len(names) == _SIBLINGS:
                    break
    except OSError:
        return []
    return names


def _environment() -> dict[str, str]:
    environment = {name: value for name, value in os.environ.items() if name not in _REDIRECTING}
    return {**environment, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}


def _as_pattern(glob: str) -> str:
    """A glob as a regular expression: without ``/`` it means a name anywhere, ``**`` any folders; a folder means all in it."""
    body = glob.strip("/").removeprefix("./")
    anywhere = "" if "/" in glob.rstrip("/") else "(?:.*/)?"
    return f"(?:{anywhere}{_translated(body)}(?:/.*)?)"


def _translated(body: str) -> str:
    import re

    out: list[str] = []
    at = 0
    while at < len(body):
        if body.startswith("**/", at):
            out.append("(?:.*/)?")
            at += 3
        elif body.startswith("**", at):
            out.append(".*")
            at += 2
        elif body[at] == "[" and (end := body.find("]", at + 2)) > 0:
            out.append(_one_of(body[at + 1 : end]))
            at = end + 1
        else:
            out.append({"*": "[^/]*", "?": "[^/]"}.get(body[at]) or re.escape(body[at]))
            at += 1
    return "".join(out)


def _one_of(inner: str) -> str:
    import re

    listed = inner.replace("\\", r"\\").replace("[", r"\[")
    pattern = f"[^/{listed[1:]}]" if listed[0] in "!^" else f"[{listed}]"
    try:
        re.compile(pattern)
    except re.error:  # such as [z-a]: taken as it is written
        return re.escape(f"[{inner}]")
    return pattern
