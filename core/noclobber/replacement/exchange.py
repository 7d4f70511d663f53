"""Replacing a file: exchanged atomically with what is to be placed, and what came out is compared.

The loop of the design, checked as a model in ``tests/model``: exchange; if what came out is what was expected, it is
settled; if not, it is newer than what went in, so keep it, put it back, and expect to get out what just went in. Each
exchange is on record before it is made.
"""

from __future__ import annotations

import os
from contextlib import suppress

from ..syscalls import exchange
from .base import Action, Displaced, Result, hash_at, read_displaced

__all__ = ["Exchange"]


class Exchange(Action):
    """``row.placing`` goes in, ``row.expecting`` must come out; both as hashes of bytes already kept or in the temporary file."""

    def make(self) -> Result:
        """Exchange, compare, and put back until what stands is the newest."""
        return self._place(self.ours)

    def undo(self) -> Result:
        """The same loop the other way round: the old version goes in, ours must come out."""
        self.intend(placing=self.old, expecting=self.ours)
        return self._place(self.old)

    def recover(self) -> Result:
        """By what the temporary file holds: not yet exchanged, settled, or something newer that must go back."""
        return self._resume(finish=True)

    def recover_undo(self) -> Result:
        """As ``recover``, but a change that had settled is taken back."""
        return self._resume(finish=False)

    def _place(self, wanted: str | None) -> Result:
        """Exchange until settled; ``placed`` if then ``wanted`` stands, else something newer does."""
        while True:
            self.witness.step("exchange")
            directory, name = self.site.temp(self.row)
            try:
                # The target comes first: file watchers miss the change with the arguments the other way round.
                exchange(self.site.parent, self.site.name, directory, name)
            except FileNotFoundError:
                return self._vanished()
            self.witness.step("compare")
            if self._settled():
                return "placed" if self.row.placing == wanted else "overtaken"

    def _settled(self) -> bool:
        """Compare what came out; where it is not what was expected, keep it and announce that it goes back."""
        directory, name = self.site.temp(self.row)
        out = read_displaced(directory, name, self.row.expecting)
        if out.hash == self.row.expecting:
            self.late = not out.quiet
            if self.row.placing == self.ours:
                self._pass_on_mode(out.mode)
            return True
        self.witness.step("keep")
        self.intend(placing=out.hash, expecting=self.row.placing, keep=out.content)
        return False

    def _pass_on_mode(self, mode: int) -> None:
        """What somebody made of the old file's mode between its copying and the exchange holds for the new one too."""
        if mode == self.row.outcome.get("mode", mode):
            return
        with suppress(OSError):
            fd = os.open(self.site.name, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=self.site.parent)
            try:
                if os.fstat(fd).st_ino == self.row.outcome["inode"]:
                    os.fchmod(fd, mode)
            finally:
                os.close(fd)

    def _vanished(self) -> Result:
        """The target was deleted by somebody else: that is the newest word on it. What we hold is kept."""
        directory, name = self.site.temp(self.row)
        try:
            out = read_displaced(directory, name, self.row.placing)
        except FileNotFoundError:
            return "overtaken"  # it is our own file that is gone: somebody removed the whole state
        self.witness.record(self.row, keep=out.content)
        self.late = not out.quiet
        return "overtaken"

    def _resume(self, *, finish: bool) -> Result:
        wanted = self.ours if finish else self.old
        directory, name = self.site.temp(self.row)
        try:
            out = read_displaced(directory, name, self.row.expecting)
        except FileNotFoundError:
            return "overtaken"  # it is removed only once the outcome is on record: never exchanged
        self.late = not out.quiet
        if self.temp_inode() == self.row.outcome["inode"]:
            return self._resume_unexchanged(out, wanted)
        if out.hash == self.row.expecting:
            if self.row.placing == self.ours and not finish:
                return self.undo()
            return "placed" if self.row.placing == wanted else "overtaken"
        self.intend(placing=out.hash, expecting=self.row.placing, keep=out.content)
        return self._place(wanted)

    def _resume_unexchanged(self, out: Displaced, wanted: str | None) -> Result:
        """What was to go in is still in the temporary file, though somebody may have written into it since."""
        if self.row.placing == self.ours:
            self.late = self.late and out.hash != self.ours  # nobody but us ever had it
            return "placed" if wanted == self.old else "overtaken"  # ours never went in, and is dropped
        if hash_at(self.site.parent, self.site.name) == self.row.expecting:
            if out.hash != self.row.placing:
                self.intend(placing=out.hash, expecting=self.row.expecting, keep=out.content)
            return self._place(wanted)
        self.witness.record(self.row, keep=out.content)  # something newer than this stands already
        return "overtaken"
