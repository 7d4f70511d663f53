"""A file watcher sees every guarded write as a change of the target."""

from __future__ import annotations

import queue
from pathlib import Path

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

from noclobber import ConcurrencyGuard


class _Seen(FileSystemEventHandler):
    def __init__(self) -> None:
        self.names: queue.Queue[str] = queue.Queue()

    def on_any_event(self, event: FileSystemEvent) -> None:
        if event.event_type in ("created", "modified", "moved", "closed"):
            self.names.put(Path(str(event.dest_path or event.src_path)).name)
            self.names.put(Path(str(event.src_path)).name)


def test_every_guarded_write_is_a_change_of_the_target_to_a_watcher(tmp_path: Path) -> None:
    folder = tmp_path / "src"
    folder.mkdir()
    (folder / "file").write_bytes(b"old\n")
    seen = _Seen()
    with ConcurrencyGuard(tmp_path, "alice") as alice:
        alice.read("src/file")
        observer = Observer()
        observer.schedule(seen, str(folder), recursive=False)
        observer.start()
        try:
            for number in range(8):
                _forget(seen)
                alice.write("src/file", b"%d\n" % number)
                while seen.names.get(timeout=10) != "file":
                    continue
                _forget(seen)
                alice.write(f"src/new {number}", b"new\n")
                while seen.names.get(timeout=10) != f"new {number}":
                    continue
        finally:
            observer.stop()
            observer.join()


def _forget(seen: _Seen) -> None:
    """What was heard so far; an event of an earlier write that comes later still names its own file, so a marker settles it."""
    while not seen.names.empty():
        seen.names.get_nowait()
