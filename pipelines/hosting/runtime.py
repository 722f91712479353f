"""The one `backlog-elt up` of a home: the lock that it holds, in whichever container it runs, and
what it says of itself in `runtime.json`, so that other commands use the same space and servers.

The system releases the lock when the process that took it ends, however it ends; children do not
hold it. Its file stays: who removes a lock file lets two processes hold one each.
"""

import fcntl
import json
import os
import socket
import time
from dataclasses import dataclass, replace
from pathlib import Path

from resources.secret import Secret, reveal
from resources.settings import Settings
from resources.variables import HOME, SettingsError

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
        raise SettingsError(HOME, str(home), expected) from None
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


@dataclass(frozen=True)
class Runtime:
    """What a running `backlog-elt up` says of itself: its process, its UI, its service and its
    simulated space, if it has one.
    """

    pid: int
    dagster_url: str
    service_url: str
    backlog_url: str
    backlog_api_key: str | None

    @classmethod
    def read(cls, home: Path) -> "Runtime | None":
        """Return what the running `up` of this home wrote, None when none runs, or one that has not
        come so far.
        """
        if not is_held(home):
            return None
        try:
            return cls(**json.loads((home / "runtime.json").read_text()))
        except (OSError, ValueError, TypeError):
            return None

    @classmethod
    def of_this_process(
        cls, dagster_url: str, service_url: str, space: Settings, *, simulated: bool
    ) -> "Runtime":
        """Return the runtime of an `up` that runs in this process."""
        # The key of a real space stays in the environment; that of a simulated one opens nothing
        # but itself.
        api_key = reveal(space.backlog_api_key) if simulated else None
        return cls(os.getpid(), dagster_url, service_url, space.backlog_url or "", api_key)

    def write(self, home: Path) -> None:
        """Note the runtime, whole or not at all, readable by its owner only."""
        draft = home / f"runtime.json.{os.getpid()}"
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(self.__dict__))
        draft.replace(home / "runtime.json")

    @staticmethod
    def remove(home: Path) -> None:
        """Forget the runtime when `up` ends."""
        (home / "runtime.json").unlink(missing_ok=True)

    def fill(self, settings: Settings) -> Settings:
        """Return settings with what is unset there and known here: where Dagster is, and the
        simulated space.
        """
        url = settings.dagster_url or self.dagster_url
        if settings.backlog_url is not None or self.backlog_api_key is None:
            return replace(settings, dagster_url=url)
        return replace(
            settings,
            dagster_url=url,
            backlog_url=self.backlog_url,
            backlog_api_key=Secret(self.backlog_api_key),
        )
