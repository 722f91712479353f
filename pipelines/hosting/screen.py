"""What `backlog-elt up` writes for people: plain lines."""

import os
import threading
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TextIO

from resources.redact import plain_lines


class Screen:
    """A stream of lines, written by several threads; when its reader is gone, they are dropped."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def say(self, line: str) -> None:
        """Write a line with the time before it."""
        self.show(f"{datetime.now().astimezone():%H:%M:%S}  {line}")

    def show(self, text: str) -> None:
        """Write lines as they are."""
        try:
            with self._lock:
                self._stream.write(f"{plain_lines(text)}\n")
                self._stream.flush()
        except (OSError, ValueError):
            # Python would fail at its end where something is left to write.
            with suppress(OSError, ValueError), Path(os.devnull).open("w") as nothing:
                os.dup2(nothing.fileno(), self._stream.fileno())
