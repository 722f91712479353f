"""Processes of this machine, identified by number and start time, since numbers are reused."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress

import psutil

#: Start times are relative to the boot time, which the kernel reports to within a second.
SAME_START_SECONDS = 5.0
#: Seconds after which a process that was asked to end is killed.
END_SECONDS = 10.0


def started(pid: int) -> float | None:
    """Return the start time of a process (seconds since 1970), None when it does not run
    any more.
    """
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else float(process.create_time())
    except psutil.Error:
        return None


def runs(pid: int, since: float) -> bool:
    """Return whether the process that started at `since` still runs."""
    born = started(pid)
    return born is not None and abs(born - since) < SAME_START_SECONDS


def mark() -> str:
    """Return a text that identifies this process permanently, also among other machines and
    containers.
    """
    return f"{os.getpid()}@{started(os.getpid())}@{socket.gethostname()}"


def is_elsewhere(marked: str) -> bool:
    """Return whether a text of `mark` is of another machine or container, where it is unknown if it
    runs.
    """
    return marked.rpartition("@")[2] != socket.gethostname()


def alive(marked: str) -> bool:
    """Return whether the process of a `mark` still runs; one on another machine counts as
    running.
    """
    pid, _, rest = marked.partition("@")
    moment, _, host = rest.partition("@")
    try:
        return runs(int(pid), float(moment)) or host not in {"", socket.gethostname()}
    except ValueError:
        return False


def end_groups(leaders: Sequence[subprocess.Popen[bytes]]) -> None:
    """End processes that lead a group, with all processes in it; those that remain are killed."""
    family = [leader.pid for leader in leaders]
    for leader in leaders:
        with suppress(psutil.Error):
            family += [one.pid for one in psutil.Process(leader.pid).children(recursive=True)]
    _signal(leaders, signal.SIGTERM)
    end = time.monotonic() + END_SECONDS
    while any(started(pid) for pid in family) and time.monotonic() < end:
        time.sleep(0.05)
    _signal(leaders, signal.SIGKILL)  # also processes that they started since
    for leader in leaders:
        leader.wait()


def _signal(leaders: Sequence[subprocess.Popen[bytes]], number: signal.Signals) -> None:
    for leader in leaders:
        with suppress(ProcessLookupError):
            os.killpg(leader.pid, number)
