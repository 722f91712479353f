"""Processes of this machine, known by number and start time: a number alone may belong to another
process by now.
"""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress

import psutil

#: Start times are counted from the boot time, which the kernel gives to within a second.
SAME_START_SECONDS = 5.0
#: What is asked to end is killed after this time.
END_SECONDS = 10.0


def started(pid: int) -> float | None:
    """Return when a process started (seconds since 1970), None when it does not run any more."""
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else float(process.create_time())
    except psutil.Error:
        return None


def runs(pid: int, since: float) -> bool:
    """Say whether the process that started at `since` still runs."""
    born = started(pid)
    return born is not None and abs(born - since) < SAME_START_SECONDS


def mark() -> str:
    """Return a text that names this process for good, also among those of other machines and
    containers.
    """
    return f"{os.getpid()}@{started(os.getpid())}@{socket.gethostname()}"


def is_elsewhere(marked: str) -> bool:
    """Say whether `mark` has named a process of another machine or container; this machine cannot
    know whether it runs.
    """
    return marked.rpartition("@")[2] != socket.gethostname()


def alive(marked: str) -> bool:
    """Say whether the process that `mark` named still runs; one on another machine counts as
    running.
    """
    pid, _, rest = marked.partition("@")
    moment, _, host = rest.partition("@")
    try:
        return runs(int(pid), float(moment)) or host not in {"", socket.gethostname()}
    except ValueError:
        return False


def end_groups(leaders: Sequence[subprocess.Popen[bytes]]) -> None:
    """End processes of which each leads a group, with all that is in it: killed after a while."""
    family = [leader.pid for leader in leaders]
    for leader in leaders:
        with suppress(psutil.Error):
            family += [one.pid for one in psutil.Process(leader.pid).children(recursive=True)]
    _signal(leaders, signal.SIGTERM)
    end = time.monotonic() + END_SECONDS
    while any(started(pid) for pid in family) and time.monotonic() < end:
        time.sleep(0.05)
    _signal(leaders, signal.SIGKILL)  # also what they have started since
    for leader in leaders:
        leader.wait()


def _signal(leaders: Sequence[subprocess.Popen[bytes]], number: signal.Signals) -> None:
    for leader in leaders:
        with suppress(ProcessLookupError):
            os.killpg(leader.pid, number)
