"""The lock on a home: at most one `backlog-elt up` at a time, whatever its process number and
whichever container it is in.

The system gives the lock back when the process that took it ends, however it ends. Its children do
not hold it. The file stays: who removes a lock file lets two processes hold one each.
"""

import fcntl
import os
import socket
import time
from dataclasses import dataclass
from pathlib import Path

from resources.variables import SettingsError

#: Commands that ask whether the lock is held hold it themselves for a moment.
PATIENCE_SECONDS = 1.0


@dataclass(frozen=True)
class HomeLock:
    """The lock, held by this process until it ends or closes the file."""

    descriptor: int

    @classmethod
    def take(cls, home: Path) -> "HomeLock | None":
        """Take the lock on a home, which is made where it is missing; return None when somebody
        else holds it.

        Raises:
            SettingsError: the folder cannot be made, or nothing can be written or locked there.
        """
        try:
            home.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(
                _file(home), os.O_RDWR | os.O_CREAT, 0o600
            )  # closed in children, as Python opens files
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
        return cls(descriptor)

    @property
    def mark(self) -> str:
        """A text that names this home on this machine, whatever path leads there."""
        found = os.fstat(self.descriptor)
        return f"{found.st_dev}:{found.st_ino}"

    def release(self) -> None:
        """Give the lock back."""
        os.close(self.descriptor)


def is_held(home: Path) -> bool:
    """Say whether somebody holds the lock on a home."""
    try:
        descriptor = os.open(_file(home), os.O_RDONLY)
    except OSError:
        return False
    try:
        return not _locked(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def holder(home: Path) -> str:
    """Return who holds the lock on a home, for people: the process, and the machine or container
    unless it is this one.
    """
    try:
        pid, _, host = _file(home).read_text().partition("@")
    except OSError:
        pid, host = "", ""
    return f"process {pid or 'unknown'}" + (
        f" on {host}" if host and host != socket.gethostname() else ""
    )


def _file(home: Path) -> Path:
    return home / "up.lock"


def _locked(descriptor: int, how: int) -> bool:
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
