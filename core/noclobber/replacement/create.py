"""A new file: put in place so that it never replaces one that has just appeared."""

from __future__ import annotations

from ..syscalls import rename_noreplace
from .base import Action, Result, finish_rename, hash_at, read_displaced

__all__ = ["Create"]


class Create(Action):
    """The temporary file was whole before the row was recorded, so its absence means that it was put in place."""

    def make(self) -> Result:
        """Rename without replacing; ``overtaken`` if the name is taken."""
        self.witness.step("create")
        directory, name = self.site.temp(self.row)
        try:
            rename_noreplace(directory, name, self.site.parent, self.site.name)
        except FileExistsError:
            return "overtaken"
        return "placed"

    def undo(self) -> Result:
        """Take the new file away again, unless somebody has changed it since: then theirs stays."""
        self.witness.step("uncreate")
        directory, name = self.site.temp(self.row)
        try:
            rename_noreplace(self.site.parent, self.site.name, directory, name)
        except FileNotFoundError:
            return "overtaken"
        out = read_displaced(directory, name, self.ours)
        self.late = not out.quiet
        if out.hash == self.ours:
            return "placed"
        self._put_back(out.content)
        return "overtaken"

    def recover(self) -> Result:
        """A temporary file that is still there was never placed, or was taken away again."""
        directory, name = self.site.temp(self.row)
        finish_rename(directory, name, self.site.parent, self.site.name)
        try:
            out = read_displaced(directory, name, self.ours)
        except FileNotFoundError:
            return "placed"
        self.late = not out.quiet
        if out.hash != self.ours:
            self._put_back(out.content)
        return "overtaken"

    def recover_undo(self) -> Result:
        """Where it was placed, take it away if it is still ours."""
        if self.recover() == "overtaken":
            return "placed"
        return self.undo() if hash_at(self.site.parent, self.site.name) == self.ours else "overtaken"

    def _put_back(self, content: bytes | None) -> None:
        """Somebody changed our new file before we took it away: theirs goes back unless the name is taken again."""
        self.witness.record(self.row, keep=content)
        directory, name = self.site.temp(self.row)
        try:
            rename_noreplace(directory, name, self.site.parent, self.site.name)
        except FileExistsError:
            return
