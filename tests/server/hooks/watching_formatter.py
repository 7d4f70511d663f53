"""A formatter in watch mode: runs ``ruff format`` whenever a Python file of the folder is touched.

``python watching_formatter.py FOLDER``: prints ``watching`` once it does, ``ran`` after each run, ``idle`` when
nothing has happened for a second.
"""

from __future__ import annotations

import queue
import subprocess
import sys

from watchdog.events import FileClosedNoWriteEvent, FileOpenedEvent, FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

QUIET_S = 1.0


class _Touched(FileSystemEventHandler):
    def __init__(self, paths: queue.Queue[str]) -> None:
        self._paths = paths

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Reading a file touches nothing."""
        if isinstance(event, (FileOpenedEvent, FileClosedNoWriteEvent)) or event.is_directory:
            return
        for path in (str(event.src_path), str(event.dest_path)):
            if path.endswith(".py"):
                self._paths.put(path)


def main(folder: str) -> None:
    """Until killed."""
    paths: queue.Queue[str] = queue.Queue()
    observer = Observer()
    observer.schedule(_Touched(paths), folder)
    observer.start()
    print("watching", flush=True)
    idle = False
    while True:
        try:
            touched = {paths.get(timeout=QUIET_S)}
        except queue.Empty:
            if not idle:
                print("idle", flush=True)
            idle = True
            continue
        while not paths.empty():
            touched.add(paths.get())
        subprocess.run([sys.executable, "-m", "ruff", "format", "--quiet", "--no-cache", *sorted(touched)], check=False)
        print("ran", flush=True)
        idle = False


if __name__ == "__main__":
    main(sys.argv[1])
