"""Files of JSON lines that survive crashes and restarts: written by a thread, limited in size.

A full file is renamed to `NAME.1`, the old `NAME.1` to `NAME.2`, and so on. The oldest is deleted.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import logging
import os
import threading
from collections import deque
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

log = logging.getLogger("upcloud_sdk")

MAX_BYTES = 8 * 1024 * 1024
"""Limit of one file."""
OLDER_FILES = 7
"""How many full files are kept, besides the current one."""
MOST_WAITING = 10_000
"""Limit of lines in memory while the disk cannot be written. Further lines are lost and counted."""
_RETRY_AFTER = 5.0
_IDLE = 5.0
"""The thread ends after this many seconds without a line. The next line starts a new one."""
_AT_EXIT = 2.0
"""Limit for the wait for the disk at the end of the process, in seconds."""


class JsonLines:
    """Appends lines to a file. Thread-safe. `append` neither waits for the disk nor fails because of it."""

    def __init__(self, path: Path, *, max_bytes: int = MAX_BYTES, older_files: int = OLDER_FILES) -> None:
        self.path, self._max_bytes, self._older_files = path, max_bytes, older_files
        self._is_closed = False
        self._forget_parent()
        atexit.register(self.flush, _AT_EXIT)

    def _forget_parent(self) -> None:
        """Reset in a forked child: it has no thread, and the parent writes the parent's lines."""
        self._pid = os.getpid()
        self._changed = threading.Condition()
        self._waiting: deque[bytes] = deque()
        self._thread: threading.Thread | None = None
        self._lost = 0
        self._problem: OSError | None = None

    def append(self, document: Mapping[str, object]) -> None:
        """Add a line, which the thread writes soon. Values that JSON does not know are written as text."""
        line = json.dumps(document, default=str, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")
        if self._pid != os.getpid():
            self._forget_parent()
        with self._changed:
            if len(self._waiting) >= MOST_WAITING:
                self._lost += 1
                return
            self._waiting.append(line + b"\n")
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=f"writes {self.path.name}", daemon=True)
                try:
                    self._thread.start()
                except RuntimeError:
                    self._thread = None  # The process is ending.
            self._changed.notify_all()

    def flush(self, timeout: float) -> bool:
        """Wait until all lines are written or writing fails, at most `timeout` seconds. Returns whether they are."""
        if self._pid != os.getpid():
            return True
        with self._changed:
            self._changed.wait_for(lambda: not self._waiting or self._problem is not None, timeout)
            return not self._waiting

    def close(self, timeout: float) -> bool:
        """Flush and end the thread. The end of the process then no longer waits for this file."""
        atexit.unregister(self.flush)
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        return self.flush(timeout)

    def _run(self) -> None:
        while True:
            with self._changed:
                if not self._waiting and not self._is_closed:
                    self._changed.wait(_IDLE)
                if not self._waiting:
                    self._thread = None
                    return
                lines = list(self._waiting)
            written, problem = self._write(lines)
            with self._changed:
                for _ in range(written):
                    self._waiting.popleft()
                self._tell(problem)
                self._changed.notify_all()
                if problem is not None:
                    self._changed.wait(_RETRY_AFTER)

    def _tell(self, problem: OSError | None) -> None:
        if problem is not None and self._problem is None:
            log.warning("%s cannot be written; retrying, nothing else is affected: %s", self.path, problem)
        elif problem is None and self._problem is not None:
            log.warning("%s can be written again; %d lines are lost", self.path, self._lost)
            self._lost = 0
        self._problem = problem

    def _write(self, lines: list[bytes]) -> tuple[int, OSError | None]:
        """Write lines. Returns the number of written lines, and the error if not all are written."""
        try:
            with contextlib.suppress(FileNotFoundError):
                if self.path.stat().st_size >= self._max_bytes:
                    self._rotate()
            with self.path.open("ab", buffering=0) as file:
                # After a crash or on a full disk, the last line may be incomplete.
                start = b"\n" if _is_cut(self.path) else b""
                whole = start + b"".join(lines)
                count = file.write(whole) or 0
                done = max(0, whole[:count].count(b"\n") - len(start))
        except OSError as error:
            return 0, error
        return done, None if done == len(lines) else OSError("the disk is full")

    def _rotate(self) -> None:
        files = [self.path, *(_older(self.path, number) for number in range(1, self._older_files + 1))]
        files[-1].unlink(missing_ok=True)
        for newer, older in reversed(list(pairwise(files))):
            with contextlib.suppress(FileNotFoundError):
                newer.rename(older)


def _older(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number}")


def _is_cut(path: Path) -> bool:
    """Whether the last line of a file is incomplete."""
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_size == 0:
            return False
        file.seek(-1, os.SEEK_END)
        return file.read(1) != b"\n"
