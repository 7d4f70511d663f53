"""Deleting and moving: taken aside (or to its new name), compared, and put back if it was not what was expected."""

from __future__ import annotations

from ..syscalls import rename_noreplace
from .base import Action, Result, finish_rename, hash_at, inode_at, read_displaced

__all__ = ["Delete", "Move"]


class Delete(Action):
    """The file goes into the temporary name; ``row.expecting`` is what must be found there."""

    def make(self) -> Result:
        """Take it aside and compare."""
        self.witness.step("take")
        directory, name = self.site.temp(self.row)
        try:
            rename_noreplace(self.site.parent, self.site.name, directory, name)
        except FileNotFoundError:
            return "overtaken"
        self.witness.step("compare")
        return self._compare()

    def undo(self) -> Result:
        """Put it back, unless a newer file has taken the name."""
        return self._put_back()

    def recover(self) -> Result:
        """Present temporary file: it was taken; compare and settle."""
        self._finish_taking()
        try:
            return self._compare()
        except FileNotFoundError:
            return "overtaken"

    def recover_undo(self) -> Result:
        """Put it back if it had been taken."""
        self._finish_taking()
        return self._put_back()

    def _finish_taking(self) -> None:
        directory, name = self.site.temp(self.row)
        finish_rename(self.site.parent, self.site.name, directory, name)

    def _compare(self) -> Result:
        directory, name = self.site.temp(self.row)
        out = read_displaced(directory, name, self.old)
        self.late = not out.quiet
        if out.hash == self.old:
            return "placed"
        self._put_back()
        return "overtaken"

    def _put_back(self) -> Result:
        directory, name = self.site.temp(self.row)
        try:
            out = read_displaced(directory, name, self.old)
            self.witness.record(self.row, keep=out.content)
            self.late = not out.quiet
            self.witness.step("put back")
            rename_noreplace(directory, name, self.site.parent, self.site.name)
        except FileNotFoundError:
            return "placed"
        except FileExistsError:
            return "overtaken"
        return "placed"


class Move(Action):
    """The file goes to its new name, which must be free; ``row.expecting`` is what must be found there."""

    def make(self) -> Result:
        """Rename without replacing, then compare what arrived."""
        self.witness.step("move")
        try:
            rename_noreplace(self.site.parent, self.site.name, self.site.to_parent, self.site.to_name)
        except (FileNotFoundError, FileExistsError):
            return "overtaken"
        self.witness.step("compare")
        if hash_at(self.site.to_parent, self.site.to_name) == self.old:
            return "placed"
        self.undo()
        return "overtaken"

    def undo(self) -> Result:
        """Back to the old name, unless that has been taken again."""
        self.witness.step("move back")
        try:
            rename_noreplace(self.site.to_parent, self.site.to_name, self.site.parent, self.site.name)
        except (FileNotFoundError, FileExistsError):
            return "overtaken"
        return "placed"

    def recover(self) -> Result:
        """It had been moved if the very file stands at the new name; whatever else was moved goes back, as ``make`` would have done."""
        finish_rename(self.site.parent, self.site.name, self.site.to_parent, self.site.to_name)
        arrived = hash_at(self.site.to_parent, self.site.to_name) == self.old
        if inode_at(self.site.to_parent, self.site.to_name) == self.row.outcome.get("inode", -1):
            if arrived:
                return "placed"
            self.undo()
            return "overtaken"
        gone = inode_at(self.site.parent, self.site.name) is None
        return "placed" if gone and arrived else "overtaken"

    def recover_undo(self) -> Result:
        """Back to the old name if it had been moved."""
        return self.undo() if self.recover() == "placed" else "placed"
