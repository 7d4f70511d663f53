"""A file watcher sees every guarded write as a change of the target, and never as its disappearance."""

from __future__ import annotations

import queue
from pathlib import Path

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

from noclobber import ConcurrencyGuard


class _Seen(FileSystemEventHandler):
    def __init__(self) -> None:
        self.events: queue.Queue[FileSystemEvent] = queue.Queue()

    def on_any_event(self, event: FileSystemEvent) -> None:
        if event.event_type in ("created", "modified", "moved", "deleted"):
            self.events.put(event)

    def until(self, marker: Path) -> list[FileSystemEvent]:
        """All that was heard before the marker, which is written after what is to be heard."""
        marker.write_bytes(b"now\n")
        heard: list[FileSystemEvent] = []
        while True:
            event = self.events.get(timeout=20)
            if event.src_path == str(marker):
                return heard
            heard.append(event)


def _present(events: list[FileSystemEvent], path: Path) -> bool | None:
    """Whether the file is there and changed, by what a watcher is told; None: it was told nothing."""
    present = None
    for event in events:
        if event.event_type in ("deleted", "moved") and event.src_path == str(path):
            present = False
        if (event.event_type in ("created", "modified") and event.src_path == str(path)) or event.dest_path == str(path):
            present = True
    return present


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
                alice.write("src/file", b"%d\n" % number)
                assert _present(seen.until(folder / f"after {number}"), folder / "file") is True
                alice.write(f"src/new {number}", b"new\n")
                assert _present(seen.until(folder / f"then {number}"), folder / f"new {number}") is True
        finally:
            observer.stop()
            observer.join()
