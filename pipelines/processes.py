"""Processes of this machine, told apart by number and start time: a number alone may be somebody else's by now.

Add here: another question about a process. Keep out: starting them (`up.py`).
"""

import os

import psutil

#: Start times are counted from the boot time, which the kernel tells with a second's play.
SAME_START_SECONDS = 5.0


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
    """Return a text that names this process for good."""
    return f"{os.getpid()}@{started(os.getpid())}"


def alive(marked: str) -> bool:
    """Say whether the process that `mark` named still runs."""
    pid, _, moment = marked.partition("@")
    try:
        return runs(int(pid), float(moment))
    except ValueError:
        return False
