"""The one `backlog-elt up` of a home, in whichever container: it holds a lock on `runtime.json`,
and says there where its servers are, for other commands.

The system releases the lock when the process that took it ends, however it ends; children do not
hold it. The file stays: who removes a lock file lets two processes hold one each.
"""

import fcntl
import json
import os
import socket
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Self, TextIO

from resources.secret import Secret
from resources.settings import Settings
from resources.variables import HOME, SettingsError

#: Commands that ask whether the lock is held hold it themselves for a moment.
PATIENCE_SECONDS = 1.0


@dataclass(frozen=True)
class Runtime:
    """What a running `backlog-elt up` says of itself; of keys only that of a simulated space."""

    pid: int = field(default_factory=os.getpid)
    host: str = field(default_factory=socket.gethostname)
    dagster_url: str = ""
    service_url: str = ""
    backlog_url: str = ""
    backlog_api_key: str | None = None

    @classmethod
    def read(cls, home: Path) -> Self | None:
        """Return what the running `up` of this home says, None when none runs or has started."""
        found = cls.last(home)
        return found if found and found.dagster_url and is_held(home) else None

    @classmethod
    def last(cls, home: Path) -> Self | None:
        """Return what the last `up` of this home has said, whether it still runs or not."""
        try:
            return cls(**json.loads(_file(home).read_text()))
        except (OSError, ValueError, TypeError):
            return None

    @property
    def who(self) -> str:
        """The process, and its machine or container unless it is this one."""
        elsewhere = "" if self.host == socket.gethostname() else f" on {self.host}"
        return f"process {self.pid}{elsewhere}"

    def write(self, lock: TextIO) -> None:
        """Say this to other commands; `lock` is what `take` has returned."""
        lock.seek(0)
        lock.truncate()
        lock.write(json.dumps(asdict(self)))
        lock.flush()

    def fill(self, settings: Settings) -> Settings:
        """Return settings with Dagster's address and the simulated space, where these are unset."""
        filled = replace(settings, dagster_url=settings.dagster_url or self.dagster_url)
        if settings.backlog_url is not None or self.backlog_api_key is None:
            return filled
        key = Secret(self.backlog_api_key)
        return replace(filled, backlog_url=self.backlog_url, backlog_api_key=key)


def take(home: Path) -> TextIO | None:
    """Take the lock on a home, which is made where it is missing, and return the file that holds
    the lock until it is closed; None: somebody else holds it.

    Raises:
        SettingsError: the folder cannot be made, or nothing can be written or locked there.
    """
    try:
        home.mkdir(parents=True, exist_ok=True)
        file = _file(home)
        file.touch(mode=0o600)
        lock = file.open("r+", encoding="utf-8")
        end = time.monotonic() + PATIENCE_SECONDS
        while not _locked(lock, fcntl.LOCK_EX):
            if time.monotonic() > end:
                lock.close()
                return None
            time.sleep(0.05)
        Runtime().write(lock)
    except OSError as error:
        expected = f"a folder that can be created and written to here ({error.strerror})"
        raise SettingsError(HOME, str(home), expected) from None
    return lock


def is_held(home: Path) -> bool:
    """Say whether somebody holds the lock on a home."""
    try:
        with _file(home).open() as file:
            return not _locked(file, fcntl.LOCK_SH)
    except OSError:
        return False


def _file(home: Path) -> Path:
    return home / "runtime.json"


def _locked(file: TextIO, how: int) -> bool:
    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
