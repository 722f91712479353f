"""The lock on a home: at most one `backlog-elt up` at a time, in whichever container it runs.

The system releases it when the process that took it ends, however it ends; children do not hold it.
The file stays: who removes a lock file lets two processes hold one each.
"""

import fcntl
import os
import socket
import time
from pathlib import Path

from resources.variables import SettingsError

#: Commands that ask whether the lock is held hold it themselves for a moment.
PATIENCE_SECONDS = 1.0


def take(home: Path) -> int | None:
    """Take the lock on a home, which is made where it is missing.

    Returns the file that holds the lock until it is closed; None: somebody else holds it.

    Raises:
        SettingsError: the folder cannot be made, or nothing can be written or locked there.
    """
    try:
        home.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(_file(home), os.O_RDWR | os.O_CREAT, 0o600)
        end = time.monotonic() + PATIENCE_SECONDS
        while not _locked(descriptor, fcntl.LOCK_EX):
            if time.monotonic() > end:
                os.close(descriptor)
                return None
            time.sleep(0.05)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}@{socket.gethostname()}".encode(), 0)
    except OSError as error:
        expected = f"a folder that can be created and written to here ({error.strerror})"
        raise SettingsError("BACKLOG_ELT_HOME", str(home), expected) from None
    return descriptor


def is_held(home: Path) -> bool:
    """Say whether somebody holds the lock on a home."""
    try:
        with _file(home).open() as file:
            return not _locked(file.fileno(), fcntl.LOCK_SH)
    except OSError:
        return False


def holder(home: Path) -> str:
    """Return which process holds the lock, and its machine or container unless it is this one."""
    try:
        pid, _, host = _file(home).read_text().partition("@")
    except OSError:
        pid, host = "", ""
    elsewhere = f" on {host}" if host and host != socket.gethostname() else ""
    return f"process {pid or 'unknown'}{elsewhere}"


def _file(home: Path) -> Path:
    return home / "up.lock"


def _locked(descriptor: int, how: int) -> bool:
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
