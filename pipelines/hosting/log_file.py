"""The log of a running `backlog-elt up`, which all its processes append to."""

import os
import re
import shutil
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from resources.warehouse.server.embedded import tidy_log

#: A longer file is moved aside; what was aside before goes.
LONGEST_BYTES = 10_000_000
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def open_log(home: Path) -> TextIO:
    """Open the log of a home, which only its owner may read.

    Raises:
        RuntimeError: it cannot be written; the message says where it is and what to do.
    """
    path = _log_of(home)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        return path.open("a", buffering=1, errors="backslashreplace")
    except OSError as error:
        to_do = "see who owns it, or whether the disk is full"
        refused = f"the log {path} cannot be written ({error.strerror}): {to_do}"
        raise RuntimeError(refused) from None


def last_lines(log: Path, count: int) -> list[str]:
    """Return the last lines of a log, without colours, and fewer when they are very long."""
    with log.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - 200 * count))
        read = file.read().decode(errors="replace")
    return _COLOUR.sub("", read).splitlines()[-count:]


def keep_short(log: TextIO, longest: int = LONGEST_BYTES) -> None:
    """Move a long log aside: processes hold it open, so it is copied and emptied."""
    if os.fstat(log.fileno()).st_size > longest:
        with suppress(OSError):  # a full disk loses lines and stops no process
            shutil.copy(log.name, _aside(Path(log.name)))
        os.ftruncate(log.fileno(), 0)


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
