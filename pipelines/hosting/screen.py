"""What `backlog-elt up` writes for people: lines that stay, and on a terminal one line below them
that says how far a load is.
"""

import errno
import os
import threading
import time
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TextIO

from resources.redact import plain_lines

#: Seconds between two lines about the same progress where lines cannot be drawn again.
PROGRESS_EVERY = 60.0
_NARROW = 80
#: The errors that say that the reader is gone for good, of a pipe and of a terminal.
_GONE = (errno.EPIPE, errno.EIO)


class Screen:
    """A terminal, or a stream of plain lines; several threads may write.

    A terminal that is gone is no reason to stop: what cannot be written is dropped.
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
        """Write lines as they are; what is drawn below stays below."""
        with self._lock:
            drawn = self._drawn
            self._draw("")
            self._write(f"{plain_lines(text)}\n")
            self._draw(drawn)

    def progress(self, text: str) -> None:
        """Draw how far something is, in place of what was drawn before; nothing takes it away.

        Where nothing can be drawn, a line is written once a minute.
        """
        with self._lock:
            if self._terminal:
                self._draw(plain_lines(text))
                return
        if text and time.monotonic() - self._progress_at >= PROGRESS_EVERY:
            self._progress_at = time.monotonic()
            self.say(text)

    def _draw(self, text: str) -> None:
        if not self._terminal or text == self._drawn:
            return
        fitting = text[: self._width() - 1]
        self._write("\r" + fitting.ljust(len(self._drawn)) + ("" if fitting else "\r"))
        self._drawn = fitting

    def _width(self) -> int:
        try:
            return os.get_terminal_size(self._stream.fileno()).columns or _NARROW
        except (OSError, ValueError):
            return _NARROW

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except OSError as error:
            if error.errno in _GONE:
                self._let_go()
        except ValueError:  # it is closed
            pass

    def _let_go(self) -> None:
        """Let nothing wait in the stream for a reader that is gone: Python writes it at its end,
        and would end with 120.
        """
        with suppress(OSError, ValueError), Path(os.devnull).open("w") as nothing:
            os.dup2(nothing.fileno(), self._stream.fileno())
