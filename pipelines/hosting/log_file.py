"""The log of a running `backlog-elt up`: all that its processes write, in a file that does not grow
without end.
"""

import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from resources.warehouse.embedded import tidy_log

#: The file is moved aside when it is longer, and what was aside before goes: twice as much is kept
#: at most.
LONGEST_BYTES = 10_000_000


def log_of(home: Path) -> Path:
    """Return the file that a `backlog-elt up` of a home writes."""
    return home / "logs" / "up.log"


def erase_logs(home: Path) -> None:
    """Erase what processes of a home and its embedded PostgreSQL have logged; they go on writing.

    Raises:
        WarehouseError: the log of the server cannot be written.
        OSError: the log of the processes cannot be written.
    """
    tidy_log(home, erase=True)
    log = log_of(home)
    if log.exists():
        os.truncate(log, 0)
    _aside(log).unlink(missing_ok=True)


def _aside(log: Path) -> Path:
    return log.with_name(f"{log.name}.1")


class LogFile:
    """A file that several processes append to; its predecessor is kept as `….1`.

    The processes hold the file open, so that it cannot be replaced: it is copied and emptied, and
    they go on at its beginning.
    """

    def __init__(self, path: Path, longest: int = LONGEST_BYTES) -> None:
        """Open the file, and make it and its folder where they are missing; only its owner may read
        it.

        Raises:
            OSError: it cannot be made.
        """
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path = path
        self._longest = longest
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self.file: TextIO = os.fdopen(
            descriptor, "a", encoding="utf-8", buffering=1, errors="backslashreplace"
        )

    def keep_short(self) -> None:
        """Rotate the file when it is too large; a full disk loses lines and stops no process."""
        if os.fstat(self.file.fileno()).st_size <= self._longest:
            return
        with suppress(OSError):
            shutil.copy(self.path, _aside(self.path))
        os.ftruncate(self.file.fileno(), 0)

    def close(self) -> None:
        """Close the file; processes that were started with it go on writing."""
        self.file.close()
