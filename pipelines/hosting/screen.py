"""What `backlog-elt up` writes for people: lines, and on a terminal a last one that is redrawn."""

import os
import shutil
import threading
import time
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TextIO

from resources.redact import plain_lines

#: Seconds between two lines about the same progress where lines cannot be drawn again.
PROGRESS_EVERY = 60.0


class Screen:
    """A terminal, or a stream of plain lines; several threads may write.

    When its reader is gone, what is written is dropped.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._terminal = stream.isatty()
        self._lock = threading.Lock()
        self._drawn = ""
        self._progress_at = float("-inf")

    def say(self, line: str) -> None:
        """Write a line with the time before it."""
        self.show(f"{datetime.now().astimezone():%H:%M:%S}  {line}")

    def show(self, text: str) -> None:
        """Write lines as they are, above the progress."""
        with self._lock:
            erased = "\r".join(("", " " * len(self._drawn), "")) if self._drawn else ""
            self._write(f"{erased}{plain_lines(text)}\n{self._drawn}")

    def progress(self, text: str) -> None:
        """Redraw how far something is; where nothing can be redrawn, write a line once a minute."""
        if self._terminal:
            with self._lock:
                before, width = self._drawn, shutil.get_terminal_size().columns
                self._drawn = plain_lines(text)[: width - 1]
                end = "" if self._drawn else "\r"
                self._write(f"\r{self._drawn:<{len(before)}}{end}" if before or self._drawn else "")
        elif text and time.monotonic() - self._progress_at >= PROGRESS_EVERY:
            self._progress_at = time.monotonic()
            self.say(text)

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):
            # Python would fail at its end where something is left to write.
            with suppress(OSError, ValueError), Path(os.devnull).open("w") as nothing:
                os.dup2(nothing.fileno(), self._stream.fileno())
