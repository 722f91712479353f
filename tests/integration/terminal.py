"""A pseudo-terminal: what a person who starts a command at a shell sees."""

import fcntl
import os
import pty
import struct
import subprocess
import termios
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

ROWS, COLUMNS = 40, 120


class Terminal:
    """A window of 120 columns in which a command runs; what it writes is read all the time, as a
    terminal does.
    """

    def __init__(
        self, command: Sequence[str], *, environment: Mapping[str, str], folder: Path
    ) -> None:
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self.process = subprocess.Popen(
            command,
            env=environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        self._written = bytearray()
        self._reader = threading.Thread(target=self._read, args=(ours,), daemon=True)
        self._reader.start()

    def _read(self, ours: int) -> None:
        with os.fdopen(ours, "rb", buffering=0) as screen:
            try:
                while piece := screen.read(65_536):
                    self._written += piece
            except OSError:  # the last process that had it has ended
                pass

    @property
    def written(self) -> str:
        """All that was written, with what has been drawn over since."""
        return self._written.decode(errors="replace")

    @property
    def lines(self) -> list[str]:
        """The lines that a person sees: of what is drawn in one place the last."""
        return [_seen(line) for line in self.written.replace("\r\n", "\n").split("\n")]


def _seen(line: str) -> str:
    shown = ""
    for drawn in line.split("\r"):
        shown = drawn + shown[len(drawn) :]
    return shown.rstrip()
