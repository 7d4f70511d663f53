"""Which files are merged line by line, by their names alone."""

from __future__ import annotations

__all__ = ["is_mergeable_name"]

_GENERATED = frozenset({
    "package-lock.json", "npm-shrinkwrap.json", "pnpm-lock.yaml", "packages.lock.json", "go.sum", "go.work.sum", "bun.lockb",
    "package.resolved", "cartfile.resolved", "gradle.lockfile", "buildscript-gradle.lockfile", "pylock.toml", "conda-lock.yml",
    ".terraform.lock.hcl", "project.assets.json", "cabal.project.freeze",
})  # fmt: skip


def is_mergeable_name(path: str) -> bool:
    """Whether a file of this name may be merged line by line: no notebook, and no lock file of a package manager."""
    name = path.replace("\\", "/").rsplit("/", 1)[-1].lower()
    return not (name.endswith((".ipynb", ".lock")) or name in _GENERATED)
