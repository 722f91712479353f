"""Processes of this machine, told apart by number and start time: a number alone may be somebody else's by now.

Add here: another question about a process. Keep out: starting them (`up.py`).
"""

import os
import socket
from collections.abc import Iterable
from contextlib import suppress

import psutil

#: Start times are counted from the boot time, which the kernel tells with a second's play.
SAME_START_SECONDS = 5.0
#: What is asked to end gets this long before it is made to.
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
    """Return a text that names this process for good, also among those of other machines and containers."""
    return f"{os.getpid()}@{started(os.getpid())}@{socket.gethostname()}"


def alive(marked: str) -> bool:
    """Say whether the process that `mark` named still runs; of one on another machine nobody here knows, so it does."""
    pid, _, rest = marked.partition("@")
    moment, _, host = rest.partition("@")
    try:
        return runs(int(pid), float(moment)) or host not in {"", socket.gethostname()}
    except ValueError:
        return False


def end_processes(pids: Iterable[int]) -> None:
    """End processes and their children: asked first, made to after a while."""
    family: list[psutil.Process] = []
    for pid in pids:
        with suppress(psutil.Error):
            parent = psutil.Process(pid)
            family += [parent, *parent.children(recursive=True)]
    for process in family:
        with suppress(psutil.Error):
            process.terminate()
    _, stubborn = psutil.wait_procs(family, timeout=END_SECONDS)
    for process in stubborn:
        with suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(stubborn, timeout=END_SECONDS)
