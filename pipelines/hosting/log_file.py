"""The log of a running `backlog-elt up`, which all its processes append to."""

import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TextIO

from resources.warehouse.embedded import tidy_log

#: A longer file is moved aside; what was aside before goes.
LONGEST_BYTES = 10_000_000


@dataclass(frozen=True)
class LogFile:
    """A file that only its owner may read."""

    path: Path
    file: TextIO

    @classmethod
    def of(cls, home: Path) -> Self:
        """Open the log of a home.

        Raises:
            RuntimeError: it cannot be written; the message says where it is and what to do.
        """
        path = _log_of(home)
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        except OSError as error:
            why = f"{error.strerror}): see who owns it, or whether the disk is full"
            raise RuntimeError(f"the log {path} cannot be written ({why}") from None
        return cls(path, os.fdopen(descriptor, "a", buffering=1, errors="backslashreplace"))

    def keep_short(self, longest: int = LONGEST_BYTES) -> None:
        """Move a long log aside: processes hold it open, so it is copied and emptied."""
        if os.fstat(self.file.fileno()).st_size > longest:
            with suppress(OSError):  # a full disk loses lines and stops no process
                shutil.copy(self.path, _aside(self.path))
            os.ftruncate(self.file.fileno(), 0)


def erase_logs(home: Path) -> None:
    """Erase what processes of a home and its embedded PostgreSQL have logged; they go on writing.

    Raises:
        WarehouseError: the log of the server cannot be written.
        OSError: the log of the processes cannot be written.
    """
    tidy_log(home, erase=True)
    log = _log_of(home)
    if log.exists():
        os.truncate(log, 0)
    _aside(log).unlink(missing_ok=True)


def _log_of(home: Path) -> Path:
    return home / "logs" / "up.log"


def _aside(log: Path) -> Path:
    return log.with_name(f"{log.name}.1")
